"""The back office of recording, transfers and matching: who sees what, and what is done there."""

import html
import re
import uuid
from typing import Any

import pytest
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.models import User
from core.transactions import use_case
from funding.ledger import queries
from funding.payments.models import ExpectedPayment
from funding.pools.models import Donor, MatchingOffer, PoolProfile, PoolTransfer, RecordedGiving
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_account, make_channel
from tests.factories.banking import make_staff as make_colleague
from tests.factories.home import make_staff, sign_in
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.pools.test_matching import a_donor, a_gift, offered
from tests.pools.test_recording import EXPECTED, PAID, a_file, parked
from tests.pools.test_transfers import ask, available

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def site() -> None:
    with use_case():
        groups.setup_groups()


@pytest.fixture
def treasurer(client: Client) -> User:
    return sign_in(client, make_staff(groups.TREASURERS))


@pytest.fixture
def auditor(client: Client) -> User:
    return sign_in(client, make_staff(groups.AUDITORS))


@pytest.fixture
def profile() -> PoolProfile:
    make_account("USD")
    profile = make.open_pool("training", title="Training")
    post_now(gift_entry(profile.pool, gross=10_000, fee=0))
    return profile


def text_of(page: Any) -> str:
    return html.unescape(re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page.content.decode())))


# --- Transfers ----------------------------------------------------------------------------------------


def answers(profile: PoolProfile, **changes: Any) -> dict[str, Any]:
    target = changes.pop("target", None) or make_pool(name="Travel")
    return {
        "form_token": str(uuid.uuid4()),
        "kind": "transfer",
        "from_pool": profile.pk,
        "to_pool": target.pk,
        "amount": "40.00",
        "basis": "unrestricted",
        "basis_note": "",
        "reason": "The workshop moved.",
        "act": "preview",
        **changes,
    }


def test_asking_shows_the_figures_first_and_pressing_twice_asks_once(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    address, sent = reverse("pools_transfers:ask"), answers(profile)
    assert client.get(address).status_code == 200
    page = client.post(address, sent)
    assert "has $100.00 available. After the transfer it has $60.00" in text_of(page)
    assert not PoolTransfer.objects.exists()
    for _ in range(2):
        assert client.post(address, {**sent, "act": "confirm"}).status_code == 302
    assert PoolTransfer.objects.get().requested_by == treasurer


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "100.01"}, "has $100.00 available"),
        ({"amount": "lots"}, "is not an amount"),
        ({"basis": "terms"}, "Write what the terms say"),
        ({"reason": ""}, "Write the reason"),
    ],
)
def test_a_refused_request_keeps_what_was_typed(
    client: Client, treasurer: User, profile: PoolProfile, changes: Any, words: str
) -> None:
    page = client.post(reverse("pools_transfers:ask"), answers(profile, **changes))
    assert words in text_of(page)
    typed = changes.get("reason", "The workshop moved.")
    assert typed in page.content.decode()
    assert not PoolTransfer.objects.exists()


