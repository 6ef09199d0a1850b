"""Paying an amount again and again: how an agreement begins, goes on, fails, pauses and ends.

Stripe charges by itself; each invoice of it that was paid makes exactly one payment of ours. What
Stripe says now is applied (`subscription_state` reads it), so events may come twice and in any
order. Nobody else tries a failed one again: Stripe's own retries are switched off
(docs/operating.md), ours follow RETRY_DAYS.
"""

import datetime
import logging
import uuid
from collections.abc import Callable

from django.utils import timezone, translation
from django.utils.formats import date_format

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.ledger.models import Pool
from funding.payments import customers, failures, jobs, outcomes, problems, progress
from funding.payments.models import Customer, Payment, Status, Subscription
from funding.payments.refusals import (
    CardHasExpired,
    NothingToTryAgain,
    SubscriptionEnded,
    SubscriptionNotBegun,
    SubscriptionNotPaused,
)
from funding.payments.stripe_units import to_stripe
from funding.payments.subscription_state import Agreement, Bill, Seen

__all__ = [
    "SubscriptionEnded",
    "a_payment_of",
    "apply",
    "cancel",
    "lock",
    "open_subscription",
    "resume",
    "try_again",
    "when_ended",
]

logger = logging.getLogger(__name__)

Standing = Subscription.Status

# Days from one failure to the next try. After the last of them the agreement pauses.
RETRY_DAYS = (3, 5, 7)

# What a purpose does when its agreement ends; registered in ``AppConfig.ready``.
_ends: dict[str, Callable[[int], None]] = {}


def when_ended(purpose: str, note: Callable[[int], None]) -> None:
    """Call ``note(purpose_id)``, in the transaction of the end, when an agreement ends."""
    _ends[purpose] = note


# --- Beginning ------------------------------------------------------------------------------------


@inside_transaction
def open_subscription(
    *,
    purpose: str,
    purpose_id: int,
    pool: Pool,
    amount: Money,
    interval: str,
    payer_name: str,
    payer_email: str,
    language: str,
    user: User | None = None,
    form_token: uuid.UUID | None = None,
) -> Subscription:
    """Record an agreement to pay ``amount`` each ``interval``; it begins with its first payment.

    A part of the use case that asks for it; `checkout.begin_checkout` follows its commit. Raises
    the refusals of stripe_units.to_stripe where a card cannot pay the amount.
    """
    if form_token is not None:
        existing = Subscription.objects.filter(form_token=form_token).first()
        if existing is not None:
            return existing
    to_stripe(amount)
    subscription = Subscription(
        purpose=purpose,
        purpose_id=purpose_id,
        pool=pool,
        amount=amount.amount,
        currency=amount.currency,
        interval=interval,
        payer_name=payer_name,
        payer_email=payer_email,
        language=language,
        user=user,
        form_token=form_token,
    )
    subscription.customer = customers.customer_for(
        customers.key_of(user, f"subscription:{subscription.public_id}"),
        email=payer_email,
        name=payer_name,
    )
    with translation.override(language):
        description = outcomes.outcome_of(purpose).describe(a_payment_of(subscription))
    subscription.description = description[:250]
    subscription.save(force_insert=True)
    return subscription


def a_payment_of(subscription: Subscription) -> Payment:
    """One payment of the agreement, not saved: what its purpose's handler is asked about."""
    return Payment(
        purpose=subscription.purpose,
        purpose_id=subscription.purpose_id,
        pool=subscription.pool,
        description=subscription.description,
        amount=subscription.amount,
        currency=subscription.currency,
        payer_name=subscription.payer_name,
        payer_email=subscription.payer_email,
        language=subscription.language,
        user=subscription.user,
    )


@inside_transaction
def lock(subscription_id: int) -> Subscription:
    """The agreement with its row locked until the transaction ends."""
    return (
        Subscription.objects.select_related("pool", "customer", "card", "user")
        .select_for_update(of=("self",))
        .get(pk=subscription_id)
    )


# --- What Stripe says -----------------------------------------------------------------------------


