"""A bank line becomes what it is: a payment, money owed back, parked, a charge, a payout."""

import datetime
from typing import Any

import pytest

from core.models import User
from core.money import Money
from core.transactions import TransactionMissing, use_case
from funding.ledger.models import Entry, Pool
from funding.ledger.queries import balances, figures
from funding.ledger.refusals import UnknownAccount
from funding.payments import credit_notes
from funding.payments.banking import confirming, refusals, undoing
from funding.payments.banking.accounts import ensure_holding
from funding.payments.banking.confirming import left_of, left_of_parked
from funding.payments.banking.matching import suggest
from funding.payments.invoices import BillTo
from funding.payments.models import (
    BankLine,
    Channel,
    ExpectedPayment,
    Match,
    Payment,
    Receipt,
    Status,
)
from portal import groups
from tests.factories.banking import make_account, make_expected, make_line, make_staff
from tests.factories.ledger import make_pool
from tests.factories.payments import make_invoice, outcome
from tests.factories.payouts import card_payment
from tests.races import together


@pytest.fixture
def clerk(db: None) -> User:
    return make_staff()


def do(verb: Any, *args: Any, **options: Any) -> Any:
    with use_case():
        return verb(*args, **options)


def match(
    line: BankLine, expected: ExpectedPayment, amount: int | None = None, **options: Any
) -> Match:
    money = None if amount is None else Money(amount, line.currency)
    made: Match = do(confirming.match_to_expected, line, expected, money, **options)
    return made


def holding() -> Pool:
    return Pool.objects.get(code="holding")


def balance(pool: Pool, account: str, currency: str = "USD") -> int:
    return balances(pool, currency).get(account, 0)


# --- A payment ------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("currency", "amount"), [("USD", 10_000), ("EUR", 10_050), ("UGX", 75_000), ("KWD", 10_125)]
)
def test_a_matched_line_is_a_payment_with_receipt_outcome_and_entry(
    currency: str, amount: int, clerk: User
) -> None:
    expected = make_expected(amount, currency)
    line = make_line(amount, by=clerk)

    made = match(line, expected, by=clerk)

    payment = made.payment
    assert payment is not None
    assert (payment.channel, payment.status) == (Channel.TRANSFER, Status.SUCCEEDED)
    assert (payment.amount, payment.expected) == (amount, expected)
    assert Receipt.objects.get(payment=payment).amount == amount
    assert outcome.told == [("succeeded", expected.purpose_id)]
    assert made.entry == payment.entry
    assert made.entry is not None
    assert made.entry.idempotency_key == f"bank-line:{line.pk}:match:{made.pk}"
    assert made.entry.effective_date == line.booked_on
    assert made.entry.prepared_by == f"user:{clerk.pk}"
    assert balance(expected.pool, "bank", currency) == amount
    assert figures(expected.pool, currency)["received"] == amount
    assert left_of(line).amount == 0


def test_a_pool_takes_its_own_currency_alone_and_the_general_fund_every_one(clerk: User) -> None:
    other = make_pool(currency="USD")
    expected = make_expected(5_000, "EUR", pool=other)
    line = make_line(5_000, by=clerk)
    with pytest.raises(UnknownAccount):
        match(line, expected, by=clerk)
    with pytest.raises(UnknownAccount):
        do(confirming.owe_back, line, other, by=clerk)
    general = make_pool("general")
    do(confirming.owe_back, line, general, by=clerk)
    assert balance(general, "credits-payable", "EUR") == -5_000


def test_an_under_payment_leaves_the_rest_expected(clerk: User) -> None:
    expected = make_expected(10_000)
    match(make_line(4_000, by=clerk), expected, by=clerk)
    assert ExpectedPayment.objects.get().outstanding == Money(6_000, "USD")

    match(make_line(6_000, by=clerk), expected, by=clerk)
    assert ExpectedPayment.objects.get().outstanding == Money(0, "USD")
    assert Payment.objects.count() == 2


