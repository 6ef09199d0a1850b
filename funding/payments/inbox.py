"""The inbox of Stripe's events: kept as they came, processed by a job, never twice.

An event may come twice, late, early or out of order (rule 8). So it only names what to look at:
`process` lets a handler fetch the present state outside any transaction, then locks the event and
applies that state. Which module handles what: `HANDLERS`.
"""

import json
import logging
from typing import Any

import stripe
from django.db.models import F
from django.utils import timezone

from core import audit
from core.jobs.with_row import insert_with_job
from core.models import User
from core.transactions import use_case
from funding.payments import (
    disputes,
    jobs,
    payment_events,
    processor_payouts,
    refunds,
    subscription_events,
)
from funding.payments.handlers import Applied, Handler
from funding.payments.models import StripeEvent
from funding.payments.stripe_client import is_live
from funding.payments.webhooks import ReceivedEvent

logger = logging.getLogger(__name__)

Verdict = StripeEvent.Verdict
# After so many failed tries of one event staff are called, once.
ALARM_AFTER = 10


def _merged(*modules: dict[str, Handler[Any]]) -> dict[str, tuple[Handler[Any], ...]]:
    """The handlers of each type of event, in the order in which they are asked."""
    kinds = {kind: None for module in modules for kind in module}
    return {kind: tuple(module[kind] for module in modules if kind in module) for kind in kinds}


# Every other type is kept and ignored; the reconciliation asks for these alone.
HANDLERS = _merged(
    payment_events.HANDLERS,
    refunds.HANDLERS,
    disputes.HANDLERS,
    processor_payouts.HANDLERS,
    subscription_events.HANDLERS,
)


_KEEP = """
    INSERT INTO payments_stripeevent
        (event_id, type, body, source, created, received_at, verdict, attempts, last_error)
    VALUES (%s, %s, %s, %s, to_timestamp(%s), now(), '', 0, '')
    ON CONFLICT (event_id) DO NOTHING
    RETURNING id
"""


def receive(event: ReceivedEvent, source: str) -> bool:
    """Keep an event and its job, together. False for an event that is here already.

    Stripe waits for the answer, so both are one statement.
    """
    values = [event.id, event.type, event.body, source, event.created]
    return insert_with_job(_KEEP, values, jobs.process_event, argument="event_id")


def process(event_pk: int) -> None:
    """Apply one event of the inbox. What fails is noted on the event and raised, to be retried."""
    event = StripeEvent.objects.get(pk=event_pk)
    if event.processed_at is not None:
        return
    try:
        _process(event)
    except Exception as error:
        _note_failure(event, f"{type(error).__name__}: {error}"[:4000])
        raise


def _process(event: StripeEvent) -> None:
    body = json.loads(event.body)
    reason = _not_for_us(body)
    handler, state = (None, None) if reason else _fetch(event.type, body["data"]["object"])
    with use_case():
        locked = StripeEvent.objects.select_for_update(of=("self",)).get(pk=event.pk)
        if locked.processed_at is not None:
            return
        applied = handler.apply(state) if handler else Applied()
        locked.payment = applied.payment
        locked.processed_at = timezone.now()
        locked.attempts += 1
        locked.last_error = applied.problem or reason or _other_version(body)
        if applied.problem:
            locked.verdict = Verdict.REFUSED
        else:
            locked.verdict = Verdict.APPLIED if handler else Verdict.IGNORED
        locked.save()


def _fetch(kind: str, thing: dict[str, Any]) -> tuple[Handler[Any] | None, Any]:
    """The first handler that knows the object, and the object's present state."""
    for handler in HANDLERS.get(kind, ()):
        state = handler.fetch(thing)
        if state is not None:
            return handler, state
    return None, None


def _not_for_us(body: dict[str, Any]) -> str:
    """Why an event is kept but must not count: play money never meets real money."""
    live = is_live()
    if body.get("livemode", live) == live:
        return ""
    if live:
        return "A test event; this portal works with a live key."
    return "A live event; this portal works with a test key."


def _other_version(body: dict[str, Any]) -> str:
    """A note where Stripe wrote the event for another API version than ours.

    Harmless, since the object itself is fetched in our version; but the endpoint should be set
    right, for other versions may name another object or other ids.
    """
    version = body.get("api_version") or stripe.api_version
    if version == stripe.api_version:
        return ""
    note = f"The event is of API version {version}, the portal's is {stripe.api_version}."
    logger.warning("%s: %s", body.get("id"), note)
    return note


def _note_failure(event: StripeEvent, error: str) -> None:
    """Keep the error where staff see it, and call them when it keeps failing."""
    with use_case():
        StripeEvent.objects.filter(pk=event.pk, processed_at=None).update(
            attempts=F("attempts") + 1, last_error=error
        )
    event.refresh_from_db()
    if event.processed_at is None and event.attempts == ALARM_AFTER:
        logger.error(
            "Stripe's event %s (%s) failed %s times, the last with %s",
            event.event_id,
            event.type,
            event.attempts,
            error,
        )


def replay(event: StripeEvent, *, by: User) -> None:
    """Process an event again at a staff member's word; harmless however often."""
    with use_case():
        locked = StripeEvent.objects.select_for_update(of=("self",)).get(pk=event.pk)
        locked.processed_at = None
        locked.verdict = ""
        locked.save()
        audit.record("payments.replay_event", locked, by=by, event=locked.event_id)
        jobs.process_event.enqueue(event_id=locked.pk)
