"""Amounts as people type them."""

import re
from typing import Any

from babel.numbers import get_currency_symbol
from django import forms
from django.core.exceptions import ValidationError

from core.money import Money
from core.refusals import Refusal


def plain_amount(money: Money) -> str:
    """An amount as a person would type it into a box: ``50``, ``12.50``."""
    text = str(money.decimal)
    return text.rstrip("0").rstrip(".") if "." in text and text.endswith("00") else text


def without_currency(text: str, currency: str) -> str:
    """``text`` without its currency's own code or sign, which beside a number is no mistake."""
    sign = get_currency_symbol(currency, locale="en")
    return re.sub(rf"\b{currency}\b", "", text, flags=re.IGNORECASE).replace(sign, "")


class AmountField(forms.CharField):
    """A text in which a person types an amount of one currency; cleans to Money."""

    def __init__(self, **kwargs: Any) -> None:
        self.currency = ""
        kwargs.setdefault(
            "widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        )
        super().__init__(max_length=30, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Money.parse(without_currency(text, self.currency), self.currency)
        except Refusal as refusal:
            raise ValidationError(str(refusal)) from refusal
