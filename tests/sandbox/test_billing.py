"""Customers, subscriptions and their invoices, the clocks, and payments while nobody is there."""

import json
import re
import sqlite3
import time
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
import stripe

from tests.sandbox.running import Running, heading, wait_for

DECLINED_LATER = "4000000000000341"
ASKS_ALWAYS = "4000002760003184"
ASKS_ONCE = "4000002500003155"


def moment(day: str) -> int:
    return int(datetime.fromisoformat(day).replace(tzinfo=UTC).timestamp())


def on_clock(sandbox: Running, day: str = "2026-01-31", **more: Any) -> tuple[Any, Any]:
    """A subscription that lives by a test clock, and the clock."""
    clock = sandbox.client.v1.test_helpers.test_clocks.create({"frozen_time": moment(day)})
    customer = sandbox.client.v1.customers.create(
        {"email": "amina@example.org", "name": "Amina Banda", "test_clock": clock.id}
    )
    return sandbox.subscribe(customer=customer.id, **more), clock


def advance(sandbox: Running, clock: Any, day: str) -> None:
    clocks = sandbox.client.v1.test_helpers.test_clocks
    assert clocks.advance(clock.id, {"frozen_time": moment(day)}).status == "advancing"
    wait_for(lambda: clocks.retrieve(clock.id).status == "ready")


def invoices(sandbox: Running, subscription: Any) -> list[Any]:
    """Oldest first."""
    return sandbox.client.v1.invoices.list({"subscription": subscription.id}).data[::-1]


def again(sandbox: Running, subscription: Any) -> Any:
    return sandbox.client.v1.subscriptions.retrieve(subscription.id)


def events_since(sandbox: Running, count: int) -> list[str]:
    return sandbox.event_types()[count:]


def saved_card(sandbox: Running, **typed: str) -> tuple[str, str]:
    """The ids of a customer and of a payment method that a first payment has left."""
    session = sandbox.session(
        customer_creation="always", payment_intent_data={"setup_future_usage": "off_session"}
    )
    response, _ = sandbox.pay(session, **typed)
    if response.headers["Location"].startswith("/c/pay/"):
        sandbox.answer_bank(session)
    customer = str(sandbox.client.v1.checkout.sessions.retrieve(session.id).customer)
    (method,) = sandbox.client.v1.customers.payment_methods.list(customer).data
    return customer, method.id


def charge_later(
    sandbox: Running, customer_id: str, method_id: str, options: Any = None, **more: Any
) -> Any:
    params = {
        "amount": 2500,
        "currency": "usd",
        "customer": customer_id,
        "payment_method": method_id,
        "off_session": True,
        "confirm": True,
        **more,
    }
    return sandbox.client.v1.payment_intents.create(params, options or {})  # type: ignore[arg-type]


# Subscribing


def test_subscribing_leaves_a_customer_a_subscription_and_a_paid_invoice(fresh: Running) -> None:
    session = fresh.subscription_session(
        locale="fr", subscription_data={"metadata": {"pledge": "7"}, "description": "Pledge 7"}
    )
    assert (session.payment_status, session.subscription, session.invoice) == ("unpaid", None, None)

    assert fresh.pay(session)[0].status == 303

    done = fresh.client.v1.checkout.sessions.retrieve(
        session.id, {"expand": ["subscription", "invoice", "customer"]}
    )
    assert (done.status, done.payment_status, done.payment_intent) == ("complete", "paid", None)
    subscription, invoice = done.subscription, done.invoice
    assert (done.customer.email, done.customer.preferred_locales) == ("amina@example.org", ["fr"])
    assert (subscription.status, subscription.description) == ("active", "Pledge 7")
    assert subscription.customer == done.customer.id
    assert subscription.metadata["pledge"] == "7"
    details = invoice.parent.subscription_details
    assert (details.subscription, details.metadata["pledge"]) == (subscription.id, "7")
    assert (invoice.status, invoice.amount_paid, invoice.amount_remaining) == ("paid", 5000, 0)
    assert invoice.billing_reason == "subscription_create"
    assert invoice.number.endswith("-0001")
    (item,) = subscription["items"].data
    assert 28 * 86_400 <= item.current_period_end - item.current_period_start <= 31 * 86_400
    assert not hasattr(subscription, "current_period_end")
    types = fresh.event_types()
    assert [kind for kind in types if kind != "charge.updated"] == [
        "payment_intent.created",
        "customer.created",
        "payment_method.attached",
        "charge.succeeded",
        "payment_intent.succeeded",
        "customer.subscription.created",
        "invoice.created",
        "invoice.finalized",
        "invoice.paid",
        "invoice.payment_succeeded",
        "invoice_payment.paid",
        "checkout.session.completed",
    ]
    wait_for(lambda: "charge.updated" in fresh.event_types())


