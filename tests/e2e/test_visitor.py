"""A visitor reads: what the foundation is, where its money is, who is in it, and how to join."""

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.people import PHONE, People, amount, figures, follow, heading, words

pytestmark = pytest.mark.browser

# One of each kind of page that a visitor meets.
PAGES = (
    "/",
    "/about/",
    "/contribute/",
    "/news/",
    "/pools/",
    "/pools/core-software/",
    "/pools/core-software/entries/",
    "/give/core-software/",
    "/pledge/core-software/",
    "/ledger/",
    "/ledger/entries/1/",
    "/members/",
    "/join/",
    "/evangelists/",
    "/communities/",
    "/communities/openlmis/",
    "/implementations/",
    "/implementations/mw/",
    "/accounts/login/",
    "/accounts/signup/",
    "/fr/",
    "/fr/pools/core-software/",
    "/no-such-page/",
)


def links(page: Any, part: str) -> list[str]:
    """Where the links of a part of the page lead, each once."""
    found = [link.get_attribute("href") for link in page.locator(f"{part} a[href]").all()]
    return list(dict.fromkeys(found))


def section(page: Any, name: str) -> Any:
    return page.get_by_role("region", name=name, exact=True)


def test_the_home_page_says_what_the_foundation_is_and_leads_on_from_every_section(
    people: People,
) -> None:
    page = people.visitor()
    leads_to = {
        "What the foundation is": ("Read more about the foundation", "About the foundation"),
        "Pools": ("Core software", "Core software"),
        "News": ("All news", "News"),
        "Implementations by country": ("Malawi", "Malawi"),
        "Evangelists": ("Find one near you", "Evangelists"),
        "Communities": ("OpenLMIS", "OpenLMIS"),
        "How to join": ("Apply for membership", "Join the foundation"),
    }

    for name, (link, title) in leads_to.items():
        page.goto("/")
        follow(section(page, name).get_by_role("link", name=link, exact=True))
        assert heading(page) == title


def test_every_place_of_the_menu_opens(people: People) -> None:
    page = people.visitor()
    page.goto("/")

    for name in (link.inner_text() for link in page.locator("header nav a").all()):
        follow(page.locator("header nav").get_by_role("link", name=name, exact=True))
        assert heading(page)
        assert page.title().startswith(heading(page))


def test_the_numbers_of_the_home_page_are_those_of_the_lists(people: People) -> None:
    page = people.visitor()
    page.goto("/")
    told = {}
    for stat in page.locator(".hero .stat").all():
        number, what, *_rest = stat.inner_text().split()
        told[what.strip(",")] = int(number)

    counted = {}
    page.goto("/members/")
    counted["members"] = page.locator("main table.stack tbody tr").count()
    page.goto("/implementations/")
    counted["countries"] = page.locator("tbody tr").count()
    page.goto("/evangelists/")
    counted["evangelists"] = page.locator("article.person").count()
    page.goto("/communities/")
    counted["communities"] = len([a for a in links(page, "main") if "/communities/" in a])

    assert told == counted


def test_the_money_of_the_home_page_is_the_sum_of_the_pools(people: People) -> None:
    page = people.visitor()
    page.goto("/")
    money = section(page, "Money, to the cent")
    received, _paid_out, available = (
        amount(stat.inner_text()) for stat in money.locator(".stat b").all()
    )
    pools = [address for address in links(page, ".card h3") if address.startswith("/pools/")]
    assert len(pools) == 4

    lines = []
    for pool in pools:
        page.goto(pool)
        lines.append(figures(page))

    assert sum(line["Received"] for line in lines) == received
    assert sum(line["Available"] for line in lines) == available
    for line in lines:
        *parts, last = line.values()
        assert sum(parts, Decimal(0)) == last


def test_every_fact_page_names_its_source(people: People) -> None:
    page = people.visitor()

    for index in ("/communities/", "/implementations/"):
        page.goto(index)
        facts = [address for address in links(page, "main") if address.startswith(index)]
        assert len(facts) >= 12
        for address in facts:
            page.goto(address)
            for source in page.locator(".source").all():
                assert source.inner_text().startswith("Source: ")
            systems = page.locator("main h2[id^=system-]").count()
            assert page.locator(".source").count() >= max(1, systems), address


def test_a_reader_of_french_stays_in_french(people: People) -> None:
    page = people.visitor()
    page.goto("/")

    follow(page.get_by_role("link", name="Français").first)
    assert page.locator("html").get_attribute("lang") == "fr"
    assert "Ce qu’est la fondation" in words(page)
    follow(page.locator("header nav").get_by_role("link", name="Fonds", exact=True))
    follow(page.locator("main h3 a").first)

    assert page.locator("html").get_attribute("lang") == "fr"
    assert page.url.startswith(f"{people.demo.url}/fr/pools/")
    follow(page.get_by_role("link", name="English").first)
    assert page.locator("html").get_attribute("lang") == "en"
    assert "Where the money is" in words(page)


def test_nothing_scrolls_sideways_on_a_phone_and_no_page_has_a_script(people: People) -> None:
    page = people.visitor(width=PHONE, scripts=True)
    loaded: list[str] = []
    page.on("request", lambda asked: loaded.append(asked.resource_type))

    too_wide = []
    for address in PAGES:
        page.goto(address)
        # JSON-LD is a block of data, which no browser runs.
        assert page.locator('script:not([type="application/ld+json"])').count() == 0, address
        root = "document.documentElement"
        if page.evaluate(f"{root}.scrollWidth > {root}.clientWidth"):
            too_wide.append(address)

    assert too_wide == []
    assert "script" not in loaded
    assert set(loaded) <= {"document", "stylesheet", "image", "other"}


def test_an_unknown_address_gets_the_sites_own_page(people: People) -> None:
    page = people.visitor()

    answer = page.goto("/no-such-page/")

    assert answer.status == 404
    assert page.locator("header nav").get_by_role("link", name="Pools", exact=True).is_visible()
