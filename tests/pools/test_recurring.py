"""Recurring gifts: one wish, one gift for each time its money came, by card or standing order."""

import uuid
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.money import Money
from core.transactions import use_case
from funding.ledger.models import Entry
from funding.payments import progress, subscriptions
from funding.payments.models import (
    Channel,
    ExpectedPayment,
    Payment,
    Status,
    Subscription,
)
from funding.payments.subscription_state import Agreement, Bill, Seen
from funding.pools import queries, recurring
from funding.pools.models import Gift, PoolProfile, RecurringGift
from funding.pools.refusals import AmountTooSmall, PoolPaused
from tests.factories import pools as make
from tests.factories.banking import make_account
from tests.factories.payments import settlement

pytestmark = pytest.mark.django_db


def begin(profile: PoolProfile | None = None, giver: Any = None, **changes: Any) -> Subscription:
    profile = profile or make.open_pool()
    values: dict[str, Any] = {
        "profile": profile,
        "amount": Money(2_500, profile.currency),
        "interval": "month",
        "language": "en",
        "form_token": uuid.uuid4(),
    }
    return recurring.begin_recurring_gift(giver or make.a_giver(), **{**values, **changes})


def seen(subscription: Subscription, number: int = 1, **changes: Any) -> Seen:
    """What Stripe would say of an agreement whose invoice of that number is paid."""
    key = f"sub_{subscription.pk}"
    bill: dict[str, Any] = {
        "stripe_id": f"in_{subscription.pk}_{number}",
        "agreement": key,
        "status": "paid",
        "paid": subscription.amount,
        "currency": subscription.currency.lower(),
        "intent": f"pi_{subscription.pk}_{number}",
        "charge": f"ch_{subscription.pk}_{number}",
        "paid_at": timezone.now(),
    }
    agreement = Agreement(
        stripe_id=key,
        ours=str(subscription.public_id),
        over=False,
        begun=True,
        paused=False,
        card=None,
        next_on=timezone.localdate(),
        ends_on=None,
    )
    return Seen(agreement, Bill(**{**bill, **changes}))


def paid(subscription: Subscription, number: int = 1) -> Payment:
    with use_case():
        payment, problem = subscriptions.apply(subscription.pk, seen(subscription, number))
    assert payment is not None, problem
    with use_case():
        progress.settle(
            payment.pk, settlement(payment, balance_transaction=f"txn_{payment.stripe_invoice}")
        )
    payment.refresh_from_db()
    return payment


# --- By card --------------------------------------------------------------------------------------


def test_wish_and_agreement_are_written_together_and_nothing_counts_yet() -> None:
    subscription = begin()
    wish = RecurringGift.objects.get()
    assert (subscription.purpose, subscription.purpose_id) == ("recurring", wish.pk)
    assert subscription.description == "Monthly gift to the pool “Core software”"
    assert subscription.status == Subscription.Status.PENDING
    assert not Gift.objects.exists()
    assert not Payment.objects.exists()


def test_the_same_form_twice_is_one_and_another_amount_is_another() -> None:
    profile, token = make.open_pool(), uuid.uuid4()
    first = begin(profile, form_token=token)
    assert begin(profile, form_token=token) == first
    other = begin(profile, form_token=token, amount=Money(5_000, "USD"))
    assert other != first
    assert RecurringGift.objects.count() == 2


def test_what_the_pool_does_not_take_is_refused_and_nothing_is_written() -> None:
    profile = make.open_pool()
    with pytest.raises(AmountTooSmall):
        begin(profile, amount=Money(100, "USD"))
    PoolProfile.objects.filter(pk=profile.pk).update(paused=True)
    with pytest.raises(PoolPaused):
        begin(profile)
    assert not RecurringGift.objects.exists()


def test_each_payment_is_one_gift_named_as_the_wish_agreed() -> None:
    subscription = begin(giver=make.a_giver(public_name="Grace"))
    first, second = paid(subscription, 1), paid(subscription, 2)
    with use_case():  # the same invoice, told again
        again, _ = subscriptions.apply(subscription.pk, seen(subscription, 1))
    assert again == first
    gifts = list(Gift.objects.order_by("pk"))
    assert [gift.recurring_payment for gift in gifts] == [first, second]
    assert {(gift.amount, gift.public_name, gift.anonymous) for gift in gifts} == {
        (2_500, "Grace", False)
    }
    assert all(gift.received_at for gift in gifts)
    sources = [Entry.objects.get(pk=payment.entry_id).source for payment in (first, second)]
    assert sources == [f"gift:{gift.reference}" for gift in gifts]


