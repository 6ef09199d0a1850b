"""The journals for Beancount, checked by Beancount itself."""

import datetime
import subprocess
import sys
from pathlib import Path

import pytest

from core.transactions import use_case
from funding.ledger import checkpoints, queries, templates
from funding.ledger.models import Account
from funding.ledger.posting import post_many
from funding.transparency import beancount
from funding.transparency.downloads import major
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.pools import open_pool


@pytest.fixture
def outside(settings, tmp_path):
    """A folder of its own for the checkpoints that are kept outside the database."""
    settings.LEDGER_CHECKPOINT_DIR = str(tmp_path / "checkpoints")


def fill(pool, count):
    with use_case():
        post_many([gift_entry(pool, 100 + n, n % 5) for n in range(count)])


# Run as a program of its own: its licence is not ours.
BEAN_CHECK = Path(sys.executable).parent / "bean-check"


def bean_check(journal):
    answer = subprocess.run([BEAN_CHECK, journal], capture_output=True, text=True, check=False)
    return answer.returncode, answer.stderr


def balance_lines(text):
    return [line.split()[2:] for line in text.splitlines() if " balance " in line]


def balances_of(pools):
    """Of every account what the books say it stands at, as the journal writes it."""
    names = beancount.account_names()
    accounts = {(a.pool_id, a.code, a.currency): a.pk for a in Account.objects.all()}
    return sorted(
        [names[accounts[pool.pk, code, pool.currency]], str(major(amount, pool.currency)),
         pool.currency]
        for pool in pools
        for code, amount in queries.balances(pool, pool.currency).items()
    )  # fmt: skip


@pytest.mark.django_db
class TestBeancount:
    def test_it_accepts_the_journal_and_its_balances(self, outside, client, tmp_path):
        pools = [make_pool(currency=c, code=f"p_{c.lower()}") for c in ("USD", "JPY", "UGX", "KWD")]
        for pool in pools:
            post_now(gift_entry(pool, 123_456, 789, memo='Words "quoted" \\ here'))
            post_now(gift_entry(pool, 5, 0, date=datetime.date(2026, 1, 31)))
        checkpoints.publish()
        text = client.get("/ledger/ledger.beancount").getvalue().decode()
        journal = tmp_path / "ledger.beancount"
        journal.write_text(text, encoding="utf-8")
        assert bean_check(journal) == (0, "")
        assert "checkpoint of size 8" in text.splitlines()[0]
        assert sorted(balance_lines(text)) == balances_of(pools)
        assert len(balances_of(pools)) == 12
        journal.write_text(text.replace("1234.56 USD", "1234.55 USD"), encoding="utf-8")
        assert bean_check(journal)[0] != 0

    def test_it_is_of_the_published_checkpoint_whatever_is_posted_since(
        self, outside, client, tmp_path, monkeypatch
    ):
        monkeypatch.setattr(beancount, "CHUNK", 2)
        pool = make_pool("core")
        fill(pool, 5)
        checkpoints.publish()
        stands = balances_of([pool])
        sealed = client.get("/ledger/ledger.beancount").getvalue().decode()
        post_now(gift_entry(pool, 700, 0))  # not sealed
        other = make_pool("later")
        parts = []
        for part in client.get("/ledger/ledger.beancount").streaming_content:
            parts.append(part.decode())
            # In the middle of the stream, and even published.
            post_now(gift_entry(other, 900, 5))
            checkpoints.publish()
        text = "".join(parts)
        assert len(parts) > 3
        assert text == sealed
        assert sorted(balance_lines(text)) == stands
        journal = tmp_path / "ledger.beancount"
        journal.write_text(text, encoding="utf-8")
        assert bean_check(journal) == (0, "")

    def test_before_anything_is_published_it_is_empty_and_valid(self, outside, client, tmp_path):
        post_now(gift_entry(make_pool()))
        answer = client.get("/ledger/ledger.beancount")
        assert answer.status_code == 200
        journal = tmp_path / "ledger.beancount"
        journal.write_bytes(answer.getvalue())
        assert bean_check(journal) == (0, "")
        assert " * " not in journal.read_text(encoding="utf-8")

    def test_it_takes_one_short_query_a_chunk(
        self, outside, monkeypatch, django_assert_num_queries
    ):
        monkeypatch.setattr(beancount, "CHUNK", 10)
        fill(make_pool(), 40)
        checkpoints.publish()
        with django_assert_num_queries(8) as asked:  # names (2), sums, figures, four chunks
            list(beancount.journal(40))
        assert not any("CURSOR" in query["sql"] for query in asked.captured_queries)


