"""What happens to money after a charge: refunds and disputes.

Every function runs inside a transaction of the store, as those of payments.py do.
"""

import time
from collections.abc import Callable

from sandbox import aftermath_objects, objects
from sandbox.errors import ApiError, Json
from sandbox.payments import NO_REQUEST, Sandbox, emit

DISPUTE_FEE = 1500
OPEN_INQUIRY = ("warning_needs_response", "warning_under_review")
APPEALED = ("appeal_needs_response", "appeal_under_review")
OPEN_DISPUTE = ("needs_response", "under_review", *APPEALED)
# A decision on a dispute: the status it makes of which statuses. Inquiries move no money.
DECISIONS: dict[str, dict[str, str]] = {
    "under_review": {
        "needs_response": "under_review",
        "warning_needs_response": "warning_under_review",
        "appeal_needs_response": "appeal_under_review",
    },
    "won": dict.fromkeys(OPEN_DISPUTE, "won"),
    "lost": dict.fromkeys(OPEN_DISPUTE, "lost"),
    "warning_closed": dict.fromkeys(OPEN_INQUIRY, "warning_closed"),
    "escalate": dict.fromkeys(OPEN_INQUIRY, "needs_response"),
    "appeal": {"lost": "appeal_under_review"},
}
CLOSED = ("won", "lost", "warning_closed", "prevented")


def after_charge(sandbox: Sandbox, charge: Json) -> None:
    """Let a dispute follow a successful charge where its card asks for one."""
    if (charge.get("_card_behaviour") or "").startswith(("dispute:", "inquiry")):
        step_later(sandbox, "dispute", charge["id"])


def record(sandbox: Sandbox, transaction: Json) -> str:
    """Keep a balance transaction. Returns its id."""
    return sandbox.store.put(transaction)["id"]


def step_later(sandbox: Sandbox, kind: str, key: str) -> None:
    sandbox.store.add_work(kind, key, time.time() + sandbox.settings.step_after)


def update(sandbox: Sandbox, thing: Json, changes: Json) -> Json:
    """Keep changes of an object. Returns what they replaced, for its event."""
    previous = {name: thing.get(name) for name in changes}
    thing |= changes
    sandbox.store.put(thing)
    return previous


# Refunds


def refund(
    sandbox: Sandbox,
    charge: Json,
    amount: int | None,
    *,
    reason: str | None = None,
    metadata: dict[str, str] | None = None,
    request: Json = NO_REQUEST,
) -> Json:
    """Give a charge back, whole or in part. Raises ApiError as Stripe refuses.

    The balance may go below zero by it.
    """
    amount = _refundable(sandbox, charge, amount)
    refunded = aftermath_objects.refund(charge, amount, reason, metadata or {})
    by_card = aftermath_objects.pays_by_card(charge)
    behaviour = charge.get("_card_behaviour")
    kind = "refund" if by_card else "payment_refund"
    movement = objects.transaction(kind, "refund", -amount, refunded)
    refunded["balance_transaction"] = record(sandbox, movement)
    if behaviour == "refund:pending" or not by_card:
        refunded |= {"status": "pending", "pending_reason": "processing"}
    if refunded["status"] == "pending" or behaviour == "refund:fails":
        step_later(sandbox, "refund", refunded["id"])
    sandbox.store.put(refunded)
    previous = _change_refunded(sandbox, charge, amount)
    emit(sandbox, "refund.created", refunded, request=request)
    emit(sandbox, "charge.refunded", charge, previous=previous, request=request)
    return refunded


def _refundable(sandbox: Sandbox, charge: Json, asked: int | None) -> int:
    if not charge["paid"]:
        raise ApiError(f"Charge {charge['id']} has not succeeded; there is nothing to refund.")
    left = charge["amount"] - charge["amount_refunded"]
    if left == 0:
        raise ApiError(
            f"Charge {charge['id']} has already been refunded.", code="charge_already_refunded"
        )
    if any(not dispute["is_charge_refundable"] for dispute in disputes_of(sandbox, charge)):
        raise ApiError(
            f"Charge {charge['id']} has been charged back; cannot issue a refund.",
            code="charge_disputed",
        )
    if asked is not None and asked > left:
        raise ApiError(
            f"Refund amount ({asked}) is greater than unrefunded amount on charge ({left})",
            param="amount",
        )
    return left if asked is None else asked