def test_only_the_invoice_payment_ties_an_invoice_to_its_money(sandbox: Running) -> None:
    subscription = sandbox.subscribe()
    (link,) = sandbox.client.v1.invoice_payments.list(
        {"invoice": subscription.latest_invoice, "expand": ["data.payment.payment_intent"]}
    ).data
    intent = link.payment.payment_intent
    assert (link.status, link.amount_paid, intent.status) == ("paid", 5000, "succeeded")
    assert not hasattr(intent, "invoice")
    assert not hasattr(sandbox.client.v1.charges.retrieve(intent.latest_charge), "invoice")
    found = sandbox.client.v1.invoice_payments.list(
        {"payment": {"type": "payment_intent", "payment_intent": intent.id}}
    )
    assert [each.invoice for each in found.data] == [subscription.latest_invoice]


def test_the_page_says_what_recurs(sandbox: Running) -> None:
    session = sandbox.subscription_session(recurring={"interval": "month", "interval_count": 3})
    _, page = sandbox.request("GET", f"/c/pay/{session.id}")
    assert "You pay USD\u00a050.00 now, then every 3 months, until you cancel." in page


def test_a_declined_card_subscribes_nobody(fresh: Running) -> None:
    session = fresh.subscription_session()
    assert fresh.pay(session, number="4000000000000002")[0].status == 402
    assert fresh.client.v1.subscriptions.list().data == []
    assert fresh.client.v1.customers.list().data == []
    assert fresh.client.v1.invoices.list().data == []


@pytest.mark.parametrize(
    ("changes", "param"),
    [
        ({"customer_creation": "always"}, "customer_creation"),
        ({"payment_intent_data": {"description": "x"}}, "payment_intent_data"),
        ({"recurring": {"interval": "fortnight"}}, "line_items[0][price_data][recurring]"),
        ({"customer": "cus_none"}, "customer"),
        ({"subscription_data": {"trial_period_days": 3}}, "subscription_data[trial_period_days]"),
        ({"submit_type": "donate"}, "submit_type"),
    ],
)
def test_what_a_subscription_cannot_have_is_named(
    sandbox: Running, changes: dict[str, Any], param: str
) -> None:
    with pytest.raises(stripe.InvalidRequestError) as caught:
        sandbox.subscription_session(**changes)
    assert (caught.value.param or "").startswith(param)


# Renewing


def test_a_clock_moved_on_renews_at_the_end_of_each_month(fresh: Running) -> None:
    subscription, clock = on_clock(fresh, "2026-01-31")

    advance(fresh, clock, "2026-05-01")

    days = [
        datetime.fromtimestamp(each.created, UTC).date() for each in invoices(fresh, subscription)
    ]
    assert [day.isoformat() for day in days] == [
        "2026-01-31",
        "2026-02-28",
        "2026-03-31",
        "2026-04-30",
    ]
    assert {each.status for each in invoices(fresh, subscription)} == {"paid"}
    assert len(fresh.client.v1.charges.list({"customer": subscription.customer}).data) == 4
    assert again(fresh, subscription)["items"].data[0].current_period_end == moment("2026-05-31")
    assert clock.id == again(fresh, subscription).test_clock


