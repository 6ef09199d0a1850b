"""Monthly statements as people read them; what stands in them is `funding.ledger.statements`."""

import datetime
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass

from django.db import connection

from funding.ledger import statements
from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Figure, Pool, StatementHash
from funding.ledger.queries import Movement
from funding.transparency import labels

# What was available at the end of each closed month by which the pool had an entry.
_MONTHS = """
SELECT p.month, sum(c.amount * s.sign)::bigint
FROM ledger_period p
JOIN ledger_closingfigure c ON c.period_id = p.id AND c.currency = %(currency)s
JOIN unnest(%(names)s::text[], %(signs)s::int[]) AS s (name, sign) ON s.name = c.name
WHERE c.pool_id = %(pool)s GROUP BY p.month
UNION ALL
SELECT DISTINCT p.month, 0::bigint
FROM ledger_period p
JOIN ledger_closingbalance c ON c.period_id = p.id
JOIN ledger_account a ON a.id = c.account_id
WHERE a.pool_id = %(pool)s AND NOT EXISTS (
    SELECT FROM ledger_closingfigure f
    WHERE f.period_id = p.id AND f.pool_id = %(pool)s AND f.currency = %(currency)s
)
ORDER BY month DESC
"""


@dataclass(frozen=True, slots=True)
class ListedMonth:
    """A closed month, and what the pool had available at its end, in minor units."""

    month: datetime.date
    available: int


def listed(pool: Pool) -> list[ListedMonth]:
    """The months of which there is a statement of ``pool``, newest first; one query."""
    with connection.cursor() as cursor:
        cursor.execute(
            _MONTHS,
            {
                "pool": pool.pk,
                "currency": pool.currency,
                "names": list(FIGURE_SIGNS),
                "signs": list(FIGURE_SIGNS.values()),
            },
        )
        return [ListedMonth(*row) for row in cursor.fetchall()]


@dataclass(frozen=True, slots=True)
class Line:
    """A line of a statement. ``moved``: as it adds to what is available, or debit positive."""

    label: str
    moved: Movement
    name: str = ""


@dataclass(frozen=True, slots=True)
class ShownBook:
    """A pool's month in one currency: both roads of rule 5 to what was available."""

    currency: str
    entries: int
    figures: Sequence[Line]
    accounts: Sequence[Line]
    by_figures: Movement
    by_accounts: Movement


@dataclass(frozen=True, slots=True)
class Shown:
    """A statement with what proves it.

    ``month_hash`` is made now; ``signed`` is what a checkpoint named, None until one has.
    """

    statement: statements.MonthStatement
    books: Sequence[ShownBook]
    month_hash: str
    signed: StatementHash | None

    @property
    def is_what_was_signed(self) -> bool:
        return self.signed is None or self.signed.sha256 == self.month_hash


def shown(pool: Pool, month: datetime.date) -> Shown | None:
    """The statement of ``pool`` for a closed month; None where there is none."""
    of_all = statements.of_month(month)
    found = next((one for one in of_all if one.pool == pool.code), None)
    if found is None:
        return None
    return Shown(
        statement=found,
        books=[_book(book) for book in found.books],
        month_hash=hashlib.sha256(statements.hash_list(of_all)).hexdigest(),
        signed=StatementHash.objects.filter(period__month=month).first(),
    )


def _book(book: statements.Book) -> ShownBook:
    figures = [
        Line(
            str(Figure.Name(name).label),
            Movement(sign * book.figures[name].opening, sign * book.figures[name].change),
            name,
        )
        for name, sign in FIGURE_SIGNS.items()
        if book.figures[name] != Movement()
    ]
    accounts = [Line(labels.account(code), moved) for code, moved in sorted(book.accounts.items())]
    return ShownBook(
        currency=book.currency,
        entries=book.entries,
        figures=figures,
        accounts=accounts,
        by_figures=book.by_figures,
        by_accounts=book.by_accounts,
    )
