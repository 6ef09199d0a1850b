"""Pages behind the months of a chart and behind the rows of named givers: their entries."""

from collections.abc import Callable

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils import formats
from django.utils.http import urlencode
from django.utils.translation import gettext as _
from django.views.decorators.http import require_safe

from funding.ledger.models import Pool
from funding.transparency import labels, opened
from funding.transparency.money_views import chosen_currency
from funding.transparency.public_pools import the_pool
from funding.transparency.series import FLOWS
from funding.transparency.statement_views import chosen_month
from funding.transparency.views import PAGE, EntryRow, after_number

_LONGEST = 120  # characters of a public name


@require_safe
def pool_month(request: HttpRequest, code: str, month: str, flow: str) -> HttpResponse:
    """The entries by which money came to a pool, or was spent, in a month of the books."""
    pool = the_pool(code)
    return _month(request, pool, pool.currency, {}, month, flow)


@require_safe
def money_month(request: HttpRequest, month: str, flow: str) -> HttpResponse:
    """`pool_month` of all pools together, in one currency."""
    currency = chosen_currency(request)
    return _month(request, None, currency, {"currency": currency}, month, flow)


@require_safe
def pool_giver(request: HttpRequest, code: str) -> HttpResponse:
    """The entries of what a named donor gave to a pool, and of what went back of it."""
    pool = the_pool(code)
    return _giver(request, pool, pool.currency, {})


@require_safe
def money_giver(request: HttpRequest) -> HttpResponse:
    """`pool_giver` of all pools together, in one currency."""
    currency = chosen_currency(request)
    return _giver(request, None, currency, {"currency": currency})


def _month(
    request: HttpRequest,
    pool: Pool | None,
    currency: str,
    parameters: dict[str, str],
    month: str,
    flow: str,
) -> HttpResponse:
    day = chosen_month(month)
    if flow not in FLOWS:
        raise Http404
    words = _("Came in %(month)s") if flow == "came" else _("Spent in %(month)s")

    def read(after: int | None) -> opened.Opened:
        return opened.of_month(flow, day, currency, pool, after=after, limit=PAGE)

    return _page(
        request,
        read,
        pool,
        currency,
        parameters,
        heading=words % {"month": formats.date_format(day, "F Y")},
        of=_("Came: received, less what was given back")
        if flow == "came"
        else _("Spent: grants, own spending and fees"),
    )


def _giver(
    request: HttpRequest, pool: Pool | None, currency: str, parameters: dict[str, str]
) -> HttpResponse:
    name, tag = request.GET.get("name", ""), request.GET.get("tag", "")
    if not name or len(name) > _LONGEST or "\0" in name:
        raise Http404

    def read(after: int | None) -> opened.Opened:
        found = opened.of_giver(name, tag, currency, pool, after=after, limit=PAGE)
        if found is None:
            raise Http404
        return found

    return _page(
        request,
        read,
        pool,
        currency,
        {**parameters, "name": name, "tag": tag},
        heading=name,
        of=_("Received under this name, less what was given back"),
    )


def _page(
    request: HttpRequest,
    read: Callable[[int | None], opened.Opened],
    pool: Pool | None,
    currency: str,
    parameters: dict[str, str],
    *,
    heading: str,
    of: str,
) -> HttpResponse:
    found = read(after_number(request))
    if not found.rows and "after" in request.GET:
        raise Http404  # past the last: the sum of all would not be known
    following = {**parameters, "after": str(found.next_after)}
    context = {
        "pool": pool,
        "heading": heading,
        "of": of,
        "total": found.total,
        "currency": currency,
        "figure_label": _("Amount"),
        "rows": [
            EntryRow(entry, labels.entry_kind(entry.kind), amount, currency)
            for entry, amount in found.rows
        ],
        "older": "?" + urlencode(following) if found.next_after else "",
        "first": "?" + urlencode(parameters) if parameters else request.path,
        "is_first": "after" not in request.GET,
    }
    return render(request, "transparency/money_entries.html", context)
