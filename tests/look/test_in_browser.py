"""The gallery in a real browser: nothing overflows, the menu opens without a mouse or a script."""

from collections.abc import Iterator
from typing import Any

import pytest
from django.conf import settings
from django.test import Client

from tests.look import stylesheet

pytestmark = pytest.mark.browser
ADDRESS = "http://portal.test/demo/components/"


@pytest.fixture
def gallery(client: Client) -> str:
    return client.get("/demo/components/").content.decode()


@pytest.fixture(params=["light", "dark"])
def scheme(request: pytest.FixtureRequest) -> str:
    return str(request.param)


def opened(chromium: Any, gallery: str, width: int, scheme: str = "light") -> Any:
    page = chromium.new_page(
        viewport={"width": width, "height": 740}, color_scheme=scheme, java_script_enabled=True
    )
    page.route("**/*.css", lambda route: route.fulfill(body=css, content_type="text/css"))
    page.route("**/*.svg", lambda route: route.fulfill(status=404))
    css = stylesheet.PATH.read_text()
    page.route(ADDRESS, lambda route: route.fulfill(body=gallery, content_type="text/html"))
    page.goto(ADDRESS)
    return page


@pytest.fixture
def page(chromium: Any, gallery: str, request: pytest.FixtureRequest, scheme: str) -> Iterator[Any]:
    page = opened(chromium, gallery, request.param, scheme)
    yield page
    page.close()


@pytest.mark.parametrize("page", [320, 360, 768, 1280], indirect=True)
def test_nothing_is_wider_than_the_screen(page: Any, scheme: str) -> None:
    root = "document.documentElement"

    assert page.evaluate(f"{root}.scrollWidth") <= page.evaluate(f"{root}.clientWidth")


@pytest.mark.parametrize("page", [360, 1280], indirect=True)
def test_the_gallery_is_photographed(page: Any, scheme: str) -> None:
    folder = settings.VAR_DIR / "photographs"
    folder.mkdir(parents=True, exist_ok=True)
    width = page.viewport_size["width"]
    target = folder / f"components-{width}-{scheme}.png"

    page.screenshot(path=str(target), full_page=True)

    assert target.stat().st_size > 20_000


def test_on_a_phone_the_head_is_one_line_and_the_menu_opens_by_keyboard(
    chromium: Any, gallery: str
) -> None:
    page = opened(chromium, gallery, 360)
    menu_is_open = "document.querySelector('#menu').matches(':popover-open')"
    focus = "document.activeElement.textContent.trim()"

    assert page.evaluate("document.querySelector('.top').getBoundingClientRect().height") <= 72
    assert not page.is_visible("#menu")

    page.keyboard.press("Tab")
    assert page.evaluate(focus) == "Skip to the content"
    while page.evaluate(focus) != "Menu":
        page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    assert page.evaluate(menu_is_open)
    page.keyboard.press("Tab")
    assert page.evaluate(focus) == "Close"
    page.keyboard.press("Tab")
    assert page.evaluate(focus) == "Members"
    page.keyboard.press("Escape")
    assert not page.evaluate(menu_is_open)
    assert page.evaluate(focus) == "Menu"
    page.close()


def test_on_a_wide_screen_the_navigation_stands_open(chromium: Any, gallery: str) -> None:
    page = opened(chromium, gallery, 1280)

    assert page.is_visible("nav a:text-is('Members')")
    assert not page.is_visible("button:text-is('Menu')")
    page.close()


def test_a_target_of_the_keyboard_is_marked(chromium: Any, gallery: str) -> None:
    page = opened(chromium, gallery, 1280)
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")

    assert page.evaluate("getComputedStyle(document.activeElement).outlineStyle") == "solid"
    page.close()


def test_on_paper_there_is_no_navigation_and_black_stands_on_white(
    chromium: Any, gallery: str
) -> None:
    page = opened(chromium, gallery, 1280, "dark")
    try:
        page.emulate_media(media="print", color_scheme="dark")
        for gone in ("header .menu", ".skip", "footer.foot", "main nav"):
            for element in page.locator(gone).all():
                assert not element.is_visible(), gone
        assert page.locator("header .logo").is_visible()
        colours = page.evaluate(
            "[getComputedStyle(document.body).color,"
            " getComputedStyle(document.body).backgroundColor]"
        )
        assert colours == ["rgb(0, 0, 0)", "rgb(255, 255, 255)"]
        after = "a => getComputedStyle(a, '::after').content"
        links = {
            link.get_attribute("href"): link.evaluate(after)
            for link in page.locator("main a[href]").all()
        }
        assert any(href.startswith("https://") for href in links)
        for href, words in links.items():
            assert (href in words) == href.startswith(("http://", "https://")), href
    finally:
        page.close()
