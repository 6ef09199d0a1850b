"""Downloads that stream: memory does not grow with the ledger.

A reader may be slow, and anybody may ask. So no transaction and no cursor is open between two
chunks: each is a few short queries by key. What is posted meanwhile may come along, whole, or not.
"""

import csv
from collections.abc import Iterable, Iterator
from decimal import Decimal
from typing import Any

from core.cells import text_cell
from core.money import exponent
from funding.ledger import queries
from funding.ledger.models import Entry, Figure, Pool, Posting

CHUNK = 1_000  # entries

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


def _entries(numbers: list[int]) -> dict[int, tuple[list[Any], list[Any]]]:
    """Of each entry what stands at the beginning of its rows, and what at their end."""
    found = Entry.objects.filter(pk__in=numbers).values_list(
        "pk", "effective_date", "recorded_at", "period__month", "kind",
        "memo", "source", "reverses_id",
    )  # fmt: skip
    return {
        number: (
            [
                number,
                effective_date.isoformat(),
                recorded_at.isoformat(timespec="seconds"),
                f"{month:%Y-%m}",
                text_cell(kind),
            ],
            [text_cell(memo), text_cell(source), reverses or ""],
        )
        for number, effective_date, recorded_at, month, kind, memo, source, reverses in found
    }


def figure_rows(pool: Pool, figure: str) -> Iterator[list[Any]]:
    """One row for each entry that feeds ``figure`` of ``pool``; its amounts add up to the figure."""
    code, currency = text_cell(pool.code), pool.currency
    of_figure = Figure.objects.filter(pool=pool, currency=currency, name=figure)
    after = 0
    while True:
        chunk = of_figure.filter(entry_id__gt=after).order_by("entry_id")
        lines = list(chunk.values_list("entry_id", "amount")[:CHUNK])
        entries = _entries([number for number, _amount in lines]) if lines else {}
        for number, amount in lines:
            begin, end = entries[number]
            yield [*begin, code, figure, major(amount, currency), currency, *end]
            after = number
        if len(lines) < CHUNK:
            return


def posting_rows(pool: Pool | None = None) -> Iterator[list[Any]]:
    """One row for each posting (of ``pool``), debit and credit in columns of their own."""
    for numbers in queries.numbers_in_chunks(CHUNK, pool):
        entries = _entries(numbers)
        lines = Posting.objects.filter(entry_id__in=numbers).order_by("entry_id", "account_id")
        if pool is not None:
            lines = lines.filter(pool=pool)
        for number, code, account, amount, currency in lines.values_list(
            "entry_id", "pool__code", "account__code", "amount", "currency"
        ):
            begin, end = entries[number]
            size = major(abs(amount), currency)
            yield [
                *begin,
                text_cell(code),
                text_cell(account),
                size if amount > 0 else "",
                size if amount < 0 else "",
                currency,
                *end,
            ]
