"""Each account is reconciled monthly and signed off by somebody who posted none of it."""

import datetime
import uuid
from typing import Any

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction
from django.test import Client
from django.urls import reverse
from django.utils import timezone
from wagtail.models import ModelLogEntry

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger import templates
from funding.ledger.models import Pool
from funding.payments import month_ends, payouts, signoff
from funding.payments.banking import arrivals, channels, confirming, undoing
from funding.payments.banking.imports import import_statement
from funding.payments.models import (
    BankLine,
    Match,
    Payment,
    ProcessorTransaction,
    Reconciliation,
)
from funding.payments.month_ends import Place
from portal import groups
from tests.factories.banking import (
    PLAIN,
    make_account,
    make_channel,
    make_expected,
    make_line,
    make_staff,
)
from tests.factories.home import make_staff as make_person
from tests.factories.home import sign_in
from tests.factories.ledger import gift_entry, make_pool, post_now
from tests.factories.payouts import approved_refund, transfer_payment
from tests.payments.together import at_once, text_of

MARCH, APRIL = datetime.date(2026, 3, 1), datetime.date(2026, 4, 1)


def on(day: int, month: int = 3) -> datetime.date:
    return datetime.date(2026, month, day)


def statement(
    *rows: tuple[datetime.date, int], by: User | None = None, last: datetime.date | None = None
) -> list[BankLine]:
    """A statement of our dollar account with these lines; its lines, in their order.

    ``last``: a line of 1 cent there and back on that day, so that the statement reaches to it.
    """
    from funding.payments.models import BankAccount

    account = BankAccount.objects.filter(currency="USD").first() or make_account()
    all_rows = [*rows, *([(last, 1), (last, -1)] if last else [])]
    before = account.statements.order_by("-pk").first()
    opening = before.closing if before else 0
    text = "date|amount|reference|name|text\n" + "\n".join(
        f"{day}|{Money(amount, 'USD').decimal}|{uuid.uuid4().hex}|Payer|"
        for day, amount in all_rows
    )
    made = import_statement(
        account,
        ContentFile(text.encode(), name="statement.csv"),
        by=by or make_staff(),
        mapping=PLAIN,
        opening=Money(opening, "USD"),
        closing=Money(opening + sum(amount for _, amount in all_rows), "USD"),
    )
    return list(made.statements[0].lines.order_by("position"))


def match(line: BankLine, by: User | None = None) -> Match:
    """The line is the payment that was expected."""
    expected = make_expected(line.amount)
    by = by or make_staff()
    with use_case():
        return confirming.match_to_expected(line, expected, by=by)


def compare(month: datetime.date = MARCH, place: str = Place.BANK) -> month_ends.Comparison:
    return month_ends.compare(month_ends.account_of(place, "USD", month), month)


def sign(by: User | None = None, month: datetime.date = MARCH, **changes: Any) -> Reconciliation:
    values: dict[str, Any] = {"place": Place.BANK, "currency": "USD", "month": month, **changes}
    return signoff.sign_off(by=by or make_staff(groups.AUDITORS), **values)


def explains(found: month_ends.Comparison) -> bool:
    """The listed differences add up to the difference."""
    return sum(row.amount for row in found.differences) == found.difference.amount


# --- The bank ---------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_a_month_whose_lines_are_all_matched_agrees() -> None:
    for line in statement((on(2), 10_000), (on(31), 2_500)):
        match(line)
    found = compare()
    assert (found.theirs, found.ours) == (12_500, 12_500)
    assert found.agrees
    assert found.differences == []
    signed = sign()
    assert (signed.theirs, signed.ours, signed.differences) == (12_500, 12_500, [])


@pytest.mark.django_db
def test_before_its_first_statement_an_account_held_what_that_one_opens_with() -> None:
    account, pool = make_account(), make_pool()
    about = {"pool": pool.code, "currency": "USD"}
    post_now(templates.opening_balance(key="o", amount=34_150, date=on(1), **about))
    text = "date|amount|reference|name|text\n2026-04-02|1.00|R|Payer|"
    import_statement(
        account,
        ContentFile(text.encode(), name="first.csv"),
        by=make_staff(),
        mapping=PLAIN,
        opening=Money(34_150, "USD"),
        closing=Money(34_250, "USD"),
    )
    found = compare()
    assert (found.theirs, found.ours, found.differences) == (34_150, 34_150, [])

    post_now(templates.bank_gift(key="g", amount=500, date=on(20), **about))
    found = compare()
    assert (found.theirs, found.ours) == (34_150, 34_650)
    (row,) = found.differences
    assert row.amount == -500
    assert explains(found)


