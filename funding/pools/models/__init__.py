"""The tables of giving: pools as donors see them, donors, gifts, pledges, matching, transfers.

A pool's row is the ledger's (`funding.ledger.models.Pool`), extended here one-to-one. A status is
never stored: it follows from facts (dates, what was received) and the day it is asked for.
"""

from funding.pools.models.donor import Donor, DonorCheck
from funding.pools.models.gift import Gift, RecurringGift
from funding.pools.models.matching import MatchingOffer, MatchingSettlement
from funding.pools.models.pledge import (
    DUE_DAYS_AHEAD,
    LAPSE_DAYS,
    Instalment,
    InstalmentPayment,
    InstalmentReminder,
    Pledge,
    PledgeAgreement,
    PledgeChange,
)
from funding.pools.models.pool import CARD_LIMIT, GivingPolicy, PoolProfile, PoolSteward
from funding.pools.models.recorded import RecordedGiving
from funding.pools.models.transfer import PoolTransfer

__all__ = [
    "CARD_LIMIT",
    "DUE_DAYS_AHEAD",
    "LAPSE_DAYS",
    "Donor",
    "DonorCheck",
    "Gift",
    "GivingPolicy",
    "Instalment",
    "InstalmentPayment",
    "InstalmentReminder",
    "MatchingOffer",
    "MatchingSettlement",
    "Pledge",
    "PledgeAgreement",
    "PledgeChange",
    "PoolProfile",
    "PoolSteward",
    "PoolTransfer",
    "RecordedGiving",
    "RecurringGift",
]
