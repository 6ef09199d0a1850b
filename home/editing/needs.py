"""What of the pages stands in the panel "What needs you"."""

from django.urls import reverse
from django.utils.translation import ngettext
from wagtail.models import TaskState

from core.models import User
from funding.payments.backoffice.panel import Need, counted
from home.editing import reviews, translations
from home.editing.reports import IN_TROUBLE, drafts_of
from home.editing.rights import editable_by, edits_pages
from home.models import PageLink


def of_pages(person: User) -> list[Need | None]:
    """What somebody who edits pages may act on, most urgent first."""
    if not edits_pages(person):
        return []
    return [_to_review(person), _broken(person), _stale(person), _overdue(person), _drafts(person)]


def _to_review(person: User) -> Need | None:
    states = TaskState.objects.reviewable_by(person).filter(status=TaskState.STATUS_IN_PROGRESS)
    return counted(
        states.count(),
        lambda count: ngettext(
            "%(count)s text waits for your review", "%(count)s texts wait for your review", count
        ),
        reverse("wagtailadmin_reports:workflow_tasks") + "?reviewable=true",
    )


def _broken(person: User) -> Need | None:
    links = PageLink.objects.filter(page__in=editable_by(person), address__state__in=IN_TROUBLE)
    return counted(
        links.count(),
        lambda count: ngettext(
            "%(count)s link on a page is broken or does not answer",
            "%(count)s links on pages are broken or do not answer",
            count,
        ),
        reverse("home_reports:links"),
    )


def _stale(person: User) -> Need | None:
    if not person.has_perm("wagtail_localize.submit_translation"):
        return None
    count = translations.stale_count(editable_by(person).values_list("pk", flat=True))
    return counted(
        count,
        lambda count: ngettext(
            "%(count)s translation is stale", "%(count)s translations are stale", count
        ),
        reverse("home_reports:languages") + "?state=stale",
    )


def _overdue(person: User) -> Need | None:
    return counted(
        reviews.overdue(person).count(),
        lambda count: ngettext(
            "%(count)s page was not reviewed for a year",
            "%(count)s pages were not reviewed for a year",
            count,
        ),
        reverse("home_reports:reviews"),
    )


def _drafts(person: User) -> Need | None:
    return counted(
        drafts_of(person).count(),
        lambda count: ngettext(
            "%(count)s draft of yours is not published",
            "%(count)s drafts of yours are not published",
            count,
        ),
        reverse("home_reports:drafts"),
    )
