"""Administrators erase an address from the log of e-mails; nothing of it stays behind."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone
from django_tasks_db.models import DBTaskResult
from wagtail.models import ModelLogEntry

from core import audit
from core.jobs.execution import NO_ARGUMENTS
from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail
from core.mailing import addresses, forgetting
from core.mailing.models import DeadAddress, Delivery, MissingMessage, Topic, Unsubscription
from core.mailing.upkeep import tidy_log
from core.models import User
from core.transactions import use_case
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.pools import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]

PAGE = "/admin/e-mails/erase/"
EMAIL = "amina@example.org"
SURE = {"act": "erase", "address": EMAIL, "reason": "Asked on 3 March", "sure": "on"}


@pytest.fixture
def administrator(client: Client) -> User:
    person = make_staff(groups.ADMINISTRATORS)
    sign_in(client, person)
    return person


def queue(to: str = "Amina@Example.org", **context: Any) -> Delivery:
    with use_case():
        return enqueue_mail(
            "dues_lapsed", to, "en", {"organisation": "Ministry", **context}, about="term:7/lapsed"
        )


def everything_kept() -> str:
    rows: list[Any] = []
    for model in (
        Delivery,
        MissingMessage,
        DeadAddress,
        Unsubscription,
        DBTaskResult,
        ModelLogEntry,
    ):
        rows += model.objects.values()
    return str(rows).lower()


@pytest.fixture
def spread() -> Delivery:
    """An address that stands wherever one can."""
    row = queue()
    DBTaskResult.objects.update(
        status="FAILED", finished_at=timezone.now(), traceback=f"refused: {EMAIL}."
    )
    Delivery.objects.update(error=f"550 <{EMAIL}>", failed_at=timezone.now())
    queue("grace@example.org", email=EMAIL)
    run_pending_jobs()
    with use_case():
        addresses.mark_dead(EMAIL, why=DeadAddress.Why.BOUNCED, detail=f"no such user {EMAIL}")
        addresses.unsubscribe(EMAIL, Topic.GIVING)
    MissingMessage.objects.create(
        expectation="x", about="y", template="z", address="Amina@example.org", due_on="2027-01-01"
    )
    return row


# --- Erasing --------------------------------------------------------------------------------------


def test_an_address_is_looked_at_confirmed_and_erased(
    client: Client, administrator: User, spread: Delivery
) -> None:
    assert 'name="address"' in client.get(PAGE).content.decode()
    shown = client.post(PAGE, {"act": "look", "address": f" {EMAIL.upper()} "}).content.decode()
    for words in ("1 message in the log", "1 message to somebody else", "1 missing message"):
        assert words in shown
    for words in ("1 failed job", "mail to it comes back", "wants no reminders"):
        assert words in shown
    assert EMAIL in everything_kept()

    answer = client.post(PAGE, SURE, follow=True)

    assert "erased from 1 message of the log" in answer.content.decode()
    assert EMAIL not in everything_kept()
    spread.refresh_from_db()
    assert (spread.address, spread.context, spread.about) == ("", None, "term:7/lapsed")
    assert spread.state == Delivery.State.FAILED
    other = Delivery.objects.exclude(pk=spread.pk).get()
    assert (other.address, other.context) == ("grace@example.org", None)


def test_the_audit_log_says_who_and_why_and_not_which_address(
    client: Client, administrator: User, spread: Delivery
) -> None:
    client.post(PAGE, SURE)
    entry = ModelLogEntry.objects.get(action="core.forget_address")
    assert (entry.user, entry.data["reason"]) == (administrator, "Asked on 3 March")
    assert EMAIL not in f"{entry.label} {entry.data}".lower()


@pytest.mark.parametrize("model", [Unsubscription, DeadAddress])
def test_not_even_where_the_address_stands_in_one_row_alone(
    client: Client, administrator: User, model: Any
) -> None:
    more = {"topic": "giving"} if model is Unsubscription else {"why": "bounced"}
    model.objects.create(address=EMAIL, **more)
    client.post(PAGE, SURE)
    assert not model.objects.exists()
    assert EMAIL not in everything_kept()


@pytest.mark.parametrize(
    "changes, words",
    [
        ({"sure": ""}, "Tick the box"),
        ({"reason": " "}, "Write the reason."),
        ({"reason": f"{EMAIL} asked"}, "Give the reason without an address"),
        ({"address": ""}, "Write the address."),
    ],
)
def test_who_is_not_sure_or_gives_no_reason_erases_nothing(
    client: Client, administrator: User, spread: Delivery, changes: dict[str, str], words: str
) -> None:
    assert words in client.post(PAGE, {**SURE, **changes}).content.decode()
    assert Delivery.objects.filter(address__iexact=EMAIL).exists()
    assert not ModelLogEntry.objects.filter(action="core.forget_address").exists()


def test_what_is_not_kept_cannot_be_erased(client: Client, administrator: User) -> None:
    queue("maria@example.org")
    queue("grace@example.org", email="maria@example.org")
    kept = str(Delivery.objects.order_by("pk").values())
    for address in (
        "nobody@example.org", "a@example.org", "maria@example", "%", "@", "example.org", "maria",
    ):  # fmt: skip
        shown = client.post(PAGE, {"act": "look", "address": address}).content.decode()
        assert "Nothing is kept of this address." in shown
    assert (
        "Write the address." in client.post(PAGE, {"act": "look", "address": " "}).content.decode()
    )
    for address in ("nobody@example.org", "example.org", "maria"):
        answer = client.post(PAGE, {**SURE, "address": address}, follow=True)
        assert "Nothing is kept of this address." in answer.content.decode()
    assert str(Delivery.objects.order_by("pk").values()) == kept


def test_twice_is_once(client: Client, administrator: User, spread: Delivery) -> None:
    client.post(PAGE, SURE)
    answer = client.post(PAGE, SURE, follow=True)
    assert "Nothing is kept of this address." in answer.content.decode()
    assert ModelLogEntry.objects.filter(action="core.forget_address").count() == 1


def test_an_address_inside_a_longer_one_is_another(administrator: User) -> None:
    longer = [queue(to, email=to) for to in ("xa@b.org", "a@b.org.uk", "a@b.organic")]
    queue("a@b.org")
    DBTaskResult.objects.update(status="FAILED", finished_at=timezone.now())

    forgetting.forget("a@b.org", by=administrator, reason="Asked.")

    for row in longer:
        row.refresh_from_db()
        assert row.address
        assert row.context is not None
    assert DBTaskResult.objects.filter(args_kwargs=NO_ARGUMENTS).count() == 1


def test_an_account_with_the_address_is_named_and_stays(
    client: Client, administrator: User, spread: Delivery
) -> None:
    person = make_person(EMAIL)
    shown = client.post(PAGE, {"act": "look", "address": EMAIL}).content.decode()
    assert "has an account with this address" in shown
    client.post(PAGE, SURE)
    assert User.objects.get(pk=person.pk).email == EMAIL


def test_the_address_is_no_part_of_any_pages_address(
    client: Client, administrator: User, spread: Delivery
) -> None:
    assert EMAIL not in client.get(PAGE, {"address": EMAIL, "act": "look"}).content.decode()
    assert client.post(PAGE, SURE)["Location"] == PAGE
    typed = client.post(PAGE, {"act": "look", "address": "<b>x@y.z"}).content.decode()
    assert "&lt;b&gt;x@y.z" in typed
    assert "<b>x@y.z" not in typed


@pytest.mark.parametrize("group", [g for g in groups.GROUPS if g != groups.ADMINISTRATORS])
def test_it_is_for_administrators_alone(client: Client, group: str, spread: Delivery) -> None:
    sign_in(client, make_staff(group))
    assert client.get(PAGE).status_code == 403
    assert client.post(PAGE, SURE).status_code == 403
    assert Delivery.objects.filter(address__iexact=EMAIL).exists()
    assert PAGE not in client.get("/admin/").content.decode()


def test_administrators_find_it_in_the_menu(client: Client, administrator: User) -> None:
    assert PAGE in client.get("/admin/").content.decode()


# --- The audit log --------------------------------------------------------------------------------


def test_old_lines_of_the_audit_log_lose_addresses_and_nothing_else() -> None:
    nameless = make_person("nameless@example.org", first_name="", last_name="")
    staff = make_staff(groups.ADMINISTRATORS)
    with use_case():
        for _ in range(2):
            audit.record("wagtail.edit", nameless, by=staff, reason="Why")
    old, young = ModelLogEntry.objects.order_by("pk")
    labels = "Amina <nameless@example.org>, then b.c+d@example.co.uk; Café @ home"
    ages = {old.pk: (401, labels), young.pk: (399, labels)}
    for pk, (days, label) in ages.items():
        at = timezone.now() - datetime.timedelta(days=days)
        ModelLogEntry.objects.filter(pk=pk).update(timestamp=at, label=label)

    for _twice in range(2):
        tidy_log.call()

    old.refresh_from_db()
    young.refresh_from_db()
    assert old.label == "Amina <…>, then …; Café @ home"
    assert young.label == labels
    assert (old.user, old.data, old.object_id) == (staff, {"reason": "Why"}, str(nameless.pk))
