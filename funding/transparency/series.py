"""When: what came and what was spent month by month, and how long the money lasts at that pace.

Months are those of the books (the ledger's periods). A forecast is never shown beside a balance as if
it were money.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass

from funding.ledger.periods import month_after

SHOWN = 24  # months of a chart at most
SPANS = (3, 12)

# What a month's two numbers are made of: figures, each with the sign it has in the number.
FLOWS: dict[str, dict[str, int]] = {
    "came": {"received": 1, "refunded": -1, "lost": -1},
    "spent": {"disbursed": 1, "returned": -1, "expenses": 1, "fees": 1},
}


@dataclass(frozen=True, slots=True)
class MonthFlow:
    """A month: ``came`` is received less given back, ``spent`` is grants and own spending less what
    came back of them, and fees. Minor units."""

    month: datetime.date
    came: int
    spent: int


@dataclass(frozen=True, slots=True)
class Pace:
    """The spending of the last ``span`` whole months. ``lasts`` is for how many more months what is
    available lasts at that pace, in tenths; None where nothing was spent."""

    span: int
    a_month: int
    lasts: int | None


def months_before(month: datetime.date, count: int) -> datetime.date:
    number = month.year * 12 + month.month - 1 - count
    return datetime.date(number // 12, number % 12 + 1, 1)


def flow(month: datetime.date, figures: Mapping[str, int]) -> MonthFlow:
    """What the figures' movements of a month say."""

    def of(name: str) -> int:
        return sum(sign * figures.get(figure, 0) for figure, sign in FLOWS[name].items())

    return MonthFlow(month=month, came=of("came"), spent=of("spent"))


def monthly(
    months: Mapping[datetime.date, Mapping[str, int]], today: datetime.date
) -> list[MonthFlow]:
    """Every month from the first of the books to this one, the last `SHOWN` of them."""
    if not months:
        return []
    this = today.replace(day=1)
    last = max(this, *months)
    month = max(min(months), months_before(last, SHOWN - 1))
    found = []
    while month <= last:
        found.append(flow(month, months.get(month, {})))
        month = month_after(month)
    return found


def paces(
    months: Mapping[datetime.date, Mapping[str, int]], available: int, today: datetime.date
) -> list[Pace]:
    """The pace over the last 3 and 12 whole months, as far as the books go back."""
    this = today.replace(day=1)
    found = []
    for span in SPANS:
        first = months_before(this, span)
        if not months or min(months) > first:
            continue
        spent = sum(flow(m, f).spent for m, f in months.items() if first <= m < this)
        lasts = max(available, 0) * span * 10 // spent if spent > 0 else None
        found.append(Pace(span, spent // span, lasts))
    return found