@pytest.mark.django_db
def test_a_line_that_nobody_matched_is_the_difference() -> None:
    first, second = statement((on(2), 10_000), (on(31), 2_500))
    match(first)
    found = compare()
    assert (found.theirs, found.ours) == (12_500, 10_000)
    (row,) = found.differences
    assert (row.amount, row.line) == (2_500, second.pk)
    assert "is not in the books" in row.what
    assert explains(found)


@pytest.mark.django_db
def test_a_line_that_is_matched_in_part_differs_by_the_rest() -> None:
    (line,) = statement((on(31), 10_000))
    expected, by = make_expected(6_000), make_staff()
    with use_case():
        confirming.match_to_expected(line, expected, Money(6_000, "USD"), by=by)
    (row,) = compare().differences
    assert row.amount == 4_000
    assert "in part" in row.what


@pytest.mark.django_db
def test_an_entry_that_the_bank_does_not_show_is_the_difference() -> None:
    (line,) = statement((on(31), 10_000))
    match(line)
    pool = make_pool()
    posted = post_now(
        templates.own_spending_paid(
            key="test:spent", pool=pool.code, currency="USD", amount=700, date=on(30)
        )
    )
    found = compare()
    (row,) = found.differences
    assert (row.amount, row.entry) == (700, posted.entry_id)
    assert explains(found)


@pytest.mark.django_db
def test_what_the_bank_shows_a_month_later_differs_until_then() -> None:
    statement((on(2), 1), (on(2), -1), last=on(31))
    payment = transfer_payment(5_000, day=on(31))
    found = compare()
    assert [row.amount for row in found.differences if row.entry] == [-5_000]
    assert payment.entry_id in [row.entry for row in found.differences]
    assert found.difference == Money(-5_000, "USD")


@pytest.mark.django_db
def test_money_moved_between_pools_is_no_difference() -> None:
    (line,) = statement((on(31), 10_000))
    made = match(line)
    assert made.payment is not None
    other = make_pool()
    post_now(
        templates.transfer_between_pools(
            key="test:transfer",
            pool=made.payment.pool.code,
            to_pool=other.code,
            currency="USD",
            amount=400,
            date=on(30),
        )
    )
    assert compare().agrees


@pytest.mark.django_db
def test_an_undone_match_leaves_its_line_and_its_two_entries_cancel_out() -> None:
    from funding.payments.banking import undoing

    (line,) = statement((on(31), 10_000))
    made, by = match(line), make_staff()
    with use_case():
        undoing.undo(made, by=by, reason="Another payer's.")
    # The reversal is of today: at the end of March the books still had it.
    assert compare().agrees
    this_month = timezone.localdate().replace(day=1)
    found = compare(this_month)
    assert [row.amount for row in found.differences] == [10_000]
    assert explains(found)


@pytest.mark.django_db
def test_parked_money_is_in_the_books() -> None:
    (line,) = statement((on(31), 10_000))
    by = make_staff()
    with use_case():
        confirming.park(line, by=by)
    assert compare().agrees


@pytest.mark.django_db
def test_what_stood_there_before_the_books_opened_is_no_difference_once_it_is_booked() -> None:
    account = make_account()
    import_statement(
        account,
        ContentFile(b"date|amount|reference|name|text\n2026-03-31|5.00|A|Payer|", name="s.csv"),
        by=make_staff(),
        mapping=PLAIN,
        opening=Money(90_000, "USD"),
        closing=Money(90_500, "USD"),
    )
    match(BankLine.objects.get())
    found = compare()
    assert [row.amount for row in found.differences] == [90_000]
    pool = make_pool()
    post_now(
        templates.opening_balance(
            key="test:opening", pool=pool.code, currency="USD", amount=90_000, date=on(1)
        )
    )
    assert compare().agrees


@pytest.mark.django_db
def test_a_statement_that_spans_the_months_end_counts_to_the_last_day() -> None:
    for line in statement((on(20), 10_000), (on(15, 4), 2_500)):
        match(line)
    assert (compare().theirs, compare().ours) == (10_000, 10_000)
    assert compare().agrees
    assert compare(APRIL).theirs == 12_500


