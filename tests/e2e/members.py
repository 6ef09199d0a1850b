"""Members of the browser tests, made in the running demo's database, and days that pass for them.

Called through `manage.py shell` beside the running portal (`Demo.python`): the pages tell today's
date, so it is a term's own dates that are moved into the past before the daily job runs.
"""

import datetime
import uuid

from allauth.account.models import EmailAddress
from django.contrib.auth.models import Group
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.dues import admission, renewal
from membership import agreements, applications, reviewing
from membership.applications import Answers
from membership.models import Application, Organisation, Term, Tier
from portal import groups

PASSWORD = "eleven quiet lanterns"
OFFICER = "second.officer@example.org"


def account(email: str, name: str, *group: str) -> User:
    """Somebody who can sign in with PASSWORD."""
    given, _space, family = name.partition(" ")
    with use_case():
        person = User.objects.create_user(email, PASSWORD, first_name=given, last_name=family)
        person.groups.set(Group.objects.filter(name__in=group))
        EmailAddress.objects.create(user=person, email=email, verified=True, primary=True)
    return person


def second_officer() -> User:
    return account(OFFICER, "Olive Kamanga", groups.MEMBERSHIP_OFFICERS)


def applied(name: str, email: str) -> Application:
    """The submitted application of an implementer in Malawi, by somebody who can sign in."""
    person = account(email, "Pilirani Mbewe")
    draft = applications.start(
        Answers(
            legal_name=f"{name} Ltd",
            public_name=name,
            kind="implementer",
            country="MW",
            website="",
            description="Keeps stores supplied.",
            tier=Tier.objects.get(code="implementer"),
            constituency="implementer",
            ticked_versions=tuple(agreements.required_versions(timezone.localdate())),
            contact_name=str(person),
            contact_email=email,
            signatory_name=str(person),
            signatory_function="Director",
            may_bind=True,
        ),
        by=person,
        form_token=uuid.uuid4(),
    )
    return applications.submit(draft, by=person)


def admitted(name: str, email: str) -> None:
    """Admitted today; its dues are to be paid."""
    officer = User.objects.get(email="staff@example.org")
    admission.admit(reviewing.begin_review(applied(name, email), by=officer), by=officer)


def days_pass(name: str, days: int) -> None:
    """Make the terms of an organisation so much older, and let two mornings' daily job run.

    Its papers keep their days: nobody may change those.
    """
    organisation = Organisation.objects.get(public_name=name)
    by = datetime.timedelta(days=days)
    with use_case():
        # The older ones first, out of the way of the newer.
        for term in Term.objects.filter(organisation=organisation).order_by("starts_on"):
            for fact in ("starts_on", "ends_on", "settled_on", "cancelled_on"):
                if (day := getattr(term, fact)) is not None:
                    setattr(term, fact, day - by)
            term.save()
    renewal.run()
    renewal.run()
