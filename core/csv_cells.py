"""Cells of a file that people bring, read into days, countries, currencies and the like.

Every reader takes the text of a cell that is not empty and raises a `CellRefused` that says what to
write instead.
"""

import datetime

from django.conf import settings
from django.core.exceptions import ValidationError
from django.core.validators import validate_email
from django.utils.translation import gettext_lazy as _

from core import countries
from core.money import babel_locale
from core.refusals import Refusal


class CellRefused(Refusal):
    """Base of what refuses one cell."""


class NotADay(CellRefused):
    message = _("“%(text)s” is not a day. Write it like 2026-03-31.")


class UnknownCountry(CellRefused):
    message = _("“%(text)s” is not a country. Write its two letters, such as MW.")


class UnknownCurrency(CellRefused):
    message = _("“%(text)s” is not a currency. Write three letters, such as USD.")


class BadAddress(CellRefused):
    message = _("“%(text)s” is not an e-mail address.")


class UnknownLanguage(CellRefused):
    message = _("“%(text)s” is not a language of ours. Write one of %(codes)s.")


class TooLong(CellRefused):
    message = _("This is too long: %(most)s characters at most.")


def day(text: str) -> datetime.date:
    """``2026-03-31``, ``31/03/2026`` or ``31.03.2026``. Raises NotADay."""
    for form in ("%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"):
        try:
            return datetime.datetime.strptime(text, form).date()  # noqa: DTZ007 (a day alone)
        except ValueError:
            continue
    raise NotADay(text=text)


def country(text: str) -> str:
    """Two letters, in capitals. Raises UnknownCountry."""
    if text.upper() not in countries.all_countries():
        raise UnknownCountry(text=text)
    return text.upper()


def currency(text: str) -> str:
    """Three letters, in capitals. Raises UnknownCurrency."""
    if text.upper() not in babel_locale("en").currencies:
        raise UnknownCurrency(text=text)
    return text.upper()


def email(text: str) -> str:
    """An e-mail address as it was written. Raises BadAddress."""
    try:
        validate_email(text)
    except ValidationError:
        raise BadAddress(text=text) from None
    return text


def language(text: str) -> str:
    """The code of one of the site's languages. Raises UnknownLanguage."""
    codes = [code for code, _name in settings.LANGUAGES]
    if text.lower() not in codes:
        raise UnknownLanguage(text=text, codes=", ".join(codes))
    return text.lower()
