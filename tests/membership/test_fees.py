"""The fee table: type before income group, the newest of what is valid, nothing where none is."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client

from funding.ledger.models import Pool
from membership.fees import fee_for, fee_table
from membership.models import FeeRule, Tier
from membership.refusals import TierNotOffered

pytestmark = pytest.mark.django_db
DAY = datetime.date(2026, 6, 1)


def tier(code: str) -> Tier:
    return Tier.objects.get(code=code)


def rule(**changes: object) -> FeeRule:
    values: dict[str, object] = {
        "tier": tier("implementer"),
        "amount": 1,
        "currency": "USD",
        "valid_from": DAY,
        "source": "Board, test",
        "source_year": 2026,
    }
    return FeeRule.objects.create(**{**values, **changes})


@pytest.mark.parametrize(
    ("code", "kind", "country", "amount"),
    [
        ("country", "ministry", "MW", 0),  # low income: joins for nothing
        ("country", "ministry", "TZ", 25_000),  # lower middle
        ("country", "ministry", "ZA", 100_000),  # upper middle
        ("country", "ministry", "NO", 250_000),  # high
        ("country", "ministry", "VE", 250_000),  # no group in the source: the rule for any country
        ("implementer", "company", "MW", 25_000),
        ("implementer", "implementer", "DE", 300_000),
    ],
)
def test_the_fee_follows_tier_type_and_income_group(
    foundation: Pool, code: str, kind: str, country: str, amount: int
) -> None:
    assert fee_for(tier(code), kind, country, DAY).amount == amount


def test_a_tier_without_a_fee_for_the_type_is_not_offered(foundation: Pool) -> None:
    with pytest.raises(TierNotOffered):
        fee_for(tier("country"), "company", "MW", DAY)


def test_a_rule_for_the_type_wins_over_one_for_the_income_group(foundation: Pool) -> None:
    FeeRule.objects.filter(tier=tier("implementer")).delete()
    rule(income_group="low", amount=10)
    rule(kind="company", amount=20)
    rule(kind="company", income_group="low", amount=30)
    assert fee_for(tier("implementer"), "company", "MW", DAY).amount == 30
    assert fee_for(tier("implementer"), "company", "DE", DAY).amount == 20
    assert fee_for(tier("implementer"), "ngo", "MW", DAY).amount == 10


def test_a_change_is_a_new_line_and_the_past_keeps_its_price(foundation: Pool) -> None:
    rule(kind="company", income_group="low", amount=77_000)
    assert fee_for(tier("implementer"), "company", "MW", DAY).amount == 77_000
    before = DAY - datetime.timedelta(days=1)
    assert fee_for(tier("implementer"), "company", "MW", before).amount == 25_000


def test_the_public_table_shows_each_open_tier_once_per_price(
    foundation: Pool, client: Client
) -> None:
    rows = fee_table(DAY)
    assert [row.tier.code for row in rows] == ["country", "implementer", "community", "sustaining"]
    country = rows[0]
    assert [money.amount if money else None for money in country.fees] == [
        0,
        25_000,
        100_000,
        250_000,
    ]

    page = client.get("/join/").content.decode()
    assert "nothing" in page
    assert "$3,000.00" in page
    assert "Opening fee table, proposed to the founding board, 2026" in page
    assert "World Bank" in page


def test_a_closed_tier_is_not_in_the_table(foundation: Pool) -> None:
    Tier.objects.filter(code="sustaining").update(open_to_new=False)
    assert "sustaining" not in {row.tier.code for row in fee_table(DAY)}


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("fee_is_not_negative", {"amount": -1}),
        ("fee_kind_is_known", {"kind": "club"}),
        ("fee_income_group_is_known", {"income_group": "rich"}),
    ],
)
def test_the_database_refuses_a_fee_that_cannot_be(
    foundation: Pool, constraint: str, changes: dict[str, object]
) -> None:
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        rule(**changes)


def test_two_fees_for_the_same_case_from_the_same_day_are_refused_in_words(
    foundation: Pool,
) -> None:
    coming = datetime.date(2099, 1, 1)
    first = rule(kind="company", income_group="low", valid_from=coming)
    first.pk = None
    with pytest.raises(ValidationError, match="from this day already"):
        first.full_clean()
    with pytest.raises(IntegrityError, match="fee_once_per_day"), transaction.atomic():
        first.save()
    # Nor in another currency: nobody could say which of the two is asked for.
    with pytest.raises(IntegrityError, match="fee_once_per_day"), transaction.atomic():
        rule(kind="company", income_group="low", currency="EUR", valid_from=coming)
