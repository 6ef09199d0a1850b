"""Pledges in the browser: milestones and conditions typed, parts, other payers, papers, staff."""

import datetime
import re
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.payments.models import ExpectedPayment
from funding.pools.models import Pledge, PledgeAgreement
from funding.pools.schedules import Part
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_account
from tests.factories.home import make_staff, sign_in

PDF = b"%PDF-1.7\n% signed\n"
pytestmark = pytest.mark.django_db


def day(count: int) -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=count)


def client_of(user: User) -> Client:
    client = Client()
    client.force_login(user)
    return client


def send_pledge(client: Client, code: str, **changes: Any) -> Any:
    url = reverse("pledge", args=[code])
    token = re.search(r'name="form_token" value="([^"]+)"', client.get(url).content.decode())
    assert token
    typed = {
        "form_token": token[1],
        "amount": "300",
        "schedule": "milestones",
        "milestones": f"{day(10)} 100.00 First release\n{day(20)}; USD 200 — Second, with 2 parts",
        "binding": "binding",
        "condition": "The ministry pays the same.",
        "name": "Grace Giver",
        "naming": "anonymous",
    }
    return client.post(url, {**typed, **changes})


def test_milestones_and_a_condition_are_typed_checked_confirmed_and_typed_again() -> None:
    user, profile = make.make_person(), make.open_pool()
    client = client_of(user)
    answer = send_pledge(client, profile.code)
    assert answer.status_code == 303, answer.context["form"].errors
    pledge = Pledge.objects.get()
    assert pledge.condition == "The ministry pays the same."
    assert [(part.amount, part.milestone) for part in pledge.parts] == [
        (10_000, "First release"),
        (20_000, "Second, with 2 parts"),
    ]
    again = client.get(reverse("pledge_change", args=[profile.code, pledge.reference]))
    assert f"{day(20)}  200.00  Second, with 2 parts" in again.content.decode()
    check = client.get(answer.url).content.decode()
    assert "First release" in check
    assert "The ministry pays the same." in check
    page = client.post(answer.url, follow=True).content.decode()
    assert "The condition of this pledge is not met yet" in page


@pytest.mark.parametrize(
    ("lines", "words"),
    [
        ("2090-01-01 First release", "has no amount after the date"),
        ("soon 100 First release", "does not begin with a date"),
        (f"{datetime.date(2090, 1, 1)} 300", "Write what at least one instalment waits for"),
        (f"2090-01-01 300 {'x' * 201}", "in 200 characters at most"),
    ],
)
def test_milestones_typed_wrongly_are_said_and_kept(lines: str, words: str) -> None:
    profile = make.open_pool()
    answer = send_pledge(client_of(make.make_person()), profile.code, milestones=lines)
    assert words in answer.content.decode()
    assert lines in answer.content.decode()
    assert not Pledge.objects.exists()


def test_another_payer_is_asked_and_their_page_says_nothing_of_the_donor() -> None:
    make_account("USD")
    pledge = make.confirmed_pledge(make.make_person("secret@example.org"))
    client = client_of(pledge.donor.user)
    url = reverse("giving_instalment", args=[pledge.reference, 1])
    typed = {"amount": "200", "how_to_pay": "transfer", "payer": "other", "payer_name": "A fund"}
    refused = client.post(url, typed).content.decode()
    assert "Enter the address to send the request to." in refused
    client.post(url, {**typed, "payer_email": "pay@fund.example", "purchase_order": "PO 7"})
    asked = ExpectedPayment.objects.get()
    assert (asked.amount, asked.payer_email) == (20_000, "pay@fund.example")
    theirs = Client().get(asked.get_absolute_url()).content.decode()
    assert "PO 7" in theirs
    for private in ("Grace Giver", "secret@example.org", str(pledge.reference), "1,000"):
        assert private not in theirs
    assert str(asked) in client.get(url).content.decode()
    withdraw = reverse("giving_withdraw_request", args=[pledge.reference, asked.public_id])
    assert client.get(withdraw).status_code == 405
    client.post(withdraw)
    asked.refresh_from_db()
    assert asked.withdrawn_at is not None


def test_more_than_is_to_come_is_refused_and_what_was_typed_is_kept() -> None:
    make_account("USD")
    pledge = make.confirmed_pledge()
    url = reverse("giving_instalment", args=[pledge.reference, 1])
    typed = {"amount": "500.01", "how_to_pay": "transfer", "payer": "own"}
    page = client_of(pledge.donor.user).post(url, typed).content.decode()
    assert "Enter that or less." in page
    assert 'value="500.01"' in page


def upload(name: str = "signed.pdf", content: bytes = PDF) -> Any:
    return SimpleUploadedFile(name, content, "application/pdf")


def test_a_donor_hands_in_the_paper_once_and_reads_it_as_an_attachment() -> None:
    pledge = make.confirmed_pledge()
    client = client_of(pledge.donor.user)
    url = reverse("giving_agreements", args=[pledge.reference])
    for _ in range(2):
        answer = client.post(url, {"file": upload("../<x>.pdf"), "signed_on": str(day(0))})
        assert answer.status_code == 303, answer.context["form"].errors
    paper = PledgeAgreement.objects.get()
    got = client.get(reverse("giving_agreement", args=[pledge.reference, paper.pk]))
    assert got.content == PDF
    assert got["Content-Type"] == "application/pdf"
    assert got["X-Content-Type-Options"] == "nosniff"
    assert got["Content-Disposition"].startswith("attachment")
    assert "<" not in got["Content-Disposition"]


