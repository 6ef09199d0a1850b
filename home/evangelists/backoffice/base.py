"""A page of one row with buttons, and what the lists share."""

from collections.abc import Callable
from functools import partial
from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import TitleColumn

from funding.payments.backoffice.base import RowPage
from membership.backoffice import ReadOnlyViewSet


class ReasonForm(forms.Form):
    """Why: the person reads it, or it stands in the log."""

    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write the reason.")},
    )


class ActPage(RowPage):
    """One row, and what whoever may does with it: a button names its act. The verbs check rights."""

    # The acts that ask for a reason.
    with_reason: ClassVar[tuple[str, ...]] = ()

    def deeds(self) -> dict[str, tuple[Callable[[str], object], Any]]:
        """By the value of a button: what it does with a reason, and what is said after."""
        raise NotImplementedError

    def acts(self) -> dict[str, tuple[str, Callable[[], HttpResponse]]]:
        return {name: ("", partial(self._do, name, *deed)) for name, deed in self.deeds().items()}

    def _do(self, name: str, act: Callable[[str], object], said: Any) -> HttpResponse:
        form = ReasonForm(self.request.POST)
        asks = name in self.with_reason
        if asks and not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        act(form.cleaned_data["reason"] if asks else "")
        return self.done(str(said))

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", ReasonForm())
        return super().get_context_data(**kwargs)


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
        path(
            "<int:pk>/",
            page.as_view(viewset_name=viewset.name, list_label=viewset.menu_label),
            name="inspect",
        ),
    ]
