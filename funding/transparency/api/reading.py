"""What the endpoints answer with, in a fixed number of queries each."""

import datetime
from typing import Any

from django.conf import settings
from django.db.models import Model, Q, QuerySet
from django.http import Http404
from django.urls import reverse
from django.utils import timezone
from django.utils.http import urlencode
from django.utils.translation import override

from funding.ledger import queries as books
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Entry, Figure, Pool, Posting
from funding.pools import transfers
from funding.pools.addresses import pool_page
from funding.pools.models import Gift, PoolProfile
from funding.pools.queries import promises
from funding.transparency import queries
from funding.transparency import statements as monthly
from funding.transparency.api.schemas import (
    Amount,
    EntriesOut,
    EntryOut,
    FedFigure,
    FigureOut,
    FiguresOut,
    FoundationOut,
    GiftOut,
    GiftsOut,
    PledgesOut,
    PoolOut,
    PoolsOut,
    PostingOut,
    Share,
    StatementOut,
    StatementsOut,
    TransferOut,
    TransfersOut,
)
from funding.transparency.public_pools import public_pools, the_pool


def address(name: str, *args: Any, **query: Any) -> str:
    """A whole address of ours, of the page in English where it is one for people."""
    with override("en"):
        path = reverse(name, args=args)
    asked = {key: value for key, value in query.items() if value}
    return f"{settings.SITE_URL}{path}" + (f"?{urlencode(asked)}" if asked else "")


# --- Pools and figures ----------------------------------------------------------------------------


def pools() -> PoolsOut:
    today = timezone.localdate()
    return PoolsOut(items=[_pool(*found, today) for found in public_pools()])


def pool(code: str) -> PoolOut:
    """Raises Http404."""
    for found in public_pools():
        if found[0].code == code:
            return _pool(*found, timezone.localdate())
    raise Http404


def _pool(
    pool: Pool, profile: PoolProfile | None, figures: dict[str, int], today: datetime.date
) -> PoolOut:
    currency = pool.currency
    goal = profile.goal if profile else None
    with override("en"):
        page = settings.SITE_URL + pool_page(pool.code)
    return PoolOut(
        code=pool.code,
        name=pool.name,
        currency=currency,
        purpose=profile.purpose if profile else "",
        status=profile.status(today) if profile else "",
        opens_on=profile.opens_on if profile else None,
        closes_on=profile.closes_on if profile else None,
        restricted=profile.restricted if profile else False,
        goal=Amount(amount=goal, currency=currency) if goal else None,
        received=Amount(amount=figures.get("received", 0), currency=currency),
        available=Amount(amount=books.available_from_figures(figures), currency=currency),
        sectors=_shares(profile.sectors if profile else {}),
        countries=_shares(profile.countries if profile else {}),
        sdg_goals=sorted(profile.sdg_goals) if profile else [],
        page=page,
        figures=address("api:pool_figures", pool.code),
    )


def _shares(shares: dict[str, Any]) -> list[Share]:
    return [Share(code=code, per_cent=float(share)) for code, share in sorted(shares.items())]


def figures(pool: Pool) -> FiguresOut:
    return _figures(books.figures(pool, pool.currency), pool.currency, pool=pool.code)


def foundation() -> FoundationOut:
    return FoundationOut(
        items=[
            _figures(summary.figures, summary.currency)
            for summary in queries.foundation_summaries()
        ]
    )


def _figures(figures: dict[str, int], currency: str, pool: str = "") -> FiguresOut:
    return FiguresOut(
        currency=currency,
        figures=[
            FigureOut(
                figure=name,
                value=Amount(amount=figures[name], currency=currency),
                adds=sign,
                entries=address("api:entries", pool=pool, figure=name),
            )
            for name, sign in FIGURE_SIGNS.items()
        ],
        available=Amount(amount=books.available_from_figures(figures), currency=currency),
    )


# --- Entries --------------------------------------------------------------------------------------


def entries(
    *, pool: str, figure: str, month: datetime.date | None, after: int, limit: int
) -> EntriesOut:
    """Entries, newest first. Raises Http404 for a pool that there is not."""
    filters = books.EntryFilters(pool=the_pool(pool) if pool else None, figure=figure, month=month)
    numbers = books.numbers(filters, after=after or None, limit=limit)
    shown, more = numbers[:limit], len(numbers) > limit
    month_text = f"{month:%Y-%m}" if month else ""
    following = (
        address(
            "api:entries", pool=pool, figure=figure, month=month_text, limit=limit, after=shown[-1]
        )
        if more
        else None
    )
    return EntriesOut(items=_entries(shown), next=following)


