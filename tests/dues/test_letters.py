"""What letters about dues say, and to whom: each reader's own language, and what is asked now."""

import datetime

import pytest
from django.core import mail

from core.jobs.testing import run_pending_jobs
from core.money import Money
from core.transactions import use_case
from funding.dues import letters
from funding.dues.refusals import NobodyToBill
from funding.ledger.models import Pool
from membership.models import Organisation
from tests.dues.test_crediting import transfer
from tests.factories.membership import admitted_term, invoice_of, make_organisation
from tests.factories.pools import make_person
from tests.factories.seats import a_seat

pytestmark = pytest.mark.django_db


@pytest.fixture
def organisation(foundation: Pool) -> Organisation:
    return make_organisation(public_name="Shelf Systems")


def written() -> dict[str, str]:
    run_pending_jobs()
    return {message.to[0]: message.body for message in mail.outbox}


def test_each_reads_of_days_and_sums_in_their_own_language(organisation: Organisation) -> None:
    english, french = (
        make_person(f"{code}@shelf.example.org", preferred_language=code) for code in ("en", "fr")
    )
    with use_case():
        for person in (english, french):
            letters.write(
                "dues_change_made",
                person,
                organisation.public_name,
                {"old_tier": "A", "new_tier": "B", "back": Money(123_456, "USD")},
                about="tier-change:1",
            )
    bodies = written()
    assert "$1,234.56" in bodies[english.email]
    assert "1\u202f234,56" in bodies[french.email].replace("\u00a0", "\u202f")


def test_a_letter_with_an_invoice_asks_for_its_sum_or_for_what_is_left(foundation: Pool) -> None:
    term = admitted_term()
    invoice = invoice_of(term)
    transfer(invoice, invoice.total - 1_000)
    invoice.refresh_from_db()
    person = make_person("reader@shelf.example.org")
    days = {"starts_on": term.starts_on, "ends_on": term.ends_on, "last_ends_on": term.ends_on}
    said = {}
    for asked in (None, invoice.outstanding):
        mail.outbox.clear()
        with use_case():
            letters.write(
                "dues_renewal_reminder",
                person,
                "Shelf Systems",
                {**days, "grace_until": datetime.date(2027, 1, 30), "kind": "month"},
                about="term:1/month",
                invoice=invoice,
                asked=asked,
            )
        said[asked] = written()[person.email]
    assert invoice.money.format("en") in said[None]
    assert "$10.00" in said[invoice.outstanding]
    assert invoice.money.format("en") not in said[invoice.outstanding]


def test_billing_contacts_go_before_the_primary_contact_and_closed_accounts_count_for_nothing(
    organisation: Organisation,
) -> None:
    assert letters.who_reads(organisation) == []
    with pytest.raises(NobodyToBill):
        letters.who_pays(organisation)
    first = a_seat(organisation, None, "primary_contact").person
    assert letters.who_pays(organisation) == [first]
    biller = a_seat(organisation, None, "billing_contact").person
    assert letters.who_pays(organisation) == [biller]
    biller.is_active = False
    biller.save(update_fields=["is_active"])
    assert letters.who_pays(organisation) == [first]
