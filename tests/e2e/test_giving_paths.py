"""Ways of giving that take more than one person, or more than one time, to the end."""

import datetime
import re
import subprocess
import sys
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from tests.e2e.demo import ROOT
from tests.e2e.people import (
    GOOD_CARD,
    PHONE,
    People,
    amount,
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
VOICES, SOFTWARE = "/pools/country-voices/", "/pools/core-software/"


def received(page: Any, pool: str) -> Any:
    page.goto(pool)
    return figures(page)["Received"]


def test_a_gift_every_month_is_begun_on_a_phone_and_its_first_money_is_received(
    people: People,
) -> None:
    page = people.visitor(width=PHONE)
    before = received(page, VOICES)

    follow(page.get_by_role("link", name="Give to this pool").first)
    page.get_by_label("$25.00").check()
    page.get_by_label("Every month").check()
    page.get_by_label("Your name").fill("Mona Monthly")
    page.get_by_label("E-mail address").fill("mona@example.org")
    page.get_by_label("As an anonymous donor").check()
    press(page, "Continue to payment")
    pay_on_checkout(page, GOOD_CARD, "Mona Monthly")
    agreement = page.url.partition("?")[0]
    wait_for(lambda: bool(page.goto(agreement)) and "RCT-" in words(page), "the first receipt")
    assert "$25.00, monthly" in words(page)

    assert "25.00" in read_mail(page, "mona@example.org", "Your receipt")
    wait_for(lambda: received(page, VOICES) == before + 25, "25.00 more in what was received")
    assert "Mona" not in page.content()


def press_in(office: Any, label: str) -> None:
    follow(office.locator("main").get_by_role("button", name=label, exact=True).first)


def bring_by_bank(office: Any, sum_of_line: str, reference: str) -> None:
    """The treasurer imports a statement with one line, and confirms what it is said to be."""
    office.goto("/admin/bank/statements/")
    dollars = office.locator("main tbody tr", has_text="USD").first
    closing = amount(dollars.locator("td").nth(4).inner_text())
    day = datetime.datetime.now(datetime.UTC).date()
    content = (
        "Date;Amount;Reference;Counterparty;Details\n"
        f"{day};{sum_of_line};E2E1;Dana Lindqvist;pledge {reference}\n"
    )
    office.goto("/admin/bank/statements/import/")
    office.get_by_label("Account").select_option("Main account (USD)")
    file = {"name": "today.csv", "mimeType": "text/csv", "buffer": content.encode()}
    office.get_by_label("File").set_input_files(file)
    press_in(office, "Continue")
    office.get_by_label("Opening balance").fill(str(closing))
    office.get_by_label("Closing balance").fill(str(closing + Decimal(sum_of_line)))
    press_in(office, "Show what it would bring")
    press_in(office, "Import")

    office.goto("/admin/bank/lines/")
    follow(
        office.locator("main tbody tr", has_text="Dana Lindqvist").first.get_by_role("link").first
    )
    press_in(office, "Check")
    assert "Posted to the ledger" in office.locator("main").inner_text()
    press_in(office, "Confirm")
    assert "Matched, and booked." in office.locator("main").inner_text()


def test_an_instalment_by_transfer_counts_once_its_line_is_matched(people: People) -> None:
    page = people.signed_in("donor")
    page.goto(SOFTWARE)
    follow(page.get_by_role("link", name="Pledge to this pool"))
    page.get_by_label("Amount of the whole pledge").fill("600.00")
    page.get_by_label("Number of instalments").fill("2")
    page.get_by_label("An intent: you mean to give").check()
    press(page, "Check the pledge")
    press(page, "Confirm this pledge")
    page.goto(SOFTWARE)
    got, promised = figures(page)["Received"], pledged(page)

    page.goto("/account/giving/")
    own = page.get_by_role("region", name="Pledges", exact=True)
    follow(own.locator("tbody tr", has_text="$600.00").first.get_by_role("link").first)
    follow(page.get_by_role("button", name="By bank transfer").first)
    assert heading(page) == "How to pay"
    reference = page.locator("dd", has_text="RF").first.inner_text()
    assert received(page, SOFTWARE) == got, "a transfer that is only announced counts for nothing"

    bring_by_bank(people.in_back_office("treasurer"), "300.00", reference)

    def both_moved() -> bool:
        page.goto(SOFTWARE)
        return bool(figures(page)["Received"] == got + 300 and pledged(page) == promised - 300)

    wait_for(both_moved, "the instalment in received and no longer in pledged")


def test_a_gift_that_staff_recorded_is_claimed_once_by_its_donor(people: People) -> None:
    office = people.in_back_office("treasurer")
    office.goto("/admin/giving/recorded/new/")
    office.get_by_label("Identifier").fill("LETTER-7")
    office.get_by_label("A payment that has come").check()
    office.get_by_label("Donor’s name").fill("Ministry of Health (example)")
    office.get_by_label("The donor is").select_option("An organisation")
    office.get_by_label("Pool", exact=False).last.select_option("Country voices (USD)")
    office.get_by_label("Amount").fill("75.00")
    office.get_by_label("Payment channel").select_option("Mobile money (example)")
    office.get_by_label("Evidence of a payment").fill("MM-0007")
    today = datetime.datetime.now(datetime.UTC).date()
    office.get_by_label("Paid on").fill(today.isoformat())
    office.get_by_label("Paid on").press("Escape")
    press_in(office, "Record it")
    office.goto("/admin/donors/")
    follow(office.get_by_role("link", name="Ministry of Health (example)").first)
    press_in(office, "Make a code")
    code = (
        office.get_by_role("region", name="The code for the letter").locator("strong").inner_text()
    )

    page = people.signed_in("donor")
    page.goto("/account/giving/")
    gifts = page.get_by_role("region", name="Gifts", exact=True).locator("tbody tr")
    before = gifts.count()
    page.goto("/account/giving/claim/")
    page.get_by_label("Code").fill(code)
    press(page, "Claim")
    page.goto("/account/giving/")
    assert gifts.count() == before + 1
    assert "$75.00" in words(page)

    page.goto("/account/giving/claim/")
    page.get_by_label("Code").fill(code)
    press(page, "Claim")
    page.goto("/account/giving/")
    assert gifts.count() == before + 1, "each is claimed once"


def verify_receipt(folder: Path) -> int:
    """What the single-file verifier ends with, of the proof and the keys in ``folder``."""
    tool = [sys.executable, ROOT / "tools" / "verify_ledger.py", "receipt", folder / "proof"]
    return subprocess.run(
        [*tool, "--keys", folder / "keys"], capture_output=True, check=False
    ).returncode


def test_a_figure_leads_down_to_an_entry_and_a_receipt_is_verified_offline(
    people: People, tmp_path: Path
) -> None:
    page = people.signed_in("donor")
    page.goto(VOICES)
    line = page.locator(".money tbody tr", has_text="Received")
    follow(line.get_by_role("link"))
    follow(page.locator("tbody tr").first.get_by_role("link").first)
    assert "Debits and credits are equal in each pool and currency." in words(page)
    assert row(page, "Received").get_by_role("cell", name="Country voices").count()

    page.goto("/account/giving/")
    # The oldest one: the newest may not be under a checkpoint yet.
    follow(page.get_by_role("link", name="RCT-").last)
    wait_for(lambda: bool(page.reload()) and "Download the proof" in words(page), "the proof")
    proof = page.request.get(
        page.get_by_role("link", name="Download the proof").get_attribute("href")
    )
    keys = page.request.get(page.get_by_role("link", name="Public keys").get_attribute("href"))
    (tmp_path / "proof").write_bytes(proof.body())
    (tmp_path / "keys").write_bytes(keys.body())
    assert verify_receipt(tmp_path) == 0

    elsewhere = re.sub(
        rb"index (\d+)", lambda found: b"index %d" % (int(found[1]) + 1), proof.body()
    )
    (tmp_path / "proof").write_bytes(elsewhere)
    assert verify_receipt(tmp_path) != 0, "of an entry that is not where the proof says"