def test_another_person_approves_on_the_page_and_the_panel_leads_there(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    asked = ask(profile.pool, by=make_colleague())
    home = text_of(client.get(reverse("wagtailadmin_home")))
    assert "1 transfer between pools waits for your decision" in home
    listed = client.get(reverse("pools_transfers:index") + "?state=waiting")
    assert "$40.00" in text_of(listed)
    page = reverse("pools_transfers:inspect", args=[asked.pk])
    assert "has $100.00 available" in text_of(client.get(page))
    client.post(page, {"act": "decline", "note": ""})
    asked.refresh_from_db()
    assert asked.decided_at is None
    client.post(page, {"act": "approve", "note": ""})
    assert available(profile.pool) == 6_000
    assert "waits for your decision" not in text_of(client.get(reverse("wagtailadmin_home")))
    assert "Entry" in text_of(client.get(page))


def test_ones_own_request_has_no_button_and_a_forged_press_moves_nothing(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    asked = ask(profile.pool, by=treasurer)
    page = reverse("pools_transfers:inspect", args=[asked.pk])
    shown = client.get(page)
    assert "somebody else must decide" in text_of(shown)
    assert 'value="approve"' not in shown.content.decode()
    client.post(page, {"act": "approve"})
    asked.refresh_from_db()
    assert asked.decided_at is None
    assert "waits for your decision" not in text_of(client.get(reverse("wagtailadmin_home")))


def test_an_auditor_reads_all_of_it_and_does_nothing(
    client: Client, auditor: User, profile: PoolProfile
) -> None:
    asked = ask(profile.pool, by=make_colleague())
    offer, row = offered(profile), None
    for name, key in (
        ("pools_transfers", asked.pk),
        ("pools_matching", offer.pk),
        ("pools_recorded", row),
    ):
        assert client.get(reverse(f"{name}:index")).status_code == 200
        if key is not None:
            assert client.get(reverse(f"{name}:inspect", args=[key])).status_code == 200
    for address in (
        "pools_transfers:ask",
        "pools_matching:new",
        "pools_recorded:new",
        "pools_recorded:file",
        "pools_recorded:sample",
        "pools_recorded:donor",
    ):
        assert client.get(reverse(address)).status_code == 403
    client.post(reverse("pools_transfers:inspect", args=[asked.pk]), {"act": "approve"})
    forged = client.post(
        reverse("pools_matching:inspect", args=[offer.pk]), {"act": "end", "reason": "x"}
    )
    assert forged.status_code == 403
    asked.refresh_from_db()
    offer.refresh_from_db()
    assert asked.decided_at is None
    assert offer.ended_at is None


def test_a_treasurer_hides_the_name_of_an_offer_and_an_auditor_does_not(
    client: Client, profile: PoolProfile
) -> None:
    offer = offered(profile)
    address = reverse("pools_matching:inspect", args=[offer.pk])
    for group, hidden in ((groups.AUDITORS, False), (groups.TREASURERS, True)):
        sign_in(client, make_staff(group))
        assert ('value="hide"' in client.get(address).content.decode()) is hidden
        client.post(address, {"act": "hide", "reason": "Not theirs."})
        offer.refresh_from_db()
        assert offer.anonymous is hidden
        client.logout()
    assert offer.public_name == ""


def test_editors_see_nothing_of_it(client: Client, profile: PoolProfile) -> None:
    sign_in(client, make_staff(groups.EDITORS))
    asked = ask(profile.pool)
    for address in (
        reverse("pools_transfers:index"),
        reverse("pools_transfers:inspect", args=[asked.pk]),
        reverse("pools_recorded:index"),
        reverse("pools_matching:index"),
    ):
        assert client.get(address).status_code in (302, 403)


# --- Recording ----------------------------------------------------------------------------------------


def typed(**changes: Any) -> dict[str, Any]:
    return {
        "external_id": "LETTER-9",
        "kind": "expected",
        "donor": "Ministry of Health",
        "donor_kind": "organisation",
        "country": "MW",
        "pool": "training",
        "amount": "2500",
        "language": "en",
        **changes,
    }


def test_one_is_recorded_by_the_form_once(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    address = reverse("pools_recorded:new")
    assert client.get(address).status_code == 200
    first = client.post(address, typed(due_on="2030-01-31"))
    again = client.post(address, typed(due_on="2030-01-31"))
    assert first.status_code == again.status_code == 302
    assert first["Location"] == again["Location"]
    row = RecordedGiving.objects.get()
    assert row.recorded_by == treasurer
    page = client.get(first["Location"])
    assert "Ministry of Health" in text_of(page)
    expected = ExpectedPayment.objects.get()
    assert reverse("bank_expected:inspect", args=[expected.pk]) in page.content.decode()
    assert "LETTER-9" in text_of(client.get(reverse("pools_recorded:index") + "?q=Ministry"))


def test_a_pledge_and_a_parked_payment_are_recorded_by_the_form(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    address = reverse("pools_recorded:new")
    pledge = typed(kind="pledge", schedule="2030-01-31 1500 | 2030-07-31 1000", binding="on")
    page = client.get(client.post(address, pledge)["Location"])
    assert page.status_code == 200
    match = parked(10_000)
    donor = Donor.objects.get()
    paid = typed(
        external_id="L-10",
        kind="payment",
        donor="",
        donor_id=donor.pk,
        amount="100",
        bank_line=str(match.line),
    )
    assert client.post(address, paid).status_code == 302
    assert queries.figures(profile.pool, "USD")["received"] == 20_000
    assert RecordedGiving.objects.filter(donor=donor).count() == 2


def test_a_donor_alone_is_recorded_once_with_its_number(client: Client, treasurer: User) -> None:
    address = reverse("pools_recorded:donor")
    assert client.get(address).status_code == 200
    sent = {"name": "A Fund", "kind": "organisation", "email": "", "country": "NO"}
    for _ in range(2):
        page = client.post(address, sent, follow=True)
        assert f"donor number {Donor.objects.get().pk}." in text_of(page)
    assert "Write the donor’s name" in text_of(client.post(address, {**sent, "name": ""}))
    assert Donor.objects.get().recorded_by == treasurer


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"amount": "lots"}, "is not an amount"),
        ({"donor": ""}, "Write the donor’s name"),
        ({"donor_id": "999999"}, "There is no donor number 999999"),
        ({"due_on": "31 January"}, "is not a day"),
        ({"schedule": "2030-01-31 5"}, "This is for “pledge” alone"),
        ({"kind": "pledge"}, "Write the day on which it is due"),
        ({"kind": "payment"}, "Name what shows that the money came"),
        ({"external_id": "x" * 101}, "an identifier of 100 characters"),
        ({"country": "XX"}, "Select a valid choice"),
    ],
)
def test_an_error_stands_at_its_field_and_keeps_what_was_typed(
    client: Client, treasurer: User, profile: PoolProfile, changes: Any, words: str
) -> None:
    page = client.post(reverse("pools_recorded:new"), typed(**changes))
    assert page.status_code == 200
    assert words in text_of(page)
    assert 'value="training" selected' in page.content.decode()
    assert not RecordedGiving.objects.exists()


