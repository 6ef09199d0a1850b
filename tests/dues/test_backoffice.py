"""The menu "Members" of the back office: who sees what, and the page of a decision."""

import datetime

import pytest
from django.core import mail
from django.db.models import Model
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.models import User
from funding.ledger.models import Pool
from funding.payments.models import Invoice
from membership.models import (
    Agreement,
    AgreementVersion,
    Application,
    CountryIncomeGroup,
    FeeRule,
    Term,
    Tier,
)
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    MINISTRY,
    admitted_term,
    draft_application,
    make_organisation,
    reviewed_application,
    submitted_application,
)

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
State = Application.State
QUEUE = "/admin/members/applications/"


def staff(client: Client, *names: str) -> User:
    return sign_in(client, make_staff(*names))


@pytest.fixture
def officer(client: Client, foundation: Pool) -> User:
    return staff(client, groups.MEMBERSHIP_OFFICERS)


def page_of(application: Application) -> str:
    return reverse("membership_applications:decide", args=[application.pk])


# --- Who sees what --------------------------------------------------------------------------------

LISTS = {
    "applications": QUEUE,
    "organisations": "/admin/members/organisations/",
    "terms": "/admin/members/terms/",
    "tiers": "/admin/members/tiers/",
    "fees": "/admin/members/fees/",
    "agreements": "/admin/members/agreements/",
    "versions": "/admin/members/agreement-versions/",
}


@pytest.mark.parametrize(
    ("group", "reads"),
    [
        (groups.MEMBERSHIP_OFFICERS, set(LISTS)),
        (groups.TREASURERS, set(LISTS)),
        (groups.AUDITORS, set(LISTS)),
        (groups.ADMINISTRATORS, set(LISTS)),
        (groups.EDITORS, set()),
        (groups.MODERATORS, set()),
    ],
)
def test_lists_are_for_those_who_may_read_them(
    client: Client, foundation: Pool, group: str, reads: set[str]
) -> None:
    admitted_term()
    staff(client, group)
    opened = {name for name, address in LISTS.items() if client.get(address).status_code == 200}
    assert opened == reads


@pytest.mark.parametrize("group", [groups.AUDITORS, groups.TREASURERS])
def test_who_only_reads_sees_the_application_and_decides_nothing(
    client: Client, foundation: Pool, group: str
) -> None:
    application = reviewed_application()
    staff(client, group)
    page = client.get(page_of(application)).content.decode()
    assert application.legal_name in page
    assert "Only membership officers and administrators may do this." in page
    assert 'name="decision"' not in page

    client.post(page_of(application), {"act": "confirm", "decision": "approve"})
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    assert ModelLogEntry.objects.get(action="membership.refused").data["rule"] == "NotPermitted"


def test_editors_and_members_reach_no_application(client: Client, foundation: Pool) -> None:
    application = submitted_application()
    staff(client, groups.EDITORS)
    assert client.get(page_of(application), follow=True).redirect_chain
    stranger = Client()
    sign_in(stranger, application.applicant)
    assert stranger.get(page_of(application)).status_code == 403
    assert Client().get(page_of(application)).status_code == 302


def test_every_row_has_a_page_to_read_and_organisations_can_be_downloaded(
    client: Client, officer: User
) -> None:
    term = admitted_term()
    rows: dict[str, Model] = {
        "organisations": term.organisation,
        "terms": term,
        "tiers": term.tier,
        "fees": term.tier.fee_rules.all()[0],
        "agreements": Agreement.objects.get(),
        "versions": AgreementVersion.objects.get(),
    }
    for name, row in rows.items():
        answer = client.get(reverse(f"membership_{name}:inspect", args=[row.pk]))
        assert answer.status_code == 200, name
    for name in ("applications", "organisations", "terms"):
        assert client.get(f"{LISTS[name]}?q={term.organisation.public_name}").status_code == 200
    table = client.get(f"{LISTS['organisations']}?export=csv")
    text = b"".join(table.streaming_content).decode()  # type: ignore[attr-defined]
    assert term.organisation.legal_name in text


def test_organisations_terms_and_applications_are_changed_by_no_form(
    client: Client, foundation: Pool
) -> None:
    term = admitted_term()
    superuser = make_staff()
    superuser.is_superuser = True
    sign_in(client, superuser)
    for name, row in (("organisations", term.organisation), ("terms", term)):
        for verb in ("new/", f"edit/{row.pk}/", f"delete/{row.pk}/"):
            assert client.get(f"{LISTS[name]}{verb}").status_code == 404
    assert client.get(f"{QUEUE}new/").status_code == 404


def test_the_list_of_terms_tells_todays_status(client: Client, officer: User) -> None:
    admitted_term()
    admitted_term(**MINISTRY)
    page = client.get(LISTS["terms"]).content.decode()
    assert "awaiting payment" in page
    assert "current" in page


