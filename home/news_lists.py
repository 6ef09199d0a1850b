"""The parts of the list of news, each at an address that stays: a year, a topic, a language, and
whatever news can be about."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db.models import QuerySet
from django.http import Http404, HttpRequest
from django.utils.translation import get_language_info, gettext
from wagtail.models import Locale

from core import countries
from funding.transparency.public_pools import visible
from home.models.base import public
from home.models.communities import CommunityPage
from home.models.news import NewsPage, news_in, of_community, of_country, of_topic
from home.models.news_index import NewsIndexPage
from home.models.pools import PoolPage
from home.models.topics import Topic

NEWS_PER_PAGE = 10


@dataclass(frozen=True, slots=True)
class Part:
    """A part of the list: ``path`` below the list's own address, and what stands there.

    ``lang`` is the language of ``title`` where it is not the reader's.
    """

    kind: str
    value: str
    title: str
    news: QuerySet[NewsPage]
    lang: str = ""

    @property
    def path(self) -> str:
        return f"{self.value}/" if self.kind == "year" else f"{self.kind}/{self.value}/"

    @property
    def feed_path(self) -> str:
        """Where its feed is; a year has none: nothing is added to an old one."""
        return "" if self.kind == "year" else f"{self.path}feed/"


def part_or_404(locale: Locale, kind: str, value: str) -> Part:
    """The part of the list in one language. Raises Http404 where its subject does not exist."""
    part = _PARTS[kind](locale, value)
    if part is None:
        raise Http404
    return part


def _of_year(locale: Locale, value: str) -> Part | None:
    news = news_in(locale).filter(date__year=int(value))
    if not news.exists():
        return None
    return Part("year", value, gettext("News of %(year)s") % {"year": value}, news)


def _of_topic(locale: Locale, value: str) -> Part | None:
    key = Topic.objects.filter(slug=value).values("translation_key")[:1]
    topic = (
        Topic.objects.in_language(locale)
        .select_related("locale")
        .filter(translation_key__in=key)
        .first()
    )
    if topic is None:
        return None
    language = topic.locale.language_code
    return Part(
        "topic",
        value,
        topic.name,
        of_topic(news_in(locale), topic.translation_key),
        "" if language == locale.language_code else language,
    )


def _of_language(locale: Locale, value: str) -> Part | None:
    """What was written in a language or translated into it, whatever the frame speaks."""
    if value not in dict(settings.LANGUAGES):
        return None
    news = (
        public(NewsPage).filter(locale__language_code=value, alias_of=None).order_by("-date", "-pk")
    )
    name = get_language_info(value)["name_translated"]
    title = gettext("News in this language: %(language)s") % {"language": name}
    return Part("language", value, title, news)


def _of_pool(locale: Locale, value: str) -> Part | None:
    page = public(PoolPage).filter(locale=locale, pool__code=value, pool__in=visible()).first()
    if page is None:
        return None
    return _about(page, "pool", value, news_in(locale).filter(pools=page.pool_id))


def _of_country(locale: Locale, value: str) -> Part | None:
    country = countries.all_countries().get(value.upper())
    if country is None or value != value.lower():
        return None
    title = gettext("News about %(name)s") % {"name": country.name()}
    return Part("country", value, title, of_country(news_in(locale), country.iso2))


def _of_community(locale: Locale, value: str) -> Part | None:
    page = public(CommunityPage).filter(locale=locale, slug=value).first()
    if page is None:
        return None
    return _about(page, "community", value, of_community(news_in(locale), page.translation_key))


def _about(page: Any, kind: str, value: str, news: QuerySet[NewsPage]) -> Part:
    return Part(kind, value, gettext("News about %(name)s") % {"name": page.title}, news)


_PARTS: dict[str, Callable[[Locale, str], Part | None]] = {
    "year": _of_year,
    "topic": _of_topic,
    "language": _of_language,
    "pool": _of_pool,
    "country": _of_country,
    "community": _of_community,
}


@dataclass(frozen=True, slots=True)
class Choice:
    """One link above the list."""

    label: str
    href: str
    current: bool
    lang: str = ""


def context(page: NewsIndexPage, request: HttpRequest, part: Part | None) -> dict[str, Any]:
    """What the list's template shows: a page of news, and the ways to its other parts."""
    root = page.get_url(request) or ""
    news = part.news if part else news_in(page.locale)
    found = {
        "part": part,
        "page_obj": Paginator(news, NEWS_PER_PAGE).get_page(request.GET.get("page")),
        "root_href": root,
        "years": _years(page.locale, root, part),
        "topics": _topics(page.locale, root, part),
        "news_languages": _languages(root, part),
    }
    if part:
        found["part_feed_href"] = root + part.feed_path if part.feed_path else ""
    return found


def _years(locale: Locale, root: str, part: Part | None) -> list[Choice]:
    chosen = part.value if part and part.kind == "year" else ""
    days = news_in(locale).dates("date", "year", order="DESC")
    return [Choice(f"{day:%Y}", f"{root}{day:%Y}/", f"{day:%Y}" == chosen) for day in days]


def _topics(locale: Locale, root: str, part: Part | None) -> list[Choice]:
    """The topics that news in this language have."""
    chosen = part.value if part and part.kind == "topic" else ""
    told = NewsPage.topics.through.objects.filter(
        newspage__in=news_in(locale).order_by().values("pk")
    )
    found = (
        Topic.objects.in_language(locale)
        .filter(translation_key__in=told.values("topic__translation_key"))
        .select_related("locale")
    )
    return [
        Choice(
            topic.name,
            f"{root}topic/{topic.slug}/",
            topic.slug == chosen,
            "" if topic.locale_id == locale.pk else topic.locale.language_code,
        )
        for topic in found
    ]


def _languages(root: str, part: Part | None) -> list[Choice]:
    chosen = part.value if part and part.kind == "language" else ""
    return [
        Choice(
            get_language_info(code)["name_local"].capitalize(),
            f"{root}language/{code}/",
            code == chosen,
            code,
        )
        for code, _name in settings.LANGUAGES
    ]
