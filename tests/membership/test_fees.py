"""The fee table: type before income group, the newest of what is valid, nothing where none is."""

import datetime

import pytest
from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction
from django.test import Client
from django.utils import timezone

from core import countries
from core.money import Money
from funding.ledger.models import Pool
from membership import income
from membership.fees import currencies, fee_for, fee_table
from membership.models import CountryIncomeGroup, FeeRule, Tier
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
    # In another currency it is for those who pay in that.
    rule(kind="company", income_group="low", currency="EUR", valid_from=coming)


# --- Another currency -----------------------------------------------------------------------------


def test_a_line_in_the_own_currency_holds_for_who_pays_in_it(foundation: Pool) -> None:
    rule(kind="company", currency="EUR", amount=22_000, income_group="low")
    company = (tier("implementer"), "company", "MW", DAY)
    assert fee_for(*company, currency="EUR").money == Money(22_000, "EUR")
    assert fee_for(*company).money == Money(25_000, "USD")
    assert fee_for(*company, currency="CHF").money == Money(25_000, "USD")


def test_a_general_line_takes_nothing_from_a_narrower_one(foundation: Pool) -> None:
    rule(tier=tier("country"), currency="UGX", amount=900_000)
    # A ministry of a low-income country still joins for nothing.
    assert fee_for(tier("country"), "ministry", "UG", DAY, currency="UGX").amount == 0
    FeeRule.objects.filter(tier=tier("country"), currency="USD").delete()
    found = fee_for(tier("country"), "ministry", "UG", DAY, currency="UGX")
    assert found.money == Money(900_000, "UGX")


def test_a_table_in_another_currency_alone_holds_for_everybody(foundation: Pool) -> None:
    FeeRule.objects.filter(tier=tier("sustaining")).delete()
    rule(tier=tier("sustaining"), currency="EUR", amount=900_000)
    assert fee_for(tier("sustaining"), "donor", "DE", DAY).currency == "EUR"


def test_the_join_page_shows_each_currency_that_has_lines(foundation: Pool, client: Client) -> None:
    day = timezone.localdate()
    assert currencies(day) == ["USD"]
    assert "Paid in" not in client.get("/join/").content.decode()
    rule(kind="company", currency="UGX", amount=950_000, valid_from=day, income_group="low")
    rule(kind="company", currency="EUR", amount=1, valid_from=day + datetime.timedelta(days=1))
    assert currencies(day) == ["USD", "UGX"]
    page = client.get("/join/").content.decode()
    assert "Paid in Ugandan shillings" in page
    assert "UGX\xa0950,000" in page
    (row,) = fee_table(day, currency="UGX")
    assert [money and money.currency for money in row.fees] == ["UGX", "USD", "USD", "USD"]


# --- Income groups --------------------------------------------------------------------------------


def line(country: str, group: str, day: datetime.date, **changes: object) -> CountryIncomeGroup:
    values = {"source": "World Bank, July 2026", "source_year": 2026, **changes}
    return CountryIncomeGroup.objects.create(
        country=country, income_group=group, valid_from=day, **values
    )


def test_the_table_begins_with_the_file(foundation: Pool) -> None:
    for country in countries.all_countries().values():
        assert income.group_of(country.iso2, DAY) == country.income_group
    assert income.sources(DAY) == [("World Bank, July 2023 (fiscal year 2024)", 2023)]


def test_a_new_line_changes_the_fee_from_its_day_on_and_the_past_stays(foundation: Pool) -> None:
    line("MW", "lower middle", DAY)
    before = DAY - datetime.timedelta(days=1)
    assert fee_for(tier("implementer"), "company", "MW", before).amount == 25_000
    assert fee_for(tier("implementer"), "company", "MW", DAY).amount == 50_000
    assert fee_for(tier("country"), "ministry", "MW", before).amount == 0
    # Before the first line of all it is what that says.
    assert income.group_of("MW", datetime.date(2001, 1, 1)) == "low"


def test_every_countrys_group_at_once_is_what_each_has(foundation: Pool) -> None:
    line("MW", "lower middle", DAY)
    line("ZM", "", DAY + datetime.timedelta(days=1))
    for on in (datetime.date(2001, 1, 1), DAY, DAY + datetime.timedelta(days=1)):
        groups = income.groups(on)
        assert {code: groups.get(code, "") for code in countries.all_countries()} == {
            code: income.group_of(code, on) for code in countries.all_countries()
        }


def test_a_country_can_lose_its_group(foundation: Pool) -> None:
    line("MW", "", DAY)
    assert fee_for(tier("implementer"), "company", "MW", DAY).amount == 300_000


def test_the_join_page_names_the_sources_in_force(foundation: Pool, client: Client) -> None:
    line("MW", "lower middle", timezone.localdate())
    line("ZM", "high", timezone.localdate() + datetime.timedelta(days=1), source="A coming list")
    page = client.get("/join/").content.decode()
    assert "Income groups: World Bank, July 2026, 2026." in page
    assert "Income groups: World Bank, July 2023 (fiscal year 2024), 2023." in page
    assert "A coming list" not in page


@pytest.mark.parametrize(
    ("constraint", "changes"),
    [
        ("income_group_is_known", {"income_group": "rich"}),
        ("income_group_country_is_iso2", {"country": "mw"}),
        ("income_group_once_per_day", {"valid_from": datetime.date(2023, 7, 1)}),
    ],
)
def test_the_database_refuses_a_line_that_cannot_be(
    foundation: Pool, constraint: str, changes: dict[str, object]
) -> None:
    values = {
        "country": "MW",
        "income_group": "low",
        "valid_from": DAY,
        "source": "A list",
        "source_year": 2026,
    }
    with pytest.raises(IntegrityError, match=constraint), transaction.atomic():
        CountryIncomeGroup.objects.create(**{**values, **changes})
