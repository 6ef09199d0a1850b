"""What Stripe says now of one attempt to pay, read fresh and put into our words.

An event is only a trigger (rule 8): whatever it claims, its object is fetched and read here.
"""

import datetime
from dataclasses import dataclass, replace
from typing import Literal

import stripe

from funding.payments.outcomes import Settlement
from funding.payments.stripe_client import client
from funding.payments.stripe_units import from_stripe

Standing = Literal["open", "processing", "paid", "failed"]


@dataclass(frozen=True, slots=True)
class PresentState:
    """One attempt as it stands. ``amount`` and ``currency`` are Stripe's own units and code.

    ``payment`` and ``attempt`` are our metadata, empty and 0 where they are missing. ``failure``
    is Stripe's code and its English words; it may be set while the attempt is still open.
    """

    standing: Standing
    payment: str
    attempt: int
    amount: int
    currency: str
    session: str | None = None
    intent: str | None = None
    charge: str | None = None
    paid_at: datetime.datetime | None = None
    failure: tuple[str, str] | None = None
    settlement: Settlement | None = None


def of_session(session_id: str) -> PresentState:
    """The present state of a checkout session. Raises stripe.StripeError."""
    session = client().v1.checkout.sessions.retrieve(
        session_id, {"expand": ["payment_intent.latest_charge.balance_transaction"]}
    )
    intent = session.payment_intent
    if isinstance(intent, stripe.PaymentIntent):
        state = _read_intent(intent, session.id)
        if session.status == "expired" and state.standing == "open":
            return _closed(state)
        return state
    metadata = mapping(session.metadata)
    expired = session.status == "expired"
    return PresentState(
        standing="failed" if expired else "open",
        payment=metadata.get("payment", ""),
        attempt=_number(metadata.get("attempt")),
        amount=session.amount_total or 0,
        currency=session.currency or "",
        session=session.id,
        failure=("expired", "The checkout session expired.") if expired else None,
    )


def of_intent(intent_id: str) -> PresentState:
    """The present state of a payment intent. Raises stripe.StripeError."""
    intent = client().v1.payment_intents.retrieve(
        intent_id, {"expand": ["latest_charge.balance_transaction"]}
    )
    return _read_intent(intent, None)


def _read_intent(intent: stripe.PaymentIntent, session_id: str | None) -> PresentState:
    metadata = mapping(intent.metadata)
    charge = intent.latest_charge if isinstance(intent.latest_charge, stripe.Charge) else None
    paid = intent.status == "succeeded"
    error = intent.last_payment_error
    failure = None
    if error is not None and not paid:
        code = getattr(error, "decline_code", None) or getattr(error, "code", None) or "unknown"
        failure = (str(code), str(getattr(error, "message", "") or ""))
    standing: Standing = "open"
    if paid:
        standing = "paid"
    elif intent.status == "processing":
        standing = "processing"
    elif intent.status == "canceled" or failure:
        standing = "failed"
        failure = failure or ("expired", "The payment intent was cancelled.")
    return PresentState(
        standing=standing,
        payment=metadata.get("payment", ""),
        attempt=_number(metadata.get("attempt")),
        amount=intent.amount_received if paid else intent.amount,
        currency=intent.currency,
        session=session_id,
        intent=intent.id,
        charge=charge.id if charge and paid else None,
        paid_at=_moment(charge.created if charge else intent.created) if paid else None,
        failure=failure,
        settlement=_settlement(charge) if paid and charge else None,
    )


def _closed(state: PresentState) -> PresentState:
    return replace(state, standing="failed", failure=("expired", "The checkout session expired."))


def _settlement(charge: stripe.Charge) -> Settlement | None:
    """Capture is asynchronous, so the balance transaction may be missing at success."""
    transaction = charge.balance_transaction
    if not isinstance(transaction, stripe.BalanceTransaction):
        return None
    gross = from_stripe(transaction.amount, transaction.currency)
    return Settlement(
        gross=gross.amount,
        fee=from_stripe(transaction.fee, transaction.currency).amount,
        currency=gross.currency,
        balance_transaction=transaction.id,
        date=_moment(transaction.created).date(),
    )


def mapping(metadata: stripe.StripeObject | dict[str, str] | None) -> dict[str, str]:
    """A StripeObject is no dict: `.get` on one raises."""
    if metadata is None:
        return {}
    return metadata.to_dict() if isinstance(metadata, stripe.StripeObject) else dict(metadata)


def _number(text: str | None) -> int:
    return int(text) if text and text.isdecimal() else 0


def _moment(timestamp: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC)
