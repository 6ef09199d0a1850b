"""Joins, renewals and ends by month are told from terms, and agree with who is a member when."""

import datetime
import itertools
import random
from datetime import date
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext

from membership import queries, reports, terms
from membership.models import Organisation, Term
from membership.report_charts import movement_bars
from membership.reports import Movement, Only
from tests.factories.membership import make_officer, make_organisation, open_term

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation")]

TODAY = date(2027, 6, 15)


def a_term(
    organisation: Organisation,
    starts_on: date,
    *,
    paid_on: date | None = None,
    cancelled_on: date | None = None,
    **more: Any,
) -> Term:
    term = open_term(organisation, starts_on=starts_on, **more)
    changes: dict[str, Any] = {"settled_on": paid_on or starts_on}
    if cancelled_on:
        changes |= {
            "cancelled_on": cancelled_on,
            "cancelled_by": make_officer(),
            "cancelled_reason": "x",
        }
    Term.objects.filter(pk=term.pk).update(**changes)
    return term


def by_month(today: date = TODAY, only: Only = reports.ALL) -> dict[str, Movement]:
    found = reports.movements(reports.stays(only), today)
    return {f"{each.label:%Y-%m}": each for each in found}


def happened(movement: Movement) -> tuple[int, int, int, int]:
    return (movement.joined, movement.renewed, movement.lapsed, movement.cancelled)


def test_a_member_joins_renews_and_lapses_after_its_grace() -> None:
    who = make_organisation()
    a_term(who, date(2025, 9, 10), paid_on=date(2025, 10, 2))
    a_term(who, date(2026, 9, 10), paid_on=date(2026, 8, 1), ends_on=date(2027, 4, 30))
    months = by_month()
    assert happened(months["2025-10"]) == (1, 0, 0, 0)
    assert happened(months["2026-09"]) == (0, 1, 0, 0)
    # 30 May is the last day of grace.
    assert happened(months["2027-05"]) == (0, 0, 1, 0)
    assert [months[key].members for key in ("2025-09", "2025-10", "2027-04", "2027-05")] == [
        0,
        1,
        1,
        0,
    ]
    assert (months["2026-09"].ended, months["2026-09"].followed) == (1, 1)
    assert (months["2027-04"].ended, months["2027-04"].followed) == (1, 0)
    year = reports.total("", list(months.values())[-12:])
    assert year.rate == 500


def test_what_was_paid_within_grace_goes_on_and_later_it_joins_again() -> None:
    late, later = make_organisation(), make_organisation()
    for who, paid_on in ((late, date(2026, 10, 10)), (later, date(2026, 10, 11))):
        a_term(who, date(2025, 9, 10))
        a_term(who, date(2026, 9, 10), paid_on=paid_on)
    months = by_month()
    # The last day of grace is 9 October: paid the day after, no day is without membership.
    assert happened(months["2026-10"]) == (1, 1, 1, 0)
    assert (months["2026-09"].ended, months["2026-09"].followed) == (2, 1)


def test_a_cancellation_ends_a_membership_at_once_and_is_no_renewal() -> None:
    who, changed = make_organisation(), make_organisation()
    a_term(who, date(2026, 9, 1), cancelled_on=date(2027, 2, 10))
    a_term(changed, date(2026, 9, 1), cancelled_on=date(2027, 2, 10))
    a_term(changed, date(2027, 2, 10))
    months = by_month()
    assert happened(months["2027-02"]) == (0, 0, 0, 1)
    assert months["2027-02"].members == 1
    assert months["2027-02"].ended == 0


def test_a_term_cancelled_in_its_grace_is_cancelled() -> None:
    who = make_organisation()
    a_term(who, date(2026, 5, 1), cancelled_on=date(2027, 5, 12))
    assert happened(by_month()["2027-05"]) == (0, 0, 0, 1)


def test_what_never_counted_or_is_still_to_come_counts_nowhere() -> None:
    who = make_organisation()
    open_term(who, starts_on=date(2026, 1, 1))
    a_term(make_organisation(), date(2026, 1, 1), paid_on=date(2027, 3, 1))
    a_term(make_organisation(), date(2027, 7, 1), paid_on=date(2027, 6, 1))
    a_term(make_organisation(), date(2026, 7, 1), cancelled_on=date(2026, 7, 1))
    months = by_month()
    assert {happened(each) for each in months.values()} == {(0, 0, 0, 0)}
    assert months["2027-06"].rate is None


def test_members_of_a_month_are_those_before_plus_joins_minus_ends() -> None:
    """Whatever happened; and the directory counts the same."""
    dice = random.Random(7)
    for _each in range(25):
        who, day = make_organisation(), date(2025, 1, 1) + datetime.timedelta(dice.randrange(500))
        for _term in range(3):
            paid = day + datetime.timedelta(dice.randrange(-40, 60))
            ends = terms.last_day_of_year_from(day)
            cancelled = day + datetime.timedelta(dice.randrange(1, 390))
            a_term(who, day, paid_on=paid, cancelled_on=cancelled if dice.random() < 0.3 else None)
            day = ends + datetime.timedelta(1 + dice.choice([0, 0, 0, 45]))
    months = list(by_month().values())
    assert sum(each.joined for each in months) > 10
    assert sum(each.left for each in months) > 10
    for before, after in itertools.pairwise(months):
        assert after.members == before.members + after.joined - after.left
        last = min(reports.add_months(after.label, 1) - reports.DAY, TODAY)
        assert after.members == queries.count_members(last)[0]


def test_they_are_told_by_constituency_and_country() -> None:
    a_term(make_organisation(country="MW"), date(2027, 1, 1))
    a_term(make_organisation(country="KE"), date(2027, 1, 1))
    a_term(make_organisation(country="KE", constituency="country"), date(2025, 2, 1))
    assert by_month(only=Only(country="KE"))["2027-01"].joined == 1
    assert by_month(only=Only(constituency="country"))["2027-01"].joined == 0
    found = reports.groups(reports.stays(), TODAY, lambda who: who.country)
    # The one that lapsed in March 2026 left before the last 12 months.
    assert [(each.label, each.members, each.joined) for each in found] == [
        ("KE", 1, 1),
        ("MW", 1, 1),
    ]
    assert reports.choices().countries == {"MW": 1, "KE": 2}


@pytest.mark.parametrize("rate", [(0, 0, None), (3, 2, 667), (8, 1, 125), (1, 1, 1000), (1, 0, 0)])
def test_the_rate_is_in_tenths_of_a_percent(rate: tuple[int, int, int | None]) -> None:
    ended, followed, wanted = rate
    assert Movement("", ended=ended, followed=followed).rate == wanted


def test_bars_stand_above_and_below_the_line() -> None:
    bars = movement_bars([Movement("", joined=3), Movement("", lapsed=1)])
    assert (bars.zero, bars.width) == (90, 60)
    assert bars.joined == "M4 90h22v-90h-22z"
    assert bars.left == "M34 90h22v30h-22z"
    assert movement_bars([Movement("")]).joined == ""


def test_all_is_read_by_one_query() -> None:
    for number in range(12):
        a_term(make_organisation(), date(2026, 1 + number, 1))
    with CaptureQueriesContext(connection) as seen:
        by_month()
    assert len(seen) == 1
