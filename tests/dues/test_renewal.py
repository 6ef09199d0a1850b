"""A term is renewed once, its member is reminded in time, and what nobody takes up ends."""

import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.dues import billing, crediting, renewal
from funding.dues.refusals import ApplyAgain, InvoiceVoid, MayNotRejoin, MembershipStands
from funding.ledger import queries as books
from funding.ledger.models import Pool
from funding.payments import progress, reminders
from funding.payments.models import ExpectedPayment, Invoice
from membership import terms
from membership.models import FeeRule, Seat, SeatRole, Term, TermNotice, Tier
from membership.models.terms import GRACE
from tests.dues.test_crediting import make_treasurer, transfer
from tests.dues.test_money_back import give_back
from tests.factories import banking
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    make_officer,
    make_organisation,
    open_term,
    pay,
)
from tests.factories.membership import foundation as begin_foundation
from tests.factories.payments import settlement, state
from tests.factories.pools import make_person
from tests.races import together

FIRST = datetime.date(2025, 3, 1)
LAST = datetime.date(2026, 2, 28)
Status_ = Term.Status


def day(offset: int) -> datetime.date:
    return LAST + datetime.timedelta(days=offset)


@pytest.fixture
def member(foundation: Pool) -> Term:
    """A term that was paid for; its primary contact is billed for the next."""
    organisation = make_organisation(public_name="Shelf Systems")
    person = make_person(email="contact@shelf.example.org")
    Seat.objects.create(
        organisation=organisation, person=person, roles=[SeatRole.PRIMARY_CONTACT.value]
    )
    row = open_term(organisation, starts_on=FIRST)
    with use_case():
        terms.settle(row, on=FIRST)
    return fresh(row)


def fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


def run(on: datetime.date) -> int:
    """The daily job at noon of a day, twice: the second time changes nothing."""
    with time_machine.travel(datetime.datetime.combine(on, datetime.time(12), datetime.UTC)):
        done = renewal.run()
        assert renewal.run() == 0
    return done


def sent() -> list[str]:
    """The subjects of the mail that left since."""
    run_pending_jobs()
    subjects = [message.subject for message in mail.outbox]
    mail.outbox.clear()
    return subjects


def pay_on(term: Term, on: datetime.date) -> Any:
    with time_machine.travel(datetime.datetime.combine(on, datetime.time(12), datetime.UTC)):
        invoice = billing.standing_invoice(term)
        assert invoice is not None
        payment = billing.start_dues_payment(invoice, by=make_person())
        pay(payment, paid_at=timezone.now())
    return payment


