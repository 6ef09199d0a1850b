"""The public page of transfers between pools."""

from django.core.paginator import Paginator
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render

from funding.pools import transfers

PAGE = 50


def pool_transfers(request: HttpRequest) -> HttpResponse:
    """Every transfer that was made, newest first: why, on which basis, who agreed by their role."""
    pages = Paginator(transfers.approved_transfers(), PAGE)
    page = pages.get_page(request.GET.get("page"))
    context = {"page_obj": page, "rows": transfers.as_public(list(page.object_list))}
    return render(request, "pools/transfers.html", context)
