"""The inbox of Stripe's events: kept as they came, processed by a job, never twice.

An event may come twice, late, early or out of order (rule 8). So it only names what to look at:
`process` fetches the present state outside any transaction, then locks the event and the payment
and applies that state.
"""

import datetime
import json
import logging
import uuid
from typing import Any, Literal

from django.db import IntegrityError
from django.db.models import F
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import use_case
from funding.payments import jobs, present_state, progress
from funding.payments.models import Payment, StripeEvent
from funding.payments.present_state import PresentState
from funding.payments.webhooks import ReceivedEvent

logger = logging.getLogger(__name__)

Verdict = StripeEvent.Verdict
Thing = Literal["session", "intent", "charge"]

# The types that can move a payment, and what their object is. Every other type is kept and
# ignored; the reconciliation asks for these alone.
MOVING: dict[str, Thing] = {
    "checkout.session.completed": "session",
    "checkout.session.async_payment_succeeded": "session",
    "checkout.session.async_payment_failed": "session",
    "checkout.session.expired": "session",
    "payment_intent.processing": "intent",
    "payment_intent.succeeded": "intent",
    "payment_intent.payment_failed": "intent",
    "payment_intent.canceled": "intent",
    "charge.updated": "charge",
}


def receive(event: ReceivedEvent, source: str) -> bool:
    """Keep an event and its job in one transaction. False for an event that is here already."""
    try:
        with use_case():
            row = StripeEvent.objects.create(
                event_id=event.id,
                type=event.type,
                body=event.body,
                source=source,
                created=datetime.datetime.fromtimestamp(event.created, datetime.UTC),
            )
            jobs.process_event.enqueue(event_id=row.pk)
    except IntegrityError:
        if StripeEvent.objects.filter(event_id=event.id).exists():
            return False
        raise
    return True


def process(event_pk: int) -> None:
    """Apply one event of the inbox. What fails is noted on the event and raised, to be retried."""
    event = StripeEvent.objects.get(pk=event_pk)
    if event.processed_at is not None:
        return
    try:
        _process(event)
    except Exception as error:
        with use_case():
            StripeEvent.objects.filter(pk=event_pk, processed_at=None).update(
                attempts=F("attempts") + 1, last_error=f"{type(error).__name__}: {error}"[:4000]
            )
        raise


def _process(event: StripeEvent) -> None:
    thing = json.loads(event.body)["data"]["object"]
    payment = _payment_of(event.type, thing)
    state = _present_state(event.type, thing) if payment else None
    with use_case():
        locked = StripeEvent.objects.select_for_update(of=("self",)).get(pk=event.pk)
        if locked.processed_at is not None:
            return
        problem = progress.apply(payment.pk, state) if payment and state else ""
        locked.payment = payment
        locked.processed_at = timezone.now()
        locked.attempts += 1
        locked.last_error = problem
        if problem:
            locked.verdict = Verdict.REFUSED
        else:
            locked.verdict = Verdict.APPLIED if payment else Verdict.IGNORED
        locked.save()


def _payment_of(kind: str, thing: dict[str, Any]) -> Payment | None:
    """Our payment that an event is about: by our metadata, else by an id we know."""
    if kind not in MOVING:
        return None
    metadata = thing.get("metadata")
    named = metadata.get("payment") if isinstance(metadata, dict) else None
    try:
        found = Payment.objects.filter(public_id=uuid.UUID(str(named))).first() if named else None
    except ValueError:
        found = None
    if found is not None:
        return found
    if MOVING[kind] == "session":
        return Payment.objects.filter(stripe_session=str(thing.get("id"))).first()
    return Payment.objects.filter(stripe_intent=str(_intent_id(kind, thing))).first()


def _intent_id(kind: str, thing: dict[str, Any]) -> str | None:
    return thing.get("id") if MOVING[kind] == "intent" else thing.get("payment_intent")


def _present_state(kind: str, thing: dict[str, Any]) -> PresentState | None:
    if MOVING[kind] == "session":
        return present_state.of_session(str(thing.get("id")))
    intent = _intent_id(kind, thing)
    return present_state.of_intent(intent) if intent else None


def replay(event: StripeEvent, *, by: User) -> None:
    """Process an event again at a staff member's word; harmless however often."""
    with use_case():
        locked = StripeEvent.objects.select_for_update(of=("self",)).get(pk=event.pk)
        locked.processed_at = None
        locked.verdict = ""
        locked.save()
        audit.record("payments.replay_event", locked, by=by, event=locked.event_id)
        jobs.process_event.enqueue(event_id=locked.pk)
