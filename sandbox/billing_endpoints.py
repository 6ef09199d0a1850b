"""The endpoints of customers, subscriptions, invoices, clocks, and payments while nobody is there.

Reading them is in resources.py.
"""

from dataclasses import replace

from sandbox import billing, billing_objects, objects, payments
from sandbox.errors import ApiError, CardError, Json, missing, no_such
from sandbox.parameters import LARGEST_AMOUNT, Fields
from sandbox.payments import emit
from sandbox.resources import Call, Endpoint, checked, found, kept, list_page
from sandbox.session_endpoints import LOCALES, check_total, currency_of, method_types, recurrence

PAUSES = ("keep_as_draft", "mark_uncollectible", "void")
STATUSES = ("active", "all", "canceled", "ended", "incomplete", "past_due", "paused", "unpaid")


def _existing(call: Call, kind: str, key: str | None, param: str) -> Json | None:
    """What a parameter names by its id; None where it names nothing."""
    thing = call.sandbox.store.get(key, kind) if key else None
    if key and thing is None:
        raise no_such(kind, key, param=param, status=400)
    return thing


def _method_of_customer(call: Call, fields: Fields, name: str, customer_id: str) -> Json | None:
    param = fields.name(name)
    method = _existing(call, "payment_method", fields.text(name), param)
    if method and method["customer"] != customer_id:
        raise ApiError(
            f"The customer does not have a payment method with the ID {method['id']}. The payment "
            "method must be attached to the customer.",
            code="resource_missing",
            param=param,
        )
    return method


# Customers


def _customer_fields(fields: Fields) -> Json:
    """What was given of a customer, and nothing of what was not."""
    texts = ("description", "email", "name", "phone")
    given: Json = {name: fields.text(name) for name in texts if name in fields.values}
    if "preferred_locales" in fields.values:
        given["preferred_locales"] = fields.texts("preferred_locales")
    return given


def create_customer(call: Call) -> Json:
    fields = call.fields
    clock = _existing(call, "test_helpers.test_clock", fields.text("test_clock"), "test_clock")
    given = _customer_fields(fields) | {"metadata": kept(fields.metadata())}
    answer = checked(call)
    given["test_clock"] = clock and clock["id"]
    return answer(billing.new_customer(call.sandbox, given, call.request))


def update_customer(call: Call) -> Json:
    customer, fields = found(call, "customer"), call.fields
    changes = _customer_fields(fields)
    changes["metadata"] = kept(customer["metadata"] | fields.metadata())
    settings = fields.inner("invoice_settings")
    if "default_payment_method" in settings.values:
        method = _method_of_customer(call, settings, "default_payment_method", customer["id"])
        changes["invoice_settings"] = customer["invoice_settings"] | {
            "default_payment_method": method and method["id"]
        }
    answer = checked(call)
    billing.change(call.sandbox, "customer.updated", customer, changes, call.request)
    return answer(customer)


def list_customers_methods(call: Call) -> Json:
    found(call, "customer")
    methods = replace(call, collection="payment_methods")
    return list_page(methods, [("customer", call.id)]) | {
        "url": f"/v1/customers/{call.id}/payment_methods"
    }


def detach_method(call: Call) -> Json:
    method, answer = found(call, "payment_method"), checked(call)
    if method["customer"] is None:
        raise ApiError("The payment method you provided is not attached to a customer.")
    billing.change(
        call.sandbox, "payment_method.detached", method, {"customer": None}, call.request
    )
    return answer(method)


# Subscriptions


def list_subscriptions(call: Call) -> Json:
    """Those that were cancelled are left out unless asked for, as at Stripe."""
    status = call.fields.choice("status", STATUSES)
    if status == "all":
        return list_page(call)
    wanted = "canceled" if status == "ended" else status
    return list_page(call, [("status", wanted)] if wanted else [("status is not", "canceled")])


def update_subscription(call: Call) -> Json:
    subscription, fields = found(call, "subscription"), call.fields
    if subscription["status"] == "canceled":
        raise ApiError(
            "A canceled subscription can only update its cancellation_details and metadata."
        )
    changes: Json = {"metadata": kept(subscription["metadata"] | fields.metadata())}
    if "description" in fields.values:
        changes["description"] = fields.text("description", longest=500)
    if "pause_collection" in fields.values:
        changes["pause_collection"] = _pause(fields)
    if fields.text("cancel_at_period_end"):
        at_end = fields.flag("cancel_at_period_end", default=False)
        changes |= billing.cancelling(call.sandbox, subscription, at_end)
    if "default_payment_method" in fields.values:
        method = _method_of_customer(
            call, fields, "default_payment_method", subscription["customer"]
        )
        changes["default_payment_method"] = method and method["id"]
    changes["items"] = _items(fields, subscription)
    answer = checked(call)
    kind = "customer.subscription.updated"
    billing.change(call.sandbox, kind, subscription, changes, call.request)
    return answer(subscription)


