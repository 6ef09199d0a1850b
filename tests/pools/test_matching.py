"""Matching: what an offer comes to, live; and its settlement, once a month and no more."""

import datetime
import uuid
from typing import Any

import pytest
from django.core import mail
from django.template.loader import render_to_string
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.money import Money
from core.transactions import use_case
from funding.ledger import queries
from funding.payments.checkout import open_payment
from funding.payments.models import Dispute, ExpectedPayment, Payment, Refund
from funding.pools import instalments, matching, matching_refusals, merging, refusals
from funding.pools.models import (
    Donor,
    Gift,
    GivingPolicy,
    MatchingOffer,
    MatchingSettlement,
    Pledge,
    PoolProfile,
    RecurringGift,
)
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_account, make_staff
from tests.payments.test_lock_order import Meeting, errors_of
from tests.races import together

DAY = datetime.timedelta(days=1)


def today() -> datetime.date:
    return timezone.localdate()


def this_month() -> datetime.date:
    return today().replace(day=1)


def a_donor(**changes: Any) -> Donor:
    values = {"name": "A Fund", "email": "fund@example.org", "kind": "organisation"}
    return Donor.objects.create(**{**values, **changes})


def offered(profile: PoolProfile | None = None, **changes: Any) -> MatchingOffer:
    values: dict[str, Any] = {
        "donor": a_donor() if "donor" not in changes else None,
        "pool": (profile or make.open_pool()).pool,
        "most": Money(100_000, "USD"),
        "starts_on": this_month(),
        "ends_on": today() + 60 * DAY,
        "public_name": "A Fund",
        "by": make_staff() if "by" not in changes else None,
    }
    return matching.offer_matching(**{**values, **changes})


def a_gift(profile: PoolProfile, amount: int = 5_000, on: Any = None, **changes: Any) -> Gift:
    """A received gift; on the day (or at the moment) named."""
    gift = make.received_gift(profile, amount=amount)
    when = on or timezone.now()
    if not isinstance(when, datetime.datetime):
        when = timezone.make_aware(datetime.datetime.combine(when, datetime.time(12)))
    Gift.objects.filter(pk=gift.pk).update(received_at=when, **changes)
    gift.refresh_from_db()
    return gift


def give_back(gift: Gift, amount: int, status: str = "succeeded") -> None:
    payment = Payment.objects.get(purpose="gift", purpose_id=gift.pk)
    Refund.objects.create(
        payment=payment, amount=amount, currency="USD", status=status, created_at=timezone.now()
    )


def of(offer: MatchingOffer, **changes: Any) -> tuple[int, int, int]:
    found = matching.matched(offer, **changes)
    return found.amount.amount, found.left.amount, found.gifts


# --- What it comes to -------------------------------------------------------------------------------


@pytest.mark.django_db
def test_gifts_in_the_window_are_matched_and_no_others() -> None:
    profile = make.open_pool()
    offer = offered(profile, starts_on=today() - 5 * DAY, ends_on=today() + DAY)
    assert of(offer) == (0, 100_000, 0)
    a_gift(profile, 5_000, today() - 5 * DAY)
    a_gift(profile, 2_000, today())
    a_gift(profile, 700, today() - 6 * DAY)
    a_gift(make.open_pool(), 900, today())
    make.begun_gift(profile)
    assert of(offer) == (7_000, 93_000, 2)
    assert of(offer, on=today() - DAY) == (5_000, 95_000, 1)


@pytest.mark.django_db
def test_the_days_of_the_window_count_from_midnight_to_midnight() -> None:
    profile = make.open_pool()
    first, last = today() - 4 * DAY, today() - 2 * DAY
    offer = offered(profile, starts_on=first, ends_on=last)

    def at(day: datetime.date, *clock: int) -> datetime.datetime:
        return timezone.make_aware(datetime.datetime.combine(day, datetime.time(*clock)))

    for moment, amount in (
        (at(first, 0, 0, 0), 600),
        (at(last, 23, 59, 59), 1_000),
        (at(first - DAY, 23, 59, 59), 20_000),
        (at(last + DAY, 0, 0, 0), 40_000),
    ):
        a_gift(profile, amount, moment)
    assert of(offer)[0] == 1_600


@pytest.mark.django_db
def test_the_share_is_rounded_down_and_never_more_than_the_sum() -> None:
    profile = make.open_pool()
    half = offered(profile, rate=50, most=Money(3_000, "USD"))
    a_gift(profile, 5_001)
    assert of(half) == (2_500, 500, 1)
    a_gift(profile, 50_000)
    assert of(half) == (3_000, 0, 2)


