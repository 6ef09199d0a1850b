"""Importing a file: all of it once, every sum to the last unit, and nothing posted."""

import datetime
from pathlib import Path

import pytest
from django.core.files.base import ContentFile
from django.db import DatabaseError, transaction

from core.models import User
from core.money import Money
from core.transactions import use_case
from funding.ledger.models import Entry
from funding.payments.banking import confirming, refusals
from funding.payments.banking.imports import Imported, discard, import_statement
from funding.payments.banking.parsed import MAX_BYTES
from funding.payments.models import (
    BankAccount,
    BankLine,
    BankStatement,
    CsvMapping,
    Match,
    Reconciliation,
)
from portal import groups
from tests.factories.banking import PLAIN, make_account, make_staff, make_statement
from tests.races import together

DATA = Path(__file__).parent / "data"
CAMT = (DATA / "eur_camt.xml").read_bytes()
MT940 = (DATA / "eur.sta").read_bytes()


@pytest.fixture
def treasurer(db: None) -> User:
    return make_staff()


@pytest.fixture
def euros(db: None) -> BankAccount:
    return make_account("EUR")


def bring(account: BankAccount, content: bytes, by: User, **options: object) -> Imported:
    return import_statement(
        account,
        ContentFile(content, name="bank.file"),
        by=by,
        **options,  # type: ignore[arg-type]
    )


def test_every_statement_of_a_file_is_imported_oldest_first(
    euros: BankAccount, treasurer: User
) -> None:
    imported = bring(euros, CAMT, treasurer)

    assert [statement.identification for statement in imported.statements] == ["S-1", "S-2"]
    assert [statement.closing for statement in imported.statements] == [124_250, -5_750]
    assert imported.lines == 5
    assert bytes(BankStatement.objects.get(position=1).content) == CAMT
    assert not Entry.objects.exists()


def test_the_same_file_twice_imports_once_and_says_so(euros: BankAccount, treasurer: User) -> None:
    first = bring(euros, CAMT, treasurer)
    again = bring(euros, CAMT, treasurer)

    assert not first.again
    assert again.again
    assert again.statements == first.statements
    assert BankLine.objects.count() == 5


def test_two_identical_lines_both_count(treasurer: User) -> None:
    rows = b"date|amount|reference|name|text\n" + b"2026-03-02|5.00|X|Ada|gift\n" * 2
    zero, ten = Money(0, "USD"), Money(1_000, "USD")
    bring(make_account(), rows, treasurer, mapping=PLAIN, opening=zero, closing=ten)
    assert [line.amount for line in BankLine.objects.all()] == [500, 500]


def test_a_statement_that_does_not_add_up_is_refused_with_the_figures(
    euros: BankAccount, treasurer: User
) -> None:
    changed = MT940.replace(b"C250,00", b"C249,00")
    with pytest.raises(refusals.SumDiffers) as raised:
        bring(euros, changed, treasurer)
    for figure in ("€1,000.00", "€241.50", "€1,241.50", "€1,242.50", "€1.00"):
        assert figure in str(raised.value)
    assert not BankStatement.objects.exists()


def test_one_bad_statement_refuses_the_whole_file(euros: BankAccount, treasurer: User) -> None:
    with pytest.raises(refusals.SumDiffers):
        bring(euros, MT940.replace(b"RC2,50", b"RC2,60"), treasurer)
    assert not BankStatement.objects.exists()


def test_a_statement_that_does_not_continue_the_last_is_refused_with_the_figures(
    euros: BankAccount, treasurer: User
) -> None:
    bring(euros, MT940, treasurer)
    # The same days again, from another export: it overlaps.
    with pytest.raises(refusals.OpeningDiffers) as raised:
        bring(euros, MT940 + b"\n", treasurer)
    for figure in ("€1,000.00", "€1,240.00", "€240.00"):
        assert figure in str(raised.value)
    assert BankStatement.objects.count() == 2


@pytest.mark.parametrize("earlier", [False, True])
def test_a_statement_on_whose_word_a_month_was_signed_stays(treasurer: User, earlier: bool) -> None:
    if earlier:
        make_statement(300, by=treasurer)
    statement = make_statement(700, by=treasurer)
    first_day = statement.first_day.replace(day=1)
    before = (first_day - datetime.timedelta(days=1)).replace(day=1)
    sign = {"place": "bank", "currency": "USD", "theirs": 0, "ours": 0, "signed_by": treasurer}
    # The first statement of an account speaks for the months before it; a later one does not.
    Reconciliation.objects.create(month=first_day if earlier else before, **sign)
    with pytest.raises(refusals.MonthSigned, match="is signed off on the word of this statement"):
        discard(statement, by=treasurer, reason="A wrong file")
    assert BankStatement.objects.filter(pk=statement.pk).exists()


