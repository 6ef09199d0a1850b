"""The months of the books as staff see them, and closing the next one."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django.contrib.contenttypes.models import ContentType
from django.db.models import Count
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.models import User
from core.transactions import use_case
from funding.ledger import periods
from funding.ledger.models import Entry, Period
from funding.transparency.audit_pack import books
from funding.transparency.audit_pack.snapshot import Months

DECEMBER = 12


@dataclass(frozen=True, slots=True)
class Month:
    """A month of the books; ``closed_by`` and ``reason`` as they were written down at its closing."""

    month: datetime.date
    entries: int = 0
    closed_at: datetime.datetime | None = None
    closed_by: str = ""
    reason: str = ""


@dataclass(frozen=True, slots=True)
class Result:
    """What a pool's income less its expenses came to in a year, in minor units."""

    pool: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class Plan:
    """What closing ``month`` would do; ``results`` go to the fund balances, in December alone."""

    month: datetime.date
    entries: int
    results: Sequence[Result]

    @property
    def closes_a_year(self) -> bool:
        return self.month.month == DECEMBER


def this_month() -> datetime.date:
    """The ledger counts in UTC."""
    return timezone.now().astimezone(datetime.UTC).date().replace(day=1)


def all_months() -> list[Month]:
    """From the first month of the books to the present one (or a later one with an entry), newest
    first; months without any entry between them too."""
    kept = {period.month: period for period in Period.objects.all()}
    if not kept:
        return []
    counted = dict(
        Entry.objects.order_by()
        .values_list("period")
        .annotate(Count("id"))
        .values_list("period", "id__count")
    )
    closings = {
        int(line.object_id): line
        for line in ModelLogEntry.objects.filter(
            action="ledger.close_month", content_type=ContentType.objects.get_for_model(Period)
        ).select_related("user")
    }
    newest = max([this_month(), *(m for m, period in kept.items() if period.pk in counted)])
    found = []
    month = min(kept)
    while month <= newest:
        found.append(_month(month, kept.get(month), counted, closings))
        month = periods.month_after(month)
    return found[::-1]


def _month(
    month: datetime.date,
    period: Period | None,
    counted: dict[int, int],
    closings: dict[int, ModelLogEntry],
) -> Month:
    if period is None:
        return Month(month)
    closing = closings.get(period.pk)
    return Month(
        month=month,
        entries=counted.get(period.pk, 0),
        closed_at=period.closed_at,
        closed_by=str(closing.user) if closing and closing.user else "",
        reason=closing.data.get("reason", "") if closing else "",
    )


def next_to_close() -> datetime.date | None:
    """The month that can be closed now: the oldest that is open, once it is over."""
    closed = Period.objects.filter(closed_at__isnull=False).order_by("-month").first()
    oldest = Period.objects.order_by("month").first()
    if oldest is None:
        return None
    month: datetime.date = periods.month_after(closed.month) if closed else oldest.month
    return month if month < this_month() else None


def plan(month: datetime.date) -> Plan:
    """What closing that month would do, as far as it is known before."""
    results: list[Result] = []
    if month.month == DECEMBER:
        lines = books.trial_balance(Months(month, month))
        names = {line.pool: line.pool_name for line in lines}
        results = [
            Result(names[pool], currency, amount)
            for (pool, currency), amount in books.movements(lines).items()
            if amount
        ]
    entries = Entry.objects.filter(period__month=month).count()
    return Plan(month, entries, results)


def close(month: datetime.date, *, by: User, reason: str) -> None:
    """Close a month; December with its year, whose income and expenses can be closed at no other
    time. Raises MonthClosed, MonthNotOver or EarlierMonthOpen (`funding.ledger.refusals`).

    Said twice, or by two at once, it closes once: the second is refused.
    """
    with use_case():
        if month.month == DECEMBER:
            periods.close_year(month.year, by=by, reason=reason)
        else:
            periods.close_month(month, by=by, reason=reason)
