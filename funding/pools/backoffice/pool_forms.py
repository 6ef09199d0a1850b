"""The terms of a pool as staff type them: amounts in its currency, rates and shares in per cent."""

from decimal import Decimal, InvalidOperation
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.widgets import AdminDateInput

from core.money import CurrencyField, Money
from core.refusals import Refusal
from funding.ledger.models import Pool
from funding.pools import shares
from funding.pools.forms import AmountField, plain_amount, without_currency
from funding.pools.models import CARD_LIMIT, PoolProfile

# A rate is stored in hundredths of a per cent.
HUNDREDTHS = 100


def rate_text(rate: int) -> str:
    """A stored rate as a person would type it: 750 is ``7.5``."""
    return format((Decimal(rate) / HUNDREDTHS).normalize(), "f")


class CurrencyCodeField(forms.CharField):
    """A currency's code, typed in any case."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(max_length=3, validators=CurrencyField.default_validators, **kwargs)

    def to_python(self, value: Any) -> Any:
        return (super().to_python(value) or "").upper()


class AmountsField(forms.CharField):
    """Amounts with a comma between them, such as ``25, 50, 100``; cleans to the texts."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value) or ""
        return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


class PercentField(forms.CharField):
    """A rate typed in per cent, such as ``7.5``; cleans to hundredths of a per cent. Empty is 0."""

    def __init__(self, *, most: int = 100, **kwargs: Any) -> None:
        self.most = most
        kwargs.setdefault("widget", forms.TextInput(attrs={"inputmode": "decimal"}))
        super().__init__(max_length=10, required=False, **kwargs)

    def clean(self, value: Any) -> Any:
        text = (super().clean(value) or "").replace("%", "").replace(",", ".").strip()
        if not text:
            return 0
        try:
            rate = Decimal(text)
        except InvalidOperation as mistake:
            raise ValidationError(_("Enter a rate in per cent, such as 7.5.")) from mistake
        if not rate.is_finite() or not 0 <= rate <= self.most:
            raise ValidationError(_("Enter a rate from 0 to %(most)s.") % {"most": self.most})
        if (hundredths := rate * HUNDREDTHS) % 1:
            raise ValidationError(_("A rate has two decimals at most."))
        return int(hundredths)


class SharesField(forms.CharField):
    """Codes with their shares, one a line; cleans to what is stored."""

    def __init__(self, *, parse: Any, **kwargs: Any) -> None:
        self.parse = parse
        kwargs.setdefault("widget", forms.Textarea(attrs={"rows": 4, "spellcheck": "false"}))
        super().__init__(required=False, max_length=5_000, **kwargs)

    def clean(self, value: Any) -> Any:
        try:
            return self.parse(super().clean(value) or "")
        except Refusal as refusal:
            raise ValidationError(str(refusal)) from refusal


