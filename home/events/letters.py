"""The messages about registrations, each in the language and the time zone of its reader."""

from typing import Any

from django.core.signing import BadSignature, Signer
from django.urls import reverse
from django.utils.translation import override

from core.mail import enqueue_mail
from core.transactions import inside_transaction
from home.events import zones
from home.events.happenings import Happening
from home.models.event_pages import EventPage
from home.models.events import Event, Registration

_signer = Signer(salt="home.events.registrations")


def token_of(registration: Registration) -> str:
    """What stands in the link to a registration: its id and a signature."""
    return _signer.sign(str(registration.public_id))


def id_in(token: str) -> str | None:
    """The id in a link; None for a link that is not whole or was changed."""
    try:
        return _signer.unsign(token)
    except BadSignature:
        return None


def page_in(event: Event, language: str) -> EventPage | None:
    """The event's page in ``language``, else in another one; None where nothing is published."""
    pages = EventPage.objects.filter(event=event, live=True).select_related("locale")
    found = sorted(pages, key=lambda page: (page.locale.language_code != language, page.pk))
    return found[0] if found else None


@inside_transaction
def send(template: str, registration: Registration, happening: Happening, **more: Any) -> None:
    """Queue a message about a registration; ``more`` is what the template needs besides."""
    event, language = happening.event, registration.language
    page = page_in(event, language)
    with override(language):
        context = {
            "name": registration.name,
            "event": page.title if page else event.name,
            "when": zones.with_zone(happening.starts, happening.ends, registration.zone, language),
            "path": reverse("event_registration", args=[token_of(registration)]),
            **more,
        }
        enqueue_mail(
            template,
            to=registration.email,
            language=language,
            context=context,
            about=f"registration:{registration.pk}/{template.removeprefix('events_')}",
        )


def ways_in(registration: Registration, happening: Happening) -> dict[str, str]:
    """Where to go: place, online link, and the file for a calendar."""
    page = page_in(happening.event, registration.language)
    with override(registration.language):
        return {
            "place": page.place if page else "",
            "join_link": happening.event.join_link,
            "calendar_path": reverse("event_calendar", args=[page.slug]) if page else "",
        }
