"""The forms by which officers write notes, add tasks and close them."""

import uuid
from typing import Any, cast

from django import forms
from django.utils.translation import gettext_lazy as _
from wagtail.admin.widgets import AdminDateInput

from core.models import User
from membership import tasks
from membership.models import Task


class OnceForm(forms.Form):
    """A form that, sent twice, does its work once."""

    form_token = forms.UUIDField(widget=forms.HiddenInput)

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["form_token"].initial = uuid.uuid4


class OwnerField(forms.ModelChoiceField):
    """One of the officers who may do tasks, or nobody."""

    def __init__(self, **kwargs: Any) -> None:
        super().__init__(
            queryset=User.objects.none(),
            label=_("In the hands of"),
            required=False,
            empty_label=_("Nobody"),
            **kwargs,
        )


def _with_owners(form: forms.Form, name: str = "owner") -> None:
    field = cast("forms.ModelChoiceField[User]", form.fields[name])
    field.queryset = tasks.owners()


class WriteNoteForm(OnceForm):
    text = forms.CharField(
        label=_("Note"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 4}),
        help_text=_("Officers and auditors read it; the organisation never does."),
        error_messages={"required": _("Write the note.")},
    )


class TaskForm(OnceForm):
    title = forms.CharField(
        label=_("Task"),
        max_length=200,
        help_text=_("What is to be done. The organisation does not read it."),
        error_messages={"required": _("Write what is to be done.")},
    )
    due_on = forms.DateField(
        label=_("Due on"),
        widget=AdminDateInput,
        error_messages={"required": _("Choose the day.")},
    )
    owner = OwnerField()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _with_owners(self)


class OwnerForm(forms.Form):
    owner = OwnerField()

    def __init__(self, *args: Any, task: Task | None = None, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        _with_owners(self)
        if task is not None:
            self.fields["owner"].initial = task.owner_id


class DoneForm(forms.Form):
    """How it was done. One of the three is enough."""

    words = forms.CharField(
        label=_("How it was done"),
        required=False,
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
    )
    link = forms.CharField(
        label=_("Link"), required=False, max_length=500, help_text=_("To minutes or a page.")
    )
    file = forms.FileField(
        label=_("File"), required=False, help_text=_("A PDF, JPEG or PNG of 5 MB at most.")
    )


class ExcuseForm(forms.Form):
    reason = forms.CharField(
        label=_("Why it is not done"),
        max_length=2000,
        widget=forms.Textarea(attrs={"rows": 3}),
        error_messages={"required": _("Write why it is not done.")},
    )


class TogetherForm(OwnerForm):
    """What is done with several tasks at once."""

    words = forms.CharField(
        label=_("How they were done"),
        required=False,
        max_length=2000,
        help_text=_("Of a promise the organisation reads it."),
    )
