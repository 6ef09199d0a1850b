"""What is owed of a pledge: conditions, milestones, parts, changes and write-offs, and the books."""

import datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import IntegrityError
from django.utils import timezone

from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import use_case
from funding.ledger import queries as ledger
from funding.payments.invoices import BillTo
from funding.payments.models import ExpectedPayment, Payment
from funding.pools import instalments, pledge_changes, queries, refusals
from funding.pools.models import Instalment, InstalmentPayment, Pledge, PledgeChange
from funding.pools.schedules import Part
from tests.factories import pools as make
from tests.factories.banking import make_account
from tests.pools.test_pledges import in_threads

S = Pledge.Status
I = Instalment.Status  # noqa: E741
REASON = "As agreed in the letter of 3 May."


@pytest.fixture
def now() -> Any:
    with time_machine.travel("2027-03-01 09:00Z", tick=False) as moved:
        yield moved


def day(count: int) -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=count)


def treasurer() -> User:
    user = make.make_person()
    user.user_permissions.set(
        Permission.objects.filter(
            content_type__app_label="pools",
            codename__in=["change_pledge", "write_off_pledge", "add_pledgeagreement"],
        )
    )
    return User.objects.get(pk=user.pk)


def pledged(*parts: Part, **changes: Any) -> Pledge:
    parts = parts or (Part(day(0), 50_000), Part(day(60), 50_000))
    changes.setdefault("binding", True)
    return make.confirmed_pledge(
        amount=sum(part.amount for part in parts), parts=list(parts), **changes
    )


def usd(amount: int) -> Money:
    return Money(amount, "USD")


def owed(pledge: Pledge) -> int:
    return ledger.balances(pledge.pool, "USD").get("contributions-receivable", 0)


def fresh(pledge: Pledge) -> Pledge:
    return Pledge.objects.select_related("pool__profile", "donor").get(pk=pledge.pk)


# --- Conditions -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_conditional_pledge_is_booked_when_its_condition_is_met_for_what_is_outstanding(
    now: Any,
) -> None:
    pledge = pledged(condition="The ministry pays the same.")
    assert owed(pledge) == 0
    make.received_instalment(pledge, 1)
    assert ledger.balances(pledge.pool, "USD")["contributions"] == -50_000
    for _ in range(2):
        pledge_changes.meet_condition(pledge, on=day(0), by=treasurer(), note=REASON)
    assert owed(pledge) == 50_000
    make.received_instalment(pledge, 2)
    assert owed(pledge) == 0
    assert ledger.figures(pledge.pool, "USD")["received"] == 100_000


@pytest.mark.django_db
def test_a_conditional_intent_is_never_booked(now: Any) -> None:
    pledge = pledged(condition="The law passes.", binding=False)
    pledge_changes.meet_condition(pledge, on=day(0), by=treasurer(), note=REASON)
    assert ledger.balances(pledge.pool, "USD") == {}


@pytest.mark.django_db
def test_what_came_before_the_condition_was_met_and_goes_back_is_owed_again(now: Any) -> None:
    pledge = pledged(condition="The law passes.")
    _part, payment = make.begun_instalment(pledge)
    make.pay(payment)
    pledge_changes.meet_condition(pledge, on=day(0), by=treasurer(), note=REASON)
    with use_case():
        instalments.take_back(payment, 20_000)
    assert owed(pledge) == 70_000 == fresh(pledge).outstanding.amount


@pytest.mark.django_db
def test_an_entry_that_comes_after_the_condition_was_met_stays_a_gift(now: Any) -> None:
    """A card payment is received at once and booked when the processor has settled it."""
    pledge = pledged(condition="The law passes.")
    part = pledge.instalments.get(number=1)
    payment = instalments.begin_instalment_payment(part, user=pledge.donor.user, language="en")
    make_paid_not_settled(payment)
    pledge_changes.meet_condition(pledge, on=day(0), by=treasurer(), note=REASON)
    make.pay(payment)
    assert owed(pledge) == 50_000 == fresh(pledge).outstanding.amount


def make_paid_not_settled(payment: Payment) -> None:
    from funding.payments import progress
    from tests.factories.payments import state

    with use_case():
        progress.apply(payment.pk, state(payment, "paid"))


