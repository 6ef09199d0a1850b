"""What calendar programs read is what our pages say."""

import datetime
from collections.abc import Iterator
from zoneinfo import ZoneInfo

import icalendar
import pytest
import time_machine
from dateutil.rrule import rrulestr
from django.test import Client
from django.utils import timezone

from home.events import happenings
from home.events.recurrence import Repeats
from home.models import Event, HomePage, Occurrence
from tests.factories.events import EventFactory, EventPageFactory

FILE = "/events/community-call.ics"
FEED = "/events/calendar.ics"
DAY = datetime.date.fromisoformat
FIRST = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
LAST = datetime.datetime(2028, 1, 1, tzinfo=datetime.UTC)


@pytest.fixture(autouse=True)
def _a_day_in_november() -> Iterator[None]:
    with time_machine.travel("2026-11-28 10:00:00+00:00", tick=False):
        yield


def read(client: Client, address: str = FILE) -> icalendar.Calendar:
    answer = client.get(address)
    assert answer.status_code == 200
    assert answer["Content-Type"] == "text/calendar; charset=utf-8"
    return icalendar.Calendar.from_ical(answer.content)


def components(calendar: icalendar.Calendar) -> list[icalendar.Event]:
    return list(calendar.walk("VEVENT"))


def expanded(calendar: icalendar.Calendar) -> list[tuple[datetime.datetime, datetime.datetime]]:
    """Every occurrence as a program finds it: by the rule, without what is taken out or replaced."""
    found: dict[datetime.datetime, tuple[datetime.datetime, datetime.datetime]] = {}
    main = [each for each in components(calendar) if "RECURRENCE-ID" not in each]
    assert len(main) == 1
    start, end = main[0].decoded("dtstart"), main[0].decoded("dtend")
    length = end.astimezone(datetime.UTC) - start.astimezone(datetime.UTC)
    starts = [start]
    if "RRULE" in main[0]:
        line = main[0]["RRULE"].to_ical().decode()
        starts = list(rrulestr(line, dtstart=start).between(FIRST, LAST, inc=True))
    gone = set()
    if "EXDATE" in main[0]:
        given = main[0]["EXDATE"]
        gone = {
            each.dt for part in (given if isinstance(given, list) else [given]) for each in part.dts
        }
    for each in starts:
        if each not in gone:
            instant = each.astimezone(datetime.UTC)
            found[instant] = (instant, instant + length)
    for other in components(calendar):
        if "RECURRENCE-ID" in other:
            planned = other.decoded("recurrence-id").astimezone(datetime.UTC)
            assert planned in found, "it replaces an occurrence that there is"
            found[planned] = (
                other.decoded("dtstart").astimezone(datetime.UTC),
                other.decoded("dtend").astimezone(datetime.UTC),
            )
    return sorted(found.values())


def ours(event: Event) -> list[tuple[datetime.datetime, datetime.datetime]]:
    rows = list(event.occurrences.all())
    found = happenings.between(event, rows, FIRST, LAST)
    return sorted(
        (each.starts.astimezone(datetime.UTC), each.ends.astimezone(datetime.UTC))
        for each in found
        if not each.is_cancelled
    )


@pytest.mark.parametrize("zone", ["Africa/Lusaka", "Europe/Paris", "America/New_York", "UTC"])
@pytest.mark.parametrize(
    ("repeats", "more"),
    [
        (Repeats.NEVER, {}),
        (Repeats.WEEKLY, {"until": DAY("2027-04-08")}),
        (Repeats.WEEKLY, {"starts_at": datetime.time(23, 30), "ends_at": datetime.time(23, 50),
                          "until": DAY("2026-12-31")}),
        (Repeats.FORTNIGHTLY, {"count": 20}),
        (Repeats.MONTHLY_DAY, {}),
        (Repeats.MONTHLY_WEEKDAY, {}),
        (Repeats.MONTHLY_WEEKDAY, {"starts_on": DAY("2026-09-30"), "count": 9}),
    ],
)  # fmt: skip
def test_a_program_finds_the_same_occurrences(
    site: HomePage, client: Client, zone: str, repeats: str, more: dict[str, object]
) -> None:
    event = EventFactory(zone=zone, repeats=repeats, **more)
    EventPageFactory(event=event)
    days = [each.day for each in happenings.between(event, [], FIRST, LAST)]
    if len(days) > 3:
        Occurrence.objects.create(
            event=event, day=days[1], cancelled_at=timezone.now(), reason="No line"
        )
        Occurrence.objects.create(
            event=event, day=days[2], moved_on=days[2] + datetime.timedelta(days=1),
            moved_at=datetime.time(9, 15), reason="A holiday",
        )  # fmt: skip

    calendar = read(client)

    assert expanded(calendar) == ours(event)
    zones = {str(each["TZID"]) for each in calendar.walk("VTIMEZONE")}
    assert zones == ({zone} if zone != "UTC" else set())


