"""Changing the tier within a term: what it means, what it costs, and every way it can go wrong."""

import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from hypothesis import given
from hypothesis import strategies as st

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.dues import billing, change_plan, changing, earning, ending, needs, renewal
from funding.dues.refusals import (
    ChangedBefore,
    ChangeOpen,
    ChangeOver,
    InvoiceVoid,
    MayNotChangeTier,
    NextTermSettled,
    NoTermToChange,
    PaymentUnderWay,
    SameTier,
)
from funding.ledger import queries as books
from funding.ledger.models import Entry, Pool
from funding.payments import issuer
from funding.payments.models import CreditNote, Invoice, Payment, Status
from funding.transparency.audit_pack.parties import Subject, parties
from membership import terms
from membership.models import Benefit, FeeRule, Organisation, SeatRole, Term, Tier, TierChange
from membership.organisations import give_seat
from membership.refusals import NotPermitted, OwnRequest, ReasonMissing, TierNotOffered
from tests.dues.test_crediting import transfer
from tests.dues.test_money_back import fail_debit, fresh, give_back
from tests.factories import banking
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import MINISTRY, admitted_term, invoice_of, make_officer, may, pay
from tests.factories.membership import foundation as begin_foundation
from tests.factories.pools import make_person
from tests.races import together

State = TierChange.State
COMPANY = {"kind": "company"}
LOW, HIGH = 25_000, 1_000_000  # what a company in Malawi pays as implementer and as sustaining


@pytest.fixture
def foundation(foundation: Pool) -> Pool:
    """With a bank account, from which refunds are paid."""
    banking.make_account("USD")
    return foundation


def date(text: str) -> datetime.date:
    return datetime.date.fromisoformat(text)


def at(day: str) -> time_machine.travel:
    return time_machine.travel(datetime.datetime.combine(date(day), datetime.time(12)))


def tier(code: str) -> Tier:
    return Tier.objects.get(code=code)


def member(code: str = "implementer", *, paid: bool = True, day: str = "2026-01-01") -> Term:
    """A company that is a member of 2026."""
    with at(day):
        term = admitted_term(starts_on=date(day), **{**COMPANY, "tier": code})
        if paid:
            transfer(invoice_of(term), term.fee)
    return fresh_term(term)


def fresh_term(term: Term) -> Term:
    return Term.objects.select_related("organisation", "tier").get(pk=term.pk)


def contact(term: Term) -> User:
    seat = term.organisation.seats.get(roles__contains=[SeatRole.PRIMARY_CONTACT])
    return User.objects.get(pk=seat.person_id)


def ask(term: Term, code: str = "sustaining", on: str = "2026-07-03") -> TierChange:
    with at(on):
        return changing.ask(term.organisation, tier(code), by=contact(term))


def pay_change(change: TierChange, on: str) -> Payment:
    with at(on):
        invoice = billing.change_invoice(change)
        assert invoice is not None
        payment = changing.start_payment(invoice, by=change.asked_by)
        pay(payment, paid_at=timezone.now())
    return Payment.objects.get(pk=payment.pk)


def do_jobs(day: str) -> None:
    with at(day):
        run_pending_jobs()


def make_decider(**changes: Any) -> User:
    return may(make_officer(**changes), "decide_tierchange", "view_tierchange")


def balances(pool: Pool) -> tuple[int, int, int]:
    """Receivable, deferred, earned."""
    found = books.balances(pool, "USD")
    return (
        found.get("dues-receivable", 0),
        -found.get("deferred-dues", 0),
        -found.get("membership-dues", 0),
    )


# --- The formula ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("difference", "left", "days", "expected"),
    [
        (975_000, 365, 365, 975_000),
        (975_000, 182, 365, 486_164),  # 486164.38
        (100, 1, 365, 0),
        (365, 1, 730, 1),  # a half goes up
        (-365, 1, 730, -1),
        (-975_000, 182, 365, -486_164),
        (975_000, 0, 365, 0),
        (975_000, 366, 366, 975_000),
    ],
)
def test_the_difference_is_the_part_of_the_days_left(
    difference: int, left: int, days: int, expected: int
) -> None:
    assert change_plan.prorated(Money(difference, "USD"), left, days) == Money(expected, "USD")


@given(amount=st.integers(-(10**9), 10**9), days=st.integers(1, 366), data=st.data())
def test_it_is_never_half_a_unit_off(amount: int, days: int, data: Any) -> None:
    left = data.draw(st.integers(0, days))
    part = change_plan.prorated(Money(amount, "UGX"), left, days).amount
    assert abs(2 * part * days - 2 * amount * left) <= days


