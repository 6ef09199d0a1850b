"""The forms of following."""

from typing import Any

from django import forms
from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal
from home.following import subjects
from home.guards import TrapForm
from home.models.following import Follow


class FollowForm(TrapForm):
    """Who wants to hear of what, and how often."""

    what = forms.ChoiceField(
        label=_("What you want to follow"),
        error_messages={
            "required": _("Choose what you want to follow."),
            "invalid_choice": _("Choose what you want to follow."),
        },
    )
    address = forms.EmailField(
        label=_("Your e-mail address"),
        max_length=254,
        widget=forms.EmailInput(attrs={"autocomplete": "email"}),
        help_text=_("We use it for this alone, and delete it when you stop."),
        error_messages={
            "required": _("Write your e-mail address."),
            "invalid": _("Enter an e-mail address like name@example.org."),
        },
    )
    often = forms.ChoiceField(
        label=_("How often"),
        choices=Follow.Often.choices,
        initial=Follow.Often.AT_ONCE,
        widget=forms.RadioSelect,
        error_messages={
            "required": _("Choose how often."),
            "invalid_choice": _("Choose how often."),
        },
    )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["what"].choices = subjects.choices()  # type: ignore[attr-defined]

    def refuse(self, refusal: Refusal) -> None:
        self.add_error(None, str(refusal))


class CodeForm(forms.Form):
    """The code of the e-mail."""

    code = forms.CharField(
        label=_("Code"),
        max_length=20,
        widget=forms.TextInput(attrs={"autocomplete": "one-time-code", "spellcheck": "false"}),
        help_text=_("Eight letters and figures, as they stand in the e-mail."),
        error_messages={"required": _("Type the code of the e-mail.")},
    )

    def refuse(self, refusal: Refusal) -> None:
        self.add_error("code", str(refusal))
