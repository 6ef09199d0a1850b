"""Agreements that recur, against the sandbox over HTTP: begin, go on, fail, pause, end."""

import datetime
import uuid
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.ledger.models import Entry
from funding.payments import care, checkout, subscription_events, subscription_state, subscriptions
from funding.payments.checkout import AlreadyPaid, BeingConfirmed, NoLongerWanted, begin_checkout
from funding.payments.models import Card, Channel, Payment, Receipt, StripeEvent, Subscription
from funding.payments.refusals import CardHasExpired, SubscriptionNotPaused
from funding.payments.stripe_client import client as stripe_client
from tests.factories.payments import outcome
from tests.payments.recurring_at_stripe import (
    ALWAYS_ASKS,
    ASKS_ONCE,
    FAILS_LATER,
    Told,
    begun,
    make_subscription,
    pay_first,
    replace_card,
)
from tests.payments.stripe_sandbox import DECLINED, Sandbox

Standing = Subscription.Status

pytestmark = pytest.mark.django_db


def payments_of(subscription: Subscription) -> list[Payment]:
    return list(subscription.payments.order_by("pk"))


# --- Beginning ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("interval", "stripes"),
    [("month", ("month", 1)), ("quarter", ("month", 3)), ("year", ("year", 1))],
)
def test_the_session_asks_for_the_rhythm_and_names_our_row_everywhere(
    sandbox: Sandbox, interval: str, stripes: tuple[str, int]
) -> None:
    told = begun(sandbox, interval=interval)
    found = told.at_stripe()
    recurring = found["items"].data[0].price.recurring
    assert (recurring.interval, recurring.interval_count) == stripes
    ours = {"subscription": str(told.subscription.public_id), "attempt": "1"}
    assert found.metadata.to_dict() == ours
    session = stripe_client().v1.checkout.sessions.retrieve(told.subscription.stripe_session or "")
    assert session.metadata is not None
    assert session.metadata.to_dict() == ours


def test_the_first_payment_begins_it_and_is_one_payment_with_receipt_and_entry(
    sandbox: Sandbox,
) -> None:
    told = begun(sandbox)
    subscription = told.subscription
    (payment,) = payments_of(subscription)
    assert subscription.status == Standing.ACTIVE
    assert subscription.next_on is not None
    assert subscription.next_on > timezone.localdate() + datetime.timedelta(days=26)
    assert (payment.purpose, payment.purpose_id) == (subscription.purpose, subscription.purpose_id)
    assert (payment.amount, payment.currency, payment.is_paid) == (2_500, "USD", True)
    assert payment.entry is not None
    assert payment.stripe_charge
    assert payment.settled_fee == 103  # 2.9 % + 30
    assert Receipt.objects.filter(payment=payment).count() == 1
    assert outcome.told == [("succeeded", subscription.purpose_id)]
    assert subscription.card is not None
    assert (subscription.card.brand, subscription.card.last4) == ("visa", "4242")
    (letter,) = [text for text in texts() if "has begun" in text]
    assert subscription.get_absolute_url() in letter


@pytest.mark.parametrize("backwards", [False, True])
def test_events_in_any_order_and_twice_make_one_payment(sandbox: Sandbox, backwards: bool) -> None:
    subscription = make_subscription()
    pay_first(sandbox, subscription)
    news = Told(sandbox, subscription).news()
    events = list(reversed(news)) if backwards else news
    sandbox.deliver(*events)
    sandbox.deliver(*(event | {"id": f"{event['id']}again"} for event in events))
    subscription.refresh_from_db()
    assert subscription.status == Standing.ACTIVE
    assert len(payments_of(subscription)) == 1
    assert Entry.objects.filter(payment__subscription=subscription).count() == 1


@pytest.mark.parametrize(
    "only", ["checkout.session.completed", "invoice.paid", "customer.subscription.created"]
)
def test_any_one_event_is_enough(sandbox: Sandbox, only: str) -> None:
    subscription = make_subscription()
    pay_first(sandbox, subscription)
    sandbox.deliver(*(e for e in Told(sandbox, subscription).news() if e["type"] == only))
    subscription.refresh_from_db()
    assert subscription.status == Standing.ACTIVE
    assert len(payments_of(subscription)) == 1


def test_asking_again_leads_to_the_same_open_session(sandbox: Sandbox) -> None:
    subscription = make_subscription()
    assert begin_checkout(subscription) == begin_checkout(subscription)


