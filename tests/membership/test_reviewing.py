"""Reviewing: hands, notes, two officers where the tier asks, appeals. Alice applies, Bob declines."""

import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from funding.dues import admission
from funding.ledger.models import Pool
from membership import applications, reviewing, sharing, waiting
from membership.models import Appeal, Application, Approval, Organisation, Tier
from membership.refusals import (
    AlreadyAppealed,
    AlreadyApproved,
    AnotherReviewer,
    AppealTooLate,
    HadPart,
    NoAppeal,
    NotPermitted,
    OthersAppeal,
    OwnRequest,
    ReasonMissing,
    SecondApproval,
    WrongStep,
)
from tests.factories.membership import (
    draft_application,
    make_officer,
    reviewed_application,
    submitted_application,
)
from tests.factories.pools import make_person
from tests.look.html import Document

pytestmark = pytest.mark.django_db
State = Application.State


@pytest.fixture
def alice(foundation: Pool) -> User:
    return make_person("alice@example.org", first_name="Alice")


@pytest.fixture
def bob(foundation: Pool) -> User:
    return make_officer(email="bob@example.org")


@pytest.fixture
def dora(foundation: Pool) -> User:
    return make_officer(email="dora@example.org")


@pytest.fixture
def two_officers(foundation: Pool) -> None:
    Tier.objects.filter(code="implementer").update(reviewers=2)


def declined(alice: User, bob: User) -> Application:
    application = reviewed_application(alice, bob)
    return reviewing.decline(application, by=bob, reason="No legal body.")


def words_to(person: User) -> str:
    run_pending_jobs()
    return "\n".join(message.body for message in mail.outbox if person.email in message.to)


# --- Hands and notes ------------------------------------------------------------------------------


def test_who_begins_has_it_in_hand_and_hands_it_on(alice: User, bob: User, dora: User) -> None:
    application = reviewed_application(alice, bob)
    assert application.assigned_to == bob
    reviewing.assign(application, dora, by=bob)
    assert "into your hands" in words_to(dora)
    assert "into your hands" not in words_to(bob)
    assert list(waiting.in_the_hands_of(dora)) == [application]
    assert not waiting.in_the_hands_of(bob)

    reviewing.assign(application, None, by=dora)
    assert list(waiting.in_nobodys_hands(bob)) == [application]
    for other in (alice, make_person()):
        with pytest.raises((NotPermitted, OwnRequest)):
            reviewing.assign(application, other, by=bob)


def test_an_answer_goes_to_whoever_has_it_in_hand(alice: User, bob: User, dora: User) -> None:
    application = reviewed_application(alice, bob)
    reviewing.request_information(application, "Who signs?", by=bob)
    assert not waiting.in_the_hands_of(bob)
    applications.answer(application, "The director.", by=alice)
    assert "answered the question" in words_to(bob)
    assert "answered the question" not in words_to(dora)


def test_what_a_closed_account_has_in_hand_is_in_nobodys(
    alice: User, bob: User, dora: User
) -> None:
    application = reviewed_application(alice, bob)
    reviewing.request_information(application, "Who signs?", by=bob)
    User.objects.filter(pk=bob.pk).update(is_active=False)
    applications.answer(application, "The director.", by=alice)
    assert "answered the question" in words_to(dora)
    assert "answered the question" not in words_to(bob)
    assert list(waiting.in_nobodys_hands(dora)) == [application]


def test_notes_are_for_officers_alone(alice: User, bob: User, client: Client) -> None:
    application = reviewed_application(alice, bob)
    with pytest.raises(ReasonMissing):
        reviewing.note(application, "  ", by=bob)
    with pytest.raises(NotPermitted):
        reviewing.note(application, "Mine", by=alice)
    assert reviewing.note(application, " Known to us. ", by=bob).text == "Known to us."
    client.force_login(alice)
    shown = client.get(reverse("membership_application", args=[application.public_id]))
    assert "Known to us." not in shown.content.decode()


def test_who_wrote_the_draft_with_the_applicant_does_not_review_it(alice: User, bob: User) -> None:
    draft = draft_application(alice)
    share = sharing.share(draft, bob.email, by=alice)
    sharing.open_share(share, by=bob)
    sharing.revoke(share, by=alice)
    applications.submit(draft, by=alice)
    with pytest.raises(OwnRequest):
        reviewing.begin_review(draft, by=bob)


# --- Two officers ---------------------------------------------------------------------------------


