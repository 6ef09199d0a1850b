"""What readers find about events: lists, an event, its days, in their language and on their clock."""

import datetime
import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
import time_machine
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wagtail.models import Locale, Page
from wagtail.test.utils.form_data import inline_formset, nested_form_data, rich_text, streamfield

from home.events.recurrence import Repeats
from home.models import Event, EventIndexPage, EventPage, HomePage, Minutes, Occurrence
from portal import groups
from tests.factories.events import EventFactory, EventPageFactory, seat
from tests.factories.home import EvangelistFactory, make_staff, sign_in

CALL = "/events/community-call/"
DAY = datetime.date.fromisoformat


@pytest.fixture(autouse=True)
def _a_day_in_november() -> Iterator[None]:
    with time_machine.travel("2026-11-28 10:00:00+00:00", tick=False):
        yield


def text(client: Client, address: str, status: int = 200) -> str:
    answer = client.get(address)
    assert answer.status_code == status, address
    return answer.content.decode()


def move(event: Event, day: str, to: str, reason: str = "A holiday") -> None:
    at = datetime.datetime.fromisoformat(to)
    Occurrence.objects.create(
        event=event, day=DAY(day), moved_on=at.date(), moved_at=at.time(), reason=reason
    )


def cancel(event: Event, day: str, reason: str = "The line is down") -> None:
    Occurrence.objects.create(event=event, day=DAY(day), cancelled_at=timezone.now(), reason=reason)


def test_the_list_tells_what_comes_and_what_was_by_kind(site: HomePage, client: Client) -> None:
    EventPageFactory()
    training = EventFactory(
        kind=Event.Kind.TRAINING, repeats=Repeats.NEVER, starts_on=DAY("2026-09-09")
    )
    EventPageFactory(event=training, title="A training", slug="a-training")

    coming, past = text(client, "/events/"), text(client, "/events/past/")

    assert f'href="{CALL}2026-12-03/"' in coming
    assert "A training" not in coming
    assert f'href="{CALL}2026-11-05/"' in past
    assert past.index("2026-11-05/") < past.index("2026-10-01/") < past.index("2026-09-09/")
    assert "A training" in text(client, "/events/trainings/past/")
    assert CALL not in text(client, "/events/trainings/past/")
    assert "Nothing is planned" in text(client, "/events/trainings/")
    assert "2026-12-03/" in text(client, "/events/community-calls/")


def test_an_event_not_published_is_nowhere(site: HomePage, client: Client) -> None:
    EventPageFactory(live=False)

    assert CALL not in text(client, "/events/")
    text(client, CALL, 404)
    text(client, f"{CALL}2026-12-03/", 404)
    text(client, "/events/community-call.ics", 404)


def test_an_event_says_how_often_where_and_when(site: HomePage, client: Client) -> None:
    EvangelistFactory(title="Eunice Mwale", slug="eunice")
    page = EventPageFactory(place="Lusaka", speakers=["Nuno Example"])
    page.evangelists.add(*page.evangelists.model.objects.filter(locale=page.locale))
    page.save_revision().publish()

    shown = text(client, CALL)

    assert "Every month on the first Thursday, at 14:00 (Central Africa Time, Lusaka)." in shown
    assert (
        '<time datetime="2026-12-03T14:00:00+02:00">Thursday, 3 December 2026, 14:00–15:00<'
        in shown
    )
    assert (
        '<time datetime="2026-12-03T12:00:00+00:00">Thursday, 3 December 2026, 12:00–13:00<'
        in shown
    )
    assert ">Eunice Mwale</a>" in shown
    assert "Nuno Example" in shown
    assert f'href="{CALL}2026-12-03/register/"' in shown
    assert f'href="{CALL}2026-11-05/"' in shown
    assert "meet.example.org" not in shown  # for those who registered


def test_the_link_is_shown_to_anyone_where_the_editor_says_so(
    site: HomePage, client: Client
) -> None:
    EventPageFactory(event=EventFactory(link_for=Event.LinkFor.ANYONE))

    assert "https://meet.example.org/call" in text(client, f"{CALL}2026-12-03/")
    assert "https://meet.example.org/call" not in text(client, f"{CALL}2026-11-05/")  # over


def test_the_reader_chooses_a_clock_and_keeps_it(site: HomePage, client: Client) -> None:
    EventPageFactory()

    assert "zone" not in client.get(CALL).cookies  # none before the form is sent
    chosen = client.get(f"{CALL}?zone=America/New_York")
    later = text(client, f"{CALL}2026-12-03/")

    assert chosen.cookies["zone"].value == "America/New_York"
    assert "Cookie" in chosen["Vary"]
    assert "Your time: Eastern Standard Time, New York" in later
    assert '<time datetime="2026-12-03T07:00:00-05:00">' in later
    assert "07:00–08:00</time> (New York)" in text(client, "/events/")
    listed = text(client, "/events/time-zone/?next=/events/community-call/")
    assert 'action="/events/community-call/"' in listed
    assert 'value="America/New_York" selected' in listed


