"""From a number on a page of money to the entries that make it: a month's, or a named giver's.

A giver's entries are those of the gifts and pledges that stand under that very name in public. What
the same donor gave without a name is not among them, and of those without a name nobody's are shown.
"""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from django.db import connection
from django.utils.crypto import salted_hmac

from funding.ledger.models import Entry, Pool
from funding.transparency.series import FLOWS


@dataclass(frozen=True, slots=True)
class Opened:
    """A page of entries, newest first, each with its part of the number in minor units, and the
    number whole (``total``)."""

    rows: list[tuple[Entry, int]]
    total: int
    next_after: int | None


# `picked` are the entries in question; the rest says what each of them adds to the number.
_PAGE = """
WITH RECURSIVE {picked}, fed AS MATERIALIZED (
    SELECT f.entry_id, sum(f.amount * s.sign)::bigint AS amount
    FROM picked n JOIN ledger_figure f ON f.entry_id = n.id
    JOIN unnest(%(figures)s::text[], %(signs)s::int[]) AS s (name, sign) ON s.name = f.name
    WHERE f.currency = %(currency)s AND (%(pool)s::bigint IS NULL OR f.pool_id = %(pool)s)
    GROUP BY 1
)
SELECT entry_id, amount, (SELECT sum(amount) FROM fed)::bigint FROM fed
WHERE %(after)s::bigint IS NULL OR entry_id < %(after)s
ORDER BY entry_id DESC LIMIT %(limit)s
"""
_OF_MONTH = """picked AS (
    SELECT e.id FROM ledger_entry e JOIN ledger_period m ON m.id = e.period_id
    WHERE m.month = %(month)s
)"""
# Under whose gifts and pledges of the name something stands (`giver_sums.whose`).
_DONORS = """
SELECT g.donor_id FROM pools_gift g
WHERE NOT g.anonymous AND g.public_name = %(name)s AND g.declined_at IS NULL
UNION SELECT p.donor_id FROM pools_pledge p WHERE NOT p.anonymous AND p.public_name = %(name)s
"""
# A reversal is about what the entry is about that it reverses (`giver_sums.moved`).
_OF_GIVER = """source AS (
    SELECT 'gift:' || g.reference AS source FROM pools_gift g
    WHERE NOT g.anonymous AND g.public_name = %(name)s AND g.declined_at IS NULL
        AND g.donor_id = %(donor)s AND (%(pool)s::bigint IS NULL OR g.pool_id = %(pool)s)
    UNION ALL
    SELECT 'pledge:' || p.reference FROM pools_pledge p
    WHERE NOT p.anonymous AND p.public_name = %(name)s
        AND p.donor_id = %(donor)s AND (%(pool)s::bigint IS NULL OR p.pool_id = %(pool)s)
), picked AS (
    SELECT e.id FROM ledger_entry e JOIN source USING (source) WHERE e.reverses_id IS NULL
    UNION
    SELECT r.id FROM picked n JOIN ledger_entry r ON r.reverses_id = n.id
)"""


def tag_of(name: str, donor: int) -> str:
    """Tells apart, in an address, donors of the same public name. It is not the donor's id: by that
    one could see that two names are one donor's."""
    return salted_hmac("funding.transparency.opened", f"{name}#{donor}").hexdigest()[:16]


def donor_of(name: str, tag: str) -> int | None:
    """The donor who stands under this public name with this `tag_of`. One query."""
    with connection.cursor() as cursor:
        cursor.execute(_DONORS, {"name": name})
        return next((donor for (donor,) in cursor if tag_of(name, donor) == tag), None)


def of_month(
    flow: str,
    month: datetime.date,
    currency: str,
    pool: Pool | None = None,
    *,
    after: int | None = None,
    limit: int,
) -> Opened:
    """What came or was spent (``flow``: a name of `series.FLOWS`) in a month of the books, in
    ``pool`` or in all pools. Two queries."""
    more = {"month": month}
    return _page(_OF_MONTH, FLOWS[flow], currency, pool, after=after, limit=limit, more=more)


def of_giver(
    name: str,
    tag: str,
    currency: str,
    pool: Pool | None = None,
    *,
    after: int | None = None,
    limit: int,
) -> Opened | None:
    """What came from a donor under this public name, less what went back of it, as
    `givers.Giver.tally` sums it up; None where nothing is left of it, so that no list shows it.
    ``tag``: `tag_of`. Three queries."""
    donor = donor_of(name, tag)
    if donor is None:
        return None
    more = {"name": name, "donor": donor}
    found = _page(_OF_GIVER, FLOWS["came"], currency, pool, after=after, limit=limit, more=more)
    return found if found.total > 0 else None


def _page(
    picked: str,
    figures: Mapping[str, int],
    currency: str,
    pool: Pool | None,
    *,
    after: int | None,
    limit: int,
    more: dict[str, Any],
) -> Opened:
    parameters = {
        "figures": list(figures),
        "signs": list(figures.values()),
        "currency": currency,
        "pool": pool.pk if pool else None,
        "after": after,
        "limit": limit + 1,
        **more,
    }
    with connection.cursor() as cursor:
        cursor.execute(_PAGE.format(picked=picked), parameters)
        found = cursor.fetchall()
    shown = found[:limit]
    entries = Entry.objects.in_bulk([number for number, _, _ in shown])
    return Opened(
        rows=[(entries[number], amount) for number, amount, _ in shown],
        total=found[0][2] if found else 0,
        next_after=shown[-1][0] if len(found) > limit else None,
    )
