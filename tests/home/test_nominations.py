"""Nomination: by anyone signed in, accepted by the person alone, decided by staff."""

import datetime
import uuid

import pytest
import time_machine
from allauth.account.models import EmailAddress
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from core.models import User
from home.evangelists import nominating, service
from home.evangelists.refusals import (
    AlreadyEvangelist,
    AlreadyNominated,
    AskedNotTo,
    NominationExpired,
    NominationWithdrawn,
    NotToDecide,
    NotYourOrganisation,
    NotYours,
    OtherAddress,
    OwnNomination,
    ReasonMissing,
    TermsNotAccepted,
    TooManyNominations,
)
from home.models import EvangelistPage, HomePage, Nomination, TermsAcceptance
from membership import seeds
from membership.models import Term
from portal import groups
from tests.factories.evangelists import (
    a_person,
    code_in,
    evangelist_of,
    letters_to,
    nominated,
    serving,
    terms_version,
)
from tests.factories.home import make_staff, sign_in
from tests.factories.membership import open_term
from tests.factories.seats import seated

State = Nomination.State
FORM = "/account/evangelist/nominate/"


def typed(**changes: str) -> dict[str, str]:
    return {
        "name": "Nomsa Example",
        "email": "new@example.org",
        "language": "en",
        "level": "technical",
        "reason": "Mended the reports of two provinces.",
        "form_token": str(uuid.uuid4()),
        **changes,
    }


def link_to(email: str = "new@example.org") -> str:
    """The path in the last letter to an address."""
    body = letters_to(email)[-1].body
    return next(
        "/" + line.split("/", 3)[3] for line in body.splitlines() if "/nominations/" in line
    )


# --- From the form to the profile -----------------------------------------------------------------


def test_from_nomination_to_a_profile_of_ones_own(site: HomePage, client: Client) -> None:
    version = terms_version()
    sign_in(client, a_person(first_name="Grace", last_name="Banda"))
    answer = client.post(FORM, typed(), follow=True)
    assert "We wrote to new@example.org." in answer.content.decode()
    (letter,) = letters_to("new@example.org")
    assert "Grace Banda nominates you" in letter.body
    # Strangers get this letter: nothing that was typed is in it.
    assert "Nomsa" not in letter.body
    assert "provinces" not in letter.body

    nomsa = Client()
    assert "sign in" in nomsa.get(link_to()).content.decode()
    sign_in(nomsa, a_person("new@example.org"))
    shown = nomsa.get(link_to()).content.decode()
    assert "Mended the reports of two provinces." in shown
    nomination = Nomination.objects.get()
    assert nomination.state == State.INVITED  # Reading it changed nothing.

    without = nomsa.post(link_to(), {"act": "accept", "version": version})
    assert "Tick the box to go on." in without.content.decode()
    nomsa.post(link_to(), {"act": "accept", "version": version, "accepts": "on"})
    nomination.refresh_from_db()
    assert nomination.state == State.WAITING
    accepted = TermsAcceptance.objects.get()
    assert (accepted.person.email, accepted.version_id) == ("new@example.org", version)

    nominating.approve(nomination, by=make_staff(groups.MODERATORS))

    page = EvangelistPage.objects.get(person=accepted.person, alias_of=None)
    assert (page.title, page.level, page.live) == ("Nomsa Example", "technical", False)
    assert service.of(evangelist_of(page)).is_current
    assert EvangelistPage.objects.filter(translation_key=page.translation_key).count() == 3
    assert letters_to("new@example.org")[-1].subject == "You are an evangelist of OpenLMIS"
    assert 'value="Nomsa Example"' in nomsa.get("/account/evangelist/").content.decode()
    # Not public before staff approve what she writes.
    assert client.get(page.url).status_code == 404


def test_whoever_nominates_themself_goes_straight_to_the_answer(
    site: HomePage, client: Client
) -> None:
    terms_version()
    me = sign_in(client, a_person("me@example.org"))
    assert 'value="me@example.org"' in client.get(f"{FORM}?as=self").content.decode()
    answer = client.post(FORM, typed(email="me@example.org"), follow=True)
    assert "You put yourself forward: Technical level." in answer.content.decode()
    assert letters_to("me@example.org") == []
    nomination = Nomination.objects.get()
    assert nomination.nominated_by == me
    with pytest.raises(TermsNotAccepted):
        nominating.accept(nomination, by=me, version_id=None)


