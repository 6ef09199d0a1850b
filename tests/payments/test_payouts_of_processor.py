"""What the processor sends to the bank: split by the entries of what left with it."""

from typing import Any

import pytest
from django.utils import timezone

from funding.ledger.models import AccountBalance, Entry, Pool
from funding.payments import processor_books, processor_payouts
from funding.payments.models import Payment, ProcessorPayout, ProcessorTransaction
from funding.payments.processor_payouts import divide
from funding.payments.stripe_client import client
from tests.factories.ledger import make_pool
from tests.payments.aftermath import assert_agree, balance, news, paid
from tests.payments.stripe_sandbox import Sandbox

pytestmark = pytest.mark.django_db


def send(sandbox: Sandbox) -> str:
    """The automatic payout of all there is; its id."""
    sandbox.control("make_available")
    return sandbox.control("send_payout", currency="usd")["id"]


def arrive(sandbox: Sandbox, key: str) -> None:
    sandbox.control("arrive_payout", payout=key)


def in_transit(pool: Pool) -> int:
    rows = AccountBalance.objects.filter(account__pool=pool, account__code="in-transit")
    return sum(rows.values_list("amount", flat=True))


def test_a_payout_is_split_per_pool_by_what_left_with_it(own_sandbox: Sandbox) -> None:
    one, other = paid(own_sandbox), paid(own_sandbox, amount=2_000)
    arrive(own_sandbox, send(own_sandbox))
    news(own_sandbox)

    payout = ProcessorPayout.objects.get()
    assert (payout.amount, payout.status, payout.reconciled) == (4_825 + 1_912, "paid", True)
    entry = Entry.objects.get(kind="payout-created")
    line = ProcessorTransaction.objects.get(type="payout")
    assert (entry.idempotency_key, line.entry) == (f"stripe:{line.balance_transaction}", entry)
    assert (in_transit(one.pool), in_transit(other.pool)) == (4_825, 1_912)
    assert balance(one, "clearing") == balance(other, "clearing") == 0
    assert_agree()


def test_before_its_parts_are_listed_a_payout_is_a_note_and_no_difference(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    key = send(own_sandbox)
    news(own_sandbox)

    assert not Entry.objects.filter(kind="payout-created").exists()
    found = assert_agree()
    assert any(key in note and "waits" in note for note in found.notes)
    arrive(own_sandbox, key)
    # No event need tell that it is reconciled.
    processor_books.book_open()
    assert in_transit(payment.pool) == 4_825
    assert assert_agree().notes == []


def test_a_pool_whose_disputes_were_more_than_its_gifts_has_a_negative_part(
    own_sandbox: Sandbox,
) -> None:
    poor = paid(own_sandbox, amount=1_000)
    arrive(own_sandbox, send(own_sandbox))
    own_sandbox.control("open_dispute", charge=poor.stripe_charge)
    rich = paid(own_sandbox)
    arrive(own_sandbox, send(own_sandbox))
    news(own_sandbox)

    assert ProcessorPayout.objects.count() == 2
    assert in_transit(rich.pool) == 4_825
    assert in_transit(poor.pool) == 941 - 2_500
    assert balance(poor, "clearing") == 0
    assert_agree()


def test_a_dispute_after_the_payout_leaves_clearing_below_zero_and_the_report_says_so(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    arrive(own_sandbox, send(own_sandbox))
    own_sandbox.control("open_dispute", charge=payment.stripe_charge)
    news(own_sandbox)

    assert balance(payment, "clearing") == -6_500
    (note,) = assert_agree().notes
    assert payment.pool.code in note
    assert "below zero" in note
    assert "65.00" in note


def test_a_payout_with_a_line_that_nobody_knows_is_a_problem_not_a_guess(
    own_sandbox: Sandbox,
) -> None:
    payment = paid(own_sandbox)
    own_sandbox.control("take_fee", amount=725, currency="usd", description="Radar")
    arrive(own_sandbox, send(own_sandbox))
    news(own_sandbox)

    line = ProcessorTransaction.objects.get(type="payout")
    assert line.entry is None
    assert "not in the books" in line.problem
    make_pool("general")
    processor_books.book_open()
    assert in_transit(payment.pool) == 4_825
    assert_agree()


@pytest.mark.parametrize("reconciled", [True, False])
def test_a_payout_that_fails_comes_back_to_each_pool_and_leaves_with_the_next(
    own_sandbox: Sandbox, reconciled: bool
) -> None:
    one, other = paid(own_sandbox), paid(own_sandbox, amount=2_000)
    key = send(own_sandbox)
    if reconciled:
        arrive(own_sandbox, key)
    news(own_sandbox)
    own_sandbox.control("fail_payout", payout=key, code="account_closed")
    news(own_sandbox)
    processor_books.book_open()

    payout = ProcessorPayout.objects.get()
    assert (payout.status, payout.failure) == ("failed", "The bank account has been closed.")
    assert in_transit(one.pool) == in_transit(other.pool) == 0
    assert (balance(one, "clearing"), balance(other, "clearing")) == (4_825, 1_912)
    assert_agree()
    arrive(own_sandbox, send(own_sandbox))
    news(own_sandbox)
    processor_books.book_open()
    assert (in_transit(one.pool), in_transit(other.pool)) == (4_825, 1_912)
    assert_agree()


def test_a_payout_that_was_cancelled_before_we_heard_of_it(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    key = send(own_sandbox)
    client().v1.payouts.cancel(key, {}, {"idempotency_key": f"cancel-{key}"})
    news(own_sandbox)
    processor_books.book_open()

    assert ProcessorPayout.objects.get().status == "canceled"
    assert in_transit(payment.pool) == 0
    assert balance(payment, "clearing") == 4_825
    assert_agree()


def test_a_payout_by_hand_is_divided_in_proportion_to_what_clearing_holds(
    own_sandbox: Sandbox,
) -> None:
    one, other = paid(own_sandbox), paid(own_sandbox, amount=2_000)
    own_sandbox.control("make_available")
    client().v1.payouts.create({"amount": 1_000, "currency": "usd"}, {"idempotency_key": "hand"})
    news(own_sandbox)

    assert (in_transit(one.pool), in_transit(other.pool)) == (716, 284)
    assert_agree()


@pytest.mark.parametrize(
    ("amount", "weights", "parts"),
    [
        (100, {"a": 1, "b": 1, "c": 1}, {"a": 34, "b": 33, "c": 33}),
        (1_000, {"a": 4_825, "b": 1_912}, {"a": 716, "b": 284}),
        (1, {"a": 1, "b": 3}, {"a": 0, "b": 1}),
        (-100, {"a": 1, "b": 2}, {"a": -33, "b": -67}),
        (10, {}, {}),
    ],
)
def test_dividing_keeps_the_sum(amount: int, weights: Any, parts: Any) -> None:
    divided = divide(amount, weights)
    assert divided == parts
    assert not weights or sum(divided.values()) == amount


def test_a_payout_by_hand_with_nothing_in_clearing_is_a_problem() -> None:
    payout = ProcessorPayout.objects.create(
        stripe_payout="po_1",
        amount=500,
        currency="USD",
        status="paid",
        automatic=False,
        arrival_on=timezone.localdate(),
        created_at=timezone.now(),
    )
    line = ProcessorTransaction.objects.create(
        balance_transaction="txn_1",
        type="payout",
        reporting_category="payout",
        amount=-500,
        fee=0,
        net=-500,
        currency="USD",
        source=payout.stripe_payout,
        created_at=timezone.now(),
        available_on=timezone.localdate(),
    )
    assert "adds up to 0" in processor_payouts.book(line)
    assert not Payment.objects.exists()