def test_an_over_payment_is_refused_with_figures_and_split_into_paid_and_owed_back(
    clerk: User,
) -> None:
    expected = make_expected(10_000)
    line = make_line(12_000, by=clerk)

    with pytest.raises(refusals.MoreThanOutstanding) as raised:
        match(line, expected, by=clerk)
    for figure in ("$120.00", "$100.00", "$20.00"):
        assert figure in str(raised.value)
    assert not Match.objects.exists()

    match(line, expected, 10_000, by=clerk)
    do(confirming.owe_back, line, expected.pool, note="Came too much", by=clerk)
    assert left_of(line).amount == 0
    assert balance(expected.pool, "bank") == 12_000
    assert balance(expected.pool, "credits-payable") == -2_000
    assert figures(expected.pool, "USD")["owed_back"] == 2_000


def test_a_double_payment_is_refused_and_owed_back(clerk: User) -> None:
    expected = make_expected(10_000)
    match(make_line(10_000, by=clerk), expected, by=clerk)
    second = make_line(10_000, by=clerk)
    with pytest.raises(refusals.AlreadyPaid, match=r"\$100\.00 came"):
        match(second, expected, by=clerk)
    owed = do(confirming.owe_back, second, expected.pool, by=clerk)
    assert owed.entry.kind == "overpayment"


def test_one_line_pays_two_and_never_more_than_it_has(clerk: User) -> None:
    one, two = make_expected(3_000), make_expected(9_000)
    line = make_line(10_000, by=clerk)
    match(line, one, 3_000, by=clerk)
    with pytest.raises(refusals.MoreThanTheLine, match=r"\$90\.00.*\$70\.00"):
        match(line, two, 9_000, by=clerk)
    match(line, two, by=clerk)
    assert Payment.objects.get(expected=two).amount == 7_000
    with pytest.raises(refusals.NothingLeft):
        match(line, two, by=clerk)


def test_a_standing_order_counts_each_time_its_line_is_matched(clerk: User) -> None:
    expected = make_expected(2_500, repeats="month")
    for _month in range(3):
        match(make_line(2_500, by=clerk), expected, by=clerk)
    assert Payment.objects.filter(expected=expected).count() == 3
    assert ExpectedPayment.objects.get().outstanding == Money(2_500, "USD")


def test_what_the_payers_bank_took_is_kept(clerk: User) -> None:
    expected = make_expected(10_000)
    made = make_line(10_000, by=clerk)
    other = make_line(1, by=clerk).statement
    line = BankLine.objects.create(
        statement=other,
        position=2,
        booked_on=made.booked_on,
        value_on=made.value_on,
        amount=10_000,
        instructed_amount=9_200,
        instructed_currency="EUR",
    )
    payment = match(line, expected, by=clerk).payment
    assert payment is not None
    assert (payment.payer_amount, payment.payer_currency) == (9_200, "EUR")


def test_money_that_went_pays_nothing_and_other_currencies_do_not_match(clerk: User) -> None:
    expected = make_expected(1_000)
    with pytest.raises(refusals.NotMoneyIn):
        match(make_line(-1_000, by=clerk), expected, by=clerk)
    euros = make_account("EUR")
    with pytest.raises(refusals.InOtherCurrency):
        match(make_line(1_000, account=euros, by=clerk), expected, by=clerk)
    for amount in (0, -5):
        with pytest.raises(refusals.AmountWanted):
            match(make_line(1_000, by=clerk), expected, amount, by=clerk)


def test_what_was_withdrawn_is_owed_back(clerk: User) -> None:
    from funding.payments.expected import withdraw

    expected = make_expected(1_000)
    do(withdraw, expected, by=clerk, reason="Asked twice")
    line = make_line(1_000, by=clerk)
    with pytest.raises(refusals.Withdrawn, match="owed back"):
        match(line, expected, by=clerk)
    do(confirming.owe_back, line, expected.pool, by=clerk)
    assert balance(expected.pool, "credits-payable") == -1_000


