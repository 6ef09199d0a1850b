"""The hosted customer portal: a person sees what recurs, stops it, replaces the card."""

from datetime import UTC, datetime

from sandbox import billing, objects
from sandbox.errors import Json
from sandbox.hosted import Visit, table_of_cards
from sandbox.instruments import instrument_of
from sandbox.texts import money, rhythm
from sandbox.web import Html, Reply, send_on, tag, together


def turn(visit: Visit) -> Reply:
    """Do what a button says, and show the page again."""
    if not visit.sent:
        return _page(visit)
    if visit.value("action") == "card":
        _replace_card(visit)
    else:
        _stop_or_keep(visit)
    if visit.errors or visit.refusal:
        return _page(visit, status=422)
    return send_on(f"/p/session/{visit.session['id']}")


def _going_on(visit: Visit) -> list[Json]:
    conditions = (("customer", visit.session["customer"]), ("status is not", "canceled"))
    return visit.sandbox.find("subscription", *conditions)


def _stop_or_keep(visit: Visit) -> None:
    sandbox, action = visit.sandbox, visit.value("action")
    for subscription in _going_on(visit):
        if subscription["id"] != visit.value("subscription"):
            continue
        if action == "cancel_now":
            billing.end(sandbox, subscription, billing.moment_of(sandbox, subscription))
        elif action in ("cancel_later", "keep"):
            changes = billing.cancelling(sandbox, subscription, action == "cancel_later")
            sandbox.change(subscription, billing.CHANGED, changes)


def _replace_card(visit: Visit) -> None:
    """The new card becomes the customer's default, and that of all that recurs."""
    found, sandbox = visit.card(), visit.sandbox
    if found is None:
        return
    card, expiry = found
    if card.decline:
        visit.refusal = card.decline.reason
        return
    customer = sandbox.known(visit.session["customer"])
    method = objects.payment_method(card, expiry, customer["email"], customer["name"])
    billing.attach(sandbox, method, customer["id"])
    default = {"default_payment_method": method["id"]}
    settings = {"invoice_settings": customer["invoice_settings"] | default}
    sandbox.change(customer, "customer.updated", settings)
    for subscription in _going_on(visit):
        sandbox.change(subscription, billing.CHANGED, default)


# HTML


def _page(visit: Visit, status: int = 200) -> Reply:
    subscriptions, title = _going_on(visit), visit.text("portal_title")
    recurring = [_recurring(visit, each) for each in subscriptions]
    replace = tag("button", visit.text("replace_card"), name="action", value="card")
    return visit.page(
        title,
        visit.back(visit.session["return_url"]),
        tag("h1", title),
        *(recurring or [tag("p", visit.text("portal_none"))]),
        tag("h2", visit.text("portal_card")),
        tag("p", _method_in_use(visit, subscriptions)),
        visit.problem("card_problem"),
        tag("form", visit.card_fields(), replace, method="post", novalidate=True),
        table_of_cards(visit.language, ("card",)),
        status=status,
    )


def _recurring(visit: Visit, subscription: Json) -> Html:
    items, currency = subscription["items"]["data"], subscription["currency"]
    ends, paused = subscription["cancel_at_period_end"], subscription["pause_collection"]
    amount = sum(item["price"]["unit_amount"] * item["quantity"] for item in items)
    said = visit.text(
        "portal_ends" if ends else "portal_paused" if paused else "portal_next",
        amount=money(amount, currency, visit.language),
        often=rhythm(items[0]["price"]["recurring"], visit.language),
        date=datetime.fromtimestamp(billing.period_end(subscription), UTC).date().isoformat(),
    )
    failed = subscription["status"] == "past_due"
    return together(
        tag("h2", subscription["description"] or subscription["_names"][0]),
        tag("p", said),
        tag("p", visit.text("portal_past_due"), class_="error") if failed else None,
        tag(
            "form",
            tag("input", type="hidden", name="subscription", value=subscription["id"]),
            visit.button("keep" if ends else "cancel_later"),
            visit.button("cancel_now"),
            method="post",
        ),
    )


def _method_in_use(visit: Visit, subscriptions: list[Json]) -> str:
    settings = visit.sandbox.known(visit.session["customer"])["invoice_settings"]
    keys = [each["default_payment_method"] for each in (*subscriptions, settings)]
    method = visit.sandbox.get(next(filter(None, keys), None))
    if method is None:
        return visit.text("portal_no_card")
    details = method[method["type"]]
    if method["type"] != "card":
        return visit.text("portal_debit_now", last4=details["last4"])
    expiry = f"{details['exp_month']:02d}/{details['exp_year'] % 100:02d}"
    brand = instrument_of(method).brand_name
    return visit.text("portal_card_now", brand=brand, last4=details["last4"], expiry=expiry)
