"""What pages say about money: each figure from the ledger, each with the way to its entries."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.translation import gettext as _

from funding.ledger import queries as books
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Figure, Pool

_ALWAYS_SHOWN = {"received"}
# What figures stand at, by pool id and currency (`books.figures_of_all_pools`).
Figures = dict[tuple[int, str], dict[str, int]]

_PROMISED = {"committed", "owed_back", "paid_ahead", "held"}


@dataclass(frozen=True, slots=True)
class FigureRow:
    """A line of rule 5: ``amount`` in minor units, signed as it adds to what is available."""

    name: str
    label: str
    amount: int
    currency: str
    href: str
    kind: str  # opening | in | out | promised | total


@dataclass(frozen=True, slots=True)
class PoolSummary:
    """Rule 5 of one pool and currency. ``figures`` are the ledger's own, unsigned by rule 5."""

    pool: Pool
    currency: str
    figures: dict[str, int]
    rows: list[FigureRow] = field(default_factory=list)

    @property
    def available(self) -> int:
        return books.available_from_figures(self.figures)

    @property
    def received(self) -> int:
        return self.figures["received"]

    @property
    def spent(self) -> int:
        """What was paid out for the pool's purpose: to grantees and as own spending."""
        return self.figures["disbursed"] - self.figures["returned"] + self.figures["expenses"]

    @property
    def shortfall(self) -> int:
        """How far below zero the pool stands; 0 when it does not."""
        return max(0, -self.available)


def _kind(name: str, amount: int) -> str:
    if name == "opening":
        return "opening"
    if name in _PROMISED:
        return "promised"
    return "in" if amount >= 0 else "out"


def figure_rows(figures: dict[str, int], currency: str, hrefs: dict[str, str]) -> list[FigureRow]:
    """Rule 5 as lines, with its sum as the last one. ``hrefs``: where each figure opens."""
    rows = [
        FigureRow(
            name=name,
            label=str(Figure.Name(name).label),
            amount=sign * figures[name],
            currency=currency,
            href=hrefs.get(name, ""),
            kind=_kind(name, sign * figures[name]),
        )
        for name, sign in FIGURE_SIGNS.items()
        if figures[name] or name in _ALWAYS_SHOWN
    ]
    available = books.available_from_figures(figures)
    rows.append(FigureRow("available", _("Available"), available, currency, "", "total"))
    return rows


def summary_of(pool: Pool, currency: str, figures: dict[str, int]) -> PoolSummary:
    """Rule 5 of ``pool`` with what its figures stand at. They open into entries where the currency
    is the pool's own, which its list of entries is in."""
    entries = reverse("pool_entries", args=[pool.code])
    own = currency == pool.currency
    hrefs = {name: f"{entries}?figure={name}" for name in figures} if own else {}
    return PoolSummary(pool, currency, figures, figure_rows(figures, currency, hrefs))


def pool_summary(pool: Pool) -> PoolSummary:
    """Rule 5 of ``pool`` in its own currency; one query."""
    return summary_of(pool, pool.currency, books.figures(pool, pool.currency))


def pool_summaries(pools: Iterable[Pool], figures: Figures | None = None) -> dict[int, PoolSummary]:
    """`pool_summary` of several pools by pool id; one query for all, or none where the caller has
    read `books.figures_of_all_pools` already."""
    figures = books.figures_of_all_pools() if figures is None else figures
    return {
        pool.pk: summary_of(
            pool,
            pool.currency,
            figures.get((pool.pk, pool.currency), dict.fromkeys(FIGURE_SIGNS, 0)),
        )
        for pool in pools
    }


@dataclass(frozen=True, slots=True)
class FoundationSummary:
    """All pools together in one currency; transfers between them cancel out."""

    currency: str
    figures: dict[str, int]

    @property
    def received(self) -> int:
        return self.figures["received"]

    @property
    def spent(self) -> int:
        return self.figures["disbursed"] - self.figures["returned"] + self.figures["expenses"]

    @property
    def available(self) -> int:
        return books.available_from_figures(self.figures)


def foundation_summaries(figures: Figures | None = None) -> list[FoundationSummary]:
    """The foundation as a whole, one summary per currency, the largest received first; one query, or
    none as above."""
    sums: dict[str, dict[str, int]] = {}
    by_pool = books.figures_of_all_pools() if figures is None else figures
    for (_pool, currency), of_pool in by_pool.items():
        total = sums.setdefault(currency, dict.fromkeys(FIGURE_SIGNS, 0))
        for name, amount in of_pool.items():
            total[name] += amount
    found = [FoundationSummary(currency, total) for currency, total in sums.items()]
    return sorted(found, key=lambda summary: -summary.received)
