"""What a person or a test does to the sandbox from outside: the control page and its JSON twin.

Stripe has nothing like it. A verb takes named fields, as a form or as JSON, and answers with the
object that it made or changed.
"""

import hmac
import json
import re
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from urllib.parse import parse_qsl, urlsplit

from sandbox import (
    aftermath,
    aftermath_endpoints,
    billing,
    chaos,
    checkout,
    control_page,
    payments,
    payouts,
    webhooks,
)
from sandbox.aftermath_objects import FAILED_PAYOUTS
from sandbox.errors import ApiError, Json, no_such
from sandbox.objects import public
from sandbox.parameters import LARGEST_AMOUNT, Fields
from sandbox.payments import NO_REQUEST, Sandbox
from sandbox.resources import Call

REASONS = (
    *("credit_not_processed", "debit_not_authorized", "duplicate", "fraudulent", "general"),
    *("product_not_received", "product_unacceptable", "subscription_canceled", "unrecognized"),
)


@dataclass(frozen=True)
class Asked:
    method: str
    path: str
    headers: Message
    body: bytes


@dataclass(frozen=True)
class Reply:
    status: int
    body: bytes
    headers: dict[str, str]


# The verbs


def _named(call: Call, kind: str) -> Json:
    key = call.fields.text(kind, required=True)
    thing = call.sandbox.store.get(key, kind)
    if thing is None:
        raise no_such(kind, key, param=kind)
    return thing


def finish_refund(call: Call) -> Json:
    refund, failed = _named(call, "refund"), call.fields.flag("failed", default=False)
    (aftermath.fail_refund if failed else aftermath.succeed_refund)(call.sandbox, refund)
    return refund


def open_dispute(call: Call) -> Json:
    fields, charge = call.fields, aftermath_endpoints.charge_named(call)
    reason = fields.choice("reason", REASONS) or "fraudulent"
    case_type = fields.choice("case_type", ("chargeback", "inquiry", "block")) or "chargeback"
    amount = fields.whole("amount", least=1, most=LARGEST_AMOUNT)
    return aftermath.open_dispute(
        call.sandbox, charge, reason=reason, case_type=case_type, amount=amount
    )


def decide_dispute(call: Call) -> Json:
    dispute = _named(call, "dispute")
    decision = call.fields.text("decision", required=True)
    call.fields.choice("decision", (*aftermath.DECISIONS, "appeal_won"))
    # An appeal that is won at once is two decisions, and two sets of events.
    for each in ("appeal", "won") if decision == "appeal_won" else (decision,):
        aftermath.decide(call.sandbox, dispute, each)
    return dispute


def send_payout(call: Call) -> Json:
    currency = call.fields.text("currency", required=True, longest=3).lower()
    return payouts.send_everything(call.sandbox, currency)


def move_payout(call: Call) -> Json:
    payout = _named(call, "payout")
    if not payouts.move(call.sandbox, payout):
        raise ApiError(f"Payout {payout['id']} is {payout['status']}: there is no next step.")
    return payout


def arrive_payout(call: Call) -> Json:
    payout = _named(call, "payout")
    payouts.arrive(call.sandbox, payout)
    return payout


def fail_payout(call: Call) -> Json:
    payout = _named(call, "payout")
    code = call.fields.choice("code", tuple(FAILED_PAYOUTS)) or "account_closed"
    payouts.fail(call.sandbox, payout, code)
    return payout


def make_available(call: Call) -> Json:
    return {"made_available": payouts.make_available(call.sandbox)}


def take_fee(call: Call) -> Json:
    fields = call.fields
    amount = fields.whole("amount", least=1, most=LARGEST_AMOUNT, required=True)
    currency = fields.text("currency", required=True, longest=3).lower()
    description = fields.text("description") or "Stripe fee"
    return payouts.take_fee(call.sandbox, amount, currency, description)


def hold_settlement(call: Call) -> Json:
    held = call.fields.flag("held", default=True)
    chaos.hold_settlement(call.sandbox.store, held=held)
    return chaos.state(call.sandbox.store)


def settle(call: Call) -> Json:
    charge = aftermath_endpoints.charge_named(call)
    if not charge["paid"]:
        raise ApiError(f"Charge {charge['id']} has not succeeded; there is nothing to settle.")
    payments.settle(call.sandbox, charge["id"])
    return call.sandbox.store.get(charge["id"]) or {}


def finish_debit(call: Call) -> Json:
    """The bank answers to a debit now."""
    charge = aftermath_endpoints.charge_named(call)
    failed = call.fields.flag("failed", default=False)
    if charge["status"] != "pending":
        raise ApiError(f"Charge {charge['id']} is {charge['status']}, not pending.")
    checkout.finish_debit(call.sandbox, charge["id"], succeeds=not failed)
    return call.sandbox.store.get(charge["id"]) or {}


def move_subscription(call: Call) -> Json:
    subscription = _named(call, "subscription")
    billing.move_on(call.sandbox, subscription["id"])
    return call.sandbox.store.get(subscription["id"]) or {}


def set_webhooks(call: Call) -> Json:
    fields = call.fields
    mode = fields.choice("mode", chaos.WEBHOOK_MODES) or "normal"
    count = fields.whole("count", least=1, most=10_000) or 1
    seconds = fields.whole("seconds", least=0, most=86_400) or 0
    kind = fields.text("type") or ""
    chaos.set_webhooks(call.sandbox.store, mode, count=count, kind=kind, seconds=seconds)
    return chaos.state(call.sandbox.store)


def release_webhooks(call: Call) -> Json:
    backwards = call.fields.flag("backwards", default=False)
    return {"released": chaos.release_webhooks(call.sandbox.store, backwards=backwards)}