@pytest.mark.django_db
def test_instalments_past_when_the_condition_is_met_are_due_a_month_later(now: Any) -> None:
    pledge = pledged(
        Part(day(1), 10_000), Part(day(2), 10_000), Part(day(90), 10_000), condition="X."
    )
    now.shift(datetime.timedelta(days=40))
    assert {part.status(day(0)) for part in fresh(pledge).parts} == {I.NOT_DUE}
    pledge_changes.meet_condition(pledge, on=day(-3), by=treasurer(), note=REASON)
    assert [part.due_on for part in fresh(pledge).parts] == [day(30), day(31), day(50)]


REFUSED: list[tuple[dict[str, Any], int, type[Refusal]]] = [
    ({}, 0, refusals.PledgeHasNoCondition),
    ({"condition": "X."}, 1, refusals.MetInFuture),
    ({"condition": "X."}, -1, refusals.MetBeforePledge),
]


@pytest.mark.parametrize(("changes", "on", "refusal"), REFUSED)
@pytest.mark.django_db
def test_a_condition_that_cannot_be_met_is_refused(
    now: Any, changes: dict[str, Any], on: int, refusal: type[Refusal]
) -> None:
    with pytest.raises(refusal):
        pledge_changes.meet_condition(pledged(**changes), on=day(on), by=treasurer(), note=REASON)


# --- Milestones -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_instalment_waits_for_its_milestone_and_is_due_a_month_after_it(now: Any) -> None:
    pledge = pledged(Part(day(5), 10_000), Part(day(30), 20_000, "Release 1"))
    assert owed(pledge) == 30_000
    make.received_instalment(pledge, 1)
    now.shift(datetime.timedelta(days=800))
    part = fresh(pledge).parts[1]
    assert part.status(day(0)) == I.NOT_DUE
    assert fresh(pledge).status(day(0)) == S.IN_PROGRESS
    assert queries.promises(pledge.pool).later == 20_000
    for _ in range(2):
        pledge_changes.meet_milestone(part, on=day(-1), by=treasurer(), note=REASON)
    part = fresh(pledge).parts[1]
    assert (part.due_on, part.status(day(0)), part.status(day(31))) == (day(30), I.DUE, I.OVERDUE)
    assert PledgeChange.objects.count() == 1


@pytest.mark.django_db
def test_two_milestones_met_on_one_day_fall_due_on_two(now: Any) -> None:
    pledge = pledged(Part(day(5), 10_000, "A"), Part(day(6), 20_000, "B"))
    for part in pledge.parts:
        pledge_changes.meet_milestone(part, on=day(0), by=treasurer(), note=REASON)
    assert [part.due_on for part in fresh(pledge).parts] == [day(30), day(31)]


@pytest.mark.django_db
def test_an_instalment_without_a_milestone_waits_for_none(now: Any) -> None:
    with pytest.raises(refusals.NoMilestone):
        pledge_changes.meet_milestone(pledged().parts[0], on=day(0), by=treasurer(), note=REASON)


# --- Paying in part, and by others ----------------------------------------------------------------


@pytest.mark.django_db
def test_an_instalment_is_paid_in_parts(now: Any) -> None:
    pledge = pledged()
    part, user = pledge.parts[0], pledge.donor.user
    first = instalments.begin_instalment_payment(part, user=user, language="en", amount=usd(20_000))
    make.pay(first)
    part.refresh_from_db()
    assert (part.received_amount, owed(pledge)) == (20_000, 80_000)
    rest = instalments.begin_instalment_payment(part, user=user, language="en")
    assert rest.amount == 30_000
    make.pay(rest)
    part.refresh_from_db()
    assert (part.status(day(100)), owed(pledge)) == (I.RECEIVED, 50_000)


@pytest.mark.parametrize(
    ("amount", "refusal"),
    [(50_001, refusals.MoreThanOutstanding), (0, refusals.PartTooSmall)],
)
@pytest.mark.django_db
def test_a_part_is_above_zero_and_within_what_is_to_come(
    now: Any, amount: int, refusal: type[Refusal]
) -> None:
    pledge = pledged()
    money = usd(amount)
    if not amount:
        money = Money(-1, "USD")
    with pytest.raises(refusal):
        instalments.begin_instalment_payment(
            pledge.parts[0], user=pledge.donor.user, language="en", amount=money
        )


