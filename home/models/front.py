"""The home page and the plain pages below it."""

from typing import Any

from django.db import models
from django.db.models import Count, Window
from django.db.models.functions import Lower
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel, MultiFieldPanel
from wagtail.fields import RichTextField, StreamField
from wagtail.models import Page
from wagtail.search import index

from home.block_content import BlockContent
from home.blocks import TEXT_FEATURES, BodyBlock
from home.models.base import PortalPage, public
from home.models.communities import CommunityPage
from home.models.evangelists import EvangelistPage
from home.models.goals import GoalsPage
from home.models.news import NewsPage
from home.models.pools import PoolCard, pool_cards
from home.sections import AUTOMATIC_SECTIONS, SectionsBlock
from membership import queries as membership

NEWS_ON_FRONT = 4
PEOPLE_ON_FRONT = 4
# Sections that numbers and buttons of the opening lead to; each has a list of the same address.
LISTED_SECTIONS = ("pools", "implementations", "evangelists", "communities")


class HomePage(PortalPage):
    """The front of the site: an opening, then sections that editors order.

    Most sections fill themselves from the database; others hold blocks as any page.
    """

    headline = models.CharField(
        _("headline"), max_length=120, help_text=_("The sentence in the largest letters.")
    )
    about = RichTextField(
        _("what the foundation is"), features=TEXT_FEATURES, help_text=_("A few short paragraphs.")
    )
    join = RichTextField(_("how to join"), features=TEXT_FEATURES)
    sections = StreamField(
        SectionsBlock(),
        verbose_name=_("sections"),
        blank=True,
        default=AUTOMATIC_SECTIONS,
        help_text=_("What stands below the opening, in this order."),
    )

    content_panels = [
        *Page.content_panels,
        MultiFieldPanel([FieldPanel("headline"), FieldPanel("summary")], heading=_("Opening")),
        "about",
        "join",
        "sections",
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("headline"),
        index.SearchField("about"),
        index.SearchField("join"),
        index.SearchField("sections"),
    ]
    parent_page_types = ["wagtailcore.Page"]
    template = "home/home_page.html"
    page_description = _("The front of the site in one language.")

    class Meta:
        verbose_name = _("home page")

    @cached_property
    def block_content(self) -> "FrontContent":
        """What its sections and their blocks show."""
        return FrontContent.of(self)

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        members, voices_of_countries = membership.count_members(timezone.localdate())
        here = {section.block_type for section in self.sections}
        root = self.get_url(request) or "/"
        context.update(
            front=self.block_content,
            members_in_all=members,
            voices_of_countries=voices_of_countries,
            # A number leads to its section, or to the list where editors took the section away.
            hrefs={
                name: f"#{name}" if name in here else f"{root}{name}/" for name in LISTED_SECTIONS
            },
        )
        return context


class FrontContent(BlockContent):
    """What the front shows, each thing read when a section first asks for it."""

    news_of_its_own = NEWS_ON_FRONT

    @property
    def front_news(self) -> list[NewsPage]:
        return self.news(NEWS_ON_FRONT)

    @cached_property
    def pools(self) -> list[PoolCard]:
        return pool_cards(self.locale, self.figures)

    @cached_property
    def communities(self) -> list[CommunityPage]:
        found = public(CommunityPage).filter(locale=self.locale).defer("body")
        return list(found.order_by(Lower("title")))

    @property
    def system_count(self) -> int:
        return sum(len(page.implementations.all()) for page in self.countries)

    @cached_property
    def front_people(self) -> list[EvangelistPage]:
        # How many there are comes along with the first of them.
        return list(
            public(EvangelistPage)
            .filter(locale=self.locale)
            .order_by("title")
            .annotate(in_all=Window(Count("pk")))
            .select_related("photo")
            .prefetch_related("photo__renditions")[:PEOPLE_ON_FRONT]
        )

    @property
    def people_in_all(self) -> int:
        people: Any = self.front_people
        return people[0].in_all if people else 0


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
    subpage_types = ["home.StandardPage", "home.GoalsPage"]
    template = "home/standard_page.html"
    page_description = _("Text with headings, pictures and quotes; pages below it are listed.")

    class Meta:
        verbose_name = _("page of text")
        verbose_name_plural = _("pages of text")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        below = [public(kind).child_of(self) for kind in (StandardPage, GoalsPage) if self.path]
        context["below"] = sorted(
            (page for pages in below for page in pages.defer("body")), key=lambda page: page.path
        )
        return context
