"""What happens on the hosted checkout page: a card or account is presented, the session completes.

Every function runs inside a transaction of the store. The caller has looked, in this same
transaction, that the session is still open: that is what makes a form sent twice charge once.
"""

from sandbox import billing, objects, payments
from sandbox.cards import NOT_AUTHENTICATED, Decline
from sandbox.debits import NOT_AUTHORIZED, instrument_of
from sandbox.errors import Json
from sandbox.payments import Presented, Sandbox, emit


def present(sandbox: Sandbox, session: Json, presented: Presented) -> Decline | None:
    """Try to pay an open session. Returns why the bank refused, if it did.

    Otherwise the session is complete; or it waits for `answer`, since the card's bank asks the
    person to confirm.
    """
    intent, store = _intent_of(sandbox, session), sandbox.store
    billing_details = objects.billing_details(presented.email, presented.name)
    method = objects.payment_method(presented.instrument, presented.expiry, billing_details)
    store.put(method)
    if not presented.instrument.secure:
        return _pay(sandbox, session, intent, method)
    address = {"return_url": session["success_url"], "url": session["url"]}
    intent |= {
        "last_payment_error": None,
        "next_action": {"redirect_to_url": address, "type": "redirect_to_url"},
        "payment_method": method["id"],
        "status": "requires_action",
    }
    store.put(intent)
    emit(sandbox, "payment_intent.requires_action", intent)
    return None


def asks(sandbox: Sandbox, session: Json) -> bool:
    """Does the session wait for the person's answer to the bank's question?"""
    intent = sandbox.store.get(session["_payment_intent"] or "")
    return intent is not None and intent["status"] == "requires_action"


def answer(sandbox: Sandbox, session: Json, confirmed: bool) -> Decline | None:
    """The answer to the bank's question (3-D Secure); as `present` from there on."""
    intent = _intent_of(sandbox, session)
    method = sandbox.store.get(intent["payment_method"]) or {}
    if not confirmed:
        payments.refuse(sandbox, intent, NOT_AUTHENTICATED)
        return NOT_AUTHENTICATED
    return _pay(sandbox, session, intent, method, confirmed=True)


def _intent_of(sandbox: Sandbox, session: Json) -> Json:
    """The session's intent, made when something is first presented, as at Stripe."""
    intent = sandbox.store.get(session["_payment_intent"] or "")
    if intent is not None:
        return intent
    notes = {"_session": session["id"]}
    given = {
        "customer": session["customer"],
        "payment_method_types": session["payment_method_types"],
        **session["_intent"],
    }
    intent = objects.payment_intent(session["amount_total"], session["currency"], given | notes)
    sandbox.store.put(intent)
    session["_payment_intent"] = intent["id"]
    if session["mode"] == "payment":
        session["payment_intent"] = intent["id"]
    sandbox.store.put(session)
    emit(sandbox, "payment_intent.created", intent)
    return intent


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
    sandbox.store.put(session)
    emit(sandbox, "checkout.session.completed", session)
    return None


def _give_customer(sandbox: Sandbox, session: Json, intent: Json, method: Json) -> None:
    """A customer where one is wanted, and the payment method with it where it will be needed."""
    if session["customer_creation"] == "always" and session["customer"] is None:
        person, locale = method["billing_details"], session["locale"]
        given = {"email": person["email"], "name": person["name"]}
        if locale and locale != "auto":
            given["preferred_locales"] = [locale]
        session["customer"] = billing.new_customer(sandbox, given)["id"]
    intent["customer"] = session["customer"]
    if session["customer"] and intent["setup_future_usage"]:
        billing.attach(sandbox, method, session["customer"])


def finish_debit(sandbox: Sandbox, charge_id: str, succeeds: bool | None = None) -> None:
    """The bank answers to a debit: as its test account says, or as it is told here."""
    charge = sandbox.store.get(charge_id, "charge")
    if charge is None or charge["status"] != "pending":
        return
    intent = sandbox.store.get(charge["payment_intent"]) or {}
    method = sandbox.store.get(charge["payment_method"]) or {}
    refused = instrument_of(method).decline if succeeds is None else None
    if succeeds is False:
        refused = NOT_AUTHORIZED
    status = "failed" if refused else "succeeded"
    charge |= objects.charge_result(charge["amount"], status, refused)
    payments.finish(sandbox, intent, charge, refused)
    billing.after_intent(sandbox, intent)
    session = sandbox.store.get(intent.get("_session", ""))
    # A later attempt at the same intent, such as paying its invoice again, is not the session's.
    if session is not None and session["_charge"] == charge_id:
        session["payment_status"] = "unpaid" if refused else "paid"
        sandbox.store.put(session)
        emit(sandbox, f"checkout.session.async_payment_{status}", session)
