"""The facts of a change of tier: asked, allowed, made, settled, waived, ended.

Each verb is a part of a use case of `funding.dues.changing`, which computes the sum and moves the
money. Whoever calls has locked the organisation or the term; the row itself is locked here.
"""

import datetime

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction
from membership import jobs
from membership.models import Term, Tier, TierChange

DECIDE = "membership.decide_tierchange"
WAIVE = "membership.waive_term"


@inside_transaction
def open_change(term: Term, tier: Tier, *, by: User) -> TierChange:
    """Write down that ``by`` asked for ``tier``; one open change a term, by the database."""
    change = TierChange.objects.create(
        term=term, old_tier=term.tier, new_tier=tier, asked_by=by, currency=term.currency
    )
    _log("ask", change, by=by)
    return change


@inside_transaction
def allow(change: TierChange, *, on: datetime.date, by: User) -> None:
    """Staff say yes to a tier that asks for a review."""
    change.allowed_on, change.allowed_by = on, by
    change.save(update_fields=["allowed_on", "allowed_by"])
    _log("allow", change, by=by)


@inside_transaction
def count_from(change: TierChange, day: datetime.date, difference: Money) -> None:
    """Fix the sum, and the day from which it counts."""
    change.effective_on = day
    change.difference, change.currency = difference.amount, difference.currency
    change.save(update_fields=["effective_on", "difference", "currency"])


@inside_transaction
def apply(change: TierChange, *, on: datetime.date, by: User | None) -> Term:
    """Give the term its new tier. What goes back of its fee is no longer asked for."""
    term = lock_term(change.term_id)
    term.tier = change.new_tier
    term.fee -= max(0, -change.difference)
    term.save(update_fields=["tier", "fee"])
    change.applied_on = on
    change.save(update_fields=["applied_on"])
    _log("make", change, by=by, difference=str(change.money))
    jobs.keep_promises.enqueue(term_id=term.pk)
    return term


@inside_transaction
def settle(change: TierChange, *, on: datetime.date, by: User | None = None) -> None:
    """The difference was paid, or given back, on ``on``."""
    change.settled_on = on
    change.save(update_fields=["settled_on"])
    _log("settle", change, by=by, on=on.isoformat())


@inside_transaction
def unsettle(change: TierChange, *, reason: str) -> None:
    """What was paid or given back was not, after all.

    An upgrade is taken back with it, unless the tier changed again since.
    """
    change.settled_on = None
    if change.difference > 0:
        change.applied_on = None
        _old_tier_again(change)
    change.save(update_fields=["settled_on", "applied_on"])
    _log("unsettle", change, by=None, reason=reason)


@inside_transaction
def waive(change: TierChange, *, on: datetime.date, by: User, reason: str) -> None:
    """Ask nothing for the difference."""
    change.waived_on, change.waived_by, change.waived_reason = on, by, reason
    change.save(update_fields=["waived_on", "waived_by", "waived_reason"])
    _log("waive", change, by=by, reason=reason)


@inside_transaction
def end(
    change: TierChange, *, on: datetime.date, by: User | None, reason: str, told: bool = False
) -> None:
    """Nothing comes of it, or nothing is left of it: the term has its old tier.

    ``told``: its people get a message of its own about it.
    """
    if change.applied_on is not None:
        _old_tier_again(change)
    change.applied_on = change.settled_on = None
    change.ended_on, change.ended_by, change.ended_reason = on, by, reason[:500]
    change.save(update_fields=["applied_on", "settled_on", "ended_on", "ended_by", "ended_reason"])
    _log("end", change, by=by, reason=reason, change_id=change.pk, told=told)


@inside_transaction
def lock(change_id: int) -> TierChange:
    """The term, then the change, as it is now."""
    lock_term(TierChange.objects.values_list("term", flat=True).get(pk=change_id))
    return (
        TierChange.objects.select_for_update(of=("self",))
        .select_related("term__organisation", "old_tier", "new_tier")
        .get(pk=change_id)
    )


@inside_transaction
def lock_term(term_id: int) -> Term:
    return (
        Term.objects.select_for_update(of=("self",))
        .select_related("organisation", "tier")
        .get(pk=term_id)
    )


def _old_tier_again(change: TierChange) -> None:
    term = lock_term(change.term_id)
    if term.tier_id == change.new_tier_id:
        term.tier = change.old_tier
        term.save(update_fields=["tier"])
        jobs.keep_promises.enqueue(term_id=term.pk)


def _log(
    act: str, change: TierChange, *, by: User | None, reason: str = "", **data: str | int
) -> None:
    tiers = {"old": change.old_tier.code, "new": change.new_tier.code}
    audit.record(
        f"membership.{act}_tier_change", change.term, by=by, reason=reason, **tiers, **data
    )
