"""CSV by a mapping that staff choose once for an account (`CsvMapping` remembers it)."""

import csv
import datetime
import io
import itertools
import re
from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, fields
from typing import Any

from django.utils.translation import gettext as _

from core.money import Money
from funding.payments.banking.parsed import (
    MAX_LINES,
    ParsedLine,
    ParsedStatement,
    minor,
    one_line,
)
from funding.payments.banking.refusals import (
    BalanceWanted,
    FileEmpty,
    LineInOtherCurrency,
    MappingIncomplete,
    NoSuchColumn,
    NotInEncoding,
    NotReadable,
    RunningBalanceDiffers,
    TooManyLines,
)

DELIMITERS = {",": ",", ";": ";", "\t": "Tab", "|": "|"}
ENCODINGS = {
    "utf-8-sig": "UTF-8",
    "cp1252": "Windows-1252",
    "iso-8859-15": "ISO 8859-15",
    "utf-16": "UTF-16",
}
DATE_FORMATS = {
    "%Y-%m-%d": "2026-03-31",
    "%d/%m/%Y": "31/03/2026",
    "%m/%d/%Y": "03/31/2026",
    "%d.%m.%Y": "31.03.2026",
    "%d-%m-%Y": "31-03-2026",
    "%d/%m/%y": "31/03/26",
    "%d.%m.%y": "31.03.26",
    "%Y%m%d": "20260331",
    "%Y/%m/%d": "2026/03/31",
}
# The other of the two, spaces and apostrophes part thousands.
DECIMAL_SIGNS = (".", ",")


@dataclass(frozen=True, slots=True)
class Mapping:
    """How one bank writes its CSV. Columns are named as the file's heading names them.

    Either ``amount`` (signed) or both ``debit`` and ``credit``. ``header`` is the line of the
    heading, counted from 1; what stands before it is left out.
    """

    date: str
    amount: str = ""
    debit: str = ""
    credit: str = ""
    value_date: str = ""
    balance: str = ""
    currency: str = ""
    reference: str = ""
    name: str = ""
    text: str = ""
    delimiter: str = ","
    encoding: str = "utf-8-sig"
    date_format: str = "%Y-%m-%d"
    decimal: str = "."
    header: int = 1

    def as_settings(self) -> dict[str, Any]:
        """What `CsvMapping.settings` keeps."""
        return asdict(self)

    @classmethod
    def from_settings(cls, settings: dict[str, Any]) -> "Mapping":
        known = {field.name for field in fields(cls)}
        return cls(**{key: value for key, value in settings.items() if key in known})


def headings(content: bytes, *, delimiter: str, encoding: str, header: int = 1) -> list[str]:
    """The names of the columns. Raises FileEmpty and NotInEncoding."""
    for number, row in _rows(content, delimiter=delimiter, encoding=encoding):
        if number >= header and any(cell.strip() for cell in row):
            return [one_line(cell) for cell in row]
    raise FileEmpty


def guess(content: bytes) -> Mapping:
    """A mapping to begin with: the delimiter and the encoding that fit; columns are chosen."""
    encoding = next((name for name in ENCODINGS if _fits(content, name)), "cp1252")
    text = content.decode(encoding, errors="replace")
    first = next((line for line in text.splitlines() if line.strip()), "")
    delimiter = max(DELIMITERS, key=first.count)
    return Mapping(date="", delimiter=delimiter, encoding=encoding)


def _fits(content: bytes, encoding: str) -> bool:
    if encoding == "utf-16" and not content.startswith((b"\xff\xfe", b"\xfe\xff")):
        return False
    try:
        content.decode(encoding)
    except UnicodeError:
        return False
    return True


