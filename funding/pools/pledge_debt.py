"""What a binding pledge owes, as the books have it: the one place that posts it.

While a pledge is a debt (`Pledge.is_debt`) the account contributions receivable holds exactly what
is outstanding of it. Instalments that are paid lower both at once; everything else that changes what
is outstanding comes through here.
"""

import uuid

from django.utils import timezone

from core.models import User
from core.transactions import inside_transaction
from funding.ledger import templates
from funding.ledger.entries import person
from funding.ledger.posting import post
from funding.ledger.templates import About
from funding.pools.models import Pledge


@inside_transaction
def book(
    pledge: Pledge, change: int, *, what: str = "", by: User | None = None, memo: str = ""
) -> None:
    """Post that the pledge owes ``change`` minor units more, or less where it is negative.

    ``what`` names a change that happens once to a pledge; the pledge is locked, so one that may come
    again is named at random.
    """
    if change == 0:
        return
    about: About = {
        "key": f"pledge:{pledge.reference}:{what or uuid.uuid4()}",
        "pool": pledge.pool.code,
        "currency": pledge.currency,
        "date": timezone.localdate(),
        "source": f"pledge:{pledge.reference}",
        "memo": memo,
        "prepared_by": person(by.pk) if by else "",
    }
    if change > 0:
        post(templates.pledge_confirmed(amount=change, **about))
    else:
        post(templates.pledge_written_off(amount=-change, **about))
