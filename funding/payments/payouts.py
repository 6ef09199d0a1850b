"""Paying out: one asks, two others agree, then money moves (rule 7).

What a payout is for (a refund, an overpayment given back, a disbursement) is the business of its
purpose; each registers one handler (payout_handlers.py), as outcomes do for money that comes in.
"""

import datetime
import uuid
from dataclasses import dataclass, replace

import stripe
from django.db import IntegrityError
from django.db.models import QuerySet
from django.utils import timezone
from django.utils.translation import override

from core import audit
from core.models import User
from core.money import Money
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case
from funding.ledger import queries
from funding.ledger.entries import NewEntry, person
from funding.ledger.models import Entry, Pool
from funding.ledger.posting import post
from funding.ledger.templates import failed_later
from funding.payments import jobs, problems
from funding.payments import payout_refusals as refusals
from funding.payments.models import BankAccount, Payment, Payout, PayoutDecision, Refund
from funding.payments.money_back import booked
from funding.payments.payout_handlers import handler_of as handler_of
from funding.payments.payout_handlers import register as register
from funding.payments.permissions import APPROVE_PAYOUT, CONFIRM_MATCH, REQUEST_PAYOUT

Status = Payout.Status
Place = Payout.Place

APPROVALS = 2
# What is asked for and has not become a refund, a payment or a no yet.
OPEN = (Status.REQUESTED, Status.APPROVED, Status.SENT)


# --- Asking -----------------------------------------------------------------------------------------


def draft(
    *,
    purpose: str,
    purpose_id: int,
    pool: Pool,
    amount: Money,
    place: str,
    beneficiary: str,
    beneficiary_account: str = "",
    reason: str,
    by: User,
    payment: Payment | None = None,
    form_token: uuid.UUID | None = None,
) -> Payout:
    """The request that these facts would make, not saved: for a preview."""
    return Payout(
        purpose=purpose,
        purpose_id=purpose_id,
        pool=pool,
        amount=amount.amount,
        currency=amount.currency,
        place=place,
        beneficiary=beneficiary.strip()[:250],
        beneficiary_account=beneficiary_account.strip(),
        reason=reason.strip()[:500],
        requested_by=by,
        payment=payment,
        form_token=form_token,
    )


def request_payout(
    purpose: str,
    purpose_id: int,
    pool: Pool,
    amount: Money,
    place: str,
    beneficiary: str,
    beneficiary_account: str,
    reason: str,
    by: User,
    payment: Payment | None = None,
    form_token: uuid.UUID | None = None,
) -> Payout:
    """Ask for money to be paid out. The same form sent twice makes one request.

    Raises NotPermitted, ReasonMissing, BeneficiaryMissing, AccountMissing, AmountNotAboveZero,
    NoBankAccount, and what the purpose refuses (for a refund TooMuch, with the figures).
    """
    asked = draft(
        purpose=purpose,
        purpose_id=purpose_id,
        pool=pool,
        amount=amount,
        place=place,
        beneficiary=beneficiary,
        beneficiary_account=beneficiary_account,
        reason=reason,
        by=by,
        payment=payment,
        form_token=form_token,
    )
    try:
        with use_case():
            handler_of(purpose).lock(purpose_id)
            if before := _of_form(form_token, by):
                return before
            check_request(asked)
            asked.save(force_insert=True)
            audit.record(
                "payments.request_payout",
                asked,
                by=by,
                reason=asked.reason,
                amount=str(asked.money),
                purpose=f"{purpose} {purpose_id}",
            )
    except IntegrityError:
        # The same form twice at once, for two subjects: the first one stands.
        if before := _of_form(form_token, by):
            return before
        raise
    return asked


def _of_form(form_token: uuid.UUID | None, by: User) -> Payout | None:
    if form_token is None:
        return None
    return Payout.objects.filter(form_token=form_token, requested_by=by).first()


