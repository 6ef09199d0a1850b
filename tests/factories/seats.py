"""Organisations with people in them, and the ways to a seat."""

import re
import uuid
from typing import Any

from django.core import mail

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from membership import invitations, organisations
from membership.models import Invitation, Organisation, Seat
from tests.factories.membership import make_organisation
from tests.factories.pools import make_person


def a_seat(organisation: Organisation, person: User | None = None, *roles: str) -> Seat:
    with use_case():
        return organisations.give_seat(
            organisation, person or make_person(), [*(roles or ("member",))]
        )


def seated(*roles: str, **changes: Any) -> Seat:
    """The seat of the primary contact of an organisation of its own."""
    return a_seat(make_organisation(**changes), None, "primary_contact", *roles)


def invited(seat: Seat, email: str = "new@example.org", *roles: str) -> Invitation:
    """An invitation by the primary contact who has ``seat``."""
    return invitations.invite(
        seat.organisation, email, roles, by=seat.person, form_token=uuid.uuid4()
    )


def mails_to(email: str) -> list[str]:
    """Subject and text of every mail to ``email`` so far."""
    run_pending_jobs()
    return [
        f"{message.subject}\n{message.body}" for message in mail.outbox if message.to == [email]
    ]


def code_to(email: str = "new@example.org") -> str:
    """The code in the last invitation to ``email``."""
    found = re.search(r"^ +([A-Z2-9]{4}-[A-Z2-9]{4})$", mails_to(email)[-1], re.MULTILINE)
    assert found is not None
    return found.group(1)


def roles_of(person: User, organisation: Organisation) -> list[str] | None:
    seat = organisation.seats.filter(person=person).first()
    return seat.roles if seat else None
