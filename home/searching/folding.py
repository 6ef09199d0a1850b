"""Words without accents, and back from them to the words as they are written."""

import functools
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass

# Around what the database found. No text holds them: `cleaned` takes them out.
START, STOP = "\x02", "\x03"
# How much of a text is shown around the first word that was found.
SNIPPET = 240
BEFORE = 60


@dataclass(frozen=True, slots=True)
class Part:
    """A piece of a text; ``marked`` where it is what was asked for."""

    text: str
    marked: bool = False


@functools.lru_cache(maxsize=4096)
def _base(char: str) -> str:
    """A sign as it is compared. What is no letter outside ASCII parts words: with the locale C,
    PostgreSQL takes ``l’hôpital`` and ``«Îles»`` for a word each."""
    decomposed = unicodedata.normalize("NFKD", char)
    bare = "".join(part for part in decomposed if not unicodedata.combining(part))
    return "".join(_or_blank(part) for part in bare.casefold())


def _or_blank(char: str) -> str:
    return char if char.isascii() or char.isalnum() else " "


def fold(text: str) -> str:
    """The text in small letters without accents: ``Santé`` and ``sante`` are the same."""
    return "".join(map(_base, text))


def small(text: str) -> str:
    """The text in small letters with its accents, words parted as in `fold`."""
    return "".join(
        char if unicodedata.combining(char) else _or_blank(char)
        for char in unicodedata.normalize("NFC", text).lower()
    )


def accented(text: str) -> str:
    """The words of a text that have accents, each once."""
    return " ".join(sorted({word for word in small(text).split() if fold(word) != word}))


def cleaned(text: str) -> str:
    """The text in one line, without the signs that no reader sees."""
    visible = "".join(" " if unicodedata.category(char) in ("Cc", "Cs") else char for char in text)
    return " ".join(unicodedata.normalize("NFC", visible).split())


def marked(text: str, folded_with_marks: str) -> list[Part]:
    """``text`` in parts, marked where its folded form is (between `START` and `STOP`)."""
    spans = list(_spans(folded_with_marks))
    origins = [index for index, char in enumerate(text) for _sign in _base(char)]
    found = []
    for first, last in spans:
        if last > len(origins):
            break  # folded by another rule than today's: shown without marks
        found.append((origins[first], origins[last - 1] + 1))
    return list(_parts(text, found))


def snippet(parts: list[Part]) -> list[Part]:
    """The stretch of a text with most marks in it, cut between words."""
    text = "".join(part.text for part in parts)
    if len(text) <= SNIPPET:
        return parts
    spans, at = [], 0
    for part in parts:
        if part.marked:
            spans.append((at, at + len(part.text)))
        at += len(part.text)
    starts = [first for first, _last in spans] or [0]
    best = max(starts, key=lambda start: sum(start <= one < start + SNIPPET for one in starts))
    first = _between_words(text, max(0, best - BEFORE), forward=True)
    last = _between_words(text, min(len(text), first + SNIPPET), forward=False)
    inside = [(one - first, two - first) for one, two in spans if first <= one and two <= last]
    shown = list(_parts(text[first:last].rstrip(), inside))
    before = [Part("… ")] if first else []
    after = [Part(" …")] if last < len(text) else []
    return [*before, *shown, *after]


def _spans(folded_with_marks: str) -> Iterator[tuple[int, int]]:
    """Where the marks stand, counted without them."""
    at = 0
    for number, piece in enumerate(folded_with_marks.replace(STOP, START).split(START)):
        if number % 2 and piece:
            yield at, at + len(piece)
        at += len(piece)


def _parts(text: str, spans: list[tuple[int, int]]) -> Iterator[Part]:
    at = 0
    for first, last in spans:
        if first > at:
            yield Part(text[at:first])
        yield Part(text[first:last], marked=True)
        at = last
    if at < len(text):
        yield Part(text[at:])


def _between_words(text: str, at: int, *, forward: bool) -> int:
    if at in (0, len(text)):
        return at
    found = text.find(" ", at, at + 40) if forward else text.rfind(" ", at - 40, at)
    if found < 0:
        return at
    return found + 1 if forward else found
