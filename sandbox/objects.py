"""The objects of Stripe's API as this version serves them, each built in one place.

Keys that start with an underscore are the sandbox's own notes and are never served. Amounts are
in minor units of the currency as Stripe counts them, and pass through untouched.
"""

import secrets
import string
import time

from sandbox.cards import Card, Decline
from sandbox.debits import Account
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


def price(currency: str, unit_amount: int, recurring: Json | None) -> Json:
    """The price that Stripe makes, inactive, for a line item given by its amount."""
    unused = {"meter": None, "trial_period_days": None, "usage_type": "licensed"}
    return {
        **none("custom_unit_amount lookup_key nickname tiers_mode transform_quantity"),
        "id": new_id("price_1"),
        "object": "price",
        "active": False,
        "billing_scheme": "per_unit",
        "created": now(),
        "currency": currency,
        "livemode": False,
        "metadata": {},
        "product": new_id("prod_", 14),
        "recurring": recurring and {**recurring, **unused},
        "tax_behavior": "unspecified",
        "type": "recurring" if recurring else "one_time",
        "unit_amount": unit_amount,
        "unit_amount_decimal": str(unit_amount),
    }


def line_item(its_price: Json, quantity: int, name: str) -> Json:
    amount = its_price["unit_amount"] * quantity
    return {
        "id": new_id("li_1"),
        "object": "item",
        "adjustable_quantity": None,
        "amount_discount": 0,
        "amount_subtotal": amount,
        "amount_tax": 0,
        "amount_total": amount,
        "currency": its_price["currency"],
        "description": name,
        "metadata": {},
        "price": its_price,
        "quantity": quantity,
    }


def checkout_session(base_url: str, items: list[Json], given: Json) -> Json:
    """An open session; `given` are the fields that the caller chose."""
    key = new_id("cs_test_a1", 58)
    recurs = given["mode"] == "subscription"
    invoice_data = {
        **none("account_tax_ids custom_fields description footer issuer rendering_options"),
        "metadata": {},
    }
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
        "discounts": [],
        "invoice_creation": None if recurs else {"enabled": False, "invoice_data": invoice_data},
        "livemode": False,
        "managed_payments": {"enabled": False},
        "payment_method_collection": "always" if recurs else "if_required",
        "payment_method_options": _method_options(given["payment_method_types"]),
        "payment_status": "unpaid",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "status": "open",
        "total_details": {"amount_discount": 0, "amount_shipping": 0, "amount_tax": 0},
        "ui_mode": "hosted_page",
        "url": f"{base_url}/c/pay/{key}",
        **given,
        "_items": items,
    }


def _method_options(types: list[str]) -> Json:
    return {
        kind: {"request_three_d_secure": "automatic"} if kind == "card" else {} for kind in types
    }


