"""What a tier promises becomes a task of each member, once, and ends with the term."""

import datetime

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone, translation
from wagtail.models import ModelLogEntry

from core import uploads
from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from membership import benefits, jobs, seeds, tasks, terms
from membership.models import Benefit, Organisation, Task, Term, Tier
from membership.refusals import (
    LinkNotOfTheWeb,
    NotPermitted,
    OwnRequest,
    ProofMissing,
    ReasonMissing,
    TaskClosed,
)
from tests.factories.membership import MINISTRY, admitted_term, make_officer, open_term, paid_term
from tests.factories.pools import make_person
from tests.factories.seats import a_seat
from tests.factories.tasks import (
    free_task,
    make_benefit,
    make_doer,
    only_benefit,
    settle,
    term_from,
)
from tests.look.html import Document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation")]
PDF = b"%PDF-1.7 a certificate of attendance"


def ago(days: int) -> datetime.date:
    return timezone.localdate() - datetime.timedelta(days=days)


def promised(term: Term) -> list[tuple[str, datetime.date, str]]:
    run_pending_jobs()
    return [(task.title, task.due_on, task.outcome) for task in term.tasks.order_by("due_on", "pk")]


def cancel(term: Term, on: datetime.date) -> None:
    with use_case():
        terms.cancel(term, on=on, by=make_officer(), reason="They left.")


class TestWhenTheTermBeginsToCount:
    def test_nothing_is_promised_before_the_dues_arrive(self) -> None:
        term = admitted_term()

        assert promised(term) == []

    def test_a_payment_makes_a_task_for_all_that_is_done_and_none_for_rights(self) -> None:
        term = paid_term()

        services = Benefit.objects.filter(tier=term.tier, kind="service")
        assert services.count() == 3
        assert {task[0] for task in promised(term)} == {each.name for each in services}

    def test_a_waiver_does_as_well(self) -> None:
        assert len(promised(admitted_term(**MINISTRY))) == 3

    def test_the_days_run_from_the_later_of_payment_and_first_day(self) -> None:
        only_benefit(offered_from=ago(400))
        late = settle(term_from(ago(30)), on=ago(20))
        ahead = settle(term_from(ago(-40)), on=ago(2))

        assert promised(late) == [("A training day", ago(10), "")]
        assert promised(ahead) == [("A training day", ago(-50), "")]

    def test_for_a_member_that_was_there_before_they_run_from_the_day_of_the_list(self) -> None:
        term = settle(term_from(ago(100)), on=ago(100))
        run_pending_jobs()
        only_benefit_of_today = make_benefit(name="Something new")

        assert benefits.catch_up() == 1
        assert term.tasks.get(benefit=only_benefit_of_today).due_on == ago(-10)

    def test_the_words_stay_as_they_were_promised(self) -> None:
        benefit = only_benefit(name_fr="Un jour de formation")
        term = settle(term_from(ago(1)))
        run_pending_jobs()
        Benefit.objects.filter(pk=benefit.pk).update(name="Half a day", name_fr="")
        benefits.catch_up()

        task = term.tasks.get()
        with translation.override("fr"):
            assert str(task) == "Un jour de formation"
        assert str(task) == "A training day"

    def test_whoever_does_it_by_default_has_it_in_hand_unless_their_account_is_closed(self) -> None:
        doer, gone = make_doer(), make_doer(is_active=False)
        only_benefit(owner=doer)
        make_benefit(name="A review", owner=gone, days=20)
        term = settle(term_from(ago(1)))
        run_pending_jobs()

        assert [task.owner for task in term.tasks.order_by("due_on")] == [doer, None]

    def test_whoever_may_do_tasks_no_more_gets_none_and_the_officers_have_it(self) -> None:
        doer = make_doer()
        only_benefit(owner=doer)
        doer.user_permissions.clear()
        term = settle(term_from(ago(1)))
        run_pending_jobs()

        task = term.tasks.get()
        assert (task.owner, task.hands) == (None, "Membership officers")

    def test_what_is_offered_no_more_or_not_yet_is_not_promised(self) -> None:
        only_benefit(offered=False)
        make_benefit(name="Later", offered_from=ago(-1))

        assert promised(settle(term_from(ago(1)))) == []
        assert benefits.catch_up() == 0
        assert benefits.catch_up(ago(-1)) == 1

    def test_a_term_that_is_over_is_promised_nothing(self) -> None:
        assert promised(settle(term_from(ago(400)), on=ago(400))) == []
        assert benefits.catch_up() == 0

    def test_a_payment_after_the_grace_promises_nothing(self) -> None:
        assert promised(settle(term_from(ago(400)), on=ago(1))) == []


