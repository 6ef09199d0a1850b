"""How membership moves: joins, renewals and ends by month, told anew from terms at each reading.

All rests on stays. A term makes its organisation a member from the day on which it had begun and was
paid or waived, to the end of its grace or its cancellation. Such spans that touch are one stay: its
first day is a join, the day after its last one is an end. So the members of any day are those of an
earlier one, plus joins, minus ends.
"""

import datetime
import itertools
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

from django.db.models import Count, Q

from membership.models import Organisation, Term
from membership.models.terms import GRACE
from membership.queries import first_day

DAY = datetime.timedelta(days=1)
MONTHS = 24


@dataclass(frozen=True, slots=True)
class Only:
    """Which organisations a report is about; "" is all of them."""

    constituency: str = ""
    country: str = ""

    def of_terms(self) -> Q:
        named = {"constituency": self.constituency, "country": self.country}
        return Q(**{f"organisation__{name}": value for name, value in named.items() if value})


ALL = Only()


@dataclass(frozen=True, slots=True)
class Span:
    """The days on which one term made its organisation a member, both included."""

    term: Term
    first: datetime.date
    last: datetime.date

    @property
    def ran_to_its_end(self) -> bool:
        return self.term.last_day == self.term.ends_on


@dataclass(slots=True)
class Stay:
    """Days without a gap on which an organisation was a member, by one term or several."""

    organisation: Organisation
    spans: list[Span]

    @property
    def first(self) -> datetime.date:
        return self.spans[0].first

    @property
    def last(self) -> datetime.date:
        return max(span.last for span in self.spans)

    @property
    def end(self) -> datetime.date:
        """The first day on which it is no member any more."""
        return self.last + DAY

    @property
    def ends_by_cancellation(self) -> bool:
        cancelled_on = max(self.spans, key=lambda span: span.last).term.cancelled_on
        return cancelled_on is not None and cancelled_on <= self.end

    @property
    def renewals(self) -> list[Span]:
        """The terms that took over from one that had run to its end."""
        return [span for before, span in itertools.pairwise(self.spans) if before.ran_to_its_end]


def stays(only: Only = ALL) -> list[Stay]:
    """Every stay there is, also those to come, by organisation and day; one query."""
    paid = Term.objects.filter(
        Q(settled_on__isnull=False) | Q(waived_on__isnull=False), only.of_terms()
    ).select_related("organisation")
    spans: dict[int, list[Span]] = defaultdict(list)
    for term in paid.order_by("organisation", "starts_on", "pk"):
        first = first_day(term)
        if first is not None:
            last = term.grace_until
            if term.cancelled_on is not None:
                last = min(last, term.cancelled_on - DAY)
            spans[term.organisation_id].append(Span(term, first, last))
    return [stay for each in spans.values() for stay in _joined(each)]


def _joined(spans: list[Span]) -> list[Stay]:
    found: list[Stay] = []
    for span in sorted(spans, key=lambda each: (each.first, each.last)):
        if found and span.first <= found[-1].end:
            found[-1].spans.append(span)
        else:
            found.append(Stay(span.term.organisation, [span]))
    return found


# --- By month -------------------------------------------------------------------------------------


@dataclass(slots=True)
class Movement:
    """What happened in one month, or in several, or to one group of members."""

    label: Any
    joined: int = 0
    renewed: int = 0
    lapsed: int = 0
    cancelled: int = 0
    members: int = 0  # at its end
    # Terms that ran to their end and whose grace is over, and those of them that were followed.
    ended: int = 0
    followed: int = 0

    @property
    def left(self) -> int:
        return self.lapsed + self.cancelled

    @property
    def rate(self) -> int | None:
        """The renewal rate in tenths of a percent; None where no term ended."""
        return (2_000 * self.followed + self.ended) // (2 * self.ended) if self.ended else None


