"""Applying in the browser: Alice fills in the form, Charlie has no business in it."""

import uuid
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import User
from funding.ledger.models import Pool
from funding.payments.models import Payment
from membership import applications
from membership.models import Agreement, AgreementVersion, Application, Tier
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    draft_application,
    dues_payment,
    invoice_of,
    make_officer,
    paid_term,
    pay,
    reviewed_application,
    submitted_application,
)
from tests.factories.pools import make_person
from tests.look.html import Document

pytestmark = pytest.mark.django_db
State = Application.State
CHECKOUT = "https://checkout.example.org/session"


@pytest.fixture
def alice(foundation: Pool, client: Client) -> User:
    person = make_person("alice@example.org", first_name="Alice")
    client.force_login(person)
    return person


@pytest.fixture
def charlie(foundation: Pool) -> Client:
    browser = Client()
    browser.force_login(make_person("charlie@example.org"))
    return browser


def typed(**changes: str) -> dict[str, str]:
    version = AgreementVersion.objects.get(label="1.0")
    return {
        "form_token": str(uuid.uuid4()),
        "legal_name": "Clinic Stock Systems Limited",
        "public_name": "Clinic Stock Systems",
        "kind": "implementer",
        "country": "MW",
        "website": "clinicstock.example.org",
        "description": "We install and support OpenLMIS.",
        "constituency": "implementer",
        "tier": str(Tier.objects.get(code="implementer").pk),
        f"accept_{version.pk}": "on",
        **changes,
    }


def page(answer: Any) -> str:
    content: str = answer.content.decode()
    assert Document(content).faults == []
    return content


# --- The way through ------------------------------------------------------------------------------


def test_form_check_submit_and_the_page_that_says_what_happens_next(
    client: Client, alice: User
) -> None:
    answer = client.post(reverse("membership_apply"), typed())
    assert answer.status_code == 303
    check = answer["Location"]
    shown = page(client.get(check))
    assert "Clinic Stock Systems Limited" in shown
    assert "$250.00" in shown

    answer = client.post(check)
    assert answer.status_code == 303
    application = Application.objects.get()
    assert application.state == State.SUBMITTED
    assert application.website == "https://clinicstock.example.org"
    shown = page(client.get(answer["Location"]))
    assert "The application is submitted." in shown


