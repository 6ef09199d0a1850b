"""One occurrence of an event as it stands: the plan, and what was changed about it."""

import datetime
from collections.abc import Iterable, Iterator
from dataclasses import dataclass

from django.utils import timezone

from home.events import recurrence
from home.models.events import Event, Occurrence

# How far ahead lists look where a series has no end.
LOOKS_AHEAD = datetime.timedelta(days=400)


@dataclass(frozen=True, slots=True)
class Happening:
    """``day`` is the day it was planned for; ``starts`` and ``ends`` are what holds now, in the
    event's zone."""

    event: Event
    day: datetime.date
    starts: datetime.datetime
    ends: datetime.datetime
    planned: datetime.datetime
    row: Occurrence | None = None

    @property
    def is_cancelled(self) -> bool:
        return self.row is not None and self.row.cancelled_at is not None

    @property
    def is_moved(self) -> bool:
        return self.starts != self.planned

    @property
    def reason(self) -> str:
        return self.row.reason if self.row is not None else ""

    @property
    def is_over(self) -> bool:
        return self.ends <= timezone.now()

    @property
    def has_begun(self) -> bool:
        return self.starts <= timezone.now()


def happening(event: Event, day: datetime.date, row: Occurrence | None) -> Happening | None:
    """The occurrence planned for ``day``; None where the event has none. ``row`` is what is
    particular about it."""
    return _made(event, day, row) if recurrence.has_day(event.schedule, day) else None


def of_row(row: Occurrence) -> Happening:
    """The occurrence of a row. Verbs see to it that a row's day stays one of its event's."""
    return _made(row.event, row.day, row)


def open_link(found: Happening) -> str:
    """The online link where anyone may have it and it still leads to something."""
    event = found.event
    if event.link_for != Event.LinkFor.ANYONE or found.is_over or found.is_cancelled:
        return ""
    return event.join_link


def between(
    event: Event,
    rows: Iterable[Occurrence],
    first: datetime.datetime,
    last: datetime.datetime,
) -> list[Happening]:
    """Those that end after ``first`` and begin before ``last``, in the order of their begin.

    ``rows`` are all of the event's.
    """
    by_day = {row.day: row for row in rows}
    found = [_made(event, day, by_day.get(day)) for day in _days(event, by_day, first, last)]
    return sorted(
        (each for each in found if each.ends > first and each.starts < last),
        key=lambda each: each.starts,
    )


def upcoming(event: Event, rows: Iterable[Occurrence]) -> list[Happening]:
    """Those that are not over, for the time that lists look ahead."""
    now = timezone.now()
    return between(event, rows, now, now + LOOKS_AHEAD)


def past(event: Event, rows: Iterable[Occurrence]) -> list[Happening]:
    """Those that are over, the latest first."""
    now = timezone.now()
    first = recurrence.span(event.schedule, event.starts_on)[0] - datetime.timedelta(days=400)
    return [each for each in reversed(between(event, rows, first, now)) if each.ends <= now]


def _days(
    event: Event,
    by_day: dict[datetime.date, Occurrence],
    first: datetime.datetime,
    last: datetime.datetime,
) -> Iterator[datetime.date]:
    """Planned days that may lie in the span: one more on each side, and every day with a row."""
    schedule = event.schedule
    around = schedule.length + datetime.timedelta(days=1)
    near = list(recurrence.days(schedule, (first - around).date(), (last + around).date()))
    yield from near
    yield from (day for day, row in by_day.items() if row.moved_on and day not in set(near))


def _made(event: Event, day: datetime.date, row: Occurrence | None) -> Happening:
    schedule = event.schedule
    planned, ends = recurrence.span(schedule, day)
    starts = planned
    if row is not None and row.moved_on is not None and row.moved_at is not None:
        starts, ends = recurrence.span(schedule, row.moved_on, row.moved_at)
    return Happening(event, day, starts, ends, planned, row)
