"""Free tasks and notes: among the officers, and for none who sits in the organisation."""

import datetime
import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, connection, transaction
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.models import User
from funding.dues import needs
from funding.ledger.models import Pool
from membership import merging, tasks
from membership.models import Benefit, Organisation, OrganisationNote, Task, TaskProof, Tier
from membership.models.benefits import officers
from membership.refusals import (
    NotAnOfficer,
    NothingWritten,
    NotPermitted,
    OrganisationMerged,
    OwnRequest,
    TaskClosed,
)
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import make_organisation, may
from tests.factories.pools import make_person
from tests.factories.seats import a_seat
from tests.factories.tasks import free_task, make_doer, only_benefit, settle, term_from
from tests.look.html import Document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
QUEUE = "/admin/members/tasks/"
PDF = b"%PDF-1.7 a list"


def a_pdf() -> SimpleUploadedFile:
    return SimpleUploadedFile("list.pdf", PDF)


def ago(days: int) -> datetime.date:
    return timezone.localdate() - datetime.timedelta(days=days)


class TestAdding:
    def test_the_same_form_sent_twice_makes_one(self) -> None:
        token, doer, organisation = uuid.uuid4(), make_doer(), make_organisation()

        first = free_task(organisation, doer, form_token=token)
        second = free_task(organisation, doer, form_token=token)

        assert first == second
        assert Task.objects.count() == 1

    def test_it_says_something_and_lies_with_an_officer(self) -> None:
        with pytest.raises(NothingWritten):
            free_task(title=" ")
        with pytest.raises(NotAnOfficer):
            free_task(owner=make_person())
        with pytest.raises(NotAnOfficer):
            free_task(owner=make_doer(is_active=False))
        assert Task.objects.count() == 0

    def test_nobody_adds_one_without_the_right_or_for_their_own_organisation(self) -> None:
        organisation, insider = make_organisation(), make_doer()
        a_seat(organisation, insider, "primary_contact")

        with pytest.raises(NotPermitted):
            free_task(organisation, may(make_person(), "view_task", "change_task"))
        with pytest.raises(OwnRequest):
            free_task(organisation, insider)

    def test_one_that_was_merged_takes_no_more_and_its_tasks_go_over(self) -> None:
        kept, gone = make_organisation(), make_organisation()
        task = free_task(gone)
        officer = may(make_doer(), "change_organisation")
        note = tasks.write_note(gone, "They moved.", by=officer)
        merging.merge(kept, gone, by=officer, reason="One body.")

        task.refresh_from_db()
        note.refresh_from_db()
        assert (task.organisation, note.organisation) == (kept, kept)
        with pytest.raises(OrganisationMerged):
            free_task(gone)
        with pytest.raises(OrganisationMerged):
            tasks.write_note(gone, "Too late.", by=officer)


class TestInWhoseHands:
    def test_it_is_taken_on_and_given_on(self) -> None:
        anna, ben = make_doer(), make_doer()
        task = free_task(by=anna)

        assert tasks.take_on(task, by=anna).owner == anna
        assert tasks.assign(task, ben, by=anna).owner == ben
        assert tasks.assign(task, None, by=ben).owner is None
        assert [
            (line.action, line.data["to"])
            for line in ModelLogEntry.objects.for_instance(task).order_by("pk")
        ][1:] == [
            ("membership.assign_task", str(anna)),
            ("membership.assign_task", str(ben)),
            ("membership.assign_task", ""),
        ]

    def test_a_closed_one_stays_where_it_is(self) -> None:
        doer = make_doer()
        task = free_task(by=doer)
        tasks.fulfil(task, by=doer, words="Called.")

        with pytest.raises(TaskClosed):
            tasks.take_on(task, by=doer)

    def test_one_that_is_needed_no_more_is_closed_with_words(self) -> None:
        doer = make_doer()
        task = free_task(by=doer)
        with pytest.raises(NothingWritten):
            tasks.excuse(task, "", by=doer)

        assert tasks.excuse(task, "They called us.", by=doer).outcome == "excused"


