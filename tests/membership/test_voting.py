"""The voting register: the rules, and that a past day's stays as it was."""

import datetime
from collections.abc import Callable
from typing import Any

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from membership import seats, terms, voting
from membership.merging import merge
from membership.models import Organisation, Seat, Term, Tier
from membership.models.terms import GRACE
from tests.factories.history import days_pass
from tests.factories.membership import make_organisation, may, open_term
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, seated
from tests.membership.test_directory import days_ago, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation")]


def officer() -> User:
    return may(make_person(is_staff=True), "change_organisation", "cancel_term")


def a_voter(organisation: Organisation) -> Seat:
    return a_seat(organisation, None, "primary_contact", "voting_representative")


def members(on: datetime.date, **more: Any) -> list[str]:
    return [vote.name for vote in voting.register(on, **more).votes]


def the_vote(on: datetime.date, **more: Any) -> voting.Vote:
    (vote,) = voting.register(on, **more).votes
    return vote


class TestTheRules:
    def test_a_member_has_one_vote_and_its_representative_holds_it(self) -> None:
        organisation = make_member(public_name="Shelf", country="KE")
        seat = a_voter(organisation)
        found = voting.register(days_ago(0))
        assert found.votes == [
            voting.Vote(organisation.pk, "Shelf", "implementer", "KE", seat.person_id)
        ]
        assert found.holders() == {seat.person_id: seat.person}
        assert (found.held, found.vacant) == (1, [])

    def test_without_one_nobody_holds_it_not_the_primary_contact(self) -> None:
        a_seat(make_member(), None, "primary_contact", "billing_contact")
        found = voting.register(days_ago(0))
        assert (found.held, len(found.vacant)) == (0, 1)

    def test_dues_buy_no_second_vote(self) -> None:
        """Two terms, one of them in grace, and the dearest tier."""
        organisation = make_member(since=400, tier="sustaining")
        last = organisation.terms.get()
        term = open_term(organisation, last.ends_on + datetime.timedelta(days=1))
        with use_case():
            terms.settle(term, on=term.starts_on)
        term.refresh_from_db()
        on = term.starts_on
        assert [each.makes_member(on) for each in organisation.terms.all()] == [True, True]
        assert len(voting.register(on).votes) == 1

    @pytest.mark.parametrize("day", [-1, 0, 5, 370, 395, 396, 397, 398])
    def test_it_is_a_vote_while_the_term_makes_a_member(self, day: int) -> None:
        organisation = make_organisation()
        term = open_term(organisation, days_ago(400))
        with use_case():
            terms.settle(term, on=days_ago(395))
        term.refresh_from_db()
        on = days_ago(400) + datetime.timedelta(days=day)
        assert bool(voting.register(on).votes) == term.makes_member(on)

    def test_both_ends_of_grace(self) -> None:
        organisation = make_member(since=500)
        last = organisation.terms.get().ends_on + GRACE
        assert len(voting.register(last).votes) == 1
        assert voting.register(last + datetime.timedelta(days=1)).votes == []

    def test_one_whose_term_is_not_paid_or_cancelled_has_none(self) -> None:
        open_term(starts_on=days_ago(3))
        cancelled = make_member()
        with use_case():
            terms.cancel(cancelled.terms.get(), on=days_ago(0), by=officer(), reason="They asked")
        assert members(days_ago(0)) == []
        assert members(days_ago(1)) == [cancelled.public_name]

    @pytest.mark.parametrize("on", [days_ago(-1), datetime.date(1999, 12, 31)])
    def test_there_is_none_of_a_day_to_come(self, on: datetime.date) -> None:
        with pytest.raises(ValueError, match="no register"):
            voting.register(on)


def _rename(organisation: Organisation, other: Organisation) -> None:
    Organisation.objects.filter(pk=organisation.pk).update(public_name="New")


def _move(organisation: Organisation, other: Organisation) -> None:
    Organisation.objects.filter(pk=organisation.pk).update(country="UG", constituency="technical")


