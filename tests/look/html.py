"""A strict reader of HTML for the tests: what browsers forgive, it reports."""

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser

VOID = {"br", "hr", "img", "input", "link", "meta", "source", "wbr"}
# Shapes of SVG, which close themselves.
LABELLED = {"input", "select", "textarea"}


@dataclass
class Element:
    tag: str
    attributes: dict[str, str]
    text: str = ""
    inside: list[str] = field(default_factory=list)


class Document(HTMLParser):
    """``Document(html)``: its elements in order, and ``faults`` of nesting."""

    def __init__(self, html: str) -> None:
        super().__init__(convert_charrefs=True)
        self.elements: list[Element] = []
        self.faults: list[str] = []
        self._open: list[Element] = []
        self.feed(html)
        self.close()
        self.faults += [f"<{element.tag}> is never closed" for element in self._open]

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        names = Counter(name for name, _ in attrs)
        self.faults += [f"<{tag}> has {name} twice" for name, n in names.items() if n > 1]
        element = Element(tag, {name: value or "" for name, value in attrs})
        element.inside = [parent.tag for parent in self._open]
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.handle_starttag(tag, attrs)
        if tag not in VOID:
            self._open.pop()

    def handle_endtag(self, tag: str) -> None:
        if not self._open or self._open[-1].tag != tag:
            opened = self._open[-1].tag if self._open else "nothing"
            self.faults.append(f"</{tag}> closes <{opened}>")
            return
        self._open.pop()

    def handle_data(self, data: str) -> None:
        for element in self._open:
            element.text += data

    def all(self, tag: str) -> list[Element]:
        return [element for element in self.elements if element.tag == tag]

    @property
    def classes(self) -> set[str]:
        return {
            name
            for element in self.elements
            for name in element.attributes.get("class", "").split()
        }

    @property
    def ids(self) -> Counter[str]:
        return Counter(e.attributes["id"] for e in self.elements if "id" in e.attributes)

    def unlabelled(self) -> list[str]:
        """Controls that no label names."""
        named = {label.attributes.get("for") for label in self.all("label")}
        return [
            f"{element.tag} {element.attributes.get('name')}"
            for element in self.elements
            if element.tag in LABELLED
            and element.attributes.get("type") not in ("hidden", "submit")
            and "label" not in element.inside
            and element.attributes.get("id") not in named
            and "aria-label" not in element.attributes
        ]

    def dangling(self) -> list[str]:
        """Ids that aria-describedby, aria-labelledby, for or popovertarget name and nobody has."""
        wanted = ("aria-describedby", "aria-labelledby", "for", "popovertarget")
        return [
            name
            for element in self.elements
            for attribute in wanted
            for name in element.attributes.get(attribute, "").split()
            if name not in self.ids
        ]