def payment_intent(amount: int, currency: str, given: Json) -> Json:
    key, types = new_id("pi_3"), given["payment_method_types"]
    options = _method_options(types)
    if "card" in options:
        options["card"] |= none("installments mandate_options network")
    return {
        **none(
            "application application_fee_amount automatic_payment_methods canceled_at "
            "cancellation_reason customer customer_account excluded_payment_method_types "
            "description last_payment_error latest_charge next_action on_behalf_of payment_method "
            "payment_method_configuration_details processing receipt_email review "
            "setup_future_usage shipping source statement_descriptor statement_descriptor_suffix "
            "transfer_data transfer_group"
        ),
        "id": key,
        "object": "payment_intent",
        "amount": amount,
        "amount_capturable": 0,
        "amount_details": {"tip": {}},
        "amount_received": 0,
        "capture_method": "automatic_async",
        "client_secret": new_id(f"{key}_secret_", 25),
        "confirmation_method": "automatic",
        "created": now(),
        "currency": currency,
        "livemode": False,
        "managed_payments": {"enabled": False},
        "metadata": {},
        "payment_method_options": options,
        "status": "requires_payment_method",
        **given,
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


def payment_method(instrument: Card | Account, expiry: tuple[int, int], billing: Json) -> Json:
    """`expiry` is the month and the year that were typed, of a card."""
    return {
        **none("customer customer_account"),
        "id": new_id("pm_1"),
        "object": "payment_method",
        "allow_redisplay": "limited",
        "billing_details": billing,
        "created": now(),
        "livemode": False,
        "metadata": {},
        "type": instrument.type,
        instrument.type: _method_details(instrument, expiry),
    }


def _method_details(instrument: Card | Account, expiry: tuple[int, int]) -> Json:
    if isinstance(instrument, Card):
        return {
            **_card(instrument, *expiry),
            "display_brand": instrument.brand,
            "generated_from": None,
            "networks": {"available": [instrument.brand], "preferred": None},
            "three_d_secure_usage": {"supported": True},
        }
    if instrument.type == "us_bank_account":
        networks = {"preferred": "ach", "supported": ["ach"]}
        more = none("financial_connections_account status_details")
        return {**instrument.details(), **more, "networks": networks}
    return instrument.details()


def charge(
    intent: Json, method: Json, instrument: Card | Account, refused: Decline | None, confirmed: bool
) -> Json:
    """One attempt to take the intent's amount. `confirmed`: by the person, through 3-D Secure."""
    kind = method["type"]
    if isinstance(instrument, Card):
        details = _charged_card(intent["amount"], method["card"], instrument, refused, confirmed)
    else:
        details = instrument.details() | {"expected_debit_date": None, "mandate": None}
    status = "pending" if kind != "card" else "failed" if refused else "succeeded"
    return {
        **none(
            "application application_fee application_fee_amount balance_transaction "
            "failure_balance_transaction on_behalf_of receipt_number receipt_url review shipping "
            "source source_transfer transfer_data transfer_group"
        ),
        "id": new_id("ch_3" if kind == "card" else "py_3"),
        "object": "charge",
        "amount": intent["amount"],
        "amount_refunded": 0,
        "billing_details": method["billing_details"],
        "calculated_statement_descriptor": intent["statement_descriptor"] or "SANDBOX",
        "created": now(),
        "currency": intent["currency"],
        "customer": intent["customer"],
        "description": intent["description"],
        "disputed": False,
        "fraud_details": {},
        "livemode": False,
        "metadata": intent["metadata"],
        "payment_intent": intent["id"],
        "payment_method": method["id"],
        "payment_method_details": {kind: details, "type": kind},
        "receipt_email": intent["receipt_email"],
        "refunded": False,
        "statement_descriptor": intent["statement_descriptor"],
        "statement_descriptor_suffix": intent["statement_descriptor_suffix"],
        **charge_result(intent["amount"], status, refused),
        "_available_at_once": instrument.available_at_once,
        "_card_behaviour": instrument.aftermath,
    }


def charge_result(amount: int, status: str, refused: Decline | None) -> Json:
    """What a charge says of its end, or of an end that is still to come (`pending`)."""
    code = refused.reason if refused else None
    return {
        "amount_captured": 0 if refused else amount,
        "captured": not refused,
        "failure_code": refused.code if refused else None,
        "failure_message": refused.message if refused else None,
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
        "paid": status == "succeeded",
        "status": status,
    }


def _charged_card(
    amount: int, known: Json, card: Card, refused: Decline | None, confirmed: bool
) -> Json:
    unavailable = {"status": "unavailable"}
    secure = {
        **none("exemption_indicator result_reason"),
        "authentication_flow": "challenge",
        "electronic_commerce_indicator": "05",
        "result": "authenticated",
        "transaction_id": new_id("sandbox-"),
        "version": "2.2.0",
    }
    return {
        **_card(card, known["exp_month"], known["exp_year"]),
        **none("installments mandate network_transaction_id transaction_link_id"),
        "amount_authorized": None if refused else amount,
        "authorization_code": None if refused else "123456",
        "extended_authorization": {"status": "disabled"},
        "incremental_authorization": unavailable,
        "multicapture": unavailable,
        "network": card.brand,
        "network_token": {"used": False},
        "overcapture": {"maximum_amount_capturable": amount, **unavailable},
        "three_d_secure": secure if confirmed else None,
    }


def last_payment_error(refused: Decline, method: Json, charge_id: str | None) -> Json:
    """Without a charge where none was tried: 3-D Secure was refused before."""
    by_bank = {"decline_code": refused.decline_code} if refused.decline_code else {}
    charged = {"charge": charge_id} if charge_id else {}
    return {
        **by_bank,
        **charged,
        "code": refused.code,
        "doc_url": DOCS + refused.code.replace("_", "-"),
        "message": refused.message,
        "payment_method": public(method),
        "type": "card_error" if charge_id else "invalid_request_error",
    }


def balance_transaction(its_charge: Json) -> Json:
    """What a successful charge brings: its amount less the fee, in two days."""
    at_once = its_charge.get("_available_at_once")
    by_card = its_charge["payment_method_details"]["type"] == "card"
    return transaction(
        "charge" if by_card else "payment",
        "charge",
        its_charge["amount"],
        its_charge,
        fee=fee_of(its_charge["amount"]),
        fee_name="Stripe processing fees",
        available_on=0 if at_once else (now() // DAY + 2) * DAY,
    )


def transaction(
    kind: str,
    category: str,
    amount: int,
    source: Json,
    *,
    fee: int = 0,
    fee_name: str = "",
    available_on: int = 0,
) -> Json:
    """A change of the balance that `source` caused: at once, unless it is available only later."""
    currency = source["currency"]
    detail = {"description": fee_name, "type": "stripe_fee", "application": None}
    return {
        "id": new_id("txn_3"),
        "object": "balance_transaction",
        "amount": amount,
        "available_on": available_on or now(),
        "balance_type": "payments",
        "created": now(),
        "currency": currency,
        "description": source.get("description"),
        "exchange_rate": None,
        "fee": fee,
        "fee_details": [{"amount": fee, "currency": currency, **detail}] if fee else [],
        "net": amount - fee,
        "reporting_category": category,
        "source": source.get("id"),
        "status": "pending" if available_on else "available",
        "type": kind,
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
