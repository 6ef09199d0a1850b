"""The sums kept beside the books: are they right, and how to make them anew."""

from collections.abc import Iterator
from typing import Any

from django.db import connection

from core.transactions import inside_transaction

_BALANCES = """
SELECT a.id, pool.code, a.code, a.currency, month.month,
    coalesce(kept.amount, 0), coalesce(summed.amount, 0)
FROM (
    SELECT account_id, period_id, sum(amount) AS amount FROM ledger_accountbalance GROUP BY 1, 2
) kept
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
FROM (
    SELECT pool_id, name, currency, period_id, sum(amount) AS amount FROM ledger_figuretotal
    GROUP BY 1, 2, 3, 4
) kept
FULL JOIN (
    SELECT f.pool_id, f.name, f.currency, e.period_id, sum(f.amount) AS amount
    FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id GROUP BY 1, 2, 3, 4
) summed USING (pool_id, name, currency, period_id)
JOIN ledger_pool pool ON pool.id = pool_id
JOIN ledger_period month ON month.id = period_id
WHERE coalesce(kept.amount, 0) <> coalesce(summed.amount, 0) ORDER BY 1, 2, 4
"""

# What stood at the end of each closed month, by all that was posted up to it.
_CLOSINGS = """
SELECT what, month, coalesce(kept, 0), coalesce(summed, 0) FROM (
    SELECT concat_ws(':', a.pool_code, a.code, a.currency) AS what, m.month, c.amount AS kept
    FROM ledger_closingbalance c JOIN ledger_account a ON a.id = c.account_id
    JOIN ledger_period m ON m.id = c.period_id
    UNION ALL
    SELECT concat_ws(':', p.code, 'figure ' || c.name, c.currency), m.month, c.amount
    FROM ledger_closingfigure c JOIN ledger_pool p ON p.id = c.pool_id
    JOIN ledger_period m ON m.id = c.period_id
) kept FULL JOIN (
    SELECT concat_ws(':', a.pool_code, a.code, a.currency) AS what, m.month, sum(s.amount) AS summed
    FROM ledger_period m JOIN ledger_period earlier ON earlier.month <= m.month
    JOIN (
        SELECT p.account_id, e.period_id, sum(p.amount) AS amount
        FROM ledger_posting p JOIN ledger_entry e ON e.id = p.entry_id GROUP BY 1, 2
    ) s ON s.period_id = earlier.id
    JOIN ledger_account a ON a.id = s.account_id
    WHERE m.closed_at IS NOT NULL GROUP BY 1, 2
    UNION ALL
    SELECT concat_ws(':', p.code, 'figure ' || s.name, s.currency), m.month, sum(s.amount)
    FROM ledger_period m JOIN ledger_period earlier ON earlier.month <= m.month
    JOIN (
        SELECT f.pool_id, f.name, f.currency, e.period_id, sum(f.amount) AS amount
        FROM ledger_figure f JOIN ledger_entry e ON e.id = f.entry_id GROUP BY 1, 2, 3, 4
    ) s ON s.period_id = earlier.id
    JOIN ledger_pool p ON p.id = s.pool_id
    WHERE m.closed_at IS NOT NULL GROUP BY 1, 2
) summed USING (what, month)
WHERE coalesce(kept, 0) <> coalesce(summed, 0) ORDER BY 1, 2
"""


def rows(sql: str) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql)
        return list(cursor.fetchall())


def differences() -> Iterator[str]:
    """One sentence for each kept sum that is not the sum of what was posted."""
    for _, pool, account, currency, month, kept, summed in rows(_BALANCES):
        yield (
            f"Balance of {pool}:{account} in {month:%Y-%m} is kept as {kept} {currency};"
            f" its postings add up to {summed}."
        )
    for pool, name, currency, month, kept, summed in rows(_TOTALS):
        yield (
            f"Figure {name} of {pool} in {month:%Y-%m} is kept as {kept} {currency};"
            f" its entries add up to {summed}."
        )
    for what, month, kept, summed in rows(_CLOSINGS):
        yield (
            f"What {what} stood at when {month:%Y-%m} was closed is kept as {kept};"
            f" what was posted up to then adds up to {summed}."
        )


@inside_transaction
def rebuild() -> None:
    """Make every kept sum anew from what was posted, while all writers wait. The owner's alone."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.ledger_rebuild_balances()")
