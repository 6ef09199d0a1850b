"""The one place that turns "this payment paid that" into a posting template, whichever way it came."""

from typing import Literal

from funding.ledger import templates
from funding.ledger.entries import NewEntry
from funding.ledger.templates import About, Paid
from funding.payments.models import Payment
from funding.payments.outcomes import Settlement

# The pool in which bank lines wait that nobody could match yet.
HOLDING = "holding"

_BY_CARD = {
    "gift": templates.card_gift,
    "instalment": templates.instalment_paid_by_card,
    "dues": templates.dues_paid_by_card,
}
_BY_BANK = {
    "gift": templates.bank_gift,
    "instalment": templates.instalment_paid_by_bank,
    "dues": templates.dues_paid_by_bank,
}


def entry_of(
    payment: Payment,
    settlement: Settlement,
    paid: Paid | Literal["too-much"],
    *,
    source: str,
    memo: str = "",
) -> NewEntry:
    """The entry of money that arrived for ``payment``. ``too-much``: it is owed back whole."""
    about: About = {
        "key": settlement.key,
        "pool": payment.pool.code,
        "currency": settlement.currency,
        "date": settlement.date,
        "source": source,
        "memo": memo,
        "prepared_by": settlement.prepared_by,
    }
    if settlement.place == "holding":
        about["pool"] = HOLDING
        return templates.receipt_matched(
            amount=settlement.gross, to_pool=payment.pool.code, paid=paid, **about
        )
    if paid == "too-much":
        return templates.overpayment_received(
            amount=settlement.gross, place=settlement.place, fee=settlement.fee, **about
        )
    if settlement.place == "clearing":
        return _BY_CARD[paid](gross=settlement.gross, fee=settlement.fee, **about)
    return _BY_BANK[paid](amount=settlement.gross, place=settlement.place, **about)
