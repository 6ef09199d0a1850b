"""What the hosted pages share: who visits, what was typed and what is wrong with it, test cards.

Whoever has the address of a page may act on it, as at Stripe: the address holds the secret.
"""

import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from sandbox import instruments
from sandbox.errors import ApiError, Json
from sandbox.instruments import Instrument
from sandbox.payments import Sandbox
from sandbox.texts import TEXTS, language_of, money
from sandbox.web import Asked, Html, Reply, page, problem, table, tag, together

EVERY_TYPE = ("card", *instruments.SCHEMES)


@dataclass
class Visit:
    """Somebody looks at a hosted page, or sends its form; `errors` are by the field's name."""

    sandbox: Sandbox
    session: Json
    language: str
    sent: bool
    typed: dict[str, str]
    errors: dict[str, str] = field(default_factory=dict)
    refusal: str = ""

    def value(self, name: str) -> str:
        return self.typed.get(name, "").strip()[:200]

    def text(self, key: str, **values: str) -> str:
        return TEXTS[self.language][key].format(**values)

    def money(self, amount: int) -> str:
        return money(amount, self.session["currency"], self.language)

    def page(self, title: str, *main: str | None, status: int = 200) -> Reply:
        return page(title, *main, status=status, language=self.language)

    def back(self, url: str | None) -> Html | None:
        arrow = tag("span", "←", aria_hidden="true")
        return tag("p", tag("a", arrow, " ", self.text("back"), href=url)) if url else None

    def closed(self, state: str, url: str | None = None, label: str = "") -> Reply:
        return closed(self.language, state, url=url, label=label)

    def problem(self, title: str) -> Html | None:
        """What is wrong, above the form."""
        if self.refusal:
            said = f"{self.text(self.refusal)} {self.text('nothing_taken')}"
            return problem(self.text(title), tag("p", said))
        links = [
            tag("li", tag("a", self.text(key), href=f"#{name}"))
            for name, key in self.errors.items()
        ]
        return problem(self.text(title), tag("ul", *links)) if links else None

    def button(self, key: str, name: str = "action") -> Html:
        """A second-rate button, of a paragraph's own."""
        return tag("p", tag("button", self.text(key), class_="second", name=name, value=key))

    def input(self, name: str, label: str = "", **attributes: str) -> Html:
        """A field with its label, its hint and what is wrong with it."""
        notes = []
        if f"{name}_hint" in TEXTS[self.language]:
            notes.append(("hint", self.text(f"{name}_hint")))
        if name in self.errors:
            notes.append(("error", self.text(self.errors[name])))
        spans = (tag("span", said, class_=kind, id=f"{name}-{kind}") for kind, said in notes)
        typed = tag(
            "input",
            id=name,
            name=name,
            value=self.value(name),
            required=True,
            **attributes,
            aria_invalid="true" if name in self.errors else None,
            aria_describedby=" ".join(f"{name}-{kind}" for kind, _ in notes) or None,
        )
        title = tag("label", self.text(label or name), for_=name)
        return tag("div", title, *spans, typed, class_="field")

    # Cards

    def card_fields(self) -> Html:
        plain = {"autocomplete": "off"}
        digits = plain | {"inputmode": "numeric"}
        pair = (
            self.input("expiry", maxlength="9", **plain),
            self.input("cvc", maxlength="4", **digits),
        )
        return together(
            self.input("number", maxlength="30", **digits), tag("div", *pair, class_="pair")
        )

    def card(self) -> tuple[Instrument, tuple[int, int]] | None:
        """The test card that was typed, with its month and year; else what is wrong is noted."""
        card = instruments.find("card", [self.value("number")])
        expiry = _month_and_year(self.value("expiry"))
        digits = 4 if card and card.brand == "amex" else 3
        if card is None:
            self.errors["number"] = "number_wrong"
        if expiry is None:
            self.errors["expiry"] = "expiry_wrong"
        if not re.fullmatch(rf"[0-9]{{{digits}}}", self.value("cvc")):
            self.errors["cvc"] = "cvc_wrong"
        if card is None:
            self.forget("number", "expiry", "cvc")
        if card is None or expiry is None or "cvc" in self.errors:
            return None
        return card, expiry

    def forget(self, *names: str) -> None:
        """It may be a real card or account: nothing of it is shown again."""
        self.typed |= dict.fromkeys(names, "")


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


def answer(
    sandbox: Sandbox, kind: str, key: str, asked: Asked, turn: Callable[[Visit], Reply]
) -> Reply:
    """Show the page of a session, or take its form."""
    accepted, sent = asked.headers.get("Accept-Language", ""), asked.method == "POST"
    try:
        typed = asked.form() if sent else {}
    except ApiError:  # it is no form of ours: nothing was typed
        typed = {}
    with sandbox.store.transaction():
        session = sandbox.get(key, kind)
        if session is None:
            return closed(language_of(None, accepted), "missing", status=404)
        language = language_of(session["locale"], accepted)
        return turn(Visit(sandbox, session, language, sent, typed))


def closed(
    language: str, state: str, *, status: int = 200, url: str | None = None, label: str = ""
) -> Reply:
    """A page on which there is nothing to do but to go on."""
    text = TEXTS[language]
    title = text[f"{state}_title"]
    button = tag("p", tag("a", text[label], class_="button", href=url)) if url else None
    main = tag("h1", title), tag("p", text[state]), button
    return page(title, *main, status=status, language=language)


def table_of_cards(language: str, types: Sequence[str] = EVERY_TYPE) -> Html:
    text = TEXTS[language]
    rows = [
        (each.grouped, text[f"does_{each.does}"].format(brand=each.brand_name))
        for each in instruments.INSTRUMENTS
        if each.type in types
    ]
    listed = table((text["card"], text["result"]), rows, "cards")
    return tag("details", tag("summary", text["test_cards"]), listed)
