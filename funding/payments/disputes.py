"""Disputes: the payer's bank takes money back, or asks first. Facts, like refunds.

`Dispute` says how one stands; the money is in its balance transactions, each of which makes its own
entry (`book`). A lost dispute moves no money any more: the entry without a balance transaction says
that what was held is gone (`book_lost`).
"""

import datetime
from dataclasses import dataclass
from typing import Any

import stripe
from django.db.models import Sum
from django.utils import timezone

from core import audit
from core.transactions import inside_transaction, use_case
from funding.ledger import templates
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry, Posting
from funding.ledger.posting import post
from funding.payments import (
    credit_notes,
    jobs,
    money_back,
    payment_events,
    problems,
    processor_lines,
    progress,
)
from funding.payments.handlers import Applied, Handler
from funding.payments.models import Customer, Dispute, Payment, ProcessorTransaction
from funding.payments.outcomes import outcome_of
from funding.payments.processor_lines import moment
from funding.payments.stripe_client import client
from funding.payments.stripe_units import from_stripe

Outcome = Dispute.Outcome

# Stripe's words for a dispute that is over; all others mean that it is open.
_OUTCOME = {
    "won": Outcome.WON,
    "lost": Outcome.LOST,
    "warning_closed": Outcome.CLOSED,
    "prevented": Outcome.CLOSED,
}
PROBLEM = "Disputed:"


@dataclass(frozen=True, slots=True)
class Seen:
    """A dispute as Stripe has it now, and the payment of ours that it is about."""

    payment: Payment
    dispute: stripe.Dispute


# --- Facts ----------------------------------------------------------------------------------------


class PaymentStillToCome(RuntimeError):
    """A dispute of a customer of ours whose payment we have not heard of: try again later."""


def _fetch(thing: dict[str, Any]) -> Seen | None:
    return seen(str(thing.get("id")))


def seen(dispute_id: str) -> Seen | None:
    """The dispute as it stands, or None where its charge is not ours.

    Raises StripeError, and PaymentStillToCome: the first news of a recurring payment is its
    invoice, which a dispute may overtake, and of an inquiry nothing else would remind us.
    """
    dispute = client().v1.disputes.retrieve(dispute_id)
    intent, charge = _id(dispute.payment_intent), _id(dispute.charge)
    payment = payment_events.of_charge(intent, charge)
    if payment is None:
        if charge and _is_of_a_customer(charge):
            raise PaymentStillToCome(f"Dispute {dispute_id} of charge {charge}.")
        return None
    if not payment.is_paid:
        return None
    return Seen(payment, dispute) if payment_events.counts(payment, intent, charge) else None


def _is_of_a_customer(charge: str) -> bool:
    customer = _id(client().v1.charges.retrieve(charge).customer)
    return bool(customer) and Customer.objects.filter(stripe_customer=customer).exists()


def _id(thing: Any) -> str | None:
    return thing if isinstance(thing, str) else getattr(thing, "id", None)


@inside_transaction
def apply(found: Seen) -> Applied:
    """Keep how a dispute stands, tell staff, and have its lines booked."""
    payment = progress.lock(found.payment.pk)
    dispute = _keep(payment, found.dispute)
    for transaction in found.dispute.balance_transactions:
        line = processor_lines.keep(transaction)
        if line.entry_id is None:
            jobs.book_line.enqueue(line_id=line.pk)
    if dispute.outcome == Outcome.LOST:
        jobs.book_lost_dispute.enqueue(dispute_id=dispute.pk)
    _tell_staff(payment, dispute)
    credit_notes.after_refund(payment)
    return Applied(payment)


def _keep(payment: Payment, told: stripe.Dispute) -> Dispute:
    money = from_stripe(told.amount, told.currency)
    before = Dispute.objects.select_for_update(of=("self",)).filter(stripe_dispute=told.id).first()
    outcome = _OUTCOME.get(told.status, Outcome.OPEN)
    if before is not None and _is_old_news(before, told.status, outcome):
        return before
    due = told.evidence_details.due_by if told.evidence_details else None
    closed_at = before.closed_at if before else None
    if outcome != Outcome.OPEN and (before is None or before.outcome != outcome):
        closed_at = timezone.now()
    dispute, _created = Dispute.objects.update_or_create(
        stripe_dispute=told.id,
        defaults={
            "payment": payment,
            "amount": money.amount,
            "currency": money.currency,
            "reason": told.reason[:100],
            "status": told.status,
            "outcome": outcome,
            "inquiry": told.status.startswith("warning_"),
            "evidence_due_at": moment(due) if due else None,
            "opened_at": moment(told.created),
            "closed_at": closed_at if outcome != Outcome.OPEN else None,
        },
    )
    if before is None or before.status != told.status:
        audit.record(
            "payments.dispute_told",
            payment,
            by=None,
            dispute=told.id,
            amount=str(money),
            status=told.status,
            reason=told.reason,
        )
    return dispute


def _is_old_news(before: Dispute, status: str, outcome: str) -> bool:
    """Whether this was read before newer news was applied.

    What is over is opened again by an appeal alone; an inquiry by the dispute that follows it.
    """
    if before.outcome == Outcome.OPEN or outcome != Outcome.OPEN:
        return False
    if before.inquiry:
        return status.startswith("warning_")
    return not status.startswith("appeal_")


