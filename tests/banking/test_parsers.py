"""Bank files of each format become the same plain lines; bad ones are refused with their place."""

import datetime
from pathlib import Path

import pytest

from funding.payments.banking import camt, csv_statements, mt940_statements, refusals
from funding.payments.banking.csv_statements import Mapping
from funding.payments.banking.imports import format_of
from funding.payments.banking.parsed import ParsedStatement

DATA = Path(__file__).parent / "data"
DAY = datetime.date(2026, 3, 2)


def read(name: str) -> bytes:
    return (DATA / name).read_bytes()


def adds_up(statement: ParsedStatement) -> bool:
    return statement.opening + statement.total == statement.closing


# --- CAMT.053 -------------------------------------------------------------------------------------


def test_camt_reads_booked_entries_alone_with_names_references_and_what_the_payer_paid() -> None:
    later, first = camt.parse(read("eur_camt.xml"))

    assert (first.account, first.currency, first.identification) == (
        "DE89370400440532013000",
        "EUR",
        "S-1",
    )
    assert [line.amount for line in first.lines] == [25_000, -1_250, 200, 300]
    assert all(map(adds_up, (first, later)))
    gift = first.lines[0]
    assert gift.text == "RF18539007547034"
    assert gift.counterparty == "Ministry of Health"
    assert gift.counterparty_account == "DE02120300000000202051"
    assert (gift.booked_on, gift.value_on) == (DAY, datetime.date(2026, 3, 1))
    assert (gift.bank_reference, gift.payer_reference) == ("B1", "")
    assert (gift.instructed_amount, gift.instructed_currency) == (27_130, "USD")
    assert first.lines[1].text == "ACCOUNT CHARGES MARCH"


def test_camt_tells_the_parts_of_a_batch_apart_where_they_add_up() -> None:
    _later, first = camt.parse(read("eur_camt.xml"))
    assert [(line.counterparty, line.text) for line in first.lines[2:]] == [
        ("One", "first"),
        ("Two", "second"),
    ]
    differing = read("eur_camt.xml").replace(
        b'<Amt Ccy="EUR">2.00</Amt>', b'<Amt Ccy="EUR">1.00</Amt>'
    )
    _later, whole = camt.parse(differing)
    assert [line.amount for line in whole.lines] == [25_000, -1_250, 500]
    assert whole.lines[2].text == "first / second"
    assert whole.lines[2].counterparty == ""


def test_camt_reads_an_overdrawn_balance_exactly_and_later_versions_of_a_name() -> None:
    later, _first = camt.parse(read("eur_camt.xml"))
    assert later.closing == -5_750
    assert later.lines[0].counterparty == "Ada Payée"
    assert later.lines[0].counterparty_account == "00123"
    assert later.lines[0].payer_reference == "PAYOUT-7"


def test_camt_with_a_prefix_and_three_decimals() -> None:
    (statement,) = camt.parse(read("kwd_prefixed.xml"))
    assert (statement.opening, statement.closing) == (-100, 10_023)
    assert [line.amount for line in statement.lines] == [10_123]
    assert adds_up(statement)


def test_camt_large_amount_is_exact() -> None:
    exact = read("eur_camt.xml").replace(b"1242.50", b"90071992547409.93")
    later, first = camt.parse(exact)
    assert later.opening == first.closing == 9_007_199_254_740_993


@pytest.mark.parametrize(
    ("old", "new", "refusal"),
    [
        (b"<Document", b'<!DOCTYPE d [<!ENTITY a "b">]><Document', refusals.XmlWithDtd),
        (
            b"<Document",
            b'<!DOCTYPE d SYSTEM "http://example.org/d.dtd"><Document',
            refusals.XmlWithDtd,
        ),
        (b"</Document>", b"", refusals.NotXml),
        (b"Stmt>", b"Rpt>", refusals.NotAStatement),
        (b"OPBD", b"XXXX", refusals.BalanceMissing),
        (b"CLBD", b"XXXX", refusals.BalanceMissing),
        (b">12.50<", b">12.505<", refusals.TooManyDecimalsInLine),
        (b">12.50<", b">1e3<", refusals.NotReadable),
        (b">12.50<", b">NaN<", refusals.NotReadable),
        (b">12.50<", b">99999999999999999999<", refusals.AmountTooLarge),
        (b'"EUR">12.50<', b'"USD">12.50<', refusals.LineInOtherCurrency),
        (b"2026-03-03T10:00:00", b"2026-13-03", refusals.NotReadable),
        (
            b'"EUR">12.50</Amt><CdtDbtInd>DBIT',
            b'"EUR">12.50</Amt><CdtDbtInd>XXXX',
            refusals.NotReadable,
        ),
    ],
)
def test_camt_that_is_bad_is_refused(
    old: bytes, new: bytes, refusal: type[refusals.BadFile]
) -> None:
    content = read("eur_camt.xml")
    assert old in content
    with pytest.raises(refusal) as raised:
        camt.parse(content.replace(old, new))
    assert str(raised.value)


