"""Roles, hand-over, leaving, removing, and a contact who vanished."""

import pytest
from django.db import IntegrityError, transaction
from wagtail.models import ModelLogEntry

from core.models import User
from core.transactions import TransactionMissing, use_case
from membership import seats
from membership.models import Organisation, Seat
from membership.refusals import NotPermitted, OwnRequest, ReasonMissing
from membership.seat_mails import primary_contact
from membership.seat_refusals import (
    AccountClosed,
    HandOverFirst,
    IsPrimaryContact,
    NoPlaceThere,
    NotPrimaryContact,
    SeatGone,
)
from tests.factories.membership import make_organisation, may
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, mails_to, roles_of, seated
from tests.races import together

in_database = pytest.mark.django_db


def said(organisation: Organisation) -> list[str]:
    """The actions in the organisation's log, newest first."""
    return [
        line.action.removeprefix("membership.")
        for line in ModelLogEntry.objects.for_instance(organisation).order_by("-pk")
    ]


def close_account(person: User) -> None:
    User.objects.filter(pk=person.pk).update(is_active=False)
    person.refresh_from_db()


# --- Roles ----------------------------------------------------------------------------------------


@in_database
def test_the_primary_contact_gives_roles_and_the_person_is_told() -> None:
    contact = seated()
    bob = a_seat(contact.organisation, make_person("bob@example.org"))
    seats.change_roles(bob, ["billing_contact", "voting_representative"], by=contact.person)
    bob.refresh_from_db()
    assert bob.roles == ["voting_representative", "billing_contact"]
    (letter,) = mails_to("bob@example.org")
    assert "They are now: Voting representative, Billing contact." in letter
    seats.change_roles(bob, [], by=contact.person)
    bob.refresh_from_db()
    assert bob.roles == ["member"]
    assert said(contact.organisation)[:2] == ["change_roles"] * 2


@in_database
def test_the_same_roles_again_say_nothing() -> None:
    contact = seated()
    bob = a_seat(contact.organisation, make_person("bob@example.org"), "billing_contact")
    seats.change_roles(bob, ["billing_contact"], by=contact.person)
    assert mails_to("bob@example.org") == []
    assert "change_roles" not in said(contact.organisation)


@in_database
def test_the_one_vote_moves_and_whoever_had_it_is_told() -> None:
    contact = seated()
    organisation = contact.organisation
    bob = a_seat(organisation, make_person("bob@example.org"), "voting_representative")
    eve = a_seat(organisation)
    seats.change_roles(eve, ["voting_representative"], by=contact.person)
    assert roles_of(bob.person, organisation) == ["member"]
    assert roles_of(eve.person, organisation) == ["voting_representative"]
    assert "They are now: Member." in mails_to("bob@example.org")[0]


@in_database
def test_by_roles_alone_nobody_becomes_or_ceases_to_be_primary_contact() -> None:
    contact = seated("voting_representative")
    bob = a_seat(contact.organisation)
    seats.change_roles(contact, [], by=contact.person)
    seats.change_roles(bob, ["primary_contact", "billing_contact"], by=contact.person)
    assert roles_of(contact.person, contact.organisation) == ["primary_contact"]
    assert roles_of(bob.person, contact.organisation) == ["billing_contact"]


@in_database
def test_only_the_primary_contact_decides_and_only_at_home() -> None:
    contact, other = seated(), seated()
    bob = a_seat(contact.organisation)
    for person in (bob.person, other.person, make_person()):
        for act in (
            lambda by=person: seats.change_roles(bob, ["billing_contact"], by=by),
            lambda by=person: seats.hand_over(bob, by=by),
            lambda by=person: seats.remove(bob, by=by),
        ):
            with pytest.raises(NotPrimaryContact):
                act()
    assert roles_of(bob.person, contact.organisation) == ["member"]


# --- Hand-over ------------------------------------------------------------------------------------


