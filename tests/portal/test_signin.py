"""One sign-in for everybody: Wagtail's own doors lead there, and no other road enters."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.contrib.sessions.models import Session
from django.core import mail
from django.test import Client
from django.urls import reverse

from core.jobs.testing import run_pending_jobs
from core.models import User
from home.models import HomePage
from portal import groups
from tests.factories.home import PASSWORD, make_staff, sign_in
from tests.factories.pools import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]


@pytest.fixture
def site() -> HomePage:
    return HomePage.objects.get(locale__language_code="en")


@pytest.fixture
def bob(site: HomePage) -> User:
    person = make_staff(groups.EDITORS)
    person.set_password(PASSWORD)
    person.save()
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


# --- Wagtail's own doors --------------------------------------------------------------------------


def test_wagtails_login_page_leads_to_the_one_sign_in_and_keeps_where_to_go(
    client: Client, site: HomePage
) -> None:
    answer = client.get("/admin/login/?next=/admin/reports/")
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('account_login')}?next=/admin/reports/"


def test_posting_a_good_password_to_wagtails_login_signs_nobody_in(
    client: Client, bob: User
) -> None:
    answer = client.post("/admin/login/", {"username": bob.email, "password": PASSWORD})
    assert "/accounts/login/" in answer["Location"]
    assert "_auth_user_id" not in client.session
    assert client.get("/admin/").status_code == 302


@pytest.mark.parametrize(
    "address",
    [
        "/admin/password_reset/",
        "/admin/password_reset/done/",
        "/admin/password_reset/confirm/MQ/set-password/",
        "/admin/password_reset/complete/",
    ],
)
def test_wagtails_password_pages_lead_to_the_one_reset(
    client: Client, site: HomePage, address: str
) -> None:
    for answer in (client.get(address), client.post(address, {"email": "a@example.org"})):
        assert answer.status_code == 302
        assert answer["Location"].startswith(reverse("account_reset_password"))
    assert mail.outbox == []


@pytest.mark.parametrize("prefix", ["", "/fr", "/pt"])
def test_wagtails_login_for_private_pages_signs_nobody_in_either(
    client: Client, bob: User, prefix: str
) -> None:
    address = f"{prefix}/_util/login/"
    assert client.get(f"{address}?next=/news/")["Location"].endswith("/accounts/login/?next=/news/")
    answer = client.post(address, {"username": bob.email, "password": PASSWORD})
    assert answer["Location"].startswith(f"{prefix}/accounts/login/")
    assert "_auth_user_id" not in client.session


def test_wagtails_account_page_offers_neither_password_nor_address(bob: User) -> None:
    client = Client()
    sign_in(client, bob)
    page = client.get("/admin/account/").content.decode()
    assert 'type="password"' not in page
    assert 'type="email"' not in page


# --- Sessions that came by another road -----------------------------------------------------------


def test_a_session_without_a_record_of_how_it_began_is_ended_at_the_back_office(
    client: Client, bob: User
) -> None:
    client.force_login(bob)
    answer = client.get("/admin/pages/")
    assert answer.status_code == 302
    assert answer["Location"] == f"{reverse('account_login')}?next=%2Fadmin%2Fpages%2F"
    assert "_auth_user_id" not in client.session
    assert not Session.objects.filter(session_data__contains=str(bob.pk)).exists()


def test_staff_enter_the_back_office_by_the_one_sign_in(client: Client, bob: User) -> None:
    sign_in(client, bob)
    assert client.get("/admin/").status_code == 200


def test_people_without_a_place_in_the_back_office_are_told_so(
    client: Client, site: HomePage
) -> None:
    sign_in(client, make_person("donor@example.org"))
    answer = client.get("/admin/")
    assert answer.status_code == 403
    assert "OpenLMIS Foundation" in answer.content.decode()


def test_a_wrong_password_does_not_say_whether_the_address_is_known(
    client: Client, bob: User
) -> None:
    said = set()
    for email in (bob.email, "nobody@example.org"):
        answer = client.post(reverse("account_login"), {"login": email, "password": "wrong words"})
        content = answer.content.decode()
        # What was typed is kept, the password is not.
        assert f'value="{email}"' in content
        assert "wrong words" not in content
        said.add(re.sub(r"\s+", " ", content.split("<main", 1)[1].replace(email, "")))
    assert len({re.sub(r'value="[^"]*"', "", text) for text in said}) == 1


# --- Signing up -----------------------------------------------------------------------------------


def test_signing_up_asks_for_the_code_that_was_mailed_and_a_get_confirms_nothing(
    client: Client, site: HomePage
) -> None:
    answer = client.post(
        "/fr/accounts/signup/",
        {
            "email": "Chipo@Example.org",
            "password1": "kettle stone river",
            "first_name": "Chipo",
            "last_name": "Banda",
        },
    )
    assert answer.status_code == 302
    run_pending_jobs()
    (message,) = mail.outbox
    assert message.to == ["chipo@example.org"]
    # A code to type stands in it and no link that would act when a scanner opens it.
    code = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", message.body, re.MULTILINE)
    assert code is not None, message.body
    for link in re.findall(r"https?://\S+", message.body):
        client.get(link)
    address = EmailAddress.objects.get(email="chipo@example.org")
    assert not address.verified

    client.post(answer["Location"], {"code": code.group(1)})
    address.refresh_from_db()
    assert address.verified
    person = User.objects.get(email="chipo@example.org")
    assert (person.first_name, person.preferred_language) == ("Chipo", "fr")


def test_signing_up_with_a_known_address_tells_its_owner_and_not_the_stranger(
    client: Client, bob: User
) -> None:
    form = {"email": bob.email, "password1": "kettle stone river", "first_name": "Eve"}
    known = client.post(reverse("account_signup"), form)
    fresh = Client().post(reverse("account_signup"), {**form, "email": "eve@example.org"})
    assert (known.status_code, known["Location"]) == (fresh.status_code, fresh["Location"])
    run_pending_jobs()
    assert {tuple(message.to) for message in mail.outbox} == {(bob.email,), ("eve@example.org",)}
    bob.refresh_from_db()
    assert bob.check_password(PASSWORD)


# --- Who may what ---------------------------------------------------------------------------------

BACK_OFFICE = {
    "pages": "/admin/pages/",
    "users": "/admin/users/",
}


@pytest.mark.parametrize(
    ("group", "allowed"),
    [
        (groups.EDITORS, {"pages"}),
        (groups.MODERATORS, {"pages"}),
        (groups.MEMBERSHIP_OFFICERS, set()),
        (groups.TREASURERS, set()),
        (groups.AUDITORS, set()),
        (groups.ADMINISTRATORS, {"pages", "users"}),
    ],
)
def test_each_group_enters_its_own_parts_of_the_back_office(
    client: Client, site: HomePage, group: str, allowed: set[str]
) -> None:
    sign_in(client, make_staff(group))
    assert client.get("/admin/").status_code == 200
    opened = {
        name
        for name, address in BACK_OFFICE.items()
        if client.get(address, follow=True).redirect_chain == []
    }
    assert opened == allowed