def test_a_clock_goes_only_forward(sandbox: Running) -> None:
    clocks = sandbox.client.v1.test_helpers.test_clocks
    clock = clocks.create({"frozen_time": moment("2026-01-31")})
    with pytest.raises(stripe.InvalidRequestError, match="only be moved forward"):
        clocks.advance(clock.id, {"frozen_time": moment("2026-01-30")})


def test_one_subscription_is_moved_on_by_the_control_and_others_stay(sandbox: Running) -> None:
    moved, other = sandbox.subscribe(), sandbox.subscribe()
    end = moved["items"].data[0].current_period_end

    sandbox.control("move_subscription", subscription=moved.id)

    assert len(invoices(sandbox, moved)) == 2
    assert again(sandbox, moved)["items"].data[0].current_period_start == end
    assert len(invoices(sandbox, other)) == 1


def test_a_period_that_ended_while_the_sandbox_was_down_is_renewed_once_it_is_up(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state.sqlite3"
    running = Running(state, "", "--settle-after=0")
    subscription = running.subscribe(recurring={"interval": "day"})
    running.kill()
    _let_pass(state, subscription.id, 86_500)
    running.start()
    try:
        wait_for(lambda: len(invoices(running, subscription)) == 2)
        time.sleep(0.3)
        assert len(invoices(running, subscription)) == 2
    finally:
        running.stop()


def _let_pass(state: Path, subscription_id: str, seconds: int) -> None:
    with sqlite3.connect(state) as db:
        query = "SELECT body FROM objects WHERE id = ?"
        body = json.loads(db.execute(query, (subscription_id,)).fetchone()[0])
        body["billing_cycle_anchor"] -= seconds
        for name in ("current_period_start", "current_period_end"):
            body["items"]["data"][0][name] -= seconds
        db.execute("UPDATE objects SET body = ? WHERE id = ?", (json.dumps(body), subscription_id))
        db.execute("UPDATE work SET due = due - ? WHERE kind = 'renew'", (seconds,))


def test_a_renewal_that_fails_is_told_and_waits_to_be_paid(fresh: Running) -> None:
    subscription = fresh.subscribe(typed={"number": DECLINED_LATER})
    before = len(fresh.event_types())

    fresh.control("move_subscription", subscription=subscription.id)

    new = [kind for kind in events_since(fresh, before) if kind != "charge.updated"]
    assert new == [
        "customer.subscription.updated",
        "invoice.created",
        "invoice.finalized",
        "payment_intent.created",
        "charge.failed",
        "payment_intent.payment_failed",
        "invoice.payment_failed",
        "customer.subscription.updated",
    ]
    invoice = invoices(fresh, subscription)[-1]
    assert (invoice.status, invoice.attempt_count, invoice.attempted) == ("open", 1, True)
    assert invoice.next_payment_attempt is None
    assert again(fresh, subscription).status == "past_due"

    with pytest.raises(stripe.CardError) as caught:
        fresh.client.v1.invoices.pay(invoice.id)
    assert (caught.value.http_status, caught.value.code) == (402, "card_declined")
    tried = fresh.client.v1.invoices.retrieve(invoice.id)
    assert (tried.status, tried.attempt_count) == ("open", 2)
    assert fresh.event_types().count("invoice.payment_failed") == 2


def test_a_failed_renewal_is_paid_with_another_card(sandbox: Running) -> None:
    subscription = sandbox.subscribe(typed={"number": DECLINED_LATER})
    sandbox.control("move_subscription", subscription=subscription.id)
    portal = open_portal(sandbox, subscription)
    assert press(sandbox, portal, "card", number="5555 5555 5555 4444")[0] == 303

    paid = sandbox.client.v1.invoices.pay(again(sandbox, subscription).latest_invoice)

    assert (paid.status, paid.amount_paid) == ("paid", 5000)
    assert again(sandbox, subscription).status == "active"
    (link,) = sandbox.client.v1.invoice_payments.list({"invoice": paid.id}).data
    charges = sandbox.client.v1.charges.list({"payment_intent": str(link.payment.payment_intent)})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed"]
    with pytest.raises(stripe.InvalidRequestError, match="already paid"):
        sandbox.client.v1.invoices.pay(paid.id)


def test_an_invoice_paid_by_several_at_once_is_charged_once(sandbox: Running) -> None:
    subscription = sandbox.subscribe(typed={"number": DECLINED_LATER})
    sandbox.control("move_subscription", subscription=subscription.id)
    press(sandbox, open_portal(sandbox, subscription), "card")
    invoice = str(again(sandbox, subscription).latest_invoice)

    def pay(_: int) -> str:
        try:
            return str(sandbox.client.v1.invoices.pay(invoice).status)
        except stripe.InvalidRequestError as error:
            return str(error.user_message)

    with ThreadPoolExecutor(4) as pool:
        answers = sorted(pool.map(pay, range(4)))

    assert answers == [*["Invoice is already paid"] * 3, "paid"]
    charges = sandbox.client.v1.charges.list({"customer": subscription.customer})
    assert [charge.status for charge in charges.data] == ["succeeded", "failed", "succeeded"]


def test_a_card_whose_bank_always_asks_cannot_renew(sandbox: Running) -> None:
    subscription = sandbox.subscribe(typed={"number": ASKS_ALWAYS})
    assert subscription.status == "active"
    sandbox.control("move_subscription", subscription=subscription.id)
    assert again(sandbox, subscription).status == "past_due"
    assert "invoice.payment_action_required" in sandbox.event_types()


def test_a_card_whose_bank_asked_once_renews(sandbox: Running) -> None:
    subscription = sandbox.subscribe(typed={"number": ASKS_ONCE})
    sandbox.control("move_subscription", subscription=subscription.id)
    assert [each.status for each in invoices(sandbox, subscription)] == ["paid", "paid"]


@pytest.mark.parametrize(
    ("behavior", "status", "event"),
    [
        ("void", "void", "invoice.voided"),
        ("mark_uncollectible", "uncollectible", "invoice.marked_uncollectible"),
        ("keep_as_draft", "draft", "invoice.created"),
    ],
)
def test_a_paused_subscription_charges_nothing_and_goes_on_when_resumed(
    fresh: Running, behavior: Any, status: str, event: str
) -> None:
    subscription = fresh.subscribe()
    subscriptions = fresh.client.v1.subscriptions
    paused = subscriptions.update(subscription.id, {"pause_collection": {"behavior": behavior}})
    assert (paused.status, paused.pause_collection.behavior) == ("active", behavior)

    fresh.control("move_subscription", subscription=subscription.id)

    assert invoices(fresh, subscription)[-1].status == status
    assert event in fresh.event_types()
    assert len(fresh.client.v1.charges.list().data) == 1
    assert subscriptions.update(subscription.id, {"pause_collection": ""}).pause_collection is None
    fresh.control("move_subscription", subscription=subscription.id)
    assert invoices(fresh, subscription)[-1].status == "paid"


def test_an_open_invoice_is_voided_and_then_owes_nothing(sandbox: Running) -> None:
    subscription = sandbox.subscribe(typed={"number": DECLINED_LATER})
    sandbox.control("move_subscription", subscription=subscription.id)
    invoice = invoices(sandbox, subscription)[-1]

    assert sandbox.client.v1.invoices.void_invoice(invoice.id).status == "void"

    (link,) = sandbox.client.v1.invoice_payments.list(
        {"invoice": invoice.id, "expand": ["data.payment.payment_intent"]}
    ).data
    assert (link.status, link.payment.payment_intent.status) == ("canceled", "canceled")
    with pytest.raises(stripe.InvalidRequestError, match="it is void"):
        sandbox.client.v1.invoices.pay(invoice.id)


# Ending and changing


def test_a_subscription_that_ends_with_its_period_bills_no_more(fresh: Running) -> None:
    subscription, clock = on_clock(fresh, "2026-03-10")
    ending = fresh.client.v1.subscriptions.update(subscription.id, {"cancel_at_period_end": True})
    assert (ending.status, ending.cancel_at) == ("active", moment("2026-04-10"))

    advance(fresh, clock, "2026-06-01")

    ended = again(fresh, subscription)
    assert (ended.status, ended.ended_at) == ("canceled", moment("2026-04-10"))
    assert len(invoices(fresh, subscription)) == 1
    assert fresh.event_types().count("customer.subscription.deleted") == 1


def test_ending_can_be_taken_back(sandbox: Running) -> None:
    subscription = sandbox.subscribe()
    update = sandbox.client.v1.subscriptions.update
    update(subscription.id, {"cancel_at_period_end": True})
    kept = update(subscription.id, {"cancel_at_period_end": False})
    assert (kept.cancel_at, kept.canceled_at, kept.cancel_at_period_end) == (None, None, False)
    sandbox.control("move_subscription", subscription=subscription.id)
    assert len(invoices(sandbox, subscription)) == 2


def test_a_cancelled_subscription_leaves_the_list_and_cannot_be_cancelled_again(
    fresh: Running,
) -> None:
    subscription, other = fresh.subscribe(), fresh.subscribe()
    subscriptions = fresh.client.v1.subscriptions

    assert subscriptions.cancel(subscription.id).status == "canceled"

    def listed(**given: Any) -> list[str]:
        return [each.id for each in subscriptions.list(given).data]  # type: ignore[arg-type]

    assert listed() == listed(status="active") == [other.id]
    assert listed(status="canceled") == listed(customer=subscription.customer, status="all")
    assert listed(status="all") == [other.id, subscription.id]
    with pytest.raises(stripe.InvalidRequestError, match="No such subscription"):
        subscriptions.cancel(subscription.id)
    response, _ = fresh.try_control("move_subscription", subscription=subscription.id)
    assert response.status == 404
    assert len(invoices(fresh, subscription)) == 1


def test_the_amount_changes_from_the_next_period_on(sandbox: Running) -> None:
    subscription = sandbox.subscribe()
    (item,) = subscription["items"].data
    price: Any = {
        "currency": "usd",
        "product": item.price.product,
        "recurring": {"interval": "month"},
        "unit_amount": 7000,
    }
    update = sandbox.client.v1.subscriptions.update
    items: Any = [{"id": item.id, "price_data": price}]
    with pytest.raises(stripe.InvalidRequestError, match="prorates nothing"):
        update(subscription.id, {"items": items})
    update(subscription.id, {"items": items, "proration_behavior": "none"})
    assert len(invoices(sandbox, subscription)) == 1
    sandbox.control("move_subscription", subscription=subscription.id)
    assert [each.amount_paid for each in invoices(sandbox, subscription)] == [5000, 7000]
    weekly: Any = [{"id": item.id, "price_data": price | {"recurring": {"interval": "week"}}}]
    with pytest.raises(stripe.InvalidRequestError, match="interval stay"):
        update(subscription.id, {"items": weekly, "proration_behavior": "none"})


def test_a_change_is_told_with_what_was_there_before_and_nothing_new_is_not_told(
    fresh: Running,
) -> None:
    subscription = fresh.subscribe()
    update = fresh.client.v1.subscriptions.update
    for _ in range(2):
        update(subscription.id, {"metadata": {"gift": "1"}})
    (event,) = fresh.client.v1.events.list({"type": "customer.subscription.updated"}).data
    assert event.data.previous_attributes.to_dict() == {"metadata": {}}
    assert event.data.object["metadata"].to_dict() == {"gift": "1"}


# Customers and later payments


def test_a_customer_is_made_changed_found_and_named_in_a_session(sandbox: Running) -> None:
    customers = sandbox.client.v1.customers
    made = customers.create(
        {"email": "grace@example.org", "metadata": {"member": "3"}, "preferred_locales": ["pt"]}
    )
    changed = customers.update(made.id, {"name": "Grace Phiri", "metadata": {"member": ""}})
    assert (changed.name, changed.email) == ("Grace Phiri", "grace@example.org")
    assert changed.metadata.to_dict() == {}
    (found,) = customers.list({"email": "grace@example.org"}).data
    assert found.id == made.id
    session = sandbox.session(customer=made.id)
    _, page = sandbox.request("GET", f"/c/pay/{session.id}")
    assert "grace@example.org" in page
    assert 'name="email"' not in page
    sandbox.pay(session)
    done = sandbox.client.v1.checkout.sessions.retrieve(session.id, {"expand": ["payment_intent"]})
    assert done.payment_intent.customer == done.customer == made.id
    with pytest.raises(stripe.InvalidRequestError, match="only specify one"):
        sandbox.session(customer=made.id, customer_email="x@example.org")


def test_a_card_is_kept_only_where_that_was_asked_for(sandbox: Running) -> None:
    customer = sandbox.client.v1.customers.create({"email": "a@example.org"})
    methods = sandbox.client.v1.customers.payment_methods
    sandbox.pay(sandbox.session(customer=customer.id))
    assert methods.list(customer.id).data == []
    data: Any = {"setup_future_usage": "off_session"}
    declined = sandbox.session(customer=customer.id, payment_intent_data=data)
    sandbox.pay(declined, number="4000000000000002")
    assert methods.list(customer.id).data == []
    sandbox.pay(sandbox.session(customer=customer.id, payment_intent_data=data), expiry="07/39")
    (kept,) = methods.list(customer.id).data
    assert (kept.card.exp_month, kept.card.exp_year, kept.customer) == (7, 2039, customer.id)
    sandbox.client.v1.payment_methods.detach(kept.id)
    assert methods.list(customer.id).data == []


def test_a_saved_card_pays_while_nobody_is_there(sandbox: Running) -> None:
    customer, method = saved_card(sandbox)
    intent = charge_later(sandbox, customer, method, metadata={"instalment": "2"})
    assert (intent.status, intent.amount_received, intent.customer) == ("succeeded", 2500, customer)
    charge = sandbox.client.v1.charges.retrieve(intent.latest_charge)
    assert charge.metadata["instalment"] == "2"


@pytest.mark.parametrize(
    ("number", "code", "decline_code"),
    [
        (DECLINED_LATER, "card_declined", "generic_decline"),
        (ASKS_ALWAYS, "authentication_required", "authentication_required"),
    ],
)
def test_a_saved_card_that_is_declined_leaves_the_intent_in_the_error(
    sandbox: Running, number: str, code: str, decline_code: str
) -> None:
    customer, method = saved_card(sandbox, number=number)
    key = {"idempotency_key": f"later-{number}"}
    errors = []
    for _ in range(2):
        with pytest.raises(stripe.CardError) as caught:
            charge_later(sandbox, customer, method, metadata={"n": "1"}, options=key)
        errors.append(caught.value)
    first, second = errors
    assert (first.http_status, first.code) == (402, code)
    assert first.error.decline_code == decline_code
    intent = first.error.payment_intent
    assert (intent.status, intent.metadata["n"]) == ("requires_payment_method", "1")
    # What was tried stays, and the same key gives the same answer without another charge.
    assert second.error.payment_intent.id == intent.id
    (charge,) = sandbox.client.v1.charges.list({"payment_intent": intent.id}).data
    assert charge.status == "failed"
    gone = sandbox.client.v1.payment_intents.cancel(intent.id)
    assert gone.status == "canceled"
    with pytest.raises(stripe.InvalidRequestError, match="status of canceled"):
        sandbox.client.v1.payment_intents.cancel(intent.id)


def test_the_card_of_another_customer_cannot_be_charged(fresh: Running) -> None:
    customer, _ = saved_card(fresh)
    _, method = saved_card(fresh)
    with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
        charge_later(fresh, customer, method)
    with pytest.raises(stripe.InvalidRequestError, match="must be attached"):
        fresh.client.v1.customers.update(
            customer, {"invoice_settings": {"default_payment_method": method}}
        )
    assert len(fresh.client.v1.charges.list().data) == 2


@pytest.mark.parametrize("left_out", ["confirm", "off_session", "customer", "payment_method"])
def test_a_later_payment_is_served_only_whole(sandbox: Running, left_out: str) -> None:
    customer, method = saved_card(sandbox)
    with pytest.raises(stripe.InvalidRequestError) as caught:
        charge_later(sandbox, customer, method, **{left_out: ""})
    assert caught.value.param == left_out


# The hosted portal


def open_portal(sandbox: Running, subscription: Any, **more: Any) -> str:
    session = sandbox.client.v1.billing_portal.sessions.create(
        {"customer": subscription.customer, "return_url": "http://portal.test/giving", **more}
    )
    assert session.url.startswith(sandbox.url)
    return session.url.removeprefix(sandbox.url)


def press(sandbox: Running, portal: str, action: str, **typed: str) -> tuple[int, str]:
    card = {"number": "4242 4242 4242 4242", "expiry": "11/41", "cvc": "123"}
    response, page = sandbox.request("POST", portal, urlencode({"action": action} | card | typed))
    return response.status, page


def test_the_portal_shows_what_recurs_and_leads_back(sandbox: Running) -> None:
    subscription = sandbox.subscribe(subscription_data={"description": "Pledge <9>"})
    portal = open_portal(sandbox, subscription, locale="en")
    _, page = sandbox.request("GET", portal)
    end = subscription["items"].data[0].current_period_end
    day = datetime.fromtimestamp(end, UTC).date().isoformat()
    assert heading(page) == "Your recurring payments"
    assert f"USD\u00a050.00 every month; next on {day}" in page
    assert "Pledge &lt;9&gt;" in page
    assert "Visa ending in 4242, expires 12/40" in page
    assert '<a href="http://portal.test/giving">' in page
    assert "<script" not in page


def test_the_portal_stops_at_the_end_keeps_and_stops_now(sandbox: Running) -> None:
    subscription, other = sandbox.subscribe(), sandbox.subscribe()
    portal = open_portal(sandbox, subscription)
    for action, ends in (("cancel_later", True), ("keep", False)):
        assert press(sandbox, portal, action, subscription=subscription.id)[0] == 303
        assert again(sandbox, subscription).cancel_at_period_end is ends
    assert press(sandbox, portal, "cancel_now", subscription=other.id)[0] == 303
    assert again(sandbox, other).status == "active"  # another person's
    assert press(sandbox, portal, "cancel_now", subscription=subscription.id)[0] == 303
    assert again(sandbox, subscription).status == "canceled"
    assert "There is no recurring payment." in sandbox.request("GET", portal)[1]


def test_the_portal_replaces_the_card_and_refuses_one_that_is_declined(fresh: Running) -> None:
    subscription = fresh.subscribe()
    portal = open_portal(fresh, subscription)
    for number, said in (
        ("4000000000000069", "This card has expired."),
        ("4111111111111111", "Enter the number of one of the test cards"),
    ):
        status, page = press(fresh, portal, "card", number=number)
        assert (status, said in page) == (422, True)
    assert "4111111111111111" not in page
    assert again(fresh, subscription).default_payment_method == subscription.default_payment_method

    assert press(fresh, portal, "card", number="5555 5555 5555 4444")[0] == 303

    assert "Mastercard ending in 4444, expires 11/41" in fresh.request("GET", portal)[1]
    customer = fresh.client.v1.customers.retrieve(
        subscription.customer, {"expand": ["invoice_settings.default_payment_method"]}
    )
    method = customer.invoice_settings.default_payment_method
    assert method.card.last4 == "4444"
    assert again(fresh, subscription).default_payment_method == method.id
    assert [kind for kind in fresh.event_types() if kind.startswith("customer.")][-2:] == [
        "customer.updated",
        "customer.subscription.updated",
    ]


def test_the_portal_speaks_three_languages_and_knows_no_other_address(sandbox: Running) -> None:
    subscription = sandbox.subscribe()
    for locale, title in (
        ("fr", "Vos paiements réguliers"),
        ("pt", "Os seus pagamentos regulares"),
    ):
        _, page = sandbox.request("GET", open_portal(sandbox, subscription, locale=locale))
        assert heading(page) == title
        assert re.search(f'<html lang="{locale}">', page)
    for method in ("GET", "POST"):
        assert sandbox.request(method, "/p/session/bps_none", "a=b")[0].status == 404
