"""Giving that staff write down, in the words of a test: the fields of a `Giving`, and who records."""

import datetime
from collections.abc import Sequence
from typing import Any

from core.models import User
from core.money import Money
from funding.pools.models import Donor, PoolProfile, RecordedGiving
from funding.pools.recorded_things import DonorFacts, Giving, Kind
from funding.pools.recording import record
from funding.pools.schedules import Part


def expect_gift(
    *, by: User, due_on: datetime.date | None = None, channel: str = "", **fields: Any
) -> RecordedGiving:
    """A gift that a donor said they would send."""
    return record(_giving(Kind.EXPECTED, due_on=due_on, channel=channel, **fields), by=by)


def record_pledge(
    *, by: User, parts: Sequence[Part], binding: bool, **fields: Any
) -> RecordedGiving:
    """A pledge by letter or agreement."""
    return record(_giving(Kind.PLEDGE, parts=tuple(parts), binding=binding, **fields), by=by)


def record_payment(*, by: User, **fields: Any) -> RecordedGiving:
    """A gift whose money has come: by a channel with evidence, or as a bank line that was parked."""
    return record(_giving(Kind.PAYMENT, **fields), by=by)


def _giving(
    kind: Kind,
    *,
    external_id: str,
    donor: Donor | DonorFacts,
    profile: PoolProfile,
    amount: Money,
    **more: Any,
) -> Giving:
    return Giving(
        external_id=external_id,
        kind=kind,
        donor=donor.pk if isinstance(donor, Donor) else donor,
        pool=profile.code,
        amount=amount,
        **more,
    )
