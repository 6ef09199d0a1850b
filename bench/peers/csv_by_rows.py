"""The CSV of every posting as it was made before COPY: rows fetched by Django, lines by csv."""

from collections.abc import Iterator
from typing import Any

from core.cells import text_cell
from funding.ledger import queries
from funding.ledger.models import Entry, Posting
from funding.transparency.copying import POSTING_COLUMNS
from funding.transparency.downloads import as_csv, major

CHUNK = 1_000  # entries


def lines() -> Iterator[str]:
    return as_csv(POSTING_COLUMNS, _rows())


def _rows() -> Iterator[list[Any]]:
    for numbers in queries.numbers_in_chunks(CHUNK):
        entries = _entries(numbers)
        found = Posting.objects.filter(entry_id__in=numbers).order_by("entry_id", "account_id")
        for number, code, account, amount, currency in found.values_list(
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


def _entries(numbers: list[int]) -> dict[int, tuple[list[Any], list[Any]]]:
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
