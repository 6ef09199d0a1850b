"""Crediting dues invoices: the paper, the books and the term move together or not at all."""

import uuid
from typing import Any

import pytest
from django.contrib.auth.models import Permission
from django.core import mail
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.transactions import use_case
from funding.dues import billing, crediting
from funding.dues.crediting import credit_invoice, reissue_with_purchase_order
from funding.dues.refusals import (
    InvoiceVoid,
    MayNotCredit,
    MoneyCame,
    PaymentUnderWay,
    PurchaseOrderMissing,
    SamePurchaseOrder,
)
from funding.ledger import queries as books
from funding.ledger.models import Entry, Pool
from funding.payments import progress
from funding.payments.credit_notes import ReasonMissing
from funding.payments.models import CreditNote, ExpectedPayment, Invoice, Payment, Refund, Status
from funding.payments.outcomes import Settlement
from membership.models import SeatRole, Term
from membership.refusals import NotPermitted
from portal import groups
from tests.factories.home import make_site, make_staff, sign_in
from tests.factories.membership import (
    admitted_term,
    dues_payment,
    invoice_of,
    make_officer,
    paid_term,
    pay,
)
from tests.factories.membership import foundation as begin_foundation
from tests.factories.payments import make_invoice, make_payment, settlement, state
from tests.factories.pools import make_person
from tests.races import together


def make_treasurer(*, cancels: bool = True) -> User:
    person = make_officer() if cancels else make_person()
    person.user_permissions.add(
        Permission.objects.get(codename="issue_credit_note", content_type__app_label="payments")
    )
    return User.objects.get(pk=person.pk)


def balances(pool: Pool) -> dict[str, int]:
    found = books.balances(pool, "USD")
    return {
        name: found.get(name, 0) for name in ("dues-receivable", "deferred-dues", "credits-payable")
    }


def standing(term: Term) -> Invoice:
    return billing.invoices_of(term.organisation).get(credit_note=None)


