"""The one place that builds a client of Stripe (or of its sandbox: only address and key differ).

The library's own pinned API version is used. Calls never happen inside a database transaction.
"""

from functools import lru_cache

import stripe
from django.conf import settings

from core.transactions import in_transaction

# Seconds to connect and to wait for an answer. A person may be waiting, and the library's own
# limit of 80 s would hold a web worker for four minutes with its retries.
TIMEOUT = (3.0, 7.0)
RETRIES = 2


class CallInsideTransaction(RuntimeError):
    """Stripe was about to be called while a database transaction was open: a program's mistake."""


def client() -> stripe.StripeClient:
    """The client for the present settings. Raises CallInsideTransaction inside a transaction."""
    if in_transaction():
        raise CallInsideTransaction("Commit first: nothing leaves the building in a transaction.")
    return _build(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


@lru_cache(maxsize=4)
def _build(key: str, api_base: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": api_base},
        max_network_retries=RETRIES,
        http_client=stripe.RequestsClient(timeout=TIMEOUT),
    )
