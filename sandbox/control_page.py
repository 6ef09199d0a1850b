"""The control page: what the sandbox holds, with a button for what may happen to it next."""

from html import escape

from sandbox import aftermath, chaos, payouts, webhooks
from sandbox.aftermath_objects import FAILED_PAYOUTS
from sandbox.checkout_page import document
from sandbox.errors import Json
from sandbox.payments import Sandbox
from sandbox.texts import money

LATEST = 10
# Referrer-Policy no-referrer would make browsers hide the origin that forms are judged by.
HEADERS = {
    "Content-Type": "text/html; charset=utf-8",
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'self'; "
        "frame-ancestors 'none'"
    ),
    "Referrer-Policy": "same-origin",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


def show(sandbox: Sandbox, problem: str = "") -> str:
    """The whole page. Looking at it changes nothing."""
    said = (
        f'<div class="problem" role="alert"><h2>Not done</h2><p>{escape(problem)}</p></div>'
        if problem
        else ""
    )
    parts = (
        _charges(sandbox),
        _refunds(sandbox),
        _disputes(sandbox),
        _payouts(sandbox),
        _subscriptions(sandbox),
        _webhooks(sandbox),
        _api(sandbox),
    )
    return document(
        "Control",
        f'<p><a href="/">Overview</a></p>\n<h1>Control</h1>\n{said}{"".join(parts)}',
        kind="wide control",
    )


# Pieces


def _form(verb: str, label: str, fields: str = "", *, of: Json | None = None, **hidden: str) -> str:
    """One button, of one object where it is given: its kind is the name of the verb's field."""
    described = ""
    if of is not None:
        hidden[of["object"]] = of["id"]
        described = f' aria-describedby="{of["id"]}"'
    inputs = "".join(
        f'<input type="hidden" name="{name}" value="{escape(value)}">'
        for name, value in hidden.items()
    )
    return (
        f'<form method="post" action="/control/{verb}">{inputs}{fields}'
        f"<button{described}>{escape(label)}</button></form>"
    )


def _input(name: str, label: str, value: str = "", size: int = 8) -> str:
    return f'<label>{label} <input name="{name}" value="{escape(value)}" size="{size}"></label>'


def _select(name: str, label: str, options: tuple[str, ...]) -> str:
    listed = "".join(f"<option>{option}</option>" for option in options)
    return f'<label>{label} <select name="{name}">{listed}</select></label>'


def _section(title: str, items: list[str], forms: list[str] | None = None) -> str:
    rows = "".join(f"<li>{item}</li>" for item in items)
    listed = f"<ul>{rows}</ul>" if rows else "" if forms else "<p>None yet.</p>"
    return f"<section><h2>{title}</h2>{listed}{''.join(forms or [])}</section>"


def _item(thing: Json, about: str, forms: list[str]) -> str:
    amount = money(thing["amount"], thing["currency"], "en") if "amount" in thing else ""
    key = f'<small id="{thing["id"]}">{thing["id"]}</small>'
    return f"<p><b>{escape(amount)}</b> {escape(about)} {key}</p>{''.join(forms)}"


def _latest(sandbox: Sandbox, kind: str) -> list[Json]:
    return sandbox.store.page(kind, (), limit=LATEST)[0]


# Sections


def _charges(sandbox: Sandbox) -> str:
    items = []
    for charge in _latest(sandbox, "charge"):
        forms = []
        about = charge["status"] + (", disputed" if charge["disputed"] else "")
        if charge["amount_refunded"]:
            refunded = money(charge["amount_refunded"], charge["currency"], "en")
            about += f", {refunded} refunded"
        if charge["paid"] and not charge["refunded"]:
            amount = _input("amount", "Minor units (all: empty)")
            forms.append(_form("refund", "Refund", amount, of=charge))
            forms += [
                _form("open_dispute", "Open dispute", of=charge, case_type="chargeback"),
                _form("open_dispute", "Open inquiry", of=charge, case_type="inquiry"),
            ]
        if charge["status"] == "pending":
            forms += [
                _form("finish_debit", "Debit succeeds", of=charge),
                _form("finish_debit", "Debit fails", of=charge, failed="true"),
            ]
        if charge["paid"] and charge["balance_transaction"] is None:
            forms.append(_form("settle", "Settle now", of=charge))
        items.append(_item(charge, about, forms))
    held = chaos.state(sandbox.store)["settlement_held"]
    switch = (
        _form("hold_settlement", "Stop holding settlement", held="false")
        if held
        else _form("hold_settlement", "Hold settlement of new charges", held="true")
    )
    return _section("Latest charges", items, [switch])


