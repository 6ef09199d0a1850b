"""No list of giving asks the database once more for each row."""

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from funding.pools.models import PoolSteward
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.pools import confirmed_pledge, draft_pledge, make_person, received_gift

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
LISTS = ("gifts", "pledges", "donors", "pools_checks", "pool_stewards")


def fill(rows: int) -> None:
    for _row in range(rows):
        received_gift()
        draft_pledge()
        pledge = confirmed_pledge(make_person())
        PoolSteward.objects.create(
            profile=pledge.pool.profile, name="A steward", since=pledge.created_at.date()
        )


def asked(client: Client) -> dict[str, int]:
    found = {}
    for name in LISTS:
        page = reverse(f"{name}:index")
        client.get(page)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(page).status_code == 200
        found[name] = len(captured)
    return found


def test_no_list_asks_more_for_more_rows(client: Client) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    fill(2)
    few = asked(client)
    fill(5)
    assert asked(client) == few
