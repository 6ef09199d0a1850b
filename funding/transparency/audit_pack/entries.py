"""The entries of some months with everyone's names: the journal, and those that came late.

All amounts are minor units; debits are positive.
"""

import datetime
import itertools
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from funding.transparency.audit_pack.books import IN_PERIOD
from funding.transparency.audit_pack.parties import NOBODY, Party, Subject, parties, people
from funding.transparency.audit_pack.snapshot import CHUNK, Months, rows

# An entry recorded more than this many days after its event is listed as late, where the reader
# does not ask for another number. A month is what a bank statement takes to arrive and be booked.
LATE_DAYS = 30


@dataclass(frozen=True, slots=True)
class Signatures:
    """Who prepared an entry and who approved it: opaque references, each with a name or ""."""

    prepared_by: str
    prepared_by_name: str
    approved_by: Sequence[str]
    approved_by_names: Sequence[str]


@dataclass(frozen=True, slots=True)
class EntryFacts:
    """What an entry says beside its postings. ``place``: its index in the log, once it is sealed."""

    number: int
    place: int | None
    recorded_at: datetime.datetime
    effective_date: datetime.date
    month: datetime.date
    kind: str
    memo: str
    source: str
    reverses: int | None
    party: Party
    signatures: Signatures


@dataclass(frozen=True, slots=True)
class JournalLine:
    """One posting, and its entry."""

    entry: EntryFacts
    pool: str
    account: str
    currency: str
    amount: int


@dataclass(frozen=True, slots=True)
class LateEntry:
    """An entry that came late, by currency: ``debit`` is what it moved there.

    ``days`` from its event to its record; ``is_recorded_late`` where they are more than asked for;
    ``is_of_a_later_month`` where it stands in a later month than its event, which was closed.
    """

    entry: EntryFacts
    days: int
    is_recorded_late: bool
    is_of_a_later_month: bool
    currency: str
    debit: int


# What every list of entries begins with; `_named` reads it. A reversal is about whom the reversed
# entry is about.
_ABOUT = """
SELECT e.id, l.sequence, e.recorded_at, e.effective_date, m.month, e.kind, e.memo, e.source,
    e.reverses_id, e.prepared_by, e.approved_by::text[],
    coalesce(r.id, e.id), coalesce(r.source, e.source)"""
_ENTRIES = """
FROM ledger_entry e JOIN ledger_period m ON m.id = e.period_id
LEFT JOIN ledger_leaf l ON l.entry_id = e.id LEFT JOIN ledger_entry r ON r.id = e.reverses_id"""
_JOURNAL = f"""{_ABOUT}, a.pool_code, a.code, p.currency, p.amount {_ENTRIES}
JOIN ledger_posting p ON p.entry_id = e.id JOIN ledger_account a ON a.id = p.account_id
WHERE {IN_PERIOD} ORDER BY e.id, p.account_id
"""
_LATE = f"""{_ABOUT}, late.days, late.days > %(late_days)s,
    m.month > date_trunc('month', e.effective_date), moved.currency, moved.debit {_ENTRIES}
CROSS JOIN LATERAL (
    SELECT (e.recorded_at AT TIME ZONE 'UTC')::date - e.effective_date AS days
) late
CROSS JOIN LATERAL (
    SELECT p.currency, sum(p.amount)::bigint AS debit FROM ledger_posting p
    WHERE p.entry_id = e.id AND p.amount > 0 GROUP BY p.currency
) moved
WHERE {IN_PERIOD}
    AND (late.days > %(late_days)s OR m.month > date_trunc('month', e.effective_date))
ORDER BY e.id, moved.currency
"""  # noqa: S608


def journal(months: Months) -> Iterator[JournalLine]:
    """Every posting of the period in order of the entries' numbers, with everyone's names."""
    for entry, (pool, account, currency, amount) in _named(rows(_JOURNAL, **months.limits)):
        yield JournalLine(entry, pool, account, currency, amount)


def late_entries(months: Months, late_days: int) -> Iterator[LateEntry]:
    """Entries of the period recorded more than ``late_days`` after their event, or in a later month."""
    found = rows(_LATE, **months.limits, late_days=late_days)
    for entry, (days, is_late, is_later, currency, debit) in _named(found):
        yield LateEntry(entry, days, is_late, is_later, currency, debit)


def _named(
    found: Iterator[tuple[Any, ...]],
) -> Iterator[tuple[EntryFacts, tuple[Any, ...]]]:
    """Of each row its entry with names, and what else the query asked for.

    Names are looked up for a chunk of rows at once.
    """
    while chunk := list(itertools.islice(found, CHUNK)):
        party_of = parties(Subject(row[11], row[12]) for row in chunk)
        name_of = people({person for row in chunk for person in (row[9], *row[10])})
        for row in chunk:
            party = party_of.get(Subject(row[11], row[12]), NOBODY)
            yield _facts(row, party, name_of), row[13:]


def _facts(row: tuple[Any, ...], party: Party, name_of: dict[str, str]) -> EntryFacts:
    number, place, recorded_at, effective, month, kind, memo, source, reverses = row[:9]
    prepared_by, approved_by = row[9], row[10]
    signed = Signatures(
        prepared_by,
        name_of.get(prepared_by, ""),
        approved_by,
        [name_of.get(person, "") for person in approved_by],
    )
    return EntryFacts(
        number,
        place,
        recorded_at,
        effective,
        month,
        kind,
        memo,
        source,
        reverses,
        party,
        signed,
    )
