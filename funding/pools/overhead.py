"""What of a pool's money may be taken as overhead: its published rate of what was kept, no more."""

from dataclasses import dataclass

from django.db.models import CharField, Exists, OuterRef, QuerySet, Sum, Value
from django.db.models.functions import Cast, Concat

from core.money import Money
from funding.ledger import queries as books
from funding.ledger.models import Entry
from funding.pools.models import PoolProfile, PoolTransfer

KEY = "transfer:"  # what the key of a transfer's entry begins with; its reference follows


@dataclass(frozen=True, slots=True)
class Overhead:
    """What of a pool's money is overhead by its published rate; minor units of its currency.

    ``rate``: hundredths of a per cent. ``kept``: what was received and was neither given back nor
    lost, is held in no dispute and owed back to nobody. ``taken``: overhead that was moved already.
    """

    currency: str
    rate: int
    kept: int
    taken: int

    @property
    def due(self) -> Money:
        """What can still be taken: the share of what was kept, rounded down, less what was taken.
        Never below zero; money given back later lowers what can be taken next."""
        share = self.rate * max(0, self.kept) // 10_000
        return Money(max(0, share - self.taken), self.currency)


def overhead_of(profile: PoolProfile) -> Overhead:
    figures = books.figures(profile.pool, profile.currency)
    taken = (
        PoolTransfer.objects.filter(
            ~Exists(_reversals()),
            from_pool=profile.pool,
            kind=PoolTransfer.Kind.OVERHEAD,
            approved=True,
        )
        .filter(currency=profile.currency)
        .aggregate(sum=Sum("amount"))["sum"]
    )
    return Overhead(
        currency=profile.currency,
        rate=profile.overhead_rate,
        kept=figures["received"]
        - sum(figures[name] for name in ("refunded", "lost", "held", "owed_back")),
        taken=int(taken or 0),
    )


def overhead_due(profile: PoolProfile) -> Money:
    """How much overhead can still be taken from the pool by its published rate."""
    return overhead_of(profile).due


def _reversals() -> QuerySet[Entry]:
    """The entry that reversed the one of a transfer (the outer query's)."""
    return Entry.objects.filter(
        reverses__idempotency_key=Concat(Value(KEY), Cast(OuterRef("reference"), CharField()))
    )
