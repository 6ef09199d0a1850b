"""Making a dues invoice void, and issuing it anew: with a purchase order, or for what was paid.

The paper is voided whole; the books are told what was unpaid of it (design.md §5, "credit note for
what is unpaid").
"""

import datetime
from typing import Literal

from django.utils import timezone
from django.utils.translation import gettext, override

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.dues import billing, earning
from funding.dues.refusals import (
    ChangeOver,
    DuesRefusal,
    InvoiceStands,
    InvoiceVoid,
    MayNotCredit,
    MoneyCame,
    PaymentUnderWay,
    PurchaseOrderMissing,
    SamePurchaseOrder,
)
from funding.ledger import templates
from funding.ledger.entries import person
from funding.ledger.models import Entry
from funding.ledger.posting import post
from funding.payments import money_back, payout_purposes, payouts
from funding.payments.credit_notes import kept_of, void_invoice
from funding.payments.invoices import BillTo, Line, issue_invoice
from funding.payments.models import CreditNote, Invoice, Payment, Status
from funding.payments.models.papers import APPLIED
from funding.payments.permissions import ISSUE_CREDIT_NOTE
from membership import terms, tier_changes
from membership.models import Organisation, Term, TierChange


def credit_invoice(
    invoice: Invoice, *, by: User, reason: str, then: Literal["cancel", "keep"]
) -> CreditNote:
    """Ask no more for ``invoice``; the term is cancelled with it, or kept.

    Of an invoice that was paid in part, what is kept of the part is invoiced anew, and a term that
    is kept counts as paid by it: the rest is let off. Where nothing was paid, a term that is kept
    can be billed again (`bill_again`). Raises MayNotCredit, MoneyCame (paid and not given back),
    InvoiceVoid, and the refusals of credit notes and of cancelling a term.
    """
    with use_case():
        term, invoice = _lock(invoice)
        if not by.has_perm(ISSUE_CREDIT_NOTE):
            raise MayNotCredit
        _require_standing(invoice)
        standing = list(invoice.arrivals)
        kept = sum(kept_of(payment) for payment in standing)
        if kept and not invoice.outstanding.amount:
            raise MoneyCame(number=invoice.number)
        # What came and went back was booked by its refund: of it nothing is left to credit.
        unpaid = invoice.outstanding.amount
        partly = kept > 0
        note = void_invoice(invoice, reason=reason, by=by, replaced=partly)
        post_credit(note, invoice, unpaid, by=by)
        if partly:
            new = _issue_again(invoice, amount=kept)
            pks = [payment.pk for payment in standing]
            Payment.objects.filter(pk__in=pks).update(invoice=new)
            tell_again(note, invoice, new)
        today = timezone.localdate()
        if then == "cancel":
            terms.cancel(term, on=today, by=by, reason=reason)
            end_renewal_of(term, by=by, reason=reason)
            end_change_of(term, by=by, reason=reason)
        elif partly:
            terms.settle(term, on=today, by=by)
    return note


def bill_again(invoice: Invoice, *, by: User) -> Invoice:
    """Bill the term of a void ``invoice`` again, over its fee; the billing contact is told.

    For a term whose dues were given back or whose invoice was credited, and that is to go on.
    Raises MayNotCredit, InvoiceStands, InvoicePaid, NothingToPay, TermCancelled, TermOver.
    """
    with use_case():
        term, invoice = _lock(invoice)
        if not by.has_perm(ISSUE_CREDIT_NOTE):
            raise MayNotCredit
        require_billable(term, invoice)
        today = timezone.localdate()
        new = _issue_again(invoice, amount=term.fee, due_on=today + billing.PAYMENT_PERIOD)
        post(billing.invoice_entry(new.money, on=new.issued_on, number=new.number, by=by))
        note = invoice.voided_by
        assert note is not None
        audit.record("dues.bill_again", new, by=by, reason=note.reason, instead_of=invoice.number)
        tell_again(note, invoice, new)
    return new


def require_billable(term: Term, invoice: Invoice) -> None:
    """Raises InvoiceStands, InvoicePaid, NothingToPay, TermCancelled or TermOver."""
    invoices = Invoice.objects.filter(purpose=invoice.purpose, purpose_id=term.pk)
    standing = invoices.filter(credit_note=None).first()
    if standing is not None:
        raise InvoiceStands(number=standing.number)
    billing.require_wanted(term, invoice)


def why_not_billable(term: Term, invoice: Invoice) -> str:
    """The sentence that says why the term of a void invoice is not billed again, or ""."""
    try:
        require_billable(term, invoice)
    except DuesRefusal as refusal:
        return str(refusal)
    return ""


