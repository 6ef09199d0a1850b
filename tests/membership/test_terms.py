"""A term's status follows from its dates and facts; the directory follows from the terms."""

import datetime

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from core.transactions import use_case
from funding.ledger.models import Pool
from membership import queries, terms
from membership.directory import Directory
from membership.models import Organisation, Seat, Term
from membership.models.terms import GRACE
from membership.organisations import find_duplicates, give_seat
from membership.refusals import (
    AlreadyCancelled,
    AlreadyPaidFor,
    NotPermitted,
    ReasonMissing,
    TermOverlaps,
)
from tests.factories.membership import (
    make_officer,
    make_organisation,
    open_term,
    submitted_application,
)
from tests.factories.pools import make_person

Status = Term.Status
FIRST = datetime.date(2026, 3, 1)
LAST = datetime.date(2027, 2, 28)


def day(offset: int, start: datetime.date = FIRST) -> datetime.date:
    return start + datetime.timedelta(days=offset)


def term(**facts: object) -> Term:
    return Term(starts_on=FIRST, ends_on=LAST, fee=25_000, currency="USD", **facts)


@pytest.mark.parametrize(
    ("facts", "on", "status"),
    [
        ({}, FIRST, Status.AWAITING_PAYMENT),
        ({}, LAST, Status.AWAITING_PAYMENT),
        ({}, day(1, LAST), Status.LAPSED),
        ({"settled_on": day(5)}, day(4), Status.AWAITING_PAYMENT),
        ({"settled_on": day(5)}, day(5), Status.CURRENT),
        ({"settled_on": day(-5)}, day(-1), Status.UPCOMING),
        ({"settled_on": day(5)}, LAST, Status.CURRENT),
        ({"settled_on": day(5)}, day(1, LAST), Status.GRACE),
        ({"settled_on": day(5)}, LAST + GRACE, Status.GRACE),
        ({"settled_on": day(5)}, LAST + GRACE + datetime.timedelta(days=1), Status.LAPSED),
        ({"waived_on": FIRST}, FIRST, Status.CURRENT),
        ({"settled_on": day(5), "cancelled_on": day(90)}, day(89), Status.CURRENT),
        ({"settled_on": day(5), "cancelled_on": day(90)}, day(90), Status.CANCELLED),
    ],
)
def test_the_status_of_any_day_follows_from_dates_and_facts(
    facts: dict[str, object], on: datetime.date, status: Status
) -> None:
    assert term(**facts).status(on) == status


@pytest.mark.parametrize(
    ("first", "last"),
    [
        ("2026-03-01", "2027-02-28"),
        ("2027-03-01", "2028-02-29"),
        ("2028-02-29", "2029-02-28"),
        ("2026-01-01", "2026-12-31"),
    ],
)
def test_a_year_ends_the_day_before_the_same_date(first: str, last: str) -> None:
    ends = terms.last_day_of_year_from(datetime.date.fromisoformat(first))
    assert ends.isoformat() == last


@given(start=st.dates(datetime.date(2000, 1, 1), datetime.date(2298, 12, 31)))
def test_years_follow_each_other_without_gap_or_overlap(start: datetime.date) -> None:
    end = terms.last_day_of_year_from(start)
    assert end - start in (datetime.timedelta(days=364), datetime.timedelta(days=365))


@pytest.mark.django_db
def test_the_query_for_members_says_what_the_status_says(foundation: Pool) -> None:
    days = [day(offset) for offset in (-40, 0, 10, 89, 90, 364, 365, 390, 394, 395, 400)]
    officer = make_officer()
    for settled in (None, day(-3), day(10)):
        for cancelled in (None, day(90)):
            row = open_term(starts_on=FIRST)
            Term.objects.filter(pk=row.pk).update(
                settled_on=settled,
                cancelled_on=cancelled,
                cancelled_by=officer if cancelled else None,
                cancelled_reason="Left" if cancelled else "",
            )
    for on in days:
        by_query = set(Term.objects.standing(on))
        by_status = {
            row for row in Term.objects.all() if row.status(on) in (Status.CURRENT, Status.GRACE)
        }
        assert by_query == by_status, on


