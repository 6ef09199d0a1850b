"""Carrying the card's fee: how much is added, that the pool loses nothing, and what the form says."""

import re
import uuid
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from hypothesis import given
from hypothesis import strategies as st

from core.money import Money
from funding.ledger import queries as ledger
from funding.payments.models import Payment, Subscription
from funding.payments.stripe_units import AmountTooLargeForCard, to_stripe
from funding.pools import gifts, policy, recurring, refusals
from funding.pools.models import CARD_LIMIT, Gift, GivingPolicy, PoolProfile, RecurringGift
from tests.factories import pools as make
from tests.factories.banking import make_account

pytestmark = pytest.mark.django_db


def set_fee(currency: str = "USD", rate: int = 290, fixed: int = 30, **limits: Any) -> GivingPolicy:
    return GivingPolicy.objects.create(
        currency=currency, card_fee_rate=rate, card_fee_fixed=fixed, **limits
    )


def fee_of(whole: int, rate: int, fixed: int) -> int:
    """What the processor takes of a payment, at the worst rounding for us."""
    return -(-whole * rate // 10_000) + fixed


@pytest.mark.parametrize(
    ("amount", "rate", "fixed", "added"),
    [
        (10_000, 290, 30, 330),  # of 103.30 the fee is 3.00 and 0.30
        (2_500, 290, 30, 106),
        (500, 290, 30, 46),
        (10_000, 0, 30, 30),
        (10_000, 150, 0, 153),
        (10_000, 0, 0, 0),
        (10_000, 2_000, 0, 2_500),
    ],
)
def test_the_sum_added_is_the_fee_of_the_whole(
    amount: int, rate: int, fixed: int, added: int
) -> None:
    set_fee(rate=rate, fixed=fixed)
    assert policy.fee_cover(Money(amount, "USD")) == Money(added, "USD")


def test_without_a_known_fee_nothing_is_added() -> None:
    set_fee("EUR")
    assert policy.fee_cover(Money(10_000, "USD")) == Money(0, "USD")


@pytest.mark.parametrize(
    ("currency", "amount"), [("MGA", 1_000_000), ("KWD", 10_000), ("JPY", 1_000), ("UGX", 50_000)]
)
def test_the_whole_is_an_amount_that_a_card_can_pay(currency: str, amount: int) -> None:
    set_fee(currency, rate=317, fixed=7)
    whole = Money(amount, currency) + policy.fee_cover(Money(amount, currency))
    to_stripe(whole)
    assert whole.amount - fee_of(whole.amount, 317, 7) >= amount


@given(
    amount=st.integers(1, 10**8),
    rate=st.integers(0, 2_000),
    fixed=st.integers(0, 10_000),
)
def test_the_pool_never_gets_less_and_no_minor_unit_too_much_is_added(
    amount: int, rate: int, fixed: int
) -> None:
    known = GivingPolicy(currency="USD", card_fee_rate=rate, card_fee_fixed=fixed)
    with mock.patch.object(policy, "policy", return_value=known):
        whole = amount + policy.fee_cover(Money(amount, "USD")).amount
    assert whole - fee_of(whole, rate, fixed) >= amount
    assert whole == amount or whole - 1 - fee_of(whole - 1, rate, fixed) < amount


def begin(profile: PoolProfile, amount: int = 10_000, **changes: Any) -> Payment:
    values: dict[str, Any] = {
        "profile": profile,
        "amount": Money(amount, profile.currency),
        "language": "en",
        "form_token": uuid.uuid4(),
        "cover_fee": True,
    }
    return gifts.begin_gift(make.a_giver(), **{**values, **changes})


def test_a_gift_with_its_fee_is_the_whole_and_knows_the_part() -> None:
    set_fee()
    profile = make.open_pool()
    payment = begin(profile)
    gift = Gift.objects.get()
    assert (gift.amount, gift.fee_cover, payment.amount) == (10_330, 330, 10_330)
    assert payment.description == "Gift to the pool “Core software”, with $3.30 for the card’s fee"
    make.pay(payment, fee=330)
    figures = ledger.figures(profile.pool, "USD")
    assert (figures["received"], figures["fees"]) == (10_330, 330)


def test_the_same_form_with_and_without_the_fee_is_two_gifts_and_twice_the_same_is_one() -> None:
    set_fee()
    profile, token = make.open_pool(), uuid.uuid4()
    first = begin(profile, form_token=token)
    assert begin(profile, form_token=token) == first
    assert begin(profile, form_token=token, cover_fee=False).amount == 10_000
    assert Gift.objects.count() == 2


def test_the_largest_gift_of_the_pool_may_carry_its_fee_beside() -> None:
    set_fee()
    assert begin(make.open_pool(maximum_gift=10_000), 10_000).amount == 10_330


def test_a_fee_that_no_card_can_carry_is_refused_and_nothing_is_written() -> None:
    set_fee()
    with pytest.raises(AmountTooLargeForCard):
        begin(make.open_pool(), CARD_LIMIT)
    assert not Gift.objects.exists()


def test_a_recurring_gift_carries_its_fee_each_time() -> None:
    set_fee()
    subscription = recurring.begin_recurring_gift(
        make.a_giver(),
        profile=make.open_pool(),
        amount=Money(2_500, "USD"),
        interval="month",
        language="en",
        form_token=uuid.uuid4(),
        cover_fee=True,
    )
    wish = RecurringGift.objects.get()
    assert (wish.amount, wish.fee_cover, subscription.amount) == (2_606, 106, 2_606)
    assert subscription.description.endswith("with $1.06 for the card’s fee")


# --- The form -------------------------------------------------------------------------------------


@pytest.fixture(autouse=True)
def stripe_answers() -> Any:
    address = "https://checkout.example.org/session"
    with (
        mock.patch("funding.payments.views.begin_checkout", return_value=address),
        mock.patch("funding.payments.checkout.begin_checkout", return_value=address),
    ):
        yield


def answers(**changes: str) -> dict[str, str]:
    values = {
        "form_token": str(uuid.uuid4()),
        "amount": "10000",
        "own_amount": "",
        "how_often": "once",
        "how_to_pay": "card",
        "name": "Grace Giver",
        "email": "grace@example.org",
        "naming": "anonymous",
        "public_name": "",
    }
    return {**values, **changes}


def test_the_form_says_what_the_fee_makes_of_each_amount(client: Client) -> None:
    set_fee()
    make.open_pool("core-software")
    content = client.get("/give/core-software/").content.decode()
    assert "The fee is 2.9 % and $0.30" in content
    assert "$25.00 becomes $26.06, $50.00 becomes $51.81, $100.00 becomes $103.30" in content
    assert not re.search(r'name="cover_fee"[^>]* checked', content)


def test_where_no_fee_is_known_none_is_offered_nor_taken(client: Client) -> None:
    make.open_pool("core-software")
    assert "cover_fee" not in client.get("/give/core-software/").content.decode()
    assert client.post("/give/core-software/", answers(cover_fee="on")).status_code == 303
    assert Gift.objects.get().amount == 10_000


@pytest.mark.parametrize("how_often", ["once", "month"])
def test_a_ticked_box_adds_the_fee(client: Client, how_often: str) -> None:
    set_fee()
    make.open_pool("core-software")
    sent = client.post("/give/core-software/", answers(cover_fee="on", how_often=how_often))
    assert sent.status_code == 303
    given = Gift.objects.get() if how_often == "once" else RecurringGift.objects.get()
    assert (given.amount, given.fee_cover) == (10_330, 330)
    assert (Payment if how_often == "once" else Subscription).objects.get().amount == 10_330


def test_the_form_shown_again_names_the_very_sum_and_keeps_the_tick(client: Client) -> None:
    set_fee()
    make.open_pool("core-software")
    content = client.post("/give/core-software/", answers(cover_fee="on", name="")).content.decode()
    assert "Add $3.30, so that the pool gets $100.00" in content
    assert re.search(r'name="cover_fee"[^>]* checked', content)


@pytest.mark.parametrize("how_often", ["once", "month"])
def test_a_transfer_costs_no_card_fee_so_nothing_is_added(client: Client, how_often: str) -> None:
    set_fee()
    make_account("USD")
    make.open_pool("core-software")
    typed = answers(cover_fee="on", how_to_pay="transfer", how_often=how_often)
    assert client.post("/give/core-software/", typed).status_code == 303
    given = Gift.objects.get() if how_often == "once" else RecurringGift.objects.get()
    assert (given.amount, given.fee_cover) == (10_000, 0)


def test_a_fee_the_card_cannot_carry_is_said_at_the_amount(client: Client) -> None:
    set_fee()
    make.open_pool("core-software")
    typed = answers(cover_fee="on", amount="own", own_amount=str(CARD_LIMIT // 100))
    response = client.post("/give/core-software/", typed)
    assert response.status_code == 200
    assert "A card cannot pay" in response.content.decode()
    assert not Gift.objects.exists()


# --- So many gifts an hour ------------------------------------------------------------------------


def test_many_gifts_of_one_address_within_an_hour_are_refused_and_the_form_is_kept(
    client: Client, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"begin_gift": "60/h/ip,2/h/key"}
    make.open_pool("core-software")
    for _ in range(2):
        assert client.post("/give/core-software/", answers()).status_code == 303
    refused = client.post("/give/core-software/", answers(name="Grace the Third"))
    assert refused.status_code == 429
    assert refused["Retry-After"] == "3600"
    content = refused.content.decode()
    assert str(refusals.TooManyGifts()) in content
    assert 'value="Grace the Third"' in content
    assert Gift.objects.count() == 2
    assert client.post("/give/core-software/", answers(email="b@example.org")).status_code == 303


def test_many_gifts_from_one_place_are_refused_whatever_address_they_name(
    client: Client, settings: Any
) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"begin_gift": "2/h/ip,20/h/key"}
    make.open_pool("core-software")
    for number in range(2):
        sent = client.post("/give/core-software/", answers(email=f"card{number}@example.org"))
        assert sent.status_code == 303
    assert client.post("/give/core-software/", answers()).status_code == 429
    elsewhere = client.post("/give/core-software/", answers(), REMOTE_ADDR="192.0.2.7")
    assert elsewhere.status_code == 303


def test_a_form_with_a_mistake_counts_for_nothing(client: Client, settings: Any) -> None:
    settings.ACCOUNT_RATE_LIMITS = {"begin_gift": "1/h/ip,1/h/key"}
    make.open_pool("core-software")
    for _ in range(3):
        assert client.post("/give/core-software/", answers(name="")).status_code == 200
    assert client.post("/give/core-software/", answers()).status_code == 303
