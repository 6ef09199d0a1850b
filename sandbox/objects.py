"""The objects of Stripe's API as this version serves them, each built in one place.

Keys that start with an underscore are the sandbox's own notes and are never served. Amounts are
in minor units of the currency as Stripe counts them, and pass through untouched.
"""

import secrets
import string
import time

from sandbox.cards import Card
from sandbox.errors import DOCS, Json

API_VERSION = "2026-10-28.endive"
DAY = 86_400
LETTERS = string.ascii_letters + string.digits


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))


def now() -> int:
    return int(time.time())


def fee_of(amount: int) -> int:
    """2.9 % of the amount, halves rounded up, plus 30 minor units."""
    return (amount * 29 + 500) // 1000 + 30


def none(names: str) -> Json:
    """Fields that are always null here."""
    return dict.fromkeys(names.split())


def billing_details(email: str | None, name: str | None) -> Json:
    address = none("city country line1 line2 postal_code state")
    return {"address": address, "email": email, "name": name, **none("phone tax_id")}


def customer_details(email: str, name: str | None) -> Json:
    return {
        **none("business_name individual_name phone"),
        "address": billing_details(None, None)["address"] if name else None,
        "email": email,
        "name": name,
        "tax_exempt": "none",
        "tax_ids": [] if name else None,
    }


