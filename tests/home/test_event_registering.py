"""People register without an account: confirmed by mail, seated in turn, reminded, forgotten."""

import datetime
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.core.cache import cache
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from core.mailing.models import Delivery
from home.events import keeping, registering, scheduling
from home.events.jobs import forget, remind_all
from home.events.recurrence import Repeats
from home.events.refusals import (
    CodeUnknown,
    ConfirmedTooLate,
    NoRegistration,
    NoSuchOccurrence,
    NothingToConfirm,
    NothingToWithdraw,
    OccurrenceBegun,
    OccurrenceCancelled,
)
from home.models import Event, HomePage, Occurrence, Registration, TravelRequest
from tests.conftest import CommittedDatabase
from tests.factories.events import (
    EventFactory,
    EventPageFactory,
    ask,
    code_in,
    comer,
    link_in,
    seat,
    sent,
)
from tests.factories.home import PersonFactory
from tests.races import together

State = Registration.State
DAY = datetime.date(2026, 12, 3)
CALL = "/events/community-call/2026-12-03/"
REGISTER = f"{CALL}register/"
AT = "2026-11-28 10:00:00+00:00"


@pytest.fixture(autouse=True)
def clock() -> Iterator[Any]:
    with time_machine.travel(AT, tick=False) as traveller:
        yield traveller


@pytest.fixture(autouse=True)
def _counts_anew(request: pytest.FixtureRequest) -> None:
    if "site" in request.fixturenames:
        cache.clear()


def filled(client: Client, clock: Any, **changes: str) -> dict[str, str]:
    """The form as a person sends it, some seconds after opening it."""
    shown = client.get(REGISTER).content.decode()
    opened = re.search(r'name="opened" value="([^"]+)"', shown)
    assert opened
    clock.shift(20)
    return {
        "name": "Amina",
        "email": "amina@example.org",
        "organisation": "",
        "country": "MW",
        "language": "en",
        "zone": "Africa/Lusaka",
        "opened": opened[1],
        **changes,
    }


def state(email: str = "amina@example.org") -> str:
    return str(Registration.objects.get(email=email).state)


# --- The whole way, in the browser ----------------------------------------------------------------


def test_somebody_registers_and_confirms_by_the_button_behind_the_link(
    site: HomePage, client: Client, clock: Any
) -> None:
    EventPageFactory(place="Lusaka, room 3")

    answer = client.post(REGISTER, filled(client, clock))
    assert answer.status_code == 303
    assert answer["Location"] == f"{CALL}registered/"
    assert "Look into your mail" in client.get(answer["Location"]).content.decode()
    (asked,) = sent()
    assert asked.to == ["amina@example.org"]
    assert "14:00–15:00 (Central Africa Time, Lusaka)" in asked.body
    path = link_in(asked)

    for method in (client.get, client.head):  # a scanner opens the link
        assert method(path).status_code == 200
    assert state() == State.ASKED
    shown = client.get(path).content.decode()
    assert "Confirm: I come" in shown
    assert "meet.example.org" not in shown

    assert client.post(path, {"act": "confirm"}).status_code == 303
    shown = client.get(path).content.decode()

    assert state() == State.SEATED
    assert "You have a seat." in shown
    assert "https://meet.example.org/call" in shown
    told = sent()[-1]
    assert "https://meet.example.org/call" in told.body
    assert "Lusaka, room 3" in told.body
    assert "http://testserver/events/community-call.ics" in told.body


def test_the_code_is_the_second_way(site: HomePage, client: Client, clock: Any) -> None:
    EventPageFactory()
    client.post(REGISTER, filled(client, clock))
    code = code_in(sent()[0])

    wrong = client.post(f"{CALL}registered/", {"code": "AAAA-AAAA"})
    assert "This code is not known" in wrong.content.decode()
    right = client.post(f"{CALL}registered/", {"code": code.lower().replace("-", " ")})

    assert right.status_code == 303
    assert state() == State.SEATED
    assert "You have a seat." in client.get(right["Location"]).content.decode()
    again = client.post(f"{CALL}registered/", {"code": code})
    assert "This code is not known" in again.content.decode()