def upload(client: Client, content: bytes) -> Any:
    file = SimpleUploadedFile("letters.csv", content, content_type="text/csv")
    return client.post(reverse("pools_recorded:file"), {"act": "look", "file": file})


def token_in(page: Any) -> str:
    found = re.search(r'name="token" value="(\w{32})"', page.content.decode())
    assert found
    return found[1]


def test_a_file_is_looked_at_and_then_recorded(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    make_channel(name="Cheque")
    address = reverse("pools_recorded:file")
    assert "external_id" in text_of(client.get(address))
    page = upload(client, a_file(EXPECTED, PAID))
    assert "2 rows are new." in text_of(page)
    assert "1 donor is written down anew." in text_of(page)
    assert not RecordedGiving.objects.exists()
    token = token_in(page)
    assert client.post(address, {"act": "record", "token": token}).status_code == 302
    assert RecordedGiving.objects.filter(file_name="letters.csv").count() == 2
    # The page sent once more: its file is gone, and nothing is recorded twice.
    client.post(address, {"act": "record", "token": token})
    assert "2 rows are recorded already." in text_of(upload(client, a_file(EXPECTED, PAID)))
    assert RecordedGiving.objects.count() == 2


def test_a_file_with_an_error_tells_row_and_column_and_has_no_button(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    page = upload(client, a_file(EXPECTED, EXPECTED.replace("L-1", "L-2").replace("USD", "EUR")))
    text = text_of(page)
    assert "1 row has errors." in text
    assert "currency : The pool is kept in USD" in text
    assert 'value="record"' not in page.content.decode()
    client.post(reverse("pools_recorded:file"), {"act": "record", "token": token_in(page)})
    assert not RecordedGiving.objects.exists()


def test_scripts_in_a_file_are_shown_as_text(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    bad = EXPECTED.replace("Ministry of Health", "<script>alert(1)</script>").replace("USD", "<b>")
    page = upload(client, a_file(bad)).content.decode()
    assert "<script>alert(1)" not in page
    assert "&lt;script&gt;alert(1)" in page


def test_a_file_waits_for_its_own_clerk_alone(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    token = token_in(upload(client, a_file(EXPECTED)))
    other = Client()
    sign_in(other, make_staff(groups.TREASURERS))
    for wrong in (token, "x", "../" + token):
        other.post(reverse("pools_recorded:file"), {"act": "record", "token": wrong})
    assert not RecordedGiving.objects.exists()


def test_a_file_that_cannot_be_read_says_why(client: Client, treasurer: User) -> None:
    assert "The heading lacks" in text_of(upload(client, b"external_id,kind\nx,y"))
    assert "Choose the file." in text_of(
        client.post(reverse("pools_recorded:file"), {"act": "look"})
    )


def test_the_sample_is_a_download(client: Client, treasurer: User) -> None:
    answer = client.get(reverse("pools_recorded:sample"))
    assert answer["Content-Type"] == "text/csv; charset=utf-8"
    assert answer.content.decode("utf-8-sig").startswith("external_id,kind,donor")


# --- Matching -----------------------------------------------------------------------------------------


def test_an_offer_is_recorded_once_shown_and_ended(
    client: Client, treasurer: User, profile: PoolProfile
) -> None:
    today = timezone.localdate()
    sent = {
        "reference": str(uuid.uuid4()),
        "donor": a_donor().pk,
        "pool": profile.pk,
        "most": "1000",
        "rate": "100",
        "starts_on": today.isoformat(),
        "ends_on": today.isoformat(),
        "public_name": "A Fund",
        "binding": "on",
    }
    address = reverse("pools_matching:new")
    assert client.get(address).status_code == 200
    made = client.post(address, sent)
    assert client.post(address, sent)["Location"] == made["Location"]
    offer = MatchingOffer.objects.get()
    a_gift(profile, 2_500)
    assert "By today it comes to $25.00, from 1 gift" in text_of(client.get(made["Location"]))
    assert "A Fund" in text_of(client.get(reverse("pools_matching:index")))
    client.post(made["Location"], {"act": "end", "reason": ""})
    offer.refresh_from_db()
    assert offer.ended_at is None
    client.post(made["Location"], {"act": "end", "reason": "The fund closed."})
    offer.refresh_from_db()
    assert offer.ended_at is not None


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"donor": "999999"}, "There is no donor of this number."),
        ({"most": "lots"}, "is not an amount"),
        ({"rate": "0"}, "a share from 1 to 1000"),
        ({"ends_on": "2020-01-01"}, "would end before it starts"),
    ],
)
def test_a_refused_offer_says_why_at_its_field(
    client: Client, treasurer: User, profile: PoolProfile, changes: Any, words: str
) -> None:
    today = timezone.localdate().isoformat()
    sent = {
        "reference": str(uuid.uuid4()),
        "donor": a_donor().pk,
        "pool": profile.pk,
        "most": "1000",
        "rate": "100",
        "starts_on": today,
        "ends_on": today,
        **changes,
    }
    assert words in text_of(client.post(reverse("pools_matching:new"), sent))
    assert not MatchingOffer.objects.exists()
