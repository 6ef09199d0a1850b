"""Staff make, move and cancel; officers see who comes; nobody else does."""

import csv
import datetime
import io
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.exceptions import ValidationError
from django.test import Client
from django.urls import reverse
from wagtail.models import ModelLogEntry

from core.refusals import Refusal
from funding.payments.backoffice.panel import needs_of
from home.events import registering, scheduling, travel
from home.events.recurrence import Repeats
from home.events.refusals import (
    CancelledAlready,
    DecidedAlready,
    MovedIntoThePast,
    MovedNowhere,
    NoSuchOccurrence,
    NotConfirmed,
    OccurrenceOver,
    OwnRequest,
    PublishedEvent,
    ScheduleInUse,
)
from home.models import Event, HomePage, Minutes, Occurrence, Registration, TravelRequest
from portal import groups
from tests.conftest import CommittedDatabase
from tests.factories.events import EventFactory, EventPageFactory, ask, seat, sent
from tests.factories.home import PersonFactory, make_staff, sign_in
from tests.races import together

DAY = datetime.date(2026, 12, 3)
NEXT = datetime.date(2027, 1, 7)
TO = datetime.datetime(2026, 12, 10, 16)
WISH = registering.TravelWish("Lilongwe", "A bus", "I train managers")
OFFICERS = groups.MEMBERSHIP_OFFICERS


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel("2026-11-28 10:00:00+00:00", tick=False) as traveller:
        yield traveller


def staff(client: Client, *names: str) -> Any:
    return sign_in(client, make_staff(*(names or (OFFICERS,))))


def values(**changes: Any) -> dict[str, Any]:
    return {
        "name": "A call",
        "kind": "call",
        "zone": "Africa/Lusaka",
        "starts_on": "2026-12-03",
        "starts_at": "14:00",
        "ends_on": "2026-12-03",
        "ends_at": "15:00",
        "repeats": "weekly",
        "until": "",
        "count": "",
        "join_link": "meet.example.org/x",
        "link_for": "registered",
        "takes_registrations": "on",
        "capacity": "",
        **changes,
    }


# --- Making and changing --------------------------------------------------------------------------


def test_an_editor_makes_an_event_and_changes_it(site: HomePage, client: Client) -> None:
    person = staff(client, groups.EDITORS)

    assert client.get(reverse("events:new")).status_code == 200
    answer = client.post(reverse("events:new"), values())
    event = Event.objects.get()
    assert answer["Location"] == reverse("events:inspect", args=[event.pk])
    assert event.join_link == "https://meet.example.org/x"
    shown = client.get(answer["Location"]).content.decode()
    assert "None yet. Readers see the event once" in shown

    client.post(reverse("events:change", args=[event.pk]), values(starts_at="13:00"))

    event.refresh_from_db()
    assert event.starts_at == datetime.time(13)
    assert event.sequence == 1
    log = ModelLogEntry.objects.for_instance(event).order_by("pk")
    assert [(line.action, line.user_id) for line in log] == [
        ("home.add_event", person.pk),
        ("home.change_event", person.pk),
    ]


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"ends_at": "13:00"}, "It ends before it begins"),
        ({"zone": "Mars/Olympus"}, "Select a valid choice"),
        ({"count": "3", "until": "2027-01-01"}, "not both"),
        ({"starts_on": "9999-12-31", "ends_on": "9999-12-31"}, "between the years"),
        ({"starts_on": "0001-01-01"}, "between the years"),
        ({"capacity": "0"}, "greater than or equal to 1"),
        ({"join_link": "javascript:alert(1)"}, "Enter a valid URL"),
        ({"name": ""}, "required"),
    ],
)
def test_a_form_that_is_wrong_makes_nothing(
    site: HomePage, client: Client, changes: dict[str, str], words: str
) -> None:
    staff(client, groups.EDITORS)

    answer = client.post(reverse("events:new"), values(**changes))

    assert words in answer.content.decode()
    assert not Event.objects.exists()


