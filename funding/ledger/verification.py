"""Checking the books from the postings up, without trusting any sum that the portal keeps."""

from collections import defaultdict
from collections.abc import Iterator

from funding.ledger import balances, proofs, statements
from funding.ledger.balances import rows as _rows
from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS

_UNBALANCED = """
SELECT p.entry_id, pool.code, p.currency, sum(p.amount) FROM ledger_posting p
JOIN ledger_pool pool ON pool.id = p.pool_id
GROUP BY p.entry_id, pool.code, p.currency HAVING sum(p.amount) <> 0 ORDER BY 1
"""
# Postings of no entry and entries without them are among these, and an account that is another
# pool's or currency's counts as none.
_INCOMPLETE = """
SELECT id, e.posting_count, coalesce(p.there, 0), e.figure_count, coalesce(f.there, 0)
FROM ledger_entry e
FULL JOIN (
    SELECT p.entry_id AS id, count(a.id) AS there FROM ledger_posting p
    LEFT JOIN ledger_account a ON (a.id, a.pool_id, a.currency) = (p.account_id, p.pool_id, p.currency)
    GROUP BY p.entry_id
) p USING (id)
FULL JOIN (
    SELECT f.entry_id AS id, count(*) AS there FROM ledger_figure f GROUP BY f.entry_id
) f USING (id)
WHERE e.posting_count IS DISTINCT FROM coalesce(p.there, 0)
    OR e.figure_count IS DISTINCT FROM coalesce(f.there, 0) OR e.posting_count < 2
ORDER BY 1
"""
_REVERSALS = """
SELECT e.id, e.reverses_id FROM ledger_entry e WHERE e.reverses_id IS NOT NULL AND (
    EXISTS (
        SELECT FROM (SELECT * FROM ledger_posting p WHERE p.entry_id = e.id) ours
        FULL JOIN (SELECT * FROM ledger_posting p WHERE p.entry_id = e.reverses_id) theirs
            USING (account_id)
        WHERE ours.amount IS DISTINCT FROM -theirs.amount
    ) OR EXISTS (
        SELECT FROM (SELECT * FROM ledger_figure f WHERE f.entry_id = e.id) ours
        FULL JOIN (SELECT * FROM ledger_figure f WHERE f.entry_id = e.reverses_id) theirs
            USING (pool_id, currency, name)
        WHERE ours.amount IS DISTINCT FROM -theirs.amount
    )
) ORDER BY 1
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


def problems() -> Iterator[str]:
    """One sentence for each thing that is wrong with the books; nothing when all is well.

    Checks: every entry balances per pool and currency and is whole (rules 2 and 3); the kept
    balances and figure totals equal the sums of what was posted; every reversal is an opposite; what
    is sealed is what stands in the books, and the tree and its checkpoints are of it; and both roads
    to what is available lead to one number for every pool and currency (rule 5). Run it in a repeatable-read
    transaction, so that it sees one state.
    """
    for entry, pool, currency, amount in _rows(_UNBALANCED):
        yield f"Entry {entry} does not balance in pool {pool}: {amount} {currency} minor units left."
    for entry, said, found, said_figures, found_figures in _rows(_INCOMPLETE):
        yield (
            f"Entry {entry} counts {said} postings and {said_figures} figures;"
            f" {found} and {found_figures} are there."
        )
    for entry, reversed_entry in _rows(_REVERSALS):
        yield f"Entry {entry} is not the opposite of entry {reversed_entry}, which it reverses."
    yield from balances.differences()
    yield from proofs.problems()
    yield from statements.problems()
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
