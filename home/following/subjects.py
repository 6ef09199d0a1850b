"""What can be followed, and which of it a piece of news is about."""

import functools
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

from django.apps import apps
from django.conf import settings
from django.utils import translation
from django.utils.functional import Promise
from django.utils.translation import get_language, get_language_info, gettext_lazy
from django.utils.translation import gettext as _
from wagtail.models import Locale

from core import countries
from funding.transparency.public_pools import visible
from home.models.base import public
from home.models.following import Follow
from home.models.implementations import ImplementationCountryPage
from home.models.news import NewsPage
from home.models.pools import PoolPage


@dataclass(frozen=True, slots=True)
class Subject:
    """Something that can be followed."""

    kind: str
    key: str

    @property
    def value(self) -> str:
        """How a form names it."""
        return f"{self.kind}:{self.key}"


@dataclass(frozen=True, slots=True)
class Kind:
    """One kind of subject. ``choices`` are keys with names in the language in force, whose
    locale is given (a name of what is there no more is the key); ``of_news`` are the keys that a piece of news is about."""

    heading: str | Promise
    choices: Callable[[Locale], list[tuple[str, str]]]
    of_news: Callable[[NewsPage], Iterable[str]]


def _languages(_here: Locale) -> list[tuple[str, str]]:
    return [(code, _("News in %(language)s") % {"language": _native(code)}) for code in _codes()]


def _native(code: str) -> str:
    return str(get_language_info(code)["name_local"]).capitalize()


def _codes() -> list[str]:
    return [code for code, _name in settings.LANGUAGES]


def _pools(here: Locale) -> list[tuple[str, str]]:
    pages = public(PoolPage).filter(locale=here, pool__in=visible())
    rows = pages.select_related(None).order_by("title").values_list("pool__code", "title")
    return list(rows)


def _countries(_here: Locale) -> list[tuple[str, str]]:
    pages = public(ImplementationCountryPage).select_related(None)
    codes = set(pages.values_list("country", flat=True)) & countries.all_countries().keys()
    named = [(code, countries.get(code).name()) for code in codes]
    return sorted(named, key=lambda pair: countries.sort_key(pair[1]))


def _topics(here: Locale) -> list[tuple[str, str]]:
    model = _topic_model()
    if model is None:
        return []
    rows = model.objects.in_language(here).values_list("slug", "name")
    return sorted(rows, key=lambda pair: countries.sort_key(pair[1]))


@functools.cache
def _topic_model() -> Any:
    """The model of topics, where the portal has one."""
    models = apps.get_app_config("home").get_models()
    return next((model for model in models if model.__name__ == "Topic"), None)


KINDS: dict[str, Kind] = {
    Follow.Kind.NEWS: Kind(
        gettext_lazy("All news"), _languages, lambda page: [page.locale.language_code]
    ),
    Follow.Kind.POOL: Kind(
        gettext_lazy("Pools"), _pools, lambda page: page.pools.values_list("code", flat=True)
    ),
    Follow.Kind.COUNTRY: Kind(
        gettext_lazy("Countries"), _countries, lambda page: getattr(page, "countries", [])
    ),
    Follow.Kind.TOPIC: Kind(
        gettext_lazy("Topics"),
        _topics,
        lambda page: page.topics.values_list("slug", flat=True) if _topic_model() else [],
    ),
}


def choices() -> list[tuple[str, list[tuple[str, str]]]]:
    """All there is to follow, by kind, for a form; a query a kind."""
    found = []
    here = Locale.get_active()
    for name, kind in KINDS.items():
        options = [(Subject(name, key).value, label) for key, label in kind.choices(here)]
        if options:
            found.append((str(kind.heading), options))
    return found


def read(value: str) -> Subject:
    """The subject that a form or a link names. It may not exist: `choices` says what does."""
    kind, _colon, key = value.partition(":")
    return Subject(kind, key)


def names(language: str | None = None) -> dict[Subject, str]:
    """What each subject is called in a language (the one in force); a query a kind."""
    with translation.override(language or get_language() or "en"):
        here = Locale.get_active()
        return {
            Subject(name, key): label
            for name, kind in KINDS.items()
            for key, label in kind.choices(here)
        }


def of_news(page: NewsPage) -> Iterator[Subject]:
    """What a piece of news is about, all news in its language among it."""
    for name, kind in KINDS.items():
        for key in kind.of_news(page):
            yield Subject(name, key)