def entry(number: int) -> EntryOut:
    """Raises Http404."""
    found = _entries([number])
    if not found:
        raise Http404
    return found[0]


def _entries(numbers: list[int]) -> list[EntryOut]:
    """Three queries, however many there are."""
    found = Entry.objects.filter(pk__in=numbers).select_related("period", "leaf").order_by("-pk")
    postings: dict[int, list[PostingOut]] = {}
    for number, pool, account, amount, currency in (
        Posting.objects.filter(entry_id__in=numbers)
        .order_by("entry_id", "account_id")
        .values_list("entry_id", "pool__code", "account__code", "amount", "currency")
    ):
        value = Amount(amount=amount, currency=currency)
        line = PostingOut(pool=pool, account=account, value=value)
        postings.setdefault(number, []).append(line)
    fed: dict[int, list[FedFigure]] = {}
    for number, pool, figure, amount, currency in (
        Figure.objects.filter(entry_id__in=numbers)
        .order_by("entry_id", "pool_id", "currency", "name")
        .values_list("entry_id", "pool__code", "name", "amount", "currency")
    ):
        value = Amount(amount=amount, currency=currency)
        fed.setdefault(number, []).append(FedFigure(pool=pool, figure=figure, value=value))
    return [
        EntryOut(
            number=row.pk,
            date=row.effective_date,
            recorded_at=row.recorded_at,
            month=f"{row.period.month:%Y-%m}",
            kind=row.kind,
            memo=row.memo,
            source=row.source,
            reverses=row.reverses_id,
            leaf=row.leaf.sequence if hasattr(row, "leaf") else None,
            postings=postings.get(row.pk, []),
            figures=fed.get(row.pk, []),
            page=address("ledger_entry", row.pk),
        )
        for row in found
    ]


# --- Who gave, what is promised, what moved between pools -----------------------------------------


def gifts(pool: Pool, *, after: int, limit: int) -> GiftsOut:
    """The gifts whose donors agreed to be named, the latest first. No other gift is told of."""
    named = Gift.objects.filter(
        ~Q(public_name=""),
        pool=pool,
        anonymous=False,
        received_at__isnull=False,
        declined_at__isnull=True,
    )
    rows, following = _page(named, after, limit, "api:pool_gifts", pool.code)
    return GiftsOut(
        items=[
            GiftOut(
                name=gift.public_name,
                value=Amount(amount=gift.amount, currency=gift.currency),
                received_on=timezone.localdate(gift.received_at),
            )
            for gift in rows
        ],
        next=following,
    )


def pledges(pool: Pool) -> PledgesOut:
    sums = promises(pool)

    def of(amount: int) -> Amount:
        return Amount(amount=amount, currency=sums.currency)

    return PledgesOut(
        pledged=of(sums.pledged),
        later=of(sums.later),
        due=of(sums.due),
        overdue=of(sums.overdue),
        binding=of(sums.binding),
        received=of(sums.received),
    )


def statements(pool: Pool) -> StatementsOut:
    return StatementsOut(
        items=[
            StatementOut(
                month=f"{row.month:%Y-%m}",
                available=Amount(amount=row.available, currency=pool.currency),
                statement=address("pool_statement_json", pool.code, f"{row.month:%Y-%m}"),
                page=address("pool_statement", pool.code, f"{row.month:%Y-%m}"),
            )
            for row in monthly.listed(pool)
        ]
    )


def pool_transfers(*, after: int, limit: int) -> TransfersOut:
    """The transfers that were made between pools, the latest first."""
    rows, following = _page(transfers.approved_transfers(), after, limit, "api:transfers")
    return TransfersOut(
        items=[
            TransferOut(
                from_pool=made.transfer.from_pool.code,
                to_pool=made.transfer.to_pool.code,
                value=Amount(amount=made.money.amount, currency=made.money.currency),
                kind=made.transfer.kind,
                basis=made.transfer.basis,
                basis_note=made.transfer.basis_note,
                reason=made.transfer.reason,
                decided_at=made.transfer.decided_at,
                entry=made.entry,
                taken_back_by=made.reversed_by,
            )
            for made in transfers.as_public(rows)
        ],
        next=following,
    )


def _page(
    rows: QuerySet[Any], after: int, limit: int, name: str, *args: str
) -> tuple[list[Any], str | None]:
    """Some rows, by keyset from the newest on, and the address of those that come after them."""
    if after:
        rows = rows.filter(pk__lt=after)
    found: list[Model] = list(rows.order_by("-pk")[: limit + 1])
    if len(found) <= limit:
        return found, None
    shown = found[:limit]
    return shown, address(name, *args, limit=limit, after=shown[-1].pk)
