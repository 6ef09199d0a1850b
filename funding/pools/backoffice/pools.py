"""Pools: opened and edited here, never deleted.

Whoever may edit writes drafts; they count once somebody else has approved them in the workflow of
`funding.pools.review`. Nobody publishes past it, whatever rights they have.
"""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import FormView
from wagtail.admin.panels import FieldPanel, MultiFieldPanel, ObjectList
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import RevisionsRevertMixin
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.widgets.button import HeaderButton
from wagtail.permissions import register_permission_policy
from wagtail.snippets.views.snippets import (
    CreateView,
    EditView,
    IndexView,
    RevisionsCompareView,
    SnippetViewSet,
    WorkflowActionView,
)

from core.models import User
from core.refusals import Refusal
from funding.pools import opening
from funding.pools.backoffice.forms import RefusingView
from funding.pools.backoffice.pool_forms import EditPoolForm, OpenPoolForm, PoolForm
from funding.pools.backoffice.pool_words import TermComparison, differences
from funding.pools.backoffice.reading import ReadPolicy, money_text, staff
from funding.pools.models import PoolProfile
from funding.pools.refusals import TermsChangedMeanwhile

CHANGE_POOL = "pools.change_poolprofile"


class PoolPolicy(ReadPolicy):
    """Pools are opened and edited, and never deleted, unpublished or published past the review."""

    allowed = frozenset({"view", "add", "change"})


register_permission_policy(PoolProfile, PoolPolicy(PoolProfile))


# --- Views ----------------------------------------------------------------------------------------


class WholeDrafts(RefusingView):
    """A draft of terms is whole: no field is let off, and nothing is saved while somebody types."""

    request: HttpRequest

    def setup(self, request: HttpRequest, *args: Any, **kwargs: Any) -> None:
        super().setup(request, *args, **kwargs)  # type: ignore[misc]
        self.saving_as_draft = False
        self.autosave_enabled = False


class OpenPoolView(WholeDrafts, CreateView):
    """Opens a pool by the use case itself, which holds the only transaction."""

    page_title = _("Open a pool")

    def form_valid(self, form: OpenPoolForm) -> HttpResponse:
        self.form = form
        typed = form.cleaned_data
        try:
            self.object = opening.open_pool(
                code=typed["code"],
                currency=typed["currency"],
                title=typed["title"],
                live=False,
                by=staff(self.request),
                **form.terms,
            )
        except Refusal as refusal:
            return self.refused(form, refusal)
        self.new_revision = self.object.latest_revision
        return self.run_action_method() or self.save_action()


class EditPoolView(WholeDrafts, EditView):
    # Whether a version is saved even where nothing was typed.
    saves_unchanged = False

    def is_valid(self, form: EditPoolForm) -> bool:
        if not super().is_valid(form):
            return False
        if self._based_on() != self.object.latest_revision_id:
            form.add_error(None, str(TermsChangedMeanwhile()))
            self.produced_error_code = "invalid_revision"
            self.produced_error_message = str(TermsChangedMeanwhile())
            return False
        changes = form.changed_terms or self.saves_unchanged
        if changes and not form.cleaned_data["reason"].strip():
            form.add_error("reason", gettext("Write why the terms change."))
            self.produced_error_code = "validation_error"
            self.produced_error_message = self.get_error_message()
            return False
        return True

    def form_valid(self, form: EditPoolForm) -> HttpResponse:
        try:
            answer: HttpResponse = super().form_valid(form)
        except Refusal as refusal:
            return self.refused(form, refusal)
        return answer

    def save_instance(self) -> PoolProfile:
        form: EditPoolForm = self.form
        if not (form.changed_terms or self.saves_unchanged):
            # Sent for approval, or approved, as it is: the version that people read stays.
            self._check_newest()
            self.new_revision = self.object.latest_revision
            return self.object
        drafted: PoolProfile = form.save(commit=False)
        self.new_revision = opening.draft_terms(
            drafted,
            based_on=self._based_on(),
            changed=form.changed_terms,
            reason=form.cleaned_data["reason"].strip(),
            by=staff(self.request),
        )
        return drafted

    def _based_on(self) -> int | None:
        typed = self.request.POST.get("loaded_revision_id", "")
        return int(typed) if typed.isascii() and typed.isdigit() else None

    def _check_newest(self) -> None:
        newest = PoolProfile.objects.select_for_update().get(pk=self.object.pk)
        if newest.latest_revision_id != self._based_on():
            raise TermsChangedMeanwhile

    @property
    def header_buttons(self) -> list[Any]:
        buttons = list(super().header_buttons)
        if self.live_object.live and self.request.user.has_perm(CHANGE_POOL):
            paused = self.live_object.paused
            buttons.append(
                HeaderButton(
                    label=gettext("Take gifts again") if paused else gettext("Pause the pool"),
                    url=reverse("giving_pools:pause", args=[self.object.pk]),
                    icon_name="resubmit" if paused else "warning",
                )
            )
        return buttons


