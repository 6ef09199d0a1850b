"""Promising: drafts, confirmation, instalments, withdrawal, and what the database holds."""

import datetime
import threading
import uuid
from collections.abc import Callable
from typing import Any

import pytest
import time_machine
from django.db import IntegrityError, connection, connections, transaction
from django.utils import timezone

from core.money import Money
from core.refusals import Refusal
from core.transactions import use_case
from funding.ledger import queries as ledger
from funding.ledger.models import Entry
from funding.payments.checkout import open_payment
from funding.payments.models import Payment
from funding.payments.outcomes import outcome_of
from funding.pools import instalments, pledges, refusals
from funding.pools.models import LAPSE_DAYS, Instalment, Pledge
from funding.pools.schedules import Part, even_parts, rhythmic_days
from tests.factories import pools as make

TODAY = datetime.date(2027, 3, 1)
S = Pledge.Status
I = Instalment.Status  # noqa: E741


@pytest.fixture
def first_of_march() -> Any:
    with time_machine.travel("2027-03-01 09:00Z", tick=False) as moved:
        yield moved


# --- Drafts ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_draft_promises_nothing() -> None:
    pledge = make.draft_pledge(binding=True)
    assert pledge.status(timezone.localdate()) == S.DRAFT
    assert not Entry.objects.exists()
    assert [part.amount for part in pledge.instalments.all()] == [50_000, 50_000]


@pytest.mark.django_db
def test_the_same_form_sent_twice_is_one_draft_and_changed_terms_are_another() -> None:
    user, profile, token = make.make_person(), make.open_pool(), uuid.uuid4()

    def send(amount: int) -> Pledge:
        money = Money(amount, "USD")
        return pledges.draft_pledge(
            make.a_giver(user),
            profile=profile,
            amount=money,
            parts=even_parts(money, make.in_months(1)),
            binding=False,
            language="en",
            form_token=token,
        )

    assert send(10_000) == send(10_000)
    assert send(20_000) != send(10_000)
    assert Pledge.objects.count() == 2


PARTS: list[tuple[list[tuple[str, int]], type[refusals.GivingRefusal]]] = [
    ([], refusals.NoInstalments),
    ([("2027-02-28", 100_000)], refusals.InstalmentInThePast),
    ([("2027-04-01", 50_000), ("2027-04-01", 50_000)], refusals.SameDayTwice),
    ([("2027-04-01", 50_000), ("2027-05-01", 49_999)], refusals.InstalmentsDoNotAddUp),
    ([("2027-04-01", 99_501), ("2027-05-01", 499)], refusals.InstalmentTooSmall),
    ([("2028-01-01", 100_000)], refusals.InstalmentAfterClosing),
    ([("2055-01-01", 100_000)], refusals.InstalmentTooFarAhead),
    (
        [(str(TODAY + datetime.timedelta(days=day)), 4_000) for day in range(25)],
        refusals.TooManyInstalments,
    ),
]


@pytest.mark.parametrize(("rows", "refusal"), PARTS, ids=[row[1].__name__ for row in PARTS])
@pytest.mark.django_db
def test_terms_a_pool_cannot_take_are_refused_and_nothing_is_written(
    first_of_march: Any, rows: list[tuple[str, int]], refusal: type[refusals.GivingRefusal]
) -> None:
    profile = make.open_pool(closes_on=datetime.date(2027, 12, 31))
    parts = [Part(datetime.date.fromisoformat(day), amount) for day, amount in rows]
    with pytest.raises(refusal):
        pledges.draft_pledge(
            make.a_giver(make.make_person()),
            profile=profile,
            amount=Money(100_000, "USD"),
            parts=parts,
            binding=False,
            language="en",
            form_token=uuid.uuid4(),
        )
    assert not Pledge.objects.exists()


@pytest.mark.django_db
def test_an_instalment_larger_than_one_card_payment_is_refused() -> None:
    with pytest.raises(refusals.InstalmentTooLarge):
        make.draft_pledge(profile=make.open_pool(maximum_gift=40_000))


