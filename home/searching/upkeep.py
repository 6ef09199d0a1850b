"""Keeping the table of the search in line with what is public."""

import logging
import uuid
from collections.abc import Callable, Iterable

from django.db import connection, transaction
from django.db.models import QuerySet

from core.transactions import use_case
from home.models.base import PortalPage
from home.models.searching import SearchEntry
from home.searching import sources, words
from home.searching.folding import accented, fold
from home.searching.sources import Document
from membership.models import Organisation

logger = logging.getLogger(__name__)

# PostgreSQL's dictionaries; a language without one is searched by its words as they are.
CONFIGS = {
    "ar": "arabic",
    "en": "english",
    "es": "spanish",
    "fr": "french",
    "pt": "portuguese",
}
COLUMNS = (
    "kind",
    "config",
    "title",
    "text",
    "folded_title",
    "folded_text",
    "accented",
    "readers",
    "paths",
    "countries",
    "year",
)


def config_of(language: str) -> str:
    """The name of PostgreSQL's dictionary for a language code."""
    return CONFIGS.get(language.split("-")[0], "simple")


def rebuild() -> int:
    """Bring every row in line with what is public now, and count the words; how many rows.

    Days pass that no signal tells of: a membership ends, an agreement comes into force.
    """
    with use_case():
        with connection.cursor() as cursor:
            # One after the other: two would count the same words twice.
            cursor.execute("SELECT pg_advisory_xact_lock(hashtext('home.searching.rebuild'))")
        count = _replace(sources.everything(), SearchEntry.objects.all())
        words.count()
    return count


def refresh_page(page: PortalPage) -> None:
    """Bring the rows of a page and its translations in line, at once."""
    refresh_pages(type(page), [page.translation_key])


def refresh_pages(model: type[PortalPage], keys: list[uuid.UUID]) -> None:
    """Bring the rows of pages of one type in line; ``keys`` are their translation keys."""
    old = SearchEntry.objects.filter(key__in=[sources.page_key(key) for key in keys])
    _refresh(lambda: sources.of_pages(model, keys), old)


def refresh_member(organisation: Organisation) -> None:
    """Bring the rows of one organisation in line."""
    old = SearchEntry.objects.filter(key=f"organisation:{organisation.pk}")
    _refresh(lambda: sources.of_members([organisation.pk]), old)


def _refresh(find: Callable[[], Iterable[Document]], old: QuerySet[SearchEntry]) -> None:
    """What goes wrong here keeps nobody from publishing: what was found before is taken out, and
    the hourly rebuild looks again."""
    try:
        with transaction.atomic():
            _replace(find(), old)
    except Exception:
        logger.exception("The search could not take in a change.")
        old.delete()


def _replace(documents: Iterable[Document], old: QuerySet[SearchEntry]) -> int:
    """Make the rows ``old`` those of ``documents``: few are written, as few change."""
    rows = [_row(document) for document in documents]
    standing = {(row.key, row.language): row for row in old.defer("vector")}
    changed = []
    for row in rows:
        before = standing.pop((row.key, row.language), None)
        if before is None or any(getattr(before, name) != getattr(row, name) for name in COLUMNS):
            changed.append(row)
    if standing:
        SearchEntry.objects.filter(pk__in=[row.pk for row in standing.values()]).delete()
    # Two who write the same row at once: the later one stands.
    SearchEntry.objects.bulk_create(
        changed,
        update_conflicts=True,
        unique_fields=["key", "language"],
        update_fields=list(COLUMNS),
        batch_size=200,
    )
    return len(rows)


def _row(document: Document) -> SearchEntry:
    return SearchEntry(
        key=document.key,
        kind=document.kind,
        language=document.language,
        config=config_of(document.language),
        title=document.title,
        text=document.text,
        folded_title=fold(document.title),
        folded_text=fold(document.text),
        accented=accented(f"{document.title} {document.text}"),
        readers=sorted(document.paths),
        paths=document.paths,
        countries=list(document.countries),
        year=document.year,
    )