def test_saving_without_a_change_counts_none(site: HomePage, client: Client) -> None:
    staff(client, groups.EDITORS)
    client.post(reverse("events:new"), values())
    event = Event.objects.get()

    client.post(reverse("events:change", args=[event.pk]), values())

    event.refresh_from_db()
    assert event.sequence == 0


def test_a_published_event_is_changed_by_those_who_may_move_it(
    site: HomePage, client: Client
) -> None:
    event = EventPageFactory().event
    editor, moderator = make_staff(groups.EDITORS), make_staff(groups.MODERATORS)

    with pytest.raises(PublishedEvent):
        scheduling.change_event(event, {"starts_at": datetime.time(9)}, by=editor)
    changed = scheduling.change_event(event, {"starts_at": datetime.time(9)}, by=moderator)

    assert changed.starts_at == datetime.time(9)


def test_a_day_that_people_know_of_stays(site: HomePage, clock: Any) -> None:
    page = EventPageFactory()
    event, officer = page.event, make_staff(OFFICERS)
    seat(event, DAY)

    for change in (
        {"starts_at": datetime.time(9)},
        {"zone": "Europe/Paris"},
        {"repeats": Repeats.MONTHLY_DAY},
        {"ends_at": datetime.time(16)},
        {"until": datetime.date(2026, 12, 1)},
    ):
        with pytest.raises(ScheduleInUse, match="3 December 2026"):
            scheduling.change_event(event, change, by=officer)
    scheduling.change_event(event, {"until": DAY, "capacity": 5}, by=officer)
    # Once it is over, the hour may change for those to come; the day stays.
    clock.move_to("2026-12-04 10:00:00+00:00")
    scheduling.change_event(event, {"until": None, "starts_at": datetime.time(9)}, by=officer)
    with pytest.raises(ScheduleInUse):
        scheduling.change_event(event, {"repeats": Repeats.MONTHLY_DAY}, by=officer)


def test_a_day_that_a_stranger_asked_for_and_never_confirmed_holds_nothing(site: HomePage) -> None:
    event = EventPageFactory().event
    ask(event, DAY)

    scheduling.change_event(event, {"repeats": Repeats.MONTHLY_DAY}, by=make_staff(OFFICERS))

    assert not Registration.objects.exists()
    assert not event.occurrences.exists()


def test_nobody_registers_for_a_day_years_ahead(site: HomePage) -> None:
    event = EventPageFactory().event
    with pytest.raises(NoSuchOccurrence):
        ask(event, datetime.date(2035, 1, 4))
    assert not event.occurrences.exists()


def test_a_day_with_notes_stays(site: HomePage) -> None:
    page = EventPageFactory()
    page.minutes.add(Minutes(day=DAY, notes="<p>Notes</p>"))
    page.save_revision().publish()

    with pytest.raises(ScheduleInUse):
        scheduling.change_event(
            page.event, {"repeats": Repeats.MONTHLY_DAY}, by=make_staff(OFFICERS)
        )


def test_more_seats_go_to_those_who_wait(site: HomePage) -> None:
    event = EventPageFactory(event=EventFactory(capacity=1)).event
    for letter in "abc":
        seat(event, DAY, f"{letter}@example.org")

    scheduling.change_event(event, {"capacity": 2}, by=make_staff(OFFICERS))

    states = Registration.objects.order_by("email").values_list("state", flat=True)
    assert list(states) == ["seated", "seated", "waiting"]
    scheduling.change_event(event, {"capacity": 1}, by=make_staff(OFFICERS))
    assert Registration.objects.filter(state="seated").count() == 2  # nobody loses a seat


def test_an_event_that_is_wrong_is_refused_by_the_verb_too(site: HomePage) -> None:
    with pytest.raises(ValidationError):
        scheduling.add_event({"name": "x", "zone": "Mars/Olympus"}, by=None)


# --- Moving and cancelling ------------------------------------------------------------------------


