"""News: one page an item, who wrote it and what it is about."""

import re
from typing import Any

from django.conf import settings
from django.core.exceptions import ValidationError
from django.db import models
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.functional import cached_property
from django.utils.translation import gettext_lazy as _
from modelcluster.fields import ParentalKey, ParentalManyToManyField
from wagtail.admin.panels import FieldPanel, InlinePanel, MultiFieldPanel
from wagtail.fields import StreamField
from wagtail.models import Locale, Orderable, Page
from wagtail.search import index

from core.models import User
from home.blocks import BodyBlock
from home.fields import CountriesField
from home.models.base import PortalPage, public
from home.models.topics import Topic
from home.news_form import NewsPageForm
from home.news_subjects import subjects_of
from membership.models import Organisation, Term

# How many stand on the page of what they are about.
NEWS_BESIDE = 3
# What the list of news keeps for itself (home/models/news_index.py): its years and its feed.
RESERVED_SLUGS = re.compile(r"20\d\d|feed")


class NewsPage(PortalPage):
    """One piece of news."""

    date = models.DateField(
        _("date"),
        default=timezone.localdate,
        help_text=_("The day it is from, as readers see it. To publish later, set a schedule."),
    )
    authors = models.CharField(
        _("other names"),
        max_length=200,
        blank=True,
        help_text=_("Authors without an account or a page here, as readers shall see them."),
    )
    image = models.ForeignKey(
        "wagtailimages.Image",
        verbose_name=_("picture"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Shown above the text. A landscape of 1,200 pixels or more looks best."),
    )
    image_words = models.CharField(
        _("what the picture shows"),
        max_length=250,
        blank=True,
        help_text=_("One sentence for readers who cannot see it."),
    )
    topics = ParentalManyToManyField(
        Topic,
        verbose_name=_("topics"),
        blank=True,
        related_name="news",
        help_text=_("Readers find and follow news by topic. One or two are enough."),
    )
    pools = ParentalManyToManyField(
        "ledger.Pool",
        verbose_name=_("pools"),
        blank=True,
        related_name="news",
        help_text=_("The pools that it is about: it is shown on their pages."),
    )
    countries = CountriesField(
        _("countries"),
        blank=True,
        max_items=12,
        help_text=_("One a line, such as Malawi: it is shown on their pages."),
    )
    communities = ParentalManyToManyField(
        "home.CommunityPage",
        verbose_name=_("communities"),
        blank=True,
        related_name="news",
        help_text=_("The communities that it is about: it is shown on their pages."),
    )
    body = StreamField(BodyBlock(), verbose_name=_("body"), blank=True)

    # In the order in which a writer thinks: the words, the picture, then where they belong.
    content_panels = [
        *Page.content_panels,
        FieldPanel("summary"),
        MultiFieldPanel([FieldPanel("image"), FieldPanel("image_words")], heading=_("Picture")),
        FieldPanel(
            "body",
            help_text=_("Begin with a text. Pictures, quotes and buttons may stand between texts."),
        ),
        FieldPanel("topics"),
        FieldPanel("date"),
        MultiFieldPanel(
            [
                InlinePanel(
                    "people",
                    label=_("author"),
                    help_text=_("Leave it empty and you are named as the author."),
                ),
                FieldPanel("authors"),
            ],
            heading=_("Authors"),
            classname="collapsed",
        ),
        MultiFieldPanel(
            [FieldPanel("pools"), FieldPanel("countries"), FieldPanel("communities")],
            heading=_("What it is about"),
            classname="collapsed",
        ),
    ]
    search_fields = [
        *PortalPage.search_fields,
        index.SearchField("body"),
        index.SearchField("authors"),
        index.FilterField("date"),
    ]
    base_form_class = NewsPageForm
    parent_page_types = ["home.NewsIndexPage"]
    subpage_types: list[str] = []
    template = "home/news_page.html"
    page_description = _("One piece of news, shown on the home page and in the feed.")
    card_kind = _("News")

    class Meta:
        verbose_name = _("news")
        verbose_name_plural = _("news")

    def clean(self) -> None:
        super().clean()
        if RESERVED_SLUGS.fullmatch(self.slug or ""):
            raise ValidationError(
                {"slug": _("The list of news keeps this address for itself. Write another word.")}
            )

    @cached_property
    def writers(self) -> "list[NewsAuthor]":
        """Who wrote it, with what each is named by; read once for a page and its data."""
        rows = self.people.all().select_related("user", "evangelist", "organisation")
        return list(rows)

    @property
    def picture_words(self) -> str:
        """What the picture shows, for those who cannot see it."""
        return self.image_words or (self.image.description if self.image else "")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        crumbs = context["crumbs"]
        context["news_root"] = crumbs[-1]["href"] if crumbs else ""
        found = subjects_of(self, request, context["news_root"])
        context.update(authors=found.authors, topics=found.topics, about_links=found.about)
        return context


def all_staff() -> dict[str, Any]:
    return {"pk__in": User.groups.through.objects.values("user")}


def who_were_members() -> dict[str, Any]:
    paid = Term.objects.filter(Q(settled_on__isnull=False) | Q(waived_on__isnull=False))
    return {"pk__in": paid.values("organisation")}


class NewsAuthor(Orderable):
    """Who wrote a piece of news: one of the staff, an evangelist, or a member."""

    page = ParentalKey(NewsPage, on_delete=models.CASCADE, related_name="people")
    user = models.ForeignKey(
        settings.AUTH_USER_MODEL,
        verbose_name=_("one of the staff"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
        limit_choices_to=all_staff,
    )
    evangelist = models.ForeignKey(
        "home.EvangelistPage",
        verbose_name=_("an evangelist"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="+",
    )
    organisation = models.ForeignKey(
        Organisation,
        verbose_name=_("a member"),
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="written_news",
        limit_choices_to=who_were_members,
    )

    panels = [FieldPanel("user"), FieldPanel("evangelist"), FieldPanel("organisation")]

    class Meta(Orderable.Meta):
        verbose_name = _("author")
        verbose_name_plural = _("authors")
        constraints = [
            models.CheckConstraint(
                condition=(
                    Q(user__isnull=False, evangelist=None, organisation=None)
                    | Q(user=None, evangelist__isnull=False, organisation=None)
                    | Q(user=None, evangelist=None, organisation__isnull=False)
                ),
                name="home_news_author_is_one",
                violation_error_message=_(
                    "Choose one: somebody of the staff, an evangelist or a member."
                ),
            )
        ]

    def __str__(self) -> str:
        if self.user is not None:
            return str(self.user.get_full_name())
        return str(self.evangelist.title if self.evangelist is not None else self.organisation)


# --- News by what they are about --------------------------------------------------------------------


def news_in(locale: Locale | int) -> QuerySet[NewsPage]:
    """The published news under the addresses of one language, the latest first."""
    found: QuerySet[NewsPage] = public(NewsPage).filter(locale=locale).order_by("-date", "-pk")
    return found


def of_country(news: QuerySet[NewsPage], code: str) -> QuerySet[NewsPage]:
    return news.filter(countries__contains=[code])


def of_community(news: QuerySet[NewsPage], key: Any) -> QuerySet[NewsPage]:
    """``key`` is the translation key of the community's page: an untranslated copy of the news
    names the page of the original's language."""
    told = NewsPage.communities.through.objects.filter(communitypage__translation_key=key)
    return news.filter(pk__in=told.values("newspage"))


def of_topic(news: QuerySet[NewsPage], key: Any) -> QuerySet[NewsPage]:
    """``key`` is the topic's translation key, as with communities."""
    told = NewsPage.topics.through.objects.filter(topic__translation_key=key)
    return news.filter(pk__in=told.values("newspage"))
