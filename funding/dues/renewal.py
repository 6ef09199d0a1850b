"""Renewing a term: offered in time, reminded of, and ended where nobody takes it up.

The offer is the next term itself, which begins the day after the one it renews and awaits its
payment. So its payment moves an end date once, however often it is confirmed, and nothing but a
payment or a waiver makes it count.
"""

import datetime
import logging
from collections.abc import Sequence
from dataclasses import dataclass

from django.db.models import Exists, F, OuterRef, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext, override

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.dues import billing, crediting, letters
from funding.dues.refusals import (
    ApplyAgain,
    DuesRefusal,
    MayNotRejoin,
    MembershipStands,
    NobodyToBill,
)
from funding.payments.models import Invoice, Payment, Status
from membership import fees, terms
from membership.models import FeeRule, Organisation, Term, TermNotice
from membership.models.renewals import NOTICE_DAYS, notice_day
from membership.models.terms import GRACE
from membership.refusals import TierNotOffered

logger = logging.getLogger(__name__)

Kind = TermNotice.Kind
# After days without the job a notice is made up for, unless its day is longer ago than this.
MADE_UP_FOR = datetime.timedelta(days=31)
# How long after the end of its last term a member joins again without a new application.
REJOIN_WITHIN = datetime.timedelta(days=365)


def run(today: datetime.date | None = None) -> int:
    """What the day asks for: offers, reminders, and the end of offers; how many of them.

    For a daily job. Run twice it does nothing twice: a term is renewed once and a notice written
    once, by constraints of the database.
    """
    day = today or timezone.localdate()
    done = 0
    # The end of an offer comes after the notice that tells of it.
    for act, found in ((follow, _due_for_a_word), (end_offer, _over)):
        for pk in list(found(day).order_by("pk").values_list("pk", flat=True)):
            try:
                done += act(pk, day)
            except Exception:
                # One that goes wrong keeps no other from its renewal.
                logger.exception("The renewal of term %s went wrong.", pk)
    return done


def near_their_end(day: datetime.date) -> QuerySet[Term]:
    """Terms that were paid or waived in time and run to their end, near the days of a notice, and
    whose renewal, if there is one, is not paid for."""
    return Term.objects.filter(
        Q(settled_on__lte=F("ends_on")) | Q(waived_on__lte=F("ends_on")),
        Q(cancelled_on__isnull=True) | Q(cancelled_on__gt=F("ends_on")),
        ends_on__gte=day - datetime.timedelta(days=NOTICE_DAYS[Kind.LAPSED]) - MADE_UP_FOR,
        ends_on__lte=day - datetime.timedelta(days=NOTICE_DAYS[Kind.OFFER]),
        renewal__settled_on=None,
        renewal__waived_on=None,
    )


def _due_for_a_word(day: datetime.date) -> QuerySet[Term]:
    """Of those near their end, the ones to which nothing of their present notice, or of a later
    one, was written: most of them had theirs days ago, and are not looked at again each morning."""
    kinds = list(NOTICE_DAYS)
    due = Q(pk__in=[])
    for place, kind in enumerate(kinds):
        since = day - datetime.timedelta(days=NOTICE_DAYS[kind])
        this = Q(ends_on__lte=since)
        if place + 1 < len(kinds):
            this &= Q(ends_on__gt=day - datetime.timedelta(days=NOTICE_DAYS[kinds[place + 1]]))
        written = TermNotice.objects.filter(term=OuterRef("pk"), kind__in=kinds[place:])
        due |= this & Q(~Exists(written))
    return near_their_end(day).filter(due)


def _over(day: datetime.date) -> QuerySet[Term]:
    """Open offers whose last term is out of grace, or was cancelled before its end."""
    return Term.objects.filter(
        Q(renews__ends_on__lt=day - GRACE) | Q(renews__cancelled_on__lte=F("renews__ends_on")),
        renews__isnull=False,
        settled_on=None,
        waived_on=None,
        cancelled_on=None,
    )


