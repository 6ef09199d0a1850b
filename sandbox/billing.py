"""Customers and what recurs: subscriptions, their invoices, the clocks they live by.

Every function runs inside a transaction of the store. An invoice is finalized and charged at
once, not after an hour as at Stripe; and nobody here tries a failed one again by itself.
"""

from sandbox import billing_objects, objects, payments
from sandbox.cards import Decline
from sandbox.errors import ApiError, Json
from sandbox.payments import NO_REQUEST, Sandbox, emit


def moment_of(sandbox: Sandbox, thing: Json) -> int:
    """What time it is for a customer, subscription or invoice: its test clock's, or ours."""
    clock = sandbox.store.get(thing["test_clock"] or "")
    return clock["frozen_time"] if clock else objects.now()


def change(
    sandbox: Sandbox, kind: str, thing: Json, changes: Json, request: Json = NO_REQUEST
) -> None:
    """Write what is new in an object and tell it, with what was there before. Else do nothing."""
    previous = {name: thing[name] for name, value in changes.items() if thing[name] != value}
    if previous:
        thing |= changes
        sandbox.store.put(thing)
        emit(sandbox, kind, thing, previous=previous, request=request)


# Customers and their payment methods


def new_customer(sandbox: Sandbox, given: Json, request: Json = NO_REQUEST) -> Json:
    customer = sandbox.store.put(billing_objects.customer(given))
    emit(sandbox, "customer.created", customer, request=request)
    return customer


def attach(sandbox: Sandbox, method: Json, customer_id: str) -> None:
    if method["customer"] is None:
        method["customer"] = customer_id
        sandbox.store.put(method)
        emit(sandbox, "payment_method.attached", method)


# Subscriptions


def start(sandbox: Sandbox, session: Json, intent: Json, method: Json) -> None:
    """The subscription that a checkout session asked for, with its first invoice."""
    customer = sandbox.store.get(session["customer"]) or {}
    begin = moment_of(sandbox, customer)
    subscription = billing_objects.subscription(session, customer, method, begin)
    sandbox.store.put(subscription)
    emit(sandbox, "customer.subscription.created", subscription)
    invoice = _bill(sandbox, subscription, "subscription_create", begin)
    _finalize(sandbox, invoice, begin)
    _link(sandbox, invoice, intent)
    invoice |= {"attempt_count": 1, "attempted": True}
    sandbox.store.put(invoice)
    session |= {"invoice": invoice["id"], "subscription": subscription["id"]}
    after_intent(sandbox, intent)
    _schedule(sandbox, subscription)


def period_end(subscription: Json) -> int:
    return subscription["items"]["data"][0]["current_period_end"]


def _schedule(sandbox: Sandbox, subscription: Json) -> None:
    if subscription["test_clock"] is None:
        sandbox.store.add_work("renew", subscription["id"], period_end(subscription))


def renew_if_due(sandbox: Sandbox, subscription_id: str) -> None:
    """The work of a period's end. Where the period was moved on meanwhile, a later work waits."""
    subscription = sandbox.store.get(subscription_id) or {}
    if subscription["status"] != "canceled" and period_end(subscription) <= objects.now():
        renew(sandbox, subscription)


def move_on(sandbox: Sandbox, subscription_id: str) -> None:
    """Move one subscription on by one period, as if its time had passed; any clock stays."""
    subscription = sandbox.store.get(subscription_id, "subscription")
    if subscription is None or subscription["status"] == "canceled":
        raise ApiError(f"No subscription that goes on: '{subscription_id}'", status=404)
    renew(sandbox, subscription)


def renew(sandbox: Sandbox, subscription: Json) -> None:
    """A period is over: the next begins with an invoice, or the subscription ends as was asked."""
    moment, items = period_end(subscription), subscription["items"]
    if subscription["cancel_at_period_end"]:
        end(sandbox, subscription, moment)
        return
    anchor = subscription["billing_cycle_anchor"]
    data = [
        item | billing_objects.period_after(moment, anchor, item["price"]["recurring"])
        for item in items["data"]
    ]
    change(
        sandbox,
        "customer.subscription.updated",
        subscription,
        {"items": items | {"data": data}},
    )
    created = moment if subscription["test_clock"] else objects.now()
    invoice = _bill(sandbox, subscription, "subscription_cycle", created)
    behaviour = (subscription["pause_collection"] or {}).get("behavior")
    if behaviour == "keep_as_draft":
        change(sandbox, "invoice.updated", invoice, {"auto_advance": False})
    else:
        _finalize(sandbox, invoice, created)
        if behaviour == "void":
            void(sandbox, invoice)
        elif behaviour == "mark_uncollectible":
            _close(sandbox, invoice, "uncollectible", "marked_uncollectible")
        else:
            intent = _intent_for(sandbox, invoice, subscription)
            collect(sandbox, invoice, intent, default_method(sandbox, invoice))
    _schedule(sandbox, subscription)


