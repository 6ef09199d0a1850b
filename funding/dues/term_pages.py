"""Terms in the back office: waiving or cancelling one, and when membership years end."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import dates, timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.defaults import permission_denied
from django.views.generic import TemplateView
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.widgets import AdminDateInput
from wagtail.admin.widgets.button import HeaderButton

from core.models import User
from core.refusals import Refusal
from core.transactions import use_case
from funding.dues import billing, change_plan, changing, ending, resending, waiving
from membership import terms, tier_changes
from membership.backoffice import TermIndexView, TermViewSet
from membership.lists import Act
from membership.models import Organisation, Term, TermPolicy, Tier


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("The organisation reads it."),
        error_messages={"required": _("Write the reason. The organisation reads it.")},
    )


class CancelForm(ReasonForm):
    on = forms.DateField(
        label=_("With effect from"),
        widget=AdminDateInput,
        help_text=_("The first day on which it counts no more: today or a later day of the term."),
        error_messages={"required": _("Write the day.")},
    )
    field_order = ["on", "reason"]


class LengthForm(forms.Form):
    month = forms.TypedChoiceField(
        label=_("Membership years end with"),
        choices=[
            ("", _("No common month: every term is a year of its own")),
            *dates.MONTHS.items(),
        ],
        coerce=int,
        empty_value=None,
        required=False,
    )


class TermPage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """Base of the pages that change terms: a form, what it means, and the verb."""

    header_icon = "calendar-alt"
    _show_breadcrumbs = True

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            *self.breadcrumbs_items,
            {"url": reverse("membership_terms:index"), "label": TermViewSet.menu_label},
            {"url": "", "label": self.page_title},
        ]
        return items

    def done(self, words: str) -> HttpResponse:
        messages.success(self.request, words)
        return redirect("membership_terms:index")


class OneTermPage(TermPage):
    """Base of the pages that do something to one term."""

    model = Term

    @cached_property
    def term(self) -> Term:
        found: Term = get_object_or_404(
            Term.objects.select_related("organisation", "tier"), pk=self.kwargs["pk"]
        )
        return found


class CancelView(OneTermPage):
    """Cancel a term with effect from a day."""

    permission_required = "cancel"
    template_name = "dues/cancel_term.html"
    page_title = _("Cancel the term")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        invoice = billing.standing_invoice(self.term)
        shown = {"form": CancelForm(initial={"on": timezone.localdate()})}
        return super().get_context_data(term=self.term, invoice=invoice, **{**shown, **kwargs})

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = CancelForm(request.POST)
        if form.is_valid():
            try:
                ending.cancel_term(self.term, by=self.person, **form.cleaned_data)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                return self.done(
                    gettext("The term is cancelled, and the organisation is told why.")
                )
        return self.render_to_response(self.get_context_data(form=form))


class WaiveView(OneTermPage):
    """Ask nothing for a term that awaits its payment."""

    permission_required = "waive"
    template_name = "dues/waive_term.html"
    page_title = _("Waive dues")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        invoice = billing.standing_invoice(self.term)
        return super().get_context_data(
            **{"term": self.term, "invoice": invoice, "form": ReasonForm(), **kwargs}
        )

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        form = ReasonForm(request.POST)
        if form.is_valid():
            try:
                waiving.waive_dues(self.term, by=self.person, **form.cleaned_data)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                return self.done(gettext("The dues are waived, and the organisation is told why."))
        return self.render_to_response(self.get_context_data(form=form))


class TierView(TermPage):
    """What each other tier means for an organisation; by POST, one is asked for on its behalf."""

    model = Term
    permission_required = "view"
    template_name = "dues/change_tier.html"
    page_title = _("Change the tier")

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(tier_changes.DECIDE):
            return permission_denied(request, PermissionDenied())
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def organisation(self) -> Organisation:
        return get_object_or_404(
            Term.objects.select_related("organisation"), pk=self.kwargs["pk"]
        ).organisation

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        today = timezone.localdate()
        found = change_plan.plans(self.organisation, by=self.person, on=today)
        why_not = change_plan.why_not(self.organisation, by=self.person, on=today)
        shown = {"organisation": self.organisation, "plans": found, "why_not": why_not}
        return super().get_context_data(**{**shown, **kwargs})

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        tier = Tier.objects.filter(code=request.POST.get("tier", "")).first()
        if tier is None:
            messages.error(request, gettext("Choose a tier."))
            return redirect(request.path)
        try:
            change = changing.ask(self.organisation, tier, by=self.person)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)
        messages.success(
            request, gettext("The change of tier is “%(state)s”.") % {"state": change.state.label}
        )
        return redirect("dues_tier_changes:inspect", change.pk)


class LengthView(TermPage):
    """The month with which all membership years end, or none."""

    model = TermPolicy
    permission_required = "change"
    template_name = "dues/length_of_terms.html"
    page_title = _("Length of terms")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        form = LengthForm(initial={"month": terms.common_year_end() or ""})
        return super().get_context_data(**{"form": form, **kwargs})

    def post(self, request: HttpRequest) -> HttpResponse:
        form = LengthForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        with use_case():
            terms.set_common_year_end(form.cleaned_data["month"], by=self.person)
        return self.done(gettext("New terms are opened so from now on."))


class CancelColumn(Column):
    """A link to cancel a term that is not over."""

    cell_template_name = "dues/cancel_cell.html"

    def get_cell_context_data(self, instance: Term, parent_context: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_cell_context_data(instance, parent_context)
        user = parent_context["request"].user
        return {**context, "may": user.has_perm("membership.cancel_term")}

    def get_value(self, instance: Term) -> bool:
        return instance.cancelled_on is None and timezone.localdate() <= instance.ends_on


class WaiveColumn(Column):
    """A link to waive the dues of a term that awaits its payment; an offered renewal does."""

    cell_template_name = "dues/waive_cell.html"

    def get_cell_context_data(self, instance: Term, parent_context: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_cell_context_data(instance, parent_context)
        user = parent_context["request"].user
        return {**context, "may": user.has_perm(waiving.WAIVE)}

    def get_value(self, instance: Term) -> bool:
        return instance.cancelled_on is None and (
            instance.status(timezone.localdate()) == Term.Status.AWAITING_PAYMENT
        )


class TierColumn(Column):
    """A link to ask for another tier on behalf of the organisation."""

    cell_template_name = "dues/tier_cell.html"

    def get_cell_context_data(self, instance: Term, parent_context: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_cell_context_data(instance, parent_context)
        user = parent_context["request"].user
        return {**context, "may": user.has_perm(tier_changes.DECIDE)}

    def get_value(self, instance: Term) -> bool:
        wanted = (Term.Status.CURRENT, Term.Status.AWAITING_PAYMENT)
        return instance.status(timezone.localdate()) in wanted


class DuesTermIndexView(TermIndexView):
    def acts(self) -> list[Act]:
        return [
            Act(
                name="resend",
                label=_("Send their open invoices again"),
                rights=resending.RESENDERS,
                do=lambda row, by, _value: resending.resend(row, by=by),
                done=lambda count: (
                    ngettext(
                        "%(count)s invoice is sent again.",
                        "%(count)s invoices are sent again.",
                        count,
                    )
                    % {"count": count}
                ),
            )
        ]

    @cached_property
    def header_more_buttons(self) -> list[Any]:
        buttons: list[Any] = list(super().header_more_buttons)
        if self.request.user.has_perm("membership.change_termpolicy"):
            url = reverse("membership_terms:length")
            buttons.append(HeaderButton(label=gettext("Length of terms"), url=url, icon_name="cog"))
        return buttons


class DuesTermViewSet(TermViewSet):
    """The list of membership, with what is done to terms."""

    index_view_class = DuesTermIndexView

    @property
    def list_display(self) -> list[Any]:
        return [
            *super().list_display,
            TierColumn("tier_change", label=_("Change the tier")),
            WaiveColumn("waive", label=_("Waive dues")),
            CancelColumn("cancel", label=_("Cancel")),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            *super().get_urlpatterns(),
            path("length/", LengthView.as_view(), name="length"),
            path("tier/<int:pk>/", TierView.as_view(), name="tier"),
            path("waive/<int:pk>/", WaiveView.as_view(), name="waive"),
            path("cancel/<int:pk>/", CancelView.as_view(), name="cancel"),
        ]
