"""Events, their pages, and people who come."""

import datetime
import re
from typing import Any

import factory
from django.core import mail

from core.jobs.testing import run_pending_jobs
from home.events import registering
from home.events.recurrence import Repeats
from home.events.registering import Comer
from home.models import Event, EventIndexPage, EventPage, Registration
from tests.factories.home import PublishedPageFactory


class EventFactory(factory.django.DjangoModelFactory):  # type: ignore[misc]
    """A call on the first Thursday of every month, an hour long, at two in the afternoon in Lusaka."""

    class Meta:
        model = Event

    name = factory.Sequence(lambda number: f"Call {number}")
    zone = "Africa/Lusaka"
    starts_on = datetime.date(2026, 10, 1)
    starts_at = datetime.time(14)
    ends_on = factory.SelfAttribute("starts_on")
    ends_at = datetime.time(15)
    repeats = Repeats.MONTHLY_WEEKDAY
    join_link = "https://meet.example.org/call"


class EventPageFactory(PublishedPageFactory):
    class Meta:
        model = EventPage

    below = EventIndexPage
    title = "Community call"
    slug = "community-call"
    event = factory.SubFactory(EventFactory)


def comer(email: str = "amina@example.org", **changes: Any) -> Comer:
    values: dict[str, Any] = {
        "name": "Amina",
        "email": email,
        "country": "MW",
        "language": "en",
        "zone": "Africa/Lusaka",
        **changes,
    }
    return Comer(**values)


def ask(event: Event, day: datetime.date, email: str = "amina@example.org", **more: Any) -> Any:
    """Somebody asks for a seat; their registration."""
    registering.ask(event, day, comer(email, **more))
    return Registration.objects.get(email=email, occurrence__event=event, occurrence__day=day)


def seat(event: Event, day: datetime.date, email: str = "amina@example.org", **more: Any) -> Any:
    """Somebody asks and confirms; their registration."""
    return registering.confirm(ask(event, day, email, **more))


def sent() -> list[Any]:
    """The messages that wait to go out are sent; all of this test."""
    run_pending_jobs()
    return list(mail.outbox)


def link_in(message: Any) -> str:
    """The path of the registration that a message names."""
    found = re.search(r"http://testserver(\S*/events/registration/\S+)", message.body)
    assert found, message.body
    return found[1]


def code_in(message: Any) -> str:
    found = re.search(r"^\s+([A-Z0-9]{4}-[A-Z0-9]{4})$", message.body, re.MULTILINE)
    assert found, message.body
    return found[1]
