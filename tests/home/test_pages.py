"""Every page type can be made where it belongs, and shows its facts and their source."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.models import Locale, Page, get_page_models
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from core.transactions import use_case
from funding.ledger.models import Pool
from funding.ledger.pools import open_pool as open_ledger_pool
from home.models import (
    CommunityIndexPage,
    CommunityPage,
    EvangelistIndexPage,
    EvangelistPage,
    EventIndexPage,
    EventPage,
    GoalsPage,
    HomePage,
    Implementation,
    ImplementationCountryPage,
    ImplementationIndexPage,
    NewsIndexPage,
    NewsPage,
    PoolIndexPage,
    PoolPage,
    StandardPage,
)
from portal import groups
from portal.site_tree import plant
from tests.factories.home import (
    CommunityFactory,
    CountryFactory,
    EvangelistFactory,
    NewsFactory,
    PersonFactory,
    make_staff,
    sign_in,
)
from tests.factories.ledger import gift_entry, post_now
from tests.factories.pools import open_pool, received_gift

GOAL = {
    "title": "Ministries have a voice",
    "horizon": "long",
    "measure": "Ministries among the members",
    "target": "20",
    "reached": "5",
    "as_of": "2026-11-01",
    "source": "The directory of members",
    "responsible": "Governance committee",
}
BODY = streamfield(
    [
        ("text", rich_text("<h2>Why</h2><p>Because.</p>")),
        ("quote", {"text": "It works.", "who": "A reader", "where": ""}),
        ("call", {"label": "See the pools", "page": "", "address": "/pools/"}),
        ("note", {"text": rich_text("<p>A remark.</p>")}),
    ]
)
CREATABLE: list[tuple[type[Page], type[Page], dict[str, Any], str]] = [
    (HomePage, StandardPage, {"title": "Goals", "body": BODY, "source": "A paper"}, "A paper"),
    (
        StandardPage,
        GoalsPage,
        {"title": "Goals", "body": BODY, "goals": inline_formset([GOAL]), "is_proposal": "on"},
        "5 of 20 on 1 November 2026",
    ),
    (
        NewsIndexPage,
        NewsPage,
        {
            "title": "A release",
            "date": "2026-11-20",
            "body": BODY,
            "authors": "Alice",
            "people": inline_formset([]),
        },
        "20 November 2026",
    ),
    (
        EvangelistIndexPage,
        EvangelistPage,
        {
            "title": "Ada Example",
            "level": "donor",
            "countries": "Malawi\nCôte d'Ivoire\n",
            "languages": "Portuguese\nfrançais",
            "topics": "Pooled funding",
            "bio": "A reader of ledgers.",
        },
        "Côte d&#x27;Ivoire, Malawi",
    ),
    (
        CommunityIndexPage,
        CommunityPage,
        {
            "title": "OpenThing",
            "role": "Keeps things",
            "link_with_openlmis": "Counts them",
            "website": "https://thing.example.org",
            "confidence": "low",
            "source": "https://thing.example.org/about",
            "people": inline_formset(
                [{"name": "Bao", "role": "Keeps both", "agreed": "on", "evangelist": ""}]
            ),
            "body": BODY,
        },
        "https://thing.example.org/about",
    ),
    (
        ImplementationIndexPage,
        ImplementationCountryPage,
        {
            "title": "Kenya",
            "country": "KE",
            "implementations": inline_formset(
                [
                    {
                        "system_name": "Example LMIS",
                        "state": "pilot",
                        "year_deployed": "2020",
                        "coverage": "Two counties",
                        "partners": "One; Two",
                        "source": "A public page of 2020",
                        "confidence": "medium",
                    }
                ]
            ),
            "milestones": inline_formset(
                [
                    {
                        "year": "2021",
                        "month": "3",
                        "what": "Ten stores",
                        "source": "A public page of 2020",
                    }
                ]
            ),
            "body": BODY,
        },
        "A public page of 2020",
    ),
]


@pytest.mark.parametrize(
    ("parent_type", "page_type", "data", "shown"), CREATABLE, ids=lambda value: str(value)[:40]
)
def test_an_editor_creates_each_page_under_its_parent_and_it_shows_what_was_typed(
    site: HomePage,
    client: Client,
    parent_type: type[Page],
    page_type: type[Page],
    data: dict[str, Any],
    shown: str,
) -> None:
    sign_in(client, make_staff(groups.EDITORS, groups.MODERATORS))
    parent = parent_type.objects.filter(locale__language_code="en").order_by("path")[0]
    values = {"slug": "made-here", "summary": "One sentence.", "body": streamfield([]), **data}

    response = client.post(
        reverse("wagtailadmin_pages:add", args=["home", page_type._meta.model_name, parent.pk]),
        nested_form_data({**values, "action-publish": "1", "comments": inline_formset([])}),
    )

    assert response.status_code == 302, response.context["form"].errors
    assert response.url == reverse("wagtailadmin_explore", args=[parent.pk])
    page = page_type.objects.get(slug="made-here", locale__language_code="en")
    answer = client.get(page.url)
    assert answer.status_code == 200
    assert shown in answer.content.decode()
    assert (
        page.title
        in client.get(parent.url if parent_type is not HomePage else page.url).content.decode()
    )


def test_a_pool_page_is_made_in_the_admin_and_takes_the_address_of_its_pool(
    site: HomePage, client: Client
) -> None:
    pool = open_pool("vaccines").pool
    sign_in(client, make_staff(groups.EDITORS, groups.MODERATORS))
    parent = PoolIndexPage.objects.get(locale__language_code="en")

    client.post(
        reverse("wagtailadmin_pages:add", args=["home", "poolpage", parent.pk]),
        nested_form_data(
            {
                "title": "Vaccines",
                "pool": pool.pk,
                "summary": "One sentence.",
                "story": BODY,
                "action-publish": "1",
                "comments": inline_formset([]),
            }
        ),
    )

    assert client.get("/pools/vaccines/").status_code == 200
    assert client.get("/fr/pools/vaccines/").status_code == 200


ALLOWED_PARENTS = {
    HomePage: {Page},
    StandardPage: {HomePage, StandardPage},
    NewsIndexPage: {HomePage},
    NewsPage: {NewsIndexPage},
    EvangelistIndexPage: {HomePage},
    EvangelistPage: {EvangelistIndexPage},
    CommunityIndexPage: {HomePage},
    CommunityPage: {CommunityIndexPage},
    ImplementationIndexPage: {HomePage},
    ImplementationCountryPage: {ImplementationIndexPage},
    PoolIndexPage: {HomePage},
    PoolPage: {PoolIndexPage},
    GoalsPage: {HomePage, StandardPage},
    EventIndexPage: {HomePage},
    EventPage: {EventIndexPage},
}


def test_each_page_type_has_its_one_place_in_the_tree() -> None:
    types = [model for model in get_page_models() if model is not Page]
    assert {model: set(model.allowed_parent_page_models()) for model in types} == ALLOWED_PARENTS


def test_lists_exist_once_under_a_home_page(site: HomePage) -> None:
    assert not NewsIndexPage.can_create_at(site)


def test_no_second_list_but_news_below_a_list(site: HomePage) -> None:
    assert NewsPage.can_create_at(NewsIndexPage.objects.get(locale__language_code="en"))


# --- What is shown --------------------------------------------------------------------------------


def test_the_home_page_shows_news_countries_communities_and_people(
    site: HomePage, client: Client
) -> None:
    NewsFactory(title="A release is out")
    CommunityFactory(title="OpenThing")
    CountryFactory(title="Malawi", country="MW")
    EvangelistFactory(title="Ada Example", is_example=True)

    page = client.get("/").content.decode()

    assert "Medicines reach the clinic" in page
    assert "A release is out" in page
    assert "OpenThing" in page
    assert "country that runs OpenLMIS" in page
    assert "Ada Example" in page
    assert "How to join" in page


def test_the_home_page_shows_the_sums_of_the_ledger(site: HomePage, client: Client) -> None:
    profile = open_pool("vaccines", title="Vaccines", goal=1_000_000)
    index = PoolIndexPage.objects.get(locale__language_code="en")
    with use_case():
        plant(index, PoolPage(pool=profile.pool, slug="vaccines"), {"en": {"title": "Vaccines"}})
    assert "No money has moved yet" in client.get("/").content.decode()

    received_gift(profile, amount=123_45)

    page = client.get("/").content.decode()
    assert "No money has moved yet" not in page
    assert "123.45" in page
    assert "123.45" in client.get("/pools/").content.decode()
    assert "123.45" in client.get("/pools/vaccines/").content.decode()


def test_a_closed_pool_offers_no_gift(site: HomePage, client: Client) -> None:
    profile = open_pool("vaccines")
    index = PoolIndexPage.objects.get(locale__language_code="en")
    with use_case():
        plant(index, PoolPage(pool=profile.pool, slug="vaccines"), {"en": {"title": "Vaccines"}})
    assert "/give/vaccines/" in client.get("/pools/vaccines/").content.decode()

    profile.paused = True
    profile.save()

    page = client.get("/pools/vaccines/").content.decode()
    assert "/give/vaccines/" not in page
    assert "takes no gifts at present" in page


def test_a_pool_of_the_books_alone_has_a_page_with_its_figures(
    site: HomePage, client: Client
) -> None:
    with use_case():
        pool = open_ledger_pool("dues-only", "Dues only", "USD")
        index = PoolIndexPage.objects.get(locale__language_code="en")
        plant(index, PoolPage(pool=pool, slug=pool.code), {"en": {"title": "Dues only"}})
    # As all its addresses: nothing there while nobody approved its terms and nothing moved.
    assert client.get("/pools/dues-only/").status_code == 404
    post_now(gift_entry(pool))

    page = client.get("/pools/dues-only/").content.decode()

    assert "Where the money is" in page
    assert "/give/" not in page


def test_a_country_page_names_source_and_certainty_of_each_system(
    site: HomePage, client: Client
) -> None:
    CountryFactory(
        slug="mw",
        implementations=[
            Implementation(system_name="First", year_deployed=2014, source="Page one"),
            Implementation(system_name="Second", source="Slides two", confidence="low"),
        ],
    )

    page = client.get("/implementations/mw/").content.decode()

    assert "Source: Page one" in page
    assert "Source: Slides two" in page
    assert "Only public code is known" in page
    assert "not known" in page
    assert ">2014<" in page


def test_an_invented_person_is_marked_as_such(site: HomePage, client: Client) -> None:
    page = EvangelistFactory(is_example=True)
    assert "This person is invented" in client.get(page.url).content.decode()


def test_old_news_stand_on_later_pages_and_a_wrong_page_number_is_no_error(
    site: HomePage, client: Client
) -> None:
    for number in range(12):
        NewsFactory(title=f"Story {number:02}", date=f"2026-10-{number + 1:02}")

    first = client.get("/news/").content.decode()

    assert "Story 11" in first
    assert "Story 00" not in first
    assert "Story 00" in client.get("/news/?page=2").content.decode()
    assert client.get("/news/?page=abc").status_code == 200


def test_news_blocks_render_and_a_script_in_a_text_does_not_survive(
    site: HomePage, client: Client
) -> None:
    page = NewsFactory(
        body=[
            ("text", "<p>Read <b>this</b></p>"),
            ("quote", {"text": "<script>alert(1)</script>", "who": "Mallory", "where": ""}),
            ("call", {"label": "Go on", "page": None, "address": "/pools/"}),
            ("note", {"text": "<p>Set apart</p>"}),
        ]
    )

    text = client.get(page.url).content.decode()

    assert "<b>this</b>" in text
    assert "<blockquote>" in text
    assert "<script>" not in text
    assert 'href="/pools/">Go on<' in text
    assert "Set apart" in text


def test_lists_take_the_same_number_of_queries_for_one_and_for_many(
    site: HomePage, client: Client
) -> None:
    paths = ["/", "/news/", "/evangelists/", "/communities/", "/implementations/", "/pools/"]
    paths += [f"/fr{path}" for path in paths]

    def add(number: int) -> None:
        NewsFactory(title=f"Story {number}")
        EvangelistFactory(title=f"Person {number}")
        CommunityFactory(title=f"Community {number}")
        CountryFactory(title=f"Country {number}", country=["MW", "MZ", "TZ", "ZM"][number])
        profile = open_pool(f"pool-{number}")
        index = PoolIndexPage.objects.get(locale__language_code="en")
        with use_case():
            plant(index, PoolPage(pool=profile.pool), {"en": {"title": f"Pool {number}"}})

    def queries() -> dict[str, int]:
        counted = {}
        for path in paths:
            client.get(path)  # warms what Wagtail keeps in the cache
            with CaptureQueriesContext(
                connection,
            ) as context:
                assert client.get(path).status_code == 200
            counted[path] = len(context)
        return counted

    add(0)
    one = queries()
    for number in (1, 2, 3):
        add(number)
    assert queries() == one


# --- One page a pool, a country and a person in each language -------------------------------------


def test_a_second_page_of_the_same_pool_in_a_language_is_refused(site: HomePage) -> None:
    pool: Pool = open_pool("vaccines").pool
    index = PoolIndexPage.objects.get(locale__language_code="en")
    with use_case():
        plant(index, PoolPage(pool=pool), {"en": {"title": "Vaccines"}})

    with pytest.raises(ValidationError, match="has a page in this language already"):
        index.add_child(instance=PoolPage(title="Again", pool=pool, slug="again"))

    # Past the model the database says no as well.
    other = open_pool("other").pool
    with use_case():
        second = plant(index, PoolPage(pool=other), {"en": {"title": "Other"}})
    with pytest.raises(IntegrityError), transaction.atomic():
        PoolPage.objects.filter(pk=second.pk).update(pool=pool)


def test_a_second_page_of_a_country_or_a_person_in_a_language_is_refused(site: HomePage) -> None:
    CountryFactory(country="MW")
    with pytest.raises(ValidationError, match="country has a page"):
        CountryFactory(country="MW")

    person = PersonFactory()
    EvangelistFactory(person=person)
    with pytest.raises(ValidationError, match="has a profile in this language"):
        EvangelistFactory(person=person)


def test_a_page_in_each_language_of_the_same_pool_is_right(site: HomePage) -> None:
    pool = open_pool("vaccines").pool
    index = PoolIndexPage.objects.get(locale__language_code="en")
    with use_case():
        plant(index, PoolPage(pool=pool), {"en": {"title": "Vaccines"}, "fr": {"title": "Vaccins"}})

    languages = PoolPage.objects.filter(pool=pool).values_list("language", flat=True)
    assert (
        sorted(languages)
        == sorted(Locale.objects.values_list("language_code", flat=True))
        == ["en", "fr", "pt"]
    )
