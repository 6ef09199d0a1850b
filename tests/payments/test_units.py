"""Stripe's units against ISO 4217's, as a table."""

import pytest

from core.money import Money
from funding.payments.stripe_units import (
    AmountNotByCard,
    AmountTooLargeForCard,
    CurrencyNotByCard,
    UnexpectedUnits,
    from_stripe,
    to_stripe,
)

SAME_BOTH_WAYS = [
    # ISO minor units, currency, Stripe's units: what it is
    (5_000, "USD", 5_000),  # two decimals in both
    (1, "EUR", 1),
    (5_000, "JPY", 5_000),  # none in both
    (10_000, "XOF", 10_000),
    (10_000, "RWF", 10_000),
    (10_000, "UGX", 1_000_000),  # none in ISO, two at Stripe
    (1_500, "ISK", 150_000),
    (5_000, "MGA", 50),  # two in ISO, none at Stripe
    (12_340, "KWD", 12_340),  # three in both, the last a zero
    (1_230, "BHD", 1_230),
    (1_230, "JOD", 1_230),
    (1_230, "OMR", 1_230),
    (1_230, "TND", 1_230),
    (12_345, "HUF", 12_345),
    (12_345, "TWD", 12_345),
]


@pytest.mark.parametrize(("iso", "currency", "stripe"), SAME_BOTH_WAYS)
def test_amounts_convert_exactly_both_ways(iso: int, currency: str, stripe: int) -> None:
    assert to_stripe(Money(iso, currency)) == (stripe, currency.lower())
    assert from_stripe(stripe, currency.lower()) == Money(iso, currency)


@pytest.mark.parametrize(
    ("iso", "currency", "lower", "higher"),
    [
        (12_345, "KWD", "12.340", "12.350"),
        (5_050, "MGA", "50.00", "51.00"),
    ],
)
def test_an_amount_that_a_card_cannot_pay_is_refused_with_the_nearest_ones(
    iso: int, currency: str, lower: str, higher: str
) -> None:
    with pytest.raises(AmountNotByCard) as refusal:
        to_stripe(Money(iso, currency))
    assert lower in str(refusal.value)
    assert higher in str(refusal.value)


@pytest.mark.parametrize("currency", ["IQD", "LYD", "CLF", "UYW", "UYI"])
def test_a_currency_that_stripe_lacks_is_refused(currency: str) -> None:
    with pytest.raises(CurrencyNotByCard, match=currency):
        to_stripe(Money(1_000, currency))


@pytest.mark.parametrize(
    ("largest", "currency"), [(99_999_999, "USD"), (999_999, "UGX"), (99_999_990, "KWD")]
)
def test_more_than_eight_digits_are_refused(largest: int, currency: str) -> None:
    assert to_stripe(Money(largest, currency))
    with pytest.raises(AmountTooLargeForCard):
        to_stripe(Money(largest * 10, currency))


def test_half_a_uganda_shilling_has_no_iso_form() -> None:
    with pytest.raises(UnexpectedUnits):
        from_stripe(150, "ugx")


def test_a_fee_of_stripe_is_read_whatever_its_last_digit() -> None:
    assert from_stripe(12_345, "kwd") == Money(12_345, "KWD")


# Stripe's list of currencies that it counts without decimals; UGX and ISK are not among them.
# fmt: off
ZERO_AT_STRIPE = [
    "BIF", "CLP", "DJF", "GNF", "JPY", "KMF", "KRW", "MGA", "PYG", "RWF", "VND", "VUV", "XAF",
    "XOF", "XPF",
]
# fmt: on
THREE_AT_STRIPE = ["BHD", "JOD", "KWD", "OMR", "TND"]


@pytest.mark.parametrize("currency", ZERO_AT_STRIPE)
def test_currencies_without_decimals_at_stripe(currency: str) -> None:
    whole = 500 * (100 if currency == "MGA" else 1)
    assert to_stripe(Money(whole, currency)) == (500, currency.lower())
    assert from_stripe(500, currency.lower()) == Money(whole, currency)


@pytest.mark.parametrize("currency", THREE_AT_STRIPE)
def test_currencies_with_three_decimals_at_stripe(currency: str) -> None:
    assert to_stripe(Money(5_120, currency)) == (5_120, currency.lower())
    with pytest.raises(AmountNotByCard):
        to_stripe(Money(5_124, currency))


@pytest.mark.parametrize("currency", ["HUF", "TWD"])
def test_a_payout_in_whole_units_is_still_counted_with_two_decimals(currency: str) -> None:
    assert from_stripe(-1_234_500, currency.lower()) == Money(-1_234_500, currency)


@pytest.mark.parametrize("currency", ["UGX", "ISK", "MGA", "JPY", "KWD", "USD"])
def test_what_goes_back_is_read_with_its_sign(currency: str) -> None:
    amount, code = to_stripe(Money(12_300, currency))
    assert from_stripe(-amount, code) == Money(-12_300, currency)
