"""The e-mails of signing in: each goes out in words that staff can edit, and keeps no code."""

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import allauth.account
import pytest
from allauth.account.models import EmailAddress
from django.core import mail
from django.core.cache import cache
from django.test import Client
from django.urls import reverse
from django_tasks_db.models import DBTaskResult
from wagtail.models import ModelLogEntry

from core.jobs.execution import NO_ARGUMENTS
from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail
from core.mailing import catalogue, language, texts
from core.mailing.models import Delivery, MailText
from core.models import User
from core.transactions import use_case
from funding.payments.backoffice.panel import needs_of
from portal import groups
from tests.factories.home import PASSWORD, make_staff, sign_in
from tests.factories.pools import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]

# allauth has these, and our settings never send them.
NOT_SENT = {
    "email_confirm": "nothing in allauth sends it",
    "password_reset_key": "a code is sent instead of a link",
}
NAMES = [name for name in catalogue.names() if catalogue.is_of_sign_in(name)]
PAGE = "/admin/e-mails/texts/signin_login_code/en/"
NEW = "kettle stone river two"


@pytest.fixture(autouse=True)
def clear(db: None) -> None:
    cache.clear()


@pytest.fixture
def amina() -> User:
    return make_person("amina@example.org", password=PASSWORD, first_name="Amina")


# --- Each of them, by what people do --------------------------------------------------------------


def sign_up(client: Client, email: str = "new@example.org") -> None:
    form = {"email": email, "password1": "kettle stone river", "first_name": "BUY NOW"}
    client.post(reverse("account_signup"), form)


def sign_up_again(client: Client) -> None:
    sign_up(client, "amina@example.org")


def add_an_address(client: Client) -> None:
    enter(client)
    client.post(reverse("account_email"), {"action_add": "", "email": "second@example.org"})


def enter(client: Client) -> None:
    form = {"login": "amina@example.org", "password": PASSWORD}
    assert client.post(reverse("account_login"), form).status_code == 302


def ask_for_a_code(client: Client) -> None:
    client.post(reverse("open_giving"), {"email": "amina@example.org"})


def ask_for_a_code_of_nobody(client: Client) -> None:
    client.post(reverse("open_giving"), {"email": "nobody@example.org"})


def forget_the_password(client: Client, email: str = "amina@example.org") -> None:
    client.post(reverse("account_reset_password"), {"email": email})


def forget_the_password_of_nobody(client: Client) -> None:
    forget_the_password(client, "nobody@example.org")


def set_a_new_one_by_the_code(client: Client) -> None:
    forget_the_password(client)
    client.post(reverse("account_confirm_password_reset_code"), {"code": code_of_last()})
    client.post(reverse("account_complete_password_reset"), {"password1": NEW, "password2": NEW})


def change_the_password(client: Client) -> None:
    enter(client)
    form = {"oldpassword": PASSWORD, "password1": NEW, "password2": NEW}
    client.post(reverse("account_change_password"), form)


def set_a_first_password(client: Client) -> None:
    ask_for_a_code(client)
    client.post(reverse("account_confirm_login_code"), {"code": code_of_last()})
    user = User.objects.get(email="amina@example.org")
    user.set_unusable_password()
    user.save()
    client.force_login(user, "allauth.account.auth_backends.AuthenticationBackend")
    client.post(reverse("account_set_password"), {"password1": NEW, "password2": NEW})


def with_two_addresses(act: str) -> Callable[[Client], None]:
    def do(client: Client) -> None:
        user = User.objects.get(email="amina@example.org")
        EmailAddress.objects.create(user=user, email="second@example.org", verified=True)
        enter(client)
        client.post(reverse("account_email"), {act: "", "email": "second@example.org"})

    return do


WAYS: dict[str, Callable[[Client], None]] = {
    "signin_account_already_exists": sign_up_again,
    "signin_email_changed": with_two_addresses("action_primary"),
    "signin_email_confirmation": add_an_address,
    "signin_email_confirmation_signup": sign_up,
    "signin_email_deleted": with_two_addresses("action_remove"),
    "signin_login_code": ask_for_a_code,
    "signin_nothing_given": ask_for_a_code_of_nobody,
    "signin_password_changed": change_the_password,
    "signin_password_reset": set_a_new_one_by_the_code,
    "signin_password_reset_code": forget_the_password,
    "signin_password_set": set_a_first_password,
    "signin_unknown_account": forget_the_password_of_nobody,
}


