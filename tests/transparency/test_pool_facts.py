"""What the pages of money say beside the sum: when, at what pace, what for, where, and all together."""

import datetime
from decimal import Decimal

import pytest
from django.urls import reverse
from django.utils import timezone

from core.transactions import use_case
from funding.ledger import queries as books
from funding.ledger import templates
from funding.ledger.models import Entry
from funding.ledger.posting import reverse as reverse_entry
from funding.pools.models import PoolProfile
from funding.pools.schedules import Part
from funding.transparency import foundation, pool_facts, series
from funding.transparency.templatetags import charts
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.pools import (
    a_giver,
    confirmed_pledge,
    draft_pledge,
    make_person,
    open_pool,
    received_gift,
)

TODAY = datetime.date(2026, 7, 15)
_keys = iter(range(10_000))


def month(number):
    return datetime.date(2026, number, 1)


def about(pool, date, **more):
    return {
        "key": f"facts:{next(_keys)}",
        "pool": pool.code,
        "currency": pool.currency,
        "date": date,
        **more,
    }


def spend(pool, amount, date, memo=""):
    post_now(templates.own_spending_paid(amount=amount, **about(pool, date, memo=memo)))


class TestMonths:
    def test_a_month_is_what_came_less_what_went_back_and_what_was_spent_with_fees(self):
        figures = {
            "received": 1_000, "refunded": 100, "lost": 50, "disbursed": 400, "returned": 30,
            "expenses": 20, "fees": 7, "committed": 999, "transfers": 999,
        }  # fmt: skip
        assert series.flow(month(1), figures) == series.MonthFlow(month(1), 850, 397)

    def test_every_month_is_there_to_this_one_and_a_long_history_is_cut(self):
        found = series.monthly({month(2): {"received": 5}}, TODAY)
        assert [(row.month.month, row.came) for row in found] == [
            (2, 5), (3, 0), (4, 0), (5, 0), (6, 0), (7, 0),
        ]  # fmt: skip
        long_ago = series.monthly({datetime.date(2019, 1, 1): {"received": 5}}, TODAY)
        assert len(long_ago) == series.SHOWN
        assert long_ago[-1].month == month(7)
        assert series.monthly({}, TODAY) == []

    def test_a_month_ahead_of_today_is_shown_too(self):
        found = series.monthly({month(7): {"received": 1}, month(8): {"received": 2}}, TODAY)
        assert [row.came for row in found] == [1, 2]

    @pytest.mark.parametrize(
        ("before", "count", "after"),
        [((2026, 1), 1, (2025, 12)), ((2026, 3), 12, (2025, 3)), ((2026, 12), 23, (2025, 1))],
    )
    def test_months_before_a_month(self, before, count, after):
        assert series.months_before(datetime.date(*before, 1), count) == datetime.date(*after, 1)


class TestPace:
    def test_it_is_the_average_of_whole_months_alone(self):
        months = {month(n): {"expenses": 300} for n in (4, 5, 6)} | {month(7): {"expenses": 9_999}}
        (pace,) = series.paces(months, 1_050, TODAY)
        assert pace == series.Pace(span=3, a_month=300, lasts=35)

    def test_months_without_spending_count(self):
        (pace,) = series.paces({month(4): {"expenses": 300}}, 1_000, TODAY)
        assert (pace.a_month, pace.lasts) == (100, 100)

    def test_a_young_pool_has_no_pace_and_an_old_one_has_two(self):
        assert series.paces({month(5): {"expenses": 300}}, 1_000, TODAY) == []
        old = {datetime.date(2025, 7, 1): {"expenses": 1_200}, month(6): {"expenses": 300}}
        assert [(p.span, p.a_month) for p in series.paces(old, 0, TODAY)] == [(3, 100), (12, 125)]

    def test_where_nothing_was_spent_or_more_came_back_nothing_is_said_of_lasting(self):
        for figures in ({}, {"expenses": -5}):
            (pace,) = series.paces({month(4): figures}, 1_000, TODAY)
            assert pace.lasts is None

    def test_a_pool_below_zero_lasts_for_no_month(self):
        (pace,) = series.paces({month(4): {"expenses": 300}}, -1_000, TODAY)
        assert pace.lasts == 0