@pytest.mark.django_db
def test_of_two_payments_that_bring_too_much_the_rest_is_a_gift_and_goes_back_first(
    now: Any,
) -> None:
    pledge = pledged()
    part, user = pledge.parts[0], pledge.donor.user
    whole = instalments.begin_instalment_payment(part, user=user, language="en")
    some = instalments.begin_instalment_payment(part, user=user, language="en", amount=usd(20_000))
    make.pay(some)
    make.pay(whole)
    part.refresh_from_db()
    paid = InstalmentPayment.objects.get(payment=whole)
    assert (part.received_amount, paid.amount, paid.beside) == (50_000, 30_000, 20_000)
    assert owed(pledge) == 50_000
    assert ledger.figures(pledge.pool, "USD")["received"] == 70_000
    for back, received in ((15_000, 50_000), (10_000, 45_000)):
        with use_case():
            instalments.take_back(whole, back)
        part.refresh_from_db()
        assert part.received_amount == received
    with use_case():
        instalments.keep_after_all(whole, 25_000)
    part.refresh_from_db()
    paid.refresh_from_db()
    assert (part.received_amount, paid.amount + paid.beside) == (50_000, 50_000)


@pytest.mark.django_db
def test_another_payer_is_asked_and_all_requests_together_for_no_more_than_is_to_come(
    now: Any,
) -> None:
    make_account("USD")
    pledge = pledged()
    part, user = pledge.parts[0], pledge.donor.user
    act: dict[str, Any] = {"user": user, "language": "en"}
    other = BillTo(name="A fund", email="pay@fund.example")

    def ask(amount: int | None = None, payer: BillTo | None = other) -> ExpectedPayment:
        money = usd(amount) if amount else None
        return instalments.expect_instalment(
            part, payer=payer, amount=money, purchase_order="PO 7", **act
        )

    theirs = ask(30_000)
    assert theirs == ask(30_000)
    assert (theirs.user, theirs.payer_name, theirs.purchase_order) == (None, "A fund", "PO 7")
    with pytest.raises(refusals.AskedForMoreThanLeft):
        ask(20_001, payer=BillTo(name="Another", email="pay@another.example"))
    own = instalments.expect_instalment(part, **act)
    assert (own.amount, own.user) == (20_000, user)
    with pytest.raises(refusals.AskedForAlready):
        ask(payer=BillTo(name="Third", email="pay@third.example"))
    instalments.withdraw_request(theirs, by=user)
    assert ask(10_000, payer=BillTo(name="Third", email="pay@third.example"))


@pytest.mark.django_db
def test_a_donor_cannot_flood_others_with_requests(now: Any) -> None:
    make_account("USD")
    pledge = pledged()

    def ask(number: int) -> None:
        instalments.expect_instalment(
            pledge.parts[0],
            user=pledge.donor.user,
            language="en",
            amount=usd(1_000),
            payer=BillTo(name=f"N{number}", email=f"n{number}@example.org"),
        )

    for number in range(instalments.MOST_REQUESTS_A_DAY):
        ask(number)
    with pytest.raises(refusals.TooManyRequests):
        ask(instalments.MOST_REQUESTS_A_DAY)


# --- Changes --------------------------------------------------------------------------------------


def change(pledge: Pledge, amount: int, *parts: Part, **more: Any) -> Pledge:
    more = {"by": treasurer(), "reason": REASON, **more}
    return pledge_changes.change_pledge(pledge, amount=usd(amount), parts=parts, **more)


@pytest.mark.parametrize(
    ("amount", "parts", "owed_after"),
    [
        (150_000, [(60, 100_000)], 100_000),
        (60_000, [(90, 10_000)], 10_000),
        (100_000, [(0, 25_000), (90, 25_000)], 50_000),
        (50_000, [], 0),
    ],
)
@pytest.mark.django_db
def test_a_change_keeps_what_came_and_books_the_difference(
    now: Any, amount: int, parts: list[tuple[int, int]], owed_after: int
) -> None:
    pledge = pledged()
    make.received_instalment(pledge, 1)
    changed = change(pledge, amount, *[Part(day(count), part) for count, part in parts])
    assert changed.amount == amount
    assert changed.received == usd(50_000)
    assert owed(pledge) == owed_after == changed.outstanding.amount
    kept = PledgeChange.objects.get()
    assert (kept.before["amount"], kept.after["amount"], kept.reason) == (100_000, amount, REASON)
    with pytest.raises(IntegrityError):
        PledgeChange.objects.update(reason="Another.")


