"""What the sandbox serves is held to the `stripe` library's classes, then to Stripe's fixtures.

First: the library's own classes parse each object, and every annotation of the class holds, as
deep as the object goes. Second: the fixture that Stripe publishes has no field that ours lacks,
and no field of another kind. Where the two differ the annotation wins, and EXCEPTIONS says so.
"""

import ast
import importlib
import inspect
import json
import sys
from collections.abc import Iterator
from decimal import Decimal
from functools import cache
from pathlib import Path
from typing import Any, ClassVar, Literal, Union, get_args, get_origin, get_type_hints
from urllib.parse import urlencode

import pytest
import stripe
from stripe import ListObject, StripeObject
from stripe._stripe_object import UntypedStripeObject

from tests.sandbox.running import Running, wait_for

FIXTURES = json.loads((Path(__file__).parent / "data/stripe_fixtures.json").read_text())[
    "resources"
]
CLASSES: dict[str, type[StripeObject]] = {
    "balance": stripe.Balance,
    "balance_transaction": stripe.BalanceTransaction,
    "billing_portal.session": stripe.billing_portal.Session,
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "customer": stripe.Customer,
    "dispute": stripe.Dispute,
    "event": stripe.Event,
    "invoice": stripe.Invoice,
    "invoice_payment": stripe.InvoicePayment,
    "item": stripe.LineItem,
    "line_item": stripe.InvoiceLineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "payout": stripe.Payout,
    "price": stripe.Price,
    "refund": stripe.Refund,
    "subscription": stripe.Subscription,
    "subscription_item": stripe.SubscriptionItem,
    "test_helpers.test_clock": stripe.test_helpers.TestClock,
}
EXCEPTIONS = {
    "charge.refunds": "served only when expanded since 2022-11-15; annotated as optional",
    "balance.connect_reserved": "for platforms alone; annotated as optional",
    "charge.payment_method_details.card": "a bank debit's details are under its own name",
    "invoice.subscription": "moved to parent.subscription_details; no longer annotated",
    "payment_method.card": "a bank account's details are under its own name",
}
LIBRARY_FIELDS = {"deleted", "api_key", "stripe_account", "stripe_version"}


@cache
def annotations(cls: type[StripeObject]) -> dict[str, Any]:
    """The fields of a class with their types; names imported for type checkers are resolved."""
    module = sys.modules[cls.__module__]
    names: dict[str, Any] = {}
    for node in ast.walk(ast.parse(inspect.getsource(module))):
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("stripe."):
            source = importlib.import_module(node.module or "")
            names |= {a.asname or a.name: getattr(source, a.name, None) for a in node.names}
    hints = get_type_hints(cls, localns=names)
    return {
        name: hint
        for name, hint in hints.items()
        if not name.startswith("_")
        and name not in LIBRARY_FIELDS
        and get_origin(hint) is not ClassVar
    }


def parsed(raw: dict[str, Any]) -> StripeObject:
    return CLASSES[raw["object"]].construct_from(raw, "sk_test_x")


def faults_of_object(
    raw: dict[str, Any], value: Any, cls: type[StripeObject], path: str
) -> Iterator[str]:
    if not isinstance(value, cls):
        yield f"{path}: parsed as {type(value).__name__}, not {cls.__name__}"
        return
    hints = annotations(cls)
    for name in raw.keys() - hints.keys():
        yield f"{path}.{name}: not annotated"
    for name, hint in hints.items():
        if name in raw:
            yield from faults(raw[name], getattr(value, name), hint, f"{path}.{name}")
        elif type(None) not in get_args(hint):
            yield f"{path}.{name}: missing"


