"""What an event says of itself in words: how it repeats."""

from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from home.events import zones
from home.events.recurrence import Repeats
from home.models.events import Event


def how_often(event: Event) -> str:
    """``On the first Thursday of every month, at 14:00 (Central Africa Time, Lusaka).``

    Empty for an event that happens once.
    """
    if not event.does_repeat:
        return ""
    schedule = event.schedule
    values = {
        "weekday": zones.weekday_in_words(event.starts_on),
        "day": event.starts_on.day,
        "time": zones.time_in_words(event.starts_at),
        "zone": zones.long_name(event.zone, schedule.starts.replace(tzinfo=schedule.tz)),
    }
    words = _pattern(event.repeats, schedule.week_of_month) % values
    if event.until is not None:
        words += " " + _("Until %(day)s.") % {"day": zones.day_in_words(event.until)}
    if event.count is not None:
        words += " " + ngettext("%(count)s time.", "%(count)s times.", event.count) % {
            "count": event.count
        }
    return words


def _pattern(repeats: str, week: int) -> str:
    if repeats == Repeats.WEEKLY:
        return _("Every week on %(weekday)s, at %(time)s (%(zone)s).")
    if repeats == Repeats.FORTNIGHTLY:
        return _("Every two weeks on %(weekday)s, at %(time)s (%(zone)s).")
    if repeats == Repeats.MONTHLY_DAY:
        return _("Every month on day %(day)s, at %(time)s (%(zone)s).")
    # A sentence each: languages bend the number after the weekday.
    return {
        1: _("Every month on the first %(weekday)s, at %(time)s (%(zone)s)."),
        2: _("Every month on the second %(weekday)s, at %(time)s (%(zone)s)."),
        3: _("Every month on the third %(weekday)s, at %(time)s (%(zone)s)."),
        4: _("Every month on the fourth %(weekday)s, at %(time)s (%(zone)s)."),
        -1: _("Every month on the last %(weekday)s, at %(time)s (%(zone)s)."),
    }[week]
