"""The people whom an application names for the vote and the invoices: invited in one go."""

import uuid
from dataclasses import dataclass

from django.db.models import Q

from core.models import User
from core.transactions import use_case
from membership.invitations import send_invitation
from membership.models import Application, Invitation, Organisation, SeatRole
from membership.refusals import WrongStep
from membership.seats import lock, require_primary_contact


@dataclass(frozen=True, slots=True)
class Named:
    """Somebody whom an application names, with the roles that it names them for."""

    name: str
    email: str
    roles: list[str]
    token: uuid.UUID  # of their one invitation by this application

    @property
    def role_names(self) -> list[str]:
        return [str(SeatRole(role).label) for role in self.roles]


def named_in(application: Application) -> list[Named]:
    """Whom it names, but for its applicant, who has a seat by the approval."""
    found: dict[str, Named] = {}
    for role, name, email in (
        (SeatRole.VOTING_REPRESENTATIVE, application.voting_name, application.voting_email),
        (SeatRole.BILLING_CONTACT, application.billing_name, application.billing_email),
    ):
        address = email.strip().lower()
        if not address or address == application.applicant.email:
            continue
        token = uuid.uuid5(application.public_id, address)
        found.setdefault(address, Named(name, address, [], token)).roles.append(str(role))
    return list(found.values())


def to_invite(application: Application) -> list[Named]:
    """Those of them who have no seat there and were never invited by this. Two queries at most."""
    named, organisation = named_in(application), application.organisation
    if application.state != Application.State.APPROVED or organisation is None or not named:
        return []
    tokens = [each.token for each in named]
    invited = set(
        Invitation.objects.filter(form_token__in=tokens).values_list("form_token", flat=True)
    )
    seated = _seated(organisation, [each.email for each in named])
    return [each for each in named if each.token not in invited and each.email not in seated]


def _seated(organisation: Organisation, addresses: list[str]) -> set[str]:
    people = User.objects.filter(seats__organisation=organisation)
    confirmed = Q(emailaddress__email__in=addresses, emailaddress__verified=True)
    rows = people.filter(Q(email__in=addresses) | confirmed).values_list(
        "email", "emailaddress__email"
    )
    return {address.lower() for row in rows for address in row if address}


def invite_named(application: Application, *, by: User) -> list[Invitation]:
    """Invite whom an approved application names, each with their roles; those whom it invited.

    Once more invites nobody. Raises NotPrimaryContact, OrganisationMerged, TooManyInvitations, and
    WrongStep before the approval.
    """
    with use_case():
        if application.organisation is None:
            raise WrongStep(state=application.get_state_display())
        organisation = lock(application.organisation)
        require_primary_contact(organisation, by)
        return [
            send_invitation(organisation, named.email, named.roles, by=by, form_token=named.token)
            for named in to_invite(application)
        ]


def waiting_for(person: User) -> list[Application]:
    """The applications whose named people ``person``, the primary contact, can invite."""
    approved = Application.objects.filter(
        ~Q(voting_email="") | ~Q(billing_email=""),
        applicant=person,
        state=Application.State.APPROVED,
        organisation__seats__in=person.seats.filter(roles__contains=[SeatRole.PRIMARY_CONTACT]),
    ).select_related("organisation", "applicant")
    return [application for application in approved if to_invite(application)]
