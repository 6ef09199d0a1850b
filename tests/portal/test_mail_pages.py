"""Staff's pages of e-mails, and the page on which people unsubscribe."""

import datetime
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Group, Permission
from django.core import mail
from django.test import Client
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail
from core.mailing import addresses, expectations, log, texts
from core.mailing.models import (
    DeadAddress,
    Delivery,
    MailText,
    MissingMessage,
    Topic,
    Unsubscription,
)
from core.models import User
from core.transactions import use_case
from funding.payments.backoffice.panel import needs_of
from funding.payments.permissions import ISSUE_CREDIT_NOTE
from portal import groups
from tests.factories.home import make_staff, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
TEXT = "/admin/e-mails/texts/dues_lapsed/en/"
OPEN_TEXT = "/admin/e-mails/texts/membership_admitted/en/"
LOG = "/admin/e-mails/log/"


def staff(client: Client, group: str = groups.MEMBERSHIP_OFFICERS) -> User:
    person: User = make_staff(group)
    sign_in(client, person)
    return person


def writer(client: Client) -> User:
    """Somebody who may write every text, also those by which people pay."""
    return staff(client, groups.TREASURERS)


def words(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    return answer.content.decode()


def queue(to: str = "amina@example.org", **more: Any) -> Delivery:
    context = {"organisation": "Ministry of Health", "path": "/account/"}
    with use_case():
        return enqueue_mail("dues_lapsed", to, "en", context, **more)


# --- Texts ----------------------------------------------------------------------------------------


def test_the_list_names_every_mail_by_area_and_says_which_text_is_in_force(client: Client) -> None:
    officer = writer(client)
    texts.save("dues_lapsed", "fr", subject="Fini", body="C'est fini.", by=officer, seen=0)

    shown = words(client, "/admin/e-mails/texts/")

    for word in ("Membership", "Dues", "Payments", "Giving", "dues_lapsed", "pools_pledge_changed"):
        assert word in shown
    assert shown.count(">your own<") == 1
    assert "reminders of a membership renewal" in shown


def test_a_text_is_saved_and_goes_back_to_the_original(client: Client) -> None:
    writer(client)
    assert "{{ organisation }}" in words(client, TEXT)

    typed = {"act": "save", "subject": "It is over", "body": "{{ organisation }}", "seen": "0"}
    client.post(TEXT, typed)
    assert texts.in_force("dues_lapsed", "en").subject == "It is over"
    assert "Ministry of Health of Malawi" in words(client, TEXT)

    client.post(TEXT, {"act": "back", "seen": "1"})
    assert texts.own("dues_lapsed", "en") is None
    assert "1: changed" in words(client, TEXT)


def test_a_mistake_is_told_and_what_was_typed_is_kept(client: Client) -> None:
    writer(client)
    typed = {"subject": "My words", "body": "Hello {{ organisaton }}", "seen": "0"}
    for act in ("save", "look"):
        shown = client.post(TEXT, {**typed, "act": act}).content.decode()
        assert "This e-mail does not know organisaton." in shown
        assert "Hello {{ organisaton }}" in shown
        assert "My words" in shown
    assert not MailText.objects.exists()


def test_who_is_told_of_anothers_change_keeps_the_words_and_may_save_again(client: Client) -> None:
    officer = writer(client)
    texts.save("dues_lapsed", "en", subject="Theirs", body="Theirs", by=officer, seen=0)

    typed = {"act": "save", "subject": "Mine", "body": "Mine", "seen": "0"}
    shown = client.post(TEXT, typed).content.decode()
    assert "Somebody else changed this text" in shown
    assert 'name="seen" value="1"' in shown

    client.post(TEXT, {**typed, "seen": "1"})
    assert texts.in_force("dues_lapsed", "en").subject == "Mine"


def test_what_is_typed_is_previewed_with_samples_and_not_saved(client: Client) -> None:
    writer(client)
    shown = client.post(
        TEXT, {"act": "look", "subject": "S", "body": "For {{ organisation }} <b>", "seen": "0"}
    ).content.decode()
    assert "For Ministry of Health of Malawi &lt;b&gt;" in shown
    assert not MailText.objects.exists()


def test_a_test_goes_to_whoever_asks_for_it(client: Client) -> None:
    officer = writer(client)
    client.post(TEXT, {"act": "test"})
    run_pending_jobs()
    assert [message.to for message in mail.outbox] == [[officer.email]]
    assert mail.outbox[0].subject.startswith("[test] ")


@pytest.mark.parametrize("address", [TEXT.replace("/en/", "/xx/"), TEXT.replace("dues_", "no_")])
def test_a_language_or_mail_that_there_is_not_is_not_found(client: Client, address: str) -> None:
    writer(client)
    assert client.get(address).status_code == 404


MONEY_TEXTS = ["payments_request", "pools_charge_announced", "dues_invoice"]


@pytest.mark.parametrize("group", [groups.MODERATORS, groups.MEMBERSHIP_OFFICERS])
@pytest.mark.parametrize("name", MONEY_TEXTS)
def test_who_has_no_right_over_money_cannot_rewrite_what_payers_pay_by(
    client: Client, group: str, name: str
) -> None:
    person = staff(client, group)
    page = f"/admin/e-mails/texts/{name}/en/"
    text = texts.in_force(name, "en")
    typed = {"subject": text.subject, "body": text.body + "New account: 1", "seen": "0"}

    shown = words(client, "/admin/e-mails/texts/")
    assert name not in shown
    assert "membership_admitted" in shown
    assert client.get(page).status_code == 403
    for act in ("save", "look", "back", "test"):
        assert client.post(page, {**typed, "act": act}).status_code == 403
    assert not MailText.objects.exists()
    assert not Delivery.objects.exists()
    with pytest.raises(texts.NotYours, match="invoices and receipts"):
        texts.save(name, "en", subject=text.subject, body=text.body, by=person, seen=0)
    with pytest.raises(texts.NotYours):
        texts.take_back(name, "en", by=person, seen=0)


def test_a_right_over_money_alone_opens_no_text(client: Client) -> None:
    person = writer(client)
    right = Permission.objects.get(codename="change_mailtext")
    Group.objects.get(name=groups.TREASURERS).permissions.remove(right)

    assert client.get("/admin/e-mails/texts/").status_code == 403
    assert client.get(TEXT).status_code == 403
    assert not texts.may_change(User.objects.get(pk=person.pk), "dues_lapsed")


def test_the_right_over_money_that_texts_ask_for_is_the_one_of_credit_notes() -> None:
    assert texts.MONEY_RIGHT == ISSUE_CREDIT_NOTE


def test_treasurers_are_told_of_a_changed_text_by_which_people_pay(client: Client) -> None:
    def told(person: User) -> list[str]:
        return [
            need.url
            for need in needs_of(User.objects.get(pk=person.pk))
            if "by which people pay" in need.words
        ]

    changer, other = writer(client), make_staff(groups.TREASURERS)
    texts.save("membership_admitted", "en", subject="S", body="B", by=changer, seen=0)
    assert told(other) == []

    texts.save("dues_lapsed", "en", subject="S", body="B", by=changer, seen=0)
    texts.take_back("dues_lapsed", "en", by=changer, seen=1)
    assert told(other) == [TEXT]
    assert told(changer) == told(make_staff(groups.MODERATORS)) == []

    texts.save("dues_lapsed", "fr", subject="S", body="B", by=changer, seen=0)
    assert told(other) == ["/admin/e-mails/texts/"]


def test_nobody_is_told_of_a_changed_text_for_ever(client: Client) -> None:
    changer, other = make_staff(groups.TREASURERS), writer(client)
    with time_machine.travel(timezone.now() - datetime.timedelta(days=8)):
        texts.save("dues_lapsed", "en", subject="S", body="B", by=changer, seen=0)
    assert not [need for need in needs_of(other) if "by which people pay" in need.words]


# --- The log --------------------------------------------------------------------------------------


def test_the_log_is_filtered_by_state_template_and_address(client: Client) -> None:
    staff(client)
    failed = queue()
    Delivery.objects.update(failed_at=timezone.now(), error="nobody there")
    with use_case():
        enqueue_mail("dues_renewed", "grace@example.org", "en", {"organisation": "X"})

    for query, found, other in (
        ("?state=failed", "amina@", "grace@"),
        ("?state=hand", "amina@", "grace@"),
        ("?state=queued", "grace@", "amina@"),
        ("?template=dues_renewed", "grace@", "amina@"),
        ("?q=amina", "amina@", "grace@"),
    ):
        shown = words(client, LOG + query)
        assert found in shown
        assert other not in shown
    assert "nobody there" in words(client, f"{LOG}inspect/{failed.pk}/")


def test_a_message_is_sent_again_by_one_button(client: Client) -> None:
    staff(client)
    row = queue()
    Delivery.objects.update(failed_at=timezone.now())

    for _twice in range(2):
        client.post(f"{LOG}inspect/{row.pk}/", {"act": "again"})

    again = Delivery.objects.get(again_of=row)
    assert "Sent again" in words(client, f"{LOG}inspect/{row.pk}/")
    assert "repeats" in words(client, f"{LOG}inspect/{again.pk}/")


def test_a_dead_address_says_why_nothing_is_sent_and_is_marked_alive(client: Client) -> None:
    staff(client)
    row = queue()
    with use_case():
        addresses.mark_dead(row.address, why=DeadAddress.Why.BOUNCED, detail="no such user")
    assert "comes back" in words(client, f"{LOG}inspect/{row.pk}/")
    client.post(f"{LOG}inspect/{row.pk}/", {"act": "again"})
    assert Delivery.objects.count() == 1

    dead = DeadAddress.objects.get()
    assert "no such user" in words(client, "/admin/e-mails/dead-addresses/")
    assert "dues_lapsed" in words(client, f"/admin/e-mails/dead-addresses/inspect/{dead.pk}/")
    client.post(f"/admin/e-mails/dead-addresses/inspect/{dead.pk}/", {"act": "alive"})
    assert not DeadAddress.objects.exists()


# --- Missing --------------------------------------------------------------------------------------


@pytest.fixture
def owed(monkeypatch: pytest.MonkeyPatch) -> MissingMessage:
    """One message that is owed and missing."""
    due_on = timezone.localdate() - datetime.timedelta(days=2)

    def find(first: datetime.date, last: datetime.date) -> list[expectations.Expected]:
        def send() -> None:
            context = {"organisation": "Ministry of Health"}
            enqueue_mail("dues_lapsed", "amina@example.org", "en", context, about="term:7/lapsed")

        return [
            expectations.Expected(
                "term:7/lapsed", "dues_lapsed", "amina@example.org", "en", due_on, send
            )
        ]

    monkeypatch.setitem(expectations._registry, "of_the_test", find)
    return MissingMessage.objects.create(
        expectation="of_the_test",
        about="term:7/lapsed",
        template="dues_lapsed",
        address="amina@example.org",
        due_on=due_on,
    )


def test_a_missing_message_is_sent_by_one_button_once(client: Client, owed: MissingMessage) -> None:
    staff(client)
    page = f"/admin/e-mails/missing/inspect/{owed.pk}/"
    assert "term:7/lapsed" in words(client, "/admin/e-mails/missing/")
    assert "should have gone out" in words(client, page)

    client.post(page, {"act": "send"})
    assert client.post(page, {"act": "send"}).status_code == 404

    assert Delivery.objects.filter(about="term:7/lapsed").count() == 1
    assert not MissingMessage.objects.exists()


# --- Rights ---------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "group, text, log",
    [
        (groups.MEMBERSHIP_OFFICERS, True, True),
        (groups.ADMINISTRATORS, True, True),
        (groups.MODERATORS, True, False),
        (groups.TREASURERS, True, True),
        (groups.AUDITORS, False, False),
        (groups.EDITORS, False, False),
    ],
)
def test_who_may_see_and_do_what(
    client: Client, group: str, text: bool, log: bool, owed: MissingMessage
) -> None:
    staff(client, group)
    row = queue()
    DeadAddress.objects.create(address="gone@example.org", why="bounced")

    def is_open(address: str) -> bool:
        return client.get(address).status_code == 200

    assert is_open("/admin/e-mails/texts/") == is_open(OPEN_TEXT) == text
    assert is_open(LOG) == is_open(f"{LOG}inspect/{row.pk}/") == log
    assert is_open("/admin/e-mails/missing/") == log
    assert is_open(f"/admin/e-mails/missing/inspect/{owed.pk}/") == log
    assert is_open("/admin/e-mails/dead-addresses/") == log
    if not text:
        client.post(OPEN_TEXT, {"act": "save", "subject": "S", "body": "B", "seen": "0"})
        assert not MailText.objects.exists()
    if not log:
        client.post(f"{LOG}inspect/{row.pk}/", {"act": "again"})
        assert Delivery.objects.count() == 1


