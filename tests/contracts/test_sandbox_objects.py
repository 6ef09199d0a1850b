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
    "charge": stripe.Charge,
    "checkout.session": stripe.checkout.Session,
    "event": stripe.Event,
    "item": stripe.LineItem,
    "payment_intent": stripe.PaymentIntent,
    "payment_method": stripe.PaymentMethod,
    "price": stripe.Price,
}
EXCEPTIONS = {
    "charge.refunds": "served only when expanded since 2022-11-15; annotated as optional",
    "balance.connect_reserved": "for platforms alone; annotated as optional",
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
    yield "balance", sandbox.json("/v1/balance")
    for event in sandbox.json("/v1/events?limit=100")["data"]:
        yield f"event {event['type']} {event['id']}", event
        yield f"object of {event['type']} {event['id']}", event["data"]["object"]


def test_each_state_is_walked_through(served: dict[str, dict[str, Any]]) -> None:
    assert {thing["object"] for thing in served.values()} == set(CLASSES)
    assert {thing["type"] for thing in served.values() if thing["object"] == "event"} == {
        "charge.failed",
        "charge.succeeded",
        "charge.updated",
        "checkout.session.completed",
        "checkout.session.expired",
        "payment_intent.canceled",
        "payment_intent.created",
        "payment_intent.payment_failed",
        "payment_intent.succeeded",
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
