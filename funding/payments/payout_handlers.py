"""What a payout is for is not the business of payouts: each purpose registers one handler here."""

import datetime
from typing import Protocol

from funding.ledger.entries import NewEntry
from funding.payments.models import Payout


class Handler(Protocol):
    """What a purpose knows of its payouts. All but ``preview`` run inside the payout's transaction
    with the subject (what it is for) and the payout locked."""

    def lock(self, purpose_id: int) -> None:
        """Lock the subject. Locked before any payout of it, by every verb."""

    def check(self, payout: Payout) -> None:
        """Raise a Refusal unless ``payout`` (perhaps not saved yet) may be paid as it stands."""

    def preview(self, payout: Payout, date: datetime.date) -> NewEntry | None:
        """The entry it would make on ``date``; only reads. None where that is not known yet."""

    def entry(self, payout: Payout, *, key: str, date: datetime.date) -> NewEntry:
        """The entry of a payout paid from the bank. Who prepared and approved is added to it."""

    def sent(self, payout: Payout) -> None:
        """It is on its way."""

    def paid(self, payout: Payout) -> None:
        """It is paid; ``payout.entry_id`` is set where we posted the entry ourselves."""

    def failed(self, payout: Payout) -> None:
        """It failed, perhaps after it was paid (then its entry has been undone by another)."""


_handlers: dict[str, Handler] = {}


def register(purpose: str, handler: Handler) -> None:
    """Make ``handler`` answer for payouts of ``purpose``; called once, in ``AppConfig.ready``."""
    if purpose in _handlers:
        raise ValueError(f"Two handlers are registered for payouts of {purpose!r}.")
    _handlers[purpose] = handler


def handler_of(purpose: str) -> Handler:
    """The handler of ``purpose``; raises LookupError when no package registered one."""
    try:
        return _handlers[purpose]
    except KeyError:
        raise LookupError(f"No handler is registered for payouts of {purpose!r}.") from None
