"""Money in templates: ``{{ payment.money|money }}`` and ``{{ row.amount|minor_units:"USD" }}``."""

from django import template
from django.utils.translation import get_language_bidi

from core.money import Money, currency_name, format_minor

register = template.Library()


@register.filter
def money(value: Money | None) -> str:
    """The amount with its currency, in the language in force; nothing for nothing."""
    return _kept_together(value.format()) if value is not None else ""


@register.filter
def minor_units(amount: int | None, currency: str) -> str:
    """``amount`` minor units without a currency sign, for columns that name it in their head."""
    return _kept_together(format_minor(amount, currency)) if amount is not None else ""


def _kept_together(amount: str) -> str:
    """Within words that run from right to left, an amount with its sign and currency still runs
    from left to right: between marks of its own (U+2066, U+2069), in place of any it has."""
    return f"\u2066{amount.replace(chr(0x200F), '')}\u2069" if get_language_bidi() else amount


register.filter("currency_name", currency_name)
