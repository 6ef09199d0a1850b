"""The events of agreements that recur, and looking at one without an event."""

import contextlib
import uuid
from dataclasses import dataclass
from typing import Any

import stripe

from core.transactions import use_case
from funding.payments import subscription_state, subscriptions
from funding.payments.handlers import Applied, Handler
from funding.payments.models import Subscription
from funding.payments.stripe_client import client
from funding.payments.subscription_state import Seen


@dataclass(frozen=True, slots=True)
class Found:
    """An agreement of ours and what Stripe says of it now."""

    subscription_id: int
    seen: Seen


def _ours(seen: Seen | None) -> Found | None:
    if seen is None or seen.agreement is None:
        return None
    found = (
        _by_public_id(seen.agreement.ours)
        or Subscription.objects.filter(stripe_subscription=seen.agreement.stripe_id).first()
    )
    return Found(found.pk, seen) if found else None


def _by_public_id(named: str) -> Subscription | None:
    try:
        return Subscription.objects.filter(public_id=uuid.UUID(named)).first() if named else None
    except ValueError:
        return None


def _fetch_session(thing: dict[str, Any]) -> Found | None:
    if thing.get("mode") != "subscription":
        return None
    return _ours(subscription_state.of_session(str(thing.get("id"))))


def _fetch_subscription(thing: dict[str, Any]) -> Found | None:
    return _ours(subscription_state.of_subscription(str(thing.get("id"))))


def _fetch_invoice(thing: dict[str, Any]) -> Found | None:
    invoice = client().v1.invoices.retrieve(str(thing.get("id")))
    agreement = subscription_state.agreement_of(invoice)
    if not agreement:
        return None
    return _ours(subscription_state.of_subscription(agreement, invoice.id or ""))


def _apply(found: Found) -> Applied:
    payment, problem = subscriptions.apply(found.subscription_id, found.seen)
    return Applied(payment, problem)


_SESSION = Handler(_fetch_session, _apply)
_SUBSCRIPTION = Handler(_fetch_subscription, _apply)
_INVOICE = Handler(_fetch_invoice, _apply)

HANDLERS: dict[str, Handler[Any]] = {
    "checkout.session.completed": _SESSION,
    "checkout.session.async_payment_succeeded": _SESSION,
    "checkout.session.async_payment_failed": _SESSION,
    "customer.subscription.created": _SUBSCRIPTION,
    "customer.subscription.updated": _SUBSCRIPTION,
    "customer.subscription.deleted": _SUBSCRIPTION,
    "invoice.paid": _INVOICE,
    "invoice.payment_failed": _INVOICE,
    "invoice.voided": _INVOICE,
}


def check(subscription_id: int) -> None:
    """Apply what Stripe says now, without an event that asks for it. Raises stripe.StripeError."""
    subscription = Subscription.objects.get(pk=subscription_id)
    seen = None
    if subscription.stripe_subscription:
        seen = subscription_state.of_subscription(subscription.stripe_subscription)
    elif subscription.stripe_session:
        seen = subscription_state.of_session(subscription.stripe_session)
    if seen is not None:
        with use_case():
            subscriptions.apply(subscription_id, seen)


# --- What our rows ask of Stripe ------------------------------------------------------------------


def retry(subscription_id: int, *, by_hand: str = "") -> None:
    """Try the open invoice of a failing agreement again, and apply what came of it.

    The key is made of what was tried before, so a job that runs twice charges once. ``by_hand``
    names a try that a person asked for: it has a key of its own and does not count towards
    RETRY_DAYS.
    """
    subscription = Subscription.objects.get(pk=subscription_id)
    invoice, tried = subscription.failing_invoice, subscription.failures
    if subscription.status != Subscription.Status.FAILING or not invoice:
        return
    code = ""
    try:
        client().v1.invoices.pay(
            invoice,
            {"off_session": True},
            {"idempotency_key": f"retry-{subscription.public_id}-{invoice}-{by_hand or tried}"},
        )
    except stripe.CardError as error:
        code = _code_of(error)
    except stripe.InvalidRequestError:
        # Paid, or void, or no card any more: what it is, the invoice says.
        code = "no_card"
    bill = subscription_state.of_invoice(invoice)
    seen = subscription_state.of_subscription(subscription.stripe_subscription or "", invoice)
    with use_case():
        subscriptions.apply(subscription_id, seen)
        if code and bill.status == "open" and by_hand:
            subscriptions.note_try_by_hand(subscription_id, invoice=invoice, code=code)
        elif code and bill.status == "open":
            subscriptions.still_failing(subscription_id, invoice=invoice, tried=tried, code=code)
        elif bill.status == "open" and not bill.failure:
            subscriptions.wait_for_the_bank(subscription_id, invoice=invoice, tried=tried)


def _code_of(error: stripe.CardError) -> str:
    detail = error.error
    return str(getattr(detail, "decline_code", None) or error.code or "unknown")


def end_now(stripe_subscription: str) -> None:
    """End an agreement at Stripe; one that has ended stays so."""
    try:
        client().v1.subscriptions.cancel(stripe_subscription)
    except stripe.InvalidRequestError as error:
        if error.http_status != 404:
            raise


def end_agreement(subscription_id: int) -> None:
    """Tell Stripe that our row has ended: its subscription, and a checkout page still open."""
    subscription = Subscription.objects.get(pk=subscription_id)
    if subscription.stripe_subscription:
        end_now(subscription.stripe_subscription)
        return
    if not subscription.stripe_session:
        return
    session = client().v1.checkout.sessions.retrieve(subscription.stripe_session)
    if session.status == "open":
        client().v1.checkout.sessions.expire(
            session.id, {}, {"idempotency_key": f"subscription-{subscription.public_id}-expire"}
        )
    elif session.subscription:
        end_now(str(session.subscription))


def end_with_period(subscription_id: int) -> None:
    """Tell Stripe to end the agreement with the period that was paid."""
    _update(subscription_id, "end", {"cancel_at_period_end": True})


def pause(subscription_id: int, invoice: str) -> None:
    """Tell Stripe to charge no more, and that the invoice nobody could pay is owed no more.

    A gift is no debt: what was missed is not asked for again.
    """
    stands = Subscription.objects.get(pk=subscription_id).status == Subscription.Status.PAUSED
    if stands:  # else the payer resumed it before Stripe could be told
        _update(subscription_id, f"pause-{invoice}", {"pause_collection": {"behavior": "void"}})
    # Paid or void meanwhile: its own event says so.
    with contextlib.suppress(stripe.InvalidRequestError):
        client().v1.invoices.void_invoice(invoice, {}, {"idempotency_key": f"void-{invoice}"})
    if not stands:
        check(subscription_id)


def resume(subscription_id: int) -> None:
    """Tell Stripe to charge again from the next period on."""
    _update(subscription_id, f"resume-{uuid.uuid4()}", {"pause_collection": ""})


def _update(subscription_id: int, what: str, changes: Any) -> None:
    subscription = Subscription.objects.get(pk=subscription_id)
    if not subscription.stripe_subscription:
        return
    try:
        client().v1.subscriptions.update(
            subscription.stripe_subscription,
            changes,
            {"idempotency_key": f"subscription-{subscription.public_id}-{what}"},
        )
    except stripe.InvalidRequestError:
        check(subscription_id)  # ended at Stripe meanwhile: our row learns it
        return
    check(subscription_id)
