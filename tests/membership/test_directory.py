"""The directory: filters, search, map, the page of a member, and the files to take home."""

import csv
import datetime
import io
import json
import re
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import connection
from django.test import Client
from django.test.utils import CaptureQueriesContext
from django.utils import timezone
from wagtail.images import get_image_model

from core.transactions import use_case
from funding.ledger.models import Pool
from membership import queries, terms
from membership.models import Organisation, Term, Tier
from tests.factories.membership import make_organisation, open_term
from tests.membership.test_profile import png

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation")]


def days_ago(days: int) -> datetime.date:
    return timezone.localdate() - datetime.timedelta(days=days)


def make_member(since: int = 10, tier: str = "implementer", **changes: Any) -> Organisation:
    """A member whose paid term began ``since`` days ago."""
    organisation = make_organisation(**changes)
    term = open_term(organisation, days_ago(since), tier=Tier.objects.get(code=tier))
    with use_case():
        terms.settle(term, on=days_ago(since))
    return organisation


def names(client: Client, address: str) -> list[str]:
    page = client.get(address)
    assert page.status_code == 200
    return [organisation.public_name for organisation in page.context["page_obj"]]


class TestFilters:
    @pytest.fixture(autouse=True)
    def members(self, foundation: Pool) -> None:
        make_member(public_name="Santé Élan", country="SN", legal_name="Société Élan SARL")
        make_member(public_name="Ministry", country="MW", constituency="country", tier="country")
        make_member(public_name="Shelf", country="MW")
        make_organisation(public_name="Nobody yet")

    @pytest.mark.parametrize(
        ("address", "found"),
        [
            ("/members/", ["Ministry", "Santé Élan", "Shelf"]),
            ("/members/?country=MW", ["Ministry", "Shelf"]),
            ("/members/?country=mw&constituency=implementer", ["Shelf"]),
            ("/members/?tier=country", ["Ministry"]),
            ("/members/?name=elan", ["Santé Élan"]),
            ("/members/?name=SANTE++%C3%A9l", ["Santé Élan"]),
            ("/members/?name=societe elan", ["Santé Élan"]),  # its legal name
            ("/members/?name=%25", []),
            ("/members/?name=%00", ["Ministry", "Santé Élan", "Shelf"]),
            ("/members/?since=1999", []),
            (
                "/members/?since=abcd&tier=x&country=%00&page=99",
                ["Ministry", "Santé Élan", "Shelf"],
            ),
            ("/members/?name=nobody", []),
        ],
    )
    def test_find(self, client: Client, address: str, found: list[str]) -> None:
        assert names(client, address) == found

    def test_by_the_year_of_joining(self, client: Client) -> None:
        year = days_ago(10).year
        assert len(names(client, f"/members/?since={year}")) == 3

    def test_are_links_that_keep_the_others_and_count(self, client: Client) -> None:
        page = client.get("/members/?country=MW&name=s").content.decode()
        assert 'href="/members/?constituency=country&amp;country=MW&amp;name=s"' in page
        assert re.search(r"Implementer</a>\s*<span[^>]*>1</span>", page)

    def test_map_counts_the_members_listed_by_country(self, client: Client) -> None:
        page = client.get("/members/")
        dots = {dot.name: dot.members for dot in page.context["dots"]}
        assert dots == {"Malawi": 2, "Senegal": 1}
        assert 'href="/members/?country=MW">Malawi</a></th><td class="num">2</td>' in (
            page.content.decode()
        )


def test_since_in_the_database_is_since_in_python() -> None:
    """`queries.member_since` and the annotation are one rule told twice."""
    first = make_member(since=800)
    term = open_term(first, days_ago(20))
    with use_case():
        terms.settle(term, on=days_ago(15))
    cancelled = make_member(since=20)
    Term.objects.filter(organisation=cancelled).update(
        cancelled_on=days_ago(-5), cancelled_reason="So", cancelled_by=_someone()
    )
    late = make_organisation()  # paid long after its first term ended, then again
    for begun, paid in ((900, 400), (30, 25)):
        term = open_term(late, days_ago(begun))
        with use_case():
            terms.settle(term, on=days_ago(paid))
    found = {row.pk: row.since for row in queries.listed(timezone.localdate())}
    assert found.keys() == {first.pk, cancelled.pk, late.pk}
    for organisation in Organisation.objects.filter(pk__in=found):
        assert found[organisation.pk] == queries.member_since(organisation)
    assert found[late.pk] == days_ago(25)


def _someone() -> int:
    from tests.factories.pools import make_person

    return make_person().pk


def asked(client: Client, address: str) -> int:
    client.get(address).getvalue()
    with CaptureQueriesContext(connection) as captured:
        client.get(address).getvalue()
    return len(captured)


