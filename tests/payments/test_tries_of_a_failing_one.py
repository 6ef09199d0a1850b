"""Tries of a failing recurring payment: by hand, and by a bank whose answer takes days."""

import contextlib
import datetime
import urllib.error

import pytest
import time_machine
from django.core import mail
from django.db import DatabaseError, transaction
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from funding.payments import care, subscription_state, subscriptions
from funding.payments.checkout import begin_checkout
from funding.payments.models import Subscription
from tests.payments.recurring_at_stripe import Told, begun, make_subscription, replace_card
from tests.payments.stripe_sandbox import Sandbox
from tests.payments.test_subscriptions import failing

pytestmark = pytest.mark.django_db


def try_by_hand(told: Told) -> None:
    subscriptions.try_again(told.subscription, by=None)
    run_pending_jobs()
    told.deliver()


def test_tries_by_hand_leave_the_schedule_as_it_was(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    due, letters = told.subscription.retry_on, len(mail.outbox)
    for _ in range(4):
        try_by_hand(told)
    subscription = told.subscription
    assert (subscription.status, subscription.failures) == ("failing", 1)
    assert subscription.retry_on == due
    assert subscription.failure_code
    assert len(mail.outbox) == letters


def test_a_try_by_hand_does_not_answer_for_the_next_on_schedule(sandbox: Sandbox) -> None:
    """A key that both shared would bring the saved decline again, whatever card is there now."""
    told = failing(sandbox)
    try_by_hand(told)
    replace_card(told)
    assert told.subscription.retry_on is not None
    noon = datetime.datetime.combine(
        told.subscription.retry_on, datetime.time(12), tzinfo=datetime.UTC
    )
    with time_machine.travel(noon):
        assert care.retry_what_is_due() == 1
        run_pending_jobs()
        told.deliver()
    assert told.subscription.status == "active"


def test_two_tries_by_hand_are_two_and_the_second_may_succeed(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    try_by_hand(told)
    replace_card(told)
    try_by_hand(told)
    assert told.subscription.status == "active"


def test_a_bank_debit_that_keeps_failing_pauses_after_the_schedule(sandbox: Sandbox) -> None:
    subscription = make_subscription(currency="EUR")
    sandbox.pay(
        begin_checkout(subscription), "", method="sepa_debit", iban="DE89370400440532013000"
    )
    told = Told(sandbox, subscription)
    told.deliver()

    def answer(*, failed: bool) -> None:
        bill = subscription_state.of_subscription(told.stripe_id).bill
        assert bill is not None
        with contextlib.suppress(urllib.error.HTTPError):
            sandbox.control("finish_debit", payment_intent=bill.intent, failed=failed)
        told.deliver()

    answer(failed=False)
    told.move()
    told.deliver()
    answer(failed=True)
    assert told.subscription.failures == 1
    started = timezone.now()
    days = []
    for day in range(1, 30):
        with time_machine.travel(started + datetime.timedelta(days=day)):
            if care.retry_what_is_due():
                days.append(day)
                run_pending_jobs()
                answer(failed=True)
    assert told.subscription.status == "paused"
    assert days == [3, 8, 15]


@pytest.mark.parametrize(
    ("field", "value"),
    [("amount", 1), ("currency", "EUR"), ("interval", "year"), ("purpose_id", 99)],
)
def test_what_was_agreed_never_changes(sandbox: Sandbox, field: str, value: object) -> None:
    subscription = make_subscription()
    with pytest.raises(DatabaseError), transaction.atomic():
        Subscription.objects.filter(pk=subscription.pk).update(**{field: value})
    assert begun(sandbox).subscription.status == "active"
