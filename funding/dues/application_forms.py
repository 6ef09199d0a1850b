"""The forms on the page on which an application is decided."""

from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _

from core.models import User
from membership import application_rules
from membership.models import Application


class DecisionForm(forms.Form):
    """Yes or no, and why."""

    decision = forms.ChoiceField(
        label=_("Decision"),
        choices=[("approve", _("Approve")), ("decline", _("Decline"))],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose to approve or to decline.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Needed to decline: the organisation reads it. Optional to approve."),
    )

    def clean(self) -> dict[str, Any]:
        cleaned = super().clean() or self.cleaned_data
        if cleaned.get("decision") == "decline" and not cleaned.get("reason", "").strip():
            self.add_error("reason", _("Write the reason. The organisation reads it."))
        return cleaned


class QuestionForm(forms.Form):
    question = forms.CharField(
        label=_("Question to the applicant"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write the question.")},
    )


class NoteForm(forms.Form):
    note = forms.CharField(
        label=_("Note for the other officers"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write the note.")},
    )


class AssignForm(forms.Form):
    """Into whose hands: the officers who may decide here."""

    to = forms.ModelChoiceField(
        label=_("In the hands of"),
        queryset=User.objects.none(),
        required=False,
        empty_label=_("Nobody"),
    )

    def __init__(self, application: Application, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["to"].initial = application.assigned_to_id
        to = cast("forms.ModelChoiceField[User]", self.fields["to"])
        to.queryset = application_rules.officers(application)


class AppealForm(forms.Form):
    outcome = forms.ChoiceField(
        label=_("Outcome"),
        choices=[
            ("stands", _("The decline stands")),
            ("set_aside", _("The decline is set aside, and others review the application again")),
        ],
        widget=forms.RadioSelect,
        error_messages={"required": _("Choose the outcome.")},
    )
    reason = forms.CharField(
        label=_("Reason"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("The organisation reads it."),
        error_messages={"required": _("Write the reason. The organisation reads it.")},
    )
