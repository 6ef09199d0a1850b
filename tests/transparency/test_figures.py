"""Every public number opens into its entries, and their sum is the number."""

import csv
import datetime
import io
from decimal import Decimal

import pytest

from funding.ledger import checkpoints, sealing, templates
from funding.ledger import queries as books
from funding.ledger.models import Cosignature, Entry, Figure
from funding.transparency import queries
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now

pytestmark = pytest.mark.django_db


def read_csv(response):
    text = b"".join(response.streaming_content).decode("utf-8")
    assert text.startswith("\ufeff"), "spreadsheets need the mark to read accents"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"))))


@pytest.fixture
def pool():
    pool = make_pool("country-voices", name="Country voices")
    for number in range(3):
        post_now(gift_entry(pool, 10_000 + number, 320))
    post_now(
        templates.own_spending_paid(
            key="s", pool=pool.code, currency="USD", amount=4_200, date=A_DAY, memo="Interpreters"
        )
    )
    return pool


class TestSummary:
    def test_the_rows_add_up_to_what_is_available(self, pool):
        summary = queries.pool_summary(pool)
        *rows, total = summary.rows
        assert [row.name for row in rows] == ["received", "fees", "expenses"]
        assert sum(row.amount for row in rows) == total.amount == summary.available
        assert summary.available == 30_003 - 960 - 4_200

    def test_a_pool_without_entries_shows_received_nothing_and_available_nothing(self):
        summary = queries.pool_summary(make_pool())
        assert [(row.name, row.amount) for row in summary.rows] == [
            ("received", 0),
            ("available", 0),
        ]

    def test_a_pool_below_zero_shows_its_shortfall(self):
        pool = make_pool()
        post_now(
            templates.bank_charge(key="c", pool=pool.code, currency="USD", amount=900, date=A_DAY)
        )
        assert queries.pool_summary(pool).shortfall == 900

    def test_transfers_between_pools_cancel_out_for_the_foundation(self, pool):
        other = make_pool()
        before = queries.foundation_summaries()[0]
        post_now(
            templates.transfer_between_pools(
                key="t", pool=pool.code, to_pool=other.code, currency="USD", amount=5_000,
                date=A_DAY,
            )
        )  # fmt: skip
        after = queries.foundation_summaries()[0]
        assert after.figures["transfers"] == 0
        assert after.available == before.available

    def test_all_pools_take_one_query(self, pool, django_assert_num_queries):
        pools = [pool, make_pool(), make_pool()]
        with django_assert_num_queries(1):
            summaries = queries.pool_summaries(pools)
        assert summaries[pool.pk].received == 30_003
        assert summaries[pools[1].pk].received == 0


class TestEntriesOfAFigure:
    def test_the_auditor_goes_from_a_figure_to_its_entries_and_the_sums_agree(self, client, pool):
        for row in queries.pool_summary(pool).rows[:-1]:
            page = client.get(row.href)
            assert page.status_code == 200
            assert page.context["total"] == sum(line.amount for line in page.context["rows"])
            assert abs(row.amount) == page.context["total"]

    def test_the_csv_of_a_figure_adds_up_to_the_figure(self, client, pool):
        rows = read_csv(client.get(f"/pools/{pool.code}/entries.csv?figure=received"))
        assert sum(Decimal(row["amount"]) for row in rows) == Decimal("300.03")
        assert {row["currency"] for row in rows} == {"USD"}

    def test_the_csv_of_a_pool_balances(self, client, pool):
        rows = read_csv(client.get(f"/pools/{pool.code}/entries.csv"))
        debit = sum(Decimal(row["debit"] or 0) for row in rows)
        credit = sum(Decimal(row["credit"] or 0) for row in rows)
        assert debit == credit > 0

    def test_the_whole_ledger_holds_every_pool(self, client, pool):
        other = make_pool("core-software")
        post_now(gift_entry(other))
        rows = read_csv(client.get("/ledger/entries.csv"))
        assert {row["pool"] for row in rows} == {"country-voices", "core-software"}

    def test_three_decimals_stay_three(self, client):
        pool = make_pool("kuwait", currency="KWD")
        post_now(gift_entry(pool, 12_345, 0))
        rows = read_csv(client.get("/pools/kuwait/entries.csv?figure=received"))
        assert rows[0]["amount"] == "12.345"

    def test_a_long_listing_pages_without_losing_or_repeating_an_entry(
        self, client, pool, monkeypatch
    ):
        monkeypatch.setattr("funding.transparency.views.PAGE", 2)
        seen, address = [], f"/pools/{pool.code}/entries/"
        while address:
            page = client.get(address)
            seen += [row.entry.pk for row in page.context["rows"]]
            older = page.context["older"]
            address = f"/pools/{pool.code}/entries/{older}" if older else ""
        assert seen == sorted(Entry.objects.values_list("pk", flat=True), reverse=True)

    def test_another_pools_side_of_a_transfer_does_not_count(self, client, pool):
        other = make_pool("other")
        post_now(
            templates.transfer_between_pools(
                key="t", pool=pool.code, to_pool="other", currency="USD", amount=700,
                date=A_DAY,
            )
        )  # fmt: skip
        page = client.get("/pools/other/entries/?figure=transfers")
        assert [row.amount for row in page.context["rows"]] == [700]
        rows = read_csv(client.get("/pools/other/entries.csv?figure=transfers"))
        assert [row["amount"] for row in rows] == ["7.00"]
        assert other.postings.count() == 2

    def test_a_figure_in_two_pools_counts_an_entry_once(self):
        """A transfer feeds the figure of both of its pools; a page is as long as was asked."""
        here, there = make_pool("here"), make_pool("there")
        post_now(gift_entry(here))
        numbers = [
            post_now(
                templates.transfer_between_pools(
                    key=f"t{number}", pool="here", to_pool="there", currency="USD", amount=700,
                    date=A_DAY,
                )
            ).entry_id
            for number in range(10)
        ]  # fmt: skip
        filters = books.EntryFilters(figure="transfers")
        first = books.entries(filters, limit=6)
        assert [entry.pk for entry in first.entries] == numbers[:3:-1]
        assert first.next_after == numbers[4]
        rest = books.entries(filters, after=first.next_after, limit=6)
        assert [entry.pk for entry in rest.entries] == numbers[3::-1]
        assert rest.next_after is None
        assert there.figures.count() == 10

    @pytest.mark.parametrize(
        "address",
        [
            "/pools/nowhere/entries/",
            "/pools/country-voices/entries/?figure=wishes",
            "/pools/country-voices/entries/?after=yesterday",
            "/pools/country-voices/entries/?after=99999999999999999999",
            "/pools/country-voices/entries.csv?figure=wishes",
            "/ledger/entries/999999999/",
        ],
    )
    def test_what_does_not_exist_is_not_found(self, client, pool, address):
        assert client.get(address).status_code == 404


