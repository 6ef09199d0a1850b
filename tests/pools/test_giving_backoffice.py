"""Staff's pages of gifts and checks: what waits, what is recorded, declined or hidden there."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.models import User
from funding.payments.backoffice.panel import needs_of
from funding.pools import checks
from funding.pools.models import DonorCheck, Gift, GivingPolicy
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_staff
from tests.factories.home import sign_in

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def limits() -> GivingPolicy:
    return GivingPolicy.objects.create(currency="USD", check_limit=100_000)


@pytest.fixture
def gift() -> Gift:
    return make.received_gift(giver=make.a_giver(public_name="Grace & Sons"), amount=100_000)


def signed_in(client: Client, group: str = groups.TREASURERS) -> User:
    return sign_in(client, make_staff(group))


def words_of(staff: User) -> list[str]:
    return [need.words for need in needs_of(staff)]


def test_what_waits_is_in_the_panel_and_leaves_it_when_it_is_checked(
    client: Client, gift: Gift
) -> None:
    staff = signed_in(client)
    make.confirmed_pledge(amount=100_000)
    assert "2 large gifts or pledges wait for a check" in words_of(staff)
    page = client.get(reverse("pools_checks:waiting")).content.decode()
    assert reverse("pools_checks:new", args=["gift", gift.pk]) in page
    for kind in ("source", "sanctions"):
        checks.record_check(
            gift.donor, kind=kind, outcome="clear", looked_at="A list.", by=staff, gift=gift
        )
    assert "1 large gift or pledge waits for a check" in words_of(staff)


def test_an_auditor_reads_what_waits_and_records_nothing(client: Client, gift: Gift) -> None:
    staff = signed_in(client, groups.AUDITORS)
    assert not [words for words in words_of(staff) if "check" in words]
    page = client.get(reverse("pools_checks:waiting"))
    assert page.status_code == 200
    new = reverse("pools_checks:new", args=["gift", gift.pk])
    assert new not in page.content.decode()
    assert client.get(new).status_code == 403
    assert client.post(new, CHECK).status_code == 403
    assert not DonorCheck.objects.exists()


CHECK = {"kind": "source", "outcome": "clear", "looked_at": "Annual report 2025", "note": ""}


def test_a_check_is_recorded_on_its_page(client: Client, gift: Gift) -> None:
    staff = signed_in(client)
    address = reverse("pools_checks:new", args=["gift", gift.pk])
    assert "Grace Giver" in client.get(address).content.decode()
    sent = client.post(address, CHECK)
    assert sent.status_code == 302
    check = DonorCheck.objects.get()
    assert (check.gift, check.donor, check.checked_by) == (gift, gift.donor, staff)
    page = client.get(reverse("gifts:inspect", args=[gift.pk])).content.decode()
    assert "Annual report 2025" in page
    assert client.get(reverse("pools_checks:index")).status_code == 200
    assert client.get(reverse("pools_checks:inspect", args=[check.pk])).status_code == 200


@pytest.mark.parametrize("of", ["pledge", "donor"])
def test_a_pledge_and_a_donor_as_such_can_be_checked_too(client: Client, of: str) -> None:
    signed_in(client)
    pledge = make.confirmed_pledge(amount=100_000)
    pk = pledge.pk if of == "pledge" else pledge.donor_id
    assert client.post(reverse("pools_checks:new", args=[of, pk]), CHECK).status_code == 302
    check = DonorCheck.objects.get()
    assert check.donor == pledge.donor
    assert check.pledge == (pledge if of == "pledge" else None)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"kind": ""}, "Choose what was checked."),
        ({"kind": "rumour"}, "rumour"),
        ({"outcome": ""}, "Choose what was found."),
        ({"looked_at": " "}, "Write what you looked at"),
        ({"outcome": "concern"}, "Write what the concern is"),
    ],
)
def test_half_a_check_is_refused_at_its_field_and_what_was_typed_stays(
    client: Client, gift: Gift, changes: dict[str, str], words: str
) -> None:
    signed_in(client)
    typed = {**CHECK, **changes}
    page = client.post(reverse("pools_checks:new", args=["gift", gift.pk]), typed)
    assert page.status_code == 200
    assert words in page.content.decode()
    if typed["looked_at"].strip():
        assert "Annual report 2025" in page.content.decode()
    assert not DonorCheck.objects.exists()


@pytest.mark.parametrize("of", ["gift", "pledge", "donor", "rumour"])
def test_a_check_of_what_is_not_there_is_not_found(client: Client, of: str) -> None:
    signed_in(client)
    assert client.get(reverse("pools_checks:new", args=[of, 999_999])).status_code == 404


def post(client: Client, gift: Gift, **typed: str) -> Any:
    return client.post(reverse("gifts:inspect", args=[gift.pk]), typed, follow=True)


def test_a_gift_is_declined_on_its_page(client: Client, gift: Gift) -> None:
    staff = signed_in(client)
    address = reverse("gifts:inspect", args=[gift.pk])
    assert "Decline the gift" in client.get(address).content.decode()
    refused = post(client, gift, act="decline", reason=" ").content.decode()
    assert "Write the reason." in refused
    page = post(client, gift, act="decline", reason="On a list.").content.decode()
    gift.refresh_from_db()
    assert (gift.declined_by, gift.decline_reason) == (staff, "On a list.")
    assert "The gift is declined." in page
    assert 'value="decline"' not in page
    # The refund is not asked for before the job ran, so the money waits.
    assert "1 declined gift is still to be given back" in words_of(staff)
    waiting = client.get(reverse("pools_checks:waiting")).content.decode()
    assert "Declined, and still to be given back" in waiting


def test_a_name_is_hidden_on_its_page(client: Client, gift: Gift) -> None:
    signed_in(client)
    page = post(client, gift, act="hide", reason="Not theirs.").content.decode()
    gift.refresh_from_db()
    assert gift.anonymous
    assert "The name is hidden." in page
    assert 'value="hide"' not in page


def test_the_name_of_a_pledge_is_hidden_on_its_page_by_who_may(client: Client) -> None:
    pledge = make.confirmed_pledge(public_name="An insult")
    address = reverse("pledges:inspect", args=[pledge.pk])
    for group, hidden in ((groups.AUDITORS, False), (groups.TREASURERS, True)):
        signed_in(client, group)
        assert ('value="hide"' in client.get(address).content.decode()) is hidden
        client.post(address, {"act": "hide", "reason": " "})
        pledge.refresh_from_db()
        assert not pledge.anonymous
        page = client.post(address, {"act": "hide", "reason": "Not theirs."}, follow=True)
        pledge.refresh_from_db()
        assert (pledge.anonymous, pledge.public_name == "") == (hidden, hidden)
        client.logout()
    assert "The name is hidden. The pledge shows as anonymous." in page.content.decode()
    assert 'value="hide"' not in page.content.decode()


@pytest.mark.parametrize("act", ["decline", "hide"])
def test_an_auditor_reads_the_page_and_changes_nothing(
    client: Client, gift: Gift, act: str
) -> None:
    signed_in(client, groups.AUDITORS)
    page = client.get(reverse("gifts:inspect", args=[gift.pk]))
    assert page.status_code == 200
    assert f'value="{act}"' not in page.content.decode()
    assert post(client, gift, act=act, reason="Because.").status_code == 403
    gift.refresh_from_db()
    assert (gift.declined_at, gift.anonymous) == (None, False)


def test_editors_do_not_read_gifts(client: Client, gift: Gift) -> None:
    signed_in(client, groups.EDITORS)
    for address in (
        reverse("gifts:inspect", args=[gift.pk]),
        reverse("pools_checks:waiting"),
    ):
        assert client.get(address).status_code in (302, 403)


def test_the_list_of_gifts_shows_them(client: Client, gift: Gift) -> None:
    signed_in(client)
    content = client.get(reverse("gifts:index")).content.decode()
    assert "$1,000.00" in content
    assert "Grace Giver" in content