@pytest.mark.django_db
def test_money_for_an_instalment_that_was_taken_away_still_counts(now: Any) -> None:
    pledge = pledged()
    second = pledge.parts[1]
    payment = instalments.begin_instalment_payment(second, user=pledge.donor.user, language="en")
    changed = change(pledge, 50_000, Part(day(0), 50_000))
    assert len(changed.parts) == 1
    with pytest.raises(refusals.InstalmentTakenAway):
        instalments.begin_instalment_payment(second, user=pledge.donor.user, language="en")
    make.pay(payment)
    assert owed(pledge) == 50_000
    assert ledger.figures(pledge.pool, "USD")["received"] == 50_000
    assert fresh(pledge).outstanding == usd(50_000)


CHANGES: list[tuple[int, list[tuple[int, int]], type[Refusal]]] = [
    (100_000, [(60, 50_000)], refusals.NothingChanged),
    (40_000, [], refusals.AmountBelowReceived),
    (90_000, [(60, 50_000)], refusals.InstalmentsDoNotAddUp),
    (90_000, [], refusals.NoInstalments),
    (100_000, [(-1, 50_000)], refusals.InstalmentInThePast),
    (100_000, [(9, 25_000), (9, 25_000)], refusals.SameDayTwice),
]


@pytest.mark.parametrize(("amount", "parts", "refusal"), CHANGES)
@pytest.mark.django_db
def test_a_change_that_cannot_be_is_refused(
    now: Any, amount: int, parts: list[tuple[int, int]], refusal: type[Refusal]
) -> None:
    pledge = pledged()
    make.received_instalment(pledge, 1)
    with pytest.raises(refusal):
        change(pledge, amount, *[Part(day(count), part) for count, part in parts])
    assert not PledgeChange.objects.exists()


@pytest.mark.django_db
def test_changes_want_a_right_and_a_reason(now: Any) -> None:
    pledge = pledged(condition="X.")
    with pytest.raises(refusals.NotForYou):
        change(pledge, 50_000, Part(day(9), 50_000), by=pledge.donor.user)
    with pytest.raises(refusals.PledgeReasonWanted):
        change(pledge, 50_000, Part(day(9), 50_000), reason="  ")
    with pytest.raises(refusals.NotForYou):
        pledge_changes.write_off_pledge(pledge, by=pledge.donor.user, reason=REASON)
    with pytest.raises(refusals.NotForYou):
        pledge_changes.meet_condition(pledge, on=day(0), by=pledge.donor.user, note=REASON)


@pytest.mark.django_db
def test_a_change_withdraws_requests_that_ask_for_too_much(now: Any) -> None:
    make_account("USD")
    pledge = pledged()
    for part in pledge.parts:
        instalments.expect_instalment(part, user=pledge.donor.user, language="en")
    change(pledge, 70_000, Part(day(0), 50_000), Part(day(60), 20_000))
    assert ExpectedPayment.objects.get(withdrawn_at=None).purpose_id == pledge.parts[0].pk


# --- Giving up ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_write_off_is_a_loss_once_and_money_that_comes_after_is_a_gift(now: Any) -> None:
    pledge = pledged()
    payment = instalments.begin_instalment_payment(
        pledge.parts[0], user=pledge.donor.user, language="en"
    )
    for _ in range(2):
        pledge_changes.write_off_pledge(pledge, by=treasurer(), reason=REASON)
    balances = ledger.balances(pledge.pool, "USD")
    assert (balances["write-offs"], owed(pledge)) == (100_000, 0)
    assert fresh(pledge).status(day(0)) == S.WRITTEN_OFF
    assert queries.promises(pledge.pool) == queries.Promises(currency="USD")
    with pytest.raises(refusals.PledgeWrittenOff):
        make.begun_instalment(pledge, 2)
    make.pay(payment)
    assert owed(pledge) == 0
    assert ledger.figures(pledge.pool, "USD")["received"] == 50_000
    assert fresh(pledge).received == usd(50_000)
    assert queries.promises(pledge.pool).received == 50_000


