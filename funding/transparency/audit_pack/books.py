"""What stood in the books over some months, account by account.

All amounts are minor units; debits are positive.
"""

import datetime
import itertools
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

from funding.ledger.chart import CHART
from funding.transparency.audit_pack.snapshot import Months, rows

# Accounts in the order of the chart, pool by pool and currency by currency.
_IN_ORDER = "a.pool_code, a.currency, array_position(%(chart)s::text[], a.code::text), a.code, a.id"
IN_PERIOD = "m.month BETWEEN %(first)s AND %(last)s"


def _chart() -> list[str]:
    return list(CHART)


# --- Trial balance --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class AccountLine:
    """An account over the period. ``kept_closing`` is what the ledger's own kept sums say."""

    account: int
    pool: str
    pool_name: str
    currency: str
    code: str
    kind: str
    opening: int
    debit: int
    credit: int
    kept_closing: int

    @property
    def closing(self) -> int:
        return self.opening + self.debit - self.credit


# The opening is what the last closed month before the period left, and the open ones since; what
# moved is added up from the postings. `kept` says the same by the sums kept beside them.
_TRIAL_BALANCE = f"""
WITH before AS (
    SELECT id, month FROM ledger_period WHERE closed_at IS NOT NULL AND month < %(first)s
    ORDER BY month DESC LIMIT 1
), part AS (
    SELECT account_id, period_id, amount FROM ledger_accountbalance
    WHERE period_id IN (
        SELECT id FROM ledger_period
        WHERE month > coalesce((SELECT month FROM before), '-infinity') AND month <= %(last)s
    )
    UNION ALL
    SELECT account_id, period_id, amount FROM ledger_closingbalance
    WHERE period_id = (SELECT id FROM before)
), kept AS (
    SELECT part.account_id, sum(amount) AS closing,
        coalesce(sum(amount) FILTER (WHERE m.month < %(first)s), 0) AS opening
    FROM part JOIN ledger_period m ON m.id = part.period_id GROUP BY part.account_id
), moved AS (
    SELECT p.account_id, coalesce(sum(p.amount) FILTER (WHERE p.amount > 0), 0) AS debit,
        coalesce(-sum(p.amount) FILTER (WHERE p.amount < 0), 0) AS credit
    FROM ledger_entry e JOIN ledger_period m ON m.id = e.period_id
    JOIN ledger_posting p ON p.entry_id = e.id
    WHERE {IN_PERIOD} GROUP BY p.account_id
)
SELECT a.id, a.pool_code, pool.name, a.currency, a.code, a.kind,
    coalesce(kept.opening, 0)::bigint, coalesce(moved.debit, 0)::bigint,
    coalesce(moved.credit, 0)::bigint, coalesce(kept.closing, 0)::bigint
FROM ledger_account a JOIN ledger_pool pool ON pool.id = a.pool_id
LEFT JOIN kept ON kept.account_id = a.id LEFT JOIN moved ON moved.account_id = a.id
WHERE kept.account_id IS NOT NULL OR moved.account_id IS NOT NULL
ORDER BY {_IN_ORDER}
"""  # noqa: S608 (our own words alone are put in)


def trial_balance(months: Months) -> list[AccountLine]:
    """Every account that ever moved up to the end of the period, in the order of the chart."""
    return [AccountLine(*row) for row in rows(_TRIAL_BALANCE, **months.limits, chart=_chart())]


@dataclass(frozen=True, slots=True)
class Group:
    """The accounts of a pool in one currency. Its total opens and closes at zero."""

    pool: str
    pool_name: str
    currency: str
    accounts: Sequence[AccountLine]

    @property
    def total(self) -> AccountLine:
        opening, debit, credit, kept = (
            sum(getattr(line, name) for line in self.accounts)
            for name in ("opening", "debit", "credit", "kept_closing")
        )
        return AccountLine(
            0, self.pool, self.pool_name, self.currency, "", "", opening, debit, credit, kept
        )


