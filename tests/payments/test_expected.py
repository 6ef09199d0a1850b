"""Expected payments: references that banks can check, payment requests, how they stand."""

import datetime
import threading
import uuid
from typing import Any

import pytest
from django.core import mail
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from stdnum import iso11649
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.money import Money
from core.transactions import TransactionMissing, use_case
from funding.payments import expected as expecting
from funding.payments import papers
from funding.payments.expected import ChannelClosed, NoAccount, open_expected, withdraw
from funding.payments.invoices import BillTo
from funding.payments.models import BankAccount, ExpectedPayment, IssuerDetails, Payment, Status
from tests.core.pdf_text import runs_of
from tests.factories.banking import make_account, make_channel, make_expected
from tests.factories.ledger import make_pool
from tests.factories.payments import PURPOSE, make_invoice, make_payment

ADA = BillTo(name="Ada Payer", email="ada@example.org")


def came(expected: ExpectedPayment, amount: int) -> Payment:
    """A payment that answered it, as matching makes it."""
    payment = make_payment(amount, expected.currency, pool=expected.pool)
    Payment.objects.filter(pk=payment.pk).update(
        expected=expected,
        invoice=expected.invoice,
        channel="transfer",
        status=Status.SUCCEEDED,
        succeeded_at=timezone.now(),
    )
    return Payment.objects.get(pk=payment.pk)


# --- References -----------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_reference_is_iso_11649_unique_and_short_enough_to_type() -> None:
    first, second = make_expected(), make_expected()

    assert first.reference != second.reference
    for expected in (first, second):
        assert iso11649.is_valid(expected.reference)
        assert len(expected.reference) <= 25


@pytest.mark.django_db
@pytest.mark.parametrize("position", range(4, 12))
def test_one_wrong_digit_is_seen(position: int) -> None:
    reference = make_expected().reference
    other = str((int(reference[position]) + 1) % 10)
    wrong = reference[:position] + other + reference[position + 1 :]

    assert expecting.find(wrong) is None


@pytest.mark.django_db
def test_a_reference_is_found_however_it_was_typed() -> None:
    expected = make_expected()
    groups = " ".join(expected.reference[at : at + 4] for at in range(0, 12, 4))

    assert expecting.find(groups.lower()) == expected
    assert expecting.find(f" {groups.replace(' ', '-')} ") == expected
    assert expecting.find("RF18539007547034") is None  # right, and somebody else's
    assert expecting.find("") is None