def test_a_month_signed_before_a_later_statement_holds_nothing(treasurer: User) -> None:
    make_statement(300, by=treasurer)
    statement = make_statement(700, by=treasurer)
    before = (statement.first_day.replace(day=1) - datetime.timedelta(days=1)).replace(day=1)
    Reconciliation.objects.create(
        place="bank", currency="USD", month=before, theirs=0, ours=0, signed_by=treasurer
    )
    discard(statement, by=treasurer, reason="A wrong file")
    assert not BankStatement.objects.filter(pk=statement.pk).exists()


def test_the_same_file_with_one_line_changed_is_refused_though_it_adds_up(
    euros: BankAccount, treasurer: User
) -> None:
    bring(euros, MT940, treasurer)
    changed = MT940.replace(b"C250,00", b"C255,00").replace(b"EUR1242,50", b"EUR1247,50")
    changed = changed.replace(b"EUR1240,00", b"EUR1245,00")
    with pytest.raises(refusals.OpeningDiffers):
        bring(euros, changed, treasurer)
    assert BankLine.objects.count() == 4


def test_a_statement_of_days_that_are_imported_is_refused_though_its_balance_fits(
    treasurer: User,
) -> None:
    account = make_account()
    make_statement(500, -500, account=account, by=treasurer)
    old = b"date|amount|reference|name|text\n2026-03-01|1.00|X|Ada|gift\n"
    with pytest.raises(refusals.DaysOutOfOrder):
        bring(
            account,
            old,
            treasurer,
            mapping=PLAIN,
            opening=Money(0, "USD"),
            closing=Money(100, "USD"),
        )


def test_another_accounts_statement_is_refused(treasurer: User) -> None:
    other = make_account("EUR", iban="DE02120300000000202051")
    for content in (CAMT, MT940):
        with pytest.raises(refusals.OtherAccount, match="DE89370400440532013000"):
            bring(other, content, treasurer)


def test_a_statement_in_another_currency_is_refused(treasurer: User) -> None:
    dollars = make_account("USD")
    for content in (CAMT, MT940):
        with pytest.raises(refusals.OtherCurrency):
            bring(dollars, content, treasurer)


def test_a_closed_account_takes_no_statement(euros: BankAccount, treasurer: User) -> None:
    BankAccount.objects.update(closed_on="2026-03-01")
    with pytest.raises(refusals.AccountClosed):
        bring(euros, CAMT, treasurer)


def test_an_account_without_an_iban_is_known_by_its_number(treasurer: User) -> None:
    dinars = make_account("KWD", iban="", number="0012-345678")
    bring(dinars, (DATA / "kwd_prefixed.xml").read_bytes(), treasurer)
    assert BankLine.objects.get().amount == 10_123


def test_a_csv_needs_its_mapping_which_is_remembered(treasurer: User) -> None:
    account = make_account()
    with pytest.raises(refusals.MappingIncomplete):
        bring(account, b"date|amount\n2026-03-02|1.00", treasurer)
    make_statement(100, account=account, by=treasurer)
    assert CsvMapping.objects.get(account=account).settings["delimiter"] == "|"


@pytest.mark.parametrize(
    ("content", "refusal"),
    [
        (b"", refusals.FileEmpty),
        (b" \n ", refusals.FileEmpty),
        (b"x" * (MAX_BYTES + 1), refusals.FileTooLarge),
        (b"\x89PNG\x00", refusals.UnknownFormat),
    ],
)
def test_what_is_no_statement_is_refused(
    content: bytes, refusal: type[Exception], euros: BankAccount, treasurer: User
) -> None:
    with pytest.raises(refusal):
        bring(euros, content, treasurer)


def test_importing_needs_the_right(euros: BankAccount, db: None) -> None:
    for group in (groups.AUDITORS, groups.EDITORS):
        with pytest.raises(refusals.NotPermitted):
            bring(euros, CAMT, make_staff(group))


