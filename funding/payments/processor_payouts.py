"""Payouts of the processor: what it sends to our bank, split into each pool's part.

Once Stripe has reconciled an automatic payout it lists the lines that left with it; each pool's part
is what the entries of those lines moved in its clearing account. Where a line has no entry the rest
is a problem for people, never a guess. A payout that somebody asked for by hand has no such list,
and one that failed before it was reconciled never gets one: those are divided over the pools in
proportion to what clearing holds for each, cents by largest remainder (docs/accounting-policy.md).
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import stripe
from django.db.models import Sum

from core import audit
from core.money import split_by
from core.transactions import inside_transaction, use_case
from funding.ledger import templates
from funding.ledger.models import AccountBalance, Posting
from funding.payments import jobs, money_back, processor_lines
from funding.payments.handlers import Applied, Handler
from funding.payments.models import ProcessorPayout, ProcessorTransaction
from funding.payments.processor_lines import moment
from funding.payments.stripe_client import client
from funding.payments.stripe_units import from_stripe

Status = ProcessorPayout.Status


@dataclass(frozen=True, slots=True)
class Seen:
    """A payout as Stripe has it now, with its own balance transactions and, if listed, its parts."""

    payout: stripe.Payout
    parts: list[stripe.BalanceTransaction]


# --- Facts ----------------------------------------------------------------------------------------


def _fetch(thing: dict[str, Any]) -> Seen | None:
    return seen(str(thing.get("id")))


def seen(payout_id: str) -> Seen:
    """The payout as it stands. Raises stripe.StripeError."""
    payout = client().v1.payouts.retrieve(
        payout_id, {"expand": ["balance_transaction", "failure_balance_transaction"]}
    )
    parts = []
    if payout.automatic and payout.reconciliation_status == "completed":
        listed = client().v1.balance_transactions.list({"payout": payout_id, "limit": 100})
        parts = list(listed.auto_paging_iter())
    return Seen(payout, parts)


@inside_transaction
def apply(found: Seen) -> Applied:
    """Keep how a payout stands and which lines left with it, and have those booked, then its own."""
    for line in _keep(found):
        if line.entry_id is None:
            jobs.book_line.enqueue(line_id=line.pk)
    return Applied()


def _keep(found: Seen) -> list[ProcessorTransaction]:
    """Keep what was found. Returns its parts and, last, its own lines: it left, perhaps came back."""
    told = found.payout
    money = from_stripe(told.amount, told.currency)
    # A row that is locked or not there yet: two events of one payout wait for each other.
    before = ProcessorPayout.objects.select_for_update().filter(stripe_payout=told.id).first()
    payout, _created = ProcessorPayout.objects.update_or_create(
        stripe_payout=told.id,
        defaults={
            "amount": money.amount,
            "currency": money.currency,
            "status": told.status,
            "automatic": told.automatic,
            "reconciled": told.reconciliation_status == "completed",
            "arrival_on": moment(told.arrival_date).date(),
            "failure": (told.failure_message or told.failure_code or "")[:500],
            "created_at": moment(told.created),
        },
    )
    if before is None or before.status != payout.status:
        audit.record(
            "payments.processor_payout_told",
            payout,
            by=None,
            status=payout.status,
            why=payout.failure,
        )
    parts = [processor_lines.keep(part, payout) for part in found.parts]
    own = (told.balance_transaction, told.failure_balance_transaction)
    own_lines = [
        processor_lines.keep(line) for line in own if isinstance(line, stripe.BalanceTransaction)
    ]
    return [*(part for part in parts if part not in own_lines), *own_lines]


# --- The books ------------------------------------------------------------------------------------


def book(line: ProcessorTransaction) -> str:
    """Make the entry of a payout's line. What is in the way, for staff; "" if it merely waits."""
    found = ProcessorPayout.objects.filter(stripe_payout=line.source).first()
    if found is None or is_waiting(found):
        found = _look_up(line.source)
    if is_waiting(found):
        return ""
    with use_case():
        payout = ProcessorPayout.objects.select_for_update().get(pk=found.pk)
        line = processor_lines.lock(line.pk)
        if line.entry_id is not None:
            return ""
        if line.reporting_category == "payout_reversal":
            return _book_return(payout, line)
        return _book_payout(payout, line)


