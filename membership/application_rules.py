"""What the verbs of the applicant and of the reviewers share: the steps, the lock, the messages."""

from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils import formats
from django.utils.translation import gettext, override

from core.mail import enqueue_mail
from core.models import User
from membership.links import path_in
from membership.models import Application
from membership.refusals import ReasonMissing, WrongStep

State = Application.State

# What may follow what. Every verb asks this map; nothing else decides.
NEXT: dict[str, frozenset[str]] = {
    State.DRAFT: frozenset({State.SUBMITTED, State.WITHDRAWN}),
    State.SUBMITTED: frozenset({State.UNDER_REVIEW, State.WITHDRAWN}),
    State.UNDER_REVIEW: frozenset(
        {State.INFORMATION_WANTED, State.APPROVED, State.DECLINED, State.WITHDRAWN}
    ),
    State.INFORMATION_WANTED: frozenset({State.UNDER_REVIEW, State.DECLINED, State.WITHDRAWN}),
    State.APPROVED: frozenset(),
    # Only where an appeal sets the decline aside (membership.reviewing.decide_appeal).
    State.DECLINED: frozenset({State.UNDER_REVIEW}),
    State.WITHDRAWN: frozenset(),
}


def lock(application: Application) -> Application:
    """The row as it stands now, held until the end of the transaction."""
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("tier", "applicant", "organisation", "assigned_to", "appeal")
        .get(pk=application.pk)
    )


def require_next(application: Application, state: State, *, only_from: State | None = None) -> None:
    """Raise WrongStep unless ``state`` may follow the application's."""
    allowed = state in NEXT[application.state]
    if not allowed or (only_from is not None and application.state != only_from):
        raise WrongStep(state=application.get_state_display())


def require_applicant(application: Application, by: User) -> None:
    # Views load an application through its applicant, so nobody else gets here but by a mistake.
    if application.applicant_id != by.pk:
        raise PermissionDenied("Only the applicant may do this.")


def require_reason(text: str) -> None:
    if not text.strip():
        raise ReasonMissing


def tell_applicant(
    application: Application, template: str, *, key: int | None = None, **more: str
) -> None:
    """Write to whoever applied, in their language. ``key``: as `about_application`."""
    person = application.applicant
    language = person.preferred_language
    with override(language):
        due = application.answer_due_on
        enqueue_mail(
            template,
            to=person.email,
            language=language,
            context={
                "name": person.get_short_name(),
                "organisation": application.public_name,
                "path": path_in(language, "membership_application", application.public_id),
                "answer_due_on": formats.date_format(due) if due else "",
                **more,
            },
            about=about_application(application, template, key),
        )


def about_application(application: Application, template: str, key: int | None = None) -> str:
    """What a message about an application is about, for the delivery log; ``key`` tells those apart
    of which an application has several (its questions)."""
    about = f"application:{application.pk}/{template.removeprefix('membership_')}"
    return about if key is None else f"{about}/{key}"


def officers(application: Application) -> QuerySet[User]:
    """Everybody who may decide by a group of theirs, but never the applicant."""
    return all_officers().exclude(pk=application.applicant_id)


def all_officers() -> QuerySet[User]:
    """Everybody who may decide by a group or a right of theirs; not by being a superuser alone."""
    permission = Permission.objects.filter(
        codename="decide_application", content_type__app_label="membership"
    )
    return User.objects.filter(
        Q(groups__permissions__in=permission) | Q(user_permissions__in=permission),
        is_active=True,
    ).distinct()


def tell_officers(
    application: Application, template: str, *, only: User | None = None, key: int | None = None
) -> None:
    """Write to the officers, or to ``only`` the one who has it in hand and whose account is open.

    ``key``: as `about_application`.
    """
    for officer in [only] if only is not None and only.is_active else officers(application):
        with override(officer.preferred_language):
            country = application.country_name or gettext("unknown")
        enqueue_mail(
            template,
            to=officer.email,
            language=officer.preferred_language,
            context={
                "organisation": application.public_name,
                "country": country,
                "path": reverse("membership_applications:decide", args=[application.pk]),
            },
            about=about_application(application, template, key),
        )
