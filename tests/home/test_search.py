"""The search: what is found, in which language, and what never is."""

import datetime
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone, translation
from pytest_django import DjangoAssertNumQueries
from wagtail.contrib.search_promotions.models import Query, QueryDailyHits, SearchPromotion
from wagtail.models import PageViewRestriction

from core.transactions import use_case
from home.models import HomePage, NewsIndexPage, NewsPage, SearchEntry, SearchWord
from home.searching import asking, picks, upkeep, words
from home.searching.asking import Asked, Search
from home.searching.folding import Part, accented, cleaned, fold, marked, snippet
from membership import terms
from membership.models import Organisation
from membership.models.organisations import Hideable
from portal import groups
from portal.site_tree import plant
from tests.factories.home import (
    CommunityFactory,
    CountryFactory,
    EvangelistFactory,
    NewsFactory,
    make_staff,
    sign_in,
)
from tests.factories.membership import foundation, make_organisation, open_term

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def _on_site(site: HomePage) -> None:
    """Every test stands on a small site."""


def found(q: str, language: str = "en", **chosen: Any) -> list[str]:
    with translation.override(language):
        search = Search(Asked(q=q, **chosen), language)
    return ["".join(part.text for part in result.title) for result in search.results]


def text(content: str) -> list[tuple[str, str]]:
    return [("text", f"<p>{content}</p>")]


def news(title: str, french: str = "", **values: Any) -> NewsPage:
    """Published news, with words of its own in French where they are given."""
    index = NewsIndexPage.objects.get(locale__language_code="en")
    page = NewsPage(slug=values.pop("slug", "") or fold(title).lower().replace(" ", "-"), **values)
    spoken = {"en": {"title": title}} | ({"fr": {"title": french}} if french else {})
    with use_case():
        return plant(index, page, spoken)


# --- What is found --------------------------------------------------------------------------------


def test_words_of_title_summary_and_body_are_found_in_any_form_and_case() -> None:
    NewsFactory(title="Zebrafish deliveries", summary="Ordered for okapis.", body=text("Quokkas."))

    for typed in ("zebrafish", "ZEBRAFISH delivery", "okapi", "quokka"):
        assert found(typed) == ["Zebrafish deliveries"], typed
    assert found("zebrafish unicorn") == []


def test_words_are_found_with_and_without_their_accents() -> None:
    news("Vaccine cold chain", "Chaîne du froid à l’hôpital zoulou")

    for typed in ("chaine hopital zoulou", "chaîne hôpital zoulou", "CHAÎNES zoulou", "chaînes"):
        assert "Chaîne du froid à l’hôpital zoulou" in found(typed, "fr"), typed


def test_inflections_of_accented_words_and_words_behind_an_apostrophe_are_found() -> None:
    news("Something")
    news("Actions", "«Îles» zoulous : l’hôpital — l'été")
    for typed in ("îles", "ILES", "hopitaux zoulous", "l’hôpital", "“l’hôpital l'été”"):
        assert found(typed, "fr"), typed

    entry = SearchEntry.objects.get(title="Something")
    entry.language, entry.config, entry.text = "pt", "portuguese", "As zabumbinações"
    entry.folded_text, entry.accented = fold(entry.text), accented(entry.text)
    entry.save()
    assert found("zabumbinação", "pt") == found("zabumbinacoes", "pt") == ["Something"]


def test_a_title_counts_more_than_a_text() -> None:
    NewsFactory(title="Something else", body=text("A word about quaggas."))
    NewsFactory(title="Quaggas")
    assert found("quagga") == ["Quaggas", "Something else"]


def test_each_language_finds_its_own_words() -> None:
    news("Zebrafish arrive", "Les poissons-zèbres arrivent")

    assert found("zebrafish") == ["Zebrafish arrive"]
    assert found("poissons-zèbres", "fr") == ["Les poissons-zèbres arrivent"]
    assert found("poissons-zèbres") == []
    assert found("zebrafish", "fr") == []


def test_an_untranslated_page_is_found_once_under_each_language(client: Client) -> None:
    page = news("Zebrafish arrive")

    assert SearchEntry.objects.filter(key=f"page:{page.translation_key}").count() == 1
    assert found("zebrafish") == ["Zebrafish arrive"]
    answer = client.get("/fr/search/?q=zebrafish").content.decode()
    assert f'href="/fr{page.url}"' in answer
    assert '<h3 lang="en">' in answer


