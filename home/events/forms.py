"""The forms of events: registering, typing a code, and what staff write."""

import datetime
from typing import Any

from django import forms
from django.conf import settings
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core import countries
from core.money import MAX_TYPED, Money, currency_name
from core.refusals import Refusal
from home.events import zones
from home.events.recurrence import EARLIEST_DAY, LATEST_DAY
from home.events.registering import Comer, TravelWish
from home.events.scheduling import FIELDS
from home.guards import GuardedForm
from home.models.events import Event

# In which an estimate can be given: those the foundation's people travel with.
CURRENCIES = ("USD", "EUR", "GBP", "ZAR", "XOF", "XAF", "KES", "MWK", "MZN", "TZS", "ZMW")


class RegistrationForm(GuardedForm):
    """Who comes, and whether they need support to travel."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Enter your name.")},
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_("We send a link and a code to it. You have a seat once you used one of them."),
        widget=forms.EmailInput(attrs={"autocomplete": "email", "inputmode": "email"}),
        error_messages={
            "required": _("Enter an e-mail address, so that we can write to you."),
            "invalid": _("Enter an e-mail address like name@example.org."),
        },
    )
    organisation = forms.CharField(
        label=_("Organisation"),
        max_length=160,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    country = forms.ChoiceField(
        label=_("Country"),
        widget=forms.Select(attrs={"autocomplete": "country"}),
        error_messages={"required": _("Choose a country.")},
    )
    language = forms.ChoiceField(label=_("Language of our messages"))
    zone = forms.ChoiceField(label=_("Time zone of our messages"))

    wants_support = forms.BooleanField(
        label=_("I ask for travel support"),
        required=False,
        help_text=_("Staff read it and answer by e-mail. A seat does not depend on it."),
    )
    travels_from = forms.CharField(label=_("From where you travel"), max_length=120, required=False)
    needs = forms.CharField(
        label=_("What you need"),
        max_length=1000,
        required=False,
        help_text=_("Such as a flight, a visa, three nights."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    why = forms.CharField(
        label=_("Why"),
        max_length=1000,
        required=False,
        help_text=_("What you bring to the event, and who else was asked to pay."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    estimate = forms.CharField(
        label=_("What it will cost, as far as you know"),
        max_length=MAX_TYPED,
        required=False,
        widget=forms.TextInput(attrs={"inputmode": "decimal", "autocomplete": "off"}),
    )
    currency = forms.ChoiceField(label=_("Currency of this sum"), required=False)

    SUPPORT = ("wants_support", "travels_from", "needs", "why", "estimate", "currency")

    def __init__(self, *args: Any, event: Event, reader_zone: str, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        here = get_language() or settings.LANGUAGE_CODE
        self._choose("country", [("", _("Choose a country")), *countries.choices()], "")
        self._choose("language", list(settings.LANGUAGES), here)
        near = zones.near(event.zone, reader_zone)
        self._choose("zone", near, reader_zone or event.zone)
        named = [(code, f"{code}, {currency_name(code)}") for code in CURRENCIES]
        self._choose("currency", named, "USD")
        if not event.offers_travel_support:
            for name in self.SUPPORT:
                del self.fields[name]

    def _choose(self, name: str, choices: list[Any], initial: str) -> None:
        field = self.fields[name]
        assert isinstance(field, forms.ChoiceField)
        field.choices = choices
        field.initial = initial

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if not cleaned.get("wants_support"):
            return cleaned
        for name, words in (
            ("travels_from", _("Write from where you travel.")),
            ("needs", _("Write what you need.")),
            ("why", _("Write why you ask.")),
        ):
            if not cleaned.get(name) and name not in self.errors:
                self.add_error(name, words)
        if cleaned.get("estimate"):
            self._read_estimate(cleaned)
        return cleaned

    def _read_estimate(self, cleaned: dict[str, Any]) -> None:
        try:
            money = Money.parse(cleaned["estimate"], cleaned.get("currency") or "USD")
        except Refusal as refusal:
            self.add_error("estimate", str(refusal))
            return
        if money.amount == 0:
            self.add_error("estimate", _("Write more than nothing, or leave it empty."))
        cleaned["money"] = money

    @property
    def comer(self) -> Comer:
        values = self.cleaned_data
        wish = None
        if values.get("wants_support"):
            wish = TravelWish(
                values["travels_from"], values["needs"], values["why"], values.get("money")
            )
        return Comer(
            name=values["name"],
            email=values["email"],
            organisation=values["organisation"],
            country=values["country"],
            language=values["language"],
            zone=values["zone"],
            wish=wish,
        )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("The code in the message"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
        error_messages={"required": _("Type the code from the message.")},
    )


# --- Staff ----------------------------------------------------------------------------------------


class EventForm(forms.ModelForm):
    """An event as staff write it."""

    zone = forms.ChoiceField(
        label=_("Time zone"), help_text=Event._meta.get_field("zone").help_text
    )

    join_link = forms.URLField(
        label=_("Online link"), required=False, max_length=500, assume_scheme="https"
    )

    class Meta:
        model = Event
        fields = FIELDS
        widgets = {
            **{
                name: forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
                for name in ("starts_on", "ends_on", "until")
            },
            **{
                name: forms.TimeInput(format="%H:%M", attrs={"type": "time"})
                for name in ("starts_at", "ends_at")
            },
        }

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        zone = self.fields["zone"]
        assert isinstance(zone, forms.ChoiceField)
        here = get_language() or settings.LANGUAGE_CODE
        zone.choices = [
            (_("Often used"), zones.near(self.instance.zone)),
            (_("All, by country"), zones.choices(here)),
        ]
        zone.initial = zones.UTC

    def values(self) -> dict[str, Any]:
        return {name: self.cleaned_data[name] for name in FIELDS}


class MoveForm(forms.Form):
    day = forms.DateField(
        label=_("New day"), widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"})
    )
    time = forms.TimeField(
        label=_("New time"),
        widget=forms.TimeInput(format="%H:%M", attrs={"type": "time"}),
        help_text=_("On the clock of the event’s time zone. It lasts as long as planned."),
    )
    reason = forms.CharField(
        label=_("Reason"), max_length=300, help_text=_("Readers and all who registered see it.")
    )

    def clean_day(self) -> datetime.date:
        day: datetime.date = self.cleaned_data["day"]
        if not EARLIEST_DAY <= day <= LATEST_DAY:
            raise forms.ValidationError(_("Write a day between the years 2000 and 2100."))
        return day


class CancelForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"), max_length=300, help_text=_("Readers and all who registered see it.")
    )


class DecideForm(forms.Form):
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 3}),
        help_text=_("It stands in the answer to who asked."),
    )
