"""What was on its way arrives; what went or came comes back; a channel's money is confirmed once."""

import datetime
from typing import Any

import pytest
from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.models import Entry, Pool
from funding.ledger.posting import post
from funding.ledger.queries import balances, figures
from funding.payments import month_ends, payouts
from funding.payments.banking import (
    arrivals,
    channels,
    confirming,
    refusals,
    returns,
    undoing,
)
from funding.payments.banking.confirming import left_of, left_of_parked
from funding.payments.banking.matching import suggest
from funding.payments.models import (
    BankAccount,
    Channel,
    ExpectedPayment,
    Match,
    Payment,
    Payout,
    ProcessorPayout,
    ProcessorTransaction,
    Receipt,
    Refund,
    Status,
)
from portal import groups
from tests.factories.banking import (
    make_account,
    make_channel,
    make_expected,
    make_line,
    make_staff,
)
from tests.factories.ledger import make_pool
from tests.factories.payments import outcome
from tests.factories.payouts import (
    approve,
    approved_refund,
    ask_overpayment,
    ask_refund,
    transfer_payment,
)
from tests.races import together

DAY = datetime.date(2026, 3, 2)


@pytest.fixture
def clerk(db: None) -> User:
    return make_staff()


def do(verb: Any, *args: Any, **options: Any) -> Any:
    with use_case():
        return verb(*args, **options)


def balance(pool: Pool, account: str, currency: str = "USD") -> int:
    return balances(pool, currency).get(account, 0)


def today_line(amount: int, **changes: Any) -> Any:
    return make_line(amount, day=timezone.localdate(), **changes)


def make_processor_payout(parts: dict[str, int], currency: str = "USD") -> ProcessorPayout:
    """A payout of the processor that is in transit in the books."""
    total = sum(parts.values())
    payout = ProcessorPayout.objects.create(
        stripe_payout=f"po_{ProcessorPayout.objects.count()}",
        amount=total,
        currency=currency,
        status="paid",
        reconciled=True,
        arrival_on=DAY,
        created_at=timezone.now(),
    )
    entry = do(
        post,
        templates.payout_created(
            parts=parts,
            key=f"stripe:txn_{payout.pk}",
            pool="",
            currency=currency,
            date=DAY,
        ),
    )
    ProcessorTransaction.objects.create(
        balance_transaction=f"txn_{payout.pk}",
        type="payout",
        amount=-total,
        fee=0,
        net=-total,
        currency=currency,
        source=payout.stripe_payout,
        created_at=timezone.now(),
        available_on=DAY,
        entry_id=entry.entry_id,
    )
    return payout


# --- A payout of the processor --------------------------------------------------------------------


@pytest.mark.parametrize("currency", ["USD", "UGX", "KWD"])
def test_a_payout_arrives_in_each_pools_part(currency: str, clerk: User) -> None:
    one, two = make_pool(currency=currency), make_pool(currency=currency)
    payout = make_processor_payout({one.code: 900, two.code: -200}, currency)
    line = make_line(700, account=make_account(currency), by=clerk)

    match = do(arrivals.payout_arrived, line, payout, by=clerk)

    assert match.processor_payout == payout
    for pool, part in ((one, 900), (two, -200)):
        assert balance(pool, "bank", currency) == part
        assert balance(pool, "in-transit", currency) == 0
    assert left_of(line).amount == 0
    do(undoing.undo, match, by=clerk, reason="Another payout")
    assert balance(one, "in-transit", currency) == 900
    assert balance(one, "bank", currency) == 0


def test_what_a_bank_kept_of_a_payout_is_a_charge_and_is_undone_with_it(clerk: User) -> None:
    pool = make_pool()
    payout = make_processor_payout({pool.code: 10_000})
    match = do(arrivals.payout_arrived, make_line(9_900, by=clerk), payout, by=clerk)
    general = Pool.objects.get(code="general")
    assert balance(pool, "bank") + balance(general, "bank") == 9_900
    assert figures(general, "USD")["fees"] == 100
    do(undoing.undo, match, by=clerk, reason="A mistake")
    assert balance(pool, "bank") == balance(general, "bank") == 0
    assert figures(general, "USD")["fees"] == 0


