"""Does the ledger agree with the processor? A report that says so, or names each difference.

Three things are compared: the set of the processor's lines with the set of entries that touch
clearing; the processor's balance with the sum of clearing over all pools, by currency; and the
inbox, where nothing should wait. What is known and will end by itself (a payout whose parts are not
listed yet) is a note, no difference.
"""

import datetime
import logging
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field

import stripe
from django.db.models import F, OuterRef, Subquery, Sum
from django.db.models.functions import Coalesce
from django.utils import timezone

from core.money import Money
from funding.ledger.models import AccountBalance, Posting
from funding.payments import (
    endpoint_check,
    inbox,
    processor_books,
    processor_payouts,
    reconciliation,
)
from funding.payments.models import (
    Payment,
    ProcessorPayout,
    ProcessorTransaction,
    Status,
    StripeEvent,
)
from funding.payments.stripe_client import client
from funding.payments.stripe_units import UnexpectedUnits, from_stripe

logger = logging.getLogger(__name__)

# A webhook that came a moment ago is merely on its way through the inbox.
PATIENCE = datetime.timedelta(minutes=10)
CLEARING = "clearing"


@dataclass(frozen=True, slots=True)
class Report:
    """What was found; every text is a sentence. Staff and the console read it as it stands."""

    differences: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    @property
    def agrees(self) -> bool:
        return not self.differences

    def __str__(self) -> str:
        heading = [] if self.differences else ["agree"]
        return "\n".join([*heading, *self.differences, *(f"Note: {note}" for note in self.notes)])


def read_everything() -> list[str]:
    """Bring in what is missing here; a sentence for each step that failed. It stops no other."""
    steps: tuple[Callable[[], object], ...] = (
        reconciliation.read_missed_events,
        _process_waiting,
        reconciliation.settle_late_payments,
        processor_books.read_lines,
        processor_books.book_open,
        # Booking may have brought news of payments, whose own lines can be booked now.
        processor_books.book_open,
    )
    failed = []
    for step in steps:
        try:
            step()
        except Exception as error:
            logger.exception("A step of the reconciliation failed.")
            name = step.__name__.strip("_").replace("_", " ")
            failed.append(f"The step “{name}” failed: {type(error).__name__}: {error}")
    return list(dict.fromkeys(failed))


def _process_waiting() -> None:
    waiting = StripeEvent.objects.filter(processed_at=None).order_by("pk")
    failed = []
    for pk, event_id in waiting.values_list("pk", "event_id"):
        try:
            inbox.process(pk)
        except stripe.APIConnectionError:
            raise
        except Exception:
            logger.exception("Event %s could not be processed.", event_id)
            failed.append(event_id)
    if failed:
        raise RuntimeError(f"Events that could not be processed: {failed}")


def compare() -> Report:
    """Compare what was read with the ledger; asks Stripe for its balance."""
    report = Report()
    report.differences.extend(_lines_without_entry(report.notes))
    report.differences.extend(_entries_without_line())
    report.differences.extend(_other_amounts())
    report.differences.extend(_payments_without_entry())
    try:
        report.differences.extend(_balances(client().v1.balance.retrieve()))
    except (stripe.StripeError, UnexpectedUnits) as error:
        report.differences.append(f"The processor’s balance could not be read: {error}")
    report.differences.extend(_events(timezone.now()))
    report.notes.extend(_below_zero())
    return report


def nightly() -> Report:
    """Read, compare, and raise the alarm with every difference."""
    failed = read_everything()
    report = compare()
    differences = [*failed, *report.differences, *endpoint_check.problems()]
    if differences:
        logger.error("The processor and the ledger differ:\n%s", "\n".join(differences))
    return Report(differences, report.notes)


# --- (a) lines and entries ------------------------------------------------------------------------


def _lines_without_entry(notes: list[str]) -> Iterator[str]:
    payouts = {payout.stripe_payout: payout for payout in ProcessorPayout.objects.all()}
    for line in ProcessorTransaction.objects.filter(entry=None).order_by("created_at", "pk"):
        what = f"{line.balance_transaction} ({line.type}, {line.money} net, {line.source})"
        payout = payouts.get(line.source)
        if payout is not None and processor_payouts.is_waiting(payout):
            notes.append(f"Payout {payout} of {payout.money} waits until its parts are listed.")
        else:
            reason = line.problem or "What it belongs to is not in the books yet."
            yield f"The processor’s line {what} has no entry: {reason}"


