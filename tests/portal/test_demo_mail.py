"""The mailbox of the demonstration: shows what was kept, and nothing else of the disk."""

import os
import subprocess
import sys
from pathlib import Path

import pytest
from django.core.mail import EmailMultiAlternatives, get_connection
from django.test import Client
from django.urls import reverse
from pytest_django import Settings

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def mail_folder(settings: Settings, tmp_path: Path) -> Path:
    settings.EMAIL_FILE_PATH = tmp_path / "mail"
    settings.EMAIL_BACKEND = "django.core.mail.backends.filebased.EmailBackend"
    return tmp_path / "mail"


def keep(subject: str, text: str = "Text", html: str = "", to: str = "to@example.org") -> None:
    message = EmailMultiAlternatives(subject, text, "from@example.org", [to])
    if html:
        message.attach_alternative(html, "text/html")
    backend = "django.core.mail.backends.filebased.EmailBackend"
    get_connection(backend).send_messages([message])


def names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.glob("*.log"))


def test_an_empty_mailbox_says_what_will_be_there(client: Client) -> None:
    answer = client.get("/demo/mail/")

    assert answer.status_code == 200
    assert "No mail yet" in answer.content.decode()


def test_kept_mail_is_listed_newest_first(client: Client, mail_folder: Path) -> None:
    for number, subject in enumerate(["Older – é", "Newer"]):
        before = set(names(mail_folder))
        keep(subject, to=f"to{number}@example.org")
        (new,) = set(names(mail_folder)) - before
        # Django names a file by the second and an address in memory, which the next may have too.
        kept = (mail_folder / new).rename(mail_folder / f"20260101-00000{number}-1.log")
        os.utime(kept, (1_800_000_000 + number, 1_800_000_000 + number))

    page = client.get("/demo/mail/").content.decode()

    assert page.index("Newer") < page.index("Older – é")
    assert "to0@example.org" in page


def test_messages_that_share_a_file_are_all_listed(client: Client) -> None:
    messages = [
        EmailMultiAlternatives(subject, f"Text of {subject}", "f@example.org", ["t@example.org"])
        for subject in ("First", "Second")
    ]
    get_connection("django.core.mail.backends.filebased.EmailBackend").send_messages(messages)

    page = client.get("/demo/mail/").content.decode()

    assert page.index("Second") < page.index("First")
    links = [part.split('"')[0] for part in page.split('href="')[1:] if "/demo/mail/2" in part]
    texts = [client.get(link).content.decode() for link in links]
    assert ["Text of Second" in texts[0], "Text of First" in texts[1]] == [True, True]


def test_a_message_is_shown_as_text_with_links_to_click(client: Client, mail_folder: Path) -> None:
    keep("Your code", "Voilà: <b>123456</b>\nhttp://testserver/a/?x=1&y=2", "<p>html</p>")
    (name,) = names(mail_folder)

    page = client.get(reverse("demo_mail_message", args=[f"{name}-0"])).content.decode()

    assert "Voilà: &lt;b&gt;123456&lt;/b&gt;" in page
    assert '<a href="http://testserver/a/?x=1&amp;y=2"' in page
    assert "to@example.org" in page
    assert "from@example.org" in page


def test_a_message_in_html_alone_is_shown_escaped(client: Client, mail_folder: Path) -> None:
    mail_folder.mkdir()
    raw = b"Subject: x\nContent-Type: text/html\n\n<script>alert(1)</script>\n"
    (mail_folder / "20260101-000000-1.log").write_bytes(raw)

    page = client.get("/demo/mail/20260101-000000-1.log-0/").content.decode()

    assert "<script>alert" not in page
    assert "&lt;script&gt;" in page


@pytest.mark.parametrize("raw", [b"", b"no headers at all", b"Date: soon\n\nx", b"\xff\xfe\x00"])
def test_a_file_that_is_no_message_does_no_harm(
    client: Client, mail_folder: Path, raw: bytes
) -> None:
    mail_folder.mkdir()
    (mail_folder / "20260101-000000-1.log").write_bytes(raw)

    assert client.get("/demo/mail/").status_code == 200
    assert client.get("/demo/mail/20260101-000000-1.log-0/").status_code in (200, 404)


@pytest.mark.parametrize(
    "name",
    [
        "nothing.log-0",
        "20260101-000000-1.log-1",
        "20260101-000000-1.log-",
        "20260101-000000-1.log",
        "20260101-000000-1.log--1",
        "..%2F..%2Fsecret.log-0",
        "../secret.log-0",
        "..%5C..%5Csecret.log-0",
        "%2Fetc%2Fpasswd",
        "secret.txt-0",
        "%00",
    ],
)
def test_no_name_leads_out_of_the_folder(client: Client, mail_folder: Path, name: str) -> None:
    mail_folder.mkdir()
    (mail_folder / "20260101-000000-1.log").write_bytes(b"Subject: kept\n\nText\n")
    (mail_folder / "secret.txt").write_bytes(b"Subject: secret\n\nsecret\n")
    (mail_folder.parent / "secret.log").write_bytes(b"Subject: secret\n\nsecret\n")

    assert client.get(f"/demo/mail/{name}/").status_code == 404


def test_the_pages_change_nothing_and_are_not_for_search_engines(client: Client) -> None:
    assert client.post("/demo/mail/").status_code == 405
    answer = client.get("/demo/mail/")
    assert "no-store" in answer.headers["Cache-Control"]
    assert 'content="noindex"' in answer.content.decode()


def test_in_production_there_is_no_such_address() -> None:
    """A process of its own: the addresses are chosen when they are first read."""
    program = (
        "import django; django.setup()\n"
        "from django.urls import Resolver404, resolve\n"
        "for path in ('/demo/mail/', '/demo/mail/x/'):\n"
        "    match = resolve(path)\n"
        "    assert 'wagtail' in match.func.__module__, match\n"
    )
    environment = os.environ | {
        "PORTAL_MODE": "production",
        "SITE_URL": "https://foundation.example.org",
        "SECRET_KEY": "abcdefghijklmnopqrstuvwxyz0123456789-abcdefghijklmnopqrstuvwxyz",
        "EMAIL_URL": "smtp+tls://u:p@mail.example.org:587",
        "STRIPE_SECRET_KEY": "sk_live_0123456789abcdefghijklmn",
        "TRUSTED_PROXY_COUNT": "1",
    }
    environment.pop("STRIPE_API_BASE", None)

    answer = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True
    )

    assert answer.returncode == 0, answer.stderr[-2000:]
