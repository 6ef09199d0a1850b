"""What members, applicants and payers are owed by e-mail is found from dates and facts alone."""

import datetime
from typing import Any

import pytest
import time_machine
from django.core import mail
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.mailing import expectations
from core.mailing.models import Delivery, MissingMessage
from core.models import User
from core.transactions import use_case
from funding.dues import billing, changing, renewal
from funding.ledger.models import Pool
from membership import reviewing, terms
from membership.models import Seat, SeatRole, Term, TermNotice, Tier, TierChange
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    invoice_of,
    make_officer,
    make_organisation,
    open_term,
    paid_term,
    submitted_application,
)
from tests.factories.pools import make_person

pytestmark = pytest.mark.django_db
FIRST = datetime.date(2025, 3, 1)
LAST = datetime.date(2026, 2, 28)


def noon(on: datetime.date) -> Any:
    return time_machine.travel(datetime.datetime.combine(on, datetime.time(12), datetime.UTC))


def day(offset: int) -> datetime.date:
    return LAST + datetime.timedelta(days=offset)


@pytest.fixture(autouse=True)
def the_log_is_old(db: None) -> None:
    began = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    Delivery.objects.create(template="x", message_id="<first>", queued_at=began)


@pytest.fixture
def member(foundation: Pool) -> Term:
    organisation = make_organisation(public_name="Shelf Systems")
    person = make_person(email="contact@shelf.example.org")
    Seat.objects.create(
        organisation=organisation, person=person, roles=[SeatRole.PRIMARY_CONTACT.value]
    )
    row = open_term(organisation, starts_on=FIRST)
    with use_case():
        terms.settle(row, on=FIRST)
    return Term.objects.get(pk=row.pk)


def compare(on: datetime.date) -> list[tuple[str, str]]:
    with noon(on):
        expectations.compare()
    return list(MissingMessage.objects.order_by("about").values_list("about", "template"))


def send(on: datetime.date) -> list[str]:
    """Send what is missing; the subjects that left."""
    run_pending_jobs()
    mail.outbox.clear()
    officer: User = make_officer()
    with noon(on):
        for row in MissingMessage.objects.all():
            expectations.send_missing(row.pk, by=officer)
    run_pending_jobs()
    return [message.subject for message in mail.outbox]


def forget_mail() -> None:
    Delivery.objects.exclude(message_id="<first>").delete()


# --- Renewals -------------------------------------------------------------------------------------


def test_where_every_job_ran_nothing_is_missing(member: Term) -> None:
    for offset in range(-61, 40):
        with noon(day(offset)):
            renewal.run()
        assert compare(day(offset + 1)) == [], offset


def test_an_offer_that_no_job_made_is_made_by_the_button(member: Term) -> None:
    assert compare(day(-60)) == []
    assert compare(day(-58)) == [(f"term:{member.pk}/offer", "dues_renewal")]

    subjects = send(day(-58))

    assert len(subjects) == 1
    assert "for the next term" in subjects[0]
    assert Term.objects.filter(renews=member).count() == 1
    assert compare(day(-57)) == []


def test_an_offer_whose_mail_was_lost_is_written_again_without_a_second_term(member: Term) -> None:
    with noon(day(-60)):
        renewal.run()
    forget_mail()
    assert compare(day(-58)) == [(f"term:{member.pk}/offer", "dues_renewal")]

    assert len(send(day(-58))) == 1

    assert Term.objects.filter(renews=member).count() == 1
    assert compare(day(-57)) == []


def test_a_reminder_that_no_job_wrote_is_missing_until_the_next_one_falls_due(
    member: Term,
) -> None:
    with noon(day(-60)):
        renewal.run()
    assert compare(day(-30)) == []
    assert compare(day(-29)) == [(f"term:{member.pk}/month", "dues_renewal_reminder")]
    assert compare(day(-6)) == [(f"term:{member.pk}/week", "dues_renewal_reminder")]

    assert len(send(day(-6))) == 1

    assert TermNotice.objects.filter(term=member, kind="week").exists()
    assert compare(day(-5)) == []
    with noon(day(-5)):
        assert renewal.run() == 0  # the job does not write it once more


