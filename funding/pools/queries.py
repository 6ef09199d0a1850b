"""The read side of giving: what is promised to pools, who gave, and a donor's own view.

Every function makes the same number of queries for ten rows and for ten thousand.
"""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass, field

from django.db.models import Exists, F, OuterRef, Q, QuerySet, Sum
from django.utils import timezone

from core.models import User
from core.money import Money
from funding.ledger.models import Pool
from funding.payments.models import ExpectedPayment, Mandate, Payment, Status, Subscription
from funding.pools import gifts, pledges, recurring
from funding.pools.donors import donors_of
from funding.pools.models import (
    DUE_DAYS_AHEAD,
    LAPSE_DAYS,
    Gift,
    Instalment,
    Pledge,
    PoolProfile,
    RecurringGift,
)
from funding.pools.recent_gifts import AnonymousGifts as AnonymousGifts
from funding.pools.recent_gifts import PublicGift as PublicGift
from funding.pools.recent_gifts import anonymous_gifts as anonymous_gifts
from funding.pools.recent_gifts import recent_gifts as recent_gifts

# --- What is promised -----------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Promises:
    """What donors promised to a pool, in minor units of its currency. No amount is in two of
    ``pledged``, ``conditional``, ``lapsed`` and ``received``.

    ``pledged`` is promised, asked for and not here yet: ``due`` and ``overdue`` are parts of it, the
    rest falls due later, or when a milestone is met. ``binding`` is the part of it that is booked as
    a debt to the pool. ``conditional`` is promised only if something happens that did not yet.
    ``lapsed`` is what is missing of pledges that are overdue for so long that nobody counts on them.
    ``received`` came in on pledges; in the ledger it is a part of what the pool received. Of
    cancelled and written-off pledges only what was received is here.
    """

    currency: str
    pledged: int = 0
    due: int = 0
    overdue: int = 0
    binding: int = 0
    received: int = 0
    conditional: int = 0
    lapsed: int = 0

    @property
    def later(self) -> int:
        return self.pledged - self.due - self.overdue

    @property
    def to_come(self) -> bool:
        """Whether anything is promised that is not here yet, or no longer counted on."""
        return bool(self.pledged or self.conditional or self.lapsed)


# An instalment whose day counts, seen from the instalment: neither it nor its pledge waits. The same
# rule as `Instalment.waits`, for the database.
_PLEDGE_WAITS = ~Q(pledge__condition="") & Q(pledge__condition_met_on__isnull=True)
FALLS_DUE = ~_PLEDGE_WAITS & (Q(milestone="") | Q(milestone_met_on__isnull=False))


def _long_overdue(on: datetime.date) -> Exists:
    return Exists(
        Instalment.objects.filter(
            FALLS_DUE,
            pledge=OuterRef("pk"),
            due_on__lt=on - datetime.timedelta(days=LAPSE_DAYS),
            received_amount__lt=F("amount"),
        )
    )


def _not_given_up() -> QuerySet[Pledge]:
    return Pledge.objects.filter(
        confirmed_at__isnull=False, cancelled_at__isnull=True, written_off_at__isnull=True
    )


def standing_pledges(on: datetime.date) -> QuerySet[Pledge]:
    """The pledges whose instalments are asked for on that day: confirmed, neither cancelled nor
    written off nor lapsed. The same rule as `Pledge.stands`, for the database, fulfilled ones
    included."""
    return _not_given_up().filter(~_long_overdue(on))


def lapsed_pledges(on: datetime.date) -> QuerySet[Pledge]:
    """The pledges that have lapsed by that day."""
    return _not_given_up().filter(_long_overdue(on))


