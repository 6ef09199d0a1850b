"""Months of the chart and rows of named givers open into the entries that make their numbers."""

import datetime
import html
import re
import uuid

import pytest
from django.urls import reverse
from django.utils import timezone

from core.transactions import use_case
from funding.ledger import sealing, templates
from funding.ledger.models import Entry
from funding.ledger.posting import reverse as reverse_entry
from funding.pools.models import Donor, Gift
from funding.transparency import foundation, giver_sums, givers, pool_facts
from tests.factories.banking import make_staff
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.pools import confirmed_pledge, open_pool, received_instalment

pytestmark = pytest.mark.django_db

MARCH = datetime.date(2026, 3, 1)


def on(pool, key, date):
    return {"key": key, "pool": pool.code, "currency": pool.currency, "date": date}


def numbers_behind(client, address):
    answer = client.get(address)
    assert answer.status_code == 200
    return [row.amount for row in answer.context["rows"]], answer.context["total"]


class TestMonths:
    @pytest.fixture
    def pools(self):
        one, other = make_pool("one"), make_pool("other")
        for pool, amount in ((one, 10_000), (other, 5_000)):
            post_now(gift_entry(pool, amount, 300, date=MARCH))
            post_now(gift_entry(pool, 7, 0, date=MARCH.replace(month=4)))
        post_now(templates.own_spending_paid(amount=1_500, **on(one, "spent", MARCH)))
        euro = make_pool("euro", "EUR")
        post_now(gift_entry(euro, 99, 0, date=MARCH))
        return one, other

    def test_each_number_of_a_chart_is_the_sum_of_the_entries_it_opens_into(self, client, pools):
        today = MARCH.replace(month=4)
        of_pool = pool_facts.pool_facts(pools[0], today=today).flows.months
        of_all = next(
            facts.flows.months
            for facts in foundation.foundation_facts(today=today)
            if facts.currency == "USD"
        )
        for months, name, first, query in (
            (of_pool, "pool_month", ["one"], ""),
            (of_all, "money_month", [], "?currency=USD"),
        ):
            for month in months:
                for flow in ("came", "spent"):
                    args = [*first, f"{month.month:%Y-%m}", flow]
                    found, total = numbers_behind(client, reverse(name, args=args) + query)
                    assert sum(found) == total == getattr(month, flow)
        assert (of_pool[0].spent, of_all[0].came) == (1_800, 15_000)

    def test_the_pages_link_them(self, client, pools):
        text = client.get(reverse("money")).content.decode()
        assert f'href="{reverse("money_month", args=["2026-03", "spent"])}?currency=USD"' in text

    def test_they_page_without_losing_or_repeating_one(self, client, pools, monkeypatch):
        monkeypatch.setattr("funding.transparency.opened_views.PAGE", 2)
        for number in range(5):
            post_now(gift_entry(pools[number % 2], 10 + number, 0, date=MARCH))
        seen, address = [], "?currency=USD"
        while address:
            page = client.get(reverse("money_month", args=["2026-03", "came"]) + address)
            seen += [row.entry.pk for row in page.context["rows"]]
            assert page.context["total"] == 15_060
            address = page.context["older"]
        assert len(seen) == len(set(seen)) == 7
        assert seen == sorted(seen, reverse=True)

    def test_an_address_that_names_no_month_is_not_found(self, client, pools):
        good = reverse("pool_month", args=["one", "2026-03", "came"])
        assert client.get(good).status_code == 200
        for wrong in ("2026-13", "26-03", "x"):
            assert client.get(good.replace("2026-03", wrong)).status_code == 404
        assert client.get(good.replace("came", "received")).status_code == 404
        assert client.get(good.replace("/one/", "/none/")).status_code == 404
        assert client.get(good + "?after=x").status_code == 404
        money = reverse("money_month", args=["2026-03", "came"])
        assert client.get(money).status_code == 404
        # A month in which nothing happened.
        assert numbers_behind(client, good.replace("2026", "1999")) == ([], 0)


