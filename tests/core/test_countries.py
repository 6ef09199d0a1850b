"""Countries: complete, named in the reader's language, sorted as a reader expects."""

import pytest
from django.utils import translation

from core import countries
from core.money import Money


def test_there_are_the_countries_and_territories_of_iso_3166() -> None:
    everything = countries.all_countries()

    assert 245 <= len(everything) <= 252
    for code, country in everything.items():
        assert code == country.iso2
        assert (len(code), len(country.iso3)) == (2, 3)
        assert code.isupper()
        assert country.names["en"]
        assert country.income_group in ("", *countries.INCOME_GROUPS)
        if country.currency:
            Money(0, country.currency)
        if country.latitude is not None and country.longitude is not None:
            assert -90 <= country.latitude <= 90
            assert -180 <= country.longitude <= 180


@pytest.mark.parametrize("group", countries.INCOME_GROUPS)
def test_every_income_group_has_countries(group: str) -> None:
    assert any(country.income_group == group for country in countries.all_countries().values())


def test_facts_that_fees_rest_on() -> None:
    malawi = countries.get("MW")

    assert (malawi.iso3, malawi.currency, malawi.income_group) == ("MWI", "MWK", "low")
    assert countries.get("FR").income_group == "high"


@pytest.mark.parametrize(
    "language, name",
    [
        ("en", "Mozambique"),
        ("fr", "Mozambique"),
        ("pt", "Moçambique"),
        ("pt-br", "Moçambique"),
        ("xx", "Mozambique"),
    ],
)
def test_a_country_is_named_in_the_readers_language_else_in_english(
    language: str, name: str
) -> None:
    assert countries.get("MZ").name(language) == name


def test_the_language_in_force_is_the_default() -> None:
    with translation.override("fr"):
        assert countries.get("DE").name() == "Allemagne"
    with translation.override("pt"):
        assert countries.get("DE").name() == "Alemanha"


@pytest.mark.parametrize("language", ["en", "fr", "pt"])
def test_every_country_has_a_name_in_every_language_of_the_site(language: str) -> None:
    assert all(country.name(language) for country in countries.all_countries().values())


@pytest.mark.parametrize("code", ["XX", "mw", "", "MWI"])
def test_an_unknown_code_is_a_key_error(code: str) -> None:
    with pytest.raises(KeyError):
        countries.get(code)


def test_choices_are_sorted_without_regard_to_accents() -> None:
    names = [name for _code, name in countries.choices("fr")]

    assert names.index("Égypte") < names.index("Espagne") < names.index("Éthiopie")
    assert names == sorted(names, key=countries.sort_key)
    assert len(names) == len(countries.all_countries())


@pytest.mark.parametrize(
    "text, key", [("Éthiopie", "ethiopie"), ("São Tomé", "sao tome"), ("ÅLAND", "aland"), ("", "")]
)
def test_the_sort_key_has_no_accents_and_no_capitals(text: str, key: str) -> None:
    assert countries.sort_key(text) == key
