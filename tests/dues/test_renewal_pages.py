"""What the people of an organisation see of the end of its term, and joining again."""

import datetime
from typing import Any

import pytest
from django.test import Client
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.dues import renewal
from funding.ledger.models import Pool
from membership import terms
from membership.models import Organisation, Seat, Term
from tests.factories.membership import make_organisation, open_term
from tests.factories.pools import make_person

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]
AREA = "/account/membership/"


def member(ended: int) -> tuple[Organisation, User]:
    """An organisation whose paid term ended so many days ago, and its primary contact."""
    organisation, person = make_organisation(public_name="Shelf Systems"), make_person()
    Seat.objects.create(organisation=organisation, person=person, roles=["primary_contact"])
    today = timezone.localdate()
    term = open_term(
        organisation,
        starts_on=today - datetime.timedelta(days=ended + 200),
        ends_on=today - datetime.timedelta(days=ended),
    )
    with use_case():
        terms.settle(term, on=term.starts_on)
    renewal.run()
    return organisation, person


@pytest.fixture
def url_of() -> Any:
    return lambda organisation: f"{AREA}organisations/{organisation.slug}/join-again/"


def page(client: Client, person: User, path: str = AREA) -> str:
    client.force_login(person)
    return client.get(path, follow=True).content.decode()


def test_a_member_with_an_open_renewal_is_still_shown_as_current(
    foundation: Pool, client: Client
) -> None:
    _organisation, person = member(ended=-20)
    words = page(client, person)
    assert "The membership is current until" in words
    assert "so that the membership goes on without a gap" in words
    assert "Pay by card" in words


def test_in_grace_the_invoice_is_still_there_to_pay(foundation: Pool, client: Client) -> None:
    _organisation, person = member(ended=10)
    words = page(client, person)
    assert "still counts as a member until" in words
    assert "Pay by card" in words
    assert "Join again" not in words


def test_lapsed_it_joins_again_by_a_button(foundation: Pool, client: Client, url_of: Any) -> None:
    organisation, person = member(ended=40)
    url = url_of(organisation)
    assert url in page(client, person)
    words = page(client, person, url)
    assert "$250.00" in words
    assert organisation.terms.count() == 1  # reading changes nothing
    for _ in range(2):
        assert client.post(url).status_code == 303
    term = organisation.terms.get(starts_on=timezone.localdate())
    assert term.status(timezone.localdate()) == Term.Status.AWAITING_PAYMENT
    assert "Awaiting payment" in page(client, person)
    assert organisation.terms.count() == 2


def test_more_than_a_year_later_it_is_led_to_an_application(
    foundation: Pool, client: Client, url_of: Any
) -> None:
    organisation, person = member(ended=366)
    words = page(client, person)
    assert url_of(organisation) not in words
    assert "Apply again" in words
    assert "ended more than a year ago" in page(client, person, url_of(organisation))
    client.post(url_of(organisation))
    assert organisation.terms.count() == 1


def test_others_find_nothing_and_plain_members_do_nothing(
    foundation: Pool, client: Client, url_of: Any
) -> None:
    organisation, _person = member(ended=40)
    url, other = url_of(organisation), make_person()
    client.force_login(other)
    assert client.get(url).status_code == client.post(url).status_code == 404
    Seat.objects.create(organisation=organisation, person=other, roles=["member"])
    assert url not in page(client, other)
    client.post(url)
    assert organisation.terms.count() == 1
