"""A badge of a pool, for other people's pages: its name, what it received, its goal.

An SVG without script, font or anything fetched, so that it shows in an ``<img>`` anywhere.
"""

import re
from dataclasses import dataclass
from xml.sax.saxutils import escape, quoteattr

from django.utils.translation import gettext as _

from core.money import Money
from funding.ledger import queries as books
from funding.ledger.models import Pool

WIDTH, HEIGHT = 320, 96
THEMES = {
    # background, border, text, quiet text, track, bar
    "light": ("#ffffff", "#c9d1d6", "#16232b", "#4c5c66", "#dfe6ea", "#0b6e63"),
    "dark": ("#16232b", "#3b4a53", "#f3f6f7", "#b8c4cb", "#2f3d46", "#5cc9ba"),
}
_NAME_LETTERS = 34  # what fits in the width at this size
_TEXT_LETTERS = 46


@dataclass(frozen=True, slots=True)
class Badge:
    """What a badge says. ``goal`` is None where the pool has none."""

    name: str
    received: Money
    goal: Money | None

    @property
    def amounts(self) -> str:
        received = self.received.format()
        if self.goal is None:
            return _("%(received)s received") % {"received": received}
        return _("%(received)s received of %(goal)s") % {
            "received": received,
            "goal": self.goal.format(),
        }

    @property
    def text(self) -> str:
        """All that it says, for those who do not see it."""
        return f"{self.name}: {self.amounts}. {_('Every cent public.')}"

    @property
    def filled(self) -> int:
        """How much of the bar is filled, in pixels; 0 without a goal."""
        if self.goal is None:
            return 0
        share = max(0, min(self.received.amount, self.goal.amount))
        return share * (WIDTH - 32) // self.goal.amount


def of(pool: Pool) -> Badge:
    """What the badge of ``pool`` says now, from the ledger and the pool's terms."""
    profile = getattr(pool, "profile", None)
    received = books.figures(pool, pool.currency)["received"]
    return Badge(
        # XML knows no control characters, whatever was typed.
        name=re.sub(r"[\x00-\x1f\x7f-\x9f\ufffe\uffff]", " ", pool.name),
        received=Money(received, pool.currency),
        goal=profile.goal_money if profile is not None else None,
    )


def svg(badge: Badge, *, language: str, theme: str = "light") -> str:
    """The badge as an SVG document of at most 4 KB."""
    background, border, text, quiet, track, bar = THEMES[theme]
    label = quoteattr(badge.text)
    width = WIDTH - 32
    shown = (
        f'<rect x="16" y="58" width="{width}" height="8" rx="4" fill="{track}"/>'
        f'<rect x="16" y="58" width="{badge.filled}" height="8" rx="4" fill="{bar}"/>'
        if badge.goal is not None
        else ""
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}"'
        f' viewBox="0 0 {WIDTH} {HEIGHT}" role="img" lang={quoteattr(language)}'
        f' aria-label={label} font-family="system-ui,sans-serif">'
        f"<title>{escape(badge.text)}</title>"
        f'<rect x=".5" y=".5" width="{WIDTH - 1}" height="{HEIGHT - 1}" rx="8"'
        f' fill="{background}" stroke="{border}"/>'
        f'<text x="16" y="28" font-size="16" font-weight="600" fill="{text}">'
        f"{escape(_cut(badge.name, _NAME_LETTERS))}</text>"
        f'<text x="16" y="48" font-size="12" fill="{text}">'
        f"{escape(_cut(badge.amounts, _TEXT_LETTERS))}</text>"
        f"{shown}"
        f'<text x="16" y="84" font-size="11" fill="{quiet}">{escape(_("Every cent public."))}</text>'
        "</svg>"
    )


def _cut(text: str, letters: int) -> str:
    return text if len(text) <= letters else text[: letters - 1].rstrip() + "…"
