"""What a bank line, or a part of it, turned out to be: each verb locks the line, holds the rule,
writes the match and posts its entry.

The verbs are parts of a use case: ``with use_case(): park(line, by=...)``; `preview` runs one for
nothing, to show what it would book. ``amount`` is money above zero; without it, all that is left.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace

from django.db.models import Q, Sum

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.ledger import templates
from funding.ledger.entries import NewEntry, person
from funding.ledger.models import Entry, Pool
from funding.ledger.posting import post
from funding.ledger.templates import About
from funding.payments import payouts, progress
from funding.payments.banking import refusals
from funding.payments.banking.accounts import (
    GENERAL,
    ensure_accounts,
    ensure_general,
    ensure_holding,
    require_right,
)
from funding.payments.banking.receiving import (
    lock_expected,
    noon,
    receive,
    record,
    require_payable,
)
from funding.payments.models import (
    BankLine,
    BankStatement,
    Channel,
    ExpectedPayment,
    Match,
    Payment,
    Payout,
)
from funding.payments.money_in import HOLDING
from funding.payments.outcomes import Settlement
from funding.payments.permissions import CONFIRM_MATCH

__all__ = [
    "charge",
    "entries_of",
    "left_of",
    "left_of_parked",
    "match_to_expected",
    "owe_back",
    "paid_out",
    "park",
    "preview",
    "receive",
    "require_unchanged",
]

Kind = Match.Kind


# --- What is left of a line -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Part:
    """A part of a locked line that a verb is about; ``amount`` is above zero. ``parked``: the money
    was parked before and is taken from there."""

    line: BankLine
    amount: int
    parked: Match | None = None

    @property
    def money(self) -> Money:
        return Money(self.amount, self.line.currency)

    @property
    def signed(self) -> int:
        return self.amount if self.line.amount > 0 else -self.amount


def left_of(line: BankLine) -> Money:
    """What of a line no match that stands explains; signed like the line."""
    matched = line.matches.filter(parked=None, undone_at=None).aggregate(sum=Sum("amount"))["sum"]
    return Money(line.amount - (matched or 0), line.currency)


def left_of_parked(parked: Match) -> Money:
    """What of parked money waits still."""
    if parked.undone_at is not None or parked.kind != Kind.PARKED:
        return Money(0, parked.line.currency)
    taken = parked.resolved_by.filter(undone_at=None).aggregate(sum=Sum("amount"))["sum"]
    return Money(parked.amount - (taken or 0), parked.line.currency)


@inside_transaction
def lock_line(line: BankLine) -> BankLine:
    """The line locked. Raises StatementDiscarded."""
    line = (
        BankLine.with_discarded.select_related("statement__account")
        .select_for_update(of=("self",), no_key=True)
        .get(pk=line.pk)
    )
    # Asked once the lock is held: discarding holds it until it is done.
    if not BankStatement.objects.filter(pk=line.statement_id).exists():
        raise refusals.StatementDiscarded
    return line


@inside_transaction
def require_unchanged(line: BankLine, left: int | None, parked: Match | None = None) -> None:
    """Lock the line; ``left`` is what was left of it (or of what is parked) on the page that was
    decided on, in minor units above zero. Raises LineChanged where that is another by now: it was
    decided on already, in another tab or by somebody else.
    """
    line = lock_line(line)
    now = left_of(line) if parked is None else left_of_parked(parked)
    # What is matched whole, the verb says itself.
    if now.amount and abs(now.amount) != left:
        raise refusals.LineChanged


@inside_transaction
def take(
    line: BankLine,
    amount: Money | None,
    *,
    by: User,
    came: bool | None,
    parked: Match | None = None,
) -> Part:
    """Lock the line and take a part of what is left of it (or of what is parked).

    ``came``: whether the line must be money that came in, or went out; None takes both. Raises
    NotPermitted, NotMoneyIn, NotMoneyOut, NothingLeft, NotParked, MoreThanTheLine, AmountWanted,
    InOtherCurrency.
    """
    require_right(by, CONFIRM_MATCH)
    line = lock_line(line)
    if came is True and line.amount < 0:
        raise refusals.NotMoneyIn
    if came is False and line.amount > 0:
        raise refusals.NotMoneyOut
    if parked is not None:
        parked = Match.objects.select_for_update(of=("self",), no_key=True).get(pk=parked.pk)
        left = left_of_parked(parked)
        if parked.line_id != line.pk or left.amount == 0:
            raise refusals.NotParked
    else:
        left = left_of(line)
        if left.amount == 0:
            raise refusals.NothingLeft
    whole = abs(left.amount)
    wanted = whole if amount is None else amount.amount
    if amount is not None and amount.currency != line.currency:
        raise refusals.InOtherCurrency(line=line.currency, other=amount.currency)
    if wanted <= 0:
        raise refusals.AmountWanted
    if wanted > whole:
        raise refusals.MoreThanTheLine(
            wanted=Money(wanted, line.currency).format(),
            left=Money(whole, line.currency).format(),
        )
    return Part(line, wanted, parked)


# --- Verbs ----------------------------------------------------------------------------------------


@inside_transaction
def match_to_expected(
    line: BankLine,
    expected: ExpectedPayment,
    amount: Money | None = None,
    *,
    by: User,
    parked: Match | None = None,
) -> Match:
    """The line paid what was expected, or a part of it; the rest stays expected.

    Raises what `take` and `receiving.require_payable` refuse.
    """
    part = take(line, amount, by=by, came=True, parked=parked)
    expected = lock_expected(expected)
    require_payable(expected, part.money)
    payment = record(
        expected,
        part.money,
        paid_at=noon(part.line.booked_on),
        payer_amount=_payer_amount(part),
        channel=Channel.TRANSFER,
    )
    match = write(part, Kind.PAYMENT, by=by, payment=payment)
    progress.settle(
        payment.pk,
        Settlement(
            gross=part.amount,
            fee=0,
            currency=part.line.currency,
            date=part.line.booked_on,
            own_key=key_of(match),
            place="holding" if parked else "bank",
            prepared_by=person(by.pk),
        ),
    )
    payment.refresh_from_db()
    return _booked(match, payment.entry_id)


@inside_transaction
def owe_back(
    line: BankLine,
    pool: Pool,
    amount: Money | None = None,
    *,
    note: str = "",
    by: User,
    parked: Match | None = None,
) -> Match:
    """More came than was owed, or it came twice: we owe it back. ``note`` says to whom and why.

    A pool takes its own currency alone (UnknownAccount else); *general* takes every one. Raises
    HoldingOwesNobody.
    """
    if pool.code == HOLDING:
        raise refusals.HoldingOwesNobody
    part = take(line, amount, by=by, came=True, parked=parked)
    if pool.code == GENERAL:
        ensure_accounts(pool, part.line.currency)
    match = write(part, Kind.OWED_BACK, by=by, note=note)
    about = about_of(match, pool.code, by)
    if parked is None:
        entry = templates.overpayment_received(amount=part.amount, place="bank", **about)
    else:
        about["pool"] = HOLDING
        entry = templates.receipt_matched(
            amount=part.amount, to_pool=pool.code, paid="too-much", **about
        )
    return book(match, entry)


@inside_transaction
def park(line: BankLine, amount: Money | None = None, *, note: str = "", by: User) -> Match:
    """Nobody knows yet what it is: it waits in unallocated receipts, in the pool *holding*."""
    part = take(line, amount, by=by, came=True)
    ensure_holding(part.line.currency)
    match = write(part, Kind.PARKED, by=by, note=note)
    return book(
        match, templates.receipt_unmatched(amount=part.amount, **about_of(match, HOLDING, by))
    )


@inside_transaction
def charge(line: BankLine, amount: Money | None = None, *, note: str = "", by: User) -> Match:
    """The bank's own charge, spent by the pool *general*."""
    part = take(line, amount, by=by, came=False)
    match = write(part, Kind.CHARGE, by=by, note=note)
    return book(match, charge_entry(match, part.amount, by=by))