def code_of_last() -> str:
    run_pending_jobs()
    found = re.search(r"^\s*([A-Z0-9]{3,}-?[A-Z0-9]{3,})\s*$", mail.outbox[-1].body, re.MULTILINE)
    assert found is not None, mail.outbox[-1].body
    return found.group(1)


def everything_kept() -> str:
    """What the log, the queue and the audit log keep, in one text."""
    rows: list[Any] = []
    for model in (Delivery, DBTaskResult, ModelLogEntry):
        rows += model.objects.values()
    return str(rows)


def test_every_mail_of_allauth_that_can_be_sent_is_in_the_catalogue() -> None:
    folder = Path(allauth.account.__file__).parent
    sources = [path.read_text() for path in folder.rglob("*.py") if "tests" not in path.parts]
    sent = set(re.findall(r"account/email/([a-z_]+)", " ".join(sources)))
    shipped = {
        path.name.removesuffix("_subject.txt")
        for path in (folder.parent / "templates/account/email").glob("*_subject.txt")
    }
    assert sent <= shipped
    ours = {name.removeprefix(catalogue.OF_SIGN_IN) for name in NAMES}
    assert ours - {"nothing_given"} == shipped - set(NOT_SENT)
    assert set(NAMES) == set(WAYS)


@pytest.mark.parametrize("name", NAMES)
def test_each_goes_out_in_words_of_staff_and_its_log_keeps_nothing_of_them(
    client: Client, amina: User, name: str
) -> None:
    shipped = catalogue.shipped(name, "en")
    administrator = make_staff(groups.ADMINISTRATORS)
    texts.save(
        name,
        "en",
        subject="Our own words",
        body=f"WORDS OF STAFF\n{shipped.body}",
        by=administrator,
        seen=0,
    )

    WAYS[name](client)
    run_pending_jobs()

    sent = [message for message in mail.outbox if message.subject == "Our own words"]
    assert len(sent) == 1
    assert str(sent[0].body).startswith("WORDS OF STAFF")
    row = Delivery.objects.get(template=name)
    assert (row.state, row.context) == (Delivery.State.SENT, None)
    found = re.search(r"^([A-Z0-9]{3,}-[A-Z0-9]{3,})$", str(sent[0].body), re.MULTILINE)
    assert (found is not None) == (name in catalogue.ASKED_FOR)
    if found:
        assert found.group(1) not in everything_kept()


@pytest.mark.parametrize("code", ["en", "fr", "pt"])
def test_it_is_in_the_language_of_the_page_and_greets_whoever_confirmed_the_address(
    client: Client, amina: User, code: str
) -> None:
    prefix = "" if code == "en" else f"/{code}"
    client.post(f"{prefix}/giving/", {"email": "amina@example.org"})
    run_pending_jobs()
    (message,) = mail.outbox
    assert message.message()["Content-Language"] == code
    assert "Amina" in message.body


def test_a_name_that_a_stranger_typed_is_sent_to_nobody(client: Client) -> None:
    sign_up(client)
    run_pending_jobs()
    assert mail.outbox[0].to == ["new@example.org"]
    assert "BUY NOW" not in mail.outbox[0].body


def test_a_link_leads_to_our_site_whatever_host_was_asked(client: Client, amina: User) -> None:
    forget_the_password_of_nobody(client)
    run_pending_jobs()
    assert "http://testserver/accounts/signup/" in mail.outbox[0].body


# --- Fast, and no code stays ----------------------------------------------------------------------


def test_a_code_goes_ahead_of_all_that_waited_before(client: Client, amina: User) -> None:
    with use_case():
        for _ in range(3):
            enqueue_mail("dues_lapsed", "x@example.org", "en", {"organisation": "X"})
    ask_for_a_code(client)
    run_pending_jobs()
    assert mail.outbox[0].to == ["amina@example.org"]
    assert len(mail.outbox) == 4


