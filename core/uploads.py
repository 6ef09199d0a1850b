"""Files that people send us: how large, of which kind, and whether a scanner finds something in them.

The kind is read from the file's first bytes, never from its name or from what the browser says.
"""

import logging
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from django.conf import settings
from django.http import HttpResponse
from django.utils.http import content_disposition_header
from django.utils.module_loading import import_string
from django.utils.translation import gettext_lazy as _

from core.refusals import Refusal
from core.transactions import in_transaction

logger = logging.getLogger(__name__)

MEGABYTE = 1024 * 1024

PDF, JPEG, PNG = "application/pdf", "image/jpeg", "image/png"
_FIRST_BYTES = {PDF: b"%PDF-", JPEG: b"\xff\xd8\xff", PNG: b"\x89PNG\r\n\x1a\n"}
_ENDINGS = {PDF: ".pdf", JPEG: ".jpg", PNG: ".png"}
_NAMES = {PDF: "PDF", JPEG: "JPEG", PNG: "PNG"}


class UploadRefused(Refusal):
    """Base of what is refused of a file. ``field`` names the form field."""

    field = "file"


class FileEmpty(UploadRefused):
    message = _("The file is empty. Choose another one.")


class FileTooLarge(UploadRefused):
    message = _("The file is larger than %(limit)s MB. Choose a smaller one.")


class FileOfOtherKind(UploadRefused):
    message = _("The file is none of these: %(kinds)s. Save it as one of them and choose that.")


class FileNotClean(UploadRefused):
    message = _("The virus scanner found something in the file. Choose another one.")


class ScannerSilent(UploadRefused):
    message = _("The file cannot be scanned at the moment. Try again in a few minutes.")


class Sent(Protocol):
    """What is needed of an uploaded file."""

    @property
    def name(self) -> str | None: ...
    @property
    def size(self) -> int | None: ...
    def read(self) -> bytes: ...


@dataclass(frozen=True, slots=True)
class Upload:
    """A file that was accepted. ``content_type`` is what its bytes say; ``name`` ends as that does."""

    name: str
    content_type: str
    content: bytes


def read(sent: Sent, *, kinds: tuple[str, ...], limit: int) -> Upload:
    """`bytes_of` a file that was sent, as `accept` takes it."""
    return accept(sent.name or "", bytes_of(sent, limit=limit), kinds=kinds, limit=limit)


def bytes_of(sent: Sent, *, limit: int) -> bytes:
    """The bytes of a file that was sent; more than ``limit`` are not read. Raises FileTooLarge."""
    if (sent.size or 0) > limit:
        raise FileTooLarge(limit=limit // MEGABYTE)
    return bytes(sent.read())


def accept(name: str, content: bytes, *, kinds: tuple[str, ...], limit: int) -> Upload:
    """A file as it may be kept: one of ``kinds``, ``limit`` bytes at most, clean for the scanner.

    Outside any transaction, for a scanner may ask another machine. Raises FileEmpty, FileTooLarge,
    FileOfOtherKind, FileNotClean and ScannerSilent.
    """
    if not content:
        raise FileEmpty
    if len(content) > limit:
        raise FileTooLarge(limit=limit // MEGABYTE)
    kind = next((kind for kind in kinds if content.startswith(_FIRST_BYTES[kind])), None)
    if kind is None:
        raise FileOfOtherKind(kinds=", ".join(_NAMES[kind] for kind in kinds))
    scan(content)
    return Upload(safe_name(name, kind), kind, content)


def scan(content: bytes) -> None:
    """Let the scanner look at the file, where the operator has one (``UPLOAD_SCANNER``).

    The setting names a function: given the bytes, it returns what it found in words for the log, or
    "" where that is nothing. One that fails lets nothing through. Raises FileNotClean, ScannerSilent.
    """
    if not settings.UPLOAD_SCANNER:
        return
    if in_transaction():
        raise RuntimeError("A scanner may ask another machine: scan outside any transaction.")
    try:
        scanner: Callable[[bytes], str] = import_string(settings.UPLOAD_SCANNER)
        found = scanner(content)
    except Exception as error:
        logger.exception("The scanner of uploads failed.")
        raise ScannerSilent from error
    if found:
        logger.warning("An upload was refused: %s", found)
        raise FileNotClean


def safe_name(name: str, kind: str) -> str:
    """A name that means nothing to a shell, a header or a path, with the ending of its kind."""
    stem = re.sub(r"[^\w.() -]+", "_", name.replace("\\", "/").rsplit("/", 1)[-1]).strip(" ._")
    ending = _ENDINGS[kind]
    for known in {*_ENDINGS.values(), ".jpeg"}:
        if stem.lower().endswith(known):
            stem = stem[: -len(known)].rstrip(" .")
    return f"{stem[:100] or 'file'}{ending}"


def download(name: str, content_type: str, content: bytes) -> HttpResponse:
    """The file to keep, never shown as a page of ours: it was made by somebody else."""
    return HttpResponse(
        content,
        content_type=content_type,
        headers={
            "Content-Disposition": str(
                content_disposition_header(as_attachment=True, filename=name)
            ),
            "X-Content-Type-Options": "nosniff",
            "Content-Security-Policy": "default-src 'none'; sandbox",
            "Cache-Control": "no-store, private",
        },
    )