def _pause(fields: Fields) -> Json | None:
    if not fields.values["pause_collection"]:
        fields.text("pause_collection")
        return None
    behavior = fields.inner("pause_collection").choice("behavior", PAUSES)
    if behavior is None:
        raise missing("pause_collection[behavior]")
    return {"behavior": behavior, "resumes_at": None}


def _items(fields: Fields, subscription: Json) -> Json:
    """The items with new prices, from the next period on: nothing is prorated here."""
    items, asked = subscription["items"], fields.many("items")
    if asked and fields.choice("proration_behavior", ("none",)) is None:
        raise ApiError(
            "This sandbox prorates nothing: send proration_behavior=none.",
            param="proration_behavior",
        )
    changed = {item["id"]: item for item in items["data"]}
    for given in asked:
        item = changed.get(given.text("id", required=True))
        if item is None:
            raise no_such("subscription_item", given.text("id") or "", param=given.name("id"))
        data = given.inner("price_data")
        amount = data.whole("unit_amount", least=0, most=LARGEST_AMOUNT, required=True)
        price = objects.price(currency_of(data), amount, recurrence(data))
        price["product"] = data.text("product", required=True)
        quantity = given.whole("quantity", least=1, most=999_999) or item["quantity"]
        check_total(price["currency"], amount * quantity, "subscription's amount")
        if (price["currency"], _rhythm(price)) != (
            subscription["currency"],
            _rhythm(item["price"]),
        ):
            raise ApiError("The currency and the interval stay.", param=given.name("price_data"))
        new = {"plan": billing_objects.plan(price), "price": price, "quantity": quantity}
        changed[item["id"]] = item | new
    return items | {"data": list(changed.values())}


def _rhythm(price: Json) -> tuple[str, int]:
    return price["recurring"]["interval"], price["recurring"]["interval_count"]


def cancel_subscription(call: Call) -> Json:
    subscription, answer = found(call, "subscription"), checked(call)
    if subscription["status"] == "canceled":
        raise no_such("subscription", subscription["id"])
    moment = billing.moment_of(call.sandbox, subscription)
    billing.end(call.sandbox, subscription, moment, call.request)
    return answer(subscription)


# Invoices


def _open_invoice(call: Call, verb: str) -> Json:
    invoice = found(call, "invoice")
    if invoice["status"] == "paid" and verb == "paid":
        raise ApiError("Invoice is already paid")
    if invoice["status"] != "open":
        raise ApiError(f"You can only have an open invoice {verb}: it is {invoice['status']}.")
    return invoice


def pay_invoice(call: Call) -> Json:
    invoice, store = _open_invoice(call, "paid"), call.sandbox.store
    method = _method_of_customer(call, call.fields, "payment_method", invoice["customer"])
    call.fields.flag("off_session", default=True)
    answer = checked(call)
    method = method or billing.default_method(call.sandbox, invoice)
    if method is None:
        raise ApiError("There is no default_payment_method set on this Customer or Invoice.")
    link = billing.link_of(call.sandbox, invoice) or {}
    intent = store.get(link["payment"]["payment_intent"]) or {}
    if intent["status"] == "processing":
        raise ApiError("This invoice's payment is processing.", code="invoice_payment_processing")
    if billing.collect(call.sandbox, invoice, intent, method, call.request):
        raise CardError(objects.public(intent))
    return answer(store.get(invoice["id"]) or {})


def void_invoice(call: Call) -> Json:
    invoice, answer = _open_invoice(call, "voided"), checked(call)
    billing.void(call.sandbox, invoice, call.request)
    return answer(invoice)


# Payments while nobody is there


