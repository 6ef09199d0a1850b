"""Which income group a country has on a day, and who says so."""

import datetime

from membership.models import CountryIncomeGroup


def group_of(country: str, on: datetime.date) -> str:
    """The income group of ``country`` (ISO 3166-1 alpha-2) on ``on``; "" where it has none.

    Before its first line it is what that says: the table begins with the list of July 2023.
    """
    lines = CountryIncomeGroup.objects.filter(country=country)
    line = (
        lines.filter(valid_from__lte=on).order_by("-valid_from").first()
        or lines.order_by("valid_from").first()
    )
    return line.income_group if line else ""


def groups(on: datetime.date) -> dict[str, str]:
    """`group_of` every country that has one, in one query."""
    found: dict[str, str] = {}
    lines = CountryIncomeGroup.objects.order_by("country", "valid_from")
    for country, group, valid_from in lines.values_list("country", "income_group", "valid_from"):
        if country not in found or valid_from <= on:
            found[country] = group
    return found


def sources(on: datetime.date) -> list[tuple[str, int]]:
    """The lists that the income groups of ``on`` come from, each with its year, the newest first."""
    in_force = (
        CountryIncomeGroup.objects.filter(valid_from__lte=on)
        .order_by("country", "-valid_from")
        .distinct("country")
    )
    found = {(line.source, line.source_year) for line in in_force}
    return sorted(found, key=lambda line: (-line[1], line[0]))
