"""Dues are earned by days, month by month: never more than is paid, and to the last minor unit."""

import datetime
import random
from typing import Any

import pytest
import time_machine
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money, split_by
from core.transactions import use_case
from funding.dues import billing, earning
from funding.dues.earning import earned_by, months_of
from funding.ledger import queries as books
from funding.ledger import templates
from funding.ledger.models import Entry, Pool
from funding.ledger.periods import close_month
from funding.ledger.pools import open_accounts
from funding.ledger.posting import post
from funding.payments.models import Payment
from membership import terms
from membership.models import Term, Tier
from tests.dues.test_crediting import transfer
from tests.dues.test_money_back import give_back
from tests.factories import banking
from tests.factories.membership import (
    admitted_term,
    invoice_of,
    make_officer,
    make_organisation,
)
from tests.factories.membership import foundation as begin_foundation
from tests.races import together

JANUARY = datetime.date(2026, 1, 1)


def date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


# --- By days --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "last", "days"),
    [
        ("2026-01-01", "2026-12-31", [31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31]),
        ("2027-03-01", "2028-02-29", [31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 29]),
        ("2028-02-29", "2029-02-28", [1, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31, 31, 28]),
        ("2026-03-15", "2026-03-15", [1]),
        ("2026-12-31", "2027-01-01", [1, 1]),
    ],
)
def test_a_term_has_its_days_in_each_month(first: str, last: str, days: list[int]) -> None:
    months = months_of(date(first), date(last))
    assert [count for _last, count in months] == days
    assert sum(days) == (date(last) - date(first)).days + 1


@given(total=st.integers(0, 10**12), weights=st.lists(st.integers(1, 31), min_size=1, max_size=13))
def test_the_parts_add_up_and_none_is_a_unit_off(total: int, weights: list[int]) -> None:
    shares = split_by(total, weights)
    assert sum(shares) == total
    whole = sum(weights)
    assert all(
        abs(share * whole - total * weight) < whole
        for share, weight in zip(shares, weights, strict=True)
    )


@given(kept=st.integers(0, 10**9), start=st.dates(date("2020-01-01"), date("2030-12-31")))
def test_what_is_earned_grows_to_all_of_it_with_the_last_month(
    kept: int, start: datetime.date
) -> None:
    term = Term(starts_on=start, ends_on=terms.last_day_of_year_from(start))
    by_month = [earned_by(term, kept, last) for last, _days in months_of(start, term.ends_on)]
    assert by_month == sorted(by_month)
    assert by_month[-1] == kept
    assert earned_by(term, kept, start.replace(day=1) - datetime.timedelta(days=1)) == 0


# --- In the books ---------------------------------------------------------------------------------


def at(day: str) -> time_machine.travel:
    return time_machine.travel(datetime.datetime.combine(date(day), datetime.time(12)))


def balances(pool: Pool, currency: str = "USD") -> tuple[int, int]:
    """What is deferred, and what was earned."""
    found = books.balances(pool, currency)
    return -found.get("deferred-dues", 0), -found.get("membership-dues", 0)


def member(starts_on: datetime.date = JANUARY) -> Term:
    """A member of 2026 with an invoice over 250.00 that is not paid."""
    with at(starts_on.isoformat()):
        return admitted_term(starts_on=starts_on)


def pay_all(term: Term, on: str) -> Payment:
    with at(on):
        invoice = invoice_of(term)
        return transfer(invoice, invoice.outstanding.amount)


