"""The queue of applications in the back office, and the page on which one is decided."""

import uuid
from typing import Any, ClassVar

import django_filters
from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_safe
from django.views.generic import TemplateView
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin
from wagtail.models import ModelLogEntry

from core import uploads
from core.models import User
from core.refusals import Refusal
from funding.dues import admission
from funding.dues.application_forms import (
    AppealForm,
    AssignForm,
    DecisionForm,
    NoteForm,
    QuestionForm,
)
from funding.ledger.entries import NewEntry
from membership import application_rules, organisations, reviewing, waiting
from membership.backoffice import ReadOnlyViewSet
from membership.list_filters import country_filter
from membership.lists import Act, WorkingList
from membership.models import Application, Attachment, SavedView
from membership.refusals import MembershipRefusal

State = Application.State


class QueueView(WorkingList):
    """Applications that were handed in; a draft is its applicant's own business."""

    any_permission_required = ["view", "decide"]
    list_name = SavedView.List.APPLICATIONS
    export_headings: ClassVar[dict[str, Any]] = {"tier.code": _("Tier")}

    def acts(self) -> list[Act]:
        to = forms.ModelChoiceField(
            label=_("In the hands of"),
            queryset=application_rules.all_officers(),
            required=False,
            empty_label=_("Nobody"),
        )
        return [
            Act(
                name="assign",
                label=_("Assign"),
                rights=(reviewing.DECIDE,),
                do=lambda row, by, to: reviewing.assign(row, to, by=by),
                done=lambda count: (
                    ngettext(
                        "%(count)s application is assigned.",
                        "%(count)s applications are assigned.",
                        count,
                    )
                    % {"count": count}
                ),
                field=to,
            )
        ]

    def get_base_queryset(self) -> Any:
        return Application.objects.exclude(submitted_at__isnull=True).select_related(
            "tier", "assigned_to", "appeal"
        )

    def get_edit_url(self, instance: Application) -> str:
        return reverse("membership_applications:decide", args=[instance.pk])

    def get_inspect_url(self, instance: Application) -> None:
        return None


class DueColumn(Column):
    """The day by which the applicant was promised an answer, marked once it is past."""

    def get_value(self, instance: Application) -> str:
        due = instance.answer_due_on if instance.is_open else instance.appeal_due_on
        if due is None:
            return "–"
        day = formats.date_format(due)
        return gettext("%(day)s (overdue)") % {"day": day} if due < timezone.localdate() else day


class QueueFilterSet(WagtailFilterSet):
    """By what waits for whom; the words are those of "What needs you"."""

    waiting = django_filters.ChoiceFilter(
        label=_("Waiting"), choices=waiting.CHOICES, method="by_waiting"
    )
    country = country_filter()
    assigned_to = django_filters.ModelChoiceFilter(
        label=_("In the hands of"), queryset=lambda request: application_rules.all_officers()
    )

    class Meta:
        model = Application
        fields: ClassVar[list[str]] = [
            "waiting",
            "state",
            "tier",
            "kind",
            "constituency",
            "country",
            "assigned_to",
        ]

    def by_waiting(self, queryset: Any, name: str, value: str) -> Any:
        assert isinstance(self.request.user, User)
        return queryset.filter(pk__in=waiting.of(value, self.request.user).values("pk"))


