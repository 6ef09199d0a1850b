"""What happens to money after a charge: refunds and disputes.

Every function runs inside a transaction of the store, as those of payments.py do.
"""

from dataclasses import replace

from sandbox import objects
from sandbox.errors import ApiError, Json
from sandbox.payments import NO_REQUEST, Sandbox, record

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
REFUND_UPDATED = ("refund.updated", "charge.refund.updated")


# Refunds


def refund(
    sandbox: Sandbox,
    charge: Json,
    amount: int | None,
    reason: str | None,
    metadata: dict[str, str],
) -> Json:
    """Give a charge back, whole or in part. Raises ApiError as Stripe refuses.

    The balance may go below zero by it.
    """
    amount = _refundable(sandbox, charge, amount)
    refunded = objects.refund(charge, amount, reason, metadata)
    by_card, behaviour = objects.pays_by_card(charge), charge["_card_behaviour"]
    kind = "refund" if by_card else "payment_refund"
    movement = objects.transaction(kind, "refund", -amount, refunded)
    refunded["balance_transaction"] = record(sandbox, movement)
    if behaviour == "refund:pending" or not by_card:
        refunded |= {"status": "pending", "pending_reason": "processing"}
    if refunded["status"] == "pending" or behaviour == "refund:fails":
        sandbox.later("refund", refunded["id"], sandbox.settings.step_after)
    sandbox.save(refunded, "refund.created")
    _change_refunded(sandbox, charge, amount, "charge.refunded")
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


def _change_refunded(sandbox: Sandbox, charge: Json, by: int, *kinds: str) -> None:
    refunded = charge["amount_refunded"] + by
    changes = {"amount_refunded": refunded, "refunded": refunded == charge["amount"]}
    sandbox.write(charge, changes, *kinds)


def step_refund(sandbox: Sandbox, refund_id: str) -> None:
    """What its charge's card asks for, some time after a refund was made."""
    refunded = sandbox.known(refund_id)
    fails = sandbox.known(refunded["charge"])["_card_behaviour"] == "refund:fails"
    if fails and refunded["status"] == "succeeded":
        fail_refund(sandbox, refunded)
    elif refunded["status"] == "pending":
        succeed_refund(sandbox, refunded)


def succeed_refund(sandbox: Sandbox, refunded: Json) -> None:
    """A pending refund has reached the payer."""
    if refunded["status"] != "pending":
        raise ApiError(f"Refund {refunded['id']} is {refunded['status']}, not pending.")
    sandbox.write(refunded, {"status": "succeeded", "pending_reason": None}, *REFUND_UPDATED)


def fail_refund(sandbox: Sandbox, refunded: Json) -> None:
    """The money of a refund comes back, also of one that had succeeded."""
    if refunded["status"] not in ("pending", "succeeded"):
        raise ApiError(f"Refund {refunded['id']} is {refunded['status']}.")
    reason = "expired_or_canceled_card"
    _take_back(sandbox, refunded, "failed", reason, "refund.failed", *REFUND_UPDATED)


def cancel_refund(sandbox: Sandbox, refunded: Json) -> None:
    if refunded["status"] != "pending":
        raise ApiError(f"Refund {refunded['id']} is {refunded['status']}; it cannot be canceled.")
    _take_back(sandbox, refunded, "canceled", "merchant_request", *REFUND_UPDATED)


def _take_back(sandbox: Sandbox, refunded: Json, status: str, reason: str, *kinds: str) -> None:
    movement = objects.transaction("refund_failure", "refund_failure", refunded["amount"], refunded)
    changes = {
        "status": status,
        "failure_balance_transaction": record(sandbox, movement),
        "failure_reason": reason,
        "pending_reason": None,
    }
    _change_refunded(sandbox, sandbox.known(refunded["charge"]), -refunded["amount"])
    sandbox.write(refunded, changes, *kinds)


# Disputes


def disputes_of(sandbox: Sandbox, charge: Json) -> list[Json]:
    return sandbox.find("dispute", ("charge", charge["id"]))


