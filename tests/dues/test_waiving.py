"""Staff ask nothing for a term whose dues were billed: its invoice goes, and its people read why."""

import datetime
from typing import Any

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.refusals import Refusal
from core.transactions import use_case
from funding.dues import billing, changing, crediting, ending, renewal, waiving
from funding.dues.refusals import ChangeOver, PaymentUnderWay, TermEnded
from funding.ledger import queries as books
from funding.ledger.models import Pool
from funding.payments.models import Payment, Status
from membership.models import Seat, Term, Tier, TierChange
from membership.refusals import (
    AlreadyCancelled,
    AlreadyPaidFor,
    NotPermitted,
    OwnRequest,
    ReasonMissing,
)
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    dues_payment,
    invoice_of,
    make_officer,
    may,
    paid_term,
    pay,
)
from tests.factories.membership import foundation as begin_foundation
from tests.factories.pools import make_person
from tests.races import together

pytestmark = pytest.mark.usefixtures("on_site")
LIST = "/admin/members/terms/"
WHY = "A flood took their offices."


def url_of(term: Term) -> str:
    return f"/admin/members/terms/waive/{term.pk}/"


def fresh(term: Term) -> Term:
    return Term.objects.get(pk=term.pk)


def waive(term: Term, **changes: Any) -> Term:
    return waiving.waive_dues(term, **{"by": make_officer(), "reason": WHY, **changes})


def receivable() -> int:
    return books.balances(billing.pool(), "USD").get("dues-receivable", 0)


@pytest.fixture
def term(foundation: Pool) -> Term:
    """The first term of a new member, billed and not paid."""
    row = admitted_term(make_person(email="contact@example.org"))
    run_pending_jobs()
    mail.outbox.clear()
    return row


@pytest.mark.django_db
class TestAChangeOfTierThatWaits:
    """It was counted from dues that nobody owes now, so it ends, and its people read why."""

    def asked(self, term: Term) -> TierChange:
        Tier.objects.filter(code="sustaining").update(reviewers=2)
        seat = term.organisation.seats.select_related("person").get()
        change = changing.ask(
            term.organisation, Tier.objects.get(code="sustaining"), by=seat.person
        )
        assert change.state == TierChange.State.ASKED
        return change

    def test_it_ends_with_the_waiver_and_can_be_asked_again(self, foundation: Pool) -> None:
        term = admitted_term(make_person(email="contact@example.org"), kind="company")
        change = self.asked(term)
        mail.outbox.clear()
        officer = may(make_officer(), "decide_tierchange")

        waive(term, by=officer)

        change.refresh_from_db()
        assert change.state == TierChange.State.ENDED
        assert change.ended_by == officer
        assert fresh(term).tier == change.old_tier
        run_pending_jobs()
        (word,) = [m.body for m in mail.outbox if "dues of the term were waived" in m.body]
        assert "You can ask for the tier again." in word
        with pytest.raises(ChangeOver):
            changing.allow(change, by=may(make_person(), "decide_tierchange"))

        again = self.asked(term)
        allowed = changing.allow(again, by=may(make_person(), "decide_tierchange"))
        # A tier that costs more is no part of what was waived.
        assert allowed.state == TierChange.State.BILLED
        assert allowed.difference > 0

    def test_a_refused_waiver_leaves_it(self, foundation: Pool) -> None:
        term = admitted_term(kind="company")
        change = self.asked(term)
        with pytest.raises(ReasonMissing):
            waive(term, reason=" ")
        change.refresh_from_db()
        assert change.is_open


