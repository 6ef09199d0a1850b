"""The menu "Events": when things are, who comes, and who asks for travel support."""

import datetime
from typing import Any

import django_filters
from django.contrib import messages
from django.core.exceptions import ValidationError
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseBase
from django.shortcuts import get_object_or_404, redirect
from django.urls import URLPattern, path, reverse
from django.utils.functional import cached_property
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _
from wagtail.admin.filters import WagtailFilterSet
from wagtail.admin.ui.tables import Column, TitleColumn
from wagtail.admin.viewsets.base import ViewSetGroup

from core.refusals import Refusal
from funding.payments.backoffice.base import (
    GuardedIndexView,
    MoneyPage,
    ReadViewSet,
    RowPage,
    facts,
    only_read,
)
from home.events import happenings, queries, scheduling, travel, zones
from home.events.forms import CancelForm, DecideForm, EventForm, MoveForm
from home.events.happenings import Happening, happening
from home.events.permissions import (
    ADD_EVENT,
    CHANGE_EVENT,
    DECIDE_TRAVEL,
    MOVE_EVENT,
    VIEW_EVENT,
    VIEW_REGISTRATION,
    VIEW_TRAVEL,
)
from home.events.registering import STANDING
from home.models.event_pages import EventPage
from home.models.events import Event, Registration, TravelRequest

only_read(Event, Registration, TravelRequest)

AHEAD, BEHIND = 24, 24


def _link(viewset: str) -> Any:
    return lambda row: reverse(f"{viewset}:inspect", args=[row.pk])


# --- Events ---------------------------------------------------------------------------------------


class EventRowPage(RowPage):
    """One event: its facts, its pages, its occurrences."""

    model = Event
    rights = (VIEW_EVENT,)
    template_name = "home/backoffice/event.html"
    header_icon = "date"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        event: Event = self.row
        rows = queries.with_seats(event)
        ahead = happenings.upcoming(event, rows)[:AHEAD]
        behind = happenings.past(event, rows)[:BEHIND]
        shown = facts(
            event,
            "kind",
            "zone",
            "starts_on",
            "starts_at",
            "ends_on",
            "ends_at",
            "repeats",
            "until",
            "count",
            "join_link",
            "link_for",
            "takes_registrations",
            "capacity",
            "offers_travel_support",
        )
        return super().get_context_data(
            facts=shown,
            ahead=[self._line(each) for each in ahead],
            behind=[self._line(each) for each in behind],
            pages=EventPage.objects.filter(event=event).select_related("locale"),
            may_change=self.person.has_perm(CHANGE_EVENT),
            may_see_people=self.person.has_perm(VIEW_REGISTRATION),
            **kwargs,
        )

    def _line(self, found: Happening) -> dict[str, Any]:
        return {
            "happening": found,
            "when": zones.in_words(found.starts, found.ends, found.event.zone),
            "seated": found.row.seated if found.row else 0,  # type: ignore[attr-defined]
            "url": reverse("events:occurrence", args=[found.event.pk, found.day.isoformat()]),
        }


