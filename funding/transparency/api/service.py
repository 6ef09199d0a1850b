"""What holds for every answer of the API.

It is for reading alone, from any page of any origin; what has not changed is not sent again; who
asks too often is told when to go on; and every refusal is a problem document (RFC 9457) that says
what to do.
"""

import functools
import hashlib
import logging
from collections.abc import Callable
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.http.response import HttpResponseBase
from django.urls import URLPattern, URLResolver, path, reverse
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.translation import gettext as _
from ninja import NinjaAPI
from ninja.errors import ValidationError
from ninja.openapi.schema import OpenAPISchema
from ninja.responses import Response

from funding.transparency.api import limits

logger = logging.getLogger(__name__)

ALLOWED = "GET, HEAD, OPTIONS"
PROBLEM = "application/problem+json"
KEPT = "public, max-age=60"

View = Callable[..., HttpResponseBase]


def problem(status: int, title: str, detail: str, **more: Any) -> HttpResponse:
    """A refusal: ``detail`` says what to do."""
    body = {"type": "about:blank", "title": title, "status": status, "detail": detail, **more}
    return Response(body, status=status, content_type=PROBLEM)


def not_found(request: HttpRequest, *_args: Any, **_kwargs: Any) -> HttpResponse:
    return problem(
        404, _("Not found"), _("There is nothing here. The addresses are listed in openapi.json.")
    )


def _to_the_page(request: HttpRequest) -> HttpResponse:
    """What a person is shown who follows the API's own address."""
    return HttpResponseRedirect(reverse("open_data_api"))


def _not_valid(
    request: HttpRequest, error: ValidationError | type[ValidationError]
) -> HttpResponse:
    assert isinstance(error, ValidationError)
    errors = [
        {"where": ".".join(str(part) for part in found["loc"]), "says": str(found["msg"])}
        for found in error.errors
    ]
    detail = _("Some values cannot be read. Look at “errors”, change them and ask again.")
    return problem(422, _("Not understood"), detail, errors=errors)


def _failed(request: HttpRequest, error: Exception | type[Exception]) -> HttpResponse:
    assert isinstance(error, Exception)
    logger.exception("The API failed to answer %s", request.path, exc_info=error)
    return problem(500, _("Our mistake"), _("The answer could not be made. Try again later."))


def public(view: View) -> View:
    """Make ``view`` what every public address for programs is: see the head of this file."""

    @functools.wraps(view)
    def answer(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
        response = _answer(view, request, *args, **kwargs)
        response["Access-Control-Allow-Origin"] = "*"
        response["Access-Control-Expose-Headers"] = "ETag, Retry-After"
        return response

    answer.csrf_exempt = True  # type: ignore[attr-defined]
    return answer


def _answer(view: View, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponseBase:
    if request.method == "OPTIONS":
        response = HttpResponse(status=204, headers={"Allow": ALLOWED})
        response["Access-Control-Allow-Methods"] = ALLOWED
        response["Access-Control-Allow-Headers"] = "Accept, If-None-Match"
        response["Access-Control-Max-Age"] = "86400"
        return response
    if request.method not in ("GET", "HEAD"):
        refused = problem(405, _("Reading alone"), _("Nothing can be changed here. Ask with GET."))
        refused["Allow"] = ALLOWED
        return refused
    if wait := limits.seconds_to_wait(request):
        detail = _("Too many requests came from your address. Go on in %(seconds)s seconds.")
        refused = problem(429, _("Too many requests"), detail % {"seconds": wait})
        refused["Retry-After"] = str(wait)
        return refused
    is_head = request.method == "HEAD"
    request.method = "GET"
    try:
        found = _tagged(request, view(request, *args, **kwargs))
    except Http404:
        found = _tagged(request, not_found(request))
    return _head(found) if is_head else found


def _head(response: HttpResponseBase) -> HttpResponse:
    """The answer without its content, but with all that is said about it."""
    headers = dict(response.headers)
    if isinstance(response, HttpResponse):
        headers["Content-Length"] = str(len(response.content))
    response.close()
    return HttpResponse(status=response.status_code, headers=headers)


def _tagged(request: HttpRequest, response: HttpResponseBase) -> HttpResponseBase:
    """With its ETag, and empty where the reader has that already."""
    if response.status_code != 200:
        response.headers.setdefault("Cache-Control", "no-store")
        return response
    response.headers.setdefault("Cache-Control", KEPT)
    if not isinstance(response, HttpResponse):
        return response
    etag = quote_etag(hashlib.sha256(response.content).hexdigest()[:32])
    response["ETag"] = etag
    return get_conditional_response(request, etag=etag, response=response) or response


# What the document says of each operation besides what ninja knows of it.
_PROBLEM_SCHEMA = {
    "title": "Problem",
    "description": "A refusal (RFC 9457): detail says what to do.",
    "type": "object",
    "required": ["type", "title", "status", "detail"],
    "properties": {
        "type": {"type": "string"},
        "title": {"type": "string"},
        "status": {"type": "integer"},
        "detail": {"type": "string"},
        "errors": {
            "type": "array",
            "items": {
                "type": "object",
                "required": ["where", "says"],
                "properties": {"where": {"type": "string"}, "says": {"type": "string"}},
            },
        },
    },
}
_PROBLEMS = {
    404: "There is no such thing.",
    422: "A value cannot be read.",
    429: "Too many requests from one address; Retry-After says when to go on.",
}


class PublicAPI(NinjaAPI):
    """A NinjaAPI whose document tells of the tags, the limit and the refusals as well."""

    def __init__(self, **values: Any) -> None:
        # Ninja's own page of documentation takes scripts from elsewhere; ours needs none.
        super().__init__(docs_url=None, **values)
        self.add_exception_handler(Http404, not_found)
        self.add_exception_handler(ValidationError, _not_valid)
        self.add_exception_handler(Exception, _failed)

    def get_openapi_schema(self, **values: Any) -> OpenAPISchema:
        schema = super().get_openapi_schema(**values)
        schema["components"].setdefault("schemas", {})["Problem"] = _PROBLEM_SCHEMA
        for operations in schema["paths"].values():
            for operation in operations.values():
                _tell(operation["responses"])
        return schema

    def public_urls(self) -> list[URLPattern | URLResolver]:
        """The addresses, each made `public`, and whatever lies below them and is none."""
        found = [
            pattern
            for pattern in self.urls[0]
            if isinstance(pattern, URLPattern) and pattern.name != "api-root"
        ]
        for pattern in found:
            assert pattern.callback is not None
            pattern.callback = public(pattern.callback)
        return [
            *found,
            path("", public(_to_the_page), name="api-root"),
            path("<path:rest>", public(not_found), name="no-such-address"),
        ]


def _tell(responses: dict[Any, Any]) -> None:
    responses[200].setdefault("headers", {})["ETag"] = {"schema": {"type": "string"}}
    responses[304] = {"description": "Nothing has changed since (If-None-Match)."}
    reference = {"$ref": "#/components/schemas/Problem"}
    for status, description in _PROBLEMS.items():
        responses[status] = {
            "description": description,
            "content": {PROBLEM: {"schema": reference}},
        }
    responses[429]["headers"] = {"Retry-After": {"schema": {"type": "integer"}}}
