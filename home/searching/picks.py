"""Wagtail's editors' picks and its count of what is searched for.

Neither names anybody: a row is what was typed and how often on a day. What looks like an address or
a number of a person is not counted, nor is more than a bounded number of queries a day.
"""

from dataclasses import dataclass

from django.db import connection
from django.db.models import CharField, F, OuterRef, Subquery, Value
from django.db.models.functions import Cast, Concat
from django.utils import timezone
from wagtail.contrib.search_promotions.models import SearchPromotion
from wagtail.search.utils import normalise_query_string

from home.models.searching import SearchEntry

COUNTED_A_DAY = 2_000
PICKS_SHOWN = 3


@dataclass(frozen=True, slots=True)
class Pick:
    """A page or an address that editors put above the results of a query."""

    title: str
    text: str
    href: str
    lang: str


def picks(query: str, language: str) -> list[Pick]:
    """What editors chose for a query; of pages, those alone that anyone may read. One query."""
    entry = SearchEntry.objects.filter(
        key=Concat(
            Value("page:"),
            Cast(OuterRef("page__translation_key"), CharField()),
            output_field=CharField(),
        ),
        readers__contains=[language],
    )
    rows = (
        SearchPromotion.objects.filter(query__query_string=normalise_query_string(query))
        .annotate(
            here=Subquery(entry.values("title")[:1]),
            paths=Subquery(entry.values("paths")[:1]),
            written=Subquery(entry.values("language")[:1]),
        )
        .order_by(F("sort_order").asc(nulls_last=True), "pk")[:PICKS_SHOWN]
    )
    found = []
    for row in rows:
        if row.page_id is None:
            found.append(
                Pick(
                    row.external_link_text or row.external_link_url,
                    row.description,
                    row.external_link_url,
                    "",
                )
            )
        elif row.paths:
            lang = "" if row.written == language else row.written
            found.append(Pick(row.here, row.description, row.paths[language], lang))
    return found


def count(query: str) -> None:
    """Count a query as Wagtail's report does, in one statement. A busy day counts no more."""
    text = normalise_query_string(query)
    if not may_count(text):
        return
    today = timezone.now().date()
    with connection.cursor() as cursor:
        cursor.execute(
            """
            WITH asked AS (
                INSERT INTO wagtailsearchpromotions_query (query_string)
                SELECT %s
                 WHERE (SELECT count(*) FROM wagtailsearchpromotions_querydailyhits
                         WHERE date = %s) < %s
                ON CONFLICT (query_string) DO UPDATE SET query_string = EXCLUDED.query_string
                RETURNING id
            )
            INSERT INTO wagtailsearchpromotions_querydailyhits AS standing (query_id, date, hits)
            SELECT id, %s, 1 FROM asked
            ON CONFLICT (query_id, date) DO UPDATE SET hits = standing.hits + 1
            """,
            [text, today, COUNTED_A_DAY, today],
        )


def may_count(text: str) -> bool:
    """Whether a query can be kept: not what may be an address or a number of a person."""
    digits = sum(char.isdigit() for char in text)
    return len(text) >= 2 and "@" not in text and digits <= 4
