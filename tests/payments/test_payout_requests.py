"""Paying out: one asks, two others agree, and money moves once (rule 7)."""

import datetime
import uuid
from typing import Any

import pytest
import stripe
from django.db import DatabaseError, connection, transaction
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import queries, templates, verification
from funding.ledger.entries import person
from funding.ledger.models import Entry
from funding.payments import payout_refusals as refusals
from funding.payments import payouts
from funding.payments.banking import confirming
from funding.payments.models import Match, Payout, PayoutDecision, Refund
from portal import groups
from tests.factories.banking import make_account, make_line, make_staff
from tests.factories.ledger import make_pool, post_now
from tests.factories.payments import make_payment, outcome
from tests.factories.payouts import (
    approve,
    approved_refund,
    ask_overpayment,
    ask_refund,
    card_payment,
    transfer_payment,
)
from tests.payments.aftermath import assert_agree, news, paid
from tests.payments.stripe_sandbox import Sandbox
from tests.payments.together import at_once

# Cards of the sandbox whose refunds take their time, and fail.
PENDING, FAILS = "4000000000007726", "4000000000005126"
Status = Payout.Status
TODAY = timezone.localdate


def waiting_jobs(name: str) -> int:
    return DBTaskResult.objects.filter(task_path__endswith=name).count()


def refused(payout: Payout) -> list[dict[str, Any]]:
    lines = ModelLogEntry.objects.for_instance(payout).filter(action="payments.approval_refused")
    return [line.data for line in lines]


# --- Asking -----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_request_waits_and_moves_nothing() -> None:
    payment = card_payment()
    payout = ask_refund(payment)
    assert payout.status == Status.REQUESTED
    assert payment.refunds.count() == 0
    assert waiting_jobs("send_payout") == 0


@pytest.mark.django_db
def test_more_than_is_left_is_refused_with_the_figures() -> None:
    payment = card_payment(5_000)
    ask_refund(payment, amount=3_000)
    with pytest.raises(refusals.TooMuch) as caught:
        ask_refund(payment, amount=2_001)
    words = str(caught.value)
    assert "$20.00 can still be given back" in words
    assert "$50.00 came" in words
    assert "$30.00 is in other open requests" in words
    assert Payout.objects.count() == 1


@pytest.mark.django_db
def test_requests_that_ended_count_no_more() -> None:
    payment = card_payment(5_000)
    first = ask_refund(payment)
    payouts.decide(first, by=make_staff(), approved=False, note="Ask the donor first.")
    second = ask_refund(payment)
    payouts.cancel(second, by=second.requested_by, reason="The donor changed their mind.")
    assert ask_refund(payment).money == Money(5_000, "USD")


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"reason": "  "}, refusals.ReasonMissing),
        ({"beneficiary": " "}, refusals.BeneficiaryMissing),
        ({"amount": 0}, refusals.AmountNotAboveZero),
        ({"amount": Money(5_000, "EUR")}, refusals.OtherCurrency),
        ({"amount": 5_001}, refusals.TooMuch),
        ({"place": "bank"}, refusals.NoBankAccount),
        ({"place": "bank", "beneficiary_account": ""}, refusals.AccountMissing),
    ],
)
@pytest.mark.django_db
def test_a_request_that_breaks_a_rule_is_not_written(
    changes: dict[str, Any], refusal: type[refusals.PayoutRefusal]
) -> None:
    payment = card_payment(5_000)
    with pytest.raises(refusal):
        ask_refund(payment, **changes)
    assert not Payout.objects.exists()


@pytest.mark.django_db
def test_a_transfer_goes_back_from_the_bank_alone() -> None:
    with pytest.raises(refusals.NotPaidByProcessor):
        ask_refund(transfer_payment(), place="clearing")


@pytest.mark.django_db
def test_a_payment_that_is_not_in_the_books_is_not_given_back() -> None:
    with pytest.raises(refusals.NotInTheBooks):
        ask_refund(make_payment(), amount=1_000, place="clearing")


@pytest.mark.django_db
def test_asking_needs_its_right() -> None:
    with pytest.raises(refusals.NotPermitted):
        ask_refund(card_payment(), by=make_staff(groups.AUDITORS))
    assert not Payout.objects.exists()


@pytest.mark.django_db
def test_the_same_form_sent_twice_asks_once() -> None:
    payment, by, token = card_payment(), make_staff(), uuid.uuid4()
    first = ask_refund(payment, by=by, form_token=token)
    again = ask_refund(payment, by=by, form_token=token)
    assert again.pk == first.pk
    assert Payout.objects.count() == 1


