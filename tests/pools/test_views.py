"""Giving and pledging in the browser, without a browser: forms, redirects, other people's pages."""

import datetime
import re
from typing import Any
from unittest import mock

import pytest
from django.core import mail
from django.http import HttpResponse
from django.test import Client
from django.urls import reverse
from django.utils import timezone

from core.jobs.testing import run_pending_jobs
from core.models import User
from core.money import Money
from funding.payments.checkout import CheckoutUnavailable
from funding.payments.models import Payment
from funding.pools import pledges
from funding.pools.models import Donor, Gift, Pledge, PoolProfile
from funding.pools.schedules import months_later
from tests.factories import pools as make

pytestmark = pytest.mark.django_db

CHECKOUT = "https://checkout.example.org/session"


@pytest.fixture(autouse=True)
def stripe_answers() -> Any:
    """In Stripe's place: an address to go to."""
    with mock.patch("funding.payments.views.begin_checkout", return_value=CHECKOUT) as answer:
        yield answer


@pytest.fixture
def profile() -> PoolProfile:
    return make.open_pool("core-software")


@pytest.fixture
def alice() -> User:
    return make.make_person("alice@example.org", first_name="Alice", last_name="Donor")


def token_in(response: HttpResponse) -> str:
    found = re.search(r'name="form_token" value="([^"]+)"', response.content.decode())
    assert found
    return found[1]


def answers(page: HttpResponse, **changes: str) -> dict[str, str]:
    values = {
        "form_token": token_in(page),
        "amount": "5000",
        "own_amount": "",
        "name": "Grace Giver",
        "email": "grace@example.org",
        "naming": "anonymous",
        "public_name": "",
    }
    return {**values, **changes}


def give(client: Client, **changes: str) -> HttpResponse:
    address = reverse("give", args=["core-software"])
    return client.post(address, answers(client.get(address), **changes))


def errors_of(response: HttpResponse) -> str:
    """The summary of errors, as text; the page says "Error:" in its title too."""
    content = response.content.decode()
    assert response.status_code == 200
    assert "<title>Error:" in content
    summary = re.search(r'<div class="error-summary".*?</div>', content, re.S)
    assert summary
    return re.sub(r"<[^>]+>", " ", summary[0])


# --- Giving ---------------------------------------------------------------------------------------


def test_the_form_offers_the_pools_amounts_and_names_nobody_unless_asked(
    client: Client, profile: PoolProfile
) -> None:
    page = client.get(reverse("give", args=["core-software"]))
    content = page.content.decode()
    for words in ("$25.00", "$50.00", "$100.00", "Releases and security fixes."):
        assert words in content
    assert re.search(r'value="anonymous"[^>]* checked', content)
    # JSON-LD is a block of data, which no browser runs.
    assert "<script" not in content.replace('<script type="application/ld+json">', "")
    assert "no-store" in page["Cache-Control"]


def test_a_gift_goes_to_the_checkout_page_by_303(client: Client, profile: PoolProfile) -> None:
    response = give(client)
    assert (response.status_code, response["Location"]) == (303, CHECKOUT)
    gift = Gift.objects.get()
    assert (gift.money, gift.anonymous, gift.language) == (Money(5_000, "USD"), True, "en")
    assert gift.donor.user is None
    assert Payment.objects.get().payer_email == "grace@example.org"


@pytest.mark.parametrize(
    ("typed", "minor"),
    [
        ("75", 7_500),
        ("1,250.50", 125_050),
        ("1 250,50", 125_050),
        ("USD 75", 7_500),
        ("$75", 7_500),
    ],
)
def test_another_amount_is_read_as_people_write_it(
    client: Client, profile: PoolProfile, typed: str, minor: int
) -> None:
    assert give(client, amount="own", own_amount=typed).status_code == 303
    assert Gift.objects.get().amount == minor