def _entries_without_line() -> Iterator[str]:
    known = Subquery(
        ProcessorTransaction.objects.filter(entry=OuterRef("entry_id")).values("pk")[:1]
    )
    alone = (
        Posting.objects.filter(account__code=CLEARING)
        .annotate(line=known)
        .filter(line=None)
        .values_list("entry__idempotency_key", "currency")
        .annotate(sum=Sum("amount"))
        .order_by("entry__idempotency_key")
    )
    for key, currency, amount in alone:
        if amount:
            yield (
                f"The entry {key} moves {Money(amount, currency)} in clearing, "
                "and no line of the processor says so."
            )


def _other_amounts() -> Iterator[str]:
    """A line that changed at the processor after it was booked."""
    sums = (
        Posting.objects.filter(
            entry=OuterRef("entry"), account__code=CLEARING, currency=OuterRef("currency")
        )
        .values("entry")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    lines = ProcessorTransaction.objects.filter(entry__isnull=False).annotate(
        booked=Coalesce(Subquery(sums), 0)
    )
    for line in lines.exclude(booked=F("net")).order_by("pk"):
        booked = Money(line.booked, line.currency)
        yield (
            f"The processor’s line {line.balance_transaction} is {line.money} net, "
            f"its entry moves {booked} in clearing."
        )


def _payments_without_entry() -> Iterator[str]:
    """Paid through the processor, and it has not told the line yet."""
    waiting = Payment.objects.filter(
        status=Status.SUCCEEDED, entry=None, stripe_intent__isnull=False
    ).order_by("pk")
    for payment in waiting:
        reason = payment.problem or "The processor has not settled it yet."
        yield f"Payment {payment.public_id} of {payment.money} has no entry: {reason}"


# --- (b) balances ---------------------------------------------------------------------------------


def _balances(balance: stripe.Balance) -> Iterator[str]:
    theirs: Counter[str] = Counter()
    for parts in (balance.available, balance.pending):
        for part in parts:
            money = from_stripe(part.amount, part.currency)
            theirs[money.currency] += money.amount
    ours: Counter[str] = Counter()
    for _pool, currency, amount in _clearing():
        ours[currency] += amount
    # A payout whose parts are not listed yet has left the processor's balance already.
    under_way: Counter[str] = Counter()
    for payout in ProcessorPayout.objects.all():
        if processor_payouts.is_waiting(payout):
            under_way[payout.currency] += payout.amount
    for currency in sorted({*theirs, *ours, *under_way}):
        expected = ours[currency] - under_way[currency]
        if theirs[currency] != expected:
            yield (
                f"The processor’s balance is {Money(theirs[currency], currency)}, clearing holds "
                f"{Money(expected, currency)}: a difference of "
                f"{Money(theirs[currency] - expected, currency)}."
            )


def _below_zero() -> Iterator[str]:
    for pool, currency, amount in _clearing():
        if amount < 0:
            yield (
                f"Clearing of the pool “{pool}” is below zero: {Money(amount, currency)}. More went "
                "back than came since the last payout; what comes next makes up for it."
            )


def _clearing() -> Iterator[tuple[str, str, int]]:
    """Pool, currency and what clearing holds, wherever it was ever used."""
    yield from (
        AccountBalance.objects.filter(account__code=CLEARING)
        .values_list("account__pool_code", "account__currency")
        .annotate(sum=Sum("amount"))
        .order_by("account__pool_code", "account__currency")
    )


# --- (c) the inbox --------------------------------------------------------------------------------


def _events(now: datetime.datetime) -> Iterator[str]:
    for event in StripeEvent.objects.filter(processed_at=None).order_by("pk"):
        if event.last_error:
            yield (
                f"Event {event.event_id} ({event.type}) failed {event.attempts} times: "
                f"{event.last_error}"
            )
        elif event.received_at < now - PATIENCE:
            yield f"Event {event.event_id} ({event.type}) waits since {event.received_at:%F %H:%M}."