@inside_transaction
def paid_out(line: BankLine, payout: Payout, amount: Money | None = None, *, by: User) -> Match:
    """The line is a payout of ours. One that is approved is paid by this; one that staff marked
    paid before (and perhaps failed since, by hand) is only found again on the statement.

    Raises PayoutDiffers, PayoutNotReady, PayoutTaken, and what `payouts.mark_paid` refuses.
    """
    part = take(line, amount, by=by, came=False)
    if payout.currency != part.line.currency:
        raise refusals.InOtherCurrency(line=part.line.currency, other=payout.currency)
    # The payout's subject is locked by its own verbs, before the payout.
    payouts.handler_of(payout.purpose).lock(payout.purpose_id)
    payout = Payout.objects.select_for_update(of=("self",)).get(pk=payout.pk)
    if payout.amount != part.amount:
        raise refusals.PayoutDiffers(payout=payout.money.format(), line=part.money.format())
    if payout.matches.filter(kind=Kind.PAYOUT, undone_at=None).exists():
        raise refusals.PayoutTaken
    ready = payout.status in (Payout.Status.APPROVED, Payout.Status.PAID)
    if payout.place != Payout.Place.BANK or not (ready or failed_by_hand(payout)):
        raise refusals.PayoutNotReady(status=payout.get_status_display())
    match = write(part, Kind.PAYOUT, by=by, payout=payout)
    if payout.status != Payout.Status.APPROVED:
        return match
    reference = part.line.bank_reference or f"{part.line.statement.identification} {part.line}"
    payout = payouts.mark_paid(
        payout, bank_reference=reference.strip(), on=part.line.booked_on, by=by
    )
    return _booked(match, payout.entry_id)


