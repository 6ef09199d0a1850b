"""The two files of IATI: accepted by its schemas and codelists, equal to the ledger, and silent on
whoever does not want to be named."""

import datetime
import io
import uuid

import pytest
from django.utils import timezone

from core.money import Money
from core.transactions import use_case
from funding.ledger import queries as books
from funding.ledger import templates
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Entry
from funding.ledger.posting import reverse
from funding.pools import instalments, pledge_changes
from funding.pools.models import Donor, Gift, Pledge, PoolProfile
from funding.pools.queries import promises
from funding.pools.schedules import Part
from funding.transparency.iati import activities, mapping, organisation
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.pools import (
    a_giver,
    confirmed_pledge,
    make_person,
    open_pool,
    pay,
    received_gift,
    received_instalment,
)
from tests.pools.test_pledges_owed import treasurer
from tests.transparency.iati import reading

pytestmark = pytest.mark.django_db


def written(write=activities.write, now=None):
    out = io.BytesIO()
    write(out, now=now or timezone.now())
    return out.getvalue()


def document():
    return reading.accepted(written(), "activities")


def activity(code):
    return reading.of_pool(document(), code)


def about(pool, key, **more):
    return {"key": key, "pool": pool.code, "currency": pool.currency, "date": A_DAY, **more}


def transactions(found, type):
    return [
        (
            reading.minor(line.find("value")),
            line.findtext("provider-org/narrative") or "",
            line.findtext("description/narrative"),
        )
        for line in found.iter("transaction")
        if line.find("transaction-type").get("code") == type
    ]


def everything(pool, other):
    """One of each event that feeds a figure."""
    amounts = {
        "opening": templates.opening_balance(amount=500_000, **about(pool, "o")),
        "gift": gift_entry(pool, 10_000, 320, key="g", source="gift:none"),
        "dues": templates.dues_paid_by_bank(amount=7_000, **about(pool, "d", source="term:7")),
        "over": templates.overpayment_received(amount=900, **about(pool, "ov")),
        "refund": templates.refunded(
            amount=1_000, paid="gift", place="clearing", **about(pool, "r", source="gift:none")
        ),
        "held": templates.dispute_opened(amount=2_000, fee=1_500, **about(pool, "h")),
        "lost": templates.dispute_lost(amount=1_500, paid="gift", **about(pool, "l")),
        "charge": templates.bank_charge(amount=90, **about(pool, "c")),
        "exchange": templates.exchange_loss(amount=60, place="bank", **about(pool, "x")),
        "granted": templates.grant_committed(amount=60_000, **about(pool, "gc", memo="Grant 1")),
        "paid": templates.disbursement_paid(amount=25_000, **about(pool, "dp", memo="Part 1")),
        "returned": templates.grant_returned(amount=2_000, **about(pool, "gr")),
        "released": templates.grant_released(amount=5_000, **about(pool, "grel")),
        "own": templates.own_spending_paid(amount=4_200, **about(pool, "own", memo="Audit")),
        "advance": templates.advance_paid(amount=800, **about(pool, "ap")),
        "back": templates.advance_returned(amount=150, **about(pool, "ar")),
        "out": templates.transfer_between_pools(
            amount=30_000, to_pool=other.code, **about(pool, "t")
        ),
        "in": templates.transfer_between_pools(
            amount=3_000, to_pool=pool.code, **about(other, "t2")
        ),
    }
    return {name: post_now(entry) for name, entry in amounts.items()}


