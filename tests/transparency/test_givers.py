"""Who gave: always the ledger's figures to the cent, and nobody named who did not agree to it."""

import io
import itertools
import random
import threading
import uuid

import pytest
from django.core.files.base import ContentFile
from django.db import connection, connections
from django.template.loader import render_to_string
from PIL import Image as Picture
from wagtail.images import get_image_model

from core.models import User
from core.money import Money
from core.transactions import TransactionMissing, use_case
from funding.ledger import queries as books
from funding.ledger import sealing, templates
from funding.ledger.models import Entry
from funding.ledger.posting import post_many, reverse
from funding.pools import declining, naming
from funding.pools.models import Donor, Gift, Pledge
from funding.transparency import giver_sums, givers, logos
from funding.transparency.models import Given, GiverKind, GiverProgress, GiverSum, GiverTotal
from funding.transparency.reading import Tally
from tests.factories.banking import make_staff
from tests.factories.ledger import A_DAY, gift_entry, make_pool, post_now
from tests.factories.pools import (
    a_giver,
    confirmed_pledge,
    open_pool,
    received_gift,
    received_instalment,
)

_numbers = itertools.count(1)


def a_picture():
    made = io.BytesIO()
    Picture.new("RGB", (800, 200), "navy").save(made, "PNG")
    return made.getvalue()


def a_donor(name="", **changes):
    """A donor row; with a name it is shown under it."""
    return Donor.objects.create(
        name=name or "Nobody Named", public_name=name, anonymous=not name, **changes
    )


def a_gift(pool, donor, amount, *, shown=None):
    """A gift row, whose entry the test posts."""
    name = donor.public_name if shown is None else shown
    return Gift.objects.create(
        donor=donor,
        pool=pool,
        amount=amount,
        currency=pool.currency,
        anonymous=not name,
        public_name=name,
        language="en",
        form_token=uuid.uuid4(),
    )


def give(pool, donor, amount, **changes):
    gift = a_gift(pool, donor, amount, **changes)
    post_now(gift_entry(pool, amount, 0, source=f"gift:{gift.reference}"))
    return gift


def give_back(pool, gift, amount):
    post_now(
        templates.refunded(
            key=f"back:{next(_numbers)}",
            pool=pool.code,
            currency=pool.currency,
            date=A_DAY,
            amount=amount,
            paid="gift",
            place="clearing",
            source=f"gift:{gift.reference}",
        )
    )


def summed_up():
    sealing.seal_all()
    giver_sums.sum_up_all()


def agree(pool):
    """The page's sums are the ledger's figures, and the kept sums what the ledger says."""
    figures = books.figures(pool, pool.currency)
    found = givers.givers(pool, pool.currency)
    of_rows = sum((row.tally for row in found.rows), Tally())
    assert found.total == Tally(figures["received"], figures["refunded"] + figures["lost"])
    assert of_rows + found.rest + found.anonymous + found.dues + found.other == found.total
    assert list(giver_sums.problems()) == []
    return found


def shown(found):
    return [(row.name, row.tally.received, row.tally.returned) for row in found.rows]