def test_a_tier_that_asks_for_two_is_admitted_by_the_second_officer(
    alice: User, bob: User, dora: User, two_officers: None
) -> None:
    application = reviewed_application(alice, bob)
    with pytest.raises(AnotherReviewer):
        admission.admit(application, by=bob)
    assert not Organisation.objects.exists()

    reviewing.approve_first(application, by=bob, reason="Good")
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    assert list(waiting.for_second_approval(dora)) == [application]
    assert not waiting.for_second_approval(bob)
    assert "the second approval" in words_to(dora)
    with pytest.raises(AlreadyApproved):
        reviewing.approve_first(application, by=bob)
    with pytest.raises(AnotherReviewer):
        admission.admit(application, by=bob)
    with pytest.raises(SecondApproval):
        reviewing.approve_first(application, by=dora)

    admission.admit(application, by=dora)
    assert set(Approval.objects.values_list("by", flat=True)) == {bob.pk, dora.pk}
    assert not waiting.for_second_approval(make_officer())


def test_the_applicant_is_never_one_of_the_two(alice: User, bob: User, two_officers: None) -> None:
    own = reviewed_application(bob, make_officer())
    with pytest.raises(OwnRequest):
        reviewing.approve_first(own, by=bob)
    log = ModelLogEntry.objects.get(action="membership.refused")
    assert log.data["attempt"] == "approve_first"


def test_a_question_lets_the_first_approval_lapse(
    alice: User, bob: User, dora: User, two_officers: None
) -> None:
    application = reviewed_application(alice, bob)
    reviewing.approve_first(application, by=bob)
    reviewing.request_information(application, "Who signs?", by=dora)
    applications.answer(application, "Nobody.", by=alice)
    with pytest.raises(AnotherReviewer):
        admission.admit(application, by=dora)
    reviewing.approve_first(application, by=bob)
    assert admission.admit(application, by=dora).organisation


def test_one_officer_is_enough_elsewhere_and_the_approval_is_recorded(
    alice: User, bob: User
) -> None:
    application = reviewed_application(alice, bob)
    with pytest.raises(SecondApproval):
        reviewing.approve_first(application, by=bob)
    admission.admit(application, by=bob, reason="Welcome")
    approval = application.approvals.get()
    assert (approval.by, approval.reason) == (bob, "Welcome")


def test_the_registration_goes_to_the_organisation(alice: User, bob: User) -> None:
    application = reviewed_application(
        alice, bob, registration_agency="GB-CHC", registration_number="1234567"
    )
    organisation = admission.admit(application, by=bob).organisation
    organisation.refresh_from_db()
    assert (organisation.registration_agency, organisation.registration_number) == (
        "GB-CHC",
        "1234567",
    )


# --- Appeals --------------------------------------------------------------------------------------


def test_the_decline_says_until_when_to_appeal_and_the_last_day_counts(
    alice: User, bob: User
) -> None:
    with time_machine.travel(datetime.datetime(2026, 1, 31, 9, tzinfo=datetime.UTC), tick=False):
        application = declined(alice, bob)
    assert application.appeal_until == datetime.date(2026, 3, 2)
    assert "2 March 2026" in words_to(alice)
    with (
        time_machine.travel(datetime.datetime(2026, 3, 3, 1, tzinfo=datetime.UTC), tick=False),
        pytest.raises(AppealTooLate),
    ):
        applications.appeal(application, "We are one.", by=alice)
    with time_machine.travel(datetime.datetime(2026, 3, 2, 20, tzinfo=datetime.UTC), tick=False):
        applications.appeal(application, "We are one.", by=alice)
    with pytest.raises(AlreadyAppealed):
        applications.appeal(application, "Again.", by=alice)


def test_an_appeal_is_decided_by_somebody_who_had_no_part(
    alice: User, bob: User, dora: User
) -> None:
    noted, asked, own = make_officer(), make_officer(), make_officer()
    application = reviewed_application(alice, bob)
    reviewing.note(application, "Look here.", by=noted)
    reviewing.request_information(application, "Who signs?", by=asked)
    reviewing.decline(application, by=bob, reason="No legal body.")
    applications.appeal(application, "We are one.", by=alice)
    assert "appeals against the decline" in words_to(dora)
    for person in (bob, noted, asked):
        assert not waiting.appeals_for(person)
        with pytest.raises(HadPart):
            reviewing.decide_appeal(application, set_aside=True, reason="x", by=person)
    with pytest.raises(NotPermitted):
        reviewing.decide_appeal(application, set_aside=True, reason="x", by=alice)
    assert list(waiting.appeals_for(own)) == [application]
    with pytest.raises(ReasonMissing):
        reviewing.decide_appeal(application, set_aside=False, reason=" ", by=dora)

    reviewing.decide_appeal(application, set_aside=False, reason="It holds.", by=dora)
    application.refresh_from_db()
    assert (application.state, application.decided_by) == (State.DECLINED, bob)
    assert "It holds." in words_to(alice)
    with pytest.raises(NoAppeal):
        reviewing.decide_appeal(application, set_aside=True, reason="x", by=own)


