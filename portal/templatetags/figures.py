"""Geometry of the figures. Integers all the way: positions are ten-thousandths of the width.

Templates cannot compute and a strict content policy allows no style attribute, so these tags turn
amounts into the ``x`` and ``width`` attributes of SVG shapes.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Protocol

from django import template

from core.money import Money, format_minor

register = template.Library()

FULL = 10_000
# A tenth of a per cent of the width is less than a pixel: an amount that is there is seen.
LEAST = 40


class Row(Protocol):
    """One line of a money figure.

    ``amount`` counts minor units and is signed as it adds to the sum: −221488 for fees. The row of
    kind ``total`` repeats the sum and adds nothing. ``href`` may be empty.
    """

    label: str
    amount: int
    currency: str
    href: str
    kind: str


@dataclass(frozen=True, slots=True)
class Bar:
    """A row with its place. ``x``, ``width``, ``start`` and ``end`` are percentages of the width:
    the bar's box, the running sum it starts from and the one it leaves behind. ``name`` and
    ``value`` (major units with a point) are for programs that read the page."""

    name: str
    value: str
    label: Any
    text: str
    href: str
    tone: str
    promised: bool
    total: bool
    short: bool
    x: str
    width: str
    right: str
    start: str
    end: str
    axis: str


def _percent(share: int) -> str:
    return f"{share // 100}.{share % 100:02d}%"


def amount_text(amount: int, currency: str) -> str:
    """Grouped, with all decimals and a true minus sign: ``− 2,214.88``."""
    text = format_minor(abs(amount), currency)
    return f"−\u00a0{text}" if amount < 0 else text


@register.filter
def signed(amount: int, currency: str) -> str:
    """``{{ row.amount|signed:row.currency }}``: digits without a currency sign, a true minus."""
    return amount_text(amount, currency)


@register.simple_tag
def waterfall(rows: Iterable[Row]) -> list[Bar]:
    """Places each row's bar where the running sum of the rows before it stands."""
    spans: list[tuple[Row, int, int]] = []
    running = 0
    for row in rows:
        if row.kind == "total":
            spans.append((row, 0, row.amount))
        else:
            spans.append((row, running, running + row.amount))
            running += row.amount
    marks = [0, *(mark for _, start, end in spans for mark in (start, end))]
    low = min(marks)
    extent = max(marks) - low or 1

    def place(mark: int) -> int:
        return (mark - low) * FULL // extent

    bars = []
    for row, start, end in spans:
        left, right = place(min(start, end)), place(max(start, end))
        if row.amount and right - left < LEAST:
            right = min(FULL, left + LEAST)
            left = min(left, right - LEAST)
        bars.append(
            Bar(
                name=getattr(row, "name", ""),
                value=str(Money(row.amount, row.currency).decimal),
                label=row.label,
                text=amount_text(row.amount, row.currency),
                href=row.href or "",
                tone="out" if row.amount < 0 else "in",
                promised=row.kind == "promised",
                total=row.kind == "total",
                short=row.kind == "total" and row.amount < 0,
                x=_percent(left),
                width=_percent(right - left),
                right=_percent(right),
                start=_percent(place(start)),
                end=_percent(place(end)),
                axis=_percent(place(0)),
            )
        )
    return bars


@dataclass(frozen=True, slots=True)
class Meter:
    """A bar of one goal: what is there, then what is promised, as percentages of the width."""

    width: str
    promised_end: str
    has_promised: bool
    percent: int


@register.simple_tag
def meter(value: int, goal: int, promised: int = 0) -> Meter:
    """``percent`` is rounded down: a goal is never shown as reached before it is."""
    held, coming = _shares(value, goal, promised, FULL)
    return Meter(
        width=_percent(held),
        promised_end=_percent(held + coming),
        has_promised=coming > 0,
        percent=max(value, 0) * 100 // goal if goal > 0 else 0,
    )


def _shares(value: int, goal: int, promised: int, parts: int) -> tuple[int, int]:
    """How many of ``parts`` are held and promised, together at most all of them."""
    if goal <= 0:
        return 0, 0
    held = min(parts, max(value, 0) * parts // goal)
    both = min(parts, max(value + promised, 0) * parts // goal)
    return held, max(0, both - held)


# The shelf, in units of its view box: a hundred boxes of 11, one every 15, boards 19 apart.
COLUMNS, BOARDS, BOX, STEP, PITCH = 20, 5, 11, 15, 19
BOXES = COLUMNS * BOARDS


@dataclass(frozen=True, slots=True)
class Shelf:
    """A goal drawn as a store's shelf: paths of the boxes held, promised and still wanted, of the
    boards, and of the double rule under the lowest."""

    held: str
    promised: str
    free: str
    boards: str
    floor: str
    width: int
    height: int
    unit: int
    wanted: int
    percent: int


@register.simple_tag
def shelf(value: int, goal: int, promised: int = 0) -> Shelf:
    """Fills the boards from the lowest up. A box counts once its whole worth is there, except that
    any money at all fills one. ``unit`` is the worth of a box, ``wanted`` what is still missing,
    both in minor units."""
    held, coming = _shares(value, goal, promised, BOXES)
    if value > 0 and held == 0:
        held, coming = 1, max(0, coming - 1)
    if promised > 0 and coming == 0 and held < BOXES:
        coming = 1
    paths: dict[str, list[str]] = {"held": [], "promised": [], "free": []}
    for number in range(BOXES):
        board, column = divmod(number, COLUMNS)
        x = 2 + column * STEP
        y = 2 + (BOARDS - 1 - board) * PITCH
        if number < held:
            paths["held"].append(f"M{x} {y}h{BOX}v{BOX}h-{BOX}z")
        elif number < held + coming:
            stripes = "".join(f"M{x + step} {y}v{BOX}" for step in range(1, BOX, 4))
            paths["promised"].append(stripes)
        else:
            paths["free"].append(f"M{x}.5 {y}.5h{BOX - 1}v{BOX - 1}h-{BOX - 1}z")
    heights = [2 + BOX + level * PITCH for level in range(BOARDS)]
    width = COLUMNS * STEP
    return Shelf(
        held="".join(paths["held"]),
        promised="".join(paths["promised"]),
        free="".join(paths["free"]),
        boards="".join(f"M0 {height}.5h{width}" for height in heights[:-1]),
        floor=f"M0 {heights[-1]}.5h{width}m-{width} 2.5h{width}",
        width=width,
        height=heights[-1] + 4,
        unit=goal // BOXES if goal > 0 else 0,
        wanted=max(0, goal - max(value, 0) - max(promised, 0)),
        percent=max(value, 0) * 100 // goal if goal > 0 else 0,
    )