class TestCharts:
    def test_a_small_amount_is_seen_and_one_below_zero_hangs_below(self):
        flows = [series.MonthFlow(month(1), 1_000_000, 1), series.MonthFlow(month(2), -500_000, 0)]
        chart = charts.month_bars(flows)
        assert chart.zero == 100
        assert chart.came == "M3 100h11v-100h-11zM33 100h11v50h-11z"
        assert chart.spent == "M16 100h11v-2h-11z"

    def test_no_months_make_no_bars(self):
        assert charts.month_bars([]).came == ""

    def test_countries_lie_where_they_are_and_without_a_place_are_in_the_table_alone(self):
        rows = [
            pool_facts.CountryShare("Null Island", Decimal("60.00"), 0.0, 0.0),
            pool_facts.CountryShare("Nowhere", Decimal("40.00"), None, None),
        ]
        world = charts.world_map(rows)
        assert world.places == [charts.Place(x=360, y=168, size=10)]

    def test_tenths_are_written_as_the_language_does(self):
        assert [charts.tenths(n) for n in (614, 1_000, 5, 0, None)] == [
            "61.4", "100", "0.5", "0", "",
        ]  # fmt: skip

    def test_shares_of_countries_come_largest_first_with_their_names(self):
        found = pool_facts.countries_of({"MW": 40.0, "MZ": 60.0, "XX": 0.0})
        assert [(row.name, row.share) for row in found][:2] == [
            ("Mozambique", Decimal("60.00")),
            ("Malawi", Decimal("40.00")),
        ]
        assert found[2].latitude is None


@pytest.mark.django_db
class TestFactsOfAPool:
    def test_they_are_the_ledgers_figures_and_one_query(self, django_assert_num_queries):
        pool = make_pool()
        post_now(gift_entry(pool, 10_000, 320, date=month(2)))
        spend(pool, 1_500, month(3))
        with django_assert_num_queries(1):
            facts = pool_facts.pool_facts(pool, today=TODAY)
        assert facts.summary.figures == books.figures(pool, "USD")
        assert facts.summary.available == 10_000 - 320 - 1_500
        assert sum(row.came for row in facts.flows.months) == 10_000
        assert sum(row.spent for row in facts.flows.months) == 1_820

    def test_payments_for_the_purpose_are_listed_with_what_came_back(self):
        pool = make_pool()
        post_now(gift_entry(pool, 100_000, 0))
        spend(pool, 1_500, month(3), memo="Interpreters")
        post_now(templates.grant_committed(amount=40_000, **about(pool, month(4))))
        paid = about(pool, month(4), memo="Facility registers")
        post_now(templates.disbursement_paid(amount=30_000, **paid))
        post_now(templates.grant_returned(amount=500, **about(pool, month(5))))
        facts = pool_facts.pool_facts(pool, today=TODAY)
        assert [(row.what, row.memo, row.amount) for row in facts.flows.spending] == [
            ("Grant money returned", "", -500),
            ("Disbursement paid", "Facility registers", 30_000),
            ("Own spending", "Interpreters", 1_500),
        ]
        assert facts.summary.figures["committed"] == 10_000

    def test_the_latest_payments_alone_are_listed(self):
        pool = make_pool()
        post_now(gift_entry(pool, 100_000, 0))
        for number in range(9):
            spend(pool, number + 1, month(3))
        facts = pool_facts.pool_facts(pool, today=TODAY)
        assert [row.amount for row in facts.flows.spending] == [9, 8, 7, 6, 5, 4]

    def test_another_pool_is_in_none_of_them(self):
        pool, other = make_pool(), make_pool()
        post_now(gift_entry(other, 10_000, 0))
        spend(other, 10, month(3))
        facts = pool_facts.pool_facts(pool, today=TODAY)
        assert (facts.flows.months, facts.flows.spending, facts.summary.received) == ([], [], 0)


