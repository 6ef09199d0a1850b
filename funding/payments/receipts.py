"""Issuing receipts, and issuing one anew for what is left of a payment."""

from django.utils import timezone

from core.transactions import inside_transaction
from funding.payments import issuer, numbers
from funding.payments.models import Payment, Receipt


@inside_transaction
def issue_receipt(payment: Payment) -> Receipt:
    """The receipt of a payment that succeeded; its last one, if it has one already.

    The payment's row must be locked by the caller. Raises ValueError for a payment not paid.
    """
    last = _last(payment)
    if last is not None:
        return last
    return _write(payment, payment.amount, replaces=None)


@inside_transaction
def reissue(payment: Payment, *, amount: int) -> Receipt:
    """A receipt over ``amount`` (minor units of the payment's currency) in place of a void one.

    For what is kept of a payment that was refunded in part. The payment's row must be locked.
    Raises ValueError while another receipt stands, for a payment that never had one, and for more
    than was paid.
    """
    last = _last(payment)
    if last is None or last.voided_by is None:
        raise ValueError("A receipt is issued anew only once a credit note made the last one void.")
    if amount > payment.amount:
        raise ValueError("A receipt is never over more than was paid.")
    return _write(payment, amount, replaces=last)


def standing_receipt(payment: Payment) -> Receipt | None:
    """The receipt that no credit note made void, read now."""
    return payment.receipts.filter(credit_note=None).order_by("-pk").first()


def replacing(receipt: Receipt) -> Receipt | None:
    """The receipt that stands in place of a void one, read now."""
    return Receipt.objects.filter(replaces=receipt, credit_note=None).first()


def _last(payment: Payment) -> Receipt | None:
    return payment.receipts.select_related("credit_note").order_by("-pk").first()


def _write(payment: Payment, amount: int, *, replaces: Receipt | None) -> Receipt:
    if payment.succeeded_at is None:
        raise ValueError("A receipt is given for a payment that succeeded.")
    now = timezone.now()
    us = issuer.current()
    whole = amount == payment.amount
    return Receipt.objects.create(
        number=numbers.next_number(numbers.RECEIPT, timezone.localdate(now).year),
        payment=payment,
        replaces=replaces,
        issuer_name=us.name,
        issuer_address=us.address,
        issuer_registration=us.registration,
        statement=issuer.statement(payment.purpose, payment.language),
        payer_name=payment.payer_name,
        description=payment.description,
        pool_name=payment.pool.name,
        channel=payment.channel,
        amount=amount,
        currency=payment.currency,
        # What the payer's bank took was for the whole payment; of a part nobody knows it.
        payer_amount=payment.payer_amount if whole else None,
        payer_currency=payment.payer_currency if whole else None,
        language=payment.language,
        paid_on=timezone.localdate(payment.succeeded_at),
        issued_at=now,
    )
