"""Tags of base.html and the components: languages of a page, initials, declared inputs."""

from dataclasses import dataclass
from typing import Any

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import Context
from django.urls import translate_url
from django.utils.translation import get_language, get_language_info
from wagtail.models import Page

from portal.context import language_root

register = template.Library()


@dataclass(frozen=True, slots=True)
class LanguageLink:
    """The page in one language. ``exact`` is False where only that language's home page exists,
    ``translated`` where the address repeats another language's words."""

    code: str
    name: str
    path: str
    query: str
    current: bool
    exact: bool
    translated: bool

    @property
    def href(self) -> str:
        return self.path + (f"?{self.query}" if self.query and self.exact else "")


@register.simple_tag(takes_context=True)
def language_links(context: Context) -> list[LanguageLink]:
    """One link per language to the page being read, the current one first to last as in settings.

    A Wagtail page leads to its live translation, or to that language's home page where there is
    none; every other address keeps its path under the other prefix. Empty without a request.
    """
    request = context.get("request")
    if not isinstance(request, HttpRequest):
        return []
    here = get_language()
    page = context.get("page")
    translations = _translations(page, request) if isinstance(page, Page) else None
    links = []
    for code, _label in settings.LANGUAGES:
        path: str | None
        translated = True
        if code == here:
            path = request.path
            translated = not isinstance(page, Page) or page.alias_of_id is None
        elif translations is not None:
            path, translated = translations.get(code, (None, False))
        else:
            path = translate_url(request.path, code)
        links.append(
            LanguageLink(
                code=code,
                name=get_language_info(code)["name_local"].capitalize(),
                path=path or language_root(code),
                query=request.META.get("QUERY_STRING", ""),
                current=code == here,
                exact=path is not None,
                translated=translated,
            )
        )
    return links


def _translations(page: Page, request: HttpRequest) -> dict[str, tuple[str, bool]]:
    """Language code -> path of each live translation, and whether its words are its own."""
    if not page.pk:
        return {}
    found = {}
    for other in page.get_translations().live().select_related("locale"):
        path = other.get_url(request)
        if path and path.startswith("/"):
            found[other.locale.language_code] = (path, other.alias_of_id is None)
    return found


@register.filter
def initials(name: str) -> str:
    """Up to two capitals of a person's name, for an avatar without a picture: first and last."""
    words = [word for word in str(name).replace("-", " ").split() if word[0].isalpha()]
    return "".join(word[0].upper() for word in (words[:1] + words[1:][-1:]))


class MissingInput(template.TemplateSyntaxError):
    """A component was included without something it declares."""


@register.simple_tag(takes_context=True)
def needs(context: Context, *names: str) -> str:
    """``{% needs "label" "href" %}`` at the top of a component: each must be given.

    A missing one raises outside production, so that the page's test finds it; in production the
    page is shown without it.
    """
    absent = [name for name in names if name not in context]
    if absent and settings.PORTAL_MODE != "production":
        raise MissingInput(f"The component needs {', '.join(absent)}.")
    return ""


@register.filter
def has_label_type(field: Any, kind: str) -> bool:
    """Whether a bound field is drawn by the widget ``kind`` (its name in lower case)."""
    return bool(field.widget_type == kind)
