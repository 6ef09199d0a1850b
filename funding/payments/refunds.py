"""Refunds by card and bank debit: facts that Stripe tells, however they were made.

`look` reads all refunds of a charge and keeps each as a row; none is lost that was made in Stripe's
dashboard. Each balance transaction of one then makes its entry (`book`), and in that transaction
what the payment was for is told, exactly once. `send` asks Stripe for one that was approved.
"""

import uuid
from dataclasses import dataclass
from typing import Any

import stripe
from django.db.models import Sum
from django.utils import timezone

from core import audit
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.ledger import templates
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry
from funding.payments import (
    credit_notes,
    jobs,
    money_back,
    payment_events,
    payouts,
    problems,
    processor_lines,
    progress,
)
from funding.payments.handlers import Applied, Handler
from funding.payments.models import Payment, Payout, ProcessorTransaction, Refund
from funding.payments.outcomes import outcome_of
from funding.payments.present_state import mapping
from funding.payments.processor_lines import moment
from funding.payments.stripe_client import client
from funding.payments.stripe_units import from_stripe, to_stripe

_STATUS = {
    "pending": Refund.Status.PENDING,
    # The payer must name an account first; the money is set aside.
    "requires_action": Refund.Status.PENDING,
    "succeeded": Refund.Status.SUCCEEDED,
    "failed": Refund.Status.FAILED,
    "canceled": Refund.Status.CANCELLED,
}
_RANK: dict[str, int] = {
    Refund.Status.PENDING: 0,
    Refund.Status.SUCCEEDED: 1,
    Refund.Status.CANCELLED: 2,
    Refund.Status.FAILED: 2,
}
_STANDS = (Refund.Status.PENDING, Refund.Status.SUCCEEDED)
# After Stripe failed with a saved answer, another key is needed; so many are tried at once.
KEYS = 3


class CannotAsk(RuntimeError):
    """Stripe answered every key with an error of its own."""


@dataclass(frozen=True, slots=True)
class Seen:
    """A payment of ours and all refunds of its charge, as Stripe has them now."""

    payment: Payment
    refunds: list[stripe.Refund]


# --- Facts ----------------------------------------------------------------------------------------


def _fetch(thing: dict[str, Any]) -> Seen | None:
    charge = thing.get("id") if thing.get("object") == "charge" else thing.get("charge")
    return seen(thing.get("payment_intent"), charge)


def seen(intent: str | None, charge: str | None) -> Seen | None:
    """All refunds of a charge, or None where it is not ours. Raises stripe.StripeError."""
    payment = payment_events.of_charge(intent, charge)
    if payment is None or not (charge or intent):
        return None
    if not payment.is_paid or not payment_events.counts(payment, intent, charge):
        return None
    return Seen(payment, _refunds_at_stripe(charge=charge, intent=intent))


def _refunds_at_stripe(*, charge: str | None, intent: str | None) -> list[stripe.Refund]:
    asked: stripe.params.RefundListParams = {
        "limit": 100,
        "expand": ["data.balance_transaction", "data.failure_balance_transaction"],
    }
    if charge:
        asked["charge"] = charge
    elif intent:
        asked["payment_intent"] = intent
    else:
        raise ValueError("Refunds are asked for by a charge or a payment intent.")
    listed = client().v1.refunds.list(asked)
    return list(listed.auto_paging_iter())


@inside_transaction
def apply(found: Seen) -> Applied:
    """Keep the refunds of a payment, and have their lines booked."""
    payment = progress.lock(found.payment.pk)
    for told in sorted(found.refunds, key=lambda told: (told.created, told.id)):
        refund = _keep(payment, told)
        payouts.refund_settled(refund)
        for name in ("balance_transaction", "failure_balance_transaction"):
            # Stripe leaves a field out while it has nothing to say.
            transaction = getattr(told, name, None)
            if isinstance(transaction, stripe.BalanceTransaction):
                line = processor_lines.keep(transaction)
                if line.entry_id is None:
                    jobs.book_line.enqueue(line_id=line.pk)
    credit_notes.after_refund(payment)
    return Applied(payment, _more_than_paid(payment))


