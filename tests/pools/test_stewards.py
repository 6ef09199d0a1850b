"""Stewards of a pool and the limits of giving: who sets them, what is refused, what is logged."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.pools import policy, refusals, stewards
from funding.pools.models import GivingPolicy, PoolProfile, PoolSteward
from portal import groups
from tests.factories import pools as make
from tests.factories.home import make_staff, sign_in
from tests.payments.together import at_once, text_of

JANUARY = datetime.date(2026, 1, 1)
JUNE = datetime.date(2026, 6, 1)


@pytest.fixture
def treasurer(client: Client, db: None) -> User:
    with use_case():
        groups.setup_groups()
    return sign_in(client, make_staff(groups.TREASURERS))


def appoint(profile: PoolProfile, name: str = "Grace Banda", **changes: Any) -> PoolSteward:
    values = {"since": JANUARY, "by": None, "organisation": "Ministry of Health"}
    return stewards.appoint(profile, name=name, **{**values, **changes})


def names(profile: PoolProfile, on: datetime.date) -> list[str]:
    return [steward.name for steward in stewards.stewards(profile, on)]


# --- Stewards -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_stewards_are_those_of_the_day() -> None:
    profile, other, alice = make.open_pool(), make.open_pool(), make.make_person()
    first = appoint(profile)
    appoint(other, "Of another pool")
    appoint(profile, "Next One", since=JUNE + datetime.timedelta(days=1))
    stewards.end(first, until=JUNE, by=alice, reason="Another post")
    assert names(profile, JANUARY - datetime.timedelta(days=1)) == []
    assert names(profile, JANUARY) == ["Grace Banda"]
    assert names(profile, JUNE) == ["Grace Banda"]
    assert names(profile, JUNE + datetime.timedelta(days=1)) == ["Next One"]


@pytest.mark.django_db
def test_the_same_steward_is_appointed_once() -> None:
    profile = make.open_pool()
    appoint(profile)
    with pytest.raises(refusals.StewardAlready):
        appoint(profile, "GRACE BANDA", since=JUNE)
    appoint(profile, organisation="Another ministry")
    assert PoolSteward.objects.count() == 2


@pytest.mark.django_db
def test_a_steward_ends_once_and_not_before_the_first_day() -> None:
    steward, alice = appoint(make.open_pool()), make.make_person()
    with pytest.raises(refusals.StewardEndsTooEarly):
        stewards.end(steward, until=JANUARY - datetime.timedelta(days=1), by=alice, reason="A slip")
    stewards.end(steward, until=JANUARY, by=alice, reason="One day")
    with pytest.raises(refusals.StewardEnded):
        stewards.end(steward, until=JUNE, by=alice, reason="Again")
    steward.refresh_from_db()
    assert steward.until == JANUARY


def test_two_appointing_the_same_person_at_once_make_one_row(committed_db: Any) -> None:
    profile = make.open_pool()
    found = at_once(lambda: appoint(profile), lambda: appoint(profile))
    assert sorted(type(one).__name__ for one in found) == ["PoolSteward", "StewardAlready"]
    assert PoolSteward.objects.count() == 1


def test_staff_appoint_and_end_a_steward(client: Client, treasurer: User) -> None:
    profile = make.open_pool()
    form = {
        "profile": profile.pk,
        "name": "Grace Banda",
        "organisation": "Ministry of Health",
        "since": "2026-01-01",
    }
    assert client.post(reverse("pool_stewards:add"), form).status_code == 302
    again = text_of(client.post(reverse("pool_stewards:add"), form))
    assert "Grace Banda is a steward of this pool on that day already." in again
    steward = PoolSteward.objects.get()
    address = reverse("pool_stewards:edit", args=[steward.pk])
    assert "Grace Banda, Core software, since" in text_of(client.get(address))
    assert "Write the reason." in text_of(client.post(address, {"until": "2026-06-01"}))
    client.post(address, {"until": "2026-06-01", "reason": "Another post", "name": "Forged"})
    steward.refresh_from_db()
    assert (steward.until, steward.name) == (JUNE, "Grace Banda")
    assert "Grace Banda" in text_of(client.get(reverse("pool_stewards:index")))
    log = ModelLogEntry.objects.for_instance(steward)
    assert log.get(action="pools.appoint_steward").user == treasurer
    assert log.get(action="pools.end_steward").data["reason"] == "Another post"


# --- Limits of giving -----------------------------------------------------------------------------

LIMITS = {
    "new_currency": "usd",
    "anonymous": "5000",
    "check": "10,000.00",
    "fee_rate": "2.9",
    "fee_fixed": "0.30",
    "reason": "The board decided",
}


def test_limits_are_typed_in_the_currency(client: Client, treasurer: User) -> None:
    assert client.post(reverse("giving_limits:add"), LIMITS).status_code == 302
    found = policy.policy("USD")
    assert (found.anonymous_limit, found.check_limit) == (500_000, 1_000_000)
    assert (found.card_fee_rate, found.card_fee_fixed) == (290, 30)
    log = ModelLogEntry.objects.for_instance(found).get(action="pools.set_limits")
    assert (log.user, log.data["reason"]) == (treasurer, "The board decided")
    assert log.data["before"]["anonymous_limit"] is None
    page = text_of(client.get(reverse("giving_limits:index")))
    assert "$5,000.00" in page
    assert "2.9 % + $0.30" in page


def test_a_currency_without_decimals_is_typed_without(client: Client, treasurer: User) -> None:
    form = {**LIMITS, "new_currency": "UGX", "anonymous": "100000", "check": "", "fee_fixed": ""}
    client.post(reverse("giving_limits:add"), form)
    found = policy.policy("UGX")
    assert (found.anonymous_limit, found.check_limit, found.card_fee_fixed) == (100_000, None, 0)


def test_limits_are_edited_and_emptied(client: Client, treasurer: User) -> None:
    client.post(reverse("giving_limits:add"), LIMITS)
    address = reverse("giving_limits:edit", args=[policy.policy("USD").pk])
    page = client.get(address).content.decode()
    assert 'value="5000"' in page
    assert 'value="2.9"' in page
    client.post(address, {**LIMITS, "anonymous": "", "check": "250"})
    found = policy.policy("USD")
    assert (found.anonymous_limit, found.check_limit) == (None, 25_000)
    assert not policy.needs_check(Money(24_999, "USD"))


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"anonymous": "0"}, "A limit is more than zero"),
        ({"check": "much"}, "“much” is not an amount."),
        ({"fee_rate": "21"}, "Enter a rate from 0 to 20."),
        ({"new_currency": "EUR"}, "EUR has limits already. Edit them in the list."),
        ({"new_currency": "U1D"}, "A currency is three capital letters"),
        ({"reason": ""}, "Write the reason."),
    ],
)
def test_wrong_limits_are_said_and_nothing_is_saved(
    client: Client, treasurer: User, changes: dict[str, str], words: str
) -> None:
    GivingPolicy.objects.create(currency="EUR")
    answer = client.post(reverse("giving_limits:add"), {**LIMITS, **changes})
    assert words in text_of(answer)
    assert GivingPolicy.objects.count() == 1


@pytest.mark.parametrize(
    ("group", "reads"),
    [(groups.AUDITORS, True), (groups.MODERATORS, False), (groups.EDITORS, False)],
)
def test_other_staff_change_nothing(
    client: Client, treasurer: User, group: str, reads: bool
) -> None:
    steward = appoint(make.open_pool())
    limits = GivingPolicy.objects.create(currency="EUR", anonymous_limit=100)
    other = Client()
    sign_in(other, make_staff(group))
    assert (other.get(reverse("pool_stewards:index")).status_code == 200) is reads
    assert (other.get(reverse("giving_limits:index")).status_code == 200) is reads
    ended = {"until": timezone.localdate().isoformat(), "reason": "Not mine"}
    other.post(reverse("pool_stewards:edit", args=[steward.pk]), ended)
    other.post(reverse("giving_limits:edit", args=[limits.pk]), LIMITS)
    other.post(reverse("giving_limits:add"), LIMITS)
    assert PoolSteward.objects.get().until is None
    assert GivingPolicy.objects.get().anonymous_limit == 100