class TestOnce:
    def test_however_often_it_runs(self) -> None:
        term = paid_term()
        before = promised(term)

        assert benefits.keep_promises(term.pk) == 0
        assert benefits.catch_up() == 0
        assert promised(term) == before

    def test_the_database_refuses_a_second_task_of_a_promise(self) -> None:
        task = self._a_task()

        with pytest.raises(IntegrityError, match="task_once_per_promise"), transaction.atomic():
            Task.objects.create(
                organisation=task.organisation,
                term=task.term,
                benefit=task.benefit,
                title="again",
                due_on=ago(0),
            )

    def _a_task(self) -> Task:
        only_benefit()
        term = settle(term_from(ago(1)))
        run_pending_jobs()
        return term.tasks.get()

    def test_a_renewal_is_promised_what_is_yearly_and_not_what_is_once(self) -> None:
        only_benefit(repeats="once")
        make_benefit(name="A review", days=60)
        first = term_from(ago(364))
        free_task(first.organisation, title="A training day")  # the same words, and no promise
        settle(first, on=ago(364))
        second = settle(term_from(ago(-1), first.organisation), on=ago(0))

        assert [task[0] for task in promised(first)] == ["A training day", "A review"]
        assert [task[0] for task in promised(second)] == ["A review"]
        assert benefits.catch_up() == 0


class TestWhenTheTermEnds:
    def test_a_cancellation_of_today_ends_what_is_open(self) -> None:
        only_benefit()
        make_benefit(name="A review", days=60)
        term = settle(term_from(ago(5)))
        run_pending_jobs()
        tasks.fulfil(term.tasks.get(title="A training day"), by=make_doer(), words="Held.")

        cancel(term, ago(0))

        assert [task[2] for task in promised(term)] == ["done", "ended"]
        assert benefits.catch_up() == 0

    def test_one_of_a_later_day_ends_it_on_that_day(self) -> None:
        only_benefit()
        term = settle(term_from(ago(5)))
        cancel(term, ago(-3))
        assert [task[2] for task in promised(term)] == [""]
        assert benefits.catch_up() == 0

        assert benefits.catch_up(ago(-3)) == 1
        assert [task[2] for task in promised(term)] == ["ended"]

    def test_dues_that_go_back_end_it_and_dues_that_are_kept_after_all_let_it_go_on(self) -> None:
        only_benefit()
        term = settle(term_from(ago(5)), on=ago(5))
        run_pending_jobs()
        with use_case():
            terms.unsettle(term, by=None, reason="A dispute.")
        assert [task[2] for task in promised(term)] == ["ended"]

        settle(term)

        assert promised(term) == [("A training day", ago(-10), "")]

    def test_another_tier_ends_what_the_old_one_promised_and_repeats_nothing(self) -> None:
        only_benefit()
        make_benefit(name="A welcome", repeats="once", days=5)
        only_benefit("community", name="A welcome", repeats="once")
        make_benefit("community", name="A check", days=60)
        term = settle(term_from(ago(5)), on=ago(5))
        run_pending_jobs()
        tasks.fulfil(term.tasks.get(title="A welcome"), by=make_doer(), words="Said.")
        Term.objects.filter(pk=term.pk).update(tier=Tier.objects.get(code="community"))

        jobs.catch_up_promises.enqueue()

        assert {(task[0], task[2]) for task in promised(term)} == {
            ("A training day", "ended"),
            ("A welcome", "done"),
            ("A check", ""),
        }
        assert benefits.out_of_line() == []

    def test_what_was_lost_of_a_job_is_caught_up(self) -> None:
        only_benefit()
        term = settle(term_from(ago(5)))
        run_pending_jobs()
        Term.objects.filter(pk=term.pk).update(settled_on=None)

        assert benefits.catch_up() == 1
        assert term.tasks.get().outcome == "ended"


