"""What the pages of the menu "Money" share: rights, breadcrumbs, lists that change nothing."""

import datetime
from collections.abc import Callable, Iterable
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import formats, timezone
from django.utils.functional import Promise, cached_property
from django.utils.translation import gettext
from django.views.defaults import permission_denied
from django.views.generic import TemplateView
from wagtail.admin.ui.tables import Column
from wagtail.admin.views import generic
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.models import ModelLogEntry
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.permissions import register_permission_policy

from core.cells import text_cell
from core.models import User
from core.money import Money
from core.refusals import Refusal
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry


class ReadPolicy(ModelPermissionPolicy):
    """Rows of money are seen by those with the right to; nobody adds, changes or deletes them
    here, whatever rights a group (or a superuser) has. The verbs of payments do."""

    def user_has_permission(self, user: Any, action: str) -> bool:
        return action == "view" and super().user_has_permission(user, action)

    def user_has_any_permission(self, user: Any, actions: Iterable[str]) -> bool:
        return any(self.user_has_permission(user, action) for action in actions)


def only_read(*models: type[Model]) -> None:
    """Give each model a `ReadPolicy`; at import, once."""
    for model in models:
        register_permission_policy(model, ReadPolicy(model))


class GuardedIndexView(generic.IndexView):
    """A list whose CSV runs no formula: names come from payers, and Wagtail escapes nothing."""

    custom_value_preprocess = {
        **generic.IndexView.custom_value_preprocess,
        str: {generic.IndexView.FORMAT_CSV: text_cell},
    }
    # What a viewset lists (`ReadViewSet.rows`); all rows of the model without one.
    rows: Callable[[], Any] | None = None

    def get_base_queryset(self) -> Any:
        return self.rows() if self.rows else super().get_base_queryset()

    def paginate_queryset(self, queryset: Any, page_size: int) -> Any:
        paginator, page, _rows, more = super().paginate_queryset(queryset, page_size)
        page.object_list = list(page.object_list)
        self.complete(page.object_list)
        return paginator, page, page.object_list, more

    def complete(self, rows: list[Any]) -> None:
        """Give the rows of one page, together, what their columns show and no join brings."""

    def search_queryset(self, queryset: Any) -> Any:
        """A row that other tables name several times is found once."""
        found = super().search_queryset(queryset)
        if found is queryset:
            return queryset
        return queryset.filter(pk__in=found.order_by().values("pk"))


class ListingViewSet(ModelViewSet):
    """A viewset that says which rows it lists; Wagtail asks one for a model for nothing but it."""

    index_view_class = GuardedIndexView

    def rows(self) -> Any:
        """The rows of the list, with what its columns read of other tables."""
        return self.model._default_manager.all()

    def get_index_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        return {**super().get_index_view_kwargs(**kwargs), "rows": self.rows}


class ReadViewSet(ListingViewSet):
    """A list with search and filters, and a page for each row.

    The page is Wagtail's inspect view, or ``page_view`` where more is shown or done. Nothing is
    added, edited or deleted, whoever asks. More URLs: ``more_urls()``.
    """

    inspect_view_enabled = True
    copy_view_enabled = False
    add_to_reference_index = False
    search_backend_name = None
    # The form class is asked for at start and never shown.
    form_fields: list[str] = []
    page_view: "type[RowPage] | None" = None

    def get_common_view_kwargs(self, **kwargs: Any) -> dict[str, Any]:
        common: dict[str, Any] = super().get_common_view_kwargs(**kwargs)
        for verb in ("add", "edit", "delete", "history", "usage"):
            common[f"{verb}_url_name"] = None
        return common

    def more_urls(self) -> list[URLPattern]:
        return []

    def get_urlpatterns(self) -> list[URLPattern]:
        conv = self.pk_path_converter
        page = (
            self.page_view.as_view(viewset_name=self.name, list_label=self.menu_label)
            if self.page_view
            else self.inspect_view
        )
        return [
            path("", self.index_view, name="index"),
            path("results/", self.index_results_view, name="index_results"),
            *self.more_urls(),
            path(f"inspect/<{conv}:pk>/", page, name="inspect"),
        ]

    def register_admin_url_finder(self) -> None:
        """There is no page to edit a row that the audit log could lead to."""


