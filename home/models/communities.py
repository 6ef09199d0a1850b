"""Sister communities, and what links each with OpenLMIS."""

from typing import Any

from django.db import models
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.fields import StreamField
from wagtail.search import index

from home.blocks import BodyBlock
from home.models.base import Confidence, IndexPage, PortalPage


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


class CommunityPage(PortalPage):
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

    class Meta:
        verbose_name = _("community")
        verbose_name_plural = _("communities")