def by_pool(lines: Sequence[AccountLine]) -> list[Group]:
    """The trial balance, pool by pool and currency by currency."""
    return [
        Group(*key, accounts=list(accounts))
        for key, accounts in itertools.groupby(
            lines, lambda line: (line.pool, line.pool_name, line.currency)
        )
    ]


# --- General ledger -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class LedgerLine:
    """A posting on an account, and what the account stood at after it."""

    entry: int
    recorded_at: datetime.datetime
    effective_date: datetime.date
    month: datetime.date
    kind: str
    memo: str
    source: str
    amount: int
    balance: int


_POSTINGS = f"""
SELECT p.account_id, e.id, e.recorded_at, e.effective_date, m.month, e.kind, e.memo, e.source,
    p.amount
FROM ledger_entry e JOIN ledger_period m ON m.id = e.period_id
JOIN ledger_posting p ON p.entry_id = e.id JOIN ledger_account a ON a.id = p.account_id
WHERE {IN_PERIOD} ORDER BY {_IN_ORDER}, e.id
"""  # noqa: S608


def general_ledger(
    months: Months, accounts: Sequence[AccountLine]
) -> Iterator[tuple[AccountLine, Iterator[LedgerLine]]]:
    """Each account of ``accounts`` with its postings in order of their numbers, read as they are
    asked for: the lines of one account must be read before the next account is."""
    postings = rows(_POSTINGS, **months.limits, chart=_chart())
    of_account = itertools.groupby(postings, lambda row: row[0])
    pending = next(of_account, None)
    for account in accounts:
        if pending is not None and pending[0] == account.account:
            yield account, _running(account.opening, pending[1])
            pending = next(of_account, None)
        else:
            yield account, iter(())
    if pending is not None:
        raise RuntimeError(f"Account {pending[0]} has postings, and no line in the trial balance.")


def _running(opening: int, postings: Iterator[tuple[Any, ...]]) -> Iterator[LedgerLine]:
    balance = opening
    for _account, entry, recorded_at, effective_date, month, kind, memo, source, amount in postings:
        balance += amount
        yield LedgerLine(
            entry, recorded_at, effective_date, month, kind, memo, source, amount, balance
        )


# --- How much there is ----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Extent:
    """How much the period holds, and how many of its entries wait to be sealed."""

    entries: int
    postings: int
    unsealed: int
    open_months: Sequence[datetime.date]


_EXTENT = f"""
SELECT count(*), coalesce(sum(e.posting_count), 0)::bigint, count(*) FILTER (WHERE l.sequence IS NULL)
FROM ledger_entry e JOIN ledger_period m ON m.id = e.period_id
LEFT JOIN ledger_leaf l ON l.entry_id = e.id WHERE {IN_PERIOD}
"""  # noqa: S608
_OPEN_MONTHS = f"""
SELECT m.month FROM ledger_period m WHERE m.closed_at IS NULL AND {IN_PERIOD} ORDER BY 1
"""  # noqa: S608


def extent(months: Months) -> Extent:
    """Read before the files, which say so where the period is not closed."""
    ((entries, postings, unsealed),) = rows(_EXTENT, **months.limits)
    open_months = [month for (month,) in rows(_OPEN_MONTHS, **months.limits)]
    return Extent(entries, postings, unsealed, open_months)


def unequal(lines: Sequence[AccountLine]) -> list[AccountLine]:
    """Accounts whose kept closing balance is not the one that opening and postings lead to."""
    return [line for line in lines if line.closing != line.kept_closing]


def unbalanced(lines: Sequence[AccountLine]) -> list[Group]:
    """Pools and currencies whose debits and credits differ: none, unless the books were altered."""
    return [
        group
        for group in by_pool(lines)
        if group.total.opening or group.total.debit != group.total.credit
    ]


def movements(lines: Sequence[AccountLine]) -> dict[tuple[str, str], int]:
    """What income less expenses came to in all, by pool and currency: what closing a year moves."""
    found: dict[tuple[str, str], int] = defaultdict(int)
    for line in lines:
        if line.kind in ("income", "expense"):
            found[line.pool, line.currency] -= line.closing
    return found
