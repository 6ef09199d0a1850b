"""The books as a plain-text journal of double entry that Beancount reads (beancount.github.io).

Postings are dated by their effective date. The journal ends with what each account stands at by
our kept balances, so that whoever loads it checks them against the entries.
"""

import datetime
from collections.abc import Iterator

from django.conf import settings
from django.db.models import Max, Min

from funding.ledger import queries
from funding.ledger.models import Account, Entry, Pool, Posting
from funding.transparency.downloads import CHUNK, major

_ROOTS = {
    Account.Kind.ASSET: "Assets",
    Account.Kind.LIABILITY: "Liabilities",
    Account.Kind.NET: "Equity",
    Account.Kind.INCOME: "Income",
    Account.Kind.EXPENSE: "Expenses",
}


def journal() -> Iterator[str]:
    """The journal in pieces. Read it in one transaction to see one state of the books."""
    names = _account_names()
    days = Entry.objects.aggregate(first=Min("effective_date"), last=Max("effective_date"))
    yield f'option "title" "{settings.SITE_NAME}: ledger"\n'
    for currency in Pool.objects.order_by("currency").values_list("currency", flat=True).distinct():
        yield f'option "operating_currency" "{currency}"\n'
    if days["first"] is None:
        return
    yield "\n"
    accounts = Account.objects.order_by("pool_code", "code", "currency")
    for account in accounts:
        yield f"{days['first']} open {names[account.pk]} {account.currency}\n"
    yield from _transactions(names)
    yield "\n"
    codes = {(a.pool_id, a.code, a.currency): a.pk for a in accounts}
    after = days["last"] + datetime.timedelta(days=1)
    for pool in Pool.objects.order_by("code"):
        for currency in sorted({a.currency for a in accounts if a.pool_id == pool.pk}):
            for code, amount in sorted(queries.balances(pool, currency).items()):
                name = names[codes[pool.pk, code, currency]]
                yield f"{after} balance {name} {major(amount, currency)} {currency}\n"


def _transactions(names: dict[int, str]) -> Iterator[str]:
    """One transaction for each entry, in order of their numbers; Beancount sorts them by date."""
    rows = (
        Posting.objects.select_related("entry__period")
        .order_by("entry_id", "account_id")
        .iterator(chunk_size=CHUNK)
    )
    current = 0
    for row in rows:
        if row.entry_id != current:
            current = row.entry_id
            entry = row.entry
            yield (
                f'\n{entry.effective_date} * "{_text(entry.kind)}" "{_text(entry.memo)}"\n'
                f'  entry: {entry.pk}\n  period: "{entry.period}"\n'
            )
        yield f"  {names[row.account_id]} {major(row.amount, row.currency)} {row.currency}\n"


def _account_names() -> dict[int, str]:
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
