"""Social cards: the picture that other sites show beside a link to a page of ours.

A card is drawn by Typst, as the PDF documents are: with the fonts inside it, which have Arabic too,
so that no font file is kept here. Its address holds a hash of what is on it and of how it is drawn,
so that it may be kept by anyone for ever; drawn once, it lies in the data folder until nobody has
asked for it for a season (`home.jobs`).
"""

import functools
import hashlib
import io
import json
import os
import re
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import typst
from django.conf import settings
from django.urls import reverse
from django.utils.translation import override
from PIL import Image as Picture

from home.models.base import PortalPage

WIDTH, HEIGHT = 1200, 630
# Flat colours and letters: that many colours show no difference and make a file of few kilobytes.
COLOURS = 64
SEASON = 90 * 24 * 60 * 60
OF_THE_SITE = 0
_TEMPLATE = Path(__file__).with_name("card.typ")


@dataclass(frozen=True, slots=True)
class Card:
    """What is on a card. ``language`` is a code, of the title."""

    title: str
    kind: str
    language: str

    @property
    def digest(self) -> str:
        """Of the words and of how they are drawn: another one for another picture."""
        said = json.dumps([self.title, self.kind, self.language, settings.SITE_NAME])
        return hashlib.sha256(_drawing() + said.encode()).hexdigest()[:16]


def card_of(page: PortalPage) -> Card:
    """The card of a page; its kind is in the language of its address."""
    with override(page.locale.language_code):
        kind = str(page.card_kind)
    return Card(page.title, kind, page.content_language)


def card_of_site() -> Card:
    """The card of every address that is no page of Wagtail's."""
    return Card(settings.SITE_NAME, "", settings.LANGUAGE_CODE)


def address_of(number: int, card: Card) -> str:
    """The path of a card; ``number`` is the page's, or OF_THE_SITE."""
    return reverse("card", kwargs={"number": number, "digest": card.digest})


def picture_of(card: Card) -> bytes:
    """The card as a PNG of 1200 × 630 pixels; drawn unless it is kept already."""
    kept = folder() / f"{card.digest}.png"
    try:
        content = kept.read_bytes()
    except FileNotFoundError:
        content = draw(card)
        _keep(kept, content)
    else:
        if time.time() - kept.stat().st_mtime > SEASON / 2:
            os.utime(kept)
    return content


def draw(card: Card) -> bytes:
    """Takes some tens of milliseconds."""
    data = {
        "title": _breakable(card.title),
        "kind": card.kind,
        "language": card.language.split("-")[0],
        "site_name": settings.SITE_NAME,
        "logo": _logo(),
    }
    drawn = typst.compile(
        _TEMPLATE.read_bytes(),
        format="png",
        ppi=72,
        font_paths=_fonts(),
        ignore_system_fonts=True,
        sys_inputs={"data": json.dumps(data)},
    )
    made = io.BytesIO()
    with Picture.open(io.BytesIO(drawn)) as picture:
        few = picture.convert("RGB").quantize(COLOURS, dither=Picture.Dither.NONE)
        few.save(made, "PNG", optimize=True)
    return made.getvalue()


def forget_old(now: float | None = None) -> int:
    """Delete the cards that nobody asked for in a season; how many those were."""
    before = (now or time.time()) - SEASON
    old = [path for path in folder().glob("*.png") if path.stat().st_mtime < before]
    for path in old:
        path.unlink(missing_ok=True)
    return len(old)


def folder() -> Path:
    return Path(settings.VAR_DIR) / "cards"


def _keep(path: Path, content: bytes) -> None:
    """Whole or not at all: two who draw the same card at once each move theirs into place."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with tempfile.NamedTemporaryFile(dir=path.parent, delete=False) as file:
        file.write(content)
    os.replace(file.name, path)


def _breakable(title: str) -> str:
    """A word too long for a line may be broken anywhere."""
    return re.sub(r"\S{24}(?=\S)", lambda part: part.group() + "\u200b", title)


@functools.cache
def _drawing() -> bytes:
    return hashlib.sha256(_TEMPLATE.read_bytes() + _logo().encode()).digest()


@functools.cache
def _logo() -> str:
    return (settings.BASE_DIR / "static" / "logo.svg").read_text(encoding="utf-8")


@functools.cache
def _fonts() -> Any:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)
