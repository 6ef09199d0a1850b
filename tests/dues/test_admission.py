"""Admitting a member: approved, opened and billed in one transaction; and paid, once."""

import datetime
import threading
import uuid
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.dues import admission, billing
from funding.dues.refusals import InvoicePaid, NothingToPay, TermCancelled, TermOver
from funding.ledger import queries as books
from funding.ledger.models import Entry, Pool
from funding.payments import progress
from funding.payments.models import Invoice, Payment
from membership import applications, reviewing, terms
from membership.models import Application, FeeRule, SeatRole, Term
from membership.refusals import (
    MembershipRefusal,
    NotPermitted,
    OwnRequest,
    TermOverlaps,
    WrongStep,
)
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    answers,
    dues_payment,
    invoice_of,
    make_officer,
    paid_term,
    pay,
    reviewed_application,
    submitted_application,
)
from tests.factories.membership import foundation as begin_foundation
from tests.factories.payments import settlement, state
from tests.factories.pools import make_person

State = Application.State


@pytest.mark.django_db
class TestAdmission:
    def test_it_makes_organisation_seat_term_invoice_and_entry_and_writes_to_the_applicant(
        self, foundation: Pool
    ) -> None:
        alice, bob = make_person("alice@example.org"), make_officer()
        application = reviewed_application(alice, bob)
        day = datetime.date(2026, 5, 4)
        planned = admission.plan(application, on=day)

        term = admission.admit(application, by=bob, starts_on=day)
        run_pending_jobs()

        application.refresh_from_db()
        assert (application.state, application.decided_by) == (State.APPROVED, bob)
        assert application.organisation == term.organisation
        seat = term.organisation.seats.get()
        assert (seat.person, SeatRole.PRIMARY_CONTACT in seat.roles) == (alice, True)
        assert (term.starts_on, term.ends_on) == (day, datetime.date(2027, 5, 3))
        assert (term.starts_on, term.ends_on) == (planned.starts_on, planned.ends_on)
        assert term.money == planned.money

        invoice = invoice_of(term)
        assert (invoice.total, invoice.due_on) == (25_000, datetime.date(2026, 6, 3))
        entry = Entry.objects.get()
        assert {(row.account.code, row.amount) for row in entry.postings.all()} == {
            ("dues-receivable", 25_000),
            ("deferred-dues", -25_000),
        }
        assert planned.entry is not None
        assert {(line.account, line.amount) for line in planned.entry.lines} == {
            ("dues-receivable", 25_000),
            ("deferred-dues", -25_000),
        }
        told = [message for message in mail.outbox if invoice.number in message.subject]
        assert [message.to for message in told] == [["alice@example.org"]]

    def test_a_ministry_of_a_low_income_country_is_a_member_at_once_and_pays_nothing(
        self, foundation: Pool
    ) -> None:
        term = admitted_term(**MINISTRY)
        today = timezone.localdate()
        assert term.waived_reason.startswith("The fee table asks for nothing")
        assert term.status(today) == Term.Status.CURRENT
        assert not Invoice.objects.exists()
        assert not Entry.objects.exists()
        assert term.organisation.standing_term(today) == term

    def test_an_organisation_that_joins_again_keeps_its_people_and_its_address(
        self, foundation: Pool
    ) -> None:
        alice, bob, charlie = make_person(), make_officer(), make_person()
        long_ago = timezone.localdate() - datetime.timedelta(days=500)
        organisation = admitted_term(alice, starts_on=long_ago).organisation
        draft = applications.start(
            answers(), by=charlie, form_token=uuid.uuid4(), organisation=organisation
        )
        applications.submit(draft, by=charlie)
        term = admission.admit(reviewing.begin_review(draft, by=bob), by=bob)

        assert term.organisation == organisation
        roles = {seat.person: seat.roles for seat in organisation.seats.all()}
        assert SeatRole.PRIMARY_CONTACT in roles[alice]
        assert roles[charlie] == [SeatRole.MEMBER]

    def test_a_term_in_the_way_refuses_the_admission_and_is_recorded(
        self, foundation: Pool
    ) -> None:
        alice, bob = make_person(), make_officer()
        organisation = admitted_term(alice).organisation
        draft = applications.start(
            answers(), by=alice, form_token=uuid.uuid4(), organisation=organisation
        )
        applications.submit(draft, by=alice)
        again = reviewing.begin_review(draft, by=bob)
        with pytest.raises(TermOverlaps):
            admission.admit(again, by=bob)
        again.refresh_from_db()
        assert again.state == State.UNDER_REVIEW
        assert Term.objects.count() == Invoice.objects.count() == Entry.objects.count() == 1
        refused = ModelLogEntry.objects.get(action="membership.refused")
        assert (refused.user, refused.data["rule"]) == (bob, "TermOverlaps")

    def test_the_invoice_speaks_the_language_of_the_applicant_and_names_nobody_in_the_ledger(
        self, foundation: Pool
    ) -> None:
        alice = make_person("alice@example.org", first_name="Alice", preferred_language="fr")
        term = admitted_term(alice)
        invoice = invoice_of(term)
        assert invoice.language == "fr"
        assert "Intégrateur" in invoice.lines.get().description
        assert invoice.bill_to_name == term.organisation.legal_name
        entry = Entry.objects.get()
        assert (entry.kind, entry.source) == (
            "dues-invoice-issued",
            f"invoice:{invoice.number}",
        )
        for words in (entry.memo, entry.source):
            assert "Alice" not in words
            assert term.organisation.public_name not in words

    def test_a_fee_in_another_currency_opens_its_accounts(self, foundation: Pool) -> None:
        bob = make_officer()
        FeeRule.objects.filter(tier__code="implementer").update(currency="EUR")
        application = reviewed_application(officer=bob)
        term = admission.admit(application, by=bob)
        assert (term.currency, Invoice.objects.get().currency) == ("EUR", "EUR")
        assert books.balances(foundation, "EUR")["dues-receivable"] == term.fee

    def test_a_bill_that_cannot_be_booked_leaves_nothing(
        self, foundation: Pool, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        bob = make_officer()
        application = reviewed_application(officer=bob)
        monkeypatch.setattr(billing, "POOL", "missing")
        with pytest.raises(Pool.DoesNotExist):
            admission.admit(application, by=bob)
        application.refresh_from_db()
        assert application.state == State.UNDER_REVIEW
        assert not Invoice.objects.exists()

    def test_an_unread_application_cannot_be_admitted(self, foundation: Pool) -> None:
        with pytest.raises(WrongStep):
            admission.admit(submitted_application(), by=make_officer())

    def test_who_may_not_decide_and_who_applied_are_refused_and_nothing_is_left(
        self, foundation: Pool
    ) -> None:
        bob = make_officer()
        own = reviewed_application(bob, make_officer())
        for person, refusal in ((bob, OwnRequest), (make_person(), NotPermitted)):
            with pytest.raises(refusal):
                admission.admit(own, by=person)
        own.refresh_from_db()
        assert own.state == State.UNDER_REVIEW
        assert own.organisation is None
        assert not Term.objects.exists()
        assert not Invoice.objects.exists()

    def test_admitting_twice_is_refused_the_second_time(self, foundation: Pool) -> None:
        bob = make_officer()
        application = reviewed_application(officer=bob)
        admission.admit(application, by=bob)
        with pytest.raises(WrongStep):
            admission.admit(application, by=bob)
        assert Invoice.objects.count() == Term.objects.count() == 1


def test_two_officers_at_once_leave_one_term_one_invoice_and_one_refusal(committed_db: Any) -> None:
    begin_foundation()
    application = reviewed_application()
    officers = [make_officer() for _ in range(4)]
    outcomes: list[object] = []
    start = threading.Barrier(len(officers), timeout=60)

    def decide(officer: Any) -> None:
        start.wait()
        try:
            outcomes.append(admission.admit(application, by=officer))
        except MembershipRefusal as refusal:
            outcomes.append(refusal)
        finally:
            connection.close()

    threads = [threading.Thread(target=decide, args=[officer]) for officer in officers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sum(isinstance(outcome, Term) for outcome in outcomes) == 1
    assert sum(isinstance(outcome, WrongStep) for outcome in outcomes) == 3
    assert Term.objects.count() == Invoice.objects.count() == Entry.objects.count() == 1


def test_two_who_press_pay_at_once_go_and_pay_the_same_payment(committed_db: Any) -> None:
    begin_foundation()
    term = admitted_term()
    found: list[Payment] = []
    start = threading.Barrier(4, timeout=60)

    def press() -> None:
        start.wait()
        try:
            found.append(dues_payment(term))
        finally:
            connection.close()

    threads = [threading.Thread(target=press) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(found) == 4
    assert {payment.pk for payment in found} == {Payment.objects.get().pk}


# --- Paying ---------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestPaying:
    def test_the_payment_settles_the_term_and_is_in_the_books(self, foundation: Pool) -> None:
        term = admitted_term(make_person("alice@example.org"))
        pay(dues_payment(term), paid_at=timezone.now())
        run_pending_jobs()

        term.refresh_from_db()
        today = timezone.localdate()
        assert (term.settled_on, term.status(today)) == (today, Term.Status.CURRENT)
        assert books.balances(foundation, "USD") == {
            "clearing": 24_825,
            "fees": 175,
            "dues-receivable": 0,
            "deferred-dues": -25_000,
        }
        figures = books.figures(foundation, "USD")
        assert (figures["received"], figures["paid_ahead"], figures["fees"]) == (
            25_000,
            25_000,
            175,
        )
        assert invoice_of(term).how_paid().by is not None
        assert any(
            message.to == ["alice@example.org"] and term.organisation.slug in message.body
            for message in mail.outbox
        )

    def test_the_news_of_it_may_come_again(self, foundation: Pool) -> None:
        term = paid_term()
        payment = Payment.objects.get()
        for _ in range(2):
            pay(payment)
        term.refresh_from_db()
        assert books.figures(foundation, "USD")["received"] == 25_000
        assert Entry.objects.count() == 2

    def test_money_for_a_term_cancelled_meanwhile_settles_it_and_staff_are_told(
        self, foundation: Pool
    ) -> None:
        term = admitted_term()
        payment = dues_payment(term)
        with use_case():
            terms.cancel(term, on=term.starts_on, by=make_officer(), reason="Left")
        pay(payment, paid_at=timezone.now())
        run_pending_jobs()

        term.refresh_from_db()
        payment.refresh_from_db()
        today = timezone.localdate()
        assert (term.settled_on, term.status(today)) == (today, Term.Status.CANCELLED)
        assert "it makes nobody a member" in payment.problem
        assert not any("the membership is current" in message.subject for message in mail.outbox)
        assert books.balances(foundation, "USD")["dues-receivable"] == 0

    def test_a_payment_that_fails_leaves_the_term_and_the_books_as_they_were(
        self, foundation: Pool
    ) -> None:
        term = admitted_term()
        payment = dues_payment(term)
        with use_case():
            progress.apply(
                payment.pk, state(payment, "failed", failure=("card_declined", "Declined"))
            )
        term.refresh_from_db()
        assert term.status(timezone.localdate()) == Term.Status.AWAITING_PAYMENT
        assert Entry.objects.count() == 1
        assert dues_payment(term) == payment  # the same payment is tried again
        pay(payment)
        term.refresh_from_db()
        assert term.settled_on is not None

    def test_the_entries_are_those_of_the_posting_table(self, foundation: Pool) -> None:
        paid_term()
        issued, paid = Entry.objects.order_by("pk")
        assert (issued.kind, paid.kind) == ("dues-invoice-issued", "dues-paid")
        assert {row.account.code: row.amount for row in paid.postings.all()} == {
            "clearing": 24_825,
            "fees": 175,
            "dues-receivable": -25_000,
        }
        figures = books.figures(foundation, "USD")
        accounts = books.balances(foundation, "USD")
        assert books.available_from_figures(figures) == books.available_from_accounts(accounts)

    def test_pressing_pay_twice_is_one_payment(self, foundation: Pool) -> None:
        term = admitted_term()
        assert dues_payment(term) == dues_payment(term)

    def test_money_for_a_term_that_was_waived_meanwhile_is_owed_back(
        self, foundation: Pool
    ) -> None:
        term = admitted_term()
        payment = dues_payment(term)
        with use_case():
            terms.waive(term, on=timezone.localdate(), by=make_officer(), reason="Hardship")
        with use_case():
            progress.apply(payment.pk, state(payment))
            progress.settle(payment.pk, settlement(payment))

        payment.refresh_from_db()
        assert "belongs to the payer" in payment.problem
        figures = books.figures(foundation, "USD")
        assert (figures["received"], figures["owed_back"], figures["paid_ahead"]) == (
            25_000,
            25_000,
            0,
        )
        assert books.balances(foundation, "USD")["credits-payable"] == -25_000
        left = books.available_from_figures(figures)
        assert left == books.available_from_accounts(books.balances(foundation, "USD")) == -175

    def test_what_cannot_be_paid_says_why(self, foundation: Pool) -> None:
        paid = paid_term()
        with pytest.raises(InvoicePaid):
            dues_payment(paid)

        waived = admitted_term()
        with use_case():
            terms.waive(waived, on=timezone.localdate(), by=make_officer(), reason="Hardship")
        with pytest.raises(NothingToPay):
            dues_payment(waived)

        cancelled = admitted_term()
        with use_case():
            terms.cancel(cancelled, on=timezone.localdate(), by=make_officer(), reason="Left")
        with pytest.raises(TermCancelled):
            dues_payment(cancelled)
        cancelled.refresh_from_db()
        assert billing.why_not_payable(cancelled, invoice_of(cancelled))

        over = admitted_term(starts_on=timezone.localdate() - datetime.timedelta(days=500))
        with pytest.raises(TermOver):
            dues_payment(over)


@pytest.mark.django_db
def test_what_the_public_ledger_names_opens_nobodys_papers(foundation: Pool, client: Any) -> None:
    """A payment's, a receipt's and an invoice's address is the only key to it (rule 10)."""
    paid_term()
    payment = Payment.objects.get()
    secrets = {str(payment.public_id), str(Invoice.objects.get().public_id)}
    secrets.add(str(payment.receipt.public_id))

    public = b"".join(client.get("/ledger/entries.csv").streaming_content).decode()
    for entry in Entry.objects.all():
        public += client.get(f"/ledger/entries/{entry.pk}/").content.decode()
    assert "term:" in public
    assert not [secret for secret in secrets if secret in public]
