"""Opening, settling, waiving and cancelling membership terms.

A verb records a fact with its day; `Term.status` tells from the facts what the term is. All are
parts of a use case: dues open the transaction, since money or its absence goes with them. What the
member was promised follows by a job (`membership.benefits`).
"""

import datetime

from django.db import IntegrityError, transaction
from django.utils import formats

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from membership import jobs
from membership.models import Application, Organisation, Term, TermPolicy, Tier
from membership.refusals import (
    AlreadyCancelled,
    AlreadyPaidFor,
    NotPermitted,
    OrganisationMerged,
    ReasonMissing,
    TermOverlaps,
)

IMPORT = "membership.import_members"


def last_day_of_year_from(starts_on: datetime.date) -> datetime.date:
    """The last day of a year that begins on ``starts_on``: the day before the same date.

    A year from 29 February ends on 28 February; one from 1 March 2027 ends on 29 February 2028.
    """
    try:
        same_day = starts_on.replace(year=starts_on.year + 1)
    except ValueError:  # 29 February
        same_day = datetime.date(starts_on.year + 1, 3, 1)
    return same_day - datetime.timedelta(days=1)


def common_year_end() -> int | None:
    """The month (1 to 12) with which all membership years end; None where each has its own year."""
    return TermPolicy.objects.values_list("year_ends_with", flat=True).first()


@inside_transaction
def set_common_year_end(month: int | None, *, by: User) -> TermPolicy:
    """Let new terms run to the end of ``month``, or a year each. Raises NotPermitted."""
    if not by.has_perm("membership.change_termpolicy"):
        raise NotPermitted
    policy, __ = TermPolicy.objects.select_for_update().get_or_create(pk=1)
    before, policy.year_ends_with = policy.year_ends_with, month
    policy.save(update_fields=["year_ends_with"])
    audit.record("membership.set_year_end", policy, by=by, before=before, month=month)
    return policy


def last_day_from(starts_on: datetime.date) -> datetime.date:
    """The last day of a term that begins on ``starts_on``, by the policy in force.

    A year, or what is left of it to the end of the month with which all membership years end.
    """
    return last_day_by(starts_on, common_year_end())