def test_the_queue_marks_what_should_have_been_answered(client: Client, officer: User) -> None:
    application = submitted_application()
    assert "(overdue)" not in client.get(QUEUE).content.decode()
    Application.objects.filter(pk=application.pk).update(
        submitted_at=timezone.now() - datetime.timedelta(days=Application.TARGET_DAYS + 1)
    )
    assert "(overdue)" in client.get(QUEUE).content.decode()


def test_the_treasurer_keeps_the_fee_table_and_the_officer_does_not(
    client: Client, foundation: Pool
) -> None:
    staff(client, groups.TREASURERS)
    assert client.get("/admin/members/fees/new/").status_code == 200
    other = Client()
    staff(other, groups.MEMBERSHIP_OFFICERS)
    assert other.get("/admin/members/fees/new/").status_code == 302


# --- The decision ---------------------------------------------------------------------------------


def test_the_queue_shows_what_was_handed_in_and_no_draft(client: Client, officer: User) -> None:
    handed_in, draft = submitted_application(), draft_application()
    page = client.get(QUEUE).content.decode()
    assert handed_in.public_name in page
    assert draft.public_name not in page
    assert client.get(page_of(draft)).status_code == 404


def test_an_application_is_taken_up_checked_and_approved(client: Client, officer: User) -> None:
    application = submitted_application()
    address = page_of(application)
    assert client.post(address, {"act": "begin"}).status_code == 302

    page = client.get(address).content.decode()
    assert "$250.00" in page
    assert "dues-receivable" in page or "Dues receivable" in page

    asked = client.post(address, {"act": "decide", "decision": "approve", "reason": "Welcome"})
    assert f"Approve {application.public_name}?" in asked.content.decode()
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW  # asked to confirm, not done

    confirm = {"act": "confirm", "decision": "approve", "reason": "Welcome"}
    done = client.post(address, confirm, follow=True).content.decode()
    assert "Approved. The term is open and its invoice is issued." in done
    application.refresh_from_db()
    assert (application.state, application.decision_reason) == (State.APPROVED, "Welcome")

    # Pressed twice: nothing more happens, and the page says why.
    again = client.post(address, confirm, follow=True).content.decode()
    assert "“approved” by now" in again
    assert Term.objects.count() == Invoice.objects.count() == 1


def test_the_page_says_beforehand_that_a_ministry_pays_nothing(
    client: Client, officer: User
) -> None:
    application = reviewed_application(**MINISTRY)
    page = client.get(page_of(application)).content.decode()
    assert "The fee table asks for nothing" in page
    done = client.post(
        page_of(application), {"act": "confirm", "decision": "approve"}, follow=True
    ).content.decode()
    assert "Approved. The dues are waived and the membership is current." in done


def test_declining_needs_a_reason_and_keeps_the_choice(client: Client, officer: User) -> None:
    application = reviewed_application()
    page = client.post(
        page_of(application), {"act": "decide", "decision": "decline", "reason": " "}
    ).content.decode()
    assert "Write the reason. The organisation reads it." in page
    client.post(
        page_of(application), {"act": "confirm", "decision": "decline", "reason": "No legal body"}
    )
    run_pending_jobs()
    application.refresh_from_db()
    assert application.state == State.DECLINED
    assert any("No legal body" in message.body for message in mail.outbox)


def test_a_question_is_asked_from_the_page(client: Client, officer: User) -> None:
    application = reviewed_application()
    address = page_of(application)
    empty = client.post(address, {"act": "ask", "question": ""}).content.decode()
    assert "Write the question." in empty
    client.post(address, {"act": "ask", "question": "Who signs?"})
    application.refresh_from_db()
    assert application.state == State.INFORMATION_WANTED
    # While it is open the answer may be no, but not yes.
    page = client.get(address).content.decode()
    assert 'value="decline"' in page
    assert 'value="approve"' not in page


def test_an_officer_sees_that_their_own_request_is_a_colleagues_to_decide(
    client: Client, officer: User
) -> None:
    own = submitted_application(officer)
    page = client.get(page_of(own)).content.decode()
    assert "Nobody decides on their own request" in page
    client.post(page_of(own), {"act": "begin"})
    own.refresh_from_db()
    assert own.state == State.SUBMITTED


def test_what_may_be_a_duplicate_stands_on_the_page(client: Client, officer: User) -> None:
    make_organisation(public_name="Santé pour tous")
    application = submitted_application(public_name="sante pour tous")
    assert "Santé pour tous" in client.get(page_of(application)).content.decode()


