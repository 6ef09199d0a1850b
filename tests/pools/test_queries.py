"""The read side: what is promised, who gave, and what a donor sees."""

import datetime

import pytest
from django.utils import timezone
from pytest_django import DjangoAssertNumQueries

from core.money import Money
from funding.pools import pledges, queries
from funding.pools.models import LAPSE_DAYS, Instalment
from funding.pools.schedules import Part
from tests.factories import pools as make


def days(count: int) -> datetime.date:
    return timezone.localdate() + datetime.timedelta(days=count)


@pytest.mark.django_db
def test_pledged_due_overdue_and_received_are_told_apart() -> None:
    profile = make.open_pool()
    parts = [Part(days(0), 10_000), Part(days(20), 20_000), Part(days(90), 40_000)]
    pledge = make.confirmed_pledge(profile=profile, amount=70_000, parts=parts, binding=True)
    make.received_instalment(pledge, 1)
    make.confirmed_pledge(
        profile=profile, amount=5_000, parts=[Part(days(0), 5_000)], binding=False
    )
    make.draft_pledge(profile=profile)
    seen = queries.promises(profile.pool, on=days(1))
    assert seen == queries.Promises(
        currency="USD", pledged=65_000, due=20_000, overdue=5_000, binding=60_000, received=10_000
    )
    assert seen.later == 40_000


@pytest.mark.django_db
def test_withdrawn_and_lapsed_pledges_are_no_longer_pledged() -> None:
    profile = make.open_pool()
    withdrawn = make.confirmed_pledge(profile=profile, binding=False)
    make.received_instalment(withdrawn, 1)
    pledges.withdraw_pledge(withdrawn, by=None)
    lapsing = make.confirmed_pledge(
        profile=profile, amount=7_000, parts=[Part(days(0), 7_000)], binding=False
    )
    last_day = days(LAPSE_DAYS)
    assert queries.promises(profile.pool, on=last_day).pledged == 7_000
    assert lapsing.stands(last_day)
    after = last_day + datetime.timedelta(days=1)
    seen = queries.promises(profile.pool, on=after)
    assert (seen.pledged, seen.overdue, seen.received) == (0, 0, 50_000)
    assert not lapsing.stands(after)


@pytest.mark.django_db
def test_promises_of_one_pool_are_not_those_of_another() -> None:
    one, other = make.open_pool(), make.open_pool()
    make.confirmed_pledge(profile=one, amount=10_000)
    make.confirmed_pledge(profile=other, amount=20_000)
    assert queries.promises(one.pool).pledged == 10_000
    found = queries.promises_by_pool()
    assert (found[one.pk].pledged, found[other.pk].pledged) == (10_000, 20_000)
    assert queries.promises(make.open_pool().pool) == queries.Promises(currency="USD")


@pytest.mark.django_db
def test_only_donors_who_agreed_for_that_gift_are_named() -> None:
    profile, user = make.open_pool(), make.make_person()
    make.received_gift(profile, make.a_giver(user, public_name="Grace & Sons"), 1_000)
    make.received_gift(profile, make.a_giver(user), 2_000)
    make.received_gift(profile, make.a_giver(name="Secret Giver"), 3_000)
    pledge = make.confirmed_pledge(user, profile=profile, binding=False)
    make.received_instalment(pledge)
    named = {gift.amount: gift.name for gift in queries.recent_gifts(profile.pool)}
    assert named == {1_000: "Grace & Sons"}


@pytest.mark.django_db
def test_a_gift_that_is_not_received_is_not_public() -> None:
    profile = make.open_pool()
    make.begun_gift(profile, make.a_giver(public_name="Grace"))
    make.begun_instalment(make.confirmed_pledge(profile=profile))
    assert queries.recent_gifts(profile.pool) == []


@pytest.mark.django_db
def test_public_gifts_come_newest_first_and_no_more_than_asked_for() -> None:
    profile = make.open_pool()
    start = timezone.now() - datetime.timedelta(days=10)
    for number in range(4):
        giver = make.a_giver(public_name="Grace")
        _gift, payment = make.begun_gift(profile, giver, amount=1_000 + number)
        make.pay(payment, paid_at=start + datetime.timedelta(hours=number))
    pledge = make.confirmed_pledge(profile=profile, public_name="Grace")
    _part, payment = make.begun_instalment(pledge)
    make.pay(payment, paid_at=start + datetime.timedelta(hours=2, minutes=30))
    seen = queries.recent_gifts(profile.pool, limit=3)
    assert [gift.amount for gift in seen] == [1_003, 50_000, 1_002]
    assert [gift.by_pledge for gift in seen] == [False, True, False]


@pytest.mark.django_db
def test_a_donor_sees_gifts_made_without_signing_in_with_a_verified_address_alone() -> None:
    grace = make.make_person("grace@example.org")
    unverified = make.make_person("other@example.org", verified=False)
    mine = make.received_gift(giver=make.a_giver(grace))
    by_address = make.received_gift(giver=make.a_giver(email="Grace@Example.org"))
    make.received_gift(giver=make.a_giver(email="other@example.org"))
    assert set(queries.gifts_of(grace)) == {mine, by_address}
    assert not queries.gifts_of(unverified).exists()


@pytest.mark.django_db
def test_a_gift_of_another_account_is_not_seen_though_the_address_is_the_same() -> None:
    before = make.make_person("shared@example.org")
    make.received_gift(giver=make.a_giver(before))
    before.email = "moved@example.org"
    before.save()
    before.emailaddress_set.update(email="moved@example.org")
    later = make.make_person("shared@example.org")
    assert not queries.gifts_of(later).exists()


@pytest.mark.django_db
def test_totals_of_a_donor_count_what_stands() -> None:
    user = make.make_person()
    make.received_gift(giver=make.a_giver(user), amount=5_000)
    make.begun_gift(giver=make.a_giver(user), amount=9_900)
    pledge = make.confirmed_pledge(user)
    make.received_instalment(pledge, 1)
    withdrawn = make.confirmed_pledge(user, binding=False)
    pledges.withdraw_pledge(withdrawn, by=user)
    giving = queries.giving_of(user)
    assert giving.promised == [Money(50_000, "USD")]
    assert giving.overdue == []
    later = queries.giving_of(user, on=max(p.due_on for p in Instalment.objects.all()) + days_(1))
    assert later.overdue == [Money(50_000, "USD")]


def days_(count: int) -> datetime.timedelta:
    return datetime.timedelta(days=count)


@pytest.mark.django_db
def test_the_number_of_queries_does_not_grow(
    django_assert_num_queries: DjangoAssertNumQueries,
) -> None:
    user, profile = make.make_person(), make.open_pool()

    def add() -> None:
        make.received_gift(profile, make.a_giver(user, public_name="Grace"))
        make.received_instalment(make.confirmed_pledge(user, profile=profile))

    def read() -> None:
        queries.promises(profile.pool)
        queries.recent_gifts(profile.pool)
        for seen in queries.giving_of(user).pledges:
            assert seen.instalments[0].instalment.money
            assert seen.pledge.pool.profile.title

    add()
    with django_assert_num_queries(15):
        read()
    for _ in range(3):
        add()
    with django_assert_num_queries(15):
        read()
