"""What of evangelists waits for whoever looks at the first page of the back office."""

from django.urls import reverse
from django.utils.translation import ngettext

from core.models import User
from funding.payments.backoffice.panel import Need, counted
from home.evangelists import confirming, contact, nominating
from home.models import ContactMessage, Nomination


def needs(person: User) -> list[Need | None]:
    """For the panel "What needs you"."""
    found: list[Need | None] = []
    if person.has_perm(nominating.DECIDE):
        waiting = Nomination.objects.filter(accepted_at__isnull=False, decided_at=None)
        others = waiting.exclude(nominated_by=person).exclude(accepted_by=person)
        found.append(
            counted(
                others.count(),
                lambda count: ngettext(
                    "%(count)s nomination of an evangelist waits for a decision",
                    "%(count)s nominations of evangelists wait for a decision",
                    count,
                ),
                reverse("home_nominations:index") + "?state=waiting",
            )
        )
        found.append(
            counted(
                confirming.returns().exclude(made_by=person).count(),
                lambda count: ngettext(
                    "%(count)s evangelist asks to return",
                    "%(count)s evangelists ask to return",
                    count,
                ),
                reverse("home_evangelists:index"),
            )
        )
    if person.has_perm(contact.MODERATE):
        reported = ContactMessage.objects.filter(reported_at__isnull=False, closed_at=None)
        found.append(
            counted(
                reported.count(),
                lambda count: ngettext(
                    "%(count)s message to an evangelist is reported",
                    "%(count)s messages to evangelists are reported",
                    count,
                ),
                reverse("home_messages:index"),
            )
        )
    return found
