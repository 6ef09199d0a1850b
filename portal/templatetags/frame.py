"""Tags of base.html and the components: languages of a page, initials, declared inputs."""

from dataclasses import dataclass
from typing import Any
from urllib.parse import urljoin

from django import template
from django.conf import settings
from django.http import HttpRequest
from django.template import Context
from django.urls import translate_url
from django.utils.translation import get_language, get_language_info
from wagtail.models import Page

from core import linked_data
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
    # A part of the page (the past of a list, one day of an event) is the same part in each.
    own = page.get_url(request) or ""
    is_part = hasattr(request, "routable_resolver_match") and request.path.startswith(own)
    below = request.path.removeprefix(own) if own and is_part else ""
    found = {}
    for other in page.get_translations().live().select_related("locale"):
        path = other.get_url(request)
        if path and path.startswith("/"):
            found[other.locale.language_code] = (path + below, other.alias_of_id is None)
    return found


@register.simple_tag(takes_context=True)
def crumbs_data(context: Context) -> str:
    """The way down to this page for search engines: what components/breadcrumbs.html lists, below
    the home page. Nothing where there is no way."""
    steps = [
        (item["label"], item["href"]) if isinstance(item, dict) else (item.label, item.href)
        for item in context.get("items") or []
    ]
    steps += [(page.title, page.url) for page in context.get("pages") or []]
    if context.get("parent_href"):
        steps.append((context.get("parent_label"), context.get("parent_href")))
    # The account area is for no search engine.
    if not steps or any("/account/" in str(href) for _name, href in steps):
        return ""
    home = (settings.SITE_NAME, language_root(get_language() or settings.LANGUAGE_CODE))
    return linked_data.block(
        {
            "@type": "BreadcrumbList",
            "itemListElement": [
                {
                    "@type": "ListItem",
                    "position": place,
                    "name": str(name),
                    "item": urljoin(settings.SITE_URL, str(href)),
                }
                for place, (name, href) in enumerate([home, *steps], start=1)
            ],
        }
    )


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
