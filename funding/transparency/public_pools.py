"""Which pools the open data tells of."""

from funding.ledger import queries as books
from funding.ledger.models import Pool
from funding.pools.models import PoolProfile


def public_pools() -> list[tuple[Pool, PoolProfile | None, dict[str, int]]]:
    """Every pool that is open to the public or has moved money, with its figures.

    Two queries. The figures are of the pool's own currency.
    """
    figures = books.figures_of_all_pools()
    moved = {pool_id for pool_id, _currency in figures}
    found = []
    for pool in Pool.objects.select_related("profile").order_by("code"):
        profile = getattr(pool, "profile", None)
        if profile is not None and not profile.live:
            profile = None
        if profile is not None or pool.pk in moved:
            found.append((pool, profile, figures.get((pool.pk, pool.currency), {})))
    return found
