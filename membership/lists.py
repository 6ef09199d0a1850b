"""What the lists of members share: a CSV that runs no formula, saved views, and acts on chosen rows.

Each act goes through the verb of a single row, so it asks what that asks; a row that refuses keeps no
other from its act and is named with the reason.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.defaults import permission_denied
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic

from core.cells import text_cell
from core.models import User
from core.refusals import Refusal
from membership import saved_views

# How many rows one act takes: each is a transaction, and a page holds fewer.
MOST_CHOSEN = 200
# How many refusals are told by name.
MOST_TOLD = 20


class GuardedExportView(generic.IndexView):
    """A list whose CSV runs no formula: names come from applicants, and Wagtail escapes nothing."""

    custom_value_preprocess = {
        **generic.IndexView.custom_value_preprocess,
        # A row's own object is written by its name, as the applicant gave it.
        (str, Model): {generic.IndexView.FORMAT_CSV: lambda value: text_cell(str(value))},
    }


class ChooseColumn(Column):
    """A box to choose a row; it belongs to the form below the list."""

    cell_template_name = "membership/backoffice/choose_cell.html"

    def get_value(self, instance: Model) -> str:
        return str(instance)


@dataclass(frozen=True, slots=True)
class Act:
    """What can be done to chosen rows. ``do`` takes one row and raises a Refusal where it may not."""

    name: str
    label: str | Promise
    rights: tuple[str, ...]  # any one of them
    do: Callable[[Any, User, Any], object]
    # (count) → "3 applications are assigned."
    done: Callable[[int], str]
    field: forms.Field | None = None


class ViewForm(forms.Form):
    name = forms.CharField(
        label=_("Save this view as"),
        max_length=60,
        error_messages={"required": _("Write a name for the view.")},
    )
    is_shared = forms.BooleanField(label=_("Show it to colleagues"), required=False)


class WorkingList(GuardedExportView):
    """A list with saved views above it and acts on chosen rows below it.

    Everything is sent to the list's own address, which keeps the filters in its query.
    """

    template_name = "membership/backoffice/list.html"
    # The list's name in `SavedView.List`.
    list_name = ""

    @cached_property
    def columns(self) -> list[Any]:
        return [ChooseColumn("choose", label=""), *super().columns]

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def acts(self) -> list[Act]:
        return []

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(*args, **kwargs)
        if not self.results_only:
            context |= {
                "views": saved_views.seen_by(self.person, self.list_name),
                "view_form": kwargs.get("view_form") or ViewForm(),
                "query": saved_views.tidy(self.request.GET),
                "acts": [
                    {"act": act, "field": self._act_form(act)["value"] if act.field else None}
                    for act in self.acts()
                    if self._may(act)
                ],
            }
        return context

    def _may(self, act: Act) -> bool:
        return any(self.person.has_perm(right) for right in act.rights)

    def _act_form(self, act: Act, data: Any = None) -> forms.Form:
        assert act.field is not None
        form = forms.Form(data, prefix=act.name)
        form.fields["value"] = act.field
        return form

    # --- What is sent ---

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        name = request.POST.get("act", "")
        if name == "export":
            return self._export()
        own = {"save-view": self._save_view, "delete-view": self._delete_view}.get(name)
        try:
            if own is not None:
                return own()
            act = next((act for act in self.acts() if act.name == name), None)
            if act is None:
                return self._stay()
            if not self._may(act):
                return permission_denied(request, PermissionDenied())
            return self._do(act)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self._stay()

    def _stay(self) -> HttpResponse:
        return redirect(self.request.get_full_path())

    def _save_view(self) -> HttpResponse:
        form = ViewForm(self.request.POST)
        if not form.is_valid():
            for words in (word for each in form.errors.values() for word in each):
                messages.error(self.request, str(words))
            return self._stay()
        view = saved_views.save(
            self.list_name,
            query=saved_views.tidy(self.request.GET),
            by=self.person,
            **form.cleaned_data,
        )
        messages.success(self.request, gettext("“%(view)s” is saved.") % {"view": view})
        return self._stay()

    def _delete_view(self) -> HttpResponse:
        view = saved_views.delete(_number(self.request.POST.get("view", "")), by=self.person)
        messages.success(self.request, gettext("“%(view)s” is deleted.") % {"view": view})
        return self._stay()

    def _export(self) -> HttpResponseBase:
        """The chosen rows as the whole list exports them."""
        rows = self._chosen()
        if not rows:
            messages.error(self.request, gettext("Choose at least one row."))
            return self._stay()
        answer: HttpResponseBase = self.write_csv_response(rows)
        return answer

    def _chosen(self) -> list[Any]:
        """In the list's own order, and only those that this person's list holds."""
        sent = {_number(text) for text in self.request.POST.getlist("chosen")[:MOST_CHOSEN]}
        found = self.order_queryset(self.get_base_queryset().filter(pk__in=sent - {0}))
        return list(found)

    def _do(self, act: Act) -> HttpResponse:
        value = None
        if act.field is not None:
            form = self._act_form(act, self.request.POST)
            if not form.is_valid():
                messages.error(self.request, gettext("Choose one of those that are offered."))
                return self._stay()
            value = form.cleaned_data["value"]
        rows = self._chosen()
        if not rows:
            messages.error(self.request, gettext("Choose at least one row."))
            return self._stay()
        refused = []
        for row in rows:
            try:
                act.do(row, self.person, value)
            except Refusal as refusal:
                refused.append((str(row), str(refusal)))
        if len(refused) < len(rows):
            messages.success(self.request, act.done(len(rows) - len(refused)))
        self._tell(refused)
        return self._stay()

    def _tell(self, refused: list[tuple[str, str]]) -> None:
        for row, words in refused[:MOST_TOLD]:
            messages.warning(self.request, f"{row}: {words}")
        more = len(refused) - MOST_TOLD
        if more > 0:
            messages.warning(
                self.request,
                ngettext(
                    "And %(count)s more row was refused.",
                    "And %(count)s more rows were refused.",
                    more,
                )
                % {"count": more},
            )


def _number(text: str) -> int:
    """An id that was sent; 0, which no row has, for anything else."""
    return int(text) if text.isascii() and text.isdecimal() and len(text) < 12 else 0


def within_choices() -> list[tuple[int, str]]:
    """Within how many days from now something ends, to choose from."""
    return [
        (days, ngettext("%(count)s day", "%(count)s days", days) % {"count": days})
        for days in (30, 60, 90, 180, 365)
    ]
