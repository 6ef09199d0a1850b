"""What the ledger takes, and what it refuses."""

import dataclasses
import datetime
import itertools
import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from django.db import connection

from core.transactions import use_case
from funding.ledger import balances, queries
from funding.ledger.entries import FigureLine, Line, NewEntry
from funding.ledger.models import AccountBalance, Entry, Figure, Posting
from funding.ledger.posting import post, post_many, reverse
from funding.ledger.refusals import (
    AlreadyReversed,
    IdempotencyConflict,
    PeriodClosed,
    SameLineTwice,
    TooFewPostings,
    Unbalanced,
    UnknownAccount,
    UnknownFigure,
    ZeroPosting,
)
from funding.ledger.sql.guards import SLOTS, WRITERS
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.membership import make_officer


@pytest.mark.django_db
class TestPosting:
    def test_an_entry_keeps_its_lines_figures_period_and_day(self):
        pool = make_pool()

        posted = post_now(gift_entry(pool, 10_000, 320))

        entry = Entry.objects.get(pk=posted.entry_id)
        assert not posted.replayed
        assert {(row.account.code, row.amount) for row in entry.postings.all()} == {
            ("clearing", 9_680),
            ("fees", 320),
            ("contributions", -10_000),
        }
        assert {(row.name, row.amount) for row in entry.figures.all()} == {
            ("received", 10_000),
            ("fees", 320),
        }
        assert entry.period.month == datetime.date(2026, 3, 1)
        assert entry.effective_date == A_DAY

    def test_balances_and_figures_follow_each_entry(self):
        pool = make_pool()
        for _ in range(3):
            post_now(gift_entry(pool, 1_000, 50))

        assert queries.balances(pool, "USD") == {
            "clearing": 2_850,
            "fees": 150,
            "contributions": -3_000,
        }
        assert queries.figures(pool, "USD")["received"] == 3_000

    def test_it_is_one_statement_to_the_server(self, django_assert_num_queries):
        pool = make_pool()
        with use_case(), django_assert_num_queries(1):
            post(gift_entry(pool))

    def test_it_falls_with_the_callers_transaction(self):
        pool = make_pool()

        def give_and_fail():
            with use_case():
                post(gift_entry(pool))
                raise RuntimeError

        with pytest.raises(RuntimeError):
            give_and_fail()
        assert not Entry.objects.exists()
        assert queries.figures(pool, "USD")["received"] == 0

    def test_a_fee_of_nothing_leaves_no_line_of_zero(self):
        pool = make_pool()
        posted = post_now(gift_entry(pool, 500, 0))
        assert Posting.objects.filter(entry_id=posted.entry_id).count() == 2


@pytest.mark.django_db
class TestIdempotency:
    def test_the_same_key_and_content_returns_the_first_entry(self):
        pool = make_pool()
        entry = gift_entry(pool)
        first = post_now(entry)
        again = post_now(dataclasses.replace(entry, lines=tuple(reversed(entry.lines))))

        assert again.entry_id == first.entry_id
        assert again.replayed
        assert queries.figures(pool, "USD")["received"] == 10_000

    @pytest.mark.parametrize(
        "change",
        [
            {"memo": "Other words"},
            {"date": datetime.date(2026, 3, 11)},
            {"source": "payment:other"},
        ],
    )
    def test_the_same_key_with_other_content_is_refused(self, change):
        entry = gift_entry(make_pool())
        post_now(entry)
        with pytest.raises(IdempotencyConflict):
            post_now(dataclasses.replace(entry, **change))


def test_the_hash_of_an_entry_is_today_what_it_was_when_it_was_posted():
    """The hash stands in the books beside each key for ever. Were it made another way (a member
    more, another order), every key posted before would be refused as one of other content: a
    webhook that comes again, a job that is tried again. So this number never changes."""
    entry = NewEntry(
        key="payment:41",
        kind="grant-committed",
        date=A_DAY,
        memo="Für Malaŵi “2026”",
        source="grant:7",
        reverses=12,
        decision=True,
        lines=(
            Line("core", "grants-payable", "KWD", -1_500),
            Line("core", "grants-expense", "KWD", 1_500),
        ),
        figures=(FigureLine("core", "KWD", "committed", 1_500),),
    )
    stands = "8b2507f6fd9dce5d6375e04a93b5f8f7f0bd2201c0dc09a16ad948ab1cf5c0f8"
    assert entry.content_hash() == stands
    # Neither the order of the lines nor who booked it is a part of what is booked.
    assert dataclasses.replace(entry, lines=entry.lines[::-1]).content_hash() == stands
    by_another = dataclasses.replace(entry, prepared_by="user:3", approved_by=("user:4",))
    assert by_another.content_hash() == stands