@pytest.mark.django_db
class TestMonths:
    @pytest.fixture(autouse=True)
    def bank(self, foundation: Pool) -> Pool:
        banking.make_account("USD")
        self.pool = foundation
        return foundation

    def test_a_month_earns_its_days_once_however_often_it_runs(self) -> None:
        pay_all(member(), "2026-01-05")
        assert earning.earn_month(JANUARY) == 1
        assert earning.earn_month(JANUARY) == 0
        assert balances(self.pool) == (
            22_876,
            2_124,
        )  # 250.00 × 31/365 = 21.233, and one of the cents that rounding leaves
        entry = Entry.objects.get(kind="dues-earned")
        assert entry.effective_date == date("2026-01-31")
        assert entry.idempotency_key.endswith(":2026-01:USD")

    def test_the_year_is_earned_to_the_last_cent(self) -> None:
        pay_all(member(), "2026-01-05")
        for month in range(1, 13):
            assert earning.earn_month(JANUARY.replace(month=month)) == 1
        assert balances(self.pool) == (0, 25_000)
        assert earning.earn_month(date("2027-01-01")) == 0

    def test_nothing_is_earned_of_what_is_not_paid(self) -> None:
        term = member()
        assert earning.earn_month(JANUARY) == 0
        with at("2026-01-20"):
            transfer(invoice_of(term), 10_000)  # a part of it settles nothing
        assert earning.earn_month(JANUARY) == 0

    def test_a_late_payment_catches_up_in_the_month_it_came(self) -> None:
        term = member()
        pay_all(term, "2026-03-02")
        assert earning.earn_month(date("2026-02-01")) == 0
        assert earning.earn_month(date("2026-03-01")) == 1
        assert balances(self.pool)[1] == earned_by(term, 25_000, date("2026-03-31"))

    def test_months_without_the_run_are_made_up_for(self) -> None:
        term = member()
        pay_all(term, "2026-01-05")
        earning.earn_month(date("2026-04-01"))
        assert balances(self.pool)[1] == earned_by(term, 25_000, date("2026-04-30"))

    def test_paid_ahead_it_is_earned_from_the_first_day_on(self) -> None:
        term = member()
        pay_all(term, "2026-01-05")
        Term.objects.filter(pk=term.pk).update(
            starts_on=date("2026-02-01"), ends_on=date("2027-01-31")
        )
        assert earning.earn_month(JANUARY) == 0
        assert earning.earn_month(date("2026-02-01")) == 1

    def test_of_a_closed_month_it_is_booked_in_the_next_open_one(self) -> None:
        pay_all(member(), "2026-01-05")
        officer = make_officer()
        with use_case():
            close_month(JANUARY, by=officer, reason="All is in")
        assert earning.earn_month(JANUARY) == 1
        entry = Entry.objects.get(kind="dues-earned")
        assert entry.effective_date == date("2026-01-31")
        assert entry.period.month == date("2026-02-01")

    def test_a_cancelled_term_whose_dues_are_kept_is_earned_with_its_last_day(self) -> None:
        term = member()
        pay_all(term, "2026-01-05")
        with use_case():
            terms.cancel(term, on=date("2026-03-11"), by=make_officer(), reason="They left")
        earning.earn_month(date("2026-02-01"))
        assert balances(self.pool)[1] < 25_000
        earning.earn_month(date("2026-03-01"))
        assert balances(self.pool) == (0, 25_000)

    def test_what_came_too_late_to_count_is_not_earned(self) -> None:
        term = member()
        with use_case():
            terms.cancel(term, on=date("2026-02-01"), by=make_officer(), reason="Never paid")
        pay_all(term, "2026-02-02")
        assert earning.earn_month(date("2026-02-01")) == 0

    @pytest.mark.parametrize(("back", "left"), [(25_000, (0, 0)), (10_000, (12_876, 2_124))])
    def test_a_refund_takes_what_is_not_earned_first(
        self, back: int, left: tuple[int, int]
    ) -> None:
        payment = pay_all(member(), "2026-01-05")
        earning.earn_month(JANUARY)
        assert earning.unearned(payment) == 22_876
        with at("2026-02-03"):
            give_back(payment, back)
        assert balances(self.pool) == left
        # What is left is earned, and no more.
        for month in range(2, 13):
            earning.earn_month(JANUARY.replace(month=month))
        assert balances(self.pool) == (0, sum(left))

    def test_many_terms_are_earned_by_a_constant_number_of_queries(
        self, django_assert_max_num_queries: object
    ) -> None:
        for _ in range(3):
            pay_all(member(), "2026-01-05")
        with django_assert_max_num_queries(19):  # type: ignore[operator]
            assert earning.earn_month(JANUARY) == 3


# --- Whatever happens, in whatever order ----------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("currency", ["USD", "KWD"])
@pytest.mark.parametrize("seed", range(4))
def test_earned_and_unearned_are_what_was_paid_and_kept_in_any_order(
    foundation: Pool, currency: str, seed: int
) -> None:
    chance = random.Random(seed)
    fee = chance.randrange(1_001, 99_999)
    organisation = make_organisation()
    with use_case():
        term = terms.open_term(
            organisation,
            Tier.objects.get(code="implementer"),
            starts_on=JANUARY,
            fee=Money(fee, currency),
            by=None,
        )
        terms.settle(term, on=JANUARY)
        open_accounts(foundation, currency)
    about = {"pool": billing.POOL, "currency": currency, "source": f"term:{term.pk}"}
    post(templates.dues_invoice_issued(key="i", date=JANUARY, amount=fee, **about))
    paid = back = 0
    for month in range(1, 13):
        first = JANUARY.replace(month=month)
        for step in range(3):
            key = f"{month}:{step}"
            match chance.choice(["pay", "refund", "earn", "earn"]):
                case "pay" if paid < fee:
                    amount = chance.randint(1, fee - paid)
                    post(templates.dues_paid_by_bank(key=key, date=first, amount=amount, **about))
                    paid += amount
                case "refund" if paid > back:
                    amount = chance.randint(1, paid - back)
                    payment = Payment(purpose_id=term.pk, amount=amount, currency=currency)
                    post(
                        templates.refunded(
                            key=key,
                            date=first,
                            amount=amount,
                            paid="dues",
                            place="bank",
                            unearned=earning.unearned(payment),
                            **about,
                        )
                    )
                    back += amount
                case "earn":
                    earning.earn_month(first)
            standing = earning.standings([term.pk])[term.pk][currency]
            assert standing.kept == paid - back
            assert standing.ahead >= 0
            assert standing.earned >= 0
    earning.earn_month(date("2027-01-01"))
    deferred, earned = balances(foundation, currency)
    assert earned == paid - back
    assert deferred == fee - paid  # what was billed and never paid


def test_a_refund_and_the_monthly_run_at_once_leave_nothing(committed_db: Any) -> None:
    pool = begin_foundation()
    banking.make_account("USD")
    payment = pay_all(member(), "2026-01-05")

    done = together(lambda: earning.earn_month(JANUARY), lambda: give_back(payment))

    assert not [result for result in done if isinstance(result, Exception)]
    assert balances(pool) == (0, 0)


def test_two_refunds_of_one_term_at_once_take_no_more_than_is_unearned(committed_db: Any) -> None:
    pool = begin_foundation()
    banking.make_account("USD")
    term = member()
    with at("2026-01-05"):
        first = transfer(invoice_of(term), 15_000)
        second = transfer(invoice_of(term), 10_000)
    earning.earn_month(JANUARY)

    done = together(lambda: give_back(first), lambda: give_back(second))

    assert not [result for result in done if isinstance(result, Exception)]
    assert balances(pool) == (0, 0)
