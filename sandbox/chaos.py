"""Faults on demand: webhooks late, lost, doubled or out of order; an API that fails.

What was asked for is kept in the store, so that it outlives the process like all the rest. The
functions run inside a transaction of the store.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass

from sandbox.errors import ApiError, Json
from sandbox.store import Store

KEY = "_chaos"
# What an API call meets. Those that end in _after do what was asked first, then hide it.
REFUSALS = {
    "429": {"message": "Request rate limit exceeded.", "code": "rate_limit"},
    "409": {
        "message": "There is currently another in-progress request using this Idempotent Key.",
        "kind": "idempotency_error",
        "code": "idempotency_key_in_use",
    },
    "503": {"message": "The sandbox is down, as it was asked to be.", "kind": "api_error"},
}
BROKEN = ("500", "500_after")
CUTS = ("timeout", "timeout_after", "reset", "reset_after")


@dataclass(frozen=True)
class Fault:
    """What happens to one call: one of the three above; a cut comes after some seconds."""

    name: str
    seconds: float = 0

    @property
    def cuts(self) -> bool:
        return self.name in CUTS

    @property
    def comes_after(self) -> bool:
        return self.name.endswith("_after")

    @property
    def resets(self) -> bool:
        return self.name.startswith("reset")

    def spoil(self, answer: Callable[[], tuple[int, str]], failure: str) -> tuple[int, str]:
        """The status and text of a call: its answer, or a failure before or after it is done."""
        if self.name not in BROKEN:
            return answer()
        if self.comes_after:
            answer()
        return 500, failure

    def refusal(self) -> ApiError | None:
        given = REFUSALS.get(self.name)
        return ApiError(status=int(self.name), **given) if given else None


NO_FAULT = Fault("")


def state(store: Store) -> Json:
    """What is asked for at present."""
    return store.get(KEY) or {
        "id": KEY,
        "object": KEY,
        "created": 0,
        "webhooks": {"mode": "normal"},
        "faults": [],
        "down": False,
        "settlement_held": False,
    }


def change(store: Store, **changes: object) -> Json:
    return store.put(state(store) | changes)


def end(store: Store) -> Json:
    """No more faults: what was held goes on its way."""
    release_webhooks(store, backwards=False)
    hold_settlement(store, held=False)
    return change(store, faults=[], down=False)


# Webhooks


def queue_webhook(store: Store, event: Json) -> None:
    """Let an event go out, unless the present mode says otherwise."""
    asked = state(store)["webhooks"]
    mode = asked["mode"]
    if mode == "drop" and asked["type"] in ("", event["type"]):
        left = asked["count"] - 1
        change(store, webhooks=asked | {"count": left} if left else {"mode": "normal"})
        return
    kind = "held webhook" if mode == "hold" else "deliver"
    due = time.time() + (asked["seconds"] if mode == "delay" else 0)
    for _ in range(2 if mode == "duplicate" else 1):
        store.add_work(kind, event["id"], due)


def webhook_waits(store: Store, event_id: str) -> bool:
    return any(store.is_waiting(kind, event_id) for kind in ("deliver", "held webhook"))


def set_webhooks(store: Store, mode: str, count: int, type: str | None, seconds: int) -> Json:
    """Treat webhooks so from now on; held ones are released in order by any mode but hold.

    `drop` takes a `count` of one `type` or of any, `delay` some `seconds`.
    """
    if mode != "hold":
        release_webhooks(store, backwards=False)
    asked = {"mode": mode, "count": count, "type": type or "", "seconds": seconds}
    return change(store, webhooks=asked)


def release_webhooks(store: Store, *, backwards: bool) -> Json:
    """Let the held webhooks go, in the order of their events or backwards; hold no more."""
    change(store, webhooks={"mode": "normal"})
    return {"released": store.move_work("held webhook", "deliver", backwards=backwards)}


# Settlement


def queue_settlement(store: Store, charge_id: str, after: float) -> None:
    """Let a charge get its balance transaction after some seconds, or once no longer held."""
    held = state(store)["settlement_held"]
    store.add_work("held settle" if held else "settle", charge_id, time.time() + after)


def hold_settlement(store: Store, *, held: bool) -> Json:
    waiting, following = ("settle", "held settle") if held else ("held settle", "settle")
    store.move_work(waiting, following)
    return change(store, settlement_held=held)


# The API


def add_fault(store: Store, method: str, path: str, fault: Fault, count: int) -> Json:
    """Let the next calls whose method and start of path are these meet a fault."""
    asked = {"method": method, "path": path, "count": count}
    faults = [*state(store)["faults"], asked | {"name": fault.name, "seconds": fault.seconds}]
    return change(store, faults=faults)


def take_fault(store: Store, method: str, path: str) -> Fault:
    """The fault that this call meets, or NO_FAULT; it counts as met."""
    asked = state(store)
    if asked["down"]:
        return Fault("503")
    for fault in asked["faults"]:
        if fault["method"] in ("", method) and path.startswith(fault["path"]):
            fault["count"] -= 1
            change(store, faults=[each for each in asked["faults"] if each["count"] > 0])
            return Fault(fault["name"], fault["seconds"])
    return NO_FAULT
