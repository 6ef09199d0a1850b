"""Dues that went back: what becomes of the invoice, the term and the books, and how it goes on."""

import time
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.db import OperationalError
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.transactions import use_case
from funding.dues import billing, crediting
from funding.dues.crediting import bill_again, credit_invoice
from funding.dues.refusals import (
    InvoicePaid,
    InvoiceStands,
    MayNotCredit,
    NothingToPay,
    TermCancelled,
)
from funding.ledger.models import Entry, Pool
from funding.payments import money_back, outcomes, payout_purposes, payouts, progress, refunds
from funding.payments.banking import undoing
from funding.payments.models import Invoice, Payment, ProcessorTransaction, Refund, Status
from membership import terms
from membership.models import Term
from portal import groups
from tests.dues.test_crediting import balances, make_treasurer, standing, transfer
from tests.factories import banking
from tests.factories.home import make_site, make_staff, sign_in
from tests.factories.membership import (
    admitted_term,
    dues_payment,
    invoice_of,
    make_officer,
    pay,
)
from tests.factories.membership import foundation as begin_foundation
from tests.factories.payments import state
from tests.factories.payouts import approve, ask_refund
from tests.factories.pools import make_person
from tests.races import together

NOTHING = {"dues-receivable": 0, "deferred-dues": 0, "credits-payable": 0}


def give_back(payment: Payment, amount: int | None = None) -> None:
    """A refund from the bank that was paid."""
    more = {} if amount is None else {"amount": amount}
    payout = approve(ask_refund(payment, place="bank", **more))
    payouts.paid_at_bank(
        payout, bank_reference="X", on=timezone.localdate(), by=banking.make_staff()
    )


def fail_debit(payment: Payment) -> None:
    """The bank debit of a settled payment fails after all."""
    assert payment.settled_gross is not None
    line = ProcessorTransaction.objects.create(
        balance_transaction=f"txn_failed_{payment.pk}",
        type="payment_failure_refund",
        reporting_category="charge_failure",
        amount=-payment.settled_gross,
        fee=0,
        net=-payment.settled_gross,
        currency="USD",
        source=payment.stripe_charge or "",
        created_at=timezone.now(),
        available_on=timezone.localdate(),
    )
    assert refunds.book_failed_debit(line) == ""


def fresh(row: Any) -> Any:
    return type(row).objects.get(pk=row.pk)


# --- Given back whole -----------------------------------------------------------------------------


@pytest.mark.django_db
class TestGivenBackWhole:
    def test_the_invoice_is_void_the_term_unpaid_and_the_books_hold_nothing(
        self, foundation: Pool, client: Client
    ) -> None:
        banking.make_account("USD")
        term = admitted_term()
        invoice = invoice_of(term)

        give_back(transfer(invoice, invoice.total))

        invoice = fresh(invoice)
        assert fresh(term).settled_on is None
        assert invoice.voided_by is not None
        assert balances(foundation) == NOTHING
        assert not Entry.objects.filter(kind="dues-credited").exists()
        words = client.get(invoice.get_absolute_url()).content.decode()
        assert "Void since" in words
        assert "Paid on" not in words

    def test_the_term_can_be_billed_again_and_paid(self, foundation: Pool) -> None:
        banking.make_account("USD")
        term = admitted_term()
        invoice = invoice_of(term)
        give_back(transfer(invoice, invoice.total))

        new = bill_again(invoice, by=make_treasurer())

        assert new == standing(term)
        assert new.total == term.fee
        assert balances(foundation)["dues-receivable"] == term.fee
        assert billing.why_not_payable(fresh(term), new) == ""
        transfer(new, new.total)
        assert fresh(term).settled_on is not None
        assert balances(foundation)["dues-receivable"] == 0

    def test_a_part_leaves_the_invoice_paid_and_the_second_part_makes_it_void(
        self, foundation: Pool
    ) -> None:
        banking.make_account("USD")
        term = admitted_term()
        invoice = invoice_of(term)
        payment = transfer(invoice, invoice.total)

        give_back(payment, 1_000)
        assert fresh(term).settled_on is not None
        assert fresh(invoice).voided_by is None
        assert fresh(invoice).outstanding.amount == 0

        give_back(payment, invoice.total - 1_000)
        assert fresh(term).settled_on is None
        assert fresh(invoice).voided_by is not None
        assert balances(foundation) == NOTHING

    def test_of_an_invoice_paid_in_part_the_unpaid_rest_is_credited_too(
        self, foundation: Pool
    ) -> None:
        banking.make_account("USD")
        invoice = invoice_of(admitted_term())
        give_back(transfer(invoice, 1_000))
        assert fresh(invoice).voided_by is not None
        assert balances(foundation) == NOTHING

    def test_a_refund_that_failed_settles_the_term_on_the_day_it_first_was(
        self, foundation: Pool
    ) -> None:
        banking.make_account("USD")
        term = admitted_term()
        invoice = invoice_of(term)
        payment = transfer(invoice, invoice.total)
        before = fresh(term).settled_on
        give_back(payment)

        tell_it_failed(payment)

        assert fresh(term).settled_on == before
        assert fresh(payment).problem == ""

    def test_a_refund_that_failed_after_the_term_was_billed_again_is_for_people(
        self, foundation: Pool
    ) -> None:
        banking.make_account("USD")
        term = admitted_term()
        invoice = invoice_of(term)
        payment = transfer(invoice, invoice.total)
        give_back(payment)
        bill_again(invoice, by=make_treasurer())

        tell_it_failed(payment)

        assert fresh(term).settled_on is None
        assert "billed anew" in fresh(payment).problem


