"""The test cards and bank accounts of Stripe's documentation. No other number is accepted.

instruments.json holds them, with what each does. A bank answers to a card at once, and to a debit
only after days; the days are seconds here (`--debit-after`).
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from sandbox.data import load
from sandbox.errors import Json


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


@dataclass(frozen=True)
class Instrument:
    """A card or account: what a person types of it, and the key of the words for what it does.

    `secure`: its bank asks the person to confirm; `decline_later`: once nobody is there.
    `aftermath` is what follows a success: a note on the charge that `aftermath.py` reads.
    """

    typed: tuple[str, ...]
    type: str = "card"
    brand: str = "visa"
    brand_name: str = "Visa"
    does: str = "success"
    decline: Decline | None = None
    secure: bool = False
    decline_later: Decline | None = None
    aftermath: str = ""
    available_at_once: bool = False

    @property
    def is_card(self) -> bool:
        return self.type == "card"

    def refusal(self, *, off_session: bool) -> Decline | None:
        """What a bank says at once: of a card."""
        later = self.decline_later if off_session else None
        return self.decline or later if self.is_card else None

    @property
    def last4(self) -> str:
        return self.typed[-1][-4:]

    @property
    def grouped(self) -> str:
        """One number in groups of four; a bank's code, then the account."""
        alone = len(self.typed) == 1
        return re.sub(r"(.{4})(?=.)", r"\1 ", self.typed[0]) if alone else " ".join(self.typed)

    def account(self) -> Json:
        """What a payment method and a charge both say of an account."""
        known: Json = {"fingerprint": f"sandbox{self.last4}", "last4": self.last4}
        first = self.typed[0]
        if self.type == "sepa_debit":
            return known | {"bank_code": first[4:12], "branch_code": "", "country": first[:2]}
        if self.type == "bacs_debit":
            return known | {"sort_code": first}
        kind = {"account_holder_type": "individual", "account_type": "checking"}
        return known | kind | {"bank_name": "STRIPE TEST BANK", "routing_number": first}


DATA: Json = load("instruments.json")
DECLINES = {name: Decline(*words) for name, words in DATA["declines"].items()}
# The currency of each kind of bank debit, and the fields in which a person types an account.
SCHEMES: dict[str, Json] = DATA["schemes"]


def _instrument(given: Json) -> Instrument:
    declines: Json = {
        key: DECLINES[given[key]] for key in ("decline", "decline_later") if key in given
    }
    return Instrument(**(given | declines | {"typed": tuple(given["typed"])}))


INSTRUMENTS = [_instrument(given) for given in DATA["instruments"]]


def find(kind: str, typed: Sequence[str]) -> Instrument | None:
    given = tuple(re.sub(r"[\s-]", "", part).upper() for part in typed)
    return next((each for each in INSTRUMENTS if (each.type, each.typed) == (kind, given)), None)


def instrument_of(method: Json) -> Instrument:
    """The test card or account that a payment method was made of: its last digits tell."""
    kind = method["type"]
    last4 = method[kind]["last4"]
    return next(each for each in INSTRUMENTS if (each.type, each.last4) == (kind, last4))
