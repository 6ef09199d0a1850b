"""The books to take home: CSV of a figure, of a pool, of everything; a pool's journal for Beancount.

What has not changed since a reader last asked is not sent again (ETag).
"""

from collections.abc import Callable, Iterator

from django.http import HttpRequest, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.utils.text import slugify
from django.views.decorators.http import require_safe

from funding.ledger import checkpoints
from funding.transparency import beancount, copying
from funding.transparency.public_pools import the_pool
from funding.transparency.views import chosen_figure


def book_file(
    request: HttpRequest, pieces: Callable[[], Iterator[bytes]], *, name: str, tag: str, kind: str
) -> HttpResponseBase:
    """The file under ``name``, or the answer that the reader has it already."""
    etag = quote_etag(tag)
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or StreamingHttpResponse(pieces(), content_type=f"{kind}; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = "public, no-cache"  # kept, and asked about each time
    if unchanged is None:
        response["Content-Disposition"] = f'attachment; filename="{name}"'
    return response


@require_safe
def pool_entries_csv(request: HttpRequest, code: str) -> HttpResponseBase:
    """The entries of a pool as CSV: of a figure, one amount each; else every posting."""
    pool = the_pool(code)
    figure = chosen_figure(request)
    of = copying.present()
    return book_file(
        request,
        lambda: copying.figures(of, pool, figure) if figure else copying.postings(of, pool),
        name=f"{slugify(f'{pool.code}-{figure}' if figure else pool.code)}.csv",
        tag=of.tag,
        kind="text/csv",
    )


@require_safe
def ledger_csv(request: HttpRequest) -> HttpResponseBase:
    """Every posting of every pool as CSV."""
    of = copying.present()
    return book_file(
        request, lambda: copying.postings(of), name="ledger.csv", tag=of.tag, kind="text/csv"
    )


@require_safe
def pool_beancount(request: HttpRequest, code: str) -> HttpResponseBase:
    """The pool's postings under the published checkpoint as a journal that Beancount accepts."""
    pool = the_pool(code)
    published = checkpoints.published()
    size = published.size if published else 0
    return book_file(
        request,
        lambda: beancount.journal(size, pool),
        name=f"{slugify(pool.code)}.beancount",
        tag=f"{pool.code}-{size}",
        kind="text/plain",
    )
