"""What dues are to be expected: a forecast, beside what is invoiced and what is paid ahead.

The forecast is no money: nobody owes it yet. It is told anew at each reading, as all reports are.
"""

import datetime
from collections import defaultdict
from dataclasses import dataclass, field

from django.db.models import Exists, F, OuterRef, Prefetch, Q

from core.money import Money
from funding.dues import billing, earning
from funding.payments.models import Invoice
from funding.payments.models.papers import received_by
from membership import fees, income, terms
from membership.models import FeeRule, Term, Tier, TierChange
from membership.reports import ALL, DAY, Movement, Only, add_months

MONTHS = 12


@dataclass(slots=True)
class Expected:
    """What is expected in one month, in one currency's minor units."""

    label: datetime.date
    would_renew: int = 0  # terms that end, and have no renewal that is open
    full: int = 0  # their dues at today's fees, if all of them renewed
    forecast: int = 0  # that at the renewal rate
    invoiced: int = 0  # invoices that are open and due in the month; what is overdue in the first
    earned: int = 0  # paid already, and earned in the month


@dataclass(slots=True)
class Forecast:
    """Twelve months in one currency, the present one first."""

    currency: str
    months: list[Expected]
    # Paid, and earned after the last of the months, or not at all until somebody decides.
    later: int = 0
    overdue: int = 0  # of what is invoiced

    @property
    def deferred(self) -> int:
        """All that is paid and not earned yet: the figure "paid ahead" of the books."""
        return sum(month.earned for month in self.months) + self.later

    @property
    def full(self) -> int:
        return sum(month.full for month in self.months)

    @property
    def forecast(self) -> int:
        return sum(month.forecast for month in self.months)

    @property
    def invoiced(self) -> int:
        return sum(month.invoiced for month in self.months)

    @property
    def would_renew(self) -> int:
        return sum(month.would_renew for month in self.months)

    def money(self, amount: int) -> Money:
        return Money(amount, self.currency)


@dataclass(slots=True)
class _Book:
    """The forecasts by currency; a currency has one once something is counted in it."""

    first: datetime.date
    by_currency: dict[str, Forecast] = field(default_factory=dict)

    def of(self, currency: str) -> Forecast:
        if currency not in self.by_currency:
            months = [Expected(add_months(self.first, ahead)) for ahead in range(MONTHS)]
            self.by_currency[currency] = Forecast(currency, months)
        return self.by_currency[currency]

    def month(self, currency: str, day: datetime.date) -> Expected | None:
        """The month of ``day``, the first one for an earlier day; None for a later one."""
        ahead = (day.year - self.first.year) * 12 + day.month - self.first.month
        return self.of(currency).months[max(0, ahead)] if ahead < MONTHS else None


def forecast(today: datetime.date, lately: Movement, only: Only = ALL) -> list[Forecast]:
    """What the next twelve months bring, by currency, in a fixed number of queries.

    ``lately`` has the renewal rate to reckon with; where no term ended yet, all are taken to renew.
    """
    book = _Book(today.replace(day=1))
    _would_renew(book, today, only)
    for each in book.by_currency.values():
        for month in each.months:
            month.forecast = at_rate(month.full, lately)
    _invoiced(book, today, only)
    _paid_ahead(book, only)
    return sorted(book.by_currency.values(), key=lambda each: each.currency)


def at_rate(amount: int, lately: Movement) -> int:
    """``amount`` at the renewal rate, half a minor unit rounded up; all of it without a rate."""
    if not lately.ended:
        return amount
    return (2 * amount * lately.followed + lately.ended) // (2 * lately.ended)


