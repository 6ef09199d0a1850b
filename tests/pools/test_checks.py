"""Looking at where large gifts come from: what waits, what clears it, and who may write it down."""

import datetime
import uuid
from typing import Any

import pytest
import time_machine
from django.db import DatabaseError, transaction
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.money import Money
from core.transactions import use_case
from funding.payments import expected
from funding.payments.models import ExpectedPayment
from funding.pools import checks, gifts, policy, refusals
from funding.pools.models import DonorCheck, Gift, GivingPolicy, Pledge
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_account, make_staff

pytestmark = pytest.mark.django_db

LIMIT = 100_000


@pytest.fixture(autouse=True)
def limits() -> GivingPolicy:
    return GivingPolicy.objects.create(currency="USD", check_limit=LIMIT)


def look(kind: str, outcome: str = "clear", **changes: Any) -> DonorCheck:
    values: dict[str, Any] = {
        "kind": kind,
        "outcome": outcome,
        "looked_at": "UN list of 2026-11-01",
        "note": "Same name." if outcome == "concern" else "",
    }
    by = changes.pop("by", None) or make_staff()
    thing = changes.get("gift") or changes.get("pledge")
    donor = changes.pop("donor", None) or thing.donor
    return checks.record_check(donor, by=by, **{**values, **changes})


def clear(**changes: Any) -> None:
    for kind in ("source", "sanctions"):
        look(kind, **changes)


@pytest.mark.parametrize(("amount", "wanted"), [(99_999, False), (100_000, True), (100_001, True)])
def test_from_the_limit_itself_on_a_gift_is_looked_at(amount: int, wanted: bool) -> None:
    assert policy.needs_check(Money(amount, "USD")) is wanted
    make.received_gift(amount=amount)
    assert checks.unchecked_gifts().exists() is wanted


def test_without_a_limit_in_the_currency_nothing_waits(limits: GivingPolicy) -> None:
    make.received_gift(amount=LIMIT)
    assert not policy.needs_check(Money(10**9, "EUR"))
    limits.check_limit = None
    limits.save()
    assert not checks.unchecked_gifts().exists()


@pytest.mark.parametrize(
    ("looks", "waits"),
    [
        ([], True),
        ([("source", "clear")], True),
        ([("sanctions", "clear")], True),
        ([("source", "clear"), ("sanctions", "clear")], False),
        ([("source", "clear"), ("sanctions", "concern")], True),
        ([("source", "concern"), ("sanctions", "concern")], True),
        ([("source", "clear"), ("sanctions", "concern"), ("sanctions", "clear")], False),
        ([("source", "clear"), ("sanctions", "clear"), ("source", "concern")], True),
    ],
)
def test_a_gift_waits_until_the_last_look_of_either_kind_is_clear(
    looks: list[tuple[str, str]], waits: bool
) -> None:
    gift = make.received_gift(amount=LIMIT)
    for kind, outcome in looks:
        look(kind, outcome, gift=gift)
    assert checks.unchecked_gifts().exists() is waits


def test_a_look_at_one_gift_says_nothing_of_another() -> None:
    user = make.make_person()
    first = make.received_gift(giver=make.a_giver(user), amount=LIMIT)
    second = make.received_gift(giver=make.a_giver(user), amount=LIMIT)
    clear(gift=first)
    assert list(checks.unchecked_gifts()) == [second]


@pytest.mark.parametrize(("days", "waits"), [(0, False), (364, False), (366, True)])
def test_a_look_at_a_donor_as_such_holds_for_a_year(days: int, waits: bool) -> None:
    user = make.make_person()
    donor = make.received_gift(giver=make.a_giver(user), amount=1_000).donor
    clear(donor=donor)
    with time_machine.travel(timezone.now() + datetime.timedelta(days=days), tick=False):
        make.received_gift(giver=make.a_giver(user), amount=LIMIT)
        assert checks.unchecked_gifts().exists() is waits


def test_a_look_at_somebody_else_clears_nothing() -> None:
    make.received_gift(amount=LIMIT)
    clear(donor=make.received_gift(amount=1_000).donor)
    assert checks.unchecked_gifts().count() == 1


