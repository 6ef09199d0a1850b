"""An organisation signs up, applies, is admitted, pays by card and stands in the directory."""

import re
from typing import Any

import pytest

from tests.e2e.people import (
    GOOD_CARD,
    PATIENCE,
    People,
    await_thanks,
    figures,
    follow,
    heading,
    pay_on_checkout,
    press,
    read_mail,
    row,
    sign_in_first,
    wait_for,
    words,
)

pytestmark = pytest.mark.browser
NAME = "Shire Valley Logistics"
EMAIL, PASSWORD = "grace.banda@shire-valley.example", "three paper boats afloat"


def sign_up(page: Any) -> None:
    page.get_by_label("Given name").fill("Grace")
    page.get_by_label("Family name").fill("Banda")
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(PASSWORD)
    press(page, "Make the account")
    mailbox = page.context.new_page()
    code = re.search(r"Your code: (\S+)", read_mail(mailbox, EMAIL, "Your code"))
    mailbox.close()
    assert code
    page.get_by_label("Code").fill(code[1])
    press(page, "Continue")


def fill_in_application(page: Any) -> None:
    """The four steps; each is saved when the next one is gone to."""
    page.get_by_label("Legal name of the organisation").fill(f"{NAME} Ltd")
    page.get_by_label("Name in the directory").fill(NAME)
    page.get_by_label("Type of organisation").select_option(label="Implementer")
    page.get_by_label("Country", exact=True).select_option(label="Malawi")
    page.get_by_label("What the organisation does").fill("Keeps district stores supplied.")
    press(page, "Save and go on")
    page.get_by_label("Primary contact", exact=True).fill("Grace Banda")
    page.get_by_label("E-mail address of the primary contact").fill(EMAIL)
    press(page, "Save and go on")
    come_back_to_the_draft(page)
    page.get_by_label("Constituency").select_option(label="Implementer")
    page.get_by_role("radio", name="Implementer – ").check()
    press(page, "Save and go on")
    for box in page.get_by_role("checkbox", name="We accept the ").all():
        box.check()
    page.get_by_label("Who accepts").fill("Grace Banda")
    page.get_by_label("Function of this person").fill("Director")
    page.get_by_label("This person may bind the organisation").check()
    press(page, "Save and go on")


def come_back_to_the_draft(page: Any) -> None:
    """Half-way somebody closes the page; what was written is there, and what lacks is named."""
    page.goto("/account/membership/")
    follow(page.get_by_role("link", name=NAME))
    assert heading(page) == "Check your answers"
    assert f"{NAME} Ltd" in words(page)
    assert not page.get_by_role("button", name="Accept the agreements and submit").count()
    follow(page.get_by_role("link", name="Choose a tier."))


def approve(people: People) -> None:
    """Staff take the application up and admit the organisation, having read what that does."""
    office = people.in_back_office("staff")
    office.goto("/admin/members/applications/")
    office.get_by_role("link", name=NAME).first.click()
    office.get_by_role("button", name="Begin the review").click()
    office.get_by_label("Approve").check()
    office.get_by_role("button", name="Continue").click()
    office.get_by_role("heading", name=f"Approve {NAME}").wait_for()
    office.get_by_role("button", name="Approve the application").click()
    office.get_by_text("Approved. The term is open and its invoice is issued.").wait_for()


def test_an_organisation_joins_from_sign_up_to_the_directory(people: People) -> None:
    page = people.visitor()
    page.goto("/join/")
    follow(page.get_by_role("link", name="Apply for membership").first)
    assert page.url.endswith(sign_in_first("/account/membership/apply/"))
    follow(page.locator("main").get_by_role("link", name="Make one"))
    sign_up(page)
    assert page.url == f"{people.demo.url}/account/membership/apply/"

    fill_in_application(page)
    assert heading(page) == "Check your answers"
    assert "$250.00 for a year: Implementer, Malawi." in words(page)
    press(page, "Accept the agreements and submit")
    assert heading(page) == f"Application of {NAME}"
    assert "A membership officer takes it up next." in words(page)
    application = page.url

    approve(people)

    page.goto(application)
    follow(page.get_by_role("link", name="Your membership").last)
    assert "Awaiting payment" in words(page)
    assert "$250.00" in words(page)
    page.goto("/members/")
    assert NAME not in words(page)

    page.goto("/account/membership/")
    invoice = page.get_by_role("link", name="INV-").first
    number = invoice.inner_text()
    follow(invoice)
    assert heading(page) == number
    assert f"{NAME} Ltd" in words(page)
    assert number in read_mail(page, EMAIL, f"invoice {number}")
    page.goto("/account/membership/")

    follow(page.get_by_role("button", name="Pay by card"))
    with people.demo.without_worker():
        pay_on_checkout(page, GOOD_CARD, "Grace Banda")
        assert heading(page) == "Your payment is being confirmed"
        payment = page.url
        page.goto("/account/membership/")
        assert "Awaiting payment" in words(page), "coming back from the card page proves nothing"
        page.goto(payment)
    # The page looks again by itself, without a script.
    page.locator("h1", has_text="Thank you").wait_for(timeout=PATIENCE * 1000)

    page.goto("/account/membership/")
    assert row(page, number).get_by_text("paid").is_visible()
    assert "The membership is current until" in words(page)
    follow(page.get_by_role("link", name="See it in the directory"))
    assert heading(page) == NAME
    assert "Keeps district stores supplied." in words(page)
    reader = people.visitor()
    reader.goto("/members/")
    follow(reader.get_by_role("link", name=NAME))
    assert "Malawi" in words(reader)


def test_dues_that_are_paid_are_in_the_books_of_the_general_fund(people: People) -> None:
    page = people.signed_in("member")
    page.goto("/pools/general/")
    before = figures(page)

    page.goto("/account/")
    follow(page.get_by_role("link", name="the dues are to be paid"))
    follow(page.get_by_role("button", name="Pay by card"))
    pay_on_checkout(page, GOOD_CARD, "Moses Phiri")
    await_thanks(page)

    def has_risen() -> bool:
        page.goto("/pools/general/")
        return figures(page)["Received"] > before["Received"]

    wait_for(has_risen, "the dues in what the general fund received")
    assert sum(list(figures(page).values())[:-1]) == figures(page)["Available"]
    page.goto("/account/membership/")
    assert "The membership is current until" in words(page)