# --- The offer ------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestOffer:
    def test_nothing_happens_before_its_day(self, member: Term) -> None:
        assert run(day(-61)) == 0
        assert not Term.objects.filter(renews=member).exists()

    def test_the_next_term_begins_the_day_after_and_is_billed_and_booked(
        self, member: Term, foundation: Pool
    ) -> None:
        assert run(day(-60)) == 1
        offered = member.renewal
        assert (offered.starts_on, offered.ends_on) == (day(1), datetime.date(2027, 2, 28))
        assert offered.status(day(-60)) == Status_.AWAITING_PAYMENT
        invoice = billing.standing_invoice(offered)
        assert invoice is not None
        assert (invoice.total, invoice.issued_on, invoice.due_on) == (25_000, day(-60), day(1))
        assert books.balances(foundation, "USD")["dues-receivable"] == 25_000
        run_pending_jobs()
        (message,) = mail.outbox
        assert message.to == ["contact@shelf.example.org"]
        assert invoice.number in message.subject
        assert len(message.attachments) == 1

    def test_whom_nothing_is_due_is_not_looked_at_each_morning(
        self, member: Term, django_assert_num_queries: Any
    ) -> None:
        for told in (-60, -30, -7, 0, 14, 31):
            assert run(day(told)) > 0
            with django_assert_num_queries(2):  # whom to tell, and which offers end
                assert renewal.run(day(told + 1)) == 0

    def test_billing_contacts_get_it_where_there_are_any(self, member: Term) -> None:
        for name in ("a", "b"):
            Seat.objects.create(
                organisation=member.organisation,
                person=make_person(email=f"{name}@money.example.org"),
                roles=[SeatRole.BILLING_CONTACT.value],
            )
        run(day(-60))
        run_pending_jobs()
        assert sorted(to for message in mail.outbox for to in message.to) == [
            "a@money.example.org",
            "b@money.example.org",
        ]

    def test_the_fee_is_that_of_its_first_day(self, member: Term) -> None:
        for valid_from, amount in ((day(1), 40_000), (day(2), 90_000)):
            FeeRule.objects.create(
                tier=member.tier,
                kind="implementer",
                income_group="low",
                amount=amount,
                currency="USD",
                valid_from=valid_from,
                source="Board",
                source_year=2026,
            )
        run(day(-60))
        assert member.renewal.fee == 40_000

    def test_what_costs_nothing_goes_on_by_itself(self, foundation: Pool) -> None:
        term = admitted_term(starts_on=FIRST, **MINISTRY)
        sent()
        run(day(-60))
        following = fresh(term).renewal
        assert following.waived_by is None
        assert following.status(day(1)) == Status_.CURRENT
        assert len(sent()) == 1
        assert run(day(0)) == run(day(14)) == run(day(31)) == 0

    def test_a_fee_is_never_waived_by_a_job(self, member: Term) -> None:
        run(day(-60))
        with pytest.raises(IntegrityError, match="term_waiver_is_whole"), transaction.atomic():
            Term.objects.filter(renews=member).update(waived_on=FIRST, waived_reason="Free")

    @pytest.mark.parametrize("what", ["unpaid", "paid late", "cancelled", "has another"])
    def test_some_terms_are_not_renewed(self, member: Term, what: str) -> None:
        match what:
            case "unpaid":
                Term.objects.filter(pk=member.pk).update(settled_on=None)
            case "paid late":
                Term.objects.filter(pk=member.pk).update(settled_on=day(3))
            case "cancelled":
                with use_case():
                    terms.cancel(member, on=day(-20), by=make_officer(), reason="They leave")
            case "has another":
                open_term(member.organisation, starts_on=day(1))
        count = Term.objects.count()
        for offset in (-60, 0, 14, 31):
            assert run(day(offset)) == 0
        assert Term.objects.count() == count

    def test_nobody_to_bill_is_told_to_staff_once_and_mended_by_a_seat(
        self, member: Term, caplog: pytest.LogCaptureFixture
    ) -> None:
        with transaction.atomic():
            Seat.objects.all().delete()
        run(day(-60))
        run(day(-59))
        assert len([row for row in caplog.records if "could not be renewed" in row.message]) == 1
        assert not Term.objects.filter(renews=member).exists()
        role = [SeatRole.PRIMARY_CONTACT.value]
        Seat.objects.create(organisation=member.organisation, person=make_person(), roles=role)
        assert run(day(-58)) == 1

    def test_a_tier_that_is_offered_no_more_is_left_to_staff(self, member: Term) -> None:
        Term.objects.filter(pk=member.pk).update(tier=Tier.objects.create(code="x", name="Old"))
        assert run(day(-60)) == 0
        assert [notice.kind for notice in member.notices.all()] == ["not_offered"]

    def test_the_database_renews_a_term_once(self, member: Term) -> None:
        run(day(-60))
        with pytest.raises(IntegrityError, match="renews"), transaction.atomic():
            Term.objects.create(
                organisation=member.organisation,
                tier=member.tier,
                renews=member,
                starts_on=day(800),
                ends_on=day(900),
                fee=1,
                currency="USD",
            )
        with pytest.raises(IntegrityError, match="term_notice_once"), transaction.atomic():
            TermNotice.objects.create(term=member, kind="offer")


# --- Payment --------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestPayment:
    def test_however_often_it_is_confirmed_the_end_moves_once(self, member: Term) -> None:
        """CiviCRM #11730 and #12315: the end date moved with every confirmation, and by one that
        was not complete."""
        run(day(-60))
        offered = member.renewal
        days = (offered.starts_on, offered.ends_on)
        invoice = billing.standing_invoice(offered)
        assert invoice is not None
        with time_machine.travel(datetime.datetime.combine(day(-40), datetime.time(12))):
            payment = billing.start_dues_payment(invoice, by=make_person())
            with use_case():
                progress.apply(payment.pk, state(payment, "processing"))
            assert fresh(offered).status(day(-40)) == Status_.AWAITING_PAYMENT
            for _ in range(3):
                with use_case():
                    progress.apply(payment.pk, state(payment, paid_at=timezone.now()))
                    progress.settle(payment.pk, settlement(payment))
        offered = fresh(offered)
        assert (offered.starts_on, offered.ends_on) == days
        assert offered.settled_on == day(-40)
        assert fresh(member).ends_on == LAST
        assert Term.objects.filter(organisation=member.organisation).count() == 2
        for offset in (-30, -7, 0, 14, 31, 40):
            assert run(day(offset)) == 0

    def test_paid_ahead_it_says_that_the_membership_goes_on(self, member: Term) -> None:
        run(day(-60))
        sent()
        pay_on(member.renewal, day(-40))
        assert any("membership is current" in subject for subject in sent())

    def test_a_part_of_it_renews_nothing(self, member: Term) -> None:

        banking.make_account("USD")
        run(day(-60))
        invoice = billing.standing_invoice(member.renewal)
        assert invoice is not None
        transfer(invoice, 24_999)
        assert fresh(member.renewal).status(day(1)) == Status_.AWAITING_PAYMENT
        # Money came, so people decide what becomes of it.
        run(day(31))
        assert fresh(member.renewal).cancelled_on is None