class EventFormPage(MoneyPage):
    """The form of an event, new or not; it keeps what was typed."""

    template_name = "home/backoffice/event_form.html"
    header_icon = "date"

    @cached_property
    def event(self) -> Event | None:
        pk = self.kwargs.get("pk")
        if pk is None:
            return None
        return get_object_or_404(Event, pk=pk)

    def get_page_title(self) -> str:
        return gettext("New event") if self.event is None else str(self.event)

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        back = reverse("events:index")
        if self.event is not None:
            back = reverse("events:inspect", args=[self.event.pk])
        form = kwargs.pop("form", None) or EventForm(instance=self.event)
        return super().get_context_data(form=form, back_url=back, **kwargs)

    def post(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        kept = Event.objects.get(pk=self.event.pk) if self.event is not None else None
        form = EventForm(request.POST, instance=self.event)
        if form.is_valid():
            try:
                if kept is None:
                    made = scheduling.add_event(form.values(), by=self.person)
                else:
                    made = scheduling.change_event(kept, form.values(), by=self.person)
            except Refusal as refusal:
                form.add_error(None, str(refusal))
            except ValidationError as error:
                form.add_error(None, error)
            else:
                messages.success(request, gettext("Saved."))
                return redirect("events:inspect", made.pk)
        return self.render_to_response(self.get_context_data(form=form))


class NewEventPage(EventFormPage):
    rights = (ADD_EVENT,)


class ChangeEventPage(EventFormPage):
    rights = (CHANGE_EVENT,)


class OccurrencePage(MoneyPage):
    """One occurrence: who comes; by POST, moved or cancelled with a reason."""

    rights = (VIEW_EVENT,)
    template_name = "home/backoffice/occurrence.html"
    header_icon = "date"

    @cached_property
    def found(self) -> Happening:
        event = get_object_or_404(Event, pk=self.kwargs["pk"])
        try:
            day = datetime.date.fromisoformat(self.kwargs["day"])
        except ValueError:
            raise Http404 from None
        made = happening(event, day, event.occurrences.filter(day=day).first())
        if made is None:
            raise Http404
        return made

    def get_page_title(self) -> str:
        return f"{self.found.event}, {self.found.day.isoformat()}"

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        found = self.found
        sees = self.person.has_perm(VIEW_REGISTRATION)
        row = found.row
        people = row.registrations.order_by("queued_at", "pk") if row and sees else []
        return super().get_context_data(
            **{
                "happening": found,
                "when": zones.with_zone(found.starts, found.ends, found.event.zone),
                "people": people,
                "counts": _counts(row) if row else [],
                "may_see_people": sees,
                "people_url": f"{reverse('event_registrations:index')}?occurrence={row.pk}"
                if row and sees
                else "",
                "event_url": reverse("events:inspect", args=[found.event.pk]),
                "may_move": self.person.has_perm(MOVE_EVENT)
                and not found.is_over
                and not found.is_cancelled,
                "move_form": MoveForm(
                    initial={"day": found.starts.date(), "time": found.starts.time()}
                ),
                "cancel_form": CancelForm(prefix="cancel"),
                **kwargs,
            }
        )

    def acts(self) -> dict[str, Any]:
        return {"move": (MOVE_EVENT, self._move), "cancel": (MOVE_EVENT, self._cancel)}

    def _move(self) -> HttpResponse:
        form = MoveForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(move_form=form))
        to = datetime.datetime.combine(form.cleaned_data["day"], form.cleaned_data["time"])
        found = self.found
        scheduling.move(
            found.event, found.day, to, by=self.person, reason=form.cleaned_data["reason"]
        )
        return self.done(gettext("The occurrence is moved, and everybody registered is told."))

    def _cancel(self) -> HttpResponse:
        form = CancelForm(self.request.POST, prefix="cancel")
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(cancel_form=form))
        found = self.found
        scheduling.cancel(
            found.event, found.day, by=self.person, reason=form.cleaned_data["reason"]
        )
        return self.done(gettext("The occurrence is cancelled, and everybody registered is told."))


def _counts(row: Any) -> list[tuple[str, int]]:
    states = list(row.registrations.values_list("state", flat=True))
    return [(str(state.label), states.count(state)) for state in Registration.State]


class EventViewSet(ReadViewSet):
    model = Event
    name = "events"
    url_prefix = "events/list"
    icon = "date"
    menu_label = _("Events")
    page_view = EventRowPage
    list_filter = ["kind", "repeats"]
    search_fields = ["name"]
    ordering = "-starts_on"
    list_display = [
        TitleColumn("name", label=_("Name"), get_url=_link("events"), sort_key="name"),
        Column("kind", label=_("Kind"), accessor=lambda row: row.get_kind_display()),
        Column("starts_on", label=_("First day"), sort_key="starts_on"),
        Column("repeats", label=_("Repeats"), accessor=lambda row: row.get_repeats_display()),
        Column("zone", label=_("Time zone")),
        Column("capacity", label=_("Number of seats")),
    ]
    index_template_name = "home/backoffice/events.html"

    def more_urls(self) -> list[URLPattern]:
        kwargs = {"viewset_name": self.name, "list_label": self.menu_label}
        return [
            path("new/", NewEventPage.as_view(**kwargs), name="new"),
            path("change/<int:pk>/", ChangeEventPage.as_view(**kwargs), name="change"),
            path(
                "inspect/<int:pk>/<str:day>/", OccurrencePage.as_view(**kwargs), name="occurrence"
            ),
        ]


# --- Registrations --------------------------------------------------------------------------------


class RegistrationFilterSet(WagtailFilterSet):
    occurrence = django_filters.NumberFilter(field_name="occurrence", label=_("Occurrence number"))
    event = django_filters.ModelChoiceFilter(
        field_name="occurrence__event",
        queryset=Event.objects.order_by("name"),
        label=_("Which event"),
    )

    class Meta:
        model = Registration
        fields = ["state", "event", "occurrence", "country", "language"]


class RegistrationIndexView(GuardedIndexView):
    def get_base_queryset(self) -> Any:
        return Registration.objects.select_related("occurrence__event").order_by(
            "-occurrence__day", "queued_at", "pk"
        )


