"""Customers, subscriptions, invoices and what belongs to them, as objects.py builds the others."""

import calendar
from datetime import UTC, datetime, timedelta

from sandbox.errors import Json
from sandbox.objects import listed, made, new_id


def customer(given: Json) -> Json:
    return made("customer", prefix=new_id("", 8).upper()) | given


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
    price, its_plan = item["price"], plan(item["price"])
    its = made(
        "subscription_item", item=item, moment=anchor, plan=its_plan, subscription=subscription_id
    )
    return its | period_after(anchor, anchor, price["recurring"])


def plan(price: Json) -> Json:
    """The older description of a price, which items still carry."""
    return made("plan", price=price)


def subscription(session: Json, its_customer: Json, method: Json, begin: int) -> Json:
    """What a completed checkout session in subscription mode leaves: active from `begin`."""
    its = made("subscription", session=session, customer=its_customer, method=method, moment=begin)
    items = [subscription_item(its["id"], item, begin) for item in session["_items"]]
    return its | {
        **session["_subscription"],
        "items": listed(items, f"/v1/subscription_items?subscription={its['id']}"),
        "_names": [item["description"] for item in session["_items"]],
    }


# Invoices


def invoice(its_subscription: Json, its_customer: Json, reason: str, moment: int) -> Json:
    """A draft for the subscription's present period."""
    key, data = new_id("in_1"), its_subscription["items"]["data"]
    named = zip(data, its_subscription["_names"], strict=True)
    lines = [_line(key, its_subscription, item, name) for item, name in named]
    return made(
        "invoice",
        id=key,
        subscription=its_subscription,
        customer=its_customer,
        reason=reason,
        moment=moment,
        begin=data[0]["current_period_start"],
        lines=listed(lines, f"/v1/invoices/{key}/lines"),
        total=sum(line["amount"] for line in lines),
    )


def _line(invoice_id: str, its_subscription: Json, item: Json, name: str) -> Json:
    return made(
        "line_item",
        invoice=invoice_id,
        subscription=its_subscription,
        item=item,
        amount=item["price"]["unit_amount"] * item["quantity"],
        name=f"{item['quantity']} × {name}",
        decimal=str(item["quantity"]),
    )


def invoice_payment(its_invoice: Json, intent_id: str) -> Json:
    """The link between an invoice and the intent that pays it: neither names the other."""
    return made("invoice_payment", invoice=its_invoice, intent=intent_id)
