"""A donor's own pages: how each gift is named, who they are, years, what their money did, claims."""

import datetime
import io
import uuid
from typing import Any

import pytest
from django.core.cache import cache
from django.core.files.uploadedfile import SimpleUploadedFile
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from PIL import Image as Picture
from wagtail.images import get_image_model
from wagtail.models import ModelLogEntry

from core import pictures
from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.pools import claims, details, instalments, naming, year_statements
from funding.pools.models import Donor, Gift, GivingPolicy, RecurringGift
from funding.pools.year_statements import Line, YearStatement
from tests.factories import pools as make
from tests.factories.banking import make_staff
from tests.look.html import Document

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_site")]


@pytest.fixture(autouse=True)
def clear(db: None) -> None:
    cache.clear()


@pytest.fixture
def user(client: Client) -> User:
    person = make.make_person("me@example.org")
    client.force_login(person)
    return person


@pytest.fixture(autouse=True)
def media(settings: Any, tmp_path: Any) -> None:
    settings.MEDIA_ROOT = str(tmp_path)


def page(client: Client, address: str) -> str:
    answer = client.get(address)
    assert answer.status_code == 200
    content = answer.content.decode()
    assert Document(content).faults == []
    return content


def named(client: Client, address: str, **values: str) -> Any:
    return client.post(address, {"naming": "anonymous", "public_name": "", **values})


def name_page(gift: Gift) -> str:
    return reverse("giving_name_gift", args=[gift.reference])


# --- How each is named ----------------------------------------------------------------------------


def test_a_donor_names_one_gift_and_no_other(client: Client, user: User) -> None:
    first = make.received_gift(giver=make.a_giver(user))
    second = make.received_gift(giver=make.a_giver(user))
    heard: list[list[int]] = []
    naming.register(heard.append)
    try:
        page(client, name_page(first))
        answer = named(client, name_page(first), naming="named", public_name=" Grace & Co ")
        assert answer["Location"] == reverse("giving")
        # Again it is the same, and tells nobody anything.
        named(client, name_page(first), naming="named", public_name="Grace & Co")
    finally:
        naming._listeners.remove(heard.append)
    first.refresh_from_db()
    second.refresh_from_db()
    assert (first.anonymous, first.public_name) == (False, "Grace & Co")
    assert (second.anonymous, second.public_name) == (True, "")
    assert heard == [[first.donor_id]]
    assert ModelLogEntry.objects.filter(action="pools.show_as", user=user).count() == 1
    assert "Grace &amp; Co" in page(client, reverse("giving"))

    named(client, name_page(first))
    first.refresh_from_db()
    assert (first.anonymous, first.public_name) == (True, "")


def test_above_the_limit_a_gift_stays_named_and_the_form_says_why(
    client: Client, user: User
) -> None:
    gift = make.received_gift(giver=make.a_giver(user, public_name="Grace"), amount=5_000)
    GivingPolicy.objects.create(currency="USD", anonymous_limit=4_999)
    assert "Up to $49.99 a donor can stay anonymous." in page(client, name_page(gift))
    answer = named(client, name_page(gift))
    assert answer.status_code == 200
    assert "this is $50.00" in answer.content.decode()
    gift.refresh_from_db()
    assert gift.public_name == "Grace"


def test_a_name_is_asked_for_where_one_is_to_be_shown(client: Client, user: User) -> None:
    gift = make.received_gift(giver=make.a_giver(user))
    for values in ({"naming": "named", "public_name": "  "}, {"naming": "loud"}, {"naming": ""}):
        answer = named(client, name_page(gift), **values)
        assert answer.status_code == 200
        assert "There is something to correct" in answer.content.decode()
    gift.refresh_from_db()
    assert gift.anonymous


def test_recurring_gifts_and_pledges_are_named_too(client: Client, user: User) -> None:
    pledge = make.confirmed_pledge(user)
    wish = RecurringGift.objects.create(
        donor=pledge.donor,
        pool=pledge.pool,
        amount=500,
        currency="USD",
        interval="month",
        anonymous=True,
        language="en",
        form_token=uuid.uuid4(),
    )
    for row, address in (
        (pledge, reverse("giving_name_pledge", args=[pledge.reference])),
        (wish, reverse("giving_name_recurring", args=[wish.reference])),
    ):
        page(client, address)
        named(client, address, naming="named", public_name="Grace")
        row.refresh_from_db()
        assert (row.anonymous, row.public_name) == (False, "Grace")


