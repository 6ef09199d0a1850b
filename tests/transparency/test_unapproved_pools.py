"""A pool whose terms nobody has approved yet stands in no public list; its money would."""

import pytest
from django.core.management import call_command
from django.urls import reverse

from funding.ledger.models import Pool
from funding.pools.models import PoolProfile
from funding.transparency import public_pools
from home.models import PoolPage
from home.models.pools import pool_cards
from tests.factories.ledger import gift_entry, post_now
from tests.factories.pools import open_pool

pytestmark = pytest.mark.django_db


@pytest.fixture
def draft():
    profile = open_pool("unapproved", title="Unapproved pool")
    PoolProfile.objects.filter(pk=profile.pk).update(live=False)
    return profile.pool


def test_it_is_in_no_list_and_not_in_the_api(client, draft):
    assert "unapproved" not in client.get(reverse("ledger")).content.decode()
    assert "unapproved" not in client.get(reverse("api:pools")).content.decode()
    assert client.get(reverse("api:pool_figures", args=["unapproved"])).status_code == 404


def test_with_money_it_is_listed_so_that_the_sums_are_right_but_without_its_terms(client, draft):
    post_now(gift_entry(draft, 1_000, 0))
    assert "unapproved" in client.get(reverse("ledger")).content.decode()
    ((pool, terms, figures),) = public_pools.public_pools()
    assert (pool, terms, figures["received"]) == (draft, None, 1_000)


def test_its_page_shows_no_terms_and_its_card_goes_with_its_approval(client):
    call_command("load_demo", verbosity=0)
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