class RevertPoolView(RevisionsRevertMixin, EditPoolView):
    """An earlier version, to be saved as the newest draft."""

    view_name = "revisions_revert"
    saves_unchanged = True

    def save_instance(self) -> PoolProfile:
        return EditPoolView.save_instance(self)


class ComparePoolView(RevisionsCompareView):
    def _get_comparison(self, before: PoolProfile, after: PoolProfile) -> list[TermComparison]:
        return differences(before, after)


class DecideTermsView(WorkflowActionView):
    """Approves or sends back from the list of what waits. It decides on what was sent alone."""

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            if self.task_state.revision_id != self.object.latest_revision_id:
                raise TermsChangedMeanwhile
            answer: HttpResponse = super().post(request, *args, **kwargs)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect("giving_pools:edit", self.object.pk)
        return answer


class PauseForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        error_messages={"required": _("Write the reason.")},
    )


class PausePoolView(WagtailAdminTemplateMixin, FormView):
    """Stops a pool at once, or lets it take gifts again. One person may: it moves no money."""

    form_class = PauseForm
    template_name = "pools/backoffice/pause.html"
    header_icon = "warning"
    _show_breadcrumbs = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(CHANGE_POOL):
            raise PermissionDenied
        found = PoolProfile.objects.select_related("pool").filter(pk=kwargs["pk"]).first()
        if found is None:
            return redirect("giving_pools:list")
        self.profile = found
        return super().dispatch(request, *args, **kwargs)

    def get_page_title(self) -> str:
        return gettext("Take gifts again") if self.profile.paused else gettext("Pause the pool")

    def get_page_subtitle(self) -> str:
        return str(self.profile.title)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(**{"profile": self.profile, **kwargs})

    def form_valid(self, form: PauseForm) -> HttpResponse:
        assert isinstance(self.request.user, User)
        act = opening.resume if self.request.POST.get("act") == "resume" else opening.pause
        act(self.profile, by=self.request.user, reason=form.cleaned_data["reason"])
        if act is opening.pause:
            messages.success(self.request, gettext("The pool takes no gifts and no pledges."))
        else:
            messages.success(self.request, gettext("The pool takes gifts again."))
        return redirect("giving_pools:edit", self.profile.pk)


class PoolIndexView(IndexView):
    @property
    def columns(self) -> list[Any]:
        """Without the boxes for acts on many: there is none."""
        return list(super().columns[1:])


def _panels() -> list[Any]:
    return [
        MultiFieldPanel(
            [FieldPanel(name) for name in ("title", "code", "currency", "purpose", "restricted")],
            heading=_("What it is for"),
        ),
        MultiFieldPanel(
            [
                FieldPanel(name)
                for name in (
                    "opens_on",
                    "closes_on",
                    "goal_amount",
                    "goal_missed",
                    "remainder",
                    "overhead",
                )
            ],
            heading=_("Terms shown before giving"),
        ),
        MultiFieldPanel(
            [FieldPanel(name) for name in ("suggestions", "smallest", "largest")],
            heading=_("Amounts"),
        ),
        MultiFieldPanel(
            [FieldPanel(name) for name in ("goals", "sector_lines", "country_lines")],
            heading=_("What it works for, in codes"),
        ),
        FieldPanel("reason"),
    ]


class PoolViewSet(SnippetViewSet):
    model = PoolProfile
    name = "giving_pools"
    url_namespace = "giving_pools"
    url_prefix = "giving_pools"
    icon = "folder-open-inverse"
    menu_label = _("Pools")
    menu_item_is_registered = True
    copy_view_enabled = False
    inspect_view_enabled = False
    index_view_class = PoolIndexView
    add_view_class = OpenPoolView
    edit_view_class = EditPoolView
    revisions_revert_view_class = RevertPoolView
    revisions_compare_view_class = ComparePoolView
    workflow_action_view_class = DecideTermsView
    edit_handler = ObjectList(_panels(), base_form_class=EditPoolForm)
    list_display = [
        "__str__",
        Column("code", label=_("Code"), accessor="code"),
        Column("currency", label=_("Currency"), accessor="currency"),
        Column("goal", label=_("Goal"), accessor=lambda row: money_text(row.goal_money)),
        "opens_on",
        "closes_on",
        Column(
            "status",
            label=_("Status"),
            accessor=lambda row: row.status(timezone.localdate()).label,
        ),
    ]

    def get_form_class(self, for_update: bool = False) -> type[PoolForm]:
        return EditPoolForm if for_update else OpenPoolForm

    def get_queryset(self, request: Any) -> Any:
        return PoolProfile.objects.select_related("pool")

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            *super().get_urlpatterns(),
            path("pause/<int:pk>/", PausePoolView.as_view(), name="pause"),
        ]
