"""What a donor's money did: of each gift, its share of what the pool spent since.

The rule, stated on the page: a gift counts from the month it came in. In each month what the pool
pays out (to grantees, for own spending, as fees, into other pools) is shared among all that the
pool held in that month, and a gift bears the share that is left of it. What was given back of the
gift itself is taken off what is left of it.

Why the sums hold. What a pool holds after a month is what its gifts and its other income have left,
and sharing changes both sides alike. So all shares together are never more than what was paid out,
and a gift's are never more than the gift. Parts of the smallest unit are carried along, not lost: a
gift's sum is rounded down once, and its kinds share that by the largest remainder.

Amounts are minor units of the books' currency. It reads the books by month (`FigureTotal`), so the
number of queries is the same for one gift and a thousand.
"""

import datetime
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import reduce
from operator import or_
from typing import NamedTuple

from django.db.models import Q, Sum

from core.models import User
from core.money import Money
from funding.ledger.models import Entry, Figure, FigureTotal, Pool
from funding.payments.disputes import lost_key_of
from funding.payments.models import Payment, ProcessorTransaction
from funding.payments.payouts import failure_key
from funding.pools import gifts, pledges
from funding.pools.models import Gift, Instalment, Pledge
from funding.pools.year_statements import payments_of

# What a gift's money becomes: a kind and the figure that tells it. Signed figures count where the
# pool became poorer by them.
KINDS = {"disbursed": -1, "expenses": -1, "fees": -1, "transfers": 1, "exchange": 1}
# What belongs to one gift (or one payer of dues), and which way it counts for that.
OWN = {"received": 1, "refunded": -1, "held": -1, "lost": -1}
# What adds to the pool and is nobody's gift.
OTHER = {"opening": 1, "returned": 1}
# Parts of a minor unit that are carried along: so fine that a million gifts over a hundred years
# stay below one unit.
FINE = 10**24


@dataclass(frozen=True, slots=True)
class PoolMonth:
    """What happened to a pool in a month: ``net`` by its gifts and dues (what was given back taken
    off), ``other`` income, and what it paid out by kind, each at least zero."""

    month: datetime.date
    net: int = 0
    other: int = 0
    out: Mapping[str, int] = field(default_factory=dict)

    @property
    def spent(self) -> int:
        return sum(self.out.values())


class Share(NamedTuple):
    """Of one gift in one month: what came of it (less what went back), what it bore by kind."""

    month: datetime.date
    net: int
    out: dict[str, int]


def shares(months: Sequence[PoolMonth], given: Mapping[datetime.date, int]) -> list[Share]:
    """The share of one gift, from the month of its first money on.

    ``months``: all of the pool, in order, none left out; ``given``: what came of the gift in each,
    less what went back.
    """
    held = left = net = 0  # held: minor units; left: of the gift, in fine ones
    borne = dict.fromkeys(KINDS, 0)  # exact so far, in fine units
    shown = dict.fromkeys(KINDS, 0)  # as shown so far
    found: list[Share] = []
    most = sum(given.values())
    for month in months:
        held += month.net + month.other
        came = given.get(month.month, 0)
        net += came
        left += came * FINE
        for kind, amount in month.out.items():
            if held > 0:
                # Never more than all of it, where the pool paid out more than it held.
                divisor = max(held, month.spent)
                borne[kind] += left * amount // divisor
        left = net * FINE - sum(borne.values())
        held -= month.spent
        if came or found:
            this = _apportion(borne, shown, most)
            shown = {kind: shown[kind] + this[kind] for kind in KINDS}
            found.append(Share(month.month, came, this))
    return found


