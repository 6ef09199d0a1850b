"""Credit notes: they make an invoice or a receipt void, whole; what still holds is issued anew."""

import datetime

from django.db.models import Q, Sum
from django.utils import timezone, translation
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import inside_transaction
from funding.payments import expected, issuer, numbers, receipts
from funding.payments.models import CreditNote, ExpectedPayment, Invoice, Payment, Receipt


class ReasonMissing(Refusal):
    message = gettext_lazy("Write the reason. It stands on the credit note.")


class VoidAlready(Refusal):
    message = gettext_lazy("Credit note %(note)s made %(number)s void already.")


@inside_transaction
def void_invoice(
    invoice: Invoice, *, reason: str, by: User | None, replaced: bool = False
) -> CreditNote:
    """Make ``invoice`` void, whole; its expected payment is withdrawn and the payer told.

    Posts nothing: whoever booked the invoice posts what the note means (dues:
    `funding.dues.crediting`). ``replaced``: an invoice follows in its place, so that the payer gets
    the note with the message that brings it. Raises VoidAlready and ReasonMissing.
    """
    # Two at once, and a note beside a payment, wait for each other here.
    invoice = Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)
    _require(invoice.number, invoice.voided_by, reason)
    note = _write(
        invoice=invoice,
        to_name=invoice.bill_to_name,
        to_address=invoice.bill_to_address,
        to_country=invoice.bill_to_country,
        description=", ".join(line.description for line in invoice.lines.all())[:250],
        money=invoice.money,
        language=invoice.language,
        reason=reason,
    )
    awaited = ExpectedPayment.objects.filter(invoice=invoice).first()
    if awaited is not None:
        expected.withdraw(awaited, by=by, reason=note.reason)
    audit.record(
        "payments.void_invoice",
        invoice,
        by=by,
        reason=note.reason,
        note=note.number,
        told=not replaced,
    )
    if not replaced:
        tell(note)
    return note


@inside_transaction
def void_receipt(receipt: Receipt, *, reason: str, by: User | None) -> CreditNote:
    """Make ``receipt`` void, whole, and tell the payer. Raises VoidAlready and ReasonMissing."""
    note = _void_receipt(receipt, reason=reason, by=by)
    tell(note)
    return note


@inside_transaction
def after_refund(payment: Payment, *, by: User | None = None) -> Receipt | None:
    """Bring the receipt of ``payment`` to what is kept of it; the receipt that stands now, if any.

    For when a refund succeeded, a refund failed after all, a dispute was lost or won on appeal. May
    be called any number of times: it looks at what was given back by now. The payment's row must be
    locked.
    """
    kept = kept_of(payment)
    standing = receipts.standing_receipt(payment)
    if (standing.amount if standing else 0) == kept:
        return standing
    note = None
    if standing is not None:
        gone = Money(payment.amount - kept, payment.currency)
        with translation.override(payment.language):
            reason = _("Of this payment, %(amount)s was given back.") % {
                "amount": gone.format(payment.language)
            }
        note = _void_receipt(standing, reason=reason, by=by)
    elif payment.receipts.first() is None:
        return None
    new = receipts.reissue(payment, amount=kept) if kept else None
    if note is not None:
        tell(note)
    elif new is not None:
        send_receipt_again(new)
    return new


def kept_of(payment: Payment) -> int:
    """What of a payment is ours for good by now: less refunds that succeeded and disputes lost."""
    if not payment.is_paid:
        return 0
    refunded = payment.refunds.filter(status="succeeded").aggregate(sum=Sum("amount"))["sum"] or 0
    gone = Q(outcome="lost") | Q(status__startswith="appeal_")  # until the appeal is won
    lost = payment.disputes.filter(gone, inquiry=False).aggregate(sum=Sum("amount"))
    return max(0, payment.amount - refunded - (lost["sum"] or 0))


# --- How a note is written ------------------------------------------------------------------------


def _void_receipt(receipt: Receipt, *, reason: str, by: User | None) -> CreditNote:
    receipt = (
        Receipt.objects.select_related("payment").select_for_update(of=("self",)).get(pk=receipt.pk)
    )
    _require(receipt.number, receipt.voided_by, reason)
    note = _write(
        receipt=receipt,
        to_name=receipt.payer_name,
        description=receipt.description,
        money=receipt.money,
        language=receipt.language,
        reason=reason,
    )
    audit.record("payments.void_receipt", receipt, by=by, reason=note.reason, note=note.number)
    return note


def _require(number: str, voided_by: CreditNote | None, reason: str) -> None:
    if voided_by is not None:
        raise VoidAlready(note=voided_by.number, number=number)
    if not reason.strip():
        raise ReasonMissing


def _write(
    *,
    to_name: str,
    description: str,
    money: Money,
    language: str,
    reason: str,
    to_address: str = "",
    to_country: str = "",
    invoice: Invoice | None = None,
    receipt: Receipt | None = None,
) -> CreditNote:
    today: datetime.date = timezone.localdate()
    us = issuer.current()
    return CreditNote.objects.create(
        number=numbers.next_number(numbers.CREDIT_NOTE, today.year),
        invoice=invoice,
        receipt=receipt,
        issuer_name=us.name,
        issuer_address=us.address,
        issuer_registration=us.registration,
        to_name=to_name,
        to_address=to_address,
        to_country=to_country,
        description=description,
        reason=reason.strip()[:500],
        currency=money.currency,
        total=money.amount,
        language=language,
        issued_on=today,
    )


@inside_transaction
def tell(note: CreditNote) -> None:
    """Write to the payer what is void, with what stands in its place."""
    email = note.to_email
    new = receipts.replacing(note.receipt) if note.receipt else None
    if not email:
        return
    attachments = [("credit_note", str(note.public_id))]
    if new is not None:
        attachments.append(("receipt", str(new.public_id)))
    enqueue_mail(
        "payments_credit_note",
        email,
        note.language,
        {
            "name": note.to_name,
            "description": note.description,
            "number": note.number,
            "voided": note.voids.number,
            "reason": note.reason,
            "path": note.get_absolute_url(),
            "new_number": new.number if new else "",
            "new_amount": new.money.format(new.language) if new else "",
            "new_path": new.get_absolute_url() if new else "",
        },
        attachments=attachments,
        about=f"credit_note:{note.number}",
    )


@inside_transaction
def send_receipt_again(receipt: Receipt) -> None:
    """Mail a receipt that stands in place of one that was void already."""
    payment = receipt.payment
    if not payment.payer_email:
        return
    enqueue_mail(
        "payments_receipt_again",
        payment.payer_email,
        receipt.language,
        {
            "name": receipt.payer_name,
            "description": receipt.description,
            "amount": receipt.money.format(receipt.language),
            "number": receipt.number,
            "path": receipt.get_absolute_url(),
        },
        attachments=[("receipt", str(receipt.public_id))],
        about=f"receipt:{receipt.number}",
    )