class TestMapping:
    def test_every_figure_is_a_transaction_or_left_out_for_a_reason(self):
        assert set(mapping.TRANSACTIONS) | set(mapping.LEFT_OUT) == set(FIGURE_SIGNS)
        assert set(mapping.TRANSACTIONS) & set(mapping.LEFT_OUT) == set()
        assert all(mapping.LEFT_OUT.values())

    def test_every_type_is_one_of_the_codelist(self):
        used = {part.type for mapped in mapping.TRANSACTIONS.values() for part in mapped.parts}
        pledges = {mapping.INCOMING_COMMITMENT, mapping.INCOMING_PLEDGE}
        assert used | pledges <= reading.codelists()["TransactionType"]

    def test_the_sums_of_each_type_are_the_figures_of_the_ledger(self):
        pool, other = make_pool("one"), make_pool("two")
        everything(pool, other)
        found = document()
        figures = books.figures(pool, "USD")
        assert reading.sums(reading.of_pool(found, "one")) == mapping.totals(
            figures, moved_in=3_000, moved_out=30_000
        )
        assert reading.sums(reading.of_pool(found, "one")) == {
            "1": 10_000 + 7_000 + 900 - 1_000 - 1_500 + 3_000,
            "2": 60_000 - 5_000,
            "3": 25_000 - 2_000 + 30_000,
            "4": 320 + 1_500 + 90 + 4_200 + 800 - 150,
        }
        assert figures["transfers"] == 3_000 - 30_000
        assert reading.sums(reading.of_pool(found, "two")) == {"1": 30_000, "3": 3_000}

    def test_an_entry_and_its_reversal_leave_nothing(self, django_user_model):
        pool, other = make_pool("one"), make_pool("two")
        staff = django_user_model.objects.create_user("t@example.org")
        posted = everything(pool, other)
        before = reading.sums(activity("one"))
        for entry in (
            gift_entry(pool, 700, 20, key="again", source="gift:none"),
            templates.own_spending_paid(amount=333, **about(pool, "own2")),
            templates.transfer_between_pools(amount=50, to_pool="two", **about(pool, "t3")),
        ):
            made = post_now(entry)
            with use_case():
                reverse(Entry.objects.get(pk=made.entry_id), reason="A mistake", by=staff)
        assert posted
        after = reading.sums(activity("one"))
        moved = {"1": 50, "3": 50}  # there, and back as a transfer the other way
        assert {key: after[key] - before[key] for key in after if after[key] != before[key]} == (
            moved
        )

    def test_the_sums_are_right_in_a_currency_without_decimals(self):
        pool = make_pool("francs", "XOF")
        post_now(gift_entry(pool, 65_000, 1_300))
        found = activity("francs")
        assert reading.sums(found, "XOF") == {"1": 65_000, "4": 1_300}
        assert found.get("default-currency") == "XOF"
        assert found.findtext("transaction/value") == "65000"


class TestNames:
    def test_who_agreed_is_named_and_whoever_did_not_is_one_with_all_others(self):
        pool = open_pool("core")
        named = a_giver(public_name="Ministry of Hope")
        received_gift(pool, named, 5_000)
        received_gift(pool, named, 2_000)
        received_gift(pool, a_giver(name="Secret Sam", email="s@example.org"), 3_000)
        received_gift(pool, a_giver(name="Hidden Hana", email="h@example.org"), 4_000)
        content = written()
        for hidden in (b"Secret", b"Sam", b"Hidden", b"Hana", b"Grace", b"example.org"):
            assert hidden not in content.replace(b"http://testserver", b"").replace(
                b"foundation.example.org", b""
            )
        found = activity("core")
        assert transactions(found, "1") == [
            (7_000, "", "Received, from donors who are not named, together"),
            (7_000, "Ministry of Hope", "Received, from the named giver"),
        ]

    def test_an_anonymous_gift_is_not_named_though_a_name_is_kept(self):
        pool = open_pool("core")
        gift = received_gift(pool, a_giver(public_name="Once Shown"))
        Gift.objects.filter(pk=gift.pk).update(anonymous=True)
        assert b"Once Shown" not in written()
        assert reading.sums(activity("core"))["1"] == 5_000

    def test_a_refund_goes_back_to_the_name_it_came_from(self):
        pool = open_pool("core")
        gift = received_gift(pool, a_giver(public_name="Named Org"))
        post_now(
            templates.refunded(
                amount=1_200,
                paid="gift",
                place="clearing",
                **about(pool.pool, "r", source=f"gift:{gift.reference}"),
            )
        )
        assert sorted(transactions(activity("core"), "1")) == [
            (-1_200, "Named Org", "Refunded, from the named giver"),
            (5_000, "Named Org", "Received, from the named giver"),
        ]

    def test_dues_name_no_member(self):
        pool = make_pool("general")
        post_now(templates.dues_paid_by_bank(amount=7_000, **about(pool, "d", source="term:7")))
        assert transactions(activity("general"), "1") == [(7_000, "", "Received, membership dues")]

    def test_organisations_that_are_named_take_part_as_funders_and_persons_do_not(self):
        pool = open_pool("core")
        person = a_giver(name="P", email="p@example.org", public_name="Paula")
        received_gift(pool, person)
        gift = received_gift(pool, a_giver(public_name="A Fund"))
        gift.donor.kind = "organisation"
        gift.donor.save()
        found = activity("core")
        assert found.xpath("participating-org[@role='1']/narrative/text()") == ["A Fund"]

    @pytest.mark.parametrize("name", ["<b>&\"'", "A\x0bB\x1f", "\ufffe", "𝔘 Ministère", "]]>"])
    def test_a_name_of_any_letters_leaves_the_file_whole(self, name):
        pool = open_pool("core")
        gift = received_gift(pool, a_giver(public_name="x"))
        Gift.objects.filter(pk=gift.pk).update(public_name=name)
        assert reading.sums(activity("core"))["1"] == 5_000