@pytest.mark.django_db
def test_what_is_added_for_the_cards_fee_is_not_matched_nor_taken_off_when_it_goes_back() -> None:
    profile = make.open_pool()
    offer = offered(profile)
    a_gift(profile, 1_000)
    covered = a_gift(profile, 5_150, fee_cover=150)
    assert of(offer) == (6_000, 94_000, 2)
    give_back(covered, 2_000)
    assert of(offer)[0] == 4_000
    give_back(covered, 3_150)
    assert of(offer)[0] == 1_000


@pytest.mark.django_db
def test_a_share_is_rounded_down_to_what_a_card_can_pay_in_the_currency() -> None:
    profile = make.open_pool(currency="KWD")
    offer = offered(profile, rate=33, most=Money(4_005, "KWD"))
    a_gift(profile, 10_010)
    assert of(offer) == (3_300, 700, 1)  # 3.303 dinars: no card pays the last digit
    (settled,) = matching.settle_month(today())
    assert settled.amount == 3_300
    part = settled.pledge.instalments.get()
    payment = instalments.begin_instalment_payment(part, user=None, language="en")
    assert payment.money == Money(3_300, "KWD")
    a_gift(profile, 10_010)
    assert of(offer)[:2] == (4_000, 0)  # what is left of the sum is no amount either: all is used


@pytest.mark.django_db
def test_the_donors_own_and_declined_gifts_are_not_matched() -> None:
    profile, donor, staff = make.open_pool(), a_donor(), make_staff()
    offer = offered(profile, donor=donor)
    a_gift(profile, 5_000, donor=donor)
    a_gift(
        profile,
        7_000,
        declined_at=timezone.now(),
        declined_by=staff,
        decline_reason="Tobacco.",
    )
    a_gift(profile, 1_100)
    assert of(offer) == (1_100, 98_900, 1)


@pytest.mark.parametrize(
    ("status", "amount"),
    [("succeeded", 3_000), ("pending", 3_000), ("failed", 5_000), ("cancelled", 5_000)],
)
@pytest.mark.django_db
def test_what_was_given_back_is_not_matched(status: str, amount: int) -> None:
    profile = make.open_pool()
    offer = offered(profile)
    give_back(a_gift(profile, 5_000), 2_000, status)
    # A refund of a gift outside the window takes nothing off.
    give_back(a_gift(profile, 9_000, this_month() - DAY), 9_000)
    assert of(offer)[0] == amount


@pytest.mark.django_db
def test_what_a_bank_holds_in_a_dispute_is_not_matched() -> None:
    profile = make.open_pool()
    offer, gift = offered(profile), a_gift(profile, 5_000)
    payment = Payment.objects.get(purpose="gift", purpose_id=gift.pk)
    dispute = Dispute.objects.create(
        payment=payment,
        stripe_dispute="dp_1",
        amount=5_000,
        currency="USD",
        status="needs_response",
        outcome="open",
        opened_at=timezone.now(),
    )
    assert of(offer)[0] == 0
    Dispute.objects.filter(pk=dispute.pk).update(outcome="won", status="won")
    assert of(offer)[0] == 5_000


@pytest.mark.django_db
def test_an_offer_that_was_ended_matches_nothing_that_came_after() -> None:
    profile = make.open_pool()
    offer, by = offered(profile), make_staff()
    a_gift(profile, 5_000, timezone.now() - datetime.timedelta(seconds=5))
    offer = matching.end_offer(offer, by=by, reason="The fund closed.")
    ended_at = offer.ended_at
    a_gift(profile, 7_000, timezone.now() + datetime.timedelta(seconds=5))
    assert of(offer)[0] == 5_000
    assert matching.end_offer(offer, by=by, reason="Again.").ended_at == ended_at
    assert not matching.live_offers(profile.pool)


@pytest.mark.django_db
def test_a_refund_of_a_recurring_gift_is_taken_off_and_only_once() -> None:
    profile = make.open_pool()
    offer, gift = offered(profile), a_gift(profile, 5_000)
    wish = RecurringGift.objects.create(
        donor=gift.donor,
        pool=profile.pool,
        amount=5_000,
        currency="USD",
        interval="month",
        anonymous=True,
        language="en",
        form_token=uuid.uuid4(),
    )
    with use_case():
        payment = open_payment(
            purpose="recurring",
            purpose_id=wish.pk,
            pool=profile.pool,
            amount=wish.money,
            payer_name="Grace Giver",
            payer_email="grace@example.org",
            language="en",
        )
    paid = make.pay(payment)
    Gift.objects.filter(recurring_payment=paid).update(received_at=timezone.now())
    assert of(offer)[0] == 10_000
    Refund.objects.create(
        payment=paid,
        amount=5_000,
        currency="USD",
        status="succeeded",
        created_at=timezone.now(),
    )
    assert of(offer)[0] == 5_000