@pytest.mark.parametrize(
    ("content", "name", "words"),
    [
        (b"<html>%PDF-", "signed.pdf", "none of these: PDF, JPEG, PNG"),
        (b"MZ\x90", "signed.png", "none of these"),
        (PDF + b"x" * 5 * 1024 * 1024, "signed.pdf", "larger than 5 MB"),
    ],
)
def test_other_files_are_refused(content: bytes, name: str, words: str) -> None:
    pledge = make.confirmed_pledge()
    url = reverse("giving_agreements", args=[pledge.reference])
    answer = client_of(pledge.donor.user).post(
        url, {"file": upload(name, content), "signed_on": str(day(0))}
    )
    assert words in answer.content.decode()
    assert not PledgeAgreement.objects.exists()


def finds(content: bytes) -> str:
    return "EICAR" if b"EICAR" in content else ""


def breaks(content: bytes) -> str:
    raise OSError("no scanner")


@pytest.mark.parametrize(("scanner", "kept"), [("finds", 1), ("breaks", 0), ("nowhere", 0)])
def test_the_operators_scanner_decides(settings: Any, scanner: str, kept: int) -> None:
    settings.UPLOAD_SCANNER = f"{__name__}.{scanner}"
    pledge = make.confirmed_pledge()
    url = reverse("giving_agreements", args=[pledge.reference])
    client = client_of(pledge.donor.user)
    for content in (PDF, PDF + b"EICAR"):
        client.post(url, {"file": upload(content=content), "signed_on": str(day(0))})
    assert PledgeAgreement.objects.count() == kept


def test_what_is_anothers_is_not_found() -> None:
    pledge = make.confirmed_pledge()
    client_of(pledge.donor.user).post(
        reverse("giving_agreements", args=[pledge.reference]),
        {"file": upload(), "signed_on": str(day(0))},
    )
    paper = PledgeAgreement.objects.get()
    stranger = client_of(make.make_person())
    own = make.confirmed_pledge(make.make_person())
    for url in (
        reverse("giving_instalment", args=[pledge.reference, 1]),
        reverse("giving_agreements", args=[pledge.reference]),
        reverse("giving_agreement", args=[pledge.reference, paper.pk]),
    ):
        assert stranger.get(url).status_code == 404
        assert Client().get(url).status_code == 302
    crossed = reverse("giving_agreement", args=[own.reference, paper.pk])
    assert client_of(own.donor.user).get(crossed).status_code == 404


# --- Staff ----------------------------------------------------------------------------------------


@pytest.fixture
def pledge() -> Pledge:
    with use_case():
        groups.setup_groups()
    return make.confirmed_pledge(
        amount=30_000,
        parts=[Part(day(0), 10_000), Part(day(40), 20_000, "First release")],
        condition="The law passes.",
    )


def act(client: Client, pledge: Pledge, name: str, **typed: Any) -> Any:
    return client.post(reverse("pledges:inspect", args=[pledge.pk]), {"act": name, **typed})


def test_a_treasurer_sees_all_of_a_pledge_and_does_what_is_to_be_done(
    client: Client, pledge: Pledge
) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    page = reverse("pledges:inspect", args=[pledge.pk])
    first = client.get(page).content.decode()
    for words in ("The law passes.", "First release", "not met yet", "Write off the pledge"):
        assert words in first
    wrong = act(client, pledge, "condition", on="", note="").content.decode()
    assert "Enter the day." in wrong
    assert act(client, pledge, "condition", on=day(0), note="In the gazette").status_code == 302
    assert act(client, pledge, "milestone", number=2, on=day(0), note="Seen").status_code == 302
    pledge.refresh_from_db()
    assert pledge.condition_met_on == day(0)
    part = pledge.instalments.get(number=2)
    assert (part.milestone_met_on, part.due_on) == (day(0), day(31))
    change = {"amount": "250", "parts": f"{day(60)} 250", "reason": "As agreed"}
    kept = act(client, pledge, "change", **{**change, "amount": "260"}).content.decode()
    assert "add up to" in kept
    assert act(client, pledge, "change", **change).status_code == 302
    assert act(client, pledge, "write-off", reason="Will not come").status_code == 302
    pledge.refresh_from_db()
    assert (pledge.amount, pledge.written_off_at is not None) == (25_000, True)
    page_now = client.get(page).content.decode()
    assert "Will not come" in page_now
    assert "As agreed" in page_now
    assert 'value="write-off"' not in page_now


def test_staff_add_a_paper_and_read_it_by_right_alone(client: Client, pledge: Pledge) -> None:
    sign_in(client, make_staff(groups.TREASURERS))
    wrong = act(client, pledge, "agreement", file=upload(content=b"no"), signed_on=day(0))
    assert "none of these" in wrong.content.decode()
    act(client, pledge, "agreement", file=upload(), signed_on=day(0))
    paper = PledgeAgreement.objects.get()
    url = reverse("pledges:agreement", args=[pledge.pk, paper.pk])
    assert client.get(url).content == PDF
    other = make.confirmed_pledge()
    assert client.get(reverse("pledges:agreement", args=[other.pk, paper.pk])).status_code == 404
    editor = Client()
    sign_in(editor, make_staff(groups.EDITORS))
    assert editor.get(url).status_code == 302


def test_an_auditor_reads_and_changes_nothing(client: Client, pledge: Pledge) -> None:
    sign_in(client, make_staff(groups.AUDITORS))
    page = client.get(reverse("pledges:inspect", args=[pledge.pk]))
    assert page.status_code == 200
    assert 'name="act"' not in page.content.decode()
    for name in ("change", "condition", "milestone", "write-off", "agreement"):
        act(client, pledge, name, reason="x", on=day(0), note="x")
    assert not pledge.changes.exists()
    pledge.refresh_from_db()
    assert (pledge.condition_met_on, pledge.written_off_at) == (None, None)