def test_nobody_names_anothers_gift(client: Client, user: User) -> None:
    gift = make.received_gift(giver=make.a_giver(make.make_person()))
    assert client.get(name_page(gift)).status_code == 404
    assert named(client, name_page(gift), naming="named", public_name="X").status_code == 404
    client.logout()
    assert named(client, name_page(gift))["Location"].startswith(reverse("account_login"))
    gift.refresh_from_db()
    assert gift.anonymous


# --- Who they are ---------------------------------------------------------------------------------


def picture(kind: str = "PNG", size: tuple[int, int] = (1_200, 300), **more: Any) -> bytes:
    made = io.BytesIO()
    Picture.new("RGB", size, "teal").save(made, kind, **more)
    return made.getvalue()


def save_details(client: Client, logo: bytes | None = None, **values: Any) -> Any:
    sent = {"kind": "organisation", "name": "Grace Ltd", **values}
    if logo is not None:
        sent["logo"] = SimpleUploadedFile("logo.png", logo)
    return client.post(reverse("giving_details"), sent)


def test_a_donor_says_who_they_are_and_gets_a_row_of_their_own_once(
    client: Client, user: User
) -> None:
    page(client, reverse("giving_details"))
    assert not Donor.objects.exists()
    for _ in range(2):
        assert save_details(client)["Location"] == reverse("giving")
    donor = Donor.objects.get()
    assert (donor.user, donor.kind, donor.name) == (user, "organisation", "Grace Ltd")


def test_a_logo_is_written_anew_and_waits_for_staff(client: Client, user: User) -> None:
    exif = Picture.Exif()
    exif[0x010E] = "taken at home"
    save_details(client, picture("JPEG", exif=exif))
    donor = Donor.objects.get()
    assert donor.logo is not None
    assert not donor.logo_approved
    kept = donor.logo.file.open().read()
    assert b"taken at home" not in kept
    assert (donor.logo.width, donor.logo.height) == (800, 200)
    assert "Staff look at the logo" in page(client, reverse("giving"))

    with use_case():
        Donor.objects.update(logo_approved=True)
    save_details(client, picture())
    donor.refresh_from_db()
    # The new one was not looked at yet, and the old one is gone.
    assert not donor.logo_approved
    assert get_image_model().objects.count() == 1

    save_details(client, remove_logo="on")
    donor.refresh_from_db()
    assert donor.logo is None
    assert not get_image_model().objects.exists()


@pytest.mark.parametrize(
    "bad",
    [
        b"<svg xmlns='http://www.w3.org/2000/svg'><script>1</script></svg>",
        b"\x89PNG\r\n\x1a\n" + b"junk",
        picture()[:200],
        b"\x89PNG\r\n\x1a\n" + b"0" * (pictures.MOST_BYTES + 1),
        picture(size=(6_000, 5_000)),
    ],
    ids=["svg", "junk", "torn", "large", "unfolds"],
)
def test_what_is_no_small_picture_is_refused(client: Client, user: User, bad: bytes) -> None:
    answer = save_details(client, bad)
    assert answer.status_code == 200
    assert "There is something to correct" in answer.content.decode()
    assert not get_image_model().objects.exists()


# --- Claiming -------------------------------------------------------------------------------------


def test_a_code_from_a_letter_brings_what_was_recorded(client: Client, user: User) -> None:
    gift = make.received_gift(giver=make.a_giver(email="office@example.org"))
    code = claims.issue_claim_code(gift.donor, by=make.make_person())
    page(client, reverse("giving_claim"))
    # A link with the code in it does nothing.
    client.get(reverse("giving_claim"), {"code": code})
    assert "$50.00" not in page(client, reverse("giving"))
    assert client.post(reverse("giving_claim"), {"code": code})["Location"] == reverse("giving")
    assert "$50.00" in page(client, reverse("giving"))

    other = Client()
    other.force_login(make.make_person())
    answer = other.post(reverse("giving_claim"), {"code": code})
    assert "Another person has used this code" in answer.content.decode()


def test_codes_cannot_be_tried_for_ever(client: Client, user: User) -> None:
    answers = [
        client.post(reverse("giving_claim"), {"code": "AAAA-BBBB-CCCC"}).status_code
        for _ in range(11)
    ]
    assert answers == [200] * 10 + [429]


# --- Years, and what the money did ----------------------------------------------------------------


