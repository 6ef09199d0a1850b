"""What the ledger refuses, each with words that a treasurer understands.

The rules are the database's (`funding.ledger.sql`); it raises a SQLSTATE of its own for each, with
what the words need as JSON.
"""

import datetime
import json
from typing import Any

from django.db import DatabaseError
from django.utils import formats
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.refusals import Refusal


class LedgerRefusal(Refusal):
    """Base of what the ledger refuses. The surrounding transaction must be rolled back."""


class IdempotencyConflict(LedgerRefusal):
    message = _("An entry with the key “%(key)s” is already in the books with other content.")


class UnknownAccount(LedgerRefusal):
    message = _("The pool “%(pool)s” has no account “%(account)s” in %(currency)s.")


class Unbalanced(LedgerRefusal):
    message = _(
        "Debits and credits of the pool “%(pool)s” differ by %(amount)s. In each pool and currency "
        "they must be equal."
    )


class AlreadyReversed(LedgerRefusal):
    message = _("This entry has been reversed before; an entry is reversed once at most.")


class PeriodClosed(LedgerRefusal):
    message = _("There is no open month for an entry of %(date)s. Check the date.")


class NotEnoughAvailable(LedgerRefusal):
    message = _(
        "The pool “%(pool)s” has %(available)s available. This would take %(wanted)s of it. "
        "Wait for more money, or decide on less."
    )


class TooFewPostings(LedgerRefusal):
    message = _("An entry needs at least two postings, and at most 200.")


class ZeroPosting(LedgerRefusal):
    message = _("The posting on “%(account)s” of the pool “%(pool)s” is of zero. Leave it out.")


class NotTheOpposite(LedgerRefusal):
    message = _("A reversal must be the exact opposite of entry %(entry)s.")


class AppendOnly(LedgerRefusal):
    message = _("The books are append-only. Post a reversing entry instead.")


class MonthClosed(LedgerRefusal):
    message = _("This month is closed already.")


class MonthNotOver(LedgerRefusal):
    message = _("This month is not over. It can be closed once the next one has begun.")


class EarlierMonthOpen(LedgerRefusal):
    message = _("Months are closed in order: close %(month)s first.")


class YearNotClosed(LedgerRefusal):
    message = _("%(month)s ends a year: close it together with the year.")


class NotWhole(LedgerRefusal):
    message = _(
        "Entry %(entry)s was changed past the ledger. Nothing is sealed until that is mended."
    )


class UnknownFigure(LedgerRefusal):
    message = _("There is no figure “%(figure)s” with the amount %(amount)s.")


class SameLineTwice(LedgerRefusal):
    message = _("An entry has one posting an account at most, and feeds each figure once.")


_BY_SQLSTATE: dict[str, type[LedgerRefusal]] = {
    "LG001": IdempotencyConflict,
    "LG002": UnknownAccount,
    "LG003": Unbalanced,
    "LG004": YearNotClosed,
    "LG005": PeriodClosed,
    "LG006": NotEnoughAvailable,
    "LG007": TooFewPostings,
    "LG008": ZeroPosting,
    "LG009": NotTheOpposite,
    "LG010": AppendOnly,
    "LG011": MonthClosed,
    "LG012": MonthNotOver,
    "LG013": EarlierMonthOpen,
    "LG014": NotWhole,
    "LG015": UnknownFigure,
}
# What meets a unique index: two reversals that come at once cannot both pass.
_BY_INDEX: dict[str, type[LedgerRefusal]] = {
    "ledger_entry_reverses_id_key": AlreadyReversed,
    "ledger_posting_pkey": SameLineTwice,
    "ledger_figure_pkey": SameLineTwice,
}


def refusal_of(error: DatabaseError) -> LedgerRefusal | None:
    """The named refusal behind a database error, if it is one of the ledger's."""
    cause: Any = error.__cause__
    code = getattr(cause, "pgcode", "") or ""
    if code == "23505" and cause.diag.constraint_name in _BY_INDEX:
        return _BY_INDEX[cause.diag.constraint_name]()
    refusal = _BY_SQLSTATE.get(code)
    if refusal is None:
        return None
    detail = cause.diag.message_detail
    return refusal(**_words(json.loads(detail))) if detail else refusal()


def month_in_words(month: datetime.date) -> str:
    """“March 2026”, in the language in force."""
    return formats.date_format(month, "YEAR_MONTH_FORMAT")


def _words(detail: dict[str, Any]) -> dict[str, Any]:
    """What the database tells, with amounts of money as money and days as a reader writes them."""
    currency = detail.get("currency")
    words = dict(detail)
    for name in ("available", "wanted", "amount"):
        if currency and name in words:
            amount = int(words[name])
            # By how much two sides differ has no sign; what is available may be below zero.
            words[name] = Money(abs(amount) if name == "amount" else amount, currency).format()
    if "date" in words:
        words["date"] = formats.date_format(datetime.date.fromisoformat(words["date"]))
    if "month" in words:
        words["month"] = month_in_words(datetime.date.fromisoformat(words["month"]))
    return words
