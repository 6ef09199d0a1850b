"""The API through the real `stripe` library: saved answers, refusals, lists, expansion."""

import time
from typing import Any

import pytest
import stripe

from tests.sandbox.running import SECRET_KEY, Running

AUTHORISED = {"Authorization": f"Bearer {SECRET_KEY}"}


def item(**price: Any) -> dict[str, Any]:
    data = {"currency": "usd", "unit_amount": 5000, "product_data": {"name": "A gift"}} | price
    return {"price_data": data, "quantity": 1}


def test_the_same_key_with_the_same_parameters_gives_the_first_answer_again(
    sandbox: Running,
) -> None:
    key = {"idempotency_key": "again-1"}
    first = sandbox.session(options=key)
    sandbox.pay(first)
    second = sandbox.session(options=key)
    assert second.id == first.id
    assert second.status == "open"  # the answer as it was then, not as the session is now
    assert second.last_response.headers["Idempotent-Replayed"] == "true"
    assert "Idempotent-Replayed" not in first.last_response.headers
    assert second.last_response.request_id != first.last_response.request_id


def test_the_same_key_with_other_parameters_is_a_conflict(sandbox: Running) -> None:
    key = {"idempotency_key": "other-1"}
    sandbox.session(amount=5000, options=key)
    with pytest.raises(stripe.IdempotencyError) as caught:
        sandbox.session(amount=5001, options=key)
    assert caught.value.http_status == 400
    assert "same parameters they were first used with" in str(caught.value)


def test_the_same_key_at_another_address_is_a_conflict(sandbox: Running) -> None:
    key = {"idempotency_key": "place-1"}
    session = sandbox.session(options=key)
    with pytest.raises(stripe.IdempotencyError, match="same endpoint"):
        sandbox.client.v1.checkout.sessions.expire(session.id, options=key)


def test_a_refused_request_does_not_use_its_key_up(sandbox: Running) -> None:
    key = {"idempotency_key": "mended-1"}
    with pytest.raises(stripe.InvalidRequestError):
        sandbox.session(amount=1, options=key)
    assert sandbox.session(amount=5000, options=key).amount_total == 5000


@pytest.mark.parametrize("key", [None, "sk_test_wrong_key_of_someone"])
def test_a_request_without_the_right_key_is_refused(sandbox: Running, key: str | None) -> None:
    headers = {"Authorization": f"Bearer {key}"} if key else {}
    response, text = sandbox.request("GET", "/v1/balance", headers=headers)
    assert response.status == 401
    assert key is None or key not in text
    client = stripe.StripeClient("sk_test_wrong", base_addresses={"api": sandbox.url})
    with pytest.raises(stripe.AuthenticationError):
        client.v1.balance.retrieve()


def test_another_api_version_is_refused(sandbox: Running) -> None:
    with pytest.raises(stripe.InvalidRequestError, match=r"serves 2026-10-28\.endive alone"):
        sandbox.client.v1.balance.retrieve(options={"stripe_version": "2024-06-20"})


