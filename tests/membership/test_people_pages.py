"""The people of an organisation in the browser, and the ways to a seat."""

import datetime
import uuid
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import User
from membership import invitations, join_requests, seats
from membership.models import Invitation, JoinRequest, Organisation, Seat
from tests.factories.membership import make_organisation
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, code_to, invited, mails_to, roles_of, seated
from tests.look.html import Document

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def clear(db: None) -> None:
    cache.clear()


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


def page(answer: Any, status: int = 200) -> str:
    assert answer.status_code == status
    content: str = answer.content.decode()
    assert Document(content).faults == []
    return content


def at(name: str, organisation: Organisation, *args: object) -> str:
    return reverse(name, args=[organisation.slug, *args])


def link_of(invitation: Invitation) -> str:
    return reverse("seat_invitation", args=[invitations.token_of(invitation)])


# --- The primary contact --------------------------------------------------------------------------


def test_the_contact_invites_and_sees_what_is_on_its_way() -> None:
    contact = seated(public_name="Clinic Stock")
    client, organisation = browser(contact.person), contact.organisation
    shown = page(client.get(at("people_invite", organisation)))
    token = shown.split('name="form_token" value="')[1].split('"')[0]
    form = {"email": "New@example.org", "roles": ["billing_contact"], "form_token": token}
    for _ in range(2):
        answer = client.post(at("people_invite", organisation), form)
        assert (answer.status_code, answer["Location"]) == (303, at("people", organisation))
    assert Invitation.objects.count() == 1
    shown = page(client.get(at("people", organisation)))
    assert "new@example.org" in shown
    assert "good until" in shown

    again = at("people_invitation_again", organisation, Invitation.objects.get().public_id)
    assert client.get(again).status_code == 405
    client.post(again)
    client.post(again)  # the second press of the button
    assert Invitation.objects.count() == 2
    new = Invitation.objects.get(withdrawn_at=None)
    client.post(at("people_invitation_withdraw", organisation, new.public_id))
    assert "No invitation is on its way." in page(client.get(at("people", organisation)))


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"email": ""}, "Write the e-mail address."),
        ({"email": "nobody"}, "Write the address like name@example.org."),
        ({"email": "x@example.org", "roles": ["primary_contact"]}, "Select a valid choice"),
        ({"email": "x@example.org", "form_token": "x"}, "Error:"),
        ({"email": "alice@example.org"}, "has a seat in"),
    ],
)
def test_a_mistake_in_an_invitation_is_named(form: dict[str, Any], words: str) -> None:
    contact = a_seat(make_organisation(), make_person("alice@example.org"), "primary_contact")
    form = {"form_token": str(uuid.uuid4()), **form}
    shown = page(browser(contact.person).post(at("people_invite", contact.organisation), form))
    assert words in shown
    assert "<title>Error:" in shown
    assert not Invitation.objects.exists()


def test_roles_are_changed_handed_over_and_taken_away() -> None:
    contact = seated()
    organisation = contact.organisation
    bob, eve = a_seat(organisation, None, "voting_representative"), a_seat(organisation)
    client = browser(contact.person)
    roles = at("people_roles", organisation, eve.pk)
    assert "it is taken from" in page(client.get(roles))
    client.post(roles, {"roles": ["voting_representative"]})
    assert roles_of(bob.person, organisation) == ["member"]

    remove = at("people_remove", organisation, bob.pk)
    page(client.get(remove))
    client.head(remove)
    assert roles_of(bob.person, organisation) is not None
    for _ in range(2):  # a double click
        assert client.post(remove)["Location"] == at("people", organisation)
    assert "has no seat" in page(client.get(at("people", organisation)))

    hand_over = at("people_hand_over", organisation, eve.pk)
    page(client.get(hand_over))
    assert roles_of(eve.person, organisation) == ["voting_representative"]
    for _ in range(2):
        assert client.post(hand_over).status_code == 303
    assert roles_of(eve.person, organisation) == ["primary_contact", "voting_representative"]
    shown = page(client.get(at("people", organisation)))
    assert "is the primary contact now." in shown
    assert "Invite somebody" not in shown


