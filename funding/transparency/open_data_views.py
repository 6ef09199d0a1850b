"""What there is for programs, told to people: the files, their licence, and how they add up."""

from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.utils.translation import gettext as _

from funding.ledger.chart import FIGURE_SIGNS
from funding.ledger.models import Figure
from funding.transparency.api.endpoints import api
from funding.transparency.iati import mapping


def _type_names() -> dict[str, str]:
    """The transaction types of IATI that we use, in the reader's language."""
    return {
        mapping.INCOMING_FUNDS: _("Incoming funds"),
        mapping.OUTGOING_COMMITMENT: _("Outgoing commitment"),
        mapping.DISBURSEMENT: _("Disbursement"),
        mapping.EXPENDITURE: _("Expenditure"),
    }


def open_data(request: HttpRequest) -> HttpResponse:
    """The list of files and addresses, and which figure is what at IATI. No query."""
    names = _type_names()
    figures = []
    for figure in FIGURE_SIGNS:
        mapped = mapping.TRANSACTIONS.get(figure)
        parts = (
            [(part.sign, part.type, names[part.type]) for part in mapped.parts] if mapped else []
        )
        figures.append((Figure.Name(figure).label, parts, mapping.LEFT_OUT.get(figure, "")))
    context = {
        "figures": figures,
        "iati": settings.IATI_ORGANISATION,
        "per_minute": settings.API_REQUESTS_PER_MINUTE,
    }
    return render(request, "transparency/open_data.html", context)


def open_data_api(request: HttpRequest) -> HttpResponse:
    """The API's addresses with what each takes, from its own document. No query."""
    document = api.get_openapi_schema()
    operations: list[dict[str, Any]] = [
        {
            "path": path,
            "summary": operation["summary"],
            "parameters": [
                {
                    "name": parameter["name"],
                    "description": parameter.get("description", ""),
                    "required": parameter["required"],
                }
                for parameter in operation["parameters"]
            ],
        }
        for path, methods in document["paths"].items()
        for operation in methods.values()
    ]
    context = {"operations": operations, "per_minute": settings.API_REQUESTS_PER_MINUTE}
    return render(request, "transparency/open_data_api.html", context)
