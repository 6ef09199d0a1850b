"""The endpoints of checkout sessions: what is asked for, and by which means it may be paid."""

import re

from sandbox import objects, payments
from sandbox.debits import SCHEMES
from sandbox.errors import ApiError, Json, missing, no_such
from sandbox.parameters import LARGEST_AMOUNT, Fields
from sandbox.resources import Call, Endpoint, checked, found, kept

# Stripe wants these amounts in whole tens or hundreds of their minor unit ("special cases").
COARSE = {"bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10, "isk": 100, "ugx": 100}
LEAST_AMOUNT = 50
LOCALES = ("auto", "en", "en-GB", "fr", "fr-CA", "pt", "pt-BR", "es", "de", "it", "nl")
INTERVALS = ("day", "week", "month", "year")


def create_session(call: Call) -> Json:
    """A checkout session to pay once or to subscribe; its hosted page is at `url`."""
    fields, store, moment = call.fields, call.sandbox.store, objects.now()
    mode = fields.choice("mode", ("payment", "subscription"))
    if mode is None:
        raise missing("mode")
    fields.choice("ui_mode", ("hosted_page",))
    expires_at = fields.whole("expires_at", least=moment + 1790, most=moment + objects.DAY + 10)
    items = _line_items(fields.many("line_items"), recurring=mode == "subscription")
    types = method_types(fields, items[0]["currency"])
    customer, email = _payer(call)
    given: Json = {
        "adaptive_pricing": {"enabled": fields.inner("adaptive_pricing").flag("enabled", True)},
        "billing_address_collection": fields.choice(
            "billing_address_collection", ("auto", "required")
        ),
        "cancel_url": fields.url("cancel_url"),
        "client_reference_id": fields.text("client_reference_id", longest=200),
        "customer": customer and customer["id"],
        "customer_creation": _customer_creation(fields, mode, customer),
        "customer_details": objects.customer_details(email, None) if email else None,
        "customer_email": None if customer else email,
        "expires_at": expires_at or moment + objects.DAY,
        "locale": fields.choice("locale", LOCALES),
        "metadata": kept(fields.metadata()),
        "mode": mode,
        "payment_method_types": types,
        "success_url": fields.url("success_url", required=True),
        **_by_mode(fields, mode),
        # The intent is made when a card or account is first presented. Only a session that takes
        # one payment names it.
        "_payment_intent": None,
    }
    answer = checked(call)
    session = objects.checkout_session(call.sandbox.settings.base_url, items, given)
    store.put(session)
    store.add_work("expire", session["id"], session["expires_at"])
    return answer(session)


def _payer(call: Call) -> tuple[Json | None, str | None]:
    """The customer, where there is one already, and the known e-mail address."""
    key, email = call.fields.text("customer"), call.fields.text("customer_email", longest=800)
    if key and email:
        raise ApiError(
            "You may only specify one of these parameters: customer, customer_email.",
            param="customer",
        )
    if not key:
        return None, email
    customer = call.sandbox.store.get(key, "customer")
    if customer is None:
        raise no_such("customer", key, param="customer", status=400)
    return customer, customer["email"]


def _customer_creation(fields: Fields, mode: str, customer: Json | None) -> str | None:
    asked = fields.choice("customer_creation", ("always", "if_required"))
    if asked and (mode == "subscription" or customer):
        raise ApiError(
            "`customer_creation` can only be used in `payment` mode without a `customer`.",
            param="customer_creation",
        )
    if mode == "subscription":
        return "always"
    return None if customer else asked or "if_required"


def _by_mode(fields: Fields, mode: str) -> Json:
    """What only one of the modes takes; the other names it as unknown."""
    if mode == "subscription":
        data = fields.inner("subscription_data")
        about = {
            "description": data.text("description", longest=500),
            "metadata": kept(data.metadata()),
        }
        intent = {"description": "Subscription creation", "setup_future_usage": "off_session"}
        return {"submit_type": None, "_subscription": about, "_intent": intent}
    return {
        "submit_type": fields.choice("submit_type", ("auto", "book", "donate", "pay")),
        "_intent": intent_data(fields.inner("payment_intent_data")),
    }


def intent_data(fields: Fields) -> Json:
    given = {
        "description": fields.text("description", longest=1000),
        "receipt_email": fields.text("receipt_email", longest=800),
        "setup_future_usage": fields.choice("setup_future_usage", ("off_session", "on_session")),
        "statement_descriptor": fields.text("statement_descriptor", longest=22),
        "statement_descriptor_suffix": fields.text("statement_descriptor_suffix", longest=22),
    }
    return given | {"metadata": kept(fields.metadata())}


def method_types(fields: Fields, currency: str) -> list[str]:
    """How it may be paid: by card if nothing is said, by the bank debits of its currency."""
    types = fields.texts("payment_method_types") or ["card"]
    for kind in types:
        if kind != "card" and kind not in SCHEMES:
            served = ", ".join(("card", *SCHEMES))
            raise ApiError(f"This sandbox serves {served}.", param="payment_method_types")
        if kind != "card" and SCHEMES[kind][0] != currency:
            raise ApiError(
                f"The payment method `{kind}` cannot be used with the currency `{currency}`.",
                param="payment_method_types",
            )
    return types


def _line_items(asked: list[Fields], *, recurring: bool) -> list[Json]:
    items = []
    for fields in asked:
        data = fields.inner("price_data")
        about = data.inner("product_data")
        about.text("description")
        its_currency = currency_of(data)
        amount = data.whole("unit_amount", least=0, most=LARGEST_AMOUNT, required=True)
        quantity = fields.whole("quantity", least=1, most=999_999, required=True)
        name = about.text("name", required=True, longest=250)
        price = objects.price(its_currency, amount, recurrence(data) if recurring else None)
        items.append(objects.line_item(price, quantity, name))
    if not items:
        raise missing("line_items")
    if len({item["currency"] for item in items}) > 1:
        raise ApiError("All prices in one session must have the same currency.", param="line_items")
    check_total(items[0]["currency"], sum(item["amount_total"] for item in items))
    return items


def currency_of(fields: Fields) -> str:
    currency = fields.text("currency", required=True, longest=3).lower()
    if not re.fullmatch("[a-z]{3}", currency):
        raise ApiError(f"Invalid currency: {currency}.", param=fields.name("currency"))
    return currency


def recurrence(price_data: Fields) -> Json:
    fields = price_data.inner("recurring")
    interval = fields.choice("interval", INTERVALS)
    if interval is None:
        raise missing(fields.name("interval"))
    count = fields.whole("interval_count", least=1, most=365)
    return {"interval": interval, "interval_count": count or 1}


def check_total(currency: str, total: int, about: str = "Checkout Session's total amount") -> None:
    about = f"The {about} must be"
    if total < LEAST_AMOUNT:
        raise ApiError(f"{about} at least {LEAST_AMOUNT}.", code="amount_too_small")
    if total > LARGEST_AMOUNT:
        raise ApiError(f"{about} no more than {LARGEST_AMOUNT}.", code="amount_too_large")
    if total % COARSE.get(currency, 1):
        raise ApiError(
            f"{about} evenly divisible by {COARSE[currency]} in {currency.upper()}. "
            "See https://docs.stripe.com/currencies#special-cases.",
            code="invalid_charge_amount",
        )


def expire_session(call: Call) -> Json:
    session = found(call, "checkout.session")
    answer = checked(call)
    if session["status"] != "open":
        raise ApiError(
            'Only Checkout Sessions with a status in ["open"] can be expired. '
            f"This Checkout Session has a status of `{session['status']}`."
        )
    payments.expire(call.sandbox, session, call.request)
    return answer(session)


SESSION = r"/v1/checkout/sessions/(?P<id>[A-Za-z0-9_-]+)"
ROUTES: tuple[Endpoint, ...] = (
    ("POST", r"/v1/checkout/sessions", create_session),
    ("POST", SESSION + "/expire", expire_session),
)
