"""Taking a payer to Stripe's checkout page, and back again after anything that can go wrong."""

import datetime
import logging
import uuid
from typing import Any

import stripe
from django.conf import settings
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import in_transaction, inside_transaction, use_case
from funding.ledger.models import Pool
from funding.payments import jobs, outcomes, present_state, progress
from funding.payments.models import Invoice, Payment, Status
from funding.payments.stripe_client import CallInsideTransaction, client
from funding.payments.stripe_units import to_stripe

logger = logging.getLogger(__name__)

# A session must be payable for half an hour at least. An attempt whose session we never heard of
# is repeated (same idempotency key, same parameters) within the first hour and then given up.
SESSION_LIFETIME = datetime.timedelta(hours=2)
REPEAT_WITHIN = datetime.timedelta(hours=1)


class CheckoutUnavailable(Refusal):
    message = _(
        "The card payment page cannot be reached at the moment. Nothing was taken. "
        "Try again in a few minutes."
    )


class AlreadyPaid(Refusal):
    message = _("This payment has been made already.")


class BeingConfirmed(Refusal):
    message = _("This payment is being confirmed. Look again in a moment.")


class NoLongerWanted(Refusal):
    """What the payment was for has gone; the words are those of the purpose's own rule."""

    message = "%(reason)s"


@inside_transaction
def open_payment(
    *,
    purpose: str,
    purpose_id: int,
    pool: Pool,
    amount: Money,
    payer_name: str,
    payer_email: str,
    language: str,
    user: User | None = None,
    invoice: Invoice | None = None,
    form_token: uuid.UUID | None = None,
) -> Payment:
    """Record a payment to be made, as a part of the use case that asks for it.

    With ``form_token`` a form sent twice finds the payment of its first sending. Raises the
    refusals of stripe_units.to_stripe where a card cannot pay the amount.
    """
    if form_token is not None:
        existing = Payment.objects.filter(form_token=form_token).first()
        if existing is not None:
            return existing
    to_stripe(amount)
    outcome = outcomes.outcome_of(purpose)
    payment = Payment(
        purpose=purpose,
        purpose_id=purpose_id,
        pool=pool,
        invoice=invoice,
        amount=amount.amount,
        currency=amount.currency,
        payer_name=payer_name,
        payer_email=payer_email,
        language=language,
        user=user,
        form_token=form_token,
    )
    with translation.override(language):
        payment.description = outcome.describe(payment)[:250]
    payment.save(force_insert=True)
    return payment


def begin_checkout(payment: Payment) -> str:
    """The address of the checkout page for this payment; the same one as long as it is open.

    Must run outside any transaction, after the payment is committed. A repeated call, a double
    click or a crash between Stripe's answer and our commit all lead to the same session. Raises
    CheckoutUnavailable, AlreadyPaid, BeingConfirmed, NoLongerWanted.
    """
    if in_transaction():
        raise CallInsideTransaction("begin_checkout runs outside any transaction.")
    payment = Payment.objects.get(pk=payment.pk)
    _refuse_unless_payable(payment)
    if reason := outcomes.outcome_of(payment.purpose).why_not_payable(payment):
        raise NoLongerWanted(reason=reason)
    try:
        if payment.stripe_session:
            session = client().v1.checkout.sessions.retrieve(payment.stripe_session)
            if session.status == "open" and session.url:
                return session.url
            if session.status == "complete":
                # The webhook is on its way, or lost: look now rather than take money twice.
                with use_case():
                    jobs.check_payment.enqueue(payment_id=payment.pk)
                raise BeingConfirmed
        if payment.stripe_session or _is_too_old(payment):
            payment = _next_attempt(payment)
        return _keep(payment, _create_session(payment))
    except stripe.StripeError as error:
        transient = isinstance(error, stripe.APIConnectionError | stripe.APIError)
        logger.log(
            logging.WARNING if transient else logging.ERROR,
            "Checkout of payment %s: %r",
            payment.public_id,
            error,
        )
        raise CheckoutUnavailable from error


