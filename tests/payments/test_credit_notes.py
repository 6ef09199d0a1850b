"""Credit notes: one voids one paper, whole; what still holds is issued anew."""

from typing import Any

import pytest
from django.core import mail
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.payments import credit_notes, papers, progress, receipts
from funding.payments.credit_notes import ReasonMissing, VoidAlready, void_invoice, void_receipt
from funding.payments.invoices import BillTo
from funding.payments.models import CreditNote, Dispute, Invoice, Payment, Receipt, Refund
from tests.core.pdf_text import runs_of
from tests.factories.payments import make_invoice, make_payment, settlement, state
from tests.races import together


def paid(amount: int = 5_000, **changes: Any) -> Payment:
    payment = make_payment(amount, **changes)
    with use_case():
        progress.apply(payment.pk, state(payment))
        progress.settle(payment.pk, settlement(payment))
    run_pending_jobs()
    mail.outbox.clear()
    return Payment.objects.get(pk=payment.pk)


def refund(payment: Payment, amount: int, status: str = "succeeded") -> Refund:
    return Refund.objects.create(
        payment=payment,
        amount=amount,
        currency=payment.currency,
        status=status,
        created_at=timezone.now(),
    )


def look_again(payment: Payment) -> Receipt | None:
    with use_case():
        return credit_notes.after_refund(progress.lock(payment.pk))


def numbers() -> list[tuple[str, int, str]]:
    """(number, amount, number of the note that voided it) of every receipt."""
    return [
        (receipt.number[-1], receipt.amount, str(receipt.voided_by or ""))
        for receipt in Receipt.objects.order_by("pk")
    ]


# --- Invoices -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_an_invoice_is_void_its_transfer_is_not_expected_and_the_payer_is_told() -> None:
    invoice = make_invoice()
    with use_case():
        note = void_invoice(invoice, reason=" Issued to the wrong ministry ", by=None)

    invoice = Invoice.objects.get(pk=invoice.pk)
    assert note.number == f"CRN-{timezone.localdate().year}-00001"
    assert (note.total, note.currency, note.to_name) == (25_000, "USD", "Ministry of Health")
    assert note.reason == "Issued to the wrong ministry"
    assert invoice.voided_by == note
    assert not invoice.expected.is_open
    (entry,) = ModelLogEntry.objects.filter(action="payments.void_invoice")
    assert entry.data == {
        "reason": "Issued to the wrong ministry",
        "note": note.number,
        "told": True,
    }


@pytest.mark.django_db
def test_the_payer_gets_the_credit_note_as_a_pdf() -> None:
    invoice = make_invoice(bill_to=BillTo(name="MoH", email="moh@example.org"))
    with use_case():
        note = void_invoice(invoice, reason="A mistake", by=None)
    run_pending_jobs()

    (message,) = mail.outbox
    assert message.to == ["moh@example.org"]
    assert invoice.number in message.subject
    ((name, content, _kind),) = message.attachments
    assert name == f"{note.number}.pdf"
    assert content == papers.credit_note_pdf(note)


@pytest.mark.django_db
def test_a_paper_is_made_void_once_and_with_a_reason() -> None:
    invoice, payment = make_invoice(), paid()
    receipt = receipts.standing_receipt(payment)
    assert receipt is not None
    for void, paper in ((void_invoice, invoice), (void_receipt, receipt)):
        with pytest.raises(ReasonMissing), use_case():
            void(paper, reason="  ", by=None)  # type: ignore[operator]
        with use_case():
            note = void(paper, reason="A mistake", by=None)  # type: ignore[operator]
        with pytest.raises(VoidAlready, match=note.number), use_case():
            void(paper, reason="Again", by=None)  # type: ignore[operator]
    assert CreditNote.objects.count() == 2


