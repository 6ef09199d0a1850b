"""The one view of home that is not a page."""

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.views.decorators.http import require_safe


@require_safe
def robots(request: HttpRequest) -> HttpResponse:
    """Say what crawlers may read: all that is public; of a demo nothing, its people are invented."""
    prefixes = ["", *(f"/{code}" for code, _name in settings.LANGUAGES[1:])]
    if settings.PORTAL_MODE == "demo":
        closed = ["/"]
    else:
        closed = ["/admin/"]
        closed += [f"{prefix}/account{s}/" for prefix in prefixes for s in ("", "s")]
    lines = ["User-agent: *", *(f"Disallow: {path}" for path in closed), ""]
    lines.append(f"Sitemap: {settings.SITE_URL}/sitemap.xml")
    return HttpResponse("\n".join(lines) + "\n", content_type="text/plain; charset=utf-8")