def test_a_card_payment_that_was_never_made_waits_for_nothing() -> None:
    make.begun_gift(amount=LIMIT)
    assert not checks.unchecked_gifts().exists()


def test_a_promised_transfer_waits_until_it_is_withdrawn() -> None:
    make_account("USD")
    gifts.promise_gift(
        make.a_giver(),
        profile=make.open_pool(),
        amount=Money(LIMIT, "USD"),
        channel=None,
        language="en",
        form_token=uuid.uuid4(),
    )
    assert checks.unchecked_gifts().count() == 1
    with use_case():
        expected.withdraw(ExpectedPayment.objects.get(), by=None, reason="Given up.")
    assert not checks.unchecked_gifts().exists()


def test_a_large_pledge_waits_too_while_it_stands() -> None:
    make.draft_pledge(amount=LIMIT)
    assert not checks.unchecked_pledges().exists()
    pledge = make.confirmed_pledge(amount=LIMIT)
    make.confirmed_pledge(amount=LIMIT - 2)
    assert list(checks.unchecked_pledges()) == [pledge]
    clear(pledge=pledge)
    assert not checks.unchecked_pledges().exists()
    other = make.confirmed_pledge(amount=LIMIT)
    Pledge.objects.filter(pk=other.pk).update(cancelled_at=timezone.now())
    assert not checks.unchecked_pledges().exists()


def test_what_is_recorded_says_who_when_and_at_what() -> None:
    gift, staff = make.received_gift(amount=LIMIT), make_staff()
    before = timezone.now()
    check = look("sanctions", "concern", gift=gift, by=staff, looked_at="  EU list  ", note=" Hm. ")
    assert (check.checked_by, check.looked_at, check.note) == (staff, "EU list", "Hm.")
    assert (check.donor, check.gift, check.pledge) == (gift.donor, gift, None)
    assert before <= check.checked_at <= timezone.now()
    (entry,) = ModelLogEntry.objects.for_instance(gift).filter(action="pools.check_donor")
    assert entry.user == staff
    assert entry.data["outcome"] == "concern"


def test_a_check_stands_as_it_was_written() -> None:
    check = look("source", gift=make.received_gift(amount=LIMIT))
    for change in (
        lambda: DonorCheck.objects.filter(pk=check.pk).update(outcome="concern"),
        lambda: DonorCheck.objects.filter(pk=check.pk).delete(),
    ):
        with pytest.raises(DatabaseError, match="stands as it was written"), transaction.atomic():
            change()


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"looked_at": "  "}, refusals.LookedAtMissing),
        ({"outcome": "concern", "note": " "}, refusals.ConcernWithoutNote),
        ({"group": groups.AUDITORS}, refusals.NotPermitted),
    ],
)
def test_half_a_record_or_one_without_the_right_is_refused(
    changes: dict[str, Any], refusal: type[Exception]
) -> None:
    gift = make.received_gift(amount=LIMIT)
    by = make_staff(changes.pop("group", groups.TREASURERS))
    with pytest.raises(refusal):
        look("source", gift=gift, by=by, **changes)
    assert not DonorCheck.objects.exists()


def test_nobody_checks_their_own_giving() -> None:
    staff = make_staff()
    gift = make.received_gift(giver=make.a_giver(staff), amount=LIMIT)
    with pytest.raises(refusals.OwnGiving):
        look("source", gift=gift, by=staff)


def test_a_check_never_names_a_gift_of_another_donor() -> None:
    gift, other = make.received_gift(amount=LIMIT), make.received_gift(amount=LIMIT)
    with pytest.raises(ValueError, match="is not of donor"):
        look("source", gift=gift, donor=other.donor)


def test_the_list_takes_one_query_however_long_it_is(django_assert_num_queries: Any) -> None:
    for _ in range(3):
        look("source", gift=make.received_gift(amount=LIMIT))
    with django_assert_num_queries(1):
        found = {gift.pk: gift.source_look for gift in checks.unchecked_gifts()}  # type: ignore[attr-defined]
    assert found == dict.fromkeys(Gift.objects.values_list("pk", flat=True), "clear")
