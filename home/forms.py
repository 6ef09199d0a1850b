"""The form by which an evangelist edits their own profile."""

from django import forms
from django.utils.translation import gettext_lazy as _

from home.models import EvangelistPage
from home.profiles import OWN_FIELDS


class ProfileForm(forms.ModelForm):
    class Meta:
        model = EvangelistPage
        fields = OWN_FIELDS
        labels = {
            "title": _("Name"),
            "summary": _("In one sentence"),
            "bio": _("About you"),
        }
        help_texts = {
            "title": _("As you want to be called in public."),
            "summary": _("Whom you help, and with what."),
            "countries": _("Where you work or have worked. One country on a line."),
            "languages": _("In which you can give a talk. One language on a line."),
            "topics": _("What people can ask you about. One topic on a line."),
        }
        widgets = {
            "title": forms.TextInput(attrs={"autocomplete": "name"}),
            "summary": forms.Textarea(attrs={"rows": 2}),
            "bio": forms.Textarea(attrs={"rows": 10}),
        }
