"""The control page: what the sandbox holds, with a button for what may happen to it next.

control.json holds the forms: by the kind of object, or by the part of the page. `when` says for
which values of an object's fields there is one; an input that is `one of` offers what the verb's
table in endpoints.json allows.
"""

from collections.abc import Callable
from typing import Any

from sandbox import aftermath, chaos
from sandbox.data import load
from sandbox.errors import Json
from sandbox.payments import Sandbox
from sandbox.resources import PARAMETERS
from sandbox.texts import money
from sandbox.web import Html, Reply, page, problem, tag, together

FORMS: Json = load("control.json")
LATEST = 10
# Referrer-Policy no-referrer would make browsers hide the origin that forms are judged by.
HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
}
ABOUT = ("charge", "refund", "dispute", "payout", "subscription", "event")
DECISIONS = {
    "under_review": "Put under review",
    "warning_closed": "Close inquiry",
    "escalate": "Escalate to dispute",
    "appeal_won": "Appeal and win",
}


def show(sandbox: Sandbox, status: int, refusal: str = "") -> Reply:
    """The whole page. Looking at it changes nothing."""
    faults = chaos.state(sandbox.store)
    held = len(sandbox.store.waiting_work("held webhook", 1000))
    mode = tag("strong", faults["webhooks"]["mode"])
    asked = [
        f"{fault['name']} for the next {fault['count']} of {fault['method']} {fault['path']}"
        for fault in faults["faults"]
    ]

    def latest(kind: str, about: Callable[[Json], str], *forms: Html) -> Html:
        found = sandbox.find(kind, limit=LATEST)
        title = "Webhooks and latest events" if kind == "event" else f"Latest {kind}s"
        return _section(title, [_item(thing, about(thing)) for thing in found], *forms)

    return page(
        "Control",
        tag("p", tag("a", "Overview", href="/")),
        tag("h1", "Control"),
        problem("Not done", tag("p", refusal)) if refusal else None,
        latest("charge", _about_charge, *_forms("settlement", faults)),
        latest("refund", lambda refund: refund["status"]),
        latest("dispute", lambda dispute: f"{dispute['reason']}: {dispute['status']}"),
        latest("payout", _about_payout, *_forms("balance", faults)),
        latest("subscription", lambda subscription: subscription["status"]),
        latest(
            "event",
            lambda event: event["type"],
            tag("p", "Mode now: ", mode, f". Held back: {held}."),
            *_forms("webhooks", faults),
        ),
        _section(
            f"API faults (the API is {'down' if faults['down'] else 'up'})",
            [together(each) for each in asked],
            *_forms("api", faults),
        ),
        status=status,
        kind="wide control",
        headers=HEADERS,
    )


def _section(title: str, items: list[Html], *forms: Html) -> Html:
    listed = tag("ul", *(tag("li", item) for item in items)) if items else None
    nothing = None if items or forms else tag("p", "None yet.")
    return tag("section", tag("h2", title), listed, nothing, *forms)


def _item(thing: Json, about: str) -> Html:
    """An object, and a form for each thing that may happen to it."""
    kind, key = thing["object"], thing["id"]
    amount = money(thing["amount"], thing["currency"]) if "amount" in thing else ""
    forms = _decisions(thing) if kind == "dispute" else _forms(kind, thing, key)
    small = tag("small", key, id=key)
    return together(tag("p", tag("b", amount), f" {about} ", small), *forms)


def _about_charge(charge: Json) -> str:
    about = charge["status"] + (", disputed" if charge["disputed"] else "")
    if charge["amount_refunded"]:
        about += f", {money(charge['amount_refunded'], charge['currency'])} refunded"
    return about


def _about_payout(payout: Json) -> str:
    return f"{payout['status']}, reconciliation {payout['reconciliation_status']}"


# Forms


def _forms(part: str, state: Json, key: str = "") -> list[Html]:
    """The forms of a part of the page; with a key, those of an object of that kind."""
    named = {part: key} if key else {}
    return [
        _form(each["verb"], each["label"], named | each.get("hidden", {}), *each.get("inputs", ()))
        for each in FORMS[part]
        if all(state[name] in values for name, values in each.get("when", {}).items())
    ]


def _decisions(dispute: Json) -> list[Html]:
    follows = [name for name, of in aftermath.DECISIONS.items() if dispute["status"] in of]
    follows += ["appeal_won"] if "appeal" in follows else []
    return [
        _form(
            "decide_dispute",
            DECISIONS.get(name, name.capitalize()),
            {"dispute": dispute["id"], "decision": name},
        )
        for name in follows
    ]


def _form(verb: str, label: str, hidden: dict[str, str], *inputs: list[Any]) -> Html:
    """One button, described by the object that it is about, if it is about one."""
    fields = [tag("input", type="hidden", name=name, value=value) for name, value in hidden.items()]
    fields += [_input(verb, *each) for each in inputs]
    # An object's field comes first, and has the name of its kind.
    name = next(iter(hidden), "")
    button = tag("button", label, aria_describedby=hidden[name] if name in ABOUT else None)
    return tag("form", *fields, button, method="post", action=f"/control/{verb}")


def _input(verb: str, name: str, label: str, value: str = "", size: int = 8) -> Html:
    if value != "one of":
        typed = tag("input", name=name, value=value, size=size)
        return tag("label", f"{label} ", typed)
    options = PARAMETERS[f"control {verb}"][name].removeprefix("one of ").partition(" = ")[0]
    listed = (tag("option", option) for option in options.split())
    return tag("label", f"{label} ", tag("select", *listed, name=name))
