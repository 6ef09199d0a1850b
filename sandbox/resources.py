"""What every endpoint shares, and what every collection has: reading, listing, metadata.

endpoints.json holds the collections, and the table of each endpoint's parameters.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial

from sandbox import chaos, objects, payouts
from sandbox.data import load
from sandbox.errors import ApiError, Json
from sandbox.parameters import existing, kept, read
from sandbox.payments import Sandbox


@dataclass(frozen=True)
class Call:
    """One authorised request, inside a transaction of the store.

    `thing` is what its path names by an id. `given` are its parameters as the endpoint's table
    reads them, `sent` as they came.
    """

    sandbox: Sandbox
    thing: Json
    given: Json
    sent: Json


@dataclass(frozen=True)
class Collection:
    """How a kind of object is named, filtered in lists, expanded; may its metadata change?

    `event` is what a change of metadata is told by. Dots lead into an object, in filters as in
    what is expandable; `places` says where the value of a filter stands, if not at its own name.
    """

    path: str
    kind: str
    filters: list[str] = field(default_factory=list)
    expandable: list[str] = field(default_factory=list)
    changeable: bool = False
    event: str = ""
    places: dict[str, str] = field(default_factory=dict)


Endpoint = Callable[[Call], Json]
DATA: Json = load("endpoints.json")
COLLECTIONS = {path: Collection(path, **given) for path, given in DATA["collections"].items()}
EXPANDABLE = {each.kind: each.expandable for each in COLLECTIONS.values()}
PARAMETERS: Json = DATA["parameters"]
# By method and path, as "POST /v1/refunds/{id}/cancel"; each module adds its own.
ENDPOINTS: dict[str, Endpoint] = {}


def endpoint(route: str) -> Callable[[Endpoint], Endpoint]:
    """Let a function answer a route."""

    def add(function: Endpoint) -> Endpoint:
        ENDPOINTS[route] = function
        return function

    return add


def serve(sandbox: Sandbox, route: str, sent: Json, key: str = "") -> Json:
    """What a call is answered with. Raises ApiError; then its transaction is to be undone."""
    table = PARAMETERS.get(route, {})
    if isinstance(table, str):  # it takes the same as another route
        table = PARAMETERS[table]
    named = re.match(r"\w+ /v1/(.+?)/\{id\}", route)
    kind = COLLECTIONS[named[1]].kind if named else ""
    thing = existing(sandbox.get, key, kind.rpartition(".")[2], kind, "404") if kind else {}
    given = read(sent, table | {"expand": "texts"}, sandbox.get)
    expand = given.pop("expand")
    answer = ENDPOINTS[route](Call(sandbox, thing, given, sent))
    return expanded(sandbox, served(sandbox, answer), expand)


def act(action: Callable[[Sandbox, Json], object], name: str = "") -> Endpoint:
    """The endpoint that does something to what the path names, or to what a parameter does."""

    def endpoint(call: Call) -> Json:
        thing = call.given[name] if name else call.thing
        action(call.sandbox, thing)
        return call.sandbox.known(thing["id"])

    return endpoint


# Serving


def served(sandbox: Sandbox, thing: Json) -> Json:
    """An object as the API shows it now: without private notes, with what follows from time."""
    shown = objects.public(thing)
    kind = thing.get("object")
    if kind == "event":
        shown["pending_webhooks"] = int(chaos.webhook_waits(sandbox.store, thing["id"]))
    if kind == "balance_transaction" and thing["available_on"] <= objects.now():
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
        shown[name] = line_items_of(sandbox.known(shown["id"]), 10)
    elif isinstance(shown.get(name), str):
        shown[name] = served(sandbox, sandbox.known(shown[name]))
    if rest and shown.get(name) is not None:
        _expand(sandbox, shown[name], rest, path)


def line_items_of(session: Json, limit: int) -> Json:
    items, url = session["_items"], f"/v1/checkout/sessions/{session['id']}/line_items"
    return objects.listed(items[:limit], url, has_more=len(items) > limit)


# Reading


def retrieve(collection: Collection, call: Call) -> Json:
    return call.thing


def list_page(collection: Collection, call: Call, *also: tuple[str, object]) -> Json:
    """A page of a collection: of what the filters ask for, and of what `also` does."""
    given, kind = call.given, collection.kind
    conditions = [*also, *given["created"]]
    for name in collection.filters:
        value = given
        for part in name.split("."):
            value = value[part]
        if value:
            conditions.append((collection.places.get(name, name), value))
    for cursor in ("starting_after", "ending_before"):
        if key := given[cursor]:
            existing(call.sandbox.get, key, cursor, kind)
            conditions.append((cursor, key))
    if payout := given.get("payout"):
        conditions.append(payouts.parts_of(call.sandbox, payout))
    things, has_more = call.sandbox.store.page(
        kind,
        conditions,
        types=given.get("types", ()),
        limit=given["limit"],
        backwards=bool(given["ending_before"]),
    )
    shown = [served(call.sandbox, thing) for thing in things]
    return objects.listed(shown, f"/v1/{collection.path}", has_more=has_more)


def _filters(collection: Collection) -> Json:
    """The parameters of every list."""
    table: Json = {"created": "times", "limit": "whole 1 100 = 10"}
    for name in (*collection.filters, "starting_after", "ending_before"):
        *outer, last = name.split(".")
        inner = table
        for part in outer:
            inner = inner.setdefault(part, {})
        inner[last] = "text"
    return table


@endpoint("GET /v1/checkout/sessions/{id}/line_items")
def list_line_items(call: Call) -> Json:
    return line_items_of(call.thing, call.given["limit"])


@endpoint("GET /v1/balance")
def read_balance(call: Call) -> Json:
    return objects.balance(call.sandbox.find("balance_transaction"))


# Writing


def update(collection: Collection, call: Call) -> Json:
    """Metadata is merged into what there is; an empty value removes its key."""
    kinds = [collection.event] if collection.event else []
    call.sandbox.write(call.thing, merged(call), *kinds)
    return call.thing


def merged(call: Call) -> Json:
    return {"metadata": kept(call.thing["metadata"] | call.given["metadata"])}


def _refuse(collection: Collection, call: Call) -> Json:
    raise ApiError(f"{collection.path} cannot be changed.", status=404)


for path, collection in COLLECTIONS.items():
    ENDPOINTS[f"GET /v1/{path}"] = partial(list_page, collection)
    PARAMETERS.setdefault(f"GET /v1/{path}", {}).update(_filters(collection))
    ENDPOINTS[f"GET /v1/{path}/{{id}}"] = partial(retrieve, collection)
    change = update if collection.changeable else _refuse
    ENDPOINTS[f"POST /v1/{path}/{{id}}"] = partial(change, collection)
    PARAMETERS.setdefault(f"POST /v1/{path}/{{id}}", {"metadata": "metadata"})
