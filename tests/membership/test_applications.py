"""The life of an application: Alice applies, Bob of the officers reviews, Charlie is a stranger."""

import dataclasses
import datetime
import uuid

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import PermissionDenied
from django.db import IntegrityError, transaction
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import TransactionMissing, use_case
from funding.ledger.models import Pool
from membership import agreements, application_rules, applications, reviewing
from membership.models import (
    Acceptance,
    Agreement,
    AgreementVersion,
    Application,
    FeeRule,
    InformationRequest,
    SeatRole,
    Tier,
)
from membership.organisations import give_seat
from membership.refusals import (
    AgreementNotAccepted,
    NothingToAccept,
    NotPermitted,
    OwnRequest,
    ReasonMissing,
    TierClosed,
    TierNotOffered,
    WrongStep,
)
from tests.factories.membership import (
    MINISTRY,
    answers,
    draft_application,
    make_officer,
    make_organisation,
    may,
    reviewed_application,
    submitted_application,
)
from tests.factories.pools import make_person

pytestmark = pytest.mark.django_db
State = Application.State


@pytest.fixture
def alice(foundation: Pool) -> User:
    return make_person("alice@example.org")


@pytest.fixture
def bob(foundation: Pool) -> User:
    return make_officer(email="bob@example.org")


# --- Drafting -------------------------------------------------------------------------------------


def test_the_same_form_sent_twice_is_one_draft(alice: User) -> None:
    token, given = uuid.uuid4(), answers()
    first = applications.start(given, by=alice, form_token=token)
    again = applications.start(given, by=alice, form_token=token)
    assert again.pk == first.pk
    assert Application.objects.count() == 1


def test_who_goes_back_and_changes_an_answer_changes_the_draft_until_it_is_submitted(
    alice: User,
) -> None:
    token = uuid.uuid4()
    applications.start(answers(ticked_versions=()), by=alice, form_token=token)
    draft = applications.start(answers(public_name="Better"), by=alice, form_token=token)
    draft.refresh_from_db()
    assert (draft.public_name, draft.ticked_versions.count()) == ("Better", 1)

    applications.submit(draft, by=alice)
    late = applications.start(answers(public_name="Too Late"), by=alice, form_token=token)
    assert (late.pk, late.public_name, late.state) == (draft.pk, "Better", State.SUBMITTED)


def test_somebody_elses_form_token_leads_to_no_draft_of_theirs(alice: User) -> None:
    token = uuid.uuid4()
    applications.start(answers(), by=alice, form_token=token)
    with pytest.raises(PermissionDenied):
        applications.start(answers(), by=make_person(), form_token=token)


def test_a_draft_takes_new_answers_and_a_submitted_application_takes_none(alice: User) -> None:
    draft = draft_application(alice)
    applications.save_draft(draft, answers(public_name="Another Name"), by=alice)
    draft.refresh_from_db()
    assert draft.public_name == "Another Name"

    applications.submit(draft, by=alice)
    with pytest.raises(WrongStep, match="“submitted” by now"):
        applications.save_draft(draft, answers(public_name="Too Late"), by=alice)
    draft.refresh_from_db()
    assert draft.public_name == "Another Name"


# --- Submitting -----------------------------------------------------------------------------------


def test_submitting_accepts_the_agreements_tells_both_sides_and_promises_a_day(
    alice: User, bob: User
) -> None:
    with time_machine.travel(datetime.datetime(2026, 5, 4, 9, tzinfo=datetime.UTC), tick=False):
        application = submitted_application(alice)
    run_pending_jobs()

    assert application.state == State.SUBMITTED
    assert application.answer_due_on == datetime.date(2026, 5, 18)
    (acceptance,) = application.acceptances.all()
    assert (acceptance.person, acceptance.version.label) == (alice, "1.0")
    assert {message.to[0] for message in mail.outbox} == {"alice@example.org", "bob@example.org"}
    to_alice = next(message for message in mail.outbox if message.to == ["alice@example.org"])
    assert "18 May 2026" in to_alice.body