@inside_transaction
def apply(subscription_id: int, seen: Seen) -> tuple[Payment | None, str]:
    """Bring the agreement to what Stripe says now.

    Returns the payment that an invoice made, and what is wrong in words for staff ("" when all is
    well). Money that came is booked whatever the agreement's state.
    """
    subscription = lock(subscription_id)
    if seen.agreement is None:
        return None, ""
    problem = _take_over(subscription, seen.agreement)
    payment = None
    if seen.bill is not None:
        payment, of_bill = _apply_bill(subscription, seen.agreement, seen.bill)
        problem = problem or of_bill
    if problem:
        logger.error("Subscription %s: %s", subscription.public_id, problem)
    return payment, problem


def _take_over(subscription: Subscription, agreement: Agreement) -> str:
    """Note how the agreement stands at Stripe. Returns what is wrong."""
    if subscription.stripe_subscription not in (None, agreement.stripe_id):
        if not agreement.over:
            jobs.end_at_stripe.enqueue(stripe_subscription=agreement.stripe_id)
        return (
            f"Begun twice: {agreement.stripe_id} beside {subscription.stripe_subscription}. "
            "The second is being ended."
        )
    subscription.stripe_subscription = agreement.stripe_id
    if subscription.customer is not None and agreement.card is not None:
        subscription.card = customers.keep_card(subscription.customer, agreement.card)
    if subscription.status == Standing.ENDED:
        # It stays ended, whatever Stripe thinks; Stripe is told (again).
        if not agreement.over:
            jobs.end_at_stripe.enqueue(stripe_subscription=agreement.stripe_id)
        subscription.save()
        return ""
    subscription.next_on = agreement.next_on
    subscription.ends_on = agreement.ends_on
    if subscription.started_at is None and agreement.begun:
        subscription.started_at = timezone.now()
        audit.record("payments.subscription_began", subscription, by=None)
        tell(subscription, "payments_subscription_began")
    if agreement.over:
        _end(subscription)
        audit.record("payments.subscription_ended", subscription, by=None, reason="at Stripe")
    elif agreement.begun:
        subscription.status = _standing(subscription, paused=agreement.paused)
    subscription.save()
    return ""


def _standing(subscription: Subscription, *, paused: bool) -> str:
    if paused or subscription.failures > len(RETRY_DAYS):
        return Standing.PAUSED
    return Standing.FAILING if subscription.failing_invoice else Standing.ACTIVE


def _end(subscription: Subscription) -> None:
    subscription.status = Standing.ENDED
    subscription.ended_at = timezone.now()
    subscription.next_on = None
    _clear_failure(subscription)
    if note := _ends.get(subscription.purpose):
        note(subscription.purpose_id)


def _clear_failure(subscription: Subscription) -> None:
    subscription.failing_invoice = subscription.failure_code = ""
    subscription.failures = 0
    subscription.retry_on = None


# --- One invoice ----------------------------------------------------------------------------------


def _apply_bill(
    subscription: Subscription, agreement: Agreement, bill: Bill
) -> tuple[Payment | None, str]:
    if bill.status == "paid":
        payment, problem = _book(subscription, bill)
        if payment is not None and subscription.failing_invoice == bill.stripe_id:
            _mend(subscription, agreement)
        return payment, problem
    if bill.status in ("void", "uncollectible"):
        if subscription.failing_invoice == bill.stripe_id:
            # Not owed any more; the code stays, for it is still why it paused.
            _mend(subscription, agreement, code=subscription.failure_code)
        return None, ""
    if bill.failure and bill.status == "open" and subscription.status != Standing.ENDED:
        _note_failure(subscription, bill)
    return None, ""


