"""Blocks: each shows what it is for; none breaks a page, whatever became of its content."""

import datetime
import json
import re
from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.documents import get_document_model
from wagtail.images import get_image_model
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import Locale, Page, PageViewRestriction
from wagtail_localize.operations import TranslationCreator
from wagtail_localize.segments.extract import extract_segments

from core.transactions import use_case
from home.blocks import BodyBlock
from home.models import HomePage, NewsPage, PoolIndexPage, PoolPage, StandardPage
from portal import groups
from portal.site_tree import plant
from tests.factories.home import (
    CountryFactory,
    EvangelistFactory,
    NewsFactory,
    PublishedPageFactory,
    make_staff,
    sign_in,
)
from tests.factories.pools import open_pool, received_gift
from tests.look.html import Document


class TextPageFactory(PublishedPageFactory):
    class Meta:
        model = StandardPage

    below = HomePage


def page_with(*body: tuple[str, Any]) -> StandardPage:
    return TextPageFactory(body=list(body))


def shown(client: Client, page: Page, language: str = "en") -> str:
    """The part of the page that its body fills."""
    prefix = "" if language == "en" else f"/{language}"
    answer = client.get(prefix + page.url)
    assert answer.status_code == 200
    html = answer.content.decode()
    assert Document(html).faults == []
    return html[html.index("<main") : html.index("</main")]


def picture() -> Any:
    return get_image_model().objects.create(title="A shelf", file=get_test_image_file())


def figure_of(image: Any) -> tuple[str, Any]:
    return "figure", {"image": {"image": image, "alt_text": "Boxes", "decorative": False}}


def document(title: str = "Minutes") -> Any:
    file = ContentFile(b"minutes" * 500, "minutes.txt")
    return get_document_model().objects.create(title=title, file=file, file_size=3500)


def pool_page(code: str = "vaccines") -> PoolPage:
    profile = open_pool(code, title=code.capitalize())
    index = PoolIndexPage.objects.get(locale__language_code="en")
    with use_case():
        return plant(
            index, PoolPage(pool=profile.pool, slug=code), {"en": {"title": code.capitalize()}}
        )


def people(*chosen: Any, level: str = "", most: int = 4) -> tuple[str, Any]:
    return "people", {"people": list(chosen), "level": level, "most": most}


TABLE = {
    "caption": "Stores",
    "columns": [
        {"type": "text", "heading": "Store"},
        {"type": "number", "heading": "Boxes"},
    ],
    "rows": [{"values": ["Central", 12]}, {"values": ["North", None]}],
}


# --- What each shows ------------------------------------------------------------------------------


def test_figures_of_a_pool_are_live_and_lead_to_their_entries(
    site: HomePage, client: Client
) -> None:
    vaccines = pool_page()
    page = page_with(("pool_figures", {"pool": vaccines}), ("all_pools", None))
    received_gift(vaccines.pool.profile, amount=123_45)

    html = shown(client, page)

    assert 'href="/pools/vaccines/entries/?figure=received">123.45<' in html
    assert 'href="/money/entries/?figure=received&amp;currency=USD">123.45<' in html


def test_a_pool_that_nobody_may_read_of_shows_no_figures(site: HomePage, client: Client) -> None:
    vaccines = pool_page()
    page = page_with(("pool_figures", {"pool": vaccines}))
    assert "Received" in shown(client, page)

    vaccines.pool.profile.live = False
    vaccines.pool.profile.save()

    assert "Received" not in shown(client, page)


def test_chosen_people_stand_in_the_order_chosen_and_once(site: HomePage, client: Client) -> None:
    ada, bao = EvangelistFactory(title="Ada"), EvangelistFactory(title="Bao")
    EvangelistFactory(title="Cyd")

    html = shown(client, page_with(people(bao, ada, bao)))

    assert re.findall(r">(Ada|Bao|Cyd)<", html) == ["Bao", "Ada"]


