"""What a payment means is not the business of payments: each purpose registers one handler.

Dues and pools register theirs when their app is ready; the handler runs in the payment's own
transaction, so that the money and what it pays for are recorded together or not at all.
"""

import datetime
from dataclasses import dataclass
from typing import Literal, Protocol

from funding.ledger.entries import NewEntry
from funding.payments.models import Invoice, Payment


@dataclass(frozen=True, slots=True)
class Settlement:
    """How a payment came into the books; ISO 4217 minor units of ``currency``.

    By card it is what the processor's balance transaction says. By bank or a manual channel it is
    what staff confirmed: there ``fee`` is 0, ``own_key`` keys the entry and ``prepared_by`` names
    who confirmed it (`funding.ledger.entries.person`). ``place``: where the money lies; *holding*
    for a bank line that was parked before.
    """

    gross: int
    fee: int
    currency: str
    date: datetime.date
    balance_transaction: str = ""
    own_key: str = ""
    place: Literal["clearing", "bank", "in-transit", "holding"] = "clearing"
    prepared_by: str = ""

    @property
    def key(self) -> str:
        """The idempotency key of the ledger entry: one entry per balance transaction."""
        return f"stripe:{self.balance_transaction}" if self.balance_transaction else self.own_key


class Outcome(Protocol):
    """The handler of one purpose. Every method is called inside the payment's transaction,
    with the payment's row locked, except ``describe``, ``thanks_url``, ``own_url``,
    ``reminds_itself`` and ``why_not_payable``, which only read."""

    def describe(self, payment: Payment) -> str:
        """One line for the checkout page and the receipt, in the language in force."""

    def why_not_payable(self, payment: Payment) -> str:
        """Why nobody should pay this any more, in the language in force; "" while it is wanted.

        What the payment was for may have gone since it was begun: withdrawn, cancelled, closed.
        """

    def succeeded(self, payment: Payment) -> None:
        """Record what the payment achieved. Called exactly once per payment."""

    def entry(self, payment: Payment, settlement: Settlement) -> NewEntry:
        """The ledger entry, with ``key=settlement.key``; `funding.payments.money_in` makes it."""

    def failed(self, payment: Payment) -> None:
        """The payment did not succeed. May be called again, and success may still follow."""

    def undone(self, payment: Payment) -> None:
        """The payment was booked by mistake: take back what ``succeeded`` recorded."""

    def given_back(self, payment: Payment, amount: int) -> None:
        """``amount`` of the payment (its currency) went back: refunded, or lost in a dispute."""

    def kept_after_all(self, payment: Payment, amount: int) -> None:
        """The opposite of ``given_back``: the refund failed, or the dispute was won on appeal."""

    def unearned(self, payment: Payment, amount: int) -> int:
        """How much of ``amount`` about to go back is dues that are not earned yet; else 0."""

    def thanks_url(self, payment: Payment) -> str:
        """Where "continue" on the payment page leads."""

    def reminds_itself(self, invoice: Invoice, day: datetime.date) -> bool:
        """Whether its own package reminds of ``invoice`` on ``day``, so that nobody else does. Only
        reads."""

    def own_url(self, payment: Payment) -> str:
        """Where the payer finds all that they gave, by a code sent by e-mail; "" where there is no
        such page."""


_outcomes: dict[str, Outcome] = {}


def register(purpose: str, outcome: Outcome) -> None:
    """Make ``outcome`` the handler of ``purpose``; called once, in ``AppConfig.ready``."""
    if purpose in _outcomes:
        raise ValueError(f"Two outcomes are registered for {purpose!r}.")
    _outcomes[purpose] = outcome


def outcome_of(purpose: str) -> Outcome:
    """The handler of ``purpose``; raises LookupError when no package registered one."""
    try:
        return _outcomes[purpose]
    except KeyError:
        raise LookupError(f"No outcome is registered for payments of {purpose!r}.") from None
