"""Numbers, invoices and receipts: gap-free, immutable, complete."""

import datetime
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC
from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, IntegrityError, connection, transaction

from core.jobs.testing import run_pending_jobs
from core.transactions import TransactionMissing, use_case
from funding.payments import issuer, papers, progress
from funding.payments.credit_notes import void_invoice
from funding.payments.invoices import BillTo, Line, issue_invoice
from funding.payments.models import (
    Invoice,
    InvoiceLine,
    IssuerDetails,
    NumberSeries,
    Payment,
    Receipt,
)
from funding.payments.numbers import next_number
from funding.payments.receipts import issue_receipt
from tests.core.pdf_text import runs_of
from tests.factories.banking import make_account, make_expected
from tests.factories.ledger import make_pool
from tests.factories.payments import make_invoice, make_payment, settlement, state


@contextmanager
def refused_by_the_database(words: str) -> Iterator[None]:
    with pytest.raises(DatabaseError, match=words), transaction.atomic():  # noqa: PT012
        yield
        with connection.cursor() as cursor:  # deferred triggers speak at commit
            cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")


# --- Numbers --------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_numbers_count_up_within_their_series_and_year() -> None:
    with use_case():
        given = [next_number("INV", 2026), next_number("INV", 2026), next_number("RCT", 2026)]
        given.append(next_number("INV", 2027))

    assert given == ["INV-2026-00001", "INV-2026-00002", "RCT-2026-00001", "INV-2027-00001"]


@pytest.mark.django_db
def test_a_number_is_given_only_inside_the_transaction_of_its_paper() -> None:
    with pytest.raises(TransactionMissing):
        next_number("INV", 2026)


@pytest.mark.django_db
def test_a_number_of_a_transaction_that_rolls_back_is_given_again() -> None:
    with pytest.raises(ValueError):
        make_invoice(lines=[])
    with pytest.raises(IntegrityError):
        make_invoice(lines=[Line("Dues", 0)])
    with use_case():
        assert next_number("INV", 2026) == "INV-2026-00001"


def test_numbers_have_no_gap_when_many_ask_at_once_and_some_roll_back(committed_db: Any) -> None:
    kept: list[str] = []
    barrier = threading.Barrier(6, timeout=60)

    def ask(worker: int) -> None:
        barrier.wait()
        for turn in range(10):
            try:
                with use_case():
                    number = next_number("INV", 2026)
                    if (worker + turn) % 3 == 0:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue
            kept.append(number)
        connection.close()

    threads = [threading.Thread(target=ask, args=(worker,)) for worker in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert sorted(kept) == [f"INV-2026-{n:05d}" for n in range(1, 41)]
    assert NumberSeries.objects.get().last == 40


# --- Invoices -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_invoice_copies_its_facts_and_takes_the_year_of_its_issue() -> None:
    pool = make_pool()
    with use_case():
        invoice = issue_invoice(
            purpose="dues",
            purpose_id=7,
            pool=pool,
            bill_to=BillTo("Ministère de la Santé", "Rue 1", "CI", "sante@example.org"),
            lines=[Line("Cotisation", 20_000), Line("Contribution", 5_000)],
            currency="USD",
            issued_on=datetime.date(2025, 12, 31),
            due_on=datetime.date(2026, 1, 30),
            language="fr",
            purchase_order="PO 9",
        )

    invoice = Invoice.objects.get(pk=invoice.pk)
    assert invoice.number == "INV-2025-00001"
    assert (invoice.bill_to_name, invoice.bill_to_country) == ("Ministère de la Santé", "CI")
    assert str(invoice.money) == "250.00 USD"
    assert [(line.position, line.amount) for line in invoice.lines.all()] == [
        (1, 20_000),
        (2, 5_000),
    ]
    assert invoice.issuer_name == "OpenLMIS Foundation"


@pytest.mark.django_db
def test_an_invoice_without_lines_is_refused_and_takes_no_number() -> None:
    with pytest.raises(ValueError):
        make_invoice(lines=[])
    assert not NumberSeries.objects.exists()


@pytest.mark.django_db
@pytest.mark.parametrize(
    "change",
    [
        lambda invoice: Invoice.objects.filter(pk=invoice.pk).update(total=1),
        lambda invoice: Invoice.objects.filter(pk=invoice.pk).update(bill_to_name="Another"),
        lambda invoice: invoice.lines.update(amount=1),
        lambda invoice: invoice.lines.all()._raw_delete("default"),
        lambda invoice: Invoice.objects.filter(pk=invoice.pk)._raw_delete("default"),
    ],
)
def test_the_database_refuses_to_change_or_delete_an_issued_invoice(change: Any) -> None:
    invoice = make_invoice()

    with refused_by_the_database("immutable once issued"):
        change(invoice)


@pytest.mark.django_db
@pytest.mark.parametrize("table", ["payments_invoice", "payments_invoiceline", "payments_receipt"])
def test_papers_cannot_be_truncated(table: str, owner_connection: Any) -> None:
    with owner_connection.cursor() as cursor, pytest.raises(Exception, match="immutable"):
        cursor.execute(f"TRUNCATE {table} CASCADE")


@pytest.mark.django_db
def test_no_line_can_be_added_to_an_issued_invoice() -> None:
    invoice = make_invoice()

    with refused_by_the_database("its lines sum to"):
        InvoiceLine.objects.create(invoice=invoice, position=2, description="More", amount=1)


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [0, -500])
def test_a_line_is_above_zero(amount: int) -> None:
    with pytest.raises(IntegrityError, match="invoice_line_above_zero"):
        make_invoice(lines=[Line("Dues", 1_000), Line("Discount", amount)])