def tell_it_failed(payment: Payment) -> None:
    """The refund's money is back with us, as far as dues hear of it."""
    Refund.objects.filter(payment=payment).update(status="failed", taken_back_at=timezone.now())
    with use_case():
        locked = progress.lock(payment.pk)
        outcomes.outcome_of("dues").kept_after_all(locked, locked.amount)


# --- A bank debit that failed after all -----------------------------------------------------------


@pytest.mark.django_db
def test_after_a_failed_debit_the_same_invoice_can_be_paid_again(foundation: Pool) -> None:
    term = admitted_term()
    payment = dues_payment(term)
    pay(payment)
    payment.refresh_from_db()
    invoice = invoice_of(term)

    fail_debit(payment)

    invoice = fresh(invoice)
    assert fresh(term).settled_on is None
    assert invoice.voided_by is None
    assert balances(foundation)["dues-receivable"] == invoice.total == invoice.outstanding.amount
    again = dues_payment(term)
    assert again != payment
    pay(again)
    assert fresh(term).settled_on is not None
    assert money_back.paid_by(fresh(again)) == "dues"
    assert balances(foundation)["dues-receivable"] == 0


# --- Paid twice -----------------------------------------------------------------------------------


@pytest.mark.django_db
class TestPaidTwice:
    def test_when_the_first_is_undone_the_second_pays_in_its_place(self, foundation: Pool) -> None:
        banking.make_account("USD")
        term = admitted_term()
        invoice = invoice_of(term)
        clerk = banking.make_staff()
        first, second = transfer(invoice, invoice.total), transfer(invoice, invoice.total)
        assert money_back.paid_by(second) == "too-much"

        with use_case():
            undoing.take_back_payment(first, by=clerk, reason="Of another member")

        assert fresh(term).settled_on is not None
        assert fresh(invoice).how_paid().by == second
        assert money_back.paid_by(fresh(second)) == "dues"
        assert balances(foundation) == NOTHING | {"deferred-dues": -invoice.total}

        with use_case():
            undoing.take_back_payment(second, by=clerk, reason="Of another member")
        assert fresh(term).settled_on is None
        assert fresh(invoice).outstanding.amount == invoice.total
        assert balances(foundation) == {
            "dues-receivable": invoice.total,
            "deferred-dues": -invoice.total,
            "credits-payable": 0,
        }

    def test_a_second_that_is_asked_back_stays_owed_back_and_staff_are_told(
        self, foundation: Pool
    ) -> None:
        banking.make_account("USD")
        term = admitted_term()
        invoice = invoice_of(term)
        clerk = banking.make_staff()
        first, second = transfer(invoice, invoice.total), transfer(invoice, invoice.total)
        ask_refund(second, place="bank")
        assert payouts.open_requests(payout_purposes.REFUND, second.pk)

        with use_case():
            undoing.take_back_payment(first, by=clerk, reason="Of another member")

        assert fresh(term).settled_on is None
        assert fresh(invoice).outstanding.amount == invoice.total
        assert "Talk to the payer" in fresh(second).problem
        assert billing.why_not_payable(fresh(term), fresh(invoice)) == ""


