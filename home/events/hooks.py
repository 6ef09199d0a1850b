"""What the back office knows of events: the menu, the acts in the log, what waits for somebody."""

from typing import Any

from django.urls import reverse
from django.utils.translation import gettext_lazy as _
from django.utils.translation import ngettext
from wagtail import hooks

from core.models import User
from funding.payments.backoffice import panel
from home.events.backoffice import EventsGroup
from home.events.permissions import DECIDE_TRAVEL
from home.events.registering import STANDING
from home.models.events import TravelRequest

ACTIONS = {
    "home.add_event": (_("Make an event"), _("Made the event")),
    "home.change_event": (_("Change an event"), _("Changed the event")),
    "home.move_occurrence": (_("Move an occurrence"), _("Moved an occurrence")),
    "home.cancel_occurrence": (_("Cancel an occurrence"), _("Cancelled an occurrence")),
    "home.grant_travel": (_("Grant travel support"), _("Granted the travel support")),
    "home.decline_travel": (_("Decline travel support"), _("Declined the travel support")),
}


@hooks.register("register_log_actions")
def register_event_actions(actions: Any) -> None:
    for name, (label, message) in ACTIONS.items():
        actions.register_action(name, label, message)


@hooks.register("register_admin_viewset")
def events_menu() -> EventsGroup:
    return EventsGroup()


def needs(person: User) -> list[panel.Need | None]:
    """Requests for travel support that wait for an answer."""
    if not person.has_perm(DECIDE_TRAVEL):
        return []
    waiting = TravelRequest.objects.filter(
        state=TravelRequest.State.ASKED, registration__state__in=STANDING
    )
    return [
        panel.counted(
            waiting.count(),
            lambda count: ngettext(
                "%(count)s request for travel support waits for an answer",
                "%(count)s requests for travel support wait for an answer",
                count,
            ),
            f"{reverse('event_travel:index')}?state=asked",
        )
    ]


panel.register(needs)
