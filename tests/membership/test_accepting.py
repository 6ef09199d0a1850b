"""New versions of agreements: members accept them, are told of them once, and staff see who has not."""

import csv
import datetime
import io
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.jobs.testing import run_pending_jobs
from core.models import User
from membership import accepting, agreements
from membership.jobs import tell_of_agreements
from membership.merging import merge
from membership.models import (
    Acceptance,
    Agreement,
    AgreementNotice,
    AgreementVersion,
    Organisation,
)
from membership.refusals import MayNotBind, NotInForceYet, OrganisationMerged, VersionSuperseded
from membership.seat_refusals import NotPrimaryContact
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import make_officer, make_organisation, may, paid_term
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, mails_to
from tests.membership.test_agreements import draft_version, tomorrow
from tests.membership.test_directory import make_member
from tests.races import together

SIGNED = {"signatory_name": "Dora Director", "signatory_function": "Director", "may_bind": True}
TYPED = {**SIGNED, "may_bind": "on"}


def published(label: str = "2.0", **changes: Any) -> AgreementVersion:
    return agreements.publish(draft_version(label, **changes), by=make_officer())


def a_member(**changes: Any) -> tuple[Organisation, User]:
    """A member that accepted nothing yet, and its primary contact."""
    organisation = make_member(**changes)
    return organisation, a_seat(organisation, None, "primary_contact").person


def page_of(organisation: Organisation, version: AgreementVersion) -> str:
    return reverse("membership_accept", args=[organisation.slug, version.pk])


def list_of(organisation: Organisation) -> str:
    return reverse("membership_agreements_of", args=[organisation.slug])


@pytest.mark.django_db
@pytest.mark.usefixtures("on_site", "foundation")
class TestWhatIsAskedFor:
    def test_the_version_in_force_and_those_to_come(self) -> None:
        yesterday = timezone.localdate() - datetime.timedelta(days=1)
        published("2.0", effective_from=yesterday)
        published("3.0", effective_from=tomorrow())
        draft_version("4.0")
        optional = Agreement.objects.create(code="optional", name="Optional", required=False)
        published("1.0", agreement=optional)
        labels = [version.label for version in accepting.asked_for(timezone.localdate())]
        assert labels == ["2.0", "3.0"]
        assert [version.label for version in accepting.asked_for(tomorrow())] == ["3.0"]

    def test_what_came_with_the_application_is_accepted(self) -> None:
        organisation = paid_term().organisation
        papers = accepting.papers_of(organisation, timezone.localdate())
        assert [one.version.label for one in papers.accepted] == ["1.0"]
        assert papers.to_accept == []
        version = published()
        assert accepting.papers_of(organisation, timezone.localdate()).to_accept == [version]

    def test_a_merge_takes_acceptances_along(self) -> None:
        version = published()
        gone, contact = a_member()
        kept = make_organisation()
        accepting.accept(gone, version, by=contact, **SIGNED)
        officer = may(make_person(is_staff=True), "change_organisation")
        merge(kept, gone, by=officer, reason="One body")
        assert accepting.papers_of(kept, timezone.localdate()).to_accept == []
        (answer,) = accepting.answers(version, timezone.localdate())
        assert answer.organisation == kept
        assert answer.acceptance is not None
        assert accepting.waits_for(contact, timezone.localdate()) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("on_site", "foundation")
