"""Refunds: facts from Stripe, booked once each, told once each."""

import random
import threading
import uuid
from typing import Any

import pytest
import stripe
from django.db import connection
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from funding.ledger.models import Entry
from funding.ledger.queries import figures
from funding.payments import processor_books, refunds
from funding.payments.checkout import begin_checkout
from funding.payments.models import (
    Payment,
    Payout,
    PayoutDecision,
    ProcessorTransaction,
    Refund,
    StripeEvent,
)
from funding.payments.stripe_client import client
from tests.factories.core import StaffFactory
from tests.factories.payments import make_payment, outcome
from tests.payments.aftermath import (
    all_events,
    assert_agree,
    balance,
    kinds,
    news,
    paid,
    read_books,
)
from tests.payments.stripe_sandbox import GOOD, Sandbox

PENDING, FAILS = "4000000000007726", "4000000000005126"


def refund(sandbox: Sandbox, payment: Payment, amount: int | None = None) -> dict[str, Any]:
    """A refund made in Stripe's dashboard: nobody here asked for it."""
    wanted = {"charge": payment.stripe_charge} | ({"amount": amount} if amount else {})
    return sandbox.control("refund", **wanted)


def told(payment: Payment, what: str) -> int:
    return outcome.told.count((what, payment.purpose_id))


# --- Facts and books ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_refund_from_the_dashboard_takes_the_gift_back_and_keeps_the_fee_spent(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    refund(own_sandbox, payment)
    news(own_sandbox)

    kept = Refund.objects.get()
    assert (kept.payment, kept.amount, kept.status) == (payment, 5_000, "succeeded")
    assert kept.payout is None
    sums = figures(payment.pool, "USD")
    assert (sums["received"], sums["refunded"], sums["fees"]) == (5_000, 5_000, 175)
    assert balance(payment, "contributions") == 0
    assert balance(payment, "clearing") == -175
    line = ProcessorTransaction.objects.get(type="refund")
    assert kept.entry == line.entry == Entry.objects.get(kind="refund")
    assert kept.entry.idempotency_key == f"stripe:{line.balance_transaction}"
    assert told(payment, "given back 5000") == 1
    assert payment.refundable.amount == 0
    assert_agree()


@pytest.mark.django_db
def test_several_partial_refunds_are_each_booked_once(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    for amount in (1_000, 1_500, 500):
        refund(own_sandbox, payment, amount)
    news(own_sandbox)

    assert sorted(Refund.objects.values_list("amount", flat=True)) == [500, 1_000, 1_500]
    assert figures(payment.pool, "USD")["refunded"] == 3_000
    assert [told(payment, f"given back {amount}") for amount in (500, 1_000, 1_500)] == [1, 1, 1]
    assert payment.refundable.amount == 2_000
    assert payment.receipt is not None
    assert payment.receipt.amount == 2_000
    assert_agree()


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(3))
def test_events_of_refunds_twice_and_in_any_order_lead_to_the_same(
    own_sandbox: Sandbox, seed: int
) -> None:
    payment = make_payment()
    own_sandbox.pay_and_deliver(payment, GOOD)
    refund(own_sandbox, payment, 2_000)
    refund(own_sandbox, payment, 1_000)
    events = [event for event in all_events() if "refund" in event["type"]] * 2
    random.Random(seed).shuffle(events)
    for event in events:
        own_sandbox.deliver(event)

    assert figures(payment.pool, "USD")["refunded"] == 3_000
    assert told(payment, "given back 2000") == told(payment, "given back 1000") == 1
    assert_agree()