def _keep(payment: Payment, told: stripe.Refund) -> Refund:
    money = from_stripe(told.amount, told.currency)
    status = _STATUS.get(told.status or "", Refund.Status.PENDING)
    before = Refund.objects.filter(stripe_refund=told.id).first()
    if before is not None and _RANK[before.status] > _RANK[status]:
        return before  # read before newer news was applied: a refund never goes back
    refund, created = Refund.objects.get_or_create(
        stripe_refund=told.id,
        defaults={
            "payment": payment,
            "payout": _payout_of(payment, told),
            "amount": money.amount,
            "currency": money.currency,
            "status": status,
            "created_at": moment(told.created),
        },
    )
    failure = getattr(told, "failure_reason", None) if status == Refund.Status.FAILED else ""
    failure = str(failure or "")[:200]
    if created or (refund.status, refund.failure) != (status, failure):
        refund.status, refund.failure = status, failure
        refund.save(update_fields=["status", "failure"])
        audit.record(
            "payments.refund_told",
            payment,
            by=None,
            refund=told.id,
            amount=str(money),
            status=str(status),
            why=failure,
        )
    return refund


def _payout_of(payment: Payment, told: stripe.Refund) -> Payout | None:
    """The request that our own metadata names, unless another refund answered it."""
    try:
        named = uuid.UUID(mapping(told.metadata).get("payout", ""))
    except ValueError:
        return None
    return Payout.objects.filter(public_id=named, payment=payment, refund=None).first()


def _more_than_paid(payment: Payment) -> str:
    """Cannot happen at Stripe; were it to happen, people must know."""
    sums = payment.refunds.filter(status__in=_STANDS).aggregate(sum=Sum("amount"))
    back = Money(sums["sum"] or 0, payment.currency)
    if back.amount <= payment.amount:
        return ""
    problem = f"More was refunded ({back}) than was paid ({payment.money})."
    problems.add(payment, problem)
    return problem


# --- The books ------------------------------------------------------------------------------------


def book(line: ProcessorTransaction) -> str:
    """Make the entry of a refund, or of its failure. What is in the way, for staff; "" if nothing.

    Waits ("") while the payment, or of a failure the refund, is not in the books itself.
    """
    refund = Refund.objects.filter(stripe_refund=line.source).first() or _look_up(line.source)
    if refund is None:
        return f"Refund {line.source} belongs to no payment of the portal."
    if refund.payment.entry_id is None:
        return ""
    with use_case():
        payment = progress.lock(refund.payment_id)
        line = processor_lines.lock(line.pk)
        if line.entry_id is not None:
            return ""
        refund = Refund.objects.select_for_update(of=("self",)).get(pk=refund.pk)
        if line.reporting_category != "refund_failure":
            _book_refund(payment, refund, line)
        elif refund.entry is not None:
            _book_failure(payment, refund, line, refund.entry)
    return ""


def _look_up(refund_id: str) -> Refund | None:
    """A refund that no event has told of: kept as an event would."""
    told = client().v1.refunds.retrieve(refund_id)
    found = seen(_id(told.payment_intent), _id(told.charge))
    if found is None:
        return None
    with use_case():
        apply(found)
    return Refund.objects.filter(stripe_refund=refund_id).first()


def _id(thing: Any) -> str | None:
    return thing if isinstance(thing, str) else getattr(thing, "id", None)


@inside_transaction
def _book_refund(payment: Payment, refund: Refund, line: ProcessorTransaction) -> None:
    entry = money_back.refund_entry(
        payment,
        amount=-line.amount,
        currency=line.currency,
        key=processor_lines.key_of(line.balance_transaction),
        date=processor_lines.day(line),
        place="clearing",
        given=refund.amount,
    )
    entry = templates.with_fee(entry, pool=payment.pool.code, currency=line.currency, fee=line.fee)
    refund.entry_id = processor_lines.post_for(line, entry)
    refund.told_at = timezone.now()
    refund.save(update_fields=["entry", "told_at"])
    outcome_of(payment.purpose).given_back(payment, refund.amount)
    credit_notes.after_refund(payment)


@inside_transaction
def _book_failure(
    payment: Payment, refund: Refund, line: ProcessorTransaction, refunded: Entry
) -> None:
    """The money of a refund is back: the opposite of its entry."""
    processor_lines.post_for(line, _opposite(refunded, payment, line))
    refund.taken_back_at = timezone.now()
    refund.save(update_fields=["taken_back_at"])
    outcome_of(payment.purpose).kept_after_all(payment, refund.amount)
    credit_notes.after_refund(payment)


