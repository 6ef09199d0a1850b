"""Who has a voice, in public and without names; and the register of staff, with its exports."""

import csv
import hashlib
import io
import json
import re
from typing import Any

import pytest
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.urls import reverse

from core.models import User
from membership import seats
from membership.models import Organisation
from portal import groups
from tests.factories.history import days_pass
from tests.factories.home import make_staff, sign_in
from tests.factories.pools import make_person
from tests.factories.seats import a_seat
from tests.membership.test_directory import days_ago, make_member

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site", "foundation")]
PAGE = "/members/voice/"
REGISTER = "/admin/members/voting-register/"


def a_voter(organisation: Organisation, name: str = "Vera") -> User:
    person = make_person(first_name=name, last_name="Voter")
    a_seat(organisation, person, "primary_contact", "voting_representative")
    return person


def figures(page: Any) -> tuple[int, int]:
    register = page.context["register"]
    return len(register.votes), register.held


class TestInPublic:
    def test_says_who_has_how_many_votes_and_names_nobody(self, client: Client) -> None:
        a_voter(make_member(country="KE", constituency="country", tier="country"))
        make_member(country="MW")
        page = client.get(PAGE)
        text = page.content.decode()
        assert figures(page) == (2, 1)
        assert "50.0 %" in text
        assert "Kenya" in text
        assert "Voter" not in text
        assert "@example.org" not in text
        directory = client.get("/members/").content.decode()
        assert f'href="{PAGE}"' in directory

    def test_of_a_day_before(self, client: Client) -> None:
        a_voter(make_member(since=30))
        days_pass(20)
        a_voter(make_member(since=3))
        assert figures(client.get(PAGE)) == (2, 2)
        assert figures(client.get(PAGE, {"on": days_ago(10).isoformat()})) == (1, 1)
        assert figures(client.get(PAGE, {"on": days_ago(31).isoformat()})) == (0, 0)

    @pytest.mark.parametrize(
        ("on", "words"),
        [
            (days_ago(-1).isoformat(), "still to come"),
            ("1999-12-31", "Choose a later day"),
            ("2026-02-30", "Write the day like"),
            ("31/03/2026", "Write the day like"),
            ("\0", "Write the day like"),
        ],
    )
    def test_a_day_that_is_none_shows_today_and_says_so(
        self, client: Client, on: str, words: str
    ) -> None:
        make_member()
        page = client.get(PAGE, {"on": on})
        assert page.status_code == 200
        assert figures(page) == (1, 0)
        assert words in page.content.decode()

    def test_no_day_is_today(self, client: Client) -> None:
        make_member()
        page = client.get(PAGE, {"on": ""})
        assert page.context["is_today"]
        assert not page.context["form"].errors

    def test_without_members(self, client: Client) -> None:
        assert "Nobody had a vote on this day" in client.get(PAGE).content.decode()

    def test_the_same_number_of_queries_however_many_members(self, client: Client) -> None:
        def queries() -> int:
            client.get(PAGE)
            with CaptureQueriesContext(connection) as captured:
                client.get(PAGE)
            return len(captured)

        a_voter(make_member())
        few = queries()
        for country in ("KE", "UG", "TZ", "SN"):
            a_voter(make_member(country=country))
        assert queries() == few

    def test_no_organisation_takes_its_address(self, client: Client) -> None:
        organisation = make_member(public_name="Voice")
        assert organisation.slug == "voice-2"
        assert client.get(organisation.get_absolute_url()).status_code == 200


@pytest.fixture
def officer(client: Client) -> User:
    person = make_staff(groups.MEMBERSHIP_OFFICERS)
    sign_in(client, person)
    return person