class TestAccepting:
    def test_the_primary_contact_accepts_in_the_name_of_who_may_bind(self, client: Client) -> None:
        organisation, contact = a_member()
        version = published()
        sign_in(client, contact)
        assert (
            f'href="{page_of(organisation, version)}"'
            in client.get(reverse("account_area")).content.decode()
        )
        assert (
            page_of(organisation, version)
            in client.get(reverse("membership_area")).content.decode()
        )
        assert page_of(organisation, version) in client.get(list_of(organisation)).content.decode()
        assert "New words." in client.get(page_of(organisation, version)).content.decode()

        answer = client.post(page_of(organisation, version), TYPED)
        assert (answer.status_code, answer["Location"]) == (303, list_of(organisation))
        (given,) = Acceptance.objects.filter(organisation=organisation)
        assert (given.version, given.person) == (version, contact)
        assert (given.signatory_name, given.signatory_function) == ("Dora Director", "Director")
        assert ModelLogEntry.objects.filter(
            action="membership.accept_agreement", object_id=organisation.pk, user=contact
        ).exists()
        text = client.get(list_of(organisation)).content.decode()
        assert f"Dora Director, Director; sent by {contact}" in text
        assert (
            page_of(organisation, version)
            not in client.get(reverse("account_area")).content.decode()
        )

    def test_sent_twice_it_is_one(self, client: Client) -> None:
        organisation, contact = a_member()
        version = published()
        sign_in(client, contact)
        for _time in range(2):
            answer = client.post(page_of(organisation, version), TYPED, follow=True)
            assert "accepts the Code of conduct, version 2.0" in answer.content.decode()
        assert Acceptance.objects.filter(organisation=organisation).count() == 1
        assert ModelLogEntry.objects.filter(action="membership.accept_agreement").count() == 1

    @pytest.mark.parametrize(
        ("missing", "words"),
        [
            ("may_bind", "only a person who may bind the organisation can accept"),
            ("signatory_name", "Write the name of the person who accepts"),
            ("signatory_function", "Write the function of the person who accepts"),
        ],
    )
    def test_who_may_not_bind_accepts_nothing(
        self, client: Client, missing: str, words: str
    ) -> None:
        organisation, contact = a_member()
        version = published()
        sign_in(client, contact)
        typed = {name: value for name, value in TYPED.items() if name != missing}
        answer = client.post(page_of(organisation, version), typed)
        assert answer.status_code == 200
        assert words in answer.content.decode()
        assert not Acceptance.objects.filter(organisation=organisation).exists()
        blank = {missing: False if missing == "may_bind" else "  "}
        with pytest.raises(MayNotBind):
            accepting.accept(organisation, version, by=contact, **{**SIGNED, **blank})

    def test_other_people_of_it_read_and_cannot_accept(self, client: Client) -> None:
        organisation, _contact = a_member()
        colleague = a_seat(organisation, None, "voting_representative").person
        version = published()
        sign_in(client, colleague)
        text = client.get(page_of(organisation, version)).content.decode()
        assert "The primary contact accepts for the organisation." in text
        assert 'name="may_bind"' not in text
        assert client.post(page_of(organisation, version), TYPED).status_code == 403
        with pytest.raises(NotPrimaryContact):
            accepting.accept(organisation, version, by=colleague, **SIGNED)
        assert not Acceptance.objects.filter(organisation=organisation).exists()
        assert accepting.waits_for(colleague, timezone.localdate()) == []

    def test_another_organisation_s_addresses_do_not_exist(self, client: Client) -> None:
        theirs, _contact = a_member()
        version = published()
        _mine, me = a_member()
        sign_in(client, me)
        assert client.get(list_of(theirs)).status_code == 404
        assert client.get(page_of(theirs, version)).status_code == 404
        assert client.post(page_of(theirs, version), TYPED).status_code == 404
        client.logout()
        for address in (list_of(theirs), page_of(theirs, version)):
            assert client.get(address)["Location"].startswith(reverse("account_login"))
        assert not Acceptance.objects.filter(organisation=theirs).exists()

    def test_a_version_that_was_superseded_meanwhile(self, client: Client) -> None:
        organisation, contact = a_member()
        yesterday = timezone.localdate() - datetime.timedelta(days=1)
        old = published("2.0", effective_from=yesterday)
        sign_in(client, contact)
        assert 'name="may_bind"' in client.get(page_of(organisation, old)).content.decode()
        published("3.0")
        answer = client.post(page_of(organisation, old), TYPED, follow=True)
        assert "A newer version of this agreement is in force: 3.0." in answer.content.decode()
        assert not Acceptance.objects.filter(organisation=organisation).exists()
        text = client.get(page_of(organisation, old)).content.decode()
        assert "This version is not asked for" in text
        assert 'name="may_bind"' not in text
        with pytest.raises(VersionSuperseded):
            accepting.accept(organisation, old, by=contact, **SIGNED)

    def test_one_to_come_can_be_accepted_and_a_draft_cannot(self, client: Client) -> None:
        organisation, contact = a_member()
        coming = published("2.0", effective_from=tomorrow())
        accepting.accept(organisation, coming, by=contact, **SIGNED)
        draft = draft_version("3.0")
        with pytest.raises(NotInForceYet):
            accepting.accept(organisation, draft, by=contact, **SIGNED)
        sign_in(client, contact)
        assert client.get(page_of(organisation, draft)).status_code == 404

    def test_one_that_was_merged_meanwhile(self) -> None:
        organisation, contact = a_member()
        version = published()
        officer = may(make_person(is_staff=True), "change_organisation")
        merge(make_organisation(), organisation, by=officer, reason="One body")
        with pytest.raises(OrganisationMerged):
            accepting.accept(organisation, version, by=contact, **SIGNED)


@pytest.mark.usefixtures("committed_db")
def test_two_at_once_are_one_acceptance() -> None:
    from tests.factories.membership import foundation

    foundation()
    organisation, contact = a_member()
    version = published()
    first, second = together(
        *[lambda: accepting.accept(organisation, version, by=contact, **SIGNED)] * 2
    )
    assert first == second
    assert Acceptance.objects.filter(organisation=organisation).count() == 1