@pytest.mark.django_db
def test_what_several_offers_come_to_is_two_queries(django_assert_num_queries: Any) -> None:
    profile = make.open_pool()
    for rate in (10, 50, 100):
        offered(profile, rate=rate)
    a_gift(profile, 5_000)
    with django_assert_num_queries(2):
        live = matching.live_offers(profile.pool)
    assert sorted(one.matched.amount.amount for one in live) == [500, 2_500, 5_000]


@pytest.mark.django_db
def test_what_it_comes_to_is_one_query(django_assert_num_queries: Any) -> None:
    profile = make.open_pool()
    offer = offered(profile)
    for _ in range(3):
        a_gift(profile)
    with django_assert_num_queries(1):
        matching.matched(offer)


# --- The offer --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "refusal"),
    [
        ({"most": Money(0, "USD")}, matching_refusals.AmountWanted),
        ({"most": Money(5, "EUR")}, matching_refusals.OtherCurrency),
        ({"rate": 0}, matching_refusals.ShareWanted),
        ({"rate": 1_001}, matching_refusals.ShareWanted),
        (
            {"ends_on": datetime.date(2026, 1, 1), "starts_on": datetime.date(2026, 1, 2)},
            matching_refusals.EndsBeforeItStarts,
        ),
    ],
)
@pytest.mark.django_db
def test_an_offer_that_breaks_a_rule_is_not_written(changes: Any, refusal: Any) -> None:
    with pytest.raises(refusal):
        offered(**changes)
    assert not MatchingOffer.objects.exists()


@pytest.mark.django_db
def test_a_large_offer_cannot_be_anonymous_and_a_paused_pool_takes_none() -> None:
    GivingPolicy.objects.create(currency="USD", anonymous_limit=50_000)
    with pytest.raises(refusals.AnonymousTooLarge):
        offered(public_name="  ")
    with pytest.raises(refusals.PoolPaused):
        offered(make.open_pool(paused=True))


@pytest.mark.django_db
def test_only_who_has_the_right_records_and_ends_offers() -> None:
    offer = offered()
    auditor = make_staff(groups.AUDITORS)
    with pytest.raises(matching_refusals.NotPermitted):
        offered(by=auditor)
    with pytest.raises(matching_refusals.NotPermitted):
        matching.end_offer(offer, by=auditor, reason="No.")
    with pytest.raises(matching_refusals.ReasonMissing):
        matching.end_offer(offer, by=make_staff(), reason=" ")


@pytest.mark.django_db
def test_the_same_form_twice_is_one_offer() -> None:
    token, profile = uuid.uuid4(), make.open_pool()
    assert offered(profile, reference=token) == offered(profile, reference=token)


@pytest.mark.django_db
def test_the_card_tells_how_it_stands_and_hides_the_anonymous() -> None:
    profile = make.open_pool()
    offered(profile, public_name="A Fund & Sons")
    offered(profile, public_name="", rate=50, most=Money(1_000, "USD"))
    a_gift(profile, 4_000)
    text = render_to_string("pools/matching.html", {"offers": matching.live_offers(profile.pool)})
    assert "A Fund &amp; Sons adds" in text
    assert "$40.00 are added" in text
    assert "$960.00 are left" in text
    assert "An anonymous donor adds" in text
    assert "All of it is used: $10.00" in text


# --- Settling ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_month_becomes_a_pledge_due_in_thirty_days_and_the_donor_is_asked() -> None:
    make_account("USD")
    profile = make.open_pool(title="Training")
    offer = offered(profile)
    a_gift(profile, 5_000)
    (settled,) = matching.settle_month(today())
    pledge = settled.pledge
    assert settled.amount == 5_000
    assert settled.month == this_month()
    assert pledge.confirmed_at is not None
    assert (pledge.donor, pledge.public_name) == (offer.donor, "A Fund")
    assert pledge.instalments.get().due_on == today() + 30 * DAY
    assert queries.balances(profile.pool, "USD")["contributions-receivable"] == 5_000
    expected = ExpectedPayment.objects.get(purpose="instalment")
    assert expected.money == Money(5_000, "USD")
    run_pending_jobs()
    (message,) = [one for one in mail.outbox if one.to == ["fund@example.org"]]
    assert "$50.00" in message.subject
    assert expected.number is not None
    assert expected.number in message.body
    assert len(message.attachments) == 1