@pytest.mark.django_db
class TestRefusals:
    def test_an_entry_that_does_not_balance_within_a_pool(self):
        one, two = make_pool(), make_pool()
        across = NewEntry(
            key="across",
            kind="test",
            date=A_DAY,
            lines=(Line(one.code, "bank", "USD", 100), Line(two.code, "bank", "USD", -100)),
        )
        with pytest.raises(Unbalanced):
            post_now(across)

    @pytest.mark.parametrize("part", ["lines", "figures"])
    def test_an_account_or_a_figure_named_twice(self, part):
        gift = gift_entry(make_pool(), 1_000, 0)
        halves = {
            "lines": (*gift.lines, *gift.lines),
            "figures": (*gift.figures, *gift.figures),
        }
        with pytest.raises(SameLineTwice):
            post_now(dataclasses.replace(gift, **{part: halves[part]}))

    def test_a_figure_in_a_currency_that_no_line_has(self):
        gift = gift_entry(make_pool())
        foreign = tuple(dataclasses.replace(line, currency="EUR") for line in gift.figures)
        with pytest.raises(UnknownFigure):
            post_now(dataclasses.replace(gift, figures=foreign))
        with pytest.raises(UnknownFigure), use_case():
            post_many([dataclasses.replace(gift, figures=foreign)])

    def test_an_account_the_pool_does_not_have(self):
        pool = make_pool()
        with pytest.raises(UnknownAccount):
            post_now(
                NewEntry(
                    key="x",
                    kind="test",
                    date=A_DAY,
                    lines=(Line(pool.code, "bank", "USD", 1), Line(pool.code, "sofa", "USD", -1)),
                )
            )

    def test_an_account_of_another_currency(self):
        pool = make_pool(currency="KWD")
        with pytest.raises(UnknownAccount):
            post_now(gift_entry(pool, currency="USD"))

    def test_a_figure_of_a_pool_that_does_not_exist(self):
        pool = make_pool()
        entry = gift_entry(pool)
        with pytest.raises(UnknownAccount):
            post_now(
                dataclasses.replace(entry, figures=(FigureLine("nowhere", "USD", "received", 1),))
            )

    def test_an_entry_of_fewer_than_two_postings(self):
        pool = make_pool()
        with pytest.raises(TooFewPostings):
            post_now(NewEntry(key="x", kind="test", date=A_DAY, lines=()))
        assert pool.postings.count() == 0

    def test_a_posting_of_zero(self):
        pool = make_pool()
        lines = (Line(pool.code, "bank", "USD", 0), Line(pool.code, "fees", "USD", 0))
        with pytest.raises(ZeroPosting):
            post_now(NewEntry(key="x", kind="test", date=A_DAY, lines=lines))


@pytest.mark.django_db
class TestReversal:
    def test_a_reversal_takes_back_lines_and_figures(self):
        pool = make_pool()
        entry = Entry.objects.get(pk=post_now(gift_entry(pool)).entry_id)
        with use_case():
            reverse(entry, date=A_DAY, reason="Entered twice", by=make_officer())

        assert set(queries.balances(pool, "USD").values()) == {0}
        assert set(queries.figures(pool, "USD").values()) == {0}

    def test_an_entry_is_reversed_once(self):
        pool = make_pool()
        entry = Entry.objects.get(pk=post_now(gift_entry(pool)).entry_id)
        with use_case():
            reverse(entry, date=A_DAY, reason="Entered twice", by=make_officer())
        again = gift_entry(pool)
        with pytest.raises(AlreadyReversed):
            post_now(dataclasses.replace(again, reverses=entry.pk))
        assert Figure.objects.filter(entry__reverses=entry).count() == 2


