"""What was read at Stripe before newer news was applied, and news that overtakes its payment."""

import pytest
from django.core import mail

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.payments import (
    disputes,
    inbox,
    processor_books,
    refunds,
    subscription_events,
    subscription_state,
    subscriptions,
)
from funding.payments.models import Dispute, Payment, Refund, StripeEvent, Subscription
from funding.payments.stripe_client import client
from tests.payments.aftermath import assert_agree, news, paid
from tests.payments.recurring_at_stripe import Told, make_subscription, pay_first
from tests.payments.stripe_sandbox import Sandbox
from tests.payments.test_subscriptions import failing

pytestmark = pytest.mark.django_db

REFUND_LATER = "4000000000007726"


def again(payment: Payment) -> Payment:
    return Payment.objects.get(pk=payment.pk)


def test_a_refund_that_succeeded_does_not_become_pending_again(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox, REFUND_LATER)
    made = own_sandbox.control("refund", charge=payment.stripe_charge)
    stale = refunds.seen(payment.stripe_intent, payment.stripe_charge)
    assert stale is not None
    own_sandbox.control("finish_refund", refund=made["id"])
    news(own_sandbox)
    assert again(payment).receipt is None
    with use_case():
        refunds.apply(stale)
    assert_agree()
    assert Refund.objects.get().status == "succeeded"
    assert again(payment).receipt is None


def test_a_dispute_that_is_lost_does_not_become_open_again(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    made = own_sandbox.control("open_dispute", charge=payment.stripe_charge)
    stale = disputes.seen(made["id"])
    assert stale is not None
    news(own_sandbox)
    own_sandbox.control("decide_dispute", dispute=made["id"], decision="lost")
    news(own_sandbox)
    with use_case():
        disputes.apply(stale)
    run_pending_jobs()
    assert Dispute.objects.get().outcome == "lost"
    assert again(payment).problem.endswith("was lost: 50.00 USD.")
    assert_agree()


def test_an_inquiry_that_is_closed_does_not_become_open_again(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    made = own_sandbox.control("open_dispute", charge=payment.stripe_charge, case_type="inquiry")
    stale = disputes.seen(made["id"])
    assert stale is not None
    news(own_sandbox)
    own_sandbox.control("decide_dispute", dispute=made["id"], decision="warning_closed")
    news(own_sandbox)
    assert Dispute.objects.get().outcome == "closed"
    with use_case():
        disputes.apply(stale)
    assert Dispute.objects.get().outcome == "closed"
    assert again(payment).problem == ""


def test_an_appeal_brings_no_receipt_before_it_is_won(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    made = own_sandbox.control("open_dispute", charge=payment.stripe_charge)
    news(own_sandbox)
    own_sandbox.control("decide_dispute", dispute=made["id"], decision="lost")
    news(own_sandbox)
    assert again(payment).receipt is None
    letters = len(mail.outbox)
    own_sandbox.control("decide_dispute", dispute=made["id"], decision="appeal")
    news(own_sandbox)
    assert again(payment).receipt is None
    assert len(mail.outbox) == letters


def test_resumed_before_stripe_was_told_of_the_pause_it_goes_on(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    subscription = told.subscription
    invoice = subscription.failing_invoice
    Subscription.objects.filter(pk=subscription.pk).update(failures=3)
    with use_case():
        subscriptions.still_failing(subscription.pk, invoice=invoice, tried=3, code="x")
    subscription.refresh_from_db()
    assert subscription.status == "paused"
    subscriptions.resume(subscription, by=None)
    subscription_events.resume(subscription.pk)
    subscription_events.pause(subscription.pk, invoice)  # its job waited for its next try
    subscription.refresh_from_db()
    assert subscription.status == "active"
    assert told.at_stripe().pause_collection is None


def test_an_inquiry_that_overtakes_the_first_news_of_a_recurring_payment_is_not_lost(
    sandbox: Sandbox,
) -> None:
    subscription = make_subscription()
    pay_first(sandbox, subscription)
    session = client().v1.checkout.sessions.retrieve(subscription.stripe_session or "")
    bill = subscription_state.of_subscription(str(session.subscription)).bill
    assert bill is not None
    made = sandbox.control("open_dispute", charge=bill.charge, case_type="inquiry")
    with pytest.raises(disputes.PaymentStillToCome):
        sandbox.deliver(*sandbox.events_about(made["id"]))
    assert not Dispute.objects.exists()

    told = Told(sandbox, subscription)
    told.deliver()
    (event,) = StripeEvent.objects.filter(type="charge.dispute.created")
    assert event.state == "failing"
    inbox.process(event.pk)
    assert Dispute.objects.get().payment.subscription == subscription


def test_a_dispute_whose_line_is_read_before_its_payment_waits_for_it(
    own_sandbox: Sandbox,
) -> None:
    subscription = make_subscription()
    pay_first(own_sandbox, subscription)
    session = client().v1.checkout.sessions.retrieve(subscription.stripe_session or "")
    bill = subscription_state.of_subscription(str(session.subscription)).bill
    assert bill is not None
    own_sandbox.control("open_dispute", charge=bill.charge)
    processor_books.read_lines()
    assert processor_books.book_open() == 0
    assert not Dispute.objects.exists()

    Told(own_sandbox, subscription).deliver()
    assert_agree()
    assert Dispute.objects.get().payment.subscription == subscription
