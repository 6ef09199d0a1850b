"""Invoices, receipts and credit notes: read here; a paper is made void by a credit note."""

from typing import Any

import django_filters
from django import forms
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column

from core.money import Money
from core.refusals import Refusal
from core.transactions import use_case
from funding.payments import credit_notes, issuer, progress
from funding.payments.backoffice.base import (
    GuardedIndexView,
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
)
from funding.payments.models import CreditNote, Invoice, Receipt
from funding.payments.models.papers import received_by
from funding.payments.permissions import ISSUE_CREDIT_NOTE

only_read(Invoice, Receipt, CreditNote)


class CannotBeVoid(Refusal):
    message = "%(why)s"


class VoidForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("It stands on the credit note. The payer reads it."),
        error_messages={"required": _("Write the reason.")},
    )


class VoidFilter(django_filters.BooleanFilter):
    """Papers that a credit note made void, or those that stand."""

    def __init__(self) -> None:
        super().__init__(
            label=_("Void"), field_name="credit_note", lookup_expr="isnull", exclude=True
        )


class PaperPage(RowPage):
    """One paper with its facts, and how it is made void."""

    template_name = "payments/backoffice/paper.html"
    header_icon = "doc-full"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        voided_by = getattr(self.row, "voided_by", None)
        may_void = voided_by is None and self.may_void() and not self.why_not_void()
        return super().get_context_data(
            **{
                "facts": self.get_facts(),
                "voided_by": voided_by,
                "may_void": may_void,
                "why_not_void": self.why_not_void() if self.may_void() and not voided_by else "",
                "void_form": VoidForm(),
                **kwargs,
            }
        )

    def get_facts(self) -> list[tuple[str, Any]]:
        return []

    def may_void(self) -> bool:
        return bool(self.person.has_perm(ISSUE_CREDIT_NOTE))

    def why_not_void(self) -> str:
        return ""

    def acts(self) -> dict[str, Any]:
        return {"void": (ISSUE_CREDIT_NOTE, self._void)}

    def _void(self) -> HttpResponse:
        form = VoidForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(void_form=form))
        note = self.make_void(form.cleaned_data["reason"])
        return self.done(gettext("Credit note %(note)s made it void.") % {"note": note})

    def make_void(self, reason: str) -> CreditNote:
        raise NotImplementedError


class InvoicePage(PaperPage):
    model = Invoice
    rights = ("payments.view_invoice",)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(payments=self.row.payments.order_by("pk"), **kwargs)

    def get_facts(self) -> list[tuple[str, Any]]:
        row = self.row
        return [
            (gettext("Total"), row.money.format()),
            (gettext("Still to be paid"), row.outstanding.format()),
            *facts(
                row,
                "bill_to_name",
                "bill_to_country",
                "bill_to_email",
                "purchase_order",
                "reference",
                "issued_on",
                "due_on",
            ),
        ]

    def why_not_void(self) -> str:
        if self.row.received.amount:
            return gettext("Money came for this invoice. Give it back first.")
        if self.row.purpose in issuer.DUES:
            return gettext("This is an invoice for dues: it is credited with its term.")
        return ""

    def make_void(self, reason: str) -> CreditNote:
        if why_not := self.why_not_void():
            raise CannotBeVoid(why=why_not)
        with use_case():
            return credit_notes.void_invoice(self.row, reason=reason, by=self.person)


class ReceiptPage(PaperPage):
    model = Receipt
    rights = ("payments.view_receipt",)

    def get_rows(self) -> Any:
        return Receipt.objects.select_related("payment", "replaces")

    def get_facts(self) -> list[tuple[str, Any]]:
        row = self.row
        return [
            (gettext("Amount"), row.money.format()),
            *facts(
                row, "payer_name", "description", "pool_name", "channel", "paid_on", "issued_at"
            ),
        ]

    def make_void(self, reason: str) -> CreditNote:
        with use_case():
            progress.lock(self.row.payment_id)
            return credit_notes.void_receipt(self.row, reason=reason, by=self.person)


