"""Tags of the page templates: the language of words that are not in the reader's own."""

from django import template
from django.utils.html import format_html
from django.utils.translation import get_language

from home.models.base import PortalPage

register = template.Library()


@register.simple_tag
def lang_of(page: PortalPage) -> str:
    """`` lang="en"`` for an element whose words are in another language than the frame's."""
    if page.content_language == get_language():
        return ""
    return format_html(' lang="{}"', page.content_language)


@register.filter
def foreign_language(page: PortalPage) -> str:
    """The code for a component's ``lang``; empty where the words are in the reader's language."""
    return "" if page.content_language == get_language() else page.content_language
