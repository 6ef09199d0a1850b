"""Writing to an evangelist: confirmed by the sender, passed on, limited, forgotten."""

import datetime
import uuid
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult

from core.jobs.testing import run_pending_jobs
from core.mailing.models import Delivery
from home.evangelists import contact
from home.evangelists.contact import Letter
from home.evangelists.refusals import (
    MessageOver,
    NotContactable,
    NotReported,
    NotToDecide,
    NotYours,
    ReasonMissing,
    TooManyMessages,
)
from home.guards import opened_now
from home.models import ContactMessage, EvangelistPage, HomePage
from portal import groups
from tests.factories.evangelists import (
    a_person,
    code_in,
    evangelist_of,
    letters_to,
    serving,
    written_to,
)
from tests.factories.home import make_staff, sign_in

CODE = "/evangelists/message/code/"


@pytest.fixture
def page(site: HomePage) -> EvangelistPage:
    return serving(title="Alice Example", person=a_person("alice@secret.example"))


def stamped(seconds: float = 60) -> str:
    with time_machine.travel(timezone.now() - datetime.timedelta(seconds=seconds), tick=False):
        return opened_now()


def typed(**changes: str) -> dict[str, str]:
    return {
        "name": "Rita Reader",
        "email": "reader@example.org",
        "text": "Can you speak in May?",
        "homepage": "",
        "opened": stamped(),
        "form_token": str(uuid.uuid4()),
        **changes,
    }


def address(page: EvangelistPage) -> str:
    return f"/evangelists/{page.slug}/write/"


def send(client: Client, page: EvangelistPage, **changes: str) -> Any:
    return client.post(address(page), typed(**changes))


# --- The way of a message -------------------------------------------------------------------------


def test_a_message_reaches_the_evangelist_once_its_sender_confirmed(
    client: Client, page: EvangelistPage
) -> None:
    form = client.get(address(page)).content.decode()
    assert "Write to Alice Example" in form
    answer = send(client, page)
    assert answer.url == CODE
    assert letters_to("alice@secret.example") == []
    (check,) = letters_to("reader@example.org")
    # Anybody's address may stand there: nothing that was typed is in the mail.
    assert "May" not in check.body
    assert "Rita" not in check.body
    assert "alice@secret.example" not in form + check.body
    link = next("/" + line.split("/", 3)[3] for line in check.body.splitlines() if "ge/" in line)
    assert "Nothing has been sent yet." in client.get(link).content.decode()
    assert letters_to("alice@secret.example") == []

    client.post(link)
    client.post(link)
    assert client.get(link).url == "/evangelists/message/sent/"

    (letter,) = letters_to("alice@secret.example")
    assert letter.reply_to == ["reader@example.org"]
    assert "Can you speak in May?" in letter.body
    assert letter.subject == "Message from Rita Reader"


def test_the_code_is_as_good_as_the_link(client: Client, page: EvangelistPage) -> None:
    send(client, page)
    code = code_in(letters_to("reader@example.org")[0])
    wrong = client.post(CODE, {"code": "AAAA-AAAA"}).content.decode()
    assert "no message that waits for this code" in wrong
    assert client.post(CODE, {"code": code}).url == "/evangelists/message/sent/"
    assert len(letters_to("alice@secret.example")) == 1


def test_the_text_is_kept_by_neither_the_log_nor_the_queue(
    client: Client, page: EvangelistPage
) -> None:
    contact.send_on(written_to(page))
    run_pending_jobs()
    assert len(mail.outbox) == 2
    assert Delivery.objects.get(template="evangelist_message").context is None
    assert "May" not in str(list(DBTaskResult.objects.values()))


def test_a_name_over_two_lines_makes_no_header(page: EvangelistPage) -> None:
    letter = Letter("Rita\nBcc: all@example.org", "reader@example.org", "Can you speak?", "en")
    message = contact.write(evangelist_of(page), letter, form_token=uuid.uuid4())
    contact.send_on(message)
    (sent,) = letters_to("alice@secret.example")
    assert sent.bcc == []
    assert "\n" not in sent.subject


