"""When an event happens: the wall time of its zone, whatever the clocks do."""

import datetime
from zoneinfo import ZoneInfo

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.utils.translation import override

from home.events import happenings, recurrence, zones
from home.events.recurrence import Repeats, Schedule
from home.events.words import how_often
from home.models import Event, Occurrence
from tests.factories.events import EventFactory

DAY = datetime.date.fromisoformat


def schedule(
    start: str, repeats: str = Repeats.NEVER, zone: str = "Europe/Paris", **more: object
) -> Schedule:
    starts = datetime.datetime.fromisoformat(start)
    length = more.pop("length", datetime.timedelta(hours=1))
    assert isinstance(length, datetime.timedelta)
    return Schedule(zone, starts, starts + length, repeats, **more)  # type: ignore[arg-type]


def days(found: Schedule, first: str, last: str) -> list[str]:
    return [str(day) for day in recurrence.days(found, DAY(first), DAY(last))]


@pytest.mark.parametrize(
    ("repeats", "start", "expected"),
    [
        (Repeats.NEVER, "2026-10-01T14:00", ["2026-10-01"]),
        (
            Repeats.WEEKLY,
            "2026-10-15T14:00",
            ["2026-10-15", "2026-10-22", "2026-10-29", "2026-11-05", "2026-11-12"],
        ),
        (
            Repeats.FORTNIGHTLY,
            "2026-10-01T14:00",
            ["2026-10-01", "2026-10-15", "2026-10-29", "2026-11-12"],
        ),
        (Repeats.MONTHLY_DAY, "2026-09-28T14:00", ["2026-09-28", "2026-10-28"]),
        (Repeats.MONTHLY_WEEKDAY, "2026-10-01T14:00", ["2026-10-01", "2026-11-05"]),
        # The fifth of a weekday is the last of its month.
        (Repeats.MONTHLY_WEEKDAY, "2026-09-30T14:00", ["2026-09-30", "2026-10-28"]),
        (Repeats.MONTHLY_WEEKDAY, "2026-09-23T14:00", ["2026-09-23", "2026-10-28"]),
    ],
)
def test_days_follow_the_way_it_repeats(repeats: str, start: str, expected: list[str]) -> None:
    assert days(schedule(start, repeats), "2026-09-01", "2026-11-15") == expected


def test_a_series_ends_after_a_day_or_a_number() -> None:
    until = schedule("2026-10-01T23:30", Repeats.WEEKLY, until=DAY("2026-10-15"))
    count = schedule("2026-10-01T14:00", Repeats.WEEKLY, count=2)

    assert days(until, "2026-01-01", "2027-12-31") == ["2026-10-01", "2026-10-08", "2026-10-15"]
    assert days(count, "2026-01-01", "2027-12-31") == ["2026-10-01", "2026-10-08"]


def test_the_wall_time_of_the_zone_is_kept_over_a_change_of_the_clocks() -> None:
    call = schedule("2026-10-18T14:00", Repeats.WEEKLY)  # clocks go back on 25 October

    before, _end = recurrence.span(call, DAY("2026-10-18"))
    after, _end = recurrence.span(call, DAY("2026-10-25"))

    assert (before.hour, after.hour) == (14, 14)
    assert before.utcoffset() == datetime.timedelta(hours=2)
    assert after.utcoffset() == datetime.timedelta(hours=1)


def test_a_series_without_an_end_is_not_counted_for_ever() -> None:
    call = schedule("2026-10-01T14:00", Repeats.WEEKLY)

    assert recurrence.has_day(call, DAY("2040-10-04"))
    assert days(call, "2060-01-01", "9999-12-31") == []
    assert not recurrence.has_day(call, DAY("9999-12-31"))
    assert len(days(call, "0001-01-01", "9999-12-31")) < 1100


def test_a_time_that_the_clocks_leave_out_comes_an_hour_later() -> None:
    call = schedule("2026-03-22T02:30", Repeats.WEEKLY)

    starts, ends = recurrence.span(call, DAY("2026-03-29"))

    assert (starts.hour, starts.minute) == (3, 30)
    assert ends - starts == datetime.timedelta(hours=1)


def test_every_occurrence_lasts_as_long_as_the_first() -> None:
    night = schedule(
        "2026-10-17T23:00", Repeats.WEEKLY, length=datetime.timedelta(hours=6)
    )  # 24 October is an hour longer

    _starts, ends = recurrence.span(night, DAY("2026-10-24"))

    assert ends == datetime.datetime(2026, 10, 25, 4, tzinfo=ZoneInfo("Europe/Paris"))


