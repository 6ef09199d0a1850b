"""Facts are confirmed by staff, the page says when, and what is due is listed."""

import datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import Locale, Page, PageLogEntry, Revision

from home.confirming import confirm
from home.confirming_pages import unconfirmed
from home.models import (
    CommunityPage,
    CommunityPerson,
    HomePage,
    Implementation,
    ImplementationMilestone,
)
from home.refusals import NotPublished, NotYoursToConfirm
from portal import groups
from tests.factories.home import (
    CommunityFactory,
    CountryFactory,
    EvangelistFactory,
    NewsFactory,
    make_staff,
    sign_in,
)


def age(page: Any, days: int) -> None:
    day = timezone.localdate() - datetime.timedelta(days=days)
    type(page).objects.filter(translation_key=page.translation_key).update(confirmed_on=day)


def text(client: Client, page: Any) -> str:
    return client.get(page.url).content.decode()


# --- Confirming -----------------------------------------------------------------------------------


def test_staff_confirm_a_page_from_its_own_button_and_readers_see_the_day(
    site: HomePage, client: Client
) -> None:
    page = CommunityFactory()
    assert "Nobody has confirmed these facts yet" in text(client, page)
    person = sign_in(client, make_staff(groups.MODERATORS))
    address = reverse("home_confirm", args=[page.pk])
    listed = client.get(reverse("wagtailadmin_explore", args=[page.get_parent().pk]))
    assert address in listed.content.decode()
    assert "Confirmed today" in client.get(address).content.decode()
    page.refresh_from_db()
    assert page.confirmed_on is None  # looking changes nothing

    client.post(address)

    today = timezone.localdate()
    page.refresh_from_db()
    assert (page.confirmed_on, page.confirmed_by) == (today, person)
    shown = text(client, page)
    assert f'Last confirmed on <time datetime="{today}">' in shown
    assert person.email not in shown
    assert "Nobody has confirmed" not in client.get(f"/fr{page.url}").content.decode()
    entry = PageLogEntry.objects.get(action="home.confirm")
    assert (entry.page_id, entry.user) == (page.pk, person)


def test_confirming_twice_a_day_is_one_line_in_the_log(site: HomePage) -> None:
    page, person = CommunityFactory(), make_staff(groups.MODERATORS)
    confirm(page, by=person)
    confirm(page, by=person)
    assert PageLogEntry.objects.filter(action="home.confirm").count() == 1


@pytest.mark.parametrize("group", [groups.EDITORS, groups.AUDITORS, groups.TREASURERS])
def test_who_may_not_publish_may_not_confirm(site: HomePage, client: Client, group: str) -> None:
    page, person = CommunityFactory(), make_staff(group)
    sign_in(client, person)
    address = reverse("home_confirm", args=[page.pk])

    assert client.post(address).status_code != 200
    page.refresh_from_db()
    assert page.confirmed_on is None
    with pytest.raises(NotYoursToConfirm):
        confirm(page, by=person)


def test_strangers_and_pages_without_facts_are_refused(site: HomePage, client: Client) -> None:
    page = CommunityFactory()
    client.post(reverse("home_confirm", args=[page.pk]))
    page.refresh_from_db()
    assert page.confirmed_on is None

    person = sign_in(client, make_staff(groups.MODERATORS))
    news = NewsFactory()
    client.post(reverse("home_confirm", args=[news.pk]))
    with pytest.raises(NotYoursToConfirm):
        confirm(news, by=person)
    assert client.get(reverse("home_confirm", args=[999_999])).status_code == 404


def test_what_nobody_can_read_is_not_confirmed(site: HomePage) -> None:
    page = CommunityFactory(live=False)
    with pytest.raises(NotPublished):
        confirm(page, by=make_staff(groups.MODERATORS))


def test_publishing_an_older_draft_keeps_the_day(site: HomePage) -> None:
    page = CommunityFactory()
    draft = page.save_revision()
    confirm(page, by=make_staff(groups.MODERATORS))

    Revision.objects.get(pk=draft.pk).publish()

    page.refresh_from_db()
    assert page.confirmed_on == timezone.localdate()