def check_request(asked: Payout) -> None:
    """Raise what refuses a request; reads only, so that a preview can ask the same."""
    if not asked.requested_by.has_perm(REQUEST_PAYOUT):
        raise refusals.NotPermitted
    if not asked.reason:
        raise refusals.ReasonMissing
    if not asked.beneficiary:
        raise refusals.BeneficiaryMissing
    if asked.amount <= 0:
        raise refusals.AmountNotAboveZero
    if asked.place == Place.BANK:
        if not asked.beneficiary_account:
            raise refusals.AccountMissing
        if not BankAccount.objects.filter(currency=asked.currency, closed_on=None).exists():
            raise refusals.NoBankAccount(currency=asked.currency)
    handler_of(asked.purpose).check(asked)


def open_requests(purpose: str, purpose_id: int, *, besides: Payout | None = None) -> int:
    """Minor units asked for, agreed or sent for a subject that no refund or entry shows yet."""
    found = Payout.objects.filter(
        purpose=purpose, purpose_id=purpose_id, status__in=OPEN, refund=None
    )
    if besides is not None and besides.pk:
        found = found.exclude(pk=besides.pk)
    return sum(found.values_list("amount", flat=True))


# --- Deciding ---------------------------------------------------------------------------------------


def decide(payout: Payout, *, by: User, approved: bool, note: str = "") -> Payout:
    """One person's yes or no. The second yes sends it; one no ends it.

    Raises NotPermitted, OwnRequest, OwnBenefit, DecidedBefore, WrongStep, NoteMissing, and what the
    purpose refuses by now; a refused attempt is recorded.
    """
    try:
        with use_case():
            payout = _lock(payout)
            require_decider(payout, by)
            if not approved and not note.strip():
                raise refusals.NoteMissing
            if approved:
                handler_of(payout.purpose).check(payout)
            PayoutDecision.objects.create(
                payout=payout, by=by, approved=approved, note=note.strip()[:500]
            )
            audit.record(
                "payments.approve_payout" if approved else "payments.reject_payout",
                payout,
                by=by,
                reason=note.strip(),
                amount=str(payout.money),
            )
            if not approved:
                _to(payout, Status.REJECTED)
            elif payout.decisions.filter(approved=True).count() >= APPROVALS:
                _to(payout, Status.APPROVED)
                if payout.place == Place.CLEARING:
                    jobs.send_payout.enqueue(payout_id=payout.pk)
    except Refusal as refusal:
        record_refused(payout, "approve" if approved else "reject", refusal, by=by)
        raise
    return payout


def require_decider(payout: Payout, by: User) -> None:
    """Raise the Refusal that keeps ``by`` from deciding on ``payout``, if one does."""
    if not by.has_perm(APPROVE_PAYOUT):
        raise refusals.NotPermitted
    if payout.requested_by_id == by.pk:
        raise refusals.OwnRequest
    if payout.payment is not None and payout.payment.user_id == by.pk:
        raise refusals.OwnBenefit
    if payout.decisions.filter(by=by).exists():
        raise refusals.DecidedBefore
    if payout.status != Status.REQUESTED:
        raise refusals.WrongStep(status=payout.get_status_display())


def cancel(payout: Payout, *, by: User, reason: str) -> Payout:
    """Take back one's own request before two people have agreed.

    Raises NotYours, WrongStep, ReasonMissing; a refused attempt is recorded.
    """
    try:
        with use_case():
            payout = _lock(payout)
            if payout.requested_by_id != by.pk:
                raise refusals.NotYours
            _require(payout, Status.REQUESTED)
            if not reason.strip():
                raise refusals.ReasonMissing
            _to(payout, Status.CANCELLED)
            audit.record("payments.cancel_payout", payout, by=by, reason=reason.strip())
    except Refusal as refusal:
        record_refused(payout, "cancel", refusal, by=by)
        raise
    return payout


def record_refused(payout: Payout, attempt: str, refusal: Refusal, *, by: User) -> None:
    """Keep an attempt that a rule refused in the audit log, in a transaction of its own."""
    with use_case(), override("en"):
        audit.record(
            "payments.approval_refused",
            payout,
            by=by,
            reason=str(refusal),
            attempt=attempt,
            rule=type(refusal).__name__,
        )


# --- Through the card processor ---------------------------------------------------------------------


