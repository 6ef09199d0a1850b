"""Mail is a job: nothing leaves for a rollback, all of it leaves after a commit."""

import smtplib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.mail import EmailMessage
from django.template import TemplateDoesNotExist
from django.utils import translation
from django_tasks_db.models import DBTaskResult
from pytest_django import Settings

from core.jobs.testing import run_pending_jobs
from core.mail import Attachment, enqueue_mail, register_attachment
from core.transactions import TransactionMissing, use_case

pytestmark = pytest.mark.django_db

CONTEXT = {"name": "Côte d'Ivoire <Santé> & Co", "amount": "$1,250.00", "path": "/receipts/1/"}


@pytest.fixture(autouse=True)
def own_templates(settings: Settings) -> None:
    engine = {**settings.TEMPLATES[0], "DIRS": [Path(__file__).parent / "templates"]}
    settings.TEMPLATES = [engine]


def send(template: str = "greeting", language: str = "en", **changes: Any) -> Any:
    with use_case():
        enqueue_mail(template, "amina@example.org", language, {**CONTEXT, **changes})
    run_pending_jobs()
    return mail.outbox[-1]


def the_row() -> Any:
    return DBTaskResult.objects.get()


# --- When -----------------------------------------------------------------------------------------


def test_a_mail_leaves_when_its_job_runs_and_not_before() -> None:
    with use_case():
        enqueue_mail("greeting", "amina@example.org", "en", CONTEXT)
    assert mail.outbox == []

    run_pending_jobs()

    assert [message.to for message in mail.outbox] == [["amina@example.org"]]


def test_a_transaction_that_rolls_back_sends_nothing() -> None:
    def fails() -> None:
        with use_case():
            enqueue_mail("greeting", "amina@example.org", "en", CONTEXT)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()

    assert run_pending_jobs() == 0
    assert mail.outbox == []


def test_a_mail_outside_a_transaction_is_refused() -> None:
    with pytest.raises(TransactionMissing):
        enqueue_mail("greeting", "amina@example.org", "en", CONTEXT)


@pytest.mark.parametrize("template", ["nothing", "only_subject"])
def test_a_template_that_is_missing_is_told_to_the_caller_not_to_the_worker(template: str) -> None:
    with use_case(), pytest.raises(TemplateDoesNotExist):
        enqueue_mail(template, "amina@example.org", "en", {})


def test_a_context_that_is_not_json_is_told_to_the_caller() -> None:
    with use_case(), pytest.raises(TypeError):
        enqueue_mail("greeting", "amina@example.org", "en", {"name": object()})


# --- What -----------------------------------------------------------------------------------------


def test_a_mail_is_written_in_the_readers_language_not_in_the_senders() -> None:
    with translation.override("en"):
        message = send(language="fr")
        assert translation.get_language() == "en"

    assert message.subject.startswith("Mot de passe: ")
    assert "Mot de passe · " in message.body
    assert message.body.endswith("OpenLMIS Foundation fr\n")
    assert message.message()["Content-Language"] == "fr"


def test_plain_text_keeps_its_apostrophes_and_its_address_is_complete() -> None:
    message = send()

    assert "Côte d'Ivoire <Santé> & Co" in message.body
    assert "http://testserver/receipts/1/" in message.body
    assert message.subject == "Password: Côte d'Ivoire <Santé> & Co"


def test_a_line_break_in_a_name_cannot_add_a_header() -> None:
    message = send(name="Amina\r\nBcc: everyone@example.org")

    assert message.subject == "Password: Amina Bcc: everyone@example.org"
    assert message.message()["Bcc"] is None
    assert message.recipients() == ["amina@example.org"]


def test_html_goes_along_where_there_is_a_template_and_is_escaped() -> None:
    assert not send().alternatives

    message = send("with_html")

    assert message.alternatives[0].content == ("<p>Côte d&#x27;Ivoire &lt;Santé&gt; &amp; Co</p>\n")
    assert message.alternatives[0].mimetype == "text/html"


def test_a_mail_says_that_nobody_need_answer_it_and_comes_from_the_foundation() -> None:
    message = send().message()

    assert message["Auto-Submitted"] == "auto-generated"
    assert message["X-Auto-Response-Suppress"] == "All"
    assert message["From"] == "OpenLMIS Foundation <mail@testserver>"


def test_what_a_mail_said_does_not_stay_in_the_queue() -> None:
    send(name="code 123456")

    assert "123456" not in str(DBTaskResult.objects.values().get())
    assert "amina" not in str(DBTaskResult.objects.values().get())


# --- Trouble --------------------------------------------------------------------------------------


