"""The list of news: all of them, and by year, topic, language and what they are about."""

from typing import Any

from django.http import HttpRequest, HttpResponse
from django.utils.translation import gettext_lazy as _
from wagtail.contrib.routable_page.models import RoutablePageMixin, re_path

from home.models.base import IndexPage

KINDS = "topic|language|pool|country|community"


class NewsIndexPage(RoutablePageMixin, IndexPage):
    """All news, the latest first. Below its address stand the parts of the list, each with a feed:
    /news/2026/, /news/topic/releases/, /news/topic/releases/feed/."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.NewsPage"]
    template = "home/news_index_page.html"
    page_description = _("Lists all news. Write news below it.")
    card_kind = _("News")

    class Meta:
        verbose_name = _("news list")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        # It is about what stands on this list's own models, so it cannot be imported above.
        from home import news_lists

        context = super().get_context(request, *args, **kwargs)
        return context | news_lists.context(self, request, kwargs.get("part"))

    def _part(self, request: HttpRequest, kind: str, value: Any) -> HttpResponse:
        from home import news_lists

        part = news_lists.part_or_404(self.locale, kind, value)
        return self.render(request, part=part)

    def _feed(self, request: HttpRequest, kind: str, value: Any) -> HttpResponse:
        from home import feeds, news_lists

        part = news_lists.part_or_404(self.locale, kind, value)
        return feeds.PartFeed(self, part)(request)

    @re_path(r"^(?P<value>20\d\d)/$")
    def year(self, request: HttpRequest, value: str) -> HttpResponse:
        return self._part(request, "year", value)

    @re_path(rf"^(?P<kind>{KINDS})/(?P<value>[\w-]+)/$")
    def part(self, request: HttpRequest, kind: str, value: str) -> HttpResponse:
        return self._part(request, kind, value)

    @re_path(rf"^(?P<kind>{KINDS})/(?P<value>[\w-]+)/feed/$")
    def feed_of_part(self, request: HttpRequest, kind: str, value: str) -> HttpResponse:
        return self._feed(request, kind, value)
