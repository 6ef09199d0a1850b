"""A donor gives, is refused by the bank, turns back, pledges, and reads what became of it."""

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.people import (
    DECLINED_CARD,
    GOOD_CARD,
    People,
    await_thanks,
    figures,
    follow,
    heading,
    pay_on_checkout,
    pledged,
    press,
    read_mail,
    row,
    wait_for,
    words,
)

pytestmark = pytest.mark.browser
GIFTS, PLEDGES = "/pools/country-voices/", "/pools/core-software/"


def received(page: Any, pool: str) -> Decimal:
    page.goto(pool)
    return figures(page)["Received"]


def section(page: Any, name: str) -> Any:
    return page.get_by_role("region", name=name, exact=True)


def begin_gift(page: Any, pool: str) -> None:
    """Choose 50.00 on the form and go on to the processor's page."""
    page.goto(pool)
    follow(page.get_by_role("link", name="Give to this pool").first)
    page.get_by_label("$50.00").check()
    press(page, "Continue to payment")


def own_gifts(page: Any) -> int:
    page.goto("/account/giving/")
    return int(section(page, "Gifts").locator("tbody tr").count())


def test_a_gift_by_card_is_received_to_the_cent_and_has_its_receipt(people: People) -> None:
    page = people.signed_in("donor")
    before = received(page, GIFTS)

    begin_gift(page, GIFTS)
    assert heading(page) == "Pay USD 50.00"
    pay_on_checkout(page, GOOD_CARD, "Dana Lindqvist")
    await_thanks(page)
    assert "We have received your payment of $50.00." in words(page)

    follow(page.get_by_role("link", name="See your receipt"))
    number = heading(page)
    assert number.startswith("RCT-")
    assert "Dana Lindqvist" in words(page)
    assert "$50.00" in words(page)
    pdf = page.request.get(page.get_by_role("link", name="Receipt as PDF").get_attribute("href"))
    assert pdf.headers["content-type"] == "application/pdf"
    assert pdf.body().startswith(b"%PDF-")

    wait_for(lambda: received(page, GIFTS) == before + 50, "50.00 more in what the pool received")
    page.goto("/account/giving/")
    own = section(page, "Gifts").locator("tbody tr").first.inner_text()
    assert "Country voices" in own
    assert "$50.00" in own
    assert "Received" in own
    assert number in own
    assert number in read_mail(page, "donor@example.org", f"Your receipt {number}")


def test_somebody_without_an_account_gives_and_gets_the_receipt_by_mail(people: People) -> None:
    page = people.visitor()
    page.goto(GIFTS)

    follow(page.get_by_role("link", name="Give to this pool").first)
    page.get_by_label("Another amount").last.fill("12.50")
    page.get_by_label("Your name").fill("Ada Passerby")
    page.get_by_label("E-mail address").fill("ada.passerby@example.org")
    page.get_by_label("By the name below").check()
    press(page, "Continue to payment")
    pay_on_checkout(page, GOOD_CARD, "Ada Passerby")
    await_thanks(page)

    mail = read_mail(page, "ada.passerby@example.org", "Your receipt")
    assert "12.50" in mail
    follow(page.get_by_role("link", name="/receipts/"))
    assert "Ada Passerby" in words(page)
    page.goto(GIFTS)
    assert "12.50" in row(page, "Ada Passerby").inner_text()


def test_a_declined_card_is_said_clearly_and_nothing_is_received(people: People) -> None:
    page = people.signed_in("donor")
    before = received(page, GIFTS)

    begin_gift(page, GIFTS)
    pay_on_checkout(page, DECLINED_CARD, "Dana Lindqvist")
    refusal = page.get_by_role("alert").inner_text()
    assert "The bank declined this card. Try another card. Nothing was taken." in refusal
    follow(page.get_by_role("link", name="Back"))
    wait_for(
        lambda: bool(page.reload()) and heading(page) == "The payment was not successful",
        "the refusal on the payment's own page",
    )
    assert "Nothing was taken and nothing is recorded as received." in words(page)
    assert page.get_by_role("button", name="Try again").is_visible()

    assert received(page, GIFTS) == before
    page.goto("/account/giving/")
    assert "Not paid" in section(page, "Gifts").locator("tbody tr").first.inner_text()