def test_an_agreement_that_was_not_ticked_stops_the_submission_and_keeps_the_draft(
    alice: User,
) -> None:
    draft = draft_application(alice, ticked_versions=())
    with pytest.raises(AgreementNotAccepted, match="Code of conduct"):
        applications.submit(draft, by=alice)
    draft.refresh_from_db()
    assert draft.state == State.DRAFT
    assert not Acceptance.objects.exists()


def test_a_box_ticked_for_an_older_version_is_a_box_to_tick_again(alice: User) -> None:
    draft = draft_application(alice)
    newer = AgreementVersion.objects.create(
        agreement=Agreement.objects.get(code="code-of-conduct"),
        label="2.0",
        text="New words.",
        effective_from=timezone.localdate(),
    )
    agreements.publish(newer, by=None)
    with pytest.raises(AgreementNotAccepted, match=r"version 2\.0"):
        applications.submit(draft, by=alice)


def test_a_required_agreement_without_a_version_in_force_lets_nobody_in(alice: User) -> None:
    draft = draft_application(alice)
    Agreement.objects.create(code="decisions", name="Decision policy", required=True)
    with pytest.raises(NothingToAccept, match="Decision policy"):
        applications.submit(draft, by=alice)


def test_a_tier_without_a_fee_for_the_organisation_is_not_offered(alice: User) -> None:
    draft = draft_application(alice, kind="company", tier="country")
    with pytest.raises(TierNotOffered, match="Country member"):
        applications.submit(draft, by=alice)


def test_a_draft_for_a_tier_that_was_closed_since_is_not_taken(alice: User) -> None:
    draft, handed_in = draft_application(alice), submitted_application(alice)
    Tier.objects.filter(code="implementer").update(open_to_new=False)
    with pytest.raises(TierClosed, match="takes no new members"):
        applications.submit(draft, by=alice)
    assert reviewing.begin_review(handed_in, by=make_officer()).state == State.UNDER_REVIEW


def test_the_fee_of_the_day_of_submission_is_the_one_that_counts(alice: User) -> None:
    application = submitted_application(alice)
    rule = FeeRule.objects.get(tier=application.tier, kind="implementer", income_group="low")
    FeeRule.objects.create(
        tier=rule.tier,
        kind=rule.kind,
        income_group=rule.income_group,
        amount=99_900,
        currency="USD",
        valid_from=timezone.localdate() + datetime.timedelta(days=1),
        source="A later table",
        source_year=2027,
    )
    with time_machine.travel(timezone.now() + datetime.timedelta(days=5), tick=False):
        assert applications.promised_fee(application).amount == 25_000
        assert applications.promised_fee(draft_application()).amount == 99_900


# --- Reviewing ------------------------------------------------------------------------------------


def test_a_question_waits_for_its_answer_and_the_review_goes_on(alice: User, bob: User) -> None:
    application = reviewed_application(alice, bob)
    reviewing.request_information(application, " Who signs? ", by=bob)
    application.refresh_from_db()
    assert application.state == State.INFORMATION_WANTED
    assert application.open_question is not None
    assert application.open_question.question == "Who signs?"

    application = applications.answer(application, "The director.", by=alice)
    assert application.state == State.UNDER_REVIEW
    assert application.open_question is None
    run_pending_jobs()
    asked = next(message for message in mail.outbox if "Who signs?" in message.body)
    assert asked.to == ["alice@example.org"]


def test_answering_without_a_question_is_refused(alice: User, bob: User) -> None:
    application = reviewed_application(alice, bob)
    with pytest.raises(WrongStep):
        applications.answer(application, "Nobody asked.", by=alice)


@pytest.mark.parametrize("words", ["", "  \n"])
def test_an_empty_question_answer_or_reason_is_refused(alice: User, bob: User, words: str) -> None:
    application = reviewed_application(alice, bob)
    with pytest.raises(ReasonMissing):
        reviewing.request_information(application, words, by=bob)
    with pytest.raises(ReasonMissing):
        reviewing.decline(application, by=bob, reason=words)
    reviewing.request_information(application, "Who?", by=bob)
    with pytest.raises(ReasonMissing):
        applications.answer(application, words, by=alice)


def test_declining_tells_the_applicant_why(alice: User, bob: User) -> None:
    application = reviewed_application(alice, bob)
    reviewing.decline(application, by=bob, reason="Not a legal body.")
    run_pending_jobs()

    application.refresh_from_db()
    assert (application.state, application.decided_by) == (State.DECLINED, bob)
    assert application.organisation is None
    assert any("Not a legal body." in message.body for message in mail.outbox)


