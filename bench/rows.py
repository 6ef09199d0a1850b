"""The rows of the result: what was measured, what was wanted, and whether it is so."""

import dataclasses
import json
import operator
import statistics
import sys
from collections.abc import Callable, Sequence
from pathlib import Path

_TESTS: dict[str, Callable[[float, float], bool]] = {"≥": operator.ge, "≤": operator.le}


@dataclasses.dataclass(frozen=True, slots=True)
class Row:
    """One line of the result. ``what`` names the units of ``ours`` and ``peer``.

    ``ratio`` is ours / peer, None where there is no peer. ``goal`` is a test of the ratio
    ("ratio ≥ 2.5"), of our number alone ("ours ≤ 5"), or empty: a number for information. ``ours`` is
    None where the rows of ``what`` could not be measured, so that no result looks whole and is not.
    """

    what: str
    ours: float | None
    peer: float | None
    ratio: float | None
    goal: str
    met: bool | None


def row(what: str, ours: float, peer: float | None = None, goal: str = "") -> Row:
    """A row with its ratio and whether its goal is met."""
    ratio = ours / peer if peer else None
    met = None
    if goal:
        side, sign, number = goal.split()
        value = ratio if side == "ratio" else ours
        met = value is not None and _TESTS[sign](value, float(number))
    return Row(what, ours, peer, ratio, goal, met)


def left_out(what: str) -> Row:
    """Stands in the result for rows that could not be measured."""
    return Row(f"LEFT OUT: {what}", None, None, None, "", None)


def interleaved(sides: Sequence[Callable[[], float]], rounds: int) -> list[float]:
    """The median of several rounds of each side, the sides taking turns.

    So whatever else the machine does meanwhile, and whatever the disk does later than earlier,
    falls on all sides alike. The order turns with every round.
    """
    found: list[list[float]] = [[] for _ in sides]
    for number in range(rounds):
        turn = list(enumerate(sides))
        for place, side in turn if number % 2 == 0 else reversed(turn):
            found[place].append(side())
    return [statistics.median(values) for values in found]


def _number(value: float | None) -> str:
    if value is None:
        return "—"
    if abs(value) >= 1000:
        return f"{value:,.0f}"
    return f"{value:.3g}" if abs(value) < 10 else f"{value:.1f}"


def table(rows: Sequence[Row]) -> str:
    """The rows for a terminal."""
    words = {True: "yes", False: "NO", None: ""}
    head = ("what", "ours", "peer", "ratio", "goal", "met")
    body = [
        (
            one.what,
            _number(one.ours),
            _number(one.peer),
            "—" if one.ratio is None else f"{one.ratio:.2f}",
            one.goal or "(information)",
            words[one.met],
        )
        for one in rows
    ]
    widths = [max(len(line[place]) for line in [head, *body]) for place in range(len(head))]

    def aligned(line: Sequence[str]) -> str:
        cells = [
            cell.rjust(width) if 1 <= place <= 3 else cell.ljust(width)
            for place, (cell, width) in enumerate(zip(line, widths, strict=True))
        ]
        return "  ".join(cells).rstrip()

    return "\n".join(
        [aligned(head), "  ".join("-" * width for width in widths), *map(aligned, body)]
    )


def write(rows: Sequence[Row], file: Path) -> None:
    """Write the rows as a list of objects."""
    file.parent.mkdir(exist_ok=True)
    content = json.dumps([dataclasses.asdict(one) for one in rows], indent=2, ensure_ascii=False)
    file.write_text(f"{content}\n", encoding="utf-8")


def show(text: str) -> None:
    sys.stdout.write(f"{text}\n")
    sys.stdout.flush()
