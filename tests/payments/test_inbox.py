"""Events in every order, twice, late, never: the books and the payer's page are the same."""

import dataclasses
import datetime
import itertools
import json
import random
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from core.jobs.testing import run_pending_jobs
from core.models import User
from funding.ledger.models import Entry
from funding.ledger.queries import figures
from funding.payments import inbox, jobs, progress, reconciliation
from funding.payments.checkout import begin_checkout
from funding.payments.models import Payment, Receipt, Status, StripeCursor, StripeEvent
from funding.payments.stripe_client import client
from funding.payments.webhooks import NotAnEvent
from tests.factories.payments import make_payment, outcome, received
from tests.payments.stripe_sandbox import DECLINED, NO_FUNDS, Sandbox, running_sandbox


def assert_paid_once(payment: Payment) -> None:
    """The one end state of a payment of 50.00 USD that succeeded, whatever led to it."""
    payment.refresh_from_db()
    assert payment.status == Status.SUCCEEDED
    assert payment.problem == ""
    assert outcome.told.count(("succeeded", payment.purpose_id)) == 1
    assert Receipt.objects.filter(payment=payment).count() == 1
    assert [message.subject for message in mail.outbox] == [
        f"Your receipt {payment.receipt.number}"
    ]
    entry = Entry.objects.get(idempotency_key=f"stripe:{payment.stripe_balance_transaction}")
    assert payment.entry == entry
    told = figures(payment.pool, "USD")
    assert (told["received"], told["fees"]) == (5_000, 175)


# --- Orders ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_payment_by_card_from_page_to_books(sandbox: Sandbox) -> None:
    payment = make_payment()
    sandbox.pay_and_deliver(payment)

    assert_paid_once(payment)
    verdicts = dict(StripeEvent.objects.values_list("type", "verdict"))
    assert verdicts["checkout.session.completed"] == "applied"
    assert verdicts["payment_intent.succeeded"] == "applied"
    assert verdicts["payment_intent.created"] == "ignored"
    assert set(
        StripeEvent.objects.exclude(verdict="ignored").values_list("payment", flat=True)
    ) == {payment.pk}


@pytest.mark.django_db
@pytest.mark.parametrize("seed", range(4))
def test_events_twice_and_in_any_order_lead_to_the_same(sandbox: Sandbox, seed: int) -> None:
    payment = make_payment()
    address = begin_checkout(payment)
    sandbox.pay(address, DECLINED)
    sandbox.pay(address)
    events = sandbox.events(payment) * 2
    random.Random(seed).shuffle(events)
    for event in events:
        sandbox.deliver(event)

    assert_paid_once(payment)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "kind",
    ["checkout.session.completed", "payment_intent.succeeded", "payment_intent.payment_failed"],
)
def test_any_single_event_is_enough(sandbox: Sandbox, kind: str) -> None:
    payment = make_payment()
    address = begin_checkout(payment)
    sandbox.pay(address, DECLINED)
    sandbox.pay(address)
    # Even the news of the failure: what counts is how the intent stands when we look.
    sandbox.deliver(*[event for event in sandbox.events(payment) if event["type"] == kind])

    assert_paid_once(payment)


@pytest.mark.django_db
def test_an_event_before_our_row_knows_its_session_is_matched_by_our_metadata(
    sandbox: Sandbox,
) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    Payment.objects.filter(pk=payment.pk).update(stripe_session=None)
    sandbox.deliver(*sandbox.events(payment))

    assert_paid_once(payment)
    assert payment.stripe_session is not None


def test_two_workers_with_two_events_of_one_payment_apply_it_once(
    committed_db: Any, sandbox: Sandbox
) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    kinds = ("checkout.session.completed", "payment_intent.succeeded")
    rows = []
    for event in sandbox.events(payment):
        if event["type"] in kinds:
            inbox.receive(
                received(event["type"], event["data"]["object"], id=event["id"]), "webhook"
            )
            rows.append(StripeEvent.objects.get(event_id=event["id"]).pk)
    barrier = threading.Barrier(4, timeout=60)

    def work(row: int) -> None:
        barrier.wait()
        inbox.process(row)
        connection.close()

    threads = [threading.Thread(target=work, args=(row,)) for row in rows * 2]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    run_pending_jobs()

    assert_paid_once(payment)
    assert list(StripeEvent.objects.values_list("attempts", flat=True)) == [1, 1]


# --- Not paid -------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("card", "code"), [(DECLINED, "generic_decline"), (NO_FUNDS, "insufficient_funds")]
)
def test_a_declined_card_is_recorded_with_its_reason_and_no_money(
    sandbox: Sandbox, card: str, code: str
) -> None:
    payment = make_payment()
    sandbox.pay_and_deliver(payment, card)

    assert (payment.status, payment.failure_code) == (Status.FAILED, code)
    assert outcome.told == [("failed", payment.purpose_id)]
    assert not Receipt.objects.exists()
    assert not Entry.objects.exists()
    assert mail.outbox == []


