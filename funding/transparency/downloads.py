"""Downloads that stream: memory does not grow with the ledger."""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from core.cells import text_cell
from core.money import exponent
from funding.ledger.models import Figure, Pool, Posting

CHUNK = 2_000

FIGURE_COLUMNS = [
    "entry", "effective_date", "recorded_at", "period", "kind", "pool", "figure", "amount",
    "currency", "memo", "source", "reverses",
]  # fmt: skip
POSTING_COLUMNS = [
    "entry", "effective_date", "recorded_at", "period", "kind", "pool", "account", "debit",
    "credit", "currency", "memo", "source", "reverses",
]  # fmt: skip


class _Echo:
    """A file that hands back what csv writes to it."""

    def write(self, value: str) -> str:
        return value


def major(amount: int, currency: str) -> Decimal:
    """Minor units as a number of major units with the currency's decimals: a number stays one."""
    return Decimal(amount).scaleb(-exponent(currency))


def as_csv(columns: list[str], rows: Iterable[list[Any]]) -> Iterator[str]:
    """Lines of a CSV file (RFC 4180), with a byte order mark so that spreadsheets read UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow(columns)
    for row in rows:
        yield writer.writerow(row)


def _of_entry(line: Figure | Posting) -> list[Any]:
    entry = line.entry
    return [
        entry.pk,
        entry.effective_date.isoformat(),
        entry.recorded_at.isoformat(timespec="seconds"),
        str(entry.period),
        text_cell(entry.kind),
        text_cell(line.pool.code),
    ]


def _words(line: Figure | Posting) -> list[Any]:
    entry = line.entry
    return [
        line.currency,
        text_cell(entry.memo),
        text_cell(entry.source),
        entry.reverses_id or "",
    ]


def figure_rows(pool: Pool, figure: str) -> Iterator[list[Any]]:
    """One row for each entry that feeds ``figure`` of ``pool``; its amounts add up to the figure."""
    lines = (
        Figure.objects.filter(pool=pool, currency=pool.currency, name=figure)
        .select_related("entry__period", "pool")
        .order_by("entry_id")
    )
    for line in lines.iterator(chunk_size=CHUNK):
        yield [
            *_of_entry(line), line.name, major(line.amount, line.currency), *_words(line)
        ]  # fmt: skip


def posting_rows(pool: Pool | None = None) -> Iterator[list[Any]]:
    """One row for each posting (of ``pool``), debit and credit in columns of their own."""
    lines = Posting.objects.select_related("entry__period", "pool", "account").order_by(
        "entry_id", "account_id"
    )
    if pool is not None:
        lines = lines.filter(pool=pool)
    for line in lines.iterator(chunk_size=CHUNK):
        amount = major(abs(line.amount), line.currency)
        yield [
            *_of_entry(line),
            text_cell(line.account.code),
            amount if line.amount > 0 else "",
            amount if line.amount < 0 else "",
            *_words(line),
        ]
