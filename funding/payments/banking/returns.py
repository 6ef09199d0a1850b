"""What comes back: a payout of ours that bounced, a receipt that the bank took back, parked money
that was given back."""

from django.utils import timezone
from django.utils.translation import gettext as _

from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from funding.ledger import templates
from funding.payments import (
    credit_notes,
    money_back,
    outcomes,
    payout_purposes,
    payouts,
    progress,
)
from funding.payments.banking import refusals
from funding.payments.banking.confirming import (
    Kind,
    Part,
    about_of,
    book,
    book_charge_beside,
    failed_by_hand,
    key_of,
    left_of_parked,
    lock_line,
    take,
    write,
)
from funding.payments.models import BankLine, Match, Payment, Payout, Refund
from funding.payments.money_in import HOLDING


@inside_transaction
def payout_returned(
    line: BankLine, payout: Payout, amount: Money | None = None, *, by: User
) -> Match:
    """A payout of ours came back: it failed. What the banks kept of it is a charge. One that staff
    marked failed before is only found again on the statement.

    Raises PayoutNotReady, PayoutDiffers, PayoutTaken, and what `payouts.failed_at_bank` refuses.
    """
    part = take(line, amount, by=by, came=True)
    if payout.currency != part.line.currency:
        raise refusals.InOtherCurrency(line=part.line.currency, other=payout.currency)
    payouts.handler_of(payout.purpose).lock(payout.purpose_id)
    payout = Payout.objects.select_for_update(of=("self",)).get(pk=payout.pk)
    known = failed_by_hand(payout)
    if payout.place != Payout.Place.BANK or not (payout.status == Payout.Status.PAID or known):
        raise refusals.PayoutNotReady(status=payout.get_status_display())
    if payout.matches.filter(kind=Kind.PAYOUT_RETURNED, undone_at=None).exists():
        raise refusals.PayoutTaken
    if part.amount > payout.amount:
        raise refusals.PayoutDiffers(payout=payout.money.format(), line=part.money.format())
    match = write(part, Kind.PAYOUT_RETURNED, by=by, payout=payout)
    if not known:
        reason = _("It came back on %(day)s, by bank line %(line)s.") % {
            "day": part.line.booked_on.isoformat(),
            "line": part.line,
        }
        payouts.failed_at_bank(payout, on=part.line.booked_on, by=by, reason=reason)
        match.entry = payouts.entries_of_failure(payout).last()
        match.save(update_fields=["entry"])
    if part.amount < payout.amount:
        book_charge_beside(match, payout.amount - part.amount, by=by)
    return match


@inside_transaction
def receipt_returned(
    line: BankLine, payment: Payment, amount: Money | None = None, *, by: User
) -> Match:
    """The bank took a receipt of ours back (a cheque, a recall): it is refunded by that.

    Raises ReturnTooLarge for more than can still go back of the payment, and RefundRequested while
    somebody is about to give it back.
    """
    part = take(line, amount, by=by, came=False)
    payment = progress.lock(payment.pk)
    if payment.currency != part.line.currency:
        raise refusals.InOtherCurrency(line=part.line.currency, other=payment.currency)
    if asked := payouts.open_requests(payout_purposes.REFUND, payment.pk):
        raise refusals.RefundRequested(amount=Money(asked, payment.currency).format())
    if part.amount > payment.refundable.amount or payment.entry_id is None:
        raise refusals.ReturnTooLarge(wanted=part.money.format(), left=payment.refundable.format())
    match = write(part, Kind.RECEIPT_RETURNED, by=by, payment=payment)
    about = about_of(match, payment.pool.code, by)
    entry = money_back.refund_entry(
        payment,
        amount=part.amount,
        currency=part.line.currency,
        key=key_of(match),
        date=about["date"],
        prepared_by=about["prepared_by"],
        place="bank",
    )
    book(match, entry)
    now = timezone.now()
    Refund.objects.create(
        payment=payment,
        amount=part.amount,
        currency=payment.currency,
        status=Refund.Status.SUCCEEDED,
        entry_id=match.entry_id,
        created_at=now,
        told_at=now,
    )
    outcomes.outcome_of(payment.purpose).given_back(payment, part.amount)
    credit_notes.after_refund(payment, by=by)
    return match


@inside_transaction
def parked_returned(
    line: BankLine, parked: Match, amount: Money | None = None, *, by: User
) -> Match:
    """Parked money went back to where it came from: two rows, one on each line, one entry.

    The row on the line that parked it says that it waits no more (`companion_of`).
    """
    # Lines are locked in the order of their keys, so that two of these cannot wait for each other.
    for each in sorted({line.pk, parked.line_id}):
        lock_line(BankLine(pk=each))
    part = take(line, amount, by=by, came=False)
    if parked.line.currency != part.line.currency:
        raise refusals.InOtherCurrency(line=part.line.currency, other=parked.line.currency)
    parked = Match.objects.select_for_update(of=("self",), no_key=True).get(pk=parked.pk)
    waits = left_of_parked(parked)
    if waits.amount == 0:
        raise refusals.NotParked
    if part.amount > waits.amount:
        raise refusals.MoreThanTheLine(wanted=part.money.format(), left=waits.format())
    match = write(part, Kind.PARKED_RETURNED, by=by)
    book(match, templates.receipt_returned(amount=part.amount, **about_of(match, HOLDING, by)))
    taken = Part(parked.line, part.amount, parked)
    write(taken, Kind.PARKED_RETURNED, by=by, note=_mark(match))
    return match


def companion_of(match: Match) -> Match | None:
    """The row on the line that had parked the money which ``match`` gave back."""
    return Match.objects.filter(
        kind=Kind.PARKED_RETURNED, note=_mark(match), undone_at=None, parked__isnull=False
    ).first()


def _mark(match: Match) -> str:
    return f"match:{match.pk}"
