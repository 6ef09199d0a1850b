"""What the demo's search finds."""

import pytest
from django.core.management import call_command
from django.test import Client
from wagtail.contrib.search_promotions.models import SearchPromotion

from core.transactions import use_case
from home.models import HomePage, SearchEntry, SearchWord
from portal import demo_search

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_demo")]


@pytest.mark.parametrize(
    ("address", "leads_to"),
    [
        ("/search/?q=give", "/pools/"),
        ("/fr/search/?q=Donner", "/fr/pools/"),
        ("/pt/search/?q=contribuir", "/pt/contribute/"),
    ],
)
def test_editors_lead_on_from_common_words(client: Client, address: str, leads_to: str) -> None:
    answer = client.get(address)
    assert [pick.href for pick in answer.context["picks"]] == [leads_to]


@pytest.mark.parametrize("address", ["/search/?q=vacine", "/fr/search/?q=medicamant"])
def test_a_slip_of_the_pen_leads_on(client: Client, address: str) -> None:
    better = client.get(address).context["found"].better
    assert better is not None
    assert client.get(better.href).context["found"].total > 0


def test_every_result_of_the_demo_opens(client: Client) -> None:
    for prefix in ("", "/fr", "/pt"):
        for page in (1, 2, 3, 4):
            found = client.get(f"{prefix}/search/?q=openlmis&page={page}").context["found"]
            for result in found.results:
                assert client.get(result.href).status_code == 200, result.href


def test_rebuilding_the_demos_search_again_changes_nothing() -> None:
    def standing() -> set[tuple[int, str, int]]:
        rows = SearchEntry.objects.values_list("pk", "title")
        words = SearchWord.objects.count()
        return {(pk, title, words) for pk, title in rows}

    before = standing()
    assert SearchWord.objects.count() > 500
    call_command("rebuild_search", verbosity=0)
    assert standing() == before


def test_picks_are_chosen_once() -> None:
    home = HomePage.objects.get(locale__language_code="en")
    with use_case():
        demo_search.load(home)
    assert SearchPromotion.objects.count() == len(demo_search.GIVE) + len(demo_search.CONTRIBUTE)
