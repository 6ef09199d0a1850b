"""The e-mails about an organisation in its timeline: which, when, to whom, and what became of it."""

import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.mail import enqueue_mail, enqueue_test
from core.mailing.models import Delivery
from core.models import User
from core.transactions import use_case
from funding.dues import crediting
from funding.ledger.models import Pool
from membership import invitations, merging, timeline, timeline_mails
from membership.models import Organisation, Term
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    admitted_term,
    draft_application,
    invoice_of,
    make_organisation,
    may,
    paid_term,
)
from tests.factories.pools import make_person
from tests.factories.seats import a_seat

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]


@pytest.fixture
def term(foundation: Pool) -> Term:
    term = paid_term()
    run_pending_jobs()
    return term


@pytest.fixture
def everyone() -> User:
    return make_staff(groups.MEMBERSHIP_OFFICERS, groups.TREASURERS)


def mails(organisation: Organisation, reader: User) -> list[timeline.Event]:
    events = timeline.page_of(organisation, reader, 1).events
    return [event for event in events if event.words.startswith("E-mail: ")]


def send(about: str, template: str = "dues_lapsed", to: str = "amina@example.org") -> Delivery:
    with use_case():
        return enqueue_mail(template, to, "en", {"organisation": "X"}, about=about)


def test_each_mail_of_joining_and_paying_stands_in_it(term: Term, everyone: User) -> None:
    found = mails(term.organisation, everyone)

    assert {event.about for event in found} >= {
        "membership_submitted",
        "dues_invoice",
        "payments_receipt",
    }
    assert len(found) == Delivery.objects.exclude(about="").count() > 3
    invoice = next(event for event in found if event.about == "dues_invoice")
    row = Delivery.objects.filter(template="dues_invoice").latest("pk")
    assert (invoice.words, invoice.at) == ("E-mail: sent", row.queued_at)
    assert invoice.detail == f"to {row.address}"
    assert invoice.url == reverse("mail_log:inspect", args=[row.pk])


@pytest.mark.parametrize(
    "state, words",
    [
        ({}, "queued"),
        ({"sent_at": timezone.now()}, "sent"),
        ({"failed_at": timezone.now()}, "failed"),
        ({"sent_at": timezone.now(), "bounced_at": timezone.now()}, "bounced"),
        ({"held_at": timezone.now(), "held_as": "dead"}, "withheld: the address is dead"),
    ],
)
def test_it_says_what_became_of_it(everyone: User, state: dict[str, object], words: str) -> None:
    organisation = make_organisation()
    row = send(f"organisation:{organisation.pk}/membership_seat_left")
    Delivery.objects.filter(pk=row.pk).update(**state)

    (event,) = mails(organisation, everyone)

    assert event.words == f"E-mail: {words}"


def test_seats_and_invitations_are_about_the_organisation(everyone: User) -> None:
    organisation, contact = make_organisation(), make_person()
    a_seat(organisation, contact, "primary_contact")
    invitations.invite(
        organisation, "new@example.org", ["member"], by=contact, form_token=uuid.uuid4()
    )
    send(f"agreement:1/{organisation.pk}9", "membership_agreement")
    assert [event.about for event in mails(organisation, everyone)] == [
        "membership_seat_invitation"
    ]


def test_a_credit_note_of_an_invoice_is_about_it(everyone: User, foundation: Pool) -> None:
    term = admitted_term()
    crediting.credit_invoice(
        invoice_of(term), by=everyone, reason="Billed by mistake.", then="cancel"
    )
    told = {event.about for event in mails(term.organisation, everyone)}
    assert "payments_credit_note" in told


def test_another_organisations_and_a_number_that_begins_alike_are_not_among_it(
    everyone: User,
) -> None:
    organisation = make_organisation()
    send(f"organisation:{organisation.pk}1/membership_seat_left")
    send(f"organisation:{organisation.pk}1")
    send(f"term:{organisation.pk}/lapsed")
    send("")
    assert mails(organisation, everyone) == []
    send(f"organisation:{organisation.pk}")
    assert len(mails(organisation, everyone)) == 1


