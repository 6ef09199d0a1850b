"""No public page asks the database more than it must: eight queries, however much there is to show.

Beyond the CMS's own: finding the page, and what every page of it costs (its place in the tree, its
translations, the addresses of the site), which a page of text without anything shows.
"""

import html
import itertools
import re
import uuid

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.transactions import use_case
from funding.ledger import checkpoints, templates
from funding.ledger.models import Period, Pool
from funding.ledger.periods import close_month, month_after
from funding.ledger.posting import post_many
from funding.payments import credit_notes, progress
from funding.payments.models import ExpectedPayment, Payment, Receipt, Refund
from funding.pools.models import Donor, Gift, Instalment, Pledge, PoolProfile, PoolTransfer
from funding.transparency import giver_sums, givers, opened
from home.models import NewsIndexPage, NewsPage, PoolIndexPage, PoolPage
from home.models.base import PortalPage
from portal.site_tree import plant
from tests import public_pages
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.membership import make_officer
from tests.factories.payments import make_invoice, make_payment, settlement, state
from tests.factories.pools import make_person
from tests.payments.recurring_at_stripe import make_subscription

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_demo", "own_checkpoints")]

MOST = 8
# No pages: about the site itself, for programs; and streams, which ask once for each thousand entries
# or two so that nothing is held open for a slow reader (tests/transparency/test_beancount.py).
NO_PAGES = {"healthz", "sitemap", "news_feed"} | {
    "pool_entries_beancount", "pool_entries_csv", "ledger_csv",
}  # fmt: skip
CODE = "core-software"
_numbers = itertools.count(1)


def asked(client, address, monkeypatch):
    """The statements that a page itself sends."""
    begins = []
    of_page = PortalPage.get_context

    def noted(self, *args, **kwargs):
        begins.append(len(captured.captured_queries))
        return of_page(self, *args, **kwargs)

    client.get(address).getvalue()  # what a process or the cache keeps is kept now
    with monkeypatch.context() as patch:
        patch.setattr(PortalPage, "get_context", noted)
        with CaptureQueriesContext(connection) as captured:
            answer = client.get(address)
            answer.getvalue()
    assert answer.status_code == 200, address
    statements = [str(query["sql"]) for query in captured.captured_queries]
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


def faults_of(name, statements):
    """What is wrong with what a page asks, in words."""
    if len(statements) > MOST:
        listed = "\n    ".join(sql.strip()[:150].replace("\n", " ") for sql in statements)
        yield f"{name} asks {len(statements)} times:\n    {listed}"
    for sql in {sql for sql in statements if statements.count(sql) > 1}:
        yield f"{name} asks twice: {sql[:300]}"


def differences(few, many):
    """Which pages ask more or less often of ``many`` rows than of ``few``, in words."""
    for name, statements in few.items():
        if len(statements) != len(many[name]):
            added = [
                sql[:200] for sql in many[name] if sql[:60] not in {s[:60] for s in statements}
            ]
            yield f"{name} asks {len(statements)} times, then {len(many[name])}: {added}"


# --- All pages, with ten rows and with ten thousand -----------------------------------------------