def parse(
    content: bytes,
    mapping: Mapping,
    currency: str,
    *,
    opening: int | None = None,
    closing: int | None = None,
) -> list[ParsedStatement]:
    """The one statement of a CSV file. Raises the refusals of `BadFile`.

    ``opening`` and ``closing`` are what staff typed from the bank's paper; without them the
    balance column says them.
    """
    if not mapping.date or not (mapping.amount or (mapping.debit and mapping.credit)):
        raise MappingIncomplete
    rows = list(_mapped(content, mapping, currency))
    if not rows:
        raise FileEmpty
    rows = _oldest_first(rows)
    balances = [balance for _number, _line, balance in rows]
    if mapping.balance and all(balance is not None for balance in balances):
        _check_running(rows, currency)
        first, last = rows[0], rows[-1]
        assert first[2] is not None
        opening = first[2] - first[1].amount if opening is None else opening
        closing = last[2] if closing is None else closing
    if opening is None or closing is None:
        raise BalanceWanted
    days = [line.booked_on for _number, line, _balance in rows]
    return [
        ParsedStatement(
            account="",
            currency=currency,
            identification="",
            opening=opening,
            closing=closing,
            first_day=min(days),
            last_day=max(days),
            lines=tuple(line for _number, line, _balance in rows),
        )
    ]


Row = tuple[int, ParsedLine, int | None]


def _oldest_first(rows: list[Row]) -> list[Row]:
    """Many banks list the newest line first: turned round where the days, or else the running
    balance, say so."""
    first, last = rows[0][1].booked_on, rows[-1][1].booked_on
    if first != last:
        return rows[::-1] if first > last else rows
    if len(rows) > 1 and not _runs(rows) and _runs(rows[::-1]):
        return rows[::-1]
    return rows


def _runs(rows: Sequence[Row]) -> bool:
    pairs = itertools.pairwise(rows)
    return all(
        before[2] is not None and after[2] == before[2] + after[1].amount for before, after in pairs
    )


def _check_running(rows: Sequence[Row], currency: str) -> None:
    """Every line's balance is the one before and the line: else a line was left out or changed."""
    for before, after in itertools.pairwise(rows):
        assert before[2] is not None
        assert after[2] is not None
        wanted = before[2] + after[1].amount
        if after[2] != wanted:
            raise RunningBalanceDiffers(
                line=after[0],
                wanted=Money(wanted, currency).format(),
                found=Money(after[2], currency).format(),
            )


def _mapped(content: bytes, mapping: Mapping, currency: str) -> Iterator[Row]:
    heading: list[str] | None = None
    count = 0
    for number, row in _rows(content, delimiter=mapping.delimiter, encoding=mapping.encoding):
        if number < mapping.header or not any(cell.strip() for cell in row):
            continue
        if heading is None:
            heading = [one_line(cell) for cell in row]
            _require_columns(mapping, heading)
            continue
        count += 1
        if count > MAX_LINES:
            raise TooManyLines(limit=MAX_LINES)
        # An empty cell too many is a delimiter at the end; a full one is a delimiter in a cell.
        if len(row) < len(heading) or any(cell.strip() for cell in row[len(heading) :]):
            raise NotReadable(
                line=number,
                text=mapping.delimiter.join(row)[:80],
                why=_("It has %(found)s columns, the heading has %(wanted)s.")
                % {"found": len(row), "wanted": len(heading)},
            )
        cells = dict(zip(heading, row, strict=False))
        line = _line(cells, mapping, currency, number)
        balance = (
            _amount(cells[mapping.balance], mapping, currency, number)
            if mapping.balance and cells[mapping.balance].strip()
            else None
        )
        if line is not None:
            yield number, line, balance


def _require_columns(mapping: Mapping, heading: list[str]) -> None:
    for name in (
        mapping.date,
        mapping.amount,
        mapping.debit,
        mapping.credit,
        mapping.value_date,
        mapping.balance,
        mapping.currency,
        mapping.reference,
        mapping.name,
        mapping.text,
    ):
        if name and name not in heading:
            raise NoSuchColumn(column=name, columns=", ".join(heading)[:500])