# --- Verbs ----------------------------------------------------------------------------------------


@pytest.mark.django_db
class TestVerbs:
    def test_settling_twice_changes_nothing(self, foundation: Pool) -> None:
        row = open_term()
        with use_case():
            assert terms.settle(row, on=day(3))
        with use_case():
            assert not terms.settle(row, on=day(9))
        row.refresh_from_db()
        assert row.settled_on == day(3)

    def test_waiving_a_fee_takes_the_right_and_a_reason(self, foundation: Pool) -> None:
        row, officer = open_term(), make_officer()
        with pytest.raises(NotPermitted), use_case():
            terms.waive(row, on=FIRST, by=make_person(), reason="Hardship")
        with pytest.raises(ReasonMissing), use_case():
            terms.waive(row, on=FIRST, by=officer, reason=" ")
        with use_case():
            terms.waive(row, on=FIRST, by=officer, reason="Hardship")
        with pytest.raises(AlreadyPaidFor), use_case():
            terms.waive(row, on=FIRST, by=officer, reason="Again")
        with use_case():
            assert not terms.settle(row, on=FIRST)

    def test_cancelling_takes_the_right_and_a_reason_and_happens_once(
        self, foundation: Pool
    ) -> None:
        row, officer = open_term(), make_officer()
        with pytest.raises(NotPermitted), use_case():
            terms.cancel(row, on=FIRST, by=make_person(), reason="Merged")
        with pytest.raises(ReasonMissing), use_case():
            terms.cancel(row, on=FIRST, by=officer, reason="")
        with use_case():
            terms.cancel(row, on=day(9), by=officer, reason="Merged")
        with pytest.raises(AlreadyCancelled, match="10 March 2026"), use_case():
            terms.cancel(row, on=day(9), by=officer, reason="Merged")

    def test_a_second_term_in_the_same_days_is_refused(self, foundation: Pool) -> None:
        first = open_term()
        with pytest.raises(TermOverlaps, match="28 February 2027"):
            open_term(first.organisation, starts_on=LAST)
        after = open_term(first.organisation, starts_on=day(1, LAST))
        assert after.starts_on == datetime.date(2027, 3, 1)

    def test_after_a_cancellation_a_new_term_may_begin_that_day(self, foundation: Pool) -> None:
        first, officer = open_term(), make_officer()
        with use_case():
            terms.cancel(first, on=day(30), by=officer, reason="Another tier")
        assert open_term(first.organisation, starts_on=day(30)).pk

    def test_a_cancelled_term_stands_in_the_way_until_its_last_day(self, foundation: Pool) -> None:
        first, officer = open_term(), make_officer()
        with use_case():
            first = terms.cancel(first, on=day(30), by=officer, reason="Another tier")
        assert first.last_day == day(29)
        with pytest.raises(TermOverlaps, match="30 March 2026"):
            open_term(first.organisation, starts_on=day(29))

    @pytest.mark.parametrize(
        ("constraint", "changes"),
        [
            ("term_days_are_in_order", {"ends_on": datetime.date(2026, 2, 1)}),
            ("term_fee_is_not_negative", {"fee": -1}),
            ("term_waiver_is_whole", {"waived_on": FIRST}),
            ("term_cancellation_is_whole", {"cancelled_on": FIRST}),
        ],
    )
    def test_the_database_refuses_a_term_that_cannot_be(
        self, foundation: Pool, constraint: str, changes: dict[str, object]
    ) -> None:
        row = open_term()
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Term.objects.filter(pk=row.pk).update(**changes)

    def test_the_database_refuses_a_term_both_settled_and_waived(self, foundation: Pool) -> None:
        row = open_term()
        with pytest.raises(IntegrityError, match="term_settled_or_waived"), transaction.atomic():
            Term.objects.filter(pk=row.pk).update(
                settled_on=FIRST, waived_on=FIRST, waived_by=make_officer(), waived_reason="Why"
            )

    def test_the_database_refuses_two_terms_that_share_a_day(self, foundation: Pool) -> None:
        row = open_term()
        with pytest.raises(IntegrityError, match="term_no_overlap"), transaction.atomic():
            Term.objects.create(
                organisation=row.organisation,
                tier=row.tier,
                starts_on=LAST,
                ends_on=day(400),
                fee=1,
                currency="USD",
            )


