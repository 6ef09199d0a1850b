"""Which figure of the ledger is which transaction of IATI (codelist TransactionType).

Every figure of rule 5 stands either in `TRANSACTIONS` or, with its reason, in `LEFT_OUT`. So the
transactions of a pool can be added up by type and compared with its page (docs/open-data.md).
"""

from dataclasses import dataclass
from enum import StrEnum

INCOMING_FUNDS = "1"
OUTGOING_COMMITMENT = "2"
DISBURSEMENT = "3"
EXPENDITURE = "4"
INCOMING_COMMITMENT = "11"
INCOMING_PLEDGE = "13"


class Shown(StrEnum):
    """How the entries that feed a figure are put together to transactions."""

    BY_GIVER = "by giver and month"
    BY_ENTRY = "one by one"
    BY_MONTH = "by month"
    BY_POOL = "one by one, with the other pool"


@dataclass(frozen=True, slots=True)
class Part:
    """A share in a type of transaction: ``sign`` 1 adds the figure's amount to it, -1 takes it off."""

    type: str
    sign: int


@dataclass(frozen=True, slots=True)
class Mapped:
    """What the entries of one figure are; ``words`` describe it where the entry itself says nothing."""

    parts: tuple[Part, ...]
    shown: Shown
    words: str


TRANSACTIONS: dict[str, Mapped] = {
    "received": Mapped((Part(INCOMING_FUNDS, 1),), Shown.BY_GIVER, "Received"),
    "refunded": Mapped((Part(INCOMING_FUNDS, -1),), Shown.BY_GIVER, "Refunded"),
    "lost": Mapped(
        (Part(INCOMING_FUNDS, -1),), Shown.BY_GIVER, "Lost in disputes of card payments"
    ),
    "fees": Mapped((Part(EXPENDITURE, 1),), Shown.BY_MONTH, "Fees of banks and payment processors"),
    "expenses": Mapped((Part(EXPENDITURE, 1),), Shown.BY_ENTRY, "Own spending"),
    # The figure is what is promised and not paid yet. A disbursement takes its amount off it and
    # adds it to what is disbursed, so both together are all that was ever promised.
    "committed": Mapped((Part(OUTGOING_COMMITMENT, 1),), Shown.BY_ENTRY, "Grant committed"),
    "disbursed": Mapped(
        (Part(DISBURSEMENT, 1), Part(OUTGOING_COMMITMENT, 1)), Shown.BY_ENTRY, "Paid to a grantee"
    ),
    "returned": Mapped((Part(DISBURSEMENT, -1),), Shown.BY_ENTRY, "Returned by a grantee"),
    # Into a pool: incoming funds. Out of it: a disbursement to the other pool's activity.
    "transfers": Mapped(
        (Part(INCOMING_FUNDS, 1), Part(DISBURSEMENT, -1)), Shown.BY_POOL, "Transfer between pools"
    ),
}

LEFT_OUT: dict[str, str] = {
    "opening": "It came in before these books began; IATI knows no balance brought forward.",
    "held": "A dispute is not decided: the money comes back, or is then lost.",
    "exchange": "A change of value between currencies; nobody gives or receives it.",
    "owed_back": "A part of what was received, until it is refunded.",
    "paid_ahead": "A part of what was received: dues of months to come.",
}


def shown(how: Shown) -> list[str]:
    """The figures that are put together that way."""
    return [figure for figure, mapped in TRANSACTIONS.items() if mapped.shown == how]


def totals(figures: dict[str, int], *, moved_in: int = 0, moved_out: int = 0) -> dict[str, int]:
    """What the transactions of a pool add up to by type, in minor units, from its figures.

    ``moved_in`` and ``moved_out``: what transfers brought and took; their difference is the figure.
    Pledges (types 11 and 13) feed no figure and are not in it.
    """
    found = dict.fromkeys((INCOMING_FUNDS, OUTGOING_COMMITMENT, DISBURSEMENT, EXPENDITURE), 0)
    for figure, mapped in TRANSACTIONS.items():
        if mapped.shown != Shown.BY_POOL:
            for part in mapped.parts:
                found[part.type] += part.sign * figures.get(figure, 0)
    found[INCOMING_FUNDS] += moved_in
    found[DISBURSEMENT] += moved_out
    return found
