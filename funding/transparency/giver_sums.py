"""Keeping the sums of who gave (`funding.transparency.models`): forward with the log, and when a
donor is named otherwise.

Sums come from the figures `received`, `refunded` and `lost` of the ledger's entries. An entry's source
says which gift or pledge it is about, and that says whose it is; a reversal is about what the entry is
about that it reverses in the end. Pages add what is not summed up yet (`transparency_unsummed`), so
that they are right at every moment, and the sums only make them quick.
"""

from collections.abc import Iterator

from django.db import connection

from core.transactions import inside_transaction, use_case
from funding.transparency.models import GiverKind, GiverProgress

BATCH = 5_000  # entries summed up in one transaction

_UUID = "[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}"


def moved(entries: str, where: str = "") -> str:
    """SQL: what each source brought and took back, by pool and currency, over ``entries`` (a FROM
    item with one column, ids of entries); ``where`` may limit the figures ``f``."""
    return f"""
        SELECT f.pool_id, f.currency,
            CASE WHEN e.reverses_id IS NULL THEN e.source ELSE (
                WITH RECURSIVE back AS (
                    SELECT e.source, e.reverses_id
                    UNION ALL
                    SELECT o.source, o.reverses_id FROM back JOIN ledger_entry o
                        ON o.id = back.reverses_id
                ) SELECT back.source FROM back WHERE back.reverses_id IS NULL
            ) END AS source,
            coalesce(sum(f.amount) FILTER (WHERE f.name = 'received'), 0)::bigint AS received,
            coalesce(sum(f.amount) FILTER (WHERE f.name <> 'received'), 0)::bigint AS returned
        FROM {entries} n (id) JOIN ledger_entry e ON e.id = n.id
        JOIN ledger_figure f ON f.entry_id = n.id AND f.name IN ('received', 'refunded', 'lost')
            {where}
        GROUP BY 1, 2, 3"""  # noqa: S608 (no value of a reader: the callers are in this package)


def whose(rows: str) -> str:
    """SQL: the rows of ``rows`` (which have a ``source``), each with the ``kind`` and ``key`` that
    it counts under today. A declined gift names nobody, from the declining on."""
    return f"""
        SELECT n.*, CASE n.kind WHEN 'named' THEN n.public_name || '#' || n.donor_id
            WHEN 'anonymous' THEN n.donor_id::text ELSE '' END AS key
        FROM (
            SELECT m.*, coalesce(g.donor_id, p.donor_id) AS donor_id,
                coalesce(g.public_name, p.public_name) AS public_name,
                CASE WHEN coalesce(g.donor_id, p.donor_id) IS NULL
                        THEN CASE WHEN m.source ~ '^(term|tier-change|invoice):' THEN 'dues' ELSE 'other' END
                    WHEN g.declined_at IS NOT NULL OR coalesce(g.anonymous, p.anonymous)
                        OR coalesce(g.public_name, p.public_name) = '' THEN 'anonymous'
                    ELSE 'named' END AS kind
            FROM ({rows}) m
            LEFT JOIN pools_gift g ON g.reference = CASE
                WHEN m.source ~ '^gift:{_UUID}$' THEN substr(m.source, 6)::uuid END
            LEFT JOIN pools_pledge p ON p.reference = CASE
                WHEN m.source ~ '^pledge:{_UUID}$' THEN substr(m.source, 8)::uuid END
        ) n"""  # noqa: S608