def test_two_who_void_one_invoice_at_once_write_one_note(committed_db: Any) -> None:
    invoice = make_invoice()

    def void() -> CreditNote:
        with use_case():
            return void_invoice(invoice, reason="A mistake", by=None)

    results = together(void, void, void)

    assert sorted(type(result).__name__ for result in results) == [
        "CreditNote",
        "VoidAlready",
        "VoidAlready",
    ]
    assert [note.number[-5:] for note in CreditNote.objects.all()] == ["00001"]


@pytest.mark.django_db
def test_the_database_keeps_two_invoices_for_one_thing_apart_by_a_credit_note() -> None:
    first = make_invoice(purpose_id=4_711)
    with pytest.raises(DatabaseError, match="stands already"), transaction.atomic():
        make_invoice_of(first)
    with use_case():
        void_invoice(first, reason="A mistake", by=None)

    assert make_invoice(purpose_id=4_711).number != first.number


def make_invoice_of(first: Invoice) -> Invoice:
    return Invoice.objects.create(
        number="INV-2026-09999",
        purpose=first.purpose,
        purpose_id=first.purpose_id,
        issuer_name="X",
        bill_to_name="Y",
        language="en",
        currency="USD",
        total=1,
        issued_on=first.issued_on,
        due_on=first.due_on,
    )


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"total": 24_999}, "over the whole"),
        ({"currency": "EUR"}, "over the whole"),
        ({"invoice": None}, "over the whole"),
        ({"reason": ""}, "says_why"),
    ],
)
def test_the_database_takes_no_note_over_a_part_of_nothing_or_without_a_reason(
    changes: dict[str, Any], words: str
) -> None:
    values = {
        "number": "CRN-2026-00009",
        "invoice": make_invoice(),
        "issuer_name": "X",
        "to_name": "Y",
        "description": "Z",
        "reason": "A test",
        "currency": "USD",
        "total": 25_000,
        "language": "en",
        "issued_on": timezone.localdate(),
    }
    with pytest.raises(DatabaseError, match=words), transaction.atomic():
        CreditNote.objects.create(**{**values, **changes})


@pytest.mark.django_db
def test_the_database_refuses_to_change_or_delete_a_credit_note() -> None:
    invoice = make_invoice()
    with use_case():
        void_invoice(invoice, reason="A mistake", by=None)
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        CreditNote.objects.update(total=1)
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        CreditNote.objects.all()._raw_delete("default")


# --- Receipts and refunds -------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_refund_of_the_whole_leaves_no_receipt() -> None:
    payment = paid()
    refund(payment, 5_000)

    assert look_again(payment) is None
    note = CreditNote.objects.get()
    assert numbers() == [("1", 5_000, note.number)]
    assert Payment.objects.get(pk=payment.pk).receipt is None


@pytest.mark.django_db
def test_a_refund_of_a_part_voids_the_receipt_and_issues_one_for_the_rest() -> None:
    payment = paid()
    refund(payment, 2_000)

    new = look_again(payment)
    run_pending_jobs()

    assert new is not None
    note = CreditNote.objects.get()
    assert numbers() == [("1", 5_000, note.number), ("2", 3_000, "")]
    assert new.replaces == note.receipt
    assert Payment.objects.get(pk=payment.pk).receipt == new
    (message,) = mail.outbox
    assert [name for name, _content, _kind in message.attachments] == [
        f"{note.number}.pdf",
        f"{new.number}.pdf",
    ]


@pytest.mark.django_db
def test_looking_again_changes_nothing_and_a_pending_refund_does_not_count() -> None:
    payment = paid()
    refund(payment, 1_000, status="pending")
    assert look_again(payment) == receipts.standing_receipt(payment)
    refund(payment, 2_000)

    assert look_again(payment) == look_again(payment)
    assert [amount for _number, amount, _note in numbers()] == [5_000, 3_000]


