"""HTML of other sites made into what our text block holds: paragraphs, two headings, lists, bold,
italic and links. Everything else goes, its words stay; scripts and styles go with their words."""

import html
import re
from dataclasses import dataclass, field
from html.parser import HTMLParser

import nh3

# What one entry may hold of HTML; a longer one is cut before it is read.
LONGEST = 200_000
_HEADINGS = {"h1": "h2", "h2": "h2", "h3": "h3", "h4": "h3", "h5": "h3", "h6": "h3"}
_INLINE = {"b": "b", "strong": "b", "i": "i", "em": "i"}
_LISTS = ("ul", "ol")
_BLOCKS = {*_HEADINGS, "p", "div", "blockquote", "tr"}
_KEPT = {*_BLOCKS, *_INLINE, *_LISTS, "li", "br", "a", "img"}
_SCHEMES = ("https://", "http://", "mailto:")


@dataclass(frozen=True, slots=True)
class Clean:
    """``text``: HTML of the text block. ``pictures``: how many were left out."""

    text: str
    pictures: int


def clean(source: str) -> Clean:
    """HTML, or plain text with empty lines between paragraphs."""
    source = source[:LONGEST].replace("\x00", "")
    if "<" not in source:
        parts = re.split(r"\n\s*\n", html.unescape(source).strip())
        source = "".join(f"<p>{html.escape(part)}</p>" for part in parts)
    safe = nh3.clean(
        source,
        tags=_KEPT,
        attributes={"a": {"href"}},
        url_schemes={"https", "http", "mailto"},
        link_rel=None,
    )
    reader = _Reader()
    reader.feed(safe)
    reader.close()
    return Clean(_written(reader.blocks), reader.pictures)


def plain(source: str) -> str:
    """The words alone, on one line."""
    words = html.unescape(nh3.clean(source[:LONGEST].replace("\x00", ""), tags=set()))
    return " ".join(words.split())


@dataclass(slots=True)
class _Block:
    """A paragraph, a heading, or one item of a list (tag "ul" or "ol")."""

    tag: str
    runs: list[str] = field(default_factory=list)


class _Reader(HTMLParser):
    """Makes blocks of whatever order the elements stand in: none inside another."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.blocks = [_Block("p")]
        self.pictures = 0
        self._lists: list[str] = []
        self._marks: list[str] = []
        self._href = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _LISTS:
            self._lists.append(tag)
        elif tag == "li":
            self.blocks.append(_Block(self._lists[-1] if self._lists else "ul"))
        elif tag in _INLINE:
            self._marks.append(_INLINE[tag])
        elif tag == "a":
            href = (dict(attrs).get("href") or "").strip()
            self._href = href if href.lower().startswith(_SCHEMES) else ""
        elif tag == "br":
            self.blocks[-1].runs.append("<br/>")
        elif tag == "img":
            self.pictures += 1
        elif not (self._lists and self.blocks[-1].tag in _LISTS):
            self.blocks.append(_Block(_HEADINGS.get(tag, "p")))

    def handle_endtag(self, tag: str) -> None:
        if tag in _LISTS:
            if self._lists:
                self._lists.pop()
            if not self._lists:
                self.blocks.append(_Block("p"))
        elif tag in _INLINE:
            if _INLINE[tag] in self._marks:
                self._marks.remove(_INLINE[tag])
        elif tag == "a":
            self._href = ""
        elif tag in _BLOCKS and not self._lists:
            self.blocks.append(_Block("p"))

    def handle_data(self, data: str) -> None:
        words = html.escape(re.sub(r"\s+", " ", data), quote=False)
        if self.blocks[-1].tag not in ("h2", "h3"):
            for mark in sorted(set(self._marks)):
                words = f"<{mark}>{words}</{mark}>" if words.strip() else words
        if self._href and words.strip():
            words = f'<a href="{html.escape(self._href)}">{words}</a>'
        self.blocks[-1].runs.append(words)


def _written(blocks: list[_Block]) -> str:
    written: list[str] = []
    inside = ""
    for block in blocks:
        words = re.sub(r"^(\s|<br/>)+|(\s|<br/>)+$", "", "".join(block.runs))
        if not words:
            continue
        wanted = block.tag if block.tag in _LISTS else ""
        if inside != wanted:
            written += [f"</{inside}>"] if inside else []
            written += [f"<{wanted}>"] if wanted else []
            inside = wanted
        tag = "li" if wanted else block.tag
        written.append(f"<{tag}>{words}</{tag}>")
    written += [f"</{inside}>"] if inside else []
    return "".join(written)
