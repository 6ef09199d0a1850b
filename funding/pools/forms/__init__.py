"""Forms of giving and pledging. They read what was typed; the rules are in the transitions."""

from funding.pools.forms.amounts import AmountField, plain_amount, without_currency
from funding.pools.forms.gift import CARD, CHANNEL, ONCE, TRANSFER, GiftForm
from funding.pools.forms.giver import ANONYMOUS, NAMED, OWN, GiverForm
from funding.pools.forms.pledge import EVEN, OwnPart, PledgeForm, ScheduleField, pledge_as_typed

__all__ = [
    "ANONYMOUS",
    "CARD",
    "CHANNEL",
    "EVEN",
    "NAMED",
    "ONCE",
    "OWN",
    "TRANSFER",
    "AmountField",
    "GiftForm",
    "GiverForm",
    "OwnPart",
    "PledgeForm",
    "ScheduleField",
    "plain_amount",
    "pledge_as_typed",
    "without_currency",
]
