"""Who serves, who asks to return, and erasing somebody at their wish."""

from collections.abc import Callable
from typing import Any

from django.db.models import Prefetch
from django.urls import URLPattern, reverse
from django.utils import formats
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.ui.tables import Column

from home.evangelists import confirming, erasing, service
from home.evangelists.backoffice.base import ActPage, title_column, with_page
from home.models import Evangelist, EvangelistPage
from membership.backoffice import ReadOnlyViewSet
from membership.lists import GuardedExportView


def with_names(rows: Any) -> Any:
    """Evangelists with their days and pages: two queries, however many."""
    pages = EvangelistPage.objects.filter(alias_of__isnull=True).order_by("-live", "pk")
    return rows.with_days().prefetch_related(Prefetch("pages", queryset=pages, to_attr="own"))


def name_of(row: Any) -> str:
    return row.own[0].title if row.own else gettext("a former evangelist")


STATUS_WORDS = {
    service.Status.CURRENT: _("serves"),
    service.Status.ALUMNUS: _("alumnus or alumna"),
    service.Status.NONE: _("erased"),
}


def _status_of(row: Any) -> str:
    return str(STATUS_WORDS[service.of(row).status])


def _until(row: Any) -> str:
    until = service.of(row).until
    return formats.date_format(until) if until else ""


class EvangelistIndexView(GuardedExportView):
    def get_base_queryset(self) -> Any:
        return with_names(Evangelist.objects.order_by("-pk"))


class EvangelistPageOfStaff(ActPage):
    model = Evangelist
    rights = ("home.view_evangelist",)
    template_name = "home/backoffice/evangelist.html"
    header_icon = "user"
    with_reason = ("decline", "erase")

    def get_rows(self) -> Any:
        return with_names(Evangelist.objects.all())

    def get_page_title(self) -> str:
        return name_of(self.row)

    def deeds(self) -> dict[str, tuple[Callable[[str], object], Any]]:
        waits = confirming.waits(self.row)
        acts: dict[str, tuple[Callable[[str], object], Any]] = {
            "erase": (
                lambda reason: erasing.erase(self.row, by=self.person, reason=reason),
                gettext("The profile is erased."),
            )
        }
        if waits is not None:
            acts |= {
                "approve": (
                    lambda reason: confirming.approve_return(waits, by=self.person),
                    gettext("The person serves again and was told."),
                ),
                "decline": (
                    lambda reason: confirming.decline_return(waits, by=self.person, reason=reason),
                    gettext("Declined. The person was told why."),
                ),
            }
        return acts

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        waits = confirming.waits(self.row)
        confirmations = list(self.row.confirmations.select_related("made_by", "decided_by"))
        page = self.row.own[0] if self.row.own else None
        return super().get_context_data(
            status=_status_of(self.row),
            periods=service.periods(confirmations),
            confirmations=confirmations,
            own=page,
            page_href=reverse("wagtailadmin_pages:edit", args=[page.pk]) if page else "",
            history_href=reverse("wagtailadmin_pages:history", args=[page.pk]) if page else "",
            waits=waits,
            may_decide=waits is not None
            and self.person.has_perm(confirming.DECIDE)
            and waits.made_by_id != self.person.pk,
            may_erase=self.row.erased_at is None and self.person.has_perm(erasing.ERASE),
            **kwargs,
        )


class EvangelistViewSet(ReadOnlyViewSet):
    model = Evangelist
    name = "home_evangelists"
    url_prefix = "evangelists/people"
    menu_label = _("Evangelists")
    icon = "group"
    index_view_class = EvangelistIndexView
    search_fields = ["pages__title"]
    search_backend_name = None

    @property
    def list_display(self) -> list[Any]:
        return [
            title_column("home_evangelists", "name", _("Name"), name_of),
            Column("status", label=_("Status today"), accessor=_status_of),
            Column("until", label=_("Confirmed until"), accessor=_until),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return with_page(self, EvangelistPageOfStaff)