def _book(subscription: Subscription, bill: Bill) -> tuple[Payment | None, str]:
    """The one payment of a paid invoice."""
    known = Payment.objects.filter(stripe_invoice=bill.stripe_id).first()
    if known is not None:
        if known.entry_id is None:
            jobs.settle_payment.enqueue(payment_id=known.pk)
        return known, ""
    if (bill.paid, bill.currency) != to_stripe(subscription.money):
        return None, (
            f"Stripe took {bill.paid} {bill.currency} (in its units) by {bill.stripe_id}, agreed "
            f"were {subscription.money}: it is not counted."
        )
    if bill.intent is None or bill.charge is None:
        return None, f"Stripe says that {bill.stripe_id} is paid and names no charge."
    payment = a_payment_of(subscription)
    payment.subscription = subscription
    payment.stripe_invoice = bill.stripe_id
    payment.stripe_intent = bill.intent
    payment.stripe_charge = bill.charge
    payment.channel = bill.channel
    payment.status = Status.SUCCEEDED
    payment.succeeded_at = bill.paid_at or timezone.now()
    payment.save(force_insert=True)
    if unexpected := _why_not_expected(subscription, bill):
        problems.add(payment, unexpected)
    progress.record_arrival(payment)
    jobs.settle_payment.enqueue(payment_id=payment.pk)
    return payment, ""


def _why_not_expected(subscription: Subscription, bill: Bill) -> str:
    """What staff must look at although the money is booked."""
    if subscription.stripe_subscription != bill.agreement:
        return "By a second agreement that was begun by mistake and is being ended."
    ended = subscription.ended_at
    if ended is not None and bill.paid_at is not None and bill.paid_at > ended:
        return (
            f"Charged on {bill.paid_at:%Y-%m-%d} after the agreement had ended on {ended:%Y-%m-%d}. "
            "The agreement stays ended; ask the payer whether to give the money back."
        )
    return ""


def _mend(subscription: Subscription, agreement: Agreement, *, code: str = "") -> None:
    _clear_failure(subscription)
    subscription.failure_code = code
    if subscription.status != Standing.ENDED:
        subscription.status = _standing(subscription, paused=agreement.paused)
    subscription.save()


# --- When a payment fails -------------------------------------------------------------------------


def _note_failure(subscription: Subscription, bill: Bill) -> None:
    """The first failure of an invoice. Those that follow are counted where they are tried."""
    if subscription.failing_invoice == bill.stripe_id:
        if subscription.status == Standing.FAILING and subscription.retry_on is None:
            _count_failure(subscription, bill.failure)  # the bank’s answer to a try of ours
        return
    if subscription.status in (Standing.PENDING, Standing.PAUSED):
        return
    if Payment.objects.filter(stripe_invoice=bill.stripe_id).exists():
        return  # old news that was overtaken: it is paid by now
    subscription.failing_invoice = bill.stripe_id
    subscription.failures = 0
    _count_failure(subscription, bill.failure)


@inside_transaction
def still_failing(subscription_id: int, *, invoice: str, tried: int, code: str) -> None:
    """A try of ours failed too. ``tried``: how many failures there were before it."""
    subscription = lock(subscription_id)
    if (subscription.failing_invoice, subscription.failures) != (invoice, tried):
        return
    _count_failure(subscription, code)


@inside_transaction
def note_try_by_hand(subscription_id: int, *, invoice: str, code: str) -> None:
    """A try that a person asked for failed: why is news, the schedule stays as it was."""
    subscription = lock(subscription_id)
    if (subscription.failing_invoice, subscription.status) == (invoice, Standing.FAILING):
        subscription.failure_code = code[:100]
        subscription.save(update_fields=["failure_code"])


@inside_transaction
def wait_for_the_bank(subscription_id: int, *, invoice: str, tried: int) -> None:
    """A try by bank debit is under way; its failure is told by an event, and counted then."""
    subscription = lock(subscription_id)
    if (subscription.failing_invoice, subscription.failures) == (invoice, tried):
        subscription.retry_on = None
        subscription.save(update_fields=["retry_on"])


def _count_failure(subscription: Subscription, code: str) -> None:
    subscription.failures += 1
    subscription.failure_code = code[:100]
    if subscription.failures <= len(RETRY_DAYS):
        days = RETRY_DAYS[subscription.failures - 1]
        subscription.retry_on = timezone.localdate() + datetime.timedelta(days=days)
        subscription.status = Standing.FAILING
        subscription.save()
        tell(subscription, "payments_subscription_failed")
        return
    invoice = subscription.failing_invoice
    subscription.retry_on = None
    subscription.status = Standing.PAUSED
    subscription.save()
    audit.record("payments.subscription_paused", subscription, by=None, code=code)
    jobs.pause_at_stripe.enqueue(subscription_id=subscription.pk, invoice=invoice)
    tell(subscription, "payments_subscription_paused")


