"""Pages that nobody has looked at for a year, and the mark that somebody has."""

import datetime

from django.core.exceptions import PermissionDenied
from django.db.models import F
from django.db.models.functions import Coalesce, Greatest
from django.utils import timezone
from wagtail.models import Page
from wagtail.query import PageQuerySet

from core import audit
from core.models import User
from core.transactions import use_case
from home.editing.rights import editable_by
from home.models import PageReview

REVIEWED_EVERY = datetime.timedelta(days=365)


def overdue(person: User, now: datetime.datetime | None = None) -> PageQuerySet:
    """The published pages that ``person`` may edit and that were neither published nor marked as
    reviewed for a year, the longest first. Aliases repeat another page's words."""
    before = (now or timezone.now()) - REVIEWED_EVERY
    seen = Greatest(
        Coalesce(F("last_published_at"), F("first_published_at"), F("latest_revision_created_at")),
        F("last_review__reviewed_at"),  # PostgreSQL's GREATEST passes over nothing
    )
    return (
        editable_by(person)
        .live()
        .filter(depth__gt=1, alias_of=None)
        .annotate(seen_at=seen)
        .filter(seen_at__lt=before)
        .order_by("seen_at", "pk")
    )


def mark(page: Page, *, by: User) -> PageReview:
    """Say that ``by`` read the page today and that it holds. Raises PermissionDenied."""
    with use_case():
        page = Page.objects.select_for_update(of=("self",)).get(pk=page.pk)
        if not page.permissions_for_user(by).can_edit():
            raise PermissionDenied
        review, _made = PageReview.objects.update_or_create(
            page=page, defaults={"reviewed_at": timezone.now(), "reviewed_by": by}
        )
        audit.record("home.review_page", page, by=by)
    return review