class TestPledges:
    def test_a_binding_pledge_is_a_commitment_and_what_comes_of_it_incoming_funds(self):
        pool = open_pool("core")
        pledge = confirmed_pledge(profile=pool, amount=100_000, public_name="Fund")
        received_instalment(pledge)
        found = activity("core")
        assert transactions(found, "11") == [
            (100_000, "Fund", "Binding pledges, from the named giver")
        ]
        assert transactions(found, "1") == [(50_000, "Fund", "Received, from the named giver")]
        assert transactions(found, "13") == []
        receivable = books.balances(pool.pool, "USD")["contributions-receivable"]
        assert reading.sums(found)["11"] - 50_000 == receivable

    def test_a_commitment_is_what_was_promised_however_it_is_paid_with_each_change_on_its_day(self):
        pool = open_pool("core")
        by, today = treasurer(), timezone.localdate()

        beyond = confirmed_pledge(profile=pool, amount=100_000)
        first = beyond.instalments.get(number=1)
        pages = [
            instalments.begin_instalment_payment(
                first, user=beyond.donor.user, language="en", amount=Money(amount, "USD")
            )
            for amount in (20_000, 50_000)
        ]
        for page in pages:
            pay(page)

        conditional = confirmed_pledge(profile=pool, amount=100_000, condition="A law passes.")
        received_instalment(conditional)
        pledge_changes.meet_condition(conditional, on=today, by=by, note="It passed.")

        raised = confirmed_pledge(profile=pool, amount=100_000, public_name="Fund")
        Pledge.objects.filter(pk=raised.pk).update(
            confirmed_at=timezone.now() - datetime.timedelta(70)
        )
        received_instalment(raised)
        pledge_changes.change_pledge(
            raised,
            amount=Money(120_000, "USD"),
            parts=[Part(today + datetime.timedelta(200), 70_000)],
            reason="More.",
            by=by,
        )
        found = activity("core")
        assert reading.sums(found)["11"] == 100_000 + 100_000 + 120_000
        assert [amount for amount, name, _words in transactions(found, "11") if name] == [
            100_000,
            20_000,
        ]

        pledge_changes.write_off_pledge(raised, by=by, reason="Gone.")
        confirmed_pledge(profile=pool, amount=7_000, condition="Another one passes.")
        found = activity("core")
        assert reading.sums(found)["11"] == 100_000 + 100_000 + 50_000
        # As the page says it, and as the books do.
        promised = promises(pool.pool)
        assert reading.sums(found)["11"] == promised.binding + promised.received
        assert reading.sums(found)["13"] == promised.conditional == 7_000
        receivable = books.balances(pool.pool, "USD")["contributions-receivable"]
        assert reading.sums(found)["11"] == receivable + promised.received

    def test_an_intent_is_an_incoming_pledge(self):
        pool = open_pool("core")
        confirmed_pledge(profile=pool, amount=100_000, binding=False)
        found = activity("core")
        assert [amount for amount, _name, _words in transactions(found, "13")] == [100_000]
        assert transactions(found, "11") == []

    def test_intents_of_unnamed_donors_are_one_sum_whatever_their_months(self):
        pool = open_pool("core")
        for amount, days in ((100_000, 1), (30_000, 40)):
            pledge = confirmed_pledge(profile=pool, amount=amount, binding=False)
            when = timezone.now() - datetime.timedelta(days)
            Pledge.objects.filter(pk=pledge.pk).update(confirmed_at=when)
        found = transactions(activity("core"), "13")
        assert [amount for amount, _name, _words in found] == [130_000]

    def test_what_was_declined_or_written_off_makes_no_funder(self):
        pool = open_pool("core")
        gift = received_gift(pool, a_giver(public_name="Declined Ltd"))
        pledge = confirmed_pledge(profile=pool, public_name="Gone Ltd")
        Donor.objects.update(kind="organisation")
        now = timezone.now()
        Gift.objects.filter(pk=gift.pk).update(
            declined_at=now, declined_by=make_person("d@example.org"), decline_reason="x"
        )
        Pledge.objects.filter(pk=pledge.pk).update(written_off_at=now)
        found = activity("core").xpath("participating-org[@role='1']/narrative/text()")
        assert found == []

    def test_a_pledge_that_nobody_may_know_of_names_nobody(self):
        confirmed_pledge(
            profile=open_pool("core"), amount=100_000, binding=False, name="Secret Sam"
        )
        assert b"Secret" not in written()