def test_a_code_holds_for_its_own_day_alone(site: HomePage) -> None:
    event = EventPageFactory().event
    ask(event, DAY)
    code = code_in(sent()[0])

    with pytest.raises(CodeUnknown):
        registering.confirm_by_code(event, datetime.date(2027, 1, 7), code)
    with pytest.raises(CodeUnknown):
        registering.confirm_by_code(EventFactory(), DAY, code)
    assert registering.confirm_by_code(event, DAY, code).state == State.SEATED


def test_codes_cannot_be_guessed_for_long(site: HomePage, client: Client) -> None:
    EventPageFactory()
    answers = [client.post(f"{CALL}registered/", {"code": f"AAAA-AA{n}"}) for n in range(10, 42)]

    assert answers[-1].status_code == 429
    assert "Try again in an hour" in answers[-1].content.decode()


def test_nobody_learns_who_is_registered(site: HomePage, client: Client, clock: Any) -> None:
    event = EventPageFactory().event
    seat(event, DAY)
    before = len(sent())

    known = client.post(REGISTER, filled(client, clock, name="Somebody else"))
    new = client.post(REGISTER, filled(client, clock, email="other@example.org"))

    assert (known.status_code, known["Location"]) == (new.status_code, new["Location"])
    told, asked = sent()[before:]
    assert told.to == ["amina@example.org"]
    assert "You have a seat" in told.body  # the reader of the address alone gets to know
    assert asked.to == ["other@example.org"]
    assert Registration.objects.get(email="amina@example.org").name == "Amina"


def test_asking_again_before_confirming_sends_a_new_code(site: HomePage) -> None:
    event = EventPageFactory().event
    ask(event, DAY, "amina@example.org")
    registering.ask(event, DAY, comer("AMINA@example.org", name="Amina P."))

    first, second = (code_in(message) for message in sent())
    with pytest.raises(CodeUnknown):
        registering.confirm_by_code(event, DAY, first)
    assert registering.confirm_by_code(event, DAY, second).name == "Amina P."
    assert Registration.objects.count() == 1


@pytest.mark.parametrize("token", ["x", "x:y", "00000000-0000-0000-0000-000000000000:abc", "%00"])
def test_a_link_that_was_changed_leads_nowhere(site: HomePage, client: Client, token: str) -> None:
    assert client.get(f"/events/registration/{token}/").status_code == 404
    assert client.post(f"/events/registration/{token}/", {"act": "confirm"}).status_code == 404


def test_a_link_to_somebody_else_cannot_be_made_from_ones_own(
    site: HomePage, client: Client
) -> None:
    event = EventPageFactory().event
    mine, other = ask(event, DAY, "a@example.org"), ask(event, DAY, "b@example.org")
    signature = link_in(sent()[0]).rsplit(":", 1)[1]

    path = f"/events/registration/{other.public_id}:{signature}"

    assert mine.public_id != other.public_id
    assert client.post(path, {"act": "confirm"}).status_code == 404
    assert state("b@example.org") == State.ASKED


# --- What the form refuses ------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"name": " "}, "Enter your name."),
        ({"name": "x" * 121}, "120"),
        ({"email": "amina"}, "like name@example.org"),
        ({"email": ""}, "so that we can write to you"),
        ({"country": ""}, "Choose a country."),
        ({"country": "XX"}, "Country"),
        ({"language": "xx"}, "Language of our messages"),
        ({"zone": "Mars/Olympus"}, "Time zone of our messages"),
        ({"name": "\x00"}, "Null characters"),
    ],
)
def test_what_is_wrong_is_said_and_nothing_written(
    site: HomePage, client: Client, clock: Any, changes: dict[str, str], words: str
) -> None:
    EventPageFactory()

    answer = client.post(REGISTER, filled(client, clock, **changes))

    assert answer.status_code == 200
    shown = answer.content.decode()
    assert "There is something to correct" in shown
    assert words in shown
    assert not Registration.objects.exists()


