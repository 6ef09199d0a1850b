"""What the forms of giving's back office share: a rule's refusal stands at the field that mends it."""

from collections.abc import Mapping
from typing import Any, ClassVar

from django import forms
from django.http import HttpResponse

from core.money import Money
from core.refusals import Refusal


def refuse(form: forms.BaseForm, refusal: Refusal, names: Mapping[str, str] | None = None) -> None:
    """Add the refusal to the form: at its field, or above the form where it has none here.

    ``names``: what this form calls a field that the rule knows by another name.
    """
    field = getattr(refusal, "field", None) or ""
    field = (names or {}).get(field, field)
    form.add_error(field if field in form.fields else None, str(refusal))


class ActForm(forms.Form):
    """A form of one act, which a rule may refuse."""

    # What a rule calls a field → what this form calls it.
    names: ClassVar[Mapping[str, str]] = {}

    def refuse(self, refusal: Refusal) -> None:
        refuse(self, refusal, self.names)


class AmountOfPoolForm(ActForm):
    """A form with an amount typed in the currency of the pool (or its profile) chosen beside it."""

    pool_field = "pool"
    amount_field = "amount"

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        pool, text = cleaned.get(self.pool_field), cleaned.get(self.amount_field)
        if pool is not None and text:
            try:
                cleaned[self.amount_field] = Money.parse(text, pool.currency)
            except Refusal as refusal:
                self.add_error(self.amount_field, str(refusal))
        return cleaned


class RefusingView:
    """For Wagtail's views of a model: a refusal is shown on the form, which keeps what was typed."""

    def refused(self, form: Any, refusal: Refusal) -> HttpResponse:
        refuse(form, refusal)
        self.produced_error_code = "validation_error"
        self.produced_error_message = str(refusal)
        answer: HttpResponse = self.form_invalid(form)  # type: ignore[attr-defined]
        return answer