def _would_renew(book: _Book, today: datetime.date, only: Only) -> None:
    """Terms of members that run to an end within the months, and whose renewal is not open."""
    until = add_months(book.first, MONTHS) - DAY
    open_ones = Q(cancelled_on__isnull=True) | Q(cancelled_on__gt=F("starts_on"))
    later = Term.objects.filter(
        open_ones, organisation=OuterRef("organisation"), starts_on__gt=OuterRef("starts_on")
    )
    rules = Prefetch("tier__fee_rules", queryset=FeeRule.objects.all())
    ending = (
        Term.objects.filter(
            only.of_terms(),
            Q(settled_on__isnull=False) | Q(waived_on__isnull=False),
            Q(cancelled_on__isnull=True) | Q(cancelled_on__gt=F("ends_on")),
            ends_on__gte=today,
            # It is renewed from the day after its last one.
            ends_on__lt=until,
        )
        .exclude(Exists(later))
        .select_related("organisation", "tier")
        .prefetch_related(rules)
    )
    year_end = terms.common_year_end()
    groups = income.groups(today)
    for term in ending:
        starts_on = term.ends_on + DAY
        fee = _fee(term, groups, today)
        month = book.month(fee.currency, starts_on) if fee is not None else None
        if fee is None or month is None:
            continue
        month.would_renew += 1
        month.full += terms.prorated(fee, starts_on, terms.last_day_by(starts_on, year_end)).amount


def _fee(term: Term, groups: dict[str, str], today: datetime.date) -> Money | None:
    """What a year in the term's tier costs today; None where the fee table has nothing for it."""
    tier: Tier = term.tier
    who = term.organisation
    rule = fees.fee_among(
        list(tier.fee_rules.all()),
        kind=who.kind,
        group=groups.get(who.country, ""),
        on=today,
        currency=who.currency,
    )
    return rule.money if rule is not None else None


def _invoiced(book: _Book, today: datetime.date, only: Only) -> None:
    terms_of = Term.objects.filter(only.of_terms())
    changes = TierChange.objects.filter(term__in=terms_of)
    invoices = Invoice.objects.filter(
        Q(purpose=billing.PURPOSE, purpose_id__in=terms_of.values("pk"))
        | Q(purpose=billing.CHANGE, purpose_id__in=changes.values("pk")),
        credit_note=None,
    )
    came = received_by(invoices)
    for pk, currency, total, due_on in invoices.order_by().values_list(
        "pk", "currency", "total", "due_on"
    ):
        left = total - came.get(pk, 0)
        if left <= 0:
            continue
        if due_on < today:
            book.of(currency).overdue += left
        month = book.month(currency, due_on)
        if month is not None:
            month.invoiced += left


def _paid_ahead(book: _Book, only: Only) -> None:
    """When what is paid ahead will be earned, as `earning.earn_month` will earn it."""
    terms_of = Term.objects.filter(only.of_terms())
    term_ids = terms_of.filter(pk__in=earning.paid_ahead())
    change_ids = TierChange.objects.filter(
        term__in=terms_of, pk__in=earning.paid_ahead(earning.CHANGE_SOURCE)
    )
    ids = (
        list(term_ids.values_list("pk", flat=True)),
        list(change_ids.values_list("pk", flat=True)),
    )
    spans = earning.spans_of_terms(ids[0]) | earning.spans_of_changes(ids[1])
    sources = {*map(earning.source_of, ids[0]), *map(earning.source_of_change, ids[1])}
    for source, by_currency in earning.standings_of(sources).items():
        for currency, standing in by_currency.items():
            if standing.ahead > 0:
                _spread(book, spans.get(source), currency, standing)


def _spread(
    book: _Book, span: earning.Span | None, currency: str, standing: earning.Standing
) -> None:
    if span is None:  # it waits for people to decide
        book.of(currency).later += standing.ahead
        return
    by_month: dict[datetime.date, int] = defaultdict(int)
    earned = standing.earned
    for last, _days in span.months():
        due = min(span.earned_by(standing.kept, currency, last) - earned, standing.ahead)
        if due > 0:
            by_month[last] += due
            earned += due
    for last, amount in by_month.items():
        month = book.month(currency, last)
        if month is None:
            book.of(currency).later += amount
        else:
            month.earned += amount
    book.of(currency).later += standing.ahead - sum(by_month.values())