def promises_by_pool(
    *, on: datetime.date | None = None, pool: Pool | None = None
) -> dict[int, Promises]:
    """`Promises` by pool id, in one query; pools that nobody ever pledged to are not in it."""
    on = on or timezone.localdate()
    open_amount = F("amount") - F("received_amount")
    stands = Q(pledge__in=standing_pledges(on))
    asked = stands & ~_PLEDGE_WAITS
    soon = on + datetime.timedelta(days=DUE_DAYS_AHEAD)
    rows = Instalment.objects.filter(pledge__confirmed_at__isnull=False)
    if pool is not None:
        rows = rows.filter(pledge__pool=pool)
    found = rows.values("pledge__pool_id", "pledge__currency").annotate(
        pledged=Sum(open_amount, filter=asked),
        due=Sum(open_amount, filter=stands & FALLS_DUE & Q(due_on__gte=on, due_on__lte=soon)),
        overdue=Sum(open_amount, filter=stands & FALLS_DUE & Q(due_on__lt=on)),
        binding=Sum(open_amount, filter=asked & Q(pledge__binding=True)),
        conditional=Sum(open_amount, filter=stands & _PLEDGE_WAITS),
        lapsed=Sum(open_amount, filter=Q(pledge__in=lapsed_pledges(on))),
        came_in=Sum("received_amount"),
    )
    return {
        row["pledge__pool_id"]: Promises(
            currency=row["pledge__currency"],
            received=int(row["came_in"] or 0),
            **{
                name: int(row[name] or 0)
                for name in ("pledged", "due", "overdue", "binding", "conditional", "lapsed")
            },
        )
        for row in found
    }


def promises(pool: Pool, *, on: datetime.date | None = None) -> Promises:
    """`Promises` of one pool, in one query; all zero where nobody pledged."""
    return promises_by_pool(on=on, pool=pool).get(pool.pk, Promises(currency=pool.currency))


# --- Pools ----------------------------------------------------------------------------------------


def profiles() -> QuerySet[PoolProfile]:
    """Every pool that takes or took gifts, with its row of the ledger, by title."""
    return PoolProfile.objects.select_related("pool").order_by("pool__name")


# --- A donor's own view ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GivenGift:
    """One gift of a donor with the payment that brings it, or the transfer that is expected."""

    gift: Gift
    payment: Payment | None
    expected: ExpectedPayment | None = None

    @property
    def received(self) -> bool:
        return self.gift.received_at is not None

    @property
    def declined(self) -> bool:
        return self.gift.declined_at is not None

    @property
    def can_be_paid(self) -> bool:
        gone = self.received or self.declined
        return not gone and self.payment is not None and self.payment.can_be_tried

    @property
    def under_way(self) -> bool:
        return self.payment is not None and self.payment.status == Status.PROCESSING


@dataclass(frozen=True, slots=True)
class GivenRecurring:
    """A recurring gift with what brings it: an agreement at Stripe, or a standing order."""

    recurring: RecurringGift
    subscription: Subscription | None
    expected: ExpectedPayment | None

    @property
    def ended(self) -> bool:
        if self.subscription is not None:
            return self.subscription.status == Subscription.Status.ENDED
        return self.recurring.ended_at is not None

    @property
    def wrong(self) -> bool:
        """Whether the donor has something to do about it."""
        return self.subscription is not None and self.subscription.status in (
            Subscription.Status.PENDING,
            Subscription.Status.FAILING,
            Subscription.Status.PAUSED,
        )

    @property
    def page(self) -> str:
        brings = self.subscription or self.expected
        return brings.get_absolute_url() if brings else ""


@dataclass(frozen=True, slots=True)
class PledgedInstalment:
    """One instalment of a donor's pledge: where it stands today, its payment if one began, every
    payment that brought a part of it, and the open requests to pay it."""

    instalment: Instalment
    status: Instalment.Status
    payment: Payment | None
    payable: bool
    requests: list[ExpectedPayment] = field(default_factory=list)
    paid: list[Payment] = field(default_factory=list)

    @property
    def expected(self) -> ExpectedPayment | None:
        """The latest open request to pay it."""
        return self.requests[-1] if self.requests else None

    @property
    def part_received(self) -> bool:
        return 0 < self.instalment.received_amount < self.instalment.amount

    @property
    def under_way(self) -> bool:
        return self.payment is not None and self.payment.status == Status.PROCESSING


