"""What staff do with events: make and change them, move and cancel single occurrences.

Those who registered are told by mail, in the transaction of the act.
"""

import datetime
from typing import Any

from django.utils import formats, timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from home.events import letters, recurrence, zones
from home.events.happenings import Happening, of_row
from home.events.permissions import MOVE_EVENT
from home.events.refusals import (
    CancelledAlready,
    MovedIntoThePast,
    MovedNowhere,
    OccurrenceOver,
    PublishedEvent,
    ScheduleInUse,
)
from home.events.registering import STANDING, fill_seats, lock, row_of
from home.models.event_pages import EventPage, Minutes
from home.models.events import Event, Occurrence, Registration

# What an event is made of, as staff write it.
FIELDS = (
    "name",
    "kind",
    "zone",
    "starts_on",
    "starts_at",
    "ends_on",
    "ends_at",
    "repeats",
    "until",
    "count",
    "join_link",
    "link_for",
    "takes_registrations",
    "capacity",
    "offers_travel_support",
)


def add_event(values: dict[str, Any], *, by: User | None) -> Event:
    """Make an event of ``values`` (some of FIELDS). Raises ValidationError."""
    event = Event(**values)
    event.full_clean()
    with use_case():
        event.save()
        audit.record("home.add_event", event, by=by)
    return event


def change_event(event: Event, values: dict[str, Any], *, by: User) -> Event:
    """Change an event; who waits gets a seat where there are more now.

    Its days stay for every occurrence of which people know, and the hour for those to come. Raises
    PublishedEvent, ScheduleInUse, ValidationError.
    """
    with use_case():
        event = lock(event)
        if is_published(event) and not by.has_perm(MOVE_EVENT):
            raise PublishedEvent
        before = lock(event)
        for name, value in values.items():
            setattr(event, name, value)
        event.full_clean()
        changed = [name for name in FIELDS if getattr(event, name) != getattr(before, name)]
        if not changed:
            return event
        _require_days_kept(before, event)
        _count_change(event)
        event.save()
        audit.record("home.change_event", event, by=by, changed=changed)
        for row in event.occurrences.all():
            row.event = event
            fill_seats(of_row(row))
    return event


def move(
    event: Event, day: datetime.date, to: datetime.datetime, *, by: User, reason: str
) -> Happening:
    """Let an occurrence begin at the wall time ``to`` (of the event's zone); tell who registered.

    Raises NoSuchOccurrence, OccurrenceOver, CancelledAlready, MovedIntoThePast, MovedNowhere.
    """
    with use_case():
        event = lock(event)
        row = row_of(event, day)
        before = _to_change(row)
        starts, _ends = recurrence.placed(to, event.schedule)
        if starts <= timezone.now():
            raise MovedIntoThePast
        if starts == before.starts:
            raise MovedNowhere
        row.moved_on, row.moved_at, row.reason = to.date(), to.time(), reason
        row.save(update_fields=["moved_on", "moved_at", "reason"])
        # Whoever was reminded was reminded of another day.
        row.registrations.update(reminded_at=None)
        _count_change(event)
        event.save(update_fields=["sequence", "changed_at"])
        after = of_row(row)
        audit.record(
            "home.move_occurrence", event, by=by, reason=reason, day=str(day), to=to.isoformat()
        )
        for registration in _standing(row):
            old = zones.in_words(
                before.starts, before.ends, registration.zone, registration.language
            )
            ways = letters.ways_in(registration, after)
            if registration.state != Registration.State.SEATED:
                # The link is for those who have a seat.
                ways["join_link"] = ""
            letters.send("events_moved", registration, after, old_when=old, reason=reason, **ways)
    return after


def cancel(event: Event, day: datetime.date, *, by: User, reason: str) -> Happening:
    """Let an occurrence not take place; tell who registered.

    Raises NoSuchOccurrence, OccurrenceOver, CancelledAlready.
    """
    with use_case():
        event = lock(event)
        row = row_of(event, day)
        _to_change(row)
        row.cancelled_at, row.reason = timezone.now(), reason
        row.save(update_fields=["cancelled_at", "reason"])
        _count_change(event)
        event.save(update_fields=["sequence", "changed_at"])
        after = of_row(row)
        audit.record("home.cancel_occurrence", event, by=by, reason=reason, day=str(day))
        for registration in _standing(row):
            letters.send("events_cancelled", registration, after, reason=reason)
    return after


def is_published(event: Event) -> bool:
    """Whether readers see the event."""
    return EventPage.objects.filter(event=event, live=True).exists()


def _to_change(row: Occurrence) -> Happening:
    found = of_row(row)
    if found.is_cancelled:
        raise CancelledAlready
    if found.is_over:
        raise OccurrenceOver
    return found


def _standing(row: Occurrence) -> list[Registration]:
    return list(row.registrations.filter(state__in=STANDING, erased_at=None).order_by("pk"))


@inside_transaction
def _count_change(event: Event) -> None:
    event.sequence += 1
    event.changed_at = timezone.now()


@inside_transaction
def _drop_idle_days(before: Event, after: Event) -> None:
    """Forget the days of which nobody knows: asked for once, and never confirmed.

    Else a stranger could hold a schedule for ever with an address that nobody reads.
    """
    known = (*STANDING, Registration.State.WITHDRAWN)
    idle = before.occurrences.filter(moved_on=None, cancelled_at=None).exclude(
        registrations__state__in=known
    )
    gone = [row.pk for row in idle if not recurrence.has_day(after.schedule, row.day)]
    Registration.objects.filter(occurrence__in=gone).delete()
    Occurrence.objects.filter(pk__in=gone).delete()


def _require_days_kept(before: Event, after: Event) -> None:
    """Raise ScheduleInUse where an occurrence that people know of would be another."""
    _drop_idle_days(before, after)
    rows = {row.day: row for row in before.occurrences.all()}
    minutes = Minutes.objects.filter(page__event=before).values_list("day", flat=True)
    for day in sorted({*rows, *minutes}):
        if not recurrence.has_day(after.schedule, day):
            raise ScheduleInUse(day=formats.date_format(day))
    people = Registration.objects.filter(occurrence__event=before, state__in=STANDING)
    for day in sorted(set(people.values_list("occurrence__day", flat=True))):
        row = rows[day]
        row.event = before
        was = of_row(row)
        row.event = after
        is_now = of_row(row)
        if not was.is_over and (was.starts, was.ends) != (is_now.starts, is_now.ends):
            raise ScheduleInUse(day=formats.date_format(day))
