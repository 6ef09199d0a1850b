"""Whether every page and export says the same of the money, to the cent.

Each is fetched as a reader would fetch it and added up from what it says (`said`). The entries
themselves, added up here, are what the others are held against.
"""

import datetime
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from typing import Any

from django.conf import settings
from django.db.models import Manager, Q, QuerySet, Sum

from funding.ledger import checkpoints, queries, statements, verification
from funding.ledger.chart import AVAILABLE, FIGURE_SIGNS
from funding.ledger.models import Figure, Period, Pool, Posting
from funding.ledger.queries import Movement
from funding.transparency import giver_sums, givers, said
from funding.transparency.iati import mapping, reading
from funding.transparency.iati.activities import identifier
from funding.transparency.public_pools import visible
from funding.transparency.said import Get, NotThere, Sums, in_currency, in_month

NOT_PUBLIC = "nobody has approved its terms yet, and no money has moved"
NO_PAGE = "it has no published page"
NO_IATI = "the foundation has no identifier at IATI (IATI_ORGANISATION)"
NO_ENTRY = "it had no entry by then"
NO_MONTH = "no month is closed yet"


@dataclass(frozen=True, slots=True)
class Compared:
    """What ``place`` says of a pool or of all pools in a currency (``of``), and what it should.

    Minor units by name. ``said`` is None where nothing is at an address though something belongs
    there.
    """

    of: str
    place: str
    said: Sums | None
    wanted: Sums

    @property
    def differences(self) -> list[str]:
        """One sentence for each sum that is not what the entries make it."""
        if self.said is None:
            return [f"{self.place} of {self.of} is not there."]
        return [
            f"{self.place} of {self.of}: {name} is {self.said.get(name, 0)}, "
            f"the entries make it {self.wanted.get(name, 0)} (minor units)."
            for name in sorted({*self.said, *self.wanted})
            if self.said.get(name, 0) != self.wanted.get(name, 0)
        ]


@dataclass(frozen=True, slots=True)
class PassedOver:
    """A pool that ``place`` says nothing of, and why that is right."""

    pool: str
    place: str
    why: str


@dataclass(frozen=True, slots=True)
class Report:
    """All that was held against the entries, and what there was nothing of to hold."""

    pools: int
    compared: list[Compared]
    passed_over: list[PassedOver]

    @property
    def places(self) -> list[str]:
        return sorted({one.place for one in self.compared})

    @property
    def reasons(self) -> list[str]:
        """One sentence for each pool and reason by which places say nothing of it."""
        places: dict[tuple[str, str], list[str]] = {}
        for one in self.passed_over:
            places.setdefault((one.pool, one.why), []).append(one.place)
        return [
            f"Passed over, {pool}: {why} ({', '.join(names)})."
            for (pool, why), names in places.items()
        ]

    @property
    def differences(self) -> list[str]:
        return [sentence for one in self.compared for sentence in one.differences]


def compare(get: Get) -> Report:
    """Hold every place that says a sum against the entries. Publishes a checkpoint first, for the
    journals hold what is under one."""
    checkpoints.publish()
    books = _Books(_by_pool(Posting.objects, "account__code"), _by_pool(Figure.objects, "name"))
    found = [*_pools(get, books), *_foundation(get), *_whole_ledger(get, books)]
    return Report(
        pools=Pool.objects.count(),
        compared=[one for one in found if isinstance(one, Compared)],
        passed_over=[one for one in found if isinstance(one, PassedOver)],
    )


def problems() -> Iterator[str]:
    """What is wrong with what no single pool's figures show: ledger, statements, who gave."""
    yield from verification.problems()
    yield from statements.problems()
    yield from giver_sums.problems()


# --- Each pool ------------------------------------------------------------------------------------


def _pools(get: Get, books: "_Books") -> Iterator[Compared | PassedOver]:
    public = set(visible().values_list("code", flat=True))
    closed = Period.objects.filter(closed_at__isnull=False).order_by("month").last()
    activities = None
    if settings.IATI_ORGANISATION:
        try:
            activities = said.by_activities(get)
        except NotThere:  # there is no public pool
            activities = {}
    for pool in Pool.objects.order_by("code"):
        wanted = _figures_of(pool)
        absent = "" if pool.code in public else NOT_PUBLIC
        yield from _in_the_books(pool, wanted)
        yield _page(get, pool, wanted)
        yield from _files(get, pool, wanted, books, absent)
        yield from _iati(activities, pool, wanted, absent)
        yield _statement(get, pool, closed.month if closed else None)