def test_a_test_of_a_text_is_no_part_of_anybodys_story(everyone: User) -> None:
    organisation = make_organisation()
    with use_case():
        row = enqueue_test("dues_lapsed", "officer@example.org", "en")
    Delivery.objects.filter(pk=row.pk).update(about=f"organisation:{organisation.pk}")
    assert mails(organisation, everyone) == []


def test_a_draft_of_rejoining_is_its_applicants_own(term: Term, everyone: User) -> None:
    draft = draft_application()
    type(draft).objects.filter(pk=draft.pk).update(organisation=term.organisation)
    before = len(mails(term.organisation, everyone))
    send(f"application:{draft.pk}/share", "membership_shared")
    assert len(mails(term.organisation, everyone)) == before


def test_one_that_was_merged_brings_its_mails(term: Term, everyone: User) -> None:
    before, kept = len(mails(term.organisation, everyone)), make_organisation()
    merging.merge(
        kept, term.organisation, by=may(make_person(), "change_organisation"), reason="One body."
    )
    assert len(mails(kept, everyone)) >= before > 3


# --- Who sees what --------------------------------------------------------------------------------


def test_who_may_not_read_the_papers_is_not_told_of_their_mails(term: Term) -> None:
    officer = make_staff(groups.MEMBERSHIP_OFFICERS)
    told = {event.about for event in mails(term.organisation, officer)}
    assert "payments_receipt" not in told
    assert any(name.startswith("membership_") for name in told)


def test_the_address_is_for_those_alone_who_may_read_the_log(term: Term) -> None:
    reader = may(make_person(), "view_organisation", "view_term", "view_application")
    found = mails(term.organisation, reader)
    assert found
    assert {(event.detail, event.url) for event in found} == {("", "")}
    officer = make_staff(groups.MEMBERSHIP_OFFICERS)
    assert all("@" in event.detail for event in mails(term.organisation, officer))


def test_an_erased_address_leaves_the_fact(everyone: User) -> None:
    organisation = make_organisation()
    row = send(f"organisation:{organisation.pk}")
    Delivery.objects.filter(pk=row.pk).update(address="")
    (event,) = mails(organisation, everyone)
    assert (event.about, event.detail) == ("dues_lapsed", "")


# --- What it costs --------------------------------------------------------------------------------


def test_its_length_costs_no_queries(client: Client, term: Term, everyone: User) -> None:
    sign_in(client, everyone)
    address = reverse("membership_organisations:inspect", args=[term.organisation_id])

    def queries() -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    short = queries()
    for number in range(30):
        send(f"term:{term.pk}/{number}", to=f"person{number}@example.org")
        send(f"organisation:{term.organisation_id}/{number}")
    assert queries() == short
    assert "E-mail: queued" in client.get(address).content.decode()


def test_the_log_is_read_by_its_index(term: Term, everyone: User) -> None:
    with CaptureQueriesContext(connection) as captured:
        mails(term.organisation, everyone)
    read = next(
        query["sql"]
        for query in captured
        if "core_delivery" in query["sql"] and "ORDER BY" in query["sql"]
    )
    with connection.cursor() as cursor:
        # Few rows would be read one by one; the question is whether many need not be.
        # Nor by the index of their days, which few rows may make look as good.
        cursor.execute("SET LOCAL enable_seqscan = off; SET LOCAL enable_indexscan = off")
        cursor.execute(f"EXPLAIN {read}")
        plan = "\n".join(line for (line,) in cursor.fetchall())
    assert "Seq Scan" not in plan
    assert "Index Cond: (((about)::text ~>=~ '" in plan


def test_a_package_is_asked_once_however_often_it_registers(everyone: User) -> None:
    organisation = make_organisation()
    asked = []

    def subjects(question: timeline.Question) -> list[str]:
        asked.append(question)
        return ["other:1"]

    send("other:1/x")
    timeline_mails.register(subjects)
    timeline_mails.register(subjects)
    try:
        assert len(mails(organisation, everyone)) == 1
    finally:
        timeline_mails._subjects.remove(subjects)
    assert len(asked) == 1
