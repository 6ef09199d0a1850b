"""The e-mails about an organisation in its timeline: when, which one, to whom, what became of it.

The delivery log knows what a message is about as a text, such as `term:7/lapsed`. A package says
by which texts its own rows are called there (`register`); all of them are read in one query.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

from django.db.models import Model, Q, QuerySet
from django.urls import reverse
from django.utils.translation import gettext as _

from core.mailing import visible
from core.mailing.models import Delivery
from core.models import User
from membership.models import (
    AgreementVersion,
    Application,
    Invitation,
    TierChange,
)
from membership.timeline import Event, Question

# How the log calls rows of one kind: `term:7` stands for all that is about it, `term:7/lapsed`, too.
Subjects = Callable[[Question], Iterable[str]]
_subjects: list[Subjects] = []

M = TypeVar("M", bound=Model)


def register(subjects: Subjects) -> None:
    """Have the timeline tell of the e-mails about what ``subjects`` names; twice is once.

    It names what the reader of the question may see, in a fixed number of queries.
    """
    if subjects not in _subjects:
        _subjects.append(subjects)


def of_mails(question: Question) -> Iterable[Event]:
    """The newest e-mails about an organisation, those that the reader may know of."""
    names = {name for find in _subjects for name in find(question)}
    about = Q(about__in=names)
    for name in names:
        about |= Q(about__startswith=f"{name}/")
    rows = Delivery.objects.filter(about, is_test=False) if names else Delivery.objects.none()
    return [
        _event(row, question.reader) for row in rows.order_by("-queued_at", "-pk")[: question.limit]
    ]


def _event(row: Delivery, reader: User) -> Event:
    sees = visible.may_see(reader, row.template)
    return Event(
        at=row.queued_at,
        words=_("E-mail: %(state)s") % {"state": row.state.label},
        about=row.template,
        who=_("the portal"),
        detail=_("to %(address)s") % {"address": row.address} if sees and row.address else "",
        url=reverse("mail_log:inspect", args=[row.pk]) if sees else "",
    )


def of_membership(question: Question) -> Iterable[str]:
    ids, may = question.organisation_ids, question.reader.has_perm
    yield from (f"organisation:{pk}" for pk in ids)
    yield from _named("invitation", Invitation.objects.filter(organisation__in=ids))
    if may("membership.view_application"):
        # A draft is its applicant's own business.
        handed_in = Application.objects.exclude(submitted_at__isnull=True)
        yield from _named("application", handed_in.filter(organisation__in=ids))
    if may("membership.view_acceptance"):
        versions = AgreementVersion.objects.values_list("pk", flat=True)
        yield from (f"agreement:{version}/{pk}" for version in versions for pk in ids)
    if may("membership.view_term"):
        yield from (f"term:{pk}" for pk in question.term_ids)
        changes = TierChange.objects.filter(term__in=question.term_ids)
        yield from _named("tier-change", changes)


def _named(kind: str, rows: QuerySet[M]) -> Iterable[str]:
    return (f"{kind}:{pk}" for pk in rows.order_by().values_list("pk", flat=True))