class TestKeepingAPromise:
    @pytest.fixture
    def task(self) -> Task:
        only_benefit()
        term = settle(term_from(ago(30)), on=ago(30))
        run_pending_jobs()
        return term.tasks.get()

    def test_it_needs_a_proof(self, task: Task) -> None:
        with pytest.raises(ProofMissing):
            tasks.fulfil(task, by=make_doer(), words="  ")

    @pytest.mark.parametrize("link", ["javascript:alert(1)", "minutes", "ftp://example.org/a"])
    def test_a_link_leads_to_a_page(self, task: Task, link: str) -> None:
        with pytest.raises(LinkNotOfTheWeb):
            tasks.fulfil(task, by=make_doer(), link=link)
        with pytest.raises(IntegrityError, match="task_"), transaction.atomic():
            Task.objects.filter(pk=task.pk).update(link=link)

    def test_it_is_done_once(self, task: Task) -> None:
        doer = make_doer()
        tasks.fulfil(task, by=doer, words="Held on Monday.", link="https://example.org/minutes")

        with pytest.raises(TaskClosed):
            tasks.fulfil(task, by=doer, words="Held again.")
        task.refresh_from_db()
        assert (task.outcome, task.words, task.closed_by) == ("done", "Held on Monday.", doer)
        line = ModelLogEntry.objects.for_instance(task).get()
        assert (line.action, line.user) == ("membership.fulfil_task", doer)

    def test_a_file_is_kept_beside_it(self, task: Task) -> None:
        tasks.fulfil(task, by=make_doer(), sent=SimpleUploadedFile("list.pdf", PDF))

        assert bytes(task.proof.content) == PDF

    def test_a_file_of_another_kind_leaves_it_open(self, task: Task) -> None:
        with pytest.raises(uploads.FileOfOtherKind):
            tasks.fulfil(task, by=make_doer(), sent=SimpleUploadedFile("a.pdf", b"MZ a program"))

        task.refresh_from_db()
        assert task.is_open

    def test_it_is_excused_with_a_reason_alone(self, task: Task) -> None:
        with pytest.raises(ReasonMissing):
            tasks.excuse(task, " ", by=make_doer())

        tasks.excuse(task, "They asked us not to.", by=make_doer())
        task.refresh_from_db()
        assert (task.outcome, task.words) == ("excused", "They asked us not to.")

    def test_the_database_lets_nobody_open_it_again(self, task: Task) -> None:
        tasks.excuse(task, "They asked us not to.", by=make_doer())

        with pytest.raises(IntegrityError, match="task_outcome_stays"), transaction.atomic():
            Task.objects.filter(pk=task.pk).update(
                outcome="", words="", closed_at=None, closed_by=None
            )

    def test_nobody_does_it_without_the_right_or_for_their_own_organisation(
        self, task: Task
    ) -> None:
        insider = make_doer()
        a_seat(task.organisation, insider, "primary_contact")

        with pytest.raises(NotPermitted):
            tasks.fulfil(task, by=make_person(), words="Done.")
        with pytest.raises(OwnRequest):
            tasks.fulfil(task, by=insider, words="Done.")
        with pytest.raises(OwnRequest):
            tasks.excuse(task, "We do not want it.", by=insider)


