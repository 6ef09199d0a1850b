"""Registering for an occurrence, without an account.

Asking sends a mail with a link and a code. A seat is given when the address is confirmed, in the
order of confirming; whoever comes when all are taken waits, and moves up when somebody withdraws.
The row of the event is the lock: one seat is never given twice.
"""

import datetime
import uuid
from dataclasses import dataclass

from django.utils import timezone
from django.utils.translation import override

from core.money import Money
from core.transactions import inside_transaction, use_case
from core.typed_codes import hashes_of, new_code
from home.events import letters
from home.events.happenings import LOOKS_AHEAD, Happening, happening, of_row
from home.events.refusals import (
    CodeUnknown,
    ConfirmedTooLate,
    NoRegistration,
    NoSuchOccurrence,
    NothingToConfirm,
    NothingToWithdraw,
    NotOpen,
    OccurrenceBegun,
    OccurrenceCancelled,
)
from home.models.events import Event, Occurrence, Registration, TravelRequest

State = Registration.State
# Who comes, or would.
STANDING = (State.SEATED, State.WAITING)
CONFIRM_WITHIN = datetime.timedelta(days=2)


@dataclass(frozen=True, slots=True)
class TravelWish:
    """What somebody asks travel support for; ``estimate`` where they gave one."""

    travels_from: str
    needs: str
    why: str
    estimate: Money | None = None


@dataclass(frozen=True, slots=True)
class Comer:
    """Who registers. ``zone`` and ``language`` are those of our messages."""

    name: str
    email: str
    country: str
    language: str
    zone: str
    organisation: str = ""
    wish: TravelWish | None = None


def why_closed(found: Happening) -> NotOpen | None:
    """Why nobody can register for an occurrence now; None where they can."""
    if not found.event.takes_registrations:
        return NoRegistration()
    if found.is_cancelled:
        return OccurrenceCancelled()
    return OccurrenceBegun() if found.has_begun else None


def ask(event: Event, day: datetime.date, comer: Comer) -> None:
    """Write a registration down and mail how to confirm it.

    Nothing tells whoever asked whether the address is registered already: its reader gets the
    facts again by mail. Raises NoSuchOccurrence and NotOpen.
    """
    with use_case():
        event = lock(event)
        row = row_of(event, day)
        found = of_row(row)
        if refusal := why_closed(found):
            raise refusal
        if found.starts > timezone.now() + LOOKS_AHEAD:
            raise NoSuchOccurrence
        known = row.registrations.filter(email__iexact=comer.email, erased_at__isnull=True).exclude(
            state=State.WITHDRAWN
        )
        registration = known.first()
        if registration is not None and registration.state in STANDING:
            _tell_standing(registration, found)
            return
        if registration is None:
            registration = Registration(occurrence=row, email=comer.email.strip().lower())
        code = new_code()
        registration.name = comer.name
        registration.organisation = comer.organisation
        registration.country = comer.country
        registration.language = comer.language
        registration.zone = comer.zone
        registration.asked_at = timezone.now()
        registration.code_hash = hashes_of(code)[0]
        registration.save()
        _keep_wish(registration, comer.wish if event.offers_travel_support else None)
        _send_code(registration, found, code)


def _keep_wish(registration: Registration, wish: TravelWish | None) -> None:
    TravelRequest.objects.filter(registration=registration).delete()
    if wish is not None:
        TravelRequest.objects.create(
            registration=registration,
            travels_from=wish.travels_from,
            needs=wish.needs,
            why=wish.why,
            amount=wish.estimate.amount if wish.estimate else None,
            currency=wish.estimate.currency if wish.estimate else "",
        )


def _send_code(registration: Registration, found: Happening, code: str) -> None:
    page = letters.page_in(found.event, registration.language)
    with override(registration.language):
        code_path = page.path_of(found.day, "registered/") if page else ""
    letters.send("events_confirm", registration, found, code=code, code_path=code_path)


def find(token: str) -> Registration | None:
    """The registration of a link; None for a link that is broken, or of somebody erased."""
    try:
        public_id = uuid.UUID(letters.id_in(token) or "")
    except ValueError:
        return None
    rows = Registration.objects.select_related("occurrence__event", "travel_request")
    return rows.filter(public_id=public_id, erased_at__isnull=True).first()


