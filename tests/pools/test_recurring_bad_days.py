"""Recurring gifts on bad days, over HTTP, through to the books: they verify, and Stripe agrees."""

import datetime
from typing import Any

import pytest
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.ledger.models import Entry
from funding.payments import subscription_events, subscriptions
from funding.payments.models import Payment, Subscription
from funding.pools.models import Gift
from tests.payments.aftermath import assert_agree, news
from tests.payments.recurring_at_stripe import FAILS_LATER, Told, pay_first
from tests.payments.stripe_sandbox import GOOD, Sandbox
from tests.pools.test_recurring import begin

pytestmark = pytest.mark.django_db


def given(sandbox: Sandbox, card: str = GOOD) -> Told:
    """A recurring gift of 25.00 USD a month, begun by card."""
    subscription = begin()
    pay_first(sandbox, subscription, card)
    news(sandbox)
    subscription.refresh_from_db()
    return Told(sandbox, subscription)


def a_month_later(told: Told, sandbox: Sandbox) -> None:
    told.move()
    news(sandbox)
    told.subscription.refresh_from_db()


def sources(subscription: Subscription) -> list[str]:
    entries = Entry.objects.filter(payment__subscription=subscription).order_by("pk")
    return list(entries.values_list("source", flat=True))


def test_two_months_are_two_gifts_in_the_books(own_sandbox: Sandbox) -> None:
    told = given(own_sandbox)
    a_month_later(told, own_sandbox)
    gifts = Gift.objects.order_by("pk")
    assert sources(told.subscription) == [f"gift:{gift.reference}" for gift in gifts]
    assert len(gifts) == 2
    assert_agree()


def test_every_webhook_lost_the_reconciliation_finds_it_all(own_sandbox: Sandbox) -> None:
    subscription = begin()
    pay_first(own_sandbox, subscription)
    told = Told(own_sandbox, subscription)
    subscription_events.check(subscription.pk)  # the donor came back and looked
    told.move()
    subscription_events.check(subscription.pk)
    run_pending_jobs()
    assert Gift.objects.filter(received_at__isnull=False).count() == 2
    assert_agree()


@pytest.mark.parametrize("ends", ["won", "lost"])
def test_a_chargeback_on_a_recurring_gift(own_sandbox: Sandbox, ends: str) -> None:
    told = given(own_sandbox)
    a_month_later(told, own_sandbox)
    second = Payment.objects.filter(subscription=told.subscription).latest("pk")
    dispute = own_sandbox.control("open_dispute", charge=second.stripe_charge)
    news(own_sandbox)
    assert_agree()
    own_sandbox.control("decide_dispute", dispute=dispute["id"], decision=ends)
    news(own_sandbox)
    assert second.disputes.get().outcome == ends
    assert Gift.objects.count() == 2
    assert_agree()


def test_renewed_while_cancelled_the_gift_is_in_the_books_and_staff_see_it(
    own_sandbox: Sandbox,
) -> None:
    told = given(own_sandbox)
    with use_case():  # it ended here, and Stripe has not heard of it yet
        locked = subscriptions.lock(told.subscription.pk)
        locked.status = Subscription.Status.ENDED
        locked.ended_at = timezone.now() - datetime.timedelta(minutes=5)
        locked.save()
    a_month_later(told, own_sandbox)
    assert told.subscription.status == Subscription.Status.ENDED
    assert Gift.objects.filter(received_at__isnull=False).count() == 2
    problems = Payment.objects.exclude(problem="").values_list("problem", flat=True)
    assert "after the agreement had ended" in problems.get()
    assert told.at_stripe().status == "canceled"
    assert_agree()


def test_failing_until_it_pauses_leaves_no_trace_in_the_books(own_sandbox: Sandbox) -> None:
    told = given(own_sandbox, FAILS_LATER)
    a_month_later(told, own_sandbox)
    for _ in subscriptions.RETRY_DAYS:
        subscription_events.retry(told.subscription.pk)
    run_pending_jobs()
    news(own_sandbox)
    told.subscription.refresh_from_db()
    assert told.subscription.status == Subscription.Status.PAUSED
    assert Gift.objects.count() == 1
    assert_agree()


def test_stripe_down_when_a_donor_ends_it_the_word_arrives_later(
    own_sandbox: Sandbox, settings: Any
) -> None:
    told = given(own_sandbox)
    up = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    subscriptions.cancel(told.subscription, by=None, at_once=True)
    run_pending_jobs(raise_errors=False)
    settings.STRIPE_API_BASE = up
    assert told.at_stripe().status == "active"
    subscription_events.end_agreement(told.subscription.pk)  # the job comes again
    assert told.at_stripe().status == "canceled"
