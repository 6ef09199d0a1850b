"""The limits of giving in a currency, as staff set them. What they mean: `funding.pools.policy`."""

from dataclasses import asdict, dataclass

from core import audit
from core.models import User
from core.transactions import use_case
from funding.pools.models import GivingPolicy


@dataclass(frozen=True, slots=True)
class Limits:
    """Amounts in minor units of the currency, None for no limit; the rate in hundredths of a
    per cent."""

    anonymous_limit: int | None
    check_limit: int | None
    card_fee_rate: int
    card_fee_fixed: int


def set_limits(currency: str, limits: Limits, *, by: User | None, reason: str) -> GivingPolicy:
    """Let these limits hold in ``currency`` from now on; what was given before stays as it is."""
    with use_case():
        GivingPolicy.objects.get_or_create(currency=currency)
        row = GivingPolicy.objects.select_for_update().get(currency=currency)
        before = {name: getattr(row, name) for name in asdict(limits)}
        for name, value in asdict(limits).items():
            setattr(row, name, value)
        row.save()
        audit.record(
            "pools.set_limits", row, by=by, reason=reason, before=before, after=asdict(limits)
        )
        return row
