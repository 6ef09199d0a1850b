"""Files of an application: who adds them, who reads them, and what is refused."""

from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse

from core import uploads
from core.models import User
from funding.ledger.models import Pool
from membership import applications, attachments, reviewing
from membership.models import Application, Attachment
from membership.refusals import TooManyFiles, WrongStep
from tests.factories.membership import (
    draft_application,
    make_officer,
    reviewed_application,
    submitted_application,
)
from tests.factories.pools import make_person
from tests.look.html import Document

pytestmark = pytest.mark.django_db
PDF = b"%PDF-1.7 a registration"


@pytest.fixture
def alice(foundation: Pool, client: Client) -> User:
    person = make_person("alice@example.org")
    client.force_login(person)
    return person


def sent(name: str = "registration.pdf", content: bytes = PDF) -> SimpleUploadedFile:
    return SimpleUploadedFile(name, content, content_type="text/html")


def address(application: Application, name: str = "files", *more: Any) -> str:
    return reverse(f"membership_application_{name}", args=[application.public_id, *more])


def page(answer: Any) -> str:
    content: str = answer.content.decode()
    assert Document(content).faults == []
    return content


def finds_a_virus(content: bytes) -> str:
    return "Eicar"


def test_a_file_is_added_read_and_removed(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    assert client.post(address(draft), {"file": sent("../../a<b>.html")}).status_code == 303
    file = Attachment.objects.get()
    assert (file.content_type, file.size) == ("application/pdf", len(PDF))
    assert file.file_name.endswith(".pdf")
    assert file.file_name in page(client.get(address(draft, "check")))
    download = client.get(address(draft, "file", file.public_id))
    assert download.content == PDF
    assert download["Content-Disposition"].startswith("attachment")
    assert "sandbox" in download["Content-Security-Policy"]
    remove = address(draft, "remove_file", file.public_id)
    assert client.get(remove).status_code == 405
    for _again in range(2):
        client.post(remove)
    assert not Attachment.objects.exists()


@pytest.mark.parametrize(
    ("content", "words"),
    [
        (b"<html>", "none of these: PDF, JPEG, PNG"),
        (b"", "empty"),
        (PDF + b"x" * 5 * uploads.MEGABYTE, "larger than 5 MB"),
    ],
)
def test_what_is_no_file_of_ours_is_refused(
    client: Client, alice: User, content: bytes, words: str
) -> None:
    draft = draft_application(alice)
    assert words in page(client.post(address(draft), {"file": sent(content=content)}))
    assert "Choose a file." in page(client.post(address(draft)))
    assert not Attachment.objects.exists()


def test_what_the_scanner_finds_is_not_kept(client: Client, alice: User, settings: Any) -> None:
    settings.UPLOAD_SCANNER = f"{__name__}.finds_a_virus"
    draft = draft_application(alice)
    assert "virus scanner found" in page(client.post(address(draft), {"file": sent()}))
    assert not Attachment.objects.exists()


def test_files_are_for_the_applicant_and_those_who_may_read_applications(
    client: Client, alice: User
) -> None:
    draft = draft_application(alice)
    file = attachments.add(draft, sent(), by=alice)
    own = address(draft, "file", file.public_id)
    staff = reverse("membership_applications:attachment", args=[draft.pk, file.public_id])
    stranger, officer = Client(), Client()
    stranger.force_login(make_person())
    officer.force_login(make_officer())
    for browser in (stranger, officer):
        assert browser.get(own).status_code == 404
        assert browser.post(address(draft), {"file": sent()}).status_code == 404
    assert Client().get(own).status_code == 302
    other = draft_application(alice)
    assert client.get(address(other, "file", file.public_id)).status_code == 404
    applications.submit(draft, by=alice)
    assert stranger.get(staff).status_code in (302, 403)
    assert client.get(own).status_code == 200


def test_what_is_handed_in_stays_and_a_question_takes_more(alice: User) -> None:
    draft = draft_application(alice)
    file = attachments.add(draft, sent(), by=alice)
    officer = make_officer()
    applications.submit(draft, by=alice)
    with pytest.raises(WrongStep):
        attachments.add(draft, sent(), by=alice)
    reviewing.begin_review(draft, by=officer)
    reviewing.request_information(draft, "Send the paper.", by=officer)
    attachments.add(draft, sent(), by=alice)
    with pytest.raises(WrongStep):
        attachments.remove(file, by=alice)
    assert draft.attachments.count() == 2


def test_there_is_a_limit_to_files(alice: User, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(attachments, "MOST", 1)
    draft = draft_application(alice)
    attachments.add(draft, sent(), by=alice)
    with pytest.raises(TooManyFiles):
        attachments.add(draft, sent(), by=alice)
    assert reviewed_application().attachments.count() == 0
    assert submitted_application(alice).attachments.count() == 0
