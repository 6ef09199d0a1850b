"""What staff change of a confirmed pledge: its amount and schedule, a condition or milestone that is
met, and what is given up. Each leaves a row of history or a line of the log, with who and why."""

import datetime
import itertools
from collections.abc import Sequence
from typing import Any

from django.utils import timezone

from core import audit
from core.models import User
from core.money import Money
from core.transactions import inside_transaction, use_case
from funding.payments import expected
from funding.pools import pledge_debt, pledge_mail, pledges, policy, refusals
from funding.pools.models import Instalment, InstalmentReminder, Pledge, PledgeChange
from funding.pools.permissions import CHANGE_PLEDGE, WRITE_OFF_PLEDGE
from funding.pools.pledge_reminders import REMINDER_DAYS
from funding.pools.pledges import expected_for, lock_pledge, lock_with_requests, payments_of
from funding.pools.rules import written
from funding.pools.schedules import Part, free_day

# What fell due before a condition or a milestone was met is asked for this many days later.
DUE_AFTER_MET = datetime.timedelta(days=30)


def change_pledge(
    pledge: Pledge, *, amount: Money, parts: Sequence[Part], reason: str, by: User
) -> Pledge:
    """Make the pledge ``amount`` as a whole, and ``parts`` what is still to come of it, by day.

    What was received stays, on its instalment. Of a pledge that is a debt the difference is booked.
    The donor is told. Raises NotForYou, PledgeReasonWanted, what `_require_standing` raises,
    AmountBelowReceived, NothingChanged, PaymentUnderWay, and what `pledges.check_parts` raises.
    """
    _require(by, CHANGE_PLEDGE, reason)
    with use_case():
        pledge = lock_with_requests(pledge.pk)
        _require_standing(pledge)
        pledges.require_nothing_under_way(pledge)
        _check_change(pledge, amount, parts)
        before, was = snapshot(pledge), pledge.amount
        _write_schedule(pledge, parts)
        pledge.amount = amount.amount
        pledge.save(update_fields=["amount"])
        pledge = lock_pledge(pledge.pk)
        change = _keep_history(pledge, before, reason=reason, by=by)
        if pledge.is_debt:
            pledge_debt.book(pledge, pledge.amount - was, what=f"change:{change.pk}", by=by)
        audit.record(
            "pools.change_pledge",
            pledge,
            by=by,
            reason=reason,
            before=str(Money(was, pledge.currency)),
            after=str(pledge.money),
        )
        _tell(pledge, "changed")
        return pledge


def meet_condition(pledge: Pledge, *, on: datetime.date, by: User, note: str) -> Pledge:
    """The condition of a pledge is met: from now on it is owed, and its instalments fall due.

    A binding one is booked now, for what is outstanding. What would have been due by now is due 30
    days from now. Twice is once. Raises NotForYou, PledgeReasonWanted, PledgeHasNoCondition,
    MetInFuture, MetBeforePledge, and what `_require_standing` raises.
    """
    _require(by, CHANGE_PLEDGE, note)
    with use_case():
        pledge = lock_pledge(pledge.pk)
        _require_standing(pledge)
        if not pledge.condition:
            raise refusals.PledgeHasNoCondition
        if pledge.condition_met_on is not None:
            return pledge
        _check_met_on(pledge, on)
        before = snapshot(pledge)
        pledge.condition_met_on = on
        pledge.save(update_fields=["condition_met_on"])
        soonest = timezone.localdate() + DUE_AFTER_MET
        for part in pledge.parts:
            part.pledge = pledge
            if part.outstanding.amount and not part.waits and part.due_on < soonest:
                _ask_for(part, soonest)
        pledge = lock_pledge(pledge.pk)
        if pledge.is_debt:
            pledge_debt.book(pledge, pledge.outstanding.amount, what="condition-met", by=by)
        _keep_history(pledge, before, reason=note, by=by)
        audit.record("pools.meet_condition", pledge, by=by, reason=note, on=on.isoformat())
        _tell(pledge, "condition")
        return pledge


