"""Money is an integer of minor units with an ISO 4217 currency. No float touches it."""

import re
from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal

from babel.core import Locale, UnknownLocaleError
from babel.numbers import format_currency, format_decimal, get_currency_name
from django.core.exceptions import ValidationError
from django.core.validators import RegexValidator
from django.db import models
from django.utils.functional import Promise
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal

# ISO 4217:2015, table A.1, column "minor unit", as of 2026: every currency has two but these.
# (CLDR's digits differ for some, since CLDR says how money is shown, not how it is counted.)
_EXPONENTS = {
    0: "BIF CLP DJF GNF ISK JPY KMF KRW PYG RWF UGX UYI VND VUV XAF XOF XPF",
    3: "BHD IQD JOD KWD LYD OMR TND",
    4: "CLF UYW",
}
_EXPONENT = {code: digits for digits, codes in _EXPONENTS.items() for code in codes.split()}

# The largest amount the ledger takes: it fits 64 bits with room for sums (ten quadrillion minor
# units is far above any foundation).
MAX_MINOR = 10**16
MAX_TYPED = 30  # characters of a typed amount, its signs among them


class NotAnAmount(Refusal):
    message = _("“%(text)s” is not an amount. Write it like 1250.50.")


class TooManyDecimals(Refusal):
    message = _("%(currency)s has %(exponent)s decimals; “%(text)s” has more.")


class CurrencyMismatch(Exception):
    """Two amounts of different currencies were added or compared: a mistake of the program."""


def exponent(currency: str) -> int:
    """How many decimals the currency has (ISO 4217), e.g. 2 for USD, 0 for UGX, 3 for KWD."""
    return _EXPONENT.get(currency, 2)


def babel_locale(language: str | None = None) -> Locale:
    """The CLDR locale of a Django language code, the one in force by default."""
    code = (language or get_language() or "en").replace("-", "_")
    try:
        return Locale.parse(code)
    except (UnknownLocaleError, ValueError):
        return Locale("en")


@dataclass(frozen=True, slots=True, order=False)
class Money:
    """``amount`` minor units of ``currency``: Money(5000, "USD") is fifty dollars."""

    amount: int
    currency: str

    def __post_init__(self) -> None:
        if not isinstance(self.amount, int) or isinstance(self.amount, bool):
            raise TypeError("Money counts whole minor units.")
        if not re.fullmatch(r"[A-Z]{3}", self.currency):
            raise ValueError(f"{self.currency!r} is not an ISO 4217 code.")

    @classmethod
    def parse(cls, text: str, currency: str) -> "Money":
        """Read what a person typed: ``1250.50``, ``1 250,50``, ``1,250.50``.

        The last point or comma is the decimal sign when one to ``exponent`` digits follow it and
        it occurs once; every other one is a thousands sign and must stand before three digits.
        Raises NotAnAmount or TooManyDecimals.
        """
        digits = exponent(currency)
        compact = re.sub(r"[\s'’\u00a0\u202f]", "", text)
        match = re.fullmatch(
            r"(\d{1,17}|\d{1,3}(?:([.,])\d{3})(?:\2\d{3})*)(?:([.,])(\d+))?", compact
        )
        if not match or len(compact) > MAX_TYPED or (match[2] and match[2] == match[3]):
            raise NotAnAmount(text=text.strip())
        whole, fraction = re.sub(r"[.,]", "", match[1]), match[4] or ""
        if len(fraction) > digits:
            # "1,250" with two decimals: three digits after a single sign are thousands; "0.125"
            # and "1250,125" are not written by anyone who means thousands.
            # And where the sign is the decimal sign of the reader's language, "50.005" is a slip of
            # the finger, not fifty thousand.
            slip = digits and match[3] == babel_locale().number_symbols["latn"]["decimal"]
            thousands = (
                len(fraction) == 3
                and not match[2]
                and not slip
                and re.fullmatch(r"[1-9]\d{0,2}", whole)
            )
            if not thousands:
                raise TooManyDecimals(currency=currency, exponent=digits, text=text.strip())
            whole, fraction = whole + fraction, ""
        minor = int(whole + fraction.ljust(digits, "0"))
        if minor > MAX_MINOR:
            raise NotAnAmount(text=text.strip())
        return cls(minor, currency)

    @property
    def decimal(self) -> Decimal:
        """The amount in major units, with the currency's own number of decimals."""
        return Decimal(self.amount).scaleb(-exponent(self.currency))

    def format(self, language: str | None = None) -> str:
        """For people, in their language: ``$1,250.50``, ``1 250,50 $US``."""
        locale = babel_locale(language)
        pattern = locale.currency_formats["standard"]
        pattern = pattern.__class__(
            pattern.pattern,
            pattern.prefix,
            pattern.suffix,
            pattern.grouping,
            pattern.int_prec,
            (exponent(self.currency),) * 2,
            pattern.exp_prec,
            pattern.exp_plus,
            pattern.number_pattern,
        )
        text = format_currency(
            self.decimal, self.currency, format=pattern, locale=locale, currency_digits=False
        )
        # Unicode's rule that Babel leaves out: a sign of letters stands off from the digits.
        return re.sub(r"(?<=[^\W\d_])(?=\d)", "\u00a0", text)

    def __add__(self, other: "Money") -> "Money":
        return Money(self.amount + self._same(other), self.currency)

    def __sub__(self, other: "Money") -> "Money":
        return Money(self.amount - self._same(other), self.currency)

    def __neg__(self) -> "Money":
        return Money(-self.amount, self.currency)

    def __lt__(self, other: "Money") -> bool:
        return self.amount < self._same(other)

    def __le__(self, other: "Money") -> bool:
        return self.amount <= self._same(other)

    def _same(self, other: "Money") -> int:
        if self.currency != other.currency:
            raise CurrencyMismatch(f"{self.currency} and {other.currency}")
        return other.amount

    def __str__(self) -> str:
        return f"{self.decimal} {self.currency}"


