"""What evangelists entered, and hiding what is wrong."""

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import Prefetch
from django.urls import URLPattern
from django.utils import formats
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column

from home.evangelists import activities, service
from home.evangelists.backoffice.base import ActPage, title_column, with_page
from home.evangelists.backoffice.people import name_of
from home.models import Activity, EvangelistPage
from membership.backoffice import ReadOnlyViewSet
from membership.lists import GuardedExportView


class ActivityFilterSet(WagtailFilterSet):
    hidden = django_filters.BooleanFilter(
        label=_("Hidden"), field_name="hidden_at", lookup_expr="isnull", exclude=True
    )

    class Meta:
        model = Activity
        fields: ClassVar[list[str]] = ["kind", "level", "hidden"]


class ActivityIndexView(GuardedExportView):
    def get_base_queryset(self) -> Any:
        pages = EvangelistPage.objects.filter(alias_of__isnull=True).order_by("-live", "pk")
        return Activity.objects.order_by("-pk").prefetch_related(
            Prefetch("evangelist__pages", queryset=pages, to_attr="own")
        )


class ActivityPage(ActPage):
    model = Activity
    rights = ("home.view_activity",)
    template_name = "home/backoffice/activity.html"
    header_icon = "date"
    with_reason = ("hide",)

    def get_rows(self) -> Any:
        return Activity.objects.select_related("evangelist", "hidden_by")

    def get_page_title(self) -> str:
        return self.row.title or str(self.row)

    def deeds(self) -> dict[str, tuple[Callable[[str], object], Any]]:
        return {
            "hide": (
                lambda reason: activities.hide(self.row, by=self.person, reason=reason),
                gettext("Hidden from the page and from the figures."),
            ),
            "show": (
                lambda reason: activities.show_again(self.row, by=self.person),
                gettext("Shown again."),
            ),
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        page = service.page_of(self.row.evangelist)
        return super().get_context_data(
            who=page.title if page else gettext("a former evangelist"),
            may_hide=self.person.has_perm(activities.MODERATE),
            **kwargs,
        )


class ActivityViewSet(ReadOnlyViewSet):
    model = Activity
    name = "home_activities"
    url_prefix = "evangelists/activities"
    menu_label = _("Activities")
    icon = "date"
    index_view_class = ActivityIndexView
    filterset_class = ActivityFilterSet
    search_fields = ["title"]
    search_backend_name = None
    list_export = ["held_on", "kind", "title", "country", "language", "reached", "level", "link"]

    @property
    def list_display(self) -> list[Any]:
        return [
            title_column("home_activities", "title", _("Title"), lambda row: row.title or str(row)),
            Column("who", label=_("Evangelist"), accessor=lambda row: name_of(row.evangelist)),
            Column("day", label=_("Day"), accessor=lambda row: formats.date_format(row.held_on)),
            Column("reached", label=_("People reached"), accessor="reached"),
            Column(
                "hidden",
                label=_("Hidden"),
                accessor=lambda row: gettext("hidden") if row.hidden_at else "",
            ),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return with_page(self, ActivityPage)
