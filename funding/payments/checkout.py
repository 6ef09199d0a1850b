"""Taking a payer to Stripe's checkout page, and back again after anything that can go wrong."""

import datetime
import logging
import uuid
from typing import Any

import stripe
from django.utils import timezone, translation
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import in_transaction, inside_transaction, use_case
from funding.ledger.models import Pool
from funding.payments import (
    jobs,
    mandates,
    outcomes,
    present_state,
    progress,
    sessions,
    subscriptions,
)
from funding.payments.models import Invoice, Mandate, Payment, Status, Subscription
from funding.payments.sessions import Row
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
    mandate: Mandate | None = None,
) -> Payment:
    """Record a payment to be made, as a part of the use case that asks for it.

    With ``form_token`` a form sent twice finds the payment of its first sending. ``mandate``: the
    consent that this payment brings, or under which it will be charged. Raises the
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
        mandate=mandate,
    )
    with translation.override(language):
        payment.description = outcome.describe(payment)[:250]
    payment.save(force_insert=True)
    return payment


def begin_checkout(row: Row) -> str:
    """The address of the checkout page for this row; the same one as long as it is open.

    A payment is paid there once; a subscription begins there. Must run outside any transaction,
    after the row is committed. A repeated call, a double click or a crash between Stripe's answer
    and our commit all lead to the same session. Raises CheckoutUnavailable, AlreadyPaid,
    BeingConfirmed, NoLongerWanted.
    """
    if in_transaction():
        raise CallInsideTransaction("begin_checkout runs outside any transaction.")
    row = type(row).objects.get(pk=row.pk)
    _refuse_unless_payable(row)
    if reason := why_not_payable(row):
        raise NoLongerWanted(reason=reason)
    try:
        if row.stripe_session:
            session = client().v1.checkout.sessions.retrieve(row.stripe_session)
            if (
                session.status == "open"
                and session.url
                and not _asks_for_something_else(row, session)
            ):
                return session.url
            if session.status == "open":
                _expire(row, session)
            if session.status == "complete" and not _failed_for_good(row, session):
                # The webhook is on its way, or lost: look now rather than take money twice.
                with use_case():
                    _look_now(row)
                raise BeingConfirmed
        if isinstance(row, Payment) and (charged := mandates.find_charge(row)) is not None:
            with use_case():
                progress.apply(row.pk, charged)
            raise BeingConfirmed
        if row.stripe_session or _is_too_old(row) or _was_charged_unattended(row):
            row = _next_attempt(row)
        return _keep(row, _create_session(row))
    except stripe.StripeError as error:
        transient = isinstance(error, stripe.APIConnectionError | stripe.APIError)
        logger.log(
            logging.WARNING if transient else logging.ERROR,
            "Checkout of %s %s: %r",
            type(row).__name__,
            row.public_id,
            error,
        )
        raise CheckoutUnavailable from error


def why_not_payable(row: Row) -> str:
    """Why nobody should pay this any more, in the language in force; "" while it is wanted."""
    asked = row if isinstance(row, Payment) else subscriptions.a_payment_of(row)
    return outcomes.outcome_of(row.purpose).why_not_payable(asked)


def _refuse_unless_payable(row: Row) -> None:
    if isinstance(row, Subscription):
        if row.status == Subscription.Status.ENDED:
            raise NoLongerWanted(reason=subscriptions.SubscriptionEnded())
        if row.status != Subscription.Status.PENDING:
            raise AlreadyPaid
        return
    if row.is_paid:
        raise AlreadyPaid
    if not row.can_be_tried:
        raise BeingConfirmed


def _look_now(row: Row) -> None:
    if isinstance(row, Payment):
        jobs.check_payment.enqueue(payment_id=row.pk)
    else:
        jobs.check_subscription.enqueue(subscription_id=row.pk)


def _is_too_old(row: Row) -> bool:
    """Whether the present attempt, whose session we do not know, can no longer be repeated."""
    started = row.attempt_started_at
    return started is None or timezone.now() - started > REPEAT_WITHIN


def _was_charged_unattended(row: Row) -> bool:
    """Whether the present attempt was a charge without the payer, and failed."""
    return isinstance(row, Payment) and row.status == Status.FAILED


def _asks_for_something_else(row: Row, session: stripe.checkout.Session) -> bool:
    """Whether the payer agreed to be charged again, or no longer, since the page was made."""
    return isinstance(row, Payment) and row.asks_for_card != bool(session.customer)


def _failed_for_good(row: Row, session: stripe.checkout.Session) -> bool:
    """Whether a page that was completed (a bank debit) brought nothing in the end."""
    if not isinstance(row, Payment) or row.status != Status.FAILED:
        return False
    return present_state.of_session(session.id).standing == "failed"


def _expire(row: Row, session: stripe.checkout.Session) -> None:
    key = {"idempotency_key": f"{_key(row)}-expire"}
    try:
        client().v1.checkout.sessions.expire(session.id, {}, key)  # type: ignore[arg-type]
    except stripe.InvalidRequestError as error:
        # Paid on it, or expired, at this very moment.
        with use_case():
            _look_now(row)
        raise BeingConfirmed from error


def _lock(row: Row) -> Row:
    return progress.lock(row.pk) if isinstance(row, Payment) else subscriptions.lock(row.pk)


def _next_attempt(row: Row) -> Row:
    """Begin a new attempt, unless somebody else did since ``row`` was read."""
    with use_case():
        locked = _lock(row)
        _refuse_unless_payable(locked)
        if locked.attempt == row.attempt:
            locked.attempt += 1
            locked.attempt_started_at = timezone.now()
            locked.stripe_session = None
            if isinstance(locked, Payment) and locked.status == Status.FAILED:
                progress.step(locked, Status.PENDING)
                locked.failure_code = locked.failure_message = ""
            locked.save()
    return locked


def _key(row: Row) -> str:
    """Stripe's idempotency key of the present attempt."""
    name = "payment" if isinstance(row, Payment) else "subscription"
    return f"{name}-{row.public_id}-{row.attempt}"


def _create_session(row: Row) -> stripe.checkout.Session:
    """Ask Stripe for the session of the present attempt; asking again gives the same one."""
    parameters: Any = sessions.parameters(row, SESSION_LIFETIME)
    try:
        return client().v1.checkout.sessions.create(parameters, {"idempotency_key": _key(row)})
    except (stripe.IdempotencyError, stripe.APIError) as error:
        if error.http_status == 409:  # the same request is under way in another tab
            raise
        # Stripe saves this answer under the key and would give it again. It may have made the
        # session all the same, so look for it; else the next try gets a key of its own.
        session = _find_session(row)
        if session is None:
            _next_attempt(row)
            raise
        return session


def _find_session(row: Row) -> stripe.checkout.Session | None:
    """The open session of the present attempt, if Stripe has one that we never heard of."""
    assert row.attempt_started_at is not None
    # Clocks differ a little; our metadata decides.
    since = int(row.attempt_started_at.timestamp()) - 300
    found = client().v1.checkout.sessions.list(
        {"created": {"gte": since}, "status": "open", "limit": 100}
    )
    wanted = sessions.metadata(row)
    for session in found.auto_paging_iter():
        if present_state.mapping(session.metadata) == wanted:
            return session
    return None


def _keep(row: Row, session: stripe.checkout.Session) -> str:
    """Note the session on our row and return its address."""
    with use_case():
        locked = _lock(row)
        _refuse_unless_payable(locked)
        if locked.attempt != row.attempt or not session.url:
            raise CheckoutUnavailable
        locked.stripe_session = session.id
        locked.save()
    return session.url
