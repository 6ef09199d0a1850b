"""Checking the books from the postings up, without trusting any sum that the portal keeps."""

from collections import defaultdict
from collections.abc import Iterator
from typing import Any

from django.db import connection

from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS

_UNBALANCED = """
SELECT p.entry_id, pool.code, p.currency, sum(p.amount) FROM ledger_posting p
JOIN ledger_pool pool ON pool.id = p.pool_id
GROUP BY p.entry_id, pool.code, p.currency HAVING sum(p.amount) <> 0 ORDER BY 1
"""
_INCOMPLETE = """
SELECT e.id, e.posting_count, count(DISTINCT p.id), e.figure_count, count(DISTINCT f.id)
FROM ledger_entry e LEFT JOIN ledger_posting p ON p.entry_id = e.id
LEFT JOIN ledger_figure f ON f.entry_id = e.id
GROUP BY e.id HAVING count(DISTINCT p.id) <> e.posting_count
    OR count(DISTINCT f.id) <> e.figure_count ORDER BY 1
"""
_BALANCES = """
SELECT a.id, pool.code, a.code, a.currency, month.month,
    coalesce(kept.amount, 0), coalesce(summed.amount, 0)
FROM (SELECT account_id, period_id, amount FROM ledger_accountbalance) kept
FULL JOIN (
    SELECT p.account_id, e.period_id, sum(p.amount) AS amount
    FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id GROUP BY 1, 2
) summed USING (account_id, period_id)
JOIN ledger_account a ON a.id = account_id
JOIN ledger_pool pool ON pool.id = a.pool_id
JOIN ledger_period month ON month.id = period_id
WHERE coalesce(kept.amount, 0) <> coalesce(summed.amount, 0) ORDER BY 2, 3, 5
"""
_TOTALS = """
SELECT pool.code, coalesce(kept.name, summed.name), coalesce(kept.currency, summed.currency),
    month.month,
    coalesce(kept.amount, 0), coalesce(summed.amount, 0)
FROM (SELECT pool_id, name, currency, period_id, amount FROM ledger_figuretotal) kept
FULL JOIN (
    SELECT f.pool_id, f.name, f.currency, e.period_id, sum(f.amount) AS amount
    FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id GROUP BY 1, 2, 3, 4
) summed USING (pool_id, name, currency, period_id)
JOIN ledger_pool pool ON pool.id = pool_id
JOIN ledger_period month ON month.id = period_id
WHERE coalesce(kept.amount, 0) <> coalesce(summed.amount, 0) ORDER BY 1, 2, 4
"""
_FIGURES = """
SELECT pool.code, f.currency, f.name, sum(f.amount) FROM ledger_figure f
JOIN ledger_pool pool ON pool.id = f.pool_id GROUP BY 1, 2, 3
"""
_ACCOUNTS = """
SELECT pool.code, p.currency, a.code, sum(p.amount) FROM ledger_posting p
JOIN ledger_account a ON a.id = p.account_id
JOIN ledger_pool pool ON pool.id = p.pool_id GROUP BY 1, 2, 3
"""


def _rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def problems() -> Iterator[str]:
    """One sentence for each thing that is wrong with the books; nothing when all is well.

    Checks: every entry balances per pool and currency and is whole (rules 2 and 3); the kept
    balances and figure totals equal the sums of what was posted; and both roads to what is
    available lead to one number for every pool and currency (rule 5). Run it in a repeatable-read
    transaction, so that it sees one state.
    """
    for entry, pool, currency, amount in _rows(_UNBALANCED):
        yield f"Entry {entry} does not balance in pool {pool}: {amount} {currency} minor units left."
    for entry, said, found, said_figures, found_figures in _rows(_INCOMPLETE):
        yield (
            f"Entry {entry} counts {said} postings and {said_figures} figures;"
            f" {found} and {found_figures} are there."
        )
    for _, pool, account, currency, month, kept, summed in _rows(_BALANCES):
        yield (
            f"Balance of {pool}:{account} in {month:%Y-%m} is kept as {kept} {currency};"
            f" its postings add up to {summed}."
        )
    for pool, name, currency, month, kept, summed in _rows(_TOTALS):
        yield (
            f"Figure {name} of {pool} in {month:%Y-%m} is kept as {kept} {currency};"
            f" its entries add up to {summed}."
        )
    left: dict[tuple[str, str], int] = defaultdict(int)
    for pool, currency, name, amount in _rows(_FIGURES):
        left[pool, currency] += FIGURE_SIGNS[name] * int(amount)
    right: dict[tuple[str, str], int] = defaultdict(int)
    for pool, currency, account, amount in _rows(_ACCOUNTS):
        right[pool, currency] += int(amount) if account in AVAILABLE else 0
    for pool, currency in sorted(left.keys() | right.keys()):
        if left[pool, currency] != right[pool, currency]:
            yield (
                f"Pool {pool}: the figures say {left[pool, currency]} {currency} is available,"
                f" the accounts say {right[pool, currency]}."
            )
