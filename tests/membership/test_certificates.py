"""The certificate, its public address, and the badge: what they say of a member and of one no more."""

import datetime
import re
import uuid
from xml.etree import ElementTree

import pytest
from django.conf import settings
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from membership.models import Organisation, Term
from membership.models.organisations import SeatRole
from tests.factories.membership import make_organisation, open_term
from tests.membership.test_directory import days_ago, make_member
from tests.membership.test_profile import seated, signed_in

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("foundation")]


def check_at(organisation: Organisation) -> str:
    return reverse("member_certificate", args=[organisation.certificate_code])


def badge_at(organisation: Organisation, query: str = "") -> str:
    return reverse("member_badge_svg", args=[organisation.slug]) + query


class TestTheAddress:
    def test_says_that_it_is_a_member_and_until_when(self, client: Client) -> None:
        organisation = make_member(since=10)
        page = client.get(check_at(organisation)).content.decode()
        assert "It is a member today" in page
        assert organisation.legal_name in page
        assert "noindex" in page

    def test_says_so_in_grace_too(self, client: Client) -> None:
        organisation = make_member(since=370)
        assert "counts as a member until" in client.get(check_at(organisation)).content.decode()

    def test_says_when_it_ended(self, client: Client) -> None:
        organisation = make_member(since=500)
        page = client.get(check_at(organisation)).content.decode()
        assert "It is no member today" in page
        assert organisation.get_absolute_url() not in page  # which is a 404 now

    def test_of_a_cancelled_term_ends_the_day_before(self, client: Client) -> None:
        organisation = make_member(since=100)
        officer = seated(make_organisation())
        Term.objects.filter(organisation=organisation).update(
            cancelled_on=days_ago(7), cancelled_by=officer, cancelled_reason="They asked"
        )
        page = client.get(check_at(organisation))
        assert page.context["claim"].until == days_ago(8)
        assert "It is no member today" in page.content.decode()

    def test_leaves_out_a_term_paid_after_its_grace(self, client: Client) -> None:
        organisation = make_member(since=1200)
        late = open_term(organisation, days_ago(600))
        Term.objects.filter(pk=late.pk).update(settled_on=days_ago(3))
        claim = client.get(check_at(organisation)).context["claim"]
        assert not claim.is_member
        assert claim.until < days_ago(600)

    def test_is_none_of_an_organisation_that_never_was_one(self, client: Client) -> None:
        organisation = make_organisation()
        open_term(organisation, days_ago(5))
        assert client.get(check_at(organisation)).status_code == 404
        assert client.get(badge_at(organisation)).status_code == 404

    def test_is_not_guessed(self, client: Client) -> None:
        address = reverse("member_certificate", args=[uuid.uuid4()])
        assert client.get(address).status_code == 404
        assert client.get(f"/members/certificates/{make_member().pk}/").status_code == 404


class TestTheCertificate:
    @pytest.mark.parametrize(
        "language",
        [code for code, _name in settings.LANGUAGES],
    )
    def test_is_a_pdf_in_each_language(self, language: str) -> None:
        organisation = make_member(public_name="Élan")
        browser = signed_in(seated(organisation, SeatRole.MEMBER))
        address = reverse("membership_certificate", args=[organisation.slug])
        answer = browser.get(f"{address}?lang={language}")
        assert answer["Content-Type"] == "application/pdf"
        assert answer.content.startswith(b"%PDF-")
        assert re.search(rb"/Lang ?\(" + language.encode(), answer.content)

    def test_is_for_people_with_a_seat(self) -> None:
        address = reverse("membership_certificate", args=[make_member().slug])
        assert signed_in(seated(make_member())).get(address).status_code == 404
        assert Client().get(address).status_code == 302

    def test_is_refused_in_a_language_that_we_do_not_speak(self) -> None:
        organisation = make_member()
        address = reverse("membership_certificate", args=[organisation.slug])
        assert signed_in(seated(organisation)).get(f"{address}?lang=xx").status_code == 404

    def test_is_not_made_once_the_membership_lapsed(self) -> None:
        organisation = make_member(since=500)
        browser = signed_in(seated(organisation))
        for name in ("membership_certificate", "membership_badge"):
            answer = browser.get(reverse(name, args=[organisation.slug]), follow=True)
            assert answer.redirect_chain == [("/account/membership/", 303)]
            assert "is no member today" in answer.content.decode()


class TestTheBadge:
    def test_is_an_image_that_runs_nothing(self, client: Client) -> None:
        organisation = make_member(public_name='"><script>x</script>&\x07')
        answer = client.get(badge_at(organisation))
        assert answer["Content-Type"].startswith("image/svg+xml")
        assert answer["Content-Security-Policy"] == "default-src 'none'"
        root = ElementTree.fromstring(answer.content)
        assert not [part for part in root.iter() if part.tag.endswith("script")]
        again = client.get(badge_at(organisation), headers={"If-None-Match": answer["ETag"]})
        assert again.status_code == 304

    def test_says_since_when(self, client: Client) -> None:
        page = client.get(badge_at(make_member(), "?lang=en&theme=dark")).content.decode()
        assert f"Member since {days_ago(10).year}" in page

    def test_is_honest_once_the_membership_lapsed(self, client: Client) -> None:
        page = client.get(badge_at(make_member(since=500))).content.decode()
        assert "No member now" in page
        assert "Member since" not in page

    def test_speaks_the_languages_we_speak_and_no_other(self, client: Client) -> None:
        organisation = make_member()
        assert b'lang="fr"' in client.get(badge_at(organisation, "?lang=fr")).content
        assert client.get(badge_at(organisation, "?lang=xx")).status_code == 404
        assert client.get(badge_at(organisation, "?theme=pink")).status_code == 404

    def test_has_lines_to_copy_in_the_member_area(self) -> None:
        organisation = make_member()
        page = signed_in(seated(organisation)).get(
            reverse("membership_badge", args=[organisation.slug])
        )
        text = page.content.decode()
        assert f"&lt;a href=&quot;{settings.SITE_URL}{organisation.get_absolute_url()}" in text

    def test_and_the_overview_leads_to_all_of_it(self) -> None:
        organisation = make_member()
        page = signed_in(seated(organisation)).get("/account/membership/").content.decode()
        for name in ("membership_certificate", "membership_badge", "membership_profile"):
            assert reverse(name, args=[organisation.slug]) in page


def test_every_organisation_has_a_code_of_its_own() -> None:
    codes = {make_organisation().certificate_code for _ in range(3)}
    assert len(codes) == 3
    assert timezone.localdate() > datetime.date(2020, 1, 1)
    assert all(re.fullmatch(r"[0-9a-f-]{36}", str(code)) for code in codes)
