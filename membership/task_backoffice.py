"""Tasks in the back office: the queue, the page of one, and what is done with several at once."""

from collections import Counter
from typing import Any, ClassVar

import django_filters
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import F, Q
from django.http import HttpRequest, HttpResponse, QueryDict
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST, require_safe
from django.views.generic import TemplateView
from wagtail.admin.active_filters import ActiveFilter
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from core import uploads
from core.models import User
from core.refusals import Refusal
from membership import tasks
from membership.backoffice import ReadOnlyViewSet
from membership.lists import GuardedExportView
from membership.models import Organisation, Task, TaskProof
from membership.task_forms import DoneForm, ExcuseForm, OwnerForm, TogetherForm

# No more are done together than a page of the queue shows.
TOGETHER = 50


def state_in_words(task: Task) -> str:
    if task.is_overdue(timezone.localdate()):
        return gettext("overdue")
    return task.get_outcome_display() if task.outcome else gettext("open")


# --- The queue ------------------------------------------------------------------------------------


class ChosenColumn(Column):
    """A box to choose a task; the form that it belongs to stands below the list."""

    cell_template_name = "membership/backoffice/chosen_cell.html"


class TaskFilterSet(WagtailFilterSet):
    """By whose and how late; the words are those of "What needs you"."""

    which = django_filters.ChoiceFilter(
        label=_("Which"),
        choices=[
            ("mine", _("in my hands")),
            ("nobody", _("in nobody’s hands")),
            ("overdue", _("overdue")),
            ("open", _("open")),
            ("done", _("closed")),
        ],
        method="by_which",
    )

    class Meta:
        model = Task
        fields: ClassVar[list[str]] = ["which"]

    def by_which(self, queryset: Any, name: str, value: str) -> Any:
        person = self.request.user
        assert isinstance(person, User)
        late = Q(outcome="", due_on__lt=timezone.localdate())
        return queryset.filter(
            {
                "mine": Q(outcome="", owner=person),
                "nobody": Q(outcome="") & tasks.without_a_person(),
                "overdue": late,
                "open": Q(outcome=""),
                "done": ~Q(outcome=""),
            }[value]
        )


class TaskIndexView(GuardedExportView):
    """Open ones first, the most urgent on top; then the closed ones, newest first."""

    def get_base_queryset(self) -> Any:
        assert isinstance(self.request.user, User)
        found = tasks.visible_to(self.request.user)
        if self.organisation_pk is not None:
            found = found.filter(organisation=self.organisation_pk)
        return found.select_related("organisation", "owner", "benefit__group").order_by(
            F("closed_at").desc(nulls_first=True), "due_on", "pk"
        )

    @cached_property
    def organisation_pk(self) -> int | None:
        """The one whose page links here. No choice of all: it would be longer than the queue."""
        number = self.request.GET.get("organisation", "")
        return int(number) if _is_number(number) else None

    @cached_property
    def is_filtering(self) -> bool:
        return bool(super().is_filtering) or self.organisation_pk is not None

    @cached_property
    def active_filters(self) -> list[ActiveFilter]:
        active: list[ActiveFilter] = super().active_filters
        if self.organisation_pk is None:
            return active
        organisation = Organisation.objects.filter(pk=self.organisation_pk).first()
        if organisation is None:
            return active
        query = self.request.GET.copy()
        for name in ("organisation", self.page_kwarg):
            query.pop(name, None)
        query["_w_filter_fragment"] = "1"  # as Wagtail's own: the part of the page that changes
        without = f"{self.index_results_url.split('?')[0]}?{query.urlencode()}"
        return [*active, ActiveFilter("", gettext("Organisation"), str(organisation), without)]

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(*args, **kwargs)
        if self.request.user.has_perm(tasks.CHANGE):
            context["together"] = TogetherForm()
            context["came_from"] = self.request.GET.urlencode()
        return context

    @cached_property
    def columns(self) -> list[Any]:
        columns: list[Any] = list(super().columns)
        if self.request.user.has_perm(tasks.CHANGE):
            columns.insert(0, ChosenColumn("chosen", label=_("Choose")))
        return columns


@require_POST
def together(request: HttpRequest) -> HttpResponse:
    """Put the chosen tasks into somebody's hands, or say of all that they were done."""
    person = request.user
    if not isinstance(person, User) or not person.has_perm(tasks.CHANGE):
        raise PermissionDenied
    back = QueryDict(request.POST.get("came_from", "")[:1000]).urlencode()
    form = TogetherForm(request.POST)
    act = request.POST.get("act", "")
    sent = [pk for pk in request.POST.getlist("task")[:TOGETHER] if _is_number(pk)]
    chosen = list(tasks.visible_to(person).filter(pk__in=sent))
    if not chosen:
        messages.warning(request, gettext("Choose at least one task in the list."))
    elif not form.is_valid() or act not in ("assign", "done"):
        messages.error(request, gettext("Choose an officer, or write how they were done."))
    else:
        _all_of(request, chosen, act, form.cleaned_data, person)
    return redirect(f"{reverse('membership_tasks:index')}{f'?{back}' if back else ''}")


def _is_number(text: str) -> bool:
    return text.isascii() and text.isdecimal() and len(text) < 10


