"""The pool page's benchmark: `make bench-pool-page`, or

    .venv/bin/python -m bench.pool_page [--entries 1000000] [--rounds 3] [--name pool_page]

The whole public page of a pool, by Django's client, with ``--entries`` entries of gifts in that one pool
and with 1,000, taking turns: the time of the page, and of its queries alone. Prints a table and writes
``bench/results/<name>.json``; exits with 0 where every goal is met, else with 1.
"""

import argparse
import os
import sys
import time
from pathlib import Path
from typing import Any

import django

from bench.pacing import Order, median_microseconds, serve
from bench.rows import Row, row, show, table, write
from bench.stage import Clients, Stage, environment_for, facts, own_server, say

SMALL = 1_000
BATCH = 1_000  # entries of a commit while a ledger is filled
TURNS = 5
CALLS = 10
GOAL = "ratio ≤ 1.3"
RESULTS = Path(__file__).resolve().parent / "results"
CODE = "bench-page"
_SPENT_EVERY = 10  # one entry in so many is spending, all others are gifts


# --- In the client's process ------------------------------------------------------------------------


def prepare(order: Order) -> dict[str, str]:
    """A site, a pool that takes gifts, and its page."""
    from django.core.management import call_command
    from django.utils import timezone

    from core.transactions import use_case
    from funding.pools.opening import open_pool
    from home.models import PoolIndexPage, PoolPage
    from portal.site_tree import plant

    call_command("setup_site", verbosity=0)
    profile = open_pool(
        code=CODE,
        currency="USD",
        title="Benchmark",
        purpose="Measuring.",
        opens_on=timezone.localdate(),
        goal=10**9,
    )
    index = PoolIndexPage.objects.get(locale__language_code="en")
    with use_case():
        page = plant(index, PoolPage(pool=profile.pool), {"en": {"title": "Benchmark"}})
    return {"address": page.url}


_DONORS = """
WITH d AS (
    INSERT INTO pools_donor (kind, name, email, country, public_name, anonymous, created_at,
        logo_approved)
    SELECT 'person', 'D' || n, '', '', CASE WHEN n %% 2 = 0 THEN 'Donor ' || n ELSE '' END,
        n %% 2 = 1, now(), false
    FROM generate_series(%(first)s, %(last)s) n RETURNING id, public_name, anonymous
)
INSERT INTO pools_gift (reference, donor_id, pool_id, amount, currency, fee_cover, anonymous,
    public_name, language, form_token, created_at, received_at, decline_reason)
SELECT gen_random_uuid(), d.id, p.id, 1000 + d.id %% 9000, 'USD', 0, d.anonymous, d.public_name, 'en',
    gen_random_uuid(), now(), now() - (d.id %% 300) * interval '1 day', ''
FROM d CROSS JOIN ledger_pool p WHERE p.code = %(code)s RETURNING reference::text, amount
"""


def fill(order: Order) -> dict[str, int]:
    """Post the entries ``first`` to ``last`` (not itself): a gift of a donor each, and spending."""
    from django.db import connection
    from django.utils import timezone

    from bench.client import months_back
    from core.transactions import use_case
    from funding.ledger import templates
    from funding.ledger.posting import post_many

    today = timezone.localdate()
    for first in range(order["first"], order["last"], BATCH):
        last = min(first + BATCH, order["last"])
        with use_case():
            with connection.cursor() as cursor:
                cursor.execute(_DONORS, {"first": first, "last": last - 1, "code": CODE})
                gifts = cursor.fetchall()
            post_many(
                [
                    templates.own_spending_paid(key=f"page:{number}", amount=500, **about)
                    if number % _SPENT_EVERY == 0
                    else templates.bank_gift(
                        key=f"page:{number}", amount=amount, source=f"gift:{reference}", **about
                    )
                    for number, (reference, amount) in enumerate(gifts, first)
                    for about in [
                        {
                            "pool": CODE,
                            "currency": "USD",
                            "date": months_back(today, number % 12),
                        }
                    ]
                ]
            )
    return {"entries": order["last"] - order["first"]}


def sum_up(order: Order) -> dict[str, int]:
    """What the worker does every minute: seal, and take what is sealed into the sums."""
    from funding.ledger import sealing
    from funding.transparency import giver_sums

    sealing.seal_all()
    for _ in range(3):  # until the sealer knows that nothing before it is open
        sealing.seal()
    return {"entries": giver_sums.sum_up_all()}


def page(order: Order) -> dict[str, float]:
    """The median time of the page, and of its queries alone, in microseconds."""
    from django.db import connection
    from django.test import Client

    client = Client()
    spent: list[float] = []

    def clock(execute: Any, sql: str, parameters: Any, many: bool, context: Any) -> Any:
        begin = time.perf_counter()
        try:
            return execute(sql, parameters, many, context)
        finally:
            spent[-1] += time.perf_counter() - begin

    def get() -> None:
        spent.append(0.0)
        answer = client.get(order["address"])
        if answer.status_code != 200:
            sys.exit(f"{order['address']} answers {answer.status_code}.")

    with connection.execute_wrapper(clock):
        whole = median_microseconds(get, order["calls"])
    return {
        "the whole pool page": whole,
        "all queries of the pool page": sorted(spent)[len(spent) // 2] * 1e6,
    }


# --- The benchmark ----------------------------------------------------------------------------------


def measure(stage: Stage, entries: int, rounds: int) -> list[Row]:
    """The page of a large pool beside that of a small one."""
    command = [sys.executable, "-m", "bench.pool_page", "--client"]
    sides: list[tuple[Clients, str]] = []
    try:
        for size in (entries, SMALL):
            name = stage.books(f"bench_page_of_{size}")
            clients = Clients(command, environment_for(stage.server, name), 1)
            sides.append((clients, clients.order(job="prepare")["address"]))
            say(f"Filling a pool with {size:,} entries …")
            clients.order(job="fill", first=0, last=min(SMALL, size))
            stage.settle(name)
            clients.order(job="fill", first=min(SMALL, size), last=size)
            clients.order(job="sum_up")
            stage.settle(name)
        found: dict[str, list[list[float]]] = {}
        for clients, address in sides:
            clients.order(job="page", address=address, calls=3)
        for _ in range(rounds * TURNS):
            for place, (clients, address) in enumerate(sides):
                times = clients.order(job="page", address=address, calls=CALLS)
                for what, microseconds in times.items():
                    found.setdefault(what, [[], []])[place].append(microseconds)
    finally:
        for clients, _ in sides:
            clients.close()
    return [
        row(
            f"{what} at {entries:,} entries against {SMALL:,} (µs)",
            *(sorted(times)[len(times) // 2] for times in both),
            GOAL,
        )
        for what, both in found.items()
    ]


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(prog="bench-pool-page")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--name", default="pool_page")
    flags = parser.parse_args(arguments)
    with own_server() as server:
        for line in facts(server):
            show(line)
        rows = measure(Stage(server), flags.entries, flags.rounds)
    show(table(rows))
    write(rows, RESULTS / f"{flags.name}.json")
    return 0 if all(one.met is not False for one in rows) else 1


if __name__ == "__main__":
    if "--client" in sys.argv:
        os.environ.setdefault("DJANGO_SETTINGS_MODULE", "portal.settings")
        django.setup()
        serve({"prepare": prepare, "fill": fill, "sum_up": sum_up, "page": page})
    else:
        sys.exit(main(sys.argv[1:]))
