"""The hosted checkout page: plain HTML, no script; a person types a test card and is sent on."""

import re
import time
from dataclasses import dataclass, field
from html import escape
from importlib.resources import files
from urllib.parse import parse_qsl

from sandbox import cards
from sandbox.errors import Json
from sandbox.payments import Presented, Sandbox, present_card
from sandbox.texts import TEXTS, language_of, money

STYLE = files("sandbox").joinpath("checkout.css").read_bytes()
FIELDS = ("email", "name", "number", "expiry", "cvc")


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
    if session is None:
        return _closed(404, "missing", language_of(None, accept_language), "", "")
    return _page(session, Typed(), language_of(session["locale"], accept_language))


def submit(sandbox: Sandbox, session_id: str, body: bytes, accept_language: str) -> Page:
    """Take the form: pay and send on, or show again what is wrong with what was typed kept."""
    typed = _read(body)
    with sandbox.store.transaction():
        session = sandbox.store.get(session_id, "checkout.session")
        if session is None:
            return _closed(404, "missing", language_of(None, accept_language), "", "")
        language = language_of(session["locale"], accept_language)
        if session["status"] == "open":
            presented = _check(session, typed)
            if presented is None:
                return _page(session, typed, language, status=422)
            refused = present_card(sandbox, session, presented)
            if refused:
                typed.refusal = refused.decline_code
                return _page(session, typed, language, status=402)
        if session["status"] == "complete":
            return Page(303, location=_success_url(session))
        return _page(session, typed, language)


def _read(body: bytes) -> Typed:
    try:
        given = dict(parse_qsl(body.decode("utf-8", "replace"), max_num_fields=50))
    except ValueError:  # more fields than the form has
        given = {}
    return Typed({name: given.get(name, "").strip()[:200] for name in FIELDS})


def _check(session: Json, typed: Typed) -> Presented | None:
    values, errors = typed.values, typed.errors
    email = session["customer_email"] or values["email"]
    if not re.fullmatch(r"[^@\s]+@[^@\s]+", email):
        errors["email"] = "email_wrong"
    if not values["name"]:
        errors["name"] = "name_wrong"
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
    if errors or card is None or expiry is None:
        return None
    return Presented(card, *expiry, values["name"], email)


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
        return _closed(200, "complete", language, _success_url(session), "continue")
    if session["status"] == "expired":
        return _closed(200, "expired", language, session["cancel_url"] or "", "back")
    text = TEXTS[language]
    amount = money(session["amount_total"], session["currency"], language)
    wrong = bool(typed.errors or typed.refusal)
    title = text["title_error" if wrong else "title"].format(amount=amount)
    return Page(
        status,
        document(
            title,
            f"""{_back(session["cancel_url"], text["back"])}
<h1>{escape(text["title"].format(amount=amount))}</h1>
{_bill(session, amount, language)}
{_problem(typed, text)}
<form method="post" novalidate>
{_email(session["customer_email"], typed, text)}
{_input("name", typed, text, 'autocomplete="off" maxlength="150"')}
{_input("number", typed, text, 'inputmode="numeric" autocomplete="off" maxlength="30"')}
<div class="pair">
{_input("expiry", typed, text, 'autocomplete="off" maxlength="9"')}
{_input("cvc", typed, text, 'inputmode="numeric" autocomplete="off" maxlength="4"')}
</div>
<button>{escape(text["pay"].format(amount=amount))}</button>
</form>
{test_cards(language)}""",
            language,
        ),
    )


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


def _back(url: str | None, label: str) -> str:
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
    return f'<ul class="bill">{"".join(lines)}{total}</ul>'


def _problem(typed: Typed, text: dict[str, str]) -> str:
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


def test_cards(language: str) -> str:
    text, rows = TEXTS[language], ""
    for card in cards.CARDS.values():
        result = card.decline.decline_code if card.decline else "success"
        does = text[f"does_{result}"].format(brand=card.brand_name)
        rows += f"<tr><td>{card.grouped}<td>{escape(does)}"
    return f"""<details><summary>{escape(text["test_cards"])}</summary>
<table class="cards"><thead><tr><th scope="col">{escape(text["card"])}<th scope="col">{escape(text["result"])}
<tbody>{rows}</table></details>"""


def _closed(status: int, state: str, language: str, url: str, label: str) -> Page:
    text = TEXTS[language]
    button = (
        f'<p><a class="button" href="{escape(url)}">{escape(text[label])}</a></p>' if url else ""
    )
    title = text[f"{state}_title"]
    main = f"<h1>{escape(title)}</h1>\n<p>{escape(text[state])}</p>\n{button}"
    return Page(status, document(title, main, language))
