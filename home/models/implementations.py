"""Where OpenLMIS runs: one page a country, one row a system."""

from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import OuterRef
from django.db.models.functions import JSONObject
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import FieldPanel, InlinePanel
from wagtail.fields import StreamField
from wagtail.models import Locale, Orderable, Page
from wagtail.search import index

from core import countries
from home.blocks import BodyBlock
from home.models.base import Confidence, IndexPage, OnePerLanguage, PortalPage, public


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
        context["countries"] = found
        context["system_count"] = sum(len(page.implementations.all()) for page in found)
        return context


class ImplementationCountryPage(OnePerLanguage):
    """One country and the systems that run there."""

    country = models.CharField(_("country"), max_length=2, choices=countries.choices)
    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)

    content_panels = [
        *Page.content_panels,
        "country",
        "summary",
        InlinePanel("implementations", heading=_("Systems"), label=_("System"), min_num=1),
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
    def best_confidence(self) -> Confidence | None:
        """How sure we are of the best-known system."""
        known = {row.confidence for row in self.implementations.all()}
        return next((level for level in Confidence if level in known), None)


class Implementation(Orderable):
    """One system built on OpenLMIS in one country, as its source describes it."""

    page = ParentalKey(
        ImplementationCountryPage, on_delete=models.CASCADE, related_name="implementations"
    )
    system_name = models.CharField(_("system"), max_length=120)
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


_FACTS = (
    "pk",
    "sort_order",
    "system_name",
    "year_deployed",
    "coverage",
    "partners",
    "source",
    "confidence",
)


def countries_with_systems(locale: Locale) -> list[ImplementationCountryPage]:
    """The published countries in one language with their systems, by name in the reader's; one
    query."""
    systems = Implementation.objects.filter(page=OuterRef("pk")).order_by("sort_order")
    pages = list(
        public(ImplementationCountryPage)
        .filter(locale=locale)
        .annotate(
            systems=ArraySubquery(
                systems.values(facts=JSONObject(**{name: name for name in _FACTS}))
            )
        )
    )
    for page in pages:
        page.implementations.set([Implementation(**facts) for facts in page.systems])
    return sorted(pages, key=lambda page: countries.sort_key(page.country_name))
