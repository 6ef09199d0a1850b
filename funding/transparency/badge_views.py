"""The badge of a pool, and the page that says how to put it on one's own."""

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.urls import reverse
from django.utils.html import format_html
from django.utils.translation import get_language, override
from django.views.decorators.http import require_safe

from core.responses import picture_for_any_site
from funding.ledger.models import Pool
from funding.pools.addresses import pool_page
from funding.transparency import badge
from funding.transparency.public_pools import approved, the_pool


def _chosen(request: HttpRequest, name: str, allowed: list[str], default: str) -> str:
    found = request.GET.get(name, default)
    if found not in allowed:
        raise Http404
    return found


def _pool(code: str) -> Pool:
    """A pool with approved terms, which the badge tells of. Raises Http404."""
    pool = the_pool(code)
    if approved(pool) is None:
        raise Http404
    return pool


@require_safe
def badge_svg(request: HttpRequest, code: str) -> HttpResponseBase:
    """The badge as an image that any page may show; ``lang`` and ``theme`` in the query."""
    languages = [language for language, _name in settings.LANGUAGES]
    language = _chosen(request, "lang", languages, get_language() or languages[0])
    theme = _chosen(request, "theme", list(badge.THEMES), "light")
    pool = _pool(code)
    with override(language):
        text = badge.svg(badge.of(pool), language=language, theme=theme)
    return picture_for_any_site(request, text)


@require_safe
def badge_page(request: HttpRequest, code: str) -> HttpResponse:
    """The badge in both themes, and the lines of HTML to copy."""
    pool = _pool(code)
    language = get_language() or "en"
    address = request.build_absolute_uri(reverse("pool_badge_svg", args=[code]))
    text = badge.of(pool).text
    snippets = [
        (
            theme,
            format_html(
                '<a href="{}"><img src="{}?lang={}&amp;theme={}" width="{}" height="{}" alt="{}"></a>',
                request.build_absolute_uri(pool_page(code)),
                address,
                language,
                theme,
                badge.WIDTH,
                badge.HEIGHT,
                pool.name,
            ),
        )
        for theme in badge.THEMES
    ]
    context = {
        "pool": pool,
        "text": text,
        "language": language,
        "width": badge.WIDTH,
        "height": badge.HEIGHT,
        "snippets": snippets,
    }
    return render(request, "transparency/badge.html", context)