@pytest.mark.django_db
def test_a_missing_statement_is_said_and_keeps_the_month_open() -> None:
    (line,) = statement((on(10), 10_000))
    match(line)
    found = compare()
    assert found.missing_from == on(11)
    assert not found.agrees
    with pytest.raises(signoff.StatementMissing) as caught:
        sign(note="It will come.")
    assert "March 31, 2026" in str(caught.value) or "31 March 2026" in str(caught.value)
    # The next statement continues it, so that nothing is missing.
    statement((on(3, 4), 500))
    assert compare().missing_from is None
    sign()


# --- The processor ----------------------------------------------------------------------------------


def processor_line(key: str, net: int, day: datetime.date, **changes: Any) -> ProcessorTransaction:
    moment = datetime.datetime.combine(day, datetime.time(12), tzinfo=datetime.UTC)
    values = {
        "balance_transaction": key,
        "type": "charge",
        "amount": net + 320,
        "fee": 320,
        "net": net,
        "currency": "USD",
        "created_at": moment,
        "available_on": day,
    }
    return ProcessorTransaction.objects.create(**{**values, **changes})


def booked_gift(pool: Pool, key: str, day: datetime.date) -> int:
    return post_now(gift_entry(pool, key=f"stripe:{key}", date=day)).entry_id


@pytest.mark.django_db
def test_the_processors_lines_and_clearing_agree() -> None:
    pool = make_pool()
    processor_line("txn_1", 9_680, on(10), entry_id=booked_gift(pool, "txn_1", on(10)))
    # Known by its key alone: the line does not name the entry yet.
    booked_gift(pool, "txn_2", on(31))
    processor_line("txn_2", 9_680, on(31))
    # Next month's is next month's.
    processor_line("txn_3", 9_680, on(1, 4))
    found = compare(place=Place.CLEARING)
    assert (found.theirs, found.ours) == (19_360, 19_360)
    assert found.agrees


@pytest.mark.django_db
def test_what_only_one_side_has_is_listed() -> None:
    pool = make_pool()
    ours = booked_gift(pool, "txn_1", on(10))
    theirs = processor_line("txn_2", 5_000, on(11))
    found = compare(place=Place.CLEARING)
    assert {(row.entry, row.line, row.amount) for row in found.differences} == {
        (ours, None, -9_680),
        (None, theirs.pk, 5_000),
    }
    assert explains(found)


# --- Signing ----------------------------------------------------------------------------------------


@pytest.mark.django_db
def test_who_confirmed_a_match_of_the_month_does_not_sign_and_reads_why() -> None:
    clerk = make_staff()
    (line,) = statement((on(31), 10_000))
    match(line, by=clerk)
    with pytest.raises(signoff.PostedYourself) as caught:
        sign(by=clerk)
    assert "matches confirmed or undone (1)" in str(caught.value)
    assert not Reconciliation.objects.exists()
    (line,) = ModelLogEntry.objects.filter(action="payments.sign_off_refused")
    assert (line.user, line.data["rule"], line.data["month"]) == (
        clerk,
        "PostedYourself",
        "2026-03",
    )


@pytest.mark.django_db
@pytest.mark.parametrize("part", ["prepared", "approved"])
def test_who_prepared_or_approved_an_entry_of_the_month_does_not_sign(part: str) -> None:
    clerk = make_staff()
    me = f"user:{clerk.pk}"
    statement((on(2), 1), (on(2), -1), last=on(31))
    pool = make_pool()
    post_now(
        templates.own_spending_paid(
            key="test:spent",
            pool=pool.code,
            currency="USD",
            amount=700,
            date=on(30),
            prepared_by=me if part == "prepared" else "",
            approved_by=(me,) if part == "approved" else (),
        )
    )
    with pytest.raises(signoff.PostedYourself, match=r"own-spending \(1\)"):
        sign(by=clerk, note="It is on the next statement.")


@pytest.mark.django_db
def test_who_asked_for_or_approved_a_payout_of_the_month_does_not_sign() -> None:
    payout = approved_refund()
    payouts.paid_at_bank(payout, bank_reference="FT1", on=timezone.localdate(), by=make_staff())
    account = month_ends.account_of(Place.BANK, "USD", timezone.localdate().replace(day=1))
    month = timezone.localdate().replace(day=1)
    approver = payout.decisions.all()[0].by
    for one in (payout.requested_by, approver):
        assert "payouts asked for or decided (1)" in signoff.part_of(one, account, month)
    assert signoff.part_of(make_staff(), account, month) == []


