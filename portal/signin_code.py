"""A donor's way in without a password: an address, a code by e-mail, and what they gave.

allauth's sign-in by code, with one thing more: where nobody has an account with the address but
something was given from it, or who asks is on the way to a pledge, the right code makes the account,
and nothing before it does. Known address or not, the page, the wait and the number of mails are the
same.
"""

from typing import Any
from urllib.parse import urlsplit

from allauth.account.adapter import get_adapter
from allauth.account.internal.decorators import login_stage_required
from allauth.account.internal.flows.login_by_code import LoginCodeVerificationProcess
from allauth.account.models import EmailAddress, Login
from allauth.account.stages import LoginByCodeStage, LoginStage, LoginStageController
from allauth.account.views import (
    ConfirmLoginCodeView,
    ConfirmPasswordResetCodeView,
    RequestLoginCodeView,
)
from django import forms
from django.contrib import messages
from django.db import IntegrityError
from django.http import HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import redirect
from django.urls import Resolver404, resolve, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import get_language
from django.utils.translation import gettext as _
from django.views.generic import FormView

from core.mailing import addresses
from core.models import User
from core.transactions import use_case
from funding.pools.donors import known_address


class GivingCode(LoginCodeVerificationProcess):
    """One code on its way: to somebody with an account, to a donor without one, or to nobody."""

    @classmethod
    def begin(
        cls, request: HttpRequest, user: User | None, email: str, *, newcomers: bool = False
    ) -> None:
        """Send the code (or the mail that nothing was given) and remember it in the session.

        ``newcomers``: whether the code makes an account for an address that gave nothing, too.
        """
        login = Login(user=user, email=email)
        login.state["stages"] = {"current": LoginByCodeStage.key}
        stage = LoginByCodeStage(LoginStageController(request, login), request, login)
        stage.state.update(
            cls.initial_state(user=user, email=email), initiated_by_user=True, newcomers=newcomers
        )
        process = cls(stage=stage)
        process.send()
        process.persist()

    @classmethod
    def resume(cls, stage: LoginByCodeStage) -> "GivingCode | None":
        found: GivingCode | None = cls(stage=stage).abort_if_invalid()
        return found

    @property
    def newcomers(self) -> bool:
        return bool(self.state.get("newcomers"))

    def send_by_email(self, email: str, skip_enumeration_mails: bool = False) -> None:
        # An address that opens nothing has a code, too, which is sent to nobody: an empty one
        # could be guessed.
        code = self.generate_code()
        if self.user is not None or may_begin(email, newcomers=self.newcomers):
            context = {"request": self.request, "code": code}
            get_adapter().send_mail("account/email/login_code", email, context)
        elif not skip_enumeration_mails:
            get_adapter().send_mail("account/email/nothing_given", email, {"request": self.request})
        self.add_sent_message({"email": email, "recipient": email})

    def finish(self, redirect_url: str | None) -> HttpResponse:
        """The code was right: sign in, with an account made for it where there is none."""
        email = self.state["email"]
        if self.user is None:
            self._user = self.stage.login.user = account_of(email, newcomers=self.newcomers)
        else:
            _forget_unproven_password(self.user, email)
        if self.user is None:
            self.abort()
            return redirect("open_giving")
        addresses.answered(email, by=self.user)
        answer: HttpResponse = super().finish(redirect_url)
        return answer


def may_begin(email: str, *, newcomers: bool = False) -> bool:
    """Whether the code may make an account: nobody has the address, and something was given from
    it or ``newcomers`` are welcome."""
    taken = (
        User.objects.filter(email__iexact=email).exists()
        or EmailAddress.objects.filter(email__iexact=email, verified=True).exists()
    )
    return not taken and (newcomers or known_address(email))


def account_of(email: str, *, newcomers: bool = False) -> User | None:
    """The account of who just proved that the address is theirs; made where there is none.

    None where the address opens nothing: nothing given from it (unless ``newcomers`` are welcome),
    or an account that is closed.
    """
    try:
        with use_case():
            if may_begin(email, newcomers=newcomers):
                user = User.objects.create_user(
                    email, preferred_language=(get_language() or "en").split("-")[0]
                )
                EmailAddress.objects.create(
                    user=user, email=user.email, verified=True, primary=True
                )
                return user
    except IntegrityError:
        pass  # the same donor in another window was first
    return User.objects.filter(email__iexact=email, is_active=True).first()


def _forget_unproven_password(user: User, email: str) -> None:
    """Who signed up with another's address has chosen a password; it must not open what the
    address's owner finds here, once they have shown that it is theirs."""
    if not EmailAddress.objects.filter(user=user, email__iexact=email, verified=True).exists():
        user.set_unusable_password()
        user.save(update_fields=["password"])


class OpenGivingView(RequestLoginCodeView):
    """Asks for the address that was given with, or will be: ``next`` may name a pledge's form."""

    template_name = "account_area/giving/open.html"

    def get_authenticated_redirect_url(self) -> str:
        return self.get_next_url() or reverse("giving")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(**kwargs)
        return {**context, "pledges": self._pledges}

    @property
    def _pledges(self) -> bool:
        """Whether they are on their way to a pledge's form, which is open to everybody."""
        try:
            return resolve(urlsplit(self.get_next_url() or "").path).url_name == "pledge"
        except Resolver404:
            return False

    def _redirect_to_pending_stage(
        self, request: HttpRequest, stage: LoginStage
    ) -> HttpResponse | None:
        # A code that waits may be one that no newcomer gets: a pledge asks for its own.
        if stage.key == LoginByCodeStage.key and self._pledges:
            return None
        answer: HttpResponse = super()._redirect_to_pending_stage(request, stage)
        return answer

    def form_valid(self, form: forms.Form) -> HttpResponse:
        user = form._user  # type: ignore[attr-defined]
        email = form.cleaned_data["email"]
        GivingCode.begin(self.request, user, email, newcomers=self._pledges)
        return redirect(self.passthrough_next_url(reverse("account_confirm_login_code")))


@method_decorator(
    login_stage_required(stage=LoginByCodeStage.key, redirect_urlname="open_giving"),
    name="dispatch",
)
class ConfirmCodeView(ConfirmLoginCodeView):
    """Asks for the code that came by e-mail."""

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        self.stage = request._login_stage  # type: ignore[attr-defined]
        process = GivingCode.resume(self.stage)
        if process is None:
            return self._again(_("The code is too old. Ask for a new one."))
        self._process: GivingCode = process
        return FormView.dispatch(self, request, *args, **kwargs)

    def _verify_form_valid(self, form: forms.Form) -> HttpResponse:
        answer: HttpResponse = self._process.finish(self.get_next_url() or reverse("giving"))
        return answer

    def form_invalid(self, form: forms.Form) -> HttpResponse:
        if self._process.record_invalid_attempt():
            return FormView.form_invalid(self, form)
        return self._again(_("The code was wrong too often. Ask for a new one."))

    def _again(self, words: str) -> HttpResponse:
        messages.error(self.request, words)
        return redirect(self.passthrough_next_url(reverse("open_giving")))


class ConfirmResetCodeView(ConfirmPasswordResetCodeView):
    """Asks for the code that came by e-mail to whoever forgot the password."""

    def form_valid(self, form: forms.Form) -> HttpResponse:
        answer: HttpResponse = super().form_valid(form)
        addresses.answered(self._process.state["email"], by=self._process.user)
        return answer


open_giving = OpenGivingView.as_view()
confirm_reset_code = ConfirmResetCodeView.as_view()
confirm_code = ConfirmCodeView.as_view()
