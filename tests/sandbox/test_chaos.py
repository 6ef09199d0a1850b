"""Faults on demand: what the portal meets when webhooks and API calls go wrong."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import stripe

from tests.sandbox.running import WEBHOOK_SECRET, Receiver, Running, wait_for

SUCCESS = 4  # the events of a payment that settles much later


@pytest.fixture
def sandbox(tmp_path: Path, receiver: Receiver) -> Iterator[Running]:
    running = Running(tmp_path / "state.sqlite3", receiver.url, "--settle-after=3600")
    yield running
    running.stop()


def taken(receiver: Receiver) -> list[str]:
    """Ids of the events that came, in the order in which they came."""
    return [json.loads(body)["id"] for _, body, _ in receiver.received]


def events(sandbox: Running) -> list[str]:
    """Ids of all events, oldest first."""
    return [event.id for event in reversed(sandbox.client.v1.events.list({"limit": 100}).data)]


# Webhooks


@pytest.mark.parametrize("backwards", [False, True])
def test_held_webhooks_are_released_in_order_or_backwards(
    sandbox: Running, receiver: Receiver, backwards: bool
) -> None:
    sandbox.control("webhooks", mode="hold")
    sandbox.pay(sandbox.session())
    time.sleep(0.3)
    assert receiver.received == []
    waiting = sandbox.client.v1.events.list().data
    assert {event.pending_webhooks for event in waiting} == {1}
    assert "checkout.session.completed" in sandbox.request("GET", "/")[1]

    assert sandbox.control("release_webhooks", backwards=backwards) == {"released": SUCCESS}

    wait_for(lambda: len(receiver.received) == SUCCESS)
    made = events(sandbox)
    assert taken(receiver) == (made[::-1] if backwards else made)
    sandbox.pay(sandbox.session())  # and no more is held
    wait_for(lambda: len(receiver.received) == 2 * SUCCESS)


def test_what_is_held_outlives_kill_9(sandbox: Running, receiver: Receiver) -> None:
    sandbox.control("webhooks", mode="hold")
    sandbox.control("api_fault", calls="GET /v1/balance", answer="429", count=2)
    sandbox.pay(sandbox.session())
    sandbox.kill()
    sandbox.start()
    with pytest.raises(stripe.RateLimitError):
        sandbox.client.v1.balance.retrieve()
    sandbox.pay(sandbox.session())
    assert sandbox.control("release_webhooks") == {"released": 2 * SUCCESS}
    wait_for(lambda: len(receiver.received) == 2 * SUCCESS)


def test_dropped_webhooks_never_come_but_their_events_can_be_read(
    sandbox: Running, receiver: Receiver
) -> None:
    kind = "payment_intent.succeeded"
    sandbox.control("webhooks", mode="drop", count=1, type=kind)
    sandbox.pay(sandbox.session())
    sandbox.pay(sandbox.session())
    wait_for(lambda: len(receiver.received) == 2 * SUCCESS - 1)
    assert list(receiver.types().values()).count(kind) == 1
    assert sandbox.event_types().count(kind) == 2
    assert {event.pending_webhooks for event in sandbox.client.v1.events.list().data} == {0}


def test_dropping_ends_after_so_many(sandbox: Running, receiver: Receiver) -> None:
    sandbox.control("webhooks", mode="drop", count=3)
    sandbox.pay(sandbox.session())
    wait_for(lambda: len(receiver.received) == 1)
    assert taken(receiver) == events(sandbox)[3:]


def test_every_webhook_can_come_twice(sandbox: Running, receiver: Receiver) -> None:
    sandbox.control("webhooks", mode="duplicate")
    sandbox.pay(sandbox.session())
    wait_for(lambda: len(receiver.received) == 2 * SUCCESS)
    assert sorted(taken(receiver)) == sorted(events(sandbox) * 2)


def test_webhooks_can_be_late(sandbox: Running, receiver: Receiver) -> None:
    sandbox.control("webhooks", mode="delay", seconds=1)
    start = time.monotonic()
    sandbox.pay(sandbox.session())
    wait_for(lambda: len(receiver.received) == SUCCESS)
    assert min(moment for _, _, moment in receiver.received) - start > 0.9


def test_an_event_can_be_delivered_again_with_a_good_signature(
    sandbox: Running, receiver: Receiver
) -> None:
    sandbox.pay(sandbox.session())
    wait_for(lambda: len(receiver.received) == SUCCESS)
    key = events(sandbox)[0]
    assert sandbox.control("deliver", event=key) == {"taken": True, "answer": ""}
    headers, body, _ = receiver.received[-1]
    event = stripe.Webhook.construct_event(body, headers["Stripe-Signature"], WEBHOOK_SECRET)
    assert event.id == key
    receiver.answers = [400]
    assert sandbox.control("deliver", event=key) == {"taken": False, "answer": "answered 400"}


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("wrong_signature", "No signatures found"),
        ("truncated", "No signatures found"),
        ("stale", "Timestamp outside"),
    ],
)
def test_an_event_can_be_delivered_spoilt(
    sandbox: Running, receiver: Receiver, fault: str, said: str
) -> None:
    sandbox.control("webhooks", mode="hold")
    sandbox.pay(sandbox.session())
    sandbox.control("deliver", event=events(sandbox)[0], fault=fault)
    ((headers, body, _),) = receiver.received
    with pytest.raises(stripe.SignatureVerificationError, match=said):
        stripe.Webhook.construct_event(body, headers["Stripe-Signature"], WEBHOOK_SECRET)


# The API


def create(sandbox: Running, key: str = "") -> Any:
    return sandbox.session(options={"idempotency_key": key} if key else {})


def made(sandbox: Running) -> int:
    return len(sandbox.client.v1.checkout.sessions.list().data)


@pytest.mark.parametrize(
    ("answer", "error", "status"),
    [
        ("429", stripe.RateLimitError, 429),
        ("409", stripe.APIError, 409),  # the library knows idempotency errors by 400 alone
        ("503", stripe.APIError, 503),
    ],
)
def test_the_next_calls_are_refused_and_nothing_is_done(
    sandbox: Running, answer: str, error: type[stripe.StripeError], status: int
) -> None:
    sandbox.control("api_fault", calls="POST /v1/checkout", answer=answer, count=2)
    for _ in range(2):
        with pytest.raises(error) as caught:
            create(sandbox, "key-1")
        assert caught.value.http_status == status
        assert made(sandbox) == 0  # other calls are answered
    assert create(sandbox, "key-1").id
    assert made(sandbox) == 1


@pytest.mark.parametrize(("answer", "done"), [("500", 0), ("500_after", 1)])
def test_a_500_is_saved_for_its_key_whether_or_not_it_was_done(
    sandbox: Running, answer: str, done: int
) -> None:
    sandbox.control("api_fault", calls="POST /v1/checkout/sessions", answer=answer)
    for _ in range(2):
        with pytest.raises(stripe.APIError) as caught:
            create(sandbox, "key-1")
        assert caught.value.http_status == 500
        assert made(sandbox) == done
    assert create(sandbox, "key-2").id
    assert made(sandbox) == done + 1


@pytest.mark.parametrize(
    ("answer", "done"), [("timeout", 0), ("timeout_after", 1), ("reset", 0), ("reset_after", 1)]
)
def test_a_call_can_end_without_an_answer_before_or_after_it_is_done(
    sandbox: Running, answer: str, done: int
) -> None:
    sandbox.control("api_fault", calls="POST /v1/checkout/sessions", answer=answer, seconds=1)
    start = time.monotonic()
    with pytest.raises(stripe.APIConnectionError) as caught:
        create(sandbox, "key-1")
    assert time.monotonic() - start > 0.9
    assert ("reset" in answer) == ("ConnectionResetError" in str(caught.value))
    assert made(sandbox) == done
    create(sandbox, "key-1")  # the same key: done once in all
    assert made(sandbox) == 1


def test_a_waiting_call_does_not_hold_others_up(sandbox: Running) -> None:
    sandbox.control("api_fault", calls="/v1/balance", answer="timeout", seconds=2)
    client = stripe.StripeClient(
        "sk_test_x",
        base_addresses={"api": sandbox.url},
        max_network_retries=0,
        http_client=stripe.RequestsClient(timeout=0.2),
    )
    with pytest.raises(stripe.APIConnectionError):
        client.v1.balance.retrieve()
    start = time.monotonic()
    assert made(sandbox) == 0
    assert time.monotonic() - start < 1


def test_the_api_is_down_until_it_is_switched_on(sandbox: Running) -> None:
    sandbox.control("api_down")
    for _ in range(3):
        with pytest.raises(stripe.APIError) as caught:
            made(sandbox)
        assert caught.value.http_status == 503
    sandbox.control("api_down", down=False)
    assert made(sandbox) == 0


def test_all_faults_end_at_once(sandbox: Running, receiver: Receiver) -> None:
    sandbox.control("webhooks", mode="hold")
    sandbox.control("hold_settlement")
    sandbox.pay(sandbox.session())
    sandbox.control("api_fault", calls="/v1/", answer="500", count=9)
    sandbox.control("api_down")

    state = sandbox.control("end_faults")

    assert (state["faults"], state["down"], state["settlement_held"]) == ([], False, False)
    # What was held has gone its way; so the charge has settled, which is one event more.
    wait_for(lambda: len(receiver.received) == SUCCESS + 1)
    assert made(sandbox) == 1
