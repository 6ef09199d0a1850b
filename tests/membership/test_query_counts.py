"""No list of membership asks more of the database for more rows: 60 organisations (more than a page), then 360."""

import datetime
import uuid
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.mailing.models import DeadAddress, Delivery, MissingMessage
from core.models import User
from funding.ledger.models import Pool
from membership.models import (
    Acceptance,
    AgreementVersion,
    Application,
    Organisation,
    Seat,
    Task,
    Term,
    Tier,
    TierChange,
)
from portal import groups
from tests.factories.home import make_staff, sign_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
State = Application.State
PUBLIC = (
    "/members/",
    "/members/?name=body&page=2",
    "/members/?country=MW",
    "/members.json",
    "/members.csv",
    "/members/body-1/",
    "/members/voice/",
)
OFFICE = (
    "/admin/",
    "/admin/members/applications/",
    "/admin/members/applications/?waiting=nobody",
    "/admin/members/applications/?waiting=overdue&p=2",
    "/admin/members/organisations/",
    "/admin/members/organisations/?q=body",
    "/admin/members/organisations/?export=csv",
    "/admin/members/terms/",
    "/admin/members/terms/?p=2",
    "/admin/members/seats/",
    "/admin/members/seats/?export=csv",
    "/admin/members/tasks/",
    "/admin/members/tier-changes/",
    "/admin/members/tier-changes/?p=2",
    "/admin/members/acceptances/",
    "/admin/members/acceptances/?export=csv",
    "/admin/members/voting-register/",
    "/admin/members/voting-register/?export=csv",
    "/admin/members/reports/",
    "/admin/e-mails/log/",
    "/admin/e-mails/missing/",
    "/admin/e-mails/dead-addresses/",
)


def fill(first: int, last: int) -> None:
    """Organisations from one number to another, each with two people, a task, a term that was
    renewed and the application that it came by; and one application more that waits."""
    today, now = timezone.localdate(), timezone.now()
    tier = Tier.objects.get(code="implementer")
    numbers = range(first, last)
    people = User.objects.bulk_create(
        User(email=f"p{n}-{place}@example.org", first_name=f"P{n}")
        for n in numbers
        for place in "ab"
    )
    bodies = Organisation.objects.bulk_create(
        Organisation(
            legal_name=f"Body {n}", public_name=f"Body {n}", sort_key=f"body {n:04}",
            slug=f"body-{n}", kind="ngo", constituency="community",
            country="MW" if n % 2 else "ZM",
        )
        for n in numbers
    )  # fmt: skip
    Seat.objects.bulk_create(
        Seat(organisation=body, person=people[2 * place + more], roles=[role])
        for place, body in enumerate(bodies)
        for more, role in enumerate(("primary_contact", "voting_representative"))
    )
    common = {"fee": 0, "currency": "USD", "tier": tier}
    terms = Term.objects.bulk_create(
        Term(
            organisation=body, starts_on=today - datetime.timedelta(days=300),
            ends_on=today + datetime.timedelta(days=50), settled_on=today, **common,
        )
        for body in bodies
    )  # fmt: skip
    Term.objects.bulk_create(
        Term(
            organisation=term.organisation, renews=term,
            starts_on=term.ends_on + datetime.timedelta(days=1),
            ends_on=term.ends_on + datetime.timedelta(days=365), **common,
        )
        for term in terms
    )  # fmt: skip
    dearer = Tier.objects.exclude(pk=tier.pk).order_by("pk")[0]
    TierChange.objects.bulk_create(
        TierChange(term=term, old_tier=tier, new_tier=dearer, asked_by=people[2 * place])
        for place, term in enumerate(terms)
    )
    version = AgreementVersion.objects.filter(published_at__isnull=False).order_by("pk")[0]
    Acceptance.objects.bulk_create(
        Acceptance(
            version=version, organisation=body, person=people[2 * place],
            signatory_name="A", signatory_function="B", accepted_at=now,
        )
        for place, body in enumerate(bodies)
    )  # fmt: skip
    Delivery.objects.bulk_create(
        Delivery(
            template="dues_renewal", address=person.email, language="en",
            about=f"organisation:{bodies[place // 2].pk}", message_id=f"<{person.pk}@example.org>",
        )
        for place, person in enumerate(people)
    )  # fmt: skip
    MissingMessage.objects.bulk_create(
        MissingMessage(
            expectation="dues_renewal", about=f"term:{term.pk}", template="dues_renewal",
            address="a@example.org", language="en", due_on=today,
        )
        for term in terms
    )  # fmt: skip
    DeadAddress.objects.bulk_create(
        DeadAddress(address=person.email, why=DeadAddress.Why.values[0]) for person in people
    )
    Task.objects.bulk_create(
        Task(organisation=body, title="Call them", due_on=today) for body in bodies
    )
    Application.objects.bulk_create(
        Application(
            applicant=people[2 * place], organisation=body, form_token=uuid.uuid4(), tier=tier,
            legal_name=f"New {body}", public_name=f"New {body}", kind="ngo", country="MW",
            constituency="community", contact_name="A", contact_email="a@example.org",
            signatory_name="A", signatory_function="B", may_bind=True, state=State.SUBMITTED,
            submitted_at=now - datetime.timedelta(days=place),
        )
        for place, body in enumerate(bodies)
    )  # fmt: skip


def asked(client: Client, address: str) -> list[str]:
    """What a page asks once what a process keeps is kept."""
    client.get(address).getvalue()
    with CaptureQueriesContext(connection) as captured:
        answer = client.get(address)
        answer.getvalue()
    assert answer.status_code == 200, address
    return [str(query["sql"]) for query in captured.captured_queries]


def test_no_list_asks_more_for_more_organisations(foundation: Pool, client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    reader = Client()
    found: list[dict[str, list[str]]] = []
    for first, last in ((1, 61), (61, 361)):
        fill(first, last)
        of_page = {address: asked(reader, address) for address in PUBLIC}
        found.append(of_page | {address: asked(client, address) for address in OFFICE})
    few, many = found
    faults = [
        f"{address} asks {len(few[address])} times, then {len(many[address])}: {_more(few, many, address)}"
        for address in few
        if len(many[address]) != len(few[address])
    ]
    assert not faults, "\n".join(faults)
    # No page has a choice of all organisations: it would be longer than the list itself.
    for path in ("seats", "tasks"):
        nobody = client.get(f"/admin/members/{path}/", {"q": "nobody"}).content.decode()
        assert "Body 359" not in nobody
    import collections

    print(collections.Counter(q[:170] for q in max(many.values(), key=len)).most_common(12))
    assert max(len(asks) for asks in many.values()) < 40


def _more(few: Any, many: Any, address: str) -> list[str]:
    known = {sql[:80] for sql in few[address]}
    return [sql[:200] for sql in many[address] if sql[:80] not in known][:3]


def test_the_page_says_what_it_was_filled_with(foundation: Pool, client: Client) -> None:
    fill(1, 61)
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    assert "Body 1" in Client().get("/members/").content.decode()
    assert "Body" in client.get("/admin/members/terms/").content.decode()
    assert "New Body" in client.get("/admin/members/applications/").content.decode()
