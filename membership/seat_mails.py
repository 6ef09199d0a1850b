"""Whom the verbs about seats write to, and in which language."""

from typing import Any

from django.contrib.auth.models import Permission
from django.db.models import Q, QuerySet
from django.urls import reverse
from django.utils.translation import override

from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction
from membership.links import path_in
from membership.models import Organisation, Seat, SeatRole


def primary_contact(organisation: Organisation) -> Seat | None:
    """The seat of the primary contact; None where nobody is, or where the account is closed.

    A closed account reads no mail: whoever wants to write to the organisation finds nobody here,
    and staff make somebody else the primary contact (`membership.seats.appoint`).
    """
    return (
        organisation.seats.filter(
            roles__contains=[SeatRole.PRIMARY_CONTACT], person__is_active=True
        )
        .select_related("person")
        .first()
    )


def appointers() -> QuerySet[User]:
    """Staff who may make somebody the primary contact, by a group or a right of their own."""
    right = Permission.objects.filter(codename="appoint_seat", content_type__app_label="membership")
    return User.objects.filter(
        Q(groups__permissions__in=right) | Q(user_permissions__in=right), is_active=True
    ).distinct()


@inside_transaction
def tell(
    person: User,
    template: str,
    organisation: Organisation,
    /,
    *,
    of: User | None = None,
    **more: Any,
) -> None:
    """Write to ``person``, with the address of the organisation's page of people.

    ``of``: whom it is about, where that is somebody else.
    """
    if not person.is_active:
        return
    language = person.preferred_language
    roles = more.pop("roles", None)
    with override(language):
        if roles is not None:
            more["roles"] = role_words(roles)
        enqueue_mail(
            template,
            to=person.email,
            language=language,
            context={
                "name": person.get_short_name(),
                "organisation": organisation.public_name,
                "path": path_in(language, "people", organisation.slug),
                **more,
            },
            about=about_seat(organisation, template, of or person),
        )


def about_seat(organisation: Organisation, template: str, person: User) -> str:
    """What a message about ``person`` in an organisation is about, for the delivery log."""
    return f"organisation:{organisation.pk}/{template.removeprefix('membership_')}/{person.pk}"


@inside_transaction
def tell_contact(organisation: Organisation, template: str, /, **more: Any) -> bool:
    """Write to the primary contact; False where there is nobody to read it."""
    seat = primary_contact(organisation)
    if seat is not None:
        tell(seat.person, template, organisation, **more)
    return seat is not None


@inside_transaction
def tell_appointers(organisation: Organisation, template: str, /, *, of: User, **more: Any) -> None:
    """Write to staff who can make somebody the primary contact, because of what ``of`` asks."""
    path = reverse("membership_seats:appoint", args=[organisation.pk])
    for person in appointers():
        enqueue_mail(
            template,
            to=person.email,
            language=person.preferred_language,
            context={"organisation": organisation.public_name, "path": path, **more},
            about=about_seat(organisation, template, of),
        )


def role_words(roles: list[str]) -> str:
    """The names of the roles in the language in force."""
    return ", ".join(str(SeatRole(role).label) for role in roles)
