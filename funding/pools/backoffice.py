"""Pools, gifts, pledges and donors in the Wagtail admin.

A pool can be opened and its terms edited; it is never deleted. Gifts, pledges and donors are only
read here: what changes them are people's own acts and payments.
"""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.ui.tables import Column
from wagtail.admin.views.generic import CreateView, EditView
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.admin.widgets import AdminDateInput
from wagtail.permission_policies import ModelPermissionPolicy
from wagtail.permissions import register_permission_policy

from core import audit
from core.money import CurrencyField, Money
from core.refusals import Refusal
from funding.pools import opening
from funding.pools.forms import AmountField, plain_amount, without_currency
from funding.pools.models import CARD_LIMIT, Donor, Gift, Pledge, PoolProfile
from funding.pools.refusals import PoolCodeTaken


class ReadPolicy(ModelPermissionPolicy):
    """Nobody adds, changes or deletes here, whatever rights a group (or a superuser) has."""

    allowed = frozenset({"view"})

    def user_has_permission(self, user: Any, action: str) -> bool:
        return action in self.allowed and super().user_has_permission(user, action)

    def user_has_any_permission(self, user: Any, actions: Any) -> bool:
        return any(self.user_has_permission(user, action) for action in actions)


class PoolPolicy(ReadPolicy):
    """Pools are opened and edited, and never deleted."""

    allowed = frozenset({"view", "add", "change"})


for model, policy in (
    (PoolProfile, PoolPolicy),
    (Gift, ReadPolicy),
    (Pledge, ReadPolicy),
    (Donor, ReadPolicy),
):
    register_permission_policy(model, policy(model))


# --- Forms ----------------------------------------------------------------------------------------


class AmountsField(forms.CharField):
    """Amounts with a comma between them, such as ``25, 50, 100``; cleans to the texts."""

    def clean(self, value: Any) -> Any:
        text = super().clean(value) or ""
        return [part.strip() for part in text.replace(";", ",").split(",") if part.strip()]