def test_a_program_that_fills_every_field_gets_nothing(
    site: HomePage, client: Client, clock: Any
) -> None:
    EventPageFactory()

    answer = client.post(REGISTER, filled(client, clock, homepage="https://spam.example.org"))

    assert answer["Location"] == f"{CALL}registered/"  # it sees what everybody sees
    assert not Registration.objects.exists()
    assert sent() == []


def test_a_form_sent_at_once_or_after_days_is_to_be_sent_again(
    site: HomePage, client: Client, clock: Any
) -> None:
    EventPageFactory()
    form = filled(client, clock)
    clock.move_to(datetime.datetime.fromisoformat(AT) + datetime.timedelta(seconds=1))

    fast = client.post(REGISTER, form)
    clock.shift(10)
    again = client.post(REGISTER, form)
    assert "within a moment of opening" in fast.content.decode()
    assert again.status_code == 303

    for opened in (form["opened"], "forged", ""):
        clock.move_to(datetime.datetime.fromisoformat(AT) + datetime.timedelta(days=2))
        late = client.post(REGISTER, {**form, "email": "b@example.org", "opened": opened})
        assert "open for more than a day" in late.content.decode()
        fresh = re.search(r'name="opened" value="([^"]+)"', late.content.decode())
        assert fresh
        clock.shift(10)
        answer = client.post(REGISTER, {**form, "email": "b@example.org", "opened": fresh[1]})
        assert answer.status_code == 303
        cache.clear()


def test_an_address_gets_few_messages_an_hour(site: HomePage, client: Client, clock: Any) -> None:
    EventPageFactory()

    answers = [client.post(REGISTER, filled(client, clock)) for _again in range(6)]

    assert [answer.status_code for answer in answers] == [303] * 5 + [429]
    assert answers[-1]["Retry-After"] == "3600"
    assert len(sent()) == 5
    other = client.post(REGISTER, filled(client, clock, email="other@example.org"))
    assert other.status_code == 303


def test_registering_is_in_the_language_of_the_address_and_mails_in_the_one_chosen(
    site: HomePage, client: Client, clock: Any
) -> None:
    EventPageFactory()
    form = filled(client, clock, language="pt", zone="America/New_York")

    answer = client.post(f"/fr{REGISTER}", form)

    assert answer["Location"] == f"/fr{CALL}registered/"
    (asked,) = sent()
    assert "http://testserver/pt/events/registration/" in asked.body
    assert "quinta-feira, 3 de dezembro de 2026, 07:00–08:00" in asked.body
    assert f"http://testserver/pt{CALL}registered/" in asked.body


# --- Who may come ---------------------------------------------------------------------------------


def test_nobody_registers_for_what_takes_nobody(site: HomePage, client: Client, clock: Any) -> None:
    event = EventPageFactory().event
    form = filled(client, clock)
    registering.ask(event, DAY, comer("early@example.org"))
    early = Registration.objects.get()
    Occurrence.objects.create(
        event=event,
        day=datetime.date(2027, 1, 7),
        cancelled_at=timezone.now(),
        reason="No line",
    )

    with pytest.raises(OccurrenceBegun):
        registering.ask(event, datetime.date(2026, 11, 5), comer())
    with pytest.raises(OccurrenceCancelled):
        registering.ask(event, datetime.date(2027, 1, 7), comer())
    with pytest.raises(NoSuchOccurrence):
        registering.ask(event, datetime.date(2026, 12, 4), comer())
    Event.objects.update(takes_registrations=False)
    with pytest.raises(NoRegistration):
        registering.ask(event, DAY, comer())
    with pytest.raises(NoRegistration):
        registering.confirm(early)
    answer = client.post(REGISTER, form)
    assert "Nobody has to register" in answer.content.decode()
    assert not Registration.objects.exclude(pk=early.pk).exists()


def test_a_link_is_good_for_two_days(site: HomePage, clock: Any) -> None:
    registration = ask(EventPageFactory().event, DAY)

    clock.shift(datetime.timedelta(days=2, minutes=1))

    with pytest.raises(ConfirmedTooLate):
        registering.confirm(registration)
    assert state() == State.ASKED


