"""Asking the search: what a reader typed and chose, and what is found. Two queries.

Whatever is typed is data: PostgreSQL's ``websearch_to_tsquery`` reads it and never refuses. Each
text is searched by the dictionary of its own words, with and without accents.
"""

import contextlib
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass, replace
from functools import cached_property
from typing import Any

from django.conf import settings
from django.core.paginator import Paginator
from django.db import OperationalError, connection, transaction
from django.urls import reverse
from django.utils.functional import Promise
from django.utils.http import urlencode
from django.utils.translation import gettext_lazy as _

from core import countries
from core.refusals import Refusal
from home.searching import words
from home.searching.folding import START, STOP, Part, cleaned, fold, marked, small, snippet
from home.searching.sources import KINDS
from home.searching.upkeep import config_of

LONGEST_QUERY = 120
RESULTS_PER_PAGE = 10
MILLISECONDS = 2_000
# Of a long text, how much is looked through for what to show.
SHOWN_FROM = 20_000
# Words of another language than the reader's come after their own.
FOREIGN = 0.5
QUERY_CANCELED = "57014"


class TooSlow(Refusal):
    message = _("The search took too long. Try fewer words.")


@dataclass(frozen=True, slots=True)
class Asked:
    """What an address asks for; what is empty is not set."""

    q: str = ""
    kind: str = ""
    country: str = ""
    year: int = 0

    @classmethod
    def read(cls, query: Mapping[str, str]) -> "Asked":
        """What names nothing known is left out: addresses are typed and shortened by people."""
        country, year = query.get("country", "").upper(), query.get("year", "")
        kind = query.get("kind", "")
        return cls(
            q=cleaned(query.get("q", "")[: LONGEST_QUERY * 4])[:LONGEST_QUERY].strip(),
            kind=kind if kind in KINDS else "",
            country=country if country in countries.all_countries() else "",
            year=int(year) if year.isascii() and year.isdecimal() and len(year) == 4 else 0,
        )

    @property
    def href(self) -> str:
        query = urlencode({name: value for name, value in asdict(self).items() if value})
        return reverse("search") + (f"?{query}" if query else "")


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a facet: where it leads and how much is found there."""

    label: str | Promise
    count: int
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Result:
    """One text that was found. ``lang`` is set where its words are not in the reader's language."""

    title: list[Part]
    snippet: list[Part]
    href: str
    kind: str | Promise
    year: int | None
    lang: str


@dataclass(frozen=True, slots=True)
class _Facet:
    kind: str
    countries: tuple[str, ...]
    year: int
    count: int

    def fits(self, asked: Asked, *, but: str = "") -> bool:
        return (
            (but == "kind" or not asked.kind or self.kind == asked.kind)
            and (but == "country" or not asked.country or asked.country in self.countries)
            and (but == "year" or not asked.year or self.year == asked.year)
        )


