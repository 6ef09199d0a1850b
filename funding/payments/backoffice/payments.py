"""Payments and recurring payments: everything known of each, on one page."""

from typing import Any

import django_filters
from django import forms
from django.http import HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column

from core.money import Money
from funding.payments import payouts, problems
from funding.payments.backoffice.asking import RefundView
from funding.payments.backoffice.base import (
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
    rows_of_posted,
)
from funding.payments.models import Payment, Subscription
from funding.payments.payout_purposes import REFUND
from funding.payments.permissions import CONFIRM_PAYMENT, REQUEST_PAYOUT

only_read(Payment, Subscription)


class HandledForm(forms.Form):
    reason = forms.CharField(
        label=_("What was done about it"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 2}),
        error_messages={"required": _("Write what was done about it.")},
    )


class PaymentFilterSet(WagtailFilterSet):
    has_problem = django_filters.BooleanFilter(label=_("Has a problem"), method="with_problem")
    in_books = django_filters.BooleanFilter(
        label=_("In the books"), field_name="entry", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = Payment
        fields = [
            "status",
            "channel",
            "purpose",
            "pool",
            "currency",
            "has_problem",
            "in_books",
            "created_at",
            "succeeded_at",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        # A free text would ask staff to know our codes by heart.
        purposes = Payment.objects.order_by("purpose").values_list("purpose", flat=True).distinct()
        self.filters["purpose"] = django_filters.ChoiceFilter(
            field_name="purpose", label=_("Purpose"), choices=[(name, name) for name in purposes]
        )

    def with_problem(self, queryset: Any, name: str, value: bool) -> Any:
        return queryset.exclude(problem="") if value else queryset.filter(problem="")


class PaymentPage(RowPage):
    """One payment: amounts, the books, papers, what Stripe and the bank said, what goes back."""

    model = Payment
    rights = ("payments.view_payment",)
    template_name = "payments/backoffice/payment.html"
    header_icon = "pick"

    def get_rows(self) -> Any:
        return Payment.objects.select_related(
            "pool", "invoice", "expected", "subscription", "user", "entry"
        )

    def get_page_title(self) -> str:
        return gettext("%(amount)s from %(payer)s") % {
            "amount": self.row.money.format(),
            "payer": self.row.payer_name,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        payment = self.row
        asked = payouts.open_requests(REFUND, payment.pk)
        left = max(0, payment.refundable.amount - asked)
        can_refund = payment.entry_id is not None and left > 0
        context: dict[str, Any] = {
            "facts": self._facts(),
            "stripe_ids": self._stripe_ids(),
            "amounts": self._amounts(asked, left),
            "entry_rows": rows_of_posted(payment.entry) if payment.entry else [],
            "receipts": payment.receipts.select_related("credit_note").order_by("pk"),
            "refunds": payment.refunds.select_related("payout").order_by("pk"),
            "requests": payment.payouts.order_by("pk"),
            "disputes": payment.disputes.order_by("opened_at"),
            "matches": payment.matches.select_related("line__statement__account", "confirmed_by"),
            "events": payment.stripe_events.order_by("pk"),
            "may_refund": can_refund and self.person.has_perm(REQUEST_PAYOUT),
            "may_handle": bool(payment.problem) and self.person.has_perm(CONFIRM_PAYMENT),
            "handled_form": HandledForm(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _facts(self) -> list[tuple[str, Any]]:
        payment = self.row
        return [
            (gettext("Reference"), payment.public_id),
            (gettext("For"), payment.description),
            (gettext("Purpose"), f"{payment.purpose} {payment.purpose_id}"),
            (gettext("Pool"), payment.pool),
            *facts(
                payment,
                "channel",
                "payer_name",
                "payer_email",
                "user",
                "evidence",
                "created_at",
                "succeeded_at",
                "failure_code",
                "failure_message",
            ),
        ]

    def _stripe_ids(self) -> list[str]:
        names = ("session", "intent", "charge", "invoice", "balance_transaction")
        found = [getattr(self.row, f"stripe_{name}") for name in names]
        return [value for value in found if value]

    def _amounts(self, asked: int, left: int) -> list[tuple[str, Money]]:
        payment = self.row
        found = [(gettext("Amount"), payment.money)]
        if payment.settled_gross is not None and payment.settled_currency:
            gross = Money(payment.settled_gross, payment.settled_currency)
            net = Money(gross.amount - (payment.settled_fee or 0), gross.currency)
            found += [
                (gettext("Came into the books"), gross),
                (gettext("Fee"), payment.fee),
                (gettext("After the fee"), net),
            ]
        found += [
            (gettext("Given back or on its way back"), payment.refunded),
            (gettext("Held or lost in disputes"), payment.disputed),
            (gettext("Asked to be given back"), Money(asked, payment.currency)),
            (gettext("Can still be given back"), Money(left, payment.currency)),
        ]
        return found

    def acts(self) -> dict[str, Any]:
        return {"handled": (CONFIRM_PAYMENT, self._handled)}

    def _handled(self) -> HttpResponse:
        form = HandledForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(handled_form=form))
        problems.handled(self.row, reason=form.cleaned_data["reason"], by=self.person)
        return self.done(gettext("The problem is marked as handled."))


class PaymentViewSet(ReadViewSet):
    model = Payment
    name = "payments_payments"
    url_prefix = "money/payments"
    icon = "pick"
    menu_label = _("Payments")
    page_view = PaymentPage
    filterset_class = PaymentFilterSet
    search_fields = [
        "payer_name",
        "payer_email",
        "description",
        "invoice__number",
        "invoice__reference",
        "expected__reference",
        "expected__number",
        "receipts__number",
        "public_id",
        "stripe_session",
        "stripe_intent",
        "stripe_charge",
        "stripe_invoice",
        "stripe_balance_transaction",
    ]
    list_display = [
        "payer_name",
        money_column("money", _("Amount"), lambda row: row.money, sort_key="amount"),
        "status",
        "channel",
        "purpose",
        Column("pool", label=_("Pool"), accessor="pool.name"),
        Column("problem", label=_("Problem"), accessor=lambda row: row.problem[:80]),
        "created_at",
        "succeeded_at",
    ]
    list_export = [
        "public_id",
        "payer_name",
        "payer_email",
        "money.decimal",
        "currency",
        "status",
        "channel",
        "purpose",
        "description",
        "created_at",
        "succeeded_at",
    ]

    export_headings = {"money.decimal": _("Amount")}

    def rows(self) -> Any:
        return Payment.objects.select_related("pool")

    def more_urls(self) -> list[URLPattern]:
        return [path("<int:pk>/refund/", RefundView.as_view(), name="refund")]


# --- Recurring payments -----------------------------------------------------------------------------


class SubscriptionPage(RowPage):
    model = Subscription
    rights = ("payments.view_subscription",)
    template_name = "payments/backoffice/subscription.html"
    header_icon = "rotate"

    def get_rows(self) -> Any:
        return Subscription.objects.select_related("pool", "card", "user")

    def get_page_title(self) -> str:
        row = self.row
        return f"{row.money.format()} {row.get_interval_display()}: {row.payer_name}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            facts=facts(
                self.row,
                "status",
                "description",
                "payer_name",
                "payer_email",
                "user",
                "pool",
                "card",
                "stripe_subscription",
                "failures",
                "failure_code",
                "retry_on",
                "next_on",
                "ends_on",
                "created_at",
                "started_at",
                "ended_at",
            ),
            payments=self.row.payments.order_by("-pk"),
            **kwargs,
        )


class SubscriptionViewSet(ReadViewSet):
    model = Subscription
    name = "payments_subscriptions"
    url_prefix = "money/recurring"
    icon = "rotate"
    menu_label = _("Recurring payments")
    page_view = SubscriptionPage
    list_filter = ["status", "interval", "pool", "currency", "next_on"]
    search_fields = ["payer_name", "payer_email", "stripe_subscription", "description"]
    list_display = [
        "payer_name",
        money_column("money", _("Amount"), lambda row: row.money, sort_key="amount"),
        "interval",
        "status",
        Column("pool", label=_("Pool"), accessor="pool.name"),
        "next_on",
        "ends_on",
        "created_at",
    ]

    def rows(self) -> Any:
        return Subscription.objects.select_related("pool")
