"""The directory to take home: all members of today as CSV and as JSON.

The same in every language: codes, not labels. What a member keeps out of the directory is in neither
file. All rows are read by one query, so both files are of one moment.
"""

import csv
import datetime
import hashlib
import json
from collections.abc import Iterable, Iterator
from typing import Any

from django.conf import settings
from django.http import HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.utils import timezone
from django.utils.cache import get_conditional_response
from django.utils.http import quote_etag
from django.views.decorators.http import require_safe

from core.cells import text_cell
from membership import queries
from membership.links import path_in
from membership.models import Organisation
from membership.models.organisations import Hideable

LICENCE = "CC-BY-4.0"


def facts_of(organisation: Organisation) -> dict[str, Any]:
    """What anyone may know of a member, as `queries.listed` gives it; None where it says nothing."""
    shows = {field: not organisation.hides(field) for field in Hideable.values}
    described = {
        "en": organisation.description,
        "fr": organisation.description_fr,
        "pt": organisation.description_pt,
    }
    logo = organisation.logo if organisation.logo_approved and shows[Hideable.LOGO] else None
    registered = shows[Hideable.REGISTRATION]
    row: Any = organisation  # with what the query added
    return {
        "name": organisation.public_name,
        "legal_name": organisation.legal_name,
        "address": settings.SITE_URL + path_in("en", "member", organisation.slug),
        "kind": organisation.kind,
        "constituency": organisation.constituency,
        "country": organisation.country,
        "tier": row.tier_code,
        "member_since": row.since,
        "term_ends": row.until,
        "website": (organisation.website or None) if shows[Hideable.WEBSITE] else None,
        "register": (organisation.registration_agency or None) if registered else None,
        "registration_number": (organisation.registration_number or None) if registered else None,
        "iati_identifier": (organisation.identifier or None) if registered else None,
        "logo": settings.SITE_URL + logo.file.url if logo else None,
        "description": {
            code: words
            for code, words in described.items()
            if words and shows[Hideable.DESCRIPTION]
        },
    }


def _rows(on: datetime.date) -> list[dict[str, Any]]:
    return [facts_of(organisation) for organisation in queries.listed(on)]


class _Echo:
    """A file that hands back what csv writes to it."""

    def write(self, value: str) -> str:
        return value


_DESCRIBED = ("en", "fr", "pt")


def _csv(rows: Iterable[dict[str, Any]], columns: list[str]) -> Iterator[str]:
    """Lines of a CSV file (RFC 4180), with a byte order mark so that spreadsheets read UTF-8."""
    writer = csv.writer(_Echo())
    yield "\ufeff" + writer.writerow([*columns, *(f"description_{code}" for code in _DESCRIBED)])
    for row in rows:
        cells = [row[name] for name in columns]
        cells += [row["description"].get(code) for code in _DESCRIBED]
        yield writer.writerow([_cell(value) for value in cells])


def _cell(value: Any) -> str:
    return "" if value is None else text_cell(str(value))


COLUMNS = [
    "name",
    "legal_name",
    "address",
    "kind",
    "constituency",
    "country",
    "tier",
    "member_since",
    "term_ends",
    "website",
    "register",
    "registration_number",
    "iati_identifier",
    "logo",
]


@require_safe
def members_csv(request: HttpRequest) -> HttpResponseBase:
    """Every member of today, one a line."""
    rows = _rows(timezone.localdate())
    return StreamingHttpResponse(
        _csv(rows, COLUMNS),
        content_type="text/csv; charset=utf-8",
        headers={
            "Content-Disposition": 'attachment; filename="members.csv"',
            "Cache-Control": "public, max-age=300",
        },
    )


@require_safe
def members_json(request: HttpRequest) -> HttpResponseBase:
    """Every member of today; 304 where nothing has changed since the reader last asked (ETag)."""
    today = timezone.localdate()
    text = json.dumps(
        {"date": today, "licence": LICENCE, "members": _rows(today)},
        default=lambda day: day.isoformat(),
        ensure_ascii=False,
        indent=1,
    )
    etag = quote_etag(hashlib.sha256(text.encode()).hexdigest()[:32])
    unchanged = get_conditional_response(request, etag=etag)
    response = unchanged or HttpResponse(text, content_type="application/json; charset=utf-8")
    response["ETag"] = etag
    response["Cache-Control"] = "public, no-cache"  # kept, and asked about each time
    response["Access-Control-Allow-Origin"] = "*"
    return response
