"""Sealing: committed entries take their places in the tree, in order and without gaps."""

from django.db import connection

from core.transactions import use_case
from funding.ledger.posting import named_refusals

BATCH = 2_000


def seal(at_most: int = BATCH) -> int:
    """Seal up to ``at_most`` committed entries in a transaction of its own; how many they were.

    Safe to call from any number of processes: one at a time numbers the leaves. Raises NotWhole for
    an entry that was changed past the ledger's functions; nothing is sealed then.
    """
    with use_case(), named_refusals(), connection.cursor() as cursor:
        cursor.execute("SELECT public.ledger_seal(%s)", [at_most])
        return int(cursor.fetchone()[0])


def seal_all() -> int:
    """Seal whatever is committed; how many entries that were."""
    total = 0
    while added := seal():
        total += added
    return total