@pytest.mark.parametrize("name", NAMES)
def test_one_given_up_leaves_no_code_and_not_where_people_sign_in_from(
    monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    from django.core.mail import EmailMessage

    from core.jobs import GiveUp

    def refuse(self: EmailMessage, *args: Any, **kwargs: Any) -> int:
        raise GiveUp("no such user")

    monkeypatch.setattr(EmailMessage, "send", refuse)
    context = {"code": "SECRET-1", "ip": "192.0.2.77", "user_agent": "Firefox 99"}
    with use_case():
        enqueue_mail(name, "amina@example.org", "en", context)

    run_pending_jobs(raise_errors=False)

    job = DBTaskResult.objects.get()
    assert (job.status, job.args_kwargs) == ("FAILED", NO_ARGUMENTS)
    for secret in context.values():
        assert secret not in everything_kept()


# --- Whose they are -------------------------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_a_text_without_its_code_or_link_is_refused(name: str) -> None:
    administrator = make_staff(groups.ADMINISTRATORS)
    needed = ["code"] if name in catalogue.ASKED_FOR else []
    needed += catalogue.NEEDED_PATHS.get(name, ())

    def save(body: str) -> None:
        texts.save(name, "en", subject="S", body=body, by=administrator, seen=0)

    for value in needed:
        for body in (
            "Come in.",
            f"{{% if name %}}{{{{ SITE_URL }}}}{{{{ {value} }}}}{{% endif %}}",
            f"{{% if not name %}}{{{{ SITE_URL }}}}{{{{ {value} }}}}{{% endif %}}",
            f"{{{{ SITE_URL }}}}{{{{ {value}|lower }}}}",
            f"{{% if {value} %}}x{{% endif %}}",
        ):
            with pytest.raises(language.TextRefusal):
                save(body)
    assert not MailText.objects.exists()
    save(" ".join(f"{{{{ SITE_URL }}}}{{{{ {value} }}}}" for value in needed) or "Words.")
    assert MailText.objects.count() == 1


def test_a_link_to_another_site_is_refused() -> None:
    with pytest.raises(language.NeededChanged, match="SITE_URL"):
        texts.save(
            "signin_unknown_account",
            "en",
            subject="S",
            body="https://evil.example{{ signup_path }}",
            by=make_staff(groups.ADMINISTRATORS),
            seen=0,
        )


@pytest.mark.parametrize(
    "group, theirs",
    [
        (groups.ADMINISTRATORS, True),
        (groups.TREASURERS, False),
        (groups.MEMBERSHIP_OFFICERS, False),
        (groups.MODERATORS, False),
    ],
)
def test_administrators_alone_write_them(client: Client, group: str, theirs: bool) -> None:
    person = make_staff(group)
    sign_in(client, person)
    shown = client.get("/admin/e-mails/texts/").content.decode()
    text = texts.in_force("signin_login_code", "en")
    typed = {"subject": "Mine", "body": text.body, "seen": "0"}

    assert ("signin_login_code" in shown) == theirs
    assert client.get(PAGE).status_code == (200 if theirs else 403)
    for act in ("look", "test", "save"):
        answer = client.post(PAGE, {**typed, "act": act})
        assert (answer.status_code == 403) == (not theirs)
    assert MailText.objects.exists() == theirs
    assert Delivery.objects.exists() == theirs


def test_the_page_shows_and_tests_it_with_samples(client: Client) -> None:
    administrator = make_staff(groups.ADMINISTRATORS)
    sign_in(client, administrator)
    assert "ABCD-EFGH" in client.get(PAGE).content.decode()
    client.post(PAGE, {"act": "test"})
    run_pending_jobs()
    assert mail.outbox[0].subject == "[test] Your sign-in code: ABCD-EFGH"
    assert mail.outbox[0].to == [administrator.email]


def test_other_administrators_are_told_of_a_change_and_nobody_else() -> None:
    first, second = make_staff(groups.ADMINISTRATORS), make_staff(groups.ADMINISTRATORS)
    texts.save("signin_login_code", "en", subject="S", body="{{ code }}", by=first, seen=0)

    def told(person: User) -> list[str]:
        return [need.url for need in needs_of(person) if "by which people sign in" in need.words]

    assert told(second) == [PAGE]
    assert told(first) == told(make_staff(groups.TREASURERS)) == []
