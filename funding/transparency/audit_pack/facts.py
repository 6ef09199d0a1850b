"""What the whole pack is about, and what was found while it was made, in words."""

import datetime
from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from django.utils import formats
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from funding.ledger.models import Checkpoint
from funding.ledger.refusals import month_in_words
from funding.transparency.audit_pack import books
from funding.transparency.audit_pack.books import AccountLine, Extent
from funding.transparency.audit_pack.series import EntryNumbers, Series
from funding.transparency.audit_pack.snapshot import Months

# Journal and general ledger are set in the PDF up to this many postings, late entries up to so many
# rows. At the limit Typst takes 3 seconds of a free core, 6 of a busy one, and 350 MB, which is the
# tighter bound: within 20 seconds it sets some 6,000, in a gigabyte.
POSTINGS_LIMIT = 2_000
LATE_LIMIT = 500


@dataclass(frozen=True, slots=True)
class Facts:
    """What the whole pack is about, read in its one state of the books."""

    months: Months
    late_days: int
    made_at: datetime.datetime
    made_by: str
    language: str
    checkpoint: Checkpoint | None
    extent: Extent
    accounts: Sequence[AccountLine]
    series: Sequence[Series]
    entry_numbers: EntryNumbers

    @property
    def fits_on_paper(self) -> bool:
        return self.extent.postings <= POSTINGS_LIMIT


def period_in_words(months: Months) -> str:
    """“March 2026” or “January 2026 to March 2026”."""
    if months.first == months.last:
        return month_in_words(months.first)
    return _("%(from_month)s to %(to_month)s") % {
        "from_month": month_in_words(months.first),
        "to_month": month_in_words(months.last),
    }


def count(number: int) -> str:
    """A number for people, with the thousands signs of their language."""
    return formats.number_format(number, force_grouping=True)


def state_in_words(extent: Extent) -> str:
    """Whether the months are closed; those that are not."""
    if not extent.open_months:
        return _("Closed: these books do not change any more.")
    months = ", ".join(month_in_words(month) for month in extent.open_months)
    return _("Not closed, so still growing: %(months)s") % {"months": months}


def findings(facts: Facts) -> Iterator[str]:
    """What was checked while the pack was made, and what came out of it, a sentence each."""
    unbalanced = books.unbalanced(facts.accounts)
    if unbalanced:
        pools = ", ".join(f"{group.pool} {group.currency}" for group in unbalanced)
        yield _("Wrong: debits and credits differ in %(pools)s.") % {"pools": pools}
    else:
        yield _("Debits and credits are equal in every pool and currency.")
    unequal = books.unequal(facts.accounts)
    if unequal:
        accounts = ", ".join(f"{line.pool}:{line.code}:{line.currency}" for line in unequal)
        yield _(
            "Wrong: the balances that the ledger keeps differ from the postings of %(accounts)s."
        ) % {"accounts": accounts}
    else:
        yield _("The balances that the ledger keeps are those that the postings lead to.")
    missing = sum(series.missing for series in facts.series)
    if missing:
        yield ngettext(
            "Wrong: %(count)s number is missing from a series.",
            "Wrong: %(count)s numbers are missing from the series.",
            missing,
        ) % {"count": count(missing)}
    else:
        yield _("No number is missing from any series.")
    if facts.extent.unsealed:
        yield ngettext(
            "%(count)s entry of the period waits for its place in the log.",
            "%(count)s entries of the period wait for their place in the log.",
            facts.extent.unsealed,
        ) % {"count": count(facts.extent.unsealed)}