def test_every_type_of_page_is_found_by_the_words_of_its_type() -> None:
    CommunityFactory(title="Quokkas United", role="Keeps burrows")
    CountryFactory(title="Malawi", summary="Runs on zebrafish.")
    EvangelistFactory(title="Zora Okapi", bio="Talks about burrows.")

    assert set(found("burrows")) == {"Quokkas United", "Zora Okapi"}
    assert found("LMIS zebrafish") == ["Malawi"]
    assert "Zora Okapi" in found("Malawi")


def a_member(**values: Any) -> Organisation:
    foundation()
    began = timezone.localdate() - datetime.timedelta(days=10)
    term = open_term(make_organisation(**values), began)
    with use_case():
        terms.settle(term, on=began)
    return Organisation.objects.get(pk=term.organisation_id)


def test_a_member_is_found_from_the_day_it_is_one(client: Client) -> None:
    foundation()
    make_organisation(public_name="No member yet zebrafish")
    organisation = a_member(public_name="Quagga Trust", description="It looks after zebrafish.")

    assert found("quagga") == found("zebrafish", "fr") == ["Quagga Trust"]
    answer = client.get("/fr/search/?q=quagga").content.decode()
    assert f'href="/fr/members/{organisation.slug}/"' in answer
    assert found("quagga", country="MW", kind="organisation") == ["Quagga Trust"]


def test_agreements_are_found_in_the_version_in_force() -> None:
    foundation()
    upkeep.rebuild()
    assert "Code of conduct" in found("conduct", kind="agreement")


# --- What never is --------------------------------------------------------------------------------


def test_a_draft_is_not_found_and_its_unpublished_changes_are_not() -> None:
    NewsFactory(title="Secret zebrafish", live=False)
    page = NewsFactory(title="Public quokka")
    page.title = "Secret zebrafish again"
    page.save_revision()
    upkeep.rebuild()

    assert found("zebrafish") == []
    assert found("quokka") == ["Public quokka"]


def test_what_is_published_or_withdrawn_is_found_or_gone_at_once() -> None:
    page = NewsFactory(title="Zebrafish", live=False)
    page.save_revision().publish()
    assert found("zebrafish", "fr") == ["Zebrafish"]

    page = NewsPage.objects.get(pk=page.pk)
    page.unpublish()
    assert found("zebrafish") == found("zebrafish", "fr") == []

    page.save_revision().publish()
    assert found("zebrafish") == ["Zebrafish"]
    NewsPage.objects.get(pk=page.pk).delete()
    assert not SearchEntry.objects.filter(title="Zebrafish").exists()


def test_a_restricted_page_and_what_is_below_is_not_found() -> None:
    page = NewsFactory(title="Zebrafish")
    index = NewsIndexPage.objects.get(locale__language_code="en")
    closed = PageViewRestriction.objects.create(
        page=index, restriction_type=PageViewRestriction.LOGIN
    )
    assert found("zebrafish") == []

    closed.delete()
    assert found("zebrafish") == ["Zebrafish"]
    PageViewRestriction.objects.create(page=page, restriction_type=PageViewRestriction.LOGIN)
    upkeep.rebuild()
    assert found("zebrafish") == []


def test_a_page_that_moves_is_found_at_its_new_address(
    django_capture_on_commit_callbacks: Any,
) -> None:
    page = NewsFactory(title="Zebrafish", slug="before")
    page.slug = "after"
    with django_capture_on_commit_callbacks(execute=True):
        page.save_revision().publish()
    entry = SearchEntry.objects.get(title="Zebrafish")
    assert entry.paths["en"] == "/news/after/"


def test_a_member_whose_term_ended_or_who_hides_its_description_is_not_found_by_it() -> None:
    organisation = a_member(public_name="Quagga Trust", description="About zebrafish.")
    assert found("zebrafish") == ["Quagga Trust"]

    organisation.hidden_fields = [Hideable.DESCRIPTION]
    organisation.save()
    assert found("zebrafish") == []
    assert found("quagga") == ["Quagga Trust"]

    with time_machine.travel(timezone.now() + datetime.timedelta(days=800)):
        upkeep.rebuild()
    assert found("quagga") == []


def test_what_goes_wrong_with_the_search_keeps_nobody_from_publishing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def fails(*_args: object) -> None:
        raise ZeroDivisionError

    page = NewsFactory(title="Zebrafish")
    monkeypatch.setattr(upkeep.sources, "of_pages", fails)
    page.title = "Zebrafish again"
    page.save_revision().publish()

    assert NewsPage.objects.get(pk=page.pk).title == "Zebrafish again"
    assert found("zebrafish") == []