def test_people_of_a_level_are_shown_up_to_the_number(site: HomePage, client: Client) -> None:
    for name in ("Ada", "Bao", "Cyd"):
        EvangelistFactory(title=name, level="donor")
    EvangelistFactory(title="Aaron", level="technical")

    html = shown(client, page_with(people(level="donor", most=2), people(level="technical")))

    assert re.findall(r">(Ada|Bao|Cyd|Aaron)<", html) == ["Ada", "Bao", "Aaron"]


def test_news_are_the_latest_of_the_language(site: HomePage, client: Client) -> None:
    for day in (1, 2, 3):
        NewsFactory(title=f"Story {day}", date=datetime.date(2026, 11, day))
    NewsPage.objects.get(title="Story 3", locale__language_code="fr").unpublish()
    page = page_with(("news", {"most": 2}))

    assert re.findall(r">(Story \d)<", shown(client, page)) == ["Story 3", "Story 2"]
    assert re.findall(r">(Story \d)<", shown(client, page, "fr")) == ["Story 2", "Story 1"]


def test_the_map_is_a_picture_with_a_table_that_leads_to_the_countries(
    site: HomePage, client: Client
) -> None:
    page = page_with(("map", {"caption": "Where it runs"}))
    assert "<svg" not in shown(client, page)  # nothing to show, nothing shown
    CountryFactory(country="MW", slug="mw")

    html = shown(client, page)

    assert "<caption>Where it runs</caption>" in html
    assert 'href="/implementations/mw/">Malawi<' in html
    assert "<circle" in html


def test_a_table_names_rows_and_columns_and_scrolls_by_itself(
    site: HomePage, client: Client
) -> None:
    html = shown(client, page_with(("table", TABLE)))

    assert "<caption>Stores</caption>" in html
    assert '<th scope="col" class="num">Boxes</th>' in html
    assert '<th scope="row">Central</th><td class="num">12</td>' in html
    assert '<th scope="row">North</th><td class="num"></td>' in html
    assert '<div class="scroll live" role="region" tabindex="0" aria-label="Stores">' in html


def test_parts_open_without_script_and_a_timeline_keeps_its_order(
    site: HomePage, client: Client
) -> None:
    parts = [{"heading": "Who?", "text": "<p>Anyone</p>"}]
    events = [{"when": "2014", "what": "First", "text": ""}, {"when": "1999", "what": "Second"}]

    html = shown(
        client, page_with(("accordion", {"parts": parts}), ("timeline", {"events": events}))
    )

    assert re.search(r"<details[^>]*>\s*<summary>Who\?</summary>\s*<p>Anyone</p>", html)
    assert html.index("First") < html.index("Second")


def test_documents_are_named_with_kind_and_size(site: HomePage, client: Client) -> None:
    html = shown(client, page_with(("documents", {"heading": "Papers", "documents": [document()]})))

    assert re.search(r'<a href="/documents/\d+/minutes[^"]*">Minutes</a>', html)
    assert "TXT, 3.4\xa0KB" in html


# --- Whatever became of the content ---------------------------------------------------------------


def test_what_was_deleted_is_left_out(site: HomePage, client: Client) -> None:
    ada, image, minutes, vaccines = EvangelistFactory(), picture(), document(), pool_page()
    news = NewsFactory(title="Old story")
    page = page_with(
        figure_of(image),
        people(ada),
        ("documents", {"heading": "Papers", "documents": [minutes]}),
        ("call", {"label": "Read the story", "page": news, "address": ""}),
        ("pool_figures", {"pool": vaccines}),
        ("note", {"text": "<p>The rest stands</p>"}),
    )
    before = shown(client, page)
    assert all(part in before for part in ("<picture", ada.title, "Papers", "Read the story"))

    for thing in (ada, news, vaccines, image, minutes):
        thing.delete()

    after = shown(client, page)
    assert "The rest stands" in after
    for part in ("<picture", "<figure", ada.title, "Papers", "Read the story", "Received"):
        assert part not in after


