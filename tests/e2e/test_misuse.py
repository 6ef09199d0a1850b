"""What people do to a portal that nobody planned: press twice, go back, type nonsense, pry."""

import http.client
import urllib.parse
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest

from tests.e2e.people import (
    GOOD_CARD,
    People,
    await_thanks,
    figures,
    follow,
    heading,
    pay_on_checkout,
    press,
    words,
)

pytestmark = pytest.mark.browser
POOL = "/pools/cold-chain-malawi/"


def gifts_of(page: Any) -> int:
    page.goto("/account/giving/")
    return int(page.get_by_role("region", name="Gifts", exact=True).locator("tbody tr").count())


def send(page: Any, address: str) -> int:
    """The status of a POST that this person's browser could be made to send."""
    page.goto("/accounts/logout/")
    return int(page.request.post(address, form=token_of(page)).status)


def token_of(page: Any) -> dict[str, str]:
    """What makes a POST this person's own, from a form on the page."""
    token = page.locator("main [name=csrfmiddlewaretoken]").first.get_attribute("value")
    return {"csrfmiddlewaretoken": token}


def hrefs(page: Any, address: str, part: str) -> list[str]:
    page.goto(address)
    return [link.get_attribute("href") for link in page.locator(f"main a[href*='{part}']").all()]


def answers(page: Any, form: dict[str, str], times: int) -> list[tuple[int, str]]:
    """Status and target of the same form sent by this person's browser ``times`` times at once."""
    cookies = "; ".join(f"{cookie['name']}={cookie['value']}" for cookie in page.context.cookies())
    body = urllib.parse.urlencode(form).encode()

    def sent(_number: int) -> tuple[int, str]:
        connection = http.client.HTTPConnection(urllib.parse.urlsplit(page.url).netloc, timeout=30)
        headers = {"Cookie": cookies, "Content-Type": "application/x-www-form-urlencoded"}
        connection.request("POST", urllib.parse.urlsplit(page.url).path, body, headers)
        answer = connection.getresponse()
        return answer.status, answer.headers["Location"]

    with ThreadPoolExecutor(times) as pool:
        return list(pool.map(sent, range(times)))


def filled_in(page: Any) -> dict[str, str]:
    """What the form on the page would send."""
    boxes = page.locator("main form [name]:is(:checked, :not([type=radio], [type=checkbox]))")
    return {box.get_attribute("name"): box.input_value() for box in boxes.all()}


def test_a_double_press_on_the_give_button_makes_one_payment(people: People) -> None:
    page = people.signed_in("donor")
    before = gifts_of(page)

    page.goto("/give/cold-chain-malawi/")
    page.get_by_label("$25.00").check()
    page.locator("main").get_by_role("button", name="Continue to payment").dblclick()
    page.get_by_text("No money moves here").wait_for()

    assert gifts_of(page) == before + 1


def test_a_form_that_arrives_four_times_at_once_makes_one_payment(people: People) -> None:
    page = people.signed_in("donor")
    before = gifts_of(page)
    page.goto("/give/cold-chain-malawi/")
    page.get_by_label("$25.00").check()

    got = answers(page, filled_in(page), 4)

    statuses, checkouts = zip(*got, strict=True)
    assert set(statuses) == {303}
    assert len(set(checkouts)) == 1
    assert gifts_of(page) == before + 1


def test_a_gift_that_is_paid_is_not_taken_twice(people: People) -> None:
    page = people.signed_in("donor")
    page.goto("/give/cold-chain-malawi/")
    page.get_by_label("$25.00").check()
    press(page, "Continue to payment")
    checkout = page.url
    pay_on_checkout(page, GOOD_CARD, "Dana Lindqvist")
    await_thanks(page)
    payment = urllib.parse.urlsplit(page.url).path

    page.goto(checkout)
    assert heading(page) == "This payment is made"
    page.goto("/accounts/logout/")
    answers_again = page.request.post(f"{payment}pay/", form=token_of(page), max_redirects=0)

    assert answers_again.status == 303
    assert answers_again.headers["location"] == f"{payment}?returned=1"


def test_nonsense_for_an_amount_is_told_at_the_field_and_nothing_is_begun(people: People) -> None:
    page = people.signed_in("donor")
    before = gifts_of(page)

    for typed in ("", "0", "-50", "4.99", "1e3", "0.125", "fifty", "99999999999999999999"):
        page.goto("/give/country-voices/")
        page.get_by_label("Another amount").last.fill(typed)
        press(page, "Continue to payment")
        assert page.url == f"{people.demo.url}/give/country-voices/", typed
        assert page.title().startswith("Error: "), typed
        assert page.locator(".field.wrong .error").first.is_visible(), typed
        if typed:
            assert page.get_by_label("Another amount").last.input_value() == typed

    assert gifts_of(page) == before


def test_nobody_reaches_what_belongs_to_another(people: People) -> None:
    donor, member = people.signed_in("donor"), people.signed_in("member")
    pledges = hrefs(donor, "/account/giving/", "/account/giving/pledges/")
    applications = hrefs(member, "/account/membership/", "/account/membership/applications/")
    invoices = hrefs(member, "/account/membership/", "/invoices/")
    assert pledges
    assert applications
    assert invoices

    for address in pledges:
        assert member.goto(address).status == 404
        assert send(member, f"{address}withdraw/") == 404
        assert send(member, f"{address}instalments/1/pay/") == 404
    for address in applications:
        assert donor.goto(address).status == 404
        assert send(donor, f"{address}withdraw/") == 404
    for address in invoices:
        assert send(donor, f"/account/membership{address}pay/") == 404
    stranger = people.visitor()
    for address in pledges + applications:
        stranger.goto(address)
        assert heading(stranger) == "Sign in"


def test_the_page_of_a_payment_names_nobody_and_is_kept_by_nobody(people: People) -> None:
    donor = people.signed_in("donor")
    donor.goto("/give/country-voices/")
    donor.get_by_label("$25.00").check()
    press(donor, "Continue to payment")
    follow(donor.get_by_role("link", name="Back"))
    address = donor.url

    stranger = people.visitor()
    answer = stranger.goto(address)

    assert "$25.00" in words(stranger)
    assert "Dana" not in stranger.content()
    assert "donor@example.org" not in stranger.content()
    assert "no-store" in answer.headers["cache-control"]
    assert answer.headers["x-robots-tag"] == "noindex"


def test_a_notice_of_payment_that_the_processor_did_not_sign_moves_nothing(people: People) -> None:
    page = people.visitor()
    page.goto(POOL)
    before = figures(page)

    for signature in ({}, {"Stripe-Signature": "t=1,v1=" + 64 * "0"}):
        answer = page.request.post(
            "/payments/stripe/webhook/",
            data={"id": "evt_forged", "object": "event", "type": "checkout.session.completed"},
            headers=signature,
        )
        assert answer.status == 400

    page.goto(POOL)
    assert figures(page) == before


def test_a_form_of_another_site_is_refused_with_the_sites_own_page(people: People) -> None:
    page = people.signed_in("donor")

    answer = page.request.post("/give/country-voices/", form={"amount": "2500"})

    assert answer.status == 403
    assert "<h1>" in answer.text()
    assert "OpenLMIS Foundation" in answer.text()
