"""Hiding a name that should not stand on a page: a stranger's, an insult, an advertisement."""

from typing import TypeVar, cast

from wagtail.models import ModelLogEntry

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.pools import naming, refusals
from funding.pools.models import Gift, MatchingOffer, Pledge, RecurringGift
from funding.pools.permissions import HIDE_NAME

ACTION = "pools.hide_name"

Row = Gift | Pledge | RecurringGift | MatchingOffer
Given = TypeVar("Given", bound=Gift | Pledge | MatchingOffer)
Locked = TypeVar("Locked", bound=Row)


def hide_name(given: Given, *, by: User, reason: str) -> Given:
    """Show ``given`` as anonymous, whatever its size; twice is once.

    Of a recurring gift, and of a matching offer with the pledges that settle it, what came before
    and what comes later is hidden too. The donor cannot show a name there again
    (`funding.pools.visibility`). Raises NotPermitted, WhyMissing.
    """
    if not by.has_perm(HIDE_NAME):
        raise refusals.NotPermitted
    if not reason.strip():
        raise refusals.WhyMissing
    with use_case():
        source = _source(given)
        if source is not None:
            source = _lock(source)
        locked = _lock(given)
        if locked.anonymous:
            return locked
        # The name is in the log, so that a mistake can be mended; and there it is found again.
        for row in (locked, source):
            if row is not None:
                audit.record(ACTION, row, by=by, reason=reason.strip(), name=locked.public_name)
        for row in (locked, source, *_rest(source or locked)):
            if row is not None:
                _hide(row)
        naming.changed([locked.donor_id])
    return locked


def hidden_by_staff(given: Row) -> bool:
    """Whether staff hid the name of it, or of the whole that it is a part of."""
    return any(
        ModelLogEntry.objects.for_instance(row).filter(action=ACTION).exists()
        for row in (given, _source(given))
        if row is not None
    )


def _source(given: Row) -> RecurringGift | MatchingOffer | None:
    """What its name comes from, where it is a part of something."""
    if isinstance(given, Gift):
        return given.recurring
    if isinstance(given, Pledge):
        return MatchingOffer.objects.filter(settlements__pledge=given).first()
    return None


def _rest(source: Row) -> list[Gift] | list[Pledge]:
    """All that is named as ``source`` is, locked."""
    if isinstance(source, RecurringGift):
        gifts = Gift.objects.filter(recurring=source, anonymous=False)
        return list(gifts.select_for_update().order_by("pk"))
    if isinstance(source, MatchingOffer):
        pledges = Pledge.objects.filter(matching__offer=source, anonymous=False)
        return list(pledges.select_for_update(of=("self",)).order_by("pk"))
    return []


@inside_transaction
def _lock(row: Locked) -> Locked:
    rows = type(row)._default_manager.select_for_update()
    return cast(Locked, rows.get(pk=row.pk))


@inside_transaction
def _hide(row: Row) -> None:
    row.anonymous, row.public_name = True, ""
    row.save(update_fields=["anonymous", "public_name"])
