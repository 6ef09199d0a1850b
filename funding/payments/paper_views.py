"""The pages of papers: invoice, receipt with its proof, credit note, and how to pay what is expected.

As all pages of payments: a UUID is the only key, and no cache or search engine keeps them.
"""

import uuid

from django.db.models import Prefetch
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils import timezone
from django.views.decorators.http import require_safe

from core.money import Money
from funding.ledger import receipts as ledger
from funding.payments import credit_notes, issuer, papers
from funding.payments.models import (
    CreditNote,
    ExpectedPayment,
    Invoice,
    Payment,
    Receipt,
    Status,
)
from funding.payments.views import private

# --- Receipts -------------------------------------------------------------------------------------


@private
@require_safe
def receipt(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A receipt: whether it stands, what went back of the payment, and its place in the ledger."""
    found = get_object_or_404(
        Receipt.objects.select_related("payment", "credit_note", "replaces", "replaced_by"),
        public_id=public_id,
    )
    payment = found.payment
    return render(
        request,
        "payments/receipt.html",
        {
            "receipt": found,
            "issuer": papers.issuer_lines(found),
            "payment": payment,
            "instead": getattr(found, "replaced_by", None),
            "sealed": ledger.place_of(payment.entry_id) if payment.entry_id else None,
            "refunds": list(payment.refunds.filter(status="succeeded").order_by("pk")),
            "lost": list(payment.disputes.filter(outcome="lost", inquiry=False)),
            "undone": payment.status == Status.UNDONE,
            "theirs": papers.taken_from_payer(found),
            "kept": _kept(payment),
        },
    )


def _kept(payment: Payment) -> Money | None:
    """What is left of the payment, where something went back; else None."""
    kept = credit_notes.kept_of(payment)
    return Money(kept, payment.currency) if kept != payment.amount else None


@private
@require_safe
def receipt_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    found = get_object_or_404(Receipt, public_id=public_id)
    return _pdf(papers.receipt_pdf(found), found.number)


@private
@require_safe
def receipt_proof(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The proof of the payment's entry, which verifies offline (``verify_ledger.py receipt``)."""
    found = get_object_or_404(Receipt.objects.select_related("payment"), public_id=public_id)
    entry = found.payment.entry_id
    proof = ledger.proof_of(entry) if entry else None
    if proof is None:
        raise Http404("The payment is not under a published checkpoint yet.")
    return HttpResponse(
        proof.text,
        content_type="text/plain; charset=utf-8",
        headers={"Content-Disposition": f'attachment; filename="{found.number}.tlog-proof"'},
    )


# --- Invoices and credit notes --------------------------------------------------------------------


@private
@require_safe
def invoice(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """An invoice: whether it stands, what came for it, and how to pay the rest."""
    found = get_object_or_404(
        Invoice.objects.select_related("credit_note").prefetch_related("lines"),
        public_id=public_id,
    )
    void = found.voided_by
    paid = found.how_paid()
    unwanted = papers.why_not_payable(found, paid)
    due = void is None and paid.by is None and not unwanted
    begun = found.payments.exclude(status__in=[Status.SUCCEEDED, Status.UNDONE]).order_by("-pk")
    unfinished = list(begun) if due else []
    under_way = any(payment.status == Status.PROCESSING for payment in unfinished)
    asks = due and not under_way
    return render(
        request,
        "payments/invoice.html",
        {
            "invoice": found,
            "issuer": papers.issuer_lines(found),
            "bill_to": papers.bill_to_lines(found),
            "void": void,
            "instead": papers.replacement_of(found) if void else None,
            "paid_by": paid.by,
            "left": paid.outstanding,
            "unwanted": unwanted,
            "under_way": under_way,
            "asks": asks,
            "open_payment": unfinished[0] if asks and unfinished else None,
            "is_overdue": asks and found.due_on < timezone.localdate(),
            "reference": _groups(found.reference),
            "payments": _came_for(found),
        },
    )


def _came_for(paper: Invoice | ExpectedPayment) -> list[Payment]:
    """What came for it, in the order it came, with its receipts."""
    receipts = Prefetch("receipts", Receipt.objects.select_related("credit_note"))
    came = paper.payments.filter(status=Status.SUCCEEDED).order_by("succeeded_at", "pk")
    return list(came.prefetch_related(receipts))


@private
@require_safe
def invoice_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    found = get_object_or_404(Invoice, public_id=public_id)
    return _pdf(papers.invoice_pdf(found), found.number)


@private
@require_safe
def credit_note(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """A credit note, the paper that it made void, and what stands instead."""
    found = get_object_or_404(
        CreditNote.objects.select_related("invoice", "receipt__replaced_by"), public_id=public_id
    )
    return render(
        request,
        "payments/credit_note.html",
        {
            "note": found,
            "issuer": papers.issuer_lines(found),
            "to": papers.note_to_lines(found),
            "voids": papers.what_it_voids(found),
            "voided": found.invoice or found.receipt,
            "instead": papers.replacement_of(found.invoice)
            if found.invoice
            else getattr(found.receipt, "replaced_by", None),
        },
    )


@private
@require_safe
def credit_note_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    found = get_object_or_404(CreditNote, public_id=public_id)
    return _pdf(papers.credit_note_pdf(found), found.number)


# --- What is expected -----------------------------------------------------------------------------


@private
@require_safe
def expected_payment(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """How to pay by transfer or another channel, and what has come so far."""
    found = get_object_or_404(
        ExpectedPayment.objects.select_related("invoice__credit_note", "channel"),
        public_id=public_id,
    )
    came = _came_for(found.invoice or found)
    if found.invoice is not None:
        paid = found.invoice.how_paid()
        received, unwanted = paid.received, papers.why_not_payable(found.invoice, paid)
    else:
        received, unwanted = Money(sum(each.amount for each in came), found.currency), ""
    left = found.still_expected(received)
    asks = bool(left.amount) and not unwanted
    return render(
        request,
        "payments/expected.html",
        {
            "expected": found,
            "left": left,
            "received": received,
            "unwanted": unwanted,
            "asks": asks,
            "issuer": papers.issuer_lines(found),
            "payer": papers.payer_lines(found),
            "reference": _groups(found.reference),
            "is_overdue": asks and found.due_on is not None and found.due_on < timezone.localdate(),
            "payments": came,
        },
    )


@private
@require_safe
def expected_payment_pdf(request: HttpRequest, public_id: uuid.UUID) -> HttpResponse:
    """The payment request; of an invoice's expected payment, the invoice."""
    found = get_object_or_404(
        ExpectedPayment.objects.select_related("invoice", "channel"), public_id=public_id
    )
    if found.invoice is not None:
        return _pdf(papers.invoice_pdf(found.invoice), found.invoice.number)
    return _pdf(papers.payment_request_pdf(found), str(found.number))


def _groups(reference: str) -> list[str]:
    """The reference in groups of four: shown apart, copied as one."""
    return issuer.in_fours(reference).split()


def _pdf(content: bytes, number: str) -> HttpResponse:
    return HttpResponse(
        content,
        content_type="application/pdf",
        headers={"Content-Disposition": f'inline; filename="{number}.pdf"'},
    )
