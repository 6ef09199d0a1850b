"""Charging a card while its owner is not there, for a purpose to which they agreed.

The consent is given with a payment that the payer makes on the checkout page; the card of that
payment is kept, and later payments under the same consent are charged to it. Each such payment is
announced first by the purpose's own package. One try: what is declined is paid by hand.
"""

import logging
from typing import Any

import stripe
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import in_transaction, inside_transaction, use_case
from funding.payments import customers, outcomes, present_state, progress
from funding.payments.models import Mandate, Payment, Status
from funding.payments.present_state import PresentState
from funding.payments.stripe_client import CallInsideTransaction, client
from funding.payments.stripe_units import to_stripe

logger = logging.getLogger(__name__)


@inside_transaction
def agree(*, purpose: str, purpose_id: int, user: User | None, email: str, name: str) -> Mandate:
    """The consent to be charged for one purpose; the same one while it stands.

    Without a card it allows nothing yet: the card comes with the payment that carries it.
    """
    customer = customers.customer_for(
        customers.key_of(user, f"{purpose}:{purpose_id}"), email=email, name=name
    )
    mandate, _made = Mandate.objects.get_or_create(
        purpose=purpose,
        purpose_id=purpose_id,
        revoked_at=None,
        defaults={"customer": customer},
    )
    return mandate


def standing(purpose: str, purpose_id: int) -> Mandate | None:
    """The consent that stands and has a card, for one purpose."""
    return (
        Mandate.objects.select_related("card", "customer")
        .filter(purpose=purpose, purpose_id=purpose_id, revoked_at=None, card__isnull=False)
        .first()
    )


@inside_transaction
def revoke(purpose: str, purpose_id: int, *, by: User | None, reason: str = "") -> None:
    """End the consent; nothing more is charged under it. Twice is once."""
    found = Mandate.objects.select_for_update().filter(
        purpose=purpose, purpose_id=purpose_id, revoked_at=None
    )
    for mandate in found:
        mandate.revoked_at = timezone.now()
        mandate.save(update_fields=["revoked_at"])
        audit.record("payments.revoke_mandate", mandate, by=by, reason=reason)


def keep_card(payment_id: int) -> None:
    """Keep the card of a paid payment that brought a consent. Raises stripe.StripeError."""
    payment = Payment.objects.select_related("mandate__customer").get(pk=payment_id)
    asked = payment.mandate
    if asked is None or not payment.asks_for_card:
        return
    if not payment.is_paid or not payment.stripe_intent:
        return
    intent = client().v1.payment_intents.retrieve(
        payment.stripe_intent, {"expand": ["payment_method"]}
    )
    seen = customers.read_card(intent.payment_method)
    # Paid by an earlier page that did not ask: then there is nothing that may be charged.
    if seen is None or not intent.customer or intent.setup_future_usage != "off_session":
        return
    with use_case():
        mandate = Mandate.objects.select_for_update(of=("self",)).get(pk=asked.pk)
        if mandate.card_id is None and mandate.revoked_at is None:
            mandate.card = customers.keep_card(mandate.customer, seen)
            mandate.save(update_fields=["card"])
            audit.record("payments.mandate_has_card", mandate, by=None)


def charge(payment_id: int) -> None:
    """Charge a payment to the card of its consent, unless it is paid or no longer wanted.

    Outside any transaction. However often it runs, the payer is charged once: the key is made of
    the row, and a checkout page that is still open is closed first. Raises stripe.StripeError where
    Stripe did not answer (the job comes again).
    """
    if in_transaction():
        raise CallInsideTransaction("charge runs outside any transaction.")
    payment = Payment.objects.select_related("mandate__card", "mandate__customer").get(
        pk=payment_id
    )
    if not _may_be_charged(payment):
        return
    if payment.stripe_session and not _close_page(payment):
        return
    state = find_charge(payment) or _ask(_begin(payment))
    with use_case():
        progress.apply(payment.pk, state)


def find_charge(payment: Payment) -> PresentState | None:
    """A charge of this payment whose answer never came, unless it brought nothing.

    Outside any transaction. Raises stripe.StripeError.
    """
    mandate, begun = payment.mandate, payment.attempt_started_at
    if mandate is None or mandate.card_id is None or begun is None:
        return None
    if not mandate.customer.stripe_customer:
        return None
    # Clocks differ a little; our metadata decides.
    listed = client().v1.payment_intents.list(
        {
            "customer": mandate.customer.stripe_customer,
            "created": {"gte": int(begun.timestamp()) - 300},
            "limit": 100,
        }
    )
    for intent in listed.auto_paging_iter():
        named = present_state.mapping(intent.metadata).get("payment")
        if named == str(payment.public_id) and intent.status in ("succeeded", "processing"):
            return present_state.of_intent(intent.id)
    return None


def _ask(payment: Payment) -> PresentState:
    """Charge the card and read what came of it; a refusal is an answer too."""
    parameters, options = _call(payment)
    try:
        return present_state.of_intent(client().v1.payment_intents.create(parameters, options).id)
    except stripe.CardError as error:
        intent = getattr(error.error, "payment_intent", None)
        if intent is None:
            raise
        return present_state.of_intent(intent.id)
    except stripe.IdempotencyError:
        raise  # a fault of the program, not of the card
    except stripe.InvalidRequestError as error:
        # The card was taken away at Stripe: no intent was made, and the payer is told as ever.
        logger.warning("Payment %s cannot be charged: %r", payment.public_id, error)
        amount, currency = to_stripe(payment.money)
        return PresentState(
            standing="failed",
            payment=str(payment.public_id),
            attempt=payment.attempt,
            amount=amount,
            currency=currency,
            failure=("no_card", str(error)),
        )


def _may_be_charged(payment: Payment) -> bool:
    mandate = payment.mandate
    if mandate is None or mandate.revoked_at is not None or mandate.card is None:
        return False
    if payment.status != Status.PENDING:
        return False
    return not outcomes.outcome_of(payment.purpose).why_not_payable(payment)


def _close_page(payment: Payment) -> bool:
    """Close the checkout page that the payer left open. False where they paid there meanwhile."""
    session = client().v1.checkout.sessions.retrieve(payment.stripe_session or "")
    if session.status == "open":
        key = f"payment-{payment.public_id}-{payment.attempt}-expire"
        client().v1.checkout.sessions.expire(session.id, {}, {"idempotency_key": key})
        return True
    return session.status == "expired"


def _begin(payment: Payment) -> Payment:
    """The attempt that the charge is: a new one, unless it was begun by a run that broke off."""
    if payment.attempt and not payment.stripe_session:
        return payment
    with use_case():
        locked = progress.lock(payment.pk)
        if locked.attempt == payment.attempt:
            locked.attempt += 1
            locked.attempt_started_at = timezone.now()
            locked.stripe_session = None
            locked.save()
    return Payment.objects.select_related("mandate__card", "mandate__customer").get(pk=payment.pk)


def _call(payment: Payment) -> tuple[Any, Any]:
    """Parameters and options, made from the row alone."""
    mandate = payment.mandate
    assert mandate is not None
    assert mandate.card is not None
    amount, currency = to_stripe(payment.money)
    parameters = {
        "amount": amount,
        "currency": currency,
        "customer": mandate.customer.stripe_customer,
        "payment_method": mandate.card.stripe_payment_method,
        "payment_method_types": ["card"],
        "confirm": True,
        "off_session": True,
        "description": payment.description,
        "metadata": {"payment": str(payment.public_id), "attempt": str(payment.attempt)},
    }
    return parameters, {"idempotency_key": f"charge-{payment.public_id}-{payment.attempt}"}