def _opposite(entry: Entry, payment: Payment, line: ProcessorTransaction) -> NewEntry:
    """The opposite of an entry, as a line has it; the processor's fee is what the line says now."""
    opposite = templates.failed_later(
        money_back.booked(entry),
        key=processor_lines.key_of(line.balance_transaction),
        date=processor_lines.day(line),
    )
    moved = sum(part.amount for part in opposite.lines if part.account == "clearing")
    return templates.with_fee(
        opposite, pool=payment.pool.code, currency=line.currency, fee=moved - line.net
    )


def book_failed_debit(line: ProcessorTransaction) -> str:
    """A bank debit failed after it had succeeded: the payer has the money back.

    A refund in all but name, and kept as one: the payment stays a fact, what went back of it is a
    fact beside it. The entry is the opposite of the payment's; the fee is as Stripe has it now.
    """
    payment = Payment.objects.filter(stripe_charge=line.source).first()
    if payment is None:
        return f"Charge {line.source} belongs to no payment of the portal."
    if payment.entry_id is None:
        return ""
    if line.amount != -(payment.settled_gross or 0):
        return f"The debit of payment {payment.public_id} failed by another amount than it brought."
    with use_case():
        payment = progress.lock(payment.pk)
        line = processor_lines.lock(line.pk)
        if line.entry_id is not None or payment.entry is None:
            return ""
        posted = processor_lines.post_for(line, _opposite(payment.entry, payment, line))
        Refund.objects.create(
            payment=payment,
            # The line's id, since Stripe has no refund of it.
            stripe_refund=line.balance_transaction,
            amount=payment.amount,
            currency=payment.currency,
            status=Refund.Status.SUCCEEDED,
            entry_id=posted,
            created_at=line.created_at,
            told_at=timezone.now(),
        )
        audit.record("payments.debit_failed", payment, by=None, line=line.balance_transaction)
        outcome_of(payment.purpose).given_back(payment, payment.amount)
        credit_notes.after_refund(payment)
        problems.add(payment, "The bank debit failed after it had succeeded. Talk to the payer.")
    return ""


# --- Asking for one -------------------------------------------------------------------------------


def send(payout: Payout) -> Refund:
    """Ask Stripe for the refund of an approved payout; the one that exists, if it was asked before.

    The key is made from the payout, so that a repeated call makes no second refund. An answer 500
    is saved under its key and comes again with it: then the refund is looked up by our metadata,
    and only if there is none another key is used. Raises stripe.StripeError: an InvalidRequestError
    is a final no, anything else means try again; and CannotAsk.
    """
    payment = payout.payment
    if payment is None or payment.stripe_intent is None:
        raise ValueError(f"Payout {payout.public_id} names no payment of the processor.")
    amount, _currency = to_stripe(payout.money)
    for number in range(1, KEYS + 1):
        if (refund := _find(payout, payment)) is not None:
            return refund
        suffix = "" if number == 1 else f"-{number}"
        try:
            client().v1.refunds.create(
                {
                    "payment_intent": payment.stripe_intent,
                    "amount": amount,
                    "metadata": {
                        "payout": str(payout.public_id),
                        "payment": str(payment.public_id),
                    },
                },
                {"idempotency_key": f"refund-{payout.public_id}{suffix}"},
            )
        except stripe.APIError as error:
            if isinstance(error, stripe.APIConnectionError) or error.http_status != 500:
                raise
    if (refund := _find(payout, payment)) is not None:
        return refund
    raise CannotAsk(f"Stripe answered {KEYS} keys of refund {payout.public_id} with errors.")


def _find(payout: Payout, payment: Payment) -> Refund | None:
    """The refund that names this payout, kept as a fact; None where Stripe has none."""
    refunds = _refunds_at_stripe(charge=payment.stripe_charge, intent=payment.stripe_intent)
    with use_case():
        apply(Seen(payment, refunds))
    return Refund.objects.filter(payout=payout).first()


_HANDLER = Handler(_fetch, apply)
HANDLERS: dict[str, Handler[Any]] = {
    "refund.created": _HANDLER,
    "refund.updated": _HANDLER,
    "refund.failed": _HANDLER,
    "charge.refunded": _HANDLER,
    "charge.refund.updated": _HANDLER,
}
