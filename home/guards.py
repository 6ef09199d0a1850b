"""What keeps programs from filling a public form, without asking anybody else about the reader.

A field that people do not see must stay empty, and a form is not sent within a moment of being
opened. How many come from one place and for one address is limited by the setting
ACCOUNT_RATE_LIMITS.
"""

from django import forms
from django.core.signing import BadSignature, SignatureExpired, TimestampSigner
from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal

_signer = TimestampSigner(salt="home.form")
TOO_FAST = 3  # seconds
TOO_OLD = 24 * 60 * 60


class SentTooFast(Refusal):
    message = _(
        "This was sent within a moment of opening the page. Look it over and send it again."
    )


class FormTooOld(Refusal):
    message = _("This page was open for more than a day. Look it over and send it again.")


def opened_now() -> str:
    """When a form was opened, to stand in it."""
    return _signer.sign("form")


def require_pace(token: str) -> None:
    """Raise SentTooFast or FormTooOld (also for a time that we did not write)."""
    try:
        _signer.unsign(token, max_age=TOO_OLD)
    except (BadSignature, SignatureExpired):
        raise FormTooOld from None
    try:
        _signer.unsign(token, max_age=TOO_FAST)
    except SignatureExpired:
        return
    raise SentTooFast


class TrapForm(forms.Form):
    """A form with the field that people do not see. `is_trap_sprung`: no person filled it."""

    homepage = forms.CharField(
        label=_("Leave this field empty"),
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "off", "tabindex": "-1"}),
    )

    @property
    def is_trap_sprung(self) -> bool:
        return bool(self.data.get("homepage"))


class GuardedForm(TrapForm):
    """A form with both guards."""

    opened = forms.CharField(required=False, widget=forms.HiddenInput)

    def open_anew(self) -> None:
        """Count the form as opened now, with what was typed."""
        self.data = {**{name: self.data[name] for name in self.data}, "opened": opened_now()}