def test_no_answer_is_a_server_error_whatever_is_posted(client: Client, officer: User) -> None:
    unread, application = submitted_application(), reviewed_application()
    for data in (
        {},
        {"act": "dance"},
        {"act": "confirm"},
        {"act": "confirm", "decision": "maybe"},
        {"act": "confirm", "decision": "approve", "reason": "a\0b"},
        {"act": "confirm", "decision": "decline", "reason": "x" * 2_001},
        {"act": "confirm", "decision": "decline", "reason": " "},
        {"act": "decide"},
        {"act": "ask", "question": "a\0b"},
    ):
        for asked in (application, unread):
            assert client.post(page_of(asked), data).status_code in (200, 302)
    application.refresh_from_db()
    assert application.state == State.UNDER_REVIEW
    unread.refresh_from_db()
    assert unread.state == State.SUBMITTED


# --- Agreements -----------------------------------------------------------------------------------


def test_a_version_is_put_in_force_once_and_then_only_read(client: Client, officer: User) -> None:
    version = AgreementVersion.objects.create(
        agreement=Agreement.objects.get(code="code-of-conduct"),
        label="2.0",
        text="New words.",
        text_fr="Nouveaux mots.",
        effective_from="2027-01-01",
    )
    publish = reverse("membership_versions:publish", args=[version.pk])
    page = client.get(publish).content.decode()
    for words in ("Put in force", "can never be changed", "New words.", "Nouveaux mots."):
        assert words in page
    version.refresh_from_db()
    assert version.published_at is None

    client.post(publish)
    version.refresh_from_db()
    assert version.published_at is not None
    again = client.post(publish, follow=True).content.decode()
    assert "Version 2.0 is published" in again

    edit = reverse("membership_versions:edit", args=[version.pk])
    assert client.get(edit)["Location"] == reverse("membership_versions:inspect", args=[version.pk])


def test_a_second_version_from_the_same_day_is_refused_in_words(
    client: Client, officer: User
) -> None:
    first = AgreementVersion.objects.get(label="1.0")
    second = AgreementVersion.objects.create(
        agreement=first.agreement, label="1.1", text="x", effective_from=first.effective_from
    )
    publish = reverse("membership_versions:publish", args=[second.pk])
    page = client.post(publish, follow=True).content.decode()
    assert "Version 1.0 of this agreement is in force from the same day." in page
    second.refresh_from_db()
    assert second.published_at is None


def test_published_words_are_not_deleted_even_by_who_may_delete(
    client: Client, foundation: Pool
) -> None:
    superuser = make_staff()
    superuser.is_superuser = True
    sign_in(client, superuser)
    version = AgreementVersion.objects.get(label="1.0")
    delete = reverse("membership_versions:delete", args=[version.pk])
    inspect = reverse("membership_versions:inspect", args=[version.pk])
    assert client.get(delete)["Location"] == inspect
    assert client.post(delete)["Location"] == inspect
    assert AgreementVersion.objects.filter(pk=version.pk).exists()


@pytest.mark.parametrize("group", [groups.AUDITORS, groups.EDITORS, groups.TREASURERS])
def test_who_may_not_change_agreements_puts_none_in_force(
    client: Client, foundation: Pool, group: str
) -> None:
    staff(client, group)
    version = AgreementVersion.objects.create(
        agreement=Agreement.objects.get(code="code-of-conduct"),
        label="2.0",
        text="New words.",
        effective_from="2027-01-01",
    )
    publish = reverse("membership_versions:publish", args=[version.pk])
    for answer in (client.get(publish), client.post(publish)):
        assert (answer.status_code, answer["Location"]) == (302, reverse("wagtailadmin_home"))
    version.refresh_from_db()
    assert version.published_at is None


# --- Fees, and what leaves the back office ----------------------------------------------------------


def fee_form(**changes: str) -> dict[str, str]:
    return {
        "tier": str(Tier.objects.get(code="community").pk),
        "kind": "ngo",
        "income_group": "low",
        "amount": "70.00",
        "currency": "USD",
        "valid_from": "2030-01-01",
        "source": "Board, test",
        "source_year": "2029",
        **changes,
    }


def test_a_fee_that_is_in_force_stays_and_a_coming_one_can_be_changed(
    client: Client, foundation: Pool
) -> None:
    staff(client, groups.TREASURERS)
    in_force = FeeRule.objects.get(tier__code="implementer", kind="company", income_group="low")
    edit = reverse("membership_fees:edit", args=[in_force.pk])
    answer = client.post(edit, fee_form(amount="1"), follow=True)
    assert "people were shown it" in answer.content.decode()
    root = Client()
    sign_in(root, make_staff(groups.ADMINISTRATORS, is_superuser=True))
    delete = reverse("membership_fees:delete", args=[in_force.pk])
    assert "people were shown it" in root.post(delete, follow=True).content.decode()
    in_force.refresh_from_db()
    assert in_force.amount == 25_000

    assert client.post("/admin/members/fees/new/", fee_form()).status_code == 302
    coming = FeeRule.objects.get(valid_from="2030-01-01")
    client.post(reverse("membership_fees:edit", args=[coming.pk]), fee_form(amount="80"))
    coming.refresh_from_db()
    assert coming.amount == 8_000