# --- Deciding ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_two_others_approve_and_the_job_is_written_with_the_second() -> None:
    payout = ask_refund(card_payment())
    first, second = make_staff(), make_staff()
    payouts.decide(payout, by=first, approved=True)
    payout.refresh_from_db()
    assert (payout.status, waiting_jobs("send_payout")) == (Status.REQUESTED, 0)
    payouts.decide(payout, by=second, approved=True)
    payout.refresh_from_db()
    assert (payout.status, waiting_jobs("send_payout")) == (Status.APPROVED, 1)


@pytest.mark.django_db
def test_from_the_bank_nothing_is_sent_by_itself() -> None:
    payout = approved_refund()
    assert (payout.status, waiting_jobs("send_payout")) == (Status.APPROVED, 0)


@pytest.mark.django_db
def test_nobody_decides_on_their_own_request_and_the_attempt_is_kept() -> None:
    payout = ask_refund(card_payment())
    with pytest.raises(refusals.OwnRequest):
        payouts.decide(payout, by=payout.requested_by, approved=True)
    assert payout.decisions.count() == 0
    (kept,) = refused(payout)
    assert (kept["attempt"], kept["rule"]) == ("approve", "OwnRequest")


@pytest.mark.django_db
def test_each_person_decides_once() -> None:
    payout, one = ask_refund(card_payment()), make_staff()
    payouts.decide(payout, by=one, approved=True)
    with pytest.raises(refusals.DecidedBefore):
        payouts.decide(payout, by=one, approved=True)
    payout.refresh_from_db()
    assert payout.status == Status.REQUESTED
    assert [row["rule"] for row in refused(payout)] == ["DecidedBefore"]


@pytest.mark.django_db
def test_nobody_approves_what_goes_back_to_themselves() -> None:
    donor = make_staff()
    payout = ask_refund(card_payment(user=donor))
    with pytest.raises(refusals.OwnBenefit):
        payouts.decide(payout, by=donor, approved=True)


@pytest.mark.django_db
def test_deciding_needs_its_right() -> None:
    payout = ask_refund(card_payment())
    with pytest.raises(refusals.NotPermitted):
        payouts.decide(payout, by=make_staff(groups.AUDITORS), approved=True)
    assert [row["rule"] for row in refused(payout)] == ["NotPermitted"]


@pytest.mark.django_db
def test_one_no_ends_it_and_says_why() -> None:
    payout = ask_refund(card_payment())
    with pytest.raises(refusals.NoteMissing):
        payouts.decide(payout, by=make_staff(), approved=False, note=" ")
    payouts.decide(payout, by=make_staff(), approved=True)
    payouts.decide(payout, by=make_staff(), approved=False, note="The donor did not ask.")
    payout.refresh_from_db()
    assert payout.status == Status.REJECTED
    with pytest.raises(refusals.WrongStep):
        payouts.decide(payout, by=make_staff(), approved=True)


@pytest.mark.django_db
def test_what_can_no_longer_be_given_back_is_not_approved() -> None:
    payment = card_payment(5_000)
    payout = ask_refund(payment)
    payouts.decide(payout, by=make_staff(), approved=True)
    # Somebody refunds it in Stripe's own dashboard meanwhile.
    Refund.objects.create(
        payment=payment,
        amount=1_000,
        currency="USD",
        status=Refund.Status.SUCCEEDED,
        created_at=timezone.now(),
    )
    with pytest.raises(refusals.TooMuch):
        payouts.decide(payout, by=make_staff(), approved=True)
    payout.refresh_from_db()
    assert payout.status == Status.REQUESTED


@pytest.mark.django_db
def test_the_requester_alone_cancels_and_only_before_it_is_approved() -> None:
    payout = ask_refund(card_payment())
    with pytest.raises(refusals.NotYours):
        payouts.cancel(payout, by=make_staff(), reason="No.")
    with pytest.raises(refusals.ReasonMissing):
        payouts.cancel(payout, by=payout.requested_by, reason="")
    approve(payout)
    with pytest.raises(refusals.WrongStep):
        payouts.cancel(payout, by=payout.requested_by, reason="Too late.")
    assert len(refused(payout)) == 3


@pytest.mark.django_db
def test_the_database_itself_wants_two_people() -> None:
    payout = ask_refund(card_payment())
    payouts.decide(payout, by=make_staff(), approved=True)
    with pytest.raises(DatabaseError, match="two approvals"), transaction.atomic():
        Payout.objects.filter(pk=payout.pk).update(status=Status.APPROVED)
    with pytest.raises(DatabaseError, match="own request"), transaction.atomic():
        PayoutDecision.objects.create(payout=payout, by=payout.requested_by, approved=True)


