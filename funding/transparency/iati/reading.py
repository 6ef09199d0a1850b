"""What the two files say about money, asked of the ledger row by row.

Called inside one state of the books (`funding.transparency.audit_pack.snapshot.one_state`), so that
all rows are of the same moment. Nobody is named here who did not agree to be named for that very
gift or pledge.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import groupby
from operator import itemgetter

from funding.ledger.models import Pool
from funding.pools.models import Pledge
from funding.pools.queries import standing_pledges
from funding.transparency.audit_pack.snapshot import rows
from funding.transparency.giver_sums import whose
from funding.transparency.iati import mapping
from funding.transparency.models import GiverKind


@dataclass(frozen=True, slots=True)
class OfGiver:
    """What one named giver, or all of a class together, brought in a month: minor units.

    ``what``: a figure, or "committed" and "pledged" for pledges.
    """

    what: str
    currency: str
    month: datetime.date
    giver: str  # a GiverKind
    name: str
    amount: int


@dataclass(frozen=True, slots=True)
class OfEntry:
    """What one entry adds to one type of transaction: minor units."""

    entry: int
    type: str
    currency: str
    day: datetime.date
    amount: int
    words: str


@dataclass(frozen=True, slots=True)
class Moved:
    """What a transfer brought to a pool from another one (below zero: took to it): minor units."""

    entry: int
    currency: str
    day: datetime.date
    amount: int
    other: str
    other_name: str
    words: str


def _by_month_and_giver(events: str) -> str:
    """SQL: the sums of ``events`` (what, currency, day, amount, source) by what it is, currency, month
    and giver. Whose a source is, and whether a name may be shown, `whose` says."""
    return f"""
        SELECT what, currency, date_trunc('month', day)::date, kind,
            CASE kind WHEN 'named' THEN public_name ELSE '' END, sum(amount)::bigint
        FROM ({whose(events)}) event
        GROUP BY 1, 2, 3, 4, 5 HAVING sum(amount) <> 0 ORDER BY 3, 1, 4, 5, 2"""  # noqa: S608


# A reversal is about what the entry is about that it reverses.
_FIGURES_BY_GIVER = _by_month_and_giver("""
SELECT f.name AS what, f.currency, e.effective_date AS day, f.amount,
    coalesce(oo.source, o.source, e.source) AS source
FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id
LEFT JOIN ledger_entry o ON o.id = e.reverses_id
LEFT JOIN ledger_entry oo ON oo.id = o.reverses_id
WHERE f.pool_id = %(pool)s AND f.name = ANY (%(figures)s)
""")
# What donors promised without a condition that is not met: from the day they did (or the condition was
# met), with each change on its own day. Of one written off no more is left than what came of it.
# Read from the pledges, for the books hold what is owed: a part that came before is in no debt, and
# money beyond a pledge is in none for long.
_PROMISED = """
WITH promise AS (
    SELECT p.*, 'pledge:' || p.reference AS source FROM pools_pledge p
    WHERE p.pool_id = %(pool)s AND p.binding AND p.confirmed_at IS NOT NULL
        AND p.cancelled_at IS NULL AND (p.condition = '' OR p.condition_met_on IS NOT NULL)
), change AS (
    SELECT p.id, p.currency, p.source, c.changed_at::date AS day,
        (c.after ->> 'amount')::bigint - (c.before ->> 'amount')::bigint AS amount
    FROM promise p JOIN pools_pledgechange c ON c.pledge_id = p.id
    WHERE p.condition = '' OR c.before ->> 'condition_met_on' IS NOT NULL
)
SELECT 'committed' AS what, currency, coalesce(condition_met_on, confirmed_at::date) AS day,
    amount - coalesce((SELECT sum(c.amount) FROM change c WHERE c.id = promise.id), 0) AS amount,
    source
FROM promise
UNION ALL
SELECT 'committed', currency, day, amount, source FROM change
UNION ALL
SELECT 'committed', currency, written_off_at::date,
    (SELECT sum(i.received_amount) FROM pools_instalment i WHERE i.pledge_id = promise.id) - amount,
    source
FROM promise WHERE written_off_at IS NOT NULL
"""
_COMMITMENTS = _by_month_and_giver(_PROMISED)
_BY_ENTRY = """
SELECT e.id, f.name, f.currency, e.effective_date, f.amount, e.memo
FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id
WHERE f.pool_id = %(pool)s AND f.name = ANY (%(figures)s)
ORDER BY e.id, f.currency, f.name
"""
_BY_MONTH = """
SELECT f.name, f.currency, date_trunc('month', e.effective_date)::date, sum(f.amount)::bigint
FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id
WHERE f.pool_id = %(pool)s AND f.name = ANY (%(figures)s)
GROUP BY 1, 2, 3 HAVING sum(f.amount) <> 0 ORDER BY 3, 1, 2
"""
# The other side of the same entry: what one pool gives the other one gets.
_MOVED = """
SELECT e.id, f.currency, e.effective_date, f.amount, coalesce(pool.code, ''),
    coalesce(pool.name, ''), e.memo
FROM ledger_figure f
JOIN ledger_entry e ON e.id = f.entry_id
LEFT JOIN ledger_figure x ON x.entry_id = f.entry_id AND x.pool_id <> f.pool_id
    AND x.currency = f.currency AND x.name = f.name AND x.amount = -f.amount
