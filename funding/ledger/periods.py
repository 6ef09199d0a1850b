"""Closing a month, and a year: what was closed takes no more entries.

Months are closed in order, each once it is over. What comes late goes to the first open month with
its own effective date (`ledger_open_month`), so a closed month's figures never change again.
"""

import datetime

from django.db import connection
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction
from funding.ledger import queries, templates
from funding.ledger.chart import CHART
from funding.ledger.entries import Posted, person
from funding.ledger.models import Account, Period
from funding.ledger.posting import named_refusals, post
from funding.ledger.refusals import EarlierMonthOpen, MonthNotOver, month_in_words

_OF_THE_YEAR = (Account.Kind.INCOME, Account.Kind.EXPENSE)


def month_after(month: datetime.date) -> datetime.date:
    """The first day of the month after the one that ``month`` lies in."""
    return (month.replace(day=28) + datetime.timedelta(days=4)).replace(day=1)


def open_month(month: datetime.date) -> datetime.date:
    """Make the row of the month that ``month`` lies in, or of the first open one after it.

    Whoever posts first in a month makes it too; later entries wait for him to commit.
    """
    with named_refusals(), connection.cursor() as cursor:
        cursor.execute("SELECT public.ledger_open_month(%s)", [month])
        (opened,) = cursor.fetchone()
    found: datetime.date = opened
    return found


@inside_transaction
def close_month(month: datetime.date, *, by: User, reason: str = "") -> Period:
    """Close the month that ``month`` lies in, and keep what every account and figure stood at.

    Waits for entries under way, and they for it. Raises MonthClosed, MonthNotOver or
    EarlierMonthOpen.
    """
    with named_refusals(), connection.cursor() as cursor:
        cursor.execute("SELECT public.ledger_close_month(%s)", [month.replace(day=1)])
        (period_id,) = cursor.fetchone()
    period = Period.objects.get(pk=period_id)
    audit.record("ledger.close_month", period, by=by, reason=reason, month=str(period))
    return period


@inside_transaction
def close_year(year: int, *, by: User, reason: str = "") -> list[Posted]:
    """Close the books of a year: an entry for each pool and currency, then its December.

    The entries make the year's income and expenses part of the fund balance. All months before
    December must be closed (EarlierMonthOpen), and December over (MonthNotOver). Waits for entries
    under way before it adds up what they belong to, and later ones wait for it.
    """
    december = datetime.date(year, 12, 1)
    if december >= timezone.now().astimezone(datetime.UTC).date().replace(day=1):
        raise MonthNotOver
    open_before = Period.objects.filter(month__lt=december, closed_at__isnull=True)
    if oldest := open_before.order_by("month").first():
        raise EarlierMonthOpen(month=month_in_words(oldest.month))
    # Else an entry that came between the adding up and the close would be in a year without it; and
    # two who close at once, each holding a writer's slot, would wait for each other.
    with connection.cursor() as cursor:
        cursor.execute("SELECT public.ledger_stand_still()")
    posted = [
        post(entry)
        for entry in _closing_entries(datetime.date(year, 12, 31), prepared_by=person(by.pk))
    ]
    close_month(december, by=by, reason=reason)
    return posted


def _closing_entries(day: datetime.date, *, prepared_by: str) -> list[templates.NewEntry]:
    """What empties the accounts of income and expense of every pool on the last day of a year."""
    temporary = [code for code, kind in CHART.items() if kind in _OF_THE_YEAR]
    found = []
    books = Account.objects.order_by("pool_code", "currency").select_related("pool")
    for account in books.filter(code="fund-balance"):
        pool, currency = account.pool, account.currency
        standing = queries.statement(pool, day, currency=currency).accounts
        balances = {
            code: standing[code].closing
            for code in temporary
            if code in standing and standing[code].closing
        }
        if balances:
            found.append(
                templates.year_closed(
                    key=f"year-closed:{day.year}:{pool.code}:{currency}",
                    pool=pool.code,
                    currency=currency,
                    date=day,
                    balances=balances,
                    prepared_by=prepared_by,
                )
            )
    return found