def test_the_address_of_the_evangelist_is_on_no_page(client: Client, page: EvangelistPage) -> None:
    for where in (page.url, "/evangelists/", address(page), CODE):
        assert "secret.example" not in client.get(where).content.decode()


def test_a_link_works_for_two_days_and_a_changed_one_never(
    client: Client, page: EvangelistPage
) -> None:
    message = written_to(page)
    link = f"/evangelists/message/{contact.token_of(message)}/"
    assert client.get(link[:-2] + "x/").status_code == 404
    with (
        time_machine.travel(timezone.now() + datetime.timedelta(days=2, minutes=1)),
        pytest.raises(MessageOver),
    ):
        contact.send_on(message)


# --- Against abuse --------------------------------------------------------------------------------


def test_a_program_that_fills_every_field_learns_nothing(
    client: Client, page: EvangelistPage
) -> None:
    assert send(client, page, homepage="https://spam.example").url == CODE
    assert not ContactMessage.objects.exists()
    assert letters_to("reader@example.org") == []


@pytest.mark.parametrize("seconds", [1, 25 * 3600])
def test_too_fast_or_too_old_is_asked_again_and_keeps_what_was_typed(
    client: Client, page: EvangelistPage, seconds: int
) -> None:
    shown = send(client, page, opened=stamped(seconds)).content.decode()
    assert "send it again." in shown
    assert "Can you speak in May?" in shown
    assert not ContactMessage.objects.exists()


@pytest.mark.parametrize("opened", ["", "form", "form:1:forged"])
def test_a_forged_stamp_is_no_stamp(client: Client, page: EvangelistPage, opened: str) -> None:
    assert send(client, page, opened=opened).status_code == 200
    assert not ContactMessage.objects.exists()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", ""),
        ("email", "nobody"),
        ("text", "short"),
        ("text", "x" * 3001),
        ("form_token", "1"),
    ],
)
def test_bad_input_sends_nothing(
    client: Client, page: EvangelistPage, field: str, value: str
) -> None:
    assert "There is something to correct" in send(client, page, **{field: value}).content.decode()
    assert not ContactMessage.objects.exists()


def test_a_form_sent_twice_is_one_message(client: Client, page: EvangelistPage) -> None:
    token = str(uuid.uuid4())
    send(client, page, form_token=token)
    send(client, page, form_token=token)
    assert ContactMessage.objects.count() == 1


