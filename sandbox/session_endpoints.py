"""The endpoints of checkout sessions: what is asked for, and by which means it may be paid."""

from sandbox import objects, payments
from sandbox.errors import ApiError, Json, missing, unknown
from sandbox.instruments import SCHEMES
from sandbox.parameters import LARGEST_AMOUNT, kept, whole
from sandbox.resources import ENDPOINTS, Call, act, endpoint

# Stripe wants these amounts in whole tens or hundreds of their minor unit ("special cases").
COARSE = {"bhd": 10, "jod": 10, "kwd": 10, "omr": 10, "tnd": 10, "isk": 100, "ugx": 100}
LEAST_AMOUNT = 50
AS_GIVEN = (
    *("billing_address_collection", "cancel_url", "client_reference_id", "locale", "mode"),
    *("adaptive_pricing", "submit_type", "success_url"),
)
ONLY_IN = {
    "payment": ("submit_type", "payment_intent_data"),
    "subscription": ("subscription_data",),
}


@endpoint("POST /v1/checkout/sessions")
def create_session(call: Call) -> Json:
    """A checkout session to pay once or to subscribe; its hosted page is at `url`."""
    asked, moment = call.given, objects.now()
    _refuse_of_other_mode(call)
    customer, email = _payer(call)
    items = _line_items(asked["line_items"], recurring=asked["mode"] == "subscription")
    given: Json = {
        **objects.of(asked, *AS_GIVEN),
        "customer": customer and customer["id"],
        "customer_creation": _customer_creation(asked, customer),
        "customer_details": objects.customer_details(email, None) if email else None,
        "customer_email": None if customer else email,
        "expires_at": _expiry(asked["expires_at"], moment),
        "metadata": kept(asked["metadata"]),
        "payment_method_types": method_types(asked, items[0]["currency"]),
        # The intent is made when a card or account is first presented. Only a session that takes
        # one payment names it.
        "_payment_intent": None,
        "_intent": _without_empty(asked["payment_intent_data"]),
    }
    if asked["mode"] == "subscription":
        about = {"description": "Subscription creation", "setup_future_usage": "off_session"}
        given |= {"_subscription": _without_empty(asked["subscription_data"]), "_intent": about}
    session = objects.checkout_session(call.sandbox.settings.base_url, items, given)
    call.sandbox.store.add_work("expire", session["id"], session["expires_at"])
    return call.sandbox.save(session)


def _refuse_of_other_mode(call: Call) -> None:
    """What only one of the modes takes; the other names it as unknown."""
    for mode, names in ONLY_IN.items():
        for name in names:
            if mode != call.given["mode"] and name in call.sent:
                raise unknown(name)
    for place, item in enumerate(call.sent.get("line_items") or ()):
        param = f"line_items[{place}][price_data][recurring]"
        recurring = (item.get("price_data") or {}).get("recurring")
        if call.given["mode"] == "payment" and recurring is not None:
            raise unknown(param)
        if call.given["mode"] == "subscription" and not (recurring or {}).get("interval"):
            raise missing(f"{param}[interval]")


def _without_empty(given: Json) -> Json:
    return given | {"metadata": kept(given["metadata"])}


def _expiry(asked: str | None, moment: int) -> int:
    latest = moment + objects.DAY
    return whole(asked, "expires_at", moment + 1790, latest + 10) if asked else latest


def _payer(call: Call) -> tuple[Json | None, str | None]:
    """The customer, where there is one already, and the known e-mail address."""
    customer, email = call.given["customer"], call.given["customer_email"]
    if customer and email:
        raise ApiError(
            "You may only specify one of these parameters: customer, customer_email.",
            param="customer",
        )
    return customer, customer["email"] if customer else email


def _customer_creation(asked: Json, customer: Json | None) -> str | None:
    if asked["customer_creation"] and (asked["mode"] == "subscription" or customer):
        raise ApiError(
            "`customer_creation` can only be used in `payment` mode without a `customer`.",
            param="customer_creation",
        )
    if asked["mode"] == "subscription":
        return "always"
    return None if customer else asked["customer_creation"] or "if_required"


def method_types(asked: Json, currency: str) -> list[str]:
    """How it may be paid: by card if nothing is said, by the bank debits of its currency."""
    types = asked["payment_method_types"] or ["card"]
    for kind in types:
        if kind != "card" and kind not in SCHEMES:
            served = ", ".join(("card", *SCHEMES))
            raise ApiError(f"This sandbox serves {served}.", param="payment_method_types")
        if kind != "card" and SCHEMES[kind]["currency"] != currency:
            raise ApiError(
                f"The payment method `{kind}` cannot be used with the currency `{currency}`.",
                param="payment_method_types",
            )
    return types


def _line_items(asked: list[Json], *, recurring: bool) -> list[Json]:
    items = []
    for each in asked:
        data = each["price_data"]
        rhythm = data["recurring"] if recurring else None
        price = objects.price(data["currency"], data["unit_amount"], rhythm)
        items.append(objects.line_item(price, each["quantity"], data["product_data"]["name"]))
    if not items:
        raise missing("line_items")
    if len({item["currency"] for item in items}) > 1:
        raise ApiError("All prices in one session must have the same currency.", param="line_items")
    check_total(items[0]["currency"], sum(item["amount_total"] for item in items))
    return items


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


ENDPOINTS["POST /v1/checkout/sessions/{id}/expire"] = act(payments.expire)
