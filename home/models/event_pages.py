"""The pages of events: what readers see of the rows in `home.models.events`, in their language."""

import datetime

from django.core.exceptions import ValidationError
from django.db import models
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from wagtail.admin.forms import WagtailAdminPageForm
from wagtail.admin.panels import FieldPanel, InlinePanel, MultiFieldPanel
from wagtail.contrib.routable_page.models import RoutablePageMixin, path, re_path
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page, TranslatableMixin
from wagtail.search import index

from home.blocks import TEXT_FEATURES, BodyBlock
from home.events import recurrence
from home.fields import LinesField
from home.models.base import IndexPage, OnePerLanguage, PortalPage
from home.models.events import Event

# What stands in the address of a list → the kind of event it shows.
KIND_PATHS = {
    "community-calls": Event.Kind.CALL,
    "meetings": Event.Kind.MEETING,
    "trainings": Event.Kind.TRAINING,
    "conferences": Event.Kind.CONFERENCE,
}
KIND_LABELS = {
    Event.Kind.CALL: _("Community calls"),
    Event.Kind.MEETING: _("Meetings"),
    Event.Kind.TRAINING: _("Trainings"),
    Event.Kind.CONFERENCE: _("Conferences"),
}
# Addresses below the list that are no event's.
TAKEN_SLUGS = {*KIND_PATHS, "past", "registration", "time-zone", "calendar"}


