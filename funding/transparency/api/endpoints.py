"""What the API offers. Each answer is what a page shows, and adds up to the same."""

import datetime
from typing import Annotated, Literal

from django.conf import settings
from django.http import HttpRequest
from ninja import Path, Query

from funding.ledger.models import Figure
from funding.transparency.api import reading
from funding.transparency.api.schemas import (
    EntriesOut,
    EntryOut,
    FiguresOut,
    FoundationOut,
    GiftsOut,
    PledgesOut,
    PoolOut,
    PoolsOut,
    StatementsOut,
    TransfersOut,
)
from funding.transparency.api.service import PublicAPI
from funding.transparency.public_pools import the_pool

_LARGEST = 2**63 - 1

api = PublicAPI(
    title=f"{settings.SITE_NAME}: open data",
    version="1.0.0",
    description=(
        "Every figure of the foundation and every entry behind it. For reading alone, without a "
        "key. The data are under CC BY 4.0."
    ),
    urls_namespace="api",
    servers=[{"url": settings.SITE_URL}],
)

Code = Annotated[
    str, Path(pattern="^[-a-zA-Z0-9_]{1,50}$", description="A pool's code.", example="general")
]
After = Annotated[
    int,
    Query(ge=0, le=_LARGEST, description="Where the page before ended; 0: from the newest on."),
]
Limit = Annotated[int, Query(ge=1, le=100, description="How many at most.")]
FigureName = Literal[("", *Figure.Name.values)]  # type: ignore[valid-type]


@api.get("/pools", response=PoolsOut, summary="Every pool", tags=["Pools"], url_name="pools")
def pools(request: HttpRequest) -> PoolsOut:
    return reading.pools()


@api.get("/pools/{code}", response=PoolOut, summary="One pool", tags=["Pools"], url_name="pool")
def pool(request: HttpRequest, code: Code) -> PoolOut:
    return reading.pool(code)


@api.get(
    "/pools/{code}/figures",
    response=FiguresOut,
    summary="The figures of a pool, and what is available",
    tags=["Pools"],
    url_name="pool_figures",
)
def pool_figures(request: HttpRequest, code: Code) -> FiguresOut:
    return reading.figures(the_pool(code))


@api.get(
    "/pools/{code}/gifts",
    response=GiftsOut,
    summary="Gifts to a pool whose donors agreed to be named",
    tags=["Pools"],
    url_name="pool_gifts",
)
def pool_gifts(request: HttpRequest, code: Code, after: After = 0, limit: Limit = 50) -> GiftsOut:
    return reading.gifts(the_pool(code), after=after, limit=limit)


@api.get(
    "/pools/{code}/pledges",
    response=PledgesOut,
    summary="What is pledged to a pool",
    tags=["Pools"],
    url_name="pool_pledges",
)
def pool_pledges(request: HttpRequest, code: Code) -> PledgesOut:
    return reading.pledges(the_pool(code))


@api.get(
    "/pools/{code}/statements",
    response=StatementsOut,
    summary="The monthly statements of a pool",
    tags=["Pools"],
    url_name="pool_statements",
)
def pool_statements(request: HttpRequest, code: Code) -> StatementsOut:
    return reading.statements(the_pool(code))


@api.get(
    "/figures",
    response=FoundationOut,
    summary="The figures of the foundation as a whole",
    tags=["Foundation"],
    url_name="figures",
)
def figures(request: HttpRequest) -> FoundationOut:
    return reading.foundation()


@api.get(
    "/transfers",
    response=TransfersOut,
    summary="Transfers between pools",
    tags=["Foundation"],
    url_name="transfers",
)
def transfers(request: HttpRequest, after: After = 0, limit: Limit = 50) -> TransfersOut:
    return reading.pool_transfers(after=after, limit=limit)


@api.get(
    "/entries",
    response=EntriesOut,
    summary="Entries of the ledger, the newest first",
    tags=["Ledger"],
    url_name="entries",
)
def entries(
    request: HttpRequest,
    pool: Annotated[
        str, Query(pattern="^[-a-zA-Z0-9_]{0,50}$", description="Of this pool alone.")
    ] = "",
    figure: Annotated[FigureName, Query(description="Those that feed this figure alone.")] = "",
    month: Annotated[
        str,
        Query(
            pattern="^([12][0-9]{3}-(0[1-9]|1[0-2]))?$",
            description="In the books of this month alone, as 2026-03.",
        ),
    ] = "",
    after: After = 0,
    limit: Limit = 50,
) -> EntriesOut:
    return reading.entries(
        pool=pool,
        figure=figure,
        month=datetime.date.fromisoformat(f"{month}-01") if month else None,
        after=after,
        limit=limit,
    )


@api.get(
    "/entries/{number}",
    response=EntryOut,
    summary="One entry of the ledger",
    tags=["Ledger"],
    url_name="entry",
)
def entry(
    request: HttpRequest,
    number: Annotated[int, Path(ge=1, le=_LARGEST, description="The entry's number.", example=1)],
) -> EntryOut:
    return reading.entry(number)
