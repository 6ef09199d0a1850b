"""The forecast of dues, beside what is invoiced and what is paid ahead; and the page of reports."""

import csv
import io
from datetime import date
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.transactions import use_case
from funding.dues import billing, earning, reports
from funding.dues.reports import Forecast
from funding.ledger.models import Figure
from membership import terms
from membership.models import Organisation, Term, Tier
from membership.reports import ALL, Movement, Only
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    invoice_of,
    make_officer,
    make_organisation,
    open_term,
    paid_term,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation")]

PAGE = "/admin/members/reports/"
TODAY = date(2027, 6, 15)
THREE_OF_FOUR = Movement("", ended=4, followed=3)


def settled(starts_on: date, fee: int = 25_000, **changes: Any) -> Term:
    """A term that was paid, without money in the books."""
    term = open_term(make_organisation(**changes), starts_on=starts_on, fee=fee)
    Term.objects.filter(pk=term.pk).update(settled_on=starts_on)
    return term


def only_one(lately: Movement = THREE_OF_FOUR, only: Only = ALL, today: date = TODAY) -> Forecast:
    (found,) = reports.forecast(today, lately, only)
    return found


def test_a_term_that_ends_would_be_renewed_at_todays_fee_times_the_rate() -> None:
    settled(date(2026, 9, 1), fee=1)  # whatever it cost: in Malawi an implementer pays 250.00
    settled(date(2026, 9, 1), country="KE")  # 500.00
    found = only_one()
    # They end on 31 August, so the next ones begin in September.
    month = found.months[3]
    assert f"{month.label:%Y-%m}" == "2027-09"
    assert (month.would_renew, month.full, month.forecast) == (2, 75_000, 56_250)
    assert (found.full, found.forecast) == (75_000, 56_250)
    assert only_one(lately=Movement("")).forecast == 75_000
    assert only_one(only=Only(country="KE")).full == 50_000
    assert reports.forecast(TODAY, THREE_OF_FOUR, Only(country="FR")) == []


def test_what_does_not_end_is_cancelled_or_followed_is_not_forecast() -> None:
    settled(date(2026, 5, 1))  # over
    settled(date(2027, 6, 14))  # ends a day before its renewal would fall into the 13th month
    cancelled = settled(date(2026, 9, 1))
    Term.objects.filter(pk=cancelled.pk).update(
        cancelled_on=date(2027, 8, 1), cancelled_by=make_officer(), cancelled_reason="x"
    )
    open_term(make_organisation(), starts_on=date(2026, 9, 1))  # never paid
    followed = settled(date(2026, 9, 1))
    open_term(followed.organisation, starts_on=date(2027, 9, 1))
    assert reports.forecast(TODAY, THREE_OF_FOUR) == []
    # An offer that ended is no renewal.
    Term.objects.filter(starts_on=date(2027, 9, 1)).update(
        cancelled_on=date(2027, 9, 1), cancelled_by=make_officer(), cancelled_reason="x"
    )
    assert only_one().would_renew == 1


def test_a_common_year_end_prorates_the_forecast() -> None:
    settled(date(2026, 9, 1))
    with use_case():
        terms.TermPolicy.objects.update_or_create(pk=1, defaults={"year_ends_with": 12})
    # 122 of 366 days.
    assert only_one().full == 8_333


def test_a_ministry_that_pays_nothing_is_forecast_with_nothing() -> None:
    term = settled(date(2026, 9, 1), kind="ministry", fee=0)
    Term.objects.filter(pk=term.pk).update(tier=Tier.objects.get(code="country"))
    found = only_one()
    assert (found.would_renew, found.full) == (1, 0)


def test_open_invoices_stand_in_the_month_they_are_due_and_overdue_in_the_first() -> None:
    with time_machine.travel(date(2027, 6, 1)):
        term = admitted_term()
    due = invoice_of(term).due_on
    assert due == date(2027, 7, 1)
    assert [month.invoiced for month in only_one().months[:3]] == [0, 25_000, 0]
    late = only_one(today=date(2027, 9, 1))
    assert (late.months[0].invoiced, late.overdue) == (25_000, 25_000)


