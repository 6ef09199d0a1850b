"""What comes round: reminders a day before, and forgetting who came."""

import datetime

from django.db.models import Q
from django.utils import timezone

from core.transactions import use_case
from home.events import letters
from home.events.happenings import of_row
from home.events.registering import CONFIRM_WITHIN, lock
from home.models.events import Occurrence, Registration, TravelRequest

State = Registration.State
REMIND_BEFORE = datetime.timedelta(hours=24)
# How long after the event we know who came; the numbers stay.
KEEP_NAMES = datetime.timedelta(days=90)


def due_for_reminder() -> list[int]:
    """The registrations whose occurrence begins within a day and who were not told.

    Who confirmed within that day has the facts from the confirmation.
    """
    now = timezone.now()
    near = (now.date() - datetime.timedelta(days=1), now.date() + datetime.timedelta(days=3))
    rows = Registration.objects.filter(
        Q(occurrence__day__range=near) | Q(occurrence__moved_on__range=near),
        state=State.SEATED,
        reminded_at__isnull=True,
        occurrence__cancelled_at__isnull=True,
    ).select_related("occurrence__event")
    return [row.pk for row in rows if _is_due(row, now)]


def remind(registration_id: int) -> bool:
    """Remind somebody, once; whether a message was queued."""
    with use_case():
        found = (
            Registration.objects.select_for_update(of=("self",))
            .select_related("occurrence__event")
            .filter(pk=registration_id, state=State.SEATED, reminded_at__isnull=True)
            .first()
        )
        now = timezone.now()
        if found is None or not _is_due(found, now):
            return False
        found.reminded_at = now
        found.save(update_fields=["reminded_at"])
        happening = of_row(found.occurrence)
        letters.send("events_reminder", found, happening, **letters.ways_in(found, happening))
    return True


def _is_due(registration: Registration, now: datetime.datetime) -> bool:
    happening = of_row(registration.occurrence)
    opens = happening.starts - REMIND_BEFORE
    told_already = registration.queued_at is not None and registration.queued_at >= opens
    return opens <= now < happening.starts and not happening.is_cancelled and not told_already


def forget() -> int:
    """Erase who registered for what is over since long, and registrations nobody confirmed.

    Country, language, state and the outcome of a request for travel support stay, for the
    numbers. How many were erased or deleted.
    """
    now = timezone.now()
    not_confirmed = Registration.objects.filter(
        state=State.ASKED, asked_at__lt=now - CONFIRM_WITHIN
    )
    count = 0
    for event_row in (
        Occurrence.objects.filter(registrations__in=not_confirmed)
        .select_related("event")
        .distinct()
    ):
        with use_case():
            lock(event_row.event)
            stale = not_confirmed.filter(occurrence=event_row)
            count += stale.count()
            stale.delete()
    for row in _over_since(now - KEEP_NAMES):
        with use_case():
            lock(row.event)
            count += _erase(row, now)
    return count


def _over_since(moment: datetime.datetime) -> list[Occurrence]:
    named = Occurrence.objects.filter(
        day__lt=moment.date() + datetime.timedelta(days=2),
        registrations__erased_at__isnull=True,
        registrations__isnull=False,
    )
    rows = named.select_related("event").distinct()
    return [row for row in rows if of_row(row).ends < moment]


def _erase(row: Occurrence, now: datetime.datetime) -> int:
    people = Registration.objects.filter(occurrence=row, erased_at__isnull=True)
    TravelRequest.objects.filter(registration__in=people).update(travels_from="", needs="", why="")
    return people.update(name="", email="", organisation="", code_hash="", erased_at=now)