def faults(raw: Any, value: Any, hint: Any, path: str) -> Iterator[str]:
    """Every way in which a value is not what its annotation says."""
    origin, arguments = get_origin(hint), get_args(hint)
    if hint is Any:
        return
    if origin is Union:
        # A union of literals and str means "one of these, or a newer one": ours are not newer.
        literals = any(get_origin(option) is Literal for option in arguments)
        options = [option for option in arguments if not (literals and option is str)]
        found = [list(faults(raw, value, option, path)) for option in options]
        if all(found):
            yield from min(found, key=len)
    elif origin is Literal:
        if raw not in arguments:
            yield f"{path}: {raw!r} is none of {arguments[:4]}"
    elif origin is list:
        if not isinstance(raw, list):
            yield f"{path}: {raw!r} is no list"
            return
        for place, (item, its_value) in enumerate(zip(raw, value, strict=True)):
            yield from faults(item, its_value, arguments[0], f"{path}[{place}]")
    elif origin is ListObject:
        if not isinstance(value, ListObject) or not isinstance(raw["has_more"], bool):
            yield f"{path}: {raw!r} is no list object"
            return
        yield from faults(raw["data"], value.data, list[arguments[0]], f"{path}.data")
    elif origin is UntypedStripeObject or hint is UntypedStripeObject:
        if not isinstance(raw, dict):
            yield f"{path}: {raw!r} is no hash"
        elif arguments and arguments[0] in (str, int):
            for name, item in raw.items():
                yield from faults(item, item, arguments[0], f"{path}.{name}")
    elif inspect.isclass(hint) and issubclass(hint, StripeObject):
        if isinstance(raw, dict):
            yield from faults_of_object(raw, value, hint, path)
        else:
            yield f"{path}: {raw!r} is no {hint.__name__}"
    elif hint is Decimal:
        if not isinstance(raw, str) or not isinstance(value, Decimal):
            yield f"{path}: {raw!r} is no decimal string"
    elif type(raw) is not hint:
        yield f"{path}: {raw!r} is no {hint}"


def differences(raw: Any, fixture: Any, path: str) -> Iterator[str]:
    """Fields that the fixture has and ours lacks, and fields of another kind. Null fits all."""
    if path.endswith(".metadata") or raw is None or fixture is None:
        return
    if isinstance(fixture, str) and isinstance(raw, dict) and "id" in raw:
        return  # an id that was expanded
    if type(raw) is not type(fixture):
        yield path
    elif isinstance(fixture, dict):
        for name, value in fixture.items():
            if name in raw:
                yield from differences(raw[name], value, f"{path}.{name}")
            else:
                yield f"{path}.{name}"
    elif isinstance(fixture, list) and raw and fixture:
        yield from differences(raw[0], fixture[0], path)


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, dict[str, Any]]]:
    """Every kind of object in every state that the sandbox brings it to, as raw JSON, by name."""
    sandbox = Running(tmp_path_factory.mktemp("contract") / "state.sqlite3", "", "--settle-after=1")
    try:
        yield dict(_walk_through(sandbox))
    finally:
        sandbox.stop()


def _walk_through(sandbox: Running) -> Iterator[tuple[str, dict[str, Any]]]:
    path = "/v1/checkout/sessions/"
    bare, full, gone = (
        sandbox.session(),
        sandbox.session(
            customer_email="amina@example.org",
            client_reference_id="42",
            locale="pt",
            submit_type="donate",
            metadata={"payment": "42"},
            adaptive_pricing={"enabled": False},
            payment_intent_data={"description": "Gift 42", "metadata": {"payment": "42"}},
        ),
        sandbox.session(),
    )
    yield "session, open", sandbox.json(path + bare.id)
    yield "session, open, with all options", sandbox.json(path + full.id)
    yield "session, with items", sandbox.json(path + bare.id + "?expand[]=line_items")
    (item,) = sandbox.json(path + bare.id + "/line_items")["data"]
    yield "line item", item
    yield "price", item["price"]
    for session in (full, gone):
        sandbox.pay(session, number="4000000000009995")
    declined = sandbox.json(path + full.id + "?expand[]=payment_intent.latest_charge")
    yield "session, declined", declined
    yield "intent, declined", declined["payment_intent"]
    yield "payment method", declined["payment_intent"]["last_payment_error"]["payment_method"]
    yield "charge, failed", declined["payment_intent"]["latest_charge"]
    sandbox.client.v1.checkout.sessions.expire(gone.id)
    expired = sandbox.json(path + gone.id + "?expand[]=payment_intent")
    yield "session, expired", expired
    yield "intent, cancelled", expired["payment_intent"]
    sandbox.pay(full)
    intent = declined["payment_intent"]["id"]
    yield "session, complete", sandbox.json(path + full.id)
    expand = "?expand[]=latest_charge&expand[]=payment_method"
    paid = sandbox.json(f"/v1/payment_intents/{intent}{expand}")
    yield "intent, paid", paid
    yield "charge, not settled", paid["latest_charge"]
    charge = f"/v1/charges/{paid['latest_charge']['id']}"
    wait_for(lambda: sandbox.json(charge)["balance_transaction"])
    yield "charge, settled", sandbox.json(charge)
    transaction = sandbox.json(charge + "?expand[]=balance_transaction")["balance_transaction"]
    yield "balance transaction", transaction
    yield from _billing(sandbox)
    yield from _debits(sandbox)
    yield from _aftermath(sandbox)
    yield "balance", sandbox.json("/v1/balance")
    for event in _all(sandbox, "/v1/events"):
        yield f"event {event['type']} {event['id']}", event
        yield f"object of {event['type']} {event['id']}", event["data"]["object"]