class TestOneEntry:
    def test_it_shows_postings_figures_and_both_dates(self, client, pool):
        entry = Entry.objects.get(kind="own-spending")
        page = client.get(f"/ledger/entries/{entry.pk}/").content.decode()
        assert "Interpreters" in page
        assert "42.00" in page
        assert f"{A_DAY:%Y-%m-%d}" in page
        assert "?figure=expenses" in page

    def test_the_ledger_page_lists_pools_and_entries(self, client, pool):
        page = client.get("/ledger/").content.decode()
        assert "Country voices" in page
        assert "Interpreters" in page

    def test_an_empty_ledger_says_what_will_be_here(self, client):
        assert "No pool has entries yet" in client.get("/ledger/").content.decode()

    def test_the_page_takes_as_many_queries_for_many_entries_as_for_few(
        self, client, pool, django_assert_max_num_queries
    ):
        for number in range(30):
            post_now(gift_entry(pool, 100 + number, 1))
        with django_assert_max_num_queries(8):
            client.get(f"/pools/{pool.code}/entries/")


class TestProofOnThePages:
    @pytest.fixture(autouse=True)
    def outside(self, settings, tmp_path):
        settings.LEDGER_CHECKPOINT_DIR = str(tmp_path)

    @staticmethod
    def cosign(checkpoint, name):
        Cosignature.objects.create(checkpoint=checkpoint, witness=name, line=f"\u2014 {name} AAAA")

    def test_the_ledger_says_who_signed_what_is_published(self, client, pool):
        def sentence():
            page = client.get("/ledger/").content.decode()
            return page.partition("a public log that only grows, ")[2].partition("</p>")[0]

        assert sentence() == "signed by us."
        checkpoint = checkpoints.publish()
        assert sentence() == "signed by us."
        self.cosign(checkpoint, "a.test")
        assert sentence() == "signed by us and by a witness outside."
        self.cosign(checkpoint, "b.test")
        assert sentence() == "signed by us and by 2 witnesses outside."

    def test_an_entry_says_how_far_its_proof_is(self, client, pool):
        entry = Entry.objects.last()
        address = f"/ledger/entries/{entry.pk}/"
        assert "Not sealed yet" in client.get(address).content.decode()
        sealing.seal_all()
        waiting = client.get(address).content.decode()
        assert "not yet under a published checkpoint" in waiting
        assert "Not sealed yet" not in waiting
        assert "Download the proof" not in waiting
        checkpoints.publish()
        published = client.get(address).content.decode()
        assert f"Its place in the log is {entry.leaf.sequence}" in published
        assert "Download the proof" in published
        assert f"/ledger/entries/{entry.pk}.tlog-proof" in published
        assert "receipt" not in published


def test_every_kind_of_entry_and_every_account_has_words():
    from funding.ledger.chart import CHART
    from funding.transparency.labels import ACCOUNTS, ENTRY_KINDS
    from tests.ledger.test_templates import COMMON, TABLE

    assert set(CHART) == set(ACCOUNTS)
    made = {getattr(templates, event)(**COMMON, **amounts).kind for event, amounts, *_ in TABLE}
    assert made <= set(ENTRY_KINDS)
    assert Figure.Name.values
    assert isinstance(A_DAY, datetime.date)
