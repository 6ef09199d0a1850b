"""Donors in the back office: duplicates, merging, the letter's code, logos; by right alone."""

import re
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.test import Client
from django.urls import reverse
from wagtail.images import get_image_model
from wagtail.models import ModelLogEntry

from funding.pools import claims
from funding.pools.models import Donor
from portal import groups
from tests.factories import pools as make
from tests.factories.home import make_staff, sign_in
from tests.portal.test_giving_pages import picture

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


@pytest.fixture
def treasurer(client: Client) -> Client:
    sign_in(client, make_staff(groups.TREASURERS))
    return client


@pytest.fixture
def auditor() -> Client:
    client = Client()
    sign_in(client, make_staff(groups.AUDITORS))
    return client


def donor(**changes: Any) -> Donor:
    return Donor.objects.create(**{"name": "Ministry", "email": "moh@example.org", **changes})


def page_of(row: Donor) -> str:
    return reverse("donors:inspect", args=[row.pk])


def test_the_list_and_a_donors_page_show_what_is_known(treasurer: Client) -> None:
    gift = make.received_gift(giver=make.a_giver(name="Grace Giver"))
    assert "Grace Giver" in treasurer.get(reverse("donors:index")).content.decode()
    page = treasurer.get(page_of(gift.donor)).content.decode()
    assert "$50.00" in page
    assert "grace@example.org" in page


def test_likely_duplicates_are_compared_and_merged_with_a_reason(treasurer: Client) -> None:
    first, second = donor(), donor(name="Ministry of Health")
    address = reverse("donors:merge", args=[first.pk, second.pk])
    assert address in treasurer.get(page_of(first)).content.decode()
    assert treasurer.get(address).status_code == 200
    second.refresh_from_db()
    assert second.merged_into is None

    answer = treasurer.post(address, {"keep": str(second.pk), "reason": " "})
    assert "Write how you know" in answer.content.decode()
    answer = treasurer.post(address, {"keep": str(second.pk), "reason": "They wrote so."})
    assert answer["Location"] == page_of(second)
    first.refresh_from_db()
    assert first.merged_into == second
    assert ModelLogEntry.objects.get(action="pools.merge_donors").data["reason"] == "They wrote so."
    # Pressed again in another window.
    answer = treasurer.post(address, {"keep": str(second.pk), "reason": "Again."})
    assert "was merged into another one" in answer.content.decode()
    assert page_of(second) in treasurer.get(page_of(first)).content.decode()


def test_a_code_is_shown_once_and_works(treasurer: Client) -> None:
    row = donor()
    answer = treasurer.post(page_of(row), {"act": "code"})
    found = re.search(r"<strong>([A-Z0-9]{4}(?:-[A-Z0-9]{4}){2})</strong>", answer.content.decode())
    assert found is not None
    assert "no-store" in answer["Cache-Control"]
    assert found.group(1) not in treasurer.get(page_of(row)).content.decode()
    user = make.make_person()
    assert claims.claim(found.group(1), user=user) == row
    # Who signs in gets no letter.
    answer = treasurer.post(page_of(row), {"act": "code"}, follow=True)
    assert "signs in already" in answer.content.decode()


def with_logo() -> Donor:
    image = get_image_model().objects.create(title="x", file=ContentFile(picture(), name="x.png"))
    return donor(logo=image)


def test_staff_show_a_logo_or_take_it_away(treasurer: Client) -> None:
    row = with_logo()
    assert "It is not shown yet" in treasurer.get(page_of(row)).content.decode()
    # One that came after the page was opened is not approved unseen.
    for other in ("0", "", "x", str((row.logo_id or 0) + 1)):
        treasurer.post(page_of(row), {"act": "show-logo", "logo": other})
        row.refresh_from_db()
        assert not row.logo_approved
    treasurer.post(page_of(row), {"act": "show-logo", "logo": str(row.logo_id)})
    row.refresh_from_db()
    assert row.logo_approved
    treasurer.post(page_of(row), {"act": "drop-logo", "logo": str(row.logo_id)})
    row.refresh_from_db()
    assert (row.logo, row.logo_approved) == (None, False)
    assert not get_image_model().objects.exists()
    decided = ModelLogEntry.objects.filter(action="pools.decide_logo")
    assert [entry.data["approved"] for entry in decided.order_by("pk")] == [True, False]


def test_auditors_read_and_change_nothing(auditor: Client) -> None:
    row, other = with_logo(), donor()
    page = auditor.get(page_of(row)).content.decode()
    assert 'value="code"' not in page
    merge = reverse("donors:merge", args=[row.pk, other.pk])
    assert merge not in page
    assert auditor.get(merge).status_code == 403
    assert auditor.post(merge, {"keep": str(row.pk), "reason": "x"}).status_code == 403
    for act in ("code", "show-logo", "drop-logo"):
        answer = auditor.post(page_of(row), {"act": act, "logo": str(row.logo_id)})
        assert answer.status_code == 403
    row.refresh_from_db()
    assert (row.claim_code_sha256, row.logo_approved, row.merged_into) == (None, False, None)


def test_others_of_the_staff_do_not_see_donors(client: Client) -> None:
    sign_in(client, make_staff(groups.EDITORS))
    assert client.get(page_of(donor())).status_code == 403
