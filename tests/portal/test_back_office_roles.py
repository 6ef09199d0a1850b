"""Who may open which part of the back office: every menu entry, every list, every report.

The table below is the whole of it. Something new in the back office fails here until somebody has
written down who may open it.
"""

from collections.abc import Iterator
from typing import Any

import pytest
from django.contrib.auth.models import Group
from django.core.exceptions import ImproperlyConfigured
from django.test import Client, RequestFactory
from django.urls import NoReverseMatch, reverse
from wagtail.admin.menu import admin_menu, reports_menu, settings_menu
from wagtail.admin.viewsets import viewsets

from portal import groups
from tests.factories.home import make_staff, sign_in

pytestmark = [
    pytest.mark.django_db,
    pytest.mark.usefixtures("on_demo"),
    # Of wagtail-localize's own report.
    pytest.mark.filterwarnings("ignore::django.core.paginator.UnorderedObjectListWarning"),
]

# One letter a group: Editors, Moderators, membership Officers, Treasurers, auditors (who Read),
# Administrators.
LETTERS = dict(zip("EMOTRA", groups.GROUPS, strict=True))

EXPECTED = {
    "mail_texts:index": "MOTA",
    "mail_log:index": "OTA",
    "mail_missing:index": "OTA",
    "mail_dead:index": "OTA",
    "mail_forget:index": "A",
    "books:index": "TRA",
    "membership_applications:index": "OTRA",
    "membership_tasks:index": "OTRA",
    "membership_organisations:index": "OTRA",
    "membership_seats:index": "OTRA",
    "membership_voting_register:index": "OTRA",
    "membership_terms:index": "OTRA",
    "dues_tier_changes:index": "OTRA",
    "dues_invoices:index": "TRA",
    "membership_tiers:index": "OTRA",
    "membership_benefits:index": "OTRA",
    "membership_fees:index": "OTRA",
    "membership_income_groups:index": "OTRA",
    "membership_agreements:index": "OTRA",
    "membership_versions:index": "OTRA",
    "membership_reports:index": "OTRA",
    "membership_import:index": "OA",
    "membership_acceptances:index": "OTRA",
    "pool_stewards:index": "TRA",
    "gifts:index": "TRA",
    "pledges:index": "TRA",
    "donors:index": "TRA",
    "pools_checks:index": "TRA",
    "pools_recorded:index": "TRA",
    "pools_matching:index": "TRA",
    "pools_transfers:index": "TRA",
    "giving_limits:index": "TRA",
    "payments_payments:index": "TRA",
    "payments_payouts:index": "TRA",
    "payments_disputes:index": "TRA",
    "payments_subscriptions:index": "TRA",
    "payments_invoices:index": "TRA",
    "payments_receipts:index": "TRA",
    "payments_credit_notes:index": "TRA",
    "payments_month_ends:index": "TRA",
    "payments_processor_payouts:index": "TRA",
    "payments_processor_lines:index": "TRA",
    "payments_events:index": "TRA",
    "bank_lines:index": "TRA",
    "bank_expected:index": "TRA",
    "bank_statements:index": "TRA",
    "bank_accounts:index": "TRA",
    "bank_channels:index": "TRA",
    "wagtaillocales:index": "A",
    "wagtailsites:index": "A",
    "wagtailusers_users:index": "A",
    "wagtailusers_groups:index": "A",
    "menu snippets": "",  # pools have a place of their own
    "menu documents": "EMA",
    "menu images": "EMA",
    "menu explorer": "EMA",
    "report home-languages": "EMA",
    "report home-links": "EMA",
    "report home-reviews": "EMA",
    "report home-drafts": "EMA",
    "report translations": "EMOTRA",  # wagtail-localize's own: titles alone
    "report locked-pages": "MA",
    "report workflows": "EMA",
    "report workflow-tasks": "EMA",
    "report site-history": "EMOTRA",  # what each may see of it, Wagtail decides
    "report aging-pages": "EMA",
    "report page-types-usage": "EMA",
    "setting details-on-papers": "TA",
    "setting redirects": "A",
    "setting collections": "",  # for superusers
    "setting workflows": "A",
    "setting workflow-tasks": "A",
    "giving_pools:list": "MTRA",
    "news:index": "EMA",
    "news_import:index": "EMA",
    "wagtailsnippets_home_topic:list": "EMA",
    "events:index": "EMORA",
    "event_registrations:index": "ORA",
    "event_travel:index": "ORA",
    "home_nominations:index": "MRA",
    "home_evangelists:index": "MRA",
    "home_activities:index": "MRA",
    "home_messages:index": "MA",  # what strangers wrote: for those who answer a report
    "report unconfirmed": "EMA",
    "report searches": "MA",
    "report search-terms": "",  # Wagtail's own, in whose place stands ours
    "setting promoted-search-results": "MA",
}


