"""Pages × languages: what is missing, what only repeats the original, what is stale or current."""

import datetime
import uuid
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from django.conf import settings
from django.db.models import Count, F, TextChoices
from django.utils.translation import gettext_lazy as _
from wagtail.models import Locale, Page
from wagtail_localize.models import StringSegment, Translation, TranslationSource


class State(TextChoices):
    SOURCE = "source", _("Original")
    MISSING = "missing", _("Not there yet")
    ALIAS = "alias", _("Shows the original")
    DRAFT = "draft", _("Not published")
    STALE = "stale", _("Stale")
    CURRENT = "current", _("Up to date")


@dataclass(frozen=True, slots=True)
class Cell:
    """A page in one language. ``percent`` is how much of it is translated, where that is known:
    a page translated by hand is not counted by strings."""

    state: State
    percent: int | None = None
    page_id: int | None = None

    @property
    def words(self) -> str:
        """For a spreadsheet."""
        return str(self.state.label) + (f" {self.percent} %" if self.percent is not None else "")


@dataclass(slots=True)
class Row:
    """An original page and its cells by language code."""

    page_id: int
    language: str
    cells: dict[str, Cell] = field(default_factory=dict)

    def is_in(self, state: str, language: str) -> bool:
        """Whether any language (or the one named) is in the state (or in any)."""
        cells = [cell for code, cell in self.cells.items() if not language or code == language]
        return any(not state or cell.state == state for cell in cells)


@dataclass(frozen=True, slots=True)
class _Known:
    """What wagtail-localize knows of all translations."""

    taken_at: dict[tuple[uuid.UUID, int], datetime.datetime]
    percent: dict[tuple[uuid.UUID, int, int], int]


def rows() -> dict[int, Row]:
    """Every original page by its number. The same few queries however many pages there are."""
    locales = {locale.pk: locale.language_code for locale in Locale.objects.all()}
    codes = [code for code, _name in settings.LANGUAGES]
    pages: dict[uuid.UUID, dict[int, dict[str, Any]]] = {}
    for page in (
        Page.objects.filter(depth__gt=1)
        .order_by("path")
        .values(
            "pk",
            "translation_key",
            "locale_id",
            "alias_of_id",
            "live",
            "last_published_at",
            "latest_revision_created_at",
        )
    ):
        pages.setdefault(page["translation_key"], {})[page["locale_id"]] = page
    known = _known()
    found = {}
    for key, by_locale in pages.items():
        source = _original(by_locale.values(), locales)
        row = Row(source["pk"], locales.get(source["locale_id"], ""))
        for locale_id, code in locales.items():
            if code in codes:
                row.cells[code] = _cell(key, source, by_locale.get(locale_id), locale_id, known)
        found[row.page_id] = row
    return found


def _original(pages: Iterable[dict[str, Any]], locales: dict[int, str]) -> dict[str, Any]:
    """The page that the others are made from: the main language's, else the first of its own."""
    own = [page for page in pages if page["alias_of_id"] is None] or list(pages)
    in_main = [page for page in own if locales.get(page["locale_id"]) == settings.LANGUAGE_CODE]
    return min(in_main or own, key=lambda page: int(page["pk"]))


def _cell(
    key: uuid.UUID,
    source: dict[str, Any],
    page: dict[str, Any] | None,
    locale_id: int,
    known: _Known,
) -> Cell:
    if page is None:
        return Cell(State.MISSING)
    if page["pk"] == source["pk"]:
        return Cell(State.SOURCE, page_id=page["pk"])
    if page["alias_of_id"] is not None:
        return Cell(State.ALIAS, page_id=page["pk"])
    percent = known.percent.get((key, source["locale_id"], locale_id))
    taken_at = known.taken_at.get((key, source["locale_id"]))
    if percent is None or taken_at is None:
        # Translated by hand: it is as new as its last publication.
        taken_at = page["last_published_at"] or page["latest_revision_created_at"]
    changed_at = source["last_published_at"]
    is_stale = bool(changed_at and taken_at and changed_at > taken_at)
    if is_stale or (percent is not None and percent < 100):
        return Cell(State.STALE, percent, page["pk"])
    if not page["live"]:
        return Cell(State.DRAFT, percent, page["pk"])
    return Cell(State.CURRENT, percent, page["pk"])


def _known() -> _Known:
    taken_at = {
        (key, locale): at
        for key, locale, at in TranslationSource.objects.values_list(
            "object_id", "locale_id", "last_updated_at"
        )
    }
    strings = dict(StringSegment.objects.values_list("source_id").annotate(Count("pk")).order_by())
    done = {
        (source, locale): count
        for source, locale, count in StringSegment.objects.filter(
            string__translations__context_id=F("context_id"),
            string__translations__has_error=False,
        )
        .values_list("source_id", "string__translations__locale_id")
        .annotate(Count("pk", distinct=True))
        .order_by()
    }
    percent = {}
    for source, key, locale, target in Translation.objects.filter(enabled=True).values_list(
        "source_id", "source__object_id", "source__locale_id", "target_locale_id"
    ):
        total = strings.get(source, 0)
        # Rounded down, so that 100 means that nothing is missing.
        percent[key, locale, target] = (
            100 * done.get((source, target), 0) // total if total else 100
        )
    return _Known(taken_at, percent)


def stale_count(editable: Iterable[int]) -> int:
    """How many translations are stale, of the original pages named."""
    of = set(editable)
    return sum(
        cell.state == State.STALE
        for row in rows().values()
        if row.page_id in of
        for cell in row.cells.values()
    )
