"""XML, written as it comes: nothing of the document is kept in memory."""

import re
from collections.abc import Iterator
from contextlib import contextmanager
from decimal import Decimal
from typing import IO
from xml.sax.saxutils import XMLGenerator

from core.money import exponent

# What XML 1.0 cannot hold at all, not even escaped.
_IMPOSSIBLE = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

Attributes = dict[str, str]


def decimal(amount: int, currency: str) -> str:
    """Minor units as a decimal number of major units: ``1234`` cents are ``12.34``."""
    return format(Decimal(amount).scaleb(-exponent(currency)), "f")


def possible(text: str) -> str:
    """``text`` without what XML cannot hold."""
    return _IMPOSSIBLE.sub("", text)


class Writer:
    """Writes elements one after the other to a binary file."""

    def __init__(self, out: IO[bytes]) -> None:
        self._xml = XMLGenerator(out, encoding="utf-8", short_empty_elements=True)
        self._xml.startDocument()

    def end(self) -> None:
        self._xml.endDocument()

    @contextmanager
    def inside(self, name: str, attributes: Attributes | None = None) -> Iterator[None]:
        """An element around what is written meanwhile."""
        cleaned = {key: possible(value) for key, value in (attributes or {}).items()}
        self._xml.startElement(name, cleaned)  # type: ignore[arg-type]
        yield
        self._xml.endElement(name)
        self._xml.ignorableWhitespace("\n")

    def element(self, name: str, text: str = "", attributes: Attributes | None = None) -> None:
        with self.inside(name, attributes):
            if text:
                self._xml.characters(possible(text))

    def narrative(self, name: str, text: str, attributes: Attributes | None = None) -> None:
        """An element with words for people, in the language of the file."""
        with self.inside(name, attributes):
            self.element("narrative", text)

    def value(self, amount: int, currency: str, day: str) -> None:
        """An amount of minor units, with the day whose exchange rate applies to it."""
        self.element("value", decimal(amount, currency), {"currency": currency, "value-date": day})
