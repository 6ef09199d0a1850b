"""Which pools the public reads of."""

from django.db.models import Exists, OuterRef, Q, QuerySet

from funding.ledger import queries as books
from funding.ledger.models import FigureTotal, Pool
from funding.pools.models import PoolProfile


def visible() -> QuerySet[Pool]:
    """Every pool that is open to the public or has moved money: not one whose terms nobody has
    approved yet."""
    moved = Exists(FigureTotal.objects.filter(pool=OuterRef("pk")))
    return Pool.objects.filter(Q(profile__live=True) | moved)


def public_pools() -> list[tuple[Pool, PoolProfile | None, dict[str, int]]]:
    """Every `visible` pool with its approved terms, if it has any, and its figures.

    Two queries. The figures are of the pool's own currency.
    """
    figures = books.figures_of_all_pools()
    return [
        (pool, approved(pool), figures.get((pool.pk, pool.currency), {}))
        for pool in visible().select_related("profile").order_by("code")
    ]


def approved(pool: Pool) -> PoolProfile | None:
    """The pool's terms (``profile``, selected along), unless nobody has approved them yet."""
    profile: PoolProfile | None = getattr(pool, "profile", None)
    return profile if profile is not None and profile.live else None
