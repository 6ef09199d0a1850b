"""Changing the tier within a term: what it means, and the way from the question to the new tier.

A higher fee is paid first: the tier changes when the difference of the days that are left is paid,
or waived. A lower one changes the tier at once, and the difference of the days from the next one on
goes back by a refund, which two people decide. A term for which nothing was paid yet is billed anew
as a whole, and so is the renewal that is offered. Where the new tier asks for two reviewers, an
officer decides first; one is enough, since the organisation was admitted by its review.
"""

import datetime
import logging

from django.utils import formats, timezone
from django.utils.translation import gettext, override
from wagtail.models import ModelLogEntry

from core.models import User
from core.transactions import inside_transaction, use_case
from funding.dues import billing, crediting, jobs, letters
from funding.dues.change_plan import (
    Plan,
    fee_for_term,
    fee_of,
    may_ask,
    next_term,
    plan,
    plan_for,
    require_movable,
    term_to_change,
)
from funding.dues.letters import Value
from funding.dues.refusals import (
    ChangeOver,
    DuesRefusal,
    MayNotChangeTier,
    NextTermSettled,
    NoTermToChange,
    PaymentUnderWay,
)
from funding.ledger.pools import open_accounts
from funding.ledger.posting import post
from funding.payments import money_back, problems
from funding.payments.credit_notes import kept_of
from funding.payments.invoices import BillTo, Line, issue_invoice
from funding.payments.models import Invoice, Payment, Status
from membership import profile, tier_changes
from membership.models import Organisation, Seat, Term, Tier, TierChange
from membership.refusals import (
    NotPermitted,
    OrganisationMerged,
    OwnRequest,
    ReasonMissing,
    TierNotOffered,
)

logger = logging.getLogger(__name__)

State = TierChange.State


# --- Asking ---------------------------------------------------------------------------------------


def ask(organisation: Organisation, tier: Tier, *, by: User) -> TierChange:
    """Ask for another tier: it waits for staff, is billed, or is made at once.

    Two at once: the organisation is locked, and whoever comes second finds the change of the first.
    Raises as `plan`, and OrganisationMerged, NobodyToBill.
    """
    with use_case():
        organisation = _lock(organisation)
        today = timezone.localdate()
        planned = plan(organisation, tier, by=by, on=today)
        change = tier_changes.open_change(planned.term, tier, by=by)
        if not planned.needs_review:
            _carry_out(change, planned, on=today, by=by)
    return change


def allow(change: TierChange, *, by: User) -> TierChange:
    """Staff say yes: what it costs is counted from today. Nobody decides on their own request.

    Raises NotPermitted, OwnRequest, ChangeOver, NoTermToChange and the refusals of `plan_for`.
    """
    with use_case():
        organisation = _lock(change.term.organisation)
        change = _require_deciding(change, organisation, by, State.ASKED)
        today = timezone.localdate()
        if term_to_change(organisation, today) != change.term:
            raise NoTermToChange(organisation=organisation)
        planned = plan_for(change.term, change.new_tier, today)
        tier_changes.allow(change, on=today, by=by)
        _carry_out(change, planned, on=today, by=by)
    return change


def decline(change: TierChange, *, by: User, reason: str) -> TierChange:
    """Staff say no, and the organisation reads why. Raises NotPermitted, OwnRequest, ChangeOver,
    ReasonMissing."""
    with use_case():
        organisation = _lock(change.term.organisation)
        change = _require_deciding(change, organisation, by, State.ASKED)
        _end(change, by=by, reason=_stated(reason), told=True)
    return change


def waive(change: TierChange, *, by: User, reason: str) -> TierChange:
    """Ask nothing for the difference, with a reason: the tier changes at once.

    Raises NotPermitted, OwnRequest, ChangeOver, ReasonMissing, PaymentUnderWay.
    """
    with use_case():
        organisation = _lock(change.term.organisation)
        change = _require_deciding(change, organisation, by, State.BILLED)
        if not by.has_perm(tier_changes.WAIVE):
            raise NotPermitted
        why = _stated(reason)
        _credit(change, reason=why)
        today = timezone.localdate()
        tier_changes.waive(change, on=today, by=by, reason=why)
        _make(change, on=today, by=by)
    return change


def withdraw(change: TierChange, *, by: User) -> TierChange:
    """Whoever may ask takes it back, while it waits: the invoice is credited, nothing changes.

    Raises MayNotChangeTier, ChangeOver, PaymentUnderWay.
    """
    with use_case():
        organisation = _lock(change.term.organisation)
        change = tier_changes.lock(change.pk)
        if not may_ask(organisation, by):
            raise MayNotChangeTier
        if not change.is_open:
            raise ChangeOver(state=change.state.label)
        with override(_language(organisation)):
            reason = gettext("The change of tier was withdrawn.")
        _end(change, by=by, reason=reason, told=False)
    return change


