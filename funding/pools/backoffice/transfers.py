"""Transfers between pools: asking in two steps, the list, and the page on which another decides."""

import uuid
from typing import Any

import django_filters
from django import forms
from django.contrib import messages
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column

from core.models import User
from core.refusals import Refusal
from funding.ledger.models import Entry, Pool
from funding.payments.backoffice.base import (
    MoneyPage,
    ReadViewSet,
    RowPage,
    facts,
    money_column,
    only_read,
    rows_of,
    rows_of_posted,
)
from funding.payments.backoffice.panel import Need, counted
from funding.payments.money_in import HOLDING
from funding.pools import transfers
from funding.pools.backoffice.forms import AmountOfPoolForm
from funding.pools.models import PoolProfile, PoolTransfer
from funding.pools.permissions import DECIDE_TRANSFER, REQUEST_TRANSFER

only_read(PoolTransfer)

VIEW = "pools.view_pooltransfer"


def needs(person: User) -> list[Need | None]:
    """For the panel “What needs you”."""
    if not person.has_perm(DECIDE_TRANSFER):
        return []
    words = counted(
        transfers.waiting_for(person).count(),
        lambda count: ngettext(
            "%(count)s transfer between pools waits for your decision",
            "%(count)s transfers between pools wait for your decision",
            count,
        ),
        reverse("pools_transfers:index") + "?state=waiting",
    )
    return [words]