class PoolForm(WagtailAdminModelForm):
    """The terms of a pool. Amounts are typed in the pool's currency."""

    title = forms.CharField(label=_("Title"), max_length=120)
    goal_amount = AmountField(label=_("Goal"), required=False, help_text=_("Empty: no goal."))
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

    class Meta:
        model = PoolProfile
        fields = ["purpose", "restricted", "opens_on", "closes_on", "paused"]
        widgets = {"opens_on": AdminDateInput, "closes_on": AdminDateInput}

    field_order = [
        "title",
        "code",
        "currency",
        "purpose",
        "restricted",
        "goal_amount",
        "suggestions",
        "smallest",
        "largest",
        "opens_on",
        "closes_on",
        "paused",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.order_fields(self.field_order)
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
        return cleaned

    def _get_validation_exclusions(self) -> set[str]:
        """Also hold the model's rules on what this form fills in by itself."""
        excluded: set[str] = super()._get_validation_exclusions()
        return excluded - {"goal", "minimum_gift", "maximum_gift", "suggested_amounts"}


class OpenPoolForm(PoolForm):
    code = forms.SlugField(
        label=_("Code"),
        max_length=50,
        help_text=_("Its part of the address, such as core-software. It never changes."),
    )
    currency = forms.CharField(
        label=_("Currency"),
        max_length=3,
        initial="USD",
        validators=CurrencyField.default_validators,
        help_text=_("Three letters, such as USD. It never changes."),
    )

    def _currency(self) -> str:
        typed = str(self.data.get("currency", "")).strip().upper() if self.is_bound else ""
        return typed if len(typed) == 3 and typed.isascii() and typed.isalpha() else "USD"

    def _get_validation_exclusions(self) -> set[str]:
        return super()._get_validation_exclusions() | {"pool"}


class EditPoolForm(PoolForm):
    def __init__(self, *args: Any, instance: PoolProfile, **kwargs: Any) -> None:
        now = {
            "title": instance.title,
            "goal_amount": plain_amount(instance.goal_money) if instance.goal_money else "",
            "suggestions": ", ".join(plain_amount(money) for money in instance.suggestions),
            "smallest": plain_amount(instance.minimum),
            "largest": (
                "" if instance.maximum_gift == CARD_LIMIT else plain_amount(instance.maximum)
            ),
        }
        kwargs["initial"] = now | (kwargs.get("initial") or {})
        super().__init__(*args, instance=instance, **kwargs)


# --- Views ----------------------------------------------------------------------------------------


class OpenPoolView(CreateView):
    """Opens a pool by the use case itself, which holds the only transaction."""

    page_title = _("Open a pool")

    def form_valid(self, form: OpenPoolForm) -> HttpResponse:
        self.form = form
        typed = form.cleaned_data
        try:
            self.object = opening.open_pool(
                code=typed["code"],
                currency=typed["currency"].upper(),
                title=typed["title"],
                purpose=typed["purpose"],
                restricted=typed["restricted"],
                opens_on=typed["opens_on"],
                closes_on=typed["closes_on"],
                paused=typed["paused"],
                goal=form.instance.goal,
                suggested_amounts=form.instance.suggested_amounts,
                minimum_gift=form.instance.minimum_gift,
                maximum_gift=form.instance.maximum_gift,
                by=self.request.user,
            )
        except PoolCodeTaken as refusal:
            form.add_error("code", str(refusal))
            self.produced_error_code = "validation_error"
            self.produced_error_message = self.get_error_message()
            return self.form_invalid(form)
        return self.save_action()


class EditPoolView(EditView):
    def save_instance(self) -> PoolProfile:
        profile = self.form.save()
        opening.rename(profile, self.form.cleaned_data["title"])
        audit.record(
            "pools.edit_pool", profile, by=self.request.user, changed=self.form.changed_data
        )
        return profile


# --- Lists ----------------------------------------------------------------------------------------


class PoolViewSet(ModelViewSet):
    model = PoolProfile
    name = "giving_pools"
    icon = "folder-open-inverse"
    menu_label = _("Pools")
    copy_view_enabled = False
    add_view_class = OpenPoolView
    edit_view_class = EditPoolView
    list_display = [
        "__str__",
        Column("code", label=_("Code"), accessor="code"),
        Column("currency", label=_("Currency"), accessor="currency"),
        Column("goal", label=_("Goal"), accessor=lambda row: _money(row.goal_money)),
        "opens_on",
        "closes_on",
        Column(
            "open",
            label=_("Takes gifts today"),
            accessor=lambda row: _("yes") if row.is_open(timezone.localdate()) else _("no"),
        ),
    ]

    def get_form_class(self, for_update: bool = False) -> type[PoolForm]:
        return EditPoolForm if for_update else OpenPoolForm

    def get_queryset(self, request: Any) -> Any:
        return PoolProfile.objects.select_related("pool")


def _money(money: Money | None) -> str:
    return money.format() if money is not None else ""


class ReadViewSet(ModelViewSet):
    """A list with one page per row, and nothing to press."""

    copy_view_enabled = False
    inspect_view_enabled = True
    add_to_reference_index = False
    # The form class is asked for at start and never shown.
    form_fields: list[str] = []


class GiftViewSet(ReadViewSet):
    model = Gift
    name = "gifts"
    icon = "pick"
    menu_label = _("Gifts")
    list_filter = ["pool", "received_at", "anonymous"]
    search_fields = ["donor__name", "donor__email"]
    search_backend_name = None
    list_display = [
        Column("money", label=_("Amount"), accessor=lambda row: _money(row.money)),
        "pool",
        "donor",
        "anonymous",
        "created_at",
        "received_at",
    ]
    inspect_view_fields = [
        "reference",
        "pool",
        "donor",
        "money",
        "anonymous",
        "language",
        "created_at",
        "received_at",
    ]

    def get_queryset(self, request: Any) -> Any:
        return Gift.objects.select_related("pool", "donor")


class PledgeViewSet(ReadViewSet):
    model = Pledge
    name = "pledges"
    icon = "date"
    menu_label = _("Pledges")
    list_filter = ["pool", "binding", "confirmed_at"]
    search_fields = ["donor__name", "donor__email"]
    search_backend_name = None
    list_display = [
        Column("money", label=_("Amount"), accessor=lambda row: _money(row.money)),
        "pool",
        "donor",
        "binding",
        Column("received", label=_("Received"), accessor=lambda row: _money(row.received)),
        Column(
            "status",
            label=_("Status"),
            accessor=lambda row: row.status(timezone.localdate()).label,
        ),
        "confirmed_at",
    ]
    inspect_view_fields = [
        "reference",
        "pool",
        "donor",
        "money",
        "received",
        "outstanding",
        "schedule",
        "binding",
        "anonymous",
        "language",
        "created_at",
        "confirmed_at",
        "cancelled_at",
    ]

    def get_queryset(self, request: Any) -> Any:
        return Pledge.objects.select_related("pool", "donor").prefetch_related("instalments")


class DonorViewSet(ReadViewSet):
    model = Donor
    name = "donors"
    icon = "user"
    menu_label = _("Donors")
    list_filter = ["anonymous"]
    search_fields = ["name", "email", "public_name"]
    search_backend_name = None
    list_display = ["name", "email", "public_name", "anonymous", "user", "created_at"]
    inspect_view_fields = ["name", "email", "public_name", "anonymous", "user", "created_at"]

    def get_queryset(self, request: Any) -> Any:
        return Donor.objects.select_related("user")


class GivingGroup(ViewSetGroup):
    menu_label = _("Giving")
    menu_icon = "folder-open-inverse"
    menu_order = 310
    items = (PoolViewSet, GiftViewSet, PledgeViewSet, DonorViewSet)
