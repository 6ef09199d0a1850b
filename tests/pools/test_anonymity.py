"""Anonymous to the public: up to a limit, and never given away by a day, an amount or a name."""

import datetime
import re
import uuid
from typing import Any
from unittest import mock

import pytest
from django.test import Client
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.money import Money
from funding.payments.banking.refusals import AlreadyPaid, MoreThanOutstanding
from funding.pools import (
    gifts,
    hiding,
    naming,
    policy,
    queries,
    recurring,
    refusals,
    visibility,
)
from funding.pools.models import (
    Gift,
    GivingPolicy,
    MatchingOffer,
    MatchingSettlement,
    PoolProfile,
    RecurringGift,
)
from portal import groups
from tests.factories import pools as make
from tests.factories.banking import make_account, make_staff
from tests.pools.test_money_corners import arrive

pytestmark = pytest.mark.django_db


def set_limit(limit: int = 50_000, **changes: Any) -> GivingPolicy:
    return GivingPolicy.objects.create(currency="USD", anonymous_limit=limit, **changes)


# --- The limit ------------------------------------------------------------------------------------


@pytest.mark.parametrize(("amount", "refused"), [(49_999, False), (50_000, False), (50_001, True)])
def test_up_to_the_limit_itself_a_donor_stays_anonymous(amount: int, refused: bool) -> None:
    set_limit()
    if not refused:
        policy.check_anonymity(Money(amount, "USD"))
        return
    with pytest.raises(refusals.AnonymousTooLarge) as caught:
        policy.check_anonymity(Money(amount, "USD"))
    assert "$500.00" in str(caught.value)


def test_without_a_limit_in_the_currency_any_gift_may_be_anonymous() -> None:
    set_limit()
    policy.check_anonymity(Money(10**9, "EUR"))


def test_a_named_gift_has_no_such_limit() -> None:
    set_limit()
    make.begun_gift(giver=make.a_giver(public_name="Grace"), amount=100_000)
    assert Gift.objects.get().public_name == "Grace"


def _once_by_card(**values: Any) -> Any:
    return gifts.begin_gift(make.a_giver(), **values)


def _once_by_transfer(**values: Any) -> Any:
    return gifts.promise_gift(make.a_giver(), channel=None, **values)


def _again_by_card(**values: Any) -> Any:
    return recurring.begin_recurring_gift(make.a_giver(), interval="month", **values)


def _standing_order(**values: Any) -> Any:
    return recurring.begin_standing_order(make.a_giver(), interval="month", **values)


@pytest.mark.parametrize(
    "begin", [_once_by_card, _once_by_transfer, _again_by_card, _standing_order]
)
def test_every_way_to_give_keeps_the_limit_and_writes_nothing(begin: Any) -> None:
    set_limit()
    make_account("USD")
    values = {"profile": make.open_pool(), "language": "en"}
    with pytest.raises(refusals.AnonymousTooLarge):
        begin(amount=Money(50_001, "USD"), form_token=uuid.uuid4(), **values)
    assert not Gift.objects.exists()
    assert not RecurringGift.objects.exists()
    begin(amount=Money(50_000, "USD"), form_token=uuid.uuid4(), **values)


@pytest.mark.parametrize("repeats", [False, True])
def test_no_more_is_taken_for_an_anonymous_gift_than_was_said(repeats: bool) -> None:
    """So none grows beyond the limit: what came on top is owed back, or parked (operating.md)."""
    make_account()
    set_limit()
    about: dict[str, Any] = {
        "profile": make.open_pool(),
        "amount": Money(50_000, "USD"),
        "language": "en",
        "form_token": uuid.uuid4(),
    }
    expected = (
        recurring.begin_standing_order(make.a_giver(), interval="month", **about)
        if repeats
        else gifts.promise_gift(make.a_giver(), channel=None, **about)
    )
    with pytest.raises(MoreThanOutstanding):
        arrive(expected, 50_001, key="t:1")
    arrive(expected, 50_000, key="t:2")
    if not repeats:
        with pytest.raises(AlreadyPaid):
            arrive(expected, 1, key="t:3")
    assert [(gift.anonymous, gift.amount) for gift in Gift.objects.all()] == [(True, 50_000)]


def test_the_fee_that_is_added_counts() -> None:
    set_limit(card_fee_rate=290, card_fee_fixed=30)
    with pytest.raises(refusals.AnonymousTooLarge):
        gifts.begin_gift(
            make.a_giver(),
            profile=make.open_pool(),
            amount=Money(50_000, "USD"),
            language="en",
            form_token=uuid.uuid4(),
            cover_fee=True,
        )


def answers(**changes: str) -> dict[str, str]:
    values = {
        "form_token": str(uuid.uuid4()),
        "amount": "own",
        "own_amount": "600",
        "how_often": "once",
        "how_to_pay": "card",
        "name": "Grace Giver",
        "email": "grace@example.org",
        "naming": "anonymous",
        "public_name": "",
    }
    return {**values, **changes}