@require_safe
def attachment(request: HttpRequest, pk: int, public_id: uuid.UUID) -> HttpResponse:
    """A file of an application that was handed in, for those who may read applications."""
    person = request.user
    rights = ("membership.view_application", reviewing.DECIDE)
    if not any(person.has_perm(right) for right in rights):
        raise PermissionDenied
    found = get_object_or_404(
        Attachment,
        public_id=public_id,
        application_id=pk,
        application__submitted_at__isnull=False,
    )
    return uploads.download(found.file_name, found.content_type, bytes(found.content))


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
            Application.objects.select_related(
                "tier", "applicant", "organisation", "decided_by", "assigned_to", "appeal"
            ),
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
            "can_approve": not barred
            and State.APPROVED in application_rules.NEXT[application.state],
            "can_decline": not barred
            and State.DECLINED in application_rules.NEXT[application.state],
            "duplicates": organisations.find_duplicates(application),
            "acceptances": application.acceptances.select_related("version__agreement", "person"),
            "questions": application.information_requests.select_related("asked_by"),
            "attachments": application.attachments.defer("content"),
            "notes": application.notes.select_related("by"),
            "approvals": application.approvals.select_related("by"),
            "first_of_two": application.is_open
            and reviewing.is_first_of_two(application, self.reviewer),
            "can_assign": not barred and application.is_open,
            "can_note": not barred,
            "note_form": NoteForm(),
            "assign_form": AssignForm(application),
            **self._appeal(),
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
            reviewing.require_reviewer(self.application, self.reviewer)
        except MembershipRefusal as refusal:
            return str(refusal)
        return ""

    def _appeal(self) -> dict[str, Any]:
        """What stands of an appeal, and the form for whoever may decide it."""
        if not self.application.has_appeal:
            return {"appeal": None}
        why_not = ""
        try:
            reviewing.require_appeal_reviewer(self.application, self.reviewer)
        except MembershipRefusal as refusal:
            why_not = str(refusal)
        return {
            "appeal": self.application.appeal,
            "appeal_barred": why_not,
            "appeal_form": AppealForm(),
        }

    def _decision_form(self, data: Any = None) -> DecisionForm:
        """A question that is still open can end in a decline, but not in an approval."""
        form = DecisionForm(data)
        if State.APPROVED not in application_rules.NEXT[self.application.state]:
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
            "assign": self._assign,
            "note": self._note,
            "appeal": self._decide_appeal,
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
        reviewing.begin_review(self.application, by=self.reviewer)
        return self._done(gettext("The review has begun."))

    def _ask(self, request: HttpRequest) -> HttpResponse:
        form = QuestionForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(question_form=form))
        reviewing.request_information(
            self.application, form.cleaned_data["question"], by=self.reviewer
        )
        return self._done(gettext("The question is sent to the applicant."))

    def _assign(self, request: HttpRequest) -> HttpResponse:
        form = AssignForm(self.application, request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(assign_form=form))
        reviewing.assign(self.application, form.cleaned_data["to"], by=self.reviewer)
        return self._done(gettext("It is noted who has it in hand."))

    def _note(self, request: HttpRequest) -> HttpResponse:
        form = NoteForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(note_form=form))
        reviewing.note(self.application, form.cleaned_data["note"], by=self.reviewer)
        return self._done(gettext("The note is kept."))

    def _decide_appeal(self, request: HttpRequest) -> HttpResponse:
        form = AppealForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(appeal_form=form))
        reviewing.decide_appeal(
            self.application,
            set_aside=form.cleaned_data["outcome"] == "set_aside",
            reason=form.cleaned_data["reason"],
            by=self.reviewer,
        )
        return self._done(gettext("The appeal is decided. The applicant is told."))

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
        if decision == "approve" and reviewing.is_first_of_two(self.application, self.reviewer):
            reviewing.approve_first(self.application, by=self.reviewer, reason=reason)
            return self._done(gettext("Your approval is kept. A second officer decides."))
        if decision == "approve":
            term = admission.admit(self.application, by=self.reviewer, reason=reason)
            waived = term.waived_on is not None
            return self._done(
                gettext("Approved. The dues are waived and the membership is current.")
                if waived
                else gettext("Approved. The term is open and its invoice is issued.")
            )
        if decision == "decline":
            reviewing.decline(self.application, by=self.reviewer, reason=reason)
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
    filterset_class = QueueFilterSet
    search_fields = ["public_name", "legal_name"]
    search_backend_name = None
    list_export = [
        "public_name",
        "legal_name",
        "kind",
        "constituency",
        "country",
        "tier.code",
        "state",
        "assigned_to",
        "submitted_at",
        "answer_due_on",
    ]
    ordering = "-submitted_at"

    @property
    def list_display(self) -> list[Any]:
        return [
            "public_name",
            "state",
            "tier",
            "country_name",
            "assigned_to",
            "submitted_at",
            DueColumn("due", label=_("Answer due")),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("<int:pk>/", DecisionView.as_view(), name="decide"),
            path("<int:pk>/files/<uuid:public_id>/", attachment, name="attachment"),
        ]
