"""Stripe's units and ISO 4217's: the same for most currencies, and a table where they differ.

Stripe counts UGX and ISK with two decimals although they have none (so an amount ends in 00),
counts MGA without decimals although ISO gives it two, and takes three-decimal currencies only
with a last digit of zero. Its payouts in HUF and TWD go in whole units, but are counted with two
decimals like their charges: what cannot go stays in the balance, so nothing is converted here.
Source: Stripe's documentation, "Supported currencies", special cases.
"""

from django.utils.translation import gettext_lazy as _

from core.money import Money, exponent
from core.refusals import Refusal

# How many decimals Stripe counts with, where that differs from ISO 4217.
_STRIPE_EXPONENT = {"UGX": 2, "ISK": 2, "MGA": 0}
# ISO currencies with no or four decimals, or with three, that Stripe does not settle by card.
_NOT_AT_STRIPE = frozenset({"CLF", "IQD", "LYD", "UYI", "UYW"})
# Stripe takes at most eight digits of an amount.
LARGEST = 99_999_999


class CurrencyNotByCard(Refusal):
    message = _("A card cannot pay in %(currency)s. Choose another currency or a bank transfer.")


class AmountNotByCard(Refusal):
    message = _(
        "A card cannot pay exactly %(amount)s. The nearest amounts it can pay are "
        "%(lower)s and %(higher)s."
    )


class AmountTooLargeForCard(Refusal):
    message = _("A card cannot pay %(amount)s at once. The most it can pay is %(largest)s.")


class UnexpectedUnits(ValueError):
    """Stripe named an amount that ISO 4217's units of the currency cannot hold."""


def _stripe_exponent(currency: str) -> int:
    return _STRIPE_EXPONENT.get(currency, exponent(currency))


def smallest_step(currency: str) -> int:
    """The smallest amount in ISO minor units that a card can pay; every amount is a multiple."""
    if exponent(currency) == 3:
        return 10
    return 10 ** max(0, exponent(currency) - _stripe_exponent(currency))


def to_stripe(money: Money) -> tuple[int, str]:
    """``money`` as Stripe wants it: its own units and the lower-case code.

    Never rounds: raises AmountNotByCard where Stripe cannot take the exact amount,
    CurrencyNotByCard and AmountTooLargeForCard otherwise.
    """
    currency = money.currency
    if currency in _NOT_AT_STRIPE:
        raise CurrencyNotByCard(currency=currency)
    step = smallest_step(currency)
    if money.amount % step:
        lower = money.amount - money.amount % step
        raise AmountNotByCard(
            amount=money.format(),
            lower=Money(lower, currency).format(),
            higher=Money(lower + step, currency).format(),
        )
    amount = _rescale(money.amount, exponent(currency), _stripe_exponent(currency))
    if amount > LARGEST:
        raise AmountTooLargeForCard(
            amount=money.format(), largest=from_stripe(LARGEST // 1000 * 1000, currency).format()
        )
    return amount, currency.lower()


def from_stripe(amount: int, currency: str) -> Money:
    """What Stripe names in its own units, in ISO 4217 minor units.

    Raises UnexpectedUnits where nothing exact corresponds (half a Uganda shilling).
    """
    code = currency.upper()
    return Money(_rescale(amount, _stripe_exponent(code), exponent(code)), code)


def _rescale(amount: int, have: int, want: int) -> int:
    if want >= have:
        return amount * 10 ** (want - have)
    whole, rest = divmod(amount, 10 ** (have - want))
    if rest:
        raise UnexpectedUnits(f"{amount} with {have} decimals has no exact form with {want}.")
    return whole