@dataclass(frozen=True, slots=True)
class GivenPledge:
    """One pledge of a donor as it stands today."""

    pledge: Pledge
    status: Pledge.Status
    instalments: list[PledgedInstalment]
    mandate: Mandate | None = None

    @property
    def next_instalment(self) -> PledgedInstalment | None:
        """The first instalment that can be paid."""
        return next((part for part in self.instalments if part.payable), None)

    @property
    def several_to_come(self) -> bool:
        """Whether others follow the one that is paid next, so that a consent has a use."""
        return sum(part.payable for part in self.instalments) > 1

    @property
    def can_be_withdrawn(self) -> bool:
        stands = self.status not in (
            Pledge.Status.DRAFT,
            Pledge.Status.CANCELLED,
            Pledge.Status.WRITTEN_OFF,
            Pledge.Status.FULFILLED,
        )
        return stands and not self.pledge.binding


@dataclass(frozen=True, slots=True)
class Giving:
    """All that a donor gave and promised. Sums are by currency; nothing is converted. What came in all
    is `year_statements.received`."""

    gifts: list[GivenGift] = field(default_factory=list)
    recurring: list[GivenRecurring] = field(default_factory=list)
    pledges: list[GivenPledge] = field(default_factory=list)
    promised: list[Money] = field(default_factory=list)
    overdue: list[Money] = field(default_factory=list)

    @property
    def empty(self) -> bool:
        return not self.gifts and not self.pledges and not self.recurring


def gifts_of(user: User) -> QuerySet[Gift]:
    """The gifts that ``user`` may see."""
    return Gift.objects.filter(donor__in=donors_of(user)).select_related("pool__profile", "donor")


def pledges_of(user: User) -> QuerySet[Pledge]:
    """The pledges that ``user`` may see and act on: their own row's alone."""
    return (
        Pledge.objects.filter(donor__user=user)
        .select_related("pool__profile", "donor")
        .prefetch_related("instalments")
    )


def recurring_of(user: User) -> QuerySet[RecurringGift]:
    """The recurring gifts that ``user`` may see."""
    return RecurringGift.objects.filter(donor__in=donors_of(user)).select_related("pool__profile")


def giving_of(user: User, *, on: datetime.date | None = None) -> Giving:
    """What ``user`` gave and promised, in a fixed number of queries."""
    on = on or timezone.localdate()
    given = list(gifts_of(user))
    promised = list(pledges_of(user))
    seen_gifts = _with_what_brings(given)
    seen_pledges = _with_payments(promised, on)
    standing = [seen for seen in seen_pledges if seen.pledge.stands(on)]
    parts = [part for seen in standing for part in seen.instalments]
    return Giving(
        gifts=seen_gifts,
        recurring=_recurring(list(recurring_of(user))),
        pledges=seen_pledges,
        promised=_sums([seen.pledge.outstanding for seen in standing]),
        overdue=_sums(
            [
                Money(
                    part.instalment.amount - part.instalment.received_amount,
                    part.instalment.money.currency,
                )
                for part in parts
                if part.status == Instalment.Status.OVERDUE
            ]
        ),
    )


def _with_what_brings(given: list[Gift]) -> list[GivenGift]:
    ids = [gift.pk for gift in given if gift.recurring_payment_id is None]
    by_gift, transfers = _payments(gifts.PURPOSE, ids), _expected(gifts.PURPOSE, ids)
    again = _by_pk(
        gift.recurring_payment_id for gift in given if gift.recurring_payment_id is not None
    )
    return [
        GivenGift(
            gift,
            again.get(gift.recurring_payment_id or 0) or by_gift.get(gift.pk),
            transfers.get(gift.pk),
        )
        for gift in given
    ]


def _recurring(rows: list[RecurringGift]) -> list[GivenRecurring]:
    ids = [row.pk for row in rows]
    agreements = {
        each.purpose_id: each
        for each in Subscription.objects.filter(purpose=recurring.PURPOSE, purpose_id__in=ids)
    }
    orders = _expected(recurring.PURPOSE, ids)
    return [GivenRecurring(row, agreements.get(row.pk), orders.get(row.pk)) for row in rows]


