"""The posting table of design.md §5, row by row; rule 5 holds after each and after any history."""

import datetime
import inspect
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from core.transactions import use_case
from funding.ledger import queries, templates
from funding.ledger.chart import CHART, FIGURE_SIGNS
from funding.ledger.models import Figure, Pool
from funding.ledger.posting import post
from funding.ledger.refusals import NotEnoughAvailable
from funding.transparency.labels import ENTRY_KINDS
from tests.factories.ledger import make_pool

DAY = datetime.date(2026, 5, 4)
COMMON = {"key": "k", "pool": "p", "currency": "USD", "date": DAY}

# (event, amounts, accounts with debit positive, figures). Where another pool takes part, its
# accounts and figures carry its code: "q:bank".
Row = tuple[str, dict[str, Any], dict[str, int], dict[str, int]]
TABLE: list[Row] = [
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
        "instalment_paid_by_bank",
        {"amount": 350},
        {"bank": 350, "contributions-receivable": -350},
        {"received": 350},
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
    ("dues_credited", {"amount": 200}, {"deferred-dues": 200, "dues-receivable": -200}, {}),
    (
        "dues_paid_by_card",
        {"gross": 1_200, "fee": 65},
        {"clearing": 1_135, "fees": 65, "dues-receivable": -1_200},
        {"received": 1_200, "fees": 65, "paid_ahead": 1_200},
    ),
    (
        "dues_paid_by_bank",
        {"amount": 1_200},
        {"bank": 1_200, "dues-receivable": -1_200},
        {"received": 1_200, "paid_ahead": 1_200},
    ),
    (
        "dues_earned",
        {"amount": 100},
        {"deferred-dues": 100, "membership-dues": -100},
        {"paid_ahead": -100},
    ),
    ("receipt_unmatched", {"amount": 80}, {"bank": 80, "unallocated-receipts": -80}, {}),
    (
        "receipt_returned",
        {"amount": 80},
        {"unallocated-receipts": 80, "bank": -80},
        {},
    ),
    (
        "receipt_matched",
        {"amount": 80, "to_pool": "q", "paid": "too-much"},
        {"unallocated-receipts": 80, "bank": -80, "q:bank": 80, "q:credits-payable": -80},
        {"q:received": 80, "q:owed_back": 80},
    ),
    (
        "overpayment_disputed_lost",
        {"amount": 30},
        {"credits-payable": 30, "disputed-funds": -30},
        {"held": -30, "lost": 30, "owed_back": -30},
    ),
    (
        "dispute_won_on_appeal",
        {"amount": 100, "paid": "gift"},
        {"clearing": 100, "contributions": -100},
        {"lost": -100},
    ),
    (
        "dispute_won_on_appeal",
        {"amount": 100, "paid": "dues", "unearned": 60},
        {"clearing": 100, "deferred-dues": -60, "membership-dues": -40},
        {"lost": -100, "paid_ahead": 60},
    ),
    (
        "dispute_won_on_appeal",
        {"amount": 30, "paid": "too-much"},
        {"clearing": 30, "credits-payable": -30},
        {"lost": -30, "owed_back": 30},
    ),
    (
        "receipt_matched",
        {"amount": 80, "to_pool": "q", "paid": "gift"},
        {"unallocated-receipts": 80, "bank": -80, "q:bank": 80, "q:contributions": -80},
        {"q:received": 80},
    ),
    (
        "receipt_matched",
        {"amount": 80, "to_pool": "q", "paid": "instalment"},
        {"unallocated-receipts": 80, "bank": -80, "q:bank": 80, "q:contributions-receivable": -80},
        {"q:received": 80},
    ),
    (
        "receipt_matched",
        {"amount": 80, "to_pool": "q", "paid": "dues"},
        {"unallocated-receipts": 80, "bank": -80, "q:bank": 80, "q:dues-receivable": -80},
        {"q:received": 80, "q:paid_ahead": 80},
    ),
    (
        "overpayment_received",
        {"amount": 30},
        {"bank": 30, "credits-payable": -30},
        {"received": 30, "owed_back": 30},
    ),
    (
        "overpayment_received",
        {"amount": 30, "place": "clearing", "fee": 2},
        {"clearing": 28, "fees": 2, "credits-payable": -30},
        {"received": 30, "fees": 2, "owed_back": 30},
    ),
    (
        "overpayment_given_back",
        {"amount": 30},
        {"credits-payable": 30, "bank": -30},
        {"refunded": 30, "owed_back": -30},
    ),
    (
        "overpayment_applied",
        {"amount": 30},
        {"credits-payable": 30, "dues-receivable": -30},
        {"owed_back": -30, "paid_ahead": 30},
    ),
    (
        "refunded",
        {"amount": 90, "paid": "gift", "place": "clearing"},
        {"contributions": 90, "clearing": -90},
        {"refunded": 90},
    ),
    (
        "refunded",
        {"amount": 90, "paid": "instalment", "place": "bank"},
        {"contributions-receivable": 90, "bank": -90},
        {"refunded": 90},
    ),
    (
        "refunded",
        {"amount": 90, "paid": "dues", "place": "clearing", "unearned": 60},
        {"deferred-dues": 60, "membership-dues": 30, "clearing": -90},
        {"refunded": 90, "paid_ahead": -60},
    ),
    (
        "dispute_opened",
        {"amount": 10_000, "fee": 1_500},
        {"disputed-funds": 10_000, "fees": 1_500, "clearing": -11_500},
        {"held": 10_000, "fees": 1_500},
    ),
    (
        "dispute_won",
        {"amount": 10_000},
        {"clearing": 10_000, "disputed-funds": -10_000},
        {"held": -10_000},
    ),
    (
        "dispute_lost",
        {"amount": 100, "paid": "gift"},
        {"contributions": 100, "disputed-funds": -100},
        {"held": -100, "lost": 100},
    ),
    (
        "dispute_lost",
        {"amount": 100, "paid": "instalment"},
        {"contributions-receivable": 100, "disputed-funds": -100},
        {"held": -100, "lost": 100},
    ),
    (
        "dispute_lost",
        {"amount": 100, "paid": "dues", "unearned": 100},
        {"deferred-dues": 100, "disputed-funds": -100},
        {"held": -100, "lost": 100, "paid_ahead": -100},
    ),
    (
        "payout_created",
        {"parts": {"p": 310, "q": -20}},
        {"in-transit": 310, "clearing": -310, "q:in-transit": -20, "q:clearing": 20},
        {},
    ),
    (
        "payout_arrived",
        {"parts": {"p": 310, "q": -20}},
        {"bank": 310, "in-transit": -310, "q:bank": -20, "q:in-transit": 20},
        {},
    ),
    ("bank_charge", {"amount": 3}, {"fees": 3, "bank": -3}, {"fees": 3}),
    ("bank_charge", {"amount": 3, "place": "clearing"}, {"fees": 3, "clearing": -3}, {"fees": 3}),
    (
        "exchange_loss",
        {"amount": 4, "place": "bank"},
        {"exchange-difference": 4, "bank": -4},
        {"exchange": -4},
    ),
    (
        "exchange_gain",
        {"amount": 4, "place": "clearing"},
        {"clearing": 4, "exchange-difference": -4},
        {"exchange": 4},
    ),
    (
        "grant_committed",
        {"amount": 400},
        {"grants-expense": 400, "grants-payable": -400},
        {"committed": 400},
    ),
    (
        "disbursement_paid",
        {"amount": 150},
        {"grants-payable": 150, "bank": -150},
        {"disbursed": 150, "committed": -150},
    ),
    (
        "grant_released",
        {"amount": 250},
        {"grants-payable": 250, "grants-expense": -250},
        {"committed": -250},
    ),
    ("grant_returned", {"amount": 20}, {"bank": 20, "grants-expense": -20}, {"returned": 20}),
    ("own_spending_paid", {"amount": 60}, {"expense": 60, "bank": -60}, {"expenses": 60}),
    ("advance_paid", {"amount": 50}, {"advances": 50, "bank": -50}, {"expenses": 50}),
    ("advance_settled", {"amount": 45}, {"expense": 45, "advances": -45}, {}),
    (
        "year_closed",
        {"balances": {"contributions": -900, "fees": 20}},
        {"contributions": 900, "fees": -20, "fund-balance": -880},
        {},
    ),
    ("advance_returned", {"amount": 5}, {"bank": 5, "advances": -5}, {"expenses": -5}),
    (
        "transfer_between_pools",
        {"amount": 40, "to_pool": "q"},
        {"transfers-out": 40, "bank": -40, "q:bank": 40, "q:transfers-in": -40},
        {"transfers": -40, "q:transfers": 40},
    ),
]
EVENTS = {
    name
    for name, function in inspect.getmembers(templates, inspect.isfunction)
    if hasattr(function, "__wrapped__")
}