def test_a_moved_day_is_told_to_those_who_come_or_wait(site: HomePage, client: Client) -> None:
    event = EventPageFactory(event=EventFactory(capacity=1)).event
    seat(event, DAY, "a@example.org", zone="America/New_York")
    seat(event, DAY, "b@example.org")
    ask(event, DAY, "asked@example.org")
    registering.withdraw(seat(event, DAY, "gone@example.org"))
    seat(event, NEXT, "other@example.org")
    before = len(sent())
    person = staff(client)
    address = reverse("events:occurrence", args=[event.pk, DAY.isoformat()])
    assert "Move and tell everybody" in client.get(address).content.decode()

    client.post(
        address, {"act": "move", "day": "2026-12-10", "time": "16:00", "reason": "A holiday"}
    )

    told = sent()[before:]
    assert sorted(each.to[0] for each in told) == ["a@example.org", "b@example.org"]
    to_a = next(each for each in told if each.to == ["a@example.org"])
    assert "Instead of Thursday, 3 December 2026, 07:00–08:00" in to_a.body
    assert "Thursday, 10 December 2026, 09:00–10:00 (Eastern Standard Time" in to_a.body
    assert event.join_link in to_a.body
    to_b = next(each for each in told if each.to == ["b@example.org"])
    assert event.join_link not in to_b.body  # who waits has no seat
    assert "A holiday" in to_a.body
    event.refresh_from_db()
    assert event.sequence == 1
    line = ModelLogEntry.objects.for_instance(event).get(action="home.move_occurrence")
    assert (line.user_id, line.data["reason"]) == (person.pk, "A holiday")


def test_a_cancelled_day_is_told_and_stays_cancelled(site: HomePage, client: Client) -> None:
    event = EventPageFactory().event
    registration = seat(event, DAY, "a@example.org")
    before = len(sent())
    person = staff(client)
    address = reverse("events:occurrence", args=[event.pk, DAY.isoformat()])

    for day, time in (("9999-12-31", "23:59"), ("0001-01-01", "00:00"), ("soon", "noon")):
        far = client.post(address, {"act": "move", "day": day, "time": time, "reason": "x"})
        assert far.status_code == 200
    empty = client.post(address, {"act": "cancel", "cancel-reason": " "})
    assert "This field is required" in empty.content.decode()
    client.post(address, {"act": "cancel", "cancel-reason": "No line"})

    (told,) = sent()[before:]
    assert told.to == ["a@example.org"]
    assert "No line" in told.body
    assert "Cancel and tell" not in client.get(address).content.decode()
    with pytest.raises(CancelledAlready):
        scheduling.cancel(event, DAY, by=person, reason="Again")
    with pytest.raises(CancelledAlready):
        scheduling.move(event, DAY, TO, by=person, reason="Again")
    with pytest.raises(Refusal):
        registering.ask(event, DAY, registering.Comer("B", "b@example.org", "MW", "en", "UTC"))
    assert len(sent()) == before + 1
    assert registration.occurrence.event_id == event.pk


def test_what_cannot_be_moved_is_not(site: HomePage) -> None:
    event, by = EventPageFactory().event, make_staff(OFFICERS)

    with pytest.raises(NoSuchOccurrence):
        scheduling.move(event, datetime.date(2026, 12, 4), TO, by=by, reason="x")
    with pytest.raises(OccurrenceOver):
        scheduling.move(event, datetime.date(2026, 11, 5), TO, by=by, reason="x")
    with pytest.raises(MovedIntoThePast):
        scheduling.move(event, DAY, datetime.datetime(2026, 11, 27, 9), by=by, reason="x")
    with pytest.raises(MovedNowhere):
        scheduling.move(event, DAY, datetime.datetime(2026, 12, 3, 14), by=by, reason="x")
    assert not Occurrence.objects.exists()
    event.refresh_from_db()
    assert event.sequence == 0


