"""Who looks after a pool: appointed, and ended when somebody else takes over. Rows are kept."""

import datetime

from django.db.models import Q, QuerySet

from core import audit
from core.models import User
from core.transactions import use_case
from funding.pools import refusals
from funding.pools.models import PoolProfile, PoolSteward
from funding.pools.rules import written


def stewards(profile: PoolProfile, on: datetime.date) -> QuerySet[PoolSteward]:
    """Who looks after the pool on that day, the longest-serving first."""
    return PoolSteward.objects.filter(
        Q(until__isnull=True) | Q(until__gte=on), profile=profile, since__lte=on
    )


def appoint(
    profile: PoolProfile,
    *,
    name: str,
    since: datetime.date,
    by: User | None,
    organisation: str = "",
    user: User | None = None,
    reason: str = "",
) -> PoolSteward:
    """Name somebody as the pool's steward from that day on. Raises StewardAlready."""
    with use_case():
        # One after the other, so that two of us cannot appoint the same person twice.
        PoolProfile.objects.select_for_update().get(pk=profile.pk)
        same = stewards(profile, since).filter(name__iexact=name, organisation__iexact=organisation)
        if same.exists():
            raise refusals.StewardAlready(name=name)
        steward = PoolSteward.objects.create(
            profile=profile, name=name, organisation=organisation, user=user, since=since
        )
        audit.record("pools.appoint_steward", steward, by=by, reason=reason, pool=profile.code)
        return steward


def end(steward: PoolSteward, *, until: datetime.date, by: User, reason: str) -> PoolSteward:
    """Let somebody look after the pool up to that day. Raises StewardEnded, StewardEndsTooEarly."""
    with use_case():
        row = PoolSteward.objects.select_for_update().get(pk=steward.pk)
        if row.until is not None:
            raise refusals.StewardEnded(name=row.name, date=written(row.until))
        if until < row.since:
            raise refusals.StewardEndsTooEarly(date=written(row.since))
        row.until = until
        row.save(update_fields=["until"])
        audit.record("pools.end_steward", row, by=by, reason=reason, until=until.isoformat())
        return row
