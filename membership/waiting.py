"""What of the applications waits for an officer: for the queue and for "What needs you"."""

import datetime

from django.db.models import Count, Q, QuerySet
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import User
from membership.models import Appeal, Application

State = Application.State
OPEN = (State.SUBMITTED, State.UNDER_REVIEW, State.INFORMATION_WANTED)

CHOICES = [
    ("me", _("in my hands")),
    ("nobody", _("in nobody’s hands")),
    ("second", _("for my second approval")),
    ("overdue", _("overdue")),
    ("appeal", _("appeals that I may decide")),
]


def of(what: str, person: User) -> QuerySet[Application]:
    """The applications that wait in the way ``what`` (one of CHOICES) for ``person``."""
    return {
        "me": in_the_hands_of,
        "nobody": in_nobodys_hands,
        "second": for_second_approval,
        "overdue": overdue,
        "appeal": appeals_for,
    }[what](person)


def _to_review(person: User) -> QuerySet[Application]:
    """Open ones that may be theirs to review."""
    return Application.objects.filter(state__in=OPEN).exclude(applicant=person)


def in_the_hands_of(person: User) -> QuerySet[Application]:
    """Those that go on when ``person`` acts; while a question is open the applicant is asked."""
    return _to_review(person).filter(assigned_to=person).exclude(state=State.INFORMATION_WANTED)


def in_nobodys_hands(person: User) -> QuerySet[Application]:
    """Those that nobody has taken up, or somebody whose account is closed by now."""
    return _to_review(person).filter(Q(assigned_to__isnull=True) | Q(assigned_to__is_active=False))


def for_second_approval(person: User) -> QuerySet[Application]:
    """Approved by one officer, not by ``person``, in a tier that asks for two."""
    standing = Q(approvals__lapsed_at__isnull=True, approvals__by__isnull=False)
    return (
        _to_review(person)
        .filter(state=State.UNDER_REVIEW, tier__reviewers=2)
        .annotate(
            given=Count("approvals", filter=standing),
            own=Count("approvals", filter=standing & Q(approvals__by=person)),
        )
        .filter(given=1, own=0)
    )


def overdue(person: User) -> QuerySet[Application]:
    """Past the day on which the applicant was promised an answer (Application.answer_due_on)."""
    today = timezone.localdate()
    begun = _start_of(today - datetime.timedelta(days=Application.TARGET_DAYS))
    made = _start_of(today - datetime.timedelta(days=Application.APPEAL_TARGET_DAYS))
    again = Q(appeal__outcome=Appeal.Outcome.SET_ASIDE)
    late = (~again & Q(submitted_at__lt=begun)) | (again & Q(appeal__decided_at__lt=begun))
    return Application.objects.filter(
        (Q(state__in=OPEN) & late)
        | Q(state=State.DECLINED, appeal__outcome="", appeal__made_at__lt=made)
    )


def appeals_for(person: User) -> QuerySet[Application]:
    """Appeals that wait, without those in which ``person`` had a part (membership.reviewing)."""
    had_part = (
        Q(decided_by=person)
        | Q(applicant=person)
        | Q(assigned_to=person)
        | Q(approvals__by=person)
        | Q(notes__by=person)
        | Q(information_requests__asked_by=person)
    )
    mine = Application.objects.filter(had_part).values("pk")
    return Application.objects.filter(
        state=State.DECLINED, appeal__isnull=False, appeal__outcome=""
    ).exclude(pk__in=mine)


def _start_of(day: datetime.date) -> datetime.datetime:
    return timezone.make_aware(datetime.datetime.combine(day, datetime.time()))
