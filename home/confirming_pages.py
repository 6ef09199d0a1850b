"""The back office's side of confirming: the button, its page, and the report of what is due."""

from collections.abc import Iterator
from typing import Any

from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db.models import Exists, F, OuterRef, Q
from django.db.models.functions import Coalesce
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from django.views.generic import TemplateView
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.admin.views.generic.base import WagtailAdminTemplateMixin
from wagtail.admin.views.reports.base import PageReportView
from wagtail.admin.widgets.button import Button
from wagtail.log_actions import LogActionRegistry
from wagtail.models import Page
from wagtail.permissions import page_permission_policy

from core.models import User
from core.refusals import Refusal
from home.confirming import KINDS, confirm, may_confirm
from home.models.confirming import stale_before


class ConfirmPage(WagtailAdminTemplateMixin, TemplateView):
    """Shows when the facts were confirmed, and takes the word of staff that they hold today."""

    template_name = "home/backoffice/confirm.html"
    page_title = _("Confirm the facts")
    header_icon = "check"
    http_method_names = ["get", "head", "post"]
    _show_breadcrumbs = True

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not may_confirm(self.page, self.person):
            raise PermissionDenied
        return super().dispatch(request, *args, **kwargs)

    @cached_property
    def page(self) -> Any:
        return get_object_or_404(Page, pk=self.kwargs["pk"]).specific

    @property
    def person(self) -> User:
        assert isinstance(self.request.user, User)
        return self.request.user

    def get_page_subtitle(self) -> str:
        return str(self.page.get_admin_display_title())

    def get_breadcrumbs_items(self) -> list[dict[str, Any]]:
        here = {"url": "", "label": self.get_page_title(), "sublabel": self.get_page_subtitle()}
        return [*self.breadcrumbs_items, here]

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(page=self.page, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        try:
            confirm(self.page, by=self.person)
        except Refusal as refusal:
            messages.error(request, str(refusal))
            return redirect(request.path)
        messages.success(
            request, gettext("“%(page)s” is confirmed as of today.") % {"page": self.page}
        )
        return redirect("wagtailadmin_explore", self.page.get_parent().pk)


class UnconfirmedReport(PageReportView):
    """Pages whose facts nobody has confirmed for a year, the longest first."""

    page_title = _("Facts to confirm")
    header_icon = "check"
    index_url_name = "home_unconfirmed"
    index_results_url_name = "home_unconfirmed_results"
    results_template_name = "home/backoffice/unconfirmed_results.html"
    export_headings = {"title": _("Title"), "confirmed_on": _("Last confirmed")}
    list_export = ["title", "confirmed_on"]
    permission_policy = page_permission_policy
    any_permission_required = {"change", "publish"}

    def get_queryset(self) -> Any:
        mine = page_permission_policy.instances_user_has_any_permission_for(
            self.request.user, {"change", "publish"}
        )
        self.queryset = unconfirmed(mine).select_related("content_type", "locale")
        return super().get_queryset()


def unconfirmed(pages: Any) -> Any:
    """Those of ``pages`` that are published and due, each once whatever its languages, with
    ``confirmed_on``."""
    same = Page.objects.filter(translation_key=OuterRef("translation_key"), pk__lt=OuterRef("pk"))
    return (
        pages.type(*KINDS)
        .filter(~Exists(same), live=True)
        .annotate(
            confirmed_on=Coalesce(
                "communitypage__confirmed_on", "implementationcountrypage__confirmed_on"
            )
        )
        .filter(
            Q(confirmed_on__isnull=True) | Q(confirmed_on__lt=stale_before(timezone.localdate()))
        )
        .order_by(F("confirmed_on").asc(nulls_first=True), "title")
    )


class ReportItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return bool(
            page_permission_policy.user_has_any_permission(request.user, {"change", "publish"})
        )


@hooks.register("register_reports_menu_item")
def report_item() -> ReportItem:
    return ReportItem(
        _("Facts to confirm"), reverse("home_unconfirmed"), name="unconfirmed", icon_name="check"
    )


@hooks.register("register_admin_urls")
def admin_urls() -> list[URLPattern]:
    return [
        path("confirm/<int:pk>/", ConfirmPage.as_view(), name="home_confirm"),
        path("reports/facts/", UnconfirmedReport.as_view(), name="home_unconfirmed"),
        path(
            "reports/facts/results/",
            UnconfirmedReport.as_view(results_only=True),
            name="home_unconfirmed_results",
        ),
    ]


@hooks.register("register_page_header_buttons")
@hooks.register("register_page_listing_more_buttons")
def confirm_button(page: Page, user: User, **_where: Any) -> Iterator[Button]:
    if page.live and may_confirm(page, user):
        yield Button(
            _("Confirm the facts"),
            reverse("home_confirm", args=[page.pk]),
            icon_name="check",
            priority=25,
        )


@hooks.register("register_log_actions")
def log_actions(actions: LogActionRegistry) -> None:
    actions.register_action("home.confirm", _("Confirm the facts"), _("Facts confirmed"))