def months_until(today: datetime.date, count: int = MONTHS) -> list[datetime.date]:
    """The first days of the last ``count`` months, the present one included, oldest first."""
    return [add_months(today.replace(day=1), -back) for back in range(count - 1, -1, -1)]


def add_months(first: datetime.date, months: int) -> datetime.date:
    """The first day of the month that lies ``months`` after that of ``first``."""
    year, month = divmod(first.year * 12 + first.month - 1 + months, 12)
    return datetime.date(year, month + 1, 1)


def movements(found: Sequence[Stay], today: datetime.date) -> list[Movement]:
    """The last months, oldest first. What is still to come counts nowhere."""
    months = months_until(today)
    by_month = {month: Movement(month) for month in months}
    _count(found, today, lambda day, _organisation: by_month.get(day.replace(day=1)))
    for month, movement in by_month.items():
        last = min(add_months(month, 1) - DAY, today)
        movement.members = sum(stay.first <= last <= stay.last for stay in found)
    return list(by_month.values())


def total(label: Any, parts: Iterable[Movement]) -> Movement:
    """Several months as one; its members are those of the last."""
    whole = Movement(label)
    for part in parts:
        for name in ("joined", "renewed", "lapsed", "cancelled", "ended", "followed"):
            setattr(whole, name, getattr(whole, name) + getattr(part, name))
        whole.members = part.members
    return whole


def groups(
    found: Sequence[Stay], today: datetime.date, of: Callable[[Organisation], str]
) -> list[Movement]:
    """The last twelve months of each group that ``of`` tells, the largest first."""
    since = months_until(today, 12)[0]
    by_group: dict[str, Movement] = {}

    def place(day: datetime.date, organisation: Organisation) -> Movement | None:
        key = of(organisation)
        movement = by_group.setdefault(key, Movement(key))
        return movement if day >= since else None

    _count(found, today, place)
    for stay in found:
        if stay.first <= today <= stay.last:
            by_group[of(stay.organisation)].members += 1
    shown = [each for each in by_group.values() if each.members or each.joined or each.left]
    return sorted(shown, key=lambda each: (-each.members, str(each.label)))


def _count(
    found: Sequence[Stay],
    today: datetime.date,
    place: Callable[[datetime.date, Organisation], Movement | None],
) -> None:
    """Add what happened until ``today`` to the movement that ``place`` gives for its day."""

    def add(name: str, day: datetime.date, organisation: Organisation) -> None:
        movement = place(day, organisation) if day <= today else None
        if movement is not None:
            setattr(movement, name, getattr(movement, name) + 1)

    for stay in found:
        who = stay.organisation
        add("joined", stay.first, who)
        add("cancelled" if stay.ends_by_cancellation else "lapsed", stay.end, who)
        for span in stay.renewals:
            add("renewed", span.first, who)
        _count_ended(stay, today, add)


def _count_ended(
    stay: Stay, today: datetime.date, add: Callable[[str, datetime.date, Organisation], None]
) -> None:
    """Terms count in the month of their last day, once it is known whether another followed."""
    for place, span in enumerate(stay.spans):
        if span.ran_to_its_end and span.term.ends_on + GRACE < today:
            add("ended", span.term.ends_on, stay.organisation)
            if place + 1 < len(stay.spans):
                add("followed", span.term.ends_on, stay.organisation)


# --- What can be chosen ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Choices:
    """Constituencies and countries of which there are members, with how many organisations."""

    constituencies: dict[str, int] = field(default_factory=dict)
    countries: dict[str, int] = field(default_factory=dict)


def choices() -> Choices:
    """Counted over all organisations that ever had a term; one query."""
    rows = (
        Organisation.objects.filter(terms__isnull=False)
        .order_by()
        .values_list("constituency", "country")
        .annotate(Count("pk", distinct=True))
    )
    found = Choices()
    for constituency, country, count in rows:
        for counts, key in ((found.constituencies, constituency), (found.countries, country)):
            counts[key] = counts.get(key, 0) + count
    return found
