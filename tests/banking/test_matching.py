"""What is suggested for a line, with how much speaks for it; nothing is chosen by itself."""

import datetime
from typing import Any

import pytest
from django.utils import timezone

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.payments import payouts
from funding.payments.banking import arrivals, channels, confirming, matching
from funding.payments.banking.matching import (
    numbers_in,
    plain,
    references_in,
    similarity,
    suggest,
)
from funding.payments.expected import reference_of
from funding.payments.models import BankLine, ExpectedPayment, Match, Payment
from tests.banking.test_arrivals_and_returns import make_processor_payout
from tests.factories.banking import make_channel, make_expected, make_line, make_staff
from tests.factories.ledger import make_pool
from tests.factories.payments import make_invoice
from tests.factories.payouts import approved_refund


@pytest.fixture
def clerk(db: None) -> User:
    return make_staff()


def do(verb: Any, *args: Any, **options: Any) -> Any:
    with use_case():
        return verb(*args, **options)


def found(line: BankLine) -> list[tuple[str, int]]:
    return [(suggestion.act, suggestion.confidence) for suggestion in suggest(line)]


# --- Texts ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["RF18539007547034", "rf18 5390 0754 7034", "gift RF18-5390-0754-7034.", "xRF18 53900754 7034"],
)
def test_a_reference_is_found_however_it_is_typed(text: str) -> None:
    assert "RF18539007547034" in references_in(text)


def test_a_reference_with_wrong_check_digits_is_none() -> None:
    assert "RF19539007547034" not in references_in("RF19 5390 0754 7034")
    assert references_in("RF and no digits") == set()


def test_words_behind_a_reference_do_not_hide_it() -> None:
    reference = reference_of(12)
    assert reference in references_in(f"{reference}THANK YOU 2026")


def test_two_references_in_one_text_are_both_found() -> None:
    one, two = reference_of(1), reference_of(2)
    assert {one, two} <= references_in(f"{one} {two}")


def test_numbers_of_papers_are_found_with_or_without_dashes() -> None:
    assert numbers_in("for INV-2026-00012 and prq 2026 00003, not INV-2026-000129") == {
        "INV-2026-00012",
        "PRQ-2026-00003",
    }


def test_names_are_compared_without_accents_case_or_order() -> None:
    assert similarity("Ministère de la Santé", "MINISTERE DE LA SANTE") == 1
    assert similarity("BANDA CHISOMO", "Chisomo Banda") == 1
    assert similarity("Ministry of Health", "Acme Ltd") < 0.5
    assert similarity("", "Ada") == 0
    assert plain("Comissões  bancárias!") == "COMISSOES BANCARIAS"


# --- Money that came --------------------------------------------------------------------------------


def test_reference_and_amount_are_near_certain(clerk: User) -> None:
    expected = make_expected(700)
    make_expected(700)
    line = make_line(700, text=f"gift {expected.reference}", by=clerk)
    (suggestion,) = suggest(line)
    assert (suggestion.act, suggestion.confidence, suggestion.expected) == ("match", 99, expected)
    assert suggestion.words == "near certain"
    assert suggestion.amount == Money(700, "USD")


def test_the_number_of_a_paper_serves_too(clerk: User) -> None:
    expected = make_expected(700)
    assert found(make_line(700, text=f"your {expected.number}", by=clerk)) == [("match", 95)]


@pytest.mark.parametrize(("came", "takes"), [(500, 500), (900, 700)])
def test_reference_with_another_amount_is_likely_and_takes_what_it_can(
    came: int, takes: int, clerk: User
) -> None:
    expected = make_expected(700)
    (suggestion,) = suggest(make_line(came, text=expected.reference, by=clerk))
    assert (suggestion.confidence, suggestion.amount.amount) == (80, takes)
    assert suggestion.words == "likely"


