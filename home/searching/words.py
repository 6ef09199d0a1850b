"""Which words there are, and the nearest to one that is none: "Did you mean …?"

No extension is needed: the words are counted each hour into a small table, and the distance is
counted in Python over those of about the same length.
"""

import re
from collections import Counter

from django.conf import settings
from django.db.models.functions import Length

from home.models.searching import SearchEntry, SearchWord
from home.searching.folding import fold, small

# The commonest of a language; rarer ones are mostly names and slips.
MOST_WORDS = 20_000
SHORTEST = 4
# Of a query: more words than these are no slip of the pen.
WORDS_READ = 6

_WORD = re.compile(r"[^\W\d_]{4,40}")


def count() -> None:
    """Count the words that readers of each language can find; a part of a transaction."""
    counted: dict[str, Counter[str]] = {code: Counter() for code, _name in settings.LANGUAGES}
    entries = SearchEntry.objects.values_list("readers", "title", "text")
    for readers, title, text in entries.iterator():
        words = set(_WORD.findall(small(f"{title} {text}")))
        for language in readers:
            if language in counted:
                counted[language].update(words)
    for language, found in counted.items():
        _keep(language, dict(found.most_common(MOST_WORDS)))


def _keep(language: str, found: dict[str, int]) -> None:
    standing = SearchWord.objects.filter(language=language)
    if dict(standing.values_list("word", "entries")) == found:
        return
    standing.delete()
    SearchWord.objects.bulk_create(
        (
            SearchWord(language=language, word=word, folded=fold(word), entries=entries)
            for word, entries in found.items()
        ),
        batch_size=1000,
    )


def nearest(query: str, language: str) -> str:
    """The query with each word that is none replaced by the nearest; "" where nothing is near or
    every word is one. One query."""
    typed = small(query).split()[:WORDS_READ]
    wanted = {fold(word) for word in typed if word.isalpha() and len(word) >= SHORTEST}
    if not wanted:
        return ""
    shortest, longest = min(map(len, wanted)), max(map(len, wanted))
    known: dict[str, tuple[str, int]] = {}
    rows = SearchWord.objects.annotate(letters=Length("folded")).filter(
        language=language, letters__gte=max(SHORTEST, shortest - 2), letters__lte=longest + 2
    )
    for word, folded, entries in rows.order_by("entries").values_list("word", "folded", "entries"):
        known[folded] = (word, entries)
    better = {word: _nearest(word, known) for word in wanted - known.keys()}
    changed = [better.get(fold(word)) or word for word in typed]
    return " ".join(changed) if any(better.values()) else ""


def _nearest(wrong: str, known: dict[str, tuple[str, int]]) -> str:
    allowed = 1 if len(wrong) <= 5 else 2
    pairs = _pairs(wrong)
    best: tuple[int, int, str] | None = None
    for right, (word, entries) in known.items():
        if abs(len(right) - len(wrong)) > allowed or not pairs & _pairs(right):
            continue
        far = distance(wrong, right, allowed)
        if far <= allowed and (best is None or (far, -entries) < best[:2]):
            best = (far, -entries, word)
    return best[2] if best else ""


def _pairs(word: str) -> set[str]:
    """Two letters each, so that most words are passed over without counting their distance."""
    return {word[at : at + 2] for at in range(len(word) - 1)} | {f"^{word[:1]}"}


def distance(one: str, other: str, most: int) -> int:
    """How many letters must be put in, left out, changed or swapped with the next to make ``other``
    of ``one``; any number above ``most`` where it is more than that."""
    before: list[int] = []
    last = list(range(len(other) + 1))
    for row, letter in enumerate(one, start=1):
        now = [row]
        for column, there in enumerate(other, start=1):
            cost = min(last[column] + 1, now[column - 1] + 1, last[column - 1] + (letter != there))
            swapped = row > 1 and column > 1 and letter == other[column - 2]
            if swapped and one[row - 2] == there:
                cost = min(cost, before[column - 2] + 1)
            now.append(cost)
        if min(now) > most:
            return most + 1
        before, last = last, now
    return last[-1]
