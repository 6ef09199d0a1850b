"""Taking a match back: a reversing entry, and the line is free again. The match itself stays."""

from django.utils import timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from funding.ledger.models import Entry
from funding.ledger.posting import reverse
from funding.payments import credit_notes, outcomes, payout_purposes, payouts, progress
from funding.payments.banking import refusals
from funding.payments.banking.accounts import require_right
from funding.payments.banking.confirming import Kind, key_of, lock_line
from funding.payments.banking.returns import companion_of
from funding.payments.models import Match, Payment, Payout, Refund, Status
from funding.payments.permissions import CONFIRM_MATCH

# What stands in the public books as the reason; the words of staff stay in the log, for they may
# name people.
PUBLIC_REASON = "Matched by mistake"
LIVE = (*payouts.OPEN, Payout.Status.PAID)


@inside_transaction
def undo(match: Match, *, by: User, reason: str) -> Match:
    """Take back what a match did. Raises UndoneAlready, ReasonWanted, GivenBackSince, OwedBackPaid,
    ParkedMatched, ArrivedSince, PayoutFailedForGood, AskedForAgain, NotPermitted."""
    require_right(by, CONFIRM_MATCH)
    line = lock_line(match.line)
    match = Match.objects.select_for_update(of=("self",), no_key=True).get(pk=match.pk)
    match.line = line
    if match.undone_at is not None:
        raise refusals.UndoneAlready
    if not reason.strip():
        raise refusals.ReasonWanted
    if match.kind == Kind.PARKED_RETURNED and match.parked_id is not None:
        # It has no entry of its own: what gave the money back is undone, and takes this along.
        raise refusals.ParkedMatched
    _take_back(match, by=by, reason=reason.strip())
    _mark_undone(match, by=by, reason=reason)
    return match


def _take_back(match: Match, *, by: User, reason: str) -> None:
    match match.kind:
        case Kind.PAYMENT:
            assert match.payment is not None
            take_back_payment(match.payment, by=by, reason=reason)
        case Kind.RECEIPT_RETURNED:
            _receipt_stands_again(match, by=by)
        case Kind.PAYOUT:
            _payout_was_not_paid(match, by=by, reason=reason)
        case Kind.PAYOUT_RETURNED:
            _payout_was_paid(match, by=by)
        case _:
            _require_untouched(match)
            _reverse(match, by=by)


@inside_transaction
def take_back_payment(payment: Payment, *, by: User, reason: str) -> Payment:
    """The payment never came: its entry is reversed, its receipt void, what it achieved taken back.

    Raises GivenBackSince for a payment of which something was refunded, disputed, or is asked back;
    ArrivedSince where its money was seen arriving.
    """
    payment = progress.lock(payment.pk)
    if payment.status != Status.SUCCEEDED:
        raise refusals.UndoneAlready
    back = payment.refunded.amount + payment.disputed.amount
    back += payouts.open_requests(payout_purposes.REFUND, payment.pk)
    if back:
        raise refusals.GivenBackSince(amount=Money(back, payment.currency).format())
    if payment.matches.filter(kind=Kind.IN_TRANSIT, undone_at=None).exists():
        raise refusals.ArrivedSince
    if payment.entry is not None:
        reverse(payment.entry, reason=PUBLIC_REASON, by=by)
    progress.step(payment, Status.UNDONE)
    payment.save(update_fields=["status"])
    outcomes.outcome_of(payment.purpose).undone(payment)
    receipt = payment.receipt
    if receipt is not None:
        credit_notes.void_receipt(receipt, reason=reason, by=by)
    return payment


def _receipt_stands_again(match: Match, *, by: User) -> None:
    assert match.payment is not None
    assert match.entry_id is not None
    payment = progress.lock(match.payment.pk)
    refund = Refund.objects.select_for_update().get(entry_id=match.entry_id)
    _reverse(match, by=by)
    refund.status = Refund.Status.FAILED
    refund.failure = PUBLIC_REASON
    refund.taken_back_at = timezone.now()
    refund.save(update_fields=["status", "failure", "taken_back_at"])
    outcomes.outcome_of(payment.purpose).kept_after_all(payment, refund.amount)
    credit_notes.after_refund(payment, by=by)


def _payout_was_not_paid(match: Match, *, by: User, reason: str) -> None:
    """A payout that this match marked paid was not paid: it failed, and can be asked for again. One
    that staff had marked before is only off the statement."""
    assert match.payout is not None
    if match.entry_id is None:
        return
    if match.payout.status != Payout.Status.PAID:
        raise refusals.PayoutFailedForGood
    payouts.failed_at_bank(match.payout, on=timezone.localdate(), by=by, reason=reason)


def _payout_was_paid(match: Match, *, by: User) -> None:
    """What came was another's money: the payout stands as paid. One that staff had marked failed
    before stays so; it is only off the statement."""
    assert match.payout is not None
    payout = match.payout
    payouts.handler_of(payout.purpose).lock(payout.purpose_id)
    if match.entry_id is None:
        _reverse(match, by=by)  # what the banks kept of it
        return
    subject = Payout.objects.filter(purpose=payout.purpose, purpose_id=payout.purpose_id)
    if subject.filter(pk__gt=payout.pk, status__in=LIVE).exists():
        raise refusals.AskedForAgain
    _reverse(match, by=by)
    payout = payouts.paid_after_all(payout, by=by)
    refund = Refund.objects.select_for_update(of=("self",)).filter(payout=payout).first()
    if refund is None:  # an overpayment: what is owed back is read from the payouts
        return
    payment = progress.lock(refund.payment_id)
    refund.status, refund.failure, refund.taken_back_at = Refund.Status.SUCCEEDED, "", None
    refund.save(update_fields=["status", "failure", "taken_back_at"])
    outcomes.outcome_of(payment.purpose).given_back(payment, refund.amount)
    credit_notes.after_refund(payment, by=by)


def _require_untouched(match: Match) -> None:
    """Nothing was built on the match since."""
    if match.kind == Kind.PARKED and match.resolved_by.filter(undone_at=None).exists():
        raise refusals.ParkedMatched
    if (
        match.kind == Kind.OWED_BACK
        and Payout.objects.filter(
            purpose=payout_purposes.OVERPAYMENT, purpose_id=match.pk, status__in=LIVE
        ).exists()
    ):
        raise refusals.OwedBackPaid


def _reverse(match: Match, *, by: User) -> None:
    if match.entry is not None:
        reverse(match.entry, reason=PUBLIC_REASON, by=by)
    beside = Entry.objects.filter(idempotency_key=f"{key_of(match)}:charge").first()
    if beside is not None:
        reverse(beside, reason=PUBLIC_REASON, by=by)
    if match.kind == Kind.PARKED_RETURNED:
        companion = companion_of(match)
        if companion is not None:
            _mark_undone(companion, by=by, reason=PUBLIC_REASON)


def _mark_undone(match: Match, *, by: User, reason: str) -> None:
    match.undone_by, match.undone_at = by, timezone.now()
    match.undone_reason = reason.strip()[:500]
    match.save(update_fields=["undone_by", "undone_at", "undone_reason"])
    audit.record(
        "payments.undo_match",
        match.line,
        by=by,
        reason=match.undone_reason,
        match=match.pk,
        kind=match.kind,
        amount=str(match.money),
    )