# --- Reminders and lapse --------------------------------------------------------------------------


@pytest.mark.django_db
class TestNotices:
    def test_each_goes_out_once_on_its_day_and_the_last_says_it_lapsed(self, member: Term) -> None:
        log = {}
        for offset in range(-62, 40):
            run(day(offset))
            if subjects := sent():
                log[offset] = len(subjects)
        assert log == {-60: 1, -30: 1, -7: 1, 0: 1, 14: 1, 31: 1}
        kinds = ["offer", "month", "week", "last_day", "grace", "lapsed"]
        assert [notice.kind for notice in member.notices.order_by("pk")] == kinds

    def test_after_days_without_the_job_only_the_newest_goes_out(self, member: Term) -> None:
        run(day(-60))
        sent()
        assert run(day(2)) == 1
        assert "is open" in sent()[0]
        assert [notice.kind for notice in member.notices.order_by("pk")] == ["offer", "last_day"]

    def test_an_offer_that_came_late_is_not_followed_by_what_was_due_before_it(
        self, member: Term
    ) -> None:
        assert run(day(-5)) == 1
        assert run(day(-4)) == 0
        assert run(day(0)) == 1

    def test_the_reminders_of_invoices_leave_it_alone(self, member: Term) -> None:
        run(day(-60))
        assert ExpectedPayment.objects.filter(withdrawn_at=None).count() == 1
        for offset in (-6, 4, 15, 31):
            assert reminders.send_due(day(offset)) == 0

    def test_a_reminder_asks_for_what_is_left(self, member: Term) -> None:
        run(day(-60))
        invoice = billing.standing_invoice(member.renewal)
        assert invoice is not None
        transfer(invoice, invoice.total - 1_000)
        sent()
        run(day(-30))
        run_pending_jobs()
        (reminder,) = mail.outbox
        assert "$10.00" in reminder.body
        assert invoice.money.format("en") not in reminder.body

    def test_who_is_paying_by_bank_debit_is_not_reminded_nor_lapsed(self, member: Term) -> None:
        run(day(-60))
        with time_machine.travel(datetime.datetime.combine(day(-2), datetime.time(12))):
            invoice = billing.standing_invoice(member.renewal)
            assert invoice is not None
            payment = billing.start_dues_payment(invoice, by=make_person())
            with use_case():
                progress.apply(payment.pk, state(payment, "processing"))
        assert run(day(0)) == run(day(14)) == run(day(31)) == 0
        assert fresh(member.renewal).cancelled_on is None

    def test_what_nobody_took_up_ends_and_leaves_no_debt(
        self, member: Term, foundation: Pool
    ) -> None:
        run(day(-60))
        offered = member.renewal
        invoice = billing.standing_invoice(offered)
        assert invoice is not None
        run(day(30))
        assert fresh(offered).cancelled_on is None
        run(day(31))
        offered = fresh(offered)
        assert offered.cancelled_on == offered.starts_on
        assert books.balances(foundation, "USD").get("dues-receivable", 0) == 0
        with pytest.raises(InvoiceVoid):
            billing.start_dues_payment(fresh(invoice), by=make_person())

    def test_a_transfer_that_comes_after_the_lapse_is_owed_back(
        self, member: Term, foundation: Pool
    ) -> None:

        banking.make_account("USD")
        run(day(-60))
        invoice = billing.standing_invoice(member.renewal)
        assert invoice is not None
        run(day(31))
        payment = transfer(fresh(invoice), invoice.total)
        assert books.balances(foundation, "USD")["credits-payable"] == -invoice.total
        assert "belongs to the payer" in payment.problem
        assert fresh(member.renewal).settled_on is None

    def test_a_renewal_that_was_paid_and_given_back_is_not_ended_by_the_job(
        self, member: Term, foundation: Pool
    ) -> None:
        """Staff bill it again, and that invoice stands, with the reminders that others have."""

        banking.make_account("USD")
        run(day(-60))
        invoice = billing.standing_invoice(member.renewal)
        assert invoice is not None
        with time_machine.travel(datetime.datetime.combine(day(-40), datetime.time(12))):
            payment = transfer(invoice, invoice.total)
        with time_machine.travel(datetime.datetime.combine(day(100), datetime.time(12))):
            give_back(payment)
            new = crediting.bill_again(fresh(invoice), by=make_treasurer())
        assert run(day(101)) == 0
        assert fresh(member.renewal).cancelled_on is None
        assert fresh(new).voided_by is None
        assert not renewal.reminds_of(new, day(101))

    def test_a_term_cancelled_meanwhile_gets_no_offer(self, member: Term) -> None:
        with use_case():
            terms.cancel(member, on=day(-61), by=make_officer(), reason="They leave")
        assert renewal.follow(member.pk, day(-60)) is False
        assert not Term.objects.filter(renews=member).exists()

    def test_a_member_that_leaves_is_owed_no_offer(self, member: Term) -> None:
        run(day(-60))
        with use_case():
            terms.cancel(fresh(member), on=day(-10), by=make_officer(), reason="They leave")
        assert run(day(-50)) == 1
        assert fresh(member.renewal).cancelled_on == member.renewal.starts_on

    def test_one_that_goes_wrong_keeps_no_other_from_its_renewal(
        self, member: Term, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        other = open_term(starts_on=FIRST)
        Seat.objects.create(
            organisation=other.organisation, person=make_person(), roles=["primary_contact"]
        )
        with use_case():
            terms.settle(other, on=FIRST)
        offer = renewal.offer

        def fails_for_the_first(term: Term, *, on: datetime.date) -> Term:
            if term.pk == member.pk:
                raise RuntimeError("no")
            return offer(term, on=on)

        monkeypatch.setattr(renewal, "offer", fails_for_the_first)
        run(day(-60))
        assert Term.objects.filter(renews=other).exists()


# --- Joining again --------------------------------------------------------------------------------


@pytest.mark.django_db
class TestRejoin:
    def rejoin(self, member: Term, on: datetime.date) -> Term:
        person = Seat.objects.get(organisation=member.organisation).person
        with time_machine.travel(datetime.datetime.combine(on, datetime.time(12))):
            return renewal.rejoin(member.organisation, by=person)

    def test_within_a_year_a_new_term_begins_that_day_and_awaits_payment(
        self, member: Term
    ) -> None:
        run(day(-60))
        run(day(31))
        term = self.rejoin(member, day(100))
        assert (term.starts_on, term.renews, term.tier) == (day(100), None, member.tier)
        assert term.status(day(100)) == Status_.AWAITING_PAYMENT
        pay_on(term, day(101))
        assert fresh(term).status(day(101)) == Status_.CURRENT
        # It is renewed as any other.
        run(term.ends_on - datetime.timedelta(days=60))
        assert Term.objects.filter(renews=term).exists()

    def test_pressed_twice_it_is_one_term(self, member: Term) -> None:
        self.rejoin(member, day(31))
        with pytest.raises(MembershipStands):
            self.rejoin(member, day(31))

    @pytest.mark.parametrize(("offset", "may"), [(30, False), (31, True), (365, True)])
    def test_from_the_lapse_for_a_year(self, member: Term, offset: int, may: bool) -> None:
        if may:
            assert self.rejoin(member, day(offset)).pk
        else:
            with pytest.raises(MembershipStands):
                self.rejoin(member, day(offset))

    def test_later_or_after_a_cancellation_it_applies(self, member: Term) -> None:
        with pytest.raises(ApplyAgain):
            self.rejoin(member, day(366))
        with use_case():
            terms.cancel(member, on=day(-5), by=make_officer(), reason="Misconduct")
        with pytest.raises(ApplyAgain):
            self.rejoin(member, day(100))

    def test_others_may_not(self, member: Term) -> None:
        outsider = make_person()
        with pytest.raises(MayNotRejoin):
            renewal.rejoin(member.organisation, by=outsider)
        Seat.objects.create(
            organisation=member.organisation, person=outsider, roles=[SeatRole.MEMBER.value]
        )
        with pytest.raises(MayNotRejoin):
            renewal.rejoin(member.organisation, by=outsider)


# --- At once --------------------------------------------------------------------------------------


def test_two_workers_at_once_renew_a_term_once(committed_db: Any) -> None:
    begin_foundation()
    term = open_term(
        starts_on=timezone.localdate() - datetime.timedelta(days=320),
        ends_on=timezone.localdate() + datetime.timedelta(days=45),
    )
    Seat.objects.create(
        organisation=term.organisation, person=make_person(), roles=["primary_contact"]
    )
    with use_case():
        terms.settle(term, on=term.starts_on)

    assert sorted(together(renewal.run, renewal.run)) == [0, 1]

    assert Term.objects.filter(renews=term).count() == 1
    assert Invoice.objects.count() == 1
    assert len(sent()) == 1


def test_the_last_day_of_grace_is_where_the_lapse_notice_counts_from() -> None:
    term = Term(starts_on=FIRST, ends_on=LAST)
    assert term.grace_until == LAST + GRACE == day(30)
