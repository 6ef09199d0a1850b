"""Monthly statements: their list, one of them for people and for programs, the hashes of all."""

import datetime
import hashlib
import re

from django.db.models import Exists, OuterRef
from django.http import Http404, HttpRequest, HttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import render
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import conditional_page, require_safe

from funding.ledger import statements as ledger
from funding.ledger.models import ClosingBalance, Period, Pool
from funding.transparency import statements
from funding.transparency.public_pools import the_pool

# Never other bytes at the same address; but a page may come in new words, so not for ever.
_CACHE = "public, max-age=3600"


def chosen_month(text: str) -> datetime.date:
    """The first day of the month that the address names. Raises Http404."""
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        raise Http404
    try:
        return datetime.date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Http404 from None


@require_safe
def money_statements(request: HttpRequest) -> HttpResponse:
    """Every pool that has statements, and every closed month with the hashes of its statements."""
    of_month = ClosingBalance.objects.filter(period=OuterRef("pk"))
    of_pool = ClosingBalance.objects.filter(account__pool=OuterRef("pk"))
    context = {
        "months": list(
            Period.objects.filter(Exists(of_month))
            .order_by("-month")
            .values_list("month", flat=True)
        ),
        "pools": Pool.objects.filter(Exists(of_pool)).order_by("name"),
    }
    return render(request, "transparency/money_statements.html", context)


@require_safe
def pool_statements(request: HttpRequest, code: str) -> HttpResponse:
    """The closed months of a pool, newest first."""
    pool = the_pool(code)
    context = {"pool": pool, "months": statements.listed(pool)}
    return render(request, "transparency/statements.html", context)


@conditional_page
@require_safe
def pool_statement(request: HttpRequest, code: str, month: str) -> HttpResponse:
    """A pool's closed month: each figure's change, the accounts beside, and the hash of it."""
    pool = the_pool(code)
    found = statements.shown(pool, chosen_month(month))
    if found is None:
        raise Http404
    context = {"pool": pool, "month": month, "found": found, "statement": found.statement}
    return render(request, "transparency/statement.html", context)


@require_safe
def pool_statement_json(request: HttpRequest, code: str, month: str) -> HttpResponseBase:
    """The bytes whose hash is kept (docs/ledger-format.md)."""
    pool = the_pool(code)
    found = ledger.of_month(chosen_month(month), pool)
    if not found:
        raise Http404
    response = _file(request, found[0].form, kind="application/json")
    response["Content-Disposition"] = f'attachment; filename="{found[0].file_name}"'
    return response


@require_safe
def hashes(request: HttpRequest, month: str) -> HttpResponseBase:
    """The hash of each pool's statement of a closed month, for `sha256sum --check`."""
    found = ledger.of_month(chosen_month(month))
    if not found:
        raise Http404
    return _file(request, ledger.hash_list(found), kind="text/plain; charset=utf-8")


def _file(request: HttpRequest, content: bytes, *, kind: str) -> HttpResponseBase:
    """The file, derived anew, or the answer that the reader has these very bytes already.

    Its tag is its SHA-256, by which a statement is named in the file of hashes.
    """
    etag = quote_etag(hashlib.sha256(content).hexdigest())
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or HttpResponse(content, content_type=kind)
    response["ETag"] = etag
    response["Cache-Control"] = _CACHE
    response["Access-Control-Allow-Origin"] = "*"
    return response
