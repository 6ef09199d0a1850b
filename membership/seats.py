"""Who sits in an organisation and what they do there: roles, hand-over, leaving, removing.

Each verb locks the organisation first, so its people change one act at a time; who the primary
contact is, is asked after the lock. How people come to a seat stands in `membership.invitations`
and `membership.join_requests`.
"""

from collections.abc import Iterable

from allauth.account.models import EmailAddress
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.models import Invitation, JoinRequest, Organisation, Seat, SeatRole
from membership.refusals import NotPermitted, OrganisationMerged, OwnRequest, ReasonMissing
from membership.seat_mails import tell, tell_contact
from membership.seat_refusals import (
    AccountClosed,
    AlreadySeated,
    HandOverFirst,
    IsPrimaryContact,
    NoPlaceThere,
    NotPrimaryContact,
    SeatGone,
)

APPOINT = "membership.appoint_seat"
PRIMARY = SeatRole.PRIMARY_CONTACT
VOTE = SeatRole.VOTING_REPRESENTATIVE


# --- What the primary contact does ----------------------------------------------------------------


def change_roles(seat: Seat, roles: Iterable[str], *, by: User) -> Seat:
    """Give ``seat`` these roles. The vote is taken from whoever had it, who is told.

    Who the primary contact is does not change by this: `hand_over` does that. Raises
    NotPrimaryContact, SeatGone.
    """
    with use_case():
        organisation = lock(seat.organisation)
        require_primary_contact(organisation, by)
        seat = _seat(organisation, seat)
        wanted = {*roles} - {PRIMARY} | ({PRIMARY} & {*seat.roles})
        if in_order(wanted) == seat.roles:
            return seat
        if VOTE in wanted:
            _take_role(organisation, VOTE, but=seat, by=by)
        told = seat.person_id != by.pk
        _set_roles(seat, wanted, by=by, told=told)
        if told:
            tell(seat.person, "membership_seat_roles", organisation, roles=seat.roles)
    return seat


def hand_over(seat: Seat, *, by: User) -> Seat:
    """Make the person of ``seat`` the primary contact in place of ``by``.

    Raises NotPrimaryContact, SeatGone, IsPrimaryContact, AccountClosed.
    """
    with use_case():
        organisation = lock(seat.organisation)
        require_primary_contact(organisation, by)
        seat = _seat(organisation, seat)
        if PRIMARY in seat.roles:
            raise IsPrimaryContact(person=seat.person)
        _make_primary(organisation, seat, by=by)
        audit.record("membership.hand_over", organisation, by=by, person=seat.person_id)
        tell_new_contact(organisation, seat.person, before=by)
        tell_former_contact(organisation, by, after=seat.person)
    return seat


def remove(seat: Seat, *, by: User) -> None:
    """Take somebody's seat away. Raises NotPrimaryContact, SeatGone, HandOverFirst."""
    with use_case():
        organisation = lock(seat.organisation)
        require_primary_contact(organisation, by)
        seat = _seat(organisation, seat)
        _require_other_contact(organisation, seat)
        audit.record(
            "membership.remove_seat", organisation, by=by, person=seat.person_id, roles=seat.roles
        )
        person = seat.person
        seat.delete()
        tell(person, "membership_seat_removed", organisation)


def leave(organisation: Organisation, *, by: User) -> None:
    """Give up one's own seat. Raises SeatGone, HandOverFirst."""
    with use_case():
        organisation = lock(organisation)
        seat = organisation.seats.filter(person=by).first()
        if seat is None:
            raise SeatGone(organisation=organisation)
        _require_other_contact(organisation, seat)
        roles = seat.roles
        audit.record("membership.leave_seat", organisation, by=by, person=by.pk, roles=roles)
        seat.delete()
        tell_left(organisation, by, roles)


# --- What staff do --------------------------------------------------------------------------------


def appoint(organisation: Organisation, person: User, *, by: User, reason: str) -> Seat:
    """Make ``person`` the primary contact where the present one vanished.

    ``person`` has a seat already, or asked for one with an address of the organisation's domain;
    the request is approved by this. The one before keeps the seat, and is told. Raises
    NotPermitted, ReasonMissing, OwnRequest, NoPlaceThere, IsPrimaryContact, AccountClosed.
    """
    with use_case():
        organisation = lock(organisation)
        if not by.has_perm(APPOINT):
            raise NotPermitted
        if not reason.strip():
            raise ReasonMissing
        if by.pk == person.pk or organisation.seats.filter(person=by).exists():
            raise OwnRequest
        seat = organisation.seats.filter(person=person).select_related("person").first()
        if seat is None:
            if not organisation.join_requests.filter(person=person, state="open").exists():
                raise NoPlaceThere(person=person, organisation=organisation)
            seat = take_place(organisation, person, [SeatRole.MEMBER], by=by)
        if PRIMARY in seat.roles:
            raise IsPrimaryContact(person=person)
        before = _holder(organisation, PRIMARY)
        _make_primary(organisation, seat, by=by)
        audit.record(
            "membership.appoint",
            organisation,
            by=by,
            reason=reason.strip(),
            person=person.pk,
            former=before.person_id if before else None,
        )
        tell(person, "membership_seat_appointed", organisation, reason=reason.strip())
        if before is not None:
            tell_replaced(organisation, before.person, after=person, reason=reason.strip())
    return seat


# --- Mails with more than a name in them ----------------------------------------------------------


def tell_new_contact(organisation: Organisation, person: User, *, before: User) -> None:
    tell(person, "membership_seat_primary", organisation, before=str(before))


def tell_former_contact(organisation: Organisation, person: User, *, after: User) -> None:
    tell(person, "membership_seat_handed_over", organisation, after=str(after))


