"""The Atom feeds of the news: one a language, and one for each part of the list (RFC 4287)."""

import datetime
import hashlib
import uuid
from collections import defaultdict
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.cache import get_conditional_response
from django.utils.feedgenerator import Atom1Feed
from django.utils.http import parse_http_date_safe, quote_etag
from django.utils.translation import gettext
from wagtail.models import Locale

from home.models.base import public
from home.models.news import NewsAuthor, NewsPage, news_in
from home.models.news_index import NewsIndexPage
from home.models.topics import Topic
from home.news_lists import Part

NEWS_IN_FEED = 30
# What an empty feed says of its last change: the same each time, so that it stays unchanged.
LONG_AGO = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)


class Atom(Atom1Feed):
    """Django's, which dates a feed without entries to the moment it is asked for."""

    def latest_post_date(self) -> datetime.datetime:
        latest: datetime.datetime = super().latest_post_date() if self.items else LONG_AGO
        return latest


@dataclass(frozen=True, slots=True)
class Source:
    """What a feed tells: ``address`` is its own, which never changes, and so its id."""

    title: str
    address: str
    list_address: str
    news: QuerySet[NewsPage]
    locale: Locale
    request: HttpRequest


class NewsFeed(Feed):
    """Published news in the language of the address, the latest first."""

    feed_type = Atom

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().__call__(request, *args, **kwargs)
        # Of the content: an entry that is taken out changes it, though none is newer.
        etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
        modified = parse_http_date_safe(response["Last-Modified"])
        response["ETag"] = etag
        # What staff publish is in the feed at once.
        response["Cache-Control"] = "no-cache"
        return get_conditional_response(request, etag, modified, response) or response

    def get_object(self, request: HttpRequest) -> Source:
        locale = Locale.get_active()
        index = public(NewsIndexPage).filter(locale=locale).first()
        return Source(
            title=gettext("News of the %(name)s") % {"name": settings.SITE_NAME},
            address=reverse("news_feed"),
            list_address=str(index.get_url(request)) if index else reverse("news_feed"),
            news=news_in(locale),
            locale=locale,
            request=request,
        )

    def title(self, source: Source) -> str:
        return source.title

    def link(self, source: Source) -> str:
        return source.list_address

    def feed_guid(self, source: Source) -> str:
        return settings.SITE_URL + source.address

    def author_name(self, source: Source) -> str:
        return settings.SITE_NAME

    def items(self, source: Source) -> list[NewsPage]:
        found = list(source.news[:NEWS_IN_FEED])
        authors, topics = _authors(found), _topics(found, source.locale)
        for page in found:
            page.author_names = [*authors[page.pk], *([page.authors] if page.authors else [])]
            page.topic_names = topics[page.pk]
            page.address = page.get_full_url(source.request)
        return found

    def item_title(self, item: NewsPage) -> str:
        return item.title

    def item_description(self, item: NewsPage) -> str:
        return item.summary

    def item_link(self, item: NewsPage) -> str:
        return str(item.address)

    def item_guid(self, item: NewsPage) -> str:
        # One entry a text: an untranslated page is the same entry in every language's feed.
        return uuid.uuid5(item.translation_key, item.content_language).urn

    def item_author_name(self, item: NewsPage) -> str:
        return ", ".join(item.author_names) or settings.SITE_NAME

    def item_categories(self, item: NewsPage) -> list[str]:
        return item.topic_names

    def item_pubdate(self, item: NewsPage) -> datetime.datetime:
        return datetime.datetime.combine(item.date, datetime.time(), tzinfo=datetime.UTC)

    def item_updateddate(self, item: NewsPage) -> datetime.datetime:
        return item.last_published_at or self.item_pubdate(item)


class PartFeed(NewsFeed):
    """The news of one part of the list: a topic, a language, a pool, a country, a community."""

    def __init__(self, index: NewsIndexPage, part: Part) -> None:
        self.index, self.part = index, part

    def get_object(self, request: HttpRequest) -> Source:
        root = self.index.get_url(request) or ""
        name = {"title": self.part.title, "name": settings.SITE_NAME}
        return Source(
            title=gettext("%(title)s · %(name)s") % name,
            address=root + self.part.feed_path,
            list_address=root + self.part.path,
            news=self.part.news,
            locale=self.index.locale,
            request=request,
        )


def _authors(pages: list[NewsPage]) -> dict[int, list[str]]:
    found = defaultdict(list)
    rows = NewsAuthor.objects.filter(page__in=pages)
    for row in rows.select_related("user", "evangelist", "organisation").order_by("sort_order"):
        found[row.page_id].append(str(row))
    return found


def _topics(pages: list[NewsPage], locale: Locale) -> dict[int, list[str]]:
    """The names of each page's topics as readers of ``locale`` know them; two queries."""
    told = NewsPage.topics.through.objects.filter(newspage__in=pages)
    pairs = list(told.values_list("newspage", "topic__translation_key"))
    names = dict(
        Topic.objects.in_language(locale)
        .filter(translation_key__in={key for _page, key in pairs})
        .values_list("translation_key", "name")
    )
    found = defaultdict(list)
    for page, key in pairs:
        if key in names:
            found[page].append(names[key])
    return found