def places() -> dict[str, str]:
    """Name -> address of every list that is registered and of every entry of a menu."""
    reverse("wagtailadmin_home")  # making the addresses is what registers the lists
    found: dict[str, str] = {}
    for viewset in viewsets.viewsets:
        found |= _list_of(viewset)
    for kind, menu in (("menu", admin_menu), ("report", reports_menu), ("setting", settings_menu)):
        for item in menu.registered_menu_items:
            if item.url not in ("#", "") and item.url not in found.values():
                found[f"{kind} {item.name}"] = item.url
    return found


def _list_of(viewset: Any) -> dict[str, str]:
    """The list of a viewset; nothing for a chooser or a kind of page, which have none."""
    for name in ("index", "list"):
        try:
            full = f"{viewset.url_namespace}:{name}"
            return {full: reverse(full)}
        except (ImproperlyConfigured, NoReverseMatch):
            continue
    return {}


def opens(client: Client, address: str) -> bool:
    """Whether the address shows a page; Wagtail sends whom it refuses to the first page."""
    answer = client.get(address, follow=True)
    assert answer.status_code in (200, 403), f"{address}: {answer.status_code}"
    return answer.status_code == 200 and answer.request["PATH_INFO"] != reverse("wagtailadmin_home")


def test_everything_in_the_back_office_is_in_the_table() -> None:
    assert set(places()) == set(EXPECTED)


@pytest.mark.parametrize("letter", LETTERS)
def test_each_group_opens_what_the_table_says_and_nothing_else(client: Client, letter: str) -> None:
    sign_in(client, make_staff(LETTERS[letter]))

    opened = {name for name, address in places().items() if opens(client, address)}

    assert opened == {name for name, letters in EXPECTED.items() if letter in letters}


@pytest.mark.parametrize("letter", LETTERS)
def test_the_menu_shows_each_group_what_it_may_open(letter: str) -> None:
    person = make_staff(LETTERS[letter])
    request = RequestFactory().get("/admin/")
    request.user = person
    shown = set(_addresses(admin_menu, request))
    ours = {name: address for name, address in places().items() if ":" in name}

    for name, address in ours.items():
        assert (address in shown) == (letter in EXPECTED[name]), name
    for name in ("languages", "links", "reviews", "drafts"):
        address = reverse(f"home_reports:{name}")
        assert (address in shown) == (letter in EXPECTED[f"report home-{name}"]), name


def _addresses(menu: Any, request: Any) -> Iterator[str]:
    for item in menu.menu_items_for_request(request):
        if hasattr(item, "menu"):
            yield from _addresses(item.menu, request)
        else:
            yield item.url


def test_who_belongs_to_no_group_opens_nothing(client: Client) -> None:
    sign_in(client, make_staff())
    for name, address in places().items():
        answer = client.get(address)
        assert answer.status_code in (302, 403), name


def test_strangers_are_asked_to_sign_in(client: Client) -> None:
    for name, address in places().items():
        answer = client.get(address)
        assert answer.status_code == 302, name
        assert "/login/" in answer["Location"], name


def test_money_stands_in_one_menu_and_pictures_beside_pages() -> None:
    request = RequestFactory().get("/admin/")
    request.user = make_staff(groups.ADMINISTRATORS)
    items = sorted(admin_menu.menu_items_for_request(request), key=lambda item: item.order)
    names = [item.name for item in items]

    assert names[:3] == ["explorer", "images", "documents"]
    assert names.index("members") < names.index("all-money")
    assert not {"giving", "money", "bank", "books"} & set(names)
    [money] = [item for item in items if item.name == "all-money"]
    assert [item.name for item in money.menu.registered_menu_items] == [
        "giving",
        "money",
        "bank",
        "books",
    ]
    # Asked twice, the shared items are as they were.
    again = admin_menu.menu_items_for_request(request)
    assert sorted(item.name for item in again) == sorted(names)


def test_who_sees_one_menu_of_money_sees_it_as_it_is() -> None:
    request = RequestFactory().get("/admin/")
    request.user = make_staff(groups.MODERATORS)
    names = {item.name for item in admin_menu.menu_items_for_request(request)}

    assert "giving" in names
    assert "all-money" not in names


def test_auditors_read_and_change_nothing() -> None:
    """But sign that two figures agree, which is what an auditor is for, and take the pack along."""
    group = Group.objects.get(name=groups.AUDITORS)
    rights = {
        f"{right.content_type.app_label}.{right.codename}"
        for right in group.permissions.select_related("content_type")
    }

    assert {right for right in rights if ".view_" not in right} == {
        "wagtailadmin.access_admin",
        "payments.sign_reconciliation",
        "transparency.download_audit_pack",
    }
    assert not group.page_permissions.exists()
    assert not group.collection_permissions.exists()
