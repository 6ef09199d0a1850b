"""Checks of donors: what waits for one, writing one down, and all that were made."""

from typing import Any

from django import forms
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column

from core.models import User
from core.refusals import Refusal
from funding.payments.backoffice.base import MoneyPage, ReadViewSet, facts, only_read
from funding.payments.backoffice.panel import Need, counted
from funding.pools import checks, declining
from funding.pools.models import Donor, DonorCheck, Gift, Pledge
from funding.pools.permissions import DECLINE_GIFT, RECORD_CHECK
from funding.pools.refusals import GivingRefusal

only_read(DonorCheck)

# So many of each wait on one page; those that waited longest come first.
SHOWN = 100


def needs(person: User) -> list[Need | None]:
    """For the panel “What needs you”."""
    found: list[Need | None] = []
    if person.has_perm(RECORD_CHECK):
        found.append(_to_check())
    if person.has_perm(DECLINE_GIFT):
        found.append(_still_here())
    return found


def _to_check() -> Need | None:
    return counted(
        checks.unchecked_gifts().count() + checks.unchecked_pledges().count(),
        lambda count: ngettext(
            "%(count)s large gift or pledge waits for a check",
            "%(count)s large gifts or pledges wait for a check",
            count,
        ),
        reverse("pools_checks:waiting"),
    )


def _still_here() -> Need | None:
    return counted(
        len(declining.still_here()),
        lambda count: ngettext(
            "%(count)s declined gift is still to be given back",
            "%(count)s declined gifts are still to be given back",
            count,
        ),
        reverse("pools_checks:waiting") + "#declined",
    )


class WaitingPage(MoneyPage):
    """What waits for a check, and declined gifts whose money is still here."""

    rights = ("pools.view_donorcheck",)
    template_name = "pools/backoffice/checks_waiting.html"
    page_title = _("Large gifts and pledges to be checked")
    viewset_name = "pools_checks"
    list_label = _("Checks")
    header_icon = "tick"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        related = ("donor", "pool")
        context = {
            "gifts": checks.unchecked_gifts().select_related(*related).order_by("pk")[:SHOWN],
            "pledges": checks.unchecked_pledges().select_related(*related).order_by("pk")[:SHOWN],
            "declined": [
                (gift, declining.payments_of(gift).filter(status="succeeded"))
                for gift in declining.still_here()
            ],
            "may_check": self.person.has_perm(RECORD_CHECK),
        }
        return super().get_context_data(**{**context, **kwargs})


class CheckForm(forms.Form):
    kind = forms.ChoiceField(
        label=_("What was checked"),
        choices=DonorCheck.Kind.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what was checked.")},
    )
    outcome = forms.ChoiceField(
        label=_("What was found"),
        choices=DonorCheck.Outcome.choices,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose what was found.")},
    )
    looked_at = forms.CharField(
        label=_("What was looked at"),
        max_length=250,
        help_text=_("The lists with their dates, or the papers and addresses."),
        error_messages={
            "required": _("Write what you looked at: the lists with their dates, or the papers.")
        },
    )
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        help_text=_("Of a concern: what it is, so that others can decide."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class NewCheckPage(MoneyPage):
    """Writes down one look at a gift, a pledge, or a donor as such."""

    rights = (RECORD_CHECK,)
    template_name = "pools/backoffice/check_new.html"
    page_title = _("Record a check")
    viewset_name = "pools_checks"
    list_label = _("Checks")
    header_icon = "tick"

    @cached_property
    def thing(self) -> Gift | Pledge | Donor:
        pk = self.kwargs["pk"]
        match self.kwargs["of"]:
            case "gift":
                return get_object_or_404(Gift.objects.select_related("donor", "pool"), pk=pk)
            case "pledge":
                return get_object_or_404(Pledge.objects.select_related("donor", "pool"), pk=pk)
            case "donor":
                return get_object_or_404(Donor, pk=pk)
        raise Http404

    @property
    def donor(self) -> Donor:
        return self.thing if isinstance(self.thing, Donor) else self.thing.donor

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        thing = self.thing
        known = [] if isinstance(thing, Donor) else facts(thing, "pool", "created_at")
        money = [] if isinstance(thing, Donor) else [(gettext("Amount"), thing.money.format())]
        context = {
            "form": CheckForm(),
            "facts": money + known + facts(self.donor, "name", "kind", "email", "country"),
            "made": DonorCheck.objects.filter(donor=self.donor).select_related("checked_by"),
            "back_url": reverse("pools_checks:waiting"),
        }
        return super().get_context_data(**{**context, **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = CheckForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        try:
            return self._record(form.cleaned_data)
        except Refusal as refusal:
            field = refusal.field if isinstance(refusal, GivingRefusal) else None
            form.add_error(field if field in form.fields else None, str(refusal))
            return self.render_to_response(self.get_context_data(form=form))

    def _record(self, typed: dict[str, Any]) -> HttpResponse:
        thing = self.thing
        checks.record_check(
            self.donor,
            by=self.person,
            gift=thing if isinstance(thing, Gift) else None,
            pledge=thing if isinstance(thing, Pledge) else None,
            **typed,
        )
        self.done(gettext("The check is recorded."))
        if isinstance(thing, Gift):
            return redirect("gifts:inspect", thing.pk)
        return redirect("pools_checks:waiting")


class CheckViewSet(ReadViewSet):
    model = DonorCheck
    name = "pools_checks"
    icon = "tick"
    menu_label = _("Checks")
    list_filter = ["kind", "outcome", "checked_at"]
    search_fields = ["donor__name", "donor__email", "looked_at"]
    list_display = [
        "donor",
        Column("kind", label=_("Check"), accessor="get_kind_display"),
        Column("outcome", label=_("Found"), accessor="get_outcome_display"),
        "looked_at",
        "checked_by",
        "checked_at",
    ]
    inspect_view_fields = [
        "donor",
        "gift",
        "pledge",
        "kind",
        "outcome",
        "looked_at",
        "note",
        "checked_by",
        "checked_at",
    ]

    def rows(self) -> Any:
        return DonorCheck.objects.select_related("donor", "checked_by")

    def more_urls(self) -> list[URLPattern]:
        return [
            path("waiting/", WaitingPage.as_view(), name="waiting"),
            path("new/<slug:of>/<int:pk>/", NewCheckPage.as_view(), name="new"),
        ]
