"""When and how much: the instalments of a pledge, as plain values. No database here."""

import calendar
import datetime
from collections.abc import Collection, Sequence
from dataclasses import dataclass

from core.money import Money, split_evenly

MOST_INSTALMENTS = 24
YEARS_AHEAD = 25

# Months from one instalment to the next.
RHYTHMS = {"monthly": 1, "quarterly": 3, "yearly": 12}


@dataclass(frozen=True, slots=True)
class Part:
    """One instalment to be: ``amount`` minor units, due on that day.

    With a ``milestone`` (in words) it waits for that, and the day is when it is expected.
    """

    due_on: datetime.date
    amount: int
    milestone: str = ""


def months_later(day: datetime.date, months: int) -> datetime.date:
    """The same day of a later month; its last day where that month is shorter."""
    year, month = divmod(day.year * 12 + day.month - 1 + months, 12)
    last = calendar.monthrange(year, month + 1)[1]
    return datetime.date(year, month + 1, min(day.day, last))


def rhythmic_days(first: datetime.date, count: int, rhythm: str) -> list[datetime.date]:
    """``count`` days from ``first`` on. Counted from the first day, so that 31 January does not
    become the 28th for ever after February."""
    return [months_later(first, RHYTHMS[rhythm] * number) for number in range(count)]


def even_parts(total: Money, days: Sequence[datetime.date]) -> list[Part]:
    """``total`` over ``days`` in order: shares that differ by one minor unit at most and add up
    exactly, the larger ones first. Raises ValueError without days."""
    shares = split_evenly(total.amount, len(days))
    return [Part(day, share) for day, share in zip(sorted(days), shares, strict=True)]


def free_day(wanted: datetime.date, taken: Collection[datetime.date]) -> datetime.date:
    """``wanted``, or the next day that is not ``taken``: a pledge has one instalment a day."""
    while wanted in taken:
        wanted += datetime.timedelta(days=1)
    return wanted
