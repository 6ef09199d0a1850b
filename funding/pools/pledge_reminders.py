"""Reminders of instalments: before the day, and after. One mail an instalment and day of the schedule."""

import datetime
import logging

from django.db.models import F, QuerySet
from django.utils import timezone

from core.transactions import use_case
from funding.payments import mandates
from funding.payments.models import ExpectedPayment, Status
from funding.pools import pledge_mail, queries
from funding.pools.instalments import lock_instalment
from funding.pools.models import Instalment, InstalmentReminder
from funding.pools.pledges import CONSENT, expected_for, payments_of

logger = logging.getLogger(__name__)

# Days from the one an instalment is due on: a month before it, then ever more seldom.
REMINDER_DAYS = (-30, -7, 3, 14, 30, 60)
# One that was missed for so long is not made up for: the next goes out in its time.
MADE_UP_FOR = 31


def send_reminders(today: datetime.date | None = None) -> int:
    """Send the reminders that are due by ``today``; how many were sent. For a daily job.

    After days without the job only the newest goes out, and never one whose day was before the
    pledge was confirmed. Nobody is reminded of what a card will pay by itself, of what waits for a
    milestone or a condition, or of a transfer that has its own reminders
    (`funding.payments.reminders`).
    """
    day = today or timezone.localdate()
    sent = 0
    for pk in _near(day).values_list("pk", flat=True):
        try:
            sent += _remind(pk, day)
        except Exception:
            # One that cannot be asked about keeps no other from its reminder.
            logger.exception("The reminder of instalment %s could not be sent.", pk)
    return sent


def _near(day: datetime.date) -> QuerySet[Instalment]:
    soonest = day - datetime.timedelta(days=REMINDER_DAYS[-1] + MADE_UP_FOR)
    latest = day - datetime.timedelta(days=REMINDER_DAYS[0])
    return (
        Instalment.objects.filter(
            queries.FALLS_DUE,
            received_amount__lt=F("amount"),
            due_on__range=(soonest, latest),
            pledge__in=queries.standing_pledges(day),
        )
        .exclude(pledge__donor__email="")
        .order_by("pk")
    )


def _remind(pk: int, day: datetime.date) -> bool:
    with use_case():
        part = lock_instalment(pk)
        days = _newest(part, day)
        if days is None or not part.outstanding.amount or not part.pledge.stands(day):
            return False
        if part.waits or _comes_by_itself(part):
            return False
        if part.reminders.filter(due_on=part.due_on, days__gte=days).exists():
            return False
        InstalmentReminder.objects.create(instalment=part, days=days, due_on=part.due_on)
        pledge_mail.send_reminder(part, days, day)
    return True


def _newest(part: Instalment, day: datetime.date) -> int | None:
    """The last day of the schedule that has come since the pledge was confirmed."""
    come = [days for days in REMINDER_DAYS if _on(part, days) <= day]
    confirmed_at = part.pledge.confirmed_at
    if not come or confirmed_at is None:
        return None
    if _on(part, come[-1]) <= timezone.localdate(confirmed_at):
        return None
    return come[-1]


def _on(part: Instalment, days: int) -> datetime.date:
    return part.due_on + datetime.timedelta(days=days)


def _comes_by_itself(part: Instalment) -> bool:
    """Whether a card pays it, its payment is being processed, or the donor asked how to transfer it
    and is reminded of that."""
    agreed = mandates.standing(CONSENT, part.pledge_id)
    payments = payments_of([part.pk])
    by_card = agreed is not None and part.due_on >= timezone.localdate(agreed.agreed_at)
    # Charged once: what was declined is paid by hand.
    if by_card and not payments.filter(mandate=agreed, status=Status.FAILED).exists():
        return True
    if payments.filter(status=Status.PROCESSING).exists():
        return True
    return any(_is_donors(each, part) for each in expected_for([part.pk]))


def _is_donors(request: ExpectedPayment, part: Instalment) -> bool:
    donor = part.pledge.donor
    addresses = {donor.email.lower(), donor.user.email.lower() if donor.user else ""}
    return (
        request.payer_email.lower() in addresses - {""}
        and request.due_on is not None
        and request.outstanding == part.outstanding
    )
