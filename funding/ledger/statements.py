"""The statement of a closed month: the same bytes at each reading, whoever derives them.

Nothing in it but what the ledger's entries say, so that anybody can make it from the public
download and compare (docs/ledger-format.md). The first checkpoint after a month was closed names
the hash over the statements of all pools, which binds them as it binds the entries.
"""

import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from django.db import connection

from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS
from funding.ledger.models import Period, Pool, StatementHash
from funding.ledger.queries import Movement

FORMAT = 1

# Of what the closed month before left, and what this one brought.
_ACCOUNTS = """
SELECT pool.code, a.currency, a.code, sum(b.opening)::bigint, sum(b.change)::bigint
FROM (
    SELECT account_id, amount AS opening, 0 AS change FROM ledger_closingbalance
    WHERE period_id = %(before)s
    UNION ALL
    SELECT account_id, 0, amount FROM ledger_accountbalance WHERE period_id = %(period)s
) b
JOIN ledger_account a ON a.id = b.account_id
JOIN ledger_pool pool ON pool.id = a.pool_id
WHERE %(pool)s::bigint IS NULL OR a.pool_id = %(pool)s
GROUP BY 1, 2, 3
"""
_FIGURES = """
SELECT pool.code, f.currency, f.name, sum(f.opening)::bigint, sum(f.change)::bigint
FROM (
    SELECT pool_id, currency, name, amount AS opening, 0 AS change FROM ledger_closingfigure
    WHERE period_id = %(before)s
    UNION ALL
    SELECT pool_id, currency, name, 0, amount FROM ledger_figuretotal WHERE period_id = %(period)s
) f
JOIN ledger_pool pool ON pool.id = f.pool_id
WHERE %(pool)s::bigint IS NULL OR f.pool_id = %(pool)s
GROUP BY 1, 2, 3
"""
_COUNTS = """
SELECT pool.code, c.currency, count(*) FROM (
    SELECT DISTINCT p.pool_id, p.currency, p.entry_id
    FROM ledger_entry e JOIN ledger_posting p ON p.entry_id = e.id
    WHERE e.period_id = %(period)s AND (%(pool)s::bigint IS NULL OR p.pool_id = %(pool)s)
) c JOIN ledger_pool pool ON pool.id = c.pool_id GROUP BY 1, 2
"""


@dataclass(frozen=True, slots=True)
class Book:
    """A pool's month in one currency, in minor units; accounts are debit positive.

    ``accounts`` has every one that ever moved until the end of the month, by its code; ``figures``
    all of them, in rule 5's order.
    """

    currency: str
    entries: int
    accounts: dict[str, Movement]
    figures: dict[str, Movement]

    @property
    def by_figures(self) -> Movement:
        """What was available, by the left side of rule 5."""
        return _sum((sign, self.figures[name]) for name, sign in FIGURE_SIGNS.items())

    @property
    def by_accounts(self) -> Movement:
        """What was available, by the right side of rule 5."""
        return _sum((1, self.accounts[code]) for code in AVAILABLE if code in self.accounts)


def _sum(parts: Iterable[tuple[int, Movement]]) -> Movement:
    signed = list(parts)
    return Movement(
        sum(sign * part.opening for sign, part in signed),
        sum(sign * part.change for sign, part in signed),
    )


@dataclass(frozen=True, slots=True)
class MonthStatement:
    """A pool over a closed month; ``books`` by currency, in order of its code."""

    pool: str
    month: datetime.date
    books: tuple[Book, ...]

    @property
    def form(self) -> bytes:
        """The file that everybody gets, and whose hash is kept."""
        content = {
            "books": [
                {
                    "accounts": [[code, *_row(of)] for code, of in sorted(book.accounts.items())],
                    "available_by_accounts": _row(book.by_accounts),
                    "available_by_figures": _row(book.by_figures),
                    "currency": book.currency,
                    "entries": book.entries,
                    "figures": [[name, *_row(of)] for name, of in book.figures.items()],
                }
                for book in self.books
            ],
            "format": FORMAT,
            "month": f"{self.month:%Y-%m}",
            "pool": self.pool,
        }
        return json.dumps(content, ensure_ascii=False, separators=(",", ":")).encode() + b"\n"

    @property
    def sha256(self) -> str:
        return hashlib.sha256(self.form).hexdigest()

    @property
    def file_name(self) -> str:
        return f"{self.pool}-{self.month:%Y-%m}.json"


def _row(of: Movement) -> list[int]:
    return [of.opening, of.change, of.closing]


# --- Reading --------------------------------------------------------------------------------------


def of_month(month: datetime.date, pool: Pool | None = None) -> list[MonthStatement]:
    """The statements of every pool (or of ``pool``) that had an entry by the end of ``month``.

    In order of the pools' codes. None where the month is not closed.
    """
    closed = Period.objects.filter(closed_at__isnull=False)
    period = closed.filter(month=month).first()
    if period is None:
        return []
    before = closed.filter(month__lt=month).order_by("month").last()
    parameters = {
        "period": period.pk,
        "before": before and before.pk,
        "pool": pool and pool.pk,
    }
    accounts: dict[tuple[str, str], dict[str, Movement]] = {}
    for code, currency, account, opening, change in _rows(_ACCOUNTS, parameters):
        accounts.setdefault((code, currency), {})[account] = Movement(opening, change)
    figures: dict[tuple[str, str], dict[str, Movement]] = {}
    for code, currency, name, opening, change in _rows(_FIGURES, parameters):
        figures.setdefault((code, currency), {})[name] = Movement(opening, change)
    counts = {(code, currency): count for code, currency, count in _rows(_COUNTS, parameters)}
    books: dict[str, list[Book]] = {}
    for code, currency in sorted(accounts.keys() | figures.keys()):
        moved = figures.get((code, currency), {})
        book = Book(
            currency=currency,
            entries=counts.get((code, currency), 0),
            accounts=accounts.get((code, currency), {}),
            figures={name: moved.get(name, Movement()) for name in FIGURE_SIGNS},
        )
        books.setdefault(code, []).append(book)
    return [MonthStatement(code, period.month, tuple(found)) for code, found in books.items()]


def _rows(sql: str, parameters: dict[str, Any]) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def hash_list(statements: Sequence[MonthStatement]) -> bytes:
    """The hash of each statement, as `sha256sum` writes and checks it."""
    return "".join(f"{one.sha256}  {one.file_name}\n" for one in statements).encode()


def month_hash(month: datetime.date) -> str:
    """SHA-256 over the month's `hash_list`, in hexadecimal: what a checkpoint names."""
    return hashlib.sha256(hash_list(of_month(month))).hexdigest()


# --- Signing (funding.ledger.checkpoints) ---------------------------------------------------------


def unsigned_months() -> list[datetime.date]:
    """The closed months that no checkpoint names yet, the oldest first."""
    unsigned = Period.objects.filter(closed_at__isnull=False, statement_hash__isnull=True)
    return list(unsigned.order_by("month").values_list("month", flat=True))


def problems() -> Iterator[str]:
    """One sentence for each signed month whose statements are no longer those that were signed."""
    for signed in StatementHash.objects.select_related("period").order_by("period__month"):
        if month_hash(signed.period.month) != signed.sha256:
            yield (
                f"The statements of {signed.period} are not those which the checkpoint of size"
                f" {signed.checkpoint_id} names."
            )