class Server:
    """Stands in for the mail server: fails as it is told."""

    def __init__(self) -> None:
        self.failure: Exception | None = None
        self.message_ids: list[str] = []


@pytest.fixture
def server(monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()

    def send_through(message: EmailMessage, fail_silently: bool = False) -> int:
        assert not fail_silently
        server.message_ids.append(str(message.message()["Message-ID"]))
        if server.failure is not None:
            raise server.failure
        return 1

    monkeypatch.setattr(EmailMessage, "send", send_through)
    return server


@pytest.mark.parametrize(
    "failure",
    [
        ConnectionRefusedError(),
        TimeoutError(),
        smtplib.SMTPServerDisconnected("gone"),
        smtplib.SMTPRecipientsRefused({"amina@example.org": (451, b"greylisted, come back")}),
    ],
)
def test_a_mail_is_tried_again_when_the_server_is_in_trouble(
    server: Server, failure: Exception
) -> None:
    server.failure = failure
    with use_case():
        enqueue_mail("greeting", "amina@example.org", "en", CONTEXT)
    now = datetime(2026, 5, 1, 12, tzinfo=UTC)
    with time_machine.travel(now, tick=False):
        run_pending_jobs(raise_errors=False)
    assert the_row().status == "READY"

    server.failure = None
    with time_machine.travel(now + timedelta(hours=1), tick=False):
        assert run_pending_jobs() == 1

    assert the_row().status == "SUCCESSFUL"
    # Both tries are one message to whoever got both.
    assert len(server.message_ids) == 2
    assert len(set(server.message_ids)) == 1


def test_an_address_that_is_refused_for_good_is_not_tried_again(server: Server) -> None:
    server.failure = smtplib.SMTPRecipientsRefused({"amina@example.org": (550, b"no such user")})
    with use_case():
        enqueue_mail("greeting", "amina@example.org", "en", CONTEXT)

    run_pending_jobs(raise_errors=False)

    assert the_row().status == "FAILED"
    assert "amina@example.org" not in the_row().traceback


def test_two_mails_are_two_messages(server: Server) -> None:
    with use_case():
        for _ in range(2):
            enqueue_mail("greeting", "amina@example.org", "en", CONTEXT)
    run_pending_jobs()

    assert len(set(server.message_ids)) == 2


# --- Which -----------------------------------------------------------------------------------------


def test_every_template_of_the_portal_has_a_subject_and_a_text(settings: Settings) -> None:
    folder = Path(settings.BASE_DIR) / "templates" / "emails"
    subjects = {path.name.removesuffix(".subject.txt") for path in folder.glob("*.subject.txt")}
    texts = {path.name.removesuffix(".txt") for path in folder.glob("*.txt")}
    texts = {name for name in texts if not name.endswith(".subject") and name != "base"}

    assert subjects == texts
    assert subjects


# --- Attachments ----------------------------------------------------------------------------------


@pytest.fixture
def notes(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Attachments of the kind "note"; the list tells which keys were asked for, and when."""
    monkeypatch.setattr("core.mail._attachments", {})
    asked: list[str] = []

    def make(key: str) -> Attachment:
        asked.append(key)
        return Attachment(f"{key}.txt", f"Note {key}".encode(), "text/plain")

    register_attachment("note", make)
    return asked


def test_an_attachment_is_made_when_the_mail_is_sent_and_not_before(notes: list[str]) -> None:
    with use_case():
        enqueue_mail("greeting", "amina@example.org", "en", CONTEXT, attachments=[("note", "7")])
    assert notes == []
    assert "Note 7" not in str(the_row().args_kwargs)

    run_pending_jobs()

    assert notes == ["7"]
    (message,) = mail.outbox
    assert message.attachments == [("7.txt", "Note 7", "text/plain")]


def test_an_attachment_of_a_kind_that_nobody_makes_is_told_to_the_caller(notes: list[str]) -> None:
    with use_case(), pytest.raises(LookupError, match="ghost"):
        enqueue_mail("greeting", "a@example.org", "en", CONTEXT, attachments=[("ghost", "7")])


def test_a_kind_of_attachment_has_one_maker(notes: list[str]) -> None:
    with pytest.raises(ValueError, match="Two makers"):
        register_attachment("note", lambda key: Attachment(key, b"", "text/plain"))


def test_a_mail_whose_attachment_cannot_be_made_is_not_sent_without_it(
    notes: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(key: str) -> Attachment:
        raise OSError("no room")

    monkeypatch.setattr("core.mail._attachments", {"note": broken})
    with use_case():
        enqueue_mail("greeting", "a@example.org", "en", CONTEXT, attachments=[("note", "7")])
    with pytest.raises(OSError, match="no room"):
        run_pending_jobs()
    assert mail.outbox == []
