"""Money that a payment does not count: a second charge of it, or one of another amount."""

from typing import Any

import pytest
from django.utils import timezone

from core.money import Money
from funding.ledger.models import Entry
from funding.ledger.queries import figures
from funding.payments import processor_books
from funding.payments.checkout import begin_checkout
from funding.payments.models import Dispute, Payment, ProcessorTransaction, Refund
from funding.payments.stripe_client import client
from funding.payments.stripe_units import to_stripe
from tests.factories.payments import make_payment, outcome
from tests.payments.aftermath import assert_agree, balance, kinds, news, read_books
from tests.payments.stripe_sandbox import Sandbox

pytestmark = pytest.mark.django_db


def again(payment: Payment) -> Payment:
    return Payment.objects.get(pk=payment.pk)


def paid_twice(sandbox: Sandbox) -> tuple[Payment, str]:
    """A payment of 50.00 whose payer paid on two pages, and the charge that it does not count."""
    payment = make_payment()
    first = begin_checkout(payment)
    # As after a page that we never heard of was given up.
    Payment.objects.filter(pk=payment.pk).update(
        stripe_session=None, attempt=3, attempt_started_at=timezone.now()
    )
    second = begin_checkout(again(payment))
    assert first != second
    sandbox.pay(second)
    news(sandbox)
    sandbox.pay(first)
    news(sandbox)
    payment = again(payment)
    assert "Paid twice" in payment.problem
    charges = [charge.id for charge in client().v1.charges.list({"limit": 10}).data]
    (other,) = [charge for charge in charges if charge != payment.stripe_charge]
    read_books()
    return payment, other


def assert_stands(payment: Payment) -> None:
    """The first charge, its receipt and what it was for are as they were."""
    payment = again(payment)
    assert payment.receipt is not None
    assert payment.refunded == payment.disputed == Money(0, "USD")
    assert balance(payment, "contributions") == -5_000
    assert outcome.told == [("succeeded", payment.purpose_id)]


def test_paid_twice_the_second_is_owed_back_and_the_books_agree(own_sandbox: Sandbox) -> None:
    payment, other = paid_twice(own_sandbox)
    assert kinds(payment) == ["card-gift", "overpayment"]
    assert balance(payment, "credits-payable") == -5_000
    sums = figures(payment.pool, "USD")
    assert (sums["received"], sums["owed_back"]) == (10_000, 5_000)
    entry = Entry.objects.get(kind="overpayment")
    assert entry.source == f"payment:{payment.public_id}"
    line = ProcessorTransaction.objects.get(source=other)
    assert line.entry == entry
    assert entry.idempotency_key == f"stripe:{line.balance_transaction}"
    assert "Paid twice" in again(payment).problem
    assert_stands(payment)
    assert_agree()
    assert processor_books.book_open() == 0


def test_the_second_charge_is_refunded_and_the_payment_is_left_alone(own_sandbox: Sandbox) -> None:
    payment, other = paid_twice(own_sandbox)
    own_sandbox.control("refund", charge=other)
    news(own_sandbox)
    read_books()
    assert kinds(payment) == ["card-gift", "overpayment", "overpayment-given-back"]
    assert balance(payment, "credits-payable") == 0
    sums = figures(payment.pool, "USD")
    assert (sums["refunded"], sums["owed_back"]) == (5_000, 0)
    assert not Refund.objects.exists()
    assert_stands(payment)
    assert_agree()


def test_its_refund_fails_and_it_is_owed_back_again(own_sandbox: Sandbox) -> None:
    payment, other = paid_twice(own_sandbox)
    made = own_sandbox.control("refund", charge=other)
    news(own_sandbox)
    read_books()
    own_sandbox.control("finish_refund", refund=made["id"], failed=True)
    news(own_sandbox)
    read_books()
    assert balance(payment, "credits-payable") == -5_000
    assert figures(payment.pool, "USD")["refunded"] == 0
    assert_stands(payment)
    assert_agree()


@pytest.mark.parametrize("decision", ["won", "lost"])
def test_a_dispute_of_the_second_charge_is_booked_beside_the_payment(
    own_sandbox: Sandbox, decision: str
) -> None:
    payment, other = paid_twice(own_sandbox)
    dispute = own_sandbox.control("open_dispute", charge=other)["id"]
    news(own_sandbox)
    read_books()
    assert f"Disputed: {dispute}" in again(payment).problem
    assert figures(payment.pool, "USD")["held"] == 5_000
    assert_agree()

    own_sandbox.control("decide_dispute", dispute=dispute, decision=decision)
    news(own_sandbox)
    read_books()
    assert kinds(payment)[2:] == ["dispute-opened", f"dispute-{decision}"]
    owed = 0 if decision == "lost" else 5_000
    assert balance(payment, "credits-payable") == -owed
    assert figures(payment.pool, "USD")["held"] == 0
    assert not Dispute.objects.exists()
    assert_stands(payment)
    assert_agree()
    assert processor_books.book_open() == 0


def pay_another_amount(sandbox: Sandbox, payment: Payment, amount: int) -> str:
    """Stripe takes another amount for a payment than was agreed; the charge."""
    units, currency = to_stripe(Money(amount, payment.currency))
    metadata = {"payment": str(payment.public_id), "attempt": "1"}
    asked: Any = {
        "mode": "payment",
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": units,
                    "product_data": {"name": "A gift"},
                },
            }
        ],
        "success_url": "http://testserver/",
        "payment_method_types": ["card"],
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata},
    }
    session = client().v1.checkout.sessions.create(asked, {"idempotency_key": "another amount"})
    sandbox.pay(str(session.url))
    news(sandbox)
    read_books()
    (charge,) = client().v1.charges.list({"limit": 5}).data
    return charge.id


def test_another_amount_is_owed_back_refunded_and_the_right_one_paid_after_all(
    own_sandbox: Sandbox,
) -> None:
    payment = make_payment()
    address = begin_checkout(payment)
    charge = pay_another_amount(own_sandbox, payment, 3_000)
    payment = again(payment)
    assert not payment.is_paid
    assert payment.problem
    assert kinds(payment) == ["overpayment"]
    assert_agree()

    own_sandbox.control("refund", charge=charge)
    news(own_sandbox)
    own_sandbox.pay(address)
    news(own_sandbox)
    read_books()
    assert balance(payment, "credits-payable") == 0
    assert again(payment).is_paid
    assert_stands(payment)
    assert_agree()
