"""Issuing receipts."""

from django.utils import timezone

from core.transactions import inside_transaction
from funding.payments import issuer, numbers
from funding.payments.models import Payment, Receipt


@inside_transaction
def issue_receipt(payment: Payment) -> Receipt:
    """The receipt of a payment that succeeded; the one it has already, if it has one.

    The payment's row must be locked by the caller. Raises ValueError for a payment not paid.
    """
    existing = Receipt.objects.filter(payment=payment).first()
    if existing:
        return existing
    if payment.succeeded_at is None:
        raise ValueError("A receipt is given for a payment that succeeded.")
    now = timezone.now()
    us = issuer.current()
    return Receipt.objects.create(
        number=numbers.next_number(numbers.RECEIPT, now.year),
        payment=payment,
        issuer_name=us.name,
        issuer_address=us.address,
        payer_name=payment.payer_name,
        description=payment.description,
        pool_name=payment.pool.name,
        channel=payment.channel,
        amount=payment.amount,
        currency=payment.currency,
        language=payment.language,
        paid_on=payment.succeeded_at.date(),
        issued_at=now,
    )
