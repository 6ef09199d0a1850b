"""The processor's own books: each line is kept, and makes its one entry."""

import datetime
import uuid
from typing import Any

import pytest
import stripe

from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.models import Entry
from funding.ledger.queries import figures
from funding.payments import processor_books, processor_lines, progress, refunds
from funding.payments.checkout import begin_checkout
from funding.payments.models import (
    Payment,
    ProcessorTransaction,
    Refund,
    StripeCursor,
)
from funding.payments.stripe_client import client
from tests.factories.ledger import make_pool
from tests.factories.payments import make_payment, outcome, settlement, state
from tests.payments.aftermath import assert_agree, balance, kinds, news, paid, read_books
from tests.payments.stripe_sandbox import Sandbox

pytestmark = pytest.mark.django_db


def transaction(**changes: Any) -> stripe.BalanceTransaction:
    values = {
        "id": f"txn_{uuid.uuid4().hex}",
        "object": "balance_transaction",
        "type": "charge",
        "reporting_category": "charge",
        "amount": 5_000,
        "fee": 175,
        "net": 4_825,
        "currency": "usd",
        "source": "ch_1",
        "created": 1_774_000_000,
        "available_on": 1_774_200_000,
    }
    return stripe.BalanceTransaction.construct_from({**values, **changes}, "sk_test")


def keep(**changes: Any) -> ProcessorTransaction:
    with use_case():
        return processor_lines.keep(transaction(**changes))


def test_reading_twice_keeps_each_line_once_and_moves_the_cursor(own_sandbox: Sandbox) -> None:
    payment = paid(own_sandbox)
    assert processor_books.read_lines() == 1
    assert processor_books.read_lines() == 0

    line = ProcessorTransaction.objects.get()
    assert (line.amount, line.fee, line.net, line.currency) == (5_000, 175, 4_825, "USD")
    assert line.source == payment.stripe_charge
    assert line.entry == payment.entry
    assert StripeCursor.objects.filter(name=processor_books.CURSOR).exists()