@pytest.mark.django_db
def test_a_checkout_left_alone_ends_as_expired(sandbox: Sandbox) -> None:
    payment = make_payment()
    begin_checkout(payment)
    payment.refresh_from_db()
    client().v1.checkout.sessions.expire(payment.stripe_session or "")
    sandbox.deliver(*sandbox.events(payment))

    payment.refresh_from_db()
    assert (payment.status, payment.failure_code) == (Status.FAILED, "expired")


@pytest.mark.django_db
def test_a_declined_card_stays_the_reason_when_the_session_expires(sandbox: Sandbox) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment), NO_FUNDS)
    payment.refresh_from_db()
    client().v1.checkout.sessions.expire(payment.stripe_session or "")
    sandbox.deliver(*sandbox.events(payment))

    payment.refresh_from_db()
    assert (payment.status, payment.failure_code) == (Status.FAILED, "insufficient_funds")


# --- Not as agreed --------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(("amount", "currency"), [(4_999, "usd"), (5_001, "usd"), (5_000, "eur")])
def test_a_session_whose_amount_was_changed_is_refused_with_an_alarm(
    sandbox: Sandbox, amount: int, currency: str, caplog: pytest.LogCaptureFixture
) -> None:
    payment = make_payment(amount=5_000)
    metadata = {"payment": str(payment.public_id), "attempt": "0"}
    price = {"currency": currency, "unit_amount": amount, "product_data": {"name": "Changed"}}
    session = client().v1.checkout.sessions.create(
        {
            "mode": "payment",
            "customer_email": "ada@example.org",
            "metadata": metadata,
            "payment_intent_data": {"metadata": metadata},
            "line_items": [{"quantity": 1, "price_data": price}],  # type: ignore[typeddict-item]
            "success_url": "http://testserver/",
        }
    )
    sandbox.pay(session.url or "")
    sandbox.deliver(*sandbox.events(payment))

    payment.refresh_from_db()
    assert payment.status == Status.PENDING
    assert str(amount) in payment.problem
    refused = StripeEvent.objects.filter(verdict="refused")
    assert {event.last_error for event in refused} == {payment.problem}
    assert not Entry.objects.exists()
    assert not Receipt.objects.exists()
    assert any(str(payment.public_id) in record.message for record in caplog.records)


@pytest.mark.django_db
@pytest.mark.parametrize(
    "thing",
    [
        {"id": "pi_of_another_program", "metadata": {}},
        {"id": "pi_1", "metadata": {"payment": "not-a-uuid"}},
        {"id": "pi_1", "metadata": None},
        {"id": "pi_1", "metadata": "text"},
        {"id": "pi_1", "metadata": {"payment": "7f2c1b8e-0000-4000-8000-000000000000"}},
        {"id": None},
        {},
    ],
)
def test_an_event_about_no_payment_of_ours_is_kept_and_ignored(thing: dict[str, Any]) -> None:
    make_payment()
    inbox.receive(received("payment_intent.succeeded", thing), "webhook")
    run_pending_jobs()
    assert StripeEvent.objects.get().verdict == "ignored"


# --- Bad days -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_stripe_down_while_processing_leaves_the_event_waiting_with_its_error(
    sandbox: Sandbox, settings: Any
) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    (event,) = [e for e in sandbox.events(payment) if e["type"] == "checkout.session.completed"]
    inbox.receive(received(event["type"], event["data"]["object"]), "webhook")
    up = settings.STRIPE_API_BASE
    settings.STRIPE_API_BASE = "http://127.0.0.1:1"
    run_pending_jobs(raise_errors=False)

    row = StripeEvent.objects.get()
    assert (row.state, row.attempts, row.processed_at) == ("failing", 1, None)
    assert "APIConnectionError" in row.last_error
    payment.refresh_from_db()
    assert payment.status == Status.PENDING

    settings.STRIPE_API_BASE = up
    DBTaskResult.objects.update(run_after=timezone.now())  # the wait of the retry is over
    run_pending_jobs()
    row.refresh_from_db()
    assert (row.state, row.attempts, row.last_error) == ("applied", 2, "")
    assert_paid_once(payment)