def test_an_own_amount_counts_though_its_radio_was_not_pressed(
    client: Client, profile: PoolProfile
) -> None:
    assert give(client, amount="", own_amount="75").status_code == 303
    assert Gift.objects.get().amount == 7_500


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": ""}, "Choose an amount, or write your own."),
        ({"amount": "own"}, "Enter the amount you want to give."),
        ({"amount": "5000", "own_amount": "75"}, "Keep one of the two."),
        ({"amount": "own", "own_amount": "fifty"}, "“fifty” is not an amount."),
        ({"amount": "own", "own_amount": "-50"}, "is not an amount."),
        ({"amount": "own", "own_amount": "5.123"}, "“5.123” has more"),
        ({"amount": "own", "own_amount": "4.99"}, "$5.00"),
        ({"amount": "own", "own_amount": "99999999"}, "The largest amount"),
        ({"amount": "777"}, "777"),
        ({"name": " "}, "Enter your name"),
        ({"email": ""}, "Enter an e-mail address"),
        ({"email": "grace@"}, "like name@example.org"),
        ({"naming": ""}, "Choose whether"),
    ],
)
def test_a_mistake_is_named_at_its_field_and_what_was_typed_is_kept(
    client: Client, profile: PoolProfile, typed: dict[str, str], words: str
) -> None:
    response = give(client, public_name="Grace & Sons", **typed)
    assert words in errors_of(response)
    content = response.content.decode()
    assert 'value="Grace &amp; Sons"' in content
    if typed.get("own_amount"):
        assert f'value="{typed["own_amount"]}"' in content
    assert not Gift.objects.exists()
    assert not Payment.objects.exists()


def test_the_form_sent_twice_is_one_gift(client: Client, profile: PoolProfile) -> None:
    address = reverse("give", args=["core-software"])
    filled = answers(client.get(address))
    locations = {client.post(address, filled)["Location"] for _ in range(2)}
    assert locations == {CHECKOUT}
    assert Gift.objects.count() == Payment.objects.count() == 1


def test_a_form_without_its_token_is_not_taken(client: Client, profile: PoolProfile) -> None:
    assert give(client, form_token="x").status_code == 200
    assert not Gift.objects.exists()


def test_when_the_checkout_cannot_be_reached_the_donor_can_try_again(
    client: Client, profile: PoolProfile, stripe_answers: Any
) -> None:
    stripe_answers.side_effect = CheckoutUnavailable
    response = give(client)
    payment = Payment.objects.get()
    assert response.status_code == 303
    assert response["Location"].startswith(payment.get_absolute_url())
    assert Gift.objects.get().received_at is None


