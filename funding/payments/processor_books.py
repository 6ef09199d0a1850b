"""Reading the processor's own books, and sending each line to what makes its entry."""

import datetime
import logging
from collections.abc import Callable

import stripe
from django.utils import timezone

from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.models import Entry, Pool
from funding.payments import (
    disputes,
    payment_events,
    processor_lines,
    processor_payouts,
    progress,
    refunds,
    second_charges,
)
from funding.payments.models import Dispute, Payment, ProcessorTransaction, StripeCursor
from funding.payments.outcomes import Settlement
from funding.payments.stripe_client import client

logger = logging.getLogger(__name__)

CURSOR = "balance-transactions"
# A line may be listed later than the moment it names.
OVERLAP = datetime.timedelta(days=1)
# Whose the processor's own charges are.
GENERAL = "general"


def read_lines() -> int:
    """Keep every balance transaction since the cursor as a line; how many were new.

    The cursor moves only when the whole list has been read. One line that we cannot read stops no
    other; it is named in the error.
    """
    now = timezone.now()
    cursor = StripeCursor.objects.filter(name=CURSOR).first()
    since = int((cursor.read_until - OVERLAP).timestamp()) if cursor else 0
    listed = client().v1.balance_transactions.list({"created": {"gte": since}, "limit": 100})
    before, odd = ProcessorTransaction.objects.count(), []
    for transaction in listed.auto_paging_iter():
        try:
            with use_case():
                processor_lines.keep(transaction)
        except ValueError:
            logger.exception("Balance transaction %s cannot be read.", transaction.id)
            odd.append(transaction.id)
    if odd:
        raise RuntimeError(f"Balance transactions that could not be read: {odd}")
    with use_case():
        StripeCursor.objects.update_or_create(name=CURSOR, defaults={"read_until": now})
    return ProcessorTransaction.objects.count() - before


def book_open() -> int:
    """Make the entries of all lines and lost disputes that have none; how many it made.

    Payments first and payouts last, since one rests on the other. One failure stops no other.
    """
    made, failures = 0, []
    waiting = ProcessorTransaction.objects.filter(entry=None)
    for line in sorted(waiting, key=_turn):
        try:
            made += book(line.pk)
        except stripe.APIConnectionError:
            raise
        except Exception:
            logger.exception("Line %s could not be booked.", line.balance_transaction)
            failures.append(line.balance_transaction)
    for dispute in Dispute.objects.filter(outcome=Dispute.Outcome.LOST):
        if not Entry.objects.filter(idempotency_key=disputes.lost_key(dispute)).exists():
            made += disputes.book_lost(dispute.pk)
    made += second_charges.book_lost()
    if failures:
        raise RuntimeError(f"Lines that could not be booked: {failures}")
    return made


# What rests on what: refunds on payments, failures on refunds, payouts on everything.
_TURNS = {"charge": 0, "refund_failure": 2, "dispute_reversal": 2, "charge_failure": 2}
_PAYOUTS = ("payout", "payout_reversal")


def _turn(line: ProcessorTransaction) -> tuple[int, datetime.datetime, int]:
    if line.reporting_category in _PAYOUTS:
        return 3, line.created_at, _PAYOUTS.index(line.reporting_category)
    return _TURNS.get(line.reporting_category, 1), line.created_at, line.pk


def book(line_id: int) -> bool:
    """Make the entry of one line. False where it has none yet; its ``problem`` says why.

    An error is noted on the line and raised, so that the job tries again.
    """
    line = ProcessorTransaction.objects.get(pk=line_id)
    if line.entry_id is not None:
        return True
    try:
        problem = _booker(line)(line)
    except stripe.StripeError:
        raise
    except Exception as error:
        _note(line, f"{type(error).__name__}: {error}")
        raise
    _note(line, problem)
    return ProcessorTransaction.objects.filter(pk=line.pk, entry__isnull=False).exists()


def _note(line: ProcessorTransaction, problem: str) -> None:
    """Write why a line has no entry; call people when that is news."""
    with use_case():
        locked = processor_lines.lock(line.pk)
        if locked.entry_id is not None or locked.problem == problem:
            return
        locked.problem = problem[:2000]
        locked.save(update_fields=["problem"])
    if problem:
        logger.error("Line %s of the processor: %s", line.balance_transaction, problem)


def _booker(line: ProcessorTransaction) -> Callable[[ProcessorTransaction], str]:
    return _BOOKERS.get(line.reporting_category, _book_unknown)


def _book_charge(line: ProcessorTransaction) -> str:
    """The line of a payment: settle that payment by it."""
    payment = Payment.objects.filter(stripe_charge=line.source).first()
    if payment is None:
        charge = client().v1.charges.retrieve(line.source)
        intent = charge.payment_intent
        intent_id = intent.id if isinstance(intent, stripe.PaymentIntent) else intent
        payment = payment_events.of_charge(intent_id, charge.id)
        if payment is not None and intent_id and payment.stripe_charge != line.source:
            return second_charges.book(line, payment, intent_id)
    if payment is None:
        return f"Charge {line.source} belongs to no payment of the portal."
    if payment.stripe_charge != line.source or not payment.is_paid:
        return f"Payment {payment.public_id} does not count charge {line.source}. {payment.problem}"
    settlement = Settlement(
        gross=line.amount,
        fee=line.fee,
        currency=line.currency,
        balance_transaction=line.balance_transaction,
        date=processor_lines.day(line),
    )
    with use_case():
        progress.settle(payment.pk, settlement)
    return ""


def _book_fee(line: ProcessorTransaction) -> str:
    """A charge of the processor that belongs to no payment; or one that it gave back."""
    if not Pool.objects.filter(code=GENERAL).exists():
        return f"There is no pool “{GENERAL}” to bear the processor’s own charges."
    charge = templates.bank_charge(
        amount=abs(line.net),
        place="clearing",
        key=processor_lines.key_of(line.balance_transaction),
        pool=GENERAL,
        currency=line.currency,
        date=processor_lines.day(line),
        source=f"processor-line:{line.pk}",
    )
    if line.net > 0:
        charge = templates.failed_later(charge, key=charge.key, date=charge.date)
    with use_case():
        locked = processor_lines.lock(line.pk)
        if locked.entry_id is None:
            processor_lines.post_for(locked, charge)
    return ""


def _or_of_a_second_charge(
    booker: Callable[[ProcessorTransaction], str],
) -> Callable[[ProcessorTransaction], str]:
    """What books a line about a charge, be it one that its payment does not count."""

    def either(line: ProcessorTransaction) -> str:
        second = second_charges.about(line)
        return second_charges.book_after(line, second) if second else booker(line)

    return either


def _book_unknown(line: ProcessorTransaction) -> str:
    return f"Nothing in the portal knows lines of the kind {line.type} ({line.reporting_category})."


# By Stripe's reporting category, which says what a line is for the books; its type says by which
# way it came.
_BOOKERS: dict[str, Callable[[ProcessorTransaction], str]] = {
    "charge": _book_charge,
    "charge_failure": _or_of_a_second_charge(refunds.book_failed_debit),
    "refund": _or_of_a_second_charge(refunds.book),
    "refund_failure": _or_of_a_second_charge(refunds.book),
    "dispute": _or_of_a_second_charge(disputes.book),
    "dispute_reversal": _or_of_a_second_charge(disputes.book),
    "payout": processor_payouts.book,
    "payout_reversal": processor_payouts.book,
    "fee": _book_fee,
    "network_cost": _book_fee,
    "tax": _book_fee,
}