def _all(sandbox: Running, path: str) -> Iterator[dict[str, Any]]:
    """All objects of a list, page by page."""
    page = sandbox.json(f"{path}?limit=100")
    yield from page["data"]
    while page["has_more"]:
        page = sandbox.json(f"{path}?limit=100&starting_after={page['data'][-1]['id']}")
        yield from page["data"]


def _billing(sandbox: Running) -> Iterator[tuple[str, dict[str, Any]]]:
    """Customers, subscriptions and invoices in their states, a clock, a payment off session."""
    client = sandbox.client.v1
    clock = client.test_helpers.test_clocks.create(
        {"frozen_time": 1_800_000_000, "name": "A clock"}
    )
    yield "clock", sandbox.json(f"/v1/test_helpers/test_clocks/{clock.id}")
    customer = client.customers.create({"email": "amina@example.org", "test_clock": clock.id})
    yield "customer, bare", sandbox.json(f"/v1/customers/{customer.id}")
    waiting = sandbox.subscription_session(customer=customer.id)
    sandbox.pay(waiting, number="4000002500003155")
    (intent,) = sandbox.json(f"/v1/payment_intents?customer={customer.id}")["data"]
    yield "intent, asked by the bank", intent
    sandbox.answer_bank(waiting)
    expand = "?expand[]=customer&expand[]=subscription&expand[]=invoice"
    done = sandbox.json(f"/v1/checkout/sessions/{waiting.id}{expand}")
    yield "session, subscribed", done
    yield "subscription", done["subscription"]
    yield "subscription item", done["subscription"]["items"]["data"][0]
    yield "invoice, paid", done["invoice"]
    yield "invoice line", done["invoice"]["lines"]["data"][0]
    expand = f"?invoice={done['invoice']['id']}&expand[]=data.payment.payment_intent.latest_charge"
    (link,) = sandbox.json(f"/v1/invoice_payments{expand}")["data"]
    yield "invoice payment, paid", link
    yield "intent, of an invoice", link["payment"]["payment_intent"]
    yield "charge, confirmed with the bank", link["payment"]["payment_intent"]["latest_charge"]
    later = done["subscription"]["items"]["data"][0]["current_period_end"]
    client.test_helpers.test_clocks.advance(clock.id, {"frozen_time": later})
    clock_path = f"/v1/test_helpers/test_clocks/{clock.id}"
    wait_for(lambda: sandbox.json(clock_path)["status"] == "ready")

    failing = sandbox.subscribe(typed={"number": "4000002760003184"})
    client.subscriptions.update(failing.id, {"cancel_at_period_end": True})
    client.subscriptions.update(failing.id, {"cancel_at_period_end": False})
    sandbox.control("move_subscription", subscription=failing.id)
    (invoice, _) = sandbox.json(f"/v1/invoices?subscription={failing.id}")["data"]
    yield "invoice, open", invoice
    expand = f"?invoice={invoice['id']}&expand[]=data.payment.payment_intent"
    (link,) = sandbox.json(f"/v1/invoice_payments{expand}")["data"]
    yield "invoice payment, open", link
    yield "intent, failed off session", link["payment"]["payment_intent"]
    client.invoices.void_invoice(invoice["id"])
    yield "invoice, void", sandbox.json(f"/v1/invoices/{invoice['id']}")
    for behavior in ("keep_as_draft", "mark_uncollectible"):
        pause: Any = {"pause_collection": {"behavior": behavior}}
        client.subscriptions.update(failing.id, pause)
        yield f"subscription, {behavior}", sandbox.json(f"/v1/subscriptions/{failing.id}")
        sandbox.control("move_subscription", subscription=failing.id)
    client.subscriptions.cancel(failing.id)
    yield "subscription, cancelled", sandbox.json(f"/v1/subscriptions/{failing.id}")

    portal: Any = {"customer": failing.customer, "return_url": "http://portal.test/giving"}
    session = client.billing_portal.sessions.create(portal)
    yield "portal session", session.to_dict(for_json=True)
    card = urlencode({"action": "card", "number": "4242424242424242", "expiry": "9/41", "cvc": "1"})
    page = session.url.removeprefix(sandbox.url)
    assert sandbox.request("POST", page, card + "23")[0].status == 303
    expand = "?expand[]=invoice_settings.default_payment_method"
    replaced = sandbox.json(f"/v1/customers/{failing.customer}{expand}")
    yield "customer, with a card", replaced
    method = replaced["invoice_settings"]["default_payment_method"]
    yield "payment method, attached", method
    detached = client.payment_methods.detach(method["id"])
    yield "payment method, detached", detached.to_dict(for_json=True)


