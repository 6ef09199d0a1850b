"""Opening a pool for giving, and what may still be changed about it afterwards."""

import datetime
from typing import Any

from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.ledger import pools as ledger_pools
from funding.ledger.models import Pool
from funding.pools import refusals
from funding.pools.models import PoolProfile


def open_pool(
    *,
    code: str,
    currency: str,
    title: str,
    purpose: str,
    opens_on: datetime.date | None = None,
    by: User | None = None,
    **terms: Any,
) -> PoolProfile:
    """Open a pool in the books and describe it to donors. ``terms``: fields of `PoolProfile`.

    Code and currency are fixed from then on. Raises PoolCodeTaken.
    """
    with use_case():
        if Pool.objects.filter(code=code).exists():
            raise refusals.PoolCodeTaken(code=code)
        profile = PoolProfile.objects.create(
            pool=ledger_pools.open_pool(code, title, currency),
            purpose=purpose,
            opens_on=opens_on or timezone.localdate(),
            **terms,
        )
        audit.record("pools.open_pool", profile, by=by, code=code, currency=currency)
        return profile


@inside_transaction
def rename(profile: PoolProfile, title: str) -> None:
    """Give the pool another title, the one name it has everywhere."""
    if title != profile.pool.name:
        profile.pool.name = title
        profile.pool.save(update_fields=["name"])
