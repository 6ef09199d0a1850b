"""Reminders: on the days of the schedule, once each, and never of what is not wanted."""

import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.core.exceptions import ValidationError
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.payments import papers, reminders
from funding.payments.credit_notes import void_invoice
from funding.payments.expected import withdraw
from funding.payments.invoices import BillTo
from funding.payments.models import (
    ExpectedPayment,
    Invoice,
    IssuerDetails,
    Payment,
    Reminder,
    Status,
)
from tests.factories.banking import make_account, make_expected
from tests.factories.payments import make_invoice, make_payment, outcome
from tests.races import together

ASKED = datetime.datetime(2026, 3, 10, 9, 0, tzinfo=datetime.UTC)
DUE = datetime.date(2026, 4, 9)


@pytest.fixture
def invoice(db: None) -> Invoice:
    with time_machine.travel(ASKED, tick=False):
        make_account()
        return make_invoice(bill_to=BillTo(name="MoH", email="moh@example.org"))


def on(days: int) -> int:
    """How many reminders went out on that day from the due date; their mails are in the outbox."""
    day = DUE + datetime.timedelta(days=days)
    with time_machine.travel(datetime.datetime.combine(day, datetime.time(7), datetime.UTC)):
        sent = reminders.send_due()
        run_pending_jobs()
    return sent


def test_they_go_out_before_and_after_the_due_date_once_each(invoice: Invoice) -> None:
    sent = {days: on(days) for days in range(-10, 40)}

    assert [days for days, count in sent.items() if count] == [-7, 3, 14, 30]
    assert [message.to for message in mail.outbox] == [["moh@example.org"]] * 4
    subjects = [message.subject for message in mail.outbox]
    assert subjects[0] == f"{invoice.number} is due on 9 April 2026"
    assert subjects[1] == f"{invoice.number} was due on 9 April 2026"
    assert "has not reached us" not in mail.outbox[0].body
    assert "has not reached us" in mail.outbox[1].body


def test_a_reminder_carries_the_paper_and_the_reference(invoice: Invoice) -> None:
    on(-7)

    (message,) = mail.outbox
    assert invoice.reference[:4] in message.body
    assert "$250.00" in message.body
    ((name, content, _kind),) = message.attachments
    assert name == f"{invoice.number}.pdf"
    assert content == papers.invoice_pdf(invoice)


def test_the_job_twice_a_day_sends_once(invoice: Invoice) -> None:
    assert [on(-7), on(-7)] == [1, 0]


def test_two_jobs_at_once_send_once(committed_db: Any) -> None:
    with time_machine.travel(ASKED, tick=False):
        make_account()
        make_invoice(bill_to=BillTo(name="MoH", email="moh@example.org"))
    day = DUE + datetime.timedelta(days=3)

    assert sorted(together(*[lambda: reminders.send_due(day)] * 3)) == [0, 0, 1]
    assert Reminder.objects.count() == 1


def test_after_days_without_the_job_only_the_newest_goes_out(invoice: Invoice) -> None:
    assert on(20) == 1
    assert [reminder.days for reminder in Reminder.objects.all()] == [14]
    assert on(21) == 0
    assert on(30) == 1


def test_nobody_is_reminded_on_the_day_of_the_asking_or_of_a_day_before_it(db: None) -> None:
    make_account()
    with time_machine.travel(datetime.datetime(2026, 4, 5, 9, tzinfo=datetime.UTC)):
        make_invoice(
            bill_to=BillTo(name="MoH", email="moh@example.org"),
            issued_on=datetime.date(2026, 4, 5),
        )
    assert on(-4) == 0
    assert on(2) == 0
    assert on(3) == 1


def test_nobody_is_reminded_of_what_is_paid_withdrawn_or_void(invoice: Invoice) -> None:
    payment = make_payment(25_000, invoice=invoice)
    Payment.objects.filter(pk=payment.pk).update(
        status=Status.SUCCEEDED, succeeded_at=timezone.now()
    )
    with time_machine.travel(ASKED):
        void = make_invoice(bill_to=BillTo(name="MoH", email="moh@example.org"))
        with use_case():
            void_invoice(void, reason="A mistake", by=None)
        withdrawn = make_expected(due_on=DUE)
        with use_case():
            withdraw(withdrawn, by=None, reason="Test")
        make_expected(due_on=DUE, repeats="month")
        make_expected(due_on=None)
        make_expected(due_on=DUE, payer=BillTo(name="Nobody's address"))

    assert [on(days) for days in (-7, 3, 14)] == [0, 0, 0]


def test_what_is_paid_or_was_reminded_of_is_not_looked_at_each_morning(
    invoice: Invoice, django_assert_num_queries: Any
) -> None:
    with time_machine.travel(ASKED):
        paid = make_invoice(bill_to=BillTo(name="MoH", email="moh@example.org"))
    payment = make_payment(paid.total, invoice=paid)
    Payment.objects.filter(pk=payment.pk).update(
        status=Status.SUCCEEDED, succeeded_at=timezone.now()
    )
    assert on(3) == 1
    with django_assert_num_queries(2):  # the schedule that staff wrote, and whom to remind
        assert reminders.send_due(DUE + datetime.timedelta(days=4)) == 0


def test_of_a_part_payment_the_rest_is_reminded(invoice: Invoice) -> None:
    payment = make_payment(20_000, invoice=invoice)
    Payment.objects.filter(pk=payment.pk).update(
        status=Status.SUCCEEDED, succeeded_at=timezone.now()
    )
    assert on(3) == 1
    assert "$50.00" in mail.outbox[-1].body


def test_what_nobody_wants_paid_any_more_is_not_reminded(invoice: Invoice) -> None:
    outcome.unwanted = "The pool is closed."
    assert on(3) == 0
    assert not Reminder.objects.exists()


def test_a_request_is_reminded_with_its_own_paper(db: None) -> None:
    with time_machine.travel(ASKED):
        expected = make_expected(due_on=DUE)
    on(3)
    message = mail.outbox[-1]
    assert message.attachments[0][0] == f"{expected.number}.pdf"


def test_one_that_cannot_be_asked_about_keeps_no_other_from_its_reminder(
    invoice: Invoice,
) -> None:
    with time_machine.travel(ASKED):
        broken = make_expected(purpose="nobody-knows", due_on=DUE)
    assert on(3) == 1
    assert not Reminder.objects.filter(expected=broken).exists()


@pytest.mark.parametrize(
    ("text", "days"), [("", []), ("−7, 3", [-7, 3]), ("14,3 ,3", [3, 14]), ("0", [0])]
)
def test_the_schedule_is_what_staff_wrote(invoice: Invoice, text: str, days: list[int]) -> None:
    details = IssuerDetails(reminder_days=text)
    details.full_clean()
    details.save()

    assert [day for day in range(-10, 40) if on(day)] == days


@pytest.mark.django_db
@pytest.mark.parametrize("text", ["often", "3.5", "3;14", "400", ",".join(map(str, range(13)))])
def test_what_is_no_schedule_is_refused_in_the_back_office(text: str) -> None:
    with pytest.raises(ValidationError) as refused:
        IssuerDetails(reminder_days=text).full_clean()
    assert list(refused.value.message_dict) == ["reminder_days"]


def test_a_reminder_stands_by_its_expected_payment_and_day(invoice: Invoice) -> None:
    on(3)
    reminder = Reminder.objects.get()
    assert reminder.expected == ExpectedPayment.objects.get(invoice=invoice)
    assert reminder.days == 3
