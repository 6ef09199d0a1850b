"""What a donor's money did: shares that never come to more than was given, or was paid out."""

import datetime
import itertools
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from hypothesis import given, settings
from hypothesis import strategies as st

from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.posting import post
from funding.transparency.what_it_did import (
    KINDS,
    PoolMonth,
    pool_month,
    shares,
    what_it_did,
)
from tests.factories import pools as make

JANUARY = datetime.date(2026, 1, 1)


def month(number: int) -> datetime.date:
    return datetime.date(2026 + number // 12, number % 12 + 1, 1)


def pool_of(*months: tuple[int, int, dict[str, int]]) -> list[PoolMonth]:
    """(net, other, out) of each month from January 2026 on."""
    return [
        PoolMonth(month(number), net, other, {**dict.fromkeys(KINDS, 0), **out})
        for number, (net, other, out) in enumerate(months)
    ]


def used(found: list[Any]) -> int:
    return sum(sum(share.out.values()) for share in found)


# --- The rule on paper ----------------------------------------------------------------------------


def test_a_gift_bears_its_part_of_each_months_spending() -> None:
    # 100 of the 400 that the pool holds: a quarter of what is spent, then of what is left.
    pool = pool_of(
        (40_000, 0, {"expenses": 8_000}), (0, 0, {"disbursed": 16_000, "fees": 400}), (0, 0, {})
    )
    found = shares(pool, {month(0): 10_000})
    assert [share.out["expenses"] for share in found] == [2_000, 0, 0]
    assert [share.out["disbursed"] for share in found] == [0, 4_000, 0]
    assert [share.out["fees"] for share in found] == [0, 100, 0]


def test_a_gift_bears_nothing_of_what_was_spent_before_it_came() -> None:
    pool = pool_of((10_000, 0, {"expenses": 9_000}), (9_000, 0, {"expenses": 1_000}))
    found = shares(pool, {month(1): 9_000})
    assert [share.month for share in found] == [month(1)]
    assert used(found) == 900


def test_all_of_a_pool_that_is_spent_is_all_of_the_gift() -> None:
    pool = pool_of((3, 0, {"expenses": 1, "fees": 1}), (0, 0, {"disbursed": 1}))
    found = shares(pool, {month(0): 1})
    assert used(found) == 1


def test_what_is_given_back_of_the_gift_is_taken_off_what_is_left() -> None:
    pool = pool_of((20_000, 0, {}), (-5_000, 0, {"expenses": 1_500}))
    found = shares(pool, {month(0): 10_000, month(1): -5_000})
    # 5,000 of the 15,000 that are held.
    assert used(found) == 500


def test_a_gift_that_went_back_whole_did_nothing_even_where_some_of_it_was_spent() -> None:
    pool = pool_of((20_000, 0, {"expenses": 10_000}), (-10_000, 0, {}), (0, 0, {"fees": 0}))
    assert used(shares(pool, {month(0): 10_000, month(1): -10_000})) == 0


def test_a_pool_that_pays_out_more_than_it_holds_uses_no_gift_twice() -> None:
    pool = pool_of((1_000, 0, {"fees": 5_000}), (2_000, 0, {"expenses": 500}))
    assert used(shares(pool, {month(0): 1_000})) == 1_000


def test_a_month_that_only_promises_shares_nothing() -> None:
    found = pool_month(JANUARY, {"received": 100, "committed": 60, "owed_back": 5})
    assert (found.net, found.other, found.spent) == (100, 0, 0)


def test_what_a_reversal_brings_back_is_income_and_not_a_negative_share() -> None:
    found = pool_month(JANUARY, {"expenses": -40, "transfers": 7, "exchange": -3, "returned": 2})
    assert (found.other, found.out["expenses"], found.out["exchange"]) == (49, 0, 3)


# --- For any history ------------------------------------------------------------------------------

amounts = st.integers(0, 10_000) | st.integers(0, 10**12)
a_month = st.fixed_dictionaries(
    {
        "given": st.lists(amounts, min_size=4, max_size=4),
        "back": st.lists(st.integers(0, 100), min_size=4, max_size=4),  # per cent of what stands
        "other": amounts,
        "out": st.fixed_dictionaries(dict.fromkeys(KINDS, amounts)),
    }
)


@settings(max_examples=150, deadline=None)
@given(st.lists(a_month, min_size=1, max_size=8))
def test_for_any_history_shares_are_within_the_gift_and_within_what_was_paid_out(
    history: list[dict[str, Any]],
) -> None:
    givers: list[dict[datetime.date, int]] = [{} for _ in range(4)]
    months = []
    for number, facts in enumerate(history):
        for giver, gave, back in zip(givers, facts["given"], facts["back"], strict=True):
            giver[month(number)] = gave - (sum(giver.values()) + gave) * back // 100
        net = sum(giver[month(number)] for giver in givers)
        months.append(PoolMonth(month(number), net, facts["other"], facts["out"]))
    every = [shares(months, giver) for giver in givers]
    paid_out = list(itertools.accumulate(each.spent for each in months))
    for giver, found in zip(givers, every, strict=True):
        assert 0 <= used(found) <= sum(giver.values())
    for number, so_far in enumerate(paid_out):
        borne = sum(
            sum(share.out.values())
            for found in every
            for share in found
            if share.month <= month(number)
        )
        assert borne <= so_far


# --- From the books -------------------------------------------------------------------------------


def spend(pool: Any, amount: int) -> None:
    with use_case():
        post(
            templates.own_spending_paid(
                key=f"spend-{pool.code}-{amount}",
                pool=pool.code,
                currency="USD",
                date=datetime.date.today(),
                amount=amount,
            )
        )


@pytest.mark.django_db
def test_it_is_read_from_the_books_gift_by_gift() -> None:
    user, profile = make.make_person(), make.open_pool()
    mine = make.received_gift(profile, make.a_giver(user), amount=5_000)
    make.received_gift(profile, make.a_giver(), amount=15_000)
    spend(profile.pool, 1_000)
    (pool,) = what_it_did(user)
    (gift,) = pool.gifts
    assert (pool.pool, gift.given) == (profile.pool, mine)
    # A quarter of the spending, and of the two fees of 1.75.
    assert gift.net == Money(5_000, "USD")
    assert gift.by_kind["expenses"] == Money(250, "USD")
    assert gift.by_kind["fees"] in (Money(87, "USD"), Money(88, "USD"))
    assert gift.left == pool.left == Money(5_000 - 250, "USD") - gift.by_kind["fees"]
    by_month = [amounts["net"].amount for _month, amounts in pool.months]
    assert sum(by_month) == 5_000


@pytest.mark.django_db
def test_instalments_of_a_pledge_count_as_one_and_nobody_sees_anothers() -> None:
    user = make.make_person()
    pledge = make.confirmed_pledge(user)
    make.received_instalment(pledge, 1)
    make.received_instalment(pledge, 2)
    (pool,) = what_it_did(user)
    assert [gift.given for gift in pool.gifts] == [pledge]
    assert pool.net == Money(100_000, "USD")
    assert what_it_did(make.make_person()) == []


@pytest.mark.django_db
def test_more_gifts_are_not_more_queries() -> None:
    user, profile = make.make_person(), make.open_pool()
    counts = []
    for _ in range(2):
        for _ in range(3):
            make.received_gift(profile, make.a_giver(user), amount=1_000)
        with CaptureQueriesContext(
            connection,
        ) as queries:
            what_it_did(user)
        counts.append(len(queries))
    assert counts[0] == counts[1] <= 14