@pytest.mark.parametrize(
    "group, sees", [(groups.TREASURERS, True), (groups.MEMBERSHIP_OFFICERS, False)]
)
def test_what_goes_to_donors_and_payers_is_for_those_who_see_payments(
    client: Client, group: str, sees: bool
) -> None:
    person = staff(client, group)
    with use_case():
        row = enqueue_mail("pools_pledge_confirmed", "donor@example.org", "en", {"pool": "X"})
    Delivery.objects.update(failed_at=timezone.now())
    dead = DeadAddress.objects.create(address="donor@example.org", why="bounced")
    owed = MissingMessage.objects.create(
        expectation="x", about="receipt:1", template="payments_receipt", due_on="2027-01-01"
    )

    assert ("donor@" in words(client, LOG)) == sees
    assert client.get(f"{LOG}inspect/{row.pk}/").status_code == (200 if sees else 404)
    assert ("receipt:1" in words(client, "/admin/e-mails/missing/")) == sees
    owed_page = f"/admin/e-mails/missing/inspect/{owed.pk}/"
    assert client.get(owed_page).status_code == (200 if sees else 404)
    assert ("donor@" in words(client, "/admin/e-mails/dead-addresses/")) == sees
    dead_page = f"/admin/e-mails/dead-addresses/inspect/{dead.pk}/"
    assert client.get(dead_page).status_code == (200 if sees else 404)
    needs = [need.words for need in needs_of(person) if "e-mail" in need.words]
    assert len(needs) == (2 if sees else 0)


