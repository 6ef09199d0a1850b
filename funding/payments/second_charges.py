"""Money of a payment that the payment does not count: a second charge, or one of another amount.

It came, so it stands in the books: owed back whole, in the pool of the payment that it named. Staff
read of it on that payment and give it back in the processor's dashboard; that refund, and a dispute
of it, post from their lines alone. The payment, its receipt and its refunds are left as they are.
"""

from dataclasses import dataclass
from typing import Any

import stripe

from core.transactions import inside_transaction, use_case
from funding.ledger import templates
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry
from funding.ledger.posting import post
from funding.payments import (
    disputes,
    money_back,
    present_state,
    problems,
    processor_lines,
    progress,
)
from funding.payments.models import Dispute, Payment, ProcessorTransaction, Refund
from funding.payments.processor_lines import moment
from funding.payments.stripe_client import client

SOURCE = "payment:"


@dataclass(frozen=True, slots=True)
class SecondCharge:
    """A charge that is owed back: its line, the entry of it, and the payment that it named."""

    line: ProcessorTransaction
    entry: Entry
    payment: Payment


def book(line: ProcessorTransaction, payment: Payment, intent: str) -> str:
    """Make the entry of a charge that ``payment`` does not count. What is in the way; "" if nothing.

    Raises stripe.StripeError.
    """
    state = present_state.of_intent(intent)
    with use_case():
        problem = progress.apply(payment.pk, state)
        payment = progress.lock(payment.pk)
        line = processor_lines.lock(line.pk)
        if line.entry_id is not None:
            return ""
        if not problem or state.charge != line.source or payment.stripe_charge == line.source:
            return f"Payment {payment.public_id} does not count charge {line.source}. {problem}"
        about = _about(payment, line)
        processor_lines.post_for(
            line,
            templates.overpayment_received(
                amount=line.amount, place="clearing", fee=line.fee, **about
            ),
        )
    return ""


def _about(payment: Payment, line: ProcessorTransaction) -> templates.About:
    return {
        "key": processor_lines.key_of(line.balance_transaction),
        "pool": payment.pool.code,
        "currency": line.currency,
        "date": processor_lines.day(line),
        "source": f"{SOURCE}{payment.public_id}",
    }


# --- What follows such a charge -------------------------------------------------------------------


def about(line: ProcessorTransaction) -> SecondCharge | None:
    """The second charge that a line (a refund, a dispute, a failed debit) is about, if it is one.

    Raises stripe.StripeError.
    """
    kept = (
        Refund.objects.filter(stripe_refund=line.source).exists()
        or Dispute.objects.filter(stripe_dispute=line.source).exists()
    )
    return None if kept or line.entry_id is not None else _find(_charge_of(line))


def _charge_of(line: ProcessorTransaction) -> str:
    """The charge that a line is about in the end."""
    if line.reporting_category in ("refund", "refund_failure"):
        return _id(client().v1.refunds.retrieve(line.source).charge)
    if line.reporting_category in ("dispute", "dispute_reversal"):
        return _id(client().v1.disputes.retrieve(line.source).charge)
    return line.source


def _find(charge: str) -> SecondCharge | None:
    if not charge or Payment.objects.filter(stripe_charge=charge).exists():
        return None
    line = (
        ProcessorTransaction.objects.select_related("entry")
        .filter(source=charge, reporting_category="charge", entry__source__startswith=SOURCE)
        .first()
    )
    if line is None or line.entry is None:
        return None
    named = line.entry.source.removeprefix(SOURCE)
    return SecondCharge(line, line.entry, Payment.objects.get(public_id=named))


def book_after(line: ProcessorTransaction, second: SecondCharge) -> str:
    """Make the entry of a line that is about a second charge. What is in the way; "" if nothing."""
    with use_case():
        payment = progress.lock(second.payment.pk)
        line = processor_lines.lock(line.pk)
        if line.entry_id is not None:
            return ""
        entry = _entry(payment, line, second)
        if entry is None:
            return f"More comes back of {line.source} than went."
        moved = sum(part.amount for part in entry.lines if part.account == "clearing")
        entry = templates.with_fee(
            entry, pool=payment.pool.code, currency=line.currency, fee=moved - line.net
        )
        processor_lines.post_for(line, entry)
        if line.reporting_category == "dispute":
            problems.add(
                payment,
                f"{disputes.PROBLEM} {line.source}: the payer’s bank took back money of a second "
                f"charge ({second.line.source}). Answer at Stripe.",
            )
    return ""


def _entry(payment: Payment, line: ProcessorTransaction, second: SecondCharge) -> NewEntry | None:
    about = _about(payment, line)
    if line.reporting_category == "charge_failure":
        return _opposite(second.entry, line)
    if line.reporting_category == "refund":
        return templates.overpayment_given_back(amount=-line.amount, place="clearing", **about)
    if line.reporting_category == "refund_failure":
        refunded = Entry.objects.filter(
            processor_transaction__source=line.source,
            processor_transaction__reporting_category="refund",
        ).first()
        return _opposite(refunded, line) if refunded else None
    if line.amount < 0:
        return templates.dispute_opened(amount=-line.amount, fee=0, **about)
    if disputes.held_of(line.source) >= line.amount:
        return templates.dispute_won(amount=line.amount, **about)
    if not Entry.objects.filter(idempotency_key=disputes.lost_key_of(line.source)).exists():
        return None
    return templates.dispute_won_on_appeal(amount=line.amount, paid="too-much", **about)


def _opposite(entry: Entry, line: ProcessorTransaction) -> NewEntry:
    return templates.failed_later(
        money_back.booked(entry),
        key=processor_lines.key_of(line.balance_transaction),
        date=processor_lines.day(line),
    )


# --- Disputes of it that were lost ----------------------------------------------------------------


def book_lost() -> int:
    """Say in the books that what lost disputes of second charges held is gone; how many it said.

    No row of ours tells how such a dispute stands, so Stripe is asked while something is held.
    Raises stripe.StripeError.
    """
    kept = Dispute.objects.values("stripe_dispute")
    opened = ProcessorTransaction.objects.filter(
        reporting_category="dispute", entry__source__startswith=SOURCE
    ).exclude(source__in=kept)
    made = 0
    for source in opened.order_by("source").values_list("source", flat=True).distinct():
        if disputes.held_of(source):
            dispute = client().v1.disputes.retrieve(source)
            second = _find(_id(dispute.charge))
            if dispute.status == "lost" and second is not None:
                with use_case():
                    made += _book_lost(dispute, second)
    return made


@inside_transaction
def _book_lost(dispute: stripe.Dispute, second: SecondCharge) -> bool:
    payment = progress.lock(second.payment.pk)
    held = disputes.held_of(dispute.id)
    lines = ProcessorTransaction.objects.filter(source=dispute.id)
    if not held or lines.filter(entry=None).exists():
        return False
    last = lines.latest("created_at")
    about = _about(payment, last)
    about["key"] = disputes.lost_key_of(dispute.id)
    about["date"] = max(processor_lines.day(last), moment(dispute.created).date())
    post(templates.overpayment_disputed_lost(amount=held, **about))
    problems.remove(payment, f"{disputes.PROBLEM} {dispute.id}")
    problems.add(
        payment,
        f"{disputes.PROBLEM} {dispute.id} of a second charge ({second.line.source}) was lost.",
    )
    return True


def _id(thing: Any) -> str:
    return thing if isinstance(thing, str) else str(getattr(thing, "id", "") or "")
