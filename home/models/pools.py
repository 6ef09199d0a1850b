"""The public pages of pools: the story is written here, the figures come from the ledger."""

import datetime
from dataclasses import dataclass
from typing import Any

from django.contrib.postgres.expressions import ArraySubquery
from django.db import models
from django.db.models import Case, F, OuterRef, Q, Value, When
from django.db.models.functions import Concat
from django.http import HttpRequest
from django.shortcuts import get_object_or_404
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.translation import gettext_lazy as _
from wagtail.admin.panels import FieldPanel
from wagtail.fields import StreamField
from wagtail.models import Locale, Page
from wagtail.search import index

from funding.pools import matching, shares
from funding.pools import queries as giving
from funding.pools.models import PoolProfile, PoolSteward
from funding.transparency import pool_facts
from funding.transparency import queries as transparency
from funding.transparency.public_pools import approved, visible
from home.blocks import BodyBlock
from home.models.base import IndexPage, OnePerLanguage, PortalPage, public
from home.models.news import NewsPage

GIFTS_SHOWN = 5
MONTHS_SHOWN = 3
NEWS_SHOWN = 3


class PoolIndexPage(IndexPage):
    """All pools with what they hold."""

    parent_page_types = ["home.HomePage"]
    subpage_types = ["home.PoolPage"]
    template = "home/pool_index_page.html"
    page_description = _("Lists the pools with their figures.")

    class Meta:
        verbose_name = _("list of pools")

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        context = super().get_context(request, *args, **kwargs)
        context["pools"] = pool_cards(self.locale)
        return context


class PoolPage(OnePerLanguage):
    """The page of one pool. Its address ends with the pool's code."""

    pool = models.ForeignKey(
        "ledger.Pool",
        verbose_name=_("pool"),
        on_delete=models.PROTECT,
        related_name="pages",
        help_text=_("The figures of this pool are shown on the page."),
    )
    story = StreamField(BodyBlock(), verbose_name=_("story"), blank=True)

    content_panels = [*Page.content_panels, "pool", "summary", "story"]
    promote_panels = [FieldPanel("seo_title"), FieldPanel("search_description")]
    search_fields = [*PortalPage.search_fields, index.SearchField("story")]
    parent_page_types = ["home.PoolIndexPage"]
    subpage_types: list[str] = []
    template = "home/pool_page.html"
    card_kind = _("Pool")
    page_description = _("What a pool is for, with its figures from the ledger.")
    one_per = "pool"
    taken = _("This pool has a page in this language already.")

    class Meta(Page.Meta):
        verbose_name = _("pool page")
        verbose_name_plural = _("pool pages")
        constraints = [
            models.UniqueConstraint(
                fields=["pool", "language"], name="pool_page_one_per_pool_and_language"
            )
        ]

    def full_clean(self, *args: Any, **kwargs: Any) -> None:
        self._follow_pool()
        super().full_clean(*args, **kwargs)

    def minimal_clean(self) -> None:
        self._follow_pool()
        super().minimal_clean()

    def _follow_pool(self) -> None:
        if self.pool_id is not None:
            self.slug = self.pool.code

    def serve(self, request: HttpRequest, *args: Any, **kwargs: Any) -> TemplateResponse:
        """As every address of a pool: not there while nobody approved its terms and nothing moved
        (`funding.transparency.public_pools`); staff preview it before."""
        response: TemplateResponse = super().serve(request, *args, **kwargs)
        unapproved = (response.context_data or {})["profile"] is None
        if unapproved and not getattr(request, "is_preview", False):
            get_object_or_404(visible(), pk=self.pool_id)
        return response

    def get_context(self, request: HttpRequest, *args: Any, **kwargs: Any) -> dict[str, Any]:
        today = timezone.localdate()
        profile = _profile(self.pool_id, today)
        if profile is not None:
            self.pool = profile.pool
        context = super().get_context(request, *args, **kwargs)
        facts = pool_facts.pool_facts(self.pool, today=datetime.datetime.now(datetime.UTC).date())
        figures = facts.summary
        context.update(
            figures=figures,
            facts=facts.flows,
            givers=facts.flows.givers,
            received_href=next((row.href for row in figures.rows if row.name == "received"), ""),
            promises=giving.promises(self.pool),
            gifts=giving.recent_gifts(self.pool, limit=GIFTS_SHOWN),
            pooled_gifts=giving.anonymous_gifts(self.pool)[:MONTHS_SHOWN],
            offers=matching.live_offers(self.pool, on=today),
            news=public(NewsPage)
            .filter(locale=self.locale_id, pools=self.pool)
            .order_by("-date", "-pk")[:NEWS_SHOWN],
            countries=pool_facts.countries_of(profile.countries) if profile else [],
            goals=[(goal, shares.SDG_GOALS[goal]) for goal in profile.sdg_goals] if profile else [],
            sectors=[
                (shares.sector_name(code), share)
                for code, share in shares.percentages(profile.sectors)
            ]
            if profile
            else [],
            profile=profile,
            is_open=profile is not None and profile.is_open(today),
        )
        return context


def _profile(pool_id: int, on: datetime.date) -> PoolProfile | None:
    """The pool's approved profile with its row of the ledger and, as ``named_stewards``, who looks after it
    that day: a list of names; one query."""
    there = PoolSteward.objects.filter(profile=OuterRef("pk"), since__lte=on).filter(
        Q(until__isnull=True) | Q(until__gte=on)
    )
    return (
        PoolProfile.objects.select_related("pool")
        .annotate(
            named_stewards=ArraySubquery(
                there.order_by("since", "pk").values(
                    words=Case(
                        When(organisation="", then=F("name")),
                        default=Concat("name", Value(", "), "organisation"),
                        output_field=models.CharField(),
                    )
                )
            )
        )
        .filter(pool=pool_id, live=True)
        .first()
    )


@dataclass(frozen=True, slots=True)
class PoolCard:
    """One pool in a list: its page, what it holds, on which terms it takes gifts."""

    page: PoolPage
    summary: transparency.PoolSummary
    promises: giving.Promises
    profile: PoolProfile | None

    @property
    def is_open(self) -> bool:
        """Whether it takes gifts and pledges today."""
        return self.profile is not None and self.profile.is_open(timezone.localdate())


def pool_cards(locale: Locale, figures: transparency.Figures | None = None) -> list[PoolCard]:
    """The published pools of one language, by title, each with its figures; three queries, or two
    where the caller has read the figures of all pools already."""
    pages = list(
        public(PoolPage)
        .filter(locale=locale, pool__in=visible())
        .select_related("pool__profile")
        .order_by("title")
    )
    summaries = transparency.pool_summaries((page.pool for page in pages), figures)
    promises = giving.promises_by_pool()
    return [
        PoolCard(
            page=page,
            summary=summaries[page.pool_id],
            promises=promises.get(page.pool_id, giving.Promises(page.pool.currency)),
            profile=approved(page.pool),
        )
        for page in pages
    ]
