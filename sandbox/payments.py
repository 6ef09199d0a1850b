"""What happens to money: a card is presented, a charge settles, a session expires.

Every function runs inside a transaction of the store, so that an object, its events and their
webhooks appear together.
"""

import time
from dataclasses import dataclass, field
from typing import Any

from sandbox import chaos, objects
from sandbox.errors import ApiError, Json
from sandbox.instruments import Decline, Instrument, instrument_of
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
    debit_after: float
    step_after: float


@dataclass(frozen=True)
class Sandbox:
    """The store and the settings; and the API request that events name, while one is answered."""

    store: Store
    settings: Settings
    request: Json = field(default_factory=lambda: NO_REQUEST)

    def get(self, key: str | None, kind: str = "") -> Json | None:
        return self.store.get(key, kind) if key else None

    def known(self, key: str) -> Json:
        """An object that must be there."""
        thing = self.get(key)
        assert thing is not None, key
        return thing

    def find(
        self, kind: str, *conditions: tuple[str, object], limit: int = 1_000_000
    ) -> list[Json]:
        """Newest first. A sandbox holds what a person clicked together: all of it is not much."""
        return self.store.page(kind, conditions, limit=limit)[0]

    def save(self, thing: Json, *kinds: str, previous: Json | None = None, **changes: Any) -> Json:
        """Keep an object, new or changed, and tell it by events of these kinds."""
        thing |= changes
        self.store.put(thing)
        for kind in kinds:
            self.emit(kind, thing, previous)
        return thing

    def emit(self, kind: str, thing: Json, previous: Json | None = None) -> None:
        """Record an event and queue its webhook."""
        event = self.store.put(objects.event(kind, thing, previous, self.request))
        if self.settings.webhook_url:
            chaos.queue_webhook(self.store, event)

    def write(self, thing: Json, changes: Json, *kinds: str) -> None:
        """Keep changes and tell them, with what was there before."""
        previous = {name: thing.get(name) for name in changes}
        thing |= changes
        self.save(thing, *kinds, previous=previous)

    def change(self, thing: Json, kind: str, changes: Json) -> None:
        """As `write`, of what is new alone; where nothing is, nothing happens."""
        new = {name: value for name, value in changes.items() if thing[name] != value}
        if new:
            self.write(thing, new, kind)

    def later(self, kind: str, key: str, seconds: float) -> None:
        self.store.add_work(kind, key, time.time() + seconds)


@dataclass(frozen=True)
class Presented:
    """A card or account as a person typed it. The number itself is not kept anywhere."""

    instrument: Instrument
    expiry: tuple[int, int]
    name: str
    email: str


def attempt(
    sandbox: Sandbox,
    intent: Json,
    method: Json,
    *,
    off_session: bool = False,
    confirmed: bool = False,
) -> Decline | None:
    """Charge a payment method for an intent; why its bank refused, if it did.

    A card is answered at once; a bank debit is `processing` until `finish` brings its end.
    """
    instrument = instrument_of(method)
    refused = instrument.refusal(off_session=off_session)
    charge = objects.charge(intent, method, instrument, refused, confirmed)
    intent |= {"latest_charge": charge["id"], "payment_method": method["id"], "next_action": None}
    if charge["status"] != "pending":
        finish(sandbox, intent, charge, refused)
        return refused
    sandbox.later("debit", charge["id"], sandbox.settings.debit_after)
    sandbox.save(charge, "charge.pending")
    sandbox.save(intent, "payment_intent.processing", last_payment_error=None, status="processing")
    return None


def finish(sandbox: Sandbox, intent: Json, charge: Json, refused: Decline | None) -> None:
    """The end of a charge: the money comes, or the bank says why not."""
    if refused:
        sandbox.save(charge, "charge.failed")
        refuse(sandbox, intent, refused, charge["id"])
        return
    settle_later(sandbox, charge)
    sandbox.save(charge, "charge.succeeded")
    intent |= {"amount_received": intent["amount"], "last_payment_error": None}
    sandbox.save(intent, "payment_intent.succeeded", status="succeeded")
    if charge["_card_behaviour"].startswith(("dispute:", "inquiry")):
        sandbox.later("dispute", charge["id"], sandbox.settings.step_after)


def settle_later(sandbox: Sandbox, charge: Json) -> None:
    """The balance transaction of a successful charge comes now or after a while."""
    after = sandbox.settings.settle_after
    if after > 0 or chaos.state(sandbox.store)["settlement_held"]:
        chaos.queue_settlement(sandbox.store, charge["id"], after)
    else:
        charge["balance_transaction"] = record(sandbox, objects.balance_transaction(charge))


def record(sandbox: Sandbox, transaction: Json) -> str:
    """Keep a balance transaction. Returns its id."""
    return sandbox.save(transaction)["id"]


def refuse(sandbox: Sandbox, intent: Json, refused: Decline, charge_id: str | None = None) -> None:
    """The intent waits for another payment method, and says what was wrong with this one."""
    method = sandbox.known(intent["payment_method"])
    intent["last_payment_error"] = objects.last_payment_error(refused, method, charge_id)
    intent |= {"next_action": None, "payment_method": None, "status": "requires_payment_method"}
    sandbox.save(intent, "payment_intent.payment_failed")


def settle(sandbox: Sandbox, charge_id: str) -> None:
    """The balance transaction of a charge appears some time after its success."""
    charge = sandbox.known(charge_id)
    if charge["balance_transaction"] is None:
        transaction = record(sandbox, objects.balance_transaction(charge))
        sandbox.write(charge, {"balance_transaction": transaction}, "charge.updated")


def expire_if_open(sandbox: Sandbox, session_id: str) -> None:
    """The time of a session has run out."""
    session = sandbox.known(session_id)
    if session["status"] == "open":
        expire(sandbox, session)


def expire(sandbox: Sandbox, session: Json) -> None:
    """Close an open session; the intent of a declined attempt is cancelled with it."""
    if session["status"] != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
    if intent := sandbox.get(session["_payment_intent"]):
        cancel(sandbox, intent, "expired")
    sandbox.save(session, "checkout.session.expired", status="expired", url=None)


def cancel(sandbox: Sandbox, intent: Json, reason: str | None) -> None:
    intent |= {"canceled_at": objects.now(), "cancellation_reason": reason, "next_action": None}
    sandbox.save(intent, "payment_intent.canceled", status="canceled")
