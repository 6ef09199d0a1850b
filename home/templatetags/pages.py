"""Tags of the page templates: the language of words that are not in the reader's own; news."""

from typing import Any

from django import template
from django.utils.html import format_html
from django.utils.translation import get_language, get_language_bidi, get_language_info

from home import linked_data
from home.models import NewsPage
from home.models.base import PortalPage, public
from home.models.pools import NEWS_SHOWN

register = template.Library()


@register.simple_tag
def lang_of(page: PortalPage) -> str:
    """`` lang="en"`` for an element whose words are in another language than the frame's; with the
    direction they run in, where that is another one, too."""
    # The picker of the back office shows blocks that stand on no page.
    if not isinstance(page, PortalPage):
        return ""
    language = page.content_language
    if language == get_language():
        return ""
    if get_language_info(language)["bidi"] == get_language_bidi():
        return format_html(' lang="{}"', language)
    direction = "rtl" if get_language_info(language)["bidi"] else "ltr"
    return format_html(' lang="{}" dir="{}"', language, direction)


@register.filter
def foreign_language(page: PortalPage) -> str:
    """The code for a component's ``lang``; empty where the words are in the reader's language."""
    return "" if page.content_language == get_language() else page.content_language


@register.simple_tag
def news_of_pools() -> list[NewsPage]:
    """The latest news about any pool in the reader's language; one query."""
    # Not `distinct()`, which would compare whole pages.
    told = NewsPage.pools.through.objects.values("newspage")
    found = public(NewsPage).filter(locale__language_code=get_language(), pk__in=told)
    return list(found.order_by("-date", "-pk")[:NEWS_SHOWN])


@register.simple_tag(takes_context=True)
def page_data(context: Any) -> str:
    """What the page tells search engines of itself, by its type; nothing for most."""
    return linked_data.of_page(context["page"])