def _change_refunded(sandbox: Sandbox, charge: Json, by: int) -> Json:
    refunded = charge["amount_refunded"] + by
    changes = {"amount_refunded": refunded, "refunded": refunded == charge["amount"]}
    return update(sandbox, charge, changes)


def step_refund(sandbox: Sandbox, refund_id: str) -> None:
    """What its charge's card asks for, some time after a refund was made."""
    refunded = sandbox.store.get(refund_id, "refund") or {}
    charge = sandbox.store.get(refunded.get("charge", "")) or {}
    if charge.get("_card_behaviour") == "refund:fails" and refunded["status"] == "succeeded":
        fail_refund(sandbox, refunded)
    elif refunded.get("status") == "pending":
        succeed_refund(sandbox, refunded)


def succeed_refund(sandbox: Sandbox, refunded: Json) -> None:
    """A pending refund has reached the payer."""
    if refunded["status"] != "pending":
        raise ApiError(f"Refund {refunded['id']} is {refunded['status']}, not pending.")
    changes = {"status": "succeeded", "pending_reason": None}
    previous = update(sandbox, refunded, changes)
    _tell_of_refund(sandbox, refunded, previous, ())


def fail_refund(
    sandbox: Sandbox,
    refunded: Json,
    *,
    status: str = "failed",
    reason: str = "expired_or_canceled_card",
    request: Json = NO_REQUEST,
) -> None:
    """The money of a refund comes back, also of one that had succeeded; or it is cancelled."""
    if refunded["status"] not in ("pending", "succeeded"):
        raise ApiError(f"Refund {refunded['id']} is {refunded['status']}.")
    movement = objects.transaction("refund_failure", "refund_failure", refunded["amount"], refunded)
    changes = {
        "status": status,
        "failure_balance_transaction": record(sandbox, movement),
        "failure_reason": reason,
        "pending_reason": None,
    }
    previous = update(sandbox, refunded, changes)
    charge = sandbox.store.get(refunded["charge"]) or {}
    _change_refunded(sandbox, charge, -refunded["amount"])
    _tell_of_refund(
        sandbox, refunded, previous, ("refund.failed",) if status == "failed" else (), request
    )


def cancel_refund(sandbox: Sandbox, refunded: Json, request: Json) -> None:
    if refunded["status"] != "pending":
        raise ApiError(f"Refund {refunded['id']} is {refunded['status']}; it cannot be canceled.")
    fail_refund(sandbox, refunded, status="canceled", reason="merchant_request", request=request)


def _tell_of_refund(
    sandbox: Sandbox,
    refunded: Json,
    previous: Json,
    kinds: tuple[str, ...],
    request: Json = NO_REQUEST,
) -> None:
    for kind in (*kinds, "refund.updated", "charge.refund.updated"):
        emit(sandbox, kind, refunded, previous=previous, request=request)


# Disputes


def disputes_of(sandbox: Sandbox, charge: Json) -> list[Json]:
    return sandbox.store.page("dispute", [("charge", charge["id"])], limit=100)[0]


def open_dispute(
    sandbox: Sandbox,
    charge: Json,
    *,
    reason: str = "fraudulent",
    case_type: str = "chargeback",
    amount: int | None = None,
) -> Json:
    """The payer's bank asks (`inquiry`), demands (`chargeback`) or is turned away (`block`).

    A chargeback withdraws the amount, by default what is not refunded, and a fee.
    """
    if not charge["paid"]:
        raise ApiError(f"Charge {charge['id']} has not succeeded; there is nothing to dispute.")
    if any(dispute["status"] not in CLOSED for dispute in disputes_of(sandbox, charge)):
        raise ApiError(f"Charge {charge['id']} is disputed already.")
    amount = amount or charge["amount"] - charge["amount_refunded"]
    if not 0 < amount <= charge["amount"]:
        raise ApiError(
            f"Of charge {charge['id']} between 1 and {charge['amount']} can be disputed; where no "
            "amount is given, what is not refunded.",
            param="amount",
        )
    starts = {"inquiry": "warning_needs_response", "block": "prevented"}
    status = starts.get(case_type, "needs_response")
    dispute = aftermath_objects.dispute(charge, amount, reason, case_type, status)
    charge["disputed"] = True
    sandbox.store.put(charge)
    if status == "needs_response":
        _withdraw(sandbox, dispute)
    sandbox.store.put(dispute)
    emit(sandbox, "charge.dispute.created", dispute)
    if status == "needs_response":
        emit(sandbox, "charge.dispute.funds_withdrawn", dispute)
    if status == "prevented":
        emit(sandbox, "charge.dispute.closed", dispute)
    return dispute


