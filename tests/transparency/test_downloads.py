"""CSV of the books: what stands in the file, that it streams, and that nothing in it runs."""

import csv
import datetime
import io
import threading
from collections import Counter, defaultdict
from decimal import Decimal

import pytest
from django.db import connection
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from core.cells import text_cell
from core.transactions import use_case
from funding.ledger import queries as books
from funding.ledger import sealing, templates
from funding.ledger.models import Entry, Posting
from funding.ledger.posting import post
from funding.transparency import copying, downloads
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.pools import open_pool


def read(content):
    text = content.decode("utf-8")
    assert text.startswith("\ufeff"), "spreadsheets need the mark to read accents"
    return list(csv.DictReader(io.StringIO(text.removeprefix("\ufeff"), newline="")))


def read_csv(response):
    assert response.status_code == 200
    return read(b"".join(response.streaming_content))


@pytest.fixture
def small_chunks(monkeypatch):
    monkeypatch.setattr(copying, "CHUNK", 4)


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


def transfer(pool, other, amount, currency="USD"):
    return templates.transfer_between_pools(
        key=f"t:{amount}", pool=pool.code, to_pool=other.code, currency=currency, amount=amount,
        date=A_DAY,
    )  # fmt: skip


@pytest.mark.django_db
class TestWhatStandsInTheFile:
    def test_each_posting_is_there_with_all_that_is_public_of_its_entry(self, client):
        pool = make_pool("kuwait", currency="KWD")
        memo = 'Zoë said "no", twice\nand left; 5\\6'
        number = post_now(gift_entry(pool, 12_345, 45, memo=memo, source="gift:7")).entry_id
        entry = Entry.objects.get(pk=number)
        rows = read_csv(client.get("/pools/kuwait/entries.csv"))
        assert list(rows[0]) == copying.POSTING_COLUMNS
        common = {
            "entry": str(number),
            "effective_date": "2026-03-10",
            "recorded_at": entry.recorded_at.astimezone(datetime.UTC).isoformat(timespec="seconds"),
            "period": f"{entry.period.month:%Y-%m}",
            "kind": "card-gift",
            "pool": "kuwait",
            "currency": "KWD",
            "memo": memo,
            "source": "gift:7",
            "reverses": "",
        }
        amounts = {
            "clearing": ("12.300", ""), "fees": ("0.045", ""), "contributions": ("", "12.345"),
        }  # fmt: skip
        by_account = {row["account"]: row for row in rows}
        assert len(rows) == 3
        for account, (debit, credit) in amounts.items():
            assert by_account[account] == {
                **common, "account": account, "debit": debit, "credit": credit,
            }  # fmt: skip

    @pytest.mark.parametrize(
        ("currency", "amount", "text"),
        [
            ("UGX", 5, "5"), ("USD", 5, "0.05"), ("KWD", 9_000_000_000_000_001, "9000000000000.001"),
            ("USD", 10_000, "100.00"), ("CLF", 1, "0.0001"), ("USD", 10**16, "100000000000000.00"),
        ],
    )  # fmt: skip
    def test_a_number_has_its_currencys_decimals_and_none_is_lost(
        self, client, currency, amount, text
    ):
        pool = make_pool("p", currency=currency)
        post_now(gift_entry(pool, amount, 0))
        (row,) = read_csv(client.get("/pools/p/entries.csv?figure=received"))
        assert row["amount"] == text == str(downloads.major(amount, currency))

    def test_what_counts_against_a_figure_is_a_negative_number(self, client, pool):
        other = make_pool("other")
        post_now(transfer(pool, other, 700))
        (row,) = read_csv(client.get(f"/pools/{pool.code}/entries.csv?figure=transfers"))
        assert row["amount"] == "-7.00"

    def test_every_figure_and_every_account_adds_up_to_the_page(self, client, pool):
        other = make_pool("other")
        post_now(transfer(pool, other, 700))
        for one in (pool, other):
            for name, amount in books.figures(one, "USD").items():
                rows = read_csv(client.get(f"/pools/{one.code}/entries.csv?figure={name}"))
                total = sum((Decimal(row["amount"]) for row in rows), Decimal(0))
                assert total == downloads.major(amount, "USD"), name
            accounts = defaultdict(Decimal)
            for row in read_csv(client.get(f"/pools/{one.code}/entries.csv")):
                accounts[row["account"]] += Decimal(row["debit"] or 0) - Decimal(row["credit"] or 0)
            assert accounts == {
                code: downloads.major(amount, "USD")
                for code, amount in books.balances(one, "USD").items()
            }

    def test_an_unknown_pool_or_figure_is_not_found(self, client, pool):
        assert client.get("/pools/nobody/entries.csv").status_code == 404
        assert client.get(f"/pools/{pool.code}/entries.csv?figure=nothing").status_code == 404
        assert client.post("/ledger/entries.csv").status_code == 405

    def test_a_pool_without_entries_is_its_head_alone(self, client):
        open_pool("new")
        for query in ("", "?figure=received"):
            assert read_csv(client.get(f"/pools/new/entries.csv{query}")) == []


