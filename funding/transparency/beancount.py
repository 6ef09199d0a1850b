"""The books as a plain-text journal of double entry that Beancount reads (beancount.github.io).

Postings are dated by their effective date. The journal ends with what each account stands at, added
up by the database, so that whoever loads it checks that against the entries he was given.

It is of the entries under one checkpoint. They never change, nor come others among them: so a journal
that a slow reader takes hours for is still of one state, though nothing is held open for him.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass

from django.conf import settings
from django.db import connection

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


# All that the first entries of the log posted, by account.
_SUMS = """
SELECT p.account_id, a.currency, pool.currency, sum(p.amount)::bigint,
    min(e.effective_date), max(e.effective_date)
FROM ledger_leaf l
JOIN ledger_entry e ON e.id = l.entry_id
JOIN ledger_posting p ON p.entry_id = l.entry_id
JOIN ledger_account a ON a.id = p.account_id
JOIN ledger_pool pool ON pool.id = a.pool_id
WHERE l.sequence < %s GROUP BY a.id, p.account_id, pool.id
ORDER BY pool.code, a.code, a.currency
"""
_POSTINGS = """
SELECT e.id, e.effective_date, e.kind, e.memo, m.month, p.account_id, p.amount, p.currency
FROM ledger_leaf l
JOIN ledger_entry e ON e.id = l.entry_id
JOIN ledger_period m ON m.id = e.period_id
JOIN ledger_posting p ON p.entry_id = l.entry_id
WHERE l.sequence >= %s AND l.sequence < %s ORDER BY l.sequence, p.account_id
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


def journal(size: int) -> Iterator[str]:
    """The journal of the first ``size`` entries of the log, in pieces.

    Each piece is a short query of its own. ``size`` is that of a published checkpoint, or 0.
    """
    if size:
        yield f"; The entries under the checkpoint of size {size}: /ledger/checkpoints/{size}\n"
    else:
        yield "; No entry is under a published checkpoint yet.\n"
    yield f'option "title" "{settings.SITE_NAME}: ledger"\n'
    if size == 0:
        return
    names = account_names()
    with connection.cursor() as cursor:
        cursor.execute(_SUMS, [size])
        sums = [_Sum(*row) for row in cursor.fetchall()]
    for currency in sorted({line.pool_currency for line in sums}):
        yield f'option "operating_currency" "{currency}"\n'
    yield "\n"
    yield from (f"{line.first} open {names[line.account]} {line.currency}\n" for line in sums)
    yield from _transactions(names, size)
    yield "\n"
    after = max(line.last for line in sums) + datetime.timedelta(days=1)
    for line in sums:
        amount = major(line.amount, line.currency)
        yield f"{after} balance {names[line.account]} {amount} {line.currency}\n"


def _transactions(names: dict[int, str], size: int) -> Iterator[str]:
    """One transaction for each entry, in order of the log; Beancount sorts them by date."""
    for begin in range(0, size, CHUNK):
        with connection.cursor() as cursor:
            cursor.execute(_POSTINGS, [begin, min(begin + CHUNK, size)])
            rows = cursor.fetchall()
        current = 0
        for entry, date, kind, memo, month, account, amount, currency in rows:
            if entry != current:
                current = entry
                yield (
                    f'\n{date} * "{_text(kind)}" "{_text(memo)}"\n'
                    f'  entry: {entry}\n  period: "{month:%Y-%m}"\n'
                )
            yield f"  {names[account]} {major(amount, currency)} {currency}\n"


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
