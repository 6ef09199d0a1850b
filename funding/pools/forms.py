"""Forms of giving and pledging. They read what was typed; the rules are in the transitions."""

import datetime
import re
import uuid
from dataclasses import dataclass
from typing import Any

from babel.numbers import get_currency_symbol
from django import forms
from django.core.exceptions import ValidationError
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core.models import User
from core.money import Money, format_minor
from core.refusals import Refusal
from funding.payments import issuer, sessions
from funding.payments.expected import ChannelClosed, NoAccount
from funding.payments.models import ManualChannel
from funding.payments.stripe_units import (
    AmountNotByCard,
    AmountTooLargeForCard,
    CurrencyNotByCard,
)
from funding.pools.donors import Giver
from funding.pools.models import Donor, Pledge, PoolProfile, RecurringGift
from funding.pools.refusals import GivingRefusal, NotAgainByChannel
from funding.pools.schedules import MOST_INSTALMENTS, Part, even_parts, months_later, rhythmic_days

OWN = "own"
NAMED, ANONYMOUS = "named", "anonymous"
EVEN = "even"
ONCE = "once"
CARD, TRANSFER, CHANNEL = "card", "transfer", "channel-"


def plain_amount(money: Money) -> str:
    """An amount as a person would type it into a box: ``50``, ``12.50``."""
    text = str(money.decimal)
    return text.rstrip("0").rstrip(".") if "." in text and text.endswith("00") else text


def without_currency(text: str, currency: str) -> str:
    """``text`` without its currency's own code or sign, which beside a number is no mistake."""
    sign = get_currency_symbol(currency, locale="en")
    return re.sub(rf"\b{currency}\b", "", text, flags=re.IGNORECASE).replace(sign, "")