def test_a_year_is_stated_with_what_was_given_back(client: Client, user: User) -> None:
    profile = make.open_pool()
    gift = make.received_gift(profile, make.a_giver(user), amount=5_000)
    make.received_gift(profile, make.a_giver(email="me@example.org"), amount=2_000)
    make.received_gift(profile, make.a_giver(email="you@example.org"), amount=9_000)
    pledge = make.confirmed_pledge(user, profile=profile)
    make.received_instalment(pledge)
    payment = year_statements.payments_of(user)[0]  # type: ignore[index]
    payment.refunds.create(
        amount=1_500, currency="USD", status="succeeded", created_at=timezone.now()
    )
    payment.refunds.create(amount=300, currency="USD", status="failed", created_at=timezone.now())
    (statement,) = year_statements.statements_of(user)
    assert statement.currency == gift.currency
    assert (statement.given.amount, statement.back.amount) == (57_000, 1_500)
    assert statement.total.amount == 55_500
    assert all(line.receipt for line in statement.lines)

    # Paid beyond the pledge, by a page that was open still: the overview says the same sum.
    second = pledge.instalments.get(number=2)
    pages = [
        instalments.begin_instalment_payment(
            second, user=user, language="en", amount=Money(amount, "USD")
        )
        for amount in (20_000, 50_000)
    ]
    for each in pages:
        make.pay(each)
    statements = year_statements.statements_of(user)
    assert year_statements.received(statements) == [Money(125_500, "USD")]
    assert statements[0].total == Money(125_500, "USD")
    assert ">$1,255.00<" in page(client, reverse("giving"))

    address = reverse("giving_year_statement", args=[statement.year, "USD"])
    assert f'href="{address}"' in page(client, reverse("giving"))
    answer = client.get(address)
    assert answer["Content-Type"] == "application/pdf"
    assert answer.content.startswith(b"%PDF")
    for year, currency in ((statement.year, "EUR"), (statement.year - 1, "USD"), (0, "x")):
        other = reverse("giving_year_statement", args=[year, currency])
        assert client.get(other).status_code == 404
    stranger = Client()
    stranger.force_login(make.make_person())
    assert stranger.get(address).status_code == 404


def test_what_came_is_added_up_over_the_years_and_by_currency(user: User) -> None:
    euros = make.open_pool("euros", currency="EUR")
    for pool, amount in ((euros, 700), (None, 5_000)):
        make.received_gift(pool, make.a_giver(user), amount=amount)
    statements = year_statements.statements_of(user)
    day = datetime.date(2020, 2, 29)
    earlier = YearStatement(
        "Grace Giver", 2020, "USD", [Line(day, "A gift", "RCT-1", "Grace Giver", 2_000)]
    )
    assert year_statements.received([*statements, earlier]) == [
        Money(700, "EUR"),
        Money(7_000, "USD"),
    ]


@pytest.mark.parametrize("language", ["en", "fr", "pt"])
def test_the_statement_is_a_paper_in_each_language(user: User, language: str) -> None:
    make.received_gift(giver=make.a_giver(user))
    (statement,) = year_statements.statements_of(user)
    assert year_statements.year_statement_pdf(statement, language).startswith(b"%PDF")


def test_the_page_of_what_the_money_did_states_the_rule_and_the_sums(
    client: Client, user: User
) -> None:
    assert "Nothing yet" in page(client, reverse("giving_did"))
    make.received_gift(giver=make.a_giver(user), amount=5_000)
    content = page(client, reverse("giving_did"))
    assert "share by a rule" in content
    assert "$50.00" in content
    # The only gift bears the whole fee of 1.75.
    assert "$1.75" in content
    assert "$48.25" in content


@pytest.mark.parametrize("name", ["giving_details", "giving_claim", "giving_did"])
def test_strangers_are_asked_to_sign_in(client: Client, name: str) -> None:
    assert client.get(reverse(name))["Location"].startswith(reverse("account_login"))


def test_a_logo_waits_anew_for_staff_when_its_donor_gives_under_another_name(user: User) -> None:
    make.received_gift(giver=make.a_giver(user, public_name="Mallory"))
    donor = details.propose_logo(user, picture())
    details.decide_logo(donor, logo_id=donor.logo_id, approved=True, by=make_staff())
    make.received_gift(giver=make.a_giver(user, public_name="Mallory"))
    donor.refresh_from_db()
    assert donor.logo_approved
    make.received_gift(giver=make.a_giver(user, public_name="World Health Fund"))
    donor.refresh_from_db()
    assert donor.public_name == "World Health Fund"
    assert not donor.logo_approved
