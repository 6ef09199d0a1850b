"""The log of talks and trainings: entered by the evangelist, added up for the public."""

import datetime
from typing import Any

import pytest
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone
from wagtail.models import ModelLogEntry

from home.evangelists import activities
from home.evangelists.refusals import (
    EnteredAlready,
    HiddenAlready,
    InTheFuture,
    NotCurrent,
    NotToDecide,
    NotYours,
    ReasonMissing,
    TooLongAgo,
    TooManyActivities,
)
from home.models import Activity, EvangelistPage, HomePage
from portal import groups
from tests.factories.evangelists import a_person, an_activity, evangelist_of, serving
from tests.factories.home import make_staff, sign_in

FORM = "/account/evangelist/activities/add/"


def values(**changes: Any) -> dict[str, Any]:
    return {
        "kind": "training",
        "held_on": timezone.localdate(),
        "title": "Stock cards",
        "country": "MW",
        "language": "en",
        "reached": 24,
        "link": "",
        **changes,
    }


def enter(page: EvangelistPage, **changes: Any) -> Activity:
    assert page.person is not None
    return activities.enter(evangelist_of(page), by=page.person, values=values(**changes))


def test_what_is_entered_stands_on_the_page_and_in_the_sums(site: HomePage, client: Client) -> None:
    page = serving()
    sign_in(client, page.person)
    assert '<option value="MW" selected>' in client.get(FORM).content.decode()
    client.post(FORM, values(link="example.org/slides"))
    client.post(FORM, values(title="Reports", reached=6, kind="talk"))

    shown = client.get(page.url).content.decode()
    assert "2 activities, 30 people reached." in shown
    assert 'href="https://example.org/slides"' in shown
    assert "1 activity" not in client.get("/account/evangelist/service/").content.decode()


@pytest.mark.parametrize(
    ("field", "value", "sentence"),
    [
        ("title", "", "This field is required"),
        ("reached", "0", "greater than or equal to 1"),
        ("reached", "20001", "less than or equal to 20000"),
        ("reached", "many", "Enter a whole number"),
        ("held_on", "", "This field is required"),
        ("held_on", "tomorrow", "Enter a valid date"),
        ("country", "Atlantis", "is not one of the available choices"),
        ("language", "xx", "is not one of the available choices"),
        ("link", "javascript:alert(1)", "Enter a valid URL"),
        ("kind", "party", "is not one of the available choices"),
    ],
)
def test_each_field_says_what_is_wrong(
    site: HomePage, client: Client, field: str, value: str, sentence: str
) -> None:
    sign_in(client, serving().person)
    page = client.post(FORM, values(**{field: value})).content.decode()
    assert sentence in page
    assert not Activity.objects.exists()


def test_only_what_has_happened_and_not_long_ago(site: HomePage) -> None:
    page = serving()
    today = timezone.localdate()
    with pytest.raises(InTheFuture):
        enter(page, held_on=today + datetime.timedelta(days=1))
    oldest = datetime.date(today.year - 10, 1, 1)
    with pytest.raises(TooLongAgo):
        enter(page, held_on=oldest - datetime.timedelta(days=1))
    assert enter(page, held_on=oldest).pk


def test_the_same_is_entered_once_and_twenty_a_day(site: HomePage) -> None:
    page = serving()
    enter(page)
    with pytest.raises(EnteredAlready):
        enter(page)
    for number in range(19):
        enter(page, title=f"Talk {number}")
    with pytest.raises(TooManyActivities):
        enter(page, title="One more")


def test_the_database_refuses_what_no_form_let_through(site: HomePage) -> None:
    activity = an_activity(serving())
    for changes in ({"reached": 0}, {"reached": 20_001}, {"hidden_at": timezone.now()}):
        with pytest.raises(IntegrityError), transaction.atomic():
            Activity.objects.filter(pk=activity.pk).update(**changes)


def test_an_alumnus_and_a_stranger_enter_nothing(site: HomePage, client: Client) -> None:
    old = serving(days=(datetime.date(2020, 1, 1),))
    with pytest.raises(NotCurrent):
        enter(old)
    with pytest.raises(NotYours):
        activities.enter(evangelist_of(serving()), by=a_person(), values=values())
    sign_in(client, a_person())
    assert client.post(FORM, values()).status_code == 404


def test_one_takes_back_ones_own_and_nobody_else_s(site: HomePage, client: Client) -> None:
    page, other = serving(), serving()
    activity = an_activity(page)
    stranger = Client()
    sign_in(stranger, other.person)
    address = f"/account/evangelist/activities/{activity.pk}/remove/"
    assert stranger.post(address).status_code == 404
    sign_in(client, page.person)
    assert client.get(address).status_code == 405
    client.post(address)
    client.post(address)  # Twice does no harm.
    assert not Activity.objects.exists()


def test_staff_hide_with_a_reason_and_the_figures_follow(site: HomePage, client: Client) -> None:
    page = serving()
    activity = an_activity(page, title="A party", reached=500)
    an_activity(page, reached=3)
    bob = make_staff(groups.MODERATORS)
    with pytest.raises(ReasonMissing):
        activities.hide(activity, by=bob, reason="")
    with pytest.raises(NotToDecide):
        activities.hide(activity, by=make_staff(groups.EDITORS), reason="No")
    activities.hide(activity, by=bob, reason="It was no talk.")

    assert "A party" not in client.get(page.url).content.decode()
    assert activities.figures().total.reached == 3
    sign_in(client, page.person)
    own = client.get("/account/evangelist/service/").content.decode()
    assert "It was no talk." in own
    assert page.person is not None
    with pytest.raises(HiddenAlready):
        activities.remove(activity, by=page.person)
    entry = ModelLogEntry.objects.get(action="home.hide_activity")
    assert (entry.user, entry.data["reason"]) == (bob, "It was no talk.")

    activities.show_again(activity, by=bob)
    assert activities.figures().total.reached == 503


def test_figures_by_year_level_and_country_add_up(
    site: HomePage, client: Client, django_assert_num_queries: Any
) -> None:
    malawi = serving(level="country")
    donors = serving(level="donor")
    this_year = timezone.localdate().year
    last = datetime.date(this_year - 1, 12, 31)
    an_activity(malawi, reached=10)
    an_activity(malawi, reached=20, held_on=last, country="ZM")
    an_activity(donors, reached=5, country="")

    with django_assert_num_queries(1):
        found = activities.figures()

    assert (found.total.count, found.total.reached) == (3, 35)
    assert [(each.label, each.reached) for each in found.by_year] == [
        (str(this_year), 15),
        (str(last.year), 20),
    ]
    assert [(each.label, each.count) for each in found.by_level] == [
        ("Donor level", 1),
        ("Country level", 2),
    ]
    assert [(each.label, each.reached) for each in found.by_country] == [
        ("Zambia", 20),
        ("Malawi", 10),
        ("online", 5),
    ]
    index = client.get("/evangelists/").content.decode()
    assert "What they did" in index
    assert "Zambia" in index


def test_an_activity_keeps_the_level_of_its_day(site: HomePage) -> None:
    page = serving(level="country")
    activity = enter(page)
    EvangelistPage.objects.filter(pk=page.pk).update(level="donor")
    activity.refresh_from_db()
    assert activity.level == "country"
    assert enter(page, title="Later").level == "donor"