def test_when_all_seats_are_taken_the_next_waits_and_moves_up(
    site: HomePage, client: Client, clock: Any
) -> None:
    event = EventPageFactory(event=EventFactory(capacity=1)).event
    first = seat(event, DAY, "a@example.org")
    clock.shift(1)
    second = seat(event, DAY, "b@example.org")
    clock.shift(1)
    third = seat(event, DAY, "c@example.org")

    assert [each.state for each in (first, second, third)] == ["seated", "waiting", "waiting"]
    assert registering.place_in_line(third) == 2
    assert "number 2 on the waiting list" in sent()[-1].body
    assert "All seats are taken" in client.get(CALL).content.decode()

    registering.withdraw(first)

    assert state("b@example.org") == State.SEATED
    assert state("c@example.org") == State.WAITING
    gone, moved_up = sent()[-2:]
    assert gone.to == ["a@example.org"]
    assert "no longer registered" in gone.body
    assert moved_up.to == ["b@example.org"]
    assert "A seat became free" in moved_up.body


def test_withdrawing_from_the_waiting_list_gives_nobody_a_seat(site: HomePage) -> None:
    event = EventPageFactory(event=EventFactory(capacity=1)).event
    seat(event, DAY, "a@example.org")
    second = seat(event, DAY, "b@example.org")
    seat(event, DAY, "c@example.org")

    registering.withdraw(second)
    registering.withdraw(second)  # twice changes nothing

    assert state("c@example.org") == State.WAITING
    assert len([each for each in sent() if "no longer registered" in each.body]) == 1


def test_one_who_withdrew_registers_again(site: HomePage, client: Client) -> None:
    event = EventPageFactory().event
    gone = seat(event, DAY)
    path = link_in(sent()[-1])
    client.post(path, {"act": "withdraw"})

    assert "You are not registered" in client.get(path).content.decode()
    with pytest.raises(NothingToConfirm):
        registering.confirm(gone)
    registering.ask(event, DAY, comer())
    back = Registration.objects.exclude(pk=gone.pk).get()
    assert registering.confirm(back).state == State.SEATED


def test_what_has_begun_is_not_withdrawn(site: HomePage, client: Client, clock: Any) -> None:
    registration = seat(EventPageFactory().event, DAY)
    path = link_in(sent()[-1])
    clock.move_to("2026-12-03 12:30:00+00:00")

    assert "Withdraw my registration" not in client.get(path).content.decode()
    answer = client.post(path, {"act": "withdraw"})

    assert "nothing to withdraw" in answer.content.decode().lower() or (
        "no registration to withdraw" in answer.content.decode()
    )
    with pytest.raises(NothingToWithdraw):
        registering.withdraw(registration)
    assert state() == State.SEATED


def test_an_unknown_act_changes_nothing(site: HomePage, client: Client) -> None:
    ask(EventPageFactory().event, DAY)
    path = link_in(sent()[0])

    assert client.post(path, {"act": "delete"}).status_code == 303
    assert client.post(path).status_code == 303
    assert state() == State.ASKED


def test_the_database_keeps_one_registration_an_address(site: HomePage) -> None:
    first = seat(EventPageFactory().event, DAY)

    with pytest.raises(IntegrityError), transaction.atomic():
        Registration.objects.create(
            occurrence=first.occurrence,
            name="Amina",
            email="AMINA@example.org",
            country="MW",
            language="en",
            zone="UTC",
        )
    with pytest.raises(IntegrityError), transaction.atomic():
        Registration.objects.filter(pk=first.pk).update(erased_at=timezone.now())


# --- Two at once ----------------------------------------------------------------------------------


def test_two_at_once_for_the_last_seat(committed_db: CommittedDatabase) -> None:
    event = EventFactory(capacity=1)
    one, other = ask(event, DAY, "a@example.org"), ask(event, DAY, "b@example.org")

    done = together(lambda: registering.confirm(one), lambda: registering.confirm(other))

    assert sorted(each.state for each in done) == [State.SEATED, State.WAITING]
    waiting = Registration.objects.get(state=State.WAITING)
    assert registering.place_in_line(waiting) == 1