def test_a_payout_arrives_once_and_never_more_than_was_sent(clerk: User) -> None:
    pool = make_pool()
    payout = make_processor_payout({pool.code: 10_000})
    with pytest.raises(refusals.MoreThanInTransit, match=r"\$101\.00.*\$100\.00"):
        do(arrivals.payout_arrived, make_line(10_100, by=clerk), payout, by=clerk)
    do(arrivals.payout_arrived, make_line(10_000, by=clerk), payout, by=clerk)
    with pytest.raises(refusals.NotInTransit):
        do(arrivals.payout_arrived, make_line(10_000, by=clerk), payout, by=clerk)


def test_the_processor_collects_what_its_account_was_short_of(clerk: User) -> None:
    pool = make_pool()
    payout = make_processor_payout({pool.code: -700})
    with pytest.raises(refusals.NotMoneyOut):
        do(arrivals.payout_arrived, make_line(700, by=clerk), payout, by=clerk)
    do(arrivals.payout_arrived, make_line(-700, by=clerk), payout, by=clerk)
    assert balance(pool, "bank") == -700
    assert balance(pool, "in-transit") == 0


# --- Channels -------------------------------------------------------------------------------------


def confirm(expected: ExpectedPayment, amount: int, evidence: str, by: User) -> Payment:
    payment: Payment = do(
        channels.confirm_payment,
        expected,
        Money(amount, expected.currency),
        evidence=evidence,
        paid_on=DAY,
        by=by,
    )
    return payment


@pytest.mark.parametrize("currency", ["USD", "UGX", "KWD"])
def test_a_channels_payment_takes_the_same_path_and_is_in_transit(
    currency: str, clerk: User
) -> None:
    expected = make_expected(700, currency, channel=make_channel(currency))
    payment = confirm(expected, 700, " MP  123 ", clerk)
    assert (payment.channel, payment.status) == (Channel.MANUAL, Status.SUCCEEDED)
    assert payment.evidence == "MP 123"
    assert Receipt.objects.get(payment=payment).amount == 700
    assert outcome.told == [("succeeded", expected.purpose_id)]
    assert payment.entry is not None
    assert payment.entry.idempotency_key == f"payment:{payment.public_id}:confirmed"
    assert payment.entry.prepared_by == f"user:{clerk.pk}"
    assert balance(expected.pool, "in-transit", currency) == 700


def test_evidence_stands_for_one_payment_of_a_channel(clerk: User) -> None:
    channel, other = make_channel(), make_channel()
    one, two, three = (make_expected(700, channel=each) for each in (channel, channel, other))
    first = confirm(one, 700, "MP 123", clerk)
    for same in ("MP 123", "mp123", " M P123"):
        with pytest.raises(refusals.EvidenceUsed, match=r"\$7\.00"):
            confirm(two, 700, same, clerk)
    confirm(three, 700, "MP 123", clerk)
    # Undone, it is free again.
    do(channels.undo_confirmation, first, by=clerk, reason="Another payer")
    confirm(two, 700, "MP 123", clerk)


def test_what_is_not_by_a_channel_or_without_evidence_is_refused(clerk: User) -> None:
    with pytest.raises(refusals.NotByChannel):
        confirm(make_expected(700), 700, "X", clerk)
    expected = make_expected(700, channel=make_channel())
    with pytest.raises(refusals.EvidenceWanted, match="transaction id"):
        confirm(expected, 700, "  ", clerk)
    with pytest.raises(refusals.MoreThanOutstanding):
        confirm(expected, 701, "X", clerk)
    tomorrow = timezone.localdate() + datetime.timedelta(days=1)
    for day, refusal in (
        (tomorrow, refusals.PaidInFuture),
        (datetime.date(1, 1, 1), refusals.PaidLongAgo),
    ):
        with pytest.raises(refusal):
            do(
                channels.confirm_payment,
                expected,
                Money(700, "USD"),
                evidence="X",
                paid_on=day,
                by=clerk,
            )
    with pytest.raises(refusals.NotPermitted):
        confirm(expected, 700, "X", make_staff(groups.AUDITORS))


