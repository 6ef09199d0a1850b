"""Disputes through their life: each line of money its own entry, however the news comes."""

import datetime
import random
import uuid
from typing import Any

import pytest

from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.models import Entry
from funding.ledger.posting import post
from funding.ledger.queries import figures
from funding.payments import disputes
from funding.payments.models import Dispute, Payment, ProcessorTransaction, Refund
from funding.payments.stripe_client import client
from tests.factories.payments import outcome
from tests.payments.aftermath import (
    all_events,
    assert_agree,
    balance,
    kinds,
    news,
    paid,
    read_books,
)
from tests.payments.stripe_sandbox import Sandbox

pytestmark = pytest.mark.django_db


def dispute(sandbox: Sandbox, payment: Payment, **fields: Any) -> str:
    return sandbox.control("open_dispute", charge=payment.stripe_charge, **fields)["id"]


def decide(sandbox: Sandbox, key: str, *decisions: str) -> None:
    for decision in decisions:
        sandbox.control("decide_dispute", dispute=key, decision=decision)


def told(payment: Payment, what: str) -> int:
    return outcome.told.count((what, payment.purpose_id))


def test_an_opened_dispute_holds_the_money_and_costs_a_fee(
    own_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    payment = paid(own_sandbox)
    key = dispute(own_sandbox, payment)
    news(own_sandbox)

    row = Dispute.objects.get()
    assert (row.payment, row.amount, row.outcome) == (payment, 5_000, "open")
    assert (row.status, row.reason, row.inquiry) == ("needs_response", "fraudulent", False)
    assert row.evidence_due_at is not None
    sums = figures(payment.pool, "USD")
    assert (sums["held"], sums["fees"], sums["lost"]) == (5_000, 175 + 1_500, 0)
    assert balance(payment, "disputed-funds") == 5_000
    assert balance(payment, "clearing") == 4_825 - 6_500
    payment.refresh_from_db()
    assert payment.problem.startswith(f"Disputed: {key}")
    assert "Answer at Stripe before" in payment.problem
    assert key in caplog.text
    assert payment.refundable.amount == 0
    assert told(payment, "given back 5000") == 0
    assert payment.receipt is not None
    assert_agree()


def test_a_dispute_that_is_won_gives_the_money_back_but_not_the_fee(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    key = dispute(own_sandbox, payment)
    decide(own_sandbox, key, "under_review", "won")
    news(own_sandbox)

    row = Dispute.objects.get()
    assert (row.outcome, row.closed_at is not None) == ("won", True)
    assert kinds(payment) == ["card-gift", "dispute-opened", "dispute-won"]
    sums = figures(payment.pool, "USD")
    assert (sums["held"], sums["fees"], sums["lost"]) == (0, 1_675, 0)
    assert Payment.objects.get(pk=payment.pk).problem == ""
    assert not [what for what, _ in outcome.told if what != "succeeded"]
    assert_agree()


def test_a_dispute_that_is_lost_takes_the_gift_back_once(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    key = dispute(own_sandbox, payment)
    news(own_sandbox)
    decide(own_sandbox, key, "lost")
    news(own_sandbox)
    for event in [event for event in all_events() if "dispute" in event["type"]]:
        own_sandbox.deliver({**event, "id": f"evt_{uuid.uuid4().hex}"})

    assert kinds(payment) == ["card-gift", "dispute-opened", "dispute-lost"]
    assert Entry.objects.filter(idempotency_key=f"dispute:{key}:lost").count() == 1
    sums = figures(payment.pool, "USD")
    assert (sums["held"], sums["lost"]) == (0, 5_000)
    assert balance(payment, "contributions") == balance(payment, "disputed-funds") == 0
    assert told(payment, "given back 5000") == 1
    payment = Payment.objects.get(pk=payment.pk)
    assert payment.receipt is None
    assert "was lost" in payment.problem
    assert_agree()


def test_a_dispute_lost_appealed_and_won_is_ours_again(own_sandbox: Sandbox) -> None:
    outcome.paid, outcome.not_earned = "dues", 2_000
    payment = paid(own_sandbox)
    key = dispute(own_sandbox, payment)
    decide(own_sandbox, key, "lost")
    news(own_sandbox)
    assert balance(payment, "deferred-dues") == 2_000
    decide(own_sandbox, key, "appeal")
    news(own_sandbox)
    assert Dispute.objects.get().outcome == "open"
    decide(own_sandbox, key, "won")
    news(own_sandbox)

    assert kinds(payment) == [
        "dues-paid", "dispute-opened", "dispute-lost", "dispute-won-on-appeal",
    ]  # fmt: skip
    assert balance(payment, "deferred-dues") == balance(payment, "membership-dues") == 0
    sums = figures(payment.pool, "USD")
    assert (sums["held"], sums["lost"], sums["paid_ahead"]) == (0, 0, 5_000)
    assert told(payment, "given back 5000") == told(payment, "kept 5000") == 1
    payment = Payment.objects.get(pk=payment.pk)
    assert payment.receipt is not None
    assert payment.receipt.amount == 5_000
    assert payment.problem == ""
    assert_agree()


def test_lost_appealed_and_won_before_we_heard_of_it_ends_the_same(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    decide(own_sandbox, dispute(own_sandbox, payment), "lost", "appeal", "won")
    news(own_sandbox)

    sums = figures(payment.pool, "USD")
    assert (sums["held"], sums["lost"]) == (0, 0)
    assert balance(payment, "contributions") == -5_000
    assert told(payment, "given back 5000") == told(payment, "kept 5000") == 0
    assert_agree()


@pytest.mark.parametrize("end", [[], ["warning_closed"]])
def test_an_inquiry_moves_no_money(own_sandbox: Sandbox, end: list[str]) -> None:
    payment = paid(own_sandbox)
    decide(own_sandbox, dispute(own_sandbox, payment, case_type="inquiry"), *end)
    news(own_sandbox)

    row = Dispute.objects.get()
    assert (row.inquiry, row.outcome) == (True, "closed" if end else "open")
    assert kinds(payment) == ["card-gift"]
    assert payment.refundable.amount == 5_000
    assert ("asks about" in Payment.objects.get(pk=payment.pk).problem) == (not end)
    assert_agree()


def test_an_inquiry_may_become_a_dispute(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    key = dispute(own_sandbox, payment, case_type="inquiry")
    news(own_sandbox)
    decide(own_sandbox, key, "escalate")
    news(own_sandbox)

    assert Dispute.objects.get().inquiry is False
    assert balance(payment, "disputed-funds") == 5_000
    assert_agree()


def test_a_prevented_dispute_is_closed_at_once(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    dispute(own_sandbox, payment, case_type="block")
    news(own_sandbox)

    assert (Dispute.objects.get().status, Dispute.objects.get().outcome) == ("prevented", "closed")
    assert kinds(payment) == ["card-gift"]
    assert Payment.objects.get(pk=payment.pk).problem == ""
    assert_agree()


@pytest.mark.parametrize("seed", range(3))
def test_events_of_a_dispute_twice_and_in_any_order_lead_to_the_same(
    own_sandbox: Sandbox, seed: int
) -> None:
    payment = paid(own_sandbox)
    decide(own_sandbox, dispute(own_sandbox, payment, amount=3_000), "lost")
    events = [event for event in all_events() if "dispute" in event["type"]] * 2
    random.Random(seed).shuffle(events)
    for event in events:
        own_sandbox.deliver(event)

    assert figures(payment.pool, "USD")["lost"] == 3_000
    assert told(payment, "given back 3000") == 1
    assert_agree()


def test_a_dispute_that_no_event_told_of_is_found_by_its_line(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    decide(own_sandbox, dispute(own_sandbox, payment), "lost")
    read_books()

    assert kinds(payment) == ["card-gift", "dispute-opened", "dispute-lost"]
    assert Dispute.objects.get().outcome == "lost"
    assert_agree()


def test_partly_refunded_then_disputed_then_won(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    own_sandbox.control("refund", charge=payment.stripe_charge, amount=2_000)
    news(own_sandbox)
    key = dispute(own_sandbox, payment)
    news(own_sandbox)
    assert balance(payment, "disputed-funds") == 3_000
    assert payment.refundable.amount == 0
    decide(own_sandbox, key, "won")
    news(own_sandbox)

    sums = figures(payment.pool, "USD")
    assert (sums["received"], sums["refunded"], sums["held"], sums["fees"]) == (
        5_000, 2_000, 0, 1_675,
    )  # fmt: skip
    assert payment.refundable.amount == 3_000
    assert Refund.objects.get().amount == 2_000
    assert_agree()


def test_a_dispute_posts_although_the_money_was_committed(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    with use_case():
        post(
            templates.grant_committed(
                key="test:grant",
                pool=payment.pool.code,
                currency="USD",
                amount=4_800,
                date=datetime.date(2026, 11, 27),
            )
        )
    dispute(own_sandbox, payment)
    news(own_sandbox)

    assert balance(payment, "disputed-funds") == 5_000
    found = assert_agree()
    assert any("below zero" in note for note in found.notes)


def test_money_back_with_the_fee_is_booked_to_the_cent(own_sandbox: Sandbox) -> None:
    """In some countries Stripe gives the fee back when a dispute is won."""
    payment = paid(own_sandbox)
    key = dispute(own_sandbox, payment)
    news(own_sandbox)
    opened = ProcessorTransaction.objects.get(source=key)
    line = ProcessorTransaction.objects.create(
        balance_transaction="txn_with_fee",
        type="adjustment",
        reporting_category="dispute_reversal",
        amount=5_000,
        fee=-1_500,
        net=6_500,
        currency="USD",
        source=key,
        created_at=opened.created_at,
        available_on=opened.available_on,
    )
    assert disputes.book(line) == ""

    assert balance(payment, "clearing") == 4_825
    sums = figures(payment.pool, "USD")
    assert (sums["held"], sums["fees"]) == (0, 175)


def test_the_dispute_of_a_charge_that_is_not_ours_is_ignored(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    client().v1.payment_intents.update(
        payment.stripe_intent or "",
        {"metadata": {"payment": ""}},
        {"idempotency_key": uuid.uuid4().hex},
    )
    Payment.objects.filter(pk=payment.pk).update(stripe_intent="pi_other", stripe_charge="ch_other")
    dispute(own_sandbox, payment)
    news(own_sandbox)
    read_books()

    assert not Dispute.objects.exists()
    line = ProcessorTransaction.objects.get(type="adjustment")
    assert "belongs to no payment of the portal" in line.problem
