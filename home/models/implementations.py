"""Where OpenLMIS runs: one page a country, one row a system."""

import datetime
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.utils import dates
from django.utils.formats import date_format
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, FieldRowPanel, InlinePanel
from wagtail.fields import StreamField
from wagtail.models import Locale, Orderable, Page
from wagtail.search import index

from core import countries
from home.blocks import BodyBlock
from home.models.base import Confidence, IndexPage, OnePerLanguage, PortalPage, public
from home.models.confirming import Confirmed
from home.models.news import NEWS_BESIDE, news_in, of_country

MILESTONES_SHOWN = 8


class ImplementationIndexPage(IndexPage):
    """All countries with their systems."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.ImplementationCountryPage"]
    template = "home/implementation_index_page.html"
    page_description = _("Lists the countries where OpenLMIS runs.")

    class Meta:
        verbose_name = _("list of implementations")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        found = countries_with_systems(self.locale)
        systems = [system for page in found for system in page.implementations.all()]
        context["countries"] = found
        context["system_count"] = len(systems)
        context["states"] = [
            (state, count)
            for state in Implementation.State
            if (count := sum(system.state == state for system in systems))
        ]
        latest = [milestone for page in found for milestone in page.milestones.all()]
        latest.sort(key=lambda milestone: (-milestone.year, -(milestone.month or 0)))
        context["milestones"] = latest[:MILESTONES_SHOWN]
        return context


class ImplementationCountryPage(Confirmed, OnePerLanguage):
    """One country and the systems that run there."""

    country = models.CharField(_("country"), max_length=2, choices=countries.choices)
    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)

    content_panels = [
        *Page.content_panels,
        "country",
        "summary",
        InlinePanel("implementations", heading=_("Systems"), label=_("System"), min_num=1),
        InlinePanel("milestones", heading=_("Milestones"), label=_("Milestone")),
        "body",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("body"),
        index.FilterField("country"),
        index.RelatedFields(
            "implementations",
            [index.SearchField("system_name"), index.SearchField("partners")],
        ),
    ]
    parent_page_types = ["home.ImplementationIndexPage"]
    subpage_types: list[str] = []
    template = "home/implementation_country_page.html"
    page_description = _("One country and the OpenLMIS systems that run there.")
    card_kind = _("Where OpenLMIS runs")
    one_per = "country"
    taken = _("This country has a page in this language already.")

    class Meta(Page.Meta):
        verbose_name = _("country with implementations")
        verbose_name_plural = _("countries with implementations")
        constraints = [
            models.UniqueConstraint(
                fields=["country", "language"],
                condition=~models.Q(country=""),
                name="implementation_page_one_per_country_and_language",
            )
        ]

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        context["milestones"] = sorted(
            self.milestones.all(), key=lambda milestone: (milestone.year, milestone.month or 0)
        )
        context["news"] = of_country(news_in(self.locale_id), self.country)[:NEWS_BESIDE]
        return context

    @property
    def country_name(self) -> str:
        """The country's name in the reader's language."""
        return countries.get(self.country).name()

    @property
    def first_year(self) -> int | None:
        """The year in which the first system of the country was deployed, where known."""
        systems = self.implementations.all()
        return min((row.year_deployed for row in systems if row.year_deployed), default=None)

    @property
    def states(self) -> str:
        """The states of its systems in words, each once: ``In use, Planned``."""
        states = {row.state for row in self.implementations.all()}
        return ", ".join(str(state.label) for state in Implementation.State if state in states)

    @property
    def best_confidence(self) -> Confidence | None:
        """How sure we are of the best-known system."""
        known = {row.confidence for row in self.implementations.all()}
        return next((level for level in Confidence if level in known), None)


class Implementation(Orderable):
    """One system built on OpenLMIS in one country, as its source describes it."""

    class State(models.TextChoices):
        RUNNING = "running", _("In use")
        PILOT = "pilot", _("Being tried")
        PLANNED = "planned", _("Planned")
        ENDED = "ended", _("No longer in use")
        UNKNOWN = "unknown", _("State not known")

    page = ParentalKey(
        ImplementationCountryPage, on_delete=models.CASCADE, related_name="implementations"
    )
    system_name = models.CharField(_("system"), max_length=120)
    state = models.CharField(
        _("state"),
        max_length=10,
        choices=State.choices,
        default=State.UNKNOWN,
        help_text=_("As its source says, not as one would hope."),
    )
    year_deployed = models.PositiveSmallIntegerField(_("deployed in"), null=True, blank=True)
    coverage = models.CharField(_("coverage"), max_length=200, blank=True)
    partners = models.CharField(
        _("implementing partners"),
        max_length=200,
        blank=True,
        help_text=_("Separated by semicolons."),
    )
    source = models.CharField(_("source"), max_length=250)
    confidence = models.CharField(
        _("how sure we are"), max_length=10, choices=Confidence.choices, default=Confidence.MEDIUM
    )

    panels = [
        FieldPanel("system_name"),
        FieldPanel("state"),
        FieldPanel("year_deployed"),
        FieldPanel("coverage"),
        FieldPanel("partners"),
        FieldPanel("source"),
        FieldPanel("confidence"),
    ]

    class Meta(Orderable.Meta):
        verbose_name = _("implementation")
        verbose_name_plural = _("implementations")

    def __str__(self) -> str:
        return self.system_name

    @property
    def partner_names(self) -> list[str]:
        return [name.strip() for name in self.partners.split(";") if name.strip()]


class ImplementationMilestone(Orderable):
    """Something that was reached in a country, with where it was read."""

    page = ParentalKey(
        ImplementationCountryPage, on_delete=models.CASCADE, related_name="milestones"
    )
    year = models.PositiveSmallIntegerField(
        _("year"), validators=[MinValueValidator(1990), MaxValueValidator(2100)]
    )
    month = models.PositiveSmallIntegerField(
        _("month"),
        null=True,
        blank=True,
        choices=[(number, dates.MONTHS[number]) for number in range(1, 13)],
        help_text=_("Left empty where the source names the year alone."),
    )
    what = models.CharField(
        _("what was reached"),
        max_length=200,
        help_text=_("Such as: 157 health facilities order with SIGLUS."),
    )
    source = models.CharField(_("source"), max_length=250)

    panels = [
        FieldRowPanel([FieldPanel("year"), FieldPanel("month")]),
        FieldPanel("what"),
        FieldPanel("source"),
    ]

    class Meta(Orderable.Meta):
        verbose_name = _("milestone")
        verbose_name_plural = _("milestones")
        constraints = [
            models.CheckConstraint(
                condition=models.Q(month__isnull=True) | models.Q(month__range=(1, 12)),
                name="milestone_month_of_the_year",
            )
        ]

    def __str__(self) -> str:
        return f"{self.year}: {self.what}"

    @property
    def when(self) -> str:
        """``December 2017`` or ``2017``, in the reader's language."""
        if not self.month:
            return str(self.year)
        return date_format(datetime.date(self.year, self.month, 1), "F Y")


