"""What an applicant does: write, hand in, answer, withdraw. Each verb: lock, rule, write, log, job.

What the reviewers do stands in `membership.reviewing`, what both share in
`membership.application_rules`, and what a whole application has in `membership.drafts`.
"""

import dataclasses
import uuid
from dataclasses import dataclass
from typing import Any

from django.utils import timezone

from core import audit
from core.models import User
from core.transactions import inside_transaction, use_case
from membership import agreements, drafts, fees
from membership.application_rules import (
    State,
    lock,
    require_applicant,
    require_next,
    require_reason,
    tell_applicant,
    tell_officers,
)
from membership.models import (
    AgreementVersion,
    Appeal,
    Application,
    FeeRule,
    InformationRequest,
    Organisation,
    Tier,
)
from membership.refusals import (
    AlreadyAppealed,
    AppealTooLate,
    ApplicationIncomplete,
    SavedMeanwhile,
    TierClosed,
    WrongStep,
)
from membership.sharing import require_editor


@dataclass(frozen=True, slots=True)
class Answers:
    """What the applicant writes, in one step or in all. None: not asked, so it stays as it is."""

    legal_name: str | None = None
    public_name: str | None = None
    kind: str | None = None
    country: str | None = None
    registration_agency: str | None = None
    registration_number: str | None = None
    website: str | None = None
    description: str | None = None
    contact_name: str | None = None
    contact_email: str | None = None
    voting_name: str | None = None
    voting_email: str | None = None
    billing_name: str | None = None
    billing_email: str | None = None
    tier: Tier | None = None
    currency: str | None = None
    constituency: str | None = None
    ticked_versions: tuple[AgreementVersion, ...] | None = None
    signatory_name: str | None = None
    signatory_function: str | None = None
    may_bind: bool | None = None

    def given(self) -> dict[str, Any]:
        """What was asked, by its field."""
        values = {field.name: getattr(self, field.name) for field in dataclasses.fields(self)}
        return {name: value for name, value in values.items() if value is not None}


def start(
    answers: Answers, *, by: User, form_token: uuid.UUID, organisation: Organisation | None = None
) -> Application:
    """Keep the answers as a draft, of which ``by`` is the primary contact until they say otherwise.

    The same ``form_token`` again (a double click, or someone who went back in the browser and
    changed an answer) finds the first draft and puts the newer answers into it; what is submitted
    by then is returned as it is.
    """
    with use_case():
        application, __ = Application.objects.get_or_create(
            form_token=form_token,
            defaults={
                "applicant": by,
                "organisation": organisation,
                "contact_name": by.get_full_name()[:150],
                "contact_email": by.email,
            },
        )
        application = lock(application)
        require_applicant(application, by)
        if application.state == State.DRAFT:
            _write(application, answers, by=by)
    return application


def save_draft(
    application: Application, answers: Answers, *, by: User, version: int | None = None
) -> Application:
    """Put new answers into a draft.

    ``version`` is the application's as the form was opened. Raises WrongStep once it is submitted,
    and SavedMeanwhile where somebody has changed the same step since; the draft then stays as it is.
    """
    with use_case():
        application = lock(application)
        require_editor(application, by)
        if application.state != State.DRAFT:
            raise WrongStep(state=application.get_state_display())
        _write(application, answers, by=by, version=version)
    return application


@inside_transaction
def _write(
    application: Application, answers: Answers, *, by: User, version: int | None = None
) -> None:
    """Put what is new into the draft; what stands there already is no change."""
    new = {
        field: value
        for field, value in answers.given().items()
        if value != _kept(application, field)
    }
    if not new:
        return
    steps = {drafts.STEP_OF[field] for field in new}
    for saved, person in (application.step_versions.get(step, (1, by.pk)) for step in steps):
        # One's own earlier saving is no surprise: whoever goes back in the browser means it.
        if version is not None and saved > version and person != by.pk:
            raise SavedMeanwhile(person=User.objects.get(pk=person))
    ticked = new.pop("ticked_versions", None)
    for field, value in new.items():
        setattr(application, field, value)
    application.version += 1
    application.step_versions |= {str(step): [application.version, by.pk] for step in steps}
    application.save()
    if ticked is not None:
        application.ticked_versions.set(ticked)


