"""The endpoints: what can be created, changed, read and listed."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandbox import chaos, objects, payments, payouts
from sandbox.errors import ApiError, Json, no_such
from sandbox.parameters import Fields
from sandbox.payments import Sandbox


@dataclass(frozen=True)
class Call:
    """One authorised request, inside a transaction of the store."""

    sandbox: Sandbox
    fields: Fields
    request: Json
    collection: str = ""
    id: str = ""


Endpoint = tuple[str, str, Callable[[Call], Json]]


@dataclass(frozen=True)
class Resource:
    """How a kind of object is named, filtered in lists, expanded; may its metadata change?

    `event` is what a change of metadata is told by. Dots lead into an object, in filters as in
    what is expandable; `places` says where the value of a filter stands, if not at its own name.
    """

    kind: str
    filters: tuple[str, ...] = ()
    expandable: tuple[str, ...] = ()
    changeable: bool = False
    event: str = ""
    places: dict[str, str] = field(default_factory=dict)


RESOURCES = {
    "checkout/sessions": Resource(
        "checkout.session",
        ("customer", "payment_intent", "status", "subscription"),
        ("customer", "invoice", "line_items", "payment_intent", "subscription"),
        True,
    ),
    "payment_intents": Resource(
        "payment_intent", ("customer",), ("customer", "latest_charge", "payment_method"), True
    ),
    "charges": Resource(
        "charge",
        ("customer", "payment_intent"),
        ("balance_transaction", "customer", "payment_intent"),
        True,
    ),
    "customers": Resource(
        "customer", ("email",), ("invoice_settings.default_payment_method", "test_clock")
    ),
    "payment_methods": Resource(
        "payment_method", ("customer", "type"), ("customer",), True, "payment_method.updated"
    ),
    "subscriptions": Resource(
        "subscription",
        ("customer",),
        ("customer", "default_payment_method", "latest_invoice", "test_clock"),
    ),
    "invoices": Resource(
        "invoice",
        ("customer", "status", "subscription"),
        ("customer", "default_payment_method", "parent.subscription_details.subscription"),
        True,
        "invoice.updated",
        {"subscription": "parent.subscription_details.subscription"},
    ),
    "invoice_payments": Resource(
        "invoice_payment",
        ("invoice", "payment.payment_intent", "payment.type", "status"),
        ("invoice", "payment.payment_intent"),
    ),
    "test_helpers/test_clocks": Resource("test_helpers.test_clock"),
    "balance_transactions": Resource(
        "balance_transaction", ("currency", "source", "type"), ("source",)
    ),
    "events": Resource("event", ("type",)),
    "refunds": Resource(
        "refund",
        ("charge", "payment_intent"),
        ("balance_transaction", "charge", "failure_balance_transaction", "payment_intent"),
        True,
        "refund.updated",
    ),
    "disputes": Resource("dispute", ("charge", "payment_intent"), ("charge", "payment_intent")),
    "payouts": Resource(
        "payout",
        ("status",),
        ("balance_transaction", "failure_balance_transaction"),
        True,
        "payout.updated",
    ),
}
EXPANDABLE = {resource.kind: resource.expandable for resource in RESOURCES.values()}


# Serving


def served(sandbox: Sandbox, thing: Json) -> Json:
    """An object as the API shows it now: without private notes, with what follows from time."""
    shown = objects.public(thing)
    if thing["object"] == "event":
        shown["pending_webhooks"] = int(chaos.webhook_waits(sandbox.store, thing["id"]))
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
    if shown["object"] == "list" and names[0] == "data" and names[1:]:
        for item in shown["data"]:
            _expand(sandbox, item, names[1:], path)
        return
    expandable = EXPANDABLE.get(shown["object"], ())
    deep = next((n for n in range(1, len(names) + 1) if ".".join(names[:n]) in expandable), 0)
    if not deep:
        raise ApiError(f"This property cannot be expanded ({path}).", param="expand")
    for outer in names[: deep - 1]:
        shown = shown[outer]
    name, rest = names[deep - 1], names[deep:]
    if name == "line_items":
        shown[name] = line_items_of(sandbox, shown["id"], 10)
    elif isinstance(shown.get(name), str):
        shown[name] = served(sandbox, sandbox.store.get(shown[name]) or {})
    if rest and shown.get(name) is not None:
        _expand(sandbox, shown[name], rest, path)


def checked(call: Call) -> Callable[[Json], Json]:
    """Refuse what nobody read. Returns how to answer with an object, expanded as was asked."""
    expand = call.fields.texts("expand")
    call.fields.refuse_unknown()
    return lambda thing: expanded(call.sandbox, served(call.sandbox, thing), expand)


def found(call: Call, kind: str) -> Json:
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
    answer = checked(call)
    return answer(found(call, RESOURCES[call.collection].kind))


def _created(fields: Fields) -> list[tuple[str, object]]:
    if isinstance(fields.values.get("created"), str):
        moment = fields.whole("created", least=0, most=10**11)
        return [("gte", moment), ("lte", moment)]
    inner = fields.inner("created")
    bounds = [(name, inner.whole(name, least=0, most=10**11)) for name in inner.values]
    return [(name, moment) for name, moment in bounds if name in ("gt", "gte", "lt", "lte")]


def _filter(fields: Fields, name: str) -> str | None:
    *outer, last = name.split(".")
    for part in outer:
        fields = fields.inner(part)
    return fields.text(last)


def list_page(call: Call, also: Sequence[tuple[str, object]] = ()) -> Json:
    """A page of a collection: of what the filters ask for, and of what `also` does."""
    resource, fields = RESOURCES[call.collection], call.fields
    limit = fields.whole("limit", least=1, most=100) or 10
    conditions = [*also, *_created(fields)]
    conditions += [
        (resource.places.get(name, name), value)
        for name in resource.filters
        if (value := _filter(fields, name))
    ]
    for cursor in ("starting_after", "ending_before"):
        if key := fields.text(cursor):
            if call.sandbox.store.get(key, resource.kind) is None:
                raise no_such(resource.kind, key, param=cursor, status=400)
            conditions.append((cursor, key))
    if resource.kind == "balance_transaction" and (payout := fields.text("payout")):
        conditions += payouts.parts_of(call.sandbox, payout)
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
    found(call, "checkout.session")
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
    thing = found(call, resource.kind)
    expand = call.fields.texts("expand")
    previous = {"metadata": thing["metadata"]}
    thing["metadata"] = kept(thing["metadata"] | call.fields.metadata())
    call.fields.refuse_unknown()
    call.sandbox.store.put(thing)
    if resource.event:
        payments.emit(call.sandbox, resource.event, thing, previous=previous, request=call.request)
    return expanded(call.sandbox, served(call.sandbox, thing), expand)


def kept(metadata: dict[str, str]) -> dict[str, str]:
    return {key: value for key, value in metadata.items() if value}


COLLECTION = f"/v1/(?P<collection>{'|'.join(RESOURCES)})"
ONE = COLLECTION + r"/(?P<id>[A-Za-z0-9_-]+)"
ROUTES: tuple[Endpoint, ...] = (
    ("GET", r"/v1/checkout/sessions/(?P<id>[A-Za-z0-9_-]+)/line_items", list_line_items),
    ("GET", r"/v1/balance", read_balance),
    ("GET", COLLECTION, list_page),
    ("GET", ONE, retrieve),
    ("POST", ONE, update),
)
