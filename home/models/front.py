"""The home page and the plain pages below it."""

from typing import Any

from django.db import models
from django.db.models import Count, Window
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page
from wagtail.search import index

from funding.ledger import queries as books
from funding.transparency import queries as transparency
from home.blocks import TEXT_FEATURES, BodyBlock
from home.models.base import PortalPage, public
from home.models.communities import CommunityPage
from home.models.evangelists import EvangelistPage
from home.models.implementations import countries_with_systems
from home.models.news import NewsPage
from home.models.pools import pool_cards
from membership import queries as membership

NEWS_ON_FRONT = 4
PEOPLE_ON_FRONT = 4


class HomePage(PortalPage):
    """The front of the site. Its sections fill themselves from the database."""

    headline = models.CharField(
        _("headline"), max_length=120, help_text=_("The sentence in the largest letters.")
    )
    about = RichTextField(
        _("what the foundation is"), features=TEXT_FEATURES, help_text=_("A few short paragraphs.")
    )
    join = RichTextField(_("how to join"), features=TEXT_FEATURES)

    content_panels = [
        *Page.content_panels,
        MultiFieldPanel([FieldPanel("headline"), FieldPanel("summary")], heading=_("Opening")),
        "about",
        "join",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("headline"),
        index.SearchField("about"),
        index.SearchField("join"),
    ]
    parent_page_types = ["wagtailcore.Page"]
    template = "home/home_page.html"
    page_description = _("The front of the site in one language.")

    class Meta:
        verbose_name = _("home page")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        here = self.locale
        countries = countries_with_systems(here)
        members, voices_of_countries = membership.count_members(timezone.localdate())
        # How many there are comes along with the first of them.
        people = list(
            public(EvangelistPage)
            .filter(locale=here)
            .order_by("title")
            .annotate(in_all=Window(Count("pk")))[:PEOPLE_ON_FRONT]
        )
        figures = books.figures_of_all_pools()
        context.update(
            money=transparency.foundation_summaries(figures),
            pools=pool_cards(here, figures),
            news=public(NewsPage).filter(locale=here).order_by("-date", "-pk")[:NEWS_ON_FRONT],
            communities=public(CommunityPage).filter(locale=here).order_by(Lower("title")),
            countries=countries,
            system_count=sum(len(page.implementations.all()) for page in countries),
            people=people,
            people_in_all=people[0].in_all if people else 0,
            members_in_all=members,
            voices_of_countries=voices_of_countries,
        )
        return context


class StandardPage(PortalPage):
    """A page of text: about the foundation, how to contribute, the charter."""

    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)
    source = models.CharField(
        _("source"),
        max_length=300,
        blank=True,
        help_text=_("Where the facts of the page were read; shown below the text."),
    )

    content_panels = [*PortalPage.content_panels, "body", "source"]
    search_fields = [*PortalPage.search_fields, index.SearchField("body")]
    parent_page_types = ["home.HomePage", "home.StandardPage"]
    subpage_types = ["home.StandardPage"]
    template = "home/standard_page.html"
    page_description = _("Text with headings, pictures and quotes; pages below it are listed.")

    class Meta:
        verbose_name = _("page of text")
        verbose_name_plural = _("pages of text")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        context["below"] = public(StandardPage).child_of(self) if self.path else []
        return context
