"""Stripe's events: what came, what became of it, and processing one again."""

import json
from typing import Any

import django_filters
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import redirect
from django.urls import URLPattern, path
from django.utils.translation import gettext, ngettext
from django.utils.translation import gettext_lazy as _
from django.views.defaults import permission_denied
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column

from funding.payments import inbox
from funding.payments.backoffice.base import (
    GuardedIndexView,
    MoneyPage,
    ReadViewSet,
    RowPage,
    only_read,
)
from funding.payments.backoffice.waiting import failing_events
from funding.payments.models import StripeEvent
from funding.payments.permissions import REPLAY_EVENT

only_read(StripeEvent)

# At most so many are put back at once: a person reads the result.
REPLAY_AT_ONCE = 500

STATES = {
    "waiting": _("waiting"),
    "failing": _("failing"),
    "applied": _("applied"),
    "ignored": _("ignored"),
    "refused": _("refused"),
}


class EventFilterSet(WagtailFilterSet):
    state = django_filters.ChoiceFilter(
        label=_("State"), choices=list(STATES.items()), method="in_state"
    )

    class Meta:
        model = StripeEvent
        fields = ["state", "type", "source", "created"]

    def in_state(self, queryset: Any, name: str, value: str) -> Any:
        if value == "failing":
            return queryset.filter(processed_at=None).exclude(last_error="")
        if value == "waiting":
            return queryset.filter(processed_at=None, last_error="")
        return queryset.filter(verdict=value)


class EventIndexView(GuardedIndexView):
    """The list, with a way to process all that fail again."""

    def get_context_data(self, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context: dict[str, Any] = super().get_context_data(*args, **kwargs)
        context["failing"] = (
            failing_events().count() if self.request.user.has_perm(REPLAY_EVENT) else 0
        )
        return context


class EventPage(RowPage):
    """One event: its body, its last error, and the button that processes it again."""

    model = StripeEvent
    rights = ("payments.view_stripeevent",)
    template_name = "payments/backoffice/event.html"
    header_icon = "mail"

    def get_rows(self) -> Any:
        return StripeEvent.objects.select_related("payment")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        return super().get_context_data(
            state=STATES[self.row.state],
            body=_pretty(self.row.body),
            may_replay=self.person.has_perm(REPLAY_EVENT),
            **kwargs,
        )

    def acts(self) -> dict[str, Any]:
        return {"replay": (REPLAY_EVENT, self._replay)}

    def _replay(self) -> HttpResponse:
        inbox.replay(self.row, by=self.person)
        return self.done(gettext("The event is processed again in a moment."))


class ReplayAllView(MoneyPage):
    """Puts every failing event back, by POST alone."""

    rights = (REPLAY_EVENT,)
    http_method_names = ["post"]

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        if not self.person.has_perm(REPLAY_EVENT):
            return permission_denied(request, PermissionDenied())
        found = list(failing_events().order_by("pk")[:REPLAY_AT_ONCE])
        for event in found:
            inbox.replay(event, by=self.person)
        words = ngettext(
            "%(count)s event is processed again in a moment.",
            "%(count)s events are processed again in a moment.",
            len(found),
        )
        messages.success(request, words % {"count": len(found)})
        return redirect("payments_events:index")


def _pretty(body: str) -> str:
    try:
        return json.dumps(json.loads(body), indent=2, ensure_ascii=False)
    except ValueError:
        return body


class EventViewSet(ReadViewSet):
    model = StripeEvent
    name = "payments_events"
    url_prefix = "money/events"
    icon = "mail"
    menu_label = _("Stripe events")
    index_view_class = EventIndexView
    index_template_name = "payments/backoffice/events.html"
    page_view = EventPage
    filterset_class = EventFilterSet
    search_fields = ["event_id", "type", "last_error", "body"]
    list_display = [
        "event_id",
        Column("type", label=_("Type"), accessor="type", sort_key="type"),
        Column("state", label=_("State"), accessor=lambda row: STATES[row.state]),
        Column("attempts", label=_("Attempts"), accessor="attempts", sort_key="attempts"),
        Column("error", label=_("Last error"), accessor=lambda row: row.last_error[:120]),
        "source",
        "created",
        "received_at",
    ]
    list_export = ["event_id", "type", "source", "created", "received_at", "verdict", "last_error"]

    def more_urls(self) -> list[URLPattern]:
        return [path("replay-failing/", ReplayAllView.as_view(), name="replay_failing")]