def _debits(sandbox: Running) -> Iterator[tuple[str, dict[str, Any]]]:
    """A debit of each scheme: on its way, then come, or refused by the bank."""
    schemes = {
        "sepa_debit": ("eur", {"iban": "DE89370400440532013000"}),
        "us_bank_account": ("usd", {"routing": "110000000", "account": "000123456789"}),
        "bacs_debit": ("gbp", {"sort_code": "108800", "account": "00012345"}),
    }
    for scheme, (currency, typed) in schemes.items():
        session = sandbox.session(currency=currency, payment_method_types=["card", scheme])
        sandbox.pay(session, method=scheme, **typed)
        expand = "?expand[]=payment_intent.latest_charge&expand[]=payment_intent.payment_method"
        sent = sandbox.json(f"/v1/checkout/sessions/{session.id}{expand}")
        intent, charge = sent["payment_intent"], sent["payment_intent"]["latest_charge"]
        yield f"session, {scheme} sent", sent
        yield f"intent, {scheme} processing", intent
        yield f"payment method, {scheme}", intent["payment_method"]
        yield f"charge, {scheme} pending", charge
        sandbox.control("finish_debit", charge=charge["id"], failed=scheme == "bacs_debit")
        yield f"intent, {scheme} ended", sandbox.json(f"/v1/payment_intents/{intent['id']}")
        yield f"charge, {scheme} ended", sandbox.json(f"/v1/charges/{charge['id']}")


def _aftermath(sandbox: Running) -> Iterator[tuple[str, dict[str, Any]]]:
    """Refunds, disputes and payouts in their states, and the transactions of each."""
    refunds, control = "/v1/refunds/", sandbox.control
    charge = sandbox.charge()
    made = control("refund", charge=charge.id, amount=100, reason="duplicate")
    yield "refund", sandbox.json(refunds + made["id"])
    control("finish_refund", refund=made["id"], failed=True)
    yield "refund, failed", sandbox.json(refunds + made["id"])
    pending = control("refund", charge=sandbox.charge(number="4000000000007726").id)
    yield "refund, pending", sandbox.json(refunds + pending["id"])
    expand = "?expand[]=charge&expand[]=failure_balance_transaction&expand[]=payment_intent"
    sandbox.client.v1.refunds.cancel(pending["id"])
    yield "refund, cancelled", sandbox.json(refunds + pending["id"] + expand)
    for case_type, decisions in {
        "chargeback": ("under_review", "lost", "appeal", "won"),
        "inquiry": ("under_review", "escalate"),
        "block": (),
    }.items():
        dispute = control("open_dispute", charge=sandbox.charge().id, case_type=case_type)["id"]
        yield f"{case_type}, opened", sandbox.json(f"/v1/disputes/{dispute}")
        for decision in decisions:
            control("decide_dispute", dispute=dispute, decision=decision)
            yield f"{case_type}, {decision}", sandbox.json(f"/v1/disputes/{dispute}")
    control("make_available")
    control("take_fee", amount=100, currency="usd")
    control("settle", charge=sandbox.charge(20_000, number="4000000000000077").id)
    for transaction_of in ("payout_failure", "payout_cancel"):
        given = {"amount": 100, "currency": "usd"}
        payout = sandbox.client.v1.payouts.create(given)
        yield f"payout, before {transaction_of}", sandbox.json(f"/v1/payouts/{payout.id}")
        if transaction_of == "payout_cancel":
            sandbox.client.v1.payouts.cancel(payout.id)
        else:
            control("fail_payout", payout=payout.id)
        yield f"payout, after {transaction_of}", sandbox.json(f"/v1/payouts/{payout.id}")
    payout = control("send_payout", currency="usd")["id"]
    control("arrive_payout", payout=payout)
    yield "payout, paid", sandbox.json(f"/v1/payouts/{payout}?expand[]=balance_transaction")
    for transaction in _all(sandbox, "/v1/balance_transactions"):
        yield f"transaction {transaction['type']} {transaction['id']}", transaction


