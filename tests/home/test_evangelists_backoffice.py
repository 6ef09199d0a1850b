"""Evangelists in the back office: who sees what, and what the buttons do."""

import datetime

import pytest
from django.test import Client
from django.urls import reverse

from core.models import User
from home.evangelists import confirming, contact, nominating, service
from home.evangelists.backoffice.needs import needs
from home.models import Activity, HomePage, Nomination
from portal import groups
from tests.factories.evangelists import (
    a_person,
    an_activity,
    evangelist_of,
    nominated,
    serving,
    terms_version,
    written_to,
)
from tests.factories.home import make_staff, sign_in

LISTS = ["home_nominations", "home_evangelists", "home_activities", "home_messages"]


def as_group(*names: str) -> Client:
    client = Client()
    sign_in(client, make_staff(*names))
    return client


def waiting(by: User | None = None) -> Nomination:
    nomination = nominated(by or a_person())
    return nominating.accept(nomination, by=a_person("new@example.org"), version_id=terms_version())


@pytest.mark.parametrize(
    ("group", "seen"),
    [
        (groups.MODERATORS, LISTS),
        (groups.ADMINISTRATORS, LISTS),
        (groups.AUDITORS, LISTS[:3]),
        (groups.EDITORS, []),
        (groups.TREASURERS, []),
    ],
)
def test_each_group_sees_what_it_may(site: HomePage, group: str, seen: list[str]) -> None:
    client = as_group(group)
    for name in LISTS:
        answer = client.get(reverse(f"{name}:index"))
        assert (answer.status_code == 200) == (name in seen), name


def test_a_moderator_approves_by_one_button(site: HomePage) -> None:
    nomination = waiting()
    client = as_group(groups.MODERATORS)
    assert (
        "Nomsa Example"
        in client.get(reverse("home_nominations:index") + "?state=waiting").content.decode()
    )
    page = reverse("home_nominations:inspect", args=[nomination.pk])
    assert f'href="{page}"' in client.get(reverse("home_nominations:index")).content.decode()
    assert "Trained forty stores." in client.get(page).content.decode()
    client.post(page, {"act": "approve"})
    client.post(page, {"act": "approve"})  # Twice does no harm.
    nomination.refresh_from_db()
    assert nomination.state == Nomination.State.APPROVED


def test_declining_asks_for_the_reason(site: HomePage) -> None:
    nomination = waiting()
    client = as_group(groups.MODERATORS)
    page = reverse("home_nominations:inspect", args=[nomination.pk])
    assert "Write the reason." in client.post(page, {"act": "decline"}).content.decode()
    client.post(page, {"act": "decline", "reason": "Not yet."})
    nomination.refresh_from_db()
    assert nomination.decision_reason == "Not yet."


def test_who_nominated_finds_no_button_and_an_auditor_neither(site: HomePage) -> None:
    maker = make_staff(groups.MODERATORS)
    nomination = waiting(maker)
    page = reverse("home_nominations:inspect", args=[nomination.pk])
    client = Client()
    sign_in(client, maker)
    assert 'value="approve"' not in client.get(page).content.decode()
    auditor = as_group(groups.AUDITORS)
    assert 'value="approve"' not in auditor.get(page).content.decode()
    auditor.post(page, {"act": "approve"})
    client.post(page, {"act": "approve"})
    nomination.refresh_from_db()
    assert nomination.state == Nomination.State.WAITING


def test_a_return_is_decided_on_the_page_of_the_evangelist(site: HomePage) -> None:
    page = serving(title="Alice Example", days=(datetime.date(2020, 1, 1),))
    assert page.person is not None
    confirming.confirm(evangelist_of(page), by=page.person, version_id=terms_version())
    client = as_group(groups.MODERATORS)
    address = reverse("home_evangelists:inspect", args=[page.evangelist_id])
    assert f'href="{address}"' in client.get(reverse("home_evangelists:index")).content.decode()
    found = client.get(reverse("home_evangelists:index") + "?q=Alice").content.decode()
    assert found.count(f'href="{address}"') == 1  # though there is a page in each language
    assert address not in client.get(reverse("home_evangelists:index") + "?q=Bob").content.decode()
    shown = client.get(address).content.decode()
    assert "The person asks to return" in shown
    assert 'value="erase"' not in shown
    client.post(address, {"act": "erase", "reason": "No"})
    client.post(address, {"act": "approve"})
    assert service.of(evangelist_of(page)).is_current


