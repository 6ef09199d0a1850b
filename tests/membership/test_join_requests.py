"""Asking for a seat because one's confirmed address is at the organisation's domain."""

import datetime
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.models import User
from membership import invitations, join_requests, seats
from membership.models import Invitation, JoinRequest, Seat
from membership.refusals import ReasonMissing
from membership.seat_refusals import (
    AccountClosed,
    AddressGone,
    AskedBefore,
    NoSuchDomain,
    NotPrimaryContact,
    RequestDecided,
    YouAreSeated,
)
from tests.factories.membership import make_organisation, may
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, invited, mails_to, roles_of, seated
from tests.races import together

State = JoinRequest.State
in_database = pytest.mark.django_db
SITE = "https://www.clinic.example/en"


def at_clinic(**changes: Any) -> Seat:
    return seated(website=SITE, **changes)


def dora(email: str = "dora@clinic.example", **changes: Any) -> User:
    return make_person(email, first_name="Dora", **changes)


def asked(contact: Seat, person: User | None = None) -> JoinRequest:
    return join_requests.ask(contact.organisation, by=person or dora(), words="I run the stores.")


@in_database
def test_the_contact_reads_who_asks_and_gives_the_seat() -> None:
    contact, person = at_clinic(), dora()
    request = asked(contact, person)
    (letter,) = mails_to(contact.person.email)
    assert "Dora (dora@clinic.example) asks for a seat" in letter
    assert "I run the stores." in letter
    assert join_requests.approve(request, by=contact.person).roles == ["member"]
    request.refresh_from_db()
    assert (request.state, request.decided_by) == (State.APPROVED, contact.person)
    assert "approved your request" in mails_to(person.email)[0]
    with pytest.raises(RequestDecided):
        join_requests.approve(request, by=contact.person)


@in_database
def test_declining_needs_a_reason_which_the_person_reads_and_then_patience() -> None:
    contact, person = at_clinic(), dora()
    request = asked(contact, person)
    with pytest.raises(ReasonMissing):
        join_requests.decline(request, by=contact.person, reason=" ")
    join_requests.decline(request, by=contact.person, reason="You work for another team.")
    assert "Reason: You work for another team." in mails_to(person.email)[0]
    with pytest.raises(RequestDecided):
        join_requests.decline(request, by=contact.person, reason="Again.")
    with pytest.raises(AskedBefore):
        asked(contact, person)
    assert roles_of(person, contact.organisation) is None
    with time_machine.travel(timezone.now() + datetime.timedelta(days=30, minutes=1), tick=False):
        assert asked(contact, person).state == State.OPEN


@in_database
@pytest.mark.parametrize(
    ("website", "email", "verified"),
    [
        (SITE, "dora@clinic.example", False),
        (SITE, "dora@other.example", True),
        (SITE, "dora@staff.clinic.example", True),
        (SITE, "dora@notclinic.example", True),
        ("https://staff.clinic.example", "dora@clinic.example", True),
        ("", "dora@clinic.example", True),
        ("https://gmail.com", "dora@gmail.com", True),
        ("https://www.orange.fr/clinic", "dora@orange.fr", True),
        ("https://outlook.com", "Dora@Outlook.com", True),
    ],
)
def test_another_domain_none_or_that_of_a_mail_provider_gives_no_right(
    website: str, email: str, verified: bool
) -> None:
    contact = seated(website=website)
    person = dora(email, verified=verified)
    assert not join_requests.joinable(person)
    with pytest.raises(NoSuchDomain):
        asked(contact, person)


@in_database
def test_a_second_confirmed_address_counts_and_organisations_without_people_do_not() -> None:
    contact = at_clinic()
    make_organisation(website=SITE)
    person = dora("dora@gmail.com")
    EmailAddress.objects.create(user=person, email="Dora@Clinic.example", verified=True)
    assert list(join_requests.joinable(person)) == [contact.organisation]
    assert asked(contact, person).email == "dora@clinic.example"


@in_database
def test_asking_twice_is_asking_once_and_whoever_sits_there_does_not_ask() -> None:
    contact, person = at_clinic(), dora()
    assert asked(contact, person) == asked(contact, person)
    assert len(mails_to(contact.person.email)) == 1
    seat = a_seat(contact.organisation, dora("eve@clinic.example"))
    assert not join_requests.joinable(seat.person)
    with pytest.raises(YouAreSeated):
        asked(contact, seat.person)