@pytest.mark.parametrize("at", ["_create_session", "_keep"])
def test_killed_around_stripes_call_the_same_attempt_finds_the_same_session(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch, at: str
) -> None:
    subscription = make_subscription()
    with monkeypatch.context() as patch:
        patch.setattr(checkout, at, lambda *_: (_ for _ in ()).throw(KeyboardInterrupt))
        with pytest.raises(KeyboardInterrupt):
            begin_checkout(subscription)
    subscription.refresh_from_db()
    assert subscription.stripe_session is None
    begin_checkout(subscription)
    subscription.refresh_from_db()
    assert subscription.attempt == 1
    listed = stripe_client().v1.checkout.sessions.list({"limit": 100})
    ours = [
        each
        for each in listed.auto_paging_iter()
        if each.client_reference_id == str(subscription.public_id)
    ]
    assert len(ours) == 1


def test_one_that_has_begun_is_not_begun_again(sandbox: Sandbox) -> None:
    with pytest.raises(AlreadyPaid):
        begin_checkout(begun(sandbox).subscription)


def test_paid_but_not_yet_told_is_looked_up_at_once(sandbox: Sandbox) -> None:
    subscription = make_subscription()
    pay_first(sandbox, subscription)
    with pytest.raises(BeingConfirmed):
        begin_checkout(subscription)
    run_pending_jobs()
    subscription.refresh_from_db()
    assert subscription.status == Standing.ACTIVE
    assert len(payments_of(subscription)) == 1


def test_a_person_has_one_customer_at_stripe_whatever_they_begin(
    sandbox: Sandbox, django_user_model: Any
) -> None:
    user = django_user_model.objects.create_user("ada@example.org")
    first, second = (make_subscription(user=user) for _ in range(2))
    begin_checkout(first)
    begin_checkout(second)
    assert first.customer == second.customer
    assert make_subscription().customer != make_subscription().customer


def test_a_card_whose_bank_asks_first_begins_it_once_the_payer_confirms(sandbox: Sandbox) -> None:
    told = begun(sandbox, ASKS_ONCE)
    assert told.subscription.status == Standing.ACTIVE
    told.move()
    told.deliver()
    assert len(payments_of(told.subscription)) == 2


def test_a_payer_who_refuses_the_banks_question_begins_nothing(sandbox: Sandbox) -> None:
    subscription = make_subscription()
    pay_first(sandbox, subscription, ASKS_ONCE, answer="refuse")
    Told(sandbox, subscription).deliver()
    assert subscription.status == Standing.PENDING
    assert payments_of(subscription) == []


# --- Going on -------------------------------------------------------------------------------------


def test_each_period_makes_one_more_payment(sandbox: Sandbox) -> None:
    told = begun(sandbox)
    first = told.subscription.next_on
    for _ in range(2):
        told.move()
        told.deliver()
    assert [payment.is_paid for payment in payments_of(told.subscription)] == [True] * 3
    assert len({payment.entry_id for payment in payments_of(told.subscription)}) == 3
    assert told.subscription.next_on is not None
    assert first is not None
    assert told.subscription.next_on > first


def test_another_amount_than_agreed_is_a_problem_and_never_counted(sandbox: Sandbox) -> None:
    told = begun(sandbox)
    item = told.at_stripe()["items"].data[0]
    stripe_client().v1.subscriptions.update(
        told.stripe_id,
        {
            "proration_behavior": "none",
            "items": [
                {
                    "id": item.id,
                    "price_data": {
                        "currency": "usd",
                        "product": item.price.product,
                        "unit_amount": 9_900,
                        "recurring": {"interval": "month"},
                    },
                }
            ],
        },
    )
    told.move()
    told.deliver()
    assert len(payments_of(told.subscription)) == 1
    refused = StripeEvent.objects.filter(verdict=StripeEvent.Verdict.REFUSED, type="invoice.paid")
    assert "9900 usd" in refused.get().last_error


def test_renewed_while_cancelled_the_money_is_booked_it_stays_ended_and_staff_see_it(
    sandbox: Sandbox,
) -> None:
    told = begun(sandbox)
    # Our word has not reached Stripe yet.
    with use_case():
        locked = subscriptions.lock(told.subscription.pk)
        locked.status = Standing.ENDED
        locked.ended_at = timezone.now() - datetime.timedelta(minutes=5)
        locked.save()
    told.move()
    told.deliver()
    _first, second = payments_of(told.subscription)
    assert told.subscription.status == Standing.ENDED
    assert second.is_paid
    assert second.entry is not None
    assert "after the agreement had ended" in second.problem
    assert told.at_stripe().status == "canceled"