def meet_milestone(instalment: Instalment, *, on: datetime.date, by: User, note: str) -> Instalment:
    """The milestone that an instalment waited for is met: it is due 30 days from now, or on the day
    after where another instalment has that day.

    Twice is once. Raises NotForYou, PledgeReasonWanted, NoMilestone, MetInFuture, MetBeforePledge,
    and what `_require_standing` raises.
    """
    _require(by, CHANGE_PLEDGE, note)
    with use_case():
        pledge = lock_pledge(instalment.pledge_id)
        _require_standing(pledge)
        instalment = pledge.instalments.get(pk=instalment.pk)
        if not instalment.milestone or not instalment.amount:
            raise refusals.NoMilestone
        if instalment.milestone_met_on is not None:
            return instalment
        _check_met_on(pledge, on)
        before = snapshot(pledge)
        instalment.milestone_met_on = on
        instalment.save(update_fields=["milestone_met_on"])
        if instalment.outstanding.amount:
            _ask_for(instalment, timezone.localdate() + DUE_AFTER_MET)
        pledge = lock_pledge(pledge.pk)
        _keep_history(pledge, before, reason=note, by=by)
        audit.record(
            "pools.meet_milestone",
            pledge,
            by=by,
            reason=note,
            on=on.isoformat(),
            milestone=instalment.milestone,
        )
        _tell(pledge, "milestone", milestone=instalment.milestone)
        return instalment


def write_off_pledge(pledge: Pledge, *, by: User, reason: str) -> Pledge:
    """Count no more on what is outstanding; of a pledge that is a debt it is booked as a loss.

    Money that comes all the same counts, as a gift. Writing off twice is writing off once. Raises
    NotForYou, PledgeReasonWanted, PledgeNotConfirmed, PledgeCancelled, PledgeFulfilled and
    PaymentUnderWay.
    """
    _require(by, WRITE_OFF_PLEDGE, reason)
    with use_case():
        pledge = lock_with_requests(pledge.pk)
        if pledge.written_off_at is not None:
            return pledge
        _require_standing(pledge)
        if not pledge.outstanding.amount:
            raise refusals.PledgeFulfilled
        pledges.require_nothing_under_way(pledge)
        if pledge.is_debt:
            pledge_debt.book(pledge, -pledge.outstanding.amount, what="written-off", by=by)
        pledge.written_off_at = timezone.now()
        pledge.save(update_fields=["written_off_at"])
        pledges.ask_no_more(pledge, by=by, reason="The pledge was written off.")
        audit.record(
            "pools.write_off_pledge", pledge, by=by, reason=reason, amount=str(pledge.outstanding)
        )
        return pledge


# --- Rules ----------------------------------------------------------------------------------------


def _require(by: User, right: str, reason: str) -> None:
    if not by.has_perm(right):
        raise refusals.NotForYou
    if not reason.strip():
        raise refusals.PledgeReasonWanted


def _require_standing(pledge: Pledge) -> None:
    """Raise PledgeCancelled, PledgeWrittenOff or PledgeNotConfirmed; a lapsed pledge stands."""
    if pledge.cancelled_at is not None:
        raise refusals.PledgeCancelled
    if pledge.written_off_at is not None:
        raise refusals.PledgeWrittenOff
    if pledge.confirmed_at is None:
        raise refusals.PledgeNotConfirmed


def _check_met_on(pledge: Pledge, on: datetime.date) -> None:
    if on > timezone.localdate():
        raise refusals.MetInFuture
    assert pledge.confirmed_at is not None
    confirmed_on = timezone.localdate(pledge.confirmed_at)
    if on < confirmed_on:
        raise refusals.MetBeforePledge(date=written(confirmed_on))


def _check_change(pledge: Pledge, amount: Money, parts: Sequence[Part]) -> None:
    profile, received = pledge.pool.profile, pledge.received
    if amount.currency != pledge.currency:
        raise refusals.WrongCurrency(currency=pledge.currency)
    if amount < received or not amount.amount:
        raise refusals.AmountBelowReceived(received=received.format())
    if pledge.anonymous and pledge.money < amount:
        policy.check_anonymity(amount)
    if amount == pledge.money and sorted(parts, key=lambda part: part.due_on) == to_come(pledge):
        raise refusals.NothingChanged
    if not parts and amount == received:
        return
    if not parts:
        raise refusals.NoInstalments
    days = {part.due_on for part in pledge.parts}
    pledges.check_parts(profile, amount - received, parts, timezone.localdate(), days)


def to_come(pledge: Pledge) -> list[Part]:
    """What is still to come, by day: the schedule as `change_pledge` takes it."""
    return [
        Part(part.due_on, part.outstanding.amount, part.milestone)
        for part in pledge.parts
        if part.outstanding.amount
    ]


