"""Money: what a person may type, what a reader sees, and that no minor unit gets lost."""

from typing import Any

import pytest
from django.core.exceptions import ValidationError
from django.utils import translation
from hypothesis import given
from hypothesis import strategies as st

from core.money import (
    MAX_MINOR,
    CurrencyField,
    CurrencyMismatch,
    Money,
    NotAnAmount,
    TooManyDecimals,
    currency_name,
    exponent,
    format_minor,
    split_evenly,
)
from core.templatetags import money as filters

NBSP, NNBSP = "\u00a0", "\u202f"


# --- Reading --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text, currency, minor",
    [
        ("50", "USD", 5000),
        ("50.00", "USD", 5000),
        ("50,00", "USD", 5000),
        ("50.5", "USD", 5050),
        ("0.01", "USD", 1),
        ("0", "USD", 0),
        ("  50 ", "USD", 5000),
        ("1250.50", "USD", 125050),
        ("1,250.50", "USD", 125050),
        ("1.250,50", "USD", 125050),
        ("1 250,50", "USD", 125050),
        (f"1{NBSP}250,50", "USD", 125050),
        (f"1{NNBSP}250,50", "USD", 125050),
        ("1’250.50", "USD", 125050),
        ("1,250", "USD", 125000),
        ("1,250,000", "USD", 125000000),
        ("1.250.000,5", "EUR", 125000050),
        ("5000", "UGX", 5000),
        ("5,000", "UGX", 5000),
        ("1,250,000", "UGX", 1250000),
        ("1.250", "KWD", 1250),
        ("1,250.125", "KWD", 1250125),
        ("12.3456", "CLF", 123456),
        ("٥٠", "EGP", 5000),  # Arabic-Indic digits
    ],
)
def test_an_amount_is_read_as_people_of_any_country_write_it(
    text: str, currency: str, minor: int
) -> None:
    assert Money.parse(text, currency) == Money(minor, currency)


@pytest.mark.parametrize(
    "text",
    ["", " ", "-5", "+5", "5-", "abc", "50 USD", "$50", "1e3", "1,25,000", "1,250,5", "1..5", ".5"]
    + ["5.", "1,250.50.25", "½", "²", "0x10", "1_000", "NaN", "inf", "9" * 16, "1" + ",000" * 3000],
)
def test_what_is_no_amount_is_refused_with_what_was_typed(text: str) -> None:
    with pytest.raises(NotAnAmount) as refused:
        Money.parse(text, "USD")

    assert text.strip() in str(refused.value)


@pytest.mark.parametrize(
    "text, currency",
    [
        ("0.125", "USD"),
        ("0,500", "USD"),
        ("1250.125", "USD"),
        ("1,250.505", "USD"),
        ("1.2345", "USD"),
        ("50.00", "UGX"),
        ("5.5", "JPY"),
        ("1.2345", "KWD"),
    ],
)
def test_more_decimals_than_the_currency_has_are_never_rounded_or_taken_for_thousands(
    text: str, currency: str
) -> None:
    with pytest.raises(TooManyDecimals) as refused:
        Money.parse(text, currency)

    assert currency in str(refused.value)
    assert str(exponent(currency)) in str(refused.value)


def test_the_largest_amount_is_read_and_one_more_is_not() -> None:
    assert Money.parse("100000000000000.00", "USD").amount == MAX_MINOR
    with pytest.raises(NotAnAmount):
        Money.parse("100000000000000.01", "USD")


@given(
    minor=st.integers(0, MAX_MINOR),
    currency=st.sampled_from(["USD", "UGX", "KWD", "CLF"]),
    language=st.sampled_from(["en", "fr", "pt"]),
)
def test_what_is_shown_can_be_typed_back(minor: int, currency: str, language: str) -> None:
    shown = format_minor(minor, currency, language)

    with translation.override(language):
        assert Money.parse(shown, currency) == Money(minor, currency)


@given(minor=st.integers(0, MAX_MINOR), currency=st.sampled_from(["USD", "UGX", "KWD", "CLF"]))
def test_the_plain_form_can_be_read_back(minor: int, currency: str) -> None:
    amount = Money(minor, currency)

    assert Money.parse(str(amount).split()[0], currency) == amount


# --- Showing --------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "money, language, shown",
    [
        (Money(125050, "USD"), "en", "$1,250.50"),
        (Money(-500, "USD"), "en", "-$5.00"),
        (Money(0, "USD"), "en", "$0.00"),
        (Money(125050, "USD"), "fr", f"1{NNBSP}250,50{NBSP}$US"),
        (Money(125050, "USD"), "pt", f"US${NBSP}1.250,50"),
        (Money(5000, "UGX"), "en", f"UGX{NBSP}5,000"),
        (Money(1250125, "KWD"), "en", f"KWD{NBSP}1,250.125"),
        # CLDR shows no decimals for it, ISO counts two: what is owed is never rounded away.
        (Money(12345, "MGA"), "en", f"MGA{NBSP}123.45"),
        (Money(5000, "USD"), "xx-nonsense", "$50.00"),
    ],
)
def test_an_amount_is_shown_in_the_readers_language_with_all_its_decimals(
    money: Money, language: str, shown: str
) -> None:
    assert money.format(language) == shown


