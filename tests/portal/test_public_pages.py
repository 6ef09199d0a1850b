"""What holds for every public page: it answers, it is light, and it brings no script."""

import gzip
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from django.conf import settings
from django.urls import reverse
from django.utils import timezone

from core.transactions import use_case
from funding.ledger.models import Period, Pool
from funding.ledger.periods import close_month
from funding.pools.models import PoolProfile
from home.models import NewsIndexPage, NewsPage, PoolPage
from home.models.pools import pool_cards
from tests import public_pages
from tests.factories.membership import make_officer
from tests.factories.pools import open_pool

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_demo")]

BUDGET = 30 * 1024
# Pages that may weigh more, by name, each with its reason. There are none.
HEAVIER: dict[str, str] = {}


class Reader(HTMLParser):
    """Collects what a page must and must not hold."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.inline: list[str] = []
        self.language = ""
        self.missing_alt: list[str] = []
        self.unsized: list[str] = []

    def handle_starttag(self, tag, attrs):
        values = dict(attrs)
        self.tags.append(tag)
        self.inline += [name for name in values if name == "style" or name.startswith("on")]
        if tag == "html":
            self.language = values.get("lang") or ""
        if tag == "img":
            if "alt" not in values:
                self.missing_alt.append(values.get("src") or "")
            if not (values.get("width") and values.get("height")):
                self.unsized.append(values.get("src") or "")


def read(response) -> Reader:
    reader = Reader()
    reader.feed(response.content.decode())
    return reader


def test_every_public_page_is_light_and_without_script(client):
    css = len(gzip.compress((Path(settings.BASE_DIR) / "static" / "site.css").read_bytes()))
    faults = []
    weights = {}
    for name, address in public_pages.html_addresses():
        response = client.get(address)
        if response.status_code != 200:
            faults.append(f"{name} {address} answers {response.status_code}")
            continue
        weights[name] = css + len(gzip.compress(response.content))
        page = read(response)
        if weights[name] > BUDGET and name not in HEAVIER:
            faults.append(f"{name} weighs {weights[name]} bytes of HTML and CSS, compressed")
        if "script" in page.tags and not only_data(response.content.decode()):
            faults.append(f"{name} brings a script")
        if page.inline:
            faults.append(f"{name} has inline styles or handlers: {page.inline}")
        if page.tags.count("h1") != 1:
            faults.append(f"{name} has {page.tags.count('h1')} first headings")
        if page.tags.count("main") != 1:
            faults.append(f"{name} has {page.tags.count('main')} main parts")
        if page.language != "en":
            faults.append(f"{name} says it is in {page.language!r}")
        if page.missing_alt or page.unsized:
            faults.append(f"{name} has pictures without words or size: {page.missing_alt}")
        policy = response["Content-Security-Policy"]
        if "default-src 'none'" not in policy or "unsafe" in policy or "script-src" in policy:
            faults.append(f"{name} has the policy {policy}")
    assert not faults, "\n".join(faults)
    assert len(weights) > 20


def only_data(html: str) -> bool:
    """Whether every script element holds data (JSON-LD), which no browser runs."""
    return all("application/ld+json" in tag for tag in re.findall(r"<script[^>]*>", html))


@pytest.mark.parametrize("language", ["fr", "pt"])
def test_the_same_pages_answer_in_the_other_languages(client, language):
    faults = []
    for name, address in public_pages.html_addresses():
        response = client.get(f"/{language}{address}")
        if response.status_code != 200:
            faults.append(f"{name} /{language}{address} answers {response.status_code}")
        elif read(response).language != language:
            faults.append(f"{name} /{language}{address} says it is in {read(response).language}")
    assert not faults, "\n".join(faults)


def test_what_is_not_a_page_answers_too(client):
    for name, address in public_pages.addresses():
        if name in public_pages.NOT_HTML:
            assert client.get(address).status_code == 200, name


def test_the_signed_in_area_sends_strangers_to_sign_in(client, db):
    for address in ("/account/", "/account/membership/", "/account/giving/", "/fr/account/"):
        response = client.get(address)
        assert response.status_code == 302
        assert "/accounts/login/" in response["Location"]


def test_an_unknown_address_gets_the_sites_own_page(client):
    response = client.get("/no/such/page/")
    assert response.status_code == 404
    page = response.content.decode()
    assert "OpenLMIS Foundation" in page
    assert "<h1" in page


def test_the_page_of_a_pool_shows_no_terms_and_its_card_goes_with_their_approval(client):
    page = PoolPage.objects.filter(locale__language_code="en").first()
    pool = Pool.objects.get(pk=page.pool_id)
    assert client.get(page.url).context["profile"] is not None
    assert pool in {card.page.pool for card in pool_cards(page.locale)}
    PoolProfile.objects.filter(pk=pool.pk).update(live=False)
    answer = client.get(page.url)
    assert answer.context["profile"] is None
    assert 'id="terms"' not in answer.content.decode()
    cards = {card.page.pool: card.profile for card in pool_cards(page.locale)}
    assert cards.get(pool) is None


def test_pages_of_money_lead_to_statements_badge_and_news(client):
    index = NewsIndexPage.objects.get(locale__language_code="en")
    for title, pools in (("About a pool", Pool.objects.all()[:2]), ("About no pool", [])):
        page = NewsPage(title=title, date=timezone.localdate())
        page.pools = list(pools)
        index.add_child(instance=page)
        page.save_revision().publish()
    with use_case():
        month = Period.objects.earliest("month").month
        close_month(month, by=make_officer(), reason="All is in")
    money = client.get(reverse("money")).content.decode()
    assert money.count("About a pool") == 1
    assert "About no pool" not in money
    statements = reverse("money_statements")
    assert f'href="{statements}"' in money
    assert f'href="{statements}"' in client.get(reverse("open_data")).content.decode()
    page = PoolPage.objects.filter(
        locale__language_code="en", pool__figures__entry__period__month=month
    ).first()
    of_pool = f'href="{reverse("pool_statements", args=[page.pool.code])}"'
    listed = client.get(statements).content.decode()
    assert of_pool in listed
    new = reverse("pool_statements", args=[open_pool("new").pool.code])
    assert new not in client.get(statements).content.decode()  # it has none yet
    text = client.get(page.url).content.decode()
    assert of_pool in text
    assert f'href="{reverse("pool_badge", args=[page.pool.code])}"' in text
    assert "About a pool" not in client.get("/fr" + reverse("money")).content.decode()