class EventIndexPage(RoutablePageMixin, IndexPage):
    """All events: what comes, and what was, by kind."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.EventPage"]
    template = "home/event_index_page.html"
    page_description = _("Lists the events, those to come first. Write event pages below it.")

    class Meta:
        verbose_name = _("list of events")

    @path("")
    def upcoming(self, request: HttpRequest) -> HttpResponse:
        return self._listed(request)

    @path("past/")
    def past(self, request: HttpRequest) -> HttpResponse:
        return self._listed(request, is_past=True)

    @re_path(rf"^({'|'.join(KIND_PATHS)})/$")
    def upcoming_of_kind(self, request: HttpRequest, kind_path: str) -> HttpResponse:
        return self._listed(request, kind_path=kind_path)

    @re_path(rf"^({'|'.join(KIND_PATHS)})/past/$")
    def past_of_kind(self, request: HttpRequest, kind_path: str) -> HttpResponse:
        return self._listed(request, kind_path=kind_path, is_past=True)

    def _listed(
        self, request: HttpRequest, *, kind_path: str = "", is_past: bool = False
    ) -> HttpResponse:
        from home.events.views import list_of_events

        return list_of_events(request, self, kind_path=kind_path, is_past=is_past)


class EventPageForm(WagtailAdminPageForm):
    """Agenda and notes belong to a day of the event."""

    def is_valid(self) -> bool:
        is_valid: bool = super().is_valid()
        event = self.cleaned_data.get("event")
        for form in self.formsets["minutes"].forms if event else []:
            day = form.cleaned_data.get("day") if form.is_valid() else None
            if day and not recurrence.has_day(event.schedule, day):
                words = _("The event has no occurrence on this day. Choose one of its days.")
                form.add_error("day", words)
                is_valid = False
        return is_valid


class EventPage(RoutablePageMixin, OnePerLanguage):
    """One event in one language. Its times, seats and link are the event's, one for all languages."""

    event = models.ForeignKey(
        Event,
        on_delete=models.PROTECT,
        related_name="pages",
        verbose_name=_("event"),
        help_text=_("When it is and who may come: made in the menu “Events”."),
    )
    place = models.CharField(
        _("place"), max_length=200, blank=True, help_text=_("Empty for an event online.")
    )
    speakers = LinesField(_("speakers"), blank=True, max_items=12, help_text=_("One a line."))
    evangelists = ParentalManyToManyField(
        "home.EvangelistPage", verbose_name=_("evangelists who speak"), blank=True, related_name="+"
    )
    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)
    is_example = models.BooleanField(
        _("example"),
        default=False,
        help_text=_("An invented event that shows what a page looks like; the page says so."),
    )

    content_panels = [
        *Page.content_panels,
        "event",
        "summary",
        "place",
        MultiFieldPanel(
            [FieldPanel("speakers"), FieldPanel("evangelists", widget=CheckboxSelectMultiple)],
            heading=_("Who speaks"),
        ),
        "body",
        InlinePanel("minutes", heading=_("Agendas, notes, recordings"), label=_("Occurrence")),
        "is_example",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("body"),
        index.SearchField("place"),
        index.RelatedFields("minutes", [index.SearchField("agenda"), index.SearchField("notes")]),
    ]
    parent_page_types = ["home.EventIndexPage"]
    subpage_types: list[str] = []
    template = "home/event_page.html"
    page_description = _("An event: what it is about, with agenda and notes of each occurrence.")
    base_form_class = EventPageForm
    one_per = "event"
    taken = _("This event has a page in this language already.")

    class Meta(Page.Meta):
        verbose_name = _("event page")
        verbose_name_plural = _("event pages")
        constraints = [
            models.UniqueConstraint(
                fields=["event", "language"], name="event_page_one_per_event_and_language"
            )
        ]

    def clean(self) -> None:
        super().clean()
        if self.slug in TAKEN_SLUGS:
            raise ValidationError({"slug": _("This address is taken. Write another one.")})

    def get_route_paths(self) -> list[str]:
        """Its days, too: where the page gets another address, links to them go on to work."""
        schedule, ahead = self.event.schedule, timezone.localdate() + datetime.timedelta(days=400)
        days = recurrence.days(schedule, schedule.starts.date(), ahead)
        return [*super().get_route_paths(), *(f"/{day.isoformat()}/" for day in days)]

    @path("")
    def whole(self, request: HttpRequest) -> HttpResponse:
        from home.events.views import event

        return event(request, self)

    @re_path(r"^(\d{4}-\d{2}-\d{2})/$")
    def occurrence(self, request: HttpRequest, day: str) -> HttpResponse:
        from home.events.views import occurrence

        return occurrence(request, self, day)

    @re_path(r"^(\d{4}-\d{2}-\d{2})/register/$")
    def register(self, request: HttpRequest, day: str) -> HttpResponse:
        from home.events.registration_views import register

        return register(request, self, day)

    @re_path(r"^(\d{4}-\d{2}-\d{2})/registered/$")
    def registered(self, request: HttpRequest, day: str) -> HttpResponse:
        from home.events.registration_views import registered

        return registered(request, self, day)

    def path_of(
        self, day: datetime.date, part: str = "", *, request: HttpRequest | None = None
    ) -> str:
        """The path of an occurrence planned for ``day``, or of a part of it such as register/.

        Given the request, Wagtail asks but once where the site begins.
        """
        return f"{self.get_url(request)}{day.isoformat()}/{part}"


class Minutes(TranslatableMixin, models.Model):
    """Agenda, notes and recording of one occurrence, in the language of the page."""

    page = ParentalKey(EventPage, on_delete=models.CASCADE, related_name="minutes")
    day = models.DateField(
        _("planned day"),
        help_text=_("The day that stands in its address, also where it was moved."),
    )
    agenda = RichTextField(_("agenda"), features=TEXT_FEATURES, blank=True)
    notes = RichTextField(_("notes"), features=TEXT_FEATURES, blank=True)
    recording = models.URLField(_("recording"), blank=True, max_length=500)

    panels = [FieldPanel("day"), FieldPanel("agenda"), FieldPanel("notes"), FieldPanel("recording")]

    class Meta(TranslatableMixin.Meta):
        ordering = ["-day"]
        verbose_name = _("agenda and notes")
        verbose_name_plural = _("agendas and notes")
        constraints = [
            models.UniqueConstraint(fields=["page", "day"], name="minutes_one_per_page_and_day")
        ]

    def __str__(self) -> str:
        return self.day.isoformat()
