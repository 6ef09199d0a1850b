"""The forms of an organisation's profile: its own, and the staff's."""

import re
from typing import Any, cast

from django import forms
from django.core.validators import URLValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from core.pictures import ready_logo
from core.uploads import UploadRefused
from membership import fees
from membership.models import Constituency, Organisation, OrganisationKind
from membership.models.organisations import IDENTIFIER_FORM, Hideable
from membership.profile import Profile, Standing, profile_of
from membership.registers import plain_number, registers_for


def _words(label: Any) -> forms.CharField:
    return forms.CharField(
        label=label,
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
    )


class OrganisationProfileForm(forms.Form):
    """What the organisation says of itself. `membership.profile` saves ``profile()``."""

    public_name = forms.CharField(
        label=_("Name in the directory"),
        max_length=120,
        help_text=_("The legal name stays as it is: staff change that one."),
        error_messages={"required": _("Write the name to show in the directory.")},
    )
    website = forms.URLField(
        label=_("Website"),
        required=False,
        max_length=200,
        assume_scheme="https",
        validators=[URLValidator(schemes=["http", "https"])],
        help_text=_("Leave it empty if there is none."),
        error_messages={"invalid": _("Write the website like https://www.example.org.")},
    )
    description = _words(_("Description in English"))
    description_fr = _words(_("Description in French"))
    description_pt = _words(_("Description in Portuguese"))
    registration_agency = forms.ChoiceField(
        label=_("Register"),
        required=False,
        help_text=_("Where the organisation is registered, by its code at org-id.guide."),
    )
    registration_number = forms.CharField(
        label=_("Registration number"),
        required=False,
        max_length=100,
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    stated_identifier = forms.CharField(
        label=_("IATI identifier"),
        required=False,
        max_length=120,
        help_text=_(
            "Only where it is not the register’s code and the number: leave it empty otherwise."
        ),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
    )
    hides = forms.MultipleChoiceField(
        label=_("Not shown in the directory"),
        required=False,
        choices=Hideable.choices,
        widget=forms.CheckboxSelectMultiple,
        help_text=_(
            "What is ticked is on no public page and in no download. "
            "Name, country, constituency and tier are always public."
        ),
    )
    logo = forms.FileField(
        label=_("Logo"),
        required=False,
        help_text=_("PNG or JPEG, 2 MB at most. It is shown once staff have looked at it."),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
    )
    remove_logo = forms.BooleanField(label=_("Take the logo away"), required=False)

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        said = profile_of(organisation)
        initial = {name: getattr(said, name) for name in Profile.__dataclass_fields__}
        initial["hides"] = initial.pop("hidden_fields")
        kwargs["initial"] = {**initial, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        register = cast(forms.ChoiceField, self.fields["registration_agency"])
        register.choices = [
            ("", _("Choose a register")),
            *registers_for(organisation.country, organisation.registration_agency),
        ]
        if organisation.logo_id is None:
            del self.fields["remove_logo"]

    def clean_logo(self) -> bytes | None:
        sent = self.cleaned_data.get("logo")
        if not sent:
            return None
        try:
            return ready_logo(sent)
        except UploadRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal

    def clean_registration_number(self) -> str:
        return plain_number(self.cleaned_data["registration_number"])

    def clean_stated_identifier(self) -> str:
        stated: str = self.cleaned_data["stated_identifier"].strip()
        if stated and not re.fullmatch(IDENTIFIER_FORM, stated):
            raise forms.ValidationError(
                _(
                    "Write it like GB-CHC-1234567: the register’s code, a hyphen, the number, "
                    "without spaces."
                )
            )
        return stated

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        agency, number = cleaned.get("registration_agency"), cleaned.get("registration_number")
        if agency and not number and "registration_number" not in self.errors:
            self.add_error("registration_number", _("Write the number in this register."))
        if number and not agency and "registration_agency" not in self.errors:
            self.add_error("registration_agency", _("Choose the register that gave this number."))
        return cleaned

    def profile(self) -> Profile:
        """What the valid form says."""
        said = {**self.cleaned_data, "hidden_fields": tuple(self.cleaned_data["hides"])}
        return Profile(**{name: said[name] for name in Profile.__dataclass_fields__})


class StandingForm(forms.Form):
    """What staff alone change, with the reason. `membership.profile` saves ``standing()``."""

    legal_name = forms.CharField(
        label=_("Legal name"),
        max_length=200,
        help_text=_("New invoices carry it; what is issued stays as it is."),
        error_messages={"required": _("Write the legal name of the organisation.")},
    )
    kind = forms.ChoiceField(label=_("Type of organisation"), choices=OrganisationKind.choices)
    constituency = forms.ChoiceField(
        label=_("Constituency"),
        choices=Constituency.choices,
        help_text=_("Whose voice the organisation speaks with in the foundation."),
    )
    country = forms.ChoiceField(label=_("Country"))
    currency = forms.ChoiceField(
        label=_("Currency of the dues"),
        required=False,
        help_text=_(
            "From the next term on; what is billed stays. Where the fee table has no line in it, "
            "the main currency holds."
        ),
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=500,
        help_text=_("How you know. It stands in the log."),
        error_messages={"required": _("Write the reason. It stands in the log.")},
    )

    def __init__(self, *args: Any, organisation: Organisation, **kwargs: Any) -> None:
        initial = {name: getattr(organisation, name) for name in Standing.__dataclass_fields__}
        kwargs["initial"] = {**initial, **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        cast(forms.ChoiceField, self.fields["country"]).choices = countries.choices()
        cast(forms.ChoiceField, self.fields["currency"]).choices = fees.currency_choices(
            timezone.localdate(), kept=organisation.currency
        )

    def standing(self) -> Standing:
        return Standing(**{name: self.cleaned_data[name] for name in Standing.__dataclass_fields__})