def test_the_form_states_the_limit_before_anything_is_paid(client: Client) -> None:
    make.open_pool("core-software")
    words = "Up to $500.00 you can stay anonymous."
    assert words not in client.get("/give/core-software/").content.decode()
    set_limit()
    assert words in client.get("/give/core-software/").content.decode()


def test_the_refusal_stands_at_the_field_and_keeps_what_was_typed(client: Client) -> None:
    set_limit()
    make.open_pool("core-software")
    content = client.post("/give/core-software/", answers()).content.decode()
    assert re.search(r'id="id_naming_error".*?Up to \$500\.00 a donor can stay', content, re.S)
    for kept in ('value="600"', 'value="Grace Giver"', 'value="grace@example.org"'):
        assert kept in content
    assert not Gift.objects.exists()
    with mock.patch("funding.payments.views.begin_checkout", return_value="https://pay.example"):
        named = answers(naming="named", public_name="Grace & Sons")
        assert client.post("/give/core-software/", named).status_code == 303
    assert Gift.objects.get().public_name == "Grace & Sons"


# --- What the public sees -------------------------------------------------------------------------


def received(profile: PoolProfile, day: str, amount: int, name: str = "") -> Gift:
    gift, payment = make.begun_gift(profile, make.a_giver(public_name=name), amount)
    at = datetime.datetime.fromisoformat(f"{day}T12:00:00+00:00")
    make.pay(payment, paid_at=at)
    gift.refresh_from_db()
    return gift


@pytest.fixture
def year() -> int:
    return timezone.localdate().year - 1


def shown(profile: PoolProfile) -> list[tuple[int, int, int, int]]:
    return [
        (sum_.first.month, sum_.last.month, sum_.count, sum_.amount)
        for sum_ in queries.anonymous_gifts(profile.pool)
    ]


def test_recent_gifts_name_nobody_who_did_not_agree(year: int) -> None:
    profile = make.open_pool()
    received(profile, f"{year}-05-02", 1_000, "Grace & Sons")
    received(profile, f"{year}-05-03", 2_000)
    (only,) = queries.recent_gifts(profile.pool)
    assert (only.name, only.amount) == ("Grace & Sons", 1_000)
    assert only.received_on == datetime.date(year, 5, 2)


def test_anonymous_gifts_show_as_the_sum_of_their_month(year: int) -> None:
    profile = make.open_pool()
    for day in range(1, 5):
        received(profile, f"{year}-05-0{day}", 1_000 * day)
    for day in range(1, 4):
        received(profile, f"{year}-07-0{day}", 500)
    assert shown(profile) == [(7, 7, 3, 1_500), (5, 5, 4, 10_000)]


def test_a_month_with_fewer_than_three_is_added_to_the_one_before(year: int) -> None:
    profile = make.open_pool()
    for day in range(1, 4):
        received(profile, f"{year}-05-0{day}", 1_000)
    for day in range(1, 3):
        received(profile, f"{year}-06-0{day}", 700)
    assert shown(profile) == [(5, 6, 5, 4_400)]
    received(profile, f"{year}-06-20", 700)
    assert shown(profile) == [(6, 6, 3, 2_100), (5, 5, 3, 3_000)]


def test_the_first_months_wait_until_three_have_given(year: int) -> None:
    profile = make.open_pool()
    received(profile, f"{year}-01-05", 1_111)
    received(profile, f"{year}-03-05", 2_222)
    assert shown(profile) == []
    received(profile, f"{year}-04-05", 3_333)
    assert shown(profile) == [(1, 4, 3, 6_666)]


def test_instalments_of_anonymous_pledges_are_in_the_sums_and_declined_gifts_are_not(
    year: int,
) -> None:
    profile = make.open_pool()
    for day in range(1, 4):
        received(profile, f"{year}-05-0{day}", 1_000)
    pledge = make.confirmed_pledge(profile=profile, binding=False)
    _part, payment = make.begun_instalment(pledge)
    make.pay(payment, paid_at=datetime.datetime(year, 5, 20, tzinfo=datetime.UTC))
    assert shown(profile) == [(5, 5, 4, 53_000)]
    Gift.objects.filter(received_at__isnull=False, pk=Gift.objects.first().pk).update(
        declined_at=timezone.now(), declined_by=make_staff(), decline_reason="No."
    )
    assert shown(profile) == [(5, 5, 3, 52_000)]