def test_what_is_unpublished_or_private_is_left_out(site: HomePage, client: Client) -> None:
    ada, bao, news = EvangelistFactory(title="Ada"), EvangelistFactory(title="Bao"), NewsFactory()
    page = page_with(
        people(ada, bao), ("call", {"label": "Read the story", "page": news, "address": ""})
    )
    assert re.findall(r">(Ada|Bao|Read the story)<", shown(client, page)) == [
        "Ada",
        "Bao",
        "Read the story",
    ]

    ada.unpublish()
    PageViewRestriction.objects.create(page=bao, restriction_type="login")
    news.unpublish()

    assert re.findall(r">(Ada|Bao|Read the story)<", shown(client, page)) == []


def test_a_call_whose_page_is_gone_leads_to_its_address(site: HomePage, client: Client) -> None:
    news = NewsFactory()
    page = page_with(("call", {"label": "Go on", "page": news, "address": "/pools/"}))
    assert f'href="{news.url}">Go on<' in shown(client, page)

    news.unpublish()

    assert 'href="/pools/">Go on<' in shown(client, page)


def test_chosen_pages_are_shown_in_the_readers_language_or_not_at_all(
    site: HomePage, client: Client
) -> None:
    ada, news = EvangelistFactory(title="Ada"), NewsFactory()
    page = page_with(people(ada), ("call", {"label": "Read", "page": news, "address": ""}))

    french = shown(client, page, "fr")
    assert f'href="/fr{ada.url}">Ada<' in french
    assert f'href="/fr{news.url}">Read<' in french

    ada.get_translation(Locale.objects.get(language_code="fr")).delete()
    news.get_translation(Locale.objects.get(language_code="fr")).unpublish()

    assert re.findall(r">(Ada|Read)<", shown(client, page, "fr")) == []
    assert re.findall(r">(Ada|Read)<", shown(client, page)) == ["Ada", "Read"]


def link_to(page: Page, words: str) -> str:
    return f'<p><a linktype="page" id="{page.pk}">{words}</a></p>'


def test_links_in_texts_lead_to_the_readers_language_and_never_to_what_nobody_may_read(
    site: HomePage, client: Client
) -> None:
    story, secret = NewsFactory(title="Story"), NewsFactory(title="Secret")
    page = page_with(
        ("text", link_to(story, "story") + link_to(secret, "secret")),
        ("accordion", {"parts": [{"heading": "More?", "text": link_to(story, "again")}]}),
    )
    assert f'<a href="{story.url}">story</a>' in shown(client, page)
    assert f'<a href="{story.url}">again</a>' in shown(client, page)
    assert f'<a href="/fr{story.url}">story</a>' in shown(client, page, "fr")

    secret.unpublish()
    story.get_translation(Locale.objects.get(language_code="fr")).unpublish()

    assert "<a>secret</a>" in shown(client, page)
    assert f'<a href="{story.url}">story</a>' in shown(client, page, "fr")
    PageViewRestriction.objects.create(page=story, restriction_type="login")
    assert "<a>story</a>" in shown(client, page)


@pytest.mark.parametrize("number", ["999999", "", "x", "-1", "9" * 30])
def test_a_link_to_what_never_was_is_words_alone(
    site: HomePage, client: Client, number: str
) -> None:
    page = page_with(("text", f'<p><a linktype="page" id="{number}">gone</a></p>'))
    assert "<a>gone</a>" in shown(client, page)


EMPTY: list[tuple[str, Any]] = [
    ("text", ""),
    ("figure", {"image": None, "caption": "", "credit": ""}),
    ("quote", {"text": "", "who": "", "where": ""}),
    ("call", {"label": "", "page": None, "address": ""}),
    ("note", {"text": ""}),
    ("pool_figures", {"pool": None}),
    ("all_pools", None),
    ("people", {"people": [], "level": "", "most": None}),
    ("people", {"people": [None], "level": "", "most": None}),
    ("news", {"most": None}),
    ("map", {"caption": ""}),
    ("timeline", {"events": []}),
    ("accordion", {"parts": []}),
    ("table", None),
    ("table", {"caption": "", "columns": [], "rows": []}),
    ("documents", {"heading": "", "documents": [None]}),
]


