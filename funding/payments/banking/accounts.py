"""Our bank accounts in the books: which pool holds what nobody could match, and in which currency."""

from core.models import User
from core.transactions import inside_transaction
from funding.ledger.models import Account, Pool
from funding.ledger.pools import open_accounts, open_pool
from funding.payments.banking.refusals import NotPermitted
from funding.payments.money_in import HOLDING

HOLDING_NAME = "Money not matched yet"
# Where charges of banks and operators are booked, in whichever currency they came.
GENERAL = "general"
GENERAL_NAME = "General fund"


@inside_transaction
def ensure_holding(currency: str) -> Pool:
    """The pool in which parked lines wait, with its accounts in ``currency``."""
    return _ensure(HOLDING, HOLDING_NAME, currency)


@inside_transaction
def ensure_general(currency: str) -> Pool:
    """The pool that bears charges, with its accounts in ``currency``."""
    return _ensure(GENERAL, GENERAL_NAME, currency)


def _ensure(code: str, name: str, currency: str) -> Pool:
    pool = Pool.objects.filter(code=code).first()
    return ensure_accounts(pool, currency) if pool else open_pool(code, name, currency)


@inside_transaction
def ensure_accounts(pool: Pool, currency: str) -> Pool:
    """``pool``, with accounts in ``currency`` too. For the two pools above alone: any other takes
    entries in its own currency, which is what its page shows."""
    if not Account.objects.filter(pool=pool, currency=currency, code="bank").exists():
        open_accounts(pool, currency)
    return pool


def require_right(by: User, right: str) -> None:
    """Raise NotPermitted unless ``by`` has ``right``; the pages ask too, but they may be wrong."""
    if not by.has_perm(right):
        raise NotPermitted
