"""Writing to the books: `post`, `post_many` and `reverse`. Nothing else in the portal can."""

import datetime
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any

from django.db import DatabaseError, connection
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction
from funding.ledger.chart import FIGURE_SIGNS, OURS_TO_DECIDE
from funding.ledger.entries import FigureLine, Line, NewEntry, Posted, new_salt, person
from funding.ledger.models import Entry
from funding.ledger.refusals import refusal_of

POST = (
    "SELECT entry_id, replayed FROM public.ledger_post(%s, %s, %s, %s, %s, %s, %s, %s, %s,"
    " %s::text[], %s, %s::text[], %s::text[], %s::text[], %s::bigint[],"
    " %s::text[], %s::text[], %s::text[], %s::bigint[])"
)
POST_MANY = (
    "SELECT entry_id, replayed FROM public.ledger_post_many(%s::text[], %s::text[], %s::text[],"
    " %s::date[], %s::text[], %s::text[], %s::text[], %s::text[], %s::bytea[], %s::int[],"
    " %s::int[], %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[],"
    " %s::int[], %s::text[], %s::text[], %s::text[], %s::bigint[]) ORDER BY place"
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
    TooFewPostings, ZeroPosting, UnknownAccount, UnknownFigure, SameLineTwice, Unbalanced,
    AlreadyReversed, NotTheOpposite, PeriodClosed, and for decisions NotEnoughAvailable. After a
    refusal the caller's transaction can only be rolled back.
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
        texts(entry.approved_by),
        new_salt(),
        texts(line.pool for line in lines),
        texts(line.account for line in lines),
        texts(line.currency for line in lines),
        numbers(line.amount for line in lines),
        texts(figure.pool for figure in figures),
        texts(figure.currency for figure in figures),
        texts(figure.name for figure in figures),
        numbers(figure.amount for figure in figures),
    ]


# Arrays go as PostgreSQL writes them. The driver would send ARRAY['…', '…'], of which the server
# reads every element as an expression; that costs more than the posting.


def texts(items: Iterable[str]) -> str:
    """An array of texts, whatever is in them."""
    found = list(items)
    joined = '","'.join(found)
    if "\\" in joined or joined.count('"') > 2 * (len(found) - 1):
        quoted = (item.replace("\\", r"\\").replace('"', r"\"") for item in found)
        joined = '","'.join(quoted)
    return f'{{"{joined}"}}' if found else "{}"


def numbers(items: Iterable[int]) -> str:
    """An array of whole numbers."""
    return "{" + ",".join(map(str, items)) + "}"


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
        cursor.execute(POST_MANY, _columns(entries))
        return [Posted(entry_id=number, replayed=again) for number, again in cursor.fetchall()]


def _columns(entries: Sequence[NewEntry]) -> list[Any]:
    """What the statement `POST_MANY` takes: a list for each column of entries, lines and figures."""
    lines = [(place, line) for place, entry in enumerate(entries, 1) for line in entry.lines]
    figures = [(place, line) for place, entry in enumerate(entries, 1) for line in entry.figures]
    return [
        texts(entry.key for entry in entries),
        texts(entry.content_hash() for entry in entries),
        texts(entry.kind for entry in entries),
        texts(entry.date.isoformat() for entry in entries),
        texts(entry.memo for entry in entries),
        texts(entry.source for entry in entries),
        texts(entry.prepared_by for entry in entries),
        texts(texts(entry.approved_by) for entry in entries),
        texts(f"\\x{new_salt().hex()}" for _ in entries),
        numbers(len(entry.lines) for entry in entries),
        numbers(len(entry.figures) for entry in entries),
        numbers(place for place, _ in lines),
        texts(line.pool for _, line in lines),
        texts(line.account for _, line in lines),
        texts(line.currency for _, line in lines),
        numbers(line.amount for _, line in lines),
        numbers(place for place, _ in figures),
        texts(line.pool for _, line in figures),
        texts(line.currency for _, line in figures),
        texts(line.name for _, line in figures),
        numbers(line.amount for _, line in figures),
    ]


@inside_transaction
def reverse(entry: Entry, *, reason: str, by: User, date: datetime.date | None = None) -> Posted:
    """Post the opposite of ``entry``, which feeds the same figures negatively, and log who did it.

    ``reason`` is public words, without personal data; ``date`` is today where none is given.
    Raises AlreadyReversed for an entry that was reversed before, and NotEnoughAvailable where the
    reversal would promise again what the pool no longer has (rule 6).
    """
    lines = tuple(
        Line(row.pool.code, row.account.code, row.currency, -row.amount)
        for row in entry.postings.select_related("pool", "account")
    )
    figures = tuple(
        FigureLine(row.pool.code, row.currency, row.name, -row.amount)
        for row in entry.figures.select_related("pool")
    )
    posted = post(
        NewEntry(
            key=f"reverse:{entry.pk}",
            kind="reversal",
            date=date or timezone.localdate(),
            memo=reason,
            source=f"entry:{entry.pk}",
            reverses=entry.pk,
            decision=promises(figures),
            prepared_by=person(by.pk),
            lines=lines,
            figures=figures,
        )
    )
    if not posted.replayed:
        audit.record("ledger.reverse", entry, by=by, reason=reason, reversal=posted.entry_id)
    return posted


def promises(figures: Iterable[FigureLine]) -> bool:
    """Whether a reversal promises money anew, as taking back a released grant or a transfer does."""
    taken: Counter[tuple[str, str]] = Counter()
    for line in figures:
        if line.name in OURS_TO_DECIDE:
            taken[line.pool, line.currency] -= FIGURE_SIGNS[line.name] * line.amount
    return any(amount > 0 for amount in taken.values())
