"""allauth's forms in the portal's words: labels instead of placeholders, hints that say what helps.

The setting ACCOUNT_FORMS names each of them.
"""

from typing import Any, ClassVar

from allauth.account import forms as allauth_forms
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

Words = dict[str, str | Promise]

PASSWORD_HINT = _("At least 10 characters. A few words you can remember are better than signs.")
CODE_HINT = _("Type it as it stands in the e-mail. Capital letters and the dash do not matter.")


class PlainWords:
    """Mixed into a form of allauth: sets labels and hints, and drops placeholders, which vanish
    when one types and are too pale to read."""

    labels: ClassVar[Words] = {}
    hints: ClassVar[Words] = {}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        for name, field in self.fields.items():  # type: ignore[attr-defined]
            field.widget.attrs.pop("placeholder", None)
            field.label = self.labels.get(name, field.label)
            field.help_text = self.hints.get(name, field.help_text)


EMAIL = _("E-mail address")
NEW_PASSWORD = _("New password")
REPEATED = _("New password, once more")


class LoginForm(PlainWords, allauth_forms.LoginForm):
    labels: ClassVar[Words] = {
        "login": EMAIL,
        "password": _("Password"),
        "remember": _("Keep me signed in on this device"),
    }
    hints: ClassVar[Words] = {"password": ""}  # the page links to a new password below the form


class SignupForm(PlainWords, allauth_forms.SignupForm):
    labels: ClassVar[Words] = {"email": EMAIL, "password1": _("Password")}
    hints: ClassVar[Words] = {
        "email": _("We send a code to it, to be sure that it is yours."),
        "password1": PASSWORD_HINT,
    }
    field_order: ClassVar[list[str]] = ["first_name", "last_name", "email", "password1"]


class AddEmailForm(PlainWords, allauth_forms.AddEmailForm):
    labels: ClassVar[Words] = {"email": EMAIL}


class ChangeEmailForm(PlainWords, allauth_forms.ChangeEmailForm):
    labels: ClassVar[Words] = {"email": EMAIL}


class ChangePasswordForm(PlainWords, allauth_forms.ChangePasswordForm):
    labels: ClassVar[Words] = {
        "oldpassword": _("Password until now"),
        "password1": NEW_PASSWORD,
        "password2": REPEATED,
    }
    hints: ClassVar[Words] = {"password1": PASSWORD_HINT}


class SetPasswordForm(PlainWords, allauth_forms.SetPasswordForm):
    labels: ClassVar[Words] = {"password1": NEW_PASSWORD, "password2": REPEATED}
    hints: ClassVar[Words] = {"password1": PASSWORD_HINT}


class ResetPasswordForm(PlainWords, allauth_forms.ResetPasswordForm):
    labels: ClassVar[Words] = {"email": EMAIL}


class ResetPasswordKeyForm(PlainWords, allauth_forms.ResetPasswordKeyForm):
    labels: ClassVar[Words] = {"password1": NEW_PASSWORD, "password2": REPEATED}
    hints: ClassVar[Words] = {"password1": PASSWORD_HINT}


class ReauthenticateForm(PlainWords, allauth_forms.ReauthenticateForm):
    labels: ClassVar[Words] = {"password": _("Password")}
    hints: ClassVar[Words] = {"password": ""}


class RequestLoginCodeForm(PlainWords, allauth_forms.RequestLoginCodeForm):
    labels: ClassVar[Words] = {"email": EMAIL}


class ConfirmLoginCodeForm(PlainWords, allauth_forms.ConfirmLoginCodeForm):
    labels: ClassVar[Words] = {"code": _("Code")}
    hints: ClassVar[Words] = {"code": CODE_HINT}


class ConfirmEmailVerificationCodeForm(PlainWords, allauth_forms.ConfirmEmailVerificationCodeForm):
    labels: ClassVar[Words] = {"code": _("Code")}
    hints: ClassVar[Words] = {"code": CODE_HINT}


class ConfirmPasswordResetCodeForm(PlainWords, allauth_forms.ConfirmPasswordResetCodeForm):
    labels: ClassVar[Words] = {"code": _("Code")}
    hints: ClassVar[Words] = {"code": CODE_HINT}