def follow(term_id: int, day: datetime.date) -> bool:
    """Offer the renewal of a term, or write the notice that is due of it; whether it did."""
    with use_case():
        # The organisation first, as opening a term and merging lock.
        Organisation.objects.select_for_update().get(terms=term_id)
        term = near_their_end(day).select_for_update(of=("self",)).filter(pk=term_id).first()
        if term is None:
            return False
        offered = Term.objects.filter(renews=term).first()
        if offered is None:
            return _offer_in_time(term, day) or _tell_of_the_end(term, None, day)
        if offered.settled_on or offered.waived_on:
            return False
        if offered.cancelled_on:
            return _tell_of_the_end(term, None, day)
        return _tell_of_the_end(term, offered, day)


# --- The offer ------------------------------------------------------------------------------------


def _offer_in_time(term: Term, day: datetime.date) -> bool:
    """Offer the renewal; a term that nobody can be billed for is left to staff, who are told once."""
    if not offer_due(term, day):
        return False
    try:
        offer(term, on=day)
    except (TierNotOffered, NobodyToBill) as refusal:
        __, is_new = TermNotice.objects.get_or_create(term=term, kind=Kind.NOT_OFFERED)
        if is_new:
            logger.error("Term %s could not be renewed: %s", term.pk, refusal)
            audit.record("dues.renewal_not_offered", term, by=None, reason=str(refusal))
        return False
    return True


def offer_due(term: Term, day: datetime.date, facts: "Facts | None" = None) -> bool:
    """Whether ``day`` asks for an offer of the term after ``term``, which has none yet."""
    if not notice_day(term, Kind.OFFER) <= day <= term.grace_until:
        return False
    return term.pk not in (facts or facts_of([term])).going_on


@dataclass(frozen=True, slots=True)
class Facts:
    """What decides on offers and notices besides the days of the terms themselves."""

    invoices: dict[int, Invoice]  # that stand, by the offered term
    paying: set[int]  # offered terms of which a payment is under way: a bank debit takes days
    going_on: set[int]  # terms whose organisation has a later one, however it came to it


def facts_of(near: Sequence[Term]) -> Facts:
    """The facts of terms near their end; three queries, however many those are."""
    offered = list(Term.objects.filter(renews__in=near).values_list("pk", flat=True))
    later = Term.objects.filter(
        Q(cancelled_on__isnull=True) | Q(cancelled_on__gt=F("starts_on")),
        organisation=OuterRef("organisation"),
        starts_on__gt=OuterRef("starts_on"),
    )
    going_on = Term.objects.filter(Exists(later), pk__in=[term.pk for term in near])
    paying = Payment.objects.filter(
        purpose=billing.PURPOSE, purpose_id__in=offered, status=Status.PROCESSING
    )
    return Facts(
        invoices=billing.standing_invoices(offered),
        paying=set(paying.values_list("purpose_id", flat=True)),
        going_on=set(going_on.values_list("pk", flat=True)),
    )


@inside_transaction
def offer(term: Term, *, on: datetime.date) -> Term:
    """Open the term after ``term``, bill it or waive it, and write to those who see to the dues.

    It costs what the fee table says for its first day. Raises TierNotOffered, NobodyToBill.
    """
    people = letters.who_pays(term.organisation)
    starts_on = term.ends_on + datetime.timedelta(days=1)
    return _open(
        term,
        starts_on=starts_on,
        on=on,
        # By its first day, and in any case not sooner than other invoices.
        due_on=max(starts_on, on + billing.PAYMENT_PERIOD),
        people=people,
        renews=term,
        by=None,
    )


