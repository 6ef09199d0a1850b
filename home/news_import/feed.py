"""An Atom or RSS feed of another site, read into rows."""

import calendar
import datetime
import io
from typing import Any

import feedparser
from django.utils import timezone

from home.models.topics import Topic
from home.news_import import refusals
from home.news_import.cleaning import clean, plain
from home.news_import.rows import LONGEST, Row, id_of, readable_link, shortened

MOST_ENTRIES = 50


def read(content: bytes, *, language: str) -> list[Row]:
    """The entries, all taken to be in ``language``. Raises NotAFeed, FeedEmpty. One query."""
    # No feed needs entities of its own; who declares some means to fill our memory.
    if b"<!entity" in content.lower():
        raise refusals.NotAFeed
    # As a stream: a text alone would be taken for an address or a file's name.
    found = feedparser.parse(io.BytesIO(content))
    if not found.get("version"):
        raise refusals.NotAFeed
    if not found.entries:
        raise refusals.FeedEmpty
    topics = {topic.name.casefold(): topic for topic in _topics(language)}
    entries = found.entries[:MOST_ENTRIES]
    return [_row(number, entry, language, topics) for number, entry in enumerate(entries, 1)]


def _topics(language: str) -> list[Topic]:
    return list(Topic.objects.filter(locale__language_code=language))


def _row(number: int, entry: Any, language: str, topics: dict[str, Topic]) -> Row:
    row = Row(number, language=language)
    row.title = shortened(plain(_text(entry, "title")), LONGEST["title"])
    if not row.title:
        row.refuse(refusals.TitleMissing(), "title")
    row.date = _day(entry)
    link = _text(entry, "link")
    row.link = readable_link(link)
    row.external_id = id_of(_text(entry, "id"), link, f"{row.date} {row.title}")
    summary = _text(entry, "summary")
    whole = next((each.get("value", "") for each in entry.get("content", [])), "") or summary
    made = clean(whole)
    row.text, row.pictures = made.text, made.pictures
    row.summary = shortened(plain(summary or whole), LONGEST["summary"])
    names = [plain(str(each.get("name", ""))) for each in entry.get("authors", [])]
    row.authors = shortened(", ".join(name for name in names if name), LONGEST["authors"])
    said = {str(tag.get("term") or "").casefold() for tag in entry.get("tags", [])}
    row.topics = [topic for name, topic in topics.items() if name in said]
    return row


def _text(entry: Any, name: str) -> str:
    return str(entry.get(name) or "").strip()


def _day(entry: Any) -> datetime.date:
    """The day of its publication; today where the feed has none."""
    moment = entry.get("published_parsed") or entry.get("updated_parsed")
    try:
        if moment:
            return datetime.datetime.fromtimestamp(calendar.timegm(moment), datetime.UTC).date()
    except (ValueError, OverflowError, OSError):
        pass
    return timezone.localdate()