def _tell_staff(payment: Payment, dispute: Dispute) -> None:
    """One sentence on the payment while a dispute is open, and one when it was lost."""
    problems.remove(payment, f"{PROBLEM} {dispute.stripe_dispute}")
    what = f"{PROBLEM} {dispute.stripe_dispute}"
    if dispute.outcome == Outcome.LOST:
        problems.add(payment, f"{what} ({dispute.reason}) was lost: {dispute.money}.")
    if dispute.outcome == Outcome.OPEN:
        kind = "asks about" if dispute.inquiry else "took back"
        due = dispute.evidence_due_at
        until = f" Answer at Stripe before {due:%Y-%m-%d %H:%M} UTC." if due else ""
        sentence = f"{what}: the payer’s bank {kind} {dispute.money} ({dispute.reason}).{until}"
        problems.add(payment, sentence)


# --- The books ------------------------------------------------------------------------------------


def book(line: ProcessorTransaction) -> str:
    """Make the entry of a dispute's line. What is in the way, for staff; "" where nothing is.

    Money taken is held; money back is what was held, or after a loss what comes back on appeal.
    """
    dispute = Dispute.objects.filter(stripe_dispute=line.source).first() or _look_up(line.source)
    if dispute is None:
        return f"Dispute {line.source} belongs to no payment of the portal."
    with use_case():
        payment = progress.lock(dispute.payment_id)
        line = processor_lines.lock(line.pk)
        if line.entry_id is not None:
            return ""
        if line.amount < 0:
            about = _about(payment, line)
            entry = templates.dispute_opened(amount=-line.amount, fee=0, **about)
            _post(payment, line, entry)
        elif held(dispute) >= line.amount:
            about = _about(payment, line)
            _post(payment, line, templates.dispute_won(amount=line.amount, **about))
        else:
            return _book_appeal(payment, dispute, line)
    return ""


def _look_up(dispute_id: str) -> Dispute | None:
    """A dispute that no event has told of: kept as an event would."""
    try:
        found = seen(dispute_id)
    except PaymentStillToCome:
        return None  # its line waits and is tried again by itself
    if found is None:
        return None
    with use_case():
        apply(found)
    return Dispute.objects.get(stripe_dispute=dispute_id)


@inside_transaction
def _book_appeal(payment: Payment, dispute: Dispute, line: ProcessorTransaction) -> str:
    lost = Entry.objects.filter(idempotency_key=lost_key(dispute)).first()
    if lost is None:
        return f"More comes back of dispute {dispute} than is held."
    entry = money_back.appeal_won_entry(
        payment,
        lost,
        amount=line.amount,
        currency=line.currency,
        key=processor_lines.key_of(line.balance_transaction),
        date=processor_lines.day(line),
    )
    _post(payment, line, entry)
    outcome_of(payment.purpose).kept_after_all(payment, dispute.amount)
    credit_notes.after_refund(payment)
    return ""


def _about(payment: Payment, line: ProcessorTransaction) -> templates.About:
    source = payment.entry.source if payment.entry else f"payment:{payment.public_id}"
    return {
        "key": processor_lines.key_of(line.balance_transaction),
        "pool": payment.pool.code,
        "currency": line.currency,
        "date": processor_lines.day(line),
        "source": source,
    }


def _post(payment: Payment, line: ProcessorTransaction, entry: NewEntry) -> None:
    entry = templates.with_fee(entry, pool=payment.pool.code, currency=line.currency, fee=line.fee)
    processor_lines.post_for(line, entry)


def book_lost(dispute_id: int) -> bool:
    """Say in the books that what a lost dispute held is gone. False while that cannot be said yet.

    It waits for the entries of the dispute's lines and of the payment; asked again, it changes
    nothing.
    """
    dispute = Dispute.objects.get(pk=dispute_id)
    with use_case():
        payment = progress.lock(dispute.payment_id)
        dispute = Dispute.objects.select_for_update(of=("self",)).get(pk=dispute.pk)
        key = lost_key(dispute)
        if dispute.outcome != Outcome.LOST or Entry.objects.filter(idempotency_key=key).exists():
            return True
        lines = ProcessorTransaction.objects.filter(source=dispute.stripe_dispute)
        if payment.entry_id is None or not lines or lines.filter(entry=None).exists():
            return False
        closed_at = dispute.closed_at or dispute.opened_at
        entry = money_back.dispute_lost_entry(
            payment,
            amount=held(dispute),
            currency=lines[0].currency,
            key=key,
            date=closed_at.astimezone(datetime.UTC).date(),
            given=dispute.amount,
        )
        post(entry)
        outcome_of(payment.purpose).given_back(payment, dispute.amount)
        credit_notes.after_refund(payment)
    return True


def lost_key(dispute: Dispute) -> str:
    return lost_key_of(dispute.stripe_dispute)


def lost_key_of(stripe_dispute: str) -> str:
    return f"dispute:{stripe_dispute}:lost"


def held(dispute: Dispute) -> int:
    """What the books hold for a dispute now, in minor units of the currency of its lines."""
    return held_of(dispute.stripe_dispute)


def held_of(stripe_dispute: str) -> int:
    """As `held`, by Stripe's id of the dispute."""
    entries = Entry.objects.filter(processor_transaction__source=stripe_dispute)
    lost = Entry.objects.filter(idempotency_key=lost_key_of(stripe_dispute))
    sums = Posting.objects.filter(
        entry__in=(entries | lost).distinct(), account__code="disputed-funds"
    ).aggregate(sum=Sum("amount"))
    return sums["sum"] or 0


_HANDLER = Handler(_fetch, apply)
HANDLERS: dict[str, Handler[Any]] = {
    "charge.dispute.created": _HANDLER,
    "charge.dispute.updated": _HANDLER,
    "charge.dispute.funds_withdrawn": _HANDLER,
    "charge.dispute.funds_reinstated": _HANDLER,
    "charge.dispute.closed": _HANDLER,
}