@pytest.mark.django_db
def test_the_month_again_settles_nothing_and_the_next_one_only_what_is_new() -> None:
    profile = make.open_pool()
    last_month = this_month() - DAY
    offer = offered(profile, starts_on=last_month.replace(day=1), binding=False)
    a_gift(profile, 5_000, last_month)
    assert [one.amount for one in matching.settle_last_month(today())] == [5_000]
    assert matching.settle_month(last_month) == []
    a_gift(profile, 600, last_month)  # found late, of the month that is settled
    a_gift(profile, 2_000, today())
    assert [one.amount for one in matching.settle_month(today())] == [2_600]
    assert matching.settle_month(last_month) == []  # the earlier one has no second chance
    assert Pledge.objects.count() == offer.settlements.count() == 2
    assert not queries.balances(profile.pool, "USD").get("contributions-receivable", 0)


@pytest.mark.django_db
def test_a_refund_lowers_the_next_settlement_and_never_below_zero() -> None:
    profile = make.open_pool()
    last_month = this_month() - DAY
    offered(profile, starts_on=last_month.replace(day=1))
    first = a_gift(profile, 5_000, last_month)
    matching.settle_month(last_month)
    give_back(first, 5_000)
    a_gift(profile, 2_000, today())
    assert matching.settle_month(today()) == []
    assert MatchingSettlement.objects.count() == 1


@pytest.mark.django_db
def test_small_sums_and_closed_pools_are_settled_all_the_same() -> None:
    profile = make.open_pool()
    last_month = this_month() - DAY
    offered(profile, starts_on=last_month.replace(day=1), rate=1)
    a_gift(profile, 5_000, last_month)
    PoolProfile.objects.filter(pk=profile.pk).update(paused=True)
    assert [one.amount for one in matching.settle_month(last_month)] == [50]


@pytest.mark.django_db
def test_a_donor_without_an_address_or_an_account_of_ours_is_settled_without_mail() -> None:
    profile = make.open_pool()
    offered(profile, donor=a_donor(email=""))
    a_gift(profile, 5_000)
    run_pending_jobs()
    mail.outbox.clear()
    assert len(matching.settle_month(today())) == 1
    assert not ExpectedPayment.objects.exists()
    run_pending_jobs()
    assert mail.outbox == []


@pytest.mark.django_db
def test_one_that_cannot_be_settled_keeps_no_other_waiting(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    profile = make.open_pool()
    bad, good = offered(profile), offered(profile)
    a_gift(profile, 5_000)
    real = matching.matched

    def refuse_one(offer: MatchingOffer, **options: Any) -> Any:
        if offer.pk == bad.pk:
            raise RuntimeError("No.")
        return real(offer, **options)

    monkeypatch.setattr(matching, "matched", refuse_one)
    assert [one.offer for one in matching.settle_month(today())] == [good]
    monkeypatch.undo()
    assert [one.offer for one in matching.settle_month(today())] == [bad]


def test_an_offer_is_settled_while_its_donor_is_merged_into_another(
    committed_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    profile, kept, gone = make.open_pool(), a_donor(), a_donor()
    offered(profile, donor=gone)
    a_gift(profile, 5_000)
    staff, meeting = make_staff(), Meeting()
    monkeypatch.setattr(matching, "matched", meeting.hold(0, matching.matched))
    monkeypatch.setattr(merging, "absorb", meeting.hold(1, merging.absorb))
    errors = errors_of(
        lambda: matching.settle_month(today()),
        lambda: merging.merge_donors(kept, gone, by=staff, reason="The same fund."),
    )
    assert errors == []
    assert MatchingSettlement.objects.get().pledge.donor == kept


@pytest.mark.django_db
def test_offers_that_start_later_are_left_alone() -> None:
    offered(starts_on=today() + DAY)
    assert matching.settle_month(this_month() - DAY) == []


def test_two_workers_at_once_settle_once(committed_db: Any) -> None:
    profile = make.open_pool()
    offered(profile)
    a_gift(profile, 5_000)
    month = today()
    results = together(*[lambda: matching.settle_month(month)] * 3)
    assert sorted(len(one) for one in results) == [0, 0, 1]
    assert Pledge.objects.count() == 1
    assert queries.balances(profile.pool, "USD")["contributions-receivable"] == 5_000
