"""Hiding a name that should not stand on a page: a stranger's, an insult, an advertisement."""

from typing import TypeVar

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.pools import naming, refusals
from funding.pools.models import Gift, Pledge, RecurringGift
from funding.pools.permissions import HIDE_NAME

Given = TypeVar("Given", Gift, Pledge)


def hide_name(given: Given, *, by: User, reason: str) -> Given:
    """Show ``given`` as anonymous, whatever its size; twice is once.

    Of a recurring gift, what came before and what comes later is hidden too. Raises NotPermitted,
    WhyMissing.
    """
    if not by.has_perm(HIDE_NAME):
        raise refusals.NotPermitted
    if not reason.strip():
        raise refusals.WhyMissing
    with use_case():
        locked = type(given)._default_manager.select_for_update().get(pk=given.pk)
        if locked.anonymous:
            return locked
        name = locked.public_name
        _hide(locked)
        if isinstance(locked, Gift) and locked.recurring_id is not None:
            _hide(RecurringGift.objects.select_for_update().get(pk=locked.recurring_id))
            same = Gift.objects.filter(recurring=locked.recurring_id, anonymous=False)
            for other in same.select_for_update().order_by("pk"):
                _hide(other)
        # The name is in the log, so that a mistake can be mended.
        audit.record("pools.hide_name", locked, by=by, reason=reason.strip(), name=name)
        naming.changed([locked.donor_id])
    return locked


@inside_transaction
def _hide(row: Gift | Pledge | RecurringGift) -> None:
    row.anonymous, row.public_name = True, ""
    row.save(update_fields=["anonymous", "public_name"])
