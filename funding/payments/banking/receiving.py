"""Money for an expected payment arrived, by a bank line or by a manual channel: one path."""

import datetime
from collections.abc import Sequence
from dataclasses import replace

from django.db.models import Sum
from django.utils import formats, timezone

from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from funding.payments import outcomes, progress
from funding.payments.banking import refusals
from funding.payments.models import Channel, ExpectedPayment, Invoice, Payment, Status
from funding.payments.models.papers import received_by
from funding.payments.outcomes import Settlement


@inside_transaction
def receive(
    expected: ExpectedPayment,
    *,
    amount: Money,
    paid_at: datetime.datetime,
    settlement: Settlement,
    by: User,
    payer_amount: Money | None = None,
    evidence: str = "",
) -> Payment:
    """Book ``amount`` that came for ``expected``: the payment, its receipt, what it achieves, its
    mail, and its entry.

    Without ``settlement.own_key`` the entry is keyed by the payment. Raises the refusals of
    `require_payable`.
    """
    expected = lock_expected(expected)
    require_payable(expected, amount)
    payment = record(
        expected, amount, paid_at=paid_at, payer_amount=payer_amount, evidence=evidence
    )
    if not settlement.key:
        settlement = replace(settlement, own_key=f"payment:{payment.public_id}:confirmed")
    progress.settle(payment.pk, settlement)
    payment.refresh_from_db()
    return payment


@inside_transaction
def lock_expected(expected: ExpectedPayment) -> ExpectedPayment:
    """The row locked until the transaction ends, after its invoice's (as a credit note locks)."""
    if expected.invoice_id is not None:
        Invoice.objects.select_for_update(of=("self",), no_key=True).get(pk=expected.invoice_id)
    return (
        ExpectedPayment.objects.select_related("pool", "channel", "invoice__credit_note", "user")
        .select_for_update(of=("self",))
        .get(pk=expected.pk)
    )


def outstanding(expected: ExpectedPayment) -> Money:
    """What is still expected; of an invoice's, no more than cards and transfers together left."""
    return _left(expected, expected.received)


def outstanding_of(rows: Sequence[ExpectedPayment]) -> dict[int, Money]:
    """`outstanding` of many by their ids, by two queries."""
    of_invoices = received_by(Invoice.objects.filter(expected__in=rows))
    alone = Payment.objects.filter(
        status=Status.SUCCEEDED, expected__in=[row.pk for row in rows if row.invoice_id is None]
    )
    of_rows = dict(alone.order_by().values_list("expected").annotate(sum=Sum("amount")))
    return {
        row.pk: _left(
            row,
            Money(
                of_rows.get(row.pk, 0)
                if row.invoice_id is None
                else of_invoices.get(row.invoice_id, 0),
                row.currency,
            ),
        )
        for row in rows
    }


def _left(expected: ExpectedPayment, received: Money) -> Money:
    left = expected.still_expected(received)
    invoice = expected.invoice
    if invoice is None:
        return left
    if invoice.voided_by is not None:
        return Money(0, expected.currency)
    return min(left, Money(max(0, invoice.total - received.amount), expected.currency))


def require_payable(expected: ExpectedPayment, amount: Money) -> None:
    """Raise Withdrawn, InvoiceVoid, NotWantedAnyMore, AlreadyPaid, MoreThanOutstanding,
    InOtherCurrency or AmountWanted unless ``amount`` can be booked for ``expected``."""
    number = expected.number or (expected.invoice.number if expected.invoice else str(expected))
    if amount.currency != expected.currency:
        raise refusals.InOtherCurrency(line=amount.currency, other=expected.currency)
    if amount.amount <= 0:
        raise refusals.AmountWanted
    invoice = expected.invoice
    if invoice is not None and invoice.voided_by is not None:
        raise refusals.InvoiceVoid(number=invoice.number, note=invoice.voided_by.number)
    if expected.withdrawn_at is not None:
        day = formats.date_format(timezone.localtime(expected.withdrawn_at))
        raise refusals.Withdrawn(number=number, day=day)
    left = outstanding(expected)
    if left.amount == 0:
        received = invoice.received if invoice is not None else expected.received
        raise refusals.AlreadyPaid(number=number, received=received.format())
    why = _why_not_payable(expected)
    if why:
        raise refusals.NotWantedAnyMore(number=number, why=why)
    if left < amount:
        raise refusals.MoreThanOutstanding(
            wanted=amount.format(),
            outstanding=left.format(),
            rest=(amount - left).format(),
            number=number,
        )


def _why_not_payable(expected: ExpectedPayment) -> str:
    """Why an invoice can be paid no more (its term was cancelled or waived). A gift or an
    instalment is taken although its pool closed since: the donor was told how to pay it."""
    if expected.invoice is None:
        return ""
    return outcomes.outcome_of(expected.purpose).why_not_payable(unsaved(expected, expected.money))


def unsaved(expected: ExpectedPayment, amount: Money) -> Payment:
    """The payment that ``amount`` for ``expected`` would be, not saved."""
    return Payment(
        purpose=expected.purpose,
        purpose_id=expected.purpose_id,
        pool=expected.pool,
        invoice=expected.invoice,
        expected=expected,
        description=expected.description,
        amount=amount.amount,
        currency=amount.currency,
        channel=Channel.MANUAL if expected.channel_id else Channel.TRANSFER,
        payer_name=expected.payer_name[:200],
        payer_email=expected.payer_email,
        language=expected.language,
        user=expected.user,
    )


@inside_transaction
def record(
    expected: ExpectedPayment,
    amount: Money,
    *,
    paid_at: datetime.datetime,
    payer_amount: Money | None = None,
    evidence: str = "",
    channel: str = "",
) -> Payment:
    """The payment that succeeded, and what follows but for the books (`progress.settle`)."""
    payment = unsaved(expected, amount)
    payment.channel = channel or payment.channel
    payment.status = Status.SUCCEEDED
    payment.succeeded_at = paid_at
    payment.evidence = evidence
    if payer_amount is not None:
        payment.payer_amount = payer_amount.amount
        payment.payer_currency = payer_amount.currency
    payment.save()
    progress.record_arrival(payment)
    return payment


def noon(day: datetime.date) -> datetime.datetime:
    """A bank tells the day alone: the moment that stands for it."""
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time(12)))
