"""What the blocks of a page show of the database: each thing read once for all blocks together.

However many blocks and chosen things a page has, each property here is one query or two.
"""

from collections.abc import Iterable, Iterator, Mapping
from functools import cached_property
from typing import Any, Self

from django.db.models import Q
from wagtail.fields import StreamField
from wagtail.models import Locale, Page
from wagtail.rich_text import RichText, expand_db_html

from funding.ledger import queries as books
from funding.ledger.models import Pool
from funding.transparency import queries as transparency
from funding.transparency.public_pools import visible
from home.models.base import PortalPage, public
from home.models.evangelists import EvangelistPage
from home.models.implementations import ImplementationCountryPage, countries_with_systems
from home.models.news import NewsPage
from home.models.pools import PoolPage

MOST_PEOPLE = 12
LINK = 'linktype="'
# Between texts that are read together; the editor of texts writes no comments.
SEAM = "<!-- the next text -->"


class BlockContent:
    """The content of the blocks of one page, in its language."""

    def __init__(self, locale: Locale, bodies: Iterable[Any] = ()) -> None:
        self.locale = locale
        self._bodies = list(bodies)

    @classmethod
    def of(cls, page: PortalPage) -> Self:
        fields = [field for field in page._meta.get_fields() if isinstance(field, StreamField)]
        return cls(page.locale, [getattr(page, field.name) for field in fields])

    @cached_property
    def _blocks(self) -> list[tuple[str, Any]]:
        return [found for body in self._bodies for found in _blocks_in(list(body.raw_data))]

    def _of_type(self, name: str) -> list[Mapping[str, Any]]:
        return [value for kind, value in self._blocks if kind == name and value]

    # --- Texts ------------------------------------------------------------------------------------

    @cached_property
    def _texts(self) -> dict[str, str]:
        """The texts that lead to pages or documents, with their links written out: read together,
        so that many texts ask no more than one."""
        raw = [list(body.raw_data) for body in self._bodies]
        linked = list(dict.fromkeys(text for text in _words_in(raw) if LINK in text))
        written = expand_db_html(SEAM.join(linked)).split(SEAM)
        return dict(zip(linked, written, strict=True)) if len(written) == len(linked) else {}

    def html(self, text: Any) -> str:
        """A rich text as HTML."""
        source = text.source if isinstance(text, RichText) else str(text or "")
        written = self._texts.get(source) if LINK in source else None
        return str(expand_db_html(source)) if written is None else written

    # --- Pages that a button leads to -------------------------------------------------------------

    @cached_property
    def _links(self) -> dict[Any, Page]:
        ids = [call.get("page") for call in self._of_type("call")]
        keys = Page.objects.filter(pk__in=[pk for pk in ids if pk]).values("translation_key")
        hidden = Q(poolpage__isnull=False) & ~Q(poolpage__pool__in=visible())
        found = public(Page).filter(translation_key__in=keys, locale=self.locale).exclude(hidden)
        return {page.translation_key: page for page in found}

    def page_to_read(self, chosen: Page | None) -> Page | None:
        """The chosen page in the reader's language; None where nobody can read it there."""
        return self._links.get(chosen.translation_key) if chosen else None

    # --- People -----------------------------------------------------------------------------------

    @cached_property
    def _people(self) -> list[EvangelistPage]:
        here = public(EvangelistPage).filter(locale=self.locale).order_by("title", "pk")
        wanted = self._of_type("people")
        chosen = [pk for block in wanted for pk in _items(block.get("people"))]
        keys = Page.objects.filter(pk__in=chosen).values("translation_key")
        asked = Q(translation_key__in=keys)
        for level in {block.get("level") or "" for block in wanted}:
            of_level = here.filter(level=level) if level else here
            asked |= Q(pk__in=of_level.values("pk")[:MOST_PEOPLE])
        return list(
            here.filter(asked).select_related("photo").prefetch_related("photo__renditions")
        )

    def people(self, block: Mapping[str, Any]) -> list[EvangelistPage]:
        """The chosen people whom anybody may read of here, in the order of the block; else the
        first of its level."""
        chosen = [page.translation_key for page in block["people"] if page]
        if len(block["people"]):
            by_key = {person.translation_key: person for person in self._people}
            return [by_key[key] for key in dict.fromkeys(chosen) if key in by_key]
        level = block["level"]
        found = [person for person in self._people if not level or person.level == level]
        return found[: block["most"] or MOST_PEOPLE]

    # --- News -------------------------------------------------------------------------------------

    # How many a page shows besides its blocks.
    news_of_its_own = 0

    @cached_property
    def _news(self) -> list[NewsPage]:
        asked = [block.get("most") or 0 for block in self._of_type("news")]
        most = max([self.news_of_its_own, *asked])
        found = public(NewsPage).filter(locale=self.locale).defer("body")
        return list(found.order_by("-date", "-pk")[:most])

    def news(self, most: int | None) -> list[NewsPage]:
        """The latest ``most`` in the language of the page."""
        return self._news[: most or 0]

    # --- Countries --------------------------------------------------------------------------------

    @cached_property
    def countries(self) -> list[ImplementationCountryPage]:
        return countries_with_systems(self.locale)

    # --- Pools ------------------------------------------------------------------------------------

    @cached_property
    def figures(self) -> transparency.Figures:
        return books.figures_of_all_pools()

    @cached_property
    def money(self) -> list[transparency.FoundationSummary]:
        return transparency.foundation_summaries(self.figures)

    @cached_property
    def _pools(self) -> dict[int, PoolPage]:
        chosen = [block.get("pool") for block in self._of_type("pool_figures")]
        pools = PoolPage.objects.filter(pk__in=[pk for pk in chosen if pk]).values("pool")
        found = public(PoolPage).filter(locale=self.locale, pool__in=visible())
        pages = found.filter(pool__in=pools).select_related("pool").defer("story")
        return {page.pool_id: page for page in pages}

    def pool_page(self, chosen: PoolPage | None) -> PoolPage | None:
        """The page of the chosen pool in the language; None where the public reads of none."""
        return self._pools.get(chosen.pool_id) if chosen else None

    def summary(self, pool: Pool) -> transparency.PoolSummary:
        return transparency.pool_summaries([pool], self.figures)[pool.pk]


