"""The endpoints of customers, subscriptions, invoices, clocks, and payments while nobody is there.

Reading them is in resources.py.
"""

from sandbox import billing, billing_objects, objects, payments
from sandbox.errors import ApiError, CardError, Json, missing, no_such, unknown
from sandbox.parameters import kept
from sandbox.resources import COLLECTIONS, ENDPOINTS, Call, act, endpoint, list_page, merged
from sandbox.session_endpoints import check_total, method_types


def _of_customer(method: Json | None, customer_id: str, param: str) -> str | None:
    """The id of a payment method, which must be this customer's."""
    if method is None:
        return None
    if method["customer"] != customer_id:
        raise ApiError(
            f"The customer does not have a payment method with the ID {method['id']}. The payment "
            "method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return method["id"]


def _sent(call: Call, *names: str) -> Json:
    """Of these parameters those that were sent, empty or not: the others are to stay."""
    return {name: call.given[name] for name in names if name in call.sent}


# Customers


ABOUT = ("description", "email", "name", "phone", "preferred_locales")


@endpoint("POST /v1/customers")
def create_customer(call: Call) -> Json:
    clock, metadata = call.given["test_clock"], kept(call.given["metadata"])
    given = _sent(call, *ABOUT) | {"metadata": metadata, "test_clock": clock and clock["id"]}
    return billing.new_customer(call.sandbox, given)


@endpoint("POST /v1/customers/{id}")
def update_customer(call: Call) -> Json:
    customer, name = call.thing, "default_payment_method"
    changes = _sent(call, *ABOUT) | merged(call)
    if name in (call.sent.get("invoice_settings") or {}):
        method, param = call.given["invoice_settings"][name], f"invoice_settings[{name}]"
        default = {name: _of_customer(method, customer["id"], param)}
        changes["invoice_settings"] = customer["invoice_settings"] | default
    call.sandbox.change(customer, "customer.updated", changes)
    return customer


@endpoint("GET /v1/customers/{id}/payment_methods")
def list_customers_methods(call: Call) -> Json:
    key = call.thing["id"]
    page = list_page(COLLECTIONS["payment_methods"], call, ("customer", key))
    return page | {"url": f"/v1/customers/{key}/payment_methods"}


@endpoint("POST /v1/payment_methods/{id}/detach")
def detach_method(call: Call) -> Json:
    method = call.thing
    if method["customer"] is None:
        raise ApiError("The payment method you provided is not attached to a customer.")
    call.sandbox.change(method, "payment_method.detached", {"customer": None})
    return method


# Subscriptions


@endpoint("GET /v1/subscriptions")
def list_subscriptions(call: Call) -> Json:
    """Those that were cancelled are left out unless asked for, as at Stripe."""
    status = call.given["status"]
    if status == "all":
        return list_page(COLLECTIONS["subscriptions"], call)
    wanted = "canceled" if status == "ended" else status
    also = ("status", wanted) if wanted else ("status is not", "canceled")
    return list_page(COLLECTIONS["subscriptions"], call, also)


@endpoint("POST /v1/subscriptions/{id}")
def update_subscription(call: Call) -> Json:
    subscription, given = call.thing, call.given
    if subscription["status"] == "canceled":
        raise ApiError(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    changes = _sent(call, "description") | merged(call)
    if "pause_collection" in call.sent:
        changes["pause_collection"] = _pause(call)
    if given["cancel_at_period_end"] is not None:
        changes |= billing.cancelling(call.sandbox, subscription, given["cancel_at_period_end"])
    name = "default_payment_method"
    if name in call.sent:
        changes[name] = _of_customer(given[name], subscription["customer"], name)
    changes["items"] = _items(call, subscription)
    call.sandbox.change(subscription, billing.CHANGED, changes)
    return subscription


def _pause(call: Call) -> Json | None:
    """An empty value ends the pause."""
    if not call.sent["pause_collection"]:
        return None
    behavior = call.given["pause_collection"]["behavior"]
    if behavior is None:
        raise missing("pause_collection[behavior]")
    return {"behavior": behavior, "resumes_at": None}


def _items(call: Call, subscription: Json) -> Json:
    """The items with new prices, from the next period on: nothing is prorated here."""
    items, asked = subscription["items"], call.given["items"]
    if asked and call.given["proration_behavior"] is None:
        raise ApiError(
            "This sandbox prorates nothing: send proration_behavior=none.",
            param="proration_behavior",
        )
    if "proration_behavior" in call.sent and not asked:
        raise unknown("proration_behavior")
    changed = {item["id"]: item for item in items["data"]}
    for place, given in enumerate(asked):
        item, data = changed.get(given["id"]), given["price_data"]
        if item is None:
            raise no_such("subscription_item", given["id"], param=f"items[{place}][id]")
        quantity = given["quantity"] or item["quantity"]
        check_total(data["currency"], data["unit_amount"] * quantity, "subscription's amount")
        rhythm = objects.of(item["price"]["recurring"], "interval", "interval_count")
        if (data["currency"], data["recurring"]) != (subscription["currency"], rhythm):
            param = f"items[{place}][price_data]"
            raise ApiError("The currency and the interval stay.", param=param)
        price = objects.price(data["currency"], data["unit_amount"], rhythm)
        price["product"] = data["product"]
        new = {"plan": billing_objects.plan(price), "price": price, "quantity": quantity}
        changed[item["id"]] = item | new
    return items | {"data": list(changed.values())}


@endpoint("DELETE /v1/subscriptions/{id}")
def cancel_subscription(call: Call) -> Json:
    subscription = call.thing
    if subscription["status"] == "canceled":
        raise no_such("subscription", subscription["id"])
    billing.end(call.sandbox, subscription, billing.moment_of(call.sandbox, subscription))
    return subscription


# Invoices


@endpoint("POST /v1/invoices/{id}/pay")
def pay_invoice(call: Call) -> Json:
    invoice, sandbox, method = call.thing, call.sandbox, call.given["payment_method"]
    if invoice["status"] == "paid":
        raise ApiError("Invoice is already paid")
    billing.check_open(invoice, "paid")
    _of_customer(method, invoice["customer"], "payment_method")
    method = method or billing.default_method(sandbox, invoice)
    if method is None:
        raise ApiError("There is no default_payment_method set on this Customer or Invoice.")
    link = billing.link_of(sandbox, invoice)
    assert link is not None
    intent = sandbox.known(link["payment"]["payment_intent"])
    if intent["status"] == "processing":
        raise ApiError("This invoice's payment is processing.", code="invoice_payment_processing")
    if billing.collect(sandbox, invoice, intent, method):
        raise CardError(objects.public(intent))
    return sandbox.known(invoice["id"])


ENDPOINTS["POST /v1/invoices/{id}/void"] = act(billing.void_open)


# Payments while nobody is there


@endpoint("POST /v1/payment_intents")
def create_intent(call: Call) -> Json:
    """Charge a customer's saved payment method at once. Other intents come from Checkout."""
    asked, sandbox = call.given, call.sandbox
    for name in ("confirm", "off_session"):
        if not asked[name]:
            raise ApiError(f"This sandbox serves {name}=true.", param=name)
    check_total(asked["currency"], asked["amount"], "payment's amount")
    customer, method = asked["customer"]["id"], asked["payment_method"]
    _of_customer(method, customer, "payment_method")
    asks = asked["payment_method_types"]
    types = method_types(asked, asked["currency"]) if asks else [method["type"]]
    if method["type"] not in types:
        raise ApiError(
            f"The payment method is of type {method['type']}, which payment_method_types lack.",
            param="payment_method_types",
        )
    given = {
        **objects.of(asked, "description", "receipt_email", "statement_descriptor_suffix"),
        "customer": customer,
        "metadata": kept(asked["metadata"]),
        "payment_method_types": types,
    }
    intent = objects.payment_intent(asked["amount"], asked["currency"], given)
    sandbox.save(intent, "payment_intent.created")
    if payments.attempt(sandbox, intent, method, off_session=True):
        raise CardError(objects.public(intent))
    return intent


@endpoint("POST /v1/payment_intents/{id}/cancel")
def cancel_intent(call: Call) -> Json:
    intent = call.thing
    if intent["status"] not in ("requires_payment_method", "requires_action"):
        raise ApiError(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    payments.cancel(call.sandbox, intent, call.given["cancellation_reason"])
    return intent


# The hosted portal and the clocks


@endpoint("POST /v1/billing_portal/sessions")
def create_portal_session(call: Call) -> Json:
    given, base_url = call.given, call.sandbox.settings.base_url
    chosen = given["return_url"], given["locale"]
    return call.sandbox.save(objects.portal_session(base_url, given["customer"], *chosen))


@endpoint("POST /v1/test_helpers/test_clocks")
def create_clock(call: Call) -> Json:
    clock = objects.test_clock(call.given["frozen_time"], call.given["name"])
    return call.sandbox.save(clock, "test_helpers.test_clock.created")


@endpoint("POST /v1/test_helpers/test_clocks/{id}/advance")
def advance_clock(call: Call) -> Json:
    """Ask for a later time; renewals follow one by one, then the clock is ready again."""
    clock, moment = call.thing, call.given["frozen_time"]
    if clock["status"] != "ready":
        raise ApiError("This test clock is advancing already.", status=429)
    if moment <= clock["frozen_time"]:
        raise ApiError("A test clock can only be moved forward.", param="frozen_time")
    details = {"advancing": {"target_frozen_time": moment}}
    call.sandbox.store.add_work("advance", clock["id"], 0)
    kind = "test_helpers.test_clock.advancing"
    return call.sandbox.save(clock, kind, status="advancing", status_details=details)
