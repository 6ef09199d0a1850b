"""What pages of the menu "Members" share: rights, path, menu item."""

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.utils.translation import gettext_lazy as _
from django.views.defaults import permission_denied
from django.views.generic import TemplateView
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.viewsets.base import ViewSet

from core.models import User


class StaffPage(WagtailAdminTemplateMixin, TemplateView):
    """A page that the right ``right`` opens."""

    right = ""
    http_method_names = ["get", "head", "post"]
    _show_breadcrumbs = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not request.user.has_perm(self.right):
            return permission_denied(request, PermissionDenied())
        return super().dispatch(request, *args, **kwargs)

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        return [*self.breadcrumbs_items, {"url": "", "label": self.get_page_title()}]

    def stay(self) -> HttpResponse:
        return redirect(self.request.path)

    def refuse(self, words: str) -> HttpResponse:
        messages.error(self.request, words)
        return self.stay()


class FileForm(forms.Form):
    """A CSV file to import; ``most`` says how large it may be, in words."""

    file = forms.FileField(
        label=_("File"),
        error_messages={
            "required": _("Choose the file."),
            "empty": _("There is nothing in the file."),
        },
    )
    most: Any = ""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.fields["file"].help_text = self.most


class SampleFile(StaffPage):
    """A CSV file to begin with."""

    http_method_names = ["get", "head"]
    file_name = ""

    def sample(self) -> str:
        raise NotImplementedError

    def get(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        response = HttpResponse(self.sample(), content_type="text/csv; charset=utf-8")
        response["Content-Disposition"] = f'attachment; filename="{self.file_name}"'
        return response


class PageViewSet(ViewSet):
    """Puts pages into the menu for those with the right ``right``."""

    right = ""

    @property
    def menu_item_class(self) -> type[MenuItem]:
        right = self.right

        def is_shown(_item: MenuItem, request: HttpRequest) -> bool:
            return bool(request.user.has_perm(right))

        return type("PageMenuItem", (MenuItem,), {"is_shown": is_shown})
