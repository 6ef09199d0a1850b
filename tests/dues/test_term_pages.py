"""Staff cancel a term with effect from a day, and choose when membership years end."""

import datetime

import pytest
from django.core import mail
from django.test import Client
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.transactions import use_case
from funding.dues import admission, billing, renewal
from funding.ledger import queries as books
from funding.ledger.models import Pool
from membership import terms
from membership.models import Seat, Term, TermPolicy
from membership.refusals import NotPermitted
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    make_officer,
    open_term,
    reviewed_application,
)
from tests.factories.pools import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
LENGTH = "/admin/members/terms/length/"
LIST = "/admin/members/terms/"


def url_of(term: Term) -> str:
    return f"/admin/members/terms/cancel/{term.pk}/"


@pytest.fixture
def term(foundation: Pool) -> Term:
    """A paid term that ends in 20 days."""
    row = open_term(
        starts_on=timezone.localdate() - datetime.timedelta(days=100),
        ends_on=timezone.localdate() + datetime.timedelta(days=20),
    )
    Seat.objects.create(
        organisation=row.organisation,
        person=make_person(email="contact@example.org"),
        roles=["primary_contact"],
    )
    with use_case():
        terms.settle(row, on=row.starts_on)
    return Term.objects.get(pk=row.pk)


def days(count: int) -> str:
    return (timezone.localdate() + datetime.timedelta(days=count)).isoformat()


def test_an_officer_cancels_from_a_day_on_and_the_organisation_is_told(
    term: Term, client: Client, foundation: Pool
) -> None:
    renewal.run()
    run_pending_jobs()
    mail.outbox.clear()
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    assert url_of(term) in client.get(LIST).content.decode()
    assert "Nothing is given back by it" in client.get(url_of(term)).content.decode()

    client.post(url_of(term), {"on": days(5), "reason": "They merged with another body."})

    term.refresh_from_db()
    today = timezone.localdate()
    assert term.cancelled_on == today + datetime.timedelta(days=5)
    assert term.status(today + datetime.timedelta(days=4)) == Term.Status.CURRENT
    assert term.status(term.cancelled_on) == Term.Status.CANCELLED
    # The renewal that was offered ends with it, and leaves no debt.
    offered = term.renewal
    assert offered.cancelled_on == offered.starts_on
    assert billing.standing_invoice(offered) is None
    assert books.balances(foundation, "USD").get("dues-receivable", 0) == 0
    run_pending_jobs()
    # The credit note of the renewal's invoice, which is in their hands as a paper, and the message.
    credit_note, message = sorted(mail.outbox, key=lambda each: "credit note" not in each.subject)
    assert "They merged with another body." in credit_note.body
    assert message.to == ["contact@example.org"]
    assert "They merged with another body." in message.body


def test_a_renewal_that_costs_nothing_ends_with_the_term_that_is_cancelled(
    foundation: Pool, client: Client
) -> None:
    row = admitted_term(starts_on=timezone.localdate() - datetime.timedelta(days=340), **MINISTRY)
    renewal.run()
    assert row.renewal.waived_on is not None
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    client.post(url_of(row), {"on": days(5), "reason": "They leave."})
    row.renewal.refresh_from_db()
    assert row.renewal.cancelled_on == row.renewal.starts_on


@pytest.mark.parametrize(
    ("form", "words"),
    [
        ({"on": days(-1), "reason": "x"}, "Choose today or a later day"),
        ({"on": days(21), "reason": "x"}, "Choose today or a later day"),
        ({"on": "", "reason": "x"}, "Write the day."),
        ({"on": days(1), "reason": " "}, "Write the reason."),
    ],
)
def test_what_cannot_be_is_said_and_nothing_changes(
    term: Term, client: Client, form: dict[str, str], words: str
) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    assert words in client.post(url_of(term), form).content.decode()
    term.refresh_from_db()
    assert term.cancelled_on is None


def test_twice_it_is_cancelled_once(term: Term, client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    client.post(url_of(term), {"on": days(5), "reason": "First"})
    again = client.post(url_of(term), {"on": days(1), "reason": "Second"})
    assert "cancelled already" in again.content.decode()
    term.refresh_from_db()
    assert term.cancelled_reason == "First"


@pytest.mark.parametrize("group", [groups.AUDITORS, groups.TREASURERS])
def test_others_may_not_cancel(term: Term, client: Client, group: str) -> None:
    sign_in(client, make_staff(group))
    assert url_of(term) not in client.get(LIST).content.decode()
    client.post(url_of(term), {"on": days(5), "reason": "x"})
    term.refresh_from_db()
    assert term.cancelled_on is None


def test_a_treasurer_sets_the_month_and_the_next_admission_is_for_a_part_of_the_year(
    foundation: Pool, client: Client
) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    assert LENGTH in client.get(LIST).content.decode()
    client.post(LENGTH, {"month": "12"})
    assert TermPolicy.objects.get().year_ends_with == 12
    assert '<option value="12" selected>' in client.get(LENGTH).content.decode()

    officer = make_officer()
    on = datetime.date(2026, 7, 1)
    admitted = admission.admit(reviewed_application(officer=officer), by=officer, starts_on=on)
    invoice = billing.standing_invoice(admitted)
    assert invoice is not None
    assert (admitted.ends_on, admitted.fee) == (datetime.date(2026, 12, 31), 12_603)  # 184/365
    assert invoice.total == 12_603

    client.post(LENGTH, {"month": ""})
    assert TermPolicy.objects.get().year_ends_with is None


def test_others_may_not_set_it(foundation: Pool, client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    assert LENGTH not in client.get(LIST).content.decode()
    client.post(LENGTH, {"month": "12"})
    assert not TermPolicy.objects.exists()
    with pytest.raises(NotPermitted), use_case():
        terms.set_common_year_end(12, by=make_officer())