def test_the_operators_payment_brings_several_less_what_it_kept(clerk: User) -> None:
    channel = make_channel()
    payments = [
        confirm(make_expected(amount, channel=channel), amount, f"MP{amount}", clerk)
        for amount in (6_000, 4_000)
    ]
    line = make_line(9_700, by=clerk)

    matches = do(arrivals.payments_arrived, line, payments, by=clerk)

    assert sorted(match.amount for match in matches) == [4_000, 5_700]
    assert left_of(line).amount == 0
    banked = sum(balance(payment.pool, "bank") for payment in payments)
    assert banked == 10_000
    assert balance(Pool.objects.get(code="general"), "bank") == -300
    assert not any(balance(payment.pool, "in-transit") for payment in payments)
    with pytest.raises(refusals.ArrivedSince):
        do(channels.undo_confirmation, payments[0], by=clerk, reason="A mistake")
    with pytest.raises(refusals.NotInTransit):
        do(arrivals.payments_arrived, make_line(4_000, by=clerk), payments[1:], by=clerk)
    for match in matches:
        do(undoing.undo, match, by=clerk, reason="A mistake")
    assert sum(balance(payment.pool, "in-transit") for payment in payments) == 10_000
    assert balance(Pool.objects.get(code="general"), "bank") == 0


def test_an_operator_does_not_keep_a_whole_payment(clerk: User) -> None:
    payment = confirm(make_expected(700, channel=make_channel()), 700, "MP1", clerk)
    other = confirm(make_expected(800, channel=make_channel()), 800, "MP2", clerk)
    with pytest.raises(refusals.ChargeTooLarge):
        do(arrivals.payments_arrived, make_line(600, by=clerk), [payment, other], by=clerk)
    with pytest.raises(refusals.AmountWanted):
        do(arrivals.payments_arrived, make_line(600, by=clerk), [], by=clerk)


def test_two_clerks_confirm_one_evidence_once(committed_db: object) -> None:
    channel = make_channel()
    clerks = [make_staff(), make_staff()]
    ones = [make_expected(700, channel=channel), make_expected(700, channel=channel)]
    results = together(
        lambda: confirm(ones[0], 700, "MP 1", clerks[0]),
        lambda: confirm(ones[1], 700, "MP 1", clerks[1]),
    )
    assert sorted(type(result).__name__ for result in results) == ["EvidenceUsed", "Payment"]


# --- Payouts of ours ------------------------------------------------------------------------------


def test_a_debit_is_an_approved_payout_and_pays_it(clerk: User) -> None:
    payout = approved_refund()
    line = today_line(-payout.amount, by=clerk)
    match = do(confirming.paid_out, line, payout, by=clerk)
    payout.refresh_from_db()
    assert payout.status == Payout.Status.PAID
    assert payout.bank_reference == line.bank_reference
    assert match.entry == payout.entry
    assert balance(payout.pool, "bank") == 0
    with pytest.raises(refusals.PayoutTaken):
        do(confirming.paid_out, today_line(-payout.amount, by=clerk), payout, by=clerk)


def test_a_debit_that_is_not_the_payout_is_refused(clerk: User) -> None:
    payout, dollars = approved_refund(), BankAccount.objects.get()
    with pytest.raises(refusals.PayoutDiffers, match=r"\$50\.00.*\$49\.00"):
        do(confirming.paid_out, today_line(-4_900, by=clerk), payout, by=clerk)
    euros = make_account("EUR")
    with pytest.raises(refusals.InOtherCurrency):
        do(confirming.paid_out, today_line(-5_000, account=euros, by=clerk), payout, by=clerk)
    Payout.objects.filter(pk=payout.pk).update(status="cancelled")
    with pytest.raises(refusals.PayoutNotReady, match="cancelled"):
        do(confirming.paid_out, today_line(-5_000, account=dollars, by=clerk), payout, by=clerk)


def test_a_payout_matched_by_mistake_was_not_paid(clerk: User) -> None:
    payout = approved_refund()
    match = do(confirming.paid_out, today_line(-payout.amount, by=clerk), payout, by=clerk)
    do(undoing.undo, match, by=clerk, reason="Another payout")
    payout.refresh_from_db()
    assert payout.status == Payout.Status.FAILED
    assert balance(payout.pool, "bank") == payout.amount
    assert Refund.objects.get().status == Refund.Status.FAILED


