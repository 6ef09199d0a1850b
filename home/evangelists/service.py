"""Whether an evangelist serves, since when and until when: read off the confirmations and a day."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from django.utils import timezone

from core.models import User
from home.models import Confirmation, Evangelist, EvangelistPage
from membership.terms import last_day_of_year_from


class Status(StrEnum):
    CURRENT = "current"
    ALUMNUS = "alumnus"
    # Nothing counts yet, or the person was forgotten.
    NONE = "none"


@dataclass(frozen=True, slots=True)
class Service:
    """``until`` is the last day that the last confirmation covers, past or to come."""

    status: Status
    since: datetime.date | None = None
    until: datetime.date | None = None

    @property
    def is_current(self) -> bool:
        return self.status == Status.CURRENT

    @property
    def is_alumnus(self) -> bool:
        return self.status == Status.ALUMNUS


NOTHING = Service(Status.NONE)


def last_day(counts_from: datetime.date) -> datetime.date:
    """The last day of the year that a confirmation counts for: the day before the same date."""
    return last_day_of_year_from(counts_from)


def on_days(
    first: datetime.date | None, last_confirmed: datetime.date | None, on: datetime.date
) -> Service:
    """The service on a day, of the first and the last confirmation that count."""
    if first is None or last_confirmed is None:
        return NOTHING
    until = last_day(last_confirmed)
    return Service(Status.CURRENT if on <= until else Status.ALUMNUS, first, until)


def of(evangelist: Evangelist, on: datetime.date | None = None) -> Service:
    """One query, or none where the row comes from ``with_days()``."""
    if evangelist.erased_at is not None:
        return NOTHING
    if not hasattr(evangelist, "last_confirmed_on"):
        evangelist = Evangelist.objects.with_days().get(pk=evangelist.pk)
    return on_days(
        evangelist.first_day,  # type: ignore[attr-defined]
        evangelist.last_confirmed_on,  # type: ignore[attr-defined]
        on or timezone.localdate(),
    )


def periods(
    confirmations: Iterable[Confirmation],
) -> list[tuple[datetime.date, datetime.date]]:
    """The spans that the confirmations cover without a gap, oldest first."""
    days = sorted(each.counts_from for each in confirmations if each.counts_from is not None)
    found: list[tuple[datetime.date, datetime.date]] = []
    for first in days:
        last = last_day(first)
        if found and first <= found[-1][1] + datetime.timedelta(days=1):
            found[-1] = (found[-1][0], max(found[-1][1], last))
        else:
            found.append((first, last))
    return found


def person_of(evangelist: Evangelist) -> User | None:
    """Whose pages they are; None where staff named nobody."""
    page = page_of(evangelist)
    return page.person if page else None


def people_of(evangelists: Iterable[Evangelist]) -> dict[int, User | None]:
    """`person_of` of many by their ids, by one query."""
    pages = EvangelistPage.objects.filter(evangelist__in=evangelists, alias_of__isnull=True)
    found: dict[int, User | None] = {}
    for page in pages.select_related("person").order_by("-live", "person", "pk"):
        assert page.evangelist_id is not None
        found.setdefault(page.evangelist_id, page.person)
    return found


def page_of(evangelist: Evangelist) -> EvangelistPage | None:
    """The page by which the person is known: one of theirs, published before a draft."""
    return (
        EvangelistPage.objects.filter(evangelist=evangelist, alias_of__isnull=True)
        .select_related("person", "locale")
        .order_by("-live", "person", "pk")
        .first()
    )


def evangelist_of(person: User) -> Evangelist | None:
    """The service of a person who has a profile."""
    page = (
        EvangelistPage.objects.filter(person=person)
        .exclude(evangelist=None)
        .select_related("evangelist")
        .order_by("pk")
        .first()
    )
    return page.evangelist if page else None


def takes_messages(evangelist: Evangelist, person: User | None, service: Service) -> bool:
    """Whether anyone can write to them: in service, willing, and with an account that is open."""
    return (
        service.is_current
        and evangelist.accepts_messages
        and person is not None
        and person.is_active
    )
