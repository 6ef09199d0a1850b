"""What the card processor says of its own books: its lines, its payouts, and disputes."""

from typing import Any

import django_filters
from django.db.models import F
from django.utils import formats, timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column

from core.money import Money
from funding.payments.backoffice.base import (
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
    rows_of_posted,
)
from funding.payments.models import Dispute, ProcessorPayout, ProcessorTransaction

only_read(Dispute, ProcessorPayout, ProcessorTransaction)


# --- Disputes ---------------------------------------------------------------------------------------


def _deadline(row: Dispute) -> str:
    """Until when we can answer; marked once it is past."""
    if row.evidence_due_at is None or row.outcome != Dispute.Outcome.OPEN:
        return "–"
    day = formats.date_format(timezone.localtime(row.evidence_due_at), "DATETIME_FORMAT")
    if row.evidence_due_at < timezone.now():
        return gettext("%(day)s (past)") % {"day": day}
    return day


class DisputeFilterSet(WagtailFilterSet):
    class Meta:
        model = Dispute
        fields = ["outcome", "inquiry", "status", "currency"]


class DisputePage(RowPage):
    model = Dispute
    rights = ("payments.view_dispute",)
    template_name = "payments/backoffice/dispute.html"
    header_icon = "warning"

    def get_rows(self) -> Any:
        return Dispute.objects.select_related("payment__pool")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        lines = ProcessorTransaction.objects.filter(source=self.row.stripe_dispute)
        return super().get_context_data(
            deadline=_deadline(self.row),
            lines=lines.select_related("entry").order_by("created_at"),
            **kwargs,
        )


class DisputeViewSet(ReadViewSet):
    """What must be answered soonest comes first."""

    model = Dispute
    name = "payments_disputes"
    url_prefix = "money/disputes"
    icon = "warning"
    menu_label = _("Disputes")
    page_view = DisputePage
    filterset_class = DisputeFilterSet
    search_fields = ["stripe_dispute", "payment__payer_name", "payment__payer_email"]
    list_display = [
        "__str__",
        Column("deadline", label=_("Answer before"), accessor=_deadline),
        money_column("money", _("Amount"), lambda row: row.money),
        Column("payer", label=_("Payer"), accessor="payment.payer_name"),
        "reason",
        "outcome",
        Column(
            "inquiry",
            label=_("Inquiry"),
            accessor=lambda row: _("yes") if row.inquiry else _("no"),
        ),
        "status",
        "opened_at",
    ]

    def rows(self) -> Any:
        by_deadline = F("evidence_due_at").asc(nulls_last=True)
        return Dispute.objects.select_related("payment").order_by(
            F("closed_at").desc(nulls_first=True), by_deadline, "-opened_at"
        )


# --- The processor's payouts to our bank ------------------------------------------------------------


class ProcessorPayoutFilterSet(WagtailFilterSet):
    class Meta:
        model = ProcessorPayout
        fields = ["status", "currency", "reconciled", "automatic", "arrival_on"]


class ProcessorPayoutPage(RowPage):
    model = ProcessorPayout
    rights = ("payments.view_processorpayout",)
    template_name = "payments/backoffice/processor_payout.html"
    header_icon = "download"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        own = ProcessorTransaction.objects.filter(source=self.row.stripe_payout)
        own_line = own.filter(entry__isnull=False).select_related("entry").first()
        return super().get_context_data(
            facts=facts(
                self.row, "status", "arrival_on", "automatic", "reconciled", "failure", "created_at"
            ),
            parts=self.row.parts.select_related("entry").order_by("created_at"),
            lines=own.select_related("entry"),
            entry=own_line.entry if own_line else None,
            entry_rows=rows_of_posted(own_line.entry) if own_line and own_line.entry else [],
            matches=self.row.matches.filter(undone_at=None).select_related("line__statement"),
            **kwargs,
        )


class ProcessorPayoutViewSet(ReadViewSet):
    model = ProcessorPayout
    name = "payments_processor_payouts"
    url_prefix = "money/processor-payouts"
    icon = "download"
    menu_label = _("Processor’s payouts")
    page_view = ProcessorPayoutPage
    filterset_class = ProcessorPayoutFilterSet
    search_fields = ["stripe_payout", "failure"]
    list_display = [
        "__str__",
        money_column("money", _("Amount"), lambda row: row.money),
        "status",
        "arrival_on",
        Column(
            "seen",
            label=_("On the bank statement"),
            accessor=lambda row: _("yes") if row.matches.all() else _("no"),
        ),
        "created_at",
    ]

    def rows(self) -> Any:
        return ProcessorPayout.objects.prefetch_related("matches")


# --- The processor's lines --------------------------------------------------------------------------


class LineFilterSet(WagtailFilterSet):
    has_problem = django_filters.BooleanFilter(label=_("Has a problem"), method="with_problem")
    booked = django_filters.BooleanFilter(
        label=_("In the books"), field_name="entry", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = ProcessorTransaction
        fields = ["has_problem", "booked", "type", "currency", "created_at"]

    def with_problem(self, queryset: Any, name: str, value: bool) -> Any:
        return queryset.exclude(problem="") if value else queryset.filter(problem="")


class LinePage(RowPage):
    model = ProcessorTransaction
    rights = ("payments.view_processortransaction",)
    template_name = "payments/backoffice/processor_line.html"
    header_icon = "table"

    def get_rows(self) -> Any:
        return ProcessorTransaction.objects.select_related("entry", "payout")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.row
        amounts = [
            (gettext("Amount"), Money(row.amount, row.currency)),
            (gettext("Fee"), Money(row.fee, row.currency)),
            (gettext("Net"), row.money),
        ]
        return super().get_context_data(
            amounts=amounts,
            facts=facts(row, "type", "source", "created_at", "available_on"),
            entry_rows=rows_of_posted(row.entry) if row.entry else [],
            **kwargs,
        )


class ProcessorLineViewSet(ReadViewSet):
    model = ProcessorTransaction
    name = "payments_processor_lines"
    url_prefix = "money/processor-lines"
    icon = "table"
    menu_label = _("Processor’s lines")
    page_view = LinePage
    filterset_class = LineFilterSet
    search_fields = ["balance_transaction", "source", "problem"]
    list_display = [
        "__str__",
        Column("type", label=_("Type"), accessor="type", sort_key="type"),
        money_column("amount", _("Amount"), lambda row: Money(row.amount, row.currency)),
        money_column("fee", _("Fee"), lambda row: Money(row.fee, row.currency)),
        money_column("net", _("Net"), lambda row: row.money),
        "source",
        Column(
            "booked",
            label=_("In the books"),
            accessor=lambda row: _("yes") if row.entry_id else _("no"),
        ),
        Column("problem", label=_("Problem"), accessor=lambda row: row.problem[:120]),
        "created_at",
    ]