def is_waiting(payout: ProcessorPayout) -> bool:
    """Whether its parts will be listed later, so that it is not in the books yet."""
    gone = payout.status in (Status.FAILED, Status.CANCELED)
    return payout.automatic and not payout.reconciled and not gone


def _look_up(payout_id: str) -> ProcessorPayout:
    """A payout that no event has told of, or that may be reconciled by now."""
    found = seen(payout_id)
    with use_case():
        _keep(found)
    return ProcessorPayout.objects.get(stripe_payout=payout_id)


@inside_transaction
def _book_payout(payout: ProcessorPayout, line: ProcessorTransaction) -> str:
    if payout.reconciled:
        open_lines = payout.parts.exclude(pk=line.pk).filter(entry=None)
        if open_lines:
            names = ", ".join(part.balance_transaction for part in open_lines[:10])
            return f"Payout {payout} holds lines that are not in the books: {names}."
        parts = _parts(payout, line)
    else:
        parts = divide(-line.net, _clearing_of_pools(line.currency))
    if sum(parts.values()) != -line.net:
        return (
            f"Payout {payout} is {-line.net} {line.currency} (minor units), "
            f"what is known of its parts adds up to {sum(parts.values())}."
        )
    entry = templates.payout_created(
        parts=parts,
        key=processor_lines.key_of(line.balance_transaction),
        pool="",
        currency=line.currency,
        date=processor_lines.day(line),
        source=f"processor-payout:{payout.pk}",
    )
    processor_lines.post_for(line, entry)
    return ""


def _parts(payout: ProcessorPayout, line: ProcessorTransaction) -> dict[str, int]:
    """Pool → what the entries of the lines that left with a payout moved in its clearing."""
    moved = (
        Posting.objects.filter(
            entry__processor_transaction__in=payout.parts.exclude(pk=line.pk),
            account__code="clearing",
            currency=line.currency,
        )
        .values_list("pool__code")
        .annotate(sum=Sum("amount"))
        .order_by("pool__code")
    )
    return dict(moved)


@inside_transaction
def _book_return(payout: ProcessorPayout, line: ProcessorTransaction) -> str:
    """A payout failed or was cancelled: the opposite of its entry."""
    sent = (
        ProcessorTransaction.objects.filter(
            source=payout.stripe_payout, reporting_category="payout"
        )
        .select_related("entry")
        .first()
    )
    if sent is None or sent.entry is None:
        return ""
    entry = templates.failed_later(
        money_back.booked(sent.entry),
        key=processor_lines.key_of(line.balance_transaction),
        date=processor_lines.day(line),
    )
    processor_lines.post_for(line, entry)
    return ""


def _clearing_of_pools(currency: str) -> dict[str, int]:
    """Pool → what clearing holds for it now, where that is above zero."""
    held = (
        AccountBalance.objects.filter(account__code="clearing", account__currency=currency)
        .values_list("account__pool_code")
        .annotate(sum=Sum("amount"))
        .order_by("account__pool_code")
    )
    return {pool: amount for pool, amount in held if amount > 0}


def divide(amount: int, weights: Mapping[str, int]) -> dict[str, int]:
    """``amount`` in proportion to ``weights``, whole minor units; the rest by largest remainder.

    Of equal remainders the first name gets it. Nothing where there is no weight.
    """
    names = sorted(weights)
    return dict(zip(names, split_by(amount, [weights[name] for name in names]), strict=False))


_HANDLER = Handler(_fetch, apply)
HANDLERS: dict[str, Handler[Any]] = {
    "payout.created": _HANDLER,
    "payout.updated": _HANDLER,
    "payout.paid": _HANDLER,
    "payout.failed": _HANDLER,
    "payout.canceled": _HANDLER,
    "payout.reconciliation_completed": _HANDLER,
}
