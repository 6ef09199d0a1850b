"""Applying in the browser: Alice fills in the form, Charlie has no business in it."""

import datetime
import uuid
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.ledger.models import Pool
from funding.payments.models import Payment
from membership import reviewing, terms
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
    """The first step, as a browser sends it by "Save and go on"."""
    return {
        "form_token": str(uuid.uuid4()),
        "legal_name": "Clinic Stock Systems Limited",
        "public_name": "Clinic Stock Systems",
        "kind": "implementer",
        "country": "MW",
        "website": "clinicstock.example.org",
        "description": "We install and support OpenLMIS.",
        "then": "on",
        **changes,
    }


def contacts(**changes: str) -> dict[str, str]:
    return {
        "contact_name": "Alice",
        "contact_email": "alice@example.org",
        "voting_name": "Viola",
        "voting_email": "viola@example.org",
        "then": "on",
        **changes,
    }


def tier(**changes: str) -> dict[str, str]:
    chosen = str(Tier.objects.get(code="implementer").pk)
    return {"constituency": "implementer", "tier": chosen, "then": "on", **changes}


def accepted(**changes: str) -> dict[str, str]:
    version = AgreementVersion.objects.get(label="1.0")
    return {
        f"accept_{version.pk}": "on",
        "signatory_name": "Dora Director",
        "signatory_function": "Director",
        "may_bind": "on",
        "then": "on",
        **changes,
    }


def step(draft: Application, name: str) -> str:
    return reverse("membership_application_step", args=[draft.public_id, name])


def page(answer: Any) -> str:
    content: str = answer.content.decode()
    assert Document(content).faults == []
    return content


# --- The way through ------------------------------------------------------------------------------


def test_four_steps_check_submit_and_the_page_that_says_what_happens_next(
    client: Client, alice: User
) -> None:
    answer = client.post(reverse("membership_apply"), typed())
    for sent in (contacts(), tier(), accepted()):
        assert answer.status_code == 303
        assert page(client.get(answer["Location"]))
        answer = client.post(answer["Location"], sent)
    check = answer["Location"]
    shown = page(client.get(check))
    for words in ("Clinic Stock Systems Limited", "viola@example.org", "Dora Director", "$250.00"):
        assert words in shown
    assert "Before it can be submitted" not in shown

    answer = client.post(check)
    assert answer.status_code == 303
    application = Application.objects.get()
    assert application.state == State.SUBMITTED
    assert application.website == "https://clinicstock.example.org"
    acceptance = application.acceptances.get()
    assert (acceptance.signatory_name, acceptance.signatory_function) == (
        "Dora Director",
        "Director",
    )
    shown = page(client.get(answer["Location"]))
    assert "The application is submitted." in shown


@pytest.mark.parametrize("then", ["on", "later"])
def test_a_half_filled_step_is_kept_whichever_button_is_pressed(
    client: Client, alice: User, then: str
) -> None:
    half = {**typed(legal_name="", kind="", website="not a site"), "then": then}
    answer = client.post(reverse("membership_apply"), half)
    draft = Application.objects.get()
    assert (draft.public_name, draft.legal_name, draft.website) == (
        "Clinic Stock Systems",
        "",
        "not a site",
    )
    if then == "later":
        assert answer["Location"] == reverse("membership_area")
        assert "Clinic Stock Systems" in page(client.get(answer["Location"]))
    else:
        assert "Write the legal name of the organisation." in page(answer)


