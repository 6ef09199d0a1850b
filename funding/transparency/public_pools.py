"""Which pools the public reads of, in lists and at addresses of one pool alone."""

from django.db.models import Exists, OuterRef, Q, QuerySet
from django.shortcuts import get_object_or_404

from funding.ledger import queries as books
from funding.ledger.models import AccountBalance, Pool
from funding.pools.models import PoolProfile


def visible() -> QuerySet[Pool]:
    """Every pool that is open to the public or has an entry in the books: not one whose terms nobody
    has approved yet."""
    moved = Exists(AccountBalance.objects.filter(account__pool=OuterRef("pk")))
    return Pool.objects.filter(Q(profile__live=True) | moved)


def the_pool(code: str) -> Pool:
    """The `visible` pool that an address names, its terms selected along. Raises Http404."""
    pool: Pool = get_object_or_404(visible().select_related("profile"), code=code)
    return pool


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