def test_an_administrator_erases_with_a_reason(site: HomePage) -> None:
    page = serving(title="Alice Example")
    client = as_group(groups.ADMINISTRATORS)
    address = reverse("home_evangelists:inspect", args=[page.evangelist_id])
    client.post(address, {"act": "erase"})
    evangelist = evangelist_of(page)
    evangelist.refresh_from_db()
    assert evangelist.erased_at is None
    client.post(address, {"act": "erase", "reason": "By letter"})
    shown = client.get(address).content.decode()
    assert "a former evangelist" in shown
    assert "Alice Example" not in shown


def test_an_activity_is_hidden_and_shown_again(site: HomePage) -> None:
    activity = an_activity(serving(), title="A party")
    client = as_group(groups.MODERATORS)
    address = reverse("home_activities:inspect", args=[activity.pk])
    assert f'href="{address}"' in client.get(reverse("home_activities:index")).content.decode()
    client.post(address, {"act": "hide"})
    assert Activity.objects.get().hidden_at is None
    client.post(address, {"act": "hide", "reason": "No talk"})
    assert Activity.objects.get().hidden_reason == "No talk"
    listed = client.get(reverse("home_activities:index") + "?hidden=true").content.decode()
    assert "A party" in listed
    assert (
        "A party"
        not in client.get(reverse("home_activities:index") + "?hidden=false").content.decode()
    )
    client.post(address, {"act": "show"})
    assert Activity.objects.get().hidden_at is None


def test_staff_read_a_message_only_once_it_is_reported(site: HomePage) -> None:
    page = serving()
    message = contact.send_on(written_to(page))
    client = as_group(groups.MODERATORS)
    address = reverse("home_messages:inspect", args=[message.pk])
    assert client.get(address).status_code == 404
    assert page.person is not None
    contact.report(message, by=page.person)
    assert f'href="{address}"' in client.get(reverse("home_messages:index")).content.decode()
    assert "Can you speak in May?" in client.get(address).content.decode()
    client.post(address, {"act": "close", "reason": "Spam"})
    message.refresh_from_db()
    assert message.finding == "Spam"


def test_the_first_page_of_staff_says_what_waits(site: HomePage) -> None:
    maker = make_staff(groups.MODERATORS)
    waiting(maker)
    page = serving(days=(datetime.date(2020, 1, 1),))
    assert page.person is not None
    confirming.confirm(evangelist_of(page), by=page.person, version_id=terms_version())
    words = [need.words for need in needs(make_staff(groups.MODERATORS)) if need]
    assert words == [
        "1 nomination of an evangelist waits for a decision",
        "1 evangelist asks to return",
    ]
    # Nobody is asked to decide about what they made.
    assert len([need for need in needs(maker) if need]) == 1
    assert not [need for need in needs(make_staff(groups.EDITORS)) if need]


def test_lists_take_the_same_queries_whatever_their_size(site: HomePage) -> None:
    from django.db import connection
    from django.test.utils import CaptureQueriesContext

    client = as_group(groups.ADMINISTRATORS)
    maker = a_person()

    def counts() -> list[int]:
        found = []
        for name in LISTS[:3]:
            client.get(reverse(f"{name}:index"))
            with CaptureQueriesContext(connection) as queries:
                client.get(reverse(f"{name}:index"))
            found.append(len(queries))
        return found

    an_activity(serving())
    nominated(maker, "a@example.org")
    before = counts()
    for number in range(4):
        an_activity(serving())
        nominated(maker, f"{number}@example.org")
    assert counts() == before