def test_the_check_page_names_all_that_lacks_and_links_to_the_field(
    client: Client, alice: User
) -> None:
    client.post(reverse("membership_apply"), typed(legal_name="", website="not a site"))
    draft = Application.objects.get()
    check = reverse("membership_application_check", args=[draft.public_id])
    shown = page(client.get(check))
    href = f"{step(draft, 'organisation')}?problems=1"
    assert f'href="{href}#id_legal_name"' in shown
    assert f'href="{href}#id_website"' in shown
    for words in ("Choose a tier.", "Choose the constituency.", "Tick the box to accept the Code"):
        assert words in shown
    assert "Accept the agreements and submit" not in shown
    there = page(client.get(href))
    assert "Write the legal name of the organisation." in there
    assert "Write the website like https://www.example.org." in there
    assert 'value="not a site"' in there
    refused = page(client.post(check, follow=True))
    assert "The application is not complete." in refused
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_what_a_draft_cannot_keep_stays_on_the_page(client: Client, alice: User) -> None:
    long = "x" * 201
    answer = client.post(reverse("membership_apply"), {**typed(legal_name=long), "then": "later"})
    assert f'value="{long}"' in page(answer)
    assert Application.objects.get().public_name == "Clinic Stock Systems"


def test_nothing_typed_makes_no_draft(client: Client, alice: User) -> None:
    answer = client.post(reverse("membership_apply"), {"form_token": str(uuid.uuid4())})
    assert "Write the legal name of the organisation." in page(answer)
    assert not Application.objects.exists()


def test_a_register_and_its_number_go_together(client: Client, alice: User) -> None:
    form = typed(registration_number="1234567")
    assert "Write the code of the register that gave the number." in page(
        client.post(reverse("membership_apply"), form)
    )
    form |= {"registration_agency": "not a code"}
    assert "as org-id.guide has it" in page(client.post(reverse("membership_apply"), form))
    form |= {"registration_agency": "gb-chc"}
    assert client.post(reverse("membership_apply"), form).status_code == 303
    draft = Application.objects.get()
    assert (draft.registration_agency, draft.registration_number) == ("GB-CHC", "1234567")


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
    assert Application.objects.get().public_name == "Better Name"


def test_a_member_that_applies_again_stays_one_organisation(
    alice: User, client: Client, charlie: Client
) -> None:
    organisation = paid_term(alice).organisation
    term = organisation.terms.get()
    past = timezone.localdate() - datetime.timedelta(days=1000)
    organisation.terms.update(starts_on=past, ends_on=past, settled_on=past)
    address = f"{reverse('membership_apply')}?again={organisation.slug}"
    assert f'href="{address}"' in page(client.get(reverse("membership_area")))
    assert organisation.public_name in page(client.get(address))

    client.post(address, typed())
    draft = alice.applications.get(state=State.DRAFT)
    assert draft.organisation == organisation

    charlie.post(address, typed())  # who has no seat there begins as anybody does
    assert Application.objects.get(state=State.DRAFT, organisation=None)
    assert term.application != draft


def test_certificate_and_badge_are_offered_to_members_alone(alice: User, client: Client) -> None:
    term = admitted_term(alice)
    papers = [
        reverse(name, args=[term.organisation.slug])
        for name in ("membership_certificate", "membership_badge")
    ]
    before = page(client.get(reverse("membership_area")))
    assert not [address for address in papers if address in before]
    with use_case():
        terms.settle(term, on=timezone.localdate())
    after = page(client.get(reverse("membership_area")))
    assert [address for address in papers if address in after] == papers


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
    change = step(application, "organisation")
    own_page = reverse("membership_application", args=[application.public_id])
    assert client.get(change)["Location"] == own_page
    assert client.post(change, typed(public_name="Too Late"))["Location"] == own_page
    application.refresh_from_db()
    assert application.public_name != "Too Late"