class TransferForm(AmountOfPoolForm):
    pool_field = "from_pool"

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    kind = forms.ChoiceField(
        label=_("What it is"), choices=PoolTransfer.Kind.choices, widget=forms.RadioSelect
    )
    from_pool = forms.ModelChoiceField(
        label=_("From"),
        queryset=Pool.objects.exclude(code=HOLDING).order_by("name"),
        error_messages={"required": _("Choose the pool that gives.")},
    )
    to_pool = forms.ModelChoiceField(
        label=_("To"),
        queryset=Pool.objects.exclude(code=HOLDING).order_by("name"),
        error_messages={"required": _("Choose the pool that gets it.")},
    )
    amount = forms.CharField(
        label=_("Amount"),
        max_length=40,
        help_text=_("In the currency of the pool that gives."),
        error_messages={"required": _("Enter the amount.")},
    )
    basis = forms.ChoiceField(
        label=_("What allows it"), choices=PoolTransfer.Basis.choices, widget=forms.RadioSelect
    )
    basis_note = forms.CharField(
        label=_("What the basis says"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Public: the words of the terms, or who consented and when. Name no person."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("Public: what the transfer is for. Name no person."),
        error_messages={"required": _("Write the reason. Everybody can read it.")},
    )


class AskView(MoneyPage):
    """The form, then what it would do with the figures of the pool, then the request."""

    rights = (REQUEST_TRANSFER,)
    template_name = "pools/backoffice/transfer_ask.html"
    page_title = _("Ask for a transfer")
    header_icon = "redirect"
    viewset_name = "pools_transfers"
    list_label = _("Transfers")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        initial = {
            "form_token": uuid.uuid4(),
            "kind": PoolTransfer.Kind.TRANSFER,
            "basis": PoolTransfer.Basis.UNRESTRICTED,
        }
        context = {
            "form": TransferForm(initial=initial),
            "confirming": None,
            "overhead": self._overhead(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _overhead(self) -> list[dict[str, Any]]:
        """What can be taken from each pool with a published rate."""
        profiles = PoolProfile.objects.filter(overhead_rate__gt=0).select_related("pool")
        return [
            {"pool": profile.title, "due": transfers.overhead_due(profile)} for profile in profiles
        ]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = TransferForm(request.POST)
        act = request.POST.get("act")
        if not form.is_valid() or act == "back":
            return self.render_to_response(self.get_context_data(form=form))
        values = {**form.cleaned_data, "by": self.person}
        try:
            if act == "confirm":
                made = transfers.request_transfer(**values)
                messages.success(request, gettext("The request waits for somebody else to decide."))
                return redirect("pools_transfers:inspect", made.pk)
            asked = transfers.draft(**values)
            transfers.check_request(asked)
        except Refusal as refusal:
            form.refuse(refusal)
            return self.render_to_response(self.get_context_data(form=form))
        return self.render_to_response(
            self.get_context_data(form=form, confirming=asked, **_plan(asked))
        )


def _plan(transfer: PoolTransfer) -> dict[str, Any]:
    """What the transfer would do: its entry, and what the pool has before and after."""
    available = transfers.available_of(transfer.from_pool, transfer.currency)
    return {
        "available": available,
        "after": available - transfer.money,
        "entry_rows": rows_of(transfers.entry_of(transfer)),
    }


class DecisionForm(forms.Form):
    note = forms.CharField(
        label=_("Note"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 2}),
        help_text=_("Needed to decline. The person who asked reads it; it is not public."),
    )


class TransferPage(RowPage):
    """One transfer: what it does, who asked, and the decision for whoever may make it."""

    model = PoolTransfer
    rights = (VIEW,)
    template_name = "pools/backoffice/transfer.html"
    header_icon = "redirect"

    def get_rows(self) -> Any:
        return PoolTransfer.objects.select_related(
            "from_pool", "to_pool", "requested_by", "decided_by"
        )

    def get_page_title(self) -> str:
        row = self.row
        return gettext("%(amount)s from %(from)s to %(to)s") % {
            "amount": row.money.format(),
            "from": row.from_pool.name,
            "to": row.to_pool.name,
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.row
        source = transfers.entry_of(row).key
        entry = Entry.objects.filter(idempotency_key=source).first()
        barred = self._why_barred()
        context: dict[str, Any] = {
            "facts": [
                (gettext("Reference"), row.reference),
                (gettext("Amount"), row.money.format()),
                *facts(
                    row,
                    "kind",
                    "from_pool",
                    "to_pool",
                    "reason",
                    "basis",
                    "basis_note",
                    "requested_by",
                    "requested_at",
                    "decided_by",
                    "decided_at",
                    "approved",
                    "decision_note",
                ),
            ],
            "entry": entry,
            "barred": barred,
            "can_decide": row.decided_at is None and not barred,
            "decision_form": DecisionForm(),
        }
        if entry is not None:
            context["entry_rows"] = rows_of_posted(entry)
        elif row.decided_at is None:
            context |= _plan(row)
        return super().get_context_data(**{**context, **kwargs})

    def _why_barred(self) -> str:
        """Why this person decides nothing here, in words; "" when they may."""
        if self.row.decided_at is not None:
            return ""
        try:
            transfers.require_decider(self.row, self.person)
        except Refusal as refusal:
            return str(refusal)
        return ""

    # What may be done is judged by the verb, which records an attempt that it refuses.
    def acts(self) -> dict[str, Any]:
        return {
            "approve": ("", lambda: self._decide(approved=True)),
            "decline": ("", lambda: self._decide(approved=False)),
        }

    def _decide(self, *, approved: bool) -> HttpResponse:
        form = DecisionForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(decision_form=form))
        transfers.decide_transfer(
            self.row, by=self.person, approved=approved, note=form.cleaned_data["note"]
        )
        if approved:
            return self.done(gettext("Approved. The money is moved and everybody can see it."))
        return self.done(gettext("Declined. The person who asked reads your note here."))


class TransferFilterSet(WagtailFilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[
            ("waiting", _("for my decision")),
            ("open", _("for anybody’s decision")),
            ("approved", _("approved")),
            ("declined", _("declined")),
        ],
        method="in_state",
    )

    class Meta:
        model = PoolTransfer
        fields = ["state", "kind", "basis", "from_pool", "to_pool"]

    def in_state(self, queryset: Any, name: str, value: str) -> Any:
        if value == "waiting":
            return queryset.filter(pk__in=transfers.waiting_for(self.request.user).values("pk"))
        if value == "open":
            return queryset.filter(decided_at=None)
        return queryset.filter(approved=value == "approved")


def _state(row: PoolTransfer) -> str:
    if row.approved is None:
        return gettext("waiting")
    return gettext("approved") if row.approved else gettext("declined")


class TransferViewSet(ReadViewSet):
    model = PoolTransfer
    name = "pools_transfers"
    url_prefix = "giving/transfers"
    icon = "redirect"
    menu_label = _("Transfers")
    page_view = TransferPage
    index_template_name = "pools/backoffice/transfers.html"
    filterset_class = TransferFilterSet
    search_fields = ["reason", "basis_note"]
    list_display = [
        money_column("money", _("Amount"), lambda row: row.money, sort_key="amount"),
        Column("from", label=_("From"), accessor="from_pool.name"),
        Column("to", label=_("To"), accessor="to_pool.name"),
        "kind",
        Column("state", label=_("State"), accessor=_state),
        "requested_by",
        "requested_at",
    ]

    def rows(self) -> Any:
        return PoolTransfer.objects.select_related("from_pool", "to_pool", "requested_by")

    def more_urls(self) -> list[URLPattern]:
        return [path("ask/", AskView.as_view(), name="ask")]
