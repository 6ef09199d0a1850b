"""Events as calendar programs read them (iCalendar, RFC 5545).

One component is an event's series, with its rule; occurrences that were moved have one of their
own (RECURRENCE-ID), those that were cancelled are taken out (EXDATE), which every program obeys. An
event of one day that is cancelled stays, and says so. The same facts always make the same bytes.
"""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

import icalendar
from django.utils import timezone

from home.events import recurrence
from home.events.happenings import Happening, happening
from home.models.event_pages import EventPage
from home.models.events import Event, Occurrence

CONTENT_TYPE = "text/calendar; charset=utf-8"
PRODUCT = "-//OpenLMIS Foundation//Portal//EN"
# How often a program may ask for changes.
REFRESH = datetime.timedelta(hours=6)
# How far back and ahead the time zones of a file are written out.
_ZONES_FROM = datetime.date(2020, 1, 1)
_ZONES_TO = datetime.date(2038, 1, 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """An event with its page in one language, the page's address, and all rows of the event."""

    page: EventPage
    address: str
    rows: Sequence[Occurrence]


def calendar(entries: Sequence[Entry], *, name: str, language: str) -> bytes:
    """The file of some events. ``name`` is what a program calls the calendar."""
    made = icalendar.Calendar()
    made.add("prodid", PRODUCT)
    made.add("version", "2.0")
    made.add("name", name, {"LANGUAGE": language})
    made.add("x-wr-calname", name)
    made.add("refresh-interval", REFRESH, {"VALUE": "DURATION"})
    made.add("x-published-ttl", "PT6H")
    for entry in entries:
        for component in _components(entry, language):
            made.add_component(component)
    made.add_missing_timezones(first_date=_ZONES_FROM, last_date=_ZONES_TO)
    content: bytes = made.to_ical()
    return content


def _components(entry: Entry, language: str) -> list[icalendar.Event]:
    event = entry.page.event
    rows = {row.day: row for row in entry.rows}
    first = _first(event, rows)
    if first is None:
        return []
    series = _component(entry, first, language)
    rule = recurrence.rule(event.schedule)
    if rule is None:
        if first.is_cancelled:
            series.add("status", "CANCELLED")
        return [series]
    series.add("rrule", rule)
    found = [each for row in rows.values() if (each := happening(event, row.day, row))]
    gone = sorted(each.planned for each in found if each.is_cancelled)
    if gone:
        series.add("exdate", gone)
    moved = [each for each in found if each.is_moved and not each.is_cancelled]
    exceptions = []
    for each in sorted(moved, key=lambda each: each.day):
        made = _component(entry, each, language)
        made.add("recurrence-id", each.planned)
        exceptions.append(made)
    return [series, *exceptions]


def _first(event: Event, rows: dict[datetime.date, Occurrence]) -> Happening | None:
    """What the main component stands for: the first occurrence as planned, or the only one."""
    days = recurrence.days(event.schedule, event.starts_on, event.starts_on + recurrence.LONGEST)
    day = next(days, None)
    if day is None:
        return None
    return happening(event, day, None if event.does_repeat else rows.get(day))


def _component(entry: Entry, found: Happening, language: str) -> icalendar.Event:
    event, page = found.event, entry.page
    changed = max(event.changed_at, page.last_published_at or event.changed_at)
    made = icalendar.Event()
    made.add("uid", str(event.uid))
    # Of the last change, not of the moment: unchanged events make an unchanged file.
    made.add("dtstamp", changed.replace(microsecond=0))
    made.add("last-modified", changed.replace(microsecond=0))
    made.add("sequence", event.sequence)
    made.add("dtstart", found.starts)
    made.add("dtend", found.ends)
    made.add("summary", page.title, {"LANGUAGE": page.content_language})
    told = [found.reason, page.summary, entry.address]
    made.add("description", "\n\n".join(part for part in told if part))
    made.add("url", entry.address)
    where = [page.place]
    if event.link_for == Event.LinkFor.ANYONE:
        where.append(event.join_link)
    if place := ", ".join(part for part in where if part):
        made.add("location", place)
    made.add("categories", [event.get_kind_display()])
    return made


def is_worth_keeping(event: Event, rows: Sequence[Occurrence]) -> bool:
    """Whether the feed of all events still names this one: what ended long ago leaves it."""
    horizon = timezone.localdate() - datetime.timedelta(days=366)
    late = [row.moved_on for row in rows if row.moved_on is not None]
    if any(day >= horizon for day in late):
        return True
    ahead = recurrence.days(
        event.schedule, horizon, timezone.localdate() + datetime.timedelta(days=3660)
    )
    return next(ahead, None) is not None