def test_a_signed_in_donor_gives_with_the_address_of_their_account(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    page = client.get(reverse("give", args=["core-software"]))
    assert "alice@example.org" in page.content.decode()
    give(client, email="somebody.else@example.org", naming="named", public_name="")
    donor = Donor.objects.get()
    assert (donor.user, donor.email, donor.public_name) == (
        alice,
        "alice@example.org",
        "Grace Giver",
    )


def test_an_anonymous_gift_leaves_the_public_name_of_earlier_gifts(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    give(client, naming="named", public_name="Alice & Co")
    give(client, naming="anonymous", public_name="")
    assert Donor.objects.get().public_name == "Alice & Co"
    assert sorted(gift.anonymous for gift in Gift.objects.all()) == [False, True]


def test_a_closed_pool_shows_why_and_takes_nothing(client: Client) -> None:
    profile = make.open_pool("core-software")
    filled = answers(client.get(reverse("give", args=["core-software"])))
    profile.closes_on = timezone.localdate() - datetime.timedelta(days=1)
    profile.save()
    for response in (
        client.get(reverse("give", args=["core-software"])),
        client.post(reverse("give", args=["core-software"]), filled),
    ):
        content = response.content.decode()
        assert "It takes no more gifts or pledges." in content
        assert "own_amount" not in content
    assert not Gift.objects.exists()


def test_an_unknown_pool_is_not_found(client: Client) -> None:
    assert client.get(reverse("give", args=["nothing"])).status_code == 404
    assert client.get(reverse("pledge", args=["nothing"])).status_code == 404


def test_the_form_speaks_french_and_the_gift_remembers_it(
    client: Client, profile: PoolProfile
) -> None:
    address = "/fr" + reverse("give", args=["core-software"])
    page = client.get(address)
    assert "50,00" in page.content.decode()
    client.post(address, answers(page))
    assert Gift.objects.get().language == Payment.objects.get().language == "fr"


# --- Pledging -------------------------------------------------------------------------------------


def pledge_answers(page: HttpResponse, **changes: str) -> dict[str, str]:
    values = {
        "form_token": token_in(page),
        "amount": "1,000.00",
        "schedule": "even",
        "count": "2",
        "rhythm": "quarterly",
        "first_on": timezone.localdate().isoformat(),
        "own_dates": "",
        "binding": "binding",
        "name": "Alice Donor",
        "naming": "named",
        "public_name": "",
    }
    return {**values, **changes}


def send_pledge(client: Client, **changes: str) -> HttpResponse:
    address = reverse("pledge", args=["core-software"])
    return client.post(address, pledge_answers(client.get(address), **changes))


def test_a_pledge_asks_to_sign_in_and_leads_back(client: Client, profile: PoolProfile) -> None:
    address = reverse("pledge", args=["core-software"])
    content = client.get(address).content.decode()
    for way_in in ("open_giving", "account_login"):
        assert f"{reverse(way_in)}?next=/pledge/core-software/" in content.replace("%2F", "/")
    assert client.post(address, {"amount": "5"}).status_code == 200
    assert not Pledge.objects.exists()


def test_a_pledge_is_checked_confirmed_and_stands_on_the_donors_page(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    response = send_pledge(client)
    pledge = Pledge.objects.get()
    check_page = reverse("pledge_check", args=["core-software", pledge.reference])
    assert (response.status_code, response["Location"]) == (303, check_page)
    content = client.get(check_page).content.decode()
    for words in ("$1,000.00", "500.00", "Binding", "Alice Donor", "It is a draft"):
        assert words in content
    assert pledge.confirmed_at is None
    own_page = reverse("giving_pledge", args=[pledge.reference])
    for _ in range(2):
        confirmed = client.post(check_page)
        assert confirmed["Location"] == own_page
    days = [part.due_on for part in pledge.instalments.all()]
    assert days == [timezone.localdate(), months_later(timezone.localdate(), 3)]
    run_pending_jobs()
    message = mail.outbox[0]
    assert message.to == ["alice@example.org"]
    assert "$1,000.00" in message.subject
    assert own_page in message.body
    assert "The pledge is binding" in message.body
    assert client.get(own_page).status_code == 200
    assert client.get(check_page)["Location"] == own_page


def test_own_dates_with_amounts(client: Client, profile: PoolProfile, alice: User) -> None:
    client.force_login(alice)
    year = timezone.localdate().year + 1
    lines = f"{year}-03-31  700.00\r\n\r\n31/12/{year}: USD 300\r\n"
    assert send_pledge(client, schedule="own", own_dates=lines, count="").status_code == 303
    rows = [
        (part.due_on.isoformat(), part.amount) for part in Pledge.objects.get().instalments.all()
    ]
    assert rows == [(f"{year}-03-31", 70_000), (f"{year}-12-31", 30_000)]


def test_own_dates_without_amounts_share_evenly(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    year = timezone.localdate().year + 1
    lines = "\n".join(f"{year}-0{month}-15" for month in (1, 2, 3))
    assert send_pledge(client, schedule="own", own_dates=lines).status_code == 303
    amounts = [part.amount for part in Pledge.objects.get().instalments.all()]
    assert amounts == [33_334, 33_333, 33_333]


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"amount": ""}, "Enter the amount you want to pledge."),
        ({"amount": "0.01", "count": "24"}, "too little"),
        ({"amount": "1"}, "$5.00"),
        ({"amount": "100", "count": "24"}, "Each instalment must be"),
        ({"count": "25"}, "24 instalments at most"),
        ({"count": "0"}, "one instalment at least"),
        ({"count": "two"}, "in digits"),
        ({"count": ""}, "Enter the number of instalments"),
        ({"first_on": ""}, "Enter the date of the first instalment."),
        ({"first_on": "tomorrow"}, "Enter the date like 2027-03-31."),
        ({"first_on": "2020-01-01"}, "has passed"),
        ({"binding": ""}, "Choose how firm"),
        ({"schedule": ""}, "Choose when you will pay."),
        ({"schedule": "own"}, "Enter a date for at least one instalment."),
        ({"schedule": "own", "own_dates": "soon"}, "Line 1, “soon”"),
        ({"schedule": "own", "own_dates": "2099-02-30"}, "does not begin with a date"),
        ({"schedule": "own", "own_dates": "2030-01-01 ten"}, "“ten” is not an amount"),
        (
            {"schedule": "own", "own_dates": "2030-01-01 500\n2030-02-01"},
            "an amount on every line",
        ),
        ({"schedule": "own", "own_dates": "2030-01-01 999"}, "add up to $999.00"),
        ({"schedule": "own", "own_dates": "2020-01-01"}, "has passed"),
        ({"schedule": "own", "own_dates": "2030-01-01\n2030-01-01"}, "there twice"),
    ],
)
def test_a_mistake_in_a_pledge_is_named_and_what_was_typed_is_kept(
    client: Client, profile: PoolProfile, alice: User, typed: dict[str, str], words: str
) -> None:
    client.force_login(alice)
    response = send_pledge(client, public_name="Alice & Co", **typed)
    assert words in errors_of(response)
    content = response.content.decode()
    assert 'value="Alice &amp; Co"' in content
    for value in typed.values():
        assert value.splitlines()[0] in content if value else True
    assert not Pledge.objects.exists()


