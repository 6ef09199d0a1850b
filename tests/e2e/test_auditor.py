"""An auditor takes nothing on trust: from each figure to its entries, to the file, to the books."""

from decimal import Decimal
from typing import Any

import pytest

from tests.e2e.people import People, amount, download, figures, follow, heading, total, words

# The pool of bank lines that nobody matched yet: it is in the books and has no page of its own.
HOLDING = "Money not matched yet"

pytestmark = pytest.mark.browser


def pools(page: Any) -> list[str]:
    page.goto("/pools/")
    found = [link.get_attribute("href") for link in page.locator("main h3 a").all()]
    assert len(found) == 4
    return found


def test_each_figure_of_each_pool_opens_into_entries_that_add_up_to_it(people: People) -> None:
    page = people.visitor()
    opened = 0

    for pool in pools(page):
        page.goto(pool)
        for label, figure in figures(page).items():
            link = page.locator(".money tbody tr", has_text=label).get_by_role("link")
            if not link.count():
                assert label == "Available", "every other figure can be opened"
                continue
            follow(link)
            assert heading(page) == label
            # A figure that lessens what is available is written with its own sign in the ledger.
            told = amount(page.locator("main .lead strong").inner_text())
            assert abs(told) == abs(figure)
            listed = [amount(cell.inner_text()) for cell in page.locator("tbody td.num").all()]
            assert sum(listed, Decimal(0)) == told

            file = page.get_by_role("link", name="Download as CSV").get_attribute("href")
            rows = download(page, file)
            assert len(rows) == len(listed)
            assert total(rows, "amount") == told
            opened += 1
            page.goto(pool)

    assert opened >= 11


def test_an_entry_balances_and_names_the_figures_it_feeds(people: People) -> None:
    page = people.visitor()
    page.goto("/pools/core-software/")
    follow(page.locator(".money").get_by_role("link").nth(1))
    assert heading(page) == "Received"

    follow(page.locator("tbody th a").first)

    assert page.locator(".eyebrow").inner_text().startswith("Entry ")
    postings = page.get_by_role("region", name="Postings")
    debits, credits = (
        [
            amount(cell.inner_text() or "0")
            for cell in postings.locator(f"tbody td:nth-child({n})").all()
        ]
        for n in (4, 5)
    )
    assert sum(debits) == sum(credits) > 0
    fed = page.get_by_role("region", name="Figures it feeds")
    assert "Received" in fed.inner_text()
    follow(fed.get_by_role("link", name="Received").first)
    assert heading(page) == "Received"


def test_the_whole_ledger_as_a_file_is_balanced_and_agrees_with_the_pages(people: People) -> None:
    page = people.visitor()
    page.goto("/ledger/")
    file = page.get_by_role("link", name="Download the whole ledger as CSV").get_attribute("href")
    rows = download(page, file)

    entries: dict[tuple[str, str, str], Decimal] = {}
    for row in rows:
        key = (row["entry"], row["pool"], row["currency"])
        signed = Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
        entries[key] = entries.get(key, Decimal(0)) + signed
    assert entries
    assert set(entries.values()) == {Decimal(0)}, "each entry balances per pool and currency"

    for pool in pools(page):
        page.goto(pool)
        all_entries = page.get_by_role("link", name="All entries as a table (CSV)")
        of_pool = download(page, all_entries.get_attribute("href"))
        code = pool.strip("/").rpartition("/")[2]
        assert of_pool == [row for row in rows if row["pool"] == code]
        page.goto(f"{pool}entries/")
        changes = [amount(cell.inner_text()) for cell in page.locator("tbody td.num").all()]
        told = amount(page.locator("main .lead strong").inner_text())
        page.goto(pool)
        assert sum(changes, Decimal(0)) == told == figures(page)["Available"]


def test_the_sums_of_the_ledger_page_are_those_of_the_pools(people: People) -> None:
    page = people.visitor()
    table = "section:has(#pools) table"

    def column(part: str, label: str) -> list[Decimal]:
        page.goto("/ledger/")
        rows = page.locator(f"{table} {part} tr").filter(has_not_text=HOLDING)
        cells = rows.locator(f"td[data-label='{label}']").all()
        return [amount(cell.inner_text()) for cell in cells]

    lines = []
    for pool in pools(page):
        page.goto(pool)
        lines.append(figures(page))
    for label in ("Received", "Available"):
        assert column("tbody", label) == [line[label] for line in lines]
        assert column("tfoot", label) == [sum(line[label] for line in lines)]


def test_the_operator_finds_the_whole_ledger_sound(people: People) -> None:
    answer = people.demo.manage("verify_ledger")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "The ledger is sound" in answer.stdout


def test_the_operator_finds_members_and_dues_agreeing_with_the_ledger(people: People) -> None:
    answer = people.demo.manage("verify_membership")

    assert answer.returncode == 0, answer.stdout + answer.stderr
    assert "Membership is sound" in answer.stdout


def test_the_auditor_reads_the_back_office_and_changes_nothing(people: People) -> None:
    office = people.in_back_office("auditor")

    answer = office.goto("/admin/members/applications/")
    assert answer.status == 200
    office.get_by_role("link", name="Island Medical Stores").click()
    office.get_by_text("The organisation", exact=True).wait_for()
    assert office.get_by_role("button", name="Begin the review").count() == 0
    assert office.get_by_role("button", name="Continue").count() == 0
    assert office.goto("/admin/pages/3/edit/").url == f"{people.demo.url}/admin/"


def test_pages_of_the_books_read_the_same_in_french(people: People) -> None:
    page = people.visitor()
    page.goto("/pools/country-voices/")
    english = list(figures(page).values())

    page.goto("/fr/pools/country-voices/")
    cells = [cell.inner_text() for cell in page.locator(".money tbody td").all()]

    assert [amount(cell.replace(",", ".")) for cell in cells] == english
    assert "Reçu" in words(page)
