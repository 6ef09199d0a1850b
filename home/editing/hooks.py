"""Puts the reports on pages into the back office, and what waits there into its first page."""

from django.http import HttpRequest
from django.urls import URLPattern, URLResolver, include, path, reverse
from django.utils.translation import gettext_lazy as _
from wagtail import hooks
from wagtail.admin.menu import MenuItem
from wagtail.log_actions import LogActionRegistry

from core.models import User
from funding.payments.backoffice import panel
from home.editing import needs
from home.editing.reports import (
    DraftsView,
    LinksView,
    OnPages,
    ReviewsView,
    TranslationsView,
    mark_reviewed,
)
from home.editing.rights import edits_pages

REPORTS: tuple[type[OnPages], ...] = (TranslationsView, LinksView, ReviewsView, DraftsView)

panel.register(needs.of_pages)


class ReportItem(MenuItem):
    def is_shown(self, request: HttpRequest) -> bool:
        return isinstance(request.user, User) and edits_pages(request.user)


def _register(view: type[OnPages], order: int) -> None:
    @hooks.register("register_reports_menu_item")
    def report() -> MenuItem:
        return ReportItem(
            view.page_title,
            reverse(f"home_reports:{view.name}"),
            name=f"home-{view.name}",
            icon_name=view.header_icon,
            order=order,
        )


for _place, _view in enumerate(REPORTS):
    _register(_view, 100 + _place)


@hooks.register("register_admin_urls")
def register_admin_urls() -> list[URLPattern | URLResolver]:
    patterns = [path("reviews/<int:pk>/", mark_reviewed, name="mark_reviewed")]
    for view in REPORTS:
        patterns += [
            path(f"{view.name}/", view.as_view(), name=view.name),
            path(
                f"{view.name}/results/",
                view.as_view(results_only=True),
                name=f"{view.name}_results",
            ),
        ]
    return [path("reports/pages/", include((patterns, "home_reports")))]


@hooks.register("register_log_actions")
def register_log_actions(actions: LogActionRegistry) -> None:
    actions.register_action("home.review_page", _("Review page"), _("Reviewed: it still holds"))
