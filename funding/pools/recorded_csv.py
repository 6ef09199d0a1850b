"""The CSV file in which gifts and pledges come: its columns, how it is read, and a sample of it."""

import csv
import io
from collections.abc import Iterator

from django.utils import timezone

from core.cells import text_cell
from funding.pools import recording_refusals as refusals

MOST_ROWS = 5_000
MOST_BYTES = 2 * 1024 * 1024

COLUMNS = (
    "external_id",
    "kind",
    "donor",
    "donor_kind",
    "donor_id",
    "email",
    "country",
    "pool",
    "amount",
    "currency",
    "public_name",
    "language",
    "tell_donor",
    "due_on",
    "schedule",
    "binding",
    "condition",
    "channel",
    "evidence",
    "paid_on",
    "bank_line",
)
REQUIRED = ("external_id", "kind", "donor", "pool", "amount", "currency")


def read(content: bytes) -> list[tuple[int, dict[str, str]]]:
    """The rows under the heading, each with its number as a spreadsheet counts it and its cells by
    column. Empty rows are left out, and counted. Raises the subclasses of FileRefused."""
    if len(content) > MOST_BYTES:
        raise refusals.FileTooLarge(most=MOST_BYTES // 1024 // 1024)
    text = _decoded(content)
    lines = _records(text)
    heading = next((cells for _number, cells in lines), [])
    names = [" ".join(name.split()).lower().replace(" ", "_") for name in heading]
    _check_heading(names)
    rows: list[tuple[int, dict[str, str]]] = []
    for number, cells in lines:
        if not any(cells):
            continue
        if len(rows) == MOST_ROWS:
            raise refusals.TooManyRows(most=MOST_ROWS)
        named = dict(zip(names, cells, strict=False))
        rows.append((number, {name: named.get(name, "") for name in COLUMNS}))
    if not rows:
        raise refusals.FileEmpty
    return rows


def _decoded(content: bytes) -> str:
    if b"\x00" in content:
        raise refusals.NotText
    for encoding in ("utf-8-sig", "cp1252"):
        try:
            text = content.decode(encoding)
        except UnicodeDecodeError:
            continue
        if not text.strip():
            raise refusals.FileEmpty
        return text
    raise refusals.NotText


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
            raise refusals.NotACsv(row=number) from None
        if number == 1 and not any(cells):
            number = 0  # lines before the heading
            continue
        yield number, [_cell(text) for text in cells]


def _cell(text: str) -> str:
    """Without the apostrophe that keeps a spreadsheet from running a text as a formula."""
    text = text.strip()
    return text[1:] if text.startswith("'") and text_cell(text[1:]) == text else text


def _check_heading(names: list[str]) -> None:
    found = [name for name in names if name]
    unknown = [name for name in found if name not in COLUMNS]
    if unknown:
        raise refusals.ColumnUnknown(columns=", ".join(unknown))
    twice = sorted({name for name in found if found.count(name) > 1})
    if twice:
        raise refusals.ColumnTwice(columns=", ".join(twice))
    missing = [name for name in REQUIRED if name not in found]
    if missing == ["donor"] and "donor_id" in found:
        missing = []
    if missing:
        raise refusals.ColumnMissing(columns=", ".join(missing))


def sample() -> str:
    """A file to begin with: a heading and one row of each kind."""
    day = timezone.localdate().replace(day=1)
    year = day.year + 1
    rows = [
        {
            "external_id": "LETTER-1",
            "kind": "expected",
            "donor": "Ministry of Health",
            "donor_kind": "organisation",
            "country": "MW",
            "pool": "general",
            "amount": "2500.00",
            "currency": "USD",
            "public_name": "Ministry of Health of Malawi",
            "due_on": f"{year}-03-31",
        },
        {
            "external_id": "AGREEMENT-7",
            "kind": "pledge",
            "donor": "An agency",
            "email": "desk@example.org",
            "country": "NO",
            "pool": "general",
            "amount": "50000",
            "currency": "USD",
            "public_name": "An agency",
            "schedule": f"{year}-01-31 25000 | {year}-07-31 25000",
            "binding": "yes",
        },
        {
            "external_id": "CHEQUE-112",
            "kind": "payment",
            "donor": "Grace Giver",
            "donor_kind": "person",
            "pool": "general",
            "amount": "40",
            "currency": "USD",
            "channel": "Cheque",
            "evidence": "Cheque 112",
            "paid_on": day.isoformat(),
        },
    ]
    out = io.StringIO(newline="")
    writer = csv.DictWriter(out, COLUMNS, restval="")
    writer.writeheader()
    writer.writerows({name: text_cell(cell) for name, cell in row.items()} for row in rows)
    return "\ufeff" + out.getvalue()
