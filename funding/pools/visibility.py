"""How the public sees who gave: by a name that the donor agreed to, or as anonymous."""

from typing import TypeVar, cast

from core import audit
from core.models import User
from core.transactions import use_case
from funding.pools import hiding, naming, policy, refusals
from funding.pools.models import Gift, Pledge, RecurringGift

Given = TypeVar("Given", bound=Gift | RecurringGift | Pledge)


def show_as(given: Given, *, public_name: str, by: User) -> Given:
    """Show ``given`` under ``public_name``, or as anonymous where that is empty.

    Of a recurring gift it holds for the gifts to come; those that came stay as they were agreed
    to. What was published before (a month's statement, a file somebody has) is not called back.
    Raises AnonymousTooLarge where a gift of that size must be named, and NameHidden where staff
    hid the name.
    """
    name = public_name.strip()
    with use_case():
        rows = type(given)._default_manager.select_for_update()
        locked = cast(Given, rows.get(pk=given.pk))
        if locked.public_name == name and locked.anonymous == (not name):
            return locked
        if not name:
            policy.check_anonymity(locked.money)
        elif hiding.hidden_by_staff(locked):
            raise refusals.NameHidden
        locked.anonymous, locked.public_name = not name, name
        locked.save(update_fields=["anonymous", "public_name"])
        audit.record("pools.show_as", locked, by=by, anonymous=locked.anonymous)
        naming.changed([locked.donor_id])
    return locked
