"""What applicants and their reviewers are owed by e-mail: word of each step, and of its answer.

An application that went on since needs no word of a step that lies behind it.
"""

import datetime
from collections.abc import Iterator
from functools import partial
from typing import Any

from django.db.models import Q

from core import audit
from core.mailing.expectations import Expected, day_of, to_person
from core.models import User
from membership.application_rules import (
    State,
    about_application,
    tell_applicant,
    tell_officers,
)
from membership.applications import tell_answered
from membership.models import Appeal, Application, Approval, InformationRequest, Share
from membership.reviewing import (
    appeal_template,
    tell_appeal_decided,
    tell_assigned,
    tell_declined,
    tell_question,
    tell_second_reviewers,
)
from membership.sharing import tell_shared
from membership.waiting import OPEN


def applicants(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """What applicants are owed of ``first`` to ``last``: that the application came, questions,
    declines and decisions on appeals. What an approval sends is a matter of dues."""
    rows = Application.objects.select_related("applicant")
    span = (first, last)
    for each in rows.filter(state__in=OPEN, submitted_at__date__range=span, appeal=None):
        send = partial(tell_applicant, each, "membership_submitted")
        yield _to_applicant(each, "membership_submitted", each.submitted_at, send)
    # An appeal that was set aside led to a second review, and to a decision that is owed anew.
    final = Q(appeal=None) | Q(appeal__outcome=Appeal.Outcome.SET_ASIDE)
    for each in rows.filter(final, state=State.DECLINED, decided_at__date__range=span):
        send = partial(tell_declined, each)
        yield _to_applicant(each, "membership_declined", each.decided_at, send)
    asked = InformationRequest.objects.select_related("application__applicant")
    for question in asked.filter(
        application__state=State.INFORMATION_WANTED, answered_at=None, asked_at__date__range=span
    ):
        each = question.application
        send = partial(tell_question, each, question)
        yield _to_applicant(each, "membership_question", question.asked_at, send, question.pk)
    appeals = Appeal.objects.select_related("application__applicant")
    for appeal in appeals.filter(decided_at__date__range=span):
        each = appeal.application
        if each.state != State.DECLINED and appeal.outcome == Appeal.Outcome.STANDS:
            continue
        if each.state not in OPEN and appeal.outcome == Appeal.Outcome.SET_ASIDE:
            continue
        send = partial(tell_appeal_decided, each, appeal)
        yield _to_applicant(each, appeal_template(appeal), appeal.decided_at, send)


def reviewers(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """What officers are owed: new applications, answers, appeals, and what was put into their
    hands or waits for a second of them."""
    span = (first, last)
    rows = Application.objects.filter(state=State.SUBMITTED, submitted_at__date__range=span)
    for each in rows:
        send = partial(tell_officers, each, "membership_to_review")
        yield _to_officers(each, "membership_to_review", each.submitted_at, send)
    answered = InformationRequest.objects.filter(
        application__state=State.UNDER_REVIEW, answered_at__date__range=span
    )
    for question in answered.select_related("application__assigned_to"):
        each = question.application
        send = partial(tell_answered, each, question)
        yield _to_officers(
            each, "membership_answered", question.answered_at, send, question.pk, each.assigned_to
        )
    approvals = Approval.objects.filter(
        application__state=State.UNDER_REVIEW, lapsed_at=None, at__date__range=span
    )
    for approval in approvals.select_related("application", "by"):
        each = approval.application
        send = partial(tell_second_reviewers, each, approval.by)
        yield _to_officers(each, "membership_second_review", approval.at, send)
    appeals = Appeal.objects.filter(outcome="", made_at__date__range=span)
    for appeal in appeals.select_related("application"):
        each = appeal.application
        send = partial(tell_officers, each, "membership_appealed")
        yield _to_officers(each, "membership_appealed", appeal.made_at, send)
    yield from _assigned(first, last)


def _assigned(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Who was given an application by somebody else, and still has it."""
    newest = {
        int(entry.object_id): entry
        for entry in audit.acts(Application, first, last, "membership.assign")
    }
    rows = Application.objects.filter(
        pk__in=newest, state__in=OPEN, assigned_to__is_active=True
    ).select_related("assigned_to")
    for each in rows:
        person, entry = each.assigned_to, newest[each.pk]
        if person is None or entry.user_id == person.pk or not entry.data.get("to"):
            continue
        send = partial(tell_assigned, each, person)
        yield _to_officers(each, "membership_assigned", entry.timestamp, send, person.pk, person)


def shares(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Drafts that were shared with a colleague who has not opened them."""
    rows = Share.objects.filter(
        application__state=State.DRAFT,
        opened_at=None,
        revoked_at=None,
        shared_at__date__range=(first, last),
    )
    for share in rows.select_related("application", "shared_by"):
        yield Expected(
            about=f"share:{share.pk}",
            template="membership_shared",
            to=share.email,
            language=share.shared_by.preferred_language,
            due_on=day_of(share.shared_at),
            send=partial(tell_shared, share),
        )


def _to_applicant(
    application: Application, template: str, at: Any, send: Any, key: int | None = None
) -> Expected:
    about = about_application(application, template, key)
    return to_person(application.applicant, about=about, template=template, at=at, send=send)


def _to_officers(
    application: Application,
    template: str,
    at: Any,
    send: Any,
    key: int | None = None,
    person: User | None = None,
) -> Expected:
    """To ``person``, or to every officer: then no one address stands for them."""
    return Expected(
        about=about_application(application, template, key),
        template=template,
        to=person.email if person else "",
        language=person.preferred_language if person else "",
        due_on=day_of(at),
        send=send,
    )
