"""Editors order the sections of the home page, take some away and write their own."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.models import Page

from home.models import HomePage
from home.sections import AUTOMATIC, AUTOMATIC_SECTIONS, SectionsBlock
from portal import groups
from tests.factories.home import (
    CommunityFactory,
    CountryFactory,
    EvangelistFactory,
    NewsFactory,
    make_staff,
    sign_in,
)
from tests.look.html import Document


def put(home: HomePage, *sections: tuple[str, Any]) -> None:
    home.sections = list(sections)
    home.save_revision().publish()


def headings(client: Client, path: str = "/") -> list[str]:
    page = Document(client.get(path).content.decode())
    assert page.faults == []
    return [heading.attributes["id"] for heading in page.all("h2") if "id" in heading.attributes]


def own(heading: str, *body: tuple[str, Any]) -> tuple[str, Any]:
    return "own", {"heading": heading, "lead": "", "body": list(body)}


def test_a_new_home_page_shows_every_section_in_its_order(site: HomePage, client: Client) -> None:
    assert headings(client)[: len(AUTOMATIC)] == list(AUTOMATIC)
    assert headings(client, "/fr/")[: len(AUTOMATIC)] == list(AUTOMATIC)


def test_editors_order_sections_and_write_their_own(site: HomePage, client: Client) -> None:
    NewsFactory(title="A story")
    put(
        site,
        ("join", None),
        own("Why it matters", ("note", {"text": "<p>Because</p>"}), ("news", {"most": 1})),
        ("pools", None),
    )

    found = headings(client)
    shown = client.get("/").content.decode()

    assert found[0] == "join"
    assert found[1].startswith("section-")
    assert found[2] == "pools"
    assert "Because" in shown
    assert shown.count(">A story<") == 1


def test_numbers_of_the_opening_lead_on_where_a_section_was_taken_away(
    site: HomePage, client: Client
) -> None:
    assert 'href="#pools"' in client.get("/").content.decode()
    put(site)

    shown = client.get("/").content.decode()

    assert 'href="/pools/"' in shown
    assert 'href="/communities/"' in shown
    assert 'href="#' not in shown[shown.index("<main") :]
    assert 'href="/fr/evangelists/"' in client.get("/fr/").content.decode()


def test_a_section_that_fills_itself_stands_once(db: None) -> None:
    block = HomePage._meta.get_field("sections").stream_block
    block.clean(block.normalize(AUTOMATIC_SECTIONS))
    with pytest.raises(ValidationError):
        block.clean(block.normalize([("pools", None), ("pools", None)]))


def test_own_sections_need_a_heading(db: None) -> None:
    block = SectionsBlock().child_blocks["own"]
    with pytest.raises(ValidationError):
        block.clean(block.normalize(own("")[1]))


def test_the_front_shares_what_its_sections_and_blocks_show(site: HomePage, client: Client) -> None:
    def queries() -> int:
        client.get("/")
        with CaptureQueriesContext(connection) as counted:
            client.get("/")
        return len(counted)

    CountryFactory()
    plain = queries()
    put(
        site,
        *AUTOMATIC_SECTIONS,
        own("Live", ("news", {"most": 9}), ("map", {"caption": ""}), ("all_pools", None)),
    )
    assert queries() == plain

    for number in range(3):
        NewsFactory(title=f"Story {number}")
        CommunityFactory(title=f"Community {number}")
        EvangelistFactory(title=f"Person {number}")
    assert queries() == plain


@pytest.mark.parametrize("name", ["own", *AUTOMATIC])
def test_each_section_has_a_preview_in_the_picker(
    site: HomePage, client: Client, name: str
) -> None:
    sign_in(client, make_staff(groups.EDITORS))
    block = HomePage._meta.get_field("sections").stream_block.child_blocks[name]
    assert block.is_previewable

    answer = client.get(reverse("wagtailadmin_block_preview"), {"id": block.definition_prefix})

    assert answer.status_code == 200
    assert "<h2" in answer.content.decode()


def test_a_version_from_before_sections_were_ordered_shows_them_all(site: HomePage) -> None:
    revision = site.save_revision()
    del revision.content["sections"]
    revision.save()

    assert [section.block_type for section in revision.as_object().sections] == list(AUTOMATIC)


def test_the_editor_of_a_home_page_opens_and_saves(site: HomePage, client: Client) -> None:
    sign_in(client, make_staff(groups.MODERATORS))
    answer = client.get(reverse("wagtailadmin_pages:edit", args=[site.pk]))
    assert answer.status_code == 200
    assert "Section of your own" in answer.content.decode()
    assert Page.objects.get(pk=site.pk).live
