"""The foundation as a whole: all pools of a currency together, transfers between them eliminated."""

import datetime
from dataclasses import dataclass, replace

from django.db import connection
from django.urls import reverse
from django.utils.http import urlencode

from funding.ledger.models import Entry, Pool
from funding.transparency import logos, pool_facts, queries
from funding.transparency.reading import read


@dataclass(frozen=True, slots=True)
class FoundationFacts:
    """All pools in one currency: rule 5 added up, each pool's part, who gave, when and what for."""

    currency: str
    rows: list[queries.FigureRow]
    figures: dict[str, int]
    pools: list[queries.PoolSummary]
    flows: pool_facts.Flows

    @property
    def moved(self) -> int:
        """How much moved between pools: in the sum above it cancels out."""
        return sum(max(pool.figures["transfers"], 0) for pool in self.pools)


def foundation_facts(*, today: datetime.date) -> list[FoundationFacts]:
    """The foundation's money by currency, the largest received first; three queries, or
    two where nobody is named."""
    pools = {pool.pk: pool for pool in Pool.objects.order_by("name")}
    found = []
    for currency, reading in read().items():
        figures = reading.figures
        entries = reverse("money_entries")
        rows = queries.figure_rows(
            figures,
            currency,
            {
                name: f"{entries}?{urlencode({'figure': name, 'currency': currency})}"
                for name in figures
            },
        )
        parts = [
            queries.summary_of(pool, currency, reading.pools[pk])
            for pk, pool in pools.items()
            if pk in reading.pools
        ]
        found.append(
            FoundationFacts(
                currency=currency,
                rows=rows,
                figures=figures,
                pools=parts,
                flows=pool_facts.flows(reading, rows[-1].amount, pools, today),
            )
        )
    named = logos.with_logos(*(facts.flows.givers for facts in found))
    found = [
        replace(facts, flows=replace(facts.flows, givers=one))
        for facts, one in zip(found, named, strict=True)
    ]
    return sorted(found, key=lambda facts: (-facts.figures["received"], facts.currency))


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