def was_billed_again(invoice: Invoice) -> bool:
    """Whether the term of ``invoice`` has a newer invoice."""
    return Invoice.objects.filter(
        purpose=invoice.purpose, purpose_id=invoice.purpose_id, pk__gt=invoice.pk
    ).exists()


# --- When money of an invoice goes back -----------------------------------------------------------


@inside_transaction
def void_given_back(invoice: Invoice) -> CreditNote:
    """Make an invoice void of which nothing that was paid is kept; what was unpaid is credited.

    The refund or the lost dispute has its own entry, so that of what was paid nothing is posted.
    """
    unpaid = invoice.outstanding.amount
    with override(invoice.language):
        reason = gettext("What was paid of it was given back.")
    note = void_invoice(invoice, reason=reason, by=None)
    post_credit(note, invoice, unpaid, by=None)
    return note


@inside_transaction
def withdraw(invoice: Invoice, *, reason: str, told: bool) -> bool:
    """Make an invoice void that nobody is to pay any more; False where money came or comes.

    Of a renewal that ends, of a change of tier that nothing comes of. ``told``: the payer reads of
    it elsewhere, and is not written to twice.
    """
    invoice = lock_paper(invoice)
    if invoice.voided_by is not None:
        return True
    under_way = invoice.payments.filter(status__in=[Status.PROCESSING, Status.SUCCEEDED])
    if any(payment.status == Status.PROCESSING or kept_of(payment) for payment in under_way):
        return False
    unpaid = invoice.outstanding.amount
    note = void_invoice(invoice, reason=reason, by=None, replaced=told)
    post_credit(note, invoice, unpaid, by=None)
    return True


@inside_transaction
def end_renewal_of(term: Term, *, by: User, reason: str) -> None:
    """Nothing follows a term that was cancelled: what was offered after it ends, unless it is paid."""
    offered = (
        Term.objects.select_related("organisation").filter(renews=term, cancelled_on=None).first()
    )
    if offered is None:
        return
    if offered.waived_on is not None and not offered.fee:
        terms.cancel(offered, on=offered.starts_on, by=by, reason=reason)
        return
    invoice = billing.standing_invoice(offered)
    if invoice is None or withdraw(invoice, reason=reason, told=False):
        terms.end_offer(offered, reason=reason)


@inside_transaction
def end_change_of(term: Term, *, by: User, reason: str) -> None:
    """An open change of tier ends with its term, unless a payment of it came or is under way."""
    change = TierChange.objects.filter(term=term, applied_on=None, ended_on=None).first()
    if change is None:
        return
    invoice = billing.change_invoice(change)
    if invoice is None or withdraw(invoice, reason=reason, told=False):
        tier_changes.end(
            tier_changes.lock(change.pk), on=timezone.localdate(), by=by, reason=reason
        )


@inside_transaction
def lock_payments_of(organisation: Organisation) -> None:
    """Lock what pays for its terms and their changes, in one order: money locks before terms do,
    as news of a payment."""
    terms_of = Term.objects.filter(organisation=organisation).values("pk")
    changes = TierChange.objects.filter(term__organisation=organisation).values("pk")
    payments = Payment.objects.filter(
        purpose=billing.PURPOSE, purpose_id__in=terms_of
    ) | Payment.objects.filter(purpose=billing.CHANGE, purpose_id__in=changes)
    list(payments.select_for_update(of=("self",)).order_by("pk"))


def was_credited(invoice: Invoice) -> bool:
    """Whether a part of ``invoice`` that was never paid left the books with its credit note."""
    note = invoice.voided_by
    key = f"dues-credited:{note.number}" if note else ""
    return bool(key) and Entry.objects.filter(idempotency_key=key).exists()


def owed_back(invoice: Invoice) -> list[Payment]:
    """The payments of ``invoice`` that the books owe back, in the order in which they came."""
    came = invoice.payments.select_related("pool").filter(
        status=Status.SUCCEEDED, entry__isnull=False
    )
    return [
        payment
        for payment in came.order_by("succeeded_at", "pk")
        if money_back.paid_by(payment) == "too-much"
    ]


def more_than_open(payment: Payment) -> str:
    """What staff read of a payment that came beside others, and is more than its invoice wanted."""
    return (
        f"It is more than what was open of invoice {payment.invoice}, which stays open: the books owe "
        "it back whole. Give it back, and ask the payer for the rest."
    )


