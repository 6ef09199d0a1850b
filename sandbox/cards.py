"""The test cards of Stripe's documentation and what each does. No other number is accepted."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    """Why a bank refuses: Stripe's codes, and the sentence that Stripe's objects carry."""

    code: str
    decline_code: str
    message: str


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")


@dataclass(frozen=True)
class Card:
    number: str
    brand: str
    decline: Decline | None = None

    @property
    def brand_name(self) -> str:
        return "American Express" if self.brand == "amex" else self.brand.capitalize()

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def grouped(self) -> str:
        return re.sub(r"(.{4})(?=.)", r"\1 ", self.number)


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242", "visa"),
        Card("5555555555554444", "mastercard"),
        Card("378282246310005", "amex"),
        Card("4000000000000002", "visa", decline=GENERIC),
        Card("4000000000009995", "visa", decline=NO_FUNDS),
    )
}


def find(typed: str) -> Card | None:
    return CARDS.get(re.sub(r"[\s-]", "", typed))