def test_camt_without_a_closing_amount_or_without_days_is_refused() -> None:
    """Neither is a reason for an error page."""
    head = b"<Document><BkToCstmrStmt><GrpHdr><MsgId>1</MsgId></GrpHdr><Stmt><Id>S</Id><Acct/>"
    kind = b"<Tp><CdOrPrtry><Cd>%s</Cd></CdOrPrtry></Tp>"
    amount = b'<Amt Ccy="EUR">0</Amt><CdtDbtInd>CRDT</CdtDbtInd>'
    opening = b"<Bal>" + kind % b"OPBD" + amount + b"</Bal>"
    for closing in (kind % b"CLBD", kind % b"CLBD" + amount):
        tail = b"</Stmt></BkToCstmrStmt></Document>"
        with pytest.raises(refusals.NotReadable):
            camt.parse(head + opening + b"<Bal>" + closing + b"</Bal>" + tail)


def test_camt_says_the_line() -> None:
    content = read("eur_camt.xml")
    line = content[: content.index(b">12.50<")].count(b"\n") + 1
    with pytest.raises(refusals.TooManyDecimalsInLine, match=f"Line {line}:"):
        camt.parse(content.replace(b">12.50<", b">12.505<"))


# --- MT940 ----------------------------------------------------------------------------------------


def test_mt940_reads_each_block_with_names_references_and_signs() -> None:
    first, second = mt940_statements.parse(read("eur.sta"))

    assert first.account == "DE89370400440532013000"
    assert (first.opening, first.closing) == (100_000, 124_250)
    assert [line.amount for line in first.lines] == [25_000, -1_250, 500]
    gift = first.lines[0]
    assert gift.counterparty == "MINISTRY OF HEALTH"
    assert gift.counterparty_account == "DE02120300000000202051"
    assert "RF18 5390 0754 7034" in gift.text
    assert gift.bank_reference == "BANKREF1"
    assert gift.payer_reference == ""
    assert "Plain text from a payer on two lines" in first.lines[2].text
    # The return of a credit is money that went.
    assert [line.amount for line in second.lines] == [-250]
    assert adds_up(first)
    assert adds_up(second)


def test_mt940_in_a_swift_envelope_and_without_decimals() -> None:
    (statement,) = mt940_statements.parse(read("jpy.sta"))
    assert [line.amount for line in statement.lines] == [1_200, -300]
    assert statement.lines[0].payer_reference == "RF18539007547034"
    assert adds_up(statement)


def test_mt940_with_three_decimals() -> None:
    text = read("eur.sta").replace(b"EUR", b"KWD").replace(b"C5,00", b"C5,125")
    first, _second = mt940_statements.parse(text)
    assert first.lines[2].amount == 5_125


@pytest.mark.parametrize(
    ("old", "new", "refusal", "line"),
    [
        (b"C5,00", b"C5,005", refusals.TooManyDecimalsInLine, 9),
        (b"D12,50", b"D12,5,0", refusals.NotReadable, 7),
        (b":61:2603030303C5,00NTRF", b":61:hello", refusals.NotReadable, 9),
        (b"C260303EUR1242,50\n-\n:20", b"X260303EUR1242,50\n-\n:20", refusals.NotReadable, 12),
        (b":60F:C260303EUR1242,50\n", b"", refusals.BalanceMissing, None),
        (b":62F:C260304EUR1240,00\n", b"", refusals.BalanceMissing, None),
        (b":62F:C260304EUR", b":62F:C260304USD", refusals.LineInOtherCurrency, 20),
    ],
)
def test_mt940_that_is_bad_is_refused_with_the_line(
    old: bytes, new: bytes, refusal: type[refusals.BadFile], line: int | None
) -> None:
    content = read("eur.sta")
    assert old in content
    with pytest.raises(refusal) as raised:
        mt940_statements.parse(content.replace(old, new))
    if line is not None:
        assert f"Line {line}" in str(raised.value)


def test_mt940_never_opens_a_file_that_the_text_names(tmp_path: Path) -> None:
    secret = tmp_path / "secret.sta"
    secret.write_bytes(read("eur.sta"))
    with pytest.raises(refusals.NotReadable):
        mt940_statements.parse(str(secret).encode())


# --- CSV ------------------------------------------------------------------------------------------

