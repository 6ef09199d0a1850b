"""Each message is a row: written with its cause, and told what became of it."""

import contextlib
import smtplib
from datetime import timedelta
from typing import Any

import pytest
from django.core import mail
from django.core.mail import EmailMessage
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from wagtail.models import ModelLogEntry

from core.jobs import GiveUp
from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail, enqueue_test
from core.mailing import addresses, log
from core.mailing.models import DeadAddress, Delivery, Topic
from core.models import User
from core.transactions import use_case
from tests.factories.core import UserFactory

pytestmark = pytest.mark.django_db

State = Delivery.State
WORDS = {"organisation": "Ministry of Health", "path": "/account/membership/", "name": "Amina"}


def queue(template: str = "dues_lapsed", to: str = "amina@example.org", **more: Any) -> Delivery:
    with use_case():
        return enqueue_mail(template, to, "en", {**WORDS, **more.pop("context", {})}, **more)


@pytest.fixture
def officer() -> User:
    return UserFactory()


@pytest.fixture
def broken_server(monkeypatch: pytest.MonkeyPatch) -> list[Exception]:
    """A mail server that answers with the first exception of the list for as long as it holds one."""
    failures: list[Exception] = []
    send = EmailMessage.send

    def answer(self: EmailMessage, *args: Any, **kwargs: Any) -> int:
        if failures:
            raise failures[0]
        return send(self, *args, **kwargs)

    monkeypatch.setattr(EmailMessage, "send", answer)
    return failures


def run_what_fails() -> None:
    """Run the queue; the helper raises what a job raised."""
    with contextlib.suppress(OSError, GiveUp):
        run_pending_jobs()


def refusing(code: int) -> smtplib.SMTPRecipientsRefused:
    return smtplib.SMTPRecipientsRefused({"Amina@example.org": (code, b"5.1.1 no such user")})


# --- The row --------------------------------------------------------------------------------------


def test_a_message_is_a_row_from_the_queue_on_and_marked_when_it_is_sent() -> None:
    row = queue(about="term:7/lapsed")
    assert (row.state, row.about, row.address) == (
        State.QUEUED,
        "term:7/lapsed",
        "amina@example.org",
    )

    run_pending_jobs()

    row.refresh_from_db()
    assert row.state == State.SENT
    assert mail.outbox[0].message()["Message-ID"] == row.message_id


def test_a_transaction_that_rolls_back_leaves_no_row() -> None:
    def fails() -> None:
        with use_case():
            enqueue_mail("dues_lapsed", "amina@example.org", "en", WORDS)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        fails()
    assert not Delivery.objects.exists()


def test_what_holds_a_code_is_not_kept() -> None:
    row = queue("membership_shared", context={"code": "ABCD-EFGH"})
    assert row.context is None
    assert "ABCD" not in str(Delivery.objects.values().get())


# --- Trouble --------------------------------------------------------------------------------------


def test_a_try_that_fails_says_why_and_is_not_yet_a_failure(broken_server: list[Exception]) -> None:
    broken_server.append(ConnectionRefusedError("nobody there"))
    row = queue()

    run_what_fails()

    row.refresh_from_db()
    assert row.state == State.QUEUED
    assert "nobody there" in row.error


def test_a_message_given_up_after_its_last_try_failed(
    broken_server: list[Exception], monkeypatch: pytest.MonkeyPatch
) -> None:
    from core.jobs import declare

    path = "core.mail.send_template"
    few = declare.JobOptions(attempts=1, on_failed=declare.options_of(path).on_failed)
    monkeypatch.setitem(declare._options, path, few)
    broken_server.append(ConnectionRefusedError("nobody there"))
    row = queue()

    run_what_fails()

    row.refresh_from_db()
    assert row.state == State.FAILED
    assert "ConnectionRefusedError" in row.error
    assert Delivery.objects.filter(log.needing_a_hand()).get() == row


@pytest.mark.parametrize(
    "context, kept", [({"code": "ABCD"}, False), ({"organisation": "ABCD"}, True)]
)
def test_a_code_is_kept_by_no_job_that_failed(
    broken_server: list[Exception], context: dict[str, str], kept: bool
) -> None:
    broken_server.append(refusing(550))
    queue(context=context)

    run_what_fails()

    job = DBTaskResult.objects.get()
    assert job.status == "FAILED"
    assert ("ABCD" in str(job.args_kwargs)) == kept


def test_an_address_refused_for_good_bounced_and_is_dead(broken_server: list[Exception]) -> None:
    broken_server.append(refusing(550))
    row = queue()

    run_what_fails()

    row.refresh_from_db()
    assert row.state == State.BOUNCED
    dead = DeadAddress.objects.get()
    assert (dead.address, dead.why) == ("amina@example.org", "bounced")
    assert "no such user" in dead.detail


def test_an_address_refused_for_now_is_not_dead(broken_server: list[Exception]) -> None:
    broken_server.append(refusing(450))
    row = queue()

    run_what_fails()

    row.refresh_from_db()
    assert row.state == State.QUEUED
    assert not DeadAddress.objects.exists()


