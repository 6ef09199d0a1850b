"""Asking for money to be paid out: a form, then what it would do, then the request."""

import uuid
from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.refusals import Refusal
from funding.ledger.models import Pool
from funding.payments import payout_purposes, payouts
from funding.payments.backoffice.base import MoneyPage, rows_of
from funding.payments.models import Match, Payment, Payout
from funding.payments.payout_refusals import PayoutRefusal
from funding.payments.permissions import REQUEST_PAYOUT


class AskForm(forms.Form):
    """How much goes back, by which way, to whom, and why."""

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    amount = forms.CharField(
        label=_("Amount"), max_length=40, error_messages={"required": _("Enter the amount.")}
    )
    place = forms.ChoiceField(
        label=_("Paid from"),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose where it is paid from.")},
    )
    beneficiary = forms.CharField(
        label=_("Beneficiary"),
        max_length=250,
        error_messages={"required": _("Write who is paid.")},
    )
    beneficiary_account = forms.CharField(
        label=_("Beneficiary’s account"),
        required=False,
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_(
            "Needed to pay from the bank: an IBAN, or the account number, the bank and its BIC."
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("The two people who approve read it."),
        error_messages={"required": _("Write the reason.")},
    )

    def __init__(self, *args: Any, currency: str, places: list[str], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency
        self.fields["amount"].help_text = gettext("In %(currency)s.") % {"currency": currency}
        place = self.fields["place"]
        assert isinstance(place, forms.ChoiceField)
        place.choices = [(value, Payout.Place(value).label) for value in places]

    def clean_amount(self) -> Money:
        try:
            money = Money.parse(self.cleaned_data["amount"], self.currency)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal
        if not money.amount:
            raise forms.ValidationError(gettext("Enter an amount above zero."))
        return money


class AskView(MoneyPage):
    """The two steps of a request. Subclasses say what it is for."""

    rights = (REQUEST_PAYOUT,)
    template_name = "payments/backoffice/ask.html"
    header_icon = "redirect"
    purpose = ""

    # What it is for.
    @property
    def subject_id(self) -> int:
        raise NotImplementedError

    @property
    def subject_pool(self) -> Pool:
        raise NotImplementedError

    @property
    def most(self) -> Money:
        """What can still be asked for."""
        raise NotImplementedError

    @property
    def places(self) -> list[str]:
        return [Payout.Place.BANK]

    @property
    def payment(self) -> Payment | None:
        return None

    @property
    def beneficiary(self) -> str:
        return ""

    @property
    def beneficiary_account(self) -> str:
        return ""

    @property
    def back_url(self) -> str:
        return reverse("payments_payouts:index")

    # What is done.
    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context = {
            "form": self._form(),
            "most": self.most,
            "back_url": self.back_url,
            "confirming": None,
        }
        return super().get_context_data(**{**context, **kwargs})

    def _form(self, data: Any = None) -> AskForm:
        return AskForm(
            data,
            currency=self.most.currency,
            places=self.places,
            initial={
                "form_token": uuid.uuid4(),
                "amount": str(self.most.decimal),
                "place": self.places[0],
                "beneficiary": self.beneficiary,
                "beneficiary_account": self.beneficiary_account,
            },
        )

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        form = self._form(request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        act = request.POST.get("act")
        if act == "back":
            return self.render_to_response(self.get_context_data(form=form))
        try:
            return self._ask(form) if act == "confirm" else self._preview(form)
        except Refusal as refusal:
            field = refusal.field if isinstance(refusal, PayoutRefusal) else None
            form.add_error(field if field in form.fields else None, str(refusal))
            return self.render_to_response(self.get_context_data(form=form))

    def _values(self, form: AskForm) -> dict[str, Any]:
        names = ("amount", "place", "beneficiary", "beneficiary_account", "reason", "form_token")
        return {
            "purpose": self.purpose,
            "purpose_id": self.subject_id,
            "pool": self.subject_pool,
            "payment": self.payment,
            "by": self.person,
            **{name: form.cleaned_data[name] for name in names},
        }

    def _preview(self, form: AskForm) -> HttpResponse:
        asked = payouts.draft(**self._values(form))
        payouts.check_request(asked)
        entry = payouts.handler_of(self.purpose).preview(asked, timezone.localdate())
        return self.render_to_response(
            self.get_context_data(
                form=form,
                confirming=asked,
                entry_rows=rows_of(entry) if entry else [],
                standing=payouts.standing(asked, entry) if entry else None,
            )
        )

    def _ask(self, form: AskForm) -> HttpResponse:
        payout = payouts.request_payout(**self._values(form))
        messages.success(self.request, gettext("The request waits for two others to approve it."))
        return redirect("payments_payouts:inspect", payout.pk)


class RefundView(AskView):
    """Asks for a refund of one payment."""

    purpose = payout_purposes.REFUND
    page_title = _("Ask for a refund")
    viewset_name = "payments_payments"
    list_label = _("Payments")

    @cached_property
    def row(self) -> Payment:
        return get_object_or_404(Payment.objects.select_related("pool"), pk=self.kwargs["pk"])

    @property
    def payment(self) -> Payment:
        return self.row

    @property
    def subject_id(self) -> int:
        return self.row.pk

    @property
    def subject_pool(self) -> Pool:
        return self.row.pool

    @cached_property
    def most(self) -> Money:
        asked = payouts.open_requests(self.purpose, self.row.pk)
        return Money(max(0, self.row.refundable.amount - asked), self.row.currency)

    @property
    def places(self) -> list[str]:
        ways = [Payout.Place.CLEARING] if self.row.stripe_charge else []
        if self.row.settled_currency == self.row.currency:
            ways.append(Payout.Place.BANK)
        return [str(way) for way in ways] or [Payout.Place.BANK]

    @property
    def beneficiary(self) -> str:
        return self.row.payer_name

    @property
    def beneficiary_account(self) -> str:
        match = self.row.matches.filter(undone_at=None).select_related("line").first()
        return match.line.counterparty_account if match else ""

    @property
    def back_url(self) -> str:
        return reverse("payments_payments:inspect", args=[self.row.pk])


class GiveBackView(AskView):
    """Asks to give back what a bank line brought too much."""

    purpose = payout_purposes.OVERPAYMENT
    page_title = _("Give back what was too much")
    viewset_name = "payments_payouts"
    list_label = _("Payouts")

    @cached_property
    def row(self) -> Match:
        match = get_object_or_404(
            Match.objects.select_related("line__statement__account", "entry", "payment"),
            pk=self.kwargs["pk"],
            kind=Match.Kind.OWED_BACK,
            undone_at=None,
        )
        if match.entry is None:
            raise Http404
        return match

    @property
    def subject_id(self) -> int:
        return self.row.pk

    @cached_property
    def subject_pool(self) -> Pool:
        return payout_purposes.pool_of_overpayment(self.row)

    @cached_property
    def most(self) -> Money:
        return payout_purposes.still_owed(self.row)

    @property
    def beneficiary(self) -> str:
        return self.row.line.counterparty

    @property
    def beneficiary_account(self) -> str:
        return self.row.line.counterparty_account
