"""Nominations in the back office: who waits for a decision, and deciding."""

from collections.abc import Callable
from typing import Any, ClassVar

import django_filters
from django.db.models import Q
from django.urls import URLPattern, reverse
from django.utils import timezone
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column
from wagtail.admin.widgets.button import HeaderButton

from home.evangelists import nominating, service
from home.evangelists.backoffice.base import ActPage, day_of, title_column, with_page
from home.models import Nomination
from membership.backoffice import ReadOnlyViewSet
from membership.lists import GuardedExportView


class NominationFilterSet(WagtailFilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"),
        choices=[
            ("waiting", _("waits for staff")),
            ("invited", _("waits for the person")),
            ("decided", _("decided")),
        ],
        method="by_state",
    )

    class Meta:
        model = Nomination
        fields: ClassVar[list[str]] = ["state", "level"]

    def by_state(self, queryset: Any, name: str, value: str) -> Any:
        waiting = Q(accepted_at__isnull=False, decided_at=None)
        return queryset.filter(
            {
                "waiting": waiting,
                "invited": Q(
                    accepted_at=None,
                    refused_at=None,
                    withdrawn_at=None,
                    expires_at__gt=timezone.now(),
                ),
                "decided": Q(decided_at__isnull=False),
            }[value]
        )


class NominationIndexView(GuardedExportView):
    def get_base_queryset(self) -> Any:
        return Nomination.objects.select_related("nominated_by", "organisation")

    @property
    def header_buttons(self) -> list[HeaderButton]:
        url = reverse("evangelist_nominate")
        return [HeaderButton(label=gettext("Nominate somebody"), url=url, icon_name="plus")]


class NominationPage(ActPage):
    model = Nomination
    rights = ("home.view_nomination",)
    template_name = "home/backoffice/nomination.html"
    header_icon = "user"
    with_reason = ("decline",)

    def get_rows(self) -> Any:
        return Nomination.objects.select_related(
            "nominated_by", "organisation", "accepted_by", "decided_by"
        )

    def get_page_title(self) -> str:
        return self.row.public_name

    def deeds(self) -> dict[str, tuple[Callable[[str], object], Any]]:
        return {
            "approve": (
                lambda reason: nominating.approve(self.row, by=self.person),
                gettext("Approved. The person was told, and writes the profile now."),
            ),
            "decline": (
                lambda reason: nominating.decline(self.row, by=self.person, reason=reason),
                gettext("Declined. The person was told why."),
            ),
        }

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        waits = self.row.state == Nomination.State.WAITING
        predecessor = self.row.successor_of
        return super().get_context_data(
            may_decide=waits and nominating.may_decide(self.row, self.person),
            waits=waits,
            predecessor=service.page_of(predecessor) if predecessor else None,
            **kwargs,
        )


class NominationViewSet(ReadOnlyViewSet):
    model = Nomination
    name = "home_nominations"
    url_prefix = "evangelists/nominations"
    menu_label = _("Nominations")
    icon = "user"
    index_view_class = NominationIndexView
    filterset_class = NominationFilterSet
    search_fields = ["name", "email"]
    search_backend_name = None
    list_export = ["name", "level", "nominated_by", "organisation", "created_at", "state_words"]

    @property
    def list_display(self) -> list[Any]:
        return [
            title_column("home_nominations", "name", _("Name"), lambda row: row.public_name),
            Column("level", label=_("Level"), accessor=lambda row: row.get_level_display()),
            Column("nominated_by", label=_("Nominated by"), accessor="nominated_by"),
            Column("created_at", label=_("Day"), accessor=lambda row: day_of(row.created_at)),
            Column("state", label=_("State"), accessor="state_words"),
        ]

    def get_urlpatterns(self) -> list[URLPattern]:
        return with_page(self, NominationPage)