def test_leaving_is_a_post_and_the_contact_reads_what_to_do_first() -> None:
    contact = seated()
    organisation = contact.organisation
    bob = a_seat(organisation)
    client, leave = browser(bob.person), at("people_leave", organisation)
    page(client.get(leave))
    client.head(leave)
    assert roles_of(bob.person, organisation)
    for _ in range(2):
        assert client.post(leave)["Location"] == reverse("membership_area")
    assert roles_of(bob.person, organisation) is None

    client = browser(contact.person)
    assert client.post(leave)["Location"] == at("people", organisation)
    assert "Hand the role over to somebody else" in page(client.get(at("people", organisation)))


def test_a_request_is_answered_with_a_reason() -> None:
    contact = seated(website="https://clinic.example")
    organisation = contact.organisation
    asked = join_requests.ask(organisation, by=make_person("dora@clinic.example"), words="Hello.")
    client, address = browser(contact.person), at("people_request", organisation, asked.public_id)
    assert address in page(client.get(reverse("account_area")))
    assert address not in page(browser(a_seat(organisation).person).get(reverse("account_area")))
    assert "dora@clinic.example" in page(client.get(at("people", organisation)))
    assert "Hello." in page(client.get(address))
    assert "Choose an answer." in page(client.post(address, {}))
    assert "The person reads it." in page(client.post(address, {"decision": "decline"}))
    client.post(address, {"decision": "decline", "reason": "Not with us."})
    asked.refresh_from_db()
    assert (asked.state, asked.reason) == (JoinRequest.State.DECLINED, "Not with us.")
    client.post(address, {"decision": "approve"})
    assert "is “declined” by now" in page(client.get(at("people", organisation)))
    assert client.get(address)["Location"] == at("people", organisation)

    asked = join_requests.ask(organisation, by=make_person("fay@clinic.example"))
    client.post(
        at("people_request", organisation, asked.public_id), {"decision": "approve", "reason": ""}
    )
    assert roles_of(asked.person, organisation) == ["member"]


# --- Whose pages these are ------------------------------------------------------------------------


def addresses(organisation: Organisation, seat: Seat, invitation: Any, asked: Any) -> list[str]:
    return [
        at("people", organisation),
        at("people_invite", organisation),
        at("people_roles", organisation, seat.pk),
        at("people_hand_over", organisation, seat.pk),
        at("people_remove", organisation, seat.pk),
        at("people_request", organisation, asked.public_id),
        at("people_invitation_withdraw", organisation, invitation.public_id),
        at("people_invitation_again", organisation, invitation.public_id),
        at("people_leave", organisation),
    ]


def test_other_peoples_organisations_are_not_there_and_nothing_of_them_changes() -> None:
    contact = seated(website="https://clinic.example")
    organisation = contact.organisation
    bob, invitation = a_seat(organisation), invited(contact)
    asked = join_requests.ask(organisation, by=make_person("dora@clinic.example"))
    every = addresses(organisation, bob, invitation, asked)
    form = {"decision": "approve", "email": "x@example.org", "form_token": str(uuid.uuid4())}
    stranger, outside = seated(), make_person()
    for client in (browser(stranger.person), browser(outside)):
        for address in every[:-3] + every[-1:]:
            assert client.get(address).status_code == 404, address
        for address in every[1:-1]:
            assert client.post(address, form).status_code == (303 if "x/remove" in address else 404)
        client.post(every[-1])
    # Rows of one organisation under the address of another, by somebody who may do all in it.
    client = browser(stranger.person)
    own = stranger.organisation
    for address in addresses(own, bob, invitation, asked)[2:-1]:
        answer = client.post(address, form)
        assert answer.status_code == (303 if address.endswith("/remove/") else 404), address
    # A colleague reads who is there, and decides nothing.
    client = browser(bob.person)
    page(client.get(every[0]))
    assert "new@example.org" not in page(client.get(every[0]))
    for address in every[1:-1]:
        assert client.post(address, form).status_code == 404, address
    assert client.get("/account/membership/organisations/no-such/people/").status_code == 404

    assert roles_of(bob.person, organisation) == ["member"]
    assert organisation.seats.count() == 2
    assert own.seats.count() == 1
    invitation.refresh_from_db()
    asked.refresh_from_db()
    assert (invitation.state, asked.state) == ("open", "open")
    assert Invitation.objects.count() == 1


