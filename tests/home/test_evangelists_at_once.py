"""Two at the same moment, around evangelists: in a database of each test's own."""

import datetime
import uuid
from typing import Any

import pytest

from core.models import User
from core.transactions import use_case
from home.evangelists import confirming, contact, erasing, nominating
from home.evangelists.contact import Letter
from home.evangelists.refusals import ErasedAlready, NominationAnswered, TooManyMessages
from home.models import Confirmation, ContactMessage, EvangelistPage, Nomination
from portal import groups
from tests.factories.evangelists import (
    a_person,
    evangelist_of,
    nominated,
    serving,
    terms_version,
    written_to,
)
from tests.factories.home import make_site, make_staff
from tests.races import together


@pytest.fixture
def page(committed_db: object) -> EvangelistPage:
    make_site()
    terms_version()
    return serving(days=(datetime.date.today() - datetime.timedelta(days=100),))


def test_two_buttons_are_one_word(page: EvangelistPage) -> None:
    version = terms_version()
    person, evangelist = page.person, evangelist_of(page)
    assert person is not None

    def press() -> Confirmation:
        return confirming.confirm(evangelist, by=person, version_id=version)

    assert {type(each) for each in together(press, press)} == {Confirmation}
    assert evangelist.confirmations.count() == 2


def test_a_form_sent_twice_is_one_nomination(page: EvangelistPage) -> None:
    by, token = a_person(), uuid.uuid4()
    offer = nominating.Offer("Nomsa", "new@example.org", "country", "Why", "en")

    def send() -> Nomination:
        return nominating.nominate(offer, by=by, form_token=token)

    assert {type(each) for each in together(send, send)} == {Nomination}
    assert Nomination.objects.count() == 1


def test_two_staff_approve_one_evangelist(page: EvangelistPage) -> None:
    nomination = nominated(a_person())
    person = a_person("new@example.org")
    nominating.accept(nomination, by=person, version_id=terms_version())
    officers = [make_staff(groups.MODERATORS), make_staff(groups.MODERATORS)]

    def approve(by: User) -> Any:
        return lambda: nominating.approve(nomination, by=by)

    results = together(*(approve(by) for by in officers))

    assert sum(isinstance(each, Exception) for each in results) == 1
    assert EvangelistPage.objects.filter(person=person, alias_of=None).count() == 1


def test_accepting_and_withdrawing_have_one_winner(page: EvangelistPage) -> None:
    by = a_person()
    nomination, person = nominated(by), a_person("new@example.org")
    version = terms_version()

    results = together(
        lambda: nominating.accept(nomination, by=person, version_id=version),
        lambda: nominating.withdraw(nomination, by=by),
    )

    refused = [each for each in results if isinstance(each, Exception)]
    assert len(refused) == 1
    nomination.refresh_from_db()
    assert nomination.state == (
        Nomination.State.WAITING
        if isinstance(refused[0], NominationAnswered)
        else Nomination.State.WITHDRAWN
    )


def test_a_message_is_sent_on_once(page: EvangelistPage) -> None:
    message = written_to(page)
    results = together(lambda: contact.send_on(message), lambda: contact.send_on(message))
    assert {type(each) for each in results} == {ContactMessage}
    from core.mailing.models import Delivery

    assert Delivery.objects.filter(template="evangelist_message").count() == 1


def test_the_limit_to_one_evangelist_holds_for_all_at_once(page: EvangelistPage) -> None:
    for number in range(contact.MOST_TO_ONE - 1):
        written_to(page, f"reader-{number}@example.org")

    def write(number: int) -> Any:
        letter = Letter("Rita", f"late-{number}@example.org", "Can you speak in May?", "en")
        return lambda: contact.write(evangelist_of(page), letter, form_token=uuid.uuid4())

    results = together(write(1), write(2), write(3))
    assert sum(isinstance(each, TooManyMessages) for each in results) == 2


def test_erasing_twice_is_once_and_leaves_no_half(page: EvangelistPage) -> None:
    evangelist, person = evangelist_of(page), page.person
    assert person is not None
    admin = make_staff(groups.ADMINISTRATORS)
    results = together(
        lambda: erasing.erase(evangelist, by=admin, reason="At their wish"),
        lambda: erasing.erase(evangelist, by=admin, reason="At their wish"),
    )
    assert sum(isinstance(each, ErasedAlready) for each in results) == 1, results
    assert not EvangelistPage.objects.filter(evangelist=evangelist).exists()
    with use_case():
        evangelist.refresh_from_db()
    assert evangelist.erased_at is not None
