"""How an application moves. Each verb: lock, rule, write, log, job.

`approve` is a part of `funding.dues.admission.admit`, which opens the transaction and bills; the
other verbs are use cases of their own.
"""

import uuid
from dataclasses import dataclass

from django.contrib.auth.models import Permission
from django.core.exceptions import PermissionDenied
from django.db.models import Q
from django.urls import reverse
from django.utils import formats, timezone
from django.utils.translation import gettext, override

from core import audit
from core.mail import enqueue_mail
from core.models import User
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case
from membership import agreements, fees, organisations
from membership.links import path_in
from membership.models import (
    AgreementVersion,
    Application,
    FeeRule,
    InformationRequest,
    Organisation,
    Tier,
)
from membership.refusals import (
    NotPermitted,
    OwnRequest,
    ReasonMissing,
    TierClosed,
    WrongStep,
)

State = Application.State

# What may follow what. Every verb below asks this map; nothing else decides.
NEXT: dict[str, frozenset[str]] = {
    State.DRAFT: frozenset({State.SUBMITTED, State.WITHDRAWN}),
    State.SUBMITTED: frozenset({State.UNDER_REVIEW, State.WITHDRAWN}),
    State.UNDER_REVIEW: frozenset(
        {State.INFORMATION_WANTED, State.APPROVED, State.DECLINED, State.WITHDRAWN}
    ),
    State.INFORMATION_WANTED: frozenset({State.UNDER_REVIEW, State.DECLINED, State.WITHDRAWN}),
    State.APPROVED: frozenset(),
    State.DECLINED: frozenset(),
    State.WITHDRAWN: frozenset(),
}

DECIDE = "membership.decide_application"


@dataclass(frozen=True, slots=True)
class Answers:
    """What the applicant writes in the form."""

    legal_name: str
    public_name: str
    kind: str
    country: str
    website: str
    description: str
    tier: Tier
    constituency: str
    ticked_versions: tuple[AgreementVersion, ...] = ()


# --- The applicant --------------------------------------------------------------------------------


def start(
    answers: Answers, *, by: User, form_token: uuid.UUID, organisation: Organisation | None = None
) -> Application:
    """Keep the answers as a draft.

    The same ``form_token`` again (a double click, or someone who went back in the browser and
    changed an answer) finds the first draft and puts the newer answers into it; what is submitted
    by then is returned as it is.
    """
    with use_case():
        application, created = Application.objects.get_or_create(
            form_token=form_token,
            defaults={**_columns(answers), "applicant": by, "organisation": organisation},
        )
        application = _lock(application)
        _require_applicant(application, by)
        if created:
            application.ticked_versions.set(answers.ticked_versions)
        elif application.state == State.DRAFT:
            _write(application, answers)
    return application


def save_draft(application: Application, answers: Answers, *, by: User) -> Application:
    """Put new answers into a draft. Raises WrongStep once it is submitted."""
    with use_case():
        application = _lock(application)
        _require_applicant(application, by)
        if application.state != State.DRAFT:
            raise WrongStep(state=application.get_state_display())
        _write(application, answers)
    return application


def _write(application: Application, answers: Answers) -> None:
    for column, value in _columns(answers).items():
        setattr(application, column, value)
    application.save()
    application.ticked_versions.set(answers.ticked_versions)


def _columns(answers: Answers) -> dict[str, object]:
    return {
        "legal_name": answers.legal_name,
        "public_name": answers.public_name,
        "kind": answers.kind,
        "country": answers.country,
        "website": answers.website,
        "description": answers.description,
        "tier": answers.tier,
        "constituency": answers.constituency,
    }


