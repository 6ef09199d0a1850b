"""Every boundary day of a term: what it is, who counts, when the next begins and is offered.

The day is the foundation's (the time zone of the settings), whatever the clock of a reader says.
"""

import datetime

import pytest
import time_machine
from django.utils import timezone

from core.money import Money
from core.transactions import use_case
from funding.dues import renewal
from funding.ledger.models import Pool
from membership import terms
from membership.models import Seat, Term, TermPolicy
from membership.models.renewals import NOTICE_DAYS, notice_day
from tests.factories.membership import open_term
from tests.factories.pools import make_person

Status = Term.Status


def date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


# First day, last day, last day of grace: years with and without 29 February, from it, at year ends.
TERMS = [
    ("2026-03-01", "2027-02-28", "2027-03-30"),
    ("2027-03-01", "2028-02-29", "2028-03-30"),
    ("2027-02-28", "2028-02-27", "2028-03-28"),
    ("2028-02-29", "2029-02-28", "2029-03-30"),
    ("2028-03-01", "2029-02-28", "2029-03-30"),
    ("2027-02-01", "2028-01-31", "2028-03-01"),
    ("2026-01-01", "2026-12-31", "2027-01-30"),
    ("2026-12-31", "2027-12-30", "2028-01-29"),
    ("2028-01-30", "2029-01-29", "2029-02-28"),
]
# From which day, how many days after it, and what a term is then, by what became of it.
DAYS = [
    ("first", -1, Status.AWAITING_PAYMENT, Status.UPCOMING),
    ("first", 0, Status.AWAITING_PAYMENT, Status.CURRENT),
    ("last", -1, Status.AWAITING_PAYMENT, Status.CURRENT),
    ("last", 0, Status.AWAITING_PAYMENT, Status.CURRENT),
    ("last", 1, Status.LAPSED, Status.GRACE),
    ("grace", 0, Status.LAPSED, Status.GRACE),
    ("grace", 1, Status.LAPSED, Status.LAPSED),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("first", "last", "grace"), TERMS)
def test_what_a_term_is_on_each_of_its_boundary_days(
    foundation: Pool, first: str, last: str, grace: str
) -> None:
    start = date(first)
    assert terms.last_day_of_year_from(start) == date(last)
    unpaid, paid, left = (open_term(starts_on=start) for _ in range(3))
    middle = start + datetime.timedelta(days=100)
    with use_case():
        for term in (paid, left):
            terms.settle(term, on=start - datetime.timedelta(days=1))
    Term.objects.filter(pk=left.pk).update(
        cancelled_on=middle, cancelled_by=make_person(), cancelled_reason="They left"
    )
    unpaid, paid, left = Term.objects.order_by("pk")
    assert paid.grace_until == date(grace)
    days = {"first": start, "last": date(last), "grace": date(grace)}
    for name, offset, when_unpaid, when_paid in DAYS:
        on = days[name] + datetime.timedelta(days=offset)
        assert unpaid.status(on) == when_unpaid, on
        assert paid.status(on) == when_paid, on
        for status in Status:
            found = set(Term.objects.having(status, on))
            assert found == {term for term in (unpaid, paid, left) if term.status(on) == status}
        counts = when_paid in (Status.CURRENT, Status.GRACE)
        by_query = set(Term.objects.standing(on).values_list("pk", flat=True))
        leaving = {left.pk} if left.makes_member(on) else set()
        assert by_query == ({paid.pk} if counts else set()) | leaving, on
    for offset, status in ((-1, Status.CURRENT), (0, Status.CANCELLED)):
        on = middle + datetime.timedelta(days=offset)
        assert left.status(on) == status
        assert Term.objects.having(status, on).filter(pk=left.pk).exists()
        assert Term.objects.standing(on).filter(pk=left.pk).exists() == (offset < 0)


