"""What people do to membership that nobody planned: one table of it, and a clear answer to each.

| misuse | its answer |
|---|---|
| another organisation's addresses by id | 404, whoever asks: here, for every address there is |
| an invitation used again | told, and nobody is seated: test_invitations.py |
| a person removed while signed in | the next click finds nothing: here |
| two reviewers deciding at once | one decision, and one who reads of it: here, test_admission.py |
| the fee table changed mid-application | the fee of the day of submission is billed: here |
| a lapsed member paying an old invoice | told what to do; money that comes is owed back: here |
| days at year ends, 29 February, time zones | here, and day by day in test_term_days.py |
"""

import datetime
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any
from unittest import mock

import pytest
import time_machine
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.dues import admission, billing, renewal
from funding.ledger import queries as books
from funding.ledger.models import Entry, Pool
from funding.payments.models import Invoice, Payment
from membership import attachments, join_requests, reviewing, seats, seeds, sharing, terms
from membership.models import (
    AgreementVersion,
    Application,
    Approval,
    Benefit,
    FeeRule,
    Organisation,
    Seat,
    Task,
    TaskProof,
    Term,
    Tier,
)
from membership.refusals import AlreadyApproved, SecondApproval, WrongStep
from portal.account import membership_urls, people_urls
from tests.factories.membership import (
    admitted_term,
    draft_application,
    invoice_of,
    make_officer,
    open_term,
    pay,
    reviewed_application,
    submitted_application,
)
from tests.factories.membership import foundation as begin_foundation
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, invited, seated
from tests.races import together

AREA = "/account/membership/"
# Those that name no row of anybody's, and those that anyone may open who holds the signed link.
OPEN = {"membership_area", "membership_apply", "membership_shares", "seat_invitation"} | {
    "seat_code", "seat_ask", "membership_share",  # what is offered to the reader, or nothing
}  # fmt: skip
FORM = {"decision": "approve", "email": "x@example.org", "act": "appeal", "words": "x"}


def browser(person: User) -> Client:
    client = Client()
    client.force_login(person)
    return client


# --- Another organisation's addresses by id -------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Victim:
    """An organisation with one of everything, and who is its primary contact."""

    seat: Seat
    rows: dict[str, tuple[Any, ...]]  # what the address of each name is made of

    @classmethod
    def make(cls) -> "Victim":
        term = admitted_term(website="https://clinic.example")
        organisation = term.organisation
        contact = organisation.seats.get()
        draft = draft_application(contact.person)
        sent = SimpleUploadedFile("paper.pdf", b"%PDF-1.7 a paper")
        file = attachments.add(draft, sent, by=contact.person)
        share = sharing.share(draft, "other@example.org", by=contact.person)
        asked = join_requests.ask(organisation, by=make_person("dora@clinic.example"))
        invitation, other = invited(contact), a_seat(organisation)
        of_draft, of_organisation = (draft.public_id,), (organisation.slug,)
        invoice = (invoice_of(term).public_id,)
        proof = proof_of_a_promise(term)
        version = AgreementVersion.objects.get()
        rows: dict[str, tuple[Any, ...]] = {
            "membership_profile": of_organisation,
            "membership_certificate": of_organisation,
            "membership_badge": of_organisation,
            "membership_benefits": of_organisation,
            "membership_benefit_proof": (*of_organisation, proof.task.public_id),
            "membership_agreements_of": of_organisation,
            "membership_accept": (*of_organisation, version.pk),
            "membership_tiers": of_organisation,
            "membership_tier": (*of_organisation, "sustaining"),
            "membership_rejoin": of_organisation,
            "membership_application": of_draft,
            "membership_application_step": (*of_draft, "organisation"),
            "membership_application_check": of_draft,
            "membership_application_files": of_draft,
            "membership_application_file": (*of_draft, file.public_id),
            "membership_application_remove_file": (*of_draft, file.public_id),
            "membership_application_share": of_draft,
            "membership_application_revoke_share": (*of_draft, share.public_id),
            "membership_application_withdraw": of_draft,
            "membership_pay": invoice,
            "membership_purchase_order": invoice,
            "people": of_organisation,
            "people_invite": of_organisation,
            "people_leave": of_organisation,
            "people_roles": (*of_organisation, other.pk),
            "people_hand_over": (*of_organisation, other.pk),
            "people_remove": (*of_organisation, other.pk),
            "people_invitation_withdraw": (*of_organisation, invitation.public_id),
            "people_invitation_again": (*of_organisation, invitation.public_id),
            "people_request": (*of_organisation, asked.public_id),
            "seat_ask_one": of_organisation,
            "seat_request_withdraw": (asked.public_id,),
        }
        return cls(contact, rows)