def format_minor(amount: int, currency: str, language: str | None = None) -> str:
    """An amount without its currency sign, grouped and with all decimals: ``1,250.50``."""
    digits = exponent(currency)
    pattern = "#,##0" + ("." + "0" * digits if digits else "")
    return format_decimal(
        Decimal(amount).scaleb(-digits), format=pattern, locale=babel_locale(language)
    )


def currency_name(currency: str, language: str | None = None) -> str:
    """The currency's name beside an amount, in the reader's language: ``US dollars``."""
    return get_currency_name(currency, count=2, locale=babel_locale(language))


def split_evenly(total: int, parts: int) -> list[int]:
    """``total`` minor units in ``parts`` shares that differ by one at most and add up exactly."""
    if parts < 1:
        raise ValueError("Split into one part at least.")
    share, rest = divmod(total, parts)
    return [share + 1] * rest + [share] * (parts - rest)


def split_by(total: int, weights: Sequence[int]) -> list[int]:
    """``total`` minor units in proportion to ``weights``, exactly: what rounding leaves goes to the
    largest remainders, among equals to the earlier. Nothing where there is no weight."""
    whole = sum(weights)
    if whole <= 0:
        return []
    shares = [total * weight // whole for weight in weights]
    places = sorted(range(len(shares)), key=lambda one: (-(total * weights[one] % whole), one))
    for place in places[: total - sum(shares)]:
        shares[place] += 1
    return shares


def _validate_currency(code: str) -> None:
    if code not in babel_locale("en").currencies:
        raise ValidationError(_("“%(code)s” is not a currency code."), params={"code": code})


class CurrencyField(models.CharField):
    """An ISO 4217 code, three capital letters."""

    default_validators = [
        RegexValidator(r"^[A-Z]{3}\Z", _("A currency is three capital letters, such as USD.")),
        _validate_currency,
    ]

    def __init__(self, verbose_name: str | Promise = "", **kwargs: object) -> None:
        kwargs["max_length"] = 3
        super().__init__(verbose_name or _("currency"), **kwargs)  # type: ignore[arg-type]
