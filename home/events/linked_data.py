"""An occurrence as schema.org tells it (JSON-LD)."""

from typing import Any

from django.conf import settings
from django.utils.safestring import SafeString

from core.linked_data import block
from home.events.happenings import Happening, open_link
from home.models.event_pages import EventPage

_STATUS = "https://schema.org/Event"


def event(page: EventPage, found: Happening, *, address: str) -> SafeString:
    """The block of an occurrence's page, whose whole address is ``address``."""
    said: dict[str, Any] = {
        "@context": "https://schema.org",
        "@type": "Event",
        "@id": address,
        "url": address,
        "name": page.title,
        "description": page.summary,
        "inLanguage": page.content_language,
        "startDate": found.starts.isoformat(),
        "endDate": found.ends.isoformat(),
        "eventStatus": _STATUS + _status(found),
        "eventAttendanceMode": _STATUS.removesuffix("Event") + _mode(page),
        "location": _location(page, found, address),
        "organizer": {
            "@type": "Organization",
            "name": settings.SITE_NAME,
            "url": settings.SITE_URL,
        },
        "isAccessibleForFree": True,
    }
    if found.is_moved:
        said["previousStartDate"] = found.planned.isoformat()
    if page.speakers:
        said["performer"] = [{"@type": "Person", "name": name} for name in page.speakers]
    return block({name: value for name, value in said.items() if value != ""})


def _status(found: Happening) -> str:
    if found.is_cancelled:
        return "Cancelled"
    return "Rescheduled" if found.is_moved else "Scheduled"


def _mode(page: EventPage) -> str:
    if not page.place:
        return "OnlineEventAttendanceMode"
    return "MixedEventAttendanceMode" if page.event.join_link else "OfflineEventAttendanceMode"


def _location(page: EventPage, found: Happening, address: str) -> Any:
    places: list[dict[str, str]] = []
    if page.place:
        places.append({"@type": "Place", "name": page.place, "address": page.place})
    if not page.place or page.event.join_link:
        places.append({"@type": "VirtualLocation", "url": open_link(found) or address})
    return places[0] if len(places) == 1 else places
