"""Payouts to the bank account, and what else changes the balance as a whole: the account's fees.

Every function runs inside a transaction of the store, as those of payments.py do.
"""

from sandbox import objects
from sandbox.errors import ApiError, Json, no_such
from sandbox.payments import Sandbox, record

NEXT = {"pending": "in_transit", "in_transit": "paid"}
FAILURES = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this transfer.",
    "debit_not_authorized": "Debit transactions are not approved on the bank account.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
    "no_account": "The bank account could not be located.",
}


def pay_out(sandbox: Sandbox, amount: int, currency: str, given: Json) -> Json:
    """A payout that was asked for. Raises ApiError when so much is not available."""
    available = sum(item["net"] for item in _not_paid_out(sandbox, currency))
    if amount > available:
        raise ApiError(
            "You have insufficient funds in your Stripe account for this payout: "
            f"{amount} asked for, {available} available.",
            code="balance_insufficient",
        )
    return _send(sandbox, objects.payout(amount, currency, automatic=False, given=given))


def send_everything(sandbox: Sandbox, currency: str) -> Json:
    """The automatic payout: all that is available and was in no payout before it."""
    parts = _not_paid_out(sandbox, currency)
    amount = sum(part["net"] for part in parts)
    if amount <= 0:
        raise ApiError(f"There is nothing to pay out in {currency}: {amount} available.")
    payout = objects.payout(amount, currency, automatic=True, given={})
    for part in parts:
        sandbox.save(part, _payout=payout["id"])
    return _send(sandbox, payout)


def _not_paid_out(sandbox: Sandbox, currency: str) -> list[Json]:
    things, moment = sandbox.find("balance_transaction", ("currency", currency)), objects.now()
    return [thing for thing in things if "_payout" not in thing and thing["available_on"] <= moment]


def _send(sandbox: Sandbox, payout: Json) -> Json:
    movement = objects.transaction("payout", "payout", -payout["amount"], payout)
    if payout["automatic"]:
        movement["_payout"] = payout["id"]
    payout["balance_transaction"] = record(sandbox, movement)
    sandbox.later("payout", payout["id"], sandbox.settings.step_after)
    return sandbox.save(payout, "payout.created")


def step(sandbox: Sandbox, payout_id: str) -> None:
    """A payout goes to the bank, arrives, and then its parts are known, step by step."""
    if move(sandbox, sandbox.known(payout_id)):
        sandbox.later("payout", payout_id, sandbox.settings.step_after)


def arrive(sandbox: Sandbox, payout: Json) -> None:
    """A payout has arrived and its parts are known."""
    if payout["status"] not in NEXT:
        raise ApiError(f"Payout {payout['id']} is {payout['status']}.")
    while move(sandbox, payout):
        pass


def move_once(sandbox: Sandbox, payout: Json) -> None:
    if not move(sandbox, payout):
        raise ApiError(f"Payout {payout['id']} is {payout['status']}: there is no next step.")


def move(sandbox: Sandbox, payout: Json) -> bool:
    """Take the next step of a payout. Returns whether there was one."""
    if status := NEXT.get(payout["status"]):
        changes: Json = {"status": status}
        if status == "paid":
            changes["trace_id"] = {"status": "supported", "value": objects.new_id("SBX", 12)}
        sandbox.write(payout, changes, "payout.paid" if status == "paid" else "payout.updated")
        return True
    if payout["status"] == "paid" and payout["reconciliation_status"] == "in_progress":
        changes = {"reconciliation_status": "completed"}
        sandbox.write(payout, changes, "payout.reconciliation_completed")
        return True
    return False


def fail(sandbox: Sandbox, payout: Json, code: str) -> None:
    """The bank sends a payout back, also one that had been paid."""
    if payout["status"] not in (*NEXT, "paid"):
        raise ApiError(f"Payout {payout['id']} is {payout['status']}.")
    failure = {"failure_code": code, "failure_message": FAILURES[code]}
    _take_back(sandbox, payout, "payout_failure", "failed", failure)


def cancel(sandbox: Sandbox, payout: Json) -> None:
    if payout["status"] != "pending":
        raise ApiError(
            f"Payout {payout['id']} is {payout['status']}; only pending payouts can be canceled.",
        )
    _take_back(sandbox, payout, "payout_cancel", "canceled", {})


def _take_back(sandbox: Sandbox, payout: Json, kind: str, status: str, about: Json) -> None:
    """The amount returns to the balance, and leaves with the next payout."""
    movement = objects.transaction(kind, "payout_reversal", payout["amount"], payout)
    payout |= about | {"failure_balance_transaction": record(sandbox, movement)}
    sandbox.save(payout, f"payout.{status}", status=status)


def parts_of(sandbox: Sandbox, payout_id: str) -> tuple[str, object]:
    """The condition that finds a payout's parts; none before they are reconciled."""
    payout = sandbox.get(payout_id, "payout")
    if payout is None:
        raise no_such("payout", payout_id, param="payout", status=400)
    if not payout["automatic"]:
        raise ApiError(
            "Balance transaction history can only be filtered on automatic payouts, not manual.",
            param="payout",
        )
    known = payout["reconciliation_status"] == "completed"
    return "_payout", payout_id if known else "not yet known"


# The account


def take_fee(sandbox: Sandbox, amount: int, currency: str, description: str) -> Json:
    """Stripe takes a fee of the account that belongs to no charge."""
    source = {"currency": currency, "description": description}
    return sandbox.save(objects.transaction("stripe_fee", "fee", -amount, source))


def make_available(sandbox: Sandbox) -> int:
    """Let everything pending be available now. Returns how many transactions were pending."""
    things, moment = sandbox.find("balance_transaction"), objects.now()
    pending = [thing for thing in things if thing["available_on"] > moment]
    for thing in pending:
        sandbox.save(thing, available_on=moment, status="available")
    return len(pending)