def _kept(application: Application, field: str) -> Any:
    if field == "ticked_versions":
        return tuple(application.ticked_versions.order_by("pk"))
    return getattr(application, field)


def submit(application: Application, *, by: User) -> Application:
    """Hand the application in, with the agreements accepted in the versions in force now.

    Raises WrongStep, TierNotOffered (TierClosed), AgreementNotAccepted, NothingToAccept, and
    ApplicationIncomplete for whatever else `membership.drafts.problems` finds.
    """
    with use_case():
        application = lock(application)
        require_applicant(application, by)
        require_next(application, State.SUBMITTED)
        now = timezone.now()
        _require_whole(application)
        agreements.accept_for_application(application, by=by, at=now)
        application.state = State.SUBMITTED
        application.submitted_at = now
        application.save(update_fields=["state", "submitted_at"])
        audit.record("membership.submit", application, by=by)
        tell_applicant(application, "membership_submitted")
        tell_officers(application, "membership_to_review")
    return application


def _require_whole(application: Application) -> None:
    tier = application.tier
    if tier is not None and application.kind and application.country:
        if not tier.open_to_new:
            raise TierClosed(tier=tier)
        fees.fee_for(tier, application.kind, application.country, timezone.localdate())
    for problem in drafts.problems(application):
        # An agreement that is not ticked is refused in its own words, with its acceptance.
        if problem.field and not problem.field.startswith("accept_"):
            raise ApplicationIncomplete(words=problem.words)


def answer(application: Application, text: str, *, by: User) -> Application:
    """Answer the reviewers' question; the review goes on. Raises WrongStep, ReasonMissing."""
    with use_case():
        application = lock(application)
        require_applicant(application, by)
        question = application.open_question
        if question is None:
            raise WrongStep(state=application.get_state_display())
        require_next(application, State.UNDER_REVIEW)
        require_reason(text)
        question.answer = text.strip()
        question.answered_by = by
        question.answered_at = timezone.now()
        question.save()
        application.state = State.UNDER_REVIEW
        application.save(update_fields=["state"])
        audit.record("membership.answer", application, by=by)
        tell_answered(application, question)
    return application


@inside_transaction
def tell_answered(application: Application, question: InformationRequest) -> None:
    """Write to the reviewers that the applicant answered."""
    tell_officers(application, "membership_answered", only=application.assigned_to, key=question.pk)


def appeal(application: Application, text: str, *, by: User) -> Application:
    """Ask that somebody who had no part looks at a decline, within Application.APPEAL_DAYS.

    Raises WrongStep unless it is declined, AlreadyAppealed, AppealTooLate, ReasonMissing.
    """
    with use_case():
        application = lock(application)
        require_applicant(application, by)
        if application.state != State.DECLINED:
            raise WrongStep(state=application.get_state_display())
        until = application.appeal_until
        if until is None:
            raise AlreadyAppealed
        if timezone.localdate() > until:
            raise AppealTooLate
        require_reason(text)
        # What is declined has both: the database holds it to that.
        assert application.decided_by is not None
        assert application.decided_at is not None
        Appeal.objects.create(
            application=application,
            text=text.strip(),
            made_at=timezone.now(),
            declined_by=application.decided_by,
            declined_at=application.decided_at,
            declined_reason=application.decision_reason,
        )
        audit.record("membership.appeal", application, by=by)
        tell_officers(application, "membership_appealed")
    return application


def withdraw(application: Application, *, by: User) -> Application:
    """Take the application back. Raises WrongStep once it is decided."""
    with use_case():
        application = lock(application)
        require_applicant(application, by)
        require_next(application, State.WITHDRAWN)
        application.state = State.WITHDRAWN
        application.save(update_fields=["state"])
        audit.record("membership.withdraw", application, by=by)
    return application


def promised_fee(application: Application) -> FeeRule:
    """What the term will cost: the fee in force on the day of submission, or today for a draft.

    The fee table may change while an application waits; the applicant pays what they were shown.
    Raises TierNotOffered, and ApplicationIncomplete for a draft that does not say what it needs.
    """
    tier = application.tier
    if tier is None or not application.kind or not application.country:
        raise ApplicationIncomplete(words=drafts.MISSING["tier"])
    on = timezone.localdate(application.submitted_at or timezone.now())
    return fees.fee_for(
        tier, application.kind, application.country, on, currency=application.dues_currency
    )
