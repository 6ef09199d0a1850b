"""The log of talks, trainings and meetings, and the public figures that it adds up to."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.db.models import Count, QuerySet, Sum
from django.db.models.functions import ExtractYear
from django.utils import formats, timezone

from core import audit, countries
from core.countries import sort_key
from core.models import User
from core.transactions import use_case
from home.evangelists import service
from home.evangelists.confirming import lock
from home.evangelists.refusals import (
    EnteredAlready,
    HiddenAlready,
    InTheFuture,
    NotCurrent,
    NotToDecide,
    NotYours,
    ReasonMissing,
    TooLongAgo,
    TooManyActivities,
)
from home.models import Activity, Evangelist, Level

MODERATE = "home.moderate_evangelist"
MOST_A_DAY = 20
YEARS_BACK = 10


# --- The evangelist -------------------------------------------------------------------------------


def enter(evangelist: Evangelist, *, by: User, values: dict[str, Any]) -> Activity:
    """Add what happened; ``values`` are fields of Activity. It is public at once.

    Raises NotYours, NotCurrent, InTheFuture, TooLongAgo, EnteredAlready, TooManyActivities, and
    ValidationError for values that a field refuses.
    """
    with use_case():
        evangelist = lock(evangelist)
        page = service.page_of(evangelist)
        if page is None or service.evangelist_of(by) != evangelist:
            raise NotYours
        today = timezone.localdate()
        if not service.of(evangelist, today).is_current:
            raise NotCurrent
        activity = Activity(evangelist=evangelist, level=page.level, **values)
        activity.clean_fields(exclude=["hidden_at", "hidden_by"])
        _require_sensible(activity, today)
        activity.save()
        audit.record("home.enter_activity", activity, by=by, evangelist=evangelist.pk)
    return activity


def _require_sensible(activity: Activity, today: datetime.date) -> None:
    oldest = datetime.date(today.year - YEARS_BACK, 1, 1)
    if activity.held_on > today:
        raise InTheFuture
    if activity.held_on < oldest:
        raise TooLongAgo(day=formats.date_format(oldest))
    own = Activity.objects.filter(evangelist=activity.evangelist)
    if own.filter(kind=activity.kind, held_on=activity.held_on, title=activity.title).exists():
        raise EnteredAlready
    since = timezone.now() - datetime.timedelta(days=1)
    if own.filter(created_at__gt=since).count() >= MOST_A_DAY:
        raise TooManyActivities(number=MOST_A_DAY)


def remove(activity: Activity, *, by: User) -> None:
    """Take back what one entered; the figures follow. Raises NotYours, HiddenAlready."""
    with use_case():
        evangelist = lock(activity.evangelist)
        if service.evangelist_of(by) != evangelist:
            raise NotYours
        found = Activity.objects.filter(pk=activity.pk, evangelist=evangelist).first()
        if found is None:
            return
        if found.hidden_at is not None:
            # What staff objected to stays, so that it is not entered anew unseen.
            raise HiddenAlready
        audit.record("home.remove_activity", found, by=by, evangelist=evangelist.pk)
        found.delete()


# --- Staff ----------------------------------------------------------------------------------------


def hide(activity: Activity, *, by: User, reason: str) -> None:
    """Take an activity off the page and out of the figures. Raises NotToDecide, ReasonMissing,
    HiddenAlready."""
    with use_case():
        found = Activity.objects.select_for_update().get(pk=activity.pk)
        _require_moderator(by)
        if not reason.strip():
            raise ReasonMissing
        if found.hidden_at is not None:
            raise HiddenAlready
        found.hidden_at = timezone.now()
        found.hidden_by = by
        found.hidden_reason = reason.strip()
        found.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
        audit.record("home.hide_activity", found, by=by, reason=reason.strip())


def show_again(activity: Activity, *, by: User) -> None:
    """Undo `hide`. Raises NotToDecide."""
    with use_case():
        found = Activity.objects.select_for_update().get(pk=activity.pk)
        _require_moderator(by)
        if found.hidden_at is None:
            return
        found.hidden_at = found.hidden_by = None
        found.hidden_reason = ""
        found.save(update_fields=["hidden_at", "hidden_by", "hidden_reason"])
        audit.record("home.show_activity", found, by=by)


def _require_moderator(by: User) -> None:
    if not by.has_perm(MODERATE):
        raise NotToDecide


# --- The figures ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Figure:
    """How many activities, and how many people they reached."""

    label: str
    count: int
    reached: int


@dataclass(frozen=True, slots=True)
class Figures:
    total: Figure
    by_year: list[Figure]
    by_level: list[Figure]
    by_country: list[Figure]


def shown() -> QuerySet[Activity]:
    """What the public sees."""
    return Activity.objects.filter(hidden_at=None)


def figures() -> Figures:
    """All that is shown, by year (the newest first), level and country. One query."""
    rows: list[Any] = list(
        shown()
        .order_by()
        .annotate(year=ExtractYear("held_on"))
        .values("year", "level", "country")
        .annotate(count=Count("pk"), people=Sum("reached"))
    )
    country_names = {row["country"]: _country_name(row["country"]) for row in rows}
    by_country = _summed(rows, "country", country_names)
    return Figures(
        total=_sum("", rows),
        by_year=sorted(
            _summed(rows, "year", {row["year"]: str(row["year"]) for row in rows}),
            key=lambda figure: figure.label,
            reverse=True,
        ),
        by_level=_summed(rows, "level", {level.value: str(level.label) for level in Level}),
        by_country=sorted(by_country, key=lambda figure: (-figure.reached, sort_key(figure.label))),
    )


def figures_of(activities: Iterable[Activity]) -> Figure:
    """The sum of one person's activities."""
    listed = list(activities)
    return Figure("", len(listed), sum(each.reached for each in listed))


def _country_name(code: str) -> str:
    return countries.get(code).name() if code else Activity(country="").country_name


def _summed(rows: list[dict[str, Any]], key: str, labels: dict[Any, str]) -> list[Figure]:
    """A figure for each label that has rows, in the order of the labels."""
    return [
        _sum(label, [row for row in rows if row[key] == value])
        for value, label in labels.items()
        if any(row[key] == value for row in rows)
    ]


def _sum(label: str, rows: list[dict[str, Any]]) -> Figure:
    return Figure(label, sum(row["count"] for row in rows), sum(row["people"] for row in rows))
