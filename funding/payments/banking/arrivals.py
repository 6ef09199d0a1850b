"""Money that was on its way arrives on the statement: a payout of the processor, or what a manual
channel's operator collected."""

from collections import Counter
from collections.abc import Sequence

from django.db.models import Exists, OuterRef, QuerySet

from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from funding.ledger import templates
from funding.ledger.models import Entry
from funding.payments.banking import refusals
from funding.payments.banking.confirming import (
    Kind,
    Part,
    about_of,
    book,
    book_charge_beside,
    take,
    write,
)
from funding.payments.models import (
    BankLine,
    Channel,
    Match,
    Payment,
    ProcessorPayout,
    ProcessorTransaction,
    Status,
)

IN_TRANSIT = "in-transit"


def payouts_in_transit(currency: str) -> QuerySet[ProcessorPayout]:
    """Payouts of the processor that are booked as on their way and on no statement yet."""
    booked = ProcessorTransaction.objects.filter(
        source=OuterRef("stripe_payout"), type="payout", entry__isnull=False
    )
    return ProcessorPayout.objects.filter(
        Exists(booked),
        currency=currency,
        status__in=[ProcessorPayout.Status.IN_TRANSIT, ProcessorPayout.Status.PAID],
    ).exclude(matches__in=Match.objects.filter(kind=Kind.IN_TRANSIT, undone_at=None))


def payments_in_transit(currency: str) -> QuerySet[Payment]:
    """Payments by manual channels that are confirmed, and on no statement yet."""
    return (
        Payment.objects.filter(
            channel=Channel.MANUAL,
            status=Status.SUCCEEDED,
            settled_currency=currency,
            entry__isnull=False,
        )
        .exclude(matches__in=Match.objects.filter(kind=Kind.IN_TRANSIT, undone_at=None))
        .select_related("pool", "expected__channel")
    )


def parts_of(payout: ProcessorPayout) -> dict[str, int]:
    """What the payout's own entry put in transit, pool → amount; empty while it is not booked."""
    own = (
        ProcessorTransaction.objects.filter(
            source=payout.stripe_payout, type="payout", entry__isnull=False
        )
        .order_by("pk")
        .first()
    )
    return _in_transit_of(own.entry) if own is not None and own.entry is not None else {}


def _in_transit_of(entry: Entry) -> dict[str, int]:
    parts: Counter[str] = Counter()
    rows = entry.postings.filter(account__code=IN_TRANSIT).select_related("pool")
    for row in rows:
        parts[row.pool.code] += row.amount
    return {pool: amount for pool, amount in parts.items() if amount}


@inside_transaction
def payout_arrived(
    line: BankLine, payout: ProcessorPayout, amount: Money | None = None, *, by: User
) -> Match:
    """The line is this payout of the processor; what a bank kept of it on the way is a charge.

    Raises NotInTransit, MoreThanInTransit, ChargeTooLarge, InOtherCurrency and what `take` does. A
    payout below zero, by which the processor collects, is a line that went out.
    """
    part = take(line, amount, by=by, came=payout.amount > 0)
    payout = ProcessorPayout.objects.select_for_update().get(pk=payout.pk)
    if payout.currency != part.line.currency:
        raise refusals.InOtherCurrency(line=part.line.currency, other=payout.currency)
    parts = parts_of(payout)
    arrived_before = payout.matches.filter(kind=Kind.IN_TRANSIT, undone_at=None).exists()
    if not parts or arrived_before:
        raise refusals.NotInTransit(what=payout.stripe_payout)
    transit = sum(parts.values())
    kept = _kept(part, transit)
    match = write(part, Kind.IN_TRANSIT, by=by)
    match.processor_payout = payout
    match.save(update_fields=["processor_payout"])
    return _arrive(match, parts, kept, by=by)


@inside_transaction
def payments_arrived(
    line: BankLine, payments: Sequence[Payment], amount: Money | None = None, *, by: User
) -> list[Match]:
    """The line is what a channel's operator paid on for these payments, less what it kept.

    One match for each payment. What the operator kept is a charge; it is told from the largest.
    Raises as `payout_arrived`, and AmountWanted for no payments.
    """
    part = take(line, amount, by=by, came=True)
    locked = list(
        Payment.objects.filter(pk__in=[payment.pk for payment in payments])
        .select_for_update(of=("self",))
        .order_by("pk")
    )
    if not locked:
        raise refusals.AmountWanted
    waiting = set(payments_in_transit(part.line.currency).values_list("pk", flat=True))
    for payment in locked:
        if payment.pk not in waiting:
            raise refusals.NotInTransit(what=f"{payment.payer_name}, {payment.money.format()}")
    kept = _kept(part, sum(payment.settled_gross or 0 for payment in locked))
    largest = max(locked, key=lambda payment: payment.settled_gross or 0)
    if kept >= (largest.settled_gross or 0):
        raise refusals.ChargeTooLarge(
            arrived=part.money.format(),
            transit=Money(part.amount + kept, part.line.currency).format(),
            charge=Money(kept, part.line.currency).format(),
        )
    matches = []
    for payment in locked:
        assert payment.entry is not None
        parts = _in_transit_of(payment.entry)
        less = kept if payment == largest else 0
        share = sum(parts.values()) - less
        match = write(part, Kind.IN_TRANSIT, by=by, payment=payment, amount=share)
        matches.append(_arrive(match, parts, less, by=by))
    return matches


def _kept(part: Part, transit: int) -> int:
    """What did not arrive of what was on its way. Raises MoreThanInTransit."""
    if part.amount > abs(transit) or (transit < 0 and part.amount != -transit):
        raise refusals.MoreThanInTransit(
            arrived=part.money.format(),
            transit=Money(abs(transit), part.line.currency).format(),
        )
    return 0 if transit < 0 else transit - part.amount


@inside_transaction
def _arrive(match: Match, parts: dict[str, int], kept: int, *, by: User) -> Match:
    # The pool of `about` is not used: the parts name theirs.
    entry = templates.payout_arrived(parts=parts, **about_of(match, next(iter(parts)), by))
    book(match, entry)
    if kept:
        book_charge_beside(match, kept, by=by)
    return match