class PoolForm(WagtailAdminModelForm):
    """The terms of a pool. Amounts are typed in the pool's currency."""

    title = forms.CharField(label=_("Title"), max_length=120)
    goal_amount = AmountField(label=_("Goal"), required=False, help_text=_("Empty: no goal."))
    overhead = PercentField(
        label=_("Overhead, per cent"),
        help_text=_("The part of what is received that goes to the foundation’s own costs."),
    )
    suggestions = AmountsField(
        label=_("Suggested amounts"),
        required=False,
        max_length=200,
        help_text=_("What the form offers, with a comma between them: 25, 50, 100."),
    )
    smallest = AmountField(label=_("Smallest gift"))
    largest = AmountField(
        label=_("Largest gift"), required=False, help_text=_("Empty: what one card payment can be.")
    )
    goals = forms.TypedMultipleChoiceField(
        label=_("Sustainable Development Goals"),
        choices=[(number, f"{number}") for number in shares.SDG_GOALS],
        coerce=int,
        required=False,
        widget=forms.CheckboxSelectMultiple,
    )
    sector_lines = SharesField(
        label=_("DAC sectors"),
        parse=shares.parse_sectors,
        help_text=_(
            "One purpose code a line and its share, such as “12250 60”. "
            "Without shares they are equal."
        ),
    )
    country_lines = SharesField(
        label=_("Countries"),
        parse=shares.parse_countries,
        help_text=_(
            "One country a line by its two letters and its share, such as “MW 60”. "
            "Empty: the whole world."
        ),
    )

    class Meta:
        model = PoolProfile
        fields = ["purpose", "restricted", "opens_on", "closes_on", "remainder", "goal_missed"]
        widgets = {
            "opens_on": AdminDateInput,
            "closes_on": AdminDateInput,
            "remainder": forms.RadioSelect,
            "goal_missed": forms.RadioSelect,
        }

    field_order = [
        "title",
        "code",
        "currency",
        "purpose",
        "restricted",
        "opens_on",
        "closes_on",
        "goal_amount",
        "goal_missed",
        "remainder",
        "overhead",
        "suggestions",
        "smallest",
        "largest",
        "goals",
        "sector_lines",
        "country_lines",
        "reason",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(self.field_order)
        goals = self.fields["goals"]
        assert isinstance(goals, forms.TypedMultipleChoiceField)
        goals.choices = [(number, f"{number} {name}") for number, name in shares.SDG_GOALS.items()]
        currency = self._currency()
        for name in ("goal_amount", "smallest", "largest"):
            field = self.fields[name]
            assert isinstance(field, AmountField)
            field.currency = currency

    def _currency(self) -> str:
        """The currency that the amounts are typed in."""
        return self.instance.currency

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        self._fill_amounts(cleaned)
        instance = self.instance
        instance.drafted_title = cleaned.get("title") or instance.title
        instance.overhead_rate = cleaned.get("overhead") or 0
        instance.sdg_goals = sorted(cleaned.get("goals") or [])
        instance.sectors = cleaned.get("sector_lines") or {}
        instance.countries = cleaned.get("country_lines") or {}
        return cleaned

    def _fill_amounts(self, cleaned: dict[str, Any]) -> None:
        currency = self._currency()
        instance = self.instance
        try:
            instance.suggested_amounts = [
                Money.parse(without_currency(text, currency), currency).amount
                for text in cleaned.get("suggestions") or []
            ]
        except (Refusal, ValueError) as refusal:
            self.add_error("suggestions", str(refusal))
        goal, smallest, largest = (
            cleaned.get(name) for name in ("goal_amount", "smallest", "largest")
        )
        instance.goal = goal.amount if goal else None
        if smallest:
            instance.minimum_gift = smallest.amount
        instance.maximum_gift = largest.amount if largest else CARD_LIMIT

    def _get_validation_exclusions(self) -> set[str]:
        """Also hold the model's rules on what this form fills in by itself."""
        excluded: set[str] = super()._get_validation_exclusions()
        return excluded - {"goal", "minimum_gift", "maximum_gift", "suggested_amounts"}

    @property
    def terms(self) -> dict[str, Any]:
        """What was typed, as values of `PoolProfile`'s fields."""
        names = (
            *self.Meta.fields,
            "goal",
            "suggested_amounts",
            "minimum_gift",
            "maximum_gift",
            "overhead_rate",
            "sdg_goals",
            "sectors",
            "countries",
        )
        return {name: getattr(self.instance, name) for name in names}


class OpenPoolForm(PoolForm):
    code = forms.SlugField(
        label=_("Code"),
        max_length=50,
        help_text=_("Its part of the address, such as core-software. It never changes."),
    )
    currency = CurrencyCodeField(
        label=_("Currency"),
        initial="USD",
        help_text=_("Three letters, such as USD. It never changes."),
    )

    def _currency(self) -> str:
        typed = str(self.data.get("currency", "")).strip().upper() if self.is_bound else ""
        return typed if len(typed) == 3 and typed.isascii() and typed.isalpha() else "USD"

    def clean(self) -> dict[str, Any]:
        # For the preview: the row of the ledger is opened by `opening.open_pool` alone.
        self.instance.pool = Pool(code=self.cleaned_data.get("code", ""), currency=self._currency())
        return super().clean()

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"pool"}


class EditPoolForm(PoolForm):
    reason = forms.CharField(
        label=_("Why the terms change"),
        required=False,
        max_length=500,
        help_text=_("Kept in the log, and read by whoever approves the change."),
    )

    def __init__(self, *args: Any, instance: PoolProfile, **kwargs: Any) -> None:
        now = {
            "title": instance.title,
            "goal_amount": plain_amount(instance.goal_money) if instance.goal_money else "",
            "overhead": rate_text(instance.overhead_rate),
            "suggestions": ", ".join(plain_amount(money) for money in instance.suggestions),
            "smallest": plain_amount(instance.minimum),
            "largest": (
                "" if instance.maximum_gift == CARD_LIMIT else plain_amount(instance.maximum)
            ),
            "goals": instance.sdg_goals,
            "sector_lines": shares.as_text(instance.sectors),
            "country_lines": shares.as_text(instance.countries),
        }
        kwargs["initial"] = now | (kwargs.get("initial") or {})
        super().__init__(*args, instance=instance, **kwargs)

    @property
    def changed_terms(self) -> list[str]:
        return [name for name in self.changed_data if name != "reason"]
