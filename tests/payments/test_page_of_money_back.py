"""The payer's own page once money went back: it never says thank you for what is not there."""

import pytest
from django.test import Client
from django.utils import timezone

from core.transactions import use_case
from funding.payments import credit_notes, progress
from funding.payments.models import Dispute, Payment, Refund, Status
from tests.factories.payouts import card_payment

pytestmark = pytest.mark.django_db


def give_back(payment: Payment, amount: int) -> None:
    Refund.objects.create(
        payment=payment,
        amount=amount,
        currency=payment.currency,
        status=Refund.Status.SUCCEEDED,
        created_at=timezone.now(),
    )
    with use_case():
        credit_notes.after_refund(progress.lock(payment.pk))


def page(client: Client, payment: Payment) -> str:
    words = client.get(payment.get_absolute_url()).content.decode()
    return words[words.index("<main") : words.index("</main")]


def test_a_payment_that_is_kept_is_thanked_for(client: Client) -> None:
    assert "We have received your payment" in page(client, card_payment(5_000))


def test_given_back_whole_it_says_so_and_names_the_credit_note(client: Client) -> None:
    payment = card_payment(5_000)
    give_back(payment, 5_000)

    words = page(client, payment)

    assert "was given back whole" in words
    assert "We have received" not in words
    note = payment.receipts.get().voided_by
    assert note is not None
    assert note.number in words


def test_given_back_in_part_it_says_what_is_left_and_shows_the_receipt_in_its_place(
    client: Client,
) -> None:
    payment = card_payment(5_000)
    give_back(payment, 2_000)

    words = page(client, payment)

    assert "$30.00 is left with us" in words
    assert "We have received" not in words
    assert payment.receipts.get(credit_note=None).number in words


def test_taken_back_by_the_payers_bank_it_says_so(client: Client) -> None:
    payment = card_payment(5_000)
    Dispute.objects.create(
        payment=payment,
        stripe_dispute="dp_1",
        amount=5_000,
        currency="USD",
        reason="fraudulent",
        status="lost",
        outcome="lost",
        opened_at=timezone.now(),
        closed_at=timezone.now(),
    )
    words = page(client, payment)
    assert "your bank took it back" in words
    assert "We have received" not in words


def test_booked_by_mistake_it_says_so_and_is_not_asked_for(client: Client) -> None:
    payment = card_payment(5_000)
    Payment.objects.filter(pk=payment.pk).update(status=Status.UNDONE)
    words = page(client, payment)
    assert "booked by mistake and taken back" in words
    assert "has not been made yet" not in words
