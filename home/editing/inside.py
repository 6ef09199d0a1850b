"""Whether an address of this site leads to a page, by the URL patterns and the tree of pages."""

from urllib.parse import urlsplit

from django.conf import settings
from django.http import Http404, HttpRequest
from django.urls import Resolver404, resolve
from django.utils.translation import get_language_from_path, override
from wagtail.contrib.redirects.middleware import get_redirect
from wagtail.contrib.redirects.models import Redirect
from wagtail.documents import get_document_model
from wagtail.models import Page

from home.editing.outside import Outcome
from home.models import LinkedAddress

State = LinkedAddress.State
Reason = LinkedAddress.Reason


def is_inside(address: str) -> bool:
    """Whether the address is one of this site."""
    parts = urlsplit(address)
    if parts.scheme in ("page", "document"):
        return True
    if not parts.netloc:
        return True
    return parts.netloc.casefold() == urlsplit(settings.SITE_URL).netloc.casefold()


def look(address: str) -> Outcome:
    """What stands behind an address of this site. Some queries, no request."""
    parts = urlsplit(address)
    if parts.scheme in ("page", "document"):
        leads = _by_number(parts.scheme, parts.path)
    else:
        leads = _by_path(parts.path or "/")
    return Outcome(State.WORKS) if leads else Outcome(State.BROKEN, Reason.NO_PAGE)


def _by_number(kind: str, number: str) -> bool:
    if not number.isdecimal():
        return False
    if kind == "page":
        return Page.objects.live().filter(pk=number).exists()
    return bool(get_document_model().objects.filter(pk=number).exists())


def _by_path(path: str) -> bool:
    if path.startswith((settings.STATIC_URL, settings.MEDIA_URL)):
        return True  # files are served by another program
    with override(get_language_from_path(path) or settings.LANGUAGE_CODE):
        return _answers(path) or (not path.endswith("/") and _answers(f"{path}/")) or _moved(path)


def _answers(path: str) -> bool:
    try:
        match = resolve(path)
    except Resolver404:
        return False
    if match.url_name != "wagtail_serve":
        return True
    request = _request(path)
    try:
        return Page.route_for_request(request, match.args[0]) is not None
    except Http404:
        return False


def _moved(path: str) -> bool:
    return get_redirect(_request(path), Redirect.normalise_path(path)) is not None


def _request(path: str) -> HttpRequest:
    site = urlsplit(settings.SITE_URL)
    request = HttpRequest()
    request.path = request.path_info = path
    request.method = "GET"
    request.META |= {
        "SERVER_NAME": site.hostname or "",
        "SERVER_PORT": str(site.port or (443 if site.scheme == "https" else 80)),
        "wsgi.url_scheme": site.scheme,
    }
    return request
