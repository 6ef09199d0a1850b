"""Who gave lately, as the public may see it.

A donor is named, with day and amount, where they agreed to it for that very gift. What others gave
shows here only as a sum of months in which three or more of them gave. The ledger, where every figure
opens into its entries, shows the day and the amount of each gift all the same, and never whose it is;
the forms say so beside the choice.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import BooleanField, F, QuerySet, Value
from django.utils import timezone

from core.money import Money
from funding.ledger.models import Pool
from funding.pools.models import Gift, Instalment

# So many anonymous gifts show as one sum at least.
FEWEST = 3
# The sums go back to the first of January of last year, or over this many gifts.
MOST_READ = 1_000


@dataclass(frozen=True, slots=True)
class PublicGift:
    """A gift or an instalment whose donor is named."""

    name: str
    amount: int
    currency: str
    received_on: datetime.date
    by_pledge: bool

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


@dataclass(frozen=True, slots=True)
class AnonymousGifts:
    """What anonymous donors gave from the month ``first`` to the month ``last`` (their first days)."""

    first: datetime.date
    last: datetime.date
    count: int
    amount: int
    currency: str

    @property
    def money(self) -> Money:
        return Money(self.amount, self.currency)


def recent_gifts(pool: Pool, *, limit: int = 10) -> list[PublicGift]:
    """The latest money of named donors to the pool, newest first, in one query."""
    rows = _given(pool, anonymous=False, most=limit)
    return [
        PublicGift(
            name=row["name"],
            amount=row["sum"],
            currency=pool.currency,
            received_on=timezone.localdate(row["at"]),
            by_pledge=row["by_pledge"],
        )
        for row in rows
    ]


def anonymous_gifts(pool: Pool) -> list[AnonymousGifts]:
    """What anonymous donors gave to the pool lately, by months, newest first, in one query.

    A month with fewer than three gifts is added to the months before it; where all of them are
    fewer, there is nothing to show.
    """
    since = timezone.localdate().replace(month=1, day=1)
    since = since.replace(year=since.year - 1)
    rows = list(_given(pool, anonymous=True, most=MOST_READ, since=since))
    seen = [(timezone.localdate(row["at"]).replace(day=1), int(row["sum"])) for row in rows]
    if len(seen) == MOST_READ and seen[-1][0] != seen[0][0]:
        # There may be more in the oldest month: it would not be its sum.
        seen = [(month, amount) for month, amount in seen if month != seen[-1][0]]
    return _pooled(reversed(seen), pool.currency)


def _given(
    pool: Pool, *, anonymous: bool, most: int, since: datetime.date | None = None
) -> QuerySet[Gift, Any]:
    """The latest gifts and instalments that were received, as rows of ``name``, ``sum``, ``at``."""
    given = Gift.objects.filter(
        pool=pool, received_at__isnull=False, declined_at__isnull=True, anonymous=anonymous
    )
    paid = Instalment.objects.filter(
        pledge__pool=pool, received_at__isnull=False, pledge__anonymous=anonymous
    )
    if since is not None:
        start = timezone.make_aware(datetime.datetime.combine(since, datetime.time()))
        given, paid = given.filter(received_at__gte=start), paid.filter(received_at__gte=start)
    gifts = given.order_by("-received_at", "-id").values(
        "id",
        name=F("public_name"),
        sum=F("amount"),
        at=F("received_at"),
        by_pledge=Value(False, output_field=BooleanField()),
    )
    instalments = paid.order_by("-received_at", "-id").values(
        "id",
        name=F("pledge__public_name"),
        sum=F("received_amount"),
        at=F("received_at"),
        by_pledge=Value(True, output_field=BooleanField()),
    )
    # Each half is cut short by its index before the two are put in order.
    both = gifts[:most].union(instalments[:most], all=True)
    return both.order_by("-at", "-id")[:most]


def _pooled(rows: Iterable[tuple[datetime.date, int]], currency: str) -> list[AnonymousGifts]:
    """The sums of (month, amount) rows, oldest first; each of three gifts at least."""
    groups: list[list[tuple[datetime.date, int]]] = []
    for month, amount in rows:
        whole = groups and len(groups[-1]) >= FEWEST and groups[-1][-1][0] != month
        if not groups or whole:
            groups.append([])
        groups[-1].append((month, amount))
    if len(groups) > 1 and len(groups[-1]) < FEWEST:
        few = groups.pop()
        groups[-1] += few
    return [
        AnonymousGifts(
            first=group[0][0],
            last=group[-1][0],
            count=len(group),
            amount=sum(amount for _month, amount in group),
            currency=currency,
        )
        for group in reversed(groups)
        if len(group) >= FEWEST
    ]
