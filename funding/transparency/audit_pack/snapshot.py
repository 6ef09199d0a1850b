"""One state of the books for the whole pack, read row by row.

Rows come over a cursor on the server, so memory holds a few thousand of them, however many there
are; and the number of queries stays the same.
"""

import datetime
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

from django.db import connection

from core.transactions import use_case

CHUNK = 2_000


@dataclass(frozen=True, slots=True)
class Months:
    """The months in whose books an entry stands, from ``first`` to ``last`` (their first days)."""

    first: datetime.date
    last: datetime.date

    def __str__(self) -> str:
        if self.first == self.last:
            return f"{self.first:%Y-%m}"
        return f"{self.first:%Y-%m}-to-{self.last:%Y-%m}"

    @property
    def limits(self) -> dict[str, datetime.date]:
        """The parameters of every query here that is about a period."""
        return {"first": self.first, "last": self.last}


@contextmanager
def one_state() -> Iterator[datetime.datetime]:
    """A transaction that reads what stands now and nothing that is written later; gives its time.

    It is the outermost one, and its first query is the one that makes it so.
    """
    with use_case():
        with connection.cursor() as cursor:
            cursor.execute("SET TRANSACTION ISOLATION LEVEL REPEATABLE READ, READ ONLY")
            # Every row of a cursor is read: plan for the whole, not for its first tenth.
            cursor.execute("SET LOCAL cursor_tuple_fraction = 1")
            cursor.execute("SELECT now()")
            (now,) = cursor.fetchone()
        yield now


def rows(sql: str, **parameters: Any) -> Iterator[tuple[Any, ...]]:
    """The answer of one query, of which a chunk at a time is in memory."""
    with connection.chunked_cursor() as cursor:
        cursor.execute(sql, parameters)
        while chunk := cursor.fetchmany(CHUNK):
            yield from chunk