# --- Crediting, and billing again -----------------------------------------------------------------


@pytest.mark.django_db
def test_of_a_part_that_was_partly_given_back_the_kept_rest_is_invoiced_anew(
    foundation: Pool,
) -> None:
    banking.make_account("USD")
    term = admitted_term()
    invoice = invoice_of(term)
    give_back(transfer(invoice, 5_000), 2_000)

    credit_invoice(invoice, by=make_treasurer(), reason="A hardship", then="keep")

    new = standing(term)
    assert new.total == 3_000
    assert new.outstanding.amount == 0
    assert balances(foundation) == NOTHING | {"deferred-dues": -3_000}


@pytest.mark.django_db
class TestBillingAgain:
    def test_a_kept_term_whose_unpaid_invoice_was_credited_is_billed_once(
        self, foundation: Pool
    ) -> None:
        term = admitted_term()
        invoice, treasurer = invoice_of(term), make_treasurer()
        with pytest.raises(InvoiceStands):
            bill_again(invoice, by=treasurer)
        credit_invoice(invoice, by=treasurer, reason="The wrong address", then="keep")

        new = bill_again(invoice, by=treasurer)

        assert new.due_on == timezone.localdate() + billing.PAYMENT_PERIOD
        assert balances(foundation)["dues-receivable"] == new.total
        with pytest.raises(InvoiceStands):
            bill_again(invoice, by=treasurer)

    def test_not_by_just_anybody(self, foundation: Pool) -> None:
        invoice = invoice_of(admitted_term())
        credit_invoice(invoice, by=make_treasurer(), reason="The wrong address", then="keep")
        with pytest.raises(MayNotCredit):
            bill_again(invoice, by=make_officer())

    def test_a_cancelled_term_is_billed_no_more(self, foundation: Pool) -> None:
        invoice, treasurer = invoice_of(admitted_term()), make_treasurer()
        credit_invoice(invoice, by=treasurer, reason="They merged", then="cancel")
        with pytest.raises(TermCancelled):
            bill_again(invoice, by=treasurer)

    @pytest.mark.parametrize(
        ("facts", "refusal"), [("settled", InvoicePaid), ("waived", NothingToPay)]
    )
    def test_a_term_that_is_settled_or_waived_is_billed_no_more(
        self, foundation: Pool, facts: str, refusal: type[Exception]
    ) -> None:
        term, treasurer = admitted_term(), make_treasurer()
        invoice = invoice_of(term)
        credit_invoice(invoice, by=treasurer, reason="The wrong address", then="keep")
        with use_case():
            if facts == "settled":
                terms.settle(term, on=timezone.localdate())
            else:
                terms.waive(
                    term, on=timezone.localdate(), by=officer("waive_term"), reason="Hardship"
                )
        with pytest.raises(refusal):
            bill_again(invoice, by=treasurer)

    def test_by_the_button_in_the_back_office(self, foundation: Pool, client: Client) -> None:
        make_site()
        term = admitted_term()
        invoice = invoice_of(term)
        credit_invoice(invoice, by=make_treasurer(), reason="The wrong address", then="keep")
        sign_in(client, make_staff(groups.TREASURERS))
        page = reverse("dues_invoices:inspect", args=[invoice.pk])
        assert 'value="again"' in client.get(page).content.decode()

        answer = client.post(page, {"act": "again"})

        assert answer.status_code == 302
        assert standing(term) != invoice
        assert 'value="again"' not in client.get(page).content.decode()
        client.post(page, {"act": "again"})
        assert billing.invoices_of(term.organisation).count() == 2


