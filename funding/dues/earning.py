"""Dues are earned as the days of a term pass: month by month, and never more than is paid.

All is read from the books. The entries of a term carry its source ("term:7"), and the figure
*paid_ahead* that they feed is what of its dues is paid and not earned yet. The difference of a
higher tier has a source of its own ("tier-change:3") and is earned over the days it was paid for.
"""

import calendar
import datetime
from collections import defaultdict
from collections.abc import Iterable, Mapping
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
from membership.models import Term, TierChange

SOURCE = "term:"
CHANGE_SOURCE = "tier-change:"
# So many terms are earned in one transaction.
BATCH = 200


@dataclass(slots=True)
class Standing:
    """What the books hold of a term or a change in one currency, in minor units."""

    ahead: int = 0  # paid, and not earned yet
    earned: int = 0

    @property
    def kept(self) -> int:
        """What was paid and did not go back."""
        return self.ahead + self.earned


def source_of(term_id: int) -> str:
    return f"{SOURCE}{term_id}"


def source_of_change(change_id: int) -> str:
    return f"{CHANGE_SOURCE}{change_id}"


def source_of_payment(payment: Payment) -> str:
    """The source of what a payment of dues pays: its term's, or the change's."""
    of_change = payment.purpose == billing.CHANGE
    return (source_of_change if of_change else source_of)(payment.purpose_id)


def standings(
    term_ids: Iterable[int], *, until: datetime.date | None = None
) -> dict[int, dict[str, Standing]]:
    """What the books hold of each term, by currency; of entries until a day, where one is given."""
    found: dict[int, dict[str, Standing]] = defaultdict(lambda: defaultdict(Standing))
    for source, of_term in standings_of({source_of(pk) for pk in term_ids}, until).items():
        found[int(source.removeprefix(SOURCE))] = of_term
    return found


def standings_of(
    sources: set[str], until: datetime.date | None = None
) -> dict[str, dict[str, Standing]]:
    """The same by the source of the entries, a term's or a change's."""
    entries = _entries_of(sources, until)
    found: dict[str, dict[str, Standing]] = defaultdict(lambda: defaultdict(Standing))
    sums = Figure.objects.filter(entry__in=list(entries), name=Figure.Name.PAID_AHEAD)
    for entry, currency, amount in sums.values_list("entry_id", "currency", "amount"):
        found[entries[entry]][currency].ahead += amount
    income = Posting.objects.filter(entry__in=list(entries), account__code="membership-dues")
    for entry, currency, amount in income.values_list("entry_id", "currency", "amount"):
        found[entries[entry]][currency].earned -= amount
    return found


def _entries_of(sources: set[str], until: datetime.date | None) -> dict[int, str]:
    """The entries of these sources, and what reversed them, each with its source."""
    day = Q(effective_date__lte=until) if until else Q()
    own = Entry.objects.filter(day, source__in=sources)
    found = dict(own.values_list("pk", "source"))
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
    source = source_of_payment(payment)
    currency = payment.settled_currency or payment.currency
    standing = standings_of({source})[source].get(currency, Standing())
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


def earned_by(term: Term, kept: int, day: datetime.date, lowered: "Lowered | None" = None) -> int:
    """How much of ``kept`` is earned by ``day``, the last of a month.

    A term that was cancelled is over with its last day: what is kept of it is earned by then.
    ``lowered``: a change to a lower tier, from whose day on each day earns less. What it owes back
    is never earned.
    """
    months = months_of(term.starts_on, term.last_day)
    if lowered is None:
        return _earned(kept, months, [days for _last, days in months], day)
    return _earned(min(kept, term.fee), months, _weights(term, months, lowered), day)


def _earned(
    kept: int, months: list[tuple[datetime.date, int]], weights: list[int], day: datetime.date
) -> int:
    shares = split_by(kept, weights) or [0] * len(months)
    return sum(share for share, (last, _days) in zip(shares, months, strict=True) if last <= day)


@dataclass(frozen=True, slots=True)
class Lowered:
    """What a lower tier takes off a term: ``amount`` over the days from ``effective_on`` on."""

    effective_on: datetime.date
    amount: int


def _weights(term: Term, months: list[tuple[datetime.date, int]], lowered: Lowered) -> list[int]:
    """What each month earns of the fee: the fee before by days, less what is taken off by days."""
    before = split_by(term.fee + lowered.amount, [days for _last, days in months])
    after = months_of(lowered.effective_on, term.last_day)
    off = dict(
        zip(
            (last for last, _days in after),
            split_by(lowered.amount, [days for _last, days in after]),
            strict=False,
        )
    )
    return [
        max(0, share - off.get(last, 0))
        for share, (last, _days) in zip(before, months, strict=True)
    ]


# --- The monthly run ------------------------------------------------------------------------------


def earn_last_month() -> int:
    """Earn the month before today's; how many entries that made. For a daily or monthly job."""
    return earn_month(timezone.localdate().replace(day=1) - datetime.timedelta(days=1))