def test_of_more_gifts_than_are_read_no_sum_of_half_a_month_is_shown(
    year: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("funding.pools.recent_gifts.MOST_READ", 5)
    profile = make.open_pool()
    for day in range(1, 4):
        received(profile, f"{year}-05-0{day}", 1_000)
    for day in range(1, 4):
        received(profile, f"{year}-06-0{day}", 600)
    assert shown(profile) == [(6, 6, 3, 1_800)]


def test_a_declined_gift_is_not_named_either(year: int) -> None:
    profile = make.open_pool()
    gift = received(profile, f"{year}-05-02", 1_000, "Grace")
    Gift.objects.filter(pk=gift.pk).update(
        declined_at=timezone.now(), declined_by=make_staff(), decline_reason="No."
    )
    assert queries.recent_gifts(profile.pool) == []


def test_both_lists_take_one_query_each(django_assert_num_queries: Any, year: int) -> None:
    profile = make.open_pool()
    for day in range(1, 6):
        received(profile, f"{year}-05-0{day}", 1_000, "Grace" if day % 2 else "")
    with django_assert_num_queries(2):
        queries.recent_gifts(profile.pool)
        queries.anonymous_gifts(profile.pool)


# --- Hiding a name --------------------------------------------------------------------------------


def test_staff_hide_a_name_with_a_reason_and_the_log_keeps_both(year: int) -> None:
    profile = make.open_pool()
    gift = received(profile, f"{year}-05-02", 100_000, "Buy pills at pills.example")
    staff = make_staff()
    told: list[list[int]] = []
    with mock.patch.object(naming, "_listeners", [told.append]):
        hiding.hide_name(gift, by=staff, reason="An advertisement.")
        hiding.hide_name(gift, by=staff, reason="Pressed twice.")
    gift.refresh_from_db()
    assert (gift.anonymous, gift.public_name) == (True, "")
    assert queries.recent_gifts(profile.pool) == []
    assert told == [[gift.donor_id]]
    (entry,) = ModelLogEntry.objects.for_instance(gift).filter(action="pools.hide_name")
    assert entry.user == staff
    assert entry.data == {"reason": "An advertisement.", "name": "Buy pills at pills.example"}


def test_hiding_the_name_of_a_recurring_gift_hides_what_came_and_what_comes() -> None:
    wish = RecurringGift.objects.create(
        donor=make.received_gift().donor,
        pool=make.open_pool().pool,
        amount=2_500,
        currency="USD",
        interval="month",
        anonymous=False,
        public_name="An insult",
        language="en",
        form_token=uuid.uuid4(),
    )
    came = [
        Gift.objects.create(
            donor=wish.donor,
            pool=wish.pool,
            amount=2_500,
            currency="USD",
            anonymous=False,
            public_name="An insult",
            language="en",
            form_token=uuid.uuid4(),
            recurring=wish,
            recurring_payment=make.begun_gift()[1],
            received_at=timezone.now(),
        )
        for _ in range(2)
    ]
    hiding.hide_name(came[0], by=make_staff(), reason="An insult.")
    wish.refresh_from_db()
    assert (wish.anonymous, wish.public_name) == (True, "")
    assert not Gift.objects.filter(public_name="An insult").exists()


def test_a_pledge_can_be_hidden_too() -> None:
    pledge = make.confirmed_pledge(public_name="Somebody else")
    assert hiding.hide_name(pledge, by=make_staff(), reason="Not theirs.").anonymous


@pytest.mark.parametrize(
    ("group", "reason", "refusal"),
    [
        (groups.AUDITORS, "An insult.", refusals.NotPermitted),
        (groups.TREASURERS, "  ", refusals.WhyMissing),
    ],
)
def test_no_name_is_hidden_without_the_right_or_without_a_reason(
    group: str, reason: str, refusal: type[Exception]
) -> None:
    gift, _payment = make.begun_gift(giver=make.a_giver(public_name="Grace"))
    with pytest.raises(refusal):
        hiding.hide_name(gift, by=make_staff(group), reason=reason)
    gift.refresh_from_db()
    assert gift.public_name == "Grace"


def test_a_name_that_staff_hid_cannot_be_shown_again_by_the_donor() -> None:
    gift = make.received_gift(giver=make.a_giver(public_name="An insult"))
    hiding.hide_name(gift, by=make_staff(), reason="An insult.")
    with pytest.raises(refusals.NameHidden):
        visibility.show_as(gift, public_name="An insult", by=make.make_person())
    assert visibility.show_as(gift, public_name="", by=make.make_person()).anonymous


def test_hiding_the_name_of_a_matching_offer_hides_its_pledges_and_the_other_way_round() -> None:
    for by_pledge in (False, True):
        pledge = make.confirmed_pledge(public_name="An insult")
        staff = make_staff()
        offer = MatchingOffer.objects.create(
            donor=pledge.donor,
            pool=pledge.pool,
            currency="USD",
            most=1_000,
            starts_on=timezone.localdate(),
            ends_on=timezone.localdate(),
            anonymous=False,
            public_name="An insult",
            recorded_by=staff,
        )
        MatchingSettlement.objects.create(
            offer=offer, month=timezone.localdate().replace(day=1), amount=1_000, pledge=pledge
        )
        if by_pledge:
            hiding.hide_name(pledge, by=staff, reason="An insult.")
        else:
            hiding.hide_name(offer, by=staff, reason="An insult.")
        for row in (offer, pledge):
            row.refresh_from_db()
            assert (row.anonymous, row.public_name) == (True, "")
        with pytest.raises(refusals.NameHidden):
            visibility.show_as(pledge, public_name="An insult", by=make.make_person())