@pytest.mark.django_db
def test_instalments_are_numbered_by_their_day_whatever_order_they_were_typed_in() -> None:
    early, late = make.in_months(1, 5)
    pledge = make.draft_pledge(amount=30_000, parts=[Part(late, 10_000), Part(early, 20_000)])
    assert [(part.number, part.due_on) for part in pledge.instalments.all()] == [
        (1, early),
        (2, late),
    ]


@pytest.mark.django_db
def test_a_draft_can_be_given_other_terms() -> None:
    pledge = make.draft_pledge(binding=True)
    assert pledge.donor.user is not None
    money = Money(30_000, "USD")
    changed = pledges.redraft_pledge(
        pledge,
        make.a_giver(pledge.donor.user, public_name="Grace"),
        amount=money,
        parts=even_parts(money, make.in_months(1, 2, 3)),
        binding=False,
    )
    assert (changed.money, changed.binding, changed.anonymous) == (money, False, False)
    assert [part.amount for part in changed.instalments.all()] == [10_000, 10_000, 10_000]


@pytest.mark.django_db
def test_a_draft_can_be_thrown_away_and_a_confirmed_pledge_cannot_be_changed_or_thrown_away() -> (
    None
):
    pledges.discard_draft(make.draft_pledge())
    assert not Pledge.objects.exists()
    confirmed = make.confirmed_pledge()
    with pytest.raises(refusals.PledgeNotDraft):
        pledges.discard_draft(confirmed)
    with pytest.raises(refusals.PledgeNotDraft):
        pledges.redraft_pledge(
            confirmed,
            make.a_giver(confirmed.donor.user),
            amount=confirmed.money,
            parts=[Part(part.due_on, part.amount) for part in confirmed.instalments.all()],
            binding=False,
        )


# --- Confirming -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_binding_pledge_is_booked_once_as_a_debt_and_feeds_no_figure() -> None:
    pledge = make.draft_pledge(binding=True)
    for _ in range(2):
        pledges.confirm_pledge(pledge, by=pledge.donor.user)
    entry = Entry.objects.get()
    assert (entry.kind, entry.source) == ("pledge-confirmed", f"pledge:{pledge.reference}")
    balances = ledger.balances(pledge.pool, "USD")
    assert balances == {"contributions-receivable": 100_000, "contributions": -100_000}
    assert set(ledger.figures(pledge.pool, "USD").values()) == {0}


@pytest.mark.django_db
def test_an_intent_is_not_booked() -> None:
    pledge = make.confirmed_pledge(binding=False)
    assert pledge.status(timezone.localdate()) == S.CONFIRMED
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_a_draft_whose_days_have_passed_is_not_confirmed() -> None:
    pledge = make.draft_pledge()
    with (
        time_machine.travel(timezone.now() + datetime.timedelta(days=2)),
        pytest.raises(refusals.InstalmentInThePast),
    ):
        pledges.confirm_pledge(pledge, by=pledge.donor.user)
    pledge.refresh_from_db()
    assert pledge.confirmed_at is None
    assert not Entry.objects.exists()


@pytest.mark.django_db
def test_a_draft_to_a_pool_paused_since_is_not_confirmed() -> None:
    pledge = make.draft_pledge()
    pledge.pool.profile.paused = True
    pledge.pool.profile.save()
    with pytest.raises(refusals.PoolPaused):
        pledges.confirm_pledge(pledge, by=pledge.donor.user)


# --- Paying ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_instalment_of_a_binding_pledge_pays_its_debt() -> None:
    pledge = make.confirmed_pledge(binding=True)
    part = make.received_instalment(pledge)
    assert part.received_amount == part.amount
    balances = ledger.balances(pledge.pool, "USD")
    assert balances["contributions-receivable"] == 50_000
    assert balances["contributions"] == -100_000
    assert ledger.figures(pledge.pool, "USD")["received"] == 50_000


@pytest.mark.django_db
def test_an_instalment_of_an_intent_is_booked_as_a_gift() -> None:
    pledge = make.confirmed_pledge(binding=False)
    make.received_instalment(pledge)
    balances = ledger.balances(pledge.pool, "USD")
    assert "contributions-receivable" not in balances
    assert balances["contributions"] == -50_000
    assert ledger.figures(pledge.pool, "USD")["received"] == 50_000


