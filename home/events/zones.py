"""Time zones as readers know them, and times written in one."""

import datetime
import functools
from dataclasses import dataclass
from zoneinfo import ZoneInfo, available_timezones

from babel.core import get_global
from babel.dates import format_date, format_time, get_timezone_location, get_timezone_name
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.utils.translation import get_language, gettext_lazy
from django.utils.translation import gettext as _

from core import countries
from core.countries import sort_key
from core.money import babel_locale

COOKIE = "zone"
COOKIE_LASTS = 365 * 24 * 60 * 60
UTC = "UTC"
# Where the community lives: the countries that run OpenLMIS, and those who work with them.
NEAR = (
    "Africa/Abidjan",
    "Africa/Lagos",
    "Africa/Luanda",
    "Africa/Lusaka",
    "Africa/Maputo",
    "Africa/Blantyre",
    "Africa/Nairobi",
    "Africa/Dar_es_Salaam",
    "Africa/Addis_Ababa",
    "Europe/London",
    "Europe/Paris",
    "Asia/Kolkata",
    "America/New_York",
    "America/Los_Angeles",
)


def validate_zone(name: str) -> None:
    if name not in available_timezones():
        raise ValidationError(
            gettext_lazy("“%(name)s” is not a time zone. Write one such as Africa/Lusaka."),
            params={"name": name},
        )


@functools.cache
def all_zones() -> dict[str, str]:
    """Every zone that people live in → its country's two letters, of CLDR."""
    known, lands = available_timezones(), countries.all_countries()
    found: dict[str, str] = {}
    for zone, land in get_global("zone_territories").items():
        if zone in known and land in lands and "/" in zone:
            found[str(zone)] = str(land)
    return found


def is_known(name: str) -> bool:
    return name == UTC or name in all_zones()


def city(zone: str, language: str | None = None) -> str:
    """The place that a zone is named by: ``Lusaka``."""
    if zone == UTC:
        return UTC
    return str(get_timezone_location(zone, locale=babel_locale(language), return_city=True))


def long_name(zone: str, at: datetime.datetime | None = None, language: str | None = None) -> str:
    """What the zone's time is called, with its place: ``Central Africa Time, Lusaka``."""
    if zone == UTC:
        return UTC
    local = (at or datetime.datetime.now(datetime.UTC)).astimezone(ZoneInfo(zone))
    name = get_timezone_name(local, width="long", locale=_locale(language))
    return f"{name}, {city(zone, language)}"


@functools.lru_cache(maxsize=16)
def choices(language: str) -> list[tuple[str, str]]:
    """All zones for a form, by country: ``Zambia: Lusaka``."""
    named = [
        (zone, f"{countries.get(land).name(language)}: {city(zone, language)}")
        for zone, land in all_zones().items()
    ]
    return sorted(named, key=lambda pair: sort_key(pair[1]))


def near(*more: str, language: str | None = None) -> list[tuple[str, str]]:
    """The short list for a form, sorted by place; ``more`` are zones that must be in it."""
    names = {*NEAR, *(zone for zone in more if zone)} - {UTC}
    named = sorted(((zone, city(zone, language)) for zone in names), key=lambda p: sort_key(p[1]))
    return [*named, (UTC, UTC)]


# --- The reader's choice --------------------------------------------------------------------------


def of_reader(request: HttpRequest) -> str:
    """The zone that the reader chose, by the address or before; empty where they chose none."""
    for name in (request.GET.get("zone", ""), request.COOKIES.get(COOKIE, "")):
        if name and is_known(name):
            return name
    return ""


def remember(request: HttpRequest, response: HttpResponse) -> None:
    """Keep what the reader chose just now by sending the form."""
    sent = request.GET.get("zone", "")
    if sent and is_known(sent):
        response.set_cookie(COOKIE, sent, max_age=COOKIE_LASTS, httponly=True, samesite="Lax")


# --- Times in words -------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Told:
    """A span of time in one zone: ``label`` says whose time it is."""

    label: str
    starts: datetime.datetime
    words: str
    zone: str


def in_words(
    starts: datetime.datetime,
    ends: datetime.datetime,
    zone: str,
    language: str | None = None,
) -> str:
    """``Thursday, 3 December 2026, 14:00–15:00``; the second day is named where it is another."""
    tz = datetime.UTC if zone == UTC else ZoneInfo(zone)
    first, last = starts.astimezone(tz), ends.astimezone(tz)
    begins = f"{day_in_words(first.date(), language)}, {time_in_words(first.time(), language)}"
    if first.date() == last.date():
        return f"{begins}–{time_in_words(last.time(), language)}"
    if last - first < datetime.timedelta(hours=12):
        # Past midnight: the next day goes without saying.
        return f"{begins}–{time_in_words(last.time(), language)}"
    return (
        f"{begins} – {day_in_words(last.date(), language)}, {time_in_words(last.time(), language)}"
    )


def with_zone(
    starts: datetime.datetime, ends: datetime.datetime, zone: str, language: str | None = None
) -> str:
    """The span with its zone, for a message."""
    return f"{in_words(starts, ends, zone, language)} ({long_name(zone, starts, language)})"


def day_in_words(day: datetime.date, language: str | None = None) -> str:
    return str(format_date(day, "full", locale=_locale(language)))


def weekday_in_words(day: datetime.date, language: str | None = None) -> str:
    return str(format_date(day, "EEEE", locale=_locale(language)))


def time_in_words(time: datetime.time, language: str | None = None) -> str:
    return str(format_time(time, "short", locale=_locale(language)))


def told(
    starts: datetime.datetime, ends: datetime.datetime, *, zone: str, reader: str = ""
) -> list[Told]:
    """The span in the reader's time (where chosen), in the event's, in UTC; none of them twice."""
    lines = [(_("Your time"), reader), (_("At the event"), zone), (UTC, UTC)]
    found: dict[str, Told] = {}
    for label, name in lines:
        if name and name not in found:
            tz = datetime.UTC if name == UTC else ZoneInfo(name)
            where = f"{label}: {long_name(name, starts)}" if name != UTC else label
            found[name] = Told(where, starts.astimezone(tz), in_words(starts, ends, name), name)
    return list(found.values())


def _locale(language: str | None = None) -> str:
    """English for readers everywhere, as `portal.formats` has it: the day first, 24 hours."""
    code = language or get_language() or "en"
    return {"en": "en_GB", "pt": "pt_PT"}.get(code, str(babel_locale(code)))