@pytest.mark.django_db
def test_an_invoice_is_not_due_before_it_is_issued() -> None:
    with pytest.raises(IntegrityError, match="invoice_due_after_issue"):
        make_invoice(due_on=datetime.date(2026, 3, 9))


# --- Receipts -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_payment_has_one_receipt_however_often_it_is_asked_for() -> None:
    payment = make_payment()
    with use_case():
        progress.apply(payment.pk, state(payment))
    with use_case():
        again = issue_receipt(progress.lock(payment.pk))

    receipt = Receipt.objects.get()
    assert again == receipt
    assert (receipt.payer_name, receipt.amount, receipt.pool_name) == (
        "Ada Payer",
        5_000,
        payment.pool.name,
    )
    assert receipt.paid_on == datetime.date(2026, 3, 10)


@pytest.mark.django_db
def test_no_receipt_for_what_is_not_paid() -> None:
    payment = make_payment()
    with pytest.raises(ValueError), use_case():
        issue_receipt(payment)


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_delete_a_receipt() -> None:
    payment = make_payment()
    with use_case():
        progress.apply(payment.pk, state(payment))

    with refused_by_the_database("immutable once issued"):
        Receipt.objects.update(amount=1)
    with refused_by_the_database("immutable once issued"):
        Receipt.objects.all()._raw_delete("default")


# --- Payments -------------------------------------------------------------------------------------


@pytest.mark.django_db
@pytest.mark.parametrize(
    "changes", [{"amount": 1}, {"currency": "EUR"}, {"purpose": "dues"}, {"purpose_id": 2**31 - 1}]
)
def test_what_a_payment_agreed_cannot_be_changed(changes: dict[str, Any]) -> None:
    payment = make_payment()

    with refused_by_the_database("Cannot update"):
        Payment.objects.filter(pk=payment.pk).update(**changes)


@pytest.mark.django_db
def test_a_payment_is_never_deleted() -> None:
    payment = make_payment()

    with refused_by_the_database("never deleted"):
        Payment.objects.filter(pk=payment.pk)._raw_delete("default")


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("payment_status_known", {"status": "done"}),
        ("payment_channel_known", {"channel": "cheque"}),
        ("payment_paid_has_its_time", {"status": "succeeded"}),
        ("payment_settled_at_once_and_only_when_paid", {"settled_fee": 5}),
    ],
)
def test_the_database_holds_what_a_payment_may_be(name: str, changes: dict[str, Any]) -> None:
    payment = make_payment()

    with refused_by_the_database(name):
        Payment.objects.filter(pk=payment.pk).update(**changes)


@pytest.mark.django_db
@pytest.mark.parametrize("amount", [0, -1])
def test_a_payment_is_above_zero(amount: int) -> None:
    with pytest.raises(IntegrityError, match="payment_amount_above_zero"):
        make_payment(amount=amount)


# --- What papers say ------------------------------------------------------------------------------


@pytest.mark.django_db
def test_papers_carry_the_issuers_legal_facts_of_their_day() -> None:
    IssuerDetails.objects.create(
        legal_name="The Foundation ASBL", address="1 Rue Haute\nBruxelles", registration="BE 0123"
    )
    invoice = make_invoice()
    IssuerDetails.objects.update(legal_name="Somebody", registration="XX 9")
    words = " ".join(runs_of(papers.invoice_pdf(invoice)))

    for fact in ("The Foundation ASBL", "1 Rue Haute", "Bruxelles", "BE 0123"):
        assert fact in words
    assert "Somebody" not in words


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("purpose", "words"), [("dues", "Membership in return"), ("gift", "No goods or services")]
)
def test_a_paper_says_whether_anything_was_given_in_return(purpose: str, words: str) -> None:
    assert issuer.statement(purpose, "en").startswith(words)
    IssuerDetails.objects.create(dues_statement="Dues!", gift_statement="Gift!")
    assert issuer.statement(purpose, "en") == ("Dues!" if purpose == "dues" else "Gift!")


