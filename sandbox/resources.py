"""The endpoints: what can be created, changed, read and listed."""

import re
from collections.abc import Callable
from dataclasses import dataclass

from sandbox import objects, payments
from sandbox.errors import ApiError, Json, missing, no_such
from sandbox.parameters import LARGEST_AMOUNT, Fields
from sandbox.payments import Sandbox

# Stripe wants these amounts in whole tens or hundreds of their minor unit ("special cases").
COARSE = {"bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10, "isk": 100, "ugx": 100}
LEAST_AMOUNT = 50
LOCALES = ("auto", "en", "en-GB", "fr", "fr-CA", "pt", "pt-BR", "es", "de", "it", "nl")


@dataclass(frozen=True)
class Call:
    """One authorised request, inside a transaction of the store."""

    sandbox: Sandbox
    fields: Fields
    request: Json
    collection: str = ""
    id: str = ""


@dataclass(frozen=True)
class Resource:
    """How a kind of object is named, filtered in lists, expanded; may its metadata change?"""

    kind: str
    filters: tuple[str, ...] = ()
    expandable: tuple[str, ...] = ()
    changeable: bool = False


RESOURCES = {
    "checkout/sessions": Resource(
        "checkout.session", ("payment_intent", "status"), ("payment_intent", "line_items"), True
    ),
    "payment_intents": Resource("payment_intent", (), ("latest_charge", "payment_method"), True),
    "charges": Resource(
        "charge", ("payment_intent",), ("balance_transaction", "payment_intent"), True
    ),
    "balance_transactions": Resource(
        "balance_transaction", ("currency", "source", "type"), ("source",)
    ),
    "events": Resource("event", ("type",)),
}
EXPANDABLE = {resource.kind: resource.expandable for resource in RESOURCES.values()}


# Serving


def served(sandbox: Sandbox, thing: Json) -> Json:
    """An object as the API shows it now: without private notes, with what follows from time."""
    shown = objects.public(thing)
    if thing["object"] == "event":
        shown["pending_webhooks"] = int(sandbox.store.is_waiting("deliver", thing["id"]))
    if thing["object"] == "balance_transaction" and thing["available_on"] <= objects.now():
        shown["status"] = "available"
    return shown


def expanded(sandbox: Sandbox, shown: Json, paths: list[str]) -> Json:
    """Replace ids by objects along dotted paths, as `expand[]` asks."""
    for path in paths:
        if path.count(".") > 3:
            raise ApiError("You cannot expand more than 4 levels of a property", param="expand")
        _expand(sandbox, shown, path.split("."), path)
    return shown


def _expand(sandbox: Sandbox, shown: Json, names: list[str], path: str) -> None:
    name, rest = names[0], names[1:]
    if shown["object"] == "list" and name == "data" and rest:
        for item in shown["data"]:
            _expand(sandbox, item, rest, path)
        return
    if name not in EXPANDABLE.get(shown["object"], ()):
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    if name == "line_items":
        shown[name] = line_items_of(sandbox, shown["id"], 10)
    elif isinstance(shown[name], str):
        shown[name] = served(sandbox, sandbox.store.get(shown[name]) or {})
    if rest and shown[name] is not None:
        _expand(sandbox, shown[name], rest, path)


def _found(call: Call, kind: str) -> Json:
    thing = call.sandbox.store.get(call.id, kind)
    if thing is None:
        raise no_such(kind, call.id, param=kind.rpartition(".")[2])
    return thing


def line_items_of(sandbox: Sandbox, session_id: str, limit: int) -> Json:
    items = (sandbox.store.get(session_id) or {})["_items"]
    return {
        "object": "list",
        "data": items[:limit],
        "has_more": len(items) > limit,
        "url": f"/v1/checkout/sessions/{session_id}/line_items",
    }


# Reading


def retrieve(call: Call) -> Json:
    expand = call.fields.texts("expand")
    call.fields.refuse_unknown()
    thing = _found(call, RESOURCES[call.collection].kind)
    return expanded(call.sandbox, served(call.sandbox, thing), expand)


def _created(fields: Fields) -> list[tuple[str, object]]:
    if isinstance(fields.values.get("created"), str):
        moment = fields.whole("created", least=0, most=10**11)
        return [("gte", moment), ("lte", moment)]
    inner = fields.inner("created")
    bounds = [(name, inner.whole(name, least=0, most=10**11)) for name in inner.values]
    return [(name, moment) for name, moment in bounds if name in ("gt", "gte", "lt", "lte")]


def list_page(call: Call) -> Json:
    resource, fields = RESOURCES[call.collection], call.fields
    limit = fields.whole("limit", least=1, most=100) or 10
    conditions = _created(fields)
    conditions += [(name, value) for name in resource.filters if (value := fields.text(name))]
    for cursor in ("starting_after", "ending_before"):
        if key := fields.text(cursor):
            if call.sandbox.store.get(key, resource.kind) is None:
                raise no_such(resource.kind, key, param=cursor, status=400)
            conditions.append((cursor, key))
    types = fields.texts("types") if resource.kind == "event" else []
    expand = fields.texts("expand")
    fields.refuse_unknown()
    backwards = bool(fields.text("ending_before"))
    things, has_more = call.sandbox.store.page(
        resource.kind, conditions, types=types, limit=limit, backwards=backwards
    )
    page: Json = {
        "object": "list",
        "data": [served(call.sandbox, thing) for thing in things],
        "has_more": has_more,
        "url": f"/v1/{call.collection}",
    }
    return expanded(call.sandbox, page, expand)


def list_line_items(call: Call) -> Json:
    _found(call, "checkout.session")
    limit = call.fields.whole("limit", least=1, most=100) or 10
    expand = call.fields.texts("expand")
    call.fields.refuse_unknown()
    return expanded(call.sandbox, line_items_of(call.sandbox, call.id, limit), expand)


def read_balance(call: Call) -> Json:
    call.fields.refuse_unknown()
    # A sandbox holds what a person clicked together: a page of all of it is small.
    things, _ = call.sandbox.store.page("balance_transaction", (), limit=1_000_000)
    return objects.balance(things)


# Writing


def update(call: Call) -> Json:
    """Metadata is merged into what there is; an empty value removes its key."""
    resource = RESOURCES[call.collection]
    if not resource.changeable:
        raise ApiError(f"{call.collection} cannot be changed.", status=404)
    thing = _found(call, resource.kind)
    expand = call.fields.texts("expand")
    thing["metadata"] = _kept(thing["metadata"] | call.fields.metadata())
    call.fields.refuse_unknown()
    call.sandbox.store.put(thing)
    return expanded(call.sandbox, served(call.sandbox, thing), expand)


def create_session(call: Call) -> Json:
    """A checkout session in payment mode; its hosted page is at `url`."""
    fields, store, moment = call.fields, call.sandbox.store, objects.now()
    if fields.choice("mode", ("payment", "setup", "subscription")) != "payment":
        raise ApiError("This sandbox serves mode=payment.", param="mode")
    fields.choice("ui_mode", ("hosted_page",))
    if set(fields.texts("payment_method_types")) - {"card"}:
        raise ApiError("This sandbox serves cards alone.", param="payment_method_types")
    expires_at = fields.whole("expires_at", least=moment + 1790, most=moment + objects.DAY + 10)
    email = fields.text("customer_email", longest=800)
    given: Json = {
        "adaptive_pricing": {"enabled": fields.inner("adaptive_pricing").flag("enabled", True)},
        "billing_address_collection": fields.choice(
            "billing_address_collection", ("auto", "required")
        ),
        "cancel_url": fields.url("cancel_url"),
        "client_reference_id": fields.text("client_reference_id", longest=200),
        "customer_details": objects.customer_details(email, None) if email else None,
        "customer_email": email,
        "expires_at": expires_at or moment + objects.DAY,
        "locale": fields.choice("locale", LOCALES),
        "metadata": _kept(fields.metadata()),
        "submit_type": fields.choice("submit_type", ("auto", "book", "donate", "pay")),
        "success_url": fields.url("success_url", required=True),
    }
    intent = _intent_data(fields.inner("payment_intent_data"))
    items = _line_items(fields.many("line_items"))
    expand = fields.texts("expand")
    fields.refuse_unknown()
    base_url = call.sandbox.settings.base_url
    session = store.put(objects.checkout_session(base_url, items, given, intent))
    store.add_work("expire", session["id"], session["expires_at"])
    return expanded(call.sandbox, served(call.sandbox, session), expand)


def _kept(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if value}


def _intent_data(fields: Fields) -> Json:
    given = {
        "description": fields.text("description", longest=1000),
        "receipt_email": fields.text("receipt_email", longest=800),
        "setup_future_usage": fields.choice("setup_future_usage", ("off_session", "on_session")),
        "statement_descriptor": fields.text("statement_descriptor", longest=22),
        "statement_descriptor_suffix": fields.text("statement_descriptor_suffix", longest=22),
    }
    return given | {"metadata": _kept(fields.metadata())}


def _line_items(asked: list[Fields]) -> list[Json]:
    items = []
    for fields in asked:
        data = fields.inner("price_data")
        about = data.inner("product_data")
        about.text("description")
        currency = data.text("currency", required=True, longest=3).lower()
        if not re.fullmatch("[a-z]{3}", currency):
            raise ApiError(f"Invalid currency: {currency}.", param=data.name("currency"))
        amount = data.whole("unit_amount", least=0, most=LARGEST_AMOUNT, required=True)
        quantity = fields.whole("quantity", least=1, most=999_999, required=True)
        name = about.text("name", required=True, longest=250)
        items.append(objects.line_item(currency, amount, quantity, name))
    if not items:
        raise missing("line_items")
    if len({item["currency"] for item in items}) > 1:
        raise ApiError("All prices in one session must have the same currency.", param="line_items")
    _check_total(items[0]["currency"], sum(item["amount_total"] for item in items))
    return items


def _check_total(currency: str, total: int) -> None:
    about = "The Checkout Session's total amount must be"
    if total < LEAST_AMOUNT:
        raise ApiError(f"{about} at least {LEAST_AMOUNT}.", code="amount_too_small")
    if total > LARGEST_AMOUNT:
        raise ApiError(f"{about} no more than {LARGEST_AMOUNT}.", code="amount_too_large")
    if total % COARSE.get(currency, 1):
        raise ApiError(
            f"{about} evenly divisible by {COARSE[currency]} in {currency.upper()}. "
            "See https://docs.stripe.com/currencies#special-cases.",
            code="invalid_charge_amount",
        )


def expire_session(call: Call) -> Json:
    session = _found(call, "checkout.session")
    expand = call.fields.texts("expand")
    call.fields.refuse_unknown()
    if session["status"] != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
    payments.expire(call.sandbox, session, call.request)
    return expanded(call.sandbox, served(call.sandbox, session), expand)


COLLECTION = f"/v1/(?P<collection>{'|'.join(RESOURCES)})"
ONE = COLLECTION + r"/(?P<id>[A-Za-z0-9_-]+)"
SESSION = r"/v1/checkout/sessions/(?P<id>[A-Za-z0-9_-]+)"
ROUTES: tuple[tuple[str, str, Callable[[Call], Json]], ...] = (
    ("POST", r"/v1/checkout/sessions", create_session),
    ("POST", SESSION + "/expire", expire_session),
    ("GET", SESSION + "/line_items", list_line_items),
    ("GET", r"/v1/balance", read_balance),
    ("GET", COLLECTION, list_page),
    ("GET", ONE, retrieve),
    ("POST", ONE, update),
)