def _in_the_books(pool: Pool, wanted: Sums) -> Iterator[Compared]:
    """What no address shows by itself: the kept figures, rule 5, the sums of who gave."""
    yield Compared(pool.code, "The kept figures", queries.figures(pool, pool.currency), wanted)
    accounts = _sums(Posting.objects.filter(pool=pool, currency=pool.currency), "account__code")
    yield Compared(
        pool.code,
        "The accounts",
        {"available": queries.available_from_accounts(accounts)},
        {"available": queries.available_from_figures(wanted)},
    )
    yield Compared(pool.code, "Who gave", *_who_gave(pool, wanted))


def _page(get: Get, pool: Pool, wanted: Sums) -> Compared | PassedOver:
    found = partial(said.by_page, get, pool)
    return _at(pool, "The page", found, _with_available(wanted), absent=NO_PAGE)


def _files(
    get: Get, pool: Pool, wanted: Sums, books: "_Books", absent: str
) -> Iterator[Compared | PassedOver]:
    """What is at the addresses of the pool by its code; ``absent``: why nothing may be there."""
    api = partial(said.by_api, get, pool)
    yield _at(pool, "The API", api, _with_available(wanted), absent=absent)
    fed = [name for name in FIGURE_SIGNS if wanted[name]]
    by_figure = partial(said.by_csv_of_figures, get, pool, fed)
    yield _at(pool, "CSV by figure", by_figure, wanted, absent=absent)
    accounts = books.accounts.get(pool.code, {})
    postings = partial(said.by_csv_of_postings, get, pool)
    yield _at(pool, "CSV of postings", postings, accounts, absent=absent)
    try:
        journal = said.by_journal(get, pool)
    except NotThere:
        yield _nothing_at(pool, "Beancount", accounts, absent)
        return
    in_journal = journal.accounts.get(pool.code, {})
    yield Compared(pool.code, "Beancount’s accounts", in_journal, accounts)
    figures = books.figures.get(pool.code, {})
    yield Compared(pool.code, "Beancount’s figures", journal.figures.get(pool.code, {}), figures)


def _at(
    pool: Pool, place: str, found: Callable[[], Sums], wanted: Sums, *, absent: str
) -> Compared | PassedOver:
    """What ``found`` reads at ``place``. ``absent``: why nothing may be there, if that is so."""
    try:
        return Compared(pool.code, place, found(), wanted)
    except NotThere:
        return _nothing_at(pool, place, wanted, absent)


def _nothing_at(pool: Pool, place: str, wanted: Sums, absent: str) -> Compared | PassedOver:
    if absent:
        return PassedOver(pool.code, place, absent)
    return Compared(pool.code, place, None, wanted)


def _iati(
    activities: dict[str, Sums] | None, pool: Pool, wanted: Sums, absent: str
) -> Iterator[Compared | PassedOver]:
    if activities is None or absent:
        yield PassedOver(pool.code, "IATI", NO_IATI if activities is None else absent)
        return
    moved = [line.amount for line in reading.moved(pool)]
    totals = mapping.totals(
        wanted,
        moved_in=sum(amount for amount in moved if amount > 0),
        moved_out=-sum(amount for amount in moved if amount < 0),
    )
    yield Compared(pool.code, "IATI", activities.get(identifier(pool.code)), totals)
    transfers = {"transfers": wanted["transfers"]}
    yield Compared(pool.code, "IATI’s transfers", {"transfers": sum(moved)}, transfers)


def _statement(get: Get, pool: Pool, month: datetime.date | None) -> Compared | PassedOver:
    """The last closed month."""
    if month is None:
        return PassedOver(pool.code, "The statement", NO_MONTH)
    wanted = _by_the_end_of(pool, month)
    found = partial(said.by_statement, get, pool, month)
    absent = "" if wanted else NO_ENTRY
    return _at(pool, f"The statement for {month:%Y-%m}", found, wanted, absent=absent)


def _who_gave(pool: Pool, wanted: Sums) -> tuple[Sums, Sums]:
    """The named ones page by page, and those who are not named: all that was received."""
    received = returned = 0
    after = None
    while True:
        page = givers.page_of_givers(pool, pool.currency, after=after)
        received += sum(row.tally.received for row in page.rows)
        returned += sum(row.tally.returned for row in page.rows)
        after = page.next_after
        if after is None:
            break
    whole = givers.givers(pool, pool.currency)
    others = whole.anonymous + whole.dues + whole.other
    # Named donors who took back all they gave stand on no page; their sums are in the total.
    total = whole.total
    return (
        {
            "received": total.received,
            "returned": total.returned,
            "kept": received - returned + others.kept,
        },
        {
            "received": wanted["received"],
            "returned": wanted["refunded"] + wanted["lost"],
            "kept": wanted["received"] - wanted["refunded"] - wanted["lost"],
        },
    )