def test_two_officers_who_cancel_at_once_tell_once(committed_db: CommittedDatabase) -> None:
    event = EventFactory()
    seat(event, DAY)
    one, other = (PersonFactory(is_superuser=True) for _person in range(2))
    before = len(sent())

    done = together(
        lambda: scheduling.cancel(event, DAY, by=one, reason="No line"),
        lambda: scheduling.cancel(event, DAY, by=other, reason="No line"),
    )

    assert sum(isinstance(each, CancelledAlready) for each in done) == 1
    assert len(sent()) == before + 1


# --- Who may see and do what ----------------------------------------------------------------------


def pages(event: Event) -> dict[str, str]:
    registration = Registration.objects.first()
    request = TravelRequest.objects.first()
    assert registration
    assert request
    return {
        "list": reverse("events:index"),
        "event": reverse("events:inspect", args=[event.pk]),
        "new": reverse("events:new"),
        "change": reverse("events:change", args=[event.pk]),
        "occurrence": reverse("events:occurrence", args=[event.pk, DAY.isoformat()]),
        "people": reverse("event_registrations:index"),
        "person": reverse("event_registrations:inspect", args=[registration.pk]),
        "travel list": reverse("event_travel:index"),
        "travel": reverse("event_travel:inspect", args=[request.pk]),
    }


WRITE = {"list", "event", "new", "change", "occurrence"}
ALL = {*WRITE, "people", "person", "travel list", "travel"}


@pytest.mark.parametrize(
    ("group", "seen"),
    [
        (groups.EDITORS, WRITE),
        (groups.MODERATORS, WRITE),
        (OFFICERS, ALL),
        (groups.ADMINISTRATORS, ALL),
        (groups.AUDITORS, ALL - {"new", "change"}),
        (groups.TREASURERS, set()),
    ],
)
def test_each_group_opens_what_it_may(
    site: HomePage, client: Client, group: str, seen: set[str]
) -> None:
    event = EventPageFactory(event=EventFactory(offers_travel_support=True)).event
    seat(event, DAY, wish=WISH)
    staff(client, group)

    opened = {
        name for name, address in pages(event).items() if client.get(address).status_code == 200
    }

    assert opened == seen
    shown = client.get(pages(event)["occurrence"]).content.decode()
    assert ("Amina" in shown) == ("people" in seen)


@pytest.mark.parametrize("group", [groups.AUDITORS, groups.EDITORS, groups.TREASURERS])
def test_who_may_not_move_or_decide_does_not(site: HomePage, client: Client, group: str) -> None:
    event = EventPageFactory(event=EventFactory(offers_travel_support=True)).event
    seat(event, DAY, wish=WISH)
    staff(client, group)
    addresses = pages(event)

    for act in ({"act": "move", "day": "2026-12-10", "time": "16:00", "reason": "x"},
                {"act": "cancel", "cancel-reason": "x"}):  # fmt: skip
        assert client.post(addresses["occurrence"], act).status_code == 403
    for name in ("grant", "decline"):
        answer = client.post(addresses["travel"], {"act": name, "reason": "x"})
        assert answer.status_code == 403
    assert not Occurrence.objects.exclude(moved_on=None, cancelled_at=None).exists()
    assert TravelRequest.objects.get().state == "asked"


def test_strangers_are_asked_to_sign_in(site: HomePage, client: Client) -> None:
    event = EventPageFactory(event=EventFactory(offers_travel_support=True)).event
    seat(event, DAY, wish=WISH)

    for address in pages(event).values():
        answer = client.get(address)
        assert answer.status_code == 302
        assert "/accounts/login/" in answer["Location"]


@pytest.mark.parametrize("day", ["2026-12-04", "x", "2026-02-30"])
def test_an_occurrence_that_is_none_is_not_found(site: HomePage, client: Client, day: str) -> None:
    event = EventFactory()
    staff(client)

    assert client.get(reverse("events:occurrence", args=[event.pk, day])).status_code == 404
    assert client.get(reverse("events:occurrence", args=[0, "2026-12-03"])).status_code == 404


