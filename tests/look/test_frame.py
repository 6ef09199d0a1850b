"""base.html: languages that keep the page, navigation, the pages of errors."""

import gzip

import pytest
from django.conf import settings
from django.contrib.auth.models import AnonymousUser
from django.http import HttpRequest
from django.template import Context, Template
from django.template.loader import render_to_string
from django.test import Client, RequestFactory
from django.utils import translation
from wagtail.models import Locale, Page

from portal.context import portal
from portal.templatetags.frame import LanguageLink, language_links
from tests.look import stylesheet
from tests.look.html import Document


def request_for(path: str) -> HttpRequest:
    request = RequestFactory().get(path)
    request.user = AnonymousUser()
    return request


def links(path: str, **context: object) -> dict[str, LanguageLink]:
    found = language_links(Context({"request": request_for(path), **context}))
    return {link.code: link for link in found}


def test_an_address_keeps_its_path_and_query_in_the_other_language() -> None:
    with translation.override("en"):
        found = links("/accounts/login/?next=/account/")

    assert found["fr"].href == "/fr/accounts/login/?next=/account/"
    assert found["fr"].path == "/fr/accounts/login/"
    assert found["en"].current
    assert not found["pt"].current


def test_the_way_back_to_english_has_no_prefix() -> None:
    with translation.override("fr"):
        found = links("/fr/accounts/login/")

    assert found["en"].href == "/accounts/login/"
    assert found["en"].name == "English"
    assert found["fr"].current


def test_without_a_request_there_are_no_links() -> None:
    template = Template("{% load frame %}{% language_links as found %}{{ found|length }}")

    assert template.render(Context()) == "0"


@pytest.mark.django_db
def test_a_page_without_translation_leads_to_the_other_languages_home() -> None:
    root = Page.objects.filter(depth=1).get()
    page = root.add_child(instance=Page(title="Alone", slug="alone", locale=Locale.get_active()))

    with translation.override("en"):
        found = links("/alone/", page=page)

    assert found["fr"].href == "/fr/"
    assert not found["fr"].exact


def test_the_part_of_the_site_one_is_in_is_marked() -> None:
    with translation.override("fr"):
        frame = portal(request_for("/fr/pools/core-software/"))

    assert [item.href for item in frame["site_nav"] if item.current] == ["/fr/pools/"]
    assert frame["home_href"] == "/fr/"


@pytest.mark.django_db
def test_an_unknown_address_gets_the_sites_own_page(client: Client) -> None:
    response = client.get("/no/such/page/")

    page = Document(response.content.decode())
    assert response.status_code == 404
    assert page.faults == []
    assert page.all("h1")[0].text == "There is no page at this address"
    assert page.all("nav")


def test_the_page_of_a_broken_server_needs_nothing_at_all() -> None:
    page = Document(render_to_string("500.html"))

    assert page.faults == []
    assert page.classes <= stylesheet.classes()


@pytest.mark.parametrize("name", ["403.html", "403_csrf.html", "404.html"])
def test_error_pages_stand_without_a_request(name: str) -> None:
    page = Document(render_to_string(name))

    assert page.faults == []
    assert page.dangling() == []
    assert len(page.all("h1")) == 1


@pytest.mark.django_db
def test_a_forged_form_gets_a_page_in_the_sites_look() -> None:
    response = Client(enforce_csrf_checks=True).post("/accounts/login/", {})

    assert response.status_code == 403
    assert "Nothing was saved or paid" in response.content.decode()


def test_the_frame_and_the_stylesheet_leave_most_of_the_budget_to_the_page(client: Client) -> None:
    frame = client.get("/accounts/inactive/").content
    weight = len(gzip.compress(frame)) + len(gzip.compress(stylesheet.PATH.read_bytes()))

    assert weight <= 12 * 1024


@pytest.mark.parametrize("mode, shown", [("demo", True), ("test", False), ("production", False)])
def test_the_demo_says_that_it_is_one(
    client: Client, settings: object, mode: str, shown: bool
) -> None:
    settings.PORTAL_MODE = mode  # type: ignore[attr-defined]

    page = client.get("/accounts/inactive/").content.decode()

    assert ("A demonstration" in page) == shown


def test_every_language_is_offered_in_its_own_name(client: Client) -> None:
    page = Document(client.get("/accounts/inactive/").content.decode())
    offered = {a.text.strip() for a in page.all("a") if "hreflang" in a.attributes}

    assert offered == {"English", "Français", "Português"}
    assert len(settings.LANGUAGES) == 3