LEFT JOIN ledger_pool pool ON pool.id = x.pool_id
WHERE f.pool_id = %(pool)s AND f.name = ANY (%(figures)s)
ORDER BY e.id, f.currency
"""
# An organisation is named among those who fund a pool from its first money, or promise, on; not for
# what the foundation declined or wrote off.
_FUNDERS = """
SELECT name FROM (
    SELECT g.public_name AS name FROM pools_gift g JOIN pools_donor d ON d.id = g.donor_id
    WHERE g.pool_id = %(pool)s AND NOT g.anonymous AND g.received_at IS NOT NULL
        AND g.declined_at IS NULL AND d.kind = 'organisation'
    UNION
    SELECT p.public_name FROM pools_pledge p JOIN pools_donor d ON d.id = p.donor_id
    WHERE p.pool_id = %(pool)s AND NOT p.anonymous AND p.confirmed_at IS NOT NULL
        AND p.cancelled_at IS NULL AND p.written_off_at IS NULL AND d.kind = 'organisation'
) funder WHERE name <> '' ORDER BY name
"""
_SPENT = """
SELECT f.name, f.currency, extract(year FROM e.effective_date)::int, sum(f.amount)::bigint
FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id
WHERE f.name = ANY (%(figures)s) GROUP BY 1, 2, 3 HAVING sum(f.amount) <> 0 ORDER BY 3, 2, 1
"""


def by_giver(pool: Pool) -> Iterator[OfGiver]:
    """What came in and went back, by month, figure and giver. Those who are not named are one."""
    figures = mapping.shown(mapping.Shown.BY_GIVER)
    for row in rows(_FIGURES_BY_GIVER, pool=pool.pk, figures=figures):
        yield OfGiver(*row)


def commitments(pool: Pool) -> Iterator[OfGiver]:
    """Binding pledges without a condition that is not met, by month and giver; what was taken off
    one, or written off, is negative."""
    for row in rows(_COMMITMENTS, pool=pool.pk):
        yield OfGiver(*row)


def pledged(pool: Pool, on: datetime.date) -> list[OfGiver]:
    """Pledges that stand on that day and are not booked: intents, and conditions not met yet.

    Those of named givers by the month they were confirmed in. All others are one sum of that day: no
    book tells of one of them, and a month with a single one would.
    """
    sums: dict[tuple[str, datetime.date, str, str], int] = {}
    for pledge in _not_booked(pool, on):
        name = "" if pledge.anonymous else pledge.public_name
        month = pledge.confirmed_at.date().replace(day=1) if name and pledge.confirmed_at else on
        key = (pledge.currency, month, GiverKind.NAMED if name else GiverKind.ANONYMOUS, name)
        sums[key] = sums.get(key, 0) + pledge.amount
    ordered = sorted(sums.items(), key=itemgetter(0))
    return [
        OfGiver("pledged", currency, month, giver, name, amount)
        for (currency, month, giver, name), amount in ordered
    ]


def _not_booked(pool: Pool, on: datetime.date) -> Iterator[Pledge]:
    standing = standing_pledges(on).filter(pool=pool, written_off_at__isnull=True)
    for pledge in standing.order_by("confirmed_at", "pk"):
        if not pledge.binding or (pledge.condition and pledge.condition_met_on is None):
            yield pledge


def by_entry(pool: Pool) -> Iterator[OfEntry]:
    """What is committed, paid out, given back by grantees and spent, an entry and type each."""
    found = rows(_BY_ENTRY, pool=pool.pk, figures=mapping.shown(mapping.Shown.BY_ENTRY))
    for (entry, currency, day, memo), lines in groupby(found, key=itemgetter(0, 2, 3, 5)):
        sums: dict[str, int] = {}
        words = memo
        for _entry, figure, _currency, _day, amount, _memo in lines:
            mapped = mapping.TRANSACTIONS[figure]
            words = words or mapped.words
            for part in mapped.parts:
                sums[part.type] = sums.get(part.type, 0) + part.sign * amount
        for type, amount in sorted(sums.items()):
            if amount:
                yield OfEntry(entry, type, currency, day, amount, words)


def by_month(pool: Pool) -> Iterator[tuple[str, str, datetime.date, int]]:
    """(figure, currency, month, minor units) of what has too many small entries to be told apart."""
    figures = mapping.shown(mapping.Shown.BY_MONTH)
    yield from rows(_BY_MONTH, pool=pool.pk, figures=figures)


def moved(pool: Pool) -> Iterator[Moved]:
    """Transfers between ``pool`` and others, one by one."""
    for row in rows(_MOVED, pool=pool.pk, figures=mapping.shown(mapping.Shown.BY_POOL)):
        yield Moved(*row)


def funders(pool: Pool) -> list[str]:
    """The organisations that agreed to be named among those who give to the pool."""
    return [name for (name,) in rows(_FUNDERS, pool=pool.pk)]


def spent_by_year() -> Iterator[tuple[int, str, dict[str, int]]]:
    """(year, currency, figure → minor units) of what the whole foundation paid out."""
    figures = ["disbursed", "returned", "expenses", "fees"]
    found = rows(_SPENT, figures=figures)
    for (year, currency), lines in groupby(found, key=itemgetter(2, 1)):
        yield year, currency, {figure: amount for figure, _currency, _year, amount in lines}
