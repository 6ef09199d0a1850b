"""Whom an application names for the vote and the invoices is invited by one press of a button."""

from typing import Any

import pytest
from django.test import Client
from django.urls import reverse

from core.models import User
from membership import invitations, named_people, seats
from membership.models import Application, Invitation
from membership.refusals import WrongStep
from membership.seat_refusals import NotPrimaryContact
from tests.factories.home import sign_in
from tests.factories.membership import admitted_term, submitted_application
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, mails_to, roles_of
from tests.races import together

NAMED = {
    "voting_name": "Vera Voter",
    "voting_email": "Vera@example.org",
    "billing_name": "Bill Payer",
    "billing_email": "bill@example.org",
}


def approved(**changes: Any) -> Application:
    application = admitted_term(**{**NAMED, **changes}).application
    assert application is not None
    return application


def page_of(application: Application) -> str:
    return reverse("membership_application", args=[application.public_id])


@pytest.mark.django_db
@pytest.mark.usefixtures("on_site", "foundation")
class TestInvitingThem:
    def test_by_one_button_each_with_their_role(self, client: Client) -> None:
        application = approved()
        assert application.organisation is not None
        sign_in(client, application.applicant)
        assert page_of(application) in client.get(reverse("account_area")).content.decode()
        text = client.get(page_of(application)).content.decode()
        assert "Vera Voter, vera@example.org: Voting representative" in text

        answer = client.post(page_of(application), {"act": "invite"}, follow=True)
        assert "The invitations go to vera@example.org, bill@example.org." in (
            answer.content.decode()
        )
        assert len(mails_to("vera@example.org")) == len(mails_to("bill@example.org")) == 1
        assert page_of(application) not in client.get(reverse("account_area")).content.decode()

        vera, bill = make_person("vera@example.org"), make_person("bill@example.org")
        for invitation, person in zip(Invitation.objects.order_by("pk"), (vera, bill), strict=True):
            invitations.accept(invitation, by=person)
        assert roles_of(vera, application.organisation) == ["voting_representative"]
        assert roles_of(bill, application.organisation) == ["billing_contact"]
        assert roles_of(application.applicant, application.organisation) == [
            "primary_contact",
            "billing_contact",
        ]

    def test_pressed_twice_everybody_gets_one_mail(self, client: Client) -> None:
        application = approved()
        sign_in(client, application.applicant)
        client.post(page_of(application), {"act": "invite"})
        answer = client.post(page_of(application), {"act": "invite"}, follow=True)
        assert "They are invited already." in answer.content.decode()
        assert len(mails_to("vera@example.org")) == 1

    def test_whom_the_contact_withdrew_is_not_asked_for_again(self) -> None:
        application = approved()
        by = application.applicant
        for invitation in named_people.invite_named(application, by=by):
            invitations.withdraw(invitation, by=by)
        assert named_people.to_invite(application) == []
        assert named_people.waiting_for(by) == []

    def test_one_person_for_both_is_one_invitation(self) -> None:
        application = approved(billing_email="vera@example.org")
        (invitation,) = named_people.invite_named(application, by=application.applicant)
        assert invitation.roles == ["voting_representative", "billing_contact"]

    def test_who_has_a_seat_already_is_left_out(self) -> None:
        application = approved()
        assert application.organisation is not None
        a_seat(application.organisation, make_person("bill@example.org"))
        found = named_people.invite_named(application, by=application.applicant)
        assert [each.email for each in found] == ["vera@example.org"]

    def test_the_applicant_is_not_invited(self) -> None:
        applicant = make_person("ada@example.org")
        application = approved(
            by=applicant, voting_email="ada@example.org", billing_name="", billing_email=""
        )
        assert named_people.to_invite(application) == []

    def test_before_the_approval_nobody_is_invited(self, client: Client) -> None:
        application = submitted_application(**NAMED)
        with pytest.raises(WrongStep):
            named_people.invite_named(application, by=application.applicant)
        sign_in(client, application.applicant)
        assert "People you named" not in client.get(page_of(application)).content.decode()

    def test_an_applicant_who_handed_over_invites_nobody(self, client: Client) -> None:
        application = approved()
        assert application.organisation is not None
        heir = a_seat(application.organisation)
        seats.hand_over(heir, by=application.applicant)
        sign_in(client, application.applicant)
        text = client.get(page_of(application)).content.decode()
        assert "The primary contact invites them." in text
        assert 'value="invite"' not in text
        answer = client.post(page_of(application), {"act": "invite"}, follow=True)
        assert "Only the primary contact of" in answer.content.decode()
        assert not Invitation.objects.exists()
        with pytest.raises(NotPrimaryContact):
            named_people.invite_named(application, by=application.applicant)

    def test_another_s_application_does_not_exist(self, client: Client) -> None:
        application = approved()
        sign_in(client, make_person())
        assert client.post(page_of(application), {"act": "invite"}).status_code == 404
        assert not Invitation.objects.exists()

    def test_a_vote_that_went_to_somebody_else_meanwhile_stays_there(self) -> None:
        application = approved()
        assert application.organisation is not None
        invited, _billing = named_people.invite_named(application, by=application.applicant)
        other = a_seat(application.organisation)
        seats.change_roles(other, ["voting_representative"], by=application.applicant)
        vera = make_person("vera@example.org")
        invitations.accept(invited, by=vera)
        assert roles_of(other.person, application.organisation) == ["voting_representative"]
        assert roles_of(vera, application.organisation) == ["member"]


@pytest.mark.usefixtures("committed_db")
def test_two_at_once_send_one_mail_each() -> None:
    from tests.factories.membership import foundation

    foundation()
    application = approved()
    by: User = application.applicant
    found = together(*[lambda: named_people.invite_named(application, by=by)] * 2)
    assert sorted(len(each) for each in found) == [0, 2]
    assert Invitation.objects.count() == 2
