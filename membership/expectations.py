"""What applicants are owed by e-mail: that we have the application, and the decision."""

import datetime
from collections.abc import Iterator
from functools import partial
from typing import Any

from core.mailing.expectations import Expected
from membership.application_rules import State, about_application, tell_applicant
from membership.models import Application
from membership.reviewing import tell_declined


def applications(first: datetime.date, last: datetime.date) -> Iterator[Expected]:
    """Applications submitted or declined from ``first`` to ``last``.

    What an approval sends is a matter of dues. One that is decided already needs no word that it
    came.
    """
    rows = Application.objects.select_related("applicant")
    waiting = (State.SUBMITTED, State.UNDER_REVIEW, State.INFORMATION_WANTED)
    for application in rows.filter(
        state__in=waiting, submitted_at__date__gte=first, submitted_at__date__lte=last
    ):
        assert application.submitted_at is not None
        send = partial(tell_applicant, application, "membership_submitted")
        yield _expected(application, "membership_submitted", application.submitted_at, send)
    for application in rows.filter(
        state=State.DECLINED, decided_at__date__gte=first, decided_at__date__lte=last
    ):
        assert application.decided_at is not None
        send = partial(tell_declined, application)
        yield _expected(application, "membership_declined", application.decided_at, send)


def _expected(
    application: Application, template: str, at: datetime.datetime, send: Any
) -> Expected:
    person = application.applicant
    return Expected(
        about=about_application(application, template),
        template=template,
        to=person.email,
        language=person.preferred_language,
        due_on=at.date(),
        send=send,
    )
