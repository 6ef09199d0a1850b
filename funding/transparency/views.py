"""From a figure to the entries behind it, and to one entry."""

from dataclasses import dataclass
from typing import Any

from django.db.models import Sum
from django.http import Http404, HttpRequest, HttpResponse
from django.shortcuts import get_object_or_404, render
from django.utils.http import urlencode

from funding.ledger import checkpoints
from funding.ledger import queries as books
from funding.ledger.chart import AVAILABLE
from funding.ledger.models import Entry, Figure, Pool
from funding.transparency import labels, queries
from funding.transparency.public_pools import the_pool, visible

PAGE = 50


@dataclass(frozen=True, slots=True)
class EntryRow:
    """A line of a listing: ``amount`` minor units, of the figure asked for or of what is available."""

    entry: Entry
    kind: str
    amount: int
    currency: str


def chosen_figure(request: HttpRequest) -> str:
    figure = request.GET.get("figure", "")
    if figure and figure not in Figure.Name.values:
        raise Http404
    return figure


def after_number(request: HttpRequest) -> int | None:
    text = request.GET.get("after", "")
    if not text:
        return None
    if not text.isdecimal() or len(text) > 18:
        raise Http404
    return int(text)


def _row(entry: Entry, pool: Pool, figure: str) -> EntryRow:
    if figure:
        amount = sum(
            line.amount
            for line in entry.figures.all()
            if (line.pool_id, line.currency, line.name) == (pool.pk, pool.currency, figure)
        )
    else:
        amount = sum(
            line.amount
            for line in entry.postings.all()
            if (line.pool_id, line.currency) == (pool.pk, pool.currency)
            and line.account.code in AVAILABLE
        )
    return EntryRow(entry, labels.entry_kind(entry.kind), amount, pool.currency)


def pool_entries(request: HttpRequest, code: str) -> HttpResponse:
    """The entries of a pool, or those behind one of its figures, newest first."""
    pool = the_pool(code)
    figure = chosen_figure(request)
    filters = books.EntryFilters(pool=pool, figure=figure)
    page = books.entries(filters, after=after_number(request), limit=PAGE)
    totals = books.figures(pool, pool.currency)
    available = books.available_from_figures(totals)
    parameters: dict[str, str | int] = {"figure": figure} if figure else {}
    older = "?" + urlencode({**parameters, "after": page.next_after}) if page.next_after else ""
    context: dict[str, Any] = {
        "pool": pool,
        "figure": figure,
        "figure_label": Figure.Name(figure).label if figure else "",
        "total": totals[figure] if figure else available,
        "rows": [_row(entry, pool, figure) for entry in page.entries],
        "older": older,
        "is_first": "after" not in request.GET,
        "download_query": "?" + urlencode(parameters) if parameters else "",
        "figures": [(name, Figure.Name(name).label) for name, amount in totals.items() if amount],
    }
    return render(request, "transparency/pool_entries.html", context)


def ledger_overview(request: HttpRequest) -> HttpResponse:
    """Every pool with what it received, paid out and has, all of it added up, and what happened."""
    figures = books.figures_of_all_pools()
    summaries = queries.pool_summaries(visible().order_by("name"), figures)
    page = books.entries(after=after_number(request), limit=PAGE)
    published = checkpoints.published()
    entries = [(entry, labels.entry_kind(entry.kind), _pools_of(entry)) for entry in page.entries]
    context = {
        "summaries": summaries.values(),
        "totals": queries.foundation_summaries(figures) if len(summaries) > 1 else [],
        "entries": entries,
        "older": f"?after={page.next_after}" if page.next_after else "",
        "is_first": "after" not in request.GET,
        "published": published,
        # Of what is shown, not of what is configured: a witness may be new, or away.
        "witnesses": published.cosignatures.count() if published else 0,
    }
    return render(request, "transparency/ledger.html", context)


def _pools_of(entry: Entry) -> list[Pool]:
    return list({line.pool_id: line.pool for line in entry.postings.all()}.values())


def ledger_entry(request: HttpRequest, number: int) -> HttpResponse:
    """One entry whole: its postings, the figures it feeds, what it reverses or is reversed by."""
    entry = get_object_or_404(
        Entry.objects.select_related("period", "reverses", "reversed_by", "leaf"), pk=number
    )
    postings = [
        {
            "pool": line.pool,
            "account": labels.account(line.account.code),
            "currency": line.currency,
            "debit": line.amount if line.amount > 0 else None,
            "credit": -line.amount if line.amount < 0 else None,
        }
        for line in entry.postings.select_related("pool", "account")
    ]
    totals = list(
        entry.postings.filter(amount__gt=0).values("currency").annotate(total=Sum("amount"))
    )
    context = {
        "entry": entry,
        "kind": labels.entry_kind(entry.kind),
        "postings": postings,
        "totals": totals,
        "figures": entry.figures.select_related("pool"),
        "reversed_by": getattr(entry, "reversed_by", None),
        "leaf": getattr(entry, "leaf", None),
        "published": checkpoints.published(),
    }
    return render(request, "transparency/entry.html", context)
