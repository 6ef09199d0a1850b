"""From what a clerk chose on the page of a bank line to the verb that does it."""

from collections.abc import Callable
from typing import Any

from django import forms
from django.shortcuts import get_object_or_404
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.money import Money
from core.refusals import Refusal
from funding.ledger.models import Entry, Pool
from funding.payments.banking import arrivals, confirming, returns
from funding.payments.models import (
    BankLine,
    ExpectedPayment,
    Match,
    Payment,
    Payout,
    ProcessorPayout,
)

ACTS = {
    "match": _("It pays what was expected"),
    "owe_back": _("It is owed back to the payer"),
    "park": _("It is parked until we know what it is"),
    "payout_arrived": _("It is a payout of the card processor"),
    "payments_arrived": _("It is money of a payment channel that was on its way"),
    "charge": _("It is the bank’s own charge"),
    "paid_out": _("It is a payout of ours"),
    "payout_returned": _("It is a payout of ours that came back"),
    "receipt_returned": _("The bank took a receipt back"),
    "parked_returned": _("It is parked money that was given back"),
}

Verb = Callable[[], Match | list[Match]]


class ActForm(forms.Form):
    """One act on a line: what it is, about which row, and how much of the line."""

    act_on = forms.ChoiceField(choices=list(ACTS.items()))
    targets = forms.CharField(required=False, max_length=2000)
    amount = forms.CharField(label=_("Amount"), required=False, max_length=40)
    note = forms.CharField(label=_("Note"), required=False, max_length=500)
    parked = forms.IntegerField(required=False)
    # What was left of the line on the page that was decided on, in minor units.
    left = forms.IntegerField(required=False)

    def __init__(self, *args: Any, currency: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.currency = currency

    def clean_amount(self) -> Money | None:
        """Empty is all that is left."""
        typed = self.cleaned_data["amount"].strip()
        if not typed:
            return None
        try:
            return Money.parse(typed, self.currency)
        except Refusal as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_targets(self) -> list[int]:
        typed = self.data.getlist("targets") if hasattr(self.data, "getlist") else []
        parts = [part.strip() for text in typed for part in text.split(",") if part.strip()]
        if not all(part.isdecimal() and len(part) < 18 for part in parts):
            raise forms.ValidationError(gettext("Choose what the line is."))
        return [int(part) for part in parts]


def verb_of(line: BankLine, form: ActForm, *, by: User) -> Verb:
    """The act of a valid form, ready to run in a transaction. Raises Http404 for a row that is not
    there."""
    chosen = form.cleaned_data
    act, amount, note = chosen["act_on"], chosen["amount"], chosen["note"]
    targets: list[int] = chosen["targets"]
    first = targets[0] if targets else 0
    parked = get_object_or_404(Match, pk=chosen["parked"], line=line) if chosen["parked"] else None
    match act:
        case "match":
            expected = get_object_or_404(ExpectedPayment, pk=first)
            return lambda: confirming.match_to_expected(
                line, expected, amount, by=by, parked=parked
            )
        case "owe_back":
            pool = get_object_or_404(Pool, pk=first)
            return lambda: confirming.owe_back(line, pool, amount, note=note, by=by, parked=parked)
        case "park":
            return lambda: confirming.park(line, amount, note=note, by=by)
        case "charge":
            return lambda: confirming.charge(line, amount, note=note, by=by)
        case "payout_arrived":
            arriving = get_object_or_404(ProcessorPayout, pk=first)
            return lambda: arrivals.payout_arrived(line, arriving, amount, by=by)
        case "payments_arrived":
            payments = list(Payment.objects.filter(pk__in=targets))
            return lambda: arrivals.payments_arrived(line, payments, amount, by=by)
        case "paid_out":
            payout = get_object_or_404(Payout, pk=first)
            # Without an amount, the part of the line that the payout is.
            return lambda: confirming.paid_out(line, payout, amount or payout.money, by=by)
        case "payout_returned":
            returned = get_object_or_404(Payout, pk=first)
            return lambda: returns.payout_returned(line, returned, amount, by=by)
        case "receipt_returned":
            payment = get_object_or_404(Payment, pk=first)
            return lambda: returns.receipt_returned(line, payment, amount, by=by)
        case _:
            waiting = get_object_or_404(
                Match.objects.select_related("line__statement__account"), pk=first
            )
            return lambda: returns.parked_returned(line, waiting, amount, by=by)


def shown(entries: list[Entry]) -> list[dict[str, Any]]:
    """Entries of a preview with the rows that the template of an entry shows."""
    return [
        {
            "kind": entry.kind,
            "date": entry.effective_date,
            "rows": [
                {
                    "pool": row.pool.code,
                    "account": row.account.code,
                    "debit": max(row.amount, 0) or None,
                    "credit": max(-row.amount, 0) or None,
                    "currency": row.currency,
                }
                for row in entry.rows  # type: ignore[attr-defined]
            ],
        }
        for entry in entries
    ]