def test_one_who_asks_twice_at_once_is_one(committed_db: CommittedDatabase) -> None:
    event = EventFactory()

    done = together(
        lambda: registering.ask(event, DAY, comer()), lambda: registering.ask(event, DAY, comer())
    )

    assert done == [None, None]
    assert Registration.objects.count() == 1


def test_a_seat_given_up_by_two_at_once_goes_to_one_each(committed_db: CommittedDatabase) -> None:
    event = EventFactory(capacity=2)
    people = [seat(event, DAY, f"{letter}@example.org") for letter in "abcde"]

    together(lambda: registering.withdraw(people[0]), lambda: registering.withdraw(people[1]))

    states = [str(each.state) for each in Registration.objects.order_by("email")]
    assert states == ["withdrawn", "withdrawn", "seated", "seated", "waiting"]


def test_a_seat_added_while_somebody_confirms_is_not_lost(
    committed_db: CommittedDatabase,
) -> None:
    event = EventFactory(capacity=1)
    seat(event, DAY, "a@example.org")
    other = ask(event, DAY, "b@example.org")
    officer = PersonFactory(is_superuser=True)

    together(
        lambda: registering.confirm(other),
        lambda: scheduling.change_event(event, {"capacity": 2}, by=officer),
    )

    assert state("b@example.org") == State.SEATED


# --- Travel support -------------------------------------------------------------------------------

SUPPORT = {
    "wants_support": "on",
    "travels_from": "Lilongwe",
    "needs": "A bus",
    "why": "I train managers",
    "estimate": "380.50",
    "currency": "USD",
}


def test_somebody_asks_for_travel_support(site: HomePage, client: Client, clock: Any) -> None:
    EventPageFactory(event=EventFactory(offers_travel_support=True))

    client.post(REGISTER, filled(client, clock, **SUPPORT))

    request = TravelRequest.objects.get()
    assert (request.travels_from, request.amount, request.currency) == ("Lilongwe", 38050, "USD")
    assert request.state == TravelRequest.State.ASKED


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"travels_from": ""}, "Write from where you travel."),
        ({"why": ""}, "Write why you ask."),
        ({"estimate": "much"}, "is not an amount"),
        ({"estimate": "0"}, "Write more than nothing"),
        ({"estimate": "1.5", "currency": "XOF"}, "decimals"),
        ({"currency": "ZZZ"}, "Currency"),
    ],
)
def test_a_request_that_is_not_whole_is_not_taken(
    site: HomePage, client: Client, clock: Any, changes: dict[str, str], words: str
) -> None:
    EventPageFactory(event=EventFactory(offers_travel_support=True))

    answer = client.post(REGISTER, filled(client, clock, **{**SUPPORT, **changes}))

    assert words in answer.content.decode()
    assert not Registration.objects.exists()


def test_no_support_is_asked_where_none_is_offered(
    site: HomePage, client: Client, clock: Any
) -> None:
    EventPageFactory()

    assert "travel support" not in client.get(REGISTER).content.decode()
    client.post(REGISTER, filled(client, clock, **SUPPORT))

    assert Registration.objects.exists()
    assert not TravelRequest.objects.exists()


# --- Reminders ------------------------------------------------------------------------------------


def reminders() -> list[Any]:
    remind_all.call()
    return [message for message in sent() if "it is soon" in message.subject]


def test_a_day_before_everybody_with_a_seat_is_reminded_once(site: HomePage, clock: Any) -> None:
    event = EventPageFactory(event=EventFactory(capacity=2)).event
    seat(event, DAY, "a@example.org", zone="America/New_York")
    registering.withdraw(seat(event, DAY, "gone@example.org"))
    seat(event, DAY, "b@example.org")
    clock.shift(1)
    seat(event, DAY, "waits@example.org")
    ask(event, DAY, "asked@example.org")
    clock.move_to("2026-12-02 11:59:00+00:00")
    assert reminders() == []

    clock.move_to("2026-12-02 12:05:00+00:00")
    first = reminders()
    again = reminders()

    assert sorted(each.to[0] for each in first) == ["a@example.org", "b@example.org"]
    assert len(again) == len(first)
    to_a = next(each for each in first if each.to == ["a@example.org"])
    assert "07:00–08:00 (Eastern Standard Time, New York)" in to_a.body
    assert "https://meet.example.org/call" in to_a.body