def test_a_decline_that_is_set_aside_is_reviewed_again_by_others(
    alice: User, bob: User, dora: User
) -> None:
    application = declined(alice, bob)
    applications.appeal(application, "We are one.", by=alice)
    reviewing.decide_appeal(application, set_aside=True, reason="They are.", by=dora)
    application.refresh_from_db()
    assert (application.state, application.assigned_to) == (State.UNDER_REVIEW, None)
    appeal = Appeal.objects.get()
    assert (appeal.declined_by, appeal.declined_reason) == (bob, "No legal body.")
    assert application.answer_due_on == timezone.localdate() + datetime.timedelta(days=14)
    with pytest.raises(OthersAppeal):
        admission.admit(application, by=bob)
    assert admission.admit(application, by=dora).organisation


def test_only_what_is_declined_can_be_appealed_against(alice: User, bob: User) -> None:
    with pytest.raises(WrongStep):
        applications.appeal(reviewed_application(alice, bob), "Why?", by=alice)
    application = declined(alice, bob)
    with pytest.raises(NoAppeal):
        reviewing.decide_appeal(application, set_aside=True, reason="x", by=make_officer())
    with pytest.raises(ReasonMissing):
        applications.appeal(application, " ", by=alice)


def test_the_database_keeps_the_decliner_from_deciding_the_appeal(alice: User, bob: User) -> None:
    application = declined(alice, bob)
    applications.appeal(application, "We are one.", by=alice)
    whole = {"outcome": "stands", "decided_at": timezone.now(), "reason": "x"}
    with pytest.raises(IntegrityError, match="appeal_not_decided_by_who"), transaction.atomic():
        Appeal.objects.update(**whole, decided_by=bob)
    with pytest.raises(IntegrityError, match="appeal_decision_is_whole"), transaction.atomic():
        Appeal.objects.update(outcome="stands")


# --- What waits -----------------------------------------------------------------------------------


def test_overdue_is_the_day_after_the_promised_one(alice: User, bob: User) -> None:
    with time_machine.travel(datetime.datetime(2026, 5, 4, 9, tzinfo=datetime.UTC), tick=False):
        application = reviewed_application(alice, bob)
    for day, found in ((18, []), (19, [application])):
        moment = datetime.datetime(2026, 5, day, 12, tzinfo=datetime.UTC)
        with time_machine.travel(moment, tick=False):
            assert list(waiting.overdue(bob)) == found
    reviewing.decline(application, by=bob, reason="No.")
    assert not waiting.overdue(bob)


def page(answer: Any) -> str:
    content: str = answer.content.decode()
    assert Document(content).faults == []
    return content


def test_the_applicant_appeals_on_the_page_and_reads_what_happens_next(
    alice: User, bob: User, dora: User, client: Client
) -> None:
    application = declined(alice, bob)
    client.force_login(alice)
    address = reverse("membership_application", args=[application.public_id])
    assert "Send the appeal" in page(client.get(address))
    assert "Write why." in page(client.post(address, {"act": "appeal", "words": " "}))
    sent = client.post(address, {"act": "appeal", "words": "We are one."}, follow=True)
    shown = page(sent)
    assert "looks at your appeal. You have an answer by" in shown
    assert "Send the appeal" not in shown
    reviewing.decide_appeal(application, set_aside=False, reason="It holds.", by=dora)
    assert "Your appeal was decided on" in page(client.get(address))


def test_an_officer_approves_an_application_once(
    alice: User, bob: User, two_officers: None
) -> None:
    """Two at once stand in test_misuse.py; the database holds it too."""
    application = reviewed_application(alice, bob)
    reviewing.approve_first(application, by=bob)
    with pytest.raises(IntegrityError, match="approval_once_per_reviewer"), use_case():
        Approval.objects.create(application=application, by=bob, at=timezone.now())
    assert submitted_application(alice).approvals.count() == 0
