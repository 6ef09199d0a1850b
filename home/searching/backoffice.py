"""What was searched for, for those who choose what stands above results: Wagtail's report, which
Wagtail itself shows to superusers alone."""

from typing import Any

from django.http import HttpRequest
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.auth import permission_denied
from wagtail.admin.menu import MenuItem
from wagtail.contrib.search_promotions.views.reports import SearchTermsReportView

RIGHT = "wagtailsearchpromotions.change_searchpromotion"


class SearchesReport(SearchTermsReportView):
    index_url_name = "searches_report"
    index_results_url_name = "searches_report_results"

    def dispatch(self, request: HttpRequest, *args: Any, **kwargs: Any) -> Any:
        if not request.user.has_perm(RIGHT):
            return permission_denied(request)
        # Past Wagtail's own question whether it is a superuser.
        return super(SearchTermsReportView, self).dispatch(request, *args, **kwargs)


class SearchesMenuItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        person: Any = request.user
        return bool(person.has_perm(RIGHT) and not person.is_superuser)


@hooks.register("register_admin_urls")
def searches_urls() -> list[URLPattern]:
    results = SearchesReport.as_view(results_only=True)
    return [
        path("reports/searches/", SearchesReport.as_view(), name="searches_report"),
        path("reports/searches/results/", results, name="searches_report_results"),
    ]


@hooks.register("register_reports_menu_item")
def searches_menu_item() -> MenuItem:
    return SearchesMenuItem(
        _("Search terms"),
        reverse("searches_report"),
        name="searches",
        icon_name="search",
        order=1300,
    )
