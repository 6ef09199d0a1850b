"""One sign-in for everybody: allauth's. What the portal adds to it stands here."""

from collections.abc import Callable
from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.account.authentication import get_authentication_records
from django import forms
from django.contrib.auth import logout
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.shortcuts import resolve_url
from django.utils.http import urlencode
from django.utils.translation import get_language
from django.utils.translation import gettext_lazy as _

from core.models import User
from portal.signin_mails import send


class AccountAdapter(DefaultAccountAdapter):
    """allauth's mail goes the way of all others: by the job queue, in texts that staff can edit."""

    def send_mail(self, template_prefix: str, email: str, context: dict[str, Any]) -> None:
        send(template_prefix.rpartition("/")[2], email, context)

    def save_user(
        self, request: HttpRequest, user: User, form: forms.Form, commit: bool = True
    ) -> User:
        language = get_language() or "en"
        user.preferred_language = language.split("-")[0]
        saved: User = super().save_user(request, user, form, commit=commit)
        return saved


class SignupForm(forms.Form):
    """Asks for the name beside address and password; allauth mixes it into its own form."""

    first_name = forms.CharField(
        label=_("Given name"),
        max_length=150,
        widget=forms.TextInput(attrs={"autocomplete": "given-name"}),
    )
    last_name = forms.CharField(
        label=_("Family name"),
        max_length=150,
        required=False,
        widget=forms.TextInput(attrs={"autocomplete": "family-name"}),
    )

    def signup(self, request: HttpRequest, user: User) -> None:
        """allauth saves the names itself; nothing more is needed at sign-up."""


class BackOfficeSignInMiddleware:
    """Nobody enters the back office but through the portal's own sign-in.

    A session that was opened by any other road (Wagtail's own login among them) carries no record
    of how the person proved who they are. This is also the one place where a second factor will
    be asked of staff with money rights: the same record names the factors used.
    """

    def __init__(self, get_response: Callable[[HttpRequest], HttpResponse]) -> None:
        self.get_response = get_response

    def __call__(self, request: HttpRequest) -> HttpResponse:
        if request.path.startswith("/admin/") and request.user.is_authenticated:
            if not get_authentication_records(request, request.user):
                logout(request)
                target = resolve_url("account_login")
                return HttpResponseRedirect(f"{target}?{urlencode({'next': request.path})}")
            if not request.user.has_perm("wagtailadmin.access_admin"):
                # Wagtail would send them to sign in, which would send them back, for ever.
                raise PermissionDenied
        return self.get_response(request)