def send(payout_id: int) -> None:
    """Ask the processor for an approved refund (the job). Harmless however often it runs.

    A word from Stripe that the refund is impossible ends the payout; trouble on the way is raised,
    so that the job tries again.
    """
    from funding.payments import refunds  # it knows payouts too

    payout = Payout.objects.select_related("payment", "pool").get(pk=payout_id)
    if payout.place != Place.CLEARING or payout.status != Status.APPROVED:
        return
    try:
        refunds.send(payout)
    except stripe.InvalidRequestError as error:
        with use_case():
            payout = _lock(payout)
            if payout.status == Status.APPROVED:
                _fail(payout, f"{error.user_message or error}")
        return
    with use_case():
        payout = _lock(payout)
        # The refund's own event may have been quicker.
        if payout.status == Status.APPROVED:
            _to(payout, Status.SENT)
            audit.record("payments.payout_sent", payout, by=None)
            handler_of(payout.purpose).sent(payout)


def send_again(payout: Payout, *, by: User) -> None:
    """Put the job of an approved refund back, where it gave up. Raises NotPermitted, WrongStep."""
    with use_case():
        payout = _lock(payout)
        if not by.has_perm(APPROVE_PAYOUT):
            raise refusals.NotPermitted
        if payout.place != Place.CLEARING:
            raise refusals.WrongStep(status=payout.get_status_display())
        _require(payout, Status.APPROVED)
        audit.record("payments.payout_sent_again", payout, by=by)
        jobs.send_payout.enqueue(payout_id=payout.pk)


@inside_transaction
def refund_settled(refund: Refund) -> None:
    """What the processor says of a refund that came from a request; called by refunds.py.

    The payment is locked by then. Says nothing twice: a payout that stands there already is left.
    """
    if refund.payout_id is None:
        return
    payout = Payout.objects.select_for_update(of=("self",)).get(pk=refund.payout_id)
    if refund.status == Refund.Status.SUCCEEDED and payout.status != Status.PAID:
        payout.paid_on = timezone.localdate()
        payout.failure = ""
        _to(payout, Status.PAID)
        audit.record("payments.payout_paid", payout, by=None)
        handler_of(payout.purpose).paid(payout)
    no = refund.status in (Refund.Status.FAILED, Refund.Status.CANCELLED)
    if no and payout.status != Status.FAILED:
        _fail(payout, refund.failure or refund.get_status_display())


# --- From the bank ----------------------------------------------------------------------------------


def paid_at_bank(payout: Payout, *, bank_reference: str, on: datetime.date, by: User) -> Payout:
    """`mark_paid` as a use case of its own; a refused attempt is recorded."""
    try:
        with use_case():
            return mark_paid(payout, bank_reference=bank_reference, on=on, by=by)
    except Refusal as refusal:
        record_refused(payout, "mark paid", refusal, by=by)
        raise


@inside_transaction
def mark_paid(payout: Payout, *, bank_reference: str, on: datetime.date, by: User) -> Payout:
    """An approved payout was ordered at the bank: post its entry, tell its purpose.

    ``on`` is the day the bank booked it. The same reference again changes nothing.
    Raises NotPermitted, NotByBank, BankReferenceMissing, DayInFuture, DayTooEarly, WrongStep.
    """
    payout = _lock(payout)
    reference = bank_reference.strip()[:140]
    if payout.status == Status.PAID and payout.bank_reference == reference:
        return payout
    if not by.has_perm(CONFIRM_MATCH):
        raise refusals.NotPermitted
    if payout.place != Place.BANK:
        raise refusals.NotByBank
    _require(payout, Status.APPROVED)
    if not reference:
        raise refusals.BankReferenceMissing
    if on > timezone.localdate():
        raise refusals.DayInFuture
    if on < timezone.localdate(payout.requested_at):
        raise refusals.DayTooEarly(day=timezone.localdate(payout.requested_at))
    handler = handler_of(payout.purpose)
    entry = handler.entry(payout, key=f"payout:{payout.public_id}:paid", date=on)
    payout.entry_id = post(entry).entry_id
    payout.bank_reference, payout.paid_on = reference, on
    _to(payout, Status.PAID)
    audit.record("payments.payout_paid", payout, by=by, bank_reference=reference)
    handler.paid(payout)
    _note_too_much(payout)
    return payout


