"""What programs read: data for search engines, the sitemap's languages, security.txt, redirects."""

import datetime
import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from lxml import etree
from pytest_django import DjangoCaptureOnCommitCallbacks, Settings
from wagtail.models import Page

from home.models import HomePage, NewsIndexPage, StandardPage
from tests.factories.home import NewsFactory

pytestmark = pytest.mark.django_db

SITE = "http://testserver"
XHTML = "{http://www.w3.org/1999/xhtml}link"
MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"
ATOM = "{http://www.w3.org/2005/Atom}"


def data_of(client: Client, address: str) -> dict[str, Any]:
    """The blocks of JSON-LD of a page by their type."""
    html = client.get(address).content.decode()
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', html, re.S)
    read = [json.loads(block) for block in blocks]
    assert all(one["@context"] == "https://schema.org" for one in read)
    return {one["@type"]: one for one in read}


# --- JSON-LD ----------------------------------------------------------------------------------------


def test_the_front_says_who_the_foundation_is(site: HomePage, client: Client) -> None:
    said = data_of(client, "/fr/")["Organization"]

    assert said["name"] == "OpenLMIS Foundation"
    assert said["url"] == f"{SITE}/"
    assert said["logo"].startswith(f"{SITE}/static/favicon")
    assert client.get("/fr/").context["page"].summary == said["description"]


def test_news_says_when_it_was_published_and_by_whom(site: HomePage, client: Client) -> None:
    page = NewsFactory(
        title='News </script><b>&"', authors="Amina Example", date=datetime.date(2026, 3, 4)
    )

    said = data_of(client, page.url)["NewsArticle"]

    assert said["headline"] == 'News </script><b>&"'
    assert said["datePublished"] == "2026-03-04"
    assert said["author"] == {"@type": "Person", "name": "Amina Example"}
    assert said["mainEntityOfPage"] == page.full_url
    assert said["inLanguage"] == "en"
    # Under the French address the words are still English.
    assert data_of(client, f"/fr{page.url}")["NewsArticle"]["inLanguage"] == "en"


def test_news_that_names_nobody_is_the_foundations(site: HomePage, client: Client) -> None:
    said = data_of(client, NewsFactory(authors="").url)["NewsArticle"]
    assert said["author"]["@type"] == "Organization"


def test_the_way_down_to_a_page_is_told(site: HomePage, client: Client) -> None:
    page = NewsFactory()
    steps = data_of(client, f"/fr{page.url}")["BreadcrumbList"]["itemListElement"]

    assert [(step["position"], step["name"], step["item"]) for step in steps] == [
        (1, "OpenLMIS Foundation", f"{SITE}/fr/"),
        (2, "Actualités", f"{SITE}/fr/news/"),
    ]


def test_other_pages_tell_their_way_too_and_the_front_has_none(
    site: HomePage, client: Client
) -> None:
    assert "BreadcrumbList" not in data_of(client, "/")
    assert "BreadcrumbList" in data_of(client, "/money/statements/")


# --- Sitemap ----------------------------------------------------------------------------------------


def alternates(client: Client) -> dict[str, dict[str, str]]:
    """Location -> language -> location, of every entry of the sitemap."""
    root = etree.fromstring(client.get("/sitemap.xml").content)
    return {
        entry.findtext(f"{MAP}loc"): {
            link.get("hreflang"): link.get("href") for link in entry.iter(XHTML)
        }
        for entry in root.iter(f"{MAP}url")
    }


def test_each_page_names_its_other_languages_in_the_sitemap(site: HomePage, client: Client) -> None:
    found = alternates(client)
    about = {
        "en": f"{SITE}/about/",
        "x-default": f"{SITE}/about/",
        "fr": f"{SITE}/fr/about/",
        "pt": f"{SITE}/pt/about/",
    }

    assert found[f"{SITE}/about/"] == found[f"{SITE}/fr/about/"] == about
    assert found[f"{SITE}/members/"]["pt"] == f"{SITE}/pt/members/"
    assert found[f"{SITE}/members/"]["x-default"] == f"{SITE}/members/"
    assert f"{SITE}/pt/members/" in found


def test_a_page_in_one_language_names_no_other(site: HomePage, client: Client) -> None:
    page = NewsFactory()
    assert alternates(client)[page.full_url] == {}


def test_the_sitemap_costs_the_same_queries_whatever_the_languages_hold(
    site: HomePage, client: Client
) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    counts = []
    for _round in range(3):
        with CaptureQueriesContext(connection) as queries:
            client.get("/sitemap.xml")
        counts.append(len(queries))
        for _n in range(3):
            NewsFactory()
    assert counts[1] == counts[2]


# --- security.txt -----------------------------------------------------------------------------------


def test_security_txt_says_where_a_hole_is_reported(client: Client, settings: Settings) -> None:
    settings.SECURITY_CONTACT = "mailto:holes@example.org"
    answer = client.get("/.well-known/security.txt")
    fields = dict(line.split(": ", 1) for line in answer.content.decode().splitlines())

    assert answer["Content-Type"] == "text/plain; charset=utf-8"
    assert fields["Contact"] == "mailto:holes@example.org"
    assert fields["Canonical"] == f"{SITE}/.well-known/security.txt"
    assert fields["Preferred-Languages"] == "en, fr, pt"
    left = datetime.datetime.fromisoformat(fields["Expires"]) - timezone.now()
    assert datetime.timedelta(days=170) < left < datetime.timedelta(days=365)


