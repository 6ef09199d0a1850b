"""Dues are earned as the days of a term pass: month by month, and never more than is paid.

All is read from the books. The entries of a term carry its source ("term:7"), and the figure
*paid_ahead* that they feed is what of its dues is paid and not earned yet.
"""

import calendar
import datetime
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass

from django.db.models import Q, Sum
from django.utils import timezone

from core.money import split_by
from core.transactions import use_case
from funding.dues import billing
from funding.ledger import templates
from funding.ledger.entries import NewEntry
from funding.ledger.models import Entry, Figure, Posting
from funding.ledger.posting import post_many
from funding.payments.models import Invoice, Payment
from membership.models import Term

SOURCE = "term:"
# So many terms are earned in one transaction.
BATCH = 200


@dataclass(slots=True)
class Standing:
    """What the books hold of a term in one currency, in minor units."""

    ahead: int = 0  # paid, and not earned yet
    earned: int = 0

    @property
    def kept(self) -> int:
        """What was paid and did not go back."""
        return self.ahead + self.earned


def source_of(term_id: int) -> str:
    return f"{SOURCE}{term_id}"


def standings(
    term_ids: Iterable[int], *, until: datetime.date | None = None
) -> dict[int, dict[str, Standing]]:
    """What the books hold of each term, by currency; of entries until a day, where one is given."""
    entries = _entries_of(term_ids, until)
    found: dict[int, dict[str, Standing]] = defaultdict(lambda: defaultdict(Standing))
    sums = Figure.objects.filter(entry__in=list(entries), name=Figure.Name.PAID_AHEAD)
    for entry, currency, amount in sums.values_list("entry_id", "currency", "amount"):
        found[entries[entry]][currency].ahead += amount
    income = Posting.objects.filter(entry__in=list(entries), account__code="membership-dues")
    for entry, currency, amount in income.values_list("entry_id", "currency", "amount"):
        found[entries[entry]][currency].earned -= amount
    return found


def _entries_of(term_ids: Iterable[int], until: datetime.date | None) -> dict[int, int]:
    """The entries of these terms, and what reversed them, each with its term."""
    day = Q(effective_date__lte=until) if until else Q()
    sources = {source_of(pk): pk for pk in term_ids}
    own = Entry.objects.filter(day, source__in=list(sources))
    found = {pk: sources[source] for pk, source in own.values_list("pk", "source")}
    reversals = Entry.objects.filter(day, reverses__in=list(found))
    found.update({pk: found[of] for pk, of in reversals.values_list("pk", "reverses_id")})
    return found


def unearned(payment: Payment) -> int:
    """How much of a payment of dues is not earned yet, in the payment's currency.

    It is what its term is paid ahead, whichever of its payments brought it, and the payment at
    most. Read under the payment's lock, as `earn_month` writes; the invoice is locked besides, so
    that two refunds of one term do not both take the same.
    """
    if payment.invoice_id is not None:
        Invoice.objects.select_for_update(no_key=True).get(pk=payment.invoice_id)
    of_term = standings([payment.purpose_id]).get(payment.purpose_id, {})
    currency = payment.settled_currency or payment.currency
    standing = of_term.get(currency, Standing())
    if currency == payment.currency:
        return min(payment.amount, max(0, standing.ahead))
    # The books are in another currency: the same part of it.
    return payment.amount * max(0, standing.ahead) // standing.kept if standing.kept > 0 else 0


# --- How much by when -----------------------------------------------------------------------------


def months_of(starts_on: datetime.date, ends_on: datetime.date) -> list[tuple[datetime.date, int]]:
    """The months that a term touches, each by its last day, and the term's days in each."""
    found = []
    day = starts_on
    while day <= ends_on:
        last = last_day_of_month(day)
        found.append((last, (min(last, ends_on) - day).days + 1))
        day = last + datetime.timedelta(days=1)
    return found


def last_day_of_month(day: datetime.date) -> datetime.date:
    return day.replace(day=calendar.monthrange(day.year, day.month)[1])


def earned_by(term: Term, kept: int, day: datetime.date) -> int:
    """How much of ``kept`` is earned by ``day``, the last of a month.

    A term that was cancelled is over with its last day: what is kept of it is earned by then.
    """
    months = months_of(term.starts_on, term.last_day)
    shares = split_by(kept, [days for _last, days in months])
    return sum(share for share, (last, _days) in zip(shares, months, strict=True) if last <= day)


# --- The monthly run ------------------------------------------------------------------------------


def earn_last_month() -> int:
    """Earn the month before today's; how many entries that made. For a daily or monthly job."""
    return earn_month(timezone.localdate().replace(day=1) - datetime.timedelta(days=1))


def earn_month(day: datetime.date) -> int:
    """Post what the month of ``day``, which is over, earned of every term; how many entries.

    An entry a term and month, keyed by both, so that a second run posts nothing. It brings the term
    up to where it should stand, so that it makes up for a payment that came late and for a month
    without this run. Where the month is closed, the ledger books it in the next open one.
    """
    last = last_day_of_month(day)
    made = 0
    waiting = _paid_ahead()
    for start in range(0, len(waiting), BATCH):
        made += _earn(waiting[start : start + BATCH], last)
    return made


def _paid_ahead() -> list[int]:
    """The terms of which anything is paid ahead."""
    sums = (
        Figure.objects.filter(
            pool=billing.pool(), name=Figure.Name.PAID_AHEAD, entry__source__startswith=SOURCE
        )
        .values("entry__source")
        .annotate(sum=Sum("amount"))
        .filter(sum__gt=0)
        .order_by()
        .values_list("entry__source", flat=True)
    )
    return sorted(int(source.removeprefix(SOURCE)) for source in sums)


def _earn(term_ids: list[int], last: datetime.date) -> int:
    with use_case():
        # A refund reads what is unearned under the lock of its payment: one after the other.
        payments = Payment.objects.filter(purpose=billing.PURPOSE, purpose_id__in=term_ids)
        list(payments.select_for_update(of=("self",)).order_by("pk").values_list("pk"))
        now, then = standings(term_ids), standings(term_ids, until=last)
        new = [
            entry
            for term in Term.objects.filter(pk__in=term_ids).order_by("pk")
            if counts(term)
            for entry in _entries(term, last, now[term.pk], then[term.pk])
        ]
        stand = set(
            Entry.objects.filter(idempotency_key__in=[entry.key for entry in new]).values_list(
                "idempotency_key", flat=True
            )
        )
        return len(post_many([entry for entry in new if entry.key not in stand]))


def counts(term: Term) -> bool:
    """Whether its dues are earned: it was paid in full while it could still count.

    What came in part, or too late to make anybody a member, waits for people to decide.
    """
    return term.settled_on is not None and term.settled_on <= term.last_day


def _entries(
    term: Term, last: datetime.date, now: dict[str, Standing], then: dict[str, Standing]
) -> list[NewEntry]:
    found = []
    for currency, standing in sorted(now.items()):
        # What came after the month is not earned in it, and what went back since is not earned.
        kept = min(standing.kept, then[currency].kept if currency in then else 0)
        amount = min(earned_by(term, kept, last) - standing.earned, standing.ahead)
        if amount > 0:
            found.append(
                templates.dues_earned(
                    key=f"dues-earned:{term.pk}:{last:%Y-%m}:{currency}",
                    pool=billing.POOL,
                    currency=currency,
                    amount=amount,
                    date=last,
                    source=source_of(term.pk),
                    memo=f"Dues earned in {last:%Y-%m}",
                )
            )
    return found
