"""The objects of Stripe's API as this version serves them, each built in one place.

objects.json holds their templates; here is what goes into them. Keys that start with an underscore
are the sandbox's own notes and are never served. Amounts are in minor units of the currency as
Stripe counts them, and pass through untouched.
"""

import secrets
import string
import time
from functools import reduce
from operator import getitem
from typing import Any

from sandbox.data import load
from sandbox.errors import Json, doc_url
from sandbox.instruments import Decline, Instrument

API_VERSION = "2026-10-28.endive"
DAY = 86_400
LETTERS = string.ascii_letters + string.digits
TEMPLATES: Json = load("objects.json")


def new_id(prefix: str, length: int = 24) -> str:
    return prefix + "".join(secrets.choice(LETTERS) for _ in range(length))


def now() -> int:
    return int(time.time())


def fee_of(amount: int) -> int:
    """2.9 % of the amount, halves rounded up, plus 30 minor units."""
    return (amount * 29 + 500) // 1000 + 30


def part(name: str, /, **sources: Any) -> Json:
    """A part of an object, as its template in objects.json says."""
    return _filled(TEMPLATES[name], sources)


def made(kind: str, /, **sources: Any) -> Json:
    """A new object, with an id of its own, made now unless its template says otherwise."""
    thing = part(kind, **sources) | {"object": kind}
    if isinstance(thing["id"], list):
        thing["id"] = new_id(*thing["id"])
    if thing.get("created", 0) is None:
        thing["created"] = now()
    return thing


def _filled(template: Any, sources: Json) -> Any:
    """A copy of a template. `$charge.id` becomes what is there in the sources.

    The names under "null" become fields that are always null here.
    """
    if isinstance(template, str) and template.startswith("$"):
        return reduce(getitem, template[1:].split("."), sources)
    if isinstance(template, list):
        return [_filled(each, sources) for each in template]
    if not isinstance(template, dict):
        return template
    nulls = dict.fromkeys(template.get("null", "").split())
    filled = {name: _filled(each, sources) for name, each in template.items() if name != "null"}
    return nulls | filled


def of(thing: Json, *names: str) -> Json:
    """The same fields of another object."""
    return {name: thing[name] for name in names}


def listed(things: list[Json], url: str, *, has_more: bool = False) -> Json:
    return {"object": "list", "data": things, "has_more": has_more, "url": url}


def public(thing: Json) -> Json:
    return {name: value for name, value in thing.items() if not name.startswith("_")}


# Checkout sessions


def customer_details(email: str, name: str | None) -> Json:
    address = part("billing_details", email=None, name=None)["address"]
    known = {"address": address, "tax_ids": []} if name else {"address": None, "tax_ids": None}
    return part("customer_details", email=email, name=name) | known


def price(currency: str, amount: int, recurring: Json | None) -> Json:
    """The price that Stripe makes, inactive, for a line item given by its amount."""
    unused = {"meter": None, "trial_period_days": None, "usage_type": "licensed"}
    product = new_id("prod_", 14)
    its = made("price", currency=currency, amount=amount, decimal=str(amount), product=product)
    its["recurring"] = recurring and recurring | unused
    return its | {"type": "recurring" if recurring else "one_time"}


def line_item(its_price: Json, quantity: int, name: str) -> Json:
    amount = its_price["unit_amount"] * quantity
    return made("item", amount=amount, name=name, price=its_price, quantity=quantity)


def checkout_session(base_url: str, items: list[Json], given: Json) -> Json:
    """An open session; `given` are the fields that the caller chose."""
    recurs = given["mode"] == "subscription"
    session = made(
        "checkout.session",
        items=items,
        total=sum(item["amount_total"] for item in items),
        currency=items[0]["currency"],
        options=_method_options(given["payment_method_types"]),
    )
    return session | {
        "invoice_creation": None if recurs else part("invoice_creation"),
        "payment_method_collection": "always" if recurs else "if_required",
        "url": f"{base_url}/c/pay/{session['id']}",
        **given,
    }


def _method_options(types: list[str]) -> Json:
    by_card = {"request_three_d_secure": "automatic"}
    return {kind: dict(by_card) if kind == "card" else {} for kind in types}