def fill(pool, count, day, people):
    """``count`` gifts of as many donors, half of them named, with their entries; and for one in ten
    of them spending, a pledge and a transfer."""
    now = timezone.now()
    donors = Donor.objects.bulk_create(
        Donor(name=f"D{n}", public_name=f"D{n}" if n % 2 else "", anonymous=not n % 2)
        for n in range(count)
    )
    common = {"pool": pool, "currency": pool.currency, "language": "en"}
    shown = [{"anonymous": donor.anonymous, "public_name": donor.public_name} for donor in donors]
    gifts = Gift.objects.bulk_create(
        Gift(
            donor=donor, amount=1_000 + place, received_at=now, form_token=uuid.uuid4(),
            **common, **shown[place],
        )
        for place, donor in enumerate(donors)
    )  # fmt: skip
    pledges = Pledge.objects.bulk_create(
        Pledge(
            donor=donor, amount=5_000, binding=False, confirmed_at=now, form_token=uuid.uuid4(),
            **common, **shown[place],
        )
        for place, donor in enumerate(donors[: count // 10])
    )  # fmt: skip
    Instalment.objects.bulk_create(
        Instalment(pledge=pledge, number=1, due_on=day, amount=5_000) for pledge in pledges
    )
    other = Pool.objects.filter(currency=pool.currency).exclude(pk=pool.pk).first()
    PoolTransfer.objects.bulk_create(
        PoolTransfer(
            form_token=uuid.uuid4(), kind="transfer", basis="unrestricted", amount=1, reason="So",
            from_pool=pool, to_pool=other, currency=pool.currency, requested_by=people[0],
            decided_by=people[1], decided_at=now, approved=True,
        )
        for _ in range(count // 10)
    )  # fmt: skip
    about = {"pool": pool.code, "currency": pool.currency, "date": day}
    given = [
        templates.bank_gift(
            key=f"given:{gift.pk}", amount=gift.amount, source=f"gift:{gift.reference}", **about
        )
        for gift in gifts
    ]
    spent = [
        templates.own_spending_paid(key=f"spent:{next(_numbers)}", amount=10, **about)
        for _ in range(count // 10)
    ]
    with use_case():
        post_many([*given, *spent])


def more_pools(count, day):
    """``count`` pools that have money, each with its page."""
    index = PoolIndexPage.objects.get(locale__language_code="en")
    for _ in range(count):
        pool = make_pool()
        PoolProfile.objects.create(
            pool=pool, purpose="More.", opens_on=day, live=True, countries={"MW": 100}
        )
        post_now(gift_entry(pool, date=day))
        with use_case():
            plant(index, PoolPage(pool=pool), {"en": {"title": f"Pool {pool.code}"}})


def tell_news(count):
    """News about every pool."""
    for number in range(count):
        page = NewsPage(title=f"A cold chain that holds {number}", date=timezone.localdate())
        page.pools = list(Pool.objects.all())
        NewsIndexPage.objects.get(locale__language_code="en").add_child(instance=page)
        page.save_revision().publish()


def addresses(client, month):
    """Every public page and every download, and what some of them show when asked otherwise."""
    yield from ((name, to) for name, to in public_pages.addresses() if name not in NO_PAGES)
    of_pool = f"/pools/{CODE}/"
    donors = client.get(f"{of_pool}donors/").content.decode()
    of_giver = re.search(rf'href="({of_pool}donors/entries/[^"]+)"', donors)
    yield from (
        ("page of the pool", of_pool),
        ("entries of a figure", f"{of_pool}entries/?figure=received"),
        ("earlier entries", f"{of_pool}entries/?after=1000000"),
        ("earlier entries of all", "/ledger/?after=1000000"),
        ("earlier transfers", "/transfers/?page=2"),
        ("what a donor gave", html.unescape(of_giver[1])),
        ("statement", f"{of_pool}statements/{month:%Y-%m}/"),
        ("statement as a file", f"{of_pool}statements/{month:%Y-%m}.json"),
        ("hashes of the statements", f"/ledger/statements/{month:%Y-%m}.sha256"),
    )


def all_asked(client, month, monkeypatch):
    return {name: asked(client, to, monkeypatch) for name, to in addresses(client, month)}


@pytest.mark.timeout(600)
def test_no_public_page_asks_more_than_eight_times_nor_twice_nor_more_for_more_rows(
    client, monkeypatch
):
    pool, people = Pool.objects.get(code=CODE), [make_person(), make_person()]
    oldest = Period.objects.earliest("month").month
    found = []
    for month, rows, pools in ((oldest, 10, 1), (month_after(oldest), 10_000, 5)):
        fill(pool, rows, month.replace(day=10), people)
        more_pools(pools, month.replace(day=10))
        tell_news(pools)
        with use_case():
            close_month(month, by=make_officer(), reason="All is in")
        checkpoints.publish()
        giver_sums.sum_up_all()
        fill(pool, 10, timezone.localdate(), people)  # not summed up yet
        found.append(all_asked(client, month, monkeypatch))
    few, many = found
    assert "A cold chain that holds" in client.get(f"/pools/{CODE}/").content.decode()
    faults = [fault for name in few for asks in found for fault in faults_of(name, asks[name])]
    faults += differences(few, many)
    assert not faults, "\n".join(dict.fromkeys(faults))


def test_the_gifts_and_pledges_under_a_public_name_are_found_by_an_index():
    with CaptureQueriesContext(connection) as captured:
        opened.donor_of("Ada", "")
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables are empty
        cursor.execute("EXPLAIN " + captured.captured_queries[0]["sql"])
        plan = str(cursor.fetchall())
    assert "gift_by_public_name" in plan
    assert "pledge_by_public_name" in plan


def test_the_entries_of_a_giver_are_found_by_an_index(client):
    profile = PoolProfile.objects.get(pool__code=CODE)
    giver = givers.givers(profile.pool, "USD").rows[0]
    with CaptureQueriesContext(connection) as captured:
        assert opened.of_giver(giver.name, giver.tag, "USD", profile.pool, limit=10).rows
    asked = next(each["sql"] for each in captured.captured_queries if "picked" in each["sql"])
    # Among the few rows of a test the planner would look for what reverses nothing instead.
    by_source = asked.replace(" WHERE e.reverses_id IS NULL", "")
    assert by_source != asked
    with connection.cursor() as cursor:
        cursor.execute("SET LOCAL enable_seqscan = off")  # the tables are small
        cursor.execute("EXPLAIN " + by_source)
        assert "entry_by_source" in str(cursor.fetchall())


# --- Papers, which no list leads to: of one payment and of ten ------------------------------------


def paid(**changes):
    payment = make_payment(**changes)
    with use_case():
        progress.apply(payment.pk, state(payment))
        progress.settle(payment.pk, settlement(payment))
    return Payment.objects.get(pk=payment.pk)


def given_back_in_parts(count):
    """A payment of which something went back ``count`` times, each time with another receipt."""
    payment = paid()
    for _ in range(count):
        Refund.objects.create(
            payment=payment, amount=100, currency="USD", status="succeeded", entry=None,
            created_at=timezone.now(),
        )  # fmt: skip
        with use_case():
            credit_notes.after_refund(progress.lock(payment.pk))
    return payment


def papers_of(count):
    """The page of each paper in each of its states, ``count`` things on it where it can have more."""
    invoice = make_invoice(25_000)
    for _ in range(count):
        paid(amount=100, invoice=invoice)
    begun = make_payment(100, invoice=invoice)
    settled = make_invoice(1_000)
    for _ in range(count):
        paid(amount=1_000 // count, invoice=settled)
    void = make_invoice()
    with use_case():
        note = credit_notes.void_invoice(void, reason="Asked twice", by=None)
    back = given_back_in_parts(count)
    first, last = (Receipt.objects.filter(payment=back).order_by(by)[0] for by in ("pk", "-pk"))
    agreed = make_subscription()
    checkpoints.publish()
    return {
        "invoice paid in part": invoice.get_absolute_url(),
        "invoice paid": settled.get_absolute_url(),
        "invoice void": void.get_absolute_url(),
        "invoice as PDF": reverse("invoice_pdf", args=[invoice.public_id]),
        "how to pay": ExpectedPayment.objects.get(invoice=invoice).get_absolute_url(),
        "credit note": note.get_absolute_url(),
        "credit note of a receipt": first.voided_by.get_absolute_url(),
        "receipt void": first.get_absolute_url(),
        "receipt": last.get_absolute_url(),
        "receipt as PDF": reverse("receipt_pdf", args=[last.public_id]),
        "payment": back.get_absolute_url(),
        "payment begun": begun.get_absolute_url(),
        "subscription": agreed.get_absolute_url(),
        "end of a subscription": reverse("subscription_end", args=[agreed.public_id]),
    }


def test_no_paper_asks_more_than_eight_times_nor_twice_nor_more_for_more_payments(
    client, monkeypatch
):
    few, many = (
        {name: asked(client, to, monkeypatch) for name, to in papers_of(count).items()}
        for count in (1, 10)
    )
    faults = [
        fault for name in few for asks in (few, many) for fault in faults_of(name, asks[name])
    ]
    faults += differences(few, many)
    assert not faults, "\n".join(dict.fromkeys(faults))