@in_database
def test_only_the_primary_contact_decides() -> None:
    contact = at_clinic()
    request = asked(contact)
    for person in (request.person, a_seat(contact.organisation).person, seated().person):
        with pytest.raises(NotPrimaryContact):
            join_requests.approve(request, by=person)
        with pytest.raises(NotPrimaryContact):
            join_requests.decline(request, by=person, reason="No.")


@in_database
def test_whoever_asked_can_take_it_back_and_nobody_else() -> None:
    contact = at_clinic()
    request = asked(contact)
    with pytest.raises(PermissionDenied):
        join_requests.withdraw(request, by=contact.person)
    join_requests.withdraw(request, by=request.person)
    with pytest.raises(RequestDecided, match="withdrawn"):
        join_requests.approve(request, by=contact.person)
    assert asked(contact, request.person).state == State.OPEN


@in_database
def test_an_address_given_up_or_an_account_closed_meanwhile_gets_no_seat() -> None:
    contact = at_clinic()
    request = asked(contact)
    User.objects.filter(pk=request.person.pk).update(is_active=False)
    with pytest.raises(AccountClosed):
        join_requests.approve(request, by=contact.person)
    EmailAddress.objects.filter(user=request.person).delete()
    with pytest.raises(AddressGone):
        join_requests.approve(request, by=contact.person)
    request.refresh_from_db()
    assert request.state == State.OPEN


@in_database
def test_where_the_contact_closed_the_account_staff_read_it_and_may_appoint_whoever_asks() -> None:
    contact = at_clinic()
    User.objects.filter(pk=contact.person.pk).update(is_active=False)
    officer = may(make_person("officer@example.org"), "appoint_seat")
    request = asked(contact)
    assert mails_to(contact.person.email) == []
    (letter,) = mails_to("officer@example.org")
    assert f"/admin/members/seats/appoint/{contact.organisation.pk}/" in letter
    seat = seats.appoint(contact.organisation, request.person, by=officer, reason="By phone.")
    assert seat.roles == ["primary_contact"]
    request.refresh_from_db()
    assert (request.state, request.decided_by) == (State.APPROVED, officer)


@in_database
def test_the_seat_given_ends_an_invitation_on_its_way() -> None:
    contact = at_clinic()
    request = asked(contact)
    invitation = invited(contact, request.person.email)
    join_requests.approve(request, by=contact.person)
    invitation.refresh_from_db()
    assert invitation.state == Invitation.State.WITHDRAWN


@in_database
@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("join_request_state_is_known", {"state": "lost", "decided_at": timezone.now()}),
        ("join_request_decision_is_whole", {"state": "approved"}),
        ("join_request_decision_is_whole", {"decided_at": timezone.now()}),
        ("join_request_declined_has_a_reason", {"state": "declined", "decided_at": timezone.now()}),
    ],
)
def test_the_database_refuses_a_request_that_cannot_be(
    constraint: str, changes: dict[str, Any]
) -> None:
    row = asked(at_clinic())
    if "decided_at" in changes and "state" in changes:
        changes = {**changes, "decided_by": row.person}
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        JoinRequest.objects.filter(pk=row.pk).update(**changes)


def test_asked_and_decided_at_once_it_is_one_request_with_one_answer(committed_db: object) -> None:
    contact, person = at_clinic(), dora()
    first, second = together(*[lambda: asked(contact, person)] * 2)
    assert first == second
    invitation = invited(contact, person.email)
    results = together(
        lambda: join_requests.approve(first, by=contact.person),
        lambda: join_requests.decline(first, by=contact.person, reason="No."),
        lambda: invitations.accept(invitation, by=person),
    )
    assert contact.organisation.seats.filter(person=person).count() <= 1
    assert sum(isinstance(result, Seat) for result in results) == 1
    first.refresh_from_db()
    assert first.state != State.OPEN


def test_the_list_of_mail_providers_is_whole_and_plain() -> None:
    domains = join_requests.public_mail_domains()
    assert len(domains) > 4_000
    assert {"gmail.com", "yahoo.fr", "hotmail.com", "sapo.pt", "orange.fr", "tuta.io"} <= domains
    assert all(domain == domain.strip().lower() and "." in domain for domain in domains)
