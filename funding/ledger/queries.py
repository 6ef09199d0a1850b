"""Reading the books: balances and figures are a fixed few rows, whatever the history."""

from dataclasses import dataclass

from django.db.models import QuerySet, Sum

from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS
from funding.ledger.models import AccountBalance, Entry, Figure, FigureTotal, Pool


def balances(pool: Pool, currency: str) -> dict[str, int]:
    """The balance of each account of ``pool`` that has moved, in minor units, debit positive."""
    rows = (
        AccountBalance.objects.filter(account__pool=pool, account__currency=currency)
        .values_list("account__code")
        .annotate(total=Sum("amount"))
    )
    return {code: int(total) for code, total in rows}


def figures(pool: Pool, currency: str) -> dict[str, int]:
    """Every public figure of ``pool`` in rule 5's order, in minor units; zero where nothing fed it."""
    totals = dict(
        FigureTotal.objects.filter(pool=pool, currency=currency)
        .values_list("name")
        .annotate(total=Sum("amount"))
    )
    return {name: int(totals.get(name, 0)) for name in FIGURE_SIGNS}


def figures_of_all_pools() -> dict[tuple[int, str], dict[str, int]]:
    """`figures` of every pool by (pool id, currency), in one query."""
    found: dict[tuple[int, str], dict[str, int]] = {}
    rows = FigureTotal.objects.values_list("pool_id", "currency", "name").annotate(
        total=Sum("amount")
    )
    for pool_id, currency, name, total in rows:
        found.setdefault((pool_id, currency), dict.fromkeys(FIGURE_SIGNS, 0))[name] = int(total)
    return found


def available_from_figures(figures: dict[str, int]) -> int:
    """The left side of rule 5: what the figures say is available, in minor units."""
    return sum(FIGURE_SIGNS[name] * amount for name, amount in figures.items())


def available_from_accounts(balances: dict[str, int]) -> int:
    """The right side of rule 5: what the accounts say is available, in minor units."""
    return sum(balances.get(code, 0) for code in AVAILABLE)


@dataclass(frozen=True, slots=True)
class Page:
    """Some entries of a listing, and the entry id after which the next page begins."""

    entries: list[Entry]
    next_before: int | None


def entries(
    *, pool: Pool | None = None, figure: str = "", before: int | None = None, limit: int = 50
) -> Page:
    """Entries, newest first, by keyset paging: ``before`` is the last entry id already seen.

    With ``figure``, only those that feed it, and their figures come along; else their postings do.
    """
    found = entries_of(pool=pool, figure=figure).order_by("-id")
    if before is not None:
        found = found.filter(id__lt=before)
    along = ["figures"] if figure else ["postings__account", "postings__pool"]
    rows = list(found.prefetch_related(*along)[: limit + 1])
    more = len(rows) > limit
    rows = rows[:limit]
    return Page(entries=rows, next_before=rows[-1].pk if more else None)


def entries_of(*, pool: Pool | None = None, figure: str = "") -> QuerySet[Entry]:
    """The entries that touch ``pool`` (or feed ``figure`` of it), in no order."""
    found = Entry.objects.all()
    if figure:
        fed = Figure.objects.filter(name=figure)
        return found.filter(id__in=(fed.filter(pool=pool) if pool else fed).values("entry_id"))
    if pool:
        found = found.filter(id__in=pool.postings.values("entry_id"))
    return found