class MoneyPage(WagtailAdminTemplateMixin, TemplateView):
    """A page of our own: who may see it, what may be done there, its path.

    ``rights``: any one of them opens the page. ``acts``: the value of the button ``act`` → the
    right it needs and the method that does it. A method returns an answer, or raises a Refusal,
    which is shown on the page again.
    """

    rights: tuple[str, ...] = ()
    header_icon = "list-ul"
    viewset_name = ""
    list_label: str | Promise = ""
    http_method_names = ["get", "head", "post"]
    _show_breadcrumbs = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not any(request.user.has_perm(right) for right in self.rights):
            return permission_denied(request, PermissionDenied())
        return super().dispatch(request, *args, **kwargs)

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        items: list[dict[str, Any]] = list(self.breadcrumbs_items)
        if self.viewset_name:
            items.append({"url": reverse(f"{self.viewset_name}:index"), "label": self.list_label})
        return [*items, {"url": "", "label": self.get_page_title()}]

    def acts(self) -> dict[str, tuple[str, Callable[[], HttpResponse]]]:
        return {}

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        right, act = self.acts().get(request.POST.get("act", ""), ("", None))
        if act is None:
            return self.stay()
        if right and not self.person.has_perm(right):
            return permission_denied(request, PermissionDenied())
        try:
            return act()
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return self.stay()

    def stay(self) -> HttpResponse:
        return redirect(self.request.path)

    def done(self, words: str) -> HttpResponse:
        messages.success(self.request, words)
        return self.stay()


class RowPage(MoneyPage):
    """The page of one row of ``model``, at the viewset's ``inspect`` address."""

    model: type[Model]

    @cached_property
    def row(self) -> Any:
        return get_object_or_404(self.get_rows(), pk=self.kwargs["pk"])

    def get_rows(self) -> Any:
        return self.model._default_manager.all()

    def get_page_title(self) -> str:
        return str(self.row)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        log = ModelLogEntry.objects.for_instance(self.row).select_related("user")
        return super().get_context_data(**{"row": self.row, "log": log, **kwargs})


# --- Small helps ------------------------------------------------------------------------------------


def money_column(
    name: str, label: str | Promise, of: Callable[[Any], Money | None], **options: Any
) -> Column:
    """An amount with its currency; empty where there is none."""

    def shown(row: Any) -> str:
        money = of(row)
        return money.format() if money is not None else ""

    return Column(name, label=label, accessor=shown, **options)


def rows_of(entry: NewEntry) -> list[dict[str, Any]]:
    """The lines of an entry that is not posted yet, with a debit and a credit column."""
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


def rows_of_posted(entry: Entry) -> list[dict[str, Any]]:
    """The same of one that stands in the books."""
    return [
        {
            "pool": row.pool.code,
            "account": row.account.code,
            "debit": max(row.amount, 0) or None,
            "credit": max(-row.amount, 0) or None,
            "currency": row.currency,
        }
        for row in entry.postings.select_related("pool", "account").order_by("-amount")
    ]


def facts(row: Model, *names: str) -> list[tuple[str, str]]:
    """Fields of a row with their labels, for a table of facts; empty ones are left out."""
    found = []
    for name in names:
        field = row._meta.get_field(name)
        display = getattr(row, f"get_{name}_display", None)
        value = display() if display else getattr(row, name)
        if value not in (None, ""):
            found.append((str(getattr(field, "verbose_name", name)), _in_words(value)))
    return found


def _in_words(value: Any) -> str:
    """A value as people read it in the language in force."""
    if isinstance(value, bool):
        return gettext("yes") if value else gettext("no")
    if isinstance(value, datetime.datetime):
        return formats.date_format(timezone.localtime(value), "DATETIME_FORMAT")
    if isinstance(value, datetime.date):
        return formats.date_format(value)
    return str(value)
