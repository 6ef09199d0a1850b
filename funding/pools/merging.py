"""Two rows that are one donor become one. Staff decide so; an address alone never does."""

from django.db import models
from django.db.models import Q
from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.pools import naming
from funding.pools.models import (
    Donor,
    Gift,
    MatchingOffer,
    Pledge,
    RecordedGiving,
    RecurringGift,
)
from funding.pools.refusals import DonorMerged, SameDonor, TwoAccounts

# All that hangs on a donor and moves. Checks stay where they were made, for they are immutable:
# `donors.rows_of` finds them.
MOVED: tuple[type[models.Model], ...] = (
    Gift,
    RecurringGift,
    Pledge,
    MatchingOffer,
    RecordedGiving,
)
# What the kept row says of the donor, unless it says nothing.
_FILLED = ("email", "country", "organisation")


def merge_donors(kept: Donor, gone: Donor, *, by: User, reason: str) -> Donor:
    """Hang all of ``gone`` on ``kept`` and return that; ``gone`` stays, empty, and points to it.

    What was agreed for each gift (anonymous, or which name) stays as it was. Where ``gone`` alone
    has an account, the account goes to ``kept``. Raises SameDonor, DonorMerged, TwoAccounts.
    """
    with use_case():
        kept, gone = lock(kept.pk, gone.pk)
        moved = absorb(kept, gone)
        audit.record("pools.merge_donors", kept, by=by, reason=reason, merged=gone.pk, moved=moved)
    return kept


@inside_transaction
def lock(*donor_ids: int) -> list[Donor]:
    """The donors' rows, locked in one order whoever asks, returned in the order asked for.

    The lock is one that a new gift's foreign key waits for. Their matching offers are locked before
    them: settling one holds it while it writes a pledge of its donor.
    """
    offers = MatchingOffer.objects.select_for_update().filter(donor__in=donor_ids)
    list(offers.order_by("pk").values_list("pk"))
    rows = Donor.objects.select_for_update().filter(pk__in=donor_ids).order_by("pk").in_bulk()
    return [rows[donor_id] for donor_id in donor_ids]


@inside_transaction
def absorb(kept: Donor, gone: Donor) -> dict[str, int]:
    """Hang all of ``gone`` on ``kept``, both locked; returns how many rows of what moved.

    Raises SameDonor, DonorMerged, TwoAccounts.
    """
    if kept.pk == gone.pk:
        raise SameDonor
    if kept.merged_into_id is not None or gone.merged_into_id is not None:
        raise DonorMerged
    if kept.user_id is not None and gone.user_id is not None:
        raise TwoAccounts
    moved = {
        model._meta.model_name or "": model._default_manager.filter(donor=gone).update(donor=kept)
        for model in MOVED
    }
    # An account belongs to one row, so it leaves the one before it comes to the other.
    user, gone.user = gone.user, None
    gone.merged_into, gone.merged_at = kept, timezone.now()
    gone.save(update_fields=["user", "merged_into", "merged_at"])
    Donor.objects.filter(merged_into=gone).update(merged_into=kept)
    _fill(kept, gone, user)
    naming.changed([kept.pk, gone.pk])
    return moved


def _fill(kept: Donor, gone: Donor, user: User | None) -> None:
    kept.user = kept.user or user
    for name in _FILLED:
        setattr(kept, name, getattr(kept, name) or getattr(gone, name))
    if kept.logo_id is None:
        kept.logo = gone.logo
        kept.logo_approved = gone.logo_approved and kept.public_name == gone.public_name
    kept.save(update_fields=["user", *_FILLED, "logo", "logo_approved"])


def likely_duplicates(donor: Donor) -> models.QuerySet[Donor]:
    """Other rows with the same address or the same name, for staff to look at."""
    same = Q(name__iexact=donor.name)
    if donor.email:
        same |= Q(email__iexact=donor.email)
    return Donor.objects.filter(same, merged_into__isnull=True).exclude(pk=donor.pk)
