"""Changes of tier in the back office: what waits, and what staff decide about it."""

from typing import Any

import django_filters
from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column
from wagtail.models import ModelLogEntry

from funding.dues import billing, changing
from funding.payments.backoffice.base import ReadViewSet, RowPage, facts, money_column, only_read
from funding.payments.models import Payment, Status
from membership import tier_changes
from membership.models import TierChange

only_read(TierChange)

State = TierChange.State


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("The organisation reads it."),
        error_messages={"required": _("Write the reason. The organisation reads it.")},
    )


class TierChangePage(RowPage):
    """One change: what it is, and the decision that it waits for."""

    model = TierChange
    rights = ("membership.view_tierchange",)
    template_name = "dues/tier_change.html"
    header_icon = "resubmit"

    def get_rows(self) -> Any:
        return TierChange.objects.select_related("term__organisation", "old_tier", "new_tier")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.row
        may = self.person.has_perm(tier_changes.DECIDE)
        context = {
            "facts": self._facts(),
            "log": ModelLogEntry.objects.for_instance(row.term).select_related("user")[:100],
            "invoice": billing.change_invoice(row),
            "may_decide": may and row.state == State.ASKED,
            "may_waive": may
            and self.person.has_perm(tier_changes.WAIVE)
            and row.state == State.BILLED,
            "may_withdraw": may and row.is_open,
            "owed_back": row.owed_back if row.owed_back.amount else None,
            "payments": self._payments() if row.owed_back.amount else [],
            "form": ReasonForm(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _facts(self) -> list[tuple[str, str]]:
        row = self.row
        difference = "" if row.state == State.ASKED else row.money.format()
        return [
            (gettext("State"), str(row.state.label)),
            (gettext("Difference"), difference),
            *facts(row, "term", "old_tier", "new_tier", "asked_by", "asked_at", "allowed_by"),
            *facts(row, "effective_on", "applied_on", "settled_on", "waived_on", "waived_by"),
            *facts(row, "waived_reason", "ended_on", "ended_by", "ended_reason"),
        ]

    def _payments(self) -> Any:
        """What paid the dues of the term: from one of them the difference goes back."""
        return Payment.objects.filter(
            purpose=billing.PURPOSE, purpose_id=self.row.term_id, status=Status.SUCCEEDED
        ).order_by("pk")

    def acts(self) -> dict[str, Any]:
        return {
            "allow": (tier_changes.DECIDE, self._allow),
            "decline": (tier_changes.DECIDE, self._decline),
            "waive": (tier_changes.WAIVE, self._waive),
            "withdraw": (tier_changes.DECIDE, self._withdraw),
        }

    def _allow(self) -> HttpResponse:
        change = changing.allow(self.row, by=self.person)
        return self.done(
            gettext("The change of tier is “%(state)s”.") % {"state": change.state.label}
        )

    def _decline(self) -> HttpResponse:
        return self._with_reason(changing.decline, gettext("Declined, and the reason is sent."))

    def _waive(self) -> HttpResponse:
        return self._with_reason(changing.waive, gettext("Waived: the tier is changed."))

    def _with_reason(self, act: Any, words: str) -> HttpResponse:
        form = ReasonForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        act(self.row, by=self.person, reason=form.cleaned_data["reason"])
        return self.done(words)

    def _withdraw(self) -> HttpResponse:
        changing.withdraw(self.row, by=self.person)
        return self.done(gettext("The change of tier is withdrawn."))


class TierChangeFilterSet(WagtailFilterSet):
    waiting = django_filters.ChoiceFilter(
        label=_("Waits for"),
        method="that_wait",
        choices=[
            ("decision", _("a decision")),
            ("payment", _("its payment")),
            ("back", _("money to go back")),
        ],
    )

    class Meta:
        model = TierChange
        fields = ["waiting", "old_tier", "new_tier"]

    def that_wait(self, queryset: Any, name: str, value: str) -> Any:
        opened = queryset.filter(applied_on__isnull=True, ended_on__isnull=True)
        match value:
            case "decision":
                return opened.filter(effective_on__isnull=True)
            case "payment":
                return opened.filter(effective_on__isnull=False)
        return queryset.filter(difference__lt=0, applied_on__isnull=False, settled_on__isnull=True)


class TierChangeViewSet(ReadViewSet):
    model = TierChange
    name = "dues_tier_changes"
    url_prefix = "members/tier-changes"
    icon = "resubmit"
    menu_label = _("Changes of tier")
    page_view = TierChangePage
    filterset_class = TierChangeFilterSet
    search_fields = ["term__organisation__public_name", "term__organisation__legal_name"]
    list_display = [
        Column("organisation", label=_("Organisation"), accessor="term.organisation"),
        "old_tier",
        "new_tier",
        Column("state", label=_("State"), accessor=lambda row: str(row.state.label)),
        money_column(
            "money", _("Difference"), lambda row: None if row.effective_on is None else row.money
        ),
        "asked_at",
        "applied_on",
    ]

    def rows(self) -> Any:
        return TierChange.objects.select_related("term__organisation", "old_tier", "new_tier")
