"""The hosted customer portal: a person sees what recurs, stops it, replaces the card.

Plain HTML, no script. The address holds the secret, as Stripe's does: whoever has it may act.
"""

from datetime import UTC, datetime
from html import escape

from sandbox import billing, checkout_page, objects
from sandbox.checkout_page import Page, Typed, back, card_fields, document, problem
from sandbox.debits import instrument_of
from sandbox.errors import Json
from sandbox.payments import Sandbox
from sandbox.texts import TEXTS, language_of, money, rhythm

FIELDS = ("action", "subscription", "number", "expiry", "cvc")


def show(sandbox: Sandbox, session_id: str, accept_language: str) -> Page:
    with sandbox.store.transaction():
        session = sandbox.store.get(session_id, "billing_portal.session")
        if session is None:
            return _missing(accept_language)
        return _page(sandbox, session, Typed(), language_of(session["locale"], accept_language))


def submit(sandbox: Sandbox, session_id: str, body: bytes, accept_language: str) -> Page:
    """Do what a button says, and show the page again."""
    typed = checkout_page.read(body, FIELDS)
    with sandbox.store.transaction():
        session = sandbox.store.get(session_id, "billing_portal.session")
        if session is None:
            return _missing(accept_language)
        if typed.values["action"] == "card":
            _replace_card(sandbox, session["customer"], typed)
        else:
            _stop_or_keep(sandbox, session["customer"], typed)
        if typed.errors or typed.refusal:
            language = language_of(session["locale"], accept_language)
            return _page(sandbox, session, typed, language, status=422)
    return Page(303, location=f"/p/session/{session_id}")


def _missing(accept_language: str) -> Page:
    return checkout_page.closed(404, "missing", language_of(None, accept_language), "", "")


def _going_on(sandbox: Sandbox, customer_id: str) -> list[Json]:
    conditions = [("customer", customer_id), ("status is not", "canceled")]
    return sandbox.store.page("subscription", conditions, limit=100)[0]


def _stop_or_keep(sandbox: Sandbox, customer_id: str, typed: Typed) -> None:
    for subscription in _going_on(sandbox, customer_id):
        if subscription["id"] != typed.values["subscription"]:
            continue
        if typed.values["action"] == "cancel_now":
            billing.end(sandbox, subscription, billing.moment_of(sandbox, subscription))
        elif typed.values["action"] in ("cancel_later", "keep"):
            later = typed.values["action"] == "cancel_later"
            changes = billing.cancelling(sandbox, subscription, later)
            billing.change(sandbox, "customer.subscription.updated", subscription, changes)


def _replace_card(sandbox: Sandbox, customer_id: str, typed: Typed) -> None:
    """The new card becomes the customer's default, and that of all that recurs."""
    found = checkout_page.check_card(typed)
    if found is None:
        return
    card, expiry = found
    if card.decline:
        typed.refusal = card.decline.reason
        return
    customer = sandbox.store.get(customer_id) or {}
    details = objects.billing_details(customer["email"], customer["name"])
    method = objects.payment_method(card, expiry, details)
    billing.attach(sandbox, method, customer_id)
    default = {"default_payment_method": method["id"]}
    settings = {"invoice_settings": customer["invoice_settings"] | default}
    billing.change(sandbox, "customer.updated", customer, settings)
    for subscription in _going_on(sandbox, customer_id):
        billing.change(sandbox, "customer.subscription.updated", subscription, default)


# HTML


def _page(sandbox: Sandbox, session: Json, typed: Typed, language: str, status: int = 200) -> Page:
    text = TEXTS[language]
    subscriptions = _going_on(sandbox, session["customer"])
    recurring = "".join(_recurring(each, language) for each in subscriptions)
    words = text | {"problem": text["card_problem"]}
    main = f"""{back(session["return_url"], text["back"])}
<h1>{escape(text["portal_title"])}</h1>
{recurring or f"<p>{escape(text['portal_none'])}</p>"}
<h2>{escape(text["portal_card"])}</h2>
<p>{escape(_method_in_use(sandbox, session["customer"], subscriptions, text))}</p>
{problem(typed, words)}
<form method="post" novalidate>
{card_fields(typed, text)}
<button name="action" value="card">{escape(text["replace_card"])}</button>
</form>
{checkout_page.table_of_cards(language, ("card",))}"""
    return Page(status, document(text["portal_title"], main, language))


def _recurring(subscription: Json, language: str) -> str:
    text, item = TEXTS[language], subscription["items"]["data"][0]
    ends, paused = subscription["cancel_at_period_end"], subscription["pause_collection"]
    amount = money(
        sum(
            each["price"]["unit_amount"] * each["quantity"]
            for each in subscription["items"]["data"]
        ),
        subscription["currency"],
        language,
    )
    state = "portal_ends" if ends else "portal_paused" if paused else "portal_next"
    said = text[state].format(
        amount=amount,
        often=rhythm(item["price"]["recurring"], language),
        date=datetime.fromtimestamp(billing.period_end(subscription), UTC).date().isoformat(),
    )
    failed = subscription["status"] == "past_due"
    warning = f'<p class="error">{escape(text["portal_past_due"])}</p>' if failed else ""
    buttons = "".join(
        f'<p><button class="second" name="action" value="{action}">{escape(text[action])}</button></p>'
        for action in ("keep" if ends else "cancel_later", "cancel_now")
    )
    return f"""<h2>{escape(subscription["description"] or subscription["_names"][0])}</h2>
<p>{escape(said)}</p>{warning}
<form method="post">
<input type="hidden" name="subscription" value="{subscription["id"]}">
{buttons}
</form>
"""


def _method_in_use(
    sandbox: Sandbox, customer_id: str, subscriptions: list[Json], text: dict[str, str]
) -> str:
    customer = sandbox.store.get(customer_id) or {}
    keys = [customer["invoice_settings"]["default_payment_method"]]
    keys = [each["default_payment_method"] for each in subscriptions] + keys
    method = sandbox.store.get(next((key for key in keys if key), ""))
    if method is None:
        return text["portal_no_card"]
    kind = method["type"]
    last4 = method[kind]["last4"]
    if kind != "card":
        return text["portal_debit_now"].format(last4=last4)
    card = method["card"]
    expiry = f"{card['exp_month']:02d}/{card['exp_year'] % 100:02d}"
    brand = instrument_of(method).brand_name
    return text["portal_card_now"].format(brand=brand, last4=last4, expiry=expiry)