@pytest.mark.django_db
class TestFormulas:
    @pytest.mark.parametrize("text", ["=1+1", "+1", "-1", "@SUM(A1)", "\t=1", "\r=1"])
    def test_text_that_a_spreadsheet_would_run_is_neutralised(self, text):
        assert text_cell(text) == f"'{text}"

    def test_a_memo_that_looks_like_a_formula_is_neutralised_in_the_file(self, client):
        pool = make_pool("p")
        post_now(gift_entry(pool, memo="=HYPERLINK(0)", source="@gift:1"))
        for query in ("", "?figure=received"):
            rows = read_csv(client.get(f"/pools/p/entries.csv{query}"))
            assert {(row["memo"], row["source"]) for row in rows} == {
                ("'=HYPERLINK(0)", "'@gift:1")
            }

    @hypothesis_settings(
        max_examples=200, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
    )
    @given(
        st.builds(
            str.__add__,
            st.sampled_from(["", "=", "+", "-", "@", "\t", "\r", "\n", " ", "'", '"', "\\.", ","]),
            st.text(
                st.characters(exclude_categories=("Cs",), exclude_characters="\0"), max_size=20
            ),
        )
    )
    def test_the_database_writes_a_text_as_python_does(self, text):
        with connection.cursor() as cursor:
            piece = io.BytesIO()
            sql = f"COPY (SELECT {copying.text_cell('t')}, 1 FROM (VALUES (%s)) v (t))"
            cursor.copy_expert(cursor.mogrify(f"{sql} TO STDOUT (FORMAT csv)", [text]), piece)
        ((cell, one),) = csv.reader(io.StringIO(piece.getvalue().decode(), newline=""))
        assert (cell, one) == (text_cell(text), "1")


