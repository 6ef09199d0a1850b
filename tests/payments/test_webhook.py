"""Stripe's door: what is let in, what is turned away, and how."""

import io
import json
import time
from typing import Any

import pytest
from django.core.handlers.wsgi import WSGIRequest
from django.test import Client, override_settings
from django_tasks_db.models import DBTaskResult

from funding.payments.models import StripeEvent
from funding.payments.views import stripe_webhook
from tests.factories.payments import event_body, signature

pytestmark = pytest.mark.django_db
URL = "/payments/stripe/webhook/"
SECRET = "whsec_another_one_0123456789"


def deliver(body: bytes, header: str | None = None, **changes: Any) -> Any:
    values: dict[str, Any] = {"content_type": "application/json; charset=utf-8", **changes}
    sign = signature(body) if header is None else header
    return Client(enforce_csrf_checks=True).post(
        URL, body, headers={"Stripe-Signature": sign}, **values
    )


def an_event(**changes: Any) -> bytes:
    return json.dumps(event_body("payment_intent.created", {"id": "pi_1"}, **changes)).encode()


def test_a_signed_event_is_kept_as_it_came_with_its_job() -> None:
    body = an_event(id="evt_1")
    response = deliver(body)

    assert (response.status_code, response.content) == (200, b"Received.\n")
    event = StripeEvent.objects.get()
    assert (event.event_id, event.body, event.source) == ("evt_1", body.decode(), "webhook")
    job = DBTaskResult.objects.get()
    assert job.args_kwargs["kwargs"] == {"event_id": event.pk}


def test_a_replay_is_answered_like_the_first_and_kept_once() -> None:
    body = an_event(id="evt_1")
    assert [deliver(body).status_code for _ in range(3)] == [200, 200, 200]
    assert StripeEvent.objects.count() == DBTaskResult.objects.count() == 1


def test_either_of_two_secrets_is_good_while_one_replaces_the_other() -> None:
    with override_settings(STRIPE_WEBHOOK_SECRETS=["whsec_old_0123456789", SECRET]):
        body = an_event()
        assert deliver(body, signature(body, secret=SECRET)).status_code == 200
        assert deliver(an_event()).status_code == 200  # signed with the first
    assert deliver(body, signature(body, secret=SECRET)).status_code == 400


@pytest.mark.parametrize("age", [301, 86_400, -301, -86_400])
def test_a_signature_too_old_or_from_the_future_is_refused(age: int) -> None:
    body = an_event()
    response = deliver(body, signature(body, moment=int(time.time()) - age))

    assert response.status_code == 400
    assert b"too old or from the future" in response.content
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("age", [290, -290])
def test_clocks_may_differ_by_minutes(age: int) -> None:
    body = an_event()
    assert deliver(body, signature(body, moment=int(time.time()) - age)).status_code == 200


@pytest.mark.parametrize(
    "header",
    ["", "t=1,v1=", "nonsense", "t=,v1=a", "v1=abc", "t=٣,v1=é", "t=99999999999999999999,v1=0"],
)
def test_a_header_that_is_no_signature_is_refused(header: str) -> None:
    assert deliver(an_event(), header).status_code == 400
    assert not StripeEvent.objects.exists()


def test_a_forged_signature_is_refused() -> None:
    body = an_event()
    response = deliver(body, signature(body, secret="whsec_guessed_0123456789"))
    assert (response.status_code, StripeEvent.objects.count()) == (400, 0)


def test_a_signature_of_an_older_scheme_is_refused() -> None:
    body = an_event()
    assert deliver(body, signature(body).replace("v1=", "v0=")).status_code == 400


def test_a_body_changed_on_its_way_is_refused() -> None:
    body = an_event(id="evt_1")
    for changed in (body.replace(b"evt_1", b"evt_2"), body[:-1], body + b" "):
        assert deliver(changed, signature(body)).status_code == 400
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("kept", [0, 40])
def test_a_body_that_breaks_off_on_its_way_is_refused(kept: int) -> None:
    body = an_event()
    request = WSGIRequest(
        {
            "REQUEST_METHOD": "POST",
            "PATH_INFO": URL,
            "CONTENT_TYPE": "application/json",
            "CONTENT_LENGTH": str(len(body)),
            "HTTP_STRIPE_SIGNATURE": signature(body),
            "wsgi.input": io.BytesIO(body[:kept]),
        }
    )
    assert stripe_webhook(request).status_code == 400
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("length", ["-1", "1e3", "many"])
def test_a_length_that_is_no_number_is_refused(length: str) -> None:
    body = an_event()
    assert deliver(body, signature(body), CONTENT_LENGTH=length).status_code == 413


@pytest.mark.parametrize(
    "body",
    [
        b"not json",
        b"[1]",
        b'"evt_1"',
        b"null",
        b"{}",
        b'{"object": "event"}',
        b'{"object": "event", "id": "evt_1", "type": "a", "created": "now", "data": {"object": {}}}',
        b'{"object": "event", "id": "evt_1", "type": "a", "created": 1, "data": {"object": []}}',
        b'{"object": "event", "id": 5, "type": "a", "created": 1, "data": {"object": {}}}',
        b'{"object": "event", "id": "evt\\u0000", "type": "a", "created": 1, "data": {"object": {}}}',
        b'{"object": "v2.core.event", "id": "evt_1", "type": "a", "created": 1, "data": {}}',
        b"[" * 100_000,
    ],
)
def test_a_signed_body_that_is_no_event_is_refused(body: bytes) -> None:
    assert deliver(body).status_code == 400
    assert not StripeEvent.objects.exists()


def test_a_signed_body_that_is_no_utf8_is_refused() -> None:
    assert deliver(b"\xff\xfe{}", "t=1,v1=0").status_code == 400


def test_a_body_over_256_kb_is_refused_unread() -> None:
    body = an_event(padding="x" * (256 * 1024))
    assert deliver(body).status_code == 413
    assert deliver(an_event(padding="x" * (255 * 1024))).status_code == 200


@pytest.mark.parametrize("kind", ["text/plain", "application/x-www-form-urlencoded", ""])
def test_another_content_type_is_refused(kind: str) -> None:
    assert deliver(an_event(), content_type=kind).status_code == 415
    assert not StripeEvent.objects.exists()


@pytest.mark.parametrize("method", ["get", "head", "put", "patch", "delete", "options"])
def test_only_post_is_answered(method: str) -> None:
    response = getattr(Client(), method)(URL)
    assert response.status_code == 405
    assert response["Allow"] == "POST"


def test_an_event_of_an_unknown_type_is_kept_and_ignored() -> None:
    from core.jobs.testing import run_pending_jobs

    deliver(an_event(type="issuing_card.created"))
    run_pending_jobs()
    event = StripeEvent.objects.get()
    assert (event.verdict, event.attempts, event.last_error) == ("ignored", 1, "")


def test_what_an_event_said_cannot_be_changed_afterwards() -> None:
    from django.db import DatabaseError, transaction

    deliver(an_event())
    with pytest.raises(DatabaseError, match="Cannot update"), transaction.atomic():
        StripeEvent.objects.update(body="{}")


def test_a_time_of_four_hundred_digits_is_a_plain_refusal() -> None:
    header = f"t={'9' * 400},v1=00"
    answer = Client(raise_request_exception=False).post(
        URL, b"{}", content_type="application/json", headers={"Stripe-Signature": header}
    )
    assert answer.status_code == 400
    assert not StripeEvent.objects.exists()
