"""The signed paper of a binding pledge: added by staff or by its donor, read by them alone."""

import datetime
import hashlib

from django.utils import timezone

from core import audit, uploads
from core.models import User
from core.transactions import use_case
from funding.pools import refusals
from funding.pools.models import Pledge, PledgeAgreement
from funding.pools.permissions import ADD_AGREEMENT
from funding.pools.pledges import lock_pledge

KINDS = (uploads.PDF, uploads.JPEG, uploads.PNG)
LIMIT = 5 * uploads.MEGABYTE
# Each paper may have its annexes; a donor does not fill our disk.
MOST_AGREEMENTS = 10


def attach_agreement(
    pledge: Pledge,
    *,
    file_name: str,
    content_type: str,
    content: bytes,
    signed_on: datetime.date,
    by: User,
) -> PledgeAgreement:
    """Keep the signed agreement of a binding pledge, a draft too. It is never changed or deleted.

    ``content_type`` is what the browser said; what the bytes say counts. The same file again is the
    one that is there. Raises the refusals of `core.uploads`, NotForYou, AgreementForBindingOnly,
    SignedInFuture and TooManyAgreements.
    """
    _require_hand_in(pledge, by)
    if not pledge.binding:
        raise refusals.AgreementForBindingOnly
    if signed_on > timezone.localdate():
        raise refusals.SignedInFuture
    # The scanner may be another machine: outside the transaction.
    file = uploads.accept(file_name, content, kinds=KINDS, limit=LIMIT)
    sha256 = hashlib.sha256(content).hexdigest()
    with use_case():
        pledge = lock_pledge(pledge.pk)
        _require_hand_in(pledge, by)
        if not pledge.binding:
            raise refusals.AgreementForBindingOnly
        known = pledge.agreements.filter(sha256=sha256).first()
        if known is not None:
            return known
        if pledge.agreements.count() >= MOST_AGREEMENTS:
            raise refusals.TooManyAgreements(most=MOST_AGREEMENTS)
        agreement = pledge.agreements.create(
            file_name=file.name,
            content_type=file.content_type,
            content=file.content,
            sha256=sha256,
            signed_on=signed_on,
            uploaded_by=by,
        )
        audit.record(
            "pools.attach_agreement", pledge, by=by, file=file.name, signed_on=signed_on.isoformat()
        )
        return agreement


def _require_hand_in(pledge: Pledge, by: User) -> None:
    """Raise NotForYou unless ``by`` is the donor of the pledge, or staff with the right."""
    if pledge.donor.user_id != by.pk and not by.has_perm(ADD_AGREEMENT):
        raise refusals.NotForYou
