"""What of applications, changes of tier and tasks stands in the panel "What needs you"."""

import datetime

from django.urls import reverse
from django.utils import timezone
from django.utils.translation import ngettext

from core.models import User
from funding.payments.backoffice.panel import Need, counted
from funding.payments.permissions import REQUEST_PAYOUT
from membership import reviewing, tasks, tier_changes, waiting
from membership.models import TierChange

# Tasks that are due within so many days are named beside those that are overdue.
SOON = datetime.timedelta(days=7)


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


def of_tier_changes(person: User) -> list[Need | None]:
    """Changes of tier that an officer decides, and what a treasurer gives back of dues."""
    index = reverse("dues_tier_changes:index")
    found: list[Need | None] = []
    if person.has_perm(tier_changes.DECIDE):
        asked = TierChange.objects.filter(
            applied_on__isnull=True, ended_on__isnull=True, effective_on__isnull=True
        ).exclude(asked_by=person)
        found.append(
            counted(
                asked.exclude(term__organisation__seats__person=person).count(),
                lambda count: ngettext(
                    "%(count)s change of tier waits for a decision",
                    "%(count)s changes of tier wait for a decision",
                    count,
                ),
                f"{index}?waiting=decision",
            )
        )
    if person.has_perm(REQUEST_PAYOUT):
        owed = TierChange.objects.filter(
            difference__lt=0, applied_on__isnull=False, settled_on__isnull=True
        )
        found.append(
            counted(
                owed.count(),
                lambda count: ngettext(
                    "Of %(count)s lower tier the difference has to go back",
                    "Of %(count)s lower tiers the difference has to go back",
                    count,
                ),
                f"{index}?waiting=back",
            )
        )
    return found


def of_tasks(person: User) -> list[Need | None]:
    """The tasks in an officer's hands that are late or due soon, and those of groups."""
    if not person.has_perm(tasks.CHANGE):
        return []
    today = timezone.localdate()
    queue = reverse("membership_tasks:index")
    own = tasks.mine(person)
    return [
        counted(
            own.filter(due_on__lt=today).count(),
            lambda count: ngettext(
                "%(count)s task of yours is overdue", "%(count)s tasks of yours are overdue", count
            ),
            f"{queue}?which=mine",
        ),
        counted(
            own.filter(due_on__gte=today, due_on__lte=today + SOON).count(),
            lambda count: ngettext(
                "%(count)s task of yours is due within a week",
                "%(count)s tasks of yours are due within a week",
                count,
            ),
            f"{queue}?which=mine",
        ),
        *(
            _of_group(group, count, f"{queue}?which=nobody")
            for group, count in tasks.by_group(
                tasks.of_groups(person).filter(due_on__lte=today + SOON)
            )
        ),
    ]


def _of_group(group: str, count: int, url: str) -> Need | None:
    """What a group has to share out: ready words, since the name of the group stands in them."""

    def words(count: int) -> str:
        return ngettext(
            "%(group)s: %(count)s task that is due within a week or overdue is in nobody’s hands",
            "%(group)s: %(count)s tasks that are due within a week or overdue are in nobody’s hands",
            count,
        ).replace("%(group)s", group.replace("%", "%%"))

    return counted(count, words, url)
