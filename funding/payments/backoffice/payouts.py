"""Payouts: the queue, and the page on which two people decide."""

from typing import Any

import django_filters
from django import forms
from django.http import HttpResponse
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column
from wagtail.admin.widgets import AdminDateInput

from core.refusals import Refusal
from funding.payments import payout_purposes, payouts
from funding.payments.backoffice import waiting
from funding.payments.backoffice.asking import GiveBackView
from funding.payments.backoffice.base import (
    MoneyPage,
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
    rows_of,
    rows_of_posted,
)
from funding.payments.models import Match, Payment, Payout, Refund, Status
from funding.payments.permissions import APPROVE_PAYOUT, CONFIRM_MATCH, REQUEST_PAYOUT

only_read(Payout, Refund)


class DecisionForm(forms.Form):
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Needed to reject. The requester reads it."),
    )


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        error_messages={"required": _("Write the reason.")},
    )


class PaidForm(forms.Form):
    bank_reference = forms.CharField(
        label=_("Bank’s reference"),
        max_length=140,
        help_text=_("As the bank shows it for the order: the statement’s line is found by it."),
        error_messages={"required": _("Enter the bank’s reference of the order.")},
    )
    on = forms.DateField(
        label=_("Booked on"),
        widget=AdminDateInput,
        error_messages={"required": _("Enter the day."), "invalid": _("Enter a day.")},
    )


class FailedForm(ReasonForm):
    on = forms.DateField(
        label=_("On"),
        widget=AdminDateInput,
        error_messages={"required": _("Enter the day."), "invalid": _("Enter a day.")},
    )


class PayoutPage(RowPage):
    """One payout: what it does, who agreed, and the next step for whoever may take it."""

    model = Payout
    rights = ("payments.view_payout",)
    template_name = "payments/backoffice/payout.html"
    header_icon = "redirect"

    def get_rows(self) -> Any:
        return Payout.objects.select_related("pool", "payment", "requested_by", "entry")

    def get_page_title(self) -> str:
        return gettext("%(amount)s to %(beneficiary)s") % {
            "amount": self.row.money.format(),
            "beneficiary": self.row.beneficiary,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        payout = self.row
        entry = payout.entry or getattr(getattr(payout, "refund", None), "entry", None)
        planned = None if entry else self._planned()
        context: dict[str, Any] = {
            "facts": self._facts(),
            "decisions": payout.decisions.select_related("by").order_by("pk"),
            "approvals": payouts.APPROVALS,
            "missing": max(0, payouts.APPROVALS - payout.decisions.filter(approved=True).count()),
            "refund": Refund.objects.filter(payout=payout).first(),
            "match": self._overpayment(),
            "entry": entry,
            "entry_rows": rows_of_posted(entry) if entry else rows_of(planned) if planned else [],
            "standing": payouts.standing(payout, planned) if planned else None,
            "barred": self._why_barred(),
            **self._steps(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _overpayment(self) -> Match | None:
        if self.row.purpose != payout_purposes.OVERPAYMENT:
            return None
        return Match.objects.select_related("line__statement__account").get(pk=self.row.purpose_id)

    @property
    def _is_waiting(self) -> bool:
        return self.row.status in (Payout.Status.REQUESTED, Payout.Status.APPROVED)

    def _planned(self) -> Any:
        if not self._is_waiting:
            return None
        handler = payouts.handler_of(self.row.purpose)
        return handler.preview(self.row, timezone.localdate())

    def _facts(self) -> list[tuple[str, Any]]:
        payout = self.row
        return [
            (gettext("Reference"), payout.public_id),
            (gettext("Amount"), payout.money.format()),
            (gettext("Pool"), payout.pool),
            *facts(
                payout,
                "place",
                "beneficiary",
                "beneficiary_account",
                "reason",
                "requested_by",
                "requested_at",
                "bank_reference",
                "paid_on",
                "failure",
            ),
        ]

    def _why_barred(self) -> str:
        """Why this person decides nothing here, in words; "" when they may."""
        if self.row.status != Payout.Status.REQUESTED:
            return ""
        try:
            payouts.require_decider(self.row, self.person)
        except Refusal as refusal:
            return str(refusal)
        return ""

    def _steps(self) -> dict[str, Any]:
        """What this person can do here now, each with its form."""
        payout, person = self.row, self.person
        by_bank = payout.place == Payout.Place.BANK and person.has_perm(CONFIRM_MATCH)
        today = {"on": timezone.localdate()}
        return {
            "can_decide": payout.status == Payout.Status.REQUESTED and not self._why_barred(),
            "decision_form": DecisionForm(),
            "can_cancel": payout.status == Payout.Status.REQUESTED
            and payout.requested_by_id == person.pk,
            "cancel_form": ReasonForm(prefix="cancel"),
            "can_send_again": payout.status == Payout.Status.APPROVED
            and payout.place == Payout.Place.CLEARING
            and person.has_perm(APPROVE_PAYOUT),
            "can_pay": by_bank and payout.status == Payout.Status.APPROVED,
            "paid_form": PaidForm(initial=today),
            "can_fail": by_bank and payout.status in (Payout.Status.APPROVED, Payout.Status.PAID),
            "failed_form": FailedForm(prefix="failed", initial=today),
        }

    # What may be done is judged by the verbs, which record an attempt that they refuse.
    def acts(self) -> dict[str, Any]:
        return {
            "approve": ("", lambda: self._decide(approved=True)),
            "reject": ("", lambda: self._decide(approved=False)),
            "cancel": ("", self._cancel),
            "send": (APPROVE_PAYOUT, self._send),
            "paid": ("", self._paid),
            "failed": ("", self._failed),
        }

    def _decide(self, *, approved: bool) -> HttpResponse:
        form = DecisionForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(decision_form=form))
        payout = payouts.decide(
            self.row, by=self.person, approved=approved, note=form.cleaned_data["note"]
        )
        if not approved:
            return self.done(gettext("Rejected. The requester reads your note here."))
        if payout.status == Payout.Status.REQUESTED:
            return self.done(gettext("You approved it. One more person must approve."))
        if payout.place == Payout.Place.BANK:
            return self.done(gettext("Approved by two people. Order it at the bank now."))
        return self.done(gettext("Approved by two people. The card processor is asked now."))

    def _cancel(self) -> HttpResponse:
        form = ReasonForm(self.request.POST, prefix="cancel")
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(cancel_form=form))
        payouts.cancel(self.row, by=self.person, reason=form.cleaned_data["reason"])
        return self.done(gettext("The request is cancelled."))

    def _send(self) -> HttpResponse:
        payouts.send_again(self.row, by=self.person)
        return self.done(gettext("The card processor is asked again."))

    def _paid(self) -> HttpResponse:
        form = PaidForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(paid_form=form))
        payouts.paid_at_bank(
            self.row,
            bank_reference=form.cleaned_data["bank_reference"],
            on=form.cleaned_data["on"],
            by=self.person,
        )
        return self.done(gettext("It is marked paid and stands in the books."))

    def _failed(self) -> HttpResponse:
        form = FailedForm(self.request.POST, prefix="failed")
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(failed_form=form))
        payouts.came_back(
            self.row,
            on=form.cleaned_data["on"],
            by=self.person,
            reason=form.cleaned_data["reason"],
        )
        return self.done(gettext("It is marked failed."))