@pytest.mark.django_db
class TestTheVerb:
    def test_the_member_counts_its_invoice_is_void_and_the_books_ask_for_nothing(
        self, term: Term
    ) -> None:
        assert receivable() == term.fee > 0
        officer = make_officer()

        waive(term, by=officer, reason=f" {WHY} ")

        row = fresh(term)
        assert (row.waived_on, row.waived_by) == (timezone.localdate(), officer)
        assert (row.waived_reason, row.settled_on) == (WHY, None)
        assert row.status_today == Term.Status.CURRENT
        assert billing.standing_invoice(row) is None
        note = invoice_of(row).voided_by
        assert note is not None
        assert note.reason == WHY
        assert receivable() == 0
        logged = ModelLogEntry.objects.get(action="membership.waive_term")
        assert (logged.user, logged.data["reason"]) == (officer, WHY)

    def test_those_who_pay_read_why(self, term: Term) -> None:
        waive(term)
        run_pending_jobs()
        told = next(each for each in mail.outbox if "waived" in each.subject)
        assert told.to == ["contact@example.org"]
        assert WHY in told.body

    def test_nobody_is_asked_for_money_afterwards(self, term: Term) -> None:
        invoice = invoice_of(term)
        waive(term)
        assert billing.why_not_payable(fresh(term), invoice_of(term))
        with pytest.raises(Refusal):
            billing.start_dues_payment(invoice, by=make_person())

    def test_an_offered_renewal_can_be_waived_before_it_begins(self, foundation: Pool) -> None:
        day = timezone.localdate()
        member = paid_term(starts_on=day - datetime.timedelta(days=340))
        renewal.run()
        offered = Term.objects.get(renews=member)
        assert billing.standing_invoice(offered)

        waive(offered)

        assert fresh(offered).status_today == Term.Status.UPCOMING
        assert receivable() == 0
        assert fresh(member).waived_on is None

    def test_a_term_whose_invoice_was_made_void_before_is_waived_as_well(self, term: Term) -> None:
        invoice = invoice_of(term)
        with use_case():
            crediting.withdraw(invoice, reason="Wrong address", told=True)
        waive(term)
        assert fresh(term).status_today == Term.Status.CURRENT

    @pytest.mark.parametrize("right", ["cancel_term", "decide_application", "view_term"])
    def test_it_takes_the_right_to_waive(self, term: Term, right: str) -> None:
        with pytest.raises(NotPermitted):
            waive(term, by=may(make_person(), right))
        assert fresh(term).waived_on is None

    def test_nobody_waives_the_dues_of_their_own_organisation(self, term: Term) -> None:
        officer = make_officer()
        Seat.objects.create(organisation=term.organisation, person=officer, roles=["member"])
        with pytest.raises(OwnRequest):
            waive(term, by=officer)
        assert billing.standing_invoice(fresh(term))

    def test_it_takes_a_reason(self, term: Term) -> None:
        with pytest.raises(ReasonMissing):
            waive(term, reason=" ")
        assert billing.standing_invoice(fresh(term))

    def test_what_is_paid_or_waived_is_not_waived(self, foundation: Pool) -> None:
        for row in (paid_term(), admitted_term(**MINISTRY)):
            with pytest.raises(AlreadyPaidFor):
                waive(row)

    def test_nor_what_is_cancelled(self, term: Term) -> None:
        ending.cancel_term(term, on=timezone.localdate(), by=make_officer(), reason="They left")
        with pytest.raises(AlreadyCancelled):
            waive(term)
        assert billing.standing_invoice(fresh(term))  # it waits for the treasurer, as before

    def test_nor_what_is_over(self, foundation: Pool) -> None:
        long_ago = timezone.localdate() - datetime.timedelta(days=400)
        row = admitted_term(starts_on=long_ago)
        with pytest.raises(TermEnded):
            waive(row)
        assert fresh(row).waived_on is None

    def test_a_payment_under_way_is_waited_for(self, term: Term) -> None:
        payment = dues_payment(term)
        Payment.objects.filter(pk=payment.pk).update(status=Status.PROCESSING)
        with pytest.raises(PaymentUnderWay):
            waive(term)
        assert fresh(term).waived_on is None
        assert billing.standing_invoice(fresh(term))

    def test_twice_it_is_waived_once(self, term: Term) -> None:
        waive(term)
        with pytest.raises(AlreadyPaidFor):
            waive(term, reason="Again")
        assert fresh(term).waived_reason == WHY


def test_of_two_at_once_one_waives_and_the_other_reads_why_not(committed_db: Any) -> None:
    begin_foundation()
    row = admitted_term()
    first, second = make_officer(), make_officer()

    outcomes = together(
        *[lambda by=by: waiving.waive_dues(row, by=by, reason=WHY) for by in (first, second)]
    )

    assert sorted(type(each).__name__ for each in outcomes) == ["AlreadyPaidFor", "Term"]
    assert receivable() == 0


def test_a_payment_and_a_waiver_at_once_leave_one_truth(committed_db: Any) -> None:
    begin_foundation()
    row = admitted_term()
    payment, officer = dues_payment(row), make_officer()

    outcomes = together(
        lambda: pay(payment), lambda: waiving.waive_dues(row, by=officer, reason=WHY)
    )

    row = fresh(row)
    assert (row.settled_on is None) != (row.waived_on is None), outcomes
    assert (invoice_of(row).voided_by is None) == (row.waived_on is None)
    assert receivable() == 0


@pytest.mark.django_db
class TestThePage:
    def test_an_officer_waives_from_the_list(self, term: Term, client: Client) -> None:
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        assert url_of(term) in client.get(LIST).content.decode()
        asked = client.get(url_of(term)).content.decode()
        assert invoice_of(term).number in asked

        done = client.post(url_of(term), {"reason": WHY}, follow=True)

        assert "The dues are waived" in done.content.decode()
        assert fresh(term).waived_reason == WHY
        assert url_of(term) not in client.get(LIST).content.decode()

    def test_a_second_press_says_that_it_is_done(self, term: Term, client: Client) -> None:
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        client.post(url_of(term), {"reason": WHY})
        again = client.post(url_of(term), {"reason": "Again"})
        assert "settled or waived already" in again.content.decode()
        assert fresh(term).waived_reason == WHY

    @pytest.mark.parametrize("reason", ["", "  "])
    def test_without_a_reason_nothing_changes(
        self, term: Term, client: Client, reason: str
    ) -> None:
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        answer = client.post(url_of(term), {"reason": reason})
        assert "Write the reason." in answer.content.decode()
        assert fresh(term).waived_on is None

    def test_it_is_shown_for_terms_alone_that_await_their_payment(
        self, foundation: Pool, client: Client
    ) -> None:
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        gone = admitted_term()
        ending.cancel_term(gone, on=timezone.localdate(), by=make_officer(), reason="They left")
        rows = [paid_term(), admitted_term(**MINISTRY), gone]
        shown = client.get(LIST).content.decode()
        assert all(url_of(row) not in shown for row in rows)

    @pytest.mark.parametrize("group", [groups.AUDITORS, groups.TREASURERS])
    def test_others_may_not(self, term: Term, client: Client, group: str) -> None:
        sign_in(client, make_staff(group))
        assert url_of(term) not in client.get(LIST).content.decode()
        client.post(url_of(term), {"reason": WHY})
        assert fresh(term).waived_on is None

    def test_a_term_that_is_not_there_is_not_found(self, foundation: Pool, client: Client) -> None:
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        assert client.get("/admin/members/terms/waive/999999/").status_code == 404
