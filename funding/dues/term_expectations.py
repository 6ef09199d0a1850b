"""What members are owed by e-mail about a term: that it is paid, waived or cancelled, or has another
tier."""

import datetime
from collections.abc import Iterable, Iterator
from functools import partial

from django.db.models import QuerySet

from core import audit
from core.mailing.expectations import Expected, day_of
from core.models import User
from funding.dues import billing, changing, ending, letters, outcome, waiving
from funding.payments.models import Payment, Status
from membership.models import Term, TierChange


def settled(first: datetime.date, last: datetime.date) -> Iterable[Expected]:
    """Terms that a payment settled, and that made or kept somebody a member by it.

    What was settled by hand (paid before this portal came) tells nobody: the import does.
    """
    payments = list(
        Payment.objects.filter(
            purpose=billing.PURPOSE,
            status=Status.SUCCEEDED,
            succeeded_at__date__range=(first, last),
        )
        .exclude(payer_email="")
        .order_by("succeeded_at", "pk")
    )
    terms = Term.objects.select_related("organisation", "renews").in_bulk(
        {payment.purpose_id for payment in payments}
    )
    found: dict[int, Expected] = {}
    for payment in payments:
        term = terms.get(payment.purpose_id)
        assert payment.succeeded_at is not None
        on = day_of(payment.succeeded_at)
        if term is None or term.settled_on != on or not outcome.makes_or_keeps_member(term, on):
            continue
        # Paid in parts, the last one settled it.
        found[term.pk] = Expected(
            about=f"term:{term.pk}/settled",
            template="dues_settled",
            to=payment.payer_email,
            language=payment.language,
            due_on=on,
            send=partial(outcome.tell, payment, term),
        )
    return found.values()


def waived(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Terms whose dues somebody waived. Where nothing was asked, an offer or an admission tells."""
    rows = Term.objects.filter(
        fee__gt=0, imported=None, cancelled_on=None, waived_on__range=(first, last)
    ).select_related("organisation")
    readers = letters.readers_of(term.organisation_id for term in rows)
    for term in rows:
        assert term.waived_on is not None
        yield from _to_readers(
            readers[term.organisation_id],
            f"term:{term.pk}/waived",
            "dues_waived",
            term.waived_on,
            partial(waiving.tell, term),
        )


def cancelled(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Terms that staff cancelled; what ends with an invoice is told by its credit note."""
    acts = audit.acts(Term, first, last, "membership.cancel_term")
    days = {int(act.object_id): day_of(act.timestamp) for act in acts if act.data.get("told")}
    rows = Term.objects.filter(pk__in=days, cancelled_on__isnull=False)
    readers = letters.readers_of(rows.values_list("organisation", flat=True))
    for term in rows.select_related("organisation"):
        yield from _to_readers(
            readers[term.organisation_id],
            f"term:{term.pk}/cancelled",
            "dues_cancelled",
            days[term.pk],
            partial(ending.tell, term),
        )


def changes(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Changes of tier that were made, or that ended without an act of those who asked."""
    made = _changes().filter(applied_on__range=(first, last), ended_on=None)
    acts = audit.acts(Term, first, last, "membership.end_tier_change")
    told = [act.data["change_id"] for act in acts if act.data.get("told")]
    ended = _changes().filter(pk__in=told, ended_on__isnull=False)
    rows = [
        *((each, "made", each.applied_on, changing.tell_made) for each in made),
        *((each, "ended", each.ended_on, changing.tell_ended) for each in ended),
    ]
    readers = letters.readers_of({change.term.organisation_id for change, *_rest in rows})
    for change, word, on, tell in rows:
        assert on is not None
        yield from _to_readers(
            readers[change.term.organisation_id] or [change.asked_by],
            f"tier-change:{change.pk}/{word}",
            f"dues_change_{word}",
            on,
            partial(tell, change),
        )


def _changes() -> QuerySet[TierChange]:
    return TierChange.objects.select_related(
        "term__organisation", "old_tier", "new_tier", "asked_by"
    )


def _to_readers(
    readers: list[User], about: str, template: str, on: datetime.date, send: partial[None]
) -> Iterator[Expected]:
    """One message for all of them; none where nobody reads it."""
    for person in readers[:1]:
        yield Expected(
            about=about,
            template=template,
            to=person.email,
            language=person.preferred_language,
            due_on=on,
            send=send,
        )