@pytest.mark.django_db
def test_who_marked_a_payout_of_the_month_paid_does_not_sign() -> None:
    payout, clerk, today = approved_refund(), make_staff(), timezone.localdate()
    payouts.paid_at_bank(payout, bank_reference="FT1", on=today, by=clerk)
    month = today.replace(day=1)
    account = month_ends.account_of(Place.BANK, "USD", month)
    assert "payouts marked paid (1)" in signoff.part_of(clerk, account, month)


@pytest.mark.django_db
def test_what_an_operator_kept_of_a_line_is_no_difference() -> None:
    clerk, today = make_staff(), timezone.localdate()
    expected = make_expected(10_000, channel=make_channel())
    with use_case():
        payment = channels.confirm_payment(
            expected, Money(10_000, "USD"), evidence="C1", paid_on=today, by=clerk
        )
    line = make_line(9_800, day=today)
    with use_case():
        arrivals.payments_arrived(line, [payment], by=clerk)
    found = compare(today.replace(day=1))
    assert found.theirs == found.ours == 9_800
    assert found.differences == []


@pytest.mark.django_db
def test_a_payout_that_was_matched_to_a_wrong_line_leaves_none_in_the_books() -> None:
    clerk, today = make_staff(), timezone.localdate()
    payment = transfer_payment(5_000, day=today)
    wrong, right = (make_line(-5_000, day=today) for _each in range(2))
    payout = approved_refund(payment)
    with use_case():
        match = confirming.paid_out(wrong, payout, by=clerk)
    with use_case():
        undoing.undo(match, by=clerk, reason="Another line")
    again = approved_refund(Payment.objects.get(pk=payment.pk))
    with use_case():
        confirming.paid_out(right, again, by=clerk)
    found = compare(today.replace(day=1))
    assert [row.line for row in found.differences if row.line] == [wrong.pk]
    assert explains(found)


@pytest.mark.django_db
def test_another_months_postings_keep_nobody_from_signing() -> None:
    clerk = make_staff()
    april = statement((on(2), 1), (on(2), -1), (on(30, 4), 10_000))[-1]
    match(april, by=clerk)
    assert sign(by=clerk, note="The bank's own test.").signed_by == clerk


@pytest.mark.django_db
def test_signing_needs_its_right() -> None:
    statement((on(2), 1), (on(2), -1), last=on(31))
    with pytest.raises(signoff.MayNotSign):
        sign(by=make_staff(groups.EDITORS))


@pytest.mark.django_db
def test_a_month_is_signed_once_it_is_over() -> None:
    this_month = timezone.localdate().replace(day=1)
    statement((this_month, 500))
    with pytest.raises(signoff.MonthNotOver):
        sign(month=this_month)


@pytest.mark.parametrize(
    "changes", [{"currency": "EUR"}, {"month": on(1, 1)}, {"place": Place.CLEARING}]
)
@pytest.mark.django_db
def test_an_account_that_is_not_there_is_not_signed(changes: dict[str, Any]) -> None:
    statement((on(2), 500), last=on(31))
    with pytest.raises(month_ends.NoSuchAccount):
        sign(**changes)


@pytest.mark.django_db
def test_a_difference_needs_its_note_and_is_kept_with_it() -> None:
    statement((on(31), 2_500))
    with pytest.raises(signoff.DifferencesUnexplained, match=r"\$25.00"):
        sign()
    signed = sign(note="The payer is being asked.")
    assert signed.difference == Money(2_500, "USD")
    assert [row["amount"] for row in signed.differences] == [2_500]
    assert ModelLogEntry.objects.for_instance(signed).get().action == "payments.sign_off"


@pytest.mark.django_db
def test_two_differences_that_cancel_each_other_out_do_not_pass_for_agreement() -> None:
    statement((on(31), 700))
    pool = make_pool()
    post_now(
        templates.bank_gift(
            key="test:other", pool=pool.code, currency="USD", amount=700, date=on(30)
        )
    )
    found = compare()
    assert found.theirs == found.ours
    assert not found.agrees
    assert sorted(row.amount for row in found.differences) == [-700, 700]
    with pytest.raises(signoff.OpenItemsUnexplained, match="2 things differ"):
        sign()
    sign(note="The same money, booked by hand.")


