"""What happens to money: a card is presented, a charge settles, a session expires.

Every function runs inside a transaction of the store, so that an object, its events and their
webhooks appear together.
"""

import time
from dataclasses import dataclass

from sandbox import objects
from sandbox.cards import Card, Decline
from sandbox.errors import Json
from sandbox.store import Store

NO_REQUEST: Json = {"id": None, "idempotency_key": None}


@dataclass(frozen=True)
class Settings:
    """What the program was started with."""

    secret_key: str
    webhook_secret: str
    webhook_url: str
    base_url: str
    settle_after: float


@dataclass(frozen=True)
class Sandbox:
    store: Store
    settings: Settings


@dataclass(frozen=True)
class Presented:
    """A card as a person typed it. The number itself is not kept anywhere."""

    card: Card
    month: int
    year: int
    name: str
    email: str


def emit(
    sandbox: Sandbox,
    kind: str,
    thing: Json,
    *,
    previous: Json | None = None,
    request: Json = NO_REQUEST,
) -> None:
    """Record an event and queue its webhook."""
    event = sandbox.store.put(objects.event(kind, thing, previous, request))
    if sandbox.settings.webhook_url:
        sandbox.store.add_work("deliver", event["id"], time.time())


def present_card(sandbox: Sandbox, session: Json, presented: Presented) -> Decline | None:
    """Try to pay an open session. Returns why the bank refused, or None when it is paid.

    The caller has looked, in this same transaction, that the session is still open: that is what
    makes a form sent twice charge once.
    """
    store, card = sandbox.store, presented.card
    intent = store.get(session["payment_intent"] or "")
    if intent is None:
        intent = store.put(objects.payment_intent(session))
        session["payment_intent"] = intent["id"]
        emit(sandbox, "payment_intent.created", intent)
    billing = objects.billing_details(presented.email, presented.name)
    method = store.put(objects.payment_method(card, presented.month, presented.year, billing))
    charge = store.put(objects.charge(intent, method, card))
    intent["latest_charge"] = charge["id"]
    if card.decline:
        intent["last_payment_error"] = objects.last_payment_error(charge, method, card)
        store.put(intent)
        store.put(session)
        emit(sandbox, "charge.failed", charge)
        emit(sandbox, "payment_intent.payment_failed", intent)
        return card.decline
    intent |= {
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "payment_method": method["id"],
        "status": "succeeded",
    }
    _complete(sandbox, session, presented)
    if sandbox.settings.settle_after > 0:
        store.add_work("settle", charge["id"], time.time() + sandbox.settings.settle_after)
    else:
        charge["balance_transaction"] = store.put(objects.balance_transaction(charge))["id"]
    store.put(charge)
    store.put(intent)
    emit(sandbox, "charge.succeeded", charge)
    emit(sandbox, "payment_intent.succeeded", intent)
    emit(sandbox, "checkout.session.completed", session)
    return None


def _complete(sandbox: Sandbox, session: Json, presented: Presented) -> None:
    session |= {
        "customer_details": objects.customer_details(presented.email, presented.name),
        "payment_status": "paid",
        "status": "complete",
        "url": None,
    }
    sandbox.store.put(session)


def settle(sandbox: Sandbox, charge_id: str) -> None:
    """The balance transaction of a charge appears some time after its success."""
    charge = sandbox.store.get(charge_id)
    if charge is None or charge["balance_transaction"] is not None:
        return
    charge["balance_transaction"] = sandbox.store.put(objects.balance_transaction(charge))["id"]
    sandbox.store.put(charge)
    emit(sandbox, "charge.updated", charge, previous={"balance_transaction": None})


def expire(sandbox: Sandbox, session: Json, request: Json = NO_REQUEST) -> None:
    """Close an open session; the intent of a declined attempt is cancelled with it."""
    session |= {"status": "expired", "url": None}
    sandbox.store.put(session)
    intent = sandbox.store.get(session["payment_intent"] or "")
    if intent is not None:
        intent |= {
            "status": "canceled",
            "canceled_at": objects.now(),
            "cancellation_reason": "expired",
        }
        sandbox.store.put(intent)
        emit(sandbox, "payment_intent.canceled", intent, request=request)
    emit(sandbox, "checkout.session.expired", session, request=request)