def open_dispute(
    sandbox: Sandbox, charge: Json, reason: str, case_type: str, amount: int | None = None
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
    dispute = objects.dispute(charge, amount, reason, case_type, status)
    sandbox.save(charge, disputed=True)
    if status == "needs_response":
        _withdraw(sandbox, dispute)
    sandbox.save(dispute, "charge.dispute.created")
    if status == "needs_response":
        sandbox.emit("charge.dispute.funds_withdrawn", dispute)
    if status == "prevented":
        sandbox.emit("charge.dispute.closed", dispute)
    return dispute


def step_dispute(sandbox: Sandbox, charge_id: str) -> None:
    """Open the dispute that the card of a charge asks for."""
    charge = sandbox.known(charge_id)
    if not charge["disputed"]:
        behaviour, _, reason = charge["_card_behaviour"].partition(":")
        case_type = "inquiry" if behaviour == "inquiry" else "chargeback"
        open_dispute(sandbox, charge, reason or "general", case_type)


def _withdraw(sandbox: Sandbox, dispute: Json) -> None:
    fee = (DISPUTE_FEE, "Dispute fee")
    _move(sandbox, dispute, "dispute", -dispute["amount"], "withdrawal", fee)


def _reinstate(sandbox: Sandbox, dispute: Json) -> None:
    """The amount comes back; the fee stays, as at Stripe in most countries."""
    _move(sandbox, dispute, "dispute_reversal", dispute["amount"], "reversal")


def _move(
    sandbox: Sandbox,
    dispute: Json,
    category: str,
    amount: int,
    word: str,
    fee: tuple[int, str] = (0, ""),
) -> None:
    movement = objects.transaction("adjustment", category, amount, dispute, fee=fee)
    movement["description"] = f"Chargeback {word} for {dispute['charge']}"
    sandbox.save(movement)
    dispute["balance_transactions"] = [*dispute["balance_transactions"], movement]


def decide(sandbox: Sandbox, dispute: Json, decision: str) -> None:
    """Bring a dispute on by one of DECISIONS. Raises ApiError where it does not fit its status."""
    status = DECISIONS[decision].get(dispute["status"])
    if status is None:
        raise ApiError(
            f"Dispute {dispute['id']} is {dispute['status']}; {decision} does not follow."
        )
    before = {"status": dispute["status"]}
    kinds = ["charge.dispute.closed" if status in CLOSED else "charge.dispute.updated"]
    if decision == "won":
        before["balance_transactions"] = dispute["balance_transactions"]
        _reinstate(sandbox, dispute)
        kinds.append("charge.dispute.funds_reinstated")
    if decision == "escalate":
        before |= {"balance_transactions": [], "is_charge_refundable": True}
        dispute["is_charge_refundable"] = False
        _withdraw(sandbox, dispute)
        kinds.append("charge.dispute.funds_withdrawn")
    sandbox.save(dispute, *kinds, previous=before, status=status)


def answer_dispute(sandbox: Sandbox, dispute: Json, evidence: Json, *, submit: bool) -> None:
    """Keep evidence and, where it is to be submitted, hand it in.

    As in Stripe's test mode, the texts `winning_evidence` and `losing_evidence` decide at once.
    """
    if dispute["status"] in CLOSED and (evidence or submit):
        raise ApiError("This dispute is already closed", code="dispute_already_closed")
    details = dict(dispute["evidence_details"])
    details["has_evidence"] = details["has_evidence"] or bool(evidence)
    if submit:
        details["submission_count"] += 1
        details["submission_method"] = "manual"
    changes: Json = {"evidence": dispute["evidence"] | evidence, "evidence_details": details}
    status = DECISIONS["under_review"].get(dispute["status"]) if submit else None
    if status:
        changes["status"] = status
    sandbox.write(dispute, changes, "charge.dispute.updated")
    text = dispute["evidence"]["uncategorized_text"]
    if submit and text in ("winning_evidence", "losing_evidence"):
        by_bank = replace(sandbox, request=NO_REQUEST)
        decide_for(by_bank, dispute, won=text == "winning_evidence")


def accept(sandbox: Sandbox, dispute: Json) -> None:
    decide_for(sandbox, dispute, won=False)


def decide_for(sandbox: Sandbox, dispute: Json, *, won: bool) -> None:
    """Close a dispute one way or the other; an inquiry closes without a winner."""
    inquiry = dispute["status"] in OPEN_INQUIRY
    decide(sandbox, dispute, "warning_closed" if inquiry else "won" if won else "lost")
