"""The e-mail service tells of bounces and complaints: once, twice, late, forged."""

import base64
from typing import Any

import pytest
from anymail.message import AnymailStatus
from django.core import mail
from django.core.mail import EmailMultiAlternatives
from django.test import Client
from django.utils import timezone
from pytest_django import Settings

from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail
from core.mailing.models import DeadAddress, Delivery
from core.transactions import use_case
from funding.payments.backoffice.panel import needs_of
from membership.models import Seat
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import make_organisation
from tests.factories.pools import make_person

pytestmark = pytest.mark.django_db
SECRET = "service:a-password-of-the-service"
ADDRESS = "/mail/events/"


@pytest.fixture(autouse=True)
def service(settings: Settings) -> None:
    settings.EMAIL_SERVICE = "postmark"
    settings.ANYMAIL = {"WEBHOOK_SECRET": SECRET, "POSTMARK_SERVER_TOKEN": "x"}


@pytest.fixture
def row() -> Delivery:
    with use_case():
        made = enqueue_mail("dues_lapsed", "Amina@example.org", "en", {"organisation": "Ministry"})
    Delivery.objects.update(sent_at=timezone.now(), service_id="postmark-number")
    return made


def tell(kind: str = "HardBounce", secret: str = SECRET, **changes: Any) -> Any:
    body = {
        "RecordType": "SpamComplaint" if kind == "SpamComplaint" else "Bounce",
        "Type": kind,
        "ID": 42,
        "MessageID": "postmark-number",
        "Email": "amina@example.org",
        "BouncedAt": "2027-03-01T10:00:00Z",
        "Description": "The server was unable to deliver your message",
        "Details": "550 no such user",
        **changes,
    }
    basic = base64.b64encode(secret.encode()).decode()
    return Client(enforce_csrf_checks=True).post(
        ADDRESS, body, content_type="application/json", headers={"Authorization": f"Basic {basic}"}
    )


def test_a_hard_bounce_stands_at_the_message_and_the_address_is_dead(row: Delivery) -> None:
    for _twice in range(2):
        assert tell().status_code == 200
    row.refresh_from_db()
    assert row.state == Delivery.State.BOUNCED
    assert "550 no such user" in row.error
    dead = DeadAddress.objects.get()
    assert (dead.address, dead.why) == ("amina@example.org", "bounced")


def test_a_complaint_is_one(row: Delivery) -> None:
    tell("SpamComplaint")
    row.refresh_from_db()
    assert row.state == Delivery.State.COMPLAINED
    assert DeadAddress.objects.get().why == "complained"


def test_a_soft_bounce_stands_at_the_message_alone(row: Delivery) -> None:
    tell("SoftBounce")
    row.refresh_from_db()
    assert row.state == Delivery.State.BOUNCED
    assert not DeadAddress.objects.exists()


@pytest.mark.parametrize("kind", ["Transient", "AutoResponder", "Unknown"])
def test_what_is_no_bounce_changes_nothing(row: Delivery, kind: str) -> None:
    assert tell(kind).status_code == 200
    row.refresh_from_db()
    assert row.state == Delivery.State.SENT


def test_a_bounce_that_comes_before_our_own_mark_finds_the_message_by_our_number(
    row: Delivery,
) -> None:
    Delivery.objects.update(sent_at=None, service_id="")
    tell(Metadata={"delivery": str(row.pk)})
    row.refresh_from_db()
    assert row.state == Delivery.State.BOUNCED


def test_a_bounce_of_a_message_that_is_gone_still_marks_the_address() -> None:
    assert tell(MessageID="unknown").status_code == 200
    assert DeadAddress.objects.get().address == "amina@example.org"


@pytest.mark.parametrize("secret", ["service:wrong", "", ":", "a-password-of-the-service"])
def test_without_the_secret_nothing_is_believed(row: Delivery, secret: str) -> None:
    assert tell(secret=secret).status_code == 400
    assert not DeadAddress.objects.exists()


@pytest.mark.parametrize("name, value", [("EMAIL_SERVICE", ""), ("ANYMAIL", {})])
def test_without_a_service_or_secret_there_is_no_such_page(
    row: Delivery, settings: Settings, name: str, value: Any
) -> None:
    setattr(settings, name, value)
    assert tell().status_code == 404
    assert Client().get(ADDRESS).status_code == 404
    assert not DeadAddress.objects.exists()


def test_the_number_of_the_service_is_kept_and_it_is_told_ours(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    send = EmailMultiAlternatives.send

    def by_the_service(self: Any, *args: Any, **kwargs: Any) -> int:
        self.anymail_status = AnymailStatus()
        self.anymail_status.message_id = "postmark-7"
        return send(self, *args, **kwargs)

    monkeypatch.setattr(EmailMultiAlternatives, "send", by_the_service)
    with use_case():
        row = enqueue_mail("dues_lapsed", "amina@example.org", "en", {"organisation": "Ministry"})
    run_pending_jobs()
    row.refresh_from_db()
    assert row.service_id == "postmark-7"
    assert mail.outbox[0].metadata == {"delivery": str(row.pk)}  # type: ignore[attr-defined]


@pytest.mark.usefixtures("on_site")
def test_a_primary_contact_whose_mail_comes_back_is_flagged(client: Client, row: Delivery) -> None:
    person = make_person(email="amina@example.org")
    Seat.objects.create(organisation=make_organisation(), person=person, roles=["primary_contact"])
    tell()
    officer = make_staff(groups.MEMBERSHIP_OFFICERS)
    sign_in(client, officer)

    assert "Mail to 1 primary contact comes back" in [need.words for need in needs_of(officer)]
    assert "mail comes back" in client.get("/admin/members/seats/").content.decode()
