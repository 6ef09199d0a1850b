"""Looking at Stripe without being told to: what makes a lost webhook harmless."""

import datetime
import json
import logging
from collections.abc import Iterator

import stripe
from django.utils import timezone

from core.transactions import use_case
from funding.payments import inbox, present_state, progress
from funding.payments.models import Payment, Status, StripeCursor, StripeEvent
from funding.payments.stripe_client import client
from funding.payments.webhooks import NotAnEvent, of_mapping

logger = logging.getLogger(__name__)

# Stripe keeps events for 30 days. Reading overlaps, since an event may be listed a little late.
KEPT = datetime.timedelta(days=30)
OVERLAP = datetime.timedelta(hours=1)
# A webhook that is merely on its way is left to arrive by itself.
GRACE = datetime.timedelta(minutes=2)
EVENTS = "events"
# Stripe takes at most so many types in one question.
TYPES_AT_ONCE = 20


def read_missed_events() -> int:
    """Feed Stripe's events that never arrived through the inbox; how many those were.

    The cursor moves only when the whole list has been read, so a run that breaks off loses
    nothing.
    """
    now = timezone.now()
    cursor = StripeCursor.objects.filter(name=EVENTS).first()
    since = max(cursor.read_until - OVERLAP if cursor else now - KEPT, now - KEPT)
    missed, odd = 0, []
    for event in _events(since, now - GRACE):
        if StripeEvent.objects.filter(event_id=event.id).exists():
            continue
        values = event.to_dict(for_json=True)
        try:
            received = of_mapping(values, json.dumps(values))
        except NotAnEvent:
            # One that we cannot read must not hide those behind it.
            logger.exception("Event %s of Stripe cannot be read.", event.id)
            odd.append(event.id)
            continue
        missed += inbox.receive(received, StripeEvent.Source.RECONCILIATION)
    with use_case():
        StripeCursor.objects.update_or_create(name=EVENTS, defaults={"read_until": now - GRACE})
    if odd:
        raise RuntimeError(f"Events that could not be read: {odd}")
    if missed:
        logger.warning("%s events of Stripe had not arrived as webhooks.", missed)
    return missed


def _events(since: datetime.datetime, until: datetime.datetime) -> Iterator[stripe.Event]:
    """The events of the types that we handle, oldest pages last as Stripe lists them."""
    kinds = list(inbox.HANDLERS)
    for start in range(0, len(kinds), TYPES_AT_ONCE):
        events = client().v1.events.list(
            {
                "created": {"gte": int(since.timestamp()), "lte": int(until.timestamp())},
                "types": kinds[start : start + TYPES_AT_ONCE],
                "limit": 100,
            }
        )
        yield from events.auto_paging_iter()


def check(payment_id: int) -> None:
    """Apply what Stripe says now of the payment's latest checkout session."""
    payment = Payment.objects.get(pk=payment_id)
    if not payment.stripe_session:
        return
    state = present_state.of_session(payment.stripe_session)
    with use_case():
        progress.apply(payment.pk, state)


def settle_one(payment_id: int) -> bool:
    """Post the ledger entry of a paid payment. False while Stripe has not settled it.

    It usually takes a moment; `charge.updated` or the scheduled look then ask again.
    """
    payment = Payment.objects.get(pk=payment_id)
    if payment.entry_id is not None or payment.stripe_intent is None:
        return payment.entry_id is not None
    state = present_state.of_intent(payment.stripe_intent)
    if state.settlement is None:
        return False
    try:
        with use_case():
            progress.settle(payment.pk, state.settlement)
    except Exception as error:
        with use_case():
            progress.note_unsettled(payment.pk, f"{type(error).__name__}: {error}")
        raise
    return True


def settle_late_payments() -> int:
    """Settle what is paid and not yet in the books; how many were. One failure stops no other."""
    settled, failures = 0, []
    waiting = Payment.objects.filter(status=Status.SUCCEEDED, entry=None).order_by("pk")
    for payment_id in waiting.values_list("pk", flat=True):
        try:
            settled += settle_one(payment_id)
        except stripe.APIConnectionError:
            raise
        except Exception:
            logger.exception("Payment %s could not be settled.", payment_id)
            failures.append(payment_id)
    if failures:
        raise RuntimeError(f"Payments that could not be settled: {failures}")
    return settled