def invoiced(total: int = 25_000) -> ExpectedPayment:
    """What an invoice expects."""
    return ExpectedPayment.objects.get(invoice=make_invoice(total))


def test_a_void_invoice_takes_no_money_and_says_what_to_do(clerk: User) -> None:
    expected = invoiced()
    invoice = expected.invoice
    assert invoice is not None
    do(credit_notes.void_invoice, invoice, reason="Wrong tier", by=clerk)
    line = make_line(25_000, text=expected.reference, by=clerk)
    with pytest.raises(refusals.InvoiceVoid, match=invoice.number):
        match(line, expected, by=clerk)
    assert [(found.act, found.confidence) for found in suggest(line)] == [("owe_back", 85)]


def test_an_invoice_that_is_not_payable_any_more_says_why(clerk: User) -> None:
    expected = invoiced()
    outcome.unwanted = "The term was cancelled."
    with pytest.raises(refusals.NotWantedAnyMore, match="The term was cancelled"):
        match(make_line(25_000, by=clerk), expected, by=clerk)


def test_an_invoice_paid_in_part_by_card_takes_the_rest_alone(clerk: User) -> None:
    expected = invoiced()
    card_payment(5_000, invoice=expected.invoice, pool=expected.pool)
    line = make_line(25_000, by=clerk)
    with pytest.raises(refusals.MoreThanOutstanding, match=r"\$200\.00"):
        match(line, expected, by=clerk)
    match(line, expected, 20_000, by=clerk)
    with pytest.raises(refusals.AlreadyPaid, match=r"\$250\.00"):
        match(line, expected, by=clerk)


def test_a_payer_without_an_address_gets_no_mail_and_the_money_counts(clerk: User) -> None:
    expected = make_expected(700, payer=BillTo(name="A walk-in"))
    made = match(make_line(700, by=clerk), expected, by=clerk)
    assert made.payment is not None
    assert made.payment.is_paid


def test_what_cannot_be_booked_leaves_nothing(clerk: User) -> None:
    expected = make_expected(1_000)
    line = make_line(1_000, by=clerk)
    outcome.refuses = RuntimeError("no")
    with pytest.raises(RuntimeError):
        match(line, expected, by=clerk)
    assert not Payment.objects.exists()
    assert not Match.objects.exists()
    assert not Entry.objects.exists()


# --- Parking --------------------------------------------------------------------------------------


def test_parked_money_waits_in_holding_and_is_matched_later(clerk: User) -> None:
    line = make_line(10_000, by=clerk)
    parked = do(confirming.park, line, note="Who is this?", by=clerk)
    assert balance(holding(), "bank") == 10_000
    assert balance(holding(), "unallocated-receipts") == -10_000
    assert left_of(line).amount == 0

    expected = make_expected(6_000)
    match(line, expected, 6_000, parked=parked, by=clerk)
    assert left_of_parked(parked).amount == 4_000
    assert balance(holding(), "bank") == 4_000
    assert balance(expected.pool, "bank") == 6_000
    assert figures(expected.pool, "USD")["received"] == 6_000

    do(confirming.owe_back, line, expected.pool, parked=parked, by=clerk)
    assert left_of_parked(parked).amount == 0
    assert balance(holding(), "bank") == 0
    assert balance(holding(), "unallocated-receipts") == 0
    assert balance(expected.pool, "credits-payable") == -4_000
    with pytest.raises(refusals.NotParked):
        do(confirming.owe_back, line, expected.pool, parked=parked, by=clerk)


def test_holding_opens_in_each_currency(clerk: User) -> None:
    for currency in ("USD", "UGX"):
        account = make_account(currency)
        do(confirming.park, make_line(500, account=account, by=clerk), by=clerk)
        assert balance(holding(), "bank", currency) == 500


# --- Money that went ------------------------------------------------------------------------------


