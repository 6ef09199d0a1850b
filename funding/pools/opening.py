"""Opening a pool for giving, and what may still be changed about it afterwards.

Terms are changed in two steps by two people (rule 7): one writes a draft, another approves it, and
then alone the pool's row, which is what counts, takes it over. Pausing is no term: it works at once.
"""

import datetime
from typing import Any

from django.utils import timezone
from wagtail.actions.publish_revision import PublishRevisionAction
from wagtail.models import Revision

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from funding.ledger import pools as ledger_pools
from funding.ledger import queries as books
from funding.ledger.models import Pool
from funding.pools import refusals, review
from funding.pools.models import PoolProfile

# So many of those who can approve terms are named to who cannot.
MOST_NAMED = 5


def open_pool(
    *,
    code: str,
    currency: str,
    title: str,
    purpose: str,
    opens_on: datetime.date | None = None,
    live: bool = True,
    by: User | None = None,
    **terms: Any,
) -> PoolProfile:
    """Open a pool in the books and describe it to donors. ``terms``: fields of `PoolProfile`.

    Code and currency are fixed from then on. With ``live`` False the pool is a draft: it takes
    nothing until somebody else approves its terms. Raises PoolCodeTaken.
    """
    with use_case():
        if Pool.objects.filter(code=code).exists():
            raise refusals.PoolCodeTaken(code=code)
        profile = PoolProfile.objects.create(
            pool=ledger_pools.open_pool(code, title, currency),
            purpose=purpose,
            opens_on=opens_on or timezone.localdate(),
            live=live,
            **terms,
        )
        # The first of its revisions, which later drafts are compared with.
        first = profile.save_revision(user=by, changed=not live, clean=False)
        if live:
            now = timezone.now()
            profile.live_revision = first
            profile.first_published_at = profile.last_published_at = now
            profile.save()
        audit.record("pools.open_pool", profile, by=by, code=code, currency=currency, live=live)
        return profile


@inside_transaction
def draft_terms(
    drafted: PoolProfile,
    *,
    based_on: int | None,
    changed: list[str],
    reason: str,
    by: User,
) -> Revision:
    """Keep the values of ``drafted`` as the pool's newest draft. The terms that count stay.

    ``based_on`` is the revision its writer had before them. Raises TermsChangedMeanwhile when
    somebody saved another one since, and TermsOfGifts.
    """
    row = PoolProfile.objects.select_for_update().get(pk=drafted.pk)
    if row.latest_revision_id != based_on:
        raise refusals.TermsChangedMeanwhile
    _require_kept(row, drafted)
    revision: Revision = drafted.save_revision(user=by)
    audit.record(
        "pools.edit_pool", row, by=by, reason=reason, changed=changed, revision=revision.pk
    )
    return revision


@inside_transaction
def publish_terms(revision: Revision, *, by: User | None) -> PoolProfile:
    """Let an approved draft be the pool's terms from now on, and its title the pool's name.

    Raises OwnTerms (or NobodyElseApproves) when who approves wrote the draft, or one before it since
    the last approved terms, or asked for its approval (rule 7), and TermsOfGifts where donors gave
    under better ones.
    """
    row = PoolProfile.objects.select_for_update().get(pk=revision.object_id)
    if by is not None:
        _require_no_part(row, revision, by)
    # Read after the lock, so that what is no term (a pause) is taken as it is now.
    fresh = Revision.objects.get(pk=revision.pk)
    drafted = fresh.as_object()
    _require_kept(row, drafted)
    title = drafted.title
    PublishRevisionAction(fresh, user=by, log_action=False).execute(skip_permission_checks=True)
    _rename(row, title)
    audit.record("pools.publish_terms", row, by=by, revision=revision.pk)
    return row


def _require_kept(row: PoolProfile, drafted: PoolProfile) -> None:
    """Raise TermsOfGifts where a draft takes back what donors were shown before they gave.

    A restriction may be added and the overhead rate lowered; neither the other way round.
    """
    worse = (
        (row.restricted and not drafted.restricted)
        or drafted.overhead_rate > row.overhead_rate
        or drafted.remainder != row.remainder
        or drafted.goal_missed != row.goal_missed
    )
    if worse and books.figures(row.pool, row.currency)["received"] > 0:
        raise refusals.TermsOfGifts


def _require_no_part(row: PoolProfile, revision: Revision, person: User) -> None:
    """Raise OwnTerms, with who can approve instead, or NobodyElseApproves.

    A later draft holds what the earlier ones changed, so their writers have a part in it too.
    """
    drafts = row.revisions.filter(pk__gt=row.live_revision_id or 0, pk__lte=revision.pk)
    asked = revision.task_states.values_list("workflow_state__requested_by", flat=True)
    concerned = {revision.user_id, *drafts.values_list("user", flat=True), *asked}
    if person.pk not in concerned:
        return
    others = [each for each in review.approvers() if each.pk not in concerned]
    if not others:
        raise refusals.NobodyElseApproves
    names = ", ".join(each.get_full_name() or each.email for each in others[:MOST_NAMED])
    raise refusals.OwnTerms(who=f"{names}, …" if others[MOST_NAMED:] else names)


def _rename(profile: PoolProfile, title: str) -> None:
    """Give the pool another title, the one name it has everywhere."""
    if title != profile.pool.name:
        profile.pool.name = title
        profile.pool.save(update_fields=["name"])


def pause(profile: PoolProfile, *, by: User, reason: str) -> PoolProfile:
    """Take no gifts and no pledges from now on. Twice is once."""
    return _set_paused(profile, True, "pools.pause_pool", by, reason)


def resume(profile: PoolProfile, *, by: User, reason: str) -> PoolProfile:
    """Take gifts and pledges again, within the pool's dates. Twice is once."""
    return _set_paused(profile, False, "pools.resume_pool", by, reason)


def _set_paused(
    profile: PoolProfile, paused: bool, action: str, by: User, reason: str
) -> PoolProfile:
    with use_case():
        row = PoolProfile.objects.select_for_update().get(pk=profile.pk)
        if row.paused != paused:
            row.paused = paused
            row.save(update_fields=["paused"])
            audit.record(action, row, by=by, reason=reason)
        return row