def _all_of(
    request: HttpRequest, chosen: list[Task], act: str, values: dict[str, Any], person: User
) -> None:
    """Each task is a use case of its own: one that is refused keeps no other from being done."""
    refused: Counter[str] = Counter()
    for task in chosen:
        try:
            if act == "assign":
                tasks.assign(task, values["owner"], by=person)
            else:
                tasks.fulfil(task, by=person, words=values["words"])
        except Refusal as refusal:
            refused[str(refusal)] += 1
    if count := len(chosen) - refused.total():
        words = (
            ngettext(
                "%(count)s task is put into these hands.",
                "%(count)s tasks are put into these hands.",
                count,
            )
            if act == "assign"
            else ngettext("%(count)s task is done.", "%(count)s tasks are done.", count)
        )
        messages.success(request, words % {"count": count})
    for words, times in refused.items():
        messages.error(request, f"{words} ({times})" if times > 1 else words)


# --- One task -------------------------------------------------------------------------------------


@require_safe
def proof(request: HttpRequest, pk: int) -> HttpResponse:
    """The file that shows that a task was done, for those who may read the task."""
    if not isinstance(request.user, User) or not request.user.has_perm(tasks.VIEW):
        raise PermissionDenied
    found = get_object_or_404(TaskProof, task__in=tasks.visible_to(request.user), task=pk)
    return uploads.download(found.file_name, found.content_type, bytes(found.content))


class TaskPage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """One task, and what whoever may do tasks does with it."""

    model = Task
    permission_required = "view"
    template_name = "membership/backoffice/task.html"
    page_title = _("Task")
    header_icon = "tasks"
    _show_breadcrumbs = True

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    @cached_property
    def row(self) -> Task:
        rows = tasks.visible_to(self.person).select_related(
            "organisation", "owner", "benefit__group", "term", "closed_by", "created_by"
        )
        found: Task = get_object_or_404(rows, pk=self.kwargs["pk"])
        return found

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            *self.breadcrumbs_items,
            {"url": reverse("membership_tasks:index"), "label": TaskViewSet.menu_label},
            {"url": "", "label": self.page_title, "sublabel": str(self.row)},
        ]
        return items

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        sits = tasks.sits_in(self.person, (self.row.organisation_id,))
        may_act = self.row.is_open and self.person.has_perm(tasks.CHANGE) and not sits
        context: dict[str, Any] = {
            "row": self.row,
            "state": state_in_words(self.row),
            "sits": sits,
            "may_act": may_act,
            "proof": TaskProof.objects.filter(task=self.row).defer("content").first(),
        }
        if may_act:
            context |= {
                "owner_form": OwnerForm(task=self.row),
                "done_form": DoneForm(),
                "excuse_form": ExcuseForm(),
                "is_mine": self.row.owner_id == self.person.pk,
            }
        return super().get_context_data(**{**context, **kwargs})

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        act = {
            "take": self._take,
            "assign": self._assign,
            "done": self._done,
            "excuse": self._excuse,
        }.get(request.POST.get("act", ""))
        if act is None:
            return self._back()
        try:
            return act(request)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self._back()

    def _back(self, words: str = "") -> HttpResponse:
        if words:
            messages.success(self.request, words)
        return redirect("membership_tasks:inspect", self.row.pk)

    def _take(self, request: HttpRequest) -> HttpResponse:
        tasks.take_on(self.row, by=self.person)
        return self._back(gettext("It is in your hands."))

    def _assign(self, request: HttpRequest) -> HttpResponse:
        form = OwnerForm(request.POST, task=self.row)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(owner_form=form))
        tasks.assign(self.row, form.cleaned_data["owner"], by=self.person)
        return self._back(gettext("It is noted who has it in hand."))

    def _done(self, request: HttpRequest) -> HttpResponse:
        form = DoneForm(request.POST, request.FILES)
        if form.is_valid():
            values = form.cleaned_data
            try:
                tasks.fulfil(
                    self.row,
                    by=self.person,
                    words=values["words"],
                    link=values["link"],
                    sent=values["file"],
                )
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            else:
                return self._back(gettext("The task is done."))
        return self.render_to_response(self.get_context_data(done_form=form))

    def _excuse(self, request: HttpRequest) -> HttpResponse:
        form = ExcuseForm(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(excuse_form=form))
        tasks.excuse(self.row, form.cleaned_data["reason"], by=self.person)
        return self._back(gettext("The task is closed with its reason."))


class TaskViewSet(ReadOnlyViewSet):
    model = Task
    name = "membership_tasks"
    url_prefix = "members/tasks"
    menu_label = _("Tasks")
    icon = "tasks"
    index_view_class = TaskIndexView
    template_prefix = ""
    index_template_name = "membership/backoffice/tasks.html"
    filterset_class = TaskFilterSet
    search_fields = ["title", "organisation__public_name", "organisation__legal_name"]
    search_backend_name = None
    list_per_page = TOGETHER
    list_export = ["title", "organisation", "owner", "due_on", "outcome", "closed_at", "words"]

    @property
    def list_display(self) -> list[Any]:
        return [
            "__str__",
            Column("organisation", label=_("Organisation"), accessor=lambda row: row.organisation),
            Column("owner", label=_("In the hands of"), accessor=lambda row: row.hands),
            Column("due", label=_("Due on"), accessor=lambda row: formats.date_format(row.due_on)),
            Column("state", label=_("State"), accessor=state_in_words),
            Column("kind", label=_("Promised"), accessor=_promised_in_words),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            path("together/", together, name="together"),
            path("<int:pk>/", TaskPage.as_view(), name="inspect"),
            path("<int:pk>/proof/", proof, name="proof"),
        ]


def _promised_in_words(task: Task) -> str:
    return gettext("promised to the member") if task.is_promise else gettext("among officers")
