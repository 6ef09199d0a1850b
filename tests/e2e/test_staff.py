"""Staff write, look at and publish news in the back office, and readers have it at once."""

import xml.etree.ElementTree as ElementTree
from typing import Any

import pytest

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


def write_news(office: Any) -> None:
    """From the back office's first page to a news page that is written and not yet saved."""
    office.add_init_script(MARK_WHEN_READY)
    office.goto("/admin/")
    office.get_by_role("button", name="Pages").click()
    menu = office.locator("#wagtail-sidebar")
    menu.get_by_role("link", name="OpenLMIS Foundation English").click()
    office.locator("main").get_by_role("link", name="News", exact=True).click()
    office.wait_for_url("**/edit/")
    news_list = office.url.removesuffix("edit/")
    office.goto(news_list)
    office.get_by_role("link", name="Add child page").click()
    office.locator("html[data-watches-edits]").wait_for()
    office.get_by_placeholder("Page title").fill(TITLE)
    office.locator("[name=summary]").fill(SUMMARY)
    office.locator("[name=authors]").fill("Edith Banda")
    office.get_by_role("button", name="Insert a block").first.click()
    office.get_by_role("option", name="Text").click()
    text = office.get_by_role("textbox").last
    text.click()
    text.press_sequentially(BODY)


def test_news_is_written_previewed_and_published(people: People) -> None:
    reader = people.visitor()
    office = people.in_back_office("editor")
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

    reader.goto("/")
    assert SUMMARY in words(reader)
    assert feed(reader)[0] == TITLE
    reader.goto("/")
    follow(reader.get_by_role("link", name=TITLE))
    assert heading(reader) == TITLE
    assert BODY in words(reader)
    assert "Edith Banda" in words(reader)
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
