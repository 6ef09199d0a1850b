"""Representation, public: how many votes each constituency and country has. Names no person."""

import datetime
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_safe

from membership import voting
from membership.models.terms import FIRST_DAY


class DayField(forms.DateField):
    """A day of which there can be a register; today where none is given."""

    def __init__(self, **kwargs: Any) -> None:
        wrong = gettext_lazy("Write the day like 2026-03-31.")
        super().__init__(
            required=False,
            input_formats=["%Y-%m-%d"],
            error_messages={"invalid": wrong},
            **kwargs,
        )

    def clean(self, value: Any) -> datetime.date:
        day: datetime.date = super().clean(value) or timezone.localdate()
        if day > timezone.localdate():
            raise ValidationError(_("This day is still to come. Choose today or a day before."))
        if day < FIRST_DAY:
            raise ValidationError(_("There was no foundation yet. Choose a later day."))
        return day


class DayForm(forms.Form):
    """The day to look at."""

    on = DayField(
        label=gettext_lazy("Day"),
        widget=forms.DateInput(format="%Y-%m-%d", attrs={"type": "date"}),
    )


@require_safe
def voice(request: HttpRequest) -> HttpResponse:
    """Members and votes by constituency and country, today or on the day ``?on=YYYY-MM-DD``.

    A day that is none is said to be so, and today is shown."""
    today = timezone.localdate()
    form = DayForm(request.GET if "on" in request.GET else None, initial={"on": today})
    day = form.cleaned_data["on"] if form.is_valid() else today
    register = voting.register(day)
    return render(
        request,
        "membership/voice.html",
        {
            "form": form,
            "day": day,
            "is_today": day == today,
            "register": register,
            "constituencies": voting.by_constituency(register),
            "countries": voting.by_country(register),
        },
    )
