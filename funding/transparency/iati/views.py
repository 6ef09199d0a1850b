"""The two files over HTTP.

A file is written whole to the disk from one state of the books, and sent from there: memory stays
the same however long the books are, and a slow reader holds no transaction open.
"""

import datetime
import tempfile
from collections.abc import Callable
from typing import IO

from django.conf import settings
from django.http import FileResponse, Http404, HttpRequest
from django.utils.translation import override

from funding.transparency.api.service import public
from funding.transparency.audit_pack.snapshot import one_state
from funding.transparency.iati import activities, organisation

IN_MEMORY = 1024 * 1024  # bytes


def _file(write: Callable[..., None], name: str) -> FileResponse:
    if not settings.IATI_ORGANISATION:
        raise Http404("The foundation has no identifier at IATI yet (IATI_ORGANISATION).")
    # The response closes it.
    spool: IO[bytes] = tempfile.SpooledTemporaryFile(max_size=IN_MEMORY)  # noqa: SIM115
    try:
        with override("en"), one_state() as now:
            write(spool, now=now.astimezone(datetime.UTC))
    except BaseException:
        spool.close()
        raise
    length = spool.tell()
    spool.seek(0)
    response = FileResponse(spool, content_type="application/xml", filename=name)
    response["Content-Length"] = str(length)
    response["Cache-Control"] = "public, max-age=300"
    return response


@public
def activities_file(request: HttpRequest) -> FileResponse:
    """Every pool as an activity of IATI 2.03; 404 while there is none."""
    try:
        return _file(activities.write, "activities.xml")
    except activities.NoPool:
        raise Http404("There is no pool yet.") from None


@public
def organisation_file(request: HttpRequest) -> FileResponse:
    """The foundation as an organisation of IATI 2.03."""
    return _file(organisation.write, "organisation.xml")