@pytest.mark.django_db
@pytest.mark.parametrize(("first", "last", "grace"), [row for row in TERMS if row[0] >= "2026"])
def test_the_renewal_begins_the_day_after_and_its_payment_leaves_no_day_out(
    foundation: Pool, first: str, last: str, grace: str
) -> None:
    term = open_term(starts_on=date(first), fee=0)
    Seat.objects.create(
        organisation=term.organisation, person=make_person(), roles=["primary_contact"]
    )
    with use_case():
        terms.waive(term, on=date(first), by=None, reason="Nothing to pay")
        offered = terms.open_term(
            term.organisation,
            term.tier,
            starts_on=date(last) + datetime.timedelta(days=1),
            fee=Money(1, "USD"),
            by=None,
            renews=term,
        )
        terms.settle(offered, on=date(grace))
    offered.refresh_from_db()
    assert offered.ends_on == terms.last_day_of_year_from(offered.starts_on)
    # Paid on the last day of grace: a member on every day from the first of one to the end of both.
    day, standing = date(first), []
    while day <= offered.ends_on:
        standing.append(
            Term.makes_member(Term.objects.get(pk=term.pk), day) or offered.makes_member(day)
        )
        day += datetime.timedelta(days=27)
    assert all(standing)
    for edge in (date(last), date(last) + datetime.timedelta(days=1), date(grace)):
        assert Term.objects.standing(edge).exists()
    assert Term.objects.standing(date(grace) + datetime.timedelta(days=1)).get() == offered


@pytest.mark.parametrize(
    ("last", "offer", "month", "week", "grace", "lapsed"),
    [
        ("2027-02-28", "2026-12-30", "2027-01-29", "2027-02-21", "2027-03-14", "2027-03-31"),
        ("2028-02-29", "2027-12-31", "2028-01-30", "2028-02-22", "2028-03-14", "2028-03-31"),
        ("2026-12-31", "2026-11-01", "2026-12-01", "2026-12-24", "2027-01-14", "2027-01-31"),
    ],
)
def test_notices_are_counted_in_days(
    last: str, offer: str, month: str, week: str, grace: str, lapsed: str
) -> None:
    term = Term(starts_on=date(last), ends_on=date(last))
    days = [notice_day(term, kind).isoformat() for kind in NOTICE_DAYS]
    assert days == [offer, month, week, last, grace, lapsed]


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "clock", "offered"),
    [
        ("UTC", "2026-11-01T00:00", True),
        ("UTC", "2026-10-31T23:59", False),
        ("Pacific/Kiritimati", "2026-10-31T10:00", True),  # the 1st there since this minute
        ("Pacific/Kiritimati", "2026-10-31T09:59", False),
        ("Pacific/Pago_Pago", "2026-11-01T10:59", False),  # the 31st there until this minute
        ("Pacific/Pago_Pago", "2026-11-01T11:00", True),
    ],
)
def test_the_day_is_the_foundations(foundation: Pool, zone: str, clock: str, offered: bool) -> None:
    term = open_term(starts_on=date("2026-01-01"))
    Seat.objects.create(
        organisation=term.organisation, person=make_person(), roles=["primary_contact"]
    )
    with use_case():
        terms.settle(term, on=date("2026-01-01"))
    moment = datetime.datetime.fromisoformat(clock).replace(tzinfo=datetime.UTC)
    with time_machine.travel(moment), timezone.override(zone):
        renewal.run()
    assert Term.objects.filter(renews=term).exists() == offered


# --- A year that all share ------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("month", "first", "last", "fee"),
    [
        (None, "2026-07-01", "2027-06-30", 36_500),
        (12, "2026-01-01", "2026-12-31", 36_500),
        (12, "2026-07-01", "2026-12-31", 18_400),  # 184 of 365 days
        (12, "2026-12-31", "2026-12-31", 100),
        (6, "2026-07-01", "2027-06-30", 36_500),
        (6, "2026-06-30", "2026-06-30", 100),
        (2, "2028-02-29", "2028-02-29", 100),
        (2, "2027-03-01", "2028-02-29", 36_500),  # 366 of 366 days
        (2, "2028-01-01", "2028-02-29", 5_984),  # 60 of 366 days: 59.836
    ],
)
def test_a_first_term_ends_with_the_common_year_and_costs_its_days(
    foundation: Pool, month: int | None, first: str, last: str, fee: int
) -> None:
    TermPolicy.objects.create(year_ends_with=month)
    starts_on = date(first)
    ends_on = terms.last_day_from(starts_on)
    assert ends_on == date(last)
    assert terms.prorated(Money(36_500, "USD"), starts_on, ends_on) == Money(fee, "USD")
    # What follows is a whole year.
    after = ends_on + datetime.timedelta(days=1)
    assert terms.last_day_from(after) == terms.last_day_of_year_from(after)


def test_what_costs_little_is_never_for_nothing_and_nothing_stays_nothing() -> None:
    a_day = date("2026-12-31")
    assert terms.prorated(Money(100, "USD"), a_day, a_day) == Money(1, "USD")
    assert terms.prorated(Money(0, "USD"), a_day, a_day) == Money(0, "USD")
