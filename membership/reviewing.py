"""What the reviewers do with an application that was handed in. Each verb: lock, rule, write, log, job.

`approve` is a part of `funding.dues.admission.admit`, which opens the transaction and bills; the
other verbs are use cases of their own.
"""

from django.utils import formats, timezone
from django.utils.translation import override

from core import audit
from core.models import User
from core.refusals import Refusal
from core.transactions import inside_transaction, use_case
from membership import organisations
from membership.application_rules import (
    State,
    lock,
    officers,
    require_next,
    require_reason,
    tell_applicant,
    tell_officers,
)
from membership.models import (
    Appeal,
    Application,
    Approval,
    InformationRequest,
    Organisation,
    ReviewNote,
)
from membership.refusals import (
    AlreadyApproved,
    AnotherReviewer,
    HadPart,
    NoAppeal,
    NotPermitted,
    OthersAppeal,
    OwnRequest,
    SecondApproval,
    WrongStep,
)

DECIDE = "membership.decide_application"


def begin_review(application: Application, *, by: User) -> Application:
    """Take a submitted application up; it is in one's hands unless it is in another's. Raises NotPermitted, OwnRequest, WrongStep."""
    with use_case():
        application = lock(application)
        require_reviewer(application, by)
        require_next(application, State.UNDER_REVIEW, only_from=State.SUBMITTED)
        application.state = State.UNDER_REVIEW
        application.review_started_at = timezone.now()
        application.assigned_to = application.assigned_to or by
        application.save(update_fields=["state", "review_started_at", "assigned_to"])
        audit.record("membership.begin_review", application, by=by)
    return application


def request_information(application: Application, question: str, *, by: User) -> Application:
    """Ask the applicant something; the decision waits for the answer.

    Raises NotPermitted, OwnRequest, WrongStep, ReasonMissing.
    """
    with use_case():
        application = lock(application)
        require_reviewer(application, by)
        require_next(application, State.INFORMATION_WANTED)
        require_reason(question)
        asked = InformationRequest.objects.create(
            application=application,
            question=question.strip(),
            asked_by=by,
            asked_at=timezone.now(),
        )
        # Who said yes did so without what is asked now.
        application.approvals.filter(lapsed_at__isnull=True).update(lapsed_at=timezone.now())
        application.state = State.INFORMATION_WANTED
        application.save(update_fields=["state"])
        audit.record("membership.request_information", application, by=by, reason=question.strip())
        tell_question(application, asked)
    return application


@inside_transaction
def tell_question(application: Application, asked: InformationRequest) -> None:
    """Write to the applicant what the reviewers ask."""
    tell_applicant(application, "membership_question", key=asked.pk, question=asked.question)


@inside_transaction
def approve(application: Application, *, by: User, reason: str = "") -> Application:
    """Approve: the organisation exists from now on, and the applicant has a seat in it.

    A part of `funding.dues.admission.admit`, which opens the term and bills it. Raises
    NotPermitted, OwnRequest, WrongStep, OthersAppeal, and AnotherReviewer where the tier asks for
    two and nobody else has approved.
    """
    application = lock(application)
    require_reviewer(application, by)
    require_next(application, State.APPROVED)
    if is_first_of_two(application, by):
        raise AnotherReviewer
    _record_approval(application, by=by, reason=reason)
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
    _carry_registration(application, organisation)
    if application.currency and organisation.currency != application.currency:
        organisation.currency = application.currency
        organisation.save(update_fields=["currency"])
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


def _carry_registration(application: Application, organisation: Organisation) -> None:
    """What the applicant says of the registration; an organisation that has one keeps it."""
    if not application.registration_number or organisation.registration_number:
        return
    organisation.registration_agency = application.registration_agency
    organisation.registration_number = application.registration_number
    organisation.save(update_fields=["registration_agency", "registration_number"])


def decline(application: Application, *, by: User, reason: str) -> Application:
    """Say no, with the reason that the applicant reads.

    Raises NotPermitted, OwnRequest, WrongStep, ReasonMissing; a refused attempt is recorded.
    """
    try:
        with use_case():
            application = lock(application)
            require_reviewer(application, by)
            require_next(application, State.DECLINED)
            require_reason(reason)
            application.state = State.DECLINED
            application.decided_at = timezone.now()
            application.decided_by = by
            application.decision_reason = reason.strip()
            application.save(update_fields=["state", "decided_at", "decided_by", "decision_reason"])
            audit.record("membership.decline", application, by=by, reason=reason.strip())
            tell_declined(application)
    except Refusal as refusal:
        record_refused(application, "decline", refusal, by=by)
        raise
    return application


def is_first_of_two(application: Application, by: User) -> bool:
    """Whether the tier asks for two reviewers, and nobody but ``by`` has approved yet."""
    assert application.tier is not None
    others = application.approvals.filter(lapsed_at__isnull=True).exclude(by=by)
    return others.count() + 1 < application.tier.reviewers


def approve_first(application: Application, *, by: User, reason: str = "") -> Application:
    """The first of two approvals; the second officer's admits (`funding.dues.admission.admit`).

    Raises NotPermitted, OwnRequest, OthersAppeal, WrongStep, AlreadyApproved, and SecondApproval
    where a colleague's stands by now, so that this one would admit.
    """
    try:
        with use_case():
            application = lock(application)
            require_reviewer(application, by)
            require_next(application, State.APPROVED)
            if application.approvals.filter(lapsed_at__isnull=True, by=by).exists():
                raise AlreadyApproved
            if not is_first_of_two(application, by):
                raise SecondApproval
            _record_approval(application, by=by, reason=reason)
            audit.record("membership.approve_first", application, by=by, reason=reason.strip())
            tell_second_reviewers(application, by)
    except Refusal as refusal:
        record_refused(application, "approve_first", refusal, by=by)
        raise
    return application