def test_rebuilding_finds_the_same_and_writes_nothing_that_stands() -> None:
    NewsFactory(title="Zebrafish")
    upkeep.rebuild()
    before = set(SearchEntry.objects.values_list("pk", "title"))
    SearchEntry.objects.filter(title="Zebrafish").update(text="forged")
    assert upkeep.rebuild() == len(before)
    assert set(SearchEntry.objects.values_list("pk", "title")) == before
    assert not SearchEntry.objects.filter(text="forged").exists()


# --- Whatever is typed ----------------------------------------------------------------------------

TYPED = [
    "'",
    '"',
    '"unclosed phrase',
    "a & b | !c <-> d",
    ":*",
    "zebra:* & (",
    "\\",
    "'; DROP TABLE home_searchentry; --",
    "%s %(q)s",
    "a\x00b",
    "\ud83d\ude00".encode("utf-16", "surrogatepass").decode("utf-16"),
    "المستودع",
    "仓库管理",
    "<script>alert(1)</script>",
    "-",
    "or or or",
    "the",
    "x" * 5_000,
    "word " * 2_000,
    "\u202e\u0301\u0301",
    "١٢٣",
]


@pytest.mark.parametrize("typed", TYPED)
def test_no_words_make_the_page_fail(client: Client, typed: str) -> None:
    NewsFactory(title="Zebrafish")
    for prefix in ("", "/fr", "/pt"):
        answer = client.get(f"{prefix}/search/", {"q": typed})
        assert answer.status_code == 200, typed
        assert "<script>" not in answer.content.decode()


def test_operators_are_those_of_a_search_box_and_no_others(client: Client) -> None:
    NewsFactory(title="Zebrafish and okapis")
    NewsFactory(title="Zebrafish alone")

    assert found("zebrafish -okapi") == ["Zebrafish alone"]
    assert set(found("okapi or alone")) == {"Zebrafish and okapis", "Zebrafish alone"}
    assert found('"okapis and zebrafish"') == []
    assert found("zebra:*") == []


@pytest.mark.parametrize(
    "query",
    ["kind=nothing", "country=XX", "year=20a4", "year=99999", "page=x", "page=-3", "page=9999"],
)
def test_an_address_that_names_nothing_known_is_read_without_it(client: Client, query: str) -> None:
    NewsFactory(title="Zebrafish")
    answer = client.get(f"/search/?q=zebrafish&{query}")
    assert answer.status_code == 200
    assert "Zebrafish" in "".join(
        part.text for result in answer.context["found"].results for part in result.title
    )


def test_a_search_that_takes_too_long_says_so(
    client: Client, monkeypatch: pytest.MonkeyPatch
) -> None:
    def slow(self: object) -> list[object]:
        asking._rows("SELECT pg_sleep(5)", [])
        return []

    before = asking._rows("SHOW statement_timeout", [])
    monkeypatch.setattr(asking, "MILLISECONDS", 50)
    monkeypatch.setattr(Search, "_count", slow)
    answer = client.get("/search/?q=zebrafish")
    assert answer.status_code == 503
    assert "took too long" in answer.content.decode()
    assert 'value="zebrafish"' in answer.content.decode()
    # The limit was of that transaction alone.
    assert asking._rows("SHOW statement_timeout", []) == before


# --- The page -------------------------------------------------------------------------------------


def test_the_page_keeps_the_words_marks_them_and_asks_crawlers_to_leave_it(
    client: Client,
) -> None:
    NewsFactory(title="Zebrafish & <okapis>", body=text("The zebrafish &lt;b&gt;swims&lt;/b&gt;."))
    page = client.get("/search/?q=zebrafish").content.decode()

    assert 'value="zebrafish"' in page
    assert "<mark>Zebrafish</mark> &amp; &lt;okapis&gt;" in page
    assert "The <mark>zebrafish</mark> &lt;b&gt;swims" in page
    assert '<meta name="robots" content="noindex">' in page
    assert "Disallow: /fr/search/" in client.get("/robots.txt").content.decode()


