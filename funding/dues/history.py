"""The dues of an organisation in its timeline (`membership.timeline`): invoices, credit notes,
payments, receipts, refunds and the e-mails about them, for those who may read each of them."""

from collections.abc import Iterable
from typing import Any

from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from funding.dues.billing import CHANGE, PURPOSE
from funding.payments.models import (
    CreditNote,
    ExpectedPayment,
    Invoice,
    Payment,
    Payout,
    Receipt,
    Refund,
)
from membership.models import TierChange
from membership.timeline import Event, Question


def of_money(question: Question) -> Iterable[Event]:
    """What was billed, paid, receipted, credited and given back; one query for each."""
    ours = _ours(question)
    payments, invoices = Payment.objects.filter(ours), Invoice.objects.filter(ours)
    may = question.reader.has_perm
    if may("payments.view_invoice"):
        yield from _invoices(_newest(invoices, "created_at", question))
    if may("payments.view_creditnote"):
        notes = CreditNote.objects.filter(invoice__in=invoices.values("pk"))
        yield from _credit_notes(_newest(notes.select_related("invoice"), "created_at", question))
    if may("payments.view_payment"):
        arrived = payments.exclude(succeeded_at=None)
        yield from _payments(_newest(arrived, "succeeded_at", question))
    if may("payments.view_receipt"):
        receipts = Receipt.objects.filter(payment__in=payments.values("pk"))
        yield from _receipts(_newest(receipts, "issued_at", question))
    if may("payments.view_refund"):
        refunds = Refund.objects.filter(payment__in=payments.values("pk"))
        yield from _refunds(_newest(refunds, "created_at", question))


def subjects_of_mails(question: Question) -> Iterable[str]:
    """How the log of e-mails calls these papers (`membership.timeline_mails`)."""
    ours, may = _ours(question), question.reader.has_perm
    payments, invoices = Payment.objects.filter(ours), Invoice.objects.filter(ours)
    if may("payments.view_invoice"):
        yield from _called("invoice", invoices, "number")
    if may("payments.view_creditnote"):
        notes = CreditNote.objects.filter(invoice__in=invoices.values("pk"))
        yield from _called("credit_note", notes, "number")
    if may("payments.view_receipt"):
        receipts = Receipt.objects.filter(payment__in=payments.values("pk"))
        yield from _called("receipt", receipts, "number")
    if may("payments.view_expectedpayment"):
        yield from _called("expected", ExpectedPayment.objects.filter(ours), "pk")
    if may("payments.view_payout"):
        payouts = Payout.objects.filter(payment__in=payments.values("pk"))
        yield from _called("payout", payouts, "pk")


def _called(kind: str, rows: QuerySet[Any], by: str) -> Iterable[str]:
    return (f"{kind}:{key}" for key in rows.order_by().values_list(by, flat=True))


def _ours(question: Question) -> Q:
    """The payments and papers of the organisation's terms and of their changes of tier."""
    terms = question.term_ids
    changes = TierChange.objects.filter(term__in=terms).values("pk")
    return Q(purpose=PURPOSE, purpose_id__in=terms) | Q(purpose=CHANGE, purpose_id__in=changes)


def _newest(rows: QuerySet[Any], moment: str, question: Question) -> QuerySet[Any]:
    return rows.order_by(f"-{moment}", "-pk")[: question.limit]


def _invoices(rows: Iterable[Invoice]) -> Iterable[Event]:
    for row in rows:
        yield Event(
            at=row.created_at,
            words=_("Invoice issued"),
            about=row.number,
            who=_("the portal"),
            detail=row.money.format(),
            url=reverse("dues_invoices:inspect", args=[row.pk]),
        )


def _credit_notes(rows: Iterable[CreditNote]) -> Iterable[Event]:
    for row in rows:
        number = row.invoice.number if row.invoice else ""
        yield Event(
            at=row.created_at,
            words=_("Credit note issued"),
            about=_("%(note)s, for invoice %(invoice)s") % {"note": row.number, "invoice": number},
            who=_("the portal"),
            detail=row.reason,
            url=reverse("payments_credit_notes:inspect", args=[row.pk]),
        )


def _payments(rows: Iterable[Payment]) -> Iterable[Event]:
    for row in rows:
        assert row.succeeded_at is not None
        yield Event(
            at=row.succeeded_at,
            words=_("Dues paid"),
            about=row.money.format(),
            who=row.payer_name,
            detail=str(row.get_channel_display()),
            url=reverse("payments_payments:inspect", args=[row.pk]),
        )


def _receipts(rows: Iterable[Receipt]) -> Iterable[Event]:
    for row in rows:
        yield Event(
            at=row.issued_at,
            words=_("Receipt issued"),
            about=row.number,
            who=_("the portal"),
            detail=row.money.format(),
            url=reverse("payments_receipts:inspect", args=[row.pk]),
        )


def _refunds(rows: Iterable[Refund]) -> Iterable[Event]:
    for row in rows:
        yield Event(
            at=row.created_at,
            words=_("Dues given back"),
            about=row.money.format(),
            detail=str(row.get_status_display()),
            url=reverse("payments_payments:inspect", args=[row.payment_id]),
        )
