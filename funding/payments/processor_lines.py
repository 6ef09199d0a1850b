"""The lines of the processor's own books (Stripe's balance transactions) and their entries.

Each line makes one entry, keyed by its id (design.md §5). What kind of line makes which entry is
known to refunds.py, disputes.py and processor_payouts.py; processor_books.py sends each to its own.
"""

import datetime

import stripe

from core.transactions import inside_transaction
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry
from funding.ledger.posting import post
from funding.payments.models import ProcessorPayout, ProcessorTransaction
from funding.payments.stripe_units import from_stripe


class DoesNotAddUp(RuntimeError):
    """An entry would move clearing by another amount than the processor moved our balance."""


def key_of(balance_transaction: str) -> str:
    """The idempotency key of a line's entry."""
    return f"stripe:{balance_transaction}"


@inside_transaction
def keep(
    transaction: stripe.BalanceTransaction, payout: ProcessorPayout | None = None
) -> ProcessorTransaction:
    """Keep a balance transaction as a line, in ISO units; what is here already is brought up to date.

    ``payout`` is the one it left with, where that is known. Raises UnexpectedUnits.
    """
    amount = from_stripe(transaction.amount, transaction.currency)
    source = transaction.source
    facts = {
        "type": transaction.type,
        "reporting_category": transaction.reporting_category or "",
        "amount": amount.amount,
        "fee": from_stripe(transaction.fee, transaction.currency).amount,
        "net": from_stripe(transaction.net, transaction.currency).amount,
        "currency": amount.currency,
        "source": (source if isinstance(source, str) else getattr(source, "id", "")) or "",
        "created_at": moment(transaction.created),
        "available_on": moment(transaction.available_on).date(),
    }
    if payout is not None:
        facts["payout"] = payout
    line, _created = ProcessorTransaction.objects.update_or_create(
        balance_transaction=transaction.id, defaults=facts
    )
    if line.entry_id is None:
        # It may have been booked before its line was read, as payments usually are.
        line.entry = Entry.objects.filter(idempotency_key=key_of(transaction.id)).first()
        if line.entry is not None:
            line.problem = ""
            line.save(update_fields=["entry", "problem"])
    return line


@inside_transaction
def lock(line_id: int) -> ProcessorTransaction:
    """The line with its row locked until the transaction ends."""
    return ProcessorTransaction.objects.select_for_update(of=("self",)).get(pk=line_id)


@inside_transaction
def post_for(line: ProcessorTransaction, entry: NewEntry) -> int:
    """Post the entry of a locked line and name it there. Returns the entry's id.

    Raises DoesNotAddUp, and what `post` raises.
    """
    moved = sum(
        part.amount
        for part in entry.lines
        if part.account == "clearing" and part.currency == line.currency
    )
    if moved != line.net or entry.key != key_of(line.balance_transaction):
        raise DoesNotAddUp(
            f"{line.balance_transaction} moves {line.net} {line.currency}, "
            f"its entry {entry.key} would move {moved}."
        )
    line.entry_id = post(entry).entry_id
    line.problem = ""
    line.save(update_fields=["entry", "problem"])
    return line.entry_id


def moment(timestamp: int) -> datetime.datetime:
    return datetime.datetime.fromtimestamp(timestamp, datetime.UTC)


def day(line: ProcessorTransaction) -> datetime.date:
    """The day a line happened, in UTC as Stripe's own reports have it."""
    return line.created_at.astimezone(datetime.UTC).date()