def price(currency: str, unit_amount: int) -> Json:
    """The price that Stripe makes, inactive, for a line item given by its amount."""
    return {
        **none("custom_unit_amount lookup_key nickname recurring tiers_mode transform_quantity"),
        "id": new_id("price_1"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": now(),
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "product": new_id("prod_", 14),
        "tax_behavior": "unspecified",
        "type": "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def line_item(currency: str, unit_amount: int, quantity: int, name: str) -> Json:
    amount = unit_amount * quantity
    return {
        "id": new_id("li_1"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": currency,
        "description": name,
        "metadata": {},
        "price": price(currency, unit_amount),
        "quantity": quantity,
    }


def checkout_session(base_url: str, items: list[Json], given: Json, intent: Json) -> Json:
    """An open session in payment mode; `given` are the fields that the caller chose.

    `intent` waits for the payment intent, which is made when a card is first presented.
    """
    key = new_id("cs_test_a1", 58)
    total = sum(item["amount_total"] for item in items)
    return {
        **none(
            "after_expiration allow_promotion_codes client_secret collected_information consent "
            "consent_collection currency_conversion customer customer_account customer_details "
            "integration_identifier invoice origin_context payment_intent payment_link "
            "payment_method_configuration_details permissions recovered_from "
            "saved_payment_method_options setup_intent shipping_address_collection shipping_cost "
            "subscription wallet_options"
        ),
        "id": key,
        "object": "checkout.session",
        "amount_subtotal": total,
        "amount_total": total,
        "automatic_tax": {"enabled": False, **none("liability provider status")},
        "created": now(),
        "currency": items[0]["currency"],
        "custom_fields": [],
        "custom_text": none("after_submit shipping_address submit terms_of_service_acceptance"),
        "customer_creation": "if_required",
        "discounts": [],
        "invoice_creation": {
            "enabled": False,
            "invoice_data": {
                **none("account_tax_ids custom_fields description footer issuer"),
                "metadata": {},
                "rendering_options": None,
            },
        },
        "livemode": False,
        "managed_payments": {"enabled": False},
        "mode": "payment",
        "payment_method_collection": "if_required",
        "payment_method_options": {"card": {"request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{base_url}/c/pay/{key}",
        **given,
        "_items": items,
        "_intent": intent,
    }


def payment_intent(session: Json) -> Json:
    key = new_id("pi_3")
    card_options = none("installments mandate_options network")
    return {
        **none(
            "application application_fee_amount automatic_payment_methods canceled_at "
            "cancellation_reason customer customer_account excluded_payment_method_types "
            "last_payment_error latest_charge next_action on_behalf_of payment_method "
            "payment_method_configuration_details processing review shipping source "
            "transfer_data transfer_group"
        ),
        "id": key,
        "object": "payment_intent",
        "amount": session["amount_total"],
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": new_id(f"{key}_secret_", 25),
        "confirmation_method": "automatic",
        "created": now(),
        "currency": session["currency"],
        "livemode": False,
        "managed_payments": {"enabled": False},
        "payment_method_options": {"card": {**card_options, "request_three_d_secure": "automatic"}},
        "payment_method_types": ["card"],
        "status": "requires_payment_method",
        **session["_intent"],
    }


def _card(card: Card, month: int, year: int) -> Json:
    """What a payment method and a charge both say of a card."""
    return {
        "brand": card.brand,
        "checks": {**none("address_line1_check address_postal_code_check"), "cvc_check": "pass"},
        "country": "US",
        "exp_month": month,
        "exp_year": year,
        "fingerprint": f"sandbox{card.last4}",
        "funding": "credit",
        "last4": card.last4,
        "regulated_status": "unregulated",
        "wallet": None,
    }


def payment_method(card: Card, month: int, year: int, billing: Json) -> Json:
    return {
        **none("customer customer_account"),
        "id": new_id("pm_1"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing,
        "card": {
            **_card(card, month, year),
            "display_brand": card.brand,
            "generated_from": None,
            "networks": {"available": [card.brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
        },
        "created": now(),
        "livemode": False,
        "metadata": {},
        "type": "card",
    }


def charge(intent: Json, method: Json, card: Card) -> Json:
    """One attempt to take the intent's amount; whether it succeeds is up to the card."""
    refused, amount = card.decline, intent["amount"]
    unavailable = {"status": "unavailable"}
    code = refused.decline_code if refused else None
    return {
        **none(
            "application application_fee application_fee_amount balance_transaction customer "
            "failure_balance_transaction on_behalf_of receipt_number receipt_url review shipping "
            "source source_transfer transfer_data transfer_group"
        ),
        "id": new_id("ch_3"),
        "object": "charge",
        "amount": amount,
        "amount_captured": 0 if refused else amount,
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"] or "SANDBOX",
        "captured": not refused,
        "created": now(),
        "currency": intent["currency"],
        "description": intent["description"],
        "disputed": False,
        "failure_code": refused.code if refused else None,
        "failure_message": refused.message if refused else None,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "outcome": {
            **none("network_advice_code network_decline_code"),
            "advice_code": "try_again_later" if refused else None,
            "network_status": "declined_by_network" if refused else "approved_by_network",
            "reason": code,
            "risk_level": "normal",
            "risk_score": 10,
            "seller_message": f"The bank answered `{code}`." if refused else "Payment complete.",
            "type": "issuer_declined" if refused else "authorized",
        },
        "paid": not refused,
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {
            "card": {
                **_card(card, method["card"]["exp_month"], method["card"]["exp_year"]),
                **none("installments mandate network_transaction_id three_d_secure"),
                "amount_authorized": None if refused else amount,
                "authorization_code": None if refused else "123456",
                "extended_authorization": {"status": "disabled"},
                "incremental_authorization": unavailable,
                "multicapture": unavailable,
                "network": card.brand,
                "network_token": {"used": False},
                "overcapture": {"maximum_amount_capturable": amount, **unavailable},
                "transaction_link_id": None,
            },
            "type": "card",
        },
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        "status": "failed" if refused else "succeeded",
    }


def last_payment_error(its_charge: Json, method: Json, card: Card) -> Json:
    assert card.decline is not None
    return {
        "charge": its_charge["id"],
        "code": card.decline.code,
        "decline_code": card.decline.decline_code,
        "doc_url": DOCS + card.decline.code.replace("_", "-"),
        "message": card.decline.message,
        "payment_method": method,
        "type": "card_error",
    }


def balance_transaction(its_charge: Json) -> Json:
    moment, fee, currency = now(), fee_of(its_charge["amount"]), its_charge["currency"]
    detail = {"description": "Stripe processing fees", "type": "stripe_fee", "application": None}
    return {
        "id": new_id("txn_3"),
        "object": "balance_transaction",
        "amount": its_charge["amount"],
        "available_on": (moment // DAY + 2) * DAY,
        "balance_type": "payments",
        "created": moment,
        "currency": currency,
        "description": its_charge["description"],
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [{"amount": fee, "currency": currency, **detail}],
        "net": its_charge["amount"] - fee,
        "reporting_category": "charge",
        "source": its_charge["id"],
        "status": "pending",
        "type": "charge",
    }


def public(thing: Json) -> Json:
    return {name: value for name, value in thing.items() if not name.startswith("_")}


def event(kind: str, thing: Json, previous: Json | None, request: Json) -> Json:
    """A snapshot of `thing` as it is now; `previous` holds the old values of what changed."""
    changes = {} if previous is None else {"previous_attributes": previous}
    return {
        "id": new_id("evt_1"),
        "object": "event",
        "api_version": API_VERSION,
        "created": now(),
        "data": {"object": public(thing), **changes},
        "livemode": False,
        "pending_webhooks": 0,
        "request": request,
        "type": kind,
    }


def balance(transactions: list[Json]) -> Json:
    """The sums of what was taken less fees, per currency, pending or available by date."""
    currencies = {transaction["currency"] for transaction in transactions} or {"usd"}
    sums = {state: dict.fromkeys(sorted(currencies), 0) for state in ("available", "pending")}
    for transaction in transactions:
        state = "available" if transaction["available_on"] <= now() else "pending"
        sums[state][transaction["currency"]] += transaction["net"]
    parts = {
        state: [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in by_currency.items()
        ]
        for state, by_currency in sums.items()
    }
    return {"object": "balance", "livemode": False, **parts}
