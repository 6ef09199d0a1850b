"""Closing months and years: what was closed never changes, and nothing is lost by it."""

import datetime
import threading

import pytest
from django.core.management import call_command
from django.db import connection
from django.utils import timezone

from core.transactions import use_case
from funding.ledger import balances, jobs, queries, templates
from funding.ledger.models import AccountBalance, Entry, Period
from funding.ledger.periods import close_month, close_year, month_after
from funding.ledger.posting import reverse
from funding.ledger.refusals import (
    EarlierMonthOpen,
    MonthClosed,
    MonthNotOver,
    PeriodClosed,
    YearNotClosed,
)
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.membership import make_officer

MARCH, APRIL = datetime.date(2026, 3, 1), datetime.date(2026, 4, 1)


def on(month, day=10):
    return datetime.date(2026, month, day)


def close(month, by=None):
    with use_case():
        return close_month(month, by=by or make_officer(), reason="All statements are in")


@pytest.mark.django_db
class TestClosingAMonth:
    def test_figures_and_balances_stay_the_same_and_are_carried_forward(self):
        pool = make_pool()
        post_now(gift_entry(pool, 1_000, 50, date=on(3)))
        post_now(gift_entry(pool, 2_000, 60, date=on(4)))
        before = queries.balances(pool, "USD"), queries.figures(pool, "USD")

        assert close(on(3, 31)).month == MARCH
        assert (queries.balances(pool, "USD"), queries.figures(pool, "USD")) == before
        close(APRIL)
        assert (queries.balances(pool, "USD"), queries.figures(pool, "USD")) == before
        post_now(gift_entry(pool, 500, 0, date=on(5)))
        assert queries.figures(pool, "USD")["received"] == 3_500
        assert not list(balances.differences())

    def test_a_late_fact_stands_in_the_next_open_month_with_its_own_day(self):
        pool = make_pool()
        post_now(gift_entry(pool, date=on(3)))
        close(MARCH)
        late = Entry.objects.get(pk=post_now(gift_entry(pool, date=on(3, 20))).entry_id)
        older = Entry.objects.get(pk=post_now(gift_entry(pool, date=on(1))).entry_id)

        assert (late.period.month, late.effective_date) == (APRIL, on(3, 20))
        assert older.period.month == APRIL
        assert queries.statement(pool, MARCH).figures["received"].change == 10_000

    def test_months_are_closed_in_order_once_and_only_when_over(self):
        pool = make_pool()
        post_now(gift_entry(pool, date=on(2)))
        with pytest.raises(EarlierMonthOpen, match="February 2026 first"):
            close(MARCH)
        close(on(2))
        with pytest.raises(MonthClosed):
            close(on(2))
        with pytest.raises(EarlierMonthOpen, match="March 2026 first"):
            close(APRIL)
        close(MARCH)
        with pytest.raises(MonthNotOver):
            close(datetime.date.today())

    def test_a_correction_of_a_closed_month_goes_to_an_open_one(self):
        pool = make_pool()
        entry = Entry.objects.get(pk=post_now(gift_entry(pool, date=on(3))).entry_id)
        close(MARCH)
        with use_case():
            posted = reverse(entry, reason="Entered twice", by=make_officer(), date=on(3, 31))
        assert Entry.objects.get(pk=posted.entry_id).period.month == APRIL
        assert queries.figures(pool, "USD")["received"] == 0
        assert queries.statement(pool, MARCH).figures["received"].closing == 10_000

    def test_a_closed_month_keeps_one_row_an_account(self):
        pool = make_pool()
        post_now(gift_entry(pool, date=on(3)))
        close(MARCH)
        rows = AccountBalance.objects.filter(period__month=MARCH)
        assert rows.count() == 3
        assert set(rows.values_list("slot", flat=True)) == {-1}


@pytest.mark.django_db
class TestStatement:
    def test_it_tells_opening_change_and_closing_closed_or_not(self):
        pool = make_pool()
        post_now(gift_entry(pool, 1_000, 50, date=on(2)))
        post_now(gift_entry(pool, 2_000, 60, date=on(3)))
        open_march = queries.statement(pool, MARCH)
        close(on(2))
        close(MARCH)
        closed_march = queries.statement(pool, MARCH)

        for found, is_closed in ((open_march, False), (closed_march, True)):
            assert found.is_closed is is_closed
            received = found.figures["received"]
            assert (received.opening, received.change, received.closing) == (1_000, 2_000, 3_000)
            assert found.accounts["fees"] == queries.Movement(50, 60)
        both = queries.statement(pool, on(2), until=MARCH)
        assert both.figures["received"] == queries.Movement(0, 3_000)


