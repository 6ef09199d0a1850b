"""The CSV file in which news come: its columns, what each holds, and a sample."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.conf import settings
from django.utils import timezone
from django.utils.functional import Promise
from django.utils.translation import gettext_lazy as _

from core import csv_cells, csv_files
from core.refusals import Refusal
from funding.ledger.models import Pool
from home.models.topics import Topic
from home.news_import import refusals
from home.news_import.cleaning import clean
from home.news_import.rows import LONGEST, Row, id_of, readable_link

MOST_ROWS = 50
MOST_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Column:
    name: str
    words: str | Promise
    required: bool = False


DESCRIBED = (
    Column("title", _("Up to 255 characters."), required=True),
    Column("date", _("The day it is from, such as 2026-03-31."), required=True),
    Column("language", _("One of the site’s languages: en, fr or pt. Empty: en.")),
    Column("summary", _("One or two sentences, up to 300 characters.")),
    Column("text", _("Plain text with empty lines between paragraphs, or HTML.")),
    Column("authors", _("Names as readers shall see them.")),
    Column("topics", _("Names of topics that there are, with semicolons between them.")),
    Column("countries", _("Two letters each, such as MW; MZ.")),
    Column("pools", _("Codes of pools, with semicolons between them.")),
    Column(
        "external_id",
        _("What it is known by where it comes from. Rows of the same id are brought once."),
    ),
    Column("link", _("Where it was published first, with https://.")),
)
COLUMNS = tuple(column.name for column in DESCRIBED)
REQUIRED = tuple(column.name for column in DESCRIBED if column.required)


def read(content: bytes) -> list[Row]:
    """The rows with their errors. Raises the subclasses of core.csv_files.FileRefused.

    Two queries, of topics and of pools.
    """
    cells = csv_files.read(
        content, columns=COLUMNS, required=REQUIRED, most_rows=MOST_ROWS, most_bytes=MOST_BYTES
    )
    reader = _Reader()
    return [reader.row(number, each) for number, each in cells]


class _Reader:
    def __init__(self) -> None:
        self.topics: dict[tuple[str, str], Topic] = {}
        for topic in Topic.objects.select_related("locale"):
            language = topic.locale.language_code
            self.topics[topic.name.casefold(), language] = topic
            self.topics[topic.slug, language] = topic
        self.pools = {pool.code: pool for pool in Pool.objects.all()}

    def row(self, number: int, cells: dict[str, str]) -> Row:
        row = Row(number)
        row.language = (
            self._cell(row, "language", csv_cells.language, cells) or settings.LANGUAGE_CODE
        )
        for column, most in LONGEST.items():
            text = " ".join(cells[column].split())
            setattr(row, column, text)
            if len(text) > most:
                row.refuse(csv_cells.TooLong(most=most), column)
        if not row.title:
            row.refuse(refusals.TitleMissing(), "title")
        row.date = self._cell(row, "date", csv_cells.day, cells)
        if row.date is None and "date" not in row.errors:
            row.refuse(csv_cells.NotADay(text=""), "date")
        made = clean(cells["text"])
        row.text, row.pictures, row.link = made.text, made.pictures, readable_link(cells["link"])
        self._related(row, cells)
        row.external_id = id_of(
            cells["external_id"], row.link, f"{cells['date']} {row.title}".casefold()
        )
        return row

    def _related(self, row: Row, cells: dict[str, str]) -> None:
        for text in _parts(cells["topics"]):
            topic = self._topic(text, row.language)
            if topic is None:
                row.refuse(refusals.UnknownTopic(text=text), "topics")
            elif topic not in row.topics:
                row.topics.append(topic)
        for text in _parts(cells["countries"]):
            code = self._read(row, "countries", csv_cells.country, text)
            if code and code not in row.countries:
                row.countries.append(code)
        for text in _parts(cells["pools"]):
            pool = self.pools.get(text.lower())
            if pool is None:
                row.refuse(refusals.UnknownPool(text=text), "pools")
            elif pool not in row.pools:
                row.pools.append(pool)

    def _topic(self, text: str, language: str) -> Topic | None:
        """By its name or address in the row's language, else in the site's first."""
        name = text.casefold()
        first = settings.LANGUAGE_CODE
        return self.topics.get((name, language)) or self.topics.get((name, first))

    def _cell(
        self, row: Row, column: str, read: Callable[[str], Any], cells: dict[str, str]
    ) -> Any:
        return self._read(row, column, read, cells[column]) if cells[column] else None

    def _read(self, row: Row, column: str, read: Callable[[str], Any], text: str) -> Any:
        try:
            return read(text)
        except Refusal as refusal:
            row.refuse(refusal, column)
            return None


def _parts(cell: str) -> list[str]:
    return [part.strip() for part in cell.split(";") if part.strip()]


def sample() -> str:
    """A file to begin with: the heading, and two invented rows."""
    today = timezone.localdate().isoformat()
    rows = [
        {
            "external_id": "newsletter-12-1",
            "title": "An example of news",
            "date": today,
            "language": "en",
            "summary": "One or two sentences, shown in lists.",
            "text": "The first paragraph.\n\nThe second one.",
            "authors": "Ada Example",
            "countries": "MW; MZ",
            "link": "https://example.org/newsletter/12",
        },
        {
            "external_id": "newsletter-12-1",
            "title": "Un exemple d’actualité",
            "date": today,
            "language": "fr",
            "summary": "Une ou deux phrases, montrées dans les listes.",
            "text": "<p>Le premier paragraphe, avec des mots en <b>gras</b>.</p>",
            "authors": "Ada Example",
        },
    ]
    return csv_files.sample(COLUMNS, rows)
