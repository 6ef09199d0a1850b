"""What must be so of members, terms, dues and their entries, found again by a second road.

The rows are read plainly and counted naively: nothing here asks `funding.dues.earning`, an invoice
what is outstanding of it, or a term what its status is, but to compare. So a mistake there shows.
"""

import datetime
import functools
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from fractions import Fraction
from typing import Any

from django.db.models import F
from django.utils import timezone
from wagtail.models import ModelLogEntry

from funding.ledger.models import Posting
from funding.payments.models import CreditNote, Dispute, Invoice, Payment, Refund, Status
from membership.models import Term, TierChange
from membership.models.terms import GRACE

DAY = datetime.timedelta(days=1)
EARNED = "dues-earned:"
# A term, or a change to a higher tier, that something was billed for: as its entries name it.
Key = tuple[str, int]
TERM, CHANGE = "term", "tier-change"
KINDS = {"dues": TERM, "dues-change": CHANGE}  # by the purpose of its papers
# Statuses of a term, as `membership.models.Term.Status` names them.
COUNTING = ("current", "grace")


@dataclass(slots=True)
class Month:
    """A month's last day, terms by status on it, members, and what its dues earned by both roads."""

    last: datetime.date
    statuses: Counter[str] = field(default_factory=Counter)
    members: int = 0
    earned_by_days: int = 0  # minor units, all currencies together: a sum to compare, not to show
    earned_in_ledger: int = 0


@dataclass(slots=True)
class Verified:
    """What was looked at, and what was found to be wrong."""

    organisations: int = 0
    terms: int = 0
    renewals: int = 0
    invoices: Counter[str] = field(default_factory=Counter)  # paid, open, void
    left_to_bounds: int = 0  # terms of which money went back, is to go back, or came in parts
    months: list[Month] = field(default_factory=list)
    problems: list[str] = field(default_factory=list)


def verify() -> Verified:
    """Look at everything. Call it in one transaction that sees one state of the database."""
    found = Verified()
    terms = list(Term.objects.order_by("organisation", "starts_on", "pk"))
    found.terms = len(terms)
    found.organisations = len({term.organisation_id for term in terms})
    found.renewals = sum(term.renews_id is not None for term in terms)
    charges = _charges(terms)
    papers = _Papers.read()
    earned = _earned_in_ledger()
    found.months = [Month(last) for last in _month_ends(terms, earned)]
    for part in (
        _overlaps(terms),
        _moves(terms),
        _invoices(charges, papers, found),
        _statuses(terms, found.months),
        _revenue(charges, papers, earned, found),
    ):
        found.problems += part
    return found


# --- Terms ----------------------------------------------------------------------------------------


def _last_day(term: Term) -> datetime.date:
    """The last day that a term holds, the day before its first where it was cancelled by then."""
    if term.cancelled_on is None:
        return term.ends_on
    return min(term.ends_on, term.cancelled_on - DAY)


def _overlaps(terms: Sequence[Term]) -> Iterator[str]:
    """No two terms of an organisation share a day."""
    held: dict[int, tuple[int, datetime.date]] = {}
    for term in terms:
        last = _last_day(term)
        if last < term.starts_on:
            continue
        before = held.get(term.organisation_id)
        if before is not None and before[1] >= term.starts_on:
            yield f"Terms {before[0]} and {term.pk} of one organisation share days."
        held[term.organisation_id] = (term.pk, last)


def _moves(terms: Sequence[Term]) -> Iterator[str]:
    """A renewal moves an end date once: each term is renewed once, from the day after its last to at
    most a year later, and is settled once for as often as it was unsettled."""
    by_number = {term.pk: term for term in terms}
    renewed = Counter(term.renews_id for term in terms if term.renews_id is not None)
    yield from (
        f"Term {pk} was renewed {times} times." for pk, times in renewed.items() if times > 1
    )
    for term in terms:
        before = by_number.get(term.renews_id or 0)
        if before is None:
            continue
        if term.starts_on != before.ends_on + DAY:
            yield f"Term {term.pk} renews {before.pk} and does not begin the day after it."
        if (term.ends_on - term.starts_on).days > 365:
            yield f"Term {term.pk} renews {before.pk} by more than a year."
    done = _log("membership.settle_term", "membership.settle_elsewhere")
    undone = _log("membership.unsettle_term")
    for term in terms:
        settled = len(done[term.pk]) - len(undone[term.pk])
        if settled != (term.settled_on is not None):
            yield f"Term {term.pk} was settled {settled} times by its log."


def _log(*actions: str) -> defaultdict[int, list[datetime.datetime]]:
    """When the log says that something was done to each term."""
    found: defaultdict[int, list[datetime.datetime]] = defaultdict(list)
    rows = ModelLogEntry.objects.filter(action__in=actions).order_by("timestamp")
    for number, moment in rows.values_list("object_id", "timestamp"):
        found[int(number)].append(moment)
    return found