def step_dispute(sandbox: Sandbox, charge_id: str) -> None:
    """Open the dispute that the card of a charge asks for."""
    charge = sandbox.store.get(charge_id)
    if charge is None or charge["disputed"]:
        return
    behaviour, _, reason = charge["_card_behaviour"].partition(":")
    case_type = "inquiry" if behaviour == "inquiry" else "chargeback"
    open_dispute(sandbox, charge, reason=reason or "general", case_type=case_type)


def _withdraw(sandbox: Sandbox, dispute: Json) -> None:
    movement = objects.transaction(
        "adjustment",
        "dispute",
        -dispute["amount"],
        dispute,
        fee=DISPUTE_FEE,
        fee_name="Dispute fee",
    )
    movement["description"] = f"Chargeback withdrawal for {dispute['charge']}"
    record(sandbox, movement)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], movement]


def _reinstate(sandbox: Sandbox, dispute: Json) -> None:
    """The amount comes back; the fee stays, as at Stripe in most countries."""
    movement = objects.transaction("adjustment", "dispute_reversal", dispute["amount"], dispute)
    movement["description"] = f"Chargeback reversal for {dispute['charge']}"
    record(sandbox, movement)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], movement]


def decide(sandbox: Sandbox, dispute: Json, decision: str, request: Json = NO_REQUEST) -> None:
    """Bring a dispute on by one of DECISIONS. Raises ApiError where it does not fit its status."""
    status = DECISIONS[decision].get(dispute["status"])
    if status is None:
        raise ApiError(
            f"Dispute {dispute['id']} is {dispute['status']}; {decision} does not follow."
        )
    before = {"status": dispute["status"]}
    if decision == "won":
        before["balance_transactions"] = dispute["balance_transactions"]
        _reinstate(sandbox, dispute)
    if decision == "escalate":
        before |= {"balance_transactions": [], "is_charge_refundable": True}
        dispute["is_charge_refundable"] = False
        _withdraw(sandbox, dispute)
    dispute["status"] = status
    sandbox.store.put(dispute)
    closed = status in CLOSED
    kinds = ["charge.dispute.closed" if closed else "charge.dispute.updated"]
    kinds += ["charge.dispute.funds_reinstated"] if decision == "won" else []
    kinds += ["charge.dispute.funds_withdrawn"] if decision == "escalate" else []
    for kind in kinds:
        emit(sandbox, kind, dispute, previous=before, request=request)


def answer_dispute(
    sandbox: Sandbox, dispute: Json, evidence: Json, *, submit: bool, request: Json
) -> None:
    """Keep evidence and, where it is to be submitted, hand it in.

    As in Stripe's test mode, the texts `winning_evidence` and `losing_evidence` decide at once.
    """
    if dispute["status"] in CLOSED and (evidence or submit):
        raise ApiError("This dispute is already closed", code="dispute_already_closed")
    details = dict(dispute["evidence_details"])
    details["has_evidence"] = details["has_evidence"] or bool(evidence)
    if submit:
        details |= {
            "submission_count": details["submission_count"] + 1,
            "submission_method": "manual",
        }
    changes: Json = {"evidence": dispute["evidence"] | evidence, "evidence_details": details}
    status = DECISIONS["under_review"].get(dispute["status"]) if submit else None
    if status:
        changes["status"] = status
    previous = update(sandbox, dispute, changes)
    emit(sandbox, "charge.dispute.updated", dispute, previous=previous, request=request)
    text = dispute["evidence"]["uncategorized_text"]
    if submit and text in ("winning_evidence", "losing_evidence"):
        decide_for(sandbox, dispute, won=text == "winning_evidence")


def decide_for(sandbox: Sandbox, dispute: Json, *, won: bool, request: Json = NO_REQUEST) -> None:
    """Close a dispute one way or the other; an inquiry closes without a winner."""
    decision = "won" if won else "lost"
    if dispute["status"] in OPEN_INQUIRY:
        decision = "warning_closed"
    decide(sandbox, dispute, decision, request)


DUE: dict[str, Callable[[Sandbox, str], None]] = {
    "dispute": step_dispute,
    "refund": step_refund,
}
