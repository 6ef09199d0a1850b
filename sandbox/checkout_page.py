"""The hosted checkout page: a person types a test card or account and is sent on."""

import re

from sandbox import checkout, instruments
from sandbox.errors import Json
from sandbox.hosted import Visit, table_of_cards
from sandbox.instruments import Instrument
from sandbox.payments import Presented
from sandbox.texts import rhythm
from sandbox.web import Html, Reply, bill, send_on, tag, together


def turn(visit: Visit) -> Reply:
    """Show the page as its session stands; looking at it changes nothing.

    A form pays and sends on, or what is wrong is shown with what was typed kept.
    """
    sandbox, session = visit.sandbox, visit.session
    if session["status"] == "open" and checkout.asks(sandbox, session):
        answer = visit.value("answer")
        if answer not in ("confirm", "refuse"):
            return _question(visit)
        refused = checkout.answer(sandbox, session, answer == "confirm")
    elif session["status"] == "open" and visit.sent:
        presented = _check(visit)
        if presented is None:
            return _page(visit, status=422)
        refused = checkout.present(sandbox, session, presented)
        if checkout.asks(sandbox, session):
            return send_on(f"/c/pay/{session['id']}")
    else:
        refused = None
    if refused:
        visit.refusal = refused.reason
        return _page(visit, status=402)
    if visit.sent and session["status"] == "complete":
        return send_on(_success_url(session))
    return _page(visit)


def _method(visit: Visit) -> str:
    """How the person pays: as chosen, or by what comes first."""
    types, chosen = visit.session["payment_method_types"], visit.value("method")
    return chosen if chosen in types else types[0]


def _check(visit: Visit) -> Presented | None:
    email, kind = _known_email(visit.session) or visit.value("email"), _method(visit)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        visit.errors["email"] = "email_wrong"
    if not visit.value("name"):
        visit.errors["name"] = "name_wrong"
    instrument: Instrument | None
    if kind == "card":
        instrument, expiry = visit.card() or (None, (0, 0))
    else:
        instrument, expiry = _account(visit, kind), (0, 0)
    if visit.errors or instrument is None:
        return None
    return Presented(instrument, expiry, visit.value("name"), email)


def _account(visit: Visit, kind: str) -> Instrument | None:
    names = instruments.SCHEMES[kind]["fields"]
    account = instruments.find(kind, [visit.value(name) for name in names])
    if account is None:
        visit.forget(*names)
        visit.errors[names[-1]] = "account_wrong"
    return account


def _known_email(session: Json) -> str | None:
    """The address that the portal gave, by itself or as the customer's; it cannot be changed."""
    given = session["customer_email"] or session["customer"]
    return session["customer_details"]["email"] if given and session["customer_details"] else None


def _success_url(session: Json) -> str:
    return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])


# HTML


def _page(visit: Visit, status: int = 200) -> Reply:
    session, types = visit.session, visit.session["payment_method_types"]
    if session["status"] == "complete":
        state = "complete" if session["payment_status"] == "paid" else "awaited"
        return visit.closed(state, _success_url(session), "continue")
    if session["status"] == "expired":
        return visit.closed("expired", session["cancel_url"], "back")
    amount = visit.money(session["amount_total"])
    form = tag(
        "form",
        _email(visit),
        visit.input(
            "name",
            "name" if types == ["card"] else "name_of_payer",
            autocomplete="off",
            maxlength="150",
        ),
        _means(visit),
        tag("button", visit.text("pay", amount=amount)),
        method="post",
        novalidate=True,
    )
    return visit.page(
        visit.text("title" if status == 200 else "title_error", amount=amount),
        visit.back(session["cancel_url"]),
        tag("h1", visit.text("title", amount=amount)),
        _bill(visit, amount),
        visit.problem("problem"),
        form,
        table_of_cards(visit.language, types),
        status=status,
    )


def _question(visit: Visit) -> Reply:
    """What a bank asks before a card pays (3-D Secure)."""
    title, amount = visit.text("confirm_title"), visit.money(visit.session["amount_total"])
    confirm = tag("button", visit.text("confirm"), name="answer", value="confirm")
    return visit.page(
        title,
        tag("h1", title),
        tag("p", visit.text("confirm_question", amount=amount)),
        tag("form", tag("p", confirm), visit.button("refuse", "answer"), method="post"),
    )


def _means(visit: Visit) -> Html:
    """The fields of a card or account; where there are several ways to pay, each under a choice."""
    types = visit.session["payment_method_types"]
    if len(types) == 1:
        return _fields(visit, types[0])
    ways = []
    for kind in types:
        key, checked = f"method-{kind}", kind == _method(visit)
        choice = tag("input", type="radio", id=key, name="method", value=kind, checked=checked)
        label = tag("label", visit.text(f"method_{kind}"), for_=key)
        means = tag("div", _fields(visit, kind), class_="means")
        ways.append(tag("div", choice, label, means, class_="way"))
    return tag("fieldset", tag("legend", visit.text("method")), *ways)


def _fields(visit: Visit, kind: str) -> Html:
    if kind == "card":
        return visit.card_fields()
    names = instruments.SCHEMES[kind]["fields"]
    fields = [visit.input(name, autocomplete="off", maxlength="40") for name in names]
    return together(*fields, tag("p", visit.text("mandate"), class_="hint"))


def _bill(visit: Visit, amount: str) -> Html:
    session, lines = visit.session, []
    for item in session["_items"]:
        count = f"{item['quantity']} × {visit.money(item['price']['unit_amount'])}"
        small = tag("small", count) if item["quantity"] > 1 else None
        lines.append((together(item["description"], small), visit.money(item["amount_total"])))
    listed = bill(lines, (visit.text("total"), amount))
    if session["mode"] == "payment":
        return listed
    often = rhythm(session["_items"][0]["price"]["recurring"], visit.language)
    return together(listed, tag("p", visit.text("recurs", amount=amount, often=often)))


def _email(visit: Visit) -> Html:
    if known := _known_email(visit.session):
        return tag("p", tag("strong", visit.text("email")), Html("<br>"), known, class_="field")
    return visit.input("email", type="email", autocomplete="email", maxlength="200")
