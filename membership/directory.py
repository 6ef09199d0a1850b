"""What a reader of the directory chose, and what there is to choose from, with how many of each."""

import datetime
from collections import Counter
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from decimal import Decimal
from functools import cached_property
from typing import Any

from django.core.paginator import Paginator
from django.urls import reverse
from django.utils.http import urlencode

from core import countries
from membership import queries
from membership.models import Constituency, Organisation, Tier
from membership.queries import Facet

MEMBERS_PER_PAGE = 60
_LONGEST_NAME = 120


@dataclass(frozen=True, slots=True)
class Chosen:
    """The filters of an address; an empty one is not set."""

    constituency: str = ""
    country: str = ""
    tier: str = ""
    since: int = 0
    name: str = ""

    @property
    def href(self) -> str:
        """The directory's address with those filters that are set."""
        query = urlencode({name: value for name, value in asdict(self).items() if value})
        return reverse("members") + (f"?{query}" if query else "")

    def without(self, **changes: Any) -> str:
        return replace(self, **changes).href


def chosen(query: Mapping[str, str], tiers: Mapping[int, Tier]) -> Chosen:
    """The filters in an address. One that names nothing known is left out, since addresses are
    typed and shortened by people."""
    constituency = query.get("constituency", "")
    country = query.get("country", "").upper()
    tier, since = query.get("tier", ""), query.get("since", "")
    return Chosen(
        constituency=constituency if constituency in Constituency.values else "",
        country=country if country in countries.all_countries() else "",
        tier=tier if tier in {one.code for one in tiers.values()} else "",
        since=int(since) if since.isascii() and since.isdecimal() and len(since) == 4 else 0,
        name=" ".join(query.get("name", "").replace("\0", "").split())[:_LONGEST_NAME],
    )


@dataclass(frozen=True, slots=True)
class Choice:
    """A value of a filter: where it leads, and how many members it has beside the other filters."""

    code: str
    label: str
    members: int
    href: str
    current: bool


@dataclass(frozen=True, slots=True)
class Dot:
    """A country on the map and in the table below it."""

    name: str
    href: str
    members: int
    share: Decimal
    latitude: float | None
    longitude: float | None


class Directory:
    """The directory on a day as one reader filters it: a fixed number of queries, however many
    members there are."""

    def __init__(self, query: Mapping[str, str], today: datetime.date) -> None:
        self.today = today
        self.tiers = Tier.objects.in_bulk()
        self.chosen = chosen(query, self.tiers)

    @cached_property
    def _facets(self) -> list[Facet]:
        return queries.facets(self.today, name=self.chosen.name)

    def _counted(self, field: str) -> Counter[Any]:
        """Members by ``field``, of those that the other filters leave."""
        found: Counter[Any] = Counter()
        for facet in self._facets:
            if all(self._fits(facet, other) for other in _FILTERS if other != field):
                found[getattr(facet, field)] += facet.members
        return found

    def _fits(self, facet: Facet, field: str) -> bool:
        wanted = getattr(self.chosen, field)
        if not wanted:
            return True
        value = getattr(facet, field)
        return bool((self.tiers[value].code if field == "tier" else value) == wanted)

    def page(self, number: str | None) -> Any:
        found = queries.members(self.today, **asdict(self.chosen))
        paginator: Paginator[Organisation] = Paginator(found, MEMBERS_PER_PAGE)
        return paginator.get_page(number)

    @cached_property
    def voices(self) -> list[Choice]:
        counted = self._counted("constituency")
        return [
            self._choice("constituency", code, str(label), counted[code])
            for code, label in Constituency.choices
        ]

    @cached_property
    def countries(self) -> list[Choice]:
        """The countries that have members, and the chosen one, though it may have none yet."""
        counted = self._counted("country")
        codes = {*counted, self.chosen.country} - {""}
        found = [
            self._choice("country", code, countries.get(code).name(), counted[code])
            for code in codes
        ]
        return sorted(found, key=lambda choice: countries.sort_key(choice.label))

    @cached_property
    def tier_choices(self) -> list[Choice]:
        counted = self._counted("tier")
        return [
            self._choice("tier", tier.code, str(tier), counted[tier.pk])
            for tier in sorted(self.tiers.values(), key=lambda tier: (tier.position, tier.pk))
        ]

    @cached_property
    def years(self) -> list[Choice]:
        counted = self._counted("since")
        years = sorted({*counted, self.chosen.since} - {0}, reverse=True)
        return [self._choice("since", year, str(year), counted[year]) for year in years]

    def dots(self) -> list[Dot]:
        """The countries of the members listed, those with most first."""
        listed = [
            choice for choice in self.countries if choice.members
            and self.chosen.country in ("", choice.code)
        ]  # fmt: skip
        total = sum(choice.members for choice in listed)
        found = []
        for choice in sorted(listed, key=lambda choice: -choice.members):
            country = countries.get(choice.code)
            found.append(
                Dot(
                    name=choice.label,
                    href=choice.href,
                    members=choice.members,
                    share=Decimal(choice.members * 100) / total,
                    latitude=country.latitude,
                    longitude=country.longitude,
                )
            )
        return found

    def _choice(self, field: str, value: Any, label: str, members: int) -> Choice:
        return Choice(
            code=str(value),
            label=label,
            members=members,
            href=self.chosen.without(**{field: value}),
            current=getattr(self.chosen, field) == value,
        )


_FILTERS = ("constituency", "country", "tier", "since")
