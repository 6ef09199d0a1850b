"""The books as CSV, written by PostgreSQL itself (COPY), so that memory does not grow with them.

A reader may be slow, and anybody may ask. So nothing is held open for him: which entries a file
holds is settled at its start, and since none of them ever changes, each piece is a short statement
of its own and the whole is still of one state of the books. Whoever goes away in the middle leaves
nothing behind.
"""

import hashlib
import io
from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal

from django.db import connection

from core.money import exponent
from funding.ledger import queries
from funding.ledger.models import Account, Figure, Pool

CHUNK = 2_000  # entries

FIGURE_COLUMNS = [
    "entry", "effective_date", "recorded_at", "period", "kind", "pool", "figure", "amount",
    "currency", "memo", "source", "reverses",
]  # fmt: skip
POSTING_COLUMNS = [
    "entry", "effective_date", "recorded_at", "period", "kind", "pool", "account", "debit",
    "credit", "currency", "memo", "source", "reverses",
]  # fmt: skip


def text_cell(column: str) -> str:
    """SQL: the text of ``column`` as `core.cells.text_cell` writes it; an empty one is an empty cell."""
    return (
        f"nullif(CASE WHEN left({column}, 1) IN ('=', '+', '-', '@', E'\\t', E'\\r')"
        f" THEN '''' || {column} ELSE {column} END, '')"
    )


_BEGIN = f"""
    e.id, to_char(e.effective_date, 'YYYY-MM-DD'),
    to_char(e.recorded_at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"+00:00"'),
    to_char(m.month, 'YYYY-MM'), {text_cell("e.kind")}, {text_cell("pool.code")}"""
_END = f"{text_cell('e.memo')}, {text_cell('e.source')}, e.reverses_id"
# `unit` is one minor unit in major ones, 0.01 or 1 or 0.001: a product of decimals is exact.
_UNITS = "unnest(%(currencies)s::text[], %(units)s::numeric[]) AS u (currency, unit)"

_POSTINGS = f"""
COPY (
    SELECT {_BEGIN}, {text_cell("a.code")},
        CASE WHEN p.amount > 0 THEN p.amount * u.unit END,
        CASE WHEN p.amount < 0 THEN -p.amount * u.unit END,
        p.currency, {_END}
    FROM ledger_entry e
    JOIN ledger_period m ON m.id = e.period_id
    JOIN ledger_posting p ON p.entry_id = e.id
    JOIN ledger_account a ON a.id = p.account_id
    JOIN ledger_pool pool ON pool.id = p.pool_id
    JOIN {_UNITS} ON u.currency = p.currency
    WHERE e.id = ANY (%(numbers)s) AND (%(pool)s::bigint IS NULL OR p.pool_id = %(pool)s)
    ORDER BY e.id, p.account_id
) TO STDOUT (FORMAT csv)
"""  # noqa: S608
_FIGURES = f"""
COPY (
    SELECT {_BEGIN}, f.name, f.amount * u.unit, f.currency, {_END}
    FROM ledger_entry e
    JOIN ledger_period m ON m.id = e.period_id
    JOIN ledger_figure f ON f.entry_id = e.id
    JOIN ledger_pool pool ON pool.id = f.pool_id
    JOIN {_UNITS} ON u.currency = f.currency
    WHERE e.id = ANY (%(numbers)s) AND f.pool_id = %(pool)s AND f.currency = %(currency)s
        AND f.name = %(figure)s
    ORDER BY e.id
) TO STDOUT (FORMAT csv)
"""  # noqa: S608

# Every number up to `sealed_through` is committed or will never be used (funding.ledger.sql.sealing).
_PRESENT = """
SELECT l.number, ARRAY(
    SELECT n FROM generate_series(s.sealed_through + 1, l.number) n
    WHERE NOT EXISTS (SELECT FROM ledger_entry e WHERE e.id = n) ORDER BY n
) FROM ledger_sealer s, (SELECT coalesce(max(id), 0) AS number FROM ledger_entry) l
"""


@dataclass(frozen=True, slots=True)
class Present:
    """Which entries stood in the books at one moment: those up to ``last`` without ``missing``.

    Missing are numbers of posts that were refused, or were not committed then.
    """

    last: int
    missing: frozenset[int]

    def of(self, numbers: list[int]) -> list[int]:
        return [n for n in numbers if n <= self.last and n not in self.missing]

    @property
    def tag(self) -> str:
        """Differs wherever the entries do."""
        missing = ",".join(map(str, sorted(self.missing)))
        return f"{self.last}-{hashlib.sha256(missing.encode()).hexdigest()[:16]}"


def present() -> Present:
    """Which entries stand in the books now."""
    with connection.cursor() as cursor:
        cursor.execute(_PRESENT)
        last, missing = cursor.fetchone()
    return Present(last, frozenset(missing))


def postings(of: Present, pool: Pool | None = None) -> Iterator[bytes]:
    """A CSV file of each posting (of ``pool``), debit and credit in columns of their own."""
    yield _head(POSTING_COLUMNS)
    numbers = queries.numbers_in_chunks(CHUNK, pool)
    yield from _copied(_POSTINGS, of, numbers, pool=pool.pk if pool else None)


def figures(of: Present, pool: Pool, figure: str) -> Iterator[bytes]:
    """A CSV file of each entry that feeds ``figure`` of ``pool`` in its own currency."""
    yield _head(FIGURE_COLUMNS)
    yield from _copied(
        _FIGURES,
        of,
        _numbers_of_figure(pool, figure),
        pool=pool.pk,
        currency=pool.currency,
        figure=figure,
    )


def _head(columns: list[str]) -> bytes:
    """The first line, after a byte order mark so that spreadsheets read UTF-8."""
    return ("\ufeff" + ",".join(columns) + "\n").encode()


def _numbers_of_figure(pool: Pool, figure: str) -> Iterator[list[int]]:
    after = 0
    of_figure = Figure.objects.filter(pool=pool, currency=pool.currency, name=figure)
    while True:
        following = of_figure.filter(entry_id__gt=after).order_by("entry_id")
        found = list(following.values_list("entry_id", flat=True)[:CHUNK])
        if found:
            yield found
            after = found[-1]
        if len(found) < CHUNK:
            return


def _copied(
    sql: str, of: Present, chunks: Iterator[list[int]], **parameters: str | int | None
) -> Iterator[bytes]:
    """What COPY writes of the entries of each chunk that were there at the start."""
    currencies = list(Account.objects.order_by().values_list("currency", flat=True).distinct())
    units = [Decimal(1).scaleb(-exponent(code)) for code in currencies]
    for numbers in chunks:
        if numbers[0] > of.last:
            return
        wanted = of.of(numbers)
        if not wanted:
            continue
        piece = io.BytesIO()
        with connection.cursor() as cursor:
            # COPY takes no parameters, so the driver writes them into the text.
            values = {"currencies": currencies, "units": units, "numbers": wanted, **parameters}
            cursor.copy_expert(cursor.mogrify(sql, values), piece)
        yield piece.getvalue()