@inside_transaction
def end_with_waiver(term: Term, *, by: User) -> None:
    """End the open change of a term whose dues were waived: what it was to cost was counted from
    dues that nobody owes now. Whoever still wants the tier asks anew, and sees what it costs.

    Raises PaymentUnderWay where its difference is being paid.
    """
    waiting = TierChange.objects.filter(term=term, applied_on=None, ended_on=None).first()
    if waiting is None:
        return
    change = tier_changes.lock(waiting.pk)
    with override(_language(change.term.organisation)):
        reason = gettext("The dues of the term were waived. You can ask for the tier again.")
    _end(change, by=by, reason=reason, told=True)


def end_unpaid(today: datetime.date | None = None) -> int:
    """End the changes that were not paid by their day, or that nobody decided within the term.

    How many. For a daily job; what is being paid waits until that is clear.
    """
    day = today or timezone.localdate()
    ended = 0
    waiting = TierChange.objects.filter(applied_on__isnull=True, ended_on__isnull=True)
    for change in waiting.select_related("term__organisation").order_by("pk"):
        invoice = billing.change_invoice(change) if change.state == State.BILLED else None
        last = invoice.due_on if invoice else change.term.ends_on
        if day <= last:
            continue
        try:
            ended += _end_late(change, day)
        except Exception:
            # One that goes wrong keeps no other.
            logger.exception("The change of tier %s could not be ended.", change.pk)
    return ended


def _end_late(change: TierChange, day: datetime.date) -> bool:
    with use_case():
        organisation = _lock(change.term.organisation)
        change = tier_changes.lock(change.pk)
        if not change.is_open:
            return False
        with override(_language(organisation)):
            reason = (
                gettext("The difference was not paid in time.")
                if change.state == State.BILLED
                else gettext("The term ended before it was decided.")
            )
        try:
            _end(change, by=None, reason=reason, told=True, on=day)
        except PaymentUnderWay:
            _note_kept(change)
            return False
        return True


@inside_transaction
def _note_kept(change: TierChange) -> None:
    """Tell staff, once, of money that keeps an overdue change from its end: a part that came.

    What is under way is waited for; it may be the rest.
    """
    invoice = billing.change_invoice(change)
    if invoice is None or invoice.payments.filter(status=Status.PROCESSING).exists():
        return
    came = invoice.payments.filter(status=Status.SUCCEEDED).order_by("pk")
    payment = next((each for each in came if kept_of(each)), None)
    if payment is None:
        return
    words = (
        f"Invoice {invoice} was due on {invoice.due_on} and is not paid whole: the change of tier "
        "waits. Ask for the rest, or give back what came, which ends the change."
    )
    told = ModelLogEntry.objects.for_instance(payment).filter(
        action="payments.handle_problem", data__problem__icontains=words
    )
    if not told.exists():
        problems.add(payment, words)


# --- Its payment ----------------------------------------------------------------------------------


def start_payment(invoice: Invoice, *, by: User) -> Payment:
    """The card payment of an open invoice of a change: a new one, or the one begun before.

    Raises InvoiceVoid, InvoicePaid, NothingToPay, ChangeOver.
    """
    with use_case():
        change = tier_changes.lock(invoice.purpose_id)
        require_payable(change, invoice)
        return billing.payment_of(invoice, by=by)


def require_payable(change: TierChange, invoice: Invoice) -> None:
    """Raises InvoiceVoid, InvoicePaid, NothingToPay or ChangeOver."""
    billing.require_open(invoice)
    if change.state != State.BILLED:
        raise ChangeOver(state=change.state.label)


def why_not_payable(change: TierChange, invoice: Invoice) -> str:
    """The sentence that says why an invoice cannot be paid now, or "" when it can."""
    try:
        require_payable(change, invoice)
    except DuesRefusal as refusal:
        return str(refusal)
    return ""


@inside_transaction
def paid(change_id: int, *, on: datetime.date, by: User | None) -> TierChange | None:
    """The difference arrived: the term has its new tier. None where nothing waited for it."""
    change = tier_changes.lock(change_id)
    if change.state != State.BILLED:
        return None
    tier_changes.settle(change, on=on, by=by)
    _make(change, on=on, by=by)
    return change


