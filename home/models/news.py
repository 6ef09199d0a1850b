"""News: one index, one page an item."""

from typing import Any

from django.core.paginator import Paginator
from django.db import models
from django.forms import CheckboxSelectMultiple
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalManyToManyField
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.fields import StreamField
from wagtail.models import Page
from wagtail.search import index

from home.blocks import BodyBlock
from home.models.base import IndexPage, PortalPage

NEWS_PER_PAGE = 10


class NewsIndexPage(IndexPage):
    """All news, the latest first."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.NewsPage"]
    template = "home/news_index_page.html"
    page_description = _("Lists all news. Write news below it.")

    class Meta:
        verbose_name = _("news list")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        news = self.children_of(NewsPage).order_by("-date", "-pk")
        context["page_obj"] = Paginator(news, NEWS_PER_PAGE).get_page(request.GET.get("page"))
        return context


class NewsPage(PortalPage):
    """One piece of news."""

    date = models.DateField(_("date"), default=timezone.localdate)
    authors = models.CharField(
        _("authors"), max_length=200, blank=True, help_text=_("Names as readers shall see them.")
    )
    image = models.ForeignKey(
        "wagtailimages.Image",
        verbose_name=_("picture"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
    )
    pools = ParentalManyToManyField(
        "ledger.Pool",
        verbose_name=_("pools"),
        blank=True,
        related_name="news",
        help_text=_("The pools that it is about: it is shown on their pages."),
    )
    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)

    content_panels = [
        *Page.content_panels,
        FieldPanel("summary"),
        MultiFieldPanel([FieldPanel("date"), FieldPanel("authors")], heading=_("When and who")),
        FieldPanel("pools", widget=CheckboxSelectMultiple),
        "image",
        "body",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("body"),
        index.SearchField("authors"),
        index.FilterField("date"),
    ]
    parent_page_types = ["home.NewsIndexPage"]
    subpage_types: list[str] = []
    template = "home/news_page.html"
    page_description = _("One piece of news, shown on the home page and in the feed.")

    class Meta:
        verbose_name = _("news")
        verbose_name_plural = _("news")