def test_a_payment_whose_every_event_was_lost_is_found_by_its_line(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    read_books()

    payment.refresh_from_db()
    assert payment.is_paid
    assert payment.entry is not None
    assert outcome.told == [("succeeded", payment.purpose_id)]
    assert ProcessorTransaction.objects.get().entry == payment.entry
    assert_agree()


def test_settling_names_the_entry_on_a_line_that_was_read_before(own_sandbox: Sandbox) -> None:
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    processor_books.read_lines()
    assert ProcessorTransaction.objects.get().entry is None
    news(own_sandbox)
    payment.refresh_from_db()
    assert ProcessorTransaction.objects.get().entry == payment.entry


def test_a_fee_that_is_known_only_later_is_booked_then(own_sandbox: Sandbox) -> None:
    own_sandbox.control("hold_settlement", held=True)
    payment = make_payment()
    own_sandbox.pay(begin_checkout(payment))
    news(own_sandbox)
    payment.refresh_from_db()
    assert (payment.is_paid, payment.entry) == (True, None)
    own_sandbox.control("settle", charge=payment.stripe_charge)
    read_books()
    payment.refresh_from_db()
    assert payment.settled_fee == 175
    assert_agree()


# --- Charges of the account -----------------------------------------------------------------------


def test_the_processors_own_charge_is_borne_by_the_general_pool(own_sandbox: Sandbox) -> None:
    general = make_pool("general")
    own_sandbox.control("take_fee", amount=725, currency="usd", description="Radar")
    read_books()

    assert figures(general, "USD")["fees"] == 725
    assert_agree()


def test_without_a_general_pool_the_charge_is_a_problem_until_there_is_one(
    own_sandbox: Sandbox, caplog: pytest.LogCaptureFixture
) -> None:
    own_sandbox.control("take_fee", amount=725, currency="usd", description="Radar")
    read_books()
    assert "no pool “general”" in ProcessorTransaction.objects.get().problem
    assert "no pool “general”" in caplog.text
    make_pool("general")
    processor_books.book_open()
    line = ProcessorTransaction.objects.get()
    assert (line.problem, line.entry is not None) == ("", True)


def test_a_charge_that_is_given_back_is_the_opposite() -> None:
    general = make_pool("general")
    line = keep(type="stripe_fee", reporting_category="fee", amount=300, fee=0, net=300)
    assert processor_books.book(line.pk)
    assert figures(general, "USD")["fees"] == -300


def test_what_nobody_knows_is_named_and_alarms_once(caplog: pytest.LogCaptureFixture) -> None:
    line = keep(type="climate", reporting_category="climate", amount=-100, fee=0, net=-100)
    assert not processor_books.book(line.pk)
    assert not processor_books.book(line.pk)
    line.refresh_from_db()
    assert "Nothing in the portal knows" in line.problem
    assert caplog.text.count("Nothing in the portal knows") == 1


def test_an_entry_that_would_move_another_amount_is_refused() -> None:
    pool = make_pool()
    line = keep()
    entry = templates.card_gift(
        gross=5_000,
        fee=0,
        key=processor_lines.key_of(line.balance_transaction),
        pool=pool.code,
        currency="USD",
        date=datetime.date(2026, 3, 10),
    )
    with pytest.raises(processor_lines.DoesNotAddUp), use_case():
        processor_lines.post_for(line, entry)
    assert not Entry.objects.exists()


@pytest.mark.parametrize(
    ("currency", "theirs", "ours"),
    [("jpy", 5_000, 5_000), ("kwd", 12_340, 12_340), ("ugx", 500_000, 5_000), ("isk", 900, 9)],
)
def test_lines_are_kept_in_iso_units(currency: str, theirs: int, ours: int) -> None:
    line = keep(currency=currency, amount=theirs, fee=0, net=theirs)
    assert (line.net, line.currency) == (ours, currency.upper())


def test_a_line_of_odd_units_stops_no_other_and_is_named(
    own_sandbox: Sandbox, monkeypatch: pytest.MonkeyPatch
) -> None:
    paid(own_sandbox)
    odd = transaction(currency="ugx", amount=50, fee=0, net=50)
    listed = client().v1.balance_transactions.list({"limit": 100})
    lines = [odd, *listed.auto_paging_iter()]

    class Listed:
        def auto_paging_iter(self) -> Any:
            return iter(lines)

    class Stub:
        class v1:
            class balance_transactions:
                list = staticmethod(lambda *_: Listed())

    monkeypatch.setattr(processor_books, "client", lambda: Stub)
    with pytest.raises(RuntimeError, match=odd.id):
        processor_books.read_lines()
    assert ProcessorTransaction.objects.count() == 1
    assert not StripeCursor.objects.exists()


# --- Bank debits that fail late -------------------------------------------------------------------


@pytest.mark.parametrize("fee", [-175, 0, 400])
def test_a_debit_that_fails_after_it_succeeded_is_taken_back_whole(fee: int) -> None:
    payment = make_payment()
    with use_case():
        progress.apply(payment.pk, state(payment, channel="bank_debit"))
    with use_case():
        progress.settle(payment.pk, settlement(payment))
    line = keep(
        type="payment_failure_refund",
        reporting_category="charge_failure",
        amount=-5_000,
        fee=fee,
        net=-5_000 - fee,
        source=f"ch_{payment.pk}",
    )
    assert processor_books.book(line.pk)
    assert processor_books.book(line.pk)
    assert refunds.book_failed_debit(line) == ""

    payment.refresh_from_db()
    assert kinds(payment) == ["card-gift", "card-gift-failed"]
    assert balance(payment, "clearing") == -175 - fee
    assert figures(payment.pool, "USD")["received"] == 0
    assert figures(payment.pool, "USD")["fees"] == 175 + fee
    assert outcome.told.count(("given back 5000", payment.purpose_id)) == 1
    assert Refund.objects.get().amount == 5_000
    assert Payment.objects.get(pk=payment.pk).receipt is None
    assert payment.refundable.amount == 0
    assert "failed after it had succeeded" in payment.problem


def test_a_debit_that_fails_by_another_amount_than_it_brought_is_left_to_staff() -> None:
    """A part of it was refunded before: the opposite of the whole would be too much."""
    payment = make_payment()
    with use_case():
        progress.apply(payment.pk, state(payment, channel="bank_debit"))
    with use_case():
        progress.settle(payment.pk, settlement(payment))
    line = keep(
        type="payment_failure_refund",
        reporting_category="charge_failure",
        amount=-3_000,
        fee=0,
        net=-3_000,
        source=f"ch_{payment.pk}",
    )
    assert not processor_books.book(line.pk)
    line.refresh_from_db()
    assert "another amount" in line.problem
    assert kinds(payment) == ["card-gift"]
    assert not Refund.objects.exists()
