"""Donors, as staff read them: what each gave, who may be the same, letters with a code, logos."""

from typing import Any

from django.http import HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column

from core.merge_form import MergeForm
from core.refusals import Refusal
from funding.payments.backoffice.base import MoneyPage, ReadViewSet, RowPage, facts, only_read
from funding.pools import claims, details, merging
from funding.pools.donors import rows_of
from funding.pools.models import Donor, DonorCheck, Gift, Pledge
from funding.pools.permissions import CHANGE_DONOR, VIEW_DONOR

only_read(Donor)

# So many of each are listed on a donor's page; the lists of gifts and pledges have the rest.
SHOWN = 50


class DonorPage(RowPage):
    """One donor: facts, gifts and pledges, checks, likely duplicates, a code, a logo."""

    model = Donor
    rights = (VIEW_DONOR,)
    template_name = "pools/backoffice/donor.html"
    header_icon = "user"

    def get_rows(self) -> Any:
        return Donor.objects.select_related("user", "organisation", "merged_into", "logo")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row: Donor = self.row
        may_change = self.person.has_perm(CHANGE_DONOR)
        stands = row.merged_into_id is None
        context = {
            "facts": facts(
                row, "kind", "name", "email", "country", "organisation", "user",
                "public_name", "recorded_by", "created_at", "merged_at",
            ),
            "gifts": Gift.objects.filter(donor=row).select_related("pool")[:SHOWN],
            "pledges": Pledge.objects.filter(donor=row).select_related("pool")[:SHOWN],
            "checks": DonorCheck.objects.filter(donor__in=rows_of(row)).select_related(
                "checked_by"
            ),
            "merged": row.merged.all(),
            "duplicates": merging.likely_duplicates(row)[:SHOWN] if stands else [],
            "may_change": may_change and stands,
            "code": "",
            "days": claims.VALID.days,
        }  # fmt: skip
        return super().get_context_data(**{**context, **kwargs})

    def acts(self) -> dict[str, Any]:
        return {
            "code": (CHANGE_DONOR, self.issue_code),
            "show-logo": (CHANGE_DONOR, lambda: self.decide_logo(approved=True)),
            "drop-logo": (CHANGE_DONOR, lambda: self.decide_logo(approved=False)),
        }

    def issue_code(self) -> HttpResponse:
        """Shown in this very answer and kept nowhere, not even in a message for the next page."""
        code = claims.issue_claim_code(self.row, by=self.person)
        del self.row
        answer = self.render_to_response(self.get_context_data(code=code))
        answer["Cache-Control"] = "no-store, private"
        return answer

    def decide_logo(self, *, approved: bool) -> HttpResponse:
        sent = self.request.POST.get("logo", "")
        details.decide_logo(
            self.row,
            logo_id=int(sent) if sent.isdecimal() and len(sent) < 10 else 0,
            approved=approved,
            by=self.person,
        )
        if approved:
            return self.done(gettext("The logo is shown beside the donor’s public name."))
        return self.done(gettext("The logo is gone."))


class MergePage(MoneyPage):
    """Two rows side by side; by POST, with a reason, one takes over the other."""

    rights = (CHANGE_DONOR,)
    template_name = "pools/backoffice/donor_merge.html"
    page_title = _("Merge two donors")
    viewset_name = "donors"
    list_label = _("Donors")
    header_icon = "user"

    @cached_property
    def pair(self) -> tuple[Donor, Donor]:
        rows = Donor.objects.select_related("user", "organisation")
        return (
            get_object_or_404(rows, pk=self.kwargs["pk"]),
            get_object_or_404(rows, pk=self.kwargs["other"]),
        )

    def _form(self, *args: Any, **kwargs: Any) -> MergeForm:
        return MergeForm(
            *args,
            choices=[(row.pk, row.name) for row in self.pair],
            help_text=_("How you know that both are one donor. It stands in the log."),
            missing=_("Write how you know that both are one donor."),
            **kwargs,
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        names = ("kind", "email", "country", "organisation", "user", "recorded_by", "created_at")
        context = {
            "form": self._form(initial={"keep": str(self.pair[0].pk)}),
            "compared": [
                {
                    "row": row,
                    "facts": facts(row, *names),
                    "gifts": row.gifts.count(),
                    "pledges": row.pledges.count(),
                }
                for row in self.pair
            ],
            "back_url": reverse("donors:inspect", args=[self.pair[0].pk]),
        }
        return super().get_context_data(**{**context, **kwargs})

    def post(self, request: Any, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = self._form(request.POST)
        if form.is_valid():
            kept, gone = self.pair
            if form.cleaned_data["keep"] == str(gone.pk):
                kept, gone = gone, kept
            try:
                merging.merge_donors(kept, gone, by=self.person, reason=form.cleaned_data["reason"])
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                self.done(gettext("Both are one donor now."))
                return redirect("donors:inspect", kept.pk)
        return self.render_to_response(self.get_context_data(form=form))


class DonorViewSet(ReadViewSet):
    model = Donor
    name = "donors"
    icon = "user"
    menu_label = _("Donors")
    page_view = DonorPage
    list_filter = ["kind", "anonymous", "logo_approved", "created_at"]
    search_fields = ["name", "email", "public_name"]
    list_display = [
        "name",
        "kind",
        "email",
        "public_name",
        "user",
        Column(
            "merged",
            label=_("Merged"),
            accessor=lambda row: _("Merged") if row.merged_into_id else "",
        ),
        Column("logo", label=_("Logo"), accessor=lambda row: _logo_in_words(row)),
        "created_at",
    ]
    list_export = ["name", "kind", "email", "country", "public_name", "created_at"]

    def rows(self) -> Any:
        return Donor.objects.select_related("user")

    def more_urls(self) -> list[URLPattern]:
        return [
            path("merge/<int:pk>/<int:other>/", MergePage.as_view(), name="merge"),
        ]


def _logo_in_words(row: Donor) -> str:
    if row.logo_id is None:
        return ""
    return gettext("shown") if row.logo_approved else gettext("waits for you")