@in_database
def test_handing_over_moves_one_role_and_both_are_told() -> None:
    alice = make_person("alice@example.org")
    contact = a_seat(make_organisation(), alice, "primary_contact", "billing_contact")
    bob = a_seat(contact.organisation, make_person("bob@example.org"), "voting_representative")
    seats.hand_over(bob, by=alice)
    assert roles_of(alice, contact.organisation) == ["billing_contact"]
    assert roles_of(bob.person, contact.organisation) == [
        "primary_contact",
        "voting_representative",
    ]
    assert "handed the role of primary contact" in mails_to("bob@example.org")[0]
    assert "If this was not you" in mails_to("alice@example.org")[0]
    assert said(contact.organisation)[0] == "hand_over"
    with pytest.raises(NotPrimaryContact):
        seats.hand_over(bob, by=alice)


@in_database
def test_the_role_goes_to_nobody_whose_account_is_closed_and_not_to_oneself() -> None:
    contact = seated()
    bob = a_seat(contact.organisation)
    close_account(bob.person)
    with pytest.raises(AccountClosed):
        seats.hand_over(bob, by=contact.person)
    with pytest.raises(IsPrimaryContact):
        seats.hand_over(contact, by=contact.person)
    assert roles_of(contact.person, contact.organisation) == ["primary_contact"]


# --- The end of a seat ----------------------------------------------------------------------------


@in_database
def test_whoever_is_removed_is_told_and_loses_the_seat_once() -> None:
    contact = seated()
    bob = a_seat(contact.organisation, make_person("bob@example.org"))
    pk = bob.pk
    seats.remove(bob, by=contact.person)
    assert roles_of(bob.person, contact.organisation) is None
    assert "your seat ended" in mails_to("bob@example.org")[0]
    assert said(contact.organisation)[0] == "remove_seat"
    gone = Seat(pk=pk, organisation=contact.organisation)
    with pytest.raises(SeatGone):
        seats.remove(gone, by=contact.person)


@in_database
def test_whoever_leaves_tells_the_primary_contact_what_is_free_now() -> None:
    contact = a_seat(make_organisation(), make_person("alice@example.org"), "primary_contact")
    bob = a_seat(contact.organisation, None, "voting_representative")
    seats.leave(contact.organisation, by=bob.person)
    assert roles_of(bob.person, contact.organisation) is None
    assert "What this person was there: Voting representative" in mails_to("alice@example.org")[0]
    with pytest.raises(SeatGone):
        seats.leave(contact.organisation, by=bob.person)


@in_database
def test_the_primary_contact_hands_over_before_leaving_also_when_alone() -> None:
    contact = seated()
    with pytest.raises(HandOverFirst, match="Hand the role over to somebody else first"):
        seats.leave(contact.organisation, by=contact.person)
    bob = a_seat(contact.organisation)
    for act in (
        lambda: seats.leave(contact.organisation, by=contact.person),
        lambda: seats.remove(contact, by=contact.person),
    ):
        with pytest.raises(HandOverFirst):
            act()
    seats.hand_over(bob, by=contact.person)
    seats.leave(contact.organisation, by=contact.person)
    assert [seat.person for seat in contact.organisation.seats.all()] == [bob.person]


@in_database
def test_a_part_of_a_use_case_does_not_run_alone() -> None:
    contact = seated()
    with pytest.raises(TransactionMissing):
        seats.take_place(contact.organisation, make_person(), ["member"], by=contact.person)


# --- What the database holds ----------------------------------------------------------------------


def now_checked() -> None:
    """Let the constraints speak that wait for the commit."""
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("SET CONSTRAINTS ALL IMMEDIATE")
        cursor.execute("SET CONSTRAINTS ALL DEFERRED")


@in_database
@pytest.mark.parametrize("way", ["update", "delete", "move", "insert"])
def test_the_database_refuses_people_without_a_primary_contact(way: str) -> None:
    contact = seated()
    a_seat(contact.organisation)
    elsewhere = make_organisation()
    own = Seat.objects.filter(pk=contact.pk)
    acts = {
        "update": lambda: own.update(roles=["member"]),
        "delete": own.delete,
        "move": lambda: own.update(organisation=elsewhere),
        "insert": lambda: Seat.objects.create(
            organisation=elsewhere, person=make_person(), roles=["member"]
        ),
    }

    def act() -> None:
        with transaction.atomic():
            acts[way]()
            now_checked()

    with pytest.raises(IntegrityError, match="seat_primary_contact_stays"):
        act()