def test_a_payout_that_came_back_failed_and_its_cost_is_a_charge(clerk: User) -> None:
    payout = approved_refund()
    do(confirming.paid_out, today_line(-5_000, by=clerk), payout, by=clerk)
    back = today_line(4_800, by=clerk)
    match = do(returns.payout_returned, back, payout, by=clerk)
    payout.refresh_from_db()
    assert payout.status == Payout.Status.FAILED
    assert left_of(back).amount == 0
    assert balance(payout.pool, "bank") == 5_000
    assert balance(Pool.objects.get(code="general"), "bank") == -200
    with pytest.raises(refusals.PayoutTaken):
        do(returns.payout_returned, today_line(100, by=clerk), payout, by=clerk)
    do(undoing.undo, match, by=clerk, reason="A mistake")
    payout.refresh_from_db()
    assert payout.status == Payout.Status.PAID
    assert Refund.objects.get().status == Refund.Status.SUCCEEDED
    told = [what for what, _subject in outcome.told if what != "succeeded"]
    assert told == ["given back 5000", "kept 5000", "given back 5000"]
    assert left_of(back) == back.money
    assert balance(payout.pool, "bank") == 0
    assert balance(Pool.objects.get(code="general"), "bank") == 0
    # It can come back after all, by the right line: another entry.
    do(returns.payout_returned, today_line(5_000, by=clerk), payout, by=clerk)
    assert balance(payout.pool, "bank") == 5_000


def test_a_return_is_not_undone_once_the_money_was_asked_for_again(clerk: User) -> None:
    payout = approved_refund()
    do(confirming.paid_out, today_line(-5_000, by=clerk), payout, by=clerk)
    match = do(returns.payout_returned, today_line(5_000, by=clerk), payout, by=clerk)
    assert payout.payment is not None
    ask_refund(Payment.objects.get(pk=payout.payment.pk), amount=1_000)
    with pytest.raises(refusals.AskedForAgain):
        do(undoing.undo, match, by=clerk, reason="A mistake")


def test_lines_of_a_payout_that_staff_marked_paid_and_failed_book_nothing_again(
    clerk: User,
) -> None:
    payout = approved_refund()
    today = timezone.localdate()
    payouts.paid_at_bank(payout, bank_reference="X1234", on=today, by=clerk)
    payouts.came_back(payout, on=today, by=clerk, reason="Account closed")
    entries = Entry.objects.count()
    gone, back = today_line(-5_000, by=clerk), today_line(5_000, text="RETURN X1234", by=clerk)
    assert "paid_out" in {each.act for each in suggest(gone)}
    assert "payout_returned" in {each.act for each in suggest(back)}
    do(confirming.paid_out, gone, payout, by=clerk)
    match = do(returns.payout_returned, back, payout, by=clerk)
    assert Entry.objects.count() == entries
    assert left_of(gone).amount == left_of(back).amount == 0
    with pytest.raises(refusals.PayoutTaken):
        do(returns.payout_returned, today_line(5_000, by=clerk), payout, by=clerk)
    account = month_ends.account_of("bank", "USD", today.replace(day=1))
    found = month_ends.compare(account, today.replace(day=1))
    assert not [row for row in found.differences if row.line in (gone.pk, back.pk)]
    do(undoing.undo, match, by=clerk, reason="A mistake")
    payout.refresh_from_db()
    assert payout.status == Payout.Status.FAILED


def test_a_payout_that_failed_by_undoing_is_on_no_other_line(clerk: User) -> None:
    payout = approved_refund()
    match = do(confirming.paid_out, today_line(-5_000, by=clerk), payout, by=clerk)
    do(undoing.undo, match, by=clerk, reason="Another payout")
    line = today_line(-5_000, by=clerk)
    assert "paid_out" not in {each.act for each in suggest(line)}
    with pytest.raises(refusals.PayoutNotReady):
        do(confirming.paid_out, line, payout, by=clerk)