class TestGivers:
    @pytest.fixture
    def pools(self):
        return make_pool("first"), make_pool("second")

    def give(self, pool, donor, amount, name):
        gift = Gift.objects.create(
            donor=donor, pool=pool, amount=amount, currency=pool.currency, anonymous=not name,
            public_name=name, language="en", form_token=uuid.uuid4(),
        )  # fmt: skip
        posted = post_now(gift_entry(pool, amount, 0, source=f"gift:{gift.reference}"))
        return gift, Entry.objects.get(pk=posted.entry_id)

    def links(self, client, address):
        text = client.get(address).content.decode()
        found = re.findall(r'href="([^"]*/donors/entries/[^"]*)"', text)
        return [html.unescape(link) for link in found]

    def test_a_row_opens_into_what_it_sums_up_with_what_went_back_of_it(self, client, pools):
        grace = Donor.objects.create(name="Grace")
        namesake = Donor.objects.create(name="Another Grace")
        odd = "Grace & b #1?"
        gift, _ = self.give(pools[0], grace, 5_000, odd)
        self.give(pools[1], grace, 700, odd)
        self.give(pools[0], namesake, 300, odd)
        self.give(pools[0], grace, 90, "Grace")
        self.give(pools[0], grace, 8, "")
        source = f"gift:{gift.reference}"
        back = {"amount": 1_000, "paid": "gift", "place": "clearing", "source": source}
        post_now(templates.refunded(**back, **on(pools[0], "back", MARCH)))
        _, mistaken = self.give(pools[0], grace, 40, odd)
        treasurer = make_staff()
        with use_case():
            reverse_entry(mistaken, reason="Not hers", by=treasurer, date=MARCH)
        for summed_up in (False, True):
            if summed_up:
                sealing.seal_all()
                assert giver_sums.sum_up_all()
            for pool, address in (
                (pools[0], reverse("pool_givers", args=["first"])),
                (None, reverse("money_givers") + "?currency=USD"),
            ):
                rows = givers.givers(pool, "USD").rows
                behind = [numbers_behind(client, link) for link in self.links(client, address)]
                assert [total for _, total in behind] == [row.tally.kept for row in rows]
                assert all(sum(found) == total for found, total in behind)
        (link, *_) = self.links(client, reverse("pool_givers", args=["first"]))
        assert sorted(numbers_behind(client, link)[0]) == [-1_000, -40, 40, 5_000]

    def test_no_address_tells_whose_a_gift_without_a_name_is(
        self, client, pools, django_assert_num_queries
    ):
        grace = Donor.objects.create(pk=987_654, name="Grace")
        gift, _ = self.give(pools[0], grace, 5_000, "Grace")
        self.give(pools[0], grace, 900, "")
        (link,) = self.links(client, reverse("pool_givers", args=["first"]))
        assert "987654" not in link
        with django_assert_num_queries(4):
            assert numbers_behind(client, link) == ([5_000], 5_000)
        for wrong in (link[:-1], link.replace("Grace", ""), link.replace("Grace", "Gr%00"), "?"):
            address = wrong if "name" in wrong else reverse("pool_giver", args=["first"])
            assert client.get(address).status_code == 404
        for changes in (
            {"declined_at": timezone.now(), "declined_by": make_staff(), "decline_reason": "x"},
            {"anonymous": True, "public_name": ""},
        ):
            before = {name: getattr(gift, name) for name in changes}
            Gift.objects.filter(pk=gift.pk).update(**changes)
            assert client.get(link).status_code == 404
            Gift.objects.filter(pk=gift.pk).update(**before)
        assert client.get(link).status_code == 200

    def test_a_named_pledge_counts_with_the_money_that_came_of_it(self, client):
        profile = open_pool("first")
        pledge = confirmed_pledge(profile=profile, public_name="Grace")
        received_instalment(pledge)
        (link,) = self.links(client, reverse("pool_givers", args=["first"]))
        assert numbers_behind(client, link) == ([50_000], 50_000)
