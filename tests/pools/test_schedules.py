"""Instalments as plain values: even shares and days of a rhythm."""

import datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money
from funding.pools.schedules import MOST_INSTALMENTS, RHYTHMS, even_parts, rhythmic_days

days = st.dates(datetime.date(2026, 1, 1), datetime.date(2060, 12, 31))


@given(
    total=st.integers(1, 10**16),
    on=st.lists(days, min_size=1, max_size=MOST_INSTALMENTS, unique=True),
)
def test_even_parts_add_up_and_differ_by_one_at_most(total: int, on: list[datetime.date]) -> None:
    parts = even_parts(Money(total, "USD"), on)
    amounts = [part.amount for part in parts]
    assert sum(amounts) == total
    assert max(amounts) - min(amounts) <= 1
    assert amounts == sorted(amounts, reverse=True)
    assert [part.due_on for part in parts] == sorted(on)


@given(first=days, count=st.integers(1, MOST_INSTALMENTS), rhythm=st.sampled_from(list(RHYTHMS)))
def test_days_of_a_rhythm_rise_and_keep_the_day_of_the_month_where_it_exists(
    first: datetime.date, count: int, rhythm: str
) -> None:
    found = rhythmic_days(first, count, rhythm)
    assert found[0] == first
    assert len(set(found)) == count
    assert found == sorted(found)
    for number, day in enumerate(found):
        months = (day.year - first.year) * 12 + day.month - first.month
        assert months == number * RHYTHMS[rhythm]
        shortened = (day + datetime.timedelta(days=1)).day == 1
        assert day.day == first.day or (day.day < first.day and shortened)


def test_the_last_day_of_january_comes_back_in_march() -> None:
    found = rhythmic_days(datetime.date(2027, 1, 31), 3, "monthly")
    assert [day.isoformat() for day in found] == ["2027-01-31", "2027-02-28", "2027-03-31"]


def test_nothing_is_split_over_no_days() -> None:
    with pytest.raises(ValueError):
        even_parts(Money(100, "USD"), [])