def test_whoever_was_removed_while_signed_in_finds_nothing_from_then_on() -> None:
    contact = seated()
    bob = a_seat(contact.organisation)
    client = browser(bob.person)
    page(client.get(at("people", contact.organisation)))
    seats.remove(bob, by=contact.person)
    assert client.get(at("people", contact.organisation)).status_code == 404


def test_a_person_may_sit_in_several_organisations() -> None:
    contact = seated()
    elsewhere = a_seat(make_organisation(), contact.person, "primary_contact").organisation
    client = browser(contact.person)
    for organisation in (contact.organisation, elsewhere):
        assert organisation.public_name in page(client.get(at("people", organisation)))
    shown = page(client.get(reverse("membership_area")))
    assert at("people", elsewhere) in shown


def test_the_pages_ask_to_sign_in(client: Client) -> None:
    contact = seated()
    invitation = invited(contact)
    asked = JoinRequest(public_id=uuid.uuid4())
    for address in [
        *addresses(contact.organisation, contact, invitation, asked),
        reverse("seat_code"),
        reverse("seat_ask"),
        at("seat_ask_one", contact.organisation),
        reverse("seat_request_withdraw", args=[asked.public_id]),
    ]:
        for answer in (client.get(address), client.post(address)):
            assert answer["Location"].startswith(reverse("account_login")), address


def test_colleagues_read_that_nobody_reads_the_contacts_mail() -> None:
    contact = seated()
    bob = a_seat(contact.organisation)
    User.objects.filter(pk=contact.person.pk).update(is_active=False)
    shown = page(browser(bob.person).get(at("people", contact.organisation)))
    assert "nobody reads what we write to the organisation" in shown
    assert "account closed" in shown


# --- The link and the code ------------------------------------------------------------------------


def test_opening_the_link_changes_nothing_and_the_button_takes_the_seat(client: Client) -> None:
    contact = seated(public_name="Clinic Stock")
    invitation = invited(contact)
    link = link_of(invitation)
    # A scanner opens it and submits its form, signed in nowhere.
    for answer in (client.get(link), client.head(link), client.post(link)):
        assert answer.status_code == 200
    shown = page(client.get(link))
    assert f"{reverse('account_login')}?next={link.replace(':', '%3A')}" in shown
    dora = make_person("new@example.org")
    client.force_login(dora)
    assert "Accept the seat" in page(client.get(link))
    client.head(link)
    invitation.refresh_from_db()
    assert invitation.state == "open"
    for _ in range(2):  # a double click
        assert client.post(link)["Location"] == at("people", contact.organisation)
    assert roles_of(dora, contact.organisation) == ["member"]
    assert client.get(link)["Location"] == at("people", contact.organisation)
    assert "You have a seat in Clinic Stock." in page(
        client.get(at("people", invitation.organisation))
    )


def test_the_sign_in_leads_back_to_the_invitation(client: Client) -> None:
    invitation = invited(seated())
    dora = make_person("new@example.org", password="correct horse battery")
    link = link_of(invitation)
    answer = client.post(
        reverse("account_login"),
        {"login": dora.email, "password": "correct horse battery", "next": link},
    )
    assert (answer.status_code, answer["Location"]) == (302, link)


def test_another_address_reads_why_not_and_types_the_code(client: Client) -> None:
    contact = seated()
    invitation = invited(contact)
    person = make_person("private@example.net")
    client.force_login(person)
    link = link_of(invitation)
    assert "and you are signed in as private@example.net" in page(client.get(link))
    assert client.post(link)["Location"] == link
    assert "is not a confirmed address of your account" in page(client.get(link))
    code = code_to()
    # A code in an address does nothing.
    page(client.get(reverse("seat_code"), {"code": code}))
    assert roles_of(person, contact.organisation) is None
    for _ in range(2):
        answer = client.post(reverse("seat_code"), {"code": code.lower()})
        assert answer["Location"] == at("people", contact.organisation)
    assert roles_of(person, contact.organisation) == ["member"]


def test_whoever_sits_there_reads_that_there_is_nothing_to_accept() -> None:
    contact = seated()
    shown = page(browser(contact.person).get(link_of(invited(contact))))
    assert "There is nothing to accept." in shown
    assert "Accept the seat" not in shown