def test_the_reader_sees_three_clocks_and_none_twice() -> None:
    starts = datetime.datetime(2026, 12, 3, 14, tzinfo=ZoneInfo("Africa/Lusaka"))
    ends = starts + datetime.timedelta(hours=1)

    told = zones.told(starts, ends, zone="Africa/Lusaka", reader="America/New_York")

    assert [each.words for each in told] == [
        "Thursday, 3 December 2026, 07:00–08:00",
        "Thursday, 3 December 2026, 14:00–15:00",
        "Thursday, 3 December 2026, 12:00–13:00",
    ]
    assert told[0].starts.isoformat() == "2026-12-03T07:00:00-05:00"
    same = zones.told(starts, ends, zone="Africa/Lusaka", reader="Africa/Lusaka")
    assert [each.zone for each in same] == ["Africa/Lusaka", "UTC"]
    with override("pt"):
        assert zones.in_words(starts, ends, "UTC") == (
            "quinta-feira, 3 de dezembro de 2026, 12:00–13:00"
        )


def test_times_past_midnight_and_over_days_say_so() -> None:
    starts = datetime.datetime(2026, 12, 3, 22, tzinfo=datetime.UTC)

    night = zones.in_words(starts, starts + datetime.timedelta(hours=4), "UTC")
    days_long = zones.in_words(starts, starts + datetime.timedelta(days=2), "UTC")

    assert night == "Thursday, 3 December 2026, 22:00–02:00"
    assert days_long == "Thursday, 3 December 2026, 22:00 – Saturday, 5 December 2026, 22:00"


def test_every_zone_on_offer_exists_and_has_a_name() -> None:
    for zone in [*zones.NEAR, *list(zones.all_zones())[::25]]:
        assert zones.is_known(zone)
        ZoneInfo(zone)
        for language in ("en", "fr", "pt"):
            assert zones.city(zone, language)
    assert len(zones.choices("fr")) > 300
    assert not zones.is_known("Mars/Olympus")
    with pytest.raises(ValidationError, match="time zone"):
        zones.validate_zone("Mars/Olympus")


@pytest.mark.django_db
def test_how_often_is_said_in_a_sentence() -> None:
    call = EventFactory(count=6)

    assert how_often(call) == (
        "Every month on the first Thursday, at 14:00 (Central Africa Time, Lusaka). 6 times."
    )
    assert how_often(EventFactory(repeats=Repeats.NEVER)) == ""
    for repeats in Repeats:
        words = how_often(EventFactory.build(repeats=repeats, until=DAY("2027-10-01")))
        assert bool(words) == (repeats != Repeats.NEVER)


@pytest.mark.django_db
def test_an_occurrence_that_was_moved_is_found_where_it_is_now() -> None:
    call = EventFactory(starts_on=DAY("2026-10-01"))
    Occurrence.objects.create(
        event=call,
        day=DAY("2026-11-05"),
        moved_on=DAY("2027-01-20"),
        moved_at=datetime.time(9),
        reason="A holiday",
    )
    rows = list(call.occurrences.all())
    zone = ZoneInfo("Africa/Lusaka")

    november = happenings.between(
        call,
        rows,
        datetime.datetime(2026, 11, 1, tzinfo=zone),
        datetime.datetime(2026, 12, 1, tzinfo=zone),
    )
    january = happenings.between(
        call,
        rows,
        datetime.datetime(2027, 1, 1, tzinfo=zone),
        datetime.datetime(2027, 2, 1, tzinfo=zone),
    )

    assert november == []
    assert [(each.day, each.starts.day) for each in january] == [
        (DAY("2027-01-07"), 7),
        (DAY("2026-11-05"), 20),
    ]
    assert january[1].is_moved


@pytest.mark.django_db
def test_what_comes_and_what_was_meet_at_the_end_of_an_occurrence() -> None:
    call = EventFactory(starts_on=DAY("2026-10-01"))

    with time_machine.travel("2026-11-05 12:59:00+00:00", tick=False):
        assert happenings.upcoming(call, [])[0].day == DAY("2026-11-05")
        assert [each.day for each in happenings.past(call, [])] == [DAY("2026-10-01")]
    with time_machine.travel("2026-11-05 13:00:00+00:00", tick=False):
        assert happenings.upcoming(call, [])[0].day == DAY("2026-12-03")
        assert happenings.past(call, [])[0].day == DAY("2026-11-05")


WRONG: list[tuple[dict[str, object], str]] = [
    ({"ends_at": datetime.time(13)}, "ends before"),
    ({"repeats": Repeats.NEVER, "count": 3}, "Say how it repeats"),
    ({"count": 3, "until": DAY("2027-01-01")}, "not both"),
    ({"until": DAY("2026-09-01")}, "before the first"),
    ({"until": DAY("9999-12-31")}, "between the years"),
    ({"repeats": Repeats.MONTHLY_DAY, "starts_on": DAY("2026-10-31")}, "weekday instead"),
]


@pytest.mark.django_db
@pytest.mark.parametrize(("changes", "words"), WRONG)
def test_what_cannot_be_an_event_is_told_in_words(changes: dict[str, object], words: str) -> None:
    with pytest.raises(ValidationError, match=words):
        EventFactory.build(**changes).full_clean()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [each for each, words in WRONG if "until" not in each or "count" in each]
)
def test_the_database_refuses_it_too(changes: dict[str, object]) -> None:
    with pytest.raises(IntegrityError), transaction.atomic():
        EventFactory(**changes)
    assert not Event.objects.exists()
