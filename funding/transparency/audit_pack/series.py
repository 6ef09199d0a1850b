"""Every series that is numbered without gaps, and whether it is.

The log and the papers are whole series whatever the period: a gap is one wherever it stands.
Numbers of entries are no such series: where a post was refused, its number stays unused. So an entry
taken away could hide among those; in the log, whose places are given after the commit, it could not.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from django.db import models

from funding.ledger.models import Checkpoint
from funding.payments import numbers
from funding.payments.models import (
    CreditNote,
    ExpectedPayment,
    Invoice,
    NumberSeries,
    Receipt,
)
from funding.transparency.audit_pack.snapshot import rows

LOG = "log"
# What holds the numbers of each prefix that `funding.payments.numbers` gives out.
PAPERS: dict[str, type[models.Model]] = {
    numbers.INVOICE: Invoice,
    numbers.RECEIPT: Receipt,
    numbers.CREDIT_NOTE: CreditNote,
    numbers.PAYMENT_REQUEST: ExpectedPayment,
}


@dataclass(frozen=True, slots=True)
class Series:
    """``gaps`` are the first and the last number of each run that is missing."""

    name: str
    first: int | None
    last: int | None
    count: int
    gaps: Sequence[tuple[int, int]] = ()

    @property
    def missing(self) -> int:
        return sum(last - first + 1 for first, last in self.gaps)


@dataclass(frozen=True, slots=True)
class EntryNumbers:
    """The numbers that entries have: ``skipped`` were never given to one; ``unsealed`` wait."""

    first: int | None
    last: int | None
    count: int
    skipped: int
    unsealed: int


_NUMBERS_OF_PAPERS = """
SELECT split_part(number, '-', 1) || '-' || split_part(number, '-', 2),
    split_part(number, '-', 3)::bigint, 1
FROM {table} WHERE number ~ '^[A-Z]+-[0-9]+-[0-9]+$'
"""
_SERIES = """
WITH number (series, number, start) AS (
    SELECT '{log}', sequence, 0 FROM ledger_leaf UNION ALL {papers}
), placed AS (
    SELECT series, number,
        coalesce(lag(number) OVER (PARTITION BY series ORDER BY number) + 1, start) AS wanted
    FROM number
)
SELECT series, min(number), max(number), count(*),
    array_agg(ARRAY[wanted, number - 1] ORDER BY number) FILTER (WHERE number > wanted)
FROM placed GROUP BY series ORDER BY series
"""
_ENTRY_NUMBERS = """
SELECT min(id), max(id), count(*), (SELECT count(*) FROM ledger_leaf) FROM ledger_entry
"""


def all_series() -> list[Series]:
    """The log first, then the papers. A number that was given out and is not there is a gap too."""
    tables = [_NUMBERS_OF_PAPERS.format(table=model._meta.db_table) for model in PAPERS.values()]
    sql = _SERIES.format(log=LOG, papers=" UNION ALL ".join(tables))
    found = {
        name: Series(name, first, last, count, tuple((low, high) for low, high in gaps or ()))
        for name, first, last, count, gaps in rows(sql)
    }
    given = {LOG: (0, _last_signed())} | {
        str(series): (1, series.last) for series in NumberSeries.objects.all()
    }
    for name, (start, last) in given.items():
        found[name] = _up_to(found.get(name, Series(name, None, None, 0)), start, last)
    return [found.pop(LOG), *(found[name] for name in sorted(found))]


def _last_signed() -> int:
    """The last place of the log that a checkpoint was signed over, -1 where none was."""
    newest = Checkpoint.objects.order_by("-size").first()
    return newest.size - 1 if newest else -1


def _up_to(series: Series, start: int, given: int) -> Series:
    """The series, with what is missing between its last number and the last that was given out."""
    last = start - 1 if series.last is None else series.last
    if given <= last:
        return series
    gaps = (*series.gaps, (last + 1, given))
    return Series(series.name, series.first, series.last, series.count, gaps)


def entry_numbers() -> EntryNumbers:
    """How many numbers no entry has, and how many entries wait for their place in the log."""
    ((first, last, count, sealed),) = rows(_ENTRY_NUMBERS)
    skipped = (last or 0) - count
    return EntryNumbers(first, last, count, skipped, count - sealed)
