"""Looking at where large gifts come from, and at the sanctions lists: who looked, when, at what.

From `GivingPolicy.check_limit` on, a gift or a pledge wants both looks. It waits until the last one
of either kind found nothing against it, or until the gift is declined (`declining`).
"""

import datetime

from django.db.models import BigIntegerField, Exists, F, OuterRef, Q, QuerySet, Subquery, Value
from django.db.models.functions import Coalesce

from core import audit
from core.models import User
from core.transactions import use_case
from funding.payments.models import ExpectedPayment
from funding.pools import gifts, refusals
from funding.pools.models import Donor, DonorCheck, Gift, GivingPolicy, Pledge
from funding.pools.permissions import RECORD_CHECK

Kind = DonorCheck.Kind
Outcome = DonorCheck.Outcome

# A look at a donor as such, not at one gift, holds for what they give within a year after it.
HOLDS = datetime.timedelta(days=365)


def record_check(
    donor: Donor,
    *,
    kind: str,
    outcome: str,
    looked_at: str,
    note: str = "",
    by: User,
    gift: Gift | None = None,
    pledge: Pledge | None = None,
) -> DonorCheck:
    """Write down that ``by`` looked: at one gift or pledge, or at the donor as such.

    It stands as it was written; a second look is another row. Raises NotPermitted, OwnGiving,
    LookedAtMissing, ConcernWithoutNote and ValueError for a thing of another donor.
    """
    for thing in (gift, pledge):
        if thing is not None and thing.donor_id != donor.pk:
            raise ValueError(f"{thing!r} is not of donor {donor.pk}.")
    if not by.has_perm(RECORD_CHECK):
        raise refusals.NotPermitted
    if donor.user_id == by.pk:
        raise refusals.OwnGiving
    if not looked_at.strip():
        raise refusals.LookedAtMissing
    if outcome == Outcome.CONCERN and not note.strip():
        raise refusals.ConcernWithoutNote
    with use_case():
        check = DonorCheck.objects.create(
            donor=donor,
            gift=gift,
            pledge=pledge,
            kind=Kind(kind),
            outcome=Outcome(outcome),
            looked_at=looked_at.strip()[:250],
            note=note.strip(),
            checked_by=by,
        )
        audit.record(
            "pools.check_donor",
            gift or pledge or donor,
            by=by,
            reason=check.note,
            kind=check.kind,
            outcome=check.outcome,
            looked_at=check.looked_at,
        )
    return check


def with_looks(rows: QuerySet) -> QuerySet:
    """Gifts or pledges, each with what the last look of either kind found ("" where nobody looked):
    ``source_look`` and ``sanctions_look``."""
    return rows.annotate(
        source_look=_last_look(rows.model, Kind.SOURCE),
        sanctions_look=_last_look(rows.model, Kind.SANCTIONS),
    )


def _last_look(model: type, kind: str) -> Coalesce:
    thing = "gift" if model is Gift else "pledge"
    of_it = Q(**{thing: OuterRef("pk")})
    # A row that was merged into the donor's keeps its checks.
    of_donor = Q(donor=OuterRef("donor_id")) | Q(donor__merged_into=OuterRef("donor_id"))
    as_such = of_donor & Q(
        gift__isnull=True, pledge__isnull=True, checked_at__gte=OuterRef("created_at") - HOLDS
    )
    looks = DonorCheck.objects.filter(of_it | as_such, kind=kind).order_by("-checked_at", "-pk")
    return Coalesce(Subquery(looks.values("outcome")[:1]), Value(""))


def _large(rows: QuerySet) -> QuerySet:
    """Those from the limit of their currency on; none where there is no limit."""
    limits = GivingPolicy.objects.filter(currency=OuterRef("currency")).values("check_limit")
    limit = Subquery(limits[:1], output_field=BigIntegerField())
    return rows.annotate(check_limit=limit).filter(amount__gte=F("check_limit"))


def _not_clear(rows: QuerySet) -> QuerySet:
    return with_looks(_large(rows)).exclude(source_look=Outcome.CLEAR, sanctions_look=Outcome.CLEAR)


def unchecked_gifts() -> QuerySet[Gift]:
    """Large gifts, received or expected by transfer, that wait for a check or a decision.

    One whose payment was begun by card and never made waits for nothing.
    """
    awaited = ExpectedPayment.objects.filter(
        purpose=gifts.PURPOSE, purpose_id=OuterRef("pk"), withdrawn_at__isnull=True
    )
    return _not_clear(
        Gift.objects.filter(
            Q(received_at__isnull=False) | Exists(awaited), declined_at__isnull=True
        )
    )


def unchecked_pledges() -> QuerySet[Pledge]:
    """Large pledges that stand and wait for a check."""
    return _not_clear(
        Pledge.objects.filter(
            confirmed_at__isnull=False, cancelled_at__isnull=True, written_off_at__isnull=True
        )
    )
