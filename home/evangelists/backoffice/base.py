"""A page of one row with buttons, and what the lists share."""

from collections.abc import Callable
from typing import Any, ClassVar

from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail.admin.ui.tables import TitleColumn
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.generic.permissions import PermissionCheckedMixin

from core.models import User
from core.refusals import Refusal
from membership.backoffice import ReadOnlyViewSet


class ReasonForm(forms.Form):
    """Why: the person reads it, or it stands in the log."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write the reason.")},
    )


class ActPage(PermissionCheckedMixin, WagtailAdminTemplateMixin, TemplateView):
    """One row, and what whoever may does with it: a button names its act."""

    permission_required = "view"
    viewset: ClassVar[str]
    menu_label: ClassVar[Any]
    _show_breadcrumbs = True

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def rows(self) -> Any:
        raise NotImplementedError

    @cached_property
    def row(self) -> Any:
        return get_object_or_404(self.rows(), pk=self.kwargs["pk"])

    @property
    def name(self) -> str:
        return str(self.row)

    def acts(self) -> dict[str, tuple[Callable[[str], object], Any]]:
        """By the value of a button: what it does with a reason, and what is said after."""
        raise NotImplementedError

    # The acts that ask for a reason.
    with_reason: ClassVar[tuple[str, ...]] = ()

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = [
            *self.breadcrumbs_items,
            {"url": reverse(f"{self.viewset}:index"), "label": self.menu_label},
            {"url": "", "label": self.page_title, "sublabel": self.name},
        ]
        return items

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", ReasonForm())
        return super().get_context_data(row=self.row, row_name=self.name, **kwargs)

    def post(self, request: HttpRequest, pk: int) -> HttpResponse:
        name = request.POST.get("act", "")
        act, said = self.acts().get(name, (None, ""))
        form = ReasonForm(request.POST)
        if act is not None and name in self.with_reason and not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        try:
            if act is not None:
                act(form.cleaned_data["reason"] if name in self.with_reason else "")
                messages.success(request, said)
        except Refusal as refusal:
            messages.error(request, str(refusal))
        return redirect(f"{self.viewset}:inspect", pk)


def title_column(
    viewset: str, name: str, label: Any, accessor: Callable[[Any], str]
) -> TitleColumn:
    """The column that leads to the page of a row."""
    return TitleColumn(
        name,
        label=label,
        accessor=accessor,
        get_url=lambda row: reverse(f"{viewset}:inspect", args=[row.pk]),
    )


def day_of(moment: Any) -> str:
    return formats.date_format(timezone.localdate(moment)) if moment else ""


def with_page(viewset: ReadOnlyViewSet, page: type[ActPage]) -> list[URLPattern]:
    return [
        path("", viewset.index_view, name="index"),
        path("results/", viewset.index_results_view, name="index_results"),
        path("<int:pk>/", page.as_view(), name="inspect"),
    ]
