"""What people of organisations are owed by e-mail: word of their seats, and of new agreements.

Of most acts about seats no row is left but the line of the audit log, which is the fact. What was
overtaken by a later act (somebody removed who has a seat again) nobody needs to read.
"""

import datetime
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.db.models import Q
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core import audit
from core.mailing.expectations import Expected, day_of, to_person
from core.models import User
from membership import accepting, seats
from membership.invitations import send_with_new_code
from membership.join_requests import tell_asked
from membership.member_import import tell_imported
from membership.models import (
    AgreementNotice,
    Invitation,
    JoinRequest,
    Organisation,
    Seat,
    SeatRole,
)
from membership.seat_mails import about_seat, tell

PRIMARY = SeatRole.PRIMARY_CONTACT


def invitations(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Invitations that can still be accepted."""
    rows = Invitation.objects.filter(
        accepted_at=None,
        withdrawn_at=None,
        expires_at__gt=timezone.now(),
        created_at__date__range=(first, last),
    )
    for each in rows.select_related("organisation", "invited_by"):
        yield Expected(
            about=f"invitation:{each.pk}",
            template="membership_seat_invitation",
            to=each.email,
            language=each.invited_by.preferred_language,
            due_on=day_of(each.created_at),
            send=partial(send_with_new_code, each),
        )


def requests(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Requests for a seat that wait for an answer: to whoever can give it now, the primary contact,
    else staff."""
    rows = JoinRequest.objects.filter(
        state=JoinRequest.State.OPEN,
        organisation__merged_into=None,
        created_at__date__range=(first, last),
    ).select_related("organisation", "person")
    contacts = _contacts(request.organisation_id for request in rows)
    for request in rows:
        contact = contacts.get(request.organisation_id)
        template = "membership_seat_asked" if contact else "membership_seat_no_contact"
        yield Expected(
            about=about_seat(request.organisation, template, request.person),
            template=template,
            to=contact.email if contact else "",
            language=contact.preferred_language if contact else "",
            due_on=day_of(request.created_at),
            send=partial(tell_asked, request),
        )


def agreements(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Versions that a member was to be told of and has not accepted. Whom nobody told yet the daily
    job tells (`membership.accepting.tell_members`): its notice is the fact."""
    asked = {version.pk: version for version in accepting.asked_for(last)}
    notices = list(
        AgreementNotice.objects.filter(
            version__in=asked,
            sent_at__date__range=(first, last),
            organisation__merged_into=None,
        ).select_related("organisation")
    )
    accepted = accepting.accepted_versions(asked)
    contacts = _contact_seats(notice.organisation_id for notice in notices)
    for notice in notices:
        version, contact = asked[notice.version_id], contacts.get(notice.organisation_id)
        if contact is None or (notice.version_id, notice.organisation_id) in accepted:
            continue
        yield to_person(
            contact.person,
            about=accepting.about_version(version, notice.organisation),
            template="membership_agreement",
            at=notice.sent_at,
            send=partial(accepting.write, contact, version),
        )


# --- Acts that only the log keeps -----------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Act:
    """A line of the log, with whom it names as they are now."""

    entry: ModelLogEntry
    organisation: Organisation
    people: dict[int, User]
    seats: dict[int, Seat]  # of the organisation, by person
    requests: dict[int, JoinRequest]

    def person(self, name: str = "person") -> User | None:
        return self.people.get(self.entry.data.get(name))

    def seat(self, person: User | None) -> Seat | None:
        return self.seats.get(person.pk) if person else None

    def contact(self) -> User | None:
        found = (seat.person for seat in self.seats.values() if PRIMARY in seat.roles)
        return next((person for person in found if person.is_active), None)

    def owed(
        self,
        template: str,
        to: User | None,
        send: Callable[..., object],
        *args: Any,
        of: User | None = None,
        **more: Any,
    ) -> Iterator[Expected]:
        if to is None or not to.is_active:
            return
        yield to_person(
            to,
            about=about_seat(self.organisation, template, of or to),
            template=template,
            at=self.entry.timestamp,
            send=partial(send, *args, **more),
        )


def acts(first: datetime.date, last: datetime.date) -> Iterable[Expected]:
    """Roles changed, places handed over, taken, given, refused and left; six queries."""
    found: dict[str, Expected] = {}
    for act in _acts(first, last):
        found |= {each.about: each for each in _OWED[act.entry.action](act)}
    return found.values()


def _roles(act: _Act) -> Iterator[Expected]:
    person = act.person()
    seat = act.seat(person)
    if act.entry.data.get("told") and seat is not None and seat.roles == act.entry.data["after"]:
        yield from _told(act, "membership_seat_roles", person, roles=seat.roles)


def _handed_over(act: _Act) -> Iterator[Expected]:
    person, before = act.person(), act.entry.user
    seat = act.seat(person)
    if seat is None or PRIMARY not in seat.roles or before is None:
        return
    organisation = act.organisation
    yield from act.owed(
        "membership_seat_primary", person, seats.tell_new_contact, organisation, person,
        before=before,
    )  # fmt: skip
    yield from act.owed(
        "membership_seat_handed_over", before, seats.tell_former_contact, organisation, before,
        after=person,
    )  # fmt: skip


def _appointed(act: _Act) -> Iterator[Expected]:
    person, before = act.person(), act.person("former")
    seat = act.seat(person)
    if seat is None or PRIMARY not in seat.roles:
        return
    reason = act.entry.data["reason"]
    yield from _told(act, "membership_seat_appointed", person, reason=reason)
    yield from act.owed(
        "membership_seat_replaced", before, seats.tell_replaced, act.organisation, before,
        after=person, reason=reason,
    )  # fmt: skip


def _removed(act: _Act) -> Iterator[Expected]:
    if act.seat(act.person()) is None:
        yield from _told(act, "membership_seat_removed", act.person())


def _left(act: _Act) -> Iterator[Expected]:
    person = act.person()
    if person is not None and act.seat(person) is None:
        yield from act.owed(
            "membership_seat_left", act.contact(), seats.tell_left, act.organisation, person,
            act.entry.data["roles"], of=person,
        )  # fmt: skip


def _accepted(act: _Act) -> Iterator[Expected]:
    person = act.entry.user
    seat = act.seat(person)
    if seat is not None:
        yield from act.owed(
            "membership_seat_accepted", act.contact(), seats.tell_accepted, act.organisation,
            person, seat.roles, of=person,
        )  # fmt: skip


def _granted(act: _Act) -> Iterator[Expected]:
    request = act.requests.get(act.entry.data["request"])
    if request is not None and act.seat(request.person) is not None:
        yield from _told(act, "membership_seat_granted", request.person)


def _declined(act: _Act) -> Iterator[Expected]:
    request = act.requests.get(act.entry.data["request"])
    if request is not None and act.seat(request.person) is None:
        yield from _told(act, "membership_seat_declined", request.person, reason=request.reason)


def _imported(act: _Act) -> Iterator[Expected]:
    """Who signed in meanwhile needs no word of how to."""
    person = act.person()
    if person is not None and act.seat(person) is not None and person.last_login is None:
        yield from act.owed("membership_imported", person, tell_imported, act.organisation, person)


def _told(act: _Act, template: str, person: User | None, **more: Any) -> Iterator[Expected]:
    """What says no more than its words and the organisation's name."""
    yield from act.owed(template, person, tell, person, template, act.organisation, **more)


_OWED: dict[str, Callable[[_Act], Iterator[Expected]]] = {
    "membership.change_roles": _roles,
    "membership.hand_over": _handed_over,
    "membership.appoint": _appointed,
    "membership.remove_seat": _removed,
    "membership.leave_seat": _left,
    "membership.accept_invitation": _accepted,
    "membership.approve_request": _granted,
    "membership.decline_request": _declined,
    "membership.invite_imported": _imported,
}


def _acts(first: datetime.date, last: datetime.date) -> Iterator[_Act]:
    entries = list(audit.acts(Organisation, first, last, *_OWED))
    organisations = Organisation.objects.filter(merged_into=None).in_bulk(
        {int(entry.object_id) for entry in entries}
    )
    named = {entry.data.get(name) for entry in entries for name in ("person", "former")}
    people = User.objects.in_bulk(named - {None})
    requests = JoinRequest.objects.select_related("person").in_bulk(
        {entry.data["request"] for entry in entries if "request" in entry.data}
    )
    places: dict[int, dict[int, Seat]] = {}
    for seat in Seat.objects.filter(organisation__in=organisations).select_related("person"):
        places.setdefault(seat.organisation_id, {})[seat.person_id] = seat
    for entry in entries:
        organisation = organisations.get(int(entry.object_id))
        if organisation is not None:
            yield _Act(entry, organisation, people, places.get(organisation.pk, {}), requests)


def _contacts(organisations: Iterable[int]) -> dict[int, User]:
    return {key: seat.person for key, seat in _contact_seats(organisations).items()}


def _contact_seats(organisations: Iterable[int]) -> dict[int, Seat]:
    """The primary contacts whose account is open, by organisation."""
    open_ones = Q(roles__contains=[PRIMARY], person__is_active=True)
    rows = Seat.objects.filter(open_ones, organisation__in=set(organisations))
    return {seat.organisation_id: seat for seat in rows.select_related("person", "organisation")}