@inside_transaction
def apply_owed_back(payment: Payment, invoice: Invoice) -> bool:
    """Let an owed-back payment pay ``invoice`` after all, whole; False where it cannot.

    It cannot where it is more than what is open, or a part of it went back or is asked back.
    """
    payment = Payment.objects.select_for_update(of=("self",)).get(pk=payment.pk)
    whole = payment.refundable == payment.money and payment.settled_gross == payment.amount
    asked = payouts.open_requests(payout_purposes.REFUND, payment.pk)
    if asked or not whole or payment.amount > invoice.outstanding.amount:
        return False
    post(
        templates.overpayment_applied(
            key=f"{APPLIED}{payment.public_id}",
            pool=billing.POOL,
            currency=payment.currency,
            amount=payment.amount,
            date=timezone.localdate(),
            source=earning.source_of_payment(payment),
            memo=f"Invoice {invoice.number}",
        )
    )
    return True


@inside_transaction
def stop_applying(payment: Payment) -> None:
    """A payment that was owed back, then used for its invoice, never came: that entry goes too."""
    entry = money_back.applied(payment)
    if entry is None:
        return
    post(
        templates.failed_later(
            money_back.booked(entry),
            key=f"{entry.idempotency_key}:undone",
            date=timezone.localdate(),
        )
    )


def reissue_with_purchase_order(invoice: Invoice, purchase_order: str, *, by: User) -> Invoice:
    """Issue ``invoice`` anew with the payer's purchase order; only while nothing was paid of it.

    That of a term, or of a change of tier that waits for it. For the organisation's billing or primary contact, and for whoever may issue credit notes.
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
        _require_payable(term, invoice)
        if invoice.payments.filter(status__in=[Status.PROCESSING, Status.SUCCEEDED]).exists():
            raise PaymentUnderWay(number=invoice.number)
        note = void_invoice(invoice, reason=f"Purchase order {order}", by=by, replaced=True)
        post_credit(note, invoice, invoice.total, by=by)
        new = _issue_again(invoice, amount=invoice.total, purchase_order=order)
        post(billing.invoice_entry(new.money, on=new.issued_on, number=new.number, by=by))
        # A card page that is open in another tab now pays the invoice that stands.
        invoice.payments.update(invoice=new)
        tell_again(note, invoice, new)
    return new


def _require_payable(term: Term, invoice: Invoice) -> None:
    """Raises what keeps the invoice of a term, or of a change of tier, from being paid."""
    if invoice.purpose != billing.CHANGE:
        billing.require_payable(term, invoice)
        return
    billing.require_open(invoice)
    change = tier_changes.lock(invoice.purpose_id)
    if change.state != TierChange.State.BILLED:
        raise ChangeOver(state=change.state.label)


def term_of(invoice: Invoice) -> Term:
    """The term for which an invoice asks: its dues, or the difference of another tier."""
    asked = {"changes": invoice.purpose_id}
    if invoice.purpose == billing.PURPOSE:
        asked = {"pk": invoice.purpose_id}
    return Term.objects.select_related("organisation").get(**asked)


def may_give_purchase_order(by: User, term: Term) -> bool:
    """Whether ``by`` may have the invoice of ``term`` issued anew with a purchase order."""
    return by.has_perm(ISSUE_CREDIT_NOTE) or billing.answers_for_dues(term.organisation_id, by)


def lock_paper(invoice: Invoice) -> Invoice:
    """Its payments, then the invoice: as news of a card, a refund and a match lock."""
    list(invoice.payments.select_for_update(of=("self",)).order_by("pk"))
    return Invoice.objects.select_for_update(no_key=True).get(pk=invoice.pk)


def _lock(invoice: Invoice) -> tuple[Term, Invoice]:
    """All payments of its organisation's dues, the organisation, the invoice, then the term."""
    # Those of its renewal and of a change of tier as well, which may end with the term.
    of = term_of(invoice)
    lock_payments_of(of.organisation)
    Organisation.objects.select_for_update(no_key=True).get(pk=of.organisation_id)
    locked = lock_paper(invoice)
    term = Term.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=of.pk)
    return term, locked


def _require_standing(invoice: Invoice) -> None:
    if invoice.voided_by is not None:
        raise InvoiceVoid(number=invoice.number, note=invoice.voided_by.number)


@inside_transaction
def post_credit(note: CreditNote, invoice: Invoice, unpaid: int, *, by: User | None) -> None:
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
            prepared_by=person(by.pk) if by else "",
        )
    )


def _issue_again(
    invoice: Invoice,
    *,
    amount: int,
    purchase_order: str = "",
    due_on: datetime.date | None = None,
) -> Invoice:
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
        due_on=due_on or max(invoice.due_on, today),
        language=invoice.language,
        purchase_order=purchase_order or invoice.purchase_order,
    )


def tell_again(note: CreditNote, old: Invoice, new: Invoice) -> None:
    """Write that ``new`` stands in place of ``old``, where there is an address to write to."""
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
        about=f"invoice:{new.number}",
    )