@pytest.mark.django_db
class TestWhoGave:
    def test_a_donor_is_named_where_that_was_agreed_to_and_pooled_elsewhere(self):
        pool = make_pool()
        ada = a_donor("Ada")
        give(pool, ada, 10_000)
        give(pool, ada, 3_000, shown="")
        give(pool, a_donor(), 2_000)
        for _ in range(2):  # of the tail, and summed up
            found = agree(pool)
            assert shown(found) == [("Ada", 10_000, 0)]
            assert found.anonymous == Tally(5_000, 0)
            assert found.anonymous_number == 0  # two of them would know each other's part
            summed_up()

    def test_dues_and_what_is_no_gift_stand_apart(self):
        pool = make_pool()
        give(pool, a_donor("Ada"), 1_000)
        about = {"pool": pool.code, "currency": "USD", "date": A_DAY}
        post_now(templates.dues_paid_by_bank(key="d", amount=700, source="term:4", **about))
        post_now(templates.bank_gift(key="x", amount=50, source="payment:unknown", **about))
        post_now(templates.bank_gift(key="y", amount=5, source="gift:not-a-uuid", **about))
        post_now(templates.bank_gift(key="z", amount=6, source=f"gift:{uuid.uuid4()}", **about))
        for _ in range(2):
            found = agree(pool)
            assert (found.dues.received, found.other.received) == (700, 61)
            summed_up()

    def test_money_given_back_is_the_givers_also_when_it_comes_later_than_the_sums(self):
        pool = make_pool()
        gift = give(pool, a_donor("Ada"), 10_000)
        give(pool, a_donor("Ben"), 7_000)
        summed_up()
        give_back(pool, gift, 4_000)
        assert shown(agree(pool)) == [("Ben", 7_000, 0), ("Ada", 10_000, 4_000)]
        summed_up()
        assert shown(agree(pool)) == [("Ben", 7_000, 0), ("Ada", 10_000, 4_000)]

    def test_who_got_everything_back_is_not_listed_and_still_counted(self):
        pool = make_pool()
        gift = give(pool, a_donor("Ada"), 10_000)
        give_back(pool, gift, 10_000)
        for _ in range(2):
            found = agree(pool)
            assert (found.rows, found.rest, found.rest_count) == ([], Tally(10_000, 10_000), 0)
            assert found.concentration is None
            summed_up()

    def test_a_reversal_is_about_what_it_reverses_and_so_is_the_reversal_of_that(self):
        pool = make_pool()
        gift = give(pool, a_donor("Ada"), 10_000)
        treasurer = User.objects.create_user("treasurer@example.org")
        entry = Entry.objects.get(source=f"gift:{gift.reference}")
        with use_case():
            once = reverse(entry, reason="booked twice", by=treasurer)
        assert agree(pool).rows == []
        summed_up()
        assert agree(pool).rows == []
        with use_case():
            reverse(Entry.objects.get(pk=once.entry_id), reason="it was not", by=treasurer)
        assert shown(agree(pool)) == [("Ada", 10_000, 0)]
        summed_up()
        assert shown(agree(pool)) == [("Ada", 10_000, 0)]

    def test_gifts_and_instalments_made_by_the_real_functions_are_found(self):
        profile = open_pool()
        received_gift(profile, a_giver(public_name="Grace"), 5_000)
        pledge = confirmed_pledge(profile=profile, public_name="Trust")
        received_instalment(pledge)
        found = agree(profile.pool)
        assert shown(found) == [("Trust", 50_000, 0), ("Grace", 5_000, 0)]

    def test_two_pools_are_apart_and_together(self):
        one, other = make_pool(), make_pool()
        ada = a_donor("Ada")
        give(one, ada, 1_000)
        give(other, ada, 2_000)
        for _ in range(2):
            assert shown(agree(one)) == [("Ada", 1_000, 0)]
            assert shown(agree(other)) == [("Ada", 2_000, 0)]
            assert shown(givers.givers(None, "USD")) == [("Ada", 3_000, 0)]
            summed_up()

    def test_a_pool_that_nobody_gave_to_has_nobody(self):
        found = agree(make_pool())
        assert (found.rows, found.total, found.concentration) == ([], Tally(), None)

    def test_reading_takes_one_query(self, django_assert_num_queries):
        pool = make_pool()
        give(pool, a_donor("Ada"), 1_000)
        with django_assert_num_queries(1):
            givers.givers(pool, "USD")


