"""The first page of the signed-in area: what waits for each kind of person, and their ways in."""

import pytest
from django.test import Client
from django.urls import reverse

from core.models import User
from home.models import EvangelistPage
from home.profiles import propose
from tests.factories.pools import make_person
from tests.look.html import Document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_demo")]


def page_of(client: Client, email: str) -> str:
    client.force_login(User.objects.get(email=email))
    answer = client.get(reverse("account_area"))
    assert answer.status_code == 200
    content = answer.content.decode()
    assert Document(content).faults == []
    return content


def test_a_member_is_told_that_dues_are_to_be_paid(client: Client) -> None:
    page = page_of(client, "member@example.org")
    assert "Lakeside Health Logistics (example): the dues are to be paid." in page
    assert f'href="{reverse("membership_area")}"' in page


def test_a_donor_is_told_which_instalment_is_due(client: Client) -> None:
    page = page_of(client, "donor@example.org")
    assert "Cold chain for Malawi: an instalment of $1,000.00 is due." in page
    assert "dues are to be paid" not in page


def test_an_evangelist_finds_the_profile_and_is_told_when_staff_ask_for_changes(
    client: Client,
) -> None:
    assert reverse("account_evangelist") in page_of(client, "evangelist@example.org")

    person = User.objects.get(email="evangelist@example.org")
    profile = EvangelistPage.objects.get(person=person, alias_of=None)
    propose(profile, by=person, values={"summary": "Short."})
    profile.refresh_from_db()
    profile.current_workflow_task_state.specific.reject(
        user=User.objects.get(email="staff@example.org"), comment="Say more."
    )

    assert "Staff ask for changes to your profile." in page_of(client, "evangelist@example.org")


def test_only_staff_are_shown_the_back_office(client: Client) -> None:
    assert 'href="/admin/"' in page_of(client, "treasurer@example.org")
    assert 'href="/admin/"' not in page_of(client, "donor@example.org")


def test_somebody_new_has_nothing_waiting_and_no_profile(client: Client) -> None:
    make_person("new@example.org")
    page = page_of(client, "new@example.org")
    assert "Nothing at present." in page
    assert f'"{reverse("account_evangelist")}"' not in page


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    answer = client.get(reverse("account_area"))
    assert answer.status_code == 302
    assert answer["Location"].startswith(reverse("account_login"))
