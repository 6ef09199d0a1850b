"""One reading of the books for a page: figures by month, and who gave, by a single statement.

A statement sees one moment, so the givers always add up to the figures beside them; and it is as
quick for long books as for short ones (`make bench-pool-page`).
"""

import datetime
from dataclasses import dataclass, field
from typing import Any

from django.db import connection

from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Pool
from funding.transparency.giver_sums import moved, whose

ALL_POOLS = 0
SPENDING = 6  # the latest of each way of spending in a pool

Key = tuple[str, str]  # kind and key of a giver


@dataclass(frozen=True, slots=True)
class Tally:
    """Minor units that came, and that went back of them by refunds and lost disputes."""

    received: int = 0
    returned: int = 0

    @property
    def kept(self) -> int:
        return self.received - self.returned

    def __add__(self, other: "Tally") -> "Tally":
        return Tally(self.received + other.received, self.returned + other.returned)


@dataclass(frozen=True, slots=True)
class KindSum:
    """What is summed up of the givers of a kind: `funding.transparency.models.GiverSum`."""

    tally: Tally = Tally()
    givers: int = 0
    kept: int = 0
    squares: int = 0


@dataclass(frozen=True, slots=True)
class Recent:
    """A giver with money that is not in the sums yet: what the sums say, and what they say not."""

    before: Tally
    since: Tally

    @property
    def now(self) -> Tally:
        return self.before + self.since


@dataclass(frozen=True, slots=True)
class Spending:
    """An entry by which money was spent (or came back): ``amount`` minor units, as it was spent."""

    entry: int
    kind: str
    date: datetime.date
    memo: str
    pool_id: int
    amount: int


@dataclass(slots=True)
class Reading:
    """The books in one currency, of a pool or of all pools together.

    ``months``: month → figure → what it moved. ``pools``: pool id → figure → what it stands at.
    ``named``: the largest named givers without ``recent`` ones, ``largest_unnamed`` likewise.
    """

    currency: str
    months: dict[datetime.date, dict[str, int]] = field(default_factory=dict)
    pools: dict[int, dict[str, int]] = field(default_factory=dict)
    sums: dict[str, KindSum] = field(default_factory=dict)
    recent: dict[Key, Recent] = field(default_factory=dict)
    named: list[tuple[str, Tally]] = field(default_factory=list)
    largest_unnamed: Tally = Tally()
    spending: list[Spending] = field(default_factory=list)

    @property
    def figures(self) -> dict[str, int]:
        """Every public figure in rule 5's order, in minor units; zero where nothing fed it."""
        found = dict.fromkeys(FIGURE_SIGNS, 0)
        for moved_in_month in self.months.values():
            for name, amount in moved_in_month.items():
                found[name] += amount
        return found


