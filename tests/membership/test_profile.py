"""What a member says of itself: who may write it, what is kept of a bad form, what staff alone do."""

import io
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.db import IntegrityError, transaction
from django.test import Client
from django.urls import reverse
from PIL import Image as Picture
from wagtail.models import ModelLogEntry

from core.models import User
from core.transactions import use_case
from funding.ledger.models import Pool
from membership import logos, profile, registers
from membership.models import Organisation, SeatRole
from membership.organisations import give_seat
from membership.profile import Standing
from membership.refusals import (
    NoLogoToDecide,
    NotPermitted,
    NotPrimaryContact,
    OwnLogo,
    OwnRequest,
    ReasonMissing,
)
from tests.factories.membership import make_organisation, may
from tests.factories.pools import make_person

pytestmark = pytest.mark.django_db


def png(side: int = 40) -> bytes:
    made = io.BytesIO()
    Picture.new("RGB", (side, side), "teal").save(made, "PNG")
    return made.getvalue()


def seated(
    organisation: Organisation, role: SeatRole = SeatRole.PRIMARY_CONTACT, **changes: Any
) -> User:
    person = make_person(**changes)
    with use_case():
        if role != SeatRole.PRIMARY_CONTACT and not organisation.seats.exists():
            give_seat(organisation, make_person(), [SeatRole.PRIMARY_CONTACT])
        give_seat(organisation, person, [role])
    return person


def signed_in(person: User) -> Client:
    browser = Client()
    browser.force_login(person)
    return browser


def typed(organisation: Organisation, **changes: Any) -> dict[str, Any]:
    said = profile.profile_of(organisation)
    values = {name: getattr(said, name) for name in said.__dataclass_fields__}
    values["hides"] = values.pop("hidden_fields")
    return {**values, **changes}


def at(organisation: Organisation) -> str:
    return reverse("membership_profile", args=[organisation.slug])


def lines(organisation: Organisation, action: str) -> list[dict[str, Any]]:
    found = ModelLogEntry.objects.filter(object_id=str(organisation.pk), action=action)
    return [line.data for line in found]


class TestThePrimaryContact:
    def test_changes_the_profile_and_the_log_says_what_was(self) -> None:
        organisation = make_organisation(public_name="Old Name", website="https://a.example.org")
        browser = signed_in(seated(organisation))
        answer = browser.post(
            at(organisation),
            typed(
                organisation,
                public_name="Nouveau Nom",
                description_fr="Nous installons.",
                registration_agency="MW-RG",
                registration_number=" ab 12/3 ",
                hides=["website"],
            ),
        )
        assert answer.status_code == 303
        slug = organisation.slug
        organisation.refresh_from_db()
        assert organisation.public_name == "Nouveau Nom"
        assert organisation.sort_key == "nouveau nom"
        assert organisation.slug == slug  # its address stays
        assert organisation.identifier == "MW-RG-AB123"
        assert organisation.hidden_fields == ["website"]
        (said,) = lines(organisation, "membership.change_profile")
        assert said["fields"]["public_name"] == ["Old Name", "Nouveau Nom"]
        assert said["fields"]["description_fr"] == "changed"
        assert "website" not in said["fields"]

    def test_sees_what_was_typed_beside_what_is_wrong(self) -> None:
        organisation = make_organisation()
        answer = signed_in(seated(organisation)).post(
            at(organisation),
            typed(
                organisation,
                public_name="",
                description="Typed with care.",
                registration_number="77",
                stated_identifier="no such form",
            ),
        )
        page = answer.content.decode()
        assert answer.status_code == 200
        assert "Typed with care." in page
        assert "Write the name to show in the directory." in page
        assert "Choose the register that gave this number." in page
        assert "Write it like GB-CHC-1234567" in page
        organisation.refresh_from_db()
        assert organisation.description == ""

    def test_changes_neither_legal_name_nor_country(self) -> None:
        organisation = make_organisation(legal_name="Body Limited", country="MW")
        signed_in(seated(organisation)).post(
            at(organisation), typed(organisation, legal_name="Other", country="CH", kind="donor")
        )
        organisation.refresh_from_db()
        assert (organisation.legal_name, organisation.country) == ("Body Limited", "MW")
        assert organisation.kind == "implementer"

    def test_saves_the_same_again_without_a_line_in_the_log(self) -> None:
        organisation = make_organisation()
        signed_in(seated(organisation)).post(at(organisation), typed(organisation))
        assert lines(organisation, "membership.change_profile") == []


