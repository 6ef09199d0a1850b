"""The foundation's money as a whole, and everyone who may be named as a giver."""

import datetime
import re
from typing import Any

from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.http import urlencode

from funding.ledger.models import Figure, Pool
from funding.transparency import foundation, givers, labels, logos
from funding.transparency.public_pools import the_pool
from funding.transparency.views import PAGE, EntryRow, after_number

_LONGEST = 200  # characters of a place in a list


def _today() -> datetime.date:
    """The ledger counts in UTC."""
    return datetime.datetime.now(datetime.UTC).date()


def money(request: HttpRequest) -> HttpResponse:
    """All pools together, by currency; transfers between them eliminated."""
    facts = foundation.foundation_facts(today=_today())
    return render(request, "transparency/foundation.html", {"facts": facts})


def chosen_currency(request: HttpRequest) -> str:
    """The currency that the address names. Raises Http404."""
    code = request.GET.get("currency", "")
    if not re.fullmatch(r"[A-Z]{3}", code, re.ASCII):
        raise Http404
    return code


def money_entries(request: HttpRequest) -> HttpResponse:
    """The entries of all pools behind one figure in one currency, newest first."""
    figure, currency = request.GET.get("figure", ""), chosen_currency(request)
    if figure not in Figure.Name.values:
        raise Http404
    found, next_after = foundation.entries_of_figure(
        figure, currency, after=after_number(request), limit=PAGE
    )
    parameters: dict[str, str | int] = {"figure": figure, "currency": currency}
    older = "?" + urlencode({**parameters, "after": next_after}) if next_after else ""
    rows = [
        EntryRow(
            entry,
            labels.entry_kind(entry.kind),
            sum(
                line.amount
                for line in entry.figures.all()
                if (line.name, line.currency) == (figure, currency)
            ),
            currency,
        )
        for entry in found
    ]
    context = {
        "rows": rows,
        "heading": Figure.Name(figure).label,
        "figure_label": Figure.Name(figure).label,
        "currency": currency,
        "older": older,
        "first": "?" + urlencode(parameters),
        "is_first": "after" not in request.GET,
    }
    return render(request, "transparency/money_entries.html", context)


def _after(request: HttpRequest) -> tuple[int, str] | None:
    """The place in a list of givers: what the last one gave, and which that was."""
    text = request.GET.get("after", "")
    if not text:
        return None
    amount, _sign, which = text.partition(" ")
    tag, sign, name = which.partition(" ")
    if not (amount.isdecimal() and sign and len(text) <= _LONGEST and "\0" not in text):
        raise Http404
    if len(amount) > 18:
        raise Http404
    return int(amount), givers.key_of(name, tag)


def pool_givers(request: HttpRequest, code: str) -> HttpResponse:
    """Every donor of a pool who may be named, and the others together."""
    pool = the_pool(code)
    return _givers(request, pool, pool.currency, {})


def money_givers(request: HttpRequest) -> HttpResponse:
    """Every donor of the foundation who may be named, in one currency."""
    currency = chosen_currency(request)
    return _givers(request, None, currency, {"currency": currency})


def _givers(
    request: HttpRequest, pool: Pool | None, currency: str, parameters: dict[str, str]
) -> HttpResponse:
    found = givers.page_of_givers(pool, currency, after=_after(request))
    older = ""
    if found.next_after:
        last = found.rows[-1]
        place = f"{last.tally.kept} {last.tag} {last.name}"
        older = "?" + urlencode({**parameters, "after": place})
    if pool:
        giver_query = reverse("pool_giver", args=[pool.code]) + "?"
        sum_href = reverse("pool_entries", args=[pool.code]) + "?figure=received"
    else:
        giver_query = reverse("money_giver") + f"?currency={currency}&"
        sum_href = reverse("money_entries") + f"?figure=received&currency={currency}"
    context: dict[str, Any] = {
        "pool": pool,
        "currency": currency,
        "givers": logos.with_logos(found)[0],
        "giver_query": giver_query,
        "sum_href": sum_href,
        "older": older,
        "first": "?" + urlencode(parameters) if parameters else request.path,
        "is_first": "after" not in request.GET,
    }
    return render(request, "transparency/givers.html", context)
