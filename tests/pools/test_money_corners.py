"""Corners of giving where money came twice, was asked for twice, or was promised otherwise before."""

import datetime
import threading
import uuid
from typing import Any

import pytest
from django.utils import timezone

from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.posting import post
from funding.payments import expected, mandates, payouts, progress
from funding.payments.banking.receiving import receive
from funding.payments.models import Card, ExpectedPayment, Mandate, Payment
from funding.payments.outcomes import Settlement
from funding.pools import (
    charging,
    gifts,
    instalments,
    matching,
    opening,
    pledge_changes,
    pledges,
    refusals,
)
from funding.pools.donors import donor_for
from funding.pools.models import GivingPolicy, Instalment, MatchingOffer
from funding.pools.overhead import overhead_of
from funding.pools.schedules import Part
from funding.transparency.what_it_did import what_it_did
from tests.conftest import CommittedDatabase
from tests.factories import pools as make
from tests.factories.banking import make_account, make_staff
from tests.factories.payments import state
from tests.factories.payouts import approve, ask_refund
from tests.payments.test_lock_order import Meeting, errors_of, news_of
from tests.pools.test_pledges_owed import REASON, day, fresh, pledged, treasurer

TODAY = timezone.localdate


def dollars(amount: int) -> Money:
    return Money(amount, "USD")


def arrive(
    awaited: ExpectedPayment, amount: int, *, key: str, ago: int = 0, by: Any = None
) -> Payment:
    """``amount`` stood on a bank statement ``ago`` days before today."""
    by = by or make_staff()
    with use_case():
        return receive(
            awaited,
            amount=dollars(amount),
            paid_at=timezone.now() - datetime.timedelta(days=ago),
            settlement=Settlement(
                gross=amount,
                fee=0,
                currency="USD",
                date=TODAY(),
                own_key=key,
                place="bank",
                prepared_by=f"user:{by.pk}",
            ),
            by=by,
        )


@pytest.mark.django_db
def test_an_announced_charge_waits_while_a_part_is_on_its_way_by_bank_debit() -> None:
    pledge = pledged(Part(day(0), 50_000), Part(day(5), 50_000))
    user = pledge.donor.user
    first = pledge.instalments.get(number=1)
    make.pay(
        instalments.begin_instalment_payment(first, user=user, language="en", charge_later=True)
    )
    mandate = Mandate.objects.get()
    mandate.card = Card.objects.create(
        customer=mandate.customer,
        stripe_payment_method="pm_x",
        brand="visa",
        last4="4242",
        agreed_at=timezone.now(),
    )
    mandate.save()
    assert charging.announce_charges() == 1
    second = pledge.instalments.get(number=2)
    announced = Payment.objects.get(purpose_id=second.pk, purpose=pledges.PURPOSE)
    Payment.objects.filter(pk=announced.pk).update(
        created_at=timezone.now() - datetime.timedelta(days=8)
    )
    Instalment.objects.filter(pk=second.pk).update(due_on=TODAY() - datetime.timedelta(days=1))

    part = instalments.begin_instalment_payment(
        second, user=user, language="en", amount=dollars(20_000)
    )
    with use_case():
        progress.apply(part.pk, state(part, "processing"))

    assert charging.charge_due_instalments() == 0
    # And where the charge had been enqueued before:
    assert not mandates._may_be_charged(Payment.objects.get(pk=announced.pk))

    with use_case():
        progress.apply(
            part.pk, state(part, "failed", failure=("refused", "The bank refused the debit."))
        )
    assert charging.charge_due_instalments() == 1


@pytest.mark.django_db
def test_what_money_did_knows_of_a_refund_that_came_back() -> None:
    make_account()
    person = make.make_person()
    awaited = gifts.promise_gift(
        make.a_giver(person),
        profile=make.open_pool(),
        amount=dollars(10_000),
        channel=None,
        language="en",
        form_token=uuid.uuid4(),
    )
    by = make_staff()
    payment = arrive(awaited, 10_000, key="t:1", by=by)
    payout = approve(ask_refund(payment))
    payouts.paid_at_bank(payout, bank_reference="FT1", on=TODAY(), by=by)
    (did,) = what_it_did(person)
    assert did.net == dollars(0)

    payouts.came_back(payout, on=TODAY(), by=by, reason="The account is closed.")

    (did,) = what_it_did(person)
    assert did.net == dollars(10_000)


@pytest.mark.django_db
def test_an_anonymous_pledge_is_not_raised_above_the_limit_of_anonymity() -> None:
    GivingPolicy.objects.create(currency="USD", anonymous_limit=100_000)
    pledge = pledged()
    assert pledge.anonymous

    with pytest.raises(refusals.AnonymousTooLarge):
        pledge_changes.change_pledge(
            pledge,
            amount=dollars(900_000),
            parts=[Part(day(30), 450_000), Part(day(60), 450_000)],
            reason=REASON,
            by=treasurer(),
        )

    assert fresh(pledge).amount == pledge.amount


