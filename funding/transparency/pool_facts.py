"""Everything that a pool's page says of its money, from one reading of the books."""

import datetime
from collections.abc import Mapping
from dataclasses import dataclass, replace
from decimal import Decimal

from django.utils.translation import gettext as _

from funding.ledger.models import Pool
from funding.pools import shares
from funding.transparency import givers, labels, logos, queries, series
from funding.transparency.reading import SPENDING, Reading, Spending, read

NOWHERE = ""  # in place of a country's code: of pools that name none


@dataclass(frozen=True, slots=True)
class SpendingRow:
    """A payment for the purpose: what it was in words, and its entry."""

    entry: int
    date: datetime.date
    what: str
    memo: str
    pool: Pool | None
    amount: int


@dataclass(frozen=True, slots=True)
class Flows:
    """What pool and foundation have alike: who gave, when, what for, and at what pace."""

    currency: str
    givers: givers.Givers
    months: list[series.MonthFlow]
    paces: list[series.Pace]
    spending: list[SpendingRow]

    @property
    def any_month(self) -> bool:
        return any(month.came or month.spent for month in self.months)


@dataclass(frozen=True, slots=True)
class PoolFacts:
    """The figures of a pool with what stands behind them."""

    summary: queries.PoolSummary
    flows: Flows


@dataclass(frozen=True, slots=True)
class CountryShare:
    """A country that pools work for, with its share in per cent and its place on a map."""

    name: str
    share: Decimal
    latitude: float | None
    longitude: float | None


def pool_facts(pool: Pool, *, today: datetime.date) -> PoolFacts:
    """All that a pool's page shows of its money in its own currency; two queries, or one where
    nobody is named."""
    reading = read(pool)[pool.currency]
    summary = queries.summary_of(pool, pool.currency, reading.figures)
    found = flows(reading, summary.available, {pool.pk: pool}, today)
    (named,) = logos.with_logos(found.givers)
    return PoolFacts(summary, replace(found, givers=named))


def flows(
    reading: Reading, available: int, pools: Mapping[int, Pool], today: datetime.date
) -> Flows:
    """What a reading says of who gave, when and what for. ``pools`` by their id."""
    return Flows(
        currency=reading.currency,
        givers=givers.of_reading(reading),
        months=series.monthly(reading.months, today),
        paces=series.paces(reading.months, available, today),
        spending=[_spending(row, pools) for row in reading.spending[:SPENDING]],
    )


def _spending(row: Spending, pools: Mapping[int, Pool]) -> SpendingRow:
    return SpendingRow(
        entry=row.entry,
        date=row.date,
        what=labels.entry_kind(row.kind),
        memo=row.memo,
        pool=pools.get(row.pool_id),
        amount=row.amount,
    )


def countries_of(stored: Mapping[str, float]) -> list[CountryShare]:
    """The countries of stored shares (`PoolProfile.countries`), the largest first; no query."""
    known = shares.countries.all_countries()
    found = []
    for code, share in shares.percentages(stored):
        place = known.get(code)
        found.append(
            CountryShare(
                name=shares.country_name(code) if code else _("Without a country"),
                share=share,
                latitude=place.latitude if place else None,
                longitude=place.longitude if place else None,
            )
        )
    return found