def test_a_receipt_whose_refund_is_asked_for_is_not_taken_back_beside_it(clerk: User) -> None:
    payment = transfer_payment()
    payout = approved_refund(payment)
    line = today_line(-5_000, by=clerk)
    with pytest.raises(refusals.RefundRequested, match=r"\$50\.00"):
        do(returns.receipt_returned, line, payment, by=clerk)
    payouts.came_back(payout, on=timezone.localdate(), by=clerk, reason="The bank took it back")
    do(returns.receipt_returned, line, payment, by=clerk)


def test_more_that_went_back_than_was_paid_is_told_to_staff(clerk: User) -> None:
    payout = approved_refund()
    assert payout.payment is not None
    payment = payout.payment
    now = timezone.now()
    # A fact from elsewhere, such as a dispute, while the refund waited at the bank.
    Refund.objects.create(
        payment=payment,
        amount=2_000,
        currency="USD",
        status=Refund.Status.SUCCEEDED,
        created_at=now,
        told_at=now,
    )
    payouts.paid_at_bank(payout, bank_reference="X1", on=timezone.localdate(), by=clerk)
    payment.refresh_from_db()
    assert "20.00 USD more went back than was paid" in payment.problem


def test_what_was_owed_back_and_paid_is_not_undone(clerk: User) -> None:
    pool = make_pool()
    owed = do(confirming.owe_back, make_line(700, by=clerk), pool, by=clerk)
    payout = approve(ask_overpayment(owed))
    with pytest.raises(refusals.OwedBackPaid):
        do(undoing.undo, owed, by=clerk, reason="A mistake")
    do(confirming.paid_out, today_line(-700, by=clerk), payout, by=clerk)
    assert balance(pool, "credits-payable") == 0
    assert balance(pool, "bank") == 0
    with pytest.raises(refusals.OwedBackPaid):
        do(undoing.undo, owed, by=clerk, reason="A mistake")


# --- Receipts and parked money that go back ---------------------------------------------------------


def test_a_receipt_that_the_bank_took_back_is_refunded_by_that(clerk: User) -> None:
    expected = make_expected(700)
    match = do(confirming.match_to_expected, make_line(700, by=clerk), expected, by=clerk)
    back = make_line(-500, by=clerk)
    returned = do(returns.receipt_returned, back, match.payment, by=clerk)
    payment = Payment.objects.get()
    assert payment.refunded == Money(500, "USD")
    assert balance(expected.pool, "bank") == 200
    assert figures(expected.pool, "USD")["refunded"] == 500
    assert payment.receipt is not None
    assert payment.receipt.amount == 200
    with pytest.raises(refusals.ReturnTooLarge, match=r"\$2\.00"):
        do(returns.receipt_returned, make_line(-300, by=clerk), payment, by=clerk)
    with pytest.raises(refusals.GivenBackSince):
        do(undoing.undo, match, by=clerk, reason="A mistake")

    do(undoing.undo, returned, by=clerk, reason="It was a charge")
    payment = Payment.objects.get()
    assert payment.refunded == Money(0, "USD")
    assert payment.receipt is not None
    assert payment.receipt.amount == 700
    assert left_of(back).amount == -500
    assert outcome.told[-2:] == [
        ("given back 500", expected.purpose_id),
        ("kept 500", expected.purpose_id),
    ]


def test_parked_money_that_went_back_waits_no_more(clerk: User) -> None:
    came = make_line(700, by=clerk)
    parked = do(confirming.park, came, by=clerk)
    went = make_line(-700, by=clerk)
    match = do(returns.parked_returned, went, parked, by=clerk)
    holding = Pool.objects.get(code="holding")
    assert not any(balances(holding, "USD").values())
    assert left_of(went).amount == 0
    assert left_of_parked(parked).amount == 0
    with pytest.raises(refusals.NotParked):
        do(returns.parked_returned, make_line(-700, by=clerk), parked, by=clerk)
    with pytest.raises(refusals.ParkedMatched):
        do(undoing.undo, parked, by=clerk, reason="A mistake")

    do(undoing.undo, match, by=clerk, reason="A mistake")
    assert left_of_parked(parked).amount == 700
    assert left_of(went).amount == -700
    assert balance(holding, "bank") == 700
    assert Match.objects.filter(undone_at=None).count() == 1
    assert Entry.objects.count() == 3