def end(sandbox: Sandbox, subscription: Json, moment: int, request: Json = NO_REQUEST) -> None:
    subscription |= {
        "canceled_at": subscription["canceled_at"] or moment,
        "ended_at": moment,
        "status": "canceled",
    }
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    sandbox.store.put(subscription)
    emit(sandbox, "customer.subscription.deleted", subscription, request=request)


def cancelling(sandbox: Sandbox, subscription: Json, at_period_end: bool) -> Json:
    """The changes that have a subscription end with its period, or go on after all."""
    reason = "cancellation_requested" if at_period_end else None
    return {
        "cancel_at": period_end(subscription) if at_period_end else None,
        "cancel_at_period_end": at_period_end,
        "canceled_at": moment_of(sandbox, subscription) if at_period_end else None,
        "cancellation_details": subscription["cancellation_details"] | {"reason": reason},
    }


# Invoices


def _bill(sandbox: Sandbox, subscription: Json, reason: str, moment: int) -> Json:
    customer = sandbox.store.get(subscription["customer"]) or {}
    invoice = billing_objects.invoice(subscription, customer, reason, moment)
    sandbox.store.put(invoice)
    emit(sandbox, "invoice.created", invoice)
    subscription["latest_invoice"] = invoice["id"]
    sandbox.store.put(subscription)
    return invoice


def _finalize(sandbox: Sandbox, invoice: Json, moment: int) -> None:
    customer = sandbox.store.get(invoice["customer"]) or {}
    number = customer["next_invoice_sequence"]
    customer["next_invoice_sequence"] = number + 1
    sandbox.store.put(customer)
    invoice |= {
        "effective_at": moment,
        "number": f"{customer['invoice_prefix']}-{number:04d}",
        "status": "open",
    }
    invoice["status_transitions"]["finalized_at"] = moment
    sandbox.store.put(invoice)
    emit(sandbox, "invoice.finalized", invoice)


def _intent_for(sandbox: Sandbox, invoice: Json, subscription: Json) -> Json:
    given = {
        "customer": invoice["customer"],
        "description": "Subscription update",
        "payment_method_types": subscription["payment_settings"]["payment_method_types"],
    }
    intent = objects.payment_intent(invoice["amount_due"], invoice["currency"], given)
    _link(sandbox, invoice, intent)
    emit(sandbox, "payment_intent.created", intent)
    return intent


def _link(sandbox: Sandbox, invoice: Json, intent: Json) -> None:
    intent["_invoice"] = invoice["id"]
    sandbox.store.put(intent)
    sandbox.store.put(billing_objects.invoice_payment(invoice, intent["id"]))


def link_of(sandbox: Sandbox, invoice: Json) -> Json | None:
    """The invoice payment of an invoice; a draft has none."""
    found, _ = sandbox.store.page("invoice_payment", [("invoice", invoice["id"])], limit=1)
    return found[0] if found else None


def default_method(sandbox: Sandbox, invoice: Json) -> Json | None:
    """What an invoice is charged to: the subscription's payment method, or the customer's."""
    subscription = _subscription_of(sandbox, invoice)
    customer = sandbox.store.get(invoice["customer"]) or {}
    key = subscription["default_payment_method"]
    return sandbox.store.get(key or customer["invoice_settings"]["default_payment_method"] or "")


def _subscription_of(sandbox: Sandbox, invoice: Json) -> Json:
    key = invoice["parent"]["subscription_details"]["subscription"]
    return sandbox.store.get(key) or {}


