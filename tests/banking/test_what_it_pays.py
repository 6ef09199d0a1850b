"""What a matched line pays in earnest: dues, gifts and instalments of pledges, and back again."""

import uuid
from typing import Any

import pytest
from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import verification
from funding.ledger.queries import balances, figures
from funding.payments.banking import confirming, refusals, undoing
from funding.payments.models import BankLine, ExpectedPayment, Match
from funding.pools import gifts, instalments
from funding.pools.models import Gift, Instalment
from tests.factories.banking import make_account, make_line, make_staff
from tests.factories.membership import admitted_term, dues_payment, foundation, invoice_of
from tests.factories.pools import a_giver, confirmed_pledge, open_pool, pay

pytestmark = pytest.mark.django_db


@pytest.fixture
def clerk() -> User:
    make_account("USD")
    return make_staff()


def line_of(amount: int, clerk: User) -> BankLine:
    return make_line(amount, by=clerk, day=timezone.localdate())


def match(line: BankLine, expected: ExpectedPayment, by: User, amount: int | None = None) -> Match:
    money = None if amount is None else Money(amount, line.currency)
    with use_case():
        return confirming.match_to_expected(line, expected, money, by=by)


def undo(made: Match, by: User) -> None:
    with use_case():
        undoing.undo(made, by=by, reason="A mistake")


def books_are_whole() -> bool:
    return not list(verification.problems())


def test_dues_in_two_parts_settle_the_term_with_the_last(clerk: User) -> None:
    general = foundation()
    term = admitted_term()
    expected = ExpectedPayment.objects.get(invoice=invoice_of(term))
    half = expected.amount // 2

    match(line_of(half, clerk), expected, clerk)
    term.refresh_from_db()
    assert term.settled_on is None
    last = match(line_of(expected.amount - half, clerk), expected, clerk)
    term.refresh_from_db()
    assert term.settled_on is not None
    assert balances(general, "USD").get("dues-receivable", 0) == 0
    assert figures(general, "USD")["paid_ahead"] == expected.amount

    undo(last, clerk)
    term.refresh_from_db()
    assert term.settled_on is None
    assert figures(general, "USD")["paid_ahead"] == half
    assert books_are_whole()


def test_dues_paid_by_card_and_again_by_transfer_are_owed_back(clerk: User) -> None:
    general = foundation()
    term = admitted_term()
    expected = ExpectedPayment.objects.get(invoice=invoice_of(term))
    pay(dues_payment(term))
    line = line_of(expected.amount, clerk)
    with pytest.raises(refusals.AlreadyPaid):
        match(line, expected, clerk)
    with use_case():
        confirming.owe_back(line, general, note="Paid by card too", by=clerk)
    assert figures(general, "USD")["owed_back"] == expected.amount
    assert books_are_whole()


def expected_gift(amount: int = 10_000) -> ExpectedPayment:
    return gifts.promise_gift(
        a_giver(),
        profile=open_pool(),
        amount=Money(amount, "USD"),
        channel=None,
        language="en",
        form_token=uuid.uuid4(),
    )


def test_a_gift_counts_once_its_line_is_matched_and_not_after_it_is_undone(clerk: User) -> None:
    expected = expected_gift()
    assert Gift.objects.get().received_at is None
    made = match(line_of(10_000, clerk), expected, clerk)
    assert Gift.objects.get().received_at is not None
    undo(made, clerk)
    assert Gift.objects.get().received_at is None
    assert not any(balances(expected.pool, "USD").values())
    assert books_are_whole()


def test_a_gift_is_what_came(clerk: User) -> None:
    expected = expected_gift()
    match(line_of(4_000, clerk), expected, clerk)
    assert Gift.objects.get().amount == 4_000
    assert figures(expected.pool, "USD")["received"] == 4_000


def test_an_instalment_is_paid_in_part_then_whole_and_parked_money_serves(clerk: User) -> None:
    pledge = confirmed_pledge(binding=True)
    instalment = Instalment.objects.filter(pledge=pledge).order_by("number").first()
    assert instalment is not None
    expected: Any = instalments.expect_instalment(instalment, user=None, language="en")
    receivable = balances(pledge.pool, "USD")["contributions-receivable"]
    match(line_of(1_000, clerk), expected, clerk)
    instalment.refresh_from_db()
    assert instalment.received_amount == 1_000

    line = line_of(expected.amount - 1_000, clerk)
    with use_case():
        parked = confirming.park(line, by=clerk)
    with use_case():
        confirming.match_to_expected(line, expected, by=clerk, parked=parked)
    instalment.refresh_from_db()
    assert instalment.received_amount == instalment.amount
    left = balances(pledge.pool, "USD").get("contributions-receivable", 0)
    assert left == receivable - instalment.amount
    assert books_are_whole()
