"""The hosted checkout page: plain HTML, no script; a person types a test card and is sent on."""

import re
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from urllib.parse import parse_qsl

from sandbox import cards, checkout, debits
from sandbox.cards import Card
from sandbox.debits import Account
from sandbox.errors import Json
from sandbox.payments import Presented, Sandbox
from sandbox.texts import TEXTS, language_of, money, rhythm

STYLE = files("sandbox").joinpath("checkout.css").read_bytes()
FIELDS = ("email", "name", "method", "number", "expiry", "cvc", "answer")
ACCOUNT_FIELDS = ("iban", "routing", "sort_code", "account")
EVERY_TYPE = ("card", *debits.SCHEMES)


@dataclass(frozen=True)
class Page:
    """What the browser gets: a page, or an address to go to."""

    status: int
    html: str = ""
    location: str = ""


@dataclass
class Typed:
    """What a person typed, and what is wrong with it by field."""

    values: dict[str, str] = field(default_factory=dict)
    errors: dict[str, str] = field(default_factory=dict)
    refusal: str = ""


def show(sandbox: Sandbox, session_id: str, accept_language: str) -> Page:
    """The page of a session as it stands. Looking at it changes nothing."""
    with sandbox.store.transaction():
        session = sandbox.store.get(session_id, "checkout.session")
        asks = (
            session is not None and session["status"] == "open" and checkout.asks(sandbox, session)
        )
    if session is None:
        return closed(404, "missing", language_of(None, accept_language), "", "")
    language = language_of(session["locale"], accept_language)
    return _question(session, language) if asks else _page(session, Typed(), language)


def submit(sandbox: Sandbox, session_id: str, body: bytes, accept_language: str) -> Page:
    """Take the form: pay and send on, or show again what is wrong with what was typed kept."""
    typed = read(body)
    with sandbox.store.transaction():
        session = sandbox.store.get(session_id, "checkout.session")
        if session is None:
            return closed(404, "missing", language_of(None, accept_language), "", "")
        language = language_of(session["locale"], accept_language)
        if session["status"] == "open":
            page = _proceed(sandbox, session, typed, language)
            if page is not None:
                return page
        if session["status"] == "complete":
            return Page(303, location=_success_url(session))
        return _page(session, typed, language)


def _proceed(sandbox: Sandbox, session: Json, typed: Typed, language: str) -> Page | None:
    """One step of an open session; None when it is complete."""
    if checkout.asks(sandbox, session):
        if typed.values["answer"] not in ("confirm", "refuse"):
            return _question(session, language)
        refused = checkout.answer(sandbox, session, typed.values["answer"] == "confirm")
    else:
        presented = _check(session, typed)
        if presented is None:
            return _page(session, typed, language, status=422)
        refused = checkout.present(sandbox, session, presented)
        if checkout.asks(sandbox, session):
            return Page(303, location=f"/c/pay/{session['id']}")
    if refused:
        typed.refusal = refused.reason
        return _page(session, typed, language, status=402)
    return None


def read(body: bytes, names: tuple[str, ...] = FIELDS + ACCOUNT_FIELDS) -> Typed:
    try:
        given = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=50))
    except ValueError:  # more fields than the form has
        given = {}
    return Typed({name: given.get(name, "").strip()[:200] for name in names})


def _method(session: Json, typed: Typed) -> str:
    """How the person pays: as chosen, or by what comes first."""
    types, chosen = session["payment_method_types"], typed.values.get("method", "")
    return chosen if chosen in types else types[0]


def _check(session: Json, typed: Typed) -> Presented | None:
    values, errors = typed.values, typed.errors
    email, kind = _known_email(session) or values["email"], _method(session, typed)
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        errors["email"] = "email_wrong"
    if not values["name"]:
        errors["name"] = "name_wrong"
    instrument: Card | Account | None
    if kind == "card":
        found = check_card(typed)
        instrument, expiry = found or (None, (0, 0))
    else:
        instrument, expiry = _check_account(kind, typed), (0, 0)
    if errors or instrument is None:
        return None
    return Presented(instrument, expiry, values["name"], email)


def _check_account(kind: str, typed: Typed) -> Account | None:
    names = debits.SCHEMES[kind][1]
    account = debits.find(kind, [typed.values[name] for name in names])
    if account is None:
        # It may be a real account: nothing of it is shown again.
        typed.values |= dict.fromkeys(names, "")
        typed.errors[names[-1]] = "account_wrong"
    return account


def _known_email(session: Json) -> str | None:
    """The address that the portal gave, by itself or as the customer's; it cannot be changed."""
    given = session["customer_email"] or session["customer"]
    return session["customer_details"]["email"] if given and session["customer_details"] else None


