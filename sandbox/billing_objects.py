"""Customers, subscriptions, invoices and what belongs to them, each built in one place."""

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.errors import Json
from sandbox.objects import DAY, new_id, none, now


def customer(given: Json) -> Json:
    return {
        **none(
            "address currency customer_account default_source description discount email name "
            "phone shipping test_clock"
        ),
        "id": new_id("cus_", 14),
        "object": "customer",
        "balance": 0,
        "created": now(),
        "delinquent": False,
        "invoice_prefix": new_id("", 8).upper(),
        "invoice_settings": none("custom_fields default_payment_method footer rendering_options"),
        "livemode": False,
        "metadata": {},
        "next_invoice_sequence": 1,
        "preferred_locales": [],
        "tax_exempt": "none",
        **given,
    }


# Subscriptions


def add_interval(start: int, recurring: Json, times: int) -> int:
    """`start` so many intervals later. The 31st becomes the last day of a shorter month."""
    count = recurring["interval_count"] * times
    begin = datetime.fromtimestamp(start, UTC)
    if recurring["interval"] in ("day", "week"):
        days = count * (7 if recurring["interval"] == "week" else 1)
        return int((begin + timedelta(days=days)).timestamp())
    months = begin.month - 1 + count * (12 if recurring["interval"] == "year" else 1)
    year, month = begin.year + months // 12, months % 12 + 1
    day = min(begin.day, calendar.monthrange(year, month)[1])
    return int(begin.replace(year=year, month=month, day=day).timestamp())


def period_after(moment: int, anchor: int, recurring: Json) -> Json:
    """The period that begins at a moment, counted from the anchor so that days do not drift."""
    times = 1
    while (end := add_interval(anchor, recurring, times)) <= moment:
        times += 1
    return {"current_period_start": moment, "current_period_end": end}


def subscription_item(subscription_id: str, item: Json, anchor: int) -> Json:
    price = item["price"]
    return {
        "id": new_id("si_", 14),
        "object": "subscription_item",
        "billed_until": None,
        "billing_thresholds": None,
        "created": anchor,
        **period_after(anchor, anchor, price["recurring"]),
        "discounts": [],
        "metadata": {},
        "plan": plan(price),
        "price": price,
        "quantity": item["quantity"],
        "subscription": subscription_id,
        "tax_rates": [],
    }


def plan(price: Json) -> Json:
    """The older description of a price, which items still carry."""
    recurring = price["recurring"]
    return {
        **none("meter nickname tiers_mode transform_usage trial_period_days"),
        "id": price["id"],
        "object": "plan",
        "active": price["active"],
        "amount": price["unit_amount"],
        "amount_decimal": price["unit_amount_decimal"],
        "billing_scheme": "per_unit",
        "created": price["created"],
        "currency": price["currency"],
        "interval": recurring["interval"],
        "interval_count": recurring["interval_count"],
        "livemode": False,
        "metadata": {},
        "product": price["product"],
        "usage_type": "licensed",
    }


def subscription(session: Json, its_customer: Json, method: Json, begin: int) -> Json:
    """What a completed checkout session in subscription mode leaves: active from `begin`."""
    key = new_id("sub_1")
    items = [subscription_item(key, item, begin) for item in session["_items"]]
    return {
        **none(
            "application application_fee_percent billing_cycle_anchor_config billing_thresholds "
            "cancel_at canceled_at customer_account days_until_due default_source ended_at "
            "latest_invoice next_pending_invoice_item_invoice on_behalf_of pause_collection "
            "pending_invoice_item_interval pending_setup_intent pending_update schedule "
            "transfer_data trial_end trial_start"
        ),
        "id": key,
        "object": "subscription",
        "automatic_tax": {"enabled": False, **none("disabled_reason liability")},
        "billing_cycle_anchor": begin,
        "billing_mode": {"type": "flexible", "flexible": {"proration_discounts": "included"}},
        "billing_schedules": [],
        "cancel_at_period_end": False,
        "cancellation_details": none("comment feedback reason"),
        "collection_method": "charge_automatically",
        "created": begin,
        "currency": session["currency"],
        "customer": its_customer["id"],
        "default_payment_method": method["id"],
        "default_tax_rates": [],
        "discounts": [],
        "invoice_settings": {
            **none("account_tax_ids custom_fields description footer"),
            "issuer": {"type": "self"},
        },
        "items": {
            "object": "list",
            "data": items,
            "has_more": False,
            "url": f"/v1/subscription_items?subscription={key}",
        },
        "livemode": False,
        "managed_payments": {"enabled": False},
        "payment_settings": {
            "payment_method_options": None,
            "payment_method_types": session["payment_method_types"],
            "save_default_payment_method": "off",
        },
        "start_date": begin,
        "status": "active",
        "test_clock": its_customer["test_clock"],
        "trial_settings": {
            "end_behavior": {
                "billing_cycle_anchor": None,
                "missing_payment_method": "create_invoice",
            }
        },
        **session["_subscription"],
        "_names": [item["description"] for item in session["_items"]],
    }


# Invoices


