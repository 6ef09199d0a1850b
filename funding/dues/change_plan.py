"""What another tier means for a member on a day: the fees, the days left, the difference."""

import datetime
from dataclasses import dataclass

from django.utils import formats
from django.utils.translation import gettext

from core.models import User
from core.money import Money
from funding.dues import billing
from funding.dues.refusals import (
    ChangedBefore,
    ChangeOpen,
    DuesRefusal,
    MayNotChangeTier,
    NextTermSettled,
    NoTermToChange,
    OtherCurrency,
    PaymentUnderWay,
    SameTier,
)
from funding.payments.credit_notes import kept_of
from funding.payments.models import Status
from membership import fees, terms, tier_changes
from membership.models import FeeRule, Organisation, Seat, SeatRole, Term, Tier, TierChange
from membership.refusals import TierNotOffered

# How long an organisation has to pay the difference; the term's last day at the latest.
PAYMENT_PERIOD = datetime.timedelta(days=14)


@dataclass(frozen=True, slots=True)
class Plan:
    """What another tier means, on a day: shown before it is asked for."""

    term: Term
    tier: Tier
    old_year: Money  # the fees of a year
    new_year: Money
    old_fee: Money  # and of the term, which may be shorter
    new_fee: Money
    effective_on: datetime.date
    days_left: int  # from `effective_on` to the last day, both included
    days: int  # of the term
    counted: Money  # by the formula
    difference: Money  # above zero to be paid, below zero to go back; no more than was paid
    whole_term: bool  # nothing was paid of it: it is billed anew, and there is no difference
    renewal: Term | None  # the next term, offered and not paid: it is billed anew
    needs_review: bool
    due_on: datetime.date

    @property
    def to_pay(self) -> Money | None:
        return self.difference if self.difference.amount > 0 else None

    @property
    def goes_back(self) -> Money | None:
        return -self.difference if self.difference.amount < 0 else None

    @property
    def lowers(self) -> bool:
        return self.new_fee < self.old_fee


def may_ask(organisation: Organisation, person: User) -> bool:
    """Whether ``person`` asks for another tier: the primary contact, or staff who decide on it and
    have no seat there."""
    seat = Seat.objects.filter(organisation=organisation, person=person).first()
    if seat is not None:
        return SeatRole.PRIMARY_CONTACT in seat.roles
    return person.has_perm(tier_changes.DECIDE)


def plan(organisation: Organisation, tier: Tier, *, by: User, on: datetime.date) -> Plan:
    """What it means that ``organisation`` asks on ``on`` for ``tier``.

    Raises MayNotChangeTier, NoTermToChange, ChangeOpen, and the refusals of `plan_for`.
    """
    if not may_ask(organisation, by):
        raise MayNotChangeTier
    term = term_to_change(organisation, on)
    opened = open_change(organisation)
    if opened is not None:
        raise ChangeOpen(tier=opened.new_tier)
    return plan_for(term, tier, on)


def plans(organisation: Organisation, *, by: User, on: datetime.date) -> list[Plan]:
    """Every tier that the organisation can change to; none where `why_not` says why."""
    found = []
    for tier in fees.open_tiers():
        try:
            found.append(plan(organisation, tier, by=by, on=on))
        except (DuesRefusal, TierNotOffered):
            continue
    return found


def why_not(organisation: Organisation, *, by: User, on: datetime.date) -> str:
    """The sentence that says why ``by`` cannot change the tier to anything now, or ""."""
    words = ""
    for tier in fees.open_tiers():
        try:
            plan(organisation, tier, by=by, on=on)
        except (SameTier, TierNotOffered):
            continue
        except DuesRefusal as refusal:
            words = words or str(refusal)
        else:
            return ""
    return words or gettext("There is no other tier for this organisation.")


def term_to_change(organisation: Organisation, on: datetime.date) -> Term:
    """The term that counts; else one that awaits its payment. One that is cancelled, if only from a
    later day on, keeps its tier to the end. Raises NoTermToChange."""
    every = list(
        organisation.terms.filter(cancelled_on=None).select_related("organisation", "tier")
    )
    for wanted in (Term.Status.CURRENT, Term.Status.AWAITING_PAYMENT):
        for term in every:
            if term.status(on) == wanted:
                return term
    raise NoTermToChange(organisation=organisation)


def open_change(organisation: Organisation) -> TierChange | None:
    """The change that waits for staff or for its payment."""
    return (
        TierChange.objects.filter(
            term__organisation=organisation, applied_on__isnull=True, ended_on__isnull=True
        )
        .select_related("old_tier", "new_tier", "term")
        .first()
    )