# --- The list as a file ---------------------------------------------------------------------------


def test_the_list_of_who_comes_is_a_file_that_runs_no_formula(
    site: HomePage, client: Client
) -> None:
    event = EventPageFactory().event
    seat(event, DAY, name='=HYPERLINK("x")', organisation="+1", country="MW")
    other = EventFactory()
    seat(other, DAY, "b@example.org")
    staff(client)

    answer = client.get(reverse("event_registrations:index"), {"export": "csv", "event": event.pk})
    content = b"".join(answer.streaming_content).decode("utf-8-sig")
    rows = list(csv.reader(io.StringIO(content)))

    assert len(rows) == 2
    assert '\'=HYPERLINK("x")' in rows[1]
    assert "'+1" in rows[1]
    assert "amina@example.org" in rows[1]


# --- Travel support -------------------------------------------------------------------------------


def wish(email: str = "amina@example.org") -> TravelRequest:
    event = EventPageFactory(event=EventFactory(offers_travel_support=True)).event
    return TravelRequest.objects.get(registration=seat(event, DAY, email, wish=WISH))


@pytest.mark.parametrize(("act", "state"), [("grant", "granted"), ("decline", "declined")])
def test_an_officer_decides_and_the_person_is_told(
    site: HomePage, client: Client, act: str, state: str
) -> None:
    request = wish()
    before = len(sent())
    person = staff(client)
    address = reverse("event_travel:inspect", args=[request.pk])
    assert any("travel support waits" in need.words for need in needs_of(person))
    assert "I train managers" in client.get(address).content.decode()

    empty = client.post(address, {"act": act, "reason": ""})
    assert "This field is required" in empty.content.decode()
    client.post(address, {"act": act, "reason": "Because"})

    request.refresh_from_db()
    assert (request.state, request.decided_by, request.reason) == (state, person, "Because")
    (told,) = sent()[before:]
    assert told.to == ["amina@example.org"]
    assert ("We grant" in told.body) == (act == "grant")
    assert "Because" in told.body
    line = ModelLogEntry.objects.for_instance(request).get()
    assert (line.user_id, line.data["reason"]) == (person.pk, "Because")
    with pytest.raises(DecidedAlready):
        travel.decide(request, granted=True, by=person, reason="Again")
    assert not any("travel support" in need.words for need in needs_of(person))


def test_nobody_decides_about_their_own_request(site: HomePage) -> None:
    officer = make_staff(OFFICERS, email="officer@example.org")
    request = wish("Officer@example.org".lower())

    with pytest.raises(OwnRequest):
        travel.decide(request, granted=True, by=officer, reason="Because")


def test_a_request_of_somebody_who_does_not_come_is_not_decided(site: HomePage) -> None:
    event = EventPageFactory(event=EventFactory(offers_travel_support=True)).event
    not_confirmed = TravelRequest.objects.get(registration=ask(event, DAY, wish=WISH))
    officer = make_staff(OFFICERS)

    with pytest.raises(NotConfirmed):
        travel.decide(not_confirmed, granted=True, by=officer, reason="Because")
    registering.withdraw(registering.confirm(not_confirmed.registration))
    with pytest.raises(NotConfirmed):
        travel.decide(not_confirmed, granted=True, by=officer, reason="Because")


def test_two_officers_at_once_decide_once(committed_db: CommittedDatabase) -> None:
    event = EventFactory(offers_travel_support=True)
    request = TravelRequest.objects.get(registration=seat(event, DAY, wish=WISH))
    one, other = (PersonFactory(is_superuser=True) for _person in range(2))

    done = together(
        lambda: travel.decide(request, granted=True, by=one, reason="Yes"),
        lambda: travel.decide(request, granted=False, by=other, reason="No"),
    )

    assert sum(isinstance(each, DecidedAlready) for each in done) == 1