class TestActivity:
    def test_it_says_what_the_pool_is_for(self):
        pool = open_pool("core", title="Core software")
        PoolProfile.objects.filter(pk=pool.pk).update(
            countries={"MW": 60.5, "MZ": 39.5}, sectors={"12250": 100}, sdg_goals=[3, 17]
        )
        found = activity("core")
        assert found.findtext("iati-identifier") == "XE-EXAMPLE-FOUNDATION-core"
        assert found.findtext("title/narrative") == "Core software"
        assert found.findtext("description/narrative") == "Releases and security fixes."
        assert found.xpath("recipient-country/@code") == ["MW", "MZ"]
        assert found.xpath("recipient-country/@percentage") == ["60.5", "39.5"]
        assert found.xpath("sector/@code") == ["12250"]
        assert found.xpath("tag[@vocabulary='2']/@code") == ["3", "17"]

    @pytest.mark.parametrize(
        "opens, closes, paused, status, dates",
        [
            (-5, None, False, "2", ["2"]),
            (5, None, False, "1", ["1"]),
            (-5, 5, True, "6", ["2", "3"]),
            (-5, -1, False, "4", ["2", "4"]),
        ],
    )
    def test_its_status_and_dates_follow_from_the_pools(self, opens, closes, paused, status, dates):
        today = timezone.localdate()
        pool = open_pool("core")
        PoolProfile.objects.filter(pk=pool.pk).update(
            opens_on=today + datetime.timedelta(opens),
            closes_on=today + datetime.timedelta(closes) if closes else None,
            paused=paused,
        )
        found = activity("core")
        assert found.xpath("activity-status/@code") == [status]
        assert found.xpath("activity-date/@type") == dates

    def test_a_closed_pool_with_money_left_is_being_finished(self):
        pool = open_pool("core")
        received_gift(pool)
        PoolProfile.objects.filter(pk=pool.pk).update(
            closes_on=timezone.localdate() - datetime.timedelta(1)
        )
        assert activity("core").xpath("activity-status/@code") == ["3"]

    def test_no_transaction_lies_in_the_future(self):
        received_gift(open_pool("core"))
        today = timezone.localdate().isoformat()
        days = document().xpath("//transaction-date/@iso-date")
        assert days
        assert max(days) <= today

    def test_a_pool_that_nobody_approved_is_not_there(self):
        PoolProfile.objects.filter(pk=open_pool("draft").pk).update(live=False)
        open_pool("core")
        assert [found.findtext("iati-identifier") for found in document()] == [
            "XE-EXAMPLE-FOUNDATION-core"
        ]

    def test_transfers_name_the_activity_on_the_other_side(self):
        pool, other = make_pool("one"), make_pool("two")
        post_now(gift_entry(pool, 100_000, 0))
        post_now(
            templates.transfer_between_pools(
                amount=30_000, to_pool="two", **about(pool, "t", memo="For the printing")
            )
        )
        found = document()
        assert other
        (went,) = reading.of_pool(found, "one").xpath("transaction[transaction-type/@code='3']")
        (came,) = reading.of_pool(found, "two").xpath("transaction[transaction-type/@code='1']")
        assert went.find("receiver-org").get("receiver-activity-id") == "XE-EXAMPLE-FOUNDATION-two"
        assert came.find("provider-org").get("provider-activity-id") == "XE-EXAMPLE-FOUNDATION-one"
        assert went.findtext("description/narrative") == "For the printing"
        assert went.get("ref") == came.get("ref")

    def test_a_file_without_any_pool_is_none(self):
        with pytest.raises(activities.NoPool):
            written()


class TestOrganisation:
    def test_it_says_what_was_spent_in_each_year_without_transfers(self):
        pool, other = make_pool("one"), make_pool("two")
        everything(pool, other)
        found = reading.accepted(written(organisation.write), "organisations")
        (year,) = found.iter("total-expenditure")
        figures = books.figures(pool, "USD")
        spent = sum(figures[name] for name in ("disbursed", "expenses", "fees"))
        assert reading.minor(year.find("value")) == spent - figures["returned"]
        lines = [reading.minor(line.find("value")) for line in year.iter("expense-line")]
        assert sum(lines) == reading.minor(year.find("value"))
        assert year.find("period-start").get("iso-date") == "2026-01-01"

    def test_it_is_accepted_before_anything_is_spent(self):
        found = reading.accepted(written(organisation.write), "organisations")
        assert found.findtext("iati-organisation/organisation-identifier") == (
            "XE-EXAMPLE-FOUNDATION"
        )


def test_a_source_of_any_form_is_read(django_assert_max_num_queries):
    """What stands in the ledger is not always a UUID."""
    pool = make_pool("one")
    for number, source in enumerate(
        ["gift:", "gift:7", "pledge:x", "entry:1", "", str(uuid.uuid4())]
    ):
        post_now(gift_entry(pool, 100, 0, key=f"s{number}", source=source))
    assert reading.sums(activity("one")) == {"1": 600}