@pytest.mark.django_db
@pytest.mark.usefixtures("on_site", "foundation")
class TestTelling:
    def test_members_are_told_once_of_a_version_and_in_their_language(self) -> None:
        organisation, contact = a_member(public_name="Shelf")
        User.objects.filter(pk=contact.pk).update(preferred_language="fr")
        accepted, other = a_member()
        accepting.accept(
            accepted,
            AgreementVersion.objects.get(label="1.0"),
            by=other,
            **SIGNED,
        )
        tell_of_agreements.call()
        assert mails_to(other.email) == []
        (mail,) = mails_to(contact.email)
        assert f"/fr{page_of(organisation, AgreementVersion.objects.get(label='1.0'))}" in mail
        tell_of_agreements.call()
        assert len(mails_to(contact.email)) == 1

        published()
        run_pending_jobs()
        tell_of_agreements.call()
        assert len(mails_to(contact.email)) == 2
        (mail,) = mails_to(other.email)
        assert "Version 2.0 of the Code of conduct" in mail

    def test_nobody_else_is_told(self) -> None:
        """No former members, no other roles, and nobody of a text that is no duty."""
        former, _contact = a_member(since=500)
        colleague = a_seat(a_member()[0]).person
        agreements.publish(
            draft_version(agreement=Agreement.objects.create(code="o", name="O", required=False)),
            by=make_officer(),
        )
        tell_of_agreements.call()
        assert mails_to(colleague.email) == []
        assert not AgreementNotice.objects.filter(organisation=former).exists()
        assert AgreementNotice.objects.filter(version__agreement__code="o").count() == 0

    def test_where_nobody_reads_it_the_next_day_tries_again(self) -> None:
        organisation, contact = a_member()
        User.objects.filter(pk=contact.pk).update(is_active=False)
        tell_of_agreements.call()
        assert not AgreementNotice.objects.exists()
        User.objects.filter(pk=contact.pk).update(is_active=True)
        tell_of_agreements.call()
        assert AgreementNotice.objects.get().organisation == organisation
        assert len(mails_to(contact.email)) == 1

    def test_publishing_by_the_first_set_up_tells_nobody(self) -> None:
        _organisation, contact = a_member()
        agreements.publish(draft_version(), by=None)
        assert mails_to(contact.email) == []


@pytest.mark.django_db
@pytest.mark.usefixtures("on_site", "foundation")
class TestWhatStaffSee:
    LIST = "/admin/members/acceptances/"

    def names(self, client: Client, **query: str) -> list[str]:
        page = client.get(self.LIST, query)
        assert page.status_code == 200
        return [answer.organisation.public_name for answer in page.context["page_obj"]]

    def test_who_has_not_accepted_yet(self, client: Client) -> None:
        done, contact = a_member(public_name="Done")
        _waiting, other = a_member(public_name="Waiting")
        version = published()
        accepting.accept(done, version, by=contact, **SIGNED)
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        assert self.names(client) == ["Waiting"]
        assert self.names(client, show="accepted") == ["Done"]
        assert self.names(client, show="all") == ["Done", "Waiting"]
        first = AgreementVersion.objects.get(label="1.0")
        assert self.names(client, version=str(first.pk)) == ["Done", "Waiting"]
        text = client.get(self.LIST).content.decode()
        assert other.email in text
        assert "have not accepted: 1." in text

    @pytest.mark.parametrize("version", ["999999", "x", "0"])
    def test_a_version_that_is_none(self, client: Client, version: str) -> None:
        a_member()
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        page = client.get(self.LIST, {"version": version, "export": "csv"})
        assert page["Content-Type"].startswith("text/html")
        assert "Choose a published version." in page.content.decode()

    def test_csv_of_what_is_chosen(self, client: Client) -> None:
        done, contact = a_member(public_name="=cmd|x")
        a_member(public_name="Waiting")
        version = published()
        accepting.accept(done, version, by=contact, **{**SIGNED, "signatory_name": "=1+1"})
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
        answer = client.get(self.LIST, {"export": "csv", "show": "accepted"})
        (row,) = csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig")))
        assert (row["organisation"], row["signatory_name"]) == ("'=cmd|x", "'=1+1")
        assert (row["agreement"], row["version"]) == ("code-of-conduct", "2.0")

    def test_the_same_number_of_queries_however_many_members(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setattr("membership.acceptance_backoffice.PER_PAGE", 3)
        sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))

        def queries() -> int:
            client.get(self.LIST)
            with CaptureQueriesContext(connection) as captured:
                client.get(self.LIST)
            return len(captured)

        a_member()
        few = queries()
        for _number in range(5):
            a_member()
        assert queries() == few
        assert len(client.get(self.LIST, {"page": "2"}).context["page_obj"]) == 3

    @pytest.mark.parametrize(("group", "reads"), [(groups.AUDITORS, True), (groups.EDITORS, False)])
    def test_who_may_read_it(self, client: Client, group: str, reads: bool) -> None:
        _organisation, contact = a_member()
        sign_in(client, make_staff(group))
        answer = client.get(self.LIST)
        assert (answer.status_code == 200) == reads
        assert (contact.email in answer.content.decode()) == reads