# Adds the rows of the CTE `delta` (pool_id, currency, kind, key, received, returned) to all sums.
_ADD = """
scoped AS (
    SELECT s.scope, d.currency, d.kind, d.key,
        sum(d.received)::bigint AS received, sum(d.returned)::bigint AS returned
    FROM delta d CROSS JOIN LATERAL (VALUES (d.pool_id), (0::bigint)) s (scope)
    GROUP BY 1, 2, 3, 4 HAVING sum(d.received) <> 0 OR sum(d.returned) <> 0
), totals AS (
    INSERT INTO transparency_givertotal AS t (scope, currency, kind, key, received, returned)
    SELECT scope, currency, kind, key, received, returned FROM scoped
    ON CONFLICT (scope, currency, kind, key) DO UPDATE
        SET received = t.received + excluded.received, returned = t.returned + excluded.returned
    RETURNING t.*
), change AS (
    SELECT t.scope, t.currency, t.kind, s.received, s.returned,
        greatest(t.received - t.returned, 0)::numeric AS now,
        greatest(t.received - s.received - t.returned + s.returned, 0)::numeric AS before
    FROM totals t JOIN scoped s USING (scope, currency, kind, key)
)
INSERT INTO transparency_giversum AS g
    (scope, currency, kind, received, returned, givers, kept, squares)
SELECT scope, currency, kind, sum(received), sum(returned),
    count(*) FILTER (WHERE now > 0) - count(*) FILTER (WHERE before > 0),
    sum(now - before), sum(now * now - before * before)
FROM change GROUP BY 1, 2, 3
ON CONFLICT (scope, currency, kind) DO UPDATE
    SET received = g.received + excluded.received, returned = g.returned + excluded.returned,
        givers = g.givers + excluded.givers, kept = g.kept + excluded.kept,
        squares = g.squares + excluded.squares
"""

_LEAVES = """(
    SELECT l.entry_id FROM ledger_leaf l WHERE l.sequence >= %(begin)s AND l.sequence < %(end)s
)"""
# What is counted under a name already stays there: `renamed` alone moves it, with all there is of it.
_SUM_UP = f"""
WITH moved AS MATERIALIZED ({moved(_LEAVES)}
), named AS MATERIALIZED ({whose("SELECT * FROM moved")}
), given AS (
    INSERT INTO transparency_given AS v
        (source, pool_id, currency, kind, key, received, returned)
    SELECT source, pool_id, currency, kind, key, received, returned FROM named
        WHERE kind IN ('named', 'anonymous')
    ON CONFLICT (source, pool_id, currency) DO UPDATE
        SET received = v.received + excluded.received, returned = v.returned + excluded.returned
    RETURNING v.*
), delta AS (
    SELECT n.pool_id, n.currency, coalesce(v.kind, n.kind) AS kind, coalesce(v.key, n.key) AS key,
        n.received, n.returned
    FROM named n LEFT JOIN given v USING (source, pool_id, currency)
), {_ADD}
"""  # noqa: S608

_RENAME = f"""
WITH mine AS (
    SELECT 'gift:' || g.reference AS source FROM pools_gift g WHERE g.donor_id = ANY (%(donors)s)
    UNION ALL
    SELECT 'pledge:' || p.reference FROM pools_pledge p WHERE p.donor_id = ANY (%(donors)s)
), old AS MATERIALIZED (
    SELECT v.id, v.source, v.pool_id, v.currency, v.kind, v.key, v.received, v.returned
    FROM mine JOIN transparency_given v USING (source)
), new AS MATERIALIZED ({whose("SELECT o.id, o.source FROM old o")}
), changed AS (
    UPDATE transparency_given v SET kind = n.kind, key = n.key FROM new n
    WHERE v.id = n.id AND (v.kind, v.key) IS DISTINCT FROM (n.kind, n.key)
    RETURNING v.*
), delta AS (
    SELECT pool_id, currency, kind, key, received, returned FROM changed
    UNION ALL
    SELECT o.pool_id, o.currency, o.kind, o.key, -o.received, -o.returned
    FROM old o JOIN changed USING (id)
), {_ADD}
"""  # noqa: S608


def sum_up(at_most: int = BATCH) -> int:
    """Take the next sealed entries, up to ``at_most``, into the sums; how many they were."""
    with use_case(), connection.cursor() as cursor:
        progress = GiverProgress.objects.select_for_update().get()
        begin = progress.through
        cursor.execute("SELECT coalesce(max(sequence) + 1, 0) FROM ledger_leaf")
        end = min(begin + at_most, cursor.fetchone()[0])
        if end <= begin:
            return 0
        cursor.execute(_SUM_UP, {"begin": begin, "end": end})
        progress.through = end
        progress.save(update_fields=["through"])
        return end - begin