def test_limits_by_sender_by_evangelist_and_for_all(
    page: EvangelistPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = [serving() for _number in range(4)]
    for other in others[:3]:
        written_to(other, "same@example.org")
    with pytest.raises(TooManyMessages):
        written_to(others[3], "Same@example.org")
    for number in range(10):
        written_to(page, f"reader-{number}@example.org")
    with pytest.raises(TooManyMessages):
        written_to(page, "reader-10@example.org")
    monkeypatch.setattr(contact, "MOST_OF_ALL", 13)
    with pytest.raises(TooManyMessages):
        written_to(others[3], "somebody@example.org")
    with time_machine.travel(timezone.now() + datetime.timedelta(days=1, minutes=1)):
        assert written_to(page, "same@example.org").pk


def test_one_address_of_the_net_writes_twenty_an_hour(
    client: Client, page: EvangelistPage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(contact, "MOST_TO_ONE", 100)
    answers = [send(client, page, email=f"reader-{number}@example.org") for number in range(21)]
    assert [answer.status_code for answer in answers] == [303] * 20 + [429]


@pytest.mark.parametrize("why", ["off", "closed", "nobody", "alumnus", "draft"])
def test_whoever_takes_no_messages_gets_none(client: Client, site: HomePage, why: str) -> None:
    page = {
        "off": lambda: serving(),
        "closed": lambda: serving(person=a_person(is_active=False)),
        "nobody": lambda: serving(person=None),
        "alumnus": lambda: serving(days=(datetime.date(2020, 1, 1),)),
        "draft": lambda: serving(live=False),
    }[why]()
    if why == "off":
        assert page.person is not None
        contact.set_open(evangelist_of(page), False, by=page.person)
    if why == "draft":
        assert client.get(address(page)).status_code == 404
        return
    assert "/write/" not in client.get(page.url).content.decode()
    send(client, page)
    assert not ContactMessage.objects.exists()
    with pytest.raises(NotContactable):
        written_to(page)


def test_switched_off_between_writing_and_confirming(page: EvangelistPage) -> None:
    message = written_to(page)
    assert page.person is not None
    contact.set_open(evangelist_of(page), False, by=page.person)
    with pytest.raises(NotContactable):
        contact.send_on(message)


# --- Reports and forgetting -----------------------------------------------------------------------


def test_abuse_is_reported_read_by_staff_and_stops_its_sender(
    client: Client, page: EvangelistPage
) -> None:
    message = contact.send_on(written_to(page))
    report = f"/account/evangelist/messages/{message.public_id}/report/"
    assert report in letters_to("alice@secret.example")[0].body
    sign_in(client, page.person)
    assert "Can you speak in May?" in client.get(report).content.decode()
    message.refresh_from_db()
    assert message.reported_at is None  # Reading it changed nothing.
    client.post(report)
    with pytest.raises(TooManyMessages):
        written_to(serving())

    bob = make_staff(groups.MODERATORS)
    with pytest.raises(NotToDecide):
        contact.close(message, by=make_staff(groups.EDITORS), finding="Spam")
    with pytest.raises(ReasonMissing):
        contact.close(message, by=bob, finding="")
    contact.close(message, by=bob, finding="Spam")
    with pytest.raises(NotReported):
        contact.close(message, by=bob, finding="Spam")


def test_nobody_reads_or_reports_the_message_of_somebody_else(
    client: Client, page: EvangelistPage
) -> None:
    message = contact.send_on(written_to(page))
    other = serving()
    sign_in(client, other.person)
    report = f"/account/evangelist/messages/{message.public_id}/report/"
    assert client.get(report).status_code == 404
    assert client.post(report).status_code == 404
    assert other.person is not None
    with pytest.raises(NotYours):
        contact.report(message, by=other.person)
    with pytest.raises(NotYours):
        contact.set_open(evangelist_of(page), False, by=other.person)


def test_texts_are_deleted_after_thirty_days_and_reported_ones_after_their_end(
    page: EvangelistPage,
) -> None:
    sent_on = contact.send_on(written_to(page, "a@example.org"))
    written_to(page, "b@example.org")
    reported = contact.send_on(written_to(page, "c@example.org"))
    assert page.person is not None
    contact.report(reported, by=page.person)
    left = ContactMessage.objects.order_by("pk").values_list("email", flat=True)
    now = timezone.now()

    def after(days: float) -> list[str]:
        contact.forget_old(now + datetime.timedelta(days=days, minutes=1))
        return list(left.all())

    assert after(1.9) == ["a@example.org", "b@example.org", "c@example.org"]
    assert after(2) == ["a@example.org", "c@example.org"]
    assert after(29.9) == ["a@example.org", "c@example.org"]
    assert after(30) == ["c@example.org"]
    assert not ContactMessage.objects.filter(pk=sent_on.pk).exists()
    contact.close(reported, by=make_staff(groups.MODERATORS), finding="Spam")
    assert after(29.9) == ["c@example.org"]
    assert after(30.1) == []


def test_writing_in_french_is_answered_in_french(client: Client, page: EvangelistPage) -> None:
    client.post(f"/fr/evangelists/{page.slug}/write/", typed())
    assert ContactMessage.objects.get().language == "fr"
    assert "/fr/evangelists/message/" in letters_to("reader@example.org")[0].body