def test_pressing_submit_twice_is_submitting_once(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    check = reverse("membership_application_check", args=[draft.public_id])
    assert client.post(check).status_code == 303
    again = client.post(check)
    assert again["Location"] == reverse("membership_application", args=[draft.public_id])
    assert Application.objects.get().acceptances.count() == 1


def test_the_same_form_sent_twice_is_one_application(client: Client, alice: User) -> None:
    form = typed()
    first, second = (client.post(reverse("membership_apply"), form) for _ in range(2))
    assert first["Location"] == second["Location"]
    assert Application.objects.count() == 1


def test_going_back_and_changing_an_answer_changes_the_draft(client: Client, alice: User) -> None:
    form = typed()
    first = client.post(reverse("membership_apply"), form)
    second = client.post(reverse("membership_apply"), {**form, "public_name": "Better Name"})
    assert first["Location"] == second["Location"]
    assert "Better Name" in page(client.get(second["Location"]))


def test_applying_asks_to_sign_in_and_leads_back(foundation: Pool, client: Client) -> None:
    address = reverse("membership_apply")
    answer = client.get(address)
    assert (answer.status_code, answer["Location"]) == (
        302,
        f"{reverse('account_login')}?next={address}",
    )
    assert client.post(address, typed()).status_code == 302
    assert not Application.objects.exists()


def test_what_is_submitted_is_not_changed_by_the_form(client: Client, alice: User) -> None:
    application = submitted_application(alice)
    change = reverse("membership_application_change", args=[application.public_id])
    own_page = reverse("membership_application", args=[application.public_id])
    assert client.get(change)["Location"] == own_page
    assert client.post(change, typed(public_name="Too Late"))["Location"] == own_page
    application.refresh_from_db()
    assert application.public_name != "Too Late"


def test_a_tier_closed_since_is_said_and_another_can_be_chosen(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    Tier.objects.filter(code="implementer").update(open_to_new=False)
    answer = client.post(reverse("membership_application_check", args=[draft.public_id]))
    change = reverse("membership_application_change", args=[draft.public_id])
    assert (answer.status_code, answer["Location"]) == (303, change)
    shown = page(client.get(change))
    assert "takes no new members. Choose another tier." in shown
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_without_an_agreement_in_force_the_form_says_that_nothing_can_be_submitted(
    client: Client, alice: User
) -> None:
    Agreement.objects.create(code="decisions", name="Decision policy")
    assert "No agreement is in force yet" in page(client.get(reverse("membership_apply")))
    answer = client.post(reverse("membership_apply"), typed())
    shown = page(client.post(answer["Location"]))
    assert "No version of “Decision policy” is in force" in shown
    assert Application.objects.get().state == State.DRAFT


def test_a_draft_is_found_again_and_changed(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    assert draft.public_name in page(client.get(reverse("membership_apply")))
    change = reverse("membership_application_change", args=[draft.public_id])
    assert f'value="{draft.legal_name}"' in page(client.get(change))
    client.post(change, typed(public_name="New Name"))
    draft.refresh_from_db()
    assert draft.public_name == "New Name"


# --- Mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"legal_name": ""}, "Write the legal name of the organisation."),
        ({"public_name": "  "}, "Write the name to show in the directory."),
        ({"kind": ""}, "Choose the type of organisation."),
        ({"country": ""}, "Choose the country."),
        ({"country": "XX"}, "Select a valid choice"),
        ({"website": "not a site"}, "Write the website like https://www.example.org."),
        ({"website": "javascript:alert(1)"}, "Write the website like https://www.example.org."),
        ({"website": "ftp://files.example.org"}, "Write the website like https://www.example.org."),
        ({"form_token": "x"}, "Error:"),
        ({"constituency": ""}, "Choose the constituency."),
        ({"tier": ""}, "Choose a tier."),
        ({"tier": "999999"}, "Select a valid choice"),
        ({"legal_name": "x" * 201}, "at most 200 characters"),
    ],
)
def test_a_mistake_is_named_and_what_was_typed_is_kept(
    client: Client, alice: User, changes: dict[str, str], words: str
) -> None:
    shown = page(client.post(reverse("membership_apply"), typed(**changes)))
    assert words in shown
    assert "<title>Error:" in shown
    assert "We install and support OpenLMIS." in shown
    assert not Application.objects.exists()


def test_a_tier_that_is_not_for_this_type_is_said_at_the_tier(client: Client, alice: User) -> None:
    country = str(Tier.objects.get(code="country").pk)
    shown = page(client.post(reverse("membership_apply"), typed(tier=country)))
    assert "has no fee for this type of organisation and country" in shown


def test_the_agreement_must_be_ticked(client: Client, alice: User) -> None:
    form = {name: value for name, value in typed().items() if not name.startswith("accept_")}
    shown = page(client.post(reverse("membership_apply"), form))
    assert "Tick the box to accept the Code of conduct, version 1.0." in shown


# --- Questions and withdrawal ---------------------------------------------------------------------


def test_a_question_is_shown_answered_and_kept_when_the_answer_is_empty(
    client: Client, alice: User
) -> None:
    officer = make_officer()
    application = reviewed_application(alice, officer)
    applications.request_information(application, "Who signs for you?", by=officer)
    address = reverse("membership_application", args=[application.public_id])

    assert "Who signs for you?" in page(client.get(address))
    assert "Write the answer." in page(client.post(address, {"words": ""}))
    assert client.post(address, {"words": "Our director."}).status_code == 303
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    again = client.post(address, {"words": "Again."}, follow=True)
    assert "There is no open question." in page(again)


def test_after_a_decision_the_question_waits_no_longer(client: Client, alice: User) -> None:
    officer = make_officer()
    application = reviewed_application(alice, officer)
    applications.request_information(application, "Who signs for you?", by=officer)
    applications.decline(application, by=officer, reason="No answer came.")
    shown = page(client.get(reverse("membership_application", args=[application.public_id])))
    assert "Reason: No answer came." in shown
    assert "Send the answer" not in shown


def test_a_draft_can_be_withdrawn_from_its_page(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    withdraw = reverse("membership_application_withdraw", args=[draft.public_id])
    check = reverse("membership_application_check", args=[draft.public_id])
    assert f'href="{withdraw}"' in page(client.get(check))
    client.post(withdraw)
    draft.refresh_from_db()
    assert draft.state == State.WITHDRAWN


def test_withdrawing_asks_first_and_a_get_changes_nothing(client: Client, alice: User) -> None:
    application = submitted_application(alice)
    address = reverse("membership_application_withdraw", args=[application.public_id])
    assert page(client.get(address))
    application.refresh_from_db()
    assert application.state == State.SUBMITTED
    assert client.post(address)["Location"] == reverse("membership_area")
    application.refresh_from_db()
    assert application.state == State.WITHDRAWN


# --- Other people ---------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "name",
    [
        "membership_application",
        "membership_application_check",
        "membership_application_change",
        "membership_application_withdraw",
    ],
)
def test_other_peoples_applications_are_not_found(alice: User, charlie: Client, name: str) -> None:
    for application in (draft_application(alice), submitted_application(alice)):
        address = reverse(name, args=[application.public_id])
        assert charlie.get(address).status_code == 404
        assert charlie.post(address, {"words": "x"}).status_code == 404
        assert Client().get(address).status_code == 302


def test_an_invoice_is_paid_by_its_organisation_alone(
    client: Client, alice: User, charlie: Client
) -> None:
    term = admitted_term(alice)
    address = reverse("membership_pay", args=[invoice_of(term).public_id])
    assert charlie.post(address).status_code == 404
    assert client.get(address).status_code == 405
    assert not Payment.objects.exists()

    with mock.patch("funding.payments.views.begin_checkout", return_value=CHECKOUT):
        for _ in range(2):
            answer = client.post(address)
            assert (answer.status_code, answer["Location"]) == (303, CHECKOUT)
    payment = Payment.objects.get()
    assert (payment.purpose, payment.purpose_id, payment.user) == ("dues", term.pk, alice)
    assert (payment.money, payment.pool.code) == (term.money, "general")


def test_paying_what_is_paid_is_refused_in_words(client: Client, alice: User) -> None:
    invoice = invoice_of(paid_term(alice))
    answer = client.post(reverse("membership_pay", args=[invoice.public_id]), follow=True)
    assert f"Invoice {invoice.number} is paid. There is nothing left to pay." in page(answer)
    assert Payment.objects.count() == 1


def test_once_paid_the_overview_and_the_directory_say_so(client: Client, alice: User) -> None:
    term = admitted_term(alice)
    name = term.organisation.public_name
    area = reverse("membership_area")
    shown = page(client.get(area))
    assert "Pay by card" in shown
    assert name not in client.get("/members/").content.decode()

    pay(dues_payment(term), paid_at=timezone.now())
    shown = page(client.get(area))
    assert "The membership is current until" in shown
    assert "Pay by card" not in shown
    assert term.organisation.get_absolute_url() in shown
    assert name in client.get("/members/").content.decode()


def test_a_ministry_that_pays_nothing_sees_a_waived_term_and_no_invoice(
    client: Client, alice: User
) -> None:
    term = admitted_term(alice, **MINISTRY)
    shown = page(client.get(reverse("membership_area")))
    assert "waived" in shown
    assert "Pay by card" not in shown
    assert term.organisation.public_name in client.get("/members/").content.decode()


def test_the_overview_shows_what_is_owed(client: Client, alice: User, charlie: Client) -> None:
    term = admitted_term(alice)
    shown = page(client.get(reverse("membership_area")))
    assert invoice_of(term).number in shown
    assert "awaiting payment" in shown
    assert invoice_of(term).number not in page(charlie.get(reverse("membership_area")))
