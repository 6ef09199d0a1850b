"""Our client: posts to the books and reads them, by the portal's own functions alone.

    python -m bench.client             answer orders (`bench.pacing`)
    python -m bench.client csv copy    one download of the whole ledger, and the memory it took
    python -m bench.client save DIR N  what a reader downloads: the first N entries, checkpoint, keys

The database is the one in DATABASE_URL, as the role that the portal itself has.
"""

import datetime
import functools
import json
import os
import random
import secrets
import sys
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import django

from bench.memory import peak_memory
from bench.pacing import Order, median_microseconds, pace, serve

CURRENCY = "USD"
POOLS = 50
MONTHS = 12  # over which the entries of a filled ledger are spread
PAGE = 50  # entries of a page, as the site shows them
FILL_BATCH = 1_000  # entries of a commit while a ledger is filled


def pool_code(number: int) -> str:
    return f"bench-{number}"


def open_pools() -> None:
    """Make the pools that the benchmark posts to; each has a chart of accounts of its own."""
    from core.transactions import use_case
    from funding.ledger.models import Pool
    from funding.ledger.pools import open_pool

    if Pool.objects.filter(code=pool_code(1)).exists():
        return
    with use_case():
        for number in range(1, POOLS + 1):
            open_pool(pool_code(number), f"Benchmark {number}", CURRENCY)


def unique_key() -> str:
    return f"bench:{secrets.token_hex(12)}"


def a_gift(pools: int, date: datetime.date) -> Any:
    """A gift of two postings and one figure to one of the first ``pools`` pools."""
    from funding.ledger import templates

    return templates.bank_gift(
        key=unique_key(),
        pool=pool_code(random.randint(1, pools)),
        currency=CURRENCY,
        date=date,
        source=f"gift:{random.randint(1, 10**9)}",
        amount=random.randint(1, 100_000),
    )