@pytest.mark.django_db
def test_two_tabs_share_one_payment_for_an_instalment() -> None:
    pledge = make.confirmed_pledge()
    _part, first = make.begun_instalment(pledge)
    _part, second = make.begun_instalment(pledge)
    assert first == second
    assert Payment.objects.count() == 1


@pytest.mark.django_db
def test_a_received_instalment_is_not_paid_again() -> None:
    pledge = make.confirmed_pledge()
    make.received_instalment(pledge)
    with pytest.raises(refusals.InstalmentReceived):
        make.begun_instalment(pledge)


@pytest.mark.django_db
def test_a_draft_and_a_withdrawn_pledge_take_no_payment() -> None:
    with pytest.raises(refusals.PledgeNotConfirmed):
        make.begun_instalment(make.draft_pledge())
    withdrawn = make.confirmed_pledge(binding=False)
    pledges.withdraw_pledge(withdrawn, by=None)
    with pytest.raises(refusals.PledgeCancelled):
        make.begun_instalment(withdrawn)


@pytest.mark.django_db
def test_no_more_of_an_instalment_is_taken_back_or_kept_after_all_than_its_payment_paid() -> None:
    part, payment = make.begun_instalment(make.confirmed_pledge(binding=True))
    make.pay(payment)
    for take, left in ((20_000, 30_000), (40_000, 0)):
        with use_case():
            instalments.take_back(payment, take)
        part.refresh_from_db()
        assert part.received_amount == left
    assert part.received_at is None
    for keep, left in ((20_000, 20_000), (40_000, 50_000)):
        with use_case():
            instalments.keep_after_all(payment, keep)
        part.refresh_from_db()
        assert part.received_amount == left
    assert part.received_at is not None


@pytest.mark.django_db
def test_money_that_comes_twice_is_received_once_and_the_rest_is_a_gift() -> None:
    pledge = make.confirmed_pledge(binding=True)
    part, payment = make.begun_instalment(pledge)
    with use_case():
        second = open_payment(
            purpose="instalment",
            purpose_id=part.pk,
            pool=pledge.pool,
            amount=part.money,
            payer_name="Grace Giver",
            payer_email="grace@example.org",
            language="en",
        )
    make.pay(payment)
    make.pay(second)
    part.refresh_from_db()
    assert part.received_amount == 50_000
    assert [paid.payment_id for paid in part.paid_by.all()] == [payment.pk]
    balances = ledger.balances(pledge.pool, "USD")
    assert balances["contributions-receivable"] == 50_000
    assert balances["contributions"] == -150_000
    assert ledger.figures(pledge.pool, "USD")["received"] == 100_000


def in_threads(*acts: Callable[[], object]) -> list[object]:
    """Run the acts at the same moment; what each returned or refused with."""
    start = threading.Barrier(len(acts), timeout=60)
    found: list[object] = []

    def run(act: Callable[[], object]) -> None:
        try:
            start.wait(10)
            found.append(act())
        except (Refusal, IntegrityError) as refusal:
            found.append(refusal)
        finally:
            connections.close_all()

    threads = [threading.Thread(target=run, args=[act]) for act in acts]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(30)
    assert len(found) == len(acts)
    return found


def test_two_tabs_at_once_make_one_payment_and_the_instalment_is_received_once(
    committed_db: object,
) -> None:
    pledge = make.confirmed_pledge(binding=True)
    part = pledge.instalments.get(number=1)

    def begin() -> Payment:
        return instalments.begin_instalment_payment(part, user=pledge.donor.user, language="en")

    made = in_threads(begin, begin, begin)
    assert all(isinstance(one, Payment) for one in made)
    assert Payment.objects.count() == 1
    payment = Payment.objects.get()
    in_threads(lambda: make.pay(payment), lambda: make.pay(payment))
    part.refresh_from_db()
    assert part.received_amount == part.amount
    assert ledger.figures(pledge.pool, "USD")["received"] == part.amount