def _open(
    last: Term,
    *,
    starts_on: datetime.date,
    on: datetime.date,
    due_on: datetime.date,
    people: list[User],
    renews: Term | None,
    by: User | None,
) -> Term:
    organisation = last.organisation
    fee = fees.fee_for(
        last.tier,
        organisation.kind,
        organisation.country,
        starts_on,
        currency=organisation.currency,
    )
    ends_on = terms.last_day_from(starts_on)
    new = terms.open_term(
        organisation,
        last.tier,
        starts_on=starts_on,
        ends_on=ends_on,
        fee=terms.prorated(fee.money, starts_on, ends_on),
        renews=renews,
        by=by,
    )
    invoice = billing.charge(new, fee, to=people[0], on=on, due_on=due_on, by=by)
    if renews is not None:
        TermNotice.objects.create(term=renews, kind=Kind.OFFER)
    for person in people:
        mail_offer(person, new, invoice)
    new.refresh_from_db()
    return new


# --- Notices --------------------------------------------------------------------------------------


def _tell_of_the_end(term: Term, offered: Term | None, day: datetime.date) -> bool:
    """Write the newest notice that is due; older ones that were missed are not made up for."""
    kind = notice_due(term, offered, day)
    if kind is None:
        return False
    later = [other for other in NOTICE_DAYS if NOTICE_DAYS[other] >= NOTICE_DAYS[kind]]
    if term.notices.filter(kind__in=later).exists():
        return False
    TermNotice.objects.create(term=term, kind=kind)
    people = letters.who_reads(term.organisation)
    if not people:
        logger.error("Nobody can be told of the end of term %s.", term.pk)
        return True
    for person in people:
        mail_notice(person, term, offered, kind)
    return True


def notice_due(
    term: Term, offered: Term | None, day: datetime.date, facts: Facts | None = None
) -> TermNotice.Kind | None:
    """The notice of the end of ``term`` that ``day`` asks for, whatever was written already."""
    kind = _due(term, day)
    if kind is None or (offered is None and kind != Kind.LAPSED):
        return None
    facts = facts or facts_of([term])
    if offered is None:
        return None if term.pk in facts.going_on else kind
    invoice = facts.invoices.get(offered.pk)
    if invoice is not None and notice_day(term, kind) <= invoice.issued_on:
        return None
    return None if offered.pk in facts.paying else kind


def _due(term: Term, day: datetime.date) -> TermNotice.Kind | None:
    come = [kind for kind in NOTICE_DAYS if kind != Kind.OFFER and notice_day(term, kind) <= day]
    return come[-1] if come else None


def mail_offer(person: User, new: Term, invoice: Invoice | None) -> None:
    """Write that ``new`` was opened: the renewal of another term, or a member that joins again."""
    about = f"term:{new.renews_id}/{Kind.OFFER.value}" if new.renews_id else f"term:{new.pk}/opened"
    template = "dues_renewal" if invoice else "dues_renewed"
    _mail(template, person, new, invoice=invoice, about=about)


def mail_notice(person: User, term: Term, offered: Term | None, kind: TermNotice.Kind) -> None:
    """Write of the end of ``term``: that it lapsed, or that its renewal is still open."""
    about = f"term:{term.pk}/{kind.value}"
    invoice = billing.standing_invoice(offered) if offered else None
    if kind == Kind.LAPSED:
        _mail("dues_lapsed", person, term, about=about)
    elif offered is not None:
        _mail(
            "dues_renewal_reminder",
            person,
            offered,
            invoice=invoice,
            last=term,
            kind=kind,
            about=about,
        )


@inside_transaction
def _mail(
    template: str,
    person: User,
    term: Term,
    *,
    about: str,
    invoice: Invoice | None = None,
    last: Term | None = None,
    kind: str = "",
) -> None:
    last = last or term
    letters.write(
        template,
        person,
        term.organisation.public_name,
        {
            "starts_on": term.starts_on,
            "ends_on": term.ends_on,
            "last_ends_on": last.ends_on,
            "grace_until": last.grace_until,
            "kind": str(kind),
        },
        about=about,
        invoice=invoice,
        asked=invoice.outstanding if invoice else None,
    )


def reminds_of(invoice: Invoice, day: datetime.date) -> bool:
    """Whether an invoice has the reminders of this module on ``day``, and so no others.

    Those end with the lapse of the last term; one that is billed again later has the others.
    """
    lapsed = day - datetime.timedelta(days=NOTICE_DAYS[Kind.LAPSED])
    return Term.objects.filter(pk=invoice.purpose_id, renews__ends_on__gte=lapsed).exists()


