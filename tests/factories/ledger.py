"""Pools and entries for tests."""

import datetime
import itertools
from typing import Any

from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.entries import NewEntry, Posted
from funding.ledger.models import Pool
from funding.ledger.pools import open_accounts, open_pool
from funding.ledger.posting import post

_numbers = itertools.count(1)
A_DAY = datetime.date(2026, 3, 10)


def make_pool(
    code: str = "", currency: str = "USD", name: str = "A pool", *, also: tuple[str, ...] = ()
) -> Pool:
    """A pool of ``currency``, with accounts in the currencies of ``also`` beside."""
    with use_case():
        pool = open_pool(code or f"pool-{next(_numbers)}", name, currency)
        for other in also:
            open_accounts(pool, other)
    return pool


def gift_entry(pool: Pool, gross: int = 10_000, fee: int = 320, **changes: Any) -> NewEntry:
    values: dict[str, Any] = {
        "key": f"test:{next(_numbers)}",
        "pool": pool.code,
        "currency": pool.currency,
        "gross": gross,
        "fee": fee,
        "date": A_DAY,
    }
    return templates.card_gift(**{**values, **changes})


def post_now(entry: NewEntry) -> Posted:
    with use_case():
        return post(entry)