def test_each_state_is_walked_through(served: dict[str, dict[str, Any]]) -> None:
    assert {thing["object"] for thing in served.values()} == set(CLASSES)
    assert {thing["type"] for thing in served.values() if thing["object"] == "event"} == {
        "charge.dispute.closed",
        "charge.dispute.created",
        "charge.dispute.funds_reinstated",
        "charge.dispute.funds_withdrawn",
        "charge.dispute.updated",
        "charge.failed",
        "charge.pending",
        "charge.refund.updated",
        "charge.refunded",
        "charge.succeeded",
        "charge.updated",
        "checkout.session.async_payment_failed",
        "checkout.session.async_payment_succeeded",
        "checkout.session.completed",
        "checkout.session.expired",
        "customer.created",
        "customer.subscription.created",
        "customer.subscription.deleted",
        "customer.subscription.updated",
        "customer.updated",
        "invoice.created",
        "invoice.finalized",
        "invoice.marked_uncollectible",
        "invoice.paid",
        "invoice.payment_action_required",
        "invoice.payment_failed",
        "invoice.payment_succeeded",
        "invoice.updated",
        "invoice.voided",
        "invoice_payment.paid",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.processing",
        "payment_intent.requires_action",
        "payment_intent.succeeded",
        "payment_method.attached",
        "payment_method.detached",
        "payout.canceled",
        "payout.created",
        "payout.failed",
        "payout.paid",
        "payout.reconciliation_completed",
        "payout.updated",
        "refund.created",
        "refund.failed",
        "refund.updated",
        "test_helpers.test_clock.advancing",
        "test_helpers.test_clock.created",
        "test_helpers.test_clock.ready",
    }
    kinds = {thing["type"] for thing in served.values() if thing["object"] == "balance_transaction"}
    assert kinds >= {
        *("adjustment", "charge", "payout", "payout_cancel", "payout_failure"),
        *("refund", "refund_failure", "stripe_fee"),
    }
    assert served["charge, not settled"]["balance_transaction"] is None
    assert served["session, complete"]["payment_status"] == "paid"


def test_the_librarys_classes_parse_every_object_and_their_annotations_hold(
    served: dict[str, dict[str, Any]],
) -> None:
    wrong = [
        f"{name}: {fault}"
        for name, raw in served.items()
        for fault in faults_of_object(raw, parsed(raw), CLASSES[raw["object"]], raw["object"])
    ]
    assert wrong == []


def test_stripes_fixtures_have_no_field_that_ours_lack_but_for_the_written_exceptions(
    served: dict[str, dict[str, Any]],
) -> None:
    different = {
        difference
        for raw in served.values()
        for difference in differences(raw, FIXTURES[raw["object"]], raw["object"])
        # The fixture of an event happens to hold another kind of object.
        if not difference.startswith("event.data.")
    }
    assert different == set(EXCEPTIONS)


def test_no_private_note_of_the_sandbox_is_served(served: dict[str, dict[str, Any]]) -> None:
    assert not [name for raw in served.values() for name in raw if name.startswith("_")]
    assert "4000000000009995" not in json.dumps(served)
    assert "4242424242424242" not in json.dumps(served)
    assert "0532013000" not in json.dumps(served)


@pytest.mark.parametrize(
    ("change", "fault"),
    [
        ({"status": "done"}, "'done' is none of"),
        ({"created": "1"}, "is no <class 'int'>"),
        ({"invented": 1}, "not annotated"),
        ({"total_details": {"amount_discount": 0, "amount_shipping": 0}}, "amount_tax: missing"),
        ({"metadata": {"a": 1}}, "is no <class 'str'>"),
        ({"livemode": None}, "is no <class 'bool'>"),
    ],
)
def test_the_check_itself_sees_what_is_wrong(
    served: dict[str, dict[str, Any]], change: dict[str, Any], fault: str
) -> None:
    raw = served["session, open"] | change
    found = list(faults_of_object(raw, parsed(raw), stripe.checkout.Session, "session"))
    assert len(found) == 1
    assert fault in found[0]


def test_the_sandbox_speaks_the_version_that_the_library_pins(
    served: dict[str, dict[str, Any]],
) -> None:
    event = next(thing for thing in served.values() if thing["object"] == "event")
    assert event["api_version"] == stripe.api_version
