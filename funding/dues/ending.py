"""Cancelling a term: with effect from a day, told to its organisation, its open renewal ended."""

import datetime

from django.utils import formats, timezone

from core.models import User
from core.transactions import inside_transaction, use_case
from funding.dues import crediting, letters
from funding.dues.refusals import DayNotInTerm
from membership import terms
from membership.models import Term


def cancel_term(term: Term, *, on: datetime.date, by: User, reason: str) -> Term:
    """Cancel ``term`` with effect from ``on``, today or a later day of it, and tell its people why.

    Nothing is given back by it: an unpaid invoice is made void and dues are refunded on their own
    pages, by those with rights of money. Raises DayNotInTerm and the refusals of
    `membership.terms.cancel`.
    """
    with use_case():
        crediting.lock_payments_of(term.organisation)
        term = terms.cancel(term, on=on, by=by, reason=reason, told=True)
        if not timezone.localdate() <= on <= term.ends_on:
            raise DayNotInTerm(last=formats.date_format(term.ends_on))
        crediting.end_renewal_of(term, by=by, reason=term.cancelled_reason)
        crediting.end_change_of(term, by=by, reason=term.cancelled_reason)
        tell(term)
    return term


@inside_transaction
def tell(term: Term) -> None:
    """Write from which day ``term`` is cancelled, and why."""
    for person in letters.who_reads(term.organisation):
        letters.write(
            "dues_cancelled",
            person,
            term.organisation.public_name,
            {"day": term.cancelled_on, "reason": term.cancelled_reason},
            about=f"term:{term.pk}/cancelled",
        )
