"""Lists of the back office: filters, views that are kept, and what is done to chosen rows."""

import csv
import io
from datetime import date
from typing import Any

import pytest
import time_machine
from django.contrib.auth.models import Permission
from django.db import connection
from django.http import QueryDict
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse
from wagtail.models import ModelLogEntry

from core.models import User
from membership import reviewing, saved_views
from membership.models import Application, Organisation, SavedView, Term, Tier
from membership.refusals import ViewGone, ViewTooLong
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import (
    admitted_term,
    draft_application,
    make_officer,
    make_organisation,
    open_term,
    submitted_application,
)
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, mails_to, seated

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation", "on_site")]

ORGANISATIONS = "/admin/members/organisations/"
TERMS = "/admin/members/terms/"
APPLICATIONS = "/admin/members/applications/"
TODAY = date(2027, 6, 15)


@pytest.fixture
def officer(client: Client) -> User:
    return sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))


def shown(client: Client, path: str, **query: Any) -> set[str]:
    """The names in the first column of text of a list's CSV."""
    answer = client.get(path, {**query, "export": "csv"})
    rows = list(csv.reader(io.StringIO(b"".join(answer).decode())))
    return {row[0] for row in rows[1:]}


def words_of(answer: Any) -> list[str]:
    told = [str(message) for message in answer.context["messages"]]
    return [words for words in told if not words.startswith("You are signed in as")]


def settled(name: str, starts_on: date, **changes: Any) -> Term:
    who = make_organisation(public_name=name, **changes)
    term = open_term(who, starts_on=starts_on)
    Term.objects.filter(pk=term.pk).update(settled_on=starts_on)
    return term


# --- Filters --------------------------------------------------------------------------------------