@pytest.mark.parametrize("address", ["/members/", "/members/?name=body&page=2", "/members.json"])
def test_as_many_queries_for_many_members(client: Client, address: str) -> None:
    make_member()
    few = asked(client, address)
    tier = Tier.objects.get(code="implementer")
    bodies = Organisation.objects.bulk_create(
        Organisation(
            legal_name=f"A{n}", public_name=f"A{n}", sort_key=f"body a{n}", slug=f"a-{n}",
            kind="ngo", constituency="community", country="MW",
        )
        for n in range(200)
    )  # fmt: skip
    Term.objects.bulk_create(
        Term(
            organisation=body, tier=tier, starts_on=days_ago(5), ends_on=days_ago(-300), fee=0,
            currency="USD", settled_on=days_ago(5),
        )
        for body in bodies
    )  # fmt: skip
    assert asked(client, address) == few
    assert few <= 8


class TestTheFiles:
    def test_say_what_the_page_says(self, client: Client) -> None:
        organisation = make_member(
            public_name="=cmd|x", website="https://a.example.org", description="Words.",
        )  # fmt: skip
        Organisation.objects.filter(pk=organisation.pk).update(
            registration_agency="MW-RG", registration_number="7", description_fr="Mots."
        )
        answer = client.get("/members.json")
        (said,) = json.loads(answer.content)["members"]
        assert said["name"] == "=cmd|x"
        assert said["iati_identifier"] == "MW-RG-7"
        assert said["description"] == {"en": "Words.", "fr": "Mots."}
        assert said["member_since"] == days_ago(10).isoformat()
        assert said["tier"] == "implementer"
        lines = client.get("/members.csv").getvalue().decode("utf-8-sig")
        (row,) = csv.DictReader(io.StringIO(lines))
        assert row["name"] == "'=cmd|x"  # no spreadsheet runs it
        assert row["website"] == "https://a.example.org"
        assert row["description_fr"] == "Mots."

    def test_are_the_same_in_every_language(self, client: Client) -> None:
        make_member()
        assert client.get("/fr/members.json").content == client.get("/members.json").content

    def test_have_nobody_whose_term_lapsed(self, client: Client) -> None:
        make_member(since=500)
        assert json.loads(client.get("/members.json").content)["members"] == []

    def test_are_not_sent_again_until_something_changes(self, client: Client) -> None:
        organisation = make_member()
        etag = client.get("/members.json")["ETag"]
        assert client.get("/members.json", headers={"If-None-Match": etag}).status_code == 304
        Organisation.objects.filter(pk=organisation.pk).update(public_name="Other")
        assert client.get("/members.json", headers={"If-None-Match": etag}).status_code == 200


class TestWhatIsHidden:
    @pytest.fixture
    def shy(self) -> Organisation:
        organisation = make_member(
            website="https://secret.example.org", description="Hidden words."
        )
        logo = get_image_model().objects.create(
            title="Logo", file=ContentFile(png(), name="shy-logo.png")
        )
        Organisation.objects.filter(pk=organisation.pk).update(
            registration_agency="MW-RG", registration_number="4711", logo=logo,
            logo_approved=True,
        )  # fmt: skip
        return organisation

    def everywhere(self, client: Client, organisation: Organisation) -> str:
        addresses = (organisation.get_absolute_url(), "/members.json", "/members.csv", "/members/")
        return "".join(client.get(address).getvalue().decode() for address in addresses)

    SECRETS = ("secret.example.org", "Hidden words.", "4711", "shy-logo")

    def test_is_nowhere(self, client: Client, shy: Organisation) -> None:
        shown = self.everywhere(client, shy)
        assert all(secret in shown for secret in self.SECRETS)
        Organisation.objects.filter(pk=shy.pk).update(
            hidden_fields=["website", "description", "logo", "registration"]
        )
        hidden = self.everywhere(client, shy)
        assert [secret for secret in self.SECRETS if secret in hidden] == []

    def test_a_logo_that_nobody_approved_is_nowhere(
        self, client: Client, shy: Organisation
    ) -> None:
        Organisation.objects.filter(pk=shy.pk).update(logo_approved=False)
        assert "shy-logo" not in self.everywhere(client, shy)


def linked_data(page: str) -> Any:
    """What the page says of the member; beside it stands the way down to the page."""
    blocks = re.findall(r'<script type="application/ld\+json">(.*?)</script>', page, re.DOTALL)
    (found,) = [said for said in map(json.loads, blocks) if said["@type"] == "Organization"]
    return found


def test_the_page_of_a_member_tells_programs_what_it_is(client: Client) -> None:
    organisation = make_member(
        public_name="</script><b>Élan", website="https://a.example.org", country="SN"
    )
    said = linked_data(client.get(organisation.get_absolute_url()).content.decode())
    assert said["@type"] == "Organization"
    assert said["name"] == "</script><b>Élan"
    assert said["url"] == "https://a.example.org"
    assert said["address"]["addressCountry"] == "SN"
    assert said["memberOf"]["@type"] == "Organization"


def test_the_page_of_the_directory_leads_to_the_files(client: Client, foundation: Pool) -> None:
    page = client.get("/members/").content.decode()
    assert "/members.csv" in page
    assert "/members.json" in page
    assert "/members.json" in client.get("/open-data/").content.decode()
