"""The page of one expected payment: what came for it, and confirming what came by a channel."""

from typing import Any

from django import forms
from django.contrib import messages
from django.http import Http404, HttpResponse
from django.shortcuts import get_object_or_404
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.widgets import AdminDateInput

from core.money import Money
from core.refusals import Refusal
from core.transactions import use_case
from funding.payments import expected as expecting
from funding.payments.backoffice.bank_acts import shown
from funding.payments.backoffice.base import RowPage, facts
from funding.payments.banking import channels, confirming, receiving
from funding.payments.models import Channel, ExpectedPayment, Payment
from funding.payments.permissions import CONFIRM_PAYMENT


class EvidenceForm(forms.Form):
    """What came, by which evidence, on which day."""

    amount = forms.CharField(
        label=_("Amount"), max_length=40, error_messages={"required": _("Enter the amount.")}
    )
    evidence = forms.CharField(
        label=_("Evidence"),
        max_length=500,
        error_messages={"required": _("Enter what shows that the money came.")},
    )
    paid_on = forms.DateField(
        label=_("Paid on"),
        widget=AdminDateInput,
        error_messages={"required": _("Enter the day."), "invalid": _("Enter a day.")},
    )

    def __init__(self, *args: Any, row: ExpectedPayment, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = row.currency
        self.fields["amount"].help_text = gettext("In %(currency)s.") % {"currency": row.currency}
        if row.channel is not None:
            self.fields["evidence"].help_text = row.channel.evidence_hint

    def clean_amount(self) -> Money:
        try:
            return Money.parse(self.cleaned_data["amount"], self.currency)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class ReasonForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        error_messages={"required": _("Write the reason.")},
    )


class ExpectedPage(RowPage):
    model = ExpectedPayment
    rights = ("payments.view_expectedpayment",)
    template_name = "payments/backoffice/bank_expected.html"
    header_icon = "time"

    def get_rows(self) -> Any:
        return ExpectedPayment.objects.select_related(
            "invoice__credit_note", "channel", "pool", "user"
        )

    def get_page_title(self) -> str:
        row = self.row
        return str(row.number or (row.invoice.number if row.invoice else row.reference))

    def acts(self) -> dict[str, Any]:
        return {
            "check": (CONFIRM_PAYMENT, self._check),
            "confirm": (CONFIRM_PAYMENT, self._confirm),
            "undo": (CONFIRM_PAYMENT, self._undo),
            "withdraw": (CONFIRM_PAYMENT, self._withdraw),
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row = self.row
        outstanding = receiving.outstanding(row)
        may_act = self.person.has_perm(CONFIRM_PAYMENT)
        payments = Payment.objects.filter(expected=row).select_related("entry").order_by("pk")
        context: dict[str, Any] = {
            "facts": self._facts(outstanding),
            "payments": payments,
            "may_act": may_act,
            "can_confirm": may_act and row.channel is not None and outstanding.amount > 0,
            "can_withdraw": may_act and row.invoice is None and row.withdrawn_at is None,
            "manual": Channel.MANUAL,
            "evidence_form": EvidenceForm(
                row=row,
                initial={
                    "amount": str(outstanding.decimal),
                    "paid_on": timezone.localdate(),
                },
            ),
            "reason_form": ReasonForm(),
        }
        return super().get_context_data(**{**context, **kwargs})

    def _facts(self, outstanding: Money) -> list[tuple[str, Any]]:
        row = self.row
        return [
            (gettext("Reference"), " ".join(row.reference[at : at + 4] for at in range(0, 25, 4))),
            (gettext("Amount"), row.money.format()),
            (gettext("Outstanding"), outstanding.format()),
            (gettext("For"), row.description),
            (gettext("Way"), row.channel or gettext("bank transfer")),
            *facts(
                row,
                "pool",
                "repeats",
                "payer_name",
                "payer_email",
                "purchase_order",
                "due_on",
                "created_at",
                "withdrawn_at",
            ),
        ]

    def _check(self) -> HttpResponse:
        form = EvidenceForm(self.request.POST, row=self.row)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(evidence_form=form))
        entries = confirming.preview(lambda: self._book(form))
        return self.render_to_response(
            self.get_context_data(
                evidence_form=form,
                confirming={
                    "amount": form.cleaned_data["amount"].format(),
                    "evidence": form.cleaned_data["evidence"],
                    "entries": shown(entries),
                },
            )
        )

    def _confirm(self) -> HttpResponse:
        form = EvidenceForm(self.request.POST, row=self.row)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(evidence_form=form))
        with use_case():
            self._book(form)
        return self.done(gettext("Confirmed. The payer gets the receipt by e-mail."))

    def _book(self, form: EvidenceForm) -> Payment:
        return channels.confirm_payment(
            self.row,
            form.cleaned_data["amount"],
            evidence=form.cleaned_data["evidence"],
            paid_on=form.cleaned_data["paid_on"],
            by=self.person,
        )

    def _undo(self) -> HttpResponse:
        number = self.request.POST.get("payment", "")
        if not number.isdecimal() or len(number) > 17:
            raise Http404
        payment = get_object_or_404(
            Payment, pk=int(number), expected=self.row, channel=Channel.MANUAL
        )
        form = ReasonForm(self.request.POST)
        if not form.is_valid():
            messages.error(self.request, gettext("Write the reason."))
            return self.stay()
        with use_case():
            channels.undo_confirmation(payment, by=self.person, reason=form.cleaned_data["reason"])
        return self.done(gettext("Undone. The receipt is void, and the payer is told."))

    def _withdraw(self) -> HttpResponse:
        if self.row.invoice_id is not None:
            raise Http404
        form = ReasonForm(self.request.POST)
        if not form.is_valid():
            messages.error(self.request, gettext("Write the reason."))
            return self.stay()
        with use_case():
            expecting.withdraw(self.row, by=self.person, reason=form.cleaned_data["reason"])
        return self.done(gettext("Withdrawn. It is not expected any more."))
