"""Every public page is HTML as the standard writes it: nesting, ids, headings, labels, lists."""

import itertools
import re

import pytest
from django.test import Client

from tests import public_pages
from tests.look.html import Document, Element

pytestmark = [pytest.mark.django_db, pytest.mark.usefixtures("on_demo")]

# What may stand directly within these, after the HTML standard's content models.
CHILDREN = {
    "ul": {"li", "script", "template"},
    "ol": {"li", "script", "template"},
    "dl": {"dt", "dd", "div", "script", "template"},
    "table": {"caption", "colgroup", "thead", "tbody", "tfoot", "script", "template"},
    "thead": {"tr", "script", "template"},
    "tbody": {"tr", "script", "template"},
    "tfoot": {"tr", "script", "template"},
    "tr": {"td", "th", "script", "template"},
    "select": {"option", "optgroup", "hr"},
}
BLOCKS = {
    "address", "article", "aside", "blockquote", "details", "div", "dl", "fieldset", "figure",
    "footer", "form", "h1", "h2", "h3", "h4", "header", "hr", "main", "nav", "ol", "p", "pre",
    "section", "table", "ul",
}  # fmt: skip
# Elements that hold text and such alone: a block inside would end them, or is an error.
PHRASING = {"p", "h1", "h2", "h3", "h4", "span", "a", "b", "strong", "em", "i", "dt", "label",
            "button", "summary", "legend", "ins", "del"}  # fmt: skip
# `a`, `ins` and `del` hold whatever their parent may.
TRANSPARENT = {"a", "ins", "del"}
INTERACTIVE = {"a", "button", "input", "select", "textarea", "label", "details"}


def faults(html: str) -> list[str]:
    """What is wrong with a page, in words."""
    page = Document(html)
    found = list(page.faults)
    found += [f"the id {name!r} stands {n} times" for name, n in page.ids.items() if n > 1]
    found += [f"nothing has the id {name!r}" for name in page.dangling()]
    found += [f"{control} has no label" for control in page.unlabelled()]
    found += [f"#{name} leads nowhere" for name in _dangling_fragments(page)]
    found += _misplaced(page)
    found += _headings(page)
    if not html.lower().startswith("<!doctype html>"):
        found.append("it begins with no doctype")
    if re.search(r"&(?!(?:[a-zA-Z][a-zA-Z0-9]*|#[0-9]+|#x[0-9a-fA-F]+);)", _without_scripts(html)):
        found.append("an & is not written &amp;")
    return found


def _without_scripts(html: str) -> str:
    return re.sub(r"<script.*?</script>", "", html, flags=re.S)


def _dangling_fragments(page: Document) -> list[str]:
    targets = [a.attributes.get("href", "") for a in page.all("a")]
    return [href[1:] for href in targets if href.startswith("#") and href[1:] not in page.ids]


def _misplaced(page: Document) -> list[str]:
    found = []
    for element in page.elements:
        parent = element.inside[-1] if element.inside else ""
        if parent in CHILDREN and element.tag not in CHILDREN[parent]:
            found.append(f"<{element.tag}> directly within <{parent}>")
        if element.tag in BLOCKS and _closest(element) in PHRASING:
            found.append(f"<{element.tag}> within <{_closest(element)}>")
        if element.tag in INTERACTIVE - {"label", "input", "select", "textarea"} and (
            {"a", "button"} & set(element.inside)
        ):
            found.append(f"<{element.tag}> within a link or a button")
        if element.tag == "li" and parent not in ("ul", "ol", "menu"):
            found.append(f"<li> within <{parent}>")
        if element.tag in ("dt", "dd") and "dl" not in element.inside:
            found.append(f"<{element.tag}> outside of a list of facts")
        if element.tag == "div" and parent == "dl":
            continue
    return found


def _closest(element: Element) -> str:
    """What holds the element, looked at through links, which hold whatever their parent may."""
    return next((tag for tag in reversed(element.inside) if tag not in TRANSPARENT), "")


def _headings(page: Document) -> list[str]:
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch("h[1-6]", e.tag)]
    found = []
    if levels.count(1) != 1:
        found.append(f"{levels.count(1)} first headings")
    # The heading of the page may stand after the frame's; from it on no level is skipped.
    levels = levels[levels.index(1) :] if 1 in levels else levels
    for before, after in itertools.pairwise(levels):
        if after > before + 1:
            found.append(f"a heading of level {after} follows one of level {before}")
    found += [
        f"an empty <{e.tag}>"
        for e in page.elements
        if re.fullmatch("h[1-6]|a|button", e.tag)
        and not e.text.strip()
        and "aria-label" not in e.attributes
    ]
    return found


@pytest.mark.parametrize("prefix", ["", "/fr"])
def test_every_public_page_is_valid(client: Client, prefix: str) -> None:
    found = []
    for name, address in public_pages.html_addresses():
        answer = client.get(prefix + address)
        assert answer.status_code == 200, address
        found += [f"{name} {prefix}{address}: {fault}" for fault in faults(answer.content.decode())]
    assert not found, "\n".join(found)


@pytest.mark.parametrize(
    ("html", "fault"),
    [
        ("<main><h1>A</h1><h3>B</h3></main>", "a heading of level 3 follows one of level 1"),
        ("<h1>A</h1><p>One<div>Two</div></p>", "<div> within <p>"),
        ("<h1>A</h1><ul><p>One</p></ul>", "<p> directly within <ul>"),
        ('<h1>A</h1><a href="#b">B</a>', "#b leads nowhere"),
        ('<h1 id="a">A</h1><p id="a">B</p>', "the id 'a' stands 2 times"),
        ("<h1>A</h1><p>B", "<p> is never closed"),
        ("<h1>A</h1><p>B & C</p>", "an & is not written &amp;"),
        ('<h1>A</h1><a href="/"><button>B</button></a>', "<button> within a link or a button"),
        ('<h1>A</h1><a href="/"></a>', "an empty <a>"),
    ],
)
def test_a_fault_is_seen(html: str, fault: str) -> None:
    assert fault in faults(f"<!doctype html>{html}")
