"""Organisations, as staff read and mend them: facts, what hangs on them, logo, duplicates, merging."""

import datetime
from typing import Any

from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.merge_form import MergeForm
from core.refusals import Refusal
from membership import merging, organisations, profile, tasks, timeline
from membership.models import Organisation, SeatRecord
from membership.profile_forms import OrganisationProfileForm, StandingForm
from membership.staff_pages import StaffPage

VIEW = "membership.view_organisation"
CHANGE = profile.CHANGE

_FACTS = (
    "public_name",
    "legal_name",
    "kind",
    "constituency",
    "country",
    "currency",
    "website",
    "description",
    "description_fr",
    "description_pt",
    "registration_agency",
    "registration_number",
    "stated_identifier",
    "hidden_fields",
    "created_at",
    "merged_at",
)


def facts(organisation: Organisation) -> list[tuple[str, Any]]:
    """What is known of an organisation: labels and values, without what is empty."""
    found = []
    for name in _FACTS:
        field: Any = Organisation._meta.get_field(name)
        display = getattr(organisation, f"get_{name}_display", None)
        value = display() if display else getattr(organisation, name)
        if name == "country":
            value = organisation.country_name
        if isinstance(value, list):
            value = ", ".join(value)
        if isinstance(value, datetime.datetime):
            value = formats.date_format(timezone.localtime(value), "DATETIME_FORMAT")
        if value:
            found.append((str(field.verbose_name), value))
    return found


class OrganisationBase(StaffPage):
    """A page about one organisation."""

    right = CHANGE
    header_icon = "group"

    @cached_property
    def row(self) -> Organisation:
        rows = Organisation.objects.select_related("merged_into", "logo")
        found: Organisation = get_object_or_404(rows, pk=self.kwargs["pk"])
        return found

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            *self.breadcrumbs_items,
            {"url": reverse("membership_organisations:index"), "label": _("Organisations")},
            {"url": "", "label": self.get_page_title(), "sublabel": str(self.row)},
        ]
        return items

    def to_row(self, message: str, pk: int | None = None) -> HttpResponse:
        messages.success(self.request, message)
        return redirect("membership_organisations:inspect", pk or self.row.pk)


