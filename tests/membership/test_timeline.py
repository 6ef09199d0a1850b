"""Everything that happened to an organisation, on its page: for each reader what they may see."""

import datetime
import uuid

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone

from core import audit
from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from funding.dues import crediting
from funding.ledger.models import Pool
from membership import invitations, merging, seats, tasks, timeline
from membership.models import Organisation, Seat, Term
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
from tests.factories.tasks import free_task, make_doer
from tests.look.html import Document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]


@pytest.fixture
def term(foundation: Pool) -> Term:
    """The term of an organisation with a whole history."""
    term = paid_term()
    run_pending_jobs()
    return term


@pytest.fixture
def everyone() -> User:
    """Someone who may read all: treasurer and officer."""
    return make_staff(groups.MEMBERSHIP_OFFICERS, groups.TREASURERS)


def words(organisation: Organisation, reader: User, page: int = 1) -> list[str]:
    """What the timeline says, the newest first."""
    events = timeline.page_of(organisation, reader, page).events
    return [f"{event.words}: {event.about}" if event.about else event.words for event in events]


def test_it_tells_the_whole_story_the_newest_first(term: Term, everyone: User) -> None:
    doer = make_doer()
    task = term.tasks.order_by("due_on", "pk")[0]
    tasks.fulfil(task, by=doer, words="We met.")
    tasks.write_note(term.organisation, "They plan an upgrade.", by=doer)
    tasks.excuse(free_task(term.organisation, doer), "They called us.", by=doer)

    events = timeline.page_of(term.organisation, everyone, 1).events

    told = {event.words for event in events}
    assert {
        "Application submitted",
        "Review begun",
        "Agreement accepted",
        "Application approved",
        "Organisation created",
        "Term opened",
        "Invoice issued",
        "Dues paid",
        "Receipt issued",
        "Term settled",
        "Promised",
        "Task added",
        "Task done",
        "Task not done, with a reason",
        "Note",
    } <= told
    moments = [event.at for event in events]
    assert moments == sorted(moments, reverse=True)
    note = next(event for event in events if event.words == "Note")
    assert (note.detail, note.who) == ("They plan an upgrade.", str(doer))


def test_seats_and_invitations_name_the_person_and_say_why(everyone: User) -> None:
    organisation, contact = make_organisation(), make_person(first_name="Grace", last_name="Banda")
    a_seat(organisation, contact, "primary_contact")
    invitations.invite(
        organisation, "new@example.org", ["member"], by=contact, form_token=uuid.uuid4()
    )
    seat = a_seat(organisation, make_person(first_name="Ida", last_name="Gone"))
    seats.remove(seat, by=contact)

    told = words(organisation, everyone)

    assert told[:2] == [
        "E-mail: queued: membership_seat_removed",
        "Seat taken away: Ida Gone",
    ]
    assert "Invitation sent" in told
    assert not Seat.objects.filter(pk=seat.pk).exists()


def test_money_is_told_to_those_who_may_read_each_paper(term: Term, everyone: User) -> None:
    officer = make_staff(groups.MEMBERSHIP_OFFICERS)
    papers = {"Invoice issued", "Dues paid", "Receipt issued"}

    told = {event.words for event in timeline.page_of(term.organisation, everyone, 1).events}
    others = {event.words for event in timeline.page_of(term.organisation, officer, 1).events}

    assert papers <= told
    assert "Term settled" in others
    assert not papers & others


def test_a_credit_note_stands_in_it_with_its_reason(everyone: User, foundation: Pool) -> None:
    term = admitted_term()
    crediting.credit_invoice(
        invoice_of(term), by=everyone, reason="Billed by mistake.", then="cancel"
    )

    note, *__ = (
        event
        for event in timeline.page_of(term.organisation, everyone, 1).events
        if event.words == "Credit note issued"
    )
    assert (note.detail, note.url.startswith("/admin/")) == ("Billed by mistake.", True)


def test_who_has_a_seat_there_reads_neither_notes_nor_free_tasks(
    term: Term, everyone: User
) -> None:
    doer = make_doer()
    tasks.write_note(term.organisation, "They argue.", by=doer)
    free_task(term.organisation, doer, title="Ask about the bill")
    a_seat(term.organisation, everyone)

    page = timeline.page_of(term.organisation, everyone, 1)

    told = " ".join(f"{event.words} {event.about} {event.detail}" for event in page.events)
    assert "argue" not in told
    assert "the bill" not in told
    assert "Promised" in told