# --- All pools together ---------------------------------------------------------------------------


def _foundation(get: Get) -> Iterator[Compared]:
    """By currency. Transfers between pools are nothing here, as the entries of both make it."""
    page, api = said.by_foundation_page(get), said.by_foundation_api(get)
    currencies = set(Figure.objects.order_by().values_list("currency", flat=True).distinct())
    for currency in sorted({*currencies, *page, *api}):
        all_pools = f"all pools in {currency}"
        wanted = _figures(Figure.objects.filter(currency=currency))
        yield Compared(all_pools, "The page", page.get(currency, {}), _with_available(wanted))
        yield Compared(all_pools, "The API", api.get(currency, {}), _with_available(wanted))


def _whole_ledger(get: Get, books: "_Books") -> Iterator[Compared]:
    """The files of all pools in one, by pool."""
    csv, journal = said.by_csv_of_ledger(get), said.by_journal_of_ledger(get)
    for place, found, wanted in (
        ("The ledger’s CSV", csv, books.accounts),
        ("Accounts in the ledger’s journal", journal.accounts, books.accounts),
        ("Figures in the ledger’s journal", journal.figures, books.figures),
    ):
        for pool in sorted({*found, *wanted}):
            yield Compared(pool, place, found.get(pool, {}), wanted.get(pool, {}))


# --- What the entries say -------------------------------------------------------------------------


def _sums(rows: QuerySet[Any], name: str) -> Sums:
    """Minor units by ``name``, a field."""
    found = rows.order_by().values_list(name).annotate(Sum("amount"))
    return {of: int(amount) for of, amount in found}


def _figures(rows: QuerySet[Figure]) -> Sums:
    """Every figure, zero where nothing fed it."""
    found = _sums(rows, "name")
    return {name: found.get(name, 0) for name in FIGURE_SIGNS}


def _figures_of(pool: Pool) -> Sums:
    return _figures(Figure.objects.filter(pool=pool, currency=pool.currency))


def _with_available(figures: Sums) -> Sums:
    return {**figures, "available": queries.available_from_figures(figures)}


@dataclass(frozen=True, slots=True)
class _Books:
    """What all entries come to, by pool, as `_by_pool` sums it."""

    accounts: dict[str, Sums]
    figures: dict[str, Sums]


def _by_pool(rows: Manager[Any], name: str) -> dict[str, Sums]:
    """Of each pool, by name and currency; what stands at zero is left out."""
    found: dict[str, Sums] = {}
    sums = rows.order_by().values_list("pool__code", name, "currency").annotate(Sum("amount"))
    for pool, of, currency, amount in sums:
        if amount:
            found.setdefault(pool, {})[in_currency(of, currency)] = int(amount)
    return found


def _by_the_end_of(pool: Pool, month: datetime.date) -> Sums:
    """What accounts and figures stood at before ``month``, how they moved in it, and after; empty
    where there was no entry by then."""
    accounts = _movements(Posting.objects.filter(pool=pool), "account__code", month)
    figures = _movements(Figure.objects.filter(pool=pool), "name", month)
    found: Sums = {}
    for currency in {currency for _name, currency in (*accounts, *figures)}:
        moved = [(accounts.get((code, currency), Movement()), 1) for code in AVAILABLE]
        found |= _added_up("available by accounts", currency, moved)
        moved = [
            (figures.get((name, currency), Movement()), FIGURE_SIGNS[name]) for name in FIGURE_SIGNS
        ]
        found |= _added_up("available by figures", currency, moved)
    for (name, currency), one in (*accounts.items(), *figures.items()):
        found |= _added_up(name, currency, [(one, 1)])
    return found


def _added_up(name: str, currency: str, parts: list[tuple[Movement, int]]) -> Sums:
    opening = sum(sign * part.opening for part, sign in parts)
    change = sum(sign * part.change for part, sign in parts)
    return in_month(in_currency(name, currency), opening, change, opening + change)


def _movements(
    rows: QuerySet[Any], name: str, month: datetime.date
) -> dict[tuple[str, str], Movement]:
    """By name and currency, up to the end of ``month``: by the month an entry stands in."""
    sums = (
        rows.filter(entry__period__month__lte=month)
        .order_by()
        .values_list(name, "currency")
        .annotate(
            before=Sum("amount", filter=Q(entry__period__month__lt=month), default=0),
            moved=Sum("amount", filter=Q(entry__period__month=month), default=0),
        )
    )
    return {
        (of, currency): Movement(int(before), int(moved)) for of, currency, before, moved in sums
    }
