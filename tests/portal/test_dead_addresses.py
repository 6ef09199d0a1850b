"""A dead address gets the code that somebody asks for and nothing else, until it answers."""

import datetime
import re

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail, enqueue_test
from core.mailing import addresses, catalogue, log
from core.mailing.models import DeadAddress, Delivery, Topic
from core.models import User
from core.transactions import use_case
from funding.payments.backoffice.panel import needs_of
from portal import groups
from tests.factories.home import PASSWORD, make_staff, sign_in
from tests.factories.pools import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]

EMAIL = "amina@example.org"
LOG = "/admin/e-mails/log/"
State = Delivery.State


@pytest.fixture(autouse=True)
def clear(db: None) -> None:
    cache.clear()


@pytest.fixture(params=["bounced", "complained"])
def dead(request: pytest.FixtureRequest) -> DeadAddress:
    return DeadAddress.objects.create(address=EMAIL, why=request.param)


@pytest.fixture
def amina() -> User:
    return make_person(EMAIL, password=PASSWORD)


def send(template: str = "dues_lapsed", to: str = "Amina@Example.org") -> Delivery:
    with use_case():
        row = enqueue_mail(template, to, "en", {"organisation": "Ministry of Health"})
    run_pending_jobs()
    row.refresh_from_db()
    return row


def typed_code(client: Client, address: str) -> None:
    run_pending_jobs()
    found = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", mail.outbox[-1].body, re.MULTILINE)
    assert found is not None, mail.outbox[-1].body
    client.post(address, {"code": found.group(1)})


def told(person: User) -> list[str]:
    return [need.words for need in needs_of(person) if "withheld" in need.words]


# --- What goes out and what does not --------------------------------------------------------------


@pytest.mark.parametrize("name", catalogue.names())
def test_nothing_goes_to_it_but_a_code_just_asked_for(name: str) -> None:
    DeadAddress.objects.create(address=EMAIL, why="bounced")
    row = send(name)
    asked_for = "code" in catalogue.shipped(name, "en").subject and name.startswith("signin_")
    assert row.state == (State.SENT if asked_for else State.WITHHELD)
    assert len(mail.outbox) == asked_for


def test_what_was_withheld_is_logged_with_its_reason(dead: DeadAddress) -> None:
    with use_case():
        addresses.unsubscribe(EMAIL, Topic.RENEWALS)
    rows = [send("dues_lapsed"), send("dues_renewal_reminder")]
    assert [row.state for row in rows] == [State.WITHHELD, State.WITHHELD]
    assert [row.sent_at for row in rows] == [None, None]
    assert list(Delivery.objects.filter(Delivery.in_state(State.WITHHELD)).order_by("pk")) == rows


def test_other_addresses_get_theirs(dead: DeadAddress) -> None:
    assert send(to="grace@example.org").state == State.SENT


def test_a_test_goes_to_whoever_asks_for_it(dead: DeadAddress) -> None:
    with use_case():
        enqueue_test("dues_lapsed", EMAIL, "en")
    run_pending_jobs()
    assert len(mail.outbox) == 1


def test_an_address_that_dies_while_a_message_waits_gets_it_no_more() -> None:
    with use_case():
        row = enqueue_mail("dues_lapsed", EMAIL, "en", {"organisation": "X"})
        addresses.mark_dead(EMAIL, why=DeadAddress.Why.BOUNCED, detail="")
    run_pending_jobs()
    row.refresh_from_db()
    assert row.state == State.WITHHELD


# --- What staff see of it -------------------------------------------------------------------------


def test_staff_are_told_to_ask_for_another_address(client: Client, dead: DeadAddress) -> None:
    officer = make_staff(groups.MEMBERSHIP_OFFICERS)
    sign_in(client, officer)
    assert told(officer) == []
    row = send()

    (words,) = told(officer)
    assert "1 e-mail was withheld" in words
    assert "another address" in words
    shown = client.get(f"{LOG}?state=withheld").content.decode()
    assert "Amina@Example.org" in shown
    assert "withheld: the address is dead" in shown
    page = client.get(f"{LOG}inspect/{row.pk}/").content.decode()
    assert "Ask the organisation, or the donor, for another" in page
    assert "Amina@Example.org" not in client.get(f"{LOG}?state=held").content.decode()