def _note_too_much(payout: Payout) -> None:
    """It left the bank and is booked, whatever went back since it was agreed (a recall, a dispute)."""
    if payout.payment is None:
        return
    payment = Payment.objects.get(pk=payout.payment.pk)  # as it is now
    back = payment.refunded.amount + payment.disputed.amount
    if back > payment.amount:
        more = Money(back - payment.amount, payment.currency)
        problems.add(payment, f"{more} more went back than was paid.")


def came_back(payout: Payout, *, on: datetime.date, by: User, reason: str) -> Payout:
    """`failed_at_bank` as a use case of its own; a refused attempt is recorded."""
    try:
        with use_case():
            return failed_at_bank(payout, on=on, by=by, reason=reason)
    except Refusal as refusal:
        record_refused(payout, "mark failed", refusal, by=by)
        raise


@inside_transaction
def failed_at_bank(payout: Payout, *, on: datetime.date, by: User, reason: str) -> Payout:
    """The bank could not pay, or sent the money back after it was paid: the opposite entry.

    Raises NotPermitted, NotByBank, ReasonMissing, DayInFuture, WrongStep.
    """
    payout = _lock(payout)
    if not by.has_perm(CONFIRM_MATCH):
        raise refusals.NotPermitted
    if payout.place != Place.BANK:
        raise refusals.NotByBank
    _require(payout, Status.APPROVED, Status.PAID)
    if not reason.strip():
        raise refusals.ReasonMissing
    if on > timezone.localdate():
        raise refusals.DayInFuture
    if payout.entry is not None:
        before = entries_of_failure(payout).count()
        key = failure_key(payout) + (f":{before + 1}" if before else "")
        opposite = failed_later(booked(payout.entry), key=key, date=on)
        post(replace(opposite, prepared_by=person(by.pk)))
    _fail(payout, reason.strip(), by=by)
    return payout


@inside_transaction
def paid_after_all(payout: Payout, *, by: User) -> Payout:
    """What was taken for its return was another's money. The caller reverses the entry and tells
    the purpose. Raises WrongStep."""
    payout = _lock(payout)
    _require(payout, Status.FAILED)
    payout.failure = ""
    _to(payout, Status.PAID)
    audit.record("payments.payout_paid", payout, by=by, bank_reference=payout.bank_reference)
    return payout


def entries_of_failure(payout: Payout) -> QuerySet[Entry]:
    """The entries by which it failed, oldest first: more than one where a return was undone."""
    return Entry.objects.filter(idempotency_key__startswith=failure_key(payout)).order_by("pk")


def failure_key(payout: Payout) -> str:
    return f"payout:{payout.public_id}:failed"


# --- What the pool has ------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Standing:
    """What the pool of a payout has, and what it will have once the payout is paid."""

    available: Money
    after: Money

    @property
    def goes_below_zero(self) -> bool:
        return self.after.amount < 0


def standing(payout: Payout, entry: NewEntry) -> Standing:
    """The figures that approvers read, for the entry that the payout would make.

    Money owed back must be paid though a pool falls below zero: a refund after its money was
    committed to a grant is still owed (rule 6 speaks of promises).
    """
    currency = entry.lines[0].currency
    available = queries.available_from_accounts(queries.balances(payout.pool, currency))
    fed = {line.name: line.amount for line in entry.figures if line.pool == payout.pool.code}
    after = available + queries.available_from_figures(fed)
    return Standing(Money(available, currency), Money(after, currency))


# --- Small parts ------------------------------------------------------------------------------------


def _lock(payout: Payout) -> Payout:
    """The payout locked, after its subject: everyone locks in this order."""
    handler_of(payout.purpose).lock(payout.purpose_id)
    return (
        Payout.objects.select_related("pool", "payment", "requested_by")
        .select_for_update(of=("self",))
        .get(pk=payout.pk)
    )


def _require(payout: Payout, *statuses: str) -> None:
    if payout.status not in statuses:
        raise refusals.WrongStep(status=payout.get_status_display())


def _to(payout: Payout, status: str) -> None:
    payout.status = status
    payout.save()


def _fail(payout: Payout, why: str, *, by: User | None = None) -> None:
    payout.failure = why[:500]
    _to(payout, Status.FAILED)
    audit.record("payments.payout_failed", payout, by=by, reason=why[:500])
    handler_of(payout.purpose).failed(payout)