@pytest.mark.parametrize("zone", ["Mars/Olympus", "", "../../etc/passwd", "<b>", "UTC" * 50])
def test_a_zone_that_is_none_changes_nothing(site: HomePage, client: Client, zone: str) -> None:
    EventPageFactory()

    answer = client.get(CALL, {"zone": zone})
    client.cookies["zone"] = zone

    assert answer.status_code == 200
    assert "zone" not in answer.cookies
    assert "Your time" not in text(client, CALL)


@pytest.mark.parametrize(
    "back", ["https://evil.example.org/", "//evil.example.org/", "javascript:x", ""]
)
def test_the_choice_of_a_zone_leads_nowhere_else(site: HomePage, client: Client, back: str) -> None:
    answer = client.get("/events/time-zone/", {"next": back})

    assert 'action="/events/"' in answer.content.decode()


def test_a_day_has_agenda_notes_and_recording(site: HomePage, client: Client) -> None:
    page = EventPageFactory()
    page.minutes.add(
        Minutes(
            day=DAY("2026-11-05"),
            agenda="<p>What hurts</p>",
            notes="<p>Nineteen came</p>",
            recording="https://video.example.org/1",
        )
    )
    page.save_revision().publish()

    shown = text(client, f"{CALL}2026-11-05/")
    french = text(client, f"/fr{CALL}2026-11-05/")

    assert "What hurts" in shown
    assert "Nineteen came" in shown
    assert 'href="https://video.example.org/1"' in shown
    assert "register/" not in shown
    assert f'href="/fr{CALL}2026-11-05/"' in shown  # the same day in the other language
    assert re.search(r'lang="en">\s*<p[^>]*>Nineteen came', french)
    assert f'<link rel="canonical" href="http://testserver{CALL}2026-11-05/">' in french
    assert "jeudi 5 novembre 2026" in french
    assert "What hurts" not in text(client, f"{CALL}2026-12-03/")


def test_notes_missing_in_a_language_are_shown_in_another(site: HomePage, client: Client) -> None:
    page = EventPageFactory()
    french = Locale.objects.get(language_code="fr")
    page.get_translation(french).delete()
    copy = page.copy_for_translation(french)
    copy.title = "Appel"
    copy.save_revision().publish()
    page.minutes.add(Minutes(day=DAY("2026-11-05"), notes="<p>Nineteen came</p>"))
    page.save_revision().publish()

    shown = text(client, f"/fr{CALL}2026-11-05/")

    assert re.search(r'lang="en">\s*<p[^>]*>Nineteen came', shown)


@pytest.mark.parametrize(
    "day", ["2026-12-04", "2026-02-30", "2026-09-03", "0000-00-00", "9999-12-31"]
)
def test_a_day_that_is_none_of_the_events_is_not_found(
    site: HomePage, client: Client, day: str
) -> None:
    EventPageFactory(event=EventFactory(until=DAY("2027-12-31")))

    for part in ("", "register/", "registered/"):
        text(client, f"{CALL}{day}/{part}", 404)


def test_a_moved_day_keeps_its_address_and_says_why(site: HomePage, client: Client) -> None:
    page = EventPageFactory()
    move(page.event, "2026-12-03", "2026-12-10T16:00")

    shown = text(client, f"{CALL}2026-12-03/")

    assert "It was planned for Thursday, 3 December 2026, 14:00–15:00. A holiday" in shown
    assert '<time datetime="2026-12-10T16:00:00+02:00">' in shown
    assert "Moved" in text(client, "/events/")
    text(client, f"{CALL}2026-12-10/", 404)


def test_a_cancelled_day_says_so_and_takes_nobody(site: HomePage, client: Client) -> None:
    page = EventPageFactory()
    cancel(page.event, "2026-12-03")

    shown = text(client, f"{CALL}2026-12-03/")

    assert "The line is down" in shown
    assert "2026-12-03/register/" not in shown
    assert "does not take place" in text(client, f"{CALL}2026-12-03/register/")
    # The event's page leads to the next day that takes place.
    assert f'href="{CALL}2027-01-07/register/"' in text(client, CALL)


def test_programs_read_an_event_as_schema_org_tells_it(site: HomePage, client: Client) -> None:
    page = EventPageFactory(title='A call </script><b>&"', summary="Sum")
    move(page.event, "2026-12-03", "2026-12-10T16:00")

    shown = text(client, f"{CALL}2026-12-03/")
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', shown, re.S)
    (said,) = [each for each in map(json.loads, blocks) if each["@type"] == "Event"]

    assert said["name"] == 'A call </script><b>&"'
    assert said["startDate"] == "2026-12-10T16:00:00+02:00"
    assert said["previousStartDate"] == "2026-12-03T14:00:00+02:00"
    assert said["eventStatus"] == "https://schema.org/EventRescheduled"
    assert said["eventAttendanceMode"] == "https://schema.org/OnlineEventAttendanceMode"
    assert said["url"] == f"http://testserver{CALL}2026-12-03/"
    assert "meet.example.org" not in str(blocks)


