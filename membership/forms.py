"""The forms of an application to join: one a step, and one text for a question or an answer."""

import re
import uuid
from typing import Any, ClassVar, cast

from django import forms
from django.core.validators import URLValidator
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from core import countries
from membership import agreements, drafts, fees
from membership.applications import Answers
from membership.models import (
    AgreementVersion,
    Application,
    Constituency,
    OrganisationKind,
    Tier,
)
from membership.models.organisations import AGENCY_FORM
from membership.refusals import NothingToAccept
from membership.registers import plain_number

EMAIL = forms.EmailInput(attrs={"autocomplete": "off"})


class TierChoice(forms.ModelChoiceField):
    """Tiers by name, each with whom it is for."""

    def label_from_instance(self, obj: Any) -> str:
        return f"{obj} – {obj.local_summary}"


class StepForm(forms.Form):
    """One step of an application. Nothing is saved by the form: the verbs take ``answers()``.

    A form that has errors still gives what can be kept: a half-filled draft loses nothing that was
    typed. ``version`` is the application's as the form was opened (`applications.save_draft`).
    """

    step: ClassVar[str]
    version = forms.IntegerField(widget=forms.HiddenInput, required=False)

    def __init__(self, *args: Any, draft: Application | None = None, **kwargs: Any) -> None:
        self.draft = draft
        if draft is not None:
            kwargs["initial"] = self.saved(draft) | kwargs.get("initial", {})
        super().__init__(*args, **kwargs)
        for name, words in drafts.MISSING.items():
            if name in self.fields:
                self.fields[name].error_messages["required"] = str(words)

    def saved(self, draft: Application) -> dict[str, Any]:
        """What the draft holds of this step, by the names of the fields."""
        kept = {name: getattr(draft, name) for name in self.names() if name != "tier"}
        return {**kept, "version": draft.version}

    @classmethod
    def names(cls) -> list[str]:
        """The columns of an application that this step asks for."""
        return [name for name in drafts.FIELDS[cls.step] if name != "ticked_versions"]

    @classmethod
    def of_saved(cls, draft: Application) -> "StepForm":
        """The form as if the draft's own answers had been sent: it shows what is wrong with them."""
        saved = cls(draft=draft).initial
        return cls({name: value for name, value in saved.items() if value}, draft=draft)

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        self.typed = dict(cleaned)
        for name, words in drafts.together(cleaned).items():
            if name in self.fields and name not in self.errors:
                self.add_error(name, str(words))
        return cleaned

    def answers(self) -> Answers:
        """What was typed, as far as it can be kept."""
        return Answers(**{name: self._kept(name) for name in self.names()})

    def lost(self) -> bool:
        """Whether something was typed that a draft cannot keep, such as a text that is too long."""
        return any(
            self._kept(name) is None and self.data.get(name, "").strip() for name in self.names()
        )

    def _kept(self, name: str) -> Any:
        if name in self.typed:
            return self.typed[name]
        field, typed = self.fields[name], self.data.get(name, "").strip()
        if not typed and not isinstance(field, forms.ModelChoiceField):
            return False if isinstance(field, forms.BooleanField) else ""
        if not isinstance(field, forms.CharField) or "\x00" in typed:
            return None
        return typed if len(typed) <= (field.max_length or 0) else None


