"""CSV files that people bring: read into rows, whatever spreadsheet wrote them.

The file waits between the look at it and the act, so that what is done is what was looked at.
"""

import csv
import io
import uuid
from collections.abc import Iterator, Mapping, Sequence

from django.core.cache import cache
from django.utils.translation import gettext_lazy as _

from core.cells import text_cell
from core.models import User
from core.refusals import Refusal

# How long a file waits for the act, in seconds.
WAITS = 60 * 60


class FileRefused(Refusal):
    """Base of what refuses a whole file."""

    field = "file"


class FileTooLarge(FileRefused):
    message = _("The file is larger than %(most)s MB. Part it.")


class TooManyRows(FileRefused):
    message = _("The file has more than %(most)s rows. Part it.")


class FileEmpty(FileRefused):
    message = _("There is nothing in the file.")


class NotText(FileRefused):
    message = _("This is not a CSV file in UTF-8 or Windows-1252. Save it as CSV and try again.")


class NotACsv(FileRefused):
    message = _("Row %(row)s cannot be read as CSV. Look for a quotation mark that is not closed.")


class ColumnMissing(FileRefused):
    message = _("The heading lacks: %(columns)s.")


class ColumnUnknown(FileRefused):
    message = _("The heading has columns that we do not know: %(columns)s. Remove or rename them.")


class ColumnTwice(FileRefused):
    message = _("The heading has a column twice: %(columns)s.")


def row_numbers(sent: Sequence[str]) -> frozenset[int]:
    """The rows that a form names; what is no number is none."""
    return frozenset(
        int(text) for text in sent if text.isascii() and text.isdecimal() and len(text) < 7
    )


# --- Reading --------------------------------------------------------------------------------------


def read(
    content: bytes,
    *,
    columns: Sequence[str],
    required: Sequence[str],
    instead: Mapping[str, str] | None = None,
    most_rows: int,
    most_bytes: int,
) -> list[tuple[int, dict[str, str]]]:
    """The rows under the heading, each with its number as a spreadsheet counts it and its cells by
    column. Empty rows are left out, and counted.

    ``instead``: a required column → the one that may stand in its place. Raises the subclasses of
    FileRefused.
    """
    if len(content) > most_bytes:
        raise FileTooLarge(most=most_bytes // 1024 // 1024)
    lines = _records(_decoded(content))
    heading = next((cells for _number, cells in lines), [])
    names = [" ".join(name.split()).lower().replace(" ", "_") for name in heading]
    _check_heading(names, columns, required, instead or {})
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in lines:
        if not any(cells):
            continue
        if len(rows) == most_rows:
            raise TooManyRows(most=most_rows)
        named = dict(zip(names, cells, strict=False))
        rows.append((number, {name: named.get(name, "") for name in columns}))
    if not rows:
        raise FileEmpty
    return rows


def _decoded(content: bytes) -> str:
    if b"\x00" in content:
        raise NotText
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not text.strip():
            raise FileEmpty
        return text
    raise NotText


def _records(text: str) -> Iterator[tuple[int, list[str]]]:
    """(the row's number as a spreadsheet counts it, its cells)."""
    first = next(line for line in text.splitlines() if line.strip())
    delimiter = max(",;\t", key=first.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    number = 0
    while True:
        number += 1
        try:
            cells = next(reader)
        except StopIteration:
            return
        except csv.Error:
            raise NotACsv(row=number) from None
        if number == 1 and not any(cells):
            number = 0  # lines before the heading
            continue
        yield number, [_cell(text) for text in cells]


def _cell(text: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from running a text as a formula."""
    text = text.strip()
    return text[1:] if text.startswith("'") and text_cell(text[1:]) == text else text


def _check_heading(
    names: list[str], columns: Sequence[str], required: Sequence[str], instead: Mapping[str, str]
) -> None:
    found = [name for name in names if name]
    unknown = [name for name in found if name not in columns]
    if unknown:
        raise ColumnUnknown(columns=", ".join(unknown))
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise ColumnTwice(columns=", ".join(twice))
    missing = [name for name in required if name not in found]
    if not all(instead.get(name) in found for name in missing):
        raise ColumnMissing(columns=", ".join(missing))


def sample(columns: Sequence[str], rows: Sequence[Mapping[str, str]]) -> str:
    """A file to begin with: the heading and some rows, with a byte order mark for spreadsheets."""
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, columns, restval="")
    writer.writeheader()
    writer.writerows({name: text_cell(cell) for name, cell in row.items()} for row in rows)
    return "\ufeff" + out.getvalue()


# --- Waiting --------------------------------------------------------------------------------------


def keep(what: str, person: User, name: str, content: bytes) -> str:
    """Let a file wait for ``person`` alone, for an hour; the token under which `kept` finds it."""
    token = uuid.uuid4().hex
    cache.set(_key(what, person, token), (name, content), WAITS)
    return token


def kept(what: str, person: User, token: str) -> tuple[str, bytes] | None:
    """Name and content of a file that waits; None where it waited too long or is another's."""
    if len(token) != 32 or not (token.isascii() and token.isalnum()):
        return None
    found: tuple[str, bytes] | None = cache.get(_key(what, person, token))
    return found


def forget(what: str, person: User, token: str) -> None:
    """The file is done with. ``token`` is one that `kept` knew."""
    cache.delete(_key(what, person, token))


def _key(what: str, person: User, token: str) -> str:
    return f"csv-file:{what}:{person.pk}:{token}"