@pytest.mark.parametrize("currency", ["USD", "UGX", "KWD"])
def test_a_charge_is_spent_by_the_general_fund(currency: str, clerk: User) -> None:
    line = make_line(-1_250, account=make_account(currency), by=clerk)
    made = do(confirming.charge, line, by=clerk)
    general = Pool.objects.get(code="general")
    assert made.amount == -1_250
    assert balance(general, "bank", currency) == -1_250
    assert figures(general, currency)["fees"] == 1_250
    assert left_of(line).amount == 0


def test_money_that_came_is_no_charge_and_money_that_went_is_not_parked(clerk: User) -> None:
    with pytest.raises(refusals.NotMoneyOut):
        do(confirming.charge, make_line(5, by=clerk), by=clerk)
    with pytest.raises(refusals.NotMoneyIn):
        do(confirming.park, make_line(-5, by=clerk), by=clerk)


# --- Undoing --------------------------------------------------------------------------------------


def test_undoing_a_payment_reverses_it_and_frees_the_line(clerk: User) -> None:
    expected = make_expected(10_000)
    line = make_line(10_000, by=clerk)
    made = match(line, expected, by=clerk)

    undone = do(undoing.undo, made, by=clerk, reason="Wrong ministry")

    payment = Payment.objects.get()
    assert payment.status == Status.UNDONE
    assert payment.receipt is None
    assert outcome.told == [("succeeded", expected.purpose_id), ("undone", expected.purpose_id)]
    assert (undone.undone_by, undone.undone_reason) == (clerk, "Wrong ministry")
    assert left_of(line).amount == 10_000
    assert balance(expected.pool, "bank") == 0
    assert figures(expected.pool, "USD")["received"] == 0
    reversal = Entry.objects.get(reverses=made.entry)
    assert reversal.kind == "reversal"
    assert "ministry" not in reversal.memo
    assert ExpectedPayment.objects.get().outstanding == Money(10_000, "USD")
    # It can be matched again.
    again = match(line, expected, by=clerk)
    assert again.entry != made.entry
    assert balance(expected.pool, "bank") == 10_000


@pytest.mark.parametrize("kind", ["park", "owe_back", "charge"])
def test_undoing_the_others_leaves_every_account_as_it_was(kind: str, clerk: User) -> None:
    pool = make_pool("general")
    line = make_line(-700 if kind == "charge" else 700, by=clerk)
    more = (pool,) if kind == "owe_back" else ()
    made = do(getattr(confirming, kind), line, *more, by=clerk)

    do(undoing.undo, made, by=clerk, reason="A mistake")

    assert abs(left_of(line).amount) == 700
    for each in Pool.objects.all():
        assert not any(balances(each, "USD").values())


def test_undoing_needs_a_reason_and_happens_once(clerk: User) -> None:
    made = do(confirming.park, make_line(700, by=clerk), by=clerk)
    with pytest.raises(refusals.ReasonWanted):
        do(undoing.undo, made, by=clerk, reason=" ")
    do(undoing.undo, made, by=clerk, reason="A mistake")
    with pytest.raises(refusals.UndoneAlready):
        do(undoing.undo, made, by=clerk, reason="A mistake")
    assert Entry.objects.count() == 2


def test_parking_that_was_resolved_is_undone_from_its_end(clerk: User) -> None:
    line = make_line(700, by=clerk)
    parked = do(confirming.park, line, by=clerk)
    resolved = match(line, make_expected(700), parked=parked, by=clerk)
    with pytest.raises(refusals.ParkedMatched):
        do(undoing.undo, parked, by=clerk, reason="A mistake")
    do(undoing.undo, resolved, by=clerk, reason="A mistake")
    assert left_of_parked(parked).amount == 700
    do(undoing.undo, parked, by=clerk, reason="A mistake")
    assert left_of(line).amount == 700
    assert not any(balances(holding(), "USD").values())