@inside_transaction
def tell_second_reviewers(application: Application, first: User) -> None:
    """Write to the officers that one of them is wanted beside ``first``."""
    for officer in officers(application).exclude(pk=first.pk):
        tell_officers(application, "membership_second_review", only=officer)


def _record_approval(application: Application, *, by: User, reason: str) -> None:
    Approval.objects.get_or_create(
        application=application,
        by=by,
        lapsed_at=None,
        defaults={"at": timezone.now(), "reason": reason.strip()},
    )


def assign(application: Application, to: User | None, *, by: User) -> Application:
    """Put an application into somebody's hands, or into nobody's. Raises NotPermitted, OwnRequest
    (for either person), OthersAppeal, and WrongStep once it is decided."""
    with use_case():
        application = lock(application)
        require_reviewer(application, by)
        if to is not None:
            require_reviewer(application, to)
        if not application.is_open:
            raise WrongStep(state=application.get_state_display())
        if application.assigned_to_id == (to.pk if to else None):
            return application
        application.assigned_to = to
        application.save(update_fields=["assigned_to"])
        audit.record("membership.assign", application, by=by, to=str(to) if to else "")
        if to is not None and to != by:
            tell_assigned(application, to)
    return application


@inside_transaction
def tell_assigned(application: Application, to: User) -> None:
    """Write to ``to`` that it is in their hands."""
    tell_officers(application, "membership_assigned", only=to, key=to.pk)


def note(application: Application, text: str, *, by: User) -> ReviewNote:
    """Leave a word for the other reviewers. Raises NotPermitted, OwnRequest, ReasonMissing."""
    with use_case():
        application = lock(application)
        require_reviewer(application, by)
        require_reason(text)
        written = ReviewNote.objects.create(
            application=application, text=text.strip(), by=by, at=timezone.now()
        )
        audit.record("membership.note", application, by=by)
    return written


# --- Appeals --------------------------------------------------------------------------------------


def decide_appeal(
    application: Application, *, set_aside: bool, reason: str, by: User
) -> Application:
    """Let a decline stand, or set it aside: then the review begins anew, with other people.

    Raises NotPermitted, OwnRequest, HadPart, NoAppeal (also once it is decided), ReasonMissing;
    a refused attempt is recorded.
    """
    try:
        with use_case():
            application = lock(application)
            require_appeal_reviewer(application, by)
            appeal = Appeal.objects.select_for_update().filter(application=application).first()
            if appeal is None or appeal.outcome:
                raise NoAppeal
            require_reason(reason)
            appeal.outcome = Appeal.Outcome.SET_ASIDE if set_aside else Appeal.Outcome.STANDS
            appeal.decided_by = by
            appeal.decided_at = timezone.now()
            appeal.reason = reason.strip()
            appeal.save()
            if set_aside:
                _open_again(application)
            audit.record(
                "membership.decide_appeal",
                application,
                by=by,
                reason=reason.strip(),
                outcome=str(appeal.outcome),
            )
            tell_appeal_decided(application, appeal)
    except Refusal as refusal:
        record_refused(application, "decide_appeal", refusal, by=by)
        raise
    return application


@inside_transaction
def tell_appeal_decided(application: Application, appeal: Appeal) -> None:
    """Write to the applicant what became of the appeal, and why."""
    tell_applicant(application, appeal_template(appeal), reason=appeal.reason)


def appeal_template(appeal: Appeal) -> str:
    return f"membership_appeal_{appeal.outcome}"


def _open_again(application: Application) -> None:
    """The decline is gone, and so is what its reviewers had begun; the row of the appeal keeps it."""
    require_next(application, State.UNDER_REVIEW)
    application.approvals.filter(lapsed_at__isnull=True).update(lapsed_at=timezone.now())
    application.state = State.UNDER_REVIEW
    application.assigned_to = None
    application.decided_at = None
    application.decided_by = None
    application.decision_reason = ""
    application.save(
        update_fields=["state", "assigned_to", "decided_at", "decided_by", "decision_reason"]
    )


def require_appeal_reviewer(application: Application, by: User) -> None:
    """Raise NotPermitted, OwnRequest or HadPart unless ``by`` may decide an appeal in this case."""
    _require_officer(application, by)
    parts = (
        application.decided_by_id == by.pk,
        application.assigned_to_id == by.pk,
        application.approvals.filter(by=by).exists(),
        application.notes.filter(by=by).exists(),
        application.information_requests.filter(asked_by=by).exists(),
    )
    if any(parts):
        raise HadPart


@inside_transaction
def tell_declined(application: Application) -> None:
    """Write the decline with its reason, and until when there is an appeal."""
    until = application.appeal_until
    with override(application.applicant.preferred_language):
        day = formats.date_format(until) if until else ""
    tell_applicant(
        application,
        "membership_declined",
        reason=application.decision_reason,
        appeal_until=day,
    )


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


def require_reviewer(application: Application, by: User) -> None:
    """Raise NotPermitted, OwnRequest or OthersAppeal unless ``by`` may review this application."""
    _require_officer(application, by)
    if application.has_appeal and application.appeal.declined_by_id == by.pk:
        raise OthersAppeal


def _require_officer(application: Application, by: User) -> None:
    if not by.has_perm(DECIDE):
        raise NotPermitted
    seats = application.organisation.seats.all() if application.organisation else None
    if application.applicant_id == by.pk or (seats and seats.filter(person=by).exists()):
        raise OwnRequest
    # Who wrote the draft with the applicant judges their own words.
    if application.shares.filter(person=by).exists():
        raise OwnRequest