def test_confirming_in_two_tabs_at_once_books_one_debt(committed_db: object) -> None:
    pledge = make.draft_pledge(binding=True)
    in_threads(*[lambda: pledges.confirm_pledge(pledge, by=pledge.donor.user)] * 3)
    assert Entry.objects.count() == 1


# --- Withdrawing ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_intent_can_be_withdrawn_and_what_was_paid_stays() -> None:
    pledge = make.confirmed_pledge(binding=False)
    make.received_instalment(pledge)
    for _ in range(2):
        pledges.withdraw_pledge(pledge, by=pledge.donor.user)
    pledge.refresh_from_db()
    assert pledge.status(timezone.localdate()) == S.CANCELLED
    assert pledge.received == Money(50_000, "USD")


@pytest.mark.django_db
def test_a_binding_pledge_a_draft_and_a_fulfilled_one_cannot_be_withdrawn() -> None:
    with pytest.raises(refusals.PledgeBinding):
        pledges.withdraw_pledge(make.confirmed_pledge(binding=True), by=None)
    with pytest.raises(refusals.PledgeNotConfirmed):
        pledges.withdraw_pledge(make.draft_pledge(), by=None)
    fulfilled = make.confirmed_pledge(binding=False)
    for number in (1, 2):
        make.received_instalment(fulfilled, number)
    with pytest.raises(refusals.PledgeFulfilled):
        pledges.withdraw_pledge(fulfilled, by=None)


@pytest.mark.django_db
def test_a_pledge_with_a_payment_under_way_is_not_withdrawn() -> None:
    pledge = make.confirmed_pledge(binding=False)
    _part, payment = make.begun_instalment(pledge)
    Payment.objects.filter(pk=payment.pk).update(status="processing")
    with pytest.raises(refusals.PaymentUnderWay):
        pledges.withdraw_pledge(pledge, by=None)


# --- Status ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("days_from_due", "received", "status"),
    [
        (-31, 0, I.NOT_DUE),
        (-30, 0, I.DUE),
        (0, 0, I.DUE),
        (1, 0, I.OVERDUE),
        (1, 500, I.RECEIVED),
        (-31, 500, I.RECEIVED),
        (1, 499, I.OVERDUE),
    ],
)
def test_status_of_an_instalment_follows_from_its_day_and_what_came(
    days_from_due: int, received: int, status: Instalment.Status
) -> None:
    part = Instalment(pledge=Pledge(), due_on=TODAY, amount=500, received_amount=received)
    assert part.status(TODAY + datetime.timedelta(days=days_from_due)) == status


@pytest.mark.django_db
def test_status_of_a_pledge_follows_from_its_instalments_and_the_day() -> None:
    pledge = make.confirmed_pledge(binding=False)
    today = timezone.localdate()
    assert pledge.status(today) == S.CONFIRMED
    assert pledge.status(today + datetime.timedelta(days=LAPSE_DAYS)) == S.CONFIRMED
    assert pledge.status(today + datetime.timedelta(days=LAPSE_DAYS + 1)) == S.LAPSED
    make.received_instalment(pledge, 1)
    assert pledge.status(today) == S.IN_PROGRESS
    make.received_instalment(pledge, 2)
    assert pledge.status(today) == S.FULFILLED
    assert pledge.status(today + datetime.timedelta(days=10_000)) == S.FULFILLED


# --- What the database holds ----------------------------------------------------------------------


def _check_now() -> None:
    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


def _change(sql: str, *values: object) -> None:
    with transaction.atomic():
        with connection.cursor() as cursor:
            cursor.execute(sql, values)
        _check_now()


@pytest.mark.parametrize(
    "sql",
    [
        "UPDATE pools_instalment SET amount = amount + 1 WHERE pledge_id = %s AND number = 1",
        "UPDATE pools_pledge SET amount = amount + 1 WHERE id = %s",
        "DELETE FROM pools_instalment WHERE pledge_id = %s AND number = 2",
        "DELETE FROM pools_instalment WHERE pledge_id = %s",
        "INSERT INTO pools_instalment (pledge_id, number, due_on, amount, received_amount, milestone)"
        " VALUES (%s, 3, '2040-01-01', 1, 0, '')",
    ],
)
@pytest.mark.django_db
def test_the_database_refuses_instalments_that_do_not_make_their_pledge(sql: str) -> None:
    pledge = make.draft_pledge()
    with pytest.raises(IntegrityError, match="do not add up"):
        _change(sql, pledge.pk)


