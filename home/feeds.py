"""The Atom feed of the news, one a language."""

import datetime
import uuid
from typing import Any

from django.conf import settings
from django.contrib.syndication.views import Feed
from django.http import HttpRequest, HttpResponse
from django.urls import reverse
from django.utils.feedgenerator import Atom1Feed
from django.utils.translation import gettext
from wagtail.models import Locale

from home.models import NewsIndexPage, NewsPage
from home.models.base import public

NEWS_IN_FEED = 30


class NewsFeed(Feed):
    """Published news in the language of the address, the latest first."""

    feed_type = Atom1Feed

    def __call__(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response: HttpResponse = super().__call__(request, *args, **kwargs)
        # What staff publish is in the feed at once.
        response["Cache-Control"] = "no-cache"
        return response

    def get_object(self, request: HttpRequest) -> Locale:
        return Locale.get_active()

    def title(self, locale: Locale) -> str:
        return gettext("News of the %(name)s") % {"name": settings.SITE_NAME}

    def link(self, locale: Locale) -> str:
        index = public(NewsIndexPage).filter(locale=locale).first()
        return str(index.url) if index else reverse("news_feed")

    def feed_guid(self, locale: Locale) -> str:
        return settings.SITE_URL + reverse("news_feed")

    def author_name(self, locale: Locale) -> str:
        return settings.SITE_NAME

    def items(self, locale: Locale) -> list[NewsPage]:
        return list(public(NewsPage).filter(locale=locale).order_by("-date", "-pk")[:NEWS_IN_FEED])

    def item_title(self, item: NewsPage) -> str:
        return item.title

    def item_description(self, item: NewsPage) -> str:
        return item.summary

    def item_link(self, item: NewsPage) -> str:
        return str(item.full_url)

    def item_guid(self, item: NewsPage) -> str:
        # One entry a text: an untranslated page is the same entry in every language's feed.
        return uuid.uuid5(item.translation_key, item.content_language).urn

    def item_author_name(self, item: NewsPage) -> str:
        return item.authors or settings.SITE_NAME

    def item_pubdate(self, item: NewsPage) -> datetime.datetime:
        return datetime.datetime.combine(item.date, datetime.time(), tzinfo=datetime.UTC)

    def item_updateddate(self, item: NewsPage) -> datetime.datetime:
        return item.last_published_at or self.item_pubdate(item)
