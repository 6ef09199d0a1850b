"""Monthly statements: their list, one of them for people and for programs, the hashes of all."""

import datetime
import re

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.views.decorators.http import require_safe

from funding.ledger import statements as ledger
from funding.ledger.models import Pool
from funding.transparency import statements

# Never other bytes at the same address; but a page may come in new words, so not for ever.
_CACHE = "public, max-age=3600"


def _month(text: str) -> datetime.date:
    if not re.fullmatch(r"[0-9]{4}-[0-9]{2}", text):
        raise Http404
    try:
        return datetime.date.fromisoformat(f"{text}-01")
    except ValueError:
        raise Http404 from None


@require_safe
def pool_statements(request: HttpRequest, code: str) -> HttpResponse:
    """The closed months of a pool, newest first."""
    pool = get_object_or_404(Pool, code=code)
    context = {"pool": pool, "months": statements.listed(pool)}
    return render(request, "transparency/statements.html", context)


@require_safe
def pool_statement(request: HttpRequest, code: str, month: str) -> HttpResponse:
    """A pool's closed month: each figure's change, the accounts beside, and the hash of it."""
    pool = get_object_or_404(Pool, code=code)
    found = statements.shown(pool, _month(month))
    if found is None:
        raise Http404
    context = {"pool": pool, "month": month, "found": found, "statement": found.statement}
    return render(request, "transparency/statement.html", context)


@require_safe
def pool_statement_json(request: HttpRequest, code: str, month: str) -> HttpResponse:
    """The bytes whose hash is kept (docs/ledger-format.md)."""
    pool = get_object_or_404(Pool, code=code)
    found = ledger.of_month(_month(month), pool)
    if not found:
        raise Http404
    response = HttpResponse(found[0].form, content_type="application/json")
    response["Content-Disposition"] = f'attachment; filename="{found[0].file_name}"'
    response["Cache-Control"] = _CACHE
    response["Access-Control-Allow-Origin"] = "*"
    return response


@require_safe
def hashes(request: HttpRequest, month: str) -> HttpResponse:
    """The hash of each pool's statement of a closed month, for `sha256sum --check`."""
    found = ledger.of_month(_month(month))
    if not found:
        raise Http404
    response = HttpResponse(ledger.hash_list(found), content_type="text/plain; charset=utf-8")
    response["Cache-Control"] = _CACHE
    response["Access-Control-Allow-Origin"] = "*"
    return response
