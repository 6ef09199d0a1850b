"""The read side of events: pages with their events, occurrences with their seats, minutes."""

import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Count, Q
from wagtail.models import Locale

from home.events import happenings
from home.events.happenings import Happening
from home.models.base import public
from home.models.evangelists import EvangelistPage
from home.models.event_pages import EventIndexPage, EventPage, Minutes
from home.models.events import Event, Occurrence, Registration

# How many occurrences of one series a list of all events names.
OF_EACH = 3


@dataclass(frozen=True, slots=True)
class Listed:
    """A line of a list: an occurrence and the page that tells of it."""

    happening: Happening
    page: EventPage


def pages_in(locale: Locale, kind: str = "") -> list[EventPage]:
    """The published pages of a language, each with its event."""
    found = (
        public(EventPage)
        .filter(locale=locale)
        .select_related("event", "locale", "alias_of__locale")
    )
    if kind:
        found = found.filter(event__kind=kind)
    return list(found.defer("body"))


def rows_of(events: Iterable[Event]) -> dict[int, list[Occurrence]]:
    """What is particular about the occurrences of events, by the event's id; one query."""
    rows: dict[int, list[Occurrence]] = defaultdict(list)
    wanted = [event.pk for event in events]
    for row in Occurrence.objects.filter(event__in=wanted).order_by("day"):
        rows[row.event_id].append(row)
    return rows


def with_seats(event: Event) -> list[Occurrence]:
    """All rows of an event, each with the number of ``seated``."""
    seated = Count("registrations", filter=Q(registrations__state=Registration.State.SEATED))
    rows: list[Occurrence] = list(
        Occurrence.objects.filter(event=event).annotate(seated=seated).order_by("day")
    )
    for row in rows:
        row.event = event
    return rows


def free_seats(event: Event, row: Occurrence | None) -> int | None:
    """Seats that are free, by a row of `with_seats`; None where there is room for everybody."""
    if event.capacity is None:
        return None
    return max(event.capacity - (row.seated if row else 0), 0)  # type: ignore[attr-defined]


def listed(pages: list[EventPage], *, is_past: bool) -> list[Listed]:
    """What comes, the next first; or what was, the latest first."""
    rows = rows_of(page.event for page in pages)
    found: list[Listed] = []
    for page in pages:
        event = page.event
        these = (
            happenings.past(event, rows[event.pk])
            if is_past
            else happenings.upcoming(event, rows[event.pk])[:OF_EACH]
        )
        found += [Listed(each, page) for each in these]
    return sorted(found, key=lambda line: line.happening.starts, reverse=is_past)


def minutes_of(page: EventPage, day: datetime.date) -> tuple[Minutes | None, str]:
    """Agenda and notes of an occurrence, and the language of their words.

    Those of ``page``, else those of the event's page in another language.
    """
    rows = list(
        Minutes.objects.filter(page__event=page.event_id, page__live=True, day=day)
        .exclude(agenda="", notes="", recording="")
        .select_related("page__locale", "page__alias_of__locale")
    )
    rows.sort(key=lambda row: (row.page_id != page.pk, row.page.alias_of_id is not None, row.pk))
    return (rows[0], rows[0].page.content_language) if rows else (None, "")


def days_with_notes(event: Event) -> set[datetime.date]:
    """The days of which notes or a recording can be had in some language."""
    rows = Minutes.objects.filter(page__event=event, page__live=True)
    return set(rows.exclude(notes="", recording="").values_list("day", flat=True))


def speakers_of(page: EventPage) -> list[EvangelistPage]:
    """The evangelists who speak, by their published pages in the language of ``page``."""
    keys = EventPage.evangelists.through.objects.filter(eventpage=page).values(
        "evangelistpage__translation_key"
    )
    found = public(EvangelistPage).filter(translation_key__in=keys, locale=page.locale_id)
    return list(found.order_by("title"))


def index_in(locale: Locale) -> EventIndexPage | None:
    """The list of events in a language."""
    found: EventIndexPage | None = public(EventIndexPage).filter(locale=locale).first()
    return found
