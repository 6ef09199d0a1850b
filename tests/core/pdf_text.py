"""Reads the text out of a PDF that Typst wrote: runs of glyphs, by way of each font's ToUnicode.

Enough for our own files (object streams and encryption are not met there), so that the tests need
no library for it.
"""

import re
import zlib

ESCAPES = {"n": 10, "r": 13, "t": 9, "b": 8, "f": 12, "(": 40, ")": 41, "\\": 92}
# A literal may hold parentheses that are not escaped, as long as they are balanced.
_PLAIN = rb"\\.|[^\\()]"
_NESTED = rb"\((?:" + _PLAIN + rb"|\((?:" + _PLAIN + rb")*\))*\)"
LITERAL = re.compile(rb"\((?:" + _PLAIN + rb"|" + _NESTED + rb")*\)", re.DOTALL)


def runs_of(pdf: bytes) -> list[str]:
    """Every run of text, in the order of the file."""
    objects = {
        int(match[1]): match[2]
        for match in re.finditer(rb"(?m)^(\d+) 0 obj(.*?)\nendobj", pdf, re.DOTALL)
    }
    found = []
    for page in objects.values():
        contents = re.search(rb"/Contents (\d+) 0 R", page)
        if contents is None:
            continue
        fonts = _fonts(page, objects)
        content = _stream(objects[int(contents[1])])
        for block in re.findall(rb"BT\b(.*?)\nET", content, re.DOTALL):
            font = re.search(rb"/(f\d+) [\d.]+ Tf", block)
            assert font
            glyphs = b"".join(_unescaped(literal) for literal in LITERAL.findall(block))
            found.append(_decoded(glyphs, fonts[font[1].decode()]))
    return found


def text_of(pdf: bytes) -> str:
    return "\n".join(runs_of(pdf))


def _fonts(page: bytes, objects: dict[int, bytes]) -> dict[str, dict[int, str]]:
    """The fonts of one page: each page names its own."""
    resources = re.search(rb"/Resources (\d+) 0 R", page)
    holder = objects[int(resources[1])] if resources else page
    named = {}
    for name, number in re.findall(rb"/(f\d+) (\d+) 0 R", holder):
        unicode_map = re.search(rb"/ToUnicode (\d+) 0 R", objects[int(number)])
        assert unicode_map
        named[name.decode()] = _character_map(_stream(objects[int(unicode_map[1])]))
    return named


def _character_map(cmap: bytes) -> dict[int, str]:
    assert b"beginbfrange" not in cmap
    pairs = re.findall(rb"<([0-9A-F]{4})> <([0-9A-F]+)>", cmap.partition(b"beginbfchar")[2])
    return {
        int(glyph, 16): bytes.fromhex(text.decode()).decode("utf-16-be") for glyph, text in pairs
    }


def _stream(body: bytes) -> bytes:
    match = re.search(rb"stream\r?\n(.*)\r?\nendstream", body, re.DOTALL)
    if match is None:
        return b""
    return zlib.decompress(match[1]) if b"/FlateDecode" in body[: match.start()] else match[1]


def _unescaped(literal: bytes) -> bytes:
    def value(match: re.Match[bytes]) -> bytes:
        text = match[1].decode("latin-1")
        return bytes([int(text, 8) if text.isdigit() else ESCAPES[text]])

    return re.sub(rb"\\([0-7]{1,3}|.)", value, literal[1:-1], flags=re.DOTALL)


def _decoded(glyphs: bytes, characters: dict[int, str]) -> str:
    codes = (int.from_bytes(glyphs[i : i + 2], "big") for i in range(0, len(glyphs), 2))
    return "".join(characters.get(code, "\N{REPLACEMENT CHARACTER}") for code in codes)