def test_closing_a_year_makes_its_result_part_of_the_fund_balance(committed_db):
    pool = make_pool()
    second = make_pool(currency="JPY")
    last_year = datetime.date(2025, 12, 5)
    post_now(gift_entry(pool, 1_000, 50, date=last_year))
    post_now(gift_entry(second, 700, 0, date=last_year))
    officer = make_officer()
    before = queries.figures(pool, "USD"), queries.balance(pool)
    with use_case():
        posted = close_year(2025, by=officer, reason="The audit is done")

    assert len(posted) == 2
    assert (queries.figures(pool, "USD"), queries.balance(pool)) == before
    found = queries.balances(pool, "USD")
    assert (found["contributions"], found["fees"], found["fund-balance"]) == (0, 0, -950)
    assert Period.objects.get(month=datetime.date(2025, 12, 1)).closed_at
    entry = Entry.objects.get(pk=posted[0].entry_id)
    assert (entry.kind, entry.prepared_by) == ("year-closed", f"user:{officer.pk}")
    with pytest.raises(MonthClosed), use_case():
        close_year(2025, by=officer)
    with pytest.raises(MonthNotOver), use_case():
        close_year(datetime.date.today().year, by=officer)


def test_a_post_and_a_close_wait_for_each_other(committed_db):
    """Many entries and a close at once: each entry is whole in March or in April, none is lost."""
    pool = make_pool()
    post_now(gift_entry(pool, 100, 0, date=on(3)))
    officer = make_officer()
    start = threading.Barrier(5, timeout=60)

    def give():
        start.wait()
        for _ in range(20):
            post_now(gift_entry(pool, 100, 0, date=on(3)))
        connection.close()

    def close_soon():
        start.wait()
        close(MARCH, by=officer)
        connection.close()

    threads = [threading.Thread(target=give) for _ in range(4)]
    threads.append(threading.Thread(target=close_soon))
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert queries.figures(pool, "USD")["received"] == 8_100
    closed_at = Period.objects.get(month=MARCH).closed_at
    assert not Entry.objects.filter(period__month=MARCH, recorded_at__gt=closed_at).exists()
    assert not list(balances.differences())


def test_rebuilding_mends_what_was_altered(committed_db, owner_connection, capsys):
    pool = make_pool()
    post_now(gift_entry(pool, date=on(3)))
    close(MARCH)
    post_now(gift_entry(pool, date=on(4)))
    right = queries.balances(pool, "USD"), queries.figures(pool, "USD")
    with owner_connection.cursor() as cursor:
        cursor.execute("UPDATE ledger_accountbalance SET amount = amount + 1")
        cursor.execute("UPDATE ledger_closingfigure SET amount = 3")
        cursor.execute("DELETE FROM ledger_figuretotal")
    owner_connection.commit()
    assert len(list(balances.differences())) >= 5

    with owner_connection.cursor() as cursor:
        cursor.execute("SELECT ledger_rebuild_balances()")
    owner_connection.commit()

    call_command("rebuild_balances", "--check")
    assert "Every kept sum is right" in capsys.readouterr().out
    assert (queries.balances(pool, "USD"), queries.figures(pool, "USD")) == right


@pytest.mark.django_db
def test_templates_of_the_year_feed_no_figure():
    entry = templates.year_closed(
        key="k",
        pool="p",
        currency="USD",
        date=on(12, 31),
        balances={"contributions": -5, "fees": 5},
    )
    assert not entry.figures
    assert len(entry.lines) == 2


@pytest.mark.django_db
def test_the_next_month_is_made_in_good_time_so_that_its_first_entries_need_not_wait():
    coming = month_after(timezone.now().date())
    jobs.open_next_month.call()
    jobs.open_next_month.call()
    assert Period.objects.get(month=coming).closed_at is None


@pytest.mark.parametrize(
    ("day", "after"),
    [
        (datetime.date(2026, 12, 31), datetime.date(2027, 1, 1)),
        (datetime.date(2028, 1, 30), datetime.date(2028, 2, 1)),
        (datetime.date(2027, 2, 1), datetime.date(2027, 3, 1)),
    ],
)
def test_the_month_after_begins_on_its_first_day(day, after):
    assert month_after(day) == after


@pytest.mark.django_db
def test_december_is_not_closed_without_its_year():
    pool = make_pool()
    post_now(gift_entry(pool, date=datetime.date(2025, 12, 5)))
    with pytest.raises(YearNotClosed, match="December 2025"):
        close(datetime.date(2025, 12, 1))
    with use_case():
        close_year(2025, by=make_officer(), reason="All is in")
    assert queries.balances(pool, "USD")["contributions"] == 0


@pytest.mark.django_db
@pytest.mark.parametrize("year", [206, 1926, 2062])
def test_a_slip_of_the_pen_in_a_year_opens_no_month(year):
    with pytest.raises(PeriodClosed, match=f"10 March 0?{year}"):
        post_now(gift_entry(make_pool(), date=datetime.date(year, 3, 10)))
    assert not Period.objects.exists()