def proof_of_a_promise(term: Term) -> TaskProof:
    benefit = Benefit.objects.filter(tier=term.tier, kind=Benefit.Kind.SERVICE)[0]
    promised = Task.objects.create(
        organisation=term.organisation,
        term=term,
        benefit=benefit,
        title="A day",
        due_on=term.ends_on,
    )
    return TaskProof.objects.create(
        task=promised, file_name="a.pdf", content_type="application/pdf", content=b"%PDF", size=4
    )


def every_name() -> list[str]:
    """Every address of the member area that names a row."""
    patterns = [*membership_urls.urlpatterns, *people_urls.urlpatterns]
    return [str(pattern.name) for pattern in patterns if pattern.name not in OPEN]


def answers(client: Client, name: str, args: tuple[Any, ...]) -> set[int]:
    """What reading and sending an address say, but for a method that it does not know."""
    address = reverse(name, args=args)
    said = {client.get(address).status_code, client.post(address, FORM).status_code}
    return said - {405}


def counts() -> list[int]:
    models = (Seat, Payment, Invoice, Term, Application)
    return [model._default_manager.count() for model in models]


# Sent by someone who has no seat there, it takes what is not theirs to give: nothing, and says so.
NOTHING_TO_LEAVE = {"people_leave"}


@pytest.mark.django_db
def test_no_address_of_the_member_area_opens_what_is_another_organisations(
    foundation: Pool,
) -> None:
    victim = Victim.make()
    assert set(every_name()) == set(victim.rows), "A new address belongs into Victim.rows, or OPEN."
    for stranger in (make_person(), seated().person, paid_member().person):
        before = counts()
        client = browser(stranger)
        for name, args in victim.rows.items():
            said = answers(client, name, args) - ({303} if name in NOTHING_TO_LEAVE else set())
            assert said <= {404}, (name, said)
        assert counts() == before
    for name, args in victim.rows.items():
        signed_out = answers(Client(), name, args)
        assert signed_out == {302}, (name, signed_out)


def paid_member() -> Seat:
    term = admitted_term()
    with use_case():
        terms.settle(term, on=timezone.localdate())
    return term.organisation.seats.get()


@pytest.mark.django_db
def test_whoever_was_removed_while_signed_in_finds_nothing_at_any_address(
    foundation: Pool,
) -> None:
    victim = Victim.make()
    organisation = victim.seat.organisation
    removed = a_seat(organisation, None, "billing_contact")
    client = browser(removed.person)
    area = client.get(AREA).content.decode()
    assert organisation.public_name in area
    assert reverse("membership_pay", args=victim.rows["membership_pay"]) in area

    seats.remove(removed, by=victim.seat.person)

    assert organisation.public_name not in client.get(AREA).content.decode()
    for name, args in victim.rows.items():
        said = answers(client, name, args) - ({303} if name in NOTHING_TO_LEAVE else set())
        assert said <= {404}, (name, said)
    assert not Payment.objects.exists()


# --- Two reviewers deciding at once ---------------------------------------------------------------


def one_of_two(results: list[Any]) -> tuple[Any, Exception]:
    """What the one who came first did, and what the other reads."""
    done = [result for result in results if not isinstance(result, Exception)]
    refused = [result for result in results if isinstance(result, Exception)]
    assert (len(done), len(refused)) == (1, 1), results
    return done[0], refused[0]