def tell_replaced(organisation: Organisation, person: User, *, after: User, reason: str) -> None:
    tell(person, "membership_seat_replaced", organisation, after=str(after), reason=reason)


def tell_left(organisation: Organisation, person: User, roles: list[str]) -> None:
    tell_contact(organisation, "membership_seat_left", of=person, person=str(person), roles=roles)


def tell_accepted(organisation: Organisation, person: User, roles: list[str]) -> None:
    tell_contact(
        organisation, "membership_seat_accepted", of=person, person=str(person), roles=roles
    )


# --- Parts that the verbs share -------------------------------------------------------------------


@inside_transaction
def lock(organisation: Organisation) -> Organisation:
    """The organisation's row, held until the end of the transaction. Raises OrganisationMerged."""
    row = Organisation.objects.select_for_update(no_key=True).get(pk=organisation.pk)
    if row.merged_into_id is not None:
        raise OrganisationMerged(organisation=row)
    return row


@inside_transaction
def require_primary_contact(organisation: Organisation, by: User) -> None:
    """Raise NotPrimaryContact unless ``by`` is the primary contact at this moment."""
    if not organisation.seats.filter(person=by, roles__contains=[PRIMARY]).exists():
        raise NotPrimaryContact(organisation=organisation)


def confirmed_addresses(person: User) -> set[str]:
    """The addresses that ``person`` has proved to read, in small letters."""
    found = EmailAddress.objects.filter(user=person, verified=True)
    return {email.lower() for email in found.values_list("email", flat=True)}


@inside_transaction
def take_place(organisation: Organisation, person: User, roles: Iterable[str], *, by: User) -> Seat:
    """Give ``person`` a seat in an organisation that is locked. Raises AlreadySeated, AccountClosed.

    A role that one person alone may have and somebody has is left out; where nobody is primary
    contact, the person becomes it. What else was open for the person there ends by it.
    """
    if not person.is_active:
        raise AccountClosed(person=person)
    if organisation.seats.filter(person=person).exists():
        raise AlreadySeated(person=person, organisation=organisation)
    held = {role for seat in organisation.seats.all() for role in seat.roles}
    wanted = {*roles} - (held & {PRIMARY, VOTE})
    if PRIMARY not in held:
        wanted.add(PRIMARY)
    seat = Seat.objects.create(organisation=organisation, person=person, roles=in_order(wanted))
    audit.record("membership.give_seat", organisation, by=by, person=person.pk, roles=seat.roles)
    _end_what_was_open(organisation, person, by=by)
    return seat


@inside_transaction
def give_up_vote(organisation: Organisation, person: User, *, by: User) -> None:
    """Take the vote from ``person``, who invited somebody to it; whoever else has it keeps it."""
    holder = _holder(organisation, VOTE)
    if holder is not None and holder.person_id == person.pk:
        _set_roles(holder, {*holder.roles} - {VOTE}, by=by)


def _end_what_was_open(organisation: Organisation, person: User, *, by: User) -> None:
    now = timezone.now()
    # Nobody approves their own request: who accepts an invitation meanwhile has no more need of it.
    ended = JoinRequest.State.WITHDRAWN if by.pk == person.pk else JoinRequest.State.APPROVED
    organisation.join_requests.filter(person=person, state=JoinRequest.State.OPEN).update(
        state=ended, decided_at=now, decided_by=by
    )
    Invitation.objects.filter(
        organisation=organisation,
        email__in=confirmed_addresses(person),
        accepted_at__isnull=True,
        withdrawn_at__isnull=True,
    ).update(withdrawn_at=now, withdrawn_by=by)


def in_order(roles: Iterable[str]) -> list[str]:
    """Roles as a seat keeps them: each once, in the order of `SeatRole`.

    Everybody with a seat is a member, so that word stands alone or not at all.
    """
    wanted = {str(role) for role in roles} - {str(SeatRole.MEMBER)}
    return [str(role) for role in SeatRole if role in wanted] or [str(SeatRole.MEMBER)]


def _seat(organisation: Organisation, seat: Seat) -> Seat:
    found = organisation.seats.filter(pk=seat.pk).select_related("person").first()
    if found is None:
        raise SeatGone(organisation=organisation)
    return found


def _holder(organisation: Organisation, role: SeatRole) -> Seat | None:
    return organisation.seats.filter(roles__contains=[role]).select_related("person").first()


def _set_roles(seat: Seat, roles: Iterable[str], *, by: User, told: bool = False) -> None:
    """``told``: its person reads of it in a mail of its own."""
    before, seat.roles = seat.roles, in_order(roles)
    seat.save(update_fields=["roles"])
    audit.record(
        "membership.change_roles",
        seat.organisation,
        by=by,
        person=seat.person_id,
        before=before,
        after=seat.roles,
        told=told,
    )


def _take_role(organisation: Organisation, role: SeatRole, *, but: Seat, by: User) -> None:
    """Take ``role`` from whoever else has it, who keeps the seat and is told."""
    holder = _holder(organisation, role)
    if holder is None or holder.pk == but.pk:
        return
    told = holder.person_id != by.pk and role != PRIMARY
    _set_roles(holder, {*holder.roles} - {role}, by=by, told=told)
    if told:
        tell(holder.person, "membership_seat_roles", organisation, roles=holder.roles)


def _make_primary(organisation: Organisation, seat: Seat, *, by: User) -> None:
    if not seat.person.is_active:
        raise AccountClosed(person=seat.person)
    _take_role(organisation, PRIMARY, but=seat, by=by)
    _set_roles(seat, {*seat.roles, PRIMARY}, by=by)


def _require_other_contact(organisation: Organisation, seat: Seat) -> None:
    if PRIMARY in seat.roles:
        raise HandOverFirst(organisation=organisation)
