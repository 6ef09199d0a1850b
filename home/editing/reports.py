"""The reports on pages, under "Reports": translations, links, pages to review, drafts."""

from typing import Any

import django_filters
from django import forms
from django.conf import settings
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import CharField, Exists, OuterRef, QuerySet
from django.db.models.functions import Cast
from django.http import HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils.functional import cached_property
from django.utils.translation import get_language_info, gettext
from django.utils.translation import gettext_lazy as _
from django.views.decorators.http import require_POST
from wagtail.admin.filters import ContentTypeFilter, WagtailFilterSet
from wagtail.admin.ui.tables import Column, DateColumn, TitleColumn
from wagtail.admin.views.reports import ReportView
from wagtail.models import Page, WorkflowState, get_page_content_types

from core.models import User
from home.editing import reviews, translations
from home.editing.rights import RIGHTS, editable_by, policy
from home.models import LinkedAddress, PageLink


def _person(request: HttpRequest) -> User:
    assert isinstance(request.user, User)
    return request.user


class OnPages(ReportView):
    """A report for those who may edit pages."""

    any_permission_required = RIGHTS
    permission_policy = property(lambda self: policy())

    @property
    def index_url_name(self) -> str:
        return f"home_reports:{self.name}"

    @property
    def index_results_url_name(self) -> str:
        return f"home_reports:{self.name}_results"

    name = ""


def edit_page(page: Page) -> str:
    return reverse("wagtailadmin_pages:edit", args=[page.pk])


def _types(request: HttpRequest | None) -> Any:
    return get_page_content_types(include_base_page_type=False)


# --- Translations ------------------------------------------------------------------------------------


class TranslationFilters(WagtailFilterSet):
    """``state`` and ``language`` are read by the view, which knows the table."""

    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[choice for choice in translations.State.choices if choice[0] != "source"],
        method="keep",
        widget=forms.RadioSelect,
        empty_label=_("All"),
    )
    language = django_filters.ChoiceFilter(
        label=_("Language"), method="keep", widget=forms.RadioSelect, empty_label=_("All")
    )
    content_type = ContentTypeFilter(label=_("Type"), queryset=_types)

    class Meta:
        model = Page
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.filters["language"].extra["choices"] = settings.LANGUAGES

    def keep(self, queryset: QuerySet[Page], name: str, value: str) -> QuerySet[Page]:
        return queryset


class LanguageColumn(Column):
    """The state of a page in one language, with what can be done about it."""

    cell_template_name = "home/backoffice/translation_cell.html"

    def get_value(self, instance: Page) -> Any:
        return instance.row.cells.get(self.name)


class TranslationsView(OnPages):
    name = "languages"
    page_title = _("Pages by language")
    header_icon = "globe"
    model = Page
    filterset_class = TranslationFilters
    is_searchable = True
    search_fields = ["title"]
    search_backend_name = None
    export_filename = "pages-by-language"

    @cached_property
    def table(self) -> dict[int, translations.Row]:
        return translations.rows()

    @cached_property
    def codes(self) -> list[str]:
        return [code for code, _name in settings.LANGUAGES]

    @cached_property
    def columns(self) -> list[Column]:
        return [
            TitleColumn("title", label=_("Page"), get_url=edit_page),
            Column("kind", label=_("Type"), accessor=lambda page: page.page_type_display_name),
            *(LanguageColumn(code, label=_named(code)) for code in self.codes),
        ]

    @property
    def list_export(self) -> list[str]:
        return ["title", "page_type_display_name", "language", *self.codes]

    @property
    def export_headings(self) -> dict[str, Any]:
        return {
            "title": _("Page"),
            "page_type_display_name": _("Type"),
            "language": _("Language of the original"),
            **{code: _named(code) for code in self.codes},
        }

    def get_queryset(self) -> QuerySet[Page]:
        pages = editable_by(_person(self.request)).filter(pk__in=self.table)
        return pages.select_related("content_type").order_by("path")

    def filter_queryset(self, queryset: QuerySet[Page]) -> QuerySet[Page]:
        queryset = self.search_queryset(super().filter_queryset(queryset))
        if not (self.filters and self.filters.is_valid()):
            return queryset
        chosen = self.filters.form.cleaned_data
        state, language = chosen.get("state") or "", chosen.get("language") or ""
        if not state and not language:
            return queryset
        return queryset.filter(
            pk__in=[pk for pk, row in self.table.items() if row.is_in(state, language)]
        )

    def decorate_paginated_queryset(self, object_list: Any) -> Any:
        for page in object_list:
            page.row = self.table[page.pk]
        return object_list

    def to_row_dict(self, item: Page) -> dict[str, Any]:
        row = self.table[item.pk]
        cells = {code: row.cells[code].words if code in row.cells else "" for code in self.codes}
        return {
            "title": item.title,
            "page_type_display_name": str(item.page_type_display_name),
            "language": row.language,
            **cells,
        }


def _named(code: str) -> str:
    return str(get_language_info(code)["name_translated"])


# --- Links -------------------------------------------------------------------------------------------


class LinkFilters(WagtailFilterSet):
    state = django_filters.MultipleChoiceFilter(
        field_name="address__state",
        label=_("State"),
        choices=LinkedAddress.State.choices,
        widget=forms.CheckboxSelectMultiple,
    )

    class Meta:
        model = PageLink
        fields: list[str] = []


