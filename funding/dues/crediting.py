"""Making a dues invoice void, and issuing it anew: with a purchase order, or for what was paid.

The paper is voided whole; the books are told what was unpaid of it (design.md §5, "credit note for
what is unpaid").
"""

from typing import Literal

from django.utils import timezone

from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.dues import billing
from funding.dues.refusals import (
    InvoiceVoid,
    MayNotCredit,
    MoneyCame,
    PaymentUnderWay,
    PurchaseOrderMissing,
    SamePurchaseOrder,
)
from funding.ledger import templates
from funding.ledger.entries import person
from funding.ledger.posting import post
from funding.payments.credit_notes import kept_of, void_invoice
from funding.payments.invoices import BillTo, Line, issue_invoice
from funding.payments.models import CreditNote, Invoice, Status
from funding.payments.permissions import ISSUE_CREDIT_NOTE
from membership import terms
from membership.models import Seat, SeatRole, Term


def credit_invoice(
    invoice: Invoice, *, by: User, reason: str, then: Literal["cancel", "keep"]
) -> CreditNote:
    """Ask no more for ``invoice``; the term is cancelled with it, or kept.

    Of an invoice that was paid in part, the part is invoiced anew, and a term that is kept counts
    as paid by it: the rest is let off. Raises MayNotCredit, MoneyCame (paid and not given back),
    InvoiceVoid, and the refusals of credit notes and of cancelling a term.
    """
    with use_case():
        term, invoice = _lock(invoice)
        if not by.has_perm(ISSUE_CREDIT_NOTE):
            raise MayNotCredit
        _require_standing(invoice)
        standing = invoice.payments.filter(status=Status.SUCCEEDED)
        kept = sum(kept_of(payment) for payment in standing)
        if kept and not invoice.outstanding.amount:
            raise MoneyCame(number=invoice.number)
        # What came and went back was booked by its refund: of it nothing is left to credit.
        unpaid = invoice.outstanding.amount
        partly = kept > 0
        note = void_invoice(invoice, reason=reason, by=by, replaced=partly)
        _post_credit(note, invoice, unpaid, by=by)
        if partly:
            new = _issue_again(invoice, amount=invoice.received.amount)
            standing.update(invoice=new)
            _tell(note, invoice, new)
        today = timezone.localdate()
        if then == "cancel":
            terms.cancel(term, on=today, by=by, reason=reason)
        elif partly:
            terms.settle(term, on=today, by=by)
    return note


def reissue_with_purchase_order(invoice: Invoice, purchase_order: str, *, by: User) -> Invoice:
    """Issue ``invoice`` anew with the payer's purchase order; only while nothing was paid of it.

    For the organisation's billing or primary contact, and for whoever may issue credit notes.
    Whatever was begun to pay the old invoice pays the new one. The same number twice makes one new
    invoice. Raises MayNotCredit, PurchaseOrderMissing, SamePurchaseOrder, PaymentUnderWay, and what
    keeps an invoice from being paid.
    """
    order = " ".join(purchase_order.split())[:100]
    with use_case():
        term, invoice = _lock(invoice)
        if not may_give_purchase_order(by, term):
            raise MayNotCredit
        if not order:
            raise PurchaseOrderMissing
        if order == invoice.purchase_order:
            raise SamePurchaseOrder(number=invoice.number)
        billing.require_payable(term, invoice)
        if invoice.payments.filter(status__in=[Status.PROCESSING, Status.SUCCEEDED]).exists():
            raise PaymentUnderWay(number=invoice.number)
        note = void_invoice(invoice, reason=f"Purchase order {order}", by=by, replaced=True)
        _post_credit(note, invoice, invoice.total, by=by)
        new = _issue_again(invoice, amount=invoice.total, purchase_order=order)
        post(billing.invoice_entry(new.money, on=new.issued_on, number=new.number, by=by))
        # A card page that is open in another tab now pays the invoice that stands.
        invoice.payments.update(invoice=new)
        _tell(note, invoice, new)
    return new


def may_give_purchase_order(by: User, term: Term) -> bool:
    """Whether ``by`` may have the invoice of ``term`` issued anew with a purchase order."""
    if by.has_perm(ISSUE_CREDIT_NOTE):
        return True
    seat = Seat.objects.filter(organisation=term.organisation_id, person=by).first()
    wanted = {SeatRole.BILLING_CONTACT, SeatRole.PRIMARY_CONTACT}
    return seat is not None and bool(wanted & set(seat.roles))


def _lock(invoice: Invoice) -> tuple[Term, Invoice]:
    """The term first, as paying does, then the invoice as it is now."""
    term = (
        Term.objects.select_for_update(of=("self",))
        .select_related("organisation")
        .get(pk=invoice.purpose_id)
    )
    return term, Invoice.objects.select_for_update().get(pk=invoice.pk)


def _require_standing(invoice: Invoice) -> None:
    if invoice.voided_by is not None:
        raise InvoiceVoid(number=invoice.number, note=invoice.voided_by.number)


@inside_transaction
def _post_credit(note: CreditNote, invoice: Invoice, unpaid: int, *, by: User) -> None:
    if not unpaid:
        return
    post(
        templates.dues_credited(
            key=f"dues-credited:{note.number}",
            pool=billing.POOL,
            currency=invoice.currency,
            amount=unpaid,
            date=note.issued_on,
            source=f"invoice:{invoice.number}",
            memo=f"Credit note {note.number}",
            prepared_by=person(by.pk),
        )
    )


def _issue_again(invoice: Invoice, *, amount: int, purchase_order: str = "") -> Invoice:
    today = timezone.localdate()
    lines = [Line(line.description, line.amount) for line in invoice.lines.all()]
    if amount != invoice.total:
        lines = [Line(lines[0].description, amount)]
    return issue_invoice(
        purpose=invoice.purpose,
        purpose_id=invoice.purpose_id,
        pool=billing.pool(),
        bill_to=BillTo(
            name=invoice.bill_to_name,
            address=invoice.bill_to_address,
            country=invoice.bill_to_country,
            email=invoice.bill_to_email,
        ),
        lines=lines,
        currency=invoice.currency,
        issued_on=today,
        due_on=max(invoice.due_on, today),
        language=invoice.language,
        purchase_order=purchase_order or invoice.purchase_order,
    )


def _tell(note: CreditNote, old: Invoice, new: Invoice) -> None:
    if not new.bill_to_email:
        return
    enqueue_mail(
        "dues_invoice_again",
        to=new.bill_to_email,
        language=new.language,
        context={
            "name": new.bill_to_name,
            "number": new.number,
            "old_number": old.number,
            "note": note.number,
            "amount": new.money.format(new.language),
            "purchase_order": new.purchase_order,
            "path": new.get_absolute_url(),
        },
        attachments=[("invoice", str(new.public_id)), ("credit_note", str(note.public_id))],
    )