def plan_for(term: Term, tier: Tier, on: datetime.date) -> Plan:
    """Raises SameTier, TierNotOffered, OtherCurrency, ChangedBefore, PaymentUnderWay,
    NextTermSettled."""
    if tier.pk == term.tier_id:
        raise SameTier(tier=tier)
    if not tier.open_to_new:
        raise TierNotOffered(tier=tier)
    old, new = fee_of(term.tier, term, on), fee_of(tier, term, on)
    if not old.currency == new.currency == term.currency:
        raise OtherCurrency
    old_fee, new_fee = (fee_for_term(fee, term) for fee in (old, new))
    offered = next_term(term)
    whole = term.status(on) == Term.Status.AWAITING_PAYMENT
    earlier = term.changes.filter(applied_on__isnull=False).exclude(difference=0).first()
    if not whole and earlier is not None and new_fee < old_fee:
        assert earlier.applied_on is not None
        raise ChangedBefore(day=formats.date_format(earlier.applied_on))
    if whole:
        _require_untouched(term)
    elif offered is not None:
        require_movable(offered, tier)
    # What is paid more counts from today; what is paid less from tomorrow, since today is paid for.
    first = on + datetime.timedelta(days=new_fee < old_fee)
    days = (term.ends_on - term.starts_on).days + 1
    left = days if whole else (term.ends_on - first).days + 1
    counted = Money(0, term.currency) if whole else prorated(new_fee - old_fee, left, days)
    difference = counted
    if counted.amount < 0:
        difference = Money(-min(-counted.amount, _unused(term, left, days)), term.currency)
    return Plan(
        term=term,
        tier=tier,
        old_year=old.money,
        new_year=new.money,
        old_fee=old_fee,
        new_fee=new_fee,
        effective_on=term.starts_on if whole else first,
        days_left=left,
        days=days,
        counted=counted,
        difference=difference,
        whole_term=whole,
        renewal=None if whole else offered,
        needs_review=tier.reviewers > 1,
        due_on=min(on + PAYMENT_PERIOD, term.ends_on),
    )


def prorated(difference: Money, days_left: int, days: int) -> Money:
    """``difference`` × ``days_left`` / ``days``, half a minor unit rounded up (away from zero)."""
    part = (2 * abs(difference.amount) * days_left + days) // (2 * days)
    return Money(part if difference.amount > 0 else -part, difference.currency)


def fee_of(tier: Tier, term: Term, on: datetime.date) -> FeeRule:
    """What a year in ``tier`` costs: by the fee table of the term's first day, as was agreed.

    In the term's currency, where the table has it. A tier that had no fee yet on that day costs
    what it costs now. Raises TierNotOffered.
    """
    who, currency = term.organisation, term.currency
    try:
        return fees.fee_for(tier, who.kind, who.country, term.starts_on, currency=currency)
    except TierNotOffered:
        return fees.fee_for(tier, who.kind, who.country, on, currency=currency)


def fee_for_term(fee: FeeRule, term: Term) -> Money:
    return terms.prorated(fee.money, term.starts_on, term.ends_on)


def _unused(term: Term, days_left: int, days: int) -> int:
    """The part of what was paid for ``term``, and kept, that is for the days left: no more goes
    back."""
    invoice = billing.standing_invoice(term)
    kept = sum(kept_of(payment) for payment in invoice.arrivals) if invoice else 0
    return kept * days_left // days


def next_term(term: Term) -> Term | None:
    return (
        Term.objects.filter(renews=term, cancelled_on__isnull=True)
        .select_related("organisation", "tier")
        .first()
    )


def _require_untouched(term: Term) -> None:
    """Raise PaymentUnderWay where money for an unpaid term came or comes."""
    invoice = billing.standing_invoice(term)
    if invoice is None:
        return
    under_way = invoice.payments.filter(status__in=[Status.PROCESSING, Status.SUCCEEDED])
    if any(payment.status == Status.PROCESSING or kept_of(payment) for payment in under_way):
        raise PaymentUnderWay(number=invoice.number)


def require_movable(offered: Term, tier: Tier) -> None:
    """The next term can be billed anew. Raises NextTermSettled, PaymentUnderWay, TierNotOffered."""
    if offered.settled_on is None and offered.waived_on is None:
        _require_untouched(offered)
        return
    # What costs nothing before and after needs no bill.
    fee = fee_of(tier, offered, offered.starts_on)
    if offered.settled_on is not None or offered.fee or fee.amount:
        raise NextTermSettled(day=formats.date_format(offered.starts_on), tier=offered.tier)