# --- Writing --------------------------------------------------------------------------------------


@inside_transaction
def _write_schedule(pledge: Pledge, parts: Sequence[Part]) -> None:
    """Let the instalments be what was received and, by day, ``parts``.

    A row keeps what was received of it. One that the new schedule has no day for takes another day
    where payments name it, so that money on its way still finds it; else it goes.
    """
    rows = {row.due_on: row for row in pledge.instalments.all()}
    wanted = {part.due_on: part for part in parts}
    for day, row in rows.items():
        if day in wanted:
            _rewrite(row, wanted.pop(day))
    spare = [row for day, row in rows.items() if day not in {part.due_on for part in parts}]
    kept = [row for row in spare if row.received_amount]
    for row in kept:
        _rewrite(row, None)
    named = _named([row.pk for row in spare])
    # Those that payments name come first to be used again.
    spare = sorted(
        (row for row in spare if not row.received_amount), key=lambda row: row.pk not in named
    )
    for row in spare:
        if wanted:
            day = min(wanted)
            row.due_on = day
            _rewrite(row, wanted.pop(day), moved=True)
        elif row.pk in named:
            _rewrite(row, None)
        else:
            row.delete()
    numbers = itertools.count(max((row.number for row in rows.values()), default=0) + 1)
    for day in sorted(wanted):
        part = wanted[day]
        pledge.instalments.create(
            number=next(numbers), due_on=day, amount=part.amount, milestone=part.milestone
        )


def _rewrite(row: Instalment, part: Part | None, *, moved: bool = False) -> None:
    """What is to come of ``row`` is ``part``; nothing without one."""
    outstanding = part.amount if part else 0
    row.amount = row.received_amount + outstanding
    milestone = part.milestone if part else row.milestone
    if milestone != row.milestone:
        row.milestone, row.milestone_met_on = milestone, None
    row.save(update_fields=["due_on", "amount", "milestone", "milestone_met_on"])
    requests = list(expected_for([row.pk]))
    # Their papers ask for too much, or by another day.
    if moved or sum(each.outstanding.amount for each in requests) > outstanding:
        for each in requests:
            expected.withdraw(each, by=None, reason="The pledge was changed.")


def _named(ids: Sequence[int]) -> set[int]:
    """Those of the instalments that a payment or a payment request names."""
    found = set(payments_of(ids).values_list("purpose_id", flat=True))
    found |= set(expected_for(ids).values_list("purpose_id", flat=True))
    return found | set(
        Instalment.objects.filter(pk__in=ids, paid_by__isnull=False).values_list("pk", flat=True)
    )


@inside_transaction
def _ask_for(instalment: Instalment, wanted: datetime.date) -> None:
    others = Instalment.objects.filter(pledge_id=instalment.pledge_id).exclude(pk=instalment.pk)
    instalment.due_on = free_day(wanted, set(others.values_list("due_on", flat=True)))
    instalment.save(update_fields=["due_on"])
    # The mail that tells of it is the first reminder.
    InstalmentReminder.objects.get_or_create(
        instalment=instalment, days=REMINDER_DAYS[0], due_on=instalment.due_on
    )


def snapshot(pledge: Pledge) -> dict[str, Any]:
    """The terms of a pledge as `PledgeChange` keeps them."""
    return {
        "amount": pledge.amount,
        "binding": pledge.binding,
        "condition": pledge.condition,
        "condition_met_on": _iso(pledge.condition_met_on),
        "instalments": [
            {
                "due_on": _iso(part.due_on),
                "amount": part.amount,
                "milestone": part.milestone,
                "milestone_met_on": _iso(part.milestone_met_on),
            }
            for part in pledge.parts
        ],
    }


def _iso(day: datetime.date | None) -> str | None:
    return day.isoformat() if day else None


def _keep_history(pledge: Pledge, before: Any, *, reason: str, by: User) -> PledgeChange:
    return PledgeChange.objects.create(
        pledge=pledge, before=before, after=snapshot(pledge), reason=reason.strip(), changed_by=by
    )


def _tell(pledge: Pledge, what: str, *, milestone: str = "") -> None:
    if pledge.donor.email:
        pledge_mail.send_change(pledge, what=what, milestone=milestone)