# `after_kept` and `after_key`: the last named giver of the page before.
_READ = f"""
WITH tail AS MATERIALIZED (
    SELECT n.currency, n.kind, n.key,
        sum(n.received)::bigint AS received, sum(n.returned)::bigint AS returned
    FROM ({
    whose(
        moved(
            "public.transparency_unsummed()",
            "AND (%(scope)s = 0 OR f.pool_id = %(scope)s)"
            " AND (%(currency)s = '' OR f.currency = %(currency)s)",
        )
    )
}) n
    GROUP BY 1, 2, 3
), standing AS (
    SELECT g.currency FROM transparency_giversum g WHERE g.scope = %(scope)s
        AND (%(currency)s = '' OR g.currency = %(currency)s) GROUP BY 1
), figure AS (
    SELECT t.currency, t.pool_id, t.period_id, t.name, sum(t.amount) AS amount
    FROM ledger_figuretotal t WHERE (%(scope)s = 0 OR t.pool_id = %(scope)s)
        AND (%(currency)s = '' OR t.currency = %(currency)s)
    GROUP BY 1, 2, 3, 4
)
SELECT
    (SELECT json_agg(json_build_array(currency, month, name, amount)) FROM (
        SELECT f.currency, p.month, f.name, sum(f.amount) AS amount
        FROM figure f JOIN ledger_period p ON p.id = f.period_id GROUP BY 1, 2, 3
        ORDER BY 1, 2
    ) s),
    (SELECT json_agg(json_build_array(currency, pool_id, name, amount)) FROM (
        SELECT f.currency, f.pool_id, f.name, sum(f.amount) AS amount FROM figure f GROUP BY 1, 2, 3
    ) s),
    (SELECT json_agg(json_build_array(
        currency, kind, received, returned, givers, kept, squares::text))
        FROM transparency_giversum WHERE scope = %(scope)s
            AND (%(currency)s = '' OR currency = %(currency)s)),
    (SELECT json_agg(json_build_array(t.currency, t.kind, t.key, t.received, t.returned,
            coalesce(g.received, 0), coalesce(g.returned, 0)))
        FROM tail t LEFT JOIN transparency_givertotal g ON (g.scope, g.currency, g.kind, g.key)
            = (%(scope)s, t.currency, t.kind, t.key)),
    (SELECT json_agg(json_build_array(s.currency, top.key, top.received, top.returned))
        FROM standing s CROSS JOIN LATERAL (
            SELECT g.key, g.received, g.returned FROM transparency_givertotal g
            WHERE g.scope = %(scope)s AND g.currency = s.currency AND g.kind = 'named'
                AND g.received - g.returned > 0
                AND (%(after_kept)s::bigint IS NULL OR g.received - g.returned < %(after_kept)s
                    OR (g.received - g.returned = %(after_kept)s AND g.key > %(after_key)s))
                AND NOT EXISTS (SELECT FROM tail t
                    WHERE (t.currency, t.kind, t.key) = (g.currency, g.kind, g.key))
            ORDER BY g.received - g.returned DESC, g.key LIMIT %(limit)s
        ) top),
    (SELECT json_agg(json_build_array(s.currency, top.received, top.returned))
        FROM standing s CROSS JOIN LATERAL (
            SELECT g.received, g.returned FROM transparency_givertotal g
            WHERE g.scope = %(scope)s AND g.currency = s.currency AND g.kind = 'anonymous'
                AND g.received - g.returned > 0
                AND NOT EXISTS (SELECT FROM tail t
                    WHERE (t.currency, t.kind, t.key) = (g.currency, g.kind, g.key))
            ORDER BY g.received - g.returned DESC, g.key LIMIT 1
        ) top),
    (SELECT json_agg(json_build_array(f.currency, e.id, e.kind, e.effective_date, e.memo,
            f.pool_id, CASE f.name WHEN 'returned' THEN -f.amount ELSE f.amount END) ORDER BY e.id DESC)
        FROM (
            SELECT DISTINCT pool_id, currency, name FROM figure
            WHERE name IN ('disbursed', 'returned', 'expenses')
        ) w CROSS JOIN LATERAL (
            SELECT l.entry_id, l.pool_id, l.currency, l.name, l.amount FROM ledger_figure l
            WHERE (l.pool_id, l.currency, l.name) = (w.pool_id, w.currency, w.name)
            ORDER BY l.entry_id DESC LIMIT %(spending)s
        ) f JOIN ledger_entry e ON e.id = f.entry_id)
"""  # noqa: S608


def read(
    pool: Pool | None = None, *, givers: int = 20, after: tuple[int, str] | None = None
) -> dict[str, Reading]:
    """The books of ``pool`` in its own currency, or of all pools in every currency; one query.

    ``givers``: how many named ones are wanted, one more than that is read; ``after``: what the last
    one already seen kept there, in minor units, and its key.
    """
    with connection.cursor() as cursor:
        cursor.execute(
            _READ,
            {
                "scope": pool.pk if pool else ALL_POOLS,
                "currency": pool.currency if pool else "",
                "limit": givers + 1,
                "after_kept": after[0] if after else None,
                "after_key": after[1] if after else "",
                "spending": SPENDING,
            },
        )
        return _readings(cursor.fetchone(), [pool.currency] if pool else [])


def _readings(row: tuple[Any, ...], currencies: list[str]) -> dict[str, Reading]:
    months, pools, sums, tail, named, unnamed, spending = (part or [] for part in row)
    found = {currency: Reading(currency) for currency in currencies}

    def of(currency: str) -> Reading:
        return found.setdefault(currency, Reading(currency))

    for currency, month, name, amount in months:
        day = datetime.date.fromisoformat(month)
        of(currency).months.setdefault(day, {})[name] = amount
    for currency, pool_id, name, amount in pools:
        standing = of(currency).pools.setdefault(pool_id, dict.fromkeys(FIGURE_SIGNS, 0))
        standing[name] = amount
    for currency, kind, received, returned, givers, kept, squares in sums:
        of(currency).sums[kind] = KindSum(Tally(received, returned), givers, kept, int(squares))
    for currency, kind, key, received, returned, had, gone in tail:
        of(currency).recent[kind, key] = Recent(Tally(had, gone), Tally(received, returned))
    for currency, key, received, returned in named:
        of(currency).named.append((key, Tally(received, returned)))
    for currency, received, returned in unnamed:
        of(currency).largest_unnamed = Tally(received, returned)
    for currency, entry, kind, day, memo, pool_id, amount in spending:
        date = datetime.date.fromisoformat(day)
        of(currency).spending.append(Spending(entry, kind, date, memo, pool_id, amount))
    return found