class AmountField(forms.CharField):
    """A text in which a person types an amount of one currency; cleans to Money."""

    def __init__(self, **kwargs: Any) -> None:
        self.currency = ""
        kwargs.setdefault(
            "widget", forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"})
        )
        super().__init__(max_length=30, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        if not text:
            return None
        try:
            return Money.parse(without_currency(text, self.currency), self.currency)
        except Refusal as refusal:
            raise ValidationError(str(refusal)) from refusal


class GiverForm(forms.Form):
    """Who gives and how they want to be named; shared by gifts and pledges."""

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        help_text=_("For the receipt. The public sees it only if you choose so below."),
        error_messages={"required": _("Enter your name, so that the receipt can carry it.")},
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        help_text=_("We send the receipt to it."),
        error_messages={
            "required": _("Enter an e-mail address, so that we can send the receipt."),
            "invalid": _("Enter an e-mail address like name@example.org."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
    )
    naming = forms.ChoiceField(
        label=_("How the pool’s page names you"),
        choices=[
            (ANONYMOUS, _("As an anonymous donor")),
            (NAMED, _("By the name below")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether the pool’s page may name you.")},
    )
    public_name = forms.CharField(
        label=_("Name to show"),
        max_length=120,
        required=False,
        help_text=_("A person’s or an organisation’s name. Left empty, it is your name above."),
    )

    def __init__(
        self, *args: Any, profile: PoolProfile, user: User | None = None, **kwargs: Any
    ) -> None:
        self.profile = profile
        self.user = user
        donor = Donor.objects.filter(user=user).first() if user is not None else None
        kwargs["initial"] = self._known(donor) | (kwargs.get("initial") or {})
        super().__init__(*args, **kwargs)
        if user is not None:
            # The account's own address: shown, not asked for, and never taken from the form.
            self.fields["email"].disabled = True
            self.fields["email"].help_text = _("The address of your account.")

    def _known(self, donor: Donor | None) -> dict[str, Any]:
        """What the form offers before anything is typed."""
        known: dict[str, Any] = {"form_token": uuid.uuid4(), "naming": ANONYMOUS}
        if self.user is not None:
            known |= {"email": self.user.email, "name": self.user.get_full_name()}
        if donor is not None:
            known |= {
                "name": donor.name,
                "public_name": donor.public_name,
                "naming": ANONYMOUS if donor.anonymous else NAMED,
            }
        return known

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        shown = cleaned.get("public_name") or cleaned.get("name", "")
        cleaned["shown_name"] = shown if cleaned.get("naming") == NAMED else ""
        return cleaned

    @property
    def giver(self) -> Giver:
        return Giver(
            name=self.cleaned_data["name"],
            email=self.cleaned_data["email"],
            public_name=self.cleaned_data["shown_name"],
            user=self.user,
        )

    def refuse(self, refusal: Refusal) -> None:
        """Show a rule's refusal at the field that mends it, or above the form."""
        field = refusal.field if isinstance(refusal, GivingRefusal) else None
        self.add_error(field if field in self.fields else None, str(refusal))


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

    field_order = [
        "amount",
        "own_amount",
        "how_often",
        "how_to_pay",
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
        return cleaned

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


DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})|(\d{1,2})[./](\d{1,2})[./](\d{4})")


@dataclass(frozen=True, slots=True)
class OwnPart:
    """One line of a donor's own schedule; ``amount`` is None where only a day was written."""

    due_on: datetime.date
    amount: Money | None


class ScheduleField(forms.CharField):
    """Instalments typed one a line: a day and, if wanted, an amount. Cleans to OwnPart rows."""

    widget = forms.Textarea(attrs={"rows": 5, "autocomplete": "off", "spellcheck": "false"})

    def __init__(self, **kwargs: Any) -> None:
        self.currency = ""
        super().__init__(max_length=3000, **kwargs)

    def clean(self, value: Any) -> Any:
        text = super().clean(value)
        lines = [line.strip() for line in (text or "").splitlines() if line.strip()]
        parts = [self._part(number, line) for number, line in enumerate(lines, start=1)]
        if len({part.amount is None for part in parts}) > 1:
            raise ValidationError(
                _("Write an amount on every line, or on none to share the pledge evenly.")
            )
        return parts

    def _part(self, number: int, line: str) -> OwnPart:
        match = DAY.match(line)
        try:
            if match is None:
                raise ValueError(line)
            groups = match.groups()
            year, month, day = groups[:3] if groups[0] else (groups[5], groups[4], groups[3])
            due_on = datetime.date(int(year), int(month), int(day))
        except ValueError:
            raise ValidationError(
                _("Line %(number)s, “%(line)s”, does not begin with a date like 2027-03-31."),
                params={"number": number, "line": line[:40]},
            ) from None
        rest = without_currency(line[match.end() :], self.currency).strip(" \t:;,–-")
        if not rest:
            return OwnPart(due_on, None)
        try:
            return OwnPart(due_on, Money.parse(rest, self.currency))
        except Refusal as refusal:
            raise ValidationError(
                _("Line %(number)s: %(problem)s"),
                params={"number": number, "problem": str(refusal)},
            ) from refusal


class PledgeForm(GiverForm):
    """A promise: how much, when, and how firm."""

    amount = AmountField(
        label=_("Amount of the whole pledge"),
        error_messages={"required": _("Enter the amount you want to pledge.")},
    )
    schedule = forms.ChoiceField(
        label=_("When you will pay"),
        choices=[
            (EVEN, _("In equal instalments, at a regular rhythm")),
            (OWN, _("On dates of my own")),
        ],
        initial=EVEN,
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose when you will pay.")},
    )
    count = forms.IntegerField(
        label=_("Number of instalments"),
        required=False,
        initial=1,
        min_value=1,
        max_value=MOST_INSTALMENTS,
        help_text=_("From 1 to %(most)s.") % {"most": MOST_INSTALMENTS},
        error_messages={
            "invalid": _("Enter the number of instalments in digits, such as 4."),
            "min_value": _("A pledge has one instalment at least. Enter 1 or more."),
            "max_value": _("A pledge has %(limit_value)s instalments at most. Enter fewer."),
        },
        widget=forms.NumberInput(attrs={"inputmode": "numeric", "min": 1, "max": MOST_INSTALMENTS}),
    )
    rhythm = forms.ChoiceField(
        label=_("Rhythm"),
        required=False,
        choices=[
            ("monthly", _("Every month")),
            ("quarterly", _("Every three months")),
            ("yearly", _("Every year")),
        ],
        initial="monthly",
    )
    first_on = forms.DateField(
        label=_("Date of the first instalment"),
        required=False,
        input_formats=["%Y-%m-%d", "%d/%m/%Y", "%d.%m.%Y"],
        error_messages={"invalid": _("Enter the date like 2027-03-31.")},
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )
    own_dates = ScheduleField(
        label=_("Your dates"),
        required=False,
        help_text=_(
            "One instalment a line: the date like 2027-03-31 and, if they differ, the amount. "
            "Dates alone share the pledge evenly."
        ),
    )
    binding = forms.ChoiceField(
        label=_("How firm the pledge is"),
        choices=[
            (
                "intent",
                _(
                    "An intent: you mean to give, and you can withdraw it at any time. "
                    "The pool shows it as pledged and plans with care."
                ),
            ),
            (
                "binding",
                _(
                    "A binding pledge: you owe it to the pool, without conditions. "
                    "It is entered in the books, and the pool plans with it."
                ),
            ),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose how firm the pledge is.")},
    )

    field_order = [
        "amount",
        "schedule",
        "count",
        "rhythm",
        "first_on",
        "own_dates",
        "binding",
        "name",
        "email",
        "naming",
        "public_name",
    ]

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        amount, own_dates = self.fields["amount"], self.fields["own_dates"]
        assert isinstance(amount, AmountField)
        assert isinstance(own_dates, ScheduleField)
        amount.currency = own_dates.currency = self.profile.currency
        amount.help_text = _("In %(currency)s.") % {"currency": self.profile.currency}
        self.fields["name"].help_text = _("The public sees it only if you choose so below.")
        if self.user is None:
            self.fields["email"].help_text = ""
        today = timezone.localdate()
        self.fields["first_on"].initial = months_later(today.replace(day=1), 1)
        self.fields["first_on"].widget.attrs["min"] = today.isoformat()

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("schedule") == OWN:
            self._clean_own(cleaned)
        else:
            self._clean_even(cleaned)
        return cleaned

    def _clean_even(self, cleaned: dict[str, Any]) -> None:
        # What stands in the boxes of the schedule that was not chosen is no mistake.
        self.errors.pop("own_dates", None)
        if cleaned.get("count") is None and "count" not in self.errors:
            self.add_error("count", _("Enter the number of instalments, such as 4."))
        if cleaned.get("first_on") is None and "first_on" not in self.errors:
            self.add_error("first_on", _("Enter the date of the first instalment."))
        if not {"amount", "count", "first_on"} & set(self.errors):
            rhythm = cleaned.get("rhythm") or "monthly"
            self._share(cleaned, rhythmic_days(cleaned["first_on"], cleaned["count"], rhythm))

    def _clean_own(self, cleaned: dict[str, Any]) -> None:
        for unused in ("count", "first_on", "rhythm"):
            self.errors.pop(unused, None)
        rows: list[OwnPart] = cleaned.get("own_dates") or []
        if not rows and "own_dates" not in self.errors:
            self.add_error("own_dates", _("Enter a date for at least one instalment."))
        if {"amount", "own_dates"} & set(self.errors):
            return
        if rows[0].amount is None:
            self._share(cleaned, [row.due_on for row in rows])
        else:
            cleaned["parts"] = [Part(row.due_on, row.amount.amount) for row in rows if row.amount]

    def _share(self, cleaned: dict[str, Any], days: list[datetime.date]) -> None:
        if cleaned["amount"].amount < len(days):
            self.add_error(
                "amount",
                _("This is too little for %(count)s instalments. Enter more, or choose fewer.")
                % {"count": len(days)},
            )
        else:
            cleaned["parts"] = even_parts(cleaned["amount"], days)

    def refuse(self, refusal: Refusal) -> None:
        field = getattr(refusal, "field", None)
        if field in ("count", "first_on", "own_dates"):
            own = self.cleaned_data.get("schedule") == OWN
            even_field = "first_on" if field == "first_on" else "count"
            self.add_error("own_dates" if own else even_field, str(refusal))
        else:
            super().refuse(refusal)


def pledge_as_typed(pledge: Pledge) -> dict[str, Any]:
    """A draft as the form's initial values: its instalments written out line by line."""
    lines = [
        f"{part.due_on.isoformat()}  {format_minor(part.amount, pledge.currency, 'en')}"
        for part in pledge.instalments.all()
    ]
    return {
        "amount": plain_amount(pledge.money),
        "schedule": OWN,
        "own_dates": "\n".join(lines),
        "count": len(lines),
        "first_on": pledge.instalments.all()[0].due_on,
        "binding": "binding" if pledge.binding else "intent",
        "naming": ANONYMOUS if pledge.anonymous else NAMED,
        "public_name": pledge.public_name,
    }
