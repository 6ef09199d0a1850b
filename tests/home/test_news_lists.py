"""The parts of the list of news, their feeds, and the pages of what news are about."""

from xml.etree import ElementTree

import pytest
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wagtail.models import Locale

from core.transactions import use_case
from home.models import (
    CommunityPage,
    EvangelistPage,
    HomePage,
    NewsAuthor,
    NewsPage,
    PoolIndexPage,
    PoolPage,
    Topic,
)
from membership import terms
from membership.models import Organisation
from portal import groups
from portal.site_tree import plant
from tests.factories.home import (
    CommunityFactory,
    CountryFactory,
    EvangelistFactory,
    NewsFactory,
    PersonFactory,
    make_staff,
    make_topic,
)
from tests.factories.membership import foundation, make_officer, make_organisation, open_term
from tests.factories.pools import open_pool

ATOM = "{http://www.w3.org/2005/Atom}"


def text_of(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200, address
    return answer.content.decode()


def entries(client: Client, address: str) -> list[str | None]:
    root = ElementTree.fromstring(client.get(address).content)
    return [entry.findtext(f"{ATOM}title") for entry in root.iter(f"{ATOM}entry")]


def make_member(name: str) -> Organisation:
    """A member of today: its term is waived."""
    foundation()
    today = timezone.localdate()
    term = open_term(make_organisation(public_name=name), starts_on=today)
    with use_case():
        terms.waive(term, on=today, by=make_officer(), reason="For the test")
    return term.organisation


def translate(page: NewsPage, code: str, title: str) -> NewsPage:
    copy = NewsPage.objects.get(
        translation_key=page.translation_key, locale=Locale.objects.get(language_code=code)
    )
    copy.alias_of = None
    copy.title = title
    copy.save()
    copy.save_revision().publish()
    return copy


# --- Years, topics, languages ---------------------------------------------------------------------


def test_a_year_has_its_address_and_an_empty_one_none(site: HomePage, client: Client) -> None:
    NewsFactory(title="Of this year", date="2026-03-01")
    NewsFactory(title="Of last year", date="2025-12-31")
    NewsFactory(title="Draft", date="2024-01-01", live=False)

    page = text_of(client, "/news/2025/")

    assert "<h1>News of 2025</h1>" in page
    assert "Of last year" in page
    assert "Of this year" not in page
    assert 'href="/news/2026/"' in page
    assert 'href="/news/2024/"' not in page
    assert client.get("/news/2024/").status_code == 404
    assert client.get("/news/0000/").status_code == 404
    # The switch of languages keeps the year.
    assert 'hreflang="fr" href="http://testserver/fr/news/2025/"' in page
    assert "Of last year" in text_of(client, "/fr/news/2025/")


def test_a_topic_has_its_list_and_its_feed_in_each_language(site: HomePage, client: Client) -> None:
    topic = make_topic("Releases", fr="Versions")
    NewsFactory(title="A release", topics=[topic])
    NewsFactory(title="Something else")

    english, french = text_of(client, "/news/topic/releases/"), "/fr/news/topic/releases/"

    assert "A release" in english
    assert "Something else" not in english
    assert 'type="application/atom+xml" title="Releases"' in english
    assert "<h1>Versions</h1>" in text_of(client, french)
    assert "A release" in text_of(client, french)
    assert '<h1 lang="en">Releases</h1>' in text_of(client, "/pt/news/topic/releases/")
    assert entries(client, "/news/topic/releases/feed/") == ["A release"]
    assert entries(client, f"{french}feed/") == ["A release"]
    assert 'href="/fr/news/topic/releases/"' in text_of(client, "/fr/news/")
    assert client.get("/news/topic/nothing/").status_code == 404
    assert client.get("/news/topic/nothing/feed/").status_code == 404


def test_a_topic_without_news_says_so(site: HomePage, client: Client) -> None:
    make_topic("Training")
    page = text_of(client, "/news/topic/training/")
    assert "No news yet" in page
    assert entries(client, "/news/topic/training/feed/") == []
    assert "topic/training" not in text_of(client, "/news/")


def test_a_topic_keeps_its_address_when_it_is_renamed(site: HomePage, client: Client) -> None:
    topic = make_topic("Releases")
    topic.name = "New versions"
    topic.save()
    assert "<h1>New versions</h1>" in text_of(client, "/news/topic/releases/")
    # And nobody else gets it.
    assert make_topic("Releases").slug == "releases-2"


def test_the_database_keeps_topics_apart(site: HomePage) -> None:
    topic = make_topic("Releases")
    for values in ({"name": "Releases", "slug": "other"}, {"name": "Other", "slug": "releases"}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Topic.objects.create(locale=topic.locale, **values)


def test_a_language_lists_what_was_written_in_it_or_translated(
    site: HomePage, client: Client
) -> None:
    translate(NewsFactory(title="A release"), "fr", "Une version")
    NewsFactory(title="Only in English")

    french = text_of(client, "/news/language/fr/")

    assert "Une version" in french
    assert "Only in English" not in french
    assert 'href="/fr/news/' in french
    assert "No news yet" in text_of(client, "/news/language/pt/")
    assert entries(client, "/news/language/fr/feed/") == ["Une version"]
    assert client.get("/news/language/xx/").status_code == 404


def test_news_take_no_address_of_the_list(site: HomePage) -> None:
    page = NewsFactory(slug="in-2026")
    for slug in ("2026", "feed"):
        page.slug = slug
        with pytest.raises(Exception, match="keeps this address"):
            page.full_clean()


# --- What news are about --------------------------------------------------------------------------


def test_news_stand_on_the_pages_of_what_they_are_about(site: HomePage, client: Client) -> None:
    community = CommunityFactory(title="OpenThing", slug="openthing")
    country = CountryFactory(title="Malawi", country="MW", slug="mw")
    pool = open_pool("vaccines").pool
    with use_case():
        index = PoolIndexPage.objects.get(locale__language_code="en")
        plant(index, PoolPage(pool=pool, slug="vaccines"), {"en": {"title": "Vaccines"}})
    news = NewsFactory(title="Told", countries=["MW", "KE"], communities=[community], pools=[pool])
    NewsFactory(title="Not about it")

    for address, list_address in (
        (community.url, "/news/community/openthing/"),
        (country.url, "/news/country/mw/"),
        ("/pools/vaccines/", "/news/pool/vaccines/"),
    ):
        page = text_of(client, address)
        assert "Told" in page, address
        assert "Not about it" not in page
        assert f'href="{list_address}feed/"' in page
        assert "Told" in text_of(client, list_address)
        assert entries(client, f"{list_address}feed/") == ["Told"]
        # An untranslated copy stands on the copy's page.
        assert "Told" in text_of(client, f"/fr{address}")
        assert entries(client, f"/fr{list_address}feed/") == ["Told"]
    page = text_of(client, news.url)
    for href in (community.url, country.url, "/pools/vaccines/", "/news/country/ke/"):
        assert f'href="{href}"' in page
    assert f'href="/fr{community.url}"' in text_of(client, f"/fr{news.url}")


def test_unknown_subjects_are_not_found(site: HomePage, client: Client) -> None:
    CommunityFactory(title="Hidden", slug="hidden", live=False)
    open_pool("without-page")
    for path in (
        "country/xx/",
        "country/MW/",
        "pool/without-page/",
        "community/hidden/",
        "person/x/",
    ):
        assert client.get(f"/news/{path}").status_code == 404, path


# --- Authors --------------------------------------------------------------------------------------


def test_authors_are_named_in_order_with_a_link_where_they_have_a_public_page(
    site: HomePage, client: Client
) -> None:
    staff = make_staff(groups.EDITORS, first_name="Sofia", last_name="Almeida")
    evangelist = EvangelistFactory(title="Ada Example")
    member = make_member("Health Works")
    news = NewsFactory(
        authors="A guest",
        people=[
            NewsAuthor(evangelist=evangelist, sort_order=0),
            NewsAuthor(user=staff, sort_order=1),
            NewsAuthor(organisation=member, sort_order=2),
        ],
    )

    page = text_of(client, news.url)

    line = page[page.index("<article>") : page.index("<h1")]
    names = ["Ada Example", "Sofia Almeida", "Health Works", "A guest"]
    assert sorted(names, key=line.index) == names
    assert f'href="{evangelist.url}" rel="author"' in line
    assert f'href="/members/{member.slug}/" rel="author"' in line
    assert staff.email not in page
    assert f'href="/fr{evangelist.url}"' in text_of(client, f"/fr{news.url}")
    root = ElementTree.fromstring(client.get("/news/feed/").content)
    assert root.findtext(f"{ATOM}entry/{ATOM}author/{ATOM}name") == ", ".join(names)


def test_an_author_whose_page_is_gone_keeps_the_name_and_loses_the_link(
    site: HomePage, client: Client
) -> None:
    evangelist = EvangelistFactory(title="Ada Example")
    news = NewsFactory(people=[NewsAuthor(evangelist=evangelist)])
    EvangelistPage.objects.get(pk=evangelist.pk).unpublish()

    page = text_of(client, news.url)

    assert "Ada Example" in page
    assert 'rel="author"' not in page


def test_an_author_is_one_of_three(site: HomePage) -> None:
    news = NewsFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        NewsAuthor.objects.create(page=news)
    with pytest.raises(IntegrityError), transaction.atomic():
        NewsAuthor.objects.create(
            page=news, user=PersonFactory(), evangelist=EvangelistFactory(title="Ada")
        )


# --- Queries --------------------------------------------------------------------------------------


def test_lists_and_pages_take_the_same_few_queries_for_one_and_for_many(
    site: HomePage, client: Client
) -> None:
    topics = [make_topic(f"Topic {number}", fr=f"Sujet {number}") for number in range(4)]
    community = CommunityFactory(title="OpenThing", slug="openthing")
    country = CountryFactory(title="Malawi", country="MW", slug="mw")
    evangelists = [EvangelistFactory(title=f"Person {number}") for number in range(3)]
    members = [make_member(f"Member {number}") for number in range(3)]

    def write(number: int, many: int) -> NewsPage:
        people = [NewsAuthor(evangelist=each) for each in evangelists[:many]]
        people += [NewsAuthor(organisation=each) for each in members[:many]]
        page: NewsPage = NewsFactory(
            title=f"Story {number}",
            slug=f"story-{number}",
            date=f"{2020 + number}-05-01",
            topics=topics[:many],
            countries=["MW", "KE", "ZM"][:many],
            communities=[community],
            people=people,
        )
        return page

    write(0, 1)
    addresses = [
        "/about/",
        "/news/",
        "/news/2020/",
        "/news/topic/topic-0/",
        "/news/topic/topic-0/feed/",
        "/news/country/mw/",
        "/news/community/openthing/",
        "/news/feed/",
        "/news/language/en/",
        "/news/story-0/",
        community.url,
        country.url,
    ]

    def queries() -> dict[str, int]:
        counted = {}
        for address in [*addresses, *(f"/fr{each}" for each in addresses)]:
            client.get(address)
            with CaptureQueriesContext(connection) as context:
                assert client.get(address).status_code == 200, address
            asked = [query["sql"] for query in context.captured_queries]
            mine = [sql for sql in asked if "core_cache" not in sql]
            assert len(set(mine)) == len(mine), address
            counted[address] = len(asked)
        return counted

    one = queries()
    for number in (1, 2, 3):
        write(number, 3)
    addresses[addresses.index("/news/story-0/")] = "/news/story-3/"

    many = queries()

    one = {address.replace("story-0", "story-3"): count for address, count in one.items()}
    assert many == one
    # Beside what Wagtail asks of any page to find it.
    for address, count in many.items():
        plain = many["/fr/about/" if address.startswith("/fr/") else "/about/"]
        assert count - plain <= 8, address


def test_an_untranslated_community_page_finds_its_news(site: HomePage, client: Client) -> None:
    community = CommunityFactory(title="OpenThing", slug="openthing")
    french = CommunityPage.objects.get(
        translation_key=community.translation_key, locale__language_code="fr"
    )
    # Chosen from the French list by whoever translated the news.
    page = translate(NewsFactory(title="A release"), "fr", "Une version")
    page.communities = [french]
    page.save_revision().publish()
    assert "Une version" in text_of(client, french.url)
    assert "Une version" in text_of(client, "/fr/news/community/openthing/")