@pytest.mark.parametrize(("name", "value"), EMPTY, ids=lambda value: str(value)[:30])
def test_an_empty_block_breaks_nothing(
    site: HomePage, client: Client, name: str, value: Any
) -> None:
    html = shown(client, page_with((name, value), ("note", {"text": "<p>After it</p>"})))

    assert "After it" in html
    assert "None" not in html


def test_the_empty_blocks_are_all_there_are() -> None:
    assert {name for name, _value in EMPTY} == set(BodyBlock().child_blocks)


def test_a_block_that_no_longer_exists_is_skipped(site: HomePage, client: Client) -> None:
    page = page_with(("note", {"text": "<p>Still here</p>"}))
    stored = [
        {"type": "carousel", "value": {"slides": [1]}, "id": "1"},
        *page.body.get_prep_value(),
    ]
    with connection.cursor() as cursor:
        cursor.execute(
            "UPDATE home_standardpage SET body = %s::jsonb WHERE page_ptr_id = %s",
            [json.dumps(stored), page.pk],
        )

    assert "Still here" in shown(client, page)


# --- Bad input ------------------------------------------------------------------------------------

BAD: list[tuple[str, Any, str]] = [
    ("people", {"people": [], "level": "", "most": 0}, "greater than or equal to 1"),
    ("people", {"people": [], "level": "", "most": 99}, "less than or equal to 12"),
    ("people", {"people": [], "level": "royal", "most": 3}, "valid choice"),
    ("news", {"most": 11}, "less than or equal to 10"),
    ("pool_figures", {"pool": None}, "required"),
    ("timeline", {"events": []}, "minimum number of items is 1"),
    ("timeline", {"events": [{"when": "", "what": "x", "text": ""}]}, "required"),
    ("accordion", {"parts": []}, "minimum number of items is 1"),
    ("accordion", {"parts": [{"heading": "Who?", "text": ""}]}, "required"),
    ("documents", {"heading": "", "documents": []}, "minimum number of items is 1"),
    ("table", None, "one column and one row"),
    ("table", {**TABLE, "caption": " "}, "Write a caption"),
    ("table", {**TABLE, "columns": [{"type": "text", "heading": ""}] * 2}, "a heading over each"),
    ("table", {**TABLE, "rows": [{"values": ["a", 1]}] * 101}, "split a longer one"),
    ("call", {"label": "Go", "page": None, "address": "javascript:alert(1)"}, "Begin the address"),
    ("call", {"label": "Go", "page": None, "address": ""}, "Choose a page"),
]


def words_of(error: Any) -> str:
    """All sentences of a block's nested errors."""
    if isinstance(error, ValidationError) and not hasattr(error, "as_json_data"):
        return " ".join(error.messages)
    return str(error.as_json_data())


@pytest.mark.parametrize(("name", "value", "words"), BAD, ids=lambda value: str(value)[:30])
def test_bad_input_is_refused_with_words(db: None, name: str, value: Any, words: str) -> None:
    block = BodyBlock().child_blocks[name]

    with pytest.raises(ValidationError) as refused:
        block.clean(block.normalize(value))

    assert words in words_of(refused.value)


@pytest.mark.django_db
def test_right_input_is_taken() -> None:
    block = BodyBlock().child_blocks["table"]
    assert block.clean(block.normalize(TABLE)).caption == "Stores"


def test_a_script_in_any_words_does_not_survive(site: HomePage, client: Client) -> None:
    evil = "<script>alert(1)</script>"
    html = shown(
        client,
        page_with(
            ("timeline", {"events": [{"when": evil, "what": evil, "text": ""}]}),
            ("accordion", {"parts": [{"heading": evil, "text": "<p>Fine</p>"}]}),
            ("map", {"caption": evil}),
            ("documents", {"heading": evil, "documents": [document(evil)]}),
            (
                "table",
                {
                    "caption": evil,
                    "columns": [{"type": "text", "heading": evil}],
                    "rows": [{"values": [evil]}],
                },
            ),
        ),
    )

    assert "<script" not in html
    assert "&lt;script" in html


# --- Cost -----------------------------------------------------------------------------------------