@pytest.mark.django_db
def test_the_database_refuses_an_instalment_moved_to_another_pledge() -> None:
    one, other = make.draft_pledge(), make.draft_pledge()
    with pytest.raises(IntegrityError, match="do not add up"):
        _change(
            "UPDATE pools_instalment SET pledge_id = %s, number = 9, due_on = '2040-01-01'"
            " WHERE pledge_id = %s AND number = 1",
            other.pk,
            one.pk,
        )


@pytest.mark.django_db
def test_the_database_takes_a_change_that_adds_up_when_it_is_whole() -> None:
    pledge = make.draft_pledge()
    with transaction.atomic():
        Instalment.objects.filter(pledge=pledge, number=1).update(amount=60_000)
        Instalment.objects.filter(pledge=pledge, number=2).update(amount=40_000)
        _check_now()


@pytest.mark.parametrize(
    ("sql", "name"),
    [
        (
            "UPDATE pools_instalment SET received_amount = amount + 1, received_at = now()",
            "received_within_amount",
        ),
        ("UPDATE pools_instalment SET received_amount = 1", "received_on_a_day"),
        ("UPDATE pools_instalment SET amount = -1", "instalment_not_below_zero"),
        (
            "UPDATE pools_instalment SET milestone_met_on = now()",
            "instalment_milestone_met_where_there_is_one",
        ),
        ("UPDATE pools_pledge SET condition_met_on = now()", "condition_met_where_there_is_one"),
        ("UPDATE pools_pledge SET written_off_at = now()", "pledge_written_off_while_it_stood"),
        ("UPDATE pools_pledge SET amount = 0", "pledge_above_zero"),
        ("UPDATE pools_pledge SET cancelled_at = now()", "pledge_cancelled_after_confirmed"),
        ("UPDATE pools_pledge SET currency = 'EUR'", "pledge_in_currency_of_its_pool"),
        ("UPDATE pools_poolprofile SET minimum_gift = 0", "pool_gift_limits_in_order"),
        ("UPDATE pools_poolprofile SET closes_on = opens_on - 1", "pool_closes_after_it_opens"),
        ("UPDATE pools_poolprofile SET goal = 0", "pool_goal_above_zero"),
        ("UPDATE pools_poolprofile SET maximum_gift = 100000000", "pool_gift_within"),
    ],
)
@pytest.mark.django_db
def test_the_database_refuses_what_the_rules_refuse(sql: str, name: str) -> None:
    make.draft_pledge()
    with pytest.raises(IntegrityError, match=name):
        _change(sql)


def test_a_pledge_of_many_instalments_adds_up_at_a_real_commit(committed_db: object) -> None:
    days = rhythmic_days(timezone.localdate(), 24, "monthly")
    pledge = make.confirmed_pledge(
        amount=100_003, parts=even_parts(Money(100_003, "USD"), days), binding=True
    )
    with pytest.raises(IntegrityError, match="do not add up"), transaction.atomic():
        Pledge.objects.filter(pk=pledge.pk).update(amount=100_004)
    pledge.refresh_from_db()
    assert pledge.amount == 100_003


@pytest.mark.django_db
def test_an_instalment_begun_before_its_pledge_was_withdrawn_is_no_longer_taken() -> None:
    alice = make.make_person()
    pledge = make.confirmed_pledge(alice, binding=False)
    payment = instalments.begin_instalment_payment(
        pledge.instalments.all()[0], user=alice, language="en"
    )
    assert outcome_of("instalment").why_not_payable(payment) == ""
    pledges.withdraw_pledge(pledge, by=alice)
    assert outcome_of("instalment").why_not_payable(payment)


@pytest.mark.django_db
def test_throwing_a_draft_away_twice_is_once() -> None:
    draft = make.draft_pledge(make.make_person())
    for _ in range(2):
        pledges.discard_draft(draft)
    assert not Pledge.objects.exists()
