"""The events that can move a payment: checkout sessions, payment intents, charges."""

import uuid
from dataclasses import dataclass
from typing import Any

from core.transactions import use_case
from funding.payments import present_state, progress
from funding.payments.handlers import Applied, Handler
from funding.payments.models import Payment
from funding.payments.present_state import PresentState


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment of ours and what Stripe says of it now."""

    payment: Payment
    state: PresentState


def _fetch_session(thing: dict[str, Any]) -> Seen | None:
    payment = _named(thing) or Payment.objects.filter(stripe_session=str(thing.get("id"))).first()
    if payment is None:
        return None
    return Seen(payment, present_state.of_session(str(thing.get("id"))))


def _fetch_intent(thing: dict[str, Any]) -> Seen | None:
    return _seen(thing, thing.get("id"))


def _fetch_charge(thing: dict[str, Any]) -> Seen | None:
    return _seen(thing, thing.get("payment_intent"))


def _seen(thing: dict[str, Any], intent: object) -> Seen | None:
    payment = _named(thing) or Payment.objects.filter(stripe_intent=str(intent)).first()
    if payment is None or not isinstance(intent, str):
        return None
    return Seen(payment, present_state.of_intent(intent))


def _named(thing: dict[str, Any]) -> Payment | None:
    """The payment that our own metadata on Stripe's object names."""
    metadata = thing.get("metadata")
    return _by_public_id(metadata.get("payment") if isinstance(metadata, dict) else None)


def _by_public_id(named: object) -> Payment | None:
    try:
        return Payment.objects.filter(public_id=uuid.UUID(str(named))).first() if named else None
    except ValueError:
        return None


def _apply(seen: Seen) -> Applied:
    return Applied(seen.payment, progress.apply(seen.payment.pk, seen.state))


def counts(payment: Payment, intent: str | None, charge: str | None) -> bool:
    """Whether this is the charge that the payment counts; another attempt's money is not its own."""
    if payment.stripe_intent is None:
        return True
    return payment.stripe_intent == intent or payment.stripe_charge == charge


def of_charge(intent: str | None, charge: str | None) -> Payment | None:
    """The payment whose charge (or payment intent) this is, or None where it is not ours.

    News of a refund or of a dispute may overtake the news of the payment: Stripe is asked then, and
    the payment brought up to date. Runs outside a transaction. Raises stripe.StripeError.
    """
    payment = Payment.objects.filter(stripe_intent=intent).first() if intent else None
    if payment is None and charge:
        payment = Payment.objects.filter(stripe_charge=charge).first()
    if payment is not None or intent is None:
        return payment
    state = present_state.of_intent(intent)
    named = _by_public_id(state.payment)
    if named is not None:
        with use_case():
            progress.apply(named.pk, state)
        named.refresh_from_db()
    return named


_SESSION = Handler(_fetch_session, _apply)
_INTENT = Handler(_fetch_intent, _apply)
_CHARGE = Handler(_fetch_charge, _apply)

HANDLERS: dict[str, Handler[Any]] = {
    "checkout.session.completed": _SESSION,
    "checkout.session.async_payment_succeeded": _SESSION,
    "checkout.session.async_payment_failed": _SESSION,
    "checkout.session.expired": _SESSION,
    "payment_intent.processing": _INTENT,
    "payment_intent.succeeded": _INTENT,
    "payment_intent.payment_failed": _INTENT,
    "payment_intent.canceled": _INTENT,
    "charge.updated": _CHARGE,
}
