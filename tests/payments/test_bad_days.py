"""Bad days, each with its end state: the ledger verifies, and the report agrees or names what differs.

Others stand where their subject is: webhooks (test_webhook), orders of events (test_inbox), refunds
that fail (test_refunds), disputes after refunds, inquiries and appeals (test_disputes), fees known
late and debits that fail after they succeeded (test_processor_lines), disputes after the payout
(test_payouts_of_processor), kill -9 (tests/faults).
"""

import contextlib
import datetime
import json
import time
from typing import Any

import pytest
import stripe
from django.test import Client

from core.jobs.testing import run_pending_jobs
from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.posting import post
from funding.ledger.queries import figures
from funding.ledger.refusals import NotEnoughAvailable
from funding.payments import reconciliation, report, stripe_client
from funding.payments.checkout import begin_checkout
from funding.payments.models import Payment, Receipt, Refund, Status, StripeEvent
from funding.payments.stripe_client import client
from tests.factories.payments import make_payment, outcome, signature
from tests.payments.aftermath import all_events, assert_agree, balance, kinds, news, paid
from tests.payments.recurring_at_stripe import begun
from tests.payments.stripe_sandbox import DECLINED, NO_FUNDS, Sandbox

pytestmark = pytest.mark.django_db

A_DAY = datetime.date(2026, 11, 27)
GOOD_DEBIT = {"method": "us_bank_account", "routing": "110000000", "account": "000123456789"}


def told(payment: Payment, what: str) -> int:
    return outcome.told.count((what, payment.purpose_id))


def page(payment: Payment) -> str:
    """What the payer reads."""
    return Client().get(payment.get_absolute_url()).content.decode()


# --- The news and the person ----------------------------------------------------------------------