_FACTS = (
    "pk",
    "sort_order",
    "system_name",
    "state",
    "year_deployed",
    "coverage",
    "partners",
    "source",
    "confidence",
)


_MILESTONE_FACTS = ("pk", "sort_order", "year", "month", "what", "source")


def countries_with_systems(locale: Locale) -> list[ImplementationCountryPage]:
    """The published countries in one language with their systems, by name in the reader's; one
    query."""
    systems = Implementation.objects.filter(page=OuterRef("pk")).order_by("sort_order")
    reached = ImplementationMilestone.objects.filter(page=OuterRef("pk")).order_by("sort_order")
    pages = list(
        public(ImplementationCountryPage)
        .filter(locale=locale)
        .annotate(
            systems=ArraySubquery(
                systems.values(facts=JSONObject(**{name: name for name in _FACTS}))
            ),
            reached=ArraySubquery(
                reached.values(facts=JSONObject(**{name: name for name in _MILESTONE_FACTS}))
            ),
        )
        .defer("body")
    )
    for page in pages:
        page.implementations.set([Implementation(**facts) for facts in page.systems])
        page.milestones.set([ImplementationMilestone(**facts) for facts in page.reached])
    return sorted(pages, key=lambda page: countries.sort_key(page.country_name))


@dataclass(frozen=True, slots=True)
class CountryDot:
    """A country that runs OpenLMIS, as `components/world.html` takes it: ``members`` is the number
    of its systems, which the component shows in place of a share."""

    name: str
    latitude: float | None
    longitude: float | None
    members: int
    href: str
    share: Decimal = Decimal()


def country_dots(
    pages: Iterable[ImplementationCountryPage], request: HttpRequest | None
) -> list[CountryDot]:
    """The countries of `countries_with_systems` for the map; no query."""
    known = countries.all_countries()
    found = []
    for page in pages:
        place = known.get(page.country)
        found.append(
            CountryDot(
                name=page.country_name,
                latitude=place.latitude if place else None,
                longitude=place.longitude if place else None,
                members=len(page.implementations.all()),
                href=page.get_url(request) or "",
            )
        )
    return found