@pytest.mark.django_db
def test_a_month_is_signed_once_and_never_changed() -> None:
    statement((on(2), 1), (on(2), -1), last=on(31))
    signed = sign(note="The bank's own test.")
    with pytest.raises(signoff.SignedAlready):
        sign(note="Again.")
    with pytest.raises(DatabaseError, match="immutable"), transaction.atomic():
        Reconciliation.objects.filter(pk=signed.pk).update(note="Changed.")


@pytest.mark.django_db
def test_unsigned_counts_the_months_that_are_over() -> None:
    statement((on(2), 500), last=on(31))
    before = signoff.unsigned_count()
    sign(note="Not matched yet.")
    assert signoff.unsigned_count() == before - 1


def test_two_who_sign_at_once_sign_once(committed_db: object) -> None:
    statement((on(2), 1), (on(2), -1), last=on(31))
    people = [make_staff(groups.AUDITORS), make_staff(groups.AUDITORS)]
    found = at_once(*[lambda one=one: sign(by=one, note="The bank's own test.") for one in people])
    kinds = sorted(type(answer).__name__ for answer in found)
    assert kinds == ["Reconciliation", "SignedAlready"], found
    assert Reconciliation.objects.count() == 1


# --- The pages --------------------------------------------------------------------------------------


def page(month: str = "2026-03", place: str = "bank", currency: str = "USD") -> str:
    return reverse("payments_month_ends:month", args=[place, currency, month])


@pytest.fixture
def auditor(client: Client) -> User:
    with use_case():
        groups.setup_groups()
    return sign_in(client, make_person(groups.AUDITORS))


@pytest.mark.django_db
def test_the_page_shows_both_balances_and_takes_the_signature(
    client: Client, auditor: User
) -> None:
    first, _second = statement((on(2), 10_000), (on(31), 2_500))
    match(first)
    words = text_of(client.get(page()))
    assert "$125.00" in words
    assert "$100.00" in words
    assert "is not in the books $25.00" in words
    answer = client.post(page(), {"act": "sign", "note": ""})
    assert "The balances differ by $25.00." in text_of(answer)
    client.post(page(), {"act": "sign", "note": "The payer is being asked."})
    signed = Reconciliation.objects.get()
    assert signed.signed_by == auditor
    words = text_of(client.get(page()))
    assert f"Signed off by {auditor}" in words
    assert "The payer is being asked." in words


@pytest.mark.django_db
def test_the_page_says_why_somebody_may_not_sign(client: Client) -> None:
    with use_case():
        groups.setup_groups()
    clerk = sign_in(client, make_person(groups.TREASURERS))
    (line,) = statement((on(31), 10_000))
    match(line, by=User.objects.get(pk=clerk.pk))
    answer = client.get(page())
    assert "matches confirmed or undone (1)" in text_of(answer)
    assert 'value="sign"' not in answer.content.decode()
    client.post(page(), {"act": "sign", "note": "All the same."})
    assert not Reconciliation.objects.exists()


@pytest.mark.django_db
def test_the_overview_names_each_month_and_what_changed_later(
    client: Client, auditor: User
) -> None:
    for line in statement((on(2), 10_000), (on(15, 4), 2_500), (on(30, 4), 1)):
        if line.amount != 1:
            match(line)
    sign()
    words = text_of(client.get(reverse("payments_month_ends:index"), {"all": "1"}))
    assert "March 2026 signed" in words
    assert "April 2026 differs by $0.01" in words
    pool = make_pool()
    post_now(
        templates.own_spending_paid(
            key="test:late", pool=pool.code, currency="USD", amount=700, date=on(30)
        )
    )
    words = text_of(client.get(reverse("payments_month_ends:index"), {"all": "1"}))
    assert "March 2026 changed since it was signed" in words
    assert "booked into this month after it was signed off" in text_of(client.get(page()))


@pytest.mark.parametrize("month", ["2026-13", "2019-01", "never"])
@pytest.mark.django_db
def test_a_month_that_is_none_is_not_found(client: Client, auditor: User, month: str) -> None:
    statement((on(2), 500), last=on(31))
    assert client.get(page(month)).status_code == 404


@pytest.mark.django_db
def test_editors_do_not_see_it(client: Client) -> None:
    statement((on(2), 500), last=on(31))
    with use_case():
        groups.setup_groups()
    sign_in(client, make_person(groups.EDITORS))
    for address in (page(), reverse("payments_month_ends:index")):
        assert client.get(address).status_code in (302, 403)