# --- From the bank ----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_refund_of_a_transfer_is_booked_with_the_banks_reference() -> None:
    payment = transfer_payment(5_000)
    payout = approved_refund(payment, amount=2_000)
    by = make_staff()
    payouts.paid_at_bank(payout, bank_reference="FT26/771", on=TODAY(), by=by)

    payout.refresh_from_db()
    assert (payout.status, payout.bank_reference) == (Status.PAID, "FT26/771")
    entry = payout.entry
    assert entry is not None
    lines = {row.account.code: row.amount for row in entry.postings.select_related("account")}
    assert lines == {"contributions": 2_000, "bank": -2_000}
    assert entry.idempotency_key == f"payout:{payout.public_id}:paid"
    assert entry.prepared_by == person(payout.requested_by_id)
    agreed = payout.decisions.order_by("pk").values_list("by_id", flat=True)
    assert entry.approved_by == [person(one) for one in agreed]

    refund = payment.refunds.get()
    assert (refund.status, refund.payout, refund.entry) == ("succeeded", payout, entry)
    assert ("given back 2000", payment.purpose_id) in outcome.told
    # The receipt is made void and issued anew over what is kept.
    receipt = payment.receipts.get(credit_note=None)
    assert receipt.amount == 3_000
    assert payment.refundable == Money(3_000, "USD")
    assert waiting_jobs("send_template") >= 2
    assert list(verification.problems()) == []


@pytest.mark.django_db
def test_marking_paid_twice_books_once() -> None:
    payout = approved_refund()
    by = make_staff()
    payouts.paid_at_bank(payout, bank_reference="FT1", on=TODAY(), by=by)
    payouts.paid_at_bank(payout, bank_reference="FT1", on=TODAY(), by=by)
    assert Refund.objects.count() == 1
    with pytest.raises(refusals.WrongStep):
        payouts.paid_at_bank(payout, bank_reference="FT2", on=TODAY(), by=by)
    payout.refresh_from_db()
    assert payout.bank_reference == "FT1"


@pytest.mark.django_db
def test_what_is_not_approved_is_not_paid() -> None:
    payout = ask_refund(transfer_payment())
    with pytest.raises(refusals.WrongStep):
        payouts.paid_at_bank(payout, bank_reference="FT1", on=TODAY(), by=make_staff())
    assert not Refund.objects.exists()


@pytest.mark.parametrize(
    ("values", "refusal"),
    [
        ({"bank_reference": " "}, refusals.BankReferenceMissing),
        ({"days": 1}, refusals.DayInFuture),
        ({"days": -2}, refusals.DayTooEarly),
    ],
)
@pytest.mark.django_db
def test_a_payment_from_the_bank_needs_its_reference_and_a_day(
    values: dict[str, Any], refusal: type[refusals.PayoutRefusal]
) -> None:
    payout = approved_refund()
    # Reckoned here: the list above is made when the tests are collected, maybe before midnight.
    day = TODAY() + datetime.timedelta(days=values.get("days", 0))
    reference = values.get("bank_reference", "FT1")
    with pytest.raises(refusal):
        payouts.paid_at_bank(payout, bank_reference=reference, on=day, by=make_staff())
    payout.refresh_from_db()
    assert payout.status == Status.APPROVED


@pytest.mark.django_db
def test_marking_paid_needs_its_right_and_the_bank() -> None:
    payout = approved_refund()
    with pytest.raises(refusals.NotPermitted):
        payouts.paid_at_bank(
            payout, bank_reference="FT1", on=TODAY(), by=make_staff(groups.AUDITORS)
        )
    by_card = approve(ask_refund(card_payment()))
    with pytest.raises(refusals.NotByBank):
        payouts.paid_at_bank(by_card, bank_reference="FT1", on=TODAY(), by=make_staff())


