"""The test cards of Stripe's documentation and what each does. No other number is accepted."""

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class Decline:
    """Why a bank refuses: Stripe's codes, and the sentence that Stripe's objects carry.

    `decline_code` is empty where a bank gives none: for debits, and for a 3-D Secure refusal.
    """

    code: str
    decline_code: str
    message: str

    @property
    def reason(self) -> str:
        return self.decline_code or self.code


GENERIC = Decline("card_declined", "generic_decline", "Your card was declined.")
NO_FUNDS = Decline("card_declined", "insufficient_funds", "Your card has insufficient funds.")
EXPIRED = Decline("expired_card", "expired_card", "Your card has expired.")
WRONG_CVC = Decline("incorrect_cvc", "incorrect_cvc", "Your card's security code is incorrect.")
FAULT = Decline(
    "processing_error",
    "processing_error",
    "An error occurred while processing your card. Try again in a little bit.",
)
UNCONFIRMED = Decline(
    "authentication_required",
    "authentication_required",
    "Your card was declined. This transaction requires authentication.",
)
NOT_AUTHENTICATED = Decline(
    "payment_intent_authentication_failure",
    "",
    "We are unable to authenticate your payment method. "
    "Please choose a different payment method and try again.",
)


@dataclass(frozen=True)
class Card:
    """`secure`: its bank asks the person to confirm; `decline_later`: once nobody is there.

    `aftermath` is what follows a success: a note on the charge that `aftermath.py` reads.
    """

    number: str
    brand: str = "visa"
    decline: Decline | None = None
    secure: bool = False
    decline_later: Decline | None = None
    aftermath: str = ""
    available_at_once: bool = False
    type = "card"

    def refusal(self, *, off_session: bool) -> Decline | None:
        return self.decline or (self.decline_later if off_session else None)

    @property
    def brand_name(self) -> str:
        return "American Express" if self.brand == "amex" else self.brand.capitalize()

    @property
    def last4(self) -> str:
        return self.number[-4:]

    @property
    def grouped(self) -> str:
        return re.sub(r"(.{4})(?=.)", r"\1 ", self.number)

    @property
    def does(self) -> str:
        """The key of the words that say what happens."""
        if self.secure:
            later = "always" if self.decline_later else "once"
            return "does_secure_declined" if self.decline else f"does_secure_{later}"
        if self.decline_later:
            return "does_decline_later"
        if self.available_at_once:
            return "does_at_once"
        if self.aftermath:
            return "does_" + self.aftermath.replace(":", "_")
        return f"does_{self.decline.reason}" if self.decline else "does_success"


CARDS = {
    card.number: card
    for card in (
        Card("4242424242424242"),
        Card("5555555555554444", "mastercard"),
        Card("378282246310005", "amex"),
        Card("4000000000000002", decline=GENERIC),
        Card("4000000000009995", decline=NO_FUNDS),
        Card("4000000000000069", decline=EXPIRED),
        Card("4000000000000127", decline=WRONG_CVC),
        Card("4000000000000119", decline=FAULT),
        Card("4000002500003155", secure=True),
        Card("4000002760003184", secure=True, decline_later=UNCONFIRMED),
        Card("4000008400001629", secure=True, decline=GENERIC),
        Card("4000000000000341", decline_later=GENERIC),
        Card("4000000000000259", aftermath="dispute:fraudulent"),
        Card("4000000000002685", aftermath="dispute:product_not_received"),
        Card("4000000000001976", aftermath="inquiry"),
        Card("4000000000007726", aftermath="refund:pending"),
        Card("4000000000005126", aftermath="refund:fails"),
        Card("4000000000000077", available_at_once=True),
    )
}
BY_LAST4 = {card.last4: card for card in CARDS.values()}


def find(typed: str) -> Card | None:
    return CARDS.get(re.sub(r"[\s-]", "", typed))