def last_day_by(starts_on: datetime.date, month: int | None) -> datetime.date:
    """The same, where the month of the policy was read already."""
    if month is None:
        return last_day_of_year_from(starts_on)
    year = starts_on.year + (starts_on.month > month)
    after = datetime.date(year + month // 12, month % 12 + 1, 1)
    return after - datetime.timedelta(days=1)


def prorated(fee: Money, starts_on: datetime.date, ends_on: datetime.date) -> Money:
    """The part of a year's ``fee`` for these days, both included, half a minor unit rounded up.

    The year is the one that begins on ``starts_on``, so that a whole one costs the whole fee.
    What is not for nothing costs one minor unit at least.
    """
    whole = (last_day_of_year_from(starts_on) - starts_on).days + 1
    days = (ends_on - starts_on).days + 1
    part = (2 * fee.amount * days + whole) // (2 * whole)
    return Money(max(part, 1) if fee.amount else 0, fee.currency)


@inside_transaction
def open_term(
    organisation: Organisation,
    tier: Tier,
    *,
    starts_on: datetime.date,
    fee: Money,
    by: User | None,
    application: Application | None = None,
    ends_on: datetime.date | None = None,
    renews: Term | None = None,
) -> Term:
    """Open a term of a year (or until ``ends_on``) that awaits its payment.

    ``renews``: the term that it follows; the database lets each be renewed once.

    Raises OrganisationMerged, and TermOverlaps when the organisation has a term in these days; the
    database holds that rule too (`term_no_overlap`), so two at once cannot both pass.
    """
    # Two openings of one organisation wait for each other here.
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if organisation.merged_into_id is not None:
        raise OrganisationMerged(organisation=organisation)
    last_day = ends_on or last_day_of_year_from(starts_on)
    term = Term(
        organisation=organisation,
        tier=tier,
        application=application,
        renews=renews,
        starts_on=starts_on,
        ends_on=last_day,
        fee=fee.amount,
        currency=fee.currency,
    )
    try:
        with transaction.atomic():
            term.save()
    except IntegrityError as error:
        if "term_no_overlap" not in str(error):
            raise
        until = max(other.last_day for other in organisation.terms.filter(starts_on__lte=last_day))
        raise TermOverlaps(organisation=organisation, until=formats.date_format(until)) from error
    audit.record(
        "membership.open_term",
        term,
        by=by,
        starts_on=starts_on.isoformat(),
        ends_on=last_day.isoformat(),
    )
    return term


@inside_transaction
def settle(term: Term, *, on: datetime.date, by: User | None = None) -> bool:
    """Record that the dues of ``term`` arrived on ``on``; whether that was news.

    A fact from outside always stands: it is recorded for a cancelled or lapsed term as well (and
    changes nothing about that). A second payment, or one for a waived term, moves nothing.
    """
    locked = _lock(term)
    if locked.settled_on is not None or locked.waived_on is not None:
        return False
    locked.settled_on = on
    locked.save(update_fields=["settled_on"])
    audit.record("membership.settle_term", locked, by=by, on=on.isoformat())
    jobs.keep_promises.enqueue(term_id=locked.pk)
    return True


@inside_transaction
def settle_elsewhere(term: Term, *, on: datetime.date, by: User, evidence: str) -> Term:
    """Record that the dues of ``term`` were paid on ``on`` before this portal came.

    It counts as settled. Nothing of it stands in the books here: no invoice asks for it, and what
    was paid is no income of theirs. ``evidence`` says where it can be read. Raises NotPermitted,
    AlreadyPaidFor, ReasonMissing.
    """
    locked = _lock(term)
    if not by.has_perm(IMPORT):
        raise NotPermitted
    if locked.settled_on is not None or locked.waived_on is not None:
        raise AlreadyPaidFor
    if not evidence.strip():
        raise ReasonMissing
    locked.settled_on = on
    locked.settled_elsewhere = evidence.strip()
    locked.save(update_fields=["settled_on", "settled_elsewhere"])
    audit.record(
        "membership.settle_elsewhere", locked, by=by, reason=evidence.strip(), on=on.isoformat()
    )
    jobs.keep_promises.enqueue(term_id=locked.pk)
    return locked


@inside_transaction
def unsettle(term: Term, *, by: User | None, reason: str) -> bool:
    """The dues of ``term`` went back, or never came: it awaits its payment again; whether it did."""
    locked = _lock(term)
    if locked.settled_on is None:
        return False
    was = locked.settled_on
    locked.settled_on = None
    locked.settled_elsewhere = ""
    locked.save(update_fields=["settled_on", "settled_elsewhere"])
    audit.record(
        "membership.unsettle_term", locked, by=by, reason=reason, settled_on=was.isoformat()
    )
    jobs.keep_promises.enqueue(term_id=locked.pk)
    return True


@inside_transaction
def waive(term: Term, *, on: datetime.date, by: User | None, reason: str) -> Term:
    """Ask nothing for ``term``. Raises AlreadyPaidFor, ReasonMissing, NotPermitted.

    Where the fee table asks for nothing the waiver follows from it: whoever may approve may waive,
    and a renewal needs nobody (``by`` is None). Otherwise it takes the permission to waive.
    """
    locked = _lock(term)
    if locked.fee and (by is None or not by.has_perm("membership.waive_term")):
        raise NotPermitted
    if locked.settled_on is not None or locked.waived_on is not None:
        raise AlreadyPaidFor
    if not reason.strip():
        raise ReasonMissing
    locked.waived_on = on
    locked.waived_by = by
    locked.waived_reason = reason.strip()
    locked.save(update_fields=["waived_on", "waived_by", "waived_reason"])
    audit.record("membership.waive_term", locked, by=by, reason=reason.strip())
    jobs.keep_promises.enqueue(term_id=locked.pk)
    return locked


@inside_transaction
def cancel(term: Term, *, on: datetime.date, by: User, reason: str, told: bool = False) -> Term:
    """End ``term`` with effect from ``on``. Raises NotPermitted, AlreadyCancelled, ReasonMissing.

    ``told``: its people get a message of its own about it.
    """
    locked = _lock(term)
    if not by.has_perm("membership.cancel_term"):
        raise NotPermitted
    if locked.cancelled_on is not None:
        raise AlreadyCancelled(since=formats.date_format(locked.cancelled_on))
    if not reason.strip():
        raise ReasonMissing
    locked.cancelled_on = on
    locked.cancelled_by = by
    locked.cancelled_reason = reason.strip()
    locked.save(update_fields=["cancelled_on", "cancelled_by", "cancelled_reason"])
    audit.record(
        "membership.cancel_term",
        locked,
        by=by,
        reason=reason.strip(),
        on=on.isoformat(),
        told=told,
    )
    jobs.keep_promises.enqueue(term_id=locked.pk)
    return locked


@inside_transaction
def end_offer(term: Term, *, reason: str) -> bool:
    """End an offered renewal that nobody paid, as if it had never begun; whether it was open."""
    locked = _lock(term)
    is_open = locked.renews_id is not None and locked.cancelled_on is None
    if not is_open or locked.settled_on is not None or locked.waived_on is not None:
        return False
    locked.cancelled_on = locked.starts_on
    locked.cancelled_reason = reason
    locked.save(update_fields=["cancelled_on", "cancelled_reason"])
    audit.record("membership.end_offer", locked, by=None, reason=reason)
    return True


def _lock(term: Term) -> Term:
    return (
        Term.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=term.pk)
    )