def test_the_code_opens_the_answer_for_whoever_has_another_address(
    site: HomePage, client: Client
) -> None:
    version = terms_version()
    nominated(a_person())
    link, code = link_to(), code_in(letters_to("new@example.org")[0])
    other = sign_in(client, a_person("other@example.org"))
    shown = client.get(link).content.decode()
    assert "went to another address" in shown
    assert "new@example.org" not in shown
    assert "Trained forty stores" not in shown
    client.post(link, {"act": "accept", "version": version, "accepts": "on"})
    assert Nomination.objects.get().state == State.INVITED

    wrong = client.post("/account/evangelist/nominations/code/", {"code": "AAAA-AAAA"})
    assert "no open nomination with this code" in wrong.content.decode()
    client.post("/account/evangelist/nominations/code/", {"code": code.lower()})
    client.post(link, {"act": "accept", "version": version, "accepts": "on"})
    assert Nomination.objects.get().accepted_by == other


def test_codes_cannot_be_tried_for_ever(site: HomePage, client: Client) -> None:
    sign_in(client, a_person())
    for _time in range(10):
        client.post("/account/evangelist/nominations/code/", {"code": "AAAA-AAAA"})
    answer = client.post("/account/evangelist/nominations/code/", {"code": "AAAA-AAAA"})
    assert answer.status_code == 429


def test_saying_no_keeps_the_person_in_peace_for_half_a_year(
    site: HomePage, client: Client
) -> None:
    nominated(a_person())
    sign_in(client, a_person("new@example.org"))
    client.post(link_to(), {"act": "refuse"})
    assert Nomination.objects.get().state == State.REFUSED
    with pytest.raises(AskedNotTo):
        nominated(a_person())
    with time_machine.travel(timezone.now() + datetime.timedelta(days=181)):
        assert nominated(a_person()).state == State.INVITED


def test_a_changed_link_finds_nothing(site: HomePage, client: Client) -> None:
    nominated(a_person())
    assert client.get(link_to()[:-2] + "x/").status_code == 404


def test_an_invitation_expires_and_can_be_made_anew(site: HomePage, client: Client) -> None:
    first = nominated(a_person())
    person = a_person("new@example.org")
    link = link_to()
    with time_machine.travel(timezone.now() + datetime.timedelta(days=30, minutes=1)):
        assert first.state == State.EXPIRED
        with pytest.raises(NominationExpired):
            nominating.accept(first, by=person, version_id=terms_version())
        assert client.get(link).status_code == 410
        assert nominated(a_person()).state == State.INVITED
    first.refresh_from_db()
    assert first.state == State.WITHDRAWN


def test_a_nomination_is_withdrawn_by_who_made_it_alone(site: HomePage, client: Client) -> None:
    by = a_person()
    nomination = nominated(by)
    sign_in(client, a_person())
    address = f"/account/evangelist/nominations/{nomination.public_id}/withdraw/"
    assert client.post(address).status_code == 404
    with pytest.raises(NotYours):
        nominating.withdraw(nomination, by=a_person())
    maker = Client()
    sign_in(maker, by)
    maker.post(address)
    with pytest.raises(NominationWithdrawn):
        nominating.accept(nomination, by=a_person("new@example.org"), version_id=terms_version())


# --- Limits ---------------------------------------------------------------------------------------


def test_one_person_is_nominated_once_at_a_time(site: HomePage) -> None:
    nominated(a_person())
    with pytest.raises(AlreadyNominated):
        nominated(a_person(), email="New@example.org")
    with pytest.raises(IntegrityError), transaction.atomic():
        Nomination.objects.create(
            nominated_by=a_person(),
            email="new@example.org",
            level="donor",
            code_hash="x",
            language="en",
            expires_at=timezone.now(),
        )


def test_an_evangelist_is_not_nominated_whatever_address_is_typed(site: HomePage) -> None:
    page = serving()
    assert page.person is not None
    EmailAddress.objects.create(user=page.person, email="second@example.org", verified=True)
    for email in (page.person.email.upper(), "second@example.org"):
        with pytest.raises(AlreadyEvangelist):
            nominated(a_person(), email=email)


def test_five_a_day_and_no_more(site: HomePage) -> None:
    by = a_person()
    for number in range(5):
        nominated(by, f"new-{number}@example.org")
    with pytest.raises(TooManyNominations):
        nominated(by, "one-more@example.org")