def test_facets_narrow_down_and_keep_each_others_choice(client: Client) -> None:
    NewsFactory(title="Zebrafish one", date=datetime.date(2025, 5, 1))
    NewsFactory(title="Zebrafish two", date=datetime.date(2026, 5, 1))
    CountryFactory(title="Malawi", summary="Zebrafish.", country="MW")

    assert len(found("zebrafish")) == 3
    assert found("zebrafish", kind="country") == ["Malawi"]
    assert found("zebrafish", country="MW") == ["Malawi"]
    assert found("zebrafish", kind="news", year=2025) == ["Zebrafish one"]

    answer = client.get("/search/?q=zebrafish&kind=news")
    search = answer.context["found"]
    assert [(str(one.label), one.count) for one in search.kinds] == [
        ("News", 2),
        ("Implementations", 1),
    ]
    assert [(one.label, one.count) for one in search.years] == [("2026", 1), ("2025", 1)]
    assert "/search/?q=zebrafish&amp;kind=news&amp;year=2025" in answer.content.decode()
    nothing = client.get("/search/?q=zebrafish&kind=person").content.decode()
    assert "There are 3 results without it" in nothing


def test_many_results_come_in_pages(client: Client) -> None:
    for number in range(12):
        NewsFactory(title=f"Zebrafish {number}", slug=f"z{number}")
    first = client.get("/search/?q=zebrafish")
    second = client.get("/search/?q=zebrafish&page=2")
    assert "12 results" in first.content.decode()
    assert "Page 1 of 2" in first.content.decode()
    titles = [
        "".join(part.text for part in result.title)
        for answer in (first, second)
        for result in answer.context["found"].results
    ]
    assert len(titles) == len(set(titles)) == 12


def test_the_number_of_queries_is_the_same_for_one_result_and_many(
    client: Client, django_assert_max_num_queries: DjangoAssertNumQueries
) -> None:
    NewsFactory(title="Zebrafish")
    upkeep.rebuild()
    client.get("/search/?q=zebrafish")
    with CaptureQueriesContext(connection) as one:
        client.get("/search/?q=zebrafish")
    for number in range(9):
        NewsFactory(title=f"Zebrafish {number}", slug=f"z{number}")
    with CaptureQueriesContext(connection) as many:
        client.get("/search/?q=zebrafish")
    assert len(one) == len(many) <= 8
    for typed in ("zebrafihs", "nothing of all this", ""):
        # One more than outside a test: its transaction goes on, so the limit of time is lifted again.
        with django_assert_max_num_queries(9):
            client.get("/search/", {"q": typed})


def test_the_box_stands_on_the_page_of_a_missing_address_and_in_the_header(client: Client) -> None:
    page = client.get("/no/such/page/").content.decode()
    assert '<form class="search" method="get" action="/search/"' in page
    assert '<a href="/search/">Search</a>' in page
    description = client.get("/fr/search/opensearch.xml")
    assert description.status_code == 200
    assert "http://testserver/fr/search/?q={searchTerms}" in description.content.decode()


# --- No result ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("zebrafihs", "zebrafish"),
        ("zebrfish", "zebrafish"),
        ("Zebbrafish okapi", "zebrafish okapi"),
        ("qwertyuiop", ""),
        ("zebrafish", ""),
    ],
)
def test_a_slip_of_the_pen_leads_to_the_word_that_was_meant(typed: str, meant: str) -> None:
    NewsFactory(title="Zebrafish okapi")
    upkeep.rebuild()
    search = Search(Asked(q=typed), "en")
    assert search.meant == meant
    assert bool(search.results) == (typed == "zebrafish")


def test_the_suggestion_is_a_link_that_finds_and_wears_its_accents(client: Client) -> None:
    news("Health", "Hôpital zoulou")
    upkeep.rebuild()
    page = client.get("/fr/search/?q=hopitl").content.decode()
    assert "/fr/search/?q=h%C3%B4pital" in page
    assert found("hôpital", "fr") == ["Hôpital zoulou"]


def test_words_that_no_text_has_together_lead_to_any_of_them(client: Client) -> None:
    NewsFactory(title="Zebrafish")
    NewsFactory(title="Okapi")
    upkeep.rebuild()
    page = client.get("/search/?q=zebrafish+okapi").content.decode()
    assert "/search/?q=zebrafish+or+okapi" in page
    assert set(found("zebrafish or okapi")) == {"Zebrafish", "Okapi"}


def test_a_suggestion_never_names_a_word_that_only_a_draft_has() -> None:
    NewsFactory(title="Zebrafish", live=False)
    upkeep.rebuild()
    assert not SearchWord.objects.filter(word="zebrafish").exists()
    assert Search(Asked(q="zebrafihs"), "en").meant == ""


