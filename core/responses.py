"""Answers that several packages give."""

import hashlib

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag


class SeeOther(HttpResponseRedirect):
    """After a POST: go and read the other page; every browser follows with a GET."""

    status_code = 303


def picture_for_any_site(request: HttpRequest, svg: str) -> HttpResponseBase:
    """An SVG that any page may show, with an ETag; it can load and run nothing."""
    etag = quote_etag(hashlib.sha256(svg.encode()).hexdigest()[:32])
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or HttpResponse(svg, content_type="image/svg+xml; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = "public, max-age=300"
    # Nothing at all: the site's own policy (django-csp) leaves a header that is there alone.
    response["Content-Security-Policy"] = "default-src 'none'"
    response["Access-Control-Allow-Origin"] = "*"
    response["Cross-Origin-Resource-Policy"] = "cross-origin"
    return response
