"""Geometry of the charts of flows: months as bars, countries as places on a map. Whole numbers."""

import datetime
from collections.abc import Sequence
from dataclasses import dataclass

from django import template
from django.urls import reverse
from django.utils.formats import number_format

from funding.ledger.models import Pool
from funding.transparency import badge
from funding.transparency.pool_facts import CountryShare
from funding.transparency.series import FLOWS, MonthFlow

register = template.Library()

# The chart of months, in units of its view box: a month is 30 wide, two bars of 11 in it.
STEP, BAR, HEIGHT = 30, 11, 150
# The map (static/world.svg): two units a degree, from 84° north to 56° south.
WIDTH, MAP_HEIGHT, NORTH = 720, 280, 84


@dataclass(frozen=True, slots=True)
class MonthBars:
    """Paths of what came and what was spent; ``zero`` is where the axis lies."""

    came: str
    spent: str
    width: int
    height: int
    zero: int


@register.simple_tag
def month_bars(months: Sequence[MonthFlow]) -> MonthBars:
    """Two bars a month. A month in which more went back than came hangs below the axis."""
    marks = [0, *(mark for month in months for mark in (month.came, month.spent))]
    high, low = max(marks), min(marks)
    extent = high - low or 1
    zero = high * HEIGHT // extent
    paths: dict[str, list[str]] = {"came": [], "spent": []}
    for place, month in enumerate(months):
        x = place * STEP + 3
        for name, left, amount in (("came", x, month.came), ("spent", x + BAR + 2, month.spent)):
            if amount:
                # What is there is seen, however small.
                tall = max(abs(amount) * HEIGHT // extent, 2)
                paths[name].append(f"M{left} {zero}h{BAR}v{-tall if amount > 0 else tall}h-{BAR}z")
    return MonthBars(
        came="".join(paths["came"]),
        spent="".join(paths["spent"]),
        width=max(len(months), 6) * STEP,
        height=HEIGHT + 2,
        zero=zero,
    )


@register.simple_tag
def month_hrefs(month: datetime.date, currency: str, pool: Pool | None = None) -> dict[str, str]:
    """Where each number of a month opens into its entries, by its name in `series.FLOWS`."""
    if pool:
        return {
            flow: reverse("pool_month", args=[pool.code, f"{month:%Y-%m}", flow]) for flow in FLOWS
        }
    return {
        flow: f"{reverse('money_month', args=[f'{month:%Y-%m}', flow])}?currency={currency}"
        for flow in FLOWS
    }


@dataclass(frozen=True, slots=True)
class Place:
    """A country's dot: ``x`` and ``y`` in the map's units, ``size`` by its share."""

    x: int
    y: int
    size: int


@dataclass(frozen=True, slots=True)
class WorldMap:
    places: list[Place]
    width: int
    height: int


@register.simple_tag
def world_map(countries: Sequence[CountryShare]) -> WorldMap:
    """The dots of the countries whose place is known, the larger the larger their share."""
    places = [
        Place(
            x=round((country.longitude + 180) * 2),
            y=round((NORTH - country.latitude) * 2),
            size=5 + int(country.share) // 12,
        )
        for country in countries
        if country.latitude is not None and country.longitude is not None
    ]
    return WorldMap(places, WIDTH, MAP_HEIGHT)


@register.filter
def tenths(value: int | None) -> str:
    """``{{ concentration.share|tenths }}``: 614 → 61.4, 1000 → 100."""
    if value is None:
        return ""
    whole, part = divmod(value, 10)
    return str(number_format(f"{whole}.{part}" if part else f"{whole}", use_l10n=True))


@register.simple_tag
def badge_size() -> tuple[int, int]:
    """Width and height of every badge, in CSS pixels."""
    return badge.WIDTH, badge.HEIGHT