def given_pledge(pledge: Pledge, *, on: datetime.date | None = None) -> GivenPledge:
    """One pledge (loaded by `pledges_of`) with its instalments and their payments."""
    return _with_payments([pledge], on or timezone.localdate())[0]


def _with_payments(rows: list[Pledge], on: datetime.date) -> list[GivenPledge]:
    ids = [part.pk for pledge in rows for part in pledge.parts]
    payments: dict[int, list[Payment]] = {}
    for payment in _all_payments(pledges.PURPOSE, ids):
        payments.setdefault(payment.purpose_id, []).append(payment)
    requests: dict[int, list[ExpectedPayment]] = {}
    for request in _all_expected(pledges.PURPOSE, ids):
        requests.setdefault(request.purpose_id, []).append(request)
    mandates = {
        mandate.purpose_id: mandate
        for mandate in Mandate.objects.select_related("card").filter(
            purpose=pledges.CONSENT,
            purpose_id__in=[pledge.pk for pledge in rows],
            revoked_at=None,
            card__isnull=False,
        )
    }
    return [
        GivenPledge(
            pledge=pledge,
            status=pledge.status(on),
            instalments=[
                _seen_instalment(
                    pledge, part, payments.get(part.pk, []), requests.get(part.pk, []), on
                )
                for part in pledge.parts
            ],
            mandate=mandates.get(pledge.pk),
        )
        for pledge in rows
    ]


def _seen_instalment(
    pledge: Pledge,
    part: Instalment,
    payments: list[Payment],
    requests: list[ExpectedPayment],
    on: datetime.date,
) -> PledgedInstalment:
    status = part.status(on)
    received = status == Instalment.Status.RECEIVED
    busy = [payment for payment in payments if payment.status == Status.PROCESSING]
    asked_for = pledge.confirmed_at is not None and not received
    given_up = pledge.cancelled_at is not None or pledge.written_off_at is not None
    return PledgedInstalment(
        instalment=part,
        status=status,
        payment=busy[0] if busy else next(reversed(payments), None),
        requests=[] if received else requests,
        paid=[payment for payment in payments if payment.is_paid],
        payable=asked_for and not given_up and not busy,
    )


def _payments(purpose: str, ids: Iterable[int]) -> dict[int, Payment]:
    """The payment of each gift or instalment, its receipt with it; the one that succeeded first."""
    chosen: dict[int, Payment] = {}
    for payment in _all_payments(purpose, ids):
        known = chosen.get(payment.purpose_id)
        if known is None or not known.is_paid:
            chosen[payment.purpose_id] = payment
    return chosen


def _all_payments(purpose: str, ids: Iterable[int]) -> QuerySet[Payment]:
    return (
        Payment.objects.filter(purpose=purpose, purpose_id__in=list(ids))
        .prefetch_related("receipts__credit_note")
        .order_by("pk")
    )


def _by_pk(ids: Iterable[int]) -> dict[int, Payment]:
    rows = Payment.objects.filter(pk__in=list(ids)).prefetch_related("receipts__credit_note")
    return {payment.pk: payment for payment in rows}


def _expected(purpose: str, ids: Iterable[int]) -> dict[int, ExpectedPayment]:
    """The transfer that is still expected for each gift, wish or instalment."""
    return {expected.purpose_id: expected for expected in _all_expected(purpose, ids)}


def _all_expected(purpose: str, ids: Iterable[int]) -> QuerySet[ExpectedPayment]:
    return ExpectedPayment.objects.filter(
        purpose=purpose, purpose_id__in=list(ids), withdrawn_at=None
    ).order_by("pk")


def _sums(amounts: list[Money]) -> list[Money]:
    """The sum of each currency, in alphabetical order, zeros left out."""
    totals: dict[str, int] = {}
    for money in amounts:
        totals[money.currency] = totals.get(money.currency, 0) + money.amount
    return [Money(total, currency) for currency, total in sorted(totals.items()) if total]
