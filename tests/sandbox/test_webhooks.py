"""Webhooks: signed as Stripe signs, sent until taken, through failures and crashes."""

import json
import time
from pathlib import Path

import pytest
import stripe

from tests.sandbox.running import WEBHOOK_SECRET, Receiver, Running, wait_for

SUCCESS = [
    "payment_intent.created",
    "charge.succeeded",
    "payment_intent.succeeded",
    "checkout.session.completed",
]


@pytest.fixture
def state(tmp_path: Path) -> Path:
    return tmp_path / "state.sqlite3"


def test_webhooks_carry_a_signature_that_the_library_verifies(
    state: Path, receiver: Receiver
) -> None:
    sandbox = Running(state, receiver.url)
    try:
        session = sandbox.session()
        sandbox.pay(session)
        wait_for(lambda: len(receiver.received) == 5)
        assert sorted(receiver.types().values()) == sorted([*SUCCESS, "charge.updated"])
        for headers, body, _ in receiver.received:
            signature = headers["Stripe-Signature"]
            event = stripe.Webhook.construct_event(body, signature, WEBHOOK_SECRET)
            stored = sandbox.client.v1.events.retrieve(event.id)
            assert stored.data.object.to_dict() == event.data.object.to_dict()
            assert (event.pending_webhooks, stored.pending_webhooks) == (1, 0)
            assert headers["Content-Type"] == "application/json; charset=utf-8"
            for secret, payload in (("whsec_other", body), (WEBHOOK_SECRET, body + b" ")):
                with pytest.raises(stripe.SignatureVerificationError):
                    stripe.Webhook.construct_event(payload, signature, secret)
    finally:
        sandbox.stop()


def test_a_webhook_that_is_not_taken_comes_again_later_and_freshly_signed(
    state: Path, receiver: Receiver
) -> None:
    receiver.answers = [500, 302, 404]
    sandbox = Running(state, receiver.url, "--settle-after=3600")
    try:
        sandbox.pay(sandbox.session())
        wait_for(lambda: len(receiver.received) == 4)
        assert sorted(receiver.types().values()) == sorted(SUCCESS)
        ids = [json.loads(body)["id"] for _, body, _ in receiver.received]
        assert len(set(ids)) == 4
        # The three that failed came back no sooner than a second after the one that did not.
        first, *others = sorted(moment for _, _, moment in receiver.received)
        assert others[0] - first > 0.8
        created = json.loads(receiver.received[-1][1])["created"]
        signature = receiver.received[-1][0]["Stripe-Signature"]
        assert int(signature.split(",")[0].removeprefix("t=")) > created
    finally:
        sandbox.stop()


def test_webhooks_that_wait_survive_kill_9(state: Path, receiver: Receiver) -> None:
    receiver.answers = [503] * 1000
    sandbox = Running(state, receiver.url, "--settle-after=1")
    try:
        session = sandbox.session()
        sandbox.pay(session)
        sandbox.kill()
        assert receiver.received == []
        receiver.answers = []
        sandbox.start()
        # By id: an event whose answer the crash cut off comes twice.
        wait_for(lambda: len(receiver.types()) == 5)
        # The charge was not settled when the program died: that work was not lost either.
        assert sorted(receiver.types().values()) == sorted([*SUCCESS, "charge.updated"])
        assert sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_status == "paid"
    finally:
        sandbox.stop()


def test_saved_answers_survive_kill_9(state: Path) -> None:
    sandbox = Running(state)
    try:
        first = sandbox.session(options={"idempotency_key": "before-the-crash"})
        sandbox.kill()
        sandbox.start()
        again = sandbox.session(options={"idempotency_key": "before-the-crash"})
        assert again.id == first.id
        assert len(sandbox.client.v1.checkout.sessions.list().data) == 1
    finally:
        sandbox.stop()


def test_a_receiver_that_is_down_is_told_when_it_is_back(state: Path, receiver: Receiver) -> None:
    receiver.close()
    sandbox = Running(state, receiver.url)
    try:
        sandbox.pay(sandbox.session())
        _, page = sandbox.request("GET", "/")
        assert "checkout.session.completed" in page
        wait_for(lambda: "Connection refused" in sandbox.request("GET", "/")[1])
        events = sandbox.client.v1.events.list().data
        assert {event.pending_webhooks for event in events} == {1}
        assert sandbox.stop() == 0

        back = Receiver()
        try:
            sandbox.flags[3] = back.url  # the address may change from one start to the next
            sandbox.start()
            wait_for(lambda: len(back.received) == 5)
        finally:
            back.close()
    finally:
        sandbox.stop()


def test_a_slow_receiver_does_not_hold_the_api_up(state: Path, receiver: Receiver) -> None:
    sandbox = Running(state, receiver.url)
    original = receiver.server.RequestHandlerClass.do_POST  # type: ignore[attr-defined]

    def slowly(handler: object) -> None:
        time.sleep(1)
        original(handler)

    receiver.server.RequestHandlerClass.do_POST = slowly  # type: ignore[attr-defined]
    try:
        sandbox.pay(sandbox.session())
        start = time.monotonic()
        for _ in range(5):
            sandbox.json("/v1/events")
        assert time.monotonic() - start < 0.9
    finally:
        sandbox.stop()
