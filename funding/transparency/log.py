"""The public log over HTTP: checkpoints, tiles, proofs, downloads (docs/ledger-format.md).

Tiles, and the download of a size, are immutable: they may be kept by every cache for ever.
"""

import re
from collections.abc import Iterator

from django.http import Http404, HttpRequest, HttpResponse, StreamingHttpResponse
from django.http.response import HttpResponseBase
from django.shortcuts import get_object_or_404
from django.views.decorators.http import require_safe

from funding.ledger import checkpoints, proofs, receipts
from funding.ledger.models import Checkpoint
from funding.transparency import beancount
from funding.transparency.download_views import book_file

_TILE = re.compile(
    r"(?P<level>entries|[0-9]|[1-5][0-9]|6[0-3])/(?P<index>(?:x\d{3}/){0,5}\d{3})"
    r"(?:\.p/(?P<width>[1-9]\d{0,2}))?",
    re.ASCII,
)


def _for_good(response: HttpResponse | StreamingHttpResponse) -> None:
    response["Cache-Control"] = "public, max-age=31536000, immutable"


def _text(text: str) -> HttpResponse:
    return HttpResponse(text, content_type="text/plain; charset=utf-8")


def _published() -> Checkpoint:
    found = checkpoints.published()
    if found is None:
        raise Http404("Nothing is sealed yet.")
    return found


@require_safe
def checkpoint(request: HttpRequest) -> HttpResponse:
    """The newest checkpoint that every witness has signed."""
    response = _text(checkpoints.signed_note(_published()))
    response["Cache-Control"] = "public, max-age=5"
    return response


@require_safe
def checkpoint_of_size(request: HttpRequest, size: int) -> HttpResponse:
    """An earlier checkpoint; a witness may still add its line, so it is not kept for ever."""
    if size > _published().size:
        raise Http404
    response = _text(checkpoints.signed_note(get_object_or_404(Checkpoint, size=size)))
    response["Cache-Control"] = "public, max-age=300"
    return response


@require_safe
def keys(request: HttpRequest) -> HttpResponse:
    """The public keys of the log and its witnesses: to be noted down, and compared elsewhere."""
    response = _text("".join(f"{key}\n" for key in checkpoints.verifier_keys()))
    response["Cache-Control"] = "public, max-age=300"
    return response


@require_safe
def tile(request: HttpRequest, rest: str) -> HttpResponse:
    """Hashes of the tree or entries, 256 at a time (C2SP tlog-tiles)."""
    found = _TILE.fullmatch(rest)
    if found is None:
        raise Http404
    elements = found["index"].split("/")
    index = int("".join(element.removeprefix("x") for element in elements))
    width = int(found["width"] or proofs.WIDTH)
    is_entries = found["level"] == "entries"
    level = 0 if is_entries else int(found["level"])
    if len(elements) > 1 and int(elements[0].removeprefix("x")) == 0:
        raise Http404  # one address a tile
    if width > proofs.WIDTH or (found["width"] and width == proofs.WIDTH):
        raise Http404
    if index * proofs.WIDTH + width > _published().size >> (proofs.HEIGHT * level):
        raise Http404
    data = proofs.entry_bundle(index, width) if is_entries else proofs.tile(level, index, width)
    response = HttpResponse(data, content_type="application/octet-stream")
    _for_good(response)
    return response


@require_safe
def download(request: HttpRequest) -> StreamingHttpResponse:
    """The entries up to a checkpoint, a line each: with it, the whole ledger to check at home.

    Of no other size: it could not be checked, and every cache would keep one more copy.
    """
    newest = _published().size
    asked = request.GET.get("size", "")
    if asked and not (asked.isdecimal() and len(asked) < 19 and int(asked) <= newest):
        raise Http404
    size = get_object_or_404(Checkpoint, size=int(asked)).size if asked else newest
    response = StreamingHttpResponse(
        _lines(size), content_type="application/x-ndjson; charset=utf-8"
    )
    response["Content-Disposition"] = f'attachment; filename="ledger-{size}.jsonl"'
    if asked:
        _for_good(response)
    return response


def _lines(size: int) -> Iterator[bytes]:
    batch: list[bytes] = []
    for form in proofs.public_forms(0, size):
        batch.append(form)
        if len(batch) == proofs.WIDTH:
            yield b"\n".join(batch) + b"\n"
            batch = []
    if batch:
        yield b"\n".join(batch) + b"\n"


@require_safe
def proof(request: HttpRequest, number: int) -> HttpResponse:
    """An entry with its proof (C2SP tlog-proof): it verifies offline, and for good."""
    found = receipts.proof_of(number)
    if found is None:
        raise Http404("The entry is not under a published checkpoint, or there is none such.")
    response = _text(found.text)
    response["Content-Disposition"] = f'attachment; filename="entry-{number}.tlog-proof"'
    return response


@require_safe
def as_beancount(request: HttpRequest) -> HttpResponseBase:
    """The entries under the published checkpoint as a journal that Beancount accepts."""
    found = checkpoints.published()
    size = found.size if found else 0
    return book_file(
        request,
        lambda: beancount.journal(size),
        name="ledger.beancount",
        tag=f"ledger-{size}",
        kind="text/plain",
    )