def test_a_right_that_lacks_hides_its_part(term: Term) -> None:
    tasks.write_note(term.organisation, "They argue.", by=make_doer())
    reader = may(make_person(), "view_organisation")

    told = set(words(term.organisation, reader))

    assert "Organisation created" in told
    for word in ("Note", "Application submitted", "Agreement accepted", "Term opened", "Promised"):
        assert not any(each.startswith(word) for each in told)


def test_a_draft_of_rejoining_is_its_applicants_own(term: Term, everyone: User) -> None:
    draft = draft_application()
    type(draft).objects.filter(pk=draft.pk).update(organisation=term.organisation)
    with use_case():
        audit.record("membership.share", draft, by=None)

    assert "Draft shared" not in " ".join(words(term.organisation, everyone))


def test_another_organisations_story_is_not_among_it(term: Term, everyone: User) -> None:
    other = make_organisation()

    assert words(other, everyone) == ["Organisation created"]


def test_one_that_was_merged_brings_its_story(term: Term, everyone: User) -> None:
    kept = make_organisation()
    before = set(words(term.organisation, everyone))

    merging.merge(
        kept, term.organisation, by=may(make_person(), "change_organisation"), reason="One body."
    )

    assert before <= set(words(kept, everyone)) | {"Organisation created"}
    assert "Organisations merged" in words(kept, everyone)


class TestPages:
    @pytest.fixture
    def long(self, foundation: Pool) -> Organisation:
        organisation, doer = make_organisation(), make_doer()
        for number in range(2 * timeline.PAGE):
            tasks.write_note(organisation, f"Note {number}.", by=doer)
        return organisation

    def test_they_hold_each_event_once(self, long: Organisation, everyone: User) -> None:
        pages = [timeline.page_of(long, everyone, number) for number in (1, 2, 3)]

        assert [len(page.events) for page in pages] == [timeline.PAGE, timeline.PAGE, 1]
        assert [page.older for page in pages] == [2, 3, None]
        assert [page.newer for page in pages] == [None, 1, 2]
        told = [event.detail for page in pages for event in page.events]
        assert len(set(told)) == 2 * timeline.PAGE + 1

    @pytest.mark.parametrize("page", ["0", "-1", "x", "4", "99999", "9" * 20, "²", ""])
    def test_a_page_that_is_none_is_no_error(
        self, client: Client, long: Organisation, everyone: User, page: str
    ) -> None:
        sign_in(client, everyone)
        address = reverse("membership_organisations:inspect", args=[long.pk])

        assert client.get(f"{address}?page={page}").status_code == 200


def test_its_length_costs_no_queries(client: Client, term: Term, everyone: User) -> None:
    sign_in(client, everyone)
    address = reverse("membership_organisations:inspect", args=[term.organisation_id])

    def queries() -> int:
        client.get(address)
        with CaptureQueriesContext(connection) as captured:
            assert client.get(address).status_code == 200
        return len(captured)

    short = queries()
    doer = make_doer()
    for number in range(30):
        person = make_person(first_name=f"Person {number}")
        a_seat(term.organisation, person)
        tasks.fulfil(free_task(term.organisation, doer), by=doer, words="Called.")
        free_task(term.organisation, doer, owner=doer)
        tasks.write_note(term.organisation, "They called.", by=doer)

    assert queries() <= short + 2  # tables that were empty before name what they hold


def test_the_page_escapes_what_people_wrote(client: Client, term: Term, everyone: User) -> None:
    tasks.write_note(term.organisation, "<script>alert(1)</script>", by=make_doer())
    sign_in(client, everyone)

    page = client.get(reverse("membership_organisations:inspect", args=[term.organisation_id]))

    text = page.content.decode()
    assert "<script>alert(1)" not in text
    assert "&lt;script&gt;alert(1)" in text
    assert "What happened" in Document(text).all("main")[0].text


def test_a_source_is_asked_once_however_often_it_registers(everyone: User) -> None:
    organisation = make_organisation()
    asked: list[timeline.Question] = []

    def source(question: timeline.Question) -> list[timeline.Event]:
        asked.append(question)
        at = timezone.now() + datetime.timedelta(days=1)
        return [timeline.Event(at=at, words="Something else")]

    timeline.register(source)
    timeline.register(source)
    try:
        assert words(organisation, everyone)[0] == "Something else"
    finally:
        timeline._sources.remove(source)
    assert len(asked) == 1