def named(pool: str, name: str) -> str:
    return name if pool == "p" else f"{pool}:{name}"


@pytest.mark.parametrize(("event", "amounts", "accounts", "figures"), TABLE)
def test_each_event_posts_its_row_of_the_table(
    event: str, amounts: dict[str, Any], accounts: dict[str, int], figures: dict[str, int]
) -> None:
    entry = getattr(templates, event)(**COMMON, **amounts)

    assert {named(line.pool, line.account): line.amount for line in entry.lines} == accounts
    assert {named(row.pool, row.name): row.amount for row in entry.figures} == figures
    for pool in {line.pool for line in entry.lines}:
        assert sum(line.amount for line in entry.lines if line.pool == pool) == 0


@pytest.mark.parametrize(("event", "amounts", "accounts", "figures"), TABLE)
def test_no_event_takes_a_negative_amount(
    event: str, amounts: dict[str, Any], accounts: dict[str, int], figures: dict[str, int]
) -> None:
    for name, value in amounts.items():
        if isinstance(value, int):
            with pytest.raises(ValueError, match=f"{event}: {name} is -1"):
                getattr(templates, event)(**{**COMMON, **amounts, name: -1})


def test_the_table_has_a_row_for_every_event_and_every_event_a_name_for_people() -> None:
    assert {event for event, *_ in TABLE} == EVENTS
    kinds = {getattr(templates, event)(**COMMON, **amounts).kind for event, amounts, *_ in TABLE}
    kinds.add(
        templates.transfer_between_pools(
            key="k", pool="p", to_pool="q", currency="USD", amount=1, date=DAY, overhead=True
        ).kind
    )
    assert kinds | {"reversal"} == set(ENTRY_KINDS)