@in_database
def test_the_database_lets_the_last_seat_go_and_the_role_move_in_two_steps() -> None:
    contact = seated()
    bob = a_seat(contact.organisation)
    Seat.objects.filter(pk=contact.pk).update(roles=["member"])
    Seat.objects.filter(pk=bob.pk).update(roles=["primary_contact"])
    now_checked()
    contact.organisation.seats.all().delete()
    now_checked()


# --- Staff ----------------------------------------------------------------------------------------


@in_database
def test_staff_appoint_somebody_where_the_contact_vanished() -> None:
    contact = a_seat(make_organisation(), make_person("alice@example.org"), "primary_contact")
    bob = a_seat(contact.organisation, make_person("bob@example.org"))
    officer = may(make_person(), "appoint_seat")
    close_account(contact.person)
    assert primary_contact(contact.organisation) is None
    seats.appoint(contact.organisation, bob.person, by=officer, reason="Alice left the company.")
    assert roles_of(contact.person, contact.organisation) == ["member"]
    assert primary_contact(contact.organisation) == bob
    assert "Reason: Alice left the company." in mails_to("bob@example.org")[0]
    assert mails_to("alice@example.org") == []  # nobody reads it there
    line = ModelLogEntry.objects.get(action="membership.appoint")
    assert line.user == officer
    assert line.data["reason"] == "Alice left the company."


@in_database
def test_whoever_is_replaced_and_still_reads_mail_is_told() -> None:
    contact = a_seat(make_organisation(), make_person("alice@example.org"), "primary_contact")
    bob = a_seat(contact.organisation)
    officer = may(make_person(), "appoint_seat")
    seats.appoint(contact.organisation, bob.person, by=officer, reason="By letter of the board.")
    assert "in your place" in mails_to("alice@example.org")[0]


@in_database
def test_appointing_is_refused_with_the_reason() -> None:
    contact = seated()
    organisation = contact.organisation
    bob, closed = a_seat(organisation), a_seat(organisation)
    close_account(closed.person)
    officer = may(make_person(), "appoint_seat")
    seated_officer = may(a_seat(organisation).person, "appoint_seat")

    def refused(kind: type[Exception], person: User, by: User, reason: str = "Gone.") -> None:
        with pytest.raises(kind):
            seats.appoint(organisation, person, by=by, reason=reason)

    refused(NotPermitted, bob.person, contact.person)
    refused(ReasonMissing, bob.person, officer, "  ")
    refused(OwnRequest, bob.person, seated_officer)
    refused(OwnRequest, officer, officer)
    refused(NoPlaceThere, make_person(), officer)
    refused(IsPrimaryContact, contact.person, officer)
    refused(AccountClosed, closed.person, officer)
    assert primary_contact(organisation) == contact


# --- Two at once ----------------------------------------------------------------------------------


def test_two_hand_overs_at_once_make_one_contact_and_a_removal_loses_to_them(
    committed_db: object,
) -> None:
    contact = seated()
    organisation = contact.organisation
    bob, eve = a_seat(organisation), a_seat(organisation)
    results = together(
        lambda: seats.hand_over(bob, by=contact.person),
        lambda: seats.hand_over(eve, by=contact.person),
    )
    assert sum(isinstance(result, Seat) for result in results) == 1
    assert sum(isinstance(result, NotPrimaryContact) for result in results) == 1
    holder = organisation.seats.get(roles__contains=["primary_contact"])
    assert holder.pk in (bob.pk, eve.pk)

    # Whoever comes first, the organisation has one primary contact afterwards.
    rest = organisation.seats.exclude(pk=holder.pk).first()
    assert rest is not None
    results = together(
        lambda: seats.hand_over(rest, by=holder.person),
        lambda: seats.remove(rest, by=holder.person),
    )
    assert sum(isinstance(result, Exception) for result in results) == 1
    assert organisation.seats.filter(roles__contains=["primary_contact"]).count() == 1

    # Past the verbs: two writers who forgot the lock, and the database refuses at the commit.
    with pytest.raises(IntegrityError, match="seat_primary_contact_stays"), use_case():
        organisation.seats.filter(roles__contains=["primary_contact"]).update(roles=["member"])
