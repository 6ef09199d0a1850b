"""Customers and what recurs: subscriptions, their invoices, the clocks they live by.

Every function runs inside a transaction of the store. An invoice is finalized and charged at
once, not after an hour as at Stripe; and nobody here tries a failed one again by itself.
"""

from sandbox import billing_objects, objects, payments
from sandbox.errors import ApiError, Json
from sandbox.instruments import Decline
from sandbox.payments import Sandbox

CHANGED = "customer.subscription.updated"


def moment_of(sandbox: Sandbox, thing: Json) -> int:
    """What time it is for a customer, subscription or invoice: its test clock's, or ours."""
    clock = sandbox.get(thing["test_clock"])
    return clock["frozen_time"] if clock else objects.now()


# Customers and their payment methods


def new_customer(sandbox: Sandbox, given: Json) -> Json:
    return sandbox.save(billing_objects.customer(given), "customer.created")


def attach(sandbox: Sandbox, method: Json, customer_id: str) -> None:
    if method["customer"] is None:
        sandbox.save(method, "payment_method.attached", customer=customer_id)


# Subscriptions


def start(sandbox: Sandbox, session: Json, intent: Json, method: Json) -> None:
    """The subscription that a checkout session asked for, with its first invoice."""
    customer = sandbox.known(session["customer"])
    begin = moment_of(sandbox, customer)
    subscription = billing_objects.subscription(session, customer, method, begin)
    sandbox.save(subscription, "customer.subscription.created")
    invoice = _bill(sandbox, subscription, "subscription_create", begin)
    _finalize(sandbox, invoice, begin)
    _link(sandbox, invoice, intent)
    sandbox.save(invoice, attempt_count=1, attempted=True)
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
    subscription = sandbox.known(subscription_id)
    if subscription["status"] != "canceled" and period_end(subscription) <= objects.now():
        renew(sandbox, subscription)


def move_on(sandbox: Sandbox, subscription: Json) -> None:
    """Move one subscription on by one period, as if its time had passed; any clock stays."""
    if subscription["status"] == "canceled":
        raise ApiError(f"No subscription that goes on: '{subscription['id']}'", status=404)
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
    sandbox.change(subscription, CHANGED, {"items": items | {"data": data}})
    created = moment if subscription["test_clock"] else objects.now()
    invoice = _bill(sandbox, subscription, "subscription_cycle", created)
    behaviour = (subscription["pause_collection"] or {}).get("behavior")
    if behaviour == "keep_as_draft":
        sandbox.change(invoice, "invoice.updated", {"auto_advance": False})
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


def end(sandbox: Sandbox, subscription: Json, moment: int) -> None:
    subscription |= {"canceled_at": subscription["canceled_at"] or moment, "ended_at": moment}
    subscription["cancellation_details"]["reason"] = "cancellation_requested"
    sandbox.save(subscription, "customer.subscription.deleted", status="canceled")


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
    customer = sandbox.known(subscription["customer"])
    invoice = billing_objects.invoice(subscription, customer, reason, moment)
    sandbox.save(invoice, "invoice.created")
    sandbox.save(subscription, latest_invoice=invoice["id"])
    return invoice


def _finalize(sandbox: Sandbox, invoice: Json, moment: int) -> None:
    customer = sandbox.known(invoice["customer"])
    number = customer["next_invoice_sequence"]
    sandbox.save(customer, next_invoice_sequence=number + 1)
    invoice["number"] = f"{customer['invoice_prefix']}-{number:04d}"
    invoice["status_transitions"]["finalized_at"] = moment
    sandbox.save(invoice, "invoice.finalized", effective_at=moment, status="open")


def _intent_for(sandbox: Sandbox, invoice: Json, subscription: Json) -> Json:
    given = {
        "customer": invoice["customer"],
        "description": "Subscription update",
        "payment_method_types": subscription["payment_settings"]["payment_method_types"],
    }
    intent = objects.payment_intent(invoice["amount_due"], invoice["currency"], given)
    _link(sandbox, invoice, intent)
    sandbox.emit("payment_intent.created", intent)
    return intent


def _link(sandbox: Sandbox, invoice: Json, intent: Json) -> None:
    sandbox.save(intent, _invoice=invoice["id"])
    sandbox.save(billing_objects.invoice_payment(invoice, intent["id"]))


def link_of(sandbox: Sandbox, invoice: Json) -> Json | None:
    """The invoice payment of an invoice; a draft has none."""
    return next(iter(sandbox.find("invoice_payment", ("invoice", invoice["id"]))), None)