def _give_the_vote_on(organisation: Organisation, other: Organisation) -> None:
    heir = organisation.seats.latest("pk")
    contact = organisation.seats.earliest("pk").person
    seats.change_roles(heir, ["voting_representative"], by=contact)


def _all_leave(organisation: Organisation, other: Organisation) -> None:
    organisation.seats.all().delete()


def _merge_away(organisation: Organisation, other: Organisation) -> None:
    merge(other, organisation, by=officer(), reason="One body")


def _merge_in(organisation: Organisation, other: Organisation) -> None:
    merge(organisation, other, by=officer(), reason="One body")


def _dues_go_back(organisation: Organisation, other: Organisation) -> None:
    with use_case():
        terms.unsettle(organisation.terms.get(), by=None, reason="A dispute was lost")


def _cancel(organisation: Organisation, other: Organisation) -> None:
    with use_case():
        terms.cancel(organisation.terms.get(), on=days_ago(0), by=officer(), reason="Asked")


class TestAPastDayStays:
    """Each change is made today, ten days after all that was there."""

    YESTERDAY = days_ago(1)

    @pytest.fixture
    def member(self) -> Organisation:
        organisation = make_member(since=30, public_name="Shelf", country="MW")
        a_voter(organisation)
        a_seat(organisation)
        days_pass(10)
        return organisation

    @pytest.fixture
    def other(self) -> Organisation:
        organisation = make_organisation(public_name="Rack", country="KE")
        a_seat(organisation, None, "primary_contact")
        days_pass(10)
        return organisation

    @pytest.mark.parametrize(
        "change",
        [
            _rename,
            _move,
            _give_the_vote_on,
            _all_leave,
            _merge_away,
            _merge_in,
            _dues_go_back,
            _cancel,
        ],
    )
    def test_whatever_changes_after_it(
        self, change: Callable[..., None], member: Organisation, other: Organisation
    ) -> None:
        before, today = voting.register(self.YESTERDAY), voting.register(days_ago(0))
        assert before.held == 1
        change(member, other)
        after = voting.register(self.YESTERDAY)
        assert after.votes == before.votes
        assert after.digest == before.digest
        changed = voting.register(days_ago(0))
        assert (changed.digest == today.digest) == (change.__name__ == "_merge_in")

    def test_nor_does_what_a_person_is_called(self, member: Organisation) -> None:
        before = voting.register(self.YESTERDAY).digest
        User.objects.update(first_name="Erased", last_name="Person")
        assert voting.register(self.YESTERDAY).digest == before

    def test_two_that_merged_had_two_votes_before(self, member: Organisation) -> None:
        other = make_organisation(public_name="Rack")
        term = open_term(other, days_ago(800))
        with use_case():
            terms.settle(term, on=days_ago(800))
        a_voter(other)
        days_pass(500)
        then = term.ends_on + GRACE
        assert term.ends_on + GRACE < days_ago(30)
        merge(member, other, by=officer(), reason="One body")
        assert members(then) == ["Rack"]
        assert members(self.YESTERDAY) == ["Shelf"]


