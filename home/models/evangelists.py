"""Evangelists: people who explain OpenLMIS to donors, engineers and countries."""

from typing import Any

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.http import HttpRequest
from django.utils import timezone
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
from home.models.evangelist_service import Confirmation, Evangelist, Level


class EvangelistIndexPage(IndexPage):
    """All evangelists, by level."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.EvangelistPage"]
    template = "home/evangelist_index_page.html"
    page_description = _("Lists the evangelists, by level, country and language.")

    class Meta:
        verbose_name = _("list of evangelists")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from home.evangelists import directory  # it reads these models

        context = super().get_context(request, *args, **kwargs)
        context["directory"] = directory.read(self, request.GET)
        return context


class EvangelistPage(OnePerLanguage):
    """The public profile of one evangelist; the title is the person's name.

    ``person`` is who may edit it outside the back office (`home.profiles`).
    """

    Level = Level

    # Set by `save`; what a revision says of it is not read, as staff never choose it.
    evangelist = models.ForeignKey(
        Evangelist, null=True, editable=False, on_delete=models.PROTECT, related_name="pages"
    )
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
    card_kind = _("Evangelist")
    page_description = _("A person's profile. The person edits it; staff approve.")
    one_per = "person"
    exclude_fields_in_copy = ["evangelist"]
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

    def save(self, *args: Any, **kwargs: Any) -> None:
        self._keep_service()
        super().save(*args, **kwargs)

    def with_content_json(self, content: dict[str, Any]) -> "EvangelistPage":
        page: EvangelistPage = super().with_content_json(content)
        page.evangelist = self.evangelist
        return page

    def _keep_service(self) -> None:
        """A page has a service, the same in every language.

        Staff who make a page by hand vouch for the first year of it.
        """
        if self.evangelist_id is not None:
            return
        same = Q(translation_key=self.translation_key)
        if self.person_id is not None:
            same |= Q(person=self.person_id)
        known = EvangelistPage.objects.filter(same).exclude(evangelist=None).first()
        if known is not None:
            self.evangelist = known.evangelist
            return
        self.evangelist = Evangelist.objects.create()
        Confirmation.objects.create(
            evangelist=self.evangelist, counts_from=timezone.localdate(), made_at=timezone.now()
        )

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        from home.evangelists import public  # it reads these models

        return {**super().get_context(request, *args, **kwargs), **public.of_page(self)}

    @property
    def country_names(self) -> list[str]:
        return names_of(self.countries, CountriesFormField)

    @property
    def language_names(self) -> list[str]:
        return names_of(self.languages, SpokenLanguagesFormField)
