"""The page of results, and what a browser needs to search the portal from its own bar."""

from http import HTTPStatus

from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import get_language
from django.views.decorators.http import require_safe

from home.searching import picks
from home.searching.asking import LONGEST_QUERY, Asked, Search, TooSlow


@require_safe
def search(request: HttpRequest) -> HttpResponse:
    """What is found of everything public, in the language of the address. At most 8 queries."""
    asked = Asked.read(request.GET)
    language = get_language() or "en"
    context = {"asked": asked, "longest": LONGEST_QUERY}
    if not asked.q:
        return render(request, "home/search.html", context)
    try:
        found = Search(asked, language, request.GET.get("page"))
    except TooSlow as refusal:
        status = HTTPStatus.SERVICE_UNAVAILABLE
        return render(request, "home/search.html", {**context, "refusal": refusal}, status=status)
    is_first = asked == Asked(asked.q) and "page" not in request.GET
    if is_first and request.method == "GET":
        picks.count(asked.q)
    context |= {
        "found": found,
        "page_obj": found.page_obj,
        "picks": picks.picks(asked.q, language) if is_first else [],
    }
    return render(request, "home/search.html", context)


@require_safe
def opensearch(request: HttpRequest) -> HttpResponse:
    """The description by which a browser offers the portal among its search engines."""
    return render(
        request,
        "home/opensearch.xml",
        content_type="application/opensearchdescription+xml; charset=utf-8",
    )
