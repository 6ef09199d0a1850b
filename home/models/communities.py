"""Sister communities, and what links each with OpenLMIS."""

from typing import Any

from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey
from wagtail.admin.panels import (
    FieldPanel,
    InlinePanel,
    MultiFieldPanel,
    PageChooserPanel,
)
from wagtail.fields import StreamField
from wagtail.models import Orderable
from wagtail.search import index

from home.blocks import BodyBlock
from home.models.base import Confidence, IndexPage, PortalPage, public
from home.models.confirming import Confirmed
from home.models.evangelists import EvangelistPage
from home.models.news import NEWS_BESIDE, news_in, of_community


class CommunityIndexPage(IndexPage):
    """All communities, by name."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.CommunityPage"]
    template = "home/community_index_page.html"
    page_description = _("Lists the communities whose work meets OpenLMIS.")

    class Meta:
        verbose_name = _("list of communities")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        context["communities"] = self.children_of(CommunityPage).order_by(Lower("title"))
        return context


class CommunityPage(Confirmed, PortalPage):
    """One community: its facts, and where each of them comes from."""

    role = models.CharField(
        _("what it does"), max_length=250, help_text=_("Such as: electronic medical records.")
    )
    link_with_openlmis = models.CharField(_("link with OpenLMIS"), max_length=300)
    website = models.URLField(_("homepage"), blank=True)
    source_repository = models.URLField(_("source repository"), blank=True)
    licence = models.CharField(_("licence"), max_length=120, blank=True)
    confidence = models.CharField(
        _("how sure we are"), max_length=10, choices=Confidence.choices, default=Confidence.MEDIUM
    )
    source = models.CharField(
        _("source"), max_length=300, help_text=_("Where these facts were read.")
    )
    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)

    content_panels = [
        *PortalPage.content_panels,
        MultiFieldPanel(
            [
                FieldPanel("role"),
                FieldPanel("link_with_openlmis"),
                FieldPanel("website"),
                FieldPanel("source_repository"),
                FieldPanel("licence"),
            ],
            heading=_("Facts"),
        ),
        MultiFieldPanel(
            [FieldPanel("source"), FieldPanel("confidence")], heading=_("Where they come from")
        ),
        InlinePanel("people", heading=_("People who link us"), label=_("Person")),
        "body",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("role"),
        index.SearchField("link_with_openlmis"),
        index.SearchField("body"),
    ]
    parent_page_types = ["home.CommunityIndexPage"]
    subpage_types: list[str] = []
    template = "home/community_page.html"
    page_description = _("A sister community and what links it with OpenLMIS.")
    card_kind = _("Community")

    class Meta:
        verbose_name = _("community")
        verbose_name_plural = _("communities")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        context["people"] = self.linking_people()
        news = of_community(news_in(self.locale_id), self.translation_key)
        context["news"] = news[:NEWS_BESIDE]
        return context

    def linking_people(self) -> list["CommunityPerson"]:
        """Who links the community with ours, each as far as anybody may read of them: an
        evangelist with their published page of the language, others where they agreed to it."""
        rows = list(self.people.all())
        chosen = [row.evangelist_id for row in rows if row.evangelist_id]
        keys = dict(
            EvangelistPage.objects.filter(pk__in=chosen).values_list("pk", "translation_key")
        )
        pages = public(EvangelistPage).filter(
            locale=self.locale_id, translation_key__in=keys.values()
        )
        here = {
            page.translation_key: page
            for page in pages.select_related("photo").prefetch_related("photo__renditions")
        }
        for row in rows:
            row.page_to_read = here.get(keys.get(row.evangelist_id))
        return [row for row in rows if row.page_to_read or (row.name and row.agreed)]


class CommunityPerson(Orderable):
    """Somebody who works in both communities: an evangelist, or a person named with consent."""

    page = ParentalKey(CommunityPage, on_delete=models.CASCADE, related_name="people")
    evangelist = models.ForeignKey(
        EvangelistPage,
        verbose_name=_("evangelist"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    name = models.CharField(
        _("name"), max_length=120, blank=True, help_text=_("Of somebody who is no evangelist.")
    )
    role = models.CharField(
        _("role"), max_length=200, blank=True, help_text=_("What the person does in both.")
    )
    agreed = models.BooleanField(
        _("agreed to be named"),
        default=False,
        help_text=_("The person said that this page may name them."),
    )

    # The public page of the evangelist in the reader's language (`linking_people`).
    page_to_read: EvangelistPage | None = None

    panels = [
        PageChooserPanel("evangelist"),
        FieldPanel("name"),
        FieldPanel("role"),
        FieldPanel("agreed"),
    ]

    class Meta(Orderable.Meta):
        verbose_name = _("person who links us")
        verbose_name_plural = _("people who link us")
        constraints = [
            models.CheckConstraint(
                condition=(Q(evangelist__isnull=False) & Q(name=""))
                | (Q(evangelist__isnull=True) & ~Q(name="") & Q(agreed=True)),
                name="community_person_evangelist_or_named_with_consent",
                violation_error_message=_(
                    "Choose an evangelist, or write the name of somebody who agreed to be named."
                ),
            )
        ]

    def __str__(self) -> str:
        return self.name or str(self.evangelist or "")

    def clean(self) -> None:
        if bool(self.evangelist_id) == bool(self.name):
            raise ValidationError(_("Choose an evangelist or write a name: one of the two."))
        if self.name and not self.agreed:
            raise ValidationError(
                {"agreed": _("Ask the person first. Who has not agreed is not named here.")}
            )