def check_card(typed: Typed) -> tuple[Card, tuple[int, int]] | None:
    """The test card that was typed, with its month and year; else what is wrong is noted."""
    values, errors = typed.values, typed.errors
    card = cards.find(values["number"])
    if card is None:
        errors["number"] = "number_wrong"
    expiry = _month_and_year(values["expiry"])
    if expiry is None:
        errors["expiry"] = "expiry_wrong"
    digits = 4 if card and card.brand == "amex" else 3
    if not re.fullmatch(rf"[0-9]{{{digits}}}", values["cvc"]):
        errors["cvc"] = "cvc_wrong"
    if card is None:
        # It may be a real card: nothing of it is shown again.
        values["number"] = values["expiry"] = values["cvc"] = ""
    if card is None or expiry is None or "cvc" in errors:
        return None
    return card, expiry


def _month_and_year(typed: str) -> tuple[int, int] | None:
    found = re.fullmatch(r"(\d{1,2})\s*[/-]\s*(\d{4}|\d{2})|(\d{2})(\d{2})", typed, re.ASCII)
    if not found:
        return None
    month = int(found[1] or found[3])
    year = int(found[2] or found[4])
    year += 2000 if year < 100 else 0
    this_year, this_month = time.gmtime()[:2]
    if not 1 <= month <= 12 or not (this_year, this_month) <= (year, month) <= (this_year + 50, 12):
        return None
    return month, year


def _success_url(session: Json) -> str:
    return session["success_url"].replace("{CHECKOUT_SESSION_ID}", session["id"])


# HTML


def _page(session: Json, typed: Typed, language: str, status: int = 200) -> Page:
    if session["status"] == "complete":
        state = "complete" if session["payment_status"] == "paid" else "awaited"
        return closed(200, state, language, _success_url(session), "continue")
    if session["status"] == "expired":
        return closed(200, "expired", language, session["cancel_url"] or "", "back")
    text = TEXTS[language]
    amount = money(session["amount_total"], session["currency"], language)
    wrong = bool(typed.errors or typed.refusal)
    title = text["title_error" if wrong else "title"].format(amount=amount)
    return Page(
        status,
        document(
            title,
            f"""{back(session["cancel_url"], text["back"])}
<h1>{escape(text["title"].format(amount=amount))}</h1>
{_bill(session, amount, language)}
{problem(typed, text)}
<form method="post" novalidate>
{_email(_known_email(session), typed, text)}
{_name(session, typed, text)}
{_means(session, typed, text)}
<button>{escape(text["pay"].format(amount=amount))}</button>
</form>
{table_of_cards(language, session["payment_method_types"])}""",
            language,
        ),
    )


def _question(session: Json, language: str) -> Page:
    """What a bank asks before a card pays (3-D Secure)."""
    text = TEXTS[language]
    amount = money(session["amount_total"], session["currency"], language)
    main = f"""<h1>{escape(text["confirm_title"])}</h1>
<p>{escape(text["confirm_question"].format(amount=amount))}</p>
<form method="post">
<p><button name="answer" value="confirm">{escape(text["confirm"])}</button></p>
<p><button class="second" name="answer" value="refuse">{escape(text["refuse"])}</button></p>
</form>"""
    return Page(200, document(text["confirm_title"], main, language))


def _name(session: Json, typed: Typed, text: dict[str, str]) -> str:
    by_card = session["payment_method_types"] == ["card"]
    label = text["name" if by_card else "name_of_payer"]
    return _input("name", typed, text | {"name": label}, 'autocomplete="off" maxlength="150"')


def _means(session: Json, typed: Typed, text: dict[str, str]) -> str:
    """The fields of a card or account; where there are several ways to pay, each under a choice."""
    types = session["payment_method_types"]
    if len(types) == 1:
        return _fields(types[0], typed, text)
    chosen, parts = _method(session, typed), ""
    for kind in types:
        checked = " checked" if kind == chosen else ""
        parts += f"""
<div class="way">
<input type="radio" id="method-{kind}" name="method" value="{kind}"{checked}>
<label for="method-{kind}">{escape(text[f"method_{kind}"])}</label>
<div class="means">
{_fields(kind, typed, text)}
</div>
</div>"""
    return f"<fieldset><legend>{escape(text['method'])}</legend>{parts}</fieldset>"


def _fields(kind: str, typed: Typed, text: dict[str, str]) -> str:
    if kind == "card":
        return card_fields(typed, text)
    fields = (
        _input(name, typed, text, 'autocomplete="off" maxlength="40"')
        for name in debits.SCHEMES[kind][1]
    )
    return f'{"".join(fields)}<p class="hint">{escape(text["mandate"])}</p>'