def test_the_language_in_force_is_the_default() -> None:
    with translation.override("fr"):
        assert format_minor(125050, "USD") == f"1{NNBSP}250,50"
        assert currency_name("USD") == "dollars des États-Unis"
    with translation.override("en"):
        assert format_minor(125050, "USD") == "1,250.50"
        assert format_minor(5000, "UGX") == "5,000"
        assert currency_name("USD") == "US dollars"


# --- Counting -------------------------------------------------------------------------------------


def test_amounts_of_one_currency_add_subtract_and_compare() -> None:
    five, two = Money(500, "USD"), Money(200, "USD")

    assert five + two == Money(700, "USD")
    assert five - two == Money(300, "USD")
    assert -five == Money(-500, "USD")
    assert two < five
    assert five > two
    assert two <= two
    assert max(five, two) == five


@pytest.mark.parametrize("act", ["__add__", "__sub__", "__lt__", "__le__"])
def test_amounts_of_two_currencies_never_meet(act: str) -> None:
    with pytest.raises(CurrencyMismatch):
        getattr(Money(1, "USD"), act)(Money(1, "EUR"))


def test_equal_amounts_of_two_currencies_are_not_equal() -> None:
    assert Money(1, "USD") != Money(1, "EUR")


@pytest.mark.parametrize("amount", [1.0, "1", True, None])
def test_only_whole_minor_units_are_money(amount: Any) -> None:
    with pytest.raises(TypeError):
        Money(amount, "USD")


@pytest.mark.parametrize("currency", ["usd", "US", "USDX", "", "U5D", "USD\n"])
def test_a_currency_is_three_capital_letters(currency: str) -> None:
    with pytest.raises(ValueError):
        Money(1, currency)


@given(total=st.integers(-(10**9), 10**9), parts=st.integers(1, 60))
def test_shares_add_up_exactly_and_differ_by_one_at_most(total: int, parts: int) -> None:
    shares = split_evenly(total, parts)

    assert sum(shares) == total
    assert len(shares) == parts
    assert max(shares) - min(shares) <= 1


def test_nothing_can_be_split_in_no_parts() -> None:
    with pytest.raises(ValueError):
        split_evenly(100, 0)


# --- The field ------------------------------------------------------------------------------------


@pytest.mark.parametrize("code", ["USD", "UGX", "XOF", "MWK"])
def test_the_field_takes_currencies(code: str) -> None:
    assert CurrencyField().clean(code, None) == code


@pytest.mark.parametrize("code", ["usd", "XQQ", "US", "USDX", "USD\n", ""])
def test_the_field_refuses_what_is_no_currency(code: str) -> None:
    with pytest.raises(ValidationError):
        CurrencyField().clean(code, None)


@pytest.mark.parametrize(
    ("language", "text"), [("en", "50.005"), ("en", "12.500"), ("fr", "50,005"), ("pt", "1,250")]
)
def test_a_slip_after_the_decimal_sign_of_the_language_is_refused_not_multiplied(
    language: str, text: str
) -> None:
    with translation.override(language), pytest.raises(TooManyDecimals):
        Money.parse(text, "USD")


@pytest.mark.parametrize(
    ("language", "text"), [("en", "12,500"), ("fr", "12.500"), ("pt", "12.500")]
)
def test_the_thousands_sign_of_the_language_is_read_as_such(language: str, text: str) -> None:
    with translation.override(language):
        assert Money.parse(text, "USD").amount == 1_250_000


# --- In templates ---------------------------------------------------------------------------------


@pytest.mark.parametrize("language", ["en", "fr", "pt", "es"])
def test_a_template_shows_what_the_language_writes(language: str) -> None:
    with translation.override(language):
        assert filters.money(Money(-5000, "USD")) == Money(-5000, "USD").format()
        assert "\u2066" not in filters.minor_units(-5000, "USD")


def test_from_right_to_left_an_amount_keeps_its_sign_and_currency_in_their_places() -> None:
    with translation.override("ar"):
        whole, bare = filters.money(Money(-5000, "USD")), filters.minor_units(-5000, "USD")

    for text in (whole, bare):
        assert (text[0], text[-1]) == ("\u2066", "\u2069")
        assert "\u200f" not in text
        assert "50" in text
    assert filters.money(None) == filters.minor_units(None, "USD") == ""