# --- The end of an offer --------------------------------------------------------------------------


def end_offer(term_id: int, day: datetime.date) -> bool:
    """End a renewal that nobody took up, and credit its invoice; whether it did.

    Nobody owes dues for a membership they did not have. Where money came once, though it went back
    or was taken for another's, or a payment is under way, the offer stays for people to decide.
    """
    with use_case():
        offered = Term.objects.select_related("organisation").get(pk=term_id)
        if _was_taken_up(offered):
            return False
        invoice = billing.standing_invoice(offered)
        with override(invoice.language if invoice else "en"):
            reason = gettext("The renewal was not taken up.")
        # The message that the membership lapsed says so, too.
        if invoice is not None and not crediting.withdraw(invoice, reason=reason, told=True):
            return False
        return terms.end_offer(offered, reason=reason)


def _was_taken_up(offered: Term) -> bool:
    came = Q(status__in=[Status.PROCESSING, Status.SUCCEEDED, Status.UNDONE])
    return Payment.objects.filter(
        came | Q(succeeded_at__isnull=False), purpose=billing.PURPOSE, purpose_id=offered.pk
    ).exists()


# --- Joining again --------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Rejoining:
    """What joining again on a day means."""

    last: Term
    fee: FeeRule
    money: Money
    starts_on: datetime.date
    ends_on: datetime.date


def rejoin_plan(organisation: Organisation, *, by: User, on: datetime.date) -> Rejoining:
    """What it means that a member that lapsed joins again on ``on``, without an application.

    Within `REJOIN_WITHIN` of the end of its last term the foundation knows the organisation, so a
    new term begins that day in the tier it had. Later, or after a cancellation, it applies.

    Raises MayNotRejoin, MembershipStands, ApplyAgain, TierNotOffered.
    """
    if not billing.answers_for_dues(organisation.pk, by):
        raise MayNotRejoin
    last = _lapsed_term(organisation, on)
    fee = fees.fee_for(
        last.tier, organisation.kind, organisation.country, on, currency=organisation.currency
    )
    ends_on = terms.last_day_from(on)
    return Rejoining(last, fee, terms.prorated(fee.money, on, ends_on), on, ends_on)


def why_no_rejoin(organisation: Organisation, *, by: User, on: datetime.date) -> str:
    """The sentence that says why ``by`` cannot join again for it on ``on``, or ""."""
    try:
        rejoin_plan(organisation, by=by, on=on)
    except (DuesRefusal, TierNotOffered) as refusal:
        return str(refusal)
    return ""


def _lapsed_term(organisation: Organisation, on: datetime.date) -> Term:
    every = list(organisation.terms.all())
    over = (Term.Status.LAPSED, Term.Status.CANCELLED)
    if any(term.status(on) not in over for term in every):
        raise MembershipStands(organisation=organisation)
    # An offer that ended never began, so it says nothing.
    begun = [term for term in every if term.last_day >= term.starts_on]
    last = max(begun, key=lambda term: term.ends_on, default=None)
    if (
        last is None
        or last.cancelled_on is not None
        or not last.is_paid_for(last.ends_on)
        or on > last.ends_on + REJOIN_WITHIN
    ):
        raise ApplyAgain(organisation=organisation)
    return last


def rejoin(organisation: Organisation, *, by: User) -> Term:
    """Open a new term from today for a member that lapsed: billed, or waived where it costs nothing.

    Raises MayNotRejoin, MembershipStands, ApplyAgain, TierNotOffered, NobodyToBill.
    """
    with use_case():
        organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
        today = timezone.localdate()
        last = rejoin_plan(organisation, by=by, on=today).last
        term = _open(
            last,
            starts_on=today,
            on=today,
            due_on=today + billing.PAYMENT_PERIOD,
            people=letters.who_pays(organisation),
            renews=None,
            by=by,
        )
        audit.record("dues.rejoin", term, by=by)
    return term