class Search:
    """What is found for a reader of a language. Raises TooSlow."""

    def __init__(self, asked: Asked, language: str, page: str | None = None) -> None:
        self.asked = asked
        self.language = language
        self.results: list[Result] = []
        self.meant = ""
        self._facets: list[_Facet] = []
        with _in_time():
            if asked.q:
                self._facets = self._count()
            paginator = Paginator(range(self.total), RESULTS_PER_PAGE)
            self.page_obj = paginator.get_page(page)
            if self.total:
                self.results = self._found(self.page_obj.start_index() - 1)
            elif asked.q and not self._facets:
                self.meant = self._nearest()

    @property
    def total(self) -> int:
        """How much is found with what was chosen."""
        return sum(facet.count for facet in self._facets if facet.fits(self.asked))

    @property
    def in_all(self) -> int:
        """How much is found without the facets chosen."""
        return sum(facet.count for facet in self._facets)

    @property
    def everywhere(self) -> str:
        """The address without the facets."""
        return Asked(self.asked.q).href

    @property
    def any_word(self) -> Asked | None:
        """The same query for any of its words, where each is there but no text has all."""
        typed = self.asked.q.split()
        if len(typed) < 2 or self.meant or not all(word.isalnum() for word in typed):
            return None
        return Asked(" or ".join(typed))

    @property
    def better(self) -> Asked | None:
        """The query as it was perhaps meant; it finds something."""
        return Asked(self.meant) if self.meant else None

    # --- Facets -----------------------------------------------------------------------------------

    @cached_property
    def kinds(self) -> list[Choice]:
        counted = self._by("kind", lambda facet: [facet.kind])
        return [
            self._choice("kind", kind, label, counted[kind])
            for kind, label in KINDS.items()
            if counted[kind] or self.asked.kind == kind
        ]

    @cached_property
    def countries(self) -> list[Choice]:
        counted = self._by("country", lambda facet: facet.countries)
        codes = {*counted, self.asked.country} - {""}
        found = [
            self._choice("country", code, countries.get(code).name(), counted[code])
            for code in codes
        ]
        return sorted(found, key=lambda choice: countries.sort_key(str(choice.label)))

    @cached_property
    def years(self) -> list[Choice]:
        counted = self._by("year", lambda facet: [facet.year] if facet.year else [])
        years = sorted({*counted, self.asked.year} - {0}, reverse=True)
        return [self._choice("year", year, str(year), counted[year]) for year in years]

    @property
    def all_kinds(self) -> Choice:
        return self._all("kind")

    @property
    def all_countries(self) -> Choice:
        return self._all("country")

    @property
    def all_years(self) -> Choice:
        return self._all("year")

    def _all(self, name: str) -> Choice:
        count = sum(facet.count for facet in self._facets if facet.fits(self.asked, but=name))
        nothing = 0 if name == "year" else ""
        return self._choice(name, nothing, _("All"), count)

    def _by(self, name: str, values: Any) -> Counter[Any]:
        counted: Counter[Any] = Counter()
        for facet in self._facets:
            if facet.fits(self.asked, but=name):
                for value in values(facet):
                    counted[value] += facet.count
        return counted

    def _choice(self, name: str, value: Any, label: str | Promise, count: int) -> Choice:
        changed: dict[str, Any] = {name: value}
        return Choice(
            label=label,
            count=count,
            href=replace(self.asked, **changed).href,
            current=getattr(self.asked, name) == value,
        )

    # --- The database -----------------------------------------------------------------------------

    def _count(self) -> list[_Facet]:
        rows = _rows(
            f"""
            {_ASKED}
            SELECT entry.kind, entry.countries, coalesce(entry.year, 0), count(*)
              FROM {_FOUND}
             GROUP BY 1, 2, 3
            """,  # noqa: S608 (constants)
            [*_of_each_language(self.asked.q), self.language],
        )
        return [_Facet(kind, tuple(named), year, count) for kind, named, year, count in rows]

    def _found(self, offset: int) -> list[Result]:
        asked = self.asked
        options = f"HighlightAll=true,StartSel={START},StopSel={STOP}"
        rows = _rows(
            f"""
            {_ASKED}, best AS (
                SELECT entry.*, asked.query,
                       ts_rank(entry.vector, asked.query, 1)
                       * CASE WHEN entry.language = %s THEN 1 ELSE %s END AS rank
                  FROM {_FOUND}
                   AND (%s = '' OR entry.kind = %s)
                   AND (%s = '' OR entry.countries @> ARRAY[%s]::varchar[])
                   AND (%s = 0 OR entry.year = %s)
                 ORDER BY rank DESC, entry.id
                 LIMIT %s OFFSET %s
            )
            SELECT kind, language, year, paths ->> %s, title, left(text, {SHOWN_FROM}),
                   ts_headline(config::regconfig, folded_title, query, %s),
                   ts_headline(config::regconfig, left(folded_text, {SHOWN_FROM}), query, %s)
              FROM best
             ORDER BY rank DESC, id
            """,  # noqa: S608 (constants)
            [
                *_of_each_language(asked.q),
                self.language,
                FOREIGN,
                self.language,
                *(asked.kind, asked.kind, asked.country, asked.country, asked.year, asked.year),
                RESULTS_PER_PAGE,
                offset,
                self.language,
                options,
                options,
            ],
        )
        return [self._result(*row) for row in rows]

    def _result(
        self,
        kind: str,
        language: str,
        year: int | None,
        href: str,
        title: str,
        text: str,
        found_title: str,
        found_text: str,
    ) -> Result:
        return Result(
            title=marked(title, found_title),
            snippet=snippet(marked(text, found_text)),
            href=href,
            kind=KINDS.get(kind, KINDS["page"]),
            year=year,
            lang="" if language == self.language else language,
        )

    def _nearest(self) -> str:
        """What was perhaps meant, if that finds anything."""
        near = words.nearest(self.asked.q, self.language)
        if not near:
            return ""
        found = _rows(
            f"{_ASKED} SELECT 1 FROM {_FOUND} LIMIT 1",  # noqa: S608 (constants)
            [*_of_each_language(near), self.language],
        )
        return near if found else ""


_QUOTES = str.maketrans(dict.fromkeys("“”„«»", '"'))
_LANGUAGES = tuple(code for code, _name in settings.LANGUAGES)
_ONE = "(%s, websearch_to_tsquery(%s::regconfig, %s) || websearch_to_tsquery(%s::regconfig, %s))"
# The query once for each language that words are in, read by its own dictionary.
_ASKED = f"WITH asked (language, query) AS (VALUES {', '.join([_ONE] * len(_LANGUAGES))})"
_FOUND = """
    asked
    JOIN home_searchentry entry
      ON entry.language = asked.language AND entry.vector @@ asked.query
   WHERE entry.readers @> ARRAY[%s]::varchar[]
"""


def _of_each_language(query: str) -> list[str]:
    # A phrase stands between quotation marks of any script.
    query = query.translate(_QUOTES)
    values: list[str] = []
    for code in _LANGUAGES:
        config = config_of(code)
        values += [code, config, small(query), config, fold(query)]
    return values


def _rows(sql: str, values: list[Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, values)
        return list(cursor.fetchall())


@contextlib.contextmanager
def _in_time() -> Iterator[None]:
    """Read for at most `MILLISECONDS`, whatever somebody asks for. Raises TooSlow."""
    is_part = connection.in_atomic_block
    try:
        with transaction.atomic():
            # True: for this transaction alone, which may be a part of a longer one.
            ((before, _now),) = _rows(
                "SELECT current_setting('statement_timeout'),"
                " set_config('statement_timeout', %s, true)",
                [str(MILLISECONDS)],
            )
            yield
            if is_part:
                _rows("SELECT set_config('statement_timeout', %s, true)", [before])
    except OperationalError as error:
        if getattr(error.__cause__, "pgcode", "") == QUERY_CANCELED:
            raise TooSlow from None
        raise
