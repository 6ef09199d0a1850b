"""Staff confirm that the facts of a page still hold: a day, who it was, a line in the log."""

import datetime

from django.utils import timezone
from wagtail.models import Page

from core import audit
from core.models import User
from core.transactions import use_case
from home.models.communities import CommunityPage
from home.models.confirming import Confirmed
from home.models.implementations import ImplementationCountryPage
from home.refusals import NotPublished, NotYoursToConfirm

KINDS: tuple[type[CommunityPage] | type[ImplementationCountryPage], ...] = (
    CommunityPage,
    ImplementationCountryPage,
)


def may_confirm(page: Page, user: User) -> bool:
    """Whoever may publish the page: readers see the day at once."""
    return issubclass(page.specific_class or Page, Confirmed) and bool(
        page.permissions_for_user(user).can_publish()
    )


def confirm(page: Page, *, by: User) -> datetime.date:
    """Record that ``by`` found the facts of ``page`` true today; that day.

    They are the same facts in each language, so each language's page gets the day. Once more on
    the same day by the same person changes nothing. Raises NotYoursToConfirm and NotPublished.
    """
    if not may_confirm(page, by):
        raise NotYoursToConfirm
    kind = next(kind for kind in KINDS if kind is page.specific_class)
    today = timezone.localdate()
    with use_case():
        pages = kind.objects.filter(translation_key=page.translation_key).order_by("pk")
        rows = {row.pk: row for row in pages.select_for_update(of=("self",))}
        this = rows[page.pk]
        if not this.live:
            raise NotPublished
        if (this.confirmed_on, this.confirmed_by_id) == (today, by.pk):
            return today

        pages.update(confirmed_on=today, confirmed_by=by)
        audit.record("home.confirm", this, by=by, before=str(this.confirmed_on or ""))
    return today
