"""Inviting people to a seat by e-mail, and accepting.

The mail has a link and a code. The link only finds the invitation; to accept is an act of a
person signed in who has confirmed the invited address, or who types the code.
"""

import datetime
import uuid
from collections.abc import Iterable

from django.core.signing import BadSignature, Signer
from django.utils import formats, timezone
from django.utils.translation import override

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.transactions import inside_transaction, use_case
from core.typed_codes import hashes_of, new_code
from membership.links import path_in
from membership.models import Invitation, Organisation, Seat
from membership.seat_mails import role_words
from membership.seat_refusals import (
    AlreadySeated,
    CodeUnknown,
    InvitationExpired,
    InvitationUsed,
    InvitationWithdrawn,
    OtherAddress,
    TooManyInvitations,
    YouAreSeated,
)
from membership.seats import (
    PRIMARY,
    VOTE,
    confirmed_addresses,
    give_up_vote,
    in_order,
    lock,
    require_primary_contact,
    take_place,
    tell_accepted,
)

State = Invitation.State
MOST_A_DAY = 30
_signer = Signer(salt="membership.invitations")


# --- The primary contact --------------------------------------------------------------------------


def invite(
    organisation: Organisation,
    email: str,
    roles: Iterable[str],
    *,
    by: User,
    form_token: uuid.UUID,
) -> Invitation:
    """Offer a seat with ``roles`` to the reader of ``email`` and send the mail.

    An earlier invitation to the address that is not used is withdrawn by it. The same
    ``form_token`` again finds the first invitation and sends nothing. Raises NotPrimaryContact,
    AlreadySeated, TooManyInvitations.
    """
    email = email.strip().lower()
    with use_case():
        organisation = lock(organisation)
        require_primary_contact(organisation, by)
        known = organisation.invitations.filter(form_token=form_token).first()
        if known is not None:
            return known
        return send_invitation(organisation, email, roles, by=by, form_token=form_token)


def invite_again(invitation: Invitation, *, by: User) -> Invitation:
    """Withdraw an invitation that is open or too old, and send a new one.

    Raises NotPrimaryContact, InvitationUsed, InvitationWithdrawn, AlreadySeated,
    TooManyInvitations.
    """
    with use_case():
        organisation = lock(invitation.organisation)
        require_primary_contact(organisation, by)
        invitation = _anew(organisation, invitation)
        _require_not_ended(invitation)
        return send_invitation(
            organisation, invitation.email, invitation.roles, by=by, form_token=uuid.uuid4()
        )


def withdraw(invitation: Invitation, *, by: User) -> Invitation:
    """Make an invitation worthless. Raises NotPrimaryContact, InvitationUsed, InvitationWithdrawn."""
    with use_case():
        organisation = lock(invitation.organisation)
        require_primary_contact(organisation, by)
        invitation = _anew(organisation, invitation)
        _require_not_ended(invitation)
        _withdraw(invitation, by=by)
    return invitation


@inside_transaction
def send_invitation(
    organisation: Organisation,
    email: str,
    roles: Iterable[str],
    *,
    by: User,
    form_token: uuid.UUID,
) -> Invitation:
    """The part of `invite` after its checks: ``organisation`` is locked, ``by`` may invite."""
    for seat in organisation.seats.select_related("person"):
        if email == seat.person.email or email in confirmed_addresses(seat.person):
            raise AlreadySeated(person=seat.person, organisation=organisation)
    now = timezone.now()
    lately = organisation.invitations.filter(created_at__gt=now - datetime.timedelta(days=1))
    if lately.count() >= MOST_A_DAY:
        raise TooManyInvitations(organisation=organisation, number=MOST_A_DAY)
    waiting = organisation.invitations.filter(
        email=email, accepted_at__isnull=True, withdrawn_at__isnull=True
    ).first()
    if waiting is not None:
        _withdraw(waiting, by=by)
    code = new_code()
    invitation = Invitation.objects.create(
        form_token=form_token,
        organisation=organisation,
        email=email,
        roles=in_order({*roles} - {PRIMARY}),
        code_hash=hashes_of(code)[0],
        invited_by=by,
        created_at=now,
        expires_at=now + Invitation.VALID,
    )
    audit.record(
        "membership.invite", organisation, by=by, invitation=invitation.pk, roles=invitation.roles
    )
    _send(invitation, code)
    return invitation


def _withdraw(invitation: Invitation, *, by: User) -> None:
    invitation.withdrawn_at = timezone.now()
    invitation.withdrawn_by = by
    invitation.save(update_fields=["withdrawn_at", "withdrawn_by"])
    audit.record(
        "membership.withdraw_invitation",
        invitation.organisation,
        by=by,
        invitation=invitation.pk,
    )