def test_the_example_mark_is_shown(site: HomePage, client: Client) -> None:
    EventPageFactory(is_example=True)

    assert "This event is invented" in text(client, CALL)
    assert "This event is invented" in text(client, f"{CALL}2026-12-03/")


# --- Editing --------------------------------------------------------------------------------------


def form(event: Event, **changes: Any) -> dict[str, Any]:
    return nested_form_data(
        {
            "title": "A call",
            "slug": "a-call",
            "summary": "An hour.",
            "event": str(event.pk),
            "place": "",
            "speakers": "Nuno Example\nThoko Example",
            "body": streamfield([("text", rich_text("<p>Come.</p>"))]),
            "minutes": inline_formset([]),
            "comments": inline_formset([]),
            **changes,
        }
    )


def add_page(client: Client, **changes: Any) -> Any:
    event = changes.pop("event", None) or EventFactory()
    index = EventIndexPage.objects.get(locale__language_code="en")
    address = f"/admin/pages/add/home/eventpage/{index.pk}/"
    assert client.get(address).status_code == 200
    return client.post(address, form(event, **changes))


def test_an_editor_writes_a_page_with_an_agenda(site: HomePage, client: Client) -> None:
    sign_in(client, make_staff(groups.EDITORS, groups.MODERATORS))
    row = {"day": "2026-12-03", "agenda": rich_text("<p>Plans</p>"), "notes": rich_text("")}

    add_page(client, minutes=inline_formset([{**row, "recording": ""}]), **{"action-publish": "1"})

    page = EventPage.objects.get(slug="a-call", locale__language_code="en")
    assert page.live
    assert "Plans" in text(Client(), f"{page.url}2026-12-03/")
    assert "Come." in text(Client(), page.url)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"slug": "past"}, "This address is taken"),
        (
            {
                "minutes": inline_formset(
                    [{"day": "2026-12-04", "agenda": "null", "notes": "null", "recording": ""}]
                )
            },
            "has no occurrence on this day",
        ),
    ],
)
def test_an_editor_is_told_what_does_not_fit(
    site: HomePage, client: Client, changes: dict[str, Any], words: str
) -> None:
    sign_in(client, make_staff(groups.EDITORS, groups.MODERATORS))

    answer = add_page(client, **changes, **{"action-publish": "1"})

    assert words in answer.content.decode()
    assert not EventPage.objects.filter(title="A call", live=True).exists()


def test_links_to_a_day_go_on_to_work_when_the_page_gets_another_address(
    site: HomePage, client: Client, django_capture_on_commit_callbacks: Any
) -> None:
    page = EventPageFactory()
    page.slug = "monthly-call"
    with django_capture_on_commit_callbacks(execute=True):
        page.save_revision().publish()

    for day in ("2026-11-05/", "2026-12-03/", ""):
        answer = client.get(f"{CALL}{day}")
        assert answer.status_code == 301
        assert answer["Location"].endswith(f"/events/monthly-call/{day}")
        assert client.get(answer["Location"]).status_code == 200


def test_an_event_has_one_page_a_language(site: HomePage, client: Client) -> None:
    page = EventPageFactory()
    sign_in(client, make_staff(groups.EDITORS, groups.MODERATORS))

    answer = add_page(client, event=page.event)

    assert "has a page in this language already" in answer.content.decode()


# --- Cost -----------------------------------------------------------------------------------------


def queries(client: Client, address: str) -> list[str]:
    client.get(address)
    with CaptureQueriesContext(
        connection,
    ) as found:
        assert client.get(address).status_code == 200
    return [query["sql"] for query in found]


@pytest.mark.parametrize(
    "address", ["/events/", "/events/past/", CALL, f"{CALL}2026-12-03/", "/events/calendar.ics"]
)
def test_pages_cost_the_same_whatever_there_is(
    site: HomePage, client: Client, address: str
) -> None:
    page = EventPageFactory()
    few = queries(client, address)
    for number in range(4):
        more = EventPageFactory(slug=f"more-{number}", event=EventFactory(capacity=5))
        seat(more.event, DAY("2026-12-03"), f"a{number}@example.org")
        seat(page.event, DAY("2027-01-07"), f"b{number}@example.org")
        seat(page.event, DAY("2026-12-03"), f"b{number}@example.org")
    many = queries(client, address)

    assert len(many) == len(few), many
    assert len(set(many)) == len(many)
    ours = [sql for sql in many if re.search(r'FROM "home_(event|occ|min|reg|evang)', sql)]
    assert len(ours) <= 8, "\n".join(ours)


def test_the_menu_leads_to_events(site: HomePage, client: Client) -> None:
    assert Page.objects.filter(slug="events").count() == 3
    assert 'href="/events/"' in text(client, "/")
    assert 'href="/fr/events/"' in text(client, "/fr/")