@pytest.mark.django_db
class TestOfAPool:
    @pytest.fixture
    def pools(self, outside):
        pools = [make_pool("core", name='Core "software"'), make_pool("kids", also=("KWD",))]
        for number in range(5):
            post_now(gift_entry(pools[0], 1_000 + number, 10))
            post_now(gift_entry(pools[1], 123_456, 1, currency="KWD"))
            post_now(
                templates.transfer_between_pools(
                    key=f"t:{number}", pool="core", to_pool="kids", currency="USD",
                    amount=100 + number, date=A_DAY,
                )
            )  # fmt: skip
        checkpoints.publish()
        return pools

    def journal(self, client, tmp_path, code):
        answer = client.get(f"/pools/{code}/entries.beancount")
        assert answer.status_code == 200
        (tmp_path / "journal.beancount").write_bytes(answer.getvalue())
        assert bean_check(tmp_path / "journal.beancount") == (0, "")
        return (tmp_path / "journal.beancount").read_text(encoding="utf-8")

    def test_it_is_accepted_and_says_what_the_books_say(self, client, tmp_path, pools, monkeypatch):
        monkeypatch.setattr(beancount, "CHUNK", 2)
        for pool in pools:
            text = self.journal(client, tmp_path, pool.code)
            currencies = {"core": ["USD"], "kids": ["KWD", "USD"]}[pool.code]
            names = beancount.account_names()
            accounts = {(a.code, a.currency): a.pk for a in Account.objects.filter(pool=pool)}
            assert sorted(balance_lines(text)) == sorted(
                [names[accounts[code, currency]], str(major(amount, currency)), currency]
                for currency in currencies
                for code, amount in queries.balances(pool, currency).items()
            )
            figures = [line.split()[2:] for line in text.splitlines() if " custom " in line]
            assert figures == [
                ['"figure"', f'"{pool.code}"', f'"{name}"', str(major(amount, currency)), currency]
                for currency in currencies
                for name, amount in sorted(queries.figures(pool, currency).items())
                if amount
            ]
            assert text.count(" * ") == 10

    def test_what_is_posted_since_the_checkpoint_is_not_in_it(self, client, tmp_path, pools):
        before = self.journal(client, tmp_path, "core")
        post_now(gift_entry(pools[0], 700, 0))
        assert self.journal(client, tmp_path, "core") == before

    def test_of_a_pool_without_entries_and_of_none(self, client, tmp_path, pools):
        open_pool("new")
        assert " * " not in self.journal(client, tmp_path, "new")
        assert client.get("/pools/nobody/entries.beancount").status_code == 404

    def test_what_a_reader_has_already_is_not_sent_again(self, client, pools):
        addresses = ("/pools/core/entries.beancount", "/ledger/ledger.beancount")
        tags = [client.get(address)["ETag"] for address in addresses]

        def again():
            return [
                client.get(address, headers={"If-None-Match": tag})
                for address, tag in zip(addresses, tags, strict=True)
            ]

        assert [(answer.status_code, answer.content) for answer in again()] == [(304, b"")] * 2
        post_now(gift_entry(pools[0]))
        assert [answer.status_code for answer in again()] == [304, 304]  # not published yet
        checkpoints.publish()
        assert [answer.status_code for answer in again()] == [200, 200]
