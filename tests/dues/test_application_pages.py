"""The queue and the decision page: hands, notes, two officers, appeals, and what needs whom."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.models import User
from funding.ledger.models import Pool
from funding.payments.backoffice.panel import needs_of
from membership import applications, attachments, reviewing
from membership.models import Application, Tier
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    draft_application,
    make_officer,
    reviewed_application,
    submitted_application,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
State = Application.State
QUEUE = "/admin/members/applications/"


@pytest.fixture
def officer(client: Client, foundation: Pool) -> User:
    person = make_staff(groups.MEMBERSHIP_OFFICERS)
    sign_in(client, person)
    return person


def page_of(application: Application) -> str:
    return reverse("membership_applications:decide", args=[application.pk])


def act(client: Client, application: Application, name: str, **more: str) -> str:
    answer = client.post(page_of(application), {"act": name, **more}, follow=True)
    return str(answer.content.decode())


def test_hands_and_notes_from_the_page(client: Client, officer: User) -> None:
    application, colleague = submitted_application(), make_officer()
    assert "In nobody’s hands." in client.get(page_of(application)).content.decode()
    done = act(client, application, "assign", to=str(colleague.pk))
    assert f"In the hands of {colleague}." in done
    assert "Write the note." in act(client, application, "note", note=" ")
    assert "Ask them about 2024." in act(client, application, "note", note="Ask them about 2024.")
    # The applicant is no choice.
    act(client, application, "assign", to=str(application.applicant_id))
    application.refresh_from_db()
    assert application.assigned_to == colleague


def test_the_queue_is_filtered_by_what_waits(client: Client, officer: User) -> None:
    mine = reviewed_application(officer=make_officer())
    reviewing.assign(mine, officer, by=officer)
    nobodys = submitted_application()
    for waits, found, left_out in (("me", mine, nobodys), ("nobody", nobodys, mine)):
        page = client.get(f"{QUEUE}?waiting={waits}").content.decode()
        assert found.public_name in page
        assert left_out.public_name not in page
    for waits in ("second", "overdue", "appeal", "nonsense"):
        assert client.get(f"{QUEUE}?waiting={waits}").status_code == 200


def test_the_first_of_two_officers_admits_nobody(client: Client, officer: User) -> None:
    Tier.objects.filter(code="implementer").update(reviewers=2)
    application = reviewed_application()
    asked = act(client, application, "decide", decision="approve")
    assert "Nothing is billed until a second officer approves." in asked
    assert "Your approval is kept." in act(client, application, "confirm", decision="approve")
    assert "You approved this already." in act(client, application, "confirm", decision="approve")
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    second = Client()
    sign_in(second, make_staff(groups.MEMBERSHIP_OFFICERS))
    done = act(second, application, "confirm", decision="approve")
    assert "Approved. The term is open" in done
    assert str(officer) in done


def test_an_appeal_is_decided_on_the_page_by_who_had_no_part(client: Client, officer: User) -> None:
    application = reviewed_application(officer=make_officer())
    other = make_staff(groups.MEMBERSHIP_OFFICERS)
    application = reviewing.decline(application, by=other, reason="No legal body.")
    applications.appeal(application, "We are one.", by=application.applicant)
    decliner = Client()
    sign_in(decliner, other)
    barred = decliner.get(page_of(application)).content.decode()
    assert "You had a part in the review" in barred
    assert "Decide the appeal" not in barred
    assert "Write the reason." in act(client, application, "appeal", outcome="stands", reason="")
    done = act(client, application, "appeal", outcome="set_aside", reason="They are.")
    assert "The appeal is decided." in done
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW


def test_what_waits_stands_in_what_needs_you_for_officers_alone(
    client: Client, officer: User
) -> None:
    application = submitted_application()
    assert [need.url for need in needs_of(officer)] == [f"{QUEUE}?waiting=nobody"]
    Application.objects.filter(pk=application.pk).update(
        submitted_at=timezone.now() - datetime.timedelta(days=Application.TARGET_DAYS + 1)
    )
    assert "1 application is overdue" in client.get("/admin/").content.decode()
    editor = make_staff(groups.EDITORS)
    assert needs_of(editor) == []
    other = Client()
    sign_in(other, editor)
    assert "What needs you" not in other.get("/admin/").content.decode()


def test_officers_read_the_files_of_what_was_handed_in(client: Client, officer: User) -> None:
    draft = draft_application()
    file = attachments.add(
        draft, SimpleUploadedFile("paper.pdf", b"%PDF-1.7 paper"), by=draft.applicant
    )
    address = reverse("membership_applications:attachment", args=[draft.pk, file.public_id])
    assert client.get(address).status_code == 404
    applications.submit(draft, by=draft.applicant)
    assert address in client.get(page_of(draft)).content.decode()
    assert client.get(address).content == b"%PDF-1.7 paper"
    other = reverse(
        "membership_applications:attachment", args=[submitted_application().pk, file.public_id]
    )
    assert client.get(other).status_code == 404
    editor = Client()
    sign_in(editor, make_staff(groups.EDITORS))
    assert editor.get(address).status_code in (302, 403)


def test_the_queue_asks_as_often_however_long_it_is(client: Client, officer: User) -> None:
    counts = []
    for _round in range(2):
        for _number in range(2):
            reviewed_application()
        client.get(QUEUE)
        with CaptureQueriesContext(connection) as asked:
            client.get(QUEUE)
        counts.append(len(asked))
    assert counts[0] == counts[1]