def test_the_list_by_state_finds_each_message_where_its_state_says() -> None:
    now = timezone.now()
    for number, facts in enumerate(
        (
            {},
            {"sent_at": now},
            {"failed_at": now},
            {"sent_at": now, "bounced_at": now},
            {"sent_at": now, "bounced_at": now, "complained_at": now},
            {"held_at": now, "held_as": "unsubscribed"},
            {"held_at": now, "held_as": "dead"},
        )
    ):
        Delivery.objects.create(template="dues_lapsed", message_id=f"<{number}>", **facts)
    for state in State:
        found = Delivery.objects.filter(Delivery.in_state(state))
        assert [row.state for row in found] == [state]


def test_a_message_that_is_queued_for_more_than_a_day_needs_a_hand() -> None:
    row = queue()
    assert not Delivery.objects.filter(log.needing_a_hand()).exists()

    Delivery.objects.update(queued_at=timezone.now() - timedelta(hours=25))

    assert Delivery.objects.filter(log.needing_a_hand()).get() == row


# --- Sending again --------------------------------------------------------------------------------


def failed_row(**changes: Any) -> Delivery:
    row = queue(about="term:7/lapsed")
    Delivery.objects.filter(pk=row.pk).update(failed_at=timezone.now(), **changes)
    row.refresh_from_db()
    return row


def test_a_failed_message_is_sent_again_once_however_often_it_is_clicked(officer: User) -> None:
    first = failed_row()

    again = log.send_again(first.pk, by=officer)
    assert log.send_again(first.pk, by=officer) == again

    assert (again.again_of, again.about, again.context) == (first, first.about, first.context)
    assert not Delivery.objects.filter(log.needing_a_hand()).exists()
    entry = ModelLogEntry.objects.get(action="core.send_again")
    assert (entry.user, entry.data["first"]) == (officer, first.pk)


def test_words_that_are_not_kept_are_not_sent_again(officer: User) -> None:
    first = failed_row(context=None)
    with pytest.raises(log.CannotSendAgain):
        log.send_again(first.pk, by=officer)


def test_a_dead_address_is_not_written_to_again_until_it_is_marked_alive(officer: User) -> None:
    first = failed_row()
    with use_case():
        addresses.mark_dead("Amina@Example.org", why=DeadAddress.Why.BOUNCED, detail="gone")
    with pytest.raises(log.AddressIsDead):
        log.send_again(first.pk, by=officer)

    addresses.mark_alive(DeadAddress.objects.get(), by=officer)

    assert log.send_again(first.pk, by=officer).again_of == first
    assert ModelLogEntry.objects.filter(action="core.address_alive", user=officer).exists()


# --- Unsubscribed and dead ------------------------------------------------------------------------


def test_a_reminder_carries_the_header_and_the_link_to_end_reminders() -> None:
    queue("dues_renewal_reminder", context={"kind": "week"})
    run_pending_jobs()

    message = mail.outbox[0].message()
    assert message["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    url = message["List-Unsubscribe"].strip("<>")
    assert url.startswith("http://testserver/unsubscribe/")
    assert url in mail.outbox[0].body


def test_what_is_owed_carries_none_and_goes_out_all_the_same() -> None:
    with use_case():
        addresses.unsubscribe("amina@example.org", Topic.GIVING)
    queue("payments_reminder", owed=True)
    run_pending_jobs()
    assert mail.outbox[0].message()["List-Unsubscribe"] is None


def test_an_address_that_unsubscribed_gets_no_more_of_that_topic_alone() -> None:
    with use_case():
        addresses.unsubscribe("Amina@example.org", Topic.RENEWALS)
        addresses.unsubscribe("amina@example.org", Topic.RENEWALS)
    held, other = queue("dues_renewal_reminder"), queue("pools_instalment_reminder")
    lapsed = queue("dues_lapsed")

    run_pending_jobs()

    for row in (held, other, lapsed):
        row.refresh_from_db()
    assert [held.state, other.state, lapsed.state] == [State.HELD, State.SENT, State.SENT]

    with use_case():
        addresses.subscribe("amina@example.org", Topic.RENEWALS)
    queue("dues_renewal_reminder")
    run_pending_jobs()
    assert len(mail.outbox) == 3


# --- Personal data --------------------------------------------------------------------------------


def test_the_log_forgets_words_first_and_rows_later() -> None:
    young, old, oldest = queue(), queue(), queue()
    now = timezone.now()
    Delivery.objects.filter(pk=old.pk).update(queued_at=now - timedelta(days=91))
    Delivery.objects.filter(pk=oldest.pk).update(queued_at=now - timedelta(days=401))

    for address, age in (("new@example.org", 399), ("old@example.org", 401)):
        DeadAddress.objects.create(address=address, why="bounced", since=now - timedelta(days=age))

    log.tidy()

    assert [dead.address for dead in DeadAddress.objects.all()] == ["new@example.org"]
    assert {row.pk: row.context is None for row in Delivery.objects.all()} == {
        young.pk: False,
        old.pk: True,
    }


# --- Tests of an e-mail ---------------------------------------------------------------------------


def test_a_test_says_so_is_filled_with_samples_and_needs_no_hand() -> None:
    with use_case():
        row = enqueue_test("dues_lapsed", "officer@example.org", "en")
    run_pending_jobs()
    row.refresh_from_db()
    assert (
        mail.outbox[0].subject == "[test] Ministry of Health of Malawi: the membership has lapsed"
    )
    assert (row.state, row.is_test) == (State.SENT, True)