def test_amount_and_name_then_amount_alone(clerk: User) -> None:
    make_expected(700, name="Ministère de la Santé")
    assert found(make_line(700, name="MINISTERE DE LA SANTE", by=clerk)) == [("match", 75)]
    assert found(make_line(700, name="Somebody Else", by=clerk)) == [("match", 35)]
    assert found(make_line(701, name="MINISTERE DE LA SANTE", by=clerk)) == []


def test_what_is_left_of_a_part_payment_is_found_by_its_amount(clerk: User) -> None:
    expected = make_expected(700, name="Ada Lovelace")
    do(confirming.match_to_expected, make_line(200, by=clerk), expected, by=clerk)
    assert found(make_line(500, name="Ada Lovelace", by=clerk)) == [("match", 75)]


def test_a_line_that_matches_two_shows_both_and_is_at_most_possible(clerk: User) -> None:
    one, two = make_expected(700, name="Ada"), make_expected(700, name="Ada")
    line = make_line(700, name="Ada", by=clerk)
    suggestions = suggest(line)
    assert {suggestion.expected for suggestion in suggestions} == {one, two}
    assert {suggestion.confidence for suggestion in suggestions} == {60}
    # One line may name both of its references: then each takes its own.
    both = make_line(1_400, text=f"{one.reference} {two.reference}", by=clerk)
    assert [(s.confidence, s.amount.amount) for s in suggest(both)] == [(60, 700), (60, 700)]
    assert not Match.objects.exists()
    assert not Payment.objects.exists()


def test_a_paid_reference_is_suggested_to_be_owed_back(clerk: User) -> None:
    expected = make_expected(700)
    do(confirming.match_to_expected, make_line(700, by=clerk), expected, by=clerk)
    assert found(make_line(700, text=expected.reference, by=clerk)) == [("owe_back", 85)]


def test_other_currencies_are_not_suggested(clerk: User) -> None:
    expected = make_expected(700, "EUR")
    from tests.factories.banking import make_account

    line = make_line(700, text=expected.reference, account=make_account("USD"), by=clerk)
    assert suggest(line) == []


def test_a_payout_of_the_processor_by_amount_day_and_name(clerk: User) -> None:
    make_processor_payout({make_pool().code: 700})
    assert found(make_line(700, text="STRIPE PAYMENTS", by=clerk)) == [("payout_arrived", 95)]
    assert found(make_line(700, by=clerk)) == [("payout_arrived", 70)]
    assert found(make_line(690, text="STRIPE", by=clerk)) == [("payout_arrived", 50)]
    late = datetime.date(2026, 3, 12)
    assert found(make_line(700, text="STRIPE", day=late, by=clerk)) == []


def test_what_a_channel_has_on_its_way(clerk: User) -> None:
    channel = make_channel(name="Mpamba")
    for amount in (400, 300):
        do(
            channels.confirm_payment,
            make_expected(amount, channel=channel),
            Money(amount, "USD"),
            evidence=f"EVID{amount}",
            paid_on=datetime.date(2026, 3, 1),
            by=clerk,
        )
    assert found(make_line(700, text="MPAMBA SETTLEMENT", by=clerk)) == [("payments_arrived", 85)]
    assert found(make_line(690, text="MPAMBA", by=clerk)) == [("payments_arrived", 60)]
    assert found(make_line(300, text="EVID300", by=clerk)) == [("payments_arrived", 90)]


# --- Money that went --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "text", ["MONTHLY CHARGE", "FRAIS DE TENUE", "Comissão de manutenção", "Account fee"]
)
def test_a_charge_is_told_by_the_banks_words(text: str, clerk: User) -> None:
    assert found(make_line(-150, text=text, by=clerk)) == [("charge", 80)]


def test_a_debit_that_says_nothing_is_nothing(clerk: User) -> None:
    assert found(make_line(-150, text="Payment", by=clerk)) == []


