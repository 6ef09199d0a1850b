"""Each bank and processor account against the ledger at the end of a month.

Their side: at a bank the statements, at the card processor its own lines. Our side: the accounts
``bank`` and ``clearing``, summed over all pools, by the day things happened. What differs is listed
line by line, and the lines add up to the difference.
"""

import datetime
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from django.db import connection
from django.db.models import Max, Min, Sum
from django.db.models.functions import TruncMonth
from django.utils import formats, timezone
from django.utils.text import capfirst
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.refusals import Refusal
from funding.ledger.models import AccountBalance, Posting
from funding.ledger.periods import month_after
from funding.payments.models import (
    BankAccount,
    BankStatement,
    ProcessorTransaction,
    Reconciliation,
)

Place = Reconciliation.Place


class NoSuchAccount(Refusal):
    message = _("There is no such account in that month.")


@dataclass(frozen=True, slots=True)
class Account:
    """A real account: our bank account of a currency, or the processor's balance in it."""

    place: str
    currency: str
    first: datetime.date  # first day of its first month
    last: datetime.date | None = None  # of its last, where it is closed

    @property
    def name(self) -> str:
        return f"{capfirst(Place(self.place).label)} {self.currency}"

    @property
    def code(self) -> str:
        """How the ledger calls it."""
        return self.place


@dataclass(frozen=True, slots=True)
class Difference:
    """One thing that the two sides see differently: what theirs has more than ours."""

    what: str
    amount: int
    entry: int | None = None
    line: int | None = None


@dataclass(frozen=True, slots=True)
class Comparison:
    """The two balances at the end of a month, minor units, and what explains their difference."""

    account: Account
    month: datetime.date
    theirs: int
    ours: int
    differences: list[Difference] = field(default_factory=list)
    # The first day of the month's end that no statement covers; None when all are there.
    missing_from: datetime.date | None = None

    @property
    def difference(self) -> Money:
        return Money(self.theirs - self.ours, self.account.currency)

    @property
    def agrees(self) -> bool:
        """Nothing is missing and nothing differs, not even two things that cancel each other out."""
        return self.theirs == self.ours and not self.differences and self.missing_from is None


# --- Which accounts and months ----------------------------------------------------------------------


def accounts() -> list[Account]:
    """Every account that has moved, or has statements, with its first month."""
    return [*_accounts(Place.BANK), *_accounts(Place.CLEARING)]


def _accounts(place: str) -> Iterator[Account]:
    first_days: dict[str, datetime.date] = {}
    posted = (
        AccountBalance.objects.filter(account__code=place)
        .values_list("account__currency")
        .annotate(first=Min("period__month"))
    )
    theirs = (
        BankStatement.objects.values_list("account__currency").annotate(first=Min("first_day"))
        if place == Place.BANK
        else ProcessorTransaction.objects.values_list("currency").annotate(
            first=Min("created_at__date")
        )
    )
    for currency, day in [*posted.order_by(), *theirs.order_by()]:
        first_days[currency] = min(day, first_days.get(currency, day))
    for currency in sorted(first_days):
        if place == Place.BANK and not BankAccount.objects.filter(currency=currency).exists():
            continue
        yield Account(
            place, currency, first_days[currency].replace(day=1), _last_month(place, currency)
        )


def _last_month(place: str, currency: str) -> datetime.date | None:
    """The month in which the last account of a currency was closed."""
    if place != Place.BANK:
        return None
    ours = BankAccount.objects.filter(currency=currency)
    if ours.filter(closed_on=None).exists():
        return None
    closed: datetime.date = ours.aggregate(last=Max("closed_on"))["last"]
    return closed.replace(day=1)


def account_of(place: str, currency: str, month: datetime.date) -> Account:
    """Raises NoSuchAccount."""
    for account in accounts():
        if (account.place, account.currency) == (place, currency) and month in months_of(
            account, running=True
        ):
            return account
    raise NoSuchAccount


def months_of(account: Account, *, running: bool = False) -> list[datetime.date]:
    """Its months, oldest first: those that are over, and with ``running`` also the present one."""
    this_month = timezone.localdate().replace(day=1)
    last = min(account.last, this_month) if account.last else this_month
    found, month = [], account.first
    while month <= last:
        if month < this_month or running:
            found.append(month)
        month = month_after(month)
    return found


def last_day(month: datetime.date) -> datetime.date:
    return month_after(month) - datetime.timedelta(days=1)


# --- The two sides ----------------------------------------------------------------------------------


def compare(account: Account, month: datetime.date) -> Comparison:
    """Both balances at the end of ``month``, and every line and entry that explains a difference."""
    end = last_day(month)
    if account.place == Place.BANK:
        theirs, missing_from = _bank_balance(account.currency, end)
        differences = _bank_differences(account.currency, end)
    else:
        theirs, missing_from = _processor_balance(account.currency, end), None
        differences = _processor_differences(account.currency, end)
    return Comparison(
        account=account,
        month=month,
        theirs=theirs,
        ours=ledger_balance(account, end),
        differences=differences,
        missing_from=missing_from,
    )