@pytest.mark.parametrize(
    "template", ["signin_login_code", "signin_nothing_given", "payments_receipt"]
)
def test_codes_of_the_giving_page_name_no_donor_to_those_who_see_no_payments(
    client: Client, template: str
) -> None:
    staff(client)
    with use_case():
        row = enqueue_mail(template, "donor@example.org", "en", {"code": "ABCD-1234"})
    dead = DeadAddress.objects.create(address="donor@example.org", why="bounced")

    assert "donor@" not in words(client, LOG)
    assert client.get(f"{LOG}inspect/{row.pk}/").status_code == 404
    assert "donor@" not in words(client, "/admin/e-mails/dead-addresses/")
    page = f"/admin/e-mails/dead-addresses/inspect/{dead.pk}/"
    assert client.get(page).status_code == 404
    queue(to="donor@example.org")
    assert "donor@" in words(client, page)


def test_the_log_of_staff_keeps_no_address_and_the_pages_show_it(client: Client) -> None:
    officer = staff(client)
    row = queue()
    Delivery.objects.update(failed_at=timezone.now())
    dead = DeadAddress.objects.create(address="amina@example.org", why="bounced")
    assert "amina@" in words(client, f"{LOG}inspect/{row.pk}/")
    assert "amina@" in words(client, f"/admin/e-mails/dead-addresses/inspect/{dead.pk}/")

    addresses.mark_alive(dead, by=officer)
    log.send_again(row.pk, by=officer)

    labels = list(ModelLogEntry.objects.values_list("label", flat=True))
    assert len(labels) == 2
    assert "amina@" not in str(labels)