@inside_transaction
def see_what_went_back(term_id: int) -> None:
    """Whether what a downgrade owes back went back, now that money of the term moved."""
    lowered = TierChange.objects.filter(
        term=term_id, difference__lt=0, applied_on__isnull=False
    ).first()
    if lowered is None:
        return
    change = tier_changes.lock(lowered.pk)
    is_back = _back_since(change) >= -change.difference
    if is_back and change.settled_on is None:
        tier_changes.settle(change, on=timezone.localdate())
    elif not is_back and change.settled_on is not None:
        tier_changes.unsettle(change, reason="What was given back is ours again.")


def _back_since(change: TierChange) -> int:
    """What of the dues of its term was refunded since it was asked for, or lost in disputes."""
    payments = [
        payment
        for payment in Payment.objects.filter(
            purpose=billing.PURPOSE, purpose_id=change.term_id, entry__isnull=False
        )
        if money_back.paid_by(payment) == "dues"
    ]
    earlier = sum(
        refund.amount
        for payment in payments
        for refund in payment.refunds.filter(told_at__lt=change.asked_at, taken_back_at=None)
    )
    return sum(each.amount - money_back.left_of(each) for each in payments) - earlier


def move_renewal(change_id: int) -> bool:
    """Bill the offered renewal anew in the tier that its term has now; whether it did.

    For a job, after a change was made or undone: the payment that brings a tier holds its own lock,
    and what pays for the renewal is locked before terms are. A renewal that was paid meanwhile
    stays as it is, and staff are told.
    """
    with use_case():
        _lock(Organisation.objects.get(terms__changes=change_id))
        change = tier_changes.lock(change_id)
        term = tier_changes.lock_term(change.term_id)
        offered = next_term(term)
        if offered is None or offered.tier_id == term.tier_id:
            return False
        try:
            require_movable(offered, term.tier)
        except (NextTermSettled, PaymentUnderWay, TierNotOffered):
            _note_of_renewal(change, offered)
            return False
        locked = tier_changes.lock_term(offered.pk)
        locked.tier = term.tier
        locked.save(update_fields=["tier"])
        if locked.waived_on is None:
            _bill_anew(locked, on=timezone.localdate(), by=None)
        return True


@inside_transaction
def _note_of_renewal(change: TierChange, offered: Term) -> None:
    words = (
        f"The next term {offered.pk} was paid in its old tier, or is being paid, when the tier "
        "changed. Talk to the payer."
    )
    payment = Payment.objects.filter(
        purpose=billing.CHANGE, purpose_id=change.pk, status=Status.SUCCEEDED
    ).first()
    if payment is None:
        logger.error("Change of tier %s: %s", change.pk, words)
        return
    problems.add(payment, words)


# --- Parts ----------------------------------------------------------------------------------------


@inside_transaction
def _carry_out(change: TierChange, planned: Plan, *, on: datetime.date, by: User) -> None:
    """Bill what is to be paid first; make at once what is not."""
    tier_changes.count_from(change, planned.effective_on, planned.difference)
    if planned.to_pay is None:
        _make(change, on=on, by=by, whole_term=planned.whole_term)
        return
    to = letters.who_pays(change.term.organisation)[0]
    if planned.difference.currency != billing.POOL_CURRENCY:
        open_accounts(billing.pool(), planned.difference.currency)
    invoice = _bill(change, planned, to=to, on=on)
    post(
        billing.invoice_entry(
            invoice.money, on=on, number=invoice.number, by=by if by.is_staff else None
        )
    )
    mail_invoice(change, invoice)


@inside_transaction
def _bill(change: TierChange, planned: Plan, *, to: User, on: datetime.date) -> Invoice:
    organisation, language = change.term.organisation, to.preferred_language
    with override(language):
        words = gettext("Change from %(old)s to %(new)s, %(first)s to %(last)s") % {
            "old": change.old_tier,
            "new": change.new_tier,
            "first": formats.date_format(planned.effective_on),
            "last": formats.date_format(change.term.ends_on),
        }
    return issue_invoice(
        purpose=billing.CHANGE,
        purpose_id=change.pk,
        pool=billing.pool(),
        bill_to=BillTo(name=organisation.legal_name, country=organisation.country, email=to.email),
        lines=[Line(description=words, amount=planned.difference.amount)],
        currency=planned.difference.currency,
        issued_on=on,
        due_on=planned.due_on,
        language=language,
    )