class TestNotes:
    def test_the_same_form_sent_twice_writes_one(self) -> None:
        token, doer, organisation = uuid.uuid4(), make_doer(), make_organisation()

        for __ in range(2):
            tasks.write_note(organisation, "They moved.", by=doer, form_token=token)

        assert OrganisationNote.objects.count() == 1

    def test_it_says_something(self) -> None:
        with pytest.raises(NothingWritten):
            tasks.write_note(make_organisation(), " ", by=make_doer())

    def test_its_words_stay_out_of_the_log(self) -> None:
        organisation = make_organisation()
        tasks.write_note(organisation, "They argue.", by=make_doer())

        line = ModelLogEntry.objects.for_instance(organisation).first()
        assert line is not None
        assert "argue" not in str(line.data)

    def test_who_has_a_seat_there_neither_writes_nor_reads_them(self) -> None:
        organisation, insider = make_organisation(), make_doer()
        a_seat(organisation, insider, "primary_contact")
        tasks.write_note(organisation, "They argue.", by=make_doer())

        with pytest.raises(OwnRequest):
            tasks.write_note(organisation, "We do not.", by=insider)
        assert not tasks.notes_for(insider, (organisation.pk,))
        assert tasks.notes_for(make_doer(), (organisation.pk,))


# --- The pages ------------------------------------------------------------------------------------


@pytest.fixture
def officer(client: Client, foundation: Pool) -> User:
    return sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))


def titles(client: Client, query: str = "") -> list[str]:
    """The tasks that the queue lists, from the top."""
    response = client.get(f"{QUEUE}{query}")
    assert response.status_code == 200
    return [task.title for task in response.context["object_list"]]


def said(response: Any) -> str:
    return " ".join(str(message) for message in response.context["messages"])