def failed_by_hand(payout: Payout) -> bool:
    """Whether staff marked the payout paid, and then failed, before its lines were matched.

    One whose match was undone failed by that: it never was on a statement.
    """
    if payout.status != Payout.Status.FAILED or payout.entry_id is None:
        return False
    return not payout.matches.filter(
        kind=Kind.PAYOUT, undone_at__isnull=False, entry__isnull=False
    ).exists()


def preview(act: Callable[[], Match | Payment | list[Match]]) -> list[Entry]:
    """The entries that ``act`` would post: it is done, read, and rolled back.

    Raises what ``act`` refuses. Each entry has its lines as ``rows``.
    """
    found: list[Entry] = []
    try:
        with use_case():
            done = act()
            for each in done if isinstance(done, list) else [done]:
                found += entries_of(each)
            for entry in found:
                entry.rows = list(  # type: ignore[attr-defined]
                    entry.postings.select_related("pool", "account").order_by("pool_id", "-amount")
                )
            raise _Rehearsed
    except _Rehearsed:
        return found


def entries_of(booked: Match | Payment) -> list[Entry]:
    """The entries that a match or a payment posted: its own, and a charge beside it."""
    keys = Q(pk=booked.entry_id)
    if isinstance(booked, Match):
        keys |= Q(idempotency_key=f"{key_of(booked)}:charge")
    return list(Entry.objects.filter(keys).order_by("pk"))


class _Rehearsed(Exception):
    """A preview is over, and nothing of it stays."""


# --- Parts of the verbs -----------------------------------------------------------------------------


def key_of(match: Match) -> str:
    return f"bank-line:{match.line_id}:match:{match.pk}"


def about_of(match: Match, pool: str, by: User) -> About:
    """What every entry of a match has."""
    return {
        "key": key_of(match),
        "pool": pool,
        "currency": match.line.currency,
        "date": match.line.booked_on,
        "source": f"bank-line:{match.line_id}",
        "prepared_by": person(by.pk),
    }


@inside_transaction
def charge_entry(match: Match, amount: int, *, by: User) -> NewEntry:
    """The bank's charge, which the pool *general* spends."""
    ensure_general(match.line.currency)
    return templates.bank_charge(amount=amount, **about_of(match, GENERAL, by))


@inside_transaction
def book_charge_beside(match: Match, amount: int, *, by: User) -> None:
    """What an operator or a bank kept of the money on its way, as an entry beside the match's own."""
    entry = charge_entry(match, amount, by=by)
    post(replace(entry, key=f"{key_of(match)}:charge"))


@inside_transaction
def write(
    part: Part,
    kind: str,
    *,
    by: User,
    note: str = "",
    payment: Payment | None = None,
    payout: Payout | None = None,
    amount: int | None = None,
) -> Match:
    """The match's row, and the log of the line."""
    match = Match.objects.create(
        line=part.line,
        kind=kind,
        amount=part.signed if amount is None else amount,
        parked=part.parked,
        payment=payment,
        payout=payout,
        note=note.strip()[:500],
        confirmed_by=by,
    )
    audit.record(
        "payments.confirm_match",
        part.line,
        by=by,
        reason=match.note,
        match=match.pk,
        kind=kind,
        amount=str(match.money),
    )
    return match


@inside_transaction
def book(match: Match, entry: NewEntry) -> Match:
    return _booked(match, post(entry).entry_id)


def _booked(match: Match, entry_id: int | None) -> Match:
    match.entry_id = entry_id
    match.save(update_fields=["entry"])
    return match


def _payer_amount(part: Part) -> Money | None:
    """What the payer's bank took, where the line is told whole and in another currency."""
    line = part.line
    if line.instructed_amount is None or not line.instructed_currency:
        return None
    if part.amount != abs(line.amount):
        return None
    return Money(line.instructed_amount, line.instructed_currency)