def test_two_clerks_who_import_one_file_at_once_import_it_once(committed_db: object) -> None:
    account, clerks = make_account("EUR"), [make_staff(), make_staff()]
    results = together(*(lambda by=by: bring(account, CAMT, by) for by in clerks))
    assert sorted(result.again for result in results) == [False, True]
    assert BankLine.objects.count() == 5


ROWS = (
    b"date|amount|reference|name|text\n2026-03-02|100.00|A|x|gift\n2026-03-02|-100.00|B|y|sweep\n"
)


def test_a_statement_that_sums_to_zero_is_imported_once_though_the_file_differs(
    treasurer: User,
) -> None:
    dollars, zero = make_account(), Money(0, "USD")
    balances = {"mapping": PLAIN, "opening": zero, "closing": zero}
    bring(dollars, ROWS, treasurer, **balances)
    with pytest.raises(refusals.ImportedBefore, match="2 March 2026"):
        bring(dollars, ROWS + b"\n", treasurer, **balances)
    # Another day of the same balances is another statement.
    bring(dollars, ROWS.replace(b"03-02", b"03-03"), treasurer, **balances)
    assert BankLine.objects.count() == 4


@pytest.mark.parametrize("day", ["2062-11-02", "0026-03-31", "1999-12-31"])
def test_a_day_of_another_time_is_refused(day: str, treasurer: User) -> None:
    content = f"date|amount|reference|name|text\n{day}|100.00|A|x|gift\n".encode()
    with pytest.raises(refusals.DayOutOfRange, match=day):
        bring(
            make_account(),
            content,
            treasurer,
            mapping=PLAIN,
            opening=Money(0, "USD"),
            closing=Money(10_000, "USD"),
        )
    assert not BankStatement.objects.exists()


def test_the_last_statement_is_discarded_and_counts_nowhere(
    euros: BankAccount, treasurer: User
) -> None:
    (statement,) = bring(euros, MT940, treasurer).statements[-1:]
    brought = BankStatement.objects.count()
    for wrong in ("", " "):
        with pytest.raises(refusals.ReasonWanted):
            discard(statement, by=treasurer, reason=wrong)
    with pytest.raises(refusals.NotPermitted):
        discard(statement, by=make_staff(groups.AUDITORS), reason="A wrong file")

    line = statement.lines.first()
    discard(statement, by=treasurer, reason="A wrong file")

    assert BankStatement.objects.count() == brought - 1
    assert not BankLine.objects.filter(statement=statement).exists()
    assert BankStatement.with_discarded.get(pk=statement.pk).discarded_reason == "A wrong file"
    with pytest.raises(refusals.NotTheLastStatement):
        discard(statement, by=treasurer, reason="Again")
    assert line is not None
    with pytest.raises(refusals.StatementDiscarded), use_case():
        confirming.park(line, by=treasurer)
    while last := euros.statements.order_by("-pk").first():
        discard(last, by=treasurer, reason="A wrong file")
    assert not bring(euros, MT940, treasurer).again
    with pytest.raises(DatabaseError), transaction.atomic():
        BankStatement.with_discarded.filter(pk=statement.pk).update(discarded_reason="Another")
    with pytest.raises(DatabaseError), transaction.atomic():
        BankStatement.objects.update(closing=1)


def test_a_statement_that_another_follows_or_that_was_matched_stays(treasurer: User) -> None:
    first, second = make_statement(700, by=treasurer), make_statement(800, by=treasurer)
    with pytest.raises(refusals.NotTheLastStatement):
        discard(first, by=treasurer, reason="A wrong file")
    with use_case():
        confirming.park(second.lines.get(), by=treasurer)
    with pytest.raises(refusals.StatementMatched):
        discard(second, by=treasurer, reason="A wrong file")
    assert BankStatement.objects.count() == 2


def test_discarding_beside_a_match_ends_in_one_of_the_two(committed_db: object) -> None:
    clerk = make_staff()
    statement = make_statement(700, by=clerk)
    line = statement.lines.get()

    def match() -> None:
        with use_case():
            confirming.park(line, by=clerk)

    found = together(match, lambda: discard(statement, by=clerk, reason="A wrong file"))
    refused = [each for each in found if isinstance(each, refusals.BankRefusal)]
    assert len(refused) == 1, found
    assert Match.objects.exists() != (BankStatement.objects.count() == 0)
