"""The menu "Members" of the back office, and the page on which an application is decided."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.models import ModelLogEntry

from core.models import User
from core.refusals import Refusal
from funding.dues import admission
from funding.dues.invoice_pages import DuesInvoiceViewSet
from funding.ledger.entries import NewEntry
from membership import applications, organisations
from membership.backoffice import (
    AgreementViewSet,
    FeeViewSet,
    OrganisationViewSet,
    ReadOnlyViewSet,
    TermViewSet,
    TierViewSet,
    VersionViewSet,
)
from membership.models import Application
from membership.refusals import MembershipRefusal

State = Application.State


class QueueView(generic.IndexView):
    """Applications that were handed in; a draft is its applicant's own business."""

    any_permission_required = ["view", "decide"]

    def get_base_queryset(self) -> Any:
        return Application.objects.exclude(submitted_at__isnull=True).select_related("tier")

    def get_edit_url(self, instance: Application) -> str:
        return reverse("membership_applications:decide", args=[instance.pk])

    def get_inspect_url(self, instance: Application) -> None:
        return None


class DueColumn(Column):
    """The day by which the applicant was promised an answer, marked once it is past."""

    def get_value(self, instance: Application) -> str:
        due = instance.answer_due_on
        if due is None or not instance.is_open:
            return "–"
        day = formats.date_format(due)
        return gettext("%(day)s (overdue)") % {"day": day} if due < timezone.localdate() else day