def test_who_confirms_on_the_last_day_and_who_comes_to_nothing_are_not_reminded(
    site: HomePage, clock: Any
) -> None:
    event = EventPageFactory().event
    early = seat(event, DAY, "a@example.org")
    clock.move_to("2026-12-02 13:00:00+00:00")
    seat(event, DAY, "late@example.org")
    Occurrence.objects.filter(pk=early.occurrence_id).update(
        cancelled_at=timezone.now(), reason="No line"
    )
    assert reminders() == []
    Occurrence.objects.filter(pk=early.occurrence_id).update(cancelled_at=None)
    clock.move_to("2026-12-03 12:00:00+00:00")  # it begins: too late

    assert reminders() == []
    assert keeping.remind(early.pk) is False


def test_a_moved_day_is_reminded_of_where_it_is_now(site: HomePage, clock: Any) -> None:
    event = EventPageFactory().event
    registration = seat(event, DAY)
    Occurrence.objects.filter(pk=registration.occurrence_id).update(
        moved_on=datetime.date(2027, 1, 20), moved_at=datetime.time(9), reason="A holiday"
    )
    clock.move_to("2026-12-02 13:00:00+00:00")
    assert reminders() == []

    clock.move_to("2027-01-19 08:00:00+00:00")

    assert len(reminders()) == 1


def test_two_workers_remind_once(committed_db: CommittedDatabase) -> None:
    registration = seat(EventFactory(), DAY)
    with time_machine.travel("2026-12-02 13:00:00+00:00", tick=False):
        done = together(
            lambda: keeping.remind(registration.pk), lambda: keeping.remind(registration.pk)
        )

    assert sorted(done) == [False, True]
    assert Delivery.objects.filter(template="events_reminder").count() == 1


# --- Forgetting -----------------------------------------------------------------------------------


def test_who_came_is_erased_after_90_days_and_the_numbers_stay(
    site: HomePage, client: Client, clock: Any
) -> None:
    event = EventPageFactory(event=EventFactory(offers_travel_support=True)).event
    wish = registering.TravelWish("Lilongwe", "A bus", "I train managers")
    came = seat(event, DAY, organisation="A store", wish=wish)
    path = link_in(sent()[-1])
    later = seat(event, datetime.date(2027, 2, 4), "later@example.org")
    clock.move_to("2027-03-03 12:00:00+00:00")
    forget.call()
    assert Registration.objects.get(pk=came.pk).email

    clock.move_to("2027-03-03 13:01:00+00:00")
    forget.call()

    came.refresh_from_db()
    assert (came.name, came.email, came.organisation, came.code_hash) == ("", "", "", "")
    assert (came.state, came.country) == (State.SEATED, "MW")
    assert came.erased_at is not None
    request = TravelRequest.objects.get()
    assert (request.travels_from, request.needs, request.why) == ("", "", "")
    assert Registration.objects.get(pk=later.pk).email == "later@example.org"
    assert client.get(path).status_code == 404
    assert keeping.forget() == 0


def test_what_nobody_confirmed_is_deleted_after_two_days(site: HomePage, clock: Any) -> None:
    event = EventPageFactory().event
    ask(event, DAY, "a@example.org")
    seat(event, DAY, "b@example.org")
    clock.shift(datetime.timedelta(days=1))
    assert keeping.forget() == 0

    clock.shift(datetime.timedelta(days=1, minutes=1))

    assert keeping.forget() == 1
    assert [each.email for each in Registration.objects.all()] == ["b@example.org"]


def test_one_off_events_work_like_the_others(site: HomePage) -> None:
    event = EventPageFactory(event=EventFactory(repeats=Repeats.NEVER, starts_on=DAY)).event

    assert seat(event, DAY).state == State.SEATED
