"""MT940 by the package mt-940, behind this adapter: Decimal amounts in, minor units out."""

import datetime
import io
import re
from decimal import InvalidOperation
from typing import Any

import mt940
from django.utils.translation import gettext as _

from funding.payments.banking.parsed import (
    MAX_LINES,
    ParsedLine,
    ParsedStatement,
    minor,
    one_line,
)
from funding.payments.banking.refusals import (
    BalanceMissing,
    LineInOtherCurrency,
    NotReadable,
    TooManyLines,
)

OPTIONS = mt940.Options.all()
_OPENINGS = ("final_opening_balance", "intermediate_opening_balance", "opening_balance")
_CLOSINGS = ("final_closing_balance", "intermediate_closing_balance", "closing_balance")
_TEXTS = ("purpose", "additional_purpose", "transaction_details", "extra_details", "posting_text")


def parse(content: bytes) -> list[ParsedStatement]:
    """The statements of an MT940 file; every block that begins with ``:20:`` is one.

    Raises the refusals of `BadFile`.
    """
    text = _decoded(content)
    starts = [match.start() for match in re.finditer(r"(?m)^:20:", text)]
    if not starts:
        raise NotReadable(line=1, text=text[:50], why=_("An MT940 statement begins with :20:."))
    if len(re.findall(r"(?m)^:61:", text)) > MAX_LINES:
        raise TooManyLines(limit=MAX_LINES)
    statements = []
    for start, end in zip(starts, [*starts[1:], len(text)], strict=True):
        statements.append(_statement(text[start:end], text.count("\n", 0, start) + 1))
    return statements


def _decoded(content: bytes) -> str:
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        text = content.decode("cp1252", errors="replace")
    return text.replace("\r\n", "\n").replace("\r", "\n")


def _statement(block: str, first_line: int) -> ParsedStatement:
    try:
        # A handle, for a text that happens to name a file would be opened by the package.
        (found,) = mt940.parse_statements(io.StringIO(block), options=OPTIONS)
    except (RuntimeError, ValueError, InvalidOperation, TypeError, KeyError) as error:
        raise _unreadable(block, first_line, error) from error
    facts = found.data
    name = "/".join(
        one_line(str(facts[key]))
        for key in ("statement_number", "sequence_number")
        if facts.get(key)
    ) or one_line(facts.get("transaction_reference"))
    opening, closing = _first(facts, _OPENINGS), _first(facts, _CLOSINGS)
    if opening is None or opening.amount is None or opening.date is None:
        raise BalanceMissing(statement=name, balance=_("opening balance (:60F:)"))
    if closing is None or closing.amount is None or closing.date is None:
        raise BalanceMissing(statement=name, balance=_("closing balance (:62F:)"))
    currency = str(opening.amount.currency).upper()
    if str(closing.amount.currency).upper() != currency:
        raise LineInOtherCurrency(
            line=_line_of(block, first_line, ":62"), found=closing.amount.currency, wanted=currency
        )
    numbers = _numbers_of_lines(block, first_line)
    lines = [
        _line(row.data, currency, number)
        for row, number in zip(_rows(found), numbers, strict=True)
        if row.data["amount"].amount
    ]
    days = [line.booked_on for line in lines]
    return ParsedStatement(
        account=one_line(facts.get("account_identification")),
        currency=currency,
        identification=one_line(name, 100),
        opening=minor(opening.amount.amount, currency, line=_line_of(block, first_line, ":60")),
        closing=minor(closing.amount.amount, currency, line=_line_of(block, first_line, ":62")),
        first_day=min([_plain(opening.date), *days]),
        last_day=max([_plain(closing.date), *days]),
        lines=tuple(lines),
    )


def _rows(found: Any) -> list[Any]:
    """The transactions that come from a line :61: (a text before the first makes one without)."""
    return [row for row in found.transactions if row.data.get("amount") is not None]


def _line(facts: dict[str, Any], currency: str, number: int) -> ParsedLine:
    booked = facts.get("entry_date") or facts["date"]
    texts = [one_line(facts.get(key)) for key in _TEXTS]
    reference = one_line(facts.get("end_to_end_reference") or facts.get("customer_reference"), 140)
    return ParsedLine(
        booked_on=_plain(booked),
        value_on=_plain(facts["date"]),
        amount=minor(facts["amount"].amount, currency, line=number),
        bank_reference=one_line(facts.get("bank_reference"), 140),
        payer_reference="" if reference in ("NONREF", "NOTPROVIDED") else reference,
        counterparty=one_line(facts.get("applicant_name") or facts.get("recipient_name"), 250),
        counterparty_account=one_line(facts.get("applicant_iban"), 50),
        text=" · ".join(dict.fromkeys(text for text in texts if text)),
    )


def _plain(day: datetime.date) -> datetime.date:
    """The package's date as the plain one."""
    return datetime.date(day.year, day.month, day.day)


def _first(facts: dict[str, Any], keys: tuple[str, ...]) -> Any:
    return next((facts[key] for key in keys if facts.get(key) is not None), None)


def _numbers_of_lines(block: str, first_line: int) -> list[int]:
    """The line of the file on which each :61: stands."""
    return [
        first_line + offset
        for offset, text in enumerate(block.split("\n"))
        if text.startswith(":61:")
    ]


def _line_of(block: str, first_line: int, tag: str) -> int:
    for offset, text in enumerate(block.split("\n")):
        if text.startswith(tag):
            return first_line + offset
    return first_line


def _unreadable(block: str, first_line: int, error: Exception) -> NotReadable:
    """Which line it is: the one that holds the value that the package could not read."""
    value = str(error.args[2]) if len(error.args) == 3 else ""
    head = value.split("\n")[0].strip()
    for offset, text in enumerate(block.split("\n")):
        if head and head in text:
            return NotReadable(
                line=first_line + offset, text=text[:80], why=_("It is not as MT940 wants it.")
            )
    for offset, text in enumerate(block.split("\n")):
        if text.startswith((":60", ":61:", ":62")) and not _readable(text):
            return NotReadable(
                line=first_line + offset, text=text[:80], why=_("It is not as MT940 wants it.")
            )
    return NotReadable(
        line=first_line, text=block.split("\n")[0][:80], why=_("It is not as MT940 wants it.")
    )


def _readable(text: str) -> bool:
    """Whether the package can read one line by itself."""
    head = "" if text.startswith(":60") else ":60F:C000101EUR0,\n"
    try:
        mt940.parse(io.StringIO(f":20:X\n{head}{text}\n"), options=OPTIONS)
    except (RuntimeError, ValueError, InvalidOperation, TypeError, KeyError):
        return False
    return True
