"""Payouts to the bank account, and what else changes the balance as a whole: the account's fees.

Every function runs inside a transaction of the store, as those of payments.py do.
"""

from collections.abc import Callable

from sandbox import aftermath_objects, objects
from sandbox.aftermath import record, step_later, update
from sandbox.errors import ApiError, Json, no_such
from sandbox.payments import NO_REQUEST, Sandbox, emit

NEXT = {"pending": "in_transit", "in_transit": "paid"}


def pay_out(sandbox: Sandbox, amount: int, currency: str, given: Json, request: Json) -> Json:
    """A payout that was asked for. Raises ApiError when so much is not available."""
    available = sum(item["net"] for item in _not_paid_out(sandbox, currency))
    if amount > available:
        raise ApiError(
            "You have insufficient funds in your Stripe account for this payout: "
            f"{amount} asked for, {available} available.",
            code="balance_insufficient",
        )
    payout = aftermath_objects.payout(amount, currency, automatic=False, given=given)
    return _send(sandbox, payout, request)


def send_everything(sandbox: Sandbox, currency: str) -> Json:
    """The automatic payout: all that is available and was in no payout before it."""
    parts = _not_paid_out(sandbox, currency)
    amount = sum(part["net"] for part in parts)
    if amount <= 0:
        raise ApiError(f"There is nothing to pay out in {currency}: {amount} available.")
    payout = aftermath_objects.payout(amount, currency, automatic=True)
    for part in parts:
        sandbox.store.put(part | {"_payout": payout["id"]})
    return _send(sandbox, payout, NO_REQUEST)


def _not_paid_out(sandbox: Sandbox, currency: str) -> list[Json]:
    things, _ = sandbox.store.page("balance_transaction", [("currency", currency)], limit=1_000_000)
    moment = objects.now()
    return [thing for thing in things if "_payout" not in thing and thing["available_on"] <= moment]


def _send(sandbox: Sandbox, payout: Json, request: Json) -> Json:
    movement = objects.transaction("payout", "payout", -payout["amount"], payout)
    if payout["automatic"]:
        movement["_payout"] = payout["id"]
    payout["balance_transaction"] = record(sandbox, movement)
    sandbox.store.put(payout)
    step_later(sandbox, "payout", payout["id"])
    emit(sandbox, "payout.created", payout, request=request)
    return payout


def step(sandbox: Sandbox, payout_id: str) -> None:
    """A payout goes to the bank, arrives, and then its parts are known, step by step."""
    payout = sandbox.store.get(payout_id, "payout")
    if payout is not None and move(sandbox, payout):
        step_later(sandbox, "payout", payout_id)


def arrive(sandbox: Sandbox, payout: Json) -> None:
    """A payout has arrived and its parts are known."""
    if payout["status"] not in NEXT:
        raise ApiError(f"Payout {payout['id']} is {payout['status']}.")
    while move(sandbox, payout):
        pass


def move(sandbox: Sandbox, payout: Json) -> bool:
    """Take the next step of a payout. Returns whether there was one."""
    if status := NEXT.get(payout["status"]):
        changes: Json = {"status": status}
        if status == "paid":
            changes["trace_id"] = {"status": "supported", "value": objects.new_id("SBX", 12)}
        previous = update(sandbox, payout, changes)
        kind = "payout.paid" if status == "paid" else "payout.updated"
        emit(sandbox, kind, payout, previous=previous)
        return True
    if payout["status"] == "paid" and payout["reconciliation_status"] == "in_progress":
        previous = update(sandbox, payout, {"reconciliation_status": "completed"})
        emit(sandbox, "payout.reconciliation_completed", payout, previous=previous)
        return True
    return False


def fail(sandbox: Sandbox, payout: Json, code: str = "account_closed") -> None:
    """The bank sends a payout back, also one that had been paid."""
    if payout["status"] not in (*NEXT, "paid"):
        raise ApiError(f"Payout {payout['id']} is {payout['status']}.")
    message = aftermath_objects.FAILED_PAYOUTS[code]
    failure = {"status": "failed", "failure_code": code, "failure_message": message}
    _take_back(sandbox, payout, "payout_failure", failure)
    emit(sandbox, "payout.failed", payout)


def cancel(sandbox: Sandbox, payout: Json, request: Json) -> None:
    if payout["status"] != "pending":
        raise ApiError(
            f"Payout {payout['id']} is {payout['status']}; only pending payouts can be canceled.",
        )
    _take_back(sandbox, payout, "payout_cancel", {"status": "canceled"})
    emit(sandbox, "payout.canceled", payout, request=request)


def _take_back(sandbox: Sandbox, payout: Json, kind: str, changes: Json) -> None:
    """The amount returns to the balance, and leaves with the next payout."""
    movement = objects.transaction(kind, "payout_reversal", payout["amount"], payout)
    update(sandbox, payout, changes | {"failure_balance_transaction": record(sandbox, movement)})


def parts_of(sandbox: Sandbox, payout_id: str) -> list[tuple[str, object]]:
    """The condition that finds a payout's parts; none before they are reconciled."""
    payout = sandbox.store.get(payout_id, "payout")
    if payout is None:
        raise no_such("payout", payout_id, param="payout", status=400)
    if not payout["automatic"]:
        raise ApiError(
            "Balance transaction history can only be filtered on automatic payouts, not manual.",
            param="payout",
        )
    known = payout["reconciliation_status"] == "completed"
    return [("_payout", payout_id if known else "not yet known")]


# The account


def take_fee(sandbox: Sandbox, amount: int, currency: str, description: str) -> Json:
    """Stripe takes a fee of the account that belongs to no charge."""
    source = {"currency": currency, "description": description}
    return sandbox.store.put(objects.transaction("stripe_fee", "fee", -amount, source))


def make_available(sandbox: Sandbox) -> int:
    """Let everything pending be available now. Returns how many transactions were pending."""
    things, _ = sandbox.store.page("balance_transaction", (), limit=1_000_000)
    moment = objects.now()
    pending = [thing for thing in things if thing["available_on"] > moment]
    for thing in pending:
        sandbox.store.put(thing | {"available_on": moment, "status": "available"})
    return len(pending)


DUE: dict[str, Callable[[Sandbox, str], None]] = {"payout": step}
