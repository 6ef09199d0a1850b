"""The page on which administrators erase an address from the log of e-mails."""

from typing import Any

from django import forms
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.menu import MenuItem
from wagtail.admin.viewsets.base import ViewSet

from core.mailing import forgetting
from core.models import User
from core.refusals import Refusal
from funding.payments.backoffice.base import MoneyPage


class AddressForm(forms.Form):
    address = forms.CharField(
        label=_("E-mail address"),
        max_length=254,
        error_messages={"required": _("Write the address.")},
    )


class ForgetForm(forms.Form):
    address = forms.CharField(max_length=254, widget=forms.HiddenInput)
    reason = forms.CharField(
        label=_("Reason"),
        max_length=200,
        help_text=_("Such as the day on which they asked for it; without names and addresses."),
        error_messages={"required": _("Write the reason.")},
    )
    sure = forms.BooleanField(
        label=_("Erase it for good"),
        error_messages={"required": _("Tick the box: this cannot be undone.")},
    )


class ForgetPage(MoneyPage):
    """Asks for an address, shows what is kept of it, and erases it once somebody is sure.

    The address is posted and never a part of the page's own address, which web servers log.
    """

    rights = (forgetting.FORGET,)
    template_name = "mail/backoffice/forget.html"
    page_title = _("Erase an address")
    header_icon = "bin"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        kwargs.setdefault("form", AddressForm())
        return super().get_context_data(**kwargs)

    def acts(self) -> dict[str, Any]:
        return {
            "look": (forgetting.FORGET, self._look),
            "erase": (forgetting.FORGET, self._erase),
        }

    def _shown(self, **shown: Any) -> HttpResponse:
        return self.render_to_response(self.get_context_data(**shown))

    def _look(self) -> HttpResponse:
        form = AddressForm(self.request.POST)
        if not form.is_valid():
            return self._shown(form=form)
        address = form.cleaned_data["address"]
        found = forgetting.kept(address)
        if found.is_nothing:
            form.add_error("address", str(forgetting.NothingKept()))
            return self._shown(form=form)
        return self._ask(address, ForgetForm(initial={"address": address}), found)

    def _ask(self, address: str, form: ForgetForm, found: forgetting.Kept) -> HttpResponse:
        return self._shown(
            form=form,
            address=address,
            kept=found,
            account=User.objects.filter(email__iexact=address).first(),
        )

    def _erase(self) -> HttpResponse:
        form = ForgetForm(self.request.POST)
        if "address" in form.errors:
            return self._shown(form=AddressForm(self.request.POST))
        address = form.cleaned_data["address"]
        if form.is_valid():
            try:
                found = forgetting.forget(
                    address, by=self.person, reason=form.cleaned_data["reason"]
                )
            except forgetting.NothingKept:
                raise  # another window was first: there is nothing to ask any more
            except Refusal as refusal:
                form.add_error("reason", str(refusal))
            else:
                return self.done(_erased(found))
        return self._ask(address, form, forgetting.kept(address))


def _erased(found: forgetting.Kept) -> str:
    said = ngettext(
        "The address is erased from %(count)s message of the log.",
        "The address is erased from %(count)s messages of the log.",
        found.messages,
    )
    if not found.messages:
        return gettext("The address is erased.")
    return said % {"count": found.messages}


class ForgetMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(request.user.has_perm(forgetting.FORGET))


class ForgetViewSet(ViewSet):
    name = "mail_forget"
    url_prefix = "e-mails/erase"
    icon = "bin"
    menu_label = _("Erase an address")
    menu_item_class = ForgetMenuItem

    def get_urlpatterns(self) -> list[URLPattern]:
        return [path("", ForgetPage.as_view(), name="index")]