def test_facts_older_than_a_year_are_said_to_be(site: HomePage, client: Client) -> None:
    page = CountryFactory()
    age(page, 365)
    assert "Last confirmed on" in text(client, page)

    age(page, 366)

    assert "more than a year ago" in text(client, page)
    assert 'class="notice warning"' in text(client, page)


# --- The report -----------------------------------------------------------------------------------


def test_the_report_lists_what_is_due_once_whatever_its_languages(
    site: HomePage, client: Client
) -> None:
    never, old, fresh = (CommunityFactory(title=name) for name in ("Never", "Old", "Fresh"))
    CommunityFactory(title="Draft", live=False)
    country = CountryFactory(title="Malawi")
    age(old, 400)
    age(fresh, 300)
    age(country, 500)

    assert [page.title for page in unconfirmed(Page.objects.all())] == ["Never", "Malawi", "Old"]

    sign_in(client, make_staff(groups.MODERATORS))
    listed = client.get(reverse("home_unconfirmed")).content.decode()
    assert reverse("home_confirm", args=[never.pk]) in listed
    assert reverse("home_confirm", args=[fresh.pk]) not in listed
    assert "Facts to confirm" in client.get(reverse("wagtailadmin_home")).content.decode()
    answer = client.get(reverse("home_unconfirmed"), {"export": "csv"})
    assert b"Never" in b"".join(answer.streaming_content)


def test_the_report_is_for_those_who_keep_pages(site: HomePage, client: Client) -> None:
    CommunityFactory(title="Never")
    sign_in(client, make_staff(groups.TREASURERS))
    assert "Never" not in client.get(reverse("home_unconfirmed"), follow=True).content.decode()


# --- People who link us ---------------------------------------------------------------------------


def test_people_who_link_us_are_named_with_their_page_or_their_consent(
    site: HomePage, client: Client
) -> None:
    ada = EvangelistFactory(title="Ada Example", is_example=True)
    page = CommunityFactory(
        people=[
            CommunityPerson(evangelist=ada, role="Keeps both"),
            CommunityPerson(name="Bao Namewell", role="Asks", agreed=True),
        ]
    )

    shown = text(client, page)
    assert f'href="{ada.url}">Ada Example<' in shown
    assert "Bao Namewell" in shown
    assert f'href="/fr{ada.url}"' in client.get(f"/fr{page.url}").content.decode()

    ada.get_translation(Locale.objects.get(language_code="fr")).unpublish()
    assert "Ada Example" not in client.get(f"/fr{page.url}").content.decode()
    ada.delete()
    assert "Ada Example" not in text(client, page)
    assert "Bao Namewell" in text(client, page)


def test_nobody_is_named_without_their_consent(site: HomePage) -> None:
    page = CommunityFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        CommunityPerson.objects.create(page=page, name="Bao", agreed=False)
    with pytest.raises(IntegrityError), transaction.atomic():
        CommunityPerson.objects.create(page=page)
    assert CommunityPage.objects.get(pk=page.pk).people.count() == 0


# --- Implementations by state, with milestones ----------------------------------------------------


def test_implementations_are_shown_by_state_with_milestones_and_a_map(
    site: HomePage, client: Client
) -> None:
    page = CountryFactory(
        slug="mw",
        implementations=[
            Implementation(system_name="One", state="running", source="Page one"),
            Implementation(system_name="Two", state="pilot", source="Page two"),
        ],
        milestones=[
            ImplementationMilestone(year=2019, what="All districts", source="Page three"),
            ImplementationMilestone(year=2017, month=12, what="Ten stores", source="Page one"),
        ],
    )

    listed = client.get("/implementations/").content.decode()
    assert "In use: 1; Being tried: 1." in listed
    assert "In use, Being tried" in listed
    assert listed.index("All districts") < listed.index("Ten stores")  # the latest first
    assert listed.count("<circle") == 1

    shown = text(client, page)
    assert '<span class="tag warning">Being tried</span>' in shown
    assert shown.index("December 2017") < shown.index("2019")  # in their order
    assert "Source: Page three" in shown


def test_a_milestone_has_a_month_of_the_year(site: HomePage) -> None:
    page = CountryFactory()
    with pytest.raises(IntegrityError), transaction.atomic():
        ImplementationMilestone.objects.create(page=page, year=2017, month=13, what="x", source="y")