class CreditNotePage(PaperPage):
    model = CreditNote
    rights = ("payments.view_creditnote",)

    def may_void(self) -> bool:
        return False

    def acts(self) -> dict[str, Any]:
        return {}

    def get_facts(self) -> list[tuple[str, Any]]:
        row = self.row
        return [
            (gettext("Total"), row.money.format()),
            (gettext("Makes void"), str(row.invoice or row.receipt)),
            *facts(row, "to_name", "description", "reason", "issued_on"),
        ]


# --- Lists ------------------------------------------------------------------------------------------


class InvoiceFilterSet(WagtailFilterSet):
    void = VoidFilter()
    overdue = django_filters.BooleanFilter(label=_("Due date is past"), method="past")

    class Meta:
        model = Invoice
        fields = ["purpose", "currency", "void", "overdue", "issued_on", "due_on"]

    def past(self, queryset: Any, name: str, value: bool) -> Any:
        today = timezone.localdate()
        return queryset.filter(due_on__lt=today) if value else queryset.filter(due_on__gte=today)


def _void_column() -> Column:
    return Column(
        "void", label=_("Void by"), accessor=lambda row: str(row.voided_by) if row.voided_by else ""
    )


class InvoiceIndexView(GuardedIndexView):
    def complete(self, rows: list[Any]) -> None:
        came = received_by(Invoice.objects.filter(pk__in=[row.pk for row in rows]))
        for row in rows:
            row.left = Money(max(0, row.total - came.get(row.pk, 0)), row.currency)


class InvoiceViewSet(ReadViewSet):
    model = Invoice
    name = "payments_invoices"
    url_prefix = "money/invoices"
    icon = "doc-full"
    menu_label = _("Invoices")
    page_view = InvoicePage
    index_view_class = InvoiceIndexView
    filterset_class = InvoiceFilterSet
    search_fields = ["number", "reference", "bill_to_name", "bill_to_email", "purchase_order"]
    list_display = [
        "number",
        "bill_to_name",
        money_column("money", _("Total"), lambda row: row.money),
        "issued_on",
        "due_on",
        money_column("outstanding", _("Still to be paid"), lambda row: row.left),
        _void_column(),
    ]

    def rows(self) -> Any:
        return Invoice.objects.select_related("credit_note")


class ReceiptFilterSet(WagtailFilterSet):
    void = VoidFilter()

    class Meta:
        model = Receipt
        fields = ["channel", "currency", "void", "paid_on"]


class ReceiptViewSet(ReadViewSet):
    model = Receipt
    name = "payments_receipts"
    url_prefix = "money/receipts"
    icon = "doc-full"
    menu_label = _("Receipts")
    page_view = ReceiptPage
    filterset_class = ReceiptFilterSet
    search_fields = ["number", "payer_name", "description", "payment__payer_email"]
    list_display = [
        "number",
        "payer_name",
        money_column("money", _("Amount"), lambda row: row.money),
        "pool_name",
        "channel",
        "paid_on",
        _void_column(),
    ]

    def rows(self) -> Any:
        return Receipt.objects.select_related("credit_note")


class CreditNoteViewSet(ReadViewSet):
    model = CreditNote
    name = "payments_credit_notes"
    url_prefix = "money/credit-notes"
    icon = "doc-empty"
    menu_label = _("Credit notes")
    page_view = CreditNotePage
    list_filter = ["currency", "issued_on"]
    search_fields = ["number", "to_name", "reason", "invoice__number", "receipt__number"]
    list_display = [
        "number",
        "to_name",
        money_column("money", _("Total"), lambda row: row.money),
        Column(
            "voids", label=_("Makes void"), accessor=lambda row: str(row.invoice or row.receipt)
        ),
        "reason",
        "issued_on",
    ]

    def rows(self) -> Any:
        return CreditNote.objects.select_related("invoice", "receipt")
