"""A ZIP that is written while it is sent: nothing of it is kept, and nothing is sought back to."""

import datetime
import zipfile
from collections.abc import Iterable, Iterator

PIECE = 64 * 1024  # bytes to a piece, so that thousands of short lines are not as many writes


class _Sink:
    """A file that cannot be sought in, whose bytes are taken away as they come."""

    def __init__(self) -> None:
        self._parts: list[bytes] = []
        self._size = 0

    def write(self, data: bytes) -> int:
        self._parts.append(bytes(data))
        self._size += len(data)
        return len(data)

    def flush(self) -> None:
        """There is nothing to wait for."""

    def take(self, at_least: int) -> bytes:
        """What was written since the last time, or nothing while that is less than asked for."""
        if self._size < at_least:
            return b""
        taken, self._parts, self._size = b"".join(self._parts), [], 0
        return taken


def zipped(
    files: Iterable[tuple[str, Iterable[bytes]]], made_at: datetime.datetime
) -> Iterator[bytes]:
    """The archive of ``files`` (a name, and the content in pieces) in pieces of its own.

    A file's content is asked for when the one before it is written. Each may be of any size.
    """
    sink = _Sink()
    with zipfile.ZipFile(sink, "w") as archive:  # type: ignore[call-overload]
        for name, content in files:
            about = zipfile.ZipInfo(name, made_at.timetuple()[:6])
            about.compress_type = zipfile.ZIP_DEFLATED
            about.external_attr = 0o600 << 16
            with archive.open(about, "w", force_zip64=True) as member:
                for piece in _gathered(content):
                    member.write(piece)
                    if ready := sink.take(PIECE):
                        yield ready
    if ready := sink.take(1):
        yield ready


def _gathered(content: Iterable[bytes]) -> Iterator[bytes]:
    parts: list[bytes] = []
    size = 0
    for part in content:
        parts.append(part)
        size += len(part)
        if size >= PIECE:
            yield b"".join(parts)
            parts, size = [], 0
    yield b"".join(parts)
