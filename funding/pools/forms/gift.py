"""The form of a gift, given once or again and again."""

from decimal import Decimal
from typing import Any

from django import forms
from django.utils.formats import number_format
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.refusals import Refusal
from funding.payments import issuer, sessions
from funding.payments.expected import ChannelClosed, NoAccount
from funding.payments.models import ManualChannel
from funding.payments.stripe_units import (
    AmountNotByCard,
    AmountTooLargeForCard,
    CurrencyNotByCard,
)
from funding.pools.forms.amounts import AmountField
from funding.pools.forms.giver import OWN, GiverForm
from funding.pools.models import RecurringGift
from funding.pools.policy import fee_cover
from funding.pools.refusals import NotAgainByChannel

ONCE = "once"
CARD, TRANSFER, CHANNEL = "card", "transfer", "channel-"


class GiftForm(GiverForm):
    """One page, one gift: an amount offered or one's own, how often and how, and who gives."""

    amount = forms.ChoiceField(
        label=_("Amount"),
        required=False,
        widget=forms.RadioSelect,
    )
    own_amount = AmountField(label=_("Another amount"), required=False)
    # Not answered, either is its first choice.
    how_often = forms.ChoiceField(
        label=_("How often"),
        required=False,
        choices=[
            (ONCE, _("Once")),
            (RecurringGift.Interval.MONTH, _("Every month")),
            (RecurringGift.Interval.QUARTER, _("Every three months")),
            (RecurringGift.Interval.YEAR, _("Every year")),
        ],
        initial=ONCE,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("Choose how often you want to give.")},
    )
    how_to_pay = forms.ChoiceField(
        label=_("How to pay"),
        required=False,
        initial=CARD,
        widget=forms.RadioSelect,
        error_messages={"invalid_choice": _("This way is not offered. Choose one of those below.")},
    )

    cover_fee = forms.BooleanField(label=_("Add the card’s fee"), required=False)

    field_order = [
        "amount",
        "own_amount",
        "how_often",
        "how_to_pay",
        "cover_fee",
        "name",
        "email",
        "naming",
        "public_name",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        offered = self.profile.suggestions
        currency = self.profile.currency
        own = self.fields["own_amount"]
        assert isinstance(own, AmountField)
        own.currency = currency
        own.help_text = _("In %(currency)s, from %(minimum)s.") % {
            "currency": currency,
            "minimum": self.profile.minimum.format(),
        }
        if offered:
            amount = self.fields["amount"]
            assert isinstance(amount, forms.ChoiceField)
            amount.choices = [(str(money.amount), money.format()) for money in offered] + [
                (OWN, _("Another amount"))
            ]
        else:
            del self.fields["amount"]
            own.label = _("Amount")
        self.channels = {
            f"{CHANNEL}{channel.pk}": channel
            for channel in ManualChannel.objects.filter(is_open=True, currency=currency)
        }
        self._offer_ways(currency)
        self._offer_cover(currency)

    def _offer_cover(self, currency: str) -> None:
        """Say what the fee is and what it makes of the amounts; no box where no fee is known."""
        rate, fixed = self.policy.card_fee_rate, Money(self.policy.card_fee_fixed, currency)
        if not rate and not fixed.amount:
            del self.fields["cover_fee"]
            return
        becomes = [
            _("%(amount)s becomes %(whole)s")
            % {"amount": amount.format(), "whole": (amount + self._cover_of(amount)).format()}
            for amount in self.profile.suggestions or [self.profile.minimum]
        ]
        self.fields["cover_fee"].help_text = _(
            "The fee is %(rate)s %% and %(fixed)s, and the pool then gets the whole gift: "
            "%(becomes)s. You see the sum before you pay."
        ) % {
            "rate": number_format(Decimal(rate) / 100),
            "fixed": fixed.format(),
            "becomes": ", ".join(becomes),
        }

    def _offer_ways(self, currency: str) -> None:
        by_debit = len(sessions.methods(currency)) > 1
        ways: list[tuple[str, Any]] = [
            (CARD, _("By card or bank debit") if by_debit else _("By card"))
        ]
        if issuer.open_account(currency) is not None:
            ways.append((TRANSFER, _("By bank transfer, or a standing order at your bank")))
        ways += [(value, channel.name) for value, channel in self.channels.items()]
        how_to_pay = self.fields["how_to_pay"]
        assert isinstance(how_to_pay, forms.ChoiceField)
        how_to_pay.choices = ways
        if len(ways) == 1:
            how_to_pay.widget = forms.HiddenInput()

    @property
    def interval(self) -> str:
        """How often, as a recurring gift names it; "" for once."""
        answer: str = self.cleaned_data["how_often"]
        return "" if answer in ("", ONCE) else answer

    @property
    def way(self) -> str:
        """card, transfer or channel."""
        answer: str = self.cleaned_data["how_to_pay"]
        return CHANNEL if answer in self.channels else answer or CARD

    @property
    def covers_fee(self) -> bool:
        """Whether the card's fee is added; other ways cost none, so there is nothing to add."""
        return self.way == CARD and bool(self.cleaned_data.get("cover_fee"))

    @property
    def channel(self) -> ManualChannel | None:
        return self.channels.get(self.cleaned_data["how_to_pay"])

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        self._clean_way(cleaned)
        chosen, own = cleaned.get("amount", ""), cleaned.get("own_amount")
        if "own_amount" in self.errors or "amount" in self.errors:
            return cleaned
        if chosen and chosen != OWN:
            offered = Money(int(chosen), self.profile.currency)
            if own is not None and own != offered:
                self.add_error(
                    "own_amount",
                    _("You chose %(chosen)s and also wrote %(own)s. Keep one of the two.")
                    % {"chosen": offered.format(), "own": own.format()},
                )
            cleaned["money"] = offered
        elif own is not None:
            cleaned["money"] = own
        elif chosen == OWN or "amount" not in self.fields:
            self.add_error("own_amount", _("Enter the amount you want to give."))
        else:
            self.add_error("amount", _("Choose an amount, or write your own."))
        if "money" in cleaned and "cover_fee" in self.fields:
            self._name_the_cover(cleaned["money"])
        return cleaned

    def _cover_of(self, amount: Money) -> Money:
        return fee_cover(amount, known=self.policy)

    def _name_the_cover(self, gift: Money) -> None:
        """From the first answer on, the box says the very sum that it adds."""
        # Cleaning has made the bound field by now, with the label that stood before.
        self["cover_fee"].label = _("Add %(cover)s, so that the pool gets %(amount)s") % {
            "cover": self._cover_of(gift).format(),
            "amount": gift.format(),
        }

    def _clean_way(self, cleaned: dict[str, Any]) -> None:
        channel = self.channels.get(cleaned.get("how_to_pay", ""))
        if channel is not None and cleaned.get("how_often") not in (None, "", ONCE):
            refusal = NotAgainByChannel(channel=channel.name)
            self.add_error("how_to_pay", str(refusal))

    def refuse(self, refusal: Refusal) -> None:
        if isinstance(refusal, NoAccount | ChannelClosed | CurrencyNotByCard):
            self.add_error(None if self["how_to_pay"].is_hidden else "how_to_pay", str(refusal))
            return
        about_amount = isinstance(refusal, AmountNotByCard | AmountTooLargeForCard)
        if about_amount or getattr(refusal, "field", None) == "amount":
            typed = self.cleaned_data.get("amount", OWN) in ("", OWN)
            self.add_error("own_amount" if typed else "amount", str(refusal))
        else:
            super().refuse(refusal)
