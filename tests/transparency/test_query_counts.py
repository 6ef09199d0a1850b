"""No public page asks the database more than it must: eight queries, however much there is to show.

Beyond the CMS's own: finding the page, and what every page of it costs (its place in the tree, its
translations, the addresses of the site), which a page of text without anything shows.
"""

import itertools
import uuid

import pytest
from django.core.management import call_command
from django.db import connection
from django.test.utils import CaptureQueriesContext

from core.transactions import use_case
from funding.ledger import checkpoints, templates
from funding.ledger.models import Pool
from funding.ledger.posting import post_many
from funding.pools.models import Donor, Gift
from funding.transparency import giver_sums
from home.models import NewsIndexPage, NewsPage
from home.models.base import PortalPage
from tests import public_pages
from tests.factories.ledger import A_DAY

MOST = 8
_numbers = itertools.count(1)

# Pages of one payer's papers, which are not for the public to find, ask more: what they take today,
# so that it does not grow. To be brought down in `funding.payments`.
TOLERATED: dict[str, int] = {"receipt": 9, "invoice": 9}
# And who asks the same thing again today.
TWICE = {"receipt", "invoice", "expected_payment"}


@pytest.fixture
def demo(db):
    call_command("load_demo", verbosity=0)


def asked(client, address, monkeypatch):
    """The statements that a page itself sends."""
    begins = []
    of_page = PortalPage.get_context

    def noted(self, *args, **kwargs):
        begins.append(len(captured.captured_queries))
        return of_page(self, *args, **kwargs)

    client.get(address)  # what a process or the cache keeps is kept now
    with monkeypatch.context() as patch:
        patch.setattr(PortalPage, "get_context", noted)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
    statements = [query["sql"] for query in captured.captured_queries]
    if not begins:
        return statements
    own = statements[begins[0] :]
    return [sql for sql in own if not of_the_frame(sql)]


def of_the_frame(sql):
    """Whether a statement looks up the page's place in the tree or its other languages."""
    if "wagtail_site_root_paths" in sql or '"wagtailcore_page"."translation_key" = ' in sql:
        return True
    return 'FROM "wagtailcore_locale"' in sql or (
        'FROM "wagtailcore_page"' in sql
        and ('"wagtailcore_page"."depth" > 2' in sql or '"wagtailcore_page"."path" IN' in sql)
    )


def test_no_public_page_asks_more_than_eight_times_nor_anything_twice(client, demo, monkeypatch):
    faults = []
    for name, address in public_pages.html_addresses():
        statements = asked(client, address, monkeypatch)
        if len(statements) > TOLERATED.get(name, MOST):
            listed = "\n    ".join(sql.strip()[:150].replace("\n", " ") for sql in statements)
            faults.append(f"{name} {address} asks {len(statements)} times:\n    {listed}")
        twice = {sql for sql in statements if statements.count(sql) > 1 and name not in TWICE}
        faults += [f"{name} {address} asks twice: {sql[:300]}" for sql in twice]
    assert not faults, "\n".join(faults)


def fill(count):
    """``count`` gifts of as many donors, half of them named, and as much spent, in every pool."""
    for pool in Pool.objects.all():
        donors = Donor.objects.bulk_create(
            [
                Donor(name=f"D{n}", public_name=f"D{n}" if n % 2 else "", anonymous=not n % 2)
                for n in range(count)
            ]
        )
        gifts = Gift.objects.bulk_create(
            [
                Gift(
                    donor=donor,
                    pool=pool,
                    currency=pool.currency,
                    amount=1_000 + place,
                    anonymous=donor.anonymous,
                    public_name=donor.public_name,
                    language="en",
                    form_token=uuid.uuid4(),
                )
                for place, donor in enumerate(donors)
            ]
        )
        about = {"pool": pool.code, "currency": pool.currency, "date": A_DAY}
        entries = [
            templates.bank_gift(
                key=f"fill:{next(_numbers)}",
                amount=gift.amount,
                source=f"gift:{gift.reference}",
                **about,
            )
            for gift in gifts
        ] + [
            templates.own_spending_paid(key=f"fill:{next(_numbers)}", amount=10, **about)
            for _ in range(count)
        ]
        with use_case():
            post_many(entries)


def test_pages_of_money_ask_as_often_for_ten_rows_as_for_a_thousand(client, demo, monkeypatch):
    names = {
        "PoolPage", "PoolIndexPage", "HomePage", "money", "money_entries", "money_givers",
        "pool_givers", "pool_entries", "ledger",
    }  # fmt: skip
    addresses = [(n, a) for n, a in public_pages.html_addresses() if n in names]
    assert {name for name, _ in addresses} == names
    # Nothing is summed up yet, and there is a checkpoint, which some pages ask about.
    fill(10)
    checkpoints.publish()
    few = {name: asked(client, address, monkeypatch) for name, address in addresses}
    fill(1_000)
    checkpoints.publish()
    giver_sums.sum_up_all()
    fill(1)  # and some that are not in the sums yet
    many = {name: asked(client, address, monkeypatch) for name, address in addresses}
    assert {name: len(found) for name, found in many.items()} == {
        name: len(found) for name, found in few.items()
    }


def test_news_of_a_pool_is_on_its_page_in_one_query(client, demo, monkeypatch):
    address = dict(public_pages.html_addresses())["PoolPage"]
    before = len(asked(client, address, monkeypatch))
    page = NewsPage(title="A cold chain that holds", date=A_DAY)
    page.pools = list(Pool.objects.all())
    NewsIndexPage.objects.get(locale__language_code="en").add_child(instance=page)
    page.save_revision().publish()
    assert "A cold chain that holds" in client.get(address).content.decode()
    assert len(asked(client, address, monkeypatch)) == before
