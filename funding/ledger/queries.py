"""Reading the books: balances and figures are a fixed few rows, whatever the history.

What an account or a figure stands at is what the last closed month left (`ClosingBalance`,
`ClosingFigure`) and what the open months since brought.
"""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.db.models import Exists, OuterRef, QuerySet

from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS
from funding.ledger.models import Account, Entry, Figure, Period, Pool, Posting

# Of each account its part from the closed months, and its part from the open ones.
_STANDING_BALANCES = """
WITH closed AS (
    SELECT id, month FROM ledger_period WHERE closed_at IS NOT NULL ORDER BY month DESC LIMIT 1
), part AS (
    SELECT c.account_id, c.amount FROM ledger_closingbalance c
    WHERE c.period_id = (SELECT id FROM closed) AND c.account_id = ANY (%(accounts)s)
    UNION ALL
    SELECT b.account_id, b.amount FROM ledger_accountbalance b
    JOIN ledger_period p ON p.id = b.period_id
    WHERE b.account_id = ANY (%(accounts)s)
        AND p.month > coalesce((SELECT month FROM closed), '-infinity')
)
SELECT account_id, sum(amount)::bigint FROM part GROUP BY account_id
"""
_STANDING_FIGURES = """
WITH closed AS (
    SELECT id, month FROM ledger_period WHERE closed_at IS NOT NULL ORDER BY month DESC LIMIT 1
), part AS (
    SELECT c.pool_id, c.currency, c.name, c.amount FROM ledger_closingfigure c
    WHERE c.period_id = (SELECT id FROM closed)
        AND (%(pool)s IS NULL OR c.pool_id = %(pool)s)
    UNION ALL
    SELECT t.pool_id, t.currency, t.name, t.amount FROM ledger_figuretotal t
    JOIN ledger_period p ON p.id = t.period_id
    WHERE (%(pool)s IS NULL OR t.pool_id = %(pool)s)
        AND p.month > coalesce((SELECT month FROM closed), '-infinity')
)
SELECT pool_id, currency, name, sum(amount)::bigint FROM part GROUP BY pool_id, currency, name
"""


