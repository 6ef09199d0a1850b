"""The form of an application to join."""

import uuid
from typing import Any, cast

from django import forms
from django.core.exceptions import ValidationError
from django.core.validators import URLValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from membership import agreements, fees
from membership.applications import Answers
from membership.models import (
    AgreementVersion,
    Application,
    Constituency,
    OrganisationKind,
    Tier,
)
from membership.refusals import NothingToAccept, TierNotOffered


class TierChoice(forms.ModelChoiceField):
    """Tiers by name, each with whom it is for."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} – {obj.local_summary}"


class ApplicationForm(forms.Form):
    """What an organisation says of itself, and the agreements it accepts.

    Nothing is saved by the form: `membership.applications.start` and `save_draft` take
    ``answers()``. A form opened for a draft shows what the draft holds.
    """

    form_token = forms.UUIDField(widget=forms.HiddenInput)
    legal_name = forms.CharField(
        label=_("Legal name of the organisation"),
        max_length=200,
        help_text=_("As it is registered. Invoices carry this name."),
        error_messages={"required": _("Write the legal name of the organisation.")},
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    public_name = forms.CharField(
        label=_("Name in the directory"),
        max_length=120,
        help_text=_("The name people know. It may be the same."),
        error_messages={"required": _("Write the name to show in the directory.")},
    )
    kind = forms.ChoiceField(
        label=_("Type of organisation"),
        choices=[("", _("Choose a type")), *OrganisationKind.choices],
        error_messages={"required": _("Choose the type of organisation.")},
    )
    country = forms.ChoiceField(
        label=_("Country"),
        help_text=_("Where the organisation is registered. The fee depends on it."),
        error_messages={"required": _("Choose the country.")},
        widget=forms.Select(attrs={"autocomplete": "country"}),
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
    description = forms.CharField(
        label=_("What the organisation does"),
        required=False,
        max_length=2000,
        help_text=_("Two or three sentences for the directory."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )
    constituency = forms.ChoiceField(
        label=_("Constituency"),
        choices=[("", _("Choose a constituency")), *Constituency.choices],
        help_text=_("Whose voice the organisation speaks with in the foundation."),
        error_messages={"required": _("Choose the constituency.")},
    )
    tier = TierChoice(
        label=_("Tier"),
        queryset=Tier.objects.none(),
        empty_label=None,
        help_text=_("What kind of member the organisation wants to be."),
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose a tier.")},
    )

    def __init__(self, *args: Any, draft: Application | None = None, **kwargs: Any) -> None:
        if draft is not None:
            kwargs["initial"] = {**_initial(draft), **kwargs.get("initial", {})}
        else:
            kwargs["initial"] = {"form_token": uuid.uuid4(), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        country = cast(forms.ChoiceField, self.fields["country"])
        country.choices = [("", _("Choose a country")), *countries.choices()]
        tier = cast(forms.ModelChoiceField[Tier], self.fields["tier"])
        tier.queryset = Tier.objects.filter(open_to_new=True)
        self.versions = self._add_agreements()

    def _add_agreements(self) -> dict[str, AgreementVersion]:
        """One box per required agreement, named with the version it stands for."""
        try:
            versions = agreements.required_versions(timezone.localdate())
        except NothingToAccept:
            # Submitting would be refused in the same words; say it where the boxes would be.
            return {}
        by_field = {f"accept_{version.pk}": version for version in versions}
        ticked = self.initial.get("ticked", set())
        for name, version in by_field.items():
            names = {"agreement": version.agreement, "version": version.label}
            self.fields[name] = forms.BooleanField(
                label=_("We accept the %(agreement)s, version %(version)s.") % names,
                initial=version.pk in ticked,
                error_messages={
                    "required": _(
                        "Tick the box to accept the %(agreement)s, version %(version)s. "
                        "Nobody joins without it."
                    )
                    % names
                },
            )
        return by_field

    @property
    def agreement_fields(self) -> list[tuple[AgreementVersion, forms.BoundField]]:
        return [(version, self[name]) for name, version in self.versions.items()]

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        tier, kind, country = (cleaned.get(name) for name in ("tier", "kind", "country"))
        if tier and kind and country:
            try:
                fees.fee_for(tier, kind, country, timezone.localdate())
            except TierNotOffered as refusal:
                self.add_error("tier", ValidationError(str(refusal)))
        return cleaned

    def answers(self) -> Answers:
        """What the valid form says."""
        cleaned = self.cleaned_data
        return Answers(
            legal_name=cleaned["legal_name"],
            public_name=cleaned["public_name"],
            kind=cleaned["kind"],
            country=cleaned["country"],
            website=cleaned["website"],
            description=cleaned["description"],
            tier=cleaned["tier"],
            constituency=cleaned["constituency"],
            ticked_versions=tuple(
                version for name, version in self.versions.items() if cleaned.get(name)
            ),
        )


def _initial(draft: Application) -> dict[str, Any]:
    return {
        "form_token": draft.form_token,
        "legal_name": draft.legal_name,
        "public_name": draft.public_name,
        "kind": draft.kind,
        "country": draft.country,
        "website": draft.website,
        "description": draft.description,
        "constituency": draft.constituency,
        "tier": draft.tier_id,
        "ticked": set(draft.ticked_versions.values_list("pk", flat=True)),
    }


class WordsForm(forms.Form):
    """One text: a reason, a question, an answer."""

    words = forms.CharField(
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 5}),
        error_messages={"required": _("Write the answer.")},
    )

    def __init__(self, *args: Any, label: str, help_text: str = "", **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["words"].label = label
        self.fields["words"].help_text = help_text
