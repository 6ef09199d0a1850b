"""What changed between two texts: by paragraph, and within a paragraph by sentence."""

import enum
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from difflib import SequenceMatcher

# From how much alike on two paragraphs count as one that was changed, not as two.
ALIKE = 0.4


class Change(enum.StrEnum):
    SAME = "same"
    ADDED = "added"
    REMOVED = "removed"


@dataclass(frozen=True, slots=True)
class Part:
    """Sentences that stayed, came or went together."""

    change: Change
    text: str


@dataclass(frozen=True, slots=True)
class Paragraph:
    parts: tuple[Part, ...]

    @property
    def has_changed(self) -> bool:
        return any(part.change != Change.SAME for part in self.parts)


def difference(old: str, new: str) -> list[Paragraph]:
    """The paragraphs of both texts in reading order, each with what stayed, went and came."""
    before, after = _paragraphs(old), _paragraphs(new)
    found: list[Paragraph] = []
    for tag, i1, i2, j1, j2 in _matched(before, after):
        if tag == "equal":
            found += [_whole(Change.SAME, text) for text in after[j1:j2]]
            continue
        found += [_changed(one, other) for one, other in _pairs(before[i1:i2], after[j1:j2])]
    return found


def _paragraphs(text: str) -> list[str]:
    """Split at empty lines; line breaks within a paragraph are no change."""
    return [" ".join(part.split()) for part in re.split(r"\n\s*\n", text) if part.strip()]


def _sentences(paragraph: str) -> list[str]:
    # Not after the number that begins a paragraph ("1. Respect").
    return re.split(r"(?<=[^\d\s][.!?;:])\s+", paragraph)


def _matched(before: list[str], after: list[str]) -> Sequence[tuple[str, int, int, int, int]]:
    return SequenceMatcher(None, before, after, autojunk=False).get_opcodes()


def _pairs(before: list[str], after: list[str]) -> Iterator[tuple[str, str]]:
    """Which paragraph became which; an empty text stands for none."""
    start = 0
    for text in after:
        likeness = [(_alike(other, text), -n) for n, other in enumerate(before[start:], start)]
        best, place = max(likeness, default=(0.0, 0))
        if best < ALIKE:
            yield "", text
            continue
        yield from ((other, "") for other in before[start:-place])
        yield before[-place], text
        start = 1 - place
    yield from ((other, "") for other in before[start:])


def _alike(one: str, other: str) -> float:
    return SequenceMatcher(None, one.split(), other.split(), autojunk=False).ratio()


def _changed(old: str, new: str) -> Paragraph:
    if not old or not new:
        return _whole(Change.ADDED if new else Change.REMOVED, new or old)
    before, after = _sentences(old), _sentences(new)
    parts: list[Part] = []
    for tag, i1, i2, j1, j2 in _matched(before, after):
        if tag == "equal":
            parts.append(Part(Change.SAME, " ".join(after[j1:j2])))
            continue
        if i1 < i2:
            parts.append(Part(Change.REMOVED, " ".join(before[i1:i2])))
        if j1 < j2:
            parts.append(Part(Change.ADDED, " ".join(after[j1:j2])))
    return Paragraph(tuple(parts))


def _whole(change: Change, text: str) -> Paragraph:
    return Paragraph((Part(change, text),))