@pytest.mark.parametrize(
    ("currency", "typed", "stored", "shown"),
    [
        ("USD", "250.00", 25_000, "250.00"),
        ("USD", "1,250", 125_000, "1250.00"),
        ("UGX", "250 000", 250_000, "250000"),
        ("KWD", "12.345", 12_345, "12.345"),
        ("USD", "0", 0, "0.00"),
    ],
)
def test_a_fee_is_typed_in_whole_units_and_kept_in_minor_ones(
    client: Client, foundation: Pool, currency: str, typed: str, stored: int, shown: str
) -> None:
    staff(client, groups.TREASURERS)
    answer = client.post("/admin/members/fees/new/", fee_form(amount=typed, currency=currency))
    assert answer.status_code == 302
    coming = FeeRule.objects.get(valid_from="2030-01-01")
    assert (coming.amount, coming.currency) == (stored, currency)
    page = client.get(reverse("membership_fees:edit", args=[coming.pk])).content.decode()
    assert f'name="amount" value="{shown}"' in page


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "a lot"}, "is not an amount"),
        ({"amount": "-5"}, "is not an amount"),
        ({"amount": "2.505"}, "USD has 2 decimals"),
        ({"amount": "10.5", "currency": "UGX"}, "UGX has 0 decimals"),
        ({"amount": ""}, "Write the fee. 0 is for nothing."),
        ({"currency": "XXZ"}, "is not a currency code"),
    ],
)
def test_a_fee_that_cannot_be_read_keeps_what_was_typed(
    client: Client, foundation: Pool, changes: dict[str, str], words: str
) -> None:
    staff(client, groups.TREASURERS)
    page = client.post("/admin/members/fees/new/", fee_form(**changes)).content.decode()
    assert words in page
    assert f'value="{changes.get("amount", "70.00")}"' in page or not changes.get("amount", "x")
    assert "cannot be null" not in page
    assert not FeeRule.objects.filter(valid_from="2030-01-01").exists()


def income_form(**changes: str) -> dict[str, str]:
    return {
        "country": "MW",
        "income_group": "lower middle",
        "valid_from": "2030-07-01",
        "source": "World Bank, July 2030",
        "source_year": "2030",
        **changes,
    }


def test_the_treasurer_adds_an_income_group_and_those_in_force_stay(
    client: Client, foundation: Pool
) -> None:
    staff(client, groups.TREASURERS)
    in_force = CountryIncomeGroup.objects.get(country="MW")
    edit = reverse("membership_income_groups:edit", args=[in_force.pk])
    answer = client.post(edit, income_form(), follow=True).content.decode()
    assert "fees were counted by it" in answer
    assert CountryIncomeGroup.objects.get(country="MW") == in_force
    new = "/admin/members/income-groups/new/"
    past = client.post(new, income_form(valid_from="2026-01-01")).content.decode()
    assert "the past keeps its income groups" in past
    assert 'value="World Bank, July 2030"' in past
    assert client.post(new, income_form()).status_code == 302
    assert "from this day already" in client.post(new, income_form()).content.decode()
    assert CountryIncomeGroup.objects.filter(country="MW").count() == 2
    assert "July 2030" in client.get("/admin/members/income-groups/?country=MW").content.decode()


def test_officers_read_income_groups_and_change_none(client: Client, foundation: Pool) -> None:
    staff(client, groups.MEMBERSHIP_OFFICERS)
    assert client.get("/admin/members/income-groups/").status_code == 200
    assert client.post("/admin/members/income-groups/new/", income_form()).status_code == 302
    assert not CountryIncomeGroup.objects.filter(valid_from="2030-07-01").exists()


def test_a_fee_cannot_be_added_to_the_past(client: Client, foundation: Pool) -> None:
    staff(client, groups.TREASURERS)
    before = FeeRule.objects.count()
    page = client.post("/admin/members/fees/new/", fee_form(valid_from="2026-01-02"))
    assert "the past keeps its fees" in page.content.decode()
    assert FeeRule.objects.count() == before


def test_a_name_that_looks_like_a_formula_is_a_text_in_the_csv(
    client: Client, officer: User
) -> None:
    make_organisation(public_name='=HYPERLINK("http://example.org")')
    answer = client.get("/admin/members/organisations/?export=csv")
    exported = b"".join(answer.streaming_content).decode()
    assert "'=HYPERLINK" in exported
    assert '"=HYPERLINK' not in exported