def test_a_member_who_paid_is_owed_no_reminder(member: Term) -> None:
    with noon(day(-60)):
        renewal.run()
    with use_case():
        terms.settle(member.renewal, on=day(-40))
    assert compare(day(-20)) == []


def test_that_a_member_lapsed_is_owed_where_nothing_renewed_it(member: Term) -> None:
    with noon(day(-60)):
        renewal.run()
    assert (f"term:{member.pk}/lapsed", "dues_lapsed") in compare(day(33))
    assert "has lapsed" in " ".join(send(day(33)))


# --- Admissions, invoices, receipts, decisions ------------------------------------------------------


def in_days(count: int) -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=count)


def test_an_admission_is_owed_its_invoice(foundation: Pool) -> None:
    invoice = invoice_of(admitted_term())
    assert compare(in_days(3)) == []

    forget_mail()
    assert compare(in_days(3)) == [(f"invoice:{invoice.number}", "dues_invoice")]

    assert invoice.number in send(in_days(3))[0]
    assert compare(in_days(4)) == []


def test_an_admission_that_costs_nothing_is_owed_its_word(foundation: Pool) -> None:
    term = admitted_term(**MINISTRY)
    assert compare(in_days(3)) == []

    forget_mail()
    assert compare(in_days(3)) == [(f"term:{term.pk}/admitted", "membership_admitted")]

    assert "is a member" in send(in_days(3))[0]
    assert compare(in_days(4)) == []


def change_tier(term: Term) -> TierChange:
    """A company asks for the highest tier today."""
    seat = term.organisation.seats.select_related("person").get()
    return changing.ask(term.organisation, Tier.objects.get(code="sustaining"), by=seat.person)


def member_company() -> Term:
    term = admitted_term(kind="company")
    with use_case():
        terms.settle(term, on=timezone.localdate())
    return term


def test_a_change_of_tier_is_owed_its_invoice_while_it_waits(foundation: Pool) -> None:
    change = change_tier(member_company())
    invoice = billing.change_invoice(change)
    assert invoice is not None
    missing = (f"invoice:{invoice.number}", "dues_change_invoice")
    assert compare(in_days(3)) == []

    Delivery.objects.filter(about=missing[0]).delete()
    assert compare(in_days(3)) == [missing]

    assert invoice.number in send(in_days(3))[0]
    assert invoice.money.format("en") in mail.outbox[0].body
    assert compare(in_days(4)) == []


@pytest.mark.parametrize("paid", [True, False])
def test_an_invoice_of_a_change_that_was_made_or_ended_is_owed_to_nobody(
    foundation: Pool, paid: bool
) -> None:
    change = change_tier(member_company())
    if paid:
        with use_case():
            changing.paid(change.pk, on=timezone.localdate(), by=None)
    else:
        changing.withdraw(change, by=change.asked_by)
    Delivery.objects.filter(template="dues_change_invoice").delete()
    assert compare(in_days(3)) == []


def test_an_admission_that_was_billed_and_then_cost_nothing_is_owed_no_second_word(
    foundation: Pool,
) -> None:
    term = admitted_term(kind="company")
    Tier.objects.get(code="sustaining").fee_rules.update(amount=0)
    change_tier(term)
    term.refresh_from_db()
    assert term.waived_on
    assert compare(in_days(3)) == []


def test_a_payment_is_owed_its_receipt(foundation: Pool) -> None:
    paid_term()
    assert compare(in_days(3)) == []

    Delivery.objects.filter(about__startswith="receipt:").delete()

    assert [template for _about, template in compare(in_days(3))] == ["payments_receipt"]
    assert "receipt" in send(in_days(3))[0]
    assert compare(in_days(4)) == []


def test_an_applicant_is_owed_word_that_it_came_and_the_decision(foundation: Pool) -> None:
    application = submitted_application()
    forget_mail()
    assert compare(in_days(3)) == [
        (f"application:{application.pk}/submitted", "membership_submitted"),
        (f"application:{application.pk}/to_review", "membership_to_review"),
    ]

    officer = make_officer()
    reviewing.begin_review(application, by=officer)
    reviewing.decline(application, by=officer, reason="Not yet.")
    forget_mail()
    assert compare(in_days(3)) == [
        (f"application:{application.pk}/declined", "membership_declined")
    ]

    assert len(send(in_days(3))) == 1
    assert "Not yet." in mail.outbox[0].body