@inside_transaction
def _make(
    change: TierChange, *, on: datetime.date, by: User | None, whole_term: bool = False
) -> None:
    """Change the tier, bill anew what is not paid, and tell those who see to the dues."""
    term = tier_changes.apply(change, on=on, by=by)
    if whole_term:
        _bill_anew(term, on=on, by=by)
    else:
        jobs.move_renewal.enqueue(change_id=change.pk)
    tell_made(change)


@inside_transaction
def _bill_anew(term: Term, *, on: datetime.date, by: User | None) -> None:
    """Credit what the term's invoice asks for, and bill its fee in the tier that it has now."""
    people = letters.who_pays(term.organisation)
    old = billing.standing_invoice(term)
    fee = fee_of(term.tier, term, on)
    money = fee_for_term(fee, term)
    with override(old.language if old else "en"):
        reason = gettext("The tier was changed.")
    if old is not None and not crediting.withdraw(old, reason=reason, told=bool(money.amount)):
        raise PaymentUnderWay(number=old.number)
    term.fee, term.currency = money.amount, money.currency
    term.save(update_fields=["fee", "currency"])
    due_on = max(term.starts_on, on + billing.PAYMENT_PERIOD)
    new = billing.charge(term, fee, to=people[0], on=on, by=by, due_on=due_on)
    note = Invoice.objects.get(pk=old.pk).voided_by if old else None
    if old is not None and new is not None and note is not None:
        crediting.tell_again(note, old, new)


@inside_transaction
def _end(
    change: TierChange,
    *,
    by: User | None,
    reason: str,
    told: bool,
    on: datetime.date | None = None,
) -> None:
    _credit(change, reason=reason)
    tier_changes.end(change, on=on or timezone.localdate(), by=by, reason=reason, told=told)
    if told:
        tell_ended(change)


@inside_transaction
def _credit(change: TierChange, *, reason: str) -> None:
    """Ask no more for the difference. Raises PaymentUnderWay where it is being paid."""
    invoice = billing.change_invoice(change)
    if invoice is not None and not crediting.withdraw(invoice, reason=reason, told=False):
        raise PaymentUnderWay(number=invoice.number)


@inside_transaction
def _lock(organisation: Organisation) -> Organisation:
    """What pays for its terms and changes, then the organisation and its terms."""
    crediting.lock_payments_of(organisation)
    locked = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if locked.merged_into_id is not None:
        raise OrganisationMerged(organisation=locked)
    list(locked.terms.select_for_update(of=("self",)).order_by("pk"))
    return locked


@inside_transaction
def _require_deciding(
    change: TierChange, organisation: Organisation, by: User, state: TierChange.State
) -> TierChange:
    """The change, locked, which waits in ``state`` for the decision of ``by``."""
    change = tier_changes.lock(change.pk)
    if not by.has_perm(tier_changes.DECIDE):
        raise NotPermitted
    profile.require_no_seat(by, organisation)
    if change.asked_by_id == by.pk:
        raise OwnRequest
    if change.state != state:
        raise ChangeOver(state=change.state.label)
    return change


def _stated(reason: str) -> str:
    if not reason.strip():
        raise ReasonMissing
    return reason.strip()


def _language(organisation: Organisation) -> str:
    people = letters.who_reads(organisation)
    return people[0].preferred_language if people else "en"


def mail_invoice(change: TierChange, invoice: Invoice) -> None:
    """Write that ``invoice`` asks for the difference."""
    _mail("dues_change_invoice", change, about=f"invoice:{invoice.number}", invoice=invoice)


def tell_made(change: TierChange) -> None:
    """Write that the term has its new tier, and what goes back."""
    back = change.owed_back
    about = f"tier-change:{change.pk}/made"
    _mail("dues_change_made", change, about=about, back=back if back.amount else None)


def tell_ended(change: TierChange) -> None:
    """Write that nothing comes of it, and why."""
    about = f"tier-change:{change.pk}/ended"
    _mail("dues_change_ended", change, about=about, reason=change.ended_reason)


@inside_transaction
def _mail(
    template: str,
    change: TierChange,
    *,
    about: str,
    invoice: Invoice | None = None,
    **more: Value,
) -> None:
    """Write to those who see to the dues, and to the primary contact who asked."""
    organisation = change.term.organisation
    people = letters.who_reads(organisation)
    asker = change.asked_by
    if asker not in people and Seat.objects.filter(organisation=organisation, person=asker):
        people.append(asker)
    for person in people:
        with override(person.preferred_language):
            tiers = {"old_tier": str(change.old_tier), "new_tier": str(change.new_tier)}
        letters.write(
            template,
            person,
            organisation.public_name,
            {**tiers, "ends_on": change.term.ends_on, **more},
            about=about,
            invoice=invoice,
        )