def ledger_balance(account: Account, end: datetime.date) -> int:
    """What the ledger says of the account at the end of a day, all pools together."""
    sums = Posting.objects.filter(
        account__code=account.code,
        account__currency=account.currency,
        entry__effective_date__lte=end,
    ).aggregate(sum=Sum("amount"))
    return sums["sum"] or 0


def ledger_balances(account: Account) -> dict[datetime.date, int]:
    """The same at the end of each of its months, in one query."""
    sums = dict(
        Posting.objects.filter(account__code=account.code, account__currency=account.currency)
        .annotate(month=TruncMonth("entry__effective_date"))
        .values_list("month")
        .annotate(sum=Sum("amount"))
        .order_by()
    )
    found, balance = {}, sum(amount for month, amount in sums.items() if month < account.first)
    for month in months_of(account, running=True):
        balance += sums.get(month, 0)
        found[month] = balance
    return found


def _bank_balance(currency: str, end: datetime.date) -> tuple[int, datetime.date | None]:
    """Over our accounts of the currency: what the statements say, and from which day one is missing.

    Before its first statement an account is taken to have held what that one opens with: whatever
    the books have until then is among the differences, since no line says so.
    """
    balance, missing = 0, []
    for account in BankAccount.objects.filter(currency=currency):
        statements = account.statements.order_by("-pk")
        statement = statements.filter(first_day__lte=end).first()
        if statement is None:
            if (first := statements.last()) is not None:
                balance += first.opening
            elif account.closed_on is None:
                missing.append(end.replace(day=1))
            continue
        until = statement.lines.filter(booked_on__lte=end).aggregate(sum=Sum("amount"))
        balance += statement.opening + (until["sum"] or 0)
        later = statements.filter(pk__gt=statement.pk).exists()
        closed = account.closed_on is not None and account.closed_on <= end
        if statement.last_day < end and not later and not closed:
            missing.append(statement.last_day + datetime.timedelta(days=1))
    return balance, min(missing, default=None)


def _processor_balance(currency: str, end: datetime.date) -> int:
    sums = ProcessorTransaction.objects.filter(
        currency=currency, created_at__lt=_end_of(end)
    ).aggregate(sum=Sum("net"))
    return sums["sum"] or 0


def _end_of(day: datetime.date) -> datetime.datetime:
    """The moment a day ends: entries of the processor's lines are dated in UTC."""
    return datetime.datetime.combine(
        day + datetime.timedelta(days=1), datetime.time.min, tzinfo=datetime.UTC
    )


# What each entry up to the day did to the account, all pools together.
_BOOKED = """
booked AS (
    SELECT e.id, e.kind, e.effective_date, sum(p.amount)::bigint AS amount
    FROM ledger_posting p
    JOIN ledger_account a ON a.id = p.account_id
    JOIN ledger_entry e ON e.id = p.entry_id
    WHERE a.code = %(code)s AND a.currency = %(currency)s AND e.effective_date <= %(end)s
    GROUP BY e.id HAVING sum(p.amount) <> 0
)
"""
# Which line an entry belongs to: by its match or payout, and a reversal where its original does.
_BANK_LINKS = """
direct AS (
    SELECT m.entry_id, m.line_id FROM payments_match m WHERE m.entry_id IS NOT NULL
    UNION
    SELECT p.entry_id, m.line_id FROM payments_match m JOIN payments_payout p ON p.id = m.payout_id
    WHERE m.kind = 'payout' AND m.undone_at IS NULL AND p.entry_id IS NOT NULL
    UNION
    SELECT e.id, m.line_id FROM payments_match m JOIN ledger_entry e
        ON e.idempotency_key = 'bank-line:' || m.line_id || ':match:' || m.id || ':charge'
    UNION
    SELECT e.id, m.line_id FROM payments_match m JOIN payments_payout p ON p.id = m.payout_id
    JOIN ledger_entry e ON e.idempotency_key LIKE 'payout:' || p.public_id || ':failed%%'
    WHERE m.kind = 'payout' AND m.undone_at IS NOT NULL AND m.entry_id IS NOT NULL
        AND NOT EXISTS (SELECT 1 FROM payments_match o WHERE o.entry_id = e.id)
    UNION
    SELECT e.id, m.line_id FROM payments_match m JOIN payments_payout p ON p.id = m.payout_id
    JOIN ledger_entry e ON e.idempotency_key LIKE 'payout:' || p.public_id || ':failed%%'
    WHERE m.kind = 'payout_returned' AND m.undone_at IS NULL AND m.entry_id IS NULL
        AND NOT EXISTS (SELECT 1 FROM payments_match o WHERE o.entry_id = e.id)
), linked AS (
    SELECT * FROM direct
    UNION
    SELECT r.id, d.line_id FROM direct d JOIN ledger_entry r ON r.reverses_id = d.entry_id
), theirs AS (
    SELECT l.id, l.booked_on AS day, l.amount, l.counterparty AS words
    FROM payments_bankline l
    JOIN payments_bankstatement s ON s.id = l.statement_id
    JOIN payments_bankaccount b ON b.id = s.account_id
    WHERE b.currency = %(currency)s AND l.booked_on <= %(end)s AND s.discarded_at IS NULL
)
"""
_PROCESSOR_LINKS = """
direct AS (
    SELECT t.entry_id, t.id AS line_id FROM payments_processortransaction t
    WHERE t.entry_id IS NOT NULL
    UNION
    SELECT e.id, t.id FROM payments_processortransaction t
    JOIN ledger_entry e ON e.idempotency_key = 'stripe:' || t.balance_transaction
), linked AS (
    SELECT * FROM direct
    UNION
    SELECT r.id, d.line_id FROM direct d JOIN ledger_entry r ON r.reverses_id = d.entry_id
), theirs AS (
    SELECT t.id, (t.created_at AT TIME ZONE 'UTC')::date AS day, t.net AS amount,
        t.type || ' ' || t.balance_transaction AS words
    FROM payments_processortransaction t
    WHERE t.currency = %(currency)s AND (t.created_at AT TIME ZONE 'UTC')::date <= %(end)s
)
"""
_LINES = """
SELECT t.id, t.day, t.words, t.amount, (t.amount - coalesce(sum(b.amount), 0))::bigint
FROM theirs t
LEFT JOIN linked k ON k.line_id = t.id
LEFT JOIN booked b ON b.id = k.entry_id
GROUP BY t.id, t.day, t.words, t.amount
HAVING t.amount <> coalesce(sum(b.amount), 0)
ORDER BY t.day, t.id
"""
_ENTRIES = """
SELECT b.id, b.effective_date, b.kind, b.amount
FROM booked b
WHERE NOT EXISTS (
    SELECT 1 FROM linked k JOIN theirs t ON t.id = k.line_id WHERE k.entry_id = b.id
)
ORDER BY b.effective_date, b.id
"""


