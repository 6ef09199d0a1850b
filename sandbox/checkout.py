"""What happens on the hosted checkout page: a card or account is presented, the session completes.

Every function runs inside a transaction of the store. The caller has looked, in this same
transaction, that the session is still open: that is what makes a form sent twice charge once.
"""

from sandbox import billing, objects, payments
from sandbox.errors import Json
from sandbox.instruments import DECLINES, Decline, instrument_of
from sandbox.payments import Presented, Sandbox


def present(sandbox: Sandbox, session: Json, presented: Presented) -> Decline | None:
    """Try to pay an open session. Returns why the bank refused, if it did.

    Otherwise the session is complete; or it waits for `answer`, since the card's bank asks the
    person to confirm.
    """
    intent, instrument = _intent_of(sandbox, session), presented.instrument
    method = objects.payment_method(instrument, presented.expiry, presented.email, presented.name)
    sandbox.save(method)
    if not instrument.secure:
        return _pay(sandbox, session, intent, method)
    address = {"return_url": session["success_url"], "url": session["url"]}
    intent["next_action"] = {"redirect_to_url": address, "type": "redirect_to_url"}
    intent |= {"last_payment_error": None, "payment_method": method["id"]}
    sandbox.save(intent, "payment_intent.requires_action", status="requires_action")
    return None


def asks(sandbox: Sandbox, session: Json) -> bool:
    """Does the session wait for the person's answer to the bank's question?"""
    intent = sandbox.get(session["_payment_intent"])
    return intent is not None and intent["status"] == "requires_action"


def answer(sandbox: Sandbox, session: Json, confirmed: bool) -> Decline | None:
    """The answer to the bank's question (3-D Secure); as `present` from there on."""
    intent = _intent_of(sandbox, session)
    if not confirmed:
        payments.refuse(sandbox, intent, DECLINES["not_authenticated"])
        return DECLINES["not_authenticated"]
    method = sandbox.known(intent["payment_method"])
    return _pay(sandbox, session, intent, method, confirmed=True)


def _intent_of(sandbox: Sandbox, session: Json) -> Json:
    """The session's intent, made when something is first presented, as at Stripe."""
    if intent := sandbox.get(session["_payment_intent"]):
        return intent
    given = objects.of(session, "customer", "payment_method_types") | session["_intent"]
    given["_session"] = session["id"]
    intent = objects.payment_intent(session["amount_total"], session["currency"], given)
    session["_payment_intent"] = intent["id"]
    if session["mode"] == "payment":
        session["payment_intent"] = intent["id"]
    sandbox.save(session)
    return sandbox.save(intent, "payment_intent.created")


def _pay(
    sandbox: Sandbox, session: Json, intent: Json, method: Json, *, confirmed: bool = False
) -> Decline | None:
    if not instrument_of(method).refusal(off_session=False):
        _give_customer(sandbox, session, intent, method)
    refused = payments.attempt(sandbox, intent, method, confirmed=confirmed)
    if refused:
        return refused
    person = method["billing_details"]
    session |= {
        "customer_details": objects.customer_details(person["email"], person["name"]),
        "payment_status": "paid" if intent["status"] == "succeeded" else "unpaid",
        "status": "complete",
        "url": None,
        "_charge": intent["latest_charge"],
    }
    if session["mode"] == "subscription":
        billing.start(sandbox, session, intent, method)
    sandbox.save(session, "checkout.session.completed")
    return None


def _give_customer(sandbox: Sandbox, session: Json, intent: Json, method: Json) -> None:
    """A customer where one is wanted, and the payment method with it where it will be needed."""
    if session["customer_creation"] == "always" and session["customer"] is None:
        given = objects.of(method["billing_details"], "email", "name")
        if session["locale"] not in (None, "auto"):
            given["preferred_locales"] = [session["locale"]]
        session["customer"] = billing.new_customer(sandbox, given)["id"]
    intent["customer"] = session["customer"]
    if session["customer"] and intent["setup_future_usage"]:
        billing.attach(sandbox, method, session["customer"])


def finish_debit(sandbox: Sandbox, charge_id: str, succeeds: bool | None = None) -> None:
    """The bank answers to a debit: as its test account says, or as it is told here."""
    charge = sandbox.known(charge_id)
    if charge["status"] != "pending":
        return
    intent = sandbox.known(charge["payment_intent"])
    told = None if succeeds else DECLINES["not_authorized"]
    decline = instrument_of(sandbox.known(charge["payment_method"])).decline
    refused = decline if succeeds is None else told
    status = "failed" if refused else "succeeded"
    charge |= objects.charge_result(charge["amount"], status, refused)
    payments.finish(sandbox, intent, charge, refused)
    billing.after_intent(sandbox, intent)
    session = sandbox.get(intent.get("_session"))
    # A later attempt at the same intent, such as paying its invoice again, is not the session's.
    if session is not None and session["_charge"] == charge_id:
        paid = "unpaid" if refused else "paid"
        sandbox.save(session, f"checkout.session.async_payment_{status}", payment_status=paid)
