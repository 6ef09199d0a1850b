"""What people fill in around evangelists on the public side and in their account."""

import uuid
from typing import Any

from django import forms
from django.conf import settings
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from core.refusals import Refusal
from home.fields import SpokenLanguagesFormField, names_of
from home.guards import GuardedForm, opened_now, require_pace
from home.models import Activity, EvangelistPage, Level
from membership.models import AgreementVersion, Organisation

EMAIL_ERRORS = {
    "required": _("Write the e-mail address."),
    "invalid": _("Write the address like name@example.org."),
}


class LetterForm(GuardedForm):
    """A message to an evangelist."""

    name = forms.CharField(
        label=_("Your name"),
        max_length=120,
        widget=forms.TextInput(attrs={"autocomplete": "name"}),
        error_messages={"required": _("Write your name.")},
    )
    email = forms.EmailField(
        label=_("Your e-mail address"), max_length=254, error_messages=EMAIL_ERRORS
    )
    text = forms.CharField(
        label=_("Message"),
        min_length=10,
        max_length=3000,
        widget=forms.Textarea(attrs={"rows": 8}),
        error_messages={"required": _("Write your message.")},
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)

    @classmethod
    def fresh(cls) -> "LetterForm":
        return cls(initial={"opened": opened_now(), "form_token": uuid.uuid4()})

    def clean(self) -> dict[str, Any]:
        values: dict[str, Any] = super().clean() or {}
        try:
            require_pace(values.get("opened") or "")
        except Refusal as refusal:
            self.open_anew()
            raise forms.ValidationError(str(refusal)) from None
        return values


class CodeForm(forms.Form):
    """The code from a mail."""

    code = forms.CharField(
        label=_("Code from the mail"),
        max_length=40,
        help_text=_("8 letters and figures. Capital letters and dashes do not matter."),
        error_messages={"required": _("Type the code.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class NominationForm(forms.Form):
    """Whom to nominate, and why."""

    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        error_messages={"required": _("Write the person’s name.")},
    )
    email = forms.EmailField(
        label=_("E-mail address"),
        max_length=254,
        help_text=_(
            "The person gets a mail and accepts or not. Yours, where you nominate yourself."
        ),
        error_messages=EMAIL_ERRORS,
    )
    language = forms.ChoiceField(label=_("Language of the mail"), choices=settings.LANGUAGES)
    level = forms.ChoiceField(
        label=_("Level"),
        choices=Level.choices,
        help_text=_("Whom the person speaks to: donors, engineers, or a country."),
    )
    organisation = forms.ModelChoiceField(
        label=_("In the name of"),
        queryset=Organisation.objects.none(),
        required=False,
        empty_label=_("Only my own"),
    )
    follows_in = forms.CharField(
        label=_("Follows you for"),
        max_length=120,
        required=False,
        help_text=_("The country or topic that the person takes over. Your page says so."),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=1000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("What the person has done with OpenLMIS. The person and staff read it."),
        error_messages={"required": _("Write the reason.")},
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(
        self, *args: Any, organisations: Any, is_succession: bool = False, **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        field = self.fields["organisation"]
        assert isinstance(field, forms.ModelChoiceField)
        field.queryset = organisations
        if not organisations:
            del self.fields["organisation"]
        if not is_succession:
            del self.fields["follows_in"]


class TermsForm(forms.Form):
    """A box for the version of the terms that is in force; none where it was accepted before."""

    accepts = forms.BooleanField(
        label=_("I have read the terms of service and accept them."),
        error_messages={"required": _("Tick the box to go on.")},
    )
    version = forms.IntegerField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, version: AgreementVersion | None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if version is None:
            self.fields.clear()
        else:
            self.fields["version"].initial = version.pk
            self.fields["accepts"].label = _(
                "I have read the terms of service, version %(version)s, and accept them."
            ) % {"version": version.label}

    @property
    def version_id(self) -> int | None:
        found: int | None = self.cleaned_data.get("version")
        return found


class ActivityForm(forms.ModelForm):
    link = forms.URLField(
        label=_("Link"),
        help_text=_("Slides, a recording, a report."),
        max_length=300,
        required=False,
        assume_scheme="https",
    )

    class Meta:
        model = Activity
        fields = ("kind", "held_on", "title", "country", "language", "reached", "link")
        widgets = {
            "held_on": forms.DateInput(attrs={"type": "date"}),
            "reached": forms.NumberInput(attrs={"min": 1, "inputmode": "numeric"}),
        }

    def __init__(self, *args: Any, page: EvangelistPage, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["title"].required = True
        self.fields["held_on"].widget.attrs["max"] = timezone.localdate().isoformat()
        self.fields["country"] = forms.ChoiceField(
            label=_("Country"),
            help_text=_("Leave it out where people joined from anywhere."),
            choices=[("", "–"), *countries.choices()],
            required=False,
        )
        codes = list(dict.fromkeys([*page.languages, *(code for code, _n in settings.LANGUAGES)]))
        self.fields["language"] = forms.ChoiceField(
            label=_("Language"),
            choices=[(code, names_of([code], SpokenLanguagesFormField)[0]) for code in codes],
        )
        if len(page.countries) == 1:
            self.fields["country"].initial = page.countries[0]


class EraseForm(forms.Form):
    """A word of its own before everything is deleted."""

    sure = forms.BooleanField(
        label=_("Delete my profile, my picture and everything that names me here."),
        error_messages={"required": _("Tick the box to go on.")},
    )
