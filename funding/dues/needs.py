"""What of the applications stands in the panel "What needs you"."""

from django.urls import reverse
from django.utils.translation import ngettext

from core.models import User
from funding.payments.backoffice.panel import Need, counted
from membership import reviewing, waiting


def of_applications(person: User) -> list[Need | None]:
    """What an officer may act on, most urgent first."""
    if not person.has_perm(reviewing.DECIDE):
        return []
    queue = reverse("membership_applications:index")
    return [
        counted(
            waiting.overdue(person).count(),
            lambda count: ngettext(
                "%(count)s application is overdue", "%(count)s applications are overdue", count
            ),
            f"{queue}?waiting=overdue",
        ),
        counted(
            waiting.appeals_for(person).count(),
            lambda count: ngettext(
                "%(count)s appeal waits for a decision",
                "%(count)s appeals wait for a decision",
                count,
            ),
            f"{queue}?waiting=appeal",
        ),
        counted(
            waiting.for_second_approval(person).count(),
            lambda count: ngettext(
                "%(count)s application waits for your second approval",
                "%(count)s applications wait for your second approval",
                count,
            ),
            f"{queue}?waiting=second",
        ),
        counted(
            waiting.in_the_hands_of(person).count(),
            lambda count: ngettext(
                "%(count)s application is in your hands",
                "%(count)s applications are in your hands",
                count,
            ),
            f"{queue}?waiting=me",
        ),
        counted(
            waiting.in_nobodys_hands(person).count(),
            lambda count: ngettext(
                "%(count)s application is in nobody’s hands",
                "%(count)s applications are in nobody’s hands",
                count,
            ),
            f"{queue}?waiting=nobody",
        ),
    ]
