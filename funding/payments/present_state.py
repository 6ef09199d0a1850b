"""What Stripe says now of one attempt to pay, read fresh and put into our words.

An event is only a trigger (rule 8): whatever it claims, its object is fetched and read here.
"""

import datetime
import logging
from dataclasses import dataclass, replace
from typing import Literal

import stripe

from funding.payments.models import Channel
from funding.payments.outcomes import Settlement
from funding.payments.stripe_client import client
from funding.payments.stripe_units import UnexpectedUnits, from_stripe

logger = logging.getLogger(__name__)

# Link pays by a card or an account that the payer keeps with Stripe, and settles as a card does.
BY_CARD = ("card", "link")

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
    channel: Channel = Channel.CARD


def of_session(session_id: str) -> PresentState:
    """The present state of a checkout session. Raises stripe.StripeError."""
    session = client().v1.checkout.sessions.retrieve(
        session_id, {"expand": _expanded("payment_intent.")}
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
    intent = client().v1.payment_intents.retrieve(intent_id, {"expand": _expanded("")})
    return _read_intent(intent, None)


def _expanded(path: str) -> list[str]:
    return [f"{path}latest_charge.balance_transaction", f"{path}payment_method"]


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
        channel=_channel(intent, charge),
    )


def _channel(intent: stripe.PaymentIntent, charge: stripe.Charge | None) -> Channel:
    """By what it is paid: the charge says so; before there is one, the method that was chosen."""
    details = charge.payment_method_details if charge else None
    method = intent.payment_method
    kind = details.type if details else getattr(method, "type", "card")
    return Channel.CARD if kind in BY_CARD else Channel.BANK_DEBIT


def _closed(state: PresentState) -> PresentState:
    return replace(state, standing="failed", failure=("expired", "The checkout session expired."))


def _settlement(charge: stripe.Charge) -> Settlement | None:
    """Capture is asynchronous, so the balance transaction may be missing at success.

    One that has no exact form in ISO units must not hide that the money came: the payment is paid
    and waits for its entry, and staff are called.
    """
    transaction = charge.balance_transaction
    if not isinstance(transaction, stripe.BalanceTransaction):
        return None
    try:
        gross = from_stripe(transaction.amount, transaction.currency)
        fee = from_stripe(transaction.fee, transaction.currency)
    except UnexpectedUnits:
        logger.exception("Balance transaction %s cannot be booked.", transaction.id)
        return None
    return Settlement(
        gross=gross.amount,
        fee=fee.amount,
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
