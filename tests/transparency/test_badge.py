"""The badge of a pool: right, small, safe, and usable on anybody's page."""

import datetime
import re
from xml.etree import ElementTree

import pytest

from funding.ledger.models import Pool
from funding.pools.models import PoolProfile
from funding.transparency import badge
from tests.factories.ledger import gift_entry, make_pool, post_now

pytestmark = pytest.mark.django_db
SVG = "{http://www.w3.org/2000/svg}"


def make_public(pool: Pool, **changes):
    values = {
        "purpose": "Things",
        "opens_on": datetime.date(2026, 1, 1),
        "goal": 40_000,
        "live": True,
    }
    return PoolProfile.objects.create(pool=pool, **{**values, **changes})


@pytest.fixture
def pool():
    pool = make_pool("core", name="Core software")
    make_public(pool)
    post_now(gift_entry(pool, 10_000, 320))
    return pool


def texts(answer):
    assert answer.status_code == 200
    return [node.text for node in ElementTree.fromstring(answer.content).iter(f"{SVG}text")]


class TestWhatItSays:
    def test_name_received_and_goal(self, client, pool):
        assert texts(client.get("/pools/core/badge.svg")) == [
            "Core software", "$100.00 received of $400.00", "Every cent public.",
        ]  # fmt: skip

    def test_without_a_goal_it_shows_none_and_no_bar(self, client):
        pool = make_pool("free", currency="UGX")
        make_public(pool, goal=None)
        answer = client.get("/pools/free/badge.svg")
        assert texts(answer)[1] == "UGX\u00a00 received"
        assert answer.content.count(b"<rect") == 1

    @pytest.mark.parametrize(
        ("amount", "filled"), [(0, 0), (10_000, 72), (40_000, 288), (90_000, 288), (-500, 0)]
    )
    def test_the_bar_shows_the_share_and_never_more_than_all(self, amount, filled):
        of = badge.Badge("A", badge.Money(amount, "USD"), badge.Money(40_000, "USD"))
        assert of.filled == filled

    def test_those_who_do_not_see_it_get_all_of_it(self, client, pool):
        root = ElementTree.fromstring(client.get("/pools/core/badge.svg").content)
        said = "Core software: $100.00 received of $400.00. Every cent public."
        assert root.find(f"{SVG}title").text == root.get("aria-label") == said
        assert (root.get("role"), root.get("lang")) == ("img", "en")

    def test_language_and_theme_are_chosen_in_the_address(self, client, pool):
        light = client.get("/pools/core/badge.svg")
        dark = client.get("/pools/core/badge.svg?theme=dark&lang=fr")
        assert ElementTree.fromstring(dark.content).get("lang") == "fr"
        assert badge.THEMES["dark"][0] in dark.content.decode()
        assert badge.THEMES["light"][0] in light.content.decode()
        assert "100,00" in texts(dark)[1]
        for query in ("theme=red", "lang=xx", "lang=", "theme=%3Cscript%3E"):
            assert client.get(f"/pools/core/badge.svg?{query}").status_code == 404


class TestSafety:
    def test_a_name_cannot_leave_its_place(self, client):
        pool = make_pool("bad", name="\"><script>alert(1)</script>&\x07'")
        make_public(pool)
        answer = client.get("/pools/bad/badge.svg")
        root = ElementTree.fromstring(answer.content)
        assert {node.tag for node in root.iter()} == {
            f"{SVG}{tag}" for tag in ("svg", "title", "rect", "text")
        }
        page = client.get("/pools/bad/badge/").content.decode()
        assert "<script>alert" not in page

    def test_it_is_small_and_fetches_nothing(self, client):
        pool = make_pool("long", name="ё<" * 60, currency="UGX")
        make_public(pool, goal=10**15)
        for language in ("en", "fr", "pt"):
            content = client.get(f"/pools/long/badge.svg?lang={language}").content
            assert len(content) <= 4096
            assert not re.search(rb"href|url\(|<style|<script|\son\w+=", content)

    def test_any_page_may_show_it_and_no_script_runs_in_it(self, client, pool):
        answer = client.get("/pools/core/badge.svg")
        assert answer["Content-Type"] == "image/svg+xml; charset=utf-8"
        assert answer["Access-Control-Allow-Origin"] == "*"
        assert answer["Cross-Origin-Resource-Policy"] == "cross-origin"
        assert answer["Content-Security-Policy"] == "default-src 'none'"
        assert "public" in answer["Cache-Control"]
        assert "Set-Cookie" not in answer
        assert not answer.cookies

    def test_what_a_cache_has_already_is_not_sent_again(self, client, pool):
        first = client.get("/pools/core/badge.svg")
        headers = {"If-None-Match": first["ETag"]}
        assert client.get("/pools/core/badge.svg", headers=headers).status_code == 304
        post_now(gift_entry(pool, 5_000, 0))
        assert client.get("/pools/core/badge.svg", headers=headers).status_code == 200

    def test_a_pool_that_is_not_public_has_none(self, client, pool):
        make_pool("bare")
        make_public(make_pool("draft"), live=False)
        for code in ("bare", "draft", "nobody"):
            assert client.get(f"/pools/{code}/badge.svg").status_code == 404
            assert client.get(f"/pools/{code}/badge/").status_code == 404
        assert client.post("/pools/core/badge.svg").status_code == 405


def test_the_page_gives_lines_that_can_be_copied(client, pool):
    page = client.get("/fr/pools/core/badge/")
    assert page.status_code == 200
    (light, first), (dark, second) = page.context["snippets"]
    assert (light, dark) == ("light", "dark")
    assert 'src="http://testserver/fr/pools/core/badge.svg?lang=fr&amp;theme=light"' in first
    assert 'alt="Core software"' in second
    # The text area shows the lines as they are to be pasted.
    assert "&lt;img src=" in page.content.decode()
    assert "&amp;amp;theme=light" in page.content.decode()