def invoice(its_subscription: Json, its_customer: Json, reason: str, moment: int) -> Json:
    """A draft for the subscription's present period."""
    key = new_id("in_1")
    named = zip(its_subscription["items"]["data"], its_subscription["_names"], strict=True)
    lines = [_line(key, its_subscription, item, name) for item, name in named]
    total = sum(line["amount"] for line in lines)
    details = {
        "metadata": its_subscription["metadata"],
        "subscription": its_subscription["id"],
        "subscription_proration_date": None,
    }
    return {
        **none(
            "account_name account_tax_ids application automatically_finalizes_at custom_fields "
            "customer_account customer_phone customer_shipping default_payment_method "
            "default_source description due_date effective_at ending_balance footer from_invoice "
            "hosted_invoice_url invoice_pdf last_finalization_error latest_revision "
            "next_payment_attempt number on_behalf_of receipt_number rendering shipping_cost "
            "shipping_details statement_descriptor threshold_reason webhooks_delivered_at"
        ),
        "id": key,
        "object": "invoice",
        "account_country": "US",
        **dict.fromkeys(("amount_due", "amount_remaining", "total", "subtotal"), total),
        **dict.fromkeys(("total_excluding_tax", "subtotal_excluding_tax"), total),
        **dict.fromkeys(("amount_overpaid", "amount_paid", "amount_shipping", "attempt_count"), 0),
        "attempted": False,
        "auto_advance": True,
        "automatic_tax": {"enabled": False, **none("disabled_reason liability provider status")},
        "billing_reason": reason,
        "collection_method": "charge_automatically",
        "created": moment,
        "currency": its_subscription["currency"],
        "customer": its_customer["id"],
        "customer_address": its_customer["address"],
        "customer_email": its_customer["email"],
        "customer_name": its_customer["name"],
        "customer_tax_exempt": "none",
        "customer_tax_ids": [],
        "default_tax_rates": [],
        "discounts": [],
        "issuer": {"type": "self"},
        "lines": {
            "object": "list",
            "data": lines,
            "has_more": False,
            "url": f"/v1/invoices/{key}/lines",
        },
        "livemode": False,
        "metadata": {},
        "parent": {
            "quote_details": None,
            "subscription_details": details,
            "type": "subscription_details",
        },
        "payment_settings": none("default_mandate payment_method_options payment_method_types"),
        "period_end": lines[0]["period"]["start"],
        "period_start": lines[0]["period"]["start"],
        "post_payment_credit_notes_amount": 0,
        "pre_payment_credit_notes_amount": 0,
        "starting_balance": 0,
        "status": "draft",
        "status_transitions": none("finalized_at marked_uncollectible_at paid_at voided_at"),
        "test_clock": its_subscription["test_clock"],
        "total_discount_amounts": [],
        "total_pretax_credit_amounts": [],
        "total_taxes": [],
    }


def _line(invoice_id: str, its_subscription: Json, item: Json, name: str) -> Json:
    price, amount = item["price"], item["price"]["unit_amount"] * item["quantity"]
    parent = {
        **none("invoice_item proration_details"),
        "proration": False,
        "subscription": its_subscription["id"],
        "subscription_item": item["id"],
    }
    return {
        "id": new_id("il_1"),
        "object": "line_item",
        "amount": amount,
        "currency": price["currency"],
        "description": f"{item['quantity']} × {name}",
        "discount_amounts": [],
        "discountable": True,
        "discounts": [],
        "invoice": invoice_id,
        "livemode": False,
        "metadata": its_subscription["metadata"],
        "parent": {
            "invoice_item_details": None,
            "subscription_item_details": parent,
            "type": "subscription_item_details",
        },
        "period": {"end": item["current_period_end"], "start": item["current_period_start"]},
        "pretax_credit_amounts": [],
        "pricing": {
            "price_details": {"price": price["id"], "product": price["product"]},
            "type": "price_details",
            "unit_amount_decimal": price["unit_amount_decimal"],
        },
        "quantity": item["quantity"],
        "quantity_decimal": str(item["quantity"]),
        "subscription": its_subscription["id"],
        "subtotal": amount,
        "taxes": [],
    }


def invoice_payment(its_invoice: Json, intent_id: str) -> Json:
    """The link between an invoice and the intent that pays it: neither names the other."""
    return {
        "id": new_id("inpay_1"),
        "object": "invoice_payment",
        "amount_paid": None,
        "amount_requested": its_invoice["amount_due"],
        "created": its_invoice["created"],
        "currency": its_invoice["currency"],
        "invoice": its_invoice["id"],
        "is_default": True,
        "livemode": False,
        "payment": {"payment_intent": intent_id, "type": "payment_intent"},
        "status": "open",
        "status_transitions": none("canceled_at paid_at"),
    }


# The rest


def portal_session(base_url: str, its_customer: Json, return_url: str, locale: str | None) -> Json:
    key = new_id("bps_1")
    return {
        **none("customer_account flow on_behalf_of"),
        "id": key,
        "object": "billing_portal.session",
        "configuration": "bpc_1Sandbox",
        "created": now(),
        "customer": its_customer["id"],
        "livemode": False,
        "locale": locale,
        "return_url": return_url,
        "url": f"{base_url}/p/session/{key}",
    }


def test_clock(frozen_time: int, name: str | None) -> Json:
    return {
        "id": new_id("clock_1"),
        "object": "test_helpers.test_clock",
        "created": now(),
        "deletes_after": now() + 30 * DAY,
        "frozen_time": frozen_time,
        "livemode": False,
        "name": name,
        "status": "ready",
        "status_details": {},
    }