def months_back(date: datetime.date, months: int) -> datetime.date:
    """The first day of the month that many months before ``date``'s."""
    month = date.year * 12 + date.month - 1 - months
    return datetime.date(month // 12, month % 12 + 1, 1)


def some_event(number: int, pools: int, today: datetime.date) -> Any:
    """The entry ``number`` of a filled ledger: several kinds of event over several months.

    Which one it is follows from its number alone, so that a small ledger and a large one differ in
    their length and in nothing else.
    """
    from funding.ledger import templates

    about: dict[str, Any] = {
        "key": f"fill:{number}",
        "pool": pool_code(number % pools + 1),
        "currency": CURRENCY,
        "date": months_back(today, number // pools % MONTHS),
        "source": f"event:{number}",
    }
    amount = 1_000 + number % 9_000
    makers: list[Callable[[], Any]] = [
        lambda: templates.bank_gift(amount=amount, **about),
        lambda: templates.card_gift(gross=amount, fee=amount // 40, **about),
        lambda: templates.pledge_confirmed(amount=amount, **about),
        lambda: templates.instalment_paid_by_bank(amount=amount, **about),
    ]
    # The months go round once in `pools * MONTHS` numbers; every kind meets every month.
    return makers[number // (pools * MONTHS) % len(makers)]()


# --- Orders ---------------------------------------------------------------------------------------


def write(order: Order) -> dict[str, float]:
    """Post gifts to the first ``pools`` pools: by `post`, or ``size`` to a commit by `post_many`.

    ``way`` "use_case": `post` within the transaction of a use case, as most of the portal calls it.
    """
    from core.transactions import use_case
    from funding.ledger import posting

    pools, size = order["pools"], order["size"]
    today = datetime.date.today()  # noqa: DTZ011 (an effective date is a plain day)

    def one() -> int:
        posting.post(a_gift(pools, today))
        return 1

    def one_in_a_use_case() -> int:
        entry = a_gift(pools, today)
        with use_case():
            posting.post(entry)
        return 1

    def many() -> int:
        entries = [a_gift(pools, today) for _ in range(size)]
        with use_case():
            posting.post_many(entries)
        return size

    if size > 1:
        return pace(many, order)
    return pace(one_in_a_use_case if order.get("way") == "use_case" else one, order)


def fill(order: Order) -> dict[str, int]:
    """Post the events ``first`` to ``last`` (not itself) of a filled ledger over ``pools`` pools."""
    from core.transactions import use_case
    from funding.ledger import posting

    today = datetime.date.today()  # noqa: DTZ011
    for begin in range(order["first"], order["last"], FILL_BATCH):
        numbers = range(begin, min(begin + FILL_BATCH, order["last"]))
        entries = [some_event(number, order["pools"], today) for number in numbers]
        with use_case():
            posting.post_many(entries)
    return {"entries": order["last"] - order["first"]}


def read(order: Order) -> dict[str, float]:
    """The median time of each read of a pool, in microseconds, by what is read."""
    from funding.ledger import queries as books
    from funding.ledger.models import Pool
    from funding.transparency import queries as pages

    pool = Pool.objects.get(code=pool_code(1))
    reads: dict[str, Callable[[], object]] = {
        "balances of a pool": lambda: books.balances(pool, CURRENCY),
        "figures of a pool": lambda: books.figures(pool, CURRENCY),
        "first page of a pool's entries": lambda: books.entries(
            books.EntryFilters(pool=pool), limit=PAGE
        ),
        "first page of a figure's entries": lambda: books.entries(
            books.EntryFilters(pool=pool, figure="received"), limit=PAGE
        ),
        "summary on a pool's page": lambda: pages.pool_summary(pool),
        "summaries of all pools": lambda: pages.pool_summaries([pool]),
    }
    return {what: median_microseconds(call, order["calls"]) for what, call in reads.items()}


def page(order: Order) -> dict[str, float]:
    """The median time that the database takes for a whole page of a pool, in microseconds.

    It is asked for as a browser would, so every query counts that the page makes now or later.
    """
    from django.db import connection
    from django.test import Client
    from django.urls import reverse

    client = Client()
    address = reverse("pool_entries", args=[pool_code(1)])
    pages = {
        "all queries of a pool's entries page": address,
        "all queries of a figure's entries page": f"{address}?figure=received",
    }
    return {
        what: _median_of_queries(connection, functools.partial(_get, client, where), order["calls"])
        for what, where in pages.items()
    }


def _get(client: Any, address: str) -> Any:
    answer = client.get(address)
    if answer.status_code != 200:
        sys.exit(f"{address} answers {answer.status_code}.")
    return answer


def _median_of_queries(connection: Any, call: Callable[[], Any], calls: int) -> float:
    """The median over ``calls`` of what all queries of one call take, in microseconds."""
    sums: list[float] = []

    def clock(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        begin = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            sums[-1] += time.perf_counter() - begin

    with connection.execute_wrapper(clock):
        for _ in range(calls):
            sums.append(0.0)
            call()
    return sorted(sums)[len(sums) // 2] * 1e6


def seal_all(order: Order) -> dict[str, int]:
    """Seal until nothing is left."""
    from funding.ledger import sealing

    done = 0
    while sealed := sealing.seal():
        done += sealed
    return {"sealed": done}


def keep_sealing(order: Order) -> dict[str, float]:
    """Seal from the moment ``start`` for ``seconds``, as often as can be."""
    from funding.ledger import sealing

    def step() -> int:
        sealed = sealing.seal()
        if not sealed:
            time.sleep(0.01)  # nothing to do: leave the processor to the writers
        return sealed

    return pace(step, order)


def prove(order: Order) -> dict[str, float]:
    """Proofs of random entries in the tree of the first ``size``: time, and hashes of the longest."""
    from funding.ledger import proofs

    longest = 0

    def one() -> None:
        nonlocal longest
        proof = proofs.inclusion_proof(random.randrange(order["size"]), order["size"])
        longest = max(longest, len(proof))

    return {"microseconds": median_microseconds(one, order["calls"]), "hashes": longest}


def main_of_orders() -> None:
    jobs: dict[str, Callable[[Order], dict[str, Any]]] = {
        "write": write,
        "fill": fill,
        "read": read,
        "page": page,
        "seal_all": seal_all,
        "keep_sealing": keep_sealing,
        "prove": prove,
    }
    serve(jobs)


# --- Programs that end ----------------------------------------------------------------------------


def csv_whole(by: str) -> dict[str, float]:
    """Stream the ledger's CSV to nowhere, ``by`` COPY or by rows as it was before.

    Gives its seconds, and the memory in bytes: ``base`` before and ``peak`` after it.
    """
    from bench.peers import csv_by_rows
    from funding.ledger.models import Pool
    from funding.transparency import copying

    Pool.objects.count()  # connected, and what Django loads late is loaded
    base = peak_memory()
    begin = time.monotonic()
    pieces: Iterable[bytes] = (
        copying.postings(copying.present())
        if by == "copy"
        else (line.encode() for line in csv_by_rows.lines())
    )
    lines = sum(piece.count(b"\n") for piece in pieces)
    seconds = time.monotonic() - begin
    return {"base": base, "peak": peak_memory(), "lines": lines, "seconds": seconds}


def save(folder: Path, size: int) -> dict[str, int]:
    """Save what a checker needs, from the public addresses of docs/ledger-format.md."""
    from django.test import Client

    from funding.ledger import checkpoints

    checkpoints.publish()
    client = Client()
    checkpoint = _get(client, "/ledger/checkpoint").content.decode()
    if checkpoint.splitlines()[1] != str(size):
        sys.exit(f"The newest checkpoint is not of {size} entries:\n{checkpoint}")
    (folder / "checkpoint").write_text(checkpoint, encoding="utf-8")
    for address, name in (
        ("/ledger/keys.txt", "keys.txt"),
        (f"/ledger/entries.jsonl?size={size}", "entries.jsonl"),
    ):
        answer = _get(client, address)
        with open(folder / name, "wb") as file:
            for part in answer.streaming_content if answer.streaming else [answer.content]:
                file.write(part)
    return {"bytes": (folder / "entries.jsonl").stat().st_size}


def main(arguments: list[str]) -> None:
    from tests import environment

    # Everything but the database, which the benchmark names itself.
    environment.apply()
    assert "DATABASE_URL" in os.environ
    django.setup()
    if not arguments:
        main_of_orders()
    elif arguments[0] == "csv":
        sys.stdout.write(json.dumps(csv_whole(arguments[1])))
    elif arguments[0] == "pools":
        open_pools()
    elif arguments[0] == "save":
        sys.stdout.write(json.dumps(save(Path(arguments[1]), int(arguments[2]))))


if __name__ == "__main__":
    main(sys.argv[1:])