def test_a_bank_debit_begins_it_and_counts_when_the_bank_has_answered(
    sandbox: Sandbox, client: Client
) -> None:
    subscription = make_subscription(currency="EUR")
    address = begin_checkout(subscription)
    sandbox.pay(address, "", method="sepa_debit", iban="DE89370400440532013000")
    told = Told(sandbox, subscription)
    told.deliver()
    page = subscription.get_absolute_url()
    assert "A bank debit takes some days" in client.get(page).content.decode()
    assert payments_of(subscription) == []
    bill = subscription_state.of_subscription(told.stripe_id).bill
    assert bill is not None
    sandbox.control("finish_debit", payment_intent=bill.intent)
    told.deliver()
    (payment,) = payments_of(subscription)
    assert payment.channel == Channel.BANK_DEBIT


def test_a_chargeback_on_a_recurring_payment_is_booked_against_that_payment(
    sandbox: Sandbox,
) -> None:
    told = begun(sandbox)
    told.move()
    told.deliver()
    _first, second = payments_of(told.subscription)
    dispute = sandbox.control("open_dispute", charge=second.stripe_charge)
    sandbox.deliver(*sandbox.events_about(dispute["id"]))
    assert second.disputes.get().outcome == "open"
    assert second.disputed == second.money
    sandbox.control("decide_dispute", dispute=dispute["id"], decision="lost")
    sandbox.deliver(*sandbox.events_about(dispute["id"]))
    assert second.disputes.get().outcome == "lost"
    told.subscription.refresh_from_db()
    assert told.subscription.status == Standing.ACTIVE


# --- Failing --------------------------------------------------------------------------------------


def failing(sandbox: Sandbox) -> Told:
    told = begun(sandbox, FAILS_LATER)
    told.move()
    told.deliver()
    return told


def texts() -> list[str]:
    return [str(message.body) for message in mail.outbox]


