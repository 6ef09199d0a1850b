"""An evangelist rewrites their own profile; the public reads it once staff have approved it."""

from typing import Any

import pytest

from tests.e2e.people import People, follow, heading, press, words

pytestmark = pytest.mark.browser
PUBLIC = "/evangelists/eunice-mwale/"
NEW = "Shows district stores how to count once and be believed."
NEWER = "Shows stores how to count <script>once</script> & ministries how to read it."


def propose(page: Any, sentence: str) -> None:
    page.goto("/account/evangelist/")
    page.get_by_label("In one sentence").fill(sentence)
    press(page, "Send to staff for approval")
    assert "Waiting for review" in words(page)


def approve(people: People) -> None:
    """From the back office's first page: read what is new, then approve it."""
    office = people.in_back_office("staff")
    office.goto("/admin/")
    waiting = office.locator("section", has_text="Awaiting your review").get_by_role("row")
    waiting = waiting.filter(has_text="Eunice Mwale")
    waiting.get_by_role("button", name="Actions").click()
    office.get_by_role("button", name="Approve", exact=True).click()
    waiting.wait_for(state="detached")


def public_words(people: People) -> str:
    reader = people.visitor()
    reader.goto(PUBLIC)
    assert heading(reader) == "Eunice Mwale"
    # JSON-LD is a block of data, which no browser runs.
    assert reader.locator('script:not([type="application/ld+json"])').count() == 0
    return words(reader)


def test_a_profile_changes_in_public_only_when_staff_approve(people: People) -> None:
    before = public_words(people)
    page = people.signed_in("evangelist")
    page.goto("/account/")
    follow(page.get_by_role("link", name="Your evangelist profile"))
    assert page.url == f"{people.demo.url}/account/evangelist/"

    propose(page, NEW)
    assert public_words(people) == before
    propose(page, NEWER)
    assert page.get_by_label("In one sentence").input_value() == NEWER
    assert public_words(people) == before
    approve(people)

    assert NEWER in public_words(people), "the new words, as text and not as markup"
    page.goto("/account/evangelist/")
    assert "Your profile is published as you wrote it." in words(page)
    page.goto("/evangelists/")
    assert NEWER in words(page)


def test_only_an_evangelist_has_a_profile_to_write(people: People) -> None:
    page = people.signed_in("donor")
    page.goto("/account/")
    assert page.get_by_role("link", name="Your evangelist profile").count() == 0

    page.goto("/account/evangelist/")

    assert "You have no profile" in words(page)
    assert page.locator("main form").count() == 0
