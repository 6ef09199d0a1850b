"""A person whose confirmed address is at an organisation's domain asks it for a seat."""

import datetime
import functools

from django.conf import settings
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, OuterRef, QuerySet
from django.utils import formats, timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from membership.models import JoinRequest, Organisation, Seat, SeatRole
from membership.models.seats import DAYS_BETWEEN_REQUESTS
from membership.refusals import ReasonMissing
from membership.seat_mails import tell, tell_appointers, tell_contact
from membership.seat_refusals import (
    AddressGone,
    AskedBefore,
    NoSuchDomain,
    RequestDecided,
    YouAreSeated,
)
from membership.seats import confirmed_addresses, lock, require_primary_contact, take_place

State = JoinRequest.State


@functools.cache
def public_mail_domains() -> frozenset[str]:
    """Domains at which anybody gets an address (data/public_mail_domains.txt; see its README)."""
    text = (settings.BASE_DIR / "data" / "public_mail_domains.txt").read_text(encoding="utf-8")
    return frozenset(text.split())


def _domains(person: User) -> dict[str, str]:
    """The confirmed address by its domain, without the domains of public mail providers."""
    return {
        domain: address
        for address in sorted(confirmed_addresses(person))
        if (domain := address.rpartition("@")[2]) not in public_mail_domains()
    }


def joinable(person: User) -> QuerySet[Organisation]:
    """The organisations with people that ``person`` may ask: the same domain, and no seat yet."""
    seats = Seat.objects.filter(organisation=OuterRef("pk"))
    return (
        Organisation.objects.filter(Exists(seats), domain__in=_domains(person))
        .exclude(domain="")
        .exclude(Exists(seats.filter(person=person)))
    )


def ask(organisation: Organisation, *, by: User, words: str = "") -> JoinRequest:
    """Ask the primary contact for a seat; staff, where that account is closed.

    Asked again while it waits, it is the same request. Raises YouAreSeated, NoSuchDomain,
    AskedBefore.
    """
    with use_case():
        organisation = lock(organisation)
        waiting = organisation.join_requests.filter(person=by, state=State.OPEN).first()
        if waiting is not None:
            return waiting
        if organisation.seats.filter(person=by).exists():
            raise YouAreSeated(organisation=organisation)
        if not joinable(by).filter(pk=organisation.pk).exists():
            raise NoSuchDomain(organisation=organisation)
        _require_patience(organisation, by)
        request = JoinRequest.objects.create(
            organisation=organisation,
            person=by,
            email=_domains(by)[organisation.domain],
            words=words.strip(),
        )
        audit.record("membership.ask_for_seat", organisation, by=by, request=request.pk)
        tell_asked(request)
    return request


@inside_transaction
def tell_asked(request: JoinRequest) -> None:
    """Write to the primary contact that somebody asks for a seat; to staff, where there is none."""
    organisation, person = request.organisation, request.person
    more = {"person": str(person), "email": request.email, "words": request.words}
    if not tell_contact(organisation, "membership_seat_asked", of=person, **more):
        tell_appointers(organisation, "membership_seat_no_contact", of=person, **more)


def _require_patience(organisation: Organisation, by: User) -> None:
    since = timezone.now() - datetime.timedelta(days=DAYS_BETWEEN_REQUESTS)
    declined = organisation.join_requests.filter(
        person=by, state=State.DECLINED, decided_at__gt=since
    ).last()
    if declined is not None and declined.decided_at is not None:
        day = formats.date_format(timezone.localdate(declined.decided_at))
        raise AskedBefore(day=day, days=DAYS_BETWEEN_REQUESTS)


def approve(request: JoinRequest, *, by: User) -> Seat:
    """Give the seat, with the role of a member.

    Raises NotPrimaryContact, RequestDecided, AddressGone, AccountClosed.
    """
    with use_case():
        organisation = lock(request.organisation)
        require_primary_contact(organisation, by)
        request = _open(organisation, request)
        if request.email not in confirmed_addresses(request.person):
            raise AddressGone(email=request.email)
        # This marks the request approved, as it does every open one of the person's there.
        seat = take_place(organisation, request.person, [SeatRole.MEMBER], by=by)
        audit.record("membership.approve_request", organisation, by=by, request=request.pk)
        tell(request.person, "membership_seat_granted", organisation)
    return seat


def decline(request: JoinRequest, *, by: User, reason: str) -> JoinRequest:
    """Say no, with the reason that the person reads.

    Raises NotPrimaryContact, RequestDecided, ReasonMissing.
    """
    with use_case():
        organisation = lock(request.organisation)
        require_primary_contact(organisation, by)
        request = _open(organisation, request)
        if not reason.strip():
            raise ReasonMissing
        _decide(request, State.DECLINED, by=by, reason=reason.strip())
        audit.record(
            "membership.decline_request",
            organisation,
            by=by,
            reason=reason.strip(),
            request=request.pk,
        )
        tell(request.person, "membership_seat_declined", organisation, reason=request.reason)
    return request


def withdraw(request: JoinRequest, *, by: User) -> JoinRequest:
    """Take one's own request back. Raises RequestDecided."""
    with use_case():
        organisation = lock(request.organisation)
        request = _open(organisation, request)
        if request.person_id != by.pk:
            raise PermissionDenied("Only the person who asked may withdraw a request.")
        _decide(request, State.WITHDRAWN, by=by)
        audit.record("membership.withdraw_request", organisation, by=by, request=request.pk)
    return request


def _open(organisation: Organisation, request: JoinRequest) -> JoinRequest:
    """The request as it stands after the lock; its organisation may have been merged by then."""
    found = organisation.join_requests.select_related("person").filter(pk=request.pk).first()
    if found is None or found.state != State.OPEN:
        raise RequestDecided(state=(found or request).get_state_display())
    return found


def _decide(request: JoinRequest, state: State, *, by: User, reason: str = "") -> None:
    request.state = state
    request.decided_at = timezone.now()
    request.decided_by = by
    request.reason = reason
    request.save(update_fields=["state", "decided_at", "decided_by", "reason"])
