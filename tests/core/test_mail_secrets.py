"""What nobody but its reader may hold is kept nowhere once a message is sent or given up."""

import re
from typing import Any

import pytest
from django.core.mail import EmailMessage
from django_tasks_db.models import DBTaskResult
from wagtail.models import ModelLogEntry

from core.jobs import GiveUp
from core.jobs.execution import NO_ARGUMENTS
from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail
from core.mailing import catalogue, log, texts
from core.mailing.models import Delivery
from core.mailing.samples import SAMPLES
from core.transactions import use_case
from tests.factories.core import UserFactory

NAMES = catalogue.names()
# What may be a key by itself.
LIKE_A_KEY = re.compile(r"(^|_)(code|key|link|path|secret|token|url)$")
# The verdict on each address that `catalogue.SECRETS` does not name. Where a new e-mail fails here,
# look at the page that its address opens: what can whoever holds it do without a sign-in?
ASKS_FOR_A_SIGN_IN = """
    dues_cancelled.path dues_change_ended.path dues_change_invoice.path dues_change_made.path
    dues_invoice.path dues_lapsed.path dues_renewal.path dues_renewal_reminder.path
    dues_renewed.path dues_waived.path
    membership_agreement.path membership_answered.path
    membership_appeal_set_aside.path membership_appeal_stands.path membership_appealed.path
    membership_assigned.path membership_declined.path membership_imported.path
    membership_question.path membership_seat_accepted.path
    membership_seat_appointed.path membership_seat_asked.path membership_seat_granted.path
    membership_seat_handed_over.path membership_seat_invitation.code_path
    membership_seat_left.path membership_seat_no_contact.path membership_seat_primary.path
    membership_seat_roles.path membership_second_review.path membership_shared.code_path
    membership_submitted.path membership_to_review.path
    pools_charge_announced.pledge_path pools_instalment_reminder.path
    pools_pledge_changed.path pools_pledge_confirmed.path
    evangelist_alumni.path evangelist_approved.path evangelist_confirm.path evangelist_declined.path
    evangelist_nominated.code_path
"""
IS_FOR_EVERYBODY = """
    dues_settled.path membership_admitted.path membership_imported.sign_in_path
    signin_account_already_exists.password_reset_path signin_unknown_account.signup_path
    evangelist_message_check.code_path events_confirm.code_path events_moved.calendar_path
    events_registered.calendar_path follow_change.path follow_confirm.code_path
"""
# Everybody who registered is shown the same one, and staff wrote it.
LEADS_TO_A_MEETING = "events_moved.join_link events_registered.join_link events_reminder.join_link"
SHOWS_A_PAPER_OR_TAKES_MONEY = """
    dues_change_invoice.invoice_path dues_invoice.invoice_path dues_invoice_again.path
    dues_renewal.invoice_path dues_renewal_reminder.invoice_path
    payments_credit_note.new_path payments_credit_note.path payments_paid_back.path
    payments_receipt.path payments_receipt_again.path payments_reminder.path payments_request.path
    pools_charge_declined.path pools_matching_settled.path
"""
NO_SECRETS = {
    *ASKS_FOR_A_SIGN_IN.split(),
    *IS_FOR_EVERYBODY.split(),
    *LEADS_TO_A_MEETING.split(),
    *SHOWS_A_PAPER_OR_TAKES_MONEY.split(),
}


def everything_kept() -> str:
    rows: list[Any] = []
    for model in (Delivery, DBTaskResult, ModelLogEntry):
        rows += model.objects.values()
    return str(rows)


def secretly(name: str) -> dict[str, Any]:
    """Values for an e-mail, its secrets marked so that they can be found."""
    known = {variable.split("[].")[0] for variable in texts.known_variables(name)}
    values = {key: value for key, value in SAMPLES.items() if key in known}
    return values | {key: f"HIDDEN-{key}" for key in catalogue.secrets_of(name) & known}


@pytest.mark.parametrize("name", NAMES)
def test_there_is_a_verdict_on_everything_that_may_be_a_key(name: str) -> None:
    like_a_key = {key for key in texts.known_variables(name) if LIKE_A_KEY.search(key)}
    secrets = {f"{name}.{key}" for key in catalogue.secrets_of(name)}
    judged = {f"{name}.{key}" for key in like_a_key}
    assert judged <= secrets | NO_SECRETS
    assert not secrets & NO_SECRETS


def test_no_verdict_is_on_what_no_mail_says() -> None:
    said = {f"{name}.{key}" for name in NAMES for key in texts.known_variables(name)}
    assert said >= NO_SECRETS
    for name, keys in catalogue.SECRETS.items():
        assert {f"{name}.{key}" for key in keys} <= said


@pytest.mark.django_db
@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("arrives", [True, False])
def test_no_secret_stays_in_log_or_queue(
    monkeypatch: pytest.MonkeyPatch, name: str, arrives: bool
) -> None:
    def refuse(self: EmailMessage, *args: Any, **kwargs: Any) -> int:
        raise GiveUp("no such user")

    if not arrives:
        monkeypatch.setattr(EmailMessage, "send", refuse)
    values = secretly(name)
    with use_case():
        row = enqueue_mail(name, "amina@example.org", "en", values)
    # While it waits it lies in the queue, and nowhere else.
    hides = any(str(value).startswith("HIDDEN") for value in values.values())
    assert "HIDDEN" not in str(Delivery.objects.values().get())

    run_pending_jobs(raise_errors=False)

    assert "HIDDEN" not in everything_kept()
    job = DBTaskResult.objects.get()
    assert job.status == ("SUCCESSFUL" if arrives else "FAILED")
    if hides:
        assert job.args_kwargs == NO_ARGUMENTS
        row.refresh_from_db()
        with pytest.raises(log.CannotSendAgain):
            log.send_again(row.pk, by=UserFactory())


@pytest.mark.django_db
def test_what_holds_no_secret_is_kept_for_sending_it_again() -> None:
    with use_case():
        row = enqueue_mail("payments_receipt", "amina@example.org", "en", {"path": "/receipts/1/"})
    assert row.context == {"path": "/receipts/1/"}
