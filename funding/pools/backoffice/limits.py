"""The limits of giving, one row a currency: amounts are typed in that currency."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import CreateView, EditView
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.permissions import register_permission_policy

from core.money import Money
from funding.pools.backoffice.pool_forms import CurrencyCodeField, PercentField, rate_text
from funding.pools.backoffice.reading import ReadPolicy
from funding.pools.forms import AmountField, plain_amount
from funding.pools.limits import Limits, set_limits
from funding.pools.models import GivingPolicy

# A card's fee above a fifth of the gift is a slip of the finger.
MOST_FEE = 20


class LimitsPolicy(ReadPolicy):
    allowed = frozenset({"view", "add", "change"})


register_permission_policy(GivingPolicy, LimitsPolicy(GivingPolicy))


class LimitsForm(WagtailAdminModelForm):
    anonymous = AmountField(
        label=_("Largest anonymous gift"),
        required=False,
        help_text=_(
            "Above it a donor is named, and the form says so before anything is paid. "
            "Empty: no limit."
        ),
    )
    check = AmountField(
        label=_("Checked from"),
        required=False,
        help_text=_(
            "From it on, staff look at the source of the money and the sanctions lists. "
            "Empty: nothing is checked."
        ),
    )
    fee_rate = PercentField(label=_("Card fee, per cent"), most=MOST_FEE)
    fee_fixed = AmountField(label=_("Card fee, fixed part"), required=False)
    reason = forms.CharField(
        label=_("Reason"), max_length=500, error_messages={"required": _("Write the reason.")}
    )

    class Meta:
        model = GivingPolicy
        fields: list[str] = []

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name in ("anonymous", "check", "fee_fixed"):
            field = self.fields[name]
            assert isinstance(field, AmountField)
            field.currency = self._currency()

    def _currency(self) -> str:
        return self.instance.currency

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        for name in ("anonymous", "check"):
            if cleaned.get(name) is not None and cleaned[name].amount == 0:
                self.add_error(name, _("A limit is more than zero; leave it empty for none."))
        return cleaned

    @property
    def currency(self) -> str:
        return self._currency()

    @property
    def limits(self) -> Limits:
        typed = self.cleaned_data
        return Limits(
            anonymous_limit=typed["anonymous"].amount if typed["anonymous"] else None,
            check_limit=typed["check"].amount if typed["check"] else None,
            card_fee_rate=typed["fee_rate"],
            card_fee_fixed=typed["fee_fixed"].amount if typed["fee_fixed"] else 0,
        )


class NewLimitsForm(LimitsForm):
    new_currency = CurrencyCodeField(
        label=_("Currency"),
        help_text=_("Three letters, such as USD."),
    )
    field_order = ["new_currency"]

    def _currency(self) -> str:
        typed = str(self.data.get("new_currency", "")).strip().upper() if self.is_bound else ""
        return typed if len(typed) == 3 and typed.isascii() and typed.isalpha() else "USD"

    def clean_new_currency(self) -> str:
        currency = str(self.cleaned_data["new_currency"])
        if GivingPolicy.objects.filter(currency=currency).exists():
            raise forms.ValidationError(
                _("%(currency)s has limits already. Edit them in the list.")
                % {"currency": currency}
            )
        return currency


class EditLimitsForm(LimitsForm):
    def __init__(self, *args: Any, instance: GivingPolicy, **kwargs: Any) -> None:
        kwargs["initial"] = {
            "anonymous": _typed(instance.anonymous_limit, instance.currency),
            "check": _typed(instance.check_limit, instance.currency),
            "fee_rate": rate_text(instance.card_fee_rate),
            "fee_fixed": _typed(instance.card_fee_fixed, instance.currency),
        } | (kwargs.get("initial") or {})
        super().__init__(*args, instance=instance, **kwargs)


def _typed(amount: int | None, currency: str) -> str:
    return plain_amount(Money(amount, currency)) if amount else ""


class SetLimits:
    """Saves by the transition, which logs who, what and why."""

    def form_valid(self: Any, form: LimitsForm) -> HttpResponse:
        self.form = form
        self.object = set_limits(
            form.currency,
            form.limits,
            by=self.request.user,
            reason=form.cleaned_data["reason"],
        )
        answer: HttpResponse = self.save_action()
        return answer


class NewLimitsView(SetLimits, CreateView):
    page_title = _("Set limits for a currency")


class EditLimitsView(SetLimits, EditView):
    pass


def _money_column(name: str, label: Any) -> Column:
    def shown(row: GivingPolicy) -> str:
        amount = getattr(row, name)
        return Money(amount, row.currency).format() if amount else "–"

    return Column(name, label=label, accessor=shown)


class LimitsViewSet(ModelViewSet):
    model = GivingPolicy
    name = "giving_limits"
    icon = "warning"
    menu_label = _("Limits of giving")
    copy_view_enabled = False
    add_to_reference_index = False
    add_view_class = NewLimitsView
    edit_view_class = EditLimitsView
    list_display = [
        "currency",
        _money_column("anonymous_limit", _("Largest anonymous gift")),
        _money_column("check_limit", _("Checked from")),
        Column(
            "fee",
            label=_("Card fee"),
            accessor=lambda row: (
                f"{rate_text(row.card_fee_rate)} % + "
                f"{Money(row.card_fee_fixed, row.currency).format()}"
            ),
        ),
    ]

    def get_form_class(self, for_update: bool = False) -> type[LimitsForm]:
        return EditLimitsForm if for_update else NewLimitsForm