# Payments


def payment_intent(amount: int, currency: str, given: Json) -> Json:
    options = _method_options(given["payment_method_types"])
    if "card" in options:
        options["card"] |= dict.fromkeys(("installments", "mandate_options", "network"))
    intent = made("payment_intent", amount=amount, currency=currency, options=options)
    return intent | {"client_secret": new_id(f"{intent['id']}_secret_", 25)} | given


def _card(card: Instrument, month: int, year: int) -> Json:
    """What a payment method and a charge both say of a card."""
    last4, fingerprint = card.last4, f"sandbox{card.last4}"
    known = {"brand": card.brand, "last4": last4, "fingerprint": fingerprint}
    return part("card", month=month, year=year, **known)


def payment_method(
    instrument: Instrument, expiry: tuple[int, int], email: str | None, name: str | None
) -> Json:
    """`expiry` is the month and the year that were typed, of a card."""
    kind = instrument.type
    if instrument.is_card:
        details = _card(instrument, *expiry) | part("kept_card", brand=instrument.brand)
    else:
        more = part("kept_bank_account") if kind == "us_bank_account" else {}
        details = instrument.account() | more
    billing = part("billing_details", email=email, name=name)
    return made("payment_method", billing=billing, type=kind) | {kind: details}


def charge(
    intent: Json, method: Json, instrument: Instrument, refused: Decline | None, confirmed: bool
) -> Json:
    """One attempt to take the intent's amount. `confirmed`: by the person, through 3-D Secure."""
    kind, amount, by_card = method["type"], intent["amount"], instrument.is_card
    if by_card:
        details = _charged_card(amount, method["card"], instrument, refused, confirmed)
    else:
        details = instrument.account() | {"expected_debit_date": None, "mandate": None}
    status = "pending" if not by_card else "failed" if refused else "succeeded"
    its = made(
        "charge",
        id=new_id("ch_3" if by_card else "py_3"),
        intent=intent,
        method=method,
        details={kind: details, "type": kind},
        descriptor=intent["statement_descriptor"] or "SANDBOX",
    )
    notes = {
        "_available_at_once": instrument.available_at_once,
        "_card_behaviour": instrument.aftermath,
    }
    return its | charge_result(amount, status, refused) | notes


def charge_result(amount: int, status: str, refused: Decline | None) -> Json:
    """What a charge says of its end, or of an end that is still to come (`pending`)."""
    outcome = part("authorized")
    if refused:
        said = f"The bank answered `{refused.reason}`."
        outcome = part("issuer_declined", reason=refused.reason, said=said)
    return {
        "amount_captured": 0 if refused else amount,
        "captured": not refused,
        "failure_code": refused and refused.code,
        "failure_message": refused and refused.message,
        "outcome": outcome,
        "paid": status == "succeeded",
        "status": status,
    }


def _charged_card(
    amount: int, known: Json, card: Instrument, refused: Decline | None, confirmed: bool
) -> Json:
    details = part("charged_card", amount=amount, brand=card.brand)
    if not refused:
        details |= {"amount_authorized": amount, "authorization_code": "123456"}
    if confirmed:
        details["three_d_secure"] = part("three_d_secure", transaction=new_id("sandbox-"))
    return _card(card, known["exp_month"], known["exp_year"]) | details


def last_payment_error(refused: Decline, method: Json, charge_id: str | None) -> Json:
    """Without a charge where none was tried: 3-D Secure was refused before."""
    by_bank = {"decline_code": refused.decline_code, "charge": charge_id}
    return {name: value for name, value in by_bank.items() if value} | {
        "code": refused.code,
        "doc_url": doc_url(refused.code),
        "message": refused.message,
        "payment_method": public(method),
        "type": "card_error" if charge_id else "invalid_request_error",
    }


# The balance


def pays_by_card(its_charge: Json) -> bool:
    return its_charge["payment_method_details"]["type"] == "card"


