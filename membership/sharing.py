"""Sharing a draft with a colleague, who reads and changes it; the applicant alone submits it."""

import datetime

from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.utils import timezone

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.application_rules import State, lock, require_applicant
from membership.links import path_in
from membership.models import Application, Share
from membership.refusals import (
    AlreadyShared,
    NoSuchShare,
    SharedWithYourself,
    TooManyShares,
    WrongStep,
)

MOST_SHARES = 10  # a day and person


def share(application: Application, email: str, *, by: User) -> Share:
    """Let whoever has the verified address ``email`` write with the applicant; tell them by mail.

    Raises WrongStep once it is submitted, SharedWithYourself, AlreadyShared, TooManyShares.
    """
    email = email.strip().lower()
    with use_case():
        application = lock(application)
        require_applicant(application, by)
        if application.state != State.DRAFT:
            raise WrongStep(state=application.get_state_display())
        if email == by.email:
            raise SharedWithYourself
        standing = application.shares.filter(revoked_at__isnull=True)
        if standing.filter(email=email).exists():
            raise AlreadyShared(email=email)
        now = timezone.now()
        # Each one sends a mail to an address that somebody typed.
        today = Share.objects.filter(shared_by=by, shared_at__gt=now - datetime.timedelta(days=1))
        if today.count() >= MOST_SHARES:
            raise TooManyShares(most=MOST_SHARES)
        made = Share.objects.create(
            application=application, email=email, shared_by=by, shared_at=now
        )
        audit.record("membership.share", application, by=by)
        tell_shared(made)
    return made


@inside_transaction
def tell_shared(made: Share) -> None:
    """Write to the colleague, with link and code, in the language of whoever shares."""
    language = made.shared_by.preferred_language
    enqueue_mail(
        "membership_shared",
        to=made.email,
        language=language,
        context={
            "name": "",
            "person": str(made.shared_by),
            "organisation": str(made.application),
            "code": made.code,
            "path": path_in(language, "membership_share", made.public_id),
            "code_path": path_in(language, "membership_shares"),
        },
        about=f"share:{made.pk}",
    )


def open_share(found: Share, *, by: User) -> Application:
    """Take a share up; opened again it stays as it is. Raises NoSuchShare, also for another's."""
    with use_case():
        found = Share.objects.select_for_update().get(pk=found.pk)
        if found.revoked_at is not None or found.email not in verified_addresses(by):
            raise NoSuchShare
        if found.person_id is None:
            found.person = by
            found.opened_at = timezone.now()
            found.save(update_fields=["person", "opened_at"])
            audit.record("membership.open_share", found.application, by=by)
        elif found.person_id != by.pk:
            raise NoSuchShare
    return found.application


def open_by_code(code: str, *, by: User) -> Application:
    """`open_share` by the code that the message names. Raises NoSuchShare."""
    typed = "".join(code.split()).replace("-", "").upper()
    found = offered_to(by).filter(code=typed).first()
    if found is None:
        raise NoSuchShare
    return open_share(found, by=by)


def revoke(found: Share, *, by: User) -> Share:
    """End a share; what the colleague wrote stays in the draft. Revoked twice it is revoked."""
    with use_case():
        application = lock(found.application)
        require_applicant(application, by)
        found = Share.objects.select_for_update().get(pk=found.pk)
        if found.revoked_at is None:
            found.revoked_at = timezone.now()
            found.save(update_fields=["revoked_at"])
            audit.record("membership.revoke_share", application, by=by)
    return found


def require_editor(application: Application, by: User) -> None:
    """Raise PermissionDenied unless ``by`` applied or opened a share that stands."""
    if application.applicant_id == by.pk:
        return
    if not application.shares.filter(person=by, revoked_at__isnull=True).exists():
        raise PermissionDenied("Only the applicant and those it is shared with may do this.")


def editable_by(person: User) -> QuerySet[Application]:
    """The applications that ``person`` made, and the drafts shared with them."""
    shared = Share.objects.filter(person=person, revoked_at__isnull=True)
    return Application.objects.filter(
        Q(applicant=person) | Q(state=State.DRAFT, pk__in=shared.values("application"))
    )


def offered_to(person: User) -> QuerySet[Share]:
    """Shares of drafts that name an address of theirs which is verified, opened or not."""
    return (
        Share.objects.filter(
            email__in=verified_addresses(person),
            revoked_at__isnull=True,
            application__state=State.DRAFT,
        )
        .filter(Q(person__isnull=True) | Q(person=person))
        .select_related("application", "shared_by")
    )


def verified_addresses(person: User) -> list[str]:
    """The addresses that ``person`` has shown to be theirs, in small letters."""
    found = EmailAddress.objects.filter(user=person, verified=True)
    return [address.lower() for address in found.values_list("email", flat=True)]