def test_the_event_comes_before_the_payer_returns(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    news(own_sandbox)

    payment.refresh_from_db()
    assert payment.receipt is not None
    assert payment.receipt.number in page(payment)
    assert_agree()


def test_the_payer_returns_long_before_the_event(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    before = page(payment)
    payment.refresh_from_db()
    assert not payment.is_paid  # a redirect alone never marks anything paid
    assert "http-equiv" not in before
    news(own_sandbox)

    payment.refresh_from_db()
    assert payment.receipt is not None
    assert payment.receipt.number in page(payment)
    assert_agree()


def test_a_card_is_declined_and_another_succeeds_on_the_same_intent(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    address = begin_checkout(payment)
    own_sandbox.pay(address, DECLINED)
    news(own_sandbox)
    payment.refresh_from_db()
    assert payment.status == Status.FAILED
    own_sandbox.pay(address, NO_FUNDS)
    own_sandbox.pay(address)
    news(own_sandbox)

    payment.refresh_from_db()
    assert payment.is_paid
    assert Receipt.objects.filter(payment=payment).count() == 1
    assert_agree()


@pytest.mark.parametrize("skew", [-900, 900])
def test_a_clock_that_is_wrong_refuses_webhooks_and_loses_nothing(
    own_sandbox: Sandbox, skew: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    for event in all_events():
        body = json.dumps(event).encode()
        header = signature(body, moment=int(time.time()) + skew)
        answer = Client().post(
            "/payments/stripe/webhook/",
            body,
            content_type="application/json",
            headers={"Stripe-Signature": header},
        )
        assert answer.status_code == 400
    assert not StripeEvent.objects.exists()
    monkeypatch.setattr(reconciliation, "GRACE", -reconciliation.OVERLAP)
    reconciliation.read_missed_events()
    run_pending_jobs()

    payment.refresh_from_db()
    assert payment.is_paid
    assert_agree()


def test_stripe_is_down_for_an_hour(
    own_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setattr(stripe_client, "WAITS", (0.01, 0.01))
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    own_sandbox.control("refund", payment_intent=_intent(), amount=1_000)
    events = all_events()
    own_sandbox.control("api_down")
    for event in events:
        with contextlib.suppress(stripe.StripeError):
            own_sandbox.deliver(event)
    payment.refresh_from_db()
    assert not payment.is_paid
    assert page(payment)  # the payer still reads a page
    assert {event.state for event in StripeEvent.objects.exclude(verdict="ignored")} == {"failing"}

    own_sandbox.control("api_down", down=False)
    assert_agree()
    payment.refresh_from_db()
    assert payment.is_paid
    assert kinds(payment) == ["card-gift", "refund"]
    assert told(payment, "succeeded") == told(payment, "given back 1000") == 1


def _intent() -> str:
    return client().v1.payment_intents.list({"limit": 1}).data[0].id


# --- Amounts --------------------------------------------------------------------------------------


def test_three_decimals_from_the_card_to_the_refund(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox, amount=12_340, currency="KWD")
    own_sandbox.control("refund", charge=payment.stripe_charge, amount=2_340)
    own_sandbox.control("open_dispute", charge=payment.stripe_charge)
    news(own_sandbox)

    sums = figures(payment.pool, "KWD")
    assert (sums["received"], sums["refunded"], sums["held"]) == (12_340, 2_340, 10_000)
    assert Refund.objects.get().money == Money(2_340, "KWD")
    assert_agree()


def test_no_decimals_here_and_two_at_stripe(own_sandbox: Sandbox) -> None:
    # Of this amount the sandbox's fee comes out in whole shillings.
    payment = paid(own_sandbox, amount=100_300, currency="UGX")
    assert payment.receipt is not None
    assert payment.receipt.money == Money(100_300, "UGX")
    assert figures(payment.pool, "UGX")["received"] == 100_300
    assert_agree()


def test_a_fee_that_has_no_whole_units_is_named_and_hides_no_payment(own_sandbox: Sandbox) -> None:
    payment = make_payment(amount=100_000, currency="UGX")
    own_sandbox.pay_and_deliver(payment)
    assert payment.is_paid
    assert payment.receipt is not None
    assert payment.entry is None

    (failed,) = report.read_everything()
    assert "could not be read" in failed
    assert any(str(payment.public_id) in line for line in report.compare().differences)


def test_a_refund_larger_than_what_was_paid_is_refused_by_stripe_and_changes_nothing(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    with pytest.raises(stripe.InvalidRequestError, match="greater"):
        client().v1.refunds.create(
            {"charge": payment.stripe_charge or "", "amount": 5_001}, {"idempotency_key": "large"}
        )
    news(own_sandbox)
    assert kinds(payment) == ["card-gift"]
    assert_agree()


def test_a_refund_after_the_money_was_committed_posts_and_the_pool_takes_no_commitment(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    grant: Any = {"pool": payment.pool.code, "currency": "USD", "date": A_DAY}
    with use_case():
        post(templates.grant_committed(key="test:grant", amount=4_000, **grant))
    own_sandbox.control("refund", charge=payment.stripe_charge)
    news(own_sandbox)

    assert balance(payment, "clearing") - 4_000 == -4_175  # the pool is short by so much
    assert told(payment, "given back 5000") == 1
    with pytest.raises(NotEnoughAvailable), use_case():
        post(templates.grant_committed(key="test:more", amount=1, **grant))
    assert_agree()


# --- Bank debits ----------------------------------------------------------------------------------


def pay_by_debit(sandbox: Sandbox, payment: Payment) -> str:
    """Choose a bank account on the checkout page; the charge that waits for the bank."""
    sandbox.pay(begin_checkout(payment), "", **GOOD_DEBIT)
    news(sandbox)
    payment.refresh_from_db()
    return str(client().v1.payment_intents.retrieve(_intent()).latest_charge)


def test_a_bank_debit_is_under_way_for_days_and_then_succeeds(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    charge = pay_by_debit(own_sandbox, payment)
    assert (payment.status, payment.channel) == (Status.PROCESSING, "bank_debit")
    assert not Receipt.objects.exists()
    assert not payment.can_be_tried
    assert_agree()

    own_sandbox.control("finish_debit", charge=charge)
    news(own_sandbox)
    payment.refresh_from_db()
    assert (payment.status, payment.channel) == (Status.SUCCEEDED, "bank_debit")
    assert payment.entry is not None
    assert told(payment, "succeeded") == 1
    assert_agree()


def test_a_bank_debit_fails_days_later(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    charge = pay_by_debit(own_sandbox, payment)
    own_sandbox.control("finish_debit", charge=charge, failed=True)
    news(own_sandbox)

    payment.refresh_from_db()
    assert payment.status == Status.FAILED
    assert payment.failure_code
    assert payment.can_be_tried
    assert not Receipt.objects.exists()
    assert kinds(payment) == []
    assert_agree()


def test_a_bank_debit_that_succeeded_is_refunded(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    charge = pay_by_debit(own_sandbox, payment)
    own_sandbox.control("finish_debit", charge=charge)
    made = own_sandbox.control("refund", charge=charge)
    news(own_sandbox)
    assert Refund.objects.get().status == "pending"
    own_sandbox.control("finish_refund", refund=made["id"])
    news(own_sandbox)

    assert Refund.objects.get().status == "succeeded"
    assert told(payment, "given back 5000") == 1
    assert_agree()


# --- Recurring ------------------------------------------------------------------------------------


def test_a_chargeback_on_a_recurring_gift(own_sandbox: Sandbox) -> None:
    recurring = begun(own_sandbox)
    payment = Payment.objects.get(subscription=recurring.subscription)
    payment.refresh_from_db()
    assert payment.entry is not None
    key = own_sandbox.control("open_dispute", charge=payment.stripe_charge)["id"]
    own_sandbox.control("decide_dispute", dispute=key, decision="lost")
    news(own_sandbox)

    assert kinds(payment) == ["card-gift", "dispute-opened", "dispute-lost"]
    assert told(payment, "given back 2500") == 1
    assert_agree()
