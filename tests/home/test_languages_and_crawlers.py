"""Languages in the address, what is said of untranslated pages, sitemap and robots."""

from typing import Any
from xml.etree import ElementTree

import pytest
from django.test import Client
from wagtail.models import Page, Site

from core.transactions import use_case
from home.models import HomePage, NewsPage, StandardPage
from portal.site_tree import plant, setup_tree
from tests.factories.home import NewsFactory

MAP = "{http://www.sitemaps.org/schemas/sitemap/0.9}"


def test_each_language_has_its_home_page_in_its_words(site: HomePage, client: Client) -> None:
    french = client.get("/fr/").content.decode()
    portuguese = client.get("/pt/").content.decode()

    assert '<html lang="fr"' in french
    assert "Les médicaments arrivent" in french
    assert "Adhérer en tant qu’organisation" in french  # the frame, by gettext
    assert '<html lang="pt"' in portuguese
    assert "Os medicamentos chegam" in portuguese


def test_every_page_exists_under_every_language(site: HomePage, client: Client) -> None:
    english = Page.objects.live().filter(locale__language_code="en", depth__gt=1)
    for page in english:
        for prefix in ("/fr", "/pt"):
            assert client.get(prefix + page.url).status_code == 200, prefix + page.url


def test_an_untranslated_page_says_so_and_marks_the_language_of_its_words(
    site: HomePage, client: Client
) -> None:
    page = NewsFactory(title="Only in English")

    french = client.get(f"/fr{page.url}").content.decode()

    assert "Personne n’a encore traduit cette page" in french
    assert '<h1 lang="en">Only in English</h1>' in french
    assert f'<link rel="canonical" href="http://testserver{page.url}">' in french
    assert 'hreflang="fr" href="http://testserver/fr' not in french
    english = client.get(page.url).content.decode()
    assert "Nobody has translated this page yet" not in english
    assert '<h1 lang="en">' not in english


def test_a_translated_page_names_its_other_languages(site: HomePage, client: Client) -> None:
    page = client.get("/about/").content.decode()
    for code, path in (("en", "/about/"), ("fr", "/fr/about/"), ("pt", "/pt/about/")):
        link = f'<link rel="alternate" hreflang="{code}" href="http://testserver{path}">'
        assert link in page


def test_words_of_a_new_language_version_stand_under_its_address(
    site: HomePage, client: Client
) -> None:
    with use_case():
        page = plant(
            site, StandardPage(slug="goals"), {"en": {"title": "Goals"}, "fr": {"title": "Buts"}}
        )
    assert "<h1>Buts</h1>" in client.get("/fr/goals/").content.decode()
    assert '<h1 lang="en">Goals</h1>' in client.get("/pt/goals/").content.decode()
    assert client.get(page.url).status_code == 200


# --- Crawlers -------------------------------------------------------------------------------------


def sitemap(client: Client) -> set[str]:
    answer = client.get("/sitemap.xml")
    assert answer.status_code == 200
    root = ElementTree.fromstring(answer.content)
    return {str(where.text) for where in root.iter(f"{MAP}loc")}


def test_the_sitemap_names_what_is_published_in_every_language(
    site: HomePage, client: Client
) -> None:
    page = NewsFactory(slug="out")
    NewsFactory(slug="draft", live=False)

    found = sitemap(client)

    assert "http://testserver/" in found
    assert "http://testserver/fr/" in found
    assert "http://testserver/pt/about/" in found
    assert page.full_url in found
    assert "http://testserver/members/" in found
    assert "http://testserver/news/draft/" not in found


def test_an_untranslated_copy_is_not_in_the_sitemap(site: HomePage, client: Client) -> None:
    NewsFactory(slug="out")
    assert "http://testserver/fr/news/out/" not in sitemap(client)


def test_robots_may_read_what_is_public_and_find_the_sitemap(client: Client) -> None:
    answer = client.get("/robots.txt")
    lines = answer.content.decode().splitlines()

    assert answer["Content-Type"].startswith("text/plain")
    assert "Sitemap: http://testserver/sitemap.xml" in lines
    assert "Disallow: /" not in lines
    assert {"Disallow: /admin/", "Disallow: /account/", "Disallow: /fr/account/"} <= set(lines)


def test_robots_leave_a_demo_alone(client: Client, settings: object) -> None:
    settings.PORTAL_MODE = "demo"  # type: ignore[attr-defined]
    assert "Disallow: /" in client.get("/robots.txt").content.decode().splitlines()


def test_a_language_that_is_offered_no_more_is_found_nowhere(
    site: HomePage, client: Client, settings: Any
) -> None:
    settings.LANGUAGES = settings.WAGTAIL_CONTENT_LANGUAGES = settings.LANGUAGES[:2]

    front = client.get("/about/").content.decode()
    assert client.get("/pt/about/").status_code == 404
    assert "/pt/" not in front
    assert "/fr/about/" in front
    assert not [address for address in sitemap(client) if "/pt/" in address]


# --- The first pages ------------------------------------------------------------------------------


def test_setting_up_again_leaves_the_tree_as_staff_made_it(site: HomePage) -> None:
    home = HomePage.objects.get(pk=site.pk)
    home.headline = "Another headline"
    home.save_revision().publish()
    StandardPage.objects.get(slug="contribute", locale=site.locale).delete()
    before = Page.objects.count()

    with use_case():
        setup_tree()

    assert HomePage.objects.get(pk=site.pk).headline == "Another headline"
    assert not StandardPage.objects.filter(slug="contribute", locale=site.locale).exists()
    assert Page.objects.count() in (before, before)
    assert NewsPage.objects.count() == 0


@pytest.mark.parametrize(
    ("address", "hostname", "port"),
    [
        ("https://foundation.example.org", "foundation.example.org", 443),
        ("http://127.0.0.1:8123", "127.0.0.1", 8123),
        ("http://portal.example.org", "portal.example.org", 80),
    ],
)
def test_the_record_of_the_site_follows_the_setting(
    site: HomePage, settings: object, address: str, hostname: str, port: int
) -> None:
    settings.SITE_URL = address  # type: ignore[attr-defined]

    with use_case():
        setup_tree()

    record = Site.objects.get()
    assert (record.hostname, record.port, record.root_page_id) == (hostname, port, site.pk)
    assert record.root_url == address