def test_of_a_yes_and_a_no_at_once_one_decides_and_the_other_reads_of_it(
    committed_db: object,
) -> None:
    begin_foundation()
    application = reviewed_application()
    yes, no = make_officer(), make_officer()
    _done, refusal = one_of_two(
        together(
            lambda: admission.admit(application, by=yes),
            lambda: reviewing.decline(application, by=no, reason="No legal body."),
        )
    )
    assert isinstance(refusal, WrongStep)
    application.refresh_from_db()
    admitted = application.state == Application.State.APPROVED
    assert admitted or application.state == Application.State.DECLINED
    assert f"“{application.get_state_display()}”" in str(refusal)
    # All of the admission is there, or nothing.
    things = (Organisation, Term, Invoice, Entry)
    assert {model._default_manager.count() for model in things} == {int(admitted)}


def test_of_two_first_approvals_at_once_one_counts_and_nobody_is_admitted(
    committed_db: object,
) -> None:
    begin_foundation()
    Tier.objects.filter(code="implementer").update(reviewers=2)
    application = reviewed_application()
    first, second = make_officer(), make_officer()
    _done, refusal = one_of_two(
        together(
            lambda: reviewing.approve_first(application, by=first),
            lambda: reviewing.approve_first(application, by=second),
        )
    )
    assert isinstance(refusal, SecondApproval)
    assert Approval.objects.count() == 1
    assert not Term.objects.exists()

    # And the same officer in two windows approves once.
    other = reviewed_application()
    _done, refusal = one_of_two(together(*[lambda: reviewing.approve_first(other, by=first)] * 2))
    assert isinstance(refusal, AlreadyApproved)


# --- The fee table changed mid-application --------------------------------------------------------


@pytest.mark.django_db
def test_a_fee_table_changed_mid_application_changes_no_bill_that_was_promised(
    foundation: Pool, on_days: Callable[[str], Any]
) -> None:
    with on_days("2026-03-10"):
        submitted = submitted_application()
        rule = FeeRule.objects.get(tier=submitted.tier, kind="implementer", income_group="low")
        FeeRule.objects.create(
            tier=rule.tier,
            kind=rule.kind,
            income_group=rule.income_group,
            amount=99_900,
            currency="USD",
            valid_from=datetime.date(2026, 3, 12),
            source="A later table",
            source_year=2026,
        )
    with on_days("2026-03-12"):
        officer = make_officer()
        page = browser(submitted.applicant).get(
            reverse("membership_application", args=[submitted.public_id])
        )
        assert "$999.00" not in page.content.decode()
        application = reviewing.begin_review(submitted, by=officer)
        term = admission.admit(application, by=officer)
        assert invoice_of(term).total == term.fee == 25_000
        # Who hands in after the change pays the new fee.
        late = admission.admit(reviewed_application(), by=officer)
        assert invoice_of(late).total == late.fee == 99_900
        pay(billing.start_dues_payment(invoice_of(term), by=application.applicant))
    with on_days("2027-01-15"):
        renewal.run()
        offered = Term.objects.get(renews=term)
        assert invoice_of(offered).total == 99_900


@pytest.fixture
def on_days() -> Callable[[str], Any]:
    """Noon of a day."""

    def travel(day: str) -> Any:
        noon = datetime.datetime.fromisoformat(f"{day}T12:00").replace(tzinfo=datetime.UTC)
        return time_machine.travel(noon, tick=False)

    return travel


# --- A lapsed member paying an old invoice --------------------------------------------------------


def member_until(last: datetime.date) -> Seat:
    """The primary contact of an organisation whose paid term ends then."""
    seat = seated(public_name="Shelf Systems")
    term = open_term(seat.organisation, starts_on=last - datetime.timedelta(days=364), ends_on=last)
    with use_case():
        terms.settle(term, on=term.starts_on)
    return seat


@pytest.mark.django_db
def test_a_lapsed_member_reads_why_the_old_invoice_cannot_be_paid(
    foundation: Pool, on_days: Callable[[str], Any]
) -> None:
    seat = member_until(datetime.date(2026, 12, 31))
    with on_days("2026-11-01"):
        renewal.run()
    invoice = Invoice.objects.get()
    address = reverse("membership_pay", args=[invoice.public_id])
    with on_days("2027-01-31"):
        renewal.run()
        with mock.patch("funding.payments.views.begin_checkout") as asked:
            told = browser(seat.person).post(address, follow=True).content.decode()
        assert "There is nothing to pay on it" in told
        assert "Join again" in told
        asked.assert_not_called()
    assert not Payment.objects.exists()

    # A first invoice that nobody ever paid stands, and says that paying it makes nobody a member.
    never = admitted_term(starts_on=datetime.date(2024, 2, 29))
    with on_days("2027-01-31"):
        address = reverse("membership_pay", args=[invoice_of(never).public_id])
        told = browser(never.application.applicant).post(address, follow=True)  # type: ignore[union-attr]
        assert "ended on 28 February 2025" in told.content.decode()
    assert not Payment.objects.exists()