def test_an_event_says_what_and_where_it_is(site: HomePage, client: Client) -> None:
    event = EventFactory()
    EventPageFactory(event=event, title="A call; with, signs", place="Lusaka, room 3")

    calendar = read(client)
    (main,) = components(calendar)

    assert calendar["VERSION"] == "2.0"
    assert main["SUMMARY"] == "A call; with, signs"
    assert main["LOCATION"] == "Lusaka, room 3"  # not the link, which is for those who registered
    assert main["UID"] == str(event.uid)
    assert main["SEQUENCE"] == 0
    assert main["URL"] == "http://testserver/events/community-call/"
    assert main["RRULE"].to_ical().decode() == "FREQ=MONTHLY;BYDAY=1TH"
    assert main["DTSTART"].params["TZID"] == "Africa/Lusaka"
    answer = client.get(FILE)
    assert answer["Content-Disposition"] == 'attachment; filename="community-call.ics"'
    assert all(len(line) <= 75 for line in answer.content.split(b"\r\n"))


def test_one_day_that_is_cancelled_stays_and_says_so(site: HomePage, client: Client) -> None:
    event = EventFactory(repeats=Repeats.NEVER)
    EventPageFactory(event=event)
    Occurrence.objects.create(
        event=event, day=event.starts_on, cancelled_at=timezone.now(), reason="No line"
    )

    (main,) = components(read(client))

    assert main["STATUS"] == "CANCELLED"
    assert "No line" in main["DESCRIPTION"]


def test_a_day_moved_keeps_the_series_and_names_the_day_it_replaces(
    site: HomePage, client: Client
) -> None:
    event = EventFactory(sequence=3)
    EventPageFactory(event=event)
    Occurrence.objects.create(
        event=event,
        day=DAY("2026-12-03"),
        moved_on=DAY("2026-12-10"),
        moved_at=datetime.time(16),
        reason="A holiday",
    )

    main, moved = components(read(client))

    assert moved["UID"] == main["UID"]
    assert moved["SEQUENCE"] == main["SEQUENCE"] == 3
    assert moved.decoded("recurrence-id") == datetime.datetime(
        2026, 12, 3, 14, tzinfo=ZoneInfo("Africa/Lusaka")
    )
    assert "A holiday" in moved["DESCRIPTION"]


def test_the_file_changes_with_the_facts_alone(site: HomePage, client: Client) -> None:
    event = EventFactory()
    EventPageFactory(event=event)
    first = client.get(FILE)

    with time_machine.travel("2026-12-28 10:00:00+00:00", tick=False):
        again = client.get(FILE)
        unchanged = client.get(FILE, headers={"If-None-Match": first["ETag"]})
    Event.objects.filter(pk=event.pk).update(starts_at=datetime.time(13))
    changed = client.get(FILE, headers={"If-None-Match": first["ETag"]})

    assert again.content == first.content
    assert unchanged.status_code == 304
    assert unchanged.content == b""
    assert unchanged["ETag"] == first["ETag"]
    assert changed.status_code == 200
    assert changed["ETag"] != first["ETag"]
    assert client.post(FILE).status_code == 405


def test_the_feed_has_every_published_event_in_the_language_asked_for(
    site: HomePage, client: Client
) -> None:
    EventPageFactory()
    EventPageFactory(slug="another", title="Another")
    EventPageFactory(slug="draft", title="A draft", live=False)
    old = EventFactory(repeats=Repeats.NEVER, starts_on=DAY("2024-01-01"))
    EventPageFactory(slug="old", title="Long ago", event=old)

    english, french = read(client, FEED), read(client, f"/fr{FEED}")

    assert [str(each["SUMMARY"]) for each in components(english)] == ["Community call", "Another"]
    assert {str(each["UID"]) for each in components(english)} == {
        str(each["UID"]) for each in components(french)
    }
    assert str(components(french)[0]["URL"]).startswith("http://testserver/fr/events/")
    assert str(english["X-WR-CALNAME"]) == "Events of the OpenLMIS Foundation"
    listed = client.get("/events/").content.decode()
    assert f'href="webcal://testserver{FEED}"' in listed
    assert f'href="{FEED}"' in listed


def test_the_feed_of_a_site_without_events_is_a_calendar(site: HomePage, client: Client) -> None:
    assert components(read(client, FEED)) == []


@pytest.mark.parametrize("slug", ["nothing", "a.b", ".."])
def test_an_event_that_is_none_has_no_file(site: HomePage, client: Client, slug: str) -> None:
    assert client.get(f"/events/{slug}.ics").status_code == 404