def _apportion(borne: Mapping[str, int], shown: Mapping[str, int], most: int) -> dict[str, int]:
    """What to show of this month by kind: whole units, by the largest remainder.

    All together come to what was borne so far, rounded down, and never to more than ``most``.
    """
    exact = sum(borne.values())
    target = max(0, min(most, exact // FINE))
    if target < exact // FINE:  # more was given back than was left: the kinds keep their proportion
        borne = {kind: amount * target * FINE // exact for kind, amount in borne.items()}
    units = target - sum(shown.values())
    rest = {kind: borne[kind] - shown[kind] * FINE for kind in KINDS}
    # A kind that was rounded up before waits; none goes back by rounding alone.
    least = 0 if units >= 0 else min(rest.values()) // FINE
    parts = {kind: max(least, rest[kind] // FINE) for kind in KINDS}
    # In steps that shrink with the gap: where much was given back, one unit a step is for ever.
    while (gap := units - sum(parts.values())) > 0:
        kind = max(KINDS, key=lambda kind: rest[kind] - parts[kind] * FINE)
        parts[kind] += max(1, gap // len(KINDS))
    while (gap := sum(parts.values()) - units) > 0:
        above = [kind for kind in KINDS if parts[kind] > least]
        kind = min(above or KINDS, key=lambda kind: rest[kind] - parts[kind] * FINE)
        room = parts[kind] - least if above else gap
        parts[kind] -= min(room, max(1, gap // len(KINDS)))
    return parts


# --- Read from the books --------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class GiftDid:
    """What became of one gift (or of what was paid on one pledge)."""

    given: Gift | Pledge
    currency: str
    shares: list[Share]

    def _money(self, amount: int) -> Money:
        return Money(amount, self.currency)

    @property
    def net(self) -> Money:
        return self._money(sum(share.net for share in self.shares))

    @property
    def by_kind(self) -> dict[str, Money]:
        return {kind: self._money(sum(share.out[kind] for share in self.shares)) for kind in KINDS}

    @property
    def used(self) -> Money:
        return self._money(sum(sum(share.out.values()) for share in self.shares))

    @property
    def left(self) -> Money:
        """What is left of it; zero, never less, where more was given back than was left."""
        return self._money(max(0, self.net.amount) - self.used.amount)


@dataclass(frozen=True, slots=True)
class PoolDid:
    """What became of all that a donor gave to one pool."""

    pool: Pool
    currency: str
    gifts: list[GiftDid]

    @property
    def net(self) -> Money:
        return Money(sum(max(0, each.net.amount) for each in self.gifts), self.currency)

    @property
    def used(self) -> Money:
        return Money(sum(each.used.amount for each in self.gifts), self.currency)

    @property
    def left(self) -> Money:
        return self.net - self.used

    @property
    def by_kind(self) -> dict[str, Money]:
        return {
            kind: Money(sum(each.by_kind[kind].amount for each in self.gifts), self.currency)
            for kind in KINDS
        }

    @property
    def months(self) -> list[tuple[datetime.date, dict[str, Money]]]:
        """By month, newest first: what came and what was borne of all the gifts together."""
        sums: dict[datetime.date, dict[str, int]] = {}
        for gift in self.gifts:
            for share in gift.shares:
                month = sums.setdefault(share.month, dict.fromkeys(("net", *KINDS), 0))
                month["net"] += share.net
                for kind, amount in share.out.items():
                    month[kind] += amount
        return [
            (month, {name: Money(amount, self.currency) for name, amount in amounts.items()})
            for month, amounts in sorted(sums.items(), reverse=True)
        ]


def what_it_did(user: User) -> list[PoolDid]:
    """What became of the gifts that ``user`` may see, by pool and currency of the books."""
    found: dict[tuple[int, str], list[tuple[Gift | Pledge, dict[datetime.date, int]]]] = {}
    for thing, pool_id, currency, given in _given(list(payments_of(user))):
        found.setdefault((pool_id, currency), []).append((thing, given))
    months = pool_months(pool_id for pool_id, _currency in found)
    pools = Pool.objects.select_related("profile").in_bulk([pool_id for pool_id, _c in found])
    return [
        PoolDid(
            pools[pool_id],
            currency,
            [
                GiftDid(thing, currency, shares(months[pool_id, currency], given))
                for thing, given in things
            ],
        )
        for (pool_id, currency), things in sorted(
            found.items(), key=lambda item: (pools[item[0][0]].profile.title, item[0][1])
        )
    ]


def pool_months(pool_ids: Iterable[int]) -> dict[tuple[int, str], list[PoolMonth]]:
    """Every month of each pool and currency in which something moved, in order."""
    rows = (
        FigureTotal.objects.filter(pool_id__in=set(pool_ids))
        .values_list("pool_id", "currency", "period__month", "name")
        .annotate(sum=Sum("amount"))
    )
    moved: dict[tuple[int, str], dict[datetime.date, dict[str, int]]] = {}
    for pool_id, currency, month, name, amount in rows:
        moved.setdefault((pool_id, currency), {}).setdefault(month, {})[name] = amount
    return {
        key: [pool_month(month, figures) for month, figures in sorted(by_month.items())]
        for key, by_month in moved.items()
    }


def pool_month(month: datetime.date, figures: Mapping[str, int]) -> PoolMonth:
    """The month as sharing sees it. What a reversal makes negative is other income, not a share.

    What is only promised out (committed, owed back, paid ahead) is held until it is paid.
    """
    moved = {kind: sign * figures.get(kind, 0) for kind, sign in KINDS.items()}
    other = sum(sign * figures.get(name, 0) for name, sign in OTHER.items())
    out = {kind: max(0, -amount) for kind, amount in moved.items()}
    if other < 0:  # an opening balance corrected downwards, a return reversed
        out["expenses"] -= other
    return PoolMonth(
        month=month,
        net=sum(sign * figures.get(name, 0) for name, sign in OWN.items()),
        other=max(0, other) + sum(max(0, amount) for amount in moved.values()),
        out=out,
    )


def _given(
    payments: list[Payment],
) -> Iterable[tuple[Gift | Pledge, int, str, dict[datetime.date, int]]]:
    """Of each gift and pledge the money that its own entries brought, by month."""
    payment_of_entry = _entries(payments)
    things = _things(payments)
    sums: dict[tuple[Gift | Pledge, int, str], dict[datetime.date, int]] = {}
    rows = Figure.objects.filter(entry_id__in=payment_of_entry, name__in=OWN).values_list(
        "entry_id", "pool_id", "currency", "name", "amount", "entry__period__month"
    )
    for entry_id, pool_id, currency, name, amount, month in rows:
        thing = things[payment_of_entry[entry_id]]
        by_month = sums.setdefault((thing, pool_id, currency), {})
        by_month[month] = by_month.get(month, 0) + OWN[name] * amount
    # By the day on which each began, as a donor looks for them.
    for (thing, pool_id, currency), by_month in sorted(
        sums.items(), key=lambda item: (min(item[1]), item[0][0].created_at)
    ):
        yield thing, pool_id, currency, by_month


def _entries(payments: list[Payment]) -> dict[int, int]:
    """Every entry that a payment, its refunds and its disputes made: entry number → payment id."""
    found: dict[int, int] = {}
    sources: dict[str, int] = {}
    keys: dict[str, int] = {}
    came_back: dict[
        str, int
    ] = {}  # by what the keys begin with: a return that was undone may recur
    for payment in payments:
        if payment.entry_id is not None:
            found[payment.entry_id] = payment.pk
        for refund in payment.refunds.all():
            if refund.entry_id is not None:
                found[refund.entry_id] = payment.pk
            if refund.stripe_refund:
                sources[refund.stripe_refund] = payment.pk
            if refund.payout is not None:
                came_back[failure_key(refund.payout)] = payment.pk
        for dispute in payment.disputes.all():
            sources[dispute.stripe_dispute] = payment.pk
            keys[lost_key_of(dispute.stripe_dispute)] = payment.pk
    for source, entry_id in ProcessorTransaction.objects.filter(
        source__in=sources, entry__isnull=False
    ).values_list("source", "entry_id"):
        found[entry_id] = sources[source]
    if came_back:
        failures = reduce(or_, (Q(idempotency_key__startswith=key) for key in came_back))
        for entry_id, key in Entry.objects.filter(failures).values_list("pk", "idempotency_key"):
            found[entry_id] = next(
                number for begin, number in came_back.items() if key.startswith(begin)
            )
    more = Entry.objects.filter(Q(idempotency_key__in=keys) | Q(reverses__in=list(found)))
    for entry_id, key, reverses in more.values_list("pk", "idempotency_key", "reverses_id"):
        found[entry_id] = keys.get(key) or found[reverses]
    return found


def _things(payments: list[Payment]) -> dict[int, Gift | Pledge]:
    """What each payment was for."""
    mine = Gift.objects.select_related("pool__profile")
    once = mine.in_bulk([each.purpose_id for each in payments if each.purpose == gifts.PURPOSE])
    again = {
        gift.recurring_payment_id: gift
        for gift in mine.filter(recurring_payment__in=[each.pk for each in payments])
    }
    parts = Instalment.objects.select_related("pledge__pool__profile").in_bulk(
        [each.purpose_id for each in payments if each.purpose == pledges.PURPOSE]
    )
    found: dict[int, Gift | Pledge] = {}
    for payment in payments:
        if payment.purpose == pledges.PURPOSE:
            found[payment.pk] = parts[payment.purpose_id].pledge
        else:
            found[payment.pk] = again.get(payment.pk) or once[payment.purpose_id]
    return found