def tell(subscription: Subscription, template: str) -> None:
    """Write to the payer how it stands with the agreement."""
    language = subscription.language
    with translation.override(language):
        enqueue_mail(
            template,
            subscription.payer_email,
            language,
            {
                "name": subscription.payer_name,
                "description": subscription.description,
                "amount": subscription.money.format(language),
                "often": subscription.get_interval_display(),
                "reason": failures.sentence(subscription.failure_code),
                "retry_on": _written(subscription.retry_on),
                "path": subscription.get_absolute_url(),
            },
            about=about_subscription(subscription, template),
        )


def about_subscription(subscription: Subscription, template: str) -> str:
    """What a message about an agreement is about, for the delivery log; each failure has its own."""
    word = template.removeprefix("payments_subscription_")
    return f"subscription:{subscription.pk}/{word}" + (
        f"/{subscription.failures}" if word == "failed" else ""
    )


def _written(day: datetime.date | None) -> str:
    return date_format(day, "DATE_FORMAT") if day else ""


# --- What a person decides ------------------------------------------------------------------------


def cancel(subscription: Subscription, *, by: User | None, at_once: bool) -> Subscription:
    """End the agreement at once, or with the period that was paid. Twice is once.

    ``by``: staff or the signed-in payer; None where the holder of the page's address did it.
    One that has not begun ends at once.
    """
    with use_case():
        locked = lock(subscription.pk)
        if locked.status == Standing.ENDED:
            return locked
        if at_once or locked.stripe_subscription is None:
            _end(locked)
            locked.save()
            audit.record("payments.end_subscription", locked, by=by)
            jobs.end_agreement.enqueue(subscription_id=locked.pk)
            return locked
        if locked.ends_on is not None:
            return locked
        locked.ends_on = locked.next_on or timezone.localdate()
        locked.save()
        audit.record("payments.end_subscription", locked, by=by, ends_on=locked.ends_on.isoformat())
        jobs.end_with_period.enqueue(subscription_id=locked.pk)
        return locked


def resume(subscription: Subscription, *, by: User | None) -> Subscription:
    """Go on with a paused agreement: the next period is charged again, what was missed is not.

    Raises SubscriptionEnded, SubscriptionNotPaused, or CardHasExpired where the card cannot work.
    """
    with use_case():
        locked = lock(subscription.pk)
        if locked.status == Standing.ENDED:
            raise SubscriptionEnded
        if locked.status != Standing.PAUSED:
            raise SubscriptionNotPaused
        if locked.card is not None and locked.card.expires_before(timezone.localdate()):
            raise CardHasExpired
        locked.status = Standing.ACTIVE
        _clear_failure(locked)
        locked.save()
        audit.record("payments.resume_subscription", locked, by=by)
        jobs.resume_at_stripe.enqueue(subscription_id=locked.pk)
        return locked


def try_again(subscription: Subscription, *, by: User | None) -> None:
    """Try the open payment now instead of on the day it is due. Raises NothingToTryAgain."""
    with use_case():
        locked = lock(subscription.pk)
        if locked.status != Standing.FAILING or not locked.failing_invoice:
            raise NothingToTryAgain
        audit.record("payments.try_subscription_again", locked, by=by)
        # The key of its own: the next try on schedule must not be answered from this one.
        jobs.retry_subscription.enqueue(subscription_id=locked.pk, by_hand=str(uuid.uuid4()))


def customer_of(subscription: Subscription) -> Customer:
    """The payer at Stripe of an agreement that goes on. Raises SubscriptionEnded or NotBegun."""
    if subscription.status == Standing.ENDED:
        raise SubscriptionEnded
    if subscription.status == Standing.PENDING or subscription.customer is None:
        raise SubscriptionNotBegun
    return subscription.customer