class DecisionForm(forms.Form):
    """Yes or no, and why."""

    decision = forms.ChoiceField(
        label=_("Decision"),
        choices=[("approve", _("Approve")), ("decline", _("Decline"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose to approve or to decline.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Needed to decline: the organisation reads it. Optional to approve."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("decision") == "decline" and not cleaned.get("reason", "").strip():
            self.add_error("reason", _("Write the reason. The organisation reads it."))
        return cleaned


class QuestionForm(forms.Form):
    question = forms.CharField(
        label=_("Question to the applicant"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write the question.")},
    )


class DecisionView(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """One application: what it says, what admitting it would do, and the decision.

    Whoever may view applications reads the page; the forms are for those who may decide, and not
    on a request of their own. The rules are asked again by the verbs themselves.
    """

    model = Application
    any_permission_required = ["view", "decide"]
    template_name = "dues/decide.html"
    header_icon = "form"
    _show_breadcrumbs = True

    @cached_property
    def application(self) -> Application:
        found: Application = get_object_or_404(
            Application.objects.select_related("tier", "applicant", "organisation", "decided_by"),
            pk=self.kwargs["pk"],
            submitted_at__isnull=False,
        )
        return found

    @property
    def reviewer(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def get_page_title(self) -> str:
        return str(self.application)

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            *self.breadcrumbs_items,
            {"url": reverse("membership_applications:index"), "label": _("Applications")},
            {"url": "", "label": str(self.application)},
        ]
        return items

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        application = self.application
        barred = self._why_barred()
        context: dict[str, Any] = {
            "application": application,
            "barred": barred,
            "can_begin": not barred and application.state == State.SUBMITTED,
            "can_ask": not barred and application.state == State.UNDER_REVIEW,
            "can_approve": not barred and State.APPROVED in applications.NEXT[application.state],
            "can_decline": not barred and State.DECLINED in applications.NEXT[application.state],
            "duplicates": organisations.find_duplicates(application),
            "acceptances": application.acceptances.select_related("version__agreement", "person"),
            "questions": application.information_requests.select_related("asked_by"),
            "log": ModelLogEntry.objects.for_instance(application).select_related("user"),
            "decision_form": self._decision_form(),
            "question_form": QuestionForm(),
            "confirming": None,
        }
        if application.is_open:
            context |= self._plan()
        return super().get_context_data(**{**context, **kwargs})

    def _why_barred(self) -> str:
        """Why this person decides nothing here, in words; "" when they may."""
        try:
            applications.require_reviewer(self.application, self.reviewer)
        except MembershipRefusal as refusal:
            return str(refusal)
        return ""

    def _decision_form(self, data: Any = None) -> DecisionForm:
        """A question that is still open can end in a decline, but not in an approval."""
        form = DecisionForm(data)
        if State.APPROVED not in applications.NEXT[self.application.state]:
            form.fields["decision"] = forms.ChoiceField(
                label=_("Decision"),
                choices=[("decline", _("Decline"))],
                initial="decline",
                widget=forms.RadioSelect,
            )
        return form

    def _plan(self) -> dict[str, Any]:
        try:
            plan = admission.plan(self.application, on=timezone.localdate())
        except Refusal as refusal:
            return {"plan": None, "no_plan": str(refusal)}
        return {"plan": plan, "entry_rows": _rows_of(plan.entry) if plan.entry else []}

    # --- What is done here ---

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        act = {
            "begin": self._begin,
            "ask": self._ask,
            "decide": self._ask_to_confirm,
            "confirm": self._decide,
        }.get(request.POST.get("act", ""))
        if act is None:
            return redirect("membership_applications:decide", pk)
        try:
            return act(request)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect("membership_applications:decide", pk)

    def _done(self, words: str) -> HttpResponse:
        messages.success(self.request, words)
        return redirect("membership_applications:decide", self.application.pk)

    def _begin(self, request: HttpRequest) -> HttpResponse:
        applications.begin_review(self.application, by=self.reviewer)
        return self._done(gettext("The review has begun."))

    def _ask(self, request: HttpRequest) -> HttpResponse:
        form = QuestionForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(question_form=form))
        applications.request_information(
            self.application, form.cleaned_data["question"], by=self.reviewer
        )
        return self._done(gettext("The question is sent to the applicant."))

    def _ask_to_confirm(self, request: HttpRequest) -> HttpResponse:
        form = self._decision_form(request.POST)
        confirming = form.cleaned_data["decision"] if form.is_valid() else None
        return self.render_to_response(
            self.get_context_data(decision_form=form, confirming=confirming)
        )

    def _decide(self, request: HttpRequest) -> HttpResponse:
        form = self._decision_form(request.POST)
        if not form.is_valid() and "reason" in form.errors:
            return self.render_to_response(self.get_context_data(decision_form=form))
        # The choice itself is judged by the verb, which records an attempt that it refuses.
        decision = request.POST.get("decision", "")
        reason = form.cleaned_data["reason"]
        if decision == "approve":
            term = admission.admit(self.application, by=self.reviewer, reason=reason)
            waived = term.waived_on is not None
            return self._done(
                gettext("Approved. The dues are waived and the membership is current.")
                if waived
                else gettext("Approved. The term is open and its invoice is issued.")
            )
        if decision == "decline":
            applications.decline(self.application, by=self.reviewer, reason=reason)
            return self._done(gettext("Declined. The applicant is told why."))
        return self.render_to_response(self.get_context_data(decision_form=form))


def _rows_of(entry: NewEntry) -> list[dict[str, Any]]:
    """The lines of an entry with a debit and a credit column."""
    return [
        {
            "pool": line.pool,
            "account": line.account,
            "debit": max(line.amount, 0) or None,
            "credit": max(-line.amount, 0) or None,
            "currency": line.currency,
        }
        for line in entry.lines
    ]


class ApplicationViewSet(ReadOnlyViewSet):
    model = Application
    name = "membership_applications"
    url_prefix = "members/applications"
    menu_label = _("Applications")
    icon = "form"
    index_view_class = QueueView
    inspect_view_enabled = False
    list_filter = ["state", "tier", "kind", "constituency", "country"]
    search_fields = ["public_name", "legal_name"]
    search_backend_name = None
    ordering = "-submitted_at"

    @property
    def list_display(self) -> list[Any]:
        return [
            "public_name",
            "state",
            "tier",
            "country_name",
            "submitted_at",
            DueColumn("due", label=_("Answer due")),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("<int:pk>/", DecisionView.as_view(), name="decide"),
        ]


class MembersGroup(ViewSetGroup):
    """Everything about members, in the order in which it is needed."""

    menu_label = _("Members")
    menu_icon = "group"
    menu_name = "members"
    menu_order = 200
    items = (
        ApplicationViewSet,
        OrganisationViewSet,
        TermViewSet,
        DuesInvoiceViewSet,
        TierViewSet,
        FeeViewSet,
        AgreementViewSet,
        VersionViewSet,
    )
