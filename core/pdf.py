"""PDF documents, set by Typst from templates in core/pdf_templates.

``render("document", data)`` is the letterhead of invoices, receipts and their like. Its data (``Document``):

======== =========================================================================================
language code of the document's language, e.g. "fr"; also sets hyphenation and direction
title    what it is, in that language: "Invoice", "Reçu"
number   "INV-2026-00012"
issued   the day of issue as a ``date``; shown nowhere, it dates the file (the same document gives
         the same bytes for ever)
facts    [(label, text), …] at the top right: date, due date, reference
parties  [(heading, [line, …]), …], one or two: who it is from, who it is for
columns  (label, label) above the table: "Description", "Amount"
lines    [(text, amount), …], amounts already formatted (``Money.format(language)``)
totals   [(label, amount), …]; the last one stands out
boxes    [(heading, [line, …]), …] below, framed: how to pay; may be missing
notes    [text, …] below: what the gift is for; an address in it becomes a link
stamp    a word at the top, "" for none: "Paid", "Void"
void     whether the stamp says that the paper no longer holds; may be missing
page     "Page %(page)s of %(pages)s", translated
======== =========================================================================================

``render("report", data)`` is a report of tables over many pages, in landscape, with a first page and
a list of its sections (``Report``, ``Section``, ``Table``). The head of a table is repeated on every
page. A cell is a text, whose newlines are kept, or a ``Tall`` one that stands beside several rows; a
row below it leaves that cell out. A hundred rows take about a tenth of a second and 10 MB.

``render("certificate", data)`` is a certificate on one page (``Certificate``).

Every text is text: nothing in it is read as markup. Fonts are those inside Typst, so that the same
document looks the same on every machine; they have Latin with all accents, Greek, Cyrillic, Hebrew
and Arabic.
"""

import datetime
import functools
import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, Literal, NotRequired, TypedDict

import typst
from django.conf import settings

TEMPLATES = Path(__file__).resolve().parent / "pdf_templates"
# Readable by a screen reader: tagged, titled, with its language (checked by Typst as it writes).
STANDARD: Literal["ua-1"] = "ua-1"


class Document(TypedDict):
    """The data of ``document.typ``; see the module's text."""

    language: str
    title: str
    number: str
    issued: datetime.date
    facts: Sequence[tuple[str, str]]
    parties: Sequence[tuple[str, Sequence[str]]]
    columns: tuple[str, str]
    lines: Sequence[tuple[str, str]]
    totals: Sequence[tuple[str, str]]
    boxes: NotRequired[Sequence[tuple[str, Sequence[str]]]]
    notes: Sequence[str]
    stamp: str
    void: NotRequired[bool]
    page: str


class Tall(TypedDict):
    """A cell beside ``rows`` rows."""

    text: str
    rows: int


class Column(TypedDict):
    """``number``: its cells end at the right. A ``width`` is that of its texts, that of an amount
    (the same in every table), or the rest of the line."""

    label: str
    number: bool
    width: Literal["fitting", "amount", "rest"]


class Table(TypedDict):
    """``title`` may be "", and ``total`` (a last row that stands out) empty."""

    title: str
    columns: Sequence[Column]
    rows: Sequence[Sequence[str | Tall]]
    total: Sequence[str]


class Section(TypedDict):
    """Begins on a page of its own; ``notes`` are paragraphs before its tables."""

    title: str
    notes: Sequence[str]
    tables: Sequence[Table]


class Report(TypedDict):
    """The data of ``report.typ``; ``issued`` and ``page`` are as in ``Document``."""

    language: str
    title: str
    subtitle: str
    issued: datetime.date
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]
    sections: Sequence[Section]
    page: str


class Certificate(TypedDict):
    """The data of ``certificate.typ``, from top to bottom; ``issued`` is as in ``Document``, and an
    address in ``notes`` becomes a link."""

    language: str
    title: str
    issued: datetime.date
    before: str
    name: str
    below: str
    statement: str
    facts: Sequence[tuple[str, str]]
    notes: Sequence[str]


def render(template_name: str, data: Mapping[str, Any]) -> bytes:
    """The PDF of ``core/pdf_templates/<template_name>.typ`` filled with ``data``.

    ``data`` is JSON, but for dates, which become texts. It takes tens of milliseconds a page.
    Raises ValueError for an unknown template and typst.TypstError where the data do not fit it.
    """
    source = TEMPLATES / f"{template_name}.typ"
    if not re.fullmatch(r"[a-z_]+", template_name) or not source.is_file():
        raise ValueError(f"There is no PDF template {template_name!r}.")
    values = {"site_name": settings.SITE_NAME, "site_url": settings.SITE_URL, **data}
    issued = data.get("issued") or datetime.date(2000, 1, 1)
    midnight = datetime.datetime.combine(issued, datetime.time(), datetime.UTC)
    made: bytes = typst.compile(
        str(source),
        root=str(TEMPLATES),
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(values, default=_as_text)},
        pdf_standards=STANDARD,
        timestamp=midnight,
    )
    return made


@functools.cache
def _fonts() -> Any:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def _as_text(value: Any) -> str:
    if isinstance(value, datetime.date):
        return value.isoformat()
    return str(value)
