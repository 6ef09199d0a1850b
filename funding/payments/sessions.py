"""What Stripe's checkout page is asked for: made from our row alone.

A repeated call must send exactly what the first one sent, so nothing here looks at the clock.
"""

from typing import Any

from django.conf import settings

from funding.payments import customers
from funding.payments.models import Payment, Subscription
from funding.payments.stripe_units import to_stripe

Row = Payment | Subscription

# The bank debit that each currency has at Stripe, beside cards.
BANK_DEBITS = {"USD": "us_bank_account", "EUR": "sepa_debit", "GBP": "bacs_debit"}

# Our rhythms in Stripe's words: interval and how many of them.
RECURRENCE = {"month": ("month", 1), "quarter": ("month", 3), "year": ("year", 1)}


def methods(currency: str) -> list[str]:
    """How the checkout page takes money in ``currency``: by card, and by bank debit if switched on."""
    if currency in settings.STRIPE_BANK_DEBITS and currency in BANK_DEBITS:
        return ["card", BANK_DEBITS[currency]]
    return ["card"]


def metadata(row: Row) -> dict[str, str]:
    """What ties every object at Stripe to our row."""
    name = "payment" if isinstance(row, Payment) else "subscription"
    return {name: str(row.public_id), "attempt": str(row.attempt)}


def parameters(row: Row, lifetime: Any) -> dict[str, Any]:
    """The parameters of the session of the row's present attempt.

    Outside any transaction: a payer who agreed to be charged again is made known to Stripe first.
    Raises stripe.StripeError.
    """
    assert row.attempt_started_at is not None
    page = settings.SITE_URL + row.get_absolute_url()
    common = {
        "client_reference_id": str(row.public_id),
        "metadata": metadata(row),
        "line_items": [{"quantity": 1, "price_data": _price(row)}],
        "locale": row.language,
        "adaptive_pricing": {"enabled": False},
        "expires_at": int((row.attempt_started_at + lifetime).timestamp()),
        "success_url": f"{page}?returned=1",
        "cancel_url": f"{page}?left=1",
    }
    if isinstance(row, Payment):
        return common | _once(row)
    return common | _again_and_again(row)


def _price(row: Row) -> dict[str, Any]:
    amount, currency = to_stripe(row.money)
    price: dict[str, Any] = {
        "currency": currency,
        "unit_amount": amount,
        "product_data": {"name": row.description},
    }
    if not isinstance(row, Payment):
        interval, count = RECURRENCE[row.interval]
        price["recurring"] = {"interval": interval, "interval_count": count}
    return price


def _once(payment: Payment) -> dict[str, Any]:
    about = {"metadata": metadata(payment), "description": payment.description}
    values: dict[str, Any] = {
        "mode": "payment",
        "payment_method_types": methods(payment.currency),
        "payment_intent_data": about,
    }
    if payment.asks_for_card:
        assert payment.mandate is not None
        # The payer agreed to later charges, and a card can be asked for them; a debit cannot here.
        values["payment_method_types"] = ["card"]
        about["setup_future_usage"] = "off_session"
        return values | {"customer": customers.at_stripe(payment.mandate.customer)}
    return values | {"customer_email": payment.payer_email}


def _again_and_again(subscription: Subscription) -> dict[str, Any]:
    assert subscription.customer is not None
    return {
        "mode": "subscription",
        "payment_method_types": methods(subscription.currency),
        "subscription_data": {
            "metadata": metadata(subscription),
            "description": subscription.description,
        },
        "customer": customers.at_stripe(subscription.customer),
    }
