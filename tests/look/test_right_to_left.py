"""Public pages in Arabic (right to left) and English in a real browser: width and barriers.

Arabic is prepared, not offered: here it is switched on, its pages are made as `setup_site` makes
them, and everything is undone after. The pages are read before the browser starts, since Django
refuses every query while it runs.
"""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from django.conf import settings
from django.db import transaction
from django.test import Client, override_settings
from pytest_django import DjangoDbBlocker

from core.transactions import use_case
from portal.site_tree import setup_tree
from tests import axe, public_pages
from tests.look import stylesheet
from tests.look.html import Document

pytestmark = pytest.mark.browser

ORIGIN = "http://testserver"
OFFERED = [*settings.LANGUAGES, ("ar", settings.KNOWN_LANGUAGES["ar"])]
# One of each kind; axe takes a second a page, so it looks at these alone.
LOOKED_AT = {
    "HomePage",
    "StandardPage",
    "NewsIndexPage",
    "NewsPage",
    "PoolPage",
    "EvangelistIndexPage",
    "EvangelistPage",
    "CommunityPage",
    "ImplementationIndexPage",
    "ImplementationCountryPage",
    "members",
    "member",
    "join",
    "money",
    "ledger",
    "give",
    "agreements",
    "agreement_text",
    "agreement_changes",
    "account_login",
    "account_signup",
}


@dataclass(frozen=True, slots=True)
class Read:
    name: str
    address: str
    html: str


@pytest.fixture(scope="module")
def pages(on_demo: None, django_db_blocker: DjangoDbBlocker) -> dict[str, list[Read]]:
    """Every public page by language, read before the browser starts."""
    around = transaction.atomic()
    around._from_testcase = True  # type: ignore[attr-defined]
    found: dict[str, list[Read]] = {"en": [], "ar": []}
    with (
        django_db_blocker.unblock(),
        override_settings(LANGUAGES=OFFERED, WAGTAIL_CONTENT_LANGUAGES=OFFERED),
        around,
    ):
        with use_case():
            setup_tree()
        client = Client()
        for name, address in public_pages.html_addresses():
            for language, prefix in (("en", ""), ("ar", "/ar")):
                answer = client.get(prefix + address)
                assert answer.status_code == 200, prefix + address
                html = answer.content.decode()
                found[language].append(Read(name, prefix + address, html))
        transaction.set_rollback(True)
    return found


@pytest.fixture(scope="module")
def browser(pages: dict[str, list[Read]], chromium: Any) -> Any:
    """Chromium, started after the pages were read."""
    return chromium


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(params=["en", "ar"])
def language(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(browser: Any, width: int, scheme: str, reads: list[Read]) -> Iterator[tuple[Read, Any]]:
    """Each page in turn in one window."""
    css = stylesheet.PATH.read_text()
    page = browser.new_page(viewport={"width": width, "height": 740}, color_scheme=scheme)
    current: list[Read] = []

    def answer(route: Any) -> None:
        url = route.request.url
        if url.endswith(".css"):
            route.fulfill(body=css, content_type="text/css")
        elif route.request.resource_type == "document":
            route.fulfill(body=current[-1].html, content_type="text/html; charset=utf-8")
        else:
            route.fulfill(status=404)

    page.route("**/*", answer)
    for read in reads:
        current.append(read)
        page.goto(ORIGIN + read.address)
        yield read, page
    page.close()


def test_arabic_pages_say_that_they_run_from_right_to_left(pages: dict[str, list[Read]]) -> None:
    for read in pages["ar"]:
        [html] = Document(read.html).all("html")
        assert (html.attributes["lang"], html.attributes["dir"]) == ("ar", "rtl"), read.address
    for read in pages["en"]:
        assert Document(read.html).all("html")[0].attributes["dir"] == "ltr"


def test_an_untranslated_page_keeps_the_direction_of_its_words(
    pages: dict[str, list[Read]],
) -> None:
    [about] = [read for read in pages["ar"] if read.name == "NewsPage"]
    [heading] = Document(about.html).all("h1")

    assert heading.attributes["lang"] == "en"
    assert heading.attributes["dir"] == "ltr"


@pytest.mark.parametrize("width", [360, 1280])
def test_no_page_is_wider_than_the_screen(
    browser: Any, pages: dict[str, list[Read]], language: str, width: int
) -> None:
    root = "document.documentElement"
    wider = [
        f"{read.address}: {overflow} pixels"
        for read, page in opened(browser, width, "light", pages[language])
        if (overflow := page.evaluate(f"{root}.scrollWidth - {root}.clientWidth")) > 0
    ]
    assert not wider, "\n".join(wider)


@pytest.mark.parametrize("width", [360, 1280])
def test_axe_finds_no_barrier(
    browser: Any, pages: dict[str, list[Read]], language: str, scheme: str, width: int
) -> None:
    script = axe.script()
    looked_at = [read for read in pages[language] if read.name in LOOKED_AT]
    assert len(looked_at) == len(LOOKED_AT)
    found = [
        f"{read.address}: {barrier}"
        for read, page in opened(browser, width, scheme, looked_at)
        for barrier in axe.barriers(page, script)
    ]
    assert not found, "\n".join(found)


@pytest.mark.parametrize("width", [360, 1280])
def test_arabic_pages_are_photographed(
    browser: Any, pages: dict[str, list[Read]], scheme: str, width: int
) -> None:
    folder = settings.VAR_DIR / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    names = {"HomePage", "PoolPage", "agreement_changes", "give", "members"}
    shown = [read for read in pages["ar"] if read.name in names]
    for read, page in opened(browser, width, scheme, shown):
        target = folder / f"ar-{read.name}-{width}-{scheme}.png"
        page.screenshot(path=str(target), full_page=True)
        assert target.stat().st_size > 10_000