# --- Organisations --------------------------------------------------------------------------------


@pytest.mark.django_db
class TestOrganisations:
    def test_equal_names_get_addresses_of_their_own(self, db: None) -> None:
        slugs = [make_organisation(public_name="Santé Pour Tous").slug for _ in range(3)]
        assert slugs == ["sante-pour-tous", "sante-pour-tous-2", "sante-pour-tous-3"]

    def test_a_name_without_latin_letters_still_has_an_address(self, db: None) -> None:
        assert make_organisation(public_name="وزارة الصحة").slug == "member"

    @pytest.mark.parametrize(
        "changes",
        [
            {"public_name": "sante POUR tous!"},
            {"legal_name": "Santé Pour Tous"},
            {"website": "https://sante.example.org/fr/"},
        ],
    )
    def test_what_may_be_the_same_organisation_is_found(
        self, foundation: Pool, changes: dict[str, str]
    ) -> None:
        known = make_organisation(
            public_name="Santé pour tous",
            legal_name="Santé pour tous",
            website="http://www.sante.example.org",
        )
        found = find_duplicates(submitted_application(**changes))
        assert found.organisations == [known]
        assert not find_duplicates(submitted_application())

    def test_an_organisation_has_one_primary_contact(self, foundation: Pool) -> None:
        organisation = make_organisation()
        with use_case():
            give_seat(organisation, make_person(), ["primary_contact"])
        with pytest.raises(IntegrityError, match="seat_one_primary_contact"), use_case():
            give_seat(organisation, make_person(), ["primary_contact"])
        with pytest.raises(IntegrityError, match="seat_roles_are_known"), transaction.atomic():
            Seat.objects.create(organisation=organisation, person=make_person(), roles=["boss"])

    def test_an_organisation_has_one_vote_and_a_person_one_seat_in_it(
        self, foundation: Pool
    ) -> None:
        organisation, alice = make_organisation(), make_person()
        with use_case():
            give_seat(organisation, make_person(), ["primary_contact"])
            seat = give_seat(organisation, alice, ["voting_representative"])
        with pytest.raises(IntegrityError, match="seat_one_voting_representative"), use_case():
            give_seat(organisation, make_person(), ["voting_representative", "member"])
        with use_case():
            assert give_seat(organisation, alice, ["member"]) == seat
        with pytest.raises(IntegrityError, match="seat_once_per_person"), transaction.atomic():
            Seat.objects.create(organisation=organisation, person=alice, roles=["member"])

    @pytest.mark.parametrize(
        ("constraint", "changes"),
        [
            ("organisation_is_named", {"legal_name": ""}),
            ("organisation_kind_is_known", {"kind": "club"}),
            ("organisation_constituency_is_known", {"constituency": "money"}),
            ("organisation_country_is_iso2", {"country": "mw"}),
        ],
    )
    def test_the_database_refuses_an_organisation_that_cannot_be(
        self, foundation: Pool, constraint: str, changes: dict[str, str]
    ) -> None:
        row = make_organisation()
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Organisation.objects.filter(pk=row.pk).update(**changes)

    def test_a_name_that_grows_without_its_accents_still_fits(self, foundation: Pool) -> None:
        assert make_organisation(public_name="ﷺ" * 120, legal_name="ﷺ" * 200).pk

    def test_it_is_a_member_since_the_first_day_that_counted(self, foundation: Pool) -> None:
        organisation, officer = make_organisation(), make_officer()
        assert queries.member_since(organisation) is None
        for begins, settled, cancelled in (
            (datetime.date(2022, 1, 1), datetime.date(2024, 1, 1), None),  # long over when paid
            (datetime.date(2024, 1, 1), datetime.date(2024, 2, 1), datetime.date(2024, 1, 20)),
            (datetime.date(2025, 1, 1), datetime.date(2025, 1, 9), None),
            (datetime.date(2026, 1, 1), datetime.date(2025, 12, 1), None),
        ):
            row = open_term(organisation, starts_on=begins)
            with use_case():
                terms.settle(row, on=settled)
                if cancelled:
                    terms.cancel(row, on=cancelled, by=officer, reason="Left")
        assert queries.member_since(organisation) == datetime.date(2025, 1, 9)


