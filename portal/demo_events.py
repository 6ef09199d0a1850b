"""The demo's events: a monthly call with what was said, a training with seats and travel support."""

import datetime
from typing import Any

from django.utils import timezone

from core.money import Money
from home.events import recurrence, registering, scheduling
from home.events.recurrence import Repeats
from home.events.registering import Comer, TravelWish
from home.models import Event, EventIndexPage, EventPage, HomePage, Minutes
from portal.site_tree import plant
from portal.texts import events as texts

ZONE = "Africa/Lusaka"


def make_events() -> None:
    """The events themselves, once; dates go by today, so that one call was and others come."""
    if Event.objects.exists():
        return
    today = timezone.localdate()
    scheduling.add_event(
        {
            "name": "Community call (example)",
            "kind": Event.Kind.CALL,
            "zone": ZONE,
            **_at(_first_thursday(today - datetime.timedelta(days=92)), 15, 16),
            "repeats": Repeats.MONTHLY_WEEKDAY,
            "join_link": "https://meet.example.org/community-call",
            "link_for": Event.LinkFor.REGISTERED,
        },
        by=None,
    )
    begins = today + datetime.timedelta(days=70 - today.weekday())
    scheduling.add_event(
        {
            "name": "Training for store managers (example)",
            "kind": Event.Kind.TRAINING,
            "zone": ZONE,
            **_at(begins, 9, 16),
            "ends_on": begins + datetime.timedelta(days=2),
            "capacity": 24,
            "offers_travel_support": True,
        },
        by=None,
    )


def _at(day: datetime.date, begins: int, ends: int) -> dict[str, Any]:
    return {
        "starts_on": day,
        "starts_at": datetime.time(begins),
        "ends_on": day,
        "ends_at": datetime.time(ends),
    }


def _first_thursday(day: datetime.date) -> datetime.date:
    first = day.replace(day=1)
    return first + datetime.timedelta(days=(3 - first.weekday()) % 7)


def load_pages(home: HomePage) -> None:
    """Their pages, in three languages, with agenda and notes of the last call."""
    index = EventIndexPage.objects.child_of(home).first()
    if index is None or EventPage.objects.child_of(index).exists():
        return
    call = Event.objects.filter(kind=Event.Kind.CALL).earliest("pk")
    training = Event.objects.filter(kind=Event.Kind.TRAINING).earliest("pk")
    today = timezone.localdate()
    was = max(recurrence.days(call.schedule, call.starts_on, today - datetime.timedelta(days=1)))
    comes = min(recurrence.days(call.schedule, today, today + datetime.timedelta(days=62)))
    words = {
        language: {
            **given,
            "minutes": [
                Minutes(day=was, agenda=texts.AGENDA[language], notes=texts.NOTES[language]),
                Minutes(day=comes, agenda=texts.AGENDA[language]),
            ],
        }
        for language, given in texts.CALL.items()
    }
    plant(index, EventPage(slug="community-call", event=call, is_example=True), words)
    page = EventPage(slug="store-managers", event=training, is_example=True)
    plant(index, page, texts.TRAINING)


def load_people() -> None:
    """Two invented people come to the training; one asks for help with the journey."""
    training = Event.objects.filter(kind=Event.Kind.TRAINING).earliest("pk")
    if training.occurrences.exists():
        return
    wish = TravelWish(
        travels_from="Lilongwe, Malawi",
        needs="A bus there and back, three nights.",
        why="I train the managers of four districts, and my employer pays no journeys.",
        estimate=Money(38000, "USD"),
    )
    for name, email, country, asked in (
        ("Thoko Example", "thoko@example.org", "MW", wish),
        ("Nuno Example", "nuno@example.org", "MZ", None),
    ):
        registering.ask(
            training,
            training.starts_on,
            Comer(name, email, country, "en", ZONE, "District store (example)", asked),
        )
        found = training.occurrences.get().registrations.get(email=email)
        registering.confirm(found)
