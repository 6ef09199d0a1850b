"""Staff write, look at and publish news in the back office, and readers have it at once."""

import io
import secrets
import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest
from PIL import Image

from tests.e2e.people import People, follow, heading, sign_in_first, words

pytestmark = pytest.mark.browser
ATOM = "{http://www.w3.org/2005/Atom}"
TITLE = "Shire valley stores report every week"
SUMMARY = "Nineteen stores now send their stock by telephone line."
BODY = "The district pharmacist says the shelves are seen again."
# Wagtail's editor takes stock of the form two seconds after it opens, and takes what was typed
# before that, faster than a person types, for no change: it neither saves nor previews it.
MARK_WHEN_READY = """document.addEventListener("w-unsaved:watch-edits", () => {
    document.documentElement.dataset.watchesEdits = "";
})"""


def feed(page: Any) -> list[str]:
    """The titles in the Atom feed, which is well formed."""
    page.goto("/")
    address = page.locator("link[type='application/atom+xml']").get_attribute("href")
    answer = page.request.get(address)
    assert answer.status == 200
    root = ElementTree.fromstring(answer.body())
    return [str(title.text) for title in root.findall(f"{ATOM}entry/{ATOM}title")]


PICTURE = "A pharmacist before full shelves"


def picture() -> dict[str, Any]:
    """Another one each time: Wagtail asks back where it has the very same file already."""
    made = io.BytesIO()
    Image.new("RGB", (1200, 675), f"#{secrets.token_hex(3)}").save(made, "PNG")
    return {"name": "shelves.png", "mimeType": "image/png", "buffer": made.getvalue()}


def write_news(office: Any) -> None:
    """From the back office's first page to a news page that is written and not yet saved."""
    office.add_init_script(MARK_WHEN_READY)
    office.goto("/admin/")
    office.get_by_role("button", name="News").click()
    office.locator("#wagtail-sidebar").get_by_role("link", name="All news").click()
    office.get_by_role("link", name="Add news").first.click()
    office.locator("html[data-watches-edits]").wait_for()
    office.get_by_placeholder("Page title").fill(TITLE)
    office.locator("[name=summary]").fill(SUMMARY)
    office.get_by_role("button", name="Choose an image").first.click()
    chooser = office.get_by_role("dialog")
    chooser.get_by_role("tab", name="Upload").click()
    chooser.locator("input[type=file]").set_input_files(picture())
    chooser.locator("[name$=title]").last.fill("Full shelves")
    chooser.get_by_role("button", name="Upload", exact=True).click()
    chooser.wait_for(state="hidden")
    office.locator("[name=image_words]").fill(PICTURE)
    text = office.locator(".public-DraftEditor-content").first
    text.click()
    text.press_sequentially(BODY)


def test_news_is_written_previewed_and_published(people: People) -> None:
    reader = people.visitor()
    office = people.in_back_office("editor")
    loads: list[str] = []
    office.on("load", lambda page: loads.append(page.url))
    write_news(office)

    office.get_by_role("button", name="Toggle preview").click()
    preview = office.locator("iframe[title=Preview]").last.content_frame
    preview.get_by_role("heading", name=TITLE).wait_for()
    preview.get_by_text(BODY).wait_for()
    reader.goto("/")
    assert TITLE not in words(reader), "what is only previewed is not public"
    assert TITLE not in feed(reader)

    office.get_by_role("button", name="More actions").click()
    office.get_by_role("button", name="Publish", exact=True).click()
    office.locator(".messages", has_text="published").wait_for()
    # Two more for the sign-in, and one to look at it (docs/editing-news.md).
    assert len(loads) + 3 <= 8, loads

    reader.goto("/")
    assert SUMMARY in words(reader)
    assert feed(reader)[0] == TITLE
    reader.goto("/")
    follow(reader.get_by_role("link", name=TITLE))
    assert heading(reader) == TITLE
    assert BODY in words(reader)
    assert "Edith Banda" in words(reader), "who wrote it is named without being asked"
    assert reader.get_by_alt_text(PICTURE).is_visible()
    reader.goto("/news/")
    assert reader.locator("main h3").first.inner_text() == TITLE
    reader.goto("/fr/news/")
    assert TITLE in words(reader), "the other languages show it until it is translated"


def test_the_back_office_has_one_door(people: People) -> None:
    page = people.visitor()

    for address in ("/admin/", "/admin/login/", "/admin/pages/", "/admin/members/applications/"):
        page.goto(address)
        assert page.url.startswith(f"{people.demo.url}/accounts/login/"), address
        assert heading(page) == "Sign in"


@pytest.mark.parametrize("key", ["member", "donor", "evangelist"])
def test_who_is_not_staff_is_told_so_at_every_page_of_the_back_office(
    people: People, key: str
) -> None:
    page = people.signed_in(key)

    for address in (
        "/admin/",
        "/admin/members/applications/",
        "/admin/members/applications/1/",
        "/admin/pages/3/edit/",
        "/admin/users/",
    ):
        assert page.goto(address).status == 403, address
        assert page.locator("header nav").get_by_role("link", name="Pools").is_visible()


def test_a_sign_in_leads_back_to_where_one_wanted_to_go(people: People) -> None:
    page = people.visitor()
    donor = people.demo.accounts["donor"]

    page.goto("/account/giving/")
    assert page.url.endswith(sign_in_first("/account/giving/"))
    page.get_by_label("E-mail address").fill(donor.email)
    page.get_by_label("Password", exact=True).fill("not the password")
    follow(page.locator("main").get_by_role("button", name="Sign in"))
    assert page.get_by_text("not correct").first.is_visible()
    page.get_by_label("Password", exact=True).fill(donor.password)
    follow(page.locator("main").get_by_role("button", name="Sign in"))

    assert heading(page) == "Your giving"