@pytest.mark.django_db
def test_a_worker_killed_in_the_middle_leaves_nothing_half_done(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    (event,) = [e for e in sandbox.events(payment) if e["type"] == "checkout.session.completed"]
    inbox.receive(received(event["type"], event["data"]["object"]), "webhook")
    row = StripeEvent.objects.get()

    def killed(*_: Any, **__: Any) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(progress, "enqueue_mail", killed)  # the last step of the transaction
        with pytest.raises(KeyboardInterrupt):
            inbox.process(row.pk)
    payment.refresh_from_db()
    assert payment.status == Status.PENDING
    assert not Receipt.objects.exists()

    outcome.told.clear()
    run_pending_jobs()
    assert_paid_once(payment)


@pytest.mark.django_db
def test_an_entry_that_is_refused_does_not_undo_the_success_and_staff_see_why(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment()
    right = outcome.entry
    with monkeypatch.context() as patch:
        patch.setattr(
            outcome, "entry", lambda *given: dataclasses.replace(right(*given), key="another")
        )
        sandbox.pay(begin_checkout(payment))
        (event, *_) = [e for e in sandbox.events(payment) if e["type"] in inbox.HANDLERS]
        inbox.receive(received(event["type"], event["data"]["object"]), "webhook")
        run_pending_jobs(raise_errors=False)
    payment.refresh_from_db()
    assert payment.is_paid
    assert payment.problem.startswith("Not in the books")
    assert not Entry.objects.exists()

    assert reconciliation.settle_late_payments() == 1
    assert_paid_once(payment)


def test_a_fee_that_is_known_later_is_posted_when_it_is(
    committed_db: Any, settings: Any, tmp_path: Path
) -> None:
    with running_sandbox(tmp_path / "late.sqlite3", "--settle-after", "2") as sandbox:
        settings.STRIPE_API_BASE = sandbox.url
        payment = make_payment()
        sandbox.pay_and_deliver(payment)
        assert payment.is_paid
        assert payment.entry is None
        assert payment.fee is None
        assert reconciliation.settle_late_payments() == 0

        deadline = time.monotonic() + 20
        while not (late := _of_type(sandbox, payment, "charge.updated")):
            assert time.monotonic() < deadline
            time.sleep(0.2)
        sandbox.deliver(*late)
        assert_paid_once(payment)


def _of_type(sandbox: Sandbox, payment: Payment, kind: str) -> list[dict[str, Any]]:
    return [event for event in sandbox.events(payment) if event["type"] == kind]


# --- Lost webhooks --------------------------------------------------------------------------------


@pytest.mark.django_db
def test_events_that_never_arrived_are_read_from_stripe(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "GRACE", -reconciliation.OVERLAP)  # also this second's
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    missed = reconciliation.read_missed_events()
    assert missed >= 2
    run_pending_jobs()

    assert_paid_once(payment)
    assert set(StripeEvent.objects.values_list("source", flat=True)) == {"reconciliation"}
    assert reconciliation.read_missed_events() == 0
    sandbox.deliver(*sandbox.events(payment))  # and then the webhooks come after all
    assert_paid_once(payment)


@pytest.mark.django_db
def test_a_reading_that_breaks_off_is_begun_again_where_it_was(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(reconciliation, "GRACE", -reconciliation.OVERLAP)
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    receive, calls = inbox.receive, itertools.count()

    def breaks_off(*given: Any) -> bool:
        if next(calls) == 1:
            raise ConnectionError
        return receive(*given)

    with monkeypatch.context() as patch:
        patch.setattr(inbox, "receive", breaks_off)
        with pytest.raises(ConnectionError):
            reconciliation.read_missed_events()
    assert not StripeCursor.objects.exists()
    reconciliation.read_missed_events()
    run_pending_jobs()
    assert StripeCursor.objects.exists()
    assert_paid_once(payment)


@pytest.mark.django_db
def test_an_event_of_a_moment_ago_is_left_to_its_webhook(sandbox: Sandbox) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    reconciliation.read_missed_events()
    assert not StripeEvent.objects.filter(body__contains=str(payment.public_id)).exists()


def test_both_kinds_of_looking_are_scheduled() -> None:
    from core.jobs import schedule

    scheduled = {known.job.module_path for known in schedule._schedules.values()}
    assert {jobs.read_missed_events.module_path, jobs.settle_late_payments.module_path} <= scheduled


# --- Replay ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_replay_by_staff_changes_nothing_that_was_right_and_is_logged(
    sandbox: Sandbox,
) -> None:
    from wagtail.models import ModelLogEntry

    staff = User.objects.create_user("treasurer@example.org")
    payment = make_payment()
    sandbox.pay_and_deliver(payment)
    event = StripeEvent.objects.filter(type="checkout.session.completed").get()
    inbox.replay(event, by=staff)
    event.refresh_from_db()
    assert event.state == "waiting"
    run_pending_jobs()

    event.refresh_from_db()
    assert (event.state, event.attempts) == ("applied", 2)
    assert_paid_once(payment)
    log = ModelLogEntry.objects.get(action="payments.replay_event")
    assert log.user == staff


@pytest.mark.django_db
def test_an_event_is_kept_even_when_its_words_are_strange() -> None:
    inbox.receive(received("charge.updated", {"id": "ch_1", "payment_intent": None}), "webhook")
    inbox.receive(
        received("payment_intent.created", {"id": "pi_1", "description": "naïve \u0000 ☃"}),
        "webhook",
    )
    run_pending_jobs()
    assert set(StripeEvent.objects.values_list("verdict", flat=True)) == {"ignored"}
    assert "\\u0000" in json.dumps(json.loads(StripeEvent.objects.latest("pk").body))


def test_an_event_that_cannot_be_read_hides_none_behind_it(
    committed_db: Any, own_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    (odd, *_) = reversed(own_sandbox.events(payment))
    real = reconciliation.of_mapping

    def read(values: dict[str, Any], body: str) -> Any:
        if values["id"] == odd["id"]:
            raise NotAnEvent("Unreadable.")
        return real(values, body)

    monkeypatch.setattr(reconciliation, "of_mapping", read)
    monkeypatch.setattr(reconciliation, "GRACE", -datetime.timedelta(minutes=1))
    with pytest.raises(RuntimeError, match=odd["id"]):
        reconciliation.read_missed_events()
    run_pending_jobs()

    assert_paid_once(payment)
    assert not StripeEvent.objects.filter(event_id=odd["id"]).exists()
    assert StripeCursor.objects.exists()


# --- Failing, foreign and old events --------------------------------------------------------------


@pytest.mark.django_db
def test_an_event_that_keeps_failing_alarms_once_and_shows_its_tries(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    (event, *_) = [e for e in sandbox.events(payment) if e["type"] == "payment_intent.succeeded"]
    inbox.receive(received(event["type"], event["data"]["object"], id=event["id"]), "webhook")
    row = StripeEvent.objects.get()
    outcome.refuses = RuntimeError("The pool is on fire")
    for _ in range(inbox.ALARM_AFTER + 3):
        with pytest.raises(RuntimeError):
            inbox.process(row.pk)

    row.refresh_from_db()
    assert (row.state, row.attempts) == ("failing", inbox.ALARM_AFTER + 3)
    assert "on fire" in row.last_error
    alarms = [record for record in caplog.records if record.name == inbox.__name__]
    assert len(alarms) == 1
    assert f"failed {inbox.ALARM_AFTER} times" in alarms[0].getMessage()
    outcome.refuses = None
    inbox.process(row.pk)
    row.refresh_from_db()
    assert (row.state, row.last_error) == ("applied", "")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("key", "livemode", "words"),
    [
        ("sk_live_0123456789abcdef", False, "works with a live key"),
        ("rk_live_0123456789abcdef", False, "works with a live key"),
        ("sk_test_0123456789abcdef", True, "works with a test key"),
    ],
)
def test_an_event_of_the_other_mode_is_kept_and_does_nothing(
    settings: Any, key: str, livemode: bool, words: str
) -> None:
    payment = make_payment()
    settings.STRIPE_SECRET_KEY = key
    thing = {"id": "pi_1", "metadata": {"payment": str(payment.public_id)}}
    inbox.receive(received("payment_intent.succeeded", thing, livemode=livemode), "webhook")
    run_pending_jobs()

    event = StripeEvent.objects.get()
    assert event.verdict == "ignored"
    assert words in event.last_error
    payment.refresh_from_db()
    assert payment.status == Status.PENDING


@pytest.mark.django_db
def test_an_event_of_another_api_version_counts_and_is_noted(
    sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    payment = make_payment()
    sandbox.pay(begin_checkout(payment))
    (event, *_) = [e for e in sandbox.events(payment) if e["type"] == "payment_intent.succeeded"]
    sandbox.deliver({**event, "api_version": "2020-08-27"})

    assert_paid_once(payment)
    row = StripeEvent.objects.get()
    assert row.verdict == "applied"
    assert "2020-08-27" in row.last_error
    assert "2020-08-27" in caplog.text


@pytest.mark.django_db
def test_stripe_is_asked_for_no_more_types_at_once_than_it_takes(
    sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[list[str]] = []
    service = type(client().v1.events)
    real = service.list

    def listed(self: Any, parameters: Any) -> Any:
        asked.append(parameters["types"])
        return real(self, parameters)

    monkeypatch.setattr(service, "list", listed)
    reconciliation.read_missed_events()
    assert all(len(kinds) <= reconciliation.TYPES_AT_ONCE for kinds in asked)
    assert {kind for kinds in asked for kind in kinds} == set(inbox.HANDLERS)