def test_a_failed_payment_says_why_and_how_to_mend_it(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    subscription = told.subscription
    assert (subscription.status, subscription.failures) == (Standing.FAILING, 1)
    assert subscription.retry_on == timezone.localdate() + datetime.timedelta(days=3)
    (letter,) = [text for text in texts() if "could not take" in text]
    assert "The card was declined." in letter
    assert subscription.get_absolute_url() in letter
    assert len(payments_of(subscription)) == 1


def test_a_bank_that_wants_the_payer_there_has_a_sentence_of_its_own(sandbox: Sandbox) -> None:
    told = begun(sandbox, ALWAYS_ASKS)
    told.move()
    told.deliver()
    assert told.subscription.status == Standing.FAILING
    (letter,) = [text for text in texts() if "could not take" in text]
    assert "wanted to confirm that it is you" in letter


def test_the_news_of_one_failure_counts_once_however_often_it_comes(sandbox: Sandbox) -> None:
    subscription = begun(sandbox, FAILS_LATER)
    subscription.move()
    news = subscription.news()
    subscription.deliver()
    sandbox.deliver(*(event | {"id": f"{event['id']}again"} for event in reversed(news)))
    subscription.subscription.refresh_from_db()
    assert subscription.subscription.failures == 1
    assert len([text for text in texts() if "could not take" in text]) == 1


def test_old_news_of_a_failure_does_not_undo_a_later_success(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    old = subscription_state.of_subscription(told.stripe_id)
    replace_card(told)
    subscriptions.try_again(told.subscription, by=None)
    run_pending_jobs()
    with use_case():
        subscriptions.apply(told.subscription.pk, old)
    told.subscription.refresh_from_db()
    assert told.subscription.status == Standing.ACTIVE
    assert len([text for text in texts() if "could not take" in text]) == 1


def test_it_is_tried_on_the_days_of_the_schedule_and_then_pauses(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    started = timezone.now()
    days = 0
    for wait in subscriptions.RETRY_DAYS:
        days += wait
        with time_machine.travel(started + datetime.timedelta(days=days - 1)):
            assert care.retry_what_is_due() == 0
        with time_machine.travel(started + datetime.timedelta(days=days)):
            assert care.retry_what_is_due() == 1
            run_pending_jobs()
    told.deliver()
    assert told.subscription.status == Standing.PAUSED
    assert told.at_stripe().pause_collection is not None
    assert len([text for text in texts() if "could not take" in text]) == 3
    assert len([text for text in texts() if "We tried several times" in text]) == 1
    assert len(payments_of(told.subscription)) == 1
    # While it pauses, a period passes without a charge.
    told.move()
    told.deliver()
    assert told.subscription.status == Standing.PAUSED
    assert len(payments_of(told.subscription)) == 1


def test_a_try_that_runs_twice_counts_once(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    subscription = told.subscription
    invoice, tried = subscription.failing_invoice, subscription.failures
    subscription_events.retry(subscription.pk)
    with use_case():  # the same try is told again, late
        subscriptions.still_failing(subscription.pk, invoice=invoice, tried=tried, code="x")
    subscription.refresh_from_db()
    assert (subscription.failures, subscription.failure_code) == (2, "generic_decline")


def test_a_later_success_clears_it(sandbox: Sandbox) -> None:
    told = failing(sandbox)
    replace_card(told)
    told.deliver()
    assert told.subscription.status == Standing.FAILING
    subscriptions.try_again(told.subscription, by=None)
    run_pending_jobs()
    told.deliver()
    subscription = told.subscription
    assert subscription.status == Standing.ACTIVE
    assert (subscription.failures, subscription.failing_invoice, subscription.retry_on) == (
        0,
        "",
        None,
    )
    assert len(payments_of(subscription)) == 2
    assert subscription.card is not None
    assert subscription.card.last4 == "4242"


def paused(sandbox: Sandbox) -> Told:
    told = failing(sandbox)
    for _ in subscriptions.RETRY_DAYS:
        subscription_events.retry(told.subscription.pk)
    run_pending_jobs()
    told.deliver()
    assert told.subscription.status == Standing.PAUSED
    return told


def test_with_a_good_card_it_goes_on_and_what_was_missed_is_not_charged(sandbox: Sandbox) -> None:
    told = paused(sandbox)
    replace_card(told)
    told.deliver()
    subscriptions.resume(told.subscription, by=None)
    run_pending_jobs()
    told.deliver()
    assert told.subscription.status == Standing.ACTIVE
    assert told.at_stripe().pause_collection is None
    assert len(payments_of(told.subscription)) == 1
    told.move()
    told.deliver()
    assert len(payments_of(told.subscription)) == 2


def test_an_expired_card_cannot_go_on(sandbox: Sandbox) -> None:
    told = paused(sandbox)
    Card.objects.update(expires=datetime.date(2020, 1, 1))
    with pytest.raises(CardHasExpired):
        subscriptions.resume(told.subscription, by=None)
    with pytest.raises(SubscriptionNotPaused):
        subscriptions.resume(begun(sandbox).subscription, by=None)


# --- Cards about to expire ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("expires", "warned"),
    [((2026, 3), True), ((2026, 4), True), ((2026, 5), False), ((2026, 2), False)],
)
def test_a_card_that_ends_with_the_next_month_is_told_once(
    sandbox: Sandbox, expires: tuple[int, int], warned: bool
) -> None:
    begun(sandbox)
    Card.objects.update(expires=datetime.date(*expires, 1))
    with time_machine.travel(datetime.datetime(2026, 3, 2, 12, tzinfo=datetime.UTC)):
        assert care.warn_of_expiring_cards() == int(warned)
        assert care.warn_of_expiring_cards() == 0
        run_pending_jobs()
    assert len([text for text in texts() if "can be used until the end of" in text]) == int(warned)


def test_a_card_of_what_has_ended_is_not_told_of(sandbox: Sandbox) -> None:
    told = begun(sandbox)
    subscriptions.cancel(told.subscription, by=None, at_once=True)
    Card.objects.update(expires=timezone.localdate().replace(day=1))
    assert care.warn_of_expiring_cards() == 0


# --- Ending ---------------------------------------------------------------------------------------


def test_ended_at_once_nothing_more_is_charged(sandbox: Sandbox) -> None:
    told = begun(sandbox)
    subscriptions.cancel(told.subscription, by=None, at_once=True)
    subscriptions.cancel(told.subscription, by=None, at_once=True)
    run_pending_jobs()
    told.deliver()
    assert told.subscription.status == Standing.ENDED
    assert told.subscription.ended_at is not None
    assert told.at_stripe().status == "canceled"


def test_ended_with_its_period_it_goes_on_until_then(sandbox: Sandbox) -> None:
    told = begun(sandbox)
    subscriptions.cancel(told.subscription, by=None, at_once=False)
    run_pending_jobs()
    told.deliver()
    assert told.subscription.status == Standing.ACTIVE
    assert told.subscription.ends_on == told.subscription.next_on
    assert told.at_stripe().cancel_at_period_end is True
    told.move()
    told.deliver()
    assert told.subscription.status == Standing.ENDED
    assert len(payments_of(told.subscription)) == 1


def test_one_that_never_began_ends_with_its_open_page(sandbox: Sandbox) -> None:
    subscription = make_subscription()
    begin_checkout(subscription)
    subscriptions.cancel(subscription, by=None, at_once=False)
    run_pending_jobs()
    subscription.refresh_from_db()
    assert subscription.status == Standing.ENDED
    session = stripe_client().v1.checkout.sessions.retrieve(subscription.stripe_session or "")
    assert session.status == "expired"
    with pytest.raises(NoLongerWanted):
        begin_checkout(subscription)


def test_begun_twice_the_second_ends_at_stripe_and_its_money_is_booked_with_a_problem(
    sandbox: Sandbox,
) -> None:
    told = begun(sandbox)
    other = begun(sandbox)
    seen = subscription_state.of_subscription(other.stripe_id)
    Payment.objects.filter(subscription=other.subscription).update(stripe_invoice=None)
    Payment.objects.filter(subscription=other.subscription).update(
        stripe_intent=None, stripe_charge=None
    )
    with use_case():
        payment, problem = subscriptions.apply(told.subscription.pk, seen)
    assert "Begun twice" in problem
    assert payment is not None
    assert "second agreement" in payment.problem
    told.subscription.refresh_from_db()
    assert told.subscription.stripe_subscription != other.stripe_id


# --- The page -------------------------------------------------------------------------------------


def test_back_from_checkout_the_page_waits_then_thanks(sandbox: Sandbox, client: Client) -> None:
    subscription = make_subscription()
    page = subscription.get_absolute_url()
    assert "It has not begun yet" in client.get(page).content.decode()
    pay_first(sandbox, subscription)

    answer = client.get(f"{page}?returned=1")
    assert "being confirmed" in answer.content.decode()
    assert answer["Refresh"].startswith("2; url=")
    assert "Refresh" not in client.get(f"{page}?returned=1&look=99")
    assert answer["X-Robots-Tag"] == "noindex"
    assert "no-store" in answer["Cache-Control"]

    Told(sandbox, subscription).deliver()
    thanks = client.get(f"{page}?returned=1").content.decode()
    assert "Thank you" in thanks
    assert "Refresh" not in client.get(f"{page}?returned=1")
    assert "ada@example.org" not in thanks
    assert "Ada Payer" not in thanks


def test_opening_links_changes_nothing(sandbox: Sandbox, client: Client) -> None:
    told = begun(sandbox)
    page = told.subscription.get_absolute_url()
    for what in ("card", "resume", "again", "begin"):
        assert client.get(f"{page}{what}/").status_code == 405
    assert "End it now" in client.get(f"{page}end/").content.decode()
    told.subscription.refresh_from_db()
    assert told.subscription.status == Standing.ACTIVE


def test_the_payer_ends_it_on_its_page(sandbox: Sandbox, client: Client) -> None:
    told = begun(sandbox)
    page = told.subscription.get_absolute_url()
    assert client.post(f"{page}end/", {"when": "now"}).status_code == 303
    assert "has ended" in client.get(page).content.decode()
    assert client.post(f"{page}card/")["Location"] == page
    assert "has ended. Begin a new one" in client.get(page).content.decode()


def test_the_payer_is_sent_to_stripes_own_page_for_another_card(
    sandbox: Sandbox, client: Client
) -> None:
    told = begun(sandbox)
    answer = client.post(f"{told.subscription.get_absolute_url()}card/")
    assert answer.status_code == 303
    assert answer["Location"].startswith(f"{sandbox.url}/p/session/")


def test_a_failing_one_offers_the_ways_to_mend_it(sandbox: Sandbox, client: Client) -> None:
    told = failing(sandbox)
    page = client.get(told.subscription.get_absolute_url()).content.decode()
    assert "The card was declined." in page
    assert "Give another card" in page
    assert "Try the payment again now" in page


def test_stripe_down_is_said_and_nothing_is_lost(
    sandbox: Sandbox, client: Client, settings: Any
) -> None:
    subscription = make_subscription()
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    page = subscription.get_absolute_url()
    answer = client.post(f"{page}begin/")
    assert answer["Location"] == f"{page}?unavailable=1"
    assert "cannot be reached" in client.get(answer["Location"]).content.decode()


def test_an_address_that_nobody_was_given_is_not_found(client: Client) -> None:
    assert client.get(f"/subscriptions/{uuid.uuid4()}/").status_code == 404


def test_a_declined_first_payment_leaves_it_not_begun(sandbox: Sandbox) -> None:
    subscription = make_subscription()
    assert sandbox.pay(begin_checkout(subscription), DECLINED)[0] == 402
    Told(sandbox, subscription).deliver()
    assert subscription.status == Standing.PENDING
    assert payments_of(subscription) == []