def set_api_fault(call: Call) -> Json:
    fields = call.fields
    calls = fields.text("calls", required=True)
    found = re.fullmatch(r"(?:(GET|POST|DELETE) )?(/v1/\S*)", calls)
    if not found:
        raise ApiError("calls is a method and the start of a path, as POST /v1/.", param="calls")
    fault = chaos.Fault(
        fields.choice("answer", chaos.ANSWERS) or "503",
        fields.whole("seconds", least=0, most=600) or 0,
    )
    count = fields.whole("count", least=1, most=10_000) or 1
    chaos.add_fault(call.sandbox.store, found[1] or "", found[2], fault, count)
    return chaos.state(call.sandbox.store)


def api_down(call: Call) -> Json:
    down = call.fields.flag("down", default=True)
    return chaos.change(call.sandbox.store, down=down)


def end_faults(call: Call) -> Json:
    chaos.end(call.sandbox.store)
    return chaos.state(call.sandbox.store)


def deliver(call: Call) -> Json:
    """Send an event now, once more or spoilt. Runs outside a transaction: it talks."""
    with call.sandbox.store.transaction():
        event = _named(call, "event")
    fault = call.fields.choice("fault", webhooks.FAULTS) or ""
    call.fields.refuse_unknown()
    if not call.sandbox.settings.webhook_url:
        raise ApiError("Webhooks go nowhere: the sandbox was started without --webhook-url.")
    wrong = webhooks.send(call.sandbox, event, fault)
    return {"taken": not wrong, "answer": wrong}


VERBS: dict[str, Callable[[Call], Json]] = {
    "refund": aftermath_endpoints.create_refund,
    "finish_refund": finish_refund,
    "open_dispute": open_dispute,
    "decide_dispute": decide_dispute,
    "send_payout": send_payout,
    "move_payout": move_payout,
    "arrive_payout": arrive_payout,
    "fail_payout": fail_payout,
    "make_available": make_available,
    "take_fee": take_fee,
    "hold_settlement": hold_settlement,
    "settle": settle,
    "finish_debit": finish_debit,
    "move_subscription": move_subscription,
    "webhooks": set_webhooks,
    "release_webhooks": release_webhooks,
    "api_fault": set_api_fault,
    "api_down": api_down,
    "end_faults": end_faults,
}


def run(sandbox: Sandbox, verb: str, values: Json) -> Json:
    """Do what a verb says. Raises ApiError, and then nothing has changed."""
    call = Call(sandbox, Fields(values), NO_REQUEST)
    if verb == "deliver":
        return deliver(call)
    if verb not in VERBS:
        raise ApiError(f"No such verb: {verb[:40]}. There are {', '.join(VERBS)}.", status=404)
    with sandbox.store.transaction():
        made = public(VERBS[verb](call))
        # Here, for all: what a verb did before this refusal is undone with it.
        call.fields.refuse_unknown()
        return made


# HTTP


def handle(sandbox: Sandbox, asked: Asked) -> Reply:
    verb = asked.path.removeprefix("/control").removeprefix("/")
    if verb.startswith("api/"):
        return _answer_json(sandbox, asked, verb.removeprefix("api/"))
    if asked.method != "POST":
        return _page(sandbox, 200 if not verb else 404)
    if not _from_own_page(sandbox, asked.headers):
        return _page(sandbox, 403, "This form was not sent from the sandbox's own page.")
    try:
        values = dict(parse_qsl(asked.body.decode("utf-8", "replace"), max_num_fields=50))
        run(sandbox, verb, values)
    except ApiError as error:
        return _page(sandbox, error.status, error.message)
    except ValueError:
        return _page(sandbox, 400, "This form has more fields than the page has.")
    return Reply(303, b"", {"Location": "/control"})


def _page(sandbox: Sandbox, status: int, problem: str = "") -> Reply:
    with sandbox.store.transaction():
        html = control_page.show(sandbox, problem)
    return Reply(status, html.encode(), control_page.HEADERS)


def _from_own_page(sandbox: Sandbox, headers: Message) -> bool:
    """Other sites can make a browser post here, but not with this origin.

    The host is compared to known ones, so that a name made to point here does not pass.
    """
    own = urlsplit(sandbox.settings.base_url)
    host = headers.get("Host", "")
    origins = {f"{own.scheme}://{own.netloc}"}
    if re.sub(r":\d+$", "", host) in (own.hostname, "localhost", "127.0.0.1", "[::1]"):
        origins |= {f"http://{host}", f"https://{host}"}
    return headers.get("Origin", "") in origins


def _answer_json(sandbox: Sandbox, asked: Asked, verb: str) -> Reply:
    given = asked.headers.get("Authorization", "").removeprefix("Bearer ").strip()
    try:
        if not hmac.compare_digest(given.encode(), sandbox.settings.secret_key.encode()):
            raise ApiError("The control needs the secret key as Bearer.", status=401)
        if asked.method != "POST":
            raise ApiError("Verbs are posted.", status=405)
        status, answer = 200, run(sandbox, verb, _values(asked.body))
    except ApiError as error:
        status, answer = error.status, error.body()
    return Reply(status, json.dumps(answer).encode(), {"Content-Type": "application/json"})


def _values(body: bytes) -> Json:
    """JSON fields as a form would send them. Null is a field not given."""
    try:
        given = json.loads(body or b"{}")
    except ValueError as error:
        raise ApiError("The body is not JSON.") from error
    plain = (str, bool, int, type(None))
    if not isinstance(given, dict) or not all(isinstance(x, plain) for x in given.values()):
        raise ApiError("The body must be a JSON object of texts, whole numbers and true or false.")
    return {
        name: str(value).lower() if isinstance(value, bool) else str(value)
        for name, value in given.items()
        if value is not None
    }
