"""The pack's files for machines: CSV tables, and the log as it is published.

Names of columns never change with the language. Amounts are numbers of major units, with the
currency's own decimals; a text that a spreadsheet would run as a formula gets an apostrophe.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from core.cells import text_cell
from funding.ledger import checkpoints
from funding.ledger.models import Checkpoint
from funding.transparency.audit_pack import books, entries
from funding.transparency.audit_pack.books import AccountLine
from funding.transparency.audit_pack.entries import EntryFacts
from funding.transparency.audit_pack.series import LOG, EntryNumbers, Series
from funding.transparency.audit_pack.snapshot import Months, rows
from funding.transparency.downloads import as_csv, major

TRIAL_BALANCE_COLUMNS = [
    "row", "pool", "currency", "account", "account_kind", "opening", "debit", "credit", "closing",
]  # fmt: skip
GENERAL_LEDGER_COLUMNS = [
    "row", "pool", "currency", "account", "entry", "recorded_at", "effective_date", "period",
    "kind", "memo", "source", "debit", "credit", "balance",
]  # fmt: skip
_ENTRY_COLUMNS = [
    "entry", "log_index", "recorded_at", "effective_date", "period", "kind", "memo", "source",
    "reverses", "party", "party_name", "prepared_by", "prepared_by_name", "approved_by",
    "approved_by_names",
]  # fmt: skip
JOURNAL_COLUMNS = [*_ENTRY_COLUMNS, "pool", "account", "currency", "debit", "credit"]
LATE_COLUMNS = [
    *_ENTRY_COLUMNS, "days", "recorded_late", "later_period", "currency", "debit",
]  # fmt: skip
MERGED_COLUMNS = ["donor", "name", "merged_into", "merged_into_name", "merged_at"]
SERIES_COLUMNS = ["row", "series", "first", "last", "count", "missing"]


def trial_balance(lines: Sequence[AccountLine]) -> Iterator[bytes]:
    """A row for each account, and one of the total of each pool and currency."""

    def table() -> Iterator[list[Any]]:
        for group in books.by_pool(lines):
            for line in group.accounts:
                yield ["account", *_balances(line)]
            yield ["total", *_balances(group.total)]

    return _csv(TRIAL_BALANCE_COLUMNS, table())


def _balances(line: AccountLine) -> list[Any]:
    amounts = (line.opening, line.debit, line.credit, line.closing)
    return [
        text_cell(line.pool),
        line.currency,
        text_cell(line.code),
        line.kind,
        *(major(amount, line.currency) for amount in amounts),
    ]


def general_ledger(months: Months, lines: Sequence[AccountLine]) -> Iterator[bytes]:
    """Of each account its opening balance, every posting with the balance after it, the closing."""

    def table() -> Iterator[list[Any]]:
        for account, postings in books.general_ledger(months, lines):
            currency = account.currency
            of_account = [text_cell(account.pool), currency, text_cell(account.code)]
            nothing = [""] * 7
            opening = major(account.opening, currency)
            yield ["opening", *of_account, *nothing, "", "", opening]
            for line in postings:
                yield [
                    "posting",
                    *of_account,
                    line.entry,
                    line.recorded_at.isoformat(timespec="seconds"),
                    line.effective_date,
                    f"{line.month:%Y-%m}",
                    *map(text_cell, (line.kind, line.memo, line.source)),
                    *_debit_and_credit(line.amount, currency),
                    major(line.balance, currency),
                ]
            sums = (account.debit, account.credit, account.closing)
            yield ["closing", *of_account, *nothing, *(major(sum_, currency) for sum_ in sums)]

    return _csv(GENERAL_LEDGER_COLUMNS, table())


def journal(months: Months) -> Iterator[bytes]:
    """A row for each posting; what is said of the entry stands in every one of its rows."""
    return _csv(
        JOURNAL_COLUMNS,
        (
            [
                *_of_entry(line.entry),
                text_cell(line.pool),
                text_cell(line.account),
                line.currency,
                *_debit_and_credit(line.amount, line.currency),
            ]
            for line in entries.journal(months)
        ),
    )


def late_entries(months: Months, late_days: int) -> Iterator[bytes]:
    """A row for each late entry and currency."""
    return _csv(
        LATE_COLUMNS,
        (
            [
                *_of_entry(line.entry),
                line.days,
                "yes" if line.is_recorded_late else "no",
                "yes" if line.is_of_a_later_month else "no",
                line.currency,
                major(line.debit, line.currency),
            ]
            for line in entries.late_entries(months, late_days)
        ),
    )


_MERGED = """
SELECT gone.id, gone.name, kept.id, kept.name, gone.merged_at
FROM pools_donor gone JOIN pools_donor kept ON kept.id = gone.merged_into_id
ORDER BY gone.id
"""


def merged_donors() -> Iterator[bytes]:
    """A row for each donor that was merged, ever: a reference in an older pack still says who."""
    return _csv(
        MERGED_COLUMNS,
        (
            [
                f"donor:{gone}",
                text_cell(name),
                f"donor:{kept}",
                text_cell(kept_name),
                merged_at.isoformat(timespec="seconds"),
            ]
            for gone, name, kept, kept_name, merged_at in rows(_MERGED)
        ),
    )


def number_series(found: Sequence[Series], numbers: EntryNumbers) -> Iterator[bytes]:
    """A row for each series and one for each gap; then the numbers of entries, which may skip."""

    def table() -> Iterator[list[Any]]:
        for series in found:
            first, last = _or_empty(series.first), _or_empty(series.last)
            yield ["series", series.name, first, last, series.count, series.missing]
            for low, high in series.gaps:
                yield ["gap", series.name, low, high, "", high - low + 1]
        first, last = _or_empty(numbers.first), _or_empty(numbers.last)
        yield ["entry-numbers", "entry", first, last, numbers.count, numbers.skipped]
        yield ["unsealed", LOG, "", "", numbers.unsealed, ""]

    return _csv(SERIES_COLUMNS, table())


def _or_empty(number: int | None) -> int | str:
    return "" if number is None else number


def _of_entry(entry: EntryFacts) -> list[Any]:
    signed = entry.signatures
    return [
        entry.number,
        _or_empty(entry.place),
        entry.recorded_at.isoformat(timespec="seconds"),
        entry.effective_date,
        f"{entry.month:%Y-%m}",
        *map(text_cell, (entry.kind, entry.memo, entry.source)),
        _or_empty(entry.reverses),
        *map(text_cell, (entry.party.reference, entry.party.name)),
        *map(text_cell, (signed.prepared_by, signed.prepared_by_name)),
        text_cell("; ".join(signed.approved_by)),
        text_cell("; ".join(signed.approved_by_names)),
    ]


def _debit_and_credit(amount: int, currency: str) -> list[Any]:
    size = major(abs(amount), currency)
    return [size if amount > 0 else "", size if amount < 0 else ""]


def _csv(columns: list[str], table: Iterable[list[Any]]) -> Iterator[bytes]:
    return (line.encode() for line in as_csv(columns, table))


# --- The log, as it is published (docs/ledger-format.md) ------------------------------------------

_PUBLIC = """
SELECT f.form FROM ledger_leaf l JOIN ledger_public_form f USING (entry_id)
WHERE l.sequence < %(size)s ORDER BY l.sequence
"""
_PRIVATE = """
SELECT l.entry_id, f.form, encode(e.salt, 'hex')
FROM ledger_leaf l JOIN ledger_entry e ON e.id = l.entry_id
JOIN ledger_period m ON m.id = e.period_id
JOIN ledger_private_form f ON f.entry_id = e.id
WHERE l.sequence < %(size)s AND m.month BETWEEN %(first)s AND %(last)s ORDER BY l.sequence
"""


def public_entries(checkpoint: Checkpoint) -> Iterator[bytes]:
    """The public form of every entry under the checkpoint, a line each, in log order."""
    return (f"{form}\n".encode() for (form,) in rows(_PUBLIC, size=checkpoint.size))


def private_parts(months: Months, checkpoint: Checkpoint) -> Iterator[bytes]:
    """What the public form of each entry of the period hides behind a salted hash, and the salt."""
    found = rows(_PRIVATE, **months.limits, size=checkpoint.size)
    return (
        f'{{"number":{number},"private":{form},"salt":"{salt}"}}\n'.encode()
        for number, form, salt in found
    )


def signed_checkpoint(checkpoint: Checkpoint) -> Iterator[bytes]:
    return iter([checkpoints.signed_note(checkpoint).encode()])


def verifier_keys() -> Iterator[bytes]:
    return (f"{key}\n".encode() for key in checkpoints.verifier_keys())