@pytest.mark.django_db
def test_several_refunds_and_one_that_fails_after_all() -> None:
    payment = paid()
    refund(payment, 2_000)
    look_again(payment)
    second = refund(payment, 3_000)
    assert look_again(payment) is None
    Refund.objects.filter(pk=second.pk).update(status="failed")

    new = look_again(payment)
    run_pending_jobs()

    assert new is not None
    assert [(amount, bool(note)) for _number, amount, note in numbers()] == [
        (5_000, True),
        (3_000, True),
        (3_000, False),
    ]
    assert mail.outbox[-1].subject == f"Your receipt {new.number}"


@pytest.mark.django_db
def test_a_lost_dispute_counts_and_an_inquiry_or_a_won_one_does_not() -> None:
    payment = paid()

    def dispute(outcome: str, *, inquiry: bool = False) -> None:
        Dispute.objects.create(
            stripe_dispute=f"dp_{outcome}_{inquiry}",
            payment=payment,
            amount=5_000,
            currency="USD",
            reason="fraudulent",
            status=outcome,
            outcome=outcome,
            inquiry=inquiry,
            opened_at=timezone.now(),
        )

    dispute("won")
    dispute("open")
    dispute("lost", inquiry=True)
    assert look_again(payment) is not None
    assert not CreditNote.objects.exists()
    dispute("lost")
    assert look_again(payment) is None


@pytest.mark.django_db
def test_a_receipt_is_issued_anew_only_for_a_void_one_and_never_over_more() -> None:
    payment = paid()
    with pytest.raises(ValueError, match="anew"), use_case():
        receipts.reissue(progress.lock(payment.pk), amount=1_000)
    refund(payment, 5_000)
    look_again(payment)
    with pytest.raises(ValueError, match="more than"), use_case():
        receipts.reissue(progress.lock(payment.pk), amount=5_001)


@pytest.mark.django_db
def test_the_database_lets_one_receipt_of_a_payment_stand() -> None:
    payment = paid()
    first = receipts.standing_receipt(payment)
    assert first is not None
    values = {
        field.attname: getattr(first, field.attname)
        for field in Receipt._meta.concrete_fields
        if field.name not in ("id", "public_id", "number", "replaces")
    }
    with pytest.raises(DatabaseError, match="stands already"), transaction.atomic():
        Receipt.objects.create(**values, number="RCT-2026-00099", replaces=first)


# --- The pages ------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_pages_of_void_papers_say_so_and_lead_on(client: Client) -> None:
    invoice, payment = make_invoice(), paid()
    old = receipts.standing_receipt(payment)
    assert old is not None
    with use_case():
        note = void_invoice(invoice, reason="A <mistake>", by=None)
    refund(payment, 2_000)
    new = look_again(payment)
    assert new is not None

    text = client.get(invoice.get_absolute_url()).content.decode()
    assert "Void since" in text
    assert note.number in text
    assert "Pay by" not in text
    text = client.get(note.get_absolute_url()).content.decode()
    assert invoice.number in text
    assert "A &lt;mistake&gt;" in text
    text = client.get(old.get_absolute_url()).content.decode()
    assert "void since" in text
    assert new.number in text
    assert "$20.00 was given back" in text
    assert "$30.00 is left" in text
    page = client.get(note.get_absolute_url())
    assert page["X-Robots-Tag"] == "noindex"
    pdf = client.get(reverse("credit_note_pdf", args=[note.public_id]))
    assert pdf.content.startswith(b"%PDF")
    assert client.post(note.get_absolute_url()).status_code == 405


@pytest.mark.django_db
def test_the_stamp_on_a_void_paper_and_the_note_say_what_happened() -> None:
    invoice = make_invoice()
    assert "Void" not in runs_of(papers.invoice_pdf(invoice))
    with use_case():
        note = void_invoice(invoice, reason="A mistake", by=None)

    void = Invoice.objects.get(pk=invoice.pk)
    assert "Void" in runs_of(papers.invoice_pdf(void))
    assert papers.invoice_pdf(void) == papers.invoice_pdf(void)
    words = " ".join(runs_of(papers.credit_note_pdf(note)))
    assert invoice.number in words
    assert "Reason: A mistake" in words