@pytest.mark.django_db
def test_without_details_the_papers_carry_the_sites_name_and_reading_writes_nothing() -> None:
    assert issuer.current().name == "OpenLMIS Foundation"
    assert not IssuerDetails.objects.exists()


@pytest.mark.django_db
def test_an_invoice_says_how_to_pay_until_it_is_paid_and_then_that_it_is() -> None:
    make_account()
    invoice = make_invoice(purchase_order="PO 7")
    words = " ".join(runs_of(papers.invoice_pdf(invoice)))
    reference = issuer.in_fours(invoice.reference)
    for fact in ("To pay by bank transfer", "IBAN: DE89 3704 0044 0532 0130 00", reference, "PO 7"):
        assert fact in words

    pay_invoice(invoice, 10_000)
    words = " ".join(runs_of(papers.invoice_pdf(Invoice.objects.get(pk=invoice.pk))))
    assert "Paid so far" in words
    assert "$150.00" in words

    pay_invoice(invoice, 15_000)
    paid = Invoice.objects.get(pk=invoice.pk)
    words = " ".join(runs_of(papers.invoice_pdf(paid)))
    assert "IBAN" not in words
    assert "Paid" in runs_of(papers.invoice_pdf(paid))


def pay_invoice(invoice: Invoice, amount: int) -> None:
    payment = make_payment(amount, invoice=invoice)
    with use_case():
        progress.apply(payment.pk, state(payment))


@pytest.mark.django_db
def test_money_counts_for_an_invoice_in_the_order_in_which_it_was_recorded() -> None:
    """News of a card payment may come after a transfer that was made later."""
    invoice = make_invoice(10_000)
    late, early = (make_payment(10_000, invoice=invoice) for _ in range(2))
    with use_case():
        progress.apply(late.pk, state(late, paid_at=datetime.datetime(2026, 3, 20, tzinfo=UTC)))
        progress.apply(early.pk, state(early, paid_at=datetime.datetime(2026, 3, 1, tzinfo=UTC)))

    invoice = Invoice.objects.get(pk=invoice.pk)
    assert invoice.counts(late)
    assert not invoice.counts(early)
    assert invoice.how_paid().by == late


@pytest.mark.django_db
def test_a_receipt_shows_what_the_payers_bank_took_and_the_same_receipt_gives_the_same_bytes() -> (
    None
):
    payment = make_payment()
    Payment.objects.filter(pk=payment.pk).update(payer_amount=8_712_500, payer_currency="MWK")
    with use_case():
        progress.apply(payment.pk, state(payment))
    receipt = Receipt.objects.get()

    assert "87,125.00" in " ".join(runs_of(papers.receipt_pdf(receipt)))
    assert papers.receipt_pdf(receipt) == papers.receipt_pdf(Receipt.objects.get())


@pytest.mark.django_db
def test_the_receipt_mail_carries_the_pdf() -> None:
    payment = make_payment()
    with use_case():
        progress.apply(payment.pk, state(payment))
        progress.settle(payment.pk, settlement(payment))
    run_pending_jobs()

    receipt = Receipt.objects.get()
    (message,) = mail.outbox
    ((name, content, kind),) = message.attachments
    assert (name, kind) == (f"{receipt.number}.pdf", "application/pdf")
    assert content == papers.receipt_pdf(receipt)


@pytest.mark.django_db
def test_a_payer_who_gave_no_address_gets_a_receipt_and_no_mail() -> None:
    payment = make_payment(payer_email="")
    with use_case():
        progress.apply(payment.pk, state(payment))
        progress.settle(payment.pk, settlement(payment))
    run_pending_jobs()
    assert Receipt.objects.count() == 1
    assert mail.outbox == []


@pytest.mark.django_db
@pytest.mark.parametrize("language", ["en", "fr", "pt"])
def test_every_paper_can_be_set_in_every_language(language: str) -> None:
    make_account()
    expected = make_expected(language=language, due_on=datetime.date(2026, 4, 1))
    invoice = make_invoice(language=language)
    with use_case():
        note = void_invoice(invoice, reason="Erro", by=None)
    made = [
        papers.invoice_pdf(invoice),
        papers.payment_request_pdf(expected),
        papers.credit_note_pdf(note),
    ]
    assert all(f"/Lang({language})".encode() in pdf for pdf in made)