def transfer(invoice: Invoice, amount: int) -> Payment:
    """A part that came by bank, in the books."""
    payment = make_payment(
        amount, purpose="dues", purpose_id=invoice.purpose_id, pool=billing.pool(), invoice=invoice
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


# --- Crediting ------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestCrediting:
    def test_it_voids_the_paper_books_what_was_unpaid_and_cancels_the_term(
        self, foundation: Pool
    ) -> None:
        term = admitted_term()
        invoice = invoice_of(term)
        assert balances(foundation)["dues-receivable"] == invoice.total

        note = credit_invoice(invoice, by=make_treasurer(), reason="They merged", then="cancel")

        term.refresh_from_db()
        assert balances(foundation) == {
            "dues-receivable": 0,
            "deferred-dues": 0,
            "credits-payable": 0,
        }
        entry = Entry.objects.get(kind="dues-credited")
        assert entry.source == f"invoice:{invoice.number}"
        assert (note.total, note.reason) == (invoice.total, "They merged")
        assert term.cancelled_on == timezone.localdate()
        assert not Invoice.objects.get(pk=invoice.pk).expected.is_open

    def test_a_term_that_is_kept_awaits_its_payment(self, foundation: Pool) -> None:
        term = admitted_term()
        credit_invoice(
            invoice_of(term), by=make_treasurer(), reason="The wrong address", then="keep"
        )
        term.refresh_from_db()
        assert term.status(timezone.localdate()) == Term.Status.AWAITING_PAYMENT

    def test_of_an_invoice_paid_in_part_the_part_is_invoiced_anew_and_the_rest_let_off(
        self, foundation: Pool
    ) -> None:
        term = admitted_term()
        invoice = invoice_of(term)
        part = transfer(invoice, 5_000)
        run_pending_jobs()
        mail.outbox.clear()

        note = credit_invoice(invoice, by=make_treasurer(), reason="A hardship", then="keep")
        run_pending_jobs()

        new = standing(term)
        term.refresh_from_db()
        part.refresh_from_db()
        assert (note.total, new.total) == (invoice.total, 5_000)
        assert part.invoice == new
        assert new.how_paid().by == part
        assert not new.expected.is_open
        assert balances(foundation)["dues-receivable"] == 0
        assert balances(foundation)["deferred-dues"] == -5_000
        assert term.settled_on == timezone.localdate()
        (message,) = mail.outbox
        assert [name for name, *_ in message.attachments] == [
            f"{new.number}.pdf",
            f"{note.number}.pdf",
        ]

    def test_a_paid_invoice_is_refunded_before_it_is_credited(self, foundation: Pool) -> None:
        term = paid_term()
        invoice = invoice_of(term)
        treasurer = make_treasurer()
        with pytest.raises(MoneyCame):
            credit_invoice(invoice, by=treasurer, reason="They left", then="cancel")
        payment = invoice.payments.get()
        Refund.objects.create(
            payment=payment,
            amount=payment.amount,
            currency="USD",
            status="succeeded",
            created_at=timezone.now(),
        )
        before = balances(foundation)

        credit_invoice(invoice, by=treasurer, reason="They left", then="cancel")

        # The refund's own entry did what there was to do.
        assert balances(foundation) == before
        assert Invoice.objects.get(pk=invoice.pk).voided_by is not None

    def test_who_may_not_and_what_has_no_reason_change_nothing(self, foundation: Pool) -> None:
        invoice = invoice_of(admitted_term())
        with pytest.raises(MayNotCredit):
            credit_invoice(invoice, by=make_officer(), reason="A mistake", then="keep")
        with pytest.raises(ReasonMissing):
            credit_invoice(invoice, by=make_treasurer(), reason=" ", then="keep")
        with pytest.raises(NotPermitted):
            credit_invoice(
                invoice, by=make_treasurer(cancels=False), reason="A mistake", then="cancel"
            )
        assert not CreditNote.objects.exists()
        assert balances(foundation)["dues-receivable"] == invoice.total

    def test_twice_is_refused(self, foundation: Pool) -> None:
        invoice, treasurer = invoice_of(admitted_term()), make_treasurer()
        credit_invoice(invoice, by=treasurer, reason="A mistake", then="keep")
        with pytest.raises(InvoiceVoid):
            credit_invoice(invoice, by=treasurer, reason="A mistake", then="keep")


@pytest.mark.django_db
def test_a_payment_after_the_invoice_was_cancelled_is_owed_back_and_makes_nobody_a_member(
    foundation: Pool,
) -> None:
    term = admitted_term()
    payment = dues_payment(term)  # the card page is open
    credit_invoice(invoice_of(term), by=make_treasurer(), reason="They merged", then="keep")

    pay(payment)

    term.refresh_from_db()
    payment.refresh_from_db()
    assert term.settled_on is None
    assert payment.status == Status.SUCCEEDED
    assert "belongs to the payer" in payment.problem
    assert balances(foundation)["credits-payable"] == -payment.amount
    assert balances(foundation)["dues-receivable"] == 0


@pytest.mark.django_db
def test_nobody_begins_to_pay_a_void_invoice(foundation: Pool) -> None:
    term = admitted_term()
    invoice = invoice_of(term)
    credit_invoice(invoice, by=make_treasurer(), reason="They merged", then="keep")
    with pytest.raises(InvoiceVoid):
        billing.start_dues_payment(
            Invoice.objects.get(pk=invoice.pk), by=make_person("late@example.org")
        )


# --- Two ways at once -----------------------------------------------------------------------------


def test_two_tabs_paying_one_invoice_make_one_payment(committed_db: Any) -> None:
    begin_foundation()
    term = admitted_term()

    results = together(lambda: dues_payment(term), lambda: dues_payment(term))

    assert results[0] == results[1]
    assert Payment.objects.count() == 1


@pytest.mark.django_db
def test_a_card_for_all_after_a_part_came_by_transfer_is_owed_back_and_leaves_the_rest_open(
    foundation: Pool,
) -> None:
    term = admitted_term()
    invoice = invoice_of(term)
    card = dues_payment(term)
    transfer(invoice, 5_000)

    pay(card)

    card.refresh_from_db()
    term.refresh_from_db()
    left = invoice.total - 5_000
    assert term.settled_on is None
    assert invoice.outstanding.amount == left
    assert balances(foundation)["dues-receivable"] == left
    assert balances(foundation)["credits-payable"] == -card.amount
    assert "which stays open" in card.problem

    transfer(invoice, left)
    term.refresh_from_db()
    assert term.settled_on == timezone.localdate()
    assert balances(foundation)["dues-receivable"] == 0


@pytest.mark.django_db
def test_what_does_not_fit_and_is_not_booked_yet_keeps_nothing_from_paying(
    foundation: Pool,
) -> None:
    term = admitted_term()
    invoice = invoice_of(term)
    card = dues_payment(term)
    transfer(invoice, 5_000)
    with use_case():
        progress.apply(card.pk, state(card))

    transfer(invoice, invoice.total - 5_000)
    with use_case():
        progress.settle(card.pk, settlement(card))

    term.refresh_from_db()
    assert term.settled_on == timezone.localdate()
    assert balances(foundation)["dues-receivable"] == 0
    assert balances(foundation)["credits-payable"] == -card.amount


@pytest.mark.django_db
def test_a_card_in_one_tab_and_a_transfer_in_another_settle_once_and_the_second_is_owed_back(
    foundation: Pool,
) -> None:
    term = admitted_term()
    invoice = invoice_of(term)
    card = dues_payment(term)
    transfer(invoice, invoice.total)

    pay(card)

    term.refresh_from_db()
    card.refresh_from_db()
    assert term.settled_on == timezone.localdate()
    assert balances(foundation)["dues-receivable"] == 0
    assert balances(foundation)["deferred-dues"] == -invoice.total
    assert balances(foundation)["credits-payable"] == -invoice.total
    assert "belongs to the payer" in card.problem
    assert ExpectedPayment.objects.get(invoice=invoice).outstanding.amount == 0


def test_crediting_while_somebody_pays_ends_in_one_of_two_right_ways(committed_db: Any) -> None:
    pool = begin_foundation()
    term = admitted_term()
    invoice, treasurer = invoice_of(term), make_treasurer()
    payment = dues_payment(term)

    def arrive() -> None:
        with use_case():
            progress.apply(payment.pk, state(payment))
        with use_case():
            progress.settle(payment.pk, settlement(payment))

    together(
        arrive, lambda: credit_invoice(invoice, by=treasurer, reason="They merged", then="keep")
    )

    invoice = Invoice.objects.get(pk=invoice.pk)
    found = balances(pool)
    assert found["dues-receivable"] == 0
    if invoice.voided_by:
        assert found["credits-payable"] == -invoice.total
        assert found["deferred-dues"] == 0
    else:
        assert found["credits-payable"] == 0
        assert found["deferred-dues"] == -invoice.total


# --- Purchase orders ------------------------------------------------------------------------------


@pytest.mark.django_db
class TestPurchaseOrders:
    def test_the_invoice_is_issued_anew_with_it_and_the_books_stay_as_they_were(
        self, foundation: Pool
    ) -> None:
        alice = make_person("alice@example.org")
        term = admitted_term(alice)
        old = invoice_of(term)
        before = balances(foundation)
        run_pending_jobs()
        mail.outbox.clear()

        new = reissue_with_purchase_order(old, "  PO  2026/7 ", by=alice)
        run_pending_jobs()

        old = Invoice.objects.get(pk=old.pk)
        assert (new.purchase_order, new.total, new.due_on) == ("PO 2026/7", old.total, old.due_on)
        assert old.voided_by is not None
        assert standing(term) == new
        assert balances(foundation) == before
        assert new.expected.purchase_order == "PO 2026/7"
        (message,) = mail.outbox
        assert message.to == ["alice@example.org"]
        assert len(message.attachments) == 2

    def test_a_card_page_open_in_another_tab_pays_the_new_invoice(self, foundation: Pool) -> None:
        alice = make_person("alice@example.org")
        term = admitted_term(alice)
        payment = dues_payment(term)

        new = reissue_with_purchase_order(invoice_of(term), "PO 7", by=alice)
        pay(payment)

        term.refresh_from_db()
        assert term.settled_on is not None
        assert new.payments.get() == Payment.objects.get(pk=payment.pk)
        assert balances(foundation)["credits-payable"] == 0

    def test_what_is_refused(self, foundation: Pool) -> None:
        alice = make_person("alice@example.org")
        term = admitted_term(alice)
        invoice = invoice_of(term)
        with pytest.raises(PurchaseOrderMissing):
            reissue_with_purchase_order(invoice, "   ", by=alice)
        with pytest.raises(MayNotCredit):
            reissue_with_purchase_order(invoice, "PO 7", by=make_person())
        new = reissue_with_purchase_order(invoice, "PO 7", by=alice)
        with pytest.raises(InvoiceVoid):
            reissue_with_purchase_order(invoice, "PO 7", by=alice)
        with pytest.raises(SamePurchaseOrder):
            reissue_with_purchase_order(new, "PO 7", by=alice)
        transfer(new, 100)
        with pytest.raises(PaymentUnderWay):
            reissue_with_purchase_order(new, "PO 8", by=alice)
        assert CreditNote.objects.count() == 1

    def test_a_seat_without_the_roles_may_not(self, foundation: Pool) -> None:
        term = admitted_term(make_person("alice@example.org"))
        other = make_person("member@example.org")
        term.organisation.seats.create(person=other, roles=[SeatRole.MEMBER])
        assert not crediting.may_give_purchase_order(other, term)
        with pytest.raises(MayNotCredit):
            reissue_with_purchase_order(invoice_of(term), "PO 7", by=other)


def test_a_purchase_order_sent_twice_at_once_makes_one_new_invoice(committed_db: Any) -> None:
    begin_foundation()
    alice = make_person("alice@example.org")
    invoice = invoice_of(admitted_term(alice))

    results = together(*[lambda: reissue_with_purchase_order(invoice, "PO 7", by=alice)] * 2)

    assert sorted(type(result).__name__ for result in results) == ["Invoice", "InvoiceVoid"]
    assert Invoice.objects.filter(credit_note=None).count() == 1


# --- In the membership area -----------------------------------------------------------------------


@pytest.mark.django_db
class TestPages:
    def test_the_billing_contact_adds_a_purchase_order(
        self, foundation: Pool, client: Client
    ) -> None:
        alice = make_person("alice@example.org")
        client.force_login(alice)
        invoice = invoice_of(admitted_term(alice))
        address = reverse("membership_purchase_order", args=[invoice.public_id])
        assert address in client.get(reverse("membership_area")).content.decode()

        assert "makes" in client.get(address).content.decode()
        assert client.post(address, {"purchase_order": ""}).status_code == 200
        answer = client.post(address, {"purchase_order": "PO 7"})
        assert answer.status_code == 303
        assert client.post(address, {"purchase_order": "PO 7"}).status_code == 303

        assert CreditNote.objects.count() == 1
        text = client.get(reverse("membership_area")).content.decode()
        assert "void" in text
        assert "open" in text

    def test_other_peoples_invoices_are_not_found(self, foundation: Pool, client: Client) -> None:
        invoice = invoice_of(admitted_term(make_person("alice@example.org")))
        address = reverse("membership_purchase_order", args=[invoice.public_id])
        assert client.get(address).status_code == 302  # to sign in
        client.force_login(make_person("charlie@example.org"))
        assert client.get(address).status_code == 404
        assert client.post(address, {"purchase_order": "PO 7"}).status_code == 404
        missing = reverse("membership_purchase_order", args=[uuid.uuid4()])
        assert client.get(missing).status_code == 404
        assert not CreditNote.objects.exists()

    def test_an_invoice_paid_in_part_says_what_is_left(
        self, foundation: Pool, client: Client
    ) -> None:
        alice = make_person("alice@example.org")
        client.force_login(alice)
        invoice = invoice_of(admitted_term(alice))
        transfer(invoice, invoice.total - 1_000)
        text = client.get(reverse("membership_area")).content.decode()
        assert "partly paid" in text
        assert "$10.00 left" in text
        assert "Paid in part" in client.get(invoice.get_absolute_url()).content.decode()


# --- In the back office ---------------------------------------------------------------------------


@pytest.mark.django_db
class TestBackOffice:
    def test_a_treasurer_credits_and_adds_a_purchase_order(
        self, foundation: Pool, client: Client
    ) -> None:
        make_site()
        sign_in(client, make_staff(groups.TREASURERS))
        invoice = invoice_of(admitted_term())
        other = make_invoice()  # not for dues
        index = client.get(reverse("dues_invoices:index")).content.decode()
        assert invoice.number in index
        assert other.number not in index
        page = reverse("dues_invoices:inspect", args=[invoice.pk])

        assert client.post(page, {"act": "credit", "reason": "", "then": "keep"}).status_code == 200
        assert not CreditNote.objects.exists()
        assert client.post(page, {"act": "order", "purchase_order": "PO 7"}).status_code == 302
        new = Invoice.objects.get(purchase_order="PO 7")
        page = reverse("dues_invoices:inspect", args=[new.pk])
        answer = client.post(page, {"act": "credit", "reason": "They merged", "then": "keep"})
        assert answer.status_code == 302
        assert Invoice.objects.get(pk=new.pk).voided_by is not None

    def test_an_auditor_reads_and_credits_nothing_and_an_editor_does_not_even_read(
        self, foundation: Pool
    ) -> None:
        make_site()
        invoice = invoice_of(admitted_term())
        page = reverse("dues_invoices:inspect", args=[invoice.pk])
        credit = {"act": "credit", "reason": "They merged", "then": "keep"}
        auditor, editor = Client(), Client()
        sign_in(auditor, make_staff(groups.AUDITORS))
        sign_in(editor, make_staff(groups.EDITORS))

        shown = auditor.get(page)
        assert shown.status_code == 200
        assert 'name="act"' not in shown.content.decode()
        assert auditor.post(page, credit).status_code == 403
        assert editor.get(page).status_code == 403
        assert editor.post(page, credit).status_code == 403
        assert not CreditNote.objects.exists()

    def test_an_invoice_that_is_not_for_dues_is_not_here(
        self, foundation: Pool, client: Client
    ) -> None:
        make_site()
        sign_in(client, make_staff(groups.TREASURERS))
        page = reverse("dues_invoices:inspect", args=[make_invoice().pk])
        assert client.get(page).status_code == 404