def _naive_status(term: Term, on: datetime.date) -> str:
    paid = min((day for day in (term.settled_on, term.waived_on) if day), default=None)
    if term.cancelled_on and term.cancelled_on <= on:
        return "cancelled"
    if paid is None or paid > on:
        return "lapsed" if term.ends_on < on else "awaiting_payment"
    if term.starts_on > on:
        return "upcoming"
    if term.ends_on >= on:
        return "current"
    return "grace" if (on - term.ends_on).days <= GRACE.days else "lapsed"


def _statuses(terms: Sequence[Term], months: Iterable[Month]) -> Iterator[str]:
    """Members by status on the last day of each month, by dates here, by `Term.status` and by the
    query of the directory."""
    for month in months:
        day = month.last
        members = set()
        for term in terms:
            if term.starts_on - datetime.timedelta(days=366) > day:
                continue
            status = _naive_status(term, day)
            month.statuses[status] += 1
            if status in COUNTING:
                members.add(term.organisation_id)
            if term.status(day) != status:
                yield f"Term {term.pk} is {status} on {day}, and says {term.status(day)}."
        month.members = len(members)
        standing = set(Term.objects.standing(day).values_list("organisation_id", flat=True))
        if standing != members:
            yield f"On {day} there are {len(members)} members, and the directory has {len(standing)}."


# --- What is billed -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Charge:
    """What is billed and earned as one: the fee of a term, or the difference of a higher tier."""

    key: Key
    term: Term
    first: datetime.date  # the first day that it is for
    settled_on: datetime.date | None
    # A lower tier takes off what is not given back yet: the days alone do not say what it earns.
    lowered: bool = False

    def __str__(self) -> str:
        return f"{self.key[0].replace('-', ' ')} {self.key[1]}"


def _charges(terms: Sequence[Term]) -> list[_Charge]:
    """Every term, and every change of tier that a difference was asked for."""
    by_number = {term.pk: term for term in terms}
    changes = list(TierChange.objects.exclude(difference=0).order_by("pk"))
    lowered = {change.term_id for change in changes if change.difference < 0 and change.applied_on}
    return [
        _Charge((TERM, term.pk), term, term.starts_on, term.settled_on, term.pk in lowered)
        for term in terms
    ] + [
        _Charge((CHANGE, row.pk), by_number[row.term_id], row.effective_on, row.settled_on)
        for row in changes
        if row.difference > 0 and row.effective_on is not None
    ]


# --- Papers ---------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Papers:
    """Invoices of dues by what they are for, what paid them, and what the ledger has of each."""

    invoices: dict[Key, list[dict[str, Any]]]
    notes: dict[int, str]  # the number of the credit note, by invoice
    payments: dict[int, list[dict[str, Any]]]  # that succeeded, by invoice
    went_back: set[int]  # payments of which anything was refunded or disputed
    receivable: dict[str, int]  # what each entry moved on dues receivable, by its key
    owed: dict[Key | None, int]  # dues receivable of each term and change; None: of neither

    @classmethod
    def read(cls) -> "_Papers":
        invoices: dict[Key, list[dict[str, Any]]] = defaultdict(list)
        dues = Invoice.objects.filter(purpose__in=KINDS).order_by("pk")
        for paper in dues.values("pk", "number", "total", "currency", "purpose", "purpose_id"):
            invoices[KINDS[paper["purpose"]], paper["purpose_id"]].append(dict(paper))
        payments: dict[int, list[dict[str, Any]]] = defaultdict(list)
        came = Payment.objects.filter(purpose__in=KINDS, status=Status.SUCCEEDED).order_by("pk")
        for row in came.values(
            "pk", "invoice_id", "amount", "currency", "settled_currency", "entry_id",
            day=F("entry__effective_date"),
        ):  # fmt: skip
            payments[row["invoice_id"]].append(dict(row))
        notes = CreditNote.objects.filter(invoice__purpose__in=KINDS)
        back = [
            model._default_manager.filter(payment__purpose__in=KINDS) for model in (Refund, Dispute)
        ]
        receivable, owed = _receivable(
            {row["number"]: key for key, rows in invoices.items() for row in rows}
        )
        return cls(
            invoices=invoices,
            notes=dict(notes.values_list("invoice_id", "number")),
            payments=payments,
            went_back={pk for rows in back for pk in rows.values_list("payment_id", flat=True)},
            receivable=receivable,
            owed=owed,
        )

    def came(self, key: Key) -> list[dict[str, Any]]:
        """All that came for a term or a change, whichever of its invoices it paid."""
        rows = self.invoices.get(key, [])
        return [payment for row in rows for payment in self.payments.get(row["pk"], [])]

    def paying(self, key: Key) -> dict[str, Any] | None:
        """The one payment that paid the one standing invoice of a term or a change, whole and for
        good; None where it was not so plain."""
        standing = [row for row in self.invoices.get(key, []) if row["pk"] not in self.notes]
        if len(standing) != 1:
            return None
        came = self.payments.get(standing[0]["pk"], [])
        if len(came) != 1 or len(self.came(key)) != 1 or came[0]["pk"] in self.went_back:
            return None
        same = came[0]["settled_currency"] in ("", None, came[0]["currency"])
        whole = came[0]["amount"] == standing[0]["total"] and came[0]["entry_id"] is not None
        return came[0] if same and whole else None