class TestEveryoneElse:
    def test_with_a_seat_reads_and_may_not_write(self) -> None:
        organisation = make_organisation()
        browser = signed_in(seated(organisation, SeatRole.BILLING_CONTACT))
        page = browser.get(at(organisation))
        assert page.status_code == 200
        assert b"<textarea" not in page.content
        sent = browser.post(at(organisation), typed(organisation, public_name="Mine"))
        assert sent.status_code == 403
        organisation.refresh_from_db()
        assert organisation.public_name != "Mine"

    def test_without_a_seat_finds_nothing(self) -> None:
        organisation = make_organisation()
        browser = signed_in(seated(make_organisation()))
        assert browser.get(at(organisation)).status_code == 404
        assert browser.post(at(organisation), typed(organisation)).status_code == 404

    def test_is_asked_to_sign_in(self, client: Client) -> None:
        assert client.get(at(make_organisation())).status_code == 302

    def test_is_refused_by_the_verb_too(self) -> None:
        organisation = make_organisation()
        said = profile.profile_of(organisation)
        with pytest.raises(NotPrimaryContact):
            profile.change_profile(organisation, said, by=make_person())
        with pytest.raises(NotPrimaryContact):
            profile.remove_logo(organisation, by=make_person())


class TestTheLogo:
    def test_waits_for_staff_and_is_written_anew(self) -> None:
        organisation = make_organisation()
        contact = seated(organisation)
        signed_in(contact).post(
            at(organisation),
            typed(organisation, logo=SimpleUploadedFile("l.png", png(1_200) + b"tail")),
        )
        organisation.refresh_from_db()
        assert organisation.logo is not None
        assert not organisation.logo_approved
        assert organisation.logo.width == 800
        with organisation.logo.file.open() as kept:
            assert b"tail" not in kept.read()
        officer = may(make_person(), "change_organisation")
        profile.decide_logo(organisation, logo_id=organisation.logo.pk, approved=True, by=officer)
        organisation.refresh_from_db()
        assert organisation.logo_approved
        signed_in(contact).post(at(organisation), typed(organisation, remove_logo="on"))
        organisation.refresh_from_db()
        assert organisation.logo is None
        assert not organisation.logo_approved

    def test_a_file_that_is_no_picture_is_refused_and_the_words_stay(self) -> None:
        organisation = make_organisation()
        answer = signed_in(seated(organisation)).post(
            at(organisation),
            typed(organisation, description="Kept.", logo=SimpleUploadedFile("l.png", b"<svg/>")),
        )
        assert b"none of these" in answer.content
        assert b"Kept." in answer.content

    def test_staff_decide_about_the_one_they_saw(self) -> None:
        organisation = make_organisation()
        contact, officer = seated(organisation), may(make_person(), "change_organisation")
        first = profile.propose_logo(organisation, png(), by=contact).logo_id
        profile.propose_logo(organisation, png(), by=contact)
        with pytest.raises(NoLogoToDecide):
            profile.decide_logo(organisation, logo_id=first or 0, approved=True, by=officer)

    def test_whoever_sent_it_does_not_approve_it(self) -> None:
        organisation = make_organisation()
        contact = may(seated(organisation), "change_organisation")
        sent = profile.propose_logo(organisation, png(), by=contact).logo_id or 0
        with pytest.raises(OwnRequest):
            profile.decide_logo(organisation, logo_id=sent, approved=True, by=contact)
        organisation.seats.filter(person=contact).delete()
        with pytest.raises(OwnLogo):
            profile.decide_logo(organisation, logo_id=sent, approved=True, by=contact)
        organisation.refresh_from_db()
        assert not organisation.logo_approved

    def test_nor_does_who_sits_there_or_uploaded_it_as_staff(self) -> None:
        organisation = make_organisation()
        officer = may(make_person(), "change_organisation")
        sent = profile.propose_logo(organisation, png(), by=officer).logo_id or 0
        colleague = may(seated(organisation, SeatRole.MEMBER), "change_organisation")
        for person, refusal in ((officer, OwnLogo), (colleague, OwnRequest)):
            with pytest.raises(refusal):
                profile.decide_logo(organisation, logo_id=sent, approved=True, by=person)
        profile.decide_logo(organisation, logo_id=sent, approved=False, by=colleague)
        organisation.refresh_from_db()
        assert organisation.logo is None

    def test_without_the_right_nobody_decides(self) -> None:
        organisation = make_organisation()
        contact = seated(organisation)
        sent = profile.propose_logo(organisation, png(), by=contact).logo_id or 0
        for approved in (True, False):
            with pytest.raises(NotPermitted):
                profile.decide_logo(organisation, logo_id=sent, approved=approved, by=contact)

    def test_deleted_among_the_images_it_is_no_longer_shown(self) -> None:
        organisation = make_organisation()
        contact, officer = seated(organisation), may(make_person(), "change_organisation")
        changed = profile.propose_logo(organisation, png(), by=contact)
        assert changed.logo is not None
        profile.decide_logo(organisation, logo_id=changed.logo.pk, approved=True, by=officer)
        changed.logo.delete()
        organisation.refresh_from_db()
        assert organisation.logo is None
        assert logos.shown_logo(organisation) is None
        new = profile.propose_logo(organisation, png(), by=contact)
        assert not new.logo_approved  # the next one is looked at again