def _rows(links: str, query: str, **parameters: Any) -> list[tuple[Any, ...]]:
    with connection.cursor() as cursor:
        cursor.execute(f"WITH {_BOOKED}, {links} {query}", parameters)
        return list(cursor.fetchall())


def _bank_differences(currency: str, end: datetime.date) -> list[Difference]:
    asked = {"code": "bank", "currency": currency, "end": end}
    lines = [
        Difference(_of_line(day, words, whole, rest, currency), rest, line=line)
        for line, day, words, whole, rest in _rows(_BANK_LINKS, _LINES, **asked)
    ]
    entries = [
        (number, day, kind, amount)
        for number, day, kind, amount in _rows(_BANK_LINKS, _ENTRIES, **asked)
    ]
    return [*_opening(currency, entries), *lines, *_without_line(entries)]


def _opening(currency: str, entries: list[tuple[Any, ...]]) -> Iterator[Difference]:
    """What stood at the bank before the first statement, less what the books opened with.

    The opening entries are taken out of ``entries``.
    """
    opened = 0
    for row in [row for row in entries if row[2] == "opening-balance"]:
        opened += row[3]
        entries.remove(row)
    before = 0
    for account in BankAccount.objects.filter(currency=currency):
        first = account.statements.order_by("pk").first()
        before += first.opening if first else 0
    if before != opened:
        yield Difference(
            gettext("Balance before the first statement, not in the books"), before - opened
        )


def _processor_differences(currency: str, end: datetime.date) -> list[Difference]:
    asked = {"code": "clearing", "currency": currency, "end": end}
    lines = [
        Difference(_of_line(day, words, whole, rest, currency), rest, line=line)
        for line, day, words, whole, rest in _rows(_PROCESSOR_LINKS, _LINES, **asked)
    ]
    return [*lines, *_without_line(_rows(_PROCESSOR_LINKS, _ENTRIES, **asked))]


def _of_line(day: datetime.date, words: str, whole: int, rest: int, currency: str) -> str:
    values = {
        "day": formats.date_format(day),
        "words": words or "–",
        "whole": Money(whole, currency).format(),
    }
    if rest == whole:
        return gettext("Line of %(day)s over %(whole)s (%(words)s) is not in the books") % values
    return gettext("Line of %(day)s over %(whole)s (%(words)s) is in the books in part") % values


def _without_line(entries: list[tuple[Any, ...]]) -> Iterator[Difference]:
    """Entries that no line up to the day shows: theirs has less of them."""
    for number, day, kind, amount in entries:
        words = gettext("Entry %(number)s of %(day)s (%(kind)s) is on no line up to then") % {
            "number": number,
            "day": formats.date_format(day),
            "kind": kind,
        }
        yield Difference(words, -amount, entry=number)
