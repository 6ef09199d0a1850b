"""The books as a plain-text journal of double entry that Beancount reads (beancount.github.io).

Postings are dated by their effective date. The journal ends with what each account stands at, added
up by the database, so that whoever loads it checks that against the entries he was given; and with
the public figures of each pool, which are no accounts (design.md, rule 5).

It is of the entries under one checkpoint. They never change, nor come others among them: so a journal
that a slow reader takes hours for is still of one state, though nothing is held open for him.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.db import connection

from funding.ledger import queries
from funding.ledger.models import Account, Pool
from funding.transparency.downloads import major

CHUNK = 1_000  # entries

_ROOTS = {
    Account.Kind.ASSET: "Assets",
    Account.Kind.LIABILITY: "Liabilities",
    Account.Kind.NET: "Equity",
    Account.Kind.INCOME: "Income",
    Account.Kind.EXPENSE: "Expenses",
}


# All that the first entries of the log posted (in a pool), by account.
_SUMS = """
SELECT p.account_id, a.currency, pool.currency, sum(p.amount)::bigint,
    min(e.effective_date), max(e.effective_date)
FROM ledger_leaf l
JOIN ledger_entry e ON e.id = l.entry_id
JOIN ledger_posting p ON p.entry_id = l.entry_id
JOIN ledger_account a ON a.id = p.account_id
JOIN ledger_pool pool ON pool.id = a.pool_id
WHERE l.sequence < %(size)s AND (%(pool)s::bigint IS NULL OR a.pool_id = %(pool)s)
GROUP BY a.id, p.account_id, pool.id
ORDER BY pool.code, a.code, a.currency
"""
_FIGURES = """
SELECT pool.code, f.currency, f.name, sum(f.amount)::bigint
FROM ledger_leaf l
JOIN ledger_figure f ON f.entry_id = l.entry_id
JOIN ledger_pool pool ON pool.id = f.pool_id
WHERE l.sequence < %(size)s AND (%(pool)s::bigint IS NULL OR f.pool_id = %(pool)s)
GROUP BY 1, 2, 3 ORDER BY 1, 2, 3
"""
_POSTINGS = """
SELECT e.id, e.effective_date, e.kind, e.memo, m.month, p.account_id, p.amount, p.currency
FROM ledger_leaf l
JOIN ledger_entry e ON e.id = l.entry_id
JOIN ledger_period m ON m.id = e.period_id
JOIN ledger_posting p ON p.entry_id = l.entry_id
WHERE l.sequence >= %(begin)s AND l.sequence < %(end)s ORDER BY l.sequence, p.account_id
"""
# By number, for the entries of one pool may lie far apart in the log.
_POSTINGS_OF_POOL = """
SELECT e.id, e.effective_date, e.kind, e.memo, m.month, p.account_id, p.amount, p.currency
FROM ledger_posting p
JOIN ledger_entry e ON e.id = p.entry_id
JOIN ledger_period m ON m.id = e.period_id
JOIN ledger_leaf l ON l.entry_id = p.entry_id
WHERE p.entry_id = ANY (%(numbers)s) AND p.pool_id = %(pool)s AND l.sequence < %(size)s
ORDER BY e.id, p.account_id
"""


@dataclass(frozen=True, slots=True)
class _Sum:
    """What an account stands at, and on which days it was posted to first and last."""

    account: int
    currency: str
    pool_currency: str
    amount: int
    first: datetime.date
    last: datetime.date


def journal(size: int, pool: Pool | None = None) -> Iterator[bytes]:
    """The journal of the first ``size`` entries of the log (of ``pool`` alone), in pieces.

    Each piece is a short query of its own. ``size`` is that of a published checkpoint, or 0. Of an
    entry that touches several pools a pool's journal holds the postings of that pool, which balance
    by themselves.
    """
    if size:
        yield f"; The entries under the checkpoint of size {size}: /ledger/checkpoints/{size}\n".encode()
    else:
        yield b"; No entry is under a published checkpoint yet.\n"
    title = f"{settings.SITE_NAME}: {pool.name if pool else 'ledger'}"
    yield f'option "title" "{_text(title)}"\n'.encode()
    if size == 0:
        return
    names = account_names()
    of = {"size": size, "pool": pool and pool.pk}
    sums = [_Sum(*row) for row in _rows(_SUMS, **of)]
    for currency in sorted({line.pool_currency for line in sums}):
        yield f'option "operating_currency" "{currency}"\n'.encode()
    yield b"\n"
    yield "".join(f"{x.first} open {names[x.account]} {x.currency}\n" for x in sums).encode()
    for rows in filter(None, _postings(size, pool)):
        yield "".join(_transactions(rows, names)).encode()
    if sums:
        after = max(line.last for line in sums) + datetime.timedelta(days=1)
        yield "".join(_closing(sums, names, _rows(_FIGURES, **of), after)).encode()


def _rows(sql: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(sql, parameters)
        return list(cursor.fetchall())


def _postings(size: int, pool: Pool | None) -> Iterator[list[tuple[Any, ...]]]:
    """The postings of `CHUNK` entries at a time, those of one entry together."""
    if pool is None:
        for begin in range(0, size, CHUNK):
            yield _rows(_POSTINGS, begin=begin, end=min(begin + CHUNK, size))
        return
    for numbers in queries.numbers_in_chunks(CHUNK, pool):
        yield _rows(_POSTINGS_OF_POOL, numbers=numbers, pool=pool.pk, size=size)


def _transactions(rows: list[tuple[Any, ...]], names: dict[int, str]) -> Iterator[str]:
    """One transaction for each entry, as they come; Beancount sorts them by date."""
    current = 0
    for entry, date, kind, memo, month, account, amount, currency in rows:
        if entry != current:
            current = entry
            yield (
                f'\n{date} * "{_text(kind)}" "{_text(memo)}"\n'
                f'  entry: {entry}\n  period: "{month:%Y-%m}"\n'
            )
        yield f"  {names[account]} {major(amount, currency)} {currency}\n"


def _closing(
    sums: list[_Sum], names: dict[int, str], figures: list[tuple[Any, ...]], after: datetime.date
) -> Iterator[str]:
    """What each account stands at, which Beancount checks, and each figure, which it keeps."""
    yield "\n"
    for line in sums:
        amount = major(line.amount, line.currency)
        yield f"{after} balance {names[line.account]} {amount} {line.currency}\n"
    yield "\n"
    for pool, currency, name, amount in figures:
        yield f'{after} custom "figure" "{pool}" "{name}" {major(amount, currency)} {currency}\n'


def account_names() -> dict[int, str]:
    """Of each account its name in Beancount: ``Assets:Core:Bank``, and unique."""
    words: dict[int, str] = {}
    taken: set[str] = set()
    for pool in Pool.objects.order_by("pk"):
        word = _word(pool.code)
        words[pool.pk] = word if word not in taken else f"{word}-{pool.pk}"
        taken.add(words[pool.pk])
    return {
        account.pk: f"{_ROOTS[Account.Kind(account.kind)]}:{words[account.pool_id]}"
        f":{_word(account.code)}"
        for account in Account.objects.all()
    }


def _word(code: str) -> str:
    """A part of an account's name: it begins with a capital or a digit and knows no underscore."""
    word = code.replace("_", "-").lstrip("-") or "0"
    return word[0].upper() + word[1:]


def _text(text: str) -> str:
    return text.replace("\\", "\\\\").replace('"', '\\"').replace("\n", " ")
