"""Inviting by e-mail: link and code, each good once, for fourteen days, for the right person."""

import datetime
import uuid
from typing import Any

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core import typed_codes
from core.models import User
from membership import invitations, join_requests, seats
from membership.models import Invitation, Seat
from membership.seat_refusals import (
    AlreadySeated,
    CodeUnknown,
    InvitationExpired,
    InvitationOver,
    InvitationUsed,
    InvitationWithdrawn,
    NotPrimaryContact,
    OtherAddress,
    TooManyInvitations,
    YouAreSeated,
)
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, code_to, invited, mails_to, roles_of, seated
from tests.races import together

State = Invitation.State
in_database = pytest.mark.django_db


def days_on(days: float) -> Any:
    return time_machine.travel(timezone.now() + datetime.timedelta(days=days), tick=False)


# --- Sending --------------------------------------------------------------------------------------


@in_database
def test_the_mail_has_a_link_and_a_code_and_the_table_has_neither() -> None:
    contact = seated(public_name="Clinic Stock")
    invitation = invited(contact, " New@Example.org ", "billing_contact")
    (letter,) = mails_to("new@example.org")
    assert letter.startswith("Clinic Stock: an invitation to a seat")
    assert "Roles: Billing contact." in letter
    assert f"/account/membership/seats/invitation/{invitations.token_of(invitation)}/" in letter
    assert "/account/membership/seats/code/" in letter
    assert invitation.email == "new@example.org"
    assert code_to().replace("-", "") not in str(list(Invitation.objects.values()))
    assert invitation.state == State.OPEN


@in_database
def test_the_mail_is_in_the_language_of_the_reader_where_they_have_an_account() -> None:
    make_person("new@example.org", preferred_language="pt")
    contact = seated()
    invited(contact)
    assert "/pt/account/membership/seats/code/" in mails_to("new@example.org")[0]


@in_database
def test_the_same_form_sent_twice_is_one_invitation_and_one_mail() -> None:
    contact, token = seated(), uuid.uuid4()
    first, second = (
        invitations.invite(
            contact.organisation, "new@example.org", [], by=contact.person, form_token=token
        )
        for _ in range(2)
    )
    assert first == second
    assert len(mails_to("new@example.org")) == 1


@in_database
def test_only_the_primary_contact_invites_withdraws_and_invites_again() -> None:
    contact, other = seated(), seated()
    invitation = invited(contact)
    for person in (a_seat(contact.organisation).person, other.person):
        with pytest.raises(NotPrimaryContact):
            invited(Seat(organisation=contact.organisation, person=person), "more@example.org")
        with pytest.raises(NotPrimaryContact):
            invitations.withdraw(invitation, by=person)
        with pytest.raises(NotPrimaryContact):
            invitations.invite_again(invitation, by=person)
    invitation.refresh_from_db()
    assert invitation.state == State.OPEN
    assert Invitation.objects.count() == 1


@in_database
def test_nobody_is_invited_who_sits_there_whatever_address_of_theirs_is_written() -> None:
    contact = seated()
    EmailAddress.objects.create(user=contact.person, email="Second@example.org", verified=True)
    for address in (contact.person.email, "second@example.org"):
        with pytest.raises(AlreadySeated):
            invited(contact, address)


@in_database
def test_nobody_is_invited_to_be_primary_contact() -> None:
    assert invited(seated(), "new@example.org", "primary_contact").roles == ["member"]


@in_database
def test_invitations_of_a_day_are_counted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(invitations, "MOST_A_DAY", 2)
    contact = seated()
    for number in range(2):
        invited(contact, f"new{number}@example.org")
    with pytest.raises(TooManyInvitations):
        invited(contact, "new2@example.org")
    invited(seated())  # another organisation has a count of its own
    with days_on(1.01):
        invited(contact, "new2@example.org")


# --- Accepting ------------------------------------------------------------------------------------


@in_database
def test_whoever_confirmed_the_address_takes_the_seat_and_the_contact_is_told() -> None:
    contact = seated()
    invitation = invited(contact, "new@example.org", "voting_representative")
    dora = make_person("new@example.org", first_name="Dora")
    seat = invitations.accept(invitation, by=dora)
    assert seat.roles == ["voting_representative"]
    invitation.refresh_from_db()
    assert (invitation.state, invitation.accepted_by) == (State.ACCEPTED, dora)
    assert "Dora accepted the invitation" in mails_to(contact.person.email)[0]
    line = ModelLogEntry.objects.get(action="membership.accept_invitation")
    assert (line.user, line.data["by_code"]) == (dora, False)


@in_database
def test_an_address_that_is_not_confirmed_or_another_one_takes_nothing() -> None:
    invitation = invited(seated())
    for person in (make_person("new@example.org", verified=False), make_person()):
        with pytest.raises(OtherAddress):
            invitations.accept(invitation, by=person)
    assert Seat.objects.count() == 1


