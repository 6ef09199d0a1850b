"""The posting table of design.md §5, row by row; rule 5 holds after each and after any history."""

import datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.transactions import use_case
from funding.ledger import queries, templates
from funding.ledger.chart import CHART, FIGURE_SIGNS
from funding.ledger.models import Figure
from funding.ledger.posting import post
from tests.factories.ledger import make_pool

DAY = datetime.date(2026, 5, 4)
COMMON = {"key": "k", "pool": "p", "currency": "USD", "date": DAY}

# event, amounts, debits and credits (debit positive), figures
TABLE = [
    ("opening_balance", {"amount": 500}, {"bank": 500, "fund-balance": -500}, {"opening": 500}),
    (
        "card_gift",
        {"gross": 10_000, "fee": 320},
        {"clearing": 9_680, "fees": 320, "contributions": -10_000},
        {"received": 10_000, "fees": 320},
    ),
    ("bank_gift", {"amount": 900}, {"bank": 900, "contributions": -900}, {"received": 900}),
    (
        "pledge_confirmed",
        {"amount": 700},
        {"contributions-receivable": 700, "contributions": -700},
        {},
    ),
    (
        "instalment_paid_by_card",
        {"gross": 350, "fee": 40},
        {"clearing": 310, "fees": 40, "contributions-receivable": -350},
        {"received": 350, "fees": 40},
    ),
    (
        "pledge_written_off",
        {"amount": 70},
        {"write-offs": 70, "contributions-receivable": -70},
        {},
    ),
    (
        "dues_invoice_issued",
        {"amount": 1_200},
        {"dues-receivable": 1_200, "deferred-dues": -1_200},
        {},
    ),
    (
        "dues_paid_by_card",
        {"gross": 1_200, "fee": 65},
        {"clearing": 1_135, "fees": 65, "dues-receivable": -1_200},
        {"received": 1_200, "fees": 65, "paid_ahead": 1_200},
    ),
    (
        "dues_earned",
        {"amount": 100},
        {"deferred-dues": 100, "membership-dues": -100},
        {"paid_ahead": -100},
    ),
    ("payout_created", {"amount": 310}, {"in-transit": 310, "clearing": -310}, {}),
    ("payout_arrived", {"amount": 310}, {"bank": 310, "in-transit": -310}, {}),
    ("own_spending_paid", {"amount": 60}, {"expense": 60, "bank": -60}, {"expenses": 60}),
    ("bank_charge", {"amount": 3}, {"fees": 3, "bank": -3}, {"fees": 3}),
]


@pytest.mark.parametrize(("event", "amounts", "accounts", "figures"), TABLE)
def test_each_event_posts_its_row_of_the_table(event, amounts, accounts, figures):
    entry = getattr(templates, event)(**COMMON, **amounts)

    assert {line.account: line.amount for line in entry.lines} == accounts
    assert {figure.name: figure.amount for figure in entry.figures} == figures
    assert sum(line.amount for line in entry.lines) == 0


def test_a_transfer_balances_in_both_pools_and_feeds_opposite_figures():
    entry = templates.transfer_between_pools(
        key="k", from_pool="a", to_pool="b", currency="USD", amount=40, date=DAY
    )
    for pool in ("a", "b"):
        assert sum(line.amount for line in entry.lines if line.pool == pool) == 0
    assert {(figure.pool, figure.amount) for figure in entry.figures} == {("a", -40), ("b", 40)}


def test_templates_name_only_accounts_and_figures_that_exist():
    for event, amounts, accounts, figures in TABLE:
        assert set(accounts) <= set(CHART), event
        assert set(figures) <= set(FIGURE_SIGNS), event
        assert amounts
    assert set(FIGURE_SIGNS) == set(Figure.Name.values)


EVENTS = st.lists(
    st.tuples(
        st.sampled_from([event for event, *_ in TABLE]),
        st.integers(min_value=1, max_value=10**9),
        st.integers(min_value=0, max_value=10**6),
    ),
    max_size=12,
)


@pytest.mark.django_db
@settings(
    max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(events=EVENTS, currency=st.sampled_from(["USD", "JPY", "UGX", "KWD"]))
def test_figures_and_accounts_agree_after_any_history(events, currency):
    pool = make_pool(currency=currency)
    for number, (event, amount, fee) in enumerate(events):
        takes_gross = event in {"card_gift", "instalment_paid_by_card", "dues_paid_by_card"}
        amounts = {"gross": amount + fee, "fee": fee} if takes_gross else {"amount": amount}
        with use_case():
            post(
                getattr(templates, event)(
                    key=f"{pool.code}:{number}",
                    pool=pool.code,
                    currency=currency,
                    date=DAY,
                    **amounts,
                )
            )
        left = queries.available_from_figures(queries.figures(pool, currency))
        right = queries.available_from_accounts(queries.balances(pool, currency))
        assert left == right, event