def earn_month(day: datetime.date) -> int:
    """Post what the month of ``day``, which is over, earned of every term; how many entries.

    An entry a term (or change of its tier) and month, keyed by both, so that a second run posts
    nothing. It brings the term up to where it should stand, so that it makes up for a payment that
    came late and for a month without this run. Where the month is closed, the ledger books it in
    the next open one.
    """
    last = last_day_of_month(day)
    made = 0
    for prefix, earn in ((SOURCE, _earn_terms), (CHANGE_SOURCE, _earn_changes)):
        waiting = paid_ahead(prefix)
        for start in range(0, len(waiting), BATCH):
            made += earn(waiting[start : start + BATCH], last)
    return made


def paid_ahead(prefix: str = SOURCE) -> list[int]:
    """The terms, or changes of tier, of which anything is paid ahead; ``prefix`` is their source's."""
    sums = (
        Figure.objects.filter(
            pool=billing.pool(), name=Figure.Name.PAID_AHEAD, entry__source__startswith=prefix
        )
        .values("entry__source")
        .annotate(sum=Sum("amount"))
        .filter(sum__gt=0)
        .order_by()
        .values_list("entry__source", flat=True)
    )
    return sorted(int(source.removeprefix(prefix)) for source in sums)


def _earn_terms(term_ids: list[int], last: datetime.date) -> int:
    with use_case():
        _lock_payments(billing.PURPOSE, term_ids)
        return _post(spans_of_terms(term_ids), last)


def _earn_changes(change_ids: list[int], last: datetime.date) -> int:
    with use_case():
        _lock_payments(billing.CHANGE, change_ids)
        return _post(spans_of_changes(change_ids), last)


def _lock_payments(purpose: str, ids: list[int]) -> None:
    """A refund reads what is unearned under the lock of its payment: one after the other."""
    payments = Payment.objects.filter(purpose=purpose, purpose_id__in=ids)
    list(payments.select_for_update(of=("self",)).order_by("pk").values_list("pk"))


def counts(term: Term) -> bool:
    """Whether its dues are earned: it was paid in full while it could still count.

    What came in part, or too late to make anybody a member, waits for people to decide.
    """
    return term.settled_on is not None and term.settled_on <= term.last_day


@dataclass(frozen=True, slots=True)
class Span:
    """Days over which dues are earned: a term's, or from ``first`` on those of a change within."""

    key: str
    term: Term
    first: datetime.date | None = None
    lowered: Lowered | None = None

    def months(self) -> list[tuple[datetime.date, int]]:
        first = self.first or self.term.starts_on
        return months_of(first, max(first, self.term.last_day))

    def earned_by(self, kept: int, currency: str, day: datetime.date) -> int:
        """How much of ``kept`` is earned by ``day``, the last of a month."""
        if self.first is None:
            # What the books have in another currency cannot be set against the fee.
            lowered = self.lowered if currency == self.term.currency else None
            return earned_by(self.term, kept, day, lowered)
        months = self.months()
        return _earned(kept, months, [days for _last, days in months], day)


def spans_of_terms(term_ids: Iterable[int]) -> dict[str, Span]:
    """The days of each term whose dues are earned, by the source of its entries."""
    term_ids = list(term_ids)
    lowered = {
        change.term_id: Lowered(change.effective_on, -change.difference)
        for change in TierChange.objects.filter(
            term__in=term_ids, difference__lt=0, applied_on__isnull=False
        )
        if change.effective_on is not None
    }
    return {
        source_of(term.pk): Span(f"{term.pk}", term, lowered=lowered.get(term.pk))
        for term in Term.objects.filter(pk__in=term_ids).order_by("pk")
        if counts(term)
    }


def spans_of_changes(change_ids: Iterable[int]) -> dict[str, Span]:
    """The days of each change to a higher tier whose difference is earned, as `spans_of_terms`."""
    changes = TierChange.objects.filter(pk__in=list(change_ids)).select_related("term")
    return {
        source_of_change(change.pk): Span(
            f"change-{change.pk}", change.term, first=change.effective_on
        )
        for change in changes.order_by("pk")
        if change.settled_on is not None and change.settled_on <= change.term.last_day
    }


def _post(spans: Mapping[str, Span], last: datetime.date) -> int:
    now, then = standings_of(set(spans)), standings_of(set(spans), until=last)
    new = [
        entry
        for source, span in spans.items()
        for entry in _entries(source, span, last, now[source], then[source])
    ]
    stand = set(
        Entry.objects.filter(idempotency_key__in=[entry.key for entry in new]).values_list(
            "idempotency_key", flat=True
        )
    )
    return len(post_many([entry for entry in new if entry.key not in stand]))


def _entries(
    source: str,
    span: Span,
    last: datetime.date,
    now: Mapping[str, Standing],
    then: Mapping[str, Standing],
) -> list[NewEntry]:
    found = []
    for currency, standing in sorted(now.items()):
        # What came after the month is not earned in it, and what went back since is not earned.
        kept = min(standing.kept, then[currency].kept if currency in then else 0)
        amount = min(span.earned_by(kept, currency, last) - standing.earned, standing.ahead)
        if amount > 0:
            found.append(
                templates.dues_earned(
                    key=f"dues-earned:{span.key}:{last:%Y-%m}:{currency}",
                    pool=billing.POOL,
                    currency=currency,
                    amount=amount,
                    date=last,
                    source=source,
                    memo=f"Dues earned in {last:%Y-%m}",
                )
            )
    return found