@in_database
def test_the_code_takes_the_seat_whatever_address_one_has() -> None:
    contact = seated()
    invited(contact)
    code, person = code_to(), make_person("private@example.net")
    typed = f" {code.lower().replace('-', ' ')} "
    assert invitations.accept_by_code(typed, by=person).organisation == contact.organisation
    with pytest.raises(InvitationUsed):
        invitations.accept_by_code(code, by=make_person())


@in_database
@pytest.mark.parametrize("code", ["", "-", "AAAA-AAAA", "x" * 200, "ÅÄÖ1-ﬁﬁﬁ"])
def test_a_wrong_code_takes_nothing(code: str) -> None:
    invited(seated())
    with pytest.raises(CodeUnknown):
        invitations.accept_by_code(code, by=make_person())


@in_database
def test_codes_outlive_a_new_secret_key(settings: Any) -> None:
    invited(seated())
    code = code_to()
    settings.SECRET_KEY_FALLBACKS = [settings.SECRET_KEY]
    settings.SECRET_KEY = "another key, long enough to be one of its own"
    assert invitations.accept_by_code(code, by=make_person()).roles == ["member"]
    assert len(typed_codes.hashes_of(code)) == 2


@in_database
def test_accepting_once_more_changes_nothing_and_nobody_else_can() -> None:
    invitation = invited(seated())
    dora = make_person("new@example.org")
    first, second = (invitations.accept(invitation, by=dora) for _ in range(2))
    assert first == second
    # The address went to somebody else since.
    EmailAddress.objects.filter(user=dora).delete()
    User.objects.filter(pk=dora.pk).update(email="dora@example.net")
    with pytest.raises(InvitationUsed):
        invitations.accept(invitation, by=make_person("new@example.org"))


@in_database
def test_whoever_was_removed_does_not_come_back_by_the_old_link() -> None:
    contact = seated()
    invitation = invited(contact)
    code, dora = code_to(), make_person("new@example.org")
    seats.remove(invitations.accept(invitation, by=dora), by=contact.person)
    with pytest.raises(InvitationUsed):
        invitations.accept(invitation, by=dora)
    with pytest.raises(InvitationUsed):
        invitations.accept_by_code(code, by=dora)
    assert roles_of(dora, contact.organisation) is None


@in_database
def test_whoever_has_a_seat_wastes_no_invitation_of_a_colleague() -> None:
    contact = seated()
    invitation = invited(contact)
    with pytest.raises(YouAreSeated):
        invitations.accept_by_code(code_to(), by=contact.person)
    invitation.refresh_from_db()
    assert invitation.state == State.OPEN


@in_database
def test_the_vote_that_somebody_got_meanwhile_is_left_out() -> None:
    contact = seated()
    invitation = invited(contact, "new@example.org", "voting_representative", "billing_contact")
    a_seat(contact.organisation, None, "voting_representative")
    seat = invitations.accept(invitation, by=make_person("new@example.org"))
    assert seat.roles == ["billing_contact"]


@in_database
def test_accepting_ends_what_else_was_open_for_the_person_there() -> None:
    contact = seated(website="https://clinic.example")
    dora = make_person("dora@clinic.example")
    EmailAddress.objects.create(user=dora, email="second@clinic.example", verified=True)
    asked = join_requests.ask(contact.organisation, by=dora)
    first, second = invited(contact, dora.email), invited(contact, "second@clinic.example")
    invitations.accept(first, by=dora)
    second.refresh_from_db()
    asked.refresh_from_db()
    assert (second.state, asked.state) == ("withdrawn", "withdrawn")


# --- The end of an invitation ---------------------------------------------------------------------


@in_database
@pytest.mark.parametrize(("days", "is_open"), [(13.99, True), (14, False), (400, False)])
def test_an_invitation_is_good_for_fourteen_days(days: float, is_open: bool) -> None:
    with days_on(0):
        invitation = invited(seated())
        code, dora = code_to(), make_person("new@example.org")
        later = days_on(days)
    with later:
        assert invitation.state == (State.OPEN if is_open else State.EXPIRED)
        if is_open:
            assert invitations.accept(invitation, by=dora).roles == ["member"]
            return
        with pytest.raises(InvitationExpired):
            invitations.accept(invitation, by=dora)
        with pytest.raises(InvitationExpired):
            invitations.accept_by_code(code, by=dora)


@in_database
def test_a_withdrawn_invitation_is_worthless_and_withdrawn_once() -> None:
    contact = seated()
    invitation = invited(contact)
    invitations.withdraw(invitation, by=contact.person)
    with pytest.raises(InvitationWithdrawn):
        invitations.accept(invitation, by=make_person("new@example.org"))
    with pytest.raises(InvitationWithdrawn):
        invitations.withdraw(invitation, by=contact.person)