@pytest.mark.parametrize(
    ("changes", "code", "param"),
    [
        ({"success_url": ""}, "parameter_missing", "success_url"),
        ({"success_url": "javascript:alert(1)"}, "url_invalid", "success_url"),
        ({"cancel_url": "http://a/\r\nSet-Cookie: a=b"}, "url_invalid", "cancel_url"),
        ({"line_items": []}, "parameter_missing", "line_items"),
        (
            {"line_items": [item(unit_amount="12.5")]},
            "parameter_invalid_integer",
            "line_items[0][price_data][unit_amount]",
        ),
        (
            {"line_items": [item(), item(product_data={"name": ""})]},
            "parameter_missing",
            "line_items[1][price_data][product_data][name]",
        ),
        ({"line_items": [item(currency="usdollar")]}, None, "line_items[0][price_data][currency]"),
        ({"line_items": [item(), item(currency="eur")]}, None, "line_items"),
        ({"line_items": [item(unit_amount=49)]}, "amount_too_small", None),
        ({"line_items": [item(unit_amount=99_999_999), item()]}, "amount_too_large", None),
        ({"line_items": [item(currency="kwd", unit_amount=5125)]}, "invalid_charge_amount", None),
        ({"line_items": [item(currency="ugx", unit_amount=550)]}, "invalid_charge_amount", None),
        ({"colour": "red"}, "parameter_unknown", "colour"),
        (
            {"payment_intent_data": {"colour": "red"}},
            "parameter_unknown",
            "payment_intent_data[colour]",
        ),
        ({"metadata": {"a": "x" * 501}}, None, "metadata[a]"),
        ({"metadata": {f"k{n}": "x" for n in range(51)}}, None, "metadata"),
        ({"mode": "setup"}, None, "mode"),
        (
            {"mode": "subscription"},
            "parameter_missing",
            "line_items[0][price_data][recurring][interval]",
        ),
        ({"payment_method_types": ["sepa_debit"]}, None, "payment_method_types"),
        ({"expires_at": 1}, "parameter_invalid_integer", "expires_at"),
        ({"expand": ["currency"]}, None, "expand"),
    ],
)
def test_what_is_wrong_with_a_session_is_named_and_nothing_is_made(
    fresh: Running, changes: dict[str, Any], code: str | None, param: str | None
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        fresh.session(**changes)
    assert (caught.value.http_status, caught.value.code, caught.value.param) == (400, code, param)
    assert caught.value.request_id.startswith("req_")
    assert fresh.client.v1.checkout.sessions.list().data == []


def test_what_does_not_exist_is_not_found(sandbox: Running) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.client.v1.payment_intents.retrieve("pi_none")
    assert (caught.value.http_status, caught.value.code) == (404, "resource_missing")
    session = sandbox.session()
    with pytest.raises(stripe.InvalidRequestError, match="No such charge"):
        sandbox.client.v1.charges.retrieve(session.id)  # an id, but not of a charge
    with pytest.raises(stripe.InvalidRequestError, match="Unrecognized request URL"):
        sandbox.client.v1.transfers.list()


@pytest.mark.parametrize(
    "body", [b"a[b=1", b"a=1&a[b]=2", b"a=%ff", b"a[b][c][d][e][f][g][h][i]=1"]
)
def test_parameters_that_make_no_tree_are_refused(sandbox: Running, body: bytes) -> None:
    response, text = sandbox.request(
        "POST", "/v1/checkout/sessions", body.decode(), headers=AUTHORISED
    )
    assert response.status == 400
    assert '"invalid_request_error"' in text


def test_a_body_without_length_or_too_long_is_refused(sandbox: Running) -> None:
    for length, status in (("2000000", 413), ("x", 413), ("-1", 413)):
        headers = AUTHORISED | {"Content-Length": length}
        response, _ = sandbox.request("POST", "/v1/checkout/sessions", "", headers=headers)
        assert response.status == status


def test_only_an_open_session_can_expire(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session, number="4000000000000002")
    gone = sandbox.client.v1.checkout.sessions.expire(session.id, {"expand": ["payment_intent"]})
    assert (gone.status, gone.url, gone.payment_intent.status) == ("expired", None, "canceled")
    with pytest.raises(stripe.InvalidRequestError, match="status of `expired`"):
        sandbox.client.v1.checkout.sessions.expire(session.id)


def test_metadata_is_merged_and_an_empty_value_removes(sandbox: Running) -> None:
    session = sandbox.session(metadata={"keep": "1", "drop": "2"})
    changed = sandbox.client.v1.checkout.sessions.update(
        session.id, {"metadata": {"drop": "", "new": "3"}}
    )
    assert changed.metadata.to_dict() == {"keep": "1", "new": "3"}
    again = sandbox.client.v1.checkout.sessions.retrieve(session.id)
    assert again.metadata.to_dict() == {"keep": "1", "new": "3"}


def test_lists_page_newest_first_in_both_directions(fresh: Running) -> None:
    made = [fresh.session().id for _ in range(5)]
    sessions = fresh.client.v1.checkout.sessions
    first = sessions.list({"limit": 2})
    assert [session.id for session in first.data] == made[:2:-1]
    assert first.has_more
    last = sessions.list({"limit": 2, "starting_after": made[2]})
    assert [session.id for session in last.data] == [made[1], made[0]]
    assert not last.has_more
    back = sessions.list({"limit": 2, "ending_before": made[1]})
    assert [session.id for session in back.data] == [made[3], made[2]]
    assert back.has_more
    assert [s.id for s in sessions.list({"limit": 2}).auto_paging_iter()] == made[::-1]
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sessions.list({"starting_after": "cs_none"})
    assert caught.value.param == "starting_after"
    for limit in (0, 101):
        with pytest.raises(stripe.InvalidRequestError):
            sessions.list({"limit": limit})


def test_lists_filter_by_time_type_and_field(fresh: Running) -> None:
    client, now = fresh.client.v1, int(time.time())
    paid, left = fresh.session(), fresh.session()
    fresh.pay(paid)
    hour = 3600
    for bounds, expected in (
        ({"gte": now - hour}, 4),
        ({"gt": now + hour}, 0),
        ({"lt": now - hour}, 0),
        ({"gte": now - hour, "lte": now + hour}, 4),
    ):
        assert len(client.events.list({"created": bounds}).data) >= expected
        assert bool(client.events.list({"created": bounds}).data) is bool(expected)
    types = ["charge.succeeded", "payment_intent.succeeded"]
    assert {event.type for event in client.events.list({"types": types}).data} == set(types)
    (still_open,) = client.checkout.sessions.list({"status": "open"}).data
    assert still_open.id == left.id
    with pytest.raises(stripe.InvalidRequestError, match="unknown parameter: colour"):
        client.events.list({"colour": "red"})  # type: ignore[typeddict-unknown-key]


def test_expansion_follows_paths_in_objects_and_lists(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session)
    path = "payment_intent.latest_charge.balance_transaction"
    full = sandbox.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": [path, "line_items"]}
    )
    assert full.payment_intent.latest_charge.balance_transaction.fee == 175
    assert full.line_items.data[0].description == "A gift"
    (charge,) = sandbox.client.v1.charges.list(
        {"payment_intent": full.payment_intent.id, "expand": ["data.balance_transaction"]}
    ).data
    assert charge.balance_transaction.net == 4825
    for wrong in ("amount_total", "data.payment_intent", "payment_intent.latest_charge.amount"):
        with pytest.raises(stripe.InvalidRequestError, match="cannot be expanded"):
            sandbox.client.v1.checkout.sessions.retrieve(session.id, {"expand": [wrong]})
    with pytest.raises(stripe.InvalidRequestError, match="more than 4 levels"):
        sandbox.client.v1.checkout.sessions.retrieve(session.id, {"expand": ["a.b.c.d.e"]})


def test_events_are_kept_and_hold_the_object_as_it_was(sandbox: Running) -> None:
    session = sandbox.session()
    sandbox.pay(session, number="4000000000000002")
    sandbox.pay(session)
    intent = sandbox.client.v1.checkout.sessions.retrieve(session.id).payment_intent
    events = [
        event
        for event in sandbox.client.v1.events.list({"limit": 100}).data
        if event.data.object["id"] == intent
    ]
    assert [(event.type, event.data.object["status"]) for event in events] == [
        ("payment_intent.succeeded", "succeeded"),
        ("payment_intent.payment_failed", "requires_payment_method"),
        ("payment_intent.created", "requires_payment_method"),
    ]
    same = sandbox.client.v1.events.retrieve(events[0].id)
    assert same.to_dict() == events[0].to_dict()