def test_a_payment_that_was_refunded_since_is_not_undone(clerk: User) -> None:
    from funding.payments.models import Refund

    made = match(make_line(700, by=clerk), make_expected(700), by=clerk)
    assert made.payment is not None
    Refund.objects.create(
        payment=made.payment,
        amount=200,
        currency="USD",
        status="succeeded",
        created_at=datetime.datetime.now(datetime.UTC),
    )
    with pytest.raises(refusals.GivenBackSince, match=r"\$2\.00"):
        do(undoing.undo, made, by=clerk, reason="A mistake")
    assert Payment.objects.get().status == Status.SUCCEEDED


# --- Preview --------------------------------------------------------------------------------------


def test_a_preview_shows_the_entry_and_leaves_nothing(clerk: User) -> None:
    expected = make_expected(700)
    line = make_line(700, by=clerk)
    entries = confirming.preview(lambda: confirming.match_to_expected(line, expected, by=clerk))
    rows: Any = entries[0].rows  # type: ignore[attr-defined]
    assert {(row.account.code, row.amount) for row in rows} == {
        ("bank", 700),
        ("contributions", -700),
    }
    assert not Entry.objects.exists()
    assert not Payment.objects.exists()
    assert not Receipt.objects.exists()


def test_a_preview_refuses_what_the_verb_refuses(clerk: User) -> None:
    line = make_line(-700, by=clerk)
    with pytest.raises(refusals.NotMoneyIn):
        confirming.preview(lambda: confirming.park(line, by=clerk))


# --- Rights and races -----------------------------------------------------------------------------


def test_every_verb_needs_the_right_and_a_transaction(clerk: User) -> None:
    line, expected = make_line(700, by=clerk), make_expected(700)
    made = do(confirming.park, line, Money(100, "USD"), by=clerk)
    auditor = make_staff(groups.AUDITORS)
    for act in (
        lambda: match(line, expected, by=auditor),
        lambda: do(confirming.park, line, by=auditor),
        lambda: do(confirming.owe_back, line, expected.pool, by=auditor),
        lambda: do(confirming.charge, line, by=auditor),
        lambda: do(undoing.undo, made, by=auditor, reason="I may not"),
    ):
        with pytest.raises(refusals.NotPermitted):
            act()
    with pytest.raises(TransactionMissing):
        confirming.park(line, by=clerk)


def test_two_clerks_on_one_line_match_it_once(committed_db: object) -> None:
    clerks = [make_staff(), make_staff()]
    line = make_line(700, by=clerks[0])
    ones = [make_expected(700), make_expected(700)]
    results = together(
        lambda: match(line, ones[0], by=clerks[0]), lambda: match(line, ones[1], by=clerks[1])
    )
    assert sorted(type(result).__name__ for result in results) == ["Match", "NothingLeft"]
    assert Payment.objects.count() == 1
    assert left_of(line).amount == 0


def test_two_clerks_on_one_expected_payment_pay_it_once(committed_db: object) -> None:
    clerks = [make_staff(), make_staff()]
    lines = [make_line(700, by=clerks[0]), make_line(700, by=clerks[0])]
    expected = make_expected(700)
    results = together(
        lambda: match(lines[0], expected, by=clerks[0]),
        lambda: match(lines[1], expected, by=clerks[1]),
    )
    assert sorted(type(result).__name__ for result in results) == ["AlreadyPaid", "Match"]
    assert balance(expected.pool, "bank") == 700


def test_two_clerks_undo_one_match_once(committed_db: object) -> None:
    clerk = make_staff()
    made = match(make_line(700, by=clerk), make_expected(700), by=clerk)
    results = together(
        *(lambda: do(undoing.undo, made, by=clerk, reason="A mistake") for _clerk in range(2))
    )
    assert sorted(type(result).__name__ for result in results) == ["Match", "UndoneAlready"]
    assert Entry.objects.count() == 2


def test_the_pool_of_unallocated_receipts_owes_nobody(clerk: User) -> None:
    line = make_line(700, by=clerk)
    with use_case():
        holding = ensure_holding("USD")
    with pytest.raises(refusals.HoldingOwesNobody), use_case():
        confirming.owe_back(line, holding, by=clerk)
