"""Matching offers: the list, recording one, and what it comes to."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column
from wagtail.admin.widgets import AdminDateInput

from core.money import Money
from core.refusals import Refusal
from funding.payments.backoffice.base import (
    MoneyPage,
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
)
from funding.pools import hiding, matching
from funding.pools.backoffice.forms import AmountOfPoolForm
from funding.pools.models import Donor, MatchingOffer, PoolProfile
from funding.pools.permissions import HIDE_NAME, OFFER_MATCHING

only_read(MatchingOffer)

VIEW = "pools.view_matchingoffer"


class OfferForm(AmountOfPoolForm):
    amount_field = "most"
    # The limit on anonymity is a rule of every form of giving, whose field is called so.
    names = {"naming": "public_name"}

    reference = forms.UUIDField(widget=forms.HiddenInput)
    donor = forms.ModelChoiceField(
        label=_("Number of the donor"),
        queryset=Donor.objects.filter(merged_into=None),
        widget=forms.NumberInput,
        help_text=_("As the list of donors shows it. Record the donor first where there is none."),
        error_messages={
            "required": _("Enter the donor’s number."),
            "invalid_choice": _("There is no donor of this number."),
        },
    )
    pool = forms.ModelChoiceField(
        label=_("Pool"),
        queryset=PoolProfile.objects.select_related("pool").order_by("pool__name"),
        error_messages={"required": _("Choose the pool.")},
    )
    most = forms.CharField(
        label=_("Up to"),
        max_length=40,
        help_text=_("The most that is added in all, in the currency of the pool."),
        error_messages={"required": _("Enter the amount.")},
    )
    rate = forms.IntegerField(
        label=_("Share of each gift, per cent"),
        initial=100,
        help_text=_("100 doubles each gift."),
        error_messages={"required": _("Enter a share from 1 to 1000 per cent.")},
    )
    starts_on = forms.DateField(label=_("From"), widget=AdminDateInput)
    ends_on = forms.DateField(label=_("Until"), widget=AdminDateInput)
    public_name = forms.CharField(
        label=_("Name to show"),
        required=False,
        max_length=120,
        help_text=_("As the donor agreed that the public reads it. Empty: anonymous."),
    )
    binding = forms.BooleanField(
        label=_("The offer is binding"),
        required=False,
        initial=True,
        help_text=_("Then each settlement is entered in the books as owed."),
    )


class OfferView(MoneyPage):
    rights = (OFFER_MATCHING,)
    template_name = "pools/backoffice/matching_new.html"
    page_title = _("Record a matching offer")
    header_icon = "plus-inverse"
    viewset_name = "pools_matching"
    list_label = _("Matching")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        initial = {"reference": uuid.uuid4(), "starts_on": timezone.localdate()}
        return super().get_context_data(**{"form": OfferForm(initial=initial), **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = OfferForm(request.POST)
        if form.is_valid():
            values = dict(form.cleaned_data)
            try:
                offer = matching.offer_matching(
                    pool=values.pop("pool").pool, by=self.person, **values
                )
            except Refusal as refusal:
                form.refuse(refusal)
            else:
                messages.success(request, gettext("The offer is recorded."))
                return redirect("pools_matching:inspect", offer.pk)
        return self.render_to_response(self.get_context_data(form=form))


class EndForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=500, error_messages={"required": _("Write the reason.")}
    )


class MatchingPage(RowPage):
    """An offer: its terms, what it comes to today, and what was asked for."""

    model = MatchingOffer
    rights = (VIEW,)
    template_name = "pools/backoffice/matching.html"
    header_icon = "plus-inverse"

    def get_rows(self) -> Any:
        return MatchingOffer.objects.select_related("donor", "pool", "recorded_by")

    def get_page_title(self) -> str:
        row = self.row
        return gettext("%(donor)s matches gifts to %(pool)s") % {
            "donor": row.donor.name,
            "pool": row.pool.name,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.row
        context = {
            "facts": [
                (gettext("Donor"), f"{row.donor.name} ({row.donor_id})"),
                (gettext("Pool"), row.pool.name),
                (gettext("Up to"), row.limit.format()),
                *facts(row, "rate", "starts_on", "ends_on", "binding", "public_name"),
                *facts(row, "recorded_by", "created_at", "ended_at"),
            ],
            "matched": matching.matched(row),
            "settlements": [
                {"month": one.month, "amount": Money(one.amount, row.currency), "of": one}
                for one in row.settlements.select_related("pledge")
            ],
            "can_end": row.ended_at is None and self.person.has_perm(OFFER_MATCHING),
            "may_hide": self.person.has_perm(HIDE_NAME) and not row.anonymous,
            "end_form": EndForm(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def acts(self) -> dict[str, Any]:
        return {"end": (OFFER_MATCHING, self._end), "hide": (HIDE_NAME, self._hide)}

    def _hide(self) -> HttpResponse:
        hiding.hide_name(self.row, by=self.person, reason=self.request.POST.get("reason", ""))
        return self.done(gettext("The name is hidden. The offer shows as anonymous."))

    def _end(self) -> HttpResponse:
        form = EndForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(end_form=form))
        matching.end_offer(self.row, by=self.person, reason=form.cleaned_data["reason"])
        return self.done(gettext("The offer is ended. What it came to so far is still settled."))


class MatchingViewSet(ReadViewSet):
    model = MatchingOffer
    name = "pools_matching"
    url_prefix = "giving/matching"
    icon = "plus-inverse"
    menu_label = _("Matching")
    page_view = MatchingPage
    index_template_name = "pools/backoffice/matching_index.html"
    list_filter = ["pool", "starts_on", "ends_on"]
    search_fields = ["donor__name", "public_name"]
    list_display = [
        Column("donor", label=_("Donor"), accessor="donor.name"),
        Column("pool", label=_("Pool"), accessor="pool.name"),
        money_column("most", _("Up to"), lambda row: row.limit, sort_key="most"),
        "rate",
        "starts_on",
        "ends_on",
        "ended_at",
    ]

    def rows(self) -> Any:
        return MatchingOffer.objects.select_related("donor", "pool")

    def more_urls(self) -> list[URLPattern]:
        return [path("new/", OfferView.as_view(), name="new")]