def collect(
    sandbox: Sandbox, invoice: Json, intent: Json, method: Json | None, request: Json = NO_REQUEST
) -> Decline | None:
    """Try to charge an open invoice while nobody is there; why it was refused, if it was."""
    invoice |= {"attempt_count": invoice["attempt_count"] + 1, "attempted": True}
    sandbox.store.put(invoice)
    refused = None
    if method:
        refused = payments.attempt(sandbox, intent, method, off_session=True, request=request)
    after_intent(sandbox, intent, request)
    return refused


def after_intent(sandbox: Sandbox, intent: Json, request: Json = NO_REQUEST) -> None:
    """Carry the end of an intent over to the invoice that it pays, if it pays one."""
    invoice = sandbox.store.get(intent.get("_invoice", ""))
    if invoice is None or invoice["status"] != "open" or intent["status"] == "processing":
        return
    subscription = _subscription_of(sandbox, invoice)
    if intent["status"] == "succeeded":
        _paid(sandbox, invoice, request)
        if subscription["latest_invoice"] == invoice["id"]:
            _set_status(sandbox, subscription, "active", request)
        return
    emit(sandbox, "invoice.payment_failed", invoice, request=request)
    if (intent["last_payment_error"] or {}).get("code") == "authentication_required":
        emit(sandbox, "invoice.payment_action_required", invoice, request=request)
    _set_status(sandbox, subscription, "past_due", request)


def _set_status(sandbox: Sandbox, subscription: Json, status: str, request: Json) -> None:
    if subscription["status"] != "canceled":
        kind = "customer.subscription.updated"
        change(sandbox, kind, subscription, {"status": status}, request)


def _paid(sandbox: Sandbox, invoice: Json, request: Json) -> None:
    link, moment = link_of(sandbox, invoice), moment_of(sandbox, invoice)
    assert link is not None
    invoice |= {"amount_paid": invoice["amount_due"], "amount_remaining": 0, "status": "paid"}
    invoice |= {"auto_advance": False, "ending_balance": 0}
    invoice["status_transitions"]["paid_at"] = moment
    link |= {"amount_paid": invoice["amount_paid"], "status": "paid"}
    link["status_transitions"]["paid_at"] = moment
    sandbox.store.put(invoice)
    sandbox.store.put(link)
    emit(sandbox, "invoice.paid", invoice, request=request)
    emit(sandbox, "invoice.payment_succeeded", invoice, request=request)
    emit(sandbox, "invoice_payment.paid", link, request=request)


def void(sandbox: Sandbox, invoice: Json, request: Json = NO_REQUEST) -> None:
    """The invoice is owed no more; an intent that would have paid it is cancelled."""
    if link := link_of(sandbox, invoice):
        intent = sandbox.store.get(link["payment"]["payment_intent"]) or {}
        payments.cancel(sandbox, intent, "void_invoice", request)
        link["status"] = "canceled"
        link["status_transitions"]["canceled_at"] = moment_of(sandbox, invoice)
        sandbox.store.put(link)
    _close(sandbox, invoice, "void", "voided", request)


def _close(
    sandbox: Sandbox, invoice: Json, status: str, verb: str, request: Json = NO_REQUEST
) -> None:
    invoice |= {"auto_advance": False, "status": status}
    invoice["status_transitions"][f"{verb}_at"] = moment_of(sandbox, invoice)
    sandbox.store.put(invoice)
    emit(sandbox, f"invoice.{verb}", invoice, request=request)


# Test clocks


def advance(sandbox: Sandbox, clock_id: str) -> None:
    """Let the time of a clock pass: every renewal on the way happens at its own moment."""
    clock = sandbox.store.get(clock_id) or {}
    target = clock["status_details"]["advancing"]["target_frozen_time"]
    while (subscription := _next_on(sandbox, clock_id)) and period_end(subscription) <= target:
        clock["frozen_time"] = max(clock["frozen_time"], period_end(subscription))
        sandbox.store.put(clock)
        renew(sandbox, subscription)
    clock |= {"frozen_time": target, "status": "ready", "status_details": {}}
    sandbox.store.put(clock)
    emit(sandbox, "test_helpers.test_clock.ready", clock)


def _next_on(sandbox: Sandbox, clock_id: str) -> Json | None:
    conditions = [("test_clock", clock_id), ("status is not", "canceled")]
    found, _ = sandbox.store.page("subscription", conditions, limit=1_000_000)
    return min(found, key=period_end, default=None)