class PreviewContent(BlockContent):
    """For the picker, where a block stands on no page: what its example value asks for."""

    news_of_its_own = 3

    @cached_property
    def _people(self) -> list[EvangelistPage]:
        here = public(EvangelistPage).filter(locale=self.locale).order_by("title", "pk")
        return list(here.select_related("photo")[:MOST_PEOPLE])

    @cached_property
    def _pools(self) -> dict[int, PoolPage]:
        found = public(PoolPage).filter(locale=self.locale, pool__in=visible())
        return {page.pool_id: page for page in found.select_related("pool").order_by("path")[:12]}


def _blocks_in(raw: Any) -> Iterator[tuple[str, Any]]:
    """(type, value) of every block in the raw form of a StreamField, at any depth."""
    if isinstance(raw, list):
        for item in raw:
            yield from _blocks_in(item)
    elif isinstance(raw, dict):
        if isinstance(raw.get("type"), str) and isinstance(raw.get("value"), dict):
            yield raw["type"], raw["value"]
        for value in raw.values():
            yield from _blocks_in(value)


def _words_in(raw: Any) -> Iterator[str]:
    """Every string in the raw form of a StreamField."""
    if isinstance(raw, str):
        yield raw
    elif isinstance(raw, list | dict):
        for item in raw.values() if isinstance(raw, dict) else raw:
            yield from _words_in(item)


def _items(raw: Any) -> list[Any]:
    """The values of a list's raw form."""
    return [item.get("value") if isinstance(item, dict) else item for item in raw or []]