def _receivable(billed: dict[str, Key]) -> tuple[dict[str, int], dict[Key | None, int]]:
    """What each entry moved on dues receivable, and what it came to for each term and change.

    ``billed``: what each invoice is for, by its number.
    """
    by_key: dict[str, int] = defaultdict(int)
    owed: dict[Key | None, int] = defaultdict(int)
    rows = Posting.objects.filter(account__code="dues-receivable").values_list(
        "entry__idempotency_key", "entry__source", "entry__reverses__source", "amount"
    )
    for key, source, reversed_source, amount in rows:
        by_key[key] += amount
        of = source or reversed_source or ""
        owed[_key(of) or billed.get(of.removeprefix("invoice:"))] += amount
    return by_key, owed


def _key(source: str) -> Key | None:
    """What an entry is of, by its source: "term:7", "tier-change:3"; None where it is neither's."""
    kind, _colon, name = source.partition(":")
    return (kind, int(name)) if kind in (TERM, CHANGE) else None


def _invoices(charges: Sequence[_Charge], papers: _Papers, found: Verified) -> Iterator[str]:
    """Every invoice is paid, open or void, with its entries, and the books are owed just that."""
    for charge in charges:
        yield from _invoices_of(charge, papers, found)
    known = {charge.key for charge in charges}
    if stray := sum(owed for key, owed in papers.owed.items() if key not in known):
        yield f"The books are owed {stray} by no term."


def _invoices_of(charge: _Charge, papers: _Papers, found: Verified) -> Iterator[str]:
    rows = papers.invoices.get(charge.key, [])
    standing = [row for row in rows if row["pk"] not in papers.notes]
    if len(standing) > 1:
        yield f"{charge} has {len(standing)} invoices that stand.".capitalize()
    for row in rows:
        yield from _entries_of(row, papers)
    came = sum(p["amount"] for row in standing for p in papers.payments.get(row["pk"], []))
    asked = sum(row["total"] for row in standing)
    paid = bool(standing) and came >= asked
    found.invoices["void"] += len(rows) - len(standing)
    found.invoices["paid" if paid else "open"] += len(standing)
    owed = papers.owed.get(charge.key, 0)
    plain = not any(
        p["pk"] in papers.went_back or p["entry_id"] is None for p in papers.came(charge.key)
    )
    wanted = max(0, asked - came)
    if (plain and owed != wanted) or not 0 <= owed <= asked:
        yield f"Of {charge} {wanted} is open, and the books are owed {owed}."
    if charge.settled_on is not None and wanted and plain:
        yield f"{charge} counts as settled, and {wanted} of its invoice is open.".capitalize()


def _entries_of(row: dict[str, Any], papers: _Papers) -> Iterator[str]:
    issued = papers.receivable.get(f"dues-invoice:{row['number']}")
    came = papers.payments.get(row["pk"], [])
    # What is kept of a part is invoiced anew without an entry: the first invoice's stands for it.
    for_a_part = bool(came) and sum(p["amount"] for p in came) == row["total"]
    if issued != row["total"] and not (issued is None and for_a_part):
        yield f"Invoice {row['number']} over {row['total']} has an entry over {issued}."
    note = papers.notes.get(row["pk"])
    if note is not None and not came:
        credited = papers.receivable.get(f"dues-credited:{note}", 0)
        if not -row["total"] <= credited <= 0:
            yield f"Credit note {note} of invoice {row['number']} has an entry over {credited}."


# --- Revenue --------------------------------------------------------------------------------------


@dataclass(slots=True)
class _Run:
    """What one month's earning wrote: by term and change, and the first of its entries."""

    first_entry: int
    earned: dict[Key | None, int] = field(default_factory=lambda: defaultdict(int))


def _earned_in_ledger() -> dict[datetime.date, _Run]:
    """What the monthly earning posted to membership dues, by the last day of the month."""
    rows = Posting.objects.filter(
        account__code="membership-dues", entry__idempotency_key__startswith=EARNED
    )
    runs: dict[datetime.date, _Run] = {}
    for pk, day, source, amount in rows.order_by("entry_id").values_list(
        "entry_id", "entry__effective_date", "entry__source", "amount"
    ):
        run = runs.setdefault(_month_end(day), _Run(pk))
        run.earned[_key(source)] -= amount
    return runs


