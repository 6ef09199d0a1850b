"""The menu "News": all news in one list, topics, and the import from a file or a feed."""

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import get_language, gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.ui.tables import DateColumn
from wagtail.admin.ui.tables.pages import BulkActionsColumn, PageTitleColumn
from wagtail.admin.views.pages.listing import IndexView as PageListingIndexView
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.admin.viewsets.pages import PageListingViewSet
from wagtail.permissions import page_permission_policy
from wagtail.snippets.views.snippets import SnippetViewSet

from core import csv_files
from core.refusals import Refusal
from home.models import NewsPage, Topic
from home.news_import import fetch, importing, news_csv
from home.news_import.importing import RIGHT, Kind
from membership.staff_pages import FileForm, PageViewSet, SampleFile, StaffPage


class UploadForm(FileForm):
    most = _("CSV in UTF-8 or Windows-1252: up to 50 rows and 1 MB.")


class FeedForm(forms.Form):
    address = forms.CharField(
        label=_("Address of the feed"),
        max_length=fetch.LONGEST_ADDRESS,
        help_text=_("Atom or RSS, beginning with https://. The first 50 entries are read."),
        error_messages={"required": _("Write the address.")},
    )
    language = forms.ChoiceField(
        label=_("Language"),
        choices=lambda: settings.LANGUAGES,
        help_text=_("The language that the feed is written in."),
    )


class ImportView(StaffPage):
    right = RIGHT
    template_name = "home/backoffice/import_news.html"
    page_title = _("Import news")
    header_icon = "upload"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {
            "upload_form": UploadForm(),
            "feed_form": FeedForm(initial={"language": get_language()}),
            "columns": news_csv.DESCRIBED,
        }
        return super().get_context_data(**{**context, **kwargs})

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        acts = {"file": self._look_at_file, "feed": self._look_at_feed, "import": self._import}
        act = acts.get(request.POST.get("act", ""))
        if act is None:
            return self.stay()
        try:
            return act()
        except Refusal as refusal:
            return self.refuse(str(refusal))

    def _look_at_file(self) -> HttpResponse:
        form = UploadForm(self.request.POST, self.request.FILES)
        if not form.is_valid():
            return self._again(upload_form=form)
        upload = form.cleaned_data["file"]
        content = upload.read(news_csv.MOST_BYTES + 1)
        try:
            return self._show(content, "csv", settings.LANGUAGE_CODE, upload.name)
        except Refusal as refusal:
            form.add_error("file", str(refusal))
            return self._again(upload_form=form)

    def _look_at_feed(self) -> HttpResponse:
        form = FeedForm(self.request.POST)
        if not form.is_valid():
            return self._again(feed_form=form)
        try:
            found = fetch.fetch(form.cleaned_data["address"].strip())
            return self._show(found.content, "feed", form.cleaned_data["language"], found.address)
        except Refusal as refusal:
            form.add_error("address", str(refusal))
            return self._again(feed_form=form)

    def _again(self, **forms: forms.Form) -> HttpResponse:
        return self.render_to_response(self.get_context_data(**forms))

    def _show(self, content: bytes, kind: Kind, language: str, source: str) -> HttpResponse:
        look = importing.dry_run(content, kind, language=language, by=self.person)
        token = csv_files.keep(_waits_as(kind, language), self.person, source, content)
        return self.render_to_response(
            self.get_context_data(
                look=look, token=token, kind=kind, language=language, source=source
            )
        )

    def _import(self) -> HttpResponse:
        sent = self.request.POST
        kind: Kind = "feed" if sent.get("kind") == "feed" else "csv"
        language, token = sent.get("language", ""), sent.get("token", "")
        found = csv_files.kept(_waits_as(kind, language), self.person, token)
        if found is None:
            return self.refuse(gettext("What was read waited too long. Choose it again."))
        source, content = found
        made = importing.bring(
            content,
            kind,
            language=language,
            source=source,
            chosen=csv_files.row_numbers(sent.getlist("row")),
            by=self.person,
        )
        csv_files.forget(_waits_as(kind, language), self.person, token)
        messages.success(
            self.request,
            ngettext(
                "%(count)s draft is made. Read it, then publish it or send it for review.",
                "%(count)s drafts are made. Read them, then publish them or send them for review.",
                len(made),
            )
            % {"count": len(made)},
        )
        return redirect("news:index")


def _waits_as(kind: Kind, language: str) -> str:
    return f"news-{kind}-{language[:8]}"


class SampleView(SampleFile):
    right = RIGHT
    file_name = "news-to-import.csv"

    def sample(self) -> str:
        return news_csv.sample()


class ImportViewSet(PageViewSet):
    name = "news_import"
    url_prefix = "news/import"
    menu_label = _("Import")
    icon = "upload"
    right = RIGHT

    def get_urlpatterns(self) -> list[URLPattern]:
        return [
            path("", ImportView.as_view(), name="index"),
            path("sample.csv", SampleView.as_view(), name="sample"),
        ]


class NewsIndexView(PageListingIndexView):
    """Without the copies that stand in for translations: they follow their original."""

    def get_base_queryset(self) -> Any:
        return super().get_base_queryset().filter(alias_of=None)


class NewsMenuItem(MenuItem):
    """Shown to those who write pages."""

    def is_shown(self, request: HttpRequest) -> bool:
        rights = {"add", "change", "publish"}
        return bool(page_permission_policy.user_has_any_permission(request.user, rights))


class NewsViewSet(PageListingViewSet):
    """All news, the latest changed first, with the button that writes one."""

    index_view_class = NewsIndexView
    menu_item_class = NewsMenuItem
    name = "news"
    url_prefix = "news/all"
    model = NewsPage
    icon = "doc-full"
    menu_label = _("All news")
    columns = [
        BulkActionsColumn("bulk_actions"),
        PageTitleColumn("title", label=_("Title"), sort_key="title", classname="title"),
        DateColumn("date", label=_("Date"), sort_key="date", width="15%"),
        *PageListingViewSet.columns[-2:],
    ]


class TopicViewSet(SnippetViewSet):
    model = Topic
    icon = "tag"
    menu_label = _("Topics")
    # It stands in the menu of the group, so not among the other snippets.
    menu_item_is_registered = True
    list_display = ["name", "slug"]
    search_fields = ["name"]
    ordering = ["name"]


class NewsGroup(ViewSetGroup):
    menu_label = _("News")
    menu_icon = "doc-full"
    menu_order = 130
    items = (NewsViewSet, TopicViewSet, ImportViewSet)
