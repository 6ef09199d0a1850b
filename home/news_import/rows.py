"""What one row of a file or one entry of a feed says, and what is wrong with it."""

import datetime
import hashlib
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from core.refusals import Refusal
from funding.ledger.models import Pool
from home.models.news import NewsPage
from home.models.topics import Topic

LONGEST = {"title": 255, "summary": 300, "authors": 200}


@dataclass(slots=True)
class Row:
    """``number`` as a spreadsheet counts it, or the entry's place in its feed.

    ``text`` is HTML of the text block. ``errors``: column → what is wrong. ``known``: the page that
    an earlier import made of it. ``pictures``: how many are left out.
    """

    number: int
    language: str = ""
    external_id: str = ""
    title: str = ""
    date: datetime.date | None = None
    summary: str = ""
    text: str = ""
    authors: str = ""
    link: str = ""
    pictures: int = 0
    topics: list[Topic] = field(default_factory=list)
    countries: list[str] = field(default_factory=list)
    pools: list[Pool] = field(default_factory=list)
    known: NewsPage | None = None
    errors: dict[str, str] = field(default_factory=dict)

    @property
    def key(self) -> tuple[str, str]:
        """What it is known by: its id at its source, and the language."""
        return (self.external_id, self.language)

    @property
    def is_new(self) -> bool:
        return not self.errors and self.known is None

    def refuse(self, refusal: Refusal, column: str) -> None:
        self.errors.setdefault(column, str(refusal))


def id_of(*said: str) -> str:
    """The first that is not empty, as short as the database has room for it."""
    found = next((text for text in said if text), "")
    return found if len(found) <= 400 else "sha256:" + hashlib.sha256(found.encode()).hexdigest()


def readable_link(text: str) -> str:
    """An address as it is; empty for what is none, or too long to keep."""
    try:
        host = urlsplit(text).hostname
    except ValueError:
        return ""
    is_web = text.lower().startswith(("https://", "http://"))
    return text if is_web and host and len(text) <= 400 else ""


def shortened(text: str, most: int) -> str:
    """``text`` cut at a word, with an ellipsis, so that it has ``most`` characters at most."""
    if len(text) <= most:
        return text
    return text[: most - 1].rsplit(" ", 1)[0] + "…"
