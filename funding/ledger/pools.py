"""Opening a pool: its row and its chart of accounts."""

from core.transactions import inside_transaction
from funding.ledger.chart import CHART
from funding.ledger.models import Account, Pool


@inside_transaction
def open_pool(code: str, name: str, currency: str) -> Pool:
    """Create the pool ``code`` with every account of the chart in ``currency``."""
    pool = Pool.objects.create(code=code, name=name, currency=currency)
    open_accounts(pool, currency)
    return pool


@inside_transaction
def open_accounts(pool: Pool, currency: str) -> None:
    """Give ``pool`` the chart of accounts in one more ``currency``; what exists is kept."""
    Account.objects.bulk_create(
        [
            Account(pool=pool, pool_code=pool.code, code=code, kind=kind, currency=currency)
            for code, kind in CHART.items()
        ],
        ignore_conflicts=True,
    )
