"""What pages say about money: each figure from the ledger, each with the way to its entries."""

from collections.abc import Iterable
from dataclasses import dataclass, field

from django.urls import reverse
from django.utils.translation import gettext as _

from funding.ledger import queries as books
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Figure, Pool

_ALWAYS_SHOWN = {"received"}
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


def _summary(pool: Pool, currency: str, figures: dict[str, int]) -> PoolSummary:
    entries = reverse("pool_entries", args=[pool.code])
    rows = [
        FigureRow(
            name=name,
            label=str(Figure.Name(name).label),
            amount=sign * figures[name],
            currency=currency,
            href=f"{entries}?figure={name}",
            kind=_kind(name, sign * figures[name]),
        )
        for name, sign in FIGURE_SIGNS.items()
        if figures[name] or name in _ALWAYS_SHOWN
    ]
    summary = PoolSummary(pool=pool, currency=currency, figures=figures, rows=rows)
    rows.append(
        FigureRow(
            name="available",
            label=_("Available"),
            amount=summary.available,
            currency=currency,
            href="",
            kind="total",
        )
    )
    return summary


def pool_summary(pool: Pool) -> PoolSummary:
    """Rule 5 of ``pool`` in its own currency; one query."""
    return _summary(pool, pool.currency, books.figures(pool, pool.currency))


def pool_summaries(pools: Iterable[Pool]) -> dict[int, PoolSummary]:
    """`pool_summary` of several pools by pool id; one query for all."""
    figures = books.figures_of_all_pools()
    return {
        pool.pk: _summary(
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


def foundation_summaries() -> list[FoundationSummary]:
    """The foundation as a whole, one summary per currency, the largest received first; one query."""
    sums: dict[str, dict[str, int]] = {}
    for (_pool, currency), figures in books.figures_of_all_pools().items():
        total = sums.setdefault(currency, dict.fromkeys(FIGURE_SIGNS, 0))
        for name, amount in figures.items():
            total[name] += amount
    found = [FoundationSummary(currency, figures) for currency, figures in sums.items()]
    return sorted(found, key=lambda summary: -summary.received)
