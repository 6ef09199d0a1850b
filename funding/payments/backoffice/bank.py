"""The menu "Bank": lines to match, what is expected, statements, accounts and channels."""

import re
from typing import Any

import django_filters
from django import forms
from django.db.models import Exists, F, OuterRef, Q, Subquery, Sum
from django.db.models.functions import Coalesce
from django.urls import URLPattern, path
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from schwifty import BIC, IBAN
from schwifty.exceptions import SchwiftyException
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.forms import WagtailAdminModelForm
from wagtail.admin.ui.tables import Column
from wagtail.admin.viewsets.base import ViewSetGroup
from wagtail.admin.viewsets.model import ModelViewSet
from wagtail.admin.widgets import AdminDateInput
from wagtail.permissions import register_permission_policy

from core.countries import choices as country_choices
from core.money import Money
from funding.payments.backoffice.bank_expected import ExpectedPage
from funding.payments.backoffice.bank_import import ImportView
from funding.payments.backoffice.bank_line import LinePage
from funding.payments.backoffice.bank_statement import StatementPage
from funding.payments.backoffice.base import (
    GuardedIndexView,
    ReadPolicy,
    ReadViewSet,
    money_column,
    only_read,
)
from funding.payments.banking import receiving
from funding.payments.models import (
    BankAccount,
    BankLine,
    BankStatement,
    ExpectedPayment,
    ManualChannel,
    Match,
)


class KeepPolicy(ReadPolicy):
    """Added and edited by those with the right to, never deleted: papers and lines name them."""

    def user_has_permission(self, user: Any, action: str) -> bool:
        if action in ("add", "change"):
            return super(ReadPolicy, self).user_has_permission(user, action)
        return super().user_has_permission(user, action)


only_read(BankStatement, BankLine, ExpectedPayment)
for kept in (BankAccount, ManualChannel):
    register_permission_policy(kept, KeepPolicy(kept))


# --- Accounts and channels --------------------------------------------------------------------------


class BankAccountForm(WagtailAdminModelForm):
    """An account whose IBAN and BIC are well-formed. Its currency never changes once it is used."""

    class Meta:
        model = BankAccount
        fields = [
            "name",
            "holder",
            "bank",
            "iban",
            "number",
            "bic",
            "more",
            "currency",
            "closed_on",
        ]
        widgets = {"closed_on": AdminDateInput}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if self.instance.pk and self.instance.statements.exists():
            for name in ("currency", "iban", "number"):
                self.fields[name].disabled = True
                self.fields[name].help_text = _(
                    "It never changes once a statement is imported. Close this account and add "
                    "another."
                )

    def clean_iban(self) -> str:
        typed = str(self.cleaned_data["iban"])
        if not typed:
            return ""
        try:
            return str(IBAN(typed).compact)
        except SchwiftyException:
            raise forms.ValidationError(
                gettext("This is no IBAN: its length or its check digits are wrong.")
            ) from None

    def clean_bic(self) -> str:
        typed = str(self.cleaned_data["bic"])
        if not typed:
            return ""
        try:
            return str(BIC(typed).compact)
        except SchwiftyException:
            raise forms.ValidationError(
                gettext("This is no BIC. It has 8 or 11 letters and digits.")
            ) from None

    def clean_currency(self) -> str:
        return str(self.cleaned_data["currency"]).upper()