@pytest.mark.django_db
class TestPlan:
    def test_says_the_fees_the_days_and_the_sum(self, foundation: Pool) -> None:
        term = member()
        planned = change_plan.plan(
            term.organisation, tier("sustaining"), by=contact(term), on=date("2026-07-03")
        )
        assert (planned.old_year.amount, planned.new_year.amount) == (LOW, HIGH)
        # 3 July to 31 December, both included.
        assert (planned.days_left, planned.days) == (182, 365)
        assert planned.to_pay == Money(486_164, "USD")
        assert planned.due_on == date("2026-07-17")

    def test_on_the_last_day_one_day_is_left_and_the_bill_is_due_that_day(
        self, foundation: Pool
    ) -> None:
        term = member()
        planned = change_plan.plan(
            term.organisation, tier("sustaining"), by=contact(term), on=date("2026-12-31")
        )
        assert (planned.days_left, planned.due_on) == (1, date("2026-12-31"))

    def test_a_lower_tier_counts_from_the_next_day(self, foundation: Pool) -> None:
        term = member("sustaining")
        planned = change_plan.plan(
            term.organisation, tier("implementer"), by=contact(term), on=date("2026-07-02")
        )
        assert (planned.effective_on, planned.days_left) == (date("2026-07-03"), 182)
        assert planned.goes_back == Money(486_164, "USD")
        last = change_plan.plan(
            term.organisation, tier("implementer"), by=contact(term), on=date("2026-12-31")
        )
        assert (last.days_left, last.difference.amount) == (0, 0)

    def test_a_short_term_counts_with_its_own_fees(self, foundation: Pool) -> None:
        term = member()
        Term.objects.filter(pk=term.pk).update(ends_on=date("2026-06-30"))  # 181 days
        planned = change_plan.plan(
            term.organisation, tier("sustaining"), by=contact(term), on=date("2026-01-01")
        )
        assert planned.new_fee.amount == (2 * HIGH * 181 + 365) // 730
        assert planned.difference == planned.new_fee - planned.old_fee

    def test_no_more_goes_back_than_was_paid_for_the_days_left(self, foundation: Pool) -> None:
        term = member("sustaining")
        with at("2026-02-01"):
            give_back(Payment.objects.get(purpose_id=term.pk), HIGH - 1_000)
        planned = change_plan.plan(
            term.organisation, tier("implementer"), by=contact(term), on=date("2026-07-02")
        )
        assert planned.difference.amount == -(1_000 * 182 // 365)

    def test_the_fee_table_of_the_first_day_holds_for_the_term(self, foundation: Pool) -> None:
        term = member()
        rule = tier("sustaining").fee_rules.get(kind="company")
        rule.pk, rule.amount, rule.valid_from = None, 9 * HIGH, date("2026-06-01")
        rule.save()
        planned = change_plan.plan(
            term.organisation, tier("sustaining"), by=contact(term), on=date("2026-07-03")
        )
        assert planned.new_year.amount == HIGH


# --- A higher tier --------------------------------------------------------------------------------


@pytest.mark.django_db
class TestUpgrade:
    def test_is_billed_and_waits_for_its_payment(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        assert change.state == State.BILLED
        assert fresh_term(term).tier.code == "implementer"
        invoice = billing.change_invoice(change)
        assert invoice is not None
        assert (invoice.total, invoice.due_on) == (486_164, date("2026-07-17"))
        assert invoice.statement == issuer.statement("dues", "en")
        assert balances(foundation)[:2] == (486_164, LOW + 486_164)
        run_pending_jobs()
        assert invoice.number in mail.outbox[-1].subject

    def test_the_payment_brings_the_tier_and_moves_no_end_date(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        pay_change(change, "2026-07-05")
        after, change = fresh_term(term), fresh(change)
        assert (after.tier.code, after.ends_on, after.fee) == ("sustaining", term.ends_on, LOW)
        assert (change.applied_on, change.settled_on) == (date("2026-07-05"), date("2026-07-05"))
        assert balances(foundation)[0] == 0

    def test_the_auditors_pack_names_the_member(self, foundation: Pool) -> None:
        change = ask(member())
        invoice = billing.change_invoice(change)
        subjects = [
            Subject(1, earning.source_of_change(change.pk)),
            Subject(2, f"invoice:{invoice}"),
        ]
        found = parties(subjects)
        assert {party.name for party in found.values()} == {change.term.organisation.legal_name}
        assert len(found) == 2

    def test_a_part_of_the_money_brings_nothing_yet(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        invoice = billing.change_invoice(change)
        assert invoice is not None
        with at("2026-07-05"):
            part_of(change, invoice, 100_000)
        assert fresh_term(term).tier.code == "implementer"
        with at("2026-07-06"):
            part_of(change, invoice, 386_164)
        assert fresh_term(term).tier.code == "sustaining"

    def test_a_card_for_all_after_a_part_of_it_came_brings_nothing_and_is_owed_back(
        self, foundation: Pool
    ) -> None:
        term = member()
        change = ask(term)
        invoice = billing.change_invoice(change)
        assert invoice is not None
        with at("2026-07-04"):
            card = changing.start_payment(invoice, by=change.asked_by)
        with at("2026-07-05"):
            part_of(change, invoice, 100_000)
        with at("2026-07-06"):
            pay(card)
        card.refresh_from_db()
        assert fresh_term(term).tier.code == "implementer"
        assert invoice.outstanding.amount == invoice.total - 100_000
        assert "which stays open" in card.problem

    def test_asked_twice_the_second_finds_the_first(self, foundation: Pool) -> None:
        term = member()
        ask(term)
        with pytest.raises(ChangeOpen):
            ask(term)
        assert TierChange.objects.count() == 1
        assert Invoice.objects.filter(purpose=billing.CHANGE).count() == 1

    def test_paying_twice_is_one_payment(self, foundation: Pool) -> None:
        change = ask(member())
        invoice = billing.change_invoice(change)
        assert invoice is not None
        with at("2026-07-04"):
            first = changing.start_payment(invoice, by=change.asked_by)
            assert changing.start_payment(invoice, by=change.asked_by) == first

    def test_withdrawn_its_invoice_is_credited_and_nothing_changes(self, foundation: Pool) -> None:
        term = member()
        before = balances(foundation)
        change = ask(term)
        invoice = billing.change_invoice(change)
        with at("2026-07-04"):
            changing.withdraw(change, by=contact(term))
        assert fresh(change).state == State.ENDED
        assert CreditNote.objects.get(invoice=invoice).total == 486_164
        assert balances(foundation) == before
        with at("2026-07-04"), pytest.raises(ChangeOver):
            changing.withdraw(change, by=contact(term))
        with at("2026-07-04"), pytest.raises(InvoiceVoid):
            changing.start_payment(fresh(invoice), by=change.asked_by)
        assert ask(term, on="2026-07-05").state == State.BILLED

    def test_unpaid_it_ends_the_day_after_it_was_due(self, foundation: Pool) -> None:
        term = member()
        before = balances(foundation)
        change = ask(term)
        assert changing.end_unpaid(date("2026-07-17")) == 0
        with at("2026-07-18"):
            assert changing.end_unpaid() == 1
            assert changing.end_unpaid() == 0
        assert fresh(change).ended_reason == "The difference was not paid in time."
        assert balances(foundation) == before
        assert fresh_term(term).tier.code == "implementer"

    def test_while_a_payment_is_under_way_it_neither_ends_nor_is_withdrawn(
        self, foundation: Pool
    ) -> None:
        term = member()
        change = ask(term)
        invoice = billing.change_invoice(change)
        assert invoice is not None
        with at("2026-07-10"):
            payment = changing.start_payment(invoice, by=change.asked_by)
            Payment.objects.filter(pk=payment.pk).update(status=Status.PROCESSING)
        with at("2026-07-18"):
            assert changing.end_unpaid() == 0
            with pytest.raises(PaymentUnderWay):
                changing.withdraw(change, by=contact(term))
        pay(fresh(payment), paid_at=timezone.now())
        assert fresh_term(term).tier.code == "sustaining"

    def test_money_that_comes_after_the_end_belongs_to_the_payer(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        invoice = billing.change_invoice(change)
        assert invoice is not None
        with at("2026-07-10"):
            payment = changing.start_payment(invoice, by=change.asked_by)
        with at("2026-07-18"):
            changing.end_unpaid()
            pay(fresh(payment), paid_at=timezone.now())
        assert fresh_term(term).tier.code == "implementer"
        assert books.balances(foundation, "USD")["credits-payable"] == -486_164
        assert "void before" in fresh(payment).problem

    def test_staff_waive_the_difference_with_a_reason(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        before = balances(foundation)[0]
        officer = make_decider()
        with at("2026-07-04"):
            with pytest.raises(ReasonMissing):
                changing.waive(change, by=officer, reason=" ")
            with pytest.raises(NotPermitted):
                changing.waive(change, by=make_person(), reason="Because")
            changing.waive(change, by=officer, reason="They host the summit")
        assert fresh_term(term).tier.code == "sustaining"
        assert (before, balances(foundation)[0]) == (486_164, 0)
        assert fresh(change).waived_by == officer

    def test_a_difference_of_nothing_applies_at_once(self, foundation: Pool) -> None:
        term = member()
        tier("sustaining").fee_rules.update(amount=LOW)
        change = ask(term)
        assert change.state == State.MADE
        assert fresh_term(term).tier.code == "sustaining"
        assert not Invoice.objects.filter(purpose=billing.CHANGE).exists()

    def test_a_ministry_that_pays_nothing_changes_for_nothing(self, foundation: Pool) -> None:
        with at("2026-01-01"):
            term = admitted_term(starts_on=date("2026-01-01"), **MINISTRY)
        other = tier("country")
        rules = list(other.fee_rules.filter(kind="ministry"))
        other.pk, other.code, other.name = None, "country-plus", "Country plus"
        other.save()
        for rule in rules:
            rule.pk, rule.tier = None, other
            rule.save()
        assert ask(term, "country-plus").state == State.MADE
        assert fresh_term(term).tier.code == "country-plus"
        assert Entry.objects.count() == 0

    def test_when_its_debit_fails_the_tier_goes_and_the_invoice_can_be_paid_again(
        self, foundation: Pool
    ) -> None:
        term = member()
        change = ask(term)
        payment = pay_change(change, "2026-07-05")
        fail_debit(payment)
        assert fresh(change).state == State.BILLED
        assert fresh_term(term).tier.code == "implementer"
        pay_change(change, "2026-07-06")
        assert fresh_term(term).tier.code == "sustaining"

    def test_given_back_whole_the_tier_goes_with_it(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        payment = part_of(change, billing.change_invoice(change), 486_164)
        assert fresh_term(term).tier.code == "sustaining"
        give_back(payment)
        assert fresh_term(term).tier.code == "implementer"
        assert fresh(change).state == State.ENDED
        assert balances(foundation) == (0, LOW, 0)

    def test_after_another_change_people_decide_what_a_refund_means(self, foundation: Pool) -> None:
        term = member()
        first = ask(term)
        payment = part_of(first, billing.change_invoice(first), 486_164)
        tier("implementer").fee_rules.filter(kind="company").update(amount=2 * HIGH)
        ask(term, "implementer", on="2026-08-01")
        give_back(payment)
        assert fresh_term(term).tier.code == "sustaining"
        assert "changed again" in fresh(payment).problem


def part_of(change: TierChange, invoice: Invoice | None, amount: int) -> Payment:
    """A part of the difference that came by bank, in the books."""
    from funding.payments import progress
    from funding.payments.outcomes import Settlement
    from tests.factories.payments import make_payment

    assert invoice is not None
    payment = make_payment(
        amount,
        purpose=billing.CHANGE,
        purpose_id=change.pk,
        pool=billing.pool(),
        invoice=invoice,
    )
    Payment.objects.filter(pk=payment.pk).update(channel="transfer", expected=invoice.expected)
    with use_case():
        payment = progress.lock(payment.pk)
        payment.status = Status.SUCCEEDED
        payment.succeeded_at = timezone.now()
        payment.save()
        progress.record_arrival(payment)
        progress.settle(
            payment.pk,
            Settlement(
                gross=amount,
                fee=0,
                currency="USD",
                date=timezone.localdate(),
                own_key=f"test:{payment.public_id}",
                place="bank",
            ),
        )
    return Payment.objects.get(pk=payment.pk)


# --- A lower tier ---------------------------------------------------------------------------------


@pytest.mark.django_db
class TestDowngrade:
    def test_changes_the_tier_at_once_and_owes_the_difference(self, foundation: Pool) -> None:
        term = member("sustaining")
        change = ask(term, "implementer", on="2026-07-02")
        assert (change.state, change.owed_back) == (State.MADE, Money(486_164, "USD"))
        after = fresh_term(term)
        assert (after.tier.code, after.fee) == ("implementer", HIGH - 486_164)
        # Nothing moved yet: two people decide on the refund.
        assert balances(foundation) == (0, HIGH, 0)
        run_pending_jobs()
        assert "goes back to you" in str(mail.outbox[-1].body)

    def test_the_refund_settles_it_and_the_term_stays_paid(self, foundation: Pool) -> None:
        term = member("sustaining")
        change = ask(term, "implementer", on="2026-07-02")
        payment = Payment.objects.get(purpose_id=term.pk)
        with at("2026-07-10"):
            give_back(payment, 100_000)
            assert fresh(change).owed_back.amount == 486_164
            give_back(fresh(payment), 386_164)
        assert fresh(change).settled_on == date("2026-07-10")
        assert fresh_term(term).settled_on == term.settled_on
        assert balances(foundation) == (0, HIGH - 486_164, 0)

    def test_what_went_back_before_does_not_count(self, foundation: Pool) -> None:
        term = member("sustaining")
        payment = Payment.objects.get(purpose_id=term.pk)
        with at("2026-03-01"):
            give_back(payment, 500_000)
        change = ask(term, "implementer", on="2026-07-02")
        assert change.owed_back.amount == 500_000 * 182 // 365
        with at("2026-07-10"):
            give_back(fresh(payment), 1_000)
        assert fresh(change).settled_on is None

    def test_of_dues_that_were_waived_nothing_goes_back(self, foundation: Pool) -> None:
        term = member("sustaining", paid=False)
        officer = make_officer()
        with at("2026-01-02"), use_case():
            terms.waive(term, on=date("2026-01-02"), by=officer, reason="Hardship")
        change = ask(term, "implementer", on="2026-07-02")
        assert (change.state, change.difference) == (State.MADE, 0)

    def test_only_once_a_term(self, foundation: Pool) -> None:
        term = member("sustaining")
        ask(term, "implementer", on="2026-07-02")
        pay_change(ask(term, "sustaining", on="2026-08-01"), "2026-08-02")
        with pytest.raises(ChangedBefore):
            ask(term, "implementer", on="2026-09-01")


# --- Earning --------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestEarning:
    def earn_year(self) -> list[int]:
        """What each month of 2026 earned, in all."""
        before = -books.balances(billing.pool(), "USD").get("membership-dues", 0)
        found = []
        for month in range(1, 13):
            day = earning.last_day_of_month(datetime.date(2026, month, 1))
            earning.earn_month(day)
            earned = -books.balances(billing.pool(), "USD").get("membership-dues", 0)
            found.append(earned - before)
            before = earned
        return found

    def test_the_difference_of_a_higher_tier_is_earned_over_its_own_days(
        self, foundation: Pool
    ) -> None:
        term = member()
        change = ask(term, on="2026-07-01")
        with at("2026-07-01"):
            part_of(change, billing.change_invoice(change), change.difference)
        by_month = self.earn_year()
        assert sum(by_month) == LOW + change.difference
        # Before the change nothing of it, then by days of 184.
        assert by_month[5] == pytest.approx(LOW * 30 / 365, abs=1)
        expected = LOW * 31 / 365 + change.difference * 31 / 184
        assert by_month[6] == pytest.approx(expected, abs=2)
        assert balances(foundation)[1] == 0
        assert self.earn_year() == [0] * 12

    def test_after_a_lower_tier_each_month_earns_less_and_the_rest_is_never_earned(
        self, foundation: Pool
    ) -> None:
        term = member("sustaining")
        change = ask(term, "implementer", on="2026-06-30")
        by_month = self.earn_year()
        assert by_month[0] == pytest.approx(HIGH * 31 / 365, abs=1)
        assert by_month[6] == pytest.approx(LOW * 31 / 365, abs=2)
        assert sum(by_month) == HIGH + change.difference
        assert balances(foundation) == (0, -change.difference, sum(by_month))

    def test_the_refund_takes_what_is_not_earned(self, foundation: Pool) -> None:
        term = member("sustaining")
        change = ask(term, "implementer", on="2026-06-30")
        for month in (3, 6):
            earning.earn_month(earning.last_day_of_month(datetime.date(2026, month, 1)))
        earned = balances(foundation)[2]
        give_back(Payment.objects.get(purpose_id=term.pk), -change.difference)
        assert balances(foundation)[2] == earned
        self.earn_year()
        assert balances(foundation) == (0, 0, HIGH + change.difference)

    def test_a_change_that_is_not_paid_earns_nothing(self, foundation: Pool) -> None:
        term = member()
        change = ask(term, on="2026-07-01")
        part_of(change, billing.change_invoice(change), 1_000)
        assert sum(self.earn_year()) == LOW

    def test_a_refund_of_the_difference_takes_its_unearned_part_first(
        self, foundation: Pool
    ) -> None:
        term = member()
        change = ask(term, on="2026-07-01")
        payment = part_of(change, billing.change_invoice(change), change.difference)
        Term.objects.filter(pk=term.pk).update(settled_on=date("2026-01-01"))
        earning.earn_month(date("2026-07-31"))
        earned = balances(foundation)[2]
        of_change = earned - balances_of_term(term)
        assert earning.unearned(payment) == change.difference - of_change
        give_back(payment)
        assert balances(foundation)[2] == balances_of_term(term)


def balances_of_term(term: Term) -> int:
    return earning.standings([term.pk])[term.pk]["USD"].earned


# --- Beside a renewal -----------------------------------------------------------------------------


@pytest.mark.django_db
class TestRenewal:
    def test_after_a_change_it_is_offered_in_the_new_tier(self, foundation: Pool) -> None:
        term = member()
        pay_change(ask(term), "2026-07-05")
        with at("2026-11-15"):
            renewal.run()
        offered = Term.objects.get(renews=term)
        assert (offered.tier.code, offered.fee) == ("sustaining", HIGH)

    def test_an_open_one_is_billed_anew_when_the_change_is_made(self, foundation: Pool) -> None:
        term = member()
        with at("2026-11-15"):
            renewal.run()
        offered = Term.objects.get(renews=term)
        old = billing.standing_invoice(offered)
        change = ask(term, on="2026-11-20")
        assert fresh_term(offered).tier.code == "implementer"  # not before it is paid
        pay_change(change, "2026-11-21")
        do_jobs("2026-11-21")
        offered = fresh_term(offered)
        new = billing.standing_invoice(offered)
        assert new is not None
        assert (offered.tier.code, offered.fee, new.total) == ("sustaining", HIGH, HIGH)
        assert fresh(old).voided_by is not None
        assert new.due_on == date("2027-01-01")

    def test_a_lower_tier_lowers_the_open_one(self, foundation: Pool) -> None:
        term = member("sustaining")
        with at("2026-11-15"):
            renewal.run()
        ask(term, "implementer", on="2026-11-20")
        do_jobs("2026-11-20")
        assert fresh_term(Term.objects.get(renews=term)).fee == LOW

    def test_it_goes_back_with_the_tier_when_the_money_goes(self, foundation: Pool) -> None:
        term = member()
        with at("2026-11-15"):
            renewal.run()
        payment = pay_change(ask(term, on="2026-11-20"), "2026-11-21")
        do_jobs("2026-11-21")
        assert fresh_term(Term.objects.get(renews=term)).fee == HIGH
        fail_debit(payment)
        do_jobs("2026-11-22")
        offered = fresh_term(Term.objects.get(renews=term))
        assert (offered.tier.code, offered.fee) == ("implementer", LOW)
        assert balances(foundation)[0] == LOW + payment.amount

    def test_one_that_is_paid_says_no(self, foundation: Pool) -> None:
        term = member()
        with at("2026-11-15"):
            renewal.run()
            offered = Term.objects.get(renews=term)
            transfer(invoice_of(offered), offered.fee)
        with pytest.raises(NextTermSettled):
            ask(term, on="2026-11-20")

    def test_one_whose_payment_is_under_way_says_no(self, foundation: Pool) -> None:
        term = member()
        with at("2026-11-15"):
            renewal.run()
            invoice = invoice_of(Term.objects.get(renews=term))
            payment = billing.start_dues_payment(invoice, by=contact(term))
            Payment.objects.filter(pk=payment.pk).update(status=Status.PROCESSING)
        with pytest.raises(PaymentUnderWay):
            ask(term, on="2026-11-20")

    def test_one_that_is_paid_before_the_change_stays_and_staff_are_told(
        self, foundation: Pool
    ) -> None:
        term = member()
        with at("2026-11-15"):
            renewal.run()
        change = ask(term, on="2026-11-20")
        with at("2026-11-21"):
            offered = Term.objects.get(renews=term)
            transfer(invoice_of(offered), offered.fee)
        payment = pay_change(change, "2026-11-22")
        do_jobs("2026-11-22")
        assert fresh_term(offered).tier.code == "implementer"
        assert "paid in its old tier" in fresh(payment).problem

    def test_in_grace_it_is_the_offered_term_that_changes(self, foundation: Pool) -> None:
        term = member()
        with at("2026-11-15"):
            renewal.run()
        change = ask(term, on="2027-01-05")
        offered = fresh_term(Term.objects.get(renews=term))
        assert (change.term_id, change.state) == (offered.pk, State.MADE)
        assert offered.fee == HIGH


# --- A term for which nothing was paid ------------------------------------------------------------


@pytest.mark.django_db
class TestUnpaidTerm:
    def test_is_billed_anew_as_a_whole(self, foundation: Pool) -> None:
        term = member(paid=False)
        old = invoice_of(term)
        change = ask(term, on="2026-01-10")
        after = fresh_term(term)
        new = billing.standing_invoice(after)
        assert new is not None
        assert (after.tier.code, after.fee, new.total) == ("sustaining", HIGH, HIGH)
        assert (change.state, change.difference) == (State.MADE, 0)
        assert fresh(old).voided_by is not None
        assert balances(foundation) == (HIGH, HIGH, 0)
        # And back again: nothing was paid, so nothing stands in the way.
        ask(term, "implementer", on="2026-01-11")
        assert balances(foundation) == (LOW, LOW, 0)

    def test_where_the_new_tier_costs_nothing_it_is_current_at_once(self, foundation: Pool) -> None:
        term = member(paid=False)
        tier("sustaining").fee_rules.update(amount=0)
        ask(term, on="2026-01-10")
        after = fresh_term(term)
        assert after.status(date("2026-01-10")) == Term.Status.CURRENT
        assert balances(foundation) == (0, 0, 0)

    @pytest.mark.parametrize("part", [True, False])
    def test_money_that_came_or_comes_says_no(self, foundation: Pool, part: bool) -> None:
        term = member(paid=False)
        with at("2026-01-09"):
            if part:
                transfer(invoice_of(term), 1_000)
            else:
                payment = billing.start_dues_payment(invoice_of(term), by=contact(term))
                Payment.objects.filter(pk=payment.pk).update(status=Status.PROCESSING)
        with pytest.raises(PaymentUnderWay):
            ask(term, on="2026-01-10")


# --- Who, and when not ----------------------------------------------------------------------------


@pytest.mark.django_db
class TestRefusals:
    def test_the_tier_that_it_has(self, foundation: Pool) -> None:
        with pytest.raises(SameTier):
            ask(member(), "implementer")

    def test_a_tier_for_others_and_one_that_is_closed(self, foundation: Pool) -> None:
        term = member()
        with pytest.raises(TierNotOffered):
            ask(term, "country")
        Tier.objects.filter(code="sustaining").update(open_to_new=False)
        with pytest.raises(TierNotOffered):
            ask(term)

    def test_a_lapsed_and_a_cancelled_term(self, foundation: Pool) -> None:
        term = member()
        with pytest.raises(NoTermToChange):
            ask(term, on="2027-03-01")
        with at("2026-05-01"):
            ending.cancel_term(term, on=date("2026-05-01"), by=make_officer(), reason="They left")
        with pytest.raises(NoTermToChange):
            ask(term, on="2026-05-02")

    def test_others_than_the_primary_contact(self, foundation: Pool) -> None:
        term = member()
        billing_contact = make_person()
        term.organisation.seats.create(person=billing_contact, roles=["billing_contact"])
        for person in (billing_contact, make_person(), make_officer()):
            with at("2026-07-03"), pytest.raises(MayNotChangeTier):
                changing.ask(term.organisation, tier("sustaining"), by=person)

    def test_cancelling_the_term_ends_the_open_change(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        invoice = billing.change_invoice(change)
        with at("2026-07-04"):
            ending.cancel_term(term, on=date("2026-07-04"), by=make_officer(), reason="They left")
        assert fresh(change).ended_reason == "They left"
        assert fresh(invoice).voided_by is not None
        assert balances(foundation)[0] == 0

    def test_money_for_a_change_of_a_cancelled_term_is_for_people(self, foundation: Pool) -> None:
        term = member()
        change = ask(term)
        invoice = billing.change_invoice(change)
        assert invoice is not None
        with at("2026-07-04"):
            payment = changing.start_payment(invoice, by=change.asked_by)
            Payment.objects.filter(pk=payment.pk).update(status=Status.PROCESSING)
            ending.cancel_term(term, on=date("2026-07-04"), by=make_officer(), reason="They left")
            assert fresh(change).state == State.BILLED
            pay(fresh(payment), paid_at=timezone.now())
        assert "cancelled or over" in fresh(payment).problem

    def test_the_database_holds_one_open_change_and_no_tier_without_payment(
        self, foundation: Pool
    ) -> None:
        term = member()
        change = ask(term)
        with pytest.raises(IntegrityError, match="tier_change_one_open"), transaction.atomic():
            TierChange.objects.create(
                term=term,
                old_tier=change.old_tier,
                new_tier=change.new_tier,
                asked_by=change.asked_by,
                currency="USD",
            )
        with pytest.raises(IntegrityError, match="tier_change_is_paid_for"), transaction.atomic():
            TierChange.objects.filter(pk=change.pk).update(applied_on=date("2026-07-03"))


# --- A review -------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestReview:
    @pytest.fixture
    def change(self, foundation: Pool) -> TierChange:
        Tier.objects.filter(code="sustaining").update(reviewers=2)
        return ask(member(), on="2026-07-03")

    def test_staff_decide_first_and_the_sum_counts_from_that_day(self, change: TierChange) -> None:
        assert (change.state, change.difference) == (State.ASKED, 0)
        assert not Invoice.objects.filter(purpose=billing.CHANGE).exists()
        officer = make_decider()
        assert any("waits for a decision" in need.words for need in wanted(officer))
        with at("2026-07-13"):
            changing.allow(change, by=officer)
        assert fresh(change).difference == (2 * (HIGH - LOW) * 172 + 365) // 730
        assert fresh(change).state == State.BILLED
        assert not wanted(officer)

    def test_declined_with_a_reason_nothing_changes(self, change: TierChange) -> None:
        with at("2026-07-04"):
            changing.decline(change, by=make_decider(), reason="Not yet")
        assert fresh(change).state == State.ENDED
        run_pending_jobs()
        assert "Not yet" in str(mail.outbox[-1].body)

    def test_nobody_decides_on_their_own(self, change: TierChange) -> None:
        insider = may(contact(change.term), "decide_tierchange")
        colleague = make_decider()
        change.term.organisation.seats.create(person=colleague, roles=["member"])
        with at("2026-07-04"):
            for person in (insider, colleague):
                with pytest.raises(OwnRequest):
                    changing.allow(change, by=person)
            with pytest.raises(NotPermitted):
                changing.allow(change, by=make_person())

    def test_staff_who_asked_need_a_colleague(self, change: TierChange) -> None:
        officer = make_decider()
        with at("2026-07-04"):
            changing.withdraw(change, by=officer)
            mine = changing.ask(change.term.organisation, tier("sustaining"), by=officer)
            with pytest.raises(OwnRequest):
                changing.allow(mine, by=officer)

    def test_one_that_nobody_decided_ends_with_the_term(self, change: TierChange) -> None:
        assert changing.end_unpaid(date("2026-12-31")) == 0
        assert changing.end_unpaid(date("2027-01-01")) == 1
        with pytest.raises(ChangeOver):
            changing.allow(change, by=make_decider())


def wanted(person: User) -> list[Any]:
    return [need for need in needs.of_tier_changes(person) if need is not None]


# --- At once --------------------------------------------------------------------------------------


def test_two_who_ask_at_once_make_one_change(committed_db: Any) -> None:
    begin_foundation()
    with at("2026-01-01"):
        term = admitted_term(starts_on=timezone.localdate(), **COMPANY)
        transfer(invoice_of(term), term.fee)
    organisation = term.organisation
    person, new = contact(term), tier("sustaining")

    with at("2026-07-03"):
        outcomes = together(
            *[lambda: changing.ask(organisation, new, by=person) for _each in range(2)]
        )

    assert sorted(type(each).__name__ for each in outcomes) == ["ChangeOpen", "TierChange"]
    assert Invoice.objects.filter(purpose=billing.CHANGE).count() == 1


def test_a_payment_and_a_withdrawal_at_once_leave_one_truth(committed_db: Any) -> None:
    begin_foundation()
    with at("2026-01-01"):
        term = admitted_term(starts_on=timezone.localdate(), **COMPANY)
        transfer(invoice_of(term), term.fee)
    with at("2026-07-03"):
        change = changing.ask(term.organisation, tier("sustaining"), by=contact(term))
        invoice = billing.change_invoice(change)
        assert invoice is not None
        payment = changing.start_payment(invoice, by=change.asked_by)
        person = contact(term)
        together(lambda: pay(payment), lambda: changing.withdraw(change, by=person))

    change, term = fresh(change), fresh_term(term)
    made = change.state == State.MADE
    assert made == (term.tier.code == "sustaining")
    assert made == (fresh(invoice).voided_by is None)
    assert balances(billing.pool())[0] == 0


# --- The pages ------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.usefixtures("on_site")
class TestPages:
    @pytest.fixture
    def term(self, foundation: Pool) -> Term:
        row = admitted_term(**COMPANY)
        transfer(invoice_of(row), row.fee)
        return fresh_term(row)

    def urls(self, organisation: Organisation) -> tuple[str, str]:
        return (
            reverse("membership_tiers", args=[organisation.slug]),
            reverse("membership_tier", args=[organisation.slug, "sustaining"]),
        )

    def test_the_contact_reads_what_it_means_then_asks(self, term: Term, client: Client) -> None:
        sign_in(client, contact(term))
        every, one = self.urls(term.organisation)
        assert one in client.get(every).content.decode()
        page = client.get(one).content.decode()
        assert "$10,000.00 instead of $250.00" in page
        assert "365 / 365" in page
        assert not TierChange.objects.exists()

        answer = client.post(one, follow=True)
        assert "The invoice is issued" in answer.content.decode()
        again = client.post(one, follow=True).content.decode()
        assert "was asked for and waits" in again
        change = TierChange.objects.get()
        invoice = billing.change_invoice(change)
        assert invoice is not None
        assert invoice.number in again
        assert reverse("membership_pay", args=[invoice.public_id]) in again

        assert "Withdraw the change" in client.get(every).content.decode()
        client.post(every, {"change": change.pk})
        assert fresh(change).state == State.ENDED

    def test_other_peoples_organisations_are_not_there(self, term: Term, client: Client) -> None:
        change = changing.ask(term.organisation, tier("sustaining"), by=contact(term))
        invoice = billing.change_invoice(change)
        assert invoice is not None
        other = fresh_term(admitted_term(**COMPANY))
        sign_in(client, contact(other))
        for url in self.urls(term.organisation):
            assert client.get(url).status_code == 404
            assert client.post(url).status_code == 404
        own = reverse("membership_tiers", args=[other.organisation.slug])
        assert client.post(own, {"change": change.pk}).status_code == 404
        assert client.post(own, {"change": "x" * 30}).status_code == 404
        assert client.post(reverse("membership_pay", args=[invoice.public_id])).status_code == 404

    def test_colleagues_read_why_they_cannot(self, term: Term, client: Client) -> None:
        colleague = make_person()
        term.organisation.seats.create(person=colleague, roles=["member"])
        sign_in(client, colleague)
        every, one = self.urls(term.organisation)
        assert "Only the primary contact" in client.get(every).content.decode()
        assert "Only the primary contact" in client.post(one, follow=True).content.decode()
        assert not TierChange.objects.exists()

    def test_an_officer_asks_on_behalf_and_another_decides(
        self, term: Term, client: Client
    ) -> None:
        Tier.objects.filter(code="sustaining").update(reviewers=2)
        sign_in(client, make_staff("Membership officers"))
        assert "Change the tier" in client.get("/admin/members/terms/").content.decode()
        url = f"/admin/members/terms/tier/{term.pk}/"
        assert "$10,000.00" in client.get(url).content.decode()
        client.post(url, {"tier": "nothing"})
        assert not TierChange.objects.exists()
        client.post(url, {"tier": "sustaining"})
        change = TierChange.objects.get()
        page = reverse("dues_tier_changes:inspect", args=[change.pk])
        assert "Nobody decides on their own request" in client.post(
            page, {"act": "allow"}, follow=True
        ).content.decode().replace("&#x27;", "'")

        client.logout()
        sign_in(client, make_staff("Membership officers"))
        assert "Allow the change" in client.get(page).content.decode()
        shown = client.post(page, {"act": "decline", "reason": ""}).content.decode()
        assert "Write the reason" in shown
        client.post(page, {"act": "allow"})
        assert fresh(change).state == State.BILLED
        client.post(page, {"act": "waive", "reason": "A gift in kind"})
        assert fresh(change).state == State.MADE

    def test_the_list_shows_what_waits(self, term: Term, client: Client) -> None:
        changing.ask(term.organisation, tier("sustaining"), by=contact(term))
        sign_in(client, make_staff("Membership officers"))
        index = reverse("dues_tier_changes:index")
        name = term.organisation.public_name
        assert name in client.get(index, {"waiting": "payment"}).content.decode()
        assert name not in client.get(index, {"waiting": "decision"}).content.decode()
        assert name not in client.get(index, {"waiting": "back"}).content.decode()

    def test_auditors_read_and_editors_do_not(self, term: Term, client: Client) -> None:
        change = changing.ask(term.organisation, tier("sustaining"), by=contact(term))
        page = reverse("dues_tier_changes:inspect", args=[change.pk])
        sign_in(client, make_staff("Auditors"))
        assert client.get(page).status_code == 200
        assert client.post(page, {"act": "withdraw"}).status_code == 403
        client.logout()
        sign_in(client, make_staff("Editors"))
        assert client.get(page).status_code == 403

    def test_the_treasurer_sees_what_has_to_go_back(self, foundation: Pool, client: Client) -> None:
        row = admitted_term(**{**COMPANY, "tier": "sustaining"})
        transfer(invoice_of(row), row.fee)
        change = changing.ask(row.organisation, tier("implementer"), by=contact(row))
        treasurer = make_staff("Treasurers")
        assert any("has to go back" in need.words for need in wanted(treasurer))
        sign_in(client, treasurer)
        page = client.get(reverse("dues_tier_changes:inspect", args=[change.pk]))
        payment = Payment.objects.get(purpose_id=row.pk)
        link = reverse("payments_payments:inspect", args=[payment.pk])
        assert link in page.content.decode()
        assert client.get(link).status_code == 200

    def test_the_invoice_of_a_change_is_listed_and_not_credited_by_hand(
        self, term: Term, client: Client
    ) -> None:
        change = changing.ask(term.organisation, tier("sustaining"), by=contact(term))
        invoice = billing.change_invoice(change)
        assert invoice is not None
        sign_in(client, make_staff("Treasurers"))
        url = reverse("dues_invoices:inspect", args=[invoice.pk])
        assert "Make it void" not in client.get(url).content.decode()
        client.post(url, {"act": "credit", "reason": "x", "then": "keep"})
        assert fresh(invoice).voided_by is None


# --- Beside what else happens to a member ---------------------------------------------------------


@pytest.mark.django_db
def test_a_term_that_is_cancelled_from_a_later_day_keeps_its_tier(foundation: Pool) -> None:
    term = member()
    officer = may(make_person(is_staff=True), "cancel_term")
    with at("2026-07-01"):
        ending.cancel_term(term, on=date("2026-10-01"), by=officer, reason="They merge")
    with pytest.raises(NoTermToChange):
        ask(term)


@pytest.mark.django_db
def test_staff_with_a_seat_there_ask_for_no_other_tier(foundation: Pool) -> None:
    term, officer = member(), make_decider()
    with use_case():
        give_seat(term.organisation, officer, [SeatRole.MEMBER])
    with at("2026-07-03"), pytest.raises(MayNotChangeTier):
        changing.ask(term.organisation, tier("sustaining"), by=officer)


@pytest.mark.django_db
def test_the_difference_is_billed_in_a_currency_that_the_books_do_not_know_yet(
    foundation: Pool,
) -> None:
    for code, amount in (("implementer", 20_000), ("sustaining", 900_000)):
        FeeRule.objects.create(
            tier=tier(code), kind="company", income_group="low", amount=amount, currency="EUR",
            valid_from=date("2026-01-01"), source="The board", source_year=2026,
        )  # fmt: skip
    term = member(paid=False)
    officer = may(make_person(is_staff=True), "import_members")
    Term.objects.filter(pk=term.pk).update(currency="EUR", fee=20_000)
    with use_case():
        terms.settle_elsewhere(term, on=date("2026-01-01"), by=officer, evidence="Old list")
    change = ask(fresh_term(term))
    invoice = billing.change_invoice(change)
    assert invoice is not None
    assert (invoice.currency, change.state) == ("EUR", State.BILLED)


@pytest.mark.django_db
def test_what_was_promised_follows_the_tier_at_once(foundation: Pool) -> None:
    Benefit.objects.update(offered_from=date("2026-01-01"))
    term = member()
    change = ask(term)
    pay_change(change, "2026-07-04")
    do_jobs("2026-07-04")
    tiers = set(term.tasks.open().values_list("benefit__tier__code", flat=True))
    assert tiers == {"sustaining"}