class RegistrationViewSet(ReadViewSet):
    """Who registered. It changes by those people's own acts alone."""

    model = Registration
    index_view_class = RegistrationIndexView
    name = "event_registrations"
    url_prefix = "events/registrations"
    icon = "group"
    menu_label = _("Registrations")
    filterset_class = RegistrationFilterSet
    search_fields = ["name", "email", "organisation"]
    inspect_view_fields = [
        "occurrence",
        "name",
        "email",
        "organisation",
        "country",
        "language",
        "zone",
        "state",
        "asked_at",
        "queued_at",
        "reminded_at",
        "erased_at",
    ]
    list_display = [
        TitleColumn("name", label=_("Name"), accessor=str, get_url=_link("event_registrations")),
        Column("occurrence", label=_("Occurrence")),
        Column("email", label=_("E-mail address")),
        Column("organisation", label=_("Organisation")),
        Column("country", label=_("Country"), accessor=lambda row: row.get_country_display()),
        Column("state", label=_("State"), accessor=lambda row: row.get_state_display()),
        Column("queued_at", label=_("Confirmed"), sort_key="queued_at"),
    ]
    list_export = [
        "occurrence.event.name",
        "occurrence.day",
        "name",
        "email",
        "organisation",
        "country",
        "language",
        "zone",
        "state",
        "asked_at",
        "queued_at",
    ]
    export_filename = "registrations"


# --- Travel support -------------------------------------------------------------------------------


class TravelPage(RowPage):
    """One request for travel support, and what is decided about it."""

    model = TravelRequest
    rights = (VIEW_TRAVEL,)
    template_name = "home/backoffice/travel.html"
    header_icon = "globe"

    def get_rows(self) -> Any:
        return TravelRequest.objects.select_related("registration__occurrence__event", "decided_by")

    def get_context_data(self, **kwargs: Any) -> dict[str, Any]:
        row: TravelRequest = self.row
        person = row.registration
        money = row.money
        shown = [
            *facts(person, "occurrence", "name", "email", "organisation", "country", "state"),
            *facts(row, "travels_from", "needs", "why"),
            *([(gettext("Estimate"), money.format())] if money else []),
            *facts(row, "state", "decided_at", "decided_by", "reason"),
        ]
        context = {
            "facts": shown,
            "form": DecideForm(),
            "may_decide": self.person.has_perm(DECIDE_TRAVEL)
            and row.state == TravelRequest.State.ASKED
            and person.state in STANDING,
        }
        return super().get_context_data(**{**context, **kwargs})

    def acts(self) -> dict[str, Any]:
        return {
            "grant": (DECIDE_TRAVEL, lambda: self._decide(granted=True)),
            "decline": (DECIDE_TRAVEL, lambda: self._decide(granted=False)),
        }

    def _decide(self, *, granted: bool) -> HttpResponse:
        form = DecideForm(self.request.POST)
        if not form.is_valid():
            return self.render_to_response(self.get_context_data(form=form))
        travel.decide(self.row, granted=granted, by=self.person, reason=form.cleaned_data["reason"])
        return self.done(gettext("The request is decided, and who asked is told."))


class TravelIndexView(GuardedIndexView):
    """Those of people who confirmed; what is open comes first."""

    def get_base_queryset(self) -> Any:
        found = TravelRequest.objects.exclude(registration__state=Registration.State.ASKED)
        return found.select_related("registration__occurrence__event").order_by("state", "-pk")


class TravelViewSet(ReadViewSet):
    model = TravelRequest
    index_view_class = TravelIndexView
    name = "event_travel"
    url_prefix = "events/travel"
    icon = "globe"
    menu_label = _("Travel support")
    page_view = TravelPage
    list_filter = ["state"]
    list_display = [
        TitleColumn("name", label=_("Name"), accessor=str, get_url=_link("event_travel")),
        Column("occurrence", label=_("Occurrence"), accessor="registration.occurrence"),
        Column("travels_from", label=_("From")),
        Column(
            "money",
            label=_("Estimate"),
            accessor=lambda row: row.money.format() if row.money else "",
        ),
        Column(
            "registration",
            label=_("Seat"),
            accessor=lambda row: row.registration.get_state_display(),
        ),
        Column("state", label=_("State"), accessor=lambda row: row.get_state_display()),
    ]


class EventsGroup(ViewSetGroup):
    menu_label = _("Events")
    menu_icon = "date"
    menu_name = "events"
    menu_order = 250
    items = (EventViewSet, RegistrationViewSet, TravelViewSet)
