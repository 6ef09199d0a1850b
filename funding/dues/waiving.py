"""Waiving dues that were billed: its open invoice is credited, and its organisation reads why."""

from django.utils import formats, timezone

from core.models import User
from core.transactions import inside_transaction, use_case
from funding.dues import billing, changing, crediting, letters
from funding.dues.refusals import PaymentUnderWay, TermEnded
from membership import profile, terms
from membership.models import Organisation, Term
from membership.refusals import (
    AlreadyCancelled,
    AlreadyPaidFor,
    NotPermitted,
    OrganisationMerged,
    ReasonMissing,
)

WAIVE = "membership.waive_term"


def waive_dues(term: Term, *, by: User, reason: str) -> Term:
    """Ask nothing for ``term``, which awaits its payment; an offered renewal is such a term, too.

    It counts from today as if it were paid. Nobody waives the dues of an organisation in which they
    have a seat. A change of tier that waits ends by it. Raises NotPermitted, OwnRequest,
    OrganisationMerged, ReasonMissing, AlreadyPaidFor, AlreadyCancelled, TermEnded, and
    PaymentUnderWay where money came for it or is on its way.
    """
    with use_case():
        term = _lock(term)
        if not by.has_perm(WAIVE):
            raise NotPermitted
        profile.require_no_seat(by, term.organisation)
        _require_awaiting(term)
        why = reason.strip()
        if not why:
            raise ReasonMissing
        invoice = billing.standing_invoice(term)
        if invoice is not None and not crediting.withdraw(invoice, reason=why, told=False):
            raise PaymentUnderWay(number=invoice.number)
        term = terms.waive(term, on=timezone.localdate(), by=by, reason=why)
        changing.end_with_waiver(term, by=by)
        tell(term)
    return term


@inside_transaction
def tell(term: Term) -> None:
    """Write that nothing is asked for ``term``, and why."""
    for person in letters.who_reads(term.organisation):
        letters.write(
            "dues_waived",
            person,
            term.organisation.public_name,
            {"starts_on": term.starts_on, "ends_on": term.ends_on, "reason": term.waived_reason},
            about=f"term:{term.pk}/waived",
        )


@inside_transaction
def _lock(term: Term) -> Term:
    """What pays for the organisation's dues, the organisation, the term's invoice, then the term."""
    organisation = Term.objects.select_related("organisation").get(pk=term.pk).organisation
    crediting.lock_payments_of(organisation)
    organisation = Organisation.objects.select_for_update().get(pk=organisation.pk)
    if organisation.merged_into_id is not None:
        raise OrganisationMerged(organisation=organisation)
    invoice = billing.standing_invoice(term)
    if invoice is not None:
        crediting.lock_paper(invoice)
    return (
        Term.objects.select_for_update(of=("self",)).select_related("organisation").get(pk=term.pk)
    )


def _require_awaiting(term: Term) -> None:
    """Raises AlreadyPaidFor, AlreadyCancelled or TermEnded."""
    if term.settled_on is not None or term.waived_on is not None:
        raise AlreadyPaidFor
    if term.cancelled_on is not None:
        raise AlreadyCancelled(since=formats.date_format(term.cancelled_on))
    if timezone.localdate() > term.ends_on:
        raise TermEnded(day=formats.date_format(term.ends_on))