class TestTheQueue:
    @pytest.fixture
    def four(self, officer: User) -> Organisation:
        """One of mine that is late, one of nobody's, one of another's, and one that is done."""
        organisation = make_organisation(public_name="Shelf Body")
        other = make_doer()
        free_task(organisation, other, title="mine", owner=officer, due_on=ago(3))
        free_task(organisation, other, title="nobody's", due_on=ago(-20))
        free_task(None, other, title="theirs", owner=other, due_on=ago(-10))
        done = free_task(None, other, title="done", due_on=ago(10))
        tasks.fulfil(done, by=other, words="Called.")
        return organisation

    def test_open_ones_come_first_by_their_day(self, client: Client, four: Organisation) -> None:
        assert titles(client) == ["mine", "theirs", "nobody's", "done"]

    @pytest.mark.parametrize(
        ("query", "found"),
        [
            ("?which=mine", ["mine"]),
            ("?which=nobody", ["nobody's"]),
            ("?which=overdue", ["mine"]),
            ("?which=open", ["mine", "theirs", "nobody's"]),
            ("?which=done", ["done"]),
            ("?q=shelf", ["mine", "nobody's"]),
            ("?which=other", ["mine", "theirs", "nobody's", "done"]),
        ],
    )
    def test_filters(
        self, client: Client, four: Organisation, query: str, found: list[str]
    ) -> None:
        assert titles(client, query) == found

    def test_they_are_offered_before_any_is_chosen(
        self, client: Client, four: Organisation
    ) -> None:
        page = Document(client.get(QUEUE).content.decode())

        names = {each.attributes.get("name") for each in page.all("input") + page.all("select")}
        assert "which" in names
        # A choice of all organisations would be longer than the queue itself.
        assert "organisation" not in names

    def test_by_organisation_as_its_page_links_to_it(
        self, client: Client, four: Organisation
    ) -> None:
        assert titles(client, f"?organisation={four.pk}") == ["mine", "nobody's"]
        assert titles(client, f"?organisation={four.pk}&which=mine") == ["mine"]
        shown = client.get(QUEUE, {"organisation": four.pk})
        chosen = [each.value for each in shown.context["active_filters"]]
        assert chosen == [str(four)]
        without = shown.context["active_filters"][0].removed_filter_url
        assert len(client.get(without).context["object_list"]) == 4
        assert titles(client, f"?organisation={four.pk + 999}") == []

    @pytest.mark.parametrize("number", ["x", "-1", "9" * 30, "²", ""])
    def test_what_is_no_organisation_leaves_out_nothing(
        self, client: Client, four: Organisation, number: str
    ) -> None:
        assert len(titles(client, f"?organisation={number}")) == 4

    def test_ten_or_a_thousand_cost_the_same_queries(
        self,
        client: Client,
        officer: User,
    ) -> None:
        def more(count: int) -> None:
            for __ in range(3):
                organisation = make_organisation()
                Task.objects.bulk_create(
                    Task(organisation=organisation, title="Call", owner=officer, due_on=ago(number))
                    for number in range(count // 3 + 1)
                )

        def queries() -> int:
            client.get(QUEUE)  # what is read once in a process is read now
            with CaptureQueriesContext(connection) as captured:
                assert len(client.get(QUEUE).context["object_list"]) >= 10
            return len(captured)

        more(10)
        of_ten = queries()
        more(1000)

        assert queries() <= of_ten + 1  # the count of pages
        assert of_ten < 25

    def test_whoever_may_only_read_has_no_boxes(self, client: Client, four: Organisation) -> None:
        assert 'form="tasks-together"' in client.get(QUEUE).content.decode()
        browser = Client()
        sign_in(browser, make_staff(groups.AUDITORS))

        assert 'form="tasks-together"' not in browser.get(QUEUE).content.decode()

    def test_who_has_a_seat_there_sees_its_promises_alone(
        self, client: Client, four: Organisation, officer: User
    ) -> None:
        a_seat(four, officer, "primary_contact")

        assert titles(client) == ["theirs", "done"]

    def test_strangers_are_sent_away(self, client: Client, foundation: Pool) -> None:
        sign_in(client, make_staff(groups.EDITORS))

        assert client.get(QUEUE).status_code == 302
        assert client.post(f"{QUEUE}together/", {"act": "done"}).status_code in (302, 403)

    def test_a_spreadsheet_runs_no_formula(self, client: Client, officer: User) -> None:
        free_task(make_organisation(public_name="=1+1"), make_doer())

        rows = b"".join(client.get(f"{QUEUE}?export=csv").streaming_content)  # type: ignore[attr-defined]
        assert b"'=1+1" in rows


class TestTogether:
    def send(self, client: Client, *chosen: Task, **values: object) -> str:
        response = client.post(
            f"{QUEUE}together/",
            {"task": [task.pk for task in chosen], "came_from": "which=open", **values},
            follow=True,
        )
        assert response.redirect_chain == [(f"{QUEUE}?which=open", 302)]
        return said(response)

    def test_several_are_done_with_the_same_words(self, client: Client, officer: User) -> None:
        two = [free_task(), free_task()]

        said = self.send(client, *two, act="done", words="Called both.")

        assert "2 tasks are done" in said
        assert {(task.outcome, task.words) for task in Task.objects.all()} == {
            ("done", "Called both.")
        }

    def test_several_go_into_the_same_hands(self, client: Client, officer: User) -> None:
        two = [free_task(), free_task()]

        self.send(client, *two, act="assign", owner=officer.pk)

        assert {task.owner for task in Task.objects.all()} == {officer}

    def test_one_that_is_refused_keeps_no_other_from_being_done(
        self, client: Client, officer: User
    ) -> None:
        closed, open_one = free_task(), free_task()
        tasks.fulfil(closed, by=make_doer(), words="Called.")

        said = self.send(client, closed, open_one, act="done", words="Called again.")

        assert "1 task is done" in said
        assert "is closed already" in said
        closed.refresh_from_db()
        assert closed.words == "Called."

    def test_without_words_nothing_is_done(self, client: Client, officer: User) -> None:
        assert "Say how it was done" in self.send(client, free_task(), act="done")
        assert Task.objects.get().is_open

    @pytest.mark.parametrize("task", ["", "x", "-1", "99999999", "9" * 30, "²"])
    def test_a_choice_that_is_none_is_said(self, client: Client, officer: User, task: str) -> None:
        response = client.post(
            f"{QUEUE}together/", {"task": task, "act": "done", "words": "x"}, follow=True
        )
        assert "Choose at least one task" in said(response)

    def test_an_act_or_an_owner_that_is_none_does_nothing(
        self, client: Client, officer: User
    ) -> None:
        task = free_task()

        self.send(client, task, act="delete")
        self.send(client, task, act="assign", owner=make_person().pk)

        task.refresh_from_db()
        assert (task.is_open, task.owner) == (True, None)

    def test_it_is_posted_and_for_those_who_may(self, client: Client, officer: User) -> None:
        assert client.get(f"{QUEUE}together/").status_code == 405
        browser = Client()
        sign_in(browser, make_staff(groups.AUDITORS))
        task = free_task()

        browser.post(f"{QUEUE}together/", {"task": [task.pk], "act": "done", "words": "x"})

        assert Task.objects.get().is_open

    def test_ones_own_organisation_is_not_among_the_chosen(
        self, client: Client, officer: User
    ) -> None:
        task = free_task()
        a_seat(task.organisation, officer, "primary_contact")

        assert "Choose at least one" in self.send(client, task, act="done", words="Done.")
        assert Task.objects.get().is_open


class TestThePageOfOne:
    def test_taken_on_and_done_with_a_file(self, client: Client, officer: User) -> None:
        task = free_task()
        page = reverse("membership_tasks:inspect", args=[task.pk])

        client.post(page, {"act": "take"})
        client.post(page, {"act": "done", "words": "", "link": "", "file": a_pdf()})

        task.refresh_from_db()
        assert (task.owner, task.outcome) == (officer, "done")
        sent = client.get(reverse("membership_tasks:proof", args=[task.pk]))
        assert sent.content == PDF
        text = Document(client.get(page).content.decode()).all("main")[0].text
        assert "list.pdf" in text
        assert "Take it on" not in text

    def test_what_was_typed_stays_where_it_is_refused(self, client: Client, officer: User) -> None:
        task = free_task()
        page = reverse("membership_tasks:inspect", args=[task.pk])

        text = client.post(
            page, {"act": "done", "words": "Called.", "link": "javascript:alert(1)"}
        ).content.decode()

        assert "A link begins with https://" in text
        assert "Called." in text
        assert Task.objects.get().is_open

    def test_excused_and_given_on(self, client: Client, officer: User) -> None:
        task, other = free_task(), make_doer()
        page = reverse("membership_tasks:inspect", args=[task.pk])

        client.post(page, {"act": "assign", "owner": other.pk})
        assert "Write why it is not done" in client.post(page, {"act": "excuse"}).content.decode()
        client.post(page, {"act": "excuse", "reason": "They called us."})
        client.post(page, {"act": "nothing"})

        task.refresh_from_db()
        assert (task.owner, task.words) == (other, "They called us.")

    def test_one_closed_meanwhile_says_so(self, client: Client, officer: User) -> None:
        task = free_task()
        tasks.fulfil(task, by=make_doer(), words="Called.")

        response = client.post(
            reverse("membership_tasks:inspect", args=[task.pk]), {"act": "take"}, follow=True
        )

        assert "is closed already" in said(response)

    def test_auditors_read_it_and_do_nothing(self, client: Client, foundation: Pool) -> None:
        sign_in(client, make_staff(groups.AUDITORS))
        task = free_task()
        page = reverse("membership_tasks:inspect", args=[task.pk])

        assert "Mark as done" not in client.get(page).content.decode()
        client.post(page, {"act": "done", "words": "Done."})
        assert Task.objects.get().is_open

    def test_of_ones_own_organisation_it_is_not_there(self, client: Client, officer: User) -> None:
        task = free_task()
        TaskProof.objects.create(
            task=task, file_name="a.pdf", content_type="application/pdf", content=PDF, size=1
        )
        a_seat(task.organisation, officer, "primary_contact")

        for name in ("inspect", "proof"):
            address = reverse(f"membership_tasks:{name}", args=[task.pk])
            assert client.get(address).status_code == 404


class TestFromThePageOfAnOrganisation:
    def test_a_note_and_a_task_are_written(self, client: Client, officer: User) -> None:
        organisation = make_organisation()
        note = reverse("membership_organisations:note", args=[organisation.pk])
        task = reverse("membership_organisations:task", args=[organisation.pk])
        token = client.get(note).context["form"]["form_token"].value()

        for __ in range(2):
            client.post(note, {"form_token": token, "text": "They moved."})
        client.post(
            task,
            {
                "form_token": str(uuid.uuid4()),
                "title": "Send a card",
                "due_on": ago(-3).isoformat(),
                "owner": officer.pk,
            },
        )

        assert OrganisationNote.objects.get().by == officer
        assert Task.objects.get().owner == officer
        text = (
            Document(
                client.get(
                    reverse("membership_organisations:inspect", args=[organisation.pk])
                ).content.decode()
            )
            .all("main")[0]
            .text
        )
        assert "They moved." in text
        assert "Send a card" in text

    def test_the_forms_say_what_lacks(self, client: Client, officer: User) -> None:
        organisation = make_organisation()

        for name, words in (("note", "Write the note."), ("task", "Choose the day.")):
            address = reverse(f"membership_organisations:{name}", args=[organisation.pk])
            assert words in client.post(address, {"form_token": str(uuid.uuid4())}).content.decode()

    @pytest.mark.parametrize("name", ["note", "task"])
    def test_they_are_for_officers(self, client: Client, foundation: Pool, name: str) -> None:
        sign_in(client, make_staff(groups.AUDITORS))

        address = reverse(f"membership_organisations:{name}", args=[make_organisation().pk])
        assert client.get(address).status_code == 403


class TestWhatNeedsYou:
    def words(self, person: User) -> list[str]:
        return [need.words for need in needs.of_tasks(person) if need is not None]

    def test_an_officer_reads_what_is_late_due_soon_and_in_nobodys_hands(
        self, officer: User
    ) -> None:
        doer = make_doer()
        for owner, day in [
            (officer, ago(1)),
            (officer, ago(0)),
            (officer, ago(-7)),
            (officer, ago(-8)),
            (doer, ago(1)),
            (None, ago(-7)),
            (None, ago(-8)),
        ]:
            free_task(by=doer, owner=owner, due_on=day)

        assert self.words(officer) == [
            "1 task of yours is overdue",
            "2 tasks of yours are due within a week",
            "Membership officers: 1 task that is due within a week or overdue is in nobody’s hands",
        ]

    @pytest.mark.parametrize("how", ["account closed", "right taken", "only a superuser now"])
    def test_what_somebody_had_in_hand_who_left_is_the_officers(
        self, officer: User, how: str
    ) -> None:
        gone = make_doer()
        task = free_task(owner=gone, due_on=ago(1))
        if how == "account closed":
            User.objects.filter(pk=gone.pk).update(is_active=False)
        else:
            gone.user_permissions.clear()
            User.objects.filter(pk=gone.pk).update(is_superuser=how.startswith("only"))
        left = how != "only a superuser now"
        of_group = "Membership officers: 1 task"

        assert [word.startswith(of_group) for word in self.words(officer)] == [True] * left
        assert tasks.take_from_leavers() == left
        task.refresh_from_db()
        assert task.owner == (None if left else gone)
        assert tasks.take_from_leavers() == 0
        assert len(self.words(officer)) == left

    def test_what_is_closed_stays_with_whoever_did_it(self, officer: User) -> None:
        gone = make_doer()
        task = free_task(owner=gone)
        tasks.fulfil(task, by=gone, words="Called.")
        User.objects.filter(pk=gone.pk).update(is_active=False)
        assert tasks.take_from_leavers() == 0

    def test_a_promise_is_its_benefits_groups(self, client: Client, officer: User) -> None:
        team = Group.objects.create(name="100% trainers")
        only_benefit(group=team, days=3)
        term = settle(term_from(ago(9)))
        run_pending_jobs()
        (task,) = term.tasks.all()
        assert task.hands == "100% trainers"
        assert self.words(officer) == [
            "100% trainers: 1 task that is due within a week or overdue is in nobody’s hands"
        ]
        page = client.get("/admin/members/tasks/").content.decode()
        assert "100% trainers" in page
        tasks.take_on(task, by=officer)
        assert self.words(officer) == ["1 task of yours is due within a week"]

    def test_others_read_nothing(self, foundation: Pool) -> None:
        free_task(due_on=ago(1))

        assert self.words(make_staff(groups.AUDITORS)) == []


class TestKeepingTheLists:
    NEW = "/admin/members/benefits/new/"

    def typed(self, **changes: Any) -> dict[str, Any]:
        return {
            "tier": Tier.objects.get(code="country").pk,
            "name": "A training day",
            "kind": "service",
            "days": "30",
            "repeats": "yearly",
            "position": "5",
            "offered": "on",
            "offered_from": ago(0).isoformat(),
            "group": officers(),
            **changes,
        }

    def test_a_line_without_a_group_is_refused(self, client: Client, officer: User) -> None:
        client.post(self.NEW, self.typed(group=""))
        assert not Benefit.objects.filter(name="A training day").exists()

    def test_a_group_that_does_no_tasks_is_not_to_choose(
        self, client: Client, officer: User
    ) -> None:
        others = Group.objects.get_or_create(name="Editors")[0]
        client.post(self.NEW, self.typed(group=others.pk))
        assert not Benefit.objects.filter(name="A training day").exists()

    def test_the_database_keeps_no_benefit_without_a_group(self, foundation: Pool) -> None:
        with pytest.raises(IntegrityError), transaction.atomic():
            Benefit.objects.update(group=None)

    def test_an_officer_adds_and_takes_off_a_line(self, client: Client, officer: User) -> None:
        client.post(self.NEW, self.typed(owner=officer.pk))

        benefit = Benefit.objects.get(name="A training day")
        assert (benefit.owner, benefit.days) == (officer, 30)
        address = reverse("membership_benefits:edit", args=[benefit.pk])
        typed = self.typed()
        del typed["offered"]
        client.post(address, typed)

        benefit.refresh_from_db()
        assert benefit.offered is False

    @pytest.mark.parametrize(
        ("changes", "words"),
        [
            ({"days": ""}, "needs its days"),
            ({"kind": "right"}, "A right has none"),
            ({"days": "400"}, "366 at most"),
            (
                {"name": "One vote in the constituency, whatever the fee"},
                "has this benefit already",
            ),
        ],
    )
    def test_a_line_that_is_not_whole_is_refused_in_words(
        self, client: Client, officer: User, changes: dict[str, str], words: str
    ) -> None:
        before = Benefit.objects.count()

        page = client.post(self.NEW, self.typed(**changes)).content.decode()

        assert words in page
        assert Benefit.objects.count() == before

    def test_a_member_is_nobody_to_do_it(self, client: Client, officer: User) -> None:
        client.post(self.NEW, self.typed(owner=make_person().pk))

        assert not Benefit.objects.filter(name="A training day").exists()

    def test_auditors_read_the_lists_and_change_nothing(
        self, client: Client, foundation: Pool
    ) -> None:
        sign_in(client, make_staff(groups.AUDITORS))

        assert client.get("/admin/members/benefits/").status_code == 200
        client.post(self.NEW, self.typed())
        assert not Benefit.objects.filter(name="A training day").exists()