@pytest.mark.parametrize(
    ("one", "other", "far"),
    [("abcd", "abcd", 0), ("abcd", "abdc", 1), ("abcd", "abd", 1), ("abcd", "xbcy", 2)],
)
def test_distance_counts_what_hands_get_wrong(one: str, other: str, far: int) -> None:
    assert words.distance(one, other, 2) == words.distance(other, one, 2) == far
    assert words.distance(one, "qqqqqqqq", 2) > 2


# --- Editors' picks and counts --------------------------------------------------------------------


def pick(typed: str, **values: Any) -> SearchPromotion:
    return SearchPromotion.objects.create(query=Query.get(typed), **values)


def test_picks_of_editors_stand_above_in_the_readers_language(client: Client) -> None:
    page = news("Zebrafish arrive", "Les poissons")
    pick("join us", page=page, description="Read this first.")
    pick("join us", external_link_url="https://example.org/", external_link_text="Elsewhere")

    english = client.get("/search/?q=Join+us").content.decode()
    assert "Our editors suggest" in english
    assert "Read this first." in english
    assert "https://example.org/" in english
    french = client.get("/fr/search/?q=join+us").content.decode()
    assert "Les poissons" in french


def test_a_pick_that_nobody_may_read_is_not_shown(client: Client) -> None:
    page = NewsFactory(title="Zebrafish")
    pick("join us", page=page)
    page.unpublish()
    assert "Zebrafish" not in client.get("/search/?q=join+us").content.decode()


def test_queries_are_counted_by_day_once_for_each_first_page(client: Client) -> None:
    for address in (
        "?q=Zebrafish",
        "?q=zebrafish ",
        "?q=zebrafish&page=2",
        "?q=zebrafish&kind=news",
    ):
        client.get(f"/search/{address}")
    client.head("/search/?q=zebrafish")
    assert Query.objects.get(query_string="zebrafish").hits == 2


@pytest.mark.parametrize("typed", ["amina@example.org", "+265 991 234 567", "x"])
def test_what_may_be_somebodys_data_is_not_counted(client: Client, typed: str) -> None:
    client.get("/search/", {"q": typed})
    assert not Query.objects.exists()


def test_a_busy_day_fills_no_disk(client: Client, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(picks, "COUNTED_A_DAY", 2)
    for typed in ("one", "two", "three"):
        client.get("/search/", {"q": typed})
    assert QueryDailyHits.objects.count() == Query.objects.count() == 2


# --- Words ----------------------------------------------------------------------------------------


def test_marks_come_back_to_the_words_as_they_are_written() -> None:
    written = cleaned("A\x02 Santé\n ﬁrst")
    assert written == "A Santé ﬁrst"
    assert fold(written) == "a sante first"
    assert marked(written, "a \x02sante\x03 \x02first\x03") == [
        Part("A "),
        Part("Santé", marked=True),
        Part(" "),
        Part("ﬁrst", marked=True),
    ]


def test_a_snippet_shows_the_stretch_with_most_marks_cut_between_words() -> None:
    parts = [
        Part("one", marked=True),
        Part(" filler" * 100 + " "),
        Part("two", marked=True),
        Part(" and "),
        Part("three", marked=True),
        Part(" filler" * 100),
    ]
    shown = snippet(parts)
    joined = "".join(part.text for part in shown)
    assert [part.text for part in shown if part.marked] == ["two", "three"]
    assert joined.startswith("… filler")
    assert joined.endswith("filler …")
    assert len(joined) < 260


# --- The back office ------------------------------------------------------------------------------


def test_moderators_choose_what_stands_above_and_read_what_was_searched_for(
    client: Client,
) -> None:
    client.get("/search/?q=zebrafish")
    sign_in(client, make_staff(groups.MODERATORS))
    assert client.get("/admin/searchpicks/").status_code == 200
    report = client.get("/admin/reports/searches/")
    assert "zebrafish" in report.content.decode()
    assert "/admin/reports/searches/" in client.get("/admin/").content.decode()


@pytest.mark.parametrize("group", [groups.EDITORS, groups.TREASURERS])
def test_others_do_not(client: Client, group: str) -> None:
    sign_in(client, make_staff(group))
    for address in ("/admin/searchpicks/", "/admin/reports/searches/"):
        assert client.get(address).status_code == 302, address
    assert "/admin/reports/searches/" not in client.get("/admin/").content.decode()