class LinksView(OnPages):
    """Without a filter: what is broken or does not answer."""

    name = "links"
    page_title = _("Broken links")
    header_icon = "link-external"
    model = PageLink
    filterset_class = LinkFilters
    is_searchable = True
    search_fields = ["address__address", "page__title"]
    search_backend_name = None
    export_filename = "links"
    columns = [
        TitleColumn(
            "page", label=_("Page"), accessor="page.title", get_url=lambda row: edit_page(row.page)
        ),
        Column("address", label=_("Leads to"), accessor="address.address"),
        Column("state", label=_("What was found"), accessor=lambda row: words_of(row.address)),
        DateColumn("since", label=_("Since"), accessor="address.since"),
        DateColumn("checked_at", label=_("Checked"), accessor="address.checked_at"),
    ]
    list_export = [
        "page.title",
        "address.address",
        "address.get_state_display",
        "address.get_reason_display",
        "address.answer",
        "address.since",
        "address.checked_at",
    ]
    export_headings = {
        "page.title": _("Page"),
        "address.address": _("Leads to"),
        "address.get_state_display": _("State"),
        "address.get_reason_display": _("Reason"),
        "address.answer": _("Answer of the server"),
        "address.since": _("Since"),
        "address.checked_at": _("Checked"),
    }

    def get_queryset(self) -> QuerySet[PageLink]:
        links = PageLink.objects.filter(page__in=editable_by(_person(self.request)))
        return links.select_related("page", "address").order_by(
            "address__state", "address__since", "pk"
        )

    def filter_queryset(self, queryset: QuerySet[PageLink]) -> QuerySet[PageLink]:
        queryset = self.search_queryset(super().filter_queryset(queryset))
        if self.request.GET.getlist("state"):
            return queryset
        return queryset.filter(address__state__in=IN_TROUBLE)


IN_TROUBLE = (LinkedAddress.State.BROKEN, LinkedAddress.State.SILENT)


def words_of(address: LinkedAddress) -> str:
    """The state with its reason and the server's answer: "Broken: … (404)"."""
    words = str(address.get_state_display())
    if address.reason:
        words += f": {address.get_reason_display()}"
    return f"{words} ({address.answer})" if address.answer else words


# --- Pages to review ---------------------------------------------------------------------------------


class ReviewColumn(Column):
    """The button "Reviewed today"."""

    cell_template_name = "home/backoffice/review_cell.html"

    def get_cell_context_data(self, instance: Page, parent_context: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_cell_context_data(instance, parent_context)
        context["csrf_token"] = parent_context.get("csrf_token")
        return context


class PageFilters(WagtailFilterSet):
    content_type = ContentTypeFilter(label=_("Type"), queryset=_types)

    class Meta:
        model = Page
        fields: list[str] = []


class OfPages(OnPages):
    """A list of pages with their language and type."""

    model = Page
    filterset_class = PageFilters
    list_export = ["title", "locale.language_code", "page_type_display_name"]
    export_headings = {
        "title": _("Page"),
        "locale.language_code": _("Language"),
        "page_type_display_name": _("Type"),
    }
    usual_columns = [
        TitleColumn("title", label=_("Page"), get_url=edit_page),
        Column("language", label=_("Language"), accessor="locale.language_code"),
        Column("kind", label=_("Type"), accessor=lambda page: page.page_type_display_name),
    ]


class ReviewsView(OfPages):
    name = "reviews"
    page_title = _("Not reviewed for a year")
    header_icon = "calendar-check"
    export_filename = "pages-to-review"
    list_export = [*OfPages.list_export, "seen_at"]
    export_headings = {**OfPages.export_headings, "seen_at": _("Last published or reviewed")}
    columns = [
        *OfPages.usual_columns,
        DateColumn("seen_at", label=_("Last published or reviewed")),
        ReviewColumn("review", label=_("Read it, then")),
    ]

    def get_queryset(self) -> QuerySet[Page]:
        pages = reviews.overdue(_person(self.request))
        return pages.select_related("content_type", "locale")


@require_POST
def mark_reviewed(request: HttpRequest, pk: int) -> HttpResponse:
    """Take a page off the list for another year."""
    page = get_object_or_404(Page, pk=pk)
    try:
        reviews.mark(page, by=_person(request))
    except PermissionDenied:
        messages.error(request, gettext("You may not edit this page."))
    else:
        words = gettext("“%(page)s” is marked as reviewed today.")
        messages.success(request, words % {"page": page.get_admin_display_title()})
    return redirect("home_reports:reviews")


# --- Drafts ------------------------------------------------------------------------------------------


class DraftsView(OfPages):
    """What somebody began and has neither published nor sent for review."""

    name = "drafts"
    page_title = _("My drafts")
    header_icon = "draft"
    export_filename = "my-drafts"
    columns = [*OfPages.usual_columns, DateColumn("latest_revision_created_at", label=_("Changed"))]

    def get_queryset(self) -> QuerySet[Page]:
        return drafts_of(_person(self.request)).select_related("content_type", "locale")


def drafts_of(person: User) -> Any:
    """The pages whose last draft is ``person``'s, unpublished and in nobody's hands for review."""
    under_review = WorkflowState.objects.filter(
        base_content_type__app_label="wagtailcore",
        base_content_type__model="page",
        object_id=Cast(OuterRef("pk"), CharField()),
        status=WorkflowState.STATUS_IN_PROGRESS,
    )
    return (
        editable_by(person)
        .filter(~Exists(under_review), has_unpublished_changes=True, latest_revision__user=person)
        .order_by("-latest_revision_created_at", "pk")
    )
