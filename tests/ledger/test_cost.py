"""What a read costs does not grow with the books: counted in buffers, which know no slow machine.

(`make bench-ledger` measures the same in time, at a million entries.)
"""

import json

from django.db import connection
from django.urls import reverse

from core.transactions import use_case
from funding.ledger import queries
from funding.ledger.posting import post_many
from funding.transparency import queries as pages
from tests.factories.ledger import gift_entry, make_pool

FEW, MORE = 1_000, 15_000
# An index of longer books may be a level deeper.
GROWTH = 1.3

READS = {
    "balance of an account": lambda pool: queries.balance(pool.accounts.get(code="bank")),
    "balance of a pool": queries.balance,
    "balances of a pool": lambda pool: queries.balances(pool, "USD"),
    "figures of a pool": lambda pool: queries.figures(pool, "USD"),
    "summary of a pool": pages.pool_summary,
    "newest entries of a pool": lambda pool: queries.entries(
        queries.EntryFilters(pool=pool), limit=50
    ),
    "newest entries of a figure": lambda pool: queries.entries(
        queries.EntryFilters(pool=pool, figure="received"), limit=50
    ),
}


def fill(pool, count):
    for begin in range(0, count, 1_000):
        with use_case():
            post_many([gift_entry(pool) for _ in range(min(1_000, count - begin))])
    with connection.cursor() as cursor:
        cursor.execute("ANALYZE ledger_entry, ledger_posting, ledger_figure")


def buffers(call):
    """The shared buffers that all queries of ``call`` touch together."""
    touched = []

    def explained(execute, sql, params, many, context):
        with connection.connection.cursor() as cursor:
            cursor.execute(f"EXPLAIN (ANALYZE, BUFFERS, FORMAT JSON) {sql}", params)
            (answer,) = cursor.fetchone()
        plan = (answer if isinstance(answer, list) else json.loads(answer))[0]["Plan"]
        touched.append(plan["Shared Hit Blocks"] + plan["Shared Read Blocks"])
        return execute(sql, params, many, context)

    with connection.cursor() as cursor:
        # A small table is read whole, which is cheaper and cannot be compared.
        cursor.execute("SET enable_seqscan = off")
    with connection.execute_wrapper(explained):
        call()
    assert touched
    return sum(touched)


def count_all(pool):
    """What costs as much as the books are long, so that the measure is seen to see it."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT count(*) FROM ledger_posting WHERE pool_id = %s", [pool.pk])


def test_reads_touch_as_many_buffers_in_long_books_as_in_short_ones(committed_db, client):
    pool = make_pool()
    address = reverse("pool_entries", args=[pool.code])
    reads = {
        **READS,
        "page of a pool's entries": lambda _: client.get(address),
        "page of a figure's entries": lambda _: client.get(f"{address}?figure=received"),
    }

    def cost_of_all():
        client.get(address)  # what is read once in a process is read now
        return {what: buffers(lambda read=read: read(pool)) for what, read in reads.items()}

    fill(pool, FEW)
    small, counted = cost_of_all(), buffers(lambda: count_all(pool))
    fill(pool, MORE)
    large = cost_of_all()

    assert not {
        what: (small[what], large[what]) for what in reads if large[what] > small[what] * GROWTH
    }
    assert buffers(lambda: count_all(pool)) > 3 * counted