def test_the_panel_counts_what_is_missing_failed_and_broken(
    client: Client, owed: MissingMessage
) -> None:
    officer = staff(client)
    queue()
    Delivery.objects.update(failed_at=timezone.now())
    texts.save("membership_admitted", "en", subject="S", body="B", by=officer, seen=0)
    MailText.objects.update(broke_at=timezone.now())

    needs = [need.words for need in needs_of(officer)]

    assert "1 e-mail should have gone out and did not" in needs
    assert "1 e-mail failed or came back" in needs
    assert "1 text of an e-mail could not be filled" in needs
    assert not [need for need in needs_of(make_staff(groups.EDITORS)) if "e-mail" in need.words]


# --- Unsubscribing --------------------------------------------------------------------------------


def link(topic: Topic = Topic.RENEWALS, language: str = "en") -> str:
    return addresses.unsubscribe_path("Amina@example.org", topic, language)


def test_opening_the_link_changes_nothing_and_shows_a_button(client: Client) -> None:
    shown = words(client, link())
    assert client.head(link()).status_code == 200
    assert "amina@example.org" in shown
    assert "<form" in shown
    assert not Unsubscription.objects.exists()


def test_one_click_of_a_mail_program_unsubscribes_without_cookie_or_token() -> None:
    program = Client(enforce_csrf_checks=True)
    for _twice in range(2):
        answer = program.post(link(), {"List-Unsubscribe": "One-Click"})
        assert answer.status_code == 200
    row = Unsubscription.objects.get()
    assert (row.address, row.topic) == ("amina@example.org", Topic.RENEWALS)