@pytest.mark.django_db
class TestFoundation:
    @pytest.fixture
    def pools(self):
        one, other = make_pool("one", name="One"), make_pool("other", name="Other")
        for pool, amount in ((one, 10_000), (other, 5_000)):
            post_now(gift_entry(pool, amount, 0))
        moved = about(one, month(3))
        post_now(templates.transfer_between_pools(amount=2_000, to_pool="other", **moved))
        return one, other

    def test_transfers_between_pools_are_in_no_sum_of_it(self, pools):
        (facts,) = foundation.foundation_facts(today=TODAY)
        assert facts.figures["transfers"] == 0
        assert [row.name for row in facts.rows] == ["received", "available"]
        assert facts.rows[-1].amount == 15_000 == sum(part.available for part in facts.pools)
        assert facts.moved == 2_000

    def test_currencies_stand_apart_the_largest_first(self, pools):
        euro = make_pool("euro", "EUR")
        post_now(gift_entry(euro, 50_000, 0))
        found = foundation.foundation_facts(today=TODAY)
        assert [(facts.currency, facts.figures["received"]) for facts in found] == [
            ("EUR", 50_000),
            ("USD", 15_000),
        ]
        assert [part.pool.code for part in found[0].pools] == ["euro"]

    def test_it_takes_three_queries(self, pools, django_assert_num_queries):
        with django_assert_num_queries(3):
            foundation.foundation_facts(today=TODAY)

    def test_promises_to_all_pools_of_a_currency_are_added_up(self, client, pools):
        today = timezone.localdate()
        euro = open_pool("euro", currency="EUR")
        for profile in (open_pool(), open_pool(), euro):
            parts = [
                Part(today, 10_000),
                Part(today + datetime.timedelta(days=2), 20_000),
                Part(today + datetime.timedelta(days=90), 70_000),
            ]
            confirmed_pledge(profile=profile, parts=parts)
        draft_pledge(profile=open_pool(currency="CHF"))
        dollars, euros = foundation.foundation_facts(today=today + datetime.timedelta(days=1))
        # To the pool in euros no money has come yet: what is promised to it is shown all the same.
        assert (euros.currency, euros.figures["received"]) == ("EUR", 0)
        assert (euros.promises.pledged, euros.promises.overdue) == (100_000, 10_000)
        found = dollars.promises
        assert (found.pledged, found.due, found.overdue) == (200_000, 40_000, 20_000)
        text = client.get(reverse("money")).content.decode()
        assert text.count("Promised, and not here yet") == 2
        assert "2,000.00" in text

    def test_countries_count_by_what_came_to_their_pool_and_stayed(self, client, pools):
        # 80.00 and 70.00 by now: 20.00 was moved from the one to the other.
        for pool, countries in zip(pools, ({"MW": 75.0, "MZ": 25.0}, {}), strict=True):
            PoolProfile.objects.create(
                pool=pool, purpose="x", opens_on=TODAY, countries=countries, live=True
            )
        # Of one whose money all went back there is nothing to show.
        gone = make_pool()
        PoolProfile.objects.create(
            pool=gone, purpose="x", opens_on=TODAY, countries={"ZM": 100.0}, live=True
        )
        gift = post_now(gift_entry(gone, 1_000, 0))
        with use_case():
            reverse_entry(Entry.objects.get(pk=gift.entry_id), reason="Mistake", by=make_person())
        (facts,) = foundation.foundation_facts(today=TODAY)
        assert [(row.name, row.share) for row in facts.countries] == [
            ("Without a country", Decimal("46.67")),
            ("Malawi", Decimal("40.00")),
            ("Mozambique", Decimal("13.33")),
        ]
        assert "Share of all pools" in client.get(reverse("money")).content.decode()
        # Terms that nobody has approved yet say nothing; nor is there a map of nothing.
        PoolProfile.objects.update(live=False)
        (facts,) = foundation.foundation_facts(today=TODAY)
        assert facts.countries == []

    def test_each_figure_opens_into_its_entries_whose_sum_it_is(self, pools, client):
        (facts,) = foundation.foundation_facts(today=TODAY)
        answer = client.get(facts.rows[0].href)
        assert sum(row.amount for row in answer.context["rows"]) == 15_000
        assert {row.currency for row in answer.context["rows"]} == {"USD"}

    def test_entries_of_a_figure_page_without_losing_or_repeating_one(
        self, pools, client, monkeypatch
    ):
        monkeypatch.setattr("funding.transparency.money_views.PAGE", 2)
        for number in range(5):
            post_now(gift_entry(pools[number % 2], 10 + number, 0))
        seen, address = [], "?figure=received&currency=USD"
        while address:
            answer = client.get(reverse("money_entries") + address)
            seen += [row.entry.pk for row in answer.context["rows"]]
            address = answer.context["older"]
        assert len(seen) == len(set(seen)) == 7
        assert seen == sorted(seen, reverse=True)

    @pytest.mark.parametrize(
        "query",
        ["", "?figure=received", "?currency=USD", "?figure=x&currency=USD",
         "?figure=received&currency=usd", "?figure=received&currency=USD&after=x"],
    )  # fmt: skip
    def test_an_address_that_names_no_figure_is_not_found(self, client, query):
        assert client.get(reverse("money_entries") + query).status_code == 404

    def test_the_page_shows_an_empty_foundation(self, client):
        answer = client.get(reverse("money"))
        assert "No money has moved yet" in answer.content.decode()

    def test_the_page_names_the_pools_and_what_moved_between_them(self, client, pools):
        text = client.get(reverse("money")).content.decode()
        assert "Moved between pools, net: 20.00 USD." in text
        assert reverse("pool_entries", args=["one"]) in text


