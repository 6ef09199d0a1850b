"""Countries and territories of ISO 3166-1, with the facts that fees and maps need.

Source: data/countries.csv (see data/README.md for where it comes from, its licence and its year).
Portuguese names come from CLDR by way of Babel.
"""

import csv
import functools
import unicodedata
from dataclasses import dataclass

from babel.core import Locale
from django.conf import settings
from django.utils.translation import get_language

INCOME_GROUPS = ("low", "lower middle", "upper middle", "high")


@dataclass(frozen=True, slots=True)
class Country:
    iso2: str
    iso3: str
    names: dict[str, str]
    region: str
    sub_region: str
    currency: str
    # One of INCOME_GROUPS, or "" where the source gives none. Fees read `membership.income`, which
    # begins with this and is kept by staff.
    income_group: str
    latitude: float | None
    longitude: float | None

    def name(self, language: str | None = None) -> str:
        """The short name in ``language`` (the one in force by default), else in English."""
        code = (language or get_language() or "en").split("-")[0]
        return self.names.get(code) or self.names["en"]


@functools.cache
def all_countries() -> dict[str, Country]:
    """Every country by its two-letter code, in the source's order."""
    portuguese = Locale("pt").territories
    with (settings.BASE_DIR / "data" / "countries.csv").open(encoding="utf-8", newline="") as file:
        return {
            row["iso2"]: Country(
                iso2=row["iso2"],
                iso3=row["iso3"],
                names={
                    "en": row["english_short"],
                    "fr": row["french_short"],
                    "es": row["spanish_short"],
                    "ar": row["arabic_short"],
                    "pt": portuguese.get(row["iso2"], ""),
                },
                region=row["region"],
                sub_region=row["sub_region"],
                currency=row["currency"],
                income_group=row["income_group"],
                latitude=float(row["latitude"]) if row["latitude"] else None,
                longitude=_east(float(row["longitude"])) if row["longitude"] else None,
            )
            for row in csv.DictReader(file)
        }


def _east(degrees: float) -> float:
    """Degrees east from -180 to 180: the source counts on past 180 where a country lies astride."""
    return (degrees + 180) % 360 - 180


def get(iso2: str) -> Country:
    """The country of a two-letter code; raises KeyError for an unknown one."""
    return all_countries()[iso2]


def choices(language: str | None = None) -> list[tuple[str, str]]:
    """(code, name) pairs for a form, sorted by name as a reader without ICU expects: A, Å, B."""
    named = [(country.iso2, country.name(language)) for country in all_countries().values()]
    return sorted(named, key=lambda pair: sort_key(pair[1]))


def sort_key(text: str) -> str:
    """Accent-stripped, case-folded: the embedded PostgreSQL has no ICU to sort names with."""
    decomposed = unicodedata.normalize("NFKD", text)
    return "".join(char for char in decomposed if not unicodedata.combining(char)).casefold()