@pytest.mark.django_db
def test_the_news_of_a_refund_before_the_news_of_the_payment(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    intent = client().v1.payment_intents.list({"limit": 1}).data[0]
    own_sandbox.control("refund", payment_intent=intent.id, amount=2_000)
    own_sandbox.deliver(*[event for event in all_events() if event["type"] == "refund.created"])

    payment.refresh_from_db()
    assert payment.is_paid
    assert kinds(payment) == ["card-gift", "refund"]
    assert told(payment, "given back 2000") == 1
    news(own_sandbox)
    assert kinds(payment) == ["card-gift", "refund"]
    assert_agree()


@pytest.mark.django_db
def test_a_refund_that_no_event_told_of_is_found_by_its_line(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    refund(own_sandbox, payment, 2_000)
    read_books()

    assert Refund.objects.get().entry is not None
    assert told(payment, "given back 2000") == 1
    news(own_sandbox)
    assert told(payment, "given back 2000") == 1
    assert_agree()


@pytest.mark.django_db
def test_a_pending_refund_is_booked_when_it_leaves_and_is_no_credit_note_before_it_succeeded(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox, PENDING)
    receipt = payment.receipt
    made = refund(own_sandbox, payment)
    news(own_sandbox)

    assert Refund.objects.get().status == "pending"
    assert figures(payment.pool, "USD")["refunded"] == 5_000
    assert payment.refundable.amount == 0
    assert payment.receipt == receipt
    own_sandbox.control("finish_refund", refund=made["id"])
    news(own_sandbox)
    assert Refund.objects.get().status == "succeeded"
    assert Payment.objects.get(pk=payment.pk).receipt is None
    assert kinds(payment) == ["card-gift", "refund"]
    assert_agree()


@pytest.mark.django_db
@pytest.mark.parametrize("card", [PENDING, FAILS])
def test_a_refund_that_fails_gives_the_money_back_to_the_pool(
    own_sandbox: Sandbox, card: str
) -> None:
    payment = paid(own_sandbox, card)
    made = refund(own_sandbox, payment, 2_000)
    news(own_sandbox)
    assert balance(payment, "clearing") == 4_825 - 2_000
    own_sandbox.control("finish_refund", refund=made["id"], failed=True)
    news(own_sandbox)

    kept = Refund.objects.get()
    assert kept.status == "failed"
    assert kept.failure
    assert kept.taken_back_at is not None
    assert kinds(payment) == ["card-gift", "refund", "refund-failed"]
    assert balance(payment, "clearing") == 4_825
    assert figures(payment.pool, "USD")["refunded"] == 0
    assert told(payment, "given back 2000") == told(payment, "kept 2000") == 1
    assert payment.refundable.amount == 5_000
    assert Payment.objects.get(pk=payment.pk).receipt.amount == 5_000  # type: ignore[union-attr]
    # However often it is told again.
    for event in [event for event in all_events() if "refund" in event["type"]]:
        own_sandbox.deliver({**event, "id": f"evt_{uuid.uuid4().hex}"})
    assert told(payment, "kept 2000") == 1
    assert_agree()


@pytest.mark.django_db
def test_a_refund_and_its_failure_that_are_read_at_once_are_booked_in_their_order(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox, FAILS)
    made = refund(own_sandbox, payment)
    own_sandbox.control("finish_refund", refund=made["id"], failed=True)
    read_books()

    assert kinds(payment) == ["card-gift", "refund", "refund-failed"]
    assert outcome.told[-2:] == [
        ("given back 5000", payment.purpose_id),
        ("kept 5000", payment.purpose_id),
    ]
    assert_agree()


@pytest.mark.django_db
def test_of_dues_the_part_that_is_not_earned_goes_back_first(own_sandbox: Sandbox) -> None:
    outcome.paid, outcome.not_earned = "dues", 3_000
    payment = paid(own_sandbox)
    refund(own_sandbox, payment, 4_000)
    news(own_sandbox)

    assert balance(payment, "deferred-dues") == 3_000
    assert balance(payment, "membership-dues") == 1_000
    assert_agree()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("what", "account"),
    [("instalment", "contributions-receivable"), ("too-much", "credits-payable")],
)
def test_what_a_refund_takes_back_is_read_from_the_payments_own_entry(
    own_sandbox: Sandbox, what: Any, account: str
) -> None:
    outcome.paid = what
    payment = paid(own_sandbox)
    outcome.paid = "gift"  # what the purpose would say by now is not asked
    refund(own_sandbox, payment)
    news(own_sandbox)

    assert balance(payment, account) == 0
    assert balance(payment, "contributions") == 0
    assert_agree()


@pytest.mark.django_db
def test_a_refund_waits_until_the_payment_is_in_the_books(own_sandbox: Sandbox) -> None:
    own_sandbox.control("hold_settlement", held=True)
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    news(own_sandbox)
    payment.refresh_from_db()
    refund(own_sandbox, payment, 1_000)
    news(own_sandbox)
    assert kinds(payment) == []
    assert outcome.told == [("succeeded", payment.purpose_id)]

    own_sandbox.control("settle", charge=payment.stripe_charge)
    news(own_sandbox)
    processor_books.book_open()
    assert kinds(payment) == ["card-gift", "refund"]
    assert told(payment, "given back 1000") == 1
    assert_agree()


@pytest.mark.django_db
def test_the_refund_of_a_charge_that_is_not_ours_is_ignored_and_its_line_named(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    refund(own_sandbox, payment)
    Payment.objects.filter(pk=payment.pk).update(stripe_intent="pi_other", stripe_charge="ch_other")
    for event in all_events():
        if event["type"] != "refund.created":
            continue
        client().v1.payment_intents.update(
            event["data"]["object"]["payment_intent"],
            {"metadata": {"payment": ""}},
            {"idempotency_key": uuid.uuid4().hex},
        )
        own_sandbox.deliver(event)
        assert StripeEvent.objects.get(event_id=event["id"]).verdict == "ignored"
    assert not Refund.objects.exists()
    read_books()
    line = ProcessorTransaction.objects.get(type="refund")
    assert "belongs to no payment of the portal" in line.problem


@pytest.mark.django_db
def test_more_refunded_than_was_paid_is_an_alarm(
    own_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    payment = paid(own_sandbox)
    refund(own_sandbox, payment, 2_000)
    Refund.objects.create(
        payment=payment,
        stripe_refund="re_impossible",
        amount=4_000,
        currency="USD",
        status="succeeded",
        created_at=timezone.now(),
    )
    news(own_sandbox)

    payment.refresh_from_db()
    assert "More was refunded" in payment.problem
    assert "More was refunded" in caplog.text
    assert StripeEvent.objects.filter(type="refund.created").get().verdict == "refused"


# --- Asking for one -------------------------------------------------------------------------------


def approved(payment: Payment, amount: int = 2_000) -> Payout:
    """A refund that two people approved, as payouts.py would leave it."""
    people: list[User] = StaffFactory.create_batch(3)
    with use_case():
        payout = Payout.objects.create(
            purpose="refund",
            purpose_id=payment.pk,
            payment=payment,
            pool=payment.pool,
            amount=amount,
            currency=payment.currency,
            place="clearing",
            beneficiary="Ada Payer",
            reason="Asked for",
            requested_by=people[0],
        )
        for person in people[1:]:
            PayoutDecision.objects.create(payout=payout, by=person, approved=True)
        payout.status = Payout.Status.APPROVED
        payout.save()
    return payout


@pytest.mark.django_db
def test_an_approved_refund_is_sent_once_however_often_it_is_asked(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    payout = approved(payment)
    first = refunds.send(payout)
    assert refunds.send(payout) == first
    run_pending_jobs()

    assert first.payout == payout
    assert len(client().v1.refunds.list({"charge": payment.stripe_charge or ""}).data) == 1
    assert told(payment, "given back 2000") == 1
    news(own_sandbox)
    assert_agree()


@pytest.mark.django_db
@pytest.mark.parametrize("answer", ["500", "500_after", "timeout_after", "reset_after", "503"])
def test_trouble_while_asking_makes_one_refund_in_the_end(
    own_sandbox: Sandbox, answer: str
) -> None:
    payment = paid(own_sandbox)
    payout = approved(payment)
    own_sandbox.control("api_fault", calls="POST /v1/refunds", answer=answer, count=3, seconds=1)
    for _ in range(4):
        try:
            refunds.send(payout)
            break
        except (stripe.StripeError, refunds.CannotAsk):
            continue
    run_pending_jobs()

    listed = client().v1.refunds.list({"charge": payment.stripe_charge or ""}).data
    assert len(listed) == 1
    assert Refund.objects.get(payout=payout).stripe_refund == listed[0].id
    assert figures(payment.pool, "USD")["refunded"] == 2_000
    assert_agree()


@pytest.mark.django_db
def test_a_refund_that_stripe_refuses_is_an_error_of_the_request(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    payout = approved(payment, 2_000)
    refund(own_sandbox, payment, 4_000)
    with pytest.raises(stripe.InvalidRequestError, match="greater"):
        refunds.send(payout)
    # What was refunded in the dashboard is a fact by now.
    assert Refund.objects.get().amount == 4_000


# --- Two at once ----------------------------------------------------------------------------------


def test_two_workers_with_one_refund_book_and_tell_it_once(
    committed_db: Any, own_sandbox: Sandbox
) -> None:
    payment = paid(own_sandbox)
    refund(own_sandbox, payment, 2_000)
    processor_books.read_lines()
    line = ProcessorTransaction.objects.get(type="refund")
    barrier = threading.Barrier(4, timeout=60)
    errors: list[Exception] = []

    def work() -> None:
        barrier.wait()
        try:
            processor_books.book(line.pk)
        except Exception as error:
            errors.append(error)
        connection.close()

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert errors == []
    assert told(payment, "given back 2000") == 1
    assert figures(payment.pool, "USD")["refunded"] == 2_000
    assert_agree()
