"""What happens to money: a card is presented, a charge settles, a session expires.

Every function runs inside a transaction of the store, so that an object, its events and their
webhooks appear together.
"""

import time
from dataclasses import dataclass

from sandbox import chaos, objects
from sandbox.cards import Card, Decline
from sandbox.debits import Account, instrument_of
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
    debit_after: float = 5.0
    step_after: float = 2.0


@dataclass(frozen=True)
class Sandbox:
    store: Store
    settings: Settings


@dataclass(frozen=True)
class Presented:
    """A card or account as a person typed it. The number itself is not kept anywhere."""

    instrument: Card | Account
    expiry: tuple[int, int]
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
        chaos.queue_webhook(sandbox.store, event)


def attempt(
    sandbox: Sandbox,
    intent: Json,
    method: Json,
    *,
    off_session: bool = False,
    confirmed: bool = False,
    request: Json = NO_REQUEST,
) -> Decline | None:
    """Charge a payment method for an intent; why its bank refused, if it did.

    A card is answered at once; a bank debit is `processing` until `finish` brings its end.
    """
    instrument = instrument_of(method)
    refused = instrument.refusal(off_session=off_session)
    charge = objects.charge(intent, method, instrument, refused, confirmed)
    intent |= {
        "latest_charge": charge["id"],
        "next_action": None,
        "payment_method": method["id"],
    }
    if charge["status"] != "pending":
        finish(sandbox, intent, charge, refused, request)
        return refused
    intent |= {"last_payment_error": None, "status": "processing"}
    sandbox.store.put(charge)
    sandbox.store.put(intent)
    due = time.time() + sandbox.settings.debit_after
    sandbox.store.add_work("debit", charge["id"], due)
    emit(sandbox, "charge.pending", charge, request=request)
    emit(sandbox, "payment_intent.processing", intent, request=request)
    return None


def finish(
    sandbox: Sandbox,
    intent: Json,
    charge: Json,
    refused: Decline | None,
    request: Json = NO_REQUEST,
) -> None:
    """The end of a charge: the money comes, or the bank says why not."""
    store = sandbox.store
    if refused:
        store.put(charge)
        emit(sandbox, "charge.failed", charge, request=request)
        refuse(sandbox, intent, refused, request, charge["id"])
        return
    intent |= {
        "amount_received": intent["amount"],
        "last_payment_error": None,
        "status": "succeeded",
    }
    settle_later(sandbox, charge)
    store.put(intent)
    emit(sandbox, "charge.succeeded", charge, request=request)
    emit(sandbox, "payment_intent.succeeded", intent, request=request)
    if charge["_card_behaviour"]:
        from sandbox import aftermath

        aftermath.after_charge(sandbox, charge)


def settle_later(sandbox: Sandbox, charge: Json) -> None:
    """Keep a successful charge; its balance transaction comes now or after a while."""
    store, after = sandbox.store, sandbox.settings.settle_after
    if after > 0 or chaos.state(store)["settlement_held"]:
        chaos.queue_settlement(store, charge["id"], after)
    else:
        charge["balance_transaction"] = store.put(objects.balance_transaction(charge))["id"]
    store.put(charge)


def refuse(
    sandbox: Sandbox,
    intent: Json,
    refused: Decline,
    request: Json = NO_REQUEST,
    charge_id: str | None = None,
) -> None:
    """The intent waits for another payment method, and says what was wrong with this one."""
    method = sandbox.store.get(intent["payment_method"]) or {}
    intent |= {
        "last_payment_error": objects.last_payment_error(refused, method, charge_id),
        "next_action": None,
        "payment_method": None,
        "status": "requires_payment_method",
    }
    sandbox.store.put(intent)
    emit(sandbox, "payment_intent.payment_failed", intent, request=request)


def settle(sandbox: Sandbox, charge_id: str) -> None:
    """The balance transaction of a charge appears some time after its success."""
    charge = sandbox.store.get(charge_id)
    if charge is None or charge["balance_transaction"] is not None:
        return
    charge["balance_transaction"] = sandbox.store.put(objects.balance_transaction(charge))["id"]
    sandbox.store.put(charge)
    emit(sandbox, "charge.updated", charge, previous={"balance_transaction": None})


def expire_if_open(sandbox: Sandbox, session_id: str) -> None:
    """The time of a session has run out."""
    session = sandbox.store.get(session_id)
    if session is not None and session["status"] == "open":
        expire(sandbox, session)


def expire(sandbox: Sandbox, session: Json, request: Json = NO_REQUEST) -> None:
    """Close an open session; the intent of a declined attempt is cancelled with it."""
    session |= {"status": "expired", "url": None}
    sandbox.store.put(session)
    intent = sandbox.store.get(session["_payment_intent"] or "")
    if intent is not None:
        cancel(sandbox, intent, "expired", request)
    emit(sandbox, "checkout.session.expired", session, request=request)


def cancel(sandbox: Sandbox, intent: Json, reason: str | None, request: Json) -> None:
    intent |= {
        "canceled_at": objects.now(),
        "cancellation_reason": reason,
        "next_action": None,
        "status": "canceled",
    }
    sandbox.store.put(intent)
    emit(sandbox, "payment_intent.canceled", intent, request=request)
