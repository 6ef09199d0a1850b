"""Agreements: put in force once, on a day of their own; accepted in words that never change."""

import datetime

import pytest
from django.db import DatabaseError, IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from funding.ledger.models import Pool
from membership import agreements
from membership.models import Acceptance, Agreement, AgreementVersion
from membership.refusals import DayTaken, NothingToAccept, VersionInForce
from tests.factories.membership import (
    admitted_term,
    make_officer,
    make_organisation,
    submitted_application,
)
from tests.factories.pools import make_person

pytestmark = pytest.mark.django_db


def tomorrow() -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=1)


def draft_version(label: str = "2.0", **changes: object) -> AgreementVersion:
    values: dict[str, object] = {
        "agreement": Agreement.objects.get(code="code-of-conduct"),
        "label": label,
        "text": "New words.",
        "effective_from": timezone.localdate(),
    }
    return AgreementVersion.objects.create(**{**values, **changes})


def test_a_version_counts_once_published_and_from_its_day_on(foundation: Pool) -> None:
    officer = make_officer()
    version = draft_version(effective_from=tomorrow())
    today = timezone.localdate()
    assert [row.label for row in agreements.required_versions(tomorrow())] == ["1.0"]

    agreements.publish(version, by=officer)
    assert [row.label for row in agreements.required_versions(today)] == ["1.0"]
    assert [row.label for row in agreements.required_versions(tomorrow())] == ["2.0"]
    entry = ModelLogEntry.objects.get(action="membership.publish_agreement", object_id=version.pk)
    assert entry.user == officer
    with pytest.raises(VersionInForce, match=r"Version 2\.0 is published"):
        agreements.publish(version, by=officer)


def test_two_versions_do_not_begin_on_one_day(foundation: Pool) -> None:
    agreements.publish(draft_version("2.0"), by=None)
    second = draft_version("2.1")
    with pytest.raises(DayTaken, match=r"Version 2\.0 of this agreement"):
        agreements.publish(second, by=None)
    with pytest.raises(IntegrityError, match="version_one_a_day"), transaction.atomic():
        AgreementVersion.objects.filter(pk=second.pk).update(published_at=timezone.now())


def test_a_label_names_one_version(foundation: Pool) -> None:
    with pytest.raises(IntegrityError, match="version_label_once"), transaction.atomic():
        draft_version("1.0")


def test_an_agreement_that_is_not_required_is_not_asked_for(foundation: Pool) -> None:
    Agreement.objects.create(code="brand", name="Use of the name", required=False)
    assert len(agreements.required_versions(timezone.localdate())) == 1
    Agreement.objects.filter(code="brand").update(required=True)
    with pytest.raises(NothingToAccept, match="Use of the name"):
        agreements.required_versions(timezone.localdate())


def test_what_an_applicant_accepted_is_found_at_the_organisation(foundation: Pool) -> None:
    alice = make_person()
    term = admitted_term(alice)
    (acceptance,) = agreements.accepted_by(term.organisation)
    assert (acceptance.person, acceptance.version.label) == (alice, "1.0")
    assert agreements.accepted_by(make_organisation()) == []


def test_the_database_keeps_one_acceptance_of_a_version_and_knows_for_whom(
    foundation: Pool,
) -> None:
    given = submitted_application().acceptances.get()
    facts = {"version": given.version, "person": given.person, "accepted_at": timezone.now()}
    organisation = make_organisation()
    Acceptance.objects.create(organisation=organisation, **facts)
    for constraint, whom in (
        ("acceptance_once_per_application", {"application": given.application}),
        ("acceptance_once_per_organisation", {"organisation": organisation}),
        ("acceptance_is_for_someone", {}),
    ):
        with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
            Acceptance.objects.create(**facts, **whom)


def test_a_draft_may_be_rewritten_and_thrown_away_and_published_words_may_not(
    foundation: Pool,
) -> None:
    version = draft_version()
    version.text = "Better words."
    version.save()
    agreements.publish(version, by=None)
    version.refresh_from_db()
    version.text = "Other words."
    with pytest.raises(DatabaseError, match="Cannot update or delete"), transaction.atomic():
        version.save()
    draft_version("3.0").delete()


# --- The page of a version ------------------------------------------------------------------------


def test_published_words_stay_readable_and_lead_to_the_newer_ones(
    foundation: Pool, client: Client
) -> None:
    first = AgreementVersion.objects.get(label="1.0")
    address = reverse("agreement", args=[first.pk])
    assert "A newer version" not in client.get(address).content.decode()

    newer = agreements.publish(draft_version(), by=None)
    page = client.get(address).content.decode()
    assert "Harassment, threats and insults" in page
    assert "A newer version of this text is in force." in page
    assert reverse("agreement", args=[newer.pk]) in page


def test_a_draft_has_no_page(foundation: Pool, client: Client) -> None:
    assert client.get(reverse("agreement", args=[draft_version().pk])).status_code == 404


def test_the_french_words_are_shown_to_who_reads_french_and_else_the_english_ones(
    foundation: Pool, client: Client
) -> None:
    first = AgreementVersion.objects.get(label="1.0")
    address = reverse("agreement", args=[first.pk])
    assert "Une place pour chaque voix" in client.get(f"/fr{address}").content.decode()
    assert "Lugar para cada voz" in client.get(f"/pt{address}").content.decode()
    without = agreements.publish(draft_version(), by=None)
    page = client.get(f"/fr/join/agreements/{without.pk}/").content.decode()
    assert '<div class="prose" lang="en" dir="ltr">' in page
    assert "New words." in page
