"""A person wishes to be forgotten: what names them goes, what the public counts stays."""

import datetime

import pytest
from django.db import connection
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.images.models import Image
from wagtail.images.tests.utils import get_test_image_file
from wagtail.models import ModelLogEntry, PageLogEntry, Revision

from core.jobs.testing import run_pending_jobs
from core.models import User
from home.evangelists import activities, confirming, contact, erasing, nominating
from home.evangelists.refusals import ErasedAlready, NotToErase, NotYours
from home.models import ContactMessage, Evangelist, EvangelistPage, HomePage, Nomination
from portal import groups
from tests.factories.evangelists import (
    a_person,
    an_activity,
    evangelist_of,
    letters_to,
    nominated,
    serving,
    terms_version,
    written_to,
)
from tests.factories.home import make_staff, sign_in
from tests.home.test_evangelist_profile import typed

NAME = "Zebedee Quillfeather"


def whole_database() -> str:
    """Every text in every table, but for the person's account and who signed in."""
    with connection.cursor() as cursor:
        cursor.execute("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
        tables = [row[0] for row in cursor.fetchall()]
        found = []
        for table in tables:
            if table in ("core_user", "account_emailaddress", "django_session"):
                continue
            cursor.execute(f'SELECT "{table}"::text FROM "{table}"')
            found += [f"{table}: {row[0]}" for row in cursor.fetchall()]
    return "\n".join(found)


@pytest.fixture
def page(site: HomePage, client: Client) -> EvangelistPage:
    """An evangelist with everything: nomination, versions, picture, activity, message."""
    nomination = nominated(a_person(), "zebedee@example.org", name=NAME, reason=f"{NAME} is good")
    person = a_person("zebedee@example.org", first_name="Zebedee", last_name="Quillfeather")
    nominating.accept(nomination, by=person, version_id=terms_version())
    nominating.approve(nomination, by=make_staff(groups.MODERATORS))
    sign_in(client, person)
    client.post("/account/evangelist/", typed(title=NAME, bio=f"{NAME} wrote this."))
    found = EvangelistPage.objects.get(person=person, alias_of=None)
    draft = found.get_latest_revision_as_object()
    draft.photo = Image.objects.create(title="A face", file=get_test_image_file())
    draft.save_revision().publish()
    an_activity(found, title=f"Talk of {NAME}", link="https://example.org/quillfeather", reached=42)
    contact.send_on(written_to(found))
    run_pending_jobs()
    assert whole_database().count(NAME) > 5
    return EvangelistPage.objects.get(pk=found.pk)


def test_nothing_names_the_person_any_more_and_the_numbers_stay(
    page: EvangelistPage, client: Client
) -> None:
    evangelist = evangelist_of(page)
    before = activities.figures().total
    certificate = reverse("evangelist_certificate", args=[evangelist.code])
    url = page.url
    form = client.get("/account/evangelist/erase/").content.decode()
    assert "deleted for good" in form
    assert EvangelistPage.objects.filter(evangelist=evangelist).exists()  # Reading changed nothing.
    without = client.post("/account/evangelist/erase/").content.decode()
    assert "Tick the box to go on." in without

    client.post("/account/evangelist/erase/", {"sure": "on"})

    left = whole_database()
    assert NAME not in left, [row for row in left.splitlines() if NAME in row][:5]
    assert "quillfeather" not in left.lower()
    assert activities.figures().total == before
    assert not EvangelistPage.objects.filter(evangelist=evangelist).exists()
    assert not Revision.objects.filter(object_id=str(page.pk)).exists()
    assert not Image.objects.exists()
    assert not ContactMessage.objects.exists()
    for address in (url, f"/fr{url}"):
        assert Client().get(address).status_code == 404
    checked = Client().get(certificate).content.decode()
    assert "This certificate is withdrawn." in checked
    entry = ModelLogEntry.objects.get(action="home.erase_evangelist")
    assert entry.user is not None
    assert entry.user.email == "zebedee@example.org"
    assert PageLogEntry.objects.filter(page_id=page.pk).exists()
    # The account is another matter: it stays.
    assert User.objects.filter(email="zebedee@example.org").exists()


def test_a_picture_that_others_use_stays(page: EvangelistPage) -> None:
    other = serving(title="Somebody else", photo=page.photo)
    assert page.person is not None
    erasing.erase(evangelist_of(page), by=page.person)
    assert Image.objects.get() == EvangelistPage.objects.get(pk=other.pk).photo


def test_the_person_and_an_administrator_erase_and_nobody_else(site: HomePage) -> None:
    page = serving()
    for person in (a_person(), make_staff(groups.MODERATORS), serving().person):
        assert person is not None
        with pytest.raises(NotToErase):
            erasing.erase(evangelist_of(page), by=person)
    admin = make_staff(groups.ADMINISTRATORS)
    erasing.erase(evangelist_of(page), by=admin, reason="By letter of 3 May")
    with pytest.raises(ErasedAlready):
        erasing.erase(evangelist_of(page), by=admin)
    entry = ModelLogEntry.objects.get(action="home.erase_evangelist")
    assert entry.data == {"reason": "By letter of 3 May"}


def test_whoever_is_erased_gets_no_letters_and_can_be_nominated_anew(site: HomePage) -> None:
    person = a_person("zebedee@example.org")
    page = serving(person=person, days=(datetime.date.today() - datetime.timedelta(days=364),))
    evangelist = evangelist_of(page)
    erasing.erase(evangelist, by=person)
    assert confirming.remind() == 0
    with pytest.raises(NotYours):
        confirming.confirm(evangelist, by=person)
    nomination = nominated(a_person(), "zebedee@example.org")
    nominating.accept(nomination, by=person, version_id=terms_version())
    again = nominating.approve(nomination, by=make_staff(groups.MODERATORS))
    assert again != Evangelist.objects.get(pk=evangelist.pk)
    assert letters_to("zebedee@example.org")


def test_a_wish_to_return_goes_with_the_person(site: HomePage) -> None:
    page = serving(days=(datetime.date(2020, 1, 1),))
    assert page.person is not None
    confirming.confirm(evangelist_of(page), by=page.person, version_id=terms_version())
    erasing.erase(evangelist_of(page), by=page.person)
    assert not confirming.returns().exists()


def test_nominations_that_led_nowhere_are_emptied_too(page: EvangelistPage) -> None:
    assert page.person is not None
    by = a_person()
    late = Nomination.objects.create(
        nominated_by=by,
        name=NAME,
        email="zebedee@example.org",
        level="donor",
        reason=f"{NAME} again",
        language="en",
        code_hash="x",
        expires_at=timezone.now(),
    )
    erasing.erase(evangelist_of(page), by=page.person)
    late.refresh_from_db()
    assert (late.name, late.email, late.state) == ("", "", Nomination.State.WITHDRAWN)
    assert NAME not in whole_database()


def test_a_predecessor_who_is_erased_leaves_only_a_number(site: HomePage, client: Client) -> None:
    old = serving(title=NAME)
    assert old.person is not None
    nomination = nominated(old.person, successor_of=old.evangelist, follows_in="Malawi")
    person = a_person("new@example.org")
    nominating.accept(nomination, by=person, version_id=terms_version())
    nominating.approve(nomination, by=make_staff(groups.MODERATORS))
    erasing.erase(evangelist_of(old), by=old.person)
    sign_in(client, make_staff(groups.MODERATORS))
    shown = client.get(reverse("home_nominations:inspect", args=[nomination.pk])).content.decode()
    assert NAME not in shown
