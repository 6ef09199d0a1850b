"""What people fill in about seats."""

import uuid

from django import forms
from django.utils.translation import gettext_lazy as _

from membership.models import SeatRole

# Everybody with a seat is a member, and the primary contact is handed over: neither is a box.
_BOXES = [
    (role.value, role.label) for role in (SeatRole.VOTING_REPRESENTATIVE, SeatRole.BILLING_CONTACT)
]
_ROLES_HELP = _("Everybody with a seat is a member and reads what the organisation reads.")


class RolesForm(forms.Form):
    """What a person does in the organisation, beside being a member of it."""

    roles = forms.MultipleChoiceField(
        label=_("Roles"),
        choices=_BOXES,
        required=False,
        widget=forms.CheckboxSelectMultiple,
        help_text=_ROLES_HELP,
    )


class InviteForm(RolesForm):
    """Whom to invite, and to what."""

    field_order = ["email", "roles", "form_token"]

    email = forms.EmailField(
        label=_("E-mail address"),
        error_messages={
            "required": _("Write the e-mail address."),
            "invalid": _("Write the address like name@example.org."),
        },
        widget=forms.EmailInput(attrs={"autocomplete": "off"}),
    )
    form_token = forms.UUIDField(widget=forms.HiddenInput, initial=uuid.uuid4)


class SeatCodeForm(forms.Form):
    """The code from an invitation."""

    code = forms.CharField(
        label=_("Code from the invitation"),
        max_length=40,
        help_text=_("8 letters and figures. Capital letters and dashes do not matter."),
        error_messages={"required": _("Type the code.")},
        widget=forms.TextInput(attrs={"autocomplete": "off", "spellcheck": "false"}),
    )


class AskForm(forms.Form):
    """A request for a seat."""

    words = forms.CharField(
        label=_("What you do there"),
        required=False,
        max_length=500,
        help_text=_("The primary contact reads it with your name and address."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )


class RequestForm(forms.Form):
    """Yes or no to a request for a seat."""

    decision = forms.ChoiceField(
        label=_("Your answer"),
        choices=[("approve", _("Give the seat")), ("decline", _("Decline"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose an answer.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=2000,
        help_text=_("Needed to decline: the person reads it."),
        widget=forms.Textarea(attrs={"rows": 3}),
    )
