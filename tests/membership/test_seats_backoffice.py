"""Staff see who sits where, and appoint somebody where the primary contact vanished."""

import csv
import io

import pytest
from django.test import Client
from django.urls import reverse

from core.models import User
from membership.models import Seat
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import make_organisation
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, mails_to, roles_of, seated

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
LIST = "/admin/members/seats/"


def page_of(seat: Seat) -> str:
    return reverse("membership_seats:appoint", args=[seat.organisation_id])


def test_officers_see_who_sits_where_and_appoint_with_a_reason(client: Client) -> None:
    contact = seated(public_name="Clinic Stock")
    bob = a_seat(contact.organisation, make_person("bob@example.org"))
    User.objects.filter(pk=contact.person_id).update(is_active=False)
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    shown = client.get(LIST).content.decode()
    assert "Clinic Stock" in shown
    assert "bob@example.org" in shown
    assert "closed" in shown
    assert "account closed" in client.get(page_of(contact)).content.decode()

    answer = client.post(page_of(contact), {"person": bob.person_id})
    assert "Write the reason." in answer.content.decode()
    stranger = make_person()
    client.post(page_of(contact), {"person": stranger.pk, "reason": "Gone."})
    client.post(page_of(contact), {"person": contact.person_id, "reason": "Gone."})
    assert roles_of(bob.person, contact.organisation) == ["member"]

    answer = client.post(page_of(contact), {"person": bob.person_id, "reason": "Gone."})
    assert (answer.status_code, answer["Location"]) == (302, LIST)
    assert roles_of(bob.person, contact.organisation) == ["primary_contact"]
    assert "Reason: Gone." in mails_to("bob@example.org")[0]


@pytest.mark.parametrize("typed", ["clinic", "Clinic Stock Ltd", "bob@", "Bobby"])
def test_seats_are_found_by_organisation_and_by_person(client: Client, typed: str) -> None:
    contact = seated(public_name="Clinic Stock", legal_name="Clinic Stock Ltd")
    a_seat(contact.organisation, make_person("bob@example.org", first_name="Bobby"))
    other = seated(public_name="Other Stores")
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    shown = client.get(LIST, {"q": typed}).content.decode()
    assert "Clinic Stock" in shown
    assert other.organisation.public_name not in shown


def test_an_officer_with_a_seat_there_reads_why_not(client: Client) -> None:
    officer = make_staff(groups.MEMBERSHIP_OFFICERS)
    contact = seated()
    bob = a_seat(contact.organisation)
    a_seat(contact.organisation, officer)
    sign_in(client, officer)
    answer = client.post(page_of(contact), {"person": bob.person_id, "reason": "Gone."})
    assert "ask a colleague" in answer.content.decode()
    assert roles_of(bob.person, contact.organisation) == ["member"]


def test_names_that_look_like_formulas_are_texts_in_the_csv(client: Client) -> None:
    person = make_person(first_name="=1+1", last_name="A")
    a_seat(make_organisation(public_name="=cmd|x"), person, "primary_contact")
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    answer = client.get(LIST, {"export": "csv"})
    (row,) = list(csv.reader(io.StringIO(b"".join(answer).decode())))[1:]
    assert row[:2] == ["'=cmd|x", "'=1+1 A"]


@pytest.mark.parametrize(
    ("group", "reads"),
    [(groups.TREASURERS, True), (groups.AUDITORS, True), (groups.EDITORS, False)],
)
def test_who_may_only_look_appoints_nobody(client: Client, group: str, reads: bool) -> None:
    contact = a_seat(make_organisation(), None, "primary_contact")
    bob = a_seat(contact.organisation)
    sign_in(client, make_staff(group))
    assert (client.get(LIST).status_code == 200) == reads
    answer = client.post(page_of(contact), {"person": bob.person_id, "reason": "Gone."})
    assert (answer.status_code, answer["Location"]) == (302, reverse("wagtailadmin_home"))
    assert roles_of(bob.person, contact.organisation) == ["member"]