@inside_transaction
def send_with_new_code(invitation: Invitation) -> None:
    """Mail an open invitation once more. Its code is kept as a hash alone, so it gets another."""
    code = new_code()
    invitation.code_hash = hashes_of(code)[0]
    invitation.save(update_fields=["code_hash"])
    _send(invitation, code)


def _send(invitation: Invitation, code: str) -> None:
    """Mail link and code, in the reader's language where they have an account."""
    reader = User.objects.filter(email__iexact=invitation.email).first()
    language = (reader or invitation.invited_by).preferred_language
    with override(language):
        enqueue_mail(
            "membership_seat_invitation",
            to=invitation.email,
            language=language,
            context={
                "name": reader.get_short_name() if reader else "",
                "organisation": invitation.organisation.public_name,
                "inviter": str(invitation.invited_by),
                "roles": role_words(invitation.roles),
                "code": code,
                "until": formats.date_format(timezone.localdate(invitation.expires_at)),
                "path": path_in(language, "seat_invitation", token_of(invitation)),
                "code_path": path_in(language, "seat_code"),
            },
            about=f"invitation:{invitation.pk}",
        )


# --- The person invited ---------------------------------------------------------------------------


def token_of(invitation: Invitation) -> str:
    """What stands in the link: the invitation's id and a signature."""
    return _signer.sign(str(invitation.public_id))


def find(token: str) -> Invitation | None:
    """The invitation of a link; None for a link that is not whole or was changed."""
    try:
        public_id = uuid.UUID(_signer.unsign(token))
    except (BadSignature, ValueError):
        return None
    return (
        Invitation.objects.filter(public_id=public_id)
        .select_related("organisation", "invited_by")
        .first()
    )


def accept(invitation: Invitation, *, by: User) -> Seat:
    """Take the seat, as somebody who confirmed the invited address. Once more changes nothing.

    Who invited somebody to the vote and holds it gives it up by that; anybody else keeps it.
    Raises OtherAddress, InvitationUsed, InvitationWithdrawn, InvitationExpired, YouAreSeated,
    AccountClosed.
    """
    return _accept(invitation, by=by, has_code=False)


def accept_by_code(code: str, *, by: User) -> Seat:
    """Take the seat by the code of the mail, whatever addresses one has. As `accept`, and raises
    CodeUnknown."""
    invitation = Invitation.objects.filter(code_hash__in=hashes_of(code)).first()
    if invitation is None:
        raise CodeUnknown
    return _accept(invitation, by=by, has_code=True)


def _accept(invitation: Invitation, *, by: User, has_code: bool) -> Seat:
    with use_case():
        organisation = lock(invitation.organisation)
        invitation = _anew(organisation, invitation)
        own = organisation.seats.filter(person=by).first()
        if own is not None and invitation.accepted_by_id == by.pk:
            return own
        require_open(invitation)
        if own is not None:
            raise YouAreSeated(organisation=organisation)
        if not has_code and invitation.email not in confirmed_addresses(by):
            raise OtherAddress(email=invitation.email)
        invitation.accepted_at = timezone.now()
        invitation.accepted_by = by
        invitation.save(update_fields=["accepted_at", "accepted_by"])
        if VOTE in invitation.roles:
            give_up_vote(organisation, invitation.invited_by, by=by)
        seat = take_place(organisation, by, invitation.roles, by=by)
        audit.record(
            "membership.accept_invitation",
            organisation,
            by=by,
            invitation=invitation.pk,
            by_code=has_code,
        )
        tell_accepted(organisation, by, seat.roles)
    return seat


def _anew(organisation: Organisation, invitation: Invitation) -> Invitation:
    """The invitation as it stands after the lock."""
    found = organisation.invitations.filter(pk=invitation.pk).first()
    if found is None:  # The organisation was merged into another one at this moment.
        raise InvitationWithdrawn
    return found


def require_open(invitation: Invitation) -> None:
    """Raise what ended the invitation: InvitationUsed, InvitationWithdrawn, InvitationExpired."""
    _require_not_ended(invitation)
    if invitation.state == State.EXPIRED:
        raise InvitationExpired(day=formats.date_format(timezone.localdate(invitation.expires_at)))


def _require_not_ended(invitation: Invitation) -> None:
    if invitation.state == State.ACCEPTED:
        raise InvitationUsed
    if invitation.state == State.WITHDRAWN:
        raise InvitationWithdrawn