def confirm(registration: Registration) -> Registration:
    """Take a seat, or the next place on the waiting list. Confirmed twice it stays as it is.

    Raises NothingToConfirm, ConfirmedTooLate and NotOpen.
    """
    with use_case():
        event = lock(registration.occurrence.event)
        registration = _anew(registration)
        if registration.state in STANDING:
            return registration
        if registration.state != State.ASKED:
            raise NothingToConfirm
        found = _happening_of(registration, event)
        if refusal := why_closed(found):
            raise refusal
        if registration.asked_at < timezone.now() - CONFIRM_WITHIN:
            raise ConfirmedTooLate
        registration.queued_at = timezone.now()
        registration.code_hash = ""
        has_room = seats_left(event, registration.occurrence) != 0
        registration.state = State.SEATED if has_room else State.WAITING
        registration.save(update_fields=["queued_at", "code_hash", "state"])
        _tell_standing(registration, found)
    return registration


def confirm_by_code(event: Event, day: datetime.date, code: str) -> Registration:
    """`confirm` by the code in the mail. Raises CodeUnknown besides."""
    found = Registration.objects.filter(
        occurrence__event=event,
        occurrence__day=day,
        state=State.ASKED,
        code_hash__in=hashes_of(code),
    )
    registration = found.select_related("occurrence__event").first()
    if registration is None:
        raise CodeUnknown
    return confirm(registration)


def withdraw(registration: Registration) -> Registration:
    """Give up one's seat or place; the first who waits moves up. Raises NothingToWithdraw."""
    with use_case():
        event = lock(registration.occurrence.event)
        registration = _anew(registration)
        if registration.state == State.WITHDRAWN:
            return registration
        found = _happening_of(registration, event)
        if registration.state not in STANDING or found.has_begun:
            raise NothingToWithdraw
        registration.state = State.WITHDRAWN
        registration.save(update_fields=["state"])
        letters.send("events_withdrawn", registration, found)
        fill_seats(found)
    return registration


@inside_transaction
def fill_seats(found: Happening) -> int:
    """Give free seats to those who wait, the first first; how many. The event is locked."""
    row = found.row
    if row is None or found.has_begun or found.is_cancelled:
        return 0
    left = seats_left(found.event, row)
    waiting = row.registrations.filter(state=State.WAITING).order_by("queued_at", "pk")
    moved_up = list(waiting if left is None else waiting[:left])
    for registration in moved_up:
        registration.state = State.SEATED
        registration.save(update_fields=["state"])
        _tell_seated(registration, found, moved_up=True)
    return len(moved_up)


def seats_left(event: Event, row: Occurrence | None) -> int | None:
    """How many seats are free, none below zero; None where there is room for everybody."""
    if event.capacity is None:
        return None
    taken = row.registrations.filter(state=State.SEATED).count() if row else 0
    return max(event.capacity - taken, 0)


def place_in_line(registration: Registration) -> int:
    """Which place on the waiting list somebody has: 1 is the next to get a seat."""
    ahead = Registration.objects.filter(occurrence=registration.occurrence_id, state=State.WAITING)
    earlier = ahead.filter(queued_at__lt=registration.queued_at)
    same = ahead.filter(queued_at=registration.queued_at, pk__lt=registration.pk)
    return earlier.count() + same.count() + 1


# --- Messages -------------------------------------------------------------------------------------


def _tell_standing(registration: Registration, found: Happening) -> None:
    if registration.state == State.SEATED:
        _tell_seated(registration, found, moved_up=False)
    else:
        letters.send(
            "events_waiting", registration, found, place_in_line=place_in_line(registration)
        )


def _tell_seated(registration: Registration, found: Happening, *, moved_up: bool) -> None:
    ways = letters.ways_in(registration, found)
    letters.send("events_registered", registration, found, moved_up=moved_up, **ways)


# --- Rows -----------------------------------------------------------------------------------------


@inside_transaction
def lock(event: Event) -> Event:
    """The event as it stands now, locked until the end of the use case."""
    return Event.objects.select_for_update().get(pk=event.pk)


@inside_transaction
def row_of(event: Event, day: datetime.date) -> Occurrence:
    """The row of an occurrence, made where there is none. Raises NoSuchOccurrence."""
    row = Occurrence.objects.filter(event=event, day=day).first()
    if row is None:
        if happening(event, day, None) is None:
            raise NoSuchOccurrence
        row = Occurrence.objects.create(event=event, day=day)
    row.event = event
    return row


def _anew(registration: Registration) -> Registration:
    return (
        Registration.objects.select_for_update(of=("self",))
        .select_related("occurrence")
        .get(pk=registration.pk)
    )


def _happening_of(registration: Registration, event: Event) -> Happening:
    registration.occurrence.event = event
    return of_row(registration.occurrence)