def test_after_a_declined_card_another_one_pays_the_same_gift_once(people: People) -> None:
    page = people.signed_in("donor")
    before, gifts = received(page, GIFTS), own_gifts(page)

    begin_gift(page, GIFTS)
    pay_on_checkout(page, DECLINED_CARD, "Dana Lindqvist")
    assert page.get_by_role("alert").is_visible()
    pay_on_checkout(page, GOOD_CARD, "Dana Lindqvist")
    await_thanks(page)

    wait_for(lambda: received(page, GIFTS) == before + 50, "50.00 more in what the pool received")
    assert own_gifts(page) == gifts + 1


def test_a_cancelled_checkout_is_said_clearly_and_can_be_taken_up_again(people: People) -> None:
    page = people.signed_in("donor")
    before = received(page, GIFTS)

    begin_gift(page, GIFTS)
    follow(page.get_by_role("link", name="Back"))
    assert heading(page) == "You have not paid yet"
    assert "Nothing was taken and nothing is recorded as received." in words(page)
    payment = page.url
    assert received(page, GIFTS) == before
    page.goto("/account/giving/")
    assert "Not paid" in section(page, "Gifts").locator("tbody tr").first.inner_text()

    follow(page.get_by_role("link", name="Pay this gift").first)
    assert page.url == payment.partition("?")[0]
    press(page, "Pay by card")
    pay_on_checkout(page, GOOD_CARD, "Dana Lindqvist")
    await_thanks(page)
    wait_for(lambda: received(page, GIFTS) == before + 50, "50.00 more in what the pool received")


def test_a_pledge_in_two_instalments_is_pledged_and_not_received(people: People) -> None:
    page = people.signed_in("donor")
    got = received(page, PLEDGES)
    promised = pledged(page)

    follow(page.get_by_role("link", name="Pledge to this pool"))
    page.get_by_label("Amount of the whole pledge").fill("1,000.00")
    page.get_by_label("Number of instalments").fill("2")
    page.get_by_label("An intent: you mean to give").check()
    press(page, "Check the pledge")
    assert heading(page) == "Check your pledge"
    parts = page.locator("tbody tr")
    assert [parts.nth(i).locator("td.num").inner_text() for i in range(parts.count())] == [
        "500.00",
        "500.00",
    ]
    draft = page.url
    page.goto(PLEDGES)
    assert pledged(page) == promised, "a draft counts for nothing"
    page.goto(draft)
    press(page, "Confirm this pledge")

    assert "Your pledge is confirmed. Thank you." in page.locator("body").inner_text()
    assert "$1,000.00" in words(page)
    assert page.locator("tbody tr", has_text="$500.00").count() == 2
    page.goto(PLEDGES)
    assert pledged(page) == promised + 1000
    assert figures(page)["Received"] == got
    page.goto("/account/giving/")
    own = section(page, "Pledges").locator("tbody tr", has_text="$1,000.00").first
    assert "Core software" in own.inner_text()
    assert "$500.00 on" in own.inner_text()


def test_an_instalment_that_is_paid_moves_from_pledged_to_received(people: People) -> None:
    page = people.signed_in("donor")
    page.goto("/pools/cold-chain-malawi/")
    got, promised = figures(page)["Received"], pledged(page)

    page.goto("/account/")
    follow(page.get_by_role("link", name="Cold chain for Malawi: an instalment").first)
    follow(page.locator("tbody tr").first.get_by_role("button", name="Pay $1,000.00"))
    pay_on_checkout(page, GOOD_CARD, "Dana Lindqvist")
    await_thanks(page)

    def both_moved() -> bool:
        page.goto("/pools/cold-chain-malawi/")
        return figures(page)["Received"] == got + 1000 and pledged(page) == promised - 1000

    wait_for(both_moved, "the instalment in received and no longer in pledged")