def card_fields(typed: Typed, text: dict[str, str]) -> str:
    return f"""{_input("number", typed, text, 'inputmode="numeric" autocomplete="off" maxlength="30"')}
<div class="pair">
{_input("expiry", typed, text, 'autocomplete="off" maxlength="9"')}
{_input("cvc", typed, text, 'inputmode="numeric" autocomplete="off" maxlength="4"')}
</div>"""


def document(title: str, main: str, language: str = "en", *, kind: str = "") -> str:
    text = TEXTS[language]
    return f"""<!doctype html>
<html lang="{language}">
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{escape(title)} – {escape(text["sandbox"])}</title>
<link rel="stylesheet" href="/checkout.css">
<p class="sandbox"><strong>{escape(text["sandbox"])}.</strong> {escape(text["no_money"])}</p>
<main{kind and f' class="{kind}"'}>
{main}
</main>
</html>
"""


def back(url: str | None, label: str) -> str:
    arrow = '<span aria-hidden="true">←</span>'
    return f'<p><a href="{escape(url)}">{arrow} {escape(label)}</a></p>' if url else ""


def _bill(session: Json, amount: str, language: str) -> str:
    text, lines = TEXTS[language], []
    for item in session["_items"]:
        each = money(item["price"]["unit_amount"], item["currency"], language)
        count = f"{item['quantity']} × {each}"
        small = f"<small>{escape(count)}</small>" if item["quantity"] > 1 else ""
        cost = money(item["amount_total"], item["currency"], language)
        lines.append(
            f"<li><span>{escape(item['description'])}{small}</span> <b>{escape(cost)}</b></li>"
        )
    total = f'<li class="total"><span>{escape(text["total"])}</span> <b>{escape(amount)}</b></li>'
    bill = f'<ul class="bill">{"".join(lines)}{total}</ul>'
    if session["mode"] == "payment":
        return bill
    often = rhythm(session["_items"][0]["price"]["recurring"], language)
    return f"{bill}\n<p>{escape(text['recurs'].format(amount=amount, often=often))}</p>"


def problem(typed: Typed, text: dict[str, str]) -> str:
    if typed.refusal:
        said = f"<p>{escape(text[typed.refusal])} {escape(text['nothing_taken'])}</p>"
    elif typed.errors:
        said = "".join(
            f'<li><a href="#{name}">{escape(text[key])}</a></li>'
            for name, key in typed.errors.items()
        )
        said = f"<ul>{said}</ul>"
    else:
        return ""
    return f'<div class="problem" role="alert"><h2>{escape(text["problem"])}</h2>{said}</div>'


def _email(known: str | None, typed: Typed, text: dict[str, str]) -> str:
    if known:
        return f'<p class="field"><strong>{escape(text["email"])}</strong><br>{escape(known)}</p>'
    return _input("email", typed, text, 'type="email" autocomplete="email" maxlength="200"')


def _input(name: str, typed: Typed, text: dict[str, str], attributes: str) -> str:
    described, notes = [], ""
    if f"{name}_hint" in text:
        described.append(f"{name}-hint")
        notes += f'<span class="hint" id="{name}-hint">{escape(text[f"{name}_hint"])}</span>'
    if name in typed.errors:
        described.append(f"{name}-error")
        attributes += ' aria-invalid="true"'
        notes += f'<span class="error" id="{name}-error">{escape(text[typed.errors[name]])}</span>'
    if described:
        attributes += f' aria-describedby="{" ".join(described)}"'
    value = escape(typed.values.get(name, ""))
    return f"""<div class="field"><label for="{name}">{escape(text[name])}</label>{notes}
<input id="{name}" name="{name}" value="{value}" required {attributes}></div>"""


def table_of_cards(language: str, types: Sequence[str] = EVERY_TYPE) -> str:
    text, rows = TEXTS[language], ""
    known: list[Card | Account] = [*cards.CARDS.values(), *debits.ACCOUNTS]
    for each in known:
        if each.type in types:
            does = text[each.does].format(brand=each.brand_name)
            rows += f"<tr><td>{each.grouped}<td>{escape(does)}"
    return f"""<details><summary>{escape(text["test_cards"])}</summary>
<table class="cards"><thead><tr><th scope="col">{escape(text["card"])}<th scope="col">{escape(text["result"])}
<tbody>{rows}</table></details>"""


def closed(status: int, state: str, language: str, url: str, label: str) -> Page:
    text = TEXTS[language]
    button = (
        f'<p><a class="button" href="{escape(url)}">{escape(text[label])}</a></p>' if url else ""
    )
    title = text[f"{state}_title"]
    main = f"<h1>{escape(title)}</h1>\n<p>{escape(text[state])}</p>\n{button}"
    return Page(status, document(title, main, language))
