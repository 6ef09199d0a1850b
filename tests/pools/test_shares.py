"""Sectors, countries and goals of a pool: what is typed, what is stored, what is refused."""

from decimal import Decimal
from typing import Any

import pytest

from funding.pools import shares


@pytest.mark.parametrize(
    ("typed", "stored"),
    [
        ("", {}),
        ("  \n\n", {}),
        ("12250", {"12250": 100.0}),
        ("12250 60\n12261 40", {"12250": 60.0, "12261": 40.0}),
        ("12250: 60 %\n 12261 = 40,0", {"12250": 60.0, "12261": 40.0}),
        ("12250 33.33\n12261 33.33\n12220 33.34", {"12250": 33.33, "12261": 33.33, "12220": 33.34}),
        ("12250\n12261\n\n12220", {"12250": 33.34, "12261": 33.33, "12220": 33.33}),
    ],
)
def test_sectors_are_read_line_by_line(typed: str, stored: dict[str, float]) -> None:
    assert shares.parse_sectors(typed) == stored


def test_countries_are_two_letters_in_any_case() -> None:
    assert shares.parse_countries("mw 70\nZM 30") == {"MW": 70.0, "ZM": 30.0}


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ("12250 60\n12261 39", "add up to 99, not to 100"),
        ("12250 60\n12261 40.01", "add up to 100.01"),
        ("12250 60\n99999 40", "Line 2: 99999 is no purpose code"),
        ("12250 60\n12261", "Line 2 has no share"),
        ("12250\n12261 100", "Line 1 has no share"),
        ("12250 50\n12250 50", "Line 2: 12250 is there already"),
        ("12250 0\n12261 100", "Line 1: a share is more than 0"),
        ("12250 101", "Line 1: a share is more than 0 and 100 at most"),
        ("12250 33.333\n12261 66.667", "Line 1: a share has two decimals"),
        ("12250 1.2.3", "Line 1: “12250 1.2.3”"),
        ("12250 60 40", "Write a code and its share, like “12250 60”"),
        ("Health; everything", "Line 1: “Health; everything”"),
    ],
)
def test_what_is_wrong_names_the_line(typed: str, words: str) -> None:
    with pytest.raises(shares.ShareRefusal) as refused:
        shares.parse_sectors(typed)
    assert words in str(refused.value)


def test_an_unknown_country_is_refused() -> None:
    with pytest.raises(shares.UnknownCountry) as refused:
        shares.parse_countries("MW 50\nXX 50")
    assert "Line 2: XX is no country" in str(refused.value)


@pytest.mark.parametrize("count", [1, 2, 3, 6, 7, 11, 64])
def test_equal_shares_are_exactly_the_whole(count: int) -> None:
    codes = list(shares.sectors())[:count]
    stored = shares.parse_sectors("\n".join(codes))
    assert sum(share for _code, share in shares.percentages(stored)) == Decimal(100)
    assert all(share > 0 for share in stored.values())


@pytest.mark.parametrize("stored", [{}, {"12250": 100.0}, {"12250": 60.5, "12261": 39.5}])
def test_stored_shares_are_shown_as_they_would_be_typed(stored: dict[str, Any]) -> None:
    assert shares.parse_sectors(shares.as_text(stored)) == stored


def test_every_goal_and_every_sector_has_a_name() -> None:
    assert list(shares.SDG_GOALS) == list(range(1, 18))
    assert shares.sector_name("12261") == "Health education"
    assert shares.sector_name("00000") == "00000"
    assert all(len(code) == 5 and name for code, name in shares.sectors().items())
    assert (shares.country_name("MW"), shares.country_name("XX")) == ("Malawi", "XX")