def _revenue(
    charges: Sequence[_Charge],
    papers: _Papers,
    runs: dict[datetime.date, _Run],
    found: Verified,
) -> Iterator[str]:
    """What each month earned in the ledger is what the days of what was paid say."""
    cancelled = _log("membership.cancel_term")
    before: dict[Key, int] = defaultdict(int)
    plain = {
        charge.key: paying
        for charge in charges
        if not charge.lowered and (paying := papers.paying(charge.key)) is not None
    }
    found.left_to_bounds = len(
        {
            charge.term.pk
            for charge in charges
            # Of what was paid before this portal came nothing is earned here.
            if charge.settled_on and charge.key not in plain and not charge.term.settled_elsewhere
        }
    )
    months = {month.last: month for month in found.months}
    for last, run in sorted(runs.items()):
        for charge in charges:
            key = charge.key
            booked = before[key] + run.earned.get(key, 0)
            if key in plain:
                wanted = _earned_by(charge, plain[key], last, run, cancelled[charge.term.pk])
                if booked not in wanted:
                    yield (
                        f"By {last} {charge} has earned {booked} in the ledger, "
                        f"and {sorted(wanted)} by its days."
                    )
                months[last].earned_by_days += max(wanted & {booked} or wanted) - before[key]
            else:
                # Money that came in parts, went back or is to go back: never more than is ours.
                months[last].earned_by_days += run.earned.get(key, 0)
                if booked > _at_most(charge, papers):
                    yield f"By {last} {charge} has earned {booked}, and less than that came."
            before[key] = booked
        months[last].earned_in_ledger = sum(run.earned.values())


def _at_most(charge: _Charge, papers: _Papers) -> int:
    """What came; of a term with a lower tier no more than its fee, which the rest is taken off."""
    payments = papers.came(charge.key)
    came: int = sum(payment["amount"] for payment in payments)
    own = {charge.term.currency, "", None}
    same = all(payment["settled_currency"] in own for payment in payments)
    return min(came, charge.term.fee) if charge.lowered and same else came


def _earned_by(
    charge: _Charge,
    payment: dict[str, Any],
    last: datetime.date,
    run: _Run,
    cancelled_at: list[datetime.datetime],
) -> set[int]:
    """What may have been earned by the end of a month, as the run of that month could know.

    Two answers where the term was cancelled on the very day of the run, or where the payment of
    that month was booked after the run: a second run takes it in, else the next month's does.
    """
    term, settled_on = charge.term, charge.settled_on
    if payment["day"] > last or settled_on is None:
        return {0}
    ways = {term.ends_on}
    if term.cancelled_on is not None:
        said = timezone.localdate(cancelled_at[-1]) if cancelled_at else term.cancelled_on
        if said <= last:
            ways = {_last_day(term)}
        elif said == last + DAY:
            ways.add(_last_day(term))
    answers = {
        _share(payment["amount"], charge.first, ends, last) if settled_on <= ends else 0
        for ends in ways
    }
    return answers | {0} if payment["entry_id"] >= run.first_entry else answers


def _share(amount: int, first: datetime.date, ends: datetime.date, last: datetime.date) -> int:
    """What the months up to ``last`` have of an amount."""
    return sum(units for month, units in _parts(amount, first, ends) if month <= last)


@functools.lru_cache(maxsize=100_000)
def _parts(
    amount: int, first: datetime.date, ends: datetime.date
) -> tuple[tuple[datetime.date, int], ...]:
    """Each month's part of an amount by its days, in whole units.

    A month has what its days come to, rounded down; what is left goes unit by unit to the months
    with the largest fractions, the earlier among equals.
    """
    days: dict[datetime.date, int] = {}
    day = first
    while day <= ends:
        days[_month_end(day)] = days.get(_month_end(day), 0) + 1
        day += DAY
    whole = sum(days.values())
    parts = {month: Fraction(amount * count, whole) for month, count in days.items()}
    units = {month: int(part) for month, part in parts.items()}
    left = amount - sum(units.values())
    for month in sorted(parts, key=lambda month: (units[month] - parts[month], month))[:left]:
        units[month] += 1
    return tuple(units.items())


def _month_end(day: datetime.date) -> datetime.date:
    return (day.replace(day=28) + datetime.timedelta(days=4)).replace(day=1) - DAY


def _month_ends(terms: Sequence[Term], runs: dict[datetime.date, _Run]) -> Iterator[datetime.date]:
    """From the month of the first term to the last that was earned."""
    firsts = [_month_end(term.starts_on) for term in terms] + list(runs)
    if not firsts:
        return
    day, last = min(firsts), max(runs, default=min(firsts))
    while day <= last:
        yield day
        day = _month_end(day + DAY)