def test_a_decision_ends_the_waiting_for_an_answer(alice: User, bob: User) -> None:
    application = reviewed_application(alice, bob)
    reviewing.request_information(application, "Who signs?", by=bob)
    reviewing.decline(application, by=bob, reason="No answer came.")
    application.refresh_from_db()
    assert application.open_question is None
    with pytest.raises(WrongStep, match="“declined” by now"):
        applications.answer(application, "The director.", by=alice)


def test_an_application_can_be_withdrawn_until_it_is_decided(alice: User, bob: User) -> None:
    for application in (draft_application(alice), submitted_application(alice)):
        assert applications.withdraw(application, by=alice).state == State.WITHDRAWN

    decided = reviewed_application(alice, bob)
    reviewing.decline(decided, by=bob, reason="No.")
    with pytest.raises(WrongStep):
        applications.withdraw(decided, by=alice)


def test_approving_is_a_part_of_a_use_case_and_refuses_to_run_alone(alice: User, bob: User) -> None:
    application = reviewed_application(alice, bob)
    with pytest.raises(TransactionMissing):
        reviewing.approve(application, by=bob)


# --- Who may --------------------------------------------------------------------------------------


def test_only_the_applicant_changes_submits_answers_or_withdraws(alice: User, bob: User) -> None:
    charlie = make_person()
    draft = draft_application(alice)
    for act in (
        lambda: applications.save_draft(draft, answers(), by=charlie),
        lambda: applications.submit(draft, by=charlie),
        lambda: applications.withdraw(draft, by=charlie),
        lambda: applications.answer(draft, "Words", by=charlie),
    ):
        with pytest.raises(PermissionDenied):
            act()
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_who_has_no_right_to_decide_is_refused(alice: User) -> None:
    application = submitted_application(alice)
    charlie = make_person()
    with pytest.raises(NotPermitted):
        reviewing.begin_review(application, by=charlie)


def test_nobody_reviews_their_own_request_whatever_their_rights(bob: User) -> None:
    application = submitted_application(bob)
    with pytest.raises(OwnRequest):
        reviewing.begin_review(application, by=bob)
    taken_up = reviewing.begin_review(application, by=make_officer())
    with pytest.raises(OwnRequest), use_case():
        reviewing.approve(taken_up, by=bob)


def test_who_has_a_seat_in_the_organisation_does_not_decide_on_its_request(
    alice: User, bob: User
) -> None:
    organisation = make_organisation()
    with use_case():
        give_seat(organisation, bob, [SeatRole.PRIMARY_CONTACT])
    draft = applications.start(
        answers(), by=alice, form_token=uuid.uuid4(), organisation=organisation
    )
    applications.submit(draft, by=alice)
    with pytest.raises(OwnRequest, match="you have a seat in this organisation"):
        reviewing.begin_review(draft, by=bob)
    assert reviewing.begin_review(draft, by=make_officer()).state == State.UNDER_REVIEW


def test_a_refused_decision_stays_in_the_log_with_its_reason(alice: User, bob: User) -> None:
    application = reviewed_application(bob, make_officer())
    with pytest.raises(OwnRequest):
        reviewing.decline(application, by=bob, reason="I change my mind")

    entry = ModelLogEntry.objects.get(action="membership.refused")
    assert entry.user == bob
    assert (entry.data["attempt"], entry.data["rule"]) == ("decline", "OwnRequest")


def test_the_officer_who_applies_is_not_told_of_their_own_application(bob: User) -> None:
    other = make_officer(email="other@example.org")
    submitted_application(bob)
    run_pending_jobs()
    subjects = [message.to[0] for message in mail.outbox]
    assert subjects.count(bob.email) == 1  # as the applicant
    assert other.email in subjects


