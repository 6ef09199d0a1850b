"""Tags of the block templates: what a block shows, read once for all blocks of its page."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.safestring import SafeString, mark_safe
from django.utils.translation import get_language
from wagtail.models import Locale

from home.block_content import BlockContent, PreviewContent
from home.models.base import PortalPage
from home.models.implementations import CountryDot, country_dots

register = template.Library()


@register.simple_tag(takes_context=True)
def block_content(context: template.Context) -> BlockContent:
    """``{% block_content as content %}``: shared by all blocks of the page being read."""
    page = context.get("page")
    if not isinstance(page, PortalPage):
        return PreviewContent(Locale.get_active())
    content: BlockContent | None = getattr(page, "block_content", None)
    if content is None:
        content = page.block_content = BlockContent.of(page)
    return content


@register.simple_tag
def rich_text(content: BlockContent, text: Any) -> SafeString:
    """A text of the editor's as HTML."""
    return mark_safe(content.html(text))  # noqa: S308  Wagtail cleaned it when it was saved


@register.simple_tag
def people_of(content: BlockContent, block: Any) -> Any:
    return content.people(block)


@register.simple_tag
def news_of(content: BlockContent, most: int) -> Any:
    return content.news(most)


@register.simple_tag
def read_page(content: BlockContent, chosen: Any) -> Any:
    """The chosen page in the reader's language, or None."""
    return content.page_to_read(chosen)


@register.simple_tag
def pool_figures(content: BlockContent, chosen: Any) -> dict[str, Any] | None:
    """``page`` and ``summary`` of the chosen pool; None where the public has no page of it here."""
    page = content.pool_page(chosen)
    return {"page": page, "summary": content.summary(page.pool)} if page else None


@register.simple_tag(takes_context=True)
def map_dots(context: template.Context, countries: Any) -> list[CountryDot]:
    """The countries of `countries_with_systems` as dots, each with the address of its page."""
    return country_dots(countries or (), context.get("request"))


@register.simple_tag
def present(chosen: Any) -> list[Any]:
    """Those of the chosen things that are still there."""
    return [thing for thing in chosen or [] if thing]


@register.simple_tag(takes_context=True)
def frame_lang(context: template.Context) -> str:
    """`` lang="fr"`` for words of the frame among a page's words of another language."""
    page = context.get("page")
    if not isinstance(page, PortalPage) or page.content_language == get_language():
        return ""
    return format_html(' lang="{}"', get_language())