def officer(*rights: str) -> Any:
    person = make_officer()
    person.user_permissions.add(*Permission.objects.filter(codename__in=rights))
    return fresh(person)


# --- What the pages ask for -----------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize("how", ["cancel", "waive"])
def test_the_pages_of_an_invoice_that_nobody_should_pay_ask_for_nothing(
    foundation: Pool, client: Client, how: str
) -> None:
    banking.make_account("USD")
    term = admitted_term()
    invoice = invoice_of(term)
    asked = client.get(invoice.get_absolute_url()).content.decode()
    assert "Pay by bank transfer" in asked
    with use_case():
        verb = terms.cancel if how == "cancel" else terms.waive
        verb(term, on=timezone.localdate(), by=officer(f"{how}_term"), reason="They merged")
    why = billing.why_not_payable(fresh(term), invoice)
    assert why

    words = client.get(invoice.get_absolute_url()).content.decode()
    assert why in words
    assert "Pay by bank transfer" not in words
    assert "to be paid by" not in words
    words = client.get(invoice.expected.get_absolute_url()).content.decode()
    assert why in words
    assert "Give the reference exactly" not in words


@pytest.mark.django_db
def test_while_a_debit_is_under_way_nothing_more_is_asked_for(
    foundation: Pool, client: Client
) -> None:
    banking.make_account("USD")
    alice = make_person("alice@example.org")
    term = admitted_term(alice)
    payment = dues_payment(term)
    Payment.objects.filter(pk=payment.pk).update(status=Status.PROCESSING, channel="bank_debit")
    invoice = invoice_of(term)
    sign_in(client, alice)

    own = client.get(reverse("membership_area")).content.decode()
    assert "being confirmed" in own
    assert reverse("membership_pay", args=[invoice.public_id]) not in own
    words = client.get(invoice.get_absolute_url()).content.decode()
    assert "is being confirmed" in words
    assert "Pay by bank transfer" not in words
    assert "pay by card" not in words


# --- Two at once ----------------------------------------------------------------------------------


def test_crediting_beside_news_of_the_card_waits_and_does_not_deadlock(
    committed_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_foundation()
    term = admitted_term()
    invoice, treasurer = invoice_of(term), make_treasurer()
    payment = dues_payment(term)
    real = progress.issue_receipt

    def slow(paid: Payment) -> Any:
        time.sleep(0.8)
        return real(paid)

    monkeypatch.setattr(progress, "issue_receipt", slow)

    def hook() -> None:
        with use_case():
            progress.apply(payment.pk, state(payment))

    def order() -> Invoice:
        time.sleep(0.4)
        return crediting.reissue_with_purchase_order(invoice, "PO 1", by=treasurer)

    found = together(hook, order)
    assert not [answer for answer in found if isinstance(answer, OperationalError)]
    assert Term.objects.get(pk=term.pk).settled_on is not None


def test_crediting_beside_a_refund_does_not_deadlock(
    committed_db: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    begin_foundation()
    banking.make_account("USD")
    invoice, treasurer = invoice_of(admitted_term()), make_treasurer()
    payout = approve(ask_refund(transfer(invoice, invoice.total), place="bank"))
    clerk = banking.make_staff()
    real = crediting.void_given_back

    def slow(voided: Invoice) -> Any:
        time.sleep(0.8)
        return real(voided)

    monkeypatch.setattr(crediting, "void_given_back", slow)

    def paid() -> None:
        payouts.paid_at_bank(payout, bank_reference="X", on=timezone.localdate(), by=clerk)

    def credit() -> None:
        time.sleep(0.4)
        credit_invoice(invoice, by=treasurer, reason="They merged", then="keep")

    found = together(paid, credit)
    assert not [answer for answer in found if isinstance(answer, OperationalError)]
    assert Invoice.objects.get(pk=invoice.pk).voided_by is not None