def submit(application: Application, *, by: User) -> Application:
    """Hand the application in, with the agreements accepted in the versions in force now.

    Raises WrongStep, TierNotOffered (TierClosed), AgreementNotAccepted, NothingToAccept.
    """
    with use_case():
        application = _lock(application)
        _require_applicant(application, by)
        _require_next(application, State.SUBMITTED)
        now = timezone.now()
        if not application.tier.open_to_new:
            raise TierClosed(tier=application.tier)
        fees.fee_for(
            application.tier, application.kind, application.country, timezone.localdate(now)
        )
        agreements.accept_for_application(application, by=by, at=now)
        application.state = State.SUBMITTED
        application.submitted_at = now
        application.save(update_fields=["state", "submitted_at"])
        audit.record("membership.submit", application, by=by)
        _tell_applicant(application, "membership_submitted")
        _tell_officers(application, "membership_to_review")
    return application


def answer(application: Application, text: str, *, by: User) -> Application:
    """Answer the reviewers' question; the review goes on. Raises WrongStep, ReasonMissing."""
    with use_case():
        application = _lock(application)
        _require_applicant(application, by)
        question = application.open_question
        if question is None:
            raise WrongStep(state=application.get_state_display())
        _require_next(application, State.UNDER_REVIEW)
        _require_reason(text)
        question.answer = text.strip()
        question.answered_by = by
        question.answered_at = timezone.now()
        question.save()
        application.state = State.UNDER_REVIEW
        application.save(update_fields=["state"])
        audit.record("membership.answer", application, by=by)
        _tell_officers(application, "membership_answered")
    return application


def withdraw(application: Application, *, by: User) -> Application:
    """Take the application back. Raises WrongStep once it is decided."""
    with use_case():
        application = _lock(application)
        _require_applicant(application, by)
        _require_next(application, State.WITHDRAWN)
        application.state = State.WITHDRAWN
        application.save(update_fields=["state"])
        audit.record("membership.withdraw", application, by=by)
    return application


# --- The reviewers --------------------------------------------------------------------------------


def begin_review(application: Application, *, by: User) -> Application:
    """Take a submitted application up. Raises NotPermitted, OwnRequest, WrongStep."""
    with use_case():
        application = _lock(application)
        require_reviewer(application, by)
        _require_next(application, State.UNDER_REVIEW, only_from=State.SUBMITTED)
        application.state = State.UNDER_REVIEW
        application.review_started_at = timezone.now()
        application.save(update_fields=["state", "review_started_at"])
        audit.record("membership.begin_review", application, by=by)
    return application


def request_information(application: Application, question: str, *, by: User) -> Application:
    """Ask the applicant something; the decision waits for the answer.

    Raises NotPermitted, OwnRequest, WrongStep, ReasonMissing.
    """
    with use_case():
        application = _lock(application)
        require_reviewer(application, by)
        _require_next(application, State.INFORMATION_WANTED)
        _require_reason(question)
        InformationRequest.objects.create(
            application=application,
            question=question.strip(),
            asked_by=by,
            asked_at=timezone.now(),
        )
        application.state = State.INFORMATION_WANTED
        application.save(update_fields=["state"])
        audit.record("membership.request_information", application, by=by, reason=question.strip())
        _tell_applicant(application, "membership_question", question=question.strip())
    return application


@inside_transaction
def approve(application: Application, *, by: User, reason: str = "") -> Application:
    """Approve: the organisation exists from now on, and the applicant has a seat in it.

    A part of `funding.dues.admission.admit`, which opens the term and bills it. Raises
    NotPermitted, OwnRequest, WrongStep.
    """
    application = _lock(application)
    require_reviewer(application, by)
    _require_next(application, State.APPROVED)
    organisation = application.organisation or organisations.create(
        legal_name=application.legal_name,
        public_name=application.public_name,
        kind=application.kind,
        constituency=application.constituency,
        country=application.country,
        website=application.website,
        description=application.description,
        by=by,
    )
    organisations.give_seat(
        organisation, application.applicant, organisations.vacant_roles(organisation)
    )
    application.organisation = organisation
    application.state = State.APPROVED
    application.decided_at = timezone.now()
    application.decided_by = by
    application.decision_reason = reason.strip()
    application.save(
        update_fields=["organisation", "state", "decided_at", "decided_by", "decision_reason"]
    )
    audit.record("membership.approve", application, by=by, reason=reason.strip())
    return application


