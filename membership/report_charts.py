"""Geometry of the chart of joins and ends by month. Whole numbers, in units of its view box."""

from collections.abc import Sequence
from dataclasses import dataclass

from membership.reports import Movement

STEP, BAR, HEIGHT = 30, 22, 120


@dataclass(frozen=True, slots=True)
class Bars:
    """Paths of what joined, above the axis at ``zero``, and of what left, below it."""

    joined: str
    left: str
    width: int
    height: int
    zero: int


def movement_bars(months: Sequence[Movement]) -> Bars:
    high = max([1, *(month.joined for month in months)])
    low = max([1, *(month.left for month in months)])
    zero = high * HEIGHT // (high + low)
    joined: list[str] = []
    left: list[str] = []
    for place, month in enumerate(months):
        x = place * STEP + (STEP - BAR) // 2
        for paths, number, sign in ((joined, month.joined, -1), (left, month.left, 1)):
            if number:
                # What is there is seen, however small.
                tall = max(number * HEIGHT // (high + low), 2)
                paths.append(f"M{x} {zero}h{BAR}v{sign * tall}h-{BAR}z")
    return Bars("".join(joined), "".join(left), len(months) * STEP, HEIGHT, zero)
