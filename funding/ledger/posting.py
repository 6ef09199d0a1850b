"""Writing to the books: `post` and `reverse`. Nothing else in the portal can."""

import datetime
import json

from django.db import DatabaseError, connection
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.refusals import Refusal
from core.transactions import inside_transaction
from funding.ledger.entries import FigureLine, Line, NewEntry, Posted
from funding.ledger.models import Entry


class LedgerRefusal(Refusal):
    """Base of what the ledger refuses. The surrounding transaction must be rolled back."""


class IdempotencyConflict(LedgerRefusal):
    message = _("An entry with this key is already in the books with other content.")


class UnknownAccount(LedgerRefusal):
    message = _("The entry names an account that the pool does not have.")


class Unbalanced(LedgerRefusal):
    message = _("The entry does not add up to zero in each pool and currency.")


class AlreadyReversed(LedgerRefusal):
    message = _("This entry has been reversed before; an entry is reversed once at most.")


class PeriodClosed(LedgerRefusal):
    message = _("Every month up to the entry's date is closed; open a later one first.")


class NotEnoughAvailable(LedgerRefusal):
    message = _(
        "The pool “%(pool)s” has %(available)s available. This would take %(wanted)s of it. "
        "Wait for more money, or decide on less."
    )


class AppendOnly(LedgerRefusal):
    message = _("The books are append-only. Post a reversing entry instead.")


_BY_SQLSTATE: dict[str, type[LedgerRefusal]] = {
    "LG001": IdempotencyConflict,
    "LG002": UnknownAccount,
    "LG003": Unbalanced,
    "LG004": AlreadyReversed,
    "LG005": PeriodClosed,
    "LG006": NotEnoughAvailable,
    "LG010": AppendOnly,
}


def refusal_of(error: DatabaseError) -> LedgerRefusal | None:
    """The named refusal behind a database error, if it is one of the ledger's."""
    refusal = _BY_SQLSTATE.get(getattr(error.__cause__, "pgcode", "") or "")
    if refusal is NotEnoughAvailable:
        said = json.loads(error.__cause__.diag.message_detail)  # type: ignore[union-attr]
        return NotEnoughAvailable(
            pool=said["pool"],
            available=Money(int(said["available"]), said["currency"]).format(),
            wanted=Money(int(said["wanted"]), said["currency"]).format(),
        )
    return refusal() if refusal else None


@inside_transaction
def post(entry: NewEntry) -> Posted:
    """Post ``entry`` in the caller's transaction, by one statement to the server.

    The same key with the same content returns the entry that stands already; the same key with
    other content raises IdempotencyConflict. Other refusals: UnknownAccount, Unbalanced,
    AlreadyReversed, PeriodClosed, and for decisions NotEnoughAvailable. After a refusal the transaction can only be rolled back.
    """
    try:
        with connection.cursor() as cursor:
            cursor.execute(
                "SELECT entry_id, replayed FROM public.ledger_post(%s::jsonb)",
                [json.dumps(entry.content())],
            )
            entry_id, replayed = cursor.fetchone()
    except DatabaseError as error:
        if refusal := refusal_of(error):
            raise refusal from error
        raise
    return Posted(entry_id=entry_id, replayed=replayed)


@inside_transaction
def reverse(entry: Entry, *, date: datetime.date, reason: str) -> Posted:
    """Post the opposite of ``entry``: it feeds the same figures, negatively."""
    return post(
        NewEntry(
            key=f"reverse:{entry.pk}",
            kind="reversal",
            date=date,
            memo=reason,
            source=f"entry:{entry.pk}",
            reverses=entry.pk,
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
