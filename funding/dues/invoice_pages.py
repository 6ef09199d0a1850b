"""Dues invoices in the back office: crediting one with its term, adding a purchase order."""

from typing import Any

from django import forms
from django.http import HttpResponse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from funding.dues import billing, crediting
from funding.payments.backoffice.papers import InvoicePage, InvoiceViewSet
from funding.payments.models import Invoice
from funding.payments.permissions import ISSUE_CREDIT_NOTE
from membership.models import Term


class CreditForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("It stands on the credit note. The payer reads it."),
        error_messages={"required": _("Write the reason.")},
    )
    then = forms.ChoiceField(
        label=_("The term"),
        choices=[
            ("keep", _("Keep the term; of a part that was paid, that is enough")),
            ("cancel", _("Cancel the term with it")),
        ],
        initial="keep",
        widget=forms.RadioSelect,
    )


class OrderForm(forms.Form):
    purchase_order = forms.CharField(
        label=_("Purchase order"),
        max_length=100,
        error_messages={"required": _("Write the number of the purchase order.")},
    )


class DuesInvoicePage(InvoicePage):
    """One dues invoice: the credit note moves the paper, the books and the term together."""

    template_name = "dues/invoice.html"

    def get_rows(self) -> Any:
        return Invoice.objects.filter(purpose__in=[billing.PURPOSE, billing.CHANGE])

    def may_void(self) -> bool:
        # That of a change of tier is credited where the change is ended.
        return self.row.purpose == billing.PURPOSE and super().may_void()

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        forms_shown = {"credit_form": CreditForm(), "order_form": OrderForm()}
        return super().get_context_data(
            can_bill_again=self._can_bill_again(),
            # Also that of a change of tier, which is credited elsewhere.
            may_order=super().may_void(),
            **{**forms_shown, **kwargs},
        )

    def _can_bill_again(self) -> bool:
        if self.row.voided_by is None or not self.may_void():
            return False
        term = Term.objects.get(pk=self.row.purpose_id)
        return not crediting.why_not_billable(term, self.row)

    def why_not_void(self) -> str:
        return ""

    def acts(self) -> dict[str, Any]:
        order = {"order": (ISSUE_CREDIT_NOTE, self._order)}
        if self.row.purpose != billing.PURPOSE:
            return order
        return {
            **order,
            "credit": (ISSUE_CREDIT_NOTE, self._credit),
            "again": (ISSUE_CREDIT_NOTE, self._again),
        }

    def _again(self) -> HttpResponse:
        new = crediting.bill_again(self.row, by=self.person)
        return self.done(gettext("Invoice %(number)s bills the term again.") % {"number": new})

    def _credit(self) -> HttpResponse:
        form = CreditForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(credit_form=form))
        note = crediting.credit_invoice(
            self.row,
            by=self.person,
            reason=form.cleaned_data["reason"],
            then=form.cleaned_data["then"],
        )
        return self.done(gettext("Credit note %(note)s made it void.") % {"note": note})

    def _order(self) -> HttpResponse:
        form = OrderForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(order_form=form))
        new = crediting.reissue_with_purchase_order(
            self.row, form.cleaned_data["purchase_order"], by=self.person
        )
        return self.done(
            gettext("Invoice %(number)s carries the purchase order.") % {"number": new}
        )


class DuesInvoiceViewSet(InvoiceViewSet):
    name = "dues_invoices"
    url_prefix = "members/invoices"
    menu_label = _("Dues invoices")
    page_view = DuesInvoicePage

    def rows(self) -> Any:
        return super().rows().filter(purpose__in=[billing.PURPOSE, billing.CHANGE])