@pytest.mark.django_db
class TestPaging:
    @pytest.mark.parametrize("summed", [0, 3, 9])
    def test_pages_hold_every_named_donor_once_whatever_is_summed_up(self, monkeypatch, summed):
        monkeypatch.setattr(givers, "PAGE", 2)
        pool = make_pool()
        donors = [a_donor(f"Donor {number}") for number in range(9)]
        for number, donor in enumerate(donors):
            give(pool, donor, 1_000 + number // 2)  # pairs of equals
            if number + 1 == summed:
                summed_up()
        give(pool, donors[0], 500)  # the first of the sums overtakes all
        seen, after = [], None
        while True:
            found = givers.page_of_givers(pool, "USD", after=after)
            seen += [row.name for row in found.rows]
            after = found.next_after
            if after is None:
                break
        assert seen == [f"Donor {number}" for number in (0, 8, 6, 7, 4, 5, 2, 3, 1)]

    def test_the_rest_is_counted(self):
        pool = make_pool()
        for number in range(5):
            give(pool, a_donor(f"Donor {number}"), 1_000 * (number + 1))
        summed_up()
        found = givers.givers(pool, "USD", limit=2)
        assert [row.name for row in found.rows] == ["Donor 4", "Donor 3"]
        assert (found.rest, found.rest_count) == (Tally(6_000, 0), 3)
        assert found.next_after == (4_000, f"Donor 3#{found.rows[-1].donor}")


@pytest.mark.django_db
class TestConcentration:
    def found(self, *amounts, unnamed=()):
        pool = make_pool()
        for number, amount in enumerate(amounts):
            give(pool, a_donor(f"Donor {number}"), amount)
        for amount in unnamed:
            give(pool, a_donor(), amount)
        before = agree(pool).concentration
        summed_up()
        after = agree(pool).concentration
        assert before == after
        return after

    def test_equal_donors_are_as_many_as_they_are(self):
        found = self.found(*[500] * 8)
        assert (found.equals, found.share, found.donors, found.level) == (80, 125, 8, "many")

    def test_one_donor_alone(self):
        found = self.found(700)
        assert (found.level, found.share, found.name, found.equals) == ("one", 1_000, "Donor 0", 10)

    def test_one_large_donor_among_small_ones(self):
        found = self.found(6_100, 1_300, 1_300, 1_300)
        assert (found.share, found.name, found.level) == (610, "Donor 0", "few")
        assert found.equals == 24  # 1 / (0.61² + 3 × 0.13²) = 2.36

    def test_the_largest_is_not_named_where_it_is_anonymous(self):
        found = self.found(100, 200, unnamed=[5_000, 30])
        assert (found.name, found.donors, found.share) == ("", 4, 938)

    def test_the_largest_may_be_anonymous_and_in_the_tail_alone(self):
        pool = make_pool()
        give(pool, a_donor("Ada"), 100)
        summed_up()
        give(pool, a_donor(), 300)
        assert agree(pool).concentration == givers.Concentration(2, 750, "", 16, 1)

    @pytest.mark.parametrize(
        "unnamed, told", [([900], False), ([900, 30], False), ([900] * 3, True)]
    )
    def test_one_or_two_unnamed_donors_are_neither_counted_nor_weighed(self, unnamed, told):
        found = self.found(100, 200, unnamed=unnamed)
        words = render_to_string("transparency/parts/dependence.html", {"found": found})
        assert (f"{found.donors} donors gave" in words) is told
        assert ("as if" in words) is told
        assert ("%" in words) is told
        assert "most plans would change" in words or told

    def test_one_unnamed_donor_alone_looks_as_two_do(self):
        one, two = (
            render_to_string(
                "transparency/parts/dependence.html", {"found": self.found(unnamed=amounts)}
            )
            for amounts in ([700], [700, 300])
        )
        assert one == two
        assert "alone" not in one


@pytest.mark.django_db
class TestLogos:
    def approved(self, name, **changes):
        image = get_image_model().objects.create(
            title="x", file=ContentFile(a_picture(), name="x.png")
        )
        return a_donor(name, **{"logo": image, "logo_approved": True, **changes})

    def logo(self, name):
        pool = make_pool()
        give(pool, Donor.objects.filter(public_name=name).first(), 1_000)
        (found,) = logos.with_logos(givers.givers(pool, "USD"))
        return found.rows[0].logo

    def test_an_approved_logo_stands_beside_the_name_in_one_query(self, django_assert_num_queries):
        self.approved("Ada")
        logo = self.logo("Ada")
        assert (logo.width, logo.height) == (96, 24)
        pool = make_pool()
        give(pool, Donor.objects.get(public_name="Ada"), 1_000)
        found = givers.givers(pool, "USD")
        with django_assert_num_queries(1):
            (again,) = logos.with_logos(found)
        assert again.rows[0].logo == logo
        html = render_to_string("transparency/parts/givers.html", {"givers": again})
        assert f'<img src="{logo.url}" width="96" height="24" alt="" loading="lazy">' in html

    def test_no_logo_that_nobody_approved_nor_beside_another_name_of_the_donor(self):
        self.approved("Ada", logo_approved=False)
        assert self.logo("Ada") is None
        ben = self.approved("Ben")
        pool = make_pool()
        give(pool, ben, 1_000, shown="Ben’s Bakery")
        (found,) = logos.with_logos(givers.givers(pool, "USD"))
        assert found.rows[0].logo is None

    @pytest.mark.parametrize("own_name", ["World Health Fund", "Mallory"])
    def test_who_takes_the_name_of_another_has_a_line_of_their_own_without_the_logo(self, own_name):
        pool = make_pool()
        fund = self.approved("World Health Fund")
        mallory = a_donor(own_name)
        give(pool, fund, 1_000)
        give(pool, mallory, 5_000, shown="World Health Fund")
        for _ in range(2):  # of the tail, and summed up
            (found,) = logos.with_logos(agree(pool))
            assert [(row.tally.received, row.logo is None) for row in found.rows] == [
                (5_000, True),
                (1_000, False),
            ]
            assert found.concentration.donors == 2
            summed_up()


@pytest.mark.django_db
class TestNaming:
    def test_who_opts_out_is_not_named_any_more_at_once(self):
        pool = make_pool()
        ada = a_donor("Ada")
        gift = give(pool, ada, 10_000)
        summed_up()
        with use_case():
            Gift.objects.filter(pk=gift.pk).update(anonymous=True, public_name="")
            naming.changed([ada.pk])
        found = agree(pool)
        assert (found.rows, found.anonymous) == ([], Tally(10_000, 0))
        # Nor kept anywhere.
        assert not GiverTotal.objects.filter(key__contains="Ada").exists()
        assert not Given.objects.filter(key__contains="Ada").exists()

    @pytest.mark.parametrize("summed", [False, True])
    def test_a_declined_gift_names_nobody_from_then_on_and_its_money_stays_counted(self, summed):
        pool = make_pool()
        ada = a_donor("Ada")
        gift = give(pool, ada, 10_000)
        give(pool, ada, 500)
        if summed:
            summed_up()
        declining.decline_gift(gift, by=make_staff(), reason="On a list.")
        found = agree(pool)
        assert (shown(found), found.anonymous) == ([("Ada", 500, 0)], Tally(10_000, 0))

    def test_another_donor_of_the_same_name_keeps_it(self):
        pool = make_pool()
        one, other = a_donor("Ada"), a_donor("Ada")
        gift = give(pool, one, 10_000)
        give(pool, other, 500)
        summed_up()
        assert shown(agree(pool)) == [("Ada", 10_000, 0), ("Ada", 500, 0)]
        with use_case():
            Gift.objects.filter(pk=gift.pk).update(public_name="Ada L.")
            naming.changed([one.pk])
        assert shown(agree(pool)) == [("Ada L.", 10_000, 0), ("Ada", 500, 0)]

    def test_merged_donors_count_as_one(self):
        pool = make_pool()
        one, other = a_donor(), a_donor()
        give(pool, one, 100)
        gift = give(pool, other, 300)
        summed_up()
        assert agree(pool).concentration.donors == 2
        with use_case():
            Gift.objects.filter(pk=gift.pk).update(donor=one)
            naming.changed([one.pk, other.pk])
        assert agree(pool).concentration == givers.Concentration(1, 1_000, "", 10, 1)

    def test_pledges_are_renamed_too(self):
        profile = open_pool()
        pledge = confirmed_pledge(profile=profile, public_name="Trust")
        received_instalment(pledge)
        summed_up()
        with use_case():
            Pledge.objects.filter(pk=pledge.pk).update(anonymous=True, public_name="")
            naming.changed([pledge.donor_id])
        assert agree(profile.pool).rows == []

    def test_what_is_not_summed_up_yet_follows_by_itself(self):
        pool = make_pool()
        ada = a_donor("Ada")
        gift = give(pool, ada, 10_000)
        with use_case():
            Gift.objects.filter(pk=gift.pk).update(anonymous=True, public_name="")
            naming.changed([ada.pk])
        assert agree(pool).rows == []

    def test_money_that_comes_after_a_change_that_was_not_told_stays_under_the_old_name(self):
        """So that the change, once it is told, moves all of it and leaves nothing behind."""
        pool = make_pool()
        ada = a_donor("Ada")
        gift = give(pool, ada, 10_000)
        summed_up()
        Gift.objects.filter(pk=gift.pk).update(public_name="Ada L.")
        give_back(pool, gift, 1_000)
        summed_up()
        (total,) = GiverTotal.objects.filter(scope=pool.pk)
        assert total.key == f"Ada#{ada.pk}"
        with use_case():
            naming.changed([ada.pk])
        assert shown(agree(pool)) == [("Ada L.", 10_000, 1_000)]

    def test_it_is_a_part_of_a_use_case(self):
        with pytest.raises(TransactionMissing):
            giver_sums.renamed([1])


@pytest.mark.django_db
class TestSums:
    def test_they_are_right_after_any_history(self):
        chance = random.Random(7)
        pools = [make_pool(), make_pool()]
        donors = [a_donor(name) for name in ("Ada", "Ada", "Ben", "", "", "Cy")]
        gifts = []
        for step in range(120):
            pool = chance.choice(pools)
            act = chance.random()
            if act < 0.55 or not gifts:
                donor = chance.choice(donors)
                amount = chance.randint(1, 9_999)
                hidden = {"shown": ""} if chance.random() < 0.2 else {}
                gifts.append((pool, give(pool, donor, amount, **hidden), donor))
            elif act < 0.75:
                pool, gift, _ = chance.choice(gifts)
                give_back(pool, gift, chance.randint(1, 3_000))
            elif act < 0.85:
                _, gift, donor = chance.choice(gifts)
                name = chance.choice(["", "Ada", "Dee", "Ben"])
                with use_case():
                    Gift.objects.filter(pk=gift.pk).update(public_name=name, anonymous=not name)
                    naming.changed([donor.pk])
            elif act < 0.95:
                sealing.seal_all()
                giver_sums.sum_up(chance.randint(1, 20))
            if step % 10 == 0:
                for each in pools:
                    agree(each)
        kept = [agree(pool) for pool in pools]
        giver_sums.rebuild()
        assert [agree(pool) for pool in pools] == kept

    def test_a_wrong_sum_is_told(self):
        pool = make_pool()
        give(pool, a_donor("Ada"), 1_000)
        summed_up()
        assert list(giver_sums.problems()) == []
        GiverTotal.objects.filter(scope=pool.pk).update(received=999)
        told = " ".join(giver_sums.problems())
        assert f"pool {pool.pk}" in told
        assert "1000" in told
        assert "Ada" not in told
        GiverTotal.objects.all().update(received=1_000)
        GiverSum.objects.filter(kind=GiverKind.NAMED).update(squares=1)
        assert len(list(giver_sums.problems())) == 2  # of the pool, and of all
        giver_sums.rebuild()
        assert list(giver_sums.problems()) == []

    def test_large_amounts_do_not_overflow(self):
        pool = make_pool()
        give(pool, a_donor("Ada"), 10**15)
        give(pool, a_donor("Ben"), 10**15)
        summed_up()
        assert agree(pool).concentration.equals == 20


def test_two_workers_and_a_renaming_at_once_count_everything_once(committed_db):
    pool = make_pool()
    donors = [a_donor(f"Donor {number}") for number in range(20)]
    gifts = [a_gift(pool, donor, 100) for donor in donors]
    with use_case():
        post_many([gift_entry(pool, 100, 0, source=f"gift:{gift.reference}") for gift in gifts])
    sealing.seal_all()
    failed = []

    def at_once(work):
        try:
            barrier.wait()
            work()
        except Exception as error:
            failed.append(error)
        finally:
            connections.close_all()

    def sum_up():
        while giver_sums.sum_up(3):
            pass

    def rename():
        for donor, gift in zip(donors, gifts, strict=True):
            with use_case():
                Gift.objects.select_for_update().filter(pk=gift.pk).update(public_name="One")
                naming.changed([donor.pk])

    threads = [threading.Thread(target=at_once, args=[w]) for w in (sum_up, sum_up, rename)]
    barrier = threading.Barrier(len(threads), timeout=60)
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert GiverProgress.objects.get().through == 20
    assert shown(agree(pool)) == [("One", 100, 0)] * 20
    assert connection.in_atomic_block is False
    assert Money(2_000, "USD").amount == agree(pool).total.received