def test_in_the_name_of_a_member_organisation_by_who_has_a_seat_there(
    site: HomePage, client: Client
) -> None:
    seat = seated(public_name="Clinic Stock")
    assert list(nominating.represented_by(seat.person)) == []
    seeds.load()
    term = open_term(seat.organisation, starts_on=timezone.localdate())
    Term.objects.filter(pk=term.pk).update(settled_on=timezone.localdate())
    with pytest.raises(NotYourOrganisation):
        nominated(a_person(), organisation=seat.organisation)
    nominated(seat.person, organisation=seat.organisation)
    assert "in the name of Clinic Stock" in letters_to("new@example.org")[0].body


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("name", "", "Write the person’s name."),
        ("email", "nobody", "Write the address like name@example.org."),
        ("reason", "", "Write the reason."),
        ("level", "king", "king is not one of the available choices"),
    ],
)
def test_each_field_says_what_is_wrong_and_keeps_what_was_typed(
    site: HomePage, client: Client, field: str, value: str, sentence: str
) -> None:
    sign_in(client, a_person())
    page = client.post(FORM, typed(**{"reason": "Kept words.", field: value})).content.decode()
    assert sentence in page
    assert "Kept words." in page or field == "reason"
    assert not Nomination.objects.exists()


def test_who_is_not_signed_in_nominates_nobody(client: Client, site: HomePage) -> None:
    assert client.post(FORM, typed()).status_code == 302
    assert not Nomination.objects.exists()


# --- Staff ----------------------------------------------------------------------------------------


def waiting(by: User | None = None) -> Nomination:
    nomination = nominated(by or a_person())
    person = a_person("new@example.org")
    return nominating.accept(nomination, by=person, version_id=terms_version())


def test_nobody_approves_their_own_nomination(site: HomePage) -> None:
    maker = make_staff(groups.MODERATORS)
    nomination = waiting(maker)
    with pytest.raises(OwnNomination):
        nominating.approve(nomination, by=maker)
    person = nomination.accepted_by
    assert person is not None
    person.groups.set(maker.groups.all())
    with pytest.raises(OwnNomination):
        nominating.approve(nomination, by=User.objects.get(pk=person.pk))
    with pytest.raises(NotToDecide):
        nominating.approve(nomination, by=make_staff(groups.EDITORS))
    with pytest.raises(IntegrityError), transaction.atomic():
        Nomination.objects.filter(pk=nomination.pk).update(
            decided_by=maker, decided_at=timezone.now()
        )


def test_staff_decline_with_a_reason_that_the_person_reads(site: HomePage) -> None:
    nomination = waiting()
    bob = make_staff(groups.MODERATORS)
    with pytest.raises(ReasonMissing):
        nominating.decline(nomination, by=bob, reason="  ")
    nominating.decline(nomination, by=bob, reason="We know too little of your work.")
    nomination.refresh_from_db()
    assert nomination.state == State.DECLINED
    assert "We know too little of your work." in letters_to("new@example.org")[-1].body
    assert not EvangelistPage.objects.exists()


def test_somebody_else_s_account_does_not_accept(site: HomePage) -> None:
    nomination = nominated(a_person())
    with pytest.raises(OtherAddress):
        nominating.accept(nomination, by=a_person(), version_id=terms_version())
    unproved = a_person("else@example.org")
    EmailAddress.objects.create(user=unproved, email="new@example.org", verified=False)
    with pytest.raises(OtherAddress):
        nominating.accept(nomination, by=unproved, version_id=terms_version(), code="AAAA-AAAA")


# --- Handing over ---------------------------------------------------------------------------------


def test_an_evangelist_hands_over_and_the_page_leads_to_who_follows(
    site: HomePage, client: Client
) -> None:
    old = serving(title="Alice Example", countries=["MW"])
    sign_in(client, old.person)
    form = client.get(f"{FORM}?as=successor").content.decode()
    assert 'value="Malawi"' in form
    client.post(f"{FORM}?as=successor", typed(follows_in="Malawi"))
    nomination = Nomination.objects.get()
    assert nomination.successor_of == old.evangelist
    person = a_person("new@example.org")
    nominating.accept(nomination, by=person, version_id=terms_version())
    new = nominating.approve(nomination, by=make_staff(groups.MODERATORS))

    assert "Nomsa Example" not in client.get(old.url).content.decode()  # a draft is nowhere
    page = EvangelistPage.objects.get(evangelist=new, alias_of=None)
    page.get_latest_revision().publish()
    shown = client.get(old.url).content.decode()
    assert "Follows for Malawi" in shown
    assert page.url in shown
    assert "Nomsa Example" in client.get(f"/fr{page.url}").content.decode()


def test_nobody_names_a_successor_for_somebody_else(site: HomePage, client: Client) -> None:
    old = serving()
    with pytest.raises(NotYours):
        nominated(a_person(), successor_of=old.evangelist)
    sign_in(client, a_person())
    client.post(f"{FORM}?as=successor", typed())
    assert Nomination.objects.get().successor_of is None
