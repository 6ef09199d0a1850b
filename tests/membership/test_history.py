"""History is written by the database, whatever road a change takes, and by nobody else."""

from collections.abc import Callable
from typing import Any

import pytest
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse

from core.transactions import use_case
from membership import seats, terms
from membership.merging import merge
from membership.models import (
    Organisation,
    OrganisationRecord,
    Seat,
    SeatRecord,
    SeatRole,
    TermRecord,
)
from portal import groups
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import make_organisation, may, open_term
from tests.factories.pools import make_person
from tests.factories.seats import a_seat, seated
from tests.membership.test_directory import days_ago

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site", "foundation")]


def told(organisation: Organisation, person: Any) -> list[tuple[list[str], bool]]:
    """The roles of a person there, one after the other, each with whether they stand."""
    found = SeatRecord.objects.filter(organisation=organisation, person=person).order_by("id")
    return [(record.roles, record.ends_at is None) for record in found]


def test_a_seat_s_roles_from_first_to_last() -> None:
    contact = seated("voting_representative")
    there, ada = contact.organisation, contact.person
    bob = a_seat(there).person
    seats.change_roles(there.seats.get(person=bob), ["voting_representative"], by=ada)
    seats.hand_over(there.seats.get(person=bob), by=ada)
    seats.leave(there, by=ada)

    assert told(there, ada) == [
        (["primary_contact", "voting_representative"], False),
        (["primary_contact"], False),
        (["member"], False),
    ]
    assert told(there, bob) == [
        (["member"], False),
        (["voting_representative"], False),
        (["primary_contact", "voting_representative"], True),
    ]
    times = SeatRecord.objects.filter(person=ada).order_by("id").values_list("begins_at", "ends_at")
    begun, ended = zip(*times, strict=True)
    assert begun[1:] == ended[:-1]
    first = SeatRecord.objects.filter(person=bob).earliest("id")
    assert first.begins_at == there.seats.get(person=bob).created_at


def test_staff_read_it_on_the_page_of_the_organisation(client: Client) -> None:
    contact = seated("voting_representative")
    heir = a_seat(contact.organisation)
    seats.hand_over(heir, by=contact.person)
    seats.leave(contact.organisation, by=contact.person)
    sign_in(client, make_staff(groups.MEMBERSHIP_OFFICERS))
    page = client.get(
        reverse("membership_organisations:inspect", args=[contact.organisation_id])
    ).content.decode()
    assert "Seats and roles before" in page
    assert f"{contact.person}: Primary contact, Voting representative" in page
    assert f"{heir.person}: Member" in page


def test_a_merge_moves_the_seat_and_leaves_its_history() -> None:
    officer = may(make_person(is_staff=True), "change_organisation")
    gone, kept = seated("voting_representative"), make_organisation()
    term = open_term(gone.organisation)
    merge(kept, gone.organisation, by=officer, reason="One body")

    both = ["primary_contact", "voting_representative"]
    assert told(gone.organisation, gone.person) == [(both, False)]
    assert told(kept, gone.person) == [(both, True)]
    held = (
        TermRecord.objects.filter(term=term).order_by("id").values_list("organisation", "ends_at")
    )
    assert [(pk, end is None) for pk, end in held] == [
        (gone.organisation_id, False),
        (kept.pk, True),
    ]


def test_no_path_forgets_it() -> None:
    seat = seated()
    Seat.objects.filter(pk=seat.pk).update(roles=["primary_contact", "billing_contact"])
    Seat.objects.bulk_create(
        [Seat(organisation=seat.organisation, person=make_person(), roles=["member"])]
    )
    Seat.objects.exclude(pk=seat.pk).delete()
    Organisation.objects.filter(pk=seat.organisation_id).update(country="KE")

    assert SeatRecord.objects.filter(organisation=seat.organisation).count() == 3
    assert list(
        OrganisationRecord.objects.filter(organisation=seat.organisation_id)
        .order_by("id")
        .values_list("country", flat=True)
    ) == ["MW", "KE"]


def test_what_is_no_part_of_it_writes_nothing() -> None:
    organisation = make_organisation()
    term = open_term(organisation)
    organisation.description = "Other words"
    organisation.save()
    term.save()
    assert OrganisationRecord.objects.filter(organisation=organisation).count() == 1
    assert TermRecord.objects.filter(term=term).count() == 1


def test_facts_of_a_term_as_they_were_written_down() -> None:
    term = open_term(starts_on=days_ago(20))
    with use_case():
        terms.settle(term, on=days_ago(10))
        terms.unsettle(term, by=None, reason="It came back")
    facts = TermRecord.objects.filter(term=term).order_by("id").values_list("settled_on", flat=True)
    assert list(facts) == [None, days_ago(10), None]


@pytest.mark.parametrize("model", [OrganisationRecord, SeatRecord, TermRecord])
@pytest.mark.parametrize(
    "act",
    [
        lambda rows: rows.update(begins_at=rows.get().begins_at.replace(year=2001)),
        lambda rows: rows.update(ends_at=rows.get().begins_at),
        lambda rows: rows.delete(),
        lambda rows: rows.model.objects.bulk_create(
            [rows.model(**{**_values(rows.get()), "ends_at": rows.get().begins_at})]
        ),
    ],
    ids=["moved", "ended", "deleted", "invented"],
)
def test_nobody_writes_it_by_hand(model: Any, act: Callable[[Any], object]) -> None:
    organisation = make_organisation()
    a_seat(organisation, None, SeatRole.PRIMARY_CONTACT)
    open_term(organisation)
    rows = model.objects.filter(organisation=organisation)
    with pytest.raises(DatabaseError, match="history_stands"), transaction.atomic():
        act(rows)
    assert rows.get().ends_at is None


def _values(row: Any) -> dict[str, Any]:
    return {
        field.attname: getattr(row, field.attname)
        for field in row._meta.concrete_fields
        if not field.primary_key
    }