class OrganisationForm(StepForm):
    step = drafts.Step.ORGANISATION
    form_token = forms.UUIDField(widget=forms.HiddenInput, required=False)
    legal_name = forms.CharField(
        label=_("Legal name of the organisation"),
        max_length=200,
        help_text=_("As it is registered. Invoices carry this name."),
        widget=forms.TextInput(attrs={"autocomplete": "organization"}),
    )
    public_name = forms.CharField(
        label=_("Name in the directory"),
        max_length=120,
        help_text=_("The name people know. It may be the same."),
    )
    kind = forms.ChoiceField(
        label=_("Type of organisation"),
        choices=[("", _("Choose a type")), *OrganisationKind.choices],
    )
    country = forms.ChoiceField(
        label=_("Country"),
        help_text=_("Where the organisation is registered. The fee depends on it."),
        widget=forms.Select(attrs={"autocomplete": "country"}),
    )
    registration_agency = forms.CharField(
        label=_("Register"),
        required=False,
        max_length=20,
        help_text=_("The code of the register at org-id.guide, such as GB-CHC."),
    )
    registration_number = forms.CharField(
        label=_("Registration number"),
        required=False,
        max_length=100,
        help_text=_("The number of the organisation in that register."),
    )
    website = forms.URLField(
        label=_("Website"),
        required=False,
        max_length=200,
        assume_scheme="https",
        validators=[URLValidator(schemes=["http", "https"])],
        help_text=_("Leave it empty if there is none."),
        error_messages={"invalid": drafts.WRONG_WEBSITE},
    )
    description = forms.CharField(
        label=_("What the organisation does"),
        required=False,
        max_length=2000,
        help_text=_("Two or three sentences for the directory."),
        widget=forms.Textarea(attrs={"rows": 4}),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        kwargs["initial"] = {"form_token": uuid.uuid4(), **kwargs.get("initial", {})}
        super().__init__(*args, **kwargs)
        country = cast(forms.ChoiceField, self.fields["country"])
        country.choices = [("", _("Choose a country")), *countries.choices()]

    def clean_registration_number(self) -> str:
        return plain_number(self.cleaned_data["registration_number"])

    def clean_registration_agency(self) -> str:
        typed = str(self.cleaned_data["registration_agency"]).upper()
        if typed and not re.fullmatch(AGENCY_FORM, typed):
            raise forms.ValidationError(drafts.WRONG_AGENCY)
        return typed


def _email(label: Any, *, required: bool, help_text: Any = "") -> forms.EmailField:
    return forms.EmailField(
        label=label,
        required=required,
        max_length=254,
        help_text=help_text,
        widget=EMAIL,
        error_messages={"invalid": drafts.WRONG_EMAIL},
    )


class ContactsForm(StepForm):
    step = drafts.Step.CONTACTS
    contact_name = forms.CharField(
        label=_("Primary contact"),
        max_length=150,
        help_text=_("Who we write to about the membership. You, unless you name somebody else."),
    )
    contact_email = _email(_("E-mail address of the primary contact"), required=True)
    voting_name = forms.CharField(
        label=_("Voting representative"),
        required=False,
        max_length=150,
        help_text=_("Who votes for the organisation. Empty: the primary contact."),
    )
    voting_email = _email(_("E-mail address of the voting representative"), required=False)
    billing_name = forms.CharField(
        label=_("Billing contact"),
        required=False,
        max_length=150,
        help_text=_("Who gets the invoices. Empty: the primary contact."),
    )
    billing_email = _email(_("E-mail address of the billing contact"), required=False)


class TierForm(StepForm):
    step = drafts.Step.TIER
    constituency = forms.ChoiceField(
        label=_("Constituency"),
        choices=[("", _("Choose a constituency")), *Constituency.choices],
        help_text=_("Whose voice the organisation speaks with in the foundation."),
    )
    tier = TierChoice(
        label=_("Tier"),
        queryset=Tier.objects.none(),
        empty_label=None,
        help_text=_("What kind of member the organisation wants to be."),
        widget=forms.RadioSelect,
    )
    currency = forms.ChoiceField(
        label=_("Currency of the dues"),
        required=False,
        help_text=_("Where a tier has no fee in it, the main currency holds."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        currency = cast(forms.ChoiceField, self.fields["currency"])
        kept = self.draft.currency if self.draft else ""
        currency.choices = fees.currency_choices(timezone.localdate(), kept=kept)
        if len(currency.choices) < 2:
            currency.widget = forms.HiddenInput()
        tier = cast("forms.ModelChoiceField[Tier]", self.fields["tier"])
        tier.queryset = Tier.objects.filter(open_to_new=True)

    def saved(self, draft: Application) -> dict[str, Any]:
        return super().saved(draft) | {"tier": draft.tier_id}

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean()
        tier = cleaned.get("tier")
        if tier and self.draft is not None:
            words = drafts.tier_problem(tier, self.draft.kind, self.draft.country)
            if words:
                self.add_error("tier", words)
        return cleaned


class AgreementsForm(StepForm):
    """One box per required agreement, named with the version it stands for; and who accepts."""

    step = drafts.Step.AGREEMENTS
    signatory_name = forms.CharField(
        label=_("Who accepts"),
        max_length=150,
        help_text=_("The person who may bind the organisation, such as its director."),
    )
    signatory_function = forms.CharField(label=_("Function of this person"), max_length=150)
    may_bind = forms.BooleanField(
        label=_("This person may bind the organisation, and accepts what is ticked above."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        try:
            versions = agreements.required_versions(timezone.localdate())
        except NothingToAccept:
            # Submitting would be refused in the same words; say it where the boxes would be.
            versions = []
        self.versions = {f"accept_{version.pk}": version for version in versions}
        for name, version in self.versions.items():
            self.fields[name] = forms.BooleanField(
                label=_("We accept the %(agreement)s, version %(version)s.")
                % {"agreement": version.agreement, "version": version.label},
                error_messages={"required": drafts.words_to_tick(version)},
            )

    def saved(self, draft: Application) -> dict[str, Any]:
        ticked = {f"accept_{version.pk}": True for version in draft.ticked_versions.all()}
        return super().saved(draft) | ticked

    @property
    def agreement_fields(self) -> list[tuple[AgreementVersion, forms.BoundField]]:
        return [(version, self[name]) for name, version in self.versions.items()]

    def answers(self) -> Answers:
        kept = {name: self._kept(name) for name in self.names()}
        ticked = [version for name, version in self.versions.items() if self.typed.get(name)]
        return Answers(**kept, ticked_versions=tuple(sorted(ticked, key=lambda one: one.pk)))


STEP_FORMS: dict[str, type[StepForm]] = {
    form.step: form for form in (OrganisationForm, ContactsForm, TierForm, AgreementsForm)
}


class AcceptForm(forms.Form):
    """Who accepts a version for an organisation that is a member already."""

    signatory_name = forms.CharField(
        label=_("Who accepts"),
        max_length=150,
        help_text=_("The person who may bind the organisation, such as its director."),
    )
    signatory_function = forms.CharField(
        label=_("Function of this person"),
        max_length=150,
    )
    may_bind = forms.BooleanField(
        label=_("This person may bind the organisation, and accepts this version."),
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():
            field.error_messages["required"] = str(drafts.MISSING[name])


class ShareForm(forms.Form):
    email = forms.EmailField(
        label=_("E-mail address of your colleague"),
        max_length=254,
        widget=EMAIL,
        error_messages={
            "required": _("Write the e-mail address of your colleague."),
            "invalid": drafts.WRONG_EMAIL,
        },
    )


class CodeForm(forms.Form):
    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        help_text=_("The eight signs in the message that you got."),
        widget=forms.TextInput(attrs={"autocomplete": "off"}),
        error_messages={"required": _("Write the code.")},
    )


class FileForm(forms.Form):
    file = forms.FileField(
        label=_("File"),
        help_text=_("A PDF, JPEG or PNG of 5 MB at most, such as the paper of the registration."),
        error_messages={"required": _("Choose a file.")},
    )


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
