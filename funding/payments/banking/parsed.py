"""What a bank's file says, whatever its format: plain data in minor units of ISO 4217."""

import datetime
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation

from django.utils.translation import gettext as _

from core.money import MAX_MINOR, exponent
from funding.payments.banking.refusals import AmountTooLarge, NotReadable, TooManyDecimalsInLine

MAX_BYTES = 5 * 1024 * 1024
MAX_LINES = 20_000


@dataclass(frozen=True, slots=True)
class ParsedLine:
    """One booked line; ``amount`` is signed, what came is positive."""

    booked_on: datetime.date
    value_on: datetime.date
    amount: int
    bank_reference: str = ""
    payer_reference: str = ""
    counterparty: str = ""
    counterparty_account: str = ""
    text: str = ""
    instructed_amount: int | None = None
    instructed_currency: str | None = None


@dataclass(frozen=True, slots=True)
class ParsedStatement:
    """One statement. ``account`` and ``currency`` are "" where the file does not say."""

    account: str
    currency: str
    identification: str
    opening: int
    closing: int
    first_day: datetime.date
    last_day: datetime.date
    lines: tuple[ParsedLine, ...]

    @property
    def total(self) -> int:
        return sum(line.amount for line in self.lines)


def minor(number: Decimal | str, currency: str, *, line: int | str) -> int:
    """A plain decimal number in minor units; ``line`` says where it stands, for the refusal.

    Raises NotReadable, TooManyDecimalsInLine, AmountTooLarge.
    """
    try:
        exact = Decimal(number)
    except InvalidOperation:
        raise NotReadable(
            line=line, text=str(number)[:50], why=_("An amount is expected here.")
        ) from None
    if not exact.is_finite():
        raise NotReadable(line=line, text=str(number)[:50], why=_("An amount is expected here."))
    digits = exponent(currency)
    if exact.copy_abs() > MAX_MINOR:
        raise AmountTooLarge(line=line, text=str(number)[:50])
    scaled = exact.scaleb(digits)
    if scaled != scaled.to_integral_value():
        raise TooManyDecimalsInLine(
            line=line, currency=currency, exponent=digits, text=str(number)[:50]
        )
    if abs(scaled) > MAX_MINOR:
        raise AmountTooLarge(line=line, text=str(number)[:50])
    return int(scaled)


def one_line(text: str | None, limit: int = 0) -> str:
    """Text with its white space made single, cut to ``limit`` characters; no NUL reaches the
    database."""
    found = " ".join((text or "").replace("\x00", " ").split())
    return found[:limit] if limit else found
