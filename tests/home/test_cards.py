"""What other sites show beside a link: one card a public page, of any title, and of nothing else."""

import io
import os
import re
from pathlib import Path

import pytest
from django.conf import LazySettings
from django.test import Client
from PIL import Image
from wagtail.models import PageViewRestriction

from core.jobs.testing import run_pending_jobs
from home import cards
from home.jobs import forget_cards
from home.models import HomePage, NewsPage
from tests.factories.home import CommunityFactory, NewsFactory


@pytest.fixture(autouse=True)
def _own_folder(settings: LazySettings, tmp_path: Path) -> None:
    settings.VAR_DIR = tmp_path


def card_on(client: Client, address: str) -> str:
    """The path of the card that a page names."""
    page = client.get(address).content.decode()
    found = re.findall(r'<meta property="og:image" content="http://testserver([^"]+)">', page)
    assert len(found) == 1, address
    return str(found[0])


def test_every_kind_of_page_names_a_card_that_anyone_may_keep(
    site: HomePage, client: Client
) -> None:
    CommunityFactory(slug="openthing")
    NewsFactory(slug="told")
    addresses = ["/", "/news/", "/news/told/", "/communities/openthing/", "/about/", "/members/"]
    for address in [*addresses, *(f"/fr{each}" for each in addresses)]:
        answer = client.get(card_on(client, address))
        assert answer.status_code == 200, address
        assert answer["Content-Type"] == "image/png"
        assert answer["Cache-Control"] == "public, max-age=31536000, immutable"
        with Image.open(io.BytesIO(answer.content)) as picture:
            assert (picture.format, picture.size) == ("PNG", (1200, 630))
        assert len(answer.content) < 100_000


@pytest.mark.parametrize(
    ("title", "language"),
    [
        ("A", "en"),
        ("", "en"),
        ("W" * 255, "en"),
        ("Many short words " * 15, "fr"),
        ("الأدوية تصل إلى العيادة", "ar"),
        ("薬 💊 #strong[no] $x$ \\ \n\t", "en"),
    ],
)
def test_a_title_of_any_length_and_letters_is_drawn(title: str, language: str) -> None:
    drawn = cards.draw(cards.Card(title, "News", language))
    with Image.open(io.BytesIO(drawn)) as picture:
        assert picture.size == (1200, 630)
    assert len(drawn) < 100_000


def test_another_title_is_another_card_and_the_old_address_leads_to_it(
    site: HomePage, client: Client
) -> None:
    page = NewsFactory(title="One", slug="one")
    before = card_on(client, page.url)
    page.title = "Two"
    page.save_revision().publish()

    now = card_on(client, page.url)

    assert now != before
    answer = client.get(before)
    assert answer.status_code == 302
    assert answer["Location"] == now


def test_what_is_not_public_has_no_card(site: HomePage, client: Client) -> None:
    draft, closed, gone = (NewsFactory(slug=slug, live=slug != "a") for slug in "abc")
    PageViewRestriction.objects.create(page=closed, restriction_type=PageViewRestriction.LOGIN)
    path = cards.address_of(gone.pk, cards.card_of(gone))
    assert client.get(path).status_code == 200
    gone.unpublish()
    for page in (draft, closed, NewsPage.objects.get(pk=gone.pk)):
        assert client.get(cards.address_of(page.pk, cards.card_of(page))).status_code == 404
        assert client.get(f"/cards/{page.pk}/0123456789abcdef.png").status_code == 404
    assert client.get("/cards/999999/0123456789abcdef.png").status_code == 404
    assert client.get(f"/cards/{site.get_parent().pk}/0123456789abcdef.png").status_code == 404
    assert client.post(path).status_code == 405


def test_a_card_is_drawn_once_and_forgotten_after_a_season(
    site: HomePage, client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = card_on(client, "/")
    first = client.get(path).content
    drawn: list[object] = []
    monkeypatch.setattr(cards, "draw", drawn.append)
    assert client.get(path).content == first
    assert drawn == []

    kept = next(cards.folder().glob("*.png"))
    forget_cards.enqueue()
    run_pending_jobs()
    assert kept.exists()
    old = kept.stat().st_mtime - cards.SEASON - 1
    os.utime(kept, (old, old))
    forget_cards.enqueue()
    run_pending_jobs()
    assert not kept.exists()


def test_a_card_that_is_asked_for_is_kept(site: HomePage, client: Client) -> None:
    path = card_on(client, "/")
    client.get(path)
    kept = next(cards.folder().glob("*.png"))
    old = kept.stat().st_mtime - cards.SEASON * 0.9
    os.utime(kept, (old, old))
    client.get(path)
    assert kept.stat().st_mtime > old


def test_the_page_says_what_it_is(site: HomePage, client: Client) -> None:
    page = NewsFactory(title="A “release”", summary="It mends <three> things.")
    text = client.get(page.url).content.decode()
    assert '<meta property="og:type" content="article">' in text
    assert '<meta property="og:title" content="A “release”">' in text
    assert 'content="It mends &lt;three&gt; things."' in text
    assert '<meta property="og:type" content="website">' in client.get("/").content.decode()
