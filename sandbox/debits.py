"""Bank debits: the test accounts of Stripe's documentation, which answer only after days.

The days are seconds here (`--debit-after`). No other account is accepted.
"""

import re
from dataclasses import dataclass

from sandbox.cards import BY_LAST4, Card, Decline
from sandbox.errors import Json

NOT_AUTHORIZED = Decline(
    "debit_not_authorized", "", "The customer notified their bank that the debit was unauthorized."
)
NO_FUNDS = Decline(
    "insufficient_funds", "", "The customer's account has insufficient funds to cover this payment."
)
NO_ACCOUNT = Decline("no_account", "", "The customer's bank account could not be located.")

# The currency of each scheme, and the fields in which a person types an account.
SCHEMES = {
    "sepa_debit": ("eur", ("iban",)),
    "us_bank_account": ("usd", ("routing", "account")),
    "bacs_debit": ("gbp", ("sort_code", "account")),
}


@dataclass(frozen=True)
class Account:
    """A test account: what a person types of it, and how the debit ends."""

    type: str
    typed: tuple[str, ...]
    decline: Decline | None = None
    secure = False
    aftermath = ""
    available_at_once = False

    def refusal(self, *, off_session: bool) -> None:
        """No bank answers at once."""

    @property
    def last4(self) -> str:
        return self.typed[-1][-4:]

    @property
    def brand_name(self) -> str:
        """Whose debit it is, for the list of test accounts."""
        return {"sepa_debit": "SEPA", "us_bank_account": "ACH", "bacs_debit": "Bacs"}[self.type]

    @property
    def grouped(self) -> str:
        """SEPA in groups of four; elsewhere the bank's code, then the account."""
        return (
            re.sub(r"(.{4})(?=.)", r"\1 ", self.typed[0]) if self.is_iban else " ".join(self.typed)
        )

    @property
    def is_iban(self) -> bool:
        return self.type == "sepa_debit"

    @property
    def does(self) -> str:
        return f"does_debit_{self.decline.code}" if self.decline else "does_debit_success"

    def details(self) -> Json:
        """What a payment method and a charge both say of an account."""
        known: Json = {"fingerprint": f"sandbox{self.last4}", "last4": self.last4}
        if self.is_iban:
            iban = self.typed[0]
            return known | {"bank_code": iban[4:12], "branch_code": "", "country": iban[:2]}
        if self.type == "bacs_debit":
            return known | {"sort_code": self.typed[0]}
        kind = {"account_holder_type": "individual", "account_type": "checking"}
        return known | kind | {"bank_name": "STRIPE TEST BANK", "routing_number": self.typed[0]}


ACCOUNTS = (
    Account("sepa_debit", ("DE89370400440532013000",)),
    Account("sepa_debit", ("DE62370400440532013001",), NOT_AUTHORIZED),
    Account("us_bank_account", ("110000000", "000123456789")),
    Account("us_bank_account", ("110000000", "000111111116"), NO_ACCOUNT),
    Account("us_bank_account", ("110000000", "000222222227"), NO_FUNDS),
    Account("bacs_debit", ("108800", "00012345")),
    Account("bacs_debit", ("108800", "33333335"), NOT_AUTHORIZED),
    Account("bacs_debit", ("108800", "22222227"), NO_FUNDS),
)


def find(scheme: str, typed: list[str]) -> Account | None:
    given = tuple(re.sub(r"[\s-]", "", part).upper() for part in typed)
    return next((each for each in ACCOUNTS if (each.type, each.typed) == (scheme, given)), None)


def instrument_of(method: Json) -> Card | Account:
    """The test card or account that a payment method was made of: its last digits tell."""
    kind = method["type"]
    if kind == "card":
        return BY_LAST4[method["card"]["last4"]]
    last4 = method[kind]["last4"]
    return next(each for each in ACCOUNTS if (each.type, each.last4) == (kind, last4))