def test_our_payouts_by_name_or_amount(clerk: User) -> None:
    payout = approved_refund()
    today = timezone.localdate()
    by_name = make_line(-5_000, name=payout.beneficiary, day=today, by=clerk)
    assert found(by_name) == [("paid_out", 85)]
    assert found(make_line(-5_000, day=today, by=clerk)) == [("paid_out", 50)]
    do(confirming.paid_out, by_name, payout, by=clerk)
    back = make_line(5_000, text="RETURN OF PAYMENT", day=today, by=clerk)
    assert found(back) == [("payout_returned", 65)]


def test_a_receipt_that_is_taken_back_and_parked_money(clerk: User) -> None:
    expected = make_expected(700)
    do(confirming.match_to_expected, make_line(700, by=clerk), expected, by=clerk)
    line = make_line(-700, text=f"RETURN {expected.reference}", by=clerk)
    assert found(line) == [("receipt_returned", 85)]
    do(confirming.park, make_line(300, name="Ada Lovelace", by=clerk), by=clerk)
    assert found(make_line(-300, name="Ada Lovelace", by=clerk)) == [("parked_returned", 70)]


def test_parked_money_is_matched_by_the_same_suggestions(clerk: User) -> None:
    expected = make_expected(700)
    line = make_line(700, text=expected.reference, by=clerk)
    parked = do(confirming.park, line, by=clerk)
    assert suggest(line) == []
    (suggestion,) = suggest(line, parked)
    assert (suggestion.confidence, suggestion.expected) == (99, expected)


def test_among_many_of_one_amount_the_name_finds_its_own(clerk: User) -> None:
    wanted = make_expected(700, name="Chisomo Banda")
    for number in range(12):
        make_expected(700, name=f"Member {number}")
    (suggestion,) = suggest(make_line(700, name="BANDA, CHISOMO", by=clerk))
    assert (suggestion.expected, suggestion.confidence) == (wanted, 75)
    assert suggest(make_line(700, name="Zzz", by=clerk)) == []


def test_an_invoice_is_found_by_what_card_and_transfer_left(clerk: User) -> None:
    expected = ExpectedPayment.objects.get(invoice=make_invoice(1_000))
    do(
        confirming.match_to_expected,
        make_line(400, by=clerk),
        expected,
        by=clerk,
    )
    (suggestion,) = suggest(make_line(600, by=clerk))
    assert (suggestion.expected, suggestion.confidence) == (expected, 35)


def test_a_cheque_that_bounced_is_found(clerk: User) -> None:
    expected = make_expected(700, channel=make_channel(kind="cheque"))
    payment = do(
        channels.confirm_payment,
        expected,
        Money(700, "USD"),
        evidence="C1",
        paid_on=datetime.date(2026, 3, 2),
        by=clerk,
    )
    do(arrivals.payments_arrived, make_line(700, by=clerk), [payment], by=clerk)
    line = make_line(-700, text=f"UNPAID CHEQUE {expected.reference}", by=clerk)
    assert ("receipt_returned", 85) in found(line)


def test_a_payout_that_came_back_less_a_charge_is_found_by_its_reference(clerk: User) -> None:
    payout = approved_refund()
    today = timezone.localdate()
    payouts.paid_at_bank(payout, bank_reference="REF12345", on=today, by=clerk)
    assert ("payout_returned", 60) in found(make_line(4_500, text="RETURN REF12345", day=today))
    assert found(make_line(4_600, text="RETURN", day=today)) == []


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Kontoführungsgebühr", matching.CHARGE_WORDS),
        ("Rücklastschrift", matching.RETURN_WORDS),
        ("Rückzahlung", matching.RETURN_WORDS),
    ],
)
def test_words_with_an_umlaut_are_known(text: str, words: tuple[str, ...], clerk: User) -> None:
    said = matching.words_of(make_line(-500, text=text, by=clerk))
    assert any(word in said for word in words)
    assert not any(word in "TRUCK RENTAL" for word in words)
