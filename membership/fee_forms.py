"""The forms by which staff keep the fee table and the income groups."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.widgets import AdminDateInput

from core import countries
from core.money import MAX_TYPED, Money
from core.refusals import Refusal
from membership.models import CountryIncomeGroup, FeeRule


class FeeForm(WagtailAdminModelForm):
    """A line of the fee table. The fee is typed as people write it, 250.00, and kept in minor
    units of its currency."""

    amount = forms.CharField(
        label=_("Fee for a year"),
        max_length=MAX_TYPED,
        help_text=_("As it is written: 250.00 in US dollars, 250 000 in Ugandan shillings."),
        error_messages={"required": _("Write the fee. 0 is for nothing.")},
    )

    class Meta:
        model = FeeRule
        fields = [
            "tier",
            "kind",
            "income_group",
            "amount",
            "currency",
            "valid_from",
            "source",
            "source_year",
        ]
        widgets = {"valid_from": AdminDateInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.amount is not None and "amount" not in kwargs.get("initial", {}):
            self.initial["amount"] = str(self.instance.money.decimal)

    def clean(self) -> dict[str, Any]:
        cleaned: dict[str, Any] = super().clean() or self.cleaned_data
        typed, currency = cleaned.pop("amount", ""), cleaned.get("currency")
        if not typed or not currency:
            return cleaned
        try:
            cleaned["amount"] = Money.parse(typed, currency).amount
        except Refusal as refusal:
            self.add_error("amount", str(refusal))
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """What could not be read has its own sentence, or waits for the currency."""
        excluded: set[str] = super()._get_validation_exclusions()
        return excluded if "amount" in self.cleaned_data else {*excluded, "amount"}


class IncomeGroupForm(WagtailAdminModelForm):
    """A line of a country's income group."""

    country = forms.ChoiceField(label=_("Country"))

    class Meta:
        model = CountryIncomeGroup
        fields = ["country", "income_group", "valid_from", "source", "source_year"]
        widgets = {"valid_from": AdminDateInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["country"].choices = [("", _("Choose the country.")), *countries.choices()]
