"""Two organisations that are one: what moves, what stays, what is refused, and two at once."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.models import User
from core.transactions import use_case
from funding.dues import billing
from membership import organisations, profile, seats, terms
from membership.merging import merge, overlap
from membership.models import (
    Acceptance,
    AgreementVersion,
    JoinRequest,
    Organisation,
    SeatRole,
    Tier,
    TierChange,
)
from membership.organisations import give_seat
from membership.refusals import (
    NotPermitted,
    OrganisationMerged,
    OwnRequest,
    ReasonMissing,
    RowsClash,
    SameOrganisation,
    TermsOverlap,
)
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    admitted_term,
    invoice_of,
    make_organisation,
    may,
    open_term,
    paid_term,
    submitted_application,
)
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, invited
from tests.factories.seats import seated as contact_of_new
from tests.membership.test_directory import days_ago, make_member
from tests.membership.test_profile import png, seated
from tests.races import together

in_one_transaction = pytest.mark.django_db
on_the_site = pytest.mark.usefixtures("on_site", "foundation")


@pytest.fixture
def officer() -> User:
    return may(make_person(is_staff=True), "change_organisation", "view_organisation")


@in_one_transaction
@on_the_site
class TestAllOfItGoesOver:
    def test_terms_invoices_applications_and_people(self, officer: User) -> None:
        term = paid_term()
        gone, invoice = term.organisation, invoice_of(term)
        kept = make_organisation()
        merge(kept, gone, by=officer, reason="Same statutes")
        term.refresh_from_db()
        assert term.organisation == kept
        assert term.application is not None
        assert term.application.organisation == kept
        assert list(billing.invoices_of(kept)) == [invoice]
        assert list(kept.seats.values_list("person", flat=True)) == [term.application.applicant_id]
        assert term.application.acceptances.exists()
        assert list(kept.merged.all()) == [gone]

    def test_but_facts_that_nobody_may_change_stay_and_are_found(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        accepted = Acceptance.objects.create(
            version=AgreementVersion.objects.get(label="1.0"),
            person=seated(gone),
            organisation=gone,
            accepted_at=timezone.now(),
        )
        merge(kept, gone, by=officer, reason="One body")
        assert list(Acceptance.objects.filter(organisation__merged_into=kept)) == [accepted]

    def test_people_of_both_keep_one_seat_with_what_they_had(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        both, first, second = make_person(), make_person(), make_person()
        with use_case():
            give_seat(kept, first, [SeatRole.PRIMARY_CONTACT])
            give_seat(kept, both, [SeatRole.BILLING_CONTACT])
            give_seat(gone, second, [SeatRole.PRIMARY_CONTACT])
            give_seat(gone, both, [SeatRole.VOTING_REPRESENTATIVE])
        merge(kept, gone, by=officer, reason="One body")
        assert {seat.person: seat.roles for seat in kept.seats.all()} == {
            first: ["primary_contact"],
            both: ["voting_representative", "billing_contact"],
            second: ["member"],  # one organisation has one primary contact
        }
        assert not gone.seats.exists()

    def test_what_it_said_fills_what_the_kept_one_does_not_say(self, officer: User) -> None:
        kept = make_organisation(website="https://kept.example.org")
        gone = make_organisation(
            website="https://gone.example.org",
            description="Words.",
            registration_agency="MW-RG",
            registration_number="77",
        )
        merge(kept, gone, by=officer, reason="One body")
        kept.refresh_from_db()
        assert kept.website == "https://kept.example.org"
        assert kept.description == "Words."
        assert kept.identifier == "MW-RG-77"

    def test_the_logo_goes_over_and_can_be_removed(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        contact = seated(gone)
        logo = profile.propose_logo(gone, png(), by=contact).logo_id
        profile.decide_logo(gone, logo_id=logo or 0, approved=True, by=officer)
        merge(kept, gone, by=officer, reason="One body")
        kept.refresh_from_db()
        gone.refresh_from_db()
        assert (kept.logo_id, kept.logo_approved) == (logo, True)
        assert (gone.logo_id, gone.logo_approved) == (None, False)
        profile.remove_logo(kept, by=contact)
        kept.refresh_from_db()
        assert (kept.logo_id, kept.logo_approved) == (None, False)

    def test_what_both_offer_one_address_is_offered_once(self, officer: User) -> None:
        ours, theirs = contact_of_new(), contact_of_new()
        stays, ends, moves = (
            invited(ours, "new@example.org"),
            invited(theirs, "new@example.org"),
            invited(theirs, "other@example.org"),
        )
        merge(ours.organisation, theirs.organisation, by=officer, reason="One body")
        for invitation in (stays, ends, moves):
            invitation.refresh_from_db()
            assert invitation.organisation == ours.organisation
        assert (stays.state, moves.state) == ("open", "open")
        assert (ends.state, ends.withdrawn_by) == ("withdrawn", officer)

    def test_what_one_person_asks_of_both_is_asked_once(self, officer: User) -> None:
        kept, gone = contact_of_new().organisation, contact_of_new().organisation
        asks_both, sits_in_kept, sits_in_gone = make_person(), make_person(), make_person()
        a_seat(kept, sits_in_kept)
        a_seat(gone, sits_in_gone)
        asked = [
            JoinRequest.objects.create(organisation=row, person=person, email=person.email)
            for row, person in (
                (kept, asks_both),
                (gone, asks_both),
                (gone, sits_in_kept),
                (kept, sits_in_gone),
            )
        ]
        merge(kept, gone, by=officer, reason="One body")
        for request in asked:
            request.refresh_from_db()
        assert {request.organisation for request in asked} == {kept}
        assert [request.state for request in asked] == ["open", *["withdrawn"] * 3]

    @pytest.mark.parametrize(("since", "pays_in"), [((400, 10), "EUR"), ((10, 400), "")])
    def test_dues_are_billed_in_the_currency_of_the_last_term(
        self, officer: User, since: tuple[int, int], pays_in: str
    ) -> None:
        kept, gone = (make_member(since=days) for days in since)
        Organisation.objects.filter(pk=gone.pk).update(currency="EUR")
        merge(kept, gone, by=officer, reason="One body")
        kept.refresh_from_db()
        assert kept.currency == pays_in

    def test_both_logs_say_who_and_why(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        merge(kept, gone, by=officer, reason="Same statutes")
        logged = ModelLogEntry.objects.filter(action="membership.merge_organisations")
        said = {line.object_id: (line.user, line.data["reason"]) for line in logged}
        assert said == {str(row.pk): (officer, "Same statutes") for row in (kept, gone)}

    def test_old_addresses_lead_to_the_kept_one(self, client: Client, officer: User) -> None:
        kept, older, gone = make_member(), make_organisation(), make_organisation()
        merge(gone, older, by=officer, reason="One body")
        merge(kept, gone, by=officer, reason="One body")
        for row in (older, gone):
            answer = client.get(row.get_absolute_url())
            assert (answer.status_code, answer["Location"]) == (301, kept.get_absolute_url())
            code = reverse("member_certificate", args=[row.certificate_code])
            assert client.get(code, follow=True).context["claim"].organisation == kept
            badge = client.get(reverse("member_badge_svg", args=[row.slug]))
            assert kept.public_name in badge.content.decode()
        assert client.get("/members/").content.decode().count(gone.public_name) == 0


@in_one_transaction
@on_the_site
class TestIsRefused:
    def test_where_terms_overlap(self, officer: User) -> None:
        kept, gone = make_member(since=10), make_member(since=300)
        assert overlap(kept, gone)
        with pytest.raises(TermsOverlap) as refused:
            merge(kept, gone, by=officer, reason="One body")
        assert str(days_ago(10).year) in str(refused.value)
        gone.refresh_from_db()
        assert gone.merged_into is None

    def test_but_not_where_one_follows_the_other(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        open_term(kept, datetime.date(2025, 1, 1))
        open_term(gone, datetime.date(2026, 1, 1))
        merge(kept, gone, by=officer, reason="One body")
        assert kept.terms.count() == 2

    def test_nor_where_the_other_was_cancelled_before_it_began(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        open_term(kept, days_ago(5))
        cancelled = open_term(gone, days_ago(5))
        with use_case():
            terms.cancel(
                cancelled, on=days_ago(6), by=may(make_person(), "cancel_term"), reason="Twice"
            )
        merge(kept, gone, by=officer, reason="One body")
        assert kept.terms.count() == 2

    def test_without_right_reason_or_two_rows(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        with pytest.raises(NotPermitted):
            merge(kept, gone, by=seated(kept), reason="Ours")
        with pytest.raises(ReasonMissing):
            merge(kept, gone, by=officer, reason="  ")
        with pytest.raises(SameOrganisation):
            merge(kept, kept, by=officer, reason="One body")

    def test_while_both_wait_for_a_change_of_tier(self, officer: User) -> None:
        kept, gone = make_member(since=400), make_member(since=10)
        for organisation in (kept, gone):
            term = organisation.terms.get()
            other = Tier.objects.exclude(pk=term.tier_id)[0]
            TierChange.objects.create(
                term=term, old_tier=term.tier, new_tier=other, currency=term.currency,
                asked_by=officer,
            )  # fmt: skip
        with pytest.raises(RowsClash):
            merge(kept, gone, by=officer, reason="One body")

    @pytest.mark.parametrize("which", [0, 1])
    def test_to_staff_who_sit_in_one_of_the_two(self, officer: User, which: int) -> None:
        rows = [contact_of_new().organisation, contact_of_new().organisation]
        a_seat(rows[which], officer)
        with pytest.raises(OwnRequest):
            merge(rows[0], rows[1], by=officer, reason="Ours")

    def test_the_second_time(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        merge(kept, gone, by=officer, reason="One body")
        with pytest.raises(OrganisationMerged):
            merge(kept, gone, by=officer, reason="One body")
        with pytest.raises(OrganisationMerged):
            merge(gone, make_organisation(), by=officer, reason="One body")

    def test_a_term_or_a_contact_for_the_row_that_is_gone(self, officer: User) -> None:
        kept, gone = make_organisation(), make_organisation()
        person = seated(gone)
        merge(kept, gone, by=officer, reason="One body")
        with pytest.raises(OrganisationMerged):
            open_term(gone)
        with pytest.raises(OrganisationMerged):
            seats.appoint(gone, person, by=may(officer, "appoint_seat"), reason="Vanished")


@in_one_transaction
@on_the_site
class TestDuplicates:
    def test_are_found_by_register_and_number(self) -> None:
        there = make_organisation(registration_agency="GB-CHC", registration_number="123 45")
        stated = make_organisation()
        Organisation.objects.filter(pk=stated.pk).update(stated_identifier="gb-chc-12345".upper())
        found = organisations.find_by_identifier("gb-chc", " 12345 ")
        assert set(found) == {there, stated}
        assert not organisations.find_by_identifier("GB-COH", "12345")
        assert not organisations.find_by_identifier("GB-CHC", "")

    def test_an_application_with_the_same_registration_is_one(self) -> None:
        there = make_organisation(registration_agency="GB-CHC", registration_number="12345")
        application = submitted_application()
        application.registration_agency = "GB-CHC"
        application.registration_number = "12345"
        assert organisations.find_duplicates(application).organisations == [there]

    def test_a_merged_one_is_none(self, officer: User) -> None:
        kept = make_organisation(legal_name="Body X", website="https://x.example.org")
        gone = make_organisation(legal_name="Bödy X")
        assert list(organisations.likely_duplicates(kept)) == [gone]
        merge(kept, gone, by=officer, reason="One body")
        assert not organisations.likely_duplicates(kept)


@in_one_transaction
@on_the_site
class TestThePages:
    def test_compare_then_merge_with_a_reason(self, client: Client) -> None:
        kept, gone = make_organisation(), admitted_term().organisation
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        browser = client
        address = reverse("membership_organisations:merge", args=[kept.pk, gone.pk])
        page = browser.get(address).content.decode()
        assert kept.legal_name in page
        assert gone.legal_name in page
        again = browser.post(address, {"keep": kept.pk, "reason": ""})
        assert again.status_code == 200
        assert "Write how you know" in again.content.decode()
        done = browser.post(address, {"keep": kept.pk, "reason": "Same statutes"})
        assert done.status_code == 302
        gone.refresh_from_db()
        assert gone.merged_into == kept

    def test_profile_and_logo_by_staff(self, client: Client) -> None:
        organisation = make_organisation()
        logo = profile.propose_logo(organisation, png(), by=seated(organisation)).logo_id
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        browser = client
        inspect = reverse("membership_organisations:inspect", args=[organisation.pk])
        text = browser.get(inspect).content.decode()
        assert "Show it" in text
        assert "+00:00" not in text  # a day as people write it
        browser.post(inspect, {"act": "show-logo", "logo": logo})
        organisation.refresh_from_db()
        assert organisation.logo_approved
        change = reverse("membership_organisations:standing", args=[organisation.pk])
        facts = {
            "legal_name": "New Legal Name", "kind": "ngo", "constituency": "technical",
            "country": "ZM",
        }  # fmt: skip
        assert "Write the reason" in browser.post(change, facts).content.decode()
        assert browser.post(change, {**facts, "reason": "Statutes"}).status_code == 302
        organisation.refresh_from_db()
        assert organisation.legal_name == "New Legal Name"
        edit = reverse("membership_organisations:profile", args=[organisation.pk])
        assert browser.post(edit, {"public_name": ""}).status_code == 200
        assert browser.post(edit, {"public_name": "New Name"}).status_code == 302
        organisation.refresh_from_db()
        assert organisation.public_name == "New Name"

    def test_are_not_for_those_who_only_read(self, client: Client) -> None:
        sign_in(client, make_staff(groups.AUDITORS))
        browser = client
        kept, gone = make_organisation(), make_organisation()
        inspect = reverse("membership_organisations:inspect", args=[kept.pk])
        assert browser.get(inspect).status_code == 200
        assert browser.post(inspect, {"act": "show-logo", "logo": 1}).status_code in (302, 403)
        for name, args in (
            ("merge", [kept.pk, gone.pk]),
            ("standing", [kept.pk]),
            ("profile", [kept.pk]),
        ):
            address = reverse(f"membership_organisations:{name}", args=args)
            assert browser.get(address).status_code in (302, 403)
            browser.post(address, {"keep": kept.pk, "reason": "x", "public_name": "x"})
        gone.refresh_from_db()
        assert gone.merged_into is None


def test_each_into_the_other_at_once_leaves_one_and_one_refusal(committed_db: Any) -> None:
    by = may(make_person(is_staff=True), "change_organisation")
    first, second = contact_of_new().organisation, contact_of_new().organisation
    done = together(
        lambda: merge(first, second, by=by, reason="One body"),
        lambda: merge(second, first, by=by, reason="One body"),
    )
    (kept,) = [each for each in done if isinstance(each, Organisation)]
    assert [type(each) for each in done if each != kept] == [OrganisationMerged]
    (gone,) = Organisation.objects.exclude(pk=kept.pk)
    assert gone.merged_into == kept
    assert (kept.seats.count(), gone.seats.count()) == (2, 0)
