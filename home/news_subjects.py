"""Who wrote a piece of news and what it is about, with the public page of each where it has one."""

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Locale, Page

from core import countries
from funding.transparency.public_pools import visible
from home.models.base import public
from home.models.topics import Topic
from membership import queries as membership

if TYPE_CHECKING:
    from home.models.news import NewsAuthor, NewsPage


@dataclass(frozen=True, slots=True)
class Link:
    """A name and where it leads; ``href`` is empty where there is nothing public to read."""

    label: str
    href: str = ""


@dataclass(frozen=True, slots=True)
class Subjects:
    authors: list[Link]
    topics: list[Topic]
    about: list[Link]


def subjects_of(page: "NewsPage", request: HttpRequest, news_root: str) -> Subjects:
    """Four queries, whatever a page names. ``news_root`` is the address of the list of news."""
    authors = page.writers
    pages = _public_pages(page, authors)
    by_key = {each.translation_key: each for each in pages}
    for each in pages:
        # What the request has read of the site's roots already is not asked anew for each.
        each.href = each.get_url(request)
    about = [Link(each.title, each.href) for each in pages if not (each.country or each.is_person)]
    about += [_country(code, pages, news_root) for code in page.countries]
    return Subjects(
        authors=_authors(page, authors, by_key),
        topics=_topics(page),
        about=sorted(about, key=lambda link: countries.sort_key(link.label)),
    )


def _keys(related: Any, field: str) -> Any:
    """The values of a relation: a subquery, or a list while a page is only previewed."""
    found = related.all()
    if isinstance(found, QuerySet):
        return found.order_by().values(field)
    return [getattr(each, field) for each in found]


def _public_pages(page: "NewsPage", authors: "list[NewsAuthor]") -> list[Any]:
    """The pages of pools, countries, communities and evangelists in the language of the address."""
    told = Q(translation_key__in=_keys(page.communities, "translation_key"))
    pools = Q(poolpage__pool__in=visible().filter(pk__in=_keys(page.pools, "pk")))
    countries_told = Q(implementationcountrypage__country__in=page.countries)
    people = Q(
        translation_key__in=[
            row.evangelist.translation_key for row in authors if row.evangelist is not None
        ]
    )
    found = (
        public(Page)
        .filter(told | pools | countries_told | people, locale=page.locale_id)
        .annotate(
            country=F("implementationcountrypage__country"),
            is_person=Q(evangelistpage__isnull=False),
        )
        .order_by("title")
    )
    return list(found)


def _country(code: str, pages: list[Any], news_root: str) -> Link:
    own = next((each for each in pages if each.country == code), None)
    return Link(
        countries.get(code).name(), own.href if own else f"{news_root}country/{code.lower()}/"
    )


def _authors(page: "NewsPage", rows: "list[NewsAuthor]", by_key: dict[Any, Any]) -> list[Link]:
    members = _members({row.organisation_id for row in rows if row.organisation_id})
    named = []
    for row in rows:
        href = ""
        if row.evangelist is not None and row.evangelist.translation_key in by_key:
            href = by_key[row.evangelist.translation_key].href
        elif row.organisation is not None and row.organisation_id in members:
            href = reverse("member", kwargs={"slug": row.organisation.slug})
        if str(row):
            named.append(Link(str(row), href))
    return [*named, *([Link(page.authors)] if page.authors else [])]


def _members(chosen: set[int]) -> set[int]:
    if not chosen:
        return set()
    today = timezone.localdate()
    return set(membership.listed(today).filter(pk__in=chosen).values_list("pk", flat=True))


def _topics(page: "NewsPage") -> list[Topic]:
    locale: Locale = page.locale
    keys = _keys(page.topics, "translation_key")
    return list(Topic.objects.in_language(locale).filter(translation_key__in=keys))