@time_machine.travel(TODAY)
def test_organisations_are_filtered_by_their_standing_on_a_day(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    settled("Current", date(2027, 1, 1))
    settled("Grace", date(2026, 6, 1))
    settled("Former", date(2025, 1, 1))
    open_term(make_organisation(public_name="Awaiting"), starts_on=TODAY)
    make_organisation(public_name="Never")
    by = {
        value: shown(client, ORGANISATIONS, standing=value)
        for value in ("member", "grace", "awaiting", "former", "never")
    }
    assert by == {
        "member": {"Current", "Grace"},
        "grace": {"Grace"},
        "awaiting": {"Awaiting"},
        "former": {"Former"},
        "never": {"Awaiting", "Never"},
    }
    assert shown(client, ORGANISATIONS, standing="member", on="2025-06-01") == {"Former"}
    assert shown(client, ORGANISATIONS, standing="nonsense") == set(
        Organisation.objects.values_list("public_name", flat=True)
    )


@time_machine.travel(TODAY)
def test_organisations_are_filtered_by_the_end_of_their_membership(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    settled("Soon", date(2026, 7, 10))
    renewed = settled("Renewed", date(2026, 7, 10))
    after = open_term(renewed.organisation, starts_on=date(2027, 7, 10))
    Term.objects.filter(pk=after.pk).update(settled_on=TODAY)
    settled("Later", date(2026, 12, 1))
    assert shown(client, ORGANISATIONS, ends_within="30") == {"Soon"}
    assert shown(client, ORGANISATIONS, ends_within="180") == {"Soon", "Later"}


def test_organisations_without_a_contact_are_found(client: Client, officer: User) -> None:
    seated(public_name="Whole")
    closed = seated(public_name="Closed")
    User.objects.filter(pk=closed.person_id).update(is_active=False)
    make_organisation(public_name="Empty")
    assert shown(client, ORGANISATIONS, no_contact="true") == {"Closed", "Empty"}
    assert shown(client, ORGANISATIONS, no_contact="false") == {"Whole"}


@time_machine.travel(TODAY)
def test_organisations_are_filtered_by_tier_country_and_merging(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    settled("Here", date(2027, 1, 1), country="KE")
    gone = make_organisation(public_name="Gone", country="KE")
    Organisation.objects.filter(pk=gone.pk).update(
        merged_into=Organisation.objects.get(public_name="Here"), merged_at="2027-06-01T00:00Z"
    )
    make_organisation(public_name="There", country="MW")
    tier = Tier.objects.get(code="implementer")
    assert shown(client, ORGANISATIONS, tier=tier.pk) == {"Here"}
    assert shown(client, ORGANISATIONS, country="KE") == {"Here", "Gone"}
    assert shown(client, ORGANISATIONS, is_merged="true") == {"Gone"}


@time_machine.travel(TODAY)
def test_terms_are_filtered_by_status_on_a_day_country_and_end(client: Client) -> None:
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    settled("Current", date(2027, 1, 1), country="KE")
    settled("Grace", date(2026, 6, 1))
    assert shown(client, TERMS, status="grace") == {"Grace"}
    assert shown(client, TERMS, status="current", on="2027-01-02") == {"Current", "Grace"}
    assert shown(client, TERMS, country="KE") == {"Current"}
    assert shown(client, TERMS, constituency="donor") == set()
    assert shown(client, TERMS, ends_within="365") == {"Current"}
    assert shown(client, TERMS, q="grac") == {"Grace"}


def test_applications_are_filtered_by_who_has_them(client: Client, officer: User) -> None:
    mine = reviewing.assign(submitted_application(public_name="Mine"), officer, by=officer)
    submitted_application(public_name="Other")
    draft_application(public_name="Draft")
    assert shown(client, APPLICATIONS, assigned_to=officer.pk) == {"Mine"}
    assert shown(client, APPLICATIONS, country=mine.country) == {"Mine", "Other"}


# --- Saved views ----------------------------------------------------------------------------------


def save(client: Client, query: str = "country=KE", **sent: str) -> Any:
    return client.post(
        f"{ORGANISATIONS}?{query}", {"act": "save-view", "name": "Our east", **sent}, follow=True
    )


def test_a_view_is_saved_opened_replaced_and_deleted(client: Client, officer: User) -> None:
    make_organisation(public_name="Here", country="KE")
    save(client, "country=KE&p=3&kind=&export=")
    view = SavedView.objects.get()
    assert (view.query, view.owner, view.is_shared) == ("country=KE", officer, False)
    page = client.get(ORGANISATIONS).content.decode()
    assert f'href="{ORGANISATIONS}?country=KE"' in page
    assert "Our east" not in client.get(TERMS).content.decode()
    save(client, "country=KE&kind=ngo")
    assert SavedView.objects.get().query == "country=KE&kind=ngo"
    answer = client.post(ORGANISATIONS, {"act": "delete-view", "view": view.pk}, follow=True)
    assert words_of(answer) == ["“Our east” is deleted."]
    assert not SavedView.objects.exists()
    answer = client.post(ORGANISATIONS, {"act": "delete-view", "view": view.pk}, follow=True)
    assert words_of(answer) == ["This view is not there any more, or it is a colleague’s."]


def test_colleagues_see_what_is_shared_and_delete_nothing(client: Client, officer: User) -> None:
    save(client, is_shared="on")
    save(client, name="My own")
    colleague = Client()
    sign_in(colleague, make_staff(groups.TREASURERS))
    page = colleague.get(ORGANISATIONS).content.decode()
    assert "Our east" in page
    assert "My own" not in page
    view = SavedView.objects.get(name="Our east")
    colleague.post(ORGANISATIONS, {"act": "delete-view", "view": view.pk})
    assert SavedView.objects.filter(pk=view.pk).exists()
    # Their own view of the same name is another one.
    save(colleague)
    assert SavedView.objects.filter(name="Our east").count() == 2


@pytest.mark.parametrize("name", ["", "x" * 61])
def test_a_view_needs_a_name_that_fits(client: Client, officer: User, name: str) -> None:
    assert words_of(save(client, name=name))
    assert not SavedView.objects.exists()


def test_a_view_that_is_too_long_is_refused(officer: User) -> None:
    with pytest.raises(ViewTooLong):
        saved_views.save("terms", name="x", is_shared=False, query="q" * 2001, by=officer)
    with pytest.raises(ViewGone):
        saved_views.delete(0, by=officer)
    assert saved_views.tidy(QueryDict("a=1&a=&p=2&b=&_w_filter_fragment=1&a=3")) == "a=1&a=3"


def test_a_name_is_shown_as_text(client: Client, officer: User) -> None:
    save(client, name="<b>x</b>")
    assert "<b>x</b>" not in client.get(ORGANISATIONS).content.decode()


@pytest.mark.parametrize("path", [ORGANISATIONS, TERMS, APPLICATIONS])
def test_a_list_is_filtered_in_place_and_downloaded_with_headings(
    client: Client, officer: User, path: str
) -> None:
    admitted_term()
    part = client.get(f"{path}results/", {"country": "MW", "_w_filter_fragment": "1"})
    assert b'name="chosen"' in part.content
    assert b"save-view" not in part.content
    assert client.get(path, {"export": "xlsx"}).status_code == 200
    heading = b"".join(client.get(path, {"export": "csv"})).decode().splitlines()[0]
    assert "." not in heading


# --- Chosen rows ----------------------------------------------------------------------------------


def test_chosen_rows_are_downloaded_without_formulas(client: Client, officer: User) -> None:
    chosen = make_organisation(public_name="=1+1")
    make_organisation(public_name="Other")
    answer = client.post(
        ORGANISATIONS, {"act": "export", "chosen": [chosen.pk, "x", "99999999999"]}
    )
    rows = list(csv.reader(io.StringIO(b"".join(answer).decode())))
    assert [row[0] for row in rows[1:]] == ["'=1+1"]
    answer = client.post(ORGANISATIONS, {"act": "export"}, follow=True)
    assert words_of(answer) == ["Choose at least one row."]


def test_applications_are_assigned_and_each_refusal_is_told(client: Client, officer: User) -> None:
    colleague = make_officer()
    own = submitted_application(by=colleague, public_name="Own")
    free = submitted_application(public_name="Free")
    draft = draft_application(public_name="Draft")
    answer = client.post(
        f"{APPLICATIONS}?country=MW",
        {
            "act": "assign",
            "assign-value": colleague.pk,
            "chosen": [own.pk, free.pk, draft.pk],
        },
        follow=True,
    )
    assert answer.redirect_chain == [(f"{APPLICATIONS}?country=MW", 302)]
    told = words_of(answer)
    assert told[0] == "1 application is assigned."
    assert told[1].startswith("Own: You applied yourself")
    assert len(told) == 2
    for application, hands in ((own, None), (free, colleague), (draft, None)):
        application.refresh_from_db()
        assert application.assigned_to == hands


def test_a_stranger_is_no_choice_and_nobody_is_one(client: Client, officer: User) -> None:
    free = reviewing.assign(submitted_application(), officer, by=officer)
    sent = {"act": "assign", "chosen": [free.pk], "assign-value": make_person().pk}
    answer = client.post(APPLICATIONS, sent, follow=True)
    assert words_of(answer) == ["Choose one of those that are offered."]
    client.post(APPLICATIONS, {**sent, "assign-value": ""})
    free.refresh_from_db()
    assert free.assigned_to is None


def test_who_only_reads_assigns_nothing(client: Client) -> None:
    sign_in(client, make_staff(groups.AUDITORS))
    free = submitted_application()
    page = client.get(APPLICATIONS).content.decode()
    assert "Download them as CSV" in page
    assert 'value="assign"' not in page
    answer = client.post(APPLICATIONS, {"act": "assign", "chosen": [free.pk], "assign-value": ""})
    assert answer.status_code == 403
    assert client.post(APPLICATIONS, {"act": "nonsense"}).status_code == 302
    assert Application.objects.get(pk=free.pk).assigned_to is None


def test_who_may_not_see_a_list_sends_nothing_to_it(client: Client) -> None:
    person = make_staff(groups.EDITORS)
    person.user_permissions.add(Permission.objects.get(codename="access_admin"))
    sign_in(client, person)
    row = make_organisation()
    for act in ("export", "save-view"):
        answer = client.post(ORGANISATIONS, {"act": act, "chosen": [row.pk], "name": "x"})
        assert answer.status_code in (302, 403)
        assert not getattr(answer, "streaming", False)
    assert not SavedView.objects.exists()


def test_a_list_takes_as_many_queries_for_many_rows_as_for_few(
    client: Client, officer: User
) -> None:
    def count(path: str) -> int:
        with CaptureQueriesContext(connection) as seen:
            assert client.get(path).status_code == 200
        return len(seen)

    def fill() -> None:
        for _number in range(4):
            admitted_term()
            submitted_application()

    fill()
    paths = (ORGANISATIONS, TERMS, APPLICATIONS)
    for path in paths:
        count(path)
    few = [count(path) for path in paths]
    fill()
    assert [count(path) for path in paths] == few


# --- Open invoices --------------------------------------------------------------------------------


def test_open_invoices_are_sent_again_once_a_day(client: Client, officer: User) -> None:
    contact = make_person("pays@example.org")
    term = admitted_term(by=contact)
    a_seat(term.organisation, contact)
    free = admitted_term(kind="ministry", tier="country", constituency="country")
    nothing = open_term()
    before = len(mails_to("pays@example.org"))
    sent = {"act": "resend", "chosen": [term.pk, free.pk, nothing.pk]}
    told = words_of(client.post(TERMS, sent, follow=True))
    assert told[0] == "1 invoice is sent again."
    assert (
        sorted(words.split(": ")[1] for words in told[1:])
        == ["No invoice asks for the dues of this term."] * 2
    )
    assert len(mails_to("pays@example.org")) == before + 1
    (again,) = words_of(client.post(TERMS, {**sent, "chosen": [term.pk]}, follow=True))
    assert "was sent again today already" in again
    assert len(mails_to("pays@example.org")) == before + 1
    assert ModelLogEntry.objects.filter(action="dues.resend_invoice").count() == 1


def test_an_auditor_sends_no_invoice(client: Client) -> None:
    sign_in(client, make_staff(groups.AUDITORS))
    answer = client.post(TERMS, {"act": "resend", "chosen": [admitted_term().pk]})
    assert answer.status_code == 403
    assert reverse("membership_terms:index") == TERMS
