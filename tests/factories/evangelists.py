"""Evangelists, nominations and messages for tests."""

import datetime
import re
import uuid
from typing import Any

from allauth.account.models import EmailAddress
from django.core import mail
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.models import User
from home.evangelists import contact, nominating, seeds
from home.evangelists.contact import Letter
from home.evangelists.nominating import Offer
from home.evangelists.terms import in_force
from home.models import (
    Activity,
    Confirmation,
    ContactMessage,
    Evangelist,
    EvangelistPage,
    Nomination,
)
from tests.factories.home import EvangelistFactory, PersonFactory

TODAY = datetime.date(2026, 11, 28)


def a_person(email: str = "", **values: Any) -> User:
    """Somebody with an account whose address is confirmed."""
    person: User = PersonFactory(**({"email": email} if email else {}), **values)
    EmailAddress.objects.create(user=person, email=person.email, verified=True, primary=True)
    return person


def serving(*, days: tuple[datetime.date, ...] | None = None, **values: Any) -> EvangelistPage:
    """The published page of an evangelist with an account, confirmed on these days (today)."""
    values.setdefault("person", a_person())
    page: EvangelistPage = EvangelistFactory(**values)
    if days is not None:
        assert page.evangelist is not None
        page.evangelist.confirmations.all().delete()
        for day in days:
            Confirmation.objects.create(evangelist=page.evangelist, counts_from=day)
    return page


def evangelist_of(page: EvangelistPage) -> Evangelist:
    assert page.evangelist is not None
    return page.evangelist


def terms_version() -> int:
    """The terms in force, published where there are none."""
    seeds.load(valid_from=datetime.date(2026, 1, 1))
    version = in_force()
    assert version is not None
    return version.pk


def nominated(by: User, email: str = "new@example.org", **values: Any) -> Nomination:
    offer = {
        "name": "Nomsa Example",
        "email": email,
        "level": "country",
        "reason": "Trained forty stores.",
        "language": "en",
        **values,
    }
    return nominating.nominate(Offer(**offer), by=by, form_token=uuid.uuid4())


def an_activity(page: EvangelistPage, **values: Any) -> Activity:
    return Activity.objects.create(
        **{
            "evangelist": evangelist_of(page),
            "kind": "talk",
            "held_on": timezone.localdate(),
            "title": f"Talk {Activity.objects.count()}",
            "country": "MW",
            "language": "en",
            "reached": 10,
            "level": page.level,
            **values,
        }
    )


def written_to(page: EvangelistPage, email: str = "reader@example.org") -> ContactMessage:
    letter = Letter("Rita Reader", email, "Can you speak in May?", "en")
    return contact.write(evangelist_of(page), letter, form_token=uuid.uuid4())


def letters_to(email: str) -> list[Any]:
    """What was sent to an address by now."""
    run_pending_jobs()
    return [message for message in mail.outbox if email in message.to]


def code_in(letter: Any) -> str:
    found = re.search(r"[A-Z2-9]{4}-[A-Z2-9]{4}", letter.body)
    assert found is not None
    return found.group()
