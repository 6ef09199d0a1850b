"""What a plan of simulated years is made of: plain data."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any


@dataclass(frozen=True, slots=True)
class Scale:
    """How much happens in a year; organisations are those that ask to join in all the years."""

    pools: int = 12
    donors: int = 400
    gifts: int = 6_000
    pledges: int = 150
    refunds: int = 60
    disputes: int = 24
    transfers: int = 24
    offers: int = 4
    organisations: int = 2_000

    def times(self, share: float) -> "Scale":
        """A smaller or larger year with at least two of everything; pools stay as many."""
        return Scale(
            pools=self.pools,
            **{
                name: max(2, round(getattr(self, name) * share))
                for name in ("donors", "gifts", "pledges", "refunds", "disputes", "transfers")
            },
            offers=max(1, round(self.offers * share)),
            organisations=max(2, round(self.organisations * share)),
        )


@dataclass(frozen=True, slots=True)
class PlannedPool:
    code: str
    title: str
    currency: str
    countries: dict[str, int]
    restricted: bool
    goal: int
    overhead_rate: int  # hundredths of a per cent


@dataclass(frozen=True, slots=True)
class PlannedDonor:
    number: int
    name: str
    organisation: bool
    named: bool
    # How large their gifts are beside those of others.
    weight: float


@dataclass(frozen=True, slots=True)
class PlannedMember:
    """An organisation that asks to join."""

    number: int
    name: str
    kind: str
    country: str
    constituency: str
    tier: str


@dataclass(frozen=True, slots=True, order=True)
class Event:
    """Something that happens at a time. ``about`` holds what `acts` needs for its ``kind``."""

    at: datetime.datetime
    order: int
    kind: str = field(compare=False)
    about: dict[str, Any] = field(compare=False)


@dataclass(frozen=True, slots=True)
class Plan:
    start: datetime.date
    end: datetime.date  # the day after the last
    pools: Sequence[PlannedPool]
    donors: Sequence[PlannedDonor]
    members: Sequence[PlannedMember]
    events: Sequence[Event]


def month_after(day: datetime.date) -> datetime.date:
    """The first day of the month that follows the one ``day`` lies in."""
    return (day.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)


def month_before(day: datetime.date) -> datetime.date:
    """The first day of the month before the one ``day`` lies in."""
    return (day.replace(day=1) - datetime.timedelta(days=1)).replace(day=1)