class TestWhatTheMemberReads:
    @pytest.fixture
    def own(self, client: Client) -> Organisation:
        """An organisation of the one who is signed in; its term counts for thirty days."""
        only_benefit(offered_from=ago(400))
        make_benefit(name="A review", days=60, offered_from=ago(400))
        make_benefit(name="One vote", kind="right", days=None, offered_from=ago(400))
        term = settle(open_term(starts_on=ago(30)), on=ago(30))
        run_pending_jobs()
        person = make_person()
        a_seat(term.organisation, person, "primary_contact")
        client.force_login(person)
        return term.organisation

    def page(self, client: Client, organisation: Organisation) -> Document:
        response = client.get(reverse("membership_benefits", args=[organisation.slug]))
        assert response.status_code == 200
        return Document(response.content.decode())

    def test_its_rights_what_is_owed_and_what_is_late(
        self, client: Client, own: Organisation
    ) -> None:
        text = self.page(client, own).all("main")[0].text

        assert "One vote" in text
        assert text.index("A training day") < text.index("overdue") < text.index("A review")
        assert "open" in text[text.index("A review") :]

    def test_what_was_done_with_which_proof_but_not_by_whom(
        self, client: Client, own: Organisation
    ) -> None:
        task = own.tasks.get(title="A training day")
        doer = make_doer(first_name="Oluchi", last_name="Officer")
        tasks.assign(task, doer, by=doer)
        tasks.fulfil(
            task,
            by=doer,
            words="Held <b>twice</b>.",
            link="https://example.org/minutes",
            sent=SimpleUploadedFile("list.pdf", PDF),
        )

        page = self.page(client, own)

        text = page.all("main")[0].text
        assert "Held <b>twice</b>." in text
        assert "Oluchi" not in text
        assert [a for a in page.all("a") if a.attributes["href"] == "https://example.org/minutes"]
        proof = client.get(
            next(a.attributes["href"] for a in page.all("a") if a.text == "list.pdf")
        )
        assert proof.content == PDF
        assert proof["Content-Disposition"].startswith("attachment")

    def test_free_tasks_and_notes_are_not_theirs(self, client: Client, own: Organisation) -> None:
        doer = make_doer()
        free_task(own, doer, title="Ask about the unpaid bill")
        tasks.write_note(own, "Difficult people.", by=doer)

        text = self.page(client, own).all("main")[0].text

        assert "unpaid bill" not in text
        assert "Difficult" not in text

    def test_the_page_and_the_proofs_of_others_are_not_there(
        self, client: Client, own: Organisation
    ) -> None:
        task = own.tasks.get(title="A training day")
        tasks.fulfil(task, by=make_doer(), sent=SimpleUploadedFile("list.pdf", PDF))
        proof = reverse("membership_benefit_proof", args=[own.slug, task.public_id])
        stranger = Client()
        stranger.force_login(make_person())
        other = settle(open_term(starts_on=ago(30)), on=ago(30)).organisation
        person = make_person()
        a_seat(other, person, "primary_contact")
        neighbour = Client()
        neighbour.force_login(person)
        crooked = reverse("membership_benefit_proof", args=[other.slug, task.public_id])

        assert client.get(proof).status_code == 200
        page = reverse("membership_benefits", args=[own.slug])
        for browser, address in [
            (stranger, page),
            (stranger, proof),
            (neighbour, page),
            (neighbour, crooked),
        ]:
            assert browser.get(address).status_code == 404
        assert Client().get(page).status_code == 302

    def test_a_proof_without_a_file_is_not_there(self, client: Client, own: Organisation) -> None:
        task = own.tasks.get(title="A training day")

        address = reverse("membership_benefit_proof", args=[own.slug, task.public_id])
        assert client.get(address).status_code == 404

    def test_before_the_dues_arrive_nothing_is_promised_and_it_says_when(
        self, client: Client, own: Organisation
    ) -> None:
        unpaid = open_term(starts_on=ago(30)).organisation
        person = make_person()
        a_seat(unpaid, person, "primary_contact")
        client.force_login(person)

        text = self.page(client, unpaid).all("main")[0].text

        assert "Nothing promised yet" in text
        assert "One vote" not in text

    def test_its_length_costs_no_queries(
        self,
        client: Client,
        own: Organisation,
        django_assert_max_num_queries: object,
    ) -> None:
        for number in range(30):
            make_benefit(name=f"Benefit {number}", days=number)
        benefits.catch_up()

        with django_assert_max_num_queries(12):  # type: ignore[operator]
            self.page(client, own)


class TestTheListOfATier:
    def test_anyone_reads_it_by_tier(self, client: Client) -> None:
        Benefit.objects.filter(tier__code="implementer").delete()
        make_benefit()
        make_benefit(name="Withdrawn", offered=False)
        make_benefit(name="One vote", kind="right", days=None, name_fr="Une voix")

        page = Document(client.get("/join/").content.decode())

        text = page.all("main")[0].text
        assert text.index("One vote") < text.index("A training day")
        assert "every year, within 10 days" in text
        assert "Withdrawn" not in text
        assert "Une voix" in client.get("/fr/join/").content.decode()

    @pytest.mark.parametrize(
        ("wrong", "constraint"),
        [
            ({"days": None}, "benefit_service_has_days"),
            ({"days": 367}, "benefit_service_has_days"),
            ({"kind": "right", "days": 3}, "benefit_service_has_days"),
            ({"kind": "other"}, "benefit_service_has_days"),
            ({"repeats": "monthly"}, "benefit_repeats_is_known"),
        ],
    )
    def test_a_line_is_whole(self, wrong: dict[str, object], constraint: str) -> None:
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            make_benefit(**wrong)

    def test_a_foundation_begins_with_one_for_each_tier_and_staff_change_it_for_good(self) -> None:
        for tier in Tier.objects.all():
            assert {benefit.kind for benefit in tier.benefits.all()} == {"right", "service"}
            assert all(each.name_fr and each.name_pt for each in tier.benefits.all())
        Benefit.objects.filter(tier__code="country").exclude(kind="right").delete()
        before = Benefit.objects.count()

        seeds.load()

        assert Benefit.objects.count() == before