@pytest.mark.django_db
class TestListsOfGivers:
    def test_a_donor_who_agreed_is_named_and_no_other(self, client):
        profile = open_pool()
        received_gift(profile, a_giver(public_name="Grace & Co"), 5_000)
        received_gift(profile, a_giver(name="Secret Sam"), 700)
        text = client.get(reverse("pool_givers", args=[profile.code])).content.decode()
        assert "Grace &amp; Co" in text
        assert "Secret Sam" not in text
        assert "Donors who are not named, together" in text
        assert "57.00" in text

    def test_they_page_by_name_whatever_is_in_it(self, client, monkeypatch):
        monkeypatch.setattr("funding.transparency.givers.PAGE", 1)
        profile = open_pool()
        names = ["A b & c?d=e", "Ü = 1 2", "Zoë", "Zoë"]
        for number, name in enumerate(names):
            giver = a_giver(public_name=name, email=f"{number}@example.org")
            received_gift(profile, giver, 5_000)
        seen, address = [], "?"
        while address:
            answer = client.get(reverse("pool_givers", args=[profile.code]) + address)
            seen += [row.name for row in answer.context["givers"].rows]
            address = answer.context["older"]
        assert sorted(seen) == sorted(names)

    @pytest.mark.parametrize(
        "after", ["x", "12", "-1 A", "1" * 19 + " A", "1 " + "A" * 300, "1 \0"]
    )
    def test_a_place_that_is_none_is_not_found(self, client, after):
        pool = make_pool()
        answer = client.get(reverse("pool_givers", args=[pool.code]), {"after": after})
        assert answer.status_code == 404

    def test_the_foundations_list_wants_a_currency(self, client):
        assert client.get(reverse("money_givers")).status_code == 404
        assert client.get(reverse("money_givers"), {"currency": "USD"}).status_code == 200