def queries_of(client: Client, page: Page) -> int:
    client.get(page.url)  # makes renditions, warms what Wagtail keeps in the cache
    with CaptureQueriesContext(connection) as counted:
        assert client.get(page.url).status_code == 200
    return len(counted)


def test_a_page_takes_the_same_queries_for_one_block_of_each_kind_and_for_many(
    site: HomePage, client: Client
) -> None:
    def body(numbers: range) -> list[tuple[str, Any]]:
        found: list[tuple[str, Any]] = []
        for each in numbers:
            ada = EvangelistFactory(title=f"Person {each}", photo=picture())
            CountryFactory(country=["MW", "MZ", "TZ", "ZM"][each], title=f"Country {each}")
            found += [
                ("text", link_to(ada, f"Person {each}") + link_to(NewsFactory(), "news")),
                ("note", {"text": link_to(ada, f"Again {each}")}),
                figure_of(picture()),
                people(ada),
                people(level="country"),
                ("call", {"label": "Read", "page": NewsFactory(), "address": ""}),
                ("pool_figures", {"pool": pool_page(f"pool-{each}")}),
                ("all_pools", None),
                ("news", {"most": each + 1}),
                ("map", {"caption": ""}),
                ("documents", {"heading": "", "documents": [document(), document()]}),
                ("table", TABLE),
            ]
        return found

    one = page_with(*body(range(1)))
    counted = queries_of(client, one)

    assert queries_of(client, page_with(*body(range(1, 4)))) == counted


# --- Picker, translation, search ------------------------------------------------------------------


@pytest.mark.parametrize("name", BodyBlock().child_blocks)
def test_each_block_has_a_preview_in_the_clothes_of_the_site(
    site: HomePage, client: Client, name: str
) -> None:
    EvangelistFactory(title="Ada")
    NewsFactory(title="A story")
    CountryFactory()
    received_gift(pool_page().pool.profile, amount=500)
    picture()
    document()
    sign_in(client, make_staff(groups.EDITORS))
    block = StandardPage._meta.get_field("body").stream_block.child_blocks[name]
    assert block.is_previewable
    assert block.get_description()

    answer = client.get(
        reverse("wagtailadmin_block_preview"), {"id": block.definition_prefix}
    ).content.decode()

    assert "site.css" in answer
    assert "<script" not in answer
    inside = Document(answer).all("main")[0]
    assert inside.text.strip() or name == "figure"
    if name == "figure":
        assert "<picture" in answer


def test_previews_hold_on_a_site_without_content(site: HomePage, client: Client) -> None:
    sign_in(client, make_staff(groups.EDITORS))
    for block in StandardPage._meta.get_field("body").stream_block.child_blocks.values():
        address = reverse("wagtailadmin_block_preview")
        assert client.get(address, {"id": block.definition_prefix}).status_code == 200, block.name


def test_a_page_of_every_block_can_be_sent_for_translation(site: HomePage) -> None:
    page = page_with(
        ("table", TABLE),
        ("timeline", {"events": [{"when": "2014", "what": "First", "text": ""}]}),
        people(EvangelistFactory()),
        ("all_pools", None),
        ("documents", {"heading": "Papers", "documents": [document()]}),
    )
    words = {getattr(segment, "string", None) for segment in extract_segments(page)}
    texts = {str(getattr(word, "data", word)) for word in words if word}
    assert {"Stores", "Store", "Boxes", "Central", "First", "Papers"} <= texts

    french = Locale.objects.get(language_code="fr")
    page.get_translation(french).delete()
    TranslationCreator(user=None, target_locales=[french]).create_translations(page)

    assert page.get_translation(french).body.get_prep_value()[0]["value"]["caption"] == "Stores"


def test_words_of_blocks_are_found_by_search(site: HomePage) -> None:
    page = page_with(
        ("table", TABLE), ("accordion", {"parts": [{"heading": "Zebra?", "text": "<p>No</p>"}]})
    )

    content = " ".join(page.body.stream_block.get_searchable_content(page.body))

    assert "Central" in content
    assert "Zebra?" in content
