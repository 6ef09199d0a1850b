"""What a person or a test does to the sandbox from outside: the control page and its JSON twin.

Stripe has nothing like it. A verb takes named fields, as a form or as JSON, and answers with the
object that it made or changed. Their tables are in endpoints.json with those of the API.
"""

import hmac
import json
import re
from collections.abc import Callable
from email.message import Message
from urllib.parse import urlsplit

from sandbox import aftermath, billing, chaos, checkout, control_page, payments, payouts, webhooks
from sandbox.aftermath_endpoints import charge_named
from sandbox.errors import ApiError, Json
from sandbox.parameters import existing
from sandbox.payments import Sandbox
from sandbox.resources import ENDPOINTS, Call, Endpoint, act, endpoint, serve
from sandbox.web import Asked, Reply, json_reply, send_on

# The verbs


@endpoint("control finish_refund")
def finish_refund(call: Call) -> Json:
    finish = aftermath.fail_refund if call.given["failed"] else aftermath.succeed_refund
    return act(finish, "refund")(call)


@endpoint("control open_dispute")
def open_dispute(call: Call) -> Json:
    given = call.given
    return aftermath.open_dispute(
        call.sandbox, charge_named(call), given["reason"], given["case_type"], given["amount"]
    )


@endpoint("control decide_dispute")
def decide_dispute(call: Call) -> Json:
    dispute, decision = call.given["dispute"], call.given["decision"]
    # An appeal that is won at once is two decisions, and two sets of events.
    for each in ("appeal", "won") if decision == "appeal_won" else (decision,):
        aftermath.decide(call.sandbox, dispute, each)
    return dispute


@endpoint("control fail_payout")
def fail_payout(call: Call) -> Json:
    payouts.fail(call.sandbox, call.given["payout"], call.given["code"])
    return call.given["payout"]


@endpoint("control take_fee")
def take_fee(call: Call) -> Json:
    given, currency = call.given, call.given["currency"].lower()
    return payouts.take_fee(call.sandbox, given["amount"], currency, given["description"])


@endpoint("control settle")
def settle(call: Call) -> Json:
    charge = charge_named(call)
    if not charge["paid"]:
        raise ApiError(f"Charge {charge['id']} has not succeeded; there is nothing to settle.")
    payments.settle(call.sandbox, charge["id"])
    return call.sandbox.known(charge["id"])


@endpoint("control finish_debit")
def finish_debit(call: Call) -> Json:
    """The bank answers to a debit now."""
    charge = charge_named(call)
    if charge["status"] != "pending":
        raise ApiError(f"Charge {charge['id']} is {charge['status']}, not pending.")
    checkout.finish_debit(call.sandbox, charge["id"], succeeds=not call.given["failed"])
    return call.sandbox.known(charge["id"])


@endpoint("control api_fault")
def set_api_fault(call: Call) -> Json:
    given = call.given
    found = re.fullmatch(r"(?:(GET|POST|DELETE) )?(/v1/\S*)", given["calls"])
    if not found:
        raise ApiError("calls is a method and the start of a path, as POST /v1/.", param="calls")
    fault = chaos.Fault(given["answer"], given["seconds"])
    return chaos.add_fault(call.sandbox.store, found[1] or "", found[2], fault, given["count"])


@endpoint("control deliver")
def deliver(call: Call) -> Json:
    """Send an event now, once more or spoilt. Runs outside a transaction: it talks."""
    store, key = call.sandbox.store, call.given["event"]
    with store.transaction():
        event = existing(store.get, key, "event", "event", "404")
    if not call.sandbox.settings.webhook_url:
        raise ApiError("Webhooks go nowhere: the sandbox was started without --webhook-url.")
    wrong = webhooks.send(call.sandbox, event, call.given["fault"] or "")
    return {"taken": not wrong, "answer": wrong}


def _faults(change: Callable[..., Json]) -> Endpoint:
    """A verb that changes faults on demand by what is given."""
    return lambda call: change(call.sandbox.store, **call.given)


ENDPOINTS |= {
    "control send_payout": lambda call: payouts.send_everything(
        call.sandbox, call.given["currency"].lower()
    ),
    "control move_payout": act(payouts.move_once, "payout"),
    "control arrive_payout": act(payouts.arrive, "payout"),
    "control make_available": lambda call: {"made_available": payouts.make_available(call.sandbox)},
    "control move_subscription": act(billing.move_on, "subscription"),
    "control hold_settlement": _faults(chaos.hold_settlement),
    "control webhooks": _faults(chaos.set_webhooks),
    "control release_webhooks": _faults(chaos.release_webhooks),
    "control api_down": _faults(chaos.change),
    "control end_faults": _faults(chaos.end),
}


def run(sandbox: Sandbox, verb: str, values: Json) -> Json:
    """Do what a verb says. Raises ApiError, and then nothing has changed."""
    route = f"control {verb}"
    if route not in ENDPOINTS:
        verbs = ", ".join(key.split()[1] for key in ENDPOINTS if key.startswith("control "))
        raise ApiError(f"No such verb: {verb[:40]}. There are {verbs}.", status=404)
    if verb == "deliver":
        return serve(sandbox, route, values)
    with sandbox.store.transaction():
        return serve(sandbox, route, values)


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
        run(sandbox, verb, dict(asked.form()))
    except ApiError as error:
        return _page(sandbox, error.status, error.message)
    return send_on("/control")


def _page(sandbox: Sandbox, status: int, problem: str = "") -> Reply:
    with sandbox.store.transaction():
        return control_page.show(sandbox, status, problem)


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
    secret = sandbox.settings.secret_key
    try:
        if not hmac.compare_digest(asked.bearer().encode(), secret.encode()):
            raise ApiError("The control needs the secret key as Bearer.", status=401)
        if asked.method != "POST":
            raise ApiError("Verbs are posted.", status=405)
        return json_reply(200, run(sandbox, verb, _values(asked.body)))
    except ApiError as error:
        return json_reply(error.status, error.body())


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