def default_method(sandbox: Sandbox, invoice: Json) -> Json | None:
    """What an invoice is charged to: the subscription's payment method, or the customer's."""
    settings = sandbox.known(invoice["customer"])["invoice_settings"]
    own = _subscription_of(sandbox, invoice)["default_payment_method"]
    return sandbox.get(own or settings["default_payment_method"])


def _subscription_of(sandbox: Sandbox, invoice: Json) -> Json:
    return sandbox.known(invoice["parent"]["subscription_details"]["subscription"])


def collect(sandbox: Sandbox, invoice: Json, intent: Json, method: Json | None) -> Decline | None:
    """Try to charge an open invoice while nobody is there; why it was refused, if it was."""
    sandbox.save(invoice, attempt_count=invoice["attempt_count"] + 1, attempted=True)
    refused = payments.attempt(sandbox, intent, method, off_session=True) if method else None
    after_intent(sandbox, intent)
    return refused


def after_intent(sandbox: Sandbox, intent: Json) -> None:
    """Carry the end of an intent over to the invoice that it pays, if it pays one."""
    invoice = sandbox.get(intent.get("_invoice"))
    if invoice is None or invoice["status"] != "open" or intent["status"] == "processing":
        return
    subscription = _subscription_of(sandbox, invoice)
    if intent["status"] == "succeeded":
        _paid(sandbox, invoice)
        if subscription["latest_invoice"] == invoice["id"]:
            _set_status(sandbox, subscription, "active")
        return
    sandbox.emit("invoice.payment_failed", invoice)
    if (intent["last_payment_error"] or {}).get("code") == "authentication_required":
        sandbox.emit("invoice.payment_action_required", invoice)
    _set_status(sandbox, subscription, "past_due")


def _set_status(sandbox: Sandbox, subscription: Json, status: str) -> None:
    if subscription["status"] != "canceled":
        sandbox.change(subscription, CHANGED, {"status": status})


def _paid(sandbox: Sandbox, invoice: Json) -> None:
    moment, amount = moment_of(sandbox, invoice), invoice["amount_due"]
    invoice |= {"amount_paid": amount, "amount_remaining": 0, "ending_balance": 0}
    invoice |= {"auto_advance": False, "status": "paid"}
    invoice["status_transitions"]["paid_at"] = moment
    sandbox.save(invoice, "invoice.paid", "invoice.payment_succeeded")
    link = link_of(sandbox, invoice)
    assert link is not None
    link["status_transitions"]["paid_at"] = moment
    sandbox.save(link, "invoice_payment.paid", amount_paid=amount, status="paid")


def void(sandbox: Sandbox, invoice: Json) -> None:
    """The invoice is owed no more; an intent that would have paid it is cancelled."""
    if link := link_of(sandbox, invoice):
        payments.cancel(sandbox, sandbox.known(link["payment"]["payment_intent"]), "void_invoice")
        link["status_transitions"]["canceled_at"] = moment_of(sandbox, invoice)
        sandbox.save(link, status="canceled")
    _close(sandbox, invoice, "void", "voided")


def void_open(sandbox: Sandbox, invoice: Json) -> None:
    check_open(invoice, "voided")
    void(sandbox, invoice)


def check_open(invoice: Json, verb: str) -> None:
    if invoice["status"] != "open":
        raise ApiError(f"You can only have an open invoice {verb}: it is {invoice['status']}.")


def _close(sandbox: Sandbox, invoice: Json, status: str, verb: str) -> None:
    invoice["status_transitions"][f"{verb}_at"] = moment_of(sandbox, invoice)
    sandbox.save(invoice, f"invoice.{verb}", auto_advance=False, status=status)


# Test clocks


def advance(sandbox: Sandbox, clock_id: str) -> None:
    """Let the time of a clock pass: every renewal on the way happens at its own moment."""
    clock = sandbox.known(clock_id)
    target = clock["status_details"]["advancing"]["target_frozen_time"]
    while (subscription := _next_on(sandbox, clock_id)) and period_end(subscription) <= target:
        sandbox.save(clock, frozen_time=max(clock["frozen_time"], period_end(subscription)))
        renew(sandbox, subscription)
    clock |= {"frozen_time": target, "status": "ready", "status_details": {}}
    sandbox.save(clock, "test_helpers.test_clock.ready")


def _next_on(sandbox: Sandbox, clock_id: str) -> Json | None:
    conditions = (("test_clock", clock_id), ("status is not", "canceled"))
    return min(sandbox.find("subscription", *conditions), key=period_end, default=None)