USD = Mapping(
    date="Date",
    amount="Amount",
    balance="Balance",
    value_date="Value date",
    reference="Reference",
    name="Counterparty",
    text="Details",
)
XOF = Mapping(
    date="Date",
    debit="Débit",
    credit="Crédit",
    text="Libellé",
    delimiter=";",
    encoding="cp1252",
    date_format="%d.%m.%y",
    decimal=",",
    header=4,
)


def test_csv_with_a_balance_column_knows_its_balances() -> None:
    (statement,) = csv_statements.parse(read("usd.csv"), USD, "USD")
    assert (statement.opening, statement.closing) == (200_000, 324_750)
    assert [line.amount for line in statement.lines] == [125_000, -1_250, 500, 500]
    assert statement.lines[0].value_on == datetime.date(2026, 3, 1)
    assert statement.lines[0].text == "RF18 5390 0754 7034"
    assert adds_up(statement)


def test_csv_newest_first_in_debit_and_credit_columns_without_decimals() -> None:
    (statement,) = csv_statements.parse(
        read("xof_latin.csv"), XOF, "XOF", opening=1_000, closing=2_238
    )
    assert [line.amount for line in statement.lines] == [-12, 1_250]
    assert statement.lines[0].text == "FRAIS DE TENUE"
    assert adds_up(statement)


def test_csv_newest_first_within_one_day_is_told_by_its_balances() -> None:
    rows = (
        b"Date,Amount,Balance\n2026-03-02,-1.00,4.00\n2026-03-02,2.00,5.00\n2026-03-02,1.00,3.00\n"
    )
    (statement,) = csv_statements.parse(
        rows, Mapping(date="Date", amount="Amount", balance="Balance"), "USD"
    )
    assert [line.amount for line in statement.lines] == [100, 200, -100]
    assert (statement.opening, statement.closing) == (200, 400)


def test_csv_guesses_what_to_begin_with() -> None:
    assert csv_statements.guess(read("usd.csv")).delimiter == ","
    guess = csv_statements.guess(read("xof_latin.csv").split(b"\n\n")[1])
    assert (guess.delimiter, guess.encoding) == (";", "cp1252")
    assert csv_statements.headings(
        read("xof_latin.csv"), delimiter=";", encoding="cp1252", header=4
    ) == ["Date", "Débit", "Crédit", "Libellé"]


@pytest.mark.parametrize(
    ("old", "new", "refusal", "words"),
    [
        (b"-12.50", b"-12.505", refusals.TooManyDecimalsInLine, "Line 3"),
        (b"-12.50", b"-12,50", refusals.NotReadable, "Line 3"),
        (b"-12.50", b"nothing", refusals.NotReadable, "Line 3"),
        (b"2026-03-03,,5.00", b"03/03/2026,,5.00", refusals.NotReadable, "Line 4"),
        (b",,MONTHLY CHARGE", b"", refusals.NotReadable, "Line 3"),
        (b"Amount", b"Sum", refusals.NoSuchColumn, "“Amount”"),
        (b"-12.50", b"-12.60", refusals.RunningBalanceDiffers, "Line 3"),
        (
            b"2026-03-03,,-12.50",
            b"2026-03-03,,99999999999999999",
            refusals.AmountTooLarge,
            "Line 3",
        ),
    ],
)
def test_csv_that_is_bad_is_refused_with_the_line(
    old: bytes, new: bytes, refusal: type[refusals.BadFile], words: str
) -> None:
    content = read("usd.csv")
    assert old in content
    with pytest.raises(refusal) as raised:
        csv_statements.parse(content.replace(old, new), USD, "USD")
    assert words in str(raised.value)


def test_csv_needs_balances_from_somewhere() -> None:
    with pytest.raises(refusals.BalanceWanted):
        csv_statements.parse(read("xof_latin.csv"), XOF, "XOF", opening=0)


def test_csv_in_another_encoding_is_refused() -> None:
    wrong = Mapping(**{**XOF.as_settings(), "encoding": "utf-8-sig"})
    with pytest.raises(refusals.NotInEncoding, match="UTF-8"):
        csv_statements.parse(read("xof_latin.csv"), wrong, "XOF", opening=0, closing=0)


def test_a_mapping_survives_its_settings() -> None:
    assert Mapping.from_settings({**XOF.as_settings(), "unknown": 1}) == XOF


# --- Which format ---------------------------------------------------------------------------------


def test_the_format_is_told_by_the_content() -> None:
    assert format_of(read("eur_camt.xml")) == "camt053"
    assert format_of("<?xml".encode("utf-16")) == "camt053"
    assert format_of(read("eur.sta")) == "mt940"
    assert format_of(read("jpy.sta")) == "mt940"
    assert format_of(read("usd.csv")) == "csv"
    with pytest.raises(refusals.UnknownFormat):
        format_of(b"\x89PNG\x00\x01")
