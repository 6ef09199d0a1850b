"""What a pool takes: the rules that gifts and pledges share. Each refusal names itself."""

import datetime

from django.utils.formats import date_format

from core.money import Money
from funding.pools import refusals
from funding.pools.models import PoolProfile


def written(day: datetime.date) -> str:
    """The day in words, in the language in force."""
    return date_format(day, "DATE_FORMAT")


def check_open(profile: PoolProfile, on: datetime.date) -> None:
    """Raises PoolPaused, PoolNotYetOpen or PoolClosed when the pool takes nothing on that day."""
    if profile.is_open(on):
        return
    if on < profile.opens_on:
        raise refusals.PoolNotYetOpen(date=written(profile.opens_on))
    if profile.closes_on is not None and on > profile.closes_on:
        raise refusals.PoolClosed(date=written(profile.closes_on))
    raise refusals.PoolPaused


def check_gift(profile: PoolProfile, amount: Money) -> None:
    """Raises WrongCurrency, AmountTooSmall or AmountTooLarge."""
    _check_currency(profile, amount)
    if amount < profile.minimum:
        raise refusals.AmountTooSmall(minimum=profile.minimum.format())
    if profile.maximum < amount:
        raise refusals.AmountTooLarge(maximum=profile.maximum.format())


def _check_currency(profile: PoolProfile, amount: Money) -> None:
    if amount.currency != profile.currency:
        raise refusals.WrongCurrency(currency=profile.currency)


def check_pledge_amount(profile: PoolProfile, amount: Money) -> None:
    """Raises WrongCurrency or AmountTooSmall. A pledge has no upper limit; an instalment has."""
    _check_currency(profile, amount)
    if amount < profile.minimum:
        raise refusals.AmountTooSmall(minimum=profile.minimum.format())