@pytest.mark.usefixtures("officer")
class TestOfStaff:
    def test_names_who_holds_and_whom_to_ask(self, client: Client) -> None:
        vera = a_voter(make_member(public_name="Shelf"))
        make_member(public_name="Rack", constituency="technical")
        a_seat(make_member(public_name="Box"), None, "primary_contact")
        page = client.get(REGISTER)
        text = page.content.decode()
        assert vera.email in text
        assert page.context["register"].digest in text
        assert [row["vote"].name for row in page.context["rows"]] == ["Box", "Rack", "Shelf"]
        only = client.get(REGISTER, {"vacant": "on", "constituency": "technical"})
        assert [row["vote"].name for row in only.context["rows"]] == ["Rack"]

    def test_a_vacant_vote_names_the_primary_contact_of_today(self, client: Client) -> None:
        contact = a_seat(make_member(), None, "primary_contact").person
        text = client.get(REGISTER, {"vacant": "on"}).content.decode()
        assert f"primary contact today: {contact} ({contact.email})" in re.sub(r"\s+", " ", text)

    def test_csv_of_all_whatever_is_shown(self, client: Client) -> None:
        vera = a_voter(make_member(public_name="=cmd|x", country="KE"), name="=1+1")
        make_member(public_name="Rack")
        answer = client.get(REGISTER, {"export": "csv", "vacant": "on"})
        rows = list(csv.DictReader(io.StringIO(answer.content.decode("utf-8-sig"))))
        assert [(row["name"], row["vote"], row["holder"]) for row in rows] == [
            ("'=cmd|x", "held", str(vera.pk)),
            ("Rack", "vacant", ""),
        ]
        assert rows[0]["holder_name"] == "'=1+1 Voter"
        assert rows[0]["holder_email"] == vera.email
        assert "no-store" in answer["Cache-Control"]

    def test_csv_says_until_when_it_was_known_and_its_hash(self, client: Client) -> None:
        """By its rows alone it is drawn again, as by the JSON."""
        heir = a_seat(first := make_member(since=30))
        vera = a_voter(first)
        make_member(public_name="Rack")
        whole = json.loads(client.get(REGISTER, {"export": "json"}).content)
        text = client.get(REGISTER, {"export": "csv", "known": whole["known_until"]}).content
        rows = list(csv.DictReader(io.StringIO(text.decode("utf-8-sig"))))
        assert len(rows) == 2
        assert {row["sha256"] for row in rows} == {whole["sha256"]}
        assert {row["known_until"] for row in rows} == {whole["known_until"]}
        seats.change_roles(heir, ["voting_representative"], by=vera)
        again = client.get(REGISTER, {"export": "csv", "known": rows[0]["known_until"]})
        assert again.content == text

    def test_json_holds_the_hash_and_what_it_is_of(self, client: Client) -> None:
        """Anybody can reckon the hash from the file."""
        a_voter(make_member(public_name="Élan"))
        make_member(public_name="Rack")
        answer = client.get(REGISTER, {"export": "json"})
        found = json.loads(answer.content)
        columns = ("organisation", "name", "constituency", "country", "holder")
        votes = sorted(found["votes"], key=lambda vote: vote["organisation"])
        content = [found["day"], [[vote[column] for column in columns] for vote in votes]]
        text = json.dumps(content, ensure_ascii=False, separators=(",", ":"))
        assert hashlib.sha256(text.encode()).hexdigest() == found["sha256"]
        assert found["sha256"][:12] in answer["Content-Disposition"]

    def test_an_export_is_drawn_again_as_it_was(self, client: Client) -> None:
        first = make_member(since=30)
        vera = a_voter(first)
        heir = a_seat(first)
        before = json.loads(client.get(REGISTER, {"export": "json"}).content)
        seats.change_roles(heir, ["voting_representative"], by=vera)
        now = json.loads(client.get(REGISTER, {"export": "json"}).content)
        again = client.get(REGISTER, {"export": "json", "known": before["known_until"]})
        assert now["sha256"] != before["sha256"]
        assert json.loads(again.content) == before

    def test_a_day_that_is_none_exports_nothing(self, client: Client) -> None:
        make_member()
        answer = client.get(REGISTER, {"export": "csv", "on": days_ago(-1).isoformat()})
        assert answer["Content-Type"].startswith("text/html")
        assert "still to come" in answer.content.decode()
        answer = client.get(REGISTER, {"export": "csv", "known": "soon"})
        assert "Write the moment as the export has it." in answer.content.decode()

    def test_pages_and_a_fixed_number_of_queries(
        self, client: Client, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def queries() -> int:
            client.get(REGISTER)
            with CaptureQueriesContext(connection) as captured:
                client.get(REGISTER)
            return len(captured)

        monkeypatch.setattr("membership.voting_backoffice.PER_PAGE", 3)
        a_voter(make_member())
        make_member()
        few = queries()
        for number in range(5):
            a_voter(make_member(public_name=f"M{number}"))
        assert queries() == few
        page = client.get(REGISTER, {"page": "3"})
        assert len(page.context["rows"]) == 1
        assert "Page 3 of 3" in page.content.decode()


@pytest.mark.parametrize(
    ("group", "reads"),
    [(groups.TREASURERS, True), (groups.AUDITORS, True), (groups.EDITORS, False)],
)
def test_who_may_read_the_register(client: Client, group: str, reads: bool) -> None:
    vera = a_voter(make_member())
    sign_in(client, make_staff(group))
    for query in ({}, {"export": "csv"}, {"export": "json"}):
        answer = client.get(REGISTER, query)
        assert (answer.status_code == 200) == reads
        assert (vera.email in answer.content.decode()) == reads
    home = client.get(reverse("wagtailadmin_home")).content.decode()
    assert ("voting-register" in home) == reads