def test_an_anonymous_wish_makes_anonymous_gifts() -> None:
    subscription = begin()
    paid(subscription)
    gift = Gift.objects.get()
    assert (gift.anonymous, gift.public_name) == (True, "")
    assert queries.recent_gifts(subscription.pool) == []


def test_its_end_is_noted_on_the_wish() -> None:
    subscription = begin()
    paid(subscription)
    subscriptions.cancel(subscription, by=None, at_once=True)
    assert RecurringGift.objects.get().ended_at is not None


def test_a_pool_that_closed_meanwhile_is_not_begun_and_the_page_says_so(client: Client) -> None:
    subscription = begin()
    PoolProfile.objects.update(paused=True)
    page = client.get(subscription.get_absolute_url()).content.decode()
    assert "takes no gifts or pledges at the moment" in page
    assert "Pay the first payment" not in page


# --- By standing order ----------------------------------------------------------------------------


def order(profile: PoolProfile | None = None, **changes: Any) -> ExpectedPayment:
    profile = profile or make.open_pool()
    values: dict[str, Any] = {
        "profile": profile,
        "amount": Money(2_500, profile.currency),
        "interval": "quarter",
        "language": "en",
        "form_token": uuid.uuid4(),
    }
    return recurring.begin_standing_order(
        changes.pop("giver", make.a_giver()), **{**values, **changes}
    )


def matched(expected: ExpectedPayment, key: str) -> Payment:
    """Staff found the money on the statement."""
    from funding.payments.banking.receiving import receive
    from funding.payments.outcomes import Settlement

    with use_case():
        return receive(
            expected,
            amount=expected.money,
            paid_at=timezone.now(),
            settlement=Settlement(
                gross=expected.amount,
                fee=0,
                currency=expected.currency,
                date=timezone.localdate(),
                own_key=key,
                place="bank",
            ),
            by=make.make_person(is_staff=True),
        )


def test_a_standing_order_is_expected_again_and_again_and_counts_only_when_matched() -> None:
    make_account("USD")
    expected = order()
    assert expected.repeats == "quarter"
    assert not Gift.objects.exists()
    for number in (1, 2):
        payment = matched(expected, f"bank-line:{number}:match:{number}")
        assert payment.channel == Channel.TRANSFER
        assert Gift.objects.filter(received_at__isnull=False).count() == number
    assert ExpectedPayment.objects.get().is_open


def test_a_match_undone_takes_its_gift_back() -> None:
    make_account("USD")
    payment = matched(order(), "bank-line:1:match:1")
    with use_case():
        recurring.unreceive(payment)
    assert Gift.objects.get().received_at is None


def test_a_standing_order_sent_twice_is_one() -> None:
    make_account("USD")
    profile, token = make.open_pool(), uuid.uuid4()
    assert order(profile, form_token=token) == order(profile, form_token=token)


# --- What the donor sees --------------------------------------------------------------------------


def test_the_donors_page_lists_what_recurs_with_status_date_and_reference(client: Client) -> None:
    make_account("USD")
    user = make.make_person()
    giver = make.a_giver(user)
    subscription = begin(giver=giver)
    expected = order(giver=giver)
    client.force_login(user)
    page = client.get("/account/giving/").content.decode()
    assert subscription.get_absolute_url() in page
    assert "not begun" in page
    assert expected.reference in page
    paid(subscription)
    page = client.get("/account/giving/").content.decode()
    assert "active" in page
    receipt = Payment.objects.get(status=Status.SUCCEEDED).receipt
    assert receipt is not None
    assert receipt.number in page


def test_a_donor_stops_a_standing_order_and_nobody_else_can(client: Client) -> None:
    make_account("USD")
    user = make.make_person()
    expected = order(giver=make.a_giver(user))
    wish = RecurringGift.objects.get()
    address = f"/account/giving/recurring/{wish.reference}/stop/"
    client.force_login(make.make_person())
    assert client.post(address).status_code == 404
    client.force_login(user)
    assert client.get(address).status_code == 405
    assert client.post(address).status_code == 303
    assert client.post(address).status_code == 303
    expected = ExpectedPayment.objects.get()
    assert expected.withdrawn_at is not None
    run_pending_jobs()
    assert mail.outbox