@pytest.mark.django_db
def test_money_that_came_back_stands_as_it_was() -> None:
    payment = transfer_payment(5_000)
    before = queries.balances(payment.pool, "USD")
    payout = approved_refund(payment)
    by = make_staff()
    payouts.paid_at_bank(payout, bank_reference="FT1", on=TODAY(), by=by)
    payouts.came_back(payout, on=TODAY(), by=by, reason="The account is closed.")

    payout.refresh_from_db()
    assert (payout.status, payout.failure) == (Status.FAILED, "The account is closed.")
    after = queries.balances(payment.pool, "USD")
    assert {code: amount for code, amount in after.items() if amount} == before
    assert ("kept 5000", payment.purpose_id) in outcome.told
    assert payment.refundable == Money(5_000, "USD")
    assert payment.receipts.get(credit_note=None).amount == 5_000
    # It can be asked for again, with another account.
    assert ask_refund(payment).status == Status.REQUESTED
    assert list(verification.problems()) == []


@pytest.mark.django_db
def test_what_the_bank_could_not_order_fails_without_an_entry() -> None:
    payment = transfer_payment(5_000)
    payout = approved_refund(payment)
    entries = Entry.objects.count()
    payouts.came_back(payout, on=TODAY(), by=make_staff(), reason="No such account.")
    payout.refresh_from_db()
    assert payout.status == Status.FAILED
    assert Entry.objects.count() == entries
    assert not Refund.objects.exists()
    assert outcome.told[-1][0] != "kept 5000"


# --- Overpayments -----------------------------------------------------------------------------------


def owed_back(amount: int = 2_500) -> Match:
    make_account()
    line = make_line(amount, name="Ministry of Health")
    pool, by = make_pool(), make_staff()
    with use_case():
        return confirming.owe_back(line, pool, Money(amount, "USD"), by=by)


@pytest.mark.django_db
def test_an_overpayment_is_given_back_by_the_same_road() -> None:
    match = owed_back(2_500)
    payout = approve(ask_overpayment(match))
    payouts.paid_at_bank(payout, bank_reference="FT9", on=TODAY(), by=make_staff())
    payout.refresh_from_db()
    assert payout.entry is not None
    assert payout.entry.kind == "overpayment-given-back"
    assert queries.balances(payout.pool, "USD").get("credits-payable", 0) == 0
    with pytest.raises(refusals.TooMuch):
        ask_overpayment(match, amount=Money(1, "USD"))
    assert list(verification.problems()) == []


@pytest.mark.django_db
def test_no_more_of_an_overpayment_is_asked_for_than_came() -> None:
    match = owed_back(2_500)
    ask_overpayment(match, amount=Money(2_000, "USD"))
    with pytest.raises(refusals.TooMuch) as caught:
        ask_overpayment(match, amount=Money(501, "USD"))
    assert "$5.00 can still be given back" in str(caught.value)
    with pytest.raises(refusals.OnlyByBank):
        ask_overpayment(match, amount=Money(100, "USD"), place="clearing")


# --- The pool ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_refund_after_the_money_was_committed_warns_and_is_paid() -> None:
    payment = transfer_payment(5_000)
    post_now(
        templates.grant_committed(
            key="test:grant", pool=payment.pool.code, currency="USD", amount=5_000, date=TODAY()
        )
    )
    payout = ask_refund(payment)
    entry = payouts.handler_of(payout.purpose).preview(payout, TODAY())
    assert entry is not None
    standing = payouts.standing(payout, entry)
    assert (standing.available.amount, standing.after.amount) == (0, -5_000)
    assert standing.goes_below_zero

    approve(payout)
    payouts.paid_at_bank(payout, bank_reference="FT1", on=TODAY(), by=make_staff())
    assert queries.balance(payment.pool) == -5_000
    assert list(verification.problems()) == []


# --- Two at once ------------------------------------------------------------------------------------


def test_of_four_who_approve_at_once_two_count_and_it_is_sent_once(committed_db: object) -> None:
    payout = ask_refund(card_payment())
    people = [make_staff() for _ in range(4)]
    found = at_once(
        *[lambda one=one: payouts.decide(payout, by=one, approved=True) for one in people]
    )
    kinds = sorted(type(answer).__name__ for answer in found)
    assert kinds == ["Payout", "Payout", "WrongStep", "WrongStep"], found
    assert PayoutDecision.objects.filter(payout=payout).count() == 2
    payout.refresh_from_db()
    assert payout.status == Status.APPROVED
    assert waiting_jobs("send_payout") == 1


def test_one_person_in_two_tabs_counts_once(committed_db: object) -> None:
    payout, one = ask_refund(card_payment()), make_staff()
    found = at_once(*[lambda: payouts.decide(payout, by=one, approved=True) for _ in range(2)])
    assert sorted(type(answer).__name__ for answer in found) == ["DecidedBefore", "Payout"], found
    payout.refresh_from_db()
    assert payout.status == Status.REQUESTED