def balance_transaction(its_charge: Json) -> Json:
    """What a successful charge brings: its amount less the fee, in two days."""
    kind, amount = "charge" if pays_by_card(its_charge) else "payment", its_charge["amount"]
    fee = (fee_of(amount), "Stripe processing fees")
    available_on = 0 if its_charge.get("_available_at_once") else (now() // DAY + 2) * DAY
    return transaction(kind, "charge", amount, its_charge, fee=fee, available_on=available_on)


def transaction(
    kind: str,
    category: str,
    amount: int,
    source: Json,
    *,
    fee: tuple[int, str] = (0, ""),
    available_on: int = 0,
) -> Json:
    """A change of the balance that `source` caused: at once, unless it is available only later."""
    taken = {"amount": fee[0], "currency": source["currency"], "description": fee[1]}
    taken |= {"type": "stripe_fee", "application": None}
    return made(
        "balance_transaction",
        kind=kind,
        category=category,
        amount=amount,
        fee=fee[0],
        net=amount - fee[0],
        fee_details=[taken] if fee[0] else [],
        currency=source["currency"],
        description=source.get("description"),
        source=source.get("id"),
        available_on=available_on or now(),
        status="pending" if available_on else "available",
    )


def balance(transactions: list[Json]) -> Json:
    """The sums of what was taken less fees, per currency, pending or available by date."""
    currencies = sorted({each["currency"] for each in transactions} or {"usd"})
    sums = {state: dict.fromkeys(currencies, 0) for state in ("available", "pending")}
    for each in transactions:
        state = "available" if each["available_on"] <= now() else "pending"
        sums[state][each["currency"]] += each["net"]
    parts = {
        state: [
            {"amount": amount, "currency": currency, "source_types": {"card": amount}}
            for currency, amount in by_currency.items()
        ]
        for state, by_currency in sums.items()
    }
    return {"object": "balance", "livemode": False, **parts}


# After the charge


def refund(its_charge: Json, amount: int, reason: str | None, metadata: dict[str, str]) -> Json:
    """A refund whose money is on its way; `pending_reason` and status are up to the caller."""
    by_card = pays_by_card(its_charge)
    its = {"id": new_id("re_3" if by_card else "pyr_1"), "metadata": metadata, "reason": reason}
    destination = part("refund_to_card") if by_card else None
    return made("refund", charge=its_charge, amount=amount, destination=destination, **its)


def dispute(its_charge: Json, amount: int, reason: str, case_type: str, status: str) -> Json:
    """A question (inquiry) or a demand (chargeback) of the payer's bank; no money moved yet."""
    card = its_charge["payment_method_details"].get("card")
    code = {"network_reason_code": "10.4" if reason == "fraudulent" else "13.1"}
    details = card and of(card, "brand", "network") | code | {"case_type": case_type}
    return made(
        "dispute",
        charge=its_charge,
        amount=amount,
        reason=reason,
        status=status,
        refundable=case_type != "chargeback",
        # Null for bank debits: Stripe has details for cards and a few wallets alone.
        details=details and {"card": details, "type": "card"},
        due_by=(now() // DAY + 8) * DAY - 1,
    )


def payout(amount: int, currency: str, *, automatic: bool, given: Json) -> Json:
    """Money on its way to the bank account; `given` are the fields that the caller chose."""
    its = made(
        "payout",
        amount=amount,
        currency=currency,
        automatic=automatic,
        arrival=(now() // DAY + 2) * DAY,
        description="STRIPE PAYOUT" if automatic else None,
        reconciliation="in_progress" if automatic else "not_applicable",
    )
    return its | given


# The rest


def event(kind: str, thing: Json, previous: Json | None, request: Json) -> Json:
    """A snapshot of `thing` as it is now; `previous` holds the old values of what changed."""
    changes = {} if previous is None else {"previous_attributes": previous}
    data = {"object": public(thing), **changes}
    return made("event", kind=kind, data=data, request=request, version=API_VERSION)


def portal_session(base_url: str, customer: Json, return_url: str, locale: str | None) -> Json:
    kind = "billing_portal.session"
    its = made(kind, customer=customer, locale=locale, return_url=return_url)
    return its | {"url": f"{base_url}/p/session/{its['id']}"}


def test_clock(frozen_time: int, name: str | None) -> Json:
    later = now() + 30 * DAY
    return made("test_helpers.test_clock", later=later, frozen_time=frozen_time, name=name)