def _line(cells: dict[str, str], mapping: Mapping, currency: str, number: int) -> ParsedLine | None:
    """The line of a row; None for one of zero (a note between the lines)."""
    found = one_line(cells[mapping.currency]).upper() if mapping.currency else ""
    if found and found != currency:
        raise LineInOtherCurrency(line=number, found=found[:10], wanted=currency)
    booked = _day(cells[mapping.date], mapping, number)
    typed = one_line(cells[mapping.value_date]) if mapping.value_date else ""
    amount = _signed(cells, mapping, currency, number)
    if amount == 0:
        return None
    return ParsedLine(
        booked_on=booked,
        value_on=_day(typed, mapping, number) if typed else booked,
        amount=amount,
        bank_reference=one_line(cells.get(mapping.reference), 140),
        counterparty=one_line(cells.get(mapping.name), 250),
        text=one_line(cells.get(mapping.text)),
    )


def _signed(cells: dict[str, str], mapping: Mapping, currency: str, number: int) -> int:
    if mapping.amount:
        return _amount(cells[mapping.amount], mapping, currency, number)
    debit, credit = cells[mapping.debit].strip(), cells[mapping.credit].strip()
    # Some banks sign what they write under "debit", some do not: it went out either way.
    out = abs(_amount(debit, mapping, currency, number)) if debit else 0
    came = _amount(credit, mapping, currency, number) if credit else 0
    if out and came:
        raise NotReadable(
            line=number,
            text=f"{debit} / {credit}"[:80],
            why=_("A line is either a debit or a credit."),
        )
    return came - out


def _amount(text: str, mapping: Mapping, currency: str, number: int) -> int:
    """An amount as the bank writes it: thousands parted or not; a minus before or after, or
    brackets."""
    compact = re.sub(r"[\s\u00a0\u202f'’]", "", text).replace("\u2212", "-")
    negative = compact.startswith(("-", "(")) or compact.endswith("-")
    bare = compact.strip("+-()").removesuffix(currency).removeprefix(currency)
    thousands = "," if mapping.decimal == "." else "."
    sign, part = re.escape(mapping.decimal), re.escape(thousands)
    pattern = rf"(\d+|\d{{1,3}}(?:{part}\d{{3}})+)(?:{sign}(\d+))?"
    match = re.fullmatch(pattern, bare, re.ASCII)
    if match is None:
        raise NotReadable(
            line=number,
            text=one_line(text)[:50],
            why=_("An amount with the decimal sign “%(sign)s” is expected here.")
            % {"sign": mapping.decimal},
        )
    plain = match[1].replace(thousands, "") + ("." + match[2] if match[2] else "")
    value = minor(plain, currency, line=number)
    return -value if negative else value


def _day(text: str, mapping: Mapping, number: int) -> datetime.date:
    try:
        return datetime.datetime.strptime(text.strip(), mapping.date_format).date()  # noqa: DTZ007
    except ValueError:
        raise NotReadable(
            line=number,
            text=one_line(text)[:50],
            why=_("A date like %(example)s is expected here.")
            % {"example": DATE_FORMATS.get(mapping.date_format, mapping.date_format)},
        ) from None


def _rows(content: bytes, *, delimiter: str, encoding: str) -> Iterator[tuple[int, list[str]]]:
    """Each row with the number of the file's line on which it ends."""
    try:
        text = content.decode(encoding)
    except (UnicodeError, LookupError):
        raise NotInEncoding(encoding=ENCODINGS.get(encoding, encoding)) from None
    reader = csv.reader(io.StringIO(text.replace("\x00", ""), newline=""), delimiter=delimiter)
    while True:
        try:
            row = next(reader)
        except StopIteration:
            return
        except csv.Error as error:
            raise NotReadable(line=reader.line_num, text="", why=str(error)[:100]) from None
        yield reader.line_num, row
