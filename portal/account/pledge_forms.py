"""What a donor fills in about a pledge that stands: how an instalment is paid, and the signed paper."""

from typing import Any

from django import forms
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.refusals import Refusal
from funding.payments import issuer
from funding.payments.invoices import BillTo
from funding.payments.models import ManualChannel
from funding.pools.forms import CARD, CHANNEL, TRANSFER, AmountField, plain_amount

OWN, OTHER = "own", "other"


class InstalmentForm(forms.Form):
    """How much of an instalment is paid, how, and by whom."""

    amount = AmountField(
        label=_("Amount"), error_messages={"required": _("Enter the amount to pay.")}
    )
    how_to_pay = forms.ChoiceField(
        label=_("How to pay"),
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose how to pay."),
            "invalid_choice": _("This way is not offered. Choose one of those below."),
        },
    )
    payer = forms.ChoiceField(
        label=_("Who pays"),
        choices=[(OWN, _("I do")), (OTHER, _("Somebody else"))],
        initial=OWN,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose who pays.")},
    )
    payer_name = forms.CharField(label=_("Name of the payer"), required=False, max_length=200)
    payer_email = forms.EmailField(
        label=_("E-mail address of the payer"),
        required=False,
        help_text=_("We send the payment request there. It says nothing else about your pledge."),
        error_messages={"invalid": _("Enter an e-mail address like name@example.org.")},
    )
    purchase_order = forms.CharField(
        label=_("Purchase order"), required=False, max_length=100, help_text=_("If they need one.")
    )

    def __init__(self, *args: Any, outstanding: Money, **kwargs: Any) -> None:
        kwargs["initial"] = {"amount": plain_amount(outstanding), "how_to_pay": CARD} | (
            kwargs.get("initial") or {}
        )
        super().__init__(*args, **kwargs)
        currency = outstanding.currency
        amount, how_to_pay = self.fields["amount"], self.fields["how_to_pay"]
        assert isinstance(amount, AmountField)
        assert isinstance(how_to_pay, forms.ChoiceField)
        amount.currency = currency
        amount.help_text = _("%(outstanding)s is to come. Less is a part of it.") % {
            "outstanding": outstanding.format()
        }
        self.channels = {
            f"{CHANNEL}{channel.pk}": channel
            for channel in ManualChannel.objects.filter(is_open=True, currency=currency)
        }
        ways: list[tuple[str, Any]] = [(CARD, _("By card"))]
        if issuer.open_account(currency) is not None:
            ways.append((TRANSFER, _("By bank transfer")))
        how_to_pay.choices = ways + [(value, row.name) for value, row in self.channels.items()]

    @property
    def channel(self) -> ManualChannel | None:
        return self.channels.get(self.cleaned_data["how_to_pay"])

    @property
    def by_card(self) -> bool:
        return bool(self.cleaned_data["how_to_pay"] == CARD)

    @property
    def bill_to(self) -> BillTo | None:
        """Whom to ask; None for the donor."""
        if self.cleaned_data["payer"] == OWN:
            return None
        return BillTo(name=self.cleaned_data["payer_name"], email=self.cleaned_data["payer_email"])

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("payer") != OTHER:
            self.errors.pop("payer_email", None)
            return cleaned
        if not cleaned.get("payer_name"):
            self.add_error("payer_name", _("Enter the name of the payer."))
        if not cleaned.get("payer_email") and "payer_email" not in self.errors:
            self.add_error("payer_email", _("Enter the address to send the request to."))
        if cleaned.get("how_to_pay") == CARD:
            self.add_error(
                "how_to_pay", _("Somebody else is asked for a bank transfer. Choose another way.")
            )
        return cleaned

    def refuse(self, refusal: Refusal) -> None:
        field = getattr(refusal, "field", None)
        self.add_error(field if field in self.fields else None, str(refusal))


class AgreementForm(forms.Form):
    file = forms.FileField(
        label=_("Signed agreement"),
        help_text=_("PDF, JPEG or PNG, 5 MB at most."),
        error_messages={
            "required": _("Choose a file."),
            "empty": _("The file is empty. Choose another one."),
        },
    )
    signed_on = forms.DateField(
        label=_("Signed on"),
        input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"],
        error_messages={
            "required": _("Enter the day that stands on the paper."),
            "invalid": _("Enter the date like 2027-03-31."),
        },
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["signed_on"].widget.attrs["max"] = timezone.localdate().isoformat()

    def refuse(self, refusal: Refusal) -> None:
        field = getattr(refusal, "field", None)
        self.add_error(field if field in self.fields else None, str(refusal))