@pytest.mark.parametrize("signed_in", [False, True])
@pytest.mark.parametrize("end", ["expired", "withdrawn", "used"])
def test_a_link_that_is_over_says_so(client: Client, end: str, signed_in: bool) -> None:
    contact = seated()
    invitation = invited(contact)
    link, later = link_of(invitation), timezone.now()
    if end == "withdrawn":
        invitations.withdraw(invitation, by=contact.person)
    elif end == "used":
        invitations.accept_by_code(code_to(), by=make_person())
    else:
        later += datetime.timedelta(days=14)
    with time_machine.travel(later, tick=False):
        if signed_in:
            client.force_login(make_person("new@example.org"))
        words = {"expired": "was good until", "withdrawn": "was withdrawn", "used": "was used"}
        for answer in (client.get(link), client.post(link)):
            assert words[end] in page(answer, 410)
    assert contact.organisation.seats.count() == (2 if end == "used" else 1)


@pytest.mark.parametrize("tail", ["x", ":x", "%00", "%2F..", "é"])
def test_a_tampered_link_says_so(client: Client, tail: str) -> None:
    link = link_of(invited(seated())).removesuffix("/")
    client.force_login(make_person("new@example.org"))
    for answer in (client.get(f"{link}{tail}/"), client.post(f"{link}{tail}/")):
        assert answer.status_code == 404
    page(client.get(f"{link}x/"), 404)
    assert Seat.objects.count() == 1


def test_codes_cannot_be_tried_for_ever(client: Client) -> None:
    invited(seated())
    client.force_login(make_person())
    tries = [
        client.post(reverse("seat_code"), {"code": "AAAA-BBBB"}).status_code for _ in range(11)
    ]
    assert tries == [200] * 10 + [429]
    answer = client.post(reverse("seat_code"), {"code": code_to()})
    assert "Too many codes in an hour." in page(answer, 429)
    assert Seat.objects.count() == 1


def test_no_code_and_a_wrong_one_are_named(client: Client) -> None:
    client.force_login(make_person())
    assert "Type the code." in page(client.post(reverse("seat_code"), {"code": ""}))
    assert "sign by sign" in page(client.post(reverse("seat_code"), {"code": "nothing"}))


# --- Asking ---------------------------------------------------------------------------------------


def test_the_domain_opens_the_door_to_ask_once(client: Client) -> None:
    contact = seated(website="https://clinic.example", public_name="Clinic Stock")
    organisation = contact.organisation
    dora = make_person("dora@clinic.example")
    client.force_login(dora)
    ask_one = at("seat_ask_one", organisation)
    assert ask_one in page(client.get(reverse("seat_ask")))
    page(client.get(ask_one))
    assert not JoinRequest.objects.exists()
    for _ in range(2):
        answer = client.post(ask_one, {"words": "I run the stores."})
        assert answer["Location"] == reverse("seat_ask")
    assert len(mails_to(contact.person.email)) == 1
    shown = page(client.get(reverse("seat_ask")))
    assert ask_one not in shown
    assert "Clinic Stock" in shown
    asked = JoinRequest.objects.get()
    withdraw = reverse("seat_request_withdraw", args=[asked.public_id])
    assert browser(make_person()).post(withdraw).status_code == 404
    for _ in range(2):
        assert client.post(withdraw)["Location"] == reverse("seat_ask")
    asked.refresh_from_db()
    assert asked.state == JoinRequest.State.WITHDRAWN


def test_without_the_domain_an_organisation_cannot_be_asked_and_is_not_named() -> None:
    contact = seated(website="https://clinic.example", public_name="Clinic Stock")
    client = browser(make_person("dora@gmail.com"))
    assert "Clinic Stock" not in page(client.get(reverse("seat_ask")))
    ask_one = at("seat_ask_one", contact.organisation)
    assert client.get(ask_one).status_code == 404
    assert client.post(ask_one, {"words": ""}).status_code == 404


def test_a_declined_person_reads_the_reason_and_when_to_ask_again() -> None:
    contact = seated(website="https://clinic.example")
    asked = join_requests.ask(contact.organisation, by=make_person("dora@clinic.example"))
    join_requests.decline(asked, by=contact.person, reason="Ask your head of unit.")
    client = browser(asked.person)
    assert "Ask your head of unit." in page(client.get(reverse("seat_ask")))
    shown = page(client.post(at("seat_ask_one", contact.organisation), {"words": ""}))
    assert "You can ask again 30 days after that day." in shown