def _refuse_unless_payable(payment: Payment) -> None:
    if payment.is_paid:
        raise AlreadyPaid
    if not payment.can_be_tried:
        raise BeingConfirmed


def _is_too_old(payment: Payment) -> bool:
    """Whether the present attempt, whose session we do not know, can no longer be repeated."""
    started = payment.attempt_started_at
    return started is None or timezone.now() - started > REPEAT_WITHIN


def _next_attempt(payment: Payment) -> Payment:
    """Begin a new attempt, unless somebody else did since ``payment`` was read."""
    with use_case():
        locked = progress.lock(payment.pk)
        _refuse_unless_payable(locked)
        if locked.attempt == payment.attempt:
            locked.attempt += 1
            locked.attempt_started_at = timezone.now()
            locked.stripe_session = None
            if locked.status == Status.FAILED:
                progress.step(locked, Status.PENDING)
                locked.failure_code = locked.failure_message = ""
            locked.save()
    return locked


def _create_session(payment: Payment) -> stripe.checkout.Session:
    """Ask Stripe for the session of the present attempt; asking again gives the same one."""
    key = f"payment-{payment.public_id}-{payment.attempt}"
    try:
        return client().v1.checkout.sessions.create(
            _session_parameters(payment), {"idempotency_key": key}
        )
    except (stripe.IdempotencyError, stripe.APIError) as error:
        if error.http_status == 409:  # the same request is under way in another tab
            raise
        # Stripe saves this answer under the key and would give it again. It may have made the
        # session all the same, so look for it; else the next try gets a key of its own.
        session = _find_session(payment)
        if session is None:
            _next_attempt(payment)
            raise
        return session


def _session_parameters(payment: Payment) -> Any:
    """Made from the row alone: a repeated call must send exactly what the first one sent."""
    assert payment.attempt_started_at is not None
    amount, currency = to_stripe(payment.money)
    page = settings.SITE_URL + payment.get_absolute_url()
    metadata = {"payment": str(payment.public_id), "attempt": str(payment.attempt)}
    return {
        "mode": "payment",
        "payment_method_types": ["card"],
        "client_reference_id": str(payment.public_id),
        "metadata": metadata,
        "payment_intent_data": {"metadata": metadata, "description": payment.description},
        "line_items": [
            {
                "quantity": 1,
                "price_data": {
                    "currency": currency,
                    "unit_amount": amount,
                    "product_data": {"name": payment.description},
                },
            }
        ],
        "customer_email": payment.payer_email,
        "locale": payment.language,
        "adaptive_pricing": {"enabled": False},
        "expires_at": int((payment.attempt_started_at + SESSION_LIFETIME).timestamp()),
        "success_url": f"{page}?returned=1",
        "cancel_url": f"{page}?left=1",
    }


def _find_session(payment: Payment) -> stripe.checkout.Session | None:
    """The open session of the present attempt, if Stripe has one that we never heard of."""
    assert payment.attempt_started_at is not None
    # Clocks differ a little; our metadata decides.
    since = int(payment.attempt_started_at.timestamp()) - 300
    sessions = client().v1.checkout.sessions.list(
        {"created": {"gte": since}, "status": "open", "limit": 100}
    )
    wanted = {"payment": str(payment.public_id), "attempt": str(payment.attempt)}
    for session in sessions.auto_paging_iter():
        if present_state.mapping(session.metadata) == wanted:
            return session
    return None


def _keep(payment: Payment, session: stripe.checkout.Session) -> str:
    """Note the session on the payment's row and return its address."""
    with use_case():
        locked = progress.lock(payment.pk)
        _refuse_unless_payable(locked)
        if locked.attempt != payment.attempt or not session.url:
            raise CheckoutUnavailable
        locked.stripe_session = session.id
        locked.save()
    return session.url
