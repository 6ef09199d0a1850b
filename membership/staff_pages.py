"""What pages of the menu "Members" share: rights, path, menu item."""

from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
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


class PageViewSet(ViewSet):
    """Puts pages into the menu for those with the right ``right``."""

    right = ""

    @property
    def menu_item_class(self) -> type[MenuItem]:
        right = self.right

        def is_shown(_item: MenuItem, request: HttpRequest) -> bool:
            return bool(request.user.has_perm(right))

        return type("PageMenuItem", (MenuItem,), {"is_shown": is_shown})
