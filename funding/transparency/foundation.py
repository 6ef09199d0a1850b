"""The foundation as a whole: all pools of a currency together, transfers between them eliminated."""

import datetime
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, fields, replace
from decimal import Decimal

from django.db import connection
from django.urls import reverse
from django.utils.http import urlencode

from funding.ledger.models import Entry, Pool
from funding.pools import queries as giving
from funding.transparency import logos, pool_facts, queries
from funding.transparency.public_pools import approved
from funding.transparency.reading import Reading, read


@dataclass(frozen=True, slots=True)
class FoundationFacts:
    """All pools in one currency: rule 5 added up, each pool's part, what is promised, who gave, when,
    what for and where."""

    currency: str
    rows: list[queries.FigureRow]
    figures: dict[str, int]
    pools: list[queries.PoolSummary]
    flows: pool_facts.Flows
    promises: giving.Promises
    countries: list[pool_facts.CountryShare]

    @property
    def received_href(self) -> str:
        """The entries of all that was received."""
        return next(row.href for row in self.rows if row.name == "received")

    @property
    def moved(self) -> int:
        """How much moved between pools: in the sum above it cancels out."""
        return sum(max(pool.figures["transfers"], 0) for pool in self.pools)


def foundation_facts(*, today: datetime.date) -> list[FoundationFacts]:
    """The foundation's money by currency, the largest received first; four queries, or three where
    nobody is named."""
    pools = {pool.pk: pool for pool in Pool.objects.select_related("profile").order_by("name")}
    readings, promised = read(), _promises(on=today)
    for currency in promised:
        readings.setdefault(currency, Reading(currency))
    found = []
    for currency, reading in readings.items():
        parts = [
            queries.summary_of(pool, currency, reading.pools[pk])
            for pk, pool in pools.items()
            if pk in reading.pools
        ]
        rows = _rows(reading)
        found.append(
            FoundationFacts(
                currency=currency,
                rows=rows,
                figures=reading.figures,
                pools=parts,
                flows=pool_facts.flows(reading, rows[-1].amount, pools, today),
                promises=promised.get(currency, giving.Promises(currency)),
                countries=_countries(parts),
            )
        )
    named = logos.with_logos(*(facts.flows.givers for facts in found))
    found = [
        replace(facts, flows=replace(facts.flows, givers=one))
        for facts, one in zip(found, named, strict=True)
    ]
    return sorted(found, key=lambda facts: (-facts.figures["received"], facts.currency))


def _rows(reading: Reading) -> list[queries.FigureRow]:
    entries = reverse("money_entries")
    hrefs = {
        name: f"{entries}?{urlencode({'figure': name, 'currency': reading.currency})}"
        for name in reading.figures
    }
    return queries.figure_rows(reading.figures, reading.currency, hrefs)


def _promises(*, on: datetime.date) -> Mapping[str, giving.Promises]:
    """What is promised to all pools of a currency together; one query. A currency in which nothing
    is promised is not in it."""
    sums: dict[str, dict[str, int]] = {}
    names = [field.name for field in fields(giving.Promises) if field.name != "currency"]
    for promises in giving.promises_by_pool(on=on).values():
        total = sums.setdefault(promises.currency, dict.fromkeys(names, 0))
        for name in names:
            total[name] += getattr(promises, name)
    found = {currency: giving.Promises(currency, **total) for currency, total in sums.items()}
    return {currency: promises for currency, promises in found.items() if promises.to_come}


def _countries(parts: Iterable[queries.PoolSummary]) -> list[pool_facts.CountryShare]:
    """The countries that the pools together work for, the largest share first; no query.

    Each pool's shares count by what came to it and stayed, what was moved from and to other pools
    included, so that over all pools no transfer counts. A pool that names no country counts as
    "without a country"; where none names one, there is nothing to show.
    """
    came: dict[str, Decimal] = {}
    for part in parts:
        of = part.figures
        kept = of["opening"] + of["received"] - of["refunded"] - of["lost"] + of["transfers"]
        if kept <= 0:
            continue
        profile = approved(part.pool)
        stored = profile.countries if profile else {}
        for code, share in (stored or {pool_facts.NOWHERE: 100}).items():
            came[code] = came.get(code, Decimal()) + Decimal(str(share)) * kept
    whole = sum(came.values())
    if not whole or not came.keys() - {pool_facts.NOWHERE}:
        return []
    return pool_facts.countries_of({code: float(part * 100 / whole) for code, part in came.items()})


_NEWEST = """
SELECT DISTINCT newest.entry_id FROM ledger_pool p CROSS JOIN LATERAL (
    SELECT f.entry_id FROM ledger_figure f
    WHERE f.pool_id = p.id AND f.currency = %(currency)s AND f.name = %(figure)s
        AND (%(after)s IS NULL OR f.entry_id < %(after)s)
    ORDER BY f.entry_id DESC LIMIT %(limit)s
) newest ORDER BY 1 DESC LIMIT %(limit)s
"""


def entries_of_figure(
    figure: str, currency: str, *, after: int | None, limit: int
) -> tuple[list[Entry], int | None]:
    """The entries of all pools that feed ``figure`` in ``currency``, newest first, with their
    figures; and the ``after`` of the next page, if there is one. Three queries."""
    with connection.cursor() as cursor:
        cursor.execute(
            _NEWEST,
            {"currency": currency, "figure": figure, "after": after, "limit": limit + 1},
        )
        numbers = [number for (number,) in cursor.fetchall()]
    shown = numbers[:limit]
    rows = Entry.objects.filter(id__in=shown).order_by("-id").prefetch_related("figures")
    return list(rows), shown[-1] if len(numbers) > limit else None
