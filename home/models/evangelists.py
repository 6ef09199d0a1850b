"""Evangelists: people who explain OpenLMIS to donors, engineers and countries."""

from typing import Any

from django.conf import settings
from django.db import models
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.models import Page
from wagtail.search import index

from home.fields import (
    CountriesField,
    CountriesFormField,
    LinesField,
    SpokenLanguagesField,
    SpokenLanguagesFormField,
    names_of,
)
from home.models.base import IndexPage, OnePerLanguage, PortalPage


class EvangelistIndexPage(IndexPage):
    """All evangelists, by level."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.EvangelistPage"]
    template = "home/evangelist_index_page.html"
    page_description = _("Lists the evangelists by level.")

    class Meta:
        verbose_name = _("list of evangelists")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        people = list(self.children_of(EvangelistPage).order_by("title"))
        context["people"] = people
        context["levels"] = [
            (level, [person for person in people if person.level == level])
            for level in EvangelistPage.Level
        ]
        return context


class EvangelistPage(OnePerLanguage):
    """The public profile of one evangelist; the title is the person's name.

    ``person`` is who may edit it outside the back office (`home.profiles`).
    """

    class Level(models.TextChoices):
        DONOR = "donor", _("Donor level")
        TECHNICAL = "technical", _("Technical level")
        COUNTRY = "country", _("Country level")

    person = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("person"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="evangelist_pages",
        help_text=_("The user who may edit this profile at the account area."),
    )
    level = models.CharField(_("level"), max_length=10, choices=Level.choices)
    countries = CountriesField(_("countries"), blank=True, max_items=12)
    languages = SpokenLanguagesField(_("languages"), blank=True, max_items=12)
    topics = LinesField(_("topics"), blank=True, max_items=8)
    availability = models.CharField(
        _("availability"),
        max_length=200,
        blank=True,
        help_text=_("When and for what, such as: talks online, two days a month."),
    )
    bio = models.TextField(
        _("about you"),
        max_length=3000,
        blank=True,
        help_text=_("What you did with OpenLMIS and what people can ask you. Plain text."),
    )
    photo = models.ForeignKey(
        "wagtailimages.Image",
        verbose_name=_("photo"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    is_example = models.BooleanField(
        _("example"),
        default=False,
        help_text=_("An invented person who shows what a profile looks like; the page says so."),
    )

    content_panels = [
        *PortalPage.content_panels,
        MultiFieldPanel(
            [FieldPanel("person"), FieldPanel("level"), FieldPanel("is_example")],
            heading=_("Person"),
        ),
        MultiFieldPanel(
            [FieldPanel("countries"), FieldPanel("languages"), FieldPanel("topics")],
            heading=_("Where and what (one a line)"),
        ),
        "availability",
        "bio",
        "photo",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("bio"),
        index.FilterField("level"),
    ]
    parent_page_types = ["home.EvangelistIndexPage"]
    subpage_types: list[str] = []
    template = "home/evangelist_page.html"
    page_description = _("A person's profile. The person edits it; staff approve.")
    one_per = "person"
    taken = _("This person has a profile in this language already.")

    class Meta(Page.Meta):
        verbose_name = _("evangelist")
        verbose_name_plural = _("evangelists")
        constraints = [
            models.UniqueConstraint(
                fields=["person", "language"],
                name="evangelist_page_one_per_person_and_language",
            )
        ]

    @property
    def country_names(self) -> list[str]:
        return names_of(self.countries, CountriesFormField)

    @property
    def language_names(self) -> list[str]:
        return names_of(self.languages, SpokenLanguagesFormField)
