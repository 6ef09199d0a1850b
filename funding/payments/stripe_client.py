"""The one place that builds a client of Stripe (or of its sandbox: only address and key differ).

The library's own pinned API version is used. Calls never happen inside a database transaction.
"""

import random
from functools import lru_cache

import stripe
from django.conf import settings

from core.transactions import in_transaction

# Seconds to connect and to wait for an answer. A person may be waiting, and the library's own
# limit of 80 s would hold a web worker for four minutes with its retries.
TIMEOUT = (3.0, 7.0)
RETRIES = 2
# Seconds to wait before the first retry and before every later one, at most.
WAITS = (0.5, 2.0)


class CallInsideTransaction(RuntimeError):
    """Stripe was about to be called while a database transaction was open: a program's mistake."""


def client() -> stripe.StripeClient:
    """The client for the present settings. Raises CallInsideTransaction inside a transaction."""
    if in_transaction():
        raise CallInsideTransaction("Commit first: nothing leaves the building in a transaction.")
    return _build(settings.STRIPE_SECRET_KEY, settings.STRIPE_API_BASE)


def is_live() -> bool:
    """Whether the key is one of Stripe's live mode: real cards, real money."""
    return settings.STRIPE_SECRET_KEY.startswith(("sk_live_", "rk_live_"))


class HTTPClient(stripe.RequestsClient):
    """The library's client, whose retries after one failure do not all come at the same moment.

    The library waits at least half a second, and so exactly that before its first retry: workers
    that failed together would ask again together.
    """

    def _sleep_time_seconds(self, num_retries: int) -> float:
        longest = WAITS[min(num_retries, len(WAITS)) - 1]
        return random.uniform(longest / 4, longest)  # noqa: S311


@lru_cache(maxsize=4)
def _build(key: str, api_base: str) -> stripe.StripeClient:
    return stripe.StripeClient(
        key,
        base_addresses={"api": api_base},
        max_network_retries=RETRIES,
        http_client=HTTPClient(timeout=TIMEOUT),
    )