def test_two_who_ask_at_once_never_ask_for_more_than_there_is(committed_db: object) -> None:
    payment, people = card_payment(5_000), [make_staff(), make_staff()]
    found = at_once(*[lambda one=one: ask_refund(payment, by=one) for one in people])
    assert sorted(type(answer).__name__ for answer in found) == ["Payout", "TooMuch"], found


def test_a_yes_and_a_cancel_at_once_end_in_one_of_the_two(committed_db: object) -> None:
    payout = ask_refund(card_payment())
    payouts.decide(payout, by=make_staff(), approved=True)
    second = make_staff()
    found = at_once(
        lambda: payouts.decide(payout, by=second, approved=True),
        lambda: payouts.cancel(payout, by=payout.requested_by, reason="Not needed."),
    )
    assert sorted(type(answer).__name__ for answer in found) == ["Payout", "WrongStep"], found
    payout.refresh_from_db()
    sent = payout.status == Status.APPROVED
    assert waiting_jobs("send_payout") == int(sent)


def test_two_who_mark_it_paid_at_once_book_it_once(committed_db: object) -> None:
    payout = approved_refund()
    people: list[User] = [make_staff(), make_staff()]
    found = at_once(
        *[
            lambda one=one, number=number: payouts.paid_at_bank(
                payout, bank_reference=f"FT{number}", on=TODAY(), by=one
            )
            for number, one in enumerate(people)
        ]
    )
    assert sorted(type(answer).__name__ for answer in found) == ["Payout", "WrongStep"], found
    assert Refund.objects.filter(status="succeeded").count() == 1
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_entry WHERE kind = 'refund'")
        assert cursor.fetchone() == (1,)


# --- Through the card processor ---------------------------------------------------------------------


@pytest.mark.django_db
def test_an_approved_refund_of_a_card_is_sent_once_and_paid_when_stripe_says_so(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    payout = approve(ask_refund(payment, amount=2_000))
    run_pending_jobs()
    payouts.send(payout.pk)  # the job, once more
    payout.refresh_from_db()
    assert payout.status == Status.PAID
    refund = payment.refunds.get()
    assert (refund.payout, refund.amount) == (payout, 2_000)
    assert outcome.told.count(("given back 2000", payment.purpose_id)) == 1
    assert payment.refundable == Money(3_000, "USD")
    assert_agree()


@pytest.mark.django_db
def test_a_refund_that_is_under_way_is_on_its_way_and_then_paid(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox, PENDING)
    payout = approve(ask_refund(payment))
    run_pending_jobs()
    payout.refresh_from_db()
    assert payout.status == Status.SENT
    assert payment.refundable == Money(0, "USD")
    own_sandbox.control("finish_refund", refund=payment.refunds.get().stripe_refund)
    news(own_sandbox)
    payout.refresh_from_db()
    assert payout.status == Status.PAID


@pytest.mark.django_db
def test_a_refund_that_fails_fails_its_payout_and_can_go_by_the_bank(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox, FAILS)
    payout = approve(ask_refund(payment))
    run_pending_jobs()
    own_sandbox.control("finish_refund", refund=payment.refunds.get().stripe_refund, failed=True)
    news(own_sandbox)
    payout.refresh_from_db()
    assert payout.status == Status.FAILED
    assert payout.failure
    make_account()
    by_bank = approve(ask_refund(payment, place="bank"))
    payouts.paid_at_bank(by_bank, bank_reference="FT1", on=TODAY(), by=make_staff())
    assert payment.refundable == Money(0, "USD")
    assert list(verification.problems()) == []


@pytest.mark.django_db
def test_what_stripe_refuses_for_good_ends_the_payout(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    payout = approve(ask_refund(payment))
    own_sandbox.control("refund", charge=payment.stripe_charge, amount=4_000)
    run_pending_jobs()
    payout.refresh_from_db()
    assert payout.status == Status.FAILED
    assert "greater" in payout.failure


@pytest.mark.django_db
def test_while_stripe_is_down_it_waits_and_can_be_sent_again(settings: Any) -> None:
    payout = approve(ask_refund(card_payment()))
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    with pytest.raises(stripe.APIConnectionError):
        payouts.send(payout.pk)
    payout.refresh_from_db()
    assert payout.status == Status.APPROVED
    payouts.send_again(payout, by=make_staff())
    assert waiting_jobs("send_payout") == 2
    with pytest.raises(refusals.NotPermitted):
        payouts.send_again(payout, by=make_staff(groups.AUDITORS))