class TestWhichDateCounts:
    def test_dues_count_from_their_day_though_found_later(self) -> None:
        term = open_term(starts_on=days_ago(30))
        days_pass(20)
        with use_case():
            terms.settle(term, on=days_ago(5))
        assert members(days_ago(6)) == []
        assert members(days_ago(5)) == [term.organisation.public_name]

    def test_and_what_was_known_before_is_told_again_for_ever(self) -> None:
        term = open_term(starts_on=days_ago(30))
        days_pass(20)
        known = timezone.now()
        before = voting.register(days_ago(5))
        with use_case():
            terms.settle(term, on=days_ago(8))
        Organisation.objects.update(public_name="New", country="KE")
        assert voting.register(days_ago(5)).digest != before.digest
        assert voting.register(days_ago(5), known=known).digest == before.digest

    def test_a_cancellation_counts_from_its_day_though_written_later(self) -> None:
        organisation = make_member(since=30)
        days_pass(20)
        with use_case():
            terms.cancel(organisation.terms.get(), on=days_ago(4), by=officer(), reason="Asked")
        assert members(days_ago(5)) == [organisation.public_name]
        assert members(days_ago(4)) == []

    def test_dues_found_by_mistake_leave_no_vote_behind(self) -> None:
        term = open_term(starts_on=days_ago(30))
        days_pass(20)
        with use_case():
            terms.settle(term, on=days_ago(8))
            terms.unsettle(term, by=None, reason="Matched to the wrong invoice")
        assert members(days_ago(5)) == []

    def test_a_term_from_before_the_portal_counts_for_the_organisation_as_it_came(self) -> None:
        organisation = make_member(since=30, public_name="Shelf")
        seat = a_voter(organisation)
        Organisation.objects.filter(pk=organisation.pk).update(public_name="New")
        found = the_vote(days_ago(20))
        assert (found.name, found.holder) == ("Shelf", None)
        assert the_vote(days_ago(0)).holder == seat.person_id

    def test_a_seat_counts_on_the_day_on_which_it_came(self) -> None:
        organisation = make_member(since=30)
        days_pass(20)
        seat = a_voter(organisation)
        assert the_vote(days_ago(1)).holder is None
        assert the_vote(days_ago(0)).holder == seat.person_id

    def test_who_has_the_vote_when_the_day_ends_has_it(self) -> None:
        organisation = make_member(since=30)
        first = a_voter(organisation)
        heir = a_seat(organisation)
        seats.change_roles(heir, ["voting_representative"], by=first.person)
        days_pass(3)
        seats.change_roles(first, ["voting_representative"], by=first.person)
        assert the_vote(days_ago(3)).holder == heir.person_id
        assert the_vote(days_ago(0)).holder == first.person_id


def test_it_fits_the_list_of_members() -> None:
    """The register of today and the directory tell of the same members."""
    tier = Tier.objects.get(code="implementer")
    for starts, paid, cancelled in [
        (0, 0, None), (10, 10, None), (10, None, None), (390, 390, None), (396, 396, None),
        (400, 395, None), (20, 20, 0), (20, 20, -5), (-5, 0, None), (380, 2, None),
    ]:  # fmt: skip
        term = open_term(make_organisation(), days_ago(starts), tier=tier)
        with use_case():
            if paid is not None:
                terms.settle(term, on=days_ago(paid))
            if cancelled is not None:
                terms.cancel(term, on=days_ago(cancelled), by=officer(), reason="Asked")
    for on in (days_ago(0), days_ago(2), days_ago(11)):
        standing = Term.objects.standing(on).values_list("organisation__public_name", flat=True)
        assert sorted(members(on)) == sorted(standing)
        assert standing


def test_one_query_however_many_members() -> None:
    for number in range(4):
        a_voter(make_member(public_name=f"M{number}"))
    seated()
    with CaptureQueriesContext(connection) as queries:
        found = voting.register(days_ago(0))
        assert len(voting.by_country(found)) == 1
        assert sum(weight.members for weight in voting.by_constituency(found)) == 4
    assert len(queries) == 1


def test_weights_by_constituency_and_country() -> None:
    a_voter(make_member(country="KE", constituency="country", tier="country"))
    make_member(country="KE")
    a_voter(make_member(country="MW"))
    found = voting.register(days_ago(0))
    whole = [
        (w.code, w.members, w.held, w.vacant, w.permille) for w in voting.by_constituency(found)
    ]
    assert whole == [
        ("country", 1, 1, 0, 333),
        ("implementer", 2, 1, 1, 667),
        ("donor", 0, 0, 0, 0),
        ("technical", 0, 0, 0, 0),
        ("community", 0, 0, 0, 0),
    ]
    assert [(w.name, w.members, w.held) for w in voting.by_country(found)] == [
        ("Kenya", 2, 1),
        ("Malawi", 1, 1),
    ]
