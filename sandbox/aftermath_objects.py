"""Refunds, disputes and payouts as Stripe's API serves them."""

from sandbox.errors import Json
from sandbox.objects import DAY, new_id, none, now

EVIDENCE = (
    "access_activity_log billing_address cancellation_policy cancellation_policy_disclosure "
    "cancellation_rebuttal customer_communication customer_email_address customer_name "
    "customer_purchase_ip customer_signature duplicate_charge_documentation "
    "duplicate_charge_explanation duplicate_charge_id product_description receipt refund_policy "
    "refund_policy_disclosure refund_refusal_explanation service_date service_documentation "
    "shipping_address shipping_carrier shipping_date shipping_documentation "
    "shipping_tracking_number uncategorized_file uncategorized_text"
)
FAILED_PAYOUTS = {
    "account_closed": "The bank account has been closed.",
    "could_not_process": "The bank could not process this transfer.",
    "debit_not_authorized": "Debit transactions are not approved on the bank account.",
    "insufficient_funds": "Your Stripe account has insufficient funds to cover the payout.",
    "no_account": "The bank account could not be located.",
}


def pays_by_card(charge: Json) -> bool:
    return charge["payment_method_details"]["type"] == "card"


def refund(charge: Json, amount: int, reason: str | None, metadata: dict[str, str]) -> Json:
    """A refund whose money is on its way; `pending_reason` and status are up to the caller."""
    by_card = pays_by_card(charge)
    reference = {"reference": None, "reference_status": "pending"}
    card = {**reference, "reference_type": "acquirer_reference_number", "type": "refund"}
    return {
        **none(
            "balance_transaction customer customer_account receipt_number "
            "source_transfer_reversal transfer_reversal"
        ),
        "id": new_id("re_3" if by_card else "pyr_1"),
        "object": "refund",
        "amount": amount,
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "destination_details": {"card": card, "type": "card"} if by_card else None,
        "metadata": metadata,
        "payment_intent": charge["payment_intent"],
        "payment_method": charge["payment_method"],
        "reason": reason,
        "status": "succeeded",
    }


def dispute(charge: Json, amount: int, reason: str, case_type: str, status: str) -> Json:
    """A question (inquiry) or a demand (chargeback) of the payer's bank; no money moved yet."""
    card = charge["payment_method_details"].get("card")
    details = card and {
        "brand": card["brand"],
        "case_type": case_type,
        "network": card["network"],
        "network_reason_code": "10.4" if reason == "fraudulent" else "13.1",
    }
    return {
        "id": new_id("du_1"),
        "object": "dispute",
        "amount": amount,
        "balance_transactions": [],
        "charge": charge["id"],
        "created": now(),
        "currency": charge["currency"],
        "enhanced_eligibility_types": [],
        "evidence": none(EVIDENCE) | {"enhanced_evidence": {}},
        "evidence_details": {
            "due_by": (now() // DAY + 8) * DAY - 1,
            "enhanced_eligibility": {},
            "has_evidence": False,
            "past_due": False,
            "submission_count": 0,
            "submission_method": "not_submitted",
        },
        "is_charge_refundable": case_type != "chargeback",
        "livemode": False,
        "metadata": {},
        "payment_intent": charge["payment_intent"],
        # Null for bank debits: Stripe has details for cards and a few wallets alone.
        "payment_method_details": details and {"card": details, "type": "card"},
        "reason": reason,
        "status": status,
    }


def payout(amount: int, currency: str, *, automatic: bool, given: Json | None = None) -> Json:
    """Money on its way to the bank account; `given` are the fields that the caller chose."""
    return {
        **none(
            "application_fee application_fee_amount balance_transaction "
            "failure_balance_transaction failure_code failure_message original_payout "
            "payout_method reversed_by statement_descriptor"
        ),
        "id": new_id("po_1"),
        "object": "payout",
        "amount": amount,
        "arrival_date": (now() // DAY + 2) * DAY,
        "automatic": automatic,
        "created": now(),
        "currency": currency,
        "description": "STRIPE PAYOUT" if automatic else None,
        "destination": "ba_1SandboxBankAccount",
        "livemode": False,
        "metadata": {},
        "method": "standard",
        "reconciliation_status": "in_progress" if automatic else "not_applicable",
        "source_type": "card",
        "status": "pending",
        "trace_id": {"status": "pending", "value": None},
        "type": "bank_account",
        **(given or {}),
    }