@pytest.mark.django_db
def test_a_refund_after_a_write_off_leaves_no_debt(now: Any) -> None:
    pledge = pledged()
    _part, payment = make.begun_instalment(pledge)
    make.pay(payment)
    pledge_changes.write_off_pledge(pledge, by=treasurer(), reason=REASON)
    # The refund's own entry puts what it takes back on the debt again.
    with use_case():
        from funding.ledger import templates
        from funding.ledger.posting import post

        post(
            templates.refunded(
                amount=50_000,
                paid="instalment",
                place="bank",
                unearned=0,
                key="refund:1",
                pool=pledge.pool.code,
                currency="USD",
                date=day(0),
            )
        )
        instalments.take_back(payment, 50_000)
    assert owed(pledge) == 0


@pytest.mark.django_db
def test_an_intent_is_written_off_without_an_entry_and_a_fulfilled_pledge_is_not(now: Any) -> None:
    intent = pledged(binding=False)
    pledge_changes.write_off_pledge(intent, by=treasurer(), reason=REASON)
    assert ledger.balances(intent.pool, "USD") == {}
    fulfilled = pledged(Part(day(0), 10_000))
    make.received_instalment(fulfilled)
    with pytest.raises(refusals.PledgeFulfilled):
        pledge_changes.write_off_pledge(fulfilled, by=treasurer(), reason=REASON)
    with pytest.raises(refusals.PledgeNotConfirmed):
        pledge_changes.write_off_pledge(make.draft_pledge(), by=treasurer(), reason=REASON)


# --- Always told apart ----------------------------------------------------------------------------

# Days from the instalment's date → (status of the instalment, of the pledge, and the one amount of
# `Promises` that the 500.00 stand in).
BOUNDARIES = [
    (-31, I.NOT_DUE, S.CONFIRMED, "later"),
    (-30, I.DUE, S.CONFIRMED, "due"),
    (0, I.DUE, S.CONFIRMED, "due"),
    (1, I.OVERDUE, S.CONFIRMED, "overdue"),
    (365, I.OVERDUE, S.CONFIRMED, "overdue"),
    (366, I.OVERDUE, S.LAPSED, "lapsed"),
]
WAITING = [
    (days, I.NOT_DUE, S.CONFIRMED, name)
    for days in (-31, 0, 1, 366)
    for name in ("later", "conditional")
]


@pytest.mark.parametrize(("days", "part_status", "pledge_status", "place"), BOUNDARIES + WAITING)
@pytest.mark.django_db
def test_an_amount_stands_in_one_place_on_every_day(
    now: Any, days: int, part_status: str, pledge_status: str, place: str
) -> None:
    waits = (days, part_status, pledge_status, place) in WAITING
    pledge = pledged(
        Part(day(100), 50_000, "Release 1" if waits and place == "later" else ""),
        condition="X." if place == "conditional" else "",
        binding=False,
    )
    on = day(100 + days)
    assert (pledge.parts[0].status(on), fresh(pledge).status(on)) == (part_status, pledge_status)
    seen = queries.promises(pledge.pool, on=on)
    amounts = {
        name: getattr(seen, name)
        for name in ("later", "due", "overdue", "conditional", "lapsed", "received")
    }
    assert amounts == {name: 50_000 if name == place else 0 for name in amounts}
    assert fresh(pledge).stands(on) == queries.standing_pledges(on).filter(pk=pledge.pk).exists()


# --- At the same moment ---------------------------------------------------------------------------


def test_written_off_by_two_at_once_is_one_loss(committed_db: object) -> None:
    pledge, by = pledged(), treasurer()
    in_threads(*[lambda: pledge_changes.write_off_pledge(pledge, by=by, reason=REASON)] * 3)
    assert ledger.balances(pledge.pool, "USD")["write-offs"] == 100_000
    assert owed(pledge) == 0


def test_a_change_and_a_payment_at_once_leave_what_is_outstanding(committed_db: object) -> None:
    pledge, by = pledged(), treasurer()
    _part, payment = make.begun_instalment(pledge)
    in_threads(
        lambda: change(pledge, 120_000, Part(day(0), 50_000), Part(day(60), 70_000), by=by),
        lambda: make.pay(payment),
    )
    assert owed(pledge) == fresh(pledge).outstanding.amount
    assert fresh(pledge).received == usd(50_000)