def _rows(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


# --- What stands now ------------------------------------------------------------------------------


def balance(of: Account | Pool) -> int:
    """Minor units: of an account its balance, debit positive; of a pool what it has available.

    A pool's is in its own currency, and by its accounts (the right side of rule 5).
    """
    if isinstance(of, Pool):
        return available_from_accounts(balances(of, of.currency))
    rows = _rows(_STANDING_BALANCES, accounts=[of.pk])
    return rows[0][1] if rows else 0


def balances(pool: Pool, currency: str) -> dict[str, int]:
    """The balance of each account of ``pool`` that has moved, in minor units, debit positive."""
    codes = dict(Account.objects.filter(pool=pool, currency=currency).values_list("pk", "code"))
    rows = _rows(_STANDING_BALANCES, accounts=list(codes))
    return {codes[account]: amount for account, amount in rows}


def figures(pool: Pool, currency: str) -> dict[str, int]:
    """Every public figure of ``pool`` in rule 5's order, in minor units; zero where nothing fed it."""
    found = dict.fromkeys(FIGURE_SIGNS, 0)
    for _pool, of_currency, name, amount in _rows(_STANDING_FIGURES, pool=pool.pk):
        if of_currency == currency:
            found[name] = amount
    return found


def figures_of_all_pools() -> dict[tuple[int, str], dict[str, int]]:
    """`figures` of every pool by (pool id, currency), in one query."""
    found: dict[tuple[int, str], dict[str, int]] = {}
    for pool_id, currency, name, amount in _rows(_STANDING_FIGURES, pool=None):
        found.setdefault((pool_id, currency), dict.fromkeys(FIGURE_SIGNS, 0))[name] = amount
    return found


def available_from_figures(figures: dict[str, int]) -> int:
    """The left side of rule 5: what the figures say is available, in minor units."""
    return sum(FIGURE_SIGNS[name] * amount for name, amount in figures.items())


def available_from_accounts(balances: dict[str, int]) -> int:
    """The right side of rule 5: what the accounts say is available, in minor units."""
    return sum(balances.get(code, 0) for code in AVAILABLE)


# --- A month --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Movement:
    """What something stood at before, how it changed, and what it stood at after: minor units."""

    opening: int = 0
    change: int = 0

    @property
    def closing(self) -> int:
        return self.opening + self.change


@dataclass(frozen=True, slots=True)
class Statement:
    """A pool in one currency over a month, or several: by account and by figure."""

    pool: Pool
    currency: str
    first: datetime.date  # first day of the first month
    last: datetime.date  # first day of the last month
    is_closed: bool
    accounts: dict[str, Movement]
    figures: dict[str, Movement]


_MOVED_ACCOUNTS = """
SELECT a.code,
    coalesce(sum(b.amount) FILTER (WHERE p.month < %(first)s), 0)::bigint,
    coalesce(sum(b.amount) FILTER (WHERE p.month >= %(first)s), 0)::bigint
FROM (
    SELECT account_id, period_id, amount FROM ledger_accountbalance
    WHERE %(before)s IS NULL OR period_id IN (SELECT id FROM ledger_period WHERE month > %(before)s)
    UNION ALL
    SELECT account_id, period_id, amount FROM ledger_closingbalance
    WHERE period_id = (SELECT id FROM ledger_period WHERE month = %(before)s)
) b
JOIN ledger_account a ON a.id = b.account_id
JOIN ledger_period p ON p.id = b.period_id
WHERE a.pool_id = %(pool)s AND a.currency = %(currency)s AND p.month <= %(last)s
GROUP BY a.code
"""
_MOVED_FIGURES = """
SELECT t.name,
    coalesce(sum(t.amount) FILTER (WHERE p.month < %(first)s), 0)::bigint,
    coalesce(sum(t.amount) FILTER (WHERE p.month >= %(first)s), 0)::bigint
FROM (
    SELECT pool_id, currency, name, period_id, amount FROM ledger_figuretotal
    WHERE %(before)s IS NULL OR period_id IN (SELECT id FROM ledger_period WHERE month > %(before)s)
    UNION ALL
    SELECT pool_id, currency, name, period_id, amount FROM ledger_closingfigure
    WHERE period_id = (SELECT id FROM ledger_period WHERE month = %(before)s)
) t
JOIN ledger_period p ON p.id = t.period_id
WHERE t.pool_id = %(pool)s AND t.currency = %(currency)s AND p.month <= %(last)s
GROUP BY t.name
"""


def statement(
    pool: Pool, month: datetime.date, *, until: datetime.date | None = None, currency: str = ""
) -> Statement:
    """The pool over the month that ``month`` lies in, or up to the month of ``until``.

    Opening, change and closing of every account that ever moved and of every figure. By the month
    an entry stands in, not by its effective date: so a closed month's statement never changes.
    """
    first, last = month.replace(day=1), (until or month).replace(day=1)
    before = (
        Period.objects.filter(closed_at__isnull=False, month__lt=first)
        .order_by("-month")
        .values_list("month", flat=True)
        .first()
    )
    parameters = {
        "pool": pool.pk,
        "currency": currency or pool.currency,
        "first": first,
        "last": last,
        "before": before,
    }
    accounts = {
        code: Movement(opening, change)
        for code, opening, change in _rows(_MOVED_ACCOUNTS, **parameters)
    }
    moved = {
        name: Movement(opening, change)
        for name, opening, change in _rows(_MOVED_FIGURES, **parameters)
    }
    return Statement(
        pool=pool,
        currency=currency or pool.currency,
        first=first,
        last=last,
        is_closed=Period.objects.filter(month=last, closed_at__isnull=False).exists(),
        accounts=accounts,
        figures={name: moved.get(name, Movement()) for name in FIGURE_SIGNS},
    )


# --- Entries --------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class EntryFilters:
    """Which entries are wanted; what is left empty does not limit them.

    ``figure`` is one that the entry feeds (in the pool, if one is named); ``account`` a code of the
    chart; ``month`` the month in whose books it stands.
    """

    pool: Pool | None = None
    figure: str = ""
    account: str = ""
    kind: str = ""
    month: datetime.date | None = None


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a listing, newest first, and where the next page begins (its ``after``)."""

    entries: Sequence[Entry]
    next_after: int | None


def entries(
    filters: EntryFilters = EntryFilters(), after: int | None = None, limit: int = 50
) -> Page:
    """Entries, newest first, by keyset paging: ``after`` is the last number already seen.

    With a figure, the figures of the entries come along; else their postings do.
    """
    along = ["figures"] if filters.figure else ["postings__account", "postings__pool"]
    found = _matching(filters, after, limit + 1).order_by("-id").prefetch_related(*along)
    rows = list(found[: limit + 1])
    more = len(rows) > limit
    return Page(entries=rows[:limit], next_after=rows[limit - 1].pk if more else None)


def numbers(
    filters: EntryFilters = EntryFilters(), after: int | None = None, limit: int = 50
) -> list[int]:
    """The numbers of the entries that `entries` gives, and of one more where there are more."""
    found = _matching(filters, after, limit + 1).order_by("-id")
    return list(found.values_list("id", flat=True)[: limit + 1])


# The newest of each account of the pool, then the newest of those: an index each, however many
# entries there are.
_NEWEST_OF_POOL = """
SELECT DISTINCT newest.entry_id FROM ledger_account a CROSS JOIN LATERAL (
    SELECT p.entry_id FROM ledger_posting p
    WHERE p.account_id = a.id AND (%(after)s IS NULL OR p.entry_id < %(after)s)
    ORDER BY p.entry_id DESC LIMIT %(limit)s
) newest
WHERE a.pool_id = %(pool)s AND (%(account)s = '' OR a.code = %(account)s)
ORDER BY 1 DESC LIMIT %(limit)s
"""


def _matching(filters: EntryFilters, after: int | None, limit: int) -> QuerySet[Entry]:
    found = Entry.objects.all()
    if after is not None:
        found = found.filter(id__lt=after)
    if filters.kind:
        found = found.filter(kind=filters.kind)
    if filters.month:
        found = found.filter(period__month=filters.month.replace(day=1))
    if filters.figure:
        fed = Figure.objects.filter(name=filters.figure)
        if filters.pool:
            fed = fed.filter(pool=filters.pool, currency=filters.pool.currency)
        if after is not None:
            fed = fed.filter(entry_id__lt=after)
        if not (filters.kind or filters.month or filters.account):
            # Once each: without a pool, an entry may feed the figure of several.
            numbers = fed.order_by("-entry_id").values_list("entry_id", flat=True).distinct()
            return found.filter(id__in=list(numbers[:limit]))
        found = found.filter(Exists(fed.filter(entry=OuterRef("pk"))))
    if filters.pool and not (filters.figure or filters.kind or filters.month):
        rows = _rows(
            _NEWEST_OF_POOL,
            pool=filters.pool.pk,
            account=filters.account,
            after=after,
            limit=limit,
        )
        return found.filter(id__in=[number for (number,) in rows])
    if filters.pool or filters.account:
        touching = Posting.objects.filter(entry=OuterRef("pk"))
        if filters.pool:
            touching = touching.filter(pool=filters.pool)
        if filters.account:
            touching = touching.filter(account__code=filters.account)
        found = found.filter(Exists(touching))
    return found


# As `_NEWEST_OF_POOL`, forward.
_NEXT_OF_POOL = """
SELECT DISTINCT next.entry_id FROM ledger_account a CROSS JOIN LATERAL (
    SELECT p.entry_id FROM ledger_posting p
    WHERE p.account_id = a.id AND p.entry_id > %(after)s
    ORDER BY p.entry_id LIMIT %(limit)s
) next
WHERE a.pool_id = %(pool)s ORDER BY 1 LIMIT %(limit)s
"""


def numbers_in_chunks(size: int, pool: Pool | None = None) -> Iterator[list[int]]:
    """The numbers of the entries (that touch ``pool``), oldest first, ``size`` at a time.

    Each chunk is a short query of its own, so whoever reads slowly holds nothing open. An entry that
    commits after its place was passed is not among them.
    """
    after = 0
    while True:
        if pool is None:
            of_all = Entry.objects.filter(id__gt=after).order_by("id")
            found = list(of_all.values_list("id", flat=True)[:size])
        else:
            rows = _rows(_NEXT_OF_POOL, pool=pool.pk, after=after, limit=size)
            found = [number for (number,) in rows]
        if found:
            yield found
            after = found[-1]
        if len(found) < size:
            return