def test_a_tier_closed_since_is_said_and_another_can_be_chosen(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    Tier.objects.filter(code="implementer").update(open_to_new=False)
    check = reverse("membership_application_check", args=[draft.public_id])
    answer = client.post(check)
    assert (answer.status_code, answer["Location"]) == (303, check)
    shown = page(client.get(check))
    assert "takes no new members. Choose another tier." in shown
    assert f"{step(draft, 'tier')}?problems=1" in shown
    draft.refresh_from_db()
    assert draft.state == State.DRAFT


def test_without_an_agreement_in_force_the_form_says_that_nothing_can_be_submitted(
    client: Client, alice: User
) -> None:
    draft = draft_application(alice)
    Agreement.objects.create(code="decisions", name="Decision policy")
    assert "No agreement is in force yet" in page(client.get(step(draft, "agreements")))
    check = reverse("membership_application_check", args=[draft.public_id])
    assert "No version of “Decision policy” is in force" in page(client.get(check))
    assert "No version of “Decision policy” is in force" in page(client.post(check, follow=True))
    assert Application.objects.get().state == State.DRAFT


def test_a_draft_is_found_again_and_changed(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    assert draft.public_name in page(client.get(reverse("membership_apply")))
    change = step(draft, "organisation")
    assert f'value="{draft.legal_name}"' in page(client.get(change))
    client.post(change, typed(public_name="New Name"))
    draft.refresh_from_db()
    assert draft.public_name == "New Name"
    assert client.get(step(draft, "nothing")).status_code == 404


# --- Mistakes -------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"legal_name": ""}, "Write the legal name of the organisation."),
        ({"public_name": "  "}, "Write the name to show in the directory."),
        ({"kind": ""}, "Choose the type of organisation."),
        ({"country": ""}, "Choose the country."),
        ({"country": "XX"}, "Select a valid choice"),
        ({"website": "javascript:alert(1)"}, "Write the website like https://www.example.org."),
        ({"website": "ftp://files.example.org"}, "Write the website like https://www.example.org."),
        ({"form_token": "x"}, "Error:"),
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


@pytest.mark.parametrize(
    ("name", "changes", "words"),
    [
        ("contacts", {"contact_email": "alice"}, "Write the e-mail address like name@example.org."),
        ("contacts", {"contact_name": ""}, "Write the name of the primary contact."),
        ("contacts", {"voting_email": ""}, "Write the e-mail address of this person."),
        ("contacts", {"billing_email": "b@example.org"}, "Write the name of this person."),
        ("tier", {"constituency": ""}, "Choose the constituency."),
        ("tier", {"tier": ""}, "Choose a tier."),
        ("tier", {"tier": "999999"}, "Select a valid choice"),
        ("agreements", {"signatory_name": ""}, "Write the name of the person who accepts"),
        ("agreements", {"may_bind": ""}, "only a person who may bind the organisation can accept"),
    ],
)
def test_each_step_names_its_mistakes(
    client: Client, alice: User, name: str, changes: dict[str, str], words: str
) -> None:
    draft = draft_application(alice)
    sent = {"contacts": contacts, "tier": tier, "agreements": accepted}[name](**changes)
    answer = client.post(step(draft, name), {**sent, "version": str(draft.version)})
    assert words in page(answer)
    assert "<title>Error:" in page(answer)


def test_a_tier_without_a_fee_is_named_at_the_tier(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    country = str(Tier.objects.get(code="country").pk)
    shown = page(client.post(step(draft, "tier"), tier(tier=country)))
    assert "has no fee for this type of organisation and country" in shown


def test_the_agreement_must_be_ticked(client: Client, alice: User) -> None:
    draft = draft_application(alice)
    form = {name: value for name, value in accepted().items() if not name.startswith("accept_")}
    shown = page(client.post(step(draft, "agreements"), form))
    assert "Tick the box to accept the Code of conduct, version 1.0." in shown


# --- Questions and withdrawal ---------------------------------------------------------------------


def test_a_question_is_shown_answered_and_kept_when_the_answer_is_empty(
    client: Client, alice: User
) -> None:
    officer = make_officer()
    application = reviewed_application(alice, officer)
    reviewing.request_information(application, "Who signs for you?", by=officer)
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
    reviewing.request_information(application, "Who signs for you?", by=officer)
    reviewing.decline(application, by=officer, reason="No answer came.")
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
        "membership_application_share",
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