def test_boxes_of_the_schedule_not_chosen_may_hold_anything(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    assert send_pledge(client, own_dates="whenever").status_code == 303
    year = timezone.localdate().year + 1
    own = {"schedule": "own", "own_dates": f"{year}-05-05", "count": "99", "first_on": "soon"}
    assert send_pledge(client, **own).status_code == 303


def test_a_draft_is_changed_in_the_same_form(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    pledge = make.draft_pledge(alice, profile, binding=True)
    address = reverse("pledge_change", args=["core-software", pledge.reference])
    page = client.get(address)
    content = page.content.decode()
    assert 'value="1000"' in content
    assert "500.00" in content
    response = client.post(address, pledge_answers(page, amount="300", count="1", binding="intent"))
    assert response.status_code == 303
    pledge.refresh_from_db()
    assert (pledge.amount, pledge.binding, pledge.instalments.count()) == (30_000, False, 1)


def test_a_draft_is_thrown_away_by_post_alone(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    pledge = make.draft_pledge(alice, profile)
    address = reverse("pledge_discard", args=["core-software", pledge.reference])
    assert client.get(address).status_code == 405
    assert client.post(address)["Location"] == "/pools/core-software/"
    assert not Pledge.objects.exists()


def test_a_draft_that_waited_too_long_says_so_and_leads_to_its_change(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    client.force_login(alice)
    pledge = make.draft_pledge(alice, profile)
    profile.paused = True
    profile.save()
    response = client.post(reverse("pledge_check", args=["core-software", pledge.reference]))
    assert response.status_code == 200
    assert "takes no gifts or pledges at the moment" in response.content.decode()
    pledge.refresh_from_db()
    assert pledge.confirmed_at is None


# --- A donor's own pages --------------------------------------------------------------------------


def test_giving_shows_gifts_pledges_receipts_and_totals(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    make.received_gift(profile, make.a_giver(alice, public_name="Alice & Co"))
    make.begun_gift(profile, make.a_giver(alice), amount=7_700)
    pledge = make.confirmed_pledge(alice, profile=profile)
    make.received_instalment(pledge, 1)
    client.force_login(alice)
    content = client.get(reverse("giving")).content.decode()
    receipt = Payment.objects.get(purpose="gift", status="succeeded").receipt
    for words in (
        receipt.number,
        "Alice &amp; Co",
        "Not paid",
        "Pay this gift",
        "$550.00",  # received: 50.00 and 500.00
        "$500.00",  # still to come
        reverse("giving_pledge", args=[pledge.reference]),
    ):
        assert words in content


def test_an_empty_page_says_what_will_be_there(client: Client, alice: User) -> None:
    client.force_login(alice)
    assert "will stand here" in client.get(reverse("giving")).content.decode()


def test_an_instalment_is_paid_from_the_pledges_page(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    pledge = make.confirmed_pledge(alice, profile=profile)
    client.force_login(alice)
    page = reverse("giving_pledge", args=[pledge.reference])
    pay = reverse("giving_pay_instalment", args=[pledge.reference, 1])
    assert pay in client.get(page).content.decode()
    for _ in range(2):
        assert client.post(pay)["Location"] == CHECKOUT
    make.pay(Payment.objects.get())
    content = client.get(page).content.decode()
    assert "Received" in content
    assert f'action="{pay}"' not in content
    response = client.post(pay, follow=True)
    assert "This instalment is received already." in response.content.decode()
    assert Payment.objects.count() == 1


def test_an_intent_is_withdrawn_after_one_more_page(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    pledge = make.confirmed_pledge(alice, profile=profile, binding=False)
    client.force_login(alice)
    page = reverse("giving_pledge", args=[pledge.reference])
    withdraw = reverse("giving_withdraw", args=[pledge.reference])
    assert withdraw in client.get(page).content.decode()
    assert "$1,000.00" in client.get(withdraw).content.decode()
    assert client.post(withdraw)["Location"] == page
    pledge.refresh_from_db()
    assert pledge.cancelled_at is not None
    content = client.get(page).content.decode()
    assert "You withdrew this pledge." in content
    assert "/pay/" not in content


def test_a_binding_pledge_offers_no_withdrawal(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    pledge = make.confirmed_pledge(alice, profile=profile, binding=True)
    client.force_login(alice)
    page = reverse("giving_pledge", args=[pledge.reference])
    withdraw = reverse("giving_withdraw", args=[pledge.reference])
    assert withdraw not in client.get(page).content.decode()
    assert client.get(withdraw)["Location"] == page
    client.post(withdraw)
    pledge.refresh_from_db()
    assert pledge.cancelled_at is None


def test_other_peoples_pledges_are_not_found(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    pledge = make.confirmed_pledge(alice, profile=profile, binding=False)
    drafted = make.draft_pledge(alice, profile)
    # The same address is not enough: a pledge belongs to the account that made it.
    charlie = make.make_person("charlie@example.org")
    Donor.objects.filter(user=alice).update(email="charlie@example.org")
    client.force_login(charlie)
    for name, args in (
        ("giving_pay_instalment", [pledge.reference, 1]),
        ("giving_withdraw", [pledge.reference]),
        ("pledge_check", ["core-software", drafted.reference]),
        ("pledge_change", ["core-software", drafted.reference]),
        ("pledge_discard", ["core-software", drafted.reference]),
    ):
        address = reverse(name, args=args)
        assert client.post(address).status_code == 404
    assert client.get(reverse("giving_pledge", args=[pledge.reference])).status_code == 404
    assert str(pledge.reference) not in client.get(reverse("giving")).content.decode()
    drafted.refresh_from_db()
    assert drafted.confirmed_at is None
    assert not Payment.objects.exists()


def test_signed_out_readers_are_asked_to_sign_in(
    client: Client, profile: PoolProfile, alice: User
) -> None:
    pledge = make.confirmed_pledge(alice, profile=profile)
    for address in (reverse("giving"), reverse("giving_pledge", args=[pledge.reference])):
        response = client.get(address)
        assert response.status_code == 302
        assert response["Location"].startswith(reverse("account_login"))


def test_a_gift_made_before_the_account_stands_on_the_page(
    client: Client, profile: PoolProfile
) -> None:
    make.received_gift(profile, make.a_giver(email="late@example.org"), amount=4_200)
    client.force_login(make.make_person("late@example.org"))
    assert "$42.00" in client.get(reverse("giving")).content.decode()


def test_confirming_is_recorded_with_its_actor(alice: User) -> None:
    from wagtail.models import ModelLogEntry

    pledge = make.draft_pledge(alice)
    pledges.confirm_pledge(pledge, by=alice)
    entry = ModelLogEntry.objects.get(action="pools.confirm_pledge")
    assert (entry.user, entry.object_id) == (alice, str(pledge.pk))