def test_the_same_page_begins_them_again(client: Client) -> None:
    client.post(link(), {"stop": "1"})
    client.post(link(Topic.GIVING), {"stop": "1"})
    assert "gets no more" in words(client, link())

    client.post(link(), {"again": "1"})

    assert [row.topic for row in Unsubscription.objects.all()] == [Topic.GIVING]


def test_the_page_is_in_the_readers_language_and_belongs_to_one_reader(client: Client) -> None:
    assert link(language="fr").startswith("/fr/unsubscribe/")
    answer = client.get(link())
    assert 'content="noindex"' in answer.content.decode()
    assert "no-store" in answer["Cache-Control"]


@pytest.mark.parametrize("change", [lambda text: text[:-2], lambda text: "x" + text])
def test_a_link_that_was_changed_is_refused_in_words(client: Client, change: Any) -> None:
    token = addresses.token("amina@example.org", "renewals")
    for act in (client.get, client.post):
        answer = act(f"/unsubscribe/{change(token)}/")
        assert answer.status_code == 404
        assert "Copy it from the e-mail as a whole." in answer.content.decode()
    assert not Unsubscription.objects.exists()


def test_a_signature_for_something_else_is_no_link(client: Client) -> None:
    from django.core import signing

    for what in (["amina@example.org", "news"], "amina@example.org", [1]):
        token = signing.dumps(what, salt=addresses.SALT)
        assert client.post(f"/unsubscribe/{token}/").status_code == 404
    token = signing.dumps(["amina@example.org", "renewals"], salt="another")
    assert client.post(f"/unsubscribe/{token}/").status_code == 404