def test_references_of_many_at_once_are_all_different_and_numbers_have_no_gap(
    committed_db: Any,
) -> None:
    make_account()
    pool = make_pool()
    made: list[ExpectedPayment] = []
    barrier = threading.Barrier(4, timeout=60)

    def ask() -> None:
        barrier.wait()
        for turn in range(5):
            try:
                with use_case():
                    expected = open_expected(
                        purpose=PURPOSE,
                        purpose_id=1,
                        pool=pool,
                        amount=Money(1_000, "USD"),
                        payer=ADA,
                        language="en",
                    )
                    if turn == 2:
                        raise ZeroDivisionError
            except ZeroDivisionError:
                continue
            made.append(expected)
        connection.close()

    threads = [threading.Thread(target=ask) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    year = timezone.localdate().year
    assert len({expected.reference for expected in made}) == 16
    assert sorted(str(expected.number) for expected in made) == [
        f"PRQ-{year}-{n:05d}" for n in range(1, 17)
    ]


# --- Asking ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_request_copies_the_account_and_the_issuer_and_keeps_them() -> None:
    IssuerDetails.objects.create(legal_name="The Foundation ASBL", registration="BE 0123.456.789")
    account = make_account(bic="COBADEFF", more="Intermediary: Another Bank")
    expected = make_expected()
    BankAccount.objects.filter(pk=account.pk).update(iban="", number="77")
    IssuerDetails.objects.update(legal_name="Somebody")

    expected = ExpectedPayment.objects.get(pk=expected.pk)
    assert expected.issuer_name == "The Foundation ASBL"
    assert expected.issuer_registration == "BE 0123.456.789"
    assert "IBAN: DE89 3704 0044 0532 0130 00" in expected.bank_details
    assert "BIC: COBADEFF" in expected.bank_details
    assert "Intermediary: Another Bank" in expected.bank_details


@pytest.mark.django_db
def test_a_request_describes_itself_by_what_it_is_for() -> None:
    expected = make_expected(description="", purpose_id=77)
    assert expected.description == "Test payment 77"


@pytest.mark.django_db
def test_a_request_is_sent_to_the_payer_with_its_pdf() -> None:
    expected = make_expected()
    run_pending_jobs()

    (message,) = mail.outbox
    assert message.to == ["pay@example.org"]
    assert str(expected.number) in message.subject
    assert expecting.issuer.in_fours(expected.reference) in message.body
    ((name, content, kind),) = message.attachments
    assert (name, kind) == (f"{expected.number}.pdf", "application/pdf")
    assert content == papers.payment_request_pdf(expected)


@pytest.mark.django_db
def test_a_payer_without_an_address_is_sent_nothing() -> None:
    make_expected(payer=BillTo(name="A stall in Zomba"))
    assert run_pending_jobs() == 0


@pytest.mark.django_db
def test_a_form_sent_twice_makes_one_request() -> None:
    token = uuid.uuid4()
    first = make_expected(form_token=token)
    assert make_expected(form_token=token) == first
    run_pending_jobs()
    assert len(mail.outbox) == 1


@pytest.mark.django_db
def test_without_an_account_in_the_currency_nothing_is_asked_for() -> None:
    pool = make_pool(currency="EUR")
    with pytest.raises(NoAccount, match="EUR"), use_case():
        open_expected(
            purpose=PURPOSE,
            purpose_id=1,
            pool=pool,
            amount=Money(1_000, "EUR"),
            payer=ADA,
            language="en",
        )
    make_account("EUR", closed_on=datetime.date(2026, 1, 1))
    with pytest.raises(NoAccount), use_case():
        open_expected(
            purpose=PURPOSE,
            purpose_id=1,
            pool=pool,
            amount=Money(1_000, "EUR"),
            payer=ADA,
            language="en",
        )


@pytest.mark.django_db
@pytest.mark.parametrize("changes", [{"is_open": False}, {"currency": "MWK"}])
def test_a_channel_that_is_closed_or_of_another_currency_is_refused(
    changes: dict[str, Any],
) -> None:
    channel = make_channel(**changes)
    with pytest.raises(ChannelClosed):
        make_expected(channel=channel)


@pytest.mark.django_db
def test_a_channel_brings_its_own_instructions() -> None:
    channel = make_channel(name="TNM Mpamba")
    expected = make_expected(channel=channel)

    assert expected.bank_details == channel.instructions
    assert "To pay by TNM Mpamba" in " ".join(runs_of(papers.payment_request_pdf(expected)))


@pytest.mark.django_db
def test_it_is_a_part_of_a_use_case() -> None:
    expected = make_expected()
    with pytest.raises(TransactionMissing):
        withdraw(expected, by=None, reason="A test")


# --- Standing -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_it_is_open_until_what_came_adds_up() -> None:
    expected = make_expected(10_000)
    came(expected, 4_000)
    assert expected.outstanding == Money(6_000, "USD")
    came(expected, 6_000)
    assert not expected.is_open
    assert expected.received == Money(10_000, "USD")


@pytest.mark.django_db
def test_a_standing_order_stays_open() -> None:
    expected = make_expected(10_000, repeats="month")
    came(expected, 10_000)
    assert expected.outstanding == Money(10_000, "USD")


@pytest.mark.django_db
def test_withdrawn_it_asks_for_nothing_and_says_so_once_in_the_log() -> None:
    expected = make_expected()
    for _ in range(2):
        with use_case():
            expected = withdraw(expected, by=None, reason="The donor changed their mind")

    assert not expected.is_open
    (entry,) = ModelLogEntry.objects.filter(action="payments.withdraw_expected")
    assert entry.data["reason"] == "The donor changed their mind"


@pytest.mark.django_db
def test_an_invoice_is_expected_under_the_reference_on_it() -> None:
    make_account()
    invoice = make_invoice()

    assert invoice.expected.reference == invoice.reference
    assert invoice.expected.number is None
    assert (invoice.expected.money, invoice.expected.due_on) == (invoice.money, invoice.due_on)
    assert "IBAN" in invoice.bank_details
    run_pending_jobs()
    assert mail.outbox == []  # whoever issues the invoice sends it


@pytest.mark.django_db
def test_an_invoice_in_a_currency_without_an_account_is_issued_all_the_same() -> None:
    invoice = make_invoice(currency="EUR")
    assert invoice.bank_details == ""
    assert invoice.expected.outstanding == Money(25_000, "EUR")


@pytest.mark.django_db
def test_an_invoice_paid_by_card_is_no_longer_expected_by_transfer() -> None:
    invoice = make_invoice()
    payment = make_payment(25_000, invoice=invoice)
    Payment.objects.filter(pk=payment.pk).update(
        status=Status.SUCCEEDED, succeeded_at=timezone.now()
    )
    assert not invoice.expected.is_open


# --- The page -------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_the_page_says_how_to_pay_and_what_came(client: Client) -> None:
    expected = make_expected(10_000, due_on=datetime.date(2020, 1, 31), purchase_order="PO 7")
    page = client.get(expected.get_absolute_url())
    text = page.content.decode()

    assert page["X-Robots-Tag"] == "noindex"
    assert "no-store" in page["Cache-Control"]
    for group in (expected.reference[:4], expected.reference[4:8], expected.reference[8:]):
        assert f"<span>{group}</span>" in text
    for words in ("IBAN: DE89", "$100.00", "PO 7", "The due date is past", "not a receipt"):
        assert words in text, words

    came(expected, 4_000)
    text = client.get(expected.get_absolute_url()).content.decode()
    assert "$40.00" in text
    assert "$60.00 to be paid by" in text

    came(expected, 6_000)
    text = client.get(expected.get_absolute_url()).content.decode()
    assert "IBAN" not in text
    assert "Thank you" in text


@pytest.mark.django_db
def test_the_page_of_what_was_withdrawn_asks_for_nothing(client: Client) -> None:
    expected = make_expected()
    with use_case():
        withdraw(expected, by=None, reason="Test")
    text = client.get(expected.get_absolute_url()).content.decode()
    assert "Nothing to pay" in text
    assert "IBAN" not in text


@pytest.mark.django_db
def test_only_the_address_opens_the_page_and_only_by_reading(client: Client) -> None:
    expected = make_expected()
    assert client.get(reverse("expected_payment", args=[uuid.uuid4()])).status_code == 404
    assert client.get(reverse("expected_payment_pdf", args=[uuid.uuid4()])).status_code == 404
    assert client.post(expected.get_absolute_url()).status_code == 405


@pytest.mark.django_db
def test_the_pdf_of_an_invoices_expected_payment_is_the_invoice(client: Client) -> None:
    invoice = make_invoice()
    page = client.get(reverse("expected_payment_pdf", args=[invoice.expected.public_id]))
    assert page["Content-Disposition"] == f'inline; filename="{invoice.number}.pdf"'
    assert page.content == papers.invoice_pdf(invoice)