class OwedBackView(MoneyPage):
    """Money that we owe back: too much came, or for something that was not wanted any more."""

    rights = ("payments.view_payout",)
    template_name = "payments/backoffice/owed_back.html"
    page_title = _("Money owed back")
    viewset_name = "payments_payouts"
    list_label = _("Payouts")
    header_icon = "redirect"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        matches = Match.objects.filter(kind=Match.Kind.OWED_BACK, undone_at=None)
        booked = matches.exclude(entry=None).select_related("line__statement__account")
        found = [(match, payout_purposes.still_owed(match)) for match in booked.order_by("pk")]
        whole = Payment.objects.filter(
            status=Status.SUCCEEDED, entry__postings__account__code="credits-payable"
        )
        return super().get_context_data(
            matches=[{"match": match, "left": left} for match, left in found if left.amount],
            payments=[payment for payment in whole.distinct() if payment.refundable.amount],
            may_ask=self.person.has_perm(REQUEST_PAYOUT),
            **kwargs,
        )


class PayoutFilterSet(WagtailFilterSet):
    waiting = django_filters.ChoiceFilter(
        label=_("Waiting"),
        choices=[
            ("me", _("for my decision")),
            ("anyone", _("for anybody’s decision")),
            ("bank", _("to be ordered at the bank")),
            ("processor", _("to reach the card processor")),
        ],
        method="is_waiting",
    )

    class Meta:
        model = Payout
        fields = ["waiting", "status", "place", "pool", "currency", "requested_at"]

    def is_waiting(self, queryset: Any, name: str, value: str) -> Any:
        if value == "me":
            return queryset.filter(pk__in=waiting.payouts_for(self.request.user).values("pk"))
        if value == "bank":
            return queryset.filter(pk__in=waiting.payouts_to_order().values("pk"))
        if value == "processor":
            return queryset.filter(pk__in=waiting.payouts_not_sent().values("pk"))
        return queryset.filter(status=Payout.Status.REQUESTED)


class PayoutViewSet(ReadViewSet):
    model = Payout
    name = "payments_payouts"
    url_prefix = "money/payouts"
    icon = "redirect"
    menu_label = _("Payouts and refunds")
    page_view = PayoutPage
    index_template_name = "payments/backoffice/payouts.html"
    filterset_class = PayoutFilterSet
    search_fields = ["beneficiary", "reason", "bank_reference", "public_id", "payment__payer_email"]
    list_display = [
        "beneficiary",
        money_column("money", _("Amount"), lambda row: row.money, sort_key="amount"),
        "status",
        Column(
            "approvals",
            label=_("Approvals"),
            accessor=lambda row: (
                f"{sum(one.approved for one in row.decisions.all())}/{payouts.APPROVALS}"
            ),
        ),
        "place",
        Column("pool", label=_("Pool"), accessor="pool.name"),
        "requested_by",
        "requested_at",
    ]

    def rows(self) -> Any:
        return Payout.objects.select_related("pool", "requested_by").prefetch_related("decisions")

    def more_urls(self) -> list[URLPattern]:
        return [
            path("owed-back/", OwedBackView.as_view(), name="owed_back"),
            path("owed-back/<int:pk>/", GiveBackView.as_view(), name="give_back"),
        ]