def sum_up_all() -> int:
    """Take every sealed entry into the sums; how many that were."""
    total = 0
    while added := sum_up():
        total += added
    return total


@inside_transaction
def renamed(donor_ids: list[int]) -> None:
    """Count what these donors gave under the names it has now (`funding.pools.naming`).

    A name that nothing is counted under any more is forgotten.
    """
    GiverProgress.objects.select_for_update().get()
    with connection.cursor() as cursor:
        cursor.execute(_RENAME, {"donors": donor_ids})
        cursor.execute(
            "DELETE FROM transparency_givertotal WHERE received = 0 AND returned = 0"
            " AND kind IN ('named', 'anonymous')"
        )


def rebuild() -> int:
    """Make all sums anew from the ledger; how many entries they hold then."""
    with use_case(), connection.cursor() as cursor:
        progress = GiverProgress.objects.select_for_update().get()
        for table in ("given", "givertotal", "giversum"):
            cursor.execute(f"DELETE FROM transparency_{table}")  # noqa: S608
        progress.through = 0
        progress.save(update_fields=["through"])
    return sum_up_all()


# --- Checking ---------------------------------------------------------------------------------------

_UP_TO_NOW = """(
    SELECT l.entry_id FROM ledger_leaf l
    WHERE l.sequence < (SELECT through FROM transparency_giverprogress)
)"""
_WRONG_TOTALS = f"""
WITH anew AS (
    SELECT s.scope, n.currency, n.kind, n.key,
        sum(n.received)::bigint AS received, sum(n.returned)::bigint AS returned
    FROM ({whose(moved(_UP_TO_NOW))}) n
    CROSS JOIN LATERAL (VALUES (n.pool_id), (0::bigint)) s (scope)
    GROUP BY 1, 2, 3, 4
)
SELECT scope, currency, kind, coalesce(k.received, 0), coalesce(k.returned, 0),
    coalesce(a.received, 0), coalesce(a.returned, 0)
FROM transparency_givertotal k FULL JOIN anew a USING (scope, currency, kind, key)
WHERE (coalesce(k.received, 0), coalesce(k.returned, 0))
    <> (coalesce(a.received, 0), coalesce(a.returned, 0))
ORDER BY 1, 2, 3, key
"""  # noqa: S608
_WRONG_SUMS = """
SELECT scope, currency, kind FROM transparency_giversum k FULL JOIN (
    SELECT scope, currency, kind, sum(received) AS received, sum(returned) AS returned,
        count(*) FILTER (WHERE received > returned) AS givers,
        coalesce(sum(received - returned) FILTER (WHERE received > returned), 0) AS kept,
        coalesce(sum((received - returned)::numeric * (received - returned))
            FILTER (WHERE received > returned), 0) AS squares
    FROM transparency_givertotal GROUP BY 1, 2, 3
) a USING (scope, currency, kind)
WHERE (coalesce(k.received, 0), coalesce(k.returned, 0), coalesce(k.givers, 0),
        coalesce(k.kept, 0), coalesce(k.squares, 0))
    <> (coalesce(a.received, 0), coalesce(a.returned, 0), coalesce(a.givers, 0),
        coalesce(a.kept, 0), coalesce(a.squares, 0))
ORDER BY 1, 2, 3
"""


def problems() -> Iterator[str]:
    """One sentence for each kept sum that is not what the ledger says. Names nobody."""
    with connection.cursor() as cursor:
        cursor.execute(_WRONG_TOTALS)
        for scope, currency, kind, *kept in cursor.fetchall():
            of = f"pool {scope}" if scope else "all pools"
            yield (
                f"What a giver ({GiverKind(kind)}) gave to {of} is kept as {kept[0]} received and"
                f" {kept[1]} returned {currency}; the ledger says {kept[2]} and {kept[3]}."
            )
        cursor.execute(_WRONG_SUMS)
        for scope, currency, kind in cursor.fetchall():
            of = f"pool {scope}" if scope else "all pools"
            yield f"The sums of the givers ({GiverKind(kind)}) to {of} in {currency} do not add up."
