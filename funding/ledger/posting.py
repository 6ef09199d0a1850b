"""Writing to the books: `post`, `post_many` and `reverse`. Nothing else in the portal can."""

import datetime
import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction
from funding.ledger.entries import FigureLine, Line, NewEntry, Posted, new_salt, person
from funding.ledger.models import Entry
from funding.ledger.refusals import refusal_of

POST = (
    "SELECT entry_id, replayed FROM public.ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s,"
    " %s::text[], %s, %s::text[], %s::text[], %s::text[], %s::bigint[],"
    " %s::text[], %s::text[], %s::text[], %s::bigint[])"
)


@contextmanager
def named_refusals() -> Iterator[None]:
    """Let what the ledger's functions refuse come out as `LedgerRefusal`."""
    try:
        yield
    except DatabaseError as error:
        if refusal := refusal_of(error):
            raise refusal from error
        raise


def post(entry: NewEntry) -> Posted:
    """Post ``entry`` by one statement to the server.

    Inside a transaction it commits or falls with it; alone it is a transaction of its own.
    The same key with the same content returns the entry that stands already; the same key with
    other content raises IdempotencyConflict. Other refusals (`funding.ledger.refusals`):
    TooFewPostings, ZeroPosting, UnknownAccount, UnknownFigure, SameLineTwice, Unbalanced, AlreadyReversed,
    NotTheOpposite, PeriodClosed, and for decisions NotEnoughAvailable. After a refusal the
    caller's transaction can only be rolled back.
    """
    with named_refusals(), connection.cursor() as cursor:
        cursor.execute(POST, arguments(entry))
        entry_id, replayed = cursor.fetchone()
    return Posted(entry_id=entry_id, replayed=replayed)


def arguments(entry: NewEntry) -> list[Any]:
    """What the statement `POST` takes."""
    lines, figures = entry.sorted_lines(), entry.sorted_figures()
    return [
        entry.key,
        entry.content_hash(),
        entry.kind,
        entry.date,
        entry.memo,
        entry.source,
        entry.reverses,
        entry.decision,
        entry.prepared_by,
        list(entry.approved_by),
        new_salt(),
        [line.pool for line in lines],
        [line.account for line in lines],
        [line.currency for line in lines],
        [line.amount for line in lines],
        [figure.pool for figure in figures],
        [figure.currency for figure in figures],
        [figure.name for figure in figures],
        [figure.amount for figure in figures],
    ]


@inside_transaction
def post_many(entries: Sequence[NewEntry]) -> list[Posted]:
    """Post facts in bulk (an import, opening balances), by one statement: all of them or none.

    The answers come in the order of ``entries``. Each is judged as `post` judges it; decisions and
    reversals raise ValueError, for each of those must be judged after the one before it.
    """
    for entry in entries:
        if entry.decision or entry.reverses is not None:
            raise ValueError(f"{entry.key}: decisions and reversals are posted one by one.")
    if not entries:
        return []
    with named_refusals(), connection.cursor() as cursor:
        cursor.execute(
            "SELECT entry_id, replayed FROM public.ledger_post_many(%s::jsonb) ORDER BY place",
            [json.dumps([entry.payload() for entry in entries])],
        )
        return [Posted(entry_id=number, replayed=again) for number, again in cursor.fetchall()]


@inside_transaction
def reverse(entry: Entry, *, reason: str, by: User, date: datetime.date | None = None) -> Posted:
    """Post the opposite of ``entry``, which feeds the same figures negatively, and log who did it.

    ``reason`` is public words, without personal data; ``date`` is today where none is given.
    Raises AlreadyReversed for an entry that was reversed before.
    """
    posted = post(
        NewEntry(
            key=f"reverse:{entry.pk}",
            kind="reversal",
            date=date or timezone.localdate(),
            memo=reason,
            source=f"entry:{entry.pk}",
            reverses=entry.pk,
            prepared_by=person(by.pk),
            lines=tuple(
                Line(row.pool.code, row.account.code, row.currency, -row.amount)
                for row in entry.postings.select_related("pool", "account")
            ),
            figures=tuple(
                FigureLine(row.pool.code, row.currency, row.name, -row.amount)
                for row in entry.figures.select_related("pool")
            ),
        )
    )
    if not posted.replayed:
        audit.record("ledger.reverse", entry, by=by, reason=reason, reversal=posted.entry_id)
    return posted