def _refunds(sandbox: Sandbox) -> str:
    items = []
    for refund in _latest(sandbox, "refund"):
        forms = []
        if refund["status"] == "pending":
            forms.append(_form("finish_refund", "Succeed", of=refund))
        if refund["status"] in ("pending", "succeeded"):
            forms.append(_form("finish_refund", "Fail", of=refund, failed="true"))
        items.append(_item(refund, refund["status"], forms))
    return _section("Latest refunds", items)


def _disputes(sandbox: Sandbox) -> str:
    words = {
        "under_review": "Put under review",
        "warning_closed": "Close inquiry",
        "escalate": "Escalate to dispute",
        "appeal": "Appeal",
        "appeal_won": "Appeal and win",
    }
    items = []
    for dispute in _latest(sandbox, "dispute"):
        follows = [
            decision
            for decision, statuses in aftermath.DECISIONS.items()
            if dispute["status"] in statuses
        ]
        follows += ["appeal_won"] if "appeal" in follows else []
        forms = [
            _form(
                "decide_dispute",
                words.get(decision, decision.capitalize()),
                of=dispute,
                decision=decision,
            )
            for decision in follows
        ]
        items.append(_item(dispute, f"{dispute['reason']}: {dispute['status']}", forms))
    return _section("Latest disputes", items)


def _payouts(sandbox: Sandbox) -> str:
    items = []
    for payout in _latest(sandbox, "payout"):
        forms = []
        if payout["status"] in payouts.NEXT:
            forms.append(_form("arrive_payout", "Mark paid", of=payout))
        if payout["status"] in (*payouts.NEXT, "paid"):
            codes = _select("code", "Code", tuple(FAILED_PAYOUTS))
            forms.append(_form("fail_payout", "Fail", codes, of=payout))
        about = f"{payout['status']}, reconciliation {payout['reconciliation_status']}"
        items.append(_item(payout, about, forms))
    currency = _input("currency", "Currency", "usd", 4)
    forms = [
        _form("make_available", "Make all pending money available"),
        _form("send_payout", "Send automatic payout", currency),
        _form("take_fee", "Take a fee of the account", _input("amount", "Minor units") + currency),
    ]
    return _section("Latest payouts", items, forms)


def _subscriptions(sandbox: Sandbox) -> str:
    items = [
        _item(
            thing,
            thing["status"],
            [_form("move_subscription", "Move on one period", of=thing)],
        )
        for thing in _latest(sandbox, "subscription")
    ]
    return _section("Latest subscriptions", items)


def _webhooks(sandbox: Sandbox) -> str:
    asked = chaos.state(sandbox.store)["webhooks"]
    items = []
    for event in _latest(sandbox, "event"):
        forms = [_form("deliver", "Deliver again", of=event)]
        faults = _select("fault", "Fault", webhooks.FAULTS)
        forms.append(_form("deliver", "Deliver spoilt", faults, of=event))
        items.append(_item(event, event["type"], forms))
    held = len(sandbox.store.waiting_work("held webhook", 1000))
    mode = (
        _select("mode", "Mode", chaos.WEBHOOK_MODES)
        + _input("count", "Drop how many", "1", 4)
        + _input("type", "Drop only type (or empty)", size=24)
        + _input("seconds", "Delay in seconds", "0", 4)
    )
    forms = [
        f"<p>Mode now: <strong>{asked['mode']}</strong>. Held back: {held}.</p>",
        _form("webhooks", "Set", mode),
        _form("release_webhooks", "Release in order"),
        _form("release_webhooks", "Release backwards", backwards="true"),
    ]
    return _section("Webhooks and latest events", items, forms)


def _api(sandbox: Sandbox) -> str:
    asked = chaos.state(sandbox.store)
    items = [
        escape(
            f"{fault['name']} for the next {fault['count']} of {fault['method']} {fault['path']}"
        )
        for fault in asked["faults"]
    ]
    fields = (
        _select("answer", "Answer", chaos.ANSWERS)
        + _input("calls", "Calls", "POST /v1/checkout/sessions", 28)
        + _input("count", "How many", "1", 4)
        + _input("seconds", "Seconds until cut", "0", 4)
    )
    forms = [
        _form("api_fault", "Set", fields),
        _form("api_down", "Switch on", down="false")
        if asked["down"]
        else _form("api_down", "Switch off", down="true"),
        _form("end_faults", "End all faults"),
    ]
    state = "down" if asked["down"] else "up"
    return _section(f"API faults (the API is {state})", items, forms)