@pytest.mark.parametrize("state", [State.DRAFT, State.APPROVED, State.DECLINED, State.WITHDRAWN])
def test_a_review_begins_only_from_submitted(alice: User, bob: User, state: State) -> None:
    application = draft_application(alice)
    changes: dict[str, object] = {"state": state, "submitted_at": timezone.now()}
    if state in (State.APPROVED, State.DECLINED):
        changes |= {"decided_at": timezone.now(), "decided_by": bob, "decision_reason": "Why"}
    if state == State.APPROVED:
        changes["organisation"] = make_organisation()
    Application.objects.filter(pk=application.pk).update(**changes)
    with pytest.raises(WrongStep):
        reviewing.begin_review(application, by=bob)


def test_the_map_of_steps_knows_every_state_and_the_ends_lead_nowhere() -> None:
    assert set(application_rules.NEXT) == set(State.values)
    ends = {state for state, following in application_rules.NEXT.items() if not following}
    assert ends == {State.APPROVED, State.WITHDRAWN}
    # A decline is left by an appeal alone (test_reviewing.py).
    assert application_rules.NEXT[State.DECLINED] == {State.UNDER_REVIEW}


# --- What the database itself refuses -------------------------------------------------------------


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("application_state_is_known", {"state": "parked"}),
        ("application_kind_is_known", {"kind": "club"}),
        ("application_constituency_is_known", {"constituency": "money"}),
        ("application_country_is_iso2", {"country": "mw"}),
        ("application_submitted_has_a_time", {"state": "submitted", "submitted_at": None}),
        ("application_decision_has_a_decider", {"state": "declined", "decision_reason": "x"}),
        ("application_not_decided_by_applicant", {"state": "declined", "decision_reason": "x"}),
        ("application_approved_has_organisation", {"state": "approved"}),
        ("application_submitted_is_whole", {"legal_name": ""}),
        ("application_submitted_is_whole", {"tier": None}),
        ("application_registration_names_its_agency", {"registration_number": "1"}),
        ("application_declined_has_a_reason", {"state": "declined"}),
    ],
)
def test_the_database_refuses_a_state_that_cannot_be(
    alice: User, bob: User, constraint: str, changes: dict[str, object]
) -> None:
    application = submitted_application(alice)
    changes = dict(changes)
    if constraint == "application_not_decided_by_applicant":
        changes |= {"decided_at": timezone.now(), "decided_by": alice}
    elif "decision" not in constraint and changes.get("state") in ("approved", "declined"):
        changes |= {"decided_at": timezone.now(), "decided_by": bob}
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Application.objects.filter(pk=application.pk).update(**changes)


def test_an_acceptance_and_published_words_cannot_be_changed_by_anybody(alice: User) -> None:
    acceptance = submitted_application(alice).acceptances.get()
    for change in (
        lambda: Acceptance.objects.filter(pk=acceptance.pk).update(accepted_at=timezone.now()),
        acceptance.delete,
        lambda: AgreementVersion.objects.filter(label="1.0").update(text="Nicer words"),
        AgreementVersion.objects.get(label="1.0").delete,
    ):
        with pytest.raises(Exception, match=r"Cannot (update|delete)"), transaction.atomic():
            change()


def test_the_database_keeps_one_open_question_and_no_half_answer(alice: User, bob: User) -> None:
    application = reviewed_application(alice, bob)
    reviewing.request_information(application, "Who signs?", by=bob)
    with pytest.raises(IntegrityError, match="information_one_open_question"), transaction.atomic():
        InformationRequest.objects.create(
            application=application, question="And?", asked_by=bob, asked_at=timezone.now()
        )
    for half in ({"answer": "Words"}, {"answered_at": timezone.now(), "answered_by": alice}):
        with (
            pytest.raises(IntegrityError, match="information_answer_is_whole"),
            transaction.atomic(),
        ):
            application.information_requests.update(**half)


def test_answers_are_plain_data_that_nobody_changes_by_accident(foundation: Pool) -> None:
    given = answers(**MINISTRY)
    with pytest.raises(dataclasses.FrozenInstanceError):
        given.country = "KE"  # type: ignore[misc]


def test_rights_are_asked_anew_each_time(alice: User) -> None:
    application = submitted_application(alice)
    dora = make_person()
    with pytest.raises(NotPermitted):
        reviewing.begin_review(application, by=dora)
    dora = may(dora, "decide_application")
    assert reviewing.begin_review(application, by=dora).state == State.UNDER_REVIEW