def decline(application: Application, *, by: User, reason: str) -> Application:
    """Say no, with the reason that the applicant reads.

    Raises NotPermitted, OwnRequest, WrongStep, ReasonMissing; a refused attempt is recorded.
    """
    try:
        with use_case():
            application = _lock(application)
            require_reviewer(application, by)
            _require_next(application, State.DECLINED)
            _require_reason(reason)
            application.state = State.DECLINED
            application.decided_at = timezone.now()
            application.decided_by = by
            application.decision_reason = reason.strip()
            application.save(update_fields=["state", "decided_at", "decided_by", "decision_reason"])
            audit.record("membership.decline", application, by=by, reason=reason.strip())
            _tell_applicant(application, "membership_declined", reason=reason.strip())
    except Refusal as refusal:
        record_refused(application, "decline", refusal, by=by)
        raise
    return application


def record_refused(application: Application, attempt: str, refusal: Refusal, *, by: User) -> None:
    """Keep a decision that a rule refused in the audit log, in a transaction of its own."""
    with use_case(), override("en"):
        audit.record(
            "membership.refused",
            application,
            by=by,
            reason=str(refusal),
            attempt=attempt,
            rule=type(refusal).__name__,
        )


def promised_fee(application: Application) -> FeeRule:
    """What the term will cost: the fee in force on the day of submission, or today for a draft.

    The fee table may change while an application waits; the applicant pays what they were shown.
    Raises TierNotOffered.
    """
    on = timezone.localdate(application.submitted_at or timezone.now())
    return fees.fee_for(application.tier, application.kind, application.country, on)


# --- Rules that several verbs share ---------------------------------------------------------------


def require_reviewer(application: Application, by: User) -> None:
    """Raise NotPermitted or OwnRequest unless ``by`` may review this application."""
    if not by.has_perm(DECIDE):
        raise NotPermitted
    seats = application.organisation.seats.all() if application.organisation else None
    if application.applicant_id == by.pk or (seats and seats.filter(person=by).exists()):
        raise OwnRequest


def _lock(application: Application) -> Application:
    """The row as it stands now, held until the end of the transaction."""
    return (
        Application.objects.select_for_update(of=("self",))
        .select_related("tier", "applicant", "organisation")
        .get(pk=application.pk)
    )


def _require_next(
    application: Application, state: State, *, only_from: State | None = None
) -> None:
    allowed = state in NEXT[application.state]
    if not allowed or (only_from is not None and application.state != only_from):
        raise WrongStep(state=application.get_state_display())


def _require_applicant(application: Application, by: User) -> None:
    # Views load an application through its applicant, so nobody else gets here but by a mistake.
    if application.applicant_id != by.pk:
        raise PermissionDenied("Only the applicant may do this.")


def _require_reason(text: str) -> None:
    if not text.strip():
        raise ReasonMissing


def _tell_applicant(application: Application, template: str, **more: str) -> None:
    person = application.applicant
    language = person.preferred_language
    with override(language):
        due = application.answer_due_on
        enqueue_mail(
            template,
            to=person.email,
            language=language,
            context={
                "name": person.get_short_name(),
                "organisation": application.public_name,
                "path": path_in(language, "membership_application", application.public_id),
                "answer_due_on": formats.date_format(due) if due else "",
                **more,
            },
        )


def _tell_officers(application: Application, template: str) -> None:
    """Write to everybody who may decide by a group of theirs, but never to the applicant."""
    permission = Permission.objects.filter(
        codename="decide_application", content_type__app_label="membership"
    )
    officers = (
        User.objects.filter(
            Q(groups__permissions__in=permission) | Q(user_permissions__in=permission),
            is_active=True,
        )
        .exclude(pk=application.applicant_id)
        .distinct()
    )
    for officer in officers:
        with override(officer.preferred_language):
            country = application.country_name or gettext("unknown")
        enqueue_mail(
            template,
            to=officer.email,
            language=officer.preferred_language,
            context={
                "organisation": application.public_name,
                "country": country,
                "path": reverse("membership_applications:decide", args=[application.pk]),
            },
        )