def test_without_a_contact_there_is_no_such_file(client: Client, settings: Settings) -> None:
    settings.SECURITY_CONTACT = ""
    assert client.get("/.well-known/security.txt").status_code == 404


# --- Addresses that never die -----------------------------------------------------------------------


@pytest.fixture
def rename(
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
) -> Callable[[Page, str], None]:
    """Gives a page another address, as an editor publishes it; the old one follows at the commit."""

    def rename(page: Page, slug: str) -> None:
        with django_capture_on_commit_callbacks(execute=True):
            page.slug = slug
            page.save_revision().publish()
        page.refresh_from_db()

    return rename


@pytest.mark.parametrize("prefix", ["", "/fr", "/pt"])
def test_a_renamed_page_is_found_under_its_old_address(
    site: HomePage, client: Client, rename: Callable[[Page, str], None], prefix: str
) -> None:
    page = StandardPage.objects.get(slug="about", locale__language_code=prefix[1:] or "en")
    below = page.get_children().live()[0]

    rename(page, "who-we-are")

    for old, new in (
        (f"{prefix}/about/", f"{prefix}/who-we-are/"),
        (f"{prefix}/about/{below.slug}/", f"{prefix}/who-we-are/{below.slug}/"),
    ):
        answer = client.get(old)
        assert (answer.status_code, answer["Location"]) == (301, new)
        assert client.get(new).status_code == 200


@pytest.mark.parametrize("prefix", ["", "/fr", "/pt"])
def test_a_moved_page_takes_its_old_address_along_with_those_below_it(
    site: HomePage,
    client: Client,
    django_capture_on_commit_callbacks: DjangoCaptureOnCommitCallbacks,
    prefix: str,
) -> None:
    code = prefix[1:] or "en"
    page = StandardPage.objects.get(slug="about", locale__language_code=code)
    below = page.get_children().live().first()
    assert below is not None
    old = below.get_url()
    with django_capture_on_commit_callbacks(execute=True):
        page.move(
            StandardPage.objects.get(slug="contribute", locale__language_code=code), "last-child"
        )

    for address, wanted in (
        (f"{prefix}/about/", f"{prefix}/contribute/about/"),
        (old, f"{prefix}/contribute/about/{below.slug}/"),
    ):
        answer = client.get(address)
        assert (answer.status_code, answer["Location"]) == (301, wanted)
        assert client.get(wanted).status_code == 200


def test_an_untranslated_copy_keeps_its_address_when_its_original_is_renamed(
    site: HomePage, client: Client, rename: Callable[[Page, str], None]
) -> None:
    page = NewsFactory(slug="old-name")

    rename(page, "new-name")

    assert client.get("/news/old-name/")["Location"] == page.get_url() == "/news/new-name/"
    for prefix in ("/fr", "/pt"):
        assert client.get(f"{prefix}/news/old-name/").status_code == 200


def test_a_page_renamed_twice_is_found_under_both_names(
    site: HomePage, client: Client, rename: Callable[[Page, str], None]
) -> None:
    page = NewsFactory(slug="first")
    for slug in ("second", "third"):
        rename(page, slug)

    for slug in ("first", "second"):
        assert client.get(f"/news/{slug}/")["Location"] == "/news/third/"


# --- Feeds ------------------------------------------------------------------------------------------


@pytest.mark.parametrize("prefix", ["", "/fr"])
def test_the_news_feed_has_all_that_atom_demands(
    site: HomePage, client: Client, prefix: str
) -> None:
    for number in range(3):
        NewsFactory(title=f"News & more {number}")
    assert NewsIndexPage.objects.exists()

    answer = client.get(f"{prefix}/news/feed/")
    root = etree.fromstring(answer.content)

    assert answer["Content-Type"].startswith("application/atom+xml")
    assert root.tag == f"{ATOM}feed"
    for name in ("id", "title", "updated"):
        assert len(root.findall(f"{ATOM}{name}")) == 1, name
    assert f"{SITE}{prefix}/news/feed/" in [
        link.get("href") for link in root.findall(f"{ATOM}link") if link.get("rel") == "self"
    ]
    entries = root.findall(f"{ATOM}entry")
    assert len(entries) == 3
    assert len({entry.findtext(f"{ATOM}id") for entry in entries}) == 3
    for entry in entries:
        for name in ("id", "title", "updated"):
            assert entry.findtext(f"{ATOM}{name}")
        datetime.datetime.fromisoformat(entry.findtext(f"{ATOM}updated"))
        assert entry.find(f"{ATOM}author") is not None or root.find(f"{ATOM}author") is not None
        assert entry.find(f"{ATOM}link").get("href").startswith(f"{SITE}{prefix}/news/")


def test_pages_say_which_address_is_theirs(site: HomePage, client: Client) -> None:
    page = NewsFactory()
    html = client.get(f"{page.url}?page=2&utm_source=mail").content.decode()
    assert f'<link rel="canonical" href="{SITE}{page.url}">' in html
    assert Page.objects.filter(pk=page.pk).exists()