def in_fifty_threads(act):
    """What ``act`` answers to each number up to 50: all at once, each on a connection of its own."""
    start = threading.Barrier(50, timeout=60)

    def run(number):
        try:
            connection.ensure_connection()
            start.wait()
            return act(number)
        finally:
            connection.close()

    with ThreadPoolExecutor(50) as threads:
        return [done.result() for done in [threads.submit(run, number) for number in range(50)]]


def test_fifty_threads_posting_one_key_leave_one_entry(committed_db):
    pool = make_pool()
    entry = gift_entry(pool)

    results = in_fifty_threads(lambda number: post_now(entry))

    assert len({posted.entry_id for posted in results}) == 1
    assert sum(not posted.replayed for posted in results) == 1
    assert Entry.objects.count() == 1
    assert queries.figures(pool, "USD")["received"] == 10_000
    assert not list(balances.differences())


def writers_that_wait_for_a_slot():
    with connection.cursor() as cursor:
        cursor.execute(
            "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND classid = %s"
            " AND NOT granted AND database ="
            " (SELECT oid FROM pg_database WHERE datname = current_database())",
            [WRITERS],
        )
        (found,) = cursor.fetchone()
    return found


def test_more_writers_than_slots_leave_every_entry_and_exact_balances(committed_db):
    """As many as there are slots hold theirs until all others wait for one."""
    pool = make_pool()
    post_now(gift_entry(pool, 1, 0))  # the month is there, so that nobody waits for its row
    turns = itertools.count()

    def wait_for_the_others():
        until = time.monotonic() + 30
        while writers_that_wait_for_a_slot() < 50 - SLOTS:
            assert time.monotonic() < until, "Somebody got in whom no slot was left for."
            time.sleep(0.02)

    slots_taken = threading.Barrier(SLOTS, action=wait_for_the_others, timeout=60)

    def give(number):
        with use_case():
            posted = post(gift_entry(pool, 1_000 + number, number, key=f"gift:{number}"))
            if next(turns) < SLOTS:
                slots_taken.wait()
        return posted

    results = in_fifty_threads(give)

    assert len({posted.entry_id for posted in results}) == 50
    assert not any(posted.replayed for posted in results)
    assert Entry.objects.count() == 51
    # 1,000 to 1,049, of which 0 to 49 were fees; and the 1 from before.
    assert queries.balances(pool, "USD") == {
        "clearing": 50_001,
        "fees": 1_225,
        "contributions": -51_226,
    }
    clearing = AccountBalance.objects.filter(account__pool=pool, account__code="clearing")
    assert clearing.count() == SLOTS
    assert not list(balances.differences())


def test_a_closed_month_takes_no_entry_and_a_late_fact_goes_to_the_next_open_one(
    committed_db, owner_connection
):
    pool = make_pool()
    with owner_connection.cursor() as cursor:
        cursor.execute("INSERT INTO ledger_period (month, closed_at) VALUES ('2026-03-01', now())")
    owner_connection.commit()

    late = Entry.objects.get(pk=post_now(gift_entry(pool)).entry_id)

    assert late.period.month == datetime.date(2026, 4, 1)
    assert late.effective_date == A_DAY


@pytest.mark.django_db
def test_a_date_far_in_the_future_has_no_open_month():
    with pytest.raises(PeriodClosed, match="1 January 2062"):
        post_now(gift_entry(make_pool(), date=datetime.date(2062, 1, 1)))


def test_alone_it_is_a_transaction_of_its_own(committed_db):
    pool = make_pool()
    gift = gift_entry(pool, 500, 0)
    doubled = dataclasses.replace(gift.lines[1], amount=2 * gift.lines[1].amount)
    entry = post(gift)
    with pytest.raises(Unbalanced):
        post(dataclasses.replace(gift, key="other", lines=(gift.lines[0], doubled)))
    assert [found.pk for found in Entry.objects.all()] == [entry.entry_id]
    assert queries.figures(pool, "USD")["received"] == 500