class ManualChannelForm(WagtailAdminModelForm):
    country = forms.ChoiceField(label=_("Country"), required=False)

    class Meta:
        model = ManualChannel
        fields = [
            "name",
            "kind",
            "currency",
            "country",
            "instructions",
            "evidence_hint",
            "is_open",
        ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        country = self.fields["country"]
        assert isinstance(country, forms.ChoiceField)
        country.choices = [("", _("Any country")), *country_choices()]
        if self.instance.pk and self.instance.expected.exists():
            self.fields["currency"].disabled = True
            self.fields["currency"].help_text = _(
                "It never changes once somebody was told to pay by this channel."
            )


class KeptViewSet(ModelViewSet):
    index_view_class = GuardedIndexView
    copy_view_enabled = False
    inspect_view_enabled = True
    add_to_reference_index = False
    search_backend_name = None


class BankAccountViewSet(KeptViewSet):
    model = BankAccount
    name = "bank_accounts"
    url_prefix = "bank/accounts"
    icon = "decimal"
    menu_label = _("Bank accounts")
    list_display = ["name", "bank", "iban", "number", "currency", "closed_on"]
    inspect_view_fields = [
        "name",
        "holder",
        "bank",
        "iban",
        "number",
        "bic",
        "more",
        "currency",
        "closed_on",
    ]

    def get_form_class(self, for_update: bool = False) -> type[BankAccountForm]:
        return BankAccountForm


class ManualChannelViewSet(KeptViewSet):
    model = ManualChannel
    name = "bank_channels"
    url_prefix = "bank/channels"
    icon = "mobile-alt"
    menu_label = _("Payment channels")
    list_display = ["name", "kind", "currency", "country", "is_open"]
    inspect_view_fields = [
        "name",
        "kind",
        "currency",
        "country",
        "instructions",
        "evidence_hint",
        "is_open",
    ]

    def get_form_class(self, for_update: bool = False) -> type[ManualChannelForm]:
        return ManualChannelForm


# --- Statements -----------------------------------------------------------------------------------


class StatementViewSet(ReadViewSet):
    model = BankStatement
    name = "bank_statements"
    url_prefix = "bank/statements"
    icon = "doc-full-inverse"
    menu_label = _("Bank statements")
    page_view = StatementPage
    index_template_name = "payments/backoffice/bank_statements.html"
    list_filter = ["account", "format", "last_day"]
    search_fields = ["identification", "file_name"]
    list_display = [
        "account",
        "first_day",
        "last_day",
        money_column("opening", _("Opening"), lambda row: Money(row.opening, row.account.currency)),
        money_column("closing", _("Closing"), lambda row: Money(row.closing, row.account.currency)),
        "format",
        "imported_by",
        "imported_at",
    ]

    def rows(self) -> Any:
        return BankStatement.objects.select_related("account", "imported_by").defer("content")

    def more_urls(self) -> list[URLPattern]:
        return [path("import/", ImportView.as_view(), name="import")]


# --- Lines ----------------------------------------------------------------------------------------


def with_state(lines: Any) -> Any:
    """Bank lines with ``matched`` (by matches that stand) and ``waiting`` (parked, not resolved)."""
    standing = Match.objects.filter(line=OuterRef("pk"), parked=None, undone_at=None)
    matched = standing.order_by().values("line").annotate(sum=Sum("amount")).values("sum")
    resolved = (
        Match.objects.filter(parked=OuterRef("pk"), undone_at=None)
        .order_by()
        .values("parked")
        .annotate(sum=Sum("amount"))
        .values("sum")
    )
    waiting = (
        standing.filter(kind=Match.Kind.PARKED)
        .annotate(resolved=Coalesce(Subquery(resolved), 0))
        .exclude(amount=F("resolved"))
    )
    return lines.annotate(matched=Coalesce(Subquery(matched), 0), waiting=Exists(waiting))


class LineFilterSet(WagtailFilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[
            ("open", _("to be matched")),
            ("parked", _("parked")),
            ("done", _("done")),
        ],
        method="in_state",
    )
    way = django_filters.ChoiceFilter(
        label=_("Way"), choices=[("in", _("money in")), ("out", _("money out"))], method="which_way"
    )

    class Meta:
        model = BankLine
        fields = ["state", "way", "statement__account", "booked_on"]

    def in_state(self, queryset: Any, name: str, value: str) -> Any:
        if value == "open":
            return queryset.exclude(matched=F("amount"))
        if value == "parked":
            return queryset.filter(waiting=True)
        return queryset.filter(matched=F("amount"), waiting=False)

    def which_way(self, queryset: Any, name: str, value: str) -> Any:
        return queryset.filter(amount__gt=0) if value == "in" else queryset.filter(amount__lt=0)


def _state(line: Any) -> str:
    if line.matched != line.amount:
        left = Money(line.amount - line.matched, line.currency).format()
        return gettext("%(amount)s to be matched") % {"amount": left}
    return gettext("parked") if line.waiting else gettext("done")


class LinesView(GuardedIndexView):
    """The lines; without a choice of filters those that wait for a match come first."""

    def get_base_queryset(self) -> Any:
        return with_state(BankLine.objects.select_related("statement__account"))


class LineViewSet(ReadViewSet):
    model = BankLine
    name = "bank_lines"
    url_prefix = "bank/lines"
    icon = "link"
    menu_label = _("Bank lines")
    page_view = LinePage
    index_view_class = LinesView
    filterset_class = LineFilterSet
    search_fields = ["counterparty", "text", "bank_reference", "payer_reference"]
    ordering = ["-booked_on", "-pk"]
    list_display = [
        "booked_on",
        money_column("amount", _("Amount"), lambda row: row.money, sort_key="amount"),
        "counterparty",
        Column("text", label=_("Text"), accessor=lambda row: row.text[:120]),
        Column("account", label=_("Account"), accessor="statement.account.name"),
        Column("state", label=_("State"), accessor=_state),
    ]


# --- What is expected -------------------------------------------------------------------------------


class ExpectedFilterSet(WagtailFilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[("open", _("open")), ("withdrawn", _("withdrawn"))],
        method="in_state",
    )
    way = django_filters.ChoiceFilter(
        label=_("Way"),
        choices=[("transfer", _("bank transfer")), ("channel", _("by a payment channel"))],
        method="which_way",
    )

    class Meta:
        model = ExpectedPayment
        fields = ["state", "way", "channel", "pool", "currency", "repeats", "due_on"]

    def in_state(self, queryset: Any, name: str, value: str) -> Any:
        if value == "withdrawn":
            return queryset.exclude(withdrawn_at=None)
        came = Coalesce(Sum("payments__amount", filter=Q(payments__status="succeeded")), 0)
        open_ones = queryset.filter(withdrawn_at=None).annotate(came=came)
        return open_ones.filter(Q(came__lt=F("amount")) | ~Q(repeats=""))

    def which_way(self, queryset: Any, name: str, value: str) -> Any:
        if value == "channel":
            return queryset.exclude(channel=None)
        return queryset.filter(channel=None)


class ExpectedIndexView(GuardedIndexView):
    """The list; a reference is found however it is spaced."""

    def search_queryset(self, queryset: Any) -> Any:
        compact = re.sub(r"[\s.-]", "", self.search_query or "").upper()
        if re.fullmatch(r"RF\d\d[0-9A-Z]+", compact):
            return queryset.filter(reference=compact)
        return super().search_queryset(queryset)

    def complete(self, rows: list[Any]) -> None:
        left = receiving.outstanding_of(rows)
        for row in rows:
            row.left = left[row.pk]


class ExpectedViewSet(ReadViewSet):
    model = ExpectedPayment
    name = "bank_expected"
    url_prefix = "bank/expected"
    icon = "time"
    menu_label = _("Expected payments")
    page_view = ExpectedPage
    index_view_class = ExpectedIndexView
    filterset_class = ExpectedFilterSet
    search_fields = [
        "reference",
        "number",
        "invoice__number",
        "payer_name",
        "payer_email",
        "purchase_order",
        "public_id",
    ]
    list_display = [
        "reference",
        Column("paper", label=_("Paper"), accessor=lambda row: row.number or row.invoice.number),
        "payer_name",
        money_column("amount", _("Amount"), lambda row: row.money, sort_key="amount"),
        money_column("outstanding", _("Outstanding"), lambda row: row.left),
        Column("way", label=_("Way"), accessor=lambda row: row.channel or _("bank transfer")),
        "due_on",
    ]

    def rows(self) -> Any:
        return ExpectedPayment.objects.select_related("invoice__credit_note", "channel", "pool")


class BankGroup(ViewSetGroup):
    menu_label = _("Bank")
    menu_icon = "table"
    menu_name = "bank"
    menu_order = 316  # after Money
    items = (
        LineViewSet,
        ExpectedViewSet,
        StatementViewSet,
        BankAccountViewSet,
        ManualChannelViewSet,
    )
