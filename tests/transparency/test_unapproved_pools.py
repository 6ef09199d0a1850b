"""A pool whose terms nobody has approved yet stands in no public list; its money would."""

import pytest
from django.urls import reverse

from funding.pools.models import PoolProfile
from funding.transparency import public_pools, urls
from funding.transparency.api import urls as api_urls
from tests.factories.ledger import gift_entry, post_now
from tests.factories.pools import open_pool

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft():
    profile = open_pool("unapproved", title="Unapproved pool")
    PoolProfile.objects.filter(pk=profile.pk).update(live=False)
    return profile.pool


def test_it_is_in_no_list_and_not_in_the_api(client, draft):
    assert "unapproved" not in client.get(reverse("ledger")).content.decode()
    assert "unapproved" not in client.get(reverse("api:pools")).content.decode()
    assert client.get(reverse("api:pool_figures", args=["unapproved"])).status_code == 404


def of_one_pool():
    """Every public address that names a pool by its code."""
    arguments = {"code": "unapproved", "month": "2026-03", "flow": "came"}
    for prefix, patterns in (("", urls.urlpatterns), ("api:", api_urls.urlpatterns)):
        for pattern in patterns:
            names = pattern.pattern.converters.keys()
            if "code" in names:
                kwargs = {name: arguments[name] for name in names}
                yield reverse(f"{prefix}{pattern.name}", kwargs=kwargs)
    yield reverse("api:entries") + "?pool=unapproved"


def test_none_of_its_addresses_answers(client, draft):
    addresses = list(of_one_pool())
    assert len(addresses) > 12
    assert {a: client.get(a).status_code for a in addresses} == dict.fromkeys(addresses, 404)


def test_a_pool_that_is_open_to_the_public_answers_before_any_money_came(client):
    open_pool("unapproved")
    answers = {address: client.get(address).status_code for address in of_one_pool()}
    there = {address for address, status in answers.items() if status == 200}
    parts = ("entries/", "entries.csv", "entries.beancount", "statements/", "donors/", "badge.svg")
    assert {f"/pools/unapproved/{part}" for part in parts} < there


def test_with_money_it_is_listed_so_that_the_sums_are_right_but_without_its_terms(client, draft):
    post_now(gift_entry(draft, 1_000, 0))
    assert "unapproved" in client.get(reverse("ledger")).content.decode()
    ((pool, terms, figures),) = public_pools.public_pools()
    assert (pool, terms, figures["received"]) == (draft, None, 1_000)
