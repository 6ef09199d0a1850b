"""What the foundation allows and asks for in a currency: anonymity, checks, the card's fee.

The numbers are rows of `GivingPolicy` that staff keep; a currency without a row has no such rule.
"""

from core.money import Money
from funding.payments.stripe_units import smallest_step
from funding.pools.models import GivingPolicy
from funding.pools.refusals import AnonymousTooLarge

# A rate is counted in hundredths of a per cent.
WHOLE = 10_000


def policy(currency: str) -> GivingPolicy:
    """The limits of giving in ``currency``; an empty one, not saved, where there are none."""
    found = GivingPolicy.objects.filter(currency=currency).first()
    return found or GivingPolicy(currency=currency)


def anonymous_limit(currency: str) -> Money | None:
    """The largest gift whose donor may stay anonymous; None where there is no limit."""
    limit = policy(currency).anonymous_limit
    return Money(limit, currency) if limit is not None else None


def check_anonymity(amount: Money) -> None:
    """Raises AnonymousTooLarge for an amount above the limit; the limit itself is allowed."""
    limit = anonymous_limit(amount.currency)
    if limit is not None and limit < amount:
        raise AnonymousTooLarge(limit=limit.format(), amount=amount.format())


def needs_check(amount: Money) -> bool:
    """Whether staff look at the source of this money and at the sanctions lists."""
    limit = policy(amount.currency).check_limit
    return limit is not None and amount.amount >= limit


def fee_cover(amount: Money, *, known: GivingPolicy | None = None) -> Money:
    """What to add so that ``amount`` is left after the card's fee; zero where no fee is known.
    ``known`` are the limits of its currency, where they were read already.

    The smallest sum that does it and that a card can pay. The fee of the whole, its own part on
    top included, is counted rounded up, so the pool never gets less by our rounding.
    """
    known = known or policy(amount.currency)
    kept = WHOLE - known.card_fee_rate
    # Ceiling division: whole - ceil(whole * rate) - fixed >= amount.
    whole = -(-(amount.amount + known.card_fee_fixed) * WHOLE // kept)
    step = smallest_step(amount.currency)
    return Money(-(-whole // step) * step - amount.amount, amount.currency)