def test_it_waits_for_nobody_who_may_not_see_it_and_not_for_ever() -> None:
    DeadAddress.objects.create(address=EMAIL, why="bounced")
    send("payments_receipt")
    assert told(make_staff(groups.MEMBERSHIP_OFFICERS)) == told(make_staff(groups.EDITORS)) == []
    treasurer = make_staff(groups.TREASURERS)
    assert len(told(treasurer)) == 1
    with time_machine.travel(timezone.now() + datetime.timedelta(days=31)):
        assert told(treasurer) == []


def test_a_stranger_who_types_a_dead_address_gives_staff_no_work(
    client: Client, dead: DeadAddress
) -> None:
    client.post(reverse("account_reset_password"), {"email": EMAIL})
    client.post(reverse("open_giving"), {"email": EMAIL})
    run_pending_jobs()
    assert Delivery.objects.filter(Delivery.in_state(State.WITHHELD)).count() == 2
    assert told(make_staff(groups.ADMINISTRATORS)) == []


def test_once_staff_mark_it_alive_they_send_what_was_withheld(dead: DeadAddress) -> None:
    officer = make_staff(groups.MEMBERSHIP_OFFICERS)
    row = send()
    with pytest.raises(log.AddressIsDead):
        log.send_again(row.pk, by=officer)

    addresses.mark_alive(dead, by=officer)
    again = log.send_again(row.pk, by=officer)
    run_pending_jobs()

    again.refresh_from_db()
    assert again.state == State.SENT
    assert told(officer) == []


# --- Alive again ----------------------------------------------------------------------------------


def sign_in_by_code(client: Client) -> None:
    client.post(reverse("open_giving"), {"email": EMAIL})
    typed_code(client, reverse("account_confirm_login_code"))


def set_a_new_password(client: Client) -> None:
    client.post(reverse("account_reset_password"), {"email": EMAIL})
    typed_code(client, reverse("account_confirm_password_reset_code"))


def confirm_the_address(client: Client) -> None:
    EmailAddress.objects.update(verified=False)
    client.post(reverse("account_login"), {"login": EMAIL, "password": PASSWORD})
    typed_code(client, reverse("account_email_verification_sent"))


@pytest.mark.parametrize("act", [sign_in_by_code, set_a_new_password, confirm_the_address])
def test_a_code_that_was_sent_to_it_and_typed_makes_it_alive(
    client: Client, amina: User, dead: DeadAddress, act: object
) -> None:
    act(client)  # type: ignore[operator]

    assert not DeadAddress.objects.exists()
    assert send().state == State.SENT
    entry = ModelLogEntry.objects.get(action="core.address_answered")
    assert entry.user == amina
    assert EMAIL not in f"{entry.label} {entry.data}"


def test_asking_for_a_code_or_a_wrong_one_does_not(client: Client, amina: User) -> None:
    DeadAddress.objects.create(address=EMAIL, why="bounced")
    for way, address in (
        ("open_giving", "account_confirm_login_code"),
        ("account_reset_password", "account_confirm_password_reset_code"),
    ):
        client.post(reverse(way), {"email": EMAIL})
        client.post(reverse(address), {"code": "AAAA-BBBB"})
    run_pending_jobs()
    assert DeadAddress.objects.exists()


def test_a_password_alone_says_nothing_of_the_mailbox(client: Client, amina: User) -> None:
    DeadAddress.objects.create(address=EMAIL, why="bounced")
    client.post(reverse("account_login"), {"login": EMAIL, "password": PASSWORD})
    assert "_auth_user_id" in client.session
    assert DeadAddress.objects.exists()


def test_signing_in_to_an_address_that_is_not_dead_writes_nothing(
    client: Client, amina: User
) -> None:
    sign_in_by_code(client)
    assert "_auth_user_id" in client.session
    assert not ModelLogEntry.objects.filter(action="core.address_answered").exists()