class TestStaff:
    standing = Standing(
        legal_name="New Body Limited", kind="company", constituency="technical", country="ZM"
    )

    def test_change_what_fees_and_votes_depend_on_with_a_reason(self) -> None:
        organisation = make_organisation(legal_name="Old Body")
        officer = may(make_person(), "change_organisation")
        with pytest.raises(ReasonMissing):
            profile.change_standing(organisation, self.standing, by=officer, reason=" ")
        profile.change_standing(organisation, self.standing, by=officer, reason="New statutes")
        organisation.refresh_from_db()
        assert organisation.legal_key == "newbodylimited"
        (said,) = lines(organisation, "membership.change_standing")
        assert said["reason"] == "New statutes"
        assert said["fields"]["legal_name"] == ["Old Body", "New Body Limited"]

    def test_who_sit_there_do_not_change_it_themselves(self) -> None:
        organisation = make_organisation()
        colleague = may(seated(organisation, SeatRole.MEMBER), "change_organisation")
        with pytest.raises(OwnRequest):
            profile.change_standing(organisation, self.standing, by=colleague, reason="We moved")

    def test_without_the_right_change_nothing(self) -> None:
        organisation = make_organisation()
        with pytest.raises(NotPermitted):
            profile.change_standing(
                organisation, self.standing, by=seated(organisation), reason="We moved"
            )


class TestTheDatabase:
    @pytest.mark.parametrize(
        "changes",
        [
            {"registration_number": "12"},
            {"registration_agency": "GB-CHC"},
            {"registration_agency": "gb", "registration_number": "12"},
            {"stated_identifier": "GB-CHC-1 2"},
            {"hidden_fields": ["country"]},
            {"merged_at": "2026-01-01T00:00:00Z"},
        ],
    )
    def test_refuses_half_facts(self, changes: dict[str, Any]) -> None:
        organisation = make_organisation()
        with pytest.raises(IntegrityError), transaction.atomic():
            Organisation.objects.filter(pk=organisation.pk).update(**changes)


def test_registers_of_the_country_come_first_and_the_chosen_one_stays() -> None:
    codes = [code for code, _name in registers.registers_for("MW", also="GB-CHC")]
    assert codes[0].startswith("MW-")
    assert codes[-1] == "GB-CHC"
    assert "GB-COH" not in codes
    assert "XI-LEI" in codes or any(code.startswith("XI-") for code in codes)


def test_every_register_has_the_form_that_the_database_asks_for(foundation: Pool) -> None:
    organisation = make_organisation()
    for code in registers.all_registers():
        organisation.registration_agency, organisation.registration_number = code, "1"
        organisation.clean_fields()
        organisation.validate_constraints()