@pytest.mark.django_db
@pytest.mark.usefixtures("small_chunks")
class TestStreaming:
    def test_a_file_in_chunks_is_the_file_in_one(self, client, pool, monkeypatch):
        other = make_pool("other")
        for number in range(9):
            post_now(gift_entry(other if number % 3 else pool, 100 + number, number % 2))
        post_now(transfer(pool, other, 700))
        addresses = (
            "/ledger/entries.csv",
            f"/pools/{pool.code}/entries.csv",
            "/pools/other/entries.csv",
            f"/pools/{pool.code}/entries.csv?figure=received",
        )
        chunked = [read_csv(client.get(address)) for address in addresses]
        monkeypatch.setattr(copying, "CHUNK", 1_000)
        assert [read_csv(client.get(address)) for address in addresses] == chunked
        whole, *_pools, received = chunked
        assert len(whole) == Posting.objects.count()
        assert {row["pool"] for row in chunked[1]} == {pool.code}
        assert len(chunked[1]) + len(chunked[2]) == len(whole)
        assert [int(row["entry"]) for row in received] == sorted(
            pool.figures.filter(name="received").values_list("entry_id", flat=True)
        )

    @pytest.mark.parametrize("query", ["", "?figure=received"])
    def test_it_is_of_one_state_whatever_is_posted_meanwhile(self, client, pool, query):
        for number in range(20):
            post_now(gift_entry(pool, 100 + number, number % 2))
        address = f"/pools/{pool.code}/entries.csv{query}"
        before = read_csv(client.get(address))
        parts = []
        for part in client.get(address).streaming_content:
            parts.append(part)
            post_now(gift_entry(pool, 900, 5))
        assert len(parts) > 5
        assert read(b"".join(parts)) == before
        assert len(read_csv(client.get(address))) > len(before)

    def test_each_entry_is_whole(self, client, pool):
        rows = read_csv(client.get("/ledger/entries.csv"))
        counts = dict(Entry.objects.values_list("pk", "posting_count"))
        assert Counter(int(row["entry"]) for row in rows) == counts

    def test_a_piece_holds_one_chunk_and_not_the_file(self, client, pool):
        for number in range(40):
            post_now(gift_entry(pool, 100 + number, 1))
        sizes = [part.count(b"\n") for part in copying.postings(copying.present(), pool)]
        assert max(sizes) <= 4 * 3
        assert len(sizes) == 1 + 44 / 4

    def test_what_a_reader_has_already_is_not_sent_again(self, client, pool):
        address = f"/pools/{pool.code}/entries.csv"
        first = client.get(address)
        again = client.get(address, headers={"If-None-Match": first["ETag"]})
        assert (again.status_code, again.content) == (304, b"")
        assert again["ETag"] == first["ETag"]
        post_now(gift_entry(pool))
        changed = client.get(address, headers={"If-None-Match": first["ETag"]})
        assert changed.status_code == 200
        assert len(read_csv(changed)) == len(read_csv(first)) + 3


class TestWithOthersAtWork:
    def test_an_entry_committed_during_the_file_is_not_in_it_though_its_number_is_lower(
        self, committed_db, small_chunks
    ):
        """And once it is committed, it is there, and the file is known to be another one."""
        pool = make_pool()
        first = post_now(gift_entry(pool)).entry_id
        numbered, go = threading.Event(), threading.Event()
        late = []

        def commit_late():
            with use_case():
                late.append(post(gift_entry(pool)).entry_id)
                numbered.set()
                go.wait(20)
            connection.close()

        thread = threading.Thread(target=commit_late)
        thread.start()
        numbered.wait(20)
        early = [post_now(gift_entry(pool)).entry_id for _ in range(6)]
        for _ in range(3):
            sealing.seal_all()
        of = copying.present()
        assert (of.last, of.missing) == (early[-1], {late[0]})
        stream = copying.postings(of)
        parts = [next(stream)]
        go.set()
        thread.join()
        parts += stream
        assert {int(row["entry"]) for row in read(b"".join(parts))} == {first, *early}

        now = copying.present()
        assert now.tag != of.tag
        whole = read(b"".join(copying.postings(now)))
        assert {int(row["entry"]) for row in whole} == {first, late[0], *early}

    def test_a_reader_who_goes_away_leaves_nothing_open(self, committed_db, client, small_chunks):
        pool = make_pool("p")
        for number in range(20):
            post_now(gift_entry(pool, 100 + number, 1))
        response = client.get("/ledger/entries.csv")
        content = iter(response.streaming_content)
        for _ in range(3):
            next(content)
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database()"
                " AND state LIKE 'idle in transaction%'"
            )
            assert cursor.fetchone() == (0,)
            cursor.execute("SELECT count(*) FROM pg_cursors")
            assert cursor.fetchone() == (0,)
        response.close()
        assert not connection.in_atomic_block
        assert connection.is_usable()
        assert read_csv(client.get("/ledger/entries.csv"))