@pytest.mark.django_db
def test_a_card_page_opened_in_grace_and_paid_after_the_lapse_makes_nobody_a_member(
    foundation: Pool, on_days: Callable[[str], Any]
) -> None:
    seat = member_until(datetime.date(2026, 12, 31))
    with on_days("2026-11-01"):
        renewal.run()
    invoice = Invoice.objects.get()
    with on_days("2027-01-30"):
        payment = billing.start_dues_payment(invoice, by=seat.person)
    with on_days("2027-01-31"):
        renewal.run()
        pay(payment, paid_at=timezone.now())
        payment.refresh_from_db()
        assert "belongs to the payer" in payment.problem
        assert not Term.objects.standing(timezone.localdate()).exists()
        assert books.balances(foundation, "USD")["credits-payable"] == -invoice.total
        told = browser(seat.person).get(AREA).content.decode()
        assert "Join again" in told


# --- Days at year ends, 29 February, time zones ---------------------------------------------------


@pytest.fixture
def long_standing(db: None) -> None:
    """A foundation that took members years ago: the ledger takes no day that is far ahead."""
    seeds.load(valid_from=datetime.date(2020, 1, 1))
    billing.ensure_pool()


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("zone", "moment", "first", "last"),
    [
        ("UTC", "2022-12-31T23:59", "2022-12-31", "2023-12-30"),
        ("UTC", "2023-01-01T00:00", "2023-01-01", "2023-12-31"),
        ("Africa/Blantyre", "2022-12-31T22:00", "2023-01-01", "2023-12-31"),  # the 1st there
        ("Pacific/Pago_Pago", "2023-01-01T10:59", "2022-12-31", "2023-12-30"),
        ("UTC", "2024-02-28T23:59", "2024-02-28", "2025-02-27"),
        ("UTC", "2024-02-29T00:00", "2024-02-29", "2025-02-28"),
        ("UTC", "2023-03-01T00:00", "2023-03-01", "2024-02-29"),
    ],
)
def test_decided_and_paid_in_one_moment_the_term_is_a_year_from_that_day_at_the_foundation(
    long_standing: None, zone: str, moment: str, first: str, last: str
) -> None:
    at = datetime.datetime.fromisoformat(moment).replace(tzinfo=datetime.UTC)
    with time_machine.travel(at, tick=False), timezone.override(zone):
        term = admitted_term()
        pay(
            billing.start_dues_payment(invoice_of(term), by=make_person()),
            paid_at=timezone.now(),
        )
        term.refresh_from_db()
        billed = Entry.objects.get(idempotency_key__startswith="dues-invoice:").effective_date
    day = datetime.date.fromisoformat(first)
    assert (term.starts_on, term.ends_on.isoformat()) == (day, last)
    assert (invoice_of(term).issued_on, term.settled_on) == (day, day)
    assert term.status(day) == Term.Status.CURRENT
    assert billed == day  # in the books of the year it happened in


@pytest.mark.django_db
@pytest.mark.parametrize(
    ("ends", "day", "first", "last"),
    [
        ("2023-11-30", "2023-12-31", "2023-12-31", "2024-12-30"),
        ("2023-12-15", "2024-02-29", "2024-02-29", "2025-02-28"),
        ("2023-02-28", "2024-02-28", "2024-02-28", "2025-02-27"),  # a year later to the day
    ],
)
def test_joining_again_at_the_end_of_a_year_and_on_29_february(
    long_standing: None,
    on_days: Callable[[str], Any],
    ends: str,
    day: str,
    first: str,
    last: str,
) -> None:
    seat = member_until(datetime.date.fromisoformat(ends))
    with on_days(day):
        term = renewal.rejoin(seat.organisation, by=seat.person)
        assert (term.starts_on.isoformat(), term.ends_on.isoformat()) == (first, last)
        assert term.fee == 25_000
