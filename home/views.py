"""What programs ask the site for: what crawlers may read, the cards of pages, where to report a hole."""

import datetime

from django.conf import settings
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import redirect
from django.utils import timezone
from django.views.decorators.http import require_safe
from wagtail.models import Page

from funding.transparency.public_pools import visible
from home import cards
from home.models import PoolPage
from home.models.base import PortalPage, public


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Say what crawlers may read: all that is public; of a demo nothing, its people are invented."""
    prefixes = ["", *(f"/{code}" for code, _name in settings.LANGUAGES[1:])]
    if settings.PORTAL_MODE == "demo":
        closed = ["/"]
    else:
        closed = ["/admin/"]
        closed += [f"{prefix}/account{s}/" for prefix in prefixes for s in ("", "s")]
        closed += [f"{prefix}/search/" for prefix in prefixes]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), ""]
    lines.append(f"Sitemap: {settings.SITE_URL}/sitemap.xml")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")


@require_safe
def card(request: HttpRequest, number: int, digest: str) -> HttpResponse:
    """The social card of a public page; an older one leads to that of today."""
    found = _card(number)
    if digest != found.digest:
        return redirect(cards.address_of(number, found))
    response = HttpResponse(cards.picture_of(found), content_type="image/png")
    response["Cache-Control"] = "public, max-age=31536000, immutable"
    response["Content-Security-Policy"] = "default-src 'none'"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response


def _card(number: int) -> cards.Card:
    if number == cards.OF_THE_SITE:
        return cards.card_of_site()
    page = public(Page).filter(pk=number).first()
    specific = page.specific if page is not None else None
    if not isinstance(specific, PortalPage):
        raise Http404
    if isinstance(specific, PoolPage) and not visible().filter(pk=specific.pool_id).exists():
        raise Http404
    return cards.card_of(specific)


# RFC 9116 wants the file to say when it is stale, in less than a year.
SECURITY_TXT_HOLDS = datetime.timedelta(days=180)


@require_safe
def security_txt(request: HttpRequest) -> HttpResponse:
    """Say where a security hole is reported (RFC 9116); 404 where the operator named nobody."""
    if not settings.SECURITY_CONTACT:
        raise Http404
    expires = timezone.now().date() + SECURITY_TXT_HOLDS
    lines = [
        f"Contact: {settings.SECURITY_CONTACT}",
        f"Expires: {expires.isoformat()}T00:00:00Z",
        f"Preferred-Languages: {', '.join(code for code, _name in settings.LANGUAGES)}",
        f"Canonical: {settings.SITE_URL}/.well-known/security.txt",
    ]
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