def create_intent(call: Call) -> Json:
    """Charge a customer's saved payment method at once. Other intents come from Checkout."""
    fields, sandbox = call.fields, call.sandbox
    for name in ("confirm", "off_session"):
        if not fields.flag(name, default=False):
            raise ApiError(f"This sandbox serves {name}=true.", param=name)
    amount = fields.whole("amount", least=1, most=LARGEST_AMOUNT, required=True)
    currency = currency_of(fields)
    check_total(currency, amount, "payment's amount")
    customer = _existing(call, "customer", fields.text("customer", required=True), "customer")
    assert customer is not None
    if not fields.text("payment_method"):
        raise missing("payment_method")
    method = _method_of_customer(call, fields, "payment_method", customer["id"])
    assert method is not None
    types = method_types(fields, currency) if fields.texts("payment_method_types") else []
    if types and method["type"] not in types:
        raise ApiError(
            f"The payment method is of type {method['type']}, which payment_method_types lack.",
            param="payment_method_types",
        )
    given = {
        "customer": customer["id"],
        "description": fields.text("description", longest=1000),
        "metadata": kept(fields.metadata()),
        "payment_method_types": types or [method["type"]],
        "receipt_email": fields.text("receipt_email", longest=800),
        "statement_descriptor_suffix": fields.text("statement_descriptor_suffix", longest=22),
    }
    answer = checked(call)
    intent = sandbox.store.put(objects.payment_intent(amount, currency, given))
    emit(sandbox, "payment_intent.created", intent, request=call.request)
    if payments.attempt(sandbox, intent, method, off_session=True, request=call.request):
        raise CardError(objects.public(intent))
    return answer(intent)


def cancel_intent(call: Call) -> Json:
    intent = found(call, "payment_intent")
    reason = call.fields.choice(
        "cancellation_reason", ("abandoned", "duplicate", "fraudulent", "requested_by_customer")
    )
    answer = checked(call)
    if intent["status"] not in ("requires_payment_method", "requires_action"):
        raise ApiError(
            f"You cannot cancel this PaymentIntent because it has a status of {intent['status']}.",
            code="payment_intent_unexpected_state",
        )
    payments.cancel(call.sandbox, intent, reason, call.request)
    return answer(intent)


# The hosted portal and the clocks


def create_portal_session(call: Call) -> Json:
    fields = call.fields
    customer = _existing(call, "customer", fields.text("customer", required=True), "customer")
    assert customer is not None
    return_url, locale = fields.url("return_url", required=True), fields.choice("locale", LOCALES)
    assert return_url is not None
    answer = checked(call)
    base_url = call.sandbox.settings.base_url
    session = billing_objects.portal_session(base_url, customer, return_url, locale)
    return answer(call.sandbox.store.put(session))


def _moment(call: Call) -> int:
    return call.fields.whole("frozen_time", least=0, most=10**10, required=True)


def create_clock(call: Call) -> Json:
    moment, name = _moment(call), call.fields.text("name", longest=300)
    answer = checked(call)
    clock = call.sandbox.store.put(billing_objects.test_clock(moment, name))
    emit(call.sandbox, "test_helpers.test_clock.created", clock, request=call.request)
    return answer(clock)


def advance_clock(call: Call) -> Json:
    """Ask for a later time; renewals follow one by one, then the clock is ready again."""
    clock, moment = found(call, "test_helpers.test_clock"), _moment(call)
    answer = checked(call)
    if clock["status"] != "ready":
        raise ApiError("This test clock is advancing already.", status=429)
    if moment <= clock["frozen_time"]:
        raise ApiError("A test clock can only be moved forward.", param="frozen_time")
    details = {"advancing": {"target_frozen_time": moment}}
    clock |= {"status": "advancing", "status_details": details}
    call.sandbox.store.put(clock)
    call.sandbox.store.add_work("advance", clock["id"], 0)
    emit(call.sandbox, "test_helpers.test_clock.advancing", clock, request=call.request)
    return answer(clock)


ID = r"/(?P<id>[A-Za-z0-9_-]+)"
CLOCKS = "/v1/test_helpers/test_clocks"
SUBSCRIPTIONS = "/v1/(?P<collection>subscriptions)"
ROUTES: tuple[Endpoint, ...] = (
    ("POST", "/v1/customers", create_customer),
    ("POST", f"/v1/customers{ID}", update_customer),
    ("GET", f"/v1/customers{ID}/payment_methods", list_customers_methods),
    ("POST", f"/v1/payment_methods{ID}/detach", detach_method),
    ("GET", SUBSCRIPTIONS, list_subscriptions),
    ("POST", f"/v1/subscriptions{ID}", update_subscription),
    ("DELETE", f"/v1/subscriptions{ID}", cancel_subscription),
    ("POST", f"/v1/invoices{ID}/pay", pay_invoice),
    ("POST", f"/v1/invoices{ID}/void", void_invoice),
    ("POST", "/v1/payment_intents", create_intent),
    ("POST", f"/v1/payment_intents{ID}/cancel", cancel_intent),
    ("POST", "/v1/billing_portal/sessions", create_portal_session),
    ("POST", CLOCKS, create_clock),
    ("POST", f"{CLOCKS}{ID}/advance", advance_clock),
)
