"""What donors fill in on their own pages."""

from typing import Any

from django import forms
from django.utils import translation
from django.utils.translation import gettext_lazy as _

from core.money import Money
from core.pictures import ready_logo
from core.uploads import UploadRefused
from funding.pools import policy
from funding.pools.forms.giver import ANONYMOUS, NAMED
from funding.pools.models import Donor


class NamingForm(forms.Form):
    """How one gift or pledge is named in public."""

    naming = forms.ChoiceField(
        label=_("How the public sees it"),
        choices=[(ANONYMOUS, _("As from an anonymous donor")), (NAMED, _("By the name below"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose whether the public may read a name.")},
    )
    public_name = forms.CharField(
        label=_("Name to show"),
        max_length=120,
        required=False,
        help_text=_("A person’s or an organisation’s name."),
    )

    def __init__(self, *args: Any, amount: Money, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        limit = policy.anonymous_limit(amount.currency)
        if limit is not None:
            words = translation.gettext("Up to %(limit)s a donor can stay anonymous.")
            self.fields["naming"].help_text = words % {"limit": limit.format()}

    def clean(self) -> dict[str, Any] | None:
        cleaned = super().clean() or self.cleaned_data
        name = (cleaned.get("public_name") or "").strip()
        if cleaned.get("naming") == NAMED and not name:
            self.add_error("public_name", translation.gettext("Enter the name to show."))
        cleaned["shown_name"] = name if cleaned.get("naming") == NAMED else ""
        return cleaned


class DetailsForm(forms.Form):
    """Who the donor is, and a logo."""

    kind = forms.ChoiceField(
        label=_("You give as"), choices=Donor.Kind.choices, widget=forms.RadioSelect
    )
    name = forms.CharField(
        label=_("Name"),
        max_length=120,
        help_text=_("Staff and your receipts use it. The public reads only what you agree to."),
        error_messages={"required": _("Enter a name.")},
    )
    logo = forms.FileField(
        label=_("Logo"),
        required=False,
        help_text=_(
            "PNG or JPEG, 2 MB at most. It is shown beside your public name once staff have "
            "looked at it."
        ),
        widget=forms.FileInput(attrs={"accept": "image/png,image/jpeg"}),
    )
    remove_logo = forms.BooleanField(label=_("Take the logo away"), required=False)

    def __init__(self, *args: Any, has_logo: bool, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if not has_logo:
            del self.fields["remove_logo"]

    def clean_logo(self) -> bytes | None:
        sent = self.cleaned_data.get("logo")
        if not sent:
            return None
        try:
            return ready_logo(sent)
        except UploadRefused as refusal:
            raise forms.ValidationError(str(refusal)) from refusal


class ClaimForm(forms.Form):
    """The code from a letter."""

    code = forms.CharField(
        label=_("Code from our letter"),
        max_length=40,
        help_text=_("12 letters and figures. Capital letters and dashes do not matter."),
        error_messages={"required": _("Type the code.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )
