"""Money in templates: ``{{ payment.money|money }}`` and ``{{ row.amount|minor_units:"USD" }}``."""

from django import template

from core.money import Money, currency_name, format_minor

register = template.Library()


@register.filter
def money(value: Money | None) -> str:
    """The amount with its currency, in the language in force; nothing for nothing."""
    return value.format() if value is not None else ""


@register.filter
def minor_units(amount: int | None, currency: str) -> str:
    """``amount`` minor units without a currency sign, for columns that name it in their head."""
    return format_minor(amount, currency) if amount is not None else ""


register.filter("currency_name", currency_name)