@pytest.mark.django_db
def test_no_overhead_is_taken_of_what_is_owed_back_or_held_in_a_dispute() -> None:
    profile = make.open_pool(overhead_rate=1_000)
    about: Any = {"pool": profile.code, "currency": "USD", "date": TODAY()}
    with use_case():
        post(templates.bank_gift(key="g", amount=100_000, **about))
        assert overhead_of(profile).due == dollars(10_000)
        post(templates.overpayment_received(key="o", amount=50_000, place="bank", **about))
        assert overhead_of(profile).due == dollars(10_000)
        post(templates.dispute_opened(key="d", amount=40_000, fee=0, **about))
        assert overhead_of(profile).due == dollars(6_000)


@pytest.mark.django_db
def test_a_later_part_of_a_gift_does_not_move_it_out_of_a_matching_offer() -> None:
    make_account()
    profile = make.open_pool()
    with use_case():
        matcher = donor_for(make.a_giver(name="M"))
    offer = MatchingOffer.objects.create(
        donor=matcher,
        pool=profile.pool,
        currency="USD",
        most=10**6,
        starts_on=TODAY() - datetime.timedelta(days=20),
        ends_on=TODAY() - datetime.timedelta(days=5),
        anonymous=True,
        recorded_by=make_staff(),
    )
    awaited = gifts.promise_gift(
        make.a_giver(),
        profile=profile,
        amount=dollars(10_000),
        channel=None,
        language="en",
        form_token=uuid.uuid4(),
    )
    arrive(awaited, 6_000, key="t:1", ago=10)
    before = matching.matched(offer).amount

    arrive(awaited, 4_000, key="t:2")

    assert before == dollars(6_000)
    assert matching.matched(offer).amount >= before


def test_news_of_a_card_and_a_write_off_do_not_wait_for_each_other(
    committed_db: CommittedDatabase, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_account()
    pledge = pledged()
    part = pledge.instalments.get(number=1)
    instalments.expect_instalment(part, user=pledge.donor.user, language="en")
    payment = instalments.begin_instalment_payment(part, user=pledge.donor.user, language="en")
    by = treasurer()
    meeting = Meeting()
    withdraw, lock = expected.withdraw, pledges.lock_pledge

    # The news holds the pledge and comes to the requests; the write-off holds these and comes to it.
    def withdraws(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name == "news":
            meeting.here[0].set()
            meeting.here[1].wait(2)
        return withdraw(*args, **kwargs)

    def locks(*args: Any, **kwargs: Any) -> Any:
        if threading.current_thread().name == "write-off":
            meeting.here[1].set()
            meeting.here[0].wait(2)
        return lock(*args, **kwargs)

    monkeypatch.setattr(expected, "withdraw", withdraws)
    monkeypatch.setattr(pledges, "lock_pledge", locks)

    def news() -> None:
        threading.current_thread().name = "news"
        news_of(payment)

    def write_off() -> None:
        threading.current_thread().name = "write-off"
        pledge_changes.write_off_pledge(pledge, by=by, reason=REASON)

    assert not [error for error in errors_of(news, write_off) if "deadlock" in error]
    assert Instalment.objects.get(pk=part.pk).received_amount == part.amount


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("before", "after"),
    [
        ({"restricted": True}, {"restricted": False}),
        ({"overhead_rate": 100}, {"overhead_rate": 101}),
        ({"remainder": "general"}, {"remainder": "similar"}),
        ({"goal_missed": "spent"}, {"goal_missed": "general"}),
    ],
)
def test_terms_are_not_made_worse_for_what_was_given(
    before: dict[str, Any], after: dict[str, Any]
) -> None:
    profile = make.open_pool(**before)
    author, colleague = make_staff(), make_staff()

    def draft(**changes: Any) -> Any:
        drafted = type(profile).objects.get(pk=profile.pk)
        for name, value in changes.items():
            setattr(drafted, name, value)
        with use_case():
            return opening.draft_terms(
                drafted,
                based_on=drafted.latest_revision_id,
                changed=list(changes),
                reason="Because.",
                by=author,
            )

    early = draft(**after)  # nothing was given: it may
    about: Any = {"pool": profile.code, "currency": "USD", "date": TODAY()}
    with use_case():
        post(templates.bank_gift(key="g", amount=100, **about))

    with pytest.raises(refusals.TermsOfGifts):
        draft(**after)
    with pytest.raises(refusals.TermsOfGifts), use_case():
        opening.publish_terms(early, by=colleague)
    draft(restricted=True, overhead_rate=0)
    profile.refresh_from_db()
    assert all(getattr(profile, name) == value for name, value in before.items())