class OrganisationPage(OrganisationBase):
    """One organisation; by POST, staff decide about its logo."""

    right = VIEW
    template_name = "membership/backoffice/organisation.html"
    page_title = _("Organisation")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        stands = self.row.merged_into_id is None
        context = {
            "row": self.row,
            "facts": facts(self.row),
            "hanging": merging.what_hangs_on(self.row),
            "seats": self.row.seats.select_related("person"),
            "past_seats": SeatRecord.objects.filter(organisation=self.row, ends_at__isnull=False)
            .select_related("person")
            .order_by("-ends_at", "-id")[:100],
            "terms": self.row.terms.select_related("tier"),
            "applications": self.row.applications.all(),
            "merged": self.row.merged.all(),
            "duplicates": organisations.likely_duplicates(self.row) if stands else [],
            "may_change": stands and self.person.has_perm(CHANGE),
            "timeline": timeline.page_of(self.row, self.person, self._page_number()),
            **self._work(stands),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _page_number(self) -> int:
        text = self.request.GET.get("page", "")
        return int(text) if text.isascii() and text.isdecimal() and len(text) < 6 else 1

    def _work(self, stands: bool) -> dict[str, Any]:
        """Open tasks and the ways to more; nothing for whoever has a seat there."""
        sits = tasks.sits_in(self.person, (self.row.pk,))
        open_ones = tasks.visible_to(self.person).filter(organisation=self.row, outcome="")
        return {
            "sees_tasks": self.person.has_perm(tasks.VIEW),
            "open_tasks": open_ones.select_related("owner")[:20],
            "today": timezone.localdate(),
            "may_note": stands and not sits and self.person.has_perm(tasks.WRITE_NOTES),
            "may_add_task": stands and not sits and self.person.has_perm(tasks.ADD),
        }

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        act, sent = request.POST.get("act", ""), request.POST.get("logo", "")
        if act not in ("show-logo", "drop-logo"):
            return redirect("membership_organisations:inspect", self.row.pk)
        approved = act == "show-logo"
        try:
            profile.decide_logo(
                self.row,
                logo_id=int(sent) if sent.isascii() and sent.isdecimal() and len(sent) < 10 else 0,
                approved=approved,
                by=self.person,
            )
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect("membership_organisations:inspect", self.row.pk)
        if approved:
            return self.to_row(gettext("The logo is shown in the directory."))
        return self.to_row(gettext("The logo is gone."))


class FormPage(OrganisationBase):
    """A form about one organisation; it keeps what was typed."""

    template_name = "membership/backoffice/form.html"

    def make_form(self) -> Any:
        raise NotImplementedError

    def save(self, form: Any) -> None:
        """Do it; may raise a Refusal, which is shown above the form."""
        raise NotImplementedError

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {
            "form": kwargs.get("form") or self.make_form(),
            "back_url": reverse("membership_organisations:inspect", args=[self.row.pk]),
        }
        return super().get_context_data(**{**context, **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = self.make_form()
        if form.is_valid():
            try:
                self.save(form)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                return self.to_row(gettext("Saved."))
        return self.render_to_response(self.get_context_data(form=form))


class StandingPage(FormPage):
    """What invoices, fees and votes depend on, changed with a reason."""

    page_title = _("Change legal facts")

    def make_form(self) -> StandingForm:
        return StandingForm(self.request.POST or None, organisation=self.row)

    def save(self, form: StandingForm) -> None:
        profile.change_standing(
            self.row, form.standing(), by=self.person, reason=form.cleaned_data["reason"]
        )


class ProfilePage(FormPage):
    """What the organisation says of itself, for the day when it asks staff to write it."""

    page_title = _("Change profile")

    def make_form(self) -> OrganisationProfileForm:
        return OrganisationProfileForm(
            self.request.POST or None, self.request.FILES or None, organisation=self.row
        )

    def save(self, form: OrganisationProfileForm) -> None:
        profile.change_profile(self.row, form.profile(), by=self.person)
        if form.cleaned_data["logo"]:
            profile.propose_logo(self.row, form.cleaned_data["logo"], by=self.person)
        elif form.cleaned_data.get("remove_logo"):
            profile.remove_logo(self.row, by=self.person)


class MergePage(OrganisationBase):
    """Two organisations side by side; by POST, with a reason, one takes over the other."""

    template_name = "membership/backoffice/merge.html"
    page_title = _("Merge two organisations")

    @cached_property
    def pair(self) -> tuple[Organisation, Organisation]:
        return self.row, get_object_or_404(Organisation, pk=self.kwargs["other"])

    def _form(self, *args: Any, **kwargs: Any) -> MergeForm:
        return MergeForm(
            *args,
            choices=[(row.pk, row.legal_name) for row in self.pair],
            help_text=_("How you know that both are one organisation. It stands in the log."),
            missing=_("Write how you know that both are one organisation."),
            **kwargs,
        )

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kept, gone = self.pair
        context = {
            "form": self._form(initial={"keep": str(kept.pk)}),
            "compared": [
                {"row": row, "facts": facts(row), "hanging": merging.what_hangs_on(row)}
                for row in self.pair
            ],
            "overlap": merging.overlap(kept, gone),
            "back_url": reverse("membership_organisations:inspect", args=[kept.pk]),
        }
        return super().get_context_data(**{**context, **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = self._form(request.POST)
        if form.is_valid():
            kept, gone = self.pair
            if form.cleaned_data["keep"] == str(gone.pk):
                kept, gone = gone, kept
            try:
                merging.merge(kept, gone, by=self.person, reason=form.cleaned_data["reason"])
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                return self.to_row(gettext("Both are one organisation now."), kept.pk)
        return self.render_to_response(self.get_context_data(form=form))