def test_paid_ahead_is_spread_as_it_will_be_earned_and_adds_up_to_the_books() -> None:
    with time_machine.travel(date(2027, 6, 1)):
        paid_term()
    with time_machine.travel(date(2027, 7, 2)):
        earning.earn_last_month()
    today = date(2027, 7, 2)
    found = only_one(today=today)
    books = sum(
        Figure.objects.filter(pool=billing.pool(), name=Figure.Name.PAID_AHEAD).values_list(
            "amount", flat=True
        )
    )
    assert found.deferred == books
    # July has 31 of its 366 days.
    assert found.months[0].earned == 2_118
    assert found.later == 0
    # Nothing of it is invoiced any more.
    assert found.invoiced == 0


def test_what_is_earned_after_a_year_stands_as_later() -> None:
    with time_machine.travel(date(2027, 6, 1)):
        paid_term()
    found = only_one(today=date(2026, 12, 1))
    assert found.later > 0
    assert found.deferred == 25_000


# --- The page -------------------------------------------------------------------------------------


def rows_of(client: Client, table: str, **query: str) -> list[list[str]]:
    answer = client.get(PAGE, {"table": table, **query})
    assert answer["Content-Type"].startswith("text/csv")
    return list(csv.reader(io.StringIO(answer.content.decode("utf-8-sig"))))


@pytest.fixture
def members(foundation: Any) -> None:
    with time_machine.travel(date(2027, 1, 10)):
        paid_term(country="KE")
        paid_term(country="MW")
        admitted_term(**MINISTRY)


@pytest.mark.usefixtures("on_site", "members")
@time_machine.travel(date(2027, 6, 15))
def test_a_treasurer_reads_figures_definitions_and_forecast(client: Client) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    page = client.get(PAGE).content.decode()
    assert "Members today: 3." in page
    assert "A forecast is no money" in page
    assert "Renewal rate: of the terms" in page
    assert "<svg" in page
    assert 'href="/admin/members/reports/?country=KE">Kenya (1)' in page
    narrowed = client.get(PAGE, {"country": "KE", "constituency": "nonsense"}).content.decode()
    assert "Members today: 1." in narrowed
    months = rows_of(client, "months")
    assert len(months) == 25
    assert months[-1][:3] == ["2027-06", "3", "0"]
    assert rows_of(client, "groups", country="MW")[1:] == [
        ["constituency", "country", "1", "1", "0", "0", "0", "0", "0"],
        ["constituency", "implementer", "1", "1", "0", "0", "0", "0", "0"],
        ["country", "MW", "2", "2", "0", "0", "0", "0", "0"],
    ]
    forecast = rows_of(client, "forecast")
    assert len(forecast) == 14
    assert forecast[8][:5] == ["2028-01", "USD", "3", "750.00", "750.00"]


@pytest.mark.usefixtures("on_site", "members")
@time_machine.travel(date(2027, 6, 15))
def test_who_reads_no_invoices_reads_no_forecast(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    page = client.get(PAGE).content.decode()
    assert "Members today:" in page
    assert "A forecast is no money" not in page
    assert client.get(PAGE, {"table": "forecast"})["Content-Type"].startswith("text/html")


@pytest.mark.usefixtures("on_site")
def test_editors_read_no_reports(client: Client) -> None:
    sign_in(client, make_staff(groups.EDITORS))
    assert client.get(PAGE).status_code in (302, 403)
    auditor = Client()
    sign_in(auditor, make_staff(groups.AUDITORS))
    assert "Nothing is expected" in auditor.get(PAGE).content.decode()
    assert auditor.post(PAGE).status_code == 405


@pytest.mark.usefixtures("on_site")
def test_it_takes_as_many_queries_for_ten_organisations_as_for_five_hundred(
    client: Client,
) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    paid_term()
    admitted_term()

    def fill(until: int) -> None:
        tier = Tier.objects.get(code="implementer")
        start = timezone.localdate()
        for number in range(Organisation.objects.count(), until):
            Organisation(
                legal_name=f"Body {number}",
                public_name=f"Body {number}",
                slug=f"b-{number}",
                kind="implementer",
                constituency="implementer",
                country=["MW", "KE", "GB"][number % 3],
            ).save()
        Term.objects.bulk_create(
            Term(
                organisation=who,
                tier=tier,
                starts_on=start,
                ends_on=terms.last_day_of_year_from(start),
                fee=1,
                currency="USD",
                settled_on=start,
            )
            for who in Organisation.objects.filter(terms=None)
        )

    def count() -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(PAGE).status_code == 200
        return len(seen)

    fill(10)
    count()  # what is remembered by the process
    few = count()
    fill(500)
    assert count() == few