def test_templates_name_only_accounts_and_figures_that_exist() -> None:
    for event, _amounts, accounts, figures in TABLE:
        assert {name.rpartition(":")[2] for name in accounts} <= set(CHART), event
        assert {name.rpartition(":")[2] for name in figures} <= set(FIGURE_SIGNS), event
    assert set(FIGURE_SIGNS) == set(Figure.Name.values)


def test_what_we_decide_is_marked_and_facts_from_outside_are_not() -> None:
    decisions = {
        event
        for event, amounts, *_ in TABLE
        if getattr(templates, event)(**COMMON, **amounts).decision
    }
    assert decisions == {"grant_committed", "disbursement_paid", "transfer_between_pools"}
    committed = templates.grant_committed(**COMMON, amount=5)
    assert not templates.failed_later(committed, key="k2", date=DAY).decision


def test_more_cannot_be_unearned_than_is_taken_back() -> None:
    with pytest.raises(ValueError, match="Of 5 taken back, 6 cannot be unearned"):
        templates.refunded(**COMMON, amount=5, paid="dues", place="bank", unearned=6)


def test_what_fails_later_is_the_opposite_with_a_day_of_its_own() -> None:
    paid = templates.disbursement_paid(**COMMON, amount=150)
    failed = templates.failed_later(paid, key="k2", date=DAY + datetime.timedelta(days=3))

    assert {line.account: line.amount for line in failed.lines} == {
        "grants-payable": -150,
        "bank": 150,
    }
    assert {row.name: row.amount for row in failed.figures} == {"disbursed": -150, "committed": 150}
    assert (failed.kind, failed.date.day, failed.reverses) == ("disbursement-paid-failed", 7, None)


# --- Rule 5 after any history ---------------------------------------------------------------------


def agree(pool: Pool, currency: str) -> bool:
    left = queries.available_from_figures(queries.figures(pool, currency))
    return left == queries.available_from_accounts(queries.balances(pool, currency))


STEPS = st.lists(
    st.tuples(
        st.sampled_from(TABLE),
        st.integers(min_value=1, max_value=10**9),
        st.integers(min_value=0, max_value=10**6),
        st.booleans(),
    ),
    max_size=12,
)


@pytest.mark.django_db
@settings(
    max_examples=30, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
@given(steps=STEPS, currency=st.sampled_from(["USD", "JPY", "UGX", "KWD"]))
def test_figures_and_accounts_agree_after_any_history(steps: list[Any], currency: str) -> None:
    pool, other = make_pool(currency=currency), make_pool(currency=currency)
    common = {"pool": pool.code, "currency": currency, "date": DAY}
    for number, ((event, row_amounts, *_), amount, smaller, fails) in enumerate(steps):
        amounts = dict(row_amounts)
        for name in amounts:
            if name == "to_pool":
                amounts[name] = other.code
            elif name == "parts":
                amounts[name] = {pool.code: amount, other.code: -smaller}
            elif name in ("amount", "gross"):
                amounts[name] = amount + smaller
            elif name in ("fee", "unearned"):
                amounts[name] = smaller
        key = f"{pool.code}:{number}"
        entry = getattr(templates, event)(key=key, **common, **amounts)
        try:
            with use_case():
                post(entry)
                if fails:
                    post(templates.failed_later(entry, key=f"{key}:failed", date=DAY))
        except NotEnoughAvailable:
            assert entry.decision  # facts from outside always post
        assert agree(pool, currency), event
        assert agree(other, currency), event
