"""Dues in another currency than the main one: chosen, billed, paid, renewed and changed in it."""

import datetime

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from funding.dues import billing, change_plan, changing, earning, renewal
from funding.ledger import queries as books
from funding.ledger.models import Pool
from membership import applications, profile
from membership.models import FeeRule, Organisation, SeatRole, Term, Tier
from membership.profile import Standing
from portal import groups
from tests.dues.test_crediting import transfer
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    admitted_term,
    draft_application,
    invoice_of,
    make_officer,
    may,
    submitted_application,
)
from tests.factories.pools import make_person

pytestmark = pytest.mark.django_db
COMPANY = {"kind": "company"}
UGX = 950_000


@pytest.fixture
def shillings(foundation: Pool) -> Pool:
    """The fee table has lines in Ugandan shillings for companies."""
    for code, amount in (("implementer", UGX), ("sustaining", 1_800_000)):
        FeeRule.objects.create(
            tier=Tier.objects.get(code=code),
            kind="company",
            income_group="low",
            amount=amount,
            currency="UGX",
            valid_from=datetime.date(2026, 1, 1),
            source="Board, test",
            source_year=2026,
        )
    return foundation


def standing_of(organisation: Organisation, currency: str) -> Standing:
    return Standing(
        legal_name=organisation.legal_name,
        kind=organisation.kind,
        constituency=organisation.constituency,
        country=organisation.country,
        currency=currency,
    )


def test_what_was_chosen_at_application_is_billed_and_renewed(shillings: Pool) -> None:
    term = admitted_term(**COMPANY, currency="UGX")
    invoice = invoice_of(term)
    assert (term.fee, term.currency) == (UGX, "UGX")
    assert (invoice.total, invoice.currency) == (UGX, "UGX")
    assert term.organisation.currency == "UGX"
    assert books.balances(shillings, "UGX")["dues-receivable"] == UGX
    transfer_in(invoice, UGX)
    renewal.run(term.ends_on - datetime.timedelta(days=40))
    offered = Term.objects.get(renews=term)
    assert (offered.fee, offered.currency) == (UGX, "UGX")


def transfer_in(invoice: object, amount: int) -> None:
    """A transfer in shillings, in the books."""
    from core.transactions import use_case
    from funding.payments import progress
    from funding.payments.models import Invoice, Payment, Status
    from funding.payments.outcomes import Settlement
    from tests.factories.payments import make_payment

    assert isinstance(invoice, Invoice)
    payment = make_payment(
        amount,
        currency="UGX",
        purpose=invoice.purpose,
        purpose_id=invoice.purpose_id,
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
                currency="UGX",
                date=timezone.localdate(),
                own_key=f"test:{payment.public_id}",
                place="bank",
            ),
        )


def test_a_change_of_tier_is_counted_in_the_terms_currency(shillings: Pool) -> None:
    term = admitted_term(**COMPANY, currency="UGX")
    transfer_in(invoice_of(term), UGX)
    person = term.organisation.seats.get(roles__contains=[SeatRole.PRIMARY_CONTACT]).person
    change = changing.ask(term.organisation, Tier.objects.get(code="sustaining"), by=person)
    invoice = billing.change_invoice(change)
    assert invoice is not None
    assert (invoice.total, invoice.currency) == (1_800_000 - UGX, "UGX")
    transfer_in(invoice, invoice.total)
    term = Term.objects.select_related("tier").get(pk=term.pk)
    assert term.tier.code == "sustaining"
    earning.earn_month(term.ends_on)
    earned = -books.balances(shillings, "UGX")["membership-dues"]
    assert earned == 1_800_000


def test_a_tier_without_a_line_in_it_cannot_be_changed_to_in_words(shillings: Pool) -> None:
    FeeRule.objects.filter(tier__code="sustaining", currency="UGX").delete()
    term = admitted_term(**COMPANY, currency="UGX")
    transfer_in(invoice_of(term), UGX)
    person = term.organisation.seats.get(roles__contains=[SeatRole.PRIMARY_CONTACT]).person
    words = change_plan.why_not(term.organisation, by=person, on=timezone.localdate())
    assert "different currencies" in words


def test_a_term_that_is_billed_keeps_its_currency(shillings: Pool) -> None:
    term = admitted_term(**COMPANY)
    transfer(invoice_of(term), term.fee)
    staff = may(make_officer(), "change_organisation")
    organisation = term.organisation
    profile.change_standing(
        organisation, standing_of(organisation, "UGX"), by=staff, reason="They asked"
    )
    term.refresh_from_db()
    assert term.currency == "USD"
    renewal.run(term.ends_on - datetime.timedelta(days=40))
    assert Term.objects.get(renews=term).currency == "UGX"


def test_staff_choose_among_the_currencies_of_the_table(
    shillings: Pool, client: Client, on_site: object
) -> None:
    organisation = admitted_term(**COMPANY).organisation
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    url = reverse("membership_organisations:standing", args=[organisation.pk])
    assert "UGX – Ugandan shillings" in client.get(url).content.decode()
    form = {
        "legal_name": organisation.legal_name,
        "kind": organisation.kind,
        "constituency": organisation.constituency,
        "country": organisation.country,
        "reason": "They asked by e-mail.",
    }
    page = client.post(url, {**form, "currency": "CHF"}).content.decode()
    assert "They asked by e-mail." in page
    organisation.refresh_from_db()
    assert organisation.currency == ""
    client.post(url, {**form, "currency": "UGX"})
    organisation.refresh_from_db()
    assert organisation.currency == "UGX"


def test_applicants_choose_only_where_there_is_a_choice(
    shillings: Pool, client: Client, on_site: object
) -> None:
    person = make_person()
    draft = draft_application(person, **COMPANY)
    sign_in(client, person)
    url = reverse("membership_application_step", args=[draft.public_id, "tier"])
    assert "UGX – Ugandan shillings" in client.get(url).content.decode()
    FeeRule.objects.filter(currency="UGX").delete()
    assert "UGX – Ugandan shillings" not in client.get(url).content.decode()


def test_what_was_promised_holds_after_the_line_is_gone(shillings: Pool) -> None:
    application = submitted_application(**COMPANY, currency="UGX")
    assert applications.promised_fee(application).currency == "UGX"
    FeeRule.objects.filter(currency="UGX").delete()
    # No line in it any more: the main currency holds.
    assert applications.promised_fee(application).currency == "USD"