@in_database
@pytest.mark.parametrize("days", [0, 20])
def test_inviting_again_withdraws_the_first_and_works_once(days: int) -> None:
    contact = seated()
    first = invited(contact, "new@example.org", "billing_contact")
    old_code = code_to()
    with days_on(days):
        second = invitations.invite_again(first, by=contact.person)
        first.refresh_from_db()
        assert (first.state, second.state) == (State.WITHDRAWN, State.OPEN)
        assert second.roles == ["billing_contact"]
        with pytest.raises(InvitationWithdrawn):  # the second press of the button
            invitations.invite_again(first, by=contact.person)
        dora = make_person()
        with pytest.raises(InvitationWithdrawn):
            invitations.accept_by_code(old_code, by=dora)
        assert invitations.accept_by_code(code_to(), by=dora).roles == ["billing_contact"]
        with pytest.raises(InvitationUsed):
            invitations.invite_again(second, by=contact.person)


@in_database
def test_another_form_to_the_same_address_takes_the_place_of_the_first() -> None:
    contact = seated()
    first, second = invited(contact), invited(contact)
    first.refresh_from_db()
    assert (first.state, second.state) == (State.WITHDRAWN, State.OPEN)


@in_database
@pytest.mark.parametrize("change", ["cut", "swap", "other", "bare", "empty"])
def test_a_link_that_was_changed_finds_nothing(change: str) -> None:
    invitation, other = invited(seated()), invited(seated())
    token = invitations.token_of(invitation)
    assert invitations.find(token) == invitation
    value, _, signature = token.rpartition(":")
    changed = {
        "cut": token[:-1],
        "swap": f"{value}:{signature[::-1]}",
        "other": f"{other.public_id}:{signature}",
        "bare": str(invitation.public_id),
        "empty": "",
    }
    assert invitations.find(changed[change]) is None


# --- What the database holds, and two at once -----------------------------------------------------


@in_database
@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("invitation_email_lower", {"email": "New@example.org"}),
        ("invitation_roles_are_known", {"roles": []}),
        ("invitation_roles_are_known", {"roles": ["primary_contact"]}),
        ("invitation_expires_later", {"expires_at": timezone.now() - datetime.timedelta(9)}),
        ("invitation_acceptance_is_whole", {"accepted_at": timezone.now()}),
        ("invitation_withdrawal_is_whole", {"withdrawn_at": timezone.now()}),
    ],
)
def test_the_database_refuses_an_invitation_that_cannot_be(
    constraint: str, changes: dict[str, Any]
) -> None:
    row = invited(seated())
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        Invitation.objects.filter(pk=row.pk).update(**changes)


@in_database
def test_the_database_refuses_two_open_for_one_address_and_two_ends_of_one() -> None:
    contact = seated()
    first, second = invited(contact), invited(contact, "other@example.org")
    with pytest.raises(IntegrityError, match="one_open_per_address"), transaction.atomic():
        Invitation.objects.filter(pk=first.pk).update(email=second.email)
    now, by = timezone.now(), contact.person
    with pytest.raises(IntegrityError, match="invitation_ends_once"), transaction.atomic():
        Invitation.objects.filter(pk=first.pk).update(
            accepted_at=now, accepted_by=by, withdrawn_at=now, withdrawn_by=by
        )


def test_of_two_at_once_one_takes_the_seat_and_a_withdrawal_is_before_or_after(
    committed_db: object,
) -> None:
    contact = seated()
    organisation = contact.organisation
    invited(contact)
    code, dora, eve = code_to(), make_person(), make_person()
    results = together(
        lambda: invitations.accept_by_code(code, by=dora),
        lambda: invitations.accept_by_code(code, by=eve),
    )
    assert sum(isinstance(result, Seat) for result in results) == 1
    assert sum(isinstance(result, InvitationUsed) for result in results) == 1

    invitation = invited(contact, "fay@example.org")
    fay = make_person("fay@example.org")
    results = together(
        lambda: invitations.accept(invitation, by=fay),
        lambda: invitations.accept(invitation, by=fay),
        lambda: invitations.withdraw(invitation, by=contact.person),
    )
    invitation.refresh_from_db()
    if invitation.state == State.ACCEPTED:
        assert [type(result) for result in results] == [Seat, Seat, InvitationUsed]
    else:
        assert all(isinstance(result, InvitationOver) for result in results[:2])
    assert (roles_of(fay, organisation) is not None) == (invitation.state == State.ACCEPTED)

    token = uuid.uuid4()
    results = together(
        *[
            lambda: invitations.invite(
                organisation, "gil@example.org", [], by=contact.person, form_token=token
            )
        ]
        * 2
    )
    assert results[0] == results[1]
    assert Invitation.objects.filter(email="gil@example.org").count() == 1
