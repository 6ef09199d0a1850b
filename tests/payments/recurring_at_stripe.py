"""Agreements that recur, begun at the sandbox over HTTP, and what Stripe tells of them."""

import itertools
import urllib.parse
import urllib.request
from typing import Any

from core.money import Money
from core.transactions import use_case
from funding.payments.checkout import begin_checkout
from funding.payments.models import Subscription
from funding.payments.stripe_client import client
from funding.payments.subscriptions import open_subscription
from tests.factories.ledger import make_pool
from tests.factories.payments import PURPOSE
from tests.payments.stripe_sandbox import GOOD, Sandbox

FAILS_LATER = "4000000000000341"
ASKS_ONCE, ALWAYS_ASKS = "4000002500003155", "4000002760003184"
_numbers = itertools.count(1)


def make_subscription(amount: int = 2_500, currency: str = "USD", **changes: Any) -> Subscription:
    """An agreement that has just been asked for; no checkout page was opened yet."""
    values: dict[str, Any] = {
        "purpose": PURPOSE,
        "purpose_id": next(_numbers),
        "pool": make_pool(currency=currency),
        "amount": Money(amount, currency),
        "interval": "month",
        "payer_name": "Ada Payer",
        "payer_email": "ada@example.org",
        "language": "en",
    }
    with use_case():
        return open_subscription(**{**values, **changes})


class Told:
    """What Stripe tells of one agreement: everything that has to do with its customer."""

    def __init__(self, sandbox: Sandbox, subscription: Subscription) -> None:
        self.sandbox = sandbox
        self.subscription = subscription
        self.delivered: set[str] = set()

    def news(self) -> list[dict[str, Any]]:
        """The events that were not delivered yet, oldest first."""
        self.subscription.refresh_from_db()
        assert self.subscription.customer is not None
        ours = self.subscription.customer.stripe_customer
        listed = client().v1.events.list({"limit": 100})
        events = [event.to_dict(for_json=True) for event in listed.auto_paging_iter()]
        return [
            event
            for event in reversed(events)
            if event["id"] not in self.delivered and event["data"]["object"].get("customer") == ours
        ]

    def deliver(self) -> None:
        """Deliver them, in their order, and let the jobs run."""
        for event in self.news():
            self.delivered.add(event["id"])
            self.sandbox.deliver(event)
        self.subscription.refresh_from_db()

    def move(self) -> None:
        """A period passes at Stripe; nobody is told yet."""
        self.sandbox.control("move_subscription", subscription=self.stripe_id)

    @property
    def stripe_id(self) -> str:
        self.subscription.refresh_from_db()
        return self.subscription.stripe_subscription or ""

    def at_stripe(self) -> Any:
        return client().v1.subscriptions.retrieve(self.stripe_id)


def begun(sandbox: Sandbox, card: str = GOOD, **changes: Any) -> Told:
    """An agreement whose first payment was made, and of which we were told."""
    subscription = make_subscription(**changes)
    pay_first(sandbox, subscription, card)
    told = Told(sandbox, subscription)
    told.deliver()
    return told


def pay_first(
    sandbox: Sandbox, subscription: Subscription, card: str = GOOD, answer: str = "confirm"
) -> None:
    address = begin_checkout(subscription)
    sandbox.pay(address, card)
    if card in (ASKS_ONCE, ALWAYS_ASKS):
        sandbox.answer_bank(address, answer)
    subscription.refresh_from_db()


def replace_card(told: Told, card: str = GOOD) -> None:
    """The payer gives another card on Stripe's own page."""
    from funding.payments.customers import portal_address
    from funding.payments.subscriptions import customer_of

    told.subscription.refresh_from_db()
    address = portal_address(
        customer_of(told.subscription), return_url="http://testserver/", language="en"
    )
    typed = {"action": "card", "number": card, "expiry": "12/50", "cvc": "123"}
    body = urllib.parse.urlencode(typed).encode()
    with urllib.request.urlopen(address, body, timeout=10) as answer:
        assert answer.status == 200
