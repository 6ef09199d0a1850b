"""The demo's pools and donors: loaded twice they are there once, and the books agree."""

import datetime

import pytest
import time_machine
from django.utils import timezone

from funding.ledger import queries as ledger
from funding.ledger.models import Entry
from funding.payments.models import Payment
from funding.pools import demo, queries
from funding.pools.models import Donor, Gift, Pledge, PoolProfile
from tests.factories import pools as make


@pytest.mark.django_db
def test_loading_twice_even_on_another_day_makes_nothing_double() -> None:
    donor = make.make_person("donor@example.org", first_name="Dana", last_name="Lindqvist")
    staff = make.make_person("treasurer@example.org")

    def counts() -> list[int]:
        return [model.objects.count() for model in (Gift, Pledge, Donor, Payment, Entry)]

    demo.open_demo_pools()
    demo.load(donor, staff=staff)
    first = counts()
    with time_machine.travel(timezone.now() + datetime.timedelta(days=1)):
        demo.open_demo_pools()
        demo.load(donor, staff=staff)
    assert counts() == first
    assert Donor.objects.filter(name=demo.TRUST, merged_into=None).count() == 1


@pytest.mark.django_db
def test_figures_of_the_demo_agree_with_its_books_and_its_gifts() -> None:
    demo.open_demo_pools()
    donor = make.make_person("donor@example.org", first_name="Dana")
    demo.load(donor, staff=make.make_person("treasurer@example.org"))
    for profile in PoolProfile.objects.select_related("pool"):
        figures = ledger.figures(profile.pool, "USD")
        balances = ledger.balances(profile.pool, "USD")
        assert ledger.available_from_figures(figures) == ledger.available_from_accounts(balances)
        gifts = sum(gift.amount for gift in Gift.objects.filter(pool=profile.pool))
        promises = queries.promises(profile.pool)
        assert figures["received"] == gifts + promises.received > 0
        assert promises.pledged > 0
        assert balances.get("contributions-receivable", 0) == promises.binding


@pytest.mark.django_db
def test_every_invented_donor_that_is_named_is_marked_as_an_example() -> None:
    demo.open_demo_pools()
    donor = make.make_person("donor@example.org", first_name="Dana")
    demo.load(donor, staff=make.make_person("treasurer@example.org"))
    for profile in PoolProfile.objects.select_related("pool"):
        named = [gift.name for gift in queries.recent_gifts(profile.pool, limit=50) if gift.name]
        assert named
        assert all("(example)" in name for name in named)
