"""The registers in which organisations are registered, by their codes at org-id.guide.

Source: the codelist OrganisationRegistrationAgency in data/iati/codelists.csv (data/README.md).
"""

import csv
import functools
import re

from django.conf import settings


@functools.cache
def all_registers() -> dict[str, str]:
    """The English name of every register by its code, such as "GB-CHC"."""
    with (settings.BASE_DIR / "data" / "iati" / "codelists.csv").open(
        encoding="utf-8", newline=""
    ) as file:
        return {
            row["code"]: row["name"]
            for row in csv.DictReader(file)
            if row["codelist"] == "OrganisationRegistrationAgency"
        }


def registers_for(country: str, also: str = "") -> list[tuple[str, str]]:
    """(code, "code: name") of the registers of a country, then of those of several countries.

    ``also`` is offered whatever its country: the one that is chosen already.
    """
    known = all_registers()
    own = sorted(code for code in known if code.startswith(country))
    of_several = sorted(code for code in known if code.startswith("X") and code not in own)
    more = [] if not also or also in own or also in of_several else [also]
    return [(code, f"{code}: {known.get(code, '')}") for code in [*own, *of_several, *more]]


def plain_number(number: str) -> str:
    """A number as it is kept and compared: capital letters, no white space, none of ``/ & | ?``."""
    return re.sub(r"[\s/&|?]+", "", number).upper()
