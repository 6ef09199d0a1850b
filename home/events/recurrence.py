"""When an event happens: a start, an end and one of five ways to repeat, in the event's own zone.

The wall time of the zone is kept over a change of the clocks; the length of every occurrence is
that of the first (as RFC 5545, 3.8.5.3, reads a rule beside DTEND).
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from dateutil.rrule import MONTHLY, WEEKLY, rrule, weekday
from django.db import models
from django.utils.translation import gettext_lazy as _

DAYS = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")
# A month has every day up to this one.
LAST_SURE_DAY = 28
# No rule skips longer: a fifth weekday comes round within half a year.
LONGEST = datetime.timedelta(days=200)
# A series is looked at no further from its start, so that no address makes us count for long.
FURTHEST = datetime.timedelta(days=20 * 366)
# What a day of an event may be: within these, arithmetic over time zones never overflows.
EARLIEST_DAY, LATEST_DAY = datetime.date(2000, 1, 1), datetime.date(2100, 12, 31)


class Repeats(models.TextChoices):
    NEVER = "never", _("does not repeat")
    WEEKLY = "weekly", _("every week")
    FORTNIGHTLY = "fortnightly", _("every two weeks")
    MONTHLY_DAY = "monthly_day", _("every month on the same day")
    MONTHLY_WEEKDAY = (
        "monthly_weekday",
        _("every month on the same weekday, such as the first Thursday"),
    )


@dataclass(frozen=True, slots=True)
class Schedule:
    """``starts`` and ``ends`` are the first occurrence's wall time, without a zone.

    ``until`` is the last day on which one may start; ``count`` is how many there are. At most one
    of them is set; without either the series goes on.
    """

    zone: str
    starts: datetime.datetime
    ends: datetime.datetime
    repeats: str = Repeats.NEVER
    until: datetime.date | None = None
    count: int | None = None

    @property
    def tz(self) -> ZoneInfo:
        return ZoneInfo(self.zone)

    @property
    def length(self) -> datetime.timedelta:
        """How long the first occurrence really lasts, whatever the clocks do meanwhile."""
        ends, starts = (each.replace(tzinfo=self.tz) for each in (self.ends, self.starts))
        return ends.astimezone(datetime.UTC) - starts.astimezone(datetime.UTC)

    @property
    def week_of_month(self) -> int:
        """Which of its weekdays in the month the first occurrence is: 1 to 4, or -1 for the last."""
        nth = (self.starts.day - 1) // 7 + 1
        return nth if nth < 5 else -1


def rule(schedule: Schedule) -> dict[str, Any] | None:
    """The RRULE of RFC 5545 by its parts; None for an event that does not repeat."""
    if schedule.repeats == Repeats.NEVER:
        return None
    parts: dict[str, Any] = {}
    match schedule.repeats:
        case Repeats.WEEKLY:
            parts["FREQ"] = "WEEKLY"
        case Repeats.FORTNIGHTLY:
            parts |= {"FREQ": "WEEKLY", "INTERVAL": 2}
        case Repeats.MONTHLY_DAY:
            parts |= {"FREQ": "MONTHLY", "BYMONTHDAY": schedule.starts.day}
        case _:
            day = DAYS[schedule.starts.weekday()]
            parts |= {"FREQ": "MONTHLY", "BYDAY": f"{schedule.week_of_month}{day}"}
    if schedule.count is not None:
        parts["COUNT"] = schedule.count
    if schedule.until is not None:
        # In UTC, since the start names a zone.
        parts["UNTIL"] = _end_of(schedule.until, schedule.tz).astimezone(datetime.UTC)
    return parts


def days(schedule: Schedule, first: datetime.date, last: datetime.date) -> Iterator[datetime.date]:
    """The days on which an occurrence starts, from ``first`` to ``last``, both included.

    None lies further from the first than FURTHEST.
    """
    start = schedule.starts.date()
    last = min(last, start + FURTHEST)
    if schedule.repeats == Repeats.NEVER:
        if first <= start <= last:
            yield start
        return
    for moment in _rule_of_days(schedule):
        if moment.date() > last:
            return
        if moment.date() >= first:
            yield moment.date()


def has_day(schedule: Schedule, day: datetime.date) -> bool:
    """Whether an occurrence starts on ``day``, as planned."""
    return any(days(schedule, day, day))


def span(
    schedule: Schedule, day: datetime.date, time: datetime.time | None = None
) -> tuple[datetime.datetime, datetime.datetime]:
    """Start and end of what begins on ``day``, in the event's zone; ``time`` where it was moved."""
    wall = datetime.datetime.combine(day, time or schedule.starts.time())
    return placed(wall, schedule)


def placed(
    wall: datetime.datetime, schedule: Schedule
) -> tuple[datetime.datetime, datetime.datetime]:
    """A wall time as an occurrence of the schedule's length.

    A time that the clocks leave out is read with the offset before the change, as RFC 5545 says.
    """
    starts = wall.replace(tzinfo=schedule.tz)
    instant = starts.astimezone(datetime.UTC)
    starts = instant.astimezone(schedule.tz)
    return starts, (instant + schedule.length).astimezone(schedule.tz)


def _rule_of_days(schedule: Schedule) -> rrule:
    options: dict[str, Any] = {"dtstart": schedule.starts, "count": schedule.count}
    if schedule.until is not None:
        options["until"] = datetime.datetime.combine(schedule.until, datetime.time.max)
    match schedule.repeats:
        case Repeats.WEEKLY:
            return rrule(WEEKLY, **options)
        case Repeats.FORTNIGHTLY:
            return rrule(WEEKLY, interval=2, **options)
        case Repeats.MONTHLY_DAY:
            return rrule(MONTHLY, bymonthday=schedule.starts.day, **options)
        case _:
            nth = weekday(schedule.starts.weekday(), schedule.week_of_month)
            return rrule(MONTHLY, byweekday=nth, **options)


def _end_of(day: datetime.date, tz: ZoneInfo) -> datetime.datetime:
    return datetime.datetime.combine(day, datetime.time(23, 59, 59), tzinfo=tz)