# --- The directory --------------------------------------------------------------------------------


@pytest.mark.django_db
class TestDirectory:
    @pytest.fixture
    def members(self, foundation: Pool) -> dict[str, Organisation]:
        """A member of today, one in grace, one awaiting its payment, one lapsed long ago."""
        today = datetime.date.today()
        made = {}
        for name, begins, settled in (
            ("Current", today - datetime.timedelta(days=30), True),
            ("Grace", today - datetime.timedelta(days=375), True),
            ("Awaiting", today, False),
            ("Lapsed", today - datetime.timedelta(days=800), True),
        ):
            country, voice = ("KE", "country") if name == "Grace" else ("MW", "implementer")
            made[name] = make_organisation(
                public_name=f"{name} Body", country=country, constituency=voice
            )
            row = open_term(made[name], starts_on=begins)
            if settled:
                with use_case():
                    terms.settle(row, on=begins)
        return made

    def test_it_names_who_is_a_member_today(
        self, members: dict[str, Organisation], client: Client
    ) -> None:
        page = client.get("/members/").content.decode()
        assert "Current Body" in page
        assert "Grace Body" in page
        assert "Awaiting Body" not in page
        assert "Lapsed Body" not in page

    def test_filters_narrow_it_and_unknown_ones_are_left_out(
        self, members: dict[str, Organisation], client: Client
    ) -> None:
        only = client.get("/members/?constituency=country&country=ke").content.decode()
        assert "Grace Body" in only
        assert "Current Body" not in only
        for query in ("?constituency=money&country=XX", "?page=zero", "?page=99"):
            page = client.get(f"/members/{query}")
            assert page.status_code == 200
            assert "Current Body" in page.content.decode()

    def test_a_filter_that_nobody_matches_says_so_and_stays_chosen(
        self, members: dict[str, Organisation], client: Client
    ) -> None:
        page = client.get("/members/?country=FR").content.decode()
        assert "Current Body" not in page
        assert "No member" in page
        assert '<option value="FR" selected>France</option>' in page

    def test_a_member_has_a_page_and_nobody_else_has(
        self, members: dict[str, Organisation], client: Client
    ) -> None:
        current, grace = members["Current"], members["Grace"]
        assert "Current Body" in client.get(current.get_absolute_url()).content.decode()
        assert "counts as a member until" in client.get(grace.get_absolute_url()).content.decode()
        for name in ("Awaiting", "Lapsed"):
            assert client.get(members[name].get_absolute_url()).status_code == 404
        assert client.get("/members/nobody/").status_code == 404

    def test_voices_count_members_of_today(self, members: dict[str, Organisation]) -> None:
        voices = Directory({}, datetime.date.today()).voices
        counted = {voice.code: voice.members for voice in voices}
        assert (counted["country"], counted["implementer"], counted["donor"]) == (1, 1, 0)

    def test_a_list_of_any_length_takes_the_same_queries(
        self,
        members: dict[str, Organisation],
        client: Client,
        django_assert_max_num_queries: object,
    ) -> None:
        with django_assert_max_num_queries(12):  # type: ignore[operator]
            client.get("/members/")
