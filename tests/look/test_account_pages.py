"""allauth's pages in the portal's look: sound HTML, own words, what was typed is kept."""

import re

import pytest
from allauth.account.models import EmailAddress
from django.conf import settings
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import translation

from core.mailing import catalogue, language, texts
from core.models import User
from tests.look import stylesheet
from tests.look.html import Document

pytestmark = pytest.mark.django_db

OPEN = ["account_login", "account_signup", "account_reset_password", "account_inactive"]
SIGNED_IN = ["account_email", "account_change_password", "account_logout", "account_reauthenticate"]


@pytest.fixture
def amina() -> User:
    user = User.objects.create_user(email="amina@example.org", password="kettle stone river")
    EmailAddress.objects.create(user=user, email=user.email, verified=True, primary=True)
    return user


def sound(response: HttpResponse) -> Document:
    assert response.status_code == 200
    page = Document(response.content.decode())
    assert page.faults == []
    assert page.unlabelled() == []
    assert page.dangling() == []
    assert [name for name, count in page.ids.items() if count > 1] == []
    assert page.classes <= stylesheet.classes()
    assert not page.all("script")
    assert not [element for element in page.elements if "style" in element.attributes]
    assert not [element for element in page.elements if "placeholder" in element.attributes]
    assert len(page.all("h1")) == 1
    return page


@pytest.mark.parametrize("name", OPEN)
@pytest.mark.parametrize("language", ["en", "fr"])
def test_pages_before_signing_in(client: Client, name: str, language: str) -> None:
    with translation.override(language):
        page = sound(client.get(reverse(name)))

    assert page.all("html")[0].attributes["lang"] == language
    robots = [meta for meta in page.all("meta") if meta.attributes.get("name") == "robots"]
    assert robots[0].attributes["content"] == "noindex"


@pytest.mark.parametrize("name", SIGNED_IN)
def test_pages_of_ones_own_sign_in(client: Client, amina: User, name: str) -> None:
    client.force_login(amina, "allauth.account.auth_backends.AuthenticationBackend")

    page = sound(client.get(reverse(name), follow=True))

    assert "Your account" in page.all("header")[0].text


def test_a_wrong_password_says_so_once_above_and_keeps_the_address(
    client: Client, amina: User
) -> None:
    response = client.post(
        reverse("account_login"), {"login": "amina@example.org", "password": "wrong"}
    )

    page = sound(response)
    assert page.all("title")[0].text.startswith("Error:")
    address = next(e for e in page.all("input") if e.attributes.get("name") == "login")
    assert address.attributes["value"] == "amina@example.org"
    assert "error-summary" in page.classes


def test_a_sign_up_without_anything_names_each_missing_field(client: Client) -> None:
    page = sound(client.post(reverse("account_signup"), {}))

    targets = {link.attributes["href"] for link in page.all("a")}
    assert {"#id_first_name", "#id_email", "#id_password1"} <= targets


def test_after_the_sign_up_a_page_asks_for_the_code_that_was_sent(client: Client) -> None:
    response = client.post(
        reverse("account_signup"),
        {
            "first_name": "Chikondi",
            "email": "chikondi@example.org",
            "password1": "kettle stone river",
        },
        follow=True,
    )

    page = sound(response)
    code = next(e for e in page.all("input") if e.attributes.get("name") == "code")
    assert code.attributes["autocomplete"] == "one-time-code"
    assert "chikondi@example.org" in page.all("main")[0].text

    wrong = sound(client.post(response.redirect_chain[-1][0], {"code": "WRONG"}))
    assert wrong.all("title")[0].text.startswith("Error:")


def test_a_second_address_is_shown_as_not_confirmed(client: Client, amina: User) -> None:
    EmailAddress.objects.create(user=amina, email="second@example.org", verified=False)
    client.force_login(amina, "allauth.account.auth_backends.AuthenticationBackend")

    page = sound(client.get(reverse("account_email")))

    assert "Not confirmed" in page.all("main")[0].text


@pytest.mark.parametrize("name", [n for n in catalogue.names() if catalogue.is_of_sign_in(n)])
def test_mail_is_plain_text_in_plain_words(name: str) -> None:
    values = {**texts.sample_values("en"), "email": "o'neil@example.org", "user_agent": "<1> & co"}
    shipped = catalogue.shipped(name, "en")
    subject, body = language.fill(shipped.subject, values), language.fill(shipped.body, values)

    wrong = r"!|\b(please|sorry|invalid)\b|&(amp|lt|gt|#\w+|quot);|{{|{%"
    assert not re.search(wrong, subject + body, re.I)
    assert len(subject.strip().splitlines()) == 1
    assert settings.SITE_URL in body
